//! Listeners, addresses and networks that a program provides. (LLIO-13)
//!
//! What they are asked runs on the loop, as a call whose result, or the promise that it leaves, the operation waits for and
//! ends when it ends.

use super::listener::{Accepting, Source, no_socket};
use super::{Address, Listener, Network};
use crate::coordination::{Consumers, Turn};
use crate::error::{Error, ErrorKind};
use crate::promise::{Continuation, Promise, Resolution, Watch, When};
use crate::runtime::{Lent, Runtime, Shared};
use crate::stream::Connection;
use crate::value::{Outcome, Value};
use std::any::Any;
use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

/// Where the connections of a listener come from. Runs on the loop and must not block. The promise that it returns is
/// dropped when the accept that waits for it is cancelled, and when the listener is closed.
pub trait Acceptor: Send + Sync {
    /// Results in the next [`Connection`]. One accept is pending at a time.
    fn accept(&self) -> Resolution;
}

/// What is behind an address. Otherwise as [`Acceptor`].
pub trait Connector: Send + Sync {
    /// Results in a new [`Connection`]. Any number of them may be pending.
    fn connect(&self) -> Resolution;

    /// Results in the next [`Connection`] for those who listen on the address. One accept of each listener is pending at a
    /// time.
    fn accept(&self) -> Resolution {
        Err(Error::new(ErrorKind::Unimplemented, "nobody can listen on this address")).into()
    }

    /// The text of the address, which nobody but its own network can parse.
    fn text(&self) -> String {
        "<provided>".to_owned()
    }

    /// Whether it is possible to listen on the address.
    fn can_listen(&self) -> bool {
        false
    }
}

/// A network's way from texts to addresses. Otherwise as [`Acceptor`].
pub trait Resolver: Send + Sync {
    /// Results in an [`Address`], from wherever it may come. Any number of them may be pending.
    fn parse(&self, text: &[u8], default_port: u16) -> Resolution;
}

/// An object of this type, which a call has to result in.
fn object<T: Any + Send + Sync>(outcome: Outcome, what: &str) -> Result<Arc<T>, Error> {
    let wrong = || Error::new(ErrorKind::WrongType, format!("what the program provides has to result in {what}"));
    outcome?.into_object::<T>().ok_or_else(wrong)
}

fn a_connection(outcome: Outcome) -> Outcome {
    object(outcome, "a connection").map(Connection::into_value)
}

fn call(runtime: &Arc<Shared>, run: impl FnOnce() -> Resolution + Send + 'static) -> Promise {
    Promise::call(runtime.clone(), Continuation::Closure(Box::new(move |_| run())))
}

/// What is behind an address, with all who listen there.
pub(super) struct Provided {
    runtime: Arc<Shared>,
    connector: Lent<dyn Connector>,
    text: String,
    can_listen: bool,
}

impl Provided {
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn connect(self: &Arc<Self>) -> Promise {
        let this = self.clone();
        let connected = call(&self.runtime, move || match this.connector.get() {
            Ok(connector) => connector.connect(),
            Err(ended) => Err(ended).into(),
        });
        connected.then_on(self.runtime.clone(), When::Value, a_connection)
    }

    pub(super) fn listen(self: &Arc<Self>) -> Result<Arc<Listener>, Error> {
        if !self.can_listen {
            return Err(Error::new(ErrorKind::Unimplemented, format!("nobody can listen on {}", self.text)));
        }
        Ok(Listener::of(vec![Incoming::new(&self.runtime, From::Address(self.clone()))]))
    }
}

/// Who is asked for the next connection.
enum From {
    Listener(Lent<dyn Acceptor>),
    Address(Arc<Provided>),
}

impl From {
    fn accept(&self) -> Resolution {
        let asked = match self {
            Self::Listener(lent) => lent.get().map(|acceptor| acceptor.accept()),
            Self::Address(provided) => provided.connector.get().map(|connector| connector.accept()),
        };
        asked.unwrap_or_else(|ended| Err(ended).into())
    }
}

/// The source of a listener that the program provides.
struct Incoming {
    runtime: Arc<Shared>,
    from: From,
    accepts: Arc<Consumers>,
    closed: AtomicBool,
}

/// A connection that an accept waits for. What has come when that is dropped is for the next one.
struct Next {
    watch: Option<Watch>,
    accepts: Arc<Consumers>,
}

impl Drop for Next {
    fn drop(&mut self) {
        let came = self.watch.take().and_then(Watch::give_up);
        if let Some(Ok(connection)) = came.map(a_connection) {
            drop(self.accepts.give(connection));
        }
    }
}

impl Incoming {
    fn new(runtime: &Arc<Shared>, from: From) -> Arc<Self> {
        Arc::new(Self { runtime: runtime.clone(), from, accepts: Arc::default(), closed: AtomicBool::new(false) })
    }

    fn check_open(&self) -> Result<(), Error> {
        if self.closed.load(Ordering::Acquire) { Err(Error::closed()) } else { Ok(()) }
    }

    fn start(self: &Arc<Self>) -> Watch {
        let this = self.clone();
        Watch::new(call(&self.runtime, move || this.from.accept()))
    }

    fn poll(self: &Arc<Self>, turn: &Turn, next: &mut Next, cx: &mut Context<'_>) -> Poll<Outcome> {
        // Before the look at what a close leaves behind, which wakes everybody in line.
        let first = turn.poll(cx).is_ready();
        self.check_open()?;
        if !first {
            return Poll::Pending;
        }
        let watch = next.watch.get_or_insert_with(|| self.start());
        if !watch.poll_settled(cx) {
            return Poll::Pending;
        }
        let outcome = watch.outcome();
        next.watch = None;
        Poll::Ready(a_connection(outcome))
    }
}

impl Source for Incoming {
    fn runtime(&self) -> &Arc<Shared> {
        &self.runtime
    }

    fn accept(self: Arc<Self>) -> Accepting {
        let (accepts, turn) = (self.accepts.clone(), self.accepts.turn());
        Box::pin(async move {
            let mut next = Next { watch: None, accepts: accepts.clone() };
            accepts.take(&turn, poll_fn(|cx| self.poll(&turn, &mut next, cx))).await
        })
    }

    fn local_address(&self) -> Result<Address, Error> {
        match &self.from {
            From::Listener(_) => Err(no_socket()),
            From::Address(provided) => Ok(Address::provided(&self.runtime, provided.clone())),
        }
    }

    fn close(&self) {
        self.closed.store(true, Ordering::Release);
        self.accepts.close();
        if let From::Listener(lent) = &self.from {
            lent.give_back();
        }
    }
}

impl Listener {
    /// A listener whose connections come from the program. It is like any other: it can be wrapped, joined with others, and
    /// served HTTP on. Closing or dropping it drops `acceptor`. (LLIO-13)
    ///
    /// An accept fails as `acceptor` does, and with `WrongType` if that results in something else. An accept that is
    /// cancelled loses nothing of what has come.
    pub fn from_acceptor(runtime: &Runtime, acceptor: impl Acceptor + 'static) -> Result<Arc<Self>, Error> {
        let runtime = runtime.shared();
        runtime.check()?;
        let acceptor = Lent::<dyn Acceptor>::new(runtime, Arc::new(acceptor));
        Ok(Self::of(vec![Incoming::new(runtime, From::Listener(acceptor))]))
    }
}

impl Address {
    /// An address behind which is what the program provides. It stands for no socket address. (LLIO-13)
    ///
    /// Connecting fails as `connector` does, and with `WrongType` if that results in something else.
    pub fn from_connector(runtime: &Runtime, connector: impl Connector + 'static) -> Result<Self, Error> {
        let runtime = runtime.shared();
        runtime.check()?;
        let (text, can_listen) = (connector.text(), connector.can_listen());
        let connector = Lent::<dyn Connector>::new(runtime, Arc::new(connector));
        let provided = Provided { runtime: runtime.clone(), connector, text, can_listen };
        Ok(Self::provided(runtime, Arc::new(provided)))
    }
}

impl Network {
    /// A network whose addresses come from the program. It has no rules, and can be wrapped. (LLIO-13)
    ///
    /// A parse fails as `resolver` does, and with `WrongType` if that results in something else.
    pub fn from_resolver(runtime: &Runtime, resolver: impl Resolver + 'static) -> Result<Self, Error> {
        let runtime = runtime.shared();
        runtime.check()?;
        let resolver = Lent::<dyn Resolver>::new(runtime, Arc::new(resolver));
        Ok(Self::resolved_by(runtime, Arc::new(resolver)))
    }
}

pub(super) fn parse(
    runtime: &Arc<Shared>,
    resolver: &Arc<Lent<dyn Resolver>>,
    text: &[u8],
    default_port: u16,
) -> Result<Promise, Error> {
    runtime.check()?;
    let (resolver, text) = (resolver.clone(), crate::foreign::owned_bytes(text)?);
    let parsed = call(runtime, move || match resolver.get() {
        Ok(resolver) => resolver.parse(&text, default_port),
        Err(ended) => Err(ended).into(),
    });
    Ok(parsed.then_on(runtime.clone(), When::Value, |outcome| {
        object::<Address>(outcome, "an address").map(|address| Value::object(address))
    }))
}
