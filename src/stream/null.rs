//! A stream that takes everything and gives nothing.

use super::disconnect::Never;
use super::{Connection, Target, Transport};
use crate::error::Error;
use crate::runtime::Runtime;
use bytes::Bytes;
use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Context, Poll};

#[derive(Default)]
struct Null(Never);

impl Transport for Null {
    fn poll_read(&self, _cx: &mut Context<'_>, _target: &mut Target<'_>) -> Poll<Result<usize, Error>> {
        self.0.check_open()?;
        Poll::Ready(Ok(0))
    }

    fn poll_write(&self, _cx: &mut Context<'_>, parts: &mut VecDeque<Bytes>) -> Poll<Result<(), Error>> {
        self.0.check_open()?;
        parts.clear();
        Poll::Ready(Ok(()))
    }

    fn write_now(&self, data: &[u8]) -> Result<usize, Error> {
        self.0.check_open()?;
        Ok(data.len())
    }

    fn shutdown_write(&self) -> Result<(), Error> {
        Ok(())
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
        Ok(Self::new(runtime.shared(), Null::default()))
    }
}
