//! `threadle preinit`, and programs that it has written.

use std::path::Path;

use super::{fails, run};

const PROGRAM: &str = r#"(module
    (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
    (memory (export "memory") 1)
    (global $code (mut i32) (i32.const 1))
    (func (export "_initialize") (i32.store8 (i32.const 0) (i32.add (i32.load8_u (i32.const 0)) (i32.const 1))))
    (func (export "wizer.initialize")
        (global.set $code (i32.add (i32.const 40) (i32.load8_u (i32.const 0)))))
    (func (export "fail") unreachable)
    (func (export "takes") (param i32))
    (func (export "_start") (call $exit (i32.const 99)))
    (func (export "resume") (call $exit (global.get $code))))"#;

#[test]
fn an_initialised_program_goes_on_there() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("cli");
    std::fs::create_dir_all(&folder).unwrap();
    let (program, output) = (folder.join("preinit.wat"), folder.join("preinit.init.wasm"));
    std::fs::write(&program, PROGRAM).unwrap();
    let (program, output) = (program.to_str().unwrap(), output.to_str().unwrap());

    let written = run(&["preinit", program, "--rename-func", "_start=resume"]);
    assert_eq!((written.code, &*written.err), (0, ""));
    assert_eq!(run(&["run", output]).code, 41);
    fails(&["run", "--invoke", "wizer.initialize", output], 1, "exports no function");
    fails(&["run", "--invoke", "_initialize", output], 1, "exports no function");
    fails(&["run", "--invoke", "resume", output], 1, "exports no function");

    let kept = ["preinit", program, "-o", output, "--keep-init-func"];
    assert_eq!(run(&kept).code, 0);
    assert_eq!(run(&["run", output]).code, 99);
    assert_eq!(run(&["run", "--invoke", "wizer.initialize", output]).code, 0);

    for (name, code, text) in [
        ("none", 1, "the module exports no function `none`; it exports _initialize"),
        ("takes", 1, "`takes` cannot initialise the program"),
        ("memory", 1, "`memory` cannot initialise the program"),
        ("fail", 134, "unreachable"),
    ] {
        fails(&["preinit", program, "--init-func", name], code, text);
    }
    fails(&["preinit", program, "-r", "_start=none"], 1, "the module has no export `none`");
    fails(&["preinit", program, "-r", "_start"], 2, "expected NEW=OLD");
}
