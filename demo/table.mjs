/** Measurements as a table, for people. */

/** @type {readonly [string, (line: Record<string, any>) => string | number][]} */
const COLUMNS = [
  ["model", (line) => line.model.replace(" (random weights)", "")],
  ["type", (line) => line.quantization],
  ["device", (line) => line.device.backend],
  ["threads", (line) => line.threads],
  ["prompt", (line) => line.prompt],
  ["prefill tok/s", (line) => rate(line.prefill_tokens_per_second)],
  ["depth", (line) => line.depth],
  ["decode tok/s", (line) => rate(line.decode_tokens_per_second)],
  ["GB/s", (line) => line.gigabytes_per_second.toPrecision(3)],
  ["dispatches", (line) => rate(line.dispatches_per_token)],
  ["load s", (line) => line.load_seconds.toFixed(2)],
  ["device MB", (line) => Math.ceil(line.device_bytes / 1e6)],
  ["wasm MB", (line) => Math.ceil(line.wasm_bytes / 1e6)],
];

const rate = (value) => (value < 10 ? value.toFixed(2) : value.toFixed(0));

/** Prints a table of the lines. */
export function printTable(lines) {
  const rows = [
    COLUMNS.map(([name]) => name),
    ...lines.map((line) => COLUMNS.map(([, of]) => String(of(line)))),
  ];
  const widths = COLUMNS.map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  for (const row of rows) console.log(row.map((cell, column) => cell.padStart(widths[column])).join("  "));
}
