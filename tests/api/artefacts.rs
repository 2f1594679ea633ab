//! What leaves the engine: serialized modules and core dumps.

use crate::*;

const ANSWER: &str = r#"(module (func (export "run") (result i32) i32.const 42))"#;

#[test]
fn a_serialized_module_is_the_same_module_again() {
    let engine = Engine::default();
    let original = module(&engine, ANSWER);
    let bytes = original.serialize().unwrap();
    assert_eq!(bytes, engine.precompile_module(&wat::parse_str(ANSWER).unwrap()).unwrap());
    let other = Engine::default();
    assert_eq!(Engine::detect_precompiled(&bytes), Some(Precompiled::Module));
    let again = Module::deserialize(&other, &bytes).unwrap();
    assert_eq!(again.serialize().unwrap(), bytes);
    let mut store = Store::new(&other, ());
    let instance = Instance::new(&mut store, &again, &[]).unwrap();
    let run = instance.get_typed_func::<(), i32>(&mut store, "run").unwrap();
    assert_eq!(run.call(&mut store, ()).unwrap(), 42);

    let folder = std::env::temp_dir().join(format!("threadle-artefact-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let (artefact, plain) = (folder.join("module.bin"), folder.join("module.wasm"));
    std::fs::write(&artefact, &bytes).unwrap();
    std::fs::write(&plain, wat::parse_str(ANSWER).unwrap()).unwrap();
    Module::deserialize_file(&other, &artefact).unwrap();
    Module::deserialize_open_file(&other, std::fs::File::open(&artefact).unwrap()).unwrap();
    Module::from_trusted_file(&other, &artefact).unwrap();
    Module::from_trusted_file(&other, &plain).unwrap();
    assert_eq!(Engine::detect_precompiled_file(&artefact).unwrap(), Some(Precompiled::Module));
    assert_eq!(Engine::detect_precompiled_file(&plain).unwrap(), None);
    let error = Module::deserialize_file(&other, &plain).unwrap_err();
    assert!(format!("{error:#}").contains("module.wasm"), "{error:#}");
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn artefacts_of_other_versions_and_settings_are_refused_by_name() {
    let bytes = module(&Engine::default(), ANSWER).serialize().unwrap();
    let refused = |config: &Config, bytes: &[u8], why: &str| {
        let error = Module::deserialize(&Engine::new(config).unwrap(), bytes).unwrap_err();
        assert!(format!("{error:#}").contains(why), "{error:#}");
    };
    let mut custom = Config::new();
    custom.module_version(ModuleVersionStrategy::Custom("mine".into())).unwrap();
    refused(&custom, &bytes, "incompatible version");
    let mut any = Config::new();
    any.module_version(ModuleVersionStrategy::None).unwrap();
    let any = Engine::new(&any).unwrap();
    Module::deserialize(&any, &bytes).unwrap();
    let customs = module(&Engine::new(&custom).unwrap(), ANSWER).serialize().unwrap();
    Module::deserialize(&any, &customs).unwrap();
    refused(&Config::new(), &customs, "incompatible version 'mine'");
    let long = ModuleVersionStrategy::Custom("x".repeat(256));
    assert!(Config::new().module_version(long).is_err());

    refused(Config::new().memory_reservation(0), &bytes, "memory_reservation");
    refused(Config::new().wasm_simd(false), &bytes, "features");
    refused(Config::new().consume_fuel(true), &bytes, "consume_fuel");
    refused(Config::new().epoch_interruption(true), &bytes, "epoch_interruption");
}

/// Every artefact that is cut short or changed in one byte is refused or is a valid module: nothing
/// is trusted.
#[test]
fn broken_artefacts_are_refused() {
    let engine = Engine::default();
    let bytes = module(&engine, ANSWER).serialize().unwrap();
    // The first bytes say that it is an artefact.
    for len in 9..bytes.len() {
        let error = Module::deserialize(&engine, &bytes[..len]).unwrap_err();
        assert!(error.to_string().contains("cut short"), "{len}: {error}");
    }
    let longer = [&bytes[..], &[0]].concat();
    let error = Module::deserialize(&engine, longer).unwrap_err();
    assert!(error.to_string().contains("followed by other bytes"), "{error}");
    let mut refused = 0;
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 0x55;
        refused += usize::from(Module::deserialize(&engine, &changed).is_err());
    }
    assert!(refused > bytes.len() - 20, "{refused} of {}", bytes.len());
    for len in 0..9 {
        assert!(Module::deserialize(&engine, &bytes[..len]).is_err(), "{len}");
    }
    assert!(Module::new(&engine, &bytes).is_err(), "an artefact is no module");
}

#[cfg(feature = "coredump")]
#[test]
fn a_core_dump_has_what_the_store_had() {
    let mut config = Config::new();
    config.coredump_on_trap(true);
    let engine = Engine::new(&config).unwrap();
    let mut store = Store::new(&engine, ());
    let memory = Memory::new(&mut store, MemoryType::new(2, Some(3))).unwrap();
    memory.write(&mut store, 70_000, b"far away").unwrap();
    let outer = instantiate_with(
        &mut store,
        r#"(module $first
            (import "" "memory" (memory 1))
            (global (mut i64) (i64.const 7))
            (global funcref (ref.null func))
            (func $down (export "down") (param i32)
              (if (local.get 0) (then (call $down (i32.sub (local.get 0) (i32.const 1)))) (else unreachable))))"#,
        &[memory.into()],
    );
    let down = outer.get_typed_func::<i32, ()>(&mut store, "down").unwrap();
    let error = down.call(&mut store, 2).unwrap_err();
    assert_eq!(trap_of(&error), Trap::UnreachableCodeReached);
    let dump = error.downcast_ref::<WasmCoreDump>().unwrap();
    let names: Vec<_> = dump.frames().iter().map(FrameInfo::func_name).collect();
    assert_eq!(names, [Some("down"); 3]);
    assert_eq!(dump.modules().len(), 1);
    assert_eq!(dump.instances(), [outer]);
    assert_eq!(dump.memories(), [memory]);
    assert_eq!(dump.globals().len(), 2);

    let bytes = dump.serialize(&mut store, "name");
    let mut sections = Vec::new();
    for payload in wasmparser::Parser::new(0).parse_all(&bytes) {
        match payload.unwrap() {
            wasmparser::Payload::CustomSection(section) => {
                sections.push(section.name().to_string())
            }
            wasmparser::Payload::DataSection(data) => {
                let data: Vec<_> = data.into_iter().map(Result::unwrap).collect();
                assert_eq!(data.len(), 1);
                assert_eq!(data[0].data, b"far away");
            }
            wasmparser::Payload::GlobalSection(globals) => assert_eq!(globals.count(), 2),
            wasmparser::Payload::MemorySection(memories) => {
                assert_eq!(memories.into_iter().next().unwrap().unwrap().initial, 2);
            }
            _ => {}
        }
    }
    assert_eq!(sections, ["core", "coremodules", "coreinstances", "corestack"]);
    wasmparser::Validator::new().validate_all(&bytes).unwrap();

    // Without being asked, none.
    let (mut store, instance) = instantiate("(module (func (export \"f\") unreachable))");
    let f = instance.get_typed_func::<(), ()>(&mut store, "f").unwrap();
    assert!(f.call(&mut store, ()).unwrap_err().downcast_ref::<WasmCoreDump>().is_none());
}
