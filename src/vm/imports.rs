//! Whether what a module is given fits what it imports (core specification, section 3.5 "Import Matching").

use super::VmStore;
use super::external::External;
use crate::error::{Result, ensure, format_err};
use crate::index::TypeId;
use crate::types::{GlobalType, MemoryType, TableType};
use crate::wasm::{Entity, ModuleInfo, TypeLookup};

impl VmStore {
    /// Checks that `given`, which belongs to this store, can be import `entity` of `module`.
    ///
    /// # Errors
    ///
    /// Says what is expected and what was found.
    pub fn check_import(&self, module: &ModuleInfo, entity: Entity, given: External) -> Result<()> {
        match (entity, given) {
            (Entity::Func(index), External::Func(func)) => {
                let found = TypeId(self.func(func).type_id);
                let expected = module.func_type_id(index);
                ensure!(
                    self.types().is_subtype(found, expected),
                    "expected type `{}`, found type `{}`",
                    self.types().func_type(expected),
                    self.types().func_type(found)
                );
                Ok(())
            }
            (Entity::Global(index), External::Global(global)) => {
                self.check_global(&module.globals[index.idx()], &self.global_type(global))
            }
            (Entity::Table(index), External::Table(table)) => {
                let table = self.table(table);
                check_table(&module.tables[index.idx()], table.ty(), table.len() as u64)
            }
            (Entity::Memory(index), External::Memory(memory)) => {
                let (ty, pages) = (self.memory_type(memory), self.memory_pages(memory));
                check_memory(&module.memories[index.idx()], ty, pages)
            }
            (Entity::Tag(index), External::Tag(tag)) => {
                let found = self.tag(tag);
                let expected = module.type_id(module.tags[index.idx()]);
                ensure!(
                    found == expected,
                    "expected tag of type `{}`, found tag of type `{}`",
                    module.tag_type(index),
                    self.types().func_type(found)
                );
                Ok(())
            }
            (entity, given) => {
                Err(format_err!("expected {}, found {}", entity.kind(), given.kind()))
            }
        }
    }

    fn check_global(&self, expected: &GlobalType, found: &GlobalType) -> Result<()> {
        let fits = expected.mutability() == found.mutability()
            && self.types().val_matches(found.content(), expected.content())
            && (expected.mutability().is_const()
                || self.types().val_matches(expected.content(), found.content()));
        ensure!(fits, "expected `{expected}`, found `{found}`");
        Ok(())
    }
}

fn check_table(expected: &TableType, found: &TableType, size: u64) -> Result<()> {
    let fits = expected.element() == found.element() && expected.is_64() == found.is_64();
    ensure!(fits, "expected `{expected}`, found `{found}`");
    check_limits("table", expected.minimum(), expected.maximum(), size, found.maximum())
}

fn check_memory(expected: &MemoryType, found: &MemoryType, size: u64) -> Result<()> {
    let fits = expected.is_64() == found.is_64()
        && expected.is_shared() == found.is_shared()
        && expected.page_size_log2() == found.page_size_log2();
    ensure!(fits, "expected `{expected}`, found `{found}`");
    check_limits("memory", expected.minimum(), expected.maximum(), size, found.maximum())
}

fn check_limits(
    what: &str,
    minimum: u64,
    maximum: Option<u64>,
    size: u64,
    found_maximum: Option<u64>,
) -> Result<()> {
    ensure!(size >= minimum, "expected {what} of at least {minimum}, found one of {size}");
    if let Some(maximum) = maximum {
        match found_maximum {
            Some(found) => ensure!(
                found <= maximum,
                "expected {what} that grows to at most {maximum}, found one that grows to {found}"
            ),
            None => {
                return Err(format_err!(
                    "expected {what} that grows to at most {maximum}, found one without a maximum"
                ));
            }
        }
    }
    Ok(())
}
