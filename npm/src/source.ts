/** What a model is loaded from: names people write, resolved to addresses this package can fetch. */
import { InvalidArgumentError, ModelFormatError } from "./errors.js";

/**
 * - a URL (absolute, or relative to the page) of a `.gguf`, of the first part of a split GGUF
 *   (`…-00001-of-00005.gguf`), or of a `manifest.json`;
 * - `hf:owner/repo/path/file.gguf` or `hf:owner/repo@revision/path/file.gguf`, on Hugging Face;
 * - a `File` or `Blob` holding a GGUF, or an array of them holding the parts of a split one.
 */
export type ModelSource = string | URL | Blob | readonly Blob[];

/** A model on a server. `id` is the key it is stored under. */
export interface RemoteSource {
  kind: "gguf" | "manifest";
  id: string;
  url: string;
  name: string;
}

/** A model the page has in its hands. */
export interface BlobSource {
  kind: "blobs";
  blobs: Blob[];
  names: string[];
}

/** A source as the loader takes it. */
export type ResolvedSource = RemoteSource | BlobSource;

/** Where `hf:` names are fetched from unless `hfEndpoint` says otherwise. */
export const HF_ENDPOINT = "https://huggingface.co";

interface ResolveContext {
  /** See `baseUrl`. */
  base: string;
  hfEndpoint?: string | undefined;
}

/** What relative addresses are relative to: the page, or in a worker its script. */
export function baseUrl(): string {
  return typeof document === "undefined" ? location.href : document.baseURI;
}

export function resolveSource(source: unknown, context: ResolveContext): ResolvedSource {
  if (source instanceof Blob) return resolveBlobs([source]);
  if (Array.isArray(source) && source.length > 0 && source.every((part) => part instanceof Blob)) {
    return resolveBlobs(source);
  }
  if (source instanceof URL) return resolveUrl(source);
  if (typeof source !== "string" || source.trim() === "") {
    throw new InvalidArgumentError(
      "The model source must be a URL, an hf:owner/repo/file name, a File or Blob, or an array of Blobs.",
    );
  }
  const text = source.trim();
  if (text.startsWith("hf:")) return resolveUrl(huggingFaceUrl(text, context.hfEndpoint ?? HF_ENDPOINT));
  return resolveUrl(parseUrl(text, context.base));
}

/** `hf:owner/repo[@revision]/path` to the address that serves the file. */
function huggingFaceUrl(name: string, endpoint: string): URL {
  const match = /^hf:([^/\s@]+)\/([^/\s@]+)(?:@([^/\s]+))?\/([^\s]+)$/.exec(name);
  const segments = name.slice(3).split("/");
  if (!match || segments.includes("..") || segments.includes(".")) {
    throw new InvalidArgumentError(
      "A Hugging Face name looks like hf:owner/repo/file.gguf, or hf:owner/repo@revision/file.gguf.",
    );
  }
  const [, owner = "", repo = "", revision = "main", path = ""] = match;
  const parts = [owner, repo, "resolve", revision, ...path.split("/")].map(encodeURIComponent);
  return parseUrl(`${endpoint.replace(/\/+$/, "")}/${parts.join("/")}`, undefined);
}

function parseUrl(text: string, base: string | undefined): URL {
  try {
    return new URL(text, base);
  } catch {
    throw new InvalidArgumentError("The model source is not a valid URL.");
  }
}

function resolveUrl(url: URL): ResolvedSource {
  if (url.protocol !== "http:" && url.protocol !== "https:") {
    throw new InvalidArgumentError(
      `A model cannot be fetched over ${url.protocol} Use an http or https address, or pass the File or Blob itself.`,
    );
  }
  const clean = new URL(url);
  clean.hash = "";
  const name = fileName(clean);
  if (/\.(safetensors|bin|pt|pth|onnx)$/i.test(name)) {
    throw new ModelFormatError(
      `${name} is not a GGUF file. Convert the model with \`sotto convert\`, or choose a .gguf of it.`,
    );
  }
  const kind = /\.json$/i.test(name) ? "manifest" : "gguf";
  return { kind, id: clean.href, url: clean.href, name: name || clean.hostname };
}

function resolveBlobs(blobs: Blob[]): ResolvedSource {
  const named = blobs.map((blob) => ({ blob, name: blob instanceof File ? blob.name : "model.gguf" }));
  // Parts picked in a file dialog come in any order; the names of a split GGUF sort by part number.
  if (named.length > 1) named.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  return { kind: "blobs", blobs: named.map((n) => n.blob), names: named.map((n) => n.name) };
}

/** The last segment of a URL's path, decoded. */
export function fileName(url: URL): string {
  const last = url.pathname.split("/").at(-1) ?? "";
  try {
    return decodeURIComponent(last);
  } catch {
    return last;
  }
}

/** A URL without query, credentials or fragment: what messages may show. */
export function shownUrl(url: string): string {
  const { origin, pathname } = new URL(url);
  return origin + pathname;
}

/** The URL of another file beside `url`, with the same query (signed addresses keep their signature). */
export function siblingUrl(url: string, name: string): string {
  const sibling = new URL(url);
  sibling.pathname = sibling.pathname.replace(/[^/]*$/, encodeURIComponent(name));
  return sibling.href;
}

/** The URL of a file a manifest names. It must lie under the manifest's folder. */
export function manifestFileUrl(manifestUrl: string, path: string): string {
  const folder = new URL(".", manifestUrl);
  const url = new URL(path.split("/").map(encodeURIComponent).join("/"), folder);
  if (url.origin !== folder.origin || !url.pathname.startsWith(folder.pathname)) {
    throw new ModelFormatError(
      "The manifest names a file outside its own folder. Keep its files beside or below it.",
    );
  }
  return url.href;
}
