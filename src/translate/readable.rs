//! Where the values of functions are that debuggers read: those that are translated with
//! [`Options::readable`], unfused and without pinned locals.

use wasmparser::{BinaryReader, FunctionBody, Operator, OperatorsReader};

use super::frame::{self, Frame, Shape};
use super::operand::Place;
use super::pace::Pace;
use super::translator::Translator;
use super::value::Kind;
use super::{Options, read};
use crate::index::{DefinedFuncIndex, FuncIndex, TypeIndex};
use crate::prelude::*;
use crate::types::FuncType;
use crate::vm::VmLayout;
use crate::wasm::ModuleInfo;

/// Where the value of an operand is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Held {
    /// In a slot of the frame, and the next one if it has 16 bytes.
    Slot(i32),
    /// In the code.
    Const(u64),
}

/// Bytes of a value.
fn bytes(kind: Kind) -> u8 {
    match kind {
        Kind::I32 | Kind::F32 => 4,
        Kind::V128 => 16,
        _ => 8,
    }
}

/// The body of a function as far as `end`, and its frame; `None` if it has too many locals.
fn begin<'a>(
    info: &'a ModuleInfo,
    bytes: &'a [u8],
    func: DefinedFuncIndex,
    end: usize,
) -> Option<(FunctionBody<'a>, &'a FuncType, Frame)> {
    let start = info.body(func).start;
    let body = FunctionBody::new(BinaryReader::new(bytes.get(start..end)?, start as u64));
    let mut declared = Vec::new();
    for local in body.get_locals_reader().ok()? {
        let (count, ty) = local.ok()?;
        declared.push((count, Kind::of_wasm(&ty)));
    }
    let ty = info.func_type(info.func_index(func));
    let frame = Frame::new(ty, &frame::kinds(ty, &declared), false, Shape::Near, false)?;
    Some((body, ty, frame))
}

/// Where the locals of a function are, by slot, with the bytes that each has; `None` if it has too many.
pub fn local_slots(
    info: &ModuleInfo,
    bytes_of_module: &[u8],
    func: DefinedFuncIndex,
) -> Option<Vec<(i32, u8)>> {
    let (_, _, frame) = begin(info, bytes_of_module, func, info.body(func).end)?;
    let local = |local| (frame.local(local).slot, bytes(frame.local(local).kind));
    Some((0..frame.locals() as u32).map(local).collect())
}

/// Where the operands are in front of the operator at a byte of the module, from the bottom of the stack, with
/// the bytes that each has; those that a call there takes are left out if `called`. `None` if the function
/// has too many slots, or there is no operator.
pub fn operands(
    info: &ModuleInfo,
    layout: &VmLayout,
    bytes_of_module: &[u8],
    func: DefinedFuncIndex,
    at: usize,
    called: bool,
) -> Option<Vec<(Held, u8)>> {
    let all = info.body(func);
    if !all.contains(&at) {
        return None;
    }
    let (body, ty, frame) = begin(info, bytes_of_module, func, at)?;
    let options = Options { unfused: true, unpinned: true, readable: true, ..Options::default() };
    let mut translator = Translator::new(info, layout, &options, ty, (frame, Shape::Near));
    read(&mut translator, &body, &mut Pace::new(&mut || Ok(()))).ok()?;
    if !translator.reachable {
        return None;
    }
    let taken = if called { arguments(info, bytes_of_module.get(at..all.end)?) } else { 0 };
    let count = translator.stack.len().checked_sub(taken)?;
    let held = |index| {
        let operand = translator.stack.get(index);
        let held = match operand.place {
            Place::Const(bits) => Held::Const(bits),
            Place::Local(local) => Held::Slot(translator.frame.local(local).slot),
            Place::Temp { .. } => Held::Slot(operand.home),
        };
        (held, bytes(operand.kind))
    };
    Some((0..count).map(held).collect())
}

/// How many operands the call at the start of these bytes takes; none if it is no call.
fn arguments(info: &ModuleInfo, bytes: &[u8]) -> usize {
    let params = |ty: u32| info.type_info(TypeIndex(ty)).func().params_slice().len();
    match OperatorsReader::new(BinaryReader::new(bytes, 0)).read() {
        Ok(Operator::Call { function_index }) => {
            info.func_type(FuncIndex(function_index)).params_slice().len()
        }
        Ok(Operator::CallIndirect { type_index, .. } | Operator::CallRef { type_index }) => {
            params(type_index) + 1
        }
        _ => 0,
    }
}
