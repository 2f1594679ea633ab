;; A local that is assigned while its old value is on the stack leaves it in the operand's home.
(module
  (func (param i32) (result i32)
    (local.get 0)
    (local.set 0 (i32.const 5))
    (i32.sub (local.get 0))))
;; ----
;; function 0
;;    10  mov_ss dst=s6, src=s-1
;;    20  mov_si dst=s-1, src=5
;;    30  i32_sub_ass lhs=s6, rhs=s-1
;;    40  ret_a to=s-1
