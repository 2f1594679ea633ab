;; The parameters of a loop are in their homes whenever it is entered.
(module
  (func (param i32) (result i32)
    (i32.const 0)
    (loop (param i32) (result i32)
      (i32.add (local.get 0))
      (br_if 0 (local.get 0)))))
;; ----
;; function 0
;;    10  pin_ints src0=s-1, src1=s-1
;;    20  mov_si dst=s6, src=0
;;    30  i32_add_sls dst=s6, rhs=s6
;;    40  br_if_l to=@30
;;    50  ret_a_ri to=s-1
