//! The files of unix sockets: ours are removed, those that nobody listens on may be replaced.

use super::connect;
use crate::sync::Lock;
use rustix::io::Errno;
use socket2::SockAddr;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

/// The file that a bind made. Its number stays taken while the socket is open, so it tells the file from any that
/// somebody puts in its place.
pub(super) struct UnixFile {
    path: PathBuf,
    device: u64,
    number: u64,
}

impl UnixFile {
    /// What has just been bound; `None` if somebody has removed it already.
    pub(super) fn bound(path: &Path) -> Option<Self> {
        // The current folder may be another one when it is removed.
        let path = std::path::absolute(path).ok()?;
        let found = fs::symlink_metadata(&path).ok()?;
        Some(Self { path, device: found.dev(), number: found.ino() })
    }

    /// Removes the file, if it is still the same; to be called while the socket is open.
    pub(super) fn remove(self) {
        if fs::symlink_metadata(&self.path).is_ok_and(|found| self.is(&found)) {
            // Without the right to do so it stays, as it would without us.
            let _ = fs::remove_file(&self.path);
        }
    }

    fn is(&self, found: &Metadata) -> bool {
        (found.dev(), found.ino()) == (self.device, self.number)
    }
}

/// The file that is removed with its socket, if there is one; to be dropped while the socket is open.
pub(super) struct OwnFile(Lock<Option<UnixFile>>);

impl OwnFile {
    /// Of a socket that has just been bound to this address.
    pub(super) fn of(bound: &SockAddr) -> Self {
        Self(Lock::new(bound.as_pathname().and_then(UnixFile::bound)))
    }

    pub(super) fn none() -> Self {
        Self(Lock::new(None))
    }

    pub(super) fn remove(&self) {
        let file = self.0.lock().take();
        if let Some(file) = file {
            file.remove();
        }
    }
}

impl Drop for OwnFile {
    fn drop(&mut self) {
        self.remove();
    }
}

/// Removes the file of a socket that nobody listens on; `false` if there is no such file.
pub(super) fn remove_stale(address: &SockAddr) -> io::Result<bool> {
    let Some(path) = address.as_pathname() else { return Ok(false) };
    let Some(before) = UnixFile::bound(path) else { return Ok(true) };
    if !fs::symlink_metadata(path)?.file_type().is_socket() {
        return Ok(false);
    }
    match connect::open(address)?.connect(address) {
        Err(refused) if refused.raw_os_error() == Some(Errno::CONNREFUSED.raw_os_error()) => {
            before.remove();
            Ok(true)
        }
        _ => Ok(false),
    }
}
