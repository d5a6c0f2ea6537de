// A KJ loop and a runtime of KjAsync on its thread, with a bridge between them. RUN_IN_BOTH runs a test once with a runtime that has a
// thread of its own and once with a wait scope.
#ifndef KJASYNC_TEST_SCENE_H
#define KJASYNC_TEST_SCENE_H

#include "expect.h"

#include <kjasync-kj.h>

using namespace kjasync;

struct Scene {
  kj::AsyncIoContext io = kj::setupAsyncIo();
  Runtime runtime{runtime_open()};
  kj::Own<Bridge> bridge = test_mode == KJA_RUNTIME_WAIT_SCOPE ? kj::heap<Bridge>(runtime.get(), io.unixEventPort)
                                                              : kj::heap<Bridge>(runtime.get());
  kj::WaitScope& waitScope = io.waitScope;

  kj::Timer& timer() { return io.provider->getTimer(); }

  Promise sleep(uint64_t nanos) {
    Promise promise;
    CHECK_OK(kja_timer_sleep_start(runtime.get(), nanos, promise.out()));
    return promise;
  }
  Promise never() {
    Promise promise;
    CHECK_OK(kja_promise_new_never(runtime.get(), promise.out()));
    return promise;
  }
  Promise u64(uint64_t value) {
    Promise promise;
    CHECK_OK(kja_promise_new_u64(runtime.get(), value, promise.out()));
    return promise;
  }
  // The same, but what it stands for is pending until KJ or KjAsync has turned.
  Promise later(const Promise& promise) {
    Promise then;
    auto pass = [](void*, kja_call_t) {};
    CHECK_OK(kja_promise_finally(promise.get(), pass, nullptr, nullptr, then.out()));
    return then;
  }
  // Turns until another thread, or a later turn, has counted so far.
  void until(const count_t& count, uint64_t n) {
    for (uint64_t end = kja_timer_now_nanos() + 20 * SECOND; count_get(&count) < n && kja_timer_now_nanos() < end;) {
      timer().afterDelay(100 * kj::MICROSECONDS).wait(waitScope);
    }
    CHECK_U64(count_get(&count), n);
  }
  template <typename T>
  T outcome(Promise promise) {
    return bridge->toKj<T>(kj::mv(promise)).wait(waitScope);
  }
};

// What it throws.
template <typename F>
kj::Exception thrown(F&& run) {
  KJ_IF_MAYBE (exception, kj::runCatchingExceptions(run)) return kj::mv(*exception);
  CHECK(!"it throws nothing");
  return KJ_EXCEPTION(FAILED, "nothing was thrown");
}

inline bool contains(kj::StringPtr text, const char* part) {
  return strstr(text.cStr(), part) != nullptr;
}

// Tells of its end, and whether that came on the thread that made it.
class Token {
 public:
  explicit Token(count_t& gone) : gone(gone) {}
  ~Token() noexcept(false) {
    CHECK(std::this_thread::get_id() == thread);
    count_add(&gone, 1);
  }

 private:
  std::thread::id thread = std::this_thread::get_id();
  count_t& gone;
};

#endif
