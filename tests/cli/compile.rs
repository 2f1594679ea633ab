//! `threadle compile`, and programs that it has written.

use std::path::Path;

use super::{fails, file, functions, run};

#[test]
fn a_compiled_program_runs_as_the_program_does() {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("cli/compiled.cwasm");
    let artefact = path.to_str().expect("a Unicode path");
    let module = functions();
    let compiled = run(&["compile", &module, "-o", artefact]);
    assert_eq!((compiled.code, &*compiled.err), (0, ""));
    for mode in ["--eager", "--lazy-validation"] {
        let ran = run(&["run", mode, "--invoke", "add", artefact, "40", "2"]);
        assert_eq!((ran.code, &*ran.out), (0, "42\n"), "{}", ran.err);
    }
    let mut bytes = std::fs::read(&path).expect("what was written");
    *bytes.last_mut().expect("an artefact") ^= 1;
    let damaged = file("damaged.cwasm", bytes);
    fails(&["run", "--invoke", "add", &damaged, "1", "2"], 1, "the artefact is damaged");
    let other = ["run", "--wasm-features=-simd", "--invoke", "add", artefact, "1", "2"];
    fails(&other, 1, "Module was compiled with features");
}
