//! Globals, tables and tags from the host's side.

use crate::*;

#[test]
fn globals_keep_their_type_and_mutability() {
    let mut store = Store::new(&Engine::default(), ());
    let ty = GlobalType::new(ValType::I64, Mutability::Var);
    let global = Global::new(&mut store, ty.clone(), Val::I64(5)).unwrap();
    assert_eq!(global.ty(&store), ty);
    global.set(&mut store, Val::I64(-6)).unwrap();
    assert_eq!(global.get(&mut store).unwrap_i64(), -6);
    let error = global.set(&mut store, Val::I32(1)).unwrap_err();
    assert_eq!(error.to_string(), "type mismatch: expected i64, found i32");
    assert!(Global::new(&mut store, ty, Val::F64(0)).is_err());
    let constant = GlobalType::new(ValType::F32, Mutability::Const);
    let constant = Global::new(&mut store, constant, Val::from(1.5_f32)).unwrap();
    let error = constant.set(&mut store, Val::from(2.5_f32)).unwrap_err();
    assert!(error.to_string().contains("immutable"), "{error}");
    assert_eq!(constant.get(&mut store).unwrap_f32(), 1.5);
}

#[test]
fn imported_globals_are_shared_and_re_exported() {
    let engine = Engine::default();
    let mut store = Store::new(&engine, ());
    let ty = GlobalType::new(ValType::I32, Mutability::Var);
    let global = Global::new(&mut store, ty, Val::I32(40)).unwrap();
    let text = r#"(module
        (import "" "" (global $g (mut i32)))
        (export "again" (global $g))
        (global (export "own") (mut i32) (i32.const 3))
        (func (export "add") (result i32)
            (global.set $g (i32.add (global.get $g) (global.get 1)))
            (global.get $g)))"#;
    let instance = Instance::new(&mut store, &module(&engine, text), &[global.into()]).unwrap();
    let add = instance.get_typed_func::<(), i32>(&mut store, "add").unwrap();
    assert_eq!(add.call(&mut store, ()).unwrap(), 43);
    assert_eq!(global.get(&mut store).unwrap_i32(), 43);
    assert_eq!(instance.get_global(&mut store, "again"), Some(global));
    let own = instance.get_global(&mut store, "own").unwrap();
    own.set(&mut store, Val::I32(7)).unwrap();
    assert_eq!(add.call(&mut store, ()).unwrap(), 50);
}

#[test]
fn tables_hold_what_their_type_allows() {
    let mut store = Store::new(&Engine::default(), ());
    let f = Func::wrap(&mut store, |x: i32| x + 1);
    let ty = TableType::new(RefType::FUNCREF, 2, Some(5));
    let table = Table::new(&mut store, ty, f.into()).unwrap();
    assert_eq!(table.get(&mut store, 1).unwrap().as_func(), Some(Some(&f)));
    assert!(table.get(&mut store, 2).is_none());
    assert!(table.get(&mut store, u64::MAX).is_none());
    table.set(&mut store, 1, Ref::Func(None)).unwrap();
    assert!(table.get(&mut store, 1).unwrap().is_null());
    let error = table.set(&mut store, 2, Ref::Func(None)).unwrap_err();
    assert_eq!(trap_of(&error), Trap::TableOutOfBounds);
    assert!(table.set(&mut store, 0, Ref::Extern(None)).is_err());
    assert_eq!(table.grow(&mut store, 3, f.into()).unwrap(), 2);
    assert_eq!(table.get(&mut store, 4).unwrap().as_func(), Some(Some(&f)));
    assert!(table.grow(&mut store, 1, f.into()).is_err());
    assert_eq!((table.size(&store), table.ty(&store).minimum()), (5, 5));
    Table::copy(&mut store, &table, 0, &table, 1, 3).unwrap();
    assert!(table.get(&mut store, 0).unwrap().is_null());
    assert!(Table::copy(&mut store, &table, 3, &table, 0, 3).is_err());
    table.fill(&mut store, 3, Ref::Func(None), 2).unwrap();
    assert!(table.get(&mut store, 4).unwrap().is_null());
    assert!(table.fill(&mut store, 4, Ref::Func(None), 2).is_err());
}

#[test]
fn a_table_of_the_host_is_called_through() {
    let engine = Engine::default();
    let mut store = Store::new(&engine, ());
    let f = Func::wrap(&mut store, |x: i32| x + 1);
    let ty = TableType::new(RefType::FUNCREF, 3, None);
    let table = Table::new(&mut store, ty, Ref::Func(None)).unwrap();
    let text = r#"(module
        (import "" "" (table 3 funcref))
        (func $double (param i32) (result i32) (i32.mul (local.get 0) (i32.const 2)))
        (elem (i32.const 2) $double)
        (func (export "go") (param i32 i32) (result i32)
            (call_indirect (param i32) (result i32) (local.get 1) (local.get 0))))"#;
    let instance = Instance::new(&mut store, &module(&engine, text), &[table.into()]).unwrap();
    let go = instance.get_typed_func::<(i32, i32), i32>(&mut store, "go").unwrap();
    assert_eq!(go.call(&mut store, (2, 21)).unwrap(), 42);
    assert_eq!(trap_of(&go.call(&mut store, (0, 1)).unwrap_err()), Trap::IndirectCallToNull);
    table.set(&mut store, 0, f.into()).unwrap();
    assert_eq!(go.call(&mut store, (0, 41)).unwrap(), 42);
    // Calls through the table see its new place.
    table.grow(&mut store, 10_000, f.into()).unwrap();
    assert_eq!(go.call(&mut store, (10_002, 1)).unwrap(), 2);
    let double = *table.get(&mut store, 2).unwrap().unwrap_func().unwrap();
    assert_eq!(double.typed::<i32, i32>(&store).unwrap().call(&mut store, 4).unwrap(), 8);
}

#[test]
fn absurd_tables_are_refused() {
    let mut store = Store::new(&Engine::default(), ());
    let huge = TableType::new64(RefType::FUNCREF, u64::MAX, None);
    let error = Table::new(&mut store, huge, Ref::Func(None)).unwrap_err();
    assert!(error.to_string().contains("too large"), "{error}");
    let small = TableType::new(RefType::FUNCREF, 0, None);
    let table = Table::new(&mut store, small, Ref::Func(None)).unwrap();
    assert!(table.grow(&mut store, 1 << 40, Ref::Func(None)).is_err());
    assert!(table.grow(&mut store, u64::MAX, Ref::Func(None)).is_err());
}

#[test]
fn objects_of_another_store_are_noticed() {
    let engine = Engine::default();
    let mut store = Store::new(&engine, ());
    let mut other = Store::new(&engine, ());
    let foreign = Func::wrap(&mut other, || {});
    let ty = TableType::new(RefType::FUNCREF, 1, None);
    let table = Table::new(&mut store, ty, Ref::Func(None)).unwrap();
    let error = table.set(&mut store, 0, foreign.into()).unwrap_err();
    assert!(format!("{error:#}").contains("wrong store"), "{error:#}");
    let ty = GlobalType::new(ValType::FUNCREF, Mutability::Var);
    assert!(Global::new(&mut store, ty, foreign.into()).is_err());
    assert!(Val::from(foreign).matches_ty(&store, &ValType::FUNCREF).is_err());
    let used = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| table.size(&other)));
    assert!(used.is_err());
}

#[test]
fn tags_have_identity_and_type() {
    let mut store = Store::new(&Engine::default(), ());
    let ty = TagType::new(FuncType::new(store.engine(), [ValType::I32], []));
    let a = Tag::new(&mut store, &ty).unwrap();
    let b = Tag::new(&mut store, &ty).unwrap();
    assert_eq!(a.ty(&store), ty);
    assert!(Tag::eq(&a, &a, &store) && !Tag::eq(&a, &b, &store));
}
