;; Distances behind the operands, the last one for every larger index.
(module
  (func (param i32) (result i32)
    (block (block (block
      (br_table 0 1 2 (local.get 0)))
      (return (i32.const 10)))
      (return (i32.const 20)))
    (i32.const 30)))
;; ----
;; function 0
;;    10  br_table_s index=s-1, count=2 [@30 @40 @50]
;;    30  ret_i to=s-1, value=10
;;    40  ret_i to=s-1, value=20
;;    50  ret_i to=s-1, value=30
