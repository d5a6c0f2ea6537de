// kj: KJ (Cap'n Proto's C++ base) used directly. Servers run on an event loop of
// their own on another thread; the client's loop is the main thread's, except in
// the "ffi" cases, where the main thread is foreign and calls through kj::Executor.
#include "../common/bench.h"
#include <kj/async-io.h>
#include <kj/async.h>
#include <kj/compat/http.h>
#include <kj/compat/tls.h>
#include <kj/debug.h>
#include <kj/filesystem.h>
#include <kj/mutex.h>
#include <kj/thread.h>
#include <kj/timer.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <atomic>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

using kj::byte;
static constexpr size_t K64 = 65536;

static void nodelay(kj::AsyncIoStream& s) {
  int one = 1;
  s.setsockopt(IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
}

// An event loop on its own thread; stopped by the destructor.
class Loop {
 public:
  Loop() : thread_([this]() { run(); }) {
    ready_.when([](const State& s) { return s.executor != nullptr; }, [](State&) {});
  }
  ~Loop() {
    ready_.lockExclusive()->stop->fulfill();
  }
  const kj::Executor& executor() const { return *ready_.lockShared()->executor; }
  kj::AsyncIoContext& io() { return *io_; }  // on the loop's thread only

  template <typename F>
  auto call(F&& f) -> decltype(executor().executeSync(kj::fwd<F>(f))) {
    return executor().executeSync(kj::fwd<F>(f));
  }

 private:
  struct State {
    const kj::Executor* executor = nullptr;
    kj::Own<kj::CrossThreadPromiseFulfiller<void>> stop;
  };
  kj::MutexGuarded<State> ready_;
  kj::AsyncIoContext* io_ = nullptr;

 public:
  kj::TaskSet* tasksRaw = nullptr;  // on the loop's thread only

 private:
  kj::Thread thread_;  // last: starts once the members above are set

  struct Errors : public kj::TaskSet::ErrorHandler {
    void taskFailed(kj::Exception&& e) override {
      if (e.getType() != kj::Exception::Type::DISCONNECTED) fprintf(stderr, "task: %s\n", kj::str(e).cStr());
    }
  };
  void run() {
    auto io = kj::setupAsyncIo();
    Errors errors;
    kj::TaskSet tasks(errors);
    io_ = &io;
    tasksRaw = &tasks;
    auto paf = kj::newPromiseAndCrossThreadFulfiller<void>();
    {
      auto lock = ready_.lockExclusive();
      lock->stop = kj::mv(paf.fulfiller);
      lock->executor = &kj::getCurrentThreadExecutor();
    }
    paf.promise.wait(io.waitScope);
  }

 public:
  // Listens and serves each connection with f(stream) -> Promise<void>.
  uint serve(std::function<kj::Promise<void>(kj::Own<kj::AsyncIoStream>)> f) {
    return call([this, f = kj::mv(f)]() mutable {
      return io_->provider->getNetwork().parseAddress("127.0.0.1", 0).then(
          [this, f = kj::mv(f)](kj::Own<kj::NetworkAddress> a) mutable {
            auto l = a->listen();
            uint port = l->getPort();
            tasksRaw->add(acceptAll(kj::mv(l), kj::mv(f)));
            return port;
          });
    });
  }
  kj::Promise<void> acceptAll(kj::Own<kj::ConnectionReceiver> l,
                              std::function<kj::Promise<void>(kj::Own<kj::AsyncIoStream>)> f) {
    for (;;) {
      auto s = co_await l->accept();
      nodelay(*s);
      tasksRaw->add(f(kj::mv(s)));
    }
  }
};

static kj::Promise<kj::Own<kj::AsyncIoStream>> dial(kj::AsyncIoContext& io, uint port) {
  auto a = co_await io.provider->getNetwork().parseAddress("127.0.0.1", port);
  auto s = co_await a->connect();
  nodelay(*s);
  co_return kj::mv(s);
}
static kj::Promise<void> echo(kj::Own<kj::AsyncIoStream> s) {
  auto b = kj::heapArray<byte>(K64);
  for (;;) {
    size_t n = co_await s->tryRead(b.begin(), 1, b.size());
    if (n == 0) co_return;
    co_await s->write(b.first(n));
  }
}

// ------------------------------------------------------------------ W1
static void W1() {
  lat_t l;
  meas_t m;
  if (want("w1_call_latency")) {
    Loop lp;
    auto& ex = lp.executor();
    lat_init(&l, 1 << 20);
    for (int i = 0; i < 2000; i++) ex.executeSync([]() -> kj::Promise<void> { return kj::READY_NOW; });
    meas_begin(&m);
    uint64_t end = m.t0 + dur_ns(1.5), t = m.t0;
    while (t < end) {
      ex.executeSync([]() -> kj::Promise<void> { return kj::READY_NOW; });
      uint64_t n = now_ns();
      lat_add(&l, n - t);
      t = n;
    }
    meas_end(&m);
    meas_emit("w1_call_latency", &m, (double)l.n, 0, &l, NULL);
    lat_free(&l);
  }
  if (want("w1_pipelined_1024")) {  // executeAsync needs an event loop in the calling thread
    Loop lp;
    auto& ex = lp.executor();
    auto io = kj::setupAsyncIo();
    double ops = 0;
    meas_begin(&m);
    uint64_t end = m.t0 + dur_ns(1.5);
    while (now_ns() < end) {
      auto b = kj::heapArrayBuilder<kj::Promise<void>>(1024);
      for (int i = 0; i < 1024; i++) b.add(ex.executeAsync([]() -> kj::Promise<void> { return kj::READY_NOW; }));
      kj::joinPromises(b.finish()).wait(io.waitScope);
      ops += 1024;
    }
    meas_end(&m);
    meas_emit("w1_pipelined_1024", &m, ops, 0, NULL, NULL);
  }
}

// ------------------------------------------------------------------ W2
static void W2() {
  meas_t m;
  if (want("w2_timers_100k")) {
    auto io = kj::setupAsyncIo();
    auto& timer = io.provider->getTimer();
    size_t n = scaled(100000);
    lat_t l;
    lat_init(&l, n);
    meas_begin(&m);
    {
      auto b = kj::heapArrayBuilder<kj::Promise<void>>(n);
      for (size_t i = 0; i < n; i++) {
        uint64_t ms = 1 + (i * 7919) % 1000, due = now_ns() + ms * 1000000;
        // KJ's clock stands still within a turn of the loop: atTime from the real one.
        b.add(timer.atTime(kj::systemPreciseMonotonicClock().now() + ms * kj::MILLISECONDS)
                  .then([due, &l]() { uint64_t t = now_ns(); lat_add(&l, t > due ? t - due : 0); })
                  .eagerlyEvaluate(nullptr));
      }
      kj::joinPromises(b.finish()).wait(io.waitScope);
    }
    meas_end(&m);
    meas_emit("w2_timers_100k", &m, (double)n, 0, &l, ",\"latency_is\":\"lateness\"");
    lat_free(&l);
  }
  if (want("w2_cancel_1m")) {
    auto io = kj::setupAsyncIo();
    auto& timer = io.provider->getTimer();
    size_t n = scaled(1000000);
    uint64_t t1;
    meas_begin(&m);
    {
      auto b = kj::heapArrayBuilder<kj::Promise<void>>(n);
      for (size_t i = 0; i < n; i++) b.add(timer.afterDelay((60000 + (i * 7919) % 100000) * kj::MILLISECONDS));
      t1 = now_ns();
    }
    meas_end(&m);
    char x[64];
    snprintf(x, sizeof(x), ",\"start_s\":%.4f", (double)(t1 - m.t0) / 1e9);
    meas_emit("w2_cancel_1m", &m, (double)n, 0, NULL, x);
  }
}

// ------------------------------------------------------------------ W3
static kj::Promise<void> pingpong(kj::AsyncIoStream& s, size_t size, uint64_t end, lat_t& l) {
  auto out = kj::heapArray<byte>(size), in = kj::heapArray<byte>(size);
  memset(out.begin(), 7, size);
  uint64_t t = now_ns();
  while (t < end) {
    if (size > 4096) {
      auto w = s.write(out).eagerlyEvaluate(nullptr);
      co_await s.read(in);
      co_await w;
    } else {
      co_await s.write(out);
      co_await s.read(in);
    }
    uint64_t n = now_ns();
    lat_add(&l, n - t);
    t = n;
  }
}
static void w3_native(const char* name, size_t size, int conns) {
  if (!want(name)) return;
  meas_t m;
  lat_t l;
  lat_init(&l, 1 << 20);
  Loop srv;
  uint port = srv.serve(echo);
  {
    auto io = kj::setupAsyncIo();
    kj::Vector<kj::Own<kj::AsyncIoStream>> v;
    for (int i = 0; i < conns; i++) v.add(dial(io, port).wait(io.waitScope));
    meas_begin(&m);
    uint64_t end = m.t0 + dur_ns(1);
    auto b = kj::heapArrayBuilder<kj::Promise<void>>(conns);
    for (auto& s : v) b.add(pingpong(*s, size, end, l));
    kj::joinPromises(b.finish()).wait(io.waitScope);
    meas_end(&m);
  }
  meas_emit(name, &m, (double)l.n, 2.0 * (double)l.n * (double)size, &l, NULL);
  lat_free(&l);
}
static void w3_ffi(const char* name, size_t size, int conns) {
  if (!want(name)) return;
  meas_t m;
  lat_t l;
  lat_init(&l, 1 << 20);
  Loop srv;
  uint port = srv.serve(echo);
  Loop lp;
  std::vector<kj::Own<kj::AsyncIoStream>> v;
  for (int i = 0; i < conns; i++) v.push_back(lp.call([&]() { return dial(lp.io(), port); }));
  std::vector<std::vector<byte>> out(conns, std::vector<byte>(size, 7)), in(conns, std::vector<byte>(size));
  auto W = [&](int i) { return [&, i]() { return v[i]->write(kj::arrayPtr(out[i].data(), size)); }; };
  auto R = [&](int i) { return [&, i]() { return v[i]->read(kj::arrayPtr(in[i].data(), size)); }; };
  auto& ex = lp.executor();
  if (conns == 1) {
    meas_begin(&m);
    uint64_t end = m.t0 + dur_ns(1), t = m.t0;
    while (t < end) {
      ex.executeSync(W(0));
      ex.executeSync(R(0));
      uint64_t n = now_ns();
      lat_add(&l, n - t);
      t = n;
    }
    meas_end(&m);
  } else {
    auto io = kj::setupAsyncIo();  // the foreign thread's own loop, for executeAsync
    std::vector<uint64_t> ts(conns);
    meas_begin(&m);
    uint64_t end = m.t0 + dur_ns(1), t = m.t0;
    while (t < end) {
      kj::Vector<kj::Promise<void>> ps(2 * conns);
      for (int i = 0; i < conns; i++) {
        ts[i] = now_ns();
        ps.add(ex.executeAsync(W(i)));
        ps.add(ex.executeAsync(R(i)));
      }
      for (int i = 0; i < conns; i++) {
        ps[2 * i].wait(io.waitScope);
        ps[2 * i + 1].wait(io.waitScope);
        t = now_ns();
        lat_add(&l, t - ts[i]);
      }
    }
    meas_end(&m);
  }
  lp.call([&]() { v.clear(); });
  meas_emit(name, &m, (double)l.n, 2.0 * (double)l.n * (double)size, &l, NULL);
  lat_free(&l);
}
static void W3() {
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
struct Sink {
  std::mutex m;
  std::condition_variable c;
  size_t got = 0;
  bool done = false;
  void put(size_t n) {
    std::lock_guard<std::mutex> g(m);
    got = n;
    done = true;
    c.notify_one();
  }
  size_t wait() {
    std::unique_lock<std::mutex> g(m);
    c.wait(g, [&]() { return done; });
    return got;
  }
};
static kj::Promise<void> drain(kj::Own<kj::AsyncIoStream> s, Sink& k) {
  auto b = kj::heapArray<byte>(K64);
  size_t t = 0;
  for (;;) {
    size_t n = co_await s->tryRead(b.begin(), 1, b.size());
    if (n == 0) break;
    t += n;
  }
  k.put(t);
}
static kj::Promise<void> pour(kj::AsyncIoStream& s, size_t total) {
  auto b = kj::heapArray<byte>(K64);
  memset(b.begin(), 0, K64);
  for (size_t n = 0; n < total; n += K64) co_await s.write(b);
}
static void W4() {
  size_t total = (size_t)(4.0 * g_scale * (double)(1ull << 30)) / K64 * K64;
  meas_t m;
  if (want("w4_bulk_native")) {
    Sink k;
    Loop srv;
    uint port = srv.serve([&k](kj::Own<kj::AsyncIoStream> s) { return drain(kj::mv(s), k); });
    auto io = kj::setupAsyncIo();
    auto s = dial(io, port).wait(io.waitScope);
    meas_begin(&m);
    pour(*s, total).wait(io.waitScope);
    s = nullptr;
    KJ_ASSERT(k.wait() == total);
    meas_end(&m);
    meas_emit("w4_bulk_native", &m, (double)total / K64, (double)total, NULL, NULL);
  }
  if (want("w4_bulk_ffi")) {
    Sink k;
    Loop srv;
    uint port = srv.serve([&k](kj::Own<kj::AsyncIoStream> s) { return drain(kj::mv(s), k); });
    Loop lp;
    auto s = lp.call([&]() { return dial(lp.io(), port); });
    auto b = kj::heapArray<byte>(K64);
    memset(b.begin(), 0, K64);
    auto& ex = lp.executor();
    meas_begin(&m);
    for (size_t n = 0; n < total; n += K64) ex.executeSync([&]() { return s->write(b); });
    lp.call([&]() { s = nullptr; });
    KJ_ASSERT(k.wait() == total);
    meas_end(&m);
    meas_emit("w4_bulk_ffi", &m, (double)total / K64, (double)total, NULL, NULL);
  }
}

// ------------------------------------------------------------------ W5
static kj::Promise<void> udpEcho(kj::DatagramPort& p) {
  auto r = p.makeReceiver({.content = 2048, .ancillary = 0});
  for (;;) {
    co_await r->receive();
    co_await p.send(r->getContent().value, r->getSource());
  }
}
static std::atomic<size_t> udpGot;
static kj::Promise<void> udpCount(kj::DatagramPort& p) {
  auto r = p.makeReceiver({.content = 2048, .ancillary = 0});
  for (;;) {
    co_await r->receive();
    udpGot.fetch_add(1, std::memory_order_relaxed);
  }
}
static void W5() {
  meas_t m;
  for (int way = 0; way < 2; way++) {
    const char* name = way ? "w5_udp_oneway_64B" : "w5_udp_pingpong_64B";
    if (!want(name)) continue;
    Loop srv;
    kj::Own<kj::DatagramPort> port;
    srv.call([&]() {
      return srv.io().provider->getNetwork().parseAddress("127.0.0.1", 0).then([&](kj::Own<kj::NetworkAddress> a) {
        port = a->bindDatagramPort();
        srv.tasksRaw->add(way ? udpCount(*port) : udpEcho(*port));
      });
    });
    auto io = kj::setupAsyncIo();
    auto& net = io.provider->getNetwork();
    auto c = net.parseAddress("127.0.0.1", 0).wait(io.waitScope)->bindDatagramPort();
    auto dest = net.parseAddress("127.0.0.1", port->getPort()).wait(io.waitScope);
    byte out[64] = {1};
    if (!way) {
      lat_t l;
      lat_init(&l, 1 << 20);
      auto r = c->makeReceiver({.content = 2048, .ancillary = 0});
      meas_begin(&m);
      uint64_t end = m.t0 + dur_ns(1);
      ([&]() -> kj::Promise<void> {
        uint64_t t = m.t0;
        while (t < end) {
          co_await c->send(kj::arrayPtr(out, 64), *dest);
          co_await r->receive();
          uint64_t n = now_ns();
          lat_add(&l, n - t);
          t = n;
        }
      })().wait(io.waitScope);
      meas_end(&m);
      meas_emit(name, &m, (double)l.n, 0, &l, NULL);
      lat_free(&l);
    } else {
      size_t sent = 0;
      meas_begin(&m);
      uint64_t end = m.t0 + dur_ns(1);
      ([&]() -> kj::Promise<void> {
        while ((sent & 63) || now_ns() < end) {
          co_await c->send(kj::arrayPtr(out, 64), *dest);
          sent++;
        }
      })().wait(io.waitScope);
      meas_end(&m);
      usleep(50000);
      char x[64];
      snprintf(x, sizeof(x), ",\"sent\":%zu", sent);
      meas_emit(name, &m, (double)udpGot.load(), 0, NULL, x);
    }
    srv.call([&]() { srv.tasksRaw->clear(); port = nullptr; });
  }
}

#include "protocols.h"

// ------------------------------------------------------------------ W9
static kj::Promise<void> turns(size_t n) {
  if (n == 0) return kj::READY_NOW;
  return kj::evalLater([n]() { return turns(n - 1); });
}
static void W9() {
  meas_t m;
  auto io = kj::setupAsyncIo();
  size_t reps = scaled(1000), n = scaled(1000000);
  if (want("w9_then_depth1000_x1000")) {
    meas_begin(&m);
    for (size_t r = 0; r < reps; r++) {
      kj::Promise<uint64_t> p = (uint64_t)0;
      for (int i = 0; i < 1000; i++) p = p.then([](uint64_t x) { return x + 1; });
      KJ_ASSERT(p.wait(io.waitScope) == 1000);
    }
    meas_end(&m);
    meas_emit("w9_then_depth1000_x1000", &m, (double)reps * 1000, 0, NULL, NULL);
  }
  // Each then evaluated as an event of its own: what a table of handles costs.
  if (want("w9_then_task_depth1000_x1000")) {
    meas_begin(&m);
    for (size_t r = 0; r < reps; r++) {
      kj::Promise<uint64_t> p = (uint64_t)0;
      for (int i = 0; i < 1000; i++) p = p.then([](uint64_t x) { return x + 1; }).eagerlyEvaluate(nullptr);
      KJ_ASSERT(p.wait(io.waitScope) == 1000);
    }
    meas_end(&m);
    meas_emit("w9_then_task_depth1000_x1000", &m, (double)reps * 1000, 0, NULL, NULL);
  }
  if (want("w9_then_loop_1m")) {
    meas_begin(&m);
    turns(n).wait(io.waitScope);
    meas_end(&m);
    meas_emit("w9_then_loop_1m", &m, (double)n, 0, NULL, NULL);
  }
  n = scaled(100000);
  if (want("w9_join_100k")) {
    meas_begin(&m);
    for (int r = 0; r < 10; r++) {
      auto b = kj::heapArrayBuilder<kj::Promise<uint64_t>>(n);
      for (size_t i = 0; i < n; i++) b.add((uint64_t)i);
      KJ_ASSERT(kj::joinPromises(b.finish()).wait(io.waitScope).size() == n);
    }
    meas_end(&m);
    meas_emit("w9_join_100k", &m, (double)n * 10, 0, NULL, NULL);
  }
  if (want("w9_xthread_fulfill_100k")) {
    meas_begin(&m);
    for (int r = 0; r < 10; r++) {
      auto b = kj::heapArrayBuilder<kj::Promise<uint64_t>>(n);
      std::vector<kj::Own<kj::CrossThreadPromiseFulfiller<uint64_t>>> fs;
      fs.reserve(n);
      for (size_t i = 0; i < n; i++) {
        auto paf = kj::newPromiseAndCrossThreadFulfiller<uint64_t>();
        b.add(kj::mv(paf.promise));
        fs.push_back(kj::mv(paf.fulfiller));
      }
      kj::Thread th([fs = kj::mv(fs)]() mutable {
        uint64_t i = 0;
        for (auto& f : fs) f->fulfill(i++);
        fs.clear();
      });
      KJ_ASSERT(kj::joinPromises(b.finish()).wait(io.waitScope).size() == n);
    }
    meas_end(&m);
    meas_emit("w9_xthread_fulfill_100k", &m, (double)n * 10, 0, NULL, NULL);
  }
}

// ------------------------------------------------------------------ W10
extern char** environ;
static void mem(const char* name, size_t n, meas_t* m, size_t a) {
  size_t b = rss_bytes();
  meas_end(m);
  char x[64];
  snprintf(x, sizeof(x), ",\"bytes_each\":%.1f", ((double)b - (double)a) / (double)n);
  meas_emit(name, m, (double)n, 0, NULL, x);
}
static kj::Promise<void> idle(kj::Own<kj::AsyncIoStream> s) {
  byte b[64];
  co_await s->tryRead(b, 1, 64);
}
static void W10() {
  meas_t m;
  auto io = kj::setupAsyncIo();
  if (want("w10_mem_conn_10k")) {
    size_t n = scaled(10000);
    if (n > 10000) n = 10000;
    auto a = io.provider->getNetwork().parseAddress("127.0.0.1", 0).wait(io.waitScope);
    auto l = a->listen();
    int pfd[2];
    KJ_SYSCALL(pipe2(pfd, O_CLOEXEC));
    posix_spawn_file_actions_t fa;
    posix_spawn_file_actions_init(&fa);
    posix_spawn_file_actions_adddup2(&fa, pfd[0], 0);
    std::string port = std::to_string(l->getPort()), ns = std::to_string(n);
    const char* raw = getenv("PEERS_RAW");
    KJ_REQUIRE(raw != nullptr, "PEERS_RAW");
    char* argv[] = {(char*)raw, (char*)"hold", (char*)port.c_str(), (char*)ns.c_str(), NULL};
    pid_t pid;
    KJ_REQUIRE(posix_spawn(&pid, raw, &fa, NULL, argv, environ) == 0);
    close(pfd[0]);
    {
      size_t before = rss_bytes();
      meas_begin(&m);
      kj::Vector<kj::Promise<void>> ps;
      ([&]() -> kj::Promise<void> {
        for (size_t i = 0; i < n; i++) ps.add(idle(co_await l->accept()).eagerlyEvaluate(nullptr));
      })().wait(io.waitScope);
      io.provider->getTimer().afterDelay(200 * kj::MILLISECONDS).wait(io.waitScope);
      mem("w10_mem_conn_10k", n, &m, before);
      close(pfd[1]);
      int st;
      waitpid(pid, &st, 0);
    }
  }
  size_t n = scaled(100000);
  if (want("w10_mem_timer_100k")) {
    size_t a = rss_bytes();
    meas_begin(&m);
    auto b = kj::heapArrayBuilder<kj::Promise<void>>(n);
    for (size_t i = 0; i < n; i++) b.add(io.provider->getTimer().afterDelay(3600 * kj::SECONDS));
    mem("w10_mem_timer_100k", n, &m, a);
  }
  if (want("w10_mem_promise_100k")) {
    size_t a = rss_bytes();
    meas_begin(&m);
    std::vector<kj::PromiseFulfillerPair<uint64_t>> v;
    v.reserve(n);
    for (size_t i = 0; i < n; i++) v.push_back(kj::newPromiseAndFulfiller<uint64_t>());
    mem("w10_mem_promise_100k", n, &m, a);
  }
  if (want("w10_mem_task_100k")) {
    size_t a = rss_bytes();
    meas_begin(&m);
    std::vector<kj::Own<kj::PromiseFulfiller<uint64_t>>> f;
    kj::Vector<kj::Promise<uint64_t>> v(n);
    f.reserve(n);
    for (size_t i = 0; i < n; i++) {
      auto paf = kj::newPromiseAndFulfiller<uint64_t>();
      f.push_back(kj::mv(paf.fulfiller));
      v.add(paf.promise.then([](uint64_t x) { return x + 1; }).eagerlyEvaluate(nullptr));
    }
    mem("w10_mem_task_100k", n, &m, a);
  }
}

int main(int argc, char** argv) {
  g_peer = "kj";
  raise_fds(20000);
  if (argc >= 4 && !strcmp(argv[1], "serve-http")) return serveHttp(atoi(argv[2]), atoi(argv[3]));
  std::string w = bench_args(argc, argv);
  if (w == "W1") W1();
  else if (w == "W2") W2();
  else if (w == "W3") W3();
  else if (w == "W4") W4();
  else if (w == "W5") W5();
  else if (w == "W6") W6();
  else if (w == "W7") W7();
  else if (w == "W8") W8();
  else if (w == "W9") W9();
  else if (w == "W10") W10();
  else { fprintf(stderr, "n/a\n"); return 4; }
  return 0;
}
