/**
 * The server of the browser tests: files from disk, and files in memory that misbehave on request. It counts what it
 * was asked, so that a test can tell what a page fetched.
 */
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join, normalize } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

/** A file in memory and how it is served. */
export interface Served {
  bytes: Uint8Array;
  /** The file is said to be this long; what there is of it past `bytes` is never sent. */
  length?: number;
  /** Default: a hash of the bytes, as a strong ETag. `null` sends none. */
  etag?: string | null;
  /** Default true: byte ranges are answered with 206. */
  ranges?: boolean;
  /** Default true. */
  contentLength?: boolean;
  contentType?: string;
  /** Answer with this status and no file. */
  status?: number;
  headers?: Record<string, string>;
  /** The connection is cut when it comes to this byte of the file. */
  cutAt?: number;
  /** How many responses are cut; default all. */
  cuts?: number;
  /** Milliseconds before each 16 KiB. */
  slow?: number;
  /** Nothing past this byte of the file is sent until it is taken back. */
  stallAt?: number | undefined;
  /** Requests get no answer at all, until it is taken back. */
  silent?: boolean;
}

/** A request as it came. */
export interface Seen {
  method: string;
  path: string;
  range: string | undefined;
  status: number;
}

const TYPES: Record<string, string> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".json": "application/json",
  ".wasm": "application/wasm",
  ".svg": "image/svg+xml",
};

export class TestServer {
  readonly seen: Seen[] = [];
  /** Whether pages are cross-origin isolated: workers' scripts need the headers too. */
  isolated = false;
  readonly #files = new Map<string, Served>();
  readonly #server: Server;

  private constructor(private readonly folders: Record<string, string>) {
    this.#server = createServer((request, response) => {
      void this.#answer(request, response);
    });
  }

  /** Serves each folder under its URL prefix. */
  static async start(folders: Record<string, string>): Promise<TestServer> {
    const server = new TestServer(folders);
    await new Promise<void>((resolve) => server.#server.listen(0, "127.0.0.1", resolve));
    return server;
  }

  get origin(): string {
    return `http://localhost:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Serves a file from memory; again for the same path replaces it. */
  put(path: string, served: Served): string {
    this.#files.set(path, { ...served });
    return this.origin + path;
  }

  /** Changes how a file is served from now on. */
  change(path: string, changes: Partial<Served>): void {
    const served = this.#files.get(path);
    if (!served) throw new Error(`nothing is served at ${path}`);
    Object.assign(served, changes);
  }

  /** Requests for a path since the last `forget`. */
  requests(path: string): Seen[] {
    return this.seen.filter((seen) => seen.path === path);
  }

  /** Requests for anything under a folder since the last `forget`. */
  requestsUnder(folder: string): Seen[] {
    return this.seen.filter((seen) => seen.path.startsWith(folder));
  }

  forget(): void {
    this.seen.length = 0;
  }

  /** Breaks every connection that is open. */
  cutAll(): void {
    this.#server.closeAllConnections();
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = new URL(request.url ?? "/", this.origin).pathname;
    const seen: Seen = { method: request.method ?? "GET", path, range: request.headers.range, status: 0 };
    this.seen.push(seen);
    response.on("close", () => {
      seen.status = response.statusCode;
    });
    if (this.isolated) {
      response.setHeader("Cross-Origin-Opener-Policy", "same-origin");
      response.setHeader("Cross-Origin-Embedder-Policy", "require-corp");
    }
    const served = this.#files.get(path);
    if (served) await sendServed(served, request, response);
    else await this.#sendFromDisk(path, response);
  }

  async #sendFromDisk(path: string, response: ServerResponse): Promise<void> {
    const prefix = Object.keys(this.folders).find((prefix) => path.startsWith(prefix));
    const folder = prefix === undefined ? undefined : this.folders[prefix];
    const rest = normalize(decodeURIComponent(path.slice(prefix?.length ?? 0)) || "index.html");
    if (folder === undefined || rest.startsWith("..")) {
      end(response, 404);
      return;
    }
    try {
      const body = await readFile(join(folder, rest));
      response.setHeader("Content-Type", TYPES[extname(rest)] ?? "application/octet-stream");
      response.setHeader("Content-Length", body.length);
      response.end(body);
    } catch {
      end(response, 404);
    }
  }
}

function end(response: ServerResponse, status: number): void {
  response.statusCode = status;
  response.end();
}

async function sendServed(served: Served, request: IncomingMessage, response: ServerResponse): Promise<void> {
  while (served.silent && !response.destroyed) await sleep(5);
  const { bytes, length = bytes.length } = served;
  const etag =
    served.etag === undefined ? `"${createHash("sha256").update(bytes).digest("hex")}"` : served.etag;
  for (const [name, value] of Object.entries(served.headers ?? {})) response.setHeader(name, value);
  response.setHeader("Content-Type", served.contentType ?? "application/octet-stream");
  if (etag !== null) response.setHeader("ETag", etag);
  if (served.status !== undefined) {
    end(response, served.status);
    return;
  }

  const asked = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? "");
  const ifRange = request.headers["if-range"];
  const ranged = asked !== null && served.ranges !== false && (ifRange === undefined || ifRange === etag);
  let start = 0;
  let stop = bytes.length;
  if (ranged) {
    start = Number(asked[1]);
    stop = asked[2] ? Math.min(Number(asked[2]) + 1, bytes.length) : bytes.length;
    if (start >= bytes.length) {
      end(response, 416);
      return;
    }
    response.statusCode = 206;
    response.setHeader("Content-Range", `bytes ${start}-${stop - 1}/${length}`);
  }
  if (served.contentLength !== false) response.setHeader("Content-Length", stop - start);
  if (request.method === "HEAD") {
    response.end();
    return;
  }
  await sendBytes(served, bytes.subarray(start, stop), start, response);
}

async function sendBytes(
  served: Served,
  body: Uint8Array,
  start: number,
  response: ServerResponse,
): Promise<void> {
  const { cutAt = Infinity } = served;
  const cutHere = cutAt >= start && cutAt < start + body.length && (served.cuts ?? Infinity) > 0;
  const sent = cutHere ? body.subarray(0, cutAt - start) : body;
  if (cutHere && served.cuts !== undefined) served.cuts--;
  response.flushHeaders();
  for (let at = 0; at < sent.length; at += 16 * 1024) {
    if (served.slow) await sleep(served.slow);
    while (start + at >= (served.stallAt ?? Infinity) && !response.destroyed) await sleep(5);
    if (response.destroyed) return;
    await new Promise((resolve) => response.write(sent.subarray(at, at + 16 * 1024), resolve));
  }
  if (cutHere) {
    // Let what was written arrive before the connection breaks.
    await sleep(20);
    response.destroy();
  } else response.end();
}
