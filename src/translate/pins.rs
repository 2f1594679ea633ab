//! Which locals of a function live in registers: the integer and the float local used most,
//! weighted by loop depth.

use wasmparser::{BinaryReaderError, FunctionBody, Operator};

use super::frame::Frame;
use super::value::Kind;
use crate::tune;

/// The pinned locals.
#[derive(Clone, Copy, Default, Debug)]
pub struct Pins {
    pub int: Option<u32>,
    pub float: Option<u32>,
}

impl Pins {
    pub fn any(self) -> bool {
        self.int.is_some() || self.float.is_some()
    }

    pub fn is(self, local: u32) -> bool {
        self.int == Some(local) || self.float == Some(local)
    }
}

/// Reads the body once, counting uses inside loops. A function without a loop pins nothing: the
/// entry and exit would cost more than they bring.
pub fn choose(body: &FunctionBody<'_>, frame: &Frame) -> Result<Pins, BinaryReaderError> {
    let mut weights = vec![0u64; frame.locals()];
    let mut reader = body.get_operators_reader()?;
    // Depth of enclosing loops, and per open block whether it is a loop.
    let mut blocks: Vec<bool> = Vec::new();
    let mut depth = 0u32;
    let mut any = false;
    while !reader.eof() {
        match reader.read()? {
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
            Operator::LocalGet { local_index }
            | Operator::LocalSet { local_index }
            | Operator::LocalTee { local_index }
                if depth > 0 =>
            {
                let weight = &mut weights[local_index as usize];
                *weight = weight
                    .saturating_add(1 << (depth.min(tune::PIN_DEPTH) * tune::PIN_DEPTH_SHIFT));
            }
            _ => {}
        }
    }
    let mut pins = Pins::default();
    if any {
        let best = |wanted: fn(Kind) -> bool| {
            let candidates = frame.kinds().zip(&weights).enumerate();
            candidates
                .filter(|(_, (kind, weight))| wanted(*kind) && **weight >= tune::PIN_MIN_WEIGHT)
                .max_by_key(|(i, (_, weight))| (**weight, core::cmp::Reverse(*i)))
                .map(|(i, _)| i as u32)
        };
        pins.int = best(|kind| matches!(kind, Kind::I32 | Kind::I64));
        pins.float = best(Kind::is_float);
    }
    Ok(pins)
}
