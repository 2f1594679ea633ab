;; `local.tee` leaves the local itself on the stack, not a copy.
(module
  (func (param i32) (result i32) (local i32)
    (i32.add (local.tee 1 (i32.clz (local.get 0))) (local.get 1))))
;; ----
;; function 0
;;    10  i32_clz_ss dst=s6, src=s-1
;;    20  i32_add_aas rhs=s6
;;    30  ret_a to=s-1
