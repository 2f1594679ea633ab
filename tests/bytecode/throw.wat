;; A runtime function makes the exception; nothing behind it is reached.
(module
  (tag $e (param i32 i64))
  (func (param i32) (throw $e (local.get 0) (i64.const 2))))
;; ----
;; function 0
;;    10  mov_si dst=s7, src=2
;;    20  mov_ss dst=s6, src=s-1
;;    30  call_runtime frame=s8, args=s6, x=0, y=2, z=0, func=24 <throw>
