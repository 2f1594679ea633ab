;; Locals used most inside loops are in registers: saved and loaded at entry, restored by the
;; return.
(module
  (func (param i32) (result i32) (local i32)
    (loop
      (local.set 1 (i32.add (local.get 1) (local.get 0)))
      (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))
    (local.get 1)))
;; ----
;; function 0
;;     0  zero_locals first=s6, count=1
;;    10  pin_ints src0=s-1, src1=s6
;;    20  i32_add_mlm
;;    30  i32_sub_lli rhs=1
;;    40  br_if_l to=@20
;;    50  ret_m_ri to=s-1
