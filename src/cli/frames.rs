//! Which function calls which, for whoever is shown every instruction.

use threadle::isa::{OPS, Op};

/// How the instruction behind another is come to.
#[derive(Clone, Copy, PartialEq)]
pub enum Leads {
    /// In the same frame, or in that of a function that it calls.
    On,
    /// Back to the caller.
    Back,
    /// To another function in the frame's place.
    Away,
    /// To elsewhere on the stack, with the frame.
    Along,
}

impl Leads {
    fn of(op: Op) -> Leads {
        let last = op.parts().last().and_then(|part| Op::from_u16(*part)).unwrap_or(op);
        match (last.info().family, &*last.info().name) {
            ("return", _) => Leads::Back,
            ("tail_call", _) => Leads::Away,
            (_, "enter_far" | "leave_far") => Leads::Along,
            _ => Leads::On,
        }
    }

    /// Of all ops, by opcode.
    pub fn all() -> Vec<Leads> {
        (0..OPS.len()).filter_map(|op| Op::from_u16(op as u16)).map(Leads::of).collect()
    }
}

/// A function that is running.
#[derive(Clone, Copy)]
pub struct Frame<T> {
    /// Where it is.
    address: usize,
    /// A number of its code.
    code: u32,
    /// The instruction that it executes.
    pub offset: u32,
    /// What is kept of it.
    pub kept: T,
}

/// The frames of a store.
pub struct Frames<T> {
    frames: Vec<Frame<T>>,
    leads: Leads,
}

/// How an instruction's function was come to.
#[derive(Clone, Copy, PartialEq)]
pub enum Arrival {
    /// It was running.
    Same,
    /// It was called, or returns to code that has not been seen calling.
    New,
}

impl<T> Frames<T> {
    pub fn new() -> Frames<T> {
        Frames { frames: Vec::new(), leads: Leads::On }
    }

    /// Follows to an instruction that is about to run in a frame at `address`; `leads` is where its op leads.
    /// If the function is new, it is to be entered.
    pub fn arrive(&mut self, (address, code, offset): (usize, u32, u32), leads: Leads) -> Arrival {
        let before = std::mem::replace(&mut self.leads, leads);
        match (before, self.frames.last_mut()) {
            (Leads::Back, Some(_)) => _ = self.frames.pop(),
            (Leads::Along, Some(last)) => last.address = address,
            _ => {}
        }
        // Traps, and exceptions that are caught further outside, leave several at once.
        while self.frames.pop_if(|last| last.address > address).is_some() {}
        if let Some(last) = self.frames.last_mut()
            && last.address == address
        {
            if last.code == code && before != Leads::Away {
                last.offset = offset;
                return Arrival::Same;
            }
            self.frames.pop();
        }
        Arrival::New
    }

    /// Enters a function that is new.
    pub fn enter(&mut self, (address, code, offset): (usize, u32, u32), kept: T) {
        self.frames.push(Frame { address, code, offset, kept });
    }

    /// The innermost function.
    pub fn last(&self) -> Option<&Frame<T>> {
        self.frames.last()
    }

    /// How many are running.
    pub fn depth(&self) -> usize {
        self.frames.len()
    }
}
