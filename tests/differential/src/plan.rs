//! Which calls to make, decided from the module alone, so that every engine makes the same.

use anyhow::Result;
use wasmparser::{ExternalKind, Parser, Payload, RefType, TypeRef, ValType};

use crate::observe::{Call, Plan, Ty, Value};
use crate::rng::Rng;

/// Calls per exported function.
const ROUNDS: usize = 3;

/// Calls in all.
const MOST: usize = 40;

/// The export that holds the fuel of the generator's own modules.
pub const FUEL: &str = "fuel";

fn ty(ty: ValType) -> Ty {
    match ty {
        ValType::I32 => Ty::I32,
        ValType::I64 => Ty::I64,
        ValType::F32 => Ty::F32,
        ValType::F64 => Ty::F64,
        ValType::V128 => Ty::V128,
        ValType::Ref(RefType::FUNCREF) => Ty::Func,
        ValType::Ref(RefType::EXTERNREF) => Ty::Extern,
        ValType::Ref(_) => Ty::Other,
    }
}

/// The plan for a module and seed.
///
/// # Errors
///
/// When the module cannot be read.
pub fn plan(wasm: &[u8], seed: u64) -> Result<Plan> {
    let mut types = Vec::new();
    let mut funcs = Vec::new();
    let mut exported = Vec::new();
    let mut plan = Plan::default();
    for payload in Parser::new(0).parse_all(wasm) {
        match payload? {
            Payload::TypeSection(section) => {
                for group in section {
                    types.extend(group?.into_types());
                }
            }
            Payload::ImportSection(section) => {
                for import in section.into_imports() {
                    if let TypeRef::Func(ty) | TypeRef::FuncExact(ty) = import?.ty {
                        funcs.push(ty);
                    }
                }
            }
            Payload::FunctionSection(section) => {
                for func in section {
                    funcs.push(func?);
                }
            }
            Payload::ExportSection(section) => {
                for export in section {
                    let export = export?;
                    match export.kind {
                        ExternalKind::Func | ExternalKind::FuncExact => {
                            exported.push((export.name.to_string(), export.index));
                        }
                        ExternalKind::Global if export.name == FUEL => {
                            plan.fuel = Some((export.name.to_string(), 200));
                        }
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
    let mut rng = Rng::new(seed, 2);
    for _ in 0..ROUNDS {
        for (name, func) in &exported {
            let ty = types[funcs[*func as usize] as usize].unwrap_func();
            // Objects cannot be made from outside in a way that all engines share.
            if ty.params().iter().any(|it| matches!(it, ValType::Ref(ty) if !ty.is_nullable())) {
                continue;
            }
            let args =
                ty.params().iter().map(|it| Value::arbitrary(self::ty(*it), &mut rng)).collect();
            plan.calls.push(Call { name: name.clone(), args });
        }
    }
    plan.calls.truncate(MOST);
    Ok(plan)
}
