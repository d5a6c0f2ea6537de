//! Sockets by way of HTTP: accepted by a server, asked for by a client. (HCLI-06, HSRV-04)

use super::handshake::{self, Opened, Request};
use super::{Role, WebSocket, WebSocketOptions};
use crate::error::{Error, ErrorKind};
use crate::http::{Headers, HttpClient, HttpRequest, Upgraded};
use crate::promise::Promise;
use crate::value::Value;
use bytes::Bytes;
use std::sync::Arc;

impl HttpRequest {
    /// Accepts a request for a WebSocket. `headers` go into the answer and may choose one of the subprotocols that the client
    /// has offered. The socket can be used at once, and lives as long as the promise of the service. (HSRV-04, HSRV-22)
    ///
    /// # Errors
    /// `Failed` for a request that is no handshake, which has then been answered with 400, or with 426 for a version other
    /// than 13; otherwise as `respond`.
    pub fn accept_websocket(&self, headers: &Headers, options: WebSocketOptions) -> Result<Arc<WebSocket>, Error> {
        match handshake::answer(self.head(), headers, &options.compression)? {
            Ok((headers, Opened { agreed, protocol })) => {
                let tunnel = self.accept_tunnel(101, None, &headers)?;
                WebSocket::with_protocol(&tunnel, Role::Server, agreed, protocol, options)
            }
            Err(refused) => {
                let mut headers = Headers::new();
                headers.set(b"Connection", b"close")?;
                headers.set(b"Content-Type", b"text/plain; charset=utf-8")?;
                if refused.status == 426 {
                    headers.set(b"Upgrade", b"websocket")?;
                    headers.set(b"Sec-WebSocket-Version", b"13")?;
                }
                self.respond(refused.status, None, &headers, Bytes::from(format!("{}\n", refused.text)))?;
                Err(Error::new(ErrorKind::Failed, format!("no handshake of a WebSocket: {}", refused.text)))
            }
        }
    }
}

impl HttpClient {
    /// Asks for a WebSocket at an absolute URL, `ws` or `http`, over a connection of its own. `headers` may offer
    /// subprotocols. The promise carries a [`WebSocket`], or, if the server answers otherwise, the
    /// [`HttpResponse`](crate::http::HttpResponse). (HCLI-06, HCLI-13)
    ///
    /// # Errors
    /// As `request`; `Failed` for an answer that does not fit the request.
    ///
    /// # Cancellation
    /// The connection is closed.
    pub fn websocket(&self, url: &str, headers: &Headers, options: WebSocketOptions) -> Result<Promise, Error> {
        let asked = Request::new(headers, &options.compression)?;
        let url = match url.split_once(':') {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("ws") => format!("http:{rest}"),
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("wss") => format!("https:{rest}"),
            _ => url.to_owned(),
        };
        let upgrade = Box::pin(self.upgrade("GET", &url, &asked.headers)?);
        Ok(Promise::start(self.runtime().clone(), "websocket handshake", async move {
            match upgrade.await? {
                Upgraded::Response(response) => Ok(Value::object(response)),
                Upgraded::Switched(head, connection) => {
                    let opened = asked.check(&head).inspect_err(|_| connection.close())?;
                    let Opened { agreed, protocol } = opened;
                    let socket = WebSocket::with_protocol(&connection, Role::Client, agreed, protocol, options)?;
                    Ok(Value::object(socket))
                }
            }
        }))
    }
}
