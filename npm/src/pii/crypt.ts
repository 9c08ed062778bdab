/**
 * Bytes under a passphrase: AES-256-GCM with a key from PBKDF2-SHA-256. Layout: the mark `SOTTOVLT`, version (1 byte), PBKDF2
 * iterations (4 bytes, big-endian), salt (16), nonce (12), ciphertext with its tag (16). All before the ciphertext is authenticated.
 */
import { InvalidArgumentError, VaultError } from "../errors.js";

const MARK = new TextEncoder().encode("SOTTOVLT");
const VERSION = 1;
/** OWASP's Password Storage Cheat Sheet (2023) for PBKDF2-HMAC-SHA-256. */
const ITERATIONS = 600_000;
/** A file must not make its reader count for hours. */
const MAX_ITERATIONS = 10_000_000;
const SALT_BYTES = 16;
const NONCE_BYTES = 12;
const COUNT_AT = MARK.length + 1;
const SALT_AT = COUNT_AT + 4;
const NONCE_AT = SALT_AT + SALT_BYTES;
const HEADER_BYTES = NONCE_AT + NONCE_BYTES;
const LEAST_PASSPHRASE = 8;

export async function encrypt(
  plain: Uint8Array<ArrayBuffer>,
  passphrase: string,
): Promise<Uint8Array<ArrayBuffer>> {
  if (typeof passphrase !== "string" || passphrase.length < LEAST_PASSPHRASE) {
    throw new InvalidArgumentError(`A passphrase must have at least ${LEAST_PASSPHRASE} characters.`);
  }
  const header = new Uint8Array(HEADER_BYTES);
  header.set(MARK);
  header[MARK.length] = VERSION;
  new DataView(header.buffer).setUint32(COUNT_AT, ITERATIONS);
  crypto.getRandomValues(header.subarray(SALT_AT));
  const key = await deriveKey(passphrase, header.subarray(SALT_AT, NONCE_AT), ITERATIONS, "encrypt");
  const cipher = await crypto.subtle.encrypt(algorithm(header), key, plain);
  const sealed = new Uint8Array(HEADER_BYTES + cipher.byteLength);
  sealed.set(header);
  sealed.set(new Uint8Array(cipher), HEADER_BYTES);
  return sealed;
}

export async function decrypt(
  sealed: Uint8Array<ArrayBuffer>,
  passphrase: string,
): Promise<Uint8Array<ArrayBuffer>> {
  const header = sealed.slice(0, HEADER_BYTES);
  if (header.length < HEADER_BYTES || MARK.some((byte, at) => header[at] !== byte)) {
    throw new VaultError("These bytes are not an exported vault.");
  }
  const version = header[MARK.length];
  if (version !== VERSION) {
    throw new VaultError(
      `The exported vault has version ${String(version)}; this build reads ${VERSION}. Update Sotto.`,
    );
  }
  const iterations = new DataView(header.buffer).getUint32(COUNT_AT);
  if (iterations < 1 || iterations > MAX_ITERATIONS) throw damaged();
  const key = await deriveKey(passphrase, header.subarray(SALT_AT, NONCE_AT), iterations, "decrypt");
  try {
    return new Uint8Array(await crypto.subtle.decrypt(algorithm(header), key, sealed.subarray(HEADER_BYTES)));
  } catch (cause) {
    throw damaged(cause);
  }
}

function algorithm(header: Uint8Array<ArrayBuffer>): AesGcmParams {
  return { name: "AES-GCM", iv: header.subarray(NONCE_AT), additionalData: header };
}

async function deriveKey(
  passphrase: string,
  salt: Uint8Array<ArrayBuffer>,
  iterations: number,
  use: KeyUsage,
): Promise<CryptoKey> {
  const material = new TextEncoder().encode(passphrase.normalize("NFKC"));
  const base = await crypto.subtle.importKey("raw", material, "PBKDF2", false, ["deriveKey"]);
  const derived = { name: "PBKDF2", hash: "SHA-256", salt, iterations };
  return crypto.subtle.deriveKey(derived, base, { name: "AES-GCM", length: 256 }, false, [use]);
}

function damaged(cause?: unknown): VaultError {
  return new VaultError("The passphrase is wrong, or the exported vault was changed or damaged.", { cause });
}
