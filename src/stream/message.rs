//! What one receive brought: bytes and what came beside them.

use super::Connection;
use super::control::{Beside, ControlMessage};
use crate::error::{Error, ErrorKind};
use crate::object::{Object, Owner};
use crate::runtime::Shared;
use crate::sync::Lock;
use crate::value::Value;
use bytes::Bytes;
use socket2::SockAddr;
use std::os::fd::OwnedFd;
use std::sync::Arc;

/// Things of which each can be taken out once.
struct Parcel<T>(Lock<Vec<Option<T>>>);

impl<T> Parcel<T> {
    fn new(things: Vec<T>) -> Self {
        Self(Lock::new(things.into_iter().map(Some).collect()))
    }

    fn len(&self) -> usize {
        self.0.lock().len()
    }

    fn take(&self, index: usize) -> Result<T, Error> {
        let mut things = self.0.lock();
        let count = things.len();
        let thing = things.get_mut(index).ok_or_else(|| Error::invalid(format!("number {index} of {count}")))?;
        thing.take().ok_or_else(|| Error::new(ErrorKind::Failed, "it has been taken out already"))
    }
}

/// The bytes of one receive with what came beside them. What is not taken out is closed with it.
pub struct Message {
    runtime: Arc<Shared>,
    content: Bytes,
    truncated: bool,
    control: Vec<ControlMessage>,
    control_truncated: bool,
    source: Option<SockAddr>,
    fds: Parcel<OwnedFd>,
    connections: Parcel<Arc<Connection>>,
}

impl Message {
    pub(crate) fn new(runtime: &Arc<Shared>, content: Bytes, beside: Beside) -> Self {
        Self {
            runtime: runtime.clone(),
            content,
            truncated: false,
            control: beside.messages,
            control_truncated: beside.truncated,
            source: None,
            fds: Parcel::new(beside.fds),
            connections: Parcel::new(beside.connections),
        }
    }

    /// A datagram: where it came from, and whether it was cut.
    pub(crate) fn with_source(mut self, source: Option<SockAddr>, truncated: bool) -> Self {
        self.source = source;
        self.truncated = truncated;
        self
    }

    pub(crate) fn into_value(self) -> Value {
        Value::object(Arc::new(self))
    }

    pub(crate) fn runtime(&self) -> &Arc<Shared> {
        &self.runtime
    }

    /// The bytes, shared. (DGRAM-04)
    pub fn content(&self) -> &Bytes {
        &self.content
    }

    /// Whether the datagram was longer than the room for it; the rest is lost. (DGRAM-04)
    pub fn is_truncated(&self) -> bool {
        self.truncated
    }

    /// The control messages, without descriptors. (DGRAM-05, DGRAM-07, STRM-08)
    pub fn control(&self) -> &[ControlMessage] {
        &self.control
    }

    /// Whether there were more control messages than room for them, or more descriptors than the process has room for; the
    /// last message may be partial. (DGRAM-05)
    pub fn is_control_truncated(&self) -> bool {
        self.control_truncated
    }

    /// Where a datagram came from. (DGRAM-06)
    pub(crate) fn source(&self) -> Option<&SockAddr> {
        self.source.as_ref()
    }

    /// How many descriptors came. (CAPS-02)
    pub fn fd_count(&self) -> usize {
        self.fds.len()
    }

    /// Takes a descriptor out.
    pub fn take_fd(&self, index: usize) -> Result<OwnedFd, Error> {
        self.fds.take(index)
    }

    /// How many connections came. (CAPS-04)
    pub fn connection_count(&self) -> usize {
        self.connections.len()
    }

    /// Takes a connection out.
    pub fn take_connection(&self, index: usize) -> Result<Arc<Connection>, Error> {
        self.connections.take(index)
    }
}

impl Object for Message {
    fn owner(&self) -> Option<&Owner> {
        Some(&self.runtime().owner)
    }

    fn byte_count(&self) -> usize {
        self.content.len()
    }
}

/// Several messages that were received together, in order.
pub struct Messages {
    runtime: Arc<Shared>,
    /// The messages.
    pub list: Vec<Arc<Message>>,
}

impl Messages {
    pub(crate) fn into_value(runtime: &Arc<Shared>, list: Vec<Arc<Message>>) -> Value {
        Value::object(Arc::new(Self { runtime: runtime.clone(), list }))
    }

    pub(crate) fn runtime(&self) -> &Arc<Shared> {
        &self.runtime
    }
}

impl Object for Messages {
    fn owner(&self) -> Option<&Owner> {
        Some(&self.runtime().owner)
    }
}
