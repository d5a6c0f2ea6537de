//! Errors: a kind for machines, a text for people, and the OS error number where there was one.

mod chain;

use bytes::Bytes;
use chain::Chain;
use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;
use std::io;
use std::sync::Arc;

/// What went wrong, as far as the caller's next step depends on it.
///
/// The first four are KJ's and say what to do: `Failed` is a bug or bad input, `Overloaded` a lack of
/// space or time, `Disconnected` asks for a reconnect, `Unimplemented` for another way. Numbers are
/// part of the ABI and are never reused. (EXC-01)
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(i32)]
pub enum ErrorKind {
    /// A bug or bad input.
    Failed = 1,
    /// Out of space, descriptors or time; do not retry at once.
    Overloaded = 2,
    /// The peer is gone; reconnect, then retry.
    Disconnected = 3,
    /// Not available here; fall back to another method.
    Unimplemented = 4,
    /// The operation was cancelled.
    Canceled = 10,
    /// A deadline passed.
    TimedOut = 11,
    /// The runtime was shut down.
    Shutdown = 12,
    /// The handle is not, or no longer, valid.
    BadHandle = 20,
    /// Only the thread that owns the wait scope may do this.
    WrongThread = 21,
    /// Blocking here would stop the loop that has to make progress.
    WouldDeadlock = 22,
    /// An argument is null, too long, malformed or out of range.
    InvalidArgument = 23,
    /// The value of the promise has another type.
    WrongType = 24,
    /// The promise has not settled.
    Pending = 25,
    /// The object is already doing this and can do it only once at a time.
    Busy = 26,
    /// A callback or the library itself panicked.
    Panic = 30,
}

impl ErrorKind {
    /// Every kind, in the order of the numbers.
    pub const ALL: [ErrorKind; 15] = [
        Self::Failed,
        Self::Overloaded,
        Self::Disconnected,
        Self::Unimplemented,
        Self::Canceled,
        Self::TimedOut,
        Self::Shutdown,
        Self::BadHandle,
        Self::WrongThread,
        Self::WouldDeadlock,
        Self::InvalidArgument,
        Self::WrongType,
        Self::Pending,
        Self::Busy,
        Self::Panic,
    ];

    /// The kind with this number.
    pub fn from_code(code: i32) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| *kind as i32 == code)
    }

    /// The name used in texts and by `kja_status_name`, with a closing NUL.
    pub(crate) fn c_name(self) -> &'static std::ffi::CStr {
        match self {
            Self::Failed => c"FAILED",
            Self::Overloaded => c"OVERLOADED",
            Self::Disconnected => c"DISCONNECTED",
            Self::Unimplemented => c"UNIMPLEMENTED",
            Self::Canceled => c"CANCELED",
            Self::TimedOut => c"TIMED_OUT",
            Self::Shutdown => c"SHUTDOWN",
            Self::BadHandle => c"BAD_HANDLE",
            Self::WrongThread => c"WRONG_THREAD",
            Self::WouldDeadlock => c"WOULD_DEADLOCK",
            Self::InvalidArgument => c"INVALID_ARGUMENT",
            Self::WrongType => c"WRONG_TYPE",
            Self::Pending => c"PENDING",
            Self::Busy => c"BUSY",
            Self::Panic => c"PANIC",
        }
    }
}

/// Where an error was made, or passed on its way out, and what was being done there. (EXC-02, EXC-04)
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Context {
    /// The source file.
    pub file: String,
    /// The line in it.
    pub line: u32,
    /// What was being done; may be empty.
    pub text: String,
}

#[derive(Debug)]
struct Cause {
    kind: ErrorKind,
    os: i32,
    text: Cow<'static, str>,
}

#[derive(Clone, Debug)]
enum Plain {
    Fixed(&'static Cause),
    Shared(Arc<Cause>),
}

/// An error with what few errors carry.
#[derive(Debug)]
struct Extended {
    plain: Plain,
    context: Chain<Context>,
    /// What was put under an id, or that it was taken away; the newest counts.
    details: Chain<(u64, Option<Bytes>)>,
}

#[derive(Clone, Debug)]
enum Repr {
    Plain(Plain),
    Extended(Arc<Extended>),
}

/// Why an operation failed. Cloning is cheap: every waiter gets the same error. (EXC-02, EXC-03)
#[derive(Clone, Debug)]
pub struct Error(Repr);

macro_rules! fixed {
    (@os) => { 0 };
    (@os $os:expr) => { $os };
    ($($(#[$doc:meta])* $name:ident = $kind:ident $(($os:expr))?, $text:literal;)*) => {
        $($(#[$doc])* pub(crate) fn $name() -> Self {
            static CAUSE: Cause =
                Cause { kind: ErrorKind::$kind, os: fixed!(@os $($os)?), text: Cow::Borrowed($text) };
            Self(Repr::Plain(Plain::Fixed(&CAUSE)))
        })*
    };
}

impl Error {
    /// An error with this kind and text.
    pub fn new(kind: ErrorKind, text: impl Into<Cow<'static, str>>) -> Self {
        Self::with_os(kind, 0, text)
    }

    /// An error that also carries an OS error number; 0 for none.
    pub fn with_os(kind: ErrorKind, os: i32, text: impl Into<Cow<'static, str>>) -> Self {
        Self(Repr::Plain(Plain::Shared(Arc::new(Cause { kind, os, text: text.into() }))))
    }

    /// Turns an I/O error into ours, saying what was attempted. One that carries an error of ours becomes that again. The
    /// number is not in the text as well.
    pub fn from_io(what: impl fmt::Display, error: &io::Error) -> Self {
        if let Some(ours) = carried(error) {
            return ours.clone();
        }
        let os = error.raw_os_error().unwrap_or(0);
        let text = error.to_string();
        let reason = text.strip_suffix(&format!(" (os error {os})")).unwrap_or(&text);
        Self::with_os(kind_of_io(error), os, format!("{what}: {}", within_sentence(reason)))
    }

    fixed! {
        canceled = Canceled, "the operation was canceled";
        closed = Canceled, "the connection was closed while the operation was pending";
        shutdown = Shutdown, "the runtime was shut down";
        bad_handle = BadHandle, "no such handle: never valid, already released, or its runtime was shut down";
        wrong_thread = WrongThread, "a wait scope may be used by the thread that made it only";
        would_deadlock = WouldDeadlock, "blocking on a loop's own thread would stop that loop";
        timed_out = TimedOut, "the deadline passed";
        no_memory = Overloaded, "out of memory";
        pending = Pending, "the promise has not settled";
        wrong_type = WrongType, "the value of the promise has another type";
        wrong_peer = WrongType, "the peer is of another kind";
        busy_read = Busy, "a read is already pending on this connection";
        unfulfilled = Failed, "the fulfiller was released without fulfilling its promise";
        no_promises = InvalidArgument, "a race needs at least one promise";
        null = InvalidArgument, "a required pointer is null";
        own_result = Failed, "a promise cannot be its own result";
        none_yet = Failed, "no call of this thread has failed";
        no_detail = Failed, "the error carries nothing under this id";
        promise_as_value = InvalidArgument, "a promise is no value: return it, or fulfil with it, to be waited for";
        no_local = Failed, "nothing is kept under this key";
        no_length = Unimplemented, "how long the stream is is not known";
        no_socket = Unimplemented, "this connection is no socket";
        after_end = Failed (libc::EPIPE), "writing after the end of the stream";
        nobody_waits = Failed, "nobody waits for a value of this queue";
        not_a_wait_scope = InvalidArgument, "only a wait scope is driven by hand; this runtime has a loop thread";
    }

    pub(crate) fn invalid(text: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorKind::InvalidArgument, text)
    }

    /// Turns the payload of a panic into an error.
    pub(crate) fn from_panic(payload: Box<dyn std::any::Any + Send>) -> Self {
        let text = payload
            .downcast_ref::<&str>()
            .map(|s| (*s).to_owned())
            .or_else(|| payload.downcast_ref::<String>().cloned())
            .unwrap_or_else(|| "a panic without text".to_owned());
        // The payload is foreign and its destructor may panic in its turn.
        let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| drop(payload)));
        Self::new(ErrorKind::Panic, format!("panicked: {text}"))
    }

    fn cause(&self) -> &Cause {
        let plain = match &self.0 {
            Repr::Plain(plain) => plain,
            Repr::Extended(extended) => &extended.plain,
        };
        match plain {
            Plain::Fixed(cause) => cause,
            Plain::Shared(cause) => cause,
        }
    }

    fn extended(&self) -> Option<&Extended> {
        match &self.0 {
            Repr::Plain(_) => None,
            Repr::Extended(extended) => Some(extended),
        }
    }

    /// The same error with more; what it had before is shared.
    fn extend(&self, extend: impl FnOnce(&mut Extended)) -> Self {
        let mut extended = match &self.0 {
            Repr::Plain(plain) => {
                Extended { plain: plain.clone(), context: Chain::default(), details: Chain::default() }
            }
            Repr::Extended(before) => Extended {
                plain: before.plain.clone(),
                context: before.context.clone(),
                details: before.details.clone(),
            },
        };
        extend(&mut extended);
        Self(Repr::Extended(Arc::new(extended)))
    }

    /// The same error with one more place that it passed. (EXC-04)
    pub fn with_context(&self, file: impl Into<String>, line: u32, text: impl Into<String>) -> Self {
        let context = Context { file: file.into(), line, text: text.into() };
        self.extend(|error| error.context = error.context.with(context))
    }

    /// The places that it passed, the latest first. (EXC-04)
    pub fn context(&self) -> impl Iterator<Item = &Context> {
        self.extended().into_iter().flat_map(|extended| extended.context.iter())
    }

    /// The same error with bytes of the caller's under this id, in place of what was there; `None` takes them
    /// away. (EXC-07)
    pub fn with_detail(&self, id: u64, bytes: Option<Bytes>) -> Self {
        self.extend(|error| error.details = error.details.with((id, bytes)))
    }

    /// The bytes of the caller's under this id. (EXC-07)
    pub fn detail(&self, id: u64) -> Option<&Bytes> {
        let (_, newest) = self.extended()?.details.iter().find(|(known, _)| *known == id)?;
        newest.as_ref()
    }

    /// The ids under which it carries bytes, in the order in which these were set. (EXC-07)
    pub fn detail_ids(&self) -> Vec<u64> {
        let mut seen = HashSet::new();
        let newest_first = self.extended().into_iter().flat_map(|extended| extended.details.iter());
        let there = newest_first.filter(|(id, bytes)| seen.insert(*id) && bytes.is_some());
        let mut ids: Vec<u64> = there.map(|(id, _)| *id).collect();
        ids.reverse();
        ids
    }

    /// The kind.
    pub fn kind(&self) -> ErrorKind {
        self.cause().kind
    }

    /// The OS error number, or 0.
    pub fn os_error(&self) -> i32 {
        self.cause().os
    }

    /// The text, without the kind.
    pub fn text(&self) -> &str {
        &self.cause().text
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

impl std::error::Error for Error {}

impl ErrorKind {
    /// The kind that an error of the system with this number has, unless whoever makes it says otherwise.
    pub fn of_os_error(os: i32) -> Self {
        kind_of_io(&io::Error::from_raw_os_error(os))
    }
}

impl From<Error> for io::Error {
    /// Carries the whole error; [`Error::from_io`] takes it out again.
    fn from(error: Error) -> Self {
        let kind = match (error.os_error(), error.kind()) {
            (0, ErrorKind::Disconnected) => io::ErrorKind::ConnectionReset,
            (0, ErrorKind::Unimplemented) => io::ErrorKind::Unsupported,
            (0, ErrorKind::InvalidArgument) => io::ErrorKind::InvalidInput,
            (0, ErrorKind::TimedOut) => io::ErrorKind::TimedOut,
            (0, _) => io::ErrorKind::Other,
            (number, _) => match Self::from_raw_os_error(number).kind() {
                // Other code would wait, or try again at once, and never hear of the error.
                io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted => io::ErrorKind::Other,
                kind => kind,
            },
        };
        Self::new(kind, error)
    }
}

/// The error of ours that an I/O error was made from, also if a protocol in between has wrapped it.
fn carried(error: &io::Error) -> Option<&Error> {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = error.get_ref().map(|inner| inner as _);
    while let Some(inner) = cause {
        if let Some(ours) = inner.downcast_ref() {
            return Some(ours);
        }
        // What an I/O error carries is not its source, but has the same source.
        cause = match inner.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(inner) => Some(inner),
            None => inner.source(),
        };
    }
    None
}

/// The system's texts begin as sentences do. An acronym keeps its letters.
fn within_sentence(text: &str) -> String {
    let mut letters = text.chars();
    match (letters.next(), letters.clone().next()) {
        (Some(first), Some(second)) if second.is_lowercase() => first.to_lowercase().chain(letters).collect(),
        _ => text.to_owned(),
    }
}

fn kind_of_io(error: &io::Error) -> ErrorKind {
    use io::ErrorKind as K;
    use rustix::io::Errno;
    // Outside these the number is not the system's, whatever the caller says.
    let number = error.raw_os_error().filter(|number| (1..4096).contains(number));
    if let Some(errno) = number.map(Errno::from_raw_os_error) {
        match errno {
            // Of threads, of room in a table, of ports: what is short may be there again later.
            Errno::AGAIN
            | Errno::MFILE
            | Errno::NFILE
            | Errno::TOOMANYREFS
            | Errno::NOMEM
            | Errno::NOBUFS
            | Errno::NOSPC
            | Errno::DQUOT => {
                return ErrorKind::Overloaded;
            }
            Errno::NOSYS | Errno::OPNOTSUPP | Errno::AFNOSUPPORT | Errno::PROTONOSUPPORT | Errno::NOPROTOOPT => {
                return ErrorKind::Unimplemented;
            }
            Errno::HOSTDOWN | Errno::NETDOWN | Errno::TIMEDOUT => return ErrorKind::Disconnected,
            _ => {}
        }
    }
    match error.kind() {
        K::ConnectionReset
        | K::ConnectionAborted
        | K::ConnectionRefused
        | K::NotConnected
        | K::BrokenPipe
        | K::HostUnreachable
        | K::NetworkUnreachable
        | K::NetworkDown => ErrorKind::Disconnected,
        // An end where more was to come.
        K::UnexpectedEof => ErrorKind::Disconnected,
        K::OutOfMemory => ErrorKind::Overloaded,
        K::Unsupported => ErrorKind::Unimplemented,
        _ => ErrorKind::Failed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // parity: EXC-01
    #[test]
    fn kj_kinds_come_first_and_numbers_lead_back() {
        let first: Vec<i32> = ErrorKind::ALL[..4].iter().map(|k| *k as i32).collect();
        assert_eq!(first, [1, 2, 3, 4]);
        for kind in ErrorKind::ALL {
            assert_eq!(ErrorKind::from_code(kind as i32), Some(kind));
        }
        assert_eq!(ErrorKind::from_code(0), None);
    }

    // parity: EXC-02, EXC-03, EXC-04, EXC-07
    #[test]
    fn context_and_details_are_carried_by_copies() {
        let first = Error::new(ErrorKind::Overloaded, "full").with_context("a.c", 1, "");
        let second = first.with_context("b.c", 2, "storing").with_detail(7, Some(Bytes::from_static(b"seven")));
        let third = second.with_detail(7, Some(Bytes::from_static(b"7"))).with_detail(8, Some(Bytes::new()));
        let lines = |error: &Error| error.context().map(|context| context.line).collect::<Vec<_>>();
        assert_eq!((lines(&first), first.detail_ids()), (vec![1], vec![]));
        assert_eq!((lines(&second), second.detail_ids()), (vec![2, 1], vec![7]));
        assert_eq!((third.detail(7).unwrap().as_ref(), third.detail_ids()), (b"7".as_ref(), vec![7, 8]));
        assert_eq!(third.with_detail(7, None).detail_ids(), [8]);
        assert_eq!(third.with_detail(7, None).detail(7), None);
        assert_eq!(third.with_detail(7, Some(Bytes::new())).detail_ids(), [8, 7]);
        assert_eq!((third.kind(), third.text()), (ErrorKind::Overloaded, "full"));
    }

    // parity: EXC-07
    #[test]
    fn an_io_error_carries_the_whole_error_through_other_code() {
        let ours = Error::with_os(ErrorKind::Disconnected, 32, "gone").with_detail(7, Some(Bytes::from_static(b"7")));
        let plain = io::Error::from(ours.clone());
        assert_eq!(plain.kind(), io::ErrorKind::BrokenPipe);
        let wrapped = io::Error::other(io::Error::new(io::ErrorKind::InvalidData, io::Error::from(ours)));
        for error in [plain, wrapped] {
            let back = Error::from_io("reading", &error);
            assert_eq!((back.kind(), back.os_error(), back.text()), (ErrorKind::Disconnected, 32, "gone"));
            assert_eq!(back.detail(7).unwrap().as_ref(), b"7");
        }
        for kind in ErrorKind::ALL {
            let error = io::Error::from(Error::new(kind, "x"));
            // Which would be taken for a reason to try again.
            assert!(!matches!(error.kind(), io::ErrorKind::Interrupted | io::ErrorKind::WouldBlock));
            assert_eq!(Error::from_io("", &error).kind(), kind);
        }
        for errno in [rustix::io::Errno::AGAIN, rustix::io::Errno::INTR] {
            let error = io::Error::from(Error::with_os(ErrorKind::Overloaded, errno.raw_os_error(), "short"));
            assert_eq!(error.kind(), io::ErrorKind::Other);
        }
        let end = io::Error::from(io::ErrorKind::UnexpectedEof);
        assert_eq!(Error::from_io("reading", &end).kind(), ErrorKind::Disconnected);
    }

    #[test]
    fn io_errors_keep_number_and_get_the_kind_that_helps() {
        let cases = [
            (rustix::io::Errno::MFILE, ErrorKind::Overloaded),
            (rustix::io::Errno::AGAIN, ErrorKind::Overloaded),
            // Too many descriptors are on their way between processes.
            (rustix::io::Errno::TOOMANYREFS, ErrorKind::Overloaded),
            (rustix::io::Errno::CONNREFUSED, ErrorKind::Disconnected),
            (rustix::io::Errno::PIPE, ErrorKind::Disconnected),
            (rustix::io::Errno::ADDRINUSE, ErrorKind::Failed),
            (rustix::io::Errno::AFNOSUPPORT, ErrorKind::Unimplemented),
        ];
        for (errno, kind) in cases {
            let error = Error::from_io("connect", &errno.into());
            assert_eq!((error.kind(), error.os_error()), (kind, errno.raw_os_error()));
            assert!(error.text().starts_with("connect: "));
        }
        let refused = Error::from_io("connecting", &rustix::io::Errno::CONNREFUSED.into());
        assert_eq!(refused.text(), "connecting: connection refused");
        assert_eq!(within_sentence("RPC struct is bad"), "RPC struct is bad");
        assert_eq!((within_sentence(""), within_sentence("E")), (String::new(), "E".to_owned()));
        assert_eq!(Error::after_end().os_error(), rustix::io::Errno::PIPE.raw_os_error());
    }
}
