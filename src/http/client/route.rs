//! Where the connections of a client come from.

use super::link::ClientLink;
use super::pool::Origin;
use super::{Inner, within};
use crate::error::{Error, ErrorKind};
use crate::http::server::HttpServer;
use crate::http::{Url, UrlContext, UrlOptions};
use crate::net::{Address, Network};
use crate::promise::Watch;
use crate::stream::Connection;
use crate::sync::Lock;
use std::sync::Arc;

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
    /// What stands in the first line of a request for this URL and in its `Host`, and which connections can carry it.
    pub(super) fn target(&self, url: &str) -> Result<((String, String), Origin), Error> {
        let goes_anywhere = matches!(self, Self::Hosts { .. });
        // A client that goes to one place needs no more than what to ask for there.
        if !goes_anywhere && (url.starts_with('/') || url == "*") {
            return Ok(((url.to_owned(), String::new()), Origin::default()));
        }
        let url = Url::parse(url, UrlContext::RemoteHref, UrlOptions::default())?;
        let target = url.to_text(UrlContext::HttpRequest)?;
        let origin = if goes_anywhere {
            self.network_of(&url.scheme)?;
            Origin { scheme: url.scheme, host: url.host.clone() }
        } else {
            Origin::default()
        };
        Ok(((target, url.host), origin))
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

/// A new connection for requests.
pub(super) async fn connect(client: &Inner, origin: &Origin) -> Result<ClientLink, Error> {
    let nanos = client.options.connect_nanos;
    let connection = match &client.route {
        route @ Route::Hosts { .. } => {
            let (network, port) = route.network_of(&origin.scheme)?;
            let connecting = connect_to_host(network, &origin.host, port);
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
