//! Real chat templates against Python's `jinja2` as `transformers` sets it up (fixtures/chat-templates/render.py).

mod common;

use common::{fixture, fixture_text};
use serde_json::Value;
use sotto_text::{ChatError, ChatInput, ChatTemplate, LocalTime};

/// 2024-07-26 13:45:09, which the fixture's clock shows.
const NOW: i64 = 1_722_001_509;

fn input(expected: &Value, conversation: &Value, add_generation_prompt: bool) -> ChatInput {
    ChatInput {
        messages: conversation["messages"].clone(),
        tools: conversation.get("tools").cloned(),
        documents: conversation.get("documents").cloned(),
        add_generation_prompt,
        bos_token: expected["bos_token"].as_str().unwrap().to_owned(),
        eos_token: expected["eos_token"].as_str().unwrap().to_owned(),
        extra: conversation.get("extra").and_then(Value::as_object).cloned().unwrap_or_default(),
        now: LocalTime::new(NOW, 0),
    }
}

#[test]
fn every_template_renders_every_conversation_as_python_does() {
    let expected: Value = serde_json::from_slice(&fixture("chat-templates/expected.json")).unwrap();
    let mut differences = Vec::new();
    let (mut rendered, mut raised) = (0, 0);
    for (name, results) in expected["results"].as_object().unwrap() {
        let template = ChatTemplate::new(&fixture_text(&format!("chat-templates/{name}"))).unwrap();
        for (conversation, results) in results.as_object().unwrap() {
            for (result, prompt) in results.as_array().unwrap().iter().zip([false, true]) {
                let input = input(&expected, &expected["conversations"][conversation], prompt);
                let ours = template.render(&input);
                // Where Python itself, not the template, has a TypeError, we may do better: `none` has no items to
                // loop over, and what `map` gives can be written as JSON.
                let lenient = result["raised"] == "TypeError" && ours.is_ok();
                let same = lenient
                    || match (&ours, result.get("text")) {
                        (Ok(text), Some(expected)) => expected == text,
                        (Err(ChatError::Raised(message)), None) if result["raised"] == "TemplateError" => {
                            result["message"] == *message
                        }
                        (Err(ChatError::Render { .. } | ChatError::Endless), None) => {
                            result["raised"] != "TemplateError"
                        }
                        _ => false,
                    };
                match ours {
                    Ok(_) => rendered += 1,
                    Err(_) => raised += 1,
                }
                if !same {
                    differences.push(format!(
                        "{name} / {conversation} / {prompt}\n  ours:   {ours:?}\n  python: {result}"
                    ));
                }
            }
        }
    }
    assert!(differences.is_empty(), "{} differ:\n{}", differences.len(), differences.join("\n"));
    assert!(rendered > 600 && raised > 100, "{rendered} rendered, {raised} raised");
}

#[test]
fn small_templates_render_as_python_renders_them() {
    let expected: Value = serde_json::from_slice(&fixture("chat-templates/snippets.json")).unwrap();
    let input = ChatInput {
        messages: Value::Array(vec![]),
        extra: expected["variables"].as_object().cloned().unwrap(),
        now: LocalTime::new(NOW, 0),
        ..ChatInput::default()
    };
    let mut differences = Vec::new();
    for snippet in expected["snippets"].as_array().unwrap() {
        let source = snippet["source"].as_str().unwrap();
        let ours = ChatTemplate::new(source).and_then(|template| template.render(&input));
        let same = match (&ours, snippet.get("text")) {
            (Ok(text), Some(expected)) => expected == text,
            (Err(_), None) => true,
            _ => false,
        };
        if !same {
            differences.push(format!("{source}\n  ours:   {ours:?}\n  python: {snippet}"));
        }
    }
    assert!(differences.is_empty(), "{} differ:\n{}", differences.len(), differences.join("\n"));
}
