//! Code of functions without anything between: under an allocator that keeps no headers, as many
//! do, one function begins where another ends. A function may end with the call of a runtime
//! function, which then returns to an address that is the other one's.

use std::alloc::{GlobalAlloc, Layout, System};
use std::fmt::Write;
use std::ptr;
use std::sync::Mutex;

use threadle::*;

/// Blocks of one size lie one behind the other, and are used again last in, first out.
struct Adjacent(Mutex<Classes>);

/// Per size, in units of 8 bytes.
struct Classes([Class; SIZES]);

#[derive(Clone, Copy)]
struct Class {
    /// Blocks that were freed, each with the address of the next.
    free: *mut u8,
    next: *mut u8,
    left: usize,
}

const SIZES: usize = 512;
const RUN: usize = 256 << 10;

// SAFETY: the pointers lead to memory that belongs to nobody else.
unsafe impl Send for Classes {}

impl Adjacent {
    /// Its class, if it is small and needs no more alignment than its size has.
    fn class(layout: Layout) -> Option<usize> {
        let class = layout.size().div_ceil(8);
        (class > 0 && class < SIZES && layout.align() <= 8).then_some(class)
    }
}

// SAFETY: blocks of a class do not overlap, are as large as it says and aligned to 8 bytes, and
// what is no class's goes to the system.
unsafe impl GlobalAlloc for Adjacent {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let Some(size) = Adjacent::class(layout) else {
            // SAFETY: the caller's promise.
            return unsafe { System.alloc(layout) };
        };
        let mut classes = self.0.lock().unwrap();
        let class = &mut classes.0[size];
        if !class.free.is_null() {
            let block = class.free;
            // SAFETY: a free block holds the address of the next one.
            class.free = unsafe { block.cast::<*mut u8>().read() };
            return block;
        }
        if class.left == 0 {
            // SAFETY: the size is not zero.
            class.next = unsafe { System.alloc(Layout::from_size_align(RUN, 16).unwrap()) };
            class.left = RUN / (8 * size);
            if class.next.is_null() {
                return ptr::null_mut();
            }
        }
        let block = class.next;
        class.next = block.wrapping_add(8 * size);
        class.left -= 1;
        block
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        let Some(size) = Adjacent::class(layout) else {
            // SAFETY: the caller's promise.
            return unsafe { System.dealloc(block, layout) };
        };
        let mut classes = self.0.lock().unwrap();
        let class = &mut classes.0[size];
        // SAFETY: the block is free, and has room for an address.
        unsafe { block.cast::<*mut u8>().write(class.free) };
        class.free = block;
    }
}

#[global_allocator]
static ALLOCATOR: Adjacent = Adjacent(Mutex::new(Classes(
    [Class { free: ptr::null_mut(), next: ptr::null_mut(), left: 0 }; SIZES],
)));

/// Functions of few sizes that throw a structure and end there.
const THROWERS: usize = 48;

#[test]
fn a_module_that_throws_gets_at_no_object_of_another_type() {
    // A collection that loses the payload of `throw` lets the module have it as another structure.
    let mut wat = String::from(
        r#"(module
        (type $v (func))
        (type $s (struct (field (mut i64))))
        (type $r (struct (field (mut (ref null $s)))))
        (type $ps (array (mut (ref null $s))))
        (type $rs (array (mut (ref null $r))))
        (tag $t (param (ref $s)))
        (global $p (mut i64) (i64.const 0))
        (global $ps (mut (ref null $ps)) (ref.null $ps))
        (global $rs (mut (ref null $rs)) (ref.null $rs))
        (global $known (mut (ref null $s)) (ref.null $s))
        (func $throw (param $k i32) (result (ref $s))
          (block $h (result (ref $s) exnref)
            (try_table (catch_ref $t $h) (call_indirect (type $v) (local.get $k)))
            (unreachable))
          (drop))
        ;; How many of the structures that were thrown do not hold what was put into them.
        (func (export "find") (param $k i32) (result i32) (local $i i32) (local $found i32)
          (global.set $known (struct.new $s (i64.const 7)))
          (global.set $ps (array.new $ps (ref.null $s) (i32.const 1300)))
          (global.set $rs (array.new $rs (ref.null $r) (i32.const 8000)))
          (loop $l
            (array.set $ps (global.get $ps) (local.get $i) (call $throw (local.get $k)))
            (br_if $l (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 1300))))
          (local.set $i (i32.const 0))
          (loop $l
            (array.set $rs (global.get $rs) (local.get $i) (struct.new $r (global.get $known)))
            (br_if $l (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 8000))))
          (local.set $i (i32.const 0))
          (loop $l
            (local.set $found (i32.add (local.get $found)
              (i64.ne (struct.get $s 0 (array.get $ps (global.get $ps) (local.get $i)))
                (i64.const 0x1234))))
            (br_if $l (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 1300))))
          (local.get $found))
    "#,
    );
    for i in 0..THROWERS {
        let pad = "(global.set $p (i64.add (global.get $p) (i64.const 3)))".repeat(i / 16);
        write!(wat, "(func $f{i} {pad} (throw $t (struct.new $s (i64.const 0x1234))))").unwrap();
    }
    wat += "(table funcref (elem";
    for i in 0..THROWERS {
        write!(wat, " $f{i}").unwrap();
    }
    wat += ")))";

    let engine = Engine::default();
    let module = Module::new(&engine, wat::parse_str(&wat).unwrap()).unwrap();
    let mut store = Store::new(&engine, ());
    let instance = Instance::new(&mut store, &module, &[]).unwrap();
    let find = instance.get_typed_func::<i32, i32>(&mut store, "find").unwrap();
    let before = store.gc_stats().collections;
    let found: Vec<i32> = (0..THROWERS as i32).map(|k| find.call(&mut store, k).unwrap()).collect();
    assert_eq!(found, [0; THROWERS]);
    assert!(store.gc_stats().collections > before, "there were collections during `throw`");
}

#[test]
fn a_backtrace_names_the_function_that_ends_with_the_call() {
    let mut wat = String::from(r#"(module (import "" "fail" (func $fail))"#);
    for i in 0..THROWERS {
        write!(wat, r#"(func $f{i} (export "f{i}") (call $fail) unreachable)"#).unwrap();
        write!(wat, r#"(func $g{i} (export "g{i}") (return_call $f{i}))"#).unwrap();
        write!(wat, r#"(tag $t{i}) (func $h{i} (export "h{i}") (throw $t{i}))"#).unwrap();
    }
    wat += ")";
    let engine = Engine::default();
    let module = Module::new(&engine, wat::parse_str(&wat).unwrap()).unwrap();
    let mut store = Store::new(&engine, ());
    let fail = Func::wrap(&mut store, || -> Result<()> { bail!("host") });
    let instance = Instance::new(&mut store, &module, &[fail.into()]).unwrap();
    for i in (0..THROWERS).rev() {
        for (name, expected) in [("f", "f"), ("g", "f"), ("h", "h")] {
            let func =
                instance.get_typed_func::<(), ()>(&mut store, &format!("{name}{i}")).unwrap();
            let error = func.call(&mut store, ()).unwrap_err();
            let trace = error.downcast_ref::<WasmBacktrace>().expect("a backtrace");
            let names: Vec<_> = trace.frames().iter().map(|frame| frame.func_name()).collect();
            assert_eq!(names, [Some(&*format!("{expected}{i}"))], "{name}{i}");
        }
    }
}
