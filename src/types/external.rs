//! Types of globals, tables and memories.

use core::fmt;

use super::{Mutability, RefType, ValType};

/// The type of a global.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct GlobalType {
    content: ValType,
    mutability: Mutability,
}

impl GlobalType {
    /// A global with values of type `content`.
    pub const fn new(content: ValType, mutability: Mutability) -> GlobalType {
        GlobalType { content, mutability }
    }

    /// The values' type.
    pub const fn content(&self) -> ValType {
        self.content
    }

    /// Whether the global may be written.
    pub const fn mutability(&self) -> Mutability {
        self.mutability
    }
}

/// The type of a table. Sizes are in elements.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct TableType {
    element: RefType,
    minimum: u64,
    maximum: Option<u64>,
    table64: bool,
}

impl TableType {
    /// A table with 32-bit indices.
    pub const fn new(element: RefType, minimum: u32, maximum: Option<u32>) -> TableType {
        let maximum = match maximum {
            Some(max) => Some(max as u64),
            None => None,
        };
        TableType { element, minimum: minimum as u64, maximum, table64: false }
    }

    /// A table with so many elements, and indices of 32 or 64 bits.
    pub const fn from_parts(
        element: RefType,
        minimum: u64,
        maximum: Option<u64>,
        table64: bool,
    ) -> TableType {
        TableType { element, minimum, maximum, table64 }
    }

    /// The elements' type.
    pub const fn element(&self) -> RefType {
        self.element
    }

    /// Least number of elements.
    pub const fn minimum(&self) -> u64 {
        self.minimum
    }

    /// Greatest number of elements, if the table declares one.
    pub const fn maximum(&self) -> Option<u64> {
        self.maximum
    }

    /// Whether indices are 64 bits wide.
    pub const fn is_64(&self) -> bool {
        self.table64
    }

    /// The type of indices and sizes: `i32` or `i64`.
    pub const fn index_type(&self) -> ValType {
        if self.table64 { ValType::I64 } else { ValType::I32 }
    }
}

/// The type of a linear memory. Sizes are in pages of [`MemoryType::page_size`] bytes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct MemoryType {
    minimum: u64,
    maximum: Option<u64>,
    memory64: bool,
    shared: bool,
    page_size_log2: u8,
}

impl MemoryType {
    /// The standard page size, 64 KiB, as a power of two.
    pub const DEFAULT_PAGE_SIZE_LOG2: u8 = 16;

    /// A memory with 32-bit addresses.
    pub const fn new(minimum: u32, maximum: Option<u32>) -> MemoryType {
        let maximum = match maximum {
            Some(max) => Some(max as u64),
            None => None,
        };
        MemoryType::from_parts(minimum as u64, maximum, false, false, Self::DEFAULT_PAGE_SIZE_LOG2)
    }

    /// A memory with 64-bit addresses.
    pub const fn new64(minimum: u64, maximum: Option<u64>) -> MemoryType {
        MemoryType::from_parts(minimum, maximum, true, false, Self::DEFAULT_PAGE_SIZE_LOG2)
    }

    /// A shared memory with 32-bit addresses, which always has a maximum.
    pub const fn shared(minimum: u32, maximum: u32) -> MemoryType {
        let maximum = Some(maximum as u64);
        MemoryType::from_parts(minimum as u64, maximum, false, true, Self::DEFAULT_PAGE_SIZE_LOG2)
    }

    pub(crate) const fn from_parts(
        minimum: u64,
        maximum: Option<u64>,
        memory64: bool,
        shared: bool,
        page_size_log2: u8,
    ) -> MemoryType {
        MemoryType { minimum, maximum, memory64, shared, page_size_log2 }
    }

    /// Least number of pages.
    pub const fn minimum(&self) -> u64 {
        self.minimum
    }

    /// Greatest number of pages, if the memory declares one.
    pub const fn maximum(&self) -> Option<u64> {
        self.maximum
    }

    /// Whether addresses are 64 bits wide.
    pub const fn is_64(&self) -> bool {
        self.memory64
    }

    /// Whether several threads may use the memory at once.
    pub const fn is_shared(&self) -> bool {
        self.shared
    }

    /// Bytes of a page.
    pub const fn page_size(&self) -> u64 {
        1 << self.page_size_log2
    }

    /// Bytes of a page, as a power of two: 16, or 0 with custom page sizes.
    pub const fn page_size_log2(&self) -> u8 {
        self.page_size_log2
    }

    /// The type of addresses and sizes: `i32` or `i64`.
    pub const fn index_type(&self) -> ValType {
        if self.memory64 { ValType::I64 } else { ValType::I32 }
    }

    /// The most pages that the address type allows: as many as make 2^32 or 2^64 bytes, and for
    /// bytes as pages one page less, because the page count itself must fit the address type.
    pub const fn absolute_maximum(&self) -> u64 {
        let bits = if self.memory64 { 64 } else { 32 };
        match self.page_size_log2 {
            0 if self.memory64 => u64::MAX,
            0 => u32::MAX as u64,
            log2 => 1 << (bits - log2 as u32),
        }
    }
}

impl fmt::Display for GlobalType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.mutability {
            Mutability::Const => write!(f, "(global {})", self.content),
            Mutability::Var => write!(f, "(global (mut {}))", self.content),
        }
    }
}

impl fmt::Display for TableType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.table64 { "(table i64 " } else { "(table " })?;
        limits(f, self.minimum, self.maximum)?;
        write!(f, " {})", self.element)
    }
}

impl fmt::Display for MemoryType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.memory64 { "(memory i64 " } else { "(memory " })?;
        limits(f, self.minimum, self.maximum)?;
        if self.shared {
            f.write_str(" shared")?;
        }
        if self.page_size_log2 != Self::DEFAULT_PAGE_SIZE_LOG2 {
            write!(f, " (pagesize {})", self.page_size())?;
        }
        f.write_str(")")
    }
}

fn limits(f: &mut fmt::Formatter<'_>, minimum: u64, maximum: Option<u64>) -> fmt::Result {
    match maximum {
        Some(maximum) => write!(f, "{minimum} {maximum}"),
        None => write!(f, "{minimum}"),
    }
}
