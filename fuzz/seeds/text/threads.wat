(module (memory (export "m") 1 2 shared) (func (export "f") (result i32)
  (i32.atomic.store (i32.const 8) (i32.const 5)) (drop (i64.atomic.rmw.cmpxchg (i32.const 16) (i64.const 0) (i64.const 3)))
  (drop (memory.atomic.wait32 (i32.const 8) (i32.const 5) (i64.const 1000))) (atomic.fence)
  (i32.atomic.rmw16.add_u (i32.const 8) (i32.const 1))))
