;; The opposite of a float comparison is one of its own: neither holds of NaN.
(module
  (func (param f64 f64) (result i32)
    (block
      (br_if 0 (i32.eqz (f64.lt (local.get 0) (local.get 1))))
      (return (i32.const 1)))
    (i32.const 2)))
;; ----
;; function 0
;;    10  br_f64_nlt_ss lhs=s-2, rhs=s-1, to=@30
;;    20  ret_i to=s-2, value=1
;;    30  ret_i to=s-2, value=2
