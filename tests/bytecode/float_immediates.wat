;; Float constants on the right are immediates of eight bytes.
(module
  (func (param f64 f32) (result f64)
    (f64.add (f64.mul (local.get 0) (f64.const 0.5)) (f64.promote_f32 (f32.sub (local.get 1) (f32.const 2))))))
;; ----
;; function 0
;;    10  f64_mul_ssi dst=s6, lhs=s-2, rhs=0.5
;;    28  f32_sub_asi lhs=s-1, rhs=2.0
;;    40  f64_promote_f32_aa
;;    50  f64_add_aas rhs=s6
;;    60  ret_fa to=s-2
