/** The small real models of the tests, and what they write. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

function read(path: string): Buffer {
  return readFileSync(fileURLToPath(new URL(path, import.meta.url)));
}

function fixture(path: string): Buffer {
  return read(`../../fixtures/models/${path}`);
}

/** A Llama of 260 thousand parameters that tells stories: 1.1 MB, 512 tokens of context, 512 words. */
export const STORIES = new Uint8Array(fixture("stories260K/stories260K-f32.gguf"));
/** What it writes on its own: 200 tokens, always the likeliest. By llama2.c, which ends its output with a line break. */
export const STORY = fixture("stories260K/ref_greedy_200.txt").toString().replace(/\n$/, "");
/** A text and its tokens, a begin token first. */
export const STORY_TEXT = fixture("stories260K/ref_text.txt").toString();
export const STORY_TOKENS = fixture("stories260K/ref_tokens.txt").toString().trim().split(/\s+/).map(Number);

/** The same model in half precision, whole and in three parts. */
export const HALF = new Uint8Array(fixture("stories260K/stories260K-f16.gguf"));
export const HALF_PARTS = [1, 2, 3].map((part) => {
  const name = `stories260K-f16-0000${part}-of-00003.gguf`;
  return { name, bytes: new Uint8Array(read(`../fixtures/${name}`)) };
});

/** A small Llama in blocks of four bits. */
export const QUANTISED = new Uint8Array(fixture("tok105/tok105-q4_0.gguf"));

/** GGUF's number for a metadata value that is a string. */
const STRING = 8;
/** Tensor data begins at a multiple of this. */
const ALIGNMENT = 32;

/**
 * The model with one more string in its metadata, put before all others, and a filler that keeps the data after the
 * header aligned.
 */
export function withMetadata(gguf: Uint8Array, key: string, value: string): Uint8Array {
  const entry = stringEntry(key, value);
  const filler = (length: number) => stringEntry("test.filler", " ".repeat(length));
  const unaligned = (entry.length + filler(0).length) % ALIGNMENT;
  // Magic (4), version (4), tensor count (8), metadata count (8).
  const head = Buffer.from(gguf.subarray(0, 24));
  head.writeBigUInt64LE(head.readBigUInt64LE(16) + 2n, 16);
  return new Uint8Array(Buffer.concat([head, entry, filler(ALIGNMENT - unaligned), gguf.subarray(24)]));
}

/**
 * The first bytes of STORIES with its feed-forward layers made this wide, and the length of the whole file: the header of
 * a model of any size.
 */
export function widened(width: number): { bytes: Uint8Array; length: number } {
  const gguf = Buffer.from(STORIES);
  const key = "llama.feed_forward_length";
  // After the key a u32 says the value's type.
  const at = gguf.indexOf(key) + key.length + 4;
  const before = gguf.readUInt32LE(at);
  gguf.writeUInt32LE(width, at);
  // Each tensor: name, number of dimensions, dimensions, type, offset from the first byte of data.
  let place = gguf.indexOf("token_embd.weight") - 8;
  let offset = 0;
  for (let tensors = Number(gguf.readBigUInt64LE(8)); tensors > 0; tensors--) {
    place += 8 + Number(gguf.readBigUInt64LE(place));
    const dimensions = gguf.readUInt32LE(place);
    place += 4;
    let bytes = 4;
    for (let dimension = 0; dimension < dimensions; dimension++, place += 8) {
      if (Number(gguf.readBigUInt64LE(place)) === before) gguf.writeBigUInt64LE(BigInt(width), place);
      bytes *= Number(gguf.readBigUInt64LE(place));
    }
    gguf.writeBigUInt64LE(BigInt(offset), place + 4);
    place += 12;
    offset += Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;
  }
  const data = Math.ceil(place / ALIGNMENT) * ALIGNMENT;
  return { bytes: new Uint8Array(gguf), length: data + offset };
}

function stringEntry(key: string, value: string): Buffer {
  const text = (words: string) => {
    const bytes = new TextEncoder().encode(words);
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(BigInt(bytes.length));
    return Buffer.concat([length, bytes]);
  };
  const type = Buffer.alloc(4);
  type.writeUInt32LE(STRING);
  return Buffer.concat([text(key), type, text(value)]);
}
