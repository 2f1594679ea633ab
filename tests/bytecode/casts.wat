;; A cast compares with what stands for the type; one that cannot fail is nothing.
(module
  (type $s (sub (struct (field i32))))
  (type $t (sub $s (struct (field i32 i32))))
  (func (param (ref null $s)) (result (ref $t))
    (drop (ref.cast (ref null $s) (local.get 0)))
    (drop (ref.test (ref $t) (local.get 0)))
    (ref.cast (ref $t) (local.get 0))))
;; ----
;; function 0
;;    10  ref_cast_type_s object=s-1, null=1, ty=536870912, depth=0
;;    28  ref_test_type_as object=s-1, null=0, ty=536870913, depth=1
;;    40  ref_cast_type_s object=s-1, null=0, ty=536870913, depth=1
;;    58  ret_s to=s-1, value=s-1
