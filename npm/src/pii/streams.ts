/** Redaction of text that comes in parts. */
import type { Finder } from "./finder.js";
import type { ReplacedEntity } from "./types.js";
import { guarded, type Vault } from "./vault.js";
import type { WasmRedactStream } from "./wasm-api.js";

interface Parts {
  stream: WasmRedactStream;
  finder: Finder;
  config: string;
  vault: Vault;
  signal: AbortSignal;
  onEntities: ((entities: ReplacedEntity[]) => void) | undefined;
}

/** A `TransformStream` that redacts, with the vault it fills. */
export class RedactionStream extends TransformStream<string, string> {
  /** Where the values are. */
  readonly vault: Vault;

  /** @internal */
  constructor({ stream, finder, config, vault, signal, onEntities }: Parts) {
    // Offsets count from the start of the stream; so the text of an entity is cut from what is known of it.
    let text = "";
    let start = 0;
    const advance = async (controller: TransformStreamDefaultController<string>, last: boolean) => {
      const known = guarded(() => stream.known());
      const [found = "[]"] = await finder.find(config, [{ text: known }], signal, () => undefined);
      const redacted = guarded(() => stream.advance(found, last, vault.inner));
      if (redacted.text !== "") controller.enqueue(redacted.text);
      if (!onEntities) return;
      const entities = JSON.parse(redacted.entities) as ReplacedEntity[];
      if (entities.length > 0)
        onEntities(entities.map((e) => ({ ...e, text: text.slice(e.start - start, e.end - start) })));
      // What is known again next time begins somewhere in what is kept here.
      const keep = guarded(() => stream.known().length);
      start += text.length - Math.min(keep, text.length);
      text = text.slice(text.length - Math.min(keep, text.length));
    };
    super({
      async transform(part, controller) {
        if (onEntities) text += part;
        if (guarded(() => stream.append(part))) await advance(controller, false);
      },
      async flush(controller) {
        guarded(() => {
          stream.close();
        });
        await advance(controller, true);
      },
    });
    this.vault = vault;
  }
}
