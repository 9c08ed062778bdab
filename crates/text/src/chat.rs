//! Chat templates: the Jinja programs that models carry to turn messages into a prompt.
//!
//! They are written for Python's `jinja2` as Hugging Face's `transformers` sets it up, and rendered here by
//! `minijinja` in an environment that does the same: blocks trimmed, loop controls, Python's methods and its
//! way to write values, `tojson`, `raise_exception`, `strftime_now`. A template is a program from a stranger, so
//! it gets a budget of steps and of memory (`bound`) and sees nothing but its input.
//!
//! It is kinder than Python in two things that are a `TypeError` there: looping over `none` does nothing, and
//! what `map` and its like give can be written as JSON.

mod bound;
mod clock;
mod json;
mod markup;
mod methods;
mod python;

use minijinja::value::Value;
use minijinja::{Environment, Error, ErrorKind, context};

pub use clock::LocalTime;

/// Steps a template may take: some hundred for a message are usual, so this is thousands of messages.
const FUEL: u64 = 5_000_000;

/// Rendered text above this is a runaway template, in bytes.
const MAX_OUTPUT: usize = 64 << 20;

/// Depth of `minijinja`'s calls, of which a macro takes four: what the 1 MiB stack of WebAssembly holds.
const RECURSION: usize = 250;

const NAME: &str = "chat_template";

/// Why a template could not be compiled or rendered. Never holds the messages' text.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ChatError {
    /// The template is no valid Jinja.
    #[error("chat template, line {line}: {message}")]
    Syntax {
        /// Where, from 1; 0 if unknown.
        line: usize,
        /// What is wrong.
        message: String,
    },
    /// The template refuses these messages (`raise_exception`), in its own words.
    #[error("the chat template refuses these messages: {0}")]
    Raised(String),
    /// The template failed on these messages: it expects a field they lack, or of another type.
    #[error("chat template, line {line}: {message}")]
    Render {
        /// Where, from 1; 0 if unknown.
        line: usize,
        /// What went wrong.
        message: String,
    },
    /// The template ran for too long, wrote too much or filled too much memory.
    #[error(
        "the chat template does not end: stopped at {FUEL} steps, {MAX_OUTPUT} bytes of text or {} bytes of memory",
        bound::MAX_MADE
    )]
    Endless,
}

/// What a template gets to see. Values are as in OpenAI's chat completions, and passed on as they are.
#[derive(Clone, Debug, Default)]
pub struct ChatInput {
    /// The messages: an array of objects with `role`, `content`, `tool_calls`, ...
    pub messages: serde_json::Value,
    /// Tools the model may call: JSON schemas of functions. `None` is Jinja's `none`, as in `transformers`.
    pub tools: Option<serde_json::Value>,
    /// Documents to answer from: objects with `title` and `text`.
    pub documents: Option<serde_json::Value>,
    /// Whether the prompt ends with the beginning of a reply.
    pub add_generation_prompt: bool,
    /// The name of the token a text begins with.
    pub bos_token: String,
    /// The name of the token a text ends with.
    pub eos_token: String,
    /// Any other variables (`enable_thinking`, `date_string`, ...).
    pub extra: serde_json::Map<String, serde_json::Value>,
    /// The time `strftime_now` tells.
    pub now: LocalTime,
}

/// A compiled chat template.
#[derive(Debug)]
pub struct ChatTemplate {
    environment: Environment<'static>,
    /// Whether it treats the role `developer`, OpenAI's newer name of `system`, in a way of its own.
    knows_developer: bool,
}

impl ChatTemplate {
    /// The source of the template a GGUF file carries for conversations with tools or without: `None` if it has none.
    pub fn source_in(metadata: &sotto_format::Metadata, with_tools: bool) -> Option<&str> {
        let named = |key: &str| metadata.str_opt(key).ok().flatten();
        let tool_use = if with_tools { named("tokenizer.chat_template.tool_use") } else { None };
        tool_use.or_else(|| named("tokenizer.chat_template"))
    }

    /// Compiles a template's source.
    pub fn new(source: &str) -> Result<Self, ChatError> {
        let compile = || {
            let mut environment = environment()?;
            let source_in_python = markup::rewrite(&without_generation_tags(source));
            let counted = bound::counted(NAME, &source_in_python, python::syntax()?)?;
            environment.set_fuel(Some(FUEL.min(counted.steps)));
            environment.add_template_owned(NAME, counted.source)?;
            Ok(ChatTemplate { environment, knows_developer: source.contains("developer") })
        };
        compile().map_err(|error: Error| ChatError::Syntax {
            line: error.line().unwrap_or(0),
            message: explain(&error),
        })
    }

    /// The prompt for these messages.
    pub fn render(&self, input: &ChatInput) -> Result<String, ChatError> {
        let template = self.environment.get_template(NAME).map_err(render_error)?;
        let now = input.now;
        let strftime_now = move |format: &str| now.format(format);
        let context = context! {
            messages => messages(&input.messages, self.knows_developer),
            tools => input.tools.as_ref().map(python::value),
            documents => input.documents.as_ref().map(python::value),
            add_generation_prompt => input.add_generation_prompt,
            bos_token => input.bos_token.as_str(),
            eos_token => input.eos_token.as_str(),
            strftime_now => Value::from_function(strftime_now),
            ..Value::from_pairs(input.extra.iter().map(|(name, value)| (name.as_str(), python::value(value))))
        };
        let mut text = Bounded::default();
        match template.render_captured_to(context, &mut text) {
            Ok(_) => String::from_utf8(text.0).map_err(|_| ChatError::Endless),
            Err(_) if text.0.len() >= MAX_OUTPUT => Err(ChatError::Endless),
            Err(error) => Err(match render_error(error) {
                ChatError::Raised(message) => ChatError::Raised(without_texts(message, &input.messages)),
                other => other,
            }),
        }
    }
}

/// What a template raises, without what the messages say: some templates quote them. Roles stay.
fn without_texts(mut raised: String, messages: &serde_json::Value) -> String {
    /// Shorter texts are part of ordinary words.
    const SHORTEST: usize = 4;
    let mut left = vec![messages];
    while let Some(value) = left.pop() {
        match value {
            serde_json::Value::String(text) if text.trim().len() >= SHORTEST => {
                raised = raised.replace(text.trim(), "\u{2026}");
            }
            serde_json::Value::Array(items) => left.extend(items),
            serde_json::Value::Object(fields) => {
                left.extend(fields.iter().filter(|(name, _)| *name != "role").map(|(_, value)| value));
            }
            _ => {}
        }
    }
    raised
}

fn environment() -> Result<Environment<'static>, Error> {
    let mut environment = Environment::new();
    environment.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
    environment.set_recursion_limit(RECURSION);
    environment.add_filter("tojson", json::tojson);
    environment.add_filter(markup::PLUS, markup::plus);
    environment.add_filter(bound::HELD, bound::held);
    environment.add_function("raise_exception", raise_exception);
    python::install(&mut environment)?;
    Ok(environment)
}

/// The messages, with what a model thought under every name that templates look for it under, and a developer's as
/// the system's for templates that know no developer.
fn messages(messages: &serde_json::Value, knows_developer: bool) -> Value {
    use serde_json::Value as Json;
    let thought = |message: &Json| {
        let names = ["reasoning_content", "thinking", "reasoning"];
        names.iter().find_map(|name| message.get(name).filter(|thought| !thought.is_null()).cloned())
    };
    let named = |message: &Json| match (message, thought(message)) {
        (Json::Object(fields), Some(thought)) => {
            let mut all = serde_json::Map::from_iter([("thinking".to_owned(), thought.clone())]);
            all.extend(fields.clone());
            all.insert("reasoning_content".to_owned(), thought);
            python::value(&Json::Object(all))
        }
        _ => python::value(message),
    };
    let known = |message: &Json| match message {
        Json::Object(fields)
            if !knows_developer && fields.get("role").is_some_and(|role| role == "developer") =>
        {
            let mut fields = fields.clone();
            fields.insert("role".to_owned(), "system".into());
            named(&Json::Object(fields))
        }
        _ => named(message),
    };
    match messages {
        Json::Array(messages) => messages.iter().map(known).collect(),
        other => python::value(other),
    }
}

/// What `raise_exception` throws; kept apart from errors of the template's own making.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Raised(String);

fn raise_exception(message: &Value) -> Result<Value, Error> {
    let message = message.to_string();
    Err(Error::new(ErrorKind::InvalidOperation, message.clone()).with_source(Raised(message)))
}

fn render_error(error: Error) -> ChatError {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(&error);
    while let Some(error) = cause {
        if let Some(Raised(message)) = error.downcast_ref() {
            return ChatError::Raised(message.clone());
        }
        if error.is::<bound::TooLarge>() {
            return ChatError::Endless;
        }
        if error.downcast_ref::<Error>().is_some_and(|error| error.kind() == ErrorKind::OutOfFuel) {
            return ChatError::Endless;
        }
        cause = error.source();
    }
    ChatError::Render { line: error.line().unwrap_or(0), message: explain(&error) }
}

fn explain(error: &Error) -> String {
    match error.detail() {
        Some(detail) => format!("{}: {detail}", error.kind()),
        None => error.kind().to_string(),
    }
}

/// `{% generation %}` marks what the assistant says, for training; here it is a block like any other.
fn without_generation_tags(source: &str) -> String {
    let mut plain = String::with_capacity(source.len());
    let mut rest = source;
    while let Some(at) = rest.find("{%") {
        let (before, tag) = rest.split_at(at);
        plain.push_str(before);
        let Some(length) = tag.find("%}").map(|end| end + 2) else { break };
        let (tag, after) = tag.split_at(length);
        let name = tag.trim_matches(|c: char| "{%-+}".contains(c)).trim();
        match name {
            "generation" => plain.push_str(&tag.replace("generation", "if true")),
            "endgeneration" => plain.push_str(&tag.replace("endgeneration", "endif")),
            _ => plain.push_str(tag),
        }
        rest = after;
    }
    plain.push_str(rest);
    plain
}

/// Text up to [`MAX_OUTPUT`].
#[derive(Default)]
struct Bounded(Vec<u8>);

impl std::io::Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if self.0.len() + bytes.len() > MAX_OUTPUT {
            self.0.clear();
            self.0.resize(MAX_OUTPUT, 0);
            return Err(std::io::ErrorKind::FileTooLarge.into());
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn render(source: &str) -> Result<String, ChatError> {
        let input = ChatInput {
            messages: json!([{"role": "user", "content": "hi", "n": 1.5e-7, "tags": ["a", "é\n'\""], "none": null, "yes": true}]),
            now: LocalTime::new(1_722_001_509, 0),
            ..ChatInput::default()
        };
        ChatTemplate::new(source)?.render(&input)
    }

    #[track_caller]
    fn gives(source: &str, expected: &str) {
        assert_eq!(render(source).unwrap(), expected);
    }

    #[test]
    fn values_are_written_as_python_writes_them() {
        gives("{{ messages[0].tags }}", r#"['a', 'é\n\'"']"#);
        gives("{{ messages[0].none }} {{ messages[0].yes }} {{ messages[0].missing }}|", "None True |");
        gives(
            "{{ messages[0].n }} {{ 'n=' ~ messages[0].n }} {{ [1.0, (2, 3), {'a': none}] }}",
            "1.5e-07 n=1.5e-07 [1.0, (2, 3), {'a': None}]",
        );
        gives(
            "{{ messages[0] | tojson }}",
            r#"{"role": "user", "content": "hi", "n": 1.5e-07, "tags": ["a", "é\n'\""], "none": null, "yes": true}"#,
        );
        gives(
            "{{ messages[0].tags | tojson(indent=2, ensure_ascii=true) }}",
            "[\n  \"a\",\n  \"\\u00e9\\n'\\\"\"\n]",
        );
        gives(
            "{{ {'b': [], 'a': {}} | tojson(separators=(',', ':'), sort_keys=true) }}",
            r#"{"a":{},"b":[]}"#,
        );
        gives("{{ '<&>' | tojson }}{{ 1e20 | tojson }}", r#""<&>"1e+20"#);
    }

    #[test]
    fn python_methods_work_on_text() {
        gives(
            "{{ ' a b\u{1f} '.strip() }}|{{ 'xxaxx'.lstrip('x') }}|{{ 'a,b,,c'.split(',') }}",
            "a b|axx|['a', 'b', '', 'c']",
        );
        gives(
            "{{ ' a  b '.split() }}{{ 'a-b-c'.rsplit('-', 1) }}{{ 'a.b'.partition('.')[2] }}",
            "['a', 'b']['a-b', 'c']b",
        );
        gives(
            "{{ 'abc'.removeprefix('a') ~ 'abc'.removesuffix('c') }} {{ 'a\nb'.splitlines() | length }}",
            "bcab 2",
        );
        gives(
            "{{ 'Hi'.startswith(('x', 'H')) }} {{ messages[0].get('x', 'd') }} {{ {'a': 1}.items() | list }}",
            "True d [('a', 1)]",
        );
    }

    #[test]
    fn blocks_are_trimmed_and_loops_controlled() {
        gives("  {% if true %}\n  a\n  {% endif %}\nb\n", "  a\nb");
        gives(
            "{% for i in range(9) %}{% if i == 1 %}{% continue %}{% elif i == 3 %}{% break %}{% endif %}{{ i }}{% endfor %}",
            "02",
        );
        gives(
            "{% set ns = namespace(n=1) %}{% for m in messages %}{% set ns.n = 2 %}{% endfor %}{{ ns.n }}",
            "2",
        );
        gives("a {%- generation %} b {%- endgeneration -%} c", "a bc");
        gives("{{ strftime_now('%d %b %Y') }}", "26 Jul 2024");
    }

    #[test]
    fn a_developer_is_the_system_where_the_template_knows_no_developer() {
        let input = ChatInput {
            messages: json!([{"role": "developer", "content": "a"}, {"role": "user", "content": "b"}]),
            ..ChatInput::default()
        };
        let render = |source: &str| ChatTemplate::new(source).unwrap().render(&input).unwrap();
        let all = "{% for m in messages %}{{ m.role }}:{{ m.content }} {% endfor %}";
        assert_eq!(render(all), "system:a user:b ");
        let known =
            "{% for m in messages if m.role == 'developer' %}{{ m.role }}:{{ m.content }}{% endfor %}";
        assert_eq!(render(known), "developer:a");
    }

    #[test]
    fn thoughts_have_every_name() {
        let message = |fields: serde_json::Value| messages(&json!([fields]), true).to_string();
        // What `transformers` makes of the same messages.
        assert_eq!(
            message(json!({"role": "a", "reasoning": "r"})),
            "[{'thinking': 'r', 'role': 'a', 'reasoning': 'r', 'reasoning_content': 'r'}]"
        );
        assert_eq!(
            message(json!({"role": "a", "thinking": "t"})),
            "[{'thinking': 't', 'role': 'a', 'reasoning_content': 't'}]"
        );
        assert_eq!(
            message(json!({"role": "a", "reasoning_content": null})),
            "[{'role': 'a', 'reasoning_content': None}]"
        );
    }

    #[test]
    fn a_gguf_file_may_have_a_template_for_tools() {
        let mut metadata = sotto_format::Metadata::new();
        assert_eq!(ChatTemplate::source_in(&metadata, true), None);
        metadata.insert("tokenizer.chat_template", sotto_format::Value::String("plain".into()));
        assert_eq!(ChatTemplate::source_in(&metadata, true), Some("plain"));
        metadata.insert("tokenizer.chat_template.tool_use", sotto_format::Value::String("tools".into()));
        assert_eq!(ChatTemplate::source_in(&metadata, true), Some("tools"));
        assert_eq!(ChatTemplate::source_in(&metadata, false), Some("plain"));
    }

    #[test]
    fn a_template_that_refuses_speaks_for_itself() {
        let refused = render("{{ raise_exception('Only ' + 'one') }}");
        assert!(matches!(&refused, Err(ChatError::Raised(message)) if message == "Only one"), "{refused:?}");
        let inside = render("{% macro m() %}{{ raise_exception('deep') }}{% endmacro %}\n{{ m() }}");
        assert!(matches!(&inside, Err(ChatError::Raised(message)) if message == "deep"), "{inside:?}");
        let template = ChatTemplate::new(
            "{{ raise_exception('No ' ~ messages[0].role ~ ' may say ' ~ messages[0].content) }}",
        );
        let input = ChatInput {
            messages: json!([{ "role": "user", "content": " a secret ", "name": "    " }]),
            ..ChatInput::default()
        };
        let quoting = template.unwrap().render(&input);
        assert!(
            matches!(&quoting, Err(ChatError::Raised(m)) if m == "No user may say  \u{2026} "),
            "{quoting:?}"
        );
    }

    #[test]
    fn a_broken_template_says_where() {
        assert!(matches!(render("a\n{% if %}"), Err(ChatError::Syntax { line: 2, .. })));
        assert!(matches!(render("\n\n{{ x.y.z }}"), Err(ChatError::Render { line: 3, .. })));
        assert!(matches!(render("{{ messages.append(1) }}"), Err(ChatError::Render { .. })));
    }

    #[test]
    fn a_template_without_end_is_stopped() {
        let nested =
            "{% for a in range(9999) %}{% for b in range(9999) %}{% set x = a %}{% endfor %}{% endfor %}";
        assert!(matches!(render(nested), Err(ChatError::Endless)));
        let recursive = "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}";
        assert!(matches!(render(recursive), Err(ChatError::Render { .. })));
        let growing = "{% set ns = namespace(s='0123456789') %}{% for i in range(60) %}{% set ns.s = ns.s + ns.s %}{{ ns.s }}{% endfor %}";
        assert!(matches!(render(growing), Err(ChatError::Endless)));
    }

    /// Each doubles, or worse, some forty times, which would fill any memory.
    #[test]
    fn templates_that_grow_without_writing_are_stopped() {
        let doubling = [
            "{% set ns.x = ns.x ~ ns.x %}",
            "{% set ns.x = ns.x + ns.x %}",
            "{% set ns.x = ns.x * 2 %}",
            "{% set ns.x = '%s%s' | format(ns.x, ns.x) %}",
            "{% set ns.x = [ns.x, ns.x] | join %}",
            "{% set ns.x = ns.x | replace('a', 'aa') %}",
            "{% set ns.x = ns.x.replace('a', 'aa') %}",
            "{% set ns.x = ns.x.join(['', '', '']) ~ 'a' %}",
            "{% set ns.x = [ns.x, ns.x] %}",
            "{% set ns.x = {'a': ns.x, 'b': ns.x} %}",
            "{% set ns.x = dict(a=ns.x, b=ns.x) %}",
            "{% set ns.x = (ns.x, ns.x) %}",
            "{% set ns.x = [ns.x, ns.x] | tojson %}",
            "{% set ns.x = [ns.x, ns.x] | string %}",
            "{% set y %}{{ ns.x }}{{ ns.x }}{% endset %}{% set ns.x = y %}",
            "{% set ns.x = twice(ns.x) %}",
            "{% set y = ns.x ~ ns.x if true else '' %}{% set ns.x = y %}",
            "{% with y = ns.x ~ ns.x %}{% set ns.x = y %}{% endwith %}",
            "{% for y in [ns.x ~ ns.x] %}{% set ns.x = y %}{% endfor %}",
            "{% set ns.x = ns.x | upper ~ ns.x | lower %}",
        ];
        for step in doubling {
            let start =
                "{% macro twice(x) %}{{ x }}{{ x }}{% endmacro %}{% set ns = namespace(x='aaaaaaaa') %}";
            let looped = format!("{start}{{% for i in range(60) %}}{step}{{% endfor %}}done");
            let error = render(&looped).unwrap_err();
            assert!(matches!(error, ChatError::Endless), "{step}: {error}");
            let unrolled = format!("{start}{}done", step.repeat(60));
            assert!(matches!(render(&unrolled), Err(ChatError::Endless)), "{step}, written out");
        }
        let lists =
            "{% set ns = namespace(x=[1]) %}{% for i in range(60) %}{% set ns.x = ns.x + ns.x %}{% endfor %}";
        assert!(matches!(render(lists), Err(ChatError::Endless)));
        let deep = "{% macro f(x) %}{{ f(x ~ x) }}{% endmacro %}{{ f('a') }}";
        assert!(render(deep).is_err());
        let raw = format!(
            "{{% for i in range(100000) %}}{{% for j in range(100000) %}}{{% set x %}}{}{{% endset %}}{{% endfor %}}{{% endfor %}}",
            "raw ".repeat(5000)
        );
        assert!(matches!(render(&raw), Err(ChatError::Endless)));
    }

    /// What is put in to count keeps its place: in calls of what calls give, before a test without parentheses, in
    /// tuples, in filters of blocks.
    #[test]
    fn counting_changes_no_meaning() {
        gives("{{ {'a': 1}.items() | list | length }}{{ ['a', 'b'][0].upper().lower() }}", "1a");
        gives("{{ 'a' is in ['a'] }} {{ ('a' ~ 'b') * 2 ~ (1 + 2) }} {{ -(1 + 2) | abs }}", "True abab3 3");
        gives(
            "{% for a, b in [(1, 2), (3, 4)] %}{{ a + b }},{% endfor %}{% set x, y = 1, 2 %}{{ x }}{{ y }}",
            "3,7,12",
        );
        gives(
            "{% filter upper %}a{{ 'b' ~ 'c' }}{% endfilter %}{% set x | upper | trim %} a {% endset %}{{ x }}",
            "ABCA",
        );
        gives(
            "{% macro m(a, b=[1] + [2]) %}{{ a }}{{ b }}{{ caller() }}{% endmacro %}{% call m('x' ~ 'y') %}z{% endcall %}",
            "xy[1, 2]z",
        );
        gives(
            "{% for i in [1, [2, [3]]] recursive %}{% if i is sequence %}{{ loop(i) }}{% else %}{{ i }}{% endif %}{% endfor %}",
            "123",
        );
        gives(
            "{{ ('a' ~ 'b').upper() }}{{ (messages[0].role or 'x').title() }}{{ ([3] + [4])[0] }}",
            "ABUser3",
        );
        gives(
            "{{ 'a%sc' | format('b') }}{{ [3, 1] | sort | first }}{{ 'abc'[1:] ~ messages[-1:] | length }}",
            "abc1bc1",
        );
    }
}
