//! A request on its way and its response.

use super::link::ClientLink;
use super::pool::{Origin, Pool};
use super::{HttpResponse, Inner};
use crate::error::{Error, ErrorKind};
use crate::http::incoming_body::IncomingBody;
use crate::http::outgoing_body::OutgoingBody;
use crate::http::{BodyLength, Headers, ResponseHead, Url, UrlContext, Version, for_engine};
use crate::net::Address;
use crate::promise::{Promise, Watch};
use crate::runtime::{Shared, Timer};
use crate::stream::{Connection, Read};
use crate::value::{Outcome, Value};
use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_LENGTH, HOST, HeaderValue, TRANSFER_ENCODING};
use hyper::body::Incoming;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;

/// The body of a request.
pub(super) enum Outgoing {
    None,
    Bytes(Bytes),
    Stream(Read, Option<u64>),
}

/// A request that can be sent.
pub(super) struct Request {
    method: String,
    url: Url,
    headers: Headers,
    body: Outgoing,
    /// Whether the connection is asked to become another.
    upgrades: bool,
}

/// The answer to a request for another protocol.
pub(crate) enum Upgraded {
    /// The connection is what was asked for.
    Switched(ResponseHead, Arc<Connection>),
    /// It is not, and this is the answer.
    Response(Arc<HttpResponse>),
}

impl Request {
    pub(super) fn new(method: &str, url: Url, headers: Headers, body: Outgoing) -> Result<Self, Error> {
        let request = Self { method: method.to_owned(), url, headers, body, upgrades: false };
        // What could not be sent is told at once.
        request.head()?;
        Ok(request)
    }

    pub(super) fn scheme(&self) -> &str {
        &self.url.scheme
    }

    fn origin(&self) -> Origin {
        Origin { scheme: self.url.scheme.clone(), host: self.url.host.clone() }
    }

    fn head(&self) -> Result<http::Request<()>, Error> {
        let target = self.url.to_text(UrlContext::HttpRequest)?;
        let mut request = http::Request::new(());
        *request.method_mut() = http::Method::from_bytes(self.method.as_bytes())
            .map_err(|_| Error::invalid("the method of a request is a token such as GET"))?;
        *request.uri_mut() = http::Uri::try_from(target)
            .map_err(|_| Error::invalid("the path of the URL cannot be the target of a request"))?;
        let headers = request.headers_mut();
        // Before the others, where servers look for it first.
        let host = HeaderValue::from_str(&self.url.host).map_err(|_| Error::invalid("the URL has no host"))?;
        headers.insert(HOST, host);
        for (name, value) in &for_engine(&self.headers)? {
            if [CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING].contains(name) {
                continue;
            }
            if name == HOST {
                headers.insert(HOST, value.clone());
            } else {
                headers.append(name.clone(), value.clone());
            }
        }
        if self.upgrades {
            headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
        }
        Ok(request)
    }

    /// What is sent; a streamed body goes with it.
    fn message(&mut self) -> Result<http::Request<OutgoingBody>, Error> {
        let body = match std::mem::replace(&mut self.body, Outgoing::None) {
            Outgoing::None => OutgoingBody::none(),
            Outgoing::Bytes(bytes) => {
                self.body = Outgoing::Bytes(bytes.clone());
                OutgoingBody::bytes(bytes)
            }
            Outgoing::Stream(read, length) => OutgoingBody::stream(read, length),
        };
        Ok(self.head()?.map(|()| body))
    }

    /// Whether sending it once more does no harm.
    fn may_be_repeated(&self) -> bool {
        let idempotent = matches!(self.method.as_str(), "GET" | "HEAD" | "OPTIONS" | "TRACE" | "PUT" | "DELETE");
        idempotent && matches!(self.body, Outgoing::None | Outgoing::Bytes(_))
    }
}

/// Sends a request, over a connection that waits or a new one, and gives its response.
pub(super) async fn exchange(client: Arc<Inner>, mut request: Request) -> Outcome {
    let origin = request.origin();
    let kept = client.pool.take(&origin);
    let repeatable = request.may_be_repeated();
    let mut link = match kept {
        Some(link) => link,
        None => connect(&client, &origin).await?,
    };
    let sent = send(&client, &mut link, &mut request).await;
    let (head, incoming) = match sent {
        Err(error) if repeatable && link.is_used_again() && error.kind() == ErrorKind::Disconnected => {
            link = connect(&client, &origin).await?;
            send(&client, &mut link, &mut request).await?
        }
        sent => sent?,
    };
    Ok(Value::object(response(&client, &request, origin, link, head, incoming)))
}

/// Asks for another protocol over a connection that has carried nothing yet.
pub(super) async fn upgrade(client: Arc<Inner>, mut request: Request) -> Result<Upgraded, Error> {
    request.upgrades = true;
    let origin = request.origin();
    let mut link = connect(&client, &origin).await?;
    let (head, incoming) = send(&client, &mut link, &mut request).await?;
    if head.status != 101 {
        return Ok(Upgraded::Response(response(&client, &request, origin, link, head, incoming)));
    }
    let switched = link.ended().await?.into_object::<Connection>();
    let broken = || Error::new(ErrorKind::Disconnected, "the connection ended as it became another");
    Ok(Upgraded::Switched(head, switched.ok_or_else(broken)?))
}

/// The response to a request; its connection is kept once the body has been read.
fn response(
    client: &Inner,
    request: &Request,
    origin: Origin,
    link: ClientLink,
    head: ResponseHead,
    incoming: Incoming,
) -> Arc<HttpResponse> {
    let options = &client.options;
    let body = IncomingBody::new(&client.runtime, incoming, options.max_body, options.body_nanos);
    let connection = link.connection().clone();
    // One whose body ends with it, or that says so, is of no further use; one of HTTP/1.0 has to say that it is.
    let close = head.headers.has_item(b"connection", b"close")
        || BodyLength::of_response(&head, &request.method) == Ok(BodyLength::UntilClose)
        || head.version == Version::Http10 && !head.headers.has_item(b"connection", b"keep-alive");
    let pool = Arc::downgrade(&client.pool);
    body.at_end(move || {
        if !close {
            Pool::put(&pool, origin, link);
        }
    });
    HttpResponse::new(head, &request.method, connection, body)
}

async fn send(client: &Inner, link: &mut ClientLink, request: &mut Request) -> Result<(ResponseHead, Incoming), Error> {
    let message = request.message()?;
    let sent = link.send(message);
    within(&client.runtime, client.options.head_nanos, "the response did not come in time", sent).await
}

async fn connect(client: &Inner, origin: &Origin) -> Result<ClientLink, Error> {
    let connected = within(&client.runtime, client.options.connect_nanos, "connecting took too long", async {
        let (network, port) = client.network_of(&origin.scheme)?;
        let address = value(network.parse_address(origin.host.as_bytes(), port)?).await?.into_object::<Address>();
        let connection = value(address.ok_or_else(Error::wrong_type)?.connect()?).await?.into_object::<Connection>();
        connection.ok_or_else(Error::wrong_type)
    });
    let connection: Arc<Connection> = connected.await?;
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

async fn value(promise: Promise) -> Outcome {
    Watch::new(promise).await
}

/// Runs a future, and gives it up when its time is over.
async fn within<T>(
    runtime: &Arc<Shared>,
    nanos: Option<u64>,
    late: &'static str,
    future: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    let mut future = pin!(future);
    let mut timer = nanos.map(|nanos| Timer::after(runtime, nanos));
    std::future::poll_fn(|cx| {
        if let Poll::Ready(done) = future.as_mut().poll(cx) {
            return Poll::Ready(done);
        }
        match &mut timer {
            Some(timer) => Pin::new(timer).poll(cx).map(|()| Err(Error::new(ErrorKind::TimedOut, late))),
            None => Poll::Pending,
        }
    })
    .await
}
