;; The condition in the accumulator or a slot, the values where that leaves room.
(module
  (func (param i32 i32 f64) (result f64)
    (select (local.get 2) (f64.const 0) (i32.lt_s (local.get 0) (local.get 1)))))
;; ----
;; function 0
;;    10  i32_lt_s_ass lhs=s-3, rhs=s-2
;;    20  mov_si dst=s7, src=0
;;    30  fselect_assa lhs=s-1, rhs=s7
;;    40  ret_fa to=s-3
