//! W3, W4, W5: round trips, bulk and datagrams.
use super::*;

// ------------------------------------------------------------------ W3
fn w3_native(name: &str, size: usize, conns: usize) {
    if !want(name) {
        return;
    }
    let srv = Loop::new();
    let a = serve(&srv, echo);
    let mut l = lat(1 << 20);
    let rt = runtime();
    let mut m = Meas::begin();
    rt.block_on(async {
        let mut v = vec![];
        for _ in 0..conns {
            v.push(dial(a).await);
        }
        m = Meas::begin();
        let end = m.t0 + dur_ns(1.0);
        let hs: Vec<_> = v
            .into_iter()
            .map(|mut s| {
                tokio::spawn(async move {
                    let (out, mut inb) = (vec![7u8; size], vec![0u8; size]);
                    let mut l = lat(1 << 14);
                    let mut t = now_ns();
                    while t < end {
                        // 64 KiB may exceed what both directions buffer: write and read together.
                        let (mut r, mut w) = s.split();
                        if size > 4096 {
                            let (x, y) = futures_util::future::join(w.write_all(&out), r.read_exact(&mut inb)).await;
                            x.unwrap();
                            y.unwrap();
                        } else {
                            w.write_all(&out).await.unwrap();
                            r.read_exact(&mut inb).await.unwrap();
                        }
                        let n = now_ns();
                        push(&mut l, n - t);
                        t = n;
                    }
                    l
                })
            })
            .collect();
        for h in hs {
            l.extend(h.await.unwrap());
        }
        m.end();
    });
    let n = l.len() as f64;
    m.emit(name, n, 2.0 * n * size as f64, &mut l, "");
}
fn w3_ffi(name: &str, size: usize, conns: usize) {
    if !want(name) {
        return;
    }
    let srv = Loop::new();
    let a = serve(&srv, echo);
    let lp = Loop::new();
    let mut v = vec![];
    for _ in 0..conns {
        let (r, w) = lp.call(dial(a)).into_split();
        v.push(Some(((r, vec![0u8; size]), (w, vec![7u8; size]))));
    }
    let mut l = lat(1 << 20);
    let mut m = Meas::begin();
    let (end, mut t) = (m.t0 + dur_ns(1.0), m.t0);
    let mut pend = Vec::with_capacity(conns);
    while t < end {
        for c in v.iter_mut() {
            let ((mut r, mut rb), (mut w, wb)) = c.take().unwrap();
            let t0 = now_ns();
            let wf = async move {
                w.write_all(&wb).await.unwrap();
                (w, wb)
            };
            let rf = async move {
                r.read_exact(&mut rb).await.unwrap();
                (r, rb)
            };
            if conns == 1 {
                let x = lp.call(wf);
                *c = Some((lp.call(rf), x));
                push(&mut l, now_ns() - t0);
            } else {
                pend.push((t0, lp.start(wf), lp.start(rf)));
            }
        }
        for (i, (t0, w, r)) in pend.drain(..).enumerate() {
            let w = w.blocking_recv().unwrap();
            v[i] = Some((r.blocking_recv().unwrap(), w));
            push(&mut l, now_ns() - t0);
        }
        t = now_ns();
    }
    m.end();
    let n = l.len() as f64;
    m.emit(name, n, 2.0 * n * size as f64, &mut l, "");
    drop(v);
}
/// The foreign thread polls the operation itself (Handle::block_on): what is ready at
/// once never crosses, the rest wakes it once when the loop's driver sees the socket.
fn w3_ffi_poll(name: &str, size: usize, conns: usize) {
    if !want(name) {
        return;
    }
    let srv = Loop::new();
    let a = serve(&srv, echo);
    let lp = Loop::new();
    let mut v: Vec<_> = (0..conns).map(|_| lp.call(dial(a)).into_split()).collect();
    let (mut rb, wb) = (vec![vec![0u8; size]; conns], vec![7u8; size]);
    let mut l = lat(1 << 20);
    let mut m = Meas::begin();
    let (end, mut t) = (m.t0 + dur_ns(1.0), m.t0);
    while t < end {
        if conns == 1 {
            let (r, w) = &mut v[0];
            lp.h.block_on(w.write_all(&wb)).unwrap();
            lp.h.block_on(r.read_exact(&mut rb[0])).unwrap();
        } else {
            lp.h.block_on(join_all(v.iter_mut().zip(rb.iter_mut()).map(|((r, w), b)| {
                let wb = &wb;
                async move {
                    let (x, y) = futures_util::future::join(w.write_all(wb), r.read_exact(b)).await;
                    x.unwrap();
                    y.unwrap();
                }
            })));
        }
        let n = now_ns();
        for _ in 0..conns {
            push(&mut l, n - t);
        }
        t = n;
    }
    m.end();
    let n = l.len() as f64;
    m.emit(name, n, 2.0 * n * size as f64, &mut l, "");
}
/// Ways to pay less for a foreign thread's exchange: one call for write and read,
/// and spinning on both sides instead of sleeping.
fn w3_ffi_variants(size: usize, tag: &str) {
    let srv = Loop::new();
    let a = serve(&srv, echo);
    for (kind, spin) in [("fused", 0), ("spin", 50_000), ("spinyield", 50_000), ("spinyieldfused", 50_000)] {
        let name = format!("w3_ffi{kind}_{tag}_1c");
        if !want(&name) {
            continue;
        }
        let sl = SpinLoop::new(spin, kind.contains("yield"));
        let (mut r, mut w) = sl.lp.call(dial(a)).into_split();
        let (mut rb, mut wb) = (vec![0u8; size], vec![7u8; size]);
        let mut l = lat(1 << 20);
        let mut m = Meas::begin();
        let (end, mut t) = (m.t0 + dur_ns(1.0), m.t0);
        while t < end {
            let wf = async move {
                w.write_all(&wb).await.unwrap();
                (w, wb)
            };
            let rf = async move {
                r.read_exact(&mut rb).await.unwrap();
                (r, rb)
            };
            if !kind.contains("fused") {
                (w, wb) = sl.call(wf);
                (r, rb) = sl.call(rf);
            } else {
                ((w, wb), (r, rb)) = sl.call(futures_util::future::join(wf, rf));
            }
            let n = now_ns();
            push(&mut l, n - t);
            t = n;
        }
        m.end();
        let n = l.len() as f64;
        m.emit(&name, n, 2.0 * n * size as f64, &mut l, "");
    }
}
pub fn w3() {
    w3_ffi_poll("w3_ffipoll_64B_1c", 64, 1);
    w3_ffi_poll("w3_ffipoll_64K_1c", K64, 1);
    w3_ffi_poll("w3_ffipoll_64B_64c", 64, 64);
    w3_ffi_poll("w3_ffipoll_64K_64c", K64, 64);
    w3_ffi_variants(64, "64B");
    w3_ffi_variants(K64, "64K");
    w3_native("w3_native_64B_1c", 64, 1);
    w3_native("w3_native_64K_1c", K64, 1);
    w3_native("w3_native_64B_64c", 64, 64);
    w3_native("w3_native_64K_64c", K64, 64);
    w3_ffi("w3_ffi_64B_1c", 64, 1);
    w3_ffi("w3_ffi_64K_1c", K64, 1);
    w3_ffi("w3_ffi_64B_64c", 64, 64);
    w3_ffi("w3_ffi_64K_64c", K64, 64);
}

// ------------------------------------------------------------------ W4
pub async fn drain<S: AsyncReadExt + Unpin>(mut s: S) -> usize {
    let mut b = vec![0u8; K64];
    let mut n = 0;
    loop {
        match s.read(&mut b).await {
            Ok(k) if k > 0 => n += k,
            _ => return n,
        }
    }
}
pub fn w4() {
    let total = (4.0 * args().scale * (1u64 << 30) as f64) as usize / K64 * K64;
    for (name, ffi) in [("w4_bulk_native", false), ("w4_bulk_ffi", true)] {
        if !want(name) {
            continue;
        }
        let srv = Loop::new();
        let (tx, rx) = std::sync::mpsc::channel();
        let a = serve(&srv, move |s| {
            let tx = tx.clone();
            async move { tx.send(drain(s).await).unwrap() }
        });
        let mut m;
        if ffi {
            let lp = Loop::new();
            let mut s = lp.call(dial(a));
            let mut b = vec![0u8; K64];
            m = Meas::begin();
            for _ in 0..total / K64 {
                (s, b) = lp.call(async move {
                    s.write_all(&b).await.unwrap();
                    (s, b)
                });
            }
            lp.call(async move { drop(s) });
        } else {
            let rt = runtime();
            let mut s = rt.block_on(dial(a));
            m = Meas::begin();
            rt.block_on(async {
                let b = vec![0u8; K64];
                for _ in 0..total / K64 {
                    s.write_all(&b).await.unwrap();
                }
                drop(s);
            });
        }
        assert_eq!(rx.recv().unwrap(), total);
        m.end();
        m.emit(name, (total / K64) as f64, total as f64, &mut vec![], "");
    }
}

// ------------------------------------------------------------------ W5
pub fn w5() {
    if want("w5_udp_pingpong_64B") {
        let srv = Loop::new();
        let a = srv.call(async {
            let s = UdpSocket::bind("127.0.0.1:0").await.unwrap();
            let a = s.local_addr().unwrap();
            tokio::spawn(async move {
                let mut b = [0u8; 2048];
                loop {
                    let (n, from) = s.recv_from(&mut b).await.unwrap();
                    s.send_to(&b[..n], from).await.unwrap();
                }
            });
            a
        });
        let mut l = lat(1 << 20);
        let rt = runtime();
        let mut m = Meas::begin();
        rt.block_on(async {
            let c = UdpSocket::bind("127.0.0.1:0").await.unwrap();
            let (out, mut b) = ([1u8; 64], [0u8; 2048]);
            m = Meas::begin();
            let (end, mut t) = (m.t0 + dur_ns(1.0), m.t0);
            while t < end {
                c.send_to(&out, a).await.unwrap();
                c.recv_from(&mut b).await.unwrap();
                let n = now_ns();
                push(&mut l, n - t);
                t = n;
            }
            m.end();
        });
        m.emit("w5_udp_pingpong_64B", l.len() as f64, 0.0, &mut l, "");
    }
    if want("w5_udp_oneway_64B") {
        let srv = Loop::new();
        static GOT: AtomicUsize = AtomicUsize::new(0);
        let a = srv.call(async {
            let s = UdpSocket::bind("127.0.0.1:0").await.unwrap();
            let a = s.local_addr().unwrap();
            tokio::spawn(async move {
                let mut b = [0u8; 2048];
                loop {
                    s.recv_from(&mut b).await.unwrap();
                    GOT.fetch_add(1, Relaxed);
                }
            });
            a
        });
        let rt = runtime();
        let mut sent = 0usize;
        let mut m = Meas::begin();
        rt.block_on(async {
            let c = UdpSocket::bind("127.0.0.1:0").await.unwrap();
            let out = [1u8; 64];
            m = Meas::begin();
            let end = m.t0 + dur_ns(1.0);
            while sent & 63 != 0 || now_ns() < end {
                c.send_to(&out, a).await.unwrap();
                sent += 1;
            }
            m.end();
        });
        std::thread::sleep(Duration::from_millis(50));
        m.emit("w5_udp_oneway_64B", GOT.load(Relaxed) as f64, 0.0, &mut vec![], &format!(",\"sent\":{sent}"));
    }
}
