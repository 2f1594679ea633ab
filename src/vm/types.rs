//! The types of a store.

use alloc::sync::Arc;

use super::heap::TypeEntry;
use crate::index::TypeId;
use crate::prelude::*;
use crate::wasm::{TypeGroup, TypeInfo, TypeLookup};

/// The types that a store uses, for handlers, the collector and the host: an entry per type id, zero
/// for other types. Ids are the engine's, so most may be another module's; zeroed memory that is
/// never touched costs nothing.
#[derive(Debug, Default)]
pub struct TypeTable {
    words: Vec<usize>,
    /// What the entries point to.
    kept: Vec<Arc<TypeGroup>>,
}

const ENTRY_WORDS: usize = core::mem::size_of::<TypeEntry>() / core::mem::size_of::<usize>();

static_assertions::const_assert_eq!(
    ENTRY_WORDS * core::mem::size_of::<usize>(),
    core::mem::size_of::<TypeEntry>()
);
static_assertions::const_assert!(
    core::mem::align_of::<TypeEntry>() <= core::mem::align_of::<usize>()
);

impl TypeTable {
    /// The entries.
    pub fn entries(&self) -> &[TypeEntry] {
        let len = self.words.len() / ENTRY_WORDS;
        // SAFETY: the words are whole entries, each written by `set` or zero, which is
        // `TypeEntry::NONE`.
        unsafe { core::slice::from_raw_parts(self.words.as_ptr().cast(), len) }
    }

    /// Whether the store uses a type.
    pub fn has(&self, id: TypeId) -> bool {
        self.entries().get(id.idx()).is_some_and(|entry| !entry.info.is_null())
    }

    /// Keeps a group, and the groups that it names types of.
    pub(super) fn keep(&mut self, group: &Arc<TypeGroup>) {
        let mut rest = vec![group.clone()];
        while let Some(group) = rest.pop() {
            if group.types().first().is_none_or(|info| self.has(info.id)) {
                continue;
            }
            for info in group.types() {
                let entry = TypeEntry {
                    display: info.layout.display.as_ptr(),
                    depth: info.layout.display.len(),
                    layout: &raw const info.layout,
                    info: &raw const *info,
                };
                self.set(info.id, entry);
            }
            rest.extend_from_slice(group.uses());
            self.kept.push(group);
        }
    }

    fn set(&mut self, id: TypeId, entry: TypeEntry) {
        let needed = (id.idx() + 1) * ENTRY_WORDS;
        if self.words.len() < needed {
            let len = (id.idx() + 1).next_power_of_two().max(16) * ENTRY_WORDS;
            let mut words = vec![0; len];
            words[..self.words.len()].copy_from_slice(&self.words);
            self.words = words;
        }
        // SAFETY: the place is inside, and aligned as words are.
        unsafe { self.words.as_mut_ptr().cast::<TypeEntry>().add(id.idx()).write(entry) };
    }
}

impl TypeLookup for TypeTable {
    #[inline]
    fn type_info(&self, id: TypeId) -> &TypeInfo {
        let entry = self.entries().get(id.idx());
        // SAFETY: what entries point to is part of a group that is kept.
        let info = entry.and_then(|entry| unsafe { entry.info.as_ref() });
        info.expect("a type of this store")
    }
}

// SAFETY: entries point to groups, which are kept here and can be shared.
unsafe impl Send for TypeTable {}
// SAFETY: as above.
unsafe impl Sync for TypeTable {}
