// Connections as streams of KJ's, and the other way round.
#include "loopback.h"
#include "scene.h"

static kj::ArrayPtr<const kj::byte> bytesOf(kj::StringPtr text) {
  return text.asBytes();
}
static kj::Array<kj::byte> pattern(size_t size) {
  auto bytes = kj::heapArray<kj::byte>(size);
  for (size_t i = 0; i < size; i++) bytes[i] = static_cast<kj::byte>(i * 31 + i / 4096);
  return bytes;
}

// Two connections, whichever kind.
struct Ends {
  Connection one, other;
  explicit Ends(Scene& scene, bool sockets = true) {
    auto open = sockets ? kja_pipe_new_os_two_way : kja_pipe_new_two_way;
    CHECK_OK(open(scene.runtime.get(), one.out(), other.out()));
  }
};
struct Streams {
  kj::Own<kj::AsyncIoStream> one, other;
  explicit Streams(Scene& scene, bool sockets = true) {
    Ends ends(scene, sockets);
    one = scene.bridge->toKj(kj::mv(ends.one));
    other = scene.bridge->toKj(kj::mv(ends.other));
  }
};

static void a_stream_reads_as_kj_says() {
  Scene scene;
  for (bool sockets : {true, false}) {
    Streams streams(scene, sockets);
    char buffer[20] = {};
    auto writing = streams.one->write("hello, you", 10);
    CHECK_U64(streams.other->tryRead(buffer, 0, 0).wait(scene.waitScope), 0);
    CHECK_U64(streams.other->tryRead(buffer, 3, 5).wait(scene.waitScope), 5);
    streams.other->read(buffer + 5, 5).wait(scene.waitScope);
    CHECK(memcmp(buffer, "hello, you", 10) == 0);
    writing.wait(scene.waitScope);
    auto reading = streams.other->tryRead(buffer, 4, 20);
    CHECK(!reading.poll(scene.waitScope));
    auto more = streams.one->write("abc", 3).then([&]() { streams.one->shutdownWrite(); }).eagerlyEvaluate(nullptr);
    CHECK_U64(reading.wait(scene.waitScope), 3);
    more.wait(scene.waitScope);
    CHECK_U64(streams.other->tryRead(buffer, 1, 20).wait(scene.waitScope), 0);
    CHECK(thrown([&]() { streams.other->read(buffer, 1).wait(scene.waitScope); }).getType() == kj::Exception::Type::DISCONNECTED);
    // The other direction goes on.
    auto back = streams.other->write("xyz", 3);
    streams.one->read(buffer, 3).wait(scene.waitScope);
    back.wait(scene.waitScope);
    CHECK(memcmp(buffer, "xyz", 3) == 0);
  }
}

static void a_read_that_is_dropped_leaves_its_bytes() {
  Scene scene;
  Streams streams(scene);
  char buffer[8] = {};
  for (int round = 0; round < 10; round++) {
    {
      // Memory that is gone when the promise is.
      auto gone = kj::heapArray<kj::byte>(100);
      auto reading = streams.other->tryRead(gone.begin(), 100, 100);
      CHECK(!reading.poll(scene.waitScope));
      streams.one->write("1234", 4).wait(scene.waitScope);
      CHECK(!reading.poll(scene.waitScope));
    }
    streams.other->read(buffer, 4).wait(scene.waitScope);
    CHECK(memcmp(buffer, "1234", 4) == 0);
  }
}

static void pieces_go_out_as_one() {
  Scene scene;
  for (size_t size : {size_t(10), size_t(100000)}) {
    Streams streams(scene);
    auto one = pattern(size), two = pattern(size / 2), three = pattern(size);
    kj::ArrayPtr<const kj::byte> pieces[] = {one, two, nullptr, three};
    auto writing = streams.one->write(kj::arrayPtr(pieces, 4)).then([&]() { streams.one->shutdownWrite(); }).eagerlyEvaluate(nullptr);
    auto all = streams.other->readAllBytes().wait(scene.waitScope);
    writing.wait(scene.waitScope);
    CHECK_U64(all.size(), size * 2 + size / 2);
    CHECK(all.slice(0, size) == one && all.slice(size, size + size / 2) == two && all.slice(size + size / 2, all.size()) == three);
  }
}

static void much_goes_through_a_pump() {
  Scene scene;
  size_t size = scaled(4 << 20);
  auto data = pattern(size);
  // From a stream of KjAsync's to one of KjAsync's, and to one of KJ's and back.
  for (bool throughKj : {false, true}) {
    Streams first(scene), second(scene);
    auto kjs = scene.io.provider->newTwoWayPipe();
    auto writing = first.one->write(data.begin(), data.size()).then([&]() { first.one->shutdownWrite(); });
    auto reading = second.one->readAllBytes();
    auto pumping = throughKj ? first.other->pumpTo(*kjs.ends[0]).then([&](uint64_t) { kjs.ends[0]->shutdownWrite(); })
                             : first.other->pumpTo(*second.other).then([&](uint64_t n) {
                                 CHECK_U64(n, size);
                                 second.other->shutdownWrite();
                               });
    auto onward = throughKj ? kjs.ends[1]->pumpTo(*second.other).then([&](uint64_t) { second.other->shutdownWrite(); })
                            : kj::Promise<void>(kj::READY_NOW);
    pumping = pumping.eagerlyEvaluate(nullptr);
    onward = onward.eagerlyEvaluate(nullptr);
    writing = writing.eagerlyEvaluate(nullptr);
    CHECK(reading.wait(scene.waitScope) == data);
    writing.wait(scene.waitScope);
    pumping.wait(scene.waitScope);
    onward.wait(scene.waitScope);
  }
  Streams first(scene), second(scene);
  auto writing = first.one->write("0123456789", 10);
  CHECK_U64(first.other->pumpTo(*second.one, 4).wait(scene.waitScope), 4);
  writing.wait(scene.waitScope);
  char rest[6];
  first.other->read(rest, 6).wait(scene.waitScope);
  CHECK(memcmp(rest, "456789", 6) == 0);
}

static void a_stream_tells_of_itself() {
  Scene scene;
  Streams streams(scene);
  KJ_IF_MAYBE (fd, streams.one->getFd()) CHECK(fcntl(*fd, F_GETFD) != -1);
  else CHECK(!"it has a descriptor");
  int type = 0;
  uint length = sizeof type;
  streams.one->getsockopt(SOL_SOCKET, SO_TYPE, &type, &length);
  CHECK(type == SOCK_STREAM && length == sizeof type);
  int size = 8192;
  streams.one->setsockopt(SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
  CHECK(streams.one->tryGetLength() == nullptr);
  struct sockaddr_storage name = {};
  length = sizeof name;
  streams.one->getsockname(reinterpret_cast<struct sockaddr*>(&name), &length);
  CHECK(name.ss_family == AF_UNIX);
  length = sizeof name;
  streams.one->getpeername(reinterpret_cast<struct sockaddr*>(&name), &length);
  CHECK(name.ss_family == AF_UNIX);
  Streams pipes(scene, false);
  CHECK(pipes.one->getFd() == nullptr);
  CHECK(thrown([&]() { pipes.one->getsockopt(SOL_SOCKET, SO_TYPE, &type, &length); }).getType() == kj::Exception::Type::UNIMPLEMENTED);
  auto gone = streams.one->whenWriteDisconnected();
  CHECK(!gone.poll(scene.waitScope));
  streams.other = nullptr;
  gone.wait(scene.waitScope);
  CHECK(thrown([&]() { streams.one->write("x", 1).wait(scene.waitScope); }).getType() == kj::Exception::Type::DISCONNECTED);
  auto reading = pipes.one->tryRead(&type, 1, 4);
  pipes.one->abortRead();
  CHECK_U64(reading.wait(scene.waitScope), 0);
}

// ---- The other way round

static Promise reading(const Connection& connection, size_t min, size_t max) {
  Promise promise;
  CHECK_OK(kja_connection_read_start(connection.get(), min, max, promise.out()));
  return promise;
}
static Promise writing(const Connection& connection, kj::StringPtr text) {
  Promise promise;
  CHECK_OK(kja_connection_write_start(connection.get(), text.begin(), text.size(), promise.out()));
  return promise;
}

static void a_stream_of_kjs_is_a_connection() {
  Scene scene;
  auto pipe = scene.io.provider->newTwoWayPipe();
  Connection connection = scene.bridge->toKja(kj::mv(pipe.ends[0]));
  auto& kjs = *pipe.ends[1];
  char buffer[10] = {};
  scene.outcome<void>(writing(connection, "there"));
  kjs.read(buffer, 5).wait(scene.waitScope);
  CHECK(memcmp(buffer, "there", 5) == 0);
  kjs.write("back", 4).wait(scene.waitScope);
  CHECK(scene.outcome<kj::Array<kj::byte>>(reading(connection, 4, 10)) == bytesOf("back"));
  // The end goes through, each way by itself.
  Promise ending;
  CHECK_OK(kja_connection_shutdown_write_start(connection.get(), ending.out()));
  scene.outcome<void>(kj::mv(ending));
  CHECK_U64(kjs.tryRead(buffer, 1, 10).wait(scene.waitScope), 0);
  kjs.write("still", 5).wait(scene.waitScope);
  kjs.shutdownWrite();
  CHECK(scene.outcome<kj::Array<kj::byte>>(reading(connection, 5, 10)) == bytesOf("still"));
  CHECK_U64(scene.outcome<kj::Array<kj::byte>>(reading(connection, 1, 10)).size(), 0);
}

static void much_goes_both_ways_and_back() {
  Scene scene;
  size_t size = scaled(2 << 20);
  auto data = pattern(size);
  // To KjAsync and to KJ again, so that each byte crosses twice.
  auto pipe = scene.io.provider->newTwoWayPipe();
  auto stream = scene.bridge->toKj(scene.bridge->toKja(kj::mv(pipe.ends[0])));
  auto& other = *pipe.ends[1];
  auto there = stream->write(data.begin(), size).then([&]() { stream->shutdownWrite(); }).eagerlyEvaluate(nullptr);
  auto back = other.write(data.begin(), size).then([&]() { other.shutdownWrite(); }).eagerlyEvaluate(nullptr);
  auto got = other.readAllBytes();
  CHECK(stream->readAllBytes().wait(scene.waitScope) == data);
  CHECK(got.wait(scene.waitScope) == data);
  there.wait(scene.waitScope);
  back.wait(scene.waitScope);
}

// Reads one thing, then fails.
class Failing final : public kj::AsyncIoStream {
 public:
  explicit Failing(count_t& gone) : token(gone) {}
  kj::Promise<size_t> tryRead(void* buffer, size_t, size_t) override {
    if (given) return KJ_EXCEPTION(OVERLOADED, "the disk is full");
    given = true;
    memcpy(buffer, "abc", 3);
    return size_t(3);
  }
  kj::Promise<void> write(const void*, size_t) override { return KJ_EXCEPTION(OVERLOADED, "the disk is full"); }
  kj::Promise<void> write(kj::ArrayPtr<const kj::ArrayPtr<const kj::byte>>) override { return KJ_EXCEPTION(OVERLOADED, "the disk is full"); }
  kj::Promise<void> whenWriteDisconnected() override { return kj::NEVER_DONE; }
  void shutdownWrite() override {}

 private:
  Token token;
  bool given = false;
};

static void its_errors_come_out_of_the_connection() {
  Scene scene;
  count_t gone = {0};
  Connection connection = scene.bridge->toKja(kj::heap<Failing>(gone));
  CHECK(scene.outcome<kj::Array<kj::byte>>(reading(connection, 3, 10)) == bytesOf("abc"));
  auto failure = thrown([&]() { scene.outcome<Bytes>(reading(connection, 1, 10)); });
  CHECK(failure.getType() == kj::Exception::Type::OVERLOADED && failure.getDescription() == "the disk is full");
  // The first write has been taken before it fails; then there is nobody to write to.
  Promise nobody;
  CHECK_OK(kja_connection_when_write_disconnected_start(connection.get(), nobody.out()));
  scene.outcome<void>(writing(connection, "one"));
  scene.outcome<void>(kj::mv(nobody));
  CHECK(thrown([&]() { scene.outcome<void>(writing(connection, "two")); }).getType() == kj::Exception::Type::DISCONNECTED);
  connection = {};
  scene.until(gone, 1);
}

static void a_released_connection_drops_the_stream_once_all_is_written() {
  Scene scene;
  auto pipe = kj::newTwoWayPipe();
  count_t gone = {0};
  Connection connection = scene.bridge->toKja(pipe.ends[0].attach(kj::heap<Token>(gone)));
  auto& kjs = *pipe.ends[1];
  // The pipe of KJ's has no buffer, so this waits until it is read.
  auto written = writing(connection, "the last words");
  connection = {};
  scene.waitScope.poll();
  CHECK_U64(count_get(&gone), 0);
  CHECK(kjs.readAllText().wait(scene.waitScope) == "the last words");
  scene.outcome<void>(kj::mv(written));
  scene.until(gone, 1);
}

static void the_bridge_takes_its_streams_along() {
  Scene scene;
  auto pipe = kj::newTwoWayPipe();
  count_t gone = {0};
  Connection connection = scene.bridge->toKja(pipe.ends[0].attach(kj::heap<Token>(gone)));
  auto waiting = reading(connection, 1, 10);
  scene.waitScope.poll();
  scene.bridge = nullptr;
  CHECK_U64(count_get(&gone), 1);
  CHECK_IS(kja_promise_await(waiting.get()), KJA_ERR_DISCONNECTED);
  auto late = writing(connection, "x");
  CHECK_IS(kja_promise_await(late.get()), KJA_ERR_DISCONNECTED);
}

int main() {
  RUN_IN_BOTH(a_stream_reads_as_kj_says);
  RUN_IN_BOTH(a_read_that_is_dropped_leaves_its_bytes);
  RUN_IN_BOTH(pieces_go_out_as_one);
  RUN_IN_BOTH(much_goes_through_a_pump);
  RUN_IN_BOTH(a_stream_tells_of_itself);
  RUN_IN_BOTH(a_stream_of_kjs_is_a_connection);
  RUN_IN_BOTH(much_goes_both_ways_and_back);
  RUN_IN_BOTH(its_errors_come_out_of_the_connection);
  RUN_IN_BOTH(a_released_connection_drops_the_stream_once_all_is_written);
  RUN_IN_BOTH(the_bridge_takes_its_streams_along);
  return check_done();
}
