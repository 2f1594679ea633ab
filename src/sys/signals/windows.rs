//! The twin of `unix.rs` for Windows: a vectored exception handler, which runs before all handlers that
//! frames have. See the twin for how it knows a fault that is a trap.

use windows_sys::Win32::Foundation::{EXCEPTION_ACCESS_VIOLATION, EXCEPTION_IN_PAGE_ERROR};
use windows_sys::Win32::System::Diagnostics::Debug::{
    AddVectoredExceptionHandler, CONTEXT, EXCEPTION_CONTINUE_EXECUTION, EXCEPTION_CONTINUE_SEARCH,
    EXCEPTION_POINTERS,
};

mod regions;
mod table;

pub use regions::GuardedRegion;
pub use table::SignalTable;

/// See the twin.
pub const SUPPORTED: bool = true;

/// Installs the handler for the process, once. Later calls only replace the table.
///
/// # Panics
///
/// If the system refuses.
///
/// # Safety
///
/// `landing` answers with addresses of code that goes on with the registers of the code that it was
/// asked about, and may be called from a handler of exceptions.
pub unsafe fn install(table: &'static SignalTable) {
    let install = || {
        // SAFETY: the handler has the signature that is asked for, and is never removed.
        let handle = unsafe { AddVectoredExceptionHandler(1, Some(on_exception)) };
        assert!(!handle.is_null(), "cannot install an exception handler");
    };
    // SAFETY: the caller's promise.
    unsafe { table::declare(table, install) };
}

/// Windows keeps room for its handlers on the thread's own stack.
pub fn prepare_thread() {}

unsafe extern "system" fn on_exception(exception: *mut EXCEPTION_POINTERS) -> i32 {
    // SAFETY: the system passes valid pointers.
    unsafe {
        let record = &*(*exception).ExceptionRecord;
        if !matches!(record.ExceptionCode, EXCEPTION_ACCESS_VIOLATION | EXCEPTION_IN_PAGE_ERROR)
            || record.NumberParameters < 2
        {
            return EXCEPTION_CONTINUE_SEARCH;
        }
        let pc = program_counter((*exception).ContextRecord);
        let address = record.ExceptionInformation[1];
        if let Some(landing) = table::landing(address, pc.read() as usize) {
            pc.write(landing as u64);
            return EXCEPTION_CONTINUE_EXECUTION;
        }
    }
    EXCEPTION_CONTINUE_SEARCH
}

/// Where a context has the address of the instruction, at which execution goes on.
///
/// # Safety
///
/// The context is what the system passed to the exception handler.
unsafe fn program_counter(context: *mut CONTEXT) -> *mut u64 {
    // SAFETY: the caller's promise.
    unsafe {
        #[cfg(target_arch = "x86_64")]
        return &raw mut (*context).Rip;
        #[cfg(target_arch = "aarch64")]
        return &raw mut (*context).Pc;
    }
}
