//! Linear memories: what handlers see of them, and the storage behind it.

use alloc::sync::Arc;
use core::ptr::NonNull;
use core::sync::atomic::Ordering;

use super::host_memory::HostStorage;
use super::limits::MemoryTunables;
use super::memory_image::MemoryImage;
use super::memory_pool::PooledMemory;
use crate::error::{Context, Result, bail, ensure};
use crate::prelude::*;
use crate::sys::Mapping;
use crate::sys::atomic::AtomicLen;
use crate::sys::signals::GuardedRegion;
use crate::types::MemoryType;

/// Base and length of a linear memory. Owned by the store, at a fixed address; `base` may change
/// when the memory grows unless it is reserved in full.
#[repr(C)]
#[derive(Debug)]
pub struct VmMemory {
    /// First byte; dangling but non-null for a memory without pages.
    pub base: *mut u8,
    /// Accessible bytes. Only those of a shared memory change while code runs, and only upwards.
    pub len: AtomicLen,
}

impl VmMemory {
    /// A description of so many bytes.
    pub const fn new(base: *mut u8, len: u64) -> VmMemory {
        VmMemory { base, len: AtomicLen::new(len) }
    }

    /// Accessible bytes, now: an ordinary load for the processor.
    #[inline(always)]
    pub fn len(&self) -> u64 {
        self.len.load(Ordering::Relaxed)
    }

    /// Whether it has no bytes.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

static_assertions::const_assert_eq!(memoffset::offset_of!(VmMemory, base), 0);
static_assertions::const_assert_eq!(memoffset::offset_of!(VmMemory, len), 8);

/// Address space that every access of a guarded memory falls into: a 32-bit index plus a 32-bit
/// offset plus the widest access.
pub const GUARDED_RESERVATION: usize = {
    let bytes: u64 = (1 << 32) + (1 << 32) + 64 * 1024;
    // Targets without guard pages may have 32-bit addresses; they never use this.
    if usize::BITS >= 64 { bytes as usize } else { 0 }
};

/// Whether the system gives the address space of a guarded memory, now.
pub fn guards_can_be_had() -> bool {
    Mapping::reserve(GUARDED_RESERVATION).is_ok()
}

/// Does a memory of this type rely on guard pages instead of explicit checks? The one rule, for
/// translation and for allocation alike: code that imports a memory was translated under the same
/// configuration and for an equal index type and page size.
pub fn is_guarded(ty: &MemoryType, tunables: &MemoryTunables) -> bool {
    tunables.guard_pages && !ty.is_64() && ty.page_size_log2() == MemoryType::DEFAULT_PAGE_SIZE_LOG2
}

/// A linear memory and its storage.
///
/// ```text
///   explicit checks    | len bytes |  reserved             |   (moves when it outgrows that)
///   guard pages        | len bytes |  inaccessible up to 8 GiB + 64 KiB   (never moves)
/// ```
#[repr(C)]
#[derive(Debug)]
pub struct LinearMemory {
    /// What handlers see. First, so that a pointer to it is a pointer to the whole.
    vm: VmMemory,
    ty: MemoryType,
    storage: Storage,
    /// Place in the store's list of memories.
    pub(super) store_index: u32,
}

/// Where a memory's bytes are.
#[derive(Debug)]
enum Storage {
    Own {
        // Before the mapping it is about: no region outlives its addresses.
        guard: Option<GuardedRegion>,
        map: Mapping,
    },
    Pooled(PooledMemory),
    Host(HostStorage),
}

static_assertions::const_assert_eq!(memoffset::offset_of!(LinearMemory, vm), 0);

// SAFETY: the raw pointer in `vm` leads to the mapping that this object owns.
unsafe impl Send for LinearMemory {}
// SAFETY: shared access only reads.
unsafe impl Sync for LinearMemory {}

impl LinearMemory {
    /// Allocates a memory with its minimal size, all zero.
    ///
    /// # Errors
    ///
    /// When the address space or memory cannot be had.
    pub fn new(ty: MemoryType, tunables: &MemoryTunables) -> Result<LinearMemory> {
        LinearMemory::with_image(ty, tunables, None)
    }

    /// Allocates a memory with its minimal size. It begins with the image where the pool can show one, and
    /// [`LinearMemory::has_image`] says so; else all zero.
    ///
    /// # Errors
    ///
    /// As for [`LinearMemory::new`].
    pub fn with_image(
        ty: MemoryType,
        tunables: &MemoryTunables,
        image: Option<&Arc<MemoryImage>>,
    ) -> Result<LinearMemory> {
        let len = LinearMemory::initial(&ty)?.desired;
        ensure!(
            len <= tunables.max_bytes,
            "memory has a minimum byte size of {len} which exceeds the limit of {:#x} bytes",
            tunables.max_bytes
        );
        if let Some(creator) = &tunables.creator {
            let storage = HostStorage::new(
                creator,
                &ty,
                len,
                ty.maximum().and_then(|max| byte_len(&ty, max)),
            )?;
            let vm = VmMemory::new(storage.base(), len as u64);
            return Ok(LinearMemory { vm, ty, storage: Storage::Host(storage), store_index: 0 });
        }
        if let Some(pool) = &tunables.pool
            && is_guarded(&ty, tunables)
            && let Ok(memory) = pool.take(len, image)
        {
            let vm = VmMemory::new(memory.base(), len as u64);
            return Ok(LinearMemory { vm, ty, storage: Storage::Pooled(memory), store_index: 0 });
        }
        // What the memory may become, as far as the configuration reserves in advance.
        let maximum = ty.maximum().and_then(|max| byte_len(&ty, max)).unwrap_or(usize::MAX);
        let ahead = len.max(maximum.min(tunables.reservation));
        // Without guard pages what is reserved in advance only saves moves.
        let reserved = reserve(&ty, ahead, tunables);
        let (mut map, guard) = reserved.or_else(|_| reserve(&ty, len, tunables))?;
        map.commit(0, len).with_context(|| format!("cannot allocate {len} bytes of memory"))?;
        Ok(LinearMemory {
            vm: VmMemory::new(map.base(), len as u64),
            ty,
            storage: Storage::Own { guard, map },
            store_index: 0,
        })
    }

    /// The growth from nothing that making a memory of this type is.
    ///
    /// # Errors
    ///
    /// When the address space could not hold the memory.
    pub fn initial(ty: &MemoryType) -> Result<Growth> {
        Ok(Growth {
            current: 0,
            desired: byte_len(ty, ty.minimum())
                .with_context(|| format!("memory of {} pages is too large", ty.minimum()))?,
            maximum: ty.maximum().and_then(|max| byte_len(ty, max)),
        })
    }

    /// The type it was made with.
    pub fn ty(&self) -> &MemoryType {
        &self.ty
    }

    /// Accessible bytes.
    #[inline]
    pub fn byte_size(&self) -> usize {
        self.vm.len() as usize
    }

    /// Size in pages.
    pub fn pages(&self) -> u64 {
        self.vm.len() >> self.ty.page_size_log2()
    }

    /// The first byte.
    #[inline]
    pub fn base(&self) -> *mut u8 {
        self.vm.base
    }

    /// Whether accesses rely on guard pages.
    pub fn is_guarded(&self) -> bool {
        matches!(self.storage, Storage::Own { guard: Some(_), .. } | Storage::Pooled(_))
    }

    /// Whether it began with the image it was made with.
    pub fn has_image(&self) -> bool {
        matches!(&self.storage, Storage::Pooled(memory) if memory.has_image())
    }

    /// The contents.
    #[inline]
    pub fn bytes(&self) -> &[u8] {
        // SAFETY: `len` bytes from `base` on are committed and initialised (fresh pages are zero);
        // whoever runs WebAssembly code needs exclusive access to the store, so nothing writes
        // while the slice lives.
        unsafe { core::slice::from_raw_parts(self.vm.base, self.byte_size()) }
    }

    /// The contents, to write.
    #[inline]
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        // SAFETY: as in `bytes`, and the access is exclusive.
        unsafe { core::slice::from_raw_parts_mut(self.vm.base, self.byte_size()) }
    }

    /// Bytes that the memory would have after growing by `delta` pages: now, then, and at most.
    /// `None` if its type does not allow the growth.
    pub fn growth(&self, delta: u64) -> Option<Growth> {
        let pages = self.pages().checked_add(delta)?;
        let maximum = self.ty.maximum().unwrap_or(u64::MAX).min(self.ty.absolute_maximum());
        if pages > maximum {
            return None;
        }
        Some(Growth {
            current: self.byte_size(),
            desired: byte_len(&self.ty, pages)?,
            maximum: self.ty.maximum().and_then(|max| byte_len(&self.ty, max)),
        })
    }

    /// Makes the memory `desired` bytes long; `growth` said that it may be.
    ///
    /// # Errors
    ///
    /// When the memory cannot be had; nothing has changed then.
    pub fn grow_to(&mut self, desired: usize, tunables: &MemoryTunables) -> Result<()> {
        if desired < self.byte_size() {
            bail!("memories do not shrink");
        }
        ensure!(desired <= tunables.max_bytes, "Memory maximum size exceeded");
        let used = self.byte_size();
        let map = match &mut self.storage {
            Storage::Own { map, .. } => map,
            Storage::Pooled(memory) => {
                ensure!(desired <= memory.reserved(), "the memory would have to move");
                memory.grow_to(desired)?;
                self.vm = VmMemory::new(memory.base(), desired as u64);
                return Ok(());
            }
            Storage::Host(storage) => {
                storage.grow_to(desired, tunables)?;
                self.vm = VmMemory::new(storage.base(), desired as u64);
                return Ok(());
            }
        };
        if desired > map.len() {
            ensure!(
                tunables.may_move,
                "the memory would have to move, which the configuration forbids"
            );
            // Move. Reserving twice the size makes repeated growth linear in all.
            let maximum =
                self.ty.maximum().and_then(|max| byte_len(&self.ty, max)).unwrap_or(usize::MAX);
            let ahead = desired.saturating_add(tunables.growth_reserve.max(desired)).min(maximum);
            map.extend(used, ahead.max(desired)).or_else(|_| map.extend(used, desired))?;
            // Whatever follows, the bytes are there now.
            self.vm = VmMemory::new(map.base(), used as u64);
        }
        map.commit(used, desired - used)?;
        self.vm = VmMemory::new(map.base(), desired as u64);
        Ok(())
    }

    /// A pointer for handlers, from a pointer to the whole.
    pub(super) fn vm_ptr(this: NonNull<LinearMemory>) -> NonNull<VmMemory> {
        this.cast()
    }
}

/// A growth of a memory or table that its type allows, in bytes or elements.
#[derive(Clone, Copy, Debug)]
pub struct Growth {
    /// Size now.
    pub current: usize,
    /// Size that is asked for.
    pub desired: usize,
    /// The type's own maximum.
    pub maximum: Option<usize>,
}

/// Address space for a memory of this type: for `len` bytes at least, or as guard pages want it.
///
/// # Errors
///
/// When it cannot be had.
pub(super) fn reserve(
    ty: &MemoryType,
    len: usize,
    tunables: &MemoryTunables,
) -> Result<(Mapping, Option<GuardedRegion>)> {
    let guarded = is_guarded(ty, tunables);
    let len = if guarded { GUARDED_RESERVATION } else { len };
    let map = Mapping::reserve(len).with_context(|| {
        let hint = if guarded {
            " (guard pages can be switched off with `Config::signals_based_traps`)"
        } else {
            ""
        };
        format!("cannot reserve {len} bytes of address space for a memory{hint}")
    })?;
    let start = map.base() as usize;
    let guard = guarded.then(|| GuardedRegion::register(start..start + map.len()));
    Ok((map, guard))
}

/// Bytes of so many pages, if the address space can hold them.
pub(super) fn byte_len(ty: &MemoryType, pages: u64) -> Option<usize> {
    let bytes = pages.checked_mul(ty.page_size())?;
    usize::try_from(bytes).ok().filter(|&bytes| bytes <= isize::MAX as usize)
}

/// The address of [`EMPTY_MEMORY`].
pub(super) fn no_memory() -> *mut VmMemory {
    core::ptr::from_ref(&EMPTY_MEMORY.0).cast_mut()
}

/// Memory 0 of instances without one: nothing in it can be accessed, so nothing is written to it.
static EMPTY_MEMORY: EmptyMemory = EmptyMemory(VmMemory::new(NonNull::dangling().as_ptr(), 0));

#[repr(transparent)]
struct EmptyMemory(VmMemory);

// SAFETY: never written to, and its pointer never followed.
unsafe impl Sync for EmptyMemory {}

#[cfg(test)]
mod tests {
    use super::*;

    fn explicit() -> MemoryTunables {
        MemoryTunables::default()
    }

    #[test]
    fn growth_keeps_contents_and_zeroes_the_rest() {
        for tunables in [
            MemoryTunables { guard_pages: crate::sys::GUARD_PAGES_SUPPORTED, ..explicit() },
            explicit(),
            MemoryTunables { reservation: 0, growth_reserve: 0, ..explicit() },
        ] {
            let mut memory = LinearMemory::new(MemoryType::new(1, None), &tunables).unwrap();
            memory.bytes_mut()[65535] = 9;
            let growth = memory.growth(3).unwrap();
            memory.grow_to(growth.desired, &tunables).unwrap();
            assert_eq!(memory.pages(), 4);
            assert_eq!(memory.bytes()[65535], 9);
            assert!(memory.bytes()[65536..].iter().all(|&b| b == 0));
        }
    }

    /// Growing used to copy a memory whole.
    #[cfg(all(feature = "std", target_os = "linux", target_pointer_width = "64", not(miri)))]
    #[test]
    fn growth_touches_no_page_of_a_checked_memory() {
        fn map(memory: &LinearMemory) -> &Mapping {
            match &memory.storage {
                Storage::Own { map, .. } => map,
                Storage::Pooled(_) | Storage::Host(_) => panic!("nobody makes such memories here"),
            }
        }
        let page = MemoryType::DEFAULT_PAGE_SIZE_LOG2;
        for (ty, reservation) in [
            (MemoryType::new64(0x4000, None), 0),
            (MemoryType::new64(0x4000, None), 4 << 30),
            (MemoryType::new(0x2000, None), 1 << 20),
        ] {
            let tunables = MemoryTunables { reservation, growth_reserve: 0, ..explicit() };
            let mut memory = LinearMemory::new(ty, &tunables).unwrap();
            let touched = [0, memory.byte_size() / 2 + 5, memory.byte_size() - 1];
            touched.iter().for_each(|&at| memory.bytes_mut()[at] = 9);
            // Where pages are huge, touching one makes its neighbours resident.
            let resident = map(&memory).resident_pages(memory.byte_size());
            assert!(resident <= touched.len() * 512);
            let (mut moves, mut base) = (0, memory.base());
            for _ in 0..40 {
                let len = memory.growth(0x200).unwrap().desired;
                memory.grow_to(len, &tunables).unwrap();
                assert_eq!((memory.byte_size(), memory.pages() << page), (len, len as u64));
                moves += u32::from(core::mem::replace(&mut base, memory.base()) != base);
                assert_eq!(map(&memory).resident_pages(len), resident);
            }
            assert_eq!(moves != 0, reservation < 4 << 30, "{moves} moves");
            assert!(moves < 5, "each move makes room for many growths: {moves}");
            touched.iter().for_each(|&at| assert_eq!(memory.bytes()[at], 9));
        }
    }

    #[cfg(all(feature = "std", target_os = "linux", not(miri)))]
    #[test]
    fn a_checked_memory_does_with_less_than_it_would_reserve() {
        let tunables = MemoryTunables { reservation: isize::MAX as usize, ..explicit() };
        let mut memory = LinearMemory::new(MemoryType::new64(1, None), &tunables).unwrap();
        memory.grow_to(memory.growth(1).unwrap().desired, &tunables).unwrap();
        assert_eq!(memory.pages(), 2);
    }

    #[test]
    fn the_type_bounds_growth() {
        let memory = LinearMemory::new(MemoryType::new(1, Some(3)), &explicit()).unwrap();
        assert!(memory.growth(2).is_some());
        assert!(memory.growth(3).is_none());
        assert!(memory.growth(u64::MAX).is_none());
        let memory = LinearMemory::new(MemoryType::new(0, None), &explicit()).unwrap();
        // 4 GiB: more than 32 bits can have.
        assert_eq!(memory.growth(65536).is_some(), usize::BITS > 32);
        assert!(memory.growth(65537).is_none());
    }

    #[test]
    fn impossible_sizes_are_errors() {
        let huge = MemoryType::new64(1 << 47, None);
        assert!(LinearMemory::new(huge, &explicit()).is_err());
    }

    #[test]
    fn only_standard_32_bit_memories_are_guarded() {
        let tunables = MemoryTunables { guard_pages: true, ..MemoryTunables::default() };
        assert!(is_guarded(&MemoryType::new(1, None), &tunables));
        assert!(!is_guarded(&MemoryType::new64(1, None), &tunables));
        assert!(!is_guarded(&MemoryType::new(1, None), &explicit()));
    }
}
