//! Blocks: what each is used for, and which of their cells are free.

use crate::prelude::*;

/// Bytes of a block.
pub const BLOCK: usize = 64 << 10;
/// Bytes that one bit of a bitmap stands for: every object begins at a multiple of this.
const GRANULE: usize = 16;
/// Words of a block's bitmap.
const WORDS: usize = BLOCK / GRANULE / 64;

/// Cell sizes up to this are all multiples of a granule.
const FINE: usize = 512;

/// Larger cell sizes: four for each doubling, then what divides a block well.
const COARSE: [usize; 21] = [
    640, 768, 896, 1024, 1280, 1536, 1792, 2048, 2560, 3072, 3584, 4096, 5120, 6144, 7168, 8192,
    10912, 13104, 16384, 21840, 32768,
];

/// Number of size classes.
pub const CLASSES: usize = FINE / GRANULE + COARSE.len();

/// The size class of objects with `size` bytes; `None` for large ones, which have blocks of their
/// own.
pub fn class_of(size: usize) -> Option<usize> {
    if size <= FINE {
        return Some(size.max(1).div_ceil(GRANULE) - 1);
    }
    let coarse = COARSE.partition_point(|&cell| cell < size);
    (coarse < COARSE.len()).then_some(FINE / GRANULE + coarse)
}

/// Bytes of a cell of a size class.
pub fn class_size(class: usize) -> usize {
    match class.checked_sub(FINE / GRANULE) {
        None => (class + 1) * GRANULE,
        Some(coarse) => COARSE[coarse],
    }
}

/// What a block is used for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Use {
    Free,
    /// Cells of a size class.
    Small(u8),
    /// The start of a large object of so many blocks.
    Large(u32),
    /// The rest of one.
    Rest,
}

/// A block's bitmap.
type Marks = [u64; WORDS];

/// Where the allocator is in the blocks of a class.
#[derive(Clone, Debug, Default)]
struct Class {
    /// Blocks with free cells that have not been looked at since the last collection.
    waiting: Vec<u32>,
    /// The block whose runs are being handed out, and the cell to go on at.
    current: Option<(u32, usize)>,
}

/// All blocks.
#[derive(Debug, Default)]
pub struct Blocks {
    uses: Vec<Use>,
    marks: Vec<Marks>,
    /// None as long as there are no blocks: most stores have no objects.
    classes: Vec<Class>,
    /// No block before this one is free.
    first_free: usize,
}

impl Blocks {
    /// Adds free blocks at the end.
    pub fn add(&mut self, count: usize) {
        let len = self.uses.len() + count;
        self.uses.resize(len, Use::Free);
        self.marks.resize(len, [0; WORDS]);
        self.classes.resize(CLASSES, Class::default());
    }

    /// How many blocks at the end are free.
    pub fn free_at_end(&self) -> usize {
        self.uses.iter().rev().take_while(|it| **it == Use::Free).count()
    }

    /// A run of free cells of a class: where it begins and its bytes. `None` if there is no more.
    pub fn next_run(&mut self, class: usize) -> Option<(usize, usize)> {
        if self.classes.is_empty() {
            return None;
        }
        loop {
            if let Some((block, cell)) = self.classes[class].current {
                match self.run_in(block as usize, class, cell) {
                    Some((start, end)) => {
                        self.classes[class].current = Some((block, end));
                        let size = class_size(class);
                        return Some((block as usize * BLOCK + start * size, (end - start) * size));
                    }
                    None => self.classes[class].current = None,
                }
            }
            let block = match self.classes[class].waiting.pop() {
                Some(block) => block,
                None => {
                    let block = self.take_free()?;
                    self.uses[block] = Use::Small(class as u8);
                    block as u32
                }
            };
            self.classes[class].current = Some((block, 0));
        }
    }

    /// The next run of unmarked cells from `cell` on: first cell, and the one behind the last.
    fn run_in(&self, block: usize, class: usize, cell: usize) -> Option<(usize, usize)> {
        let marks = &self.marks[block];
        let step = class_size(class) / GRANULE;
        let cells = BLOCK / class_size(class);
        let marked = |cell: usize| {
            let bit = cell * step;
            marks[bit / 64] >> (bit % 64) & 1 != 0
        };
        let start = (cell..cells).find(|&cell| !marked(cell))?;
        let end = (start..cells).find(|&cell| marked(cell)).unwrap_or(cells);
        Some((start, end))
    }

    fn take_free(&mut self) -> Option<usize> {
        let free = self.uses[self.first_free..].iter().position(|it| *it == Use::Free);
        let block = self.first_free + free.unwrap_or(self.uses.len() - self.first_free);
        self.first_free = block;
        (block < self.uses.len()).then_some(block)
    }

    /// Takes so many blocks in a row for one object; where it begins.
    pub fn take_large(&mut self, count: usize) -> Option<usize> {
        self.take_free()?;
        let mut run = 0;
        for block in self.first_free..self.uses.len() {
            run = if self.uses[block] == Use::Free { run + 1 } else { 0 };
            if run == count {
                let first = block + 1 - count;
                self.uses[first] = Use::Large(count as u32);
                self.uses[first + 1..=block].fill(Use::Rest);
                return Some(first * BLOCK);
            }
        }
        None
    }

    /// Forgets all marks: a collection begins.
    pub fn clear(&mut self) {
        self.marks.fill([0; WORDS]);
    }

    /// Marks the object at byte `offset`; `false` if it was marked before.
    #[inline]
    pub fn mark(&mut self, offset: usize) -> bool {
        let bit = offset % BLOCK / GRANULE;
        let word = &mut self.marks[offset / BLOCK][bit / 64];
        let mask = 1 << (bit % 64);
        let fresh = *word & mask == 0;
        *word |= mask;
        fresh
    }

    /// Whether the object at byte `offset` is marked.
    pub fn is_marked(&self, offset: usize) -> bool {
        let bit = offset % BLOCK / GRANULE;
        self.marks[offset / BLOCK][bit / 64] >> (bit % 64) & 1 != 0
    }

    /// Frees what is not marked. Returns the bytes that are.
    pub fn sweep(&mut self) -> usize {
        for class in &mut self.classes {
            class.current = None;
            class.waiting.clear();
        }
        self.first_free = 0;
        let mut live = 0;
        let mut block = 0;
        while block < self.uses.len() {
            let mut count = 1;
            match self.uses[block] {
                Use::Free | Use::Rest => {}
                Use::Small(class) => {
                    let class = usize::from(class);
                    let marked: u32 = self.marks[block].iter().map(|word| word.count_ones()).sum();
                    let marked = marked as usize;
                    live += marked * class_size(class);
                    if marked == 0 {
                        self.uses[block] = Use::Free;
                    } else if marked < BLOCK / class_size(class) {
                        self.classes[class].waiting.push(block as u32);
                    }
                }
                Use::Large(blocks) => {
                    count = blocks as usize;
                    if self.is_marked(block * BLOCK) {
                        live += count * BLOCK;
                    } else {
                        self.uses[block..block + count].fill(Use::Free);
                    }
                }
            }
            block += count;
        }
        // Low blocks first, so that the high ones tend to become free.
        for class in &mut self.classes {
            class.waiting.reverse();
        }
        live
    }
}

static_assertions::const_assert!(CLASSES <= u8::MAX as usize);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_size_has_the_smallest_class_that_holds_it() {
        for size in 0..=40_000 {
            match class_of(size) {
                Some(class) => {
                    assert!(class_size(class) >= size);
                    assert!(class == 0 || class_size(class - 1) < size, "{size}");
                    assert_eq!(class_size(class) % GRANULE, 0);
                }
                None => assert!(size > class_size(CLASSES - 1)),
            }
        }
    }

    #[test]
    fn runs_are_what_lies_between_marked_cells() {
        let mut blocks = Blocks::default();
        assert_eq!(blocks.next_run(1), None);
        blocks.add(1);
        assert_eq!(blocks.next_run(1), Some((0, BLOCK)));
        assert_eq!(blocks.next_run(1), None);
        blocks.clear();
        assert!(blocks.mark(64) && !blocks.mark(64) && blocks.mark(128));
        assert_eq!(blocks.sweep(), 64);
        assert_eq!(blocks.next_run(1), Some((0, 64)));
        assert_eq!(blocks.next_run(1), Some((96, 32)));
        assert_eq!(blocks.next_run(1), Some((160, BLOCK - 160)));
        assert_eq!(blocks.next_run(1), None);
        blocks.clear();
        assert_eq!(blocks.sweep(), 0);
        assert_eq!(blocks.next_run(0), Some((0, BLOCK)));
    }

    #[test]
    fn large_objects_take_blocks_in_a_row_and_give_them_back() {
        let mut blocks = Blocks::default();
        blocks.add(4);
        assert_eq!(blocks.take_large(3), Some(0));
        assert_eq!(blocks.take_large(2), None);
        assert_eq!(blocks.free_at_end(), 1);
        assert_eq!(blocks.take_large(1), Some(3 * BLOCK));
        blocks.clear();
        blocks.mark(3 * BLOCK);
        assert_eq!(blocks.sweep(), BLOCK);
        assert_eq!(blocks.take_large(3), Some(0));
    }
}
