;; One export for each cost at the border between Wasm and its host. `loop` is the loop that
;; all the others have around what they measure; each takes the number of iterations.
(module
  (import "host" "nop" (func $nop))
  (import "host" "inc" (func $inc (param i32) (result i32)))
  (import "host" "back" (func $back (param i32) (result i32)))
  (type $unary (func (param i32) (result i32)))
  (table 4 4 funcref)
  (elem (i32.const 0) $id $other $id $other)
  (memory (export "memory") 1)

  (func (export "empty"))
  (func $id (export "id") (param i32) (result i32)
    (i32.add (local.get 0) (i32.const 1)))
  (func $other (param i32) (result i32)
    (i32.add (local.get 0) (i32.const 1)))

  (func (export "loop") (param $n i32) (result i32) (local $i i32)
    (loop $next
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $next (i32.lt_u (local.get $i) (local.get $n))))
    (local.get $i))

  (func (export "call") (param $n i32) (result i32) (local $i i32)
    (loop $next
      (local.set $i (call $id (local.get $i)))
      (br_if $next (i32.lt_u (local.get $i) (local.get $n))))
    (local.get $i))

  ;; The result has a local of its own: with the argument's, stitch 0.1.0 panics in translation.
  (func (export "call_indirect") (param $n i32) (result i32) (local $i i32) (local $next_i i32)
    (loop $next
      (local.set $next_i
        (call_indirect (type $unary)
          (local.get $i)
          (i32.and (local.get $i) (i32.const 3))))
      (local.set $i (local.get $next_i))
      (br_if $next (i32.lt_u (local.get $i) (local.get $n))))
    (local.get $i))

  (func (export "host_nop") (param $n i32) (result i32) (local $i i32)
    (loop $next
      (call $nop)
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $next (i32.lt_u (local.get $i) (local.get $n))))
    (local.get $i))

  (func (export "host_inc") (param $n i32) (result i32) (local $i i32)
    (loop $next
      (local.set $i (call $inc (local.get $i)))
      (br_if $next (i32.lt_u (local.get $i) (local.get $n))))
    (local.get $i))

  (func (export "round_trip") (param $n i32) (result i32) (local $i i32)
    (loop $next
      (local.set $i (call $back (local.get $i)))
      (br_if $next (i32.lt_u (local.get $i) (local.get $n))))
    (local.get $i))

  (func (export "grow") (param $n i32) (result i32) (local $i i32)
    (loop $next
      (local.set $i (i32.add (local.get $i) (memory.grow (i32.const 0))))
      (br_if $next (i32.lt_u (local.get $i) (local.get $n))))
    (local.get $i))
)
