;; Elements by index; the length is in the head.
(module
  (type $a (array (mut i16)))
  (func (param (ref $a) i32) (result i32)
    (array.set $a (local.get 0) (local.get 1) (i32.const 3))
    (i32.add (array.get_u $a (local.get 0) (local.get 1)) (array.len (local.get 0)))))
;; ----
;; function 0
;;    10  mov_ai src=3
;;    20  array_set_i16_ssa object=s-2, index=s-1
;;    30  array_get_i16_u_sss dst=s6, object=s-2, index=s-1
;;    40  array_len_as src=s-2
;;    50  i32_add_aas rhs=s6
;;    60  ret_a to=s-2
