//! In-memory ends for standard streams, for tests and for embedders that have no terminal.

use alloc::sync::Arc;
use std::io::{self, Read, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::prelude::*;

/// Bytes that a program reads from its standard input.
///
/// Clones share the position, so an embedder can keep one to see how much is left.
#[derive(Clone, Debug)]
pub struct MemoryInputPipe {
    data: Arc<Mutex<io::Cursor<Vec<u8>>>>,
}

impl MemoryInputPipe {
    /// A pipe that yields `bytes` and then its end.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Self { data: Arc::new(Mutex::new(io::Cursor::new(bytes.into()))) }
    }

    /// Whether everything has been read.
    pub fn is_empty(&self) -> bool {
        let data = lock(&self.data);
        usize::try_from(data.position()).map_or(true, |at| at >= data.get_ref().len())
    }
}

impl Read for MemoryInputPipe {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        lock(&self.data).read(buf)
    }

    fn read_vectored(&mut self, bufs: &mut [io::IoSliceMut<'_>]) -> io::Result<usize> {
        lock(&self.data).read_vectored(bufs)
    }
}

/// A place for what a program writes to its standard output or error output.
///
/// Clones share the content: give one to the context and read the other.
#[derive(Clone, Debug)]
pub struct MemoryOutputPipe {
    capacity: usize,
    data: Arc<Mutex<Vec<u8>>>,
}

impl MemoryOutputPipe {
    /// An empty pipe that takes at most `capacity` bytes; a write beyond them fails with
    /// [`io::ErrorKind::StorageFull`], which the program sees as `ENOSPC`.
    pub fn new(capacity: usize) -> Self {
        Self { capacity, data: Arc::default() }
    }

    /// A copy of everything written so far.
    pub fn contents(&self) -> Vec<u8> {
        lock(&self.data).clone()
    }

    /// The content without a copy, if this is the only clone left.
    pub fn try_into_inner(self) -> Option<Vec<u8>> {
        let data = Arc::into_inner(self.data)?;
        Some(data.into_inner().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Write for MemoryOutputPipe {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        let mut data = lock(&self.data);
        let free = self.capacity.saturating_sub(data.len());
        if free == 0 && !buf.is_empty() {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let taken = &buf[..buf.len().min(free)];
        data.extend_from_slice(taken);
        Ok(taken.len())
    }

    fn write_vectored(&mut self, bufs: &[io::IoSlice<'_>]) -> io::Result<usize> {
        let mut written = 0;
        for buf in bufs {
            match self.write(buf) {
                Ok(len) => written += len,
                Err(error) if written == 0 => return Err(error),
                Err(_) => break,
            }
        }
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A panic while the lock was held cannot leave the data half-changed in a way that matters here.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_output_pipe_takes_what_fits_and_then_fails() {
        let mut pipe = MemoryOutputPipe::new(4);
        let reader = pipe.clone();
        let bufs = [io::IoSlice::new(b"abc"), io::IoSlice::new(b"def")];
        assert_eq!(pipe.write_vectored(&bufs).unwrap(), 4);
        assert_eq!(pipe.write(b"x").unwrap_err().kind(), io::ErrorKind::StorageFull);
        assert_eq!(pipe.write(b"").unwrap(), 0);
        assert_eq!(reader.contents(), b"abcd");
        drop(pipe);
        assert_eq!(reader.try_into_inner().unwrap(), b"abcd");
    }

    #[test]
    fn clones_of_an_input_pipe_share_the_position() {
        let pipe = MemoryInputPipe::new("ab");
        let mut other = pipe.clone();
        let mut buf = [0; 1];
        assert_eq!(other.read(&mut buf).unwrap(), 1);
        assert!(!pipe.is_empty());
        assert_eq!(pipe.clone().read(&mut buf).unwrap(), 1);
        assert_eq!(&buf, b"b");
        assert!(other.is_empty());
    }
}
