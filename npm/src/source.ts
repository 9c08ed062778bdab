/** What a model is loaded from: names people write, resolved to addresses this package can fetch. */
import { InvalidArgumentError, ModelFormatError } from "./errors.js";

/**
 * - a URL (absolute, or relative to the page) of a `.gguf`, of the first part of a split GGUF
 *   (`…-00001-of-00005.gguf`), of a `manifest.json`, or of a folder of safetensors (`https://…/model/`, or its
 *   `config.json`);
 * - `hf:owner/repo`, a repository on Hugging Face, or the address of its page; `hf:owner/repo/path/file.gguf` for a file
 *   or a folder in it; `hf:owner/repo@revision` and `hf:owner/repo@revision/path` for another revision;
 * - a `File` or `Blob` holding a GGUF, or an array of them or a `FileList` holding the parts of a split one, or the files
 *   of a folder of safetensors;
 * - a `FileSystemFileHandle` or `FileSystemDirectoryHandle` of the same.
 */
export type ModelSource =
  string | URL | Blob | readonly Blob[] | FileList | FileSystemFileHandle | FileSystemDirectoryHandle;

/** A model on a server. `id` is the key it is stored under. */
export interface RemoteSource {
  /** `address`: what has no telling name, a folder or a GGUF. */
  kind: "gguf" | "manifest" | "folder" | "repo" | "address";
  id: string;
  /** Of the file; of a folder, ending in a slash. */
  url: string;
  name: string;
  /** What lists a repository's files. */
  listing?: string;
}

/** A model the page has in its hands. */
export interface BlobSource {
  kind: "blobs";
  blobs: Blob[];
  /** Of a folder's files, their paths in it. */
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
  if (typeof FileList !== "undefined" && source instanceof FileList) source = Array.from(source);
  if (Array.isArray(source) && source.length > 0 && source.every((part) => part instanceof Blob)) {
    return resolveBlobs(source);
  }
  const endpoint = (context.hfEndpoint ?? HF_ENDPOINT).replace(/\/+$/, "");
  if (source instanceof URL) return resolveUrl(source, endpoint);
  if (typeof source !== "string" || source.trim() === "") {
    throw new InvalidArgumentError(
      "The model source must be a URL, an hf:owner/repo name, a File, Blob or handle of one, or an array of Blobs.",
    );
  }
  const text = source.trim();
  return text.startsWith("hf:")
    ? huggingFace(text, endpoint)
    : resolveUrl(parseUrl(text, context.base), endpoint);
}

/** `hf:owner/repo[@revision][/path]`. */
function huggingFace(name: string, endpoint: string): ResolvedSource {
  const match = /^hf:([^/\s@]+)\/([^/\s@]+)(?:@([^/\s]+))?(?:\/([^\s]*))?$/.exec(name);
  const segments = name.slice(3).split("/");
  if (!match || segments.includes("..") || segments.includes(".")) {
    throw new InvalidArgumentError(
      "A Hugging Face name looks like hf:owner/repo, hf:owner/repo/file.gguf, or hf:owner/repo@revision/file.gguf.",
    );
  }
  const [, owner = "", repo = "", revision, path = ""] = match;
  return inRepository(endpoint, owner, repo, revision, path);
}

function inRepository(
  endpoint: string,
  owner: string,
  repo: string,
  revision: string | undefined,
  path: string,
): ResolvedSource {
  const at = (...parts: string[]) => `${endpoint}/${parts.map(encodeURIComponent).join("/")}`;
  const folder = `${at(owner, repo, "resolve", revision ?? "main")}/`;
  if (path === "") {
    return {
      kind: "repo",
      id: revision === undefined ? at(owner, repo) : at(owner, repo, "tree", revision),
      url: parseUrl(folder).href,
      name: `${owner}/${repo}`,
      listing: at("api", "models", owner, repo, ...(revision === undefined ? [] : ["revision", revision])),
    };
  }
  const name = path.split("/").at(-1) ?? "";
  // A path without a file's ending is a folder of the repository.
  const slash = name === "" || name.includes(".") ? "" : "/";
  return resolveFile(parseUrl(folder + path.split("/").map(encodeURIComponent).join("/") + slash));
}

function parseUrl(text: string, base?: string): URL {
  try {
    return new URL(text, base);
  } catch {
    throw new InvalidArgumentError("The model source is not a valid URL.");
  }
}

/** The address of a repository's page: `owner/repo`, `owner/repo/tree/revision[/folder]` or `owner/repo/blob/revision/file`. */
const REPOSITORY_PAGE = /^\/([^/]+)\/([^/]+?)(?:\/(tree|blob)\/([^/]+)(?:\/(.+))?)?$/;
const MODEL_FILE = /\.(gguf|json|safetensors)$/i;

function resolveUrl(url: URL, endpoint: string): ResolvedSource {
  if (url.protocol !== "http:" && url.protocol !== "https:") {
    throw new InvalidArgumentError(
      `A model cannot be fetched over ${url.protocol} Use an http or https address, or pass the File or Blob itself.`,
    );
  }
  const address = url.origin + url.pathname;
  const page = address.startsWith(`${endpoint}/`)
    ? REPOSITORY_PAGE.exec(decodeURI(address.slice(endpoint.length)))
    : null;
  if (page) {
    const [, owner = "", repo = "", kind, revision, path = ""] = page;
    if (kind !== undefined || !MODEL_FILE.test(repo)) {
      return inRepository(endpoint, owner, repo, revision, kind === "tree" && path ? `${path}/` : path);
    }
  }
  return resolveFile(url);
}

function resolveFile(url: URL): ResolvedSource {
  const clean = new URL(url);
  clean.hash = "";
  const name = fileName(clean);
  if (/\.(bin|pt|pth|onnx)$/i.test(name)) {
    throw new ModelFormatError(
      `${name} is neither a GGUF file nor safetensors. Choose a .gguf of the model, or its folder of safetensors.`,
    );
  }
  if (name === "" || name === "config.json" || /\.safetensors(\.index\.json)?$/i.test(name)) {
    clean.pathname = clean.pathname.replace(/[^/]*$/, "");
    return { kind: "folder", id: clean.href, url: clean.href, name: folderName(clean) };
  }
  const kind = /\.json$/i.test(name) ? "manifest" : "gguf";
  const telling = name.includes(".") || clean.search !== "";
  return { kind: telling ? kind : "address", id: clean.href, url: clean.href, name };
}

function folderName(url: URL): string {
  return fileName(new URL(url.pathname.replace(/\/+$/, ""), url)) || url.hostname;
}

function resolveBlobs(blobs: Blob[]): ResolvedSource {
  let named = blobs.map((blob) => ({ blob, name: blob instanceof File ? pathInFolder(blob) : "model.gguf" }));
  const folder = named.some(({ name }) => name === "config.json");
  // A folder may hold GGUF files too, and much that is neither.
  if (!folder && named.length > 1) {
    const models = named.filter(({ name }) => /\.gguf$/i.test(name));
    if (models.length > 0) named = models;
  }
  // Parts picked in a file dialog come in any order; the names of a split GGUF sort by part number.
  if (named.length > 1) named.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  return { kind: "blobs", blobs: named.map((n) => n.blob), names: named.map((n) => n.name) };
}

/** A picked file's path in the folder it was picked with, if it was. */
function pathInFolder(file: File): string {
  const path = file.webkitRelativePath;
  return path ? path.slice(path.indexOf("/") + 1) : file.name;
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
  const path = name.split("/").map(encodeURIComponent).join("/");
  sibling.pathname = sibling.pathname.replace(/[^/]*$/, path);
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
