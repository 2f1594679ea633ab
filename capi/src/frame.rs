//! Frames of traps.

use std::sync::OnceLock;

use threadle::FrameInfo;

use crate::context::StoreRef;
use crate::guard::{c_functions, given};
use crate::reference::{Kind, wasm_ref_t};
use crate::vec::CVec;

#[derive(Clone)]
pub struct wasm_frame_t {
    info: FrameInfo,
    /// What `wasm_frame_instance` lends.
    instance: Option<Box<wasm_ref_t>>,
    func_name: OnceLock<Option<CVec<u8>>>,
    module_name: OnceLock<Option<CVec<u8>>>,
}

impl wasm_frame_t {
    pub(crate) fn new(store: Option<&StoreRef>, info: &FrameInfo) -> wasm_frame_t {
        let instance = Kind::Instance(info.instance());
        wasm_frame_t {
            info: info.clone(),
            instance: store.map(|store| wasm_ref_t::boxed(store, instance)),
            func_name: OnceLock::new(),
            module_name: OnceLock::new(),
        }
    }

    pub(crate) fn func_name(&self) -> Option<&CVec<u8>> {
        self.func_name.get_or_init(|| self.info.func_name().map(CVec::from)).as_ref()
    }

    pub(crate) fn module_name(&self) -> Option<&CVec<u8>> {
        self.module_name.get_or_init(|| self.info.module().name().map(CVec::from)).as_ref()
    }
}

c_functions! {
    fn wasm_frame_delete(frame: Option<Box<wasm_frame_t>>) {
        drop(frame);
        Ok(())
    }

    fn wasm_frame_copy(frame: Option<&wasm_frame_t>) -> Option<Box<wasm_frame_t>> {
        Ok(Some(Box::new(given(frame, "frame")?.clone())))
    }

    fn wasm_frame_instance(frame: Option<&wasm_frame_t>) -> Option<&wasm_ref_t> {
        Ok(given(frame, "frame")?.instance.as_deref())
    }

    fn wasm_frame_func_index(frame: Option<&wasm_frame_t>) -> u32 {
        Ok(given(frame, "frame")?.info.func_index())
    }

    fn wasm_frame_func_offset(frame: Option<&wasm_frame_t>) -> usize {
        Ok(given(frame, "frame")?.info.func_offset().unwrap_or(0))
    }

    fn wasm_frame_module_offset(frame: Option<&wasm_frame_t>) -> usize {
        Ok(given(frame, "frame")?.info.module_offset().unwrap_or(0))
    }
}
