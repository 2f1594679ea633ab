;; Product of two matrices of f64, n by n: address arithmetic, float loads, multiply and add.
;; At most 200 by 200.
(module
  (memory 10)
  (global $a i32 (i32.const 0))
  (global $b i32 (i32.const 327680))
  (func (export "run") (param $n i32) (result f64)
    (local $i i32) (local $j i32) (local $k i32) (local $sum f64) (local $trace f64)
    ;; a[i][j] = i + j / 4, b[i][j] = i / 8 - j
    (loop $row
      (local.set $j (i32.const 0))
      (loop $column
        (local.set $k
          (i32.shl
            (i32.add (i32.mul (local.get $i) (local.get $n)) (local.get $j))
            (i32.const 3)))
        (f64.store
          (i32.add (global.get $a) (local.get $k))
          (f64.add
            (f64.convert_i32_s (local.get $i))
            (f64.mul (f64.convert_i32_s (local.get $j)) (f64.const 0.25))))
        (f64.store
          (i32.add (global.get $b) (local.get $k))
          (f64.sub
            (f64.mul (f64.convert_i32_s (local.get $i)) (f64.const 0.125))
            (f64.convert_i32_s (local.get $j))))
        (local.set $j (i32.add (local.get $j) (i32.const 1)))
        (br_if $column (i32.lt_s (local.get $j) (local.get $n))))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $row (i32.lt_s (local.get $i) (local.get $n))))
    ;; The sum of every element of the product, each with the sign of its diagonal's parity.
    (local.set $i (i32.const 0))
    (loop $row
      (local.set $j (i32.const 0))
      (loop $column
        (local.set $sum (f64.const 0))
        (local.set $k (i32.const 0))
        (loop $dot
          (local.set $sum
            (f64.add
              (local.get $sum)
              (f64.mul
                (f64.load
                  (i32.add
                    (global.get $a)
                    (i32.shl
                      (i32.add (i32.mul (local.get $i) (local.get $n)) (local.get $k))
                      (i32.const 3))))
                (f64.load offset=327680
                  (i32.shl
                    (i32.add (i32.mul (local.get $k) (local.get $n)) (local.get $j))
                    (i32.const 3))))))
          (local.set $k (i32.add (local.get $k) (i32.const 1)))
          (br_if $dot (i32.lt_s (local.get $k) (local.get $n))))
        (if (i32.and (i32.add (local.get $i) (local.get $j)) (i32.const 1))
          (then (local.set $trace (f64.sub (local.get $trace) (local.get $sum))))
          (else (local.set $trace (f64.add (local.get $trace) (local.get $sum)))))
        (local.set $j (i32.add (local.get $j) (i32.const 1)))
        (br_if $column (i32.lt_s (local.get $j) (local.get $n))))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $row (i32.lt_s (local.get $i) (local.get $n))))
    (local.get $trace)))
