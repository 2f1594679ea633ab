;; A function reference in a slot.
(module
  (type $t (func (param i32) (result i32)))
  (func (param i32 (ref null $t)) (result i32) (call_ref $t (local.get 0) (local.get 1))))
;; ----
;; function 0
;;    10  mov_ss dst=s6, src=s-2
;;    20  call_ref frame=s7, func=s-1; references in s-1
;;    30  ret_a to=s-2
