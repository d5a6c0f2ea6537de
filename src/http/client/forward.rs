//! Requests of a server that a client asks in its turn: a service on a client. (HCLI-21, CONN-12)

use super::connect::{self, target};
use super::exchange::{Upgraded, exchange, upgrade};
use super::request::{Outgoing, Request};
use super::route::Place;
use super::{ConnectOptions, HttpClient, HttpResponse, sends_length};
use crate::error::{Error, ErrorKind};
use crate::http::outgoing_body::Trailers;
use crate::http::service_failure::answered_with;
use crate::http::{Headers, HttpRequest, ResponseHead};
use crate::promise::{Promise, Watch};
use crate::stream::{Connection, Read};
use crate::value::Value;
use bytes::Bytes;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};

/// What is changed of a request before it goes on.
#[derive(Clone, Debug, Default)]
pub struct ForwardOptions {
    /// What is asked for, as in `HttpClient::request`; by default the target of the request, as it came.
    pub url: Option<String>,
    /// The headers in place of the request's. Those about its connection are left out of these, too.
    pub headers: Option<Headers>,
}

/// Headers that are about one connection, and so end at a proxy. `Connection` may name more.
const HOP_BY_HOP: [&[u8]; 9] = [
    b"connection",
    b"keep-alive",
    b"proxy-connection",
    b"proxy-authenticate",
    b"proxy-authorization",
    b"te",
    b"transfer-encoding",
    b"upgrade",
    b"expect",
];

/// The headers that go on to the other side.
fn end_to_end(headers: &Headers, keeps_upgrade: bool) -> Headers {
    let mut kept = headers.clone();
    for name in headers.items(b"connection").chain(HOP_BY_HOP) {
        if !(keeps_upgrade && name.eq_ignore_ascii_case(b"upgrade")) {
            kept.remove(name);
        }
    }
    kept
}

/// The error of the other side, with the answer that fits where the kind alone does not say it.
fn of_gateway(error: Error) -> Error {
    match error.kind() {
        ErrorKind::TimedOut => answered_with(error, 504),
        ErrorKind::Overloaded | ErrorKind::Unimplemented | ErrorKind::Shutdown | ErrorKind::Canceled => error,
        _ => answered_with(error, 502),
    }
}

/// A request that cannot be sent on.
fn of_request(error: Error) -> Error {
    if error.kind() == ErrorKind::InvalidArgument { answered_with(error, 400) } else { error }
}

/// The body of the request on its way to the other side.
struct Upload {
    asked: Arc<HttpRequest>,
    writer: Arc<Connection>,
    pump: Option<Watch>,
    trailers: Arc<Trailers>,
}

impl Upload {
    /// The body as it is sent on, and what moves it; that begins with the first poll.
    fn of(asked: &Arc<HttpRequest>) -> Result<(Outgoing, Option<Self>), Error> {
        let length = asked.body_length();
        if length == Some(0) {
            let none = if sends_length(&asked.head().method) { Outgoing::Bytes(Bytes::new()) } else { Outgoing::None };
            return Ok((none, None));
        }
        let (reader, writer) = Connection::pipe_of(asked.runtime(), length)?;
        let trailers = Arc::new(Trailers::default());
        let body = Outgoing::Stream(Read::new(&reader, 1, usize::MAX)?, length, trailers.clone());
        let pump = Some(Watch::new(asked.body().pump_to(&writer, u64::MAX)?));
        Ok((body, Some(Self { asked: asked.clone(), writer, pump, trailers })))
    }

    /// Moves the body on.
    ///
    /// # Errors
    /// That of the body. The other side may well answer a request that it does not read.
    fn poll(&mut self, cx: &mut Context<'_>) -> Result<(), Error> {
        let Some(pump) = &mut self.pump else { return Ok(()) };
        let Poll::Ready(moved) = Pin::new(pump).poll(cx) else { return Ok(()) };
        self.pump = None;
        match moved {
            Ok(_) => {
                self.trailers.set(self.asked.trailers());
                self.writer.close();
                Ok(())
            }
            Err(error) => {
                drop(self.writer.abort_write(error));
                self.asked.body_failure().map_or(Ok(()), Err)
            }
        }
    }
}

impl Drop for Upload {
    /// A body that is not whole must not seem to be.
    fn drop(&mut self) {
        if self.pump.take().is_some() {
            let cut_off = Error::new(ErrorKind::Disconnected, "the request was answered before its body had come");
            drop(self.writer.abort_write(cut_off));
        }
    }
}

/// Waits for something while the body moves on.
async fn during<T>(upload: &mut Option<Upload>, future: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    let mut future = pin!(future);
    std::future::poll_fn(|cx| {
        if let Some(upload) = upload {
            upload.poll(cx)?;
        }
        future.as_mut().poll(cx)
    })
    .await
}

impl HttpClient {
    /// Asks for what a request of a server asks for, and answers it with what comes back: the promise is what its service
    /// returns. Bodies and trailers stream both ways, headers about the connection end here and all others go on, nothing is
    /// added. A `CONNECT` and an upgrade become a tunnel through both. The promise settles when the response has been
    /// sent, or the tunnel has ended. (HCLI-21, CONN-12)
    ///
    /// A target that is absolute takes its `Host` from that, as the other side of a proxy wants it; a path keeps that of the request.
    ///
    /// # Errors
    /// `InvalidArgument` for a request of another runtime, or a URL in the options that is none. The promise fails as that of
    /// `request`, and the service that returns it is answered for with 502, with 504 for `TimedOut`, and with 400 for what could
    /// not be sent on; an error of the body of the request is passed on as it is. Behind the head of the response an error
    /// closes the connection.
    ///
    /// # Cancellation
    /// The connection to the other side is reset, so that a server that is still at it notices. That of the request is closed, unless the request has not been answered: it can be still.
    pub fn forward(&self, request: &Arc<HttpRequest>, options: ForwardOptions) -> Result<Promise, Error> {
        let runtime = &self.inner.runtime;
        runtime.check()?;
        if request.runtime().id != runtime.id {
            return Err(Error::invalid("a request of another runtime"));
        }
        if let Some(url) = options.url.as_deref() {
            if request.head().method == "CONNECT" {
                target(url).map(drop)
            } else {
                self.inner.route.target(url, None).map(drop)
            }?;
        }
        let (client, request) = (self.clone(), request.clone());
        Ok(Promise::start(runtime.clone(), "http forward", async move {
            forward(client, request, options).await.map(|()| Value::Unit)
        }))
    }
}

async fn forward(client: HttpClient, asked: Arc<HttpRequest>, options: ForwardOptions) -> Result<(), Error> {
    let head = asked.head();
    let from = options.headers.as_ref().unwrap_or(&head.headers);
    let url = options.url.as_deref().unwrap_or(&head.target);
    if head.method == "CONNECT" {
        return forward_connect(client, &asked, url, end_to_end(from, false)).await;
    }
    let upgrades =
        asked.body_length() == Some(0) && from.has_item(b"connection", b"upgrade") && from.contains(b"upgrade");
    let mut headers = end_to_end(from, upgrades);
    if options.headers.is_none() && !url.starts_with('/') && url != "*" {
        headers.remove(b"host");
    }
    if upgrades {
        let mut request = client.prepare(&head.method, url, &headers, Outgoing::None).map_err(of_request)?;
        (request.upgrades, request.decodes, request.is_forwarded) = (true, false, true);
        return match upgrade(client, request).await.map_err(of_gateway)? {
            Upgraded::Switched(head, other) => {
                let (reason, headers) = (reason_of(&head), end_to_end(&head.headers, true));
                let tunnel = asked.accept_tunnel(head.status, reason, &headers).map_err(of_answer)?;
                join(&tunnel, &other).await
            }
            Upgraded::Response(response) => answer(&asked, &response, &mut None).await,
        };
    }
    let (body, mut upload) = Upload::of(&asked)?;
    let mut request = client.prepare(&head.method, url, &headers, body).map_err(of_request)?;
    // What the other side sends is for the client there.
    (request.decodes, request.is_forwarded) = (false, true);
    let exchanging = Box::pin(async { exchange(client, request).await.map_err(of_gateway) });
    let response = during(&mut upload, exchanging).await?;
    let response = response.into_object::<HttpResponse>().ok_or_else(Error::wrong_type)?;
    answer(&asked, &response, &mut upload).await
}

async fn forward_connect(
    client: HttpClient,
    asked: &Arc<HttpRequest>,
    host: &str,
    mut headers: Headers,
) -> Result<(), Error> {
    headers.remove(b"host");
    let (name, port) = target(host).map_err(of_request)?;
    let place = Place { target: host.to_owned(), host: host.to_owned(), ..Place::default() };
    let request = Request::new("CONNECT", place, &headers, Outgoing::None).map_err(of_request)?;
    let opened = connect::open(&client, name, port, request, ConnectOptions::default()).await.map_err(of_gateway)?;
    let Ok(other) = opened.tunnel() else { return answer(asked, &opened, &mut None).await };
    let (reason, headers) = (reason_of(opened.head()), end_to_end(&opened.head().headers, false));
    let tunnel = asked.accept_tunnel(opened.head().status, reason, &headers).map_err(of_answer)?;
    join(&tunnel, other).await
}

fn reason_of(head: &ResponseHead) -> Option<&str> {
    Some(head.reason.as_str()).filter(|reason| !reason.is_empty())
}

/// What came cannot be passed on.
fn of_answer(error: Error) -> Error {
    if error.kind() == ErrorKind::InvalidArgument { answered_with(error, 502) } else { error }
}

/// Answers with a response, whose body moves on as it comes.
async fn answer(
    asked: &Arc<HttpRequest>,
    response: &Arc<HttpResponse>,
    upload: &mut Option<Upload>,
) -> Result<(), Error> {
    let head = response.head();
    let (status, reason, headers) = (head.status, reason_of(head), end_to_end(&head.headers, false));
    if response.body_length() == Some(0) {
        return asked.respond(status, reason, &headers, Bytes::new()).map_err(of_answer);
    }
    let writer = asked.respond_stream(status, reason, &headers, response.body_length()).map_err(of_answer)?;
    let pump = Watch::new(response.body().pump_to(&writer, u64::MAX)?);
    during(upload, pump).await?;
    asked.pass_on_trailers(response.trailers());
    Ok(())
}

/// One direction of a tunnel.
struct Direction {
    to: Arc<Connection>,
    moving: Option<Watch>,
    closing: bool,
}

impl Direction {
    fn new(from: &Arc<Connection>, to: &Arc<Connection>) -> Result<Self, Error> {
        Ok(Self { to: to.clone(), moving: Some(Watch::new(from.pump_to(to, u64::MAX)?)), closing: false })
    }

    /// Ready when the end has been passed on.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        while let Some(moving) = &mut self.moving {
            std::task::ready!(Pin::new(moving).poll(cx))?;
            self.moving = if self.closing { None } else { Some(Watch::new(self.to.shutdown_write()?)) };
            self.closing = true;
        }
        Poll::Ready(Ok(()))
    }
}

/// Moves bytes both ways until both directions have ended, or one has failed.
async fn join(one: &Arc<Connection>, other: &Arc<Connection>) -> Result<(), Error> {
    let mut there = Direction::new(one, other)?;
    let mut back = Direction::new(other, one)?;
    let ended = std::future::poll_fn(|cx| match (there.poll(cx)?, back.poll(cx)?) {
        (Poll::Ready(()), Poll::Ready(())) => Poll::Ready(Ok(())),
        _ => Poll::Pending,
    })
    .await;
    one.close();
    other.close();
    ended
}
