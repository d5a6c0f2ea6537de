//! Socket addresses as the system has them: bytes in, bytes out, and their text.

use crate::error::{Error, ErrorKind};
use socket2::SockAddr;
use std::ffi::OsStr;
use std::net::{Ipv6Addr, SocketAddr, SocketAddrV6};
use std::os::unix::ffi::OsStrExt;

/// What kind of socket an address is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Family {
    /// Something else.
    Other = 0,
    /// IPv4.
    Ipv4 = 1,
    /// IPv6.
    Ipv6 = 2,
    /// A unix socket with a path, or without a name.
    Unix = 3,
    /// A unix socket with an abstract name.
    UnixAbstract = 4,
}

impl Family {
    pub(crate) fn of(socket: &SockAddr) -> Self {
        if socket.is_ipv4() {
            Self::Ipv4
        } else if socket.is_ipv6() {
            Self::Ipv6
        } else if abstract_name(socket).is_some() {
            Self::UnixAbstract
        } else if socket.is_unix() {
            Self::Unix
        } else {
            Self::Other
        }
    }
}

/// Some kernels say of a socket without a name that its abstract name is empty.
pub(crate) fn abstract_name(socket: &SockAddr) -> Option<&[u8]> {
    socket.as_abstract_namespace().filter(|name| !name.is_empty())
}

/// The bytes that a path may have: the system's field, less the closing NUL.
const MAX_PATH: usize = size_of::<libc::sockaddr_un>() - std::mem::offset_of!(libc::sockaddr_un, sun_path) - 1;

pub(crate) fn unix_path(path: &[u8]) -> Result<SockAddr, Error> {
    if path.is_empty() || path.contains(&0) {
        return Err(Error::invalid("the path of a unix socket is not empty and has no NUL"));
    }
    unix(path, path.len())
}

pub(crate) fn unix_abstract(name: &[u8]) -> Result<SockAddr, Error> {
    if !cfg!(any(target_os = "linux", target_os = "android")) {
        return Err(Error::new(ErrorKind::Unimplemented, "only Linux has unix sockets with abstract names"));
    }
    if name.is_empty() {
        return Err(Error::invalid("the abstract name of a unix socket is empty"));
    }
    unix(&[b"\0", name].concat(), name.len())
}

fn unix(path: &[u8], len: usize) -> Result<SockAddr, Error> {
    if len > MAX_PATH {
        return Err(Error::invalid(format!("a name of {len} bytes for a unix socket, which may have {MAX_PATH}")));
    }
    SockAddr::unix(OsStr::from_bytes(path)).map_err(|error| Error::from_io("the name of a unix socket", &error))
}

/// Reads a `struct sockaddr` of IPv4, IPv6 or a unix socket. (NET-04)
pub(crate) fn from_bytes(bytes: &[u8]) -> Result<SockAddr, Error> {
    const FAMILY: usize = std::mem::offset_of!(libc::sockaddr, sa_family);
    const FAMILY_SIZE: usize = size_of::<libc::sa_family_t>();
    const PATH: usize = std::mem::offset_of!(libc::sockaddr_un, sun_path);
    let short = || Error::invalid(format!("a socket address of {} bytes is cut off", bytes.len()));
    let family = bytes.get(FAMILY..FAMILY + FAMILY_SIZE).ok_or_else(short)?;
    let family = libc::sa_family_t::from_ne_bytes(family.try_into().map_err(|_| short())?);
    match i32::from(family) {
        libc::AF_INET => {
            let [_, _, high, low, ip @ ..] = bytes.first_chunk::<8>().ok_or_else(short)?;
            Ok(SocketAddr::from((*ip, u16::from_be_bytes([*high, *low]))).into())
        }
        libc::AF_INET6 => {
            let fields = bytes.first_chunk::<28>().ok_or_else(short)?;
            let word = |at: usize| u32::from_ne_bytes([fields[at], fields[at + 1], fields[at + 2], fields[at + 3]]);
            let mut ip = [0; 16];
            ip.copy_from_slice(&fields[8..24]);
            let port = u16::from_be_bytes([fields[2], fields[3]]);
            Ok(SocketAddr::V6(SocketAddrV6::new(Ipv6Addr::from(ip), port, word(4), word(24))).into())
        }
        libc::AF_UNIX => match bytes.get(PATH..).unwrap_or_default() {
            // A socket without a name.
            [] => unix(&[], 0),
            // What BSD says of one.
            [0, ..] if !cfg!(any(target_os = "linux", target_os = "android")) => unix(&[], 0),
            [0, name @ ..] => unix_abstract(name),
            path => unix_path(path.split(|byte| *byte == 0).next().unwrap_or_default()),
        },
        family => Err(Error::new(ErrorKind::Unimplemented, format!("socket addresses of family {family}"))),
    }
}

/// A text that an address can be parsed from, where there is one. (NET-15)
pub(crate) fn text(socket: &SockAddr) -> String {
    if let Some(socket) = socket.as_socket() {
        return socket.to_string();
    }
    if let Some(name) = abstract_name(socket) {
        return format!("unix-abstract:{}", String::from_utf8_lossy(name));
    }
    match socket.as_pathname() {
        Some(path) => format!("unix:{}", path.to_string_lossy()),
        None if socket.is_unix() => "unix:".to_owned(),
        None => format!("(an address of family {})", socket.family()),
    }
}

/// The bytes of its `struct sockaddr`. (STRM-18)
#[allow(unsafe_code)]
pub(crate) fn bytes(socket: &SockAddr) -> &[u8] {
    // SAFETY: `SockAddr` keeps its storage, zeroed before it was filled, initialised for `len` bytes and more.
    unsafe { std::slice::from_raw_parts(socket.as_ptr().cast(), socket.len() as usize) }
}

#[cfg(test)]
mod tests {
    use super::*;

    // parity: NET-04, STRM-18
    #[test]
    fn bytes_and_back() {
        let mut sockets: Vec<SockAddr> = ["127.0.0.1:80", "[::1]:65535", "[fe80::1%3]:1"]
            .iter()
            .map(|text| text.parse::<SocketAddr>().expect("a literal").into())
            .collect();
        sockets.push(unix_path(b"/run/x").expect("a path"));
        sockets.push(unix(&[], 0).expect("no name"));
        sockets.extend(unix_abstract(b"x\0y").ok());
        for socket in sockets {
            let back = from_bytes(bytes(&socket)).expect("its own bytes");
            assert_eq!((back.as_socket(), text(&back)), (socket.as_socket(), text(&socket)));
            assert_eq!(Family::of(&back), Family::of(&socket));
        }
    }

    // parity: NET-04
    #[test]
    fn bytes_that_are_none_are_refused() {
        let four: SockAddr = SocketAddr::from(([127, 0, 0, 1], 1)).into();
        let six: SockAddr = SocketAddr::from((Ipv6Addr::LOCALHOST, 1)).into();
        for whole in [bytes(&four), bytes(&six)] {
            for size in [0, 1, 2, 7] {
                assert_eq!(from_bytes(&whole[..size]).expect_err("cut off").kind(), ErrorKind::InvalidArgument);
            }
        }
        assert_eq!(from_bytes(&bytes(&six)[..27]).expect_err("cut off").kind(), ErrorKind::InvalidArgument);
        assert_eq!(from_bytes(&[0xee; 16]).expect_err("no family").kind(), ErrorKind::Unimplemented);
    }

    #[test]
    fn a_path_need_not_end_with_a_nul() {
        let mut raw = bytes(&unix_path(b"/run/x").expect("a path")).to_vec();
        while raw.last() == Some(&0) {
            raw.pop();
        }
        assert_eq!(text(&from_bytes(&raw).expect("a path")), "unix:/run/x");
        raw.extend([0; 40]);
        assert_eq!(text(&from_bytes(&raw).expect("a path")), "unix:/run/x");
    }
}
