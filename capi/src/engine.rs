//! Configurations, engines and stores.

use threadle::{Config, Engine, Error};

use crate::context::{StoreCell, StoreRef};
use crate::foreign::HostData;
use crate::guard::{c_functions, given};

pub struct wasm_config_t {
    pub(crate) config: Config,
}

#[derive(Clone)]
pub struct wasm_engine_t {
    pub(crate) engine: Engine,
}

pub struct wasm_store_t {
    pub(crate) cell: StoreRef,
}

c_functions! {
    fn wasm_config_new() -> Option<Box<wasm_config_t>> {
        Ok(Some(Box::new(wasm_config_t { config: Config::new() })))
    }

    fn wasm_config_delete(config: Option<Box<wasm_config_t>>) {
        drop(config);
        Ok(())
    }

    fn wasm_engine_new() -> Option<Box<wasm_engine_t>> {
        Ok(Some(Box::new(wasm_engine_t { engine: Engine::new(&Config::new())? })))
    }

    fn wasm_engine_new_with_config(
        config: Option<Box<wasm_config_t>>,
    ) -> Option<Box<wasm_engine_t>> {
        let config = given(config, "config")?;
        Ok(Some(Box::new(wasm_engine_t { engine: Engine::new(&config.config)? })))
    }

    fn wasm_engine_delete(engine: Option<Box<wasm_engine_t>>) {
        drop(engine);
        Ok(())
    }

    fn wasm_store_new(engine: Option<&wasm_engine_t>) -> Option<Box<wasm_store_t>> {
        let engine = given(engine, "engine")?;
        let cell = StoreCell::new(&engine.engine, HostData::NONE)?;
        Ok::<_, Error>(Some(Box::new(wasm_store_t { cell })))
    }

    fn wasm_store_delete(store: Option<Box<wasm_store_t>>) {
        drop(store);
        Ok(())
    }
}
