//! Exception tags.

use crate::error::Result;
use crate::store::{AsContext, AsContextMut};
use crate::types::TagType;
use crate::vm::store::Handle;

/// An exception tag of a store.
///
/// All methods panic if the tag belongs to another store.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Tag(pub(crate) Handle);

impl Tag {
    /// Makes a tag.
    ///
    /// # Errors
    ///
    /// When the engine's type registry is full.
    pub fn new(mut store: impl AsContextMut, ty: &TagType) -> Result<Tag> {
        let mut store = store.as_context_mut();
        let id = store.0.vm().types().intern_func(ty.ty())?.id;
        Ok(Tag(store.0.vm_mut().new_tag(id, ty.clone())))
    }

    pub(crate) fn from_vm(handle: Handle) -> Tag {
        Tag(handle)
    }

    /// Its type.
    pub fn ty(&self, store: impl AsContext) -> TagType {
        store.as_context().0.vm().tag(self.0).1.clone()
    }

    /// Are these the same tag?
    pub fn eq(a: &Tag, b: &Tag, _store: impl AsContext) -> bool {
        a == b
    }
}
