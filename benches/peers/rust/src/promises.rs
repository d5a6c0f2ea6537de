//! W9, W10: continuations, joins, and what idle things take of memory.
use super::*;

// ------------------------------------------------------------------ W9
fn timed(name: &str, ops: f64, f: impl FnOnce()) {
    if want(name) {
        let mut m = Meas::begin();
        f();
        m.end();
        m.emit(name, ops, 0.0, &mut vec![], "");
    }
}
pub fn w9() {
    let rt = runtime();
    let reps = scaled(1000.0);
    timed("w9_then_depth1000_x1000", reps as f64 * 1000.0, || {
        rt.block_on(async {
            for _ in 0..reps {
                let mut p: BoxFuture<'static, u64> = std::future::ready(0u64).boxed();
                for _ in 0..1000 {
                    p = p.map(|x| x + 1).boxed();
                }
                assert_eq!(p.await, 1000);
            }
        })
    });
    // Each then a task of its own waiting for the one before: what a table of handles costs.
    timed("w9_then_task_depth1000_x1000", reps as f64 * 1000.0, || {
        rt.block_on(async {
            for _ in 0..reps {
                let (tx, mut p) = oneshot::channel::<u64>();
                tx.send(0).unwrap();
                for _ in 0..1000 {
                    let (tx, rx) = oneshot::channel();
                    tokio::spawn(async move {
                        let _ = tx.send(p.await.unwrap() + 1);
                    });
                    p = rx;
                }
                assert_eq!(p.await.unwrap(), 1000);
            }
        })
    });
    let n = scaled(1_000_000.0);
    timed("w9_then_loop_1m", n as f64, || {
        rt.block_on(async {
            for _ in 0..n {
                tokio::task::yield_now().await;
            }
        })
    });
    // As above, but without a look at the I/O driver on every turn: the task wakes itself.
    timed("w9_then_selfwake_1m", n as f64, || {
        rt.block_on(async {
            tokio::spawn(async move {
                for _ in 0..n {
                    let mut first = true;
                    std::future::poll_fn(|cx| {
                        if std::mem::take(&mut first) {
                            cx.waker().wake_by_ref();
                            return std::task::Poll::Pending;
                        }
                        std::task::Poll::Ready(())
                    })
                    .await;
                }
            })
            .await
            .unwrap()
        })
    });
    let n = scaled(100_000.0);
    timed("w9_join_100k", n as f64 * 10.0, || {
        rt.block_on(async {
            for _ in 0..10 {
                let v: Vec<BoxFuture<'static, u64>> = (0..n).map(|i| std::future::ready(i as u64).boxed()).collect();
                assert_eq!(join_all(v).await.len(), n);
            }
        })
    });
    timed("w9_join_task_100k", n as f64 * 10.0, || {
        rt.block_on(async {
            for _ in 0..10 {
                let v: Vec<_> = (0..n).map(|i| tokio::spawn(std::future::ready(i as u64))).collect();
                for h in v {
                    h.await.unwrap();
                }
            }
        })
    });
    timed("w9_xthread_fulfill_100k", n as f64 * 10.0, || {
        rt.block_on(async {
            for _ in 0..10 {
                let (mut txs, mut rxs) = (Vec::with_capacity(n), Vec::with_capacity(n));
                for _ in 0..n {
                    let (tx, rx) = oneshot::channel::<u64>();
                    txs.push(tx);
                    rxs.push(rx);
                }
                let th = std::thread::spawn(move || {
                    for (i, t) in txs.into_iter().enumerate() {
                        let _ = t.send(i as u64);
                    }
                });
                for r in rxs {
                    r.await.unwrap();
                }
                th.join().unwrap();
            }
        })
    });
}

// ------------------------------------------------------------------ W10
pub fn w10() {
    let mem = |name: &str, n: usize, m: &mut Meas, a: usize| {
        let b = rss();
        m.end();
        m.emit(name, n as f64, 0.0, &mut vec![], &format!(",\"bytes_each\":{:.1}", (b as f64 - a as f64) / n as f64));
    };
    if want("w10_mem_conn_10k") {
        let n = scaled(10_000.0).min(10_000);
        let rt = runtime();
        let mut m = Meas::begin();
        rt.block_on(async {
            let (l, a) = bind().await;
            let mut child = std::process::Command::new(std::env::var("PEERS_RAW").expect("PEERS_RAW"))
                .args(["hold", &a.port().to_string(), &n.to_string()])
                .stdin(std::process::Stdio::piped())
                .spawn()
                .unwrap();
            let a = rss();
            m = Meas::begin();
            for _ in 0..n {
                let (mut s, _) = l.accept().await.unwrap();
                tokio::spawn(async move {
                    let mut b = [0u8; 64];
                    let _ = s.read(&mut b).await;
                });
                tokio::task::yield_now().await;
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
            mem("w10_mem_conn_10k", n, &mut m, a);
            drop(child.stdin.take());
            child.wait().unwrap();
        });
    }
    let n = scaled(100_000.0);
    if want("w10_mem_timer_100k") {
        let rt = runtime();
        rt.block_on(async {
            let a = rss();
            let mut m = Meas::begin();
            let mut v = Vec::with_capacity(n);
            std::future::poll_fn(|cx| {
                for _ in 0..n {
                    let mut s = Box::pin(tokio::time::sleep(Duration::from_secs(3600)));
                    let _ = s.as_mut().poll(cx);
                    v.push(s);
                }
                std::task::Poll::Ready(())
            })
            .await;
            mem("w10_mem_timer_100k", n, &mut m, a);
        });
    }
    if want("w10_mem_promise_100k") {
        let a = rss();
        let mut m = Meas::begin();
        let v: Vec<_> = (0..n).map(|_| oneshot::channel::<u64>()).collect();
        mem("w10_mem_promise_100k", n, &mut m, a);
        drop(v);
    }
    if want("w10_mem_task_100k") {
        let rt = runtime();
        rt.block_on(async {
            let a = rss();
            let mut m = Meas::begin();
            let mut v = Vec::with_capacity(n);
            for _ in 0..n {
                let (tx, rx) = oneshot::channel::<u64>();
                v.push((tx, tokio::spawn(async move { rx.await.map(|x| x + 1) })));
            }
            for _ in 0..1000 {
                tokio::task::yield_now().await;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
            mem("w10_mem_task_100k", n, &mut m, a);
            drop(v);
        });
    }
}
