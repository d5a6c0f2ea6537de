//! A WebSocket over a connection whose handshake is done.

use super::inward::{In, Inward};
use super::out::{FrameOut, Out, after_close};
use super::receive::Receiving;
use super::{
    Agreed, CloseCode, CloseReason, Compression, CompressionMode, Decoder, Deflating, MAX_CONTROL, Role, Take,
    Violation, WebSocketOptions,
};
use crate::error::{Error, ErrorKind};
use crate::object::{Object, Owner};
use crate::promise::{Fulfiller, Promise, Watch};
use crate::runtime::{Belonging, Entry, Runtime, Shared, Timer};
use crate::stream::{Connection, WriteHalf};
use crate::sync::Lock;
use crate::value::{Outcome, Value};
use bytes::Bytes;
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Poll;

/// A ping that waits for its pong.
struct Waiting {
    payload: Bytes,
    pong: Fulfiller,
}

#[derive(Default)]
struct Pings {
    last: u64,
    /// By their numbers, so in the order in which they were started.
    waiting: BTreeMap<u64, Waiting>,
    /// Whether one that nobody waits for is on its way out.
    quiet: bool,
}

/// The pong that is to be sent: the answer to the latest ping. (WS-11)
#[derive(Default)]
struct Pong {
    latest: Option<Bytes>,
    /// Whether somebody is at sending it.
    at_it: bool,
}

/// One end of a WebSocket. One receive may be pending, and any number of sends, which go out whole and in the order in which
/// they were started. Every pending operation keeps the socket; dropping the last holder closes its connection.
pub struct WebSocket {
    runtime: Arc<Shared>,
    connection: Arc<Connection>,
    role: Role,
    options: WebSocketOptions,
    agreed: Option<Agreed>,
    protocol: Option<String>,
    out: Arc<Out>,
    inward: Arc<Inward>,
    pings: Arc<Lock<Pings>>,
    pong: Arc<Lock<Pong>>,
    /// Settles when the other end has closed or can no longer do that.
    peer_ended: (Fulfiller, Promise),
    /// What goes on though nobody waits for it, as long as the socket is held.
    background: Lock<Vec<Promise>>,
    entry: Entry,
}

impl WebSocket {
    /// A socket over a connection whose handshake has been done, which is its own from now on. `agreed` is what that came to
    /// about compression. (WS-14, WS-15)
    ///
    /// # Errors
    /// `Busy` if a read is pending on the connection.
    pub fn over(
        connection: &Arc<Connection>,
        role: Role,
        agreed: Option<Agreed>,
        options: WebSocketOptions,
    ) -> Result<Arc<Self>, Error> {
        Self::with_protocol(connection, role, agreed, None, options)
    }

    pub(super) fn with_protocol(
        connection: &Arc<Connection>,
        role: Role,
        agreed: Option<Agreed>,
        protocol: Option<String>,
        options: WebSocketOptions,
    ) -> Result<Arc<Self>, Error> {
        let (read, write) = connection.exclusive()?.split();
        let input = In::new(read, Decoder::new(role.other(), agreed.map(|agreed| agreed.of(role.other()))));
        Ok(Self::of(connection, role, agreed, protocol, options, input, write))
    }

    /// Two sockets in this process, each of which receives what is sent over the other. There is no buffer between them: a
    /// send settles when its message has been received. (WS-16)
    pub fn pipe(runtime: &Runtime, options: WebSocketOptions) -> Result<(Arc<Self>, Arc<Self>), Error> {
        Self::pipe_of(runtime.shared(), options)
    }

    pub(crate) fn pipe_of(runtime: &Arc<Shared>, options: WebSocketOptions) -> Result<(Arc<Self>, Arc<Self>), Error> {
        let (one, other) = Connection::two_way_pipe_of(runtime)?;
        // Between servers nothing is masked.
        let end = |connection: Arc<Connection>| {
            let (read, write) = connection.exclusive()?.split();
            let input = In::exact(read, Decoder::new(Role::Server, None));
            Ok::<_, Error>(Self::of(&connection, Role::Server, None, None, options, input, write))
        };
        Ok((end(one)?, end(other)?))
    }

    fn of(
        connection: &Arc<Connection>,
        role: Role,
        agreed: Option<Agreed>,
        protocol: Option<String>,
        options: WebSocketOptions,
        input: In,
        write: WriteHalf,
    ) -> Arc<Self> {
        let with = options.compression;
        let deflating =
            agreed.map(|agreed| Deflating { window: agreed.of(role), level: with.level, from_size: with.from_size });
        let runtime = connection.runtime().clone();
        let this = Arc::new(Self {
            connection: connection.clone(),
            role,
            options,
            agreed,
            protocol,
            out: Arc::new(Out::new(write, role, deflating)),
            inward: Inward::new(input),
            pings: Arc::default(),
            pong: Arc::default(),
            peer_ended: Fulfiller::new(runtime.clone()),
            background: Lock::new(Vec::new()),
            entry: Entry::default(),
            runtime,
        });
        this.entry.enter(&this.runtime, &this);
        this
    }

    pub(crate) fn runtime(&self) -> &Arc<Shared> {
        &self.runtime
    }

    pub(super) fn out(&self) -> &Arc<Out> {
        &self.out
    }

    pub(super) fn inward(&self) -> &Inward {
        &self.inward
    }

    pub(super) fn options(&self) -> &WebSocketOptions {
        &self.options
    }

    /// Which end it is.
    pub fn role(&self) -> Role {
        self.role
    }

    /// What was agreed on compression, if anything was.
    pub fn agreed(&self) -> Option<Agreed> {
        self.agreed
    }

    /// The options of compression with which another socket comes to the same agreement, if its other end does not want less,
    /// so that messages can be pumped between the two as they are. (WS-09)
    pub fn matching_compression(&self) -> Compression {
        let Some(Agreed { server, client }) = self.agreed else { return Compression::default() };
        Compression {
            mode: CompressionMode::On,
            server_no_context_takeover: server.fresh,
            client_no_context_takeover: client.fresh,
            server_max_window_bits: server.bits,
            client_max_window_bits: client.bits,
            ..self.options.compression
        }
    }

    /// The subprotocol that was agreed on, if one was.
    pub fn protocol(&self) -> Option<&str> {
        self.protocol.as_deref()
    }

    /// The connection that it is over, to ask for its peer. Not to be read or written.
    pub fn connection(&self) -> &Arc<Connection> {
        &self.connection
    }

    /// How many bytes have been sent since the handshake, those of frames included. (WS-10)
    pub fn sent_bytes(&self) -> u64 {
        self.out.sent.load(Ordering::Relaxed)
    }

    /// How many bytes have been received since the handshake, those of frames included. (WS-10)
    pub fn received_byte_count(&self) -> u64 {
        self.received_bytes()
    }

    /// Has something done that nobody waits for.
    pub(super) fn goes_on(
        &self,
        name: &'static str,
        future: impl Future<Output = Outcome> + std::marker::Send + 'static,
    ) {
        let promise = Promise::start(self.runtime.clone(), name, future);
        if promise.outcome().is_some() {
            return;
        }
        let over: Vec<Promise> = {
            let mut background = self.background.lock();
            let over = background.extract_if(.., |promise| promise.outcome().is_some()).collect();
            background.push(promise);
            over
        };
        drop(over);
    }

    /// Answers a ping. If there is no room for the answer at once, only the latest ping will be answered. (WS-11)
    pub(super) fn answer(&self, ping: Bytes) {
        let at_it = {
            let mut pong = self.pong.lock();
            pong.latest = Some(ping);
            std::mem::replace(&mut pong.at_it, true)
        };
        if !at_it {
            self.goes_on("websocket pong", send_pongs(self.out.clone(), self.pong.clone()));
        }
    }

    pub(super) fn pong_came(&self, payload: &Bytes) {
        let answered = {
            let mut pings = self.pings.lock();
            match pings.waiting.iter().find(|(_, waiting)| waiting.payload == *payload).map(|(&number, _)| number) {
                // A pong answers the pings before it as well: only the latest has to be answered.
                Some(number) => {
                    let later = pings.waiting.split_off(&(number + 1));
                    std::mem::replace(&mut pings.waiting, later)
                }
                None => BTreeMap::new(),
            }
        };
        for waiting in answered.into_values() {
            waiting.pong.settle(Ok(Value::Unit));
        }
    }

    /// Sends a ping whose pong nobody waits for, unless the last one has not gone out yet.
    pub(super) fn ping_quietly(&self) {
        if std::mem::replace(&mut self.pings.lock().quiet, true) {
            return;
        }
        let (frame, pings) = (FrameOut::new(&self.out, self.out.control.ping(&Bytes::new())), self.pings.clone());
        self.goes_on("websocket ping", async move {
            let written = frame.write().await;
            pings.lock().quiet = false;
            written?;
            Ok(Value::Unit)
        });
    }

    /// Sends a ping of at most 125 bytes. The promise settles when its pong has come, which somebody has to be receiving for.
    /// (WS-11)
    ///
    /// # Errors
    /// As `send_text`; `InvalidArgument` for one that is too long.
    ///
    /// # Cancellation
    /// A ping that waits is not sent; a pong that comes later is passed over.
    pub fn ping(self: &Arc<Self>, payload: impl Into<Bytes>) -> Result<Promise, Error> {
        self.runtime.check()?;
        let payload = control_payload(payload.into())?;
        let frame = FrameOut::new(&self.out, self.out.control.ping(&payload));
        let (pong, came) = Fulfiller::new(self.runtime.clone());
        let number = {
            let mut pings = self.pings.lock();
            pings.last += 1;
            let number = pings.last;
            pings.waiting.insert(number, Waiting { payload, pong });
            number
        };
        let (registered, socket) = (Registered(self.pings.clone(), number), self.clone());
        Ok(Promise::start(self.runtime.clone(), "websocket ping", async move {
            let _held = (registered, socket);
            frame.write().await?;
            Watch::new(came).await
        }))
    }

    /// Sends a pong of at most 125 bytes that nobody has asked for, as a sign of life. Pings are answered without this.
    ///
    /// # Errors
    /// As `ping`.
    pub fn pong(self: &Arc<Self>, payload: impl Into<Bytes>) -> Result<Promise, Error> {
        self.runtime.check()?;
        let frame = FrameOut::new(&self.out, self.out.control.pong(&control_payload(payload.into())?));
        let socket = self.clone();
        Ok(Promise::start(self.runtime.clone(), "websocket pong", async move {
            let _held = socket;
            frame.write().await?;
            Ok(Value::Unit)
        }))
    }

    /// Closes: sends, behind the messages that were started before, a close. The promise settles when that is written; the
    /// other end's close is the last that is received. If it does not come in the time that the options say, the connection
    /// is cut. Where a close has been sent already, also as the answer to one, this does nothing. (WS-03)
    ///
    /// # Errors
    /// As `send_text`.
    ///
    /// # Cancellation
    /// One that waits behind messages sends nothing.
    pub fn close(self: &Arc<Self>, reason: &CloseReason) -> Result<Promise, Error> {
        self.runtime.check()?;
        let closing = send_close(self.out.clone(), reason.clone());
        let socket = self.clone();
        Ok(Promise::start(self.runtime.clone(), "websocket close", async move {
            closing.await?;
            socket.expect_close();
            Ok(Value::Unit)
        }))
    }

    /// Closes and waits until the other end has closed as well; what it still sends until then is thrown away unless somebody
    /// receives it. Then the connection ends. (WS-03)
    ///
    /// # Errors
    /// As `close`; `TimedOut` if the other end does not close in the time that the options say, and the connection is cut
    /// then. How the other end ends, with a close or without, is no error.
    ///
    /// # Cancellation
    /// As `close`.
    pub fn finish(self: &Arc<Self>, reason: &CloseReason) -> Result<Promise, Error> {
        let close = self.close(reason)?;
        let socket = self.clone();
        Ok(Promise::start(self.runtime.clone(), "websocket finish", async move {
            Watch::new(close).await?;
            let mut ended = Watch::new(socket.peer_ended.1.clone());
            let mut receiving: Option<Receiving> = None;
            std::future::poll_fn(|cx| {
                loop {
                    if ended.poll_settled(cx) {
                        return Poll::Ready(());
                    }
                    // Whoever is at receiving will see the close; if they stop before that, it is taken here.
                    if receiving.is_none() {
                        receiving = Receiving::new(&socket, Take::Pieces).ok();
                    }
                    if receiving.as_mut().is_none_or(|receiving| receiving.poll_message(cx).is_pending()) {
                        return Poll::Pending;
                    }
                }
            })
            .await;
            drop(receiving);
            match socket.inward.ended() {
                Some(error) if error.kind() == ErrorKind::TimedOut => Err(error),
                _ => Ok(Value::Unit),
            }
        }))
    }

    /// Has the connection cut if the other end does not close in time.
    fn expect_close(self: &Arc<Self>) {
        let Some(nanos) = self.options.close_nanos else { return };
        if self.peer_ended.1.outcome().is_some() {
            return;
        }
        let mut timer = Timer::after(&self.runtime, nanos);
        let mut ended = Watch::new(self.peer_ended.1.clone());
        let this = Arc::downgrade(self);
        self.goes_on("websocket closing handshake", async move {
            let late = std::future::poll_fn(|cx| {
                if ended.poll_settled(cx) { Poll::Ready(false) } else { Pin::new(&mut timer).poll(cx).map(|()| true) }
            })
            .await;
            if let Some(socket) = this.upgrade().filter(|_| late) {
                socket.cut(Error::new(ErrorKind::TimedOut, "the other end did not close the socket in time"));
            }
            Ok(Value::Unit)
        });
    }

    /// Cuts the connection for this reason, which is what everybody gets.
    pub(super) fn cut(&self, error: Error) -> Error {
        self.inward.cut(error.clone());
        self.out.break_off(error.clone());
        self.connection.close();
        self.lost(error)
    }

    /// Nothing more can be received; why.
    pub(super) fn lost(&self, error: Error) -> Error {
        let error = self.inward.explain(error);
        self.receiving_ends(error.clone(), Some(&error));
        error
    }

    fn receiving_ends(&self, error: Error, pings: Option<&Error>) {
        self.inward.end(error);
        self.peer_ended.0.settle(Ok(Value::Unit));
        let waiting = std::mem::take(&mut self.pings.lock().waiting);
        let closed = Error::new(ErrorKind::Disconnected, "the other end closed the socket");
        for waiting in waiting.into_values() {
            waiting.pong.settle(Err(pings.unwrap_or(&closed).clone()));
        }
    }

    /// The other end has closed: it is answered, and then the connection ends.
    pub(super) fn peer_closed(&self, reason: &CloseReason) {
        let text = "receiving after the close of the socket";
        self.receiving_ends(Error::new(ErrorKind::Failed, text), None);
        let answer = CloseReason { code: reason.code, text: reason.text.clone() };
        self.end_connection(answer);
    }

    /// The other end has broken the protocol: it is told, and then the connection ends. (WS-13)
    pub(super) fn refuse(&self, violation: Violation) -> Error {
        let error = violation.to_error();
        self.receiving_ends(error.clone(), Some(&error));
        self.end_connection(CloseReason { code: violation.code, text: String::new() });
        error
    }

    /// Sends a close unless one has been sent, and ends the connection as the standard wants it: the server first. What
    /// still comes is thrown away, since a connection that is closed with something unread is reset.
    fn end_connection(&self, close: CloseReason) {
        let (out, inward, connection) = (self.out.clone(), self.inward.clone(), self.connection.clone());
        let server = self.role == Role::Server;
        let mut timer = self.options.close_nanos.map(|nanos| Timer::after(&self.runtime, nanos));
        self.goes_on("websocket end", async move {
            let ending = async {
                let told = send_close(out.clone(), close).await;
                if server && told.is_ok() {
                    let _ = out.clone().shut_down().await;
                }
                let mut input = std::future::poll_fn(|cx| inward.poll_claim(cx)).await;
                std::future::poll_fn(|cx| input.poll_drain(cx)).await;
            };
            let mut ending = pin!(ending);
            std::future::poll_fn(|cx| {
                let late = timer.as_mut().is_some_and(|timer| Pin::new(timer).poll(cx).is_ready());
                if late { Poll::Ready(()) } else { ending.as_mut().poll(cx) }
            })
            .await;
            out.break_off(after_close());
            connection.close();
            Ok(Value::Unit)
        });
    }

    /// Ends the sending without a close: the other end's receive fails with `Disconnected`, and pending sends here fail.
    /// Receiving goes on. (WS-04)
    pub fn disconnect(&self) {
        self.out.break_off(Error::new(ErrorKind::Failed, "the socket was disconnected"));
        let out = self.out.clone();
        self.goes_on("websocket disconnect", async move {
            out.shut_down().await?;
            Ok(Value::Unit)
        });
    }

    /// Ends both directions now, without a close: whatever is pending fails with `Canceled`. (WS-05)
    pub fn abort(&self) {
        self.cut(Error::new(ErrorKind::Canceled, "the socket was aborted"));
    }

    /// Settles once sending would fail because the other end has gone, as far as that can be known. (WS-06)
    pub fn when_aborted(&self) -> Result<Promise, Error> {
        self.connection.when_write_disconnected()
    }
}

fn control_payload(payload: Bytes) -> Result<Bytes, Error> {
    if payload.len() > MAX_CONTROL {
        return Err(Error::invalid("a ping or a pong has at most 125 bytes"));
    }
    Ok(payload)
}

async fn send_pongs(out: Arc<Out>, pong: Arc<Lock<Pong>>) -> Outcome {
    loop {
        let payload = {
            let mut pong = pong.lock();
            let latest = pong.latest.take();
            pong.at_it = latest.is_some();
            latest
        };
        let Some(payload) = payload else { return Ok(Value::Unit) };
        let frame = FrameOut::new(&out, out.control.pong(&payload));
        // It stays `at_it` if that fails: there is nothing more to answer then.
        frame.write().await?;
    }
}

/// Sends a close behind the messages in line, unless one has been sent.
async fn send_close(out: Arc<Out>, reason: CloseReason) -> Result<(), Error> {
    let turn = out.messages.take();
    std::future::poll_fn(|cx| {
        let first = turn.poll(cx);
        if out.is_closed() {
            return Poll::Ready(Ok(()));
        }
        out.check()?;
        first.map(Ok::<_, Error>)
    })
    .await?;
    if out.is_closed() {
        return Ok(());
    }
    let sent = CloseReason { code: reason.code, text: reason.text };
    debug_assert!(sent.code.may_be_sent() || sent.code == CloseCode::NONE, "checked where it was made");
    let frame = FrameOut::closing(&out, out.control.close(&sent));
    frame.write().await
}

/// Takes a ping out of those that wait.
struct Registered(Arc<Lock<Pings>>, u64);

impl Drop for Registered {
    fn drop(&mut self) {
        let gone = self.0.lock().waiting.remove(&self.1);
        drop(gone);
    }
}

impl Object for WebSocket {
    fn owner(&self) -> Option<&Owner> {
        Some(&self.runtime.owner)
    }
}

impl Belonging for WebSocket {
    fn end(&self) {
        self.abort();
        let background = std::mem::take(&mut *self.background.lock());
        drop(background);
    }
}

impl Drop for WebSocket {
    fn drop(&mut self) {
        self.connection.close();
    }
}
