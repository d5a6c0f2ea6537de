//! A request on its way and its response.

use super::link::ClientLink;
use super::pool::Pool;
use super::request::Request;
use super::responses::switches;
use super::route::connect;
use super::slots::Slot;
use super::{HttpClient, HttpResponse, Inner, within};
use crate::error::{Error, ErrorKind};
use crate::http::incoming_body::IncomingBody;
use crate::http::server::ServedHere;
use crate::http::switched::Switched;
use crate::http::{BodyLength, ResponseHead, Version};
use crate::stream::Connection;
use crate::value::{Outcome, Value};
use hyper::body::Incoming;
use std::sync::Arc;

/// The answer to a request for another protocol.
pub(crate) enum Upgraded {
    /// The connection is what was asked for.
    Switched(ResponseHead, Arc<Connection>),
    /// It is not, and this is the answer.
    Response(Arc<HttpResponse>),
}

/// What a request has while it runs. The connection goes first: whoever has the place next may need it.
struct Lease {
    link: ClientLink,
    held: Held,
}

/// The places that a request has taken.
pub(super) struct Held {
    /// Of the limit of its client.
    limit: Option<Slot>,
    /// Among the requests to its host.
    host: Option<Slot>,
}

impl Held {
    /// A place of the client's limit.
    pub(super) async fn of_limit(client: &HttpClient) -> Result<Self, Error> {
        let limit = match &client.limit {
            Some(limit) => Some(limit.slots().acquire().await?),
            None => None,
        };
        Ok(Self { limit, host: None })
    }

    async fn take(client: &HttpClient, request: &Request) -> Result<Self, Error> {
        let held = Self::of_limit(client).await?;
        let host = match client.inner.pool.slots_of(&request.place.origin) {
            Some(slots) => Some(slots.acquire().await?),
            None => None,
        };
        Ok(Self { host, ..held })
    }

    /// The connection, which has these until it ends. (HCLI-16)
    pub(super) fn until_end_of(
        self,
        connection: Arc<Connection>,
        served: Option<ServedHere>,
    ) -> Result<Arc<Connection>, Error> {
        if self.limit.is_none() && self.host.is_none() && served.is_none() {
            return Ok(connection);
        }
        Switched::holding(&connection, (self, served))
    }

    /// The head of the response has come.
    fn head_came(&mut self, client: &HttpClient) {
        if client.limit.as_ref().is_some_and(|limit| limit.ends_at_head()) {
            self.limit = None;
        }
    }
}

/// Sends a request, over a connection that waits or a new one, and gives its response.
pub(super) async fn exchange(client: HttpClient, mut request: Request) -> Outcome {
    let mut held = Held::take(&client, &request).await?;
    let inner = &*client.inner;
    let mut link = match inner.pool.take(&request.place.origin) {
        Some(link) => link,
        None => Box::pin(connect(inner, &request.place.origin)).await?,
    };
    let repeatable = request.may_be_repeated() && inner.route.can_reconnect();
    let sent = send(inner, &mut link, &mut request).await;
    let (head, incoming) = match sent {
        Err(error) if repeatable && link.is_used_again() && error.kind() == ErrorKind::Disconnected => {
            link = Box::pin(connect(inner, &request.place.origin)).await?;
            send(inner, &mut link, &mut request).await?
        }
        sent => sent?,
    };
    held.head_came(&client);
    Ok(Value::object(response(inner, request, Lease { link, held }, head, incoming)))
}

/// Asks for another protocol, over a connection that has carried nothing yet if there can be one.
pub(super) async fn upgrade(client: HttpClient, mut request: Request) -> Result<Upgraded, Error> {
    let mut held = Held::take(&client, &request).await?;
    let inner = &*client.inner;
    // One that waits makes room, or is the only one.
    let waiting = if held.host.is_some() { inner.pool.take(&request.place.origin) } else { None };
    let mut link = match waiting {
        Some(link) if inner.route.has_one() => link,
        waiting => {
            drop(waiting);
            Box::pin(connect(inner, &request.place.origin)).await?
        }
    };
    let (head, incoming) = send(inner, &mut link, &mut request).await?;
    if !switches(&head, &request.method) {
        held.head_came(&client);
        return Ok(Upgraded::Response(response(inner, request, Lease { link, held }, head, incoming)));
    }
    let switched = link.ended().await?.into_object::<Connection>();
    let broken = || Error::new(ErrorKind::Disconnected, "the connection ended as it became another");
    let switched = switched.ok_or_else(broken)?;
    let connection = held.until_end_of(switched, link.take_served())?;
    Ok(Upgraded::Switched(head, connection))
}

/// The response to a request; its connection is kept once the body has been read.
fn response(
    client: &Inner,
    request: Request,
    lease: Lease,
    head: ResponseHead,
    incoming: Incoming,
) -> Arc<HttpResponse> {
    let options = &client.options;
    let failure = lease.link.failure();
    let body = IncomingBody::new(&client.runtime, incoming, options.max_body, options.body_nanos);
    let body = body.failing_with(failure).due(request.deadline);
    let connection = lease.link.connection().clone();
    // One whose body ends with it, or that says so, is of no further use; one of HTTP/1.0 has to say that it is.
    let close = head.headers.has_item(b"connection", b"close")
        || BodyLength::of_response(&head, &request.method) == Ok(BodyLength::UntilClose)
        || head.version == Version::Http10 && !head.headers.has_item(b"connection", b"keep-alive");
    let pool = Arc::downgrade(&client.pool);
    let Request { place, method, sent, decodes, .. } = request;
    let origin = place.origin;
    body.at_end(move || {
        let Lease { mut link, held } = lease;
        link.resets(false);
        // Nor is one over which a body still goes that the server has not waited for.
        if close || !sent.is_whole() {
            drop(link);
        } else {
            Pool::put(&pool, origin, link);
        }
        drop(held);
    });
    HttpResponse::new(head, &method, connection, body, decodes.then_some(options.max_body))
}

async fn send(client: &Inner, link: &mut ClientLink, request: &mut Request) -> Result<(ResponseHead, Incoming), Error> {
    let message = request.message()?;
    link.resets(request.is_forwarded);
    let sent = link.send(message);
    within(&client.runtime, client.options.head_nanos, "the response did not come in time", sent).await
}
