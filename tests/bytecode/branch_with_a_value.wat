;; What a branch carries is put where the target expects it, on the way out of line.
(module
  (func (param i32 i32) (result i32)
    (block (result i32)
      (i32.const 1)
      (drop (br_if 0 (local.get 1) (local.get 0)))
      (drop)
      (i32.const 2))))
;; ----
;; function 0
;;    10  br_unless_s cond=s-2, to=@40
;;    20  mov_ss dst=s6, src=s-1
;;    30  br to=@50
;;    40  mov_si dst=s6, src=2
;;    50  ret_s to=s-2, value=s6
