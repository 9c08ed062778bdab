/** What files a model on a server is made of: named by its address, by a manifest, by a list, or found in a folder. */
import { BodyReader } from "./body.js";
import { InvalidArgumentError, ModelFormatError, NetworkError } from "./errors.js";
import { cut, discard, isNoFile, request, Retryable, withRetries } from "./http.js";
import { chooseGguf, listedNames } from "./repository.js";
import { fileName, manifestFileUrl, type RemoteSource, siblingUrl } from "./source.js";
import type { FileRecord, ModelRecord } from "./store.js";
import type { Manifest, WasmModule } from "./wasm-api.js";

/** Chunk size where no manifest sets one: big enough for full speed, small enough to resume closely. */
export const DEFAULT_CHUNK_BYTES = 8 * 2 ** 20;
/** Chunks are held whole in memory, several at a time. */
export const MAX_CHUNK_BYTES = 64 * 2 ** 20;
/** A manifest lists 64 bytes a chunk; one of this size would be of a terabyte. An index of shards is far smaller. */
const MAX_TEXT_BYTES = 16 * 2 ** 20;

/** How to ask the server. */
export interface DescribeOptions {
  chunkBytes: number | undefined;
  revalidate: boolean | undefined;
  headers: Readonly<Record<string, string>>;
  signal: AbortSignal;
}

/** What the engine knows of files that name others. */
export type Formats = Pick<WasmModule, "parseManifest" | "splitPartNames" | "Folder">;

/** Whether two records are of the same files, by the same manifest if there is one. */
export function sameFiles(a: ModelRecord, b: ModelRecord): boolean {
  return (
    a.manifest === b.manifest &&
    a.files.length === b.files.length &&
    a.files.every(({ url }, index) => url === b.files[index]?.url)
  );
}

/** The record a fresh download of the source would begin with. */
export async function describe(
  source: RemoteSource,
  options: DescribeOptions,
  formats: Formats,
  known: ModelRecord | undefined,
): Promise<ModelRecord> {
  const now = Date.now();
  const record = {
    id: source.id,
    name: source.name,
    generation: crypto.randomUUID(),
    complete: false,
    createdAt: now,
    usedAt: now,
  };
  if (source.kind !== "manifest") {
    // What a folder holds is asked once, and again when the caller wants to know whether it changed.
    const searched = source.kind !== "gguf";
    if (searched && known?.manifest === null && options.revalidate !== true) return known;
    const files = searched
      ? await searchedFiles(source, options, formats)
      : partUrls(source.url, source.name, formats).map(newFile);
    const chunkBytes = options.chunkBytes ?? DEFAULT_CHUNK_BYTES;
    const kept = known?.chunkBytes === chunkBytes ? known.files : [];
    return {
      ...record,
      chunkBytes,
      manifest: null,
      files: files.map((file) => kept.find(({ url }) => url === file.url) ?? file),
    };
  }
  const text = await manifestText(source, options, known);
  const manifest = formats.parseManifest(text);
  const { chunkBytes } = manifest;
  if (chunkBytes > MAX_CHUNK_BYTES) {
    throw new ModelFormatError(
      `${source.name} has chunks of ${chunkBytes} bytes; at most ${MAX_CHUNK_BYTES} are supported. ` +
        "Make it again with a smaller --chunk-mib.",
    );
  }
  return {
    ...record,
    name: manifest.name,
    chunkBytes,
    manifest: text,
    files: manifestFiles(source, manifest),
  };
}

function manifestFiles(source: RemoteSource, manifest: Manifest): FileRecord[] {
  const files = manifest.files
    .filter((file) => /\.gguf$/i.test(file.path))
    .map(({ path, bytes, chunks }) => ({
      url: manifestFileUrl(source.url, path),
      bytes,
      validator: null,
      hashes: chunks.map((hash) => hash.toLowerCase()),
    }));
  if (files.length === 0) throw new ModelFormatError(`${source.name} names no .gguf file.`);
  return files;
}

function partUrls(url: string, name: string, formats: Formats): string[] {
  const names = formats.splitPartNames(name);
  if (!names) return [url];
  if (names[0] !== name) {
    throw new InvalidArgumentError(
      `${name} is not the first part of its model. Load ${names[0] ?? "the first"} instead.`,
    );
  }
  return names.map((name) => siblingUrl(url, name));
}

/** The files of a model whose address does not name them. */
async function searchedFiles(
  source: RemoteSource,
  options: DescribeOptions,
  formats: Formats,
): Promise<FileRecord[]> {
  const listed = source.listing === undefined ? undefined : await list(source.listing, source.name, options);
  const gguf = listed && chooseGguf(listed);
  if (gguf !== undefined) {
    const url = siblingUrl(source.url, gguf);
    return partUrls(url, fileName(new URL(url)), formats).map(newFile);
  }
  if (listed && !(listed.includes(CONFIG) && listed.some((name) => /\.safetensors$/i.test(name)))) {
    throw new ModelFormatError(
      `${source.name} holds neither a GGUF file nor safetensors with a config.json; it has ` +
        `${listed.slice(0, 10).join(", ")}${listed.length > 10 ? ", …" : ""}. Choose another repository of the model.`,
      { details: { files: listed } },
    );
  }
  if (source.kind === "address") {
    const folder = `${source.url.replace(/[?#].*$/, "")}/`;
    if (!(await isThere(siblingUrl(folder, CONFIG), options))) return [newFile(source.url)];
    return folderFiles(folder, undefined, options, formats);
  }
  return folderFiles(source.url, listed, options, formats);
}

const CONFIG = "config.json";

/** The files of a folder of safetensors: the small ones that are there, then those of weights. */
async function folderFiles(
  folder: string,
  listed: readonly string[] | undefined,
  options: DescribeOptions,
  formats: Formats,
): Promise<FileRecord[]> {
  const url = (path: string) => siblingUrl(folder, path);
  const there = async (path: string) => (listed ? listed.includes(path) : isThere(url(path), options));
  const names = formats.Folder.names();
  // The first must be there, so its absence is told as any missing file's.
  if (!(await there(CONFIG))) await fetchText(url(CONFIG), CONFIG, options);
  const found = await Promise.all(names.map(async (name) => name === CONFIG || (await there(name))));
  const small = names.filter((_, index) => found[index]);
  const known = new formats.Folder();
  try {
    // These say which further files there are.
    for (const name of small.filter((name) => /^config\.json$|\.index\.json$|^modules\.json$/.test(name))) {
      known.insert(name, new TextEncoder().encode(await fetchText(url(name), name, options)));
    }
    const further = known.further();
    if (further !== undefined && (await there(further))) small.push(further);
    return [...small, ...known.weights()].map((path) => ({ ...newFile(url(path)), path }));
  } finally {
    known.free();
  }
}

function newFile(url: string): FileRecord {
  return { url, bytes: null, validator: null, hashes: [] };
}

/** Whether the server has a file. */
async function isThere(url: string, { headers, signal }: DescribeOptions): Promise<boolean> {
  try {
    discard(
      await withRetries(
        signal,
        () => request(url, { headers, signal, range: [0, 0] }),
        () => false,
      ),
    );
    return true;
  } catch (error) {
    // Some servers answer what they do not have with a page that says so.
    const status = error instanceof NetworkError ? error.details.status : undefined;
    if (status === 404 || status === 410 || status === 403 || isNoFile(error)) return false;
    throw error;
  }
}

/** A repository's files; `undefined` where the server has no such list. */
async function list(url: string, name: string, options: DescribeOptions): Promise<string[] | undefined> {
  try {
    return listedNames(await fetchText(url, name, options), name);
  } catch (error) {
    if (error instanceof NetworkError && error.details.status === 404) return undefined;
    throw error;
  }
}

function fetchText(url: string, name: string, { headers, signal }: DescribeOptions): Promise<string> {
  return withRetries(
    signal,
    async () => limitedText(await request(url, { headers, signal }), name),
    () => false,
  );
}

/**
 * The manifest is small and is how updates arrive, so the server is asked each time, unless `revalidate` is false.
 * With the model stored whole, being offline is no reason to fail.
 */
async function manifestText(
  source: RemoteSource,
  options: DescribeOptions,
  known: ModelRecord | undefined,
): Promise<string> {
  const stored = known?.complete === true ? known.manifest : null;
  if (stored !== null && options.revalidate === false) return stored;
  try {
    return await fetchText(source.url, source.name, options);
  } catch (error) {
    // Networks that want a sign-in first answer everything with a web page.
    const offline = error instanceof NetworkError || isNoFile(error);
    if (stored !== null && offline && options.revalidate === undefined) return stored;
    throw error;
  }
}

async function limitedText(response: Response, name: string): Promise<string> {
  const body = new BodyReader(response);
  const pieces: Uint8Array<ArrayBuffer>[] = [];
  for (;;) {
    const piece = new Uint8Array(1 << 16);
    const got = await body.readInto(piece);
    if (got === 0) break;
    pieces.push(piece.subarray(0, got));
    if (body.position <= MAX_TEXT_BYTES) continue;
    body.cancel();
    throw new ModelFormatError(
      `${name} has more than ${MAX_TEXT_BYTES / 2 ** 20} MiB, which no manifest, index or list has.`,
    );
  }
  if (body.broken) throw new Retryable(cut(response.url, body.position, undefined));
  return new Blob(pieces).text();
}
