//! Where the connections of a client come from.

use super::connect::{self, ConnectOptions};
use super::link::ClientLink;
use super::pool::Origin;
use super::proxy::{Proxies, Proxy};
use super::request::{Outgoing, Request};
use super::{ClientOptions, HttpClient, Inner, within};
use crate::error::{Error, ErrorKind};
use crate::http::server::HttpServer;
use crate::http::{Headers, Url, UrlContext, UrlOptions};
use crate::net::{Address, Network};
use crate::promise::Watch;
use crate::stream::Connection;
use crate::sync::Lock;
use crate::tls::TlsContext;
use std::sync::Arc;

/// Where a request goes, and what it says of that.
#[derive(Default)]
pub(super) struct Place {
    /// What stands in its first line.
    pub(super) target: String,
    /// What its `Host` is, unless its headers have one.
    pub(super) host: String,
    /// Which connections can carry it.
    pub(super) origin: Origin,
    /// What the proxy wants to know that gets it.
    pub(super) proxy_authorization: Option<String>,
}

/// Where the connections of a client come from.
pub(super) enum Route {
    /// They go to the host that a URL names. (HCLI-07)
    Hosts {
        network: Arc<Network>,
        /// The same with TLS.
        secure: Option<Arc<Network>>,
    },
    /// They all go to one address. (HCLI-08)
    Address(Arc<Address>),
    /// There is only one, which is there already. (HCLI-09)
    Connection(Lock<Option<Arc<Connection>>>),
    /// They end at a service in this process. (HCLI-20)
    Service(Arc<HttpServer>),
}

impl Route {
    /// Where a request for this URL goes.
    pub(super) fn target(&self, url: &str, proxies: Option<&Proxies>) -> Result<Place, Error> {
        // A client that goes to one place needs no more than what to ask for there.
        if !self.goes_by_url() && (url.starts_with('/') || url == "*") {
            return Ok(Place { target: url.to_owned(), ..Place::default() });
        }
        self.place_of(&Url::parse(url, UrlContext::RemoteHref, UrlOptions::default())?, proxies)
    }

    /// The same for a URL that has been read.
    pub(super) fn place_of(&self, url: &Url, proxies: Option<&Proxies>) -> Result<Place, Error> {
        let (scheme, host) = (url.scheme.clone(), url.host.clone());
        let direct = |origin| {
            let target = url.to_text(UrlContext::HttpRequest)?;
            Ok(Place { target, host: host.clone(), origin, proxy_authorization: None })
        };
        if !self.goes_by_url() {
            return direct(Origin::default());
        }
        self.network_of(&scheme)?;
        let Some(proxy) = proxies.and_then(|proxies| proxies.of(&scheme, &host)) else {
            return direct(Origin { scheme, host: host.clone(), proxy: None });
        };
        if scheme == "https" {
            return direct(Origin { scheme, host: host.clone(), proxy: Some(proxy.clone()) });
        }
        let target = url.to_text(UrlContext::HttpProxyRequest)?;
        let origin = Origin { proxy: Some(proxy.clone()), ..Origin::default() };
        Ok(Place { target, host, origin, proxy_authorization: proxy.authorization.clone() })
    }

    /// Whether the URL says where to connect to.
    pub(super) fn goes_by_url(&self) -> bool {
        matches!(self, Self::Hosts { .. })
    }

    /// Which network serves this scheme, and the port that it has unless the URL says otherwise.
    fn network_of(&self, scheme: &str) -> Result<(&Arc<Network>, u16), Error> {
        let Self::Hosts { network, secure } = self else { return Err(Error::wrong_type()) };
        match scheme {
            "http" => Ok((network, 80)),
            "https" => {
                let no_tls = || Error::new(ErrorKind::Unimplemented, "this client has no TLS context for an https URL");
                Ok((secure.as_ref().ok_or_else(no_tls)?, 443))
            }
            scheme => Err(Error::invalid(format!("{scheme} is not a scheme of HTTP"))),
        }
    }

    /// Whether a connection that has ended can be replaced.
    pub(super) fn can_reconnect(&self) -> bool {
        !matches!(self, Self::Connection(_))
    }

    /// Whether there can be only one connection.
    pub(super) fn has_one(&self) -> bool {
        matches!(self, Self::Connection(_))
    }
}

async fn connect_to(address: &Address) -> Result<Arc<Connection>, Error> {
    let connection = Watch::new(address.connect()?).await?;
    connection.into_object::<Connection>().ok_or_else(Error::wrong_type)
}

/// Looks up a host with its port and connects to it.
pub(super) async fn connect_to_host(network: &Network, host: &str, port: u16) -> Result<Arc<Connection>, Error> {
    let address = Watch::new(network.parse_address(host.as_bytes(), port)?).await?;
    connect_to(&*address.into_object::<Address>().ok_or_else(Error::wrong_type)?).await
}

async fn connect_to_proxy(client: &Inner, proxy: &Proxy) -> Result<Arc<Connection>, Error> {
    let (network, port) = client.route.network_of(&proxy.scheme)?;
    connect_to_host(network, &proxy.host, port).await
}

/// A connection to a host with its port through a proxy, secured if there is something to secure it with.
pub(super) async fn tunnel(
    client: &Inner,
    proxy: &Proxy,
    host: &str,
    tls: Option<Arc<TlsContext>>,
) -> Result<Arc<Connection>, Error> {
    let (name, port) = connect::target(host)?;
    let connection = connect_to_proxy(client, proxy).await?;
    let options = ClientOptions { head: client.options.head, ..ClientOptions::default() };
    let through = HttpClient::over(&connection, options)?;
    let mut headers = Headers::new();
    if let Some(authorization) = &proxy.authorization {
        headers.set(b"Proxy-Authorization", authorization.as_bytes())?;
    }
    let place = Place { target: host.to_owned(), host: host.to_owned(), ..Place::default() };
    let request = Request::new("CONNECT", place, &headers, Outgoing::None)?;
    // A tunnel may be asked for by a client that goes through this one.
    let opened = Box::pin(connect::open(&through, name, port, request, ConnectOptions { tls })).await?;
    opened.tunnel().cloned()
}

/// A new connection for requests.
pub(super) async fn connect(client: &Inner, origin: &Origin) -> Result<ClientLink, Error> {
    let nanos = client.options.connect_nanos;
    let connection = match &client.route {
        route @ Route::Hosts { .. } => {
            let connecting = async {
                let Some(proxy) = &origin.proxy else {
                    let (network, port) = route.network_of(&origin.scheme)?;
                    return connect_to_host(network, &origin.host, port).await;
                };
                if origin.scheme.is_empty() {
                    return connect_to_proxy(client, proxy).await;
                }
                let (_, usual) = route.network_of(&origin.scheme)?;
                let has_port = origin.host.rsplit_once(':').is_some_and(|(_, port)| !port.contains(']'));
                let host = if has_port { origin.host.clone() } else { format!("{}:{usual}", origin.host) };
                tunnel(client, proxy, &host, client.options.tls.clone()).await
            };
            within(&client.runtime, nanos, "connecting took too long", connecting).await?
        }
        Route::Address(address) => {
            within(&client.runtime, nanos, "connecting took too long", connect_to(address)).await?
        }
        Route::Connection(only) => {
            let ended = "the connection of this client has ended, or a response before was not read to its end";
            only.lock().take().ok_or_else(|| Error::new(ErrorKind::Disconnected, ended))?
        }
        Route::Service(server) => {
            let (ours, theirs) = Connection::two_way_pipe_of(&client.runtime)?;
            let served = server.serve_in_process(&theirs)?;
            return ClientLink::to_service(ours, client.options.head, served).await;
        }
    };
    check_protocol(&connection)?;
    ClientLink::new(connection, client.options.head).await
}

/// Refuses a connection on which both sides have agreed on something else.
fn check_protocol(connection: &Connection) -> Result<(), Error> {
    let identities = connection.identities();
    match identities.first().and_then(|identity| identity.alpn()) {
        None | Some(b"http/1.1") => Ok(()),
        Some(other) => {
            let other = String::from_utf8_lossy(other);
            Err(Error::new(ErrorKind::Failed, format!("the server wants to speak {other} instead of http/1.1")))
        }
    }
}
