;; Heap sort of n pseudo-random i32: loads and stores at computed addresses, hard-to-predict
;; comparisons, a small function called often. At most 250000 numbers.
(module
  (memory 16)
  (func $get (param $i i32) (result i32)
    (i32.load (i32.shl (local.get $i) (i32.const 2))))
  (func $sift (param $root i32) (param $end i32)
    (local $child i32) (local $value i32)
    (local.set $value (call $get (local.get $root)))
    (block $placed
      (loop $down
        (local.set $child
          (i32.add (i32.shl (local.get $root) (i32.const 1)) (i32.const 1)))
        (br_if $placed (i32.ge_u (local.get $child) (local.get $end)))
        (if (i32.lt_u (i32.add (local.get $child) (i32.const 1)) (local.get $end))
          (then
            (if
              (i32.lt_s
                (call $get (local.get $child))
                (call $get (i32.add (local.get $child) (i32.const 1))))
              (then (local.set $child (i32.add (local.get $child) (i32.const 1)))))))
        (br_if $placed (i32.ge_s (local.get $value) (call $get (local.get $child))))
        (i32.store (i32.shl (local.get $root) (i32.const 2)) (call $get (local.get $child)))
        (local.set $root (local.get $child))
        (br $down)))
    (i32.store (i32.shl (local.get $root) (i32.const 2)) (local.get $value)))
  (func (export "run") (param $n i32) (result i64)
    (local $i i32) (local $seed i32) (local $last i32) (local $hash i64)
    (local.set $seed (i32.const 12345))
    (loop $fill
      (local.set $seed
        (i32.add (i32.mul (local.get $seed) (i32.const 1103515245)) (i32.const 12345)))
      (i32.store
        (i32.shl (local.get $i) (i32.const 2))
        (i32.xor (local.get $seed) (i32.shr_u (local.get $seed) (i32.const 15))))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $fill (i32.lt_u (local.get $i) (local.get $n))))
    (local.set $i (i32.shr_u (local.get $n) (i32.const 1)))
    (loop $heapify
      (local.set $i (i32.sub (local.get $i) (i32.const 1)))
      (call $sift (local.get $i) (local.get $n))
      (br_if $heapify (local.get $i)))
    (local.set $i (i32.sub (local.get $n) (i32.const 1)))
    (loop $extract
      (local.set $last (call $get (local.get $i)))
      (i32.store (i32.shl (local.get $i) (i32.const 2)) (call $get (i32.const 0)))
      (i32.store (i32.const 0) (local.get $last))
      (call $sift (i32.const 0) (local.get $i))
      (local.set $i (i32.sub (local.get $i) (i32.const 1)))
      (br_if $extract (local.get $i)))
    ;; A hash that depends on the order.
    (loop $check
      (local.set $hash
        (i64.add
          (i64.mul (local.get $hash) (i64.const 31))
          (i64.extend_i32_s (call $get (local.get $i)))))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $check (i32.lt_u (local.get $i) (local.get $n))))
    (local.get $hash)))
