;; Code that can be interrupted looks at entry and around each loop; fuel is taken there.
;; options: interrupt fuel
(module
  (func (param i32) (loop (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))))
;; ----
;; function 0
;;    10  check_interrupt frame=s6, args=s6, x=0, y=0, z=0, func=27 <interrupted>
;;    30  consume_fuel x=1, to=@a8
;;    40  pin_ints src0=s-1, src1=s-1
;;    50  check_interrupt frame=s6, args=s6, x=0, y=0, z=0, func=27 <interrupted>
;;    70  consume_fuel x=5, to=@d8
;;    80  i32_sub_lli rhs=1
;;    90  br_if_l to=@50
;;    a0  ret_ri
;;    a8  call_runtime frame=s6, args=s6, x=1, y=0, z=0, func=26 <out_of_fuel>
;;    c8  return_fuel x=1, to=@30
;;    d8  call_runtime frame=s6, args=s6, x=5, y=0, z=0, func=26 <out_of_fuel>
;;    f8  return_fuel x=5, to=@70
