/** What a document is, as the Rust side takes it. */

export type Shape = "json" | "csv" | "chat";

interface Parts {
  fields?: Readonly<Record<string, string>> | undefined;
  others?: "find" | "skip" | undefined;
  header?: boolean | undefined;
}

export function writeShape(kind: Shape, { fields, others, header }: Parts = {}): string {
  return JSON.stringify({ kind, header, others, fields: fields && Object.entries(fields) });
}
