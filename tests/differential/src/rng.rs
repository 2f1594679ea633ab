//! The source of all choices: a small generator whose sequence depends on the seed alone, so that
//! a seed names a module forever.

/// SplitMix64 (Steele, Lea, Flood 2014).
#[derive(Clone, Debug)]
pub struct Rng(u64);

/// One step of SplitMix64's output function: spreads every bit of `x`.
pub fn mix(x: u64) -> u64 {
    let x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

impl Rng {
    /// A generator for `seed`; `stream` separates sequences of the same seed.
    pub fn new(seed: u64, stream: u64) -> Rng {
        Rng(mix(seed ^ mix(stream.wrapping_add(0x9e37_79b9_7f4a_7c15))))
    }

    /// 64 random bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }

    /// A number below `n`, which is not zero.
    pub fn below(&mut self, n: usize) -> usize {
        ((u128::from(self.bits()) * n as u128) >> 64) as usize
    }

    /// A number between both, inclusive.
    pub fn between(&mut self, low: usize, high: usize) -> usize {
        low + self.below(high - low + 1)
    }

    /// True in `percent` of 100 cases.
    pub fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    /// One of `items`, which are not empty.
    pub fn pick<T: Copy>(&mut self, items: &[T]) -> T {
        items[self.below(items.len())]
    }

    /// Random bytes.
    pub fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count.div_ceil(8)).flat_map(|_| self.bits().to_le_bytes()).take(count).collect()
    }

    /// An integer with the habits of real ones: small, a power of two or next to one, at the edges
    /// of the widths that encodings care about, or anything.
    pub fn integer(&mut self) -> u64 {
        let near = self.below(3) as u64;
        let magnitude = match self.below(12) {
            0..=3 => self.bits() % 17,
            4 => self.bits() % 256,
            5 => (1 << self.below(64)) - 1 + near,
            6 => (1 << 15) - 1 + near,
            7 => (1 << 16) - 1 + near,
            8 => (1 << 31) - 1 + near,
            9 => (1 << 32) - 1 + near,
            10 => (1_u64 << 63).wrapping_sub(1).wrapping_add(near),
            _ => self.bits() >> self.below(64),
        };
        if self.chance(35) { magnitude.wrapping_neg() } else { magnitude }
    }

    /// A float's bits: ordinary numbers mostly, and all the special ones.
    pub fn float(&mut self) -> f64 {
        match self.below(12) {
            0 => 0.0,
            1 => -0.0,
            2 => f64::INFINITY,
            3 => f64::NEG_INFINITY,
            4 => f64::NAN,
            5 => f64::from_bits(self.bits()),
            6 => f64::MIN_POSITIVE,
            7 => self.integer() as i64 as f64,
            8 => (self.integer() as i64 as f64) + 0.5,
            _ => (self.below(2001) as f64 - 1000.0) / 8.0,
        }
    }
}
