//! Connections over a descriptor: sockets, and what else can be polled.

use super::control::{Beside, Wanted, receive};
use super::disconnect::Disconnect;
use super::parts::MOST_PARTS;
use super::socket::Direction;
use super::transport::{Carrier, Transport};
use super::{Attached, Carries, Socket, fill};
use crate::error::{Error, ErrorKind};
use crate::os::sys;
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, Shutdown, send, sendmsg, shutdown};
use std::io::IoSlice;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::ReadBuf;

const FLAGS: SendFlags = SendFlags::from_bits_retain(sys::SEND as u32);

/// A socket, or another descriptor that can be polled, such as a pipe.
pub(crate) struct Descriptor {
    socket: Socket,
    is_socket: bool,
    /// What it can do, if that is not both.
    only: Option<Direction>,
    read_aborted: AtomicBool,
    disconnect: Disconnect,
}

impl Descriptor {
    pub(crate) fn new(socket: Socket, is_socket: bool) -> Self {
        let read_aborted = AtomicBool::new(false);
        Self { socket, is_socket, only: None, read_aborted, disconnect: Disconnect::default() }
    }

    /// The end of a pipe, for this direction alone.
    pub(crate) fn pipe(socket: Socket, only: Direction) -> Self {
        Self { only: Some(only), ..Self::new(socket, false) }
    }

    #[inline(always)]
    fn check(&self, direction: Direction) -> Result<(), Error> {
        match self.only {
            Some(only) if only != direction => Err(self.wrong_direction()),
            _ => Ok(()),
        }
    }

    #[cold]
    fn wrong_direction(&self) -> Error {
        let wrong = || Error::new(ErrorKind::Unimplemented, "this end of the pipe is for the other direction");
        self.check_open().err().unwrap_or_else(wrong)
    }

    fn shut(&self, side: Shutdown) -> Result<(), Error> {
        if !self.is_socket {
            // A pipe has one direction: to end it is to close it.
            self.close();
            return Ok(());
        }
        match self.socket.with_fd(|fd| shutdown(fd, side))? {
            // The peer has gone: there is nothing left to shut.
            Ok(()) | Err(rustix::io::Errno::NOTCONN) => Ok(()),
            Err(errno) => Err(Error::from_io("shutting down a connection", &errno.into())),
        }
    }

    /// One says EIO when nobody has its terminal open any more: there is nothing left to read.
    fn is_pty_master(&self) -> Result<bool, Error> {
        Ok(!self.is_socket && self.socket.with_fd(|fd| rustix::pty::ptsname(fd, Vec::new()).is_ok())?)
    }

    fn write_once(&self, fd: BorrowedFd<'_>, data: &[u8]) -> rustix::io::Result<usize> {
        if self.is_socket { send(fd, data, FLAGS) } else { super::quiet_write::write(fd, data) }
    }
}

fn is_unix(fd: BorrowedFd<'_>) -> bool {
    socket2::SockRef::from(&fd).local_addr().is_ok_and(|name| name.is_unix())
}

/// As many as one call takes.
fn most<'a, 'b>(parts: &'a [IoSlice<'b>]) -> &'a [IoSlice<'b>] {
    &parts[..parts.len().min(MOST_PARTS)]
}

impl Transport for Descriptor {
    fn poll_read(&self, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<Result<usize, Error>> {
        if self.read_aborted.load(Ordering::Acquire) {
            return Poll::Ready(Ok(0));
        }
        self.check(Direction::Read)?;
        let room = buffer.remaining();
        let read = ready!(self.socket.poll_io(
            Direction::Read,
            cx,
            |fd| if self.is_socket { fill::recv(fd, buffer) } else { fill::read(fd, buffer) },
            |count| *count < room,
        ))?;
        match read {
            Err(error) if error.raw_os_error() == Some(libc::EIO) && self.is_pty_master()? => Poll::Ready(Ok(0)),
            read => Poll::Ready(read.map_err(|error| Error::from_io("reading", &error))),
        }
    }

    fn poll_write(&self, cx: &mut Context<'_>, parts: &[IoSlice<'_>]) -> Poll<Result<usize, Error>> {
        self.check(Direction::Write)?;
        let call = |fd: BorrowedFd<'_>| match (parts, self.is_socket) {
            ([only], _) => self.write_once(fd, only),
            (_, false) => self.write_once(fd, parts.iter().find(|part| !part.is_empty()).map_or(&[], |part| part)),
            _ => sendmsg(fd, most(parts), &mut SendAncillaryBuffer::default(), FLAGS),
        };
        let sent = ready!(self.socket.poll_io(Direction::Write, cx, call, |_| false))?;
        Poll::Ready(sent.map_err(|error| Error::from_io("writing", &error)))
    }

    fn write_now(&self, data: &[u8]) -> Result<usize, Error> {
        self.check(Direction::Write)?;
        let mut sent = 0;
        while sent < data.len() {
            match self.socket.with_fd(|fd| self.write_once(fd, &data[sent..]))? {
                Ok(count) => sent += count,
                Err(rustix::io::Errno::INTR) => {}
                Err(rustix::io::Errno::AGAIN) => break,
                Err(errno) => return Err(Error::from_io("writing", &errno.into())),
            }
        }
        Ok(sent)
    }

    fn poll_shutdown_write(&self, _cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.check(Direction::Write)?;
        Poll::Ready(self.shut(Shutdown::Write))
    }

    fn abort_read(&self) -> Result<(), Error> {
        self.check(Direction::Read)?;
        // The kernel wakes a pending read and lets later ones see what arrives nevertheless.
        self.read_aborted.store(true, Ordering::Release);
        self.shut(Shutdown::Read)
    }

    fn abort_write(&self, _error: Error) {
        if self.is_socket {
            // Too late for a peer that has gone already.
            let _ = self.socket.with_fd(|fd| socket2::SockRef::from(&fd).set_linger(Some(Duration::ZERO)));
        } else if self.check(Direction::Write).is_ok() {
            self.close();
        }
    }

    fn poll_write_disconnected(&self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.check(Direction::Write)?;
        self.disconnect.poll(&self.socket, self.is_socket, cx)
    }

    fn socket(&self) -> Option<&Socket> {
        Some(&self.socket)
    }

    fn carrier(&self) -> Option<&dyn Carrier> {
        self.is_socket.then_some(self)
    }

    fn check_open(&self) -> Result<(), Error> {
        self.socket.with_fd(|_| ())
    }

    fn close(&self) -> bool {
        let open = self.socket.close();
        self.disconnect.close();
        open
    }

    fn forget_reader(&self) {
        self.socket.forget_reader();
    }
}

impl Carrier for Descriptor {
    fn carries(&self) -> Result<Carries, Error> {
        if self.socket.with_fd(is_unix)? {
            return Ok(Carries::Descriptors);
        }
        Err(Error::new(ErrorKind::Unimplemented, "only a Unix socket carries descriptors"))
    }

    fn poll_write_with(
        &self,
        cx: &mut Context<'_>,
        parts: &[IoSlice<'_>],
        attached: &mut Option<Attached>,
    ) -> Poll<Result<usize, Error>> {
        let Some(Attached::Fds(fds)) = attached else { return self.poll_write(cx, parts) };
        let call = |fd: BorrowedFd<'_>| {
            let borrowed: Vec<BorrowedFd<'_>> = fds.iter().map(AsFd::as_fd).collect();
            let message = SendAncillaryMessage::ScmRights(&borrowed);
            let mut space = vec![MaybeUninit::uninit(); message.size()];
            let mut beside = SendAncillaryBuffer::new(&mut space);
            if !beside.push(message) {
                return Err(rustix::io::Errno::INVAL);
            }
            sendmsg(fd, most(parts), &mut beside, FLAGS)
        };
        let sent = ready!(self.socket.poll_io(Direction::Write, cx, call, |_| false))?;
        let sent = sent.map_err(|error| Error::from_io("sending descriptors", &error))?;
        *attached = None;
        Poll::Ready(Ok(sent))
    }

    fn poll_read_with(
        &self,
        cx: &mut Context<'_>,
        buffer: &mut Vec<u8>,
        wanted: Wanted,
        beside: &mut Beside,
    ) -> Poll<Result<usize, Error>> {
        if self.read_aborted.load(Ordering::Acquire) {
            return Poll::Ready(Ok(0));
        }
        let call = |fd: BorrowedFd<'_>| receive(fd, buffer, wanted, beside).map(|arrived| arrived.count);
        let read = ready!(self.socket.poll_io(Direction::Read, cx, call, |_| false))?;
        Poll::Ready(read.map_err(|error| Error::from_io("reading", &error)))
    }
}
