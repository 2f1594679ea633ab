;; Locals and constants are no instructions of their own: they are operands where they are used.
(module
  (func (param i32 i32) (result i32)
    (i32.add (local.get 0) (i32.sub (local.get 1) (i32.const 7)))))
;; ----
;; function 0
;;    10  i32_sub_asi lhs=s-1, rhs=7
;;    20  i32_add_aas rhs=s-2
;;    30  ret_a to=s-2
