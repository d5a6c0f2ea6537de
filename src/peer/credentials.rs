//! The process at the other end of a unix socket. (PEER-03)

use crate::os::sys;
use std::os::fd::BorrowedFd;

/// The process that called connect or listen, as far as the system tells. (PEER-03)
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Credentials {
    /// Its process number.
    pub pid: Option<u32>,
    /// Its user.
    pub uid: Option<u32>,
    /// Its main group.
    pub gid: Option<u32>,
}

impl Credentials {
    /// Those of the process at the other end of a unix socket. (PEER-03)
    pub(crate) fn of(fd: BorrowedFd<'_>) -> Self {
        let (pid, uid, gid) = sys::credentials(fd);
        Self { pid, uid, gid }
    }
}
