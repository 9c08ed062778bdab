//! `post_processor`: the tokens that go around a text.

use serde_json::Value;

use super::field::{kind, list, unsupported};
use crate::tokenizer::TokenizerError;

/// What goes before and after a text. `named` gives the id of a token.
pub(crate) fn around(
    json: &Value,
    named: impl Fn(&str) -> Option<u32> + Copy,
) -> Result<(Vec<u32>, Vec<u32>), TokenizerError> {
    match kind(json) {
        // ByteLevel moves offsets only.
        None | Some("ByteLevel") => Ok((Vec::new(), Vec::new())),
        Some("TemplateProcessing") => template(json, named),
        Some("BertProcessing" | "RobertaProcessing") => {
            let id = |key: &str| {
                let id = json.get(key)?.get(1)?.as_u64()?;
                u32::try_from(id).ok()
            };
            Ok((id("cls").into_iter().collect(), id("sep").into_iter().collect()))
        }
        Some("Sequence") => {
            let (mut before, mut after) = (Vec::new(), Vec::new());
            for step in list(json, "processors") {
                let (first, last) = around(step, named)?;
                before.splice(0..0, first);
                after.extend(last);
            }
            Ok((before, after))
        }
        Some(other) => Err(unsupported("post_processor", other)),
    }
}

fn template(
    json: &Value,
    named: impl Fn(&str) -> Option<u32>,
) -> Result<(Vec<u32>, Vec<u32>), TokenizerError> {
    let (mut before, mut after, mut seen) = (Vec::new(), Vec::new(), false);
    for piece in list(json, "single") {
        if piece.get("Sequence").is_some() {
            seen = true;
            continue;
        }
        let name = piece.pointer("/SpecialToken/id").and_then(Value::as_str).unwrap_or_default();
        let listed = json.get("special_tokens").and_then(|tokens| tokens.get(name));
        let ids: Vec<u32> = match listed.map(|token| list(token, "ids")) {
            Some(ids) => {
                ids.iter().filter_map(Value::as_u64).filter_map(|id| u32::try_from(id).ok()).collect()
            }
            None => named(name).into_iter().collect(),
        };
        if ids.is_empty() {
            let what = format!("the post_processor names the token {name:?}, which has no id");
            return Err(TokenizerError::Json(what));
        }
        if seen { &mut after } else { &mut before }.extend(ids);
    }
    Ok((before, after))
}
