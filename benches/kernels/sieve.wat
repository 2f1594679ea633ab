;; The sieve of Eratosthenes over the numbers below n, one byte each: byte stores with a varying
;; stride, then a pass that counts. The memory holds four million.
(module
  (memory 64)
  (func (export "run") (param $n i32) (result i32)
    (local $i i32) (local $j i32) (local $count i32)
    (local.set $i (i32.const 2))
    (loop $number
      (if (i32.eqz (i32.load8_u (local.get $i)))
        (then
          (local.set $count (i32.add (local.get $count) (i32.const 1)))
          (local.set $j (i32.shl (local.get $i) (i32.const 1)))
          (block $done
            (loop $multiple
              (br_if $done (i32.ge_u (local.get $j) (local.get $n)))
              (i32.store8 (local.get $j) (i32.const 1))
              (local.set $j (i32.add (local.get $j) (local.get $i)))
              (br $multiple)))))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $number (i32.lt_u (local.get $i) (local.get $n))))
    (local.get $count)))
