;; What is caught is a table beside the code: entering a `try_table` executes nothing.
(module
  (tag $e (param i32))
  (func $f)
  (func (result i32)
    (block $h (result i32)
      (try_table (catch $e $h) (call $f))
      (i32.const 1))))
;; ----
;; function 0
;;    10  ret
;; function 1
;;        catches as region 0 from 10
;;    10  call frame=s6, func=0
;;        catches nothing from 20
;;    20  mov_si dst=s6, src=1
;;    30  ret_s to=s-1, value=s6
;;        region 0: tag 0, payload from s6 on, goes on at 30
