;; The Mandelbrot set on a grid of n by n in f32, at most 64 iterations a point: a tight loop of
;; floats that stay in locals. The result is the number of iterations made.
(module
  (func (export "run") (param $n i32) (result i32)
    (local $row i32) (local $column i32) (local $turn i32) (local $total i32)
    (local $step f32) (local $cx f32) (local $cy f32)
    (local $x f32) (local $y f32) (local $xx f32) (local $yy f32)
    (local.set $step (f32.div (f32.const 3) (f32.convert_i32_s (local.get $n))))
    (loop $rows
      (local.set $cy
        (f32.sub
          (f32.mul (f32.convert_i32_s (local.get $row)) (local.get $step))
          (f32.const 1.5)))
      (local.set $column (i32.const 0))
      (loop $columns
        (local.set $cx
          (f32.sub
            (f32.mul (f32.convert_i32_s (local.get $column)) (local.get $step))
            (f32.const 2)))
        (local.set $x (f32.const 0))
        (local.set $y (f32.const 0))
        (local.set $turn (i32.const 0))
        (block $out
          (loop $turns
            (local.set $xx (f32.mul (local.get $x) (local.get $x)))
            (local.set $yy (f32.mul (local.get $y) (local.get $y)))
            (br_if $out (f32.gt (f32.add (local.get $xx) (local.get $yy)) (f32.const 4)))
            (local.set $y
              (f32.add
                (f32.mul (f32.mul (f32.const 2) (local.get $x)) (local.get $y))
                (local.get $cy)))
            (local.set $x
              (f32.add (f32.sub (local.get $xx) (local.get $yy)) (local.get $cx)))
            (local.set $turn (i32.add (local.get $turn) (i32.const 1)))
            (br_if $turns (i32.lt_u (local.get $turn) (i32.const 64)))))
        (local.set $total (i32.add (local.get $total) (local.get $turn)))
        (local.set $column (i32.add (local.get $column) (i32.const 1)))
        (br_if $columns (i32.lt_s (local.get $column) (local.get $n))))
      (local.set $row (i32.add (local.get $row) (i32.const 1)))
      (br_if $rows (i32.lt_s (local.get $row) (local.get $n))))
    (local.get $total)))
