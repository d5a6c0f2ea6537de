//! Cipher suites, groups and versions by their names.

use super::{TlsOptions, TlsVersion};
use crate::error::Error;
use rustls::crypto::{CryptoProvider, ring};
use rustls::{CipherSuite, SupportedProtocolVersion, version};
use std::sync::{Arc, OnceLock};

/// What is used unless the options say otherwise.
pub(super) fn usual() -> Arc<CryptoProvider> {
    static USUAL: OnceLock<Arc<CryptoProvider>> = OnceLock::new();
    USUAL.get_or_init(|| Arc::new(ring::default_provider())).clone()
}

/// The cryptography that the options leave.
pub(super) fn provider(options: &TlsOptions) -> Result<Arc<CryptoProvider>, Error> {
    if options.cipher_suites.is_empty() && options.groups.is_empty() {
        return Ok(usual());
    }
    let mut chosen = ring::default_provider();
    let suites = std::mem::take(&mut chosen.cipher_suites);
    chosen.cipher_suites = choose(&options.cipher_suites, suites, |suite| suite_name(suite.suite()), "cipher suite")?;
    let groups = std::mem::take(&mut chosen.kx_groups);
    chosen.kx_groups = choose(&options.groups, groups, |group| group.name().as_str().unwrap_or(""), "group")?;
    Ok(Arc::new(chosen))
}

/// Those that are named, in that order; all for no name at all.
fn choose<T: Copy>(names: &str, all: Vec<T>, name: impl Fn(T) -> &'static str, what: &str) -> Result<Vec<T>, Error> {
    if names.is_empty() {
        return Ok(all);
    }
    let find = |wanted: &str| {
        let known = all.iter().copied().find(|one| name(*one).eq_ignore_ascii_case(wanted));
        known.ok_or_else(|| {
            let all: Vec<_> = all.iter().map(|one| name(*one)).collect();
            Error::invalid(format!("{wanted:?} is no {what} that there is here; there are {}", all.join(", ")))
        })
    };
    names.split(':').map(find).collect()
}

/// The name at the IANA: rustls has others for those of TLS 1.3.
pub(super) fn suite_name(suite: CipherSuite) -> &'static str {
    match suite {
        CipherSuite::TLS13_AES_128_GCM_SHA256 => "TLS_AES_128_GCM_SHA256",
        CipherSuite::TLS13_AES_256_GCM_SHA384 => "TLS_AES_256_GCM_SHA384",
        CipherSuite::TLS13_CHACHA20_POLY1305_SHA256 => "TLS_CHACHA20_POLY1305_SHA256",
        suite => suite.as_str().unwrap_or(""),
    }
}

/// The versions between the lowest and the highest.
pub(super) fn versions(options: &TlsOptions) -> Result<Vec<&'static SupportedProtocolVersion>, Error> {
    let lowest = options.min_version.unwrap_or(TlsVersion::Tls12);
    let highest = options.max_version.unwrap_or(TlsVersion::Tls13);
    if lowest > highest {
        return Err(Error::invalid("the lowest version of TLS is above the highest"));
    }
    let all = [(TlsVersion::Tls13, &version::TLS13), (TlsVersion::Tls12, &version::TLS12)];
    Ok(all.into_iter().filter(|(one, _)| (lowest..=highest).contains(one)).map(|(_, version)| version).collect())
}
