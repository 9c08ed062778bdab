/** A GGUF file of a named shape with random weights, made here: real in all but sense, and nothing is downloaded. */
import { BLOCK_TYPES, tile } from "./blocks.js";
import { header, Metadata, padding, type TensorInfo } from "./gguf.js";
import { CONTEXT_LENGTH, type Shape, SHAPES, tensors } from "./shapes.js";

/** GGUF's number of plain floats, of which norms are made. */
const F32 = 0;
/** Where a tensor may begin, in bytes. */
const ALIGNMENT = 32;

export interface RandomModel {
  file: File;
  /** Bytes of weights that a token reads: all but the embedding, unless it is the output projection too. */
  readPerToken: number;
  /** Elements of keys and values that a token adds. */
  kvPerToken: number;
}

/** Makes the model `name` with matrices of type `type`. Throws a RangeError that says what there is. */
export function randomModel(name: string, type: string): RandomModel {
  const shape = SHAPES[name];
  const block = BLOCK_TYPES[type];
  if (!shape) throw new RangeError(`There is no shape ${name}, but ${Object.keys(SHAPES).join(", ")}.`);
  if (!block) throw new RangeError(`There is no type ${type}, but ${Object.keys(BLOCK_TYPES).join(", ")}.`);
  const ragged = [shape.dim, shape.hiddenDim].find((width) => width % block.length !== 0);
  if (ragged !== undefined) {
    throw new RangeError(`${type} has blocks of ${block.length} weights; rows of ${name} have ${ragged}.`);
  }

  const matrices = new Repeated(tile(block, 1 / Math.sqrt(shape.dim)));
  const norms = new Repeated(new Uint8Array(new Float32Array(4096).fill(1).buffer));
  const infos: TensorInfo[] = [];
  const data: BlobPart[] = [];
  let offset = 0;
  let read = 0;
  for (const [name, dims] of tensors(shape)) {
    const isNorm = dims.length === 1;
    const size = isNorm ? 4 * dims[0] : ((dims[0] * dims[1]) / block.length) * block.bytes;
    const gap = padding(size, ALIGNMENT);
    infos.push({ name, dims, type: isNorm ? F32 : block.id, offset });
    data.push(...(isNorm ? norms : matrices).take(size), new Uint8Array(gap));
    offset += size + gap;
    if (shape.tied || infos.length > 1) read += size;
  }
  const parts = [header(metadata(name, shape), infos, ALIGNMENT), ...data];
  return {
    file: new File(parts, `${name}-${type}.gguf`),
    readPerToken: read,
    kvPerToken: 2 * shape.layers * shape.kvHeads * shape.headDim,
  };
}

/** Tiles that are joined, so that a file is not made of a hundred thousand of them. */
const JOINED = 64;

/** Bytes repeated without end. A Blob of Blobs holds none of them twice. */
class Repeated {
  readonly #many: Blob;

  constructor(bytes: Uint8Array<ArrayBuffer>) {
    this.#many = new Blob(Array<Blob>(JOINED).fill(new Blob([bytes])));
  }

  /** The first `size` bytes. */
  take(size: number): Blob[] {
    const whole = Math.floor(size / this.#many.size);
    return [...Array<Blob>(whole).fill(this.#many), this.#many.slice(0, size - whole * this.#many.size)];
  }
}

function metadata(name: string, shape: Shape): Metadata {
  const metadata = new Metadata();
  const { architecture } = shape;
  metadata.string("general.architecture", architecture);
  metadata.string("general.name", `${name} (random weights)`);
  for (const [key, value] of Object.entries({
    context_length: CONTEXT_LENGTH,
    embedding_length: shape.dim,
    feed_forward_length: shape.hiddenDim,
    block_count: shape.layers,
    "attention.head_count": shape.heads,
    "attention.head_count_kv": shape.kvHeads,
    "attention.key_length": shape.headDim,
    "attention.value_length": shape.headDim,
    "rope.dimension_count": shape.headDim,
    vocab_size: shape.vocab,
  })) {
    metadata.u32(`${architecture}.${key}`, value);
  }
  metadata.f32(`${architecture}.attention.layer_norm_rms_epsilon`, 1e-5);
  metadata.f32(`${architecture}.rope.freq_base`, 500_000);
  addVocabulary(metadata, shape.vocab);
  return metadata;
}

/** A SentencePiece vocabulary: three control tokens, the 256 bytes, then words without meaning. */
function addVocabulary(metadata: Metadata, size: number): void {
  const [NORMAL, UNKNOWN, CONTROL, BYTE] = [1, 2, 3, 6];
  const tokens = ["<unk>", "<s>", "</s>"];
  const types = [UNKNOWN, CONTROL, CONTROL];
  for (let byte = 0; byte < 256; byte++) {
    tokens.push(`<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`);
    types.push(BYTE);
  }
  for (let word = tokens.length; word < size; word++) {
    tokens.push(`\u2581w${word}`);
    types.push(NORMAL);
  }
  metadata.string("tokenizer.ggml.model", "llama");
  metadata.strings("tokenizer.ggml.tokens", tokens);
  metadata.f32s(
    "tokenizer.ggml.scores",
    tokens.map((_, rank) => -rank),
  );
  metadata.i32s("tokenizer.ggml.token_type", types);
  metadata.u32("tokenizer.ggml.bos_token_id", 1);
  metadata.u32("tokenizer.ggml.eos_token_id", 2);
  metadata.u32("tokenizer.ggml.unknown_token_id", 0);
}
