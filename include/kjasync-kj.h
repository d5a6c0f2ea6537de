// KjAsync beside KJ, the library under Cap'n Proto: each one's promises and streams as the other's, with their errors and
// cancellation. For C++17, over kjasync.h and KJ 0.9 or later. doc/kj.md shows it in use.
//
// - A Bridge belongs to one thread, that of a KJ event loop, and to one runtime of KjAsync. All here is for that thread but for
//   handles and what says so. It has to go before its KJ loop, and not from inside a callback of its runtime.
// - With a wait scope both loops turn on that one thread, whenever KJ's turns. With a runtime that has a thread of its own, outcomes
//   go from thread to thread by fulfillers. No thread waits for the other.
// - Code must not block in kja_promise_await on a wait scope for what KJ has to do first: that turns one of the loops only.
//
// SPDX-License-Identifier: Apache-2.0 OR MIT
#ifndef KJASYNC_KJ_H
#define KJASYNC_KJ_H

#include "kjasync.h"

#include <kj/async-io.h>
#include <kj/async-unix.h>
#include <kj/async.h>
#include <kj/debug.h>
#include <kj/io.h>

#include <fcntl.h>
#include <memory>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <thread>
#include <type_traits>

namespace kjasync {

// ---- Handles

// A handle with an owner. Any thread.
template <kja_status_t (*release)(uint64_t)>
class Owned {
 public:
  Owned() = default;
  explicit Owned(uint64_t handle) : handle(handle) {}
  Owned(Owned&& other) noexcept : handle(other.take()) {}
  Owned& operator=(Owned&& other) noexcept {
    reset(other.take());
    return *this;
  }
  ~Owned() { reset(0); }

  uint64_t get() const { return handle; }
  explicit operator bool() const { return handle != 0; }
  // Gives the handle away.
  uint64_t take() {
    uint64_t taken = handle;
    handle = 0;
    return taken;
  }
  // For an out-parameter.
  uint64_t* out() {
    reset(0);
    return &handle;
  }

 private:
  void reset(uint64_t next) {
    uint64_t old = handle;
    handle = next;
    // Stale if its runtime has ended.
    if (old != 0) release(old);
  }

  uint64_t handle = 0;
};

using Promise = Owned<kja_promise_release>;
using Fulfiller = Owned<kja_fulfiller_release>;
using Connection = Owned<kja_connection_release>;
using Bytes = Owned<kja_bytes_release>;
using Error = Owned<kja_error_release>;
using Runtime = Owned<kja_runtime_release>;

// ---- Errors

// Kinds without a counterpart in KJ become the one that tells its caller the same about trying again.
inline kj::Exception::Type typeOf(kja_status_t kind) {
  switch (kind) {
    case KJA_ERR_OVERLOADED:
    case KJA_ERR_TIMED_OUT:
    case KJA_ERR_BUSY:
      return kj::Exception::Type::OVERLOADED;
    case KJA_ERR_DISCONNECTED:
    case KJA_ERR_SHUTDOWN:
      return kj::Exception::Type::DISCONNECTED;
    case KJA_ERR_UNIMPLEMENTED:
      return kj::Exception::Type::UNIMPLEMENTED;
    default:
      return kj::Exception::Type::FAILED;
  }
}

namespace detail {

// The file of a context that was one of KjAsync's: `file:line: text` is its description then.
constexpr const char* PLACE = "KjAsync";

inline kj::String textOf(kja_error_t error, decltype(kja_error_text)* copy) {
  size_t length = 0;
  copy(error, nullptr, 0, &length);
  auto text = kj::heapString(length);
  copy(error, text.begin(), length + 1, &length);
  return text;
}

// The name of a kind stands where others have their file, and the system's error number in place of the line.
inline kja_status_t kindOf(const kj::Exception& exception, int32_t& osError) {
  for (kja_status_t kind = KJA_ERR_FAILED; kind <= KJA_ERR_PANIC; kind++) {
    if (strcmp(exception.getFile(), kja_status_name(kind)) == 0) {
      osError = exception.getLine();
      return kind;
    }
  }
  osError = 0;
  static_assert(KJA_ERR_UNIMPLEMENTED == KJA_ERR_FAILED + static_cast<int>(kj::Exception::Type::UNIMPLEMENTED), "in the same order");
  return KJA_ERR_FAILED + static_cast<int>(exception.getType());
}

inline void addPlace(Error& error, const char* file, size_t fileLength, int line, kj::StringPtr text) {
  Error more;
  if (kja_error_with_context(error.get(), file, fileLength, line < 0 ? 0 : line, text.begin(), text.size(), more.out()) == KJA_OK) {
    error = kj::mv(more);
  }
}

inline void addContext(Error& error, const kj::Exception::Context& context) {
  // The oldest first, which stands last.
  KJ_IF_MAYBE (next, context.next) addContext(error, **next);
  if (strcmp(context.file, PLACE) != 0) return addPlace(error, context.file, strlen(context.file), context.line, context.description);
  const char* begin = context.description.begin();
  const char* text = strstr(begin, ": ");
  if (text == nullptr) text = context.description.end();
  const char* colon = text;
  while (colon != begin && *--colon != ':') {
  }
  addPlace(error, begin, colon - begin, *colon == ':' ? atoi(colon + 1) : 0, kj::StringPtr(*text == '\0' ? text : text + 2));
}

}  // namespace detail

// With kind, text and places. Details (kja_error_detail) stay behind.
inline kj::Exception exceptionOf(kja_error_t error) {
  kja_status_t kind = KJA_ERR_FAILED;
  int32_t osError = 0;
  kja_error_kind(error, &kind, &osError);
  kj::Exception exception(typeOf(kind), kja_status_name(kind), osError, detail::textOf(error, kja_error_text));
  auto places = detail::textOf(error, kja_error_context);
  // The latest stands first and is wrapped around the others.
  kj::ArrayPtr<const char> left = places.asArray();
  while (left.size() > 0) {
    size_t end = left.back() == '\n' ? left.size() - 1 : left.size(), begin = end;
    while (begin > 0 && left[begin - 1] != '\n') begin--;
    exception.wrapContext(detail::PLACE, 0, kj::heapString(left.slice(begin, end)));
    left = left.slice(0, begin);
  }
  return exception;
}

// With kind, text, where it was thrown, and contexts. The stack trace stays behind.
inline Error errorOf(const kj::Exception& exception) {
  int32_t osError = 0;
  kja_status_t kind = detail::kindOf(exception, osError);
  auto text = exception.getDescription();
  Error error;
  kja_error_new(kind, osError, text.begin(), text.size(), error.out());
  if (strcmp(exception.getFile(), kja_status_name(kind)) != 0) {
    detail::addPlace(error, exception.getFile(), strlen(exception.getFile()), exception.getLine(), "");
  }
  KJ_IF_MAYBE (context, exception.getContext()) detail::addContext(error, *context);
  return error;
}

// Throws what the last call here has failed with.
inline void check(kja_status_t status) {
  if (status == KJA_OK) return;
  Error error;
  kja_last_error_object(error.out());
  kj::throwFatalException(exceptionOf(error.get()));
}

// A runtime without a thread, for a bridge on this one.
inline Runtime newWaitScope() {
  kja_runtime_options_t options = {};
  options.size = sizeof options;
  options.mode = KJA_RUNTIME_WAIT_SCOPE;
  Runtime scope;
  check(kja_runtime_new(&options, scope.out()));
  return scope;
}

// ---- Values

// An opaque pointer. One that comes from a promise is shared by all who hold that, and lives as long as this does; one that was made
// here is destroyed with this unless a promise has taken it over.
class Opaque {
 public:
  Opaque(void* value, kja_destroy_fn destroy) : value(value), destroy(destroy) {}
  Opaque(void* value, Promise&& holder) : value(value), destroy(nullptr), holder(kj::mv(holder)) {}
  Opaque(Opaque&& other) noexcept
      : value(other.value), destroy(other.forget()), holder(kj::mv(other.holder)) {}
  ~Opaque() {
    if (destroy != nullptr) destroy(value);
  }
  // Puts an object into one, to be destroyed on any thread.
  template <typename T>
  static Opaque of(kj::Own<T>&& object) {
    return {new kj::Own<T>(kj::mv(object)), [](void* box) { delete static_cast<kj::Own<T>*>(box); }};
  }
  template <typename T>
  T& as() const {
    return **static_cast<kj::Own<T>*>(value);
  }
  void* get() const { return value; }

 private:
  kja_destroy_fn forget() {
    auto forgotten = destroy;
    destroy = nullptr;
    return forgotten;
  }

  void* value;
  kja_destroy_fn destroy;
  Promise holder;

  template <typename T>
  friend struct Value;
};

// How a promise of KjAsync carries a T: `read` takes it out of one that has succeeded, `give` settles one with it.
template <typename T>
struct Value;

template <>
struct Value<void> {
  static void read(Promise&) {}
};
template <>
struct Value<uint64_t> {
  static uint64_t read(Promise& promise) {
    uint64_t value = 0;
    check(kja_promise_u64(promise.get(), &value));
    return value;
  }
  static kja_status_t give(kja_fulfiller_t fulfiller, uint64_t value) { return kja_fulfiller_u64(fulfiller, value); }
};
template <>
struct Value<Bytes> {
  static Bytes read(Promise& promise) {
    Bytes bytes;
    check(kja_promise_bytes(promise.get(), bytes.out()));
    return bytes;
  }
  static kja_status_t give(kja_fulfiller_t fulfiller, const Bytes& bytes) { return kja_fulfiller_bytes(fulfiller, bytes.get()); }
};
// Shared on the way to KJ, copied on the way back: use Bytes where that matters.
template <>
struct Value<kj::Array<const kj::byte>> {
  static kj::Array<const kj::byte> read(Promise& promise) {
    Bytes bytes = Value<Bytes>::read(promise);
    const void* data = nullptr;
    size_t size = 0;
    check(kja_bytes_data(bytes.get(), &data, &size));
    return kj::arrayPtr(static_cast<const kj::byte*>(data), size).attach(kj::mv(bytes));
  }
  static kja_status_t give(kja_fulfiller_t fulfiller, kj::ArrayPtr<const kj::byte> data) {
    Bytes bytes;
    check(kja_bytes_new(data.begin(), data.size(), bytes.out()));
    return kja_fulfiller_bytes(fulfiller, bytes.get());
  }
};
template <>
struct Value<kj::Array<kj::byte>> : Value<kj::Array<const kj::byte>> {
  static kj::Array<kj::byte> read(Promise& promise) { return kj::heapArray(Value<kj::Array<const kj::byte>>::read(promise).asPtr()); }
};
template <>
struct Value<Opaque> {
  static Opaque read(Promise& promise) {
    void* value = nullptr;
    check(kja_promise_opaque(promise.get(), &value));
    return {value, kj::mv(promise)};
  }
  static kja_status_t give(kja_fulfiller_t fulfiller, Opaque&& opaque) {
    if (opaque.holder) return kja_fulfiller_promise(fulfiller, opaque.holder.take());
    return kja_fulfiller_opaque(fulfiller, opaque.value, opaque.forget());
  }
};
// Any other object, by a handle.
template <kja_status_t (*release)(uint64_t)>
struct Value<Owned<release>> {
  static Owned<release> read(Promise& promise) {
    Owned<release> handle;
    check(kja_promise_handle(promise.get(), handle.out()));
    return handle;
  }
  static kja_status_t give(kja_fulfiller_t fulfiller, const Owned<release>& handle) { return kja_fulfiller_handle(fulfiller, handle.get()); }
};

namespace detail {

// What a promise has settled with; throws what it has failed with.
template <typename T>
T outcomeOf(Promise& promise) {
  Error error;
  if (kja_promise_error_object(promise.get(), error.out()) == KJA_OK) kj::throwFatalException(exceptionOf(error.get()));
  return Value<T>::read(promise);
}

// For a callback that takes an outcome to a fulfiller of KJ's.
template <typename T, typename F>
struct Delivery {
  static void run(void* ctx, kja_call_t) noexcept { static_cast<Delivery*>(ctx)->deliver(); }
  static void destroy(void* ctx) noexcept {
    auto delivery = static_cast<Delivery*>(ctx);
    // Unless it was cancelled, and nobody hears of it.
    if (!delivery->delivered) {
      delivery->fulfiller->reject({typeOf(KJA_ERR_SHUTDOWN), kja_status_name(KJA_ERR_SHUTDOWN), 0, kj::str("the runtime was shut down")});
    }
    delete delivery;
  }
  void deliver() {
    delivered = true;
    KJ_IF_MAYBE (exception, kj::runCatchingExceptions([this]() {
                   if constexpr (std::is_void_v<T>) outcomeOf<T>(source), fulfiller->fulfill();
                   else fulfiller->fulfill(outcomeOf<T>(source));
                 })) {
      fulfiller->reject(kj::mv(*exception));
    }
  }

  kj::Own<F> fulfiller;
  Promise source;
  bool delivered = false;
};

// Waits, on KJ's thread, for the promise of KJ's that one of KjAsync stands for.
class Errand {
 public:
  explicit Errand(Fulfiller&& fulfiller) : fulfiller(kj::mv(fulfiller)), link(std::make_shared<Errand*>(this)) {}
  ~Errand() {
    *link = nullptr;
    // If it has not been settled: the first to do so counts.
    constexpr kj::StringPtr ended = "the bridge to KJ has ended"_kj;
    kja_fulfiller_error(fulfiller.get(), KJA_ERR_SHUTDOWN, 0, ended.begin(), ended.size());
  }
  KJ_DISALLOW_COPY(Errand);

  kj::Canceler canceler;
  Fulfiller fulfiller;
  // Read on KJ's thread only.
  std::shared_ptr<Errand*> link;
};

// Attached to the promise that stands for it: drops the promise of KJ's when that ends, wherever that is.
struct Recall {
  static void destroy(void* ctx) noexcept {
    auto recall = static_cast<Recall*>(ctx);
    if (std::this_thread::get_id() == recall->thread && *recall->errand != nullptr) {
      (*recall->errand)->canceler.cancel("the promise of KjAsync that stood for this was dropped");
    }
    recall->dropping->fulfill();
    delete recall;
  }

  std::shared_ptr<Errand*> errand;
  kj::Own<kj::CrossThreadPromiseFulfiller<void>> dropping;
  std::thread::id thread = std::this_thread::get_id();
};

}  // namespace detail

// ---- Loops

// Turns a wait scope from KJ's event loop, on the thread of both, for as long as this lives and the runtime is not shut down.
class EmbeddedScope {
 public:
  EmbeddedScope(kja_runtime_t scope, kj::UnixEventPort& port)
      : scope(scope),
        timer(port.getTimer()),
        descriptor(copyOfPollable(scope)),
        observer(port, descriptor, kj::UnixEventPort::FdObserver::OBSERVE_READ),
        turning(kj::evalLater([this]() { return turn(); }).eagerlyEvaluate([](kj::Exception&& exception) { KJ_LOG(ERROR, exception); })) {}
  KJ_DISALLOW_COPY(EmbeddedScope);

  // Has what is queued run next, without asking the system.
  void soon() {
    if (isSoon || !kja_runtime_is_runnable(scope)) return;
    isSoon = true;
    running = kj::evalLater([this]() {
                // Whatever this cannot do or leaves is the other's.
                kja_runtime_turn(scope, MOST_TURNS, nullptr);
                isSoon = false;
              }).eagerlyEvaluate(nullptr);
  }

 private:
  // KJ looks at its own descriptors after as many.
  static constexpr uint64_t MOST_TURNS = 256;

  // The runtime closes its own in a shutdown, when this still observes.
  static kj::AutoCloseFd copyOfPollable(kja_runtime_t scope) {
    int32_t fd = -1;
    check(kja_runtime_pollable_fd(scope, &fd));
    int copy;
    KJ_SYSCALL(copy = fcntl(fd, F_DUPFD_CLOEXEC, 0));
    return kj::AutoCloseFd(copy);
  }

  kj::Promise<void> turn() {
    // KJ tells of a change, not of a state, so this comes first: what happens during the poll is told of as well.
    auto next = observer.whenBecomesReadable();
    uint64_t turns = 0;
    kja_status_t status = kja_runtime_poll(scope, MOST_TURNS, &turns);
    if (status == KJA_ERR_SHUTDOWN || status == KJA_ERR_BAD_HANDLE) return kj::NEVER_DONE;
    // Inside one of its own callbacks it is being turned.
    if (status != KJA_ERR_WOULD_DEADLOCK) {
      check(status);
      if (turns == MOST_TURNS || kja_runtime_is_runnable(scope)) next = timer.afterDelay(0 * kj::NANOSECONDS);
    }
    return next.then([this]() { return turn(); });
  }

  kja_runtime_t scope;
  kj::Timer& timer;
  kj::AutoCloseFd descriptor;
  kj::UnixEventPort::FdObserver observer;
  kj::Promise<void> turning, running = nullptr;
  bool isSoon = false;
};

class Bridge : private kj::TaskSet::ErrorHandler {
 public:
  // To a runtime with a thread of its own. KJ's loop must have an event port that can be woken, as all of KJ's own can.
  explicit Bridge(kja_runtime_t runtime) : handle(runtime), tasks(*this) {}
  // To a wait scope of this thread, which is turned from now on.
  Bridge(kja_runtime_t scope, kj::UnixEventPort& port) : handle(scope), embedded(kj::heap<EmbeddedScope>(scope, port)), tasks(*this) {}
  KJ_DISALLOW_COPY(Bridge);

  kja_runtime_t runtime() const { return handle; }

  // A promise of KjAsync, of any runtime, as one of KJ's. Dropping the result cancels and releases it before the destructor returns.
  // WRONG_TYPE if it carries no T; void is for any value.
  template <typename T>
  kj::Promise<T> toKj(Promise promise) {
    return kj::evalNow([&]() -> kj::Promise<T> {
      uint32_t outcome = KJA_OUTCOME_PENDING;
      check(kja_promise_outcome_type(promise.get(), &outcome));
      if (outcome != KJA_OUTCOME_PENDING) {
        if constexpr (std::is_void_v<T>) return detail::outcomeOf<T>(promise), kj::READY_NOW;
        else return detail::outcomeOf<T>(promise);
      }
      if (embedded.get() == nullptr) return deliver<T>(kj::mv(promise), kj::newPromiseAndCrossThreadFulfiller<T>());
      if (!kja_promise_belongs_to(promise.get(), handle)) {
        // A race of one brings it here.
        kja_promise_t racing = promise.get();
        Promise brought;
        check(kja_promise_race(handle, &racing, 1, brought.out()));
        promise = kj::mv(brought);
      }
      return deliver<T>(kj::mv(promise), kj::newPromiseAndFulfiller<T>());
    });
  }

  // A promise of KJ's as one of KjAsync, which is awaited, cancelled and released as any other. Its end drops the promise of KJ's:
  // on KJ's thread before that returns, from another thread KJ's loop does so next, and nobody waits for that. As anywhere in KJ,
  // code must not drop a promise from inside that promise's own callback.
  template <typename T>
  Promise toKja(kj::Promise<T>&& promise) {
    Promise plain, result;
    Fulfiller fulfiller;
    check(kja_fulfiller_new(handle, fulfiller.out(), plain.out()));
    auto owned = kj::heap<detail::Errand>(kj::mv(fulfiller));
    auto& errand = *owned;
    auto dropping = kj::newPromiseAndCrossThreadFulfiller<void>();
    check(kja_promise_attach(plain.get(), new detail::Recall{errand.link, kj::mv(dropping.fulfiller)}, detail::Recall::destroy,
                             result.out()));
    tasks.add(given<T>(errand, errand.canceler.wrap(kj::mv(promise))).exclusiveJoin(kj::mv(dropping.promise)).attach(kj::mv(owned)));
    return result;
  }

  // A connection as a stream of KJ's, to go before the bridge.
  kj::Own<kj::AsyncIoStream> toKj(Connection connection);

  // A stream of KJ's as a connection: one end of a pipe, behind which KJ's loop moves the bytes. So a write ends when KJ has the
  // bytes, before the stream has. Ends and errors pass through. The stream goes when the connection is released and all is written.
  Connection toKja(kj::Own<kj::AsyncIoStream> stream);

 private:
  template <typename T, typename Pair>
  kj::Promise<T> deliver(Promise source, Pair&& pair) {
    using F = kj::Decay<decltype(*pair.fulfiller)>;
    kja_promise_t waited = source.get();
    Promise watching;
    auto delivery = new detail::Delivery<T, F>{kj::mv(pair.fulfiller), kj::mv(source)};
    check(kja_promise_handle_both(waited, delivery->run, delivery, delivery->destroy, watching.out()));
    soon();
    return pair.promise.attach(kj::mv(watching));
  }

  template <typename T>
  kj::Promise<void> given(detail::Errand& errand, kj::Promise<T>&& promise) {
    kja_fulfiller_t fulfiller = errand.fulfiller.get();
    return [&]() {
      if constexpr (std::is_void_v<T>) return promise.then([=]() { check(kja_fulfiller_unit(fulfiller)); });
      else return promise.then([=](T&& value) { check(Value<T>::give(fulfiller, kj::mv(value))); });
    }()
        .catch_([=](kj::Exception&& exception) { kja_fulfiller_error_object(fulfiller, errorOf(exception).get()); })
        .then([this]() { soon(); });
  }
  void soon() {
    if (embedded.get() != nullptr) embedded->soon();
  }

  void taskFailed(kj::Exception&& exception) override { KJ_LOG(ERROR, exception); }

  kja_runtime_t handle;
  kj::Own<EmbeddedScope> embedded;
  kj::TaskSet tasks;
};

// ---- Streams

namespace detail {

class Stream final : public kj::AsyncIoStream {
 public:
  Stream(Bridge& bridge, Connection&& connection) : bridge(bridge), connection(kj::mv(connection)) {}

  kj::Promise<size_t> tryRead(void* buffer, size_t min, size_t max) override {
    if (max == 0) return size_t(0);
    return started<uint64_t>([=](kja_promise_t* out) {
      return kja_connection_read_into_start(connection.get(), buffer, min, max, nullptr, nullptr, out);
    });
  }
  kj::Maybe<uint64_t> tryGetLength() override {
    uint64_t length = 0;
    if (kja_connection_length(connection.get(), &length) != KJA_OK) return {};
    return length;
  }
  kj::Promise<uint64_t> pumpTo(kj::AsyncOutputStream& output, uint64_t amount) override {
    auto other = dynamic_cast<Stream*>(&output);
    if (other == nullptr) return AsyncIoStream::pumpTo(output, amount);
    return started<uint64_t>([=](kja_promise_t* out) { return kja_connection_pump_start(connection.get(), other->connection.get(), amount, out); });
  }

  kj::Promise<void> write(const void* buffer, size_t size) override {
    return started<void>([=](kja_promise_t* out) {
      return kja_connection_write_borrowed_start(connection.get(), buffer, size, nullptr, nullptr, out);
    });
  }
  kj::Promise<void> write(kj::ArrayPtr<const kj::ArrayPtr<const kj::byte>> pieces) override {
    size_t size = 0;
    for (auto piece : pieces) size += piece.size();
    if (size <= MOST_COPIED) {
      auto slices = KJ_MAP (piece, pieces) { return kja_slice_t{piece.begin(), piece.size()}; };
      return started<void>([&](kja_promise_t* out) { return kja_connection_writev_start(connection.get(), slices.begin(), slices.size(), out); });
    }
    // They go out in the order in which they were started.
    return kj::joinPromises(KJ_MAP (piece, pieces) { return write(piece.begin(), piece.size()); });
  }
  kj::Promise<void> whenWriteDisconnected() override {
    return started<void>([=](kja_promise_t* out) { return kja_connection_when_write_disconnected_start(connection.get(), out); });
  }

  void shutdownWrite() override {
    Promise promise;
    check(kja_connection_shutdown_write_start(connection.get(), promise.out()));
    check(kja_promise_detach(promise.take(), nullptr, nullptr, nullptr));
  }
  void abortRead() override { check(kja_connection_abort_read(connection.get())); }
  void abortWrite(const kj::Exception& exception) {
    check(kja_connection_abort_write_error_object(connection.get(), errorOf(exception).get()));
  }

  void getsockopt(int level, int option, void* value, uint* length) override {
    size_t size = 0;
    check(kja_connection_getsockopt(connection.get(), level, option, value, *length, &size));
    *length = size;
  }
  void setsockopt(int level, int option, const void* value, uint length) override {
    check(kja_connection_setsockopt(connection.get(), level, option, value, length));
  }
  void getsockname(struct sockaddr* to, uint* length) override { name(kja_connection_local_address, to, length); }
  void getpeername(struct sockaddr* to, uint* length) override { name(kja_connection_peer_address, to, length); }
  kj::Maybe<int> getFd() const override {
    int32_t fd = -1;
    if (kja_connection_fd(connection.get(), &fd) != KJA_OK) return {};
    return fd;
  }

 private:
  // Of that much a copy costs less than one more system call.
  static constexpr size_t MOST_COPIED = 16 * 1024;

  template <typename T, typename F>
  kj::Promise<T> started(F&& start) {
    return kj::evalNow([&]() {
      Promise promise;
      check(start(promise.out()));
      return bridge.toKj<T>(kj::mv(promise));
    });
  }
  void name(decltype(kja_connection_peer_address)* ask, struct sockaddr* to, uint* length) {
    Owned<kja_address_release> address;
    check(ask(connection.get(), address.out()));
    size_t size = 0;
    check(kja_address_sockaddr(address.get(), to, *length, &size));
    *length = size;
  }

  Bridge& bridge;
  Connection connection;
};

// A stream of KJ's behind a pipe, and its bytes on their way.
struct Relay {
  Relay(Bridge& bridge, Connection&& connection, kj::Own<kj::AsyncIoStream>&& stream)
      : end(bridge, kj::mv(connection)), stream(kj::mv(stream)) {}
  ~Relay() {
    // What is cut short is no end.
    if (!ended) kj::runCatchingExceptions([this]() { end.abortWrite(KJ_EXCEPTION(DISCONNECTED, "the stream of KJ's was dropped")); });
  }
  kj::Promise<void> run() {
    // Eagerly: each way ends by itself.
    auto outward = end.pumpTo(*stream, kj::maxValue)
                       .then([this](uint64_t) { stream->shutdownWrite(); })
                       .catch_([this](kj::Exception&&) { end.abortRead(); })
                       .eagerlyEvaluate(nullptr);
    auto inward = stream->pumpTo(end)
                      .then([this](uint64_t) { end.shutdownWrite(); })
                      .catch_([this](kj::Exception&& exception) { end.abortWrite(exception); })
                      .then([this]() { ended = true; })
                      .eagerlyEvaluate(nullptr);
    return kj::joinPromises(kj::arr(kj::mv(outward), inward.exclusiveJoin(end.whenWriteDisconnected())));
  }

  Stream end;
  kj::Own<kj::AsyncIoStream> stream;
  bool ended = false;
};

}  // namespace detail

inline kj::Own<kj::AsyncIoStream> Bridge::toKj(Connection connection) { return kj::heap<detail::Stream>(*this, kj::mv(connection)); }

inline Connection Bridge::toKja(kj::Own<kj::AsyncIoStream> stream) {
  Connection one, other;
  check(kja_pipe_new_two_way(handle, one.out(), other.out()));
  auto relay = kj::heap<detail::Relay>(*this, kj::mv(other), kj::mv(stream));
  auto running = relay->run();
  tasks.add(running.attach(kj::mv(relay)));
  return one;
}

}  // namespace kjasync

#endif  // KJASYNC_KJ_H
