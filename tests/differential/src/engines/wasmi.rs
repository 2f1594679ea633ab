//! wasmi, an oracle.

use wasmi::{
    AsContext, Caller, Config, Engine, Error, Extern, ExternRef, ExternType, F32, F64, Func,
    FuncType, Global, Instance, Memory, Module, Nullable, Ref, Store, StoreLimits,
    StoreLimitsBuilder, Table, TrapCode, Val, ValType,
};

use super::{Runner, Skip};
use crate::observe::{
    Host, HostFailure, MEMORY_LIMIT, Observation, Outcome, Plan, Stop, TABLE_ELEMENTS, TABLE_LIMIT,
    Ty, Value, imported_global, label,
};

impl wasmi::errors::HostError for HostFailure {}

/// wasmi.
#[derive(Debug)]
pub struct Wasmi {
    engine: Engine,
}

impl Wasmi {
    /// wasmi with everything that it supports switched on.
    pub fn new() -> Wasmi {
        let mut config = Config::default();
        config
            .wasm_multi_memory(true)
            .wasm_tail_call(true)
            .wasm_extended_const(true)
            .wasm_memory64(true)
            .wasm_custom_page_sizes(true)
            .wasm_wide_arithmetic(true)
            .set_max_recursion_depth(10_000)
            .set_max_stack_height(64 << 20);
        Wasmi { engine: Engine::new(&config) }
    }
}

struct Data {
    host: Host,
    limits: StoreLimits,
}

fn ty(ty: &ValType) -> Ty {
    match ty {
        ValType::FuncRef => Ty::Func,
        ValType::ExternRef => Ty::Extern,
        numbers => Ty::of_numbers(&format!("{numbers:?}")),
    }
}

fn signature(ty: &FuncType) -> String {
    let list = |types: &[ValType]| {
        types.iter().map(|it| format!("{:?}", self::ty(it))).collect::<Vec<_>>().join(" ")
    };
    format!("{} -> {}", list(ty.params()), list(ty.results()))
}

fn from_val(store: impl AsContext<Data = Data>, val: &Val) -> Value {
    let store = store.as_context();
    match val {
        Val::I32(v) => Value::I32(*v as u32),
        Val::I64(v) => Value::I64(*v as u64),
        Val::F32(v) => Value::F32(v.to_bits()).canonical(),
        Val::F64(v) => Value::F64(v.to_bits()).canonical(),
        Val::V128(v) => Value::V128(v.as_u128()),
        Val::FuncRef(Nullable::Null) => Value::Func(None),
        Val::FuncRef(Nullable::Val(func)) => Value::Func(Some(signature(&func.ty(store)))),
        Val::ExternRef(Nullable::Null) => Value::Extern(None),
        Val::ExternRef(Nullable::Val(object)) => {
            Value::Extern(Some(*object.data(store).downcast_ref().expect("made by the host")))
        }
    }
}

fn to_val(value: &Value, ty: ValType, object: impl FnOnce(u32) -> ExternRef) -> Val {
    match value {
        Value::I32(v) => Val::I32(*v as i32),
        Value::I64(v) => Val::I64(*v as i64),
        Value::F32(v) => Val::F32(F32::from_bits(*v)),
        Value::F64(v) => Val::F64(F64::from_bits(*v)),
        Value::V128(v) => Val::V128((*v).into()),
        Value::Extern(Some(number)) => Val::ExternRef(Nullable::Val(object(*number))),
        Value::Func(_) | Value::Extern(None) | Value::Other(_) => Val::default_for_ty(ty),
    }
}

fn stop(error: &Error) -> Outcome {
    let message = error.to_string();
    if error.downcast_ref::<HostFailure>().is_some() {
        return Outcome::Stop(Stop::Host, message);
    }
    let stop = match error.as_trap_code() {
        Some(TrapCode::UnreachableCodeReached) => Stop::Unreachable,
        Some(TrapCode::MemoryOutOfBounds) => Stop::Memory,
        Some(TrapCode::TableOutOfBounds) => Stop::Table,
        Some(TrapCode::IndirectCallToNull) => Stop::NullCall,
        Some(TrapCode::IntegerDivisionByZero) => Stop::DivisionByZero,
        Some(TrapCode::IntegerOverflow) => Stop::Overflow,
        Some(TrapCode::BadConversionToInteger) => Stop::BadConversion,
        Some(TrapCode::BadSignature) => Stop::Signature,
        Some(_) => Stop::Limit,
        None => Stop::Other,
    };
    Outcome::Stop(stop, message)
}

fn import(store: &mut Store<Data>, index: u64, ty: &ExternType) -> Result<Extern, Skip> {
    let failed = |e: Error| Skip(format!("import: {e}"));
    Ok(match ty {
        ExternType::Func(func) => {
            let results: Vec<ValType> = func.results().to_vec();
            let types: Vec<Ty> = results.iter().map(self::ty).collect();
            let call = move |mut caller: Caller<'_, Data>, args: &[Val], out: &mut [Val]| {
                let args = args.iter().map(|val| from_val(&caller, val)).collect();
                let values = caller.data_mut().host.call(index, args, &types);
                let values = values.ok_or_else(|| Error::host(HostFailure))?;
                for ((out, value), ty) in out.iter_mut().zip(&values).zip(&results) {
                    *out = to_val(value, *ty, |number| ExternRef::new(&mut caller, number));
                }
                Ok(())
            };
            Func::new(&mut *store, func.clone(), call).into()
        }
        ExternType::Global(global) => {
            let value = imported_global(index, self::ty(&global.content()));
            let object = |number| ExternRef::new(&mut *store, number);
            let value = to_val(&value, global.content(), object);
            Global::new(&mut *store, value, global.mutability()).into()
        }
        ExternType::Memory(memory) => Memory::new(&mut *store, *memory).map_err(failed)?.into(),
        ExternType::Table(table) => {
            let null = Ref::null(table.element());
            Table::new(&mut *store, *table, null).map_err(failed)?.into()
        }
    })
}

impl Runner for Wasmi {
    fn name(&self) -> &str {
        "wasmi"
    }

    fn run(&mut self, wasm: &[u8], plan: &Plan) -> Result<Observation, Skip> {
        let mut seen = Observation::default();
        let module = Module::new(&self.engine, wasm).map_err(|e| Skip(format!("module: {e}")))?;
        let limits =
            StoreLimitsBuilder::new().memory_size(MEMORY_LIMIT).table_elements(TABLE_LIMIT).build();
        let mut store = Store::new(&self.engine, Data { host: Host::default(), limits });
        store.limiter(|data| &mut data.limits);
        let mut imports = Vec::new();
        for it in module.imports() {
            let index = label(it.module(), it.name());
            imports.push(import(&mut store, index, it.ty())?);
        }
        let instance = match Instance::new(&mut store, &module, &imports) {
            Ok(instance) => instance,
            Err(error) => {
                seen.failed = Some(stop(&error));
                return Ok(seen);
            }
        };
        for call in &plan.calls {
            if let Some((name, amount)) = &plan.fuel {
                let fuel = instance.get_global(&store, name).expect("exported");
                fuel.set(&mut store, Val::I32(*amount)).expect("a mutable i32");
            }
            let func = instance.get_func(&store, &call.name).expect("exported");
            let ty = func.ty(&store);
            let mut args = Vec::new();
            for (value, ty) in call.args.iter().zip(ty.params()) {
                args.push(to_val(value, *ty, |number| ExternRef::new(&mut store, number)));
            }
            let mut results: Vec<Val> =
                ty.results().iter().map(|ty| Val::default_for_ty(*ty)).collect();
            let outcome = match func.call(&mut store, &args, &mut results) {
                Ok(()) => Outcome::Values(results.iter().map(|it| from_val(&store, it)).collect()),
                Err(error) => stop(&error),
            };
            let end = outcome.is_limit();
            seen.calls.push(outcome);
            if end {
                break;
            }
        }
        for export in module.exports() {
            let name = export.name().to_string();
            match instance.get_export(&store, &name) {
                Some(Extern::Global(global)) => {
                    seen.globals.push((name, from_val(&store, &global.get(&store))));
                }
                Some(Extern::Memory(memory)) => {
                    seen.memories.push((name, memory.data(&store).to_vec()));
                }
                Some(Extern::Table(table)) => {
                    let size = table.size(&store);
                    let elements = (0..size.min(TABLE_ELEMENTS))
                        .map(|i| {
                            let val = match table.get(&store, i).expect("inside the table") {
                                Ref::Func(func) => Val::FuncRef(func),
                                Ref::Extern(object) => Val::ExternRef(object),
                            };
                            from_val(&store, &val)
                        })
                        .collect();
                    seen.tables.push((name, size, elements));
                }
                _ => {}
            }
        }
        seen.sort();
        seen.host = std::mem::take(&mut store.data_mut().host.calls);
        Ok(seen)
    }
}
