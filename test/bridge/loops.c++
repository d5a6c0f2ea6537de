// Both loops on one thread, and on several.
#include "gate.h"
#include "scene.h"

#include <sys/resource.h>

#include <vector>

// A wait scope in KJ's loop, without a bridge, if need be.
struct Embedded {
  kj::AsyncIoContext io = kj::setupAsyncIo();
  Runtime scope = newWaitScope();
  kj::Maybe<EmbeddedScope> turning;
  Embedded() { turning.emplace(scope.get(), io.unixEventPort); }
  void turn_until(count_t& count, uint64_t n) {
    for (uint64_t end = kja_timer_now_nanos() + 20 * SECOND; count_get(&count) < n && kja_timer_now_nanos() < end;) {
      io.provider->getTimer().afterDelay(100 * kj::MICROSECONDS).wait(io.waitScope);
    }
    CHECK_U64(count_get(&count), n);
  }
};

static void counting(void* ctx, kja_call_t) {
  count_add(static_cast<count_t*>(ctx), 1);
}
static Promise then_count(const Promise& promise, count_t& ran) {
  Promise then;
  CHECK_OK(kja_promise_then(promise.get(), counting, &ran, nullptr, then.out()));
  return then;
}

static void a_wait_scope_turns_with_kj() {
  Embedded embedded;
  count_t ran = {0};
  std::vector<Promise> kept;
  for (int i = 0; i < 10; i++) {
    Promise sleep, unit;
    CHECK_OK(kja_timer_sleep_start(embedded.scope.get(), (10 - i) * MILLISECOND, sleep.out()));
    CHECK_OK(kja_promise_new_unit(embedded.scope.get(), unit.out()));
    kept.push_back(then_count(sleep, ran));
    kept.push_back(then_count(unit, ran));
  }
  embedded.turn_until(ran, 20);
  CHECK(!kja_runtime_is_runnable(embedded.scope.get()));
}

static void other_threads_reach_both_loops() {
  Scene scene;
  Owned<kja_executor_release> executor;
  CHECK_OK(kja_runtime_executor(scene.runtime.get(), executor.out()));
  const kj::Executor& kjs = kj::getCurrentThreadExecutor();
  auto thread = std::this_thread::get_id();
  count_t ran = {0};
  size_t rounds = scaled(500);
  auto done = kj::newPromiseAndCrossThreadFulfiller<void>();
  std::thread other([&]() {
    for (size_t i = 0; i < rounds; i++) {
      Promise there;
      CHECK_OK(kja_executor_execute_start(executor.get(), counting, &ran, nullptr, there.out()));
      // Which starts something of KJ's there, and gives what stands for it in KjAsync: cancelled from here it goes too.
      auto promise = kjs.executeSync([&]() {
        CHECK(std::this_thread::get_id() == thread);
        return scene.bridge->toKja(i % 2 ? kj::Promise<void>(kj::NEVER_DONE) : scene.timer().afterDelay(kj::HOURS)).take();
      });
      CHECK_OK(kja_promise_cancel(promise));
      CHECK_OK(kja_promise_release(promise));
      // One call at a time.
      while (kja_promise_status(there.get()) == KJA_ERR_PENDING) sched_yield();
    }
    done.fulfiller->fulfill();
  });
  done.promise.wait(scene.waitScope);
  other.join();
  CHECK_U64(count_get(&ran), rounds);
}

static void a_thread_awaits_what_kj_does() {
  test_mode = KJA_RUNTIME_THREAD;
  Scene scene;
  auto promise = scene.bridge->toKja(scene.timer().afterDelay(2 * kj::MILLISECONDS).then([]() { return uint64_t(5); }));
  auto done = kj::newPromiseAndCrossThreadFulfiller<void>();
  std::thread other([&]() {
    uint64_t value = 0;
    CHECK_OK(kja_promise_await(promise.get()));
    CHECK_OK(kja_promise_u64(promise.get(), &value));
    CHECK_U64(value, 5);
    done.fulfiller->fulfill();
  });
  done.promise.wait(scene.waitScope);
  other.join();
}

static void two_wait_scopes_share_kjs_loop() {
  Embedded first;
  Runtime second = newWaitScope();
  {
    Bridge one(first.scope.get(), first.io.unixEventPort), other(second.get(), first.io.unixEventPort);
    Promise sleep;
    CHECK_OK(kja_timer_sleep_start(first.scope.get(), MILLISECOND, sleep.out()));
    // From one through KJ to the other, and from there without KJ.
    auto across = one.toKja(other.toKj<void>(other.toKja(one.toKj<void>(kj::mv(sleep)))));
    other.toKj<void>(kj::mv(across)).wait(first.io.waitScope);
  }
}

struct Spin {
  kja_runtime_t runtime;
  count_t turns = {0};
  bool on = true;
};
// Has itself called again for as long as it may.
static void spin(void* ctx, kja_call_t call) {
  auto spinning = static_cast<Spin*>(ctx);
  count_add(&spinning->turns, 1);
  if (!spinning->on) return;
  Promise yielded, then;
  CHECK_OK(kja_timer_yield_start(spinning->runtime, yielded.out()));
  CHECK_OK(kja_promise_then(yielded.get(), spin, ctx, nullptr, then.out()));
  CHECK_OK(kja_call_return_promise(call, then.take()));
}

static void a_busy_wait_scope_leaves_kj_its_turn() {
  Scene scene;
  Spin spinning{scene.runtime.get()};
  Promise unit, endless;
  CHECK_OK(kja_promise_new_unit(scene.runtime.get(), unit.out()));
  CHECK_OK(kja_promise_then(unit.get(), spin, &spinning, nullptr, endless.out()));
  auto pipe = scene.io.provider->newTwoWayPipe();
  char byte = 0;
  for (int round = 0; round < 20; round++) {
    auto writing = pipe.ends[0]->write("x", 1);
    pipe.ends[1]->read(&byte, 1).wait(scene.waitScope);
    writing.wait(scene.waitScope);
    scene.timer().afterDelay(100 * kj::MICROSECONDS).wait(scene.waitScope);
  }
  CHECK(count_get(&spinning.turns) > 0);
  spinning.on = false;
  scene.outcome<void>(kj::mv(endless));
}

static void an_idle_pair_of_loops_sleeps() {
  Scene scene;
  auto waiting = scene.bridge->toKj<void>(scene.sleep(3600 * SECOND));
  scene.timer().afterDelay(5 * kj::MILLISECONDS).wait(scene.waitScope);
  struct rusage before, after;
  getrusage(RUSAGE_THREAD, &before);
  scene.timer().afterDelay(100 * kj::MILLISECONDS).wait(scene.waitScope);
  getrusage(RUSAGE_THREAD, &after);
  // Each sleep is a voluntary switch: one for the timer, and not one for each millisecond.
  CHECK(after.ru_nvcsw - before.ru_nvcsw < 50);
  CHECK(!waiting.poll(scene.waitScope));
}

static void a_shutdown_inside_kjs_loop_is_its_end() {
  Scene scene;
  auto waiting = scene.bridge->toKj<void>(scene.never());
  auto ended = scene.timer().afterDelay(kj::MILLISECONDS).then([&]() { CHECK_OK(kja_runtime_shutdown(scene.runtime.get())); });
  ended.wait(scene.waitScope);
  CHECK(thrown([&]() { waiting.wait(scene.waitScope); }).getType() == kj::Exception::Type::DISCONNECTED);
  auto late = thrown([&]() { scene.bridge->toKja(kj::Promise<void>(kj::READY_NOW)); });
  CHECK(strcmp(late.getFile(), "SHUTDOWN") == 0);
  scene.timer().afterDelay(kj::MILLISECONDS).wait(scene.waitScope);
}

static void only_a_wait_scope_is_embedded() {
  auto io = kj::setupAsyncIo();
  test_mode = KJA_RUNTIME_THREAD;
  Runtime thread(runtime_open());
  auto wrong = thrown([&]() { Bridge(thread.get(), io.unixEventPort); });
  CHECK(wrong.getType() == kj::Exception::Type::FAILED && strcmp(wrong.getFile(), "INVALID_ARGUMENT") == 0);
  thrown([&]() { Bridge(0, io.unixEventPort); });
}

// A chain that never ends takes no more memory as it goes on.
static void a_long_exchange_takes_constant_memory() {
  Scene scene;
  size_t rounds = scaled(20000);
  uint64_t handles = kja_handle_count();
  struct Loop {
    static kj::Promise<void> go(Scene& scene, size_t left) {
      if (left == 0) return kj::READY_NOW;
      return scene.bridge->toKj<void>(scene.bridge->toKja(kj::evalLater([]() {}))).then([&scene, left]() { return go(scene, left - 1); });
    }
  };
  Loop::go(scene, rounds).then([&]() { CHECK(kja_handle_count() < handles + 100); }).wait(scene.waitScope);
}

int main() {
  RUN(a_wait_scope_turns_with_kj);
  RUN_IN_BOTH(other_threads_reach_both_loops);
  RUN(a_thread_awaits_what_kj_does);
  RUN(two_wait_scopes_share_kjs_loop);
  RUN_IN_BOTH(a_busy_wait_scope_leaves_kj_its_turn);
  RUN_IN_BOTH(an_idle_pair_of_loops_sleeps);
  RUN_IN_BOTH(a_shutdown_inside_kjs_loop_is_its_end);
  RUN(only_a_wait_scope_is_embedded);
  RUN_IN_BOTH(a_long_exchange_takes_constant_memory);
  return check_done();
}
