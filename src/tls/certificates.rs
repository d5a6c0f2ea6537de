//! Certificates and other things in PEM, or in DER one after the other.

use crate::error::Error;
use pkcs8::der::{Decode, Header, Reader, SliceReader};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

/// Certificates in a row are a chain from a leaf to its root: more than this many are none.
const LONGEST_CHAIN: usize = 10;

/// Whether this is PEM: something in DER would begin with the tag of a sequence.
pub(super) fn is_pem(text: &[u8]) -> bool {
    text.first() != Some(&0x30)
}

/// Everything of one kind that is in a text.
pub(super) fn all_of<T: PemObject + From<Vec<u8>>>(text: &[u8], what: &str) -> Result<Vec<T>, Error> {
    if text.is_empty() {
        return Ok(Vec::new());
    }
    let unreadable = |error: &dyn std::fmt::Display| Error::invalid(format!("{what} that cannot be read: {error}"));
    let found: Vec<T> = if is_pem(text) {
        T::pem_slice_iter(text).collect::<Result<_, _>>().map_err(|error| unreadable(&error))?
    } else {
        sequences(text).map_err(|error| unreadable(&error))?.into_iter().map(|der| T::from(der.to_vec())).collect()
    };
    if found.is_empty() { Err(Error::invalid(format!("there is no {what} in this text"))) } else { Ok(found) }
}

/// The chain of a leaf, which comes first. (TLS-21)
pub(super) fn chain(text: &[u8]) -> Result<Vec<CertificateDer<'static>>, Error> {
    let chain = all_of(text, "certificate")?;
    match chain.len() {
        0 => Err(Error::invalid("a chain without a certificate")),
        1..=LONGEST_CHAIN => Ok(chain),
        length => Err(Error::invalid(format!("a chain of {length} certificates; {LONGEST_CHAIN} are the most"))),
    }
}

/// DER values one after the other, each with its header.
fn sequences(mut text: &[u8]) -> pkcs8::der::Result<Vec<&[u8]>> {
    let mut found = Vec::new();
    while !text.is_empty() {
        let mut reader = SliceReader::new(text)?;
        let header = Header::decode(&mut reader)?;
        let length = usize::try_from((reader.position() + header.length)?)?;
        if length > text.len() {
            return Err(pkcs8::der::ErrorKind::Incomplete {
                expected_len: header.length,
                actual_len: reader.remaining_len(),
            }
            .into());
        }
        let (one, rest) = text.split_at(length);
        found.push(one);
        text = rest;
    }
    Ok(found)
}
