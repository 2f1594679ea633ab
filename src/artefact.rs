//! The code of a module as artefacts have it: what the translator made, position-independent, but for functions
//! that have to do with references, which are translated anew.
//!
//! ```text
//!   fingerprint   8   of what code depends on besides the module
//!   count         4   of the module's defined functions
//!   words         4   of all code
//!   per function  12  first word, words (0: no code), entry in bytes | pins integers << 31 | pins floats << 30
//!   padding           to a multiple of 8
//!   code
//! ```
//!
//! All numbers are little-endian. Nothing here is trusted: see [`crate::verify`].

use alloc::collections::BTreeMap;
use core::hash::{Hash, Hasher};
use core::ops::Range;

use crate::error::{Result, ensure, format_err};
use crate::index::DefinedFuncIndex;
use crate::isa::{self, HEAD};
use crate::prelude::*;
use crate::translate::{self, Options};
use crate::verify::{Facts, Unverified, Verifier, type_places};
use crate::vm::frame::MAX_SLOT;
use crate::vm::{CodeMap, VmCtx, VmImport, VmLayout};
use crate::wasm::ModuleInfo;

/// The code in an artefact.
#[derive(Debug)]
pub struct Artefact {
    bytes: Box<[u8]>,
    /// Where the code begins.
    start: usize,
    facts: Facts,
}

const FUNCTIONS: usize = 16;
const FUNCTION: usize = 12;
const PINS_INTS: u32 = 1 << 31;
const PINS_FLOATS: u32 = 1 << 30;

/// What code of the translator depends on besides the module: of two builds of this crate that agree on it each
/// runs the other's. Zero if code is not to be kept.
fn fingerprint(options: &Options) -> u64 {
    let Options {
        checked_memory,
        relaxed_simd_deterministic,
        canonical_nans,
        fuel,
        interrupt,
        source_map: _,
        unfused,
        unpinned,
        readable,
        frames,
    } = options;
    // Other forms of code are for tools that look at it.
    if *unfused || *unpinned || *readable || *frames != translate::Shape::Near {
        return 0;
    }
    let mut hash = Fnv(isa::TABLE_HASH);
    hash.write(env!("CARGO_PKG_VERSION").as_bytes());
    for number in [HEAD, size_of::<VmCtx>(), VmImport::offset(1) as usize, MAX_SLOT as usize] {
        hash.write_u64(number as u64);
    }
    let flags = [checked_memory, relaxed_simd_deterministic, canonical_nans, interrupt];
    flags.into_iter().for_each(|flag| hash.write_u8((*flag).into()));
    if let Some(costs) = fuel {
        hash.write_u8(1);
        costs.hash(&mut hash);
    }
    hash.finish() | 1
}

/// FNV-1a: of which every build makes the same.
struct Fnv(u64);

impl Hasher for Fnv {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

impl Artefact {
    /// Reads what [`write`] has written for a module. `None` if it is for other builds or settings.
    ///
    /// # Errors
    ///
    /// When it is cut short, or names code that is not there.
    pub fn read(
        bytes: Box<[u8]>,
        info: &ModuleInfo,
        options: &Options,
    ) -> Result<Option<Artefact>> {
        let number = |at: usize| {
            let bytes: Option<&[u8; 4]> = bytes.get(at..).and_then(|rest| rest.first_chunk());
            bytes.map(|bytes| u32::from_le_bytes(*bytes)).ok_or_else(cut_short)
        };
        let hash = u64::from(number(0)?) | u64::from(number(4)?) << 32;
        if hash == 0 || hash != fingerprint(options) {
            return Ok(None);
        }
        let (count, words) = (number(8)?, number(12)?);
        ensure!(count == info.num_defined_funcs(), "the artefact has code of another module");
        let start = (FUNCTIONS + FUNCTION * count as usize).next_multiple_of(8);
        // Of what the artefact says eight times may be more than an address of 32 bits.
        let len = start as u64 + 8 * u64::from(words);
        ensure!(bytes.len() as u64 == len, "the artefact is cut short");
        let artefact = Artefact { bytes, start, facts: Facts::new(info) };
        for func in (0..count).map(DefinedFuncIndex) {
            let end = artefact.number(func, 0).checked_add(artefact.number(func, 1));
            ensure!(end.is_some_and(|end| end <= words), "the artefact has no code of {func:?}");
        }
        Ok(Some(artefact))
    }

    fn number(&self, func: DefinedFuncIndex, field: usize) -> u32 {
        let at = FUNCTIONS + FUNCTION * func.idx() + 4 * field;
        u32::from_le_bytes(*self.bytes[at..].first_chunk().expect("looked at in `read`"))
    }

    fn range(&self, func: DefinedFuncIndex) -> Range<usize> {
        let (first, words) = (self.number(func, 0) as usize, self.number(func, 1) as usize);
        let start = self.start + 8 * first;
        start..start + 8 * words
    }

    /// The code of a function, if it has some.
    pub fn code(&self, func: DefinedFuncIndex) -> Option<Unverified<'_>> {
        let bytes = &self.bytes[self.range(func)];
        let last = self.number(func, 2);
        let pins = (last & PINS_INTS != 0, last & PINS_FLOATS != 0);
        let entry = last & !(PINS_INTS | PINS_FLOATS);
        (!bytes.is_empty()).then_some(Unverified { bytes, entry, pins })
    }

    /// Who looks at the code.
    pub fn verifier<'a>(
        &'a self,
        info: &'a ModuleInfo,
        layout: &'a VmLayout,
        options: &'a Options,
    ) -> Verifier<'a> {
        Verifier { info, layout, options, facts: &self.facts }
    }
}

fn cut_short() -> crate::error::Error {
    format_err!("the artefact is cut short")
}

/// Translates a module's functions and writes the code of all that [`crate::verify`] would accept.
///
/// # Errors
///
/// When a function cannot be translated.
pub fn write(code: &CodeMap, options: &Options, to: &mut Vec<u8>) -> Result<()> {
    let (info, layout, module) = (code.info(), code.layout(), code.bytes());
    let hash = fingerprint(options);
    to.extend_from_slice(&hash.to_le_bytes());
    if hash == 0 {
        return Ok(());
    }
    let facts = Facts::new(info);
    let verifier = Verifier { info, layout, options, facts: &facts };
    // The module's numbers of types by the engine's.
    let types = (0..).zip(&info.types).map(|(index, ty)| (ty.id.0, index)).collect();
    let mut table: Vec<[u32; 3]> = Vec::new();
    let mut words: Vec<u8> = Vec::new();
    for func in (0..info.num_defined_funcs()).map(DefinedFuncIndex) {
        let first = (words.len() / 8) as u32;
        let start = words.len();
        let entry = match function(&verifier, module, func, &types, &mut words)? {
            Some(entry) => entry,
            None => {
                words.truncate(start);
                0
            }
        };
        table.push([first, (words.len() / 8) as u32 - first, entry]);
    }
    let count = u32::try_from(words.len() / 8)?;
    to.extend_from_slice(&info.num_defined_funcs().to_le_bytes());
    to.extend_from_slice(&count.to_le_bytes());
    for number in table.as_flattened() {
        to.extend_from_slice(&number.to_le_bytes());
    }
    let filled = FUNCTIONS + FUNCTION * table.len();
    to.resize(to.len() + (filled.next_multiple_of(8) - filled), 0);
    to.extend_from_slice(&words);
    Ok(())
}

/// Adds a function's code, and returns the last of its numbers; `None` if it is to be translated anew.
fn function(
    verifier: &Verifier<'_>,
    module: &[u8],
    func: DefinedFuncIndex,
    types: &BTreeMap<u32, u32>,
    to: &mut Vec<u8>,
) -> Result<Option<u32>> {
    let Verifier { info, layout, options, .. } = *verifier;
    if info.has_unchecked_bodies() {
        info.validate_body(module, func)?;
    }
    let code = translate::translate(info, layout, module, func, options)?;
    if !code.is_of_numbers() || code.entry & (PINS_INTS | PINS_FLOATS) != 0 {
        return Ok(None);
    }
    let start = to.len();
    for word in &code.words {
        to.extend_from_slice(&word.to_le_bytes());
    }
    let (entry, pins) = (code.entry, code.catches.pins);
    let bytes = &mut to[start..];
    for at in type_places(&Unverified { bytes, entry, pins }) {
        let named: &mut [u8; 4] = bytes[at..].first_chunk_mut().expect("inside the code");
        let Some(index) = types.get(&u32::from_le_bytes(*named)) else { return Ok(None) };
        *named = index.to_le_bytes();
    }
    if verifier.check(func, &Unverified { bytes, entry, pins }).is_err() {
        return Ok(None);
    }
    let flag = |set, flag| if set { flag } else { 0 };
    Ok(Some(entry | flag(pins.0, PINS_INTS) | flag(pins.1, PINS_FLOATS)))
}
