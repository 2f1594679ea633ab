;; An exact type and a 32-bit index have an op whose index may be in a register.
(module
  (type $t (func (param i32) (result i32)))
  (table 4 funcref)
  (func (param i32 i32) (result i32)
    (call_indirect (type $t) (local.get 0) (i32.and (local.get 1) (i32.const 3)))))
;; ----
;; function 0
;;    10  i32_and_asi lhs=s-1, rhs=3
;;    20  mov_ss dst=s6, src=s-2
;;    30  call_indirect_a frame=s7, table=0x30, ty=t0
;;    48  ret_a to=s-2
