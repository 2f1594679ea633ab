;; Arms that must move what they carry have a stub per target behind the table.
(module
  (func (param i32 i32) (result i32)
    (i32.const 5)
    (block (result i32)
      (block (result i32)
        (br_table 0 1 2 (local.get 1) (local.get 0))))
    (i32.add)))
;; ----
;; function 0
;;    10  br_table_s index=s-2, count=2 [@30 @50 @70]
;;    30  mov_ss dst=s7, src=s-1
;;    40  br to=@80
;;    50  mov_ss dst=s7, src=s-1
;;    60  br to=@80
;;    70  ret_s to=s-2, value=s-1
;;    80  i32_add_asi lhs=s7, rhs=5
;;    90  ret_a to=s-2
