//! Forwarding the messages of one socket to another. (WS-07)

use super::receive::{Received, Receiving};
use super::send::send_frames;
use super::{CLOSE_CODE_DETAIL, CloseCode, CloseReason, Take, WebSocket};
use crate::error::{Error, ErrorKind};
use crate::promise::{Promise, Watch};
use crate::value::{Outcome, Value};
use std::sync::Arc;
use std::task::Poll;

/// What the other socket is closed with for an error of receiving.
fn reason_of(error: &Error) -> CloseReason {
    let code = error.detail(CLOSE_CODE_DETAIL);
    let code = code.and_then(|code| Some(u16::from_be_bytes(code.as_ref().try_into().ok()?)));
    let code = code.map_or(CloseCode::INTERNAL, CloseCode);
    let text = if error.kind() == ErrorKind::Disconnected { "the other end has gone" } else { "" };
    CloseReason { code, text: text.to_owned() }
}

async fn pump(from: Arc<WebSocket>, to: Arc<WebSocket>) -> Outcome {
    let mut gone = Watch::new(to.when_aborted()?);
    let mut receiving = Receiving::new(&from, Take::Whole(from.options().max_message))?;
    receiving.pass_to(&to);
    loop {
        let received = std::future::poll_fn(|cx| match receiving.poll_received(cx) {
            Poll::Pending if gone.poll_settled(cx) => Poll::Ready(None),
            received => received.map(Some),
        })
        .await;
        let message = match received {
            None => return Err(Error::new(ErrorKind::Disconnected, "the socket that is pumped to has gone")),
            Some(Ok(Received::Frames(frames))) => {
                send_frames(to.out().clone(), frames).await?;
                continue;
            }
            Some(Ok(Received::Message(message))) => message,
            Some(Err(error)) => {
                // The error that counts is this one.
                let _ = Watch::new(to.close(&reason_of(&error))?).await;
                return Err(error);
            }
        };
        match (message.kind(), message.close()) {
            (Some(kind), _) => drop(Watch::new(to.send(kind, message.data())?).await?),
            (None, Some(reason)) => return Watch::new(to.close(reason)?).await.map(|_| Value::Unit),
            (None, None) => {}
        }
    }
}

impl WebSocket {
    /// Forwards every message that is received here to another socket, and the close at the end; the promise settles when that
    /// has been written. Pings are answered on this side. Where both sockets mask alike and are compressed alike, messages go
    /// on as they are, without a look at what they hold: whether a text is UTF-8 is left to the other end. That holds for
    /// compressed messages too if no window goes from message to message. (WS-07, WS-08)
    ///
    /// # Errors
    /// Those of receiving, for which the other socket is closed with 1011, or with the code of a broken protocol; those of
    /// sending; `Disconnected` if the other socket's end goes.
    ///
    /// # Cancellation
    /// Messages that are being sent are lost, as with a send that is cancelled.
    pub fn pump_to(self: &Arc<Self>, to: &Arc<Self>) -> Result<Promise, Error> {
        self.runtime().check()?;
        Ok(Promise::start(self.runtime().clone(), "websocket pump", pump(self.clone(), to.clone())))
    }
}
