//! Memories whose storage C makes.

use core::ffi::c_void;
use std::sync::Arc;

use threadle::{LinearMemory, MemoryCreator, MemoryType, Result, ensure};

use super::error::threadle_error_t;
use crate::engine::wasm_config_t;
use crate::foreign::{Finalizer, HostData};
use crate::guard::{c_functions, given};
use crate::types::wasm_externtype_t;

type Get = extern "C" fn(*mut c_void, &mut usize, &mut usize) -> *mut u8;
type Grow = extern "C" fn(*mut c_void, usize) -> Option<Box<threadle_error_t>>;
type New = extern "C" fn(
    *mut c_void,
    &wasm_externtype_t,
    usize,
    usize,
    usize,
    usize,
    &mut threadle_linear_memory_t,
) -> Option<Box<threadle_error_t>>;

/// What C says of a memory that it made.
#[repr(C)]
pub struct threadle_linear_memory_t {
    env: *mut c_void,
    get_memory: Option<Get>,
    grow_memory: Option<Grow>,
    finalizer: Finalizer,
}

/// Who makes memories.
#[repr(C)]
pub struct threadle_memory_creator_t {
    env: *mut c_void,
    new_memory: Option<New>,
    finalizer: Finalizer,
}

struct Memory {
    env: HostData,
    get: Get,
    grow: Grow,
    /// As C last told it.
    data: Data,
}

#[derive(Clone, Copy)]
struct Data {
    at: *mut u8,
    size: usize,
    capacity: usize,
}

// SAFETY: the bytes are the memory's own, wherever it is used.
unsafe impl Send for Data {}
// SAFETY: as above.
unsafe impl Sync for Data {}

impl Memory {
    /// Asks C where the memory is, which has to have room for `size` bytes.
    fn look(&mut self, size: usize) -> Result<()> {
        let (mut bytes, mut capacity) = (0, 0);
        let at = (self.get)(self.env.data, &mut bytes, &mut capacity);
        ensure!(!at.is_null(), "the memory's address is null");
        ensure!(bytes >= size, "the memory has {bytes} bytes instead of {size}");
        self.data = Data { at, size: bytes, capacity: capacity.max(bytes) };
        Ok(())
    }
}

// SAFETY: the header demands of C what this has to promise, and `look` has checked what can be.
unsafe impl LinearMemory for Memory {
    fn byte_size(&self) -> usize {
        self.data.size
    }

    fn byte_capacity(&self) -> usize {
        self.data.capacity
    }

    fn grow_to(&mut self, new_size: usize) -> Result<()> {
        if let Some(error) = (self.grow)(self.env.data, new_size) {
            return Err(error.error);
        }
        self.look(new_size)
    }

    fn as_ptr(&self) -> *mut u8 {
        self.data.at
    }
}

struct Creator {
    env: HostData,
    new: New,
}

impl Creator {
    fn make(
        &self,
        ty: MemoryType,
        minimum: usize,
        maximum: Option<usize>,
        reserved: Option<usize>,
        guard: usize,
    ) -> Result<Memory> {
        let mut made = threadle_linear_memory_t {
            env: core::ptr::null_mut(),
            get_memory: None,
            grow_memory: None,
            finalizer: None,
        };
        let (maximum, reserved) = (maximum.unwrap_or(usize::MAX), reserved.unwrap_or(0));
        let ty = wasm_externtype_t::from(ty);
        let failed = (self.new)(self.env.data, &ty, minimum, maximum, reserved, guard, &mut made);
        if let Some(error) = failed {
            return Err(error.error);
        }
        let env = HostData { data: made.env, finalizer: made.finalizer };
        let mut memory = Memory {
            env,
            get: given(made.get_memory, "get_memory")?,
            grow: given(made.grow_memory, "grow_memory")?,
            data: Data { at: core::ptr::null_mut(), size: 0, capacity: 0 },
        };
        memory.look(minimum)?;
        Ok(memory)
    }
}

// SAFETY: `Memory::look` has checked the size.
unsafe impl MemoryCreator for Creator {
    fn new_memory(
        &self,
        ty: MemoryType,
        minimum: usize,
        maximum: Option<usize>,
        reserved_size_in_bytes: Option<usize>,
        guard_size_in_bytes: usize,
    ) -> Result<Box<dyn LinearMemory>, String> {
        match self.make(ty, minimum, maximum, reserved_size_in_bytes, guard_size_in_bytes) {
            Ok(memory) => Ok(Box::new(memory)),
            Err(error) => Err(error.to_string()),
        }
    }
}

c_functions! {
    fn threadle_config_host_memory_creator_set(
        config: Option<&mut wasm_config_t>,
        creator: Option<&threadle_memory_creator_t>,
    ) {
        let creator = given(creator, "creator")?;
        let env = HostData { data: creator.env, finalizer: creator.finalizer };
        let new = given(creator.new_memory, "new_memory")?;
        given(config, "config")?.config.with_host_memory(Arc::new(Creator { env, new }));
        Ok(())
    }
}
