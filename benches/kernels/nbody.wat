;; Five bodies under gravity for n steps: f64 arithmetic with division and square root on
;; values in memory. A body is position, velocity and mass, seven f64; the result is the energy.
(module
  (memory 1)
  (func $body (param $at i32)
    (param $x f64) (param $y f64) (param $z f64)
    (param $vx f64) (param $vy f64) (param $vz f64) (param $mass f64)
    (f64.store (local.get $at) (local.get $x))
    (f64.store offset=8 (local.get $at) (local.get $y))
    (f64.store offset=16 (local.get $at) (local.get $z))
    (f64.store offset=24 (local.get $at) (local.get $vx))
    (f64.store offset=32 (local.get $at) (local.get $vy))
    (f64.store offset=40 (local.get $at) (local.get $vz))
    (f64.store offset=48 (local.get $at) (local.get $mass)))
  (func $push (param $at i32) (param $dx f64) (param $dy f64) (param $dz f64)
    (f64.store offset=24 (local.get $at)
      (f64.add (f64.load offset=24 (local.get $at)) (local.get $dx)))
    (f64.store offset=32 (local.get $at)
      (f64.add (f64.load offset=32 (local.get $at)) (local.get $dy)))
    (f64.store offset=40 (local.get $at)
      (f64.add (f64.load offset=40 (local.get $at)) (local.get $dz))))
  (func $step (param $dt f64)
    (local $i i32) (local $j i32)
    (local $dx f64) (local $dy f64) (local $dz f64) (local $square f64) (local $pull f64)
    (loop $first
      (local.set $j (i32.add (local.get $i) (i32.const 56)))
      (block $paired
        (loop $second
          (br_if $paired (i32.ge_u (local.get $j) (i32.const 280)))
          (local.set $dx (f64.sub (f64.load (local.get $i)) (f64.load (local.get $j))))
          (local.set $dy
            (f64.sub (f64.load offset=8 (local.get $i)) (f64.load offset=8 (local.get $j))))
          (local.set $dz
            (f64.sub (f64.load offset=16 (local.get $i)) (f64.load offset=16 (local.get $j))))
          (local.set $square
            (f64.add
              (f64.add
                (f64.mul (local.get $dx) (local.get $dx))
                (f64.mul (local.get $dy) (local.get $dy)))
              (f64.mul (local.get $dz) (local.get $dz))))
          (local.set $pull
            (f64.div
              (local.get $dt)
              (f64.mul (local.get $square) (f64.sqrt (local.get $square)))))
          (call $push (local.get $i)
            (f64.mul (local.get $dx) (f64.neg (f64.mul (f64.load offset=48 (local.get $j)) (local.get $pull))))
            (f64.mul (local.get $dy) (f64.neg (f64.mul (f64.load offset=48 (local.get $j)) (local.get $pull))))
            (f64.mul (local.get $dz) (f64.neg (f64.mul (f64.load offset=48 (local.get $j)) (local.get $pull)))))
          (call $push (local.get $j)
            (f64.mul (local.get $dx) (f64.mul (f64.load offset=48 (local.get $i)) (local.get $pull)))
            (f64.mul (local.get $dy) (f64.mul (f64.load offset=48 (local.get $i)) (local.get $pull)))
            (f64.mul (local.get $dz) (f64.mul (f64.load offset=48 (local.get $i)) (local.get $pull))))
          (local.set $j (i32.add (local.get $j) (i32.const 56)))
          (br $second)))
      (local.set $i (i32.add (local.get $i) (i32.const 56)))
      (br_if $first (i32.lt_u (local.get $i) (i32.const 280))))
    (local.set $i (i32.const 0))
    (loop $move
      (f64.store (local.get $i)
        (f64.add (f64.load (local.get $i))
          (f64.mul (local.get $dt) (f64.load offset=24 (local.get $i)))))
      (f64.store offset=8 (local.get $i)
        (f64.add (f64.load offset=8 (local.get $i))
          (f64.mul (local.get $dt) (f64.load offset=32 (local.get $i)))))
      (f64.store offset=16 (local.get $i)
        (f64.add (f64.load offset=16 (local.get $i))
          (f64.mul (local.get $dt) (f64.load offset=40 (local.get $i)))))
      (local.set $i (i32.add (local.get $i) (i32.const 56)))
      (br_if $move (i32.lt_u (local.get $i) (i32.const 280)))))
  (func $square_of (param $x f64) (result f64) (f64.mul (local.get $x) (local.get $x)))
  (func $energy (result f64)
    (local $i i32) (local $j i32) (local $sum f64)
    (loop $first
      (local.set $sum
        (f64.add (local.get $sum)
          (f64.mul
            (f64.mul (f64.const 0.5) (f64.load offset=48 (local.get $i)))
            (f64.add
              (f64.add
                (call $square_of (f64.load offset=24 (local.get $i)))
                (call $square_of (f64.load offset=32 (local.get $i))))
              (call $square_of (f64.load offset=40 (local.get $i)))))))
      (local.set $j (i32.add (local.get $i) (i32.const 56)))
      (block $paired
        (loop $second
          (br_if $paired (i32.ge_u (local.get $j) (i32.const 280)))
          (local.set $sum
            (f64.sub (local.get $sum)
              (f64.div
                (f64.mul (f64.load offset=48 (local.get $i)) (f64.load offset=48 (local.get $j)))
                (f64.sqrt
                  (f64.add
                    (f64.add
                      (call $square_of
                        (f64.sub (f64.load (local.get $i)) (f64.load (local.get $j))))
                      (call $square_of
                        (f64.sub (f64.load offset=8 (local.get $i)) (f64.load offset=8 (local.get $j)))))
                    (call $square_of
                      (f64.sub (f64.load offset=16 (local.get $i)) (f64.load offset=16 (local.get $j)))))))))
          (local.set $j (i32.add (local.get $j) (i32.const 56)))
          (br $second)))
      (local.set $i (i32.add (local.get $i) (i32.const 56)))
      (br_if $first (i32.lt_u (local.get $i) (i32.const 280))))
    (local.get $sum))
  (func (export "run") (param $n i32) (result f64)
    (call $body (i32.const 0)
      (f64.const 0) (f64.const 0) (f64.const 0) (f64.const 0) (f64.const 0) (f64.const 0)
      (f64.const 39.5))
    (call $body (i32.const 56)
      (f64.const 4.8) (f64.const -1.2) (f64.const -0.1) (f64.const 0.6) (f64.const 2.8)
      (f64.const -0.02) (f64.const 0.04))
    (call $body (i32.const 112)
      (f64.const 8.3) (f64.const 4.1) (f64.const -0.4) (f64.const -1.0) (f64.const 1.8)
      (f64.const 0.01) (f64.const 0.011))
    (call $body (i32.const 168)
      (f64.const 12.9) (f64.const -15.1) (f64.const -0.2) (f64.const 1.1) (f64.const 0.9)
      (f64.const -0.01) (f64.const 0.0017))
    (call $body (i32.const 224)
      (f64.const 15.4) (f64.const -25.9) (f64.const 0.2) (f64.const 1.0) (f64.const 0.6)
      (f64.const -0.03) (f64.const 0.002))
    (loop $next
      (call $step (f64.const 0.01))
      (local.set $n (i32.sub (local.get $n) (i32.const 1)))
      (br_if $next (i32.gt_s (local.get $n) (i32.const 0))))
    (call $energy)))
