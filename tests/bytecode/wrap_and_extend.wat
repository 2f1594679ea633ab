;; `i32.wrap_i64` is nothing, and neither is `i64.extend_i32_u` of what is zero-extended already.
(module
  (func (param i64 i32) (result i64)
    (i64.extend_i32_u (i32.add (i32.wrap_i64 (local.get 0)) (local.get 1)))))
;; ----
;; function 0
;;    10  i32_add_ass lhs=s-2, rhs=s-1
;;    20  ret_a to=s-2
