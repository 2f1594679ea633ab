;; `i32.eqz` of a comparison is the opposite comparison.
(module
  (func (param i32 i32) (result i32)
    (i32.eqz (i32.lt_s (local.get 0) (local.get 1)))))
;; ----
;; function 0
;;    10  i32_le_s_ass lhs=s-1, rhs=s-2
;;    20  ret_a to=s-2
