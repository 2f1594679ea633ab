//! What instances export and import.

use crate::engine::Engine;
use crate::error::{Result, ensure};
use crate::func::Func;
use crate::global::Global;
use crate::memory::Memory;
use crate::shared_memory::SharedMemory;
use crate::store::AsContext;
use crate::table::Table;
use crate::tag::Tag;
use crate::ty::ExternType;
use crate::vm::VmStore;
use crate::vm::external::External;

/// Something that can be imported and exported.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Extern {
    /// A function.
    Func(Func),
    /// A global.
    Global(Global),
    /// A table.
    Table(Table),
    /// A memory.
    Memory(Memory),
    /// A memory that several stores can have.
    SharedMemory(SharedMemory),
    /// An exception tag.
    Tag(Tag),
}

macro_rules! kinds {
    ($($variant:ident($ty:ty) $into:ident;)*) => {
        impl Extern {
            $(
                #[doc = concat!("The [`", stringify!($variant), "`], if this is one.")]
                pub fn $into(self) -> Option<$ty> {
                    match self {
                        Extern::$variant(it) => Some(it),
                        _ => None,
                    }
                }
            )*

            /// The item as a store knows it. A shared memory becomes one of the store's.
            pub(crate) fn to_external(&self, store: &mut VmStore) -> External {
                match self {
                    $(Extern::$variant(it) => External::$variant(it.0),)*
                    Extern::SharedMemory(it) => External::Memory(store.import_shared(it.vm())),
                }
            }

            pub(crate) fn from_external(
                external: External,
                store: &VmStore,
                engine: &Engine,
            ) -> Extern {
                if let External::Memory(memory) = external
                    && let Some(shared) = store.shared_memory(memory)
                {
                    return SharedMemory::from_vm(engine.clone(), shared.clone()).into();
                }
                match external {
                    $(External::$variant(it) => Extern::$variant(<$ty>::from_vm(it)),)*
                }
            }

            /// Checks that the item can be used in a store of an engine.
            ///
            /// # Errors
            ///
            /// When it belongs to another store, or a shared memory to another engine.
            pub(crate) fn check_usable(&self, store: &VmStore, engine: &Engine) -> Result<()> {
                match self {
                    $(Extern::$variant(it) => ensure!(
                        External::$variant(it.0).store() == store.id(),
                        "cross-`Store` instantiation is not currently supported"
                    ),)*
                    Extern::SharedMemory(it) => ensure!(
                        Engine::same(it.engine(), engine),
                        "cross-`Engine` instantiation is not currently supported"
                    ),
                }
                Ok(())
            }
        }

        $(impl From<$ty> for Extern {
            fn from(it: $ty) -> Extern {
                Extern::$variant(it)
            }
        })*
    };
}

kinds! {
    Func(Func) into_func;
    Global(Global) into_global;
    Table(Table) into_table;
    Memory(Memory) into_memory;
    Tag(Tag) into_tag;
}

impl From<SharedMemory> for Extern {
    fn from(it: SharedMemory) -> Extern {
        Extern::SharedMemory(it)
    }
}

impl Extern {
    /// The [`SharedMemory`], if this is one.
    pub fn into_shared_memory(self) -> Option<SharedMemory> {
        match self {
            Extern::SharedMemory(it) => Some(it),
            _ => None,
        }
    }

    /// Its type. Sizes of memories and tables are those they have now.
    ///
    /// # Panics
    ///
    /// If it belongs to another store.
    pub fn ty(&self, store: impl AsContext) -> ExternType {
        match self {
            Extern::Func(it) => it.ty(store).into(),
            Extern::Global(it) => it.ty(store).into(),
            Extern::Table(it) => it.ty(store).into(),
            Extern::Memory(it) => it.ty(store).into(),
            Extern::SharedMemory(it) => it.ty().into(),
            Extern::Tag(it) => it.ty(store).into(),
        }
    }
}

/// An export of an instance: a name and what it names.
#[derive(Clone, Debug)]
pub struct Export<'instance> {
    name: &'instance str,
    definition: Extern,
}

impl<'instance> Export<'instance> {
    pub(crate) fn new(name: &'instance str, definition: Extern) -> Export<'instance> {
        Export { name, definition }
    }

    /// The name.
    pub fn name(&self) -> &'instance str {
        self.name
    }

    /// What it names.
    pub fn into_extern(self) -> Extern {
        self.definition
    }

    /// The type of what it names.
    pub fn ty(&self, store: impl AsContext) -> ExternType {
        self.definition.ty(store)
    }

    /// The function it names, if it is one.
    pub fn into_func(self) -> Option<Func> {
        self.definition.into_func()
    }

    /// The memory it names, if it is one.
    pub fn into_memory(self) -> Option<Memory> {
        self.definition.into_memory()
    }

    /// The shared memory it names, if it is one.
    pub fn into_shared_memory(self) -> Option<SharedMemory> {
        self.definition.into_shared_memory()
    }

    /// The table it names, if it is one.
    pub fn into_table(self) -> Option<Table> {
        self.definition.into_table()
    }

    /// The tag it names, if it is one.
    pub fn into_tag(self) -> Option<Tag> {
        self.definition.into_tag()
    }

    /// The global it names, if it is one.
    pub fn into_global(self) -> Option<Global> {
        self.definition.into_global()
    }
}
