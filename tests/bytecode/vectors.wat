;; A vector is in the float accumulator or in two slots.
(module
  (memory 1)
  (func (param i32 v128) (result v128)
    (i32x4.add (i32x4.mul (v128.load (local.get 0)) (local.get 1)) (i32x4.splat (i32.const 3)))))
;; ----
;; function 0
;;    10  v128_load_as addr=s-3, offset=0
;;    20  i32x4_mul_sas dst=s6, rhs=s-2
;;    30  v128_const_a value=0x00000003000000030000000300000003
;;    50  i32x4_add_aas rhs=s6
;;    60  v128_mov_sa dst=s-3
;;    70  ret
