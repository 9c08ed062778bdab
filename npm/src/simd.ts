/** Whether this browser has the vector instructions that the engine is compiled for: asked before anything is fetched. */
import { NoSimdError } from "./errors.js";

/** A module of one function, which returns a vector. */
const PROBE = new Uint8Array([
  // "\0asm", version 1
  0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00,
  // types: () -> v128
  0x01, 0x05, 0x01, 0x60, 0x00, 0x01, 0x7b,
  // functions: one, of type 0
  0x03, 0x02, 0x01, 0x00,
  // code: i32.const 0; i8x16.splat; end
  0x0a, 0x08, 0x01, 0x06, 0x00, 0x41, 0x00, 0xfd, 0x0f, 0x0b,
]);

/** A module of one function, which returns the relaxed dot product of two vectors. */
export const RELAXED_PROBE = new Uint8Array([
  // "\0asm", version 1
  0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00,
  // types: () -> v128
  0x01, 0x05, 0x01, 0x60, 0x00, 0x01, 0x7b,
  // functions: one, of type 0
  0x03, 0x02, 0x01, 0x00,
  // code: twice i32.const 0; i8x16.splat, then i16x8.relaxed_dot_i8x16_i7x16_s; end
  0x0a, 0x0f, 0x01, 0x0d, 0x00, 0x41, 0x00, 0xfd, 0x0f, 0x41, 0x00, 0xfd, 0x0f, 0xfd, 0x92, 0x02, 0x0b,
]);

/** Whether WebAssembly has relaxed SIMD (Chrome 114, Firefox 145), which is faster: it has a module of its own. */
export function hasRelaxedSimd(): boolean {
  return WebAssembly.validate(RELAXED_PROBE);
}

/** Throws `E_NO_SIMD` where WebAssembly has no 128-bit vectors. */
export function requireSimd(): void {
  if (typeof WebAssembly === "object" && WebAssembly.validate(PROBE)) return;
  throw new NoSimdError(
    "This browser's WebAssembly has no SIMD instructions, which Sotto needs. Every browser since 2023 has them " +
      "(Chrome 91, Firefox 89, Safari 16.4): update it, or turn WebAssembly on where it was turned off.",
  );
}
