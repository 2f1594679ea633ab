;; While a call is in progress the collector knows which operands are references.
(module
  (type $s (struct (field i32)))
  (func $f)
  (func (param i32 (ref $s)) (result (ref $s))
    (local.get 1)
    (struct.new $s (local.get 0))
    (call $f)
    (drop)))
;; ----
;; function 0
;;    10  ret
;; function 1
;;    10  mov_ss dst=s7, src=s-2
;;    20  struct_new frame=s9, args=s7, class=0, slots=1, ty=536870912, bytes=16; references in s-1
;;    38  call frame=s8, func=0; references in s-1 s7
;;    48  ret_s to=s-2, value=s-1
