//! Exception tags.

use crate::engine::Engine;
use crate::error::{Result, ensure};
use crate::store::{AsContext, AsContextMut};
use crate::ty::{FuncType, TagType};
use crate::vm::handle::Handle;

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
    /// When the type belongs to another engine.
    pub fn new(mut store: impl AsContextMut, ty: &TagType) -> Result<Tag> {
        let mut store = store.as_context_mut();
        ensure!(Engine::same(ty.ty().engine(), store.engine()), "type used with wrong engine");
        let vm = store.0.vm_mut();
        vm.use_type(ty.ty().registered());
        Ok(Tag(vm.new_tag(ty.ty().registered().id)))
    }

    pub(crate) fn from_vm(handle: Handle) -> Tag {
        Tag(handle)
    }

    /// Its type.
    pub fn ty(&self, store: impl AsContext) -> TagType {
        let store = store.as_context();
        let ty = store.0.vm().registry().get(store.0.vm().tag(self.0));
        TagType::new(FuncType::from_registered(store.engine(), ty))
    }

    /// Whether these are the same tag.
    pub fn eq(a: &Tag, b: &Tag, _store: impl AsContext) -> bool {
        a == b
    }
}
