pub fn generate(_seed: u64) -> Vec<u8> { Vec::new() }
