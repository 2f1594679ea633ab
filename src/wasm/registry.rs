//! The engine's defined types, each held once.
//!
//! Two recursion groups are the same when they have the same structure, with references into the
//! group itself compared by position (core specification, section 3.1.4 "Type Equivalence"). A
//! group is therefore interned as a whole, keyed by its types with references into the group
//! written as positions and references out of it as the ids they already have. Equality of types
//! is then equality of ids, and everything here takes time linear in the size of the group.
//!
//! A group lives as long as somebody holds one of its types: modules, stores, types of the public
//! API, and groups that name its types. Then its ids are free for others. The registry itself only
//! knows the groups that live, so that an engine that loads modules for years keeps its size.

use alloc::sync::{Arc, Weak};
use core::fmt;
use core::ops::Deref;

use super::object_layout::ObjectLayout;
use crate::error::{Result, bail, ensure};
use crate::index::TypeId;
use crate::prelude::*;
use crate::sys::standard::{HashMap, Mutex, MutexGuard, PoisonError, RwLock, TryLockError};
use crate::types::{ArrayType, CompositeType, FuncType, StructType, SubType};

/// Most types that one engine holds.
pub const MAX_TYPES: u32 = 1 << 23;
// Objects' heads hold them.
static_assertions::const_assert!(MAX_TYPES <= super::object_layout::kind::TYPE);

/// Most supertypes above a type, as in other engines.
pub const MAX_DEPTH: usize = 63;
/// Most parameters and most results of a function, as in other engines.
pub const MAX_PARAMS: usize = 1000;

/// Marks an id as a position in the group that is being interned.
const LOCAL: u32 = 1 << 31;

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

/// A recursion group that lives.
pub struct TypeGroup {
    types: Box<[TypeInfo]>,
    /// The groups that it names types of, each once.
    uses: Vec<Arc<TypeGroup>>,
    key: Arc<[SubType]>,
    registry: Arc<Shared>,
}

impl TypeGroup {
    /// Its types.
    pub fn types(&self) -> &[TypeInfo] {
        &self.types
    }

    /// The groups that it names types of.
    pub fn uses(&self) -> &[Arc<TypeGroup>] {
        &self.uses
    }

    /// A type of the group.
    ///
    /// # Panics
    ///
    /// If there is no such position.
    pub fn member(self: &Arc<TypeGroup>, position: usize) -> RegisteredType {
        assert!(position < self.types.len(), "no such type in the group");
        RegisteredType { group: self.clone(), position: position as u32 }
    }
}

impl Drop for TypeGroup {
    fn drop(&mut self) {
        let ids = self.types.iter().map(|info| info.id).collect();
        self.registry.retire(Retired { key: self.key.clone(), ids });
        // Groups can name each other in long chains: not one in the destructor of the other.
        let mut rest = core::mem::take(&mut self.uses);
        while let Some(group) = rest.pop() {
            if let Some(mut group) = Arc::into_inner(group) {
                rest.append(&mut group.uses);
            }
        }
    }
}

impl fmt::Debug for TypeGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.types.iter().map(|info| info.id)).finish()
    }
}

/// A type that is kept, and with it all types that it names.
#[derive(Clone)]
pub struct RegisteredType {
    group: Arc<TypeGroup>,
    position: u32,
}

impl RegisteredType {
    /// The group that it is in.
    pub fn group(&self) -> &Arc<TypeGroup> {
        &self.group
    }

    /// Whether it belongs to this registry.
    pub fn belongs_to(&self, registry: &TypeRegistry) -> bool {
        Arc::ptr_eq(&self.group.registry, &registry.shared)
    }
}

impl Deref for RegisteredType {
    type Target = TypeInfo;

    #[inline]
    fn deref(&self) -> &TypeInfo {
        &self.group.types[self.position as usize]
    }
}

impl PartialEq for RegisteredType {
    fn eq(&self, other: &RegisteredType) -> bool {
        Arc::ptr_eq(&self.group, &other.group) && self.position == other.position
    }
}

impl Eq for RegisteredType {}

impl core::hash::Hash for RegisteredType {
    fn hash<H: core::hash::Hasher>(&self, state: &mut H) {
        self.id.hash(state);
    }
}

impl fmt::Debug for RegisteredType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

/// The types of an engine.
pub struct TypeRegistry {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    groups: Mutex<Groups>,
    by_id: RwLock<Vec<Place>>,
    /// Groups that are gone and still in the lists: dropping one must not wait for a lock, which
    /// whoever drops it may hold.
    retired: Mutex<Vec<Retired>>,
}

/// Where the type with an id is.
#[derive(Clone, Default)]
struct Place {
    group: Weak<TypeGroup>,
    position: u32,
}

#[derive(Default)]
struct Groups {
    /// Keyed by the groups' types. The id of the first type tells a group from one that took its key
    /// after it had died.
    known: HashMap<Arc<[SubType]>, (TypeId, Weak<TypeGroup>)>,
    /// Ids that are free again.
    free: Vec<TypeId>,
    /// Ids given out so far, the free ones included.
    ids: u32,
}

/// What a group leaves behind.
struct Retired {
    key: Arc<[SubType]>,
    ids: Vec<TypeId>,
}

impl Shared {
    fn retire(&self, retired: Retired) {
        self.retired.lock().unwrap_or_else(PoisonError::into_inner).push(retired);
        match self.groups.try_lock() {
            Ok(mut groups) => self.bury(&mut groups),
            Err(TryLockError::Poisoned(error)) => self.bury(&mut error.into_inner()),
            // Whoever has the lock, or the next one, does it.
            Err(TryLockError::WouldBlock) => {}
        }
    }

    /// Takes the groups that are gone out of the lists. A group retires before those it names do, so
    /// that no key holds an id which is another type's.
    fn bury(&self, groups: &mut Groups) {
        let retired =
            core::mem::take(&mut *self.retired.lock().unwrap_or_else(PoisonError::into_inner));
        if retired.is_empty() {
            return;
        }
        let mut by_id = self.by_id.write().unwrap_or_else(PoisonError::into_inner);
        for Retired { key, ids } in retired {
            if groups.known.get(&key[..]).is_some_and(|known| Some(&known.0) == ids.first()) {
                groups.known.remove(&key[..]);
            }
            for &id in &ids {
                by_id[id.idx()] = Place::default();
            }
            groups.free.extend(ids);
        }
    }
}

impl TypeRegistry {
    /// A registry without types.
    pub fn new() -> TypeRegistry {
        TypeRegistry { shared: Arc::default() }
    }

    /// The type with an id.
    ///
    /// # Panics
    ///
    /// If there is no such type.
    pub fn get(&self, id: TypeId) -> RegisteredType {
        self.try_get(id).expect("a type that somebody keeps")
    }

    /// The type with an id, if there is one.
    pub fn try_get(&self, id: TypeId) -> Option<RegisteredType> {
        let by_id = self.shared.by_id.read().unwrap_or_else(PoisonError::into_inner);
        let place = by_id.get(id.idx())?;
        Some(RegisteredType { group: place.group.upgrade()?, position: place.position })
    }

    /// Interns a function type that is final, without supertypes, in a group of its own. A module
    /// that declares the type the short way means it.
    ///
    /// # Errors
    ///
    /// If the type names types of another engine, has more than [`MAX_PARAMS`] parameters or
    /// results, or the engine is full.
    pub fn intern_func(&self, ty: &FuncType) -> Result<RegisteredType> {
        self.intern(vec![SubType::final_type(CompositeType::Func(ty.clone()))])
    }

    /// Interns a recursion group of types that name only types of this engine, and gives its first
    /// type.
    ///
    /// # Errors
    ///
    /// As [`TypeRegistry::intern_func`], and if a supertype is final or has [`MAX_DEPTH`]
    /// supertypes itself.
    pub fn intern(&self, group: Vec<SubType>) -> Result<RegisteredType> {
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
        Ok(self.lock().intern(group)?.member(0))
    }

    /// Locks the registry, to intern many groups.
    pub(super) fn lock(&self) -> Interner<'_> {
        let mut groups = self.shared.groups.lock().unwrap_or_else(PoisonError::into_inner);
        self.shared.bury(&mut groups);
        Interner { registry: self, groups }
    }

    /// Number of types.
    pub fn len(&self) -> usize {
        let interner = self.lock();
        interner.groups.ids as usize - interner.groups.free.len()
    }

    /// Whether there are no types.
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
        f.debug_struct("TypeRegistry").finish_non_exhaustive()
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

    /// Interns a group. References into the group are [`Interner::local`] ids, and all others are
    /// to types that the caller keeps.
    pub(super) fn intern(&mut self, group: Vec<SubType>) -> Result<Arc<TypeGroup>> {
        let known = self.groups.known.get(&group[..]);
        if let Some(known) = known.and_then(|(_, group)| group.upgrade()) {
            return Ok(known);
        }
        ensure!(!group.is_empty(), "a group without types");
        let uses = self.uses(&group);
        let depths = self.check_supertypes(&group)?;
        let ids = self.take_ids(group.len())?;

        // Nothing fails from here on.
        let resolve = |id: TypeId| match id.0 & LOCAL {
            0 => id,
            _ => ids[(id.0 & !LOCAL) as usize],
        };
        let mut types: Vec<TypeInfo> = Vec::with_capacity(group.len());
        for ((ty, depth), &id) in group.iter().zip(depths).zip(&ids) {
            let supertypes = match ty.supertype {
                None => Box::default(),
                Some(above) => {
                    let mut path = Vec::with_capacity(depth);
                    if above.0 & LOCAL == 0 {
                        path.extend_from_slice(&self.registry.get(above).supertypes);
                    } else {
                        path.extend_from_slice(&types[(above.0 & !LOCAL) as usize].supertypes);
                    }
                    path.push(resolve(above));
                    path.into()
                }
            };
            let sub = ty.map_ids(&mut |id| resolve(id));
            let (param_slots, result_slots) = match &sub.composite {
                CompositeType::Func(ty) => (ty.param_slots(), ty.result_slots()),
                _ => (0, 0),
            };
            let layout = ObjectLayout::new(id, &sub.composite, &supertypes);
            types.push(TypeInfo { id, sub, supertypes, param_slots, result_slots, layout });
        }
        let key: Arc<[SubType]> = group.into();
        let registry = self.registry.shared.clone();
        let group = TypeGroup { types: types.into(), uses, key: key.clone(), registry };
        let group = Arc::new(group);
        {
            let by_id = &self.registry.shared.by_id;
            let mut by_id = by_id.write().unwrap_or_else(PoisonError::into_inner);
            by_id.resize(self.groups.ids as usize, Place::default());
            for (position, id) in ids.iter().enumerate() {
                let place = Place { group: Arc::downgrade(&group), position: position as u32 };
                by_id[id.idx()] = place;
            }
        }
        self.groups.known.insert(key, (ids[0], Arc::downgrade(&group)));
        Ok(group)
    }

    /// The groups that a group names types of, each once.
    fn uses(&self, group: &[SubType]) -> Vec<Arc<TypeGroup>> {
        let by_id = self.registry.shared.by_id.read().unwrap_or_else(PoisonError::into_inner);
        let mut uses: Vec<Arc<TypeGroup>> = Vec::new();
        for ty in group {
            ty.for_each_id(&mut |id| {
                if id.0 & LOCAL != 0 {
                    return;
                }
                // A type often names the same one several times.
                let place = &by_id[id.idx()].group;
                if uses.last().is_none_or(|last| Arc::as_ptr(last) != place.as_ptr()) {
                    uses.extend(place.upgrade());
                }
            });
        }
        uses.sort_by_key(Arc::as_ptr);
        uses.dedup_by(|a, b| Arc::ptr_eq(a, b));
        uses
    }

    /// How many types are above each type of a group.
    fn check_supertypes(&self, group: &[SubType]) -> Result<Vec<usize>> {
        let mut depths: Vec<usize> = Vec::with_capacity(group.len());
        for ty in group {
            let depth = match ty.supertype {
                None => 0,
                // A supertype in the same group stands before the type it is for.
                Some(above) if above.0 & LOCAL != 0 => {
                    match depths.get((above.0 & !LOCAL) as usize) {
                        Some(depth) => depth + 1,
                        None => bail!("a supertype is declared after its subtype"),
                    }
                }
                Some(above) => self.registry.get(above).supertypes.len() + 1,
            };
            ensure!(depth <= MAX_DEPTH, "more than {MAX_DEPTH} nested supertypes");
            depths.push(depth);
        }
        Ok(depths)
    }

    /// Takes ids that no type has.
    fn take_ids(&mut self, count: usize) -> Result<Vec<TypeId>> {
        let groups = &mut *self.groups;
        let room = (MAX_TYPES - groups.ids) as usize + groups.free.len();
        ensure!(count <= room, "the engine holds its limit of {MAX_TYPES} types");
        let reused = count.min(groups.free.len());
        let mut ids = groups.free.split_off(groups.free.len() - reused);
        let fresh = (count - reused) as u32;
        ids.extend((groups.ids..groups.ids + fresh).map(TypeId));
        groups.ids += fresh;
        Ok(ids)
    }
}

static_assertions::assert_impl_all!(TypeRegistry: Send, Sync);
