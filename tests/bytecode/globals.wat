;; Own globals are in the context, imported ones behind a pointer there.
(module
  (import "m" "g" (global $i (mut i32)))
  (global $g (mut f64) (f64.const 1))
  (func (param f64)
    (global.set $g (f64.add (global.get $g) (local.get 0)))
    (global.set $i (i32.add (global.get $i) (i32.const 1)))))
;; ----
;; function 0
;;    10  fglobal_get_a at=0x38
;;    20  f64_add_aas rhs=s-1
;;    30  fglobal_set_a at=0x38
;;    40  global_get_indirect dst=s6, at=0x30
;;    50  i32_add_ssi dst=s6, lhs=s6, rhs=1
;;    60  global_set_indirect at=0x30, value=s6
;;    70  ret
