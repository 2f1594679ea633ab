//! Names of the runtime functions: bytecode refers to them by number, loading resolves numbers to
//! addresses. What they do is in `exec::runtime`.

/// Calls a macro with the names of all runtime functions, in the order of their numbers.
macro_rules! for_each_runtime_function {
    ($callback:ident) => {
        $callback! {
            memory_grow
            memory_fill
            memory_copy
            memory_init
            data_drop
            memory_grow_shared
            memory_wait32
            memory_wait64
            memory_notify
            table_grow
            table_fill
            table_copy
            table_init
            elem_drop
            struct_new
            array_new
            array_new_default
            array_new_fixed
            array_new_data
            array_new_elem
            array_fill
            array_copy
            array_init_data
            array_init_elem
            throw
            throw_ref
            out_of_fuel
            interrupted
        }
    };
}
pub(crate) use for_each_runtime_function;

macro_rules! names {
    ($($name:ident)*) => {
        /// The runtime namespace.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        #[repr(u16)]
        #[allow(non_camel_case_types, missing_docs, reason = "the one spelling of each name")]
        pub enum Runtime {
            $($name,)*
        }

        impl Runtime {
            /// All of them, by number.
            const ALL: &[Runtime] = &[$(Runtime::$name,)*];
        }

        /// The names by number.
        pub const RUNTIME_NAMES: &[&str] = &[$(stringify!($name),)*];
    };
}
for_each_runtime_function!(names);

impl Runtime {
    /// The function with a number.
    pub fn numbered(number: u64) -> Option<Runtime> {
        Runtime::ALL.get(usize::try_from(number).ok()?).copied()
    }

    /// Whether its work takes as long as an operand says.
    pub fn is_bulk(self) -> bool {
        use Runtime::*;
        matches!(
            self,
            memory_fill
                | memory_copy
                | memory_init
                | table_grow
                | table_fill
                | table_copy
                | table_init
                | array_new
                | array_new_default
                | array_new_data
                | array_new_elem
                | array_fill
                | array_copy
                | array_init_data
                | array_init_elem
        )
    }
}

/// Bits of an immediate that say which operands of a memory operation are 64 bits wide.
pub mod wide {
    /// The first (destination) index.
    pub const FIRST: u32 = 1;
    /// The second (source) index.
    pub const SECOND: u32 = 2;
    /// The length.
    pub const LENGTH: u32 = 4;
    /// Not a width: other threads may be at work on the memory, or one of the memories.
    pub const SHARED: u32 = 8;
    /// The same, beside the memory's place (a multiple of 8) in one immediate.
    pub const PLACE_SHARED: u32 = 4;
}
