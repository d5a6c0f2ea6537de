// A client and a server of Cap'n Proto's, each on a thread of its own, whose calls wait for timers, connections and HTTP of KjAsync.
#include "loopback.h"
#include "scene.h"
#include "worker.capnp.h"

#include <capnp/rpc-twoparty.h>
#include <kj/thread.h>

static kj::StringPtr GREETING = "hello over HTTP";

static void answer(void*, kja_call_t call) {
  Owned<kja_http_request_release> request;
  CHECK_OK(kja_call_handle(call, request.out()));
  CHECK_OK(kja_http_request_respond(request.get(), 200, nullptr, 0, 0, GREETING.begin(), GREETING.size()));
}

// What the calls need: an HTTP server on this thread's wait scope or runtime, and a client for it.
struct Web {
  Owned<kja_listener_release> listener;
  Owned<kja_address_release> address;
  Owned<kja_http_server_release> server;
  Owned<kja_http_client_release> client;
  Promise serving;

  explicit Web(kja_runtime_t runtime) {
    Owned<kja_address_release> any;
    struct sockaddr_in at = {};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    CHECK_OK(kja_address_from_sockaddr(runtime, &at, sizeof at, any.out()));
    CHECK_OK(kja_address_listen(any.get(), 0, listener.out()));
    CHECK_OK(kja_listener_local_address(listener.get(), address.out()));
    CHECK_OK(kja_http_server_new(runtime, nullptr, answer, nullptr, nullptr, server.out()));
    CHECK_OK(kja_http_server_listen_start(server.get(), listener.get(), serving.out()));
    CHECK_OK(kja_http_client_new_address(address.get(), nullptr, client.out()));
  }
};

class WorkerImpl final : public Worker::Server {
 public:
  WorkerImpl(Scene& scene, Web& web, count_t& held, count_t& dropped) : scene(scene), web(web), held(held), dropped(dropped) {}

  kj::Promise<void> sleep(SleepContext context) override {
    return scene.bridge->toKj<void>(scene.sleep(context.getParams().getNanos())).then([context]() mutable {
      context.getResults().setThread(std::hash<std::thread::id>()(std::this_thread::get_id()));
    });
  }

  kj::Promise<void> fetch(FetchContext context) override {
    auto path = context.getParams().getPath();
    using Response = Owned<kja_http_response_release>;
    Promise response;
    check(kja_http_client_request_start(web.client.get(), "GET", 3, path.begin(), path.size(), 0, nullptr, 0, response.out()));
    return scene.bridge->toKj<Response>(kj::mv(response)).then([this, context](Response response) mutable {
      uint32_t status = 0;
      check(kja_http_response_status(response.get(), &status));
      context.getResults().setStatus(status);
      Connection body;
      check(kja_http_response_body(response.get(), body.out()));
      auto stream = scene.bridge->toKj(kj::mv(body));
      auto reading = stream->readAllBytes();
      return reading.attach(kj::mv(stream), kj::mv(response)).then([context](kj::Array<kj::byte> bytes) mutable {
        context.getResults().setBody(bytes);
      });
    });
  }

  // Over a connection to a peer that says the same again, which is a coroutine of KJ's at the other end.
  kj::Promise<void> converse(ConverseContext context) override {
    auto text = kj::str(context.getParams().getText());
    Connection one, other;
    check(kja_pipe_new_os_two_way(scene.runtime.get(), one.out(), other.out()));
    auto ours = scene.bridge->toKj(kj::mv(one)), theirs = scene.bridge->toKj(kj::mv(other));
    auto echo = theirs->pumpTo(*theirs).then([&theirs = *theirs](uint64_t) { theirs.shutdownWrite(); }).eagerlyEvaluate(nullptr);
    auto writing = ours->write(text.begin(), text.size()).then([&ours = *ours]() { ours.shutdownWrite(); }).eagerlyEvaluate(nullptr);
    return ours->readAllText()
        .then([context](kj::String answer) mutable { context.getResults().setAnswer(answer); })
        .attach(kj::mv(echo), kj::mv(writing))
        .attach(kj::mv(ours), kj::mv(theirs), kj::mv(text));
  }

  kj::Promise<void> fail(FailContext context) override {
    auto text = context.getParams().getText();
    Promise failed;
    check(kja_promise_new_error(scene.runtime.get(), context.getParams().getKind(), 0, text.begin(), text.size(), failed.out()));
    return scene.bridge->toKj<void>(scene.later(failed));
  }

  kj::Promise<void> hold(HoldContext context) override {
    context.allowCancellation();
    Promise attached;
    check(kja_promise_attach(scene.never().get(), &dropped, count_destroy, attached.out()));
    count_add(&held, 1);
    return scene.bridge->toKj<void>(kj::mv(attached));
  }

  // Calls back, over KjAsync: to a promise of KjAsync and back.
  kj::Promise<void> ask(AskContext context) override {
    context.allowCancellation();
    auto request = context.getParams().getOther().sleepRequest();
    request.setNanos(context.getParams().getNanos());
    return scene.bridge->toKj<void>(scene.bridge->toKja(request.send().ignoreResult()));
  }

  kj::Promise<void> spawn(SpawnContext context) override {
    auto made = kj::heap<WorkerImpl>(scene, web, held, dropped);
    return scene.bridge->toKj<void>(scene.sleep(MILLISECOND)).then([context, made = kj::mv(made)]() mutable {
      context.getResults().setWorker(kj::mv(made));
    });
  }

 private:
  Scene& scene;
  Web& web;
  count_t& held;
  count_t& dropped;
};

// A server on its thread. Its end of the socket is a connection of KjAsync's, the client's is KJ's own.
struct Pair {
  count_t held = {0}, dropped = {0};
  int sockets[2] = {-1, -1};
  kj::Own<kj::Thread> thread;

  Pair() {
    CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) == 0);
    thread = kj::heap<kj::Thread>([this]() {
      Scene scene;
      Web web(scene.runtime.get());
      {
        Connection connection;
        CHECK_OK(kja_connection_from_fd(scene.runtime.get(), sockets[1], KJA_FD_TAKE, connection.out()));
        auto stream = scene.bridge->toKj(kj::mv(connection));
        capnp::TwoPartyVatNetwork network(*stream, capnp::rpc::twoparty::Side::SERVER);
        auto system = capnp::makeRpcServer(network, kj::heap<WorkerImpl>(scene, web, held, dropped));
        network.onDisconnect().wait(scene.waitScope);
      }
    });
  }
};

struct Client {
  Scene scene;
  Pair pair;
  kj::Own<kj::AsyncIoStream> stream =
      scene.io.lowLevelProvider->wrapSocketFd(pair.sockets[0], kj::LowLevelAsyncIoProvider::TAKE_OWNERSHIP);
  capnp::TwoPartyClient rpc{*stream};
  Worker::Client worker = rpc.bootstrap().castAs<Worker>();
};

static void calls_wait_for_timers_of_kjasync() {
  Client client;
  auto request = client.worker.sleepRequest();
  request.setNanos(2 * MILLISECOND);
  auto begin = kja_timer_now_nanos();
  auto response = request.send().wait(client.scene.waitScope);
  CHECK(kja_timer_now_nanos() - begin >= 2 * MILLISECOND);
  CHECK(response.getThread() != std::hash<std::thread::id>()(std::this_thread::get_id()));
  // Many at once, and none waits for another.
  auto holding = client.worker.holdRequest().send().ignoreResult();
  auto all = kj::heapArrayBuilder<kj::Promise<void>>(20);
  for (uint64_t i = 0; i < 20; i++) {
    auto sleep = client.worker.sleepRequest();
    sleep.setNanos(i % 5 * MILLISECOND);
    all.add(sleep.send().ignoreResult());
  }
  kj::joinPromises(all.finish()).wait(client.scene.waitScope);
  CHECK(!holding.poll(client.scene.waitScope));
}

static void calls_wait_for_http_of_kjasync() {
  Client client;
  for (int round = 0; round < 5; round++) {
    auto request = client.worker.fetchRequest();
    request.setPath("/a");
    auto response = request.send().wait(client.scene.waitScope);
    CHECK_U64(response.getStatus(), 200);
    CHECK(response.getBody() == GREETING.asBytes());
  }
}

static void calls_wait_for_connections_of_kjasync() {
  Client client;
  auto lengthy = kj::heapString(under_valgrind() ? 20000 : 1000000);
  memset(lengthy.begin(), 'x', lengthy.size());
  for (kj::StringPtr text : {kj::StringPtr("hello"), kj::StringPtr(lengthy)}) {
    auto request = client.worker.converseRequest();
    request.setText(text);
    CHECK(request.send().wait(client.scene.waitScope).getAnswer() == text);
  }
}

static void calls_back_and_pipelined_calls_wait_too() {
  Client client;
  Web web(client.scene.runtime.get());
  count_t held = {0}, dropped = {0};
  auto request = client.worker.askRequest();
  request.setOther(kj::heap<WorkerImpl>(client.scene, web, held, dropped));
  request.setNanos(MILLISECOND);
  request.send().wait(client.scene.waitScope);
  auto sleep = client.worker.spawnRequest().send().getWorker().sleepRequest();
  sleep.setNanos(MILLISECOND);
  sleep.send().wait(client.scene.waitScope);
}

static void errors_of_kjasync_come_to_the_caller() {
  Client client;
  for (kja_status_t kind = kind_after(0); kind; kind = kind_after(kind)) {
    auto failing = [&]() {
      auto request = client.worker.failRequest();
      request.setKind(kind);
      request.setText("no luck");
      return request.send().ignoreResult();
    };
    auto exception = thrown([&]() { failing().wait(client.scene.waitScope); });
    CHECK(exception.getType() == typeOf(kind) && contains(exception.getDescription(), "no luck"));
    // And on to KjAsync, on this side.
    Promise there = client.scene.bridge->toKja(failing());
    auto again = thrown([&]() { client.scene.outcome<void>(kj::mv(there)); });
    CHECK(again.getType() == typeOf(kind) && contains(again.getDescription(), "no luck"));
  }
}

static void a_dropped_call_cancels_what_it_waits_for() {
  Client client;
  for (uint64_t round = 1; round <= 5; round++) {
    {
      auto call = client.worker.holdRequest().send();
      auto held = call.ignoreResult();
      CHECK(!held.poll(client.scene.waitScope));
      client.scene.until(client.pair.held, round);
      CHECK_U64(count_get(&client.pair.dropped), round - 1);
    }
    client.scene.until(client.pair.dropped, round);
  }
  // The same from the end of a chain that goes on in KjAsync.
  Promise there = client.scene.bridge->toKja(client.worker.holdRequest().send().ignoreResult());
  client.scene.until(client.pair.held, 6);
  CHECK_OK(kja_promise_cancel(there.get()));
  client.scene.until(client.pair.dropped, 6);
}

static void a_client_that_goes_cancels_its_calls() {
  auto client = kj::heap<Client>();
  auto& pair = client->pair;
  auto calls = kj::heapArrayBuilder<kj::Promise<void>>(10);
  for (int i = 0; i < 10; i++) calls.add(client->worker.holdRequest().send().ignoreResult());
  auto all = calls.finish();
  client->scene.until(pair.held, 10);
  // Without a word: the socket is shut down under the RPC system.
  CHECK(shutdown(pair.sockets[0], SHUT_RDWR) == 0);
  for (auto& call : all) {
    CHECK(thrown([&]() { call.wait(client->scene.waitScope); }).getType() == kj::Exception::Type::DISCONNECTED);
  }
  client->scene.until(pair.dropped, 10);
}

int main() {
  RUN_IN_BOTH(calls_wait_for_timers_of_kjasync);
  RUN_IN_BOTH(calls_wait_for_http_of_kjasync);
  RUN_IN_BOTH(calls_wait_for_connections_of_kjasync);
  RUN_IN_BOTH(calls_back_and_pipelined_calls_wait_too);
  RUN_IN_BOTH(errors_of_kjasync_come_to_the_caller);
  RUN_IN_BOTH(a_dropped_call_cancels_what_it_waits_for);
  RUN_IN_BOTH(a_client_that_goes_cancels_its_calls);
  return check_done();
}
