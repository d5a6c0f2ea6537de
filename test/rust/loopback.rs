//! Connected pairs over the loopback interface.

use crate::gate::outcome;
use kjasync::net::{Address, ListenOptions, Listener};
use kjasync::promise::Promise;
use kjasync::runtime::Runtime;
use kjasync::stream::Connection;
use kjasync::{Outcome, Value};
use std::sync::Arc;

pub(crate) fn address(runtime: &Runtime, text: &str) -> Arc<Address> {
    let parsed = Address::parse(runtime, text.as_bytes(), 0).expect("an address");
    outcome(&parsed).expect("an address").into_object::<Address>().expect("an address")
}

pub(crate) fn listener(runtime: &Runtime) -> Arc<Listener> {
    address(runtime, "127.0.0.1:0").listen(&ListenOptions::default()).expect("a free port")
}

pub(crate) fn connect(listener: &Listener) -> Promise {
    listener.local_address().expect("bound").connect().expect("it starts")
}

pub(crate) fn connection(promise: &Promise) -> Arc<Connection> {
    outcome(promise).expect("a connection").into_object::<Connection>().expect("a connection")
}

/// A client's end and a server's end.
pub(crate) fn pair(runtime: &Runtime) -> (Arc<Connection>, Arc<Connection>) {
    let listener = listener(runtime);
    let connecting = connect(&listener);
    let server = connection(&listener.accept().expect("it starts"));
    (connection(&connecting), server)
}

#[track_caller]
pub(crate) fn bytes(outcome: Outcome) -> Vec<u8> {
    match outcome {
        Ok(Value::Bytes(bytes)) => bytes.to_vec(),
        other => panic!("not bytes: {other:?}"),
    }
}

/// A write that the peer does not read, so that it stays pending.
pub(crate) fn stuck_write(connection: &Arc<Connection>) -> Promise {
    let block = vec![0; 1 << 20];
    for _ in 0..64 {
        let write = connection.write(&block).expect("it starts");
        if write.outcome().is_none() {
            return write;
        }
    }
    panic!("the kernel takes 64 MiB")
}
