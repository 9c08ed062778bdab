/** What the package's users see of entities and policies. Names are those of the Rust side. */

/** The kinds of personal data that are known by name. */
export const LABELS = [
  "PERSON",
  "LOCATION",
  "ADDRESS",
  "POSTAL_CODE",
  "ORGANIZATION",
  "DATE",
  "DATE_OF_BIRTH",
  "AGE",
  "TITLE",
  "NATIONALITY",
  "PHONE",
  "EMAIL",
  "URL",
  "USERNAME",
  "IP_ADDRESS",
  "MAC_ADDRESS",
  "DEVICE_ID",
  "VEHICLE_ID",
  "CREDIT_CARD",
  "IBAN",
  "BIC",
  "ACCOUNT_NUMBER",
  "ROUTING_NUMBER",
  "CRYPTO_ADDRESS",
  "SSN",
  "TAX_ID",
  "NATIONAL_ID",
  "HEALTH_ID",
  "PASSPORT",
  "DRIVER_LICENSE",
  "ID_NUMBER",
  "SECRET",
  "LITERAL",
] as const;

export type BuiltInLabel = (typeof LABELS)[number];

/**
 * A kind of personal data: one of `LABELS`, or a name of your own such as `"EMPLOYEE_ID"` (upper-case letters, digits and
 * underscores, at most 40). `LITERAL` is text that looked like a placeholder before it was redacted.
 */
export type Label = BuiltInLabel | (string & Record<never, never>);

/** A family of labels. */
export type LabelGroup =
  "personal" | "place" | "time" | "contact" | "device" | "financial" | "government" | "credential" | "other";

/** A built-in label and its family. */
export interface LabelInfo {
  name: BuiltInLabel;
  group: LabelGroup;
}

/**
 * What takes the place of an entity.
 *
 * - `placeholder`: `[PERSON_1]`, the same for the same value throughout a vault, which can put it back;
 * - `surrogate`: a realistic value of the same kind, the same for the same value throughout a vault, which can put it back;
 * - `mask`: `*` for each letter and digit, for good;
 * - `hash`: `[EMAIL:9f86d081884c7d65]`, keyed, so that equal values can be matched; for good;
 * - `generalise`: a coarser value, such as a date's year; for good;
 * - `keep`: reported, and left as it is.
 */
export type Action = "placeholder" | "surrogate" | "mask" | "hash" | "generalise" | "keep";

/**
 * - `gdpr`: everything, as placeholders;
 * - `hipaa-safe-harbor`: the identifiers of 45 CFR 164.514(b)(2): dates become years, ages over 89 `90+`, postal codes
 *   their first three digits;
 * - `pci`: card numbers masked to their last four digits, all else kept;
 * - `secrets`: passwords, keys and tokens, all else kept.
 */
export type Preset = "gdpr" | "hipaa-safe-harbor" | "pci" | "secrets";

/** What becomes of each label. The most special rule wins: a label's, its group's, the preset's or default. */
export interface PolicyRules {
  preset?: Preset | undefined;
  /** The action of labels that nothing else names. Default `"placeholder"`. Not beside a preset. */
  default?: Action | undefined;
  groups?: Partial<Record<LabelGroup, Action>> | undefined;
  actions?: Partial<Record<Label, Action>> | undefined;
}

export type Policy = Preset | PolicyRules;

/** The balance between leaving something in and taking too much out: least score 0.3, 0.5 or 0.8. */
export type OperatingPoint = "recall" | "balanced" | "precision";

/** Recognisers of your own, and exceptions. */
export interface CustomRecognisers {
  /**
   * Regular expressions, run by an engine that takes linear time whatever the pattern; it has no look-around and no
   * back-references. The first group is the entity, or the whole match if there is none.
   */
  patterns?: readonly { label: Label; pattern: string | RegExp; score?: number }[] | undefined;
  /** Words and phrases that always are a label, as whole words in any case. */
  deny?: Partial<Record<Label, readonly string[]>> | undefined;
  /** Texts that never are an entity. */
  allow?: readonly string[] | undefined;
  /** Labels whose built-in recognisers are switched off. */
  off?: readonly Label[] | undefined;
}

/** Who found an entity, in order of trust: where two disagree, the later one here wins. */
export type FoundBy = "pattern" | "model" | "validated" | "user";

export interface Span {
  start: number;
  end: number;
}

/** A piece of personal data in a text. */
export interface Entity {
  label: Label;
  text: string;
  /** Offsets in UTF-16 units, as `slice` counts. */
  start: number;
  end: number;
  /** 0 to 1. */
  score: number;
  by: FoundBy;
  /** Why. */
  explain: {
    /** The recogniser (`us_ssn`) or model that found it. */
    recogniser: string;
    /** The word near it that raised the score. */
    context?: string;
    /** Others that saw something in the same place and gave way. */
    gaveWay: { label: Label; score: number; by: FoundBy; recogniser: string }[];
  };
  /** The same offsets in Unicode code points, as Python counts. */
  codePoints: Span;
  /** The same offsets in bytes of UTF-8. */
  bytes: Span;
}

/** An entity and what stands in its place now. */
export interface ReplacedEntity extends Entity {
  replacement: string;
  /** In a document: the value that the offsets count in, such as `messages[0].content` or `[3].email`. */
  path?: string;
}
