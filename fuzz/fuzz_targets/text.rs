//! Text: as a module, which is also run, and as a test script.
#![no_main]

use libfuzzer_sys::fuzz_target;
use threadle::{Module, wast};
use threadle_fuzz::{engines, run};

fuzz_target!(|text: &str| {
    // The binary format has a target of its own.
    if text.starts_with('\0') {
        return;
    }
    let engine = &engines()[0];
    match Module::new(engine, text) {
        Ok(module) => run(&module),
        // Whoever shows an error reads it whole.
        Err(error) => drop(format!("{error:#}")),
    }
    // Scripts say themselves what is called, and nothing would end a call that does not return.
    if !["invoke", "loop", "call", "start", "thread", "wait"].iter().any(|word| text.contains(word))
    {
        let report = wast::run(engine, text);
        let lines = text.lines().count() + 1;
        for event in report.failures.iter().chain(&report.skipped) {
            assert!(event.line <= lines, "line {} of {lines}", event.line);
            assert!(!event.message.starts_with("panic"), "{}", event.message);
        }
    }
});
