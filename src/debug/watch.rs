//! Watchpoints: bytes of memory whose accesses have the program stand still.

use alloc::borrow::Cow;
use core::ops::Range;

use gdbstub::target::ext::breakpoints::WatchKind;

use crate::exec::profile::Seen;
use crate::prelude::*;
use crate::vm::VmStore;
use crate::vm::handle::Handle;

/// The most bytes of a watchpoint: they are compared after every instruction.
pub const MOST_BYTES: u64 = 4096;

/// The most watchpoints.
const MOST: usize = 64;

/// Bytes of a memory, at most so many from `start` on: as they are now, if other threads can change them.
pub fn bytes(vm: &VmStore, memory: Handle, start: usize, most: usize) -> Option<Cow<'_, [u8]>> {
    let Some(shared) = vm.shared_memory(memory) else {
        let bytes = vm.memory(memory).bytes().get(start..)?;
        return Some(Cow::Borrowed(&bytes[..most.min(bytes.len())]));
    };
    let mut copy = vec![0; shared.byte_size().checked_sub(start)?.min(most)];
    shared.read(start as u64, &mut copy).then_some(Cow::Owned(copy))
}

/// Bytes that are watched.
pub struct Watchpoint {
    /// Their address, to the client.
    pub address: u64,
    pub kind: WatchKind,
    pub memory: Handle,
    /// Where they begin in the memory.
    pub start: usize,
    /// What they were when they were last looked at.
    pub last: Vec<u8>,
}

impl Watchpoint {
    /// Whether it is of this store.
    fn is_of(&self, vm: &VmStore) -> bool {
        self.memory.store == vm.id()
    }

    /// Looks at the bytes. The first that has changed.
    fn look(&mut self, vm: &VmStore) -> Option<u64> {
        if !self.is_of(vm) {
            return None;
        }
        let now = bytes(vm, self.memory, self.start, self.last.len())?;
        let at = now.iter().zip(&self.last).position(|(now, last)| now != last)?;
        self.last = now.into_owned();
        Some(self.address + at as u64)
    }

    /// Whether writing or reading it is of interest.
    fn wants(&self, reads: bool, writes: bool) -> bool {
        match self.kind {
            WatchKind::Write => writes,
            WatchKind::Read => reads,
            WatchKind::ReadWrite => reads || writes,
        }
    }

    /// The address of the first byte that is among those at `at`, addresses of this process.
    fn within(&self, vm: &VmStore, at: &Range<usize>) -> Option<u64> {
        if !self.is_of(vm) {
            return None;
        }
        let base = match vm.shared_memory(self.memory) {
            Some(shared) => shared.base(),
            None => vm.memory(self.memory).base(),
        };
        let start = base as usize + self.start;
        let first = at.start.max(start);
        (first < at.end.min(start + self.last.len())).then(|| self.address + (first - start) as u64)
    }
}

/// All watchpoints.
#[derive(Default)]
pub struct Watchpoints {
    all: Vec<Watchpoint>,
    /// What the last instruction that was shown accesses of what is watched.
    accessed: Option<(u64, WatchKind)>,
}

impl Watchpoints {
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Whether there is room for it.
    pub fn add(&mut self, watchpoint: Watchpoint) -> bool {
        let has_room = self.all.len() < MOST;
        if has_room {
            self.all.push(watchpoint);
        }
        has_room
    }

    /// Whether there was such a one.
    pub fn remove(&mut self, address: u64, len: u64, kind: WatchKind) -> bool {
        let before = self.all.len();
        self.all.retain(|it| (it.address, it.last.len() as u64, it.kind) != (address, len, kind));
        self.all.len() < before
    }

    /// What has been accessed of what is watched since the last instruction that was shown.
    pub fn accessed(&mut self, seen: &Seen<'_>) -> Option<(u64, WatchKind)> {
        let mut found = self.accessed.take();
        if self.all.is_empty() {
            return None;
        }
        seen.stopped(|vm| {
            for watchpoint in &mut self.all {
                // The host has written it: what the program itself accesses is known.
                if let Some(at) = watchpoint.look(vm)
                    && watchpoint.wants(false, true)
                {
                    found.get_or_insert((at, watchpoint.kind));
                }
            }
        });
        found
    }

    /// Takes note of what this instruction is about to access of what is watched.
    pub fn note(&mut self, seen: &Seen<'_>) {
        if self.all.is_empty() {
            return;
        }
        let accesses = seen.accesses();
        let first = |watchpoint: &Watchpoint, vm: &VmStore| {
            let mut wanted =
                accesses.iter().filter(|access| watchpoint.wants(access.reads, access.writes));
            let at = wanted.find_map(|access| watchpoint.within(vm, &access.at))?;
            Some((at, watchpoint.kind))
        };
        let found = |vm: &mut VmStore| self.all.iter().find_map(|it| first(it, vm));
        self.accessed = seen.stopped(found);
    }

    /// Forgets it: the instruction did not come to its access.
    pub fn forget(&mut self) {
        self.accessed = None;
    }

    /// Takes note of what a client has written.
    pub fn look(&mut self, vm: &VmStore) {
        for watchpoint in &mut self.all {
            watchpoint.look(vm);
        }
    }
}
