//! Modules at and beyond the limits: they work or are refused with a reason, in time that grows
//! with their size and no faster.

mod far;
#[path = "../support/growth.rs"]
mod growth;
mod modules;
#[path = "../support/leb.rs"]
mod numbers;
mod operands;
mod running;

use growth::{allocated, assert_linear_time};
use threadle::{CompilationMode, Config, Engine, Instance, Module, Result, Store, Trap};

const BLOCK: u8 = 0x02;
const LOOP: u8 = 0x03;
const IF: u8 = 0x04;
const END: u8 = 0x0b;
const BR: u8 = 0x0c;
const BR_IF: u8 = 0x0d;
const BR_TABLE: u8 = 0x0e;
const DROP: u8 = 0x1a;
const LOCAL_GET: u8 = 0x20;
const LOCAL_SET: u8 = 0x21;
const I32_CONST: u8 = 0x41;
const I32_ADD: u8 = 0x6a;
const I32: u8 = 0x7f;
/// The type of a block without results.
const EMPTY: u8 = 0x40;

fn leb(number: usize) -> Vec<u8> {
    numbers::leb(number as u64)
}

fn sized(contents: &[u8]) -> Vec<u8> {
    [&leb(contents.len()), contents].concat()
}

fn list(items: impl ExactSizeIterator<Item = Vec<u8>>) -> Vec<u8> {
    let mut bytes = leb(items.len());
    items.for_each(|item| bytes.extend(item));
    bytes
}

/// A function body with `locals` more locals than its parameter.
fn body(locals: usize, code: &[u8]) -> Vec<u8> {
    [&[1][..], &leb(locals), &[I32], code, &[END]].concat()
}

/// A module of functions from `i32` to `i32`, exported as `f0`, `f1` and so on.
fn module(bodies: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = b"\0asm\x01\0\0\0".to_vec();
    let mut section = |id: u8, contents: Vec<u8>| {
        bytes.push(id);
        bytes.extend(sized(&contents));
    };
    section(1, vec![1, 0x60, 1, I32, 1, I32]);
    section(3, list(bodies.iter().map(|_| vec![0])));
    let name = |index: usize| sized(format!("f{index}").as_bytes());
    section(7, list((0..bodies.len()).map(|index| [name(index), vec![0], leb(index)].concat())));
    section(10, list(bodies.iter().map(|body| sized(body))));
    bytes
}

fn get(local: usize) -> Vec<u8> {
    [&[LOCAL_GET][..], &leb(local)].concat()
}

fn set(local: usize) -> Vec<u8> {
    [&[LOCAL_SET][..], &leb(local)].concat()
}

/// A function that grows with `n`, and what it returns for 1.
type Shape = fn(n: usize) -> (Vec<u8>, i32);

const SHAPES: [(&str, Shape); 10] = [
    ("nested blocks, and a branch out of all", |n| {
        let out = [&[BR][..], &leb(n - 1)].concat();
        (body(0, &[[BLOCK, EMPTY].repeat(n), out, vec![END; n], get(0)].concat()), 1)
    }),
    ("nested loops, and a conditional branch to the outermost", |n| {
        let inside = [[I32_CONST, 0, BR_IF].to_vec(), leb(n - 1)].concat();
        (body(0, &[[LOOP, EMPTY].repeat(n), inside, vec![END; n], get(0)].concat()), 1)
    }),
    ("nested conditions", |n| {
        (body(0, &[[LOCAL_GET, 0, IF, EMPTY].repeat(n), vec![END; n], get(0)].concat()), 1)
    }),
    ("nested blocks with a result", |n| {
        (body(0, &[[BLOCK, I32].repeat(n), get(0), vec![END; n]].concat()), 1)
    }),
    ("locals, each of them set and the last returned", |n| {
        let sets = (1..=n).flat_map(|local| [get(local - 1), set(local)].concat());
        (body(n, &[sets.collect(), get(n)].concat()), 1)
    }),
    ("operands that wait for their addition", |n| {
        let code = [[LOCAL_GET, 0].repeat(n), vec![I32_ADD; n - 1]].concat();
        (body(0, &code), n as i32)
    }),
    ("operands that wait while their local changes", |n| {
        let change = [LOCAL_GET, 0, I32_CONST, 0, LOCAL_SET, 0, DROP].repeat(n);
        (body(0, &[change, get(0)].concat()), 0)
    }),
    ("branches out of one block", |n| {
        let code = [&[BLOCK, EMPTY][..], &[I32_CONST, 0, BR_IF, 0].repeat(n), &[END]].concat();
        (body(0, &[code, get(0)].concat()), 1)
    }),
    ("a branch table", |n| {
        let table = [vec![BR_TABLE], leb(n), vec![0; n + 1]].concat();
        (body(0, &[vec![BLOCK, EMPTY], get(0), table, vec![END], get(0)].concat()), 1)
    }),
    ("straight code", |n| {
        let add = [LOCAL_GET, 0, I32_CONST, 1, I32_ADD, LOCAL_SET, 0].repeat(n);
        (body(0, &[add, get(0)].concat()), n as i32 + 1)
    }),
];

fn engine() -> Engine {
    let mut config = Config::new();
    config.compilation_mode(CompilationMode::Eager).parallel_compilation(false);
    Engine::new(&config).expect("an engine")
}

fn call(engine: &Engine, bytes: &[u8]) -> Result<i32> {
    let module = Module::new(engine, bytes)?;
    let mut store = Store::new(engine, ());
    let instance = Instance::new(&mut store, &module, &[])?;
    instance.get_typed_func::<i32, i32>(&mut store, "f0")?.call(&mut store, 1)
}

/// Text of a module that grows with `n`, and what its export `f0` returns for 1.
type Text = fn(n: usize) -> (String, i32);

fn bytes(text: Text, n: usize) -> (Vec<u8>, i32) {
    let (fields, expected) = text(n);
    (wat::parse_str(format!("(module {fields})")).expect("the texts are valid"), expected)
}

fn check_texts(texts: &[(&str, Text)], sizes: [usize; 4]) {
    for &(name, text) in texts {
        for n in sizes {
            let (bytes, expected) = bytes(text, n);
            let result = call(&engine(), &bytes).unwrap_or_else(|e| panic!("{n} {name}: {e:?}"));
            assert_eq!(result, expected, "{n} {name}");
        }
    }
}

#[test]
fn large_functions_work() {
    for (name, shape) in SHAPES {
        for n in [1, 2, 100, 30_000, 49_990, 100_000] {
            let (body, expected) = shape(n);
            match call(&engine(), &module(&[body])) {
                Ok(result) => assert_eq!(result, expected, "{n} {name}"),
                // Not even valid.
                Err(error) => {
                    assert!(n > 50_000 && name.contains("locals"), "{n} {name}: {error:?}")
                }
            }
        }
    }
}

#[test]
fn fifty_thousand_locals_work_and_more_are_a_clear_limit() {
    let locals = |n| module(&[body(n, &[get(0), set(n), get(n)].concat())]);
    for n in [30_000, 49_999] {
        assert_eq!(call(&engine(), &locals(n)).expect("it fits"), 1);
    }
    // Beyond what any engine has to take.
    let error = call(&engine(), &locals(50_001)).expect_err("too many");
    assert!(error.to_string().contains("locals"), "{error:?}");
}

#[test]
fn translation_takes_time_in_proportion_to_the_function() {
    let engine = engine();
    for (name, shape) in SHAPES {
        let module = |n| module(&[shape(n).0]);
        let translate = |bytes: &[u8]| drop(Module::new(&engine, bytes));
        let (small, large) = (module(3_000), module(30_000));
        assert_linear_time(name, 10.0, || translate(&small), || translate(&large));
    }
}

#[test]
fn a_module_of_twenty_megabytes_is_ready_in_time_in_proportion_to_its_size() {
    let function = body(
        0,
        &[[LOCAL_GET, 0, I32_CONST, 1, I32_ADD, LOCAL_SET, 0].repeat(140), get(0)].concat(),
    );
    let count = 20_000_000 / function.len() + 1;
    let bytes = |count| module(&vec![function.clone(); count]);
    let (small, large) = (bytes(count / 16), bytes(count));
    assert!(large.len() > 20_000_000);

    // One thread does all, so that its clock and counts tell.
    let mut config = Config::new();
    config.parallel_compilation(false);
    let engine = Engine::new(&config).expect("an engine");
    let run = |bytes: &[u8], count: usize| {
        let module = Module::new(&engine, bytes).expect("a valid module");
        let mut store = Store::new(&engine, ());
        let instance = Instance::new(&mut store, &module, &[]).expect("an instance");
        for name in ["f0".to_owned(), format!("f{}", count - 1)] {
            let f = instance.get_typed_func::<i32, i32>(&mut store, &name).expect("it is exported");
            assert_eq!(f.call(&mut store, 2).expect("it runs"), 142);
        }
    };
    assert_linear_time(
        "getting a module ready",
        16.0,
        || run(&small, count / 16),
        || run(&large, count),
    );
    // The bytes themselves, and what is known of each function. Code is made when it is called.
    let work = allocated(|| run(&large, count));
    assert!(work.bytes_max < 3 * large.len() as u64, "{work:?}");
}

#[test]
fn endless_recursion_is_a_trap_at_the_configured_limit_and_the_store_lives_on() {
    const CALL: u8 = 0x10;
    // f0 calls itself for ever; f1 as many times as it is told.
    let forever = body(0, &[&get(0)[..], &[CALL, 0]].concat());
    let counted = [
        &get(0)[..],
        &[IF, EMPTY],
        &get(0),
        &[I32_CONST, 0x7f, I32_ADD, CALL, 1, DROP, END],
        &get(0),
    ];
    let bytes = module(&[forever, body(0, &counted.concat())]);
    let mut deepest = Vec::new();
    for stack in [64 << 10, 1 << 20, 16 << 20] {
        let mut config = Config::new();
        config.max_wasm_stack(stack);
        let engine = Engine::new(&config).expect("an engine");
        let module = Module::new(&engine, &bytes).expect("a valid module");
        let mut store = Store::new(&engine, ());
        let instance = Instance::new(&mut store, &module, &[]).expect("an instance");
        let mut call = |name: &str, argument: i32| {
            let f = instance.get_typed_func::<i32, i32>(&mut store, name).expect("exported");
            f.call(&mut store, argument)
        };
        for _ in 0..3 {
            let error = call("f0", 1).expect_err("it cannot end otherwise");
            assert_eq!(error.downcast_ref::<Trap>(), Some(&Trap::StackOverflow));
            assert_eq!(call("f1", 10).expect("the store works"), 10);
        }
        // How deep it gets is a matter of the limit, not of the native stack.
        let (mut fits, mut fails) = (1, stack as i32);
        while fails - fits > 1 {
            let middle = fits + (fails - fits) / 2;
            if call("f1", middle).is_ok() { fits = middle } else { fails = middle }
        }
        deepest.push(f64::from(fits) / stack as f64);
    }
    let (least, most) = (deepest[0].min(deepest[2]), deepest[0].max(deepest[2]));
    assert!(least > 0.8 * most, "frames per byte of stack: {deepest:?}");
}
