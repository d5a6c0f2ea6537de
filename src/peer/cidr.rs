//! Blocks of addresses: an address and how many of its leading bits count. (CIDR-01, CIDR-02)

use crate::error::Error;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A block of IPv4 or IPv6 addresses, such as `10.0.0.0/8`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cidr {
    first: IpAddr,
    prefix: u8,
}

impl Cidr {
    /// The block around an address; bits past the prefix are cleared. `None` if the address has fewer bits than
    /// that. (CIDR-01)
    pub const fn new(ip: IpAddr, prefix: u8) -> Option<Self> {
        let first = match ip {
            IpAddr::V4(ip) if prefix <= 32 => IpAddr::V4(Ipv4Addr::from_bits(ip.to_bits() & mask(prefix, 32) as u32)),
            IpAddr::V6(ip) if prefix <= 128 => IpAddr::V6(Ipv6Addr::from_bits(ip.to_bits() & mask(prefix, 128))),
            _ => return None,
        };
        Some(Self { first, prefix })
    }

    /// Reads `a.b.c.d/n` or `v6/n`. (CIDR-01)
    ///
    /// # Errors
    /// `InvalidArgument` for anything else.
    pub fn parse(text: &[u8]) -> Result<Self, Error> {
        let bad = || {
            let shown: String = String::from_utf8_lossy(text).chars().take(80).collect();
            Error::invalid(format!("\"{shown}\" is no block of addresses such as 10.0.0.0/8"))
        };
        let text = std::str::from_utf8(text).map_err(|_| bad())?;
        let (ip, prefix) = text.split_once('/').ok_or_else(bad)?;
        if prefix.is_empty() || !prefix.bytes().all(|b| b.is_ascii_digit()) {
            return Err(bad());
        }
        let ip = ip.parse().map_err(|_| bad())?;
        prefix.parse().ok().and_then(|prefix| Self::new(ip, prefix)).ok_or_else(bad)
    }

    /// Whether the address is in the block. An IPv4 block has the v4-mapped IPv6 addresses too. (CIDR-02)
    pub fn matches(&self, ip: IpAddr) -> bool {
        match (self.first, ip) {
            (IpAddr::V4(first), IpAddr::V4(ip)) => same(first.to_bits(), ip.to_bits(), self.prefix, 32),
            (IpAddr::V4(_), IpAddr::V6(ip)) => ip.to_ipv4_mapped().is_some_and(|ip| self.matches(ip.into())),
            (IpAddr::V6(first), IpAddr::V6(ip)) => (first.to_bits() ^ ip.to_bits()) & mask(self.prefix, 128) == 0,
            (IpAddr::V6(_), IpAddr::V4(_)) => false,
        }
    }

    /// Whether it is a block of IPv6 addresses. (CIDR-02)
    pub fn is_ipv6(&self) -> bool {
        self.first.is_ipv6()
    }

    /// How many bits count: the larger, the fewer addresses. (CIDR-02)
    pub fn specificity(&self) -> u8 {
        self.prefix
    }
}

/// The leading `prefix` of `width` bits.
const fn mask(prefix: u8, width: u8) -> u128 {
    let all = u128::MAX >> (128 - width as u32);
    match all.checked_shr(prefix as u32) {
        Some(rest) => all & !rest,
        None => all,
    }
}

fn same(one: u32, other: u32, prefix: u8, width: u8) -> bool {
    u128::from(one ^ other) & mask(prefix, width) == 0
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.first, self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;

    // parity: CIDR-01
    #[test]
    fn bits_past_the_prefix_are_cleared() {
        let cases = [
            ("10.1.2.3/8", "10.0.0.0/8", 8),
            ("255.255.255.255/0", "0.0.0.0/0", 0),
            ("192.168.255.129/25", "192.168.255.128/25", 25),
            ("1.2.3.4/32", "1.2.3.4/32", 32),
            ("2001:db8:ffff::1/35", "2001:db8:e000::/35", 35),
            ("::1/128", "::1/128", 128),
            ("ffff::/0", "::/0", 0),
        ];
        for (text, shown, specificity) in cases {
            let cidr = Cidr::parse(text.as_bytes()).expect(text);
            assert_eq!((cidr.to_string(), cidr.specificity()), (shown.to_owned(), specificity), "{text}");
            assert_eq!(Cidr::parse(shown.as_bytes()).expect(shown), cidr);
        }
    }

    // parity: CIDR-01
    #[test]
    fn what_is_no_block_is_refused() {
        let cases: [&[u8]; 15] = [
            b"",
            b"/",
            b"/8",
            b"10.0.0.0",
            b"10.0.0.0/",
            b"10.0.0.0/33",
            b"10.0.0.0/-1",
            b"10.0.0.0/+1",
            b"10.0.0/8",
            b"::/129",
            b"::/256",
            b"::1/x",
            b"[::1]/8",
            b"a/8",
            b"\xff/8",
        ];
        for text in cases {
            let error = Cidr::parse(text).expect_err("not a block");
            assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{error}");
        }
    }

    // parity: CIDR-02
    #[test]
    fn a_block_has_its_addresses_and_no_others() {
        let cases = [
            ("10.0.0.0/8", "10.255.0.1", true),
            ("10.0.0.0/8", "11.0.0.1", false),
            ("10.0.0.0/8", "::ffff:10.1.1.1", true),
            ("10.0.0.0/8", "::ffff:11.1.1.1", false),
            ("10.0.0.0/8", "::10.1.1.1", false),
            ("0.0.0.0/0", "1.2.3.4", true),
            ("0.0.0.0/0", "::1", false),
            ("0.0.0.0/0", "::ffff:1.2.3.4", true),
            ("::/0", "1.2.3.4", false),
            ("::/0", "::ffff:1.2.3.4", true),
            ("127.0.0.1/32", "127.0.0.1", true),
            ("127.0.0.1/32", "127.0.0.2", false),
            ("fe80::/10", "febf::1", true),
            ("fe80::/10", "fec0::1", false),
            ("::1/128", "::1", true),
            ("::1/128", "::2", false),
        ];
        for (block, ip, expected) in cases {
            let found = Cidr::parse(block.as_bytes()).expect(block).matches(ip.parse().expect(ip));
            assert_eq!(found, expected, "{ip} in {block}");
        }
    }
}
