//! Debugging over the GDB remote protocol, by clients that follow a script, and by some that do not.

use std::io::{Cursor, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use threadle::debug::{Debugger, Listener};
use threadle::{
    AsContextMut, Caller, Config, Engine, ExnRef, ExnRefPre, ExnType, Linker, Module, Result,
    Store, Trap, Val,
};

/// A client.
struct Client(TcpStream);

impl Client {
    fn connect(address: SocketAddr) -> Client {
        let mut client = Client(TcpStream::connect(address).expect("a connection"));
        // An answer that never comes fails the test.
        client.0.set_read_timeout(Some(Duration::from_secs(60))).expect("a timeout");
        client.send("QStartNoAckMode");
        assert_eq!(client.answer(), "OK");
        client.0.write_all(b"+").expect("sent");
        client
    }

    fn send(&mut self, packet: &str) {
        self.0.write_all(&framed(packet)).expect("sent");
    }

    /// The next answer, with repetitions written out.
    fn answer(&mut self) -> String {
        let mut byte = || {
            let mut byte = [0];
            self.0.read_exact(&mut byte).expect("an answer");
            byte[0]
        };
        while byte() != b'$' {}
        let mut text = Vec::new();
        loop {
            match byte() {
                b'#' => break,
                b'*' => {
                    let last = *text.last().expect("something to repeat");
                    let count = byte() - 29;
                    text.extend(std::iter::repeat_n(last, count.into()));
                }
                other => text.push(other),
            }
        }
        byte();
        byte();
        String::from_utf8(text).expect("text")
    }

    fn ask(&mut self, packet: &str) -> String {
        self.send(packet);
        self.answer()
    }

    /// Has the program stand still where it throws, or not.
    fn break_on_throw(&mut self, enable: bool) {
        let command = if enable { "break-on-throw on" } else { "break-on-throw off" };
        let output = self.ask(&format!("qRcmd,{}", hex(command)));
        assert_eq!(output, format!("O{}", hex(format!("{command}\n"))));
        assert_eq!(self.answer(), "OK");
    }

    /// Program counters, innermost first.
    fn stack(&mut self) -> Vec<u64> {
        let answer = self.ask("qWasmCallStack:1");
        let bytes: Vec<u8> = (0..answer.len() / 2)
            .map(|at| u8::from_str_radix(&answer[2 * at..2 * at + 2], 16).expect("hexadecimal"))
            .collect();
        bytes.chunks(8).map(|it| u64::from_le_bytes(it.try_into().expect("8 bytes"))).collect()
    }
}

/// Bytes as hexadecimal digits.
fn hex(bytes: impl AsRef<[u8]>) -> String {
    bytes.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What a stop says of a failure or an exception.
fn described(text: &str) -> String {
    format!(";reason:exception;description:{};", hex(text))
}

/// A packet with its checksum.
fn framed(packet: &str) -> Vec<u8> {
    let sum = packet.bytes().fold(0_u8, u8::wrapping_add);
    format!("${packet}#{sum:02x}").into_bytes()
}

/// A listener at a free port, and where it is; none if code cannot be debugged.
fn listener() -> Option<(Listener, SocketAddr)> {
    if Engine::threading_form() != "direct" {
        return None;
    }
    let listener = Debugger::listen(0).expect("a free port");
    let address = listener.address().expect("its address");
    Some((listener, address))
}

/// Runs a program, which is to end as expected, while a client debugs it.
fn debug_program(
    program: impl FnOnce(&Debugger) -> Result<i32>,
    expected: Result<i32, Trap>,
    script: impl FnOnce(&mut Client) + Send + 'static,
) {
    let Some((listener, address)) = listener() else { return };
    let client = thread::spawn(move || script(&mut Client::connect(address)));
    let debugger = listener.accept().expect("a client");
    let result = program(&debugger);
    debugger.exited(u8::from(result.is_err()));
    client.join().unwrap_or_else(|_| panic!("the script failed; the program: {result:?}"));
    let ended = result.map_err(|error| error.downcast::<Trap>().expect("a trap"));
    assert_eq!(ended, expected);
}

/// The same with `run` of an instance.
fn debug(
    wat: &str,
    arg: i32,
    expected: Result<i32, Trap>,
    script: impl FnOnce(&mut Client) + Send + 'static,
) {
    debug_program(|debugger| run(debugger, wat, arg, |_| Ok(())), expected, script);
}

/// Calls `run` of an instance, whose imports `define` makes.
fn run(
    debugger: &Debugger,
    wat: &str,
    arg: i32,
    define: impl FnOnce(&mut Linker<()>) -> Result<()>,
) -> Result<i32> {
    let engine = Engine::new(Config::new().wasm_threads(true).debugger(debugger))?;
    let module = Module::new(&engine, wat)?;
    let mut linker = Linker::new(&engine);
    define(&mut linker)?;
    let mut store = Store::new(&engine, ());
    let instance = linker.instantiate(&mut store, &module)?;
    instance.get_typed_func::<i32, i32>(&mut store, "run")?.call(&mut store, arg)
}

/// The offset of the operator that is shown like this, the first in the module.
fn offset(wat: &str, operator: &str) -> u64 {
    operator_range(wat, operator).start
}

/// The bytes of that operator.
fn operator_range(wat: &str, operator: &str) -> std::ops::Range<u64> {
    let bytes = wat::parse_str(wat).expect("a module");
    for payload in wasmparser::Parser::new(0).parse_all(&bytes) {
        if let wasmparser::Payload::CodeSectionEntry(body) = payload.expect("a module") {
            let mut reader = body.get_operators_reader().expect("a body");
            while !reader.eof() {
                let at = reader.original_position();
                if format!("{:?}", reader.read().expect("an operator")).starts_with(operator) {
                    return at..reader.original_position();
                }
            }
        }
    }
    panic!("no {operator}");
}

const CODE: u64 = 1 << 62;

const PROGRAM: &str = r#"(module
    (memory 1)
    (global $g (mut i64) (i64.const 7))
    (func $add (param i32 i64) (result i32) (local $sum i32)
      (local.set $sum (i32.add (local.get 0) (i32.const 1)))
      (i32.store (i32.const 16) (local.get $sum))
      (i32.load (i32.const 16)))
    (func (export "run") (param i32) (result i32)
      (call $add (local.get 0) (i64.const -2))))"#;

#[test]
fn a_client_sets_a_breakpoint_steps_reads_and_changes_memory() {
    let store = CODE + offset(PROGRAM, "I32Store");
    let load = CODE + offset(PROGRAM, "I32Load");
    // A caller is where the call returns to.
    let returns = CODE + operator_range(PROGRAM, "Call").end;
    debug(PROGRAM, 41, Ok(100), move |client| {
        // It stands still at its first instruction.
        assert!(client.ask("?").starts_with("T05"));
        assert_eq!(client.stack().len(), 1);
        assert_eq!(client.ask("m4000000000000000,4"), "0061736d");
        let libraries = client.ask("qXfer:libraries:read::0,1000");
        assert!(libraries.contains("module0") && libraries.contains("0x4000000000000000"));

        assert_eq!(client.ask(&format!("Z0,{store:x},1")), "OK");
        let stop = client.ask("vCont;c");
        let pc = hex(store.to_le_bytes());
        assert!(stop.starts_with("T05") && stop.contains(&format!("00:{pc};")), "{stop}");
        assert!(stop.contains("swbreak"), "{stop}");
        assert_eq!(client.ask("g"), pc);
        assert_eq!(client.stack(), [store, returns]);
        for (local, value) in [(0, "29000000"), (1, "feffffffffffffff"), (2, "2a000000"), (3, "")] {
            assert_eq!(client.ask(&format!("qWasmLocal:0;{local}")), value);
        }
        assert_eq!(client.ask("qWasmLocal:1;0"), "29000000");
        assert_eq!(client.ask("qWasmGlobal:0;0"), "0700000000000000");
        assert_eq!(client.ask("qWasmGlobal:0;1"), "");

        assert_eq!(client.ask("m10,4"), "00000000");
        assert!(client.ask("vCont;s:1").starts_with("T05"));
        assert_eq!(client.stack()[0], load);
        assert_eq!(client.ask("m10,4"), "2a000000");
        assert_eq!(client.ask("M10,4:64000000"), "OK");
        // Outside of memory, and of code.
        assert!(client.ask("m10000,4").starts_with('E'));
        assert!(client.ask("Mffff,2:0000").starts_with('E'));
        assert!(client.ask("Z0,4000000000000001,1").starts_with('E'));
        assert_eq!(client.ask(&format!("z0,{store:x},1")), "OK");
        assert_eq!(client.ask("vCont;c"), "W00");
    });
}

#[test]
fn operands_are_read_in_front_of_an_operator_and_below_what_a_call_takes() {
    let wat = r#"(module
        (func $divide (param i32) (result i32) (i32.div_u (i32.const 700) (local.get 0)))
        (func (export "run") (param i32) (result i32)
          (i64.const -2)
          (local.get 0)
          (i32.mul (local.get 0) (i32.const 3))
          (f64.add (f64.const 0.5) (f64.const 1))
          (i32x4.splat (local.get 0))
          (local.set 0 (i32.const 7))
          (local.set 0 (call $divide (local.get 0)))
          (if (i32.lt_u (local.get 0) (i32.const 101)) (then (nop)))
          (drop) (drop) (drop) (drop) (drop)
          (local.get 0)))"#;
    let at = ["Call ", "I32DivU", "If "].map(|operator| CODE + offset(wat, operator));
    let expected = [
        hex((-2_i64).to_le_bytes()),
        hex(5_i32.to_le_bytes()),
        hex(15_i32.to_le_bytes()),
        hex(1.5_f64.to_le_bytes()),
        hex(5_i32.to_le_bytes()).repeat(4),
    ];
    debug(wat, 5, Ok(100), move |client| {
        let operands = |client: &mut Client, frame: usize| {
            let each = |index| client.ask(&format!("qWasmStackValue:{frame};{index}"));
            (0..).map(each).take_while(|value| !value.is_empty()).collect::<Vec<_>>()
        };
        for place in at {
            assert_eq!(client.ask(&format!("Z0,{place:x},1")), "OK");
        }
        let with = |more: &[i32]| {
            let more = more.iter().map(|value| hex(value.to_le_bytes()));
            expected.iter().cloned().chain(more).collect::<Vec<_>>()
        };
        assert!(client.ask("vCont;c").contains("swbreak"));
        assert_eq!((client.stack()[0], operands(client, 0)), (at[0], with(&[7])));
        assert!(client.ask("vCont;c").contains("swbreak"));
        assert_eq!(operands(client, 0), [hex(700_i32.to_le_bytes()), hex(7_i32.to_le_bytes())]);
        assert_eq!(operands(client, 1), with(&[]));
        assert_eq!(operands(client, 2), Vec::<String>::new());
        // A comparison is no part of the branch behind it.
        assert!(client.ask("vCont;c").contains("swbreak"));
        assert_eq!((client.stack()[0], operands(client, 0)), (at[2], with(&[1])));
        assert_eq!(client.ask("vCont;c"), "W00");
    });
}

/// Throws 3 times what `run` gets, catches it and throws it again; the host throws as well, and all is caught.
const THROWING: &str = r#"(module
    (import "" "throw" (func $host (param i32)))
    (tag $e (export "e") (param i32))
    (func $throw (param i32) (throw $e (i32.mul (local.get 0) (i32.const 3))))
    (func $again (param i32) (local $x exnref)
      (block $c (result exnref)
        (try_table (catch_all_ref $c) (call $throw (local.get 0)))
        (return))
      (throw_ref))
    (func (export "run") (param i32) (result i32)
      (block $c (result i32)
        (try_table (catch $e $c) (call $again (local.get 0)))
        (i32.const 0))
      (block $d (result i32)
        (try_table (catch $e $d) (call $host (i32.const 100)))
        (i32.const 0))
      (i32.add)))"#;

/// Runs [`THROWING`], whose host function throws its argument.
fn debug_throwing(by_host: bool, script: impl FnOnce(&mut Client) + Send + 'static) {
    let throw = |mut caller: Caller<'_, ()>, value: i32| -> Result<()> {
        let tag = caller.get_export("e").and_then(|it| it.into_tag()).expect("exported");
        let ty = ExnType::from_tag_type(&tag.ty(&caller)).expect("a type");
        let before = ExnRefPre::new(&mut caller, ty);
        let exception = ExnRef::new(&mut caller, &before, &tag, &[Val::I32(value)])?;
        caller.as_context_mut().throw(exception)
    };
    let program = |debugger: &Debugger| {
        debugger.break_on_throw(by_host);
        run(debugger, THROWING, 5, |linker| linker.func_wrap("", "throw", throw).map(drop))
    };
    debug_program(program, Ok(115), script);
}

#[test]
fn a_program_stands_still_where_it_throws_if_the_client_asks() {
    let place = |operator| CODE + offset(THROWING, operator);
    let (throw, again) = (place("Throw {"), place("ThrowRef"));
    debug_throwing(false, move |client| {
        assert!(client.ask("qRcmd,00").starts_with("O627265616b2d6f6e2d7468726f77"));
        assert_eq!(client.answer(), "OK");
        client.break_on_throw(true);
        let stop = client.ask("vCont;c");
        assert!(
            stop.starts_with("T05") && stop.ends_with(&described("exception thrown")),
            "{stop}"
        );
        assert_eq!((client.stack().len(), client.stack()[0]), (3, throw));
        assert_eq!(client.ask("qWasmStackValue:0;0"), "0f000000");
        assert!(client.ask("vCont;c").ends_with(&described("exception thrown")));
        assert_eq!((client.stack().len(), client.stack()[0]), (2, again));
        client.break_on_throw(false);
        assert_eq!(client.ask("vCont;c"), "W00");
    });
}

#[test]
fn a_host_function_that_throws_is_seen_too() {
    debug_throwing(true, move |client| {
        for frames in [3, 2, 1] {
            assert!(client.ask("vCont;c").ends_with(&described("exception thrown")));
            assert_eq!(client.stack().len(), frames);
        }
        assert!(client.ask("vCont;s:1").starts_with("T05"));
        assert_eq!(client.stack()[0], CODE + offset(THROWING, "I32Add"));
        assert_eq!(client.ask("qWasmStackValue:0;0"), "0f000000");
        assert_eq!(client.ask("qWasmStackValue:0;1"), "64000000");
        assert_eq!(client.ask("vCont;c"), "W00");
    });
}

#[test]
fn shared_memory_is_read_written_and_watched() {
    let wat = r#"(module
        (memory 1 1 shared)
        (func (export "run") (param i32) (result i32)
          (i32.atomic.store (i32.const 16) (local.get 0))
          (drop (i32.atomic.rmw.add (i32.const 20) (i32.const 1)))
          (i32.load (i32.const 16))))"#;
    debug(wat, 0x01_02_03_04, Ok(0x01_02_03_ff), |client| {
        assert_eq!(client.ask("Mfffc,4:01020304"), "OK");
        assert_eq!(client.ask("mfffe,4"), "0304");
        for refused in ["Mfffd,4:01020304", "m10000,1", "Z2,fffe,4"] {
            assert!(client.ask(refused).starts_with('E'), "{refused}");
        }
        assert_eq!(client.ask("Z2,11,2"), "OK");
        assert_eq!(client.ask("Z3,14,1"), "OK");
        assert!(client.ask("vCont;c").contains(";watch:11;"));
        assert_eq!(client.ask("m10,4"), "04030201");
        assert_eq!(client.ask("M10,1:ff"), "OK");
        assert!(client.ask("vCont;c").contains("rwatch:14;"));
        assert_eq!(client.ask("vCont;c"), "W00");
    });
}

#[test]
fn breakpoints_in_loops_are_met_each_time_and_code_without_any_runs_on() {
    let wat = r#"(module
        (func $noise (param i32) (loop $l (br_if $l (local.tee 0 (i32.sub (local.get 0) (i32.const 1))))))
        (func $met (param i32) (result i32) (i32.mul (local.get 0) (i32.const 3)))
        (func (export "run") (param i32) (result i32) (local $sum i32)
          (loop $l
            (call $noise (i32.const 100000))
            (local.set $sum (i32.add (local.get $sum) (call $met (local.get 0))))
            (br_if $l (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))
          (local.get $sum)))"#;
    let at = CODE + offset(wat, "I32Mul");
    debug(wat, 4, Ok(30), move |client| {
        assert_eq!(client.ask(&format!("Z0,{at:x},1")), "OK");
        for round in (1..=4).rev() {
            assert!(client.ask("vCont;c").starts_with("T05"));
            assert_eq!(client.stack()[0], at);
            assert_eq!(client.ask("qWasmLocal:0;0"), format!("{round:02x}000000"));
        }
        assert_eq!(client.ask("vCont;c"), "W00");
    });
}

#[test]
fn what_a_function_does_before_its_first_operator_stands_where_the_function_begins() {
    let wat = r#"(module
        (func $add (param i32) (result i32) (local $zero i32)
          (i32.add (local.get 0) (local.get $zero)))
        (func (export "run") (param i32) (result i32) (local $zero i32)
          (call $add (i32.sub (local.get 0) (local.get $zero)))))"#;
    let (add, sub) = (CODE + offset(wat, "I32Add"), CODE + offset(wat, "I32Sub"));
    debug(wat, 4, Ok(4), move |client| {
        // Behind the declaration of locals, of three bytes, are two operators of two.
        assert_eq!(client.stack(), [sub - 7]);
        for place in [add, sub, add - 7] {
            assert_eq!(client.ask(&format!("Z0,{place:x},1")), "OK");
        }
        for place in [sub, add - 7, add] {
            assert!(client.ask("vCont;c").contains("swbreak"));
            assert_eq!(client.stack()[0], place);
        }
        assert_eq!(client.ask("qWasmLocal:0;1"), "00000000");
        assert_eq!(client.ask("vCont;c"), "W00");
    });
}

/// A module that works on bytes 0 to 21, in several ways.
const WATCHED: &str = r#"(module
    (import "" "host" (func $host))
    (memory (export "memory") 1)
    (func $work (param i32) (result i32)
      (i32.store (i32.const 16) (local.get 0))
      (i64.store16 (i32.const 20) (i64.const -1))
      (drop (i32.load8_u (i32.const 18)))
      (call $host)
      (drop (i32.rem_u (i32.const 1) (i32.const 1)))
      (memory.fill (i32.const 0) (i32.const 7) (i32.const 17))
      (i32.load (i32.const 16)))
    (func (export "run") (param i32) (result i32) (call $work (local.get 0))))"#;

/// Runs [`WATCHED`], whose host function writes byte 19.
fn debug_watched(expected: u32, script: impl FnOnce(&mut Client) + Send + 'static) {
    let write = |mut caller: Caller<'_, ()>| {
        let memory = caller.get_export("memory").and_then(|it| it.into_memory()).expect("exported");
        memory.data_mut(&mut caller)[19] ^= 0x80;
    };
    let program = |debugger: &Debugger| {
        let define = |linker: &mut Linker<()>| linker.func_wrap("", "host", write).map(drop);
        run(debugger, WATCHED, 0x01_02_03_04, define)
    };
    debug_program(program, Ok(expected as i32), script);
}

#[test]
fn a_watchpoint_stops_behind_what_writes_or_reads_its_bytes() {
    let behind = |operator| CODE + offset(WATCHED, operator);
    let places = [behind("I64Store16"), behind("I32Load8U"), behind("Call "), behind("I32RemU")];
    let [written, _, read, host] = places;
    debug_watched(0x81_55_03_07, move |client| {
        // Bytes 17 to 19, of which the store of 16 to 19 meets 17 first.
        assert_eq!(client.ask("Z4,11,3"), "OK");
        assert_eq!(client.ask("Z2,15,1"), "OK");
        let stop = client.ask("vCont;c");
        assert!(stop.starts_with("T05") && stop.contains("awatch:11;"), "{stop}");
        assert!(client.stack()[0] <= written);
        // What the client writes is its own affair.
        assert_eq!(client.ask("M12,1:55"), "OK");
        let stop = client.ask("vCont;c");
        assert!(stop.contains(";watch:15;"), "{stop}");
        let stop = client.ask("vCont;c");
        assert!(stop.contains("awatch:12;"), "{stop}");
        assert!(client.stack()[0] <= read);
        // The host writes byte 19.
        let stop = client.ask("vCont;c");
        assert!(stop.contains("awatch:13;"), "{stop}");
        assert!((read..=host).contains(&client.stack()[0]));
        assert_eq!(client.ask("z4,11,3"), "OK");
        assert!(client.ask("z4,11,3").starts_with('E'));
        // Filling ends at 17; only a read is wanted of it, which the last load does.
        assert_eq!(client.ask("Z3,10,1"), "OK");
        assert!(client.ask("vCont;c").contains("rwatch:10;"));
        assert_eq!(client.ask("m10,4"), "07035581");
        assert_eq!(client.ask("vCont;c"), "W00");
    });
}

#[test]
fn a_watchpoint_that_is_set_in_front_of_an_access_meets_it() {
    let (fill, load) = (CODE + offset(WATCHED, "MemoryFill"), CODE + offset(WATCHED, "I32Load "));
    debug_watched(0x81_02_03_07, move |client| {
        assert_eq!(client.ask(&format!("Z0,{fill:x},1")), "OK");
        assert!(client.ask("vCont;c").contains("swbreak"));
        // Not those that do not exist, of code, of too many bytes or of none.
        for refused in
            ["Z2,ffff,2", "Z2,4000000000000000,1", "Z2,0,ffff", "Z2,10,0", "Z3,100000010,1"]
        {
            assert!(client.ask(refused).starts_with('E'), "{refused}");
        }
        assert_eq!(client.ask("Z2,f,4"), "OK");
        let stop = client.ask("vCont;c");
        assert!(stop.contains(";watch:0f;") && client.stack()[0] <= load, "{stop}");
        assert_eq!(client.ask("vCont;c"), "W00");
    });
}

/// Operators that access memory, with the bytes that they touch.
const LOADS: &str = "i32.load:4 i32.load8_s:1 i32.load8_u:1 i32.load16_s:2 i32.load16_u:2 i64.load:8 i64.load8_s:1 \
    i64.load8_u:1 i64.load16_s:2 i64.load16_u:2 i64.load32_s:4 i64.load32_u:4 f32.load:4 f64.load:8 v128.load:16 \
    v128.load8_splat:1 v128.load16_splat:2 v128.load32_splat:4 v128.load64_splat:8 v128.load8x8_s:8 \
    v128.load8x8_u:8 v128.load16x4_s:8 v128.load32x2_u:8 v128.load32_zero:4 v128.load64_zero:8 \
    i32.atomic.load:4 i32.atomic.load8_u:1 i64.atomic.load:8 i64.atomic.load16_u:2 i64.atomic.load32_u:4";
const STORES: &str = "i32.store:4 i32.store8:1 i32.store16:2 i64.store:8 i64.store8:1 i64.store16:2 i64.store32:4 \
    f32.store:4 f64.store:8 v128.store:16 i32.atomic.store:4 i32.atomic.store8:1 i64.atomic.store:8 \
    i64.atomic.store16:2";
const CHANGES: &str = "i32.atomic.rmw.add:4 i32.atomic.rmw8.xchg_u:1 i64.atomic.rmw.or:8 i64.atomic.rmw32.sub_u:4 \
    i64.atomic.rmw16.and_u:2 i32.atomic.rmw.xor:4";

/// Accesses of 16 bytes from each multiple of 64 on, in order: the text of the program, and their bytes.
fn accesses(memory: usize, wide: bool) -> (String, Vec<(u64, u64, char)>) {
    let (mut body, mut expected) = (String::new(), Vec::new());
    let of = |list: &'static str, kind| list.split_whitespace().map(move |it| (it, kind));
    let all = of(LOADS, 'r').chain(of(STORES, 'w')).chain(of(CHANGES, 'a'));
    for (number, (operator, kind)) in all.enumerate() {
        let (operator, bytes) = operator.split_once(':').expect("its bytes");
        let bytes: u64 = bytes.parse().expect("a number");
        let at = 64 * (number as u64 + 1) + 16;
        let index = if wide { "i64" } else { "i32" };
        // Constant, in a local, and as the result of the instruction before.
        let addr = match number % 3 {
            0 => format!("({index}.const {})", at - 8),
            1 => format!("(local.tee $at ({index}.const {}))", at - 8),
            _ => format!("({index}.add (local.get $at) ({index}.const {}))", at - 8),
        };
        let ty = &operator[..operator.find('.').expect("a type")];
        let value = match ty {
            "v128" => "(v128.const i64x2 5 5)".to_owned(),
            _ => format!("({ty}.const 5)"),
        };
        let access = format!("{operator} {memory} offset=8 {addr}");
        body += &match kind {
            'r' => format!("(drop ({access}))"),
            'w' => format!("({access} {value})"),
            _ => format!("(drop ({access} {value}))"),
        };
        body += &format!("(local.set $at ({index}.const 0))\n");
        expected.push((at, bytes, kind));
    }
    (body, expected)
}

#[test]
fn watchpoints_know_which_bytes_every_operator_touches() {
    for (memory, wide) in [(0, false), (1, false), (2, true)] {
        let (body, expected) = accesses(memory, wide);
        let index = if wide { "i64" } else { "i32" };
        let wat = format!(
            r#"(module (memory 1) (memory 1) (memory i64 1)
                (func (export "run") (param i32) (result i32) (local $at {index}) {body} (local.get 0)))"#
        );
        debug(&wat, 3, Ok(3), move |client| {
            let space = (memory as u64) << 32;
            for (at, bytes, kind) in expected {
                let (first, last) = (space + at, space + at + bytes - 1);
                let set: Vec<String> = match kind {
                    'r' => vec![format!("3,{last:x},1"), format!("2,{first:x},{bytes:x}")],
                    'w' => vec![format!("2,{last:x},1"), format!("3,{first:x},{bytes:x}")],
                    _ => vec![format!("3,{last:x},1")],
                };
                let beside = [format!("4,{:x},1", first - 1), format!("4,{:x},1", last + 1)];
                let set: Vec<String> = set.into_iter().chain(beside).collect();
                for it in &set {
                    assert_eq!(client.ask(&format!("Z{it}")), "OK");
                }
                let stop = client.ask("vCont;c");
                // In whole bytes.
                let digits = format!("{last:x}").len().next_multiple_of(2);
                let name = if kind == 'w' { ";watch" } else { "rwatch" };
                let hit = format!("{name}:{last:0digits$x};");
                assert!(stop.contains(&hit), "{stop} in place of {hit}, {bytes} bytes");
                for it in &set {
                    assert_eq!(client.ask(&format!("z{it}")), "OK");
                }
            }
            assert_eq!(client.ask("vCont;c"), "W00");
        });
    }
}

#[test]
fn a_breakpoint_at_a_return_address_is_met_when_the_call_is_done() {
    let wat = r#"(module
        (func $inner (param i32) (result i32) (i32.add (local.get 0) (i32.const 5)))
        (func (export "run") (param i32) (result i32)
          (i32.mul (call $inner (local.get 0)) (i32.const 3))))"#;
    let add = CODE + offset(wat, "I32Add");
    debug(wat, 2, Ok(21), move |client| {
        assert!(client.ask("qRegisterInfo0").contains("generic:pc;"));
        assert!(client.ask("qRegisterInfo1").starts_with('E'));
        assert_eq!(client.ask(&format!("Z0,{add:x},1")), "OK");
        assert!(client.ask("vCont;c").contains("swbreak"));
        let stack = client.stack();
        assert_eq!((stack.len(), stack[0]), (2, add));
        assert_eq!(client.ask(&format!("Z0,{:x},1", stack[1])), "OK");
        assert!(client.ask("vCont;c").contains("swbreak"));
        assert_eq!(client.stack(), [stack[1]]);
        assert_eq!(client.ask("vCont;c"), "W00");
    });
}

#[test]
fn a_trap_is_seen_before_its_frames_are_gone() {
    let wat = r#"(module
        (func $divide (param i32) (result i32) (i32.div_s (i32.const 1) (local.get 0)))
        (func (export "run") (param i32) (result i32) (call $divide (local.get 0))))"#;
    let division = CODE + offset(wat, "I32DivS");
    let returns = CODE + operator_range(wat, "Call").end;
    debug(wat, 0, Err(Trap::IntegerDivisionByZero), move |client| {
        let stop = client.ask("vCont;c");
        let why = described("wasm trap: integer divide by zero");
        assert!(stop.starts_with("T05") && stop.ends_with(&why), "{stop}");
        assert_eq!(client.stack(), [division, returns]);
        assert_eq!(client.ask("qWasmLocal:0;0"), "00000000");
        assert_eq!(client.ask("vCont;c"), "W01");
    });
}

#[test]
fn an_endless_loop_can_be_interrupted_and_killed() {
    let wat = r#"(module (func (export "run") (param i32) (result i32) (loop $l (br $l)) (unreachable)))"#;
    debug(wat, 0, Err(Trap::Interrupt), |client| {
        client.send("vCont;c");
        client.0.write_all(&[3]).expect("sent");
        assert!(client.answer().starts_with("T02"));
        client.send("k");
    });
}

#[test]
fn only_this_machine_can_connect() {
    if let Some((_, address)) = listener() {
        assert!(address.ip().is_loopback());
    }
}

/// Numbers that look random.
struct Random(u64);

impl Random {
    fn next(&mut self, below: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % below
    }
}

/// Counts answers.
#[derive(Clone, Default)]
struct Answers(Arc<AtomicUsize>);

impl Write for Answers {
    fn write(&mut self, answer: &[u8]) -> std::io::Result<usize> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Ok(answer.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn whatever_a_client_sends_hurts_nothing() {
    const SEEDS: [&str; 31] = [
        "?",
        "g",
        "p0",
        "P0=0000000000000000",
        "m10,4",
        "m4000000000000000,ffff",
        "mffffffffffffffff,4",
        "M0,4:64000000",
        "Mfffe,4:00000000",
        "X10,1:\u{1}",
        "Z0,4000000000000030,1",
        "z0,4000000000000030,1",
        "Z2,10,4",
        "z2,10,4",
        "Z3,ea60,1",
        "Z4,0,1000",
        "Z4,fffffffffffffff0,ffffffffffffffff",
        "vCont?",
        "vCont;s:1",
        "vCont;c",
        "vCont;r4000000000000020,4000000000000040:1",
        "qXfer:libraries:read::0,1000",
        "qXfer:libraries:read::ffffffffffffffff,ffffffff",
        "qWasmCallStack:1",
        "qWasmLocal:0;0",
        "qWasmLocal:99999999999;99999999",
        "qWasmGlobal:0;0",
        "qWasmStackValue:0;0",
        "qWasmStackValue:1;99",
        "qRcmd,627265616b2d6f6e2d7468726f77206f6e",
        "qSupported:xmlRegisters=i386;swbreak+",
    ];
    /// Where the program's code is.
    const CODE_SECTION: std::ops::Range<usize> = 0x2d..0x60;
    if Engine::threading_form() != "direct" {
        return;
    }
    let packets = std::env::var("THREADLE_FUZZ_PACKETS").ok().and_then(|it| it.parse().ok());
    let packets: usize = packets.unwrap_or(20_000);
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let (mut ended, answers) = (0, Answers::default());
    for _ in 0..packets / 100 {
        let mut input = Vec::new();
        // So that the program stands still more than once: breakpoints anywhere in its code.
        for _ in 0..random.next(4) {
            let place = CODE_SECTION.start + random.next(CODE_SECTION.len());
            input.extend(framed(&format!("Z0,{:x},1", CODE + place as u64)));
            input.push(b'+');
        }
        for _ in 0..100 {
            let mut packet = framed(SEEDS[random.next(SEEDS.len())]);
            match random.next(200) {
                // With a wrong checksum, mostly, or an end that is missing. No client is listened to after that, nor
                // after most of what has the wrong form.
                0 => {
                    let at = random.next(packet.len());
                    packet[at] = random.next(256) as u8;
                }
                1 => packet.truncate(random.next(packet.len()) + 1),
                // Changed with the right checksum.
                2..8 => {
                    let mut text = packet[1..packet.len() - 3].to_vec();
                    let at = random.next(text.len());
                    text[at] = b"0123456789abcdef;:,?-"[random.next(21)];
                    packet = framed(&String::from_utf8_lossy(&text));
                }
                _ => {}
            }
            input.push(b'+');
            input.extend(packet);
        }
        let debugger = Debugger::new(Cursor::new(input), answers.clone()).expect("a thread");
        let wat = r#"(module
            (memory 1) (global $g (mut i64) (i64.const 7))
            (func $f (param i32) (result i32) (local $zero i32)
              (i32.add (i32.add (local.get 0) (local.get $zero)) (i32.load8_u offset=60000 (i32.const 0))))
            (func (export "run") (param i32) (result i32) (local $i i32)
              (loop $l
                (local.set $i (i32.add (local.get $i) (i32.const 1)))
                (drop (call $f (local.get $i)))
                (br_if $l (i32.lt_s (local.get $i) (i32.const 50))))
              (local.get $i)))"#;
        match run(&debugger, wat, 0, |_| Ok(())) {
            Ok(result) => {
                assert_eq!(result, 50);
                ended += 1;
            }
            // A client can end the program.
            Err(error) => assert_eq!(error.downcast_ref::<Trap>(), Some(&Trap::Interrupt)),
        }
    }
    assert!(ended > 0);
    // Most are read before a client is given up.
    let answers = answers.0.load(Ordering::Relaxed);
    assert!(answers > packets / 4, "{answers} answers");
}
