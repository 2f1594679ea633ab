//! Tables of references.

use crate::error::{Result, format_err};
use crate::store::{AsContext, AsContextMut};
use crate::ty::TableType;
use crate::types;
use crate::val::Ref;
use crate::vm::context::Resource;
use crate::vm::handle::Handle;
use crate::vm::table::Table as VmTable;

/// A table of a store.
///
/// All methods panic if the table belongs to another store.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Table(pub(crate) Handle);

impl Table {
    /// Makes a table whose elements are all `init`.
    ///
    /// # Errors
    ///
    /// When the type is not valid or of another engine, or `init` does not have it, when limits
    /// refuse, or memory cannot be had.
    pub fn new(mut store: impl AsContextMut, ty: TableType, init: Ref) -> Result<Table> {
        if ty.maximum().is_some_and(|max| max < ty.minimum()) {
            return Err(format_err!("table minimum must not be greater than maximum"));
        }
        let mut store = store.as_context_mut();
        let lowered = store.use_type(ty.element().clone().into())?;
        let element = lowered.as_ref().expect("a reference type");
        let lowered = types::TableType::from_parts(element, ty.minimum(), ty.maximum(), ty.is_64());
        Ok(Table(store.0.vm_mut().new_table(lowered, init.to_value())?))
    }

    pub(crate) fn from_vm(handle: Handle) -> Table {
        Table(handle)
    }

    /// Its type, with its present size as minimum.
    pub fn ty(&self, store: impl AsContext) -> TableType {
        let store = store.as_context();
        let table = store.0.vm().table(self.0);
        let ty = table.ty();
        TableType::lift(store.engine(), ty, table.len() as u64)
    }

    /// Number of elements.
    pub fn size(&self, store: impl AsContext) -> u64 {
        store.as_context().0.vm().table(self.0).len() as u64
    }

    /// The element at `index`; `None` outside of the table.
    pub fn get(&self, mut store: impl AsContextMut, index: u64) -> Option<Ref> {
        let mut store = store.as_context_mut();
        store.0.vm_mut().table_get(self.0, index).map(Ref::from_value)
    }

    /// Sets the element at `index`.
    ///
    /// # Errors
    ///
    /// When `value` does not have the elements' type, or `index` is outside of the table.
    pub fn set(&self, mut store: impl AsContextMut, index: u64, value: Ref) -> Result<()> {
        store.as_context_mut().0.vm_mut().table_fill(self.0, index, value.to_value(), 1)
    }

    /// Sets `len` elements from `index` on.
    ///
    /// # Errors
    ///
    /// When `value` does not have the elements' type, or the range is not inside the table.
    pub fn fill(
        &self,
        mut store: impl AsContextMut,
        index: u64,
        value: Ref,
        len: u64,
    ) -> Result<()> {
        store.as_context_mut().0.vm_mut().table_fill(self.0, index, value.to_value(), len)
    }

    /// Makes the table larger by `delta` elements, all `init`, and returns the size it had.
    ///
    /// # Errors
    ///
    /// When `init` does not have the elements' type, its maximum or the store's limits do not allow
    /// it, or memory cannot be had.
    pub fn grow(&self, mut store: impl AsContextMut, delta: u64, init: Ref) -> Result<u64> {
        let mut store = store.as_context_mut();
        let old = store.0.vm_mut().grow_table(self.0, delta, init.to_value())?;
        old.ok_or_else(|| format_err!("failed to grow table by `{delta}`"))
    }

    /// Like [`Table::new`], for stores with an asynchronous limiter.
    ///
    /// # Errors
    ///
    /// As for [`Table::new`].
    pub async fn new_async(
        mut store: impl AsContextMut,
        ty: TableType,
        init: Ref,
    ) -> Result<Table> {
        let mut store = store.as_context_mut();
        store.ask_limiter(Resource::Table, &VmTable::initial(&ty.lower())).await?;
        store.with_answers(|store| Table::new(store, ty, init))
    }

    /// Like [`Table::grow`], for stores with an asynchronous limiter.
    ///
    /// # Errors
    ///
    /// As for [`Table::grow`].
    pub async fn grow_async(
        &self,
        mut store: impl AsContextMut,
        delta: u64,
        init: Ref,
    ) -> Result<u64> {
        let mut store = store.as_context_mut();
        let growth = store.0.vm().table(self.0).growth(delta).filter(|_| delta > 0);
        if let Some(growth) = growth
            && !store.ask_growth(Resource::Table, &growth).await?
        {
            return Err(format_err!("failed to grow table by `{delta}`"));
        }
        store.with_answers(|store| self.grow(store, delta, init))
    }

    /// Copies `len` elements, from `source_index` of `source` on, to `target_index` of `target` on.
    /// Both may be the same table, and the ranges may overlap.
    ///
    /// # Errors
    ///
    /// When a range is not inside its table, or the elements' types do not fit; nothing has been
    /// copied then.
    pub fn copy(
        mut store: impl AsContextMut,
        target: &Table,
        target_index: u64,
        source: &Table,
        source_index: u64,
        len: u64,
    ) -> Result<()> {
        let mut store = store.as_context_mut();
        store.0.vm_mut().table_copy(target.0, target_index, source.0, source_index, len)
    }
}
