//! One connection of a server: the requests that come over it, one after another, and the time they take.

use super::Inner;
use super::answer::Answer;
use super::hooks::Program;
use super::request::HttpRequest;
use super::requests::Requests;
use crate::error::Error;
use crate::http::incoming_body::IncomingBody;
use crate::http::outgoing_body::OutgoingBody;
use crate::http::service_failure::ServiceFailure;
use crate::http::{BodyLength, ProtocolError, RequestHead};
use crate::promise::{Fulfiller, Resolution, Watch};
use crate::runtime::{Shared, Timer};
use crate::stream::Connection;
use crate::sync::Lock;
use bytes::Bytes;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
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

/// A request that somebody else is to answer.
pub(super) struct Suspended {
    /// What its connection begins with.
    pub(super) head: Bytes,
    pub(super) connection: Fulfiller,
}

/// What a connection has of the program that runs the server, until it ends.
struct Lending {
    program: Arc<Program>,
    service: OnceLock<Arc<super::Service>>,
}

/// What the requests of one connection share.
pub(super) struct Link {
    server: Arc<Inner>,
    lending: Lock<Option<Arc<Lending>>>,
    connection: Arc<Connection>,
    requests: Requests,
    served: AtomicU64,
    /// Where an error of a service goes in place of an answer, if the client is in this process.
    failure: Option<ServiceFailure>,
    /// The connection is over, or is to be cut off.
    ended: AtomicBool,
    /// It is about to become another stream.
    tunnel: Lock<Option<Fulfiller>>,
    suspended: Lock<Option<Suspended>>,
    running: Lock<Option<Running>>,
    /// A request that is over, of which a hook is still to hear.
    over: Lock<Option<Arc<HttpRequest>>>,
    /// Settles when writing has become useless; made for the first request that is not answered at once.
    gone: Lock<Option<Watch>>,
    task: Lock<Option<Waker>>,
}

impl Link {
    pub(super) fn new(
        server: &Arc<Inner>,
        program: Arc<Program>,
        connection: Arc<Connection>,
        requests: Requests,
        failure: Option<ServiceFailure>,
    ) -> Arc<Self> {
        Arc::new(Self {
            failure,
            server: server.clone(),
            lending: Lock::new(Some(Arc::new(Lending { program, service: OnceLock::new() }))),
            connection,
            requests,
            served: AtomicU64::new(0),
            ended: AtomicBool::new(false),
            tunnel: Lock::new(None),
            suspended: Lock::new(None),
            running: Lock::new(None),
            over: Lock::new(None),
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

    fn lending(&self) -> Result<Arc<Lending>, Error> {
        self.lending.lock().clone().ok_or_else(Error::closed)
    }

    /// Has the service of this connection made, if that has not been done.
    pub(super) fn make_service(&self) -> Result<(), Error> {
        let Ok(lending) = self.lending() else { return Ok(()) };
        if lending.service.get().is_none() {
            let service = lending.program.service_for(&self.connection)?;
            // Only the loop does this.
            let _ = lending.service.set(service);
        }
        Ok(())
    }

    /// Has a hook of the program look at a request; nobody does once the connection has ended.
    pub(super) fn tell<R: Default>(&self, hear: impl FnOnce(&Program) -> R) -> R {
        self.lending().map(|lending| hear(&lending.program)).unwrap_or_default()
    }

    /// Has a hook hear of the request that is over, if there is one.
    pub(super) fn tell_of_end(&self) {
        let over = self.over.lock().take();
        if let Some(request) = over {
            self.tell(|program| program.hooks.on_request_end.iter().for_each(|hear| hear(&request)));
        }
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

    /// The answer to a request whose service has failed; none if the client is to see nothing.
    pub(super) fn answer_for(&self, error: &Error) -> Option<Answer> {
        if self.tells(error) { None } else { self.server.answer_for(error) }
    }

    /// Tells a client in this process why its service has failed; whether there is one.
    pub(super) fn tells(&self, error: &Error) -> bool {
        self.failure.as_ref().inspect(|failure| failure.note(error)).is_some()
    }

    /// Answers one request. The protocol engine polls this, on the loop.
    pub(super) async fn exchange(
        self: Arc<Self>,
        from_engine: http::Request<hyper::body::Incoming>,
    ) -> Result<http::Response<OutgoingBody>, Error> {
        self.tell_of_end();
        let mut answered = Answered { link: self.clone(), request: None };
        let (head, length) = match self.requests.next() {
            Some(Ok(request)) => request,
            Some(Err(error)) => return Ok(answered.respond(self.refusal(&error), false)),
            None => return Err(Error::invalid("a request that has not been read")),
        };
        // The service of the request before may still be at it, behind its response.
        std::future::poll_fn(|cx| self.poll_running(cx)).await;
        let limit = self.server.options.max_body;
        let too_long = matches!((limit, length), (Some(limit), BodyLength::Exactly(length)) if length > limit);
        let body = (length != BodyLength::Exactly(0) && !too_long).then(|| {
            let patience = self.server.options.body_nanos;
            IncomingBody::new(self.runtime(), from_engine.into_body(), limit, patience).late_is(408)
        });
        let head_only = head.method == "HEAD";
        let expects = head.headers.has_item(b"expect", b"100-continue");
        let last = self.server.options.max_requests == Some(self.served.fetch_add(1, Ordering::Relaxed) + 1);
        let request = HttpRequest::new(&self, head, length, body);
        answered.request = Some(request.clone());
        if too_long {
            return Ok(answered.respond(Answer::too_long(), head_only));
        }
        let lending = self.lending()?;
        let service = lending.service.get().ok_or_else(Error::closed)?;
        match service(&request) {
            Resolution::Outcome(outcome) => {
                request.service_ended(outcome.map(drop));
                self.runs(&request, None);
            }
            Resolution::Promise(promise) => self.runs(&request, Some(Watch::new(promise))),
        }
        drop(lending);
        let mut answer = std::future::poll_fn(|cx| {
            let service = self.poll_running(cx);
            match request.poll_answer(cx) {
                // It may have answered as its last act.
                Poll::Pending if service.is_ready() => request.poll_answer(cx),
                answer => answer,
            }
        })
        .await;
        if let Some(body) = request.unread().filter(|_| answer.is_streamed() && self.requests.shows_body() && expects) {
            // Behind the head of a response it is too late for that.
            let mut asked = false;
            std::future::poll_fn(|cx| body.poll_begin(cx, &mut asked)).await;
        }
        answer.close |= last || self.server.is_draining() || self.tell(|program| program.should_close(&request));
        Ok(answered.respond(answer, head_only))
    }

    /// The answer to what is no request, with which the connection ends.
    fn refusal(self: &Arc<Self>, error: &ProtocolError) -> Answer {
        let request = HttpRequest::new(self, RequestHead::default(), BodyLength::Exactly(0), None);
        self.tell(|program| program.protocol_error(&request, error));
        request.take_answer().unwrap_or_else(|| Answer::refusal(error)).closing()
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
            self.requests.release_body();
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

    /// The connection goes to whoever answers the request that runs, with this at its front.
    pub(super) fn suspend(&self, suspended: Suspended) {
        *self.suspended.lock() = Some(suspended);
        let task = self.task.lock().take();
        task.into_iter().for_each(Waker::wake);
    }

    pub(super) fn is_suspended(&self) -> bool {
        self.suspended.lock().is_some()
    }

    pub(super) fn take_suspended(&self) -> Option<Suspended> {
        self.suspended.lock().take()
    }

    /// The connection is over: what is being answered is cancelled, and what it was to become is not coming.
    pub(super) fn end(&self) {
        self.ended.store(true, Ordering::Release);
        let running = self.running.lock().take();
        drop(running);
        let gone = self.gone.lock().take();
        drop(gone);
        let lending = self.lending.lock().take();
        drop(lending);
        drop((self.take_tunnel(), self.take_suspended()));
        let over = self.over.lock().take();
        drop(over);
        let task = self.task.lock().take();
        drop(task);
    }
}

/// Goes when the engine has the whole response, or will have none: whatever comes next may be read.
struct Answered {
    link: Arc<Link>,
    /// The request, if it was one.
    request: Option<Arc<HttpRequest>>,
}

impl Answered {
    fn respond(self, answer: Answer, head_only: bool) -> http::Response<OutgoingBody> {
        let mut response = answer.into_response(head_only);
        if let Some(request) = &self.request
            && self.link.tell(|program| program.hooks.on_request_end.is_some())
        {
            let record = request.record();
            record.answered_with(response.status().as_u16());
            response.body_mut().count(record.sent());
        }
        response.body_mut().attached = Some(Box::new(self));
        response
    }
}

impl Drop for Answered {
    fn drop(&mut self) {
        if let Some(request) = self.request.take()
            && !self.link.is_tunnel()
            && !self.link.is_suspended()
            && self.link.tell(|program| program.hooks.on_request_end.is_some())
        {
            request.record().end(self.link.runtime().clock.now());
            let over = self.link.over.lock().replace(request);
            drop(over);
        }
        self.link.requests.answered();
    }
}
