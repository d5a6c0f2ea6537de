/* Readiness of descriptors that the test makes, reads and writes itself. */
#include "options.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sys/socket.h>

static kja_fd_observer_t observe(kja_runtime_t runtime, int fd) {
  kja_fd_observer_t observer = 0;
  CHECK_OK(kja_fd_observer_new(runtime, fd, KJA_FD_BORROW, &observer));
  return observer;
}
static kja_promise_t when(kja_fd_observer_t observer, uint32_t what) {
  kja_promise_t waiting = 0;
  CHECK_OK(kja_fd_observer_when_start(observer, what, &waiting));
  return waiting;
}
static void expect_pending(kja_runtime_t runtime, kja_promise_t promise) {
  let_loop_rest(runtime);
  CHECK_IS(kja_promise_status(promise), KJA_ERR_PENDING);
}
static void expect_at_end(kja_fd_observer_t observer, uint32_t want) {
  uint32_t at_end = 9;
  CHECK_OK(kja_fd_observer_at_end(observer, &at_end));
#ifndef __linux__
  if (want == KJA_AT_END_NO) want = KJA_AT_END_UNKNOWN;
#endif
  CHECK_U64(at_end, want);
}
static void sockets(int ends[2]) {
  CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
  CHECK(fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0);
}
static void close_both(const int ends[2]) {
  close(ends[0]);
  close(ends[1]);
}
/* The two ends of a TCP connection. */
static void tcp(int ends[2]) {
  int listener = socket(AF_INET, SOCK_STREAM, 0);
  struct sockaddr_in name;
  socklen_t size = sizeof name;
  memset(&name, 0, sizeof name);
  name.sin_family = AF_INET;
  name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  CHECK(bind(listener, (struct sockaddr *)&name, size) == 0 && listen(listener, 1) == 0);
  CHECK(getsockname(listener, (struct sockaddr *)&name, &size) == 0);
  ends[0] = socket(AF_INET, SOCK_STREAM, 0);
  CHECK(connect(ends[0], (struct sockaddr *)&name, size) == 0);
  ends[1] = accept(listener, NULL, NULL);
  CHECK(ends[1] >= 0);
  close(listener);
}

/* parity: UNIX-09, UNIX-10 */
static void it_tells_when_there_is_something_to_read(void) {
  kja_runtime_t runtime = runtime_open();
  int ends[2];
  char byte;
  sockets(ends);
  kja_fd_observer_t observer = observe(runtime, ends[0]), second = observe(runtime, ends[0]);
  for (int round = 0; round < 20; round++) {
    kja_promise_t waiting = when(observer, KJA_FD_READABLE), other = when(observer, KJA_FD_READABLE);
    kja_promise_t elsewhere = when(second, KJA_FD_READABLE);
    expect_pending(runtime, waiting);
    CHECK(write(ends[1], "x", 1) == 1);
    expect(waiting, KJA_OK);
    expect(other, KJA_OK);
    expect(elsewhere, KJA_OK);
    /* It is still so, and takes no turn of the loop. */
    expect_already(when(observer, KJA_FD_READABLE), KJA_OK);
    CHECK(read(ends[0], &byte, 1) == 1 && read(ends[0], &byte, 1) == -1 && errno == EAGAIN);
  }
  CHECK_OK(kja_fd_observer_release(second));
  /* A wait keeps its observer. */
  kja_promise_t waiting = when(observer, KJA_FD_READABLE);
  CHECK_OK(kja_fd_observer_release(observer));
  CHECK(write(ends[1], "x", 1) == 1);
  expect(waiting, KJA_OK);
  close_both(ends);
  runtime_close(runtime);
}

/* parity: UNIX-11 */
static void it_tells_when_there_is_room_to_write(void) {
  kja_runtime_t runtime = runtime_open();
  static char block[65536];
  int ends[2];
  sockets(ends);
  kja_fd_observer_t observer = observe(runtime, ends[0]);
  expect_already(when(observer, KJA_FD_WRITABLE), KJA_OK);
  for (int round = 0; round < 5; round++) {
    size_t sent = 0, got = 0;
    for (ssize_t n; (n = write(ends[0], block, sizeof block)) > 0;) sent += (size_t)n;
    kja_promise_t waiting = when(observer, KJA_FD_WRITABLE), reading = when(observer, KJA_FD_READABLE);
    expect_pending(runtime, waiting);
    while (got < sent) {
      ssize_t n = read(ends[1], block, sizeof block);
      if (!CHECK(n > 0)) break;
      got += (size_t)n;
    }
    expect(waiting, KJA_OK);
    expect_pending(runtime, reading);
    CHECK_OK(kja_promise_release(reading));
  }
  CHECK_OK(kja_fd_observer_release(observer));
  close_both(ends);
  runtime_close(runtime);
}

/* parity: UNIX-12 */
static void it_tells_of_urgent_data(void) {
  kja_runtime_t runtime = runtime_open();
  int ends[2];
  char byte;
  tcp(ends);
  kja_fd_observer_t observer = observe(runtime, ends[0]);
  kja_promise_t waiting = when(observer, KJA_FD_URGENT);
  CHECK(send(ends[1], "a", 1, 0) == 1);
  expect(when(observer, KJA_FD_READABLE), KJA_OK);
  expect_pending(runtime, waiting);
  CHECK(send(ends[1], "!", 1, MSG_OOB) == 1);
  expect(waiting, KJA_OK);
  CHECK(recv(ends[0], &byte, 1, MSG_OOB) == 1 && byte == '!');
  waiting = when(observer, KJA_FD_URGENT);
  expect_pending(runtime, waiting);
  /* There will be none. */
  CHECK(shutdown(ends[1], SHUT_WR) == 0);
#ifdef __linux__
  expect(waiting, KJA_ERR_DISCONNECTED);
#else
  CHECK_OK(kja_promise_release(waiting));
#endif
  CHECK_OK(kja_fd_observer_release(observer));
  close_both(ends);
  runtime_close(runtime);
}

/* parity: UNIX-13, UNIX-14 */
static void it_tells_of_ends(void) {
  kja_runtime_t runtime = runtime_open();
  int ends[2];
  sockets(ends);
  kja_fd_observer_t observer = observe(runtime, ends[0]);
  kja_promise_t gone = when(observer, KJA_FD_WRITE_DISCONNECTED);
  expect_at_end(observer, KJA_AT_END_NO);
  CHECK(write(ends[1], "x", 1) == 1);
  CHECK(shutdown(ends[1], SHUT_WR) == 0);
  /* The end of what can be read is none of what can be written. */
  expect_at_end(observer, KJA_AT_END_YES);
  expect_already(when(observer, KJA_FD_READABLE), KJA_OK);
  expect_pending(runtime, gone);
  close(ends[1]);
  expect(gone, KJA_OK);
  expect_already(when(observer, KJA_FD_WRITE_DISCONNECTED), KJA_OK);
  expect_at_end(observer, KJA_AT_END_YES);
  CHECK_OK(kja_fd_observer_release(observer));
  close(ends[0]);
  /* Nobody reads a pipe any more. */
  CHECK(pipe(ends) == 0);
  observer = observe(runtime, ends[1]);
  gone = when(observer, KJA_FD_WRITE_DISCONNECTED);
  expect_pending(runtime, gone);
  close(ends[0]);
  expect(gone, KJA_OK);
  CHECK_OK(kja_fd_observer_release(observer));
  close(ends[1]);
  runtime_close(runtime);
}

/* parity: UNIX-09, LLIO-03 */
static void the_descriptor_stays_as_it_is(void) {
  kja_runtime_t runtime = runtime_open();
  int ends[2];
  CHECK(pipe(ends) == 0);
  kja_fd_observer_t observer = observe(runtime, ends[0]), none = 1;
  CHECK(!(fcntl(ends[0], F_GETFL) & O_NONBLOCK) && !(fcntl(ends[0], F_GETFD) & FD_CLOEXEC));
  kja_promise_t waiting = when(observer, KJA_FD_READABLE);
  CHECK_IS(kja_fd_observer_when_start(observer, 4, &waiting), KJA_ERR_INVALID_ARGUMENT);
  CHECK_OK(kja_fd_observer_release(observer));
  CHECK(fcntl(ends[0], F_GETFD) != -1);
  CHECK_OK(kja_fd_observer_new(runtime, ends[0], KJA_FD_TAKE, &observer));
  CHECK_OK(kja_fd_observer_release(observer));
  CHECK(fcntl(ends[0], F_GETFD) == -1);
  CHECK_IS(kja_fd_observer_new(runtime, ends[0], KJA_FD_BORROW, &none), KJA_ERR_FAILED);
  CHECK_U64(kja_last_error_os(), EBADF);
  CHECK_IS(kja_fd_observer_new(runtime, -1, KJA_FD_BORROW, &none), KJA_ERR_INVALID_ARGUMENT);
  CHECK_IS(kja_fd_observer_new(runtime, ends[1], 8, &none), KJA_ERR_INVALID_ARGUMENT);
  CHECK_U64(none, 0);
  FILE *file = tmpfile();
  CHECK_IS(kja_fd_observer_new(runtime, fileno(file), KJA_FD_BORROW, &none), KJA_ERR_UNIMPLEMENTED);
  fclose(file);
  close(ends[1]);
  runtime_close(runtime);
}

/* parity: UNIX-11 */
static void a_connect_is_waited_for(void) {
  kja_runtime_t runtime = runtime_open();
  int listener = socket(AF_INET, SOCK_STREAM, 0), client = socket(AF_INET, SOCK_STREAM, 0), error = -1;
  struct sockaddr_in name;
  socklen_t size = sizeof name, error_size = sizeof error;
  memset(&name, 0, sizeof name);
  name.sin_family = AF_INET;
  name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  CHECK(bind(listener, (struct sockaddr *)&name, size) == 0 && listen(listener, 1) == 0);
  CHECK(getsockname(listener, (struct sockaddr *)&name, &size) == 0);
  CHECK(fcntl(client, F_SETFL, O_NONBLOCK) == 0);
  /* Observed before it is connected, when the system says that it has hung up. */
  kja_fd_observer_t observer = observe(runtime, client);
  let_loop_rest(runtime);
  CHECK(connect(client, (struct sockaddr *)&name, size) == 0 || errno == EINPROGRESS);
  expect(when(observer, KJA_FD_WRITABLE), KJA_OK);
  CHECK(getsockopt(client, SOL_SOCKET, SO_ERROR, &error, &error_size) == 0 && error == 0);
  int server = accept(listener, NULL, NULL);
  kja_promise_t reading = when(observer, KJA_FD_READABLE);
  let_loop_rest(runtime);
  CHECK_IS(kja_promise_status(reading), KJA_ERR_PENDING);
  CHECK(send(server, "x", 1, 0) == 1);
  expect(reading, KJA_OK);
  CHECK_OK(kja_fd_observer_release(observer));
  close(server);
  close(client);
  close(listener);
  runtime_close(runtime);
}

static void whoever_leaves_leaves_the_others(void) {
  kja_runtime_t runtime = runtime_open();
  int ends[2];
  sockets(ends);
  kja_fd_observer_t observer = observe(runtime, ends[0]);
  kja_promise_t cancelled = when(observer, KJA_FD_READABLE), released = when(observer, KJA_FD_READABLE);
  kja_promise_t stays = when(observer, KJA_FD_READABLE), then = 0;
  count_t destroyed = {0};
  CHECK_OK(kja_promise_cancel(cancelled));
  expect_already(cancelled, KJA_ERR_CANCELED);
  CHECK_OK(kja_promise_release(released));
  CHECK(write(ends[1], "x", 1) == 1);
  expect(stays, KJA_OK);
  /* Readiness is there or not: nobody uses it up. */
  stays = when(observer, KJA_FD_READABLE);
  expect(stays, KJA_OK);
  kja_promise_t gone = when(observer, KJA_FD_WRITE_DISCONNECTED);
  CHECK_OK(kja_promise_then(gone, must_not_run, &destroyed, count_destroy, &then));
  CHECK_OK(kja_runtime_shutdown(runtime));
  CHECK_U64(count_get(&destroyed), 1);
  CHECK_IS(kja_fd_observer_when_start(observer, KJA_FD_READABLE, &stays), KJA_ERR_BAD_HANDLE);
  CHECK_IS(kja_fd_observer_new(runtime, ends[0], KJA_FD_BORROW, &observer), KJA_ERR_SHUTDOWN);
  CHECK_OK(kja_runtime_release(runtime));
  close_both(ends);
}

typedef struct writer_t {
  int fd;
  size_t bytes;
} writer_t;
static void *write_bytewise(void *arg) {
  writer_t *writer = (writer_t *)arg;
  for (size_t i = 0; i < writer->bytes; i++) {
    CHECK(write(writer->fd, "x", 1) == 1);
    if (i % 7 == 0) sched_yield();
  }
  return NULL;
}

/* parity: UNIX-10 */
static void whoever_reads_until_it_would_block_misses_nothing(void) {
  kja_runtime_t runtime = runtime_open();
  int ends[2];
  char buffer[64];
  sockets(ends);
  kja_fd_observer_t observer = observe(runtime, ends[0]);
  writer_t writer = {ends[1], scaled(20000)};
  pthread_t thread;
  pthread_create(&thread, NULL, write_bytewise, &writer);
  for (size_t got = 0; got < writer.bytes && !check_failures_;) {
    expect(when(observer, KJA_FD_READABLE), KJA_OK);
    for (ssize_t n; (n = read(ends[0], buffer, sizeof buffer)) > 0;) got += (size_t)n;
  }
  pthread_join(thread, NULL);
  CHECK_OK(kja_fd_observer_release(observer));
  close_both(ends);
  runtime_close(runtime);
}

int main(void) {
  RUN_IN_BOTH(it_tells_when_there_is_something_to_read);
  RUN_IN_BOTH(it_tells_when_there_is_room_to_write);
  RUN_IN_BOTH(it_tells_of_urgent_data);
  RUN_IN_BOTH(it_tells_of_ends);
  RUN_IN_BOTH(the_descriptor_stays_as_it_is);
  RUN_IN_BOTH(a_connect_is_waited_for);
  RUN_IN_BOTH(whoever_leaves_leaves_the_others);
  RUN_IN_BOTH(whoever_reads_until_it_would_block_misses_nothing);
  return check_done();
}
