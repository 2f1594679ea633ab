;; Lanes are read from slots, and replaced through a mask.
(module
  (func (param v128 i32) (result i32)
    (i32x4.extract_lane 1 (i32x4.replace_lane 2 (local.get 0) (local.get 1)))))
;; ----
;; function 0
;;    10  i32x4_replace_lane_sss dst=s6, lhs=s-3, rhs=s-1, mask=0x00000000ffffffff0000000000000000
;;    30  i32x4_extract_lane_as src=s6, byte=4
;;    40  ret_a to=s-3
