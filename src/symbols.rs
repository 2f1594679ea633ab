//! Source lines of frames, from a module's DWARF sections.
//!
//! What a compiler writes there is as untrusted as the rest of a module: whatever cannot be read is left
//! out, never an error, and nothing of it is read before somebody asks for a frame's symbols. Places in
//! it count from the start of the code section's contents (tool conventions, "Debugging").

use alloc::borrow::Cow;
use alloc::sync::Arc;
use core::fmt::{self, Display};

use gimli::{EndianArcSlice, LittleEndian};
use wasmparser::{Parser, Payload};

use crate::error::Printable;
use crate::prelude::*;
use crate::sys::standard::{Mutex, PoisonError};
use crate::wasm::ModuleInfo;

/// A function in a frame, from the module's debug information: the innermost of those that the
/// compiler inlined into each other there, or one of the others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FrameSymbol {
    name: Option<String>,
    file: Option<String>,
    line: Option<u32>,
    column: Option<u32>,
}

impl FrameSymbol {
    /// The function's name as it is in the debug information, often mangled; shown frames have it
    /// demangled.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// The source file.
    pub fn file(&self) -> Option<&str> {
        self.file.as_deref()
    }

    /// The line, from 1.
    pub fn line(&self) -> Option<u32> {
        self.line
    }

    /// The column, from 1.
    pub fn column(&self) -> Option<u32> {
        self.column
    }
}

/// More functions than that are inlined into each other in no program.
const MOST_INLINED: usize = 64;

/// Longest name and path that is kept and shown. A mangled name can stand for one that is exponentially
/// long.
const MOST_TEXT: usize = 4096;

/// Deepest nesting of what is described: reading functions that were inlined into each other is
/// recursive in `addr2line`, and a byte makes a level.
const MOST_NESTED: isize = 128;

type Reader = EndianArcSlice<LittleEndian>;

/// The debug information of a module.
pub(crate) struct Symbols(Mutex<Option<Context>>);

struct Context {
    lines: addr2line::Context<Reader>,
    /// Where the code section's contents begin.
    code: u64,
}

impl Symbols {
    /// Finds the sections; `info` is of the module with these bytes.
    pub fn new(info: &ModuleInfo, bytes: &Arc<[u8]>) -> Symbols {
        Symbols(Mutex::new(context(info, bytes)))
    }

    /// The functions at a byte offset in the module, innermost first. None if it does not say.
    pub fn at(&self, offset: u64) -> Vec<FrameSymbol> {
        let context = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(context) = &*context else { return Vec::new() };
        let Some(place) = offset.checked_sub(context.code) else { return Vec::new() };
        let mut symbols = Vec::new();
        let Ok(mut frames) = context.lines.find_frames(place).skip_all_loads() else {
            return symbols;
        };
        while let Ok(Some(frame)) = frames.next()
            && symbols.len() < MOST_INLINED
        {
            let name = frame.function.as_ref().and_then(|name| name.raw_name().ok().map(kept));
            let location = frame.location.as_ref();
            symbols.push(FrameSymbol {
                name,
                file: location.and_then(|it| it.file).map(|file| kept(file.into())),
                // 0 stands for "none" in DWARF.
                line: location.and_then(|it| it.line).filter(|line| *line > 0),
                column: location.and_then(|it| it.column).filter(|column| *column > 0),
            });
        }
        symbols
    }
}

fn kept(text: Cow<'_, str>) -> String {
    match text.char_indices().nth(MOST_TEXT) {
        Some((end, _)) => text[..end].to_owned(),
        None => text.into_owned(),
    }
}

fn context(info: &ModuleInfo, bytes: &Arc<[u8]>) -> Option<Context> {
    let find = |name: &str| info.custom_sections.iter().find(|section| &*section.name == name);
    find(".debug_info")?;
    let code = Parser::new(0).parse_all(bytes).find_map(|payload| match payload {
        Ok(Payload::CodeSectionStart { unchecked_range, .. }) => Some(unchecked_range.start),
        _ => None,
    })?;
    let all = Reader::new(bytes.clone(), LittleEndian);
    let load = |id: gimli::SectionId| {
        let range = find(id.name()).map_or(0..0, |section| section.range.clone());
        Ok::<_, gimli::Error>(all.range(range))
    };
    let dwarf = gimli::Dwarf::load(load).ok()?;
    if !is_flat(&dwarf) {
        return None;
    }
    let lines = addr2line::Context::from_dwarf(dwarf).ok()?;
    Some(Context { lines, code })
}

/// Whether nothing is nested deeper than `MOST_NESTED`, as far as it can be read.
fn is_flat(dwarf: &gimli::Dwarf<Reader>) -> bool {
    let mut units = dwarf.units();
    while let Ok(Some(unit)) = units.next() {
        let Ok(abbreviations) = dwarf.abbreviations(&unit) else { continue };
        let Ok(mut entries) = unit.entries_raw(&abbreviations, None) else { continue };
        while !entries.is_empty() {
            let read = match entries.read_abbreviation() {
                Ok(Some(abbreviation)) => entries.skip_attributes(abbreviation.attributes()),
                Ok(None) => Ok(()),
                Err(error) => Err(error),
            };
            if read.is_err() {
                break;
            }
            if entries.next_depth() > MOST_NESTED {
                return false;
            }
        }
    }
    true
}

/// A function's name, demangled if it is a mangled one of Rust's or C++'s.
pub struct Demangled<'a>(pub &'a str);

impl fmt::Display for Demangled<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match demangle(self.0) {
            Some(name) => Printable(&name).fmt(f),
            None => Printable(self.0).fmt(f),
        }
    }
}

/// A text that ends in an error when it becomes too long.
struct Short(String);

impl fmt::Write for Short {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if self.0.len() + text.len() > MOST_TEXT {
            return Err(fmt::Error);
        }
        self.0.push_str(text);
        Ok(())
    }
}

fn demangle(name: &str) -> Option<String> {
    use fmt::Write as _;
    if name.len() > MOST_TEXT {
        return None;
    }
    let mut out = Short(String::new());
    if let Ok(symbol) = rustc_demangle::try_demangle(name) {
        write!(out, "{symbol:#}").ok()?;
    } else {
        // `_Z` is what C++'s begin with; the parser takes other things for names too.
        let symbol = cpp_demangle::Symbol::new(name.strip_prefix("_Z").map(|_| name)?).ok()?;
        let options = cpp_demangle::DemangleOptions::default();
        symbol.structured_demangle(&mut out, &options).ok()?;
    }
    Some(out.0)
}

/// The symbols of a frame behind its name, a line for each function and for each place.
pub(crate) fn show(symbols: &[FrameSymbol], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for (number, symbol) in symbols.iter().enumerate() {
        if number > 0 {
            f.write_str("\n              - ")?;
            match &symbol.name {
                Some(name) => Demangled(name).fmt(f)?,
                None => f.write_str("<function without a name>")?,
            }
        }
        if let Some(file) = &symbol.file {
            write!(f, "\n                    at {}", Printable(file))?;
            if let Some(line) = symbol.line {
                write!(f, ":{line}")?;
                if let Some(column) = symbol.column {
                    write!(f, ":{column}")?;
                }
            }
        }
    }
    Ok(())
}

static_assertions::assert_impl_all!(Symbols: Send, Sync);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_demangled_and_stay_short() {
        let shown = |name: &str| Demangled(name).to_string();
        assert_eq!(
            shown("_ZN4core3fmt5Write9write_fmt17h0123456789abcdefE"),
            "core::fmt::Write::write_fmt"
        );
        assert_eq!(shown("_ZN3foo3barEi"), "foo::bar(int)");
        assert_eq!(shown("plain_c"), "plain_c");
        assert_eq!(shown("_Znot\x1b"), "_Znot\\u{1b}");
        // Each level doubles what is written; the name is shown as it is.
        let bomb = |levels: usize| {
            let mut name = String::from("_Z1fI1AE");
            for _ in 0..levels {
                name = name.replacen("1A", "1BI1AS_E", 1);
            }
            name
        };
        for levels in 0..60 {
            assert!(shown(&bomb(levels)).len() <= MOST_TEXT);
        }
    }

    /// A module whose `.debug_info` has entries nested `depth` deep, a byte for each.
    fn nested(depth: usize) -> Vec<u8> {
        let leb = |mut number: usize| {
            let mut bytes = Vec::new();
            loop {
                let low = (number & 0x7f) as u8;
                number >>= 7;
                bytes.push(if number == 0 { low } else { low | 0x80 });
                if number == 0 {
                    return bytes;
                }
            }
        };
        let section =
            |id: u8, contents: &[u8]| [&[id][..], &leb(contents.len()), contents].concat();
        let custom = |name: &str, contents: &[u8]| {
            section(0, &[&leb(name.len())[..], name.as_bytes(), contents].concat())
        };
        // 1: a compilation unit and 2: a subprogram, both of four bytes from 0, 3: an inlined subroutine.
        let range = [0x11, 0x01, 0x12, 0x0b, 0, 0];
        let abbreviations =
            [&[1, 0x11, 1][..], &range, &[2, 0x2e, 1], &range, &[3, 0x1d, 1, 0, 0, 0]].concat();
        let mut entries = vec![1, 0, 0, 0, 0, 4, 2, 0, 0, 0, 0, 4];
        entries.extend(core::iter::repeat_n(3, depth));
        entries.extend(core::iter::repeat_n(0, depth + 2));
        // Version 4, abbreviations at 0, addresses of 4 bytes.
        let unit = [&[4, 0, 0, 0, 0, 0, 4][..], &entries].concat();
        let info = [&(unit.len() as u32).to_le_bytes()[..], &unit].concat();
        [
            b"\0asm\x01\0\0\0".to_vec(),
            section(1, &[1, 0x60, 0, 0]),
            section(3, &[1, 0]),
            section(10, &[1, 3, 0, 0, 0x0b]),
            custom(".debug_abbrev", &abbreviations),
            custom(".debug_info", &info),
        ]
        .concat()
    }

    #[test]
    fn deep_nesting_of_debug_information_needs_no_native_stack() {
        let symbols = |depth| {
            let bytes: Arc<[u8]> = nested(depth).into();
            let types = crate::wasm::TypeRegistry::new();
            let info = ModuleInfo::parse(&bytes, &Default::default(), &types).expect("valid");
            let symbols = Symbols::new(&info, &bytes);
            // The code section's contents are its count, a length and a body.
            let code = symbols.0.lock().expect("no panic").as_ref().map_or(0, |it| it.code);
            symbols.at(code + 2).len()
        };
        let run = || (symbols(0), symbols(50), symbols(1_000_000));
        let thread = std::thread::Builder::new().stack_size(512 << 10);
        let (flat, some, deep) = std::thread::scope(|scope| {
            thread.spawn_scoped(scope, run).expect("a thread").join().expect("no overflow")
        });
        assert_eq!((flat > 0, some > 0, deep), (true, true, 0));
    }
}
