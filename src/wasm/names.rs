//! Names for people: the name section (core specification, appendix "Name Section").

use core::ops::Range;

use wasmparser::{BinaryReader, Name, NameSectionReader};

use crate::index::FuncIndex;
use crate::prelude::*;

/// Names of a module and its functions, as ranges of the module's bytes.
///
/// The section is not part of what makes a module valid, so it is read as far as it makes sense
/// and the rest is ignored.
#[derive(Debug, Default)]
pub struct Names {
    module: Option<Range<u32>>,
    /// Sorted by function.
    funcs: Vec<(FuncIndex, Range<u32>)>,
}

impl Names {
    /// Reads the section whose contents are `bytes[range]`.
    pub(super) fn read(bytes: &[u8], range: Range<usize>) -> Names {
        let mut names = Names::default();
        let Some(contents) = bytes.get(range.clone()) else {
            return names;
        };
        let place = |name: &str| -> Option<Range<u32>> {
            let start = name.as_ptr().addr().checked_sub(bytes.as_ptr().addr())?;
            Some(u32::try_from(start).ok()?..u32::try_from(start + name.len()).ok()?)
        };
        let reader = NameSectionReader::new(BinaryReader::new(contents, range.start as u64));
        for subsection in reader.map_while(Result::ok) {
            match subsection {
                Name::Module { name, .. } => names.module = names.module.or_else(|| place(name)),
                Name::Function(map) => {
                    // `map` itself would stop at the first name that is out of order.
                    for naming in map.names.map_while(Result::ok) {
                        if let Some(place) = place(naming.name) {
                            names.funcs.push((FuncIndex(naming.index), place));
                        }
                    }
                }
                _ => {}
            }
        }
        // Valid sections are sorted and without duplicates. Of duplicates the first counts.
        if !names.funcs.is_sorted_by(|a, b| a.0 < b.0) {
            names.funcs.sort_by_key(|(func, _)| *func);
            names.funcs.dedup_by_key(|(func, _)| *func);
        }
        names.funcs.shrink_to_fit();
        names
    }

    /// The module's name. `bytes` are the module's, as in [`super::ModuleInfo::names`].
    pub fn module<'a>(&self, bytes: &'a [u8]) -> Option<&'a str> {
        text(bytes, self.module.as_ref()?)
    }

    /// A function's name.
    pub fn func<'a>(&self, bytes: &'a [u8], func: FuncIndex) -> Option<&'a str> {
        let i = self.funcs.binary_search_by_key(&func, |(func, _)| *func).ok()?;
        text(bytes, &self.funcs[i].1)
    }
}

fn text<'a>(bytes: &'a [u8], range: &Range<u32>) -> Option<&'a str> {
    str::from_utf8(bytes.get(range.start as usize..range.end as usize)?).ok()
}
