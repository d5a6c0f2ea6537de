//! One connection of a server: the requests that come over it, one after another, and the time they take.

use super::Inner;
use super::answer::Answer;
use super::request::HttpRequest;
use super::requests::Requests;
use crate::error::Error;
use crate::http::BodyLength;
use crate::http::incoming_body::IncomingBody;
use crate::http::outgoing_body::OutgoingBody;
use crate::promise::{Fulfiller, Resolution, Watch};
use crate::runtime::{Shared, Timer};
use crate::stream::Connection;
use crate::sync::Lock;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll, Waker};

/// A request that is not over.
struct Running {
    request: Arc<HttpRequest>,
    /// Settles when its service ends; then what that has left of the body is read and thrown away.
    service: Option<Watch>,
    unread: Option<Unread>,
}

/// How much longer the rest of a body is read, so that the connection can be kept. (HSRV-14)
struct Unread {
    most: u64,
    until: Timer,
}

/// What the requests of one connection share.
pub(super) struct Link {
    server: Arc<Inner>,
    service: Arc<super::Service>,
    connection: Arc<Connection>,
    requests: Requests,
    served: AtomicU64,
    /// The connection is over, or is to be cut off.
    ended: AtomicBool,
    /// It is about to become another stream.
    tunnel: Lock<Option<Fulfiller>>,
    running: Lock<Option<Running>>,
    /// Settles when writing has become useless; made for the first request that is not answered at once.
    gone: Lock<Option<Watch>>,
    task: Lock<Option<Waker>>,
}

impl Link {
    pub(super) fn new(
        server: &Arc<Inner>,
        service: Arc<super::Service>,
        connection: Arc<Connection>,
        requests: Requests,
    ) -> Arc<Self> {
        Arc::new(Self {
            server: server.clone(),
            service,
            connection,
            requests,
            served: AtomicU64::new(0),
            ended: AtomicBool::new(false),
            tunnel: Lock::new(None),
            running: Lock::new(None),
            gone: Lock::new(None),
            task: Lock::new(None),
        })
    }

    pub(super) fn runtime(&self) -> &Arc<Shared> {
        &self.server.runtime
    }

    pub(super) fn connection(&self) -> &Arc<Connection> {
        &self.connection
    }

    pub(super) fn requests(&self) -> &Requests {
        &self.requests
    }

    /// The request that runs takes too long: its service is cancelled, and answered for if it has not begun to.
    pub(super) fn time_out(&self) {
        let running = self.running.lock().take();
        match running {
            Some(Running { request, service, .. }) => {
                drop(service);
                request.timed_out();
            }
            // The response itself is not taken.
            None => self.ended.store(true, Ordering::Release),
        }
    }

    pub(super) fn is_ended(&self) -> bool {
        self.ended.load(Ordering::Acquire)
    }

    /// Has the connection cut off without another word.
    pub(super) fn abort(&self) {
        self.ended.store(true, Ordering::Release);
        let task = self.task.lock().take();
        task.into_iter().for_each(Waker::wake);
    }

    /// The answer to a request that its service has ended without one; none if the client is to see nothing.
    pub(super) fn answer_for(&self, outcome: Result<(), Error>) -> Option<Answer> {
        self.server.answer_for(outcome)
    }

    /// Answers one request. The protocol engine polls this, on the loop.
    pub(super) async fn exchange(
        self: Arc<Self>,
        from_engine: http::Request<hyper::body::Incoming>,
    ) -> Result<http::Response<OutgoingBody>, Error> {
        let answered = Answered(self.clone());
        let (head, length) = match self.requests.next() {
            Some(Ok(request)) => request,
            Some(Err(error)) => return Ok(respond(Answer::refusal(&error), false, answered)),
            None => return Err(Error::invalid("a request that has not been read")),
        };
        // The service of the request before may still be at it, behind its response.
        std::future::poll_fn(|cx| self.poll_running(cx)).await;
        let limit = self.server.options.max_body;
        if let (Some(limit), BodyLength::Exactly(length)) = (limit, length)
            && length > limit
        {
            return Ok(respond(Answer::text(413, "Content Too Large\n").closing(), false, answered));
        }
        let body = (length != BodyLength::Exactly(0)).then(|| {
            let patience = self.server.options.body_nanos;
            IncomingBody::new(self.runtime(), from_engine.into_body(), limit, patience)
        });
        let head_only = head.method == "HEAD";
        let last = self.server.options.max_requests == Some(self.served.fetch_add(1, Ordering::Relaxed) + 1);
        let request = HttpRequest::new(&self, head, length, body);
        match (self.service)(&request) {
            Resolution::Outcome(outcome) => {
                request.service_ended(outcome.map(drop));
                self.runs(&request, None);
            }
            Resolution::Promise(promise) => self.runs(&request, Some(Watch::new(promise))),
        }
        let mut answer = std::future::poll_fn(|cx| {
            let service = self.poll_running(cx);
            match request.poll_answer(cx) {
                // It may have answered as its last act.
                Poll::Pending if service.is_ready() => request.poll_answer(cx),
                answer => answer,
            }
        })
        .await;
        answer.close |= last || self.server.is_draining() || self.server.should_close();
        Ok(respond(answer, head_only, answered))
    }

    fn runs(&self, request: &Arc<HttpRequest>, service: Option<Watch>) {
        if service.is_some() || request.unread().is_some() {
            *self.running.lock() = Some(Running { request: request.clone(), service, unread: None });
        }
    }

    /// Ready once no request is running; tells a request that its service has ended.
    pub(super) fn poll_running(&self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(mut running) = self.running.lock().take() else { return Poll::Ready(()) };
        let polled = self.poll_request(&mut running, cx);
        if polled.is_pending() {
            *self.running.lock() = Some(running);
        }
        polled
    }

    fn poll_request(&self, running: &mut Running, cx: &mut Context<'_>) -> Poll<()> {
        if let Some(service) = &mut running.service {
            if !service.poll_settled(cx) {
                return Poll::Pending;
            }
            let outcome = service.outcome();
            running.service = None;
            running.request.service_ended(outcome.map(drop));
        }
        let Some(body) = running.request.unread() else { return Poll::Ready(()) };
        let unread = running.unread.get_or_insert_with(|| {
            let options = &self.server.options;
            Unread { most: options.unread_bytes, until: Timer::after(self.runtime(), options.unread_nanos) }
        });
        if body.poll_drain(cx, &mut unread.most).is_pending() && Pin::new(&mut unread.until).poll(cx).is_pending() {
            return Poll::Pending;
        }
        body.abandon();
        Poll::Ready(())
    }

    /// Whether writing has become useless. A client that only sends nothing more is still there. (HSRV-15)
    pub(super) fn poll_client_gone(&self, cx: &mut Context<'_>) -> bool {
        let mut gone = self.gone.lock().take();
        if gone.is_none() {
            gone = self.connection.when_write_disconnected().ok().map(Watch::new);
        }
        let Some(mut watch) = gone else { return true };
        let has_gone = watch.poll_settled(cx);
        *self.gone.lock() = Some(watch);
        has_gone
    }

    /// Who is woken by `abort`.
    pub(super) fn remember_task(&self, cx: &Context<'_>) {
        let mut task = self.task.lock();
        if task.as_ref().is_some_and(|task| task.will_wake(cx.waker())) {
            return;
        }
        let old = task.replace(cx.waker().clone());
        drop(task);
        drop(old);
    }

    /// Once the response has been sent, the connection becomes a tunnel, which this is told of.
    pub(super) fn becomes_tunnel(&self, tunnel: Fulfiller) {
        *self.tunnel.lock() = Some(tunnel);
    }

    pub(super) fn is_tunnel(&self) -> bool {
        self.tunnel.lock().is_some()
    }

    pub(super) fn take_tunnel(&self) -> Option<Fulfiller> {
        self.tunnel.lock().take()
    }

    /// The connection is over: what is being answered is cancelled.
    pub(super) fn end(&self) {
        self.ended.store(true, Ordering::Release);
        let running = self.running.lock().take();
        drop(running);
        let gone = self.gone.lock().take();
        drop(gone);
        let task = self.task.lock().take();
        drop(task);
    }
}

/// The engine has the whole response, or will have none: whatever comes next may be read.
struct Answered(Arc<Link>);

impl Drop for Answered {
    fn drop(&mut self) {
        self.0.requests.answered();
    }
}

fn respond(answer: Answer, head_only: bool, answered: Answered) -> http::Response<OutgoingBody> {
    let mut response = answer.into_response(head_only);
    response.body_mut().attached = Some(Box::new(answered));
    response
}
