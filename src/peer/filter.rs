//! Who may be talked to: the rules of a restricted network.
//!
//! A [`Filter`] is asked about every peer: before connecting, after accepting, and for every datagram. It is one
//! pointer, cheap to clone and to keep. Without rules it allows everything.

use super::Cidr;
use crate::error::Error;
use crate::os::sockaddr::abstract_name;
use socket2::SockAddr;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

const fn v4(a: u8, b: u8, c: u8, d: u8, prefix: u8) -> Cidr {
    Cidr::new(IpAddr::V4(Ipv4Addr::new(a, b, c, d)), prefix).expect("a prefix that fits")
}

const fn v6(first: u16, last: u16, prefix: u8) -> Cidr {
    Cidr::new(IpAddr::V6(Ipv6Addr::new(first, 0, 0, 0, 0, 0, 0, last)), prefix).expect("a prefix that fits")
}

/// This machine. Connecting to an unspecified address reaches it too.
static LOCAL: [Cidr; 4] = [v4(127, 0, 0, 0, 8), v6(0, 1, 128), v4(0, 0, 0, 0, 32), v6(0, 0, 128)];

/// RFC 1918, RFC 6598 (carriers), RFC 3927 and RFC 4291 (link local), RFC 4193.
static PRIVATE: [Cidr; 7] = [
    v4(10, 0, 0, 0, 8),
    v4(100, 64, 0, 0, 10),
    v4(169, 254, 0, 0, 16),
    v4(172, 16, 0, 0, 12),
    v4(192, 168, 0, 0, 16),
    v6(0xfc00, 0, 7),
    v6(0xfe80, 0, 10),
];

/// RFC 6890, RFC 1112 (multicast and future use), RFC 0919 (broadcast), RFC 2928, RFC 4291 (multicast).
static RESERVED: [Cidr; 6] = [
    v4(192, 0, 0, 0, 24),
    v4(224, 0, 0, 0, 4),
    v4(240, 0, 0, 0, 4),
    v4(255, 255, 255, 255, 32),
    v6(0x2001, 0, 23),
    v6(0xff00, 0, 8),
];

fn any(blocks: &[Cidr], ip: IpAddr) -> bool {
    blocks.iter().any(|block| block.matches(ip))
}

/// The IPv4 addresses in an IPv6 address: of a host behind a translator or at the end of a tunnel, and of the tunnel's server.
/// One that is mapped is nothing else: blocks match it as they do the IPv4 address.
fn embedded(ip: IpAddr) -> [Option<Ipv4Addr>; 2] {
    let IpAddr::V6(ip) = ip else { return [None; 2] };
    let at = |word: usize| {
        let [high, low] = [ip.segments()[word], ip.segments()[word + 1]];
        Some(Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low)))
    };
    match ip.segments() {
        // RFC 4291: compatible, but for `::` and `::1`.
        [0, 0, 0, 0, 0, 0, high, low] if (high, low) > (0, 1) => [at(6), None],
        // RFC 2765: translated.
        [0, 0, 0, 0, 0xffff, 0, ..] => [at(6), None],
        // RFC 6052 and RFC 8215: NAT64.
        [0x64, 0xff9b, 0, 0, 0, 0, ..] | [0x64, 0xff9b, 1, ..] => [at(6), None],
        // RFC 3056: 6to4.
        [0x2002, ..] => [at(1), None],
        // RFC 4380: Teredo, with the server and, each bit inverted, the client.
        [0x2001, 0, ..] => [at(2), at(6).map(|ip| !ip)],
        // RFC 5214: ISATAP.
        [_, _, _, _, 0 | 0x200, 0x5efe, ..] => [at(6), None],
        _ => [None; 2],
    }
}

#[derive(Default)]
struct Rules {
    allowed: Vec<Cidr>,
    denied: Vec<Cidr>,
    public: bool,
    network: bool,
    unix: bool,
    unix_abstract: bool,
    /// The rules of the network that this one was made from.
    outer: Filter,
}

impl Drop for Rules {
    fn drop(&mut self) {
        // One after the other: a network may be restricted any number of times.
        let mut outer = std::mem::take(&mut self.outer);
        while let Some(mut rules) = outer.0.take().and_then(Arc::into_inner) {
            outer = std::mem::take(&mut rules.outer);
        }
    }
}

/// Which peers a network allows. (NET-05, LLIO-11)
#[derive(Clone, Default)]
pub(crate) struct Filter(Option<Arc<Rules>>);

impl Filter {
    /// These rules on top of the ones there are: a peer has to be allowed by all. (NET-05)
    pub(crate) fn restrict<'a>(
        &self,
        allow: impl IntoIterator<Item = &'a [u8]>,
        deny: impl IntoIterator<Item = &'a [u8]>,
    ) -> Result<Self, Error> {
        let mut rules = Rules::default();
        rules.outer = self.clone();
        for rule in allow {
            match rule {
                b"local" => rules.allowed.extend(LOCAL),
                b"private" => rules.allowed.extend(PRIVATE.iter().chain(&LOCAL)),
                b"network" => rules.network = true,
                b"public" => rules.public = true,
                b"unix" => rules.unix = true,
                b"unix-abstract" => rules.unix_abstract = true,
                block => rules.allowed.push(Cidr::parse(block)?),
            }
        }
        for rule in deny {
            match rule {
                b"local" => rules.denied.extend(LOCAL),
                b"private" => rules.denied.extend(PRIVATE),
                b"network" => return Err(Error::invalid("\"network\" cannot be denied: allow \"local\" instead")),
                b"public" => return Err(Error::invalid("\"public\" cannot be denied: allow \"private\" instead")),
                b"unix" => rules.unix = false,
                b"unix-abstract" => rules.unix_abstract = false,
                block => rules.denied.push(Cidr::parse(block)?),
            }
        }
        Ok(Self(Some(Arc::new(rules))))
    }

    /// Whether this peer may be talked to. A unix socket without a name counts as one with a path.
    pub(crate) fn allows(&self, peer: &SockAddr) -> bool {
        if self.is_open() {
            return true;
        }
        match peer.as_socket() {
            Some(peer) => self.allows_ip(peer.ip()),
            None if peer.is_unix() => self.allows_unix(abstract_name(peer).is_some()),
            None => false,
        }
    }

    /// An IPv6 address that embeds an IPv4 address, to which what is sent there may go, is judged by both.
    pub(crate) fn allows_ip(&self, ip: IpAddr) -> bool {
        self.all(|rules| {
            rules.allow_ip(ip) && embedded(ip).into_iter().flatten().all(|inner| rules.admit(inner.into()))
        })
    }

    /// Whether there are no rules at all.
    pub(crate) fn is_open(&self) -> bool {
        self.0.is_none()
    }

    pub(crate) fn allows_unix(&self, is_abstract: bool) -> bool {
        self.all(|rules| if is_abstract { rules.unix_abstract } else { rules.unix })
    }

    /// Whether there may be an allowed peer in the family of this address. (NET-10)
    pub(crate) fn allows_family(&self, own: &SockAddr) -> bool {
        if own.is_unix() {
            return self.allows_unix(abstract_name(own).is_some());
        }
        // A socket of IPv6 may have peers of IPv4.
        let fits = |block: &Cidr| own.is_ipv6() || !block.is_ipv6();
        self.all(|rules| rules.public || rules.network || rules.allowed.iter().any(fits))
    }

    fn all(&self, agrees: impl Fn(&Rules) -> bool) -> bool {
        let mut filter = self;
        while let Some(rules) = &filter.0 {
            if !agrees(rules) {
                return false;
            }
            filter = &rules.outer;
        }
        true
    }
}

impl Rules {
    /// Of the blocks that have the address the most specific decides; of two alike the one that denies. `network` and
    /// `public` are as specific as a block of everything. (NET-06, NET-07, NET-08)
    fn allow_ip(&self, ip: IpAddr) -> bool {
        let most_specific =
            |blocks: &[Cidr]| blocks.iter().filter(|block| block.matches(ip)).map(Cidr::specificity).max();
        let named = || !any(&LOCAL, ip) && !any(&RESERVED, ip) && (self.network || !any(&PRIVATE, ip));
        let allowed = most_specific(&self.allowed).or_else(|| ((self.network || self.public) && named()).then_some(0));
        allowed.is_some_and(|allowed| most_specific(&self.denied).is_none_or(|denied| denied < allowed))
    }

    /// Whether an address may be reached by way of another that is allowed: it is not denied, and not special unless named.
    fn admit(&self, ip: IpAddr) -> bool {
        let named = !any(&LOCAL, ip) && !any(&PRIVATE, ip) && !any(&RESERVED, ip);
        self.allow_ip(ip) || named && !any(&self.denied, ip)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;
    use std::net::SocketAddr;

    fn filter(allow: &[&str], deny: &[&str]) -> Result<Filter, Error> {
        let bytes = |rules: &[&str]| rules.iter().map(|rule| rule.as_bytes().to_vec()).collect::<Vec<_>>();
        let (allow, deny) = (bytes(allow), bytes(deny));
        Filter::default().restrict(allow.iter().map(Vec::as_slice), deny.iter().map(Vec::as_slice))
    }

    fn allowed<'a>(filter: &Filter, peers: &[&'a str]) -> Vec<&'a str> {
        let allows = |peer: &&&str| {
            let socket = match peer.strip_prefix("unix:") {
                Some(path) => SockAddr::unix(path).expect("a short path"),
                None => SocketAddr::new(peer.parse().expect("an address"), 1).into(),
            };
            filter.allows(&socket)
        };
        peers.iter().filter(allows).copied().collect()
    }

    const PEERS: [&str; 17] = [
        "127.0.0.1",
        "0.0.0.0",
        "::1",
        "::",
        "::ffff:127.0.0.1",
        "10.1.1.1",
        "172.31.0.1",
        "192.168.0.1",
        "100.64.0.1",
        "169.254.0.1",
        "fd00::1",
        "fe80::1",
        "8.8.8.8",
        "2600::1",
        "224.0.0.1",
        "ff02::1",
        "255.255.255.255",
    ];

    // parity: NET-05, NET-06, NET-07, NET-08
    #[test]
    fn the_rules_name_what_they_say() {
        let local = &PEERS[..5];
        let private = &PEERS[..12];
        let public = ["8.8.8.8", "2600::1"];
        let cases: [(&[&str], &[&str], &[&str]); 16] = [
            (&[], &[], &[]),
            (&["local"], &[], local),
            (&["private"], &[], private),
            (&["network"], &[], &PEERS[5..14]),
            (&["public"], &[], &public),
            (&["network", "local"], &[], &PEERS[..14]),
            (&["network"], &["private"], &public),
            // Denying "private" leaves "local" alone.
            (
                &["local", "network"],
                &["private"],
                &["127.0.0.1", "0.0.0.0", "::1", "::", "::ffff:127.0.0.1", "8.8.8.8", "2600::1"],
            ),
            (&["private"], &["local"], &PEERS[5..12]),
            (&["0.0.0.0/0", "::/0"], &[], &PEERS),
            (&["10.0.0.0/8"], &["10.0.0.0/8"], &[]),
            (&["10.0.0.0/8"], &["10.1.0.0/16"], &[]),
            (&["10.1.1.0/24"], &["10.1.0.0/16"], &["10.1.1.1"]),
            (&["10.1.1.0/24", "public"], &["10.1.0.0/16", "8.0.0.0/8"], &["10.1.1.1", "2600::1"]),
            // Both at 0 bits: the denial wins.
            (&["public"], &["0.0.0.0/0"], &["2600::1"]),
            (&["ff02::/16"], &[], &["ff02::1"]),
        ];
        for (allow, deny, expected) in cases {
            let filter = filter(allow, deny).expect("good rules");
            assert_eq!(allowed(&filter, &PEERS), expected, "allow {allow:?}, deny {deny:?}");
        }
        assert_eq!(allowed(&Filter::default(), &PEERS), PEERS);
    }

    // parity: NET-05, NET-06, NET-07, NET-08
    #[test]
    fn an_embedded_address_is_judged_too() {
        // Each embeds 127.0.0.1, 10.1.1.1 or 8.8.8.8.
        const LOOPBACK: [&str; 9] = [
            "::127.0.0.1",
            "::ffff:0:127.0.0.1",
            "64:ff9b::7f00:1",
            "64:ff9b:1::7f00:1",
            "2002:7f00:1::",
            "2002:7f00:1::8",
            "2001:0:7f00:1::",
            "2001:0:808:808::80ff:fffe",
            "2600::5efe:127.0.0.1",
        ];
        const PRIVATE: [&str; 3] = ["64:ff9b::a01:101", "2002:a01:101::1", "2600::200:5efe:10.1.1.1"];
        const PUBLIC: [&str; 3] = ["64:ff9b::808:808", "2002:808:808::1", "2600::5efe:8.8.8.8"];
        let all: Vec<&str> = [&LOOPBACK[..], &PRIVATE, &PUBLIC].concat();
        let but_loopback: Vec<&str> = [&PRIVATE[..], &PUBLIC].concat();
        let cases: [(&[&str], &[&str], &[&str]); 6] = [
            (&["0.0.0.0/0", "::/0"], &[], &all),
            (&["0.0.0.0/0", "::/0"], &["local"], &but_loopback),
            (&["::/0"], &[], &PUBLIC),
            (&["::/0"], &["8.0.0.0/8"], &[]),
            (&["public"], &[], &PUBLIC),
            (&["network"], &[], &but_loopback),
        ];
        for (allow, deny, expected) in cases {
            let filter = filter(allow, deny).expect("good rules");
            assert_eq!(allowed(&filter, &all), expected, "allow {allow:?}, deny {deny:?}");
        }
        // What embeds none: the unspecified address, the loopback, and any other.
        let filter = filter(&["::/0"], &[]).expect("good rules");
        assert_eq!(allowed(&filter, &["::", "::1", "fe80::1", "2600::1"]), ["::", "::1", "fe80::1", "2600::1"]);
    }

    // parity: NET-07, NET-09
    #[test]
    fn unix_sockets_have_flags_of_their_own() {
        let mut peers = vec!["unix:/x", "unix:"];
        if cfg!(target_os = "linux") {
            peers.push("unix:\0x");
        }
        let cases: [(&[&str], &[&str], &[&str]); 6] = [
            (&["unix"], &[], &["unix:/x", "unix:"]),
            (&["unix-abstract"], &[], &peers[2..]),
            (&["unix", "unix-abstract"], &[], &peers),
            (&["unix", "unix-abstract"], &["unix"], &peers[2..]),
            (&["local"], &[], &[]),
            (&["0.0.0.0/0", "network"], &[], &[]),
        ];
        for (allow, deny, expected) in cases {
            let filter = filter(allow, deny).expect("good rules");
            assert_eq!(allowed(&filter, &peers), expected, "allow {allow:?}, deny {deny:?}");
        }
        assert_eq!(allowed(&Filter::default(), &peers), peers);
    }

    // parity: NET-05
    #[test]
    fn all_of_a_stack_must_agree() {
        let outer = filter(&["private", "unix"], &[]).expect("good rules");
        let inner = outer.restrict([b"network".as_slice(), b"unix-abstract"], []).expect("good rules");
        assert_eq!(allowed(&inner, &PEERS), PEERS[5..12]);
        assert_eq!(allowed(&inner, &["unix:/x"]), [""; 0]);
    }

    // parity: NET-08
    #[test]
    fn rules_that_are_none_are_refused() {
        let cases: [(&[&str], &[&str]); 6] = [
            (&[], &["public"]),
            (&[], &["network"]),
            (&["Local"], &[]),
            (&["10.0.0.1"], &[]),
            (&[""], &[]),
            (&[], &["x"]),
        ];
        for (allow, deny) in cases {
            let error = filter(allow, deny).err().expect("bad rules");
            assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{error}");
        }
    }

    // parity: NET-10
    #[test]
    fn a_family_without_peers_is_known() {
        let four: SockAddr = SocketAddr::from(([127, 0, 0, 1], 0)).into();
        let six: SockAddr = SocketAddr::from((Ipv6Addr::LOCALHOST, 0)).into();
        let unix = SockAddr::unix("/x").expect("a short path");
        let families = |filter: &Filter| [&four, &six, &unix].map(|own| filter.allows_family(own));
        assert_eq!(families(&Filter::default()), [true; 3]);
        assert_eq!(families(&filter(&["unix"], &[]).expect("good")), [false, false, true]);
        assert_eq!(families(&filter(&["::1/128"], &[]).expect("good")), [false, true, false]);
        assert_eq!(families(&filter(&["127.0.0.1/32"], &[]).expect("good")), [true, true, false]);
        assert_eq!(families(&filter(&["public"], &[]).expect("good")), [true, true, false]);
    }
}
