;; CRC-32 by table of a buffer of 4096 bytes, n times over: byte loads, table look-ups, shifts
;; and exclusive or in one long dependency chain.
(module
  (memory 1)
  (func $table (local $i i32) (local $bit i32) (local $c i32)
    (loop $entry
      (local.set $c (local.get $i))
      (local.set $bit (i32.const 8))
      (loop $next
        (local.set $c
          (i32.xor
            (i32.shr_u (local.get $c) (i32.const 1))
            (i32.and
              (i32.const 0xedb88320)
              (i32.sub (i32.const 0) (i32.and (local.get $c) (i32.const 1))))))
        (local.set $bit (i32.sub (local.get $bit) (i32.const 1)))
        (br_if $next (local.get $bit)))
      (i32.store (i32.shl (local.get $i) (i32.const 2)) (local.get $c))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $entry (i32.lt_u (local.get $i) (i32.const 256)))))
  (func $fill (local $i i32)
    (loop $byte
      (i32.store8 offset=4096
        (local.get $i)
        (i32.shr_u (i32.mul (local.get $i) (i32.const 0x9e3779b1)) (i32.const 24)))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $byte (i32.lt_u (local.get $i) (i32.const 4096)))))
  (func (export "run") (param $n i32) (result i32) (local $c i32) (local $at i32)
    (call $table)
    (call $fill)
    (local.set $c (i32.const -1))
    (loop $round
      (local.set $at (i32.const 0))
      (loop $byte
        (local.set $c
          (i32.xor
            (i32.shr_u (local.get $c) (i32.const 8))
            (i32.load
              (i32.shl
                (i32.and
                  (i32.xor (local.get $c) (i32.load8_u offset=4096 (local.get $at)))
                  (i32.const 255))
                (i32.const 2)))))
        (local.set $at (i32.add (local.get $at) (i32.const 1)))
        (br_if $byte (i32.lt_u (local.get $at) (i32.const 4096))))
      (local.set $n (i32.sub (local.get $n) (i32.const 1)))
      (br_if $round (i32.gt_s (local.get $n) (i32.const 0))))
    (i32.xor (local.get $c) (i32.const -1))))
