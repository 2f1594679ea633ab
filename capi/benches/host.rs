//! What host.c does, in Rust, for `count` to compare.

use std::env::args;

use threadle::{
    Caller, Engine, Func, FuncType, Instance, Module, Result, Store, Val, ValRaw, ValType,
};

const TEXT: &str = r#"(module (import "" "inc" (func $inc (param i32) (result i32)))
  (func (export "run") (param $n i32) (result i32) (local $i i32)
    (loop $next
      (local.set $i (call $inc (local.get $i)))
      (br_if $next (i32.lt_u (local.get $i) (local.get $n))))
    (local.get $i))
  (func (export "id") (param i32) (result i32) (local.get 0)))"#;

fn main() -> Result<()> {
    let mut args = args().skip(1);
    let row = args.next().expect("a row");
    let n: i32 = args.next().expect("a number").parse()?;
    let engine = Engine::default();
    let mut store = Store::new(&engine, ());
    let ty = FuncType::new(&engine, [ValType::I32], [ValType::I32]);
    let func = match &*row {
        "rust_new" => Func::new(&mut store, ty, |_, params, results| {
            results[0] = Val::I32(params[0].unwrap_i32() + 1);
            Ok(())
        }),
        "rust_unchecked" => Func::new_unchecked(&mut store, ty, |_, values| {
            values[0] = ValRaw::i32(values[0].get_i32() + 1);
            Ok(())
        })?,
        "rust_caller" => Func::wrap(&mut store, |_: Caller<'_, ()>, value: i32| value + 1),
        _ => Func::wrap(&mut store, |value: i32| value + 1),
    };
    let module = Module::from_binary(&engine, &wat::parse_str(TEXT)?)?;
    let instance = Instance::new(&mut store, &module, &[func.into()])?;
    let id = instance.get_func(&mut store, "id").expect("an export");
    match &*row {
        "rust_typed_call" => {
            let id = id.typed::<i32, i32>(&store)?;
            for i in 0..n {
                assert_eq!(id.call(&mut store, i)?, i);
            }
        }
        "rust_call_unchecked" => {
            for i in 0..n {
                let mut values = [ValRaw::i32(i)];
                id.call_unchecked(&mut store, &mut values)?;
                assert_eq!(values[0].get_i32(), i);
            }
        }
        "rust_call" => {
            for i in 0..n {
                let mut results = [Val::I32(0)];
                id.call(&mut store, &[Val::I32(i)], &mut results)?;
                assert_eq!(results[0].unwrap_i32(), i);
            }
        }
        _ => {
            let run = instance.get_typed_func::<i32, i32>(&mut store, "run")?;
            assert_eq!(run.call(&mut store, n)?, n);
        }
    }
    Ok(())
}
