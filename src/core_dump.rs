//! Core dumps: what a program was doing, and what its store held, when it failed.

use core::fmt;

use wasm_encoder::{
    ConstExpr, CoreDumpInstancesSection, CoreDumpModulesSection, CoreDumpSection,
    CoreDumpStackSection, CoreDumpValue, DataSection, GlobalSection, HeapType as EncodedHeap,
    MemorySection,
};

use crate::backtrace::{FrameInfo, WasmBacktrace};
use crate::encode;
use crate::engine::Engine;
use crate::extern_::Extern;
use crate::global::Global;
use crate::index::{GlobalIndex, MemoryIndex};
use crate::instance::Instance;
use crate::memory::Memory;
use crate::module::Module;
use crate::prelude::*;
use crate::store::AsContextMut;
use crate::ty::{HeapType, MemoryType, Mutability, ValType};
use crate::val::Val;
use crate::vm::VmStore;
use crate::wasm::Entity;

/// The most bytes that one data segment has. Zeros at its ends are left out, segments of zeros wholly.
const CHUNK: usize = 64 << 10;

/// The frames that were active when WebAssembly failed, and the modules, instances, memories and globals
/// that the store had. Attached to errors as context, beside the [`WasmBacktrace`], if
/// [`Config::coredump_on_trap`](crate::Config::coredump_on_trap) asks for it: found by
/// `error.downcast_ref::<WasmCoreDump>()`.
///
/// What memories and globals hold is read when somebody asks, so that whatever the store does between
/// the failure and [`WasmCoreDump::serialize`] can be seen. Locals and operands of frames are not
/// recorded.
pub struct WasmCoreDump {
    backtrace: WasmBacktrace,
    modules: Vec<Module>,
    instances: Vec<Instance>,
    memories: Vec<Memory>,
    globals: Vec<Global>,
}

impl WasmCoreDump {
    /// What there is at an exit.
    pub(crate) fn of_exit(vm: &VmStore, engine: &Engine) -> WasmCoreDump {
        let instances: Vec<_> = vm.instance_handles().map(Instance).collect();
        let mut modules: Vec<Module> = Vec::new();
        for instance in &instances {
            let module = Module::of_code(engine, vm.instance(instance.0).code());
            if !modules.iter().any(|known| Module::same(known, &module)) {
                modules.push(module);
            }
        }
        WasmCoreDump {
            backtrace: WasmBacktrace::whole(vm, engine),
            modules,
            instances,
            memories: vm.own_memories().map(Memory::from_vm).collect(),
            globals: vm.global_handles().into_iter().map(Global::from_vm).collect(),
        }
    }

    /// The frames, innermost first.
    pub fn frames(&self) -> &[FrameInfo] {
        self.backtrace.frames()
    }

    /// The modules that the store had instances of.
    pub fn modules(&self) -> &[Module] {
        &self.modules
    }

    /// The store's instances.
    pub fn instances(&self) -> &[Instance] {
        &self.instances
    }

    /// The store's globals: those of its instances, and those that the host made.
    pub fn globals(&self) -> &[Global] {
        &self.globals
    }

    /// The store's memories, without shared ones, which no store has to itself.
    pub fn memories(&self) -> &[Memory] {
        &self.memories
    }

    /// The dump as a module in the format of the tool conventions ("Coredump.md"), which debuggers
    /// read. `name` says whose dump it is: the program's file, say. References are null in it.
    ///
    /// # Panics
    ///
    /// If it is the dump of another store.
    pub fn serialize(&self, mut store: impl AsContextMut, name: &str) -> Vec<u8> {
        let mut store = store.as_context_mut();
        let (mut memories, mut data) = (MemorySection::new(), DataSection::new());
        for (number, memory) in self.memories.iter().enumerate() {
            let ty = memory.ty(&store);
            memories.memory(memory_type(&ty));
            for (chunk, bytes) in memory.data(&store).chunks(CHUNK).enumerate() {
                let Some(start) = bytes.iter().position(|byte| *byte != 0) else { continue };
                let end = bytes.iter().rposition(|byte| *byte != 0).map_or(start, |last| last + 1);
                let at = (chunk * CHUNK + start) as u64;
                let offset = encode::address(ty.is_64(), at);
                data.active(number as u32, &offset, bytes[start..end].iter().copied());
            }
        }
        let mut globals = GlobalSection::new();
        for global in &self.globals {
            let ty = global.ty(&store);
            let (val_type, value) = global_value(ty.content(), &global.get(&mut store));
            let mutable = ty.mutability() == Mutability::Var;
            globals.global(wasm_encoder::GlobalType { val_type, mutable, shared: false }, &value);
        }
        let mut modules = CoreDumpModulesSection::new();
        for (number, module) in self.modules.iter().enumerate() {
            let name = module.name().map_or_else(|| format!("<module {number}>"), str::to_owned);
            modules.module(&name);
        }
        let mut instances = CoreDumpInstancesSection::new();
        for instance in &self.instances {
            let module = instance.module(&store);
            let number = self.modules.iter().position(|known| Module::same(known, &module));
            let (mut own_memories, mut own_globals) = (Vec::new(), Vec::new());
            let info = module.info();
            let memories = (0..info.memories.len() as u32).map(|i| Entity::Memory(MemoryIndex(i)));
            let globals = (0..info.globals.len() as u32).map(|i| Entity::Global(GlobalIndex(i)));
            for entity in memories.chain(globals) {
                match instance.entity(&store, entity) {
                    Extern::Memory(memory) => own_memories.extend(place(&self.memories, &memory)),
                    Extern::Global(global) => own_globals.extend(place(&self.globals, &global)),
                    _ => {}
                }
            }
            instances.instance(number.unwrap_or(0) as u32, own_memories, own_globals);
        }
        let mut stack = CoreDumpStackSection::new("main");
        for frame in self.frames() {
            let instance = place(&self.instances, &frame.instance()).unwrap_or(0);
            let offset = frame.func_offset().unwrap_or(0) as u32;
            let none = || core::iter::empty::<CoreDumpValue>();
            stack.frame(instance, frame.func_index(), offset, none(), none());
        }

        let mut dump = wasm_encoder::Module::new();
        dump.section(&CoreDumpSection::new(name));
        dump.section(&memories);
        dump.section(&globals);
        dump.section(&data);
        dump.section(&modules);
        dump.section(&instances);
        dump.section(&stack);
        dump.finish()
    }
}

fn place<T: PartialEq>(all: &[T], one: &T) -> Option<u32> {
    all.iter().position(|known| known == one).map(|at| at as u32)
}

fn memory_type(ty: &MemoryType) -> wasm_encoder::MemoryType {
    wasm_encoder::MemoryType {
        minimum: ty.minimum(),
        maximum: ty.maximum(),
        memory64: ty.is_64(),
        shared: false,
        page_size_log2: match ty.page_size_log2() {
            MemoryType::DEFAULT_PAGE_SIZE_LOG2 => None,
            log2 => Some(log2.into()),
        },
    }
}

/// A global's type and value. References are null, and of the type at the top of their hierarchy, since
/// the dump does not have the module's types.
fn global_value(ty: &ValType, value: &Val) -> (wasm_encoder::ValType, ConstExpr) {
    encode::number(value).unwrap_or_else(|| {
        let ty = match ty.as_ref().map(|ty| ty.heap_type().top()) {
            Some(HeapType::Func) => wasm_encoder::RefType::FUNCREF,
            Some(HeapType::Extern) => wasm_encoder::RefType::EXTERNREF,
            Some(HeapType::Exn) => wasm_encoder::RefType {
                nullable: true,
                heap_type: EncodedHeap::Abstract {
                    shared: false,
                    ty: wasm_encoder::AbstractHeapType::Exn,
                },
            },
            _ => wasm_encoder::RefType::ANYREF,
        };
        (wasm_encoder::ValType::Ref(ty), ConstExpr::ref_null(ty.heap_type))
    })
}

impl fmt::Display for WasmCoreDump {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "core dump of {} frames, {} instances, {} memories, {} globals",
            self.frames().len(),
            self.instances.len(),
            self.memories.len(),
            self.globals.len()
        )
    }
}

impl fmt::Debug for WasmCoreDump {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

static_assertions::assert_impl_all!(WasmCoreDump: Send, Sync);
