//! THE op table: every bytecode instruction is a row made here, and everything else that knows
//! about instructions (enum, operand structures, handler list, translator lookups, disassembler,
//! docs/bytecode.md, the profiler's names, asm-check's list) is generated from the rows. The build
//! script includes this file, so it depends on nothing but `core` and `alloc`.
//!
//! A row is data: its operands ([`format`]), their classes, the generic function whose instance its
//! handler is, what the op may do besides ([`Attributes`]), and the key under which the translator
//! finds it ([`key`]). The handler's text is made of it at the end ([`Table::handler`]).
//!
//! # Anatomy of an op name
//!
//! ```text
//!   i32_add_asi                      i32_load8_u_sl              br_i32_lt_s_si
//!   ───┬─── │││                      ─────┬───── ││              ─────┬───── ││
//!   Wasm op ││└ rhs: immediate       Wasm op     │└ address      branch if   │└ rhs
//!           │└ lhs: slot                         └ destination               └ lhs
//!           └ destination: accumulator
//! ```
//!
//! Operand classes:
//!
//! | letter | reads | writes |
//! |---|---|---|
//! | `a` | the accumulator (integer or float, by the operand's type) | the accumulator only |
//! | `s` | a frame slot | the slot, and the accumulator too, so that the next op can use `a` |
//! | `l` | the first pinned local (integer or float, by type) | the same |
//! | `m` | the second pinned local | the same |
//! | `n` | the third pinned local (floats only) | the same |
//! | `i` | an immediate in the instruction | |
//! | `k` | (addresses) nothing: the address is the offset | |
//! | `0` to `5` | (in fused ops) the slot that this part has written, from the register that it came from | |

#[path = "table/atomic.rs"]
mod atomic;
#[path = "table/class.rs"]
mod class;
#[path = "table/control.rs"]
mod control;
#[path = "table/format.rs"]
pub mod format;
#[path = "table/fused.rs"]
mod fused;
#[path = "table/key.rs"]
pub mod key;
#[path = "table/kind.rs"]
mod kind;
#[path = "table/memory.rs"]
mod memory;
#[path = "table/moves.rs"]
mod moves;
#[path = "table/numeric.rs"]
mod numeric;
#[path = "table/object.rs"]
mod object;
#[path = "table/reference.rs"]
mod reference;
#[path = "table/row.rs"]
mod row;
#[path = "table/simd.rs"]
mod simd;

use alloc::string::String;
use alloc::vec::Vec;
#[allow(unused_imports, reason = "the build script does not name them all")]
pub use class::{CLASSES, Class};

use class::{classes, each};
use format::Format;
#[allow(unused_imports, reason = "the build script needs no names without forwards")]
pub use fused::unfused_name;
use key::Lookup;
#[allow(unused_imports, reason = "the build script does not name them all")]
pub use kind::{Field, Kind};
#[allow(unused_imports, reason = "the build script does not name them")]
pub use row::{Attributes, Forward, Row};

/// An operator that the translator selects by number and operand classes.
#[derive(Default)]
pub struct Operator {
    /// Wasm-like name.
    pub name: String,
    /// Which enum it belongs to.
    pub set: &'static str,
    /// Whether it computes the same with its operands swapped.
    pub commutes: bool,
    /// For a comparison: the one that computes the same with its operands swapped, if that is another.
    pub mirror: Option<String>,
    /// For a comparison: the one with the opposite result.
    pub negation: Option<String>,
    /// Whether its rows are those with an immediate alone: with other operands it is asked for mirrored.
    pub is_mirrored: bool,
}

/// The whole table.
#[derive(Default)]
pub struct Table {
    /// All rows; the index is the opcode.
    pub rows: Vec<Row>,
    /// Members of the operator enums, in order.
    pub operators: Vec<Operator>,
}

/// Where the result of an integer op can go.
const INT_DSTS: &str = "aslm";
/// Where the result of a float op can go.
const FLOAT_DSTS: &str = "aslmn";

/// An operand in an effect, by the name that it has there.
struct Shown<'a>(Class, &'a str);

impl core::fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let Shown(class, name) = self;
        match class {
            Class::A => f.write_str("acc"),
            Class::S => write!(f, "S[{name}]"),
            Class::L => f.write_str("pin0"),
            Class::M => f.write_str("pin1"),
            Class::N => f.write_str("pin2"),
            Class::I => f.write_str(name),
        }
    }
}

/// An operand in an effect.
fn show(class: Class, name: &str) -> Shown<'_> {
    Shown(class, name)
}

/// A destination in an effect.
fn show_dst(class: Class) -> &'static str {
    match class {
        Class::A => "acc",
        Class::S => "S[dst], acc",
        Class::L => "pin0",
        Class::M => "pin1",
        _ => "pin2",
    }
}

/// Families of which profiles put no op into a fused one ([`Attributes::alone`]).
const RARE: [&str; 4] = ["atomic", "checked", "general", "tail_call"];
/// Families that have to do with references ([`Attributes::refers`]).
const REFERENCES: [&str; 6] = ["reference", "allocation", "object", "cast", "function cast", "i31"];
/// Families whose accesses compare with nothing ([`Attributes::guarded`]).
const GUARDED: [&str; 2] = ["load", "store"];

impl Table {
    /// Builds all rows. The order is the numbering; it is the same for every target.
    pub fn build(fused: &str) -> Table {
        let mut t = Table::default();
        t.control();
        t.calls();
        t.moves();
        t.integer();
        t.float();
        t.unary();
        t.compare_and_branch();
        t.select();
        t.globals();
        t.memory();
        t.memory_general();
        t.references();
        t.objects();
        t.simd();
        t.atomics();
        t.fused(fused);
        t
    }

    /// Adds a row, to be completed.
    #[inline(never)]
    fn row(
        &mut self,
        name: impl Into<String>,
        family: &'static str,
        format: &'static Format,
    ) -> &mut Row {
        self.rows.push(Row::new(name.into(), family, format));
        let row = self.rows.last_mut().expect("just added");
        row.attributes.alone = RARE.contains(&family);
        row.attributes.refers = REFERENCES.contains(&family);
        row.attributes.guarded = GUARDED.contains(&family);
        row
    }

    /// Number of `name` in operator enum `set`, added if new.
    #[inline(never)]
    fn operator(&mut self, set: &'static str, name: &str) -> usize {
        let known = self.operators.iter().filter(|o| o.set == set).position(|o| o.name == name);
        known.unwrap_or_else(|| {
            self.operators.push(Operator { name: name.into(), set, ..Operator::default() });
            self.operators.iter().filter(|o| o.set == set).count() - 1
        })
    }
}
