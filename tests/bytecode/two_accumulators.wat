;; Integers and floats do not spill each other.
(module
  (func (param i32 f64) (result f64)
    (f64.add
      (f64.mul (local.get 1) (local.get 1))
      (f64.convert_i32_s (i32.add (local.get 0) (i32.const 1))))))
;; ----
;; function 0
;;    10  f64_mul_sss dst=s6, lhs=s-1, rhs=s-1
;;    20  i32_add_asi lhs=s-2, rhs=1
;;    30  f64_convert_i32_s_aa
;;    40  f64_add_aas rhs=s6
;;    50  ret_fa to=s-2
