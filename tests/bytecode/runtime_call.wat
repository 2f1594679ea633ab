;; Other instructions on memories and tables are runtime functions with their arguments in homes.
(module
  (memory 1)
  (table 4 funcref)
  (data $d "abc")
  (func (param i32) (result i32)
    (memory.init $d (local.get 0) (i32.const 0) (i32.const 3))
    (table.grow (ref.null func) (local.get 0))))
;; ----
;; function 0
;;    10  mov_si dst=s8, src=3
;;    20  mov_si dst=s7, src=0
;;    30  mov_ss dst=s6, src=s-1
;;    40  call_runtime frame=s9, args=s6, x=56, y=0, z=0, func=3 <memory_init>
;;    60  mov_ss dst=s7, src=s-1
;;    70  mov_si dst=s6, src=0
;;    80  call_runtime frame=s8, args=s6, x=48, y=0, z=0, func=9 <table_grow>; references in s6
;;    a0  ret_s to=s-1, value=s6
