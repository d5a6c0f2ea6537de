//! Certificates and keys as texts or DER.

use crate::split;
use kjasync::tls::TlsKeyPair;

pub fn key_pair(data: &[u8]) {
    let (at, text) = split(data);
    let (certificates, key) = text.split_at((at * text.len() / 255).min(text.len()));
    for password in [None, Some(b"secret".as_slice())] {
        // Nothing but a refusal can come of a change to a pair; the seeds have whole ones.
        let _ = TlsKeyPair::new(certificates, key, password);
    }
}
