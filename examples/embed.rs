//! The library in use: a guest with access to a host function, its memory, and nothing else.
//!
//! `cargo run --features wat --example embed`

use threadle::*;

/// What the host keeps for the guest.
struct Host {
    lines: Vec<String>,
    limits: StoreLimits,
}

const GUEST: &str = r#"
    (module $guest
      (import "host" "print" (func $print (param i32 i32)))
      (memory (export "memory") 1)
      (data (i32.const 0) "hello from the guest")

      (func (export "greet") (call $print (i32.const 0) (i32.const 20)))

      ;; Greatest common divisor.
      (func $gcd (export "gcd") (param $a i64) (param $b i64) (result i64)
        (if (i64.eqz (local.get $b)) (then (return (local.get $a))))
        (return_call $gcd (local.get $b) (i64.rem_u (local.get $a) (local.get $b))))

      (func $ratio (export "ratio") (param $a i32) (param $b i32) (result i32)
        (i32.div_s (local.get $a) (local.get $b)))

      (func (export "grow") (param $pages i32) (result i32)
        (memory.grow (local.get $pages))))
"#;

fn main() -> Result<()> {
    let engine = Engine::default();
    // Modules are compiled once, and can be instantiated in any number of stores.
    let module = Module::new(&engine, GUEST)?;

    let mut linker = Linker::new(&engine);
    linker.func_wrap(
        "host",
        "print",
        |mut caller: Caller<'_, Host>, start: u32, length: u32| -> Result<()> {
            let memory = caller.get_export("memory").and_then(Extern::into_memory);
            let memory = memory.context("the guest exports no memory")?;
            // The guest may pass anything: every access is checked.
            let bytes = memory
                .data(&caller)
                .get(start as usize..)
                .and_then(|rest| rest.get(..length as usize))
                .context("text outside of the memory")?;
            let line = String::from_utf8_lossy(bytes).into_owned();
            caller.data_mut().lines.push(line);
            Ok(())
        },
    )?;

    // A store holds instances and the host's data for them.
    let limits = StoreLimitsBuilder::new().memory_size(1 << 20).build();
    let mut store = Store::new(&engine, Host { lines: Vec::new(), limits });
    store.limiter(|host| &mut host.limits);
    let instance = linker.instantiate(&mut store, &module)?;

    // Functions are called with Rust's types; the signature is checked once, here.
    let greet = instance.get_typed_func::<(), ()>(&mut store, "greet")?;
    greet.call(&mut store, ())?;
    println!("the guest said: {}", store.data().lines[0]);

    let gcd = instance.get_typed_func::<(u64, u64), u64>(&mut store, "gcd")?;
    println!("gcd(1071, 462) = {}", gcd.call(&mut store, (1071, 462))?);

    // The host reads and writes the guest's memory.
    let memory = instance.get_memory(&mut store, "memory").context("no memory")?;
    memory.write(&mut store, 0, b"HELLO")?;
    greet.call(&mut store, ())?;
    println!("and then: {}", store.data().lines[1]);

    // Limits hold: 16 pages of 64 KiB are 1 MiB, and one is there already.
    let grow = instance.get_typed_func::<u32, i32>(&mut store, "grow")?;
    println!("growing by 15 pages: {}", grow.call(&mut store, 15)?);
    println!("growing by another: {}", grow.call(&mut store, 1)?);

    // What goes wrong in the guest is an error here, and the store can be used again.
    let ratio = instance.get_typed_func::<(i32, i32), i32>(&mut store, "ratio")?;
    let error = ratio.call(&mut store, (1, 0)).unwrap_err();
    println!("1 / 0: {}", error.downcast_ref::<Trap>().context("not a trap")?);
    let backtrace = error.downcast_ref::<WasmBacktrace>().context("no backtrace")?;
    println!("in the function {}", backtrace.frames()[0].func_name().unwrap_or("?"));
    println!("6 / 3 = {}", ratio.call(&mut store, (6, 3))?);
    Ok(())
}
