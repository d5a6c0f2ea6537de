//! The text of an address, without looking anything up.

use crate::error::Error;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A DNS name has at most 253 bytes; anything much longer is not an address.
const MAX_TEXT: usize = 1024;

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Host {
    Ip(IpAddr),
    Name(String),
    /// `*`: every address of this machine.
    Any,
}

/// Reads `host`, `host:port`, `v6`, `[v6]`, `[v6]:port`, `*` and `*:port`. (NET-02)
pub(super) fn parse(text: &[u8], default_port: u16) -> Result<(Host, u16), Error> {
    let bad = |what: &str| {
        let shown: String = String::from_utf8_lossy(text).chars().take(80).collect();
        Error::invalid(format!("address \"{shown}\": {what}"))
    };
    if text.len() > MAX_TEXT {
        return Err(bad("too long"));
    }
    let text_str = std::str::from_utf8(text).map_err(|_| bad("not UTF-8"))?;
    if text_str.is_empty() {
        return Err(bad("empty"));
    }
    if text_str.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return Err(bad("white space or a control character"));
    }
    if let Ok(ip) = text_str.parse::<Ipv6Addr>() {
        return Ok((Host::Ip(ip.into()), default_port));
    }
    let (host, port) = if let Some(rest) = text_str.strip_prefix('[') {
        let (inside, after) = rest.split_once(']').ok_or_else(|| bad("no closing bracket"))?;
        let ip: Ipv6Addr = inside.parse().map_err(|_| bad("no IPv6 address in the brackets"))?;
        let port = match after {
            "" => None,
            _ => Some(after.strip_prefix(':').ok_or_else(|| bad("something other than a port after the bracket"))?),
        };
        (Host::Ip(ip.into()), port)
    } else {
        let (host, port) = match text_str.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (text_str, None),
        };
        let host = match host {
            "" => return Err(bad("no host")),
            "*" => Host::Any,
            _ => host.parse::<Ipv4Addr>().map_or_else(|_| Host::Name(host.to_owned()), |ip| Host::Ip(ip.into())),
        };
        (host, port)
    };
    let port = match port {
        None => default_port,
        Some(digits) if !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) => {
            digits.parse().map_err(|_| bad("a port is at most 65535"))?
        }
        Some(_) => return Err(bad("a port is a number")),
    };
    Ok((host, port))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;

    // parity: NET-02
    #[test]
    fn reads_every_form() {
        let ip = |text: &str| Host::Ip(text.parse().expect("a literal"));
        let cases = [
            ("127.0.0.1", ip("127.0.0.1"), 7),
            ("127.0.0.1:80", ip("127.0.0.1"), 80),
            ("::1", ip("::1"), 7),
            ("[::1]", ip("::1"), 7),
            ("[::1]:0", ip("::1"), 0),
            ("*", Host::Any, 7),
            ("*:65535", Host::Any, 65535),
            ("example.org", Host::Name("example.org".into()), 7),
            ("localhost:1", Host::Name("localhost".into()), 1),
        ];
        for (text, host, port) in cases {
            assert_eq!(parse(text.as_bytes(), 7).expect(text), (host, port), "{text}");
        }
    }

    #[test]
    fn refuses_what_is_no_address() {
        let long = [b'a'; 2000];
        let cases: [&[u8]; 14] = [
            b"",
            b":80",
            b"a:",
            b"a:x",
            b"a:65536",
            b"a:+1",
            b"[::1",
            b"[::1]80",
            b"[1.2.3.4]:1",
            b"\xff\xfe",
            b"a b",
            b"a\0b",
            b"a:1:2",
            &long,
        ];
        for text in cases {
            let error = parse(text, 7).expect_err("not an address");
            assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{error}");
        }
    }
}
