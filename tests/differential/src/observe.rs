//! What can be observed of a module, in terms that no engine owns, and how two observations
//! differ.

use std::fmt;
use std::hash::{Hash, Hasher};

use crate::rng::{Rng, mix};

/// A value's type.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Ty {
    /// `i32`.
    I32,
    /// `i64`.
    I64,
    /// `f32`.
    F32,
    /// `f64`.
    F64,
    /// `v128`.
    V128,
    /// A reference to a function.
    Func,
    /// A reference to a host object.
    Extern,
    /// Any other reference.
    Other,
}

impl Ty {
    /// The type of numbers or vectors of this name.
    pub fn of_numbers(name: &str) -> Ty {
        let all = [Ty::I32, Ty::I64, Ty::F32, Ty::F64, Ty::V128];
        let found = all.into_iter().find(|ty| format!("{ty:?}").eq_ignore_ascii_case(name));
        found.expect("a type of numbers")
    }
}

/// A value.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Value {
    /// An `i32`.
    I32(u32),
    /// An `i64`.
    I64(u64),
    /// An `f32`, by its bits.
    F32(u32),
    /// An `f64`, by its bits.
    F64(u64),
    /// A `v128`.
    V128(u128),
    /// A reference to a function: its type.
    Func(Option<String>),
    /// A reference to a host object: its number.
    Extern(Option<u32>),
    /// Another reference: whether it is null is all that is compared.
    Other(bool),
}

impl Value {
    /// The same with one NaN for all, as WebAssembly leaves open which one an operation makes.
    pub fn canonical(self) -> Value {
        match self {
            Value::F32(bits) if f32::from_bits(bits).is_nan() => Value::F32(0x7fc0_0000),
            Value::F64(bits) if f64::from_bits(bits).is_nan() => Value::F64(0x7ff8_0000_0000_0000),
            value => value,
        }
    }

    fn hash(&self) -> u64 {
        match self {
            Value::I32(v) => mix(u64::from(*v) + 1),
            Value::I64(v) => mix(v.wrapping_add(2)),
            Value::F32(v) => mix(u64::from(*v) + 3),
            Value::F64(v) => mix(v.wrapping_add(4)),
            Value::V128(v) => mix(*v as u64) ^ (*v >> 64) as u64,
            Value::Func(v) => u64::from(v.is_some()),
            Value::Extern(v) => v.map_or(5, |v| mix(u64::from(v) + 6)),
            Value::Other(null) => u64::from(*null),
        }
    }

    /// A value of type `ty` that can be passed to any engine.
    pub fn arbitrary(ty: Ty, rng: &mut Rng) -> Value {
        match ty {
            Ty::I32 => Value::I32(rng.integer() as u32),
            Ty::I64 => Value::I64(rng.integer()),
            Ty::F32 => Value::F32((rng.float() as f32).to_bits()),
            Ty::F64 => Value::F64(rng.float().to_bits()),
            Ty::V128 => Value::V128(u128::from(rng.bits()) << 64 | u128::from(rng.integer())),
            Ty::Func => Value::Func(None),
            Ty::Extern if rng.chance(70) => Value::Extern(Some(rng.below(1000) as u32)),
            Ty::Extern => Value::Extern(None),
            Ty::Other => Value::Other(true),
        }
    }
}

/// Why code stopped.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Stop {
    /// `unreachable`.
    Unreachable,
    /// A memory access out of bounds.
    Memory,
    /// A table access out of bounds.
    Table,
    /// An indirect call of null.
    NullCall,
    /// An indirect call of another type.
    Signature,
    /// Division by zero.
    DivisionByZero,
    /// An integer that does not fit.
    Overflow,
    /// NaN to integer.
    BadConversion,
    /// A null reference.
    Null,
    /// An array access out of bounds.
    Array,
    /// A failed cast.
    Cast,
    /// An uncaught exception.
    Exception,
    /// An imported function failed.
    Host,
    /// A limit of the engine, which engines need not share: nothing after it can be compared.
    Limit,
    /// Something else.
    Other,
}

/// How a call ended.
#[derive(Clone, PartialEq, Debug)]
pub enum Outcome {
    /// With results.
    Values(Vec<Value>),
    /// Early.
    Stop(Stop, String),
}

impl Outcome {
    /// Whether it ended for a reason that says nothing about correctness.
    pub fn is_limit(&self) -> bool {
        matches!(self, Outcome::Stop(Stop::Limit, _))
    }

    fn same(&self, other: &Outcome) -> bool {
        match (self, other) {
            (Outcome::Values(a), Outcome::Values(b)) => a == b,
            (Outcome::Stop(a, _), Outcome::Stop(b, _)) => a == b,
            _ => false,
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Outcome::Values(values) => write!(f, "{values:?}"),
            Outcome::Stop(stop, message) => write!(f, "{stop:?} ({message})"),
        }
    }
}

/// A call of an imported function: which, and its arguments.
#[derive(Clone, PartialEq, Debug)]
pub struct HostCall(pub u64, pub Vec<Value>);

/// The host's side of a run, kept in the engine's store: everything that was called.
#[derive(Default, Debug)]
pub struct Host {
    /// The calls, in order.
    pub calls: Vec<HostCall>,
}

impl Host {
    /// What imported function `index` does: results are made from the arguments. `None` is a
    /// failure.
    pub fn call(&mut self, index: u64, args: Vec<Value>, results: &[Ty]) -> Option<Vec<Value>> {
        let args: Vec<Value> = args.into_iter().map(Value::canonical).collect();
        let mut hash = mix(index.wrapping_add(77));
        for arg in &args {
            hash = mix(hash ^ arg.hash());
        }
        let object = args.iter().find(|arg| matches!(arg, Value::Extern(_))).cloned();
        self.calls.push(HostCall(index, args));
        if hash.is_multiple_of(61) {
            return None;
        }
        let mut rng = Rng::new(hash, 3);
        let value = |ty: &Ty| match (ty, &object) {
            (Ty::Extern, Some(object)) => object.clone(),
            _ => Value::arbitrary(*ty, &mut rng),
        };
        Some(results.iter().map(value).collect())
    }
}

/// The error that a failing imported function returns.
#[derive(Clone, Copy, Debug)]
pub struct HostFailure;

impl fmt::Display for HostFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the host function failed")
    }
}

impl std::error::Error for HostFailure {}

/// What tells an import from others. Engines list imports in different orders, so it is made of
/// the names.
pub fn label(module: &str, name: &str) -> u64 {
    let bytes = module.bytes().chain([0]).chain(name.bytes());
    bytes.fold(0, |label, byte| mix(label ^ u64::from(byte) ^ 0x100))
}

/// The value of an imported global.
pub fn imported_global(index: u64, ty: Ty) -> Value {
    Value::arbitrary(ty, &mut Rng::new(index, 4)).canonical()
}

/// A call to make: the export's name and arguments.
#[derive(Clone, Debug)]
pub struct Call {
    /// The export.
    pub name: String,
    /// The arguments.
    pub args: Vec<Value>,
}

/// What to do with a module.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// The calls, in order.
    pub calls: Vec<Call>,
    /// A global that is set before each call, so that every call ends: its export and value.
    pub fuel: Option<(String, i32)>,
}

/// Everything that was observed.
#[derive(Debug, Default)]
pub struct Observation {
    /// How instantiation ended, if not well.
    pub failed: Option<Outcome>,
    /// How calls ended; fewer than planned after a limit was hit.
    pub calls: Vec<Outcome>,
    /// Calls of imported functions, with the number of such calls after each planned one.
    pub host: Vec<HostCall>,
    /// Fuel that each call used up, if it is counted.
    pub used: Option<Vec<u64>>,
    /// Exported globals.
    pub globals: Vec<(String, Value)>,
    /// Exported memories.
    pub memories: Vec<(String, Vec<u8>)>,
    /// Exported tables: size and first elements.
    pub tables: Vec<(String, u64, Vec<Value>)>,
}

/// How many elements of a table are compared.
pub const TABLE_ELEMENTS: u64 = 256;

/// Bytes that a memory may have.
pub const MEMORY_LIMIT: usize = 16 << 20;

/// Elements that a table may have.
pub const TABLE_LIMIT: usize = 50_000;

impl Observation {
    /// Puts exports into the order of their names: engines list them differently.
    pub fn sort(&mut self) {
        self.globals.sort_by(|a, b| a.0.cmp(&b.0));
        self.memories.sort_by(|a, b| a.0.cmp(&b.0));
        self.tables.sort_by(|a, b| a.0.cmp(&b.0));
    }

    /// Whether state after the calls can be compared.
    fn complete(&self) -> bool {
        !self.calls.last().is_some_and(Outcome::is_limit) && self.failed.is_none()
    }
}

impl Observation {
    /// Everything that [`difference`] compares, in short; `None` where it is lenient.
    pub fn digest(&self) -> Option<u64> {
        if !self.complete() {
            return None;
        }
        let mut hash = std::hash::DefaultHasher::new();
        for outcome in &self.calls {
            match outcome {
                Outcome::Values(values) => values.hash(&mut hash),
                Outcome::Stop(Stop::Limit, _) => return None,
                Outcome::Stop(stop, _) => stop.hash(&mut hash),
            }
        }
        for HostCall(index, args) in &self.host {
            (index, args).hash(&mut hash);
        }
        (&self.globals, &self.memories, &self.tables).hash(&mut hash);
        // 0 stands for what was not recorded.
        Some(hash.finish().max(1))
    }
}

/// The first difference of two observations, as text.
pub fn difference(expected: &Observation, got: &Observation, plan: &Plan) -> Option<String> {
    match (&expected.failed, &got.failed) {
        (None, None) => {}
        (Some(a), Some(b)) if a.is_limit() || b.is_limit() || a.same(b) => return None,
        // Engines disagree on whether a failed instantiation is a trap or another error.
        (Some(Outcome::Stop(Stop::Other, _)), Some(_)) => return None,
        (Some(a), b) if a.is_limit() || b.as_ref().is_some_and(Outcome::is_limit) => return None,
        (None, Some(b)) if b.is_limit() => return None,
        (a, b) => {
            let text = |it: &Option<Outcome>| {
                it.as_ref().map_or_else(|| "success".to_string(), ToString::to_string)
            };
            return Some(format!("instantiation: expected {}, got {}", text(a), text(b)));
        }
    }
    for (i, (a, b)) in expected.calls.iter().zip(&got.calls).enumerate() {
        if a.is_limit() || b.is_limit() {
            return None;
        }
        if !a.same(b) {
            let call = &plan.calls[i];
            return Some(format!(
                "call {i} of {} with {:?}: expected {a}, got {b}",
                call.name, call.args
            ));
        }
    }
    if !expected.complete() || !got.complete() {
        return None;
    }
    if let (Some(a), Some(b)) = (&expected.used, &got.used)
        && a != b
    {
        return Some(format!("fuel of each call: expected {a:?}, got {b:?}"));
    }
    for (i, (a, b)) in expected.host.iter().zip(&got.host).enumerate() {
        if a != b {
            return Some(format!("host call {i}: expected {a:?}, got {b:?}"));
        }
    }
    if expected.host.len() != got.host.len() {
        let (a, b) = (expected.host.len(), got.host.len());
        return Some(format!("number of host calls: expected {a}, got {b}"));
    }
    for (a, b) in expected.globals.iter().zip(&got.globals) {
        if a != b {
            return Some(format!("global {}: expected {:?}, got {:?}", a.0, a.1, b.1));
        }
    }
    for (a, b) in expected.tables.iter().zip(&got.tables) {
        if a.1 != b.1 {
            return Some(format!("size of table {}: expected {}, got {}", a.0, a.1, b.1));
        }
        for (i, (x, y)) in a.2.iter().zip(&b.2).enumerate() {
            if x != y {
                return Some(format!("element {i} of table {}: expected {x:?}, got {y:?}", a.0));
            }
        }
    }
    for (a, b) in expected.memories.iter().zip(&got.memories) {
        if a.1.len() != b.1.len() {
            let (x, y) = (a.1.len(), b.1.len());
            return Some(format!("size of memory {}: expected {x}, got {y}", a.0));
        }
        if a.1 != b.1 {
            let at = a.1.iter().zip(&b.1).position(|(x, y)| x != y).unwrap_or(0);
            let end = (at + 8).min(a.1.len());
            return Some(format!(
                "memory {} at {at:#x}: expected {:02x?}, got {:02x?}",
                a.0,
                &a.1[at..end],
                &b.1[at..end]
            ));
        }
    }
    None
}
