;; An imported function is called through its place in the context.
(module
  (import "m" "f" (func $f (param i32) (result i64)))
  (func (param i32) (result i64) (call $f (i32.add (local.get 0) (i32.const 1)))))
;; ----
;; function 1
;;    10  i32_add_ssi dst=s6, lhs=s-1, rhs=1
;;    20  call_import frame=s7, args=s6, at=0x30
;;    30  ret_a to=s-1
