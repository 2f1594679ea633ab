//! Objects of the host that objects of the heap stand for.

use core::any::Any;

use super::Slot;
use crate::prelude::*;

/// A host object, and the object of the heap that stands for it.
pub(super) struct HostObject {
    pub(super) object: Slot,
    pub(super) data: Box<dyn Any + Send + Sync>,
}

/// Host objects by the number in their heap object's head.
#[derive(Default)]
pub(super) struct HostObjects {
    pub(super) entries: Vec<Option<HostObject>>,
    pub(super) free: Vec<u32>,
}

impl HostObjects {
    pub(super) fn add(&mut self, object: HostObject) -> u32 {
        match self.free.pop() {
            Some(place) => {
                self.entries[place as usize] = Some(object);
                place
            }
            None => {
                self.entries.push(Some(object));
                self.entries.len() as u32 - 1
            }
        }
    }

    /// The host's data at a place.
    pub(super) fn get(&self, place: u32) -> Option<&(dyn Any + Send + Sync)> {
        self.entries.get(place as usize)?.as_ref().map(|it| &*it.data)
    }

    /// The same, to write.
    pub(super) fn get_mut(&mut self, place: u32) -> Option<&mut (dyn Any + Send + Sync)> {
        self.entries.get_mut(place as usize)?.as_mut().map(|it| &mut *it.data)
    }
}
