//! Which locals of a function live in registers: the integer and the float locals used most,
//! weighted by loop depth.

use wasmparser::{FunctionBody, VisitOperator, VisitSimdOperator};

use super::code::malformed;
use super::pace::Pace;
use super::value::Kind;
use crate::error::Result;
use crate::prelude::*;
use crate::tune;
use crate::vm::frame::PINNED_FLOATS;

/// The pinned locals, in the order of their registers.
#[derive(Clone, Copy, Default, Debug)]
pub struct Pins {
    pub ints: [Option<u32>; 2],
    pub floats: [Option<u32>; PINNED_FLOATS as usize],
}

impl Pins {
    /// Whether integers and whether floats are pinned.
    pub fn banks(self) -> (bool, bool) {
        (self.ints[0].is_some(), self.floats[0].is_some())
    }

    /// Which register of its bank a local is pinned to.
    pub fn register(self, local: u32) -> Option<usize> {
        let place = |bank: &[Option<u32>]| bank.iter().position(|pin| *pin == Some(local));
        place(&self.ints).or_else(|| place(&self.floats))
    }

    pub fn is(self, local: u32) -> bool {
        self.register(local).is_some()
    }
}

/// What the body does with its locals, seen operator by operator. A visitor, since most operators are of no
/// interest: none is made of their bytes.
struct Uses {
    /// Per local: how often it is used, as weighted.
    weights: Vec<u64>,
    /// Per open block whether it is a loop.
    blocks: Vec<bool>,
    /// Enclosing loops.
    depth: u32,
    has_loop: bool,
}

impl Uses {
    fn open(&mut self, is_loop: bool) {
        self.blocks.push(is_loop);
        self.depth += u32::from(is_loop);
        self.has_loop |= is_loop;
    }

    fn close(&mut self) {
        let was_loop = self.blocks.pop() == Some(true);
        self.depth -= u32::from(was_loop);
    }

    fn add(&mut self, local: u32, weight: u64) {
        if self.depth > 0 {
            let scale = self.depth.min(tune::PIN_DEPTH) * tune::PIN_DEPTH_SHIFT;
            let total = &mut self.weights[local as usize];
            *total = total.saturating_add(weight << scale);
        }
    }
}

/// A method per operator. Those that are named here say what they do; the others do nothing.
macro_rules! visits {
    ($(@$proposal:ident $op:ident $({ $($arg:ident: $ty:ty),* })? => $visit:ident $ann:tt)*) => {
        $(visits!(one $visit($($($arg: $ty),*)?));)*
    };
    (one visit_block($($arg:ident: $ty:ty),*)) => { visits!(opens visit_block($($ty),*) false); };
    (one visit_if($($arg:ident: $ty:ty),*)) => { visits!(opens visit_if($($ty),*) false); };
    (one visit_try($($arg:ident: $ty:ty),*)) => { visits!(opens visit_try($($ty),*) false); };
    (one visit_try_table($($arg:ident: $ty:ty),*)) => { visits!(opens visit_try_table($($ty),*) false); };
    (one visit_loop($($arg:ident: $ty:ty),*)) => { visits!(opens visit_loop($($ty),*) true); };
    (one visit_end()) => { fn visit_end(&mut self) { self.close(); } };
    (one visit_delegate($arg:ident: $ty:ty)) => { fn visit_delegate(&mut self, _: $ty) { self.close(); } };
    (one visit_local_get($arg:ident: $ty:ty)) => {
        fn visit_local_get(&mut self, local: $ty) { self.add(local, 1); }
    };
    (one visit_local_set($arg:ident: $ty:ty)) => {
        fn visit_local_set(&mut self, local: $ty) { self.add(local, tune::PIN_WRITE_WEIGHT); }
    };
    (one visit_local_tee($arg:ident: $ty:ty)) => {
        fn visit_local_tee(&mut self, local: $ty) { self.add(local, tune::PIN_WRITE_WEIGHT); }
    };
    (one $visit:ident($($arg:ident: $ty:ty),*)) => { fn $visit(&mut self, $(_: $ty),*) {} };
    (opens $visit:ident($($ty:ty),*) $is_loop:literal) => {
        fn $visit(&mut self, $(_: $ty),*) { self.open($is_loop); }
    };
}

impl<'a> VisitOperator<'a> for Uses {
    type Output = ();

    fn simd_visitor(&mut self) -> Option<&mut dyn VisitSimdOperator<'a, Output = ()>> {
        Some(self)
    }

    wasmparser::for_each_visit_operator!(visits);
}

impl<'a> VisitSimdOperator<'a> for Uses {
    wasmparser::for_each_visit_simd_operator!(visits);
}

/// Reads the body once, counting uses inside loops. A function without a loop pins nothing: the
/// entry and exit would cost more than they bring.
pub fn choose(body: &FunctionBody<'_>, kinds: &[Kind], pace: &mut Pace<'_>) -> Result<Pins> {
    let mut reader = body.get_operators_reader().map_err(malformed)?;
    let weights = vec![0; kinds.len()];
    let mut uses = Uses { weights, blocks: Vec::new(), depth: 0, has_loop: false };
    while !reader.eof() {
        pace.step()?;
        reader.visit_operator(&mut uses).map_err(malformed)?;
    }
    let weights = uses.weights;
    let mut pins = Pins::default();
    if uses.has_loop {
        let mut best: Vec<usize> =
            (0..kinds.len()).filter(|&i| weights[i] >= tune::PIN_MIN_WEIGHT).collect();
        best.sort_by_key(|&i| core::cmp::Reverse(weights[i]));
        let fill = |bank: &mut [Option<u32>], wanted: fn(Kind) -> bool| {
            let chosen = best.iter().filter(|&&i| wanted(kinds[i]));
            for (pin, &local) in bank.iter_mut().zip(chosen) {
                *pin = Some(local as u32);
            }
        };
        fill(&mut pins.ints, |kind| matches!(kind, Kind::I32 | Kind::I64));
        // A vector is too wide for what functions save.
        fill(&mut pins.floats, |kind| matches!(kind, Kind::F32 | Kind::F64));
    }
    Ok(pins)
}
