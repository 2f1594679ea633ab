;; The condition leads to the other arm if it fails; results meet in the home of the block's
;; operand.
(module
  (func (param i32 i32) (result i32)
    (if (result i32) (local.get 0)
      (then (i32.add (local.get 1) (i32.const 1)))
      (else (i32.const 7)))))
;; ----
;; function 0
;;    10  br_unless_s cond=s-2, to=@40
;;    20  i32_add_ssi dst=s6, lhs=s-1, rhs=1
;;    30  br to=@50
;;    40  mov_si dst=s6, src=7
;;    50  ret_s to=s-2, value=s6
