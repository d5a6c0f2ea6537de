//! What user code decides in handshakes: key pairs by name and by wish, who is let in, and sessions that go on.

use crate::authority::*;
use crate::gate::*;
use crate::loopback::*;
use bytes::Bytes;
use kjasync::net::Peer;
use kjasync::promise::Resolution;
use kjasync::stream::Connection;
use kjasync::tls::{ClientCertificates, TlsFailure, TlsKeyPair, TlsVersion, VerifyPeer};
use kjasync::{Error, ErrorKind, Value};
use std::sync::{Arc, Mutex};

fn shown(pair: &Arc<TlsKeyPair>) -> Resolution {
    Ok(TlsKeyPair::into_value(pair.clone())).into()
}

// parity: TLS-09
#[test]
fn a_server_shows_a_certificate_by_the_name_that_is_asked_for() {
    let runtime = runtime();
    let authority = Authority::new("test authority");
    let (now, later) = (authority.issue("now.test"), authority.issue("later.test"));
    let (fetched, fulfiller) = (Mutex::new(None), Arc::new(Mutex::new(None)));
    let (fulfil, promise) = runtime.fulfiller().unwrap();
    *fetched.lock().unwrap() = Some(promise);
    *fulfiller.lock().unwrap() = Some(fulfil);
    let chosen = now.clone();
    let server = authority.server(&runtime, |options| {
        options.on_server_name = Some(Arc::new(move |name| match name {
            b"now.test" => shown(&chosen),
            b"later.test" => fetched.lock().unwrap().take().expect("once").into(),
            b"refused.test" => Err(Error::new(ErrorKind::Overloaded, "too many")).into(),
            b"wrong.test" => Ok(Value::U64(1)).into(),
            b"panics.test" => panic!("in a callback"),
            _ => Ok(Value::Unit).into(),
        }));
    });
    for version in [TlsVersion::Tls12, TlsVersion::Tls13] {
        let client = authority.client(&runtime, |options| options.max_version = Some(version));
        for name in ["now.test", "localhost"] {
            let (near, _) = outcomes(&client, &server, &runtime, name);
            let near = near.expect(name).into_object::<Connection>().unwrap();
            assert_eq!(identity(&near).common_name().unwrap(), name);
        }
        // An address is not asked for by name.
        let (near, _) = outcomes(&client, &server, &runtime, "127.0.0.1");
        assert_eq!(TlsFailure::of(&near.unwrap_err()), Some(TlsFailure::WrongName));
        for (name, kind, part) in
            [("refused.test", ErrorKind::Overloaded, "too many"), ("wrong.test", ErrorKind::WrongType, "another type")]
        {
            let (near, far) = outcomes(&client, &server, &runtime, name);
            let (near, far) = (near.unwrap_err(), far.unwrap_err());
            assert!(
                near.text().contains("InternalError") && TlsFailure::of(&near) == Some(TlsFailure::Alert),
                "{near}"
            );
            assert!(far.kind() == kind && far.text().contains(part), "{far}");
            assert_eq!(TlsFailure::of(&far), Some(TlsFailure::Refused));
        }
    }
    let client = authority.client(&runtime, |_| ());
    let (near, far) = handshakes(&client, &server, &runtime, "later.test");
    outcome(&runtime.yield_until_would_sleep().unwrap()).unwrap();
    assert!(near.outcome().is_none() && far.outcome().is_none());
    let fulfil = fulfiller.lock().unwrap().take().unwrap();
    assert!(fulfil.settle(Ok(TlsKeyPair::into_value(later))));
    assert_eq!(identity(&connection(&near)).common_name().unwrap(), "later.test");
    let (near, far) = handshakes(&client, &server, &runtime, "panics.test");
    assert_eq!((failure(&far), outcome(&near).is_err()), (ErrorKind::Panic, true));
    server.set_key_pair(None);
    let (near, far) = outcomes(&client, &server, &runtime, "localhost");
    assert!(near.unwrap_err().text().contains("UnrecognisedName"));
    assert_eq!(TlsFailure::of(&far.unwrap_err()), Some(TlsFailure::Refused));
}

// parity: TLS-08, TLS-22
#[test]
fn a_key_pair_is_replaced_while_connections_go_on() {
    let runtime = runtime();
    let authority = Authority::new("test authority");
    let client = authority.client(&runtime, |options| options.resumption = false);
    let server = authority.server(&runtime, |_| ());
    let (near, far) = secured(&client, &server, &runtime);
    let first = identity(&near).certificates()[0].clone();
    server.set_key_pair(Some(authority.issue("localhost")));
    let (next, _) = secured(&client, &server, &runtime);
    assert_ne!(identity(&next).certificates()[0], first);
    assert_eq!(identity(&near).certificates()[0], first);
    assert!(outcome(&near.write(b"on").unwrap()).is_ok());
    assert_eq!(bytes(outcome(&far.read(2, 2).unwrap())), b"on");
    server.set_key_pair(None);
    let (near, far) = outcomes(&client, &server, &runtime, "localhost");
    assert!(near.is_err() && far.unwrap_err().text().contains("without a certificate"));
}

// parity: TLS-08
#[test]
fn a_client_chooses_its_certificate_by_what_the_server_accepts() {
    let runtime = runtime();
    let authority = Authority::new("test authority");
    let (pair, asked) = (authority.issue("chosen"), Arc::new(Mutex::new(Vec::new())));
    let server = authority.server(&runtime, |options| options.client_certificates = ClientCertificates::Requested);
    for choice in [Some(pair), None] {
        let (asked, choice) = (asked.clone(), choice.clone());
        let expected = choice.as_ref().map_or("", |_| "chosen");
        let client = authority.client(&runtime, |options| {
            options.resumption = false;
            options.on_client_certificate = Some(Arc::new(move |authorities| {
                asked.lock().unwrap().push(Bytes::copy_from_slice(authorities));
                choice.as_ref().map_or_else(|| Ok(Value::Unit).into(), shown)
            }));
        });
        let (_, far) = secured(&client, &server, &runtime);
        assert_eq!(identity(&far).common_name().unwrap_or_default(), expected);
    }
    let asked = asked.lock().unwrap();
    assert!(asked.len() == 2 && asked[0].windows(14).any(|part| part == b"test authority"), "{asked:?}");
}

fn judge(verdict: Result<(), ErrorKind>, seen: &Arc<Mutex<Vec<String>>>) -> Option<Arc<VerifyPeer>> {
    let seen = seen.clone();
    Some(Arc::new(move |peer: &Arc<Peer>| {
        let Peer::Tls(identity, _) = &**peer else { return Err(Error::new(ErrorKind::Failed, "no TLS")) };
        let name = identity.server_name().unwrap_or("-").to_owned();
        seen.lock().unwrap().push(format!("{} for {name}", identity.common_name()?));
        verdict.map_err(|kind| Error::new(kind, "the user's own reason"))
    }))
}

// parity: TLS-12, TLS-23
#[test]
fn user_code_judges_peers_beside_the_usual_verification() {
    let runtime = runtime();
    let (authority, other) = (Authority::new("test authority"), Authority::new("another authority"));
    let seen = Arc::new(Mutex::new(Vec::new()));
    let stranger = other.server(&runtime, |_| ());
    let server = authority.server(&runtime, |_| ());
    for version in [TlsVersion::Tls12, TlsVersion::Tls13] {
        let client = |verdict| {
            authority.client(&runtime, |options| {
                (options.max_version, options.verify_also) = (Some(version), judge(verdict, &seen));
            })
        };
        secured(&client(Ok(())), &server, &runtime);
        assert_eq!(std::mem::take(&mut *seen.lock().unwrap()), ["localhost for localhost"]);
        // Whom the usual verification refuses, nobody is asked about.
        let (near, _) = outcomes(&client(Ok(())), &stranger, &runtime, "localhost");
        assert_eq!(TlsFailure::of(&near.unwrap_err()), Some(TlsFailure::UnknownIssuer));
        assert!(seen.lock().unwrap().is_empty());
        let (near, far) = outcomes(&client(Err(ErrorKind::Overloaded)), &server, &runtime, "localhost");
        let near = near.unwrap_err();
        assert_eq!((near.kind(), near.text()), (ErrorKind::Overloaded, "the user's own reason"));
        assert_eq!(TlsFailure::of(&near), Some(TlsFailure::Refused));
        assert_eq!(TlsFailure::of(&far.unwrap_err()), Some(TlsFailure::Alert));
        seen.lock().unwrap().clear();
        // Clients are judged by servers likewise.
        let server = authority.server(&runtime, |options| {
            options.client_certificates = ClientCertificates::Requested;
            options.verify_also = judge(Err(ErrorKind::Failed), &seen);
        });
        let known = authority.client(&runtime, |options| {
            (options.max_version, options.key_pair) = (Some(version), Some(authority.issue("someone")));
        });
        let (_, far) = outcomes(&known, &server, &runtime, "localhost");
        assert_eq!(far.unwrap_err().text(), "the user's own reason");
        assert_eq!(std::mem::take(&mut *seen.lock().unwrap()), ["someone for -"]);
        secured(&authority.client(&runtime, |_| ()), &server, &runtime);
    }
}

// parity: TLS-12
#[test]
fn user_code_in_place_of_the_usual_verification_decides_alone() {
    let runtime = runtime();
    let (authority, other) = (Authority::new("test authority"), Authority::new("another authority"));
    let seen = Arc::new(Mutex::new(Vec::new()));
    let server = other.server(&runtime, |options| {
        options.client_certificates = ClientCertificates::Demanded;
        options.dangerous_verify_instead = judge(Ok(()), &seen);
    });
    for version in [TlsVersion::Tls12, TlsVersion::Tls13] {
        let client = |verdict| {
            authority.client(&runtime, |options| {
                options.max_version = Some(version);
                options.key_pair = Some(authority.issue("someone"));
                options.dangerous_verify_instead = judge(verdict, &seen);
            })
        };
        let (near, _) = outcomes(&client(Ok(())), &server, &runtime, "any.name");
        assert!(near.is_ok());
        let both = ["localhost for any.name", "someone for any.name"];
        let told = std::mem::take(&mut *seen.lock().unwrap());
        assert!(told[0] == both[0] && told[1].starts_with("someone for"), "{told:?}");
        let (near, _) = outcomes(&client(Err(ErrorKind::Failed)), &server, &runtime, "any.name");
        assert_eq!(near.unwrap_err().text(), "the user's own reason");
        seen.lock().unwrap().clear();
    }
}

// parity: TLS-27
#[test]
fn a_handshake_goes_on_with_an_earlier_session_unless_that_is_unwanted() {
    let runtime = runtime();
    let authority = Authority::new("test authority");
    for version in [TlsVersion::Tls12, TlsVersion::Tls13] {
        for (near_resumes, far_resumes) in [(true, true), (false, true), (true, false)] {
            let seen = Arc::new(Mutex::new(Vec::new()));
            let client = authority.client(&runtime, |options| {
                (options.max_version, options.resumption) = (Some(version), near_resumes);
                options.verify_also = judge(Ok(()), &seen);
            });
            let server = authority.server(&runtime, |options| options.resumption = far_resumes);
            for round in 0..2 {
                let (near, far) = secured(&client, &server, &runtime);
                // The tickets of TLS 1.3 come behind the handshake, before the first bytes.
                assert!(outcome(&far.write(b"x").unwrap()).is_ok());
                assert_eq!(bytes(outcome(&near.read(1, 1).unwrap())), b"x");
                let resumed = round == 1 && near_resumes && far_resumes;
                assert_eq!((identity(&near).is_resumed(), identity(&far).is_resumed()), (resumed, resumed));
                assert_eq!(identity(&near).common_name().unwrap(), "localhost");
                assert_eq!(seen.lock().unwrap().len(), if resumed { 1 } else { round + 1 });
            }
        }
    }
}
