;; A chain of n calls through a table, chosen by a linear congruential generator, each of which
;; tail-calls back: indirect calls, tail calls, globals.
(module
  (type $op (func (param i32 i32) (result i32)))
  (table funcref (elem $add $xor $rotate $negate))
  (global $seed (mut i32) (i32.const 1))
  (func $next (result i32)
    (global.set $seed
      (i32.add
        (i32.mul (global.get $seed) (i32.const 1664525))
        (i32.const 1013904223)))
    (i32.shr_u (global.get $seed) (i32.const 16)))
  ;; Parameters: the value so far, and how many steps are left.
  (func $step (type $op)
    (if (i32.eqz (local.get 1)) (then (return (local.get 0))))
    (return_call_indirect (type $op)
      (local.get 0)
      (i32.sub (local.get 1) (i32.const 1))
      (i32.and (call $next) (i32.const 3))))
  (func $add (type $op)
    (return_call $step (i32.add (local.get 0) (global.get $seed)) (local.get 1)))
  (func $xor (type $op)
    (return_call $step (i32.xor (local.get 0) (global.get $seed)) (local.get 1)))
  (func $rotate (type $op)
    (return_call $step (i32.rotl (local.get 0) (i32.const 7)) (local.get 1)))
  (func $negate (type $op)
    (return_call $step (i32.sub (i32.const 0) (local.get 0)) (local.get 1)))
  (func (export "run") (param $n i32) (result i32)
    (call $step (i32.const 42) (local.get $n))))
