//! Making, reading and writing objects, for runtime functions, constant expressions and the host.

use super::gc::no_such_field;
use super::heap::{Header, kind};
use super::value::{HeldRef, ObjectRef, Value};
use super::{Slot, VmStore};
use crate::error::{Result, bail, ensure, format_err};
use crate::index::TypeId;
use crate::prelude::*;
use crate::trap::Trap;
use crate::types::{ArrayType, FieldType, StorageType, ValType};
use crate::wasm::object_layout::{FieldPlace, ObjectLayout, Width};
use crate::wasm::{RegisteredType, TypeLookup};

/// Writes the low bits of `slots` to a field.
///
/// # Safety
///
/// The object has the field.
unsafe fn write_field(object: *mut u8, place: FieldPlace, slots: [Slot; 2]) {
    // SAFETY: the caller's promise; fields are aligned to their size.
    unsafe {
        let at = object.add(place.offset as usize);
        match place.width {
            Width::W8 => at.write(slots[0] as u8),
            Width::W16 => at.cast::<u16>().write((slots[0] as u16).to_le()),
            Width::W32 => at.cast::<u32>().write((slots[0] as u32).to_le()),
            Width::W64 => at.cast::<u64>().write(slots[0].to_le()),
            Width::W128 => {
                at.cast::<u64>().write(slots[0].to_le());
                at.cast::<u64>().add(1).write(slots[1].to_le());
            }
        }
    }
}

/// Reads a field, zero-extended.
///
/// # Safety
///
/// The object has the field.
unsafe fn read_field(object: *const u8, place: FieldPlace) -> [Slot; 2] {
    // SAFETY: the caller's promise.
    unsafe {
        let at = object.add(place.offset as usize);
        match place.width {
            Width::W8 => [u64::from(at.read()), 0],
            Width::W16 => [u64::from(u16::from_le(at.cast::<u16>().read())), 0],
            Width::W32 => [u64::from(u32::from_le(at.cast::<u32>().read())), 0],
            Width::W64 => [u64::from_le(at.cast::<u64>().read()), 0],
            Width::W128 => [
                u64::from_le(at.cast::<u64>().read()),
                u64::from_le(at.cast::<u64>().add(1).read()),
            ],
        }
    }
}

/// A range of an array, checked.
fn range(start: u32, len: u32, size: u64, trap: Trap) -> Result<core::ops::Range<usize>> {
    let end = u64::from(start) + u64::from(len);
    if end > size {
        return Err(trap.into());
    }
    Ok(start as usize..end as usize)
}

/// An array, and where its elements are.
#[derive(Clone, Copy)]
struct Array {
    elements: *mut u8,
    len: u32,
    width: Width,
}

impl VmStore {
    /// A structure. Its fields are read from slots one behind the other, or are zero.
    ///
    /// # Safety
    ///
    /// `ty` is a structure type in use, and `fields` leads to values of its fields, references in
    /// them being roots.
    ///
    /// # Errors
    ///
    /// As for [`VmStore::allocate`].
    pub unsafe fn new_struct(&mut self, ty: TypeId, fields: Option<*const Slot>) -> Result<Slot> {
        // SAFETY: the type is in use.
        let layout = unsafe { self.layout(ty) };
        let size = layout.size as usize;
        let object = self.allocate(Header::new(kind::STRUCT, ty.0, 0), Some(size))?;
        let at = self.heap.object(object);
        // SAFETY: the object is fresh and has the layout's size; the caller's promise.
        unsafe {
            match fields {
                None => at.add(8).write_bytes(0, size - 8),
                Some(mut slots) => {
                    for &place in &layout.fields {
                        let count = place.width.slots();
                        let high = if count == 2 { slots.add(1).read() } else { 0 };
                        write_field(at, place, [slots.read(), high]);
                        slots = slots.add(count);
                    }
                }
            }
        }
        Ok(object)
    }

    /// An array whose elements are undefined: they must be written before anything else is
    /// allocated.
    ///
    /// # Safety
    ///
    /// `ty` is an array type in use.
    unsafe fn new_array(&mut self, ty: TypeId, len: u32) -> Result<(Slot, Array)> {
        // SAFETY: the caller's promise.
        let layout = unsafe { self.layout(ty) };
        let object = self.allocate(Header::new(kind::ARRAY, ty.0, len), layout.array_size(len))?;
        // SAFETY: the object was just made.
        Ok((object, unsafe { self.array(object) }.expect("just made")))
    }

    /// The layout of a type. It lives as long as the engine's types, which the store keeps.
    ///
    /// # Safety
    ///
    /// The type is in use, and the store outlives the result.
    unsafe fn layout<'a>(&self, ty: TypeId) -> &'a ObjectLayout {
        // SAFETY: `use_type` entered the address of a part of the registry, which never moves.
        unsafe { &*self.type_table.entries()[ty.idx()].layout }
    }

    /// An array by its reference.
    ///
    /// # Errors
    ///
    /// [`Trap::NullReference`]
    ///
    /// # Safety
    ///
    /// The slot holds a live reference to an array, or null.
    unsafe fn array(&self, slot: Slot) -> Result<Array, Trap> {
        if slot == 0 {
            return Err(Trap::NullReference);
        }
        // SAFETY: the caller's promise.
        let header = unsafe { self.heap.header(slot) };
        // SAFETY: types of objects are in use.
        let layout = unsafe { self.layout(header.type_id()) };
        let elements = self.heap.object(slot).wrapping_add(layout.size as usize);
        Ok(Array { elements, len: header.len, width: layout.fields[0].width })
    }

    /// An array of `len` times a value; zeros without one.
    ///
    /// # Safety
    ///
    /// `ty` is an array type in use, and the value one of its elements', if a reference a root.
    ///
    /// # Errors
    ///
    /// As for [`VmStore::allocate`].
    pub unsafe fn new_array_of(
        &mut self,
        ty: TypeId,
        value: Option<[Slot; 2]>,
        len: u32,
    ) -> Result<Slot> {
        // SAFETY: the caller's promise.
        let (object, array) = unsafe { self.new_array(ty, len) }?;
        // SAFETY: the array has these elements.
        unsafe { fill(array, 0..len as usize, value.unwrap_or_default()) };
        Ok(object)
    }

    /// An array of elements read from slots one behind the other.
    ///
    /// # Safety
    ///
    /// As for [`VmStore::new_struct`].
    ///
    /// # Errors
    ///
    /// As for [`VmStore::allocate`].
    pub unsafe fn new_array_fixed(
        &mut self,
        ty: TypeId,
        elements: *const Slot,
        len: u32,
    ) -> Result<Slot> {
        // SAFETY: the caller's promise.
        let (object, array) = unsafe { self.new_array(ty, len) }?;
        let count = array.width.slots();
        for i in 0..len as usize {
            // SAFETY: the caller's promise, and the array has the element.
            unsafe {
                let at = elements.add(i * count);
                let high = if count == 2 { at.add(1).read() } else { 0 };
                write_element(array, i, [at.read(), high]);
            }
        }
        Ok(object)
    }

    /// An array of bytes of a data segment, as they are.
    ///
    /// # Safety
    ///
    /// `ty` is a type in use, of arrays of numbers.
    ///
    /// # Errors
    ///
    /// [`Trap::MemoryOutOfBounds`], and as for [`VmStore::allocate`].
    pub unsafe fn new_array_data(
        &mut self,
        ty: TypeId,
        (instance, segment): (u32, u32),
        start: u32,
        len: u32,
    ) -> Result<Slot> {
        // SAFETY: the caller's promise.
        let width = unsafe { self.layout(ty) }.fields[0].width;
        let size = self.data_segment(instance, segment).len() as u64;
        data_range(start.into(), len, width, size)?;
        // SAFETY: the caller's promise.
        let (object, array) = unsafe { self.new_array(ty, len) }?;
        // SAFETY: the ranges were checked.
        unsafe { self.copy_data(array, 0, (instance, segment), start.into(), len)? };
        Ok(object)
    }

    /// An array of elements of a segment.
    ///
    /// # Safety
    ///
    /// `ty` is a type in use, whose elements those of the segment can be.
    ///
    /// # Errors
    ///
    /// [`Trap::TableOutOfBounds`], and as for [`VmStore::allocate`].
    pub unsafe fn new_array_elem(
        &mut self,
        ty: TypeId,
        (instance, segment): (u32, u32),
        start: u32,
        len: u32,
    ) -> Result<Slot> {
        let size = self.elem_segment(instance, segment).len() as u64;
        range(start, len, size, Trap::TableOutOfBounds)?;
        // SAFETY: the caller's promise.
        let (object, array) = unsafe { self.new_array(ty, len) }?;
        // SAFETY: the range was checked, and the array is fresh.
        unsafe { self.copy_elems(array, 0, (instance, segment), start, len)? };
        Ok(object)
    }

    /// `array.fill`
    ///
    /// # Safety
    ///
    /// The slot holds an array or null, and the value is an element for it.
    ///
    /// # Errors
    ///
    /// [`Trap::NullReference`], [`Trap::ArrayOutOfBounds`].
    pub unsafe fn array_fill(
        &mut self,
        array: Slot,
        start: u32,
        value: [Slot; 2],
        len: u32,
    ) -> Result<()> {
        // SAFETY: the caller's promise.
        let array = unsafe { self.array(array) }?;
        let range = range(start, len, u64::from(array.len), Trap::ArrayOutOfBounds)?;
        // SAFETY: the range was checked.
        unsafe { fill(array, range, value) };
        Ok(())
    }

    /// `array.copy`
    ///
    /// # Safety
    ///
    /// Both slots hold arrays or null, and the elements of one can be those of the other.
    ///
    /// # Errors
    ///
    /// [`Trap::NullReference`], [`Trap::ArrayOutOfBounds`].
    pub unsafe fn array_copy(
        &mut self,
        (to, to_start): (Slot, u32),
        (from, from_start): (Slot, u32),
        len: u32,
    ) -> Result<()> {
        // SAFETY: the caller's promise.
        let (to, from) = unsafe { (self.array(to)?, self.array(from)?) };
        let to_range = range(to_start, len, u64::from(to.len), Trap::ArrayOutOfBounds)?;
        let from_range = range(from_start, len, u64::from(from.len), Trap::ArrayOutOfBounds)?;
        let bytes = to.width.bytes() as usize;
        // SAFETY: the ranges were checked; they may overlap.
        unsafe {
            let source = from.elements.add(from_range.start * bytes);
            to.elements.add(to_range.start * bytes).copy_from(source, to_range.len() * bytes);
        }
        Ok(())
    }

    /// `array.init_data`, from as many elements as are `skipped` behind the start of the bytes on.
    ///
    /// # Safety
    ///
    /// The slot holds an array of numbers or null.
    ///
    /// # Errors
    ///
    /// [`Trap::NullReference`], [`Trap::ArrayOutOfBounds`], [`Trap::MemoryOutOfBounds`].
    pub unsafe fn array_init_data(
        &mut self,
        (to, to_start): (Slot, u32),
        segment: (u32, u32),
        (start, skipped): (u32, u32),
        len: u32,
    ) -> Result<()> {
        // SAFETY: the caller's promise.
        let array = unsafe { self.array(to) }?;
        range(to_start, len, u64::from(array.len), Trap::ArrayOutOfBounds)?;
        let start = u64::from(start) + u64::from(skipped) * u64::from(array.width.bytes());
        // SAFETY: the range was checked.
        unsafe { self.copy_data(array, to_start, segment, start, len) }
    }

    /// `array.init_elem`
    ///
    /// # Safety
    ///
    /// The slot holds an array or null, whose elements those of the segment can be.
    ///
    /// # Errors
    ///
    /// [`Trap::NullReference`], [`Trap::ArrayOutOfBounds`], [`Trap::TableOutOfBounds`].
    pub unsafe fn array_init_elem(
        &mut self,
        (to, to_start): (Slot, u32),
        segment: (u32, u32),
        start: u32,
        len: u32,
    ) -> Result<()> {
        // SAFETY: the caller's promise.
        let array = unsafe { self.array(to) }?;
        range(to_start, len, u64::from(array.len), Trap::ArrayOutOfBounds)?;
        // SAFETY: the range was checked.
        unsafe { self.copy_elems(array, to_start, segment, start, len) }
    }

    /// Copies from a data segment; the range of the array has been checked.
    unsafe fn copy_data(
        &self,
        to: Array,
        to_start: u32,
        (instance, segment): (u32, u32),
        start: u64,
        len: u32,
    ) -> Result<()> {
        let data = self.data_segment(instance, segment);
        let range = data_range(start, len, to.width, data.len() as u64)?;
        // Both are little-endian.
        let data = &data[range];
        let at = to.elements.wrapping_add(to_start as usize * to.width.bytes() as usize);
        // SAFETY: the caller checked the target; a segment is no part of the heap.
        unsafe { at.copy_from_nonoverlapping(data.as_ptr(), data.len()) };
        Ok(())
    }

    /// Copies from an element segment; the range of the array has been checked.
    unsafe fn copy_elems(
        &self,
        to: Array,
        to_start: u32,
        (instance, segment): (u32, u32),
        start: u32,
        len: u32,
    ) -> Result<()> {
        let elems = self.elem_segment(instance, segment);
        let range = range(start, len, elems.len() as u64, Trap::TableOutOfBounds)?;
        for (i, &elem) in elems[range].iter().enumerate() {
            // SAFETY: the caller checked the target.
            unsafe { write_element(to, to_start as usize + i, [elem, 0]) };
        }
        Ok(())
    }

    // ---- for the host

    /// The type of a structure's fields, or of all elements of an array.
    fn field_type(&self, header: Header, index: usize) -> Result<(FieldType, FieldPlace)> {
        let info = self.types().type_info(header.type_id());
        if let Some(ty) = info.as_array() {
            ensure!(index < header.len as usize, no_such_field(index));
            let mut place = info.layout.fields[0];
            place.offset += index as u32 * place.width.bytes();
            return Ok((ty.field_type(), place));
        }
        let ty = info.as_struct().and_then(|ty| ty.fields().get(index));
        let ty = ty.ok_or_else(|| no_such_field(index))?;
        Ok((*ty, info.layout.fields[index]))
    }

    /// The head of a structure or array that the host names.
    fn aggregate(&self, object: &impl HeldRef) -> Result<(Slot, Header)> {
        let slot = self.slot_of(object);
        // SAFETY: handles hold live references.
        let header = unsafe { self.header_of(slot) };
        match header {
            Some(header) if matches!(header.kind(), kind::STRUCT | kind::ARRAY) => {
                Ok((slot, header))
            }
            _ => bail!("the reference is not to a structure or array"),
        }
    }

    /// The type of a structure or array, and how many fields or elements it has.
    ///
    /// # Errors
    ///
    /// If it is neither.
    pub fn aggregate_type(&self, object: &impl HeldRef) -> Result<(TypeId, usize)> {
        let (_, header) = self.aggregate(object)?;
        let info = self.types().type_info(header.type_id());
        let len = info.as_struct().map_or(header.len as usize, |ty| ty.fields().len());
        Ok((header.type_id(), len))
    }

    /// Field `index` of a structure, or element of an array. Packed integers are zero-extended.
    ///
    /// # Errors
    ///
    /// If the object has none.
    pub fn get_field(&mut self, object: &impl HeldRef, index: usize) -> Result<Value> {
        let (slot, header) = self.aggregate(object)?;
        let (ty, place) = self.field_type(header, index)?;
        // SAFETY: the object has the field, and it holds a value of its type.
        unsafe {
            let slots = read_field(self.heap.object(slot), place);
            Ok(self.value_from_slots(ty.element_type().unpack(), slots))
        }
    }

    /// Sets a field or element.
    ///
    /// # Errors
    ///
    /// If the object has none, it is immutable, or the value has another type.
    pub fn set_field(&mut self, object: &impl HeldRef, index: usize, value: Value) -> Result<()> {
        let (slot, header) = self.aggregate(object)?;
        let (ty, place) = self.field_type(header, index)?;
        ensure!(ty.mutability().is_var(), "field or element {index} is immutable");
        self.check_value(value, ty.element_type().unpack())?;
        // SAFETY: the object has the field.
        unsafe { write_field(self.heap.object(slot), place, self.slots_of(value)) };
        Ok(())
    }

    /// Makes a structure from values.
    ///
    /// # Errors
    ///
    /// If they are not its fields', and as for [`VmStore::allocate`].
    pub fn host_struct(&mut self, info: &RegisteredType, fields: &[Value]) -> Result<ObjectRef> {
        let ty = info.id;
        self.use_type(info);
        let types =
            info.as_struct().ok_or_else(|| format_err!("`{ty:?}` is not a structure type"))?;
        ensure!(
            types.fields().len() == fields.len(),
            "expected {} fields, found {}",
            types.fields().len(),
            fields.len()
        );
        let types = types.fields().iter().map(|ty| ty.element_type());
        let slots = self.checked_slots(types, fields)?;
        // SAFETY: the values were checked; references among them have handles, which are roots.
        let object = unsafe { self.new_struct(ty, Some(slots.as_ptr())) }?;
        Ok(self.root(object).expect("not null"))
    }

    /// Makes an array from values.
    ///
    /// # Errors
    ///
    /// If they are not elements for it, and as for [`VmStore::allocate`].
    pub fn host_array(&mut self, info: &RegisteredType, elements: &[Value]) -> Result<ObjectRef> {
        let ty = info.id;
        self.use_type(info);
        let element =
            info.as_array().ok_or_else(|| format_err!("`{ty:?}` is not an array type"))?;
        let len = u32::try_from(elements.len()).map_err(|_| Trap::AllocationTooLarge)?;
        let slots = self.checked_slots(core::iter::repeat(element.element_type()), elements)?;
        // SAFETY: as in `host_struct`.
        let object = unsafe { self.new_array_fixed(ty, slots.as_ptr(), len) }?;
        Ok(self.root(object).expect("not null"))
    }

    /// Makes an array of `len` times a value.
    ///
    /// # Errors
    ///
    /// As for [`VmStore::host_array`].
    pub fn host_array_of(
        &mut self,
        info: &RegisteredType,
        value: Value,
        len: u32,
    ) -> Result<ObjectRef> {
        let ty = info.id;
        self.use_type(info);
        let element =
            info.as_array().ok_or_else(|| format_err!("`{ty:?}` is not an array type"))?;
        self.check_value(value, element.element_type().unpack())?;
        // SAFETY: as in `host_struct`.
        let object = unsafe { self.new_array_of(ty, Some(self.slots_of(value)), len) }?;
        Ok(self.root(object).expect("not null"))
    }

    /// Makes an array of 8-bit integers.
    ///
    /// # Errors
    ///
    /// As for [`VmStore::allocate`], and if it is a type of other elements.
    pub fn host_array_of_bytes(
        &mut self,
        info: &RegisteredType,
        bytes: &[u8],
    ) -> Result<ObjectRef> {
        let is_bytes = |ty: &ArrayType| ty.element_type() == StorageType::I8;
        ensure!(info.as_array().is_some_and(is_bytes), "not an array type of 8-bit integers");
        let len = u32::try_from(bytes.len()).map_err(|_| Trap::AllocationTooLarge)?;
        self.use_type(info);
        // SAFETY: the type is in use; the array has as many bytes.
        let object = unsafe {
            let (object, array) = self.new_array(info.id, len)?;
            array.elements.copy_from_nonoverlapping(bytes.as_ptr(), bytes.len());
            object
        };
        Ok(self.root(object).expect("not null"))
    }

    /// The elements of an array of 8-bit integers.
    ///
    /// # Errors
    ///
    /// If it is something else.
    pub fn array_bytes(&self, object: &impl HeldRef) -> Result<&[u8]> {
        let (slot, header) = self.aggregate(object)?;
        let info = self.types().type_info(header.type_id());
        let is_bytes = |ty: &ArrayType| ty.element_type() == StorageType::I8;
        ensure!(info.as_array().is_some_and(is_bytes), "not an array of 8-bit integers");
        let start = self.heap.object(slot).wrapping_add(info.layout.size as usize);
        // SAFETY: the elements are behind what the layout says, written when the array was made; it
        // lives while its handle does, and no code runs while the store is borrowed.
        Ok(unsafe { core::slice::from_raw_parts(start, header.len as usize) })
    }

    fn checked_slots(
        &self,
        types: impl Iterator<Item = StorageType>,
        values: &[Value],
    ) -> Result<Vec<Slot>> {
        let mut slots = Vec::with_capacity(values.len());
        for (ty, &value) in types.zip(values) {
            let ty: ValType = ty.unpack();
            self.check_value(value, ty)?;
            slots.extend_from_slice(&self.slots_of(value)[..ty.slots() as usize]);
        }
        Ok(slots)
    }
}

/// The bytes of a segment that `len` elements are made of.
fn data_range(start: u64, len: u32, width: Width, size: u64) -> Result<core::ops::Range<usize>> {
    let end = start + u64::from(len) * u64::from(width.bytes());
    if end > size {
        return Err(Trap::MemoryOutOfBounds.into());
    }
    Ok(start as usize..end as usize)
}

/// Writes an element.
///
/// # Safety
///
/// The array has it.
unsafe fn write_element(array: Array, index: usize, value: [Slot; 2]) {
    let place = FieldPlace { offset: 0, width: array.width };
    let at = array.elements.wrapping_add(index * array.width.bytes() as usize);
    // SAFETY: the caller's promise.
    unsafe { write_field(at, place, value) };
}

/// Writes a value to a range of elements.
///
/// # Safety
///
/// The array has them.
unsafe fn fill(array: Array, range: core::ops::Range<usize>, value: [Slot; 2]) {
    let bytes = array.width.bytes() as usize;
    if value == [0, 0] || bytes == 1 {
        let at = array.elements.wrapping_add(range.start * bytes);
        // SAFETY: the caller's promise.
        unsafe { at.write_bytes(value[0] as u8, range.len() * bytes) };
        return;
    }
    for index in range {
        // SAFETY: the caller's promise.
        unsafe { write_element(array, index, value) };
    }
}
