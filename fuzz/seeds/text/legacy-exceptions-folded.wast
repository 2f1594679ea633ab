;; The older exceptions in the folded form of the text format.

(module
  (tag $e)
  (tag $n (param i32))
  (tag $pair (param i32 i64))

  (func $throw (param $i i32)
    (if (i32.eq (local.get $i) (i32.const 1)) (then (throw $e)))
    (if (i32.eq (local.get $i) (i32.const 2)) (then (throw $n (i32.const 20))))
    (if (i32.eq (local.get $i) (i32.const 3)) (then (throw $pair (i32.const 30) (i64.const 31))))
    (if (i32.eq (local.get $i) (i32.const 4)) (then (unreachable))))

  (func (export "no-clause") (param $i i32)
    (try (do (call $throw (local.get $i)))))

  (func (export "which") (param $i i32) (result i32)
    (try $t (result i32)
      (do (call $throw (local.get $i)) (i32.const 0))
      (catch $e (i32.const 1))
      (catch $n)
      (catch_all (br $t (i32.const 3)))))

  (func (export "values") (result i32 i64)
    (try (result i32 i64)
      (do (call $throw (i32.const 3)) (unreachable))
      (catch $pair)))

  (func (export "parameters") (param $i i32) (result i32)
    (i32.const 100)
    (try (param i32) (result i32)
      (do (call $throw (local.get $i)) (i32.add (i32.const 1)))
      (catch_all (i32.const -1))))

  ;; As an operand, as a condition, and in the arms of an if.
  (func (export "operand") (param $i i32) (result i32)
    (i32.sub
      (try (result i32)
        (do (call $throw (local.get $i)) (i32.const 10))
        (catch $n))
      (try (result i32)
        (do (i32.const 1)))))

  (func (export "condition") (param $i i32) (result i32)
    (if (result i32)
      (try (result i32)
        (do (call $throw (local.get $i)) (i32.const 0))
        (catch_all (i32.const 1)))
      (then (try (result i32) (do (throw $e)) (catch_all (i32.const 7))))
      (else (try (result i32) (do (i32.const 8))))))

  ;; Delegating: to the next handler, past one, and to the caller.
  (func (export "delegate") (param $i i32) (result i32)
    (try (result i32)
      (do
        (try (result i32)
          (do (call $throw (local.get $i)) (i32.const 0))
          (delegate 0)))
      (catch $e (i32.const 1))
      (catch_all (i32.const 2))))

  (func (export "delegate-past") (result i32)
    (try $outer (result i32)
      (do
        (try (result i32)
          (do
            (try (result i32)
              (do (throw $e))
              (delegate $outer)))
          (catch $e (i32.const 1))))
      (catch $e (i32.const 2))))

  (func $delegates (try (do (throw $e)) (delegate 0)))
  (func (export "delegate-out") (result i32)
    (try (result i32)
      (do (try (do (call $delegates)) (catch $n drop)) (i32.const 0))
      (catch $e (i32.const 1))))

  (func (export "rethrow") (param $i i32) (result i32)
    (try (result i32)
      (do
        (try $inner (result i32)
          (do (call $throw (local.get $i)) (i32.const 0))
          (catch $n drop
            (try (result i32)
              (do (throw $e))
              (catch $e (rethrow $inner))))
          (catch_all (rethrow 0))))
      (catch $n)
      (catch_all (i32.const 5))))

  ;; Beside the exceptions of today, whose handlers look alike.
  (func (export "both") (result i32)
    (block $all
      (return
        (block $h (result i32)
          (try_table (result i32) (catch $n $h) (catch_all $all)
            (try (result i32)
              (do (throw $n (i32.const 9)))
              (catch $e (i32.const 1)))))))
    (i32.const 5))
)

(assert_return (invoke "no-clause" (i32.const 0)))
(assert_exception (invoke "no-clause" (i32.const 1)))
(assert_trap (invoke "no-clause" (i32.const 4)) "unreachable")
(assert_return (invoke "which" (i32.const 0)) (i32.const 0))
(assert_return (invoke "which" (i32.const 1)) (i32.const 1))
(assert_return (invoke "which" (i32.const 2)) (i32.const 20))
(assert_return (invoke "which" (i32.const 3)) (i32.const 3))
(assert_trap (invoke "which" (i32.const 4)) "unreachable")
(assert_return (invoke "values") (i32.const 30) (i64.const 31))
(assert_return (invoke "parameters" (i32.const 0)) (i32.const 101))
(assert_return (invoke "parameters" (i32.const 1)) (i32.const -1))
(assert_return (invoke "operand" (i32.const 0)) (i32.const 9))
(assert_return (invoke "operand" (i32.const 2)) (i32.const 19))
(assert_exception (invoke "operand" (i32.const 1)))
(assert_return (invoke "condition" (i32.const 0)) (i32.const 8))
(assert_return (invoke "condition" (i32.const 1)) (i32.const 7))
(assert_return (invoke "delegate" (i32.const 0)) (i32.const 0))
(assert_return (invoke "delegate" (i32.const 1)) (i32.const 1))
(assert_return (invoke "delegate" (i32.const 2)) (i32.const 2))
(assert_return (invoke "delegate-past") (i32.const 2))
(assert_return (invoke "delegate-out") (i32.const 1))
(assert_return (invoke "rethrow" (i32.const 0)) (i32.const 0))
(assert_return (invoke "rethrow" (i32.const 1)) (i32.const 5))
(assert_return (invoke "rethrow" (i32.const 2)) (i32.const 20))
(assert_return (invoke "rethrow" (i32.const 3)) (i32.const 5))
(assert_return (invoke "both") (i32.const 9))

;; A module in the folded form within a string.
(module quote "(module (tag $e) (func (export \"f\") (result i32)"
  "(try (result i32) (do (throw $e)) (catch $e (i32.const 7)))))")
(assert_return (invoke "f") (i32.const 7))

(assert_malformed (module quote "(module (func (try (catch_all))))") "unexpected token")
(assert_malformed (module quote "(module (func (try (do) nop)))") "unexpected token")
(assert_malformed (module quote "(module (func (catch_all)))") "unexpected token")
(assert_malformed (module quote "(module (func (delegate 0)))") "unexpected token")
(assert_invalid
  (module (func (result i32) (try (result i32) (do (i64.const 1)) (catch_all (i32.const 1)))))
  "type mismatch")
(assert_invalid (module (func (try (do) (delegate 1)))) "unknown label")
(assert_invalid (module (func (try (do (rethrow 0))))) "invalid rethrow label")
