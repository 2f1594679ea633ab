;; Three float locals have registers, too.
(module
  (func (param f64 f64 i32) (result f64) (local f64)
    (loop
      (local.set 3 (f64.add (local.get 3) (f64.mul (local.get 0) (local.get 1))))
      (br_if 0 (local.tee 2 (i32.sub (local.get 2) (i32.const 1)))))
    (local.get 3)))
;; ----
;; function 0
;;     0  zero_locals first=s9, count=1
;;    10  pin_ints src0=s-1, src1=s-1
;;    20  pin_floats src0=s9, src1=s9, src2=s9
;;    30  f64_mul_ass lhs=s-3, rhs=s-2
;;    40  f64_add_lal
;;    50  i32_sub_lli rhs=1
;;    60  br_if_l to=@30
;;    70  ret_fl_rif to=s-3
