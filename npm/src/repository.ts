/** Which of a repository's files is the model, when only the repository is named. */
import { ModelFormatError } from "./errors.js";

/**
 * Types of weights, the ones to take first: four bits, at which models lose little and fit most devices; then more bits,
 * then fewer, then those that are not quantised.
 */
const PREFERRED = [
  ["Q4_K_M", "Q4_0", "Q4_K_S", "Q4_K_L", "Q4_K_XL", "IQ4_NL", "IQ4_XS", "Q4_1", "MXFP4"],
  ["Q5_K_M", "Q5_K_S", "Q5_0", "Q5_1", "Q6_K", "Q8_0"],
  ["Q3_K_M", "Q3_K_L", "Q3_K_S", "Q2_K"],
  ["F16", "BF16", "F32"],
].flat();

/** The repository's GGUF to load: the only one, or the first by `PREFERRED`; of a split one its first part. */
export function chooseGguf(names: readonly string[]): string | undefined {
  const laterPart = /-(?!00001)\d{5}-of-\d{5}\.gguf$/i;
  // What sees and hears beside a model, and what a quantiser was guided by, are no models.
  const models = names.filter(
    (name) => /\.gguf$/i.test(name) && !laterPart.test(name) && !/mmproj|imatrix/i.test(name),
  );
  const rank = (name: string) => {
    const place = PREFERRED.findIndex((type) => new RegExp(`(^|[-._/])${type}(?=[-._/])`, "i").test(name));
    return place < 0 ? PREFERRED.length : place;
  };
  return models.sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1))[0];
}

/** The names in what Hugging Face answers to the question for a repository. */
export function listedNames(json: string, name: string): string[] {
  try {
    const { siblings } = JSON.parse(json) as { siblings?: { rfilename?: unknown }[] };
    const names = siblings?.map(({ rfilename }) => rfilename);
    if (names?.every((name) => typeof name === "string")) return names;
  } catch {
    // Told below.
  }
  throw new ModelFormatError(
    `The list of ${name}'s files is not what Hugging Face answers. Name a file of it.`,
  );
}
