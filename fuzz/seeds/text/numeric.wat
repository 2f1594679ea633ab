(module (func (export "f") (param i32 i64 f32 f64) (result i64) (local v128)
  (local.set 4 (i32x4.add (i32x4.splat (local.get 0)) (v128.const i32x4 1 2 3 4)))
  (i64.add (i64.extend_i32_s (i32.div_s (i32x4.extract_lane 2 (local.get 4)) (i32.const 3)))
    (i64.trunc_sat_f64_s (f64.mul (f64.promote_f32 (local.get 2)) (local.get 3))))))
