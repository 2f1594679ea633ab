;; Several results are put where the parameters were.
(module
  (func (param i32 i32) (result i32 i32)
    (local.get 1) (local.get 0)))
;; ----
;; function 0
;;    10  mov2 dst=s6, src=s-1, dst2=s7, src2=s-2
;;    20  mov2 dst=s-2, src=s6, dst2=s-1, src2=s7
;;    30  ret
