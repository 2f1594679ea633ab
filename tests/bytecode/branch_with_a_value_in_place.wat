;; A value that is in its place already costs a branch nothing but its store.
(module
  (func (param i32 i32) (result i32)
    (block (result i32)
      (br_if 0 (i32.add (local.get 0) (i32.const 1)) (local.get 1))
      (i32.mul (i32.const 3)))))
;; ----
;; function 0
;;    10  i32_add_ssi dst=s6, lhs=s-2, rhs=1
;;    20  br_if_s cond=s-1, to=@40
;;    30  i32_mul_sai dst=s6, rhs=3
;;    40  ret_s to=s-2, value=s6
