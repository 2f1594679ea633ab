//! Float registers: what they hold, and how handlers read and write it.
//!
//! On x86-64 a float register is the whole vector register. A narrower value is its first lane; what the others
//! hold is unspecified, and costs nothing to leave so. Where the convention passes no
//! vectors (`become`), it is two halves, which are put together where a vector is read and taken apart
//! where one is left, an instruction each; scalars only concern the lower one. Elsewhere it is an
//! integer as wide as a vector.

pub use imp::*;

#[cfg(target_arch = "x86_64")]
mod imp {
    use crate::sem::V128;
    use core::arch::x86_64::{
        __m128, _mm_castps_pd, _mm_castsi128_ps, _mm_cvtsd_f64, _mm_cvtsi64_si128, _mm_cvtss_f32,
    };

    /// 16 bytes that a register holds.
    pub type Vector = __m128;

    #[inline(always)]
    pub fn vector(v: V128) -> Vector {
        // SAFETY: 16 bytes, of which every pattern is a value of both types.
        unsafe { core::mem::transmute::<V128, Vector>(v) }
    }

    #[inline(always)]
    pub fn lanes(v: Vector) -> V128 {
        // SAFETY: as above.
        unsafe { core::mem::transmute::<Vector, V128>(v) }
    }

    #[inline(always)]
    fn low_f32(v: Vector) -> f32 {
        // SAFETY: SSE2 is part of the x86-64 baseline, here and below.
        unsafe { _mm_cvtss_f32(v) }
    }

    /// A vector that begins with this value. What else is in it is unspecified, which the optimiser may
    /// not be told: it would take what it knows nothing of for the value that suits it, at each place
    /// another one. So it is shown a register that comes from elsewhere, at no cost.
    #[inline(always)]
    #[cfg(not(dispatch = "loop"))]
    fn beginning_with<T: Copy>(low: T) -> Vector {
        let mut register = core::mem::MaybeUninit::<Vector>::uninit();
        let vector;
        // SAFETY: the value fits, and the template is a comment.
        unsafe {
            register.as_mut_ptr().cast::<T>().write(low);
            core::arch::asm!(
                "/* {0} */", inlateout(xmm_reg) register => vector,
                options(pure, nomem, nostack, preserves_flags)
            );
        }
        vector
    }

    /// A vector that begins with this value.
    #[inline(always)]
    #[cfg(dispatch = "loop")]
    fn beginning_with<T: Copy>(low: T) -> Vector {
        let mut register = from_u64(0);
        // SAFETY: the value fits.
        unsafe { (&raw mut register).cast::<T>().write(low) };
        register
    }

    #[inline(always)]
    fn low_f64(v: Vector) -> f64 {
        // SAFETY: as above.
        unsafe { _mm_cvtsd_f64(_mm_castps_pd(v)) }
    }

    #[inline(always)]
    fn from_u64(bits: u64) -> Vector {
        // SAFETY: as above.
        unsafe { _mm_castsi128_ps(_mm_cvtsi64_si128(bits as i64)) }
    }

    #[cfg(not(dispatch = "become"))]
    mod reg {
        use super::*;

        /// A float register.
        pub type FloatReg = Vector;

        #[inline(always)]
        pub fn get_f32(r: FloatReg) -> f32 {
            low_f32(r)
        }
        #[inline(always)]
        pub fn set_f32(_: FloatReg, v: f32) -> FloatReg {
            beginning_with(v)
        }
        #[inline(always)]
        pub fn get_f64(r: FloatReg) -> f64 {
            low_f64(r)
        }
        #[inline(always)]
        pub fn set_f64(_: FloatReg, v: f64) -> FloatReg {
            beginning_with(v)
        }
        #[inline(always)]
        pub fn from_bits(bits: u64) -> FloatReg {
            from_u64(bits)
        }
        #[inline(always)]
        #[cfg(dispatch = "sibling")]
        pub fn bits(r: FloatReg) -> u64 {
            use core::arch::x86_64::{_mm_castps_si128, _mm_cvtsi128_si64};
            // SAFETY: as above.
            unsafe { _mm_cvtsi128_si64(_mm_castps_si128(r)) as u64 }
        }
        #[inline(always)]
        pub fn get_v128(r: FloatReg) -> V128 {
            lanes(r)
        }
        #[inline(always)]
        pub fn from_v128(v: V128) -> FloatReg {
            vector(v)
        }
    }

    #[cfg(dispatch = "become")]
    mod reg {
        use super::*;
        use core::arch::x86_64::{_mm_castpd_ps, _mm_set_pd, _mm_set1_pd, _mm_unpackhi_pd};

        /// A float register. Of `low`, the lower half counts. Kept apart, the halves are never a
        /// vector by mistake: the optimiser would put them together to change a lane.
        #[derive(Clone, Copy)]
        pub struct FloatReg {
            low: Vector,
            high: f64,
        }

        #[inline(always)]
        pub fn halves(low: f64, high: f64) -> FloatReg {
            // SAFETY: as above.
            FloatReg { low: unsafe { _mm_castpd_ps(_mm_set1_pd(low)) }, high }
        }
        #[inline(always)]
        pub fn low_half(low: f64) -> FloatReg {
            halves(low, 0.0)
        }
        #[inline(always)]
        pub fn get_high(r: FloatReg) -> f64 {
            r.high
        }
        #[inline(always)]
        pub fn get_f32(r: FloatReg) -> f32 {
            low_f32(r.low)
        }
        #[inline(always)]
        pub fn set_f32(r: FloatReg, v: f32) -> FloatReg {
            FloatReg { low: beginning_with(v), ..r }
        }
        #[inline(always)]
        pub fn get_f64(r: FloatReg) -> f64 {
            low_f64(r.low)
        }
        #[inline(always)]
        pub fn set_f64(r: FloatReg, v: f64) -> FloatReg {
            halves(v, r.high)
        }
        #[inline(always)]
        pub fn from_bits(bits: u64) -> FloatReg {
            FloatReg { low: from_u64(bits), high: 0.0 }
        }
        #[inline(always)]
        pub fn get_v128(r: FloatReg) -> V128 {
            // SAFETY: as above.
            lanes(unsafe { _mm_castpd_ps(_mm_set_pd(r.high, low_f64(r.low))) })
        }
        #[inline(always)]
        pub fn from_v128(v: V128) -> FloatReg {
            let low = vector(v);
            // SAFETY: as above.
            let high =
                unsafe { _mm_cvtsd_f64(_mm_unpackhi_pd(_mm_castps_pd(low), _mm_castps_pd(low))) };
            FloatReg { low, high }
        }
    }

    pub use reg::*;
}

#[cfg(not(target_arch = "x86_64"))]
mod imp {
    use crate::sem::V128;

    /// 16 bytes that a register holds.
    pub type Vector = u128;

    /// A float register.
    pub type FloatReg = Vector;

    #[inline(always)]
    pub fn vector(v: V128) -> Vector {
        v.to_bits()
    }
    #[inline(always)]
    pub fn get_f32(r: FloatReg) -> f32 {
        f32::from_bits(r as u32)
    }
    #[inline(always)]
    pub fn set_f32(_: FloatReg, v: f32) -> FloatReg {
        FloatReg::from(v.to_bits())
    }
    #[inline(always)]
    pub fn get_f64(r: FloatReg) -> f64 {
        f64::from_bits(r as u64)
    }
    #[inline(always)]
    pub fn set_f64(_: FloatReg, v: f64) -> FloatReg {
        FloatReg::from(v.to_bits())
    }
    #[inline(always)]
    pub fn from_bits(bits: u64) -> FloatReg {
        FloatReg::from(bits)
    }
    #[inline(always)]
    #[cfg(dispatch = "become")]
    pub fn halves(low: f64, high: f64) -> FloatReg {
        FloatReg::from(low.to_bits()) | (FloatReg::from(high.to_bits()) << 64)
    }
    #[inline(always)]
    #[cfg(dispatch = "become")]
    pub fn low_half(low: f64) -> FloatReg {
        FloatReg::from(low.to_bits())
    }
    #[inline(always)]
    #[cfg(dispatch = "become")]
    pub fn get_high(r: FloatReg) -> f64 {
        f64::from_bits((r >> 64) as u64)
    }
    #[inline(always)]
    pub fn get_v128(r: FloatReg) -> V128 {
        V128::from_bits(r)
    }
    #[inline(always)]
    pub fn from_v128(v: V128) -> FloatReg {
        v.to_bits()
    }
}

/// A register that holds zero.
#[inline(always)]
#[cfg(dispatch = "loop")]
pub fn zero() -> FloatReg {
    from_bits(0)
}
