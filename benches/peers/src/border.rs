//! The costs at the border between Wasm and its host: the rows, and how one run is made.

use crate::clock::timed;
use crate::engines::Engine;
use crate::job::Sample;
use crate::num::{Num, Result};
use crate::wasi::Host;
use serde::{Deserialize, Serialize};

/// The module that all rows run, as text.
pub const MODULE: &str = include_str!("border.wat");

/// One cost at the border.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Row {
    /// A loop that counts to its limit and does nothing else.
    EmptyLoop,
    /// A Wasm function `(i32) -> i32`, called directly.
    Call,
    /// The same through a table, two functions taking turns.
    CallIndirect,
    /// A host function `() -> ()`.
    HostNop,
    /// A typed host function `(i32) -> i32`.
    HostInc,
    /// A Wasm export `() -> ()`, called from the host through a typed handle.
    ExportEmpty,
    /// A Wasm export `(i32) -> i32`, called from the host through a typed handle.
    ExportUnary,
    /// A host function that calls an export of its caller and returns its result.
    RoundTrip,
    /// `memory.grow` by 0 pages.
    MemoryGrow,
}

impl Row {
    /// All rows, in the order of reports.
    pub const ALL: [Row; 9] = [
        Row::EmptyLoop,
        Row::Call,
        Row::CallIndirect,
        Row::HostNop,
        Row::HostInc,
        Row::ExportEmpty,
        Row::ExportUnary,
        Row::RoundTrip,
        Row::MemoryGrow,
    ];

    /// The name used in filters and JSON.
    pub fn name(self) -> &'static str {
        match self {
            Row::EmptyLoop => "empty-loop",
            Row::Call => "call",
            Row::CallIndirect => "call-indirect",
            Row::HostNop => "host-nop",
            Row::HostInc => "host-inc",
            Row::ExportEmpty => "export-empty",
            Row::ExportUnary => "export-unary",
            Row::RoundTrip => "round-trip",
            Row::MemoryGrow => "memory-grow",
        }
    }

    /// What the row is, for people.
    pub fn title(self) -> &'static str {
        match self {
            Row::EmptyLoop => "empty loop",
            Row::Call => "Wasm to Wasm (i32) -> i32",
            Row::CallIndirect => "call_indirect (i32) -> i32",
            Row::HostNop => "host () -> ()",
            Row::HostInc => "host (i32) -> i32",
            Row::ExportEmpty => "host to () -> () export",
            Row::ExportUnary => "host to (i32) -> i32 export",
            Row::RoundTrip => "Wasm to host to Wasm",
            Row::MemoryGrow => "memory.grow by 0",
        }
    }

    /// The row's loop in Wasm; `None` when the host loops.
    fn wasm_loop(self) -> Option<&'static str> {
        match self {
            Row::EmptyLoop => Some("loop"),
            Row::Call => Some("call"),
            Row::CallIndirect => Some("call_indirect"),
            Row::HostNop => Some("host_nop"),
            Row::HostInc => Some("host_inc"),
            Row::RoundTrip => Some("round_trip"),
            Row::MemoryGrow => Some("grow"),
            Row::ExportEmpty | Row::ExportUnary => None,
        }
    }
}

/// A run must take at least this long, so that the clock's own cost does not count.
const LONG_ENOUGH_NS: u64 = 10_000_000;
/// No run has more iterations: stitch, whose host calls keep native stack, ends here.
const MOST_ITERATIONS: u32 = 1 << 22;
const FIRST_ITERATIONS: u32 = 64;

/// Runs `row` once with a fixed number of iterations, or with more and more of them until the
/// run is long enough to time.
///
/// # Errors
///
/// When the engine cannot do the row, or gets a wrong result.
pub fn run<E: Engine>(
    engine: &E,
    module: &E::Module,
    row: Row,
    iterations: Option<u32>,
) -> Result<Sample> {
    let (instance, instantiate_ns) = timed(|| engine.instantiate(module, Host::default()));
    let mut instance = instance?;
    let mut count = iterations.unwrap_or(FIRST_ITERATIONS);
    if iterations.is_none() {
        loop {
            let (done, spent) = timed(|| iterate(engine, &mut instance, row, count));
            done?;
            if spent >= LONG_ENOUGH_NS || count >= MOST_ITERATIONS {
                break;
            }
            count = count.saturating_mul(2).min(MOST_ITERATIONS);
        }
    }
    // The last of the runs above was for this one: all memory that it needs is there.
    let (done, execute_ns) = timed(|| iterate(engine, &mut instance, row, count));
    done?;
    // The number of iterations differs from run to run; that all of them ran is checked in
    // `iterate`, so there is no result to compare between engines.
    let result = "ok".to_owned();
    Ok(Sample { instantiate_ns, execute_ns, iterations: count, result, peak_kib: None })
}

fn iterate<E: Engine>(
    engine: &E,
    instance: &mut E::Instance,
    row: Row,
    iterations: u32,
) -> Result<()> {
    let count = i32::try_from(iterations).map_err(|error| error.to_string())?;
    let reached = match (row, row.wasm_loop()) {
        (_, Some(export)) => match engine.call(instance, export, &[Num::I32(count)])? {
            Some(Num::I32(reached)) => reached,
            other => return Err(format!("{export} returned {other:?}")),
        },
        (Row::ExportEmpty, None) => {
            engine.call_empty(instance, iterations)?;
            count
        }
        (_, None) => engine.call_unary(instance, iterations)?,
    };
    if reached == count {
        Ok(())
    } else {
        Err(format!("{} counted to {reached} instead of {count}", row.name()))
    }
}
