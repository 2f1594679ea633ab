;; A result stays in the accumulator for as long as only the next instruction wants it.
(module
  (func (param i32 i32) (result i32)
    (i32.xor (i32.mul (i32.add (local.get 0) (local.get 1)) (local.get 1)) (i32.const 3))))
;; ----
;; function 0
;;    10  i32_add_ass lhs=s-2, rhs=s-1
;;    20  i32_mul_aas rhs=s-1
;;    30  i32_xor_aai rhs=3
;;    40  ret_a to=s-2
