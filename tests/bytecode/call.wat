;; Arguments are put into their homes, which the callee's frame begins with; the result is in the
;; accumulator, too.
(module
  (func $f (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1)))
  (func (param i32) (result i32)
    (i32.mul (call $f (local.get 0) (i32.const 2)) (local.get 0))))
;; ----
;; function 0
;;    10  i32_add_ass lhs=s-2, rhs=s-1
;;    20  ret_a to=s-2
;; function 1
;;    10  mov_ss dst=s6, src=s-1
;;    20  mov_si dst=s7, src=2
;;    30  call frame=s8, func=0
;;    40  i32_mul_aas rhs=s-1
;;    50  ret_a to=s-1
