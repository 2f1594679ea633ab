//! The contents that a module's memory begins with, made once for all instances.

use crate::prelude::*;
use crate::sys::Image;
use crate::wasm::{ConstOp, DataMode, ElemMode, ModuleInfo};

/// Images are of whole pages of WebAssembly, which are whole pages of the system.
const PAGE: usize = 64 * 1024;

/// Bytes between data segments that an image may have beside as many as it has data.
const SPARSE: usize = 1 << 20;

/// The bytes of all active data segments of a module, in their places.
#[derive(Debug)]
pub struct MemoryImage {
    /// The bytes.
    pub image: Image,
    /// Where in the memory they begin.
    pub start: usize,
}

impl MemoryImage {
    /// The image of a module's memory 0, if what instantiation writes to memories is known in advance and
    /// cannot trap: all active segments lie in that memory at constant places, and nobody else makes it.
    pub fn of(info: &ModuleInfo, bytes: &[u8]) -> Option<MemoryImage> {
        let ty = info.memories.first().filter(|_| info.num_imported_memories == 0)?;
        let len = usize::try_from(ty.minimum().checked_mul(ty.page_size())?).ok()?;
        if ty.page_size() != PAGE as u64 || ty.is_64() || ty.is_shared() {
            return None;
        }
        // Should an element segment trap, functions that are in somebody else's table by then must not find
        // the data, which would have come after it.
        let fills_imported = |mode: &ElemMode| matches!(mode, ElemMode::Active { table, .. } if table.0 < info.num_imported_tables);
        if info.elements.iter().any(|segment| fills_imported(&segment.mode)) {
            return None;
        }
        let mut segments = Vec::new();
        for segment in &info.datas {
            let DataMode::Active { memory, offset } = &segment.mode else { continue };
            let [ConstOp::I32Const(start)] = offset.ops() else { return None };
            let start = *start as u32 as usize;
            let end = start.checked_add(segment.range.len())?;
            if memory.idx() != 0 || end > len {
                return None;
            }
            segments.push((start, end, &bytes[segment.range.clone()]));
        }
        let filled = || segments.iter().filter(|(start, end, _)| start != end);
        let start = filled().map(|it| it.0).min()? / PAGE * PAGE;
        let end = filled().map(|it| it.1).max()?.next_multiple_of(PAGE);
        let data: usize = filled().map(|it| it.2.len()).sum();
        if end - start > data.saturating_mul(2).saturating_add(SPARSE) {
            return None;
        }
        let mut contents = vec![0; end - start];
        for (from, to, data) in segments.iter().filter(|(start, end, _)| start != end) {
            contents[from - start..to - start].copy_from_slice(data);
        }
        Some(MemoryImage { image: Image::new(&contents).ok()?, start })
    }
}
