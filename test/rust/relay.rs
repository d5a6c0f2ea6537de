//! A stream of the program's own that passes everything on to a connection.

use bytes::Bytes;
use kjasync::Error;
use kjasync::promise::{Promise, Resolution};
use kjasync::stream::{ByteStream, Connection};
use std::sync::Arc;

pub(crate) struct Relay(pub(crate) Arc<Connection>);

pub(crate) fn started(promise: Result<Promise, Error>) -> Resolution {
    match promise {
        Ok(promise) => promise.into(),
        Err(error) => Err(error).into(),
    }
}

impl ByteStream for Relay {
    fn read(&self, min: usize, max: usize) -> Resolution {
        started(self.0.read(min, max))
    }

    fn write(&self, bytes: Bytes) -> Resolution {
        started(self.0.write_bytes(&bytes))
    }

    fn shutdown_write(&self) -> Resolution {
        started(self.0.shutdown_write())
    }

    fn abort_read(&self) {
        let _ = self.0.abort_read();
    }

    fn abort_write(&self, error: Error) {
        let _ = self.0.abort_write(error);
    }

    fn when_write_disconnected(&self) -> Option<Resolution> {
        Some(started(self.0.when_write_disconnected()))
    }

    fn length(&self) -> Option<u64> {
        self.0.length()
    }
}
