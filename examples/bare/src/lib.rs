//! The library where there is nothing but a processor and memory: `core`, `alloc`, a heap of a fixed size and
//! the end of a panic are all that it needs.
//!
//! ```sh
//! cargo build --release --target wasm32-unknown-unknown
//! threadle run --invoke run target/wasm32-unknown-unknown/release/threadle_bare.wasm 24
//! cargo build --release --target thumbv7em-none-eabihf
//! ```

#![no_std]

use core::cell::UnsafeCell;
use core::mem::MaybeUninit;
use core::panic::PanicInfo;
use core::sync::atomic::{AtomicBool, Ordering};

use linked_list_allocator::LockedHeap;
use threadle::{Config, Engine, Linker, Module, Result, Store};

/// `(module (import "host" "square" (func $square (param i32) (result i32)))
///   (func (export "sum") (param $n i32) (result i32) (local $sum i32)
///     (loop $next
///       (local.set $sum (i32.add (local.get $sum) (call $square (local.get $n))))
///       (br_if $next (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
///     (local.get $sum)))`
const GUEST: &[u8] = b"\0asm\x01\0\0\0\
    \x01\x06\x01\x60\x01\x7f\x01\x7f\
    \x02\x0f\x01\x04host\x06square\0\0\
    \x03\x02\x01\0\
    \x07\x07\x01\x03sum\0\x01\
    \x0a\x1d\x01\x1b\x01\x01\x7f\
    \x03\x40\x20\x01\x20\0\x10\0\x6a\x21\x01\x20\0\x41\x01\x6b\x22\0\x0d\0\x0b\x20\x01\x0b";

/// Bytes of the heap, most of them for the value stack. The guest has no memory; a page of one would be 64 KiB more.
const HEAP_SIZE: usize = 96 << 10;

#[repr(align(16))]
struct Arena(UnsafeCell<[MaybeUninit<u8>; HEAP_SIZE]>);

// SAFETY: given to the heap, once, and used by nobody else.
unsafe impl Sync for Arena {}

static ARENA: Arena = Arena(UnsafeCell::new([const { MaybeUninit::uninit() }; HEAP_SIZE]));

#[global_allocator]
static HEAP: LockedHeap = LockedHeap::empty();

/// What a panic ends in: there is nobody to tell.
#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    #[cfg(target_arch = "wasm32")]
    core::arch::wasm32::unreachable();
    #[cfg(not(target_arch = "wasm32"))]
    loop {
        core::hint::spin_loop();
    }
}

/// The sum of the squares up to `n`, which a guest counts and the host squares; -1 if anything fails.
#[unsafe(no_mangle)]
pub extern "C" fn run(n: i32) -> i32 {
    static STARTED: AtomicBool = AtomicBool::new(false);
    if !STARTED.swap(true, Ordering::Relaxed) {
        // SAFETY: the arena is this heap's from here on, and this happens once.
        unsafe { HEAP.lock().init(ARENA.0.get().cast(), HEAP_SIZE) };
    }
    sum_of_squares(n).unwrap_or(-1)
}

fn sum_of_squares(n: i32) -> Result<i32> {
    let mut config = Config::new();
    // Taken as a whole, from the heap.
    config.max_wasm_stack(16 << 10);
    let engine = Engine::new(&config)?;
    let module = Module::new(&engine, GUEST)?;
    let mut linker = Linker::<()>::new(&engine);
    linker.func_wrap("host", "square", |value: i32| value.wrapping_mul(value))?;
    let mut store = Store::new(&engine, ());
    let instance = linker.instantiate(&mut store, &module)?;
    instance.get_typed_func::<i32, i32>(&mut store, "sum")?.call(&mut store, n)
}

/// Bytes of the heap that are in use. Nothing of a call is left behind but what the library keeps for the next.
#[unsafe(no_mangle)]
pub extern "C" fn heap_used() -> usize {
    HEAP.lock().used()
}
