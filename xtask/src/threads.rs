//! A third module of the engine's compilation, for pages that may share memory with workers: the one with relaxed SIMD, on a
//! memory that JavaScript makes and shares. The first instance is as any other; each helper's is the same module on
//! the same memory, with a stack of its own, and runs nothing but the tasks of `crates/cpu/src/pool`.
//!
//! Neither the standard library nor wasm-bindgen knows of it: all but the pool runs on one thread. So what changes is little:
//! - the memory is imported, shared, and has a maximum, as shared ones must;
//! - what the memory begins with is copied there by the first instance's start, and not by every instance;
//! - the stack pointer is exported, for a helper to be given another stack;
//! - the functions of `crates/cpu/src/pool/word.rs` become atomic instructions.
//!
//! In the other modules those functions stay as compiled, for one thread, and what helpers call is taken out.

use anyhow::{Context, Result, bail};
use walrus::ir::{
    AtomicNotify, AtomicOp, AtomicRmw, AtomicWait, AtomicWidth, Cmpxchg, Instr, Load, LoadKind, MemArg,
    Store, StoreKind, Value,
};
use walrus::{ConstExpr, DataKind, FunctionBuilder, FunctionKind, Global, MemoryId, Module, ValType};

/// Where the memory is imported from: a module and a name.
const MEMORY: [&str; 2] = ["sotto", "memory"];
/// Pages of 64 KiB: all that 32 bits can address. Only what is used is taken.
const MAXIMUM_PAGES: u64 = 65_536;
/// What wasm-bindgen's JavaScript calls of the first instance alone.
const START: &str = "__wbindgen_start";
/// As linkers name it.
const STACK_POINTER: &str = "__stack_pointer";

/// A function's name, and the instruction that it becomes.
type Word = (&'static str, fn(MemoryId) -> Instr);

/// What the functions for words do: as in `word.rs`, with their arguments in this order.
const WORDS: [Word; 6] = [
    ("sotto_word_load", |memory| Load { memory, kind: LoadKind::I32 { atomic: true }, arg: WORD }.into()),
    ("sotto_word_store", |memory| Store { memory, kind: StoreKind::I32 { atomic: true }, arg: WORD }.into()),
    ("sotto_word_add", |memory| {
        AtomicRmw { memory, op: AtomicOp::Add, width: AtomicWidth::I32, arg: WORD }.into()
    }),
    ("sotto_word_exchange_if", |memory| Cmpxchg { memory, width: AtomicWidth::I32, arg: WORD }.into()),
    ("sotto_word_wait", |memory| AtomicWait { memory, arg: WORD, sixty_four: false }.into()),
    ("sotto_word_notify", |memory| AtomicNotify { memory, arg: WORD }.into()),
];
/// Four bytes, at the address.
const WORD: MemArg = MemArg { align: 4, offset: 0 };

/// What helpers call.
const HELP: [&str; 2] = ["sotto_help", "sotto_help_failed"];

/// The module for threads. `module` must have its names.
pub fn shared(module: &[u8]) -> Result<Vec<u8>> {
    let mut module = parse(module)?;
    for name in HELP {
        module.exports.get_func(name).with_context(|| format!("the module exports no {name}"))?;
    }
    let memory = module.memories.iter().next().context("the module has no memory")?.id();
    share_words(&mut module, memory)?;
    export_stack_pointer(&mut module)?;
    fill_at_start(&mut module, memory)?;
    let [from, name] = MEMORY;
    let import = module.imports.add(from, name, memory);
    let memory = module.memories.get_mut(memory);
    memory.import = Some(import);
    memory.shared = true;
    memory.maximum = Some(MAXIMUM_PAGES);
    Ok(module.emit_wasm())
}

/// The module for one thread, without what helpers need.
pub fn alone(module: &[u8]) -> Result<Vec<u8>> {
    let mut module = parse(module)?;
    for name in WORDS.map(|word| word.0).iter().chain(&HELP) {
        module.exports.remove(name).with_context(|| format!("the module exports no {name}"))?;
    }
    Ok(module.emit_wasm())
}

fn parse(module: &[u8]) -> Result<Module> {
    Module::from_buffer(module).context("the module cannot be parsed")
}

/// Gives each of [`WORDS`] its instruction.
fn share_words(module: &mut Module, memory: MemoryId) -> Result<()> {
    for (name, instruction) in WORDS {
        let id = module.exports.get_func(name).with_context(|| format!("the module exports no {name}"))?;
        let (params, results) = module.types.params_results(module.funcs.get(id).ty());
        let (params, results) = (params.to_vec(), results.to_vec());
        let mut builder = FunctionBuilder::new(&mut module.types, &params, &results);
        let arguments: Vec<_> = params.iter().map(|ty| module.locals.add(*ty)).collect();
        let mut body = builder.func_body();
        for argument in &arguments {
            body.local_get(*argument);
        }
        body.instr(instruction(memory));
        module.funcs.get_mut(id).kind = FunctionKind::Local(builder.local_func(arguments));
        module.exports.remove(name)?;
    }
    Ok(())
}

/// Lets each instance be given its own.
fn export_stack_pointer(module: &mut Module) -> Result<()> {
    let is_it = |global: &&Global| {
        global.name.as_deref() == Some(STACK_POINTER) && global.mutable && global.ty == ValType::I32
    };
    let id = module.globals.iter().find(is_it).context("the module names no stack pointer")?.id();
    module.exports.add(STACK_POINTER, id);
    Ok(())
}

/// Has the first instance's start copy what instantiation would.
fn fill_at_start(module: &mut Module, memory: MemoryId) -> Result<()> {
    let start = module.exports.get_func(START).with_context(|| format!("the module exports no {START}"))?;
    if module.start.is_some() {
        bail!("the module runs something in every instance");
    }
    let mut builder = FunctionBuilder::new(&mut module.types, &[], &[]);
    let mut body = builder.func_body();
    let segments: Vec<_> = module.data.iter().map(walrus::Data::id).collect();
    for data in segments {
        let segment = module.data.get_mut(data);
        let DataKind::Active { offset, .. } = std::mem::replace(&mut segment.kind, DataKind::Passive) else {
            continue;
        };
        let ConstExpr::Value(offset @ Value::I32(_)) = offset else {
            bail!("a data segment lies at no fixed address");
        };
        let bytes = i32::try_from(segment.value.len())?;
        body.const_(offset).i32_const(0).i32_const(bytes).memory_init(memory, data).data_drop(data);
    }
    body.call(start);
    let filled = builder.finish(vec![], &mut module.funcs);
    module.exports.remove(START)?;
    module.exports.add(START, filled);
    Ok(())
}

/// What changes in wasm-bindgen's JavaScript, which then drives all three modules: what stood, how often (0: at least once), and
/// what stands.
const GLUE: [(&str, usize, &str); 4] = [
    (
        "        \"./sotto_web_bg.js\": import0,\n",
        1,
        "        \"./sotto_web_bg.js\": import0,\n        sotto: { memory },\n",
    ),
    // Views of a shared memory that grew stay as long as they were.
    ("Memory0.byteLength === 0", 0, "Memory0.buffer !== wasm.memory.buffer"),
    // Browsers decode no text from shared memory,
    ("cachedTextDecoder.decode(bytes)", 1, "cachedTextDecoder.decode(bytes.slice())"),
    // and encode none into it.
    ("if (!('encodeInto' in cachedTextEncoder)) {", 1, "{"),
];

/// Rewrites wasm-bindgen's JavaScript for a memory that may be shared, as it would write it itself for one that always is, and
/// adds a function that makes such a memory for `module`, of [`shared`].
pub fn glue(text: &str, module: &[u8]) -> Result<String> {
    let module = parse(module)?;
    let pages = module.memories.iter().next().context("the module has no memory")?.initial;
    let mut text = text.to_owned();
    for (from, times, to) in GLUE {
        let found = text.matches(from).count();
        if found == 0 || (times > 0 && found != times) {
            bail!("wasm-bindgen writes {from:?} {found} times, and not as it did: see what became of it");
        }
        text = text.replace(from, to);
    }
    Ok(text
        + &format!(
            "\nlet memory;\nexport function shareMemory() {{\n    \
             return memory = new WebAssembly.Memory({{ initial: {pages}, maximum: {MAXIMUM_PAGES}, shared: true }});\n}}\n"
        ))
}

/// What [`glue`] adds to the types.
pub const GLUE_TYPES: &str = "\n/** Makes the memory for a module that imports one. */\nexport function shareMemory(): WebAssembly.Memory;\n";

#[cfg(test)]
mod tests {
    use super::*;
    use walrus::{FunctionId, ModuleConfig};

    /// A module as the linker and wasm-bindgen leave it, with `words` among its exports.
    fn module(words: &[&str]) -> Vec<u8> {
        let mut module = Module::with_config(ModuleConfig::new());
        let memory = module.memories.add_local(false, false, 1, None, None);
        module.exports.add("memory", memory);
        let offset = ConstExpr::Value(Value::I32(1024));
        module.data.add(DataKind::Active { memory, offset }, b"what memory begins with".to_vec());
        let stack =
            module.globals.add_local(ValType::I32, true, false, ConstExpr::Value(Value::I32(1 << 15)));
        module.globals.get_mut(stack).name = Some(STACK_POINTER.to_owned());
        let mut add = |name: &str, params: &[ValType], results: &[ValType]| {
            let mut builder = FunctionBuilder::new(&mut module.types, params, results);
            builder.name(name.to_owned()).func_body().unreachable();
            let arguments = params.iter().map(|ty| module.locals.add(*ty)).collect();
            let id = builder.finish(arguments, &mut module.funcs);
            module.exports.add(name, id);
        };
        for name in words {
            let i32s = [ValType::I32; 3];
            match *name {
                "sotto_word_load" => add(name, &i32s[..1], &i32s[..1]),
                "sotto_word_store" => add(name, &i32s[..2], &[]),
                "sotto_word_exchange_if" => add(name, &i32s, &i32s[..1]),
                "sotto_word_wait" => add(name, &[ValType::I32, ValType::I32, ValType::I64], &i32s[..1]),
                _ => add(name, &i32s[..2], &i32s[..1]),
            }
        }
        HELP.iter().chain([&START]).for_each(|name| add(name, &[], &[]));
        module.emit_wasm()
    }

    const ALL: [&str; 6] = [
        "sotto_word_load",
        "sotto_word_store",
        "sotto_word_add",
        "sotto_word_exchange_if",
        "sotto_word_wait",
        "sotto_word_notify",
    ];

    fn instructions(module: &Module, id: FunctionId) -> Vec<String> {
        let function = module.funcs.get(id).kind.unwrap_local();
        function.block(function.entry_block()).instrs.iter().map(|(i, _)| format!("{i:?}")).collect()
    }

    #[test]
    fn the_shared_module_imports_its_memory_and_fills_it_once() {
        let module = Module::from_buffer(&shared(&module(&ALL)).unwrap()).unwrap();
        let memory = module.memories.iter().next().unwrap();
        assert!(memory.shared && memory.maximum == Some(MAXIMUM_PAGES));
        assert_eq!(module.imports.get(memory.import.unwrap()).module, "sotto");
        assert!(module.data.iter().all(walrus::Data::is_passive));
        let start = instructions(&module, module.exports.get_func(START).unwrap());
        assert!(start.iter().any(|i| i.contains("MemoryInit")) && start.last().unwrap().contains("Call"));
        let names: Vec<&str> = module.exports.iter().map(|export| export.name.as_str()).collect();
        assert!(names.contains(&STACK_POINTER) && names.contains(&HELP[0]));
        assert!(!names.iter().any(|name| name.starts_with("sotto_word")));
        for (name, what) in
            ALL.iter().zip(["Load", "Store", "AtomicRmw", "Cmpxchg", "AtomicWait", "AtomicNotify"])
        {
            let of_name = |f: &&walrus::Function| f.name.as_deref() == Some(*name);
            let id = module.funcs.iter().find(of_name).unwrap().id();
            assert!(instructions(&module, id).iter().any(|i| i.starts_with(what)), "{name}");
        }
    }

    #[test]
    fn the_module_for_one_thread_has_nothing_for_helpers() {
        let module = Module::from_buffer(&alone(&module(&ALL)).unwrap()).unwrap();
        let names: Vec<&str> = module.exports.iter().map(|export| export.name.as_str()).collect();
        assert_eq!(names.len(), 2, "{names:?}");
        assert!(module.memories.iter().all(|memory| !memory.shared && memory.import.is_none()));
    }

    #[test]
    fn a_function_that_is_not_there_is_an_error() {
        let error = shared(&module(&ALL[1..])).unwrap_err().to_string();
        assert!(error.contains("sotto_word_load"), "{error}");
        assert!(alone(&module(&ALL[..5])).unwrap_err().to_string().contains("sotto_word_notify"));
    }

    #[test]
    fn glue_that_changed_is_an_error() {
        let module = shared(&module(&ALL)).unwrap();
        let text = GLUE.map(|(from, ..)| from).concat();
        let changed = glue(&text, &module).unwrap();
        assert!(GLUE.iter().all(|(.., to)| changed.contains(to)) && changed.contains("initial: 1,"));
        assert!(glue(&text[1..], &module).unwrap_err().to_string().contains("0 times"));
    }
}
