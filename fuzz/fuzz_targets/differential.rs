//! Modules of wasm-smith on Threadle, with guard pages and without, and on wasmi: results, traps,
//! calls of imports, globals, memories and tables are compared, as tests/differential does it.
#![no_main]
#![allow(dead_code, reason = "the files that are shared do more than is used here")]

#[path = "../../tests/differential/src/engines/mod.rs"]
mod engines;
#[path = "../../tests/differential/src/observe.rs"]
mod observe;
#[path = "../../tests/differential/src/plan.rs"]
mod plan;
#[path = "../../tests/differential/src/rng.rs"]
mod rng;

use std::sync::{LazyLock, Mutex};

use arbitrary::Unstructured;
use engines::{Runner, Threadle, Wasmi};
use libfuzzer_sys::{Corpus, fuzz_target};

/// What a module's loops and functions may use up.
const FUEL: u32 = 300;

fn generate(u: &mut Unstructured<'_>) -> arbitrary::Result<Vec<u8>> {
    let config = wasm_smith::Config {
        export_everything: true,
        canonicalize_nans: true,
        allow_floats: u.arbitrary()?,
        bulk_memory_enabled: true,
        compact_imports_enabled: false,
        exceptions_enabled: false,
        extended_const_enabled: true,
        gc_enabled: false,
        memory64_enabled: u.arbitrary()?,
        // wasmi 2.0 loses values that were read from a local when a block with parameters follows.
        multi_value_enabled: false,
        reference_types_enabled: true,
        relaxed_simd_enabled: false,
        simd_enabled: u.arbitrary()?,
        tail_call_enabled: u.arbitrary()?,
        threads_enabled: false,
        wide_arithmetic_enabled: u.arbitrary()?,
        custom_page_sizes_enabled: u.arbitrary()?,
        allow_start_export: u.arbitrary()?,
        max_funcs: 8,
        min_funcs: 1,
        max_globals: 10,
        max_imports: 4,
        max_instructions: 200,
        max_memories: 3,
        max_tables: 3,
        max_memory32_bytes: 1 << 20,
        max_memory64_bytes: 1 << 20,
        max_table_elements: 1000,
        max_types: 12,
        max_values: 12,
        ..wasm_smith::Config::default()
    };
    let mut module = wasm_smith::Module::new(config, u)?;
    module.ensure_termination(FUEL).map_err(|_| arbitrary::Error::IncorrectFormat)?;
    Ok(module.to_bytes())
}

fuzz_target!(|bytes: &[u8]| -> Corpus {
    static ENGINES: LazyLock<Mutex<(Wasmi, Vec<Threadle>)>> =
        LazyLock::new(|| Mutex::new((Wasmi::new(), Threadle::all())));
    let Ok(wasm) = generate(&mut Unstructured::new(bytes)) else { return Corpus::Reject };
    let Ok(plan) = plan::plan(&wasm, bytes.len() as u64) else { return Corpus::Reject };
    let mut engines = ENGINES.lock().expect("no panic is caught");
    let Ok(expected) = engines.0.run(&wasm, &plan) else { return Corpus::Reject };
    for subject in &mut engines.1 {
        let Ok(got) = subject.run(&wasm, &plan) else { continue };
        if let Some(text) = observe::difference(&expected, &got, &plan) {
            let file = std::env::temp_dir().join("threadle-difference.wasm");
            let kept = std::fs::write(&file, &wasm);
            panic!("{}: {text}\nthe module is in {} ({kept:?})", subject.name(), file.display());
        }
    }
    Corpus::Keep
});
