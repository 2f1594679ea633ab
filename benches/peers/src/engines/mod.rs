//! The engines, each behind the same small trait.

use crate::num::{Num, Result};
use crate::wasi::Host;

#[cfg(feature = "sf")]
pub mod sf;
#[cfg(feature = "stitch")]
pub mod stitch;
#[cfg(feature = "threadle")]
pub mod threadle;
#[cfg(feature = "tinywasm")]
pub mod tinywasm;
#[cfg(feature = "wasm3")]
pub mod wasm3;
#[cfg(feature = "wasmi")]
pub mod wasmi;
#[cfg(feature = "wasmtime")]
pub mod wasmtime;

/// Namespace of the functions that the module of the border measurements imports: `nop`, which
/// does nothing, `inc`, which adds one, and `back`, which calls its caller's export `id`.
pub const BORDER: &str = "host";

/// The module that asynchronous tasks run, as text. It imports, from [`BORDER`], `ready` and `wait`, which add
/// one, the latter after having waited once.
pub const WAITING: &str = include_str!("../waiting.wat");

/// The module of [`Task::Fresh`]: a memory with a megabyte of data, and `run`, which writes to one page and
/// adds one.
///
/// # Errors
///
/// None: the text is right.
pub fn fresh_module() -> Result<Vec<u8>> {
    let data = "x".repeat(1 << 20);
    let text = format!(
        r#"(module (memory 17) (data (i32.const 0) "{data}")
            (func (export "run") (param i32) (result i32)
                (i32.store (i32.const 65536) (i32.add (local.get 0) (i32.const 1)))
                (i32.load (i32.const 65536))))"#
    );
    wat::parse_str(text).map_err(|error| error.to_string())
}

/// What needs a store, or an engine, of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Task {
    /// WebAssembly calls an asynchronous host function that is ready at once.
    HostReady,
    /// WebAssembly calls an asynchronous host function that waits once.
    HostWaits,
    /// The host calls an export `(i32) -> i32` asynchronously.
    ExportAsync,
    /// The host makes a store and an instance, calls it, and drops both; from a pool, if there is one.
    Fresh,
}

/// Does something so many times, and returns how often it was done.
pub type Loop = Box<dyn FnMut(i32) -> Result<i32>>;

/// Conversions for an engine whose values are variants like those of [`Num`].
#[cfg(any(feature = "sf", feature = "stitch", feature = "tinywasm"))]
macro_rules! conversions {
    ($value:ident) => {
        fn to_value(num: Num) -> $value {
            match num {
                Num::I32(value) => $value::I32(value),
                Num::I64(value) => $value::I64(value),
                Num::F32(value) => $value::F32(value),
                Num::F64(value) => $value::F64(value),
            }
        }

        fn from_value(value: &$value) -> Result<Num> {
            match value {
                $value::I32(value) => Ok(Num::I32(*value)),
                $value::I64(value) => Ok(Num::I64(*value)),
                $value::F32(value) => Ok(Num::F32(*value)),
                $value::F64(value) => Ok(Num::F64(*value)),
                other => Err(format!("result {other:?} is not a number")),
            }
        }
    };
}
#[cfg(any(feature = "sf", feature = "stitch", feature = "tinywasm"))]
use conversions;

/// One engine, as the harness uses it.
pub trait Engine {
    /// A compiled module, instantiated as often as wanted.
    type Module;
    /// An instance with everything that belongs to it.
    type Instance;

    /// Whether making an instance compiles the module once more, so that compiling before it is not part
    /// of what a start costs.
    const INSTANCES_COMPILE: bool = false;

    /// What [`Engine::compile`] is given in place of the binary module `wasm`, if that is something else, which
    /// is made ahead of all measuring.
    ///
    /// # Errors
    ///
    /// When the engine does not support the module.
    fn made_ahead(&self, wasm: &[u8]) -> Result<Option<Vec<u8>>> {
        let _ = wasm;
        Ok(None)
    }

    /// Validates and, where the engine has the choice, fully compiles the binary module `wasm`.
    ///
    /// # Errors
    ///
    /// When the engine does not support the module.
    fn compile(&self, wasm: &[u8]) -> Result<Self::Module>;

    /// Makes a fresh instance whose WASI imports act on `host`.
    ///
    /// # Errors
    ///
    /// When the engine cannot instantiate the module.
    fn instantiate(&self, module: &Self::Module, host: Host) -> Result<Self::Instance>;

    /// Calls the export `name` and returns its result, if its type has one.
    ///
    /// # Errors
    ///
    /// When there is no such export, or the call traps or is ended by the host.
    fn call(&self, instance: &mut Self::Instance, name: &str, args: &[Num]) -> Result<Option<Num>>;

    /// Takes the host's state out of an instance that is done.
    fn finish(&self, instance: Self::Instance) -> Host;

    /// Calls the export `empty`, a `() -> ()`, `times` times in the way the engine offers for
    /// calling an export often.
    ///
    /// # Errors
    ///
    /// When a call fails.
    fn call_empty(&self, instance: &mut Self::Instance, times: u32) -> Result<()>;

    /// Calls the export `id`, a `(i32) -> i32`, `times` times, each time with the result of the
    /// last, first with 0, and returns the last result.
    ///
    /// # Errors
    ///
    /// When a call fails.
    fn call_unary(&self, instance: &mut Self::Instance, times: u32) -> Result<i32>;

    /// The loop of a task.
    ///
    /// # Errors
    ///
    /// When the engine has nothing of the kind.
    fn prepare(&self, _task: Task) -> Result<Loop> {
        Err("there is nothing of the kind".to_owned())
    }
}

/// How an engine runs Wasm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// This project.
    Ours,
    /// It makes no machine code.
    Interpreter,
    /// It makes machine code.
    Compiler,
}

/// An engine that the harness knows, built in or not.
#[derive(Clone, Copy, Debug)]
pub struct Known {
    /// The name used on the command line and in reports.
    pub name: &'static str,
    /// How it runs Wasm.
    pub kind: Kind,
    /// Whether this build of the harness contains it.
    pub built_in: bool,
    /// What it is, with its configuration.
    pub about: &'static str,
    /// Whether only what it takes to start is measured: the engine is there in another mode too, which
    /// runs programs equally fast.
    pub only_starts: bool,
}

/// All engines, in the order of reports.
#[rustfmt::skip]
pub const KNOWN: &[Known] = &[
    known_as("threadle", Kind::Ours, cfg!(feature = "threadle"), "this project, compiled eagerly"),
    starting("threadle-lazy", Kind::Ours, cfg!(feature = "threadle"), "validated, functions translated when first called"),
    starting("threadle-artefact", Kind::Ours, cfg!(feature = "threadle"), "functions loaded and verified from what the module was serialized to, all of them at once"),
    starting("threadle-artefact-unvalidated", Kind::Ours, cfg!(feature = "threadle"), "the same when they are first called"),
    starting("threadle-unvalidated", Kind::Ours, cfg!(feature = "threadle"), "functions validated and translated when first called"),
    known_as("sf", Kind::Interpreter, cfg!(feature = "sf"), "sf-nano-core (Silverfir-nano), feature interp only"),
    known_as("wasmi", Kind::Interpreter, cfg!(feature = "wasmi"), "wasmi, default features and simd, eager"),
    starting("wasmi-lazy", Kind::Interpreter, cfg!(feature = "wasmi"), "validated, functions translated when first called"),
    starting("wasmi-unvalidated", Kind::Interpreter, cfg!(feature = "wasmi"), "functions validated and translated when first called"),
    known_as("stitch", Kind::Interpreter, cfg!(feature = "stitch"), "makepad-stitch"),
    known_as("wasm3", Kind::Interpreter, cfg!(feature = "wasm3"), "wasm3, by its C interface, raw host functions, eager"),
    starting("wasm3-lazy", Kind::Interpreter, cfg!(feature = "wasm3"), "functions compiled when first called"),
    known_as("tinywasm", Kind::Interpreter, cfg!(feature = "tinywasm"), "tinywasm, one flat vector as memory"),
    known_as("pulley", Kind::Interpreter, cfg!(feature = "wasmtime"), "wasmtime, Cranelift for the target pulley64"),
    known_as("winch", Kind::Compiler, cfg!(feature = "wasmtime"), "wasmtime, Winch"),
    known_as("cranelift", Kind::Compiler, cfg!(feature = "wasmtime"), "wasmtime, Cranelift"),
];

const fn known_as(name: &'static str, kind: Kind, built_in: bool, about: &'static str) -> Known {
    Known { name, kind, built_in, about, only_starts: false }
}

const fn starting(name: &'static str, kind: Kind, built_in: bool, about: &'static str) -> Known {
    Known { name, kind, built_in, about, only_starts: true }
}

/// The known engine of this name.
///
/// # Errors
///
/// When there is none.
pub fn known(name: &str) -> Result<&'static Known> {
    KNOWN.iter().find(|engine| engine.name == name).ok_or_else(|| {
        let names: Vec<_> = KNOWN.iter().map(|engine| engine.name).collect();
        format!("there is no engine '{name}'; there are: {}", names.join(", "))
    })
}
