/** How far a load has come, counted in bytes. */

/**
 * - `wait`: another tab is downloading the same model; this one goes on when it is done.
 * - `download`: bytes are coming from the network. What was stored before counts as loaded.
 * - `load`: all bytes are here and go to the engine.
 */
export type ProgressPhase = "wait" | "download" | "load";

export interface Progress {
  phase: ProgressPhase;
  /** Bytes done in this phase. */
  loaded: number;
  /** Bytes of the whole model; 0 until a server told it. */
  total: number;
  /** The file at work. */
  file: string;
}

/** More often than this a progress bar does not need to move. */
const INTERVAL_MS = 50;

/**
 * Collects what downloads and the engine report. While bytes are missing it tells of the download; the engine, which
 * works a few chunks behind, gets its own phase only after that. So a bar drawn from it never jumps back and forth.
 */
export class ProgressMeter {
  file = "";
  total = 0;
  #downloaded = 0;
  #written = 0;
  #last = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #stopped = false;

  constructor(private readonly report: (progress: Progress) => void) {}

  wait(): void {
    this.report({ phase: "wait", loaded: 0, total: this.total, file: this.file });
  }

  /** Bytes that arrived, or were found in the store. */
  downloaded(bytes: number): void {
    this.#downloaded += bytes;
    this.#tick();
  }

  /** Bytes the engine took. */
  written(bytes: number): void {
    this.#written += bytes;
    this.#tick();
  }

  /** Says no more. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#stopped = true;
  }

  #tick(): void {
    const since = performance.now() - this.#last;
    if (since >= INTERVAL_MS || this.#loaded === this.total) this.#report();
    // The last bytes before a pause are told too, if a little later.
    else
      this.#timer ??= setTimeout(() => {
        this.#report();
      }, INTERVAL_MS - since);
  }

  get #downloading(): boolean {
    return this.#downloaded < this.total || this.total === 0;
  }

  get #loaded(): number {
    return this.#downloading ? this.#downloaded : this.#written;
  }

  #report(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#stopped) return;
    this.#last = performance.now();
    const phase = this.#downloading ? "download" : "load";
    this.report({ phase, loaded: this.#loaded, total: this.total, file: this.file });
  }
}

/** The page's callback, if there is one. What it throws is the page's own fault to see, and no reason for the work to fail. */
export function telling<T>(callback: ((value: T) => void) | undefined): (value: T) => void {
  return (value) => {
    try {
      callback?.(value);
    } catch (error) {
      reportError(error);
    }
  };
}
