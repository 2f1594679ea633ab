//! Knobs.

use core::num::NonZeroUsize;

use threadle::{CompilationMode, bail};

use super::error::MaybeError;
use crate::engine::wasm_config_t;
use crate::guard::{c_functions, given};

macro_rules! knobs {
    ($($name:ident($ty:ty) $method:ident;)*) => {
        c_functions! {$(
            fn $name(config: Option<&mut wasm_config_t>, value: $ty) {
                given(config, "config")?.config.$method(value);
                Ok(())
            }
        )*}
    };
}

knobs! {
    threadle_config_consume_fuel_set(bool) consume_fuel;
    threadle_config_epoch_interruption_set(bool) epoch_interruption;
    threadle_config_gc_heap_maximum_set(u64) gc_heap_maximum;
    threadle_config_gc_heap_may_move_set(bool) gc_heap_may_move;
    threadle_config_memory_may_move_set(bool) memory_may_move;
    threadle_config_shared_memory_set(bool) shared_memory;
    threadle_config_wasm_gc_types_set(bool) wasm_gc_types;
    threadle_config_gc_always_set(bool) gc_always;
    threadle_config_gc_heap_reservation_set(u64) gc_heap_reservation;
    threadle_config_interruptible_set(bool) interruptible;
    threadle_config_max_activations_set(u32) max_activations;
    threadle_config_max_wasm_stack_set(usize) max_wasm_stack;
    threadle_config_memory_guard_size_set(u64) memory_guard_size;
    threadle_config_memory_reservation_set(u64) memory_reservation;
    threadle_config_memory_reservation_for_growth_set(u64) memory_reservation_for_growth;
    threadle_config_parallel_compilation_set(bool) parallel_compilation;
    threadle_config_signals_based_traps_set(bool) signals_based_traps;
    threadle_config_wasm_bulk_memory_set(bool) wasm_bulk_memory;
    threadle_config_wasm_custom_page_sizes_set(bool) wasm_custom_page_sizes;
    threadle_config_wasm_exceptions_set(bool) wasm_exceptions;
    threadle_config_wasm_extended_const_set(bool) wasm_extended_const;
    threadle_config_wasm_function_references_set(bool) wasm_function_references;
    threadle_config_wasm_gc_set(bool) wasm_gc;
    threadle_config_wasm_legacy_exceptions_set(bool) wasm_legacy_exceptions;
    threadle_config_wasm_memory64_set(bool) wasm_memory64;
    threadle_config_wasm_multi_memory_set(bool) wasm_multi_memory;
    threadle_config_wasm_multi_value_set(bool) wasm_multi_value;
    threadle_config_wasm_reference_types_set(bool) wasm_reference_types;
    threadle_config_wasm_relaxed_simd_set(bool) wasm_relaxed_simd;
    threadle_config_wasm_relaxed_simd_deterministic_set(bool) relaxed_simd_deterministic;
    threadle_config_wasm_simd_set(bool) wasm_simd;
    threadle_config_wasm_tail_call_set(bool) wasm_tail_call;
    threadle_config_wasm_threads_set(bool) wasm_threads;
    threadle_config_wasm_wide_arithmetic_set(bool) wasm_wide_arithmetic;
}

c_functions! {
    fn threadle_config_backtrace_frames_set(config: Option<&mut wasm_config_t>, frames: usize) {
        let config = &mut given(config, "config")?.config;
        config.wasm_backtrace_max_frames(NonZeroUsize::new(frames));
        Ok(())
    }

    fn threadle_config_compilation_mode_set(
        config: Option<&mut wasm_config_t>,
        mode: u8,
    ) -> MaybeError {
        given(config, "config")?.config.compilation_mode(match mode {
            0 => CompilationMode::Lazy,
            1 => CompilationMode::Eager,
            2 => CompilationMode::LazyValidation,
            _ => bail!("there is no compilation mode {mode}"),
        });
        Ok(MaybeError::NONE)
    }
}
