/** Blocks of random weights, as GGUF stores them: spread evenly around 0, with a standard deviation that keeps activations sane. */

export interface BlockType {
  /** GGUF's number. */
  id: number;
  /** Weights of a block. */
  length: number;
  bytes: number;
  /** Its integers' standard deviation, times what is multiplied with its scale. */
  deviation: number;
  /** Writes what is not a random integer. */
  scale: (block: DataView, d: number) => void;
}

/** Of integers that take each of `n` values as often. */
const even = (n: number) => Math.sqrt((n * n - 1) / 12);

/** The scale and the minimum of each group of a Q4_K block: 32 of 63. */
const HALF = 32;

export const BLOCK_TYPES: Readonly<Record<string, BlockType>> = {
  Q4_0: {
    id: 2,
    length: 32,
    bytes: 18,
    deviation: even(16),
    scale: (block, d) => {
      block.setUint16(0, half(d), true);
    },
  },
  Q4_K: {
    id: 12,
    length: 256,
    bytes: 144,
    deviation: even(16) * HALF,
    scale: (block, d) => {
      block.setUint16(0, half(d), true);
      // Times 32, like the scale, it is what the nibbles' middle stands for.
      block.setUint16(2, half(7.5 * d), true);
      // Six bits each; the upper two of the last four lie above those of the first.
      for (let i = 0; i < 8; i++) block.setUint8(4 + i, HALF | ((HALF >> 4) << 6));
      for (let i = 8; i < 12; i++) block.setUint8(4 + i, 0);
    },
  },
  Q8_0: {
    id: 8,
    length: 32,
    bytes: 34,
    deviation: even(256),
    scale: (block, d) => {
      block.setUint16(0, half(d), true);
    },
  },
};

/** Blocks that are made; longer tensors repeat them. */
const TILE_BLOCKS = 4096;

/** Random blocks whose weights have this standard deviation. */
export function tile(type: BlockType, deviation: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(TILE_BLOCKS * type.bytes);
  const next = random(1);
  for (let i = 0; i < bytes.length; i++) bytes[i] = next() >>> 24;
  for (let at = 0; at < bytes.length; at += type.bytes) {
    type.scale(new DataView(bytes.buffer, at, type.bytes), deviation / type.deviation);
  }
  return bytes;
}

/** xorshift32 (Marsaglia, "Xorshift RNGs", 2003). */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state;
  };
}

/** A positive number that is not tiny, as an IEEE half float. */
function half(value: number): number {
  const exponent = Math.floor(Math.log2(value));
  return ((exponent + 15) << 10) + Math.round((value / 2 ** exponent - 1) * 1024);
}
