//! The layout of a WebAssembly frame on the value stack.
//!
//! ```text
//!   low addresses
//!   fp[-K .. 0)   parameters, later results; K = max(parameter slots, result slots)
//!   fp[0]         RET_PC      where the caller goes on
//!   fp[1]         CALLER_FP   the caller's frame
//!   fp[2]         SAVED_L0    the caller's pinned integers, in frames of functions that pin
//!   fp[3]         SAVED_L1    integers themselves, and of native calls
//!   fp[4]         OWN_CTX     this frame's instance    } written by this frame's own calls
//!   fp[5]         OWN_RESUME  where this frame goes on } when they leave the instance;
//!                             of a native call: the calling instance, and the host function if it
//!                             suspends
//!   fp[6 .. 9]    SAVED_F0..  the caller's pinned floats, in frames of functions that pin floats
//!                             themselves, and of native calls
//!   fp[6 or 9 ..] locals that are not parameters, then operand stack homes
//!   high addresses
//! ```
//!
//! A function with more slots than operands reach (`translate::far`) begins with `enter_far`, which
//! moves the frame behind the far slots, with a copy of its header; `leave_far` moves it back:
//!
//! ```text
//!   fp[-N - K .. -N)  parameters, later results
//!   fp[-N ..]         the header that the call wrote
//!   fp[.. 0)          homes of operands, where these are far, then far locals
//!   fp[0 ..]          header, near locals (copies of the parameters first), scratch slots, then homes of
//!                     operands, or the arguments of calls
//! ```
//!
//! Whoever walks frames finds the copy: it is where the frame's own calls say their caller is.
//!
//! Frames overlap: the caller's operand stack homes of the arguments *are* the callee's
//! parameters, so a call copies nothing. The header is written by the call and sits at a fixed
//! place, so a return needs no operand and a stack walk needs only `fp`.
//!
//! A call that leaves the instance parks the caller's instance and return address in the
//! *caller's* header and makes the callee return to the `return_thunk` instruction, which takes
//! both from there. Calls inside an instance pay nothing for it, and a callee that tail-calls on,
//! even to a third instance, needs to do nothing.

/// Slot of the return address.
pub const RET_PC: isize = 0;
/// Slot of the caller's frame pointer.
pub const CALLER_FP: isize = 1;
/// Slot of the caller's first pinned integer local.
pub const SAVED_L0: isize = 2;
/// Slot of the caller's second pinned integer local.
pub const SAVED_L1: isize = 3;
/// Slot of this frame's instance while a call of its own is outside of it.
pub const OWN_CTX: isize = 4;
/// Slot of the address where this frame goes on after such a call.
pub const OWN_RESUME: isize = 5;
/// First slot behind the header of a function that pins no floats.
pub const SMALL_HEADER_SLOTS: i32 = 6;
/// First of the slots of the caller's pinned float locals.
pub const SAVED_F0: isize = 6;
/// Pinned float locals.
pub const PINNED_FLOATS: isize = 3;
/// First slot behind the whole header.
pub const HEADER_SLOTS: i32 = (SAVED_F0 + PINNED_FLOATS) as i32;

/// Frame-relative slot numbers are signed 16-bit operands; what a function has more is far. Without the feature
/// `std` the slack below is memory that nothing else can have: there they reach as far as the longest list of
/// parameters needs.
pub const MAX_SLOT: i32 = if cfg!(feature = "std") { 32_000 } else { 4_200 };

/// Bytes that stay accessible above the value stack's limit. A call checks only the new frame
/// pointer against the limit, so the largest frame (plus the largest outgoing area and a header)
/// must fit here. Far slots do not count: `enter_far` compares again.
pub const STACK_SLACK: usize = (2 * MAX_SLOT as usize + 64) * 8;
