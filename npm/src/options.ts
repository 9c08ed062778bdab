/** The options people pass, checked: names that are not known and values that make no sense are refused by name. */
import { InvalidArgumentError } from "./errors.js";

/** What a value must be, in words, and the test for it. */
export interface Rule {
  must: string;
  ok: (value: unknown) => boolean;
}

export type Rules<T> = Record<keyof T, Rule>;

/** Not a Map, say, nor an array, whose entries mean something else. */
const isPlainObject = (value: unknown): value is object =>
  typeof value === "object" &&
  value !== null &&
  [Object.prototype, null].includes(Object.getPrototypeOf(value) as object | null);

const isNumber = (value: unknown): value is number => typeof value === "number" && Number.isFinite(value);

export const rule = {
  boolean: { must: "true or false", ok: (v) => typeof v === "boolean" },
  function: { must: "a function", ok: (v) => typeof v === "function" },
  string: { must: "a string", ok: (v) => typeof v === "string" },
  signal: { must: "an AbortSignal", ok: (v) => v instanceof AbortSignal },
  strings: {
    must: "an object of strings",
    ok: (v) => typeof v === "object" && v !== null && Object.values(v).every((s) => typeof s === "string"),
  },
  texts: {
    must: "an array of strings",
    ok: (v) => Array.isArray(v) && v.every((s) => typeof s === "string"),
  },
  headers: { must: "a Headers, or an object of header names and their values", ok: isHeaders },
  stop: {
    must: "an array of non-empty strings",
    ok: (v) => Array.isArray(v) && v.every((s) => typeof s === "string" && s !== ""),
  },
  biases: {
    must: "an object of token ids and numbers from -100 to 100",
    ok: (v) =>
      isPlainObject(v) &&
      Object.entries(v).every(
        ([id, bias]) => /^\d{1,9}$/.test(id) && isNumber(bias) && Math.abs(bias) <= 100,
      ),
  },
  oneOf: (...values: string[]): Rule => ({
    must: values.map((value) => JSON.stringify(value)).join(" or "),
    ok: (v) => typeof v === "string" && values.includes(v),
  }),
  number: (min: number, max: number): Rule => ({
    must: max === Infinity ? `a number, at least ${min}` : `a number from ${min} to ${max}`,
    ok: (v) => isNumber(v) && v >= min && v <= max,
  }),
  positive: (max: number): Rule => ({
    must: max === Infinity ? "a number above 0" : `a number above 0 and at most ${max}`,
    ok: (v) => isNumber(v) && v > 0 && v <= max,
  }),
  integer: (min: number, max = Number.MAX_SAFE_INTEGER): Rule => ({
    must:
      max === Number.MAX_SAFE_INTEGER
        ? `a whole number, at least ${min}`
        : `a whole number from ${min} to ${max}`,
    ok: (v) => Number.isSafeInteger(v) && (v as number) >= min && (v as number) <= max,
  }),
} as const satisfies Record<string, Rule | ((...limits: never[]) => Rule)>;

function isHeaders(value: unknown): boolean {
  if (value instanceof Headers) return true;
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  if (!Object.values(value).every((text) => typeof text === "string")) return false;
  try {
    // Names and values with characters that no header may have are refused here.
    new Headers(value as Record<string, string>);
    return true;
  } catch {
    return false;
  }
}

/** Throws `E_INVALID_ARGUMENT` on an unknown name or a wrong value. `undefined` counts as not given. */
export function checkOptions<T extends object>(options: unknown, rules: Rules<T>, where: string): T {
  if (typeof options !== "object" || options === null || Array.isArray(options)) {
    throw new InvalidArgumentError(`The options of ${where} must be an object.`);
  }
  const given = Object.entries(options).filter(([, value]) => value !== undefined);
  for (const [name, value] of given) {
    if (!Object.hasOwn(rules, name)) {
      throw new InvalidArgumentError(
        `${where} has no option ${JSON.stringify(name)}. It knows: ${Object.keys(rules).join(", ")}.`,
        { details: { option: name, known: Object.keys(rules) } },
      );
    }
    const { ok, must } = rules[name as keyof T];
    if (!ok(value)) {
      throw new InvalidArgumentError(`The option ${name} of ${where} must be ${must}.`, {
        details: { option: name },
      });
    }
  }
  return Object.fromEntries(given) as T;
}
