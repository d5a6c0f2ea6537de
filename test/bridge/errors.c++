// Errors with their kind and text, each way and there and back.
#include "scene.h"

using Type = kj::Exception::Type;

static kja_status_t kind_of(const Error& error, int32_t* os = nullptr) {
  kja_status_t kind = KJA_OK;
  CHECK_OK(kja_error_kind(error.get(), &kind, os));
  return kind;
}
static kj::String text_of(const Error& error) {
  return detail::textOf(error.get(), kja_error_text);
}
static kj::String places_of(const Error& error) {
  return detail::textOf(error.get(), kja_error_context);
}
static Promise failed(Scene& scene, kja_status_t kind, int32_t os, kj::StringPtr text) {
  Promise promise;
  CHECK_OK(kja_promise_new_error(scene.runtime.get(), kind, os, text.begin(), text.size(), promise.out()));
  return promise;
}
// What a promise fails with, on the side of KjAsync, while KJ's loop turns.
static Error error_of(Scene& scene, const Promise& promise) {
  Promise settled;
  kja_promise_t one = promise.get();
  CHECK_OK(kja_promise_all_settled(scene.runtime.get(), &one, 1, settled.out()));
  scene.outcome<void>(kj::mv(settled));
  Error error;
  CHECK_OK(kja_promise_error_object(promise.get(), error.out()));
  return error;
}

static void kinds_are_the_same_one_to_one() {
  static const struct {
    kja_status_t kind;
    Type type;
  } PAIRS[] = {{KJA_ERR_FAILED, Type::FAILED},
               {KJA_ERR_OVERLOADED, Type::OVERLOADED},
               {KJA_ERR_DISCONNECTED, Type::DISCONNECTED},
               {KJA_ERR_UNIMPLEMENTED, Type::UNIMPLEMENTED}};
  Scene scene;
  for (auto pair : PAIRS) {
    for (bool pending : {false, true}) {
      auto promise = failed(scene, pair.kind, 0, "what happened");
      auto exception = thrown([&]() { scene.outcome<void>(pending ? scene.later(promise) : kj::mv(promise)); });
      CHECK(exception.getType() == pair.type && exception.getDescription() == "what happened");
    }
    for (bool late : {false, true}) {
      kj::Exception exception(pair.type, "some/file.c++", 12, kj::str("what happened"));
      kj::Promise<uint64_t> broken = kj::cp(exception);
      if (late) broken = kj::evalLater([&]() -> uint64_t { kj::throwFatalException(kj::cp(exception)); });
      auto error = error_of(scene, scene.bridge->toKja(kj::mv(broken)));
      CHECK_IS(kind_of(error), pair.kind);
      CHECK(text_of(error) == "what happened");
      CHECK(places_of(error) == "some/file.c++:12");
    }
  }
}

static Type type_for(kja_status_t kind) {
  switch (kind) {
    case KJA_ERR_OVERLOADED:
    case KJA_ERR_TIMED_OUT:
    case KJA_ERR_BUSY:
      return Type::OVERLOADED;
    case KJA_ERR_DISCONNECTED:
    case KJA_ERR_SHUTDOWN:
      return Type::DISCONNECTED;
    case KJA_ERR_UNIMPLEMENTED:
      return Type::UNIMPLEMENTED;
    default:
      return Type::FAILED;
  }
}

static void every_kind_comes_back_as_it_was() {
  Scene scene;
  for (kja_status_t kind = kind_after(0); kind; kind = kind_after(kind)) {
    auto first = scene.bridge->toKj<void>(failed(scene, kind, kind * 3, "some text"));
    auto there = scene.bridge->toKja(first.catch_([&](kj::Exception&& exception) {
      CHECK(exception.getType() == type_for(kind));
      kj::throwFatalException(kj::mv(exception));
    }));
    int32_t os = 0;
    auto error = error_of(scene, there);
    CHECK_IS(kind_of(error, &os), kind);
    CHECK_U64(os, kind * 3);
    CHECK(text_of(error) == "some text" && places_of(error) == "");
  }
}

static void texts_are_bytes_of_any_length() {
  Scene scene;
  auto lengthy = kj::heapString(100000);
  memset(lengthy.begin(), 'x', lengthy.size());
  for (kj::StringPtr text : {kj::StringPtr(""), kj::StringPtr("h\xc3\xa4tte\n: \"\""), kj::StringPtr(lengthy)}) {
    auto exception = thrown([&]() { scene.outcome<void>(failed(scene, KJA_ERR_FAILED, 0, text)); });
    CHECK(exception.getDescription() == text);
    CHECK(text_of(error_of(scene, scene.bridge->toKja(kj::Promise<void>(kj::mv(exception))))) == text);
  }
}

static void places_on_the_way_are_kept() {
  Scene scene;
  kj::Exception exception(Type::FAILED, "thrown.c++", 1, kj::str("lost"));
  exception.wrapContext("inner.c++", 2, kj::str("reading: a file"));
  exception.wrapContext("outer.c++", 3, kj::str("starting"));
  const char* all = "outer.c++:3: starting\ninner.c++:2: reading: a file\nthrown.c++:1";
  auto error = errorOf(exception);
  CHECK(places_of(error) == all);
  auto back = exceptionOf(error.get());
  auto shown = kj::str(back);
  CHECK(contains(shown, "outer.c++:3: starting") && contains(shown, "inner.c++:2: reading: a file"));
  back.wrapContext("last.c++", 4, kj::str("ending"));
  auto again = errorOf(back);
  CHECK(places_of(again) == kj::str("last.c++:4: ending\n", all));
  CHECK_IS(kind_of(again), KJA_ERR_FAILED);
}

static void what_is_no_exception_of_kjs_is_an_error_too() {
  Scene scene;
  auto broken = kj::evalLater([]() -> uint64_t { throw std::bad_alloc(); });
  auto error = error_of(scene, scene.bridge->toKja(kj::mv(broken)));
  CHECK_IS(kind_of(error), KJA_ERR_OVERLOADED);
  auto strange = kj::evalLater([]() -> uint64_t { throw 7; });
  CHECK_IS(kind_of(error_of(scene, scene.bridge->toKja(kj::mv(strange)))), KJA_ERR_FAILED);
}

static void a_promise_that_is_given_up_is_an_error() {
  Scene scene;
  auto pair = kj::newPromiseAndFulfiller<void>();
  Promise there = scene.bridge->toKja(kj::mv(pair.promise));
  pair.fulfiller = nullptr;
  CHECK(contains(text_of(error_of(scene, there)), "PromiseFulfiller was destroyed"));
  Fulfiller fulfiller;
  Promise promise;
  CHECK_OK(kja_fulfiller_new(scene.runtime.get(), fulfiller.out(), promise.out()));
  auto waiting = scene.bridge->toKj<void>(kj::mv(promise));
  fulfiller = {};
  CHECK(thrown([&]() { waiting.wait(scene.waitScope); }).getType() == Type::FAILED);
}

int main() {
  RUN_IN_BOTH(kinds_are_the_same_one_to_one);
  RUN_IN_BOTH(every_kind_comes_back_as_it_was);
  RUN_IN_BOTH(texts_are_bytes_of_any_length);
  RUN_IN_BOTH(places_on_the_way_are_kept);
  RUN_IN_BOTH(what_is_no_exception_of_kjs_is_an_error_too);
  RUN_IN_BOTH(a_promise_that_is_given_up_is_an_error);
  return check_done();
}
