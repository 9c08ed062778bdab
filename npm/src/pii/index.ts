/** Finds personal data in the page and replaces it, with nothing leaving the page. */
export {
  Redactor,
  type DocumentRedaction,
  type Redaction,
  type RedactorOptions,
  type StreamOptions,
} from "./redactor.js";
export { Vault, type VaultEntry } from "./vault.js";
export { withRedaction, type RedactingFetch } from "./hybrid.js";
export { redactDom, type DomOptions, type DomRedaction } from "./dom.js";
export type { RedactionStream } from "./streams.js";
export type { CallOptions, RedactionRules } from "./config.js";
export type { CsvOptions, DocumentOptions, FieldAction } from "./documents.js";
export type { OpenedModel } from "./finder.js";
export type { Progress, ProgressPhase } from "../progress.js";
export type { ModelSource } from "../source.js";
export * from "./types.js";
export {
  AbortedError,
  DocumentFormatError,
  InternalError,
  InvalidArgumentError,
  SottoError,
  VaultError,
  type ErrorDetails,
  type SottoErrorCode,
} from "../errors.js";
