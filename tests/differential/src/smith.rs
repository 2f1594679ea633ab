//! Modules made by wasm-smith.

use arbitrary::Unstructured;
use wasm_smith::{Config, Module};

use crate::Feature;
use crate::rng::Rng;

/// What a module's loops and functions may use up.
const FUEL: u32 = 300;

/// The module of `seed`. Which features it uses is itself up to the seed, so that each gets the
/// chance to fill modules.
pub fn generate(seed: u64, features: &[Feature]) -> Option<Vec<u8>> {
    let mut rng = Rng::new(seed, 1);
    let has = |feature| features.contains(&feature);
    let count = rng.between(500, 6000);
    let bytes = rng.bytes(count);
    let mut u = Unstructured::new(&bytes);
    let config = Config {
        export_everything: true,
        canonicalize_nans: true,
        allow_floats: rng.chance(70),
        bulk_memory_enabled: true,
        compact_imports_enabled: false,
        exceptions_enabled: has(Feature::Exceptions),
        extended_const_enabled: true,
        gc_enabled: has(Feature::Gc),
        memory64_enabled: rng.chance(30),
        multi_value_enabled: true,
        reference_types_enabled: true,
        relaxed_simd_enabled: has(Feature::RelaxedSimd),
        simd_enabled: has(Feature::Simd) || has(Feature::RelaxedSimd),
        tail_call_enabled: rng.chance(50),
        threads_enabled: has(Feature::Threads),
        wide_arithmetic_enabled: has(Feature::WideArithmetic),
        custom_page_sizes_enabled: has(Feature::CustomPageSizes),
        allow_start_export: rng.chance(20),
        max_funcs: rng.between(1, 12),
        min_funcs: 1,
        max_globals: 10,
        max_imports: if rng.chance(40) { 6 } else { 0 },
        max_instructions: if rng.chance(20) { 600 } else { 120 },
        max_memories: rng.between(1, 3),
        max_tables: rng.between(1, 3),
        max_memory32_bytes: 4 << 20,
        max_memory64_bytes: 4 << 20,
        max_table_elements: 1000,
        max_data_segments: 6,
        max_element_segments: 6,
        max_elements: 20,
        max_types: 12,
        max_values: if rng.chance(20) { 30 } else { 6 },
        min_uleb_size: 1,
        ..Config::default()
    };
    let mut module = Module::new(config, &mut u).ok()?;
    module.ensure_termination(FUEL).ok()?;
    Some(module.to_bytes())
}
