//! Stores, contexts and callers.

use core::ffi::{CStr, c_char, c_void};
use core::mem::MaybeUninit;
use std::sync::Arc;

use threadle::{InterruptHandle, Result, StoreLimitsBuilder, ensure};

use super::error::MaybeError;
use super::externs::threadle_extern_t;
use crate::context::{StoreCell, StoreRef};
use crate::engine::wasm_engine_t;
use crate::foreign::{Finalizer, HostData};
use crate::guard::{c_functions, given};
use crate::vec::slice;

/// C's context is the cell: the same pointer for all who use the store.
pub type threadle_context_t = StoreCell;

pub struct threadle_store_t {
    cell: StoreRef,
}

impl threadle_store_t {
    pub(super) fn cell(&self) -> &StoreRef {
        &self.cell
    }
}

pub struct threadle_interrupt_handle_t {
    handle: InterruptHandle,
}

/// What a host function gets to know about its call. It is the context too, but only while the
/// function runs.
#[repr(transparent)]
pub struct threadle_caller_t(pub(super) StoreCell);

/// The limit that C gives as a number that is negative if there is none.
fn limit(number: i64) -> Option<usize> {
    u64::try_from(number).ok().map(|limit| usize::try_from(limit).unwrap_or(usize::MAX))
}

/// A name that C gives by address and length.
pub(super) fn name<'a>(data: *const u8, size: usize) -> Result<&'a str> {
    ensure!(!data.is_null() || size == 0, "the name is null");
    // SAFETY: C passes the address of `size` bytes, which stay until the function returns.
    Ok(str::from_utf8(unsafe { slice(data, size) })?)
}

/// A string of C's.
pub(super) fn text<'a>(text: *const c_char, name: &str) -> Result<&'a str> {
    given((!text.is_null()).then_some(()), name)?;
    // SAFETY: C passes a string that ends with a null character and stays until the call returns.
    Ok(unsafe { CStr::from_ptr(text) }.to_str()?)
}

c_functions! {
    fn threadle_store_new(
        engine: Option<&wasm_engine_t>,
        data: *mut c_void,
        finalizer: Finalizer,
    ) -> Option<Box<threadle_store_t>> {
        let user = HostData { data, finalizer };
        let cell = StoreCell::new(&given(engine, "engine")?.engine, user)?;
        Ok(Some(Box::new(threadle_store_t { cell })))
    }

    fn threadle_store_delete(store: Option<Box<threadle_store_t>>) {
        if let Some(store) = store {
            // Its own code is still running: it has to stay. (A future keeps it.)
            if !store.cell.is_idle() {
                core::mem::forget(store);
            }
        }
        Ok(())
    }

    fn threadle_store_context(store: Option<&threadle_store_t>) -> *const threadle_context_t {
        Ok(Arc::as_ptr(&given(store, "store")?.cell))
    }

    fn threadle_store_limiter(
        store: Option<&threadle_store_t>,
        memory_size: i64,
        table_elements: i64,
        instances: i64,
        tables: i64,
        memories: i64,
    ) {
        let mut limits = StoreLimitsBuilder::new()
            .instances(limit(instances).unwrap_or(usize::MAX))
            .tables(limit(tables).unwrap_or(usize::MAX))
            .memories(limit(memories).unwrap_or(usize::MAX));
        if let Some(bytes) = limit(memory_size) {
            limits = limits.memory_size(bytes);
        }
        if let Some(elements) = limit(table_elements) {
            limits = limits.table_elements(elements);
        }
        given(store, "store")?.cell.with_store(|store| {
            store.data_mut().limits = limits.build();
            // The numbers of objects are read once, now.
            store.limiter(|data| &mut data.limits);
            Ok(())
        })
    }

    fn threadle_context_get_data(context: Option<&threadle_context_t>) -> *mut c_void {
        given(context, "context")?.with(|cx| Ok(cx.data().user.data))
    }

    fn threadle_context_set_data(context: Option<&threadle_context_t>, data: *mut c_void) {
        given(context, "context")?.with(|cx| {
            cx.data_mut().user.data = data;
            Ok(())
        })
    }

    fn threadle_context_gc(context: Option<&threadle_context_t>) -> MaybeError {
        given(context, "context")?.with(|cx| {
            cx.gc(None)?;
            Ok(MaybeError::NONE)
        })
    }

    fn threadle_context_interrupt_handle(
        context: Option<&threadle_context_t>,
    ) -> Option<Box<threadle_interrupt_handle_t>> {
        let handle = given(context, "context")?.interrupt_handle();
        Ok(Some(Box::new(threadle_interrupt_handle_t { handle })))
    }

    fn threadle_interrupt_handle_interrupt(handle: Option<&threadle_interrupt_handle_t>) {
        given(handle, "handle")?.handle.interrupt();
        Ok(())
    }

    fn threadle_interrupt_handle_delete(handle: Option<Box<threadle_interrupt_handle_t>>) {
        drop(handle);
        Ok(())
    }

    fn threadle_caller_context(caller: Option<&threadle_caller_t>) -> Option<&threadle_context_t> {
        Ok(Some(&given(caller, "caller")?.0))
    }

    fn threadle_caller_export_get(
        caller: Option<&threadle_caller_t>,
        name_data: *const u8,
        name_size: usize,
        out: Option<&mut MaybeUninit<threadle_extern_t>>,
    ) -> bool {
        let name = name(name_data, name_size)?;
        let out = given(out, "item")?;
        given(caller, "caller")?.0.with_caller(|caller| {
            let Some(item) = caller.get_export(name) else { return Ok(false) };
            out.write(threadle_extern_t::new(caller.data_mut(), item)?);
            Ok(true)
        })
    }
}

#[cfg(feature = "wasi")]
c_functions! {
    fn threadle_context_set_wasi(
        context: Option<&threadle_context_t>,
        config: Option<Box<super::wasi::wasi_config_t>>,
    ) -> MaybeError {
        let (context, config) = (given(context, "context")?, given(config, "wasi")?);
        context.with(|cx| {
            cx.data_mut().wasi = Some(config.build());
            Ok(MaybeError::NONE)
        })
    }
}
