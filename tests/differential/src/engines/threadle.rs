//! Threadle, the engine under test.

use threadle::{
    CompilationMode, Config, Engine, Error, Extern, ExternRef, ExternType, Func, FuncType, Global,
    HeapType, Instance, Memory, Module, ModuleError, ModuleErrorKind, Ref, Rooted, SharedMemory,
    Store, StoreLimits, StoreLimitsBuilder, Table, ThrownException, Trap, V128, Val, ValType,
};

use super::{Runner, Skip};
use crate::observe::{
    Host, HostFailure, MEMORY_LIMIT, Observation, Outcome, Plan, Stop, TABLE_ELEMENTS, TABLE_LIMIT,
    Ty, Value, imported_global, label,
};

/// Threadle in one of its configurations.
#[derive(Debug)]
pub struct Threadle {
    name: &'static str,
    engine: Engine,
}

impl Threadle {
    /// The configurations to test: memory with guard pages and with explicit checks, translated
    /// lazily and eagerly.
    pub fn all() -> Vec<Threadle> {
        [("guarded", true), ("checked", false)]
            .into_iter()
            .map(|(name, guarded)| {
                let mut config = Config::new();
                config.signals_based_traps(guarded);
                config.parallel_compilation(false);
                config.relaxed_simd_deterministic(true);
                for enable in [
                    Config::wasm_simd,
                    Config::wasm_relaxed_simd,
                    Config::wasm_exceptions,
                    Config::wasm_gc,
                    Config::wasm_threads,
                    Config::wasm_custom_page_sizes,
                    Config::wasm_wide_arithmetic,
                ] {
                    enable(&mut config, true);
                }
                if guarded {
                    config.compilation_mode(CompilationMode::Lazy);
                } else {
                    config.compilation_mode(CompilationMode::Eager);
                }
                let engine = Engine::new(&config).expect("the configuration is valid");
                Threadle { name, engine }
            })
            .collect()
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

fn signature(sig: &FuncType) -> String {
    fn list(types: impl Iterator<Item = ValType>) -> String {
        types.map(|it| format!("{:?}", ty(&it))).collect::<Vec<_>>().join(" ")
    }
    format!("{} -> {}", list(sig.params()), list(sig.results()))
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
        Some(Trap::StackOverflow | Trap::AllocationTooLarge | Trap::OutOfHeap) => Stop::Limit,
        _ if error.is::<ThrownException>() => Stop::Exception,
        _ if is_limit(error) => Stop::Limit,
        _ => Stop::Other,
    };
    Outcome::Stop(stop, message)
}

fn is_limit(error: &Error) -> bool {
    error.downcast_ref::<ModuleError>().is_some_and(|it| it.kind() == ModuleErrorKind::Limit)
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
            SharedMemory::new(&engine, *memory).map_err(failed)?.into()
        }
        ExternType::Memory(memory) => Memory::new(&mut *store, *memory).map_err(failed)?.into(),
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

fn host_arg(caller: &threadle::Caller<'_, Data>, val: &Val) -> Value {
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

impl Runner for Threadle {
    fn name(&self) -> &str {
        self.name
    }

    fn run(&mut self, wasm: &[u8], plan: &Plan) -> Result<Observation, Skip> {
        let mut seen = Observation::default();
        let module = match Module::new(&self.engine, wasm) {
            Ok(module) => module,
            Err(error) if is_limit(&error) => return Err(Skip(format!("{error:#}"))),
            Err(error) => {
                let message = format!("module refused: {error:#}");
                seen.failed = Some(Outcome::Stop(Stop::Other, message));
                return Ok(seen);
            }
        };
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
