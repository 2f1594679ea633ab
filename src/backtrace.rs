//! Where in a program an error came from.

use core::fmt;

use crate::engine::Engine;
use crate::error::Printable;
use crate::exec::suspend::Frames;
use crate::func::frames;
use crate::index::{DefinedFuncIndex, FuncIndex};
use crate::instance::Instance;
use crate::module::Module;
use crate::prelude::*;
use crate::store::AsContext;
use crate::vm::handle::Handle;
use crate::vm::{CodePlace, VmStore};

/// The WebAssembly frames that were active when a trap or a host function's error happened,
/// innermost first, across all nested calls. Attached to errors as context: found by
/// `error.downcast_ref::<WasmBacktrace>()`. Host functions' frames are not listed.
pub struct WasmBacktrace {
    frames: Vec<FrameInfo>,
    truncated: bool,
}

/// Is given an instance, and the instruction that is being executed; says whether to go on.
type Visit<'a> = dyn FnMut(Handle, CodePlace) -> bool + 'a;

impl WasmBacktrace {
    /// The frames that are active now: in a host function, those that called it. Empty if the
    /// configuration switches backtraces off.
    pub fn capture(store: impl AsContext) -> WasmBacktrace {
        let store = store.as_context();
        let vm = store.0.vm();
        WasmBacktrace::walk(vm, store.engine(), vm.tunables().backtrace_frames)
    }

    /// Like [`WasmBacktrace::capture`], whatever the configuration says.
    pub fn force_capture(store: impl AsContext) -> WasmBacktrace {
        let store = store.as_context();
        WasmBacktrace::walk(store.0.vm(), store.engine(), usize::MAX)
    }

    /// The frames at an exit; `None` if the configuration switches backtraces off or there are
    /// none.
    pub(crate) fn of_exit(vm: &VmStore, engine: &Engine) -> Option<WasmBacktrace> {
        let limit = vm.tunables().backtrace_frames;
        if limit == 0 {
            return None;
        }
        let backtrace = WasmBacktrace::walk(vm, engine, limit);
        (!backtrace.frames.is_empty()).then_some(backtrace)
    }

    /// All frames at an exit, whatever the configuration says.
    #[cfg(feature = "coredump")]
    pub(crate) fn whole(vm: &VmStore, engine: &Engine) -> WasmBacktrace {
        WasmBacktrace::walk(vm, engine, usize::MAX)
    }

    /// The frames of a suspended call of this store.
    pub(crate) fn of_frames(vm: &VmStore, engine: &Engine, frames: &Frames) -> WasmBacktrace {
        let walk = |visit: &mut Visit<'_>| frames::walk_suspended(vm, frames, visit);
        WasmBacktrace::collect(vm, engine, usize::MAX, walk)
    }

    fn walk(vm: &VmStore, engine: &Engine, limit: usize) -> WasmBacktrace {
        WasmBacktrace::collect(vm, engine, limit, |visit| frames::walk(vm, visit))
    }

    /// What `walk` visits.
    fn collect(
        vm: &VmStore,
        engine: &Engine,
        limit: usize,
        walk: impl FnOnce(&mut Visit<'_>),
    ) -> WasmBacktrace {
        // Frames of one instance tend to be neighbours; looking its module up once is enough.
        let mut current: Option<(u32, Module)> = None;
        let mut frames = Vec::new();
        let mut truncated = false;
        walk(&mut |instance: Handle, place: CodePlace| {
            if frames.len() >= limit {
                truncated = true;
                return false;
            }
            let module = match &current {
                Some((index, module)) if *index == instance.index => module.clone(),
                _ => Module::of_code(engine, vm.instance(instance).code()),
            };
            if let Some((func, offset)) = module.code().lookup(place) {
                let (module, instance) = (module.clone(), Instance(instance));
                frames.push(FrameInfo {
                    module,
                    instance,
                    func,
                    offset,
                    #[cfg(feature = "dwarf")]
                    symbols: crate::sys::standard::OnceLock::new(),
                });
            }
            current = Some((instance.index, module));
            true
        });
        WasmBacktrace { frames, truncated }
    }

    /// The frames, innermost first; at most as many as the configuration allows.
    pub fn frames(&self) -> &[FrameInfo] {
        &self.frames
    }
}

/// Frames printed at the innermost and the outermost end, when there are more than both.
const SHOWN: (usize, usize) = (20, 5);

impl fmt::Display for WasmBacktrace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("error while executing at wasm backtrace:")?;
        let count = self.frames.len();
        let hidden =
            if count > SHOWN.0 + SHOWN.1 + 1 { SHOWN.0..count - SHOWN.1 } else { count..count };
        for (i, frame) in self.frames.iter().enumerate() {
            if hidden.contains(&i) {
                if i == hidden.start {
                    write!(f, "\n      ... {} more", hidden.len())?;
                }
                continue;
            }
            write!(f, "\n  {i:>3}: {frame}")?;
        }
        if self.truncated {
            f.write_str("\n      ... and outer frames")?;
        }
        Ok(())
    }
}

impl fmt::Debug for WasmBacktrace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A frame of a [`WasmBacktrace`].
#[derive(Clone)]
pub struct FrameInfo {
    module: Module,
    instance: Instance,
    func: DefinedFuncIndex,
    /// Byte offset of the instruction in the function's code.
    offset: u32,
    /// Looked up when somebody asks.
    #[cfg(feature = "dwarf")]
    symbols: crate::sys::standard::OnceLock<Box<[crate::FrameSymbol]>>,
}

impl FrameInfo {
    /// The function's index in its module.
    pub fn func_index(&self) -> u32 {
        self.index().0
    }

    /// The function's name, from the module's name section.
    pub fn func_name(&self) -> Option<&str> {
        self.module.function_name(self.func_index())
    }

    /// The module.
    pub fn module(&self) -> &Module {
        &self.module
    }

    /// The instance whose function it is, of the store that the frame was in.
    pub fn instance(&self) -> Instance {
        self.instance
    }

    /// The byte offset of the WebAssembly instruction from the start of the module; `None` if
    /// [`Config::generate_address_map`](crate::Config::generate_address_map) says so.
    pub fn module_offset(&self) -> Option<usize> {
        if !self.module.engine().config().tells_offsets() {
            return None;
        }
        self.module.code().source_offset(self.func, self.offset).map(|offset| offset as usize)
    }

    /// The byte offset of the WebAssembly instruction from the start of the function's body.
    pub fn func_offset(&self) -> Option<usize> {
        let start = self.module.info().body(self.func).start;
        self.module_offset()?.checked_sub(start)
    }

    /// The functions that the frame is in by the module's debug information, innermost first: the
    /// first was inlined into the second and so on. Empty if the module has none, or none that can be
    /// read, or [`Config::wasm_backtrace_details`](crate::Config::wasm_backtrace_details) says so.
    #[cfg(feature = "dwarf")]
    pub fn symbols(&self) -> &[crate::FrameSymbol] {
        self.symbols.get_or_init(|| {
            let offset = self.module_offset();
            offset.map_or_else(Box::default, |at| self.module.symbols_at(at as u64).into())
        })
    }

    fn index(&self) -> FuncIndex {
        self.module.info().func_index(self.func)
    }
}

impl fmt::Display for FrameInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(offset) = self.module_offset() {
            write!(f, "{offset:#8x} - ")?;
        }
        write!(f, "{}!", Printable(self.module.name().unwrap_or("<unknown>")))?;
        #[cfg(feature = "dwarf")]
        {
            let symbols = self.symbols();
            // The name section knows the function that was compiled, not what was inlined there.
            let innermost = symbols.first().and_then(crate::FrameSymbol::name);
            match innermost.or_else(|| self.func_name()) {
                Some(name) => crate::symbols::Demangled(name).fmt(f)?,
                None => write!(f, "<wasm function {}>", self.func_index())?,
            }
            crate::symbols::show(symbols, f)
        }
        #[cfg(not(feature = "dwarf"))]
        match self.func_name() {
            Some(name) => Printable(name).fmt(f),
            None => write!(f, "<wasm function {}>", self.func_index()),
        }
    }
}

impl fmt::Debug for FrameInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

static_assertions::assert_impl_all!(WasmBacktrace: Send, Sync);
