;; `memory.copy` and `memory.fill` of a plain memory have ops that do short runs themselves.
(module
  (memory 1)
  (func (param i32 i32 i32)
    (memory.copy (local.get 0) (local.get 1) (local.get 2))
    (memory.fill (local.get 0) (i32.const 0) (local.get 2))))
;; ----
;; function 0
;;    10  mov2 dst=s8, src=s-1, dst2=s7, src2=s-2
;;    20  mov_ss dst=s6, src=s-3
;;    30  memory_copy_m32 frame=s9, args=s6, to=0x30, from=0x30, z=0, func=2 <memory_copy>
;;    50  mov_ss dst=s8, src=s-1
;;    60  mov_si dst=s7, src=0
;;    70  mov_ss dst=s6, src=s-3
;;    80  memory_fill_m32 frame=s9, args=s6, memory=0x30, y=0, z=0, func=1 <memory_fill>
;;    a0  ret
