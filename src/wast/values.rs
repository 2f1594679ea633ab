//! Arguments and expected results.

use ::wast::core::{
    AbstractHeapType, HeapType as WastHeapType, NanPattern, V128Pattern, WastArgCore, WastRetCore,
};
use ::wast::token::{F32, F64};
use ::wast::{WastArg, WastRet};

use crate::prelude::*;
use crate::{AnyRef, ExternRef, HeapType, RefType, Store, V128, Val, ValType};

/// The host object behind `(ref.extern N)`.
struct HostObject(u32);

/// The value that a script passes for a parameter of type `ty`.
pub(super) fn argument(
    store: &mut Store<()>,
    arg: &WastArg<'_>,
    ty: ValType,
) -> Result<Val, String> {
    let WastArg::Core(arg) = arg else { return Err("an argument of a component".into()) };
    Ok(match arg {
        WastArgCore::I32(value) => Val::I32(*value),
        WastArgCore::I64(value) => Val::I64(*value),
        WastArgCore::F32(value) => Val::F32(value.bits),
        WastArgCore::F64(value) => Val::F64(value.bits),
        WastArgCore::V128(value) => Val::V128(V128::from(u128::from_le_bytes(value.to_le_bytes()))),
        WastArgCore::RefNull(heap) => match hierarchy(heap) {
            Some(heap) => Val::null_ref(&heap),
            // A type of the module: the parameter says of which hierarchy.
            None => Val::default_for_ty(&ty).ok_or("a null for a parameter that takes none")?,
        },
        WastArgCore::RefExtern(number) => {
            let object = ExternRef::new(store, HostObject(*number));
            Val::ExternRef(Some(object.map_err(|error| format!("{error:#}"))?))
        }
        WastArgCore::RefHost(number) => {
            let object = ExternRef::new(&mut *store, HostObject(*number));
            let object = object.and_then(|object| AnyRef::convert_extern(store, object));
            Val::AnyRef(Some(object.map_err(|error| format!("{error:#}"))?))
        }
    })
}

/// The type at the top of an abstract type's hierarchy.
fn hierarchy(heap: &WastHeapType<'_>) -> Option<HeapType> {
    use AbstractHeapType as Abstract;
    let WastHeapType::Abstract { ty, .. } = heap else { return None };
    Some(match ty {
        Abstract::Func | Abstract::NoFunc => HeapType::Func,
        Abstract::Extern | Abstract::NoExtern => HeapType::Extern,
        Abstract::Exn | Abstract::NoExn => HeapType::Exn,
        Abstract::Cont | Abstract::NoCont => return None,
        _ => HeapType::Any,
    })
}

/// Compares results with what a script expects. The error says what is different.
pub(super) fn check(
    store: &mut Store<()>,
    results: &[Val],
    expected: &[WastRet<'_>],
) -> Result<(), String> {
    if results.len() != expected.len() {
        return Err(format!("{} results, expected {}", results.len(), expected.len()));
    }
    for (index, (result, expected)) in results.iter().zip(expected).enumerate() {
        let WastRet::Core(expected) = expected else { return Err("a component's result".into()) };
        if !matches(store, result, expected) {
            let which = if results.len() > 1 { format!(" {index}") } else { String::new() };
            return Err(format!("result{which} is {}, expected {expected:?}", show(result)));
        }
    }
    Ok(())
}

fn matches(store: &mut Store<()>, result: &Val, expected: &WastRetCore<'_>) -> bool {
    use WastRetCore as Ret;
    match (expected, result) {
        (Ret::Either(cases), _) => cases.iter().any(|case| matches(store, result, case)),
        (Ret::I32(expected), Val::I32(value)) => value == expected,
        (Ret::I64(expected), Val::I64(value)) => value == expected,
        (Ret::F32(expected), Val::F32(bits)) => f32_matches(*bits, expected),
        (Ret::F64(expected), Val::F64(bits)) => f64_matches(*bits, expected),
        (Ret::V128(expected), Val::V128(value)) => v128_matches(value.as_u128(), expected),
        (Ret::RefNull(heap), _) => {
            let hierarchy = heap.as_ref().and_then(hierarchy);
            matches!(
                (result, hierarchy),
                (Val::FuncRef(None), None | Some(HeapType::Func))
                    | (Val::ExternRef(None), None | Some(HeapType::Extern))
                    | (Val::ExnRef(None), None | Some(HeapType::Exn))
                    | (Val::AnyRef(None), None | Some(HeapType::Any))
            )
        }
        (Ret::RefExtern(None), Val::ExternRef(reference)) => reference.is_some(),
        (Ret::RefExtern(Some(number)), Val::ExternRef(Some(reference))) => {
            let object = reference.data(&*store).ok().flatten();
            object.and_then(|object| object.downcast_ref()).is_some_and(|HostObject(n)| n == number)
        }
        (Ret::RefHost(number), Val::AnyRef(Some(reference))) => {
            let object = ExternRef::convert_any(&mut *store, *reference).ok();
            let object = object.and_then(|object| object.data(&*store).ok().flatten());
            object.and_then(|object| object.downcast_ref()).is_some_and(|HostObject(n)| n == number)
        }
        (Ret::RefFunc(_), Val::FuncRef(reference)) => reference.is_some(),
        (Ret::RefAny, Val::AnyRef(reference)) => reference.is_some(),
        (Ret::RefEq, _) => is_a(store, result, HeapType::Eq),
        (Ret::RefArray, _) => is_a(store, result, HeapType::Array),
        (Ret::RefStruct, _) => is_a(store, result, HeapType::Struct),
        (Ret::RefI31, _) => is_a(store, result, HeapType::I31),
        _ => false,
    }
}

/// Whether it is a reference, not null, to an object of this type.
fn is_a(store: &Store<()>, value: &Val, heap: HeapType) -> bool {
    matches!(value, Val::AnyRef(Some(_)))
        && value.matches_ty(store, &ValType::Ref(RefType::new(false, heap))).unwrap_or(false)
}

fn f32_matches(bits: u32, expected: &NanPattern<F32>) -> bool {
    match expected {
        NanPattern::Value(value) => bits == value.bits,
        NanPattern::CanonicalNan => bits & 0x7fff_ffff == 0x7fc0_0000,
        NanPattern::ArithmeticNan => bits & 0x7fc0_0000 == 0x7fc0_0000,
    }
}

fn f64_matches(bits: u64, expected: &NanPattern<F64>) -> bool {
    match expected {
        NanPattern::Value(value) => bits == value.bits,
        NanPattern::CanonicalNan => bits & (u64::MAX >> 1) == 0x7ff8 << 48,
        NanPattern::ArithmeticNan => bits & 0x7ff8 << 48 == 0x7ff8 << 48,
    }
}

fn v128_matches(value: u128, expected: &V128Pattern) -> bool {
    let lane = |index: usize, bits: usize| (value >> (index * bits)) as u64;
    match expected {
        V128Pattern::I8x16(lanes) => all(lanes, |i, want| lane(i, 8) as i8 == *want),
        V128Pattern::I16x8(lanes) => all(lanes, |i, want| lane(i, 16) as i16 == *want),
        V128Pattern::I32x4(lanes) => all(lanes, |i, want| lane(i, 32) as i32 == *want),
        V128Pattern::I64x2(lanes) => all(lanes, |i, want| lane(i, 64) as i64 == *want),
        V128Pattern::F32x4(lanes) => all(lanes, |i, want| f32_matches(lane(i, 32) as u32, want)),
        V128Pattern::F64x2(lanes) => all(lanes, |i, want| f64_matches(lane(i, 64), want)),
    }
}

fn all<T>(lanes: &[T], matches: impl Fn(usize, &T) -> bool) -> bool {
    lanes.iter().enumerate().all(|(i, want)| matches(i, want))
}

/// A value with all of its bits, for messages.
pub(super) fn show(value: &Val) -> String {
    match value {
        Val::F32(bits) => format!("F32({:?}, bits {bits:#010x})", f32::from_bits(*bits)),
        Val::F64(bits) => format!("F64({:?}, bits {bits:#018x})", f64::from_bits(*bits)),
        Val::V128(value) => format!("V128({:#034x})", value.as_u128()),
        other => format!("{other:?}"),
    }
}
