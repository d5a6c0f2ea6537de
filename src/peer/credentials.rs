//! The process at the other end of a unix socket. (PEER-03)

use crate::os::option;
#[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
use std::mem::MaybeUninit;
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
    #[cfg(any(target_os = "linux", target_os = "android"))]
    pub(crate) fn of(fd: BorrowedFd<'_>) -> Self {
        let mut room = [MaybeUninit::uninit(); size_of::<libc::ucred>()];
        let raw = option::get(fd, libc::SOL_SOCKET, libc::SO_PEERCRED, &mut room).unwrap_or_default();
        // A socket that was never connected has no process and the user -1.
        let pid = number(raw, 0).filter(|pid| *pid != 0);
        let id = |at| number(raw, at).filter(|id| *id != u32::MAX);
        Self { pid, uid: id(4), gid: id(8) }
    }

    /// Those of the process at the other end of a unix socket. (PEER-03)
    #[cfg(target_vendor = "apple")]
    pub(crate) fn of(fd: BorrowedFd<'_>) -> Self {
        let mut room = [MaybeUninit::uninit(); size_of::<libc::xucred>()];
        let raw = option::get(fd, libc::SOL_LOCAL, libc::LOCAL_PEERCRED, &mut room).unwrap_or_default();
        let mut pid_room = [MaybeUninit::uninit(); 4];
        let pid = option::get(fd, libc::SOL_LOCAL, libc::LOCAL_PEERPID, &mut pid_room).unwrap_or_default();
        let group = std::mem::offset_of!(libc::xucred, cr_groups);
        Self {
            pid: number(pid, 0).filter(|pid| *pid != 0),
            uid: number(raw, std::mem::offset_of!(libc::xucred, cr_uid)),
            gid: number(raw, group),
        }
    }

    /// This system has no way to ask that we know.
    #[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
    pub(crate) fn of(_fd: BorrowedFd<'_>) -> Self {
        Self::default()
    }
}

fn number(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}
