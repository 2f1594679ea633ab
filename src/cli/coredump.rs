//! Core dumps: what a program was doing and what its memory held when it trapped, as a WebAssembly
//! module in the format of the tool conventions ("Coredump.md"), which debuggers read.
//!
//! It has what can be seen from outside: the frames, without locals and operands, and of each instance
//! the memories and numeric globals that it exports.

use threadle::{
    AsContextMut, Error, Extern, Global, GlobalType, Instance, Memory, Module, Mutability, Val,
    ValType, WasmBacktrace,
};
use wasm_encoder::{
    ConstExpr, CoreDumpInstancesSection, CoreDumpModulesSection, CoreDumpSection,
    CoreDumpStackSection, CoreDumpValue, DataSection, GlobalSection, MemorySection,
};

/// The most bytes that one data segment has; zeros between segments are left out.
const CHUNK: usize = 64 << 10;

/// The core dump of the program `name` that ended in `error`; `None` if that has no backtrace.
pub fn core_dump(mut store: impl AsContextMut, name: &str, error: &Error) -> Option<Vec<u8>> {
    let frames = error.downcast_ref::<WasmBacktrace>()?.frames();
    let mut instances: Vec<(Instance, Module)> = Vec::new();
    let mut stack = CoreDumpStackSection::new("main");
    for frame in frames {
        let known = instances.iter().position(|(it, _)| *it == frame.instance());
        let index = known.unwrap_or_else(|| {
            instances.push((frame.instance(), frame.module().clone()));
            instances.len() - 1
        });
        let offset = frame.func_offset().unwrap_or(0) as u32;
        let none = || std::iter::empty::<CoreDumpValue>();
        stack.frame(index as u32, frame.func_index(), offset, none(), none());
    }

    let (mut memories, mut data) = (MemorySection::new(), DataSection::new());
    let mut globals = GlobalSection::new();
    let mut modules = CoreDumpModulesSection::new();
    let mut listed = CoreDumpInstancesSection::new();
    for (index, (instance, module)) in instances.iter().enumerate() {
        let exports: Vec<Extern> =
            instance.exports(&mut store).map(|export| export.into_extern()).collect();
        let (mut own_memories, mut own_globals) = (Vec::new(), Vec::new());
        for item in exports {
            match item {
                Extern::Memory(memory) => {
                    own_memories.push(memories.len());
                    dump_memory(&mut store, memory, &mut memories, &mut data);
                }
                Extern::Global(global) => {
                    if let Some((ty, value)) = dump_global(&mut store, global) {
                        own_globals.push(globals.len());
                        globals.global(ty, &value);
                    }
                }
                _ => {}
            }
        }
        modules.module(module.name().unwrap_or("<unnamed>"));
        listed.instance(index as u32, own_memories, own_globals);
    }

    let mut dump = wasm_encoder::Module::new();
    dump.section(&CoreDumpSection::new(name));
    dump.section(&memories);
    dump.section(&globals);
    dump.section(&data);
    dump.section(&modules);
    dump.section(&listed);
    dump.section(&stack);
    Some(dump.finish())
}

fn dump_memory(
    store: &mut impl AsContextMut,
    memory: Memory,
    memories: &mut MemorySection,
    data: &mut DataSection,
) {
    let ty = memory.ty(&*store);
    let number = memories.len();
    memories.memory(wasm_encoder::MemoryType {
        minimum: memory.size(&*store),
        maximum: ty.maximum(),
        memory64: ty.is_64(),
        shared: false,
        page_size_log2: match ty.page_size() {
            65536 => None,
            size => Some(size.trailing_zeros()),
        },
    });
    for (chunk, bytes) in memory.data(store.as_context()).chunks(CHUNK).enumerate() {
        if bytes.iter().any(|byte| *byte != 0) {
            let at = (chunk * CHUNK) as u64;
            let offset = match ty.is_64() {
                true => ConstExpr::i64_const(at as i64),
                false => ConstExpr::i32_const(at as u32 as i32),
            };
            data.active(number, &offset, bytes.iter().copied());
        }
    }
}

/// A global as it is now; `None` for references.
fn dump_global(
    store: &mut impl AsContextMut,
    global: Global,
) -> Option<(wasm_encoder::GlobalType, ConstExpr)> {
    let ty: GlobalType = global.ty(&*store);
    let val_type = match ty.content() {
        ValType::I32 => wasm_encoder::ValType::I32,
        ValType::I64 => wasm_encoder::ValType::I64,
        ValType::F32 => wasm_encoder::ValType::F32,
        ValType::F64 => wasm_encoder::ValType::F64,
        ValType::V128 => wasm_encoder::ValType::V128,
        ValType::Ref(_) => return None,
    };
    let value = match global.get(&mut *store) {
        Val::I32(value) => ConstExpr::i32_const(value),
        Val::I64(value) => ConstExpr::i64_const(value),
        Val::F32(bits) => ConstExpr::f32_const(wasm_encoder::Ieee32::new(bits)),
        Val::F64(bits) => ConstExpr::f64_const(wasm_encoder::Ieee64::new(bits)),
        Val::V128(value) => ConstExpr::v128_const(value.as_u128() as i128),
        _ => return None,
    };
    let mutable = ty.mutability() == Mutability::Var;
    Some((wasm_encoder::GlobalType { val_type, mutable, shared: false }, value))
}
