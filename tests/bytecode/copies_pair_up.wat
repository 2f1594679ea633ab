;; Two slot copies in a row are one instruction.
(module
  (func (param i32 i32) (result i32) (local i32 i32)
    (local.set 2 (local.get 0))
    (local.set 3 (local.get 1))
    (i32.div_u (local.get 2) (local.get 3))))
;; ----
;; function 0
;;    10  mov2 dst=s6, src=s-2, dst2=s7, src2=s-1
;;    20  i32_div_u_ass lhs=s6, rhs=s7
;;    30  ret_a to=s-2
