//! Fuel and epochs.

use core::ffi::c_void;
use core::mem::MaybeUninit;

use threadle::{Result, StoreContextMut, UpdateDeadline, bail};

use super::error::{MaybeError, threadle_error_t};
use super::store::{threadle_context_t, threadle_store_t};
use crate::context::{Data, StoreCell};
use crate::engine::wasm_engine_t;
use crate::foreign::{Finalizer, HostData};
use crate::guard::{c_functions, given};

type Context<'a> = Option<&'a threadle_context_t>;

/// What is called when a deadline is reached.
type Callback = extern "C" fn(
    &threadle_context_t,
    *mut c_void,
    &mut u64,
    &mut u8,
) -> Option<Box<threadle_error_t>>;

const CONTINUE: u8 = 0;
const YIELD: u8 = 1;

fn reached(
    mut cx: StoreContextMut<'_, Data>,
    callback: Callback,
    env: &HostData,
) -> Result<UpdateDeadline> {
    let (mut ticks, mut kind) = (0, CONTINUE);
    let lend = StoreCell::lend_context(&mut cx);
    if let Some(error) = callback(lend.cell(), env.data, &mut ticks, &mut kind) {
        return Err(error.error);
    }
    match kind {
        CONTINUE => Ok(UpdateDeadline::Continue(ticks)),
        YIELD => Ok(UpdateDeadline::Yield(ticks)),
        _ => bail!("there is no way {kind} to go on after a deadline"),
    }
}

c_functions! {
    fn threadle_engine_increment_epoch(engine: Option<&wasm_engine_t>) {
        given(engine, "engine")?.engine.increment_epoch();
        Ok(())
    }

    fn threadle_context_set_fuel(context: Context<'_>, fuel: u64) -> MaybeError {
        given(context, "context")?.with(|cx| cx.set_fuel(fuel).map(|()| MaybeError::NONE))
    }

    fn threadle_context_get_fuel(
        context: Context<'_>,
        fuel: Option<&mut MaybeUninit<u64>>,
    ) -> MaybeError {
        let out = given(fuel, "fuel")?;
        out.write(0);
        given(context, "context")?.with(|cx| {
            out.write(cx.get_fuel()?);
            Ok(MaybeError::NONE)
        })
    }

    fn threadle_context_fuel_async_yield_interval(
        context: Context<'_>,
        interval: u64,
    ) -> MaybeError {
        let interval = (interval != 0).then_some(interval);
        given(context, "context")?.with(|cx| {
            cx.fuel_async_yield_interval(interval).map(|()| MaybeError::NONE)
        })
    }

    fn threadle_context_set_epoch_deadline(context: Context<'_>, ticks_beyond_current: u64) {
        given(context, "context")?.with(|cx| {
            cx.set_epoch_deadline(ticks_beyond_current);
            Ok(())
        })
    }

    fn threadle_context_epoch_deadline_async_yield_and_update(
        context: Context<'_>,
        delta: u64,
    ) -> MaybeError {
        given(context, "context")?.with(|cx| {
            cx.epoch_deadline_async_yield_and_update(delta);
            Ok(MaybeError::NONE)
        })
    }

    fn threadle_store_epoch_deadline_callback(
        store: Option<&threadle_store_t>,
        callback: Option<Callback>,
        data: *mut c_void,
        finalizer: Finalizer,
    ) {
        let env = HostData { data, finalizer };
        given(store, "store")?.cell().with_store(|store| {
            match callback {
                Some(callback) => {
                    store.epoch_deadline_callback(move |cx| reached(cx, callback, &env));
                }
                None => store.epoch_deadline_trap(),
            }
            Ok(())
        })
    }
}
