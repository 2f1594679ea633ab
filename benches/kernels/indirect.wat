;; Calls through a table of eight functions in an irregular order: the cost of call_indirect
;; when the callee is hard to predict.
(module
  (type $op (func (param i64) (result i64)))
  (table 8 8 funcref)
  (elem (i32.const 0) $add $sub $xor $rotate $multiply $shift $swap $not)
  (func $add (param i64) (result i64) (i64.add (local.get 0) (i64.const 0x1234567)))
  (func $sub (param i64) (result i64) (i64.sub (local.get 0) (i64.const 0x7654321)))
  (func $xor (param i64) (result i64) (i64.xor (local.get 0) (i64.const 0x5555aaaa5555aaaa)))
  (func $rotate (param i64) (result i64) (i64.rotl (local.get 0) (i64.const 7)))
  (func $multiply (param i64) (result i64) (i64.mul (local.get 0) (i64.const 0x9e3779b97f4a7c15)))
  (func $shift (param i64) (result i64)
    (i64.xor (local.get 0) (i64.shr_u (local.get 0) (i64.const 13))))
  (func $swap (param i64) (result i64) (i64.rotr (local.get 0) (i64.const 32)))
  (func $not (param i64) (result i64) (i64.xor (local.get 0) (i64.const -1)))
  (func (export "run") (param $n i32) (result i64) (local $value i64) (local $seed i32)
    (local.set $seed (i32.const 2463534242))
    (loop $next
      (local.set $seed (i32.xor (local.get $seed) (i32.shl (local.get $seed) (i32.const 13))))
      (local.set $seed (i32.xor (local.get $seed) (i32.shr_u (local.get $seed) (i32.const 17))))
      (local.set $seed (i32.xor (local.get $seed) (i32.shl (local.get $seed) (i32.const 5))))
      (local.set $value
        (i64.add
          (call_indirect (type $op)
            (local.get $value)
            (i32.and (local.get $seed) (i32.const 7)))
          (i64.const 1)))
      (local.set $n (i32.sub (local.get $n) (i32.const 1)))
      (br_if $next (i32.gt_s (local.get $n) (i32.const 0))))
    (local.get $value)))
