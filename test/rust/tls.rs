//! TLS: contexts, handshakes, and which check has failed.

use crate::authority::*;
use crate::gate::*;
use crate::loopback::*;
use kjasync::net::Peer;
use kjasync::runtime::Runtime;
use kjasync::stream::Connection;
use kjasync::tls::{ClientCertificates, TlsContext, TlsFailure, TlsKeyPair, TlsOptions, TlsVersion};
use kjasync::{ErrorKind, Outcome};
use rcgen::{ExtendedKeyUsagePurpose, SerialNumber, date_time_ymd};
use std::sync::Arc;

const VERSIONS: [TlsVersion; 2] = [TlsVersion::Tls12, TlsVersion::Tls13];

fn only(version: TlsVersion) -> impl Fn(&mut TlsOptions) {
    move |options| (options.min_version, options.max_version) = (Some(version), Some(version))
}

fn echo(from: &Arc<Connection>, to: &Arc<Connection>, size: usize) {
    let data: Vec<u8> = (0..size).map(|at| ((at * 31) >> 3) as u8).collect();
    let write = from.write(&data).unwrap();
    assert!(bytes(outcome(&to.read_required(size, size).unwrap())) == data, "{size} bytes");
    assert!(outcome(&write).is_ok());
}

/// The check that has failed, with the text of the error.
#[track_caller]
fn failed(outcome: Outcome) -> (Option<TlsFailure>, String) {
    let error = outcome.expect_err("the handshake fails");
    (TlsFailure::of(&error), error.text().to_owned())
}

// parity: TLS-01, TLS-08, TLS-12, TLS-13, TLS-19, TLS-26, TLS-27
#[test]
fn both_ends_agree_and_bytes_go_both_ways() {
    let authority = Authority::new("test authority");
    for (runtime, version) in [(runtime(), VERSIONS[0]), (wait_scope(), VERSIONS[1])] {
        let alpn = |options: &mut TlsOptions| {
            only(version)(options);
            options.alpn = vec![b"echo/1".to_vec(), b"echo/2".to_vec()];
        };
        let client = authority.client(&runtime, alpn);
        let server = authority.server(&runtime, |options| {
            alpn(options);
            options.alpn.remove(0);
        });
        let (near, far) = secured(&client, &server, &runtime);
        // Records of every size up to more than one, and more than the kernel takes.
        for size in [1, 2, 100, 16_383, 16_384, 16_385, 65_536, 3 << 20] {
            echo(&near, &far, size);
            echo(&far, &near, size);
        }
        let (seen, anonymous) = (identity(&near), identity(&far));
        assert_eq!(seen.version(), if version == TlsVersion::Tls12 { 0x0303 } else { 0x0304 });
        assert_eq!(seen.alpn(), Some(b"echo/2".as_slice()));
        assert!(seen.cipher_suite().starts_with("TLS_"), "{}", seen.cipher_suite());
        assert_eq!((seen.cipher_suite(), seen.alpn()), (anonymous.cipher_suite(), anonymous.alpn()));
        assert_eq!(
            (seen.common_name().unwrap().as_str(), near.peer().to_string().as_str()),
            ("localhost", "localhost")
        );
        assert_eq!(anonymous.server_name(), Some("localhost"));
        assert!(anonymous.certificates().is_empty() && !anonymous.matches_host("localhost"));
        assert_eq!(kind(anonymous.common_name()), Some(ErrorKind::InvalidArgument));
        assert_eq!(far.peer().to_string(), "(anonymous client)");
        // What is below shows through.
        let Peer::Tls(_, below) = near.peer() else { panic!("no TLS") };
        assert_eq!(below.to_string(), far.local_address().unwrap().to_string());
        assert!(near.fd().is_ok() && near.set_nodelay(true).is_ok());
    }
}

// parity: TLS-02, TLS-04, TLS-12
#[test]
fn a_client_says_which_check_a_server_has_failed() {
    let runtime = runtime();
    let authority = Authority::new("test authority");
    let other = Authority::new("another authority");
    let old = |params: &mut rcgen::CertificateParams| params.not_after = date_time_ymd(2020, 1, 1);
    let early = |params: &mut rcgen::CertificateParams| params.not_before = date_time_ymd(3000, 1, 1);
    let for_clients = |params: &mut rcgen::CertificateParams| {
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    };
    let numbered = |params: &mut rcgen::CertificateParams| params.serial_number = Some(SerialNumber::from(7));
    let names = ["localhost"];
    let cases = [
        (authority.issue_with(&names, old), TlsFailure::Expired, "has expired"),
        (authority.issue_with(&names, early), TlsFailure::NotYetValid, "is not valid yet"),
        (other.issue("localhost"), TlsFailure::UnknownIssuer, "nobody who is trusted"),
        (authority.issue("example.org"), TlsFailure::WrongName, "not for localhost"),
        (authority.issue_with(&names, for_clients), TlsFailure::WrongPurpose, "another purpose"),
        (authority.issue_with(&names, numbered), TlsFailure::Revoked, "revoked"),
    ];
    for version in VERSIONS {
        let client = authority.client(&runtime, |options| {
            only(version)(options);
            options.revocation_lists = authority.revoke(7);
        });
        for (pair, failure, part) in &cases {
            let server = authority.server(&runtime, |options| options.key_pair = Some(pair.clone()));
            let (near, far) = outcomes(&client, &server, &runtime, "localhost");
            let (check, text) = failed(near);
            assert!(check == Some(*failure) && text.contains(part), "{failure:?}: {check:?}, {text}");
            assert_eq!(failed(far).0, Some(TlsFailure::Alert), "{failure:?}");
        }
        // The same client takes one that is all right.
        secured(&client, &authority.server(&runtime, |_| ()), &runtime);
    }
}

// parity: TLS-12, TLS-25
#[test]
fn a_name_to_verify_may_be_an_address() {
    let runtime = runtime();
    let authority = Authority::new("test authority");
    let client = authority.client(&runtime, |_| ());
    let names = ["127.0.0.1", "::1", "*.example.org"];
    let pair = authority.issue_with(&names, |_| ());
    let server = authority.server(&runtime, |options| options.key_pair = Some(pair));
    for host in ["127.0.0.1", "::1", "[::1]", "a.example.org", "A.Example.ORG."] {
        let (near, _) = outcomes(&client, &server, &runtime, host);
        let near = near.expect(host).into_object::<Connection>().unwrap();
        let identity = identity(&near);
        assert!(identity.matches_host("b.example.org") && identity.matches_host("127.0.0.1"), "{host}");
        for wrong in ["example.org", "a.b.example.org", "127.0.0.2", "::2", "", "not a name"] {
            assert!(!identity.matches_host(wrong), "{wrong}");
        }
        let alt: Vec<_> = identity.alt_names().unwrap().iter().map(ToString::to_string).collect();
        assert_eq!(alt, names);
    }
    for host in ["127.0.0.2", "example.org", "a.b.example.org"] {
        let (near, _) = outcomes(&client, &server, &runtime, host);
        assert_eq!(failed(near).0, Some(TlsFailure::WrongName), "{host}");
    }
    for host in ["", "not a name", "a..b", "unix:/x"] {
        let (near, _) = handshakes(&client, &server, &runtime, host);
        assert_eq!(failure(&near), ErrorKind::InvalidArgument, "{host}");
    }
}

// parity: TLS-03, TLS-08, TLS-23, TLS-24
#[test]
fn a_server_asks_for_certificates_of_its_clients() {
    let runtime = runtime();
    let authority = Authority::new("test authority");
    let other = Authority::new("another authority");
    for version in VERSIONS {
        let server = |wish| {
            authority.server(&runtime, |options| {
                only(version)(options);
                options.client_certificates = wish;
            })
        };
        let client = |pair| authority.client(&runtime, |options| options.key_pair = pair);
        let [known, unknown] = [&authority, &other].map(|issuer| client(Some(issuer.issue("someone"))));
        let nobody = client(None);
        for wish in [ClientCertificates::Requested, ClientCertificates::Demanded] {
            let server = server(wish);
            let (near, far) = secured(&known, &server, &runtime);
            echo(&near, &far, 10);
            assert_eq!(
                (identity(&far).common_name().unwrap().as_str(), identity(&far).certificates().len()),
                ("someone", 1)
            );
            let (_, far) = outcomes(&unknown, &server, &runtime, "localhost");
            assert_eq!(failed(far).0, Some(TlsFailure::UnknownIssuer));
        }
        let (_, far) = secured(&nobody, &server(ClientCertificates::Requested), &runtime);
        assert!(identity(&far).certificates().is_empty());
        let (near, far) = outcomes(&nobody, &server(ClientCertificates::Demanded), &runtime, "localhost");
        assert_eq!(failed(far).0, Some(TlsFailure::NoCertificate));
        // With TLS 1.3 the client is done before the server has seen that there is none.
        let told = match near {
            Ok(near) => outcome(&near.into_object::<Connection>().unwrap().read(1, 1).unwrap()),
            refused => refused,
        };
        assert_eq!(failed(told).0, Some(TlsFailure::Alert));
        let (_, far) = secured(&known, &server(ClientCertificates::Ignored), &runtime);
        assert!(identity(&far).certificates().is_empty());
    }
}

// parity: TLS-05, TLS-06, TLS-07
#[test]
fn versions_suites_and_groups_are_chosen_by_name() {
    let runtime = runtime();
    let authority = Authority::new("test authority");
    let suites = [
        ("TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256", "TLS_CHACHA20_POLY1305_SHA256"),
        ("tls_ecdhe_ecdsa_with_aes_256_gcm_sha384", "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"),
    ];
    for (given, expected) in suites {
        let client = authority.client(&runtime, |options| {
            options.cipher_suites = given.to_owned();
            options.groups = "secp384r1:X25519".to_owned();
        });
        let (near, _) = secured(&client, &authority.server(&runtime, |_| ()), &runtime);
        assert_eq!(identity(&near).cipher_suite(), expected);
    }
    let near = authority.client(&runtime, |options| options.groups = "x25519".to_owned());
    let far = authority.server(&runtime, |options| options.groups = "secp256r1".to_owned());
    let (near, far) = outcomes(&near, &far, &runtime, "localhost");
    assert_eq!((failed(near).0, failed(far).0), (Some(TlsFailure::Alert), Some(TlsFailure::Incompatible)));
    let near = authority.client(&runtime, only(TlsVersion::Tls12));
    let far = authority.server(&runtime, only(TlsVersion::Tls13));
    let (near, far) = outcomes(&near, &far, &runtime, "localhost");
    assert_eq!((failed(near).0, failed(far).0), (Some(TlsFailure::Alert), Some(TlsFailure::Incompatible)));
    type Change = fn(&mut TlsOptions);
    let refused: [(Change, &str); 6] = [
        (|options| options.cipher_suites = "TLS_RSA_WITH_RC4_128_MD5".to_owned(), "TLS_AES_128_GCM_SHA256"),
        (|options| options.groups = "x25519:".to_owned(), "secp256r1"),
        (|options| options.max_version = Some(TlsVersion::Tls12), "above the highest"),
        (|options| options.trusted = "nothing".into(), "no certificate"),
        (|options| options.trusted = vec![0x30, 3, 2, 1, 1].into(), "cannot be trusted"),
        (|options| options.revocation_lists = vec![0x30, 0x82].into(), "revocation list"),
    ];
    for (change, part) in refused {
        let mut options =
            TlsOptions { system_trust: false, min_version: Some(TlsVersion::Tls13), ..TlsOptions::default() };
        change(&mut options);
        let error = TlsContext::new(&runtime, options).expect_err("it is refused");
        assert!(error.kind() == ErrorKind::InvalidArgument && error.text().contains(part), "{part}: {error}");
    }
}

// parity: TLS-20, TLS-21, TLS-22
#[test]
fn keys_and_chains_are_checked_and_never_shown() {
    let authority = Authority::new("test authority");
    let (certificate, key) = authority.issue_pem(&["localhost"], |_| ());
    let (other, other_key) = authority.issue_pem(&["localhost"], |_| ());
    let pair = |certificates: &str, key: &str| TlsKeyPair::new(certificates.as_bytes(), key.as_bytes(), None);
    let text = format!("{:?}", pair(&(certificate.clone() + &other), &key).unwrap());
    assert_eq!(text, "TlsKeyPair(2 certificates)");
    let secret: String = key.lines().nth(1).expect("PEM").to_owned();
    let broken = key.replace('M', "*");
    for (certificates, key, part) in [
        (certificate.as_str(), other_key.as_str(), "not that of the first certificate"),
        (certificate.as_str(), broken.as_str(), "cannot be read"),
        (certificate.as_str(), &secret, "cannot be read"),
        (certificate.as_str(), "", "cannot be read"),
        ("", key.as_str(), "without a certificate"),
        (key.as_str(), key.as_str(), "no certificate"),
        (&certificate.repeat(11), key.as_str(), "a chain of 11 certificates"),
    ] {
        let error = pair(certificates, key).expect_err("it is refused");
        assert!(error.kind() == ErrorKind::InvalidArgument && error.text().contains(part), "{part}: {error}");
        assert!(!error.text().contains(&secret) && !error.text().contains(&broken));
    }
}

// parity: TLS-01
#[test]
fn what_a_side_needs_is_asked_for_when_it_is_needed() {
    let (runtime, other) = (runtime(), Runtime::new(Default::default()).unwrap());
    let authority = Authority::new("test authority");
    let client = authority.client(&runtime, |_| ());
    let nobody = TlsContext::new(&runtime, TlsOptions { system_trust: false, ..TlsOptions::default() }).unwrap();
    let (near, far) = pair(&runtime);
    let server = client.wrapper().wrap_server(far).unwrap();
    assert!(outcome(&server).unwrap_err().text().contains("without a certificate"));
    let client = nobody.wrapper().wrap_client(near, "localhost").unwrap();
    assert!(outcome(&client).unwrap_err().text().contains("trusts nobody"));
    let (near, _) = pair(&other);
    assert_eq!(kind(nobody.wrapper().wrap_client(near, "localhost")), Some(ErrorKind::InvalidArgument));
    let system = TlsContext::new(&runtime, TlsOptions::default()).unwrap();
    assert_eq!(format!("{system:?}"), "TlsContext { .. }");
}
