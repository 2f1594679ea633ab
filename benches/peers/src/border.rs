//! The costs at the border between Wasm and its host: the rows, and how one run is made.

use crate::clock::timed;
use crate::engines::{Engine, Loop, Task};
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
    /// An asynchronous host function `(i32) -> i32` that is ready at once.
    HostReady,
    /// The same, which waits once.
    HostWaits,
    /// A Wasm export `(i32) -> i32`, called from the host by an asynchronous call.
    ExportAsync,
    /// A store with an instance, from a pool, of a module with a megabyte of data; a call of it, and its end.
    Fresh,
}

impl Row {
    /// All rows, in the order of reports.
    pub const ALL: [Row; 13] = [
        Row::EmptyLoop,
        Row::Call,
        Row::CallIndirect,
        Row::HostNop,
        Row::HostInc,
        Row::ExportEmpty,
        Row::ExportUnary,
        Row::RoundTrip,
        Row::MemoryGrow,
        Row::HostReady,
        Row::HostWaits,
        Row::ExportAsync,
        Row::Fresh,
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
            Row::HostReady => "async-host-ready",
            Row::HostWaits => "async-host-waits",
            Row::ExportAsync => "async-export",
            Row::Fresh => "fresh-instance",
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
            Row::HostReady => "asynchronous host (i32) -> i32, ready",
            Row::HostWaits => "the same, waits once",
            Row::ExportAsync => "host to (i32) -> i32 export, asynchronously",
            Row::Fresh => "fresh instance from a pool, 1 MB of data",
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
            _ => None,
        }
    }

    /// What the row does, if it needs something of its own for that.
    fn task(self) -> Option<Task> {
        match self {
            Row::HostReady => Some(Task::HostReady),
            Row::HostWaits => Some(Task::HostWaits),
            Row::ExportAsync => Some(Task::ExportAsync),
            Row::Fresh => Some(Task::Fresh),
            _ => None,
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
    let mut task = row.task().map(|task| engine.prepare(task)).transpose()?;
    let mut iterate = |count| iterate(engine, &mut instance, task.as_mut(), row, count);
    let mut count = iterations.unwrap_or(FIRST_ITERATIONS);
    if iterations.is_none() {
        loop {
            let (done, spent) = timed(|| iterate(count));
            done?;
            if spent >= LONG_ENOUGH_NS || count >= MOST_ITERATIONS {
                break;
            }
            count = count.saturating_mul(2).min(MOST_ITERATIONS);
        }
    }
    // The last of the runs above was for this one: all memory that it needs is there.
    let (done, execute_ns) = timed(|| iterate(count));
    done?;
    // The number of iterations differs from run to run; that all of them ran is checked in
    // `iterate`, so there is no result to compare between engines.
    let result = "ok".to_owned();
    Ok(Sample { instantiate_ns, execute_ns, iterations: count, result, peak_kib: None })
}

fn iterate<E: Engine>(
    engine: &E,
    instance: &mut E::Instance,
    task: Option<&mut Loop>,
    row: Row,
    iterations: u32,
) -> Result<()> {
    let count = i32::try_from(iterations).map_err(|error| error.to_string())?;
    let reached = match (task, row.wasm_loop()) {
        (Some(task), _) => task(count)?,
        (None, Some(export)) => match engine.call(instance, export, &[Num::I32(count)])? {
            Some(Num::I32(reached)) => reached,
            other => return Err(format!("{export} returned {other:?}")),
        },
        (None, None) if row == Row::ExportEmpty => {
            engine.call_empty(instance, iterations)?;
            count
        }
        (None, None) => engine.call_unary(instance, iterations)?,
    };
    if reached == count {
        Ok(())
    } else {
        Err(format!("{} counted to {reached} instead of {count}", row.name()))
    }
}
