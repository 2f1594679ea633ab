//! The twin of `image.rs` where mappings cannot begin with contents: nothing can be made, so that whoever
//! asks copies.

use super::Mapping;
use crate::sys::standard::io;

/// Never there.
#[derive(Debug)]
pub struct Image(core::convert::Infallible);

impl Image {
    /// Refuses.
    ///
    /// # Errors
    ///
    /// Always.
    pub fn new(_: &[u8]) -> io::Result<Image> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// See the twin.
    pub fn size(&self) -> usize {
        match self.0 {}
    }
}

impl Mapping {
    /// See the twin.
    ///
    /// # Errors
    ///
    /// None: there is no image.
    pub fn show(&mut self, _: usize, image: &Image) -> io::Result<()> {
        match image.0 {}
    }

    /// Refuses.
    ///
    /// # Errors
    ///
    /// Always.
    pub fn blank(&mut self, _: usize, _: usize) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Refuses, so that no mapping is used again.
    ///
    /// # Errors
    ///
    /// Always.
    pub fn forget(&mut self, _: usize, _: usize) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Refuses.
    ///
    /// # Errors
    ///
    /// Always.
    pub fn hide(&mut self, _: usize, _: usize) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }
}
