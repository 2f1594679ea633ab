;; The offset of an access at a constant address takes the address in.
(module
  (memory 1)
  (func (param i32)
    (i32.store offset=8 (local.get 0) (i32.add (i32.load (i32.const 16)) (i32.load8_u offset=1 (local.get 0))))))
;; ----
;; function 0
;;    10  i32_load_sk dst=s7, offset=16
;;    20  i32_load8_u_as addr=s-1, offset=1
;;    30  i32_add_aas rhs=s7
;;    40  i32_store_sa addr=s-1, offset=8
;;    50  ret
