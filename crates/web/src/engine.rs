//! A loaded model. One generation runs at a time: while one of its calls is under way the engine is lent out.

use std::cell::RefCell;
use std::rc::Rc;

use serde::Serialize;
use sotto_engine::text::LocalTime;
use sotto_engine::{Classifier, Counters, EngineError, ErrorCode, GenerateOptions, Prompt, Task};
use sotto_pii::{Offsets, TokenClassifier};
use wasm_bindgen::prelude::*;

use crate::error::{throw, thrown, to_js};
use crate::generation::Generation;
use crate::heap;
use crate::options;

/// A loaded model, as what it is for.
enum Loaded {
    Classifier(Box<Classifier>),
    Other(Box<sotto_engine::Engine>),
}

impl Loaded {
    fn engine(&mut self) -> &mut sotto_engine::Engine {
        match self {
            Loaded::Classifier(classifier) => classifier.engine(),
            Loaded::Other(engine) => engine,
        }
    }
}

/// The engine, or nothing while a call has it.
#[derive(Clone)]
pub(crate) struct Shared(Rc<RefCell<Option<Loaded>>>);

impl Shared {
    /// Runs `work` with the engine and puts it back, whatever comes of it.
    pub async fn with<T>(
        &self,
        work: impl AsyncFnOnce(&mut sotto_engine::Engine) -> Result<T, EngineError>,
    ) -> Result<T, JsValue> {
        self.with_loaded(async |loaded| work(loaded.engine()).await).await
    }

    async fn with_loaded<T>(
        &self,
        work: impl AsyncFnOnce(&mut Loaded) -> Result<T, EngineError>,
    ) -> Result<T, JsValue> {
        let mut loaded = self.0.borrow_mut().take().ok_or_else(busy)?;
        let result = work(&mut loaded).await;
        *self.0.borrow_mut() = Some(loaded);
        result.map_err(throw)
    }

    pub fn read<T>(&self, work: impl FnOnce(&sotto_engine::Engine) -> T) -> Result<T, JsValue> {
        self.0.borrow_mut().as_mut().map(|loaded| work(loaded.engine())).ok_or_else(busy)
    }
}

fn busy() -> JsValue {
    thrown(ErrorCode::InvalidArgument, "the model is busy with another call; wait for it to end")
}

/// What a token classifier sees, in UTF-16 units.
#[derive(Serialize)]
struct Span {
    label: String,
    start: usize,
    end: usize,
    score: f32,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Stats {
    #[serde(flatten)]
    counters: Counters,
    wasm_bytes: f64,
    peak_load_bytes: f64,
}

/// A loaded model.
#[wasm_bindgen]
pub struct Engine {
    pub(crate) shared: Shared,
    peak_load_bytes: f64,
}

impl Engine {
    pub(crate) fn new(engine: sotto_engine::Engine, peak_load_bytes: f64) -> Result<Self, EngineError> {
        let loaded = match engine.task() {
            Task::ClassifyTokens { .. } => Loaded::Classifier(Box::new(Classifier::new(engine)?)),
            _ => Loaded::Other(Box::new(engine)),
        };
        Ok(Engine { shared: Shared(Rc::new(RefCell::new(Some(loaded)))), peak_load_bytes })
    }
}

#[wasm_bindgen]
impl Engine {
    /// What to show of the model.
    pub fn info(&self) -> Result<JsValue, JsValue> {
        self.shared.read(|e| to_js(e.info()))
    }

    /// The device it runs on.
    pub fn device(&self) -> Result<JsValue, JsValue> {
        self.shared.read(|e| to_js(&e.device()))
    }

    /// Positions the model holds at most.
    #[wasm_bindgen(js_name = contextLength)]
    pub fn context_length(&self) -> Result<usize, JsValue> {
        self.shared.read(sotto_engine::Engine::context_length)
    }

    /// Has a smaller model draft what this one writes, which is used up.
    #[wasm_bindgen(js_name = setDraft)]
    pub fn set_draft(&mut self, draft: Engine) -> Result<(), JsValue> {
        let set = |engine: &mut sotto_engine::Engine| match draft.shared.0.take() {
            Some(Loaded::Other(draft)) => engine.set_draft(*draft).map_err(throw),
            Some(_) => Err(throw(EngineError::Task { needed: "generate", found: "classify" })),
            None => Err(busy()),
        };
        self.shared.0.borrow_mut().as_mut().map(|loaded| set(loaded.engine())).ok_or_else(busy)??;
        self.peak_load_bytes = self.peak_load_bytes.max(draft.peak_load_bytes);
        Ok(())
    }

    /// Counters of the device and of the wasm heap.
    pub fn stats(&self) -> Result<JsValue, JsValue> {
        self.shared.read(|e| {
            to_js(&Stats {
                counters: e.counters(),
                wasm_bytes: heap::memory_bytes(),
                peak_load_bytes: self.peak_load_bytes,
            })
        })
    }

    /// Text to token ids.
    pub fn tokenize(&self, text: &str, add_special: bool, parse_special: bool) -> Result<Vec<u32>, JsValue> {
        self.shared.read(|e| e.tokenizer().encode(text, add_special, parse_special).map_err(throw))?
    }

    /// Token ids to text.
    pub fn detokenize(&self, ids: &[u32]) -> Result<String, JsValue> {
        self.shared.read(|e| {
            let vocab = e.tokenizer().vocab_size();
            match ids.iter().find(|&&id| id as usize >= vocab) {
                Some(id) => Err(thrown(
                    ErrorCode::InvalidArgument,
                    format!("token id {id} is outside the vocabulary of {vocab}"),
                )),
                None => Ok(e.tokenizer().decode(ids, false)),
            }
        })?
    }

    /// What a token classifier sees in a text: JSON of `[{ label, start, end, score }]`, offsets in UTF-16 units. It reads at one of the
    /// model's operating points, by default at its own.
    pub async fn classify(&self, text: String, operating_point: Option<String>) -> Result<String, JsValue> {
        let classify = async |loaded: &mut Loaded| match loaded {
            Loaded::Classifier(classifier) => {
                classifier.set_operating_point(operating_point.as_deref())?;
                classifier.classify(&text).await
            }
            Loaded::Other(engine) => {
                Err(EngineError::Task { needed: "classify", found: engine.task().name() })
            }
        };
        let spans = self.shared.with_loaded(classify).await?;
        let offsets = Offsets::new(&text);
        let spans: Vec<Span> = spans
            .into_iter()
            .map(|span| Span {
                label: span.class,
                start: offsets.utf16(span.start),
                end: offsets.utf16(span.end),
                score: span.score,
            })
            .collect();
        Ok(serde_json::to_string(&spans).unwrap_or_else(|_| "[]".to_owned()))
    }

    /// Renders a conversation with the model's chat template.
    #[wasm_bindgen(js_name = renderChat)]
    pub fn render_chat(&self, request: JsValue) -> Result<String, JsValue> {
        let request: serde_json::Value = serde_wasm_bindgen::from_value(request).map_err(|error| {
            thrown(ErrorCode::InvalidArgument, format!("the chat request is not plain data: {error}"))
        })?;
        self.shared.read(|e| e.render_chat(&request, now()).map_err(throw))?
    }

    /// Reads the prompt and starts a reply. `prompt` is text or token ids; with `parse_special` the text may
    /// hold special tokens, as chat templates write them. On the CPU the reply goes on from the ids that are `written`.
    pub async fn generate(
        &self,
        prompt: JsValue,
        options: JsValue,
        parse_special: bool,
        written: Option<Vec<u32>>,
    ) -> Result<Generation, JsValue> {
        let defaults = self.shared.read(sotto_engine::Engine::defaults)?;
        let options: GenerateOptions = options::read_over(options, &defaults, "generate options")?;
        let prompt = match prompt.as_string() {
            Some(text) if parse_special => Prompt::Template(text),
            Some(text) => Prompt::Text(text),
            None => Prompt::Ids(js_sys::Uint32Array::new(&prompt).to_vec()),
        };
        let shared = self.shared.clone();
        let generation =
            shared.with(async |e| e.resume(&prompt, &options, &written.unwrap_or_default()).await).await?;
        Ok(Generation::new(shared, generation))
    }
}

/// The visitor's local time, which templates print as a date.
fn now() -> LocalTime {
    let date = js_sys::Date::new_0();
    LocalTime::new((date.get_time() / 1e3) as i64, -date.get_timezone_offset() as i32)
}
