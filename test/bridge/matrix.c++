// Mixed chains, and every way in which they may end: the operation at their beginning is gone by then, and so is what was attached to it.
#include "loopback.h"
#include "scene.h"

#include <functional>
#include <vector>

// What a chain begins with, on the side of KjAsync. A token that is attached to it tells when it is gone.
struct Source {
  const char* name;
  std::function<Promise(Scene&)> start;
};
// Something that an operation needs, released with the scene.
struct Props {
  std::vector<std::function<void()>> release;
  ~Props() {
    for (auto& each : release) each();
  }
};

static Promise started(const std::function<kja_status_t(kja_promise_t*)>& start) {
  Promise promise;
  CHECK_OK(start(promise.out()));
  return promise;
}

static std::vector<Source> sources(Props& props) {
  return {
      {"never", [](Scene& scene) { return scene.never(); }},
      {"sleep", [](Scene& scene) { return scene.sleep(3600 * SECOND); }},
      {"fulfiller", [&props](Scene& scene) {
         kja_fulfiller_t fulfiller = 0;
         Promise promise;
         CHECK_OK(kja_fulfiller_new(scene.runtime.get(), &fulfiller, promise.out()));
         props.release.push_back([=]() { kja_fulfiller_release(fulfiller); });
         return promise;
       }},
      {"read", [&props](Scene& scene) {
         kja_connection_t one = 0, other = 0;
         CHECK_OK(kja_pipe_new_os_two_way(scene.runtime.get(), &one, &other));
         props.release.push_back([=]() { kja_connection_release(one), kja_connection_release(other); });
         return started([=](kja_promise_t* out) { return kja_connection_read_start(one, 1, 100, out); });
       }},
      {"pipe", [&props](Scene& scene) {
         kja_connection_t one = 0, other = 0;
         CHECK_OK(kja_pipe_new_two_way(scene.runtime.get(), &one, &other));
         props.release.push_back([=]() { kja_connection_release(one), kja_connection_release(other); });
         return started([=](kja_promise_t* out) { return kja_connection_write_start(one, "abc", 3, out); });
       }},
      {"accept", [&props](Scene& scene) {
         kja_listener_t listener = 0;
         Owned<kja_address_release> address;
         struct sockaddr_in at = {};
         at.sin_family = AF_INET;
         at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
         CHECK_OK(kja_address_from_sockaddr(scene.runtime.get(), &at, sizeof at, address.out()));
         CHECK_OK(kja_address_listen(address.get(), 0, &listener));
         props.release.push_back([=]() { kja_listener_release(listener); });
         return started([=](kja_promise_t* out) { return kja_listener_accept_start(listener, out); });
       }},
      {"request", [&props](Scene& scene) {
         kja_connection_t one = 0, other = 0;
         kja_http_client_t client = 0;
         CHECK_OK(kja_pipe_new_two_way(scene.runtime.get(), &one, &other));
         CHECK_OK(kja_http_client_new_connection(one, nullptr, &client));
         props.release.push_back([=]() { kja_http_client_release(client), kja_connection_release(one), kja_connection_release(other); });
         return started([=](kja_promise_t* out) { return kja_http_client_request_start(client, "GET", 3, "/", 1, 0, nullptr, 0, out); });
       }},
      {"queue", [&props](Scene& scene) {
         kja_queue_t queue = 0;
         CHECK_OK(kja_queue_new(scene.runtime.get(), 1, &queue));
         props.release.push_back([=]() { kja_queue_release(queue); });
         return started([=](kja_promise_t* out) { return kja_queue_pop_start(queue, out); });
       }},
      {"signal", [&props](Scene& scene) {
         kja_signal_t signal = 0;
         int32_t number = SIGUSR2;
         CHECK_OK(kja_signal_new(scene.runtime.get(), &number, 1, &signal));
         props.release.push_back([=]() { kja_signal_release(signal); });
         return started([=](kja_promise_t* out) { return kja_signal_next_start(signal, out); });
       }},
      {"then", [](Scene& scene) {
         auto run = [](void*, kja_call_t) { CHECK(!"it runs"); };
         auto never = scene.never();
         return started([&](kja_promise_t* out) { return kja_promise_then(never.get(), run, nullptr, nullptr, out); });
       }},
      {"kj", [](Scene& scene) { return scene.bridge->toKja(kj::Promise<void>(kj::NEVER_DONE)); }},
      {"kj's timer", [](Scene& scene) { return scene.bridge->toKja(scene.timer().afterDelay(kj::HOURS)); }},
      {"joined", [](Scene& scene) {
         auto builder = kj::heapArrayBuilder<kj::Promise<void>>(2);
         builder.add(scene.bridge->toKj<void>(scene.never()));
         builder.add(kj::Promise<void>(kj::NEVER_DONE));
         return scene.bridge->toKja(kj::joinPromises(builder.finish()));
       }},
  };
}

// Of that many links, of which each goes to KJ and back.
struct Chain {
  Promise first;
  // Its last link is on one side or the other.
  kj::Maybe<kj::Promise<void>> kjs;
  Promise ours;
  kja_promise_t beginning = 0;
  count_t gone = {0}, links = {0};

  Chain(Scene& scene, const Source& source, int depth, bool endsWithKj) {
    Promise operation = source.start(scene);
    CHECK_OK(kja_promise_attach(operation.get(), &gone, count_destroy, first.out()));
    operation = {};
    beginning = first.get();
    if (depth == 0 && !endsWithKj) {
      ours = kj::mv(first);
      return;
    }
    for (int link = 0;; link++) {
      kj::Promise<void> promise = scene.bridge->toKj<void>(link ? kj::mv(ours) : kj::mv(first)).attach(kj::heap<Token>(links));
      if (endsWithKj && link == depth) {
        kjs = kj::mv(promise);
        return;
      }
      ours = scene.bridge->toKja(kj::mv(promise));
      if (!endsWithKj && link == depth) return;
    }
  }
  kja_status_t kind(Scene& scene) {
    KJ_IF_MAYBE (promise, kjs) {
      auto exception = thrown([&]() { promise->wait(scene.waitScope); });
      kjs = nullptr;
      int32_t os = 0;
      return detail::kindOf(exception, os);
    }
    auto exception = thrown([&]() { scene.outcome<void>(kj::mv(ours)); });
    int32_t os = 0;
    return detail::kindOf(exception, os);
  }
};

static void through_all(const std::function<void(Scene&, Chain&, int)>& end) {
  Props everything;
  size_t count = sources(everything).size();
  for (size_t i = 0; i < count; i++) {
    for (int depth : {0, 1, under_valgrind() ? 2 : 5}) {
      for (bool endsWithKj : {false, true}) {
        int failures = check_failures_;
        Props props;
        Scene scene;
        auto all = sources(props);
        {
          Chain chain(scene, all[i], depth, endsWithKj);
          // Some begin in a later turn.
          for (int turn = 0; turn < 3; turn++) scene.waitScope.poll();
          CHECK_U64(count_get(&chain.gone), 0);
          end(scene, chain, endsWithKj ? depth + 1 : depth ? depth + 1 : 0);
          CHECK_U64(count_get(&chain.gone), 1);
        }
        if (check_failures_ != failures && failures < MOST_SHOWN) fprintf(stderr, "  with %s, depth %d, %s\n", all[i].name, depth, endsWithKj ? "KJ" : "KjAsync");
      }
    }
  }
}

static void its_end_is_dropped() {
  through_all([](Scene&, Chain& chain, int links) {
    chain.kjs = nullptr;
    chain.ours = {};
    // It is gone with that, and every link.
    CHECK_U64(count_get(&chain.gone), 1);
    CHECK_U64(count_get(&chain.links), links);
  });
}
static void its_end_is_cancelled() {
  through_all([](Scene& scene, Chain& chain, int links) {
    if (!chain.ours) {
      kj::Canceler canceler;
      KJ_IF_MAYBE (promise, chain.kjs) {
        auto wrapped = canceler.wrap(kj::mv(*promise));
        canceler.cancel("enough");
        CHECK_U64(count_get(&chain.gone), 1);
        CHECK_U64(count_get(&chain.links), links);
        CHECK(thrown([&]() { wrapped.wait(scene.waitScope); }).getDescription() == "enough");
      }
      return;
    }
    CHECK_OK(kja_promise_cancel(chain.ours.get()));
    CHECK_U64(count_get(&chain.gone), 1);
    CHECK_U64(count_get(&chain.links), links);
    CHECK_IS(chain.kind(scene), KJA_ERR_CANCELED);
  });
}
static void its_beginning_is_cancelled() {
  through_all([](Scene& scene, Chain& chain, int links) {
    CHECK_OK(kja_promise_cancel(chain.beginning));
    CHECK_U64(count_get(&chain.gone), 1);
    CHECK_IS(chain.kind(scene), KJA_ERR_CANCELED);
    scene.until(chain.links, links);
  });
}
// KJ's promises go on KJ's thread all the same.
static void it_is_ended_by_another_thread() {
  through_all([](Scene& scene, Chain& chain, int links) {
    if (!chain.ours) {
      std::thread([&]() { CHECK_OK(kja_promise_cancel(chain.beginning)); }).join();
      CHECK_IS(chain.kind(scene), KJA_ERR_CANCELED);
    } else {
      std::thread([&]() { chain.ours = {}; }).join();
    }
    scene.until(chain.gone, 1);
    scene.until(chain.links, links);
  });
}
static void the_bridge_goes() {
  through_all([](Scene& scene, Chain& chain, int links) {
    scene.bridge = nullptr;
    bool crossed = chain.ours && links;
    if (crossed) {
      CHECK_U64(count_get(&chain.gone), 1);
      CHECK_U64(count_get(&chain.links), links);
      // What is left belongs to the runtime, which goes on.
      CHECK_IS(kja_promise_await(chain.ours.get()), KJA_ERR_SHUTDOWN);
    }
    chain.ours = {};
    chain.kjs = nullptr;
    CHECK_U64(count_get(&chain.links), links);
  });
}
static void the_runtime_is_shut_down() {
  through_all([](Scene& scene, Chain& chain, int links) {
    CHECK_OK(kja_runtime_shutdown(scene.runtime.get()));
    CHECK_U64(count_get(&chain.gone), 1);
    if (!chain.ours) CHECK_IS(chain.kind(scene), KJA_ERR_SHUTDOWN);
    else CHECK_IS(kja_promise_status(chain.ours.get()), KJA_ERR_BAD_HANDLE);
    scene.until(chain.links, links);
  });
}
static void both_loops_go_at_once() {
  through_all([](Scene& scene, Chain& chain, int links) {
    chain.kjs = nullptr;
    scene.bridge = nullptr;
    scene.runtime = {};
    CHECK_U64(count_get(&chain.links), links);
  });
}

static void errors_and_values_pass_through() {
  for (int depth = 0; depth < 5; depth++) {
    Scene scene;
    for (kja_status_t kind : {KJA_OK, KJA_ERR_FAILED, KJA_ERR_OVERLOADED, KJA_ERR_DISCONNECTED, KJA_ERR_UNIMPLEMENTED, KJA_ERR_TIMED_OUT}) {
      Fulfiller fulfiller;
      Promise promise;
      CHECK_OK(kja_fulfiller_new(scene.runtime.get(), fulfiller.out(), promise.out()));
      for (int link = 0; link < depth; link++) promise = scene.bridge->toKja(scene.bridge->toKj<uint64_t>(kj::mv(promise)));
      auto last = scene.bridge->toKj<uint64_t>(kj::mv(promise));
      CHECK(!last.poll(scene.waitScope));
      if (kind == KJA_OK) {
        CHECK_OK(kja_fulfiller_u64(fulfiller.get(), 9));
        CHECK_U64(last.wait(scene.waitScope), 9);
        continue;
      }
      CHECK_OK(kja_fulfiller_error(fulfiller.get(), kind, 0, "it broke", 8));
      auto exception = thrown([&]() { last.wait(scene.waitScope); });
      int32_t os = 0;
      CHECK_IS(detail::kindOf(exception, os), kind);
      CHECK(exception.getType() == typeOf(kind) && exception.getDescription() == "it broke");
    }
  }
}

// What nobody waits for any more is dropped while it settles.
static void settling_and_dropping_race() {
  Scene scene;
  size_t rounds = scaled(2000);
  for (size_t round = 0; round < rounds; round++) {
    Fulfiller fulfiller;
    Promise promise;
    CHECK_OK(kja_fulfiller_new(scene.runtime.get(), fulfiller.out(), promise.out()));
    count_t begun = {0};
    std::thread settling([&]() {
      count_set(&begun, 1);
      kja_fulfiller_u64(fulfiller.get(), 1);
    });
    auto last = scene.bridge->toKj<uint64_t>(scene.bridge->toKja(scene.bridge->toKj<uint64_t>(kj::mv(promise))));
    while (!count_get(&begun)) sched_yield();
    if (round % 3 == 0) scene.waitScope.poll();
    if (round % 3 == 1) CHECK_U64(last.wait(scene.waitScope), 1);
    { auto dropped = kj::mv(last); }
    settling.join();
  }
}

int main() {
  RUN_IN_BOTH(its_end_is_dropped);
  RUN_IN_BOTH(its_end_is_cancelled);
  RUN_IN_BOTH(its_beginning_is_cancelled);
  RUN_IN_BOTH(it_is_ended_by_another_thread);
  RUN_IN_BOTH(the_bridge_goes);
  RUN_IN_BOTH(the_runtime_is_shut_down);
  RUN_IN_BOTH(both_loops_go_at_once);
  RUN_IN_BOTH(errors_and_values_pass_through);
  RUN_IN_BOTH(settling_and_dropping_race);
  return check_done();
}
