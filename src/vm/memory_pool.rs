//! Address space of memories that is used again, and shows an image of the module's data.
//!
//! Making a memory is a few calls of the system, and filling it takes as long as its data. A place in the pool
//! keeps its address space and its image; between two memories only the pages that the first one wrote to are
//! written anew or forgotten, so that the next one begins as the first one did.

use alloc::sync::Arc;

use super::memory_image::MemoryImage;
use crate::prelude::*;
use crate::sys::signals::GuardedRegion;
use crate::sys::standard::{Mutex, PoisonError, io};
use crate::sys::{Mapping, PageMap};

/// Places that nobody uses, of memories with guard pages of one size.
#[derive(Debug)]
pub struct MemoryPool {
    idle: Mutex<Vec<Place>>,
    most: usize,
    reserved: usize,
    kept: Kept,
}

/// What stays in memory of places that nobody uses.
#[derive(Clone, Copy, Debug)]
pub struct Kept {
    /// Who tells which pages were written. Without it nothing stays.
    pub pages: Option<&'static PageMap>,
    /// Bytes of a place at most.
    pub bytes: usize,
}

/// Address space with guard pages.
#[derive(Debug)]
struct Place {
    // Before the mapping it is about: no region outlives its addresses.
    _guard: GuardedRegion,
    map: Mapping,
    image: Option<Arc<MemoryImage>>,
    /// Bytes that can be accessed.
    accessible: usize,
}

impl MemoryPool {
    /// A pool that keeps so many places, of so many bytes of address space each.
    pub fn new(most: usize, reserved: usize, kept: Kept) -> MemoryPool {
        MemoryPool { idle: Mutex::default(), most, reserved, kept }
    }

    /// A place with `len` accessible bytes, which are the image's, and zeros.
    ///
    /// # Errors
    ///
    /// When the system refuses.
    pub fn take(
        self: &Arc<MemoryPool>,
        len: usize,
        image: Option<&Arc<MemoryImage>>,
    ) -> io::Result<PooledMemory> {
        let mut place = match self.idle(image) {
            Some(place) => place,
            None => {
                let map = Mapping::reserve(self.reserved)?;
                let start = map.base() as usize;
                let guard = GuardedRegion::register(start..start + map.len());
                Place { _guard: guard, map, image: None, accessible: 0 }
            }
        };
        place.prepare(len, image)?;
        Ok(PooledMemory { place: Some(place), pool: self.clone() })
    }

    /// An idle place, with the image already if there is one.
    fn idle(&self, image: Option<&Arc<MemoryImage>>) -> Option<Place> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let wanted = image.map(Arc::as_ptr);
        // Those used last are likely to be in the processor's caches. Only some are looked at: no taker
        // shall wait for the length of the list.
        let fits = |place: &Place| place.image.as_ref().map(Arc::as_ptr) == wanted;
        let found = idle.iter().rev().take(64).position(fits);
        match found {
            Some(behind) => {
                let at = idle.len() - 1 - behind;
                Some(idle.swap_remove(at))
            }
            None => idle.pop(),
        }
    }
}

impl Place {
    /// Gives it this image, and so many accessible bytes.
    fn prepare(&mut self, len: usize, image: Option<&Arc<MemoryImage>>) -> io::Result<()> {
        if self.image.as_ref().map(Arc::as_ptr) != image.map(Arc::as_ptr) {
            if let Some(old) = self.image.take() {
                self.map.blank(old.start, old.image.size())?;
            }
            if let Some(new) = image {
                self.map.show(new.start, &new.image)?;
                self.image = Some(new.clone());
            }
        }
        // Images lie in what their memories begin with, so the old one is in what was accessible, and the new
        // one in what shall be.
        if len > self.accessible {
            self.map.commit(self.accessible, len - self.accessible)?;
        } else if len < self.accessible {
            self.map.hide(len, self.accessible - len)?;
        }
        self.accessible = len;
        Ok(())
    }

    /// Makes its accessible bytes those that it began with.
    fn reset(&mut self, kept: &Kept) -> io::Result<()> {
        match kept.pages {
            Some(pages) => {
                let image = self.image.as_ref().map(|it| (it.start, &it.image));
                self.map.reset(self.accessible, image, pages, kept.bytes)
            }
            None => self.map.forget(0, self.accessible),
        }
    }
}

/// A memory's place, which goes back to the pool when it is dropped.
#[derive(Debug)]
pub struct PooledMemory {
    /// There until it is dropped.
    place: Option<Place>,
    pool: Arc<MemoryPool>,
}

impl PooledMemory {
    /// The first byte.
    pub fn base(&self) -> *mut u8 {
        self.place.as_ref().map_or(core::ptr::null_mut(), |place| place.map.base())
    }

    /// Bytes of address space.
    pub fn reserved(&self) -> usize {
        self.pool.reserved
    }

    /// Whether it began with an image.
    pub fn has_image(&self) -> bool {
        self.place.as_ref().is_some_and(|place| place.image.is_some())
    }

    /// Makes the first `len` bytes accessible.
    ///
    /// # Errors
    ///
    /// When the system refuses.
    pub fn grow_to(&mut self, len: usize) -> io::Result<()> {
        if let Some(place) = &mut self.place
            && len > place.accessible
        {
            place.map.commit(place.accessible, len - place.accessible)?;
            place.accessible = len;
        }
        Ok(())
    }
}

impl Drop for PooledMemory {
    fn drop(&mut self) {
        let Some(mut place) = self.place.take() else { return };
        // What one instance wrote no other may see: a place that cannot be cleaned is not used again.
        if place.reset(&self.pool.kept).is_err() {
            return;
        }
        let mut idle = self.pool.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < self.pool.most {
            idle.push(place);
        }
    }
}
