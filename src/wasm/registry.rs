//! The engine's defined types, each held once.
//!
//! Two recursion groups are the same when they have the same structure, with references into the
//! group itself compared by position (core specification, section 3.1.4 "Type Equivalence"). A
//! group is therefore interned as a whole, keyed by its types with references into the group
//! written as positions and references out of it as the ids they already have. Equality of types
//! is then equality of ids, and everything here takes time linear in the size of the group.
//!
//! Types stay for as long as the engine does: an engine that loads many modules with different
//! types keeps them all, up to [`MAX_TYPES`].

use core::fmt;
use core::sync::atomic::{AtomicU64, Ordering};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use super::object::ObjectLayout;
use crate::error::{Result, bail, ensure};
use crate::index::TypeId;
use crate::types::{
    ArrayType, CompositeType, Definition, FuncType, HeapType, RefType, StructType, SubType, ValType,
};

/// Most types that one engine holds.
pub const MAX_TYPES: u32 = 1 << 23;
/// Most supertypes above a type, as in other engines.
pub const MAX_DEPTH: usize = 63;
/// Most parameters and most results of a function, as in other engines.
pub const MAX_PARAMS: usize = 1000;

/// Marks an id as a position in the group that is being interned.
const LOCAL: u32 = 1 << 31;
/// Entries of the first chunk; each further chunk has twice as many.
const FIRST_CHUNK: u32 = 64;
/// Chunks enough for `MAX_TYPES`.
const CHUNKS: usize = (MAX_TYPES / FIRST_CHUNK).ilog2() as usize + 1;

/// A defined type, as its engine knows it.
#[derive(Debug)]
pub struct TypeInfo {
    /// The type's own id.
    pub id: TypeId,
    /// The definition. All ids in it are the engine's.
    pub sub: SubType,
    /// The types above this one, outermost first.
    pub supertypes: Box<[TypeId]>,
    /// Value stack slots of the parameters; 0 unless this is a function type.
    pub param_slots: u32,
    /// Value stack slots of the results; 0 unless this is a function type.
    pub result_slots: u32,
    /// How objects of this type are laid out.
    pub layout: ObjectLayout,
}

impl TypeInfo {
    /// The function type.
    ///
    /// # Panics
    ///
    /// If this is another kind of type.
    #[inline]
    pub fn func(&self) -> &FuncType {
        self.as_func().expect("a function type")
    }

    /// The function type, if this is one.
    #[inline]
    pub fn as_func(&self) -> Option<&FuncType> {
        match &self.sub.composite {
            CompositeType::Func(ty) => Some(ty),
            _ => None,
        }
    }

    /// The structure type, if this is one.
    pub fn as_struct(&self) -> Option<&StructType> {
        match &self.sub.composite {
            CompositeType::Struct(ty) => Some(ty),
            _ => None,
        }
    }

    /// The array type, if this is one.
    pub fn as_array(&self) -> Option<&ArrayType> {
        match &self.sub.composite {
            CompositeType::Array(ty) => Some(ty),
            _ => None,
        }
    }

    /// Is this the type `other` or below it? In constant time.
    #[inline]
    pub fn is_subtype_of(&self, other: &TypeInfo) -> bool {
        self.id == other.id || self.supertypes.get(other.supertypes.len()) == Some(&other.id)
    }
}

/// The types of an engine. Reading is free of locks.
pub struct TypeRegistry {
    /// Tells its types from those of other engines.
    number: u64,
    groups: Mutex<Groups>,
    chunks: [OnceLock<Chunk>; CHUNKS],
}

type Chunk = Box<[OnceLock<Arc<TypeInfo>>]>;

#[derive(Default)]
struct Groups {
    /// First id of each group, keyed by the group's types.
    ids: HashMap<Box<[SubType]>, TypeId>,
    /// Number of types.
    len: u32,
}

impl TypeRegistry {
    /// A registry without types.
    pub fn new() -> TypeRegistry {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        TypeRegistry {
            number: NEXT.fetch_add(1, Ordering::Relaxed),
            groups: Mutex::default(),
            chunks: [const { OnceLock::new() }; CHUNKS],
        }
    }

    /// The description of a type.
    ///
    /// # Panics
    ///
    /// If the id is another engine's and this engine has no such type.
    #[inline]
    pub fn get(&self, id: TypeId) -> &Arc<TypeInfo> {
        self.try_get(id).expect("a type of this engine")
    }

    /// The description of a type, if this engine has it.
    pub fn try_get(&self, id: TypeId) -> Option<&Arc<TypeInfo>> {
        let (chunk, at) = place(id.0);
        self.chunks.get(chunk)?.get()?.get(at)?.get()
    }

    /// The function type with the given id.
    ///
    /// # Panics
    ///
    /// If it is not a function type, or as [`TypeRegistry::get`] does.
    pub fn func_type(&self, id: TypeId) -> &FuncType {
        self.get(id).func()
    }

    /// Is type `a` the same as `b` or below it? In constant time.
    ///
    /// # Panics
    ///
    /// As [`TypeRegistry::get`] does.
    #[inline]
    pub fn is_subtype(&self, a: TypeId, b: TypeId) -> bool {
        a == b || self.get(a).is_subtype_of(self.get(b))
    }

    /// Is heap type `a` a subtype of `b` (core specification, section 3.3.3)?
    pub fn heap_matches(&self, a: HeapType, b: HeapType) -> bool {
        match (a, b) {
            (HeapType::Concrete(a), HeapType::Concrete(b)) => self.is_subtype(a, b),
            (HeapType::Concrete(a), b) => self.get(a).sub.composite.kind().matches_abstract(b),
            (a, HeapType::Concrete(b)) => match self.get(b).sub.composite.kind() {
                HeapType::Func => a == HeapType::NoFunc,
                _ => a == HeapType::None,
            },
            (a, b) => a.matches_abstract(b),
        }
    }

    /// Is reference type `a` a subtype of `b` (core specification, section 3.3.4)?
    pub fn ref_matches(&self, a: RefType, b: RefType) -> bool {
        (b.nullable || !a.nullable) && self.heap_matches(a.heap, b.heap)
    }

    /// Is value type `a` a subtype of `b` (core specification, section 3.3.5)?
    pub fn val_matches(&self, a: ValType, b: ValType) -> bool {
        match (a, b) {
            (ValType::Ref(a), ValType::Ref(b)) => self.ref_matches(a, b),
            _ => a == b,
        }
    }

    /// The greatest type of the hierarchy that a heap type belongs to: `func`, `extern`, `exn` or
    /// `any`.
    pub fn top(&self, ty: HeapType) -> HeapType {
        match ty {
            HeapType::Concrete(id) => match self.get(id).sub.composite.kind() {
                HeapType::Func => HeapType::Func,
                _ => HeapType::Any,
            },
            HeapType::Func | HeapType::NoFunc => HeapType::Func,
            HeapType::Extern | HeapType::NoExtern => HeapType::Extern,
            HeapType::Exn | HeapType::NoExn => HeapType::Exn,
            _ => HeapType::Any,
        }
    }

    /// Interns the type of a host function: the definition that it comes from, if that is one of this
    /// engine; else final, without supertypes, in a group of its own. A module that declares the type
    /// the short way means the latter.
    ///
    /// # Errors
    ///
    /// If the type names types of another engine, has more than [`MAX_PARAMS`] parameters or
    /// results, or the engine is full.
    pub fn intern_func(&self, ty: &FuncType) -> Result<Arc<TypeInfo>> {
        if let Some(Definition { registry, id }) = ty.definition()
            && registry == self.number
        {
            return Ok(self.get(id).clone());
        }
        let id = self.intern(vec![SubType::final_type(CompositeType::Func(ty.clone()))])?;
        Ok(self.get(id).clone())
    }

    /// Interns a recursion group of types that name only types of this engine.
    ///
    /// # Errors
    ///
    /// As [`TypeRegistry::intern_func`], and if a supertype is final or has [`MAX_DEPTH`]
    /// supertypes itself.
    pub fn intern(&self, group: Vec<SubType>) -> Result<TypeId> {
        for ty in &group {
            let mut known = true;
            ty.for_each_id(&mut |id| known &= self.try_get(id).is_some());
            ensure!(known, "a type that belongs to another engine");
            if let Some(above) = ty.supertype {
                ensure!(!self.get(above).sub.is_final, "the supertype is final");
            }
            if let CompositeType::Func(ty) = &ty.composite {
                let most = ty.params().len().max(ty.results().len());
                ensure!(most <= MAX_PARAMS, "more than {MAX_PARAMS} parameters or results");
            }
        }
        self.lock().intern(group)
    }

    /// Locks the registry, to intern many groups.
    pub(super) fn lock(&self) -> Interner<'_> {
        let groups = self.groups.lock().unwrap_or_else(PoisonError::into_inner);
        Interner { registry: self, groups }
    }

    /// Number of types.
    pub fn len(&self) -> usize {
        self.groups.lock().unwrap_or_else(PoisonError::into_inner).len as usize
    }

    /// Are there no types?
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Default for TypeRegistry {
    fn default() -> TypeRegistry {
        TypeRegistry::new()
    }
}

impl fmt::Debug for TypeRegistry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TypeRegistry").field("len", &self.len()).finish_non_exhaustive()
    }
}

/// The locked registry.
pub(super) struct Interner<'registry> {
    registry: &'registry TypeRegistry,
    groups: MutexGuard<'registry, Groups>,
}

impl Interner<'_> {
    /// The id that stands for type `position` of the group that is being interned.
    pub(super) fn local(position: u32) -> TypeId {
        TypeId(LOCAL | position)
    }

    /// Interns a group, gives the id of its first type; the others' follow it. References into
    /// the group are [`Interner::local`] ids.
    pub(super) fn intern(&mut self, group: Vec<SubType>) -> Result<TypeId> {
        if let Some(&first) = self.groups.ids.get(&group[..]) {
            return Ok(first);
        }
        let first = self.groups.len;
        let Some(end) = first.checked_add(group.len() as u32).filter(|&end| end <= MAX_TYPES)
        else {
            bail!("the engine holds its limit of {MAX_TYPES} types");
        };

        // Nothing is published before all that can fail has been done.
        let mut resolve = |id: TypeId| match id.0 & LOCAL {
            0 => id,
            _ => TypeId(first + (id.0 & !LOCAL)),
        };
        let mut supertypes = Vec::with_capacity(group.len());
        for ty in &group {
            let path = match ty.supertype.map(&mut resolve) {
                None => Box::default(),
                Some(above) => {
                    // A supertype in the same group stands before the type it is for.
                    let path = match above.0.checked_sub(first) {
                        Some(position) => match supertypes.get(position as usize) {
                            Some(path) => path,
                            None => bail!("a supertype is declared after its subtype"),
                        },
                        None => &self.registry.get(above).supertypes,
                    };
                    ensure!(path.len() < MAX_DEPTH, "more than {MAX_DEPTH} nested supertypes");
                    path.iter().copied().chain([above]).collect::<Box<[TypeId]>>()
                }
            };
            supertypes.push(path);
        }
        for ((ty, supertypes), id) in group.iter().zip(supertypes).zip(first..) {
            let (chunk, at) = place(id);
            let chunk = self.registry.chunks[chunk]
                .get_or_init(|| (0..FIRST_CHUNK << chunk).map(|_| OnceLock::new()).collect());
            let mut sub = ty.map_ids(&mut resolve);
            if let CompositeType::Func(ty) = &mut sub.composite {
                let definition = Definition { registry: self.registry.number, id: TypeId(id) };
                *ty = ty.clone().defined(definition);
            }
            let (param_slots, result_slots) = match &sub.composite {
                CompositeType::Func(ty) => (ty.param_slots(), ty.result_slots()),
                _ => (0, 0),
            };
            let id = TypeId(id);
            let layout = ObjectLayout::new(id, &sub.composite, &supertypes);
            let info = TypeInfo { id, sub, supertypes, param_slots, result_slots, layout };
            assert!(chunk[at].set(Arc::new(info)).is_ok(), "ids are given out once");
        }
        self.groups.len = end;
        self.groups.ids.insert(group.into(), TypeId(first));
        Ok(TypeId(first))
    }

    /// The description of an interned type.
    pub(super) fn get(&self, id: TypeId) -> &Arc<TypeInfo> {
        self.registry.get(id)
    }
}

/// Chunk and place in it of entry `id`.
#[inline]
fn place(id: u32) -> (usize, usize) {
    // Chunk c begins at FIRST_CHUNK * (2^c - 1).
    let n = id as u64 + FIRST_CHUNK as u64;
    let chunk = n.ilog2() - FIRST_CHUNK.ilog2();
    (chunk as usize, (n - ((FIRST_CHUNK as u64) << chunk)) as usize)
}
