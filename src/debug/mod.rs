//! Debugging of programs over the GDB remote protocol, with the extension for WebAssembly that LLDB speaks.
//!
//! ```no_run
//! # fn main() -> threadle::Result<()> {
//! use threadle::{Config, Engine, debug::Debugger};
//!
//! let debugger = Debugger::listen(1234)?.accept()?; // after `process connect --plugin wasm connect://localhost:1234`
//! let engine = Engine::new(Config::new().debugger(&debugger))?;
//! # Ok(())
//! # }
//! ```
//!
//! A program of such an engine stands still at its first instruction, at breakpoints, behind steps and accesses to
//! memory that is watched, where it traps and, if the client or [`Debugger::break_on_throw`] asks for it, where
//! it throws exceptions, and goes on when the client says so. Code with breakpoints, and
//! all code while memory is watched, is threaded through a handler that looks for them; other code
//! runs as it does without a debugger, though translated without fused instructions and pinned locals, and with all
//! results stored, so that every local and operand is where it can be read.
//!
//! One client debugs one program: the engine's programs must not run on several threads at once. If the
//! client goes away, or sends what it should not, the program goes on without it.

mod target;
mod watch;

use alloc::sync::Arc;
use core::net::{Ipv4Addr, SocketAddr};
use core::sync::atomic::{AtomicBool, Ordering};
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Mutex, PoisonError};
use std::thread;

use gdbstub::common::Signal;
use gdbstub::conn::Connection;
use gdbstub::stub::state_machine::GdbStubStateMachine;
use gdbstub::stub::{DisconnectReason, GdbStub, MultiThreadStopReason};
use gdbstub_arch::wasm::reg::id::WasmRegId;

use crate::error::{Context, Error, Result, ensure};
use crate::exec::load;
use crate::exec::profile::{Observed, Observer, Seen, Watch};
use crate::prelude::*;
use crate::trap::Trap;
use crate::vm::{Ending, VmStore};
use target::{Place, Program, Resume, THREAD, address};

/// What a client sends to have the program stand still.
const INTERRUPT: u8 = 3;

/// A place and a frame that no instruction has.
const NOWHERE: (Place, usize) = ((u32::MAX, 0), 0);

/// Bytes of the longest packet.
const PACKET: usize = 64 << 10;

/// A connection with the client of a debugger. Clones are the same connection.
#[derive(Clone)]
pub struct Debugger(Arc<Session>);

impl core::fmt::Debug for Debugger {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Debugger")
    }
}

/// Waits for clients at a port of this machine alone.
#[derive(Debug)]
pub struct Listener(TcpListener);

impl Listener {
    /// Where it waits.
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn address(&self) -> Result<SocketAddr> {
        Ok(self.0.local_addr()?)
    }

    /// Waits for a client.
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn accept(self) -> Result<Debugger> {
        let (stream, _) = self.0.accept().context("cannot accept a debugger")?;
        stream.set_nodelay(true)?;
        let writer = Closing(stream.try_clone()?);
        Debugger::new(stream, writer)
    }
}

/// A connection that ends when nothing more is written to it.
struct Closing(TcpStream);

impl Write for Closing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

impl Drop for Closing {
    fn drop(&mut self) {
        let _ = self.0.shutdown(Shutdown::Both);
    }
}

type Machine = GdbStubStateMachine<'static, Program, Writer>;

/// Where answers go.
struct Writer {
    to: Box<dyn Write + Send>,
    /// What has been written since it was last flushed, a packet or acknowledgement.
    packet: Vec<u8>,
    /// What the next packet is to say beyond what the protocol's library has it say.
    more: Option<String>,
}

impl Connection for Writer {
    type Error = io::Error;

    fn write(&mut self, byte: u8) -> Result<(), io::Error> {
        self.packet.push(byte);
        Ok(())
    }

    fn flush(&mut self) -> Result<(), io::Error> {
        if let Some(end) = self.packet.iter().rposition(|byte| *byte == b'#')
            && let Some(more) = self.more.take()
        {
            self.packet.truncate(end);
            self.packet.extend(more.bytes());
            let start = self.packet.iter().position(|byte| *byte == b'$').map_or(0, |at| at + 1);
            let sum = self.packet[start..].iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte));
            self.packet.extend(format!("#{sum:02x}").bytes());
        }
        self.to.write_all(&self.packet)?;
        self.packet.clear();
        self.to.flush()
    }
}

/// Why the program stands still.
struct Stop {
    reason: MultiThreadStopReason<u64>,
    /// What to tell the client besides.
    more: Option<String>,
}

impl From<MultiThreadStopReason<u64>> for Stop {
    fn from(reason: MultiThreadStopReason<u64>) -> Stop {
        Stop { reason, more: None }
    }
}

impl Stop {
    /// Something exceptional has happened: what LLDB shows people in place of the signal.
    fn exception(text: &str) -> Stop {
        let digits = text.bytes().map(|byte| format!("{byte:02x}")).collect::<String>();
        let more = Some(format!("reason:exception;description:{digits};"));
        Stop { reason: signal(Signal::SIGTRAP), more }
    }
}

/// What clients are told of an exception.
const THROWN: &str = "exception thrown";

struct Session {
    state: Mutex<State>,
    /// All code, which the thread that reads has looked for a reason to stop.
    codes: Mutex<Vec<Arc<Observed>>>,
    /// Whether the client has asked for the program to stand still.
    interrupted: AtomicBool,
}

struct State {
    program: Program,
    link: Link,
}

/// The client.
struct Link {
    /// `None` once it has gone.
    machine: Option<Machine>,
    input: Receiver<u8>,
    /// Where the program stood when it was last told to go on, and in which frame.
    from: (Place, usize),
    killed: bool,
}

impl Debugger {
    /// Waits at a port of the loopback interface, 127.0.0.1; 0 stands for any that is free.
    ///
    /// # Errors
    ///
    /// That the port cannot be had.
    pub fn listen(port: u16) -> Result<Listener> {
        let at = (Ipv4Addr::LOCALHOST, port);
        let listener = TcpListener::bind(at);
        Ok(Listener(listener.with_context(|| format!("cannot listen at port {port}"))?))
    }

    /// A debugger whose client is at the other end of these.
    ///
    /// # Errors
    ///
    /// That there can be no more threads: one waits for what the client sends. Or that the build threads
    /// code through a table of handlers ([`Engine::threading_form`](crate::Engine::threading_form)).
    pub fn new(
        mut reader: impl Read + Send + 'static,
        writer: impl Write + Send + 'static,
    ) -> Result<Debugger> {
        ensure!(
            cfg!(threading = "direct"),
            "this build threads code through the table: only direct threading can be debugged"
        );
        let (sender, input) = mpsc::channel();
        let mut program = Program::new();
        let writer = Writer { to: Box::new(writer), packet: Vec::new(), more: None };
        let stub = GdbStub::builder(writer).packet_buffer_size(PACKET).build();
        let stub = stub.map_err(|error| Error::msg(error.to_string()))?;
        let machine = stub.run_state_machine(&mut program);
        let machine = machine.map_err(|error| Error::msg(error.to_string()))?;
        let link = Link { machine: Some(machine), input, from: NOWHERE, killed: false };
        let state = State { program, link };
        let session = Arc::new(Session {
            state: Mutex::new(state),
            codes: Mutex::default(),
            interrupted: AtomicBool::new(false),
        });
        let debugger = Arc::downgrade(&session);
        thread::Builder::new().name("debugger".into()).spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(count @ 1..) = reader.read(&mut bytes) {
                let Some(session) = debugger.upgrade() else { return };
                for byte in &bytes[..count] {
                    if sender.send(*byte).is_err() {
                        return;
                    }
                }
                // After it was sent: who looks for it once finds it.
                if bytes[..count].contains(&INTERRUPT) {
                    session.interrupt();
                }
            }
            // The program learns that the client has gone when it looks for the next byte.
            if let Some(session) = debugger.upgrade() {
                drop(sender);
                session.interrupt();
            }
        })?;
        Ok(Debugger(session))
    }

    pub(crate) fn watch(&self) -> Watch {
        Watch(self.0.clone())
    }

    /// Whether the program is to stand still where it throws an exception, whoever catches it. A client can
    /// ask for it as well, by `monitor break-on-throw on`. While the program stands still, this waits.
    pub fn break_on_throw(&self, enable: bool) {
        let state = &mut *self.0.lock();
        state.program.breaks_on_throw = enable;
        self.0.arm(state);
    }

    /// Tells the client that the program has failed, while its frames are still there.
    pub(crate) fn failed(&self, vm: &mut VmStore, ending: Option<&Ending>) {
        let description = match ending {
            Some(Ending::Trapped(trap)) => trap.to_string(),
            Some(Ending::Failed(error)) => error.to_string(),
            _ => "uncaught exception".into(),
        };
        self.stop(vm, &mut self.0.lock(), Stop::exception(&description));
    }

    /// Tells the client that a host function is about to throw an exception, if it wants to know.
    pub(crate) fn thrown(&self, vm: &mut VmStore) {
        let state = &mut *self.0.lock();
        if state.program.breaks_on_throw && matches!(state.link.machine, Some(Machine::Running(_)))
        {
            self.stop(vm, state, Stop::exception(THROWN));
        }
    }

    /// Has the program stand still while the host runs.
    fn stop(&self, vm: &mut VmStore, state: &mut State, stop: Stop) {
        let State { program, link } = state;
        program.watchpoints.forget();
        if link.machine.is_some() && !link.killed {
            program.standing(vm, |program| link.stand(program, stop));
            // Wherever it goes on, that is elsewhere.
            link.from = NOWHERE;
            self.0.arm(state);
        }
    }

    /// Tells the client that the program has ended, with this exit code.
    pub fn exited(&self, code: u8) {
        let State { program, link } = &mut *self.0.lock();
        if let Some(Machine::Running(machine)) = link.machine.take() {
            // Whether the client hears it or not, it is over.
            let _ = machine.report_stop(program, MultiThreadStopReason::Exited(code));
        }
    }
}

/// The one thread has received a signal.
fn signal(signal: Signal) -> MultiThreadStopReason<u64> {
    MultiThreadStopReason::SignalWithThread { tid: THREAD, signal }
}

impl Session {
    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has the program look for what the client sends.
    fn interrupt(&self) {
        self.interrupted.store(true, Ordering::Relaxed);
        let codes = self.codes.lock().unwrap_or_else(PoisonError::into_inner);
        codes.iter().for_each(|code| load::observe(code, true));
    }

    /// Shows the instructions of code in which something can happen.
    fn arm(&self, state: &State) {
        let codes = self.codes.lock().unwrap_or_else(PoisonError::into_inner);
        codes.iter().for_each(|code| load::observe(code, state.is_watched(code)));
        // Between the client's asking and this, its request may have been overlooked.
        if self.interrupted.load(Ordering::Relaxed) {
            codes.iter().for_each(|code| load::observe(code, true));
        }
    }
}

impl Observer for Session {
    fn loaded(&self, code: &Arc<Observed>) {
        // The state may be locked by who stands still and has code translated: nobody does.
        let state = self.lock();
        let is_watched = state.is_watched(code);
        let mut codes = self.codes.lock().unwrap_or_else(PoisonError::into_inner);
        codes.push(code.clone());
        load::observe(code, is_watched || self.interrupted.load(Ordering::Relaxed));
    }

    fn step(&self, seen: &Seen<'_>) -> Result<(), Trap> {
        let state = &mut *self.lock();
        let State { program, link } = state;
        let interrupted = self.interrupted.swap(false, Ordering::Relaxed);
        let stop = link.stop(program, seen, interrupted);
        let stops = stop.is_some();
        if let Some((place, stop)) = stop {
            seen.stopped(|vm| {
                program.standing(vm, |program| {
                    program.stand_at(place);
                    link.stand(program, stop);
                });
            });
            link.from = (program.place_of(seen).unwrap_or(place), seen.frame());
        }
        program.watchpoints.note(seen);
        if stops || interrupted {
            self.arm(state);
        }
        if state.link.killed { Err(Trap::Interrupt) } else { Ok(()) }
    }
}

impl State {
    /// Whether something can happen in code.
    fn is_watched(&self, code: &Observed) -> bool {
        if self.link.machine.is_none() {
            return false;
        }
        if self.program.resume != Resume::Continue || !self.program.watchpoints.is_empty() {
            return true;
        }
        if self.program.breaks_on_throw && code.throws {
            return true;
        }
        let Some(module) = self.program.module(code.module) else { return false };
        let body = self.program.modules[module as usize].info().body(code.func);
        let mut inside =
            self.program.breakpoints.range((module, body.start as u32)..(module, body.end as u32));
        inside.next().is_some()
    }
}

impl Link {
    /// Where the program is to stand still at an instruction and why, if it is.
    fn stop(
        &mut self,
        program: &mut Program,
        seen: &Seen<'_>,
        interrupted: bool,
    ) -> Option<(Place, Stop)> {
        let is_idle = matches!(self.machine.as_ref()?, Machine::Idle(_));
        let place = match program.place_of(seen) {
            Some(place) => place,
            None => {
                seen.stopped(|vm| program.learn(vm));
                program.place_of(seen)?
            }
        };
        // It has not run yet.
        if is_idle {
            return Some((place, signal(Signal::SIGTRAP).into()));
        }
        let accessed = program.watchpoints.accessed(seen);
        let is_asked = interrupted && self.hear(program);
        if let Some((addr, kind)) = accessed {
            let reason = MultiThreadStopReason::Watch { tid: THREAD, kind, addr };
            return Some((place, reason.into()));
        }
        if is_asked {
            return Some((place, signal(Signal::SIGINT).into()));
        }
        if let Some(place) = program.breakpoint(seen) {
            return Some((place, MultiThreadStopReason::SwBreak(THREAD).into()));
        }
        if program.breaks_on_throw && seen.throws() {
            return Some((place, Stop::exception(THROWN)));
        }
        let moved = (place, seen.frame()) != self.from;
        let stops = match program.resume {
            Resume::Continue => false,
            Resume::Step => moved,
            Resume::Range(start, end) => moved && !(start..end).contains(&address(place)),
        };
        stops.then(|| (place, signal(Signal::SIGTRAP).into()))
    }

    /// Reads what the client has sent while the program ran; whether it wants it to stand still.
    fn hear(&mut self, program: &mut Program) -> bool {
        loop {
            let byte = match self.input.try_recv() {
                Ok(byte) => byte,
                Err(mpsc::TryRecvError::Empty) => return false,
                Err(mpsc::TryRecvError::Disconnected) => {
                    self.machine = None;
                    return false;
                }
            };
            self.machine = match self.machine.take() {
                Some(Machine::Running(machine)) => machine.incoming_data(program, byte).ok(),
                other => other,
            };
            match self.machine.take() {
                Some(Machine::CtrlCInterrupt(machine)) => {
                    let no_reason = None::<MultiThreadStopReason<u64>>;
                    self.machine = machine.interrupt_handled(program, no_reason).ok();
                    return self.machine.is_some();
                }
                Some(Machine::Disconnected(_)) => return false,
                other => self.machine = other,
            }
        }
    }

    /// Stands still for this reason, until the client says otherwise.
    fn stand(&mut self, program: &mut Program, stop: Stop) {
        let pc = program.pc().to_le_bytes();
        let mut machine = self.machine.take();
        if let Some(Machine::Running(mut running)) = machine {
            running.borrow_conn().more = stop.more;
            let mut regs = core::iter::once((WasmRegId::Pc, &pc[..]));
            machine = running.report_stop_with_regs(program, stop.reason, &mut regs).ok();
        }
        loop {
            machine = match machine {
                Some(Machine::Idle(idle)) => match self.input.recv() {
                    Ok(byte) => idle.incoming_data(program, byte).ok(),
                    Err(_) => None,
                },
                Some(Machine::CtrlCInterrupt(interrupt)) => {
                    interrupt.interrupt_handled(program, None::<MultiThreadStopReason<u64>>).ok()
                }
                Some(Machine::Disconnected(end)) => {
                    self.killed = end.get_reason() == DisconnectReason::Kill;
                    None
                }
                other => {
                    self.machine = other;
                    return;
                }
            };
        }
    }
}
