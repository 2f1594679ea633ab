//! Fuel and epochs.

use core::fmt;
use core::pin::Pin;

use crate::caller::Caller;
use crate::error::Result;
use crate::prelude::*;
use crate::store::{AsContext, AsContextMut, Store, StoreContext, StoreContextMut};

/// What an epoch's deadline leads to: what the callback of [`Store::epoch_deadline_callback`] returns.
#[non_exhaustive]
pub enum UpdateDeadline {
    /// The code ends with [`Trap::Interrupt`](crate::Trap::Interrupt).
    Interrupt,
    /// The code goes on; its deadline is so many ticks ahead.
    Continue(u64),
    /// An asynchronous call yields to its executor, and a resumable one is suspended; when it goes
    /// on its deadline is so many ticks ahead. Other calls end with
    /// [`Trap::Interrupt`](crate::Trap::Interrupt).
    Yield(u64),
    /// The same, but an asynchronous call waits for the future.
    YieldCustom(u64, Pin<Box<dyn Future<Output = ()> + Send>>),
}

impl fmt::Debug for UpdateDeadline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            UpdateDeadline::Interrupt => f.write_str("Interrupt"),
            UpdateDeadline::Continue(ticks) => f.debug_tuple("Continue").field(ticks).finish(),
            UpdateDeadline::Yield(ticks) => f.debug_tuple("Yield").field(ticks).finish(),
            UpdateDeadline::YieldCustom(ticks, _) => {
                f.debug_tuple("YieldCustom").field(ticks).finish_non_exhaustive()
            }
        }
    }
}

impl<T: 'static> Store<T> {
    /// The fuel that is left; see [`Config::consume_fuel`](crate::Config::consume_fuel).
    ///
    /// # Errors
    ///
    /// When the engine does not count fuel.
    pub fn get_fuel(&self) -> Result<u64> {
        self.as_context().get_fuel()
    }

    /// Sets the fuel that is left. Code that needs more ends with
    /// [`Trap::OutOfFuel`](crate::Trap::OutOfFuel), but for resumable calls, which are suspended
    /// until there is more.
    ///
    /// ```
    /// # use threadle::*;
    /// # fn main() -> Result<()> {
    /// let engine = Engine::new(Config::new().consume_fuel(true))?;
    /// let module = Module::new(&engine, wat_or_wasm())?;
    /// let mut store = Store::new(&engine, ());
    /// let instance = Instance::new(&mut store, &module, &[])?;
    /// let run = instance.get_typed_func::<(), ()>(&mut store, "run")?;
    ///
    /// store.set_fuel(1000)?;
    /// run.call(&mut store, ())?; // Entering the function, a constant, and a call.
    /// assert_eq!(store.get_fuel()?, 1000 - 4);
    /// store.set_fuel(3)?;
    /// assert_eq!(run.call(&mut store, ()).unwrap_err().downcast::<Trap>()?, Trap::OutOfFuel);
    /// # Ok(())
    /// # }
    /// # fn wat_or_wasm() -> Vec<u8> {
    /// #     wat::parse_str(r#"(module
    /// #         (func (export "run") (drop (i32.const 1)) (call $f))
    /// #         (func $f))"#).unwrap()
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// When the engine does not count fuel.
    pub fn set_fuel(&mut self, fuel: u64) -> Result<()> {
        self.as_context_mut().set_fuel(fuel)
    }

    /// Has asynchronous calls yield to their executor whenever so much fuel has been used up. `None`,
    /// the default, is never.
    ///
    /// # Errors
    ///
    /// When the engine does not count fuel, or the interval is zero.
    pub fn fuel_async_yield_interval(&mut self, interval: Option<u64>) -> Result<()> {
        self.as_context_mut().fuel_async_yield_interval(interval)
    }

    /// Sets the deadline so many ticks ahead of the engine's epoch; see
    /// [`Config::epoch_interruption`](crate::Config::epoch_interruption).
    pub fn set_epoch_deadline(&mut self, ticks_beyond_current: u64) {
        self.as_context_mut().set_epoch_deadline(ticks_beyond_current);
    }

    /// Code whose deadline is reached ends with [`Trap::Interrupt`](crate::Trap::Interrupt): the
    /// default.
    pub fn epoch_deadline_trap(&mut self) {
        self.as_context_mut().epoch_deadline_trap();
    }

    /// Code whose deadline is reached calls `callback`, which says what happens. An error of it ends
    /// the code.
    pub fn epoch_deadline_callback(
        &mut self,
        callback: impl FnMut(StoreContextMut<'_, T>) -> Result<UpdateDeadline> + Send + Sync + 'static,
    ) {
        self.as_context_mut().0.user_mut().set_deadline_callback(Some(Box::new(callback)));
    }

    /// Code whose deadline is reached yields to the executor of its asynchronous call, and has the
    /// next deadline `delta` ticks after it goes on; see [`UpdateDeadline::Yield`].
    pub fn epoch_deadline_async_yield_and_update(&mut self, delta: u64) {
        self.as_context_mut().epoch_deadline_async_yield_and_update(delta);
    }
}

impl<T: 'static> StoreContext<'_, T> {
    /// See [`Store::get_fuel`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn get_fuel(&self) -> Result<u64> {
        self.0.vm().fuel()
    }
}

impl<T: 'static> StoreContextMut<'_, T> {
    /// See [`Store::get_fuel`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn get_fuel(&self) -> Result<u64> {
        self.0.vm().fuel()
    }

    /// See [`Store::set_fuel`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn set_fuel(&mut self, fuel: u64) -> Result<()> {
        self.0.vm_mut().set_fuel(fuel)
    }

    /// See [`Store::fuel_async_yield_interval`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn fuel_async_yield_interval(&mut self, interval: Option<u64>) -> Result<()> {
        self.0.vm_mut().set_fuel_interval(interval)?;
        if interval.is_some() {
            self.0.vm_mut().require_async();
        }
        Ok(())
    }

    /// See [`Store::set_epoch_deadline`].
    pub fn set_epoch_deadline(&mut self, ticks_beyond_current: u64) {
        self.0.vm_mut().set_epoch_deadline(ticks_beyond_current);
    }

    /// See [`Store::epoch_deadline_trap`].
    pub fn epoch_deadline_trap(&mut self) {
        self.0.user_mut().set_deadline_callback(None);
    }

    /// See [`Store::epoch_deadline_async_yield_and_update`].
    pub fn epoch_deadline_async_yield_and_update(&mut self, delta: u64) {
        let callback = move |_: StoreContextMut<'_, T>| Ok(UpdateDeadline::Yield(delta));
        self.0.user_mut().set_deadline_callback(Some(Box::new(callback)));
        self.0.vm_mut().require_async();
    }
}

impl<T: 'static> Caller<'_, T> {
    /// See [`Store::get_fuel`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn get_fuel(&self) -> Result<u64> {
        self.as_context().get_fuel()
    }

    /// See [`Store::set_fuel`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn set_fuel(&mut self, fuel: u64) -> Result<()> {
        self.as_context_mut().set_fuel(fuel)
    }

    /// See [`Store::fuel_async_yield_interval`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn fuel_async_yield_interval(&mut self, interval: Option<u64>) -> Result<()> {
        self.as_context_mut().fuel_async_yield_interval(interval)
    }
}
