//! Code of modules: translated on demand, published to all threads that run it.

use core::ptr::NonNull;
use core::sync::atomic::{AtomicUsize, Ordering};
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock};

use crate::error::{Error, Result, format_err};
use crate::exec;
use crate::index::DefinedFuncIndex;
use crate::translate::{self, Code, Options};
use crate::vm::catch::CodeTable;
use crate::vm::limits::MemoryTunables;
use crate::vm::memory::is_guarded;
use crate::vm::{CodeEntries, CodeEntry, CodePlace};
use crate::wasm::ModuleInfo;

/// Pairs of a byte offset in a function's code and one in the module, ascending.
type SourceMap = Box<[(u32, u32)]>;

/// The code of a module, shared by all its instances.
///
/// Each defined function has a [`CodeEntry`] through which it is called. It starts as a stub that
/// has the function translated; once translated, code never moves or changes until the module is
/// dropped.
pub struct ModuleCode {
    info: Arc<ModuleInfo>,
    bytes: Arc<[u8]>,
    options: Options,
    entries: CodeEntries,
    functions: Box<[OnceLock<Box<Code>>]>,
    /// Start address of each function's code, for finding the function of an instruction. Locked
    /// from before any thread can see a function's code until its place is known.
    places: RwLock<BTreeMap<usize, DefinedFuncIndex>>,
    /// Source maps that backtraces have asked for.
    source_maps: Mutex<HashMap<DefinedFuncIndex, SourceMap>>,
}

impl ModuleCode {
    /// The code of a module that was read from `bytes`, nothing of it translated.
    pub fn new(
        info: Arc<ModuleInfo>,
        bytes: Arc<[u8]>,
        memory: &MemoryTunables,
        relaxed_simd_deterministic: bool,
    ) -> ModuleCode {
        let count = info.num_defined_funcs() as usize;
        ModuleCode {
            options: Options {
                checked_memory: !info.memories.first().is_some_and(|ty| is_guarded(ty, memory)),
                relaxed_simd_deterministic,
                fuel: false,
                interrupt: false,
                source_map: false,
            },
            functions: (0..count).map(|_| OnceLock::new()).collect(),
            places: RwLock::default(),
            source_maps: Mutex::default(),
            info,
            bytes,
            entries: CodeEntries::new(count, exec::lazy_stub_head()),
        }
    }

    /// The same, with checks in the code for whether the embedder asked for an interrupt.
    pub fn interruptible(mut self, enable: bool) -> ModuleCode {
        self.options.interrupt = enable;
        self
    }

    /// The module.
    pub fn info(&self) -> &Arc<ModuleInfo> {
        &self.info
    }

    /// The bytes it was read from.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(crate) fn shared_bytes(&self) -> &Arc<[u8]> {
        &self.bytes
    }

    /// The entries of the defined functions.
    pub fn entries(&self) -> *const CodeEntry {
        self.entries.as_ptr()
    }

    /// Translates a function as it would be stored: opcodes instead of handlers.
    ///
    /// # Errors
    ///
    /// When the function exceeds a limit, or is invalid and has not been validated before.
    pub fn translate(&self, func: DefinedFuncIndex) -> Result<Code> {
        if self.info.has_unchecked_bodies() {
            self.info.validate_body(&self.bytes, func)?;
        }
        translate::translate(&self.info, &self.bytes, func, &self.options)
    }

    /// Makes sure that a function is translated and its entry leads to the code.
    ///
    /// # Errors
    ///
    /// As for [`ModuleCode::translate`].
    pub fn compile(&self, func: DefinedFuncIndex) -> Result<()> {
        let cell = &self.functions[func.idx()];
        let code = match cell.get() {
            Some(code) => code,
            None => {
                let mut code = self.translate(func)?;
                exec::thread(&mut code.words).map_err(|bad| {
                    format_err!("bad instruction at {:#x} of {func:?}", bad.offset)
                })?;
                self.add(func, code)
            }
        };
        // Whoever finds the function translated publishes it too, as the thread that did it may not
        // have come here yet.
        let start = code.words.as_ptr().cast::<u8>();
        let pc = start.wrapping_add(code.entry as usize);
        self.entries.publish(func.idx(), pc);
        Ok(())
    }

    /// Adds a function's code and its place, at once for all other threads: a thread that finds the
    /// code may run it, and collections and exceptions then ask for its maps.
    fn add(&self, func: DefinedFuncIndex, code: Code) -> &Code {
        let mut places = self.places.write().unwrap_or_else(PoisonError::into_inner);
        // Another thread may have been faster; its code is as good.
        let code = self.functions[func.idx()].get_or_init(|| Box::new(code));
        #[cfg(test)]
        seam::code_is_visible();
        places.insert(code.words.as_ptr() as usize, func);
        code
    }

    /// Translates everything, on up to `threads` threads.
    ///
    /// # Errors
    ///
    /// As for [`ModuleCode::translate`], of the first function that has one.
    pub fn compile_all(&self, threads: usize) -> Result<()> {
        let count = self.entries.len();
        // A thread costs about as much as translating some dozen functions.
        let threads = threads.min(count / 64).max(1);
        let next = AtomicUsize::new(0);
        let work = || -> Result<(), (usize, Error)> {
            loop {
                let index = next.fetch_add(1, Ordering::Relaxed);
                if index >= count {
                    return Ok(());
                }
                let func = DefinedFuncIndex(index as u32);
                self.compile(func).map_err(|error| (index, error))?;
            }
        };
        let results = std::thread::scope(|scope| {
            let others: Vec<_> = (1..threads).map(|_| scope.spawn(work)).collect();
            let mut results = vec![work()];
            for other in others {
                match other.join() {
                    Ok(result) => results.push(result),
                    Err(panic) => std::panic::resume_unwind(panic),
                }
            }
            results
        });
        let errors = results.into_iter().filter_map(Result::err);
        errors.min_by_key(|(index, _)| *index).map_or(Ok(()), |(_, error)| Err(error))
    }

    /// The function that an instruction belongs to, and the byte offset of a part of that
    /// instruction in its code.
    pub fn lookup(&self, place: CodePlace) -> Option<(DefinedFuncIndex, u32)> {
        let places = self.places.read().unwrap_or_else(PoisonError::into_inner);
        let pc = place.inside() as usize;
        let (&start, &func) = places.range(..=pc).next_back()?;
        let code = self.functions[func.idx()].get()?;
        let offset = pc - start;
        (offset < code.words.len() * 8).then_some((func, offset as u32))
    }

    /// Where the code of a function that is translated begins and ends.
    #[cfg(test)]
    pub(crate) fn range(&self, func: DefinedFuncIndex) -> Option<core::ops::Range<*const u8>> {
        let words = self.functions[func.idx()].get()?.words.as_ptr_range();
        Some(words.start.cast()..words.end.cast())
    }

    /// Calls `visit` with the slots of a frame that hold references while the call at `place` is in
    /// progress.
    pub fn stack_slots(&self, place: CodePlace, visit: &mut dyn FnMut(i16)) {
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
        Some((code.words.as_ptr().cast(), NonNull::from(&code.catches)))
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
                let options = Options { source_map: true, ..self.options };
                let code = translate::translate(&self.info, &self.bytes, func, &options).ok()?;
                maps.entry(func).or_insert(code.source_map.into())
            }
        };
        let after = map.partition_point(|&(at, _)| at <= offset);
        Some(map.get(after.checked_sub(1)?)?.1)
    }
}

static_assertions::assert_impl_all!(ModuleCode: Send, Sync);

/// Where tests come in between two steps of a translation.
#[cfg(test)]
pub(crate) mod seam {
    use std::cell::RefCell;

    thread_local! {
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
