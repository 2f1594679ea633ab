//! Rows that decide where execution goes on: traps, branches, calls, host calls, returns.

use super::{CLASSES, Field, INT_DSTS, Kind, Table, class, show, src_field, ty};

impl Table {
    pub(super) fn control(&mut self) {
        use Kind::*;
        self.row(
            "trap",
            "control",
            8,
            vec![("code", Imm32, 0)],
            "trap with code",
            "control::trap_op",
            None,
        );
        self.row("br", "control", 8, vec![("to", Target, 4)], "pc := to", "control::br", None);
        for d in INT_DSTS {
            self.row(
                format!("br_table_{d}"),
                "br_table",
                8,
                vec![src_field(d, "index", 0, Imm16), ("count", Count32, 4)],
                format!(
                    "pc := targets[min({}, count)]; count + 1 distances follow",
                    show(d, "index")
                ),
                format!("control::br_table::<{}>", ty(d)),
                Some(("BR_TABLE", class(d))),
            );
        }
        self.row(
            "zero_locals",
            "control",
            8,
            vec![("first", Dst, 0), ("count", Count, 2)],
            "S[first .. first + count] := 0",
            "control::zero_locals",
            None,
        );
        self.row(
            "exit",
            "control",
            0,
            vec![],
            "leave the activation: its results are in place",
            "control::exit",
            None,
        );
        self.row(
            "lazy_compile",
            "control",
            0,
            vec![],
            "translate the function, then run it",
            "host::lazy_compile",
            None,
        );
        self.row(
            "consume_fuel",
            "control",
            8,
            vec![("amount", Count32, 0)],
            "fuel := fuel - amount; trap when negative",
            "control::consume_fuel",
            None,
        );
        self.row(
            "check_interrupt",
            "control",
            0,
            vec![],
            "trap when the embedder asked for it",
            "control::check_interrupt",
            None,
        );
    }

    pub(super) fn calls(&mut self) {
        use Kind::*;
        let delta = ("frame", Dst, 0);
        self.row(
            "call",
            "call",
            8,
            vec![delta, ("func", Func, 4)],
            "call code[func] with its frame at S[frame]",
            "call::call",
            None,
        );
        self.row(
            "call_import",
            "call",
            8,
            vec![delta, ("args", Slot, 2), ("at", Ctx, 4)],
            "call the function at ctx + at with its frame at S[frame], its arguments at S[args]",
            "call::call_import",
            None,
        );
        for x in INT_DSTS {
            self.row(
                format!("call_indirect_{x}"),
                "call",
                16,
                vec![delta, src_field(x, "index", 2, Imm16), ("table", Ctx, 4), ("type", Type, 8)],
                format!("call table[{}] after a type check", show(x, "index")),
                format!("call::call_indirect::<{}>", ty(x)),
                Some(("CALL_INDIRECT", class(x))),
            );
        }
        self.row(
            "call_indirect_sub",
            "call",
            16,
            vec![delta, ("index", Slot, 2), ("table", Ctx, 4), ("type", Type, 8)],
            "call table[S[index]] after a subtype check; 64-bit index",
            "call::call_indirect_general",
            None,
        );
        self.row(
            "call_ref",
            "call",
            8,
            vec![delta, ("func", Slot, 2)],
            "call the function that S[func] refers to",
            "call::call_ref",
            None,
        );
        let tail = |rest: &[Field]| {
            let mut fields =
                vec![("args", Slot, 0), ("count", Count, 2), ("to", Dst, 4), ("frame", Dst, 6)];
            fields.extend_from_slice(rest);
            fields
        };
        self.row(
            "return_call",
            "tail_call",
            16,
            tail(&[("func", Func, 8)]),
            "move the arguments to S[to], the header to S[frame], and jump to code[func]",
            "call::return_call",
            None,
        );
        self.row(
            "return_call_import",
            "tail_call",
            16,
            tail(&[("at", Ctx, 8)]),
            "the same, to the function at ctx + at",
            "call::return_call_import",
            None,
        );
        self.row(
            "return_call_indirect",
            "tail_call",
            24,
            tail(&[("table", Ctx, 8), ("type", Type, 12), ("index", Slot, 16)]),
            "the same, to table[S[index]] after a type check",
            "call::return_call_indirect::<false>",
            None,
        );
        self.row(
            "return_call_indirect_sub",
            "tail_call",
            24,
            tail(&[("table", Ctx, 8), ("type", Type, 12), ("index", Slot, 16)]),
            "the same after a subtype check; 64-bit index",
            "call::return_call_indirect::<true>",
            None,
        );
        self.row(
            "return_call_ref",
            "tail_call",
            16,
            tail(&[("func", Slot, 8)]),
            "the same, to the function that S[func] refers to",
            "call::return_call_ref",
            None,
        );
        self.row(
            "return_thunk",
            "call",
            0,
            vec![],
            "end of a call that left the instance: ctx := S[OWN_CTX]; pc := S[OWN_RESUME]",
            "call::return_thunk",
            None,
        );
        self.row(
            "call_indirect_host",
            "host",
            8,
            vec![("sig", Type, 0), ("args", Count32, 4)],
            "through the trampoline: call the host function of this frame, whose arguments are args slots below it, by signature sig; then return",
            "host::call_indirect_host",
            None,
        );
        self.row(
            "call_runtime",
            "host",
            24,
            vec![
                ("frame", Dst, 0),
                ("args", Slot, 2),
                ("x", Count32, 4),
                ("y", Count32, 8),
                ("z", Count32, 12),
                ("func", Runtime, 16),
            ],
            "through the trampoline: call a runtime function with arguments and results at S[args]",
            "host::call_runtime",
            None,
        );
        for (bits, ty) in [(32, "u32"), (64, "u64")] {
            self.row(
                format!("memory_grow_m{bits}"),
                "host",
                24,
                vec![
                    ("frame", Dst, 0),
                    ("args", Slot, 2),
                    ("memory", Ctx, 4),
                    ("wide", Count32, 8),
                    ("shift", Count32, 12),
                    ("func", Runtime, 16),
                ],
                "S[args] := size of the memory in pages of 1 << shift bytes if S[args] = 0; else as call_runtime",
                format!("host::memory_grow::<{ty}>"),
                None,
            );
        }
        for (name, operands, effect) in [
            (
                "fill",
                [("memory", Ctx, 4), ("y", Count32, 8)],
                "bytes from S[args] on := S[args + 1], S[args + 2] of them, if few; else as call_runtime",
            ),
            (
                "copy",
                [("to", Ctx, 4), ("from", Ctx, 8)],
                "bytes from S[args] on := those from S[args + 1] on, S[args + 2] of them, if few; else as call_runtime",
            ),
        ] {
            let mut fields = vec![("frame", Dst, 0), ("args", Slot, 2)];
            fields.extend(operands);
            fields.extend([("z", Count32, 12), ("func", Runtime, 16)]);
            self.row(
                format!("memory_{name}_m32"),
                "host",
                24,
                fields,
                effect,
                format!("bulk::{name}"),
                None,
            );
        }
        // A function that pins saves its caller's pinned locals on entry and restores them at the end:
        // its returns say which.
        self.row(
            "pin_ints",
            "call",
            8,
            vec![("src0", Slot, 0), ("src1", Slot, 2)],
            "save pinned integers in this frame; pin0 := S[src0]; pin1 := S[src1]",
            "call::pin_ints",
            None,
        );
        self.row(
            "pin_floats",
            "call",
            8,
            vec![("src0", Slot, 0), ("src1", Slot, 2), ("src2", Slot, 4)],
            "save pinned floats in this frame; pin0 := S[src0]; pin1 := S[src1]; pin2 := S[src2]",
            "call::pin_floats",
            None,
        );
        for (restore, suffix, ints, floats) in [
            (0, "", false, false),
            (1, "_ri", true, false),
            (2, "_rf", false, true),
            (3, "_rif", true, true),
        ] {
            let what = ["", "integers", "floats", "integers and floats"][restore];
            if restore > 0 {
                self.row(
                    format!("unpin{suffix}"),
                    "call",
                    0,
                    vec![],
                    format!("restore pinned {what}"),
                    format!("call::unpin::<{ints}, {floats}>"),
                    Some(("UNPIN", restore)),
                );
            }
            let tail =
                if restore == 0 { String::new() } else { format!("; restore pinned {what}") };
            self.row(
                format!("ret{suffix}"),
                "return",
                0,
                vec![],
                format!("pc := S[RET_PC]; fp := S[CALLER_FP]{tail}"),
                format!("call::ret::<{ints}, {floats}>"),
                Some(("RET", restore)),
            );
            for (n, (kind, t, classes)) in
                [("", "u64", "aslmi"), ("f", "f64", "aslmn")].into_iter().enumerate()
            {
                let pinned = if n == 0 { ints } else { floats };
                for x in classes.chars().filter(|x| pinned || matches!(x, 'a' | 's' | 'i')) {
                    let at = if x == 'i' { 4 } else { 0 };
                    self.row(
                        format!("ret_{kind}{x}{suffix}"),
                        "return",
                        8,
                        vec![("to", Dst, 2), src_field(x, "value", at, Imm32)],
                        format!("S[to] := {}; return{tail}", show(x, "value")),
                        format!("call::ret_value::<{}, {t}, {ints}, {floats}>", ty(x)),
                        Some(("RETURN", (restore * 2 + n) * CLASSES + class(x))),
                    );
                }
            }
        }
    }
}
