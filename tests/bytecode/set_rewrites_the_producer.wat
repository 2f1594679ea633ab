;; `local.set` behind a producer makes that write the local, and the accumulator still has the
;; value.
(module
  (func (param i32 i32) (result i32) (local i32)
    (local.set 2 (i32.add (local.get 0) (local.get 1)))
    (i32.mul (local.get 2) (local.get 0))))
;; ----
;; function 0
;;    10  i32_add_sss dst=s6, lhs=s-2, rhs=s-1
;;    20  i32_mul_aas rhs=s-2
;;    30  ret_a to=s-2
