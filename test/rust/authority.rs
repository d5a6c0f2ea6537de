//! Certificates made for a test, by an authority made for it, and contexts that use them.

use crate::gate::*;
use crate::loopback::*;
use bytes::Bytes;
use kjasync::Outcome;
use kjasync::net::{Peer, TlsIdentity};
use kjasync::promise::Promise;
use kjasync::runtime::Runtime;
use kjasync::stream::Connection;
use kjasync::tls::{TlsContext, TlsKeyPair, TlsOptions};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DnType, IsCa, Issuer, KeyIdMethod, KeyPair,
    KeyUsagePurpose, RevokedCertParams, SerialNumber, date_time_ymd,
};
use std::sync::Arc;

/// Issues certificates.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

impl Authority {
    pub(crate) fn new(name: &str) -> Self {
        let mut params = CertificateParams::new([]).expect("no names");
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate().expect("a key");
        let pem = params.self_signed(&key).expect("a certificate").pem();
        Self { issuer: Issuer::new(params, key), pem }
    }

    /// Its own certificate, to trust.
    pub(crate) fn trusted(&self) -> Bytes {
        Bytes::copy_from_slice(self.pem.as_bytes())
    }

    /// A certificate for these names, the first of which is its common name, and its key: PEM.
    pub(crate) fn issue_pem(&self, names: &[&str], change: impl FnOnce(&mut CertificateParams)) -> (String, String) {
        let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names.clone()).expect("good names");
        params.distinguished_name.push(DnType::CommonName, names[0].as_str());
        change(&mut params);
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate");
        (certificate.pem(), key.serialize_pem())
    }

    pub(crate) fn issue_with(&self, names: &[&str], change: impl FnOnce(&mut CertificateParams)) -> Arc<TlsKeyPair> {
        let (certificate, key) = self.issue_pem(names, change);
        TlsKeyPair::new(certificate.as_bytes(), key.as_bytes(), None).expect("a key pair")
    }

    pub(crate) fn issue(&self, name: &str) -> Arc<TlsKeyPair> {
        self.issue_with(&[name], |_| ())
    }

    /// A list that revokes the certificate with this number.
    pub(crate) fn revoke(&self, number: u64) -> Bytes {
        let revoked = RevokedCertParams {
            serial_number: SerialNumber::from(number),
            revocation_time: date_time_ymd(2020, 1, 1),
            reason_code: None,
            invalidity_date: None,
        };
        let list = CertificateRevocationListParams {
            this_update: date_time_ymd(2020, 1, 1),
            next_update: date_time_ymd(3000, 1, 1),
            crl_number: SerialNumber::from(1),
            issuing_distribution_point: None,
            revoked_certs: vec![revoked],
            key_identifier_method: KeyIdMethod::Sha256,
        };
        Bytes::from(list.signed_by(&self.issuer).expect("a list").pem().expect("PEM"))
    }

    /// A client that trusts this authority alone.
    pub(crate) fn client(&self, runtime: &Runtime, change: impl FnOnce(&mut TlsOptions)) -> Arc<TlsContext> {
        let mut options = TlsOptions { system_trust: false, trusted: self.trusted(), ..TlsOptions::default() };
        change(&mut options);
        TlsContext::new(runtime, options).expect("a context")
    }

    /// A server that is called `localhost` and trusts this authority alone.
    pub(crate) fn server(&self, runtime: &Runtime, change: impl FnOnce(&mut TlsOptions)) -> Arc<TlsContext> {
        let key_pair = Some(self.issue("localhost"));
        self.client(runtime, |options| {
            options.key_pair = key_pair;
            change(options);
        })
    }
}

/// The handshakes of both ends of a connection.
pub(crate) fn handshakes(
    client: &TlsContext,
    server: &TlsContext,
    runtime: &Runtime,
    host: &str,
) -> (Promise, Promise) {
    let (connected, accepted) = pair(runtime);
    let server = server.wrapper().wrap_server(accepted).expect("it starts");
    (client.wrapper().wrap_client(connected, host).expect("it starts"), server)
}

/// How both ended.
pub(crate) fn outcomes(client: &TlsContext, server: &TlsContext, runtime: &Runtime, host: &str) -> (Outcome, Outcome) {
    let (client, server) = handshakes(client, server, runtime, host);
    (outcome(&client), outcome(&server))
}

/// Both ends of a secure connection to `localhost`.
pub(crate) fn secured(
    client: &TlsContext,
    server: &TlsContext,
    runtime: &Runtime,
) -> (Arc<Connection>, Arc<Connection>) {
    let (client, server) = handshakes(client, server, runtime, "localhost");
    (connection(&client), connection(&server))
}

/// What the peer has shown.
#[track_caller]
pub(crate) fn identity(connection: &Connection) -> Arc<TlsIdentity> {
    match connection.peer() {
        Peer::Tls(identity, _) => identity,
        other => panic!("no peer over TLS: {other}"),
    }
}
