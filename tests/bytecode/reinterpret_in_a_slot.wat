;; A value in a slot is read as the other kind without an instruction.
(module
  (func (param f32) (result i32)
    (i32.add (i32.reinterpret_f32 (local.get 0)) (i32.const 1))))
;; ----
;; function 0
;;    10  i32_add_asi lhs=s-1, rhs=1
;;    20  ret_a to=s-1
