/** Sizes of published models, and of one that is made for measuring: those of `crates/engine/src/synthetic.rs`. */

export interface Shape {
  architecture: "llama" | "qwen3";
  /** Elements of a token's state. */
  dim: number;
  /** Elements of the feed-forward layer's inner state. */
  hiddenDim: number;
  layers: number;
  heads: number;
  kvHeads: number;
  headDim: number;
  vocab: number;
  /** Whether the output projection is the embedding table. */
  tied: boolean;
}

const LLAMA = { architecture: "llama", tied: true } as const;

/** Smallest first. */
export const SHAPES: Readonly<Record<string, Shape>> = {
  mini: { ...LLAMA, dim: 512, hiddenDim: 1536, layers: 8, heads: 8, kvHeads: 2, headDim: 64, vocab: 8192 },
  "smollm2-135m": {
    ...LLAMA,
    dim: 576,
    hiddenDim: 1536,
    layers: 30,
    heads: 9,
    kvHeads: 3,
    headDim: 64,
    vocab: 49_152,
  },
  "qwen3-0.6b": {
    architecture: "qwen3",
    tied: true,
    dim: 1024,
    hiddenDim: 3072,
    layers: 28,
    heads: 16,
    kvHeads: 8,
    headDim: 128,
    vocab: 151_936,
  },
  "llama-3.2-1b": {
    ...LLAMA,
    dim: 2048,
    hiddenDim: 8192,
    layers: 16,
    heads: 32,
    kvHeads: 8,
    headDim: 64,
    vocab: 128_256,
  },
  "llama-3.2-3b": {
    ...LLAMA,
    dim: 3072,
    hiddenDim: 8192,
    layers: 28,
    heads: 24,
    kvHeads: 8,
    headDim: 128,
    vocab: 128_256,
  },
  "llama-3.1-8b": {
    ...LLAMA,
    tied: false,
    dim: 4096,
    hiddenDim: 14_336,
    layers: 32,
    heads: 32,
    kvHeads: 8,
    headDim: 128,
    vocab: 128_256,
  },
};

/** Longest context that a random model says it was made for. */
export const CONTEXT_LENGTH = 8192;

/** A tensor of a model: its name and its dimensions, the first the one that lies together. */
export type Tensor = [name: string, dims: [number] | [number, number]];

/** The tensors of a shape, in the order of its file. */
export function tensors({
  architecture,
  dim,
  hiddenDim,
  layers,
  heads,
  kvHeads,
  headDim,
  vocab,
  tied,
}: Shape) {
  const [q, kv] = [heads * headDim, kvHeads * headDim];
  const all: Tensor[] = [["token_embd.weight", [dim, vocab]]];
  for (let layer = 0; layer < layers; layer++) {
    const add = (name: string, dims: Tensor[1]) => all.push([`blk.${layer}.${name}.weight`, dims]);
    add("attn_norm", [dim]);
    add("attn_q", [dim, q]);
    add("attn_k", [dim, kv]);
    add("attn_v", [dim, kv]);
    if (architecture === "qwen3") {
      add("attn_q_norm", [headDim]);
      add("attn_k_norm", [headDim]);
    }
    add("attn_output", [q, dim]);
    add("ffn_norm", [dim]);
    add("ffn_gate", [dim, hiddenDim]);
    add("ffn_up", [dim, hiddenDim]);
    add("ffn_down", [hiddenDim, dim]);
  }
  all.push(["output_norm.weight", [dim]]);
  if (!tied) all.push(["output.weight", [dim, vocab]]);
  return all;
}
