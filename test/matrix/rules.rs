//! The axes of the matrix, and which of their combinations make sense.

/// What is pending.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    Timer,
    Read,
    /// A sequence of reads, with a callback for each.
    ReadEach,
    /// On a full buffer.
    Write,
    /// Behind a write on a full buffer.
    QueuedWrite,
    Accept,
    Connect,
    /// On a connection over which others are sent.
    CarriedAccept,
    /// The same, for who sends.
    CarriedConnect,
    /// On a listener behind a wrapper, with a handshake under way.
    WrappedAccept,
    /// A connection that is being wrapped.
    Handshake,
    /// A read of a layer over a connection.
    LayeredRead,
    /// A write of a layer, on a full buffer.
    LayeredWrite,
    /// The end of a layer's stream, behind what the layer keeps.
    LayeredShutdown,
    /// A read of a stream of the program's own.
    ProvidedRead,
    /// A write to one, over a full buffer.
    ProvidedWrite,
    /// A read of what is decompressed.
    CompressedRead,
    /// A write that is compressed, on a full buffer.
    CompressedWrite,
    /// The handshake of a client that waits for its server.
    TlsHandshake,
    /// A read over TLS.
    TlsRead,
    /// Of a message of HTTP, a part of which has come.
    HttpMessage,
    /// Of a message over a WebSocket.
    SocketReceive,
    /// Of a message over a WebSocket, on a full buffer.
    SocketSend,
    /// Behind such a send.
    SocketQueuedSend,
    /// Settled by another thread.
    Fulfiller,
    /// A call of an executor.
    Call,
    /// A closure that waits for a promise.
    Then,
    Pop,
    /// On a full queue.
    Push,
    Acquire,
    Signal,
    /// The end of a child.
    Exit,
    /// Something to read in a descriptor of somebody else's.
    Readiness,
    /// An operation on files that waits for a thread.
    FileWait,
    /// A remote call: what other threads settle, with reads of a socket in between.
    Remote,
    /// The response to an HTTP request.
    HttpResponse,
    /// A request that waits for the connection of another one.
    HttpQueued,
    /// A request of a server on its way through a client.
    HttpForward,
    /// A call of another library, which something attached gives up.
    Foreign,
}

/// What stands above it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Combinator {
    None,
    Then,
    Catch,
    Finally,
    All,
    Join,
    Any,
    Race,
    Timeout,
    /// The only branch.
    Fork,
    /// One of two branches.
    Branch,
    TaskSet,
    Canceler,
    Attach,
    Detach,
    /// A fulfiller that lets it decide.
    Forward,
}

/// How it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// Cancelled before the loop had a turn.
    Early,
    /// Cancelled by another thread.
    Elsewhere,
    /// Cancelled by a callback on the loop.
    OnLoop,
    /// Dropped by another thread.
    DropElsewhere,
    /// Dropped by a callback on the loop.
    DropOnLoop,
    /// Cancelled while a thread awaits it.
    Awaited,
    /// What everything was built on is cancelled, the result is not.
    Input,
    /// A timeout above it passes.
    Timeout,
    /// It loses a race.
    Race,
    /// It was one of several, of which another failed.
    All,
    /// A canceler above it.
    Canceler,
    /// Cancelled by another thread while its callback runs.
    Running,
    /// Cancelled by its own callback.
    Own,
    /// The runtime is shut down.
    Shutdown,
    /// The same while a thread awaits it.
    ShutdownAwaited,
    /// The other side goes.
    Peer,
    /// What it works on is closed.
    Close,
    /// Cancelled after it settled, before its value was taken.
    Settled,
    /// Dropped by another thread after it settled, before anybody had learned of that.
    Unseen,
    /// The same by a callback on the loop.
    UnseenOnLoop,
    /// A timeout above it passes while it settles and a thread awaits that.
    Crossed,
}

impl Way {
    pub(crate) fn is_unseen(self) -> bool {
        matches!(self, Self::Unseen | Self::UnseenOnLoop)
    }
}

/// Whether what it has taken comes back if it reaches nobody.
pub(crate) fn comes_back(source: Source) -> bool {
    matches!(source, Source::Accept | Source::CarriedAccept | Source::WrappedAccept | Source::Pop | Source::Signal)
}

/// Who turns the loop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Loop {
    Thread,
    Scope,
}

/// Which loop acts where it makes a difference: the one of what stands above, or the one of the operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Above,
    Below,
}

/// The loops of a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Loops {
    One(Loop),
    /// What stands above the operation belongs to another loop than the operation.
    Two {
        above: Loop,
        below: Loop,
    },
}

impl Loops {
    pub(crate) fn is_two(self) -> bool {
        matches!(self, Self::Two { .. })
    }

    /// The loop of the operation.
    pub(crate) fn below(self) -> Loop {
        match self {
            Self::One(turned) | Self::Two { below: turned, .. } => turned,
        }
    }

    /// The loop of what stands above it.
    pub(crate) fn above(self) -> Loop {
        match self {
            Self::One(turned) | Self::Two { above: turned, .. } => turned,
        }
    }
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Cell {
    pub(crate) source: Source,
    pub(crate) combinator: Combinator,
    pub(crate) way: Way,
    pub(crate) loops: Loops,
    pub(crate) side: Side,
}

impl Cell {
    pub(crate) fn ends_runtime(self) -> bool {
        matches!(self.way, Way::Shutdown | Way::ShutdownAwaited)
    }

    /// The runtime of the operation ends, and that of what stands above it does not.
    pub(crate) fn ends_below(self) -> bool {
        self.ends_runtime() && self.side == Side::Below
    }
}

pub(crate) const SOURCES: [Source; 39] = {
    use Source::*;
    [
        Timer,
        Read,
        ReadEach,
        Write,
        QueuedWrite,
        Accept,
        Connect,
        CarriedAccept,
        CarriedConnect,
        WrappedAccept,
        Handshake,
        LayeredRead,
        LayeredWrite,
        LayeredShutdown,
        ProvidedRead,
        ProvidedWrite,
        CompressedRead,
        CompressedWrite,
        TlsHandshake,
        TlsRead,
        HttpMessage,
        SocketReceive,
        SocketSend,
        SocketQueuedSend,
        Fulfiller,
        Call,
        Then,
        Pop,
        Push,
        Acquire,
        Signal,
        Exit,
        Readiness,
        FileWait,
        Remote,
        HttpResponse,
        HttpQueued,
        HttpForward,
        Foreign,
    ]
};

pub(crate) const COMBINATORS: [Combinator; 16] = {
    use Combinator::*;
    [
        None, Then, Catch, Finally, All, Join, Any, Race, Timeout, Fork, Branch, TaskSet, Canceler, Attach, Detach,
        Forward,
    ]
};

pub(crate) const WAYS: [Way; 21] = {
    use Way::*;
    [
        Early,
        Elsewhere,
        OnLoop,
        DropElsewhere,
        DropOnLoop,
        Awaited,
        Input,
        Timeout,
        Race,
        All,
        Canceler,
        Running,
        Own,
        Shutdown,
        ShutdownAwaited,
        Peer,
        Close,
        Settled,
        Unseen,
        UnseenOnLoop,
        Crossed,
    ]
};

const NOT_ITS_OWNER: &str = "the detached promises of a wait scope are its owner's to cancel";

/// Whether the cell makes sense; if not, why.
pub(crate) fn applies(cell: Cell) -> Result<(), &'static str> {
    use Source::{
        Accept, Acquire, Call, CompressedWrite, Connect, Exit, FileWait, Foreign, Fulfiller, HttpForward, HttpQueued,
        HttpResponse, Push, ReadEach, Readiness, Signal, SocketQueuedSend, SocketSend, Then, Timer, TlsRead,
        WrappedAccept,
    };
    let Cell { source, combinator, way, loops, side } = cell;
    let turned = loops.above();
    let acts_on_a_loop =
        matches!(way, Way::OnLoop | Way::DropOnLoop | Way::UnseenOnLoop | Way::Shutdown | Way::ShutdownAwaited);
    if side == Side::Below && !acts_on_a_loop {
        return Err("neither loop acts");
    }
    let with_threads = Loops::Two { above: Loop::Thread, below: Loop::Thread };
    let takes_long =
        source == CompressedWrite || loops != with_threads && matches!(source, TlsRead | SocketSend | SocketQueuedSend);
    if loops.is_two() && takes_long {
        return Err("it takes long, and to another loop it is like the read or write of any layer");
    }
    let detached = combinator == Combinator::Detach;
    let no_result = detached || combinator == Combinator::TaskSet;
    match way {
        Way::DropElsewhere | Way::DropOnLoop | Way::Unseen | Way::UnseenOnLoop if detached => {
            Err("nobody holds a detached promise")
        }
        Way::Awaited | Way::ShutdownAwaited if detached => Err("nobody can await a detached promise"),
        Way::Timeout | Way::Race | Way::All | Way::Canceler | Way::Crossed if no_result => {
            Err("it gives no promise that something could stand above")
        }
        Way::Elsewhere | Way::Running if detached && turned == Loop::Scope => Err(NOT_ITS_OWNER),
        Way::OnLoop if detached && turned == Loop::Scope && side == Side::Below => Err(NOT_ITS_OWNER),
        Way::Own if detached && turned == Loop::Scope && loops.is_two() => Err(NOT_ITS_OWNER),
        Way::ShutdownAwaited if turned == Loop::Scope => Err("who may await in a wait scope is who shuts it down"),
        Way::Crossed if turned == Loop::Scope || loops.below() == Loop::Scope => {
            Err("in a wait scope the thread that awaits is the one that turns")
        }
        Way::Crossed if !comes_back(source) && source != Acquire => Err("what it has taken may be gone with it"),
        Way::Running | Way::Own if !matches!(source, Call | Then | ReadEach) => Err("it has no callback"),
        Way::Peer
            if matches!(
                source,
                Timer
                    | Accept
                    | WrappedAccept
                    | Call
                    | Push
                    | Acquire
                    | Signal
                    | Exit
                    | Readiness
                    | FileWait
                    | Then
                    | HttpQueued
            ) =>
        {
            Err("there is no other side that could go")
        }
        Way::Close
            if matches!(
                source,
                Timer
                    | Connect
                    | Fulfiller
                    | Foreign
                    | HttpResponse
                    | HttpQueued
                    | HttpForward
                    | Call
                    | Acquire
                    | Exit
                    | Readiness
                    | FileWait
                    | Then
            ) =>
        {
            Err("there is nothing to close")
        }
        _ => Ok(()),
    }
}
