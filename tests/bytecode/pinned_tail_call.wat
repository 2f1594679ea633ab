;; A function that pins restores its caller's registers ahead of a tail call.
(module
  (func $f (param i32) (result i32) (local i32)
    (loop
      (local.set 1 (i32.add (local.get 1) (local.get 0)))
      (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))
    (return_call $f (local.get 1))))
;; ----
;; function 0
;;     0  zero_locals first=s6, count=1
;;    10  pin_ints src0=s-1, src1=s6
;;    20  i32_add_mlm
;;    30  i32_sub_lli rhs=1
;;    40  br_if_l to=@20
;;    50  mov_sm dst=s7
;;    60  unpin_ri
;;    68  return_call args=s7, count=1, to=s-1, frame=s0, func=0
