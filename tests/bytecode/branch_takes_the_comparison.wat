;; A comparison that only a branch wants becomes part of it.
(module
  (func (param i32 i32) (result i32)
    (block
      (br_if 0 (i32.lt_s (local.get 0) (local.get 1)))
      (return (i32.const 1)))
    (i32.const 2)))
;; ----
;; function 0
;;    10  br_i32_lt_s_ss lhs=s-2, rhs=s-1, to=@30
;;    20  ret_i to=s-2, value=1
;;    30  ret_i to=s-2, value=2
