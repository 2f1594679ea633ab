;; Fields are read and written at an offset, and new structures made from the window of free
;; cells.
(module
  (type $s (struct (field $a (mut i32)) (field $b (mut i8))))
  (func (param (ref null $s)) (result i32)
    (struct.set $s $a (local.get 0) (i32.const 9))
    (i32.add (struct.get $s $a (struct.new $s (i32.const 1) (i32.const 2))) (struct.get_s $s $b (local.get 0)))))
;; ----
;; function 0
;;    10  struct_set_i32_si object=s-1, value=9, offset=8
;;    20  mov_si dst=s7, src=2
;;    30  mov_si dst=s6, src=1
;;    40  struct_new frame=s8, args=s6, class=1, slots=2, ty=536870912, bytes=32; references in s-1
;;    58  struct_get_i32_sa dst=s6, offset=8
;;    68  struct_get_i8_s_as object=s-1, offset=16
;;    78  i32_add_aas rhs=s6
;;    88  ret_a to=s-1
