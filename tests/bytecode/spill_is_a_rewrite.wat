;; A result that is wanted after the accumulator was needed again is stored by its producer.
(module
  (func (param i32 i32) (result i32)
    (i32.mul
      (i32.add (local.get 0) (local.get 1))
      (i32.sub (local.get 0) (local.get 1)))))
;; ----
;; function 0
;;    10  i32_add_sss dst=s6, lhs=s-2, rhs=s-1
;;    20  i32_sub_ass lhs=s-2, rhs=s-1
;;    30  i32_mul_aas rhs=s6
;;    40  ret_a to=s-2
