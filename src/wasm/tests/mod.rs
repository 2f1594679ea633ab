//! Tests of reading modules. Hostile modules are made byte by byte.

#[path = "../../../tests/support/growth.rs"]
mod growth;
mod hostile;
#[path = "../../../tests/support/leb.rs"]
#[allow(clippy::std_instead_of_alloc, reason = "other tests that include it have no `alloc`")]
mod leb;
mod module;
mod types;

use leb::leb;

use super::{ModuleInfo, ParseOptions, TypeRegistry};
use crate::error::{Error, ModuleError, ModuleErrorKind};
use crate::prelude::*;

/// Everything the engine knows, on.
fn all_features() -> ParseOptions {
    ParseOptions { features: ParseOptions::SUPPORTED, ..ParseOptions::default() }
}

fn wasm(text: &str) -> Vec<u8> {
    wat::parse_str(text).expect("the test's text is well formed")
}

fn parse(bytes: &[u8]) -> Result<ModuleInfo, Error> {
    ModuleInfo::parse(bytes, &all_features(), &TypeRegistry::new())
}

fn parse_text(text: &str) -> ModuleInfo {
    parse(&wasm(text)).expect("the test's module is valid")
}

fn refusal(bytes: &[u8]) -> ModuleError {
    parse(bytes).expect_err("the module is refused").downcast().expect("a module error")
}

fn refusal_kind(bytes: &[u8]) -> ModuleErrorKind {
    refusal(bytes).kind()
}

/// A vector of already encoded items.
fn vector<I: AsRef<[u8]>>(items: impl IntoIterator<Item = I>) -> Vec<u8> {
    let mut contents = Vec::new();
    let mut count = 0;
    for item in items {
        contents.extend_from_slice(item.as_ref());
        count += 1;
    }
    [leb(count), contents].concat()
}

/// A module of the given sections, each with its id.
fn module(sections: &[(u8, Vec<u8>)]) -> Vec<u8> {
    let mut bytes = b"\0asm\x01\0\0\0".to_vec();
    for (id, contents) in sections {
        bytes.push(*id);
        bytes.extend(leb(contents.len() as u64));
        bytes.extend(contents);
    }
    bytes
}

/// A custom section.
fn custom(name: &str, contents: &[u8]) -> (u8, Vec<u8>) {
    (0, [&leb(name.len() as u64), name.as_bytes(), contents].concat())
}

const TYPES: u8 = 1;
const FUNCS: u8 = 3;
const CODE: u8 = 10;

/// The type section of one type `[] -> []`.
fn empty_type() -> (u8, Vec<u8>) {
    (TYPES, vec![1, 0x60, 0, 0])
}

/// A code section of the given bodies.
fn code(bodies: impl IntoIterator<Item = Vec<u8>>) -> (u8, Vec<u8>) {
    let sized = bodies.into_iter().map(|body| [leb(body.len() as u64), body].concat());
    (CODE, vector(sized))
}
