//! Float registers: what they hold, and how handlers read and write it.
//!
//! On x86-64 and AArch64 a float register is the whole vector register. A narrower value is its first lane;
//! what the others hold is unspecified, and costs nothing to leave so. Where the convention passes no
//! vectors (`become`), it is two halves, which are put together where a vector is read and taken apart
//! where one is left, an instruction each; scalars only concern the lower one. Elsewhere it is an
//! integer as wide as a vector.

#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
pub use arch::{Vector, lanes, vector};
pub use reg::*;

/// What vector registers have in common: `Vector`, and a register class for inline assembly.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
macro_rules! vectors {
    ($vector:ty, $class:ident) => {
        /// 16 bytes that a register holds.
        pub type Vector = $vector;

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

        /// A vector that begins with this value. What else is in it is unspecified, which the optimiser may
        /// not be told: it would take what it knows nothing of for the value that suits it, at each place
        /// another one. So it is shown a register that comes from elsewhere, at no cost.
        #[inline(always)]
        #[cfg(not(dispatch = "loop"))]
        #[allow(asm_sub_register, reason = "the template is a comment")]
        pub fn beginning_with<T: Copy>(low: T) -> Vector {
            let mut register = core::mem::MaybeUninit::<Vector>::uninit();
            let vector;
            // SAFETY: the value fits, and the template is a comment.
            unsafe {
                register.as_mut_ptr().cast::<T>().write(low);
                core::arch::asm!(
                    "/* {0} */", inlateout($class) register => vector,
                    options(pure, nomem, nostack, preserves_flags)
                );
            }
            vector
        }

        /// A vector that begins with this value.
        #[inline(always)]
        #[cfg(dispatch = "loop")]
        pub fn beginning_with<T: Copy>(low: T) -> Vector {
            let mut register = from_u64(0);
            // SAFETY: the value fits.
            unsafe { (&raw mut register).cast::<T>().write(low) };
            register
        }
    };
}

#[cfg(target_arch = "x86_64")]
mod arch {
    use crate::sem::V128;
    use core::arch::x86_64::{
        __m128, _mm_castps_pd, _mm_castsi128_ps, _mm_cvtsd_f64, _mm_cvtsi64_si128, _mm_cvtss_f32,
    };

    vectors!(__m128, xmm_reg);

    #[inline(always)]
    pub fn low_f32(v: Vector) -> f32 {
        // SAFETY: SSE2 is part of the x86-64 baseline, here and below.
        unsafe { _mm_cvtss_f32(v) }
    }

    #[inline(always)]
    pub fn low_f64(v: Vector) -> f64 {
        // SAFETY: as above.
        unsafe { _mm_cvtsd_f64(_mm_castps_pd(v)) }
    }

    #[inline(always)]
    pub fn from_u64(bits: u64) -> Vector {
        // SAFETY: as above.
        unsafe { _mm_castsi128_ps(_mm_cvtsi64_si128(bits as i64)) }
    }

    #[inline(always)]
    #[cfg(registers = "sysv64")]
    pub fn low_u64(v: Vector) -> u64 {
        use core::arch::x86_64::{_mm_castps_si128, _mm_cvtsi128_si64};
        // SAFETY: as above.
        unsafe { _mm_cvtsi128_si64(_mm_castps_si128(v)) as u64 }
    }

    /// Both lanes the same: only the lower one counts.
    #[inline(always)]
    #[cfg(dispatch = "become")]
    pub fn from_f64(low: f64) -> Vector {
        use core::arch::x86_64::{_mm_castpd_ps, _mm_set1_pd};
        // SAFETY: as above.
        unsafe { _mm_castpd_ps(_mm_set1_pd(low)) }
    }

    #[inline(always)]
    #[cfg(dispatch = "become")]
    pub fn join(low: f64, high: f64) -> Vector {
        use core::arch::x86_64::{_mm_castpd_ps, _mm_set_pd};
        // SAFETY: as above.
        unsafe { _mm_castpd_ps(_mm_set_pd(high, low)) }
    }

    #[inline(always)]
    #[cfg(dispatch = "become")]
    pub fn high_f64(v: Vector) -> f64 {
        use core::arch::x86_64::_mm_unpackhi_pd;
        // SAFETY: as above.
        unsafe { _mm_cvtsd_f64(_mm_unpackhi_pd(_mm_castps_pd(v), _mm_castps_pd(v))) }
    }
}

#[cfg(target_arch = "aarch64")]
mod arch {
    use crate::sem::V128;
    use core::arch::aarch64::{
        float32x4_t, vdupq_n_u64, vgetq_lane_f32, vgetq_lane_f64, vreinterpretq_f32_u64,
        vreinterpretq_f64_f32, vsetq_lane_u64,
    };

    vectors!(float32x4_t, vreg);

    #[inline(always)]
    pub fn low_f32(v: Vector) -> f32 {
        // SAFETY: NEON is part of the AArch64 baseline, here and below.
        unsafe { vgetq_lane_f32::<0>(v) }
    }

    #[inline(always)]
    pub fn low_f64(v: Vector) -> f64 {
        // SAFETY: as above.
        unsafe { vgetq_lane_f64::<0>(vreinterpretq_f64_f32(v)) }
    }

    #[inline(always)]
    pub fn from_u64(bits: u64) -> Vector {
        // SAFETY: as above.
        unsafe { vreinterpretq_f32_u64(vsetq_lane_u64::<0>(bits, vdupq_n_u64(0))) }
    }

    /// Both lanes the same: only the lower one counts.
    #[inline(always)]
    #[cfg(dispatch = "become")]
    pub fn from_f64(low: f64) -> Vector {
        join(low, low)
    }

    #[inline(always)]
    #[cfg(dispatch = "become")]
    pub fn join(low: f64, high: f64) -> Vector {
        use core::arch::aarch64::{vdupq_n_f64, vreinterpretq_f32_f64, vsetq_lane_f64};
        // SAFETY: as above.
        unsafe { vreinterpretq_f32_f64(vsetq_lane_f64::<1>(high, vdupq_n_f64(low))) }
    }

    #[inline(always)]
    #[cfg(dispatch = "become")]
    pub fn high_f64(v: Vector) -> f64 {
        // SAFETY: as above.
        unsafe { vgetq_lane_f64::<1>(vreinterpretq_f64_f32(v)) }
    }
}

#[cfg(all(any(target_arch = "x86_64", target_arch = "aarch64"), not(dispatch = "become")))]
mod reg {
    use super::arch::{Vector, beginning_with, from_u64, lanes, low_f32, low_f64, vector};
    use crate::sem::V128;

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
    #[cfg(registers = "sysv64")]
    pub fn bits(r: FloatReg) -> u64 {
        super::arch::low_u64(r)
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

#[cfg(all(any(target_arch = "x86_64", target_arch = "aarch64"), dispatch = "become"))]
mod reg {
    use super::arch::{
        Vector, beginning_with, from_f64, from_u64, high_f64, join, lanes, low_f32, low_f64, vector,
    };
    use crate::sem::V128;

    /// A float register. Of `low`, the lower half counts. Kept apart, the halves are never a
    /// vector by mistake: the optimiser would put them together to change a lane.
    #[derive(Clone, Copy)]
    pub struct FloatReg {
        low: Vector,
        high: f64,
    }

    #[inline(always)]
    pub fn halves(low: f64, high: f64) -> FloatReg {
        FloatReg { low: from_f64(low), high }
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
        lanes(join(low_f64(r.low), r.high))
    }
    #[inline(always)]
    pub fn from_v128(v: V128) -> FloatReg {
        let low = vector(v);
        FloatReg { low, high: high_f64(low) }
    }
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
mod reg {
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
