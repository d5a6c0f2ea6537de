//! rust: tokio (current_thread), hyper, tokio-tungstenite and tokio-rustls used
//! directly in process. Servers run on a runtime of their own on another thread.
mod bench;
mod calls;
mod promises;
mod protocols;
mod sockets;

use bench::*;
use calls::*;
use bytes::Bytes;
use futures_util::future::{join_all, BoxFuture, FutureExt};
use futures_util::{SinkExt, StreamExt};
use http_body_util::{BodyExt, Full};
use hyper::service::service_fn;
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering::*};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::{mpsc, oneshot};
use tokio_rustls::rustls;

const K64: usize = 65536;

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

/// A runtime on its own thread, as the library under test has; stopped on drop.
struct Loop {
    h: Handle,
    stop: Option<oneshot::Sender<()>>,
    th: Option<std::thread::JoinHandle<()>>,
}
impl Loop {
    fn new() -> Loop {
        let (tx, rx) = std::sync::mpsc::channel();
        let (stop, stopped) = oneshot::channel();
        let th = std::thread::spawn(move || {
            let rt = runtime();
            tx.send(rt.handle().clone()).unwrap();
            let _ = rt.block_on(stopped);
        });
        Loop { h: rx.recv().unwrap(), stop: Some(stop), th: Some(th) }
    }
    /// Starts an operation from a foreign thread.
    fn start<T: Send + 'static>(&self, f: impl Future<Output = T> + Send + 'static) -> oneshot::Receiver<T> {
        let (tx, rx) = oneshot::channel();
        self.h.spawn(async move {
            let _ = tx.send(f.await);
        });
        rx
    }
    fn call<T: Send + 'static>(&self, f: impl Future<Output = T> + Send + 'static) -> T {
        self.start(f).blocking_recv().unwrap()
    }
}
impl Drop for Loop {
    fn drop(&mut self) {
        self.stop.take().unwrap().send(()).ok();
        self.th.take().unwrap().join().ok();
    }
}
async fn bind() -> (TcpListener, SocketAddr) {
    let l = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let a = l.local_addr().unwrap();
    (l, a)
}
async fn dial(a: SocketAddr) -> TcpStream {
    let s = TcpStream::connect(a).await.unwrap();
    s.set_nodelay(true).unwrap();
    s
}
/// Serves each accepted connection with f, on the loop.
fn serve<F, Fut>(lp: &Loop, f: F) -> SocketAddr
where
    F: Fn(TcpStream) -> Fut + Send + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    lp.call(async move {
        let (l, a) = bind().await;
        tokio::spawn(async move {
            while let Ok((s, _)) = l.accept().await {
                s.set_nodelay(true).ok();
                tokio::spawn(f(s));
            }
        });
        a
    })
}
async fn echo(mut s: TcpStream) {
    let mut b = vec![0u8; K64];
    loop {
        match s.read(&mut b).await {
            Ok(n) if n > 0 => {
                if s.write_all(&b[..n]).await.is_err() {
                    return;
                }
            }
            _ => return,
        }
    }
}

fn main() {
    raise_fds(20_000);
    let a = args();
    match a.workload.as_str() {
        "W1" => calls::w1(),
        "W2" => calls::w2(),
        "W3" => sockets::w3(),
        "W4" => sockets::w4(),
        "W5" => sockets::w5(),
        "W6" => protocols::w6(),
        "W7" => protocols::w7(),
        "W8" => protocols::w8(),
        "W9" => promises::w9(),
        "W10" => promises::w10(),
        "serve-http" => protocols::serve_http(a.rest[0].parse().unwrap(), a.rest[1].parse().unwrap()),
        _ => {
            eprintln!("n/a");
            std::process::exit(4);
        }
    }
}
