//! Rows that decide where execution goes on: traps, branches, calls, host calls, returns.

use alloc::format;
use alloc::string::String;

use super::format::{
    BR, BR_TABLE, CALL, CALL_IMPORT, CALL_INDIRECT, CALL_REF, CALL_RUNTIME, EMPTY, ENTER_FAR, FUEL,
    Format, HOST_STUB, LEAVE_FAR, MEMORY_COPY, MEMORY_FILL, MEMORY_GROW, PIN_FLOATS, PIN_INTS,
    RETURN, RETURN_CALL, RETURN_CALL_IMPORT, RETURN_CALL_INDIRECT, RETURN_CALL_REF, TRAP,
    ZERO_LOCALS,
};
use super::{Class, INT_DSTS, Row, Table, each, key, show};

impl Table {
    pub(super) fn control(&mut self) {
        self.row("trap", "control", &TRAP)
            .effect("trap with code")
            .body("control::trap_op", &[])
            .traps()
            .ends()
            .alone();
        self.row("br", "control", &BR).effect("pc := to").body("control::br", &[]).ends();
        for d in each(INT_DSTS) {
            let row = self
                .row(format!("br_table_{d}"), "br_table", &BR_TABLE)
                .classes(&[d])
                .effect(format!(
                    "pc := targets[min({}, count)]; count + 1 distances follow",
                    show(d, "index")
                ))
                .body("control::br_table", &[])
                .key(&key::BR_TABLE, &[d as usize])
                .forwards()
                .ends();
            // The index nearly always comes from the accumulator.
            row.attributes.alone = d != Class::A;
        }
        // Fuel is missing rarely: what is done then stands behind the function's code, and leads back here.
        self.row("consume_fuel", "control", &FUEL)
            .effect("fuel := fuel - x; if fuel < 0, pc := to")
            .body("branch::consume_fuel", &[]);
        self.row("return_fuel", "control", &FUEL)
            .effect("fuel := fuel + x; pc := to")
            .body("control::return_fuel", &[])
            .ends()
            .alone();
        self.row("zero_locals", "control", &ZERO_LOCALS)
            .effect("S[first .. first + count] := 0")
            .body("control::zero_locals", &[])
            .alone();
        self.row("exit", "control", &EMPTY)
            .effect("leave the activation: its results are in place")
            .body("control::exit", &[])
            .ends()
            .alone();
        self.row("lazy_compile", "control", &EMPTY)
            .effect("translate the function, then run it")
            .body("host::lazy_compile", &[])
            .calls()
            .ends()
            .resumes();
    }

    /// Adds the row of a call inside WebAssembly.
    fn call(&mut self, name: &str, family: &'static str, format: &'static Format) -> &mut Row {
        self.row(name, family, format).traps().calls().ends()
    }

    pub(super) fn calls(&mut self) {
        self.call("call", "call", &CALL)
            .effect("call code[func] with its frame at S[frame]")
            .body("call::call", &[]);
        self.call("call_import", "call", &CALL_IMPORT)
            .effect(
                "call the function at ctx + at with its frame at S[frame], its arguments at S[args]",
            )
            .body("call::call_import", &[]);
        for x in each(INT_DSTS) {
            self.call(&format!("call_indirect_{x}"), "call", &CALL_INDIRECT)
                .classes(&[x])
                .effect(format!("call table[{}] after a type check", show(x, "index")))
                .body("call::call_indirect", &[])
                .key(&key::CALL_INDIRECT, &[x as usize])
                .alone();
        }
        self.call("call_indirect_sub", "call", &CALL_INDIRECT)
            .slots()
            .effect("call table[S[index]] after a subtype check; 64-bit index")
            .body("call::call_indirect_general", &[])
            .alone();
        self.call("call_ref", "call", &CALL_REF)
            .effect("call the function that S[func] refers to")
            .body("call::call_ref", &[])
            .alone();
        self.tail_calls();
        self.row("return_thunk", "call", &EMPTY)
            .effect("end of a call that left the instance: ctx := S[OWN_CTX]; pc := S[OWN_RESUME]")
            .body("call::return_thunk", &[])
            .ends()
            .alone();
        self.host_calls();
        self.pinning();
        self.far();
    }

    fn tail_calls(&mut self) {
        self.call("return_call", "tail_call", &RETURN_CALL)
            .effect("move the arguments to S[to], the header to S[frame], and jump to code[func]")
            .body("call::return_call", &[]);
        self.call("return_call_import", "tail_call", &RETURN_CALL_IMPORT)
            .effect("the same, to the function at ctx + at")
            .body("call::return_call_import", &[]);
        self.call("return_call_indirect", "tail_call", &RETURN_CALL_INDIRECT)
            .effect("the same, to table[S[index]] after a type check")
            .body("call::return_call_indirect", &["false"]);
        self.call("return_call_indirect_sub", "tail_call", &RETURN_CALL_INDIRECT)
            .effect("the same after a subtype check; 64-bit index")
            .body("call::return_call_indirect", &["true"]);
        self.call("return_call_ref", "tail_call", &RETURN_CALL_REF)
            .effect("the same, to the function that S[func] refers to")
            .body("call::return_call_ref", &[]);
    }

    /// Calls of native code.
    fn host_calls(&mut self) {
        let mut host = |name: &str, format, effect: &str, path, parameters: &[&str]| {
            let row = self.row(name, "host", format).effect(effect).body(path, parameters);
            row.traps().calls().resumes();
        };
        host(
            "call_indirect_host",
            &HOST_STUB,
            "through the trampoline: call the host function of this frame, whose arguments are args slots below it, by signature sig; then return",
            "host::call_indirect_host",
            &[],
        );
        host(
            "call_runtime",
            &CALL_RUNTIME,
            "through the trampoline: call a runtime function with arguments and results at S[args]",
            "host::call_runtime",
            &[],
        );
        // Where code is metered it may be suspended: these go on as a call when they have to.
        host(
            "consume_fuel_by",
            &CALL_RUNTIME,
            "fuel := fuel - x * S[args], if there is as much, with S[args] wide if y; else as call_runtime",
            "host::consume_fuel_by",
            &[],
        );
        host(
            "check_interrupt",
            &CALL_RUNTIME,
            "as call_runtime, if the epoch has reached its limit",
            "host::check_interrupt",
            &[],
        );
        for (bits, ty) in [(32, "u32"), (64, "u64")] {
            host(
                &format!("memory_grow_m{bits}"),
                &MEMORY_GROW,
                "S[args] := size of the memory in pages of 1 << shift bytes if S[args] = 0; else as call_runtime",
                "host::memory_grow",
                &[ty],
            );
        }
        host(
            "memory_fill_m32",
            &MEMORY_FILL,
            "bytes from S[args] on := S[args + 1], S[args + 2] of them, if few; else as call_runtime",
            "bulk::fill",
            &[],
        );
        host(
            "memory_copy_m32",
            &MEMORY_COPY,
            "bytes from S[args] on := those from S[args + 1] on, S[args + 2] of them, if few; else as call_runtime",
            "bulk::copy",
            &[],
        );
    }

    /// A function with more slots than operands reach has its frame behind those that are far.
    fn far(&mut self) {
        self.row("enter_far", "call", &ENTER_FAR)
            .effect("fp := fp + slots, with a copy of the header; S[-zero .. 0] := 0")
            .body("call::enter_far", &[])
            .traps()
            .alone();
        self.row("leave_far", "call", &LEAVE_FAR)
            .effect("fp := fp - slots, with a copy of the header")
            .body("call::leave_far", &[])
            .alone();
    }

    /// A function that pins saves its caller's pinned locals on entry and restores them at the end: its
    /// returns say which.
    fn pinning(&mut self) {
        self.row("pin_ints", "call", &PIN_INTS)
            .effect("save pinned integers in this frame; pin0 := S[src0]; pin1 := S[src1]")
            .body("call::pin_ints", &[]);
        self.row("pin_floats", "call", &PIN_FLOATS)
            .effect("save pinned floats in this frame; pin0 := S[src0]; pin1 := S[src1]; pin2 := S[src2]")
            .body("call::pin_floats", &[]);
        for (restore, suffix, ints, floats) in [
            (0, "", "false", "false"),
            (1, "_ri", "true", "false"),
            (2, "_rf", "false", "true"),
            (3, "_rif", "true", "true"),
        ] {
            let what = ["", "integers", "floats", "integers and floats"][restore];
            if restore > 0 {
                self.row(format!("unpin{suffix}"), "call", &EMPTY)
                    .effect(format!("restore pinned {what}"))
                    .body("call::unpin", &[ints, floats])
                    .key(&key::UNPIN, &[restore]);
            }
            let tail =
                if restore == 0 { String::new() } else { format!("; restore pinned {what}") };
            self.row(format!("ret{suffix}"), "return", &EMPTY)
                .effect(format!("pc := S[RET_PC]; fp := S[CALLER_FP]{tail}"))
                .body("call::ret", &[ints, floats])
                .key(&key::RET, &[restore])
                .ends();
            for (n, (kind, t, classes)) in
                [("", "u64", "aslmi"), ("f", "f64", "aslmn")].into_iter().enumerate()
            {
                let pinned = if n == 0 { ints } else { floats } == "true";
                for x in each(classes) {
                    if !pinned && !matches!(x, Class::A | Class::S | Class::I) {
                        continue;
                    }
                    self.row(format!("ret_{kind}{x}{suffix}"), "return", &RETURN)
                        .classes(&[x])
                        .effect(format!("S[to] := {}; return{tail}", show(x, "value")))
                        .body("call::ret_value", &[t, ints, floats])
                        .key(&key::RETURN, &[restore, n, x as usize])
                        .forwards()
                        .ends();
                }
            }
        }
    }
}
