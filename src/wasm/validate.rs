//! Validation of function bodies, and what to say about modules that fail.

use core::ops::Range;
use core::sync::atomic::{AtomicUsize, Ordering};

use wasmparser::{
    BinaryReader, BinaryReaderError, ElementItems, FromReader, FuncToValidate,
    FuncValidatorAllocations, FunctionBody, Parser, Payload, SectionLimited, ValidatorResources,
    WasmFeatures,
};

use super::ModuleInfo;
use crate::error::{ModuleError, ModuleErrorKind};
use crate::index::DefinedFuncIndex;
use crate::prelude::*;
use crate::sys::standard::{Mutex, PoisonError, on_threads};

/// Bodies that wait to be validated, in order.
#[derive(Default)]
pub(super) struct Bodies<'a> {
    jobs: Vec<(FuncToValidate<ValidatorResources>, FunctionBody<'a>)>,
    bytes: u64,
}

/// A module whose bodies have fewer bytes than this is not worth starting threads for.
const PARALLEL_MIN_BYTES: u64 = 1 << 20;
/// Bodies that a thread takes at once.
const BATCH: usize = 64;

impl<'a> Bodies<'a> {
    pub(super) fn push(
        &mut self,
        func: FuncToValidate<ValidatorResources>,
        body: FunctionBody<'a>,
    ) {
        self.bytes += body.range().end - body.range().start;
        self.jobs.push((func, body));
    }

    /// Validates all bodies on up to `threads` threads. Whatever their number, the error is the
    /// first one in the module.
    pub(super) fn validate(self, threads: usize) -> Result<(), BinaryReaderError> {
        if threads <= 1 || self.bytes < PARALLEL_MIN_BYTES {
            let mut allocations = FuncValidatorAllocations::default();
            for (func, body) in self.jobs {
                allocations = validate_body(func, &body, allocations)?;
            }
            return Ok(());
        }

        let next = AtomicUsize::new(0);
        let failure: Mutex<Option<BinaryReaderError>> = Mutex::new(None);
        // The place of the first body known to fail: nothing behind it needs validating.
        let bound = AtomicUsize::new(self.jobs.len());
        let work = || {
            let mut allocations = FuncValidatorAllocations::default();
            loop {
                let start = next.fetch_add(BATCH, Ordering::Relaxed);
                let end = (start + BATCH).min(bound.load(Ordering::Relaxed));
                if start >= end {
                    return;
                }
                for (i, (func, body)) in self.jobs.iter().enumerate().take(end).skip(start) {
                    let func = FuncToValidate {
                        resources: func.resources.clone(),
                        index: func.index,
                        ty: func.ty,
                        features: func.features,
                    };
                    match validate_body(func, body, core::mem::take(&mut allocations)) {
                        Ok(reusable) => allocations = reusable,
                        Err(error) => {
                            let mut first = failure.lock().unwrap_or_else(PoisonError::into_inner);
                            if i < bound.fetch_min(i, Ordering::Relaxed) {
                                *first = Some(error);
                            }
                            break;
                        }
                    }
                }
            }
        };
        on_threads(threads, work);
        failure.into_inner().unwrap_or_else(PoisonError::into_inner).map_or(Ok(()), Err)
    }
}

fn validate_body(
    func: FuncToValidate<ValidatorResources>,
    body: &FunctionBody<'_>,
    allocations: FuncValidatorAllocations,
) -> Result<FuncValidatorAllocations, BinaryReaderError> {
    let mut validator = func.into_validator(allocations);
    validator.validate(body)?;
    Ok(validator.into_allocations())
}

/// Validates a module with these features: what wasmparser's function of this name does, by the code that
/// validates modules anyway. Its own would be in a program a second time.
///
/// # Errors
///
/// The first one that is found.
#[cfg(feature = "internals")]
pub fn validate_all(bytes: &[u8], features: WasmFeatures) -> Result<(), BinaryReaderError> {
    use wasmparser::{ValidPayload, Validator};

    let mut validator = Validator::new_with_features(features);
    let mut parser = Parser::new(0);
    parser.set_features(features);
    let mut bodies = Bodies::default();
    for payload in parser.parse_all(bytes) {
        if let ValidPayload::Func(func, body) = validator.payload(&payload?)? {
            bodies.push(func, body);
        }
    }
    bodies.validate(1)
}

impl ModuleInfo {
    /// Validates one body; `bytes` are those that this module was read from.
    ///
    /// # Errors
    ///
    /// [`ModuleError`] with an offset from the start of the module.
    pub fn validate_body(&self, bytes: &[u8], func: DefinedFuncIndex) -> Result<(), ModuleError> {
        let range = self.body(func);
        let features = self.features;
        let reader =
            BinaryReader::new_features(&bytes[range.clone()], range.start as u64, features);
        let body = FunctionBody::new(reader);
        let func = self.func_to_validate(func);
        match validate_body(func, &body, FuncValidatorAllocations::default()) {
            Ok(_) => Ok(()),
            Err(error) => Err(refusal(&error, || !readable_body(&body))),
        }
    }
}

/// Turns the error of a module into ours.
pub(super) fn module_error(
    error: &BinaryReaderError,
    bytes: &[u8],
    features: WasmFeatures,
) -> ModuleError {
    refusal(error, || !readable(bytes, features))
}

/// The binary reader and the validator of wasmparser have one type of error: what cannot even be
/// read without the validator is malformed.
fn refusal(error: &BinaryReaderError, malformed: impl FnOnce() -> bool) -> ModuleError {
    let message = error.message();
    let unsupported = error.missing_wasm_feature().is_some()
        // The one feature whose absence is reported as a count.
        || matches!(message, "multiple memories" | "multiple tables");
    let kind = if unsupported {
        ModuleErrorKind::Unsupported
    } else if is_limit(message) {
        ModuleErrorKind::Limit
    } else if message == "data count section required" || malformed() {
        // The standard counts a missing data count section among faults of the format.
        ModuleErrorKind::Malformed
    } else {
        ModuleErrorKind::Invalid
    };
    ModuleError::new(kind, error.offset(), message)
}

/// The words in which wasmparser reports its implementation limits.
const LIMIT_WORDS: [&str; 7] = [
    "exceeds limit",
    "exceeds the limit",
    "implementation limit",
    "size is out of bounds",
    "string size out of bounds",
    "locals exceed maximum",
    "hierarchy too deep",
];

fn is_limit(message: &str) -> bool {
    LIMIT_WORDS.iter().any(|words| message.contains(words))
}

impl From<BinaryReaderError> for ModuleError {
    /// For what the validator has read before: only a fault of the reader is left.
    fn from(error: BinaryReaderError) -> ModuleError {
        ModuleError::new(ModuleErrorKind::Malformed, error.offset(), error.message())
    }
}

/// Whether everything can be read, valid or not.
fn readable(bytes: &[u8], features: WasmFeatures) -> bool {
    fn each<'a, T: FromReader<'a>>(section: SectionLimited<'a, T>) -> bool {
        section.into_iter().all(|item| item.is_ok())
    }
    let mut parser = Parser::new(0);
    parser.set_features(features);
    parser.parse_all(bytes).all(|payload| match payload {
        Err(_) | Ok(Payload::UnknownSection { .. }) => false,
        Ok(Payload::TypeSection(section)) => each(section),
        Ok(Payload::ImportSection(section)) => section.into_imports().all(|item| item.is_ok()),
        Ok(Payload::FunctionSection(section)) => each(section),
        Ok(Payload::TableSection(section)) => each(section),
        Ok(Payload::MemorySection(section)) => each(section),
        Ok(Payload::TagSection(section)) => each(section),
        Ok(Payload::GlobalSection(section)) => each(section),
        Ok(Payload::ExportSection(section)) => each(section),
        Ok(Payload::ElementSection(section)) => section.into_iter().all(|element| match element {
            Err(_) => false,
            Ok(element) => match element.items {
                ElementItems::Functions(items) => each(items),
                ElementItems::Expressions(_, items) => each(items),
            },
        }),
        Ok(Payload::DataSection(section)) => each(section),
        Ok(Payload::CodeSectionEntry(body)) => readable_body(&body),
        Ok(_) => true,
    })
}

fn readable_body(body: &FunctionBody<'_>) -> bool {
    body.get_operators_reader().is_ok_and(|mut reader| {
        while !reader.eof() {
            if reader.read().is_err() {
                return false;
            }
        }
        reader.finish().is_ok()
    })
}

/// A `u64` range of wasmparser's as a range of a slice that it was read from.
pub(super) fn place(range: &Range<u64>) -> Range<usize> {
    range.start as usize..range.end as usize
}
