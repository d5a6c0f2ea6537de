//! What comes back from a client of HTTP.

use crate::gate::*;
use crate::loopback::*;
use kjasync::http::HttpResponse;
use kjasync::promise::Promise;
use std::sync::Arc;

#[track_caller]
pub(crate) fn response(promise: &Promise) -> Arc<HttpResponse> {
    outcome(promise).expect("a response").into_object::<HttpResponse>().expect("a response")
}

#[track_caller]
pub(crate) fn text(response: &HttpResponse) -> String {
    String::from_utf8(bytes(outcome(&response.read_all(1 << 20).expect("it starts")))).expect("text")
}
