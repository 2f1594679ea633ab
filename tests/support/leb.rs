//! Numbers as binary modules have them.

// Tests of the library have no prelude of `std`.
use std::vec::Vec;

/// An unsigned LEB128 number.
pub fn leb(mut number: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
    bytes
}
