//! Source lines in backtraces, of programs that trap at a known line in a function that was inlined.

use threadle::{
    Config, Engine, Error, Instance, Module, Store, Trap, WasmBacktrace, WasmBacktraceDetails,
};

const RUST: (&[u8], &str) =
    (include_bytes!("data/dwarf/trap-rs.wasm"), include_str!("data/dwarf/trap.rs"));
const C: (&[u8], &str) =
    (include_bytes!("data/dwarf/trap-c.wasm"), include_str!("data/dwarf/trap.c"));

fn engine(details: WasmBacktraceDetails) -> Engine {
    Engine::new(Config::new().wasm_backtrace_details(details)).unwrap()
}

/// The error of `run`; `None` if the module is refused.
fn failure(engine: &Engine, bytes: &[u8], arg: i32) -> Option<Error> {
    let module = Module::new(engine, bytes).ok()?;
    let mut store = Store::new(engine, ());
    let instance = Instance::new(&mut store, &module, &[]).unwrap();
    let run = instance.get_typed_func::<i32, i32>(&mut store, "run").unwrap();
    Some(run.call(&mut store, arg).unwrap_err())
}

/// The number of the line with this comment.
fn line(source: &str, comment: &str) -> u32 {
    let at = source.lines().position(|line| line.ends_with(comment)).unwrap();
    at as u32 + 1
}

/// Names and lines of the symbols of the innermost frame that are in `file`.
fn innermost(error: &Error, file: &str) -> Vec<(String, u32)> {
    let frame = &error.downcast_ref::<WasmBacktrace>().unwrap().frames()[0];
    let symbols =
        frame.symbols().iter().filter(|it| it.file().is_some_and(|it| it.ends_with(file)));
    symbols.map(|it| (it.name().unwrap().to_owned(), it.line().unwrap())).collect()
}

#[test]
fn a_rust_programs_backtrace_names_functions_lines_and_the_inlined_caller() {
    let (bytes, source) = RUST;
    let error = failure(&engine(WasmBacktraceDetails::Enable), bytes, 7).unwrap();
    assert_eq!(error.downcast_ref::<Trap>(), Some(&Trap::UnreachableCodeReached));
    let symbols = innermost(&error, "trap.rs");
    let lines: Vec<u32> = symbols.iter().map(|it| it.1).collect();
    assert_eq!(lines, [line(source, "// the line"), line(source, "// the inlined call")]);
    assert!(symbols[0].0.contains("checked"), "{symbols:?}");
    assert!(symbols[1].0.contains("middle"), "{symbols:?}");
    // Shown names are demangled.
    let shown = format!("{error:?}");
    assert!(shown.contains("- trap::shapes::Cells::checked"), "{shown}");
    assert!(shown.contains(&format!("at ./trap.rs:{}:", lines[1])), "{shown}");
    assert!(!shown.contains("_ZN") && !shown.contains("_R"), "{shown}");
}

#[test]
fn a_c_programs_backtrace_names_functions_lines_and_the_inlined_caller() {
    let (bytes, source) = C;
    let error = failure(&engine(WasmBacktraceDetails::Enable), bytes, 0).unwrap();
    assert_eq!(error.downcast_ref::<Trap>(), Some(&Trap::IntegerDivisionByZero));
    let expected = [
        ("divide".to_owned(), line(source, "// the line")),
        ("middle".to_owned(), line(source, "// the inlined call")),
    ];
    assert_eq!(innermost(&error, "trap.c"), expected);
    let frames = error.downcast_ref::<WasmBacktrace>().unwrap().frames();
    assert!(frames.len() >= 2, "the exported function is a frame of its own");
}

#[test]
fn without_details_there_are_no_symbols_and_names_are_those_of_the_name_section() {
    let error = failure(&engine(WasmBacktraceDetails::Disable), C.0, 0).unwrap();
    let frame = &error.downcast_ref::<WasmBacktrace>().unwrap().frames()[0];
    assert!(frame.symbols().is_empty());
    let shown = frame.to_string();
    assert!(shown.ends_with("!middle") && !shown.contains("trap.c:"), "{shown}");
}

#[test]
fn broken_debug_information_never_hurts() {
    let engine = engine(WasmBacktraceDetails::Enable);
    let mut with_symbols = 0;
    for (bytes, arg) in [(C.0, 0), (RUST.0, 7)] {
        // From the first debug section on; what else is changed by it is refused or runs.
        let start = bytes.windows(6).position(|it| it == b".debug").unwrap();
        let step = bytes.len() / 900 + 1;
        for at in (start..bytes.len()).step_by(step) {
            for value in [0, 0x7f, 0x80, 0xff, bytes[at] ^ 1] {
                let mut broken = bytes.to_vec();
                broken[at] = value;
                let Some(error) = failure(&engine, &broken, arg) else { continue };
                let backtrace = error.downcast_ref::<WasmBacktrace>().unwrap();
                for frame in backtrace.frames() {
                    assert!(frame.symbols().len() <= 64);
                }
                with_symbols += usize::from(!backtrace.frames()[0].symbols().is_empty());
                assert!(backtrace.to_string().lines().count() < 300);
            }
        }
    }
    assert!(with_symbols > 100, "{with_symbols}: most changes leave something to read");
}
