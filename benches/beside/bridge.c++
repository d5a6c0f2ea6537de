// What it costs to go from KJ's loop to a wait scope of KjAsync in it, or to a runtime with a thread, and back.
#include <kjasync-kj.h>

#include <algorithm>
#include <stdio.h>
#include <time.h>
#include <vector>

using namespace kjasync;

static constexpr int ROUNDS = 7;

// Of this thread.
static uint64_t cpu_nanos() {
  struct timespec spent;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &spent);
  return spent.tv_sec * uint64_t(1000000000) + spent.tv_nsec;
}

template <typename F>
static void measure(const char* name, int count, F&& run) {
  std::vector<double> nanos, cpu;
  run(count / 10 + 1);
  for (int round = 0; round < ROUNDS; round++) {
    uint64_t begin = kja_timer_now_nanos(), spent = cpu_nanos();
    run(count);
    nanos.push_back(double(kja_timer_now_nanos() - begin) / count);
    cpu.push_back(double(cpu_nanos() - spent) / count);
  }
  std::sort(nanos.begin(), nanos.end());
  std::sort(cpu.begin(), cpu.end());
  printf("{\"case\": \"%s\", \"nanos\": %.0f, \"cpu_nanos\": %.0f}\n", name, nanos[ROUNDS / 2], cpu[ROUNDS / 2]);
  fflush(stdout);
}

static Promise yield(kja_runtime_t runtime) {
  Promise promise;
  check(kja_timer_yield_start(runtime, promise.out()));
  return promise;
}

static void cases(const char* kind, kj::AsyncIoContext& io, kja_runtime_t runtime, Bridge& bridge) {
  auto named = [&](const char* name) { return kj::str(name, "_", kind); };
  // One at a time, each of which the loop has to run and KJ to hear of.
  measure(named("call").cStr(), 20000, [&](int n) {
    for (int i = 0; i < n; i++) bridge.toKj<void>(yield(runtime)).wait(io.waitScope);
  });
  // All of them started before the first is waited for.
  measure(named("call_of_100").cStr(), 20000, [&](int n) {
    for (int i = 0; i < n; i += 100) {
      auto all = kj::heapArrayBuilder<kj::Promise<void>>(100);
      for (int call = 0; call < 100; call++) all.add(bridge.toKj<void>(yield(runtime)));
      kj::joinPromises(all.finish()).wait(io.waitScope);
    }
  });
  // A hundred links of which each goes there and back; the figure is for one.
  measure(named("link_of_100").cStr(), 20000, [&](int n) {
    for (int i = 0; i < n; i += 100) {
      Promise promise = yield(runtime);
      for (int link = 0; link < 100; link++) promise = bridge.toKja(bridge.toKj<void>(kj::mv(promise)));
      bridge.toKj<void>(kj::mv(promise)).wait(io.waitScope);
    }
  });
}

int main() {
  auto io = kj::setupAsyncIo();
  measure("kj_alone", 200000, [&](int n) {
    for (int i = 0; i < n; i++) kj::evalLater([]() {}).wait(io.waitScope);
  });
  {
    Runtime scope = newWaitScope();
    Bridge bridge(scope.get(), io.unixEventPort);
    cases("embedded", io, scope.get(), bridge);
  }
  Runtime thread;
  check(kja_runtime_new(nullptr, thread.out()));
  Bridge bridge(thread.get());
  cases("thread", io, thread.get(), bridge);
}
