(module (import "a" "f" (func $f (param i64) (result f32))) (import "a" "m" (memory 1)) (import "a" "t" (table 2 externref)) (import "a" "g" (global $g (mut i32)))
  (start $s) (func $s (global.set $g (i32.const 3))) (func (export "c") (result f32) (table.set (i32.const 0) (ref.null extern)) (call $f (i64.const 9)))
  (func (export "w") (param i64 i64) (result i64 i64) (i64.mul_wide_u (local.get 0) (local.get 1))))
