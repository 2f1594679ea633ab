//! Running a module on an engine with wasmtime's API: the text that Threadle and wasmtime share. Each compiles
//! it against its own crate, which is `super::api`, and says what its errors mean, in `super::stop`.

#![allow(
    clippy::clone_on_copy,
    clippy::needless_borrows_for_generic_args,
    reason = "one of the two crates needs it"
)]

use super::api::{
    AsContext, Engine, Error, Extern, ExternRef, ExternType, Func, FuncType, Global, HeapType,
    Instance, Memory, Module, Ref, Rooted, SharedMemory, Store, StoreLimits, StoreLimitsBuilder,
    Table, Trap, V128, Val, ValType,
};
use super::stop;
use crate::engines::Skip;
use crate::observe::{
    Host, HostFailure, MEMORY_LIMIT, Observation, Outcome, Plan, Stop, TABLE_ELEMENTS, TABLE_LIMIT,
    Ty, Value, imported_global, label,
};

/// What a store holds.
pub struct Data {
    host: Host,
    limits: StoreLimits,
}

/// How calls are made.
pub trait Driver {
    /// Before anything runs in the store.
    fn begin(&mut self, _store: &mut Store<Data>) {}

    /// Calls a function.
    ///
    /// # Errors
    ///
    /// The call's.
    fn call(
        &mut self,
        store: &mut Store<Data>,
        func: &Func,
        args: &[Val],
        results: &mut [Val],
    ) -> Result<(), Error> {
        func.call(store, args, results)
    }

    /// What the calls used up of something that is counted.
    fn used(&mut self) -> Option<Vec<u64>> {
        None
    }
}

/// As anybody does.
pub struct Plain;

impl Driver for Plain {}

fn ty(ty: &ValType) -> Ty {
    match ty {
        ValType::Ref(ty) => match ty.heap_type() {
            HeapType::Func | HeapType::NoFunc => Ty::Func,
            HeapType::Extern | HeapType::NoExtern => Ty::Extern,
            _ => Ty::Other,
        },
        numbers => Ty::of_numbers(&numbers.to_string()),
    }
}

fn signature(ty: &FuncType) -> String {
    let list = |types: Vec<ValType>| {
        types.iter().map(|it| format!("{:?}", self::ty(it))).collect::<Vec<_>>().join(" ")
    };
    format!("{} -> {}", list(ty.params().collect()), list(ty.results().collect()))
}

/// A value of a store. Those that are compared are made canonical after.
fn from_val(store: impl AsContext, val: &Val) -> Value {
    let store = store.as_context();
    match *val {
        Val::I32(v) => Value::I32(v as u32),
        Val::I64(v) => Value::I64(v as u64),
        Val::F32(v) => Value::F32(v),
        Val::F64(v) => Value::F64(v),
        Val::V128(v) => Value::V128(v.as_u128()),
        Val::FuncRef(func) => Value::Func(func.map(|func| signature(&func.ty(&store)))),
        Val::ExternRef(None) => Value::Extern(None),
        Val::ExternRef(Some(object)) => {
            let data = object.data(&store).expect("of this store");
            match data.and_then(|it| it.downcast_ref()) {
                Some(number) => Value::Extern(Some(*number)),
                // An object of the program's, converted.
                None => Value::Other(false),
            }
        }
        Val::AnyRef(it) => Value::Other(it.is_none()),
        Val::ExnRef(it) => Value::Other(it.is_none()),
        _ => Value::Other(false),
    }
}

/// A value to compare with another engine's.
fn seen_val(store: &Store<Data>, val: &Val) -> Value {
    from_val(store, val).canonical()
}

/// The value with its object made by `object`.
fn to_val(value: &Value, ty: &ValType, object: impl FnOnce(u32) -> Rooted<ExternRef>) -> Val {
    match value {
        Value::I32(v) => Val::I32(*v as i32),
        Value::I64(v) => Val::I64(*v as i64),
        Value::F32(v) => Val::F32(*v),
        Value::F64(v) => Val::F64(*v),
        Value::V128(v) => Val::V128(V128::from(*v)),
        Value::Extern(Some(number)) => Val::ExternRef(Some(object(*number))),
        Value::Func(_) | Value::Extern(None) | Value::Other(_) => {
            Val::default_for_ty(ty).expect("a nullable reference")
        }
    }
}

/// What a trap is to the comparison.
pub fn trap(trap: &Trap) -> Option<Stop> {
    Some(match trap {
        Trap::UnreachableCodeReached => Stop::Unreachable,
        // Which comes first for an access that is both, engines see differently.
        Trap::MemoryOutOfBounds | Trap::HeapMisaligned => Stop::Memory,
        Trap::TableOutOfBounds => Stop::Table,
        Trap::IndirectCallToNull => Stop::NullCall,
        Trap::BadSignature => Stop::Signature,
        Trap::IntegerDivisionByZero => Stop::DivisionByZero,
        Trap::IntegerOverflow => Stop::Overflow,
        Trap::BadConversionToInteger => Stop::BadConversion,
        Trap::NullReference => Stop::Null,
        Trap::ArrayOutOfBounds => Stop::Array,
        Trap::CastFailure => Stop::Cast,
        Trap::StackOverflow | Trap::AllocationTooLarge => Stop::Limit,
        _ => return None,
    })
}

fn import(store: &mut Store<Data>, index: u64, ty: &ExternType) -> Result<Extern, Skip> {
    let failed = |e: Error| Skip(format!("import: {e:#}"));
    Ok(match ty {
        ExternType::Func(func) => {
            let results: Vec<ValType> = func.results().collect();
            let types: Vec<Ty> = results.iter().map(self::ty).collect();
            if results.iter().any(|ty| Val::default_for_ty(ty).is_none()) {
                return Err(Skip("import of a function that returns objects".into()));
            }
            Func::new(&mut *store, func.clone(), move |mut caller, args, out| {
                let args = args.iter().map(|val| from_val(&caller, val)).collect();
                let values = caller.data_mut().host.call(index, args, &types).ok_or(HostFailure)?;
                for ((out, value), ty) in out.iter_mut().zip(&values).zip(&results) {
                    *out = to_val(value, ty, |number| {
                        ExternRef::new(&mut caller, number).expect("room for an object")
                    });
                }
                Ok(())
            })
            .into()
        }
        ExternType::Global(global) => {
            let content = global.content().clone();
            if Val::default_for_ty(&content).is_none() {
                return Err(Skip("import of an object".into()));
            }
            let value = imported_global(index, self::ty(&content));
            let object = |number| ExternRef::new(&mut *store, number).expect("room for an object");
            let value = to_val(&value, &content, object);
            Global::new(&mut *store, global.clone(), value).map_err(failed)?.into()
        }
        ExternType::Memory(memory) if memory.is_shared() => {
            let engine = store.engine().clone();
            SharedMemory::new(&engine, memory.clone()).map_err(failed)?.into()
        }
        ExternType::Memory(memory) => {
            Memory::new(&mut *store, memory.clone()).map_err(failed)?.into()
        }
        ExternType::Table(table) => {
            if !table.element().is_nullable() {
                return Err(Skip("import of a table of objects".into()));
            }
            let null = Ref::null(table.element().heap_type());
            Table::new(&mut *store, table.clone(), null).map_err(failed)?.into()
        }
        _ => return Err(Skip("import of another kind".into())),
    })
}

/// Does with a module as planned and says what happened.
///
/// # Errors
///
/// When something that it imports cannot be made.
pub fn run(
    engine: &Engine,
    module: &Module,
    plan: &Plan,
    driver: &mut dyn Driver,
) -> Result<Observation, Skip> {
    let mut seen = Observation::default();
    let limits =
        StoreLimitsBuilder::new().memory_size(MEMORY_LIMIT).table_elements(TABLE_LIMIT).build();
    let mut store = Store::new(engine, Data { host: Host::default(), limits });
    store.limiter(|data| &mut data.limits);
    driver.begin(&mut store);
    let mut imports = Vec::new();
    for it in module.imports() {
        let index = label(it.module(), it.name());
        imports.push(import(&mut store, index, &it.ty())?);
    }
    let instance = match Instance::new(&mut store, module, &imports) {
        Ok(instance) => instance,
        Err(error) => {
            seen.failed = Some(stop(&error));
            return Ok(seen);
        }
    };
    for call in &plan.calls {
        if let Some((name, amount)) = &plan.fuel {
            let fuel = instance.get_global(&mut store, name).expect("exported");
            fuel.set(&mut store, Val::I32(*amount)).expect("a mutable i32");
        }
        let func = instance.get_func(&mut store, &call.name).expect("exported");
        let ty = func.ty(&store);
        let mut args = Vec::new();
        for (value, ty) in call.args.iter().zip(ty.params()) {
            args.push(to_val(value, &ty, |number| {
                ExternRef::new(&mut store, number).expect("room for an object")
            }));
        }
        let mut results = vec![Val::I32(0); ty.results().len()];
        let outcome = match driver.call(&mut store, &func, &args, &mut results) {
            Ok(()) => Outcome::Values(results.iter().map(|it| seen_val(&store, it)).collect()),
            Err(error) => stop(&error),
        };
        let end = outcome.is_limit();
        seen.calls.push(outcome);
        if end {
            break;
        }
    }
    let exports: Vec<(String, Extern)> = instance
        .exports(&mut store)
        .map(|export| (export.name().to_string(), export.into_extern()))
        .collect();
    for (name, export) in exports {
        match export {
            Extern::Global(global) => {
                let value = global.get(&mut store);
                seen.globals.push((name, seen_val(&store, &value)));
            }
            Extern::Memory(memory) => seen.memories.push((name, memory.data(&store).to_vec())),
            // What is in it shows in what code computes; wasmtime lends it to unsafe code only.
            Extern::SharedMemory(memory) => {
                seen.memories.push((name, memory.data_size().to_le_bytes().to_vec()));
            }
            Extern::Table(table) => {
                let size = table.size(&store);
                let elements = (0..size.min(TABLE_ELEMENTS))
                    .map(|i| {
                        let element = table.get(&mut store, i).expect("inside the table");
                        seen_val(&store, &element.into())
                    })
                    .collect();
                seen.tables.push((name, size, elements));
            }
            _ => {}
        }
    }
    seen.sort();
    seen.used = driver.used();
    seen.host = std::mem::take(&mut store.data_mut().host.calls);
    Ok(seen)
}
