;; memory.fill and memory.copy of blocks from 16 bytes to 4 KiB, some overlapping.
(module
  (memory 1)
  (func (export "run") (param $n i32) (result i64) (local $size i32) (local $hash i64)
    (loop $next
      (local.set $size (i32.shl (i32.const 16) (i32.and (local.get $n) (i32.const 7))))
      (if (i32.eq (local.get $size) (i32.const 2048))
        (then (local.set $size (i32.const 4096))))
      (memory.fill (i32.const 1000) (local.get $n) (local.get $size))
      (memory.copy (i32.const 16384) (i32.const 1000) (local.get $size))
      (memory.copy
        (i32.add (i32.const 16384) (i32.and (local.get $n) (i32.const 31)))
        (i32.const 16384)
        (local.get $size))
      (local.set $hash
        (i64.add
          (i64.mul (local.get $hash) (i64.const 31))
          (i64.load (i32.add (i32.const 16376) (local.get $size)))))
      (local.set $n (i32.sub (local.get $n) (i32.const 1)))
      (br_if $next (i32.gt_s (local.get $n) (i32.const 0))))
    (local.get $hash)))
