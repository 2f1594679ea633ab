;; An `if` without `else` has nothing to jump over.
(module
  (func (param i32) (result i32) (local i32)
    (if (i32.eq (local.get 0) (i32.const 3)) (then (local.set 1 (i32.const 4))))
    (local.get 1)))
;; ----
;; function 0
;;     0  zero_locals first=s6, count=1
;;    10  br_i32_ne_si lhs=s-1, rhs=3, to=@30
;;    20  mov_si dst=s6, src=4
;;    30  ret_s to=s-1, value=s6
