//! Any bytes: parsed, and if they are a module translated and run, with limits.
#![no_main]

use libfuzzer_sys::fuzz_target;
use threadle::Module;
use threadle_fuzz::{engines, run};

fuzz_target!(|bytes: &[u8]| {
    // Text has a target of its own.
    if !bytes.starts_with(b"\0asm") {
        return;
    }
    let [first, second] = engines().each_ref().map(|engine| Module::new(engine, bytes));
    match (first, second) {
        (Ok(first), Ok(second)) => {
            run(&first);
            run(&second);
        }
        // An engine that translates eagerly refuses what is too large for it at once.
        (Ok(first), Err(_)) => run(&first),
        (Err(_), Err(_)) => {}
        (Err(error), Ok(_)) => panic!("refused lazily and accepted eagerly: {error:#}"),
    }
});
