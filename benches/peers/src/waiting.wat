;; Loops around host functions that may wait, in a module of their own: a store that has such functions is
;; entered by asynchronous calls only.
(module
  (import "host" "ready" (func $ready (param i32) (result i32)))
  (import "host" "wait" (func $wait (param i32) (result i32)))

  (func (export "id") (param i32) (result i32)
    (i32.add (local.get 0) (i32.const 1)))

  (func (export "ready") (param $n i32) (result i32) (local $i i32)
    (loop $next
      (local.set $i (call $ready (local.get $i)))
      (br_if $next (i32.lt_u (local.get $i) (local.get $n))))
    (local.get $i))

  (func (export "wait") (param $n i32) (result i32) (local $i i32)
    (loop $next
      (local.set $i (call $wait (local.get $i)))
      (br_if $next (i32.lt_u (local.get $i) (local.get $n))))
    (local.get $i))
)
