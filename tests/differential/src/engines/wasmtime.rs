//! wasmtime, an oracle: compiles, so it is slow to start and knows everything.

use wasmtime::{
    Config, Engine, Error, Extern, ExternRef, ExternType, Func, FuncType, Global, HeapType,
    Instance, Memory, Module, OptLevel, Ref, Rooted, SharedMemory, Store, StoreLimits,
    StoreLimitsBuilder, Table, ThrownException, Trap, V128, Val, ValType,
};

use super::{Runner, Skip};
use crate::observe::{
    Host, HostFailure, MEMORY_LIMIT, Observation, Outcome, Plan, Stop, TABLE_ELEMENTS, TABLE_LIMIT,
    Ty, Value, imported_global, label,
};

/// wasmtime.
pub struct Wasmtime {
    engine: Engine,
}

impl Wasmtime {
    /// wasmtime with everything that it supports switched on.
    pub fn new() -> Wasmtime {
        let mut config = Config::new();
        config
            .wasm_multi_memory(true)
            .wasm_tail_call(true)
            .wasm_extended_const(true)
            .wasm_memory64(true)
            .wasm_function_references(true)
            .wasm_gc(true)
            .wasm_exceptions(true)
            .wasm_threads(true)
            .shared_memory(true)
            .wasm_custom_page_sizes(true)
            .wasm_wide_arithmetic(true)
            .relaxed_simd_deterministic(true)
            .wasm_backtrace_max_frames(None);
        // Little is executed of each module: compile fast.
        config.cranelift_opt_level(OptLevel::None);
        Wasmtime { engine: Engine::new(&config).expect("the configuration is valid") }
    }
}

struct Data {
    host: Host,
    limits: StoreLimits,
}

fn ty(ty: &ValType) -> Ty {
    match ty {
        ValType::I32 => Ty::I32,
        ValType::I64 => Ty::I64,
        ValType::F32 => Ty::F32,
        ValType::F64 => Ty::F64,
        ValType::V128 => Ty::V128,
        ValType::Ref(ty) => match ty.heap_type() {
            HeapType::Func | HeapType::NoFunc => Ty::Func,
            HeapType::Extern | HeapType::NoExtern => Ty::Extern,
            _ => Ty::Other,
        },
    }
}

fn signature(ty: &FuncType) -> String {
    let list = |types: Vec<ValType>| {
        types.iter().map(|it| format!("{:?}", self::ty(it))).collect::<Vec<_>>().join(" ")
    };
    format!("{} -> {}", list(ty.params().collect()), list(ty.results().collect()))
}

fn from_val(store: &Store<Data>, val: &Val) -> Value {
    match *val {
        Val::I32(v) => Value::I32(v as u32),
        Val::I64(v) => Value::I64(v as u64),
        Val::F32(v) => Value::F32(v).canonical(),
        Val::F64(v) => Value::F64(v).canonical(),
        Val::V128(v) => Value::V128(v.as_u128()),
        Val::FuncRef(func) => Value::Func(func.map(|func| signature(&func.ty(store)))),
        Val::ExternRef(None) => Value::Extern(None),
        Val::ExternRef(Some(object)) => {
            let data = object.data(store).expect("of this store");
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

fn stop(error: &Error) -> Outcome {
    let message = format!("{error:#}");
    if error.is::<HostFailure>() {
        return Outcome::Stop(Stop::Host, message);
    }
    let stop = match error.downcast_ref::<Trap>() {
        Some(Trap::UnreachableCodeReached) => Stop::Unreachable,
        // Which comes first for an access that is both, engines see differently.
        Some(Trap::MemoryOutOfBounds | Trap::HeapMisaligned) => Stop::Memory,
        Some(Trap::TableOutOfBounds) => Stop::Table,
        Some(Trap::IndirectCallToNull) => Stop::NullCall,
        Some(Trap::BadSignature) => Stop::Signature,
        Some(Trap::IntegerDivisionByZero) => Stop::DivisionByZero,
        Some(Trap::IntegerOverflow) => Stop::Overflow,
        Some(Trap::BadConversionToInteger) => Stop::BadConversion,
        Some(Trap::NullReference) => Stop::Null,
        Some(Trap::ArrayOutOfBounds) => Stop::Array,
        Some(Trap::CastFailure) => Stop::Cast,
        Some(Trap::StackOverflow | Trap::AllocationTooLarge) => Stop::Limit,
        _ if error.is::<ThrownException>() => Stop::Exception,
        // The error's type is generic in what could not be allocated.
        _ if message.contains("GC heap out of memory") => Stop::Limit,
        _ => Stop::Other,
    };
    Outcome::Stop(stop, message)
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
                let args = args.iter().map(|val| host_arg(&caller, val)).collect();
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

fn host_arg(caller: &wasmtime::Caller<'_, Data>, val: &Val) -> Value {
    match *val {
        Val::I32(v) => Value::I32(v as u32),
        Val::I64(v) => Value::I64(v as u64),
        Val::F32(v) => Value::F32(v),
        Val::F64(v) => Value::F64(v),
        Val::V128(v) => Value::V128(v.as_u128()),
        Val::FuncRef(func) => Value::Func(func.map(|func| signature(&func.ty(caller)))),
        Val::ExternRef(None) => Value::Extern(None),
        Val::ExternRef(Some(object)) => {
            let data = object.data(caller).expect("of this store");
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

impl Runner for Wasmtime {
    fn name(&self) -> &str {
        "wasmtime"
    }

    fn run(&mut self, wasm: &[u8], plan: &Plan) -> Result<Observation, Skip> {
        let mut seen = Observation::default();
        let module = Module::new(&self.engine, wasm).map_err(|e| Skip(format!("module: {e:#}")))?;
        let limits =
            StoreLimitsBuilder::new().memory_size(MEMORY_LIMIT).table_elements(TABLE_LIMIT).build();
        let mut store = Store::new(&self.engine, Data { host: Host::default(), limits });
        store.limiter(|data| &mut data.limits);
        let mut imports = Vec::new();
        for it in module.imports() {
            let index = label(it.module(), it.name());
            imports.push(import(&mut store, index, &it.ty())?);
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
        let exports: Vec<(String, Extern)> = instance
            .exports(&mut store)
            .map(|export| (export.name().to_string(), export.into_extern()))
            .collect();
        for (name, export) in exports {
            match export {
                Extern::Global(global) => {
                    let value = global.get(&mut store);
                    seen.globals.push((name, from_val(&store, &value)));
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
                            from_val(&store, &element.into())
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
