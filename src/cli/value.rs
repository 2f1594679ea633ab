//! Values on the command line.

use threadle::{V128, Val, ValType};

/// Reads an argument: a number, in decimal or with `0x`, or `null` for a reference.
pub fn parse(ty: &ValType, text: &str) -> Option<Val> {
    Some(match ty {
        ValType::I32 => Val::I32(integer(text, i32::MIN.into(), u32::MAX.into())? as i32),
        ValType::I64 => Val::I64(integer(text, i64::MIN.into(), u64::MAX.into())? as i64),
        ValType::F32 => Val::F32(text.parse::<f32>().ok()?.to_bits()),
        ValType::F64 => Val::F64(text.parse::<f64>().ok()?.to_bits()),
        ValType::V128 => {
            let digits = text.strip_prefix("0x");
            let bits = digits.map_or_else(|| text.parse(), |hex| u128::from_str_radix(hex, 16));
            Val::V128(V128::from(bits.ok()?))
        }
        ValType::Ref(_) if text == "null" => Val::default_for_ty(ty)?,
        ValType::Ref(_) => return None,
    })
}

fn integer(text: &str, min: i128, max: i128) -> Option<i128> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text),
    };
    // Signs are ours: the parser would take another one.
    if !digits.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let number = match digits.strip_prefix("0x") {
        Some(hex) if hex.starts_with(|c: char| c.is_ascii_hexdigit()) => {
            i128::from_str_radix(hex, 16).ok()?
        }
        Some(_) => return None,
        None => digits.parse().ok()?,
    };
    let number = if negative { -number } else { number };
    (min..=max).contains(&number).then_some(number)
}

/// Writes a result as wasmtime's command does: integers signed, floats as short as reads back the same,
/// vectors as an unsigned integer of 128 bits, references by their type and whether they are null.
pub fn show(value: &Val) -> String {
    let reference = |null: bool, name: &str| match null {
        true => format!("<null {name}>"),
        false => format!("<{name}>"),
    };
    match value {
        Val::I32(value) => value.to_string(),
        Val::I64(value) => value.to_string(),
        Val::F32(bits) => f32::from_bits(*bits).to_string(),
        Val::F64(bits) => f64::from_bits(*bits).to_string(),
        Val::V128(value) => value.as_u128().to_string(),
        Val::FuncRef(func) => reference(func.is_none(), "funcref"),
        Val::ExternRef(object) => reference(object.is_none(), "externref"),
        Val::AnyRef(object) => reference(object.is_none(), "anyref"),
        Val::ExnRef(object) => reference(object.is_none(), "exnref"),
        _ => "<reference>".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bits(ty: ValType, text: &str) -> Option<u64> {
        match parse(&ty, text)? {
            Val::I32(value) => Some(u64::from(value as u32)),
            Val::I64(value) => Some(value as u64),
            Val::F32(bits) => Some(bits.into()),
            Val::F64(bits) => Some(bits),
            _ => None,
        }
    }

    #[test]
    fn integers_can_be_signed_or_unsigned_but_not_wider_than_their_type() {
        assert_eq!(bits(ValType::I32, "-1"), Some(0xffff_ffff));
        assert_eq!(bits(ValType::I32, "4294967295"), Some(0xffff_ffff));
        assert_eq!(bits(ValType::I32, "0xff"), Some(255));
        assert_eq!(bits(ValType::I32, "-0x80000000"), Some(0x8000_0000));
        for bad in ["4294967296", "-2147483649", "", "-", "--1", "+1", "0x", "0x+1", "1.0"] {
            assert_eq!(bits(ValType::I32, bad), None, "{bad}");
        }
        assert_eq!(bits(ValType::I64, "18446744073709551615"), Some(u64::MAX));
        assert_eq!(bits(ValType::I64, "18446744073709551616"), None);
    }

    #[test]
    fn floats_read_and_print_as_plain_numbers() {
        assert_eq!(bits(ValType::F64, "1e3"), Some(1000_f64.to_bits()));
        assert_eq!(show(&Val::F64(0.1_f64.to_bits())), "0.1");
        assert_eq!(show(&Val::F32(2_f32.to_bits())), "2");
        assert_eq!(show(&Val::F64((-0_f64).to_bits())), "-0");
    }

    #[test]
    fn references_can_be_null_only() {
        assert!(matches!(parse(&ValType::EXTERNREF, "null"), Some(Val::ExternRef(None))));
        assert!(parse(&ValType::EXTERNREF, "1").is_none());
    }
}
