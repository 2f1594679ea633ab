;; Under a debugger every operator has an instruction of its own, which stores its result.
;; options: readable
(module
  (func (param i32 i32) (result i32)
    (local.set 0 (i32.add (i32.mul (local.get 0) (local.get 1)) (i32.const 3)))
    (block
      (br_if 0 (i32.lt_s (local.get 0) (local.get 1)))
      (return (i32.const 1)))
    (i32.const 2)))
;; ----
;; function 0
;;    10  i32_mul_sss dst=s6, lhs=s-2, rhs=s-1
;;    20  i32_add_ssi dst=s6, lhs=s6, rhs=3
;;    30  mov_ss dst=s-2, src=s6
;;    40  i32_lt_s_sss dst=s6, lhs=s-2, rhs=s-1
;;    50  br_if_s cond=s6, to=@70
;;    60  ret_i to=s-2, value=1
;;    70  ret_i to=s-2, value=2
