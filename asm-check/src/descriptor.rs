//! The descriptor that every binary with Threadle in it carries: where its handlers are.
//!
//! ```text
//!  0  magic        "threadle-ops-v1\0"
//! 16  table_hash   u64, FNV-1a over the op names
//! 24  backend      u32, 0 loop, 1 sibling, 2 become
//! 28  threading    u32, 0 direct, 1 table, 2 direct with a handler table of 32-bit distances
//! 32  op_count     u32
//! 36  named_count  u32
//! 40  handlers     address of op_count addresses, or distances from here, indexed by opcode
//! 48  named        address of named_count rows:
//!                    0 name, 8 name_len, 16 addr, 24 kind u32, 28 padding
//! ```

use crate::Failure;
use crate::image::Image;

const MAGIC: &[u8; 16] = b"threadle-ops-v1\0";
const NAMED_SIZE: u64 = 32;
/// Far above any table there will be: keeps a damaged count from costing memory.
const MAX_ROWS: u32 = 1 << 16;

/// How handlers reach each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backend {
    /// Handlers return to a loop: nothing here to prove.
    Loop,
    /// The optimiser's sibling calls.
    Sibling,
    /// The language's guaranteed tail calls.
    Become,
}

impl Backend {
    /// The name used in labels and file names.
    pub fn name(self) -> &'static str {
        match self {
            Backend::Loop => "loop",
            Backend::Sibling => "sibling",
            Backend::Become => "become",
        }
    }
}

/// What the code stream holds in place of an opcode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Threading {
    /// The handler's address.
    Direct,
    /// An index into the handler table.
    Table,
}

impl Threading {
    /// The name used in labels and file names.
    pub fn name(self) -> &'static str {
        match self {
            Threading::Direct => "direct",
            Threading::Table => "table",
        }
    }
}

/// What a function that the descriptor names, or a handler, is for: decides its rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// The body of an op.
    Handler,
    /// Out-of-line work that handlers jump to; it ends in a tail call like they do.
    Cold,
    /// The way out to native code and back.
    Trampoline,
    /// Ends the handler chain: the only kind that returns into the entry.
    Exit,
    /// Starts the handler chain: calls the first handler.
    Entry,
}

impl Kind {
    /// The name used in reports.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Handler => "handler",
            Kind::Cold => "cold",
            Kind::Trampoline => "trampoline",
            Kind::Exit => "exit",
            Kind::Entry => "entry",
        }
    }
}

/// A function the descriptor names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// Its name.
    pub name: String,
    /// Where it starts.
    pub address: u64,
    /// What it is for.
    pub kind: Kind,
}

/// The descriptor, with everything it points to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Descriptor {
    /// Which op table the binary was built from.
    pub table_hash: u64,
    /// How handlers reach each other.
    pub backend: Backend,
    /// What the code stream holds.
    pub threading: Threading,
    /// The address of the handler table itself.
    pub table: u64,
    /// Handler addresses by opcode.
    pub handlers: Vec<u64>,
    /// Functions that are no handlers.
    pub named: Vec<Named>,
}

impl Descriptor {
    /// Finds and reads every descriptor of a binary: one for each version of Threadle in it.
    ///
    /// # Errors
    /// [`Failure::NoDescriptor`] where there is none, [`Failure::Unreadable`] where one is
    /// damaged.
    pub fn read_all(image: &Image) -> Result<Vec<Descriptor>, Failure> {
        let found = image.find(MAGIC);
        if found.is_empty() {
            return Err(Failure::NoDescriptor);
        }
        found.into_iter().map(|at| Descriptor::read(image, at)).collect()
    }

    fn read(image: &Image, at: u64) -> Result<Descriptor, Failure> {
        let bad = |what: String| Failure::Unreadable(format!("descriptor at {at:#x}: {what}"));
        let cut = || bad("cut short".to_string());
        let word = |offset: u64| image.read_u64(at + offset).ok_or_else(cut);
        let half = |offset: u64| image.read_u32(at + offset).ok_or_else(cut);

        let backend = match half(24)? {
            0 => Backend::Loop,
            1 => Backend::Sibling,
            2 => Backend::Become,
            other => return Err(bad(format!("backend {other} is unknown"))),
        };
        let (threading, distances) = match half(28)? {
            0 => (Threading::Direct, false),
            1 => (Threading::Table, false),
            2 => (Threading::Direct, true),
            other => return Err(bad(format!("threading {other} is unknown"))),
        };
        let (op_count, named_count) = (half(32)?, half(36)?);
        if op_count > MAX_ROWS || named_count > MAX_ROWS {
            return Err(bad(format!("{op_count} ops and {named_count} names are too many")));
        }
        let table = word(40)?;
        let mut handlers = Vec::new();
        for index in 0..u64::from(op_count) {
            let address = if distances {
                let distance = image.read_u32(table.wrapping_add(index * 4));
                distance.map(|it| table.wrapping_add_signed(i64::from(it as i32)))
            } else {
                image.read_u64(table.wrapping_add(index * 8))
            };
            let address =
                address.ok_or_else(|| bad(format!("handler {index} is outside the file")))?;
            handlers.push(
                code(image, address)
                    .ok_or_else(|| bad(format!("handler {index} ({address:#x}) is not code")))?,
            );
        }

        let rows = word(48)?;
        let mut named = Vec::new();
        for index in 0..u64::from(named_count) {
            named.push(
                read_named(image, rows.wrapping_add(index * NAMED_SIZE))
                    .map_err(|e| bad(format!("name {index}: {e}")))?,
            );
        }
        Ok(Descriptor { table_hash: word(16)?, backend, threading, table, handlers, named })
    }
}

fn code(image: &Image, address: u64) -> Option<u64> {
    image.is_code(address).then_some(address)
}

fn read_named(image: &Image, at: u64) -> Result<Named, String> {
    let word = |offset: u64| image.read_u64(at.wrapping_add(offset)).ok_or("outside the file");
    let (start, len, address) = (word(0)?, word(8)?, word(16)?);
    let kind = match image.read_u32(at.wrapping_add(24)).ok_or("outside the file")? {
        0 => Kind::Cold,
        1 => Kind::Trampoline,
        2 => Kind::Exit,
        3 => Kind::Entry,
        other => return Err(format!("kind {other} is unknown")),
    };
    if len > 256 {
        return Err(format!("a name of {len} bytes"));
    }
    let bytes = image.read(start, len as usize);
    let name = std::str::from_utf8(bytes)
        .ok()
        .filter(|_| bytes.len() as u64 == len)
        .ok_or("the name is not text")?;
    if !image.is_code(address) {
        return Err(format!("{name} ({address:#x}) is not code"));
    }
    Ok(Named { name: name.to_string(), address, kind })
}
