/**
 * Reads the text as it is typed: the recognisers at once, the model when the typing rests. What they found is kept, so that
 * keeping and hiding needs no second reading.
 */
import { type Entity, LABELS, Redactor, type Redaction, type RedactionRules, SottoError } from "sotto/pii";

/** Milliseconds of rest before the model reads. */
const REST_MS = 300;
/** Longer texts wait for a rest too. */
const AT_ONCE = 100_000;
/** What the model reads at most; recognisers have no such limit. */
const MODEL_READS = 200_000;

export type Groups = ReadonlyMap<string, string>;

interface Page {
  text: () => string;
  rules: () => RedactionRules;
  keeps: (entity: Entity) => boolean;
  onFound: (entities: Entity[], groups: Groups) => void;
  onRedacted: (text: string, redaction: Redaction, groups: Groups) => void;
  onState: (words: string) => void;
  onModel: (words: string) => void;
  onError: (error: unknown) => void;
}

export class Readers {
  #recognisers: Redactor | undefined;
  #model: Redactor | undefined;
  #groups: Groups = new Map();
  #abort = new AbortController();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #read: { text: string; entities: Entity[] } = { text: "", entities: [] };

  constructor(private readonly page: Page) {}

  /** Starts the recognisers, then the model. */
  async load(): Promise<void> {
    this.page.onState("Starting…");
    this.#recognisers = await Redactor.load({ model: false });
    // A firm is told from a person at a glance, though both are of the package's group of names.
    const tint = (name: string, group: string): string => (name === "ORGANIZATION" ? "organisation" : group);
    this.#groups = new Map(this.#recognisers.labels.map(({ name, group }) => [name, tint(name, group)]));
    this.page.onState("");
    this.page.onModel("a model that is being loaded…");
    this.read();
    try {
      this.#model = await Redactor.load();
      const { name = "", backend = "cpu" } = this.#model.model ?? {};
      this.page.onModel(`${name}, here, on ${backend === "webgpu" ? "your GPU" : "your processor"}`);
    } catch (error) {
      this.page.onModel("nobody: the model could not be loaded. What has a shape or a checksum is found.");
      if (!(error instanceof SottoError)) throw error;
    }
  }

  /** The text or the rules changed. */
  read(): void {
    this.#abort.abort();
    this.#abort = new AbortController();
    const { signal } = this.#abort;
    clearTimeout(this.#timer);
    const { length } = this.page.text();
    const reads = this.#model && length <= MODEL_READS ? this.#model : undefined;
    if (length <= AT_ONCE) void this.#find(this.#recognisers, signal, reads ? "Reading names…" : "");
    this.#timer = setTimeout(
      () => {
        if (reads) void this.#find(reads, signal, "");
        else if (length > AT_ONCE) void this.#find(this.#recognisers, signal, "");
      },
      length > AT_ONCE || reads ? REST_MS : 0,
    );
  }

  async #find(redactor: Redactor | undefined, signal: AbortSignal, then: string): Promise<void> {
    if (!redactor) return;
    const text = this.page.text();
    try {
      const onProgress = (part: number) => {
        this.page.onState(`Reading… ${Math.round(part * 100)} %`);
      };
      const entities = await redactor.analyze(text, { ...this.page.rules(), signal, onProgress });
      this.#read = { text, entities };
      this.page.onState(text === "" ? "" : then);
      this.replace();
    } catch (error) {
      this.page.onError(error);
    }
  }

  /** What is kept or hidden changed. */
  replace(): void {
    const { text, entities } = this.#read;
    const redactor = this.#recognisers;
    if (!redactor || text !== this.page.text()) return;
    this.page.onFound(entities, this.#groups);
    const hidden = entities.filter((entity) => !this.page.keeps(entity));
    void redactor
      .apply(text, hidden, this.page.rules())
      .then((redaction) => {
        const kept = entities.filter((entity) => this.page.keeps(entity));
        const all = [
          ...redaction.entities,
          ...kept.map((entity) => ({ ...entity, replacement: entity.text })),
        ];
        all.sort((a, b) => a.start - b.start);
        this.page.onRedacted(text, { ...redaction, entities: all }, this.#groups);
      })
      .catch(this.page.onError);
  }
}

/** Labels in the order the package lists them, so that colours and lists do not jump. */
export function order(label: string): number {
  const at = (LABELS as readonly string[]).indexOf(label);
  return at < 0 ? LABELS.length : at;
}
