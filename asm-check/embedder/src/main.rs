//! The smallest embedder: a module in the binary format, one host function, one call, none of the
//! library's features. What `asm-check` builds in other profiles than the plain one: all handlers are
//! in it, and little else takes time.

use threadle::{Engine, Linker, Module, Result, Store};

/// `(module (import "host" "double" (func (param i32) (result i32)))
///   (func (export "run") (param i32) (result i32)
///     (i32.add (call 0 (local.get 0)) (i32.const 1))))`
const WASM: &[u8] = b"\0asm\x01\0\0\0\
    \x01\x06\x01\x60\x01\x7f\x01\x7f\
    \x02\x0f\x01\x04host\x06double\0\0\
    \x03\x02\x01\0\
    \x07\x07\x01\x03run\0\x01\
    \x0a\x0b\x01\x09\0\x20\0\x10\0\x41\x01\x6a\x0b";

fn main() -> Result<()> {
    let engine = Engine::default();
    let module = Module::new(&engine, WASM)?;
    let mut linker = Linker::<()>::new(&engine);
    linker.func_wrap("host", "double", |value: i32| value.wrapping_mul(2))?;
    let mut store = Store::new(&engine, ());
    let instance = linker.instantiate(&mut store, &module)?;
    let run = instance.get_typed_func::<i32, i32>(&mut store, "run")?;
    println!("{}", run.call(&mut store, 20)?);
    Ok(())
}
