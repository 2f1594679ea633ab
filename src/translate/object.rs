//! Objects of the garbage-collected heap: allocation, fields, elements, and casts.

use wasmparser::UnpackedIndex;

use super::emit::Label;
use super::memory::RuntimeCall;
use super::operand::Place;
use super::recent::Acc;
use super::resolve::{Imm, Src};
use super::translator::Translator;
use super::value::Kind;
use crate::index::TypeIndex;
use crate::isa::runtime::Runtime;
use crate::isa::{self, Bin, Cast, Class, Get, Op, Set, Un, op};
use crate::trap::Trap;
use crate::types::{HeapType, StorageType, ValType};
use crate::vm::heap::{class_of, class_size, kind};
use crate::wasm::object_layout::HEADER;

/// How a cast is decided.
#[derive(Clone, Copy, Debug)]
enum Test {
    /// No object has the type.
    Never,
    /// Every object has it.
    Always,
    /// The instruction for it: mode, type or kinds, and depth.
    Ask { mode: Cast, ty: u32, depth: u32 },
}

/// The type of a cast.
#[derive(Clone, Copy, Debug)]
struct Target {
    test: Test,
    nullable: bool,
}

/// What a field is read as; `None` for a vector.
fn get_of(ty: StorageType, signed: bool) -> Option<Get> {
    Some(match ty {
        StorageType::I8 if signed => Get::I8S,
        StorageType::I8 => Get::I8U,
        StorageType::I16 if signed => Get::I16S,
        StorageType::I16 => Get::I16U,
        StorageType::ValType(ty) => match ty {
            ValType::I32 => Get::I32,
            ValType::I64 | ValType::Ref(_) => Get::I64,
            ValType::F32 => Get::F32,
            ValType::F64 => Get::F64,
            ValType::V128 => return None,
        },
    })
}

/// What a field is written as; `None` for a vector.
fn set_of(ty: StorageType) -> Option<Set> {
    Some(match ty {
        StorageType::I8 => Set::I8,
        StorageType::I16 => Set::I16,
        StorageType::ValType(ty) => match ty {
            ValType::I32 => Set::I32,
            ValType::I64 | ValType::Ref(_) => Set::I64,
            ValType::F32 => Set::F32,
            ValType::F64 => Set::F64,
            ValType::V128 => return None,
        },
    })
}

impl Translator<'_> {
    /// `struct.new` and `struct.new_default`
    pub fn struct_new(&mut self, ty: u32, default: bool) {
        let info = self.info.type_info(TypeIndex(ty));
        let word = info.layout.word;
        let args = if default { 0 } else { info.layout.fields.len() };
        let Some(class) = class_of(info.layout.size as usize) else {
            let call =
                RuntimeCall { function: Runtime::struct_new, x: word, y: default.into(), z: 0 };
            self.runtime(args, Some(Kind::Ref), &call);
            return;
        };
        let (home, frame, list) = self.runtime_arguments(args);
        let slots = if default { 0 } else { (info.layout.size - HEADER) / 8 };
        let operands = op::StructNew {
            frame,
            args: home,
            class: class as u16,
            slots: slots as u16,
            ty: word,
            bytes: class_size(class) as u32,
        };
        self.emit.op(if default { Op::StructNewDefault } else { Op::StructNew }, operands);
        self.safepoint(list);
        self.results_from_area(1);
        self.push_stored(Kind::Ref);
        self.accs.int = Acc::Temp(self.stack.len() as u32 - 1);
    }

    /// A field's storage type and offset.
    fn field(&self, ty: u32, field: u32) -> (StorageType, u32) {
        let info = self.info.type_info(TypeIndex(ty));
        let types = info.as_struct().expect("validated code").fields();
        (types[field as usize].element_type(), info.layout.fields[field as usize].offset)
    }

    /// The storage type of an array's elements.
    fn element(&self, ty: u32) -> StorageType {
        let info = self.info.type_info(TypeIndex(ty));
        info.as_array().expect("validated code").element_type()
    }

    /// `struct.get`, `struct.get_s` and `struct.get_u`
    pub fn struct_get(&mut self, ty: u32, field: u32, signed: bool) {
        let (storage, offset) = self.field(ty, field);
        let kind = Kind::of(storage.unpack());
        let object = self.pop();
        let Some(get) = get_of(storage, signed) else {
            let object = Src::Slot(self.place_in_slot(&object));
            let dst = self.next_home();
            self.emit.op(Op::StructGetV128, op::StructGet { dst, object, offset });
            self.push_made(kind);
            return;
        };
        let src = self.source(&object, Imm::No, |c| isa::struct_get(get, Class::A, c).is_some());
        self.clobber(kind.is_float());
        let row = isa::struct_get(get, Class::A, src.class()).expect("resolved to a row");
        let dst = self.next_home();
        let at = self.emit.op(row, op::StructGet { dst, object: src, offset });
        self.push_temp(kind, at);
    }

    /// `struct.set`
    pub fn struct_set(&mut self, ty: u32, field: u32) {
        let (storage, offset) = self.field(ty, field);
        let value = self.pop();
        let object = self.pop();
        let Some(set) = set_of(storage) else {
            let object = Src::Slot(self.place_in_slot(&object));
            let value = Src::Slot(self.place_in_slot(&value));
            self.emit.op(Op::StructSetV128, op::StructSet { object, value, offset });
            return;
        };
        let exists = |x: Class, v: Class| isa::struct_set(set, x, v).is_some();
        let (sx, sv, _) = self.sources(&object, &value, Imm::Half, false, exists);
        let row = isa::struct_set(set, sx.class(), sv.class()).expect("resolved to a row");
        self.emit.op(row, op::StructSet { object: sx, value: sv, offset });
    }

    /// `array.new`
    pub fn array_new(&mut self, ty: u32) {
        let y = Kind::of(self.element(ty).unpack()).slots() as u32;
        self.array_call(Runtime::array_new, 2, true, ty, y);
    }

    /// `array.new_default`
    pub fn array_new_default(&mut self, ty: u32) {
        self.array_call(Runtime::array_new_default, 1, true, ty, 0);
    }

    /// `array.new_fixed`
    pub fn array_new_fixed(&mut self, ty: u32, len: u32) {
        self.array_call(Runtime::array_new_fixed, len as usize, true, ty, len);
    }

    /// `array.new_data` and `array.new_elem`
    pub fn array_new_segment(&mut self, function: Runtime, ty: u32, segment: u32) {
        self.array_call(function, 2, true, ty, segment);
    }

    /// `array.fill`
    pub fn array_fill(&mut self, ty: u32) {
        let y = Kind::of(self.element(ty).unpack()).slots() as u32;
        self.array_call(Runtime::array_fill, 4, false, ty, y);
    }

    /// `array.copy`
    pub fn array_copy(&mut self, ty: u32) {
        self.array_call(Runtime::array_copy, 5, false, ty, 0);
    }

    /// `array.init_data` and `array.init_elem`
    pub fn array_init_segment(&mut self, function: Runtime, ty: u32, segment: u32) {
        self.array_call(function, 4, false, ty, segment);
    }

    fn array_call(&mut self, function: Runtime, args: usize, result: bool, ty: u32, y: u32) {
        let x = self.info.type_id(TypeIndex(ty)).0;
        self.runtime(args, result.then_some(Kind::Ref), &RuntimeCall { function, x, y, z: 0 });
    }

    /// `array.get`, `array.get_s` and `array.get_u`
    pub fn array_get(&mut self, ty: u32, signed: bool) {
        let storage = self.element(ty);
        let kind = Kind::of(storage.unpack());
        let index = self.pop();
        let object = self.pop();
        let Some(get) = get_of(storage, signed) else {
            let object = Src::Slot(self.place_in_slot(&object));
            let index = Src::Slot(self.place_in_slot(&index));
            let dst = self.next_home();
            self.emit.op(Op::ArrayGetV128, op::ArrayGet { dst, object, index });
            self.push_made(kind);
            return;
        };
        let exists = |x: Class, y: Class| isa::array_get(get, Class::A, x, y).is_some();
        let (sx, sy, _) = self.sources(&object, &index, Imm::Half, false, exists);
        self.clobber(kind.is_float());
        let row = isa::array_get(get, Class::A, sx.class(), sy.class());
        let operands = op::ArrayGet { dst: self.next_home(), object: sx, index: sy };
        let at = self.emit.op(row.expect("resolved to a row"), operands);
        self.push_temp(kind, at);
    }

    /// `array.set`
    pub fn array_set(&mut self, ty: u32) {
        let storage = self.element(ty);
        let value = self.pop();
        let index = self.pop();
        let object = self.pop();
        let object = self.place_in_slot(&object);
        let Some(set) = set_of(storage) else {
            let index = Src::Slot(self.place_in_slot(&index));
            let value = Src::Slot(self.place_in_slot(&value));
            self.emit.op(Op::ArraySetV128, op::ArraySet { object, index, value });
            return;
        };
        let exists = |y: Class, v: Class| isa::array_set(set, y, v).is_some();
        let (sy, sv, _) = self.sources(&index, &value, Imm::No, false, exists);
        let row = isa::array_set(set, sy.class(), sv.class()).expect("resolved to a row");
        self.emit.op(row, op::ArraySet { object, index: sy, value: sv });
    }

    /// `array.len`
    pub fn array_len(&mut self) {
        self.unary(Un::ArrayLen, Kind::I32);
    }

    /// `ref.eq`
    pub fn ref_eq(&mut self) {
        let mut y = self.pop();
        let mut x = self.pop();
        (x.kind, y.kind) = (Kind::I64, Kind::I64);
        self.binary_of(Bin::I64Eq, x, y, Kind::I32);
    }

    /// How a cast to a type is decided.
    fn cast_target(&self, heap: wasmparser::HeapType, nullable: bool) -> Target {
        if let wasmparser::HeapType::Concrete(UnpackedIndex::Module(index))
        | wasmparser::HeapType::Exact(UnpackedIndex::Module(index)) = heap
        {
            return Target { test: self.defined_target(index), nullable };
        }
        let kinds = |kinds: &[u32]| Test::Ask {
            mode: Cast::Kind,
            ty: kinds.iter().map(|kind| 1 << kind).sum(),
            depth: 0,
        };
        let test = match self.info.heap_type(heap) {
            HeapType::Any | HeapType::Func | HeapType::Extern | HeapType::Exn => Test::Always,
            HeapType::None | HeapType::NoFunc | HeapType::NoExtern | HeapType::NoExn => Test::Never,
            HeapType::Eq => kinds(&[kind::I31, kind::STRUCT, kind::ARRAY]),
            HeapType::I31 => kinds(&[kind::I31]),
            HeapType::Struct => kinds(&[kind::STRUCT]),
            HeapType::Array => kinds(&[kind::ARRAY]),
            HeapType::Concrete(_) => unreachable!("a type index that no reader gives"),
        };
        Target { test, nullable }
    }

    fn defined_target(&self, index: u32) -> Test {
        let info = self.info.type_info(TypeIndex(index));
        let function = info.sub.composite.kind() == HeapType::Func;
        let mode = if function { Cast::Func } else { Cast::Type };
        Test::Ask { mode, ty: info.layout.word, depth: info.supertypes.len() as u32 }
    }

    /// `ref.test`
    pub fn ref_test(&mut self, heap: wasmparser::HeapType, nullable: bool) {
        let target = self.cast_target(heap, nullable);
        let (mode, ty, depth) = match target.test {
            Test::Ask { mode, ty, depth } => (mode, ty, depth),
            Test::Always if nullable => return self.replace_by_const(1),
            Test::Never if !nullable => return self.replace_by_const(0),
            test => {
                self.stack.top_mut().kind = Kind::I64;
                let null = matches!(test, Test::Never);
                self.eqz(if null { Bin::I64Eq } else { Bin::I64Ne });
                return;
            }
        };
        let o = self.pop();
        let src = self.source(&o, Imm::No, |c| isa::ref_test(mode, Class::A, c).is_some());
        self.clobber(false);
        let row = isa::ref_test(mode, Class::A, src.class()).expect("resolved to a row");
        let (dst, null) = (self.next_home(), u16::from(nullable));
        let at = self.emit.op(row, op::RefTest { dst, object: src, null, ty, depth });
        self.push_temp(Kind::I32, at);
    }

    fn replace_by_const(&mut self, value: u64) {
        self.stack.pop();
        self.push(Kind::I32, Place::Const(value));
    }

    /// `ref.cast`: the operand stays where it is.
    pub fn ref_cast(&mut self, heap: wasmparser::HeapType, nullable: bool) {
        let target = self.cast_target(heap, nullable);
        let o = self.peek();
        let (mode, ty, depth) = match target.test {
            Test::Ask { mode, ty, depth } => (mode, ty, depth),
            Test::Always if nullable => return,
            Test::Never if !nullable => return self.trap(Trap::CastFailure),
            test => {
                let null = matches!(test, Test::Never);
                let mut fits = Label::default();
                self.branch_if_null(&o, null, &mut fits);
                self.emit.op(Op::Trap, op::Trap { code: Trap::CastFailure as u32 });
                self.emit.bind(&mut fits);
                return;
            }
        };
        let src = self.source(&o, Imm::No, |c| isa::ref_cast(mode, c).is_some());
        let row = isa::ref_cast(mode, src.class()).expect("resolved to a row");
        self.emit.op(row, op::RefCast { object: src, null: u16::from(nullable), ty, depth });
    }

    /// `br_on_cast`, or with `success` false `br_on_cast_fail`.
    pub fn br_on_cast(&mut self, depth: u32, to: wasmparser::RefType, success: bool) {
        let target = self.cast_target(to.heap_type(), to.is_nullable());
        let always = match target.test {
            Test::Always => target.nullable.then_some(true),
            Test::Never => (!target.nullable).then_some(false),
            Test::Ask { .. } => None,
        };
        match always {
            Some(fits) if fits == success => self.br(depth),
            Some(_) => {}
            None => self.branch_out(depth, |t, taken, label| {
                t.branch_if_cast(&target, taken == success, label);
            }),
        }
    }

    /// Emits a branch to `label` if the top operand is of a type, or if it is not.
    fn branch_if_cast(&mut self, target: &Target, fits: bool, label: &mut Label) {
        let o = self.peek();
        let Test::Ask { mode, ty, depth } = target.test else {
            let null = matches!(target.test, Test::Never);
            return self.branch_if_null(&o, null == fits, label);
        };
        let src: Src = self.source(&o, Imm::No, |c| isa::br_on_cast(mode, fits, c).is_some());
        let row = isa::br_on_cast(mode, fits, src.class()).expect("resolved to a row");
        let null = u16::from(target.nullable);
        let at = self.emit.op(row, op::BrOnCast { object: src, null, to: 0, ty, depth });
        self.last = None;
        self.emit.branch(at, label);
        self.emit.set_barrier();
    }
}
