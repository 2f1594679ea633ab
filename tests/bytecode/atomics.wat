;; Atomic accesses are to any memory, and their operands are in slots.
(module
  (memory 1 1 shared)
  (func (param i32) (result i32)
    (drop (i32.atomic.rmw.cmpxchg offset=4 (local.get 0) (i32.const 0) (i32.const 1)))
    (i32.atomic.rmw.add (local.get 0) (i32.const 1))))
;; ----
;; function 0
;;    10  mov_si dst=s8, src=1
;;    20  mov_si dst=s7, src=0
;;    30  atomic_cmpxchg32_m32 dst=s6, addr=s-1, memory=0x30, offset=4, expected=s7, new=s8
;;    50  mov_si dst=s7, src=1
;;    60  atomic_add32_m32 dst=s6, addr=s-1, memory=0x30, offset=0, value=s7
;;    80  ret_a to=s-1
