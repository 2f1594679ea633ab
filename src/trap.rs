//! Why WebAssembly execution stopped: the trap list, declared once.

use core::fmt;

/// Declares every trap with its code and message. The code is what handlers pass around and what
/// a serialised artefact may name, so rows are only ever appended.
macro_rules! traps {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $message:literal;)*) => {
        /// A trap: the ways in which WebAssembly execution can be stopped by the program itself
        /// or by a limit of the engine (core specification, section 4.1 and appendix
        /// "Implementation Limitations").
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        #[non_exhaustive]
        #[repr(u8)]
        pub enum Trap {
            $($(#[$doc])* $name = $code,)*
        }

        impl Trap {
            /// The trap with the given code, if there is one.
            pub fn from_u8(code: u8) -> Option<Trap> {
                match code {
                    $($code => Some(Trap::$name),)*
                    _ => None,
                }
            }

            /// The message, as wasmtime spells it.
            fn message(self) -> &'static str {
                match self {
                    $(Trap::$name => $message,)*
                }
            }
        }
    };
}

traps! {
    /// The value stack's configured size is used up.
    StackOverflow = 1, "call stack exhausted";
    /// A load, store or bulk operation outside its memory.
    MemoryOutOfBounds = 2, "out of bounds memory access";
    /// An atomic access at an address that its width does not divide.
    HeapMisaligned = 3, "unaligned atomic";
    /// A table access outside its table, by `call_indirect` too.
    TableOutOfBounds = 4, "undefined element: out of bounds table access";
    /// `call_indirect` or `call_ref` of a null element.
    IndirectCallToNull = 5, "uninitialized element";
    /// `call_indirect` of a function with another type.
    BadSignature = 6, "indirect call type mismatch";
    /// Signed division whose result does not fit, or a float too large for the integer type.
    IntegerOverflow = 7, "integer overflow";
    /// Integer division or remainder by zero.
    IntegerDivisionByZero = 8, "integer divide by zero";
    /// Conversion of a NaN to an integer.
    BadConversionToInteger = 9, "invalid conversion to integer";
    /// The `unreachable` instruction.
    UnreachableCodeReached = 10, "wasm `unreachable` instruction executed";
    /// The embedder interrupted execution.
    Interrupt = 11, "interrupt";
    /// The store's fuel is used up.
    OutOfFuel = 12, "all fuel consumed by WebAssembly";
    /// `memory.atomic.wait` on a memory that is not shared.
    AtomicWaitNonSharedMemory = 13, "atomic wait on non-shared memory";
    /// A null reference where an operation needs an object.
    NullReference = 14, "null reference";
    /// An array access outside its array.
    ArrayOutOfBounds = 15, "out of bounds array access";
    /// An object would be larger than any that the heap can hold.
    AllocationTooLarge = 16, "allocation size too large";
    /// `ref.cast` to a type the object does not have.
    CastFailure = 17, "cast failure";
    /// Nested activations (host calls that call WebAssembly again) are at their limit.
    TooManyActivations = 18, "too many nested activations";
    /// The garbage-collected heap cannot hold the object even after a collection.
    OutOfHeap = 19, "garbage-collected heap out of memory";
    /// A function is too large for the bytecode (a gigabyte of operands or of code).
    FunctionTooLarge = 22, "function exceeds an implementation limit";
}

impl fmt::Display for Trap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "wasm trap: {}", self.message())
    }
}

impl core::error::Error for Trap {}
