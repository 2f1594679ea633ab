;; What cannot be reached is not translated.
(module
  (func (param i32) (result i32)
    (return (i32.const 1))
    (i32.add (local.get 0) (i32.const 2))))
;; ----
;; function 0
;;    10  ret_i to=s-1, value=1
