//! How objects of defined types are laid out in the garbage-collected heap.
//!
//! ```text
//!   object + 0   word      kind and type id
//!   object + 4   length    elements of an array, otherwise the host object's place
//!   object + 8 ..          a structure's fields in order, a slot each (two for v128);
//!                          or an array's elements, as wide as they are
//! ```
//!
//! Structures are slots, as frames are, so that making one is copying a run of slots. Fields keep
//! their declared order, so that a subtype's layout begins with its supertype's.

use crate::index::TypeId;
use crate::prelude::*;
use crate::types::{CompositeType, StorageType, ValType};

/// What an object is: the top bits of its first word. As bits of a mask they say what a cast
/// admits, together with [`kind::NULL`] and [`kind::I31`].
pub mod kind {
    /// Not an object: null.
    #[allow(dead_code, reason = "says what bit 0 of a mask is")]
    pub const NULL: u32 = 0;
    /// Not an object: a small integer.
    pub const I31: u32 = 1;
    /// A structure.
    pub const STRUCT: u32 = 2;
    /// An array.
    pub const ARRAY: u32 = 3;
    /// A host object.
    pub const EXTERN: u32 = 4;
    /// Where the kind lies in an object's first word; the type id is below.
    pub const SHIFT: u32 = 28;
    /// The type id in an object's first word.
    pub const TYPE: u32 = (1 << SHIFT) - 1;
}

/// Bytes of an object's header.
pub const HEADER: u32 = 8;
/// Most bytes of an object.
pub const MAX_OBJECT: u64 = 1 << 30;

/// How wide a field is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Width {
    /// 8 bits.
    W8,
    /// 16 bits.
    W16,
    /// 32 bits.
    W32,
    /// 64 bits, references included.
    W64,
    /// 128 bits: two slots.
    W128,
}

impl Width {
    /// The width of a field.
    pub const fn of(ty: StorageType) -> Width {
        match ty.bytes() {
            1 => Width::W8,
            2 => Width::W16,
            4 => Width::W32,
            8 => Width::W64,
            _ => Width::W128,
        }
    }

    /// Its bytes.
    pub const fn bytes(self) -> u32 {
        1 << self as u32
    }

    /// Slots that the value takes outside of objects.
    pub const fn slots(self) -> usize {
        if matches!(self, Width::W128) { 2 } else { 1 }
    }
}

/// Where a field is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FieldPlace {
    /// Bytes from the object's start.
    pub offset: u32,
    /// Its width.
    pub width: Width,
}

/// The layout of a type's objects, and what their casts look at.
#[derive(Debug)]
pub struct ObjectLayout {
    /// The first word of an object; for a function type its id.
    pub word: u32,
    /// The same of the types above, outermost first.
    pub display: Box<[u32]>,
    /// Bytes of a structure; for arrays of what lies before the elements.
    pub size: u32,
    /// The fields of a structure; for an array one, its first element.
    pub fields: Box<[FieldPlace]>,
    /// Where the references are. For arrays only whether there are any counts.
    pub refs: Box<[u32]>,
}

impl ObjectLayout {
    /// The layout for type `id`, with the types above it.
    pub fn new(id: TypeId, ty: &CompositeType, supertypes: &[TypeId]) -> ObjectLayout {
        let kind = match ty {
            CompositeType::Struct(_) => kind::STRUCT << kind::SHIFT,
            CompositeType::Array(_) => kind::ARRAY << kind::SHIFT,
            CompositeType::Func(_) => 0,
        };
        let mut layout = ObjectLayout {
            word: kind | id.0,
            display: supertypes.iter().map(|id| kind | id.0).collect(),
            size: HEADER,
            fields: Box::default(),
            refs: Box::default(),
        };
        let is_ref = |ty| matches!(ty, StorageType::ValType(ValType::Ref(_)));
        match ty {
            CompositeType::Struct(ty) => {
                let (mut fields, mut refs) = (Vec::new(), Vec::new());
                for ty in ty.fields() {
                    let width = Width::of(ty.element_type());
                    fields.push(FieldPlace { offset: layout.size, width });
                    if is_ref(ty.element_type()) {
                        refs.push(layout.size);
                    }
                    layout.size += 8 * width.slots() as u32;
                }
                (layout.fields, layout.refs) = (fields.into(), refs.into());
            }
            CompositeType::Array(ty) => {
                let width = Width::of(ty.element_type());
                layout.size = HEADER.next_multiple_of(width.bytes());
                layout.fields = Box::new([FieldPlace { offset: layout.size, width }]);
                if is_ref(ty.element_type()) {
                    layout.refs = Box::new([layout.size]);
                }
            }
            CompositeType::Func(_) => {}
        }
        layout
    }

    /// Bytes of an array of `len` elements; `None` if it is too large for any heap.
    pub fn array_size(&self, len: u32) -> Option<usize> {
        let element = u64::from(self.fields.first()?.width.bytes());
        let size = u64::from(self.size) + u64::from(len) * element;
        (size <= MAX_OBJECT).then_some(size as usize)
    }
}
