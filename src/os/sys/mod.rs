//! Where systems differ. One file for each, with the same items; everything else is the same on all of them.
//!
//! | Item | What it stands for |
//! |---|---|
//! | `SEND`, `no_sigpipe` | A send to a peer that has gone raises no signal: a flag of the call, or an option of the socket, which every socket gets that is made or taken over. |
//! | `RECEIVE`, `received`, `CONTROL_ALIGN` | Descriptors that come in a control message are closed by `exec`: at once, or as soon as they are known. Where the next message begins. |
//! | `accept` | A connection that does not block and is closed by `exec`. |
//! | `is_listening`, `has_abstract_name`, `credentials` | What a socket is, and who is at its other end: process, user and group, as far as that is told. |
//! | `pipe` | Two ends that do not block and are closed by `exec`. |
//! | `COARSE_MONOTONIC`, `COARSE_CALENDAR` | Clocks that may be a tick behind. |
//! | `EVERYTHING`, `URGENT`, `WATCH_URGENT`, `WATCH_HANG_UP`, `HALF_HANG_UP`, `TELLS_URGENT` | What to register a descriptor for, so that the reactor hears of urgent data and of hang-ups. |
//! | `watch_errors`, `ERRORS`, `take_errors` | A descriptor that becomes ready when the kernel has an error or a hang-up to tell. |
//! | `SPAWN_FLAGS`, `INHERITS_BY_COPY`, `exit_descriptor` | How a child gets exactly the descriptors it is given, and how its end is heard of. |
//! | `BY_SIGQUEUE`, `BY_A_PROCESS` | Who sent a signal. |
//! | `PASS`, `open_beneath` | How a directory is gone through, and whether the system keeps a path below one by itself. |
//! | `copy_range`, `punch_hole`, `unnamed_file`, `anonymous_file`, `flush` | What can be done with files better than by reading and writing; `None` or `false` where it cannot. |
//! | `Bell`, `Alarm`, `loop_descriptor` | One descriptor for a whole loop, or an error where the system has none. |

#[cfg(target_vendor = "apple")]
mod apple;
#[cfg(any(target_os = "linux", target_os = "android"))]
mod linux;

#[cfg(target_vendor = "apple")]
pub(crate) use apple::*;
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) use linux::*;

#[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
compile_error!("this system has no file in src/os/sys yet: see the table there for what it would say");

use std::os::fd::OwnedFd;

/// A connection, and the name of its peer.
type Accepted = (OwnedFd, Option<rustix::net::SocketAddrAny>);

/// A process, its user and its group.
pub(crate) type Identity = (Option<u32>, Option<u32>, Option<u32>);

fn number(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}
