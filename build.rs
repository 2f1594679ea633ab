//! Decides, once, how handlers dispatch and how code is threaded, and generates everything that
//! follows from the op table.
//!
//! `cfg(dispatch)`:
//! - `sibling`: handlers tail-call each other by LLVM's sibling-call optimisation. Needs an
//!   optimised build, and the `sysv64` convention that carries the interpreter's registers, so
//!   x86-64 only. Nothing in the language guarantees the tail call; asm-check proves it.
//! - `become`: explicit tail calls. Needs a nightly compiler and is asked for by name, because an
//!   unstable feature may change under a user who merely has a nightly installed.
//! - `loop`: handlers return to a loop. Everything else: debug builds, other targets, sanitizers
//!   (whose instrumentation puts code behind the call that should be last).
//!
//! `cfg(threading)`: `direct` (handler addresses in the stream) or `table` (16-bit opcodes looked
//! up in the handler table).
//!
//! `THREADLE_DISPATCH` and `THREADLE_THREADING` override the choice. `THREADLE_FUSED=off` leaves the
//! ops of fused.txt out: half the build time and binary, slower code.

use std::{env, fs, path::Path};

#[path = "src/isa/table.rs"]
#[allow(dead_code)]
mod table;

#[path = "src/isa/generate.rs"]
mod generate;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=src/isa/table.rs");
    println!("cargo::rerun-if-changed=src/isa/table");
    println!("cargo::rerun-if-changed=src/isa/generate.rs");
    println!("cargo::rerun-if-changed=src/isa/fused.txt");
    println!("cargo::rerun-if-env-changed=THREADLE_DISPATCH");
    println!("cargo::rerun-if-env-changed=THREADLE_THREADING");
    println!("cargo::rerun-if-env-changed=THREADLE_LAYOUT_SEED");
    println!("cargo::rerun-if-env-changed=THREADLE_FUSED");

    let dispatch = dispatch();
    let threading = env::var("THREADLE_THREADING").unwrap_or_else(|_| "direct".into());
    assert!(
        matches!(&*threading, "direct" | "table"),
        "THREADLE_THREADING must be `direct` or `table`, not `{threading}`"
    );
    println!("cargo::rustc-cfg=dispatch=\"{dispatch}\"");
    println!("cargo::rustc-cfg=threading=\"{threading}\"");

    let out = env::var("OUT_DIR").expect("cargo sets OUT_DIR");
    let fused = match env::var("THREADLE_FUSED").as_deref() {
        Ok("off") => String::new(),
        _ => fs::read_to_string("src/isa/fused.txt").expect("read src/isa/fused.txt"),
    };
    let table = table::Table::build(&fused);
    fs::write(Path::new(&out).join("ops.rs"), generate::ops(&table)).expect("write ops.rs");
    fs::write(Path::new(&out).join("ops.txt"), generate::descriptions(&table))
        .expect("write ops.txt");
    fs::write(Path::new(&out).join("handlers.rs"), generate::handlers(&table))
        .expect("write handlers.rs");
}

fn dispatch() -> String {
    let x86_64 = env::var("CARGO_CFG_TARGET_ARCH").is_ok_and(|a| a == "x86_64");
    // 64-bit pointers: x32 has the architecture but not the registers' width.
    let wide = env::var("CARGO_CFG_TARGET_POINTER_WIDTH").is_ok_and(|w| w == "64");
    let optimised = env::var("OPT_LEVEL").is_ok_and(|l| matches!(&*l, "2" | "3" | "s"));
    let sanitized = env::var("CARGO_CFG_SANITIZE").is_ok();
    match env::var("THREADLE_DISPATCH") {
        Ok(wish) if matches!(&*wish, "loop" | "become") => wish,
        Ok(wish) if wish == "sibling" => {
            assert!(
                x86_64 && wide && optimised && !sanitized,
                "THREADLE_DISPATCH=sibling needs an optimised x86-64 build without sanitizers"
            );
            wish
        }
        Ok(wish) if wish != "auto" => {
            panic!("THREADLE_DISPATCH must be auto, sibling, become or loop, not `{wish}`")
        }
        _ if x86_64 && wide && optimised && !sanitized => "sibling".into(),
        _ => "loop".into(),
    }
}
