;; A constant on the left goes to the right where the operator commutes, and is mirrored in
;; comparisons.
(module
  (func (param i32) (result i32)
    (i32.add (i32.const 1) (i32.lt_s (i32.const 9) (local.get 0)))))
;; ----
;; function 0
;;    10  i32_gt_s_asi lhs=s-1, rhs=9
;;    20  i32_add_aai rhs=1
;;    30  ret_a to=s-1
