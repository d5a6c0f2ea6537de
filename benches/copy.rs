//! Moving bytes on a loop: a pump between two sockets beside tokio's copy, and a pipe in this process.
//!
//!     cargo bench --bench copy
//!
//! The two take turns; each figure is the median of the rounds, in bytes a second.

use kjasync::runtime::{Options, Runtime};
use kjasync::stream::Connection;
use kjasync::stream::Known;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

const BYTES: usize = 512 << 20;
const CHUNK: usize = 64 << 10;
const ROUNDS: usize = 7;

fn pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let one = TcpStream::connect(listener.local_addr().expect("bound")).expect("listening");
    (one, listener.accept().expect("connected").0)
}

/// Sends bytes through whatever `copy` does between two sockets; how long that took.
fn through_sockets(copy: impl FnOnce(TcpStream, TcpStream)) -> Duration {
    let (mut source, from) = pair();
    let (to, mut sink) = pair();
    let begin = Instant::now();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            let chunk = vec![7; CHUNK];
            for _ in 0..BYTES / CHUNK {
                source.write_all(&chunk).expect("the copy reads");
            }
        });
        scope.spawn(move || {
            let mut chunk = vec![0; CHUNK];
            let mut left = BYTES;
            while left > 0 {
                left -= sink.read(&mut chunk).expect("the copy writes");
            }
        });
        copy(from, to);
    });
    begin.elapsed()
}

fn tokio_copy(from: TcpStream, to: TcpStream) {
    let tokio = tokio::runtime::Builder::new_current_thread().enable_io().build().expect("a loop");
    tokio.block_on(async {
        for stream in [&from, &to] {
            stream.set_nonblocking(true).expect("a socket");
        }
        let mut from = tokio::net::TcpStream::from_std(from).expect("registered");
        let mut to = tokio::net::TcpStream::from_std(to).expect("registered");
        tokio::io::copy(&mut from, &mut to).await.expect("both ends are there");
    });
}

fn pump(from: TcpStream, to: TcpStream) {
    let runtime = Runtime::new(Options::default()).expect("a loop");
    let over =
        |stream: TcpStream| Connection::from_fd(&runtime, OwnedFd::from(stream), Known::default()).expect("a socket");
    let moved = over(from).pump_to(&over(to), u64::MAX).expect("started");
    moved.wait(None).expect("not on the loop").expect("both ends are there");
}

fn through_pipe() -> Duration {
    let runtime = Runtime::new(Options::default()).expect("a loop");
    let (reader, writer) = Connection::one_way_pipe(&runtime, None).expect("a pipe");
    let null: Arc<Connection> = Connection::null(&runtime).expect("nothing");
    let chunk = bytes::Bytes::from(vec![7; CHUNK]);
    let begin = Instant::now();
    let moved = reader.pump_to(&null, BYTES as u64).expect("started");
    for _ in 0..BYTES / CHUNK {
        let written = writer.write_bytes(&chunk).expect("started");
        written.wait(None).expect("not on the loop").expect("somebody reads");
    }
    moved.wait(None).expect("not on the loop").expect("somebody wrote");
    begin.elapsed()
}

fn median(mut times: Vec<Duration>) -> f64 {
    times.sort();
    BYTES as f64 / times[times.len() / 2].as_secs_f64()
}

fn main() {
    let mut times = [(); 3].map(|()| Vec::new());
    for round in 0..ROUNDS {
        let mut turns: [(usize, fn() -> Duration); 3] =
            [(0, || through_sockets(tokio_copy)), (1, || through_sockets(pump)), (2, through_pipe)];
        if round % 2 == 1 {
            turns.reverse();
        }
        for (index, run) in turns {
            times[index].push(run());
        }
    }
    let [copy, pump, pipe] = times.map(median);
    println!("tokio's copy between two sockets  {:8.0} MB/s", copy / 1e6);
    println!("a pump between two sockets        {:8.0} MB/s, {:.2} of that", pump / 1e6, pump / copy);
    println!("a pipe in this process            {:8.0} MB/s", pipe / 1e6);
}
