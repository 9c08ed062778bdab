/** The shapes of OpenAI's chat completions that this package takes and gives. */
import type { JsonSchema } from "./model.js";

/** A text part of a message's content. */
export interface ChatTextPart {
  type: "text";
  text: string;
}

/** A message of the conversation. Further fields, such as `tool_calls`, go to the model's chat template as they are. */
export interface ChatMessage {
  role: "system" | "developer" | "user" | "assistant" | "tool";
  /** Only an assistant's may be `null` or left out, beside its `tool_calls`. */
  content?: string | ChatTextPart[] | null;
  name?: string;
  [extra: string]: unknown;
}

/** What form a reply has. */
export type ResponseFormat =
  | { type: "text" | "json_object" }
  | {
      type: "json_schema";
      json_schema: {
        schema: JsonSchema;
        name?: string | undefined;
        description?: string | undefined;
        strict?: boolean | null | undefined;
      };
    };

/** A request for `chat.completions.create`. */
export interface ChatCompletionRequest {
  messages: ChatMessage[];
  /** Repeated in the answer. The model that replies is always the loaded one. */
  model?: string | undefined;
  stream?: boolean | null | undefined;
  /** With `include_usage`, a stream's last chunk has no choice and tells the tokens used. */
  stream_options?: { include_usage?: boolean } | null | undefined;
  /** Tokens of the reply at most. `max_tokens` is its older name. */
  max_completion_tokens?: number | null | undefined;
  max_tokens?: number | null | undefined;
  /** 0 to 2; default 1. */
  temperature?: number | null | undefined;
  /** 0 to 1; default 1. */
  top_p?: number | null | undefined;
  /** -2 to 2; default 0. */
  presence_penalty?: number | null | undefined;
  /** -2 to 2; default 0. */
  frequency_penalty?: number | null | undefined;
  seed?: number | null | undefined;
  /** Up to four strings the reply ends before. */
  stop?: string | string[] | null | undefined;
  /** Only 1. */
  n?: number | null | undefined;
  /** Beyond OpenAI's: see `topK` of `generate`. */
  top_k?: number | null | undefined;
  /** Beyond OpenAI's: see `minP` of `generate`. */
  min_p?: number | null | undefined;
  /** Beyond OpenAI's: see `repetitionPenalty` of `generate`. */
  repetition_penalty?: number | null | undefined;
  /** Beyond OpenAI's: see `speculate` of `generate`. */
  speculate?: boolean | null | undefined;
  /** Beyond OpenAI's: see `grammar` of `generate`. */
  grammar?: string | null | undefined;
  /** `"json_object"` makes the reply an object in JSON, `"json_schema"` one that the schema is true of, `strict` or not. */
  response_format?: ResponseFormat | null | undefined;
  /** Token ids, and from -100 to 100 what is added to their logits. */
  logit_bias?: Readonly<Record<number, number>> | null | undefined;
  /** From here on: taken as it stands in requests written for OpenAI's API, and without effect. */
  user?: string | null | undefined;
  metadata?: Record<string, string> | null | undefined;
  store?: false | null | undefined;
  logprobs?: false | null | undefined;
  tools?: [] | null | undefined;
  tool_choice?: "none" | "auto" | null | undefined;
  parallel_tool_calls?: boolean | null | undefined;
}

export interface ChatCompletionUsage {
  prompt_tokens: number;
  completion_tokens: number;
  total_tokens: number;
}

/** A whole reply. */
export interface ChatCompletion {
  id: string;
  object: "chat.completion";
  /** Seconds since 1970. */
  created: number;
  model: string;
  choices: {
    index: 0;
    message: { role: "assistant"; content: string; refusal: null };
    finish_reason: "stop" | "length";
    logprobs: null;
  }[];
  usage: ChatCompletionUsage;
}

/** A piece of a streamed reply. */
export interface ChatCompletionChunk {
  id: string;
  object: "chat.completion.chunk";
  created: number;
  model: string;
  choices: {
    index: 0;
    delta: { role?: "assistant"; content?: string };
    finish_reason: "stop" | "length" | null;
    logprobs: null;
  }[];
  usage?: ChatCompletionUsage | null;
}

/** Options beside the request, as in OpenAI's client. */
export interface ChatRequestOptions {
  signal?: AbortSignal | undefined;
}
