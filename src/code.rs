//! Filling the code maps of modules: by translation, on demand or of everything at once.

use alloc::sync::Arc;
use core::sync::atomic::{AtomicUsize, Ordering};

use crate::error::{Error, Result, format_err};
use crate::exec::{self, profile::Watch, profile::Watching};
use crate::index::DefinedFuncIndex;
use crate::prelude::*;
use crate::sys::standard::on_threads;
use crate::translate::{self, Options};
use crate::vm::code_map::{Client, FunctionCode, Nobody, SourceMap, Translate};
use crate::vm::{CodeMap, VmLayout};
use crate::wasm::ModuleInfo;

/// Translates as an engine's configuration says.
struct Translator {
    options: Options,
    watching: Option<Watching>,
}

impl Translate for Translator {
    fn translate(
        &self,
        info: &ModuleInfo,
        layout: &VmLayout,
        bytes: &[u8],
        func: DefinedFuncIndex,
        client: &mut dyn Client,
    ) -> Result<FunctionCode> {
        if info.has_unchecked_bodies() {
            info.validate_body(bytes, func)?;
        }
        let wanted = &mut || client.go_on();
        let code = translate::translate_while(info, layout, bytes, func, &self.options, wanted)?;
        exec::load(code, bytes.as_ptr() as usize, func, self.watching.as_ref())
            .map_err(|bad| format_err!("bad instruction at {:#x} of {func:?}", bad.offset))
    }

    fn source_map(
        &self,
        info: &ModuleInfo,
        layout: &VmLayout,
        bytes: &[u8],
        func: DefinedFuncIndex,
    ) -> Result<SourceMap> {
        let options = Options { source_map: true, ..self.options.clone() };
        Ok(translate::translate(info, layout, bytes, func, &options)?.into_source_map())
    }
}

/// The code of a module that was read from `bytes`, nothing of it translated, and who observes it.
pub fn of_module(
    info: Arc<ModuleInfo>,
    bytes: Arc<[u8]>,
    options: Options,
    watch: Option<Watch>,
) -> CodeMap {
    exec::code_map(
        info,
        bytes,
        Box::new(Translator { options, watching: watch.map(Watching::new) }),
    )
}

/// Translates everything, on up to `threads` threads.
///
/// # Errors
///
/// As for [`CodeMap::compile`], of the first function that has one.
pub fn compile_all(code: &CodeMap, threads: usize) -> Result<()> {
    let count = code.entries().len();
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
            code.compile(func, &mut Nobody).map_err(|error| (index, error))?;
        }
    };
    let results = on_threads(threads, work);
    let errors = results.into_iter().filter_map(Result::err);
    if let Some((_, error)) = errors.min_by_key(|(index, _)| *index) {
        return Err(error);
    }
    code.set_ahead();
    Ok(())
}
