//! Shared memories.

use core::mem::MaybeUninit;

use threadle::SharedMemory;

use super::error::{BoxOut, MaybeError, boxed};
use crate::engine::wasm_engine_t;
use crate::guard::{c_functions, given};
use crate::types::wasm_externtype_t;

#[derive(Clone)]
pub struct threadle_sharedmemory_t {
    pub(super) memory: SharedMemory,
}

type Shared<'a> = Option<&'a threadle_sharedmemory_t>;

c_functions! {
    fn threadle_sharedmemory_new(
        engine: Option<&wasm_engine_t>,
        ty: Option<&wasm_externtype_t>,
        out: BoxOut<'_, threadle_sharedmemory_t>,
    ) -> MaybeError {
        boxed(out, "memory", || {
            let ty = given(ty, "type")?.memory_type()?;
            let memory = SharedMemory::new(&given(engine, "engine")?.engine, ty)?;
            Ok(threadle_sharedmemory_t { memory })
        })
    }

    fn threadle_sharedmemory_delete(memory: Option<Box<threadle_sharedmemory_t>>) {
        drop(memory);
        Ok(())
    }

    fn threadle_sharedmemory_clone(memory: Shared<'_>) -> Option<Box<threadle_sharedmemory_t>> {
        Ok(Some(Box::new(given(memory, "memory")?.clone())))
    }

    fn threadle_sharedmemory_type(memory: Shared<'_>) -> Option<Box<wasm_externtype_t>> {
        Ok(Some(Box::new(given(memory, "memory")?.memory.ty().into())))
    }

    fn threadle_sharedmemory_data(memory: Shared<'_>) -> *mut u8 {
        Ok(given(memory, "memory")?.memory.data().as_ptr().cast_mut().cast())
    }

    fn threadle_sharedmemory_data_size(memory: Shared<'_>) -> usize {
        Ok(given(memory, "memory")?.memory.data_size())
    }

    fn threadle_sharedmemory_size(memory: Shared<'_>) -> u64 {
        Ok(given(memory, "memory")?.memory.size())
    }

    fn threadle_sharedmemory_grow(
        memory: Shared<'_>,
        delta: u64,
        out: Option<&mut MaybeUninit<u64>>,
    ) -> MaybeError {
        let size = given(memory, "memory")?.memory.grow(delta)?;
        out.map(|out| out.write(size));
        Ok(MaybeError::NONE)
    }
}
