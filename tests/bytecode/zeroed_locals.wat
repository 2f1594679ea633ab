;; Only locals that may be read before they are assigned are zeroed, as one run.
(module
  (func (param i32) (result i32) (local i32 i32 i32)
    (local.set 1 (local.get 0))
    (if (local.get 0) (then (local.set 2 (i32.const 1))))
    (i32.add (local.get 1) (local.get 2))))
;; ----
;; function 0
;;     0  zero_locals first=s7, count=1
;;    10  mov_ss dst=s6, src=s-1
;;    20  br_unless_s cond=s-1, to=@40
;;    30  mov_si dst=s7, src=1
;;    40  i32_add_ass lhs=s6, rhs=s7
;;    50  ret_a to=s-1
