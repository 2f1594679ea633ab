//! What JSON takes that the command writes itself.

use std::fmt::Write;

/// A string as JSON has it.
pub fn quoted(text: &str) -> String {
    let mut out = String::from('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if (c as u32) < 0x20 => _ = write!(out, "\\u{:04x}", c as u32),
            c => out.push(c),
        }
    }
    out + "\""
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_can_hold_anything() {
        let text = "a\"\\\n\u{1}<é";
        let json = quoted(text);
        assert_eq!(json, r#""a\"\\\u000a\u0001<é""#);
        assert_eq!(serde_json::from_str::<String>(&json).expect("a string"), text);
    }
}
