;; An `and` that only a branch wants becomes a bit test.
(module
  (func (param i32) (result i32)
    (block
      (br_if 0 (i32.and (local.get 0) (i32.const 4)))
      (return (i32.const 1)))
    (i32.const 2)))
;; ----
;; function 0
;;    10  br_i32_test_si lhs=s-1, rhs=4, to=@30
;;    20  ret_i to=s-1, value=1
;;    30  ret_i to=s-1, value=2
