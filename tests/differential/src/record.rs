//! What an oracle saw, kept between runs: a digest for each seed, at the seed's own place in a file, so
//! that children which begin in the middle write where others left off.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::Path;

use anyhow::{Context, Result};

/// Bytes of a digest.
const WIDTH: u64 = 8;

/// A file of digests.
#[derive(Debug)]
pub struct Record(File);

impl Record {
    /// A file to write to; what it holds already stays.
    ///
    /// # Errors
    ///
    /// When it cannot be opened.
    pub fn create(path: &Path) -> Result<Record> {
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(path);
        Ok(Record(file.with_context(|| path.display().to_string())?))
    }

    /// A file to read.
    ///
    /// # Errors
    ///
    /// When it cannot be opened.
    pub fn open(path: &Path) -> Result<Record> {
        Ok(Record(File::open(path).with_context(|| path.display().to_string())?))
    }

    /// Notes a digest.
    ///
    /// # Errors
    ///
    /// When the file cannot be written.
    pub fn write(&self, seed: u64, digest: u64) -> Result<()> {
        Ok(self.0.write_all_at(&digest.to_le_bytes(), seed * WIDTH)?)
    }

    /// The digest of a seed, if there is one.
    pub fn read(&self, seed: u64) -> Option<u64> {
        let mut bytes = [0; WIDTH as usize];
        self.0.read_exact_at(&mut bytes, seed * WIDTH).ok()?;
        Some(u64::from_le_bytes(bytes)).filter(|digest| *digest != 0)
    }
}
