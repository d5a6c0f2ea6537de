//! Contexts: who is trusted, and how this side proves itself. (TLS-01)

use super::handshake::{self, unusable};
use super::shown::Shown;
use super::verify::Trust;
use super::{ChooseKeyPair, TlsKeyPair, TlsOptions, provider};
use crate::error::Error;
use crate::net::{NetworkWrapper, Wrap, WrapperOptions};
use crate::object::{Object, Owner};
use crate::peer::server_name;
use crate::promise::{Promise, Resolution};
use crate::runtime::{Runtime, Shared};
use crate::stream::Connection;
use rustls::client::Resumption;
use rustls::crypto::CryptoProvider;
use rustls::crypto::ring::Ticketer;
use rustls::server::{NoServerSessionStorage, ServerSessionMemoryCache};
use rustls::{ClientConfig, KeyLogFile, ServerConfig, SupportedProtocolVersion};
use std::fmt;
use std::sync::Arc;

/// How many sessions each side keeps to go on with.
const SESSIONS: usize = 256;

struct Inner {
    runtime: Arc<Shared>,
    /// `None` if it trusts nobody.
    client: Option<Arc<ClientConfig>>,
    server: Arc<ServerConfig>,
    shown: Arc<Shown>,
    choose: Option<Arc<ChooseKeyPair>>,
    on_accept_error: Option<Box<dyn Fn(Error) + Send + Sync>>,
}

/// Everything that a handshake is made with, as client and as server. What is wrapped with it keeps it. (TLS-01)
pub struct TlsContext {
    inner: Arc<Inner>,
    wrapper: Arc<NetworkWrapper>,
}

impl TlsContext {
    /// A context with these options. Reads the files of the system's certificates, unless those are not trusted.
    ///
    /// # Errors
    /// `InvalidArgument` for options that cannot be met.
    pub fn new(runtime: &Runtime, options: TlsOptions) -> Result<Arc<Self>, Error> {
        runtime.shared().check()?;
        let provider = provider::provider(&options)?;
        let versions = provider::versions(&options)?;
        let trust = Trust::new(&options, &provider)?;
        let shown = Shown::new(options.key_pair.clone(), options.on_client_certificate.clone());
        let wrapper_options = WrapperOptions {
            name: "tls".to_owned(),
            accept_timeout: options.accept_timeout,
            max_handshakes: options.max_handshakes,
        };
        let inner = Arc::new(Inner {
            runtime: runtime.shared().clone(),
            client: client_config(&options, &trust, &provider, &versions, &shown)?,
            server: server_config(&options, &trust, &provider, &versions, &shown)?,
            shown,
            choose: options.on_server_name,
            on_accept_error: options.on_accept_error,
        });
        let wrapper = NetworkWrapper::new(runtime, Wrapping(inner.clone()), wrapper_options)?;
        Ok(Arc::new(Self { inner, wrapper }))
    }

    /// What wraps connections, listeners, addresses and networks in TLS. (TLS-12 to TLS-16)
    pub fn wrapper(&self) -> &Arc<NetworkWrapper> {
        &self.wrapper
    }

    /// Replaces the key pair, by none for `None`: handshakes that begin later use the new one, connections go on.
    pub fn set_key_pair(&self, pair: Option<Arc<TlsKeyPair>>) {
        self.inner.shown.replace(pair);
    }
}

impl fmt::Debug for TlsContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsContext").finish_non_exhaustive()
    }
}

impl Object for TlsContext {
    fn owner(&self) -> Option<&Owner> {
        Some(&self.inner.runtime.owner)
    }
}

struct Wrapping(Arc<Inner>);

impl Wrap for Wrapping {
    fn client(&self, connection: Arc<Connection>, host: &str) -> Resolution {
        let begin = || {
            let trusts_nobody =
                || Error::invalid("a client that trusts nobody: the system has no certificates to trust");
            let config = self.0.client.clone().ok_or_else(trusts_nobody)?;
            Ok((config, server_name(host)?))
        };
        match begin() {
            Ok((config, host)) => {
                let handshake = handshake::client(config, connection, host, None);
                Promise::start_on_loop(self.0.runtime.clone(), "tls client", handshake).into()
            }
            Err(error) => Err(error).into(),
        }
    }

    fn server(&self, connection: Arc<Connection>) -> Resolution {
        let Inner { server, shown, choose, .. } = &*self.0;
        if choose.is_none() && shown.own().is_none() {
            return Err(Error::invalid("a server without a certificate")).into();
        }
        let handshake = handshake::server(server.clone(), shown.clone(), choose.clone(), connection);
        Promise::start_on_loop(self.0.runtime.clone(), "tls server", handshake).into()
    }

    fn accept_failed(&self, error: Error) {
        if let Some(hear) = &self.0.on_accept_error {
            hear(error);
        }
    }
}

fn client_config(
    options: &TlsOptions,
    trust: &Trust,
    provider: &Arc<CryptoProvider>,
    versions: &[&'static SupportedProtocolVersion],
    shown: &Arc<Shown>,
) -> Result<Option<Arc<ClientConfig>>, Error> {
    let Some(verifier) = trust.of_servers(options)? else { return Ok(None) };
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_protocol_versions(versions)
        .map_err(|error| unusable(&error))?;
    // The verifier is the usual one, or one that the options name as dangerous.
    let builder = builder.dangerous().with_custom_certificate_verifier(verifier);
    let mut config = builder.with_client_cert_resolver(shown.clone());
    config.alpn_protocols.clone_from(&options.alpn);
    config.resumption =
        if options.resumption { Resumption::in_memory_sessions(SESSIONS) } else { Resumption::disabled() };
    if options.key_log {
        config.key_log = Arc::new(KeyLogFile::new());
    }
    Ok(Some(Arc::new(config)))
}

fn server_config(
    options: &TlsOptions,
    trust: &Trust,
    provider: &Arc<CryptoProvider>,
    versions: &[&'static SupportedProtocolVersion],
    shown: &Arc<Shown>,
) -> Result<Arc<ServerConfig>, Error> {
    let builder = ServerConfig::builder_with_provider(provider.clone())
        .with_protocol_versions(versions)
        .map_err(|error| unusable(&error))?;
    let verifier = trust.of_clients(options)?;
    let mut config = builder.with_client_cert_verifier(verifier).with_cert_resolver(shown.clone());
    config.alpn_protocols.clone_from(&options.alpn);
    if options.resumption {
        config.session_storage = ServerSessionMemoryCache::new(SESSIONS);
        config.ticketer = Ticketer::new().map_err(|error| unusable(&error))?;
    } else {
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
    }
    if options.key_log {
        config.key_log = Arc::new(KeyLogFile::new());
    }
    Ok(Arc::new(config))
}
