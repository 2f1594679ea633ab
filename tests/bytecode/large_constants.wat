;; Constants beyond 32 bits are loaded; smaller ones are immediates.
(module
  (func (param i64) (result i64)
    (i64.xor (i64.add (local.get 0) (i64.const 0x7fffffff)) (i64.const 0x123456789abcdef0))))
;; ----
;; function 0
;;    10  i64_add_ssi dst=s6, lhs=s-1, rhs=2147483647
;;    20  const_s dst=s7, value=0x123456789abcdef0
;;    38  i64_xor_ass lhs=s6, rhs=s7
;;    48  ret_a to=s-1
