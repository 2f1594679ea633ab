;; A trap known at translation names its code.
(module
  (func (param i32) (if (local.get 0) (then (unreachable)))))
;; ----
;; function 0
;;    10  br_unless_s cond=s-1, to=@30
;;    20  trap code=10
;;    30  ret
