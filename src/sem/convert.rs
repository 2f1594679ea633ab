//! Conversions between the number types, except from float to integer: those are in `truncate`.

/// One line per conversion: `name(a: from) -> to = body;`
macro_rules! conversions {
    ($($(#[$meta:meta])* $name:ident ($a:ident: $from:ty) -> $to:ty = $body:expr;)*) => {
        $(
            $(#[$meta])*
            #[inline(always)]
            #[must_use]
            pub fn $name($a: $from) -> $to {
                $body
            }
        )*
    };
}

conversions! {
    /// The low 32 bits.
    i32_wrap_i64(a: u64) -> u32 = a as u32;
    /// Sign-extended.
    i64_extend_i32_s(a: u32) -> u64 = a.cast_signed() as u64;
    /// Zero-extended.
    i64_extend_i32_u(a: u32) -> u64 = u64::from(a);

    /// The nearest `f32`, ties to even, of a signed integer.
    f32_convert_i32_s(a: u32) -> f32 = a.cast_signed() as f32;
    /// The nearest `f32`, ties to even, of an unsigned integer.
    f32_convert_i32_u(a: u32) -> f32 = a as f32;
    /// The nearest `f32`, ties to even, of a signed integer.
    f32_convert_i64_s(a: u64) -> f32 = a.cast_signed() as f32;
    /// The nearest `f32`, ties to even, of an unsigned integer.
    f32_convert_i64_u(a: u64) -> f32 = a as f32;
    /// The `f64` equal to a signed integer.
    f64_convert_i32_s(a: u32) -> f64 = f64::from(a.cast_signed());
    /// The `f64` equal to an unsigned integer.
    f64_convert_i32_u(a: u32) -> f64 = f64::from(a);
    /// The nearest `f64`, ties to even, of a signed integer.
    f64_convert_i64_s(a: u64) -> f64 = a.cast_signed() as f64;
    /// The nearest `f64`, ties to even, of an unsigned integer.
    f64_convert_i64_u(a: u64) -> f64 = a as f64;
    /// The nearest `f32`, ties to even; a NaN keeps the high bits of its payload.
    f32_demote_f64(a: f64) -> f32 = a as f32;
    /// The `f64` equal to `a`; a NaN keeps its payload.
    f64_promote_f32(a: f32) -> f64 = f64::from(a);

    /// The bits of a float.
    i32_reinterpret_f32(a: f32) -> u32 = a.to_bits();
    /// The bits of a float.
    i64_reinterpret_f64(a: f64) -> u64 = a.to_bits();
    /// The float with the given bits.
    f32_reinterpret_i32(a: u32) -> f32 = f32::from_bits(a);
    /// The float with the given bits.
    f64_reinterpret_i64(a: u64) -> f64 = f64::from_bits(a);
}
