/** The options of a redaction, checked and written as the Rust side reads them. */
import { InvalidArgumentError } from "../errors.js";
import { checkOptions, rule, type Rule, type Rules } from "../options.js";
import type { CustomRecognisers, Label, OperatingPoint, Policy } from "./types.js";
import { Vault } from "./vault.js";

/** What to find and what becomes of it. */
export interface RedactionRules {
  /** A preset or rules of your own. Default `"gdpr"`: everything, as placeholders. */
  policy?: Policy | undefined;
  /** Finds and replaces these labels alone. */
  labels?: readonly Label[] | undefined;
  /** Least score, of all labels or of each. Default: what the operating point says. */
  threshold?: number | Partial<Record<Label, number>> | undefined;
  /** Default `"balanced"`. */
  operatingPoint?: OperatingPoint | undefined;
  /** For the action `hash`: at least 16 bytes that you keep. */
  hashKey?: string | Uint8Array | undefined;
  recognisers?: CustomRecognisers | undefined;
  /**
   * What the classes of a model of yours mean, such as `{ MISC: "ID_NUMBER", LOC: null }`; `null` leaves them out. The usual
   * names (`PER`, `GPE`, `private_person`, `EMAIL`, …) are known; other classes are left out.
   */
  labelMap?: Readonly<Record<string, Label | null>> | undefined;
}

/** Options of one call. They win over those of `Redactor.load`, one by one. */
export interface CallOptions extends RedactionRules {
  /** Where values are remembered; names that it knows are found in later texts too. Default: a new vault. */
  vault?: Vault | undefined;
  /** What the text is the value of, such as `"phone"`; it counts as context. */
  field?: string | undefined;
  /** Stops with `E_ABORTED`. */
  signal?: AbortSignal | undefined;
  /** Called now and then with the part that is read, 0 to 1. */
  onProgress?: ((fraction: number) => void) | undefined;
}

const object: Rule = {
  must: "an object",
  ok: (v) => typeof v === "object" && v !== null && !Array.isArray(v),
};
const labels: Rule = {
  must: "an array of labels",
  ok: (v) => Array.isArray(v) && v.every((label) => typeof label === "string"),
};

export const RULES: Rules<RedactionRules> = {
  policy: { must: "a preset's name or an object", ok: (v) => typeof v === "string" || object.ok(v) },
  labels,
  threshold: {
    must: "a number from 0 to 1, or an object of such",
    ok: (v) =>
      [v].concat(object.ok(v) ? Object.values(v as object) : []).every((n) => object.ok(n) || isScore(n)),
  },
  operatingPoint: rule.oneOf("recall", "balanced", "precision"),
  hashKey: {
    must: "a string or a Uint8Array",
    ok: (v) => typeof v === "string" || v instanceof Uint8Array,
  },
  recognisers: object,
  labelMap: object,
};

export const CALL_RULES: Rules<CallOptions> = {
  ...RULES,
  vault: { must: "a Vault", ok: (v) => v instanceof Vault },
  field: rule.string,
  signal: rule.signal,
  onProgress: rule.function,
};

const POLICY_RULES: Rules<Exclude<Policy, string>> = {
  preset: rule.string,
  default: rule.string,
  groups: object,
  actions: object,
};

const RECOGNISER_RULES: Rules<CustomRecognisers> = {
  patterns: {
    must: "an array of { label, pattern, score? }",
    ok: (v) => Array.isArray(v) && v.every(object.ok),
  },
  deny: object,
  allow: rule.texts,
  off: labels,
};

function isScore(value: unknown): boolean {
  return typeof value === "number" && value >= 0 && value <= 1;
}

/** The rules as the Rust side reads them. Equal rules give equal text, by which it knows them again. */
export function writeConfig(rules: RedactionRules): string {
  const { policy = "gdpr", labels, threshold, operatingPoint, hashKey, recognisers, labelMap } = rules;
  return JSON.stringify({
    policy: typeof policy === "string" ? { preset: policy } : checkOptions(policy, POLICY_RULES, "policy"),
    labels,
    threshold,
    operatingPoint,
    hashKey: hashKey instanceof Uint8Array ? Array.from(hashKey) : hashKey,
    recognisers: recognisers && writeRecognisers(recognisers),
    labelMap,
  });
}

function writeRecognisers(recognisers: CustomRecognisers): object {
  const { patterns, ...lists } = checkOptions(recognisers, RECOGNISER_RULES, "recognisers");
  return {
    ...lists,
    patterns: patterns?.map(({ pattern, ...rest }) => ({ ...rest, pattern: source(pattern) })),
  };
}

/** A JavaScript expression's source, its flags written in front as the Rust engine has them. */
function source(pattern: string | RegExp): string {
  if (typeof pattern === "string") return pattern;
  if (!(pattern instanceof RegExp)) {
    throw new InvalidArgumentError("The pattern of a recogniser must be a string or a RegExp.");
  }
  const flags = Array.from(pattern.flags).filter((flag) => "ims".includes(flag));
  return flags.length > 0 ? `(?${flags.join("")})${pattern.source}` : pattern.source;
}

export function requireText(text: unknown, where: string): asserts text is string {
  if (typeof text !== "string") throw new InvalidArgumentError(`${where} takes a string.`);
}
