;; options: far-operands
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
;;    38  mov_far dst=s-3, src=s-2, count=1
;;    50  mov_far dst=s6, src=s-3, count=1
;;    68  i64_extend_i32_u_ss dst=s22, src=s6
;;    78  mov_far dst=s-3, src=s22, count=1
;;    90  mov_far dst=s8, src=s-3, count=1
;;    a8  mov_as src=s8
;;    b8  leave_far slots=4096
;;    c8  ret_a to=s-2
;; function 1
;;     0  enter_far slots=4096, zero=4
;;    10  zero_locals first=s0, count=0
;;    20  mov_far dst=s-4, src=s-4097, count=1
;;    38  mov_far dst=s-7, src=s-4, count=1
;;    50  mov_far dst=s6, src=s-7, count=1
;;    68  i64_extend_i32_u_ss dst=s22, src=s6
;;    78  mov_far dst=s-7, src=s22, count=1
;;    90  mov_far dst=s-6, src=s-3, count=1
;;    a8  mov_far dst=s8, src=s-6, count=1
;;    c0  mov_far dst=s10, src=s-7, count=1
;;    d8  i64_add_sss dst=s22, lhs=s10, rhs=s8
;;    e8  mov_far dst=s-7, src=s22, count=1
;;   100  mov_ss dst=s-3, src=s-7
;;   110  mov_far dst=s-7, src=s-3, count=1
;;   128  mov_far dst=s12, src=s-7, count=1
;;   140  i64x2_splat_ss dst=s22, src=s12
;;   150  mov_far dst=s-7, src=s22, count=2
;;   168  v128_mov_ss dst=s-2, src=s-7
;;   178  mov_far dst=s-7, src=s-4, count=1
;;   190  mov_far dst=s-6, src=s-2, count=2
;;   1a8  mov_far dst=s14, src=s-6, count=2
;;   1c0  i64x2_extract_lane_ss dst=s22, src=s14, byte=8
;;   1d0  mov_far dst=s-6, src=s22, count=1
;;   1e8  mov_far dst=s26, src=s-7, count=2
;;   200  call frame=s28, func=0
;;   210  mov_far dst=s-7, src=s26, count=1
;;   228  mov_far dst=s16, src=s-7, count=1
;;   240  leave_far slots=4096
;;   250  ret_a to=s-1
;; function 2
;;     0  enter_far slots=4096, zero=1
;;    10  zero_locals first=s0, count=0
;;    20  mov_far dst=s-1, src=s-4097, count=1
;;    38  mov_far dst=s-3, src=s-1, count=1
;;    50  mov_far dst=s8, src=s-3, count=1
;;    68  i32_add_ssi dst=s22, lhs=s8, rhs=1
;;    78  mov_far dst=s-3, src=s22, count=1
;;    90  mov_si dst=s-2, src=2
;;    a0  mov_far dst=s26, src=s-3, count=2
;;    b8  mov_far dst=s-4086, src=s26, count=2
;;    d0  leave_far slots=4096
;;    e0  return_call args=s10, count=2, to=s-1, frame=s1, func=0
