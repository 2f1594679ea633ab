;; options: far-locals
(module
  (func $callee (param i32 i64) (result i64) (i64.extend_i32_u (local.get 0)))
  (func (export "f") (param $x i32) (result i64) (local $y i64) (local $v v128)
    (local.set $y (i64.add (i64.extend_i32_u (local.get $x)) (local.get $y)))
    (local.set $v (i64x2.splat (local.get $y)))
    (call $callee (local.get $x) (i64x2.extract_lane 1 (local.get $v))))
  (func (export "tail") (param $x i32) (result i64)
    (return_call $callee (i32.add (local.get $x) (i32.const 1)) (i64.const 2))))
;; ----
;; function 0
;;     0  enter_far slots=4096, zero=2
;;    10  zero_locals first=s0, count=0
;;    20  mov_far dst=s-2, src=s-4098, count=2
;;    38  mov_far dst=s26, src=s-2, count=1
;;    50  i64_extend_i32_u_as src=s26
;;    60  leave_far slots=4096
;;    70  ret_a to=s-2
;; function 1
;;     0  enter_far slots=4096, zero=4
;;    10  zero_locals first=s0, count=0
;;    20  mov_far dst=s-4, src=s-4097, count=1
;;    38  mov_far dst=s26, src=s-4, count=1
;;    50  i64_extend_i32_u_as src=s26
;;    60  mov_far dst=s27, src=s-3, count=1
;;    78  i64_add_aas rhs=s27
;;    88  mov_sa dst=s-3
;;    98  mov_far dst=s26, src=s-3, count=1
;;    b0  i64x2_splat_as src=s26
;;    c0  v128_mov_sa dst=s-2
;;    d0  mov_far dst=s26, src=s-4, count=1
;;    e8  mov_far dst=s27, src=s-2, count=2
;;   100  i64x2_extract_lane_ss dst=s27, src=s27, byte=8
;;   110  call frame=s28, func=0
;;   120  leave_far slots=4096
;;   130  ret_a to=s-1
;; function 2
;;     0  enter_far slots=4096, zero=1
;;    10  zero_locals first=s0, count=0
;;    20  mov_far dst=s-1, src=s-4097, count=1
;;    38  mov_far dst=s26, src=s-1, count=1
;;    50  i32_add_ssi dst=s26, lhs=s26, rhs=1
;;    60  mov_si dst=s27, src=2
;;    70  mov_far dst=s-4086, src=s26, count=2
;;    88  leave_far slots=4096
;;    98  return_call args=s10, count=2, to=s-1, frame=s1, func=0
