/** Folders of safetensors as Hugging Face serves them, and what `transformers` computes with them. */
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Page } from "@playwright/test";
import type { TestServer } from "../server/server.ts";

/** Where a folder lies. */
export function folderPath(name: string): string {
  return fileURLToPath(new URL(`../../fixtures/hf/${name}`, import.meta.url));
}

/** A folder's files, without the reference. */
export function folderFiles(name: string): { name: string; bytes: Uint8Array }[] {
  return readdirSync(folderPath(name))
    .filter((file) => !file.startsWith("ref_"))
    .map((file) => ({ name: file, bytes: new Uint8Array(readFileSync(`${folderPath(name)}/${file}`)) }));
}

/** Serves a folder's files under a path that ends in a slash, and returns its address. */
export function serveFolder(server: TestServer, name: string, path: string): string {
  for (const file of folderFiles(name)) server.put(path + file.name, { bytes: file.bytes });
  return server.origin + path;
}

/** Serves a folder as a repository of Hugging Face, with or without the list of its files. */
export function serveRepository(server: TestServer, repo: string, names: string[] | undefined): void {
  if (!names) return;
  const siblings = names.map((rfilename) => ({ rfilename }));
  const bytes = new TextEncoder().encode(JSON.stringify({ id: repo, siblings }));
  server.put(`/api/models/${repo}`, { bytes, contentType: "application/json" });
}

/** A prompt's tokens, and the logits that `transformers` computes after each. */
export function reference(name: string): { ids: number[]; logits: Float32Array[] } {
  const text = readFileSync(`${folderPath(name)}/ref_tokens.txt`).toString();
  const ids = text.trim().split(/\s+/).map(Number);
  const bytes = readFileSync(`${folderPath(name)}/ref_logits.f32`);
  const all = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
  const vocab = all.length / ids.length;
  return { ids, logits: ids.map((_, row) => all.subarray(row * vocab, (row + 1) * vocab)) };
}

/** How far a choice of tokens is from the likeliest at worst, in largest logits: 0 where all are the likeliest. */
export function distance(chosen: readonly number[], logits: readonly Float32Array[]): number {
  const gaps = chosen.map((id, row) => {
    const values = logits[row] ?? new Float32Array();
    const largest = values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    return (Math.max(...values) - (values[id] ?? -Infinity)) / largest;
  });
  return Math.max(...gaps);
}

/** The token that the page's model finds likeliest after each token of a prompt. */
export function likeliest(page: Page, ids: number[]): Promise<number[]> {
  return page.evaluate(async (ids) => {
    const next: number[] = [];
    for (let length = 1; length <= ids.length; length++) {
      const options = { temperature: 0, maxTokens: 1 };
      for await (const part of model.generate(ids.slice(0, length), options)) next.push(...part.ids);
    }
    return next;
  }, ids);
}
