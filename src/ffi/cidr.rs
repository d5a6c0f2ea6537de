//! Blocks of addresses, as texts.

use super::address::{KJA_FAMILY_IPV4, KJA_FAMILY_IPV6};
use super::{boundary, bytes_in, get, kja_address_t, kja_status_t, put};
use crate::error::Error;
use crate::net::{Address, Cidr};
use std::ffi::{c_char, c_void};
use std::net::IpAddr;

fn cidr(text: *const c_char, len: usize) -> Result<Cidr, Error> {
    Cidr::parse(bytes_in(text.cast(), len)?)
}

fn ip_of(bytes: &[u8]) -> Result<IpAddr, Error> {
    match (<[u8; 4]>::try_from(bytes), <[u8; 16]>::try_from(bytes)) {
        (Ok(bytes), _) => Ok(bytes.into()),
        (_, Ok(bytes)) => Ok(bytes.into()),
        _ => Err(Error::invalid(format!("an IP address has 4 or 16 bytes, not {}", bytes.len()))),
    }
}

/// Reads a block such as `10.1.2.3/8` or `fd00::/8` and copies its text, with the bits past the prefix cleared
/// (`10.0.0.0/8`) and a closing NUL, cut to `capacity`. Writes the whole length, without the NUL, to `length`, which may
/// be null. Errors: `INVALID_ARGUMENT` for a text that is no block, here and in the functions below. (CIDR-01, CIDR-02)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_cidr_text(
    text: *const c_char,
    text_len: usize,
    buffer: *mut c_char,
    capacity: usize,
    length: *mut usize,
) -> kja_status_t {
    boundary(|| super::error::text_out(&cidr(text, text_len)?.to_string(), buffer, capacity, length))
}

/// Copies the text of the block around an IP address of 4 or 16 bytes, as `kja_cidr_text` does. (CIDR-01)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_cidr_text_of(
    ip: *const c_void,
    ip_size: usize,
    prefix: u8,
    buffer: *mut c_char,
    capacity: usize,
    length: *mut usize,
) -> kja_status_t {
    boundary(|| {
        let block = Cidr::new(ip_of(bytes_in(ip, ip_size)?)?, prefix);
        let block = block.ok_or_else(|| Error::invalid(format!("a prefix of {prefix} bits")))?;
        super::error::text_out(&block.to_string(), buffer, capacity, length)
    })
}

/// The family of a block's addresses: `KJA_FAMILY_IPV4` or `KJA_FAMILY_IPV6`. (CIDR-02)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_cidr_family(text: *const c_char, text_len: usize, out: *mut u32) -> kja_status_t {
    boundary(|| put(out, if cidr(text, text_len)?.is_ipv6() { KJA_FAMILY_IPV6 } else { KJA_FAMILY_IPV4 }))
}

/// The length of a block's prefix: the longer, the more specific. (CIDR-02)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_cidr_specificity(text: *const c_char, text_len: usize, out: *mut u32) -> kja_status_t {
    boundary(|| put(out, u32::from(cidr(text, text_len)?.specificity())))
}

/// Whether a block has every address that `address` stands for. An IPv4 block has the v4-mapped IPv6 addresses too; no
/// block has a unix socket. (CIDR-02)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_cidr_matches(
    text: *const c_char,
    text_len: usize,
    address: kja_address_t,
    out: *mut bool,
) -> kja_status_t {
    boundary(|| put(out, get::<Address>(address)?.is_in(&cidr(text, text_len)?)))
}

/// As `kja_cidr_matches`, for an IP address as a text. (CIDR-02)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kja_cidr_matches_text(
    text: *const c_char,
    text_len: usize,
    ip: *const c_char,
    ip_len: usize,
    out: *mut bool,
) -> kja_status_t {
    boundary(|| {
        let text_of = std::str::from_utf8(bytes_in(ip.cast(), ip_len)?).ok();
        let ip: Option<IpAddr> = text_of.and_then(|ip| ip.parse().ok());
        put(out, cidr(text, text_len)?.matches(ip.ok_or_else(|| Error::invalid("no IP address"))?))
    })
}
