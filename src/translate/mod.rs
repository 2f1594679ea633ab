//! WebAssembly to bytecode, in one forward pass over a validated function.
//!
//! The operand stack holds operands that are not materialised yet: a local, a constant or a
//! result that so far exists in the accumulator only. So `local.get`, `local.set` and constants
//! rarely become instructions of their own:
//!
//! - an op's result goes to the accumulator; if something else needs the accumulator while the
//!   value is still live, the *producer* is rewritten in place to store it as well
//!   (`emit::Emitter::store_form`), so no spill is ever dispatched;
//! - a `local.set` right behind a producer rewrites the producer's destination instead;
//! - a comparison right before a branch is taken back and emitted as one with it.
//!
//! Everything is linear in the size of the function: each operand is pushed, put into its home and popped
//! once, whatever blocks are entered above it; lazily held locals are found through a chain per local;
//! branches that carry many values copy them with one instruction; and every branch is patched once.

mod atomic;
mod block;
mod calls;
mod canonical;
mod code;
mod compose;
mod control;
mod cost;
mod emit;
mod exceptions;
mod far;
mod frame;
mod fuse;
mod maps;
mod memory;
mod metering;
mod numeric;
mod object;
mod operand;
mod operator;
mod pace;
mod pins;
#[cfg(feature = "debug")]
mod readable;
mod recent;
mod reference;
mod resolve;
mod safepoint;
mod simd;
#[cfg(test)]
mod tests;
mod translator;
mod value;

use wasmparser::{BinaryReader, FunctionBody};

use crate::error::{Error, Result};
use crate::index::DefinedFuncIndex;
use crate::prelude::*;
use crate::vm::VmLayout;
use crate::wasm::ModuleInfo;

use code::malformed;
pub use code::{Code, Options};
pub use cost::{OperatorCost, VariableOperatorCost};
use frame::Frame;
pub use frame::Shape;
use pace::Pace;
#[cfg(feature = "debug")]
pub use readable::{Held, local_slots, operands};
use translator::{Refused, Translator};

/// Translates function `func` of the module with these bytes; its instances' contexts have this layout.
///
/// # Errors
/// If the function exceeds a limit of the bytecode, or is not valid after all.
pub fn translate(
    info: &ModuleInfo,
    layout: &VmLayout,
    bytes: &[u8],
    func: DefinedFuncIndex,
    options: &Options,
) -> Result<Code, Error> {
    translate_while(info, layout, bytes, func, options, &mut || Ok(()))
}

/// [`translate`] that asks `wanted` now and then, and ends with its error if it has one.
///
/// # Errors
/// As there, or that error.
pub fn translate_while(
    info: &ModuleInfo,
    layout: &VmLayout,
    bytes: &[u8],
    func: DefinedFuncIndex,
    options: &Options,
    wanted: &mut dyn FnMut() -> Result<()>,
) -> Result<Code, Error> {
    let mut pace = Pace::new(wanted);
    let range = info.body(func);
    let start = range.start;
    let bytes = bytes.get(range).unwrap_or_default();
    let body = FunctionBody::new(BinaryReader::new(bytes, start as u64));
    let ty = info.func_type(info.func_index(func));

    let mut locals = Vec::new();
    for local in body.get_locals_reader().map_err(malformed)? {
        let (count, ty) = local.map_err(malformed)?;
        locals.push((count, value::Kind::of_wasm(&ty)));
    }
    let kinds = frame::kinds(ty, &locals);
    let mut pins = if options.unpinned {
        pins::Pins::default()
    } else {
        pins::choose(&body, &kinds, &mut pace)?
    };
    let mut shape = options.frames;
    let all_far = shape != Shape::Near;
    loop {
        let Some(frame) = Frame::new(ty, &kinds, pins.banks().1, shape, all_far) else {
            shape = Shape::FarLocals;
            continue;
        };
        if shape != Shape::Near {
            pins = pins::Pins::default();
        }
        let mut translator = Translator::new(info, layout, options, ty, (frame, shape));
        (translator.pins, translator.offset) = (pins, start);
        match read(&mut translator, &body, &mut pace).and_then(|()| translator.finish()) {
            Ok(code) => return Ok(code),
            Err(Refused::Error(error)) => return Err(error),
            Err(Refused::Shape(next)) => shape = next,
        }
    }
}

/// Translates all operators of a function.
fn read(
    translator: &mut Translator<'_>,
    body: &FunctionBody<'_>,
    pace: &mut Pace<'_>,
) -> Result<(), Refused> {
    // What comes before all operators is where the function begins.
    translator.emit.source(translator.offset);
    translator.begin();
    let mut reader = body.get_operators_reader().map_err(malformed)?;
    while !reader.eof() {
        pace.step()?;
        translator.offset = reader.original_position() as usize;
        translator.emit.source(translator.offset);
        let operator = reader.read().map_err(malformed)?;
        translator.operator(&operator);
        if let Some(error) = translator.failure.take() {
            return Err(error.into());
        }
        if let Some(shape) = translator.reshape {
            return Err(Refused::Shape(shape));
        }
    }
    Ok(())
}
