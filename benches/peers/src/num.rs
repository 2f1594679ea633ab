//! Numbers that cross the harness's border with the engines.

use std::fmt;

/// What every fallible step of the harness returns: the error is text for a person to read.
pub type Result<T> = std::result::Result<T, String>;

/// A number passed to, or returned by, a Wasm function.
#[derive(Clone, Copy, Debug)]
pub enum Num {
    I32(i32),
    I64(i64),
    F32(f32),
    F64(f64),
}

impl Num {
    /// Reads `text` as a number of the Wasm type named `ty`.
    ///
    /// # Errors
    ///
    /// When the type is not one of the four number types, or the text is not such a number.
    pub fn parse(ty: &str, text: &str) -> Result<Num> {
        let wrong = |_| format!("'{text}' is not a number of type {ty}");
        let wrong_float = |_| format!("'{text}' is not a number of type {ty}");
        match ty {
            "i32" => text.parse().map(Num::I32).map_err(wrong),
            "i64" => text.parse().map(Num::I64).map_err(wrong),
            "f32" => text.parse().map(Num::F32).map_err(wrong_float),
            "f64" => text.parse().map(Num::F64).map_err(wrong_float),
            _ => Err(format!("'{ty}' is not a number type")),
        }
    }
}

impl fmt::Display for Num {
    /// Writes the shortest text that reads back as the same number, so that equal texts mean
    /// equal numbers.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Num::I32(value) => write!(f, "{value}"),
            Num::I64(value) => write!(f, "{value}"),
            Num::F32(value) => write!(f, "{value:?}"),
            Num::F64(value) => write!(f, "{value:?}"),
        }
    }
}
