//! The fuel of a store, and the deadline of its epoch.

use core::num::NonZeroU64;
use core::sync::atomic::Ordering;

use super::VmStore;
use super::metering::Paid;
use crate::error::{Result, ensure};

impl VmStore {
    /// The fuel that is left.
    ///
    /// # Errors
    ///
    /// When the engine does not count fuel.
    pub fn fuel(&self) -> Result<u64> {
        ensure!(self.tunables.fuel, "fuel is not configured in this store");
        Ok(self.fuel.reserve.saturating_add(self.ctx.fuel as u64))
    }

    /// Sets the fuel that is left.
    ///
    /// # Errors
    ///
    /// As for [`VmStore::fuel`].
    pub fn set_fuel(&mut self, fuel: u64) -> Result<()> {
        self.fuel()?;
        let most = self.fuel.interval.map_or(u64::MAX, NonZeroU64::get).min(i64::MAX as u64);
        let injected = fuel.min(most);
        self.fuel.reserve = fuel - injected;
        self.ctx.fuel = injected as i64;
        Ok(())
    }

    /// Sets how much fuel is used up between two times that asynchronous calls yield.
    ///
    /// # Errors
    ///
    /// As for [`VmStore::fuel`], and when it is zero.
    pub fn set_fuel_interval(&mut self, interval: Option<u64>) -> Result<()> {
        let fuel = self.fuel()?;
        ensure!(interval != Some(0), "fuel_async_yield_interval must not be 0");
        self.fuel.interval = interval.and_then(NonZeroU64::new);
        self.set_fuel(fuel)
    }

    /// Pays for what code is about to do, as far as it goes.
    pub fn pay(&mut self, mut owed: u64) -> Paid {
        loop {
            let paid = owed.min(self.ctx.fuel as u64);
            self.ctx.fuel -= paid as i64;
            owed -= paid;
            if owed == 0 {
                return Paid::All;
            }
            if self.fuel.reserve == 0 {
                return Paid::Out(owed);
            }
            let reserve = self.fuel.reserve;
            // It is configured: there is a reserve.
            let _ = self.set_fuel(reserve);
            if self.fuel.interval.is_some() {
                return Paid::Yield(owed);
            }
        }
    }

    /// The engine's epoch.
    pub fn epoch(&self) -> u64 {
        self.tunables.epoch.load(Ordering::Relaxed)
    }

    /// Whether the epoch's deadline has been reached.
    pub fn is_late(&self) -> bool {
        self.epoch() >= self.epoch_deadline
    }

    /// Sets the epoch's deadline so many ticks ahead.
    pub fn set_epoch_deadline(&mut self, ticks: u64) {
        self.epoch_deadline = self.epoch().saturating_add(ticks);
        self.interrupt.set_limit(self.epoch_deadline);
    }

    /// Makes code look at the deadline again, after it obeyed a request.
    pub fn restore_limit(&self) {
        self.interrupt.set_limit(self.epoch_deadline);
    }
}
