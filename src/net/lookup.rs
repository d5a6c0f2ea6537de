//! What only the C library can look up: hosts, services and interfaces by name. All of it may block.
#![allow(unsafe_code)]

use crate::error::{Error, ErrorKind};
use socket2::SockAddr;
use std::ffi::{CStr, CString};
use std::io;
use std::net::SocketAddr;
use std::ptr::{null, null_mut};

/// The results of a look-up, freed when dropped.
struct Found(*mut libc::addrinfo);

impl Drop for Found {
    fn drop(&mut self) {
        if !self.0.is_null() {
            // SAFETY: a list of getaddrinfo's, which nobody else has.
            unsafe { libc::freeaddrinfo(self.0) };
        }
    }
}

fn terminated(text: &str) -> Result<CString, Error> {
    CString::new(text).map_err(|_| Error::invalid("a name with a NUL"))
}

/// The addresses of a host, or of this machine for `None`, with the port of a service, in the system's order and
/// without repetitions. (NET-03)
///
/// AI_ADDRCONFIG is not asked for: it would hide `::1` from machines whose only IPv6 address that is, and addresses that
/// cannot be reached cost little, as connects race.
pub(super) fn addresses(host: Option<&str>, service: Option<&str>) -> Result<Vec<SocketAddr>, Error> {
    let host = host.map(terminated).transpose()?;
    let service = service.map(terminated).transpose()?;
    let mut found = look_up(host.as_deref(), service.as_deref(), libc::SOCK_STREAM);
    if service.is_some() && found.as_ref().is_err_and(|failed| *failed == libc::EAI_SERVICE) {
        // One that there is for datagrams only.
        found = look_up(host.as_deref(), service.as_deref(), libc::SOCK_DGRAM);
    }
    let found = found.map_err(explain)?;
    let mut addresses = Vec::new();
    let mut next = found.0;
    // SAFETY: getaddrinfo's list is valid until `found` is dropped.
    while let Some(entry) = unsafe { next.as_ref() } {
        if let Some(address) = read(entry).filter(|address| !addresses.contains(address)) {
            addresses.push(address);
        }
        next = entry.ai_next;
    }
    Ok(addresses)
}

fn look_up(host: Option<&CStr>, service: Option<&CStr>, kind: i32) -> Result<Found, i32> {
    // SAFETY: an `addrinfo` is numbers and pointers, for which zero is a value.
    let mut hints: libc::addrinfo = unsafe { std::mem::zeroed() };
    hints.ai_socktype = kind;
    let mut first = null_mut();
    let pointer = |text: Option<&CStr>| text.map_or(null(), CStr::as_ptr);
    // SAFETY: texts are terminated or null, and not both are null; all outlive the call.
    let failed = unsafe { libc::getaddrinfo(pointer(host), pointer(service), &hints, &mut first) };
    if failed == 0 { Ok(Found(first)) } else { Err(failed) }
}

fn read(entry: &libc::addrinfo) -> Option<SocketAddr> {
    // SAFETY: `ai_addr` has `ai_addrlen` bytes, which fit into a `sockaddr_storage` as every address does; the storage
    // is zeroed before.
    let (_, address) = unsafe {
        SockAddr::try_init(|storage, len| {
            if entry.ai_addr.is_null() || entry.ai_addrlen > *len {
                return Err(io::ErrorKind::InvalidData.into());
            }
            storage.cast::<u8>().copy_from_nonoverlapping(entry.ai_addr.cast(), entry.ai_addrlen as usize);
            *len = entry.ai_addrlen;
            Ok(())
        })
    }
    .ok()?;
    address.as_socket()
}

fn explain(failed: i32) -> Error {
    if failed == libc::EAI_SYSTEM {
        return Error::from_io("looking a name up", &io::Error::last_os_error());
    }
    // SAFETY: gai_strerror gives a text that lives for ever, whatever the number.
    let text = unsafe { CStr::from_ptr(libc::gai_strerror(failed)) }.to_string_lossy().into_owned();
    match failed {
        libc::EAI_MEMORY => Error::with_os(ErrorKind::Overloaded, libc::ENOMEM, text),
        // The system has no number for it; this one says that there is no such thing.
        _ => Error::with_os(ErrorKind::Failed, libc::ENXIO, text),
    }
}

/// The number of the network interface with this name or number.
pub(super) fn interface(name: &str) -> Result<u32, Error> {
    if let Ok(number) = name.parse() {
        return Ok(number);
    }
    let terminated = terminated(name)?;
    // SAFETY: the text is terminated and outlives the call.
    match unsafe { libc::if_nametoindex(terminated.as_ptr()) } {
        0 => Err(Error::invalid(format!("there is no network interface \"{name}\""))),
        number => Ok(number),
    }
}
