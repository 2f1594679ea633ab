//! The op table, as far as the checker needs it: the names that go with handler addresses.

use crate::Failure;

/// The op table as the build script makes it: the checker needs no build of the engine.
#[path = "../../src/isa/table.rs"]
#[allow(dead_code, missing_docs, reason = "what the build script needs")]
mod table;

pub use table::unfused_name;

/// One row of the op table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Op {
    /// The name everything else uses for the op.
    pub name: String,
    /// What it does, as an equation.
    pub effect: String,
    /// The family file its row is in; `load` and `store` have a rule of their own.
    pub family: String,
    /// Bytes it takes in the code stream.
    pub size: usize,
}

/// The rows in opcode order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpTable {
    /// Row `i` describes opcode `i`.
    pub ops: Vec<Op>,
}

impl OpTable {
    /// The table of the Threadle that this checker belongs to, with the fused ops that builds have
    /// (`THREADLE_FUSED=off` leaves them out here too).
    pub fn own() -> OpTable {
        let fused = match std::env::var("THREADLE_FUSED").as_deref() {
            Ok("off") => "",
            _ => include_str!("../../src/isa/fused.txt"),
        };
        let table = table::Table::build(fused);
        let op = |row: &table::Row| Op {
            name: row.name.clone(),
            effect: row.effect.clone(),
            family: row.family.to_string(),
            // With direct threading: a head of eight bytes, and instructions in units of eight.
            size: (8 + usize::from(table.bytes(row))).next_multiple_of(8),
        };
        OpTable { ops: table.rows.iter().map(op).collect() }
    }

    /// Reads a table from text: one op per line, `name family size effect`, separated by tabs.
    /// Empty lines and lines that start with `#` are skipped. This is what `asm-check list
    /// --format ops` prints.
    ///
    /// # Errors
    /// [`Failure::Input`] for a line without a name or with a size that is no number.
    pub fn parse(text: &str) -> Result<OpTable, Failure> {
        let mut ops = Vec::new();
        for (number, line) in text.lines().enumerate() {
            if line.trim().is_empty() || line.starts_with('#') {
                continue;
            }
            let bad = |what: &str| Failure::Input(format!("op table, line {}: {what}", number + 1));
            let mut fields = line.splitn(4, '\t');
            let name = fields.next().filter(|n| !n.is_empty()).ok_or_else(|| bad("no name"))?;
            let family = fields.next().unwrap_or("");
            let size = match fields.next() {
                None | Some("") => 0,
                Some(text) => text.parse().map_err(|_| bad("size is no number"))?,
            };
            let effect = fields.next().unwrap_or("");
            ops.push(Op { name: name.into(), effect: effect.into(), family: family.into(), size });
        }
        Ok(OpTable { ops })
    }

    /// The table in the form that [`OpTable::parse`] reads.
    pub fn to_text(&self) -> String {
        self.ops
            .iter()
            .map(|op| format!("{}\t{}\t{}\t{}\n", op.name, op.family, op.size, op.effect))
            .collect()
    }

    /// FNV-1a, 64 bits, over all names, each followed by a newline: what a binary's descriptor
    /// carries to say which table it was built from.
    pub fn hash(&self) -> u64 {
        let mut hash = 0xcbf2_9ce4_8422_2325_u64;
        for byte in self.ops.iter().flat_map(|op| op.name.bytes().chain([b'\n'])) {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
        hash
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_own_table_has_the_fused_ops() {
        let ops = OpTable::own().ops;
        assert_eq!(ops[0].name, "trap");
        assert!(ops.iter().any(|op| op.family == "fused" && op.name.contains("__")));
    }

    #[test]
    fn text_form_round_trips() {
        let text = "add\tnumeric\t8\tacc := acc + s0\nret\tcontrol\t4\t\n";
        let table = OpTable::parse(text).unwrap();
        assert_eq!(table.ops.len(), 2);
        assert_eq!(table.ops[0].effect, "acc := acc + s0");
        assert_eq!(table.to_text(), text);
    }

    #[test]
    fn bad_size_names_its_line() {
        let Err(Failure::Input(message)) = OpTable::parse("a\tb\t8\t\n\nc\td\tx\t") else {
            panic!()
        };
        assert!(message.contains("line 3"), "{message}");
    }

    #[test]
    fn hash_is_fnv1a_over_names_and_newlines() {
        // Reference value of FNV-1a 64 for the two bytes "a\n".
        let step = |h: u64, b: u8| (h ^ u64::from(b)).wrapping_mul(1_099_511_628_211);
        let expected = step(step(14_695_981_039_346_656_037, b'a'), b'\n');
        assert_eq!(OpTable::parse("a").unwrap().hash(), expected);
    }
}
