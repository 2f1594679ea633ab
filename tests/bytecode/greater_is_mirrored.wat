;; Between slots there is no `gt`: `lt` with the sides exchanged.
(module
  (func (param i32 i32) (result i32)
    (i32.gt_u (local.get 0) (local.get 1))))
;; ----
;; function 0
;;    10  i32_lt_u_ass lhs=s-1, rhs=s-2
;;    20  ret_a to=s-2
