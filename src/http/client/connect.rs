//! Tunnels, asked for with CONNECT. (CONN-01, CONN-02, CONN-03, CONN-09)

use super::exchange::{Held, Upgraded, upgrade};
use super::request::{Outgoing, Request};
use super::route::{Place, Route, connect_to_host, tunnel};
use super::{HttpClient, HttpResponse, within};
use crate::error::{Error, ErrorKind};
use crate::http::{Headers, ResponseHead, Version};
use crate::promise::{Fulfiller, Promise, Watch};
use crate::stream::Connection;
use crate::tls::TlsContext;
use crate::value::Value;
use std::sync::Arc;

/// How a tunnel is asked for.
#[derive(Clone, Debug, Default)]
pub struct ConnectOptions {
    /// What the tunnel is secured with before anything is sent; the name of the host has to be proved. (CONN-09)
    pub tls: Option<Arc<TlsContext>>,
}

/// The host and the port that a tunnel leads to.
pub(super) fn target(text: &str) -> Result<(&str, u16), Error> {
    let bad = || Error::invalid(format!("\"{text}\" is not a host with a port, such as example.com:443"));
    let (host, port) = text.rsplit_once(':').ok_or_else(bad)?;
    let literal = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let is_name = |c: char| c.is_ascii_alphanumeric() || ".-_".contains(c);
    let fits = match literal {
        Some(literal) => literal.parse::<std::net::Ipv6Addr>().is_ok(),
        None => !host.is_empty() && host.chars().all(is_name),
    };
    let digits = port.bytes().all(|byte| byte.is_ascii_digit());
    let port = port.parse().ok().filter(|port| fits && digits && *port > 0).ok_or_else(bad)?;
    Ok((literal.unwrap_or(host), port))
}

impl HttpClient {
    /// Asks for a tunnel to `host`, a name with a port. The promise carries the [`HttpResponse`] to that, with a status from
    /// 200 to 299 if there is a tunnel, and otherwise with a body that may say why not. The tunnel is there at once: what
    /// is written and read waits until it stands, and fails if it is refused. A client that goes by URL connects to the host itself
    /// and reports 200; any other sends `CONNECT` to where it goes. (CONN-01, CONN-02, CONN-03, CONN-12)
    ///
    /// # Errors
    /// `InvalidArgument` for what is no host with a port, or a header that cannot be sent. The promise fails as that of
    /// `request`, or as a handshake of TLS; reading and writing fail with the same error, or with `Failed` if the tunnel is
    /// refused.
    ///
    /// # Cancellation
    /// The connection is closed, until the promise has settled; from then on it is the tunnel's.
    pub fn connect(
        &self,
        host: &str,
        headers: &Headers,
        options: ConnectOptions,
    ) -> Result<(Promise, Arc<Connection>), Error> {
        let inner = &self.inner;
        inner.runtime.check()?;
        let (name, port) = target(host)?;
        let name = name.to_owned();
        if let Some(tls) = &options.tls {
            tls.wrapper().check(&inner.runtime)?;
        }
        let place = Place { target: host.to_owned(), host: host.to_owned(), ..Place::default() };
        let request = Request::new("CONNECT", place, headers, Outgoing::None)?;
        let (fulfiller, coming) = Fulfiller::new(inner.runtime.clone());
        let tunnel = Connection::promised(&coming)?;
        let client = self.clone();
        let promise = Promise::start(inner.runtime.clone(), "http connect", async move {
            let opened = open(&client, &name, port, request, options).await;
            let told = match &opened {
                Ok(response) => response.tunnel().map(|tunnel| Connection::into_value(tunnel.clone())),
                Err(error) => Err(error.clone()),
            };
            fulfiller.settle(told);
            opened.map(|response| Value::object(response))
        });
        Ok((promise, tunnel))
    }
}

pub(super) async fn open(
    client: &HttpClient,
    name: &str,
    port: u16,
    request: Request,
    options: ConnectOptions,
) -> Result<Arc<HttpResponse>, Error> {
    let inner = &client.inner;
    let (head, connection) = match &inner.route {
        Route::Hosts { network, .. } => {
            let host = request.place.target.as_str();
            let proxy = inner.options.proxies.as_ref().and_then(|proxies| proxies.of("https", host));
            let connecting = async {
                match proxy {
                    Some(proxy) => tunnel(inner, proxy, host, None).await,
                    None => connect_to_host(network, name, port).await,
                }
            };
            let nanos = inner.options.connect_nanos;
            let held = Held::of_limit(client).await?;
            let connection = within(&inner.runtime, nanos, "connecting took too long", connecting).await?;
            let connection = held.until_end_of(connection, None)?;
            (ResponseHead::new(200, None, Version::Http11, Headers::new()), connection)
        }
        Route::Address(_) | Route::Connection(_) | Route::Service(_) => match upgrade(client.clone(), request).await? {
            Upgraded::Switched(head, connection) => (head, connection),
            Upgraded::Response(response) => return Ok(response),
        },
    };
    let tunnel = match options.tls {
        None => connection,
        Some(tls) => {
            let secured = Watch::new(tls.wrapper().wrap_client(connection, name)?).await?;
            secured.into_object::<Connection>().ok_or_else(Error::wrong_type)?
        }
    };
    Ok(HttpResponse::of_tunnel(head, tunnel))
}

/// What is said of a tunnel that there is not.
pub(super) fn refused(head: &ResponseHead) -> Error {
    let text = format!("the tunnel was refused: {} {}", head.status, head.reason);
    Error::new(ErrorKind::Failed, text.trim_end().to_owned())
}
