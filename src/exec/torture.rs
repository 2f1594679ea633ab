//! Every handler, thousands of times in a row, on a small native stack: if one of them called its
//! successor instead of jumping to it, the stack would overflow. And every fused handler beside those of
//! its parts: they must do the same.

#![cfg(feature = "std")]

use core::ffi::c_void;
use core::ptr;

use super::abi::{NOTHING_KEPT, Regs, ctx_reg};
use super::float;
use super::load::thread;
use super::{initialise, run};
use crate::error::{Error, Result};
use crate::isa::operand::{DST, Operands, Stream};
use crate::isa::{self, ALIGN, HEAD, Instruction, Kind, OPS, Op};
use crate::prelude::*;
use crate::sys::atomic::AtomicU64;
use crate::vm::context::{Hooks, Resource};
use crate::vm::heap::{CLASSES, HeapCtx, TypeEntry, Window};
use crate::vm::memory::Growth;
use crate::vm::{Slot, StoreCtx, VmCtx, VmMemory, VmTable};

/// Copies of an instruction in a row. A call leaves at least 16 bytes on the stack.
const COPIES: usize = 8_000;
/// Native stack of the thread, far below 16 bytes times `COPIES`.
const STACK: usize = 64 << 10;

unsafe fn growing(_: *mut c_void, _: Resource, _: &Growth) -> Result<bool> {
    Ok(false)
}
unsafe fn growing_later(
    _: *mut c_void,
    _: Resource,
    _: &Growth,
) -> Option<crate::vm::awaited::LaterAnswer<'static>> {
    None
}
unsafe fn deadline(_: *mut VmCtx) -> Result<crate::vm::metering::Deadline> {
    Ok(crate::vm::metering::Deadline::Trap)
}
unsafe fn grow_failed(_: *mut c_void, _: Resource, error: Error) -> Result<()> {
    Err(error)
}
unsafe fn traps_late(_: *mut c_void) -> bool {
    true
}
static HOOKS: Hooks = Hooks { growing, growing_later, grow_failed, deadline, traps_late };

/// Whether an op can be followed by itself: not calls, returns and exits, which the other tests
/// run in loops and recursion.
fn repeats(op: Op) -> bool {
    let leaves = op.info().attributes.ends || op.info().family == "host";
    let parts = || op.parts().iter().filter_map(|part| Op::from_u16(*part));
    let calls = parts().any(|part| part.info().attributes.calls);
    // What one part leaves is no object for the next; their parts are tried by themselves.
    let objects = parts().any(|part| matches!(part.info().family, "object" | "cast" | "reference"));
    // A function's type: the object here has none.
    let function = op.info().family == "function cast";
    !leaves && !calls && !objects && !op.is_again() && !function
}

/// An instruction whose operands are harmless: slots that hold 1, small immediates, branches to
/// the next instruction.
fn instruction(op: Op, places: &Places) -> Vec<u8> {
    let info = op.info();
    let size = size(op);
    let mut bytes = vec![0; size];
    bytes[..2].copy_from_slice(&(op as u16).to_le_bytes());
    let object = matches!(info.family, "object" | "cast" | "reference");
    let object = object.then(|| info.fields.iter().find(|field| field.1 == Kind::Slot)).flatten();
    // Of a fused op, the family of the part that a field belongs to.
    let parts = op.parts().iter().filter_map(|part| Op::from_u16(*part));
    let own =
        parts.flat_map(|part| core::iter::repeat_n(part.info().family, part.info().fields.len()));
    let families = own.chain(core::iter::repeat(info.family));
    for (field @ (name, kind, at), family) in info.fields.iter().zip(families) {
        let at = HEAD + usize::from(*at);
        let mut put = |value: &[u8]| bytes[at..at + value.len()].copy_from_slice(value);
        match kind {
            Kind::Acc | Kind::Pin | Kind::Absent | Kind::Bytes16 => {}
            // The first source of an instruction about objects.
            Kind::Slot if object == Some(field) => put(&OBJECT_SLOT.to_le_bytes()),
            Kind::Slot if *name == "index" => put(&(OBJECT_SLOT + 1).to_le_bytes()),
            // Their result does not become the next one's address.
            Kind::Dst if info.family == "atomic" => put(&41_i16.to_le_bytes()),
            Kind::Dst | Kind::Slot => put(&40_i16.to_le_bytes()),
            Kind::Far => put(&40_i32.to_le_bytes()),
            Kind::Imm16 => put(&1_i16.to_le_bytes()),
            Kind::Imm32 => put(&1_i32.to_le_bytes()),
            Kind::Imm64 | Kind::F32 | Kind::F64 => put(&1_u64.to_le_bytes()),
            // A field behind the head and the first element of a vector.
            Kind::Off32 if info.family == "object" => put(&32_u32.to_le_bytes()),
            Kind::Off32 | Kind::Func | Kind::Type => put(&0_u32.to_le_bytes()),
            // Atomic accesses are aligned: 1 + 7.
            Kind::Off64 if info.family == "atomic" => put(&7_u64.to_le_bytes()),
            Kind::Off64 | Kind::Runtime => put(&0_u64.to_le_bytes()),
            Kind::Count => put(&1_u16.to_le_bytes()),
            Kind::Count32 if *name == "bytes" => put(&16_u32.to_le_bytes()),
            // The frame stays where it is.
            Kind::Count32 if *name == "slots" => put(&0_u32.to_le_bytes()),
            Kind::Count32 => put(&2_u32.to_le_bytes()),
            Kind::Ctx => put(&places.of(family, name).to_le_bytes()),
            Kind::Target => put(&(size as i32).to_le_bytes()),
        }
    }
    lead(&mut bytes, size);
    bytes
}

/// The slots that an instruction may write, by what the op table says; `None` of ops that change frames, or
/// have to do with references.
fn written(op: Op) -> Option<core::ops::Range<i64>> {
    let mut end = 40;
    for part in op.plain() {
        let slots = part.slots().expect("a plain op");
        if slots.refers || matches!(part.info().family, "call" | "tail_call") {
            return None;
        }
        if slots.writes_any() {
            let first = if part.info().family == "atomic" { 41 } else { 40 };
            end = end.max(first + 1 + i64::from(slots.pair));
        }
    }
    Some(40..end)
}

/// The instruction that brings the object into the accumulator.
fn reload() -> Vec<u8> {
    let mut bytes = vec![0; Op::MovAs.size()];
    bytes[..2].copy_from_slice(&(Op::MovAs as u16).to_le_bytes());
    isa::op::Mov { dst: 0, src: isa::Src::Slot(OBJECT_SLOT) }.encode(&mut bytes[HEAD..]);
    bytes
}

/// The size of an instruction; a `br_table` has a `count` of 2.
fn size(op: Op) -> usize {
    let distances = if op.is_br_table() { 3 * size_of::<i32>() } else { 0 };
    isa::len(op.body() + distances)
}

/// Makes all branches of an instruction lead so many bytes on.
fn lead(bytes: &mut [u8], distance: usize) {
    let instruction = Instruction::read(bytes, 0).expect("an instruction");
    for place in instruction.branches(bytes) {
        bytes.replace(place, (distance as i32).to_le_bytes());
    }
}

/// The slot with a reference to an object.
const OBJECT_SLOT: i16 = 44;

/// Context offsets of the objects that operands name.
struct Places {
    memory: u32,
    table: u32,
    cell: u32,
    pointer: u32,
}

const PLACES: Places = Places {
    memory: memoffset::offset_of!(Context, memory) as u32,
    table: memoffset::offset_of!(Context, table) as u32,
    cell: memoffset::offset_of!(Context, cell) as u32,
    pointer: memoffset::offset_of!(Context, pointer) as u32,
};

impl Places {
    fn of(&self, family: &str, field: &str) -> u32 {
        match (family, field) {
            (_, "memory") => self.memory,
            (_, "table") => self.table,
            ("imported global", _) => self.pointer,
            _ => self.cell,
        }
    }
}

/// A context with its trailing objects.
#[repr(C)]
struct Context {
    fixed: VmCtx,
    memory: *mut VmMemory,
    table: *mut VmTable,
    /// A global, of up to two slots.
    cell: [u64; 2],
    /// The pointer to an imported global.
    pointer: *mut u64,
}

/// An object of which every word is its own address, a 32-bit one, so that whatever is read from it
/// is an object again.
fn object_of_itself() -> *mut u64 {
    // SAFETY: a fresh anonymous mapping.
    let object = unsafe {
        libc::mmap(
            ptr::without_provenance_mut(0x1000_0000),
            OBJECT_BYTES,
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
            -1,
            0,
        )
    };
    assert_ne!(object, libc::MAP_FAILED, "address space for an object");
    assert!(u32::try_from(object as usize).is_ok(), "an object at a 32-bit address");
    object.cast()
}

/// Elements of that object, of any width.
const OBJECT_LEN: u64 = 200;

/// Bytes of that object.
const OBJECT_BYTES: usize = 4096;

/// All that a 32-bit index and a 32-bit offset can reach.
const SPAN: usize = (1 << 33) + (1 << 16);

/// A memory in which every address that a handler can compute is accessible; what is touched by
/// chance is little.
fn memory_of_every_address() -> *mut u8 {
    // SAFETY: a fresh anonymous mapping.
    let base = unsafe {
        libc::mmap(
            ptr::null_mut(),
            SPAN,
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE,
            -1,
            0,
        )
    };
    assert_ne!(base, libc::MAP_FAILED, "address space for a memory");
    base.cast()
}

/// Not reached.
static EPOCH_LIMIT: AtomicU64 = AtomicU64::new(u64::MAX);

/// A store without anything in it.
fn store(
    stack: &mut [Slot],
    epoch: &AtomicU64,
    heap: *mut HeapCtx,
    types: &[TypeEntry],
) -> StoreCtx {
    StoreCtx {
        stack_limit: ptr::without_provenance_mut(usize::MAX),
        exit_fp: StoreCtx::no_frame(stack.as_mut_ptr()),
        exit_ctx: ptr::null_mut(),
        exit_pc: ptr::null(),
        stack_base: stack.as_mut_ptr(),
        fuel: i64::MAX,
        pins_floats: 1,
        trap: 0,
        activations_left: 0,
        epoch,
        epoch_limit: &EPOCH_LIMIT,
        inner: ptr::null_mut(),
        host_ctx: ptr::null_mut(),
        heap,
        types: types.as_ptr(),
        hooks: &HOOKS,
    }
}

/// Code of one instruction after the other, then an `exit`, threaded.
fn code_of(mut code: Vec<u8>) -> Vec<u64> {
    let mut exit = vec![0; isa::len(0)];
    exit[..2].copy_from_slice(&(Op::Exit as u16).to_le_bytes());
    code.extend_from_slice(&exit);
    // Padding must be whole instructions too.
    while !code.len().is_multiple_of(8) {
        code.extend_from_slice(&exit[..ALIGN.max(2)]);
    }
    let word = |chunk: &[u8]| u64::from_le_bytes(chunk.try_into().expect("8 bytes"));
    let mut words: Vec<u64> = code.chunks_exact(8).map(word).collect();
    thread(&mut words, false).expect("whole instructions");
    words
}

fn run_all() {
    initialise();
    let bytes = memory_of_every_address();
    let mut elems = vec![0_u64; 16];
    let epoch = AtomicU64::new(0);
    let mut memory = VmMemory::new(bytes, SPAN as u64);
    let mut table = VmTable { elems: elems.as_mut_ptr(), len: elems.len() as u64 };
    let mut imported = [1_u64; 2];
    let object = object_of_itself();
    let mut cells = vec![0_u64; (COPIES + 1) * 2];
    let window =
        Window { next: cells.as_mut_ptr().cast(), end: cells.as_mut_ptr_range().end.cast() };
    let mut heap = HeapCtx { windows: [window; CLASSES] };
    let types = [TypeEntry::NONE; 4];
    let mut stack = vec![1_u64; 1 << 14];
    let mut store = store(&mut stack, &epoch, &raw mut heap, &types);
    let mut context = Context {
        fixed: VmCtx {
            store: &mut store,
            mem0: &mut memory,
            code: ptr::null(),
            func_refs: elems.as_mut_ptr().cast(),
            module: ptr::null(),
            instance_index: 0,
            reserved: 0,
        },
        memory: &mut memory,
        table: &mut table,
        cell: [1; 2],
        pointer: imported.as_mut_ptr(),
    };
    let mut tried = 0;
    for op in (0..OPS.len()).filter_map(|i| Op::from_u16(i as u16)).filter(|op| repeats(*op)) {
        let mut one = instruction(op, &PLACES);
        // What was read, or a length, is no object: the next one finds it in the accumulator again.
        if op.info().family == "object" && !op.info().attributes.ends {
            one.extend(reload());
        }
        let words = code_of(one.repeat(COPIES));
        stack.fill(1);
        stack[(1 << 13) + OBJECT_SLOT as usize] = object as u64;
        // SAFETY: the mapping is only used here. The head says how long.
        unsafe {
            core::slice::from_raw_parts_mut(object, OBJECT_BYTES / 8).fill(object as u64);
            object.write(object as u64 | OBJECT_LEN << 32);
        }
        // SAFETY: no handler runs.
        unsafe { (*store.heap).windows = [window; CLASSES] };
        let acc = if matches!(op.info().family, "object" | "cast") { object as u64 } else { 1 };
        elems.fill(1);
        // SAFETY: the code is instructions whose operands were chosen to stay inside the objects
        // above, and ends in `exit`.
        let status = unsafe {
            run::run(Regs {
                pc: words.as_ptr().cast(),
                op: core::ptr::null(),
                fp: stack.as_mut_ptr().add(1 << 13),
                mem: bytes,
                acc,
                l0: 1,
                l1: 1,
                fa: float::from_bits(1),
                f0: float::from_bits(1),
                f1: float::from_bits(1),
                f2: float::from_bits(1),
                ctx_reg: ctx_reg(&raw mut context.fixed),
                kept: NOTHING_KEPT,
            })
        };
        // An op that consumes its own result can end in a trap of its own kind (a table index, a
        // quotient by zero); its way out is as flat as the way on.
        assert!(status <= 1, "{}: status {status}", op.info().name);
        // Code that is verified relies on it.
        if let Some(written) = written(op) {
            for (slot, value) in stack.iter().enumerate() {
                let slot = slot as i64 - (1 << 13);
                let before = if slot == i64::from(OBJECT_SLOT) { object as u64 } else { 1 };
                let name = &op.info().name;
                assert!(*value == before || written.contains(&slot), "{name} writes slot {slot}");
            }
        }
        tried += 1;
    }
    // SAFETY: the mapping made above; nothing refers to it any more.
    unsafe {
        libc::munmap(bytes.cast(), SPAN);
        libc::munmap(object.cast(), OBJECT_BYTES);
    }
    assert!(tried > 2_000, "only {tried} handlers were tried");
}

#[test]
fn no_handler_grows_the_native_stack() {
    std::thread::Builder::new()
        .stack_size(STACK)
        .spawn(run_all)
        .expect("a thread")
        .join()
        .expect("every handler came to its end");
}

/// Ways to fill in the operands that are tried of each fused op.
const TRIES: u64 = 24;
/// Memory that is compared, and filled before with something to read.
const COMPARED: usize = 16 << 10;
/// The slots that operands name: few, so that they often name the same.
const SLOTS: core::ops::Range<u64> = 40..45;
/// Where the registers are stored in the end.
const REGISTERS: i16 = 50;

/// xorshift64*
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, end: u64) -> u64 {
        (self.next() >> 33) % end
    }

    /// Slot contents: addresses in the compared memory, and numbers of all kinds.
    fn bits(&mut self) -> u64 {
        match self.below(6) {
            0 => self.below(3),
            1 | 2 => self.below(COMPARED as u64 / 2),
            3 => u64::from(self.next() as u32),
            4 => (self.below(1000) as f64 / 8.0 - 60.0).to_bits(),
            _ => self.next(),
        }
    }
}

/// An instruction of this op with operands by chance, if such exist, and the instructions of its parts.
fn fused_and_parts(op: Op, random: &mut Random) -> Option<(Vec<u8>, Vec<u8>)> {
    let mut parts: Vec<Vec<u8>> = Vec::new();
    for part in op.parts() {
        let part = Op::from_u16(*part).expect("a part");
        let mut bytes = instruction(part, &PLACES);
        for (_, kind, at) in &part.info().fields {
            let at = HEAD + usize::from(*at);
            let mut put = |value: &[u8]| bytes[at..at + value.len()].copy_from_slice(value);
            match kind {
                Kind::Dst | Kind::Slot => {
                    let slot = SLOTS.start + random.below(SLOTS.end - SLOTS.start);
                    put(&(slot as i16).to_le_bytes());
                }
                Kind::Imm16 => put(&(random.below(40) as i16 - 4).to_le_bytes()),
                Kind::Imm32 => put(&(random.below(40) as i32 - 4).to_le_bytes()),
                Kind::Imm64 | Kind::F64 => put(&random.bits().to_le_bytes()),
                Kind::Off32 => put(&(random.below(64) as u32).to_le_bytes()),
                _ => {}
            }
        }
        parts.push(bytes);
    }
    // What is forwarded must be what the slots hold.
    for (reader, field, writer) in op.forwarded() {
        let slot = parts[writer].bytes::<2>(HEAD + DST.slot()).expect("a destination");
        parts[reader].replace(HEAD + field, slot);
    }
    let slot = |part: usize, byte: usize| {
        i16::from_le_bytes(parts[part].bytes(HEAD + byte).expect("inside the part"))
    };
    if op.form(slot) != Some(op) {
        return None;
    }
    // Branches lead behind the last part.
    let mut fused = vec![0; HEAD];
    fused[..2].copy_from_slice(&(op as u16).to_le_bytes());
    for part in &parts {
        fused.extend_from_slice(&part[HEAD..]);
    }
    let size = size(op);
    fused.resize(size, 0);
    lead(&mut fused, size);
    let mut left: usize = parts.iter().map(Vec::len).sum();
    for bytes in &mut parts {
        lead(bytes, left);
        left -= bytes.len();
    }
    Some((fused, parts.concat()))
}

/// Whether two slots hold the same, the sign of a NaN apart: which one arithmetic gives is not specified.
fn same(a: u64, b: u64) -> bool {
    let wide = |v| f64::from_bits(v).is_nan();
    let narrow = |v| f32::from_bits(v as u32).is_nan();
    a == b
        || wide(a) && wide(b) && (a ^ b) << 1 == 0
        || narrow(a) && narrow(b) && (a ^ b) << 33 == 0
}

/// Instructions that store the registers in the frame.
fn stored_registers() -> Vec<u8> {
    let ops = [Op::MovSl, Op::MovSm, Op::MovSa, Op::FmovSl, Op::FmovSm, Op::FmovSn, Op::FmovSa];
    let stores = ops.iter().zip(REGISTERS..).map(|(op, slot)| {
        let mut bytes = instruction(*op, &PLACES);
        bytes.replace(HEAD + DST.slot(), slot.to_le_bytes());
        bytes
    });
    stores.collect::<Vec<_>>().concat()
}

#[test]
fn a_fused_op_does_what_its_parts_do() {
    initialise();
    let bytes = memory_of_every_address();
    let epoch = AtomicU64::new(0);
    let mut memory = VmMemory::new(bytes, SPAN as u64);
    let mut heap =
        HeapCtx { windows: [Window { next: ptr::null_mut(), end: ptr::null_mut() }; CLASSES] };
    let types = [TypeEntry::NONE; 4];
    let mut stack = vec![0_u64; 256];
    let mut store = store(&mut stack, &epoch, &raw mut heap, &types);
    let mut imported = [0_u64; 2];
    let scalar = |part: &u16| {
        let op = Op::from_u16(*part).expect("a part");
        op.info().attributes.forwards && op.info().family != "return" || op == Op::Br
    };
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let (mut tried, mut forwarding) = (0, 0);
    for op in (0..OPS.len()).filter_map(|i| Op::from_u16(i as u16)) {
        if op.parts().is_empty() || op.is_again() || !op.parts().iter().all(scalar) {
            continue;
        }
        let mut tries = 0;
        while tries < TRIES {
            let Some((fused, parts)) = fused_and_parts(op, &mut random) else { continue };
            let slots: Vec<u64> = stack.iter().map(|_| random.bits()).collect();
            let registers = [(); 7].map(|()| random.bits());
            let mut run = |code: Vec<u8>| {
                let words = code_of([code, stored_registers()].concat());
                stack.copy_from_slice(&slots);
                // SAFETY: the mapping is only used here.
                unsafe {
                    libc::madvise(bytes.cast(), SPAN, libc::MADV_DONTNEED);
                    for i in 0..COMPARED {
                        bytes.add(i).write(i as u8 ^ (i >> 8) as u8);
                    }
                }
                let mut context = Context {
                    fixed: VmCtx {
                        store: &mut store,
                        mem0: &mut memory,
                        code: ptr::null(),
                        func_refs: ptr::null_mut(),
                        module: ptr::null(),
                        instance_index: 0,
                        reserved: 0,
                    },
                    memory: &mut memory,
                    table: ptr::null_mut(),
                    cell: [7; 2],
                    pointer: imported.as_mut_ptr(),
                };
                let [acc, l0, l1, fa, f0, f1, f2] = registers;
                // SAFETY: the code is instructions whose operands stay inside the objects above, and
                // ends in `exit`.
                let status = unsafe {
                    run::run(Regs {
                        pc: words.as_ptr().cast(),
                        op: ptr::null(),
                        fp: stack.as_mut_ptr().add(64),
                        mem: bytes,
                        acc,
                        l0,
                        l1,
                        fa: float::from_bits(fa),
                        f0: float::from_bits(f0),
                        f1: float::from_bits(f1),
                        f2: float::from_bits(f2),
                        ctx_reg: ctx_reg(&raw mut context.fixed),
                        kept: NOTHING_KEPT,
                    })
                };
                // Of registers that hold 32 bits, the other half is unspecified.
                let mut frame = stack.clone();
                for register in &mut frame[64 + REGISTERS as usize..][..7] {
                    *register &= if op.info().name.contains("32") { 0xffff_ffff } else { u64::MAX };
                }
                // SAFETY: inside the mapping.
                let memory = unsafe { core::slice::from_raw_parts(bytes, COMPARED) }.to_vec();
                (status, frame, memory, context.cell)
            };
            let (as_one, one_by_one) = (run(fused), run(parts));
            let name = &op.info().name;
            assert_eq!(as_one.0, one_by_one.0, "{name}: status");
            for (i, (a, b)) in as_one.1.iter().zip(&one_by_one.1).enumerate() {
                assert!(same(*a, *b), "{name}: slot {} is {a:#x} and {b:#x}", i as isize - 64);
            }
            assert!(as_one.2 == one_by_one.2, "{name}: memory");
            assert_eq!(as_one.3, one_by_one.3, "{name}: global");
            tries += 1;
        }
        tried += 1;
        forwarding += usize::from(op.forwarded().next().is_some());
    }
    // SAFETY: the mapping made above; nothing refers to it any more.
    unsafe { libc::munmap(bytes.cast(), SPAN) };
    let all = isa::OPS.iter().any(|op| op.family == "fused");
    assert!(!all || tried > 800 && forwarding > 150, "only {tried}, {forwarding}");
}
