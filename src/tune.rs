//! Every tuning knob of translation, with its reason.

/// Loops deeper than this weigh no more: keeps the weights far from overflow.
pub const PIN_DEPTH: u32 = 8;
/// A use one loop deeper counts 2^this times as much. Inner loops of real programs run about ten
/// times as often as the loop around them.
pub const PIN_DEPTH_SHIFT: u32 = 3;
/// A write counts as so many reads: a value that one round of a loop hands to the next through a slot
/// costs a store and a load in a row, one that is only read costs a load that nothing waits for.
pub const PIN_WRITE_WEIGHT: u64 = 3;
/// Uses below this weight do not earn a pin: its entry and exit cost about four moves.
pub const PIN_MIN_WEIGHT: u64 = 16;
/// A branch or return carries more values than this as one run of slots. Validated code can ask for a
/// thousand with a two-byte instruction; real code carries one value now and then.
pub const MAX_CARRIED: usize = 4;
/// Longest sequence that a fused op can have: the last pass tries all of them from each instruction on.
pub const MOST_PARTS: usize = 6;
/// The same of one that begins with `consume_fuel`, so that what is one instruction without is one with it.
pub const MOST_METERED_PARTS: usize = MOST_PARTS + 1;
/// What a dispatch costs, in stores that would not be needed: an instruction stores its result where that makes
/// a fused op fit.
pub const DISPATCH: u32 = 8;
/// References on the operand stack, from the top, that a call leaves where they are: locals above all.
/// Those below are put into their homes, once, which keeps stack maps in proportion to the code.
pub const MAX_LAZY_REFS: usize = 16;
/// Operators between two questions whether a translation is still wanted: some tenths of a millisecond.
pub const OPERATORS_AT_A_TIME: u32 = 4096;
