//! Handshakes: what makes a secure connection of another one.

use super::TlsFailure;
use super::failure::{explain, explain_tls};
use super::provider::suite_name;
use super::secure::Secure;
use super::shown::{Shown, chosen};
use super::{ChooseKeyPair, TlsKeyPair};
use crate::error::{Error, ErrorKind};
use crate::peer::{Agreed, TlsIdentity};
use crate::promise::{Resolution, Watch};
use crate::stream::{Connection, Exclusive};
use crate::value::Outcome;
use bytes::Bytes;
use rustls::pki_types::ServerName;
use rustls::server::Acceptor;
use rustls::{ClientConfig, CommonState, HandshakeKind, ServerConfig};
use std::sync::Arc;
use tokio::io::AsyncWriteExt;
use tokio_rustls::server::TlsStream;
use tokio_rustls::{LazyConfigAcceptor, TlsAcceptor, TlsConnector};

const HANDSHAKE: &str = "the TLS handshake";
/// Fatal alerts, as long as nothing is encrypted.
const INTERNAL_ERROR: [u8; 7] = [21, 3, 3, 0, 2, 2, 80];
const UNRECOGNIZED_NAME: [u8; 7] = [21, 3, 3, 0, 2, 2, 112];

fn identity(state: &CommonState, server_name: Option<String>) -> TlsIdentity {
    let agreed = Agreed {
        version: state.protocol_version().map_or(0, u16::from),
        suite: state.negotiated_cipher_suite().map_or("", |suite| suite_name(suite.suite())),
        alpn: state.alpn_protocol().map(Bytes::copy_from_slice),
        resumed: state.handshake_kind() == Some(HandshakeKind::Resumed),
    };
    let certificates = state.peer_certificates().unwrap_or_default();
    let certificates = certificates.iter().map(|certificate| Bytes::copy_from_slice(certificate)).collect();
    TlsIdentity { certificates, server_name, agreed: Some(agreed) }
}

fn secured(below: &Arc<Connection>, stream: tokio_rustls::TlsStream<Exclusive>, identity: TlsIdentity) -> Outcome {
    below.layer_with_identity(Secure(stream), identity).map(Connection::into_value)
}

/// The side that connected. (TLS-12)
pub(super) async fn client(
    config: Arc<ClientConfig>,
    connection: Arc<Connection>,
    host: ServerName<'static>,
    alpn: Option<Vec<Vec<u8>>>,
) -> Outcome {
    let io = connection.exclusive()?;
    let connector = TlsConnector::from(config);
    let name = host.to_str().into_owned();
    let stream = match alpn {
        Some(alpn) => connector.with_alpn(alpn).connect(host, io).await,
        None => connector.connect(host, io).await,
    };
    let stream = stream.map_err(|error| explain(HANDSHAKE, &error))?;
    let identity = identity(stream.get_ref().1, Some(name));
    secured(&connection, stream.into(), identity)
}

/// The side that was connected to. (TLS-12)
pub(super) async fn server(
    config: Arc<ServerConfig>,
    shown: Arc<Shown>,
    choose: Option<Arc<ChooseKeyPair>>,
    connection: Arc<Connection>,
) -> Outcome {
    let io = connection.exclusive()?;
    let accepted = match choose {
        Some(choose) => accept_by_name(config, &shown, &*choose, io).await,
        None => TlsAcceptor::from(config).accept(io).await.map_err(|error| explain(HANDSHAKE, &error)),
    };
    let stream = accepted?;
    let state = stream.get_ref().1;
    let identity = identity(state, state.server_name().map(str::to_owned));
    secured(&connection, stream.into(), identity)
}

/// Reads what the client asks for first, and has a key pair chosen. (TLS-09)
async fn accept_by_name(
    config: Arc<ServerConfig>,
    shown: &Shown,
    choose: &ChooseKeyPair,
    io: Exclusive,
) -> Result<TlsStream<Exclusive>, Error> {
    let acceptor = LazyConfigAcceptor::new(Acceptor::default(), io);
    let mut start = acceptor.await.map_err(|error| explain(HANDSHAKE, &error))?;
    let name = start.client_hello().server_name().unwrap_or_default().to_owned();
    let outcome = match choose(name.as_bytes()) {
        Resolution::Outcome(outcome) => outcome,
        Resolution::Promise(promise) => Watch::new(promise).await,
    };
    let pair = match chosen(outcome) {
        Ok(pair) => pair.or_else(|| shown.own()),
        Err(error) => {
            return Err(refuse(&mut start.io, INTERNAL_ERROR, TlsFailure::Refused.mark(&error)).await);
        }
    };
    let Some(pair) = pair else {
        let error = TlsFailure::Refused.error(format!("{HANDSHAKE}: there is no certificate for the name {name:?}"));
        return Err(refuse(&mut start.io, UNRECOGNIZED_NAME, error).await);
    };
    let config = Arc::new(with_pair(&config, pair));
    start.into_stream(config).await.map_err(|error| explain(HANDSHAKE, &error))
}

fn with_pair(config: &ServerConfig, pair: Arc<TlsKeyPair>) -> ServerConfig {
    let mut config = config.clone();
    config.cert_resolver = Shown::only(pair);
    config
}

/// Tells the client that it is refused. That this cannot be told changes nothing.
async fn refuse(io: &mut Exclusive, alert: [u8; 7], error: Error) -> Error {
    let told = io.write_all(&alert).await;
    if told.is_ok() {
        let _ = io.shutdown().await;
    }
    error
}

/// A configuration that the engine does not accept.
pub(super) fn unusable(error: &rustls::Error) -> Error {
    Error::new(ErrorKind::InvalidArgument, explain_tls("options of TLS", error).text().to_owned())
}
