//! W1, W2: calls into the loop from a foreign thread, and timers.
use super::*;

// ------------------------------------------------------------------ W1
/// A completion a foreign thread sleeps on: one word and park/unpark.
pub struct Done {
    s: AtomicU32,
    who: std::thread::Thread,
}
impl Done {
    pub fn new() -> Arc<Done> {
        Arc::new(Done { s: AtomicU32::new(0), who: std::thread::current() })
    }
    pub fn set(&self) {
        if self.s.swap(2, AcqRel) == 1 {
            self.who.unpark();
        }
    }
    pub fn wait(&self, spin_ns: u64) {
        self.wait2(spin_ns, false)
    }
    pub fn wait2(&self, spin_ns: u64, give: bool) {
        if spin_ns > 0 {
            let t = now_ns() + spin_ns;
            while self.s.load(Acquire) != 2 && now_ns() < t {
                for _ in 0..64 {
                    std::hint::spin_loop();
                    if self.s.load(Relaxed) == 2 {
                        break;
                    }
                }
                if give {
                    std::thread::yield_now(); // the other thread may need this CPU
                }
            }
        }
        if self.s.compare_exchange(0, 1, AcqRel, Acquire).is_ok() {
            while self.s.load(Acquire) != 2 {
                std::thread::park();
            }
        }
    }
}
/// A loop that goes on looking for posted work, its I/O driver polled in between,
/// for some time after the last piece before it sleeps; callers spin as long.
type Job = Box<dyn FnOnce() + Send>;
pub struct SpinLoop {
    tx: mpsc::UnboundedSender<Job>,
    spin_ns: u64,
    give: bool,
    pub lp: Loop,
}
impl SpinLoop {
    pub fn new(spin_ns: u64, give: bool) -> SpinLoop {
        let lp = Loop::new();
        let (tx, mut rx) = mpsc::unbounded_channel::<Job>();
        lp.h.spawn(async move {
            let mut last = now_ns();
            loop {
                let mut any = false;
                while let Ok(j) = rx.try_recv() {
                    j();
                    any = true;
                }
                let n = now_ns();
                if any {
                    last = n;
                }
                if n - last < spin_ns {
                    tokio::task::yield_now().await;
                    if give {
                        std::thread::yield_now();
                    }
                } else {
                    match rx.recv().await {
                        Some(j) => j(),
                        None => return,
                    }
                    last = now_ns();
                }
            }
        });
        SpinLoop { tx, spin_ns, give, lp }
    }
    pub fn call<T: Send + 'static>(&self, f: impl Future<Output = T> + Send + 'static) -> T {
        let slot = Arc::new((std::sync::Mutex::new(None), Done::new()));
        let s = slot.clone();
        let job: Job = Box::new(move || {
            tokio::spawn(async move {
                let v = f.await;
                *s.0.lock().unwrap() = Some(v);
                s.1.set();
            });
        });
        self.tx.send(job).ok();
        slot.1.wait2(self.spin_ns, self.give);
        let v = slot.0.lock().unwrap().take();
        v.unwrap()
    }
}
fn w1_lat(name: &str, mut f: impl FnMut()) {
    if !want(name) {
        return;
    }
    let mut l = lat(1 << 20);
    for _ in 0..2000 {
        f();
    }
    let mut m = Meas::begin();
    let (end, mut t) = (m.t0 + dur_ns(1.5), m.t0);
    while t < end {
        f();
        let n = now_ns();
        push(&mut l, n - t);
        t = n;
    }
    m.end();
    m.emit(name, l.len() as f64, 0.0, &mut l, "");
}
pub fn w1() {
    let lp = Loop::new();
    w1_lat("w1_call_latency", || lp.call(async {}));
    // Same hop with a queue read by one task, and a word to sleep on.
    let (tx, mut rx) = mpsc::unbounded_channel::<Arc<Done>>();
    lp.h.spawn(async move {
        while let Some(d) = rx.recv().await {
            d.set();
        }
    });
    w1_lat("w1_call_mpsc", || {
        let d = Done::new();
        tx.send(d.clone()).unwrap();
        d.wait(0);
    });
    w1_lat("w1_call_spin50us", || {
        let d = Done::new();
        tx.send(d.clone()).unwrap();
        d.wait(50_000);
    });
    {
        let sl = SpinLoop::new(50_000, false);
        w1_lat("w1_call_spinboth50us", || sl.call(async {}));
        let sl = SpinLoop::new(50_000, true);
        w1_lat("w1_call_spinyield50us", || sl.call(async {}));
    }
    if want("w1_pipelined_1024") {
        let mut m = Meas::begin();
        let end = m.t0 + dur_ns(1.5);
        let mut n = 0u64;
        let mut v = Vec::with_capacity(1024);
        while now_ns() < end {
            for _ in 0..1024 {
                v.push(lp.start(async {}));
            }
            for r in v.drain(..) {
                r.blocking_recv().unwrap();
            }
            n += 1024;
        }
        m.end();
        m.emit("w1_pipelined_1024", n as f64, 0.0, &mut vec![], "");
    }
    if want("w1_pipelined_mpsc") {
        let mut m = Meas::begin();
        let end = m.t0 + dur_ns(1.5);
        let mut n = 0u64;
        let mut v = Vec::with_capacity(1024);
        while now_ns() < end {
            for _ in 0..1024 {
                let d = Done::new();
                tx.send(d.clone()).unwrap();
                v.push(d);
            }
            for d in v.drain(..) {
                d.wait(0);
            }
            n += 1024;
        }
        m.end();
        m.emit("w1_pipelined_mpsc", n as f64, 0.0, &mut vec![], "");
    }
}

// ------------------------------------------------------------------ W2
fn at_once(name: &str, due: fn(u64, u64) -> u64) {
    if !want(name) {
        return;
    }
    let n = scaled(100_000.0);
    let mut l = lat(n);
    let rt = runtime();
    let mut m = Meas::begin();
    rt.block_on(async {
        let (start, begin) = (tokio::time::Instant::now(), now_ns());
        let v: Vec<_> = (0..n as u64)
            .map(|i| {
                let due = due(i, begin);
                let mut sleep = Box::pin(tokio::time::sleep_until(start + Duration::from_nanos(due - begin)));
                let _ = sleep.as_mut().poll(&mut std::task::Context::from_waker(std::task::Waker::noop()));
                tokio::spawn(async move {
                    sleep.await;
                    now_ns().saturating_sub(due)
                })
            })
            .collect();
        for h in v {
            push(&mut l, h.await.unwrap());
        }
    });
    m.end();
    m.emit(name, n as f64, 0.0, &mut l, ",\"latency_is\":\"lateness\"");
}
pub fn w2() {
    if want("w2_timers_100k") {
        let n = scaled(100_000.0);
        let mut l = lat(n);
        let rt = runtime();
        let mut m = Meas::begin();
        rt.block_on(async {
            let mut v = Vec::with_capacity(n);
            for i in 0..n {
                let ms = 1 + (i as u64 * 7919) % 1000;
                v.push(tokio::spawn(async move {
                    let due = now_ns() + ms * 1_000_000;
                    tokio::time::sleep(Duration::from_millis(ms)).await;
                    now_ns().saturating_sub(due)
                }));
            }
            for h in v {
                push(&mut l, h.await.unwrap());
            }
        });
        m.end();
        m.emit("w2_timers_100k", n as f64, 0.0, &mut l, ",\"latency_is\":\"lateness\"");
    }
    // All started within one poll, in which none can fire; then all of one deadline.
    at_once("w2_timers_at_once_100k", |i, _| now_ns() + (1 + i * 7919 % 1000) * 1_000_000);
    at_once("w2_timers_same_100k", |_, begin| begin + 1_000_000_000);
    if want("w2_cancel_1m") {
        let n = scaled(1_000_000.0);
        let rt = runtime();
        let mut m = Meas::begin();
        let mut t1 = 0;
        rt.block_on(std::future::poll_fn(|cx| {
            let mut v = Vec::with_capacity(n);
            for i in 0..n {
                let mut s = Box::pin(tokio::time::sleep(Duration::from_millis(60_000 + (i as u64 * 7919) % 100_000)));
                let _ = s.as_mut().poll(cx);
                v.push(s);
            }
            t1 = now_ns();
            v.clear();
            std::task::Poll::Ready(())
        }));
        m.end();
        let x = format!(",\"start_s\":{:.4}", (t1 - m.t0) as f64 / 1e9);
        m.emit("w2_cancel_1m", n as f64, 0.0, &mut vec![], &x);
    }
}
