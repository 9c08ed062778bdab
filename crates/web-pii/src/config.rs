//! The options of the package as a redactor. They come as JSON; the last few redactors are kept, so that a call with the
//! same options compiles no pattern again.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use serde::{Deserialize, Serialize};
use sotto_pii::eval::LabelMap;
use sotto_pii::{Action, Custom, Group, Label, OperatingPoint, Policy, Recognisers, Redactor};
use wasm_bindgen::prelude::*;

use crate::error::invalid;
use crate::text::json;

/// Redactors kept.
const KEPT: usize = 16;

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
struct Config {
    policy: PolicyOptions,
    labels: Option<Vec<Label>>,
    operating_point: Option<OperatingPoint>,
    threshold: Option<Threshold>,
    hash_key: Option<Key>,
    recognisers: RecogniserOptions,
    label_map: BTreeMap<String, Option<Label>>,
}

/// A redactor, and what a model's classes mean to it.
pub(crate) struct Configured {
    pub redactor: Redactor,
    pub classes: LabelMap,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
struct PolicyOptions {
    preset: Option<String>,
    actions: BTreeMap<Label, Action>,
    groups: BTreeMap<Group, Action>,
    default: Option<Action>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Threshold {
    All(f32),
    Each(BTreeMap<Label, f32>),
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Key {
    Text(String),
    Bytes(Vec<u8>),
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
struct RecogniserOptions {
    patterns: Vec<Pattern>,
    deny: BTreeMap<Label, Vec<String>>,
    allow: Vec<String>,
    off: Vec<Label>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Pattern {
    label: Label,
    pattern: String,
    score: Option<f32>,
}

thread_local! {
    static LAST: RefCell<Vec<(String, Rc<Configured>)>> = const { RefCell::new(Vec::new()) };
}

/// The redactor of these options.
pub(crate) fn configured(config: &str) -> Result<Rc<Configured>, JsValue> {
    LAST.with_borrow_mut(|last| {
        if let Some(at) = last.iter().position(|(known, _)| known == config) {
            last[at..].rotate_left(1);
        } else {
            let options: Config =
                serde_json::from_str(config).map_err(|error| invalid(format!("options: {error}")))?;
            let built = build(options).map_err(invalid)?;
            if last.len() == KEPT {
                last.remove(0);
            }
            last.push((config.to_owned(), Rc::new(built)));
        }
        last.last().map(|(_, configured)| configured.clone()).ok_or_else(|| invalid("no options"))
    })
}

fn build(options: Config) -> Result<Configured, String> {
    let said = |error: &dyn std::fmt::Display| error.to_string();
    let PolicyOptions { preset, actions, groups, default } = options.policy;
    let mut policy = match (preset, default) {
        (Some(_), Some(_)) => return Err("a policy has a preset or a default action, not both".to_owned()),
        (Some(preset), None) => Policy::named(&preset).map_err(|e| said(&e))?,
        (None, default) => Policy::all(default.unwrap_or_default()),
    };
    for (group, action) in groups {
        policy = policy.with_group(group, action);
    }
    for (label, action) in actions {
        policy = policy.with(label, action);
    }
    policy = policy.at(options.operating_point.unwrap_or_default());
    let least = match options.threshold {
        None => BTreeMap::new(),
        Some(Threshold::All(least)) => Label::ALL.iter().map(|label| (label.clone(), least)).collect(),
        Some(Threshold::Each(each)) => each,
    };
    for (label, least) in least {
        policy = policy.with_threshold(label, least);
    }
    if let Some(key) = options.hash_key {
        let bytes = match key {
            Key::Text(text) => text.into_bytes(),
            Key::Bytes(bytes) => bytes,
        };
        policy = policy.with_key(&bytes).map_err(|e| said(&e))?;
    }
    let RecogniserOptions { patterns, deny, allow, off } = options.recognisers;
    let mut custom = Custom::default();
    for Pattern { label, pattern, score } in patterns {
        custom.pattern(label, &pattern, score.unwrap_or(1.0)).map_err(|e| said(&e))?;
    }
    for (label, words) in deny {
        custom.deny(&label, words).map_err(|e| said(&e))?;
    }
    custom.allow(allow);
    let recognisers = off.into_iter().fold(Recognisers::all(), Recognisers::without).with(custom);
    let redactor = Redactor::new(policy, recognisers).map_err(|e| said(&e))?;
    let redactor = match options.labels {
        Some(labels) => redactor.only(labels),
        None => redactor,
    };
    let map = options.label_map.into_iter();
    let classes = map.fold(LabelMap::new(), |map, (class, label)| map.with(&class, label));
    Ok(Configured { redactor, classes })
}

/// Throws if the options are wrong.
#[wasm_bindgen(js_name = checkConfig)]
pub fn check_config(config: &str) -> Result<(), JsValue> {
    configured(config).map(drop)
}

#[derive(Serialize)]
struct Named {
    name: &'static str,
    group: Group,
}

/// All built-in labels as JSON, `[{ name, group }]`.
#[wasm_bindgen]
pub fn labels() -> String {
    json(
        &Label::ALL
            .iter()
            .map(|label| Named { name: label.name(), group: label.group() })
            .collect::<Vec<_>>(),
    )
}
