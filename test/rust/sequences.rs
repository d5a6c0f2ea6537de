//! Sequences: one promise for many reads, datagrams or connections.

use crate::gate::*;
use crate::loopback::*;
use bytes::Bytes;
use kjasync::net::Receive;
use kjasync::promise::{Promise, Resolution};
use kjasync::{Error, ErrorKind, Outcome, Value};
use std::sync::{Arc, Mutex};

fn go_on() -> Outcome {
    Ok(Value::Unit)
}

// parity: STRM-01, STRM-10, NET-16
#[test]
fn a_server_is_one_sequence_of_connections_and_each_of_them_one_of_reads() {
    let runtime = runtime();
    let listener = listener(&runtime);
    let sessions: Arc<Mutex<Vec<Promise>>> = Arc::default();
    let started = sessions.clone();
    let serving = listener.accept_each(move |connection| {
        let out = connection.clone();
        let echo = move |bytes: Bytes| -> Resolution {
            match out.write_now(&bytes) {
                Ok(written) if written == bytes.len() => go_on().into(),
                Ok(written) => match out.write_bytes(&bytes.slice(written..)) {
                    Ok(rest) => rest.into(),
                    Err(error) => Err(error).into(),
                },
                Err(error) => Err(error).into(),
            }
        };
        let session = connection.read_each(1, 65536, echo)?;
        started.lock().unwrap().push(session);
        go_on()
    });
    let serving = serving.unwrap();
    let large = vec![7u8; 8 << 20];
    for data in [&b"small"[..], &large] {
        let client = connection(&connect(&listener));
        let writing = client.write(data).unwrap();
        assert_eq!(bytes(outcome(&client.read(data.len(), data.len()).unwrap())), data);
        assert!(outcome(&writing).is_ok());
    }
    for session in sessions.lock().unwrap().drain(..) {
        assert!(matches!(outcome(&session), Ok(Value::Unit)));
    }
    listener.close();
    assert_eq!(outcome(&serving).err().map(|error| error.kind()), Some(ErrorKind::Canceled));
}

// parity: DGRAM-01, DGRAM-03, DGRAM-06
#[test]
fn datagrams_are_answered_until_one_ends_it() {
    let runtime = runtime();
    let any = address(&runtime, "127.0.0.1:0");
    let (one, other) = (any.bind_datagram().unwrap(), any.bind_datagram().unwrap());
    let to = other.local_address().unwrap();
    let port = other.clone();
    let serving = other.receive_each(Receive::default(), move |message| -> Outcome {
        match &message.content()[..] {
            b"end" => Ok(Value::U64(3)),
            b"fail" => Err(Error::new(ErrorKind::Overloaded, "no more")),
            content => {
                assert!(port.reply_now(content, &message)?);
                go_on()
            }
        }
    });
    let serving = serving.unwrap();
    for text in [&b"hello"[..], b"", &[1; 5000]] {
        assert!(one.send_now(text, Some(&to)).unwrap());
        let Ok(Value::Object(_)) = outcome(&one.receive(Receive::default()).unwrap()) else { panic!("no answer") };
    }
    assert!(one.send_now(b"end", Some(&to)).unwrap());
    assert_eq!(number(&serving), 3);
    let failing =
        other.receive_each(Receive::default(), |_| Err::<Value, _>(Error::new(ErrorKind::Overloaded, "no more")));
    assert!(one.send_now(b"fail", Some(&to)).unwrap());
    assert_eq!(outcome(&failing.unwrap()).err().map(|error| error.kind()), Some(ErrorKind::Overloaded));
}

#[test]
fn a_panic_of_a_callback_ends_its_sequence_and_nothing_else() {
    let runtime = runtime();
    let (client, server) = pair(&runtime);
    let reading = server.read_each(1, 10, |_| -> Outcome { panic!("on purpose") }).unwrap();
    assert!(outcome(&client.write(b"x").unwrap()).is_ok());
    assert_eq!(outcome(&reading).err().map(|error| error.kind()), Some(ErrorKind::Panic));
    assert!(outcome(&client.write(b"y").unwrap()).is_ok());
    assert_eq!(bytes(outcome(&server.read(1, 10).unwrap())), b"y");
}

#[test]
fn threads_cancel_while_callbacks_run() {
    let runtime = runtime();
    for round in 0..200 {
        let (client, server) = pair(&runtime);
        let runs = Count::default();
        let (counting, guard) = (runs.clone(), runs.clone());
        let reading = server.read_each(1, 1, move |_| {
            counting.add();
            go_on()
        });
        let reading = reading.unwrap();
        let writer = std::thread::spawn(move || {
            for _ in 0..20 {
                let _ = client.write_now(b"xxxxx");
            }
            client
        });
        if round % 2 == 0 {
            std::thread::yield_now();
        }
        reading.cancel();
        let then = guard.get();
        let client = writer.join().unwrap();
        // What the cancel returned after is the last.
        assert!(outcome(&client.write(b"end").unwrap()).is_ok());
        assert_eq!(guard.get(), then, "a callback began after the cancel");
    }
}
