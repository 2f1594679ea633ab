//! Traps at a known line, in a function that is inlined into its caller.
#![no_std]

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    core::arch::wasm32::unreachable()
}

mod shapes {
    pub struct Cells<'c>(pub &'c [u32]);

    impl Cells<'_> {
        #[inline(always)]
        pub fn checked(&self, at: usize) -> u32 {
            if at >= self.0.len() {
                core::arch::wasm32::unreachable() // the line
            }
            self.0[at]
        }
    }
}

#[inline(never)]
fn middle(cells: &shapes::Cells<'_>, at: usize) -> u32 {
    cells.checked(at) + 1 // the inlined call
}

#[unsafe(no_mangle)]
pub extern "C" fn run(at: usize) -> u32 {
    middle(&shapes::Cells(&[1, 2, 3]), at)
}
