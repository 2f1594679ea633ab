//! The instances of a store: allocation and initialisation (core specification, section 4.7.3
//! "Instantiation"), all but the start function, which is code and so a matter of higher layers.

use alloc::sync::Arc;
use core::ptr::NonNull;

use super::external::External;
use super::handle::Handle;
use super::heap::i31_slot;
use super::instance::Instance;
use super::layout::GlobalPlace;
use super::memory::no_memory;
use super::{CodeMap, Slot, StoreCtx, VmCtx, VmFunc, VmImport, VmStore};
use crate::error::{Error, Printable, Result, ensure};
use crate::index::{GlobalIndex, MemoryIndex, TableIndex};
use crate::prelude::*;
use crate::trap::Trap;
use crate::wasm::{ConstExpr, ConstOp, DataMode, ElemItems, ElemMode, ModuleInfo, TypeLookup};

impl VmStore {
    /// All instances, in the order in which they were made.
    pub fn instance_handles(&self) -> impl Iterator<Item = Handle> + '_ {
        let store = self.id();
        (0..self.instances.len() as u32).map(move |index| Handle { store, index })
    }

    /// Makes an instance and initialises it, without running its start function. What was written
    /// to imported memories and tables before a trap stays written, and an instance whose
    /// initialisation traps stays alive, because tables may already lead to its functions.
    ///
    /// # Errors
    ///
    /// When the imports do not fit, limits refuse, or initialisation traps ([`Trap`]).
    pub fn instantiate(&mut self, code: Arc<CodeMap>, imports: &[External]) -> Result<Handle> {
        let info = code.info().clone();
        ensure!(
            imports.len() == info.imports.len(),
            "expected {} imports, found {}",
            info.imports.len(),
            imports.len()
        );
        // Before anything is compared: the store must know the types that are asked for.
        for ty in &info.types {
            self.use_type(ty);
        }
        for (import, &given) in info.imports.iter().zip(imports) {
            self.assert_owns(given.store());
            self.check_import(&info, import.entity, given).map_err(|cause| {
                cause.context(format!(
                    "incompatible import type for `{}::{}`",
                    Printable(&import.module),
                    Printable(&import.name)
                ))
            })?;
        }
        self.check_count(self.instances.len(), self.tunables.max_instances, "instance")?;
        // Code that exists already counts once, however many instances have it.
        let (module, ahead) = (Arc::as_ptr(&code) as usize, code.ahead());
        let is_new = ahead > 0 && !self.modules_ahead.contains(&module);
        if is_new {
            self.take_code(ahead)?;
        }
        let this = self.allocate_instance(code, imports)?;
        if is_new {
            self.modules_ahead.insert(module);
        }
        self.init_globals(this, &info)?;
        self.init_tables(this, &info)?;
        self.init_passive_elems(this, &info)?;
        self.run_active_elems(this, &info)?;
        self.run_active_data(this, &info)?;
        Ok(this)
    }

    /// Allocates an instance with its memories, tables (null so far) and globals (zero so far).
    fn allocate_instance(&mut self, code: Arc<CodeMap>, imports: &[External]) -> Result<Handle> {
        let info = code.info().clone();
        let store = self.id();
        let index = self.instances.len() as u32;
        let mut tables = Vec::with_capacity(info.tables.len());
        let mut memories = Vec::with_capacity(info.memories.len());
        let mut imported_globals = Vec::new();
        let mut tags = Vec::with_capacity(info.tags.len());
        let mut imported_funcs = Vec::new();
        for import in imports {
            match *import {
                External::Func(func) => imported_funcs.push(func),
                External::Global(global) => imported_globals.push(global),
                External::Table(table) => tables.push(table.index),
                External::Memory(memory) => memories.push(memory.index),
                External::Tag(tag) => tags.push(tag.index),
            }
        }
        for ty in &info.tables[info.num_imported_tables as usize..] {
            tables.push(self.add_table(*ty, 0)?.index);
        }
        let image = match &self.tunables.memory.pool {
            Some(_) => code.memory_image(),
            None => None,
        };
        let own = &info.memories[info.num_imported_memories as usize..];
        for (i, ty) in own.iter().enumerate() {
            // It is one of memory 0, which is the module's own then.
            memories.push(self.new_memory_with(*ty, image.filter(|_| i == 0))?.index);
        }
        for &ty in &info.tags[info.num_imported_tags as usize..] {
            tags.push(self.new_tag(info.type_info(ty).id).index);
        }

        // SAFETY: the size is not zero, as the fixed part of a context is not.
        let raw = unsafe { alloc::alloc::alloc_zeroed(Instance::layout(&code)) };
        let Some(ctx) = NonNull::new(raw.cast::<VmCtx>()) else {
            alloc::alloc::handle_alloc_error(Instance::layout(&code))
        };
        let func_refs = self.make_func_refs(&code, ctx, index);
        let mem0 = match memories.first() {
            Some(&memory) => self.memory_ptr(memory).as_ptr(),
            None => no_memory(),
        };
        let instance = Instance {
            ctx,
            func_refs,
            tables: tables.into(),
            memories: memories.into(),
            imported_globals: imported_globals.into(),
            tags: tags.into(),
            elems: vec![Box::default(); info.elements.len()].into(),
            data_dropped: vec![false; info.datas.len()].into(),
            code,
        };
        if info.has_float_locals && self.ctx.pins_floats == 0 {
            self.pin_floats();
        }
        let layout = instance.code.layout();
        // SAFETY: all places are inside the allocation, which nobody else knows yet, and hold what
        // the layout says.
        unsafe {
            ctx.write(VmCtx {
                store: self.ctx.inner.cast::<StoreCtx>(),
                mem0,
                code: instance.code.entries().as_ptr(),
                func_refs: func_refs.cast(),
                module: Arc::as_ptr(&instance.code),
                instance_index: index,
                reserved: 0,
            });
            for (i, func) in imported_funcs.iter().enumerate() {
                let func = func.as_ptr();
                instance
                    .import_place(i as u32)
                    .write(VmImport { func, call: self.import_call(func) });
            }
            for (i, &table) in instance.tables.iter().enumerate() {
                instance.place(layout.tables + 8 * i as u32).write(self.table_ptr(table));
            }
            for (i, &memory) in instance.memories.iter().enumerate() {
                instance.place(layout.memories + 8 * i as u32).write(self.memory_ptr(memory));
            }
            for (global, place) in instance.imported_globals.iter().zip(&layout.globals) {
                if let GlobalPlace::Indirect(offset) = *place {
                    instance.place(offset).write(self.global_ptr(*global));
                }
            }
        }
        self.instances.push(instance);
        Ok(Handle { store, index })
    }

    /// The handler that calls an imported function from now on.
    fn import_call(&self, func: *const VmFunc) -> *const () {
        // SAFETY: functions live as long as their store.
        let is_host = unsafe { (*func).instance.is_null() };
        (self.executor.import_call)(is_host, self.ctx.pins_floats != 0)
    }

    /// Code that pins floats comes into the store: from now on all calls of host functions save
    /// them. Happens once in a store's life.
    fn pin_floats(&mut self) {
        self.ctx.pins_floats = 1;
        for instance in &self.instances {
            for index in 0..instance.info().num_imported_funcs {
                let place = instance.import_place(index);
                // SAFETY: the place was filled at instantiation; no handler runs.
                unsafe {
                    let func = place.read().func;
                    place.write(VmImport { func, call: self.import_call(func) });
                }
            }
        }
    }

    fn make_func_refs(&self, code: &CodeMap, ctx: NonNull<VmCtx>, instance: u32) -> *mut [VmFunc] {
        let (info, entries, ctx) = (code.info(), code.entries().as_ptr(), ctx.as_ptr());
        let first = info.num_imported_funcs;
        let defined = info.funcs[first as usize..].iter().enumerate();
        // What the closure takes along it has in registers.
        let funcs = defined.map(move |(defined, &ty)| {
            let ty = info.type_info(ty);
            VmFunc {
                code: entries.wrapping_add(defined),
                instance: ctx,
                type_id: ty.id.0,
                // Validation bounds both by 1000 values, so 2000 slots.
                param_slots: ty.param_slots as u16,
                result_slots: ty.result_slots as u16,
                store_index: instance,
                func_index: first + defined as u32,
            }
        });
        Box::into_raw(funcs.collect::<Box<[VmFunc]>>())
    }

    fn init_globals(&mut self, this: Handle, info: &ModuleInfo) -> Result<()> {
        for (i, init) in info.global_inits.iter().enumerate() {
            let value = self.evaluate(this, init)?;
            let index = GlobalIndex(info.num_imported_globals + i as u32);
            let global = self.instance(this).global(this, index);
            self.set_global_slots(global, value);
        }
        Ok(())
    }

    fn init_tables(&mut self, this: Handle, info: &ModuleInfo) -> Result<()> {
        for (i, init) in info.table_inits.iter().enumerate() {
            if let Some(init) = init {
                let value = self.evaluate(this, init)?[0];
                let index = TableIndex(info.num_imported_tables + i as u32);
                let table = self.table_handle(this, index);
                self.table_mut(table).elems_mut().fill(value);
            }
        }
        Ok(())
    }

    fn init_passive_elems(&mut self, this: Handle, info: &ModuleInfo) -> Result<()> {
        for (i, segment) in info.elements.iter().enumerate() {
            if matches!(segment.mode, ElemMode::Passive) {
                let elems = self.evaluate_elems(this, &segment.items)?;
                self.instances[this.index as usize].elems[i] = elems;
            }
        }
        Ok(())
    }

    fn run_active_elems(&mut self, this: Handle, info: &ModuleInfo) -> Result<()> {
        for segment in &info.elements {
            let ElemMode::Active { table, offset } = &segment.mode else { continue };
            let table = self.table_handle(this, *table);
            let start = self.evaluate_offset(this, offset, self.table(table).ty().is_64())?;
            let elems = self.evaluate_elems(this, &segment.items)?;
            let target = range(start, elems.len())
                .and_then(|range| self.table_mut(table).elems_mut().get_mut(range))
                .ok_or(Trap::TableOutOfBounds)?;
            target.copy_from_slice(&elems);
        }
        Ok(())
    }

    fn run_active_data(&mut self, this: Handle, info: &ModuleInfo) -> Result<()> {
        let bytes = self.instance(this).code.bytes().clone();
        // Then this instance's own memory 0 has all of it already: an image is of all active segments.
        let is_shown = self.tunables.memory.pool.is_some()
            && self.instance(this).code.memory_image().is_some()
            && self.memory(self.memory_handle(this, MemoryIndex(0))).has_image();
        for (i, segment) in info.datas.iter().enumerate() {
            let DataMode::Active { memory, offset } = &segment.mode else { continue };
            if is_shown {
                self.instances[this.index as usize].drop_data(i as u32);
                continue;
            }
            let memory = self.memory_handle(this, *memory);
            let start = self.evaluate_offset(this, offset, self.memory_type(memory).is_64())?;
            let data = &bytes[segment.range.clone()];
            if let Some(shared) = self.shared_memory(memory) {
                if !shared.write(start, data) {
                    return Err(Trap::MemoryOutOfBounds.into());
                }
            } else {
                let target = range(start, data.len())
                    .and_then(|range| self.memory_mut(memory).bytes_mut().get_mut(range))
                    .ok_or(Trap::MemoryOutOfBounds)?;
                target.copy_from_slice(data);
            }
            self.instances[this.index as usize].drop_data(i as u32);
        }
        Ok(())
    }

    fn table_handle(&self, this: Handle, index: TableIndex) -> Handle {
        Handle { store: this.store, index: self.instance(this).tables[index.idx()] }
    }

    fn memory_handle(&self, this: Handle, index: MemoryIndex) -> Handle {
        Handle { store: this.store, index: self.instance(this).memories[index.idx()] }
    }

    fn evaluate_offset(&mut self, this: Handle, expr: &ConstExpr, is_64: bool) -> Result<u64> {
        let [value, _] = self.evaluate(this, expr)?;
        Ok(if is_64 { value } else { u64::from(value as u32) })
    }

    fn evaluate_elems(&mut self, this: Handle, items: &ElemItems) -> Result<Box<[Slot]>> {
        match items {
            ElemItems::Funcs(funcs) => {
                let instance = self.instance(this);
                Ok(funcs.iter().map(|&func| instance.func_slot(func)).collect())
            }
            ElemItems::Exprs(exprs) => {
                // Held until the segment is complete: later elements may allocate.
                let start = self.temporaries.len();
                let mut done = Ok(());
                for expr in exprs {
                    match self.evaluate(this, expr) {
                        Ok([slot, _]) => self.temporaries.push(slot),
                        Err(error) => {
                            done = Err(error);
                            break;
                        }
                    }
                }
                let elems = self.temporaries[start..].into();
                self.temporaries.truncate(start);
                done.map(|()| elems)
            }
        }
    }

    /// The value of a constant expression, in one slot or two.
    fn evaluate(&mut self, this: Handle, expr: &ConstExpr) -> Result<[Slot; 2]> {
        let start = self.temporaries.len();
        let value = self.evaluate_ops(this, expr);
        self.temporaries.truncate(start);
        value
    }

    /// Does that; references on the stack of the expression are held among the temporaries.
    fn evaluate_ops(&mut self, this: Handle, expr: &ConstExpr) -> Result<[Slot; 2]> {
        let mut stack = Vec::new();
        for op in expr.ops() {
            let instance = self.instance(this);
            let value: [Slot; 2] = match op {
                ConstOp::I32Const(value) => one(u64::from(*value as u32)),
                ConstOp::I64Const(value) => one(*value as u64),
                ConstOp::F32Const(bits) => one(u64::from(*bits)),
                ConstOp::F64Const(bits) => one(*bits),
                ConstOp::V128Const(bytes) => {
                    let value = u128::from_le_bytes(**bytes);
                    [value as u64, (value >> 64) as u64]
                }
                ConstOp::GlobalGet(index) => self.global_slots(instance.global(this, *index)),
                ConstOp::RefFunc(func) => one(instance.func_slot(*func)),
                ConstOp::RefNull(_) => one(0),
                ConstOp::I32Add => binary32(&mut stack, u32::wrapping_add)?,
                ConstOp::I32Sub => binary32(&mut stack, u32::wrapping_sub)?,
                ConstOp::I32Mul => binary32(&mut stack, u32::wrapping_mul)?,
                ConstOp::I64Add => binary64(&mut stack, u64::wrapping_add)?,
                ConstOp::I64Sub => binary64(&mut stack, u64::wrapping_sub)?,
                ConstOp::I64Mul => binary64(&mut stack, u64::wrapping_mul)?,
                // The two hierarchies share one representation.
                ConstOp::AnyConvertExtern | ConstOp::ExternConvertAny => pop(&mut stack)?,
                ConstOp::RefI31 => one(i31_slot(pop(&mut stack)?[0] as u32)),
                ConstOp::StructNew(ty) => {
                    let fields = &self.types().type_info(*ty).layout.fields;
                    let slots = pop_slots(&mut stack, fields.iter().map(|it| it.width.slots()))?;
                    // SAFETY: validation has checked the fields; references among them are held.
                    one(unsafe { self.new_struct(*ty, Some(slots.as_ptr())) }?)
                }
                ConstOp::StructNewDefault(ty) => {
                    // SAFETY: as above.
                    one(unsafe { self.new_struct(*ty, None) }?)
                }
                ConstOp::ArrayNew(ty) => {
                    let [len, _] = pop(&mut stack)?;
                    let value = pop(&mut stack)?;
                    // SAFETY: as above.
                    one(unsafe { self.new_array_of(*ty, Some(value), len as u32) }?)
                }
                ConstOp::ArrayNewDefault(ty) => {
                    let [len, _] = pop(&mut stack)?;
                    // SAFETY: as above.
                    one(unsafe { self.new_array_of(*ty, None, len as u32) }?)
                }
                ConstOp::ArrayNewFixed(ty, len) => {
                    let width = self.types().type_info(*ty).layout.fields[0].width;
                    let widths = core::iter::repeat_n(width.slots(), *len as usize);
                    let slots = pop_slots(&mut stack, widths)?;
                    // SAFETY: as above.
                    one(unsafe { self.new_array_fixed(*ty, slots.as_ptr(), *len) }?)
                }
            };
            let is_reference = match op {
                ConstOp::GlobalGet(index) => {
                    self.global_type(self.instance(this).global(this, *index)).content().is_ref()
                }
                ConstOp::RefI31
                | ConstOp::StructNew(_)
                | ConstOp::StructNewDefault(_)
                | ConstOp::ArrayNew(_)
                | ConstOp::ArrayNewDefault(_)
                | ConstOp::ArrayNewFixed(..)
                | ConstOp::AnyConvertExtern
                | ConstOp::ExternConvertAny => true,
                _ => false,
            };
            if is_reference {
                self.temporaries.push(value[0]);
            }
            stack.push(value);
        }
        pop(&mut stack)
    }
}

/// Pops values of so many slots each; all their slots, in order.
fn pop_slots(
    stack: &mut Vec<[Slot; 2]>,
    widths: impl DoubleEndedIterator<Item = usize> + ExactSizeIterator,
) -> Result<Vec<Slot>> {
    let start = stack.len().checked_sub(widths.len());
    let start = start.ok_or_else(|| Error::msg("constant expression without a value"))?;
    let values = stack.drain(start..).zip(widths);
    Ok(values.flat_map(|(value, width)| value.into_iter().take(width)).collect())
}

fn one(value: u64) -> [Slot; 2] {
    [value, 0]
}

/// Validated expressions never pop too much.
fn pop(stack: &mut Vec<[Slot; 2]>) -> Result<[Slot; 2]> {
    stack.pop().ok_or_else(|| Error::msg("constant expression without a value"))
}

fn binary32(stack: &mut Vec<[Slot; 2]>, op: fn(u32, u32) -> u32) -> Result<[Slot; 2]> {
    let [b, _] = pop(stack)?;
    let [a, _] = pop(stack)?;
    Ok(one(u64::from(op(a as u32, b as u32))))
}

fn binary64(stack: &mut Vec<[Slot; 2]>, op: fn(u64, u64) -> u64) -> Result<[Slot; 2]> {
    let [b, _] = pop(stack)?;
    let [a, _] = pop(stack)?;
    Ok(one(op(a, b)))
}

fn range(start: u64, len: usize) -> Option<core::ops::Range<usize>> {
    let start = usize::try_from(start).ok()?;
    Some(start..start.checked_add(len)?)
}
