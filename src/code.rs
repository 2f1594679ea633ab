//! Filling the code maps of modules: by translation or of artefacts, on demand or of everything at once.

use alloc::sync::Arc;
use core::sync::atomic::{AtomicUsize, Ordering};

use crate::artefact::Artefact;
use crate::error::{Context, Error, Result, format_err};
use crate::exec::{self, profile::Watch, profile::Watching};
use crate::index::DefinedFuncIndex;
use crate::prelude::*;
use crate::sys::standard::on_threads;
use crate::translate::{self, Options};
use crate::verify::{Refusal, Unverified, Verifier};
use crate::vm::code_map::{Client, FunctionCode, Nobody, SourceMap, Translate};
use crate::vm::{CodeMap, VmLayout};
use crate::wasm::ModuleInfo;

/// Translates as an engine's configuration says.
struct Translator {
    options: Options,
    watching: Option<Watching>,
    /// What need not be translated.
    artefact: Option<Artefact>,
    /// Whether bodies that are going to be translated have been validated.
    are_valid: bool,
}

impl Translator {
    /// What a verifier says of the code of a function that an artefact has.
    fn verified<T>(
        &self,
        info: &ModuleInfo,
        layout: &VmLayout,
        func: DefinedFuncIndex,
        ask: fn(&Verifier<'_>, DefinedFuncIndex, &Unverified<'_>) -> Result<T, Refusal>,
    ) -> Option<Result<T>> {
        let artefact = self.artefact.as_ref()?;
        let code = artefact.code(func)?;
        let answer = ask(&artefact.verifier(info, layout, &self.options), func, &code);
        Some(answer.map_err(|refusal| {
            let func = info.func_index(func).0;
            let (what, offset) = (refusal.what, refusal.offset);
            format_err!("the artefact's code of function {func} is refused at {offset:#x}: {what}")
        }))
    }

    /// Makes sure that what an artefact has of a function can be used: its code, or else its body.
    fn check(
        &self,
        info: &ModuleInfo,
        layout: &VmLayout,
        bytes: &[u8],
        func: DefinedFuncIndex,
    ) -> Result<()> {
        let checked = self.verified(info, layout, func, |it, func, code| it.check(func, code));
        checked.unwrap_or_else(|| Ok(info.validate_body(bytes, func)?))
    }
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
        let verified = self.verified(info, layout, func, |it, func, code| it.verify(func, code));
        let code = match verified {
            Some(verified) => verified?,
            None => {
                if !self.are_valid {
                    info.validate_body(bytes, func)?;
                }
                let wanted = &mut || client.go_on();
                translate::translate_while(info, layout, bytes, func, &self.options, wanted)?
            }
        };
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
        // The body of code that was not translated here is as good as anybody's.
        if self.artefact.is_some() {
            info.validate_body(bytes, func).context("the artefact's module")?;
        }
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
    let are_valid = !info.has_unchecked_bodies();
    let watching = watch.map(Watching::new);
    let translator = Translator { options, watching, artefact: None, are_valid };
    exec::code_map(info, bytes, Box::new(translator))
}

/// The same with code of an artefact. Bodies have not been validated. Both are looked at now, on up to so many
/// threads, or when functions are translated.
///
/// # Errors
///
/// When one of them is refused; that of the first function.
pub fn of_artefact(
    info: Arc<ModuleInfo>,
    bytes: Arc<[u8]>,
    options: Options,
    watch: Option<Watch>,
    artefact: Option<Artefact>,
    threads: Option<usize>,
) -> Result<CodeMap> {
    let watching = watch.map(Watching::new);
    let are_valid = threads.is_some();
    let translator = Translator { options, watching, artefact, are_valid };
    if let Some(threads) = threads {
        let layout = VmLayout::new(&info);
        each(info.num_defined_funcs() as usize, threads, |func| {
            translator.check(&info, &layout, &bytes, func)
        })?;
    }
    Ok(exec::code_map(info, bytes, Box::new(translator)))
}

/// Translates everything, on up to `threads` threads.
///
/// # Errors
///
/// As for [`CodeMap::compile`], of the first function that has one.
pub fn compile_all(code: &CodeMap, threads: usize) -> Result<()> {
    each(code.entries().len(), threads, |func| code.compile(func, &mut Nobody))?;
    code.set_ahead();
    Ok(())
}

/// Does something with each of `count` functions, on up to `threads` threads. The error is that of the first
/// function that has one.
fn each(
    count: usize,
    threads: usize,
    act: impl Fn(DefinedFuncIndex) -> Result<()> + Sync,
) -> Result<()> {
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
            act(func).map_err(|error| (index, error))?;
        }
    };
    let results = on_threads(threads, work);
    let errors = results.into_iter().filter_map(Result::err);
    if let Some((_, error)) = errors.min_by_key(|(index, _)| *index) {
        return Err(error);
    }
    Ok(())
}
