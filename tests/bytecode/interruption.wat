;; Code that can be interrupted looks at entry and around each loop; fuel is taken there.
;; options: interrupt fuel
(module
  (func (param i32) (loop (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))))
;; ----
;; function 0
;;    10  check_interrupt
;;    18  consume_fuel amount=1
;;    28  pin_ints src0=s-1, src1=s-1
;;    38  check_interrupt
;;    40  consume_fuel amount=1
;;    50  i32_sub_lli rhs=1
;;    60  br_if_l to=@38
;;    70  ret_ri
