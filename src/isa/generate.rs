//! Turns the op table into Rust text. Used by the build script only.

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::prebuilt::Prebuilt;
use crate::table::format::{FORMATS, Format, Operand};
use crate::table::{Attributes, Forward, Kind, Operator, Row, Table};

/// `i32_add_asi` to `I32AddAsi`.
fn camel(name: &str) -> String {
    name.split('_')
        .map(|word| {
            let mut chars = word.chars();
            chars
                .next()
                .map_or(String::new(), |c| c.to_ascii_uppercase().to_string() + chars.as_str())
        })
        .collect()
}

/// The op enum, the rows as data, the operator enums and the translator's lookup tables.
///
/// Turns the row `i32_add_asi` into
/// `Op::I32AddAsi`, a `Shape`, and an entry of `BINARY`.
pub fn ops(table: &Table) -> String {
    let mut s = String::new();
    s += "/// A bytecode instruction. The number is the opcode.\n";
    s += "#[allow(missing_docs, reason = \"fused ops are named by their parts\")]\n#[derive(Clone, Copy, PartialEq, Eq, Hash)]\n#[repr(u16)]\npub enum Op {\n";
    for (i, row) in table.rows.iter().enumerate() {
        if row.parts.is_empty() {
            let _ = writeln!(s, "    /// `{}`", row.effect);
        }
        let _ = writeln!(s, "    {} = {i},", camel(&row.name));
    }
    s += "}\n\n";
    let hash = table
        .rows
        .iter()
        .flat_map(|row| row.name.bytes().chain([b'\n']))
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
    let _ =
        writeln!(s, "/// FNV-1a over all names.\npub(crate) const TABLE_HASH: u64 = {hash:#x};\n");
    let _ = writeln!(s, "/// Number of ops.\npub const OP_COUNT: usize = {};\n", table.rows.len());
    let plain = table.rows.iter().take_while(|row| row.parts.is_empty()).count();
    let _ = writeln!(
        s,
        "/// Number of ops that are not fused. They come first.\npub const PLAIN_COUNT: usize = {plain};\n"
    );
    // What translation and loading look at, as plain numbers: no pointers, which would each cost a
    // relocation.
    s += "/// In a `Shape`: it has no such operand.\nconst NOWHERE: u8 = u8::MAX;\n";
    let (shapes, shapes_of) = numbered(table.rows.iter().map(|row| shape(table, row)));
    let number = if shapes.len() <= 256 { "u8" } else { "u16" };
    let _ = writeln!(s, "static SHAPES: [Shape; {}] = [{}];", shapes.len(), shapes.join(", "));
    let _ = writeln!(s, "static SHAPES_OF: [{number}; OP_COUNT] = {shapes_of:?};");
    let mut parts: Vec<usize> = Vec::new();
    let mut parts_at: Vec<usize> = Vec::new();
    for row in &table.rows[plain..] {
        parts_at.push(parts.len());
        parts.extend(&row.parts);
    }
    let _ = writeln!(s, "static PARTS: [u16; {}] = {parts:?};", parts.len());
    let _ = writeln!(s, "static PARTS_AT: [u16; OP_COUNT - PLAIN_COUNT] = {parts_at:?};\n");
    s += &slots(&table.rows[..plain]);
    s += &(formats() + &fusions(table) + &repetitions(table) + &forwards(table));
    // A table of all ops would be as long as all else that translation looks up by op.
    s += "impl Op {\n    \
              /// The op with this opcode.\n    \
              #[inline]\n    \
              pub fn from_u16(opcode: u16) -> Option<Op> {\n        \
                  // SAFETY: an op is a `u16`, and every number below that of ops is one.\n        \
                  (usize::from(opcode) < OP_COUNT).then(|| unsafe { core::mem::transmute::<u16, Op>(opcode) })\n    \
              }\n\
          }\n\n";

    let mut sets: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for op in &table.operators {
        sets.entry(op.set).or_default().push(&op.name);
    }
    for (set, names) in &sets {
        let _ = writeln!(s, "/// Operators that ops of this kind apply.");
        let _ = writeln!(
            s,
            "#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]\n#[repr(u8)]\npub enum {set} {{"
        );
        for name in names {
            let _ = writeln!(s, "    /// `{name}`\n    {},", camel(name));
        }
        s += "}\n\n";
    }

    s += &relations(table);

    // The forms of an op with a slot and with each pinned local as destination; 0 for none.
    let mut keys: BTreeMap<&str, BTreeMap<usize, usize>> = BTreeMap::new();
    for (i, row) in table.rows.iter().enumerate() {
        if let Some(key) = &row.key {
            let (name, position) = (key.table.name, key.position());
            let old = keys.entry(name).or_default().insert(position, i);
            assert!(old.is_none(), "{}: lookup position {name}[{position}] is taken", row.name);
        }
    }
    let forms = table.rows[..plain].iter().map(|row| {
        [1, 2, 3, 4].map(|class| {
            let key = row.key.as_ref().and_then(|key| key.with_dst(class));
            let form = key.and_then(|key| keys[key.table.name].get(&key.position()));
            form.map_or(0, |op| op + 1)
        })
    });
    // All forms of an op have the same ones.
    let (distinct, forms_of) = numbered(forms);
    let _ = writeln!(s, "static FORMS: [[u16; 4]; {}] = {distinct:?};", distinct.len());
    let _ = writeln!(s, "static FORMS_OF: [u16; PLAIN_COUNT] = {forms_of:?};");

    // A lookup table per kind of op: opcode + 1 at each position, 0 where there is no op.
    for (key, entries) in &keys {
        let len = entries.keys().last().map_or(0, |last| last + 1);
        let _ = write!(s, "static {key}: [u16; {len}] = [");
        for i in 0..len {
            let _ = write!(s, "{},", entries.get(&i).map_or(0, |op| op + 1));
        }
        s += "];\n";
    }
    s
}

/// What is known of an op by its number alone; see `Shape`.
fn shape(table: &Table, row: &Row) -> String {
    let place = |kind| {
        let field = row.fields().into_iter().find(|field| row.parts.is_empty() && field.1 == kind);
        field.map_or("NOWHERE".into(), |field| field.2.to_string())
    };
    let format =
        FORMATS.iter().position(|format| row.parts.is_empty() && format.name == row.format.name);
    let flag = |set: bool, name| if set { format!(" | Shape::{name}") } else { String::new() };
    format!(
        "Shape {{ body: {}, tail: {}, format: {}, parts: {}{}{}, target: {}, function: {}, is_listed: {} }}",
        table.bytes(row),
        table.tail(row),
        format.map_or("NOWHERE".into(), |format| format.to_string()),
        row.parts.len(),
        flag(!row.forwards.is_empty(), "FORWARDS"),
        flag(row.again, "AGAIN"),
        place(Kind::Target),
        place(Kind::Runtime),
        row.parts.last().map_or(row, |part| &table.rows[*part]).format.name == "BrTable",
    )
}

/// The different values, and which of them each is.
fn numbered<T: Ord + Clone>(values: impl Iterator<Item = T>) -> (Vec<T>, Vec<usize>) {
    let mut numbers: BTreeMap<T, usize> = BTreeMap::new();
    let mut distinct = Vec::new();
    let number = |value: T| {
        *numbers.entry(value).or_insert_with_key(|value| {
            distinct.push(value.clone());
            distinct.len() - 1
        })
    };
    let of = values.map(number).collect();
    (distinct, of)
}

/// Which slots the ops that are not fused access: the ways there are, and which of them is an op's.
fn slots(plain: &[Row]) -> String {
    let ways = plain.iter().map(|row| {
        let mask = |kind| {
            let fields = row.fields().into_iter().filter(|field| field.1 == kind);
            fields.fold(0_u16, |mask, (name, _, at)| {
                assert!(at % 2 == 0 && at < 32, "{}: {name} is at {at}", row.name);
                mask | 1 << (at / 2)
            })
        };
        let Attributes { pair, refers, guarded, .. } = row.attributes;
        format!(
            "Slots {{ reads: {:#x}, writes: {:#x}, pair: {pair}, refers: {refers}, guarded: {guarded} }}",
            mask(Kind::Slot),
            mask(Kind::Dst),
        )
    });
    let (ways, of_ops) = numbered(ways);
    format!(
        "static SLOTS: [Slots; {}] = [{}];\nstatic SLOTS_OF: [u8; PLAIN_COUNT] = {of_ops:?};\n",
        ways.len(),
        ways.join(", ")
    )
}

/// What binary operators and comparisons have to do with each other.
fn relations(table: &Table) -> String {
    let mut all = String::new();
    for set in ["Bin", "Cmp"] {
        let mut s = String::new();
        let operators = || table.operators.iter().filter(|it| it.set == set);
        let has = |name: &&String| operators().any(|it| it.name == **name);
        // Turns pairs of operators into a function from one to the other.
        let mut function = |doc: &str, name: &str, to: &str, pairs: Vec<(&str, &str)>| {
            let _ = writeln!(s, "    /// {doc}\n    pub fn {name}(self) -> Option<{to}> {{");
            s += "        Some(match self {\n";
            let count = pairs.len();
            for (from, into) in pairs {
                let _ = writeln!(s, "            {set}::{} => {to}::{},", camel(from), camel(into));
            }
            if count < operators().count() {
                s += "            _ => return None,\n";
            }
            s += "        })\n    }\n\n";
        };
        let other = |other: fn(&Operator) -> &Option<String>| {
            let pairs =
                operators().filter_map(|it| Some((&it.name, other(it).as_ref().filter(has)?)));
            pairs.map(|(from, into)| (&**from, &**into)).collect::<Vec<_>>()
        };
        let mirrors = other(|it| &it.mirror);
        let doc =
            "The comparison that computes the same with its operands swapped, if that is another.";
        function(doc, "mirror", set, mirrors);
        let doc = "The comparison with the opposite result.";
        function(doc, "negation", set, other(|it| &it.negation));
        let conditions = table.operators.iter().filter(|it| it.set == "Cmp");
        let conditions = conditions.filter(|it| set == "Bin" && has(&&it.name));
        let conditions: Vec<_> = conditions.map(|it| (&*it.name, &*it.name)).collect();
        if !conditions.is_empty() {
            function("The condition that it computes.", "condition", "Cmp", conditions);
        }
        let mut property = |doc: &str, name: &str, has_it: fn(&Operator) -> bool| {
            let _ = writeln!(s, "    /// {doc}\n    pub fn {name}(self) -> bool {{");
            let named =
                operators().filter(|it| has_it(it)).map(|it| format!("{set}::{}", camel(&it.name)));
            let named = named.collect::<Vec<_>>().join("\n                | ");
            let _ = writeln!(s, "        matches!(self, {named})\n    }}\n");
        };
        let doc = "Whether it computes the same with its operands swapped.";
        property(doc, "commutes", |it| it.commutes);
        let doc = "Whether its ops are those with an immediate alone: with other operands it is asked for mirrored.";
        property(doc, "is_mirrored", |it| it.is_mirrored);
        let _ = writeln!(all, "impl {set} {{\n{s}}}\n");
    }
    all
}

/// The type that holds an operand without a class.
fn plain(operand: &Operand) -> &'static str {
    match operand.places[0].0 {
        Kind::Dst | Kind::Slot | Kind::Imm16 => "i16",
        Kind::Count => "u16",
        Kind::Far | Kind::Imm32 | Kind::Target => "i32",
        Kind::Off32 | Kind::Count32 | Kind::Func | Kind::Ctx | Kind::Type => "u32",
        Kind::Imm64 | Kind::F32 | Kind::F64 | Kind::Off64 | Kind::Runtime => "u64",
        Kind::Bytes16 => "[u8; 16]",
        Kind::Acc | Kind::Pin | Kind::Absent => unreachable!("not in a format"),
    }
}

/// A structure of operands per format.
///
/// Turns `Load LOAD { dst: D @ 0, addr: X @ 2, offset: Off32 @ 4 }` into
/// `struct Load { dst: i16, addr: Src, offset: u32 }` with their places as `Load::DST`, `Load::ADDR` and
/// `Load::OFFSET`.
fn formats() -> String {
    let mut s = String::from(
        "/// The operands of instructions: a structure per format, with where each operand stands as a constant.\n\
         pub mod op {\n    use super::operand::{Field, Operands, Place, Plain, Src};\n    use super::table;\n",
    );
    for (number, format) in FORMATS.iter().enumerate() {
        format_of(&mut s, number, format);
    }
    s += "    /// Reads the operands of an instruction and writes them again, which must give the same.\n    \
          #[cfg(test)]\n    pub(crate) fn again(format: u8, fields: &[table::Field], from: &[u8], to: &mut [u8]) -> Option<()> {\n        match format {\n";
    for (number, format) in FORMATS.iter().enumerate() {
        let name = format.name;
        let _ = writeln!(s, "            {number} => {name}::decode(fields, from)?.encode(to),");
    }
    s += "            _ => return None,\n        }\n        Some(())\n    }\n}\n\n";
    s
}

/// Whether an operand is a slot, hence has a place that says so.
fn is_place(operand: &Operand) -> bool {
    matches!(operand.places[0].0, Kind::Dst | Kind::Slot)
}

fn format_of(s: &mut String, number: usize, format: &Format) {
    let Format { name, doc, operands } = format;
    let _ = writeln!(
        s,
        "    ///{doc}\n    #[derive(Clone, Copy, PartialEq, Debug)]\n    pub struct {name} {{"
    );
    for operand in *operands {
        let is_src = operand.classed && operand.places[0].0 == Kind::Slot;
        let ty = if is_src { "Src" } else { plain(operand) };
        let _ = writeln!(s, "        /// `{0}`\n        pub {0}: {ty},", operand.name);
    }
    let _ = writeln!(s, "    }}\n    impl {name} {{");
    // Without immediates, with narrow and with wide ones.
    let (mut body, mut narrow, mut wide) = (0, 0, 0);
    for operand in *operands {
        let constant = operand.name.to_uppercase();
        let at = operand.places[0].1;
        let end = at + operand.places[0].0.width();
        (body, narrow, wide) = (body.max(end), narrow.max(end), wide.max(end));
        if operand.classed && operand.places[0].0 == Kind::Dst {
            assert_eq!(at, 0, "{name}: a destination comes first");
        }
        if !is_place(operand) {
            let ty = plain(operand);
            let _ = writeln!(
                s,
                "        /// Where `{}` stands.\n        pub const {constant}: Field<{ty}> = Field::at({at});",
                operand.name
            );
            continue;
        }
        let mut place = format!("Place::slot_at({at})");
        let mut seen = "";
        for (kind, at) in &operand.places[1..] {
            let form = match kind {
                Kind::Imm16 => "half_at",
                Kind::Imm32 => "word_at",
                _ => "wide_at",
            };
            let end = at + kind.width();
            if form == "wide_at" {
                wide = wide.max(end);
            } else {
                narrow = narrow.max(end);
            }
            if seen != form {
                let _ = write!(place, ".{form}({at})");
            }
            seen = form;
        }
        let _ = writeln!(
            s,
            "        /// Where `{}` stands.\n        pub const {constant}: Place = {place};",
            operand.name
        );
    }
    let [body, narrow, wide] = [body, narrow, wide].map(|end: u8| end.next_multiple_of(8));
    assert_eq!(body, narrow, "{name}: a narrow immediate makes it longer");
    let _ =
        writeln!(s, "        /// Bytes of all operands.\n        pub const BODY: usize = {body};");
    if wide > body {
        let _ = writeln!(
            s,
            "        /// The same with a 64-bit immediate.\n        pub const WIDE_BODY: usize = {wide};"
        );
    }
    let _ = writeln!(
        s,
        "    }}\n    impl Operands for {name} {{\n        const FORMAT: u8 = {number};\n        #[inline]\n        fn encode(&self, body: &mut [u8]) {{"
    );
    if operands.is_empty() {
        s.push_str("            let _ = body;\n");
    }
    for operand in *operands {
        let (field, constant) = (operand.name, operand.name.to_uppercase());
        let _ = if operand.classed && operand.places[0].0 == Kind::Slot {
            writeln!(s, "            self.{field}.encode({name}::{constant}, body);")
        } else if is_place(operand) {
            writeln!(s, "            self.{field}.encode({name}::{constant}.slot(), body);")
        } else {
            writeln!(s, "            self.{field}.encode({name}::{constant}.byte(), body);")
        };
    }
    let is_src = |operand: &&Operand| operand.classed && operand.places[0].0 == Kind::Slot;
    let sources = operands.iter().map(|it| if is_src(&it) { it.name } else { "_" });
    let sources = sources.collect::<Vec<_>>().join(", ");
    let _ = writeln!(
        s,
        "        }}\n        fn decode(fields: &[table::Field], body: &[u8]) -> Option<{name}> {{\n            let &[{sources}] = fields else {{ return None }};"
    );
    if operands.is_empty() {
        s.push_str("            let _ = body;\n");
    }
    let _ = writeln!(s, "            Some({name} {{");
    for operand in operands.iter() {
        let (field, constant) = (operand.name, operand.name.to_uppercase());
        let _ = if is_src(&operand) {
            writeln!(s, "                {field}: Src::decode({field}, body)?,")
        } else if is_place(operand) {
            writeln!(s, "                {field}: Plain::decode({name}::{constant}.slot(), body)?,")
        } else {
            writeln!(s, "                {field}: Plain::decode({name}::{constant}.byte(), body)?,")
        };
    }
    s.push_str("            })\n        }\n    }\n");
}

/// The sequences of ops that have a fused op, as a trie in flat arrays.
fn fusions(table: &Table) -> String {
    // Per node: the op on each edge and where it leads, and the fused op of the way here.
    let mut nodes: Vec<(BTreeMap<usize, usize>, usize)> = vec![(BTreeMap::new(), 0)];
    for (fused, row) in
        table.rows.iter().enumerate().filter(|(_, row)| !row.parts.is_empty() && !row.again)
    {
        let mut node = 0;
        for part in &row.parts {
            let fresh = nodes.len();
            node = *nodes[node].0.entry(*part).or_insert(fresh);
            if node == fresh {
                nodes.push((BTreeMap::new(), 0));
            }
        }
        // Of two forms the one that forwards: whoever finds it looks whether it may.
        let found = &mut nodes[node].1;
        if *found == 0 || !row.forwards.is_empty() {
            let other = found.checked_sub(1).map(|other| &table.rows[other]);
            assert!(
                other.is_none_or(|other| other.forwards.is_empty()),
                "fused.txt: {} forwards and so does another form of it",
                row.name
            );
            *found = fused + 1;
        }
    }
    let mut starts = vec![0; table.rows.iter().filter(|row| row.parts.is_empty()).count()];
    for (op, next) in core::mem::take(&mut nodes[0].0) {
        starts[op] = next;
    }
    let edges: Vec<(usize, usize)> =
        nodes.iter().flat_map(|node| node.0.iter().map(|(op, next)| (*op, *next))).collect();
    let mut first = 0;
    let places: Vec<(usize, usize)> = nodes
        .iter()
        .map(|(own, fused)| {
            first += own.len();
            (first, *fused)
        })
        .collect();
    format!(
        "static FUSION_STARTS: [u16; {}] = {starts:?};\n\
         static FUSION_EDGES: [(u16, u16); {}] = {edges:?};\n\
         static FUSION_NODES: [(u16, u16); {}] = {places:?};\n",
        starts.len(),
        edges.len(),
        places.len()
    )
}

/// Fused ops and their forms for loops of one instruction.
fn repetitions(table: &Table) -> String {
    let pairs: Vec<(usize, usize)> = table
        .rows
        .iter()
        .enumerate()
        .filter(|(_, row)| row.again)
        .map(|(again, row)| {
            let once = table
                .rows
                .iter()
                .position(|it| !it.again && it.parts == row.parts && it.forwards == row.forwards);
            (
                once.unwrap_or_else(|| panic!("fused.txt: {} without its plain form", row.name)),
                again,
            )
        })
        .collect();
    format!("static REPETITIONS: [(u16, u16); {}] = {pairs:?};\n", pairs.len())
}

/// The operands that fused ops forward, and those ops' forms that forward nothing, where there are any.
fn forwards(table: &Table) -> String {
    let rows = || table.rows.iter().enumerate().filter(|(_, row)| !row.forwards.is_empty());
    let mut s = String::new();
    for (op, row) in rows() {
        for forward in &row.forwards {
            let Forward { reader, letter, place, writer, rewriters, .. } = forward;
            let _ = writeln!(
                s,
                "    Forward {{ op: {op}, reader: {reader}, letter: {letter}, place: {place}, writer: {writer}, rewriters: {rewriters} }},"
            );
        }
    }
    let plain = |row: &Row| {
        table
            .rows
            .iter()
            .position(|it| it.parts == row.parts && it.again == row.again && it.forwards.is_empty())
    };
    let pairs: Vec<(usize, usize)> =
        rows().filter_map(|(op, row)| Some((op, plain(row)?))).collect();
    let count: usize = rows().map(|(_, row)| row.forwards.len()).sum();
    format!(
        "static FORWARDS: [Forward; {count}] = [\n{s}];\n\
         static PLAIN: [(u16, u16); {}] = {pairs:?};\n",
        pairs.len()
    )
}

/// One `handler!` line per op that is not prebuilt, and the handler table; and with prebuilt ones the
/// assembly that goes with it.
pub fn handlers(table: &Table, prebuilt: Option<&Prebuilt>) -> (String, String) {
    let mut s = String::new();
    let order = order(table.rows.len());
    for &i in &order {
        let row = &table.rows[i];
        if prebuilt.is_none_or(|prebuilt| prebuilt.body_of(&row.name).is_none()) {
            let _ = writeln!(
                s,
                "handler! {{ {}, {}, {:?} }}",
                row.name,
                table.handler(row),
                format!("`{}`", row.effect)
            );
        }
    }
    let names: Vec<&str> = table.rows.iter().map(|row| &*row.name).collect();
    let Some(prebuilt) = prebuilt else {
        s += "/// Handler of each op, by opcode.\n\
              pub(super) static TABLE: [HandlerFn; OP_COUNT] = [\n";
        for name in names {
            let _ = writeln!(s, "    {name},");
        }
        s += "];\n\
              /// The handler of an op.\n\
              pub(crate) fn handler(op: usize) -> HandlerFn {\n    TABLE[op]\n}\n";
        return (s, String::new());
    };
    let (assembly, symbol, compiled) = prebuilt.assembly(&names, &order);
    s += "core::arch::global_asm!(\n    include_str!(concat!(env!(\"OUT_DIR\"), \"/handlers.s\")),\n";
    for name in compiled {
        let _ = writeln!(s, "    {name} = sym {name},");
    }
    let _ = write!(
        s,
        "    options(att_syntax)\n);\n\
         unsafe extern \"C\" {{\n    \
             /// Distance from here to the handler of each op, by opcode.\n    \
             #[link_name = {symbol:?}]\n    \
             pub(super) static TABLE: [i32; OP_COUNT];\n\
         }}\n\
         /// The handler of an op.\n\
         pub(crate) fn handler(op: usize) -> HandlerFn {{\n    \
             // SAFETY: the assembly above defines the table, with an entry for each op, which leads to a \
             function of that type; nothing writes it.\n    \
             unsafe {{\n        \
                 let table = &raw const TABLE;\n        \
                 let handler = table.byte_offset((&*table)[op] as isize).cast::<()>();\n        \
                 core::mem::transmute::<*const (), HandlerFn>(handler)\n    \
             }}\n\
         }}\n"
    );
    (s, assembly)
}

/// Order in which handlers are written, hence laid out in the binary. `THREADLE_LAYOUT_SEED`
/// shuffles it: benchmarks compare several layouts, because timing may depend on where handlers
/// happen to lie.
fn order(len: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..len).collect();
    if let Some(mut state) =
        std::env::var("THREADLE_LAYOUT_SEED").ok().and_then(|s| s.parse::<u64>().ok())
    {
        for i in (1..len).rev() {
            // Knuth's MMIX generator; quality matters little here.
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            order.swap(i, (state >> 33) as usize % (i + 1));
        }
    }
    order
}
