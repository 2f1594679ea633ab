//! Which locals of a function live in registers: the integer and the float locals used most,
//! weighted by loop depth.

use wasmparser::{FunctionBody, Operator};

use super::code::malformed;
use super::pace::Pace;
use super::value::Kind;
use crate::error::Result;
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

/// Reads the body once, counting uses inside loops. A function without a loop pins nothing: the
/// entry and exit would cost more than they bring.
pub fn choose(body: &FunctionBody<'_>, kinds: &[Kind], pace: &mut Pace<'_>) -> Result<Pins> {
    let mut weights = vec![0u64; kinds.len()];
    let mut reader = body.get_operators_reader().map_err(malformed)?;
    // Depth of enclosing loops, and per open block whether it is a loop.
    let mut blocks: Vec<bool> = Vec::new();
    let mut depth = 0u32;
    let mut any = false;
    let mut add = |local: u32, depth: u32, weight: u64| {
        let scale = depth.min(tune::PIN_DEPTH) * tune::PIN_DEPTH_SHIFT;
        let total = &mut weights[local as usize];
        *total = total.saturating_add(weight << scale);
    };
    while !reader.eof() {
        pace.step()?;
        match reader.read().map_err(malformed)? {
            Operator::Block { .. }
            | Operator::If { .. }
            | Operator::Try { .. }
            | Operator::TryTable { .. } => {
                blocks.push(false);
            }
            Operator::Loop { .. } => {
                blocks.push(true);
                depth += 1;
                any = true;
            }
            Operator::End | Operator::Delegate { .. } => {
                let was_loop = blocks.pop() == Some(true);
                depth -= u32::from(was_loop);
            }
            Operator::LocalGet { local_index } if depth > 0 => add(local_index, depth, 1),
            Operator::LocalSet { local_index } | Operator::LocalTee { local_index }
                if depth > 0 =>
            {
                add(local_index, depth, tune::PIN_WRITE_WEIGHT);
            }
            _ => {}
        }
    }
    let mut pins = Pins::default();
    if any {
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
