//! Which certification authorities are trusted.

use super::TlsOptions;
use super::certificates::all_of;
use crate::error::Error;
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use std::sync::Arc;

/// The trusted authorities. Those of the system that cannot be used are left out: there are old ones everywhere.
pub(super) fn roots(options: &TlsOptions) -> Result<Arc<RootCertStore>, Error> {
    let mut roots = RootCertStore::empty();
    if options.system_trust {
        roots.add_parsable_certificates(of_the_system());
    }
    for certificate in all_of::<CertificateDer<'static>>(&options.trusted, "certificate")? {
        roots
            .add(certificate)
            .map_err(|error| Error::invalid(format!("a certificate that cannot be trusted: {error}")))?;
    }
    Ok(Arc::new(roots))
}

/// Read from the files that OpenSSL would use here, or those that `SSL_CERT_FILE` and `SSL_CERT_DIR` name.
#[cfg(not(target_vendor = "apple"))]
fn of_the_system() -> Vec<CertificateDer<'static>> {
    rustls_native_certs::load_native_certs().certs
}

/// Read from the file that the system keeps for programs that do not know its keychain, or the one that `SSL_CERT_FILE`
/// names. To ask the keychain would mean that everything that uses this library has to be linked with a framework.
#[cfg(target_vendor = "apple")]
fn of_the_system() -> Vec<CertificateDer<'static>> {
    use rustls::pki_types::pem::PemObject;
    let file = std::env::var_os("SSL_CERT_FILE").unwrap_or_else(|| "/etc/ssl/cert.pem".into());
    let certificates = CertificateDer::pem_file_iter(file);
    certificates.map(|all| all.filter_map(Result::ok).collect()).unwrap_or_default()
}
