/** Language models in the browser, on the visitor's own GPU. */
export { inspectModel, loadModel, type InspectOptions, type LoadOptions, type QuantizeType } from "./load.js";
export {
  Model,
  type ClassifiedSpan,
  type ClassifyOptions,
  type GenerateOptions,
  type JsonSchema,
  type LogitsProcessor,
  type TokenizeOptions,
} from "./model.js";
export { deleteModel, listModels, persist, storageEstimate, type StorageUse } from "./storage.js";
export type { GeneratedPart, ModelInspection, Usage } from "./host.js";
export type { Stats } from "./timing.js";
export type { Progress, ProgressPhase } from "./progress.js";
export type { ModelSource } from "./source.js";
export type { StoredModel } from "./store.js";
export type {
  DeviceInfo,
  EngineCounters,
  FinishReason,
  MemoryNeed,
  ModelInfo,
  SamplingDefaults,
} from "./wasm-api.js";
export type * from "./chat-types.js";
export {
  AbortedError,
  ContextLengthError,
  DeviceLostError,
  GrammarError,
  IntegrityError,
  InternalError,
  InvalidArgumentError,
  ModelFormatError,
  NetworkError,
  NoSimdError,
  NoWebGpuError,
  OutOfMemoryError,
  QuotaError,
  SottoError,
  UnsupportedArchError,
  type ErrorDetails,
  type SottoErrorCode,
} from "./errors.js";
