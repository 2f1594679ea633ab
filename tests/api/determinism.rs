//! Results that the specification leaves open, made the same on every machine.

use std::fmt::Write;

use crate::*;

/// Operators on floats of one width, with as many operands. `f32` and `f64` stand for `fNN`, and `f32x4` and
/// `f64x2` for vectors.
const ARITHMETIC: [(&str, usize); 11] = [
    ("add", 2),
    ("sub", 2),
    ("mul", 2),
    ("div", 2),
    ("min", 2),
    ("max", 2),
    ("sqrt", 1),
    ("ceil", 1),
    ("floor", 1),
    ("trunc", 1),
    ("nearest", 1),
];

/// Operators on bits: their results are what they are, NaN or not.
const BITS: [(&str, usize); 2] = [("abs", 1), ("neg", 1)];

/// Operators of one form only.
const OTHERS: [(&str, &str, &str, usize, bool); 16] = [
    ("f32.copysign", "f32", "f32", 2, false),
    ("f64.copysign", "f64", "f64", 2, false),
    ("f32.demote_f64", "f64", "f32", 1, true),
    ("f64.promote_f32", "f32", "f64", 1, true),
    ("f32x4.pmin", "f32x4", "f32x4", 2, false),
    ("f32x4.pmax", "f32x4", "f32x4", 2, false),
    ("f64x2.pmin", "f64x2", "f64x2", 2, false),
    ("f64x2.pmax", "f64x2", "f64x2", 2, false),
    ("f32x4.demote_f64x2_zero", "f64x2", "f32x4", 1, true),
    ("f64x2.promote_low_f32x4", "f32x4", "f64x2", 1, true),
    ("f32x4.relaxed_min", "f32x4", "f32x4", 2, true),
    ("f64x2.relaxed_max", "f64x2", "f64x2", 2, true),
    ("f32x4.relaxed_madd", "f32x4", "f32x4", 3, true),
    ("f32x4.relaxed_nmadd", "f32x4", "f32x4", 3, true),
    ("f64x2.relaxed_madd", "f64x2", "f64x2", 3, true),
    ("f64x2.relaxed_nmadd", "f64x2", "f64x2", 3, true),
];

const F32_NAN: u32 = 0x7fc0_0000;
const F64_NAN: u64 = 0x7ff8_0000_0000_0000;

/// Numbers and NaNs of both signs, quiet and signalling, with payloads.
fn operands(shape: &str) -> Vec<u128> {
    let singles: [u32; 8] = [
        0x3f80_0000,
        0xbf80_0000,
        0x7f80_0000,
        0xff80_0000,
        0x7fc0_1234,
        0xffc0_1234,
        0x7f80_0001,
        0xff80_0001,
    ];
    // As `f64.promote_f32` would, but for signalling ones, which stay so.
    let double = |bits: u32| {
        let exponent = match bits >> 23 & 0xff {
            0xff => 0x7ff,
            other => u64::from(other) + 1023 - 127,
        };
        u64::from(bits >> 31) << 63 | exponent << 52 | u64::from(bits & 0x7f_ffff) << 29
    };
    let all = singles.iter().enumerate();
    all.map(|(i, bits)| {
        let next = singles[(i + 3) % singles.len()];
        match shape {
            "f32" => u128::from(*bits),
            "f64" => double(*bits).into(),
            "f32x4" => {
                [*bits, next, *bits, next].iter().fold(0, |v, lane| v << 32 | u128::from(*lane))
            }
            _ => u128::from(double(next)) << 64 | u128::from(double(*bits)),
        }
    })
    .collect()
}

/// The value with each lane that is a NaN made canonical.
fn canonical(shape: &str, bits: u128) -> u128 {
    let single = |bits: u32| if f32::from_bits(bits).is_nan() { F32_NAN } else { bits };
    let double = |bits: u64| if f64::from_bits(bits).is_nan() { F64_NAN } else { bits };
    match shape {
        "f32" => single(bits as u32).into(),
        "f64" => double(bits as u64).into(),
        "f32x4" => (0..4)
            .fold(0, |v, lane| v | u128::from(single((bits >> (32 * lane)) as u32)) << (32 * lane)),
        _ => u128::from(double((bits >> 64) as u64)) << 64 | u128::from(double(bits as u64)),
    }
}

fn value(shape: &str, bits: u128) -> Val {
    match shape {
        "f32" => Val::F32(bits as u32),
        "f64" => Val::F64(bits as u64),
        _ => Val::V128(bits.into()),
    }
}

fn bits(value: &Val) -> u128 {
    match value {
        Val::F32(bits) => (*bits).into(),
        Val::F64(bits) => (*bits).into(),
        value => value.unwrap_v128().as_u128(),
    }
}

/// `(operator, shape of operands, of the result, operands, whether it computes)`
fn operators() -> Vec<(String, &'static str, &'static str, usize, bool)> {
    let mut all = Vec::new();
    for shape in ["f32", "f64", "f32x4", "f64x2"] {
        for (list, computes) in [(&ARITHMETIC[..], true), (&BITS, false)] {
            for (name, count) in list {
                all.push((format!("{shape}.{name}"), shape, shape, *count, computes));
            }
        }
    }
    let others = OTHERS.iter();
    all.extend(others.map(|(name, from, to, count, computes)| {
        ((*name).to_string(), *from, *to, *count, *computes)
    }));
    all
}

/// A function per operator; one whose result goes through a local; and one that has it in a loop, where
/// locals have registers.
fn text() -> String {
    let mut text = String::from("(module");
    for (name, from, to, count, _) in operators() {
        let ty = |shape: &'static str| if shape.contains('x') { "v128" } else { shape };
        let (from, to) = (ty(from), ty(to));
        let params = format!("(param{})", format!(" {from}").repeat(count));
        let gets: String = (0..count).map(|i| format!("(local.get {i}) ")).collect();
        let _ = write!(
            text,
            r#"
            (func (export "{name}") {params} (result {to}) ({name} {gets}))
            (func (export "{name} set") {params} (result {to}) (local {to} i32)
              (local.set {count} ({name} {gets})) (local.get {count}))
            (func (export "{name} again") {params} (result {to}) (local {to} i32 i32)
              (loop
                (local.set {count} ({name} {gets}))
                (local.set {i} (i32.add (local.get {i}) (i32.const 1)))
                (br_if 0 (i32.lt_u (local.get {i}) (i32.const 3))))
              (local.get {count}))"#,
            i = count + 1,
        );
    }
    text.push(')');
    text
}

#[test]
fn nans_are_canonical_on_request_and_everything_else_is_as_it_was() {
    let results = |nans: bool| {
        let mut config = Config::new();
        config.relaxed_simd_deterministic(true).canonical_nans(nans);
        let engine = Engine::new(&config).unwrap();
        let mut store = Store::new(&engine, ());
        let instance = Instance::new(&mut store, &module(&engine, &text()), &[]).unwrap();
        let mut all = Vec::new();
        for (name, from, _, count, _) in operators() {
            for form in ["", " set", " again"] {
                let name = format!("{name}{form}");
                let func = instance.get_func(&mut store, &name).unwrap();
                let values = operands(from);
                for case in 0..values.len().pow(count as u32) {
                    let digit = |i| case / values.len().pow(i as u32) % values.len();
                    let params: Vec<u128> = (0..count).map(|i| values[digit(i)]).collect();
                    let given: Vec<Val> = params.iter().map(|bits| value(from, *bits)).collect();
                    let mut result = [Val::I32(0)];
                    func.call(&mut store, &given, &mut result).unwrap();
                    all.push((name.clone(), params, bits(&result[0])));
                }
            }
        }
        all
    };
    let (as_they_come, made) = (results(false), results(true));
    let mut changed = 0;
    for (before, after) in as_they_come.iter().zip(&made) {
        let operator = after.0.split(' ').next().unwrap();
        let (_, _, to, _, computes) = operators().into_iter().find(|it| it.0 == operator).unwrap();
        let expected = if computes { canonical(to, before.2) } else { before.2 };
        assert_eq!(after.2, expected, "{} of {:x?}, not {expected:x}", after.0, after.1);
        changed += usize::from(expected != before.2);
    }
    assert_eq!(as_they_come.len(), made.len());
    assert!(changed > 1000, "only {changed} results had anything to be made canonical");
}

#[test]
fn the_name_of_wasmtime_switches_it_on_too_and_artefacts_tell_them_apart() {
    let made = Engine::new(Config::new().cranelift_nan_canonicalization(true)).unwrap();
    let mut store = Store::new(&made, ());
    let text = r#"(module (func (export "f") (param f32) (result f32) (f32.sqrt (local.get 0))))"#;
    let instance = Instance::new(&mut store, &module(&made, text), &[]).unwrap();
    let f = instance.get_typed_func::<f32, f32>(&mut store, "f").unwrap();
    assert_eq!(f.call(&mut store, -1.0).unwrap().to_bits(), F32_NAN);
    let bytes = module(&made, text).serialize().unwrap();
    assert!(Module::deserialize(&made, &bytes).is_ok());
    let error = Module::deserialize(&Engine::default(), &bytes).unwrap_err();
    assert!(format!("{error:?}").contains("canonical_nans"), "{error:?}");
}
