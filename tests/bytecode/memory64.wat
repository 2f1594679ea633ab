;; Indices of 64 bits are compared; what has no fast path is in slots.
(module
  (memory i64 1)
  (memory $other 1)
  (func (param i64 i32) (result i32)
    (i32.add (i32.load (local.get 0)) (i32.load $other (local.get 1)))))
;; ----
;; function 0
;;    10  wide_i32_load_ss dst=s6, addr=s-2, offset=0
;;    20  i32_load_m32 dst=s7, addr=s-1, memory=0x38, offset=0
;;    38  i32_add_aas rhs=s6
;;    48  ret_a to=s-2
