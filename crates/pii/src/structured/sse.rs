//! A streamed reply of an OpenAI-compatible endpoint: server-sent events (HTML, section 9.2) whose JSON carries a text in
//! small parts. A placeholder may be split across any of them, so each text (one a choice, tool call or output item) has a
//! [`StreamRestorer`] of its own. What that holds back when a text ends is sent in an event of its own before the one that says so.

use super::fields::Step;
use super::json::{Token, literal, restore_json, rewrite};
use crate::restore::StreamRestorer;
use crate::vault::Vault;

/// Restores the values of a vault in a stream of events.
#[derive(Clone, Default)]
pub struct SseRestorer {
    /// What came since the last whole event.
    pending: String,
    slots: Vec<(Slot, State)>,
}

/// One text of the reply: `choices[1].delta.content`, with indices as the events give them, not as they stand in a list.
#[derive(Clone, PartialEq, Eq)]
struct Slot {
    /// What ends with it.
    owner: String,
    name: String,
    /// Whether the text is JSON, whose values must be written as JSON has them.
    json: bool,
}

#[derive(Clone, Default)]
struct State {
    restorer: StreamRestorer,
    /// The last event that carried a part of the text.
    event: String,
}

/// What an event says, besides its texts.
#[derive(Default)]
struct Facts {
    /// `index` of the list items that have one, by their place: (`choices`, 0) or (`choices`, 0, `tool_calls`, 0).
    indices: Vec<(Vec<Step>, String)>,
    kind: String,
    /// Tells output items of the Responses API apart.
    item: String,
    /// Owners whose texts end.
    ended: Vec<String>,
}

impl SseRestorer {
    /// A restorer at the start of a reply.
    pub fn new() -> Self {
        SseRestorer::default()
    }

    /// Takes a part of the stream, cut anywhere; gives the events that are whole by now, restored.
    pub fn push(&mut self, part: &str, vault: &Vault) -> String {
        self.pending.push_str(part);
        let mut out = String::new();
        while let Some(end) = event_end(&self.pending) {
            let rest = self.pending.split_off(end);
            let event = std::mem::replace(&mut self.pending, rest);
            out += &self.event(&event, vault);
        }
        out
    }

    /// Gives what is left.
    pub fn finish(&mut self, vault: &Vault) -> String {
        let last = std::mem::take(&mut self.pending);
        let out = if last.is_empty() { String::new() } else { self.event(&last, vault) };
        out + &self.flush(vault, |_| true)
    }

    fn event(&mut self, event: &str, vault: &Vault) -> String {
        let data = data_of(event);
        if data.trim() == "[DONE]" {
            return self.flush(vault, |_| true) + event;
        }
        let Some(facts) = Facts::read(&data) else { return event.to_owned() };
        let ended = |slot: &Slot| facts.ended.contains(&slot.owner);
        let mut here: Vec<Slot> = Vec::new();
        let rewritten = rewrite(&data, &mut |token, path| {
            let Token::Str(text) = token else { return None };
            let Some(slot) = facts.slot(path) else {
                let arguments = matches!(path.last(), Some(Step::Key(key)) if key == "arguments");
                let json = arguments.then(|| restore_json(text, vault).ok()).flatten();
                return Some(json.unwrap_or_else(|| vault.restore(text))).filter(|restored| restored != text);
            };
            let write = if slot.json { json_inner } else { str::to_owned };
            let state = self.state(&slot);
            let mut restored = state.restorer.push_written(text, vault, write);
            event.clone_into(&mut state.event);
            if ended(&slot) {
                restored += &state.restorer.finish_written(vault, write);
            }
            here.push(slot);
            (restored != text).then_some(restored)
        });
        let Ok(rewritten) = rewritten else { return event.to_owned() };
        // Texts that end here and had no part in this event.
        let before = self.flush(vault, |slot| ended(slot) && !here.contains(slot));
        before + &if rewritten == data { event.to_owned() } else { with_data(event, &rewritten) }
    }

    fn state(&mut self, slot: &Slot) -> &mut State {
        let known = self.slots.iter().position(|(known, _)| known == slot);
        let index = known.unwrap_or_else(|| {
            self.slots.push((slot.clone(), State::default()));
            self.slots.len() - 1
        });
        &mut self.slots[index].1
    }

    /// Events with what is held back of the texts that `wanted` picks: like the last event of each, with this part in it.
    fn flush(&mut self, vault: &Vault, wanted: impl Fn(&Slot) -> bool) -> String {
        let mut out = String::new();
        for (slot, state) in self.slots.iter_mut().filter(|(slot, _)| wanted(slot)) {
            let write = if slot.json { json_inner } else { str::to_owned };
            let held = state.restorer.finish_written(vault, write);
            let data = data_of(&state.event);
            let Some(facts) = Facts::read(&data).filter(|_| !held.is_empty()) else { continue };
            let rewritten = rewrite(&data, &mut |token, path| match (token, facts.slot(path)) {
                (Token::Str(_), Some(other)) => {
                    Some(if other == *slot { held.clone() } else { String::new() })
                }
                _ => None,
            });
            out += &rewritten.map(|data| with_data(&state.event, &data)).unwrap_or_default();
        }
        out
    }
}

impl Facts {
    /// Reads an event's JSON; `None` if it is none.
    fn read(data: &str) -> Option<Facts> {
        let mut facts = Facts::default();
        let mut finished: Vec<Vec<Step>> = Vec::new();
        rewrite(data, &mut |token, path| {
            match (token, path) {
                (Token::Number(index), [list @ .., Step::Key(key)])
                    if key == "index" && matches!(list.last(), Some(Step::Index(_))) =>
                {
                    facts.indices.push((list.to_vec(), index.to_owned()));
                }
                (Token::Str(text), [Step::Key(key)]) if key == "type" => text.clone_into(&mut facts.kind),
                (Token::Str(text) | Token::Number(text), [Step::Key(key)])
                    if matches!(
                        key.as_str(),
                        "item_id" | "output_index" | "content_index" | "summary_index"
                    ) =>
                {
                    facts.item += &format!("{key}={text};");
                }
                (Token::Str(_), [list @ .., Step::Key(key)]) if key == "finish_reason" => {
                    finished.push(list.to_vec())
                }
                _ => {}
            }
            None
        })
        .ok()?;
        facts.ended = finished.iter().map(|choice| facts.numbered(choice)).collect();
        if facts.kind.ends_with(".done") {
            facts.ended.push(facts.item.clone());
        }
        Some(facts)
    }

    /// A path with the indices that events give.
    fn numbered(&self, path: &[Step]) -> String {
        let mut name = String::new();
        for (at, step) in path.iter().enumerate() {
            match step {
                Step::Key(key) => name += &format!(".{key}"),
                Step::Index(place) => {
                    let given = self.indices.iter().find(|(list, _)| *list == path[..=at]);
                    name += &given.map_or_else(|| format!("[{place}]"), |(_, index)| format!("[{index}]"));
                }
            }
        }
        name
    }

    /// The text that a string at `path` is a part of.
    fn slot(&self, path: &[Step]) -> Option<Slot> {
        let keys: Vec<&str> =
            path.iter().map(|step| if let Step::Key(key) = step { key.as_str() } else { "*" }).collect();
        let json = match keys.as_slice() {
            ["choices", "*", "delta", "content" | "reasoning_content" | "reasoning" | "refusal"] => false,
            ["choices", "*", "text"] => false,
            ["choices", "*", "delta", "tool_calls", "*", "function", "arguments"] => true,
            ["choices", "*", "delta", "function_call", "arguments"] => true,
            ["delta"] if self.kind.ends_with(".delta") => {
                let (owner, json) = (self.item.clone(), self.kind.contains("arguments"));
                return Some(Slot { name: self.kind.clone() + &owner, owner, json });
            }
            _ => return None,
        };
        Some(Slot { owner: self.numbered(&path[..2]), name: self.numbered(path), json })
    }
}

/// A value as it stands between the quotes of a JSON string.
fn json_inner(text: &str) -> String {
    let written = literal(text);
    written.get(1..written.len() - 1).unwrap_or_default().to_owned()
}

/// Where the first event ends: after a blank line.
fn event_end(text: &str) -> Option<usize> {
    ["\n\n", "\r\n\r\n", "\r\r"].iter().filter_map(|blank| text.find(blank).map(|at| at + blank.len())).min()
}

/// The lines of an event, each with its end.
fn lines(event: &str) -> impl Iterator<Item = &str> {
    event.split_inclusive(['\n', '\r'])
}

fn data_in(line: &str) -> Option<&str> {
    let value = line.strip_prefix("data:")?.trim_end_matches(['\n', '\r']);
    Some(value.strip_prefix(' ').unwrap_or(value))
}

/// An event's data; lines of it are joined by line feeds.
fn data_of(event: &str) -> String {
    lines(event).filter_map(data_in).collect::<Vec<_>>().join("\n")
}

/// The event with other data, on one line.
fn with_data(event: &str, data: &str) -> String {
    let mut out = String::with_capacity(event.len() + data.len());
    let mut written = false;
    for line in lines(event) {
        if data_in(line).is_none() {
            out.push_str(line);
        } else if !written {
            written = true;
            out += "data: ";
            // JSON has line breaks between its tokens only.
            out.extend(data.chars().filter(|c| !matches!(c, '\n' | '\r')));
            out += &line[line.trim_end_matches(['\n', '\r']).len()..];
        }
    }
    if event_end(&out).is_none() {
        out += "\n\n";
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Label;
    use proptest::prelude::*;

    fn vault() -> Vault {
        let mut vault = Vault::new();
        assert_eq!(vault.placeholder(&Label::Person, "Ana \"A\" Ruiz"), "[PERSON_1]");
        assert_eq!(vault.placeholder(&Label::Email, "ana@example.com"), "[EMAIL_1]");
        vault
    }

    /// Restores a stream cut every `size` bytes.
    fn restored(stream: &str, size: usize) -> String {
        let vault = vault();
        let mut restorer = SseRestorer::new();
        let chars: Vec<char> = stream.chars().collect();
        let mut out: String =
            chars.chunks(size).map(|part| restorer.push(&part.iter().collect::<String>(), &vault)).collect();
        out += &restorer.finish(&vault);
        out
    }

    /// The strings at `path` of all events, joined.
    fn text(stream: &str, path: &str) -> String {
        let datas = stream.split("\n\n").map(data_of).filter(|data| data.starts_with('{'));
        let values =
            datas.map(|data| serde_json::from_str::<serde_json::Value>(&data).expect("an event is JSON"));
        values.filter_map(|value| value.pointer(path).and_then(|v| v.as_str()).map(str::to_owned)).collect()
    }

    fn chunk(index: usize, delta: &str, finish: &str) -> String {
        format!(
            "data: {{\"id\":\"c1\",\"choices\":[{{\"index\":{index},\"delta\":{delta},\"finish_reason\":{finish}}}]}}\n\n"
        )
    }

    #[test]
    fn placeholders_split_across_events_come_back() {
        for end in ["[DONE]", "finish", "nothing"] {
            let mut stream = String::from(": ping\n\n");
            for part in ["Dear ", "[PER", "SON", "_1", "], ", "\\n", "is [EM", "AIL_1"] {
                stream += &chunk(0, &format!("{{\"content\":\"{part}\"}}"), "null");
            }
            match end {
                "finish" => stream += &chunk(0, "{}", "\"stop\""),
                "[DONE]" => stream += "data: [DONE]\n\n",
                _ => {}
            }
            for size in [1, 7, 10_000] {
                let out = restored(&stream, size);
                // What a model left open is still one of ours.
                assert_eq!(
                    text(&out, "/choices/0/delta/content"),
                    "Dear Ana \"A\" Ruiz, \nis [ana@example.com",
                    "{end}"
                );
                assert!(out.starts_with(": ping\n\n"));
                // What was held comes before the end.
                let held = out.find("[ana@").expect("it is there");
                assert!(
                    out.find("stop").is_none_or(|at| held < at)
                        && out.find("[DONE]").is_none_or(|at| held < at)
                );
            }
        }
    }

    #[test]
    fn choices_and_tool_calls_do_not_mix() {
        let call = |part: &str| {
            format!("{{\"tool_calls\":[{{\"index\":3,\"function\":{{\"arguments\":\"{part}\"}}}}]}}")
        };
        let stream = [
            chunk(0, r#"{"content":"[PER"}"#, "null"),
            chunk(1, r#"{"content":"[EMA"}"#, "null"),
            chunk(0, r#"{"content":"SON_1]"}"#, "null"),
            chunk(1, r#"{"content":"IL_1]"}"#, "\"stop\""),
            chunk(2, &call(r#"{\"to\":\"[PERSON"#), "null"),
            chunk(2, &call(r#"_1]\"}"#), "null"),
            chunk(2, "{}", "\"tool_calls\""),
        ]
        .concat();
        let out = restored(&stream, 13);
        assert_eq!(text(&out, "/choices/0/delta/content"), "Ana \"A\" Ruizana@example.com");
        let arguments = text(&out, "/choices/0/delta/tool_calls/0/function/arguments");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&arguments).unwrap()["to"], "Ana \"A\" Ruiz");
    }

    #[test]
    fn the_responses_api() {
        let delta = |part: &str| {
            format!(
                "event: response.output_text.delta\ndata: {{\"type\":\"response.output_text.delta\",\"item_id\":\"m1\",\"output_index\":0,\"content_index\":0,\"delta\":\"{part}\"}}\n\n"
            )
        };
        let done = "event: response.output_text.done\ndata: {\"type\":\"response.output_text.done\",\"item_id\":\"m1\",\"output_index\":0,\"content_index\":0,\"text\":\"[EMAIL_1] [PERSON_1]\"}\n\n";
        let stream = delta("[EMA") + &delta("IL_1] [PERSON_1") + done;
        let out = restored(&stream, 5);
        assert_eq!(text(&out, "/delta"), "ana@example.com [Ana \"A\" Ruiz");
        assert_eq!(text(&out, "/text"), "ana@example.com Ana \"A\" Ruiz");
        assert!(out.rfind("output_text.delta") < out.find("output_text.done"));
    }

    #[test]
    fn what_is_no_event_passes() {
        for stream in [
            "",
            "data: not json\n\n",
            "data: {\"a\":\n\n",
            "\r\n\r\n",
            "retry: 10\r\n\r\ndata: [1,2]\r\n\r\n",
            "id: 7",
        ] {
            assert_eq!(restored(stream, 3), stream);
        }
        // Half a surrogate pair an event, as some servers send.
        let halves = chunk(0, r#"{"content":"[EMAIL_1] \ud83d"}"#, "null")
            + &chunk(0, r#"{"content":"\ude00"}"#, "null");
        let out = restored(&halves, 9);
        assert!(out.contains(r"ana@example.com \ud83d") && out.contains(r"\ude00"), "{out}");
    }

    proptest! {
        #[test]
        fn any_cut_gives_the_whole(parts in prop::collection::vec("(\\[|\\]|_|PERSON|EMAIL|1|2| |é|\"){0,4}", 0..12), size in 1_usize..40) {
            let mut stream: String = parts
                .iter()
                .map(|part| chunk(0, &serde_json::json!({ "content": part }).to_string(), "null"))
                .collect();
            stream += &chunk(0, "{}", "\"stop\"");
            prop_assert_eq!(text(&restored(&stream, size), "/choices/0/delta/content"), vault().restore(&parts.concat()));
        }
    }
}
