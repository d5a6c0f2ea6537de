//! The text of an address, without looking anything up.

use crate::error::Error;
use crate::os::sockaddr;
use socket2::SockAddr;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A DNS name has at most 253 bytes; anything much longer is not an address.
const MAX_TEXT: usize = 1024;

/// An address as it is written.
#[derive(Debug)]
pub(super) enum Parsed {
    Host(Host, Port),
    /// Several numeric addresses, as the text of a resolved name is.
    List(Vec<(Host, u16)>),
    Unix(SockAddr),
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Host {
    Ip(IpAddr),
    /// An address that is unique on one link only, and the name or number of the interface to it.
    Scoped(Ipv6Addr, String),
    Name(String),
    /// `*`: every address of this machine.
    Any,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Port {
    Number(u16),
    /// The name of a service, such as `http`.
    Service(String),
}

/// Reads `host`, `host:port`, `v6`, `[v6]`, `[v6]:port`, `*`, `*:port`, `unix:path` and `unix-abstract:name`. A port is
/// a number or the name of a service, a v6 address may have a `%scope`; several numeric addresses may be joined with
/// commas. (NET-02)
pub(super) fn parse(text: &[u8], default_port: u16) -> Result<Parsed, Error> {
    let bad = |what: &str| {
        let shown: String = String::from_utf8_lossy(text).chars().take(80).collect();
        Error::invalid(format!("address \"{shown}\": {what}"))
    };
    if let Some(path) = text.strip_prefix(b"unix:") {
        return sockaddr::unix_path(path).map(Parsed::Unix);
    }
    if let Some(name) = text.strip_prefix(b"unix-abstract:") {
        return sockaddr::unix_abstract(name).map(Parsed::Unix);
    }
    if text.len() > MAX_TEXT {
        return Err(bad("too long"));
    }
    let text = std::str::from_utf8(text).map_err(|_| bad("not UTF-8"))?;
    if text.is_empty() {
        return Err(bad("empty"));
    }
    if text.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return Err(bad("white space or a control character"));
    }
    let one = |text| host_and_port(text, default_port).map_err(bad);
    if !text.contains(',') {
        return one(text).map(|(host, port)| Parsed::Host(host, port));
    }
    let list = text.split(',').map(|text| match one(text)? {
        (host @ (Host::Ip(_) | Host::Scoped(..)), Port::Number(port)) => Ok((host, port)),
        _ => Err(bad("a list of several has numeric addresses only")),
    });
    list.collect::<Result<_, _>>().map(Parsed::List)
}

fn host_and_port(text: &str, default_port: u16) -> Result<(Host, Port), &'static str> {
    if let Some(host) = v6(text) {
        return Ok((host, Port::Number(default_port)));
    }
    let (host, port) = if let Some(rest) = text.strip_prefix('[') {
        let (inside, after) = rest.split_once(']').ok_or("no closing bracket")?;
        let host = v6(inside).ok_or("no IPv6 address in the brackets")?;
        let port = match after {
            "" => None,
            _ => Some(after.strip_prefix(':').ok_or("something other than a port after the bracket")?),
        };
        (host, port)
    } else {
        let (host, port) = match text.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (text, None),
        };
        let host = match host {
            "" => return Err("no host"),
            "*" => Host::Any,
            _ => host.parse::<Ipv4Addr>().map_or_else(|_| Host::Name(host.to_owned()), |ip| Host::Ip(ip.into())),
        };
        (host, port)
    };
    Ok((host, port.map_or(Ok(Port::Number(default_port)), self::port)?))
}

/// A v6 address, perhaps with a scope.
fn v6(text: &str) -> Option<Host> {
    match text.split_once('%') {
        Some((ip, scope)) if !scope.is_empty() => Some(Host::Scoped(ip.parse().ok()?, scope.to_owned())),
        Some(_) => None,
        None => text.parse::<Ipv6Addr>().ok().map(|ip| Host::Ip(ip.into())),
    }
}

fn port(text: &str) -> Result<Port, &'static str> {
    let is_service = |text: &str| {
        text.starts_with(|c: char| c.is_ascii_alphanumeric())
            && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_.+".contains(c))
    };
    if text.is_empty() {
        Err("no port after the colon")
    } else if text.bytes().all(|b| b.is_ascii_digit()) {
        text.parse().map(Port::Number).map_err(|_| "a port is at most 65535")
    } else if is_service(text) {
        Ok(Port::Service(text.to_owned()))
    } else {
        Err("a port is a number or the name of a service")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;

    // parity: NET-02
    #[test]
    fn reads_every_form() {
        let ip = |text: &str| Host::Ip(text.parse().expect("a literal"));
        let scoped = |text: &str, scope: &str| Host::Scoped(text.parse().expect("a literal"), scope.into());
        let name = |text: &str| Host::Name(text.into());
        let service = |text: &str| Port::Service(text.into());
        let cases = [
            ("127.0.0.1", ip("127.0.0.1"), Port::Number(7)),
            ("127.0.0.1:80", ip("127.0.0.1"), Port::Number(80)),
            ("127.0.0.1:http", ip("127.0.0.1"), service("http")),
            ("::1", ip("::1"), Port::Number(7)),
            ("[::1]", ip("::1"), Port::Number(7)),
            ("[::1]:0", ip("::1"), Port::Number(0)),
            ("fe80::1%eth0", scoped("fe80::1", "eth0"), Port::Number(7)),
            ("[fe80::1%2]:80", scoped("fe80::1", "2"), Port::Number(80)),
            ("[fe80::1%eth0.5]", scoped("fe80::1", "eth0.5"), Port::Number(7)),
            ("*", Host::Any, Port::Number(7)),
            ("*:65535", Host::Any, Port::Number(65535)),
            ("*:https", Host::Any, service("https")),
            ("example.org", name("example.org"), Port::Number(7)),
            ("localhost:1", name("localhost"), Port::Number(1)),
            ("localhost:9pfs", name("localhost"), service("9pfs")),
            ("unix", name("unix"), Port::Number(7)),
        ];
        for (text, host, port) in cases {
            match parse(text.as_bytes(), 7).expect(text) {
                Parsed::Host(found_host, found_port) => assert_eq!((found_host, found_port), (host, port), "{text}"),
                other => panic!("{text}: {other:?}"),
            }
        }
    }

    // parity: NET-15
    #[test]
    fn reads_lists_of_numeric_addresses() {
        let Ok(Parsed::List(list)) = parse(b"127.0.0.1:1,[fe80::1%2]:3,::1", 7) else { panic!("no list") };
        let ip = |text: &str| Host::Ip(text.parse().expect("a literal"));
        let scoped = Host::Scoped("fe80::1".parse().expect("a literal"), "2".into());
        assert_eq!(list, [(ip("127.0.0.1"), 1), (scoped, 3), (ip("::1"), 7)]);
        for text in ["1.1.1.1,a", "1.1.1.1,", ",1.1.1.1", "1.1.1.1,*", "1.1.1.1:http,2.2.2.2", "1.1.1.1,unix:/x", ","] {
            assert_eq!(parse(text.as_bytes(), 7).expect_err(text).kind(), ErrorKind::InvalidArgument);
        }
    }

    // parity: NET-02
    #[test]
    fn reads_unix_sockets() {
        let read = |text: &[u8]| match parse(text, 7) {
            Ok(Parsed::Unix(socket)) => socket,
            other => panic!("{other:?}"),
        };
        // White space and bytes that are not UTF-8 are fine in a path.
        for path in [&b"/run/x"[..], b"x", b" a b\t", b"/\xff", b"a:b:c", &[b'p'; 90]] {
            let socket = read(&[b"unix:", path].concat());
            assert_eq!(socket.as_pathname().map(|path| path.as_os_str().as_encoded_bytes()), Some(path));
        }
        if cfg!(target_os = "linux") {
            for name in [&b"x"[..], b"a b", b"a\0b", b"\xff", &[b'n'; 107]] {
                let socket = read(&[b"unix-abstract:", name].concat());
                assert_eq!(socket.as_abstract_namespace(), Some(name));
            }
        }
    }

    #[test]
    fn refuses_what_is_no_address() {
        let long = [b'a'; 2000];
        let mut long_path = b"unix:".to_vec();
        long_path.extend([b'p'; 108]);
        let cases: [&[u8]; 24] = [
            b"",
            b":80",
            b"a:",
            b"a:65536",
            b"a:+1",
            b"a:-1",
            b"[::1",
            b"[::1]80",
            b"[1.2.3.4]:1",
            b"\xff\xfe",
            b"a b",
            b"a\0b",
            b"a:1:2",
            b"a:b:c",
            b"fe80::1%",
            b"[fe80::1%]:1",
            b"[%1]",
            b"[1.2.3.4%1]",
            b"a:x/y",
            b"unix:",
            b"unix:a\0b",
            b"unix:\0",
            &long,
            &long_path,
        ];
        for text in cases {
            let error = parse(text, 7).expect_err("not an address");
            assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{error}");
        }
    }

    #[test]
    fn abstract_names_are_for_linux() {
        let expected = if cfg!(target_os = "linux") { ErrorKind::InvalidArgument } else { ErrorKind::Unimplemented };
        for text in [&b"unix-abstract:"[..], &[&b"unix-abstract:"[..], &[b'n'; 108]].concat()] {
            assert_eq!(parse(text, 0).expect_err("no name").kind(), expected);
        }
    }
}
