;; Prefix sums over a 64-bit memory, copied to a second, 32-bit one and added up there: both kinds
;; of memory, bulk copies and growth.
(module
  (memory $wide i64 1)
  (memory $plain 1)
  (func (export "run") (param $n i32) (result i64)
    (local $i i64) (local $sum i64) (local $bytes i64)
    (local.set $bytes (i64.shl (i64.extend_i32_u (local.get $n)) (i64.const 3)))
    (if (i64.eq (i64.const -1)
          (memory.grow $wide (i64.shr_u (local.get $bytes) (i64.const 16))))
      (then unreachable))
    (if (i32.eq (i32.const -1)
          (memory.grow $plain (i32.wrap_i64 (i64.shr_u (local.get $bytes) (i64.const 16)))))
      (then unreachable))
    (loop $fill
      (local.set $sum
        (i64.add (local.get $sum) (i64.mul (local.get $i) (local.get $i))))
      (i64.store $wide (local.get $i) (local.get $sum))
      (br_if $fill
        (i64.lt_u
          (local.tee $i (i64.add (local.get $i) (i64.const 8)))
          (local.get $bytes))))
    (memory.copy $plain $wide
      (i32.const 0) (i64.const 0) (i32.wrap_i64 (local.get $bytes)))
    (local.set $sum (i64.const 0))
    (loop $add
      (local.set $i (i64.sub (local.get $i) (i64.const 8)))
      (local.set $sum
        (i64.xor
          (i64.rotl (local.get $sum) (i64.const 5))
          (i64.load $plain (i32.wrap_i64 (local.get $i)))))
      (br_if $add (i64.ne (local.get $i) (i64.const 0))))
    (local.get $sum)))
