//! A bound on the memory that a template fills. `minijinja` counts steps, but one step can double a text, so that forty
//! steps fill any memory. So before a template is compiled, each of its expressions that makes a text or a list is put
//! through a filter, [`HELD`], which counts what was made.

use minijinja::machinery::ast::{BinOpKind, Call, CallArg, Expr, Macro, Stmt};
use minijinja::machinery::parse;
use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Value, ValueKind};
use minijinja::{Error, ErrorKind, State};
use sotto_format::order::sort_by;

/// The name of the filter in rewritten templates.
pub(super) const HELD: &str = "__held";

/// Bytes that a template may make while it runs, what it lets go of included.
pub(super) const MAX_MADE: usize = 256 << 20;

/// Bytes of one text or list that a template makes.
const MAX_VALUE: usize = 16 << 20;

/// Bytes of text that stand in the template itself which may be written into variables; they pass no filter.
const MAX_RAW: u64 = 1 << 30;

/// What a value in a list takes.
const VALUE_BYTES: usize = 24;

/// A template that counts what it makes.
#[derive(Debug)]
pub(super) struct Counted {
    pub source: String,
    /// Steps that keep what it writes of its own text below [`MAX_RAW`].
    pub steps: u64,
}

/// Rewrites a template; an error where it is no valid one.
pub(super) fn counted(name: &str, source: &str, syntax: SyntaxConfig) -> Result<Counted, Error> {
    let template = parse(source, name, syntax)?;
    let mut visitor = Visitor::default();
    visitor.statement(&template);
    let mut edits = visitor.edits;
    // At one place what ends goes before what begins; inner expressions end first and begin last.
    sort_by(&mut edits, &|a, b| (a.at, a.order).cmp(&(b.at, b.order)));
    let mut rewritten = String::with_capacity(source.len() + 16 * edits.len());
    let mut done = 0;
    for edit in edits {
        rewritten.push_str(source.get(done..edit.at).unwrap_or_default());
        rewritten.push_str(&edit.text);
        done = edit.at;
    }
    rewritten.push_str(source.get(done..).unwrap_or_default());
    Ok(Counted { source: rewritten, steps: MAX_RAW / visitor.longest_raw.max(1) as u64 })
}

/// A text to put in at byte `at`.
struct Edit {
    at: usize,
    order: i64,
    text: String,
}

#[derive(Default)]
struct Visitor {
    edits: Vec<Edit>,
    longest_raw: usize,
    /// Expressions seen so far.
    seen: i64,
}

impl Visitor {
    fn statements(&mut self, statements: &[Stmt<'_>]) {
        statements.iter().for_each(|statement| self.statement(statement));
    }

    fn statement(&mut self, statement: &Stmt<'_>) {
        match statement {
            Stmt::Template(template) => self.statements(&template.children),
            // What is written is counted where it is written, and `loop(...)` must stay a call to be one.
            Stmt::EmitExpr(emit) => self.inner(&emit.expr),
            Stmt::EmitRaw(raw) => self.longest_raw = self.longest_raw.max(raw.raw.len()),
            Stmt::ForLoop(each) => {
                self.expression(&each.iter);
                each.filter_expr.iter().for_each(|filter| self.expression(filter));
                self.statements(&each.body);
                self.statements(&each.else_body);
            }
            Stmt::IfCond(condition) => {
                self.expression(&condition.expr);
                self.statements(&condition.true_body);
                self.statements(&condition.false_body);
            }
            Stmt::WithBlock(with) => {
                with.assignments.iter().for_each(|(_, value)| self.expression(value));
                self.statements(&with.body);
            }
            Stmt::Set(set) => self.expression(&set.expr),
            Stmt::SetBlock(set) => {
                set.filter.iter().for_each(|filter| self.expression(filter));
                self.statements(&set.body);
            }
            Stmt::AutoEscape(escape) => self.statements(&escape.body),
            Stmt::FilterBlock(filter) => {
                self.expression(&filter.filter);
                self.statements(&filter.body);
            }
            Stmt::Block(block) => self.statements(&block.body),
            Stmt::Macro(made) => self.made(made),
            Stmt::CallBlock(block) => {
                self.arguments(&block.call);
                self.made(&block.macro_decl);
            }
            Stmt::Do(call) => self.arguments(&call.call),
            // No other template is there to be had; and what stops a loop has no parts.
            _ => {}
        }
    }

    fn made(&mut self, made: &Macro<'_>) {
        made.defaults.iter().for_each(|default| self.expression(default));
        self.statements(&made.body);
    }

    fn arguments(&mut self, call: &Call<'_>) {
        self.inner(&call.expr);
        self.each(&call.args);
    }

    fn each(&mut self, arguments: &[CallArg<'_>]) {
        for argument in arguments {
            match argument {
                CallArg::Pos(value)
                | CallArg::Kwarg(_, value)
                | CallArg::PosSplat(value)
                | CallArg::KwargSplat(value) => self.expression(value),
            }
        }
    }

    /// An expression whose result is counted, where it makes something.
    fn expression(&mut self, expression: &Expr<'_>) {
        let makes = match expression {
            Expr::BinOp(operation) => {
                matches!(operation.op, BinOpKind::Add | BinOpKind::Mul | BinOpKind::Concat | BinOpKind::Rem)
            }
            // `x | f` goes on as `x | f | held`; its span begins at its name.
            Expr::Filter(filter) => {
                self.inner(expression);
                self.put(filter.span().end_offset, 0, format!("|{HELD}"));
                return;
            }
            Expr::Slice(_) | Expr::Call(_) | Expr::List(_) | Expr::Tuple(_) | Expr::Map(_) => true,
            _ => false,
        };
        if !makes {
            self.inner(expression);
            return;
        }
        self.put(start(expression), 1, "((".to_owned());
        self.inner(expression);
        self.put(expression.span().end_offset, 0, format!(")|{HELD})"));
    }

    /// `group` 0 is what ends at `at`, in the order in which it is met; 1 what begins there.
    fn put(&mut self, at: u32, group: i64, text: String) {
        self.seen += 1;
        self.edits.push(Edit { at: at as usize, order: (group << 32) + self.seen, text });
    }

    fn inner(&mut self, expression: &Expr<'_>) {
        match expression {
            Expr::Var(_) | Expr::Const(_) => {}
            Expr::Slice(slice) => {
                self.expression(&slice.expr);
                [&slice.start, &slice.stop, &slice.step]
                    .into_iter()
                    .flatten()
                    .for_each(|part| self.expression(part));
            }
            Expr::UnaryOp(operation) => self.expression(&operation.expr),
            Expr::BinOp(operation) => {
                self.expression(&operation.left);
                self.expression(&operation.right);
            }
            Expr::Compare(compare) => {
                self.expression(&compare.expr);
                compare.ops.iter().for_each(|operation| self.expression(&operation.expr));
            }
            Expr::IfExpr(choice) => {
                self.expression(&choice.test_expr);
                self.expression(&choice.true_expr);
                choice.false_expr.iter().for_each(|other| self.expression(other));
            }
            Expr::Filter(filter) => {
                filter.expr.iter().for_each(|input| self.expression(input));
                self.each(&filter.args);
            }
            Expr::Test(test) => {
                self.expression(&test.expr);
                self.each(&test.args);
            }
            Expr::GetAttr(get) => self.expression(&get.expr),
            Expr::GetItem(get) => {
                self.expression(&get.expr);
                self.expression(&get.subscript_expr);
            }
            Expr::Call(call) => self.arguments(call),
            Expr::List(list) => list.items.iter().for_each(|item| self.expression(item)),
            Expr::Tuple(tuple) => tuple.items.iter().for_each(|item| self.expression(item)),
            Expr::Map(map) => {
                map.keys.iter().chain(&map.values).for_each(|part| self.expression(part));
            }
        }
    }
}

/// Where an expression begins: the spans of what follows another expression begin at what follows. Parentheses around that
/// other one may stand before it; those that are put in behind them close after them, too, and mean the same.
fn start(expression: &Expr<'_>) -> u32 {
    match expression {
        Expr::Slice(slice) => start(&slice.expr),
        Expr::GetAttr(get) => start(&get.expr),
        Expr::GetItem(get) => start(&get.expr),
        Expr::Call(call) => start(&call.expr),
        Expr::Test(test) => start(&test.expr),
        Expr::Filter(filter) => filter.expr.as_ref().map_or(filter.span().start_offset, start),
        other => other.span().start_offset,
    }
}

/// Why a template was stopped: kept apart from errors of its own making.
#[derive(Debug, thiserror::Error)]
#[error("the template fills too much memory")]
pub(super) struct TooLarge;

fn too_large() -> Error {
    Error::new(ErrorKind::InvalidOperation, TooLarge.to_string()).with_source(TooLarge)
}

/// Bytes that were made in a render so far.
#[derive(Default)]
struct Made(usize);

/// Counts `bytes` that are made.
pub(super) fn spend(state: &mut State<'_, '_>, bytes: usize) -> Result<(), Error> {
    let made = state.get_or_insert_extension(Made::default());
    made.0 = made.0.saturating_add(bytes);
    if made.0 > MAX_MADE { Err(too_large()) } else { Ok(()) }
}

/// The filter [`HELD`]: the value, which is counted.
pub(super) fn held(state: &mut State<'_, '_>, value: &Value) -> Result<Value, Error> {
    room_for(value)?;
    let bytes = match value.as_str() {
        Some(text) => text.len(),
        None => value.len().unwrap_or(0).saturating_mul(VALUE_BYTES),
    };
    spend(state, bytes)?;
    Ok(value.clone())
}

/// Refuses to make a value of so many bytes.
pub(super) fn room(bytes: usize) -> Result<(), Error> {
    if bytes > MAX_VALUE { Err(too_large()) } else { Ok(()) }
}

/// Refuses a text or a list that would be too long if it were written out, each part wherever it stands: a list of
/// twice a list of twice a list takes little memory until then.
pub(super) fn room_for(value: &Value) -> Result<(), Error> {
    let mut bytes = 0usize;
    let mut left = vec![value.clone()];
    while let Some(value) = left.pop() {
        if let Some(text) = value.as_str() {
            bytes = bytes.saturating_add(text.len());
        } else if matches!(value.kind(), ValueKind::Seq | ValueKind::Map)
            && let Ok(items) = value.try_iter()
        {
            let is_map = value.kind() == ValueKind::Map;
            for item in items {
                bytes = bytes.saturating_add(VALUE_BYTES);
                room(bytes)?;
                left.push(if is_map { value.get_item(&item)? } else { item });
            }
        }
        room(bytes)?;
    }
    Ok(())
}

/// Python's `text.replace(old, new, count)`.
pub(super) fn replace(text: &str, old: &str, new: &str, count: Option<usize>) -> Result<String, Error> {
    let count = count.unwrap_or(usize::MAX);
    room(text.len().saturating_add(text.matches(old).take(count).count().saturating_mul(new.len())))?;
    Ok(text.replacen(old, new, count))
}

/// `items` with `separator` between them.
pub(super) fn join(items: &[String], separator: &str) -> Result<String, Error> {
    let texts = items.iter().map(String::len).sum::<usize>();
    room(texts.saturating_add(separator.len().saturating_mul(items.len())))?;
    Ok(items.join(separator))
}
