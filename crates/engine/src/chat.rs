//! Conversations to prompts.

use serde_json::{Map, Value};
use sotto_text::{ChatInput, LocalTime};

use crate::{Engine, EngineError};

impl Engine {
    /// Renders `{ messages, tools?, documents?, addGenerationPrompt?, ... }` with the model's own template; other
    /// fields reach the template as variables. `now` is what the template's `strftime_now` tells.
    pub fn render_chat(&self, request: &Value, now: LocalTime) -> Result<String, EngineError> {
        let mut extra: Map<String, Value> = request.as_object().ok_or(EngineError::ChatRequest)?.clone();
        let messages = extra.remove("messages").ok_or(EngineError::ChatRequest)?;
        if messages.as_array().is_none_or(Vec::is_empty) {
            return Err(EngineError::ChatRequest);
        }
        let present = |value: Option<Value>| value.filter(|v| !v.is_null());
        let input = ChatInput {
            messages,
            tools: present(extra.remove("tools")),
            documents: present(extra.remove("documents")),
            add_generation_prompt: extra
                .remove("addGenerationPrompt")
                .and_then(|v| v.as_bool())
                .unwrap_or(true),
            bos_token: self.token_name(self.tokenizer().bos()),
            eos_token: self.token_name(self.tokenizer().eos()),
            extra,
            now,
        };
        Ok(self.template()?.render(&input)?)
    }

    fn token_name(&self, id: Option<u32>) -> String {
        let bytes = id.and_then(|id| self.tokenizer().token_bytes(id)).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }
}
