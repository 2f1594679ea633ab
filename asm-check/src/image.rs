//! A linked binary as the checker sees it: readable memory with its relocations applied, the
//! bounds of functions, and names for addresses.
//!
//! Only what survives `strip` is relied upon. Function bounds come from the unwind table
//! (`.eh_frame`), which a stripped release binary still carries, and from the symbol table
//! where there is one. Names from the symbol table are used for display, and for op names only
//! where the descriptor's table is not the one this checker was built with.

use std::collections::BTreeMap;

use gimli::{BaseAddresses, CieOrFde, EhFrame, EndianSlice, LittleEndian, UnwindSection};
use object::read::elf::ElfFile64;
use object::{
    Endianness, Object, ObjectSection, ObjectSymbol, RelocationFlags, RelocationTarget,
    SectionFlags, SectionKind, SymbolKind,
};

use crate::Failure;

/// The instruction sets the checker can read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Machine {
    /// x86-64, decoded by iced-x86.
    X86_64,
    /// AArch64, decoded by yaxpeax-arm.
    Aarch64,
}

impl Machine {
    /// The name used in labels and file names.
    pub fn name(self) -> &'static str {
        match self {
            Machine::X86_64 => "x86_64",
            Machine::Aarch64 => "aarch64",
        }
    }
}

/// One loaded section.
#[derive(Debug)]
struct Region {
    name: String,
    start: u64,
    data: Vec<u8>,
    executable: bool,
    writable: bool,
}

impl Region {
    fn end(&self) -> u64 {
        self.start + self.data.len() as u64
    }

    fn contains(&self, address: u64) -> bool {
        self.start <= address && address < self.end()
    }
}

/// A binary, read and relocated.
#[derive(Debug)]
pub struct Image {
    machine: Machine,
    /// Sorted by start address, disjoint.
    regions: Vec<Region>,
    /// Start to end (exclusive) of every function that is known.
    functions: BTreeMap<u64, u64>,
    symbols: BTreeMap<u64, String>,
}

impl Image {
    /// Reads a 64-bit little-endian ELF executable or shared object.
    ///
    /// # Errors
    /// [`Failure::Unreadable`] where the bytes are not such a file, or are damaged.
    pub fn parse(bytes: &[u8]) -> Result<Image, Failure> {
        let bad = |what: &str| Failure::Unreadable(what.to_string());
        let file: ElfFile64<'_, Endianness> =
            ElfFile64::parse(bytes).map_err(|e| bad(&format!("not a 64-bit ELF file: {e}")))?;
        if !file.is_little_endian() {
            return Err(bad("big-endian ELF files are not supported"));
        }
        let machine = match file.architecture() {
            object::Architecture::X86_64 => Machine::X86_64,
            object::Architecture::Aarch64 => Machine::Aarch64,
            other => return Err(bad(&format!("no decoder for architecture {other:?}"))),
        };

        let mut image = Image {
            machine,
            regions: read_regions(&file)?,
            functions: BTreeMap::new(),
            symbols: BTreeMap::new(),
        };
        image.relocate(&file);
        image.read_functions(&file);
        Ok(image)
    }

    /// An image made of one executable region of `code` at `start`, for tests.
    pub fn from_code(machine: Machine, start: u64, code: &[u8]) -> Image {
        let region = Region {
            name: ".text".to_string(),
            start,
            data: code.to_vec(),
            executable: true,
            writable: false,
        };
        Image {
            machine,
            regions: vec![region],
            functions: BTreeMap::new(),
            symbols: BTreeMap::new(),
        }
    }

    /// The instruction set of the file.
    pub fn machine(&self) -> Machine {
        self.machine
    }

    fn region(&self, address: u64) -> Option<&Region> {
        let at = self.regions.partition_point(|r| r.start <= address);
        self.regions[..at].last().filter(|r| r.contains(address))
    }

    /// Up to `len` bytes at `address`, fewer at the end of a section, none outside of one.
    pub fn read(&self, address: u64, len: usize) -> &[u8] {
        let Some(region) = self.region(address) else {
            return &[];
        };
        let tail = &region.data[(address - region.start) as usize..];
        &tail[..len.min(tail.len())]
    }

    /// The little-endian word at `address`.
    pub fn read_u64(&self, address: u64) -> Option<u64> {
        Some(u64::from_le_bytes(self.read(address, 8).try_into().ok()?))
    }

    /// The little-endian half word at `address`.
    pub fn read_u32(&self, address: u64) -> Option<u32> {
        Some(u32::from_le_bytes(self.read(address, 4).try_into().ok()?))
    }

    /// Whether `address` lies in an executable section.
    pub fn is_code(&self, address: u64) -> bool {
        self.region(address).is_some_and(|r| r.executable)
    }

    /// Whether `address` lies in a section that is neither executable nor written to by the
    /// program itself, so that its contents at run time are known.
    pub fn is_constant(&self, address: u64) -> bool {
        // `.data.rel.ro` and `.got` hold addresses that the loader fills in and then protects.
        self.region(address).is_some_and(|r| {
            !r.executable && (!r.writable || r.name.starts_with(".data.rel.ro") || r.name == ".got")
        })
    }

    /// Every address, a multiple of 8, at which `magic` starts; `.threadle` sections first.
    pub fn find(&self, magic: &[u8]) -> Vec<u64> {
        let in_region = |r: &Region| -> Vec<u64> {
            (0..r.data.len().saturating_sub(magic.len() - 1))
                .step_by(8)
                .filter(|&at| r.data[at..].starts_with(magic))
                .map(|at| r.start + at as u64)
                .collect()
        };
        let named: Vec<u64> =
            self.regions.iter().filter(|r| r.name == ".threadle").flat_map(in_region).collect();
        if !named.is_empty() {
            return named;
        }
        self.regions.iter().filter(|r| !r.executable).flat_map(in_region).collect()
    }

    /// The end of the function that starts at `entry`, where the file says.
    pub fn function_end(&self, entry: u64) -> Option<u64> {
        self.functions.get(&entry).copied()
    }

    /// The end of the executable section that holds `address`.
    pub fn section_end(&self, address: u64) -> Option<u64> {
        self.region(address).filter(|r| r.executable).map(Region::end)
    }

    /// The demangled name of the function at `address`, where the file has one.
    pub fn symbol(&self, address: u64) -> Option<&str> {
        self.symbols.get(&address).map(String::as_str)
    }

    /// Applies what the loader would apply at base address 0. Relative relocations in the packed
    /// form (`.relr.dyn`) keep their addend in place, so at base 0 they are already applied.
    fn relocate(&mut self, file: &ElfFile64<'_, Endianness>) {
        let relative = match self.machine {
            Machine::X86_64 => object::elf::R_X86_64_RELATIVE,
            Machine::Aarch64 => object::elf::R_AARCH64_RELATIVE,
        };
        for (address, relocation) in file.dynamic_relocations().into_iter().flatten() {
            let is_relative =
                matches!(relocation.flags(), RelocationFlags::Elf { r_type } if r_type == relative);
            let value = match relocation.target() {
                _ if is_relative => relocation.addend() as u64,
                RelocationTarget::Symbol(index) => {
                    let table = file.dynamic_symbol_table();
                    let symbol = table
                        .and_then(|t| object::ObjectSymbolTable::symbol_by_index(&t, index).ok());
                    match symbol.filter(|s| !s.is_undefined()) {
                        Some(symbol) => symbol.address().wrapping_add(relocation.addend() as u64),
                        None => continue,
                    }
                }
                _ => continue,
            };
            self.patch(address, value);
        }
    }

    fn patch(&mut self, address: u64, value: u64) {
        let at = self.regions.partition_point(|r| r.start <= address);
        let Some(region) = self.regions[..at].last_mut().filter(|r| r.contains(address)) else {
            return;
        };
        let offset = (address - region.start) as usize;
        if let Some(word) = region.data.get_mut(offset..offset + 8) {
            word.copy_from_slice(&value.to_le_bytes());
        }
    }

    fn read_functions(&mut self, file: &ElfFile64<'_, Endianness>) {
        for symbol in file.symbols().chain(file.dynamic_symbols()) {
            if symbol.kind() != SymbolKind::Text || symbol.is_undefined() || symbol.address() == 0 {
                continue;
            }
            let Ok(name) = symbol.name() else { continue };
            self.symbols
                .entry(symbol.address())
                .or_insert_with(|| format!("{:#}", rustc_demangle::demangle(name)));
            if symbol.size() > 0 {
                self.functions.insert(symbol.address(), symbol.address() + symbol.size());
            }
        }
        if let Some(section) = file.section_by_name(".eh_frame")
            && let Ok(data) = section.data()
        {
            for (start, end) in unwind_ranges(data, section.address()) {
                self.functions.entry(start).or_insert(end);
            }
        }
    }
}

fn read_regions(file: &ElfFile64<'_, Endianness>) -> Result<Vec<Region>, Failure> {
    let mut regions = Vec::new();
    for section in file.sections() {
        let SectionFlags::Elf { sh_flags, .. } = section.flags() else {
            continue;
        };
        let sh_flags = sh_flags.0;
        let loaded = sh_flags & object::elf::SHF_ALLOC.0 != 0;
        if !loaded || section.size() == 0 || section.kind() == SectionKind::UninitializedData {
            continue;
        }
        if section.kind() == SectionKind::UninitializedTls || section.kind() == SectionKind::Tls {
            continue;
        }
        let name = section.name().unwrap_or("").to_string();
        let data = section
            .data()
            .map_err(|e| Failure::Unreadable(format!("section {name}: {e}")))?
            .to_vec();
        regions.push(Region {
            name,
            start: section.address(),
            data,
            executable: sh_flags & object::elf::SHF_EXECINSTR.0 != 0,
            writable: sh_flags & object::elf::SHF_WRITE.0 != 0,
        });
    }
    regions.sort_by_key(|r| r.start);
    let mut end = 0;
    for region in &regions {
        if region.start < end || region.start.checked_add(region.data.len() as u64).is_none() {
            return Err(Failure::Unreadable(format!("section {} overlaps another", region.name)));
        }
        end = region.end();
    }
    Ok(regions)
}

/// The address ranges that the unwind table describes; damaged entries are left out.
fn unwind_ranges(data: &[u8], address: u64) -> Vec<(u64, u64)> {
    let section = EhFrame::new(data, LittleEndian);
    let bases = BaseAddresses::default().set_eh_frame(address);
    let mut entries = section.entries(&bases);
    let mut ranges = Vec::new();
    while let Ok(Some(entry)) = entries.next() {
        let CieOrFde::Fde(partial) = entry else {
            continue;
        };
        let parsed = partial.parse(|s: &EhFrame<EndianSlice<'_, LittleEndian>>, bases, offset| {
            s.cie_from_offset(bases, offset)
        });
        if let Ok(fde) = parsed {
            let start = fde.initial_address();
            ranges.push((start, start.wrapping_add(fde.len())));
        }
    }
    ranges
}
