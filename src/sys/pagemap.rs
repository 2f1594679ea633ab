//! Which pages of private mappings were written, as Linux tells since 6.7 (`PAGEMAP_SCAN`). Elsewhere
//! `pagemap_absent.rs` stands in.

use core::ops::Range;
use core::sync::atomic::{AtomicU8, Ordering};
use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::sync::OnceLock;

use super::{Image, Mapping};
use crate::prelude::*;

/// The pages of this process.
#[derive(Debug)]
pub struct PageMap {
    file: File,
    /// A page that is zeros again in a child of the process, to whom the file would tell the parent's pages.
    own: Mapping,
}

/// Pages that are told of at once.
const REGIONS: usize = 64;

/// A range of pages, as the system writes it.
#[repr(C)]
#[derive(Clone, Copy, Default)]
struct PageRegion {
    start: u64,
    end: u64,
    categories: u64,
}

/// The operand of `PAGEMAP_SCAN`.
#[repr(C)]
struct Scan {
    size: u64,
    flags: u64,
    start: u64,
    end: u64,
    walk_end: u64,
    vec: u64,
    vec_len: u64,
    max_pages: u64,
    category_inverted: u64,
    category_mask: u64,
    category_anyof_mask: u64,
    return_mask: u64,
}

const PAGE_IS_FILE: u64 = 1 << 2;
const PAGE_IS_PRESENT: u64 = 1 << 3;
const PAGE_IS_SWAPPED: u64 = 1 << 4;
const PAGE_IS_PFNZERO: u64 = 1 << 5;

/// The part of a scan that has been made.
struct Found {
    regions: [PageRegion; REGIONS],
    count: usize,
    /// Where it ended.
    end: usize,
}

impl PageMap {
    /// The one of this process; `None` where the system has none, or does not let it be read.
    pub fn of_process() -> Option<&'static PageMap> {
        static PAGES: OnceLock<Option<PageMap>> = OnceLock::new();
        PAGES.get_or_init(|| PageMap::open().ok()).as_ref().filter(|pages| pages.is_own())
    }

    fn open() -> io::Result<PageMap> {
        let file = File::open("/proc/self/pagemap")?;
        let mut own = Mapping::reserve(super::system::page_size())?;
        own.commit(0, own.len())?;
        // SAFETY: all of a mapping that nobody else has; it is whole pages.
        let result = unsafe { libc::madvise(own.base().cast(), own.len(), libc::MADV_WIPEONFORK) };
        if result != 0 {
            return Err(io::Error::last_os_error());
        }
        let pages = PageMap { file, own };
        pages.mark().store(1, Ordering::Relaxed);
        if pages.tells_the_truth()? { Ok(pages) } else { Err(io::ErrorKind::Unsupported.into()) }
    }

    fn mark(&self) -> &AtomicU8 {
        // SAFETY: the first byte of a mapping that lives as long as this, and is accessed by this alone.
        unsafe { AtomicU8::from_ptr(self.own.base()) }
    }

    /// Whether this is the process that it was opened in.
    fn is_own(&self) -> bool {
        self.mark().load(Ordering::Relaxed) == 1
    }

    /// Whether what it says of a mapping is so: what only emulates Linux may take the question for another.
    fn tells_the_truth(&self) -> io::Result<bool> {
        let page = super::system::page_size();
        let image = Image::new(&vec![7; 4 * page])?;
        let mut map = Mapping::reserve(8 * page)?;
        map.commit(0, 8 * page)?;
        map.show(0, &image)?;
        let byte = |page_number: usize| map.base().wrapping_add(page_number * page);
        // SAFETY: bytes of a mapping that only this function has, and that can be accessed.
        unsafe {
            let seen = [0, 2, 4].map(|number| byte(number).read_volatile());
            [2, 5, 7].into_iter().for_each(|number| byte(number).write_volatile(1));
            if seen != [7, 7, 0] {
                return Ok(false);
            }
        }
        let start = map.base() as usize;
        let found = self.scan(start..start + 8 * page, 8)?;
        let mut written = [false; 8];
        for region in found.regions() {
            written[(region.start - start) / page..(region.end - start) / page].fill(true);
        }
        // Pages of zeros may come several at once. More than were written do no harm, but all would be of no use.
        let has_all = [2, 5, 7].into_iter().all(|number| written[number]);
        Ok(found.end == start + 8 * page && has_all && !written[0] && !written[1] && !written[3])
    }

    /// Asks for pages of a range that were written, the first `most` of them.
    ///
    /// A page that was written is the process's own, in memory or swapped out. One that was not is not
    /// there, or the file's, or the one page of zeros that all read.
    fn scan(&self, range: Range<usize>, most: usize) -> io::Result<Found> {
        let mut found =
            Found { regions: [PageRegion::default(); REGIONS], count: 0, end: range.start };
        let mut scan = Scan {
            size: size_of::<Scan>() as u64,
            flags: 0,
            start: range.start as u64,
            end: range.end as u64,
            walk_end: 0,
            vec: found.regions.as_mut_ptr().expose_provenance() as u64,
            vec_len: REGIONS as u64,
            max_pages: most as u64,
            category_inverted: PAGE_IS_FILE | PAGE_IS_PFNZERO,
            category_mask: PAGE_IS_FILE | PAGE_IS_PFNZERO,
            category_anyof_mask: PAGE_IS_PRESENT | PAGE_IS_SWAPPED,
            return_mask: 0,
        };
        // SAFETY: the file is open; the system writes to the operand and to the regions that it names, which
        // both live.
        let count = unsafe {
            libc::ioctl(self.file.as_raw_fd(), libc::_IOWR::<Scan>(b'f'.into(), 16), &raw mut scan)
        };
        if count < 0 {
            return Err(io::Error::last_os_error());
        }
        found.count = count as usize;
        found.end = scan.walk_end as usize;
        // It is asked about memory that is written to next.
        let mut last = range.start;
        let is_plausible = found.count <= REGIONS
            && (found.count != 0 || found.end == range.end)
            && (range.start + 1..=range.end).contains(&found.end)
            && found.regions().all(|region| {
                let follows = last <= region.start && region.start < region.end;
                last = region.end;
                follows && region.end <= found.end
            });
        if is_plausible { Ok(found) } else { Err(io::ErrorKind::InvalidData.into()) }
    }
}

impl Found {
    fn regions(&self) -> impl Iterator<Item = Range<usize>> {
        let found = self.regions[..self.count.min(REGIONS)].iter();
        found.map(|region| region.start as usize..region.end as usize)
    }
}

impl Mapping {
    /// As [`Mapping::forget`] of the first `len` bytes, whole pages of them; but as many pages that were written
    /// as `kept` bytes are stay in memory, with their first contents: those of the image that is shown, at so
    /// many bytes, or zeros.
    ///
    /// # Errors
    ///
    /// When the system refuses.
    ///
    /// # Panics
    ///
    /// If the range does not lie within the mapping.
    pub fn reset(
        &mut self,
        len: usize,
        image: Option<(usize, &Image)>,
        pages: &PageMap,
        kept: usize,
    ) -> io::Result<()> {
        assert!(len <= self.len(), "pages outside of a mapping");
        let base = self.base() as usize;
        let (mut at, mut most) = (0, kept / super::system::page_size());
        while at < len && most > 0 && pages.is_own() {
            let Ok(found) = pages.scan(base + at..base + len, most) else { break };
            for region in found.regions() {
                let bytes = region.start - base..region.end - base;
                most = most.saturating_sub(bytes.len() / super::system::page_size());
                // SAFETY: the range is inside of what this mapping has, is accessible, and is borrowed to be
                // changed.
                unsafe { begin_again(self.base(), bytes, image) };
            }
            at = found.end - base;
        }
        if at == len { Ok(()) } else { self.forget(at, len - at) }
    }
}

/// Gives bytes of a mapping their first contents.
///
/// # Safety
///
/// `base` is a mapping's first byte, whose `bytes` can be written and are nobody else's.
unsafe fn begin_again(base: *mut u8, bytes: Range<usize>, image: Option<(usize, &Image)>) {
    let (start, contents) = image.map_or((0, &[][..]), |(start, image)| (start, image.bytes()));
    let clamp = |at: usize| at.clamp(bytes.start, bytes.end);
    let shown = clamp(start)..clamp(start + contents.len());
    // SAFETY: parts of the caller's range; the image is elsewhere, and no shorter than what is shown of it.
    unsafe {
        base.add(bytes.start).write_bytes(0, shown.start - bytes.start);
        if !shown.is_empty() {
            let from = contents[shown.start - start..shown.end - start].as_ptr();
            from.copy_to_nonoverlapping(base.add(shown.start), shown.len());
        }
        base.add(shown.end).write_bytes(0, bytes.end - shown.end);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pages of the mappings here: more than the system tells of at once, if every other one is written.
    const PAGES: usize = 320;

    /// Pages that show the image, from the tenth on.
    const SHOWN: usize = 240;

    struct Place {
        map: Mapping,
        image: Image,
        begin: Vec<u8>,
        page: usize,
    }

    impl Place {
        fn new() -> Place {
            let page = super::super::system::page_size();
            let contents: Vec<u8> = (0..SHOWN * page).map(|at| (at / 7 % 251) as u8).collect();
            let image = Image::new(&contents).unwrap();
            let mut map = Mapping::reserve(PAGES * page).unwrap();
            map.commit(0, PAGES * page).unwrap();
            map.show(10 * page, &image).unwrap();
            let mut begin = vec![0; PAGES * page];
            begin[10 * page..][..contents.len()].copy_from_slice(&contents);
            Place { map, image, begin, page }
        }

        fn bytes(&mut self) -> &mut [u8] {
            // SAFETY: all of it can be accessed, and only the test that has the place does.
            unsafe { core::slice::from_raw_parts_mut(self.map.base(), self.begin.len()) }
        }

        fn reset(&mut self, kept: usize) {
            let pages = PageMap::of_process().unwrap();
            let image = Some((10 * self.page, &self.image));
            self.map.reset(self.begin.len(), image, pages, kept * self.page).unwrap();
        }

        fn own_pages(&self) -> usize {
            let start = self.map.base() as usize;
            let pages = PageMap::of_process().unwrap();
            let (mut at, mut count) = (start, 0);
            while at < start + self.begin.len() {
                let found = pages.scan(at..start + self.begin.len(), PAGES).unwrap();
                count += found.regions().map(|region| region.len() / self.page).sum::<usize>();
                at = found.end;
            }
            count
        }
    }

    /// Where there is no such map of pages there is nothing to test.
    fn is_missing() -> bool {
        PageMap::of_process().is_none()
    }

    #[test]
    fn every_byte_is_as_it_was_whatever_was_read_and_written() {
        if is_missing() {
            return;
        }
        let mut place = Place::new();
        let mut random = 1_u32;
        let mut next = move |below: usize| {
            random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (random >> 8) as usize % below
        };
        for round in 0..120 {
            let len = place.begin.len();
            let count = [0, 1, 3, 40, 400][round % 5];
            for _ in 0..count {
                let at = next(len);
                let end = (at + [1, 100, 5000, 70_000][next(4)]).min(len);
                match next(3) {
                    0 => assert!(place.bytes()[at..end].iter().all(|byte| *byte != 0xfe)),
                    _ => place.bytes()[at..end].fill(0xfd),
                }
            }
            if round % 7 == 0 {
                place.bytes().fill(0xfd);
            }
            if round % 4 == 0 {
                // To wherever such pages go, if there is such a place.
                // SAFETY: it keeps what they hold.
                unsafe { libc::madvise(place.map.base().cast(), len / 2, libc::MADV_PAGEOUT) };
            }
            let kept = [0, 1, 2, 63, 64, 65, 200, PAGES, 100_000][round % 9];
            place.reset(kept);
            assert!(place.own_pages() <= kept, "round {round}");
            let Place { begin, .. } = &place;
            let begin = begin.clone();
            assert!(place.bytes() == begin, "round {round}");
        }
    }

    #[test]
    fn more_ranges_than_are_told_of_at_once_are_all_reset() {
        if is_missing() {
            return;
        }
        let mut place = Place::new();
        for kept in [PAGES, PAGES / 4, PAGES / 2 + 1] {
            let page = place.page;
            place.bytes().chunks_mut(2 * page).for_each(|pages| pages[0] = 0xfd);
            place.reset(kept);
            let begin = place.begin.clone();
            assert!(place.bytes() == begin);
            assert!(place.own_pages() <= kept);
        }
    }

    #[test]
    fn pages_that_stay_are_those_that_were_written() {
        if is_missing() {
            return;
        }
        let mut place = Place::new();
        let page = place.page;
        assert_eq!(place.own_pages(), 0);
        for at in [0, 9, 10, 100, PAGES - 1] {
            place.bytes()[at * page] = 1;
        }
        // Some pages may come several at once.
        let own = place.own_pages();
        assert!(own >= 5);
        place.reset(PAGES);
        assert_eq!(place.own_pages(), own);
        place.reset(0);
        assert_eq!(place.own_pages(), 0);
    }

    /// In a child of the process the file tells of the parent's pages.
    #[test]
    fn a_child_of_the_process_asks_nobody() {
        if is_missing() {
            return;
        }
        let mut place = Place::new();
        let pages = PageMap::of_process().unwrap();
        // SAFETY: the child allocates nothing, and ends without running what else is to run at an end.
        unsafe {
            let child = libc::fork();
            assert!(child >= 0);
            if child == 0 {
                place.map.base().add(10 * place.page).write_volatile(0xfd);
                let image = Some((10 * place.page, &place.image));
                let result = place.map.reset(PAGES * place.page, image, pages, PAGES * place.page);
                let is_new = place.map.base().add(10 * place.page).read_volatile() == 0;
                let is_right = result.is_ok() && is_new && PageMap::of_process().is_none();
                libc::_exit(i32::from(!is_right));
            }
            let mut status = 0;
            assert_eq!(libc::waitpid(child, &raw mut status, 0), child);
            assert_eq!(status, 0);
        }
        assert!(PageMap::of_process().is_some());
    }
}
