//! What a client of the protocol can ask of a program that stands still.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::sync::Arc;
use core::ptr::NonNull;
use std::collections::HashMap;
use std::io;

use gdbstub::arch::lldb::{Encoding, Format, Generic, Register};
use gdbstub::common::{Endianness, Signal, Tid};
use gdbstub::target::ext::base::BaseOps;
use gdbstub::target::ext::base::multithread::{
    MultiThreadBase, MultiThreadRangeStepping, MultiThreadRangeSteppingOps, MultiThreadResume,
    MultiThreadResumeOps, MultiThreadSchedulerLocking, MultiThreadSchedulerLockingOps,
    MultiThreadSingleStep, MultiThreadSingleStepOps,
};
use gdbstub::target::ext::breakpoints::{
    Breakpoints, BreakpointsOps, HwWatchpoint, HwWatchpointOps, SwBreakpoint, SwBreakpointOps,
    WatchKind,
};
use gdbstub::target::ext::host_info::{HostInfo, HostInfoOps, HostInfoResponse};
use gdbstub::target::ext::libraries::{Libraries, LibrariesOps};
use gdbstub::target::ext::lldb_register_info_override::{
    Callback, CallbackToken, LldbRegisterInfoOverride, LldbRegisterInfoOverrideOps,
};
use gdbstub::target::ext::monitor_cmd::{ConsoleOutput, MonitorCmd, MonitorCmdOps, outputln};
use gdbstub::target::ext::process_info::{ProcessInfo, ProcessInfoOps, ProcessInfoResponse};
use gdbstub::target::ext::wasm::{Wasm, WasmOps};
use gdbstub::target::{Target, TargetError, TargetResult};
use gdbstub_arch::wasm::addr::{WasmAddr, WasmAddrType};
use gdbstub_arch::wasm::reg::WasmRegisters;
use wasmparser::{BinaryReader, OperatorsReader};

use super::watch::{MOST_BYTES, Watchpoint, Watchpoints, bytes};
use crate::exec::profile::Seen;
use crate::func::frames::{self, Placed};
use crate::index::{DefinedFuncIndex, GlobalIndex, MemoryIndex};
use crate::prelude::*;
use crate::translate::{self, Held};
use crate::vm::external::External;
use crate::vm::handle::Handle;
use crate::vm::value::Value;
use crate::vm::{CodeMap, CodePlace, VmStore};
use crate::wasm::Entity;

/// The one thread that there is.
pub const THREAD: Tid = Tid::MIN;

/// What clients are told of the program.
const TRIPLE: &str = "wasm32-unknown-unknown-wasm";

/// The most frames that clients see.
const MOST_FRAMES: usize = 1000;

/// How the program goes on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Resume {
    /// Until something happens.
    Continue,
    /// To the next instruction.
    Step,
    /// To the next instruction that is not in this range of addresses.
    Range(u64, u64),
}

/// A place in a module: its number, and a byte offset.
pub type Place = (u32, u32);

/// A frame.
#[derive(Clone, Copy)]
pub struct Frame {
    instance: Handle,
    func: DefinedFuncIndex,
    place: Place,
    /// The operator that it has come to, or that calls the next one.
    operator: u32,
    /// Whether it is that operator that called the next frame.
    calls: bool,
    address: usize,
}

/// The program.
pub struct Program {
    /// While it stands still.
    store: Option<NonNull<VmStore>>,
    /// Modules, by their numbers.
    pub modules: Vec<Arc<CodeMap>>,
    /// Innermost first.
    pub frames: Vec<Frame>,
    pub breakpoints: BTreeSet<Place>,
    pub watchpoints: Watchpoints,
    pub resume: Resume,
    /// Whether it is to stand still where it throws.
    pub breaks_on_throw: bool,
    /// By address of code: the first instruction of each operator that has some.
    starts: HashMap<usize, BTreeMap<u32, usize>>,
    /// By instance, while it stands still.
    globals: HashMap<u32, Vec<Option<(u128, usize)>>>,
}

// SAFETY: the pointer is there while the thread that set it stands still, and used by that thread alone.
unsafe impl Send for Program {}

impl Program {
    pub fn new() -> Program {
        Program {
            store: None,
            modules: Vec::new(),
            frames: Vec::new(),
            breakpoints: BTreeSet::new(),
            watchpoints: Watchpoints::default(),
            resume: Resume::Step,
            breaks_on_throw: false,
            starts: HashMap::new(),
            globals: HashMap::new(),
        }
    }

    /// The number of the module that was read from bytes at this address.
    pub fn module(&self, address: usize) -> Option<u32> {
        let mut modules = self.modules.iter();
        let at = modules.position(|code| code.bytes().as_ptr() as usize == address);
        at.map(|at| at as u32)
    }

    /// Learns of the modules that a store has.
    pub fn learn(&mut self, vm: &VmStore) {
        for instance in vm.instance_handles() {
            let code = vm.instance(instance).code();
            if !self.modules.iter().any(|known| Arc::ptr_eq(known, code)) {
                self.modules.push(code.clone());
            }
        }
    }

    /// Lets `act` look at the program, which stands still in this store; its frames are published.
    pub fn standing<R>(&mut self, vm: &mut VmStore, act: impl FnOnce(&mut Program) -> R) -> R {
        self.learn(vm);
        let placed = frames::placed(vm, MOST_FRAMES);
        self.frames = placed.into_iter().filter_map(|placed| self.frame(vm, placed)).collect();
        for frame in &self.frames {
            let instance = frame.instance;
            self.globals.entry(instance.index).or_insert_with(|| globals(vm, instance));
        }
        self.store = Some(NonNull::from(&mut *vm));
        let result = act(self);
        self.store = None;
        self.watchpoints.look(vm);
        self.frames.clear();
        self.globals.clear();
        result
    }

    fn frame(&self, vm: &VmStore, placed: Placed) -> Option<Frame> {
        let Placed { instance, place, address } = placed;
        let code = vm.instance(instance).code();
        let (func, offset) = code.lookup(place)?;
        let source = code.source_offset(func, offset);
        let operator = source.unwrap_or(code.info().body(func).start as u32);
        let calls = matches!(place, CodePlace::Returns(_));
        // As on other machines, a caller is where the call returns to: clients go on until there.
        let behind = calls.then(|| behind(code.bytes(), operator)).flatten();
        let module = self.module(code.bytes().as_ptr() as usize)?;
        let place = (module, behind.unwrap_or(operator));
        Some(Frame { instance, func, place, operator, calls, address })
    }

    fn vm(&self) -> Option<&VmStore> {
        // SAFETY: set by `standing` alone, for as long as it has the store.
        self.store.map(|store| unsafe { store.as_ref() })
    }

    fn vm_mut(&mut self) -> Option<&mut VmStore> {
        // SAFETY: as above.
        self.store.map(|mut store| unsafe { store.as_mut() })
    }

    /// Where an instruction came from, if its module is known.
    pub fn place_of(&self, seen: &Seen<'_>) -> Option<Place> {
        let module = self.module(seen.code.module)?;
        let code = &self.modules[module as usize];
        let source = code.source_offset(seen.code.func, seen.offset as u32);
        Some((module, source.unwrap_or(code.info().body(seen.code.func).start as u32)))
    }

    /// Has the innermost frame be at a place: its instruction came from several operators.
    pub fn stand_at(&mut self, place: Place) {
        if let Some(frame) = self.frames.first_mut() {
            (frame.place, frame.operator) = (place, place.1);
        }
    }

    /// The breakpoint at an instruction: in front of its operator, and behind that of the instruction
    /// before.
    pub fn breakpoint(&mut self, seen: &Seen<'_>) -> Option<Place> {
        if self.breakpoints.is_empty() {
            return None;
        }
        let module = self.module(seen.code.module)?;
        let code = &self.modules[module as usize];
        let body = code.info().body(seen.code.func);
        let source = |offset: usize| code.source_offset(seen.code.func, offset as u32);
        let starts = self.starts.entry(seen.code.start).or_insert_with(|| {
            let mut starts = BTreeMap::new();
            for instruction in seen.code.instructions() {
                if instruction.at >= seen.code.entry as usize
                    && let Some(at) = source(instruction.at)
                {
                    starts.entry(at).or_insert(instruction.at);
                }
            }
            starts
        });
        let here = source(seen.offset)?;
        if starts.get(&here) != Some(&seen.offset) {
            return None;
        }
        let before = starts.range(..here).next_back().map_or(body.start as u32, |(at, _)| at + 1);
        self.breakpoints.range((module, before)..=(module, here)).next().copied()
    }

    /// Where the innermost frame is.
    pub fn pc(&self) -> u64 {
        self.frames.first().map_or(0, |frame| address(frame.place))
    }

    /// The memory that an address is in.
    fn memory_at(&self, at: WasmAddr) -> Option<Handle> {
        let instance = self.frames.first()?.instance;
        let vm = self.vm()?;
        let index = MemoryIndex(at.module_index());
        if index.0 as usize >= vm.instance(instance).info().memories.len() {
            return None;
        }
        match vm.instance(instance).external(instance, Entity::Memory(index)) {
            External::Memory(memory) => Some(memory),
            _ => None,
        }
    }

    /// Copies bytes of the memory at an address, from there on, as many as there are; how many.
    fn read_memory(&self, at: WasmAddr, data: &mut [u8]) -> Option<usize> {
        let bytes = bytes(self.vm()?, self.memory_at(at)?, at.offset() as usize, data.len())?;
        data[..bytes.len()].copy_from_slice(&bytes);
        Some(bytes.len())
    }

    /// Writes bytes of the memory at an address, if they are inside.
    fn write_memory(&mut self, at: WasmAddr, data: &[u8]) -> Option<()> {
        let memory = self.memory_at(at)?;
        let (vm, offset) = (self.vm_mut()?, at.offset() as usize);
        if let Some(shared) = vm.shared_memory(memory) {
            return shared.write(offset as u64, data).then_some(());
        }
        let bytes = vm.memory_mut(memory).bytes_mut().get_mut(offset..)?.get_mut(..data.len())?;
        bytes.copy_from_slice(data);
        Some(())
    }

    /// The watchpoint for these bytes, if there are such.
    fn watchpoint(&self, address: u64, len: u64, kind: WatchKind) -> Option<Watchpoint> {
        let at = WasmAddr::from_raw(address).filter(|at| at.addr_type() == WasmAddrType::Memory)?;
        if !(1..=MOST_BYTES).contains(&len) {
            return None;
        }
        let (start, len) = (at.offset() as usize, len as usize);
        let memory = self.memory_at(at)?;
        let last = bytes(self.vm()?, memory, start, len)?.into_owned();
        if last.len() < len {
            return None;
        }
        Some(Watchpoint { address, kind, memory, start, last })
    }

    fn local(&self, frame: usize, local: usize, buf: &mut [u8]) -> Option<usize> {
        let frame = *self.frames.get(frame)?;
        let code = self.modules.get(frame.place.0 as usize)?;
        let locals = translate::local_slots(code.info(), code.bytes(), frame.func)?;
        let (slot, bytes) = *locals.get(local)?;
        write((self.slot(frame, slot, bytes)?, bytes.into()), buf)
    }

    /// The value in a slot of a frame that has so many bytes, and more beyond them.
    fn slot(&self, frame: Frame, slot: i32, bytes: u8) -> Option<u128> {
        let vm = self.vm()?;
        let low = frames::slot(vm, frame.address, slot)?;
        let high = if bytes > 8 { frames::slot(vm, frame.address, slot + 1)? } else { 0 };
        Some(u128::from(high) << 64 | u128::from(low))
    }

    /// Operand `index` of a frame, from the bottom of its stack.
    fn operand(&self, frame: usize, index: usize, buf: &mut [u8]) -> Option<usize> {
        let frame = *self.frames.get(frame)?;
        let code = self.modules.get(frame.place.0 as usize)?;
        let (info, at) = (code.info(), frame.operator as usize);
        let operands =
            translate::operands(info, code.layout(), code.bytes(), frame.func, at, frame.calls)?;
        let (held, bytes) = *operands.get(index)?;
        let value = match held {
            Held::Slot(slot) => self.slot(frame, slot, bytes)?,
            Held::Const(bits) => bits.into(),
        };
        write((value, bytes.into()), buf)
    }

    fn global(&self, frame: usize, global: usize, buf: &mut [u8]) -> Option<usize> {
        let instance = self.frames.get(frame)?.instance.index;
        let value = *self.globals.get(&instance)?.get(global)?;
        write(value?, buf)
    }

    /// The place of the code that an address means.
    fn code_place(&self, at: u64) -> Option<Place> {
        let at = WasmAddr::from_raw(at)?;
        let place = (at.module_index(), at.offset());
        let is_code = at.addr_type() == WasmAddrType::Object;
        let code = self.modules.get(place.0 as usize)?;
        let bodies = &code.info().bodies;
        let is_in = bodies.iter().any(|body| body.contains(&(place.1 as usize)));
        (is_code && is_in).then_some(place)
    }

    /// The modules, as the protocol lists libraries.
    fn libraries(&self) -> String {
        let mut text = String::from("<library-list>");
        for number in 0..self.modules.len() as u32 {
            let start = address((number, 0));
            text += &format!(
                "<library name=\"module{number}\"><section address=\"{start:#x}\"/></library>"
            );
        }
        text + "</library-list>"
    }
}

/// The values of an instance's globals, with the bytes that each has; references have none.
fn globals(vm: &mut VmStore, instance: Handle) -> Vec<Option<(u128, usize)>> {
    let count = vm.instance(instance).info().globals.len() as u32;
    let value = |index| {
        let entity = Entity::Global(GlobalIndex(index));
        let External::Global(global) = vm.instance(instance).external(instance, entity) else {
            return None;
        };
        Some(match vm.global(global) {
            Value::I32(value) => (value as u32 as u128, 4),
            Value::F32(value) => (value.into(), 4),
            Value::I64(value) => (value as u64 as u128, 8),
            Value::F64(value) => (value.into(), 8),
            Value::V128(value) => (value, 16),
            _ => return None,
        })
    };
    (0..count).map(value).collect()
}

/// Writes the first bytes of a value.
fn write((value, bytes): (u128, usize), buf: &mut [u8]) -> Option<usize> {
    buf.get_mut(..bytes)?.copy_from_slice(&value.to_le_bytes()[..bytes]);
    Some(bytes)
}

/// The byte behind the operator at a byte of a module.
fn behind(bytes: &[u8], at: u32) -> Option<u32> {
    let operators = BinaryReader::new(bytes.get(at as usize..)?, at.into());
    let mut operators = OperatorsReader::new(operators);
    operators.read().ok()?;
    Some(operators.original_position() as u32)
}

/// The address of a place.
pub fn address((module, offset): Place) -> u64 {
    WasmAddr::new(WasmAddrType::Object, module, offset).map_or(0, WasmAddr::as_raw)
}

impl Target for Program {
    type Arch = gdbstub_arch::wasm::Wasm;
    type Error = io::Error;

    fn base_ops(&mut self) -> BaseOps<'_, Self::Arch, Self::Error> {
        BaseOps::MultiThread(self)
    }

    fn support_breakpoints(&mut self) -> Option<BreakpointsOps<'_, Self>> {
        Some(self)
    }

    fn support_host_info(&mut self) -> Option<HostInfoOps<'_, Self>> {
        Some(self)
    }

    fn support_process_info(&mut self) -> Option<ProcessInfoOps<'_, Self>> {
        Some(self)
    }

    fn support_lldb_register_info_override(
        &mut self,
    ) -> Option<LldbRegisterInfoOverrideOps<'_, Self>> {
        Some(self)
    }

    fn support_libraries(&mut self) -> Option<LibrariesOps<'_, Self>> {
        Some(self)
    }

    fn support_monitor_cmd(&mut self) -> Option<MonitorCmdOps<'_, Self>> {
        Some(self)
    }

    fn support_wasm(&mut self) -> Option<WasmOps<'_, Self>> {
        Some(self)
    }
}

impl MultiThreadBase for Program {
    fn read_registers(&mut self, regs: &mut WasmRegisters, _: Tid) -> TargetResult<(), Self> {
        regs.pc = self.pc();
        Ok(())
    }

    /// Execution cannot go on elsewhere.
    fn write_registers(&mut self, _: &WasmRegisters, _: Tid) -> TargetResult<(), Self> {
        Err(TargetError::NonFatal)
    }

    fn read_addrs(&mut self, at: u64, data: &mut [u8], _: Tid) -> TargetResult<usize, Self> {
        let at = WasmAddr::from_raw(at).ok_or(TargetError::NonFatal)?;
        let count = match at.addr_type() {
            WasmAddrType::Memory => self.read_memory(at, data),
            WasmAddrType::Object => {
                let code = self.modules.get(at.module_index() as usize);
                let bytes = code.and_then(|code| code.bytes().get(at.offset() as usize..));
                bytes.map(|bytes| {
                    let count = bytes.len().min(data.len());
                    data[..count].copy_from_slice(&bytes[..count]);
                    count
                })
            }
        };
        count.filter(|count| *count > 0 || data.is_empty()).ok_or(TargetError::NonFatal)
    }

    fn write_addrs(&mut self, at: u64, data: &[u8], _: Tid) -> TargetResult<(), Self> {
        let at = WasmAddr::from_raw(at).filter(|at| at.addr_type() == WasmAddrType::Memory);
        at.and_then(|at| self.write_memory(at, data)).ok_or(TargetError::NonFatal)
    }

    fn list_active_threads(&mut self, found: &mut dyn FnMut(Tid)) -> Result<(), Self::Error> {
        found(THREAD);
        Ok(())
    }

    fn support_resume(&mut self) -> Option<MultiThreadResumeOps<'_, Self>> {
        Some(self)
    }
}

impl MultiThreadResume for Program {
    /// It is the caller who goes on.
    fn resume(&mut self) -> Result<(), Self::Error> {
        Ok(())
    }

    fn clear_resume_actions(&mut self) -> Result<(), Self::Error> {
        self.resume = Resume::Continue;
        Ok(())
    }

    fn set_resume_action_continue(&mut self, _: Tid, _: Option<Signal>) -> Result<(), Self::Error> {
        self.resume = Resume::Continue;
        Ok(())
    }

    fn support_single_step(&mut self) -> Option<MultiThreadSingleStepOps<'_, Self>> {
        Some(self)
    }

    fn support_scheduler_locking(&mut self) -> Option<MultiThreadSchedulerLockingOps<'_, Self>> {
        Some(self)
    }

    fn support_range_step(&mut self) -> Option<MultiThreadRangeSteppingOps<'_, Self>> {
        Some(self)
    }
}

impl MultiThreadSchedulerLocking for Program {
    /// There are no others that could run meanwhile.
    fn set_resume_action_scheduler_lock(&mut self) -> Result<(), Self::Error> {
        Ok(())
    }
}

impl MultiThreadSingleStep for Program {
    fn set_resume_action_step(&mut self, _: Tid, _: Option<Signal>) -> Result<(), Self::Error> {
        self.resume = Resume::Step;
        Ok(())
    }
}

impl MultiThreadRangeStepping for Program {
    fn set_resume_action_range_step(
        &mut self,
        _: Tid,
        start: u64,
        end: u64,
    ) -> Result<(), Self::Error> {
        self.resume = Resume::Range(start, end);
        Ok(())
    }
}

impl Breakpoints for Program {
    fn support_sw_breakpoint(&mut self) -> Option<SwBreakpointOps<'_, Self>> {
        Some(self)
    }

    fn support_hw_watchpoint(&mut self) -> Option<HwWatchpointOps<'_, Self>> {
        Some(self)
    }
}

impl SwBreakpoint for Program {
    fn add_sw_breakpoint(&mut self, at: u64, _: usize) -> TargetResult<bool, Self> {
        let place = self.code_place(at);
        self.breakpoints.extend(place);
        Ok(place.is_some())
    }

    fn remove_sw_breakpoint(&mut self, at: u64, _: usize) -> TargetResult<bool, Self> {
        Ok(self.code_place(at).is_some_and(|place| self.breakpoints.remove(&place)))
    }
}

impl HwWatchpoint for Program {
    fn add_hw_watchpoint(
        &mut self,
        at: u64,
        len: u64,
        kind: WatchKind,
    ) -> TargetResult<bool, Self> {
        let Some(watchpoint) = self.watchpoint(at, len, kind) else { return Ok(false) };
        // Clients repeat themselves.
        self.watchpoints.remove(at, len, kind);
        Ok(self.watchpoints.add(watchpoint))
    }

    fn remove_hw_watchpoint(
        &mut self,
        at: u64,
        len: u64,
        kind: WatchKind,
    ) -> TargetResult<bool, Self> {
        Ok(self.watchpoints.remove(at, len, kind))
    }
}

/// Without it, LLDB does not know which register says where a thread is, and takes breakpoints for signals.
impl LldbRegisterInfoOverride for Program {
    fn lldb_register_info<'a>(
        &mut self,
        number: usize,
        info: Callback<'a>,
    ) -> Result<CallbackToken<'a>, Self::Error> {
        if number > 0 {
            return Ok(info.done());
        }
        Ok(info.write(Register {
            name: "pc",
            alt_name: None,
            bitsize: 64,
            offset: 0,
            encoding: Encoding::Uint,
            format: Format::Hex,
            set: "General Purpose Registers",
            gcc: None,
            dwarf: None,
            generic: Some(Generic::Pc),
            container_regs: None,
            invalidate_regs: None,
        }))
    }
}

impl HostInfo for Program {
    fn host_info(&self, write: &mut dyn FnMut(&HostInfoResponse<'_>)) -> Result<(), Self::Error> {
        write(&HostInfoResponse::Triple(TRIPLE));
        write(&HostInfoResponse::Endianness(Endianness::Little));
        write(&HostInfoResponse::PointerSize(4));
        Ok(())
    }
}

impl ProcessInfo for Program {
    fn process_info(
        &self,
        write: &mut dyn FnMut(&ProcessInfoResponse<'_>),
    ) -> Result<(), Self::Error> {
        write(&ProcessInfoResponse::Pid(THREAD));
        write(&ProcessInfoResponse::Triple(TRIPLE));
        write(&ProcessInfoResponse::Endianness(Endianness::Little));
        write(&ProcessInfoResponse::PointerSize(4));
        Ok(())
    }
}

impl Libraries for Program {
    fn get_libraries(
        &self,
        offset: u64,
        length: usize,
        buf: &mut [u8],
    ) -> TargetResult<usize, Self> {
        let text = self.libraries();
        let rest = usize::try_from(offset).ok().and_then(|offset| text.as_bytes().get(offset..));
        let rest = rest.unwrap_or_default();
        let count = rest.len().min(length).min(buf.len());
        buf[..count].copy_from_slice(&rest[..count]);
        Ok(count)
    }
}

/// What LLDB sends for `process plugin packet monitor`.
impl MonitorCmd for Program {
    fn handle_monitor_cmd(
        &mut self,
        command: &[u8],
        mut out: ConsoleOutput<'_>,
    ) -> Result<(), Self::Error> {
        let command = String::from_utf8_lossy(command);
        let words: Vec<&str> = command.split_whitespace().collect();
        match *words {
            ["break-on-throw", "on"] => self.breaks_on_throw = true,
            ["break-on-throw", "off"] => self.breaks_on_throw = false,
            _ => {
                outputln!(
                    out,
                    "break-on-throw on|off: whether to stop where exceptions are thrown"
                );
                return Ok(());
            }
        }
        outputln!(out, "{}", words.join(" "));
        Ok(())
    }
}

impl Wasm for Program {
    fn wasm_call_stack(&self, _: Tid, next: &mut dyn FnMut(u64)) -> Result<(), Self::Error> {
        self.frames.iter().for_each(|frame| next(address(frame.place)));
        Ok(())
    }

    fn read_wasm_local(
        &self,
        _: Tid,
        frame: usize,
        local: usize,
        buf: &mut [u8],
    ) -> Result<usize, Self::Error> {
        Ok(self.local(frame, local, buf).unwrap_or(0))
    }

    /// From the bottom of the stack, as LLDB asks: it hands over what DWARF says, which counts from there.
    fn read_wasm_stack(
        &self,
        _: Tid,
        frame: usize,
        index: usize,
        buf: &mut [u8],
    ) -> Result<usize, Self::Error> {
        Ok(self.operand(frame, index, buf).unwrap_or(0))
    }

    fn read_wasm_global(
        &self,
        _: Tid,
        frame: usize,
        global: usize,
        buf: &mut [u8],
    ) -> Result<usize, Self::Error> {
        Ok(self.global(frame, global, buf).unwrap_or(0))
    }
}
