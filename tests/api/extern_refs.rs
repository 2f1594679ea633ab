//! References to host objects.

use crate::*;

const KEEPER: &str = r#"(module
    (import "" "" (func $host (param externref) (result externref)))
    (global $g (mut externref) (ref.null extern))
    (table $t (export "table") 3 externref)
    (func (export "keep") (param externref) (result i32)
        (global.set $g (local.get 0))
        (table.set $t (i32.const 1) (local.get 0))
        (ref.is_null (local.get 0)))
    (func (export "give") (result externref) (call $host (global.get $g))))"#;

#[test]
fn host_objects_travel_through_a_program_and_come_back() {
    let mut store = Store::new(&Engine::default(), 0_usize);
    let host = Func::wrap(
        &mut store,
        |mut caller: Caller<'_, usize>, object: Option<Rooted<ExternRef>>| {
            if let Some(object) = object {
                let data = object.data(&caller).unwrap().unwrap();
                let len = data.downcast_ref::<String>().unwrap().len();
                *caller.data_mut() = len;
            }
            object
        },
    );
    let instance = instantiate_with(&mut store, KEEPER, &[host.into()]);
    let keep =
        instance.get_typed_func::<Option<Rooted<ExternRef>>, i32>(&mut store, "keep").unwrap();
    let give =
        instance.get_typed_func::<(), Option<Rooted<ExternRef>>>(&mut store, "give").unwrap();
    assert_eq!(keep.call(&mut store, None).unwrap(), 1);
    assert!(give.call(&mut store, ()).unwrap().is_none());

    let object = ExternRef::new(&mut store, String::from("hello")).unwrap();
    assert_eq!(keep.call(&mut store, Some(object)).unwrap(), 0);
    let back = give.call(&mut store, ()).unwrap().unwrap();
    assert!(Rooted::ref_eq(&store, &back, &object).unwrap());
    assert_eq!(*store.data(), 5);
    let data = back.data_mut(&mut store).unwrap().unwrap();
    data.downcast_mut::<String>().unwrap().push('!');
    give.call(&mut store, ()).unwrap();
    assert_eq!(*store.data(), 6);

    let table = instance.get_table(&mut store, "table").unwrap();
    assert!(table.get(&mut store, 0).unwrap().is_null());
    let kept = *table.get(&mut store, 1).unwrap().unwrap_extern().unwrap();
    assert!(Rooted::ref_eq(&store, &kept, &object).unwrap());
    let other = ExternRef::new(&mut store, 1_u8).unwrap();
    assert!(!Rooted::ref_eq(&store, &kept, &other).unwrap());
}

#[test]
fn objects_are_dropped_with_their_store() {
    struct Counted(std::sync::Arc<()>);
    let count = std::sync::Arc::new(());
    let mut store = Store::new(&Engine::default(), ());
    for _ in 0..10 {
        let object = ExternRef::new(&mut store, Counted(count.clone())).unwrap();
        let data = object.data(&store).unwrap().unwrap().downcast_ref::<Counted>().unwrap();
        assert!(std::sync::Arc::strong_count(&data.0) > 1);
    }
    assert_eq!(std::sync::Arc::strong_count(&count), 11);
    drop(store);
    assert_eq!(std::sync::Arc::strong_count(&count), 1);
}

#[test]
fn closures_are_dropped_with_the_last_store_and_linker() {
    let count = std::sync::Arc::new(());
    let engine = Engine::default();
    let mut linker = Linker::<()>::new(&engine);
    let kept = count.clone();
    linker.func_wrap("", "f", move || std::sync::Arc::strong_count(&kept) as i32).unwrap();
    let importing = module(
        &engine,
        r#"(module (import "" "f" (func $f (result i32))) (export "f" (func $f)))"#,
    );
    let mut store = Store::new(&engine, ());
    let instance = linker.instantiate(&mut store, &importing).unwrap();
    drop(linker);
    let f = instance.get_typed_func::<(), i32>(&mut store, "f").unwrap();
    assert_eq!(f.call(&mut store, ()).unwrap(), 2);
    drop(store);
    assert_eq!(std::sync::Arc::strong_count(&count), 1);
}

#[test]
#[should_panic = "wrong store"]
fn an_object_of_another_store_cannot_be_used() {
    let engine = Engine::default();
    let mut store = Store::new(&engine, ());
    let other = Store::new(&engine, ());
    let object = ExternRef::new(&mut store, 1_i32).unwrap();
    let _ = object.data(&other);
}
