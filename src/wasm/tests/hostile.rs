//! Modules made to do harm: none may panic, recurse, or take more than linear time or memory.

use super::growth::{allocated, assert_linear_time};
use super::{
    FUNCS, TYPES, all_features, code, custom, empty_type, leb, module, parse, refusal,
    refusal_kind, vector, wasm,
};
use crate::error::ModuleErrorKind;
use crate::index::FuncIndex;
use crate::prelude::*;
use crate::wasm::{ModuleInfo, ParseOptions, TypeRegistry};

#[test]
fn malformed_and_invalid_are_told_apart() {
    use ModuleErrorKind::{Invalid, Malformed};
    let body =
        |bytes: &[u8]| module(&[empty_type(), (FUNCS, vec![1, 0]), code([[&[0], bytes].concat()])]);
    for (what, bytes, kind) in [
        ("nothing", vec![], Malformed),
        ("no magic", b"asm\0\x01\0\0\0".to_vec(), Malformed),
        ("unknown version", b"\0asm\x02\0\0\0".to_vec(), Malformed),
        ("half a header", b"\0asm\x01".to_vec(), Malformed),
        ("unknown section", module(&[(99, vec![])]), Malformed),
        ("section past the end", [module(&[]), vec![1, 50, 0]].concat(), Malformed),
        (
            "endless number",
            [module(&[]), vec![1, 0xff, 0xff, 0xff, 0xff, 0xff]].concat(),
            Malformed,
        ),
        ("sections out of order", module(&[(FUNCS, vec![0]), (TYPES, vec![0])]), Malformed),
        ("section twice", module(&[(TYPES, vec![0]), (TYPES, vec![0])]), Malformed),
        ("bytes behind a section's items", module(&[(TYPES, vec![0, 0])]), Malformed),
        ("functions without bodies", module(&[empty_type(), (FUNCS, vec![1, 0])]), Malformed),
        ("illegal opcode", body(&[0xff, 0x0b]), Malformed),
        ("no end", body(&[0x01]), Malformed),
        ("name that is not UTF-8", module(&[(7, vec![1, 1, 0xff, 0, 0])]), Malformed),
        ("unknown type", module(&[(FUNCS, vec![1, 0]), code([vec![0, 0x0b]])]), Invalid),
        ("empty stack", body(&[0x1a, 0x0b]), Invalid),
        ("unknown local", body(&[0x20, 0, 0x1a, 0x0b]), Invalid),
        ("start with a parameter", wasm("(module (func (param i32)) (start 0))"), Invalid),
        (
            "export twice",
            wasm(r#"(module (memory 1) (export "a" (memory 0)) (export "a" (memory 0)))"#),
            Invalid,
        ),
        ("memory too large", wasm("(module (memory 65537))"), Invalid),
    ] {
        let error = refusal(&bytes);
        assert_eq!(error.kind(), kind, "{what}: {error}");
        assert!(error.offset() <= bytes.len() as u64, "{what}: {error}");
    }
}

#[test]
fn counts_that_the_module_cannot_hold_allocate_nothing() {
    let huge = [0xff, 0xff, 0xff, 0xff, 0x0f];
    for id in 1..=13 {
        if id != 8 && id != 12 {
            refusal(&module(&[(id, huge.to_vec())]));
        }
    }
    // A count just below the limits: wasmparser makes room for as many imports as it allows, and
    // nothing makes room for more than that.
    for id in [1, 2, 3, 4, 5, 6, 7, 9, 10, 11] {
        let bytes = module(&[(id, leb(99_999))]);
        let work = allocated(|| drop(refusal(&bytes)));
        assert!(work.bytes_total < 16 << 20, "section {id}: {work:?}");
    }
    let locals = [leb(1), huge.to_vec(), vec![0x7f, 0x0b]].concat();
    let bytes = module(&[empty_type(), (FUNCS, vec![1, 0]), code([locals])]);
    let work = allocated(|| assert_eq!(refusal_kind(&bytes), ModuleErrorKind::Limit));
    assert!(work.bytes_total < 1 << 20, "{work:?}");
}

#[test]
fn limits_are_reported_as_limits() {
    let many_params = [vec![1, 0x60], vector(vec![[0x7f]; 1001]), vec![0]].concat();
    assert_eq!(refusal_kind(&module(&[(TYPES, many_params)])), ModuleErrorKind::Limit);
    let locals = vec![1, 0xd1, 0x86, 0x03, 0x7f, 0x0b]; // 50,001 times i32
    let bytes = module(&[empty_type(), (FUNCS, vec![1, 0]), code([locals])]);
    assert_eq!(refusal_kind(&bytes), ModuleErrorKind::Limit);
    let locals = vec![1, 0xd0, 0x86, 0x03, 0x7f, 0x0b];
    let bytes = module(&[empty_type(), (FUNCS, vec![1, 0]), code([locals])]);
    parse(&bytes).expect("50,000 locals are allowed");
}

#[test]
fn custom_sections_may_hold_anything() {
    let garbage: Vec<u8> = (0..=255).rev().collect();
    let names = ["name", "metadata.code.branch_hint", "producers", "dylink.0", "linking", "x"];
    let sections: Vec<_> = names.iter().map(|name| custom(name, &garbage)).collect();
    let bytes = module(&sections);
    let info = parse(&bytes).expect("valid");
    assert_eq!(info.custom_sections.len(), names.len());
    for (section, name) in info.custom_sections.iter().zip(names) {
        assert_eq!((&*section.name, &bytes[section.range.clone()]), (name, &garbage[..]));
    }
    assert_eq!(info.names(&bytes).func(&bytes, FuncIndex(0)), None);
    assert!(info.branch_hints.is_empty());
}

#[test]
fn a_custom_section_without_a_legal_name_is_malformed() {
    for contents in [vec![], vec![5, b'a'], vec![2, 0xff, 0xfe], vec![0xff; 9]] {
        assert_eq!(refusal_kind(&module(&[(0, contents)])), ModuleErrorKind::Malformed);
    }
}

/// A function name subsection.
fn func_names(entries: &[(u64, &[u8])]) -> Vec<u8> {
    let entries = entries
        .iter()
        .map(|(func, name)| [leb(*func), leb(name.len() as u64), name.to_vec()].concat());
    let map = vector(entries);
    [vec![1], leb(map.len() as u64), map].concat()
}

#[test]
fn names_before_a_fault_are_kept() {
    let cut = {
        let mut section = func_names(&[(0, b"zero"), (1, b"one")]);
        section.truncate(section.len() - 1);
        section
    };
    let past_the_end = [vec![1, 100, 2], vec![0, 4], b"zero".to_vec(), vec![1, 90]].concat();
    let not_utf8 = func_names(&[(0, b"zero"), (1, b"\xff"), (2, b"two")]);
    for (what, section) in [("cut", cut), ("past the end", past_the_end), ("UTF-8", not_utf8)] {
        let bytes = module(&[custom("name", &section)]);
        let info = parse(&bytes).expect("valid");
        let names = info.names(&bytes);
        assert_eq!(names.func(&bytes, FuncIndex(1)), None, "{what}");
        assert_eq!(names.func(&bytes, FuncIndex(2)), None, "{what}");
    }
    let not_utf8 = module(&[custom("name", &func_names(&[(0, b"zero"), (1, b"\xff")]))]);
    let info = parse(&not_utf8).expect("valid");
    assert_eq!(info.names(&not_utf8).func(&not_utf8, FuncIndex(0)), Some("zero"));
}

#[test]
fn names_out_of_order_or_repeated_are_sorted_and_the_first_counts() {
    let section =
        func_names(&[(7, b"seven"), (3, b"three"), (7, b"again"), (u32::MAX as u64, b"")]);
    let bytes = module(&[custom("name", &section), custom("name", &func_names(&[(9, b"nine")]))]);
    let info = parse(&bytes).expect("valid");
    let names = info.names(&bytes);
    let func = |i| names.func(&bytes, FuncIndex(i));
    assert_eq!([func(3), func(7), func(9)], [Some("three"), Some("seven"), None]);
    assert_eq!(func(u32::MAX), Some(""));
    // With other bytes than the module's there is no name, or another, but no panic.
    assert_eq!(names.func(b"", FuncIndex(3)), None);
}

#[test]
fn branch_hints_out_of_order_or_repeated_are_sorted_and_the_first_counts() {
    // Per function: index, hints; per hint: offset, length 1, value.
    let section = [3, 2, 2, 9, 1, 1, 4, 1, 0, 1, 1, 5, 1, 1, 2, 1, 9, 1, 0];
    let info = parse(&module(&[custom("metadata.code.branch_hint", &section)])).expect("valid");
    let hints = info.branch_hints(FuncIndex(2));
    assert_eq!(
        hints.iter().map(|hint| (hint.offset, hint.taken)).collect::<Vec<_>>(),
        [(4, false), (9, true)]
    );
    assert_eq!(info.branch_hints(FuncIndex(1)).len(), 1);
}

#[test]
fn deeply_nested_blocks_need_no_native_stack() {
    let n = 1_000_000;
    let nested = [vec![0], [0x02, 0x40].repeat(n), vec![0x0b; n + 1]].concat();
    let bytes = module(&[empty_type(), (FUNCS, vec![1, 0]), code([nested])]);
    let run = || parse(&bytes).map(|info| info.bodies.len());
    let thread = std::thread::Builder::new().stack_size(128 << 10);
    let bodies = std::thread::scope(|scope| {
        thread.spawn_scoped(scope, run).expect("a thread").join().expect("no overflow")
    });
    assert_eq!(bodies.expect("valid"), 1);
}

/// A module of about `size` bytes whose functions compute something.
fn big_module(size: usize) -> Vec<u8> {
    // (local i32) local.get 0; (i32.const 5; i32.add; local.tee 0)*; drop; end
    let body = [vec![1, 1, 0x7f, 0x20, 0], [0x41, 5, 0x6a, 0x22, 0].repeat(200), vec![0x1a, 0x0b]]
        .concat();
    let n = size / body.len();
    let funcs = vector(vec![[0]; n]);
    module(&[empty_type(), (FUNCS, funcs), code(vec![body; n])])
}

#[test]
fn a_large_module_parses_in_linear_time_and_little_memory() {
    // Debug builds get a smaller one.
    let size = if cfg!(debug_assertions) { 4 << 20 } else { 20 << 20 };
    let (small, large) = (big_module(size / 16), big_module(size));
    let parse = |bytes: &[u8], threads| {
        let options = ParseOptions { threads, ..all_features() };
        drop(ModuleInfo::parse(bytes, &options, &TypeRegistry::new()).expect("valid"));
    };
    // All on this thread, whose clock and counts tell.
    assert_linear_time("parsing", 16.0, || parse(&small, 1), || parse(&large, 1));
    let work = allocated(|| parse(&large, 1));
    assert!(work.bytes_max < size as u64 / 2, "{work:?} for {size} bytes");
    parse(&large, 2);
}

#[test]
fn parallel_validation_reports_the_first_error() {
    let good = [&[0][..], &[0x01; 999], &[0x0b]].concat();
    let bad = [&[0][..], &[0x01; 998], &[0x1a, 0x0b]].concat();
    let n = 3000;
    let bodies = (0..n).map(|i| if i % 700 == 650 { bad.clone() } else { good.clone() });
    let bytes = module(&[empty_type(), (FUNCS, vector(vec![[0]; n])), code(bodies)]);
    let refuse = |threads| {
        let options = ParseOptions { threads, ..all_features() };
        let error = ModuleInfo::parse(&bytes, &options, &TypeRegistry::new());
        error.expect_err("invalid").to_string()
    };
    let expected = refuse(1);
    for _ in 0..5 {
        assert_eq!(refuse(4), expected);
    }
}

#[test]
fn no_cut_or_changed_byte_makes_parsing_panic() {
    let bytes = wasm(
        r#"(module $n (type $s (sub (struct (field (mut i32))))) (type (sub $s (struct (field (mut i32)) (field i8))))
            (import "a" "b" (func $f (param i32 (ref null $s)) (result f64)))
            (table 3 funcref (ref.func $f)) (memory 1) (global $g (mut i64) (i64.const 9))
            (tag (param i32)) (export "g" (global $g)) (start $go)
            (elem (i32.const 0) func $f $go) (data (i32.const 3) "abc") (data "d")
            (func $go (local i32) (block (loop (br_if 1 (local.get 0)) (br 0)))
                (memory.init 1 (i32.const 0) (i32.const 0) (i32.const 0))
                (drop (call $f (i32.const 1) (struct.new $s (i32.const 2))))))"#,
    );
    let registry = TypeRegistry::new();
    let mut accepted = 0;
    let mut attempt = |bytes: &[u8]| {
        if let Ok(info) = ModuleInfo::parse(bytes, &all_features(), &registry) {
            accepted += 1;
            info.names(bytes).func(bytes, FuncIndex(0));
        }
    };
    for end in 0..bytes.len() {
        attempt(&bytes[..end]);
    }
    for at in 0..bytes.len() {
        for value in 0..=255 {
            let mut changed = bytes.clone();
            changed[at] = value;
            attempt(&changed);
        }
    }
    assert!(accepted > bytes.len(), "the unchanged module and many others are valid");
    assert!(accepted < bytes.len() * 200, "most changes are not");
}
