// kj: W6, W7 and W8, HTTP, WebSocket and TLS. A part of kj.c++.
// ------------------------------------------------------------------ W6, W7
static byte body1k[1024];
struct Service final : public kj::HttpService {
  kj::HttpHeaderTable& table;
  kj::HttpHeaders empty;
  Service(kj::HttpHeaderTable& t) : table(t), empty(t) { memset(body1k, 'x', sizeof(body1k)); }
  kj::Promise<void> request(kj::HttpMethod method, kj::StringPtr, const kj::HttpHeaders& headers,
                            kj::AsyncInputStream& in, Response& resp) override {
    if (headers.isWebSocket()) {
      auto ws = resp.acceptWebSocket(empty);
      for (;;) {
        auto msg = co_await ws->receive();
        KJ_SWITCH_ONEOF(msg) {
          KJ_CASE_ONEOF(t, kj::String) { co_await ws->send(t); }
          KJ_CASE_ONEOF(b, kj::Array<byte>) { co_await ws->send(b.asPtr()); }
          KJ_CASE_ONEOF(c, kj::WebSocket::Close) { co_await ws->close(c.code, c.reason); co_return; }
        }
      }
    }
    kj::HttpHeaders h(table);
    h.setPtr(kj::HttpHeaderId::CONTENT_TYPE, "text/plain");
    if (method == kj::HttpMethod::POST) {
      auto b = co_await in.readAllBytes();
      auto out = resp.send(200, "OK", h, b.size());
      co_await out->write(b);
    } else {
      auto out = resp.send(200, "OK", h, sizeof(body1k));
      co_await out->write(kj::arrayPtr(body1k, sizeof(body1k)));
    }
  }
};
// An HTTP server on a loop; made and torn down on the loop's thread.
struct HttpOn {
  kj::HttpHeaderTable table;
  Service service{table};
  kj::HttpServer server;
  HttpOn(kj::Timer& timer, kj::HttpServerSettings st = kj::HttpServerSettings()) : server(timer, table, service, st) {}
};
struct HttpLoop {
  Loop lp;
  HttpOn* on = nullptr;
  uint port = 0;
  HttpLoop() {
    lp.call([&]() { on = new HttpOn(lp.io().provider->getTimer()); });
    port = lp.serve([this](kj::Own<kj::AsyncIoStream> s) { return on->server.listenHttp(kj::mv(s)); });
  }
  ~HttpLoop() {
    lp.call([&]() { lp.tasksRaw->clear(); delete on; });
  }
};
static void w6(const char* name, size_t post, int conns) {
  if (!want(name)) return;
  meas_t m;
  lat_t l;
  lat_init(&l, 1 << 20);
  HttpLoop srv;
  {
    auto io = kj::setupAsyncIo();
    kj::HttpHeaderTable table;
    auto body = kj::heapArray<byte>(post);
    memset(body.begin(), 'y', post);
    kj::Vector<kj::Own<kj::AsyncIoStream>> streams;
    for (int i = 0; i < conns; i++) streams.add(dial(io, srv.port).wait(io.waitScope));
    auto one = [&](kj::AsyncIoStream& s, uint64_t end) -> kj::Promise<void> {
      auto client = kj::newHttpClient(table, s);
      uint64_t t = now_ns();
      while (t < end) {
        kj::HttpHeaders h(table);
        h.setPtr(kj::HttpHeaderId::HOST, "localhost");
        auto req = client->request(post ? kj::HttpMethod::POST : kj::HttpMethod::GET, post ? "/echo"_kj : "/k"_kj, h,
                                   kj::Maybe<uint64_t>((uint64_t)post));
        if (post) {
          auto w = req.body->write(body).eagerlyEvaluate(nullptr);
          auto resp = co_await req.response;
          auto b = co_await resp.body->readAllBytes();
          co_await w;
          KJ_ASSERT(b.size() == post);
        } else {
          auto resp = co_await req.response;
          auto b = co_await resp.body->readAllBytes();
          KJ_ASSERT(b.size() == 1024);
        }
        uint64_t n = now_ns();
        lat_add(&l, n - t);
        t = n;
      }
    };
    meas_begin(&m);
    uint64_t end = m.t0 + dur_ns(1.5);
    auto b = kj::heapArrayBuilder<kj::Promise<void>>(conns);
    for (auto& s : streams) b.add(one(*s, end));
    kj::joinPromises(b.finish()).wait(io.waitScope);
    meas_end(&m);
  }
  meas_emit(name, &m, (double)l.n, (double)l.n * (post ? 2.0 * (double)post : 1024.0), &l, NULL);
  lat_free(&l);
}
static void W6() {
  w6("w6_get1k_1c", 0, 1);
  w6("w6_get1k_64c", 0, 64);
  w6("w6_post64k_1c", K64, 1);
}
static int serveHttp(uint port, int secs) {
  auto io = kj::setupAsyncIo();
  HttpOn on(io.provider->getTimer());
  auto a = io.provider->getNetwork().parseAddress("127.0.0.1", port).wait(io.waitScope);
  auto l = a->listen();
  printf("READY %u\n", l->getPort());
  fflush(stdout);
  auto p = on.server.listenHttp(*l).eagerlyEvaluate([](kj::Exception&& e) { fprintf(stderr, "%s\n", kj::str(e).cStr()); });
  io.provider->getTimer().afterDelay(secs * kj::SECONDS).wait(io.waitScope);
  return 0;
}
struct CountingEntropy : public kj::EntropySource {
  uint32_t x = 12345;
  void generate(kj::ArrayPtr<byte> b) override {
    for (auto& c : b) { x = x * 1664525 + 1013904223; c = x >> 24; }
  }
};
static void w7(const char* name, size_t size, bool text) {
  if (!want(name)) return;
  meas_t m;
  lat_t l;
  lat_init(&l, 1 << 20);
  HttpLoop srv;
  {
    auto io = kj::setupAsyncIo();
    kj::HttpHeaderTable table;
    CountingEntropy entropy;  // masks frames, as the client must
    kj::HttpClientSettings st;
    st.entropySource = entropy;
    auto s = dial(io, srv.port).wait(io.waitScope);
    auto client = kj::newHttpClient(table, *s, st);
    kj::HttpHeaders h(table);
    h.setPtr(kj::HttpHeaderId::HOST, "localhost");
    auto r = client->openWebSocket("/ws", h).wait(io.waitScope);
    auto ws = kj::mv(r.webSocketOrBody.get<kj::Own<kj::WebSocket>>());
    std::string msg(size, 'a');
    auto run = [&](uint64_t end) -> kj::Promise<void> {
      uint64_t t = now_ns();
      while (t < end) {
        kj::Promise<void> w = text ? ws->send(kj::arrayPtr(msg.data(), size)) : ws->send(kj::arrayPtr((const byte*)msg.data(), size));
        auto w2 = w.eagerlyEvaluate(nullptr);
        auto got = co_await ws->receive();
        co_await w2;
        size_t n = got.is<kj::String>() ? got.get<kj::String>().size() : got.get<kj::Array<byte>>().size();
        KJ_ASSERT(n == size);
        uint64_t x = now_ns();
        lat_add(&l, x - t);
        t = x;
      }
    };
    meas_begin(&m);
    run(m.t0 + dur_ns(1)).wait(io.waitScope);
    meas_end(&m);
  }
  meas_emit(name, &m, (double)l.n, 2.0 * (double)l.n * (double)size, &l, NULL);
  lat_free(&l);
}
static void W7() {
  w7("w7_ws_text_64B", 64, true);
  w7("w7_ws_bin_64B", 64, false);
  w7("w7_ws_text_64K", K64, true);
  w7("w7_ws_bin_64K", K64, false);
}

// ------------------------------------------------------------------ W8
static kj::String slurp(const char* env) {
  const char* p = getenv(env);
  KJ_REQUIRE(p != nullptr, env);
  FILE* f = fopen(p, "r");
  KJ_REQUIRE(f != nullptr, p);
  kj::Vector<char> v;
  int c;
  while ((c = fgetc(f)) != EOF) v.add((char)c);
  fclose(f);
  v.add('\0');
  return kj::String(v.releaseAsArray());
}
static void W8() {
  meas_t m;
  auto certPem = slurp("PEERS_CERT"), keyPem = slurp("PEERS_KEY");
  kj::TlsKeypair pair{kj::TlsPrivateKey(keyPem), kj::TlsCertificate(certPem)};
  kj::TlsContext::Options so, co;
  so.minVersion = kj::TlsVersion::TLS_1_3;
  so.defaultKeypair = pair;
  kj::TlsContext server(kj::mv(so));
  co.minVersion = kj::TlsVersion::TLS_1_3;
  co.useSystemTrustStore = false;
  kj::TlsCertificate trusted(certPem);
  co.trustedCertificates = kj::arrayPtr(&trusted, 1);
  kj::TlsContext client(kj::mv(co));
  if (want("w8_tls_handshake")) {
    Loop srv;
    uint port = srv.serve([&](kj::Own<kj::AsyncIoStream> s) -> kj::Promise<void> {
      auto t = co_await server.wrapServer(kj::mv(s));
      co_await t->write("k"_kjb);
      byte b[1];
      co_await t->tryRead(b, 1, 1);
    });
    lat_t l;
    lat_init(&l, 1 << 16);
    auto io = kj::setupAsyncIo();
    meas_begin(&m);
    uint64_t end = m.t0 + dur_ns(2);
    ([&]() -> kj::Promise<void> {
      uint64_t t = m.t0;
      while (t < end) {
        auto s = co_await client.wrapClient(co_await dial(io, port), "localhost");
        byte b[1];
        co_await s->read(kj::arrayPtr(b, 1));
        lat_add(&l, now_ns() - t);
        co_await s->write("k"_kjb);
        s = nullptr;
        t = now_ns();
      }
    })().wait(io.waitScope);
    meas_end(&m);
    meas_emit("w8_tls_handshake", &m, (double)l.n, 0, &l, NULL);
    lat_free(&l);
  }
  if (want("w8_tls_bulk")) {
    size_t total = (size_t)(2.0 * g_scale * (double)(1ull << 30)) / K64 * K64;
    Sink k;
    Loop srv;
    uint port = srv.serve([&](kj::Own<kj::AsyncIoStream> s) -> kj::Promise<void> {
      co_await drain(co_await server.wrapServer(kj::mv(s)), k);
    });
    auto io = kj::setupAsyncIo();
    auto s = client.wrapClient(dial(io, port).wait(io.waitScope), "localhost").wait(io.waitScope);
    meas_begin(&m);
    pour(*s, total).wait(io.waitScope);
    s->shutdownWrite();
    byte b[1];
    // The server's end closes without a TLS goodbye once it has everything.
    s->tryRead(b, 1, 1).then([](size_t) {}, [](kj::Exception&&) {}).wait(io.waitScope);
    KJ_ASSERT(k.wait() == total);
    meas_end(&m);
    meas_emit("w8_tls_bulk", &m, (double)total / K64, (double)total, NULL, NULL);
  }
}
