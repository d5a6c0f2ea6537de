//! Networks.

use super::connection::kja_slice_t;
use super::{
    boundary, bytes_in, created, get, kja_address_t, kja_network_t, kja_promise_t, kja_runtime_t, kja_status_t, put,
    release, slice_in,
};
use crate::error::Error;
use crate::net::{Address, Network};
use crate::runtime::Runtime;
use std::ffi::{c_char, c_void};

fn rules<'a>(rules: *const kja_slice_t, count: usize) -> Result<Vec<&'a [u8]>, Error> {
    slice_in(rules, count)?.iter().map(|rule| bytes_in(rule.data, rule.size)).collect()
}

/// The whole network of the system. By design for the main program: code below is better handed a network, which it
/// cannot widen, or an address. (NET-21)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_network_new(runtime: kja_runtime_t, out: *mut kja_network_t) -> kja_status_t {
    created(out, || Network::new(&*get::<Runtime>(runtime)?))
}

/// The part of a network whose peers match a rule of `allow` and none of `deny`; a new handle. Peers are checked after
/// names are resolved: on connecting, each address by itself; on accepting, where a forbidden peer is dropped silently;
/// and for datagrams. A network made from this one has to agree with it too. Rules are texts:
///
/// - `10.0.0.0/8`, `fd00::/8`: a block of addresses. A denied peer passes only if a strictly more specific block allows it.
///   IPv4 blocks match v4-mapped IPv6 addresses. Any other IPv6 address that embeds an IPv4 address (compatible, NAT64,
///   6to4, Teredo, ISATAP) is judged by that too: it must not be denied, nor be local, private or reserved unless a rule
///   allows that.
/// - `local`: loopback and unspecified addresses; not unix sockets.
/// - `network`: all but `local`, reserved and multicast addresses.
/// - `private`: RFC 1918, 100.64/10, 169.254/16, fc00::/7, fe80::/10 and `local`. Denied, it leaves `local` alone.
/// - `public`: all but `private`, reserved and multicast addresses.
/// - `unix`, `unix-abstract`: unix sockets with a path, and with an abstract name.
///
/// Errors: `INVALID_ARGUMENT` for any other rule, and for `network` or `public` in `deny`. (NET-05, NET-06, NET-07, NET-08,
/// NET-09)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_network_restrict(
    network: kja_network_t,
    allow: *const kja_slice_t,
    allow_count: usize,
    deny: *const kja_slice_t,
    deny_count: usize,
    out: *mut kja_network_t,
) -> kja_status_t {
    created(out, || {
        let (allow, deny) = (rules(allow, allow_count)?, rules(deny, deny_count)?);
        get::<Network>(network)?.restrict(allow, deny)
    })
}

/// As `kja_address_parse_start`; the address keeps the rules of this network. A forbidden address is parsed like any
/// other, and refused when it is used. (NET-01, NET-10)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_network_parse_address_start(
    network: kja_network_t,
    text: *const c_char,
    text_len: usize,
    default_port: u16,
    out: *mut kja_promise_t,
) -> kja_status_t {
    created(out, || {
        let text = bytes_in(text.cast(), text_len)?;
        get::<Network>(network)?.parse_address(text, default_port)
    })
}

/// As `kja_address_from_sockaddr`; the address keeps the rules of this network. Errors: also `FAILED` for a peer that
/// they forbid. (NET-04)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_network_address_from_sockaddr(
    network: kja_network_t,
    sockaddr: *const c_void,
    size: usize,
    out: *mut kja_address_t,
) -> kja_status_t {
    created(out, || {
        let address = get::<Network>(network)?.address_from_sockaddr(bytes_in(sockaddr, size)?)?;
        Ok(address)
    })
}

/// Whether the rules allow every peer that an address stands for, whichever network it is from. (LLIO-11)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_network_allows(
    network: kja_network_t,
    address: kja_address_t,
    out: *mut bool,
) -> kja_status_t {
    boundary(|| put(out, get::<Network>(network)?.allows(&*get::<Address>(address)?)))
}

/// Releases the handle. Addresses and networks made from it stay as they are.
#[unsafe(no_mangle)]
pub extern "C" fn kja_network_release(network: kja_network_t) -> kja_status_t {
    release::<Network>(network)
}
