//! Decides, once, how handlers dispatch and how code is threaded, and generates everything that
//! follows from the op table.
//!
//! `cfg(dispatch)`:
//! - `sibling`: handlers tail-call each other by LLVM's sibling-call optimisation. Needs an
//!   optimised build, and a convention that carries the interpreter's registers: those of x86-64
//!   and AArch64. Nothing in the language guarantees the tail call; asm-check proves it.
//! - `become`: explicit tail calls. Needs a nightly compiler and is asked for by name, because an
//!   unstable feature may change under a user who merely has a nightly installed.
//! - `loop`: handlers return to a loop. Everything else: debug builds, other targets, sanitizers
//!   (whose instrumentation puts code behind the call that should be last).
//!
//! `cfg(registers)`: which convention carries the interpreter's registers from handler to handler, so
//! where each of them lives (the table in `exec/abi.rs`): `sysv64`, `aapcs64`, `preserve-none`, or
//! `memory` with `loop`.
//!
//! `cfg(threading)`: `direct` (handler addresses in the stream) or `table` (16-bit opcodes looked
//! up in the handler table).
//!
//! `cfg(prebuilt)`: most handlers are assembled from `src/exec/prebuilt`, where they were compiled in
//! advance (see `src/isa/prebuilt.rs`): `sibling` with direct threading on systems with ELF, while
//! that file is as new as its sources. `THREADLE_PREBUILT=off` compiles all of them, `on` insists.
//!
//! `THREADLE_DISPATCH` and `THREADLE_THREADING` override the choice. `THREADLE_FUSED=off` leaves fused ops
//! out, as unoptimised builds do unless it is `on`: quicker to build, slower code. Which ops are fused
//! otherwise `src/isa/fused.txt` says, or the file that `THREADLE_FUSED_LIST` names (docs/tuning.md).

extern crate alloc;

use std::{env, fs, path::Path};

use prebuilt::Prebuilt;

#[path = "src/isa/table.rs"]
#[allow(dead_code)]
mod table;

#[path = "src/isa/generate.rs"]
mod generate;

#[path = "src/isa/prebuilt.rs"]
#[allow(dead_code, reason = "the part of the tool that writes the file")]
mod prebuilt;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=src/isa/table.rs");
    println!("cargo::rerun-if-changed=src/isa/table");
    println!("cargo::rerun-if-changed=src/isa/generate.rs");
    println!("cargo::rerun-if-changed=src/isa/prebuilt.rs");
    println!("cargo::rerun-if-changed=src/isa/fused.txt");
    println!("cargo::rerun-if-env-changed=THREADLE_DISPATCH");
    println!("cargo::rerun-if-env-changed=THREADLE_THREADING");
    println!("cargo::rerun-if-env-changed=THREADLE_LAYOUT_SEED");
    println!("cargo::rerun-if-env-changed=THREADLE_FUSED");
    println!("cargo::rerun-if-env-changed=THREADLE_FUSED_LIST");

    let arch = env::var("CARGO_CFG_TARGET_ARCH").unwrap_or_default();
    let dispatch = dispatch(&arch);
    let registers = match (&*dispatch, &*arch) {
        ("sibling", "aarch64") => "aapcs64",
        ("sibling", _) => "sysv64",
        ("become", _) => "preserve-none",
        _ => "memory",
    };
    let threading = env::var("THREADLE_THREADING").unwrap_or_else(|_| "direct".into());
    assert!(
        matches!(&*threading, "direct" | "table"),
        "THREADLE_THREADING must be `direct` or `table`, not `{threading}`"
    );
    println!("cargo::rustc-cfg=dispatch=\"{dispatch}\"");
    println!("cargo::rustc-cfg=registers=\"{registers}\"");
    println!("cargo::rustc-cfg=threading=\"{threading}\"");

    let out = env::var("OUT_DIR").expect("cargo sets OUT_DIR");
    let fused = match env::var("THREADLE_FUSED").as_deref() {
        Ok("off") => String::new(),
        // Debug builds are made often and are not measured: a third of the time without.
        Err(_) if dispatch == "loop" && !optimised() => String::new(),
        _ => {
            let list = env::var("THREADLE_FUSED_LIST").unwrap_or("src/isa/fused.txt".into());
            println!("cargo::rerun-if-changed={list}");
            fs::read_to_string(&list).unwrap_or_else(|error| panic!("{list}: {error}"))
        }
    };
    let table = table::Table::build(&fused);
    fs::write(Path::new(&out).join("ops.rs"), generate::ops(&table)).expect("write ops.rs");
    let prebuilt = prebuilt(&dispatch, &threading);
    let (handlers, assembly) = generate::handlers(&table, prebuilt.as_ref());
    fs::write(Path::new(&out).join("handlers.rs"), handlers).expect("write handlers.rs");
    fs::write(Path::new(&out).join("handlers.s"), assembly).expect("write handlers.s");
    if prebuilt.is_some() {
        println!("cargo::rustc-cfg=prebuilt");
    }
}

/// The handlers that need not be compiled, where they are for this build and as new as their sources.
fn prebuilt(dispatch: &str, threading: &str) -> Option<Prebuilt> {
    println!("cargo::rerun-if-env-changed=THREADLE_PREBUILT");
    let wish = env::var("THREADLE_PREBUILT").unwrap_or_else(|_| "auto".into());
    assert!(
        matches!(&*wish, "auto" | "on" | "off"),
        "THREADLE_PREBUILT must be auto, on or off, not `{wish}`"
    );
    let is = |name: &str, value: &str| env::var(name).is_ok_and(|it| it == value);
    let elf = is("CARGO_CFG_TARGET_FAMILY", "unix") && !is("CARGO_CFG_TARGET_VENDOR", "apple");
    let fits = dispatch == "sibling"
        && threading == "direct"
        && is("CARGO_CFG_TARGET_ARCH", "x86_64")
        && elf;
    if wish == "off" || !fits {
        assert!(
            wish != "on",
            "THREADLE_PREBUILT=on: there are no prebuilt handlers for this build"
        );
        return None;
    }
    println!("cargo::rerun-if-changed={PREBUILT}");
    let text = fs::read_to_string(PREBUILT).unwrap_or_else(|error| panic!("{PREBUILT}: {error}"));
    let file = Prebuilt::parse(&text).unwrap_or_else(|error| panic!("{PREBUILT}: {error}"));
    let sources = prebuilt::fingerprint(Path::new(".")).expect("read the sources of handlers");
    if file.fingerprint != sources {
        assert!(wish != "on", "THREADLE_PREBUILT=on: {PREBUILT} is older than its sources");
        println!(
            "cargo::warning={PREBUILT} is older than its sources: all handlers are compiled, which \
             takes minutes. `cargo run --release -p asm-check -- prebuild` writes it anew"
        );
        return None;
    }
    Some(file)
}

/// The prebuilt handlers for x86-64 and object files in ELF.
const PREBUILT: &str = "src/exec/prebuilt/x86_64-elf.s";

fn optimised() -> bool {
    env::var("OPT_LEVEL").is_ok_and(|level| matches!(&*level, "2" | "3" | "s"))
}

fn dispatch(arch: &str) -> String {
    let registers = matches!(arch, "x86_64" | "aarch64");
    // 64-bit pointers: x32 has the architecture but not the registers' width.
    let wide = env::var("CARGO_CFG_TARGET_POINTER_WIDTH").is_ok_and(|w| w == "64");
    let optimised = optimised();
    let sanitized = env::var("CARGO_CFG_SANITIZE").is_ok();
    match env::var("THREADLE_DISPATCH") {
        Ok(wish) if matches!(&*wish, "loop" | "become") => wish,
        Ok(wish) if wish == "sibling" => {
            assert!(
                registers && wide && optimised && !sanitized,
                "THREADLE_DISPATCH=sibling needs an optimised build for x86-64 or AArch64 without sanitizers"
            );
            wish
        }
        Ok(wish) if wish != "auto" => {
            panic!("THREADLE_DISPATCH must be auto, sibling, become or loop, not `{wish}`")
        }
        _ if registers && wide && optimised && !sanitized => "sibling".into(),
        _ => "loop".into(),
    }
}
