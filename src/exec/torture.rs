//! Every handler, thousands of times in a row, on a small native stack: if one of them called its
//! successor instead of jumping to it, the stack would overflow.

use core::ffi::c_void;
use core::ptr;
use core::sync::atomic::AtomicU32;

use super::abi::{Regs, ctx_reg};
use super::float;
use super::{dispatch, initialise, thread};
use crate::error::{Error, Result};
use crate::isa::{self, ALIGN, HEAD, Kind, OPS, Op};
use crate::vm::catch::CodeTable;
use crate::vm::heap::{CLASSES, HeapCtx, TypeEntry, Window};
use crate::vm::memory::Growth;
use crate::vm::store::{Hooks, Resource};
use crate::vm::{Slot, StoreCtx, VmCtx, VmMemory, VmStore, VmTable};

/// Copies of an instruction in a row. A call leaves at least 16 bytes on the stack.
const COPIES: usize = 8_000;
/// Native stack of the thread, far below 16 bytes times `COPIES`.
const STACK: usize = 64 << 10;

unsafe fn compile(_: *mut VmCtx, _: u32) -> bool {
    false
}
unsafe fn catch_table(_: *mut VmCtx, _: *const u8) -> Option<CodeTable> {
    None
}
unsafe fn growing(_: *mut c_void, _: Resource, _: &Growth) -> Result<bool> {
    Ok(false)
}
unsafe fn grow_failed(_: *mut c_void, _: Resource, error: Error) -> Result<()> {
    Err(error)
}
fn frame_roots(_: &VmStore, _: &mut Vec<Slot>) {}
fn import_call(_: bool, _: bool) -> *const () {
    ptr::null()
}
static HOOKS: Hooks =
    Hooks { compile, catch_table, growing, grow_failed, frame_roots, import_call };

/// Whether an op can be followed by itself: not calls, returns and exits, which the other tests
/// run in loops and recursion.
fn repeats(op: Op) -> bool {
    let name = &op.info().name;
    let leaves = |op: Op| {
        matches!(op.info().family, "call" | "tail_call" | "return" | "host")
            || matches!(op, Op::Trap | Op::Exit | Op::LazyCompile)
    };
    let parts = op.parts();
    // The result of a narrow read or a length, taken for an object; and a function's type, which
    // the object here has not.
    let narrow = ["i8", "i16"].iter().any(|width| {
        (name.starts_with(&format!("struct_get_{width}_")) && name.ends_with('a'))
            || (name.starts_with(&format!("array_get_{width}_")) && name.ends_with("as"))
    });
    let narrow = narrow || (name.starts_with("array_len") && name.ends_with('a'));
    let function = op.info().family == "cast" && name.contains("_func_");
    !leaves(op)
        && !op.is_again()
        && !narrow
        && !function
        && !parts.iter().any(|part| Op::from_u16(*part).is_some_and(leaves))
        && !name.is_empty()
}

/// An instruction whose operands are harmless: slots that hold 1, small immediates, branches to
/// the next instruction.
fn instruction(op: Op, places: &Places) -> Vec<u8> {
    let info = op.info();
    let size = isa::instruction_size(op, |_| Some(2)).expect("a size");
    let mut bytes = vec![0; size];
    bytes[..2].copy_from_slice(&(op as u16).to_le_bytes());
    for (name, kind, at) in &info.fields {
        let at = HEAD + usize::from(*at);
        let mut put = |value: &[u8]| bytes[at..at + value.len()].copy_from_slice(value);
        match kind {
            Kind::Acc | Kind::Pin | Kind::Bytes16 => {}
            Kind::Slot if *name == "object" => put(&OBJECT_SLOT.to_le_bytes()),
            Kind::Slot if *name == "index" => put(&(OBJECT_SLOT + 1).to_le_bytes()),
            // Their result does not become the next one's address.
            Kind::Dst if info.family == "atomic" => put(&41_i16.to_le_bytes()),
            Kind::Dst | Kind::Slot => put(&40_i16.to_le_bytes()),
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
            Kind::Count32 => put(&2_u32.to_le_bytes()),
            Kind::Ctx => put(&places.of(&info.name, name).to_le_bytes()),
            Kind::Target => put(&(size as i32).to_le_bytes()),
        }
    }
    for at in isa::branches(op, |_| Some(2)) {
        bytes[at..at + 4].copy_from_slice(&(size as i32).to_le_bytes());
    }
    bytes
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

impl Places {
    fn of(&self, op: &str, field: &str) -> u32 {
        match field {
            "memory" => self.memory,
            "table" => self.table,
            _ if op.contains("indirect") => self.pointer,
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

fn run_all() {
    initialise();
    let bytes = memory_of_every_address();
    let mut elems = vec![0_u64; 16];
    let interrupt = AtomicU32::new(0);
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
    let mut store = StoreCtx {
        stack_limit: ptr::null_mut(),
        exit_fp: StoreCtx::no_frame(stack.as_mut_ptr()),
        exit_ctx: ptr::null_mut(),
        exit_pc: ptr::null(),
        stack_base: stack.as_mut_ptr(),
        fuel: i64::MAX,
        pins_floats: 1,
        trap: 0,
        activations_left: 0,
        interrupt: &interrupt,
        inner: ptr::null_mut(),
        host_ctx: ptr::null_mut(),
        heap: &raw mut heap,
        types: types.as_ptr(),
        hooks: &HOOKS,
    };
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
    let places = Places {
        memory: memoffset::offset_of!(Context, memory) as u32,
        table: memoffset::offset_of!(Context, table) as u32,
        cell: memoffset::offset_of!(Context, cell) as u32,
        pointer: memoffset::offset_of!(Context, pointer) as u32,
    };
    let mut tried = 0;
    for op in (0..OPS.len()).filter_map(|i| Op::from_u16(i as u16)).filter(|op| repeats(*op)) {
        let one = instruction(op, &places);
        let mut code = one.repeat(COPIES);
        let mut exit = vec![0; isa::len(0)];
        exit[..2].copy_from_slice(&(Op::Exit as u16).to_le_bytes());
        code.extend_from_slice(&exit);
        // Padding must be whole instructions too.
        while !code.len().is_multiple_of(8) {
            code.extend_from_slice(&exit[..ALIGN.max(2)]);
        }
        let mut words: Vec<u64> = code
            .chunks_exact(8)
            .map(|chunk| u64::from_le_bytes(chunk.try_into().expect("8 bytes")))
            .collect();
        thread(&mut words).unwrap_or_else(|e| panic!("{}: {e:?}", op.info().name));
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
            dispatch::run(Regs {
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
            })
        };
        // An op that consumes its own result can end in a trap of its own kind (a table index, a
        // quotient by zero); its way out is as flat as the way on.
        assert!(status <= 1, "{}: status {status}", op.info().name);
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
