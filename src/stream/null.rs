//! A stream that takes everything and gives nothing.

use super::disconnect::Never;
use super::{Connection, Transport};
use crate::error::Error;
use crate::runtime::{Runtime, Shared};
use std::io::IoSlice;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::io::ReadBuf;

#[derive(Default)]
struct Null(Never);

impl Transport for Null {
    fn poll_read(&self, _cx: &mut Context<'_>, _buffer: &mut ReadBuf<'_>) -> Poll<Result<usize, Error>> {
        Poll::Ready(self.0.check_open().map(|()| 0))
    }

    fn poll_write(&self, _cx: &mut Context<'_>, parts: &[IoSlice<'_>]) -> Poll<Result<usize, Error>> {
        self.0.check_open()?;
        Poll::Ready(Ok(parts.iter().map(|part| part.len()).sum()))
    }

    fn write_now(&self, data: &[u8]) -> Result<usize, Error> {
        self.0.check_open()?;
        Ok(data.len())
    }

    fn poll_shutdown_write(&self, _cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }

    fn abort_read(&self) -> Result<(), Error> {
        Ok(())
    }

    fn abort_write(&self, _error: Error) {}

    fn length(&self) -> Option<u64> {
        Some(0)
    }

    fn poll_write_disconnected(&self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.0.poll(cx)
    }

    fn check_open(&self) -> Result<(), Error> {
        self.0.check_open()
    }

    fn close(&self) -> bool {
        self.0.close()
    }
}

impl Connection {
    /// A connection that takes every write and is at its end for every read. (STRM-22)
    pub fn null(runtime: &Runtime) -> Result<Arc<Self>, Error> {
        runtime.shared().check()?;
        Ok(Self::nothing(runtime.shared()))
    }

    pub(crate) fn nothing(runtime: &Arc<Shared>) -> Arc<Self> {
        Self::new(runtime, Null::default())
    }
}
