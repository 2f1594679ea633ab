;; What can be a NaN is made the canonical one, in place and wherever the result is wanted; bits are not.
;; options: canonical-nans
(module
  (memory 1)
  (func (param f64 f64 i32) (result f64) (local f64)
    (loop
      (local.set 3 (f64.add (local.get 3) (f64.mul (local.get 0) (local.get 1))))
      (br_if 0 (local.tee 2 (i32.sub (local.get 2) (i32.const 1)))))
    (f64.neg (local.get 3)))
  (func (param f32 f32) (result f32 f64)
    (local.set 0 (f32.min (local.get 0) (local.get 1)))
    (local.get 0)
    (f64.promote_f32 (local.get 1)))
  (func (param v128 v128) (result v128)
    (v128.store (i32.const 0) (f32x4.sqrt (local.get 0)))
    (f64x2.pmin (f64x2.add (local.get 0) (local.get 1)) (local.get 0))))
;; ----
;; function 0
;;     0  zero_locals first=s9, count=1
;;    10  pin_ints src0=s-1, src1=s-1
;;    20  pin_floats src0=s9, src1=s9, src2=s9
;;    30  f64_mul_ass lhs=s-3, rhs=s-2
;;    40  f64_canonical_aa
;;    50  f64_add_aal
;;    60  f64_canonical_la
;;    70  i32_sub_lli rhs=1
;;    80  br_if_l to=@30
;;    90  f64_neg_al
;;    a0  ret_fa_rif to=s-3
;; function 1
;;    10  f32_min_ass lhs=s-2, rhs=s-1
;;    20  f32_canonical_sa dst=s-2
;;    30  f64_promote_f32_as src=s-1
;;    40  f64_canonical_aa
;;    50  mov2 dst=s6, src=s-2, dst2=s-2, src2=s6
;;    60  fmov_sa dst=s-1
;;    70  ret
;; function 2
;;    10  f32x4_sqrt_ss dst=s7, src=s-4
;;    20  f32x4_canonical_aa
;;    30  v128_store_ka offset=0
;;    40  f64x2_add_ass lhs=s-4, rhs=s-2
;;    50  f64x2_canonical_aa
;;    60  f64x2_pmin_sas dst=s6, rhs=s-4
;;    70  v128_mov_sa dst=s-4
;;    80  ret
