//! Requests that are sent elsewhere because the response says so.

use super::HttpClient;
use super::exchange::exchange;
use super::request::{Outgoing, Request};
use super::response::HttpResponse;
use crate::error::{Error, ErrorKind};
use crate::http::{Headers, ResponseHead, Url, UrlContext, UrlOptions};
use crate::value::Outcome;
use bytes::Bytes;

/// A body of a redirect of at most so many bytes is read, so that its connection can be used again.
const SHORT: u64 = 16 * 1024;

/// What was asked for, to be asked for again elsewhere.
#[derive(Clone)]
pub(super) struct Asked {
    url: Url,
    method: String,
    headers: Headers,
    /// The whole body; none for one that is streamed and so cannot be sent again.
    body: Option<Bytes>,
}

impl Asked {
    pub(super) fn new(method: &str, url: &str, headers: &Headers, body: &Outgoing) -> Result<Self, Error> {
        let body = match body {
            Outgoing::None => Some(Bytes::new()),
            Outgoing::Bytes(bytes) => Some(bytes.clone()),
            Outgoing::Stream(..) => None,
        };
        // As it stands, escapes included.
        let options = UrlOptions { percent_decode: false, allow_empty: true };
        let url = Url::parse(url, UrlContext::RemoteHref, options)?;
        Ok(Self { url, method: method.to_owned(), headers: headers.clone(), body })
    }

    /// What is asked for next, if the response sends the request elsewhere and it can be sent there.
    fn next(&self, head: &ResponseHead) -> Option<Self> {
        let becomes_get = match head.status {
            301 | 302 => self.method == "POST",
            303 => !matches!(self.method.as_str(), "GET" | "HEAD"),
            307 | 308 => false,
            _ => return None,
        };
        let mut locations = head.headers.get_all(b"location");
        let location = std::str::from_utf8(locations.next()?).ok()?;
        let url = self.url.parse_relative(location).ok()?;
        if locations.next().is_some() || !matches!(url.scheme.as_str(), "http" | "https") {
            return None;
        }
        let mut next = Self { url, ..self.clone() };
        if becomes_get {
            "GET".clone_into(&mut next.method);
            next.body = Some(Bytes::new());
            for (name, _) in self.headers.iter().filter(|(name, _)| name.to_ascii_lowercase().starts_with(b"content-"))
            {
                next.headers.remove(name);
            }
            next.headers.remove(b"trailer");
        }
        next.body.as_ref()?;
        if (&next.url.scheme, &next.url.host) != (&self.url.scheme, &self.url.host) {
            for credentials in [b"authorization".as_slice(), b"cookie", b"cookie2", b"proxy-authorization", b"host"] {
                next.headers.remove(credentials);
            }
        }
        Some(next)
    }

    fn request(&self, client: &HttpClient) -> Result<Request, Error> {
        let body = self.body.clone().unwrap_or_default();
        let body =
            if body.is_empty() && !super::sends_length(&self.method) { Outgoing::None } else { Outgoing::Bytes(body) };
        let place = client.inner.route.place_of(&self.url, client.inner.options.proxies.as_ref())?;
        client.prepare_for(&self.method, place, &self.headers, body)
    }
}

/// Sends a request, and again where its response says, up to the limit of the client.
pub(super) async fn follow(client: HttpClient, mut request: Request, mut asked: Asked) -> Outcome {
    let most = client.inner.options.max_redirects;
    let deadline = request.deadline;
    for _ in 0..=most {
        let outcome = exchange(client.clone(), request).await?;
        let response = outcome.clone().into_object::<HttpResponse>().ok_or_else(Error::wrong_type)?;
        let Some(next) = asked.next(response.head()) else { return Ok(outcome) };
        drop(outcome);
        if response.body_length().is_some_and(|length| (1..=SHORT).contains(&length)) {
            // Nobody wants it, so it may as well fail.
            let _ = crate::promise::Watch::new(response.read_all(SHORT as usize)?).await;
        }
        drop(response);
        request = next.request(&client)?;
        request.deadline = deadline;
        asked = next;
    }
    Err(Error::new(ErrorKind::Failed, format!("the request was redirected more than {most} times")))
}
