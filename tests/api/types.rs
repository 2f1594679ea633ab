//! Types that know their engine.

use std::panic::{AssertUnwindSafe, catch_unwind};

use threadle::*;

use crate::{instantiate, module};

fn field(ty: impl Into<StorageType>) -> FieldType {
    FieldType::new(Mutability::Const, ty.into())
}

#[test]
fn equal_types_of_an_engine_are_one_and_of_two_engines_are_none() {
    let (a, b) = (Engine::default(), Engine::default());
    let ty = |engine: &Engine| FuncType::new(engine, [ValType::I32], [ValType::I64]);
    assert_eq!(ty(&a), ty(&a));
    assert_ne!(ty(&a), ty(&b));
    assert!(Engine::same(ty(&a).engine(), &a));
    let (of_a, of_b) = (ty(&a), ty(&b));
    assert!(catch_unwind(AssertUnwindSafe(|| of_a.matches(&of_b))).is_err());
    let named = ValType::Ref(RefType::new(true, of_a.clone().into()));
    assert!(catch_unwind(AssertUnwindSafe(|| FuncType::new(&b, [named], []))).is_err());
    let mut store = Store::new(&b, ());
    let make = || Func::new(&mut store, of_a.clone(), |_, _, _| Ok(()));
    assert!(catch_unwind(AssertUnwindSafe(make)).is_err());
    let error = Tag::new(Store::new(&b, ()), &TagType::new(of_a)).unwrap_err();
    assert!(error.to_string().contains("wrong engine"), "{error}");
}

#[test]
fn supertypes_are_declared_and_checked() {
    let engine = Engine::default();
    let number = || field(ValType::I32);
    let open = |above: Option<&StructType>, fields: Vec<FieldType>| {
        StructType::with_finality_and_supertype(&engine, Finality::NonFinal, above, fields)
    };
    let top = open(None, vec![number()]).unwrap();
    let below = open(Some(&top), vec![number(), field(StorageType::I8)]).unwrap();
    assert_eq!(below.supertype(), Some(top.clone()));
    assert!(top.supertype().is_none() && top.finality().is_non_final());
    assert!(below.matches(&top) && !top.matches(&below));
    // Fewer fields, other fields, a final supertype.
    assert!(open(Some(&below), vec![number()]).is_err());
    assert!(open(Some(&top), vec![field(ValType::I64)]).is_err());
    let last = StructType::new(&engine, [number()]).unwrap();
    assert!(last.finality().is_final());
    assert!(open(Some(&last), vec![number()]).is_err());

    let array = |above: Option<&ArrayType>, heap: HeapType| {
        let ty = field(RefType::new(true, heap));
        ArrayType::with_finality_and_supertype(&engine, Finality::NonFinal, above, ty)
    };
    let any = array(None, HeapType::Any).unwrap();
    assert!(array(Some(&any), top.clone().into()).unwrap().matches(&any));
    assert!(array(Some(&any), HeapType::Func).is_err());

    let func = |above: Option<&FuncType>, param: HeapType, result: HeapType| {
        let [param, result] = [param, result].map(|heap| RefType::new(true, heap).into());
        let open = Finality::NonFinal;
        FuncType::with_finality_and_supertype(&engine, open, above, [param], [result])
    };
    let above = func(None, HeapType::Struct, HeapType::Eq).unwrap();
    assert!(func(Some(&above), HeapType::Any, below.into()).unwrap().matches(&above));
    assert!(func(Some(&above), HeapType::I31, HeapType::Eq).is_err());
    assert!(func(Some(&above), HeapType::Struct, HeapType::Any).is_err());
}

#[test]
fn heap_types_know_what_they_match() {
    let engine = Engine::default();
    let func = HeapType::from(FuncType::new(&engine, [], []));
    let structure = HeapType::from(StructType::new(&engine, []).unwrap());
    let array = HeapType::from(ArrayType::new(&engine, field(StorageType::I8)));
    let exn = HeapType::from(ExnType::new(&engine, [ValType::I32]).unwrap());
    use HeapType::{Any, Array, Eq, Exn, Extern, Func, I31, NoExn, NoExtern, NoFunc, None, Struct};
    let above: Vec<(HeapType, Vec<HeapType>)> = vec![
        (Any, vec![Any]),
        (Eq, vec![Eq, Any]),
        (I31, vec![I31, Eq, Any]),
        (Struct, vec![Struct, Eq, Any]),
        (Array, vec![Array, Eq, Any]),
        (None, vec![None, I31, Struct, Array, Eq, Any, structure.clone(), array.clone()]),
        (structure.clone(), vec![structure, Struct, Eq, Any]),
        (array.clone(), vec![array, Array, Eq, Any]),
        (Func, vec![Func]),
        (NoFunc, vec![NoFunc, Func, func.clone()]),
        (func.clone(), vec![func, Func]),
        (Extern, vec![Extern]),
        (NoExtern, vec![NoExtern, Extern]),
        (Exn, vec![Exn]),
        (NoExn, vec![NoExn, Exn, exn.clone()]),
        (exn.clone(), vec![exn, Exn]),
    ];
    for (a, supers) in &above {
        for (b, _) in &above {
            assert_eq!(a.matches(b), supers.contains(b), "{a:?} <: {b:?}");
        }
        assert!(a.matches(&a.top()) && a.top().is_top());
        assert!(a.bottom().matches(a) && a.bottom().is_bottom());
        assert_eq!(Ref::null(a).is_null(), !Ref::null(a).is_non_null());
        let null = Ref::null(a).ty(Store::new(&engine, ())).unwrap();
        assert_eq!(*null.heap_type(), a.bottom());
    }
    assert!(RefType::new(false, Eq).matches(&RefType::ANYREF));
    assert!(!RefType::EQREF.matches(&RefType::new(false, Any)));
}

#[test]
fn types_of_a_module_can_be_looked_into_and_outlive_it() {
    let engine = Engine::default();
    let func = {
        let module = module(
            &engine,
            r#"(module
                (rec (type $list (sub (struct (field i8) (field (mut (ref null $list))))))
                     (type $f (func (param (ref $list)) (result externref))))
                (import "" "" (func (type $f))))"#,
        );
        module.imports().next().unwrap().ty().unwrap_func().clone()
    };
    let param = func.param(0).unwrap();
    let list = param.unwrap_ref().heap_type().unwrap_concrete_struct().clone();
    assert!(!param.unwrap_ref().is_nullable());
    assert!(list.field(0).unwrap().element_type().is_i8());
    let next = list.field(1).unwrap();
    assert!(next.mutability().is_var());
    let next = next.element_type().unwrap_val_type().unwrap_ref().clone();
    assert_eq!(next.heap_type().as_concrete_struct(), Some(&list));
    assert_eq!(func.result(0), Some(ValType::EXTERNREF));

    // And objects be made of them.
    let mut store = Store::new(&engine, ());
    let pre = StructRefPre::new(&mut store, list.clone());
    let null = Val::null_ref(next.heap_type());
    let tail = StructRef::new(&mut store, &pre, &[Val::I32(1), null]).unwrap();
    let head = StructRef::new(&mut store, &pre, &[Val::I32(2), tail.into()]).unwrap();
    assert!(head.matches_ty(&store, &list).unwrap());
    store.gc(None).unwrap();
    let fields: Vec<Val> = head.fields(&mut store).unwrap().collect();
    assert_eq!(fields[0].unwrap_i32(), 2);
    let found = fields[1].unwrap_any_ref().unwrap().unwrap_struct(&store).unwrap();
    assert!(Rooted::ref_eq(&store, &found, &tail).unwrap());
}

#[test]
fn the_host_makes_tables_and_globals_of_defined_types() {
    let engine = Engine::default();
    let mut store = Store::new(&engine, ());
    let ty = FuncType::new(&engine, [ValType::I32], [ValType::I32]);
    let element = RefType::new(true, ty.clone().into());
    let table = TableType::new(element.clone(), 2, None);
    let table = Table::new(&mut store, table, Ref::Func(None)).unwrap();
    let double = Func::wrap(&mut store, |n: i32| 2 * n);
    table.set(&mut store, 1, double.into()).unwrap();
    let other = Func::wrap(&mut store, |n: i64| n);
    let error = table.set(&mut store, 1, other.into()).unwrap_err();
    assert!(error.to_string().contains("type mismatch"), "{error}");
    assert_eq!(*table.ty(&store).element(), element);
    let global = GlobalType::new(RefType::new(false, ty.into()).into(), Mutability::Const);
    assert!(global.default_value(&mut store).is_err());
    let global = Global::new(&mut store, global, double.into()).unwrap();
    let text = r#"(module
        (type $f (func (param i32) (result i32)))
        (import "" "t" (table $t 2 (ref null $f)))
        (import "" "g" (global $g (ref $f)))
        (func (export "run") (param i32) (result i32)
            (call_ref $f (call_ref $f (local.get 0) (global.get $g))
                (table.get $t (i32.const 1)))))"#;
    let module = module(&engine, text);
    let instance = Instance::new(&mut store, &module, &[table.into(), global.into()]).unwrap();
    let run = instance.get_typed_func::<i32, i32>(&mut store, "run").unwrap();
    assert_eq!(run.call(&mut store, 5).unwrap(), 20);
}

#[test]
fn typed_calls_take_references_to_defined_types_and_look_at_each() {
    let (mut store, instance) = instantiate(
        r#"(module
            (type $ft (func (result i32))) (type $st (struct (field i32))) (type $at (array i8))
            (func $seven (export "seven") (type $ft) (i32.const 7))
            (func (export "f") (param (ref $ft)) (result i32) (call_ref $ft (local.get 0)))
            (func (export "g") (param (ref null $st)) (result i32)
                (if (result i32) (ref.is_null (local.get 0))
                    (then (i32.const -1)) (else (struct.get $st 0 (local.get 0)))))
            (func (export "r") (result (ref $st)) (struct.new $st (i32.const 3)))
            (func (export "a") (result (ref $at)) (array.new_fixed $at 0)))"#,
    );
    let f = instance.get_typed_func::<Func, i32>(&mut store, "f").unwrap();
    let seven = instance.get_func(&mut store, "seven").unwrap();
    assert_eq!(f.call(&mut store, seven).unwrap(), 7);
    let other = Func::wrap(&mut store, |n: i32| n);
    let error = f.call(&mut store, other).unwrap_err();
    assert!(error.to_string().contains("type mismatch"), "{error}");

    let g = instance.get_typed_func::<Option<Rooted<StructRef>>, i32>(&mut store, "g").unwrap();
    let r = instance.get_typed_func::<(), Rooted<StructRef>>(&mut store, "r").unwrap();
    let object = r.call(&mut store, ()).unwrap();
    assert_eq!(g.call(&mut store, Some(object)).unwrap(), 3);
    assert_eq!(g.call(&mut store, None).unwrap(), -1);
    let owned = r.func().typed::<(), OwnedRooted<StructRef>>(&store).unwrap();
    let owned = owned.call(&mut store, ()).unwrap();
    let g = instance.get_typed_func::<Option<OwnedRooted<AnyRef>>, i32>(&mut store, "g").unwrap();
    store.gc(None).unwrap();
    assert_eq!(g.call(&mut store, Some(owned.to_anyref())).unwrap(), 3);
    let a = instance.get_typed_func::<(), OwnedRooted<ArrayRef>>(&mut store, "a").unwrap();
    let array = a.call(&mut store, ()).unwrap();
    assert!(g.call(&mut store, Some(array.to_anyref())).is_err());
    assert!(instance.get_typed_func::<Rooted<ExternRef>, i32>(&mut store, "g").is_err());
    assert!(instance.get_typed_func::<i64, i32>(&mut store, "g").is_err());
    // Another store's reference is none here, and another store none of the function's.
    let mut other = Store::new(store.engine(), ());
    let foreign = Func::wrap(&mut other, || 1_i32);
    assert!(f.call(&mut store, foreign).is_err());
    assert!(catch_unwind(AssertUnwindSafe(|| f.call(&mut other, foreign))).is_err());
}

#[test]
fn nothing_but_null_goes_where_nothing_else_can() {
    let (mut store, instance) = instantiate(
        r#"(module (func (export "f") (param nullfuncref nullexternref nullref) (result i32)
            (i32.and (ref.is_null (local.get 0))
                (i32.and (ref.is_null (local.get 1)) (ref.is_null (local.get 2))))))"#,
    );
    let f = instance
        .get_typed_func::<(Option<NoFunc>, Option<NoExtern>, Option<NoneRef>), i32>(&mut store, "f")
        .unwrap();
    let nulls = (NoFunc::null(), NoExtern::null(), NoneRef::null());
    assert_eq!(f.call(&mut store, nulls).unwrap(), 1);
    assert!(NoFunc::null_val().unwrap_func_ref().is_none() && NoExtern::null_ref().is_null());
}

#[test]
fn arrays_of_bytes_are_copied_at_once() {
    let engine = Engine::default();
    let mut store = Store::new(&engine, ());
    let ty = |element| ArrayType::new(&engine, FieldType::new(Mutability::Var, element));
    let bytes = ArrayRefPre::new(&mut store, ty(StorageType::I8));
    let array = ArrayRef::new_from_i8_slice(&mut store, &bytes, &[1, 2, 255]).unwrap();
    let mut copy = [0; 3];
    array.copy_to_i8_slice(&mut store, &mut copy).unwrap();
    assert_eq!(copy, [1, 2, 255]);
    assert!(array.copy_to_i8_slice(&mut store, &mut [0; 4]).is_err());
    let elements: Vec<i32> =
        array.elems(&mut store).unwrap().map(|element| element.unwrap_i32()).collect();
    assert_eq!(elements, [1, 2, 255]);
    let words = ArrayRefPre::new(&mut store, ty(StorageType::I16));
    assert!(ArrayRef::new_from_i8_slice(&mut store, &words, &[1]).is_err());
    let array = ArrayRef::new_fixed(&mut store, &words, &[Val::I32(5)]).unwrap();
    assert!(array.copy_to_i8_slice(&mut store, &mut [0]).is_err());
}

#[test]
fn memory_types_are_built_step_by_step() {
    let ty = MemoryType::builder().min(1).max(Some(3)).memory64(true).build().unwrap();
    assert_eq!(ty, MemoryType::new64(1, Some(3)));
    let ty = MemoryTypeBuilder::new().min(70_000).page_size_log2(0).build().unwrap();
    assert_eq!((ty.page_size(), ty.minimum()), (1, 70_000));
    assert!(MemoryType::builder().page_size_log2(3).build().is_err());
    assert!(MemoryType::builder().shared(true).build().is_err());
    assert!(MemoryType::builder().min(65_537).build().is_err());
    assert!(MemoryType::builder().min(2).max(Some(1)).build().is_err());
    assert!(MemoryType::builder().min(1 << 48).memory64(true).build().is_ok());
}

#[test]
fn a_small_reservation_does_not_limit_the_heap() {
    let engine = Engine::new(Config::new().gc_heap_reservation(0)).unwrap();
    ExternRef::new(Store::new(&engine, ()), 5).unwrap();
    let engine = Engine::new(Config::new().gc_heap_maximum(0)).unwrap();
    assert!(ExternRef::new(Store::new(&engine, ()), 5).is_err());
}

/// Lets nothing grow.
struct No;

impl ResourceLimiter for No {
    fn memory_growing(&mut self, _: usize, _: usize, _: Option<usize>) -> Result<bool> {
        Ok(false)
    }

    fn table_growing(&mut self, _: usize, _: usize, _: Option<usize>) -> Result<bool> {
        Ok(false)
    }

    fn gc_heap_growing(&mut self, _: usize, _: usize, _: Option<usize>) -> Result<bool> {
        Ok(false)
    }
}

#[test]
fn a_host_object_that_finds_no_room_comes_back() {
    let mut store = Store::new(&Engine::default(), No);
    store.limiter(|no| no);
    let error = ExternRef::new(&mut store, String::from("mine")).unwrap_err();
    assert_eq!(crate::trap_of(&error), Trap::OutOfHeap);
    let (value, rest) = error.downcast::<GcHeapOutOfMemory<String>>().unwrap().take_inner();
    assert_eq!(value, "mine");
    store.gc(Some(&rest)).unwrap();
}
