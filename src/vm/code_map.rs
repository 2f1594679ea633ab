//! Code as the objects of a store know it: where functions begin, and what an address in code means.
//!
//! A [`CodeMap`] has all data about the code of a module. Instances keep it alive and contexts lead
//! to it, so whoever meets an address in a frame asks the frame's context: collector, unwinder,
//! backtraces, and the first call of a function.

use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use core::ptr::{self, NonNull};
use core::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};

use super::VmLayout;
use super::catch::{CatchTable, CodeTable};
use super::memory_image::MemoryImage;
use super::stack_map::StackMaps;
use crate::error::Result;
use crate::index::DefinedFuncIndex;
use crate::prelude::*;
use crate::sys::standard::{HashMap, Mutex, OnceLock, PoisonError, RwLock};
use crate::wasm::ModuleInfo;

/// Where a function's bytecode starts. Calls go through this cell, so that lazy translation and
/// re-threading replace code by one store.
///
/// Until the function is translated, `pc` points to `stub`, which holds the head of the
/// `lazy_compile` instruction: the handler finds the entry from its own `pc`.
#[repr(C, align(8))]
#[derive(Debug)]
pub struct CodeEntry {
    /// First instruction.
    pub pc: AtomicPtr<u8>,
    /// Instruction head of the lazy stub (a handler address or an opcode).
    pub stub: u64,
}

impl CodeEntry {
    /// The current code, acquired so that the bytes behind it are visible.
    #[inline]
    pub fn load(&self) -> *const u8 {
        self.pc.load(Ordering::Acquire)
    }
}

static_assertions::const_assert_eq!(core::mem::size_of::<CodeEntry>(), 16);

/// The entries of a module's defined functions.
///
/// Code reaches them by address, and each contains the address of its own stub, so all of that is
/// derived from one pointer; nothing ever makes a reference to the whole list.
#[derive(Debug)]
pub struct CodeEntries(NonNull<[CodeEntry]>);

// SAFETY: stands for a box of entries, which are atomics and constants.
unsafe impl Send for CodeEntries {}
// SAFETY: as above.
unsafe impl Sync for CodeEntries {}

impl CodeEntries {
    /// Entries of `count` functions that have not been translated: each leads to its own stub,
    /// whose head is `stub`.
    pub fn new(count: usize, stub: u64) -> CodeEntries {
        let entry = || CodeEntry { pc: AtomicPtr::new(ptr::null_mut()), stub };
        let entries: Box<[CodeEntry]> = (0..count).map(|_| entry()).collect();
        let entries = CodeEntries(NonNull::from(Box::leak(entries)));
        for index in 0..count {
            let entry = entries.entry(index);
            // SAFETY: the entry is in place, and nobody else knows it yet.
            unsafe { *(*entry).pc.as_ptr() = (&raw mut (*entry).stub).cast() };
        }
        entries
    }

    /// How many functions there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The first entry.
    pub fn as_ptr(&self) -> *const CodeEntry {
        self.0.as_ptr().cast()
    }

    /// The entry of a function.
    ///
    /// # Panics
    ///
    /// If there is no such function.
    fn entry(&self, index: usize) -> *mut CodeEntry {
        assert!(index < self.len(), "no such function");
        self.0.as_ptr().cast::<CodeEntry>().wrapping_add(index)
    }

    /// Has calls of a function go to `pc`. Whoever loads the entry sees what was written to the code
    /// before.
    ///
    /// # Panics
    ///
    /// If there is no such function.
    fn publish(&self, index: usize, pc: *const u8) {
        // SAFETY: the entry lives as long as `self`, and this part of it is atomic.
        unsafe { &(*self.entry(index)).pc }.store(pc.cast_mut(), Ordering::Release);
    }
}

impl Drop for CodeEntries {
    fn drop(&mut self) {
        // SAFETY: the list was a box, and nothing leads to it any more.
        drop(unsafe { Box::from_raw(self.0.as_ptr()) });
    }
}

/// A place in code, as the frame of an activation names it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CodePlace {
    /// An address inside the instruction in question.
    Inside(*const u8),
    /// Where a call in progress returns to: the end of the instruction that calls. A function may
    /// end with that instruction, and another function begin there.
    Returns(*const u8),
}

impl CodePlace {
    /// An address inside the instruction: by this one code is found, never by a return address.
    #[inline]
    pub fn inside(self) -> *const u8 {
        match self {
            CodePlace::Inside(pc) => pc,
            CodePlace::Returns(pc) => pc.wrapping_sub(1),
        }
    }
}

/// Pairs of a byte offset in a function's code and one in the module, ascending: the instruction and
/// the operator that it came from.
pub type SourceMap = Box<[(u32, u32)]>;

/// The code of a function, ready to run, with what is known of it.
#[derive(Debug)]
pub struct FunctionCode {
    words: Box<[u64]>,
    entry: u32,
    stack_maps: StackMaps,
    catches: CatchTable,
}

impl FunctionCode {
    /// Code that begins at byte `entry` of `words`.
    ///
    /// # Safety
    ///
    /// The words are threaded code of the function that it is added as, and the maps are its maps.
    pub unsafe fn new(
        words: Box<[u64]>,
        entry: u32,
        stack_maps: StackMaps,
        catches: CatchTable,
    ) -> FunctionCode {
        FunctionCode { words, entry, stack_maps, catches }
    }

    fn start(&self) -> *const u8 {
        self.words.as_ptr().cast()
    }

    fn len(&self) -> usize {
        8 * self.words.len()
    }
}

/// On whose behalf a function is translated.
pub trait Client {
    /// Asked now and then while a function is translated.
    ///
    /// # Errors
    ///
    /// End the translation, of which nothing is kept.
    fn go_on(&mut self) -> Result<()>;

    /// Asked for so many bytes of finished code.
    ///
    /// # Errors
    ///
    /// As there.
    fn take(&mut self, bytes: usize) -> Result<()>;
}

/// Nobody in particular: whoever has a module translated ahead of all calls.
#[derive(Debug)]
pub struct Nobody;

impl Client for Nobody {
    fn go_on(&mut self) -> Result<()> {
        Ok(())
    }

    fn take(&mut self, _: usize) -> Result<()> {
        Ok(())
    }
}

/// Who makes code.
pub trait Translate: Send + Sync {
    /// Translates a function.
    ///
    /// # Errors
    ///
    /// When the function exceeds a limit, or is invalid and has not been validated before; those of the
    /// client.
    fn translate(
        &self,
        info: &ModuleInfo,
        layout: &VmLayout,
        bytes: &[u8],
        func: DefinedFuncIndex,
        client: &mut dyn Client,
    ) -> Result<FunctionCode>;

    /// The source map of a function that has been translated.
    ///
    /// # Errors
    ///
    /// None, as it could be translated before.
    fn source_map(
        &self,
        info: &ModuleInfo,
        layout: &VmLayout,
        bytes: &[u8],
        func: DefinedFuncIndex,
    ) -> Result<SourceMap>;
}

/// The code of a module and all that is known of it, shared by all its instances.
///
/// Each defined function has a [`CodeEntry`] through which it is called. It starts as a stub that
/// has the function translated; once translated, code never moves or changes until the module is
/// dropped.
pub struct CodeMap {
    info: Arc<ModuleInfo>,
    layout: VmLayout,
    bytes: Arc<[u8]>,
    translator: Box<dyn Translate>,
    entries: CodeEntries,
    functions: Box<[OnceLock<Box<FunctionCode>>]>,
    /// Bytes of code that were translated ahead of any call.
    ahead: AtomicUsize,
    /// Start address of each function's code, for finding the function of an instruction. Locked
    /// from before any thread can see a function's code until its place is known.
    places: RwLock<BTreeMap<usize, DefinedFuncIndex>>,
    /// Source maps that backtraces have asked for.
    source_maps: Mutex<HashMap<DefinedFuncIndex, SourceMap>>,
    /// What memory 0 begins with, made when an instance first asks for it.
    image: OnceLock<Option<Arc<MemoryImage>>>,
    /// Read when a backtrace asks for it.
    #[cfg(feature = "dwarf")]
    symbols: OnceLock<crate::symbols::Symbols>,
}

impl CodeMap {
    /// The code of a module that was read from `bytes`, nothing of it translated. `stub` is the head
    /// of the instruction that translates.
    ///
    /// # Safety
    ///
    /// The translator's code is that of the functions it is asked for, and `stub` is such a head.
    pub unsafe fn new(
        info: Arc<ModuleInfo>,
        layout: VmLayout,
        bytes: Arc<[u8]>,
        translator: Box<dyn Translate>,
        stub: u64,
    ) -> CodeMap {
        let count = info.num_defined_funcs() as usize;
        CodeMap {
            translator,
            entries: CodeEntries::new(count, stub),
            functions: (0..count).map(|_| OnceLock::new()).collect(),
            ahead: AtomicUsize::new(0),
            places: RwLock::default(),
            source_maps: Mutex::default(),
            image: OnceLock::new(),
            #[cfg(feature = "dwarf")]
            symbols: OnceLock::new(),
            info,
            layout,
            bytes,
        }
    }

    /// The module.
    pub fn info(&self) -> &Arc<ModuleInfo> {
        &self.info
    }

    /// Where what code uses is in an instance's context.
    pub fn layout(&self) -> &VmLayout {
        &self.layout
    }

    /// The bytes it was read from.
    pub fn bytes(&self) -> &Arc<[u8]> {
        &self.bytes
    }

    /// What memory 0 begins with, if that is the same for all instances: read, and copied, once.
    pub fn memory_image(&self) -> Option<&Arc<MemoryImage>> {
        let make = || MemoryImage::of(&self.info, &self.bytes).map(Arc::new);
        self.image.get_or_init(make).as_ref()
    }

    /// The entries of the defined functions.
    pub fn entries(&self) -> &CodeEntries {
        &self.entries
    }

    /// Makes sure that a function is translated and its entry leads to the code.
    ///
    /// # Errors
    ///
    /// As for [`Translate::translate`].
    ///
    /// # Panics
    ///
    /// If there is no such function.
    pub fn compile(&self, func: DefinedFuncIndex, client: &mut dyn Client) -> Result<()> {
        let code = match self.functions[func.idx()].get() {
            Some(code) => code,
            None => {
                let (info, layout) = (&self.info, &self.layout);
                let code = self.translator.translate(info, layout, &self.bytes, func, client)?;
                client.take(code.len())?;
                self.add(func, code)
            }
        };
        // Whoever finds the function translated publishes it too, as the thread that did it may not
        // have come here yet.
        self.entries.publish(func.idx(), code.start().wrapping_add(code.entry as usize));
        Ok(())
    }

    /// Notes that everything has been translated ahead of any call.
    pub fn set_ahead(&self) {
        let bytes = self.functions.iter().filter_map(OnceLock::get).map(|code| code.len()).sum();
        self.ahead.store(bytes, Ordering::Relaxed);
    }

    /// Bytes of code that were translated ahead of any call.
    pub fn ahead(&self) -> usize {
        self.ahead.load(Ordering::Relaxed)
    }

    /// Adds a function's code and its place, at once for all other threads: a thread that finds the
    /// code may run it, and collections and exceptions then ask for its maps.
    fn add(&self, func: DefinedFuncIndex, code: FunctionCode) -> &FunctionCode {
        let mut places = self.places.write().unwrap_or_else(PoisonError::into_inner);
        // Another thread may have been faster; its code is as good.
        let code = self.functions[func.idx()].get_or_init(|| Box::new(code));
        #[cfg(test)]
        seam::code_is_visible();
        places.insert(code.start() as usize, func);
        code
    }

    /// The function that an instruction belongs to, and the byte offset of a part of that
    /// instruction in its code. The one way from an address to what is known of it.
    pub fn lookup(&self, place: CodePlace) -> Option<(DefinedFuncIndex, u32)> {
        let places = self.places.read().unwrap_or_else(PoisonError::into_inner);
        let pc = place.inside() as usize;
        let (&start, &func) = places.range(..=pc).next_back()?;
        let code = self.functions[func.idx()].get()?;
        let offset = pc - start;
        (offset < code.len()).then_some((func, offset as u32))
    }

    /// Where the code of a function that is translated begins and ends.
    #[cfg(test)]
    pub(crate) fn range(&self, func: DefinedFuncIndex) -> Option<core::ops::Range<*const u8>> {
        let code = self.functions[func.idx()].get()?;
        Some(code.start()..code.start().wrapping_add(code.len()))
    }

    /// Calls `visit` with the slots of a frame that hold references while the call at `place` is in
    /// progress.
    pub fn stack_slots(&self, place: CodePlace, visit: &mut dyn FnMut(i32)) {
        if let Some((func, offset)) = self.lookup(place)
            && let Some(code) = self.functions[func.idx()].get()
        {
            // Maps are named by the end of the instruction.
            code.stack_maps.visit(offset + 1, visit);
        }
    }

    /// Start and catch table of the code of the instruction at `place`, which stay where they are.
    pub fn catch_table(&self, place: CodePlace) -> Option<CodeTable> {
        let (func, _) = self.lookup(place)?;
        let code = self.functions[func.idx()].get()?;
        Some((code.start(), NonNull::from(&code.catches)))
    }

    /// The place in the module, as a byte offset, of the operator that the instruction at byte
    /// `offset` of a function's code came from.
    ///
    /// Source maps are not kept with the code: few functions ever need theirs, and translating
    /// those again gives it.
    pub fn source_offset(&self, func: DefinedFuncIndex, offset: u32) -> Option<u32> {
        let mut maps = self.source_maps.lock().unwrap_or_else(PoisonError::into_inner);
        let map = match maps.get(&func) {
            Some(map) => map,
            None => {
                let map =
                    self.translator.source_map(&self.info, &self.layout, &self.bytes, func).ok()?;
                maps.entry(func).or_insert(map)
            }
        };
        let after = map.partition_point(|&(at, _)| at <= offset);
        Some(map.get(after.checked_sub(1)?)?.1)
    }

    /// What the module's debug information says.
    #[cfg(feature = "dwarf")]
    pub(crate) fn symbols(&self) -> &crate::symbols::Symbols {
        self.symbols.get_or_init(|| crate::symbols::Symbols::new(&self.info, &self.bytes))
    }
}

impl core::fmt::Debug for CodeMap {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("CodeMap").field("functions", &self.functions.len()).finish_non_exhaustive()
    }
}

static_assertions::assert_impl_all!(CodeMap: Send, Sync);

/// Where tests come in between two steps of a translation.
#[cfg(test)]
pub(crate) mod seam {
    use core::cell::RefCell;

    use crate::prelude::*;

    std::thread_local! {
        /// What this thread does when others can see the next code that it adds.
        pub static ON_VISIBLE: RefCell<Option<Box<dyn FnOnce()>>> = const { RefCell::new(None) };
    }

    /// Other threads can see code from here on that this one is adding.
    pub(super) fn code_is_visible() {
        if let Some(act) = ON_VISIBLE.with_borrow_mut(Option::take) {
            act();
        }
    }
}
