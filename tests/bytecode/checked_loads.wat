;; Without guard pages accesses compare.
;; options: checked
(module
  (memory 1)
  (func (param i32) (result i64) (i64.load32_s offset=4 (local.get 0))))
;; ----
;; function 0
;;    10  checked_i64_load32_s_as addr=s-1, offset=4
;;    20  ret_a to=s-1
