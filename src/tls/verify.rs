//! Verification of peers: the usual one, user code beside it, or user code instead of it.

use super::certificates::all_of;
use super::{ClientCertificates, TlsOptions, VerifyPeer};
use crate::error::Error;
use crate::net::Peer;
use crate::peer::TlsIdentity;
use bytes::Bytes;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, ServerName, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error as Rustls, OtherError, RootCertStore,
    SignatureScheme,
};
use std::fmt;
use std::sync::Arc;

/// Who is trusted, for one context.
pub(super) struct Trust {
    pub(super) roots: Arc<RootCertStore>,
    pub(super) revocation_lists: Vec<CertificateRevocationListDer<'static>>,
    pub(super) provider: Arc<CryptoProvider>,
}

impl Trust {
    pub(super) fn new(options: &TlsOptions, provider: &Arc<CryptoProvider>) -> Result<Self, Error> {
        let roots = super::trust::roots(options)?;
        let revocation_lists = all_of(&options.revocation_lists, "revocation list")?;
        Ok(Self { roots, revocation_lists, provider: provider.clone() })
    }

    /// How a client verifies servers; `None` if it trusts nobody.
    pub(super) fn of_servers(&self, options: &TlsOptions) -> Result<Option<Arc<dyn ServerCertVerifier>>, Error> {
        if let Some(judge) = &options.dangerous_verify_instead {
            return Ok(Some(Arc::new(Judging::new(None, judge, &self.provider))));
        }
        if self.roots.is_empty() {
            return Ok(None);
        }
        let usual = WebPkiServerVerifier::builder_with_provider(self.roots.clone(), self.provider.clone())
            .with_crls(self.revocation_lists.clone())
            .allow_unknown_revocation_status()
            .build()
            .map_err(|error| Error::invalid(format!("what cannot be verified with: {error}")))?;
        Ok(Some(match &options.verify_also {
            Some(judge) => Arc::new(Judging::new(Some(usual as Arc<dyn ServerCertVerifier>), judge, &self.provider)),
            None => usual,
        }))
    }

    /// How a server verifies clients.
    pub(super) fn of_clients(&self, options: &TlsOptions) -> Result<Arc<dyn ClientCertVerifier>, Error> {
        let demanded = match options.client_certificates {
            ClientCertificates::Ignored => return Ok(WebPkiClientVerifier::no_client_auth()),
            ClientCertificates::Requested => false,
            ClientCertificates::Demanded => true,
        };
        if let Some(judge) = &options.dangerous_verify_instead {
            let judging = Judging::new(None, judge, &self.provider);
            return Ok(Arc::new(JudgingClients { judging, demanded }));
        }
        if self.roots.is_empty() {
            return Err(Error::invalid("a context that trusts nobody and asks for certificates of its clients"));
        }
        let mut usual = WebPkiClientVerifier::builder_with_provider(self.roots.clone(), self.provider.clone())
            .with_crls(self.revocation_lists.clone())
            .allow_unknown_revocation_status();
        if !demanded {
            usual = usual.allow_unauthenticated();
        }
        // The names of everybody whom the system trusts would be several kilobytes in each handshake.
        if options.system_trust {
            usual = usual.clear_root_hint_subjects();
        }
        let usual = usual.build().map_err(|error| Error::invalid(format!("what cannot be verified with: {error}")))?;
        Ok(match &options.verify_also {
            Some(judge) => {
                Arc::new(JudgingClients { judging: Judging::new(Some(usual), judge, &self.provider), demanded })
            }
            None => usual,
        })
    }
}

/// A verifier that asks user code, and another one before it if there is one.
struct Judging<V: ?Sized> {
    usual: Option<Arc<V>>,
    judge: Arc<VerifyPeer>,
    provider: Arc<CryptoProvider>,
}

impl<V: ?Sized> Judging<V> {
    fn new(usual: Option<Arc<V>>, judge: &Arc<VerifyPeer>, provider: &Arc<CryptoProvider>) -> Self {
        Self { usual, judge: judge.clone(), provider: provider.clone() }
    }

    fn judge(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: Option<&ServerName<'_>>,
    ) -> Result<(), Rustls> {
        let chain = std::iter::once(end_entity).chain(intermediates);
        let identity = TlsIdentity {
            certificates: chain.map(|certificate| Bytes::copy_from_slice(certificate)).collect(),
            server_name: server_name.map(|name| name.to_str().into_owned()),
            agreed: None,
        };
        let peer = Arc::new(Peer::Tls(Arc::new(identity), Arc::new(Peer::Unknown)));
        (self.judge)(&peer)
            .map_err(|error| Rustls::InvalidCertificate(CertificateError::Other(OtherError(Arc::new(error)))))
    }

    fn tls12(&self, message: &[u8], of: &CertificateDer<'_>, signed: &DigitallySignedStruct) -> Signature {
        verify_tls12_signature(message, of, signed, &self.provider.signature_verification_algorithms)
    }

    fn tls13(&self, message: &[u8], of: &CertificateDer<'_>, signed: &DigitallySignedStruct) -> Signature {
        verify_tls13_signature(message, of, signed, &self.provider.signature_verification_algorithms)
    }

    fn schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

type Signature = Result<HandshakeSignatureValid, Rustls>;

impl<V: ?Sized> fmt::Debug for Judging<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.usual.is_some() { "verification and more" } else { "other verification" })
    }
}

impl ServerCertVerifier for Judging<dyn ServerCertVerifier> {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Rustls> {
        if let Some(usual) = &self.usual {
            usual.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)?;
        }
        self.judge(end_entity, intermediates, Some(server_name)).map(|()| ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        of: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Signature {
        self.tls12(message, of, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        of: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Signature {
        self.tls13(message, of, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.schemes()
    }
}

#[derive(Debug)]
struct JudgingClients {
    judging: Judging<dyn ClientCertVerifier>,
    demanded: bool,
}

impl ClientCertVerifier for JudgingClients {
    fn client_auth_mandatory(&self) -> bool {
        self.demanded
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.judging.usual.as_ref().map_or(&[], |usual| usual.root_hint_subjects())
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Rustls> {
        if let Some(usual) = &self.judging.usual {
            usual.verify_client_cert(end_entity, intermediates, now)?;
        }
        self.judging.judge(end_entity, intermediates, None).map(|()| ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        of: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Signature {
        self.judging.tls12(message, of, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        of: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Signature {
        self.judging.tls13(message, of, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.judging.schemes()
    }
}
