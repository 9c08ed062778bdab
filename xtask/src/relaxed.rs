//! Two modules of one compilation: with relaxed SIMD, and one that runs everywhere. Engines refuse a module with an
//! instruction that they do not know, wherever it stands, so the package has both and loads what the browser can run. In the
//! plain one the functions with such instructions (`crates/cpu/src/simd/wasm/relaxed.rs`) trap, and the one that tells
//! whether there are any says 0, so that they are never called; wasm-opt then takes them out.
//!
//! LLVM uses all instructions that a module may have in every function of it, and for "the greater of two" the relaxed
//! instruction, which may give either where one is NaN. NaN must show, so both modules have the strict one instead.

use anyhow::{Context, Result, bail};
use walrus::ir::{BinaryOp, Instr, InstrLocId, Value, Visitor, VisitorMut, dfs_in_order, dfs_pre_order_mut};
use walrus::{FunctionBuilder, FunctionId, FunctionKind, LocalFunction, Module, ValType};

/// What the names of functions with relaxed instructions have in them. Any other would be needed without them, too.
const NAME: &str = "relaxed";
/// What the name of the function has in it that tells whether there are any.
const PROBE: &str = "implementation";

/// A module with relaxed SIMD, and the same without.
pub struct Modules {
    pub with: Vec<u8>,
    pub without: Vec<u8>,
}

/// Makes both of `module`, which must have the names of its functions.
pub fn split(module: &[u8]) -> Result<Modules> {
    let mut module = Module::from_buffer(module).context("the module cannot be parsed")?;
    for (_, function) in module.funcs.iter_local_mut() {
        let start = function.entry_block();
        dfs_pre_order_mut(&mut StrictMinMax, function, start);
    }
    let with = module.emit_wasm();
    let relaxed: Vec<FunctionId> =
        module.funcs.iter_local().filter(|(_, function)| is_relaxed(function)).map(|(id, _)| id).collect();
    let mut probes = 0;
    for id in relaxed {
        let function = module.funcs.get(id);
        let name = function.name.clone().context("a function with relaxed instructions has no name")?;
        if !name.contains(NAME) {
            bail!("{name} has relaxed instructions, which only functions with \"{NAME}\" in their name may");
        }
        let (params, results) = module.types.params_results(function.ty());
        let (params, results) = (params.to_vec(), results.to_vec());
        let mut builder = FunctionBuilder::new(&mut module.types, &params, &results);
        if name.contains(PROBE) && params.is_empty() && results == [ValType::I32] {
            builder.func_body().const_(Value::I32(0));
            probes += 1;
        } else {
            builder.func_body().unreachable();
        }
        let arguments = params.iter().map(|ty| module.locals.add(*ty)).collect();
        module.funcs.get_mut(id).kind = FunctionKind::Local(builder.local_func(arguments));
    }
    if probes != 1 {
        bail!("the module has {probes} functions that tell whether it has relaxed instructions, and not one");
    }
    Ok(Modules { with, without: module.emit_wasm() })
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

    #[test]
    fn only_functions_with_relaxed_instructions_change() {
        let all =
            [("cpu::relaxed::implementation", RELAXED), ("cpu::relaxed::run", RELAXED), ("plain", PLAIN)];
        let Modules { with, without } = split(&module(&all)).unwrap();
        let with = Module::from_buffer(&with).unwrap();
        assert_eq!(with.funcs.iter_local().filter(|(_, function)| is_relaxed(function)).count(), 2);
        let plain = Module::from_buffer(&without).unwrap();
        let first = |name: &str| {
            let id = plain.funcs.by_name(name).unwrap();
            let function = plain.funcs.get(id).kind.unwrap_local();
            let block = function.block(function.entry_block());
            (block.instrs.len(), format!("{:?}", block.instrs[0].0))
        };
        assert!(plain.funcs.iter_local().all(|(_, function)| !is_relaxed(function)));
        assert!(first("cpu::relaxed::implementation").1.contains("I32(0)"));
        assert!(first("cpu::relaxed::run").1.contains("Unreachable"));
        assert_eq!(first("plain").0, 4);
    }

    #[test]
    fn the_greater_is_the_strict_one_in_both() {
        let all = [("cpu::relaxed::implementation", RELAXED), ("max", BinaryOp::F32x4RelaxedMax)];
        let Modules { with, without } = split(&module(&all)).unwrap();
        for bytes in [with, without] {
            let module = Module::from_buffer(&bytes).unwrap();
            let function = module.funcs.get(module.funcs.by_name("max").unwrap()).kind.unwrap_local();
            let block = function.block(function.entry_block());
            let max = |(instr, _): &(Instr, InstrLocId)| matches!(instr, Instr::Binop(binary) if matches!(binary.op, BinaryOp::F32x4Max));
            assert!(block.instrs.iter().any(max));
        }
    }

    #[test]
    fn instructions_elsewhere_and_a_missing_probe_are_errors() {
        let elsewhere = [("cpu::relaxed::implementation", RELAXED), ("cpu::dot", RELAXED)];
        assert!(split(&module(&elsewhere)).err().unwrap().to_string().contains("cpu::dot"));
        assert!(split(&module(&[("plain", PLAIN)])).err().unwrap().to_string().contains("0 functions"));
    }
}
