;; Counts words in an open-addressing hash table: FNV-1a over bytes, probes, a comparison of
;; strings byte by byte. The words are the numbers below 997 in base 26, in a scrambled order.
(module
  (memory 2)
  (global $table i32 (i32.const 4096)) ;; 2048 entries: address of a copy of the word, its count
  (global $free (mut i32) (i32.const 32768))
  (func $spell (param $number i32) (param $at i32) (result i32) (local $end i32)
    (local.set $end (local.get $at))
    (loop $letter
      (i32.store8
        (local.get $end)
        (i32.add (i32.const 97) (i32.rem_u (local.get $number) (i32.const 26))))
      (local.set $end (i32.add (local.get $end) (i32.const 1)))
      (local.set $number (i32.div_u (local.get $number) (i32.const 26)))
      (br_if $letter (local.get $number)))
    (memory.copy (local.get $end) (i32.const 64) (i32.const 6))
    (local.set $end (i32.add (local.get $end) (i32.const 6)))
    (i32.store8 (local.get $end) (i32.const 0))
    (i32.sub (local.get $end) (local.get $at)))
  (func $hash (param $at i32) (result i32) (local $hash i32) (local $byte i32)
    (local.set $hash (i32.const 0x811c9dc5))
    (block $end
      (loop $next
        (br_if $end (i32.eqz (local.tee $byte (i32.load8_u (local.get $at)))))
        (local.set $hash
          (i32.mul (i32.xor (local.get $hash) (local.get $byte)) (i32.const 0x01000193)))
        (local.set $at (i32.add (local.get $at) (i32.const 1)))
        (br $next)))
    (local.get $hash))
  (func $equal (param $a i32) (param $b i32) (result i32) (local $byte i32)
    (loop $next
      (local.set $byte (i32.load8_u (local.get $a)))
      (if (i32.ne (local.get $byte) (i32.load8_u (local.get $b)))
        (then (return (i32.const 0))))
      (local.set $a (i32.add (local.get $a) (i32.const 1)))
      (local.set $b (i32.add (local.get $b) (i32.const 1)))
      (br_if $next (local.get $byte)))
    (i32.const 1))
  (func $count (param $word i32) (param $len i32) (result i32)
    (local $slot i32) (local $entry i32)
    (local.set $slot (call $hash (local.get $word)))
    (loop $probe
      (local.set $slot (i32.and (local.get $slot) (i32.const 2047)))
      (local.set $entry
        (i32.add (global.get $table) (i32.shl (local.get $slot) (i32.const 3))))
      (if (i32.eqz (i32.load (local.get $entry)))
        (then
          (memory.copy
            (global.get $free)
            (local.get $word)
            (i32.add (local.get $len) (i32.const 1)))
          (i32.store (local.get $entry) (global.get $free))
          (global.set $free
            (i32.add (global.get $free) (i32.add (local.get $len) (i32.const 1))))))
      (if (i32.eqz (call $equal (i32.load (local.get $entry)) (local.get $word)))
        (then
          (local.set $slot (i32.add (local.get $slot) (i32.const 1)))
          (br $probe))))
    (i32.store offset=4
      (local.get $entry)
      (i32.add (i32.load offset=4 (local.get $entry)) (i32.const 1)))
    (i32.load offset=4 (local.get $entry)))
  (data (i32.const 64) "-words")
  (func (export "run") (param $n i32) (result i32) (local $seed i32) (local $sum i32)
    (loop $next
      (local.set $seed
        (i32.rem_u
          (i32.add (i32.mul (local.get $seed) (i32.const 331)) (i32.const 77))
          (i32.const 997)))
      (local.set $sum
        (i32.add
          (i32.mul (local.get $sum) (i32.const 33))
          (call $count
            (i32.const 128)
            (call $spell (local.get $seed) (i32.const 128)))))
      (local.set $n (i32.sub (local.get $n) (i32.const 1)))
      (br_if $next (i32.gt_s (local.get $n) (i32.const 0))))
    (local.get $sum)))
