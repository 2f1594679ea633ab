;; Where fuel is missing stands behind the function: a call, the accumulators as they were, and back to what takes
;; the fuel. An arm finds in an accumulator what was there before the branch.
;; options: fuel
(module
  (func (param i32 f64) (result i32) (local i32 f64)
    (local.set 2 (i32.mul (local.get 0) (i32.const 3)))
    (local.set 3 (f64.neg (local.get 1)))
    (if (result i32) (i32.gt_s (local.get 0) (i32.const 5))
      (then (i32.add (local.get 2) (i32.const 1)))
      (else (i32.sub (local.get 2) (i32.trunc_sat_f64_s (local.get 3)))))))
;; ----
;; function 0
;;    10  consume_fuel x=12, to=@c0
;;    20  i32_mul_ssi dst=s6, lhs=s-2, rhs=3
;;    30  f64_neg_ss dst=s7, src=s-1
;;    40  br_i32_le_s_si lhs=s-2, rhs=5, to=@80
;;    50  consume_fuel x=3, to=@f0
;;    60  i32_add_sai dst=s8, rhs=1
;;    70  br to=@b0
;;    80  consume_fuel x=4, to=@140
;;    90  i32_trunc_sat_f64_s_aa
;;    a0  i32_sub_ssa dst=s8, lhs=s6
;;    b0  ret_s to=s-2, value=s8
;;    c0  call_runtime frame=s8, args=s8, x=12, y=0, z=0, func=26 <out_of_fuel>
;;    e0  return_fuel x=12, to=@10
;;    f0  call_runtime frame=s8, args=s8, x=3, y=0, z=0, func=26 <out_of_fuel>
;;   110  mov_as src=s6
;;   120  fmov_as src=s7
;;   130  return_fuel x=3, to=@50
;;   140  call_runtime frame=s8, args=s8, x=4, y=0, z=0, func=26 <out_of_fuel>
;;   160  mov_as src=s6
;;   170  fmov_as src=s7
;;   180  return_fuel x=4, to=@80
