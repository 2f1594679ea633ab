//! Objects of programs: the host's view of them, collections, limits.

use crate::*;

fn store_limited(bytes: usize) -> Store<StoreLimits> {
    let limits = StoreLimitsBuilder::new().gc_heap_size(bytes).build();
    let mut store = Store::new(&Engine::default(), limits);
    store.limiter(|limits| limits);
    store
}

const MB: usize = 1 << 20;

#[test]
fn ten_gigabytes_of_large_arrays_pass_through_a_heap_of_64_megabytes() {
    let mut store = store_limited(64 * MB);
    // Keeps one array in 16 alive for a while.
    let text = r#"(module
        (type $bytes (array (mut i8)))
        (table $kept 8 (ref null $bytes))
        (func (export "run") (param $n i32) (result i32)
            (local $i i32) (local $a (ref null $bytes))
            (loop $next
                (local.set $a (array.new_default $bytes (i32.const 1048000)))
                (array.set $bytes (local.get $a) (i32.const 7) (local.get $i))
                (if (i32.eqz (i32.and (local.get $i) (i32.const 15)))
                    (then (table.set $kept
                        (i32.and (i32.shr_u (local.get $i) (i32.const 4)) (i32.const 7))
                        (local.get $a))))
                (local.set $i (i32.add (local.get $i) (i32.const 1)))
                (br_if $next (i32.lt_u (local.get $i) (local.get $n))))
            (array.get_u $bytes (table.get $kept (i32.const 3)) (i32.const 7))))"#;
    let instance = instantiate_with(&mut store, text, &[]);
    let run = instance.get_typed_func::<i32, i32>(&mut store, "run").unwrap();
    let count = 10_240;
    // The last array that went to place 3 of the table: the largest such number below the count.
    let kept = (0..count).rev().find(|i| i % 16 == 0 && i / 16 % 8 == 3).unwrap();
    assert_eq!(run.call(&mut store, count).unwrap(), kept & 255);
    let stats = store.gc_stats();
    assert!(stats.heap_bytes <= 64 * MB, "{stats:?}");
    assert!(stats.collections > 100, "{stats:?}");
}

#[test]
fn small_objects_pass_through_a_small_heap() {
    let mut store = store_limited(4 * MB);
    // A ring of 1000 cells, each replaced again and again: cycles that become garbage.
    let text = r#"(module
        (rec (type $cell (struct (field $value (mut i32)) (field $peer (mut (ref null $cell))))))
        (table $ring 1000 (ref null $cell))
        (func (export "run") (param $n i32) (result i32)
            (local $i i32) (local $a (ref null $cell)) (local $b (ref null $cell))
            (loop $next
                (local.set $a (struct.new $cell (local.get $i) (ref.null $cell)))
                (local.set $b (struct.new $cell (local.get $i) (local.get $a)))
                (struct.set $cell $peer (local.get $a) (local.get $b))
                (table.set $ring (i32.rem_u (local.get $i) (i32.const 1000)) (local.get $a))
                (local.set $i (i32.add (local.get $i) (i32.const 1)))
                (br_if $next (i32.lt_u (local.get $i) (local.get $n))))
            (struct.get $cell $value (struct.get $cell $peer (table.get $ring (i32.const 5))))))"#;
    let instance = instantiate_with(&mut store, text, &[]);
    let run = instance.get_typed_func::<i32, i32>(&mut store, "run").unwrap();
    assert_eq!(run.call(&mut store, 1_000_000).unwrap(), 999_005);
    let stats = store.gc_stats();
    assert!(stats.heap_bytes <= 4 * MB && stats.collections > 5, "{stats:?}");
    store.gc(None).unwrap();
    // Two cells per place of the ring, 32 bytes each, and little else.
    assert!(store.gc_stats().live_bytes < 100_000, "{:?}", store.gc_stats());
}

#[test]
fn a_heap_that_is_full_of_live_objects_traps() {
    let mut store = store_limited(2 * MB);
    let text = r#"(module
        (type $list (struct (field i64) (field (ref null $list))))
        (global $all (mut (ref null $list)) (ref.null $list))
        (func (export "grow") (param $n i32)
            (loop $next
                (global.set $all (struct.new $list (i64.const 1) (global.get $all)))
                (local.set $n (i32.sub (local.get $n) (i32.const 1)))
                (br_if $next (local.get $n))))
        (func (export "clear") (global.set $all (ref.null $list)))
        (type $longs (array i64))
        (func (export "array") (param i32) (result i32)
            (array.len (array.new_default $longs (local.get 0)))))"#;
    let instance = instantiate_with(&mut store, text, &[]);
    let grow = instance.get_typed_func::<i32, ()>(&mut store, "grow").unwrap();
    let clear = instance.get_typed_func::<(), ()>(&mut store, "clear").unwrap();
    let array = instance.get_typed_func::<i32, i32>(&mut store, "array").unwrap();
    assert_eq!(trap_of(&grow.call(&mut store, 1_000_000).unwrap_err()), Trap::OutOfHeap);
    // The store goes on, and with the objects gone there is room again.
    clear.call(&mut store, ()).unwrap();
    grow.call(&mut store, 10_000).unwrap();
    assert_eq!(array.call(&mut store, 1000).unwrap(), 1000);
    assert_eq!(trap_of(&array.call(&mut store, 1 << 20).unwrap_err()), Trap::OutOfHeap);
    assert_eq!(trap_of(&array.call(&mut store, -1).unwrap_err()), Trap::AllocationTooLarge);
}

#[test]
fn chains_of_two_million_objects_need_no_native_stack() {
    let text = r#"(module
        (rec (type $list (struct (field (ref null $list)))))
        (global $all (mut (ref null $list)) (ref.null $list))
        (func (export "build") (param $n i32)
            (loop $next
                (global.set $all (struct.new $list (global.get $all)))
                (local.set $n (i32.sub (local.get $n) (i32.const 1)))
                (br_if $next (local.get $n))))
        (func (export "length") (result i32) (local $at (ref null $list)) (local $n i32)
            (local.set $at (global.get $all))
            (block $end (loop $next
                (br_if $end (ref.is_null (local.get $at)))
                (local.set $n (i32.add (local.get $n) (i32.const 1)))
                (local.set $at (struct.get $list 0 (local.get $at)))
                (br $next)))
            (local.get $n)))"#;
    let run = || {
        let mut store = Store::new(&Engine::default(), ());
        let instance = instantiate_with(&mut store, text, &[]);
        let build = instance.get_typed_func::<i32, ()>(&mut store, "build").unwrap();
        let length = instance.get_typed_func::<(), i32>(&mut store, "length").unwrap();
        build.call(&mut store, 2_000_000).unwrap();
        store.gc(None).unwrap();
        assert_eq!(length.call(&mut store, ()).unwrap(), 2_000_000);
    };
    // Dropped on the same small stack.
    std::thread::Builder::new().stack_size(256 << 10).spawn(run).unwrap().join().unwrap();
}

#[test]
fn deep_recursion_keeps_the_objects_of_all_its_frames() {
    let mut config = Config::new();
    config.max_wasm_stack(64 << 20);
    let mut store = Store::new(&Engine::new(&config).unwrap(), ());
    let text = r#"(module
        (import "" "gc" (func $gc))
        (type $box (struct (field i32)))
        (func $down (export "down") (param $n i32) (param $kept (ref $box)) (result i32)
            (if (i32.eqz (local.get $n)) (then (call $gc) (return (i32.const 0))))
            (i32.add
                (struct.get $box 0 (struct.new $box (local.get $n)))
                (i32.add
                    (call $down (i32.sub (local.get $n) (i32.const 1)) (struct.new $box (i32.const 1)))
                    (struct.get $box 0 (local.get $kept)))))
        (func (export "run") (param i32) (result i32)
            (call $down (local.get 0) (struct.new $box (i32.const 1)))))"#;
    let gc = Func::wrap(&mut store, |mut caller: Caller<'_, ()>| caller.gc(None).unwrap());
    let instance = instantiate_with(&mut store, text, &[gc.into()]);
    let run = instance.get_typed_func::<i32, i32>(&mut store, "run").unwrap();
    let n = 200_000_u32;
    let sum = (1..=n).fold(n, u32::wrapping_add);
    assert_eq!(run.call(&mut store, n as i32).unwrap() as u32, sum);
}

#[test]
fn operands_below_a_call_survive_the_collection_in_it() {
    let mut config = Config::new();
    config.gc_always(true);
    let mut store = Store::new(&Engine::new(&config).unwrap(), ());
    let text = r#"(module
        (type $box (struct (field i32)))
        (type $pair (struct (field (ref $box)) (field (ref $box))))
        (func $make (param i32) (result (ref $box)) (struct.new $box (local.get 0)))
        (func $sum (param (ref $pair)) (result i32)
            (i32.add
                (struct.get $box 0 (struct.get $pair 0 (local.get 0)))
                (struct.get $box 0 (struct.get $pair 1 (local.get 0)))))
        (func (export "run") (param $i i32) (result i32) (local $x (ref null $box))
            (local.set $x (call $make (i32.const 1000)))
            ;; The operand that is local x must keep its old object when x changes.
            (local.get $x)
            (local.set $x (call $make (local.get $i)))
            (call $make (i32.const 7))
            (drop)
            (ref.as_non_null)
            (struct.new $pair (ref.as_non_null (local.get $x)))
            (call $sum)))"#;
    let instance = instantiate_with(&mut store, text, &[]);
    let run = instance.get_typed_func::<i32, i32>(&mut store, "run").unwrap();
    for i in 0..50 {
        assert_eq!(run.call(&mut store, i).unwrap(), 1000 + i);
    }
    assert!(store.gc_stats().collections >= 200);
}

#[test]
fn host_objects_are_dropped_when_nothing_refers_to_them() {
    let count = std::sync::Arc::new(());
    let alive = |count: &std::sync::Arc<()>| std::sync::Arc::strong_count(count) - 1;
    let mut store = Store::new(&Engine::default(), ());
    let text = r#"(module
        (import "" "" (func $make (result externref)))
        (global $kept (mut externref) (ref.null extern))
        (table $inner 1 anyref)
        (func (export "run") (param $n i32)
            (loop $next
                (global.set $kept (call $make))
                (table.set $inner (i32.const 0) (any.convert_extern (call $make)))
                (local.set $n (i32.sub (local.get $n) (i32.const 1)))
                (br_if $next (local.get $n)))))"#;
    let object = count.clone();
    let make = Func::wrap(&mut store, move |caller: Caller<'_, ()>| {
        Ok(Some(ExternRef::new(caller, object.clone())?))
    });
    // The closure has one too.
    let instance = instantiate_with(&mut store, text, &[make.into()]);
    let run = instance.get_typed_func::<i32, ()>(&mut store, "run").unwrap();
    run.call(&mut store, 100).unwrap();
    assert_eq!(alive(&count), 201);
    store.gc(None).unwrap();
    assert_eq!(alive(&count), 3);

    // Handles of a scope keep theirs until it ends, owned ones until they are dropped.
    let owned = {
        let mut scope = RootScope::new(&mut store);
        let first = ExternRef::new(&mut scope, count.clone()).unwrap();
        ExternRef::new(&mut scope, count.clone()).unwrap();
        scope.as_context_mut().gc(None).unwrap();
        assert_eq!(alive(&count), 5);
        first.to_owned_rooted(&mut scope).unwrap()
    };
    store.gc(None).unwrap();
    assert_eq!(alive(&count), 4);
    let back = owned.to_rooted(&mut store);
    assert!(back.data(&store).unwrap().unwrap().is::<std::sync::Arc<()>>());
    drop(owned);
    store.gc(None).unwrap();
    assert_eq!(alive(&count), 4, "the handle of the store's own scope is left");
    drop(store);
    assert_eq!(alive(&count), 0);
}

#[test]
fn an_owned_handle_is_used_like_one_of_a_scope() {
    let engine = Engine::default();
    let mut store = Store::new(&engine, ());
    let field = || FieldType::new(Mutability::Var, ValType::I32.into());
    let point = StructType::new(&engine, [field(), field()]).unwrap();
    let bytes = ArrayType::new(&engine, FieldType::new(Mutability::Var, StorageType::I8));
    let (any, array, host) = {
        let mut scope = RootScope::new(&mut store);
        let pre = StructRefPre::new(&mut scope, point.clone());
        let object = StructRef::new(&mut scope, &pre, &[Val::I32(3), Val::I32(4)]).unwrap();
        let pre = ArrayRefPre::new(&mut scope, bytes);
        let array = ArrayRef::new_from_i8_slice(&mut scope, &pre, b"abc").unwrap();
        let host = ExternRef::new(&mut scope, 5_u8).unwrap();
        (
            object.to_anyref().to_owned_rooted(&mut scope).unwrap(),
            array.to_owned_rooted(&mut scope).unwrap(),
            host.to_owned_rooted(&mut scope).unwrap(),
        )
    };
    store.gc(None).unwrap();

    assert!(any.is_struct(&store).unwrap() && any.is_eqref(&store).unwrap());
    assert!(!any.is_array(&store).unwrap() && any.as_array(&store).unwrap().is_none());
    assert_eq!(any.as_i31(&store).unwrap(), None);
    assert!(any.matches_ty(&store, &HeapType::ConcreteStruct(point.clone())).unwrap());
    let object = any.unwrap_eqref(&store).unwrap().as_struct(&store).unwrap().unwrap();
    assert!(object.matches_ty(&store, &point).unwrap());
    object.set_field(&mut store, 0, Val::I32(30)).unwrap();
    assert_eq!(object.field(&mut store, 0).unwrap().unwrap_i32(), 30);
    drop(any);
    store.gc(None).unwrap();
    let fields = object.fields(&mut store).unwrap().map(|field| field.unwrap_i32());
    assert_eq!(fields.collect::<Vec<_>>(), [30, 4]);

    let mut copy = [0; 3];
    array.copy_to_i8_slice(&mut store, &mut copy).unwrap();
    assert_eq!((&copy, array.len(&store).unwrap()), (b"abc", 3));
    assert_eq!(array.elems(&mut store).unwrap().nth(1).unwrap().unwrap_i32(), 98);

    *host.data_mut(&mut store).unwrap().unwrap().downcast_mut::<u8>().unwrap() = 6;
    assert_eq!(host.data(&store).unwrap().unwrap().downcast_ref::<u8>(), Some(&6));
    let other = Store::new(&engine, ());
    let used = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| array.len(&other).is_ok()));
    assert!(used.is_err(), "used with a store that it does not belong to");
}

#[test]
fn a_handle_whose_scope_has_ended_is_an_error() {
    let mut store = Store::new(&Engine::default(), None::<Rooted<AnyRef>>);
    let keep = Func::wrap(
        &mut store,
        |mut caller: Caller<'_, Option<Rooted<AnyRef>>>, object: Option<Rooted<AnyRef>>| {
            *caller.data_mut() = object;
            object
        },
    );
    let keep = keep.typed::<Option<Rooted<AnyRef>>, Option<Rooted<AnyRef>>>(&store).unwrap();
    let seven = AnyRef::from_i31(&mut store, I31::wrapping_u32(7));
    let back = keep.call(&mut store, Some(seven)).unwrap().unwrap();
    assert!(Rooted::ref_eq(&store, &back, &seven).unwrap());
    assert_eq!(back.as_i31(&store).unwrap().unwrap().get_u32(), 7);
    let stale = store.data().unwrap();
    assert!(stale.as_i31(&store).is_err());
    assert!(Rooted::ref_eq(&store, &stale, &seven).is_err());
}

#[test]
fn small_integers_are_references_without_objects() {
    let mut store = Store::new(&Engine::default(), ());
    let text = r#"(module
        (func (export "signed") (param i31ref) (result i32) (i31.get_s (local.get 0)))
        (func (export "make") (param i32) (result (ref i31)) (ref.i31 (local.get 0))))"#;
    let instance = instantiate_with(&mut store, text, &[]);
    let signed = instance.get_typed_func::<Option<I31>, i32>(&mut store, "signed").unwrap();
    let make = instance.get_typed_func::<i32, I31>(&mut store, "make").unwrap();
    for value in [0, 1, -1, (1 << 30) - 1, -(1 << 30)] {
        let small = I31::new_i32(value).unwrap();
        assert_eq!(signed.call(&mut store, Some(small)).unwrap(), value);
        assert_eq!(make.call(&mut store, value).unwrap().get_i32(), value);
    }
    assert_eq!(trap_of(&signed.call(&mut store, None).unwrap_err()), Trap::NullReference);
    assert!(I31::new_i32(1 << 30).is_none() && I31::new_u32(1 << 31).is_none());
    assert_eq!(store.gc_stats().heap_bytes, 0);
}

#[test]
fn the_host_makes_reads_and_writes_structures_and_arrays() {
    let mut config = Config::new();
    config.wasm_features(WasmFeatures::SIMD, true);
    let engine = Engine::new(&config).unwrap();
    let mut store = Store::new(&engine, ());
    let fields = [
        FieldType::new(Mutability::Var, StorageType::I8),
        FieldType::new(Mutability::Const, StorageType::ValType(ValType::F64)),
        FieldType::new(Mutability::Var, StorageType::ValType(ValType::ANYREF)),
        FieldType::new(Mutability::Var, StorageType::ValType(ValType::V128)),
    ];
    let ty = StructType::new(&engine, fields).unwrap();
    let text = r#"(module
        (type $s (struct (field (mut i8)) (field f64) (field (mut anyref)) (field (mut v128))))
        (type $a (array (mut i16)))
        (func (export "f") (param (ref $s) (ref $a)) (result i32)
            (struct.set $s 0 (local.get 0) (i32.const -1))
            (array.set $a (local.get 1) (i32.const 2) (i32.const -2))
            (array.len (local.get 1))))"#;
    let array = ArrayType::new(&engine, FieldType::new(Mutability::Var, StorageType::I16));
    let array = ArrayRefPre::new(&mut store, array);
    let ty = StructRefPre::new(&mut store, ty);
    let inner = ArrayRef::new(&mut store, &array, &Val::I32(5), 4).unwrap();
    let v128 = Val::V128(V128::from(u128::MAX - 3));
    let fields = [Val::I32(300), Val::from(1.5_f64), inner.into(), v128];
    let object = StructRef::new(&mut store, &ty, &fields).unwrap();
    let instance = instantiate_with(&mut store, text, &[]);
    let f = instance.get_func(&mut store, "f").unwrap();
    let mut results = [Val::I32(0)];
    f.call(&mut store, &[object.into(), inner.into()], &mut results).unwrap();
    assert_eq!(results[0].unwrap_i32(), 4);
    store.gc(None).unwrap();
    assert_eq!(object.field_count(&store).unwrap(), 4);
    assert_eq!(object.field(&mut store, 0).unwrap().unwrap_i32(), 255);
    assert_eq!(object.field(&mut store, 1).unwrap().unwrap_f64(), 1.5);
    assert_eq!(object.field(&mut store, 3).unwrap().unwrap_v128().as_u128(), u128::MAX - 3);
    let found = *object.field(&mut store, 2).unwrap().unwrap_anyref().unwrap();
    let found = found.as_array(&store).unwrap().unwrap();
    assert_eq!(found.len(&store).unwrap(), 4);
    assert_eq!(found.get(&mut store, 2).unwrap().unwrap_i32(), 0xfffe);
    found.set(&mut store, 3, Val::I32(0x12_3456)).unwrap();
    assert_eq!(inner.get(&mut store, 3).unwrap().unwrap_i32(), 0x3456);

    assert!(found.get(&mut store, 4).is_err());
    assert!(object.set_field(&mut store, 1, Val::from(2.5_f64)).is_err(), "immutable");
    assert!(object.set_field(&mut store, 0, Val::I64(1)).is_err(), "of another type");
    assert!(StructRef::new(&mut store, &ty, &fields[1..]).is_err());
    assert!(f.call(&mut store, &[inner.into(), inner.into()], &mut results).is_err());
}

#[test]
fn suspended_calls_keep_their_objects() {
    let mut store = Store::new(&Engine::default(), ());
    let text = r#"(module
        (import "" "" (func $wait (result i32)))
        (type $box (struct (field i32)))
        (func (export "run") (param i32) (result i32) (local $b (ref $box))
            (local.set $b (struct.new $box (local.get 0)))
            (struct.new $box (i32.const 1000))
            (i32.add (call $wait) (struct.get $box 0 (local.get $b)))
            (local.set 0)
            (i32.add (struct.get $box 0) (local.get 0))))"#;
    let wait = Func::wrap(&mut store, || -> Result<i32> { Err(Suspend::new(()).into()) });
    let instance = instantiate_with(&mut store, text, &[wait.into()]);
    let run = instance.get_typed_func::<i32, i32>(&mut store, "run").unwrap();
    let calls: Vec<_> =
        (0..20).map(|i| run.call_resumable(&mut store, i).unwrap().suspended().unwrap()).collect();
    store.gc(None).unwrap();
    // 40 boxes of one cell each.
    assert_eq!(store.gc_stats().live_bytes, 40 * 16);
    for (i, call) in calls.into_iter().enumerate() {
        if i % 2 == 0 {
            let result = call.resume(&mut store, &[Val::I32(100)]).unwrap().finished();
            assert_eq!(result, Some(1100 + i as i32));
        }
    }
    store.gc(None).unwrap();
    assert_eq!(store.gc_stats().live_bytes, 0);
}

/// A module with `count` types, each a structure that refers to its neighbour, as one recursion
/// group or one by one; and a global made of as many nested structures.
fn many_types(count: usize, group: bool) -> String {
    let mut text = String::from("(module ");
    if group {
        text.push_str("(rec ");
        for i in 0..count {
            text.push_str(&format!("(type (struct (field (ref null {}))))", (i + 1) % count));
        }
        text.push(')');
    } else {
        text.push_str("(type (struct (field (ref null 0))))");
        for i in 1..count {
            text.push_str(&format!("(type (struct (field (ref null {}))))", i - 1));
        }
    }
    text.push_str("(global $deep (ref null 0) (ref.null 0)");
    if !group {
        text.push_str(&" (struct.new 0)".repeat(count));
    }
    text.push_str(
        r#")
        (func (export "length") (result i32) (local $at (ref null 0)) (local $n i32)
            (local.set $at (global.get $deep))
            (block $end (loop $next
                (br_if $end (ref.is_null (local.get $at)))
                (local.set $n (i32.add (local.get $n) (i32.const 1)))
                "#,
    );
    // Through the field's type, back to the first one.
    text.push_str(if group {
        "(local.set $at (ref.cast (ref null 0) (struct.get 0 0 (local.get $at))))"
    } else {
        "(local.set $at (struct.get 0 0 (local.get $at)))"
    });
    text.push_str(&format!(
        r#"
                (br $next)))
            (local.get $n))
        (func (export "last") (result i32)
            (ref.test (ref {last}) (struct.new_default {last}))))"#,
        last = count - 1
    ));
    text
}

#[test]
fn two_hundred_thousand_types_and_nested_initialisers_need_no_native_stack() {
    let run = |group: bool| {
        move || {
            let mut store = Store::new(&Engine::default(), ());
            let text = many_types(200_000, group);
            let text = wat::parse_str(text).unwrap();
            let module = Module::new(&store.engine().clone(), text).unwrap();
            let instance = Instance::new(&mut store, &module, &[]).unwrap();
            let length = instance.get_typed_func::<(), i32>(&mut store, "length").unwrap();
            let last = instance.get_typed_func::<(), i32>(&mut store, "last").unwrap();
            store.gc(None).unwrap();
            assert_eq!(last.call(&mut store, ()).unwrap(), 1);
            assert_eq!(length.call(&mut store, ()).unwrap(), if group { 0 } else { 200_000 });
        }
    };
    for group in [false, true] {
        std::thread::Builder::new().stack_size(1 << 20).spawn(run(group)).unwrap().join().unwrap();
    }
}

#[test]
fn the_default_value_of_a_defined_type_is_its_null() {
    let wat = r#"(module
        (type $s (struct (field i32)))
        (func (export "is_null") (param (ref null $s)) (result i32)
            (ref.is_null (local.get 0))))"#;
    let engine = Engine::default();
    let module = Module::new(&engine, wat).unwrap();
    let mut store = Store::new(&engine, ());
    let instance = Instance::new(&mut store, &module, &[]).unwrap();
    let is_null = instance.get_func(&mut store, "is_null").unwrap();
    let ty = is_null.ty(&store).params().next().unwrap();
    let null = Val::default_for_ty(&ty).unwrap();
    let mut results = [Val::I32(0)];
    is_null.call(&mut store, &[null], &mut results).unwrap();
    assert_eq!(results[0].unwrap_i32(), 1);
}
