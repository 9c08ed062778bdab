//! Two modules of one compilation: with relaxed SIMD, and one that runs everywhere. Engines refuse a module with an
//! instruction that they do not know, wherever it stands, so the package has both and loads what the browser can run. In the
//! plain one the functions with such instructions (`crates/cpu/src/simd/wasm/relaxed.rs`) trap, and the one that tells
//! whether there are any says 0, so that they are never called; wasm-opt then takes them out. In the other, those that do the
//! same without (`crates/cpu/src/simd/wasm/mod.rs`) are never called, and trap.
//!
//! LLVM uses all instructions that a module may have in every function of it, and for "the greater of two" the relaxed
//! instruction, which may give either where one is NaN. NaN must show, so both modules have the strict one instead.

use anyhow::{Context, Result, bail};
use walrus::ir::{BinaryOp, Instr, InstrLocId, Value, Visitor, VisitorMut, dfs_in_order, dfs_pre_order_mut};
use walrus::{Function, FunctionBuilder, FunctionId, FunctionKind, LocalFunction, Module, ValType};

/// What the names of functions with relaxed instructions have in them. Any other would be needed without them, too.
const NAME: &str = "relaxed";
/// What the names of functions have in them that stand in for those where there are none.
const PLAIN_NAME: &str = "run_plain";
/// What the name of the function has in it that tells whether there are any.
const PROBE: &str = "implementation";

/// A module with relaxed SIMD, and the same without.
pub struct Modules {
    pub with: Vec<u8>,
    pub without: Vec<u8>,
}

/// Makes both of `module`, which must have the names of its functions.
pub fn split(module: &[u8]) -> Result<Modules> {
    Ok(Modules { with: without_plain(read(module)?)?, without: without_relaxed(read(module)?)? })
}

fn read(module: &[u8]) -> Result<Module> {
    let mut module = Module::from_buffer(module).context("the module cannot be parsed")?;
    for (_, function) in module.funcs.iter_local_mut() {
        let start = function.entry_block();
        dfs_pre_order_mut(&mut StrictMinMax, function, start);
    }
    Ok(module)
}

fn without_plain(mut module: Module) -> Result<Vec<u8>> {
    let is_plain = |function: &Function| function.name.as_ref().is_some_and(|name| name.contains(PLAIN_NAME));
    let plain: Vec<_> = module.funcs.iter().filter(|f| is_plain(f)).map(Function::id).collect();
    if plain.is_empty() {
        bail!("no function has \"{PLAIN_NAME}\" in its name: are they parts of others?");
    }
    plain.into_iter().for_each(|id| replace(&mut module, id, None));
    Ok(module.emit_wasm())
}

fn without_relaxed(mut module: Module) -> Result<Vec<u8>> {
    let mut probes = 0;
    let relaxed: Vec<_> =
        module.funcs.iter_local().filter(|(_, f)| is_relaxed(f)).map(|(id, _)| id).collect();
    for id in relaxed {
        let function = module.funcs.get(id);
        let name = function.name.clone().context("a function with relaxed instructions has no name")?;
        if !name.contains(NAME) {
            bail!("{name} has relaxed instructions, which only functions with \"{NAME}\" in their name may");
        }
        let (params, results) = module.types.params_results(function.ty());
        let is_probe = name.contains(PROBE) && params.is_empty() && results == [ValType::I32];
        probes += usize::from(is_probe);
        replace(&mut module, id, is_probe.then_some(Value::I32(0)));
    }
    if probes != 1 {
        bail!("the module has {probes} functions that tell whether it has relaxed instructions, and not one");
    }
    Ok(module.emit_wasm())
}

/// Makes a function give `value`, or trap.
fn replace(module: &mut Module, id: FunctionId, value: Option<Value>) {
    let (params, results) = module.types.params_results(module.funcs.get(id).ty());
    let (params, results) = (params.to_vec(), results.to_vec());
    let mut builder = FunctionBuilder::new(&mut module.types, &params, &results);
    match value {
        Some(value) => builder.func_body().const_(value),
        None => builder.func_body().unreachable(),
    };
    let arguments = params.iter().map(|ty| module.locals.add(*ty)).collect();
    module.funcs.get_mut(id).kind = FunctionKind::Local(builder.local_func(arguments));
}

/// `relaxed_max(a, b)` to `max(a, b)`, which is NaN where either is; so too for the lesser.
struct StrictMinMax;

impl VisitorMut for StrictMinMax {
    fn visit_instr_mut(&mut self, instruction: &mut Instr, _: &mut InstrLocId) {
        if let Instr::Binop(binary) = instruction {
            binary.op = match binary.op {
                BinaryOp::F32x4RelaxedMin => BinaryOp::F32x4Min,
                BinaryOp::F32x4RelaxedMax => BinaryOp::F32x4Max,
                BinaryOp::F64x2RelaxedMin => BinaryOp::F64x2Min,
                BinaryOp::F64x2RelaxedMax => BinaryOp::F64x2Max,
                other => other,
            };
        }
    }
}

fn is_relaxed(function: &LocalFunction) -> bool {
    let mut found = Found(false);
    dfs_in_order(&mut found, function, function.entry_block());
    found.0
}

/// Whether a relaxed instruction was seen.
struct Found(bool);

impl<'i> Visitor<'i> for Found {
    fn visit_instr(&mut self, instruction: &'i Instr, _: &'i InstrLocId) {
        let name = match instruction {
            Instr::Unop(unary) => format!("{:?}", unary.op),
            Instr::Binop(binary) => format!("{:?}", binary.op),
            Instr::TernOp(ternary) => format!("{:?}", ternary.op),
            _ => return,
        };
        self.0 |= name.contains("Relaxed");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use walrus::ModuleConfig;

    /// A module of functions `name() -> i32`, each with a dot product: relaxed or not.
    fn module(functions: &[(&str, BinaryOp)]) -> Vec<u8> {
        let mut module = Module::with_config(ModuleConfig::new());
        for (name, op) in functions {
            let mut builder = FunctionBuilder::new(&mut module.types, &[], &[ValType::I32]);
            builder
                .name((*name).to_owned())
                .func_body()
                .const_(Value::V128(0))
                .const_(Value::V128(0))
                .binop(*op)
                .unop(walrus::ir::UnaryOp::I32x4ExtractLane { idx: 0 });
            let id = builder.finish(vec![], &mut module.funcs);
            module.exports.add(name, id);
        }
        module.emit_wasm()
    }

    const RELAXED: BinaryOp = BinaryOp::I16x8RelaxedDotI8x16I7x16S;
    const PLAIN: BinaryOp = BinaryOp::I32x4DotI16x8S;

    const HAS_PROBE: (&str, BinaryOp) = ("cpu::relaxed::implementation", RELAXED);
    const KERNEL: (&str, BinaryOp) = ("cpu::relaxed::run", RELAXED);
    const PLAIN_KERNEL: (&str, BinaryOp) = ("cpu::run_plain", PLAIN);
    const OTHER: (&str, BinaryOp) = ("other", PLAIN);

    /// The instructions of a function.
    fn body(module: &Module, name: &str) -> Vec<String> {
        let function = module.funcs.get(module.funcs.by_name(name).unwrap()).kind.unwrap_local();
        let block = function.block(function.entry_block());
        block.instrs.iter().map(|(instr, _)| format!("{instr:?}")).collect()
    }

    #[test]
    fn each_has_one_kind_of_kernels_and_traps_for_the_other() {
        let before = module(&[HAS_PROBE, KERNEL, PLAIN_KERNEL, OTHER]);
        let Modules { with, without } = split(&before).unwrap();
        let (before, with, without) = (
            Module::from_buffer(&before).unwrap(),
            Module::from_buffer(&with).unwrap(),
            Module::from_buffer(&without).unwrap(),
        );
        let kept = |after: &Module, name: &str| body(after, name) == body(&before, name);
        let traps = |after: &Module, name: &str| {
            let body = body(after, name);
            body.len() == 1 && body[0].contains("Unreachable")
        };
        assert!(kept(&with, HAS_PROBE.0) && kept(&with, KERNEL.0) && kept(&with, OTHER.0));
        assert!(traps(&with, PLAIN_KERNEL.0));
        assert!(traps(&without, KERNEL.0) && kept(&without, PLAIN_KERNEL.0) && kept(&without, OTHER.0));
        assert!(body(&without, HAS_PROBE.0)[0].contains("I32(0)"));
        assert!(without.funcs.iter_local().all(|(_, function)| !is_relaxed(function)));
    }

    #[test]
    fn the_greater_is_the_strict_one_in_both() {
        let all = [HAS_PROBE, PLAIN_KERNEL, ("max", BinaryOp::F32x4RelaxedMax)];
        let Modules { with, without } = split(&module(&all)).unwrap();
        for bytes in [with, without] {
            let max = body(&Module::from_buffer(&bytes).unwrap(), "max");
            assert!(max.iter().any(|instr| instr.contains("F32x4Max")), "{max:?}");
        }
    }

    #[test]
    fn what_is_elsewhere_or_missing_is_an_error() {
        let refused = |functions: &[_]| split(&module(functions)).err().unwrap().to_string();
        assert!(refused(&[HAS_PROBE, PLAIN_KERNEL, ("cpu::dot", RELAXED)]).contains("cpu::dot"));
        assert!(refused(&[PLAIN_KERNEL]).contains("0 functions"));
        assert!(refused(&[HAS_PROBE, KERNEL]).contains(PLAIN_NAME));
    }
}
