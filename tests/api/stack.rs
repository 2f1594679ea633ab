//! The end of the value stack: whoever comes to it, from either side and with however many
//! arguments, is told so before anything is written beyond it.

use crate::*;

/// Parameters, and results, of the widest functions.
const WIDE: usize = 1000;

/// A stack of a few hundred small frames.
fn engine() -> Engine {
    Engine::new(Config::new().max_wasm_stack(32 << 10).max_activations(10)).unwrap()
}

/// `down` calls itself until its argument is zero, and then, with a thousand arguments or one, what
/// the other tells.
fn text() -> String {
    let list = "i32 ".repeat(WIDE);
    let gets: String = (0..WIDE).map(|i| format!("(local.get {i})")).collect();
    let ones = "i32.const 1 ".repeat(WIDE);
    let sum = "i32.add ".repeat(WIDE - 1);
    format!(
        r#"(module
            (import "" "host" (func $host (param i32) (result i32)))
            (import "" "wide" (func $wide_host (param {list}) (result {list})))
            (func $wide (export "wide") (param {list}) (result {list}) {gets})
            (func $tail (param i32) (result {list})
                {ones} return_call $wide)
            (func $down (export "down") (param $n i32) (param $what i32) (result i32)
                (if (i32.eqz (local.get $n)) (then
                    (if (i32.eq (local.get $what) (i32.const 0))
                        (then (return (call $host (i32.const 1000)))))
                    (if (i32.eq (local.get $what) (i32.const 1))
                        (then {ones} call $wide {sum} return))
                    (if (i32.eq (local.get $what) (i32.const 2))
                        (then {ones} call $wide_host {sum} return))
                    i32.const 0 call $tail {sum} return))
                (call $down (i32.sub (local.get $n) (i32.const 1)) (local.get $what))))"#
    )
}

/// How a host function calls the function with a thousand parameters.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Way {
    Call,
    Resumable,
}

fn nested(caller: &mut Caller<'_, Way>, sum: i32) -> Result<i32> {
    let wide = caller.get_export("wide").and_then(Extern::into_func).unwrap();
    let ones = vec![Val::I32(1); WIDE];
    let mut results = vec![Val::I32(0); WIDE];
    let way = *caller.data();
    match way {
        Way::Call => wide.call(&mut *caller, &ones, &mut results)?,
        Way::Resumable => results = wide.call_resumable(&mut *caller, &ones)?.finished().unwrap(),
    }
    let found: i32 = results.iter().map(|value| value.unwrap_i32()).sum();
    assert_eq!(found, sum);
    Ok(found)
}

/// A bug of other engines: the stack was checked after the arguments were copied.
#[test]
fn a_thousand_arguments_at_the_end_of_the_stack_fit_or_are_a_trap() {
    let engine = engine();
    let module = module(&engine, &text());
    for way in [Way::Call, Way::Resumable] {
        for what in 0..4 {
            let mut store = Store::new(&engine, way);
            let host = Func::wrap(&mut store, |mut caller: Caller<'_, Way>, x: i32| {
                nested(&mut caller, x)
            });
            let ints = vec![ValType::I32; WIDE];
            let ty = FuncType::new(store.engine(), ints.clone(), ints);
            let wide = Func::new(&mut store, ty, |_, params, results| {
                results.copy_from_slice(params);
                Ok(())
            });
            let imports = [host.into(), wide.into()];
            let instance = Instance::new(&mut store, &module, &imports).unwrap();
            let down = instance.get_typed_func::<(i32, i32), i32>(&mut store, "down").unwrap();
            let mut deepest = None;
            for depth in 0.. {
                match down.call(&mut store, (depth, what)) {
                    Ok(sum) => {
                        assert_eq!(sum, WIDE as i32, "{way:?} {what} {depth}");
                        // Once it is too deep it is too deep.
                        assert_eq!(deepest.map_or(0, |deepest: i32| deepest + 1), depth);
                        deepest = Some(depth);
                    }
                    Err(error) => {
                        assert_eq!(trap_of(&error), Trap::StackOverflow, "{way:?} {what} {depth}");
                        // Until `down` itself does not fit, and some more.
                        if depth > 800 {
                            break;
                        }
                    }
                }
            }
            assert!(deepest.is_some(), "{way:?} {what}");
            assert_eq!(down.call(&mut store, (0, what)).unwrap(), WIDE as i32);
        }
    }
}
