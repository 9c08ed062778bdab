/** How documents are to be read. */
import { checkOptions, rule, type Rules } from "../options.js";
import { CALL_RULES, type CallOptions } from "./config.js";
import { type Shape, writeShape } from "./shape.js";
import type { Label } from "./types.js";

/** `"find"` looks into a value, `"skip"` leaves it, `"json"` reads it as JSON in a string; a label takes all of it as that. */
export type FieldAction = "find" | "skip" | "json" | Label;

export interface DocumentOptions extends Omit<CallOptions, "field"> {
  /**
   * What to do with the values at a path, the last rule that fits: `user.email`, `messages[*].content`, `items[0]`, `*` for
   * any name, `**` for any depth. Of a CSV the column's name, or `[2]` for the third without a header.
   */
  fields?: Readonly<Record<string, FieldAction>> | undefined;
  /** What to do with values that no rule names. Default `"find"`. */
  others?: "find" | "skip" | undefined;
}

export interface CsvOptions extends DocumentOptions {
  /** Whether the first row names the columns, which stay and count as context. Default true. */
  header?: boolean | undefined;
}

const { field: _, ...CALL } = CALL_RULES;

const DOCUMENT_RULES: Rules<CsvOptions> = {
  ...CALL,
  fields: rule.strings,
  others: rule.oneOf("find", "skip"),
  header: rule.boolean,
};

/** Splits what a document's options say of the document from the rest. */
export function readDocumentOptions(
  kind: Shape,
  options: unknown,
  where: string,
): { shape: string; call: CallOptions } {
  const { fields, others, header, ...call } = checkOptions<CsvOptions>(options, DOCUMENT_RULES, where);
  return { shape: writeShape(kind, { fields, others, header }), call };
}
