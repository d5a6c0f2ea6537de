//! Receiving bytes together with what comes beside them: control messages, descriptors, the sender's name.
//!
//! A module with `unsafe`: the system call takes a structure of pointers, and descriptors come as numbers. Descriptors
//! are taken over before anything else is looked at, so that none is lost whatever else the kernel says.
#![allow(unsafe_code)]

use super::Connection;
use crate::os::sys;
use rustix::io::Errno;
use socket2::SockAddr;
use std::mem::{MaybeUninit, offset_of};
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::sync::Arc;

/// The most descriptors that Linux carries in one message. (CAPS-01)
pub(crate) const MOST_FDS: usize = 253;

/// How control messages are laid out: each begins at a multiple of this.
const ALIGN: usize = sys::CONTROL_ALIGN;
const HEADER: usize = align(size_of::<libc::cmsghdr>());
const FD: usize = size_of::<i32>();

const fn align(size: usize) -> usize {
    (size + ALIGN - 1) & !(ALIGN - 1)
}

/// Room for a message of this many descriptors, and for the credentials that the kernel may put before it.
pub(crate) const fn room_for_fds(count: usize) -> usize {
    if count == 0 { 0 } else { HEADER + align(count * FD) + HEADER + align(16) }
}

/// A control message that was received; its data is aligned for any type of at most 8 bytes.
pub struct ControlMessage {
    /// The protocol, such as `SOL_SOCKET`.
    pub level: i32,
    /// What it is, within the protocol.
    pub kind: i32,
    words: Box<[u64]>,
    size: usize,
}

impl ControlMessage {
    fn new(level: i32, kind: i32, data: &[u8]) -> Self {
        let words = data.chunks(8).map(|chunk| {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            u64::from_ne_bytes(word)
        });
        Self { level, kind, words: words.collect(), size: data.len() }
    }

    /// What it carries.
    pub fn data(&self) -> &[u8] {
        // SAFETY: `size` bytes were copied into the words, which live as long as this.
        unsafe { std::slice::from_raw_parts(self.words.as_ptr().cast(), self.size) }
    }
}

/// What came beside the bytes.
#[derive(Default)]
pub(crate) struct Beside {
    pub(crate) messages: Vec<ControlMessage>,
    pub(crate) fds: Vec<OwnedFd>,
    pub(crate) connections: Vec<Arc<Connection>>,
    /// There was not enough room for all of it.
    pub(crate) truncated: bool,
}

/// How much may come beside the bytes.
#[derive(Clone, Copy)]
pub(crate) struct Wanted {
    /// Room for control messages, those with descriptors among them, in bytes.
    pub(crate) room: usize,
    /// How many descriptors, or connections, in all.
    pub(crate) most: usize,
    /// If a descriptor cannot be let in, it stays where it is with its bytes, and so does everything behind it.
    pub(crate) keeps: bool,
}

pub(crate) struct Arrived {
    pub(crate) count: usize,
    /// The message was longer than the room for it.
    pub(crate) truncated: bool,
    pub(crate) source: Option<SockAddr>,
}

/// Receives once, without waiting, into the spare capacity of `content`. Descriptors beyond what is wanted are closed.
pub(crate) fn receive(
    fd: BorrowedFd<'_>,
    content: &mut Vec<u8>,
    wanted: Wanted,
    beside: &mut Beside,
) -> rustix::io::Result<Arrived> {
    if wanted.keeps { receive_or_keep(fd, content, wanted, beside) } else { call(fd, content, wanted, beside, 0) }
}

/// Looks before it takes: a descriptor for which the process has no room would be lost with its bytes.
fn receive_or_keep(
    fd: BorrowedFd<'_>,
    content: &mut Vec<u8>,
    wanted: Wanted,
    beside: &mut Beside,
) -> rustix::io::Result<Arrived> {
    let before = content.len();
    // Only there does a look make descriptors as good as those that are taken.
    let look = if cfg!(any(target_os = "linux", target_os = "android")) { libc::MSG_PEEK } else { 0 };
    let mut arrived = call(fd, content, wanted, beside, look)?;
    if beside.truncated && beside.fds.len() < wanted.most {
        // If a copy can be made, there is room again, or it was not for want of room.
        rustix::io::fcntl_dupfd_cloexec(fd, 0).inspect_err(|_| content.truncate(before))?;
        if look != 0 {
            content.truncate(before);
            *beside = Beside::default();
            arrived = call(fd, content, wanted, beside, look)?;
        }
    }
    if look != 0 && arrived.count > 0 {
        let mut seen = vec![0; arrived.count];
        if let Err(errno) = rustix::net::recv(fd, &mut seen[..], rustix::net::RecvFlags::empty()) {
            content.truncate(before);
            *beside = Beside::default();
            return Err(errno);
        }
    }
    Ok(arrived)
}

fn call(
    fd: BorrowedFd<'_>,
    content: &mut Vec<u8>,
    wanted: Wanted,
    beside: &mut Beside,
    flags: i32,
) -> rustix::io::Result<Arrived> {
    let room = wanted.room;
    let mut control: Vec<u64> = Vec::new();
    control.try_reserve_exact(room.div_ceil(8)).map_err(|_| Errno::NOMEM)?;
    let spare = content.spare_capacity_mut();
    let mut piece = libc::iovec { iov_base: spare.as_mut_ptr().cast(), iov_len: spare.len() };
    // SAFETY: all of its fields are numbers or pointers, for which zero is valid.
    let mut header: libc::msghdr = unsafe { MaybeUninit::zeroed().assume_init() };
    header.msg_iov = &mut piece;
    header.msg_iovlen = 1;
    if room > 0 {
        header.msg_control = control.as_mut_ptr().cast();
        header.msg_controllen = room as _;
    }
    // SAFETY: the name is stored where `try_init` says, in the size that it says, and what comes back is its length;
    // content and control messages go to the spare capacity of vectors of this frame and of the caller.
    let received = unsafe {
        SockAddr::try_init(|name, size| {
            header.msg_name = name.cast();
            header.msg_namelen = *size;
            let count = libc::recvmsg(fd.as_raw_fd(), &mut header, sys::RECEIVE | flags);
            if count < 0 {
                return Err(std::io::Error::last_os_error());
            }
            *size = header.msg_namelen.min(*size);
            Ok(count as usize)
        })
    };
    let (count, source) = received.map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))?;
    // SAFETY: the kernel has filled that many bytes of the spare capacity, and no more than there was.
    unsafe { content.set_len(content.len() + count) };
    // As wide as a pointer on some systems only.
    #[allow(clippy::unnecessary_cast)]
    let used = (header.msg_controllen as usize).min(room);
    // SAFETY: the kernel has filled that many bytes of the capacity.
    let control = unsafe { std::slice::from_raw_parts(control.as_ptr().cast(), if room > 0 { used } else { 0 }) };
    take_apart(control, wanted.most, beside);
    beside.truncated |= header.msg_flags & libc::MSG_CTRUNC != 0;
    let source = (source.len() > 0).then_some(source);
    Ok(Arrived { count, truncated: header.msg_flags & libc::MSG_TRUNC != 0, source })
}

fn number(bytes: &[u8], at: usize) -> Option<i32> {
    Some(i32::from_ne_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

/// The length is a `size_t` on some systems and a `socklen_t` on others.
fn length(bytes: &[u8]) -> Option<usize> {
    let at = offset_of!(libc::cmsghdr, cmsg_len);
    if offset_of!(libc::cmsghdr, cmsg_level) - at == size_of::<usize>() {
        let length: [u8; size_of::<usize>()] = bytes.get(at..at + size_of::<usize>())?.try_into().ok()?;
        return Some(usize::from_ne_bytes(length));
    }
    number(bytes, at).and_then(|length| usize::try_from(length).ok())
}

fn take_apart(mut control: &[u8], most: usize, beside: &mut Beside) {
    while let Some(size) = length(control).filter(|size| *size >= HEADER) {
        let level = number(control, offset_of!(libc::cmsghdr, cmsg_level));
        let kind = number(control, offset_of!(libc::cmsghdr, cmsg_type));
        let (Some(level), Some(kind)) = (level, kind) else { break };
        // The last one may have been cut.
        let data = &control[HEADER.min(control.len())..size.min(control.len())];
        if (level, kind) == (libc::SOL_SOCKET, libc::SCM_RIGHTS) {
            for bytes in data.chunks_exact(FD) {
                let Some(raw) = number(bytes, 0).filter(|raw| *raw >= 0) else { continue };
                // SAFETY: the kernel has just made it for us and nobody else knows of it.
                let fd = unsafe { OwnedFd::from_raw_fd(raw) };
                sys::received(&fd);
                if beside.fds.len() < most {
                    beside.fds.push(fd);
                }
            }
        } else {
            beside.messages.push(ControlMessage::new(level, kind, data));
        }
        let next = size.checked_next_multiple_of(ALIGN).and_then(|next| control.get(next..));
        control = next.unwrap_or_default();
    }
}

/// The control messages in a buffer that a system could have filled, none of which carries descriptors: for fuzz targets.
#[cfg(kja_fuzzing)]
pub fn control_messages(buffer: &[u8]) -> Vec<ControlMessage> {
    let mut beside = Beside::default();
    take_apart(buffer, 0, &mut beside);
    beside.messages
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(level: i32, kind: i32, data: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0; HEADER];
        let length = (HEADER + data.len()).to_ne_bytes();
        let width = if offset_of!(libc::cmsghdr, cmsg_level) == 4 { 4 } else { 8 };
        bytes[..width].copy_from_slice(&length[..width]);
        let level_at = offset_of!(libc::cmsghdr, cmsg_level);
        bytes[level_at..level_at + 4].copy_from_slice(&level.to_ne_bytes());
        let kind_at = offset_of!(libc::cmsghdr, cmsg_type);
        bytes[kind_at..kind_at + 4].copy_from_slice(&kind.to_ne_bytes());
        bytes.extend_from_slice(data);
        bytes.resize(align(bytes.len()), 0);
        bytes
    }

    // parity: DGRAM-05, DGRAM-07
    #[test]
    fn control_messages_come_apart_and_a_cut_one_is_partial() {
        let mut bytes = message(1, 2, b"abc");
        bytes.extend(message(3, 4, b"0123456789"));
        for cut in 0..=bytes.len() {
            let mut beside = Beside::default();
            take_apart(&bytes[..cut], 0, &mut beside);
            let whole: &[u8] = b"0123456789";
            for (index, message) in beside.messages.iter().enumerate() {
                let want = if index == 0 { &b"abc"[..] } else { whole };
                assert!(want.starts_with(message.data()), "{cut}");
                assert_eq!((message.level, message.kind), if index == 0 { (1, 2) } else { (3, 4) });
            }
            if cut == bytes.len() {
                assert_eq!(beside.messages[1].data(), whole);
            }
        }
    }

    #[test]
    fn nonsense_for_control_messages_ends() {
        for size in [0, 1, HEADER - 1, usize::MAX, usize::MAX - 7, isize::MAX as usize] {
            let mut bytes = message(1, 2, b"abc");
            let width = size_of::<usize>().min(offset_of!(libc::cmsghdr, cmsg_level));
            bytes[..width].copy_from_slice(&size.to_ne_bytes()[..width]);
            take_apart(&bytes, 0, &mut Beside::default());
        }
    }
}
