/** Writes the header of a GGUF file, version 3. */

/** GGUF's numbers of its types of values. */
const TYPE = { u32: 4, i32: 5, f32: 6, string: 8, array: 9 } as const;

export interface TensorInfo {
  name: string;
  /** The first is the one whose elements lie together. */
  dims: readonly number[];
  /** GGUF's number of its type. */
  type: number;
  /** In bytes, from where the tensors begin. */
  offset: number;
}

/** Bytes that grow, little-endian. */
class Bytes {
  #bytes = new Uint8Array(1 << 16);
  #view = new DataView(this.#bytes.buffer);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  u32(value: number): this {
    const at = this.#room(4);
    this.#view.setUint32(at, value, true);
    return this;
  }

  u64(value: number): this {
    const at = this.#room(8);
    this.#view.setBigUint64(at, BigInt(value), true);
    return this;
  }

  f32(value: number): this {
    const at = this.#room(4);
    this.#view.setFloat32(at, value, true);
    return this;
  }

  text(value: string): this {
    const bytes = new TextEncoder().encode(value);
    return this.u64(bytes.length).bytes(bytes);
  }

  bytes(value: Uint8Array): this {
    const at = this.#room(value.length);
    this.#bytes.set(value, at);
    return this;
  }

  all(): Uint8Array<ArrayBuffer> {
    return this.#bytes.slice(0, this.#length);
  }

  /** Makes room for `count` more, maybe elsewhere; returns where. */
  #room(count: number): number {
    const at = this.#length;
    this.#length += count;
    if (this.#length > this.#bytes.length) {
      const more = new Uint8Array(Math.max(2 * this.#bytes.length, this.#length));
      more.set(this.#bytes);
      this.#bytes = more;
      this.#view = new DataView(more.buffer);
    }
    return at;
  }
}

/** What a file says of its model. */
export class Metadata {
  readonly bytes = new Bytes();
  count = 0;

  string(key: string, value: string): void {
    this.#entry(key, TYPE.string).text(value);
  }

  u32(key: string, value: number): void {
    this.#entry(key, TYPE.u32).u32(value);
  }

  f32(key: string, value: number): void {
    this.#entry(key, TYPE.f32).f32(value);
  }

  strings(key: string, values: readonly string[]): void {
    const bytes = this.#array(key, TYPE.string, values.length);
    for (const value of values) bytes.text(value);
  }

  f32s(key: string, values: readonly number[]): void {
    const bytes = this.#array(key, TYPE.f32, values.length);
    for (const value of values) bytes.f32(value);
  }

  i32s(key: string, values: readonly number[]): void {
    const bytes = this.#array(key, TYPE.i32, values.length);
    for (const value of values) bytes.u32(value);
  }

  #entry(key: string, type: number): Bytes {
    this.count += 1;
    return this.bytes.text(key).u32(type);
  }

  #array(key: string, type: number, length: number): Bytes {
    return this.#entry(key, TYPE.array).u32(type).u64(length);
  }
}

/** The header, up to where the tensors begin. */
export function header(
  metadata: Metadata,
  tensors: readonly TensorInfo[],
  alignment: number,
): Uint8Array<ArrayBuffer> {
  const bytes = new Bytes().bytes(new TextEncoder().encode("GGUF")).u32(3);
  bytes.u64(tensors.length).u64(metadata.count).bytes(metadata.bytes.all());
  for (const { name, dims, type, offset } of tensors) {
    bytes.text(name).u32(dims.length);
    for (const dim of dims) bytes.u64(dim);
    bytes.u32(type).u64(offset);
  }
  return bytes.bytes(new Uint8Array(padding(bytes.length, alignment))).all();
}

/** Bytes from `size` to the next multiple of `alignment`. */
export function padding(size: number, alignment: number): number {
  return (alignment - (size % alignment)) % alignment;
}
