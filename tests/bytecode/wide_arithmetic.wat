;; 128 bits are two slots, and the high half is in the accumulator.
(module
  (func (param i64 i64) (result i64)
    (i64.mul_wide_u (local.get 0) (local.get 1))
    (i64.xor)))
;; ----
;; function 0
;;    10  i64_mul_wide_u dst=s6, lhs=s-2, rhs=s-1
;;    20  i64_xor_aas rhs=s6
;;    30  ret_a to=s-2
