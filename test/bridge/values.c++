// Each kind of value, each way, with either kind of runtime.
#include "scene.h"

static kj::ArrayPtr<const kj::byte> bytesOf(kj::StringPtr text) {
  return text.asBytes();
}

static void values_come_from_kjasync() {
  Scene scene;
  for (bool pending : {false, true}) {
    auto given = [&](Promise promise) { return pending ? scene.later(promise) : kj::mv(promise); };
    Promise unit, bytes, handle;
    CHECK_OK(kja_promise_new_unit(scene.runtime.get(), unit.out()));
    scene.outcome<void>(given(kj::mv(unit)));
    CHECK_U64(scene.outcome<uint64_t>(given(scene.u64(UINT64_MAX))), UINT64_MAX);

    Bytes data;
    CHECK_OK(kja_bytes_new("abc", 3, data.out()));
    CHECK_OK(kja_promise_new_bytes(scene.runtime.get(), data.get(), bytes.out()));
    auto shared = scene.outcome<kj::Array<const kj::byte>>(given(kj::mv(bytes)));
    const void* where = nullptr;
    size_t size = 0;
    CHECK_OK(kja_bytes_data(data.get(), &where, &size));
    CHECK(shared.begin() == where && shared.size() == 3);
    data = {};
    CHECK(shared == bytesOf("abc"));
    CHECK_OK(kja_bytes_new("", 0, data.out()));
    CHECK_OK(kja_promise_new_bytes(scene.runtime.get(), data.get(), bytes.out()));
    CHECK_U64(scene.outcome<kj::Array<kj::byte>>(given(kj::mv(bytes))).size(), 0);

    Connection null;
    CHECK_OK(kja_connection_new_null(scene.runtime.get(), null.out()));
    CHECK_OK(kja_promise_new_handle(scene.runtime.get(), null.get(), handle.out()));
    null = {};
    Connection got = scene.outcome<Connection>(given(kj::mv(handle)));
    uint64_t length = 1;
    CHECK_OK(kja_connection_length(got.get(), &length));
    CHECK_U64(length, 0);
  }
}

static void an_opaque_value_lives_as_long_as_what_came() {
  Scene scene;
  for (bool pending : {false, true}) {
    count_t gone = {0};
    Promise promise;
    CHECK_OK(kja_promise_new_opaque(scene.runtime.get(), &gone, count_destroy, promise.out()));
    {
      auto opaque = scene.outcome<Opaque>(pending ? scene.later(promise) : kj::mv(promise));
      promise = {};
      CHECK(opaque.get() == &gone);
      CHECK_U64(count_get(&gone), 0);
    }
    // A promise drops its own input when it has run, at the latest with the runtime.
    if (!pending) CHECK_U64(count_get(&gone), 1);
    scene.bridge = nullptr;
    scene.runtime = {};
    CHECK_U64(count_get(&gone), 1);
    if (!pending) {
      scene.runtime = Runtime(runtime_open());
      scene.bridge = test_mode == KJA_RUNTIME_WAIT_SCOPE ? kj::heap<Bridge>(scene.runtime.get(), scene.io.unixEventPort)
                                                         : kj::heap<Bridge>(scene.runtime.get());
    }
  }
}

struct Counted {
  explicit Counted(count_t& gone) : gone(gone) {}
  ~Counted() { count_add(&gone, 1); }
  count_t& gone;
};

static void values_come_from_kj() {
  Scene scene;
  count_t gone = {0};
  for (bool pending : {false, true}) {
    auto when = [&]() -> kj::Promise<void> {
      if (pending) return scene.timer().afterDelay(kj::MILLISECONDS);
      return kj::READY_NOW;
    };
    auto& bridge = *scene.bridge;
    scene.outcome<void>(bridge.toKja(when()));
    CHECK_U64(scene.outcome<uint64_t>(bridge.toKja(when().then([]() { return uint64_t(7); }))), 7);
    CHECK(scene.outcome<kj::Array<kj::byte>>(bridge.toKja(when().then([]() { return kj::heapArray(bytesOf("xyz")); }))) == bytesOf("xyz"));
    auto constant = when().then([]() -> kj::Array<const kj::byte> { return kj::heapArray(bytesOf("uvw")); });
    CHECK(scene.outcome<kj::Array<const kj::byte>>(bridge.toKja(kj::mv(constant))) == bytesOf("uvw"));
    auto none = when().then([]() { return kj::Array<kj::byte>(); });
    CHECK_U64(scene.outcome<kj::Array<kj::byte>>(bridge.toKja(kj::mv(none))).size(), 0);
    auto shared = when().then([]() {
      Bytes bytes;
      CHECK_OK(kja_bytes_new("rst", 3, bytes.out()));
      return bytes;
    });
    CHECK(scene.outcome<kj::Array<kj::byte>>(bridge.toKja(kj::mv(shared))) == bytesOf("rst"));
    auto handle = when().then([&]() {
      Connection null;
      CHECK_OK(kja_connection_new_null(scene.runtime.get(), null.out()));
      return null;
    });
    uint64_t length = 1;
    CHECK_OK(kja_connection_length(scene.outcome<Connection>(bridge.toKja(kj::mv(handle))).get(), &length));

    count_set(&gone, 0);
    {
      auto opaque = scene.outcome<Opaque>(bridge.toKja(when().then([&]() { return Opaque::of(kj::heap<Counted>(gone)); })));
      CHECK(&opaque.as<Counted>().gone == &gone);
      // And back again as what it is.
      auto again = scene.outcome<Opaque>(bridge.toKja(kj::Promise<Opaque>(kj::mv(opaque))));
      CHECK(&again.as<Counted>().gone == &gone);
      CHECK_U64(count_get(&gone), 0);
    }
    count_set(&gone, 0);
    { Opaque unused = Opaque::of(kj::heap<Counted>(gone)); }
    CHECK_U64(count_get(&gone), 1);
  }
}

static void another_type_is_an_error() {
  Scene scene;
  for (bool pending : {false, true}) {
    auto number = [&]() { return pending ? scene.later(scene.u64(1)) : scene.u64(1); };
    scene.outcome<void>(number());
    auto wrong = thrown([&]() { scene.outcome<Bytes>(number()); });
    CHECK(wrong.getType() == kj::Exception::Type::FAILED);
    CHECK(strcmp(wrong.getFile(), "WRONG_TYPE") == 0);
    thrown([&]() { scene.outcome<Connection>(number()); });
    thrown([&]() { scene.outcome<Opaque>(number()); });
    thrown([&]() { scene.outcome<kj::Array<kj::byte>>(number()); });
  }
  CHECK(strcmp(thrown([&]() { scene.outcome<void>(Promise()); }).getFile(), "BAD_HANDLE") == 0);
  // A handle that is none.
  auto nothing = scene.bridge->toKja(kj::evalLater([]() { return Connection(); }));
  CHECK(strcmp(thrown([&]() { scene.outcome<Connection>(kj::mv(nothing)); }).getFile(), "BAD_HANDLE") == 0);
}

static void a_promise_of_another_runtime_comes_to_kjs_thread() {
  Scene scene;
  kja_runtime_options_t options = {};
  options.size = sizeof options;
  Runtime other;
  CHECK_OK(kja_runtime_new(&options, other.out()));
  auto thread = std::this_thread::get_id();
  for (int round = 0; round < 50; round++) {
    Promise sleep;
    CHECK_OK(kja_timer_sleep_start(other.get(), round % 2 ? MILLISECOND : 0, sleep.out()));
    scene.bridge->toKj<void>(kj::mv(sleep)).then([&]() { CHECK(std::this_thread::get_id() == thread); }).wait(scene.waitScope);
  }
  count_t gone = {0};
  Promise never, attached;
  CHECK_OK(kja_promise_new_never(other.get(), never.out()));
  CHECK_OK(kja_promise_attach(never.get(), &gone, count_destroy, attached.out()));
  never = {};
  { auto dropped = scene.bridge->toKj<void>(kj::mv(attached)); }
  CHECK_U64(count_get(&gone), 1);
  CHECK_OK(kja_promise_new_never(other.get(), never.out()));
  auto waiting = scene.bridge->toKj<void>(kj::mv(never));
  other = {};
  auto ended = thrown([&]() { waiting.wait(scene.waitScope); });
  CHECK(ended.getType() == kj::Exception::Type::DISCONNECTED);
}

int main() {
  RUN_IN_BOTH(values_come_from_kjasync);
  RUN_IN_BOTH(an_opaque_value_lives_as_long_as_what_came);
  RUN_IN_BOTH(values_come_from_kj);
  RUN_IN_BOTH(another_type_is_an_error);
  RUN_IN_BOTH(a_promise_of_another_runtime_comes_to_kjs_thread);
  return check_done();
}
