//! How objects of defined types are laid out in the garbage-collected heap.
//!
//! ```text
//!   object + 0   word      type id and kind
//!   object + 4   length    elements of an array, otherwise the host object's place
//!   object + 8 ..          fields in order, each aligned to its size; or elements
//! ```
//!
//! Fields keep their declared order, so that a subtype's layout begins with its supertype's.

use crate::types::{CompositeType, FieldType, StorageType, ValType};

/// Bytes of an object's header.
pub const HEADER: u32 = 8;
/// Where an exception's payload begins: behind the header and its tag.
pub const EXN_PAYLOAD: u32 = 16;
/// Most bytes of an object.
pub const MAX_OBJECT: u64 = 1 << 30;

/// How wide a field is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u32)]
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
#[repr(C)]
pub struct FieldPlace {
    /// Bytes from the object's start.
    pub offset: u32,
    /// Its width.
    pub width: Width,
}

/// The layout of a type's objects.
#[derive(Debug)]
pub struct ObjectLayout {
    /// Bytes of a structure, or of an exception whose tag has this function type; for arrays of what
    /// lies before the elements.
    pub size: u32,
    /// The fields of a structure; for an array one, its first element.
    pub fields: Box<[FieldPlace]>,
    /// Where the references are. For arrays only whether there are any counts.
    pub refs: Box<[u32]>,
}

impl ObjectLayout {
    /// The layout for a type.
    pub fn new(ty: &CompositeType) -> ObjectLayout {
        match ty {
            CompositeType::Struct(ty) => ObjectLayout::of_fields(ty.fields()),
            CompositeType::Array(ty) => {
                let mut layout = ObjectLayout::of_fields(&[ty.field_type()]);
                layout.size = layout.fields[0].offset;
                layout
            }
            CompositeType::Func(ty) => {
                let mut offset = EXN_PAYLOAD;
                let mut refs = Vec::new();
                for ty in ty.params() {
                    if ty.is_ref() {
                        refs.push(offset);
                    }
                    offset += 8 * ty.slots();
                }
                ObjectLayout { size: offset, fields: Box::default(), refs: refs.into() }
            }
        }
    }

    fn of_fields(types: &[FieldType]) -> ObjectLayout {
        let mut offset = HEADER;
        let mut fields = Vec::with_capacity(types.len());
        let mut refs = Vec::new();
        for ty in types {
            let width = Width::of(ty.element_type());
            offset = offset.next_multiple_of(width.bytes());
            fields.push(FieldPlace { offset, width });
            if matches!(ty.element_type(), StorageType::ValType(ValType::Ref(_))) {
                refs.push(offset);
            }
            offset += width.bytes();
        }
        ObjectLayout { size: offset, fields: fields.into(), refs: refs.into() }
    }

    /// Bytes of an array of `len` elements; `None` if it is too large for any heap.
    pub fn array_size(&self, len: u32) -> Option<usize> {
        let element = u64::from(self.fields.first()?.width.bytes());
        let size = u64::from(self.size) + u64::from(len) * element;
        (size <= MAX_OBJECT).then_some(size as usize)
    }
}
