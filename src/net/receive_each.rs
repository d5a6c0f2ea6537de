//! Receives that follow one another, with a callback for each.

use super::datagram::{DatagramPort, Receive, Received};
use crate::coordination::Turn;
use crate::error::Error;
use crate::foreign::owned_bytes;
use crate::promise::{ForEach, Items, Promise, Resolution};
use crate::stream::Message;
use crate::value::{Outcome, Value};
use bytes::Bytes;
use std::os::fd::BorrowedFd;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

/// All that comes to a port from now on.
struct Datagrams {
    port: Arc<DatagramPort>,
    turn: Turn,
    options: Receive,
    /// Kept from one to the next; empty in between.
    buffer: Vec<u8>,
}

impl Items for Datagrams {
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Outcome>> {
        let Self { port, turn, options, buffer } = self;
        // A small datagram is copied out, so that it neither holds nor costs a block of the room for the largest.
        let content = |buffer: &mut Vec<u8>| {
            if buffer.len() > options.capacity / 4 {
                let mut block = std::mem::take(buffer);
                block.shrink_to_fit();
                return Bytes::from(block);
            }
            let Ok(copy) = owned_bytes(buffer) else { return Bytes::from(std::mem::take(buffer)) };
            buffer.clear();
            copy
        };
        let once = |fd: BorrowedFd<'_>| port.receive_with(fd, *options, buffer, content);
        let received = ready!(port.poll_receive(cx, turn, *options, once));
        Poll::Ready(Some(received.map(|received| match received {
            Received::New(message) => message.into_value(),
            Received::Again(value) => value,
        })))
    }
}

impl DatagramPort {
    /// Receives one datagram after another and runs `on_message` on the loop for each. What that returns decides: unit
    /// goes on, a promise is waited for first and decides then, any other value ends it and is the outcome, and so does
    /// an error, that of a receive too. Other receives wait until it ends. (DGRAM-03)
    ///
    /// # Cancellation
    /// What has not been given to the callback stays for the next receive; a promise that the last callback returned is
    /// dropped.
    pub fn receive_each<R: Into<Resolution>>(
        self: &Arc<Self>,
        options: Receive,
        on_message: impl FnMut(Arc<Message>) -> R + Send + 'static,
    ) -> Result<Promise, Error> {
        self.receive_each_with(options, ForEach::closure(Value::into_object::<Message>, on_message))
    }

    pub(crate) fn receive_each_with(self: &Arc<Self>, options: Receive, run: ForEach) -> Result<Promise, Error> {
        self.runtime().check()?;
        let datagrams = Datagrams { port: self.clone(), turn: self.receives.turn(), options, buffer: Vec::new() };
        Ok(Promise::each(self.runtime().clone(), datagrams, run))
    }
}
