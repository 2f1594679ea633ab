//! Code that is hard on a dispatch loop: its results are right, and its time grows with the work.

use std::fmt::Write;

use threadle::TypedFunc;

use crate::*;

/// A module's export `run`, ready to be called.
struct Ready {
    store: Store<()>,
    run: TypedFunc<i32, i32>,
}

impl Ready {
    fn new(config: &Config, text: &str) -> Ready {
        let engine = Engine::new(config).expect("an engine");
        let bytes = wat::parse_str(text).expect("a valid module");
        let module = Module::new(&engine, bytes).expect("a valid module");
        let mut store = Store::new(&engine, ());
        let instance = Instance::new(&mut store, &module, &[]).expect("an instance");
        let run = instance.get_typed_func(&mut store, "run").expect("`run` is exported");
        Ready { store, run }
    }

    fn call(&mut self, n: i32) -> Result<i32> {
        self.run.call(&mut self.store, n)
    }

    /// A call to be measured, after one that translates what it needs.
    fn measured(mut self, n: i32) -> impl FnMut() {
        self.call(n).expect("it works");
        move || {
            self.call(n).expect("it works");
        }
    }
}

fn configs() -> [Config; 2] {
    [true, false].map(|guard| {
        let mut config = Config::new();
        config.signals_based_traps(guard);
        config
    })
}

/// Calls `functions` different functions in turn through a table, `n` times altogether.
fn megamorphic(functions: usize) -> String {
    let mut funcs = String::new();
    let mut elements = String::new();
    for i in 0..functions {
        write!(funcs, "(func $f{i} (type $t) (i32.add (local.get 0) (i32.const {i})))")
            .and_then(|()| write!(elements, " $f{i}"))
            .expect("strings grow");
    }
    format!(
        r#"(module (type $t (func (param i32) (result i32)))
            (table {functions} funcref) (elem (i32.const 0) func{elements})
            {funcs}
            (func (export "run") (param $n i32) (result i32) (local $i i32) (local $sum i32)
                (block $done (loop $next
                    (br_if $done (i32.eq (local.get $i) (local.get $n)))
                    (local.set $sum (call_indirect (type $t) (local.get $sum)
                        (i32.rem_u (local.get $i) (i32.const {functions}))))
                    (local.set $i (i32.add (local.get $i) (i32.const 1)))
                    (br $next)))
                (local.get $sum)))"#
    )
}

#[test]
fn calls_of_thousands_of_functions_through_one_site_reach_each_of_them() {
    for functions in [1, 7, 4096] {
        let mut ready = Ready::new(&Config::new(), &megamorphic(functions));
        let n = 3 * functions + functions / 2;
        let expected: usize = (0..n).map(|i| i % functions).sum();
        assert_eq!(ready.call(n as i32).expect("it works"), expected as i32, "{functions}");
    }
}

/// A loop around a `br_table` of `arms` arms, each of which adds something else.
fn dispatcher(arms: usize) -> String {
    let mut text = String::from(
        r#"(module (func (export "run") (param $n i32) (result i32)
            (local $i i32) (local $sum i32)
            block $done
            loop $next
            local.get $i
            local.get $n
            i32.eq
            br_if $done
            local.get $i
            i32.const 1
            i32.add
            local.set $i
            "#,
    );
    text.push_str(&"block ".repeat(arms + 1));
    write!(text, "local.get $i\ni32.const {}\ni32.rem_u\nbr_table", arms + 1).expect("it grows");
    for arm in 0..=arms {
        write!(text, " {arm}").expect("it grows");
    }
    text.push_str("\nend\n");
    for arm in 0..arms {
        write!(
            text,
            "local.get $sum\ni32.const {}\ni32.add\nlocal.set $sum\nbr $next\nend\n",
            arm * 3
        )
        .expect("it grows");
    }
    text + "br $next\nend\nend\nlocal.get $sum))"
}

#[test]
fn a_dispatch_loop_over_thousands_of_arms_takes_each_of_them() {
    for arms in [1, 3, 5000] {
        let mut ready = Ready::new(&Config::new(), &dispatcher(arms));
        let n = 2 * arms + 3;
        let expected: usize =
            (1..=n).map(|i| i % (arms + 1)).filter(|&arm| arm < arms).map(|arm| arm * 3).sum();
        assert_eq!(ready.call(n as i32).expect("it works"), expected as i32, "{arms}");
    }
}

/// Adds up `n` loads of 64 bits and stores of 32, at addresses that are off by `offset`.
fn accesses(offset: usize) -> String {
    format!(
        r#"(module (memory 2)
            (func (export "run") (param $n i32) (result i32) (local $i i32) (local $at i32)
                (loop $next
                    (local.set $at (i32.and (i32.mul (local.get $i) (i32.const 56)) (i32.const 0xfff8)))
                    (i32.store offset={offset} align=1 (local.get $at) (local.get $i))
                    (i64.store offset={offset} align=1 (local.get $at)
                        (i64.add (i64.load offset={offset} align=1 (local.get $at)) (i64.const 1)))
                    (local.set $i (i32.add (local.get $i) (i32.const 1)))
                    (br_if $next (i32.lt_u (local.get $i) (local.get $n))))
                (i32.load offset={offset} align=1 (local.get $at))))"#
    )
}

#[test]
fn unaligned_accesses_read_what_was_written_and_trap_where_they_leave_memory() {
    // Each width, as store and load of all ones with a frame of zeros around it.
    const WIDTHS: [(&str, &str, &str, i32); 8] = [
        ("i32.store8", "i32.load8_u", "i32.const -1", 1),
        ("i32.store16", "i32.load16_u", "i32.const -1", 2),
        ("i32.store", "i32.load", "i32.const -1", 4),
        ("f32.store", "f32.load", "f32.const nan:0x7fffff", 4),
        ("i64.store8", "i64.load8_s", "i64.const -1", 1),
        ("i64.store32", "i64.load32_s", "i64.const -1", 4),
        ("i64.store", "i64.load", "i64.const -1", 8),
        ("f64.store", "f64.load", "f64.const nan:0xfffffffffffff", 8),
    ];
    for config in configs() {
        for (store, load, value, width) in WIDTHS {
            let text = format!(
                r#"(module (memory 2)
                    (func (export "run") (param $at i32) (result i32) (local $sum i32) (local $i i32)
                        ({store} align=1 (local.get $at) ({value}))
                        ({store} align=1 (local.get $at) ({load} align=1 (local.get $at)))
                        (local.set $i (i32.const -16))
                        (loop $next
                            (if (i32.lt_u (i32.add (local.get $at) (local.get $i)) (i32.const 131072))
                                (then
                                    (local.set $sum (i32.add (local.get $sum)
                                        (i32.popcnt (i32.load8_u (i32.add (local.get $at) (local.get $i))))))
                                    (i32.store8 (i32.add (local.get $at) (local.get $i)) (i32.const 0))))
                            (local.set $i (i32.add (local.get $i) (i32.const 1)))
                            (br_if $next (i32.ne (local.get $i) (i32.const 16))))
                        (local.get $sum)))"#
            );
            let mut ready = Ready::new(&config, &text);
            // The sign of the NaNs is clear.
            let ones = 8 * width - i32::from(store.starts_with('f'));
            let first_bad = 131_072 - width + 1;
            for at in (0..17).chain(4090..4098).chain(65_530..65_540).chain(131_050..first_bad) {
                assert_eq!(ready.call(at).expect("it works"), ones, "{store} at {at}");
            }
            for at in (first_bad..131_073).chain([i32::MAX, i32::MIN, -width, -1]) {
                let error = ready.call(at).expect_err("outside");
                let trap = error.downcast_ref::<Trap>();
                assert_eq!(trap, Some(&Trap::MemoryOutOfBounds), "{store} at {at}");
            }
        }
    }
}

/// Counts down from `n` by calling itself, keeping something on the operand stack.
const RECURSION: &str = r#"(module
    (func $down (export "run") (param $n i32) (result i32)
        (if (result i32) (local.get $n)
            (then (i32.add (i32.const 1) (call $down (i32.sub (local.get $n) (i32.const 1)))))
            (else (i32.const 0)))))"#;

fn deep() -> Config {
    let mut config = Config::new();
    config.max_wasm_stack(256 << 20);
    config
}

#[test]
fn recursion_a_million_deep_is_a_matter_of_the_configured_stack_alone() {
    assert_eq!(Ready::new(&deep(), RECURSION).call(1_000_000).expect("it fits"), 1_000_000);
}

#[cfg(unix)]
#[test]
fn the_time_of_hard_shapes_grows_with_the_work() {
    let plain = Config::new();
    // What is compared takes the same number of steps; a cache that is too small may show, a search
    // must not.
    let rows = [
        (
            "calls of 4,096 functions instead of 16",
            Ready::new(&plain, &megamorphic(16)).measured(200_000),
            Ready::new(&plain, &megamorphic(4096)).measured(200_000),
            12.0,
        ),
        (
            "4,096 arms instead of 16",
            Ready::new(&plain, &dispatcher(16)).measured(200_000),
            Ready::new(&plain, &dispatcher(4096)).measured(200_000),
            12.0,
        ),
        (
            "accesses across cache lines",
            Ready::new(&plain, &accesses(0)).measured(200_000),
            Ready::new(&plain, &accesses(5)).measured(200_000),
            6.0,
        ),
        (
            "recursion four times as deep",
            Ready::new(&deep(), RECURSION).measured(100_000),
            Ready::new(&deep(), RECURSION).measured(400_000),
            12.0,
        ),
    ];
    for (name, before, now, limit) in rows {
        growth::assert_at_most(name, limit, before, now);
    }
}
