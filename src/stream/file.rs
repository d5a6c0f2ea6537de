//! A file as a stream, from an offset on. The system has no other way to wait for a file than in the call itself.

use super::disconnect::Never;
use super::quiet_write::{growing, write_at};
use super::{Connection, Transport, fill};
use crate::error::{Error, ErrorKind};
use crate::runtime::Runtime;
use crate::sync::Lock;
use rustix::fs::{FileType, OFlags, fcntl_getfl, fstat};
use std::io::IoSlice;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use tokio::io::ReadBuf;

const LAST_OFFSET: u64 = i64::MAX as u64;

struct File {
    fd: Lock<Option<Arc<OwnedFd>>>,
    read_at: Lock<u64>,
    write_at: Lock<u64>,
    /// What is written goes to the end, by the system's doing.
    appends: bool,
    read_aborted: AtomicBool,
    never: Never,
}

impl File {
    fn fd(&self) -> Result<Arc<OwnedFd>, Error> {
        self.fd.lock().clone().ok_or_else(Error::closed)
    }
}

impl Transport for File {
    fn poll_read(&self, _cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<Result<usize, Error>> {
        let fd = self.fd()?;
        let mut at = self.read_at.lock();
        // No file is that long, and the system takes offset and size together for a mistake.
        if self.read_aborted.load(Ordering::Acquire) || *at > LAST_OFFSET.saturating_sub(buffer.remaining() as u64) {
            return Poll::Ready(Ok(0));
        }
        let count = fill::read_at(fd.as_fd(), buffer, *at);
        let count = count.map_err(|errno| Error::from_io("reading a file", &errno.into()))?;
        *at += count as u64;
        Poll::Ready(Ok(count))
    }

    fn poll_write(&self, _cx: &mut Context<'_>, parts: &[IoSlice<'_>]) -> Poll<Result<usize, Error>> {
        let first = parts.iter().find(|part| !part.is_empty());
        Poll::Ready(first.map_or(Ok(0), |first| self.write_now(first)))
    }

    fn write_now(&self, data: &[u8]) -> Result<usize, Error> {
        let fd = self.fd()?;
        let mut at = self.write_at.lock();
        let written =
            if self.appends { growing(|| rustix::io::write(&*fd, data)) } else { write_at(fd.as_fd(), data, *at) };
        let count = written.map_err(|errno| Error::from_io("writing a file", &errno.into()))?;
        *at += count as u64;
        Ok(count)
    }

    fn poll_shutdown_write(&self, _cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }

    fn abort_read(&self) -> Result<(), Error> {
        self.check_open()?;
        self.read_aborted.store(true, Ordering::Release);
        Ok(())
    }

    fn abort_write(&self, _error: Error) {}

    fn length(&self) -> Option<u64> {
        if self.read_aborted.load(Ordering::Acquire) {
            return Some(0);
        }
        let size = u64::try_from(fstat(self.fd().ok()?).ok()?.st_size).ok()?;
        Some(size.saturating_sub(*self.read_at.lock()))
    }

    fn poll_write_disconnected(&self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.never.poll(cx)
    }

    fn check_open(&self) -> Result<(), Error> {
        self.fd().map(drop)
    }

    fn close(&self) -> bool {
        let fd = self.fd.lock().take();
        drop(fd);
        self.never.close()
    }
}

impl Connection {
    /// A regular file as a stream, read and written from `offset` on, without moving the descriptor's own offset.
    /// Reads and writes are done in the call; the length is known. (STRM-25, STRM-26)
    ///
    /// # Errors
    /// `Unimplemented` for what is no regular file, `InvalidArgument` for one that is open for appending.
    pub fn over_file(runtime: &Runtime, fd: OwnedFd, offset: u64) -> Result<Arc<Self>, Error> {
        Self::over_file_as(runtime, fd, offset, false)
    }

    /// As [`over_file`](Self::over_file); what is written to a file that is open for appending goes to its end. (FS-08)
    pub(crate) fn over_appended_file(runtime: &Runtime, fd: OwnedFd, offset: u64) -> Result<Arc<Self>, Error> {
        Self::over_file_as(runtime, fd, offset, true)
    }

    fn over_file_as(runtime: &Runtime, fd: OwnedFd, offset: u64, may_append: bool) -> Result<Arc<Self>, Error> {
        runtime.shared().check()?;
        if offset > LAST_OFFSET {
            return Err(Error::invalid(format!("{offset} is no offset in a file")));
        }
        let stat = fstat(&fd).map_err(|errno| Error::from_io("looking at a file", &errno.into()))?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return Err(Error::new(ErrorKind::Unimplemented, "only a regular file has an offset"));
        }
        let flags = fcntl_getfl(&fd).map_err(|errno| Error::from_io("looking at a file", &errno.into()))?;
        let appends = flags.contains(OFlags::APPEND) && flags.intersects(OFlags::WRONLY | OFlags::RDWR);
        if appends && !may_append {
            // The system would append whatever the offset.
            return Err(Error::invalid("a file that is open for appending cannot be written at an offset"));
        }
        let file = File {
            fd: Lock::new(Some(Arc::new(fd))),
            read_at: Lock::new(offset),
            write_at: Lock::new(offset),
            appends,
            read_aborted: AtomicBool::new(false),
            never: Never::default(),
        };
        Ok(Self::new(runtime.shared(), file))
    }
}
