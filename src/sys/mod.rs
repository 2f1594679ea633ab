//! What the operating system gives: reserved address space and, where they are supported, page
//! faults that become traps.
//!
//! Each part has twins with one interface: [`Mapping`] is made of `mmap` on unix, of `VirtualAlloc` on
//! Windows and of the allocator elsewhere; [`signals`] is real on the targets whose fault contexts are
//! known and empty elsewhere. Miri, which has neither page protection nor signals, gets the portable ones, and
//! so does a build without the feature `std`; [`standard`] has what else differs without that.
//! [`racy`] and [`bulk`] access memory as no Rust reference may, or faster. Nothing here knows about
//! WebAssembly's objects.

#[cfg_attr(all(feature = "std", unix, not(miri)), path = "unix.rs")]
#[cfg_attr(all(feature = "std", windows, not(miri)), path = "windows.rs")]
#[cfg_attr(any(not(feature = "std"), miri, not(any(unix, windows))), path = "portable.rs")]
mod system;

#[cfg_attr(
    all(
        feature = "std",
        any(target_os = "linux", target_os = "android", target_vendor = "apple"),
        any(target_arch = "x86_64", target_arch = "aarch64"),
        not(miri)
    ),
    path = "signals/unix.rs"
)]
#[cfg_attr(
    all(feature = "std", windows, any(target_arch = "x86_64", target_arch = "aarch64"), not(miri)),
    path = "signals/windows.rs"
)]
#[cfg_attr(
    not(all(
        feature = "std",
        any(target_os = "linux", target_os = "android", target_vendor = "apple", windows),
        any(target_arch = "x86_64", target_arch = "aarch64"),
        not(miri)
    )),
    path = "signals/disabled.rs"
)]
pub mod signals;

#[cfg_attr(not(all(feature = "std", target_os = "linux", not(miri))), path = "image_absent.rs")]
mod image;

#[cfg_attr(not(all(feature = "std", target_os = "linux", not(miri))), path = "pagemap_absent.rs")]
mod pagemap;

pub mod atomic;
pub mod bulk;
mod fresh;
mod mapping;
pub mod racy;

#[cfg_attr(not(feature = "std"), path = "standalone.rs")]
pub mod standard;

pub use image::Image;
pub use mapping::Mapping;
pub use pagemap::PageMap;
pub use system::{PAGES_ARE_PROTECTED, RESERVING_IS_FREE};

impl Mapping {
    /// Reserves `most` bytes, or fewer where the process cannot have so many, but not less than
    /// `least`.
    ///
    /// # Errors
    ///
    /// When not even those can be had.
    pub fn reserve_up_to(least: usize, most: usize) -> crate::sys::standard::io::Result<Mapping> {
        // Under a limit of the process everything else needs some address space, too.
        let fair = system::address_space().map_or(most, |limit| limit / 4);
        let mut len = most.min(fair).max(least);
        loop {
            match Mapping::reserve(len) {
                Err(_) if len > least => len = (len / 2).max(least),
                result => return result,
            }
        }
    }
}

/// Can accesses outside a memory be caught as page faults on this target? Where they cannot, every
/// memory works with explicit checks.
pub const GUARD_PAGES_SUPPORTED: bool = signals::SUPPORTED;

#[cfg(test)]
mod tests {
    use super::Mapping;

    #[test]
    fn less_is_reserved_where_there_is_not_more() {
        let map = Mapping::reserve_up_to(1 << 16, usize::MAX / 2).unwrap();
        assert!((1 << 16..usize::MAX / 2).contains(&map.len()));
        assert!(Mapping::reserve_up_to(usize::MAX / 2, usize::MAX).is_err());
    }
}
