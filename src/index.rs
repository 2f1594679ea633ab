//! Index newtypes: a function index cannot be taken for a table index.

macro_rules! index {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        #[repr(transparent)]
        pub struct $name(pub u32);

        impl $name {
            /// The index as an array subscript.
            #[inline]
            pub fn idx(self) -> usize {
                self.0 as usize
            }
        }

        impl From<u32> for $name {
            fn from(index: u32) -> Self {
                $name(index)
            }
        }
    )*};
}

index! {
    /// A function of a module: imported functions first, then defined ones.
    FuncIndex;
    /// A function that the module defines: its code entry.
    DefinedFuncIndex;
    /// A type of a module's type section, before canonicalisation.
    TypeIndex;
    /// A table of a module, imports first.
    TableIndex;
    /// A memory of a module, imports first.
    MemoryIndex;
    /// A global of a module, imports first.
    GlobalIndex;
    /// A tag of a module, imports first.
    TagIndex;
    /// A type of the engine: equal exactly when the types are equal (the canonical form of
    /// recursion groups, core specification section 3.1 "Type Equivalence").
    TypeId;
}
