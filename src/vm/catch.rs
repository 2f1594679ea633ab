//! Where a function catches exceptions: a table beside its code, so that code that throws nothing
//! pays nothing.

use core::ptr::NonNull;

use crate::prelude::*;

/// No region, clause or tag.
pub const NONE: u32 = u32::MAX;

/// A function's code, by its start, and its catch table.
pub type CodeTable = (*const u8, NonNull<CatchTable>);

/// The catch table of a function.
///
/// Regions nest like the `try` blocks they come from. An exception that leaves an instruction is
/// offered to the clauses of the innermost region around it, then to those of the region that is
/// `outer` of it, and so on; after the last one it leaves the function.
#[derive(Clone, Debug, Default)]
pub struct CatchTable {
    /// Byte offset in the code from which on a region is the innermost one, or [`NONE`] is;
    /// ascending.
    pub places: Vec<(u32, u32)>,
    /// All regions, each behind those that contain it.
    pub regions: Vec<Region>,
    /// The clauses of all regions.
    pub clauses: Vec<Clause>,
    /// Whether the function pins integers and whether it pins floats: then its frame has saved its
    /// caller's.
    pub pins: (bool, bool),
}

/// A range of code (with holes where inner regions are) with clauses of its own.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Region {
    /// The region to go on with, always one with a lower number; [`NONE`] if the function has no
    /// further one. For a `delegate` that is not the innermost region around it.
    pub outer: u32,
    /// Its clauses, the first one that matches counts.
    pub clauses: (u32, u32),
}

/// What is caught, and what happens then.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Clause {
    /// Index of the tag in the module; [`NONE`] catches everything.
    pub tag: u32,
    /// First frame slot of the payload. Clauses that catch everything have no use for it.
    pub payload: i32,
    /// Frame slot of the reference to the exception, if the code has a place for one.
    pub exn: Option<i32>,
    /// Whether the code uses the reference; else its place gets null.
    pub keeps: bool,
    /// Byte offset of the instruction to go on with.
    pub target: u32,
}

impl CatchTable {
    /// Whether the function catches anything.
    pub fn is_empty(&self) -> bool {
        self.regions.is_empty()
    }

    /// The innermost region around the code at byte `offset`, or [`NONE`].
    pub fn region_at(&self, offset: u32) -> u32 {
        let behind = self.places.partition_point(|place| place.0 <= offset);
        behind.checked_sub(1).map_or(NONE, |i| self.places[i].1)
    }

    /// The first clause, from `region` outwards, for which `matches` says that it takes a tag of
    /// the module.
    pub fn find(&self, mut region: u32, matches: impl Fn(u32) -> bool) -> Option<&Clause> {
        while region != NONE {
            let Region { outer, clauses } = self.regions[region as usize];
            let clauses = &self.clauses[clauses.0 as usize..clauses.1 as usize];
            if let Some(clause) = clauses.iter().find(|it| it.tag == NONE || matches(it.tag)) {
                return Some(clause);
            }
            region = outer;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clause(tag: u32, target: u32) -> Clause {
        Clause { tag, payload: 0, exn: None, keeps: false, target }
    }

    #[test]
    fn the_innermost_region_is_asked_first_and_the_first_clause_counts() {
        let table = CatchTable {
            places: vec![(16, 0), (32, 1), (48, 0), (64, NONE)],
            regions: vec![
                Region { outer: NONE, clauses: (2, 4) },
                Region { outer: 0, clauses: (0, 2) },
            ],
            pins: (false, false),
            clauses: vec![clause(7, 100), clause(7, 101), clause(7, 102), clause(NONE, 103)],
        };
        let target = |offset, tag| {
            table.find(table.region_at(offset), |it| it == tag).map(|clause| clause.target)
        };
        assert_eq!(target(15, 7), None);
        assert_eq!(target(16, 7), Some(102));
        assert_eq!(target(47, 7), Some(100));
        assert_eq!(target(47, 8), Some(103), "an outer clause, because no inner one matches");
        assert_eq!(target(63, 8), Some(103));
        assert_eq!(target(64, 7), None);
    }
}
