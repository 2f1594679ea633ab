;; Growing by nothing is asked for the size; it is an op of its own.
(module
  (memory 1)
  (func (param i32) (result i32) (i32.add (memory.size) (memory.grow (local.get 0)))))
;; ----
;; function 0
;;    10  memory_size dst=s6, shift=16, memory=0x30
;;    20  mov_ss dst=s7, src=s-1
;;    30  memory_grow_m32 frame=s9, args=s7, memory=0x30, wide=0, shift=16, func=0 <memory_grow>
;;    50  i32_add_ass lhs=s6, rhs=s7
;;    60  ret_a to=s-1
