//! Chat messages in the shapes of OpenAI's API: requests, replies, and the legacy completions beside them.

use std::sync::LazyLock;

use super::json::restore_fields;
use super::{FieldAction, Fields, Format, StructureError};
use crate::{Redacted, Redactor, Vault};

/// Where text that a person or a model wrote stands in a message.
const TEXT: [&str; 6] = ["content", "content[*].text", "name", "reasoning_content", "reasoning", "refusal"];
/// What messages stand in: an array of them, a request, a reply, a part of a streamed reply.
const MESSAGES: [&str; 4] = ["[*].", "messages[*].", "choices[*].message.", "choices[*].delta."];
/// Text beside messages: prompts of completions and embeddings, the Responses API, system prompts, their answers, who asks.
const BESIDE: [&str; 16] = [
    "prompt",
    "prompt[*]",
    "suffix",
    "input",
    "input[*]",
    "input[*].content",
    "input[*].content[*].text",
    "input[*].output",
    "instructions",
    "system",
    "system[*].text",
    "user",
    "choices[*].text",
    "output_text",
    "output[*].content[*].text",
    "prediction.content",
];
/// JSON in a string: what tools are called with.
const ARGUMENTS: [&str; 2] = ["tool_calls[*].function.arguments", "function_call.arguments"];

/// The fields of chat requests and replies that hold text. Roles, ids and models are none.
pub(super) fn fields() -> &'static Fields {
    static FIELDS: LazyLock<Fields> = LazyLock::new(|| {
        let mut fields = Fields::none();
        let mut add = |path: &str, action: FieldAction| {
            fields = std::mem::take(&mut fields).with(path, action).unwrap_or_else(|_| Fields::all());
        };
        for prefix in MESSAGES {
            TEXT.iter().for_each(|path| add(&format!("{prefix}{path}"), FieldAction::Find));
            ARGUMENTS.iter().for_each(|path| add(&format!("{prefix}{path}"), FieldAction::Json));
        }
        BESIDE.iter().for_each(|path| add(path, FieldAction::Find));
        add("input[*].arguments", FieldAction::Json);
        add("output[*].arguments", FieldAction::Json);
        fields
    });
    &FIELDS
}

/// Redacts chat messages (OpenAI's shape: an array of messages, or a request that holds `messages`): contents, text parts,
/// tool-call arguments and participants' names. Roles, ids and models stay.
pub fn redact_chat(redactor: &Redactor, json: &str, vault: &mut Vault) -> Result<Redacted, StructureError> {
    Format::Chat.redact(redactor, json, vault)
}

/// Puts the values of a vault back into messages or a reply: every string, tool-call arguments as the JSON they are.
pub fn restore_chat(json: &str, vault: &Vault) -> Result<String, StructureError> {
    restore_fields(json, vault, fields())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Policy, Recognisers};

    fn redactor() -> Redactor {
        Redactor::new(Policy::default(), Recognisers::all()).unwrap()
    }

    #[test]
    fn chat_messages() {
        let json = r#"{"model":"m-2024-01-01","messages":[{"role":"user","content":"I am ana@example.com"},{"role":"user","content":[{"type":"text","text":"call +34 600 123 456"}]},{"role":"assistant","tool_calls":[{"id":"2024-01-01","function":{"name":"f","arguments":"{\"to\":\"ana@example.com\"}"}}]}]}"#;
        let mut vault = Vault::new();
        let redacted = redact_chat(&redactor(), json, &mut vault).unwrap();
        let want = json.replace("ana@example.com", "[EMAIL_1]").replace("+34 600 123 456", "[PHONE_1]");
        assert_eq!(redacted.text, want);
        assert_eq!(restore_chat(&redacted.text, &vault).unwrap(), json);
    }

    #[test]
    fn every_rule_is_a_path() {
        // A wrong one would have made all of a request text.
        let json = r#"{"model":"ana@example.com","user":"bo@example.com","prompt":"cy@example.com"}"#;
        let redacted = redact_chat(&redactor(), json, &mut Vault::new()).unwrap();
        assert_eq!(redacted.text, r#"{"model":"ana@example.com","user":"[EMAIL_1]","prompt":"[EMAIL_2]"}"#);
        assert_eq!(redacted.entities[0].place.as_ref().map(|place| place.path.as_str()), Some("user"));
    }

    #[test]
    fn arguments_stay_json() {
        let mut vault = Vault::new();
        assert_eq!(vault.placeholder(&crate::Label::Person, "Ana \"A\" Ruiz"), "[PERSON_1]");
        let reply = r#"{"choices":[{"message":{"content":"[PERSON_1]","tool_calls":[{"function":{"arguments":"{\"to\":\"[PERSON_1]\"}"}}]}}]}"#;
        let restored = restore_chat(reply, &vault).unwrap();
        let value: serde_json::Value = serde_json::from_str(&restored).unwrap();
        let message = &value["choices"][0]["message"];
        assert_eq!(message["content"], "Ana \"A\" Ruiz");
        let arguments = message["tool_calls"][0]["function"]["arguments"].as_str().unwrap();
        assert_eq!(serde_json::from_str::<serde_json::Value>(arguments).unwrap()["to"], "Ana \"A\" Ruiz");
    }
}
