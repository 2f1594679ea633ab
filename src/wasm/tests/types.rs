//! Canonical types.

use super::growth::{allocated, assert_linear_time};
use super::{TYPES, all_features, leb, module, refusal, vector, wasm};
use crate::error::ModuleErrorKind;
use crate::index::{TypeId, TypeIndex};
use crate::prelude::*;
use crate::types::{
    ArrayType, CompositeType, FieldType, FuncType, HeapType, Mutability, RefType, StorageType,
    StructType, SubType, ValType,
};
use crate::wasm::registry::{MAX_DEPTH, MAX_PARAMS};
use crate::wasm::{ModuleInfo, RegisteredType, TypeInfo, TypeLookup, TypeRegistry};

/// A module's types, kept.
struct Types(Vec<RegisteredType>);

impl Types {
    fn read(registry: &TypeRegistry, text: &str) -> Types {
        Types(ModuleInfo::parse(&wasm(text), &all_features(), registry).expect("valid").types)
    }
}

impl TypeLookup for Types {
    fn type_info(&self, id: TypeId) -> &TypeInfo {
        self.0.iter().find(|info| info.id == id).expect("a type of the module")
    }
}

/// A module's types.
fn ids(registry: &TypeRegistry, text: &str) -> Vec<RegisteredType> {
    Types::read(registry, text).0
}

#[test]
fn equal_types_of_different_modules_are_one_type() {
    let registry = TypeRegistry::new();
    let a = ids(&registry, "(module (type (func (param i32) (result i64))) (type (func)))");
    let b = ids(&registry, "(module (type (func)) (type (func (param i32) (result i64))))");
    assert_eq!([&a[0], &a[1]], [&b[1], &b[0]]);
    assert_eq!(registry.len(), 2);
}

#[test]
fn equal_types_of_one_module_are_one_type() {
    let registry = TypeRegistry::new();
    let a = ids(&registry, "(module (type (func)) (type (func)) (type (struct)) (type (struct)))");
    assert_eq!((&a[0], &a[2]), (&a[1], &a[3]));
    assert_ne!(a[0], a[2]);
}

#[test]
fn recursion_groups_are_equal_by_structure() {
    let registry = TypeRegistry::new();
    let text = "(rec (type $a (struct (field (ref null $b)))) (type $b (struct (field (ref $a)))))";
    let a = ids(&registry, &format!("(module {text})"));
    let b = ids(&registry, &format!("(module (type (func)) {text} (type (func (param i32))))"));
    assert_eq!(a, b[1..3]);
    assert_ne!(a[0], a[1]);
}

#[test]
fn a_type_inside_a_larger_group_is_another_type() {
    let registry = TypeRegistry::new();
    let alone = ids(&registry, "(module (type (struct)))");
    let explicit = ids(&registry, "(module (rec (type (struct))))");
    let pair = ids(&registry, "(module (rec (type (struct)) (type (func))))");
    let reversed = ids(&registry, "(module (rec (type (func)) (type (struct))))");
    assert_eq!(alone, explicit);
    assert_ne!(alone[0], pair[0]);
    assert_ne!(pair[0], reversed[1]);
}

#[test]
fn a_reference_into_the_group_differs_from_one_to_an_equal_type_before_it() {
    let registry = TypeRegistry::new();
    let inside = ids(&registry, "(module (rec (type $a (struct (field (ref null $a))))))");
    let before = ids(
        &registry,
        "(module (rec (type $a (struct (field (ref null $a)))))
                 (type (struct (field (ref null $a)))))",
    );
    assert_eq!(inside[0], before[0]);
    assert_ne!(before[0], before[1]);
}

#[test]
fn finality_supertypes_and_mutability_distinguish_types() {
    let registry = TypeRegistry::new();
    let all = ids(
        &registry,
        "(module (type $open (sub (struct (field i32)))) (type (struct (field i32)))
                 (type (struct (field (mut i32)))) (type (sub final $open (struct (field i32))))
                 (type (struct (field i8))) (type (struct (field i16))) (type (array i32)))",
    );
    let mut distinct: Vec<TypeId> = all.iter().map(|info| info.id).collect();
    distinct.sort();
    distinct.dedup();
    assert_eq!(distinct.len(), all.len());
}

#[test]
fn a_host_function_type_is_a_modules_type() {
    let registry = TypeRegistry::new();
    let host = registry
        .intern_func(&FuncType::new([ValType::I32, ValType::V128], [ValType::EXTERNREF]))
        .expect("a legal type");
    let module = ids(&registry, "(module (type (func (param i32 v128) (result externref))))");
    assert_eq!(module.first(), Some(&host));
    assert_eq!((host.param_slots, host.result_slots), (3, 1));
    assert_eq!(host, registry.get(host.id));
}

#[test]
fn host_types_are_checked() {
    let registry = TypeRegistry::new();
    let many = |n: usize| FuncType::new(vec![ValType::I32; n], []);
    assert!(registry.intern_func(&many(MAX_PARAMS)).is_ok());
    assert!(registry.intern_func(&many(MAX_PARAMS + 1)).is_err());
    for foreign in [7, 1 << 20, 1 << 31, u32::MAX] {
        let ty = ValType::Ref(RefType::new(true, HeapType::Concrete(TypeId(foreign))));
        assert!(registry.intern_func(&FuncType::new([ty], [])).is_err(), "type {foreign}");
        let field = FieldType::new(Mutability::Var, StorageType::ValType(ty));
        let array = SubType::final_type(CompositeType::Array(ArrayType::new(field)));
        assert!(registry.intern(vec![array]).is_err());
    }
    let top = registry
        .intern(vec![SubType::final_type(CompositeType::Struct(StructType::new([])))])
        .expect("a legal type");
    let below = SubType {
        is_final: true,
        supertype: Some(top.id),
        composite: CompositeType::Struct(StructType::new([])),
    };
    assert!(registry.intern(vec![below]).is_err(), "the supertype is final");
}

#[test]
fn subtypes_follow_the_declarations() {
    let registry = TypeRegistry::new();
    let t = Types::read(
        &registry,
        "(module (type $a (sub (struct))) (type $b (sub $a (struct (field i32))))
                 (type $c (sub $b (struct (field i32 i64)))) (type $d (sub $a (struct (field f32))))
                 (rec (type $e (sub $c (struct (field i32 i64 (ref null $f)))))
                      (type $f (sub $e (struct (field i32 i64 (ref null $f))))))
                 (type (func)))",
    );
    let parents = [None, Some(0), Some(1), Some(0), Some(2), Some(4), None];
    for (i, a) in t.0.iter().enumerate() {
        let mut above = vec![i];
        while let Some(parent) = parents[*above.last().expect("starts with one")] {
            above.push(parent);
        }
        for (j, b) in t.0.iter().enumerate() {
            assert_eq!(t.is_subtype(a.id, b.id), above.contains(&j), "{i} <: {j}");
        }
    }
}

#[test]
fn heap_types_form_the_three_hierarchies_and_exceptions() {
    let registry = TypeRegistry::new();
    let t = Types::read(&registry, "(module (type (struct)) (type (array i8)) (type (func)))");
    let [s, a, f] = [0, 1, 2].map(|i: usize| HeapType::Concrete(t.0[i].id));
    use HeapType::{Any, Array, Eq, Exn, Extern, Func, I31, NoExn, NoExtern, NoFunc, None, Struct};
    let all =
        [Any, Eq, I31, Struct, Array, None, s, a, Func, NoFunc, f, Extern, NoExtern, Exn, NoExn];
    let above: &[(HeapType, &[HeapType])] = &[
        (Any, &[Any]),
        (Eq, &[Eq, Any]),
        (I31, &[I31, Eq, Any]),
        (Struct, &[Struct, Eq, Any]),
        (Array, &[Array, Eq, Any]),
        (None, &[None, I31, Struct, Array, Eq, Any, s, a]),
        (s, &[s, Struct, Eq, Any]),
        (a, &[a, Array, Eq, Any]),
        (Func, &[Func]),
        (NoFunc, &[NoFunc, Func, f]),
        (f, &[f, Func]),
        (Extern, &[Extern]),
        (NoExtern, &[NoExtern, Extern]),
        (Exn, &[Exn]),
        (NoExn, &[NoExn, Exn]),
    ];
    assert_eq!(above.len(), all.len());
    for (x, supers) in above {
        for y in all {
            assert_eq!(t.heap_matches(*x, y), supers.contains(&y), "{x} <: {y}");
        }
        assert!(supers.contains(&t.top(*x)), "top of {x}");
    }
    let nullable = |heap| RefType::new(true, heap);
    let non_null = |heap| RefType::new(false, heap);
    assert!(t.ref_matches(non_null(s), nullable(Eq)));
    assert!(!t.ref_matches(nullable(s), non_null(Eq)));
}

/// `n` types, each given by its index.
fn type_section(n: u64, ty: impl Fn(u64) -> Vec<u8>) -> Vec<u8> {
    module(&[(TYPES, vector((0..n).map(ty)))])
}

/// A heap type given by index is a signed number.
fn signed(index: u64) -> Vec<u8> {
    let mut bytes = leb(index);
    let last = bytes.len() - 1;
    if bytes[last] & 0x40 != 0 {
        bytes[last] |= 0x80;
        bytes.push(0);
    }
    bytes
}

/// `(struct (field (ref null index)))`.
fn pointer_to(index: u64) -> Vec<u8> {
    [vec![0x5f, 1, 0x63], signed(index), vec![0]].concat()
}

const MANY: u64 = 200_000;

#[test]
fn a_supertype_chain_as_deep_as_allowed_is_accepted_and_a_deeper_one_refused() {
    // (sub $previous (func))
    let chain = |n| {
        type_section(n, |i| match i {
            0 => vec![0x50, 0, 0x60, 0, 0],
            _ => [vec![0x50, 1], leb(i - 1), vec![0x60, 0, 0]].concat(),
        })
    };
    let registry = TypeRegistry::new();
    let allowed = MAX_DEPTH as u64 + 1;
    let info = ModuleInfo::parse(&chain(allowed), &all_features(), &registry).expect("valid");
    let (first, last) = (info.type_info(TypeIndex(0)), &info.types[MAX_DEPTH]);
    assert!(last.is_subtype_of(first) && !first.is_subtype_of(last));

    for too_deep in [allowed + 1, MANY] {
        let bytes = chain(too_deep);
        let work = allocated(|| {
            let error = refusal(&bytes);
            assert_eq!(error.kind(), ModuleErrorKind::Limit, "{error}");
        });
        assert!(work.bytes_total < 1000 * bytes.len() as u64, "{work:?}");
    }
    let deepest = last.sub.clone();
    let below = |above| SubType { supertype: Some(above), ..deepest.clone() };
    assert!(registry.intern(vec![below(last.id)]).is_err(), "the registry's own limit");
}

/// Parses on a thread with a small stack, and checks that ten times the types take ten times the
/// allocations and about ten times as long.
fn parses_in_linear_time(make: impl Fn(u64) -> Vec<u8>) {
    let sizes = [MANY / 10, MANY];
    let modules = sizes.map(make);
    let parse = |at: usize| {
        let registry = TypeRegistry::new();
        let info = ModuleInfo::parse(&modules[at], &all_features(), &registry).expect("valid");
        assert_eq!(info.types.len() as u64, sizes[at]);
    };
    let run = || {
        let [small, large] = [0, 1].map(|at| allocated(|| parse(at)));
        assert!(large.count_total < 11 * small.count_total + 100, "{small:?}, then {large:?}");
        // Tables double when they are full.
        assert!(large.bytes_total < 20 * small.bytes_total, "{small:?}, then {large:?}");
        assert_linear_time("types", 10.0, || parse(0), || parse(1));
    };
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(128 << 10);
        thread.spawn_scoped(scope, run).expect("a thread").join().expect("no overflow")
    });
}

#[test]
fn types_that_refer_to_each_other_in_a_chain_take_linear_time_and_no_recursion() {
    // Each in a group of its own, pointing at the one before.
    parses_in_linear_time(|n| type_section(n, |i| pointer_to(i.saturating_sub(1))));
}

#[test]
fn one_huge_recursion_group_takes_linear_time_and_no_recursion() {
    // Each points at the next, the last at the first.
    parses_in_linear_time(|n| {
        let group = [vec![0x4e], vector((0..n).map(|i| pointer_to((i + 1) % n)))].concat();
        module(&[(TYPES, vector([group]))])
    });
}

#[test]
fn many_equal_recursion_groups_are_interned_once() {
    let registry = TypeRegistry::new();
    let group = |i| {
        format!(
            "(rec (type $s{i} (struct (field (ref null $f{i}))))
                  (type $f{i} (func (param (ref $s{i})))))"
        )
    };
    let texts: String = (0..500).map(group).collect();
    let all = ids(&registry, &format!("(module {texts})"));
    assert_eq!((all.len(), registry.len()), (1000, 2));
    assert!(all.chunks(2).all(|pair| pair == &all[..2]));
}

#[test]
fn threads_that_intern_the_same_types_agree() {
    let registry = TypeRegistry::new();
    let types = |salt: usize| -> Vec<FuncType> {
        (0..300).map(|i| FuncType::new(vec![ValType::I64; (i * 7 + salt) % 300], [])).collect()
    };
    let seen: Vec<Vec<(usize, RegisteredType)>> = std::thread::scope(|scope| {
        let registry = &registry;
        let threads: Vec<_> = (0..4)
            .map(|salt| {
                scope.spawn(move || {
                    let intern = |ty: FuncType| {
                        let info = registry.intern_func(&ty).expect("a legal type");
                        assert_eq!(info.func(), &ty);
                        (ty.params().len(), info)
                    };
                    types(salt).into_iter().map(intern).collect::<Vec<_>>()
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().expect("no panic")).collect()
    });
    assert_eq!(registry.len(), 300);
    for (len, info) in seen.into_iter().flatten() {
        assert_eq!(registry.get(info.id), info);
        assert_eq!(info.func().params().len(), len);
    }
    assert!(registry.is_empty(), "nobody keeps them");
}

#[test]
fn types_live_as_long_as_somebody_keeps_one_that_names_them() {
    let registry = TypeRegistry::new();
    let parse = |text| ModuleInfo::parse(&wasm(text), &all_features(), &registry).expect("valid");
    let info = parse(
        "(module (type $a (struct)) (type $b (struct (field (ref null $a))))
                 (type (func (param (ref $b)))) (type (func)))",
    );
    assert_eq!(registry.len(), 4);
    let func = info.types[2].clone();
    let struct_id = info.types[0].id;
    drop(info);
    // All but `(func)`, which nobody names.
    assert_eq!(registry.len(), 3);
    assert!(registry.try_get(struct_id).is_some());
    drop(func);
    assert!(registry.is_empty() && registry.try_get(struct_id).is_none());
    // Ids are given out again, and equal types are still one.
    let (a, b) = (parse("(module (type (array i8)))"), parse("(module (type (array i8)))"));
    assert_eq!((a.types[0].id, registry.len()), (b.types[0].id, 1));
    assert!(a.types[0].id.0 < 4);
}

#[test]
fn modules_that_come_and_go_leave_no_types() {
    let registry = TypeRegistry::new();
    let mut highest = 0;
    for round in 0..200_u32 {
        let params = |n: u32| (0..16).map(move |bit| ["i32 ", "i64 "][(n >> bit & 1) as usize]);
        let types = (0..50).map(|i| {
            format!("(type (func (param {})))", params(round * 50 + i).collect::<String>())
        });
        let text = format!("(module {})", types.collect::<String>());
        let info = ModuleInfo::parse(&wasm(&text), &all_features(), &registry).expect("valid");
        assert_eq!(registry.len(), 50);
        highest = info.types.iter().map(|info| info.id.0).max().max(Some(highest)).expect("some");
    }
    assert!(registry.is_empty());
    assert!(highest < 100, "ids up to {highest}: the lists grow with the modules seen");
}

#[test]
fn threads_that_drop_and_intern_the_same_types_agree() {
    let registry = TypeRegistry::new();
    std::thread::scope(|scope| {
        for salt in 0..4_usize {
            let registry = &registry;
            scope.spawn(move || {
                for i in 0..2000 {
                    let ty = FuncType::new(vec![ValType::I64; (i * salt) % 7], []);
                    let info = registry.intern_func(&ty).expect("a legal type");
                    assert_eq!(info.func(), &ty);
                    assert_eq!(registry.get(info.id), info);
                }
            });
        }
    });
    assert!(registry.is_empty());
}

#[test]
fn a_group_without_types_is_nothing() {
    let registry = TypeRegistry::new();
    let types = ids(&registry, "(module (rec) (type (func)) (rec))");
    assert_eq!((types.len(), registry.len()), (1, 1));
}
