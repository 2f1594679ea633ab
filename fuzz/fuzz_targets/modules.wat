(module $fuzzed
  (type $node (struct (field (mut (ref null $node))) (field (mut i32))))
  (type $cells (array (mut anyref)))
  (type $unary (func (param i32) (result i32)))
  (import "host" "act" (func $act (type $unary)))
  (import "host" "keep" (func $keep (param externref) (result externref)))
  (import "" "func" (func $linked (type $unary)))
  (import "" "memory" (memory $linked 1))
  (import "" "table" (table $linked 1 funcref))
  (import "" "global" (global $linked (mut i32)))
  (import "" "tag" (tag $linked (param i32)))
  (tag $own (export "tag") (param i32))
  (memory $own (export "memory") 1 8)
  (table $own (export "table") 4 64 funcref)
  (table $any (export "references") 4 64 externref)
  (global $list (mut (ref null $node)) (ref.null $node))
  (global $count (export "global") (mut i32) (i32.const 0))
  (elem (table $own) (i32.const 0) func $act $loop $linked)

  (func $loop (export "loop") (type $unary) (local $sum i32)
    (loop $again
      (local.set $sum (i32.add (local.get $sum) (call $act (local.get 0))))
      (br_if $again (i32.gt_s (local.tee 0 (i32.sub (local.get 0) (i32.const 1))) (i32.const 0))))
    (local.get $sum))

  (func (export "linked") (type $unary) (call $linked (call $act (local.get 0))))

  (func $deep (export "deep") (type $unary)
    (if (result i32) (i32.gt_s (local.get 0) (i32.const 0))
      (then (i32.add (i32.const 1) (call $deep (i32.sub (local.get 0) (i32.const 1)))))
      (else (call $act (i32.const 0)))))

  (func (export "indirect") (type $unary)
    (i32.add
      (call_indirect $own (type $unary) (local.get 0) (i32.and (local.get 0) (i32.const 3)))
      (call_indirect $linked (type $unary) (local.get 0) (i32.const 0))))

  (func (export "tail") (type $unary) (return_call_indirect $own (type $unary) (local.get 0) (i32.const 1)))

  (func (export "memories") (type $unary)
    (i32.store $own (i32.and (local.get 0) (i32.const 0xffff)) (call $act (local.get 0)))
    (i32.store8 $linked (i32.const 65535) (i32.load8_u $own (i32.const 65535)))
    (memory.copy $own $linked (i32.const 0) (i32.const 7) (i32.const 100))
    (global.set $linked (memory.grow $own (i32.const 1)))
    (i32.load $own (i32.and (local.get 0) (i32.const 0xffff))))

  ;; A list that keeps some of what it allocates.
  (func (export "objects") (type $unary) (local $cells (ref null $cells))
    (local.set $cells (array.new_default $cells (i32.const 16)))
    (loop $again
      (if (i32.and (local.get 0) (i32.const 1))
        (then (global.set $list (struct.new $node (global.get $list) (local.get 0))))
        (else (array.set $cells (local.get $cells) (i32.and (local.get 0) (i32.const 15))
          (struct.new $node (global.get $list) (call $act (local.get 0))))))
      (br_if $again (i32.gt_s (local.tee 0 (i32.sub (local.get 0) (i32.const 1))) (i32.const 0))))
    (i32.and (i32.const 0xff) (array.len (local.get $cells))))

  (func (export "sum") (type $unary) (local $at (ref null $node)) (local $sum i32)
    (local.set $at (global.get $list))
    (block $end
      (loop $again
        (br_if $end (ref.is_null (local.get $at)))
        (local.set $sum (i32.add (local.get $sum) (struct.get $node 1 (local.get $at))))
        (local.set $at (struct.get $node 0 (local.get $at)))
        (br $again)))
    (if (i32.eqz (local.get 0)) (then (global.set $list (ref.null $node))))
    (local.get $sum))

  (func (export "catch") (type $unary)
    (block $caught (result i32 exnref)
      (block $linked (result i32)
        (try_table (result i32) (catch_ref $own $caught) (catch $linked $linked)
          (if (local.get 0) (then (throw $own (call $act (local.get 0)))))
          (call $act (i32.const 1))))
      (return))
    (drop) (call $act) (return))

  (func (export "throw") (type $unary) (throw $linked (call $act (local.get 0))))

  (func (export "pass") (param externref) (result externref)
    (table.set $any (i32.const 1) (local.get 0))
    (table.set $any (i32.const 2) (call $keep (local.get 0)))
    (call $keep (table.get $any (i32.const 1))))
)
