;; A bytecode interpreter written in Wasm, as language runtimes are: a dispatch loop around
;; br_table over eight operations on eight registers in memory. Its program takes n steps of
;; the Collatz iteration, starting anew with the next number each time it reaches one.
;;
;; An instruction is four bytes: operation, target register, source register, immediate.
(module
  (memory 1)
  ;; r0 the current number, r1 the start, r2 and r3 scratch, r4 and r5 the sum of what was seen
  (data (i32.const 1024)
    "\00\04\00\00" ;; 0: r4 += r0
    "\01\02\00\01" ;; 1: r2 = r0 & 1
    "\02\00\02\01" ;; 2: if r2 != 0, r0 = (3 r0 + 1) / 2 and skip 1
    "\03\00\00\01" ;; 3: r0 >>= 1
    "\04\03\00\01" ;; 4: r3 = r0 - 1
    "\02\00\03\02" ;; 5: if r3 != 0, skip 2
    "\05\01\01\01" ;; 6: r1 = r1 + 1
    "\06\00\01\00" ;; 7: r0 = r1
    "\07\00\00\00" ;; 8: next round
  )
  (func (export "run") (param $n i32) (result i64)
    (local $pc i32) (local $word i32) (local $target i32) (local $source i32) (local $now i32)
    (i32.store (i32.const 0) (i32.const 27))
    (i32.store (i32.const 4) (i32.const 27))
    (local.set $pc (i32.const 1024))
    (loop $dispatch
      (local.set $word (i32.load (local.get $pc)))
      (local.set $pc (i32.add (local.get $pc) (i32.const 4)))
      (local.set $target
        (i32.and (i32.shr_u (local.get $word) (i32.const 6)) (i32.const 0x3fc)))
      (local.set $source
        (i32.and (i32.shr_u (local.get $word) (i32.const 14)) (i32.const 0x3fc)))
      (local.set $now (i32.load (local.get $source)))
      (block $round
        (block $copy
          (block $plus
            (block $minus
              (block $shift
                (block $skip
                  (block $mask
                    (block $sum
                      (br_table $sum $mask $skip $shift $minus $plus $copy $round
                        (i32.and (local.get $word) (i32.const 255))))
                    ;; the target, a pair of registers, += source
                    (i64.store (local.get $target)
                      (i64.add
                        (i64.load (local.get $target))
                        (i64.extend_i32_u (local.get $now))))
                    (br $dispatch))
                  (i32.store (local.get $target)
                    (i32.and (local.get $now) (i32.shr_u (local.get $word) (i32.const 24))))
                  (br $dispatch))
                ;; An odd number takes its step here, so that it needs no multiply operation.
                (if (local.get $now)
                  (then
                    (if (i32.eq (local.get $source) (i32.const 8))
                      (then
                        (i32.store (i32.const 0)
                          (i32.shr_u
                            (i32.add
                              (i32.mul (i32.load (i32.const 0)) (i32.const 3))
                              (i32.const 1))
                            (i32.const 1)))))
                    (local.set $pc
                      (i32.add
                        (local.get $pc)
                        (i32.shl (i32.shr_u (local.get $word) (i32.const 24)) (i32.const 2))))))
                (br $dispatch))
              (i32.store (local.get $target)
                (i32.shr_u (local.get $now) (i32.shr_u (local.get $word) (i32.const 24))))
              (br $dispatch))
            (i32.store (local.get $target)
              (i32.sub (local.get $now) (i32.shr_u (local.get $word) (i32.const 24))))
            (br $dispatch))
          (i32.store (local.get $target)
            (i32.add (local.get $now) (i32.shr_u (local.get $word) (i32.const 24))))
          (br $dispatch))
        (i32.store (local.get $target) (local.get $now))
        (br $dispatch))
      (local.set $pc (i32.const 1024))
      (local.set $n (i32.sub (local.get $n) (i32.const 1)))
      (br_if $dispatch (i32.gt_s (local.get $n) (i32.const 0))))
    (i64.load (i32.const 16))))
