/* Pipes and socket pairs of the system's. */
#include "gate.h"
#include "stream.h"
#include "options.h"

#include <signal.h>

static ends_t pair_as_ends(kja_runtime_t runtime) {
  pair_t pair = os_pair_open(runtime);
  ends_t ends = {pair.server, pair.client};
  return ends;
}
typedef ends_t (*open_fn)(kja_runtime_t runtime);
static const open_fn OPENS[2] = {os_pipe_open, pair_as_ends};

/* More than the system keeps for either. */
enum { MUCH = 4 << 20 };

/* parity: PIPE-06, PIPE-07, STRM-01, STRM-11 */
static void what_is_written_is_read(void) {
  for (int kind = 0; kind < 2; kind++) {
    kja_runtime_t runtime = runtime_open();
    ends_t ends = OPENS[kind](runtime);
    kja_slice_t slices[4] = {{"one ", 4}, {NULL, 0}, {"two ", 4}, {"three", 5}};
    kja_promise_t gathered = 0, reading = read_start(ends.reader, 13, 100);
    stays_pending(runtime, reading);
    CHECK_OK(kja_connection_writev_start(ends.writer, slices, 4, &gathered));
    expect(gathered, KJA_OK);
    expect_text(reading, "one two three");
    write_text(ends.writer, "0123456789");
    expect_text(read_start(ends.reader, 1, 3), "012");
    expect_text(read_required_start(ends.reader, 7, 7), "3456789");
    expect_no_length(ends.reader);
    ends_release(ends);
    runtime_close(runtime);
  }
}

/* parity: PIPE-06, PIPE-07, STRM-10 */
static void writes_wait_for_a_slow_reader(void) {
  for (int kind = 0; kind < 2; kind++) {
    kja_runtime_t runtime = runtime_open();
    ends_t ends = OPENS[kind](runtime);
    char *data = pattern_new(2 * MUCH);
    count_t freed = {0};
    kja_slice_t slices[100];
    kja_promise_t one = 0, two = 0, ending;
    for (int i = 0; i < 100; i++) {
      slices[i].data = data + MUCH + (size_t)MUCH / 100 * i;
      slices[i].size = i < 99 ? MUCH / 100 : MUCH - MUCH / 100 * 99;
    }
    CHECK_OK(kja_connection_write_borrowed_start(ends.writer, data, MUCH, &freed, count_destroy, &one));
    CHECK_OK(kja_connection_writev_start(ends.writer, slices, 100, &two));
    ending = shutdown_start(ends.writer);
    stays_pending(runtime, one);
    CHECK_U64(count_get(&freed), 0);
    expect_pattern(ends.reader, 0, 2 * (size_t)MUCH, 50000);
    expect_end(ends.reader);
    expect(one, KJA_OK);
    expect(two, KJA_OK);
    expect(ending, KJA_OK);
    CHECK_U64(count_get(&freed), 1);
    free(data);
    ends_release(ends);
    runtime_close(runtime);
  }
}

static void a_quarter_megabyte_goes_through_byte_by_byte(void) {
  for (int kind = 0; kind < 2; kind++) {
    size_t size = scaled(1 << 18);
    kja_runtime_t runtime = runtime_open();
    ends_t ends = OPENS[kind](runtime);
    char *data = pattern_new(size);
    kja_promise_t writing = write_start(ends.writer, data, size);
    expect_pattern(ends.reader, 0, size, 1);
    expect(writing, KJA_OK);
    free(data);
    ends_release(ends);
    runtime_close(runtime);
  }
}

/* parity: PIPE-06, PIPE-07, STRM-13, UNIX-04 */
static void without_a_reader_writes_fail_without_a_signal(void) {
  for (int kind = 0; kind < 2; kind++) {
    for (int closes = 0; closes < 2; closes++) {
      kja_runtime_t runtime = runtime_open();
      ends_t ends = OPENS[kind](runtime);
      char *data = pattern_new(MUCH);
      kja_promise_t pending = write_start(ends.writer, data, MUCH), watching = disconnected_start(ends.writer);
      stays_pending(runtime, watching);
      if (closes) CHECK_OK(kja_connection_close(ends.reader));
      CHECK_OK(kja_connection_release(ends.reader));
      expect(watching, KJA_OK);
      expect(pending, KJA_ERR_DISCONNECTED);
      expect(write_text_start(ends.writer, "x"), KJA_ERR_DISCONNECTED);
      CHECK_U64(kja_last_error_os(), EPIPE);
      expect(write_start(ends.writer, data, MUCH), KJA_ERR_DISCONNECTED);
      kja_slice_t slices[2] = {{"a", 1}, {"b", 1}};
      CHECK_OK(kja_connection_writev_start(ends.writer, slices, 2, &pending));
      expect(pending, KJA_ERR_DISCONNECTED);
      expect(disconnected_start(ends.writer), KJA_OK);
      /* No signal is left pending either, and none is blocked. */
      sigset_t set;
      CHECK(sigpending(&set) == 0);
      CHECK(!sigismember(&set, SIGPIPE));
      CHECK(pthread_sigmask(SIG_SETMASK, NULL, &set) == 0);
      CHECK(!sigismember(&set, SIGPIPE));
      free(data);
      CHECK_OK(kja_connection_release(ends.writer));
      runtime_close(runtime);
    }
  }
}

static void a_signal_that_was_pending_stays_pending(void) {
  kja_runtime_t runtime = runtime_open();
  ends_t ends = os_pipe_open(runtime);
  sigset_t pipe_only, before, pending;
  int signal_number = 0;
  sigemptyset(&pipe_only);
  sigaddset(&pipe_only, SIGPIPE);
  CHECK(pthread_sigmask(SIG_BLOCK, &pipe_only, &before) == 0);
  CHECK(pthread_kill(pthread_self(), SIGPIPE) == 0);
  CHECK_OK(kja_connection_release(ends.reader));
  expect(write_text_start(ends.writer, "x"), KJA_ERR_DISCONNECTED);
  CHECK(sigpending(&pending) == 0);
  CHECK(sigismember(&pending, SIGPIPE));
  CHECK(sigwait(&pipe_only, &signal_number) == 0);
  CHECK(pthread_sigmask(SIG_SETMASK, &before, NULL) == 0);
  CHECK_OK(kja_connection_release(ends.writer));
  runtime_close(runtime);
}

/* parity: PIPE-06, PIPE-07, STRM-21 */
static void without_a_writer_the_reader_sees_the_end_after_what_was_written(void) {
  for (int kind = 0; kind < 2; kind++) {
    kja_runtime_t runtime = runtime_open();
    ends_t ends = OPENS[kind](runtime);
    write_text(ends.writer, "last words");
    CHECK_OK(kja_connection_release(ends.writer));
    expect_text(read_start(ends.reader, 4, 4), "last");
    expect_text(read_all_start(ends.reader, 100), " words");
    expect_end(ends.reader);
    CHECK_OK(kja_connection_release(ends.reader));
    ends = OPENS[kind](runtime);
    kja_promise_t reading = read_start(ends.reader, 1, 8);
    stays_pending(runtime, reading);
    CHECK_OK(kja_connection_close(ends.writer));
    expect_text(reading, "");
    ends_release(ends);
    runtime_close(runtime);
  }
}

/* parity: STRM-15 */
static void nothing_can_be_written_after_the_end(void) {
  for (int kind = 0; kind < 2; kind++) {
    kja_runtime_t runtime = runtime_open();
    ends_t ends = OPENS[kind](runtime);
    write_text(ends.writer, "all");
    shutdown_write(ends.writer);
    expect_text(read_all_start(ends.reader, 100), "all");
    kja_promise_t writing = write_text_start(ends.writer, "more");
    CHECK(kja_promise_await(writing) != KJA_OK);
    CHECK_OK(kja_promise_release(writing));
    expect_end(ends.reader);
    ends_release(ends);
    runtime_close(runtime);
  }
}

/* parity: PIPE-07, STRM-15, STRM-16 */
static void each_direction_of_a_socket_pair_ends_on_its_own(void) {
  kja_runtime_t runtime = runtime_open();
  pair_t pair = os_pair_open(runtime);
  kja_promise_t watching = disconnected_start(pair.server);
  write_text(pair.client, "question");
  shutdown_write(pair.client);
  expect_text(read_all_start(pair.server, 100), "question");
  stays_pending(runtime, watching);
  write_text(pair.server, "answer");
  expect_text(read_start(pair.client, 6, 6), "answer");
  kja_promise_t reading = read_start(pair.client, 1, 8);
  CHECK_OK(kja_connection_abort_read(pair.client));
  expect_text(reading, "");
  expect_end(pair.client);
  expect(write_text_start(pair.server, "unread"), KJA_ERR_DISCONNECTED);
  pair_release(pair);
  expect(watching, KJA_OK);
  runtime_close(runtime);
}

/* parity: STRM-16 */
static void abort_read_on_a_pipe_ends_it(void) {
  kja_runtime_t runtime = runtime_open();
  ends_t ends = os_pipe_open(runtime);
  kja_promise_t reading = read_start(ends.reader, 1, 8), watching = disconnected_start(ends.writer);
  CHECK_OK(kja_connection_abort_read(ends.reader));
  expect_text(reading, "");
  expect_end(ends.reader);
  expect(watching, KJA_OK);
  expect(write_text_start(ends.writer, "x"), KJA_ERR_DISCONNECTED);
  ends_release(ends);
  runtime_close(runtime);
}

static void the_wrong_direction_does_no_harm(void) {
  kja_runtime_t runtime = runtime_open();
  ends_t ends = os_pipe_open(runtime);
  expect(read_start(ends.writer, 1, 8), KJA_ERR_UNIMPLEMENTED);
  expect(write_text_start(ends.reader, "x"), KJA_ERR_UNIMPLEMENTED);
  expect(shutdown_start(ends.reader), KJA_ERR_UNIMPLEMENTED);
  expect(disconnected_start(ends.reader), KJA_ERR_UNIMPLEMENTED);
  CHECK_IS(kja_connection_abort_read(ends.writer), KJA_ERR_UNIMPLEMENTED);
  write_text(ends.writer, "whole");
  expect_text(read_start(ends.reader, 5, 5), "whole");
  ends_release(ends);
  runtime_close(runtime);
}

/* parity: STRM-24 */
static void a_second_read_is_busy(void) {
  for (int kind = 0; kind < 2; kind++) {
    kja_runtime_t runtime = runtime_open();
    ends_t ends = OPENS[kind](runtime);
    kja_promise_t first = read_start(ends.reader, 1, 8), second = 1;
    CHECK_IS(kja_connection_read_start(ends.reader, 1, 8, &second), KJA_ERR_BUSY);
    CHECK_OK(kja_promise_cancel(first));
    expect_already(first, KJA_ERR_CANCELED);
    /* A cancelled read takes nothing. */
    write_text(ends.writer, "kept");
    expect_text(read_start(ends.reader, 4, 8), "kept");
    ends_release(ends);
    runtime_close(runtime);
  }
}

/* parity: STRM-10 */
static void a_cancelled_write_stops(void) {
  for (int kind = 0; kind < 2; kind++) {
    kja_runtime_t runtime = runtime_open();
    ends_t ends = OPENS[kind](runtime);
    char *data = pattern_new(MUCH);
    count_t freed = {0};
    kja_promise_t writing = 0;
    CHECK_OK(kja_connection_write_borrowed_start(ends.writer, data, MUCH, &freed, count_destroy, &writing));
    CHECK_OK(kja_promise_cancel(writing));
    CHECK_U64(count_get(&freed), 1);
    expect_already(writing, KJA_ERR_CANCELED);
    free(data);
    CHECK_OK(kja_connection_release(ends.writer));
    kja_promise_t reading = read_all_start(ends.reader, MUCH);
    kja_bytes_t bytes = 0;
    size_t got = 0;
    CHECK_OK(kja_promise_await(reading));
    CHECK_OK(kja_promise_bytes(reading, &bytes));
    CHECK_OK(kja_bytes_data(bytes, NULL, &got));
    CHECK(got > 0 && got < MUCH);
    CHECK_OK(kja_bytes_release(bytes));
    CHECK_OK(kja_promise_release(reading));
    CHECK_OK(kja_connection_release(ends.reader));
    runtime_close(runtime);
  }
}

/* parity: STRM-21 */
static void close_ends_what_is_pending(void) {
  for (int kind = 0; kind < 2; kind++) {
    kja_runtime_t runtime = runtime_open();
    unsigned fds = open_fds();
    ends_t ends = OPENS[kind](runtime);
    char *data = pattern_new(MUCH);
    kja_promise_t reading = read_start(ends.reader, 1, 8);
    CHECK_OK(kja_connection_close(ends.reader));
    expect(reading, KJA_ERR_CANCELED);
    CHECK_OK(kja_connection_release(ends.reader));
    CHECK_OK(kja_connection_release(ends.writer));
    ends = OPENS[kind](runtime);
    kja_promise_t writing = write_start(ends.writer, data, MUCH), watching = disconnected_start(ends.writer);
    CHECK_OK(kja_connection_close(ends.writer));
    expect(writing, KJA_ERR_CANCELED);
    expect(watching, KJA_ERR_CANCELED);
    expect(write_text_start(ends.writer, "x"), KJA_ERR_CANCELED);
    ends_release(ends);
    CHECK(fds_come_back_to(fds));
    free(data);
    runtime_close(runtime);
  }
}

static void descriptors_are_not_inherited(void) {
  kja_runtime_t runtime = runtime_open();
  unsigned char before[64];
  for (int fd = 0; fd < 64; fd++) before[fd] = fcntl(fd, F_GETFD) != -1;
  ends_t ends = os_pipe_open(runtime);
  pair_t pair = os_pair_open(runtime);
  kja_promise_t watching[2] = {disconnected_start(ends.writer), disconnected_start(pair.client)};
  unsigned found = 0;
  for (int fd = 0; fd < 64; fd++) {
    int flags = fcntl(fd, F_GETFD);
    if (flags == -1 || before[fd]) continue;
    found++;
    CHECK(flags & FD_CLOEXEC);
  }
  /* Two for each, and one to watch. */
  CHECK_U64(found, 6);
  for (int i = 0; i < 2; i++) CHECK_OK(kja_promise_release(watching[i]));
  ends_release(ends);
  pair_release(pair);
  runtime_close(runtime);
}

/* parity: STRM-17, STRM-18 */
static void they_have_no_internet_address(void) {
  kja_runtime_t runtime = runtime_open();
  ends_t ends = os_pipe_open(runtime);
  pair_t pair = os_pair_open(runtime);
  kja_address_t address = 1;
  CHECK_IS(kja_connection_local_address(ends.reader, &address), KJA_ERR_UNIMPLEMENTED);
  CHECK_U64(address, 0);
  CHECK_IS(kja_connection_peer_address(ends.writer, &address), KJA_ERR_UNIMPLEMENTED);
  CHECK_IS(kja_connection_set_nodelay(ends.writer, true), KJA_ERR_UNIMPLEMENTED);
  uint32_t family = 0;
  CHECK_OK(kja_connection_local_address(pair.client, &address));
  CHECK_OK(kja_address_family(address, &family));
  CHECK_U64(family, KJA_FAMILY_UNIX);
  CHECK_OK(kja_address_release(address));
  CHECK(kja_connection_set_nodelay(pair.client, true) != KJA_OK);
  ends_release(ends);
  pair_release(pair);
  runtime_close(runtime);
}

typedef struct inside_t {
  ends_t ends;
  kja_promise_t reading, writing;
} inside_t;

static void use_inside(void *ctx, kja_call_t call) {
  inside_t *inside = (inside_t *)ctx;
  (void)call;
  inside->reading = read_start(inside->ends.reader, 6, 8);
  inside->writing = write_text_start(inside->ends.writer, "inside");
}

static void they_can_be_used_inside_a_callback(void) {
  for (int kind = 0; kind < 2; kind++) {
    kja_runtime_t runtime = runtime_open();
    inside_t inside = {OPENS[kind](runtime), 0, 0};
    run_on_loop(runtime, use_inside, &inside);
    expect(inside.writing, KJA_OK);
    expect_text(inside.reading, "inside");
    ends_release(inside.ends);
    runtime_close(runtime);
  }
}

static void *write_all(void *arg) {
  kja_connection_t writer = *(kja_connection_t *)arg;
  size_t size = scaled(MUCH);
  char *data = pattern_new(size);
  for (size_t at = 0; at < size; at += 10007) expect(write_start(writer, data + at, size - at < 10007 ? size - at : 10007), KJA_OK);
  free(data);
  CHECK_OK(kja_connection_release(writer));
  return NULL;
}

static void two_threads_and_the_loop_share_one(void) {
  for (int kind = 0; kind < 2; kind++) {
    kja_runtime_t runtime = runtime_open();
    ends_t ends = OPENS[kind](runtime);
    pthread_t thread;
    pthread_create(&thread, NULL, write_all, &ends.writer);
    expect_pattern(ends.reader, 0, scaled(MUCH), 7777);
    expect_end(ends.reader);
    pthread_join(thread, NULL);
    CHECK_OK(kja_connection_release(ends.reader));
    runtime_close(runtime);
  }
}

/* parity: LOOP-06 */
static void a_shutdown_ends_all_that_is_pending(void) {
  char *data = pattern_new(MUCH);
  for (int kind = 0; kind < 2; kind++) {
    kja_runtime_t runtime = runtime_open();
    ends_t ends = OPENS[kind](runtime), others = OPENS[kind](runtime);
    count_t freed = {0};
    kja_promise_t writing = 0;
    read_start(ends.reader, 1, 8);
    disconnected_start(ends.writer);
    CHECK_OK(kja_connection_write_borrowed_start(others.writer, data, MUCH, &freed, count_destroy, &writing));
    shutdown_start(others.writer);
    pump_start(others.reader, ends.writer, UINT64_MAX);
    CHECK_OK(kja_runtime_shutdown(runtime));
    CHECK_U64(count_get(&freed), 1);
    CHECK_OK(kja_runtime_release(runtime));
  }
  free(data);
}

typedef struct echo_t {
  kja_runtime_t runtime;
  int fd;
} echo_t;
static void echo_all(void *ctx, kja_call_t call) {
  echo_t *echo = (echo_t *)ctx;
  kja_connection_t own = 0;
  (void)call;
  CHECK(kja_runtime_on_loop(echo->runtime));
  CHECK_OK(kja_connection_from_fd(echo->runtime, echo->fd, KJA_FD_TAKE, &own));
  CHECK_OK(kja_promise_detach(pump_start(own, own, UINT64_MAX), NULL, NULL, NULL));
  CHECK_OK(kja_connection_release(own));
}

/* parity: PIPE-08, PIPE-12 */
static void a_loop_on_a_thread_of_its_own_is_joined_by_a_pair(void) {
  kja_runtime_t here = runtime_open();
  unsigned threads = running_threads();
  pair_t pair = os_pair_open(here);
  echo_t echo = {0, -1};
  CHECK_OK(kja_runtime_new(NULL, &echo.runtime));
  CHECK_U64(running_threads(), threads + 1);
  CHECK_OK(kja_connection_dup_fd(pair.server, &echo.fd));
  CHECK_OK(kja_connection_release(pair.server));
  run_on_loop(echo.runtime, echo_all, &echo);
  write_text(pair.client, "there and back");
  expect_text(read_start(pair.client, 14, 14), "there and back");
  kja_promise_t end = read_start(pair.client, 1, 1);
  stays_pending_for_a_while(end);
  runtime_close(echo.runtime);
  CHECK(threads_come_back_to(threads));
  expect_text(end, "");
  CHECK_OK(kja_connection_release(pair.client));
  runtime_close(here);
}

int main(void) {
  /* Whatever the parent left it at. */
  signal(SIGPIPE, SIG_DFL);
  RUN_IN_BOTH(what_is_written_is_read);
  RUN_IN_BOTH(writes_wait_for_a_slow_reader);
  RUN_IN_BOTH(a_quarter_megabyte_goes_through_byte_by_byte);
  RUN_IN_BOTH(without_a_reader_writes_fail_without_a_signal);
  RUN_IN_BOTH(a_signal_that_was_pending_stays_pending);
  RUN_IN_BOTH(without_a_writer_the_reader_sees_the_end_after_what_was_written);
  RUN_IN_BOTH(nothing_can_be_written_after_the_end);
  RUN_IN_BOTH(each_direction_of_a_socket_pair_ends_on_its_own);
  RUN_IN_BOTH(abort_read_on_a_pipe_ends_it);
  RUN_IN_BOTH(the_wrong_direction_does_no_harm);
  RUN_IN_BOTH(a_second_read_is_busy);
  RUN_IN_BOTH(a_cancelled_write_stops);
  RUN_IN_BOTH(close_ends_what_is_pending);
  RUN_IN_BOTH(descriptors_are_not_inherited);
  RUN_IN_BOTH(they_have_no_internet_address);
  RUN_IN_BOTH(they_can_be_used_inside_a_callback);
  RUN(two_threads_and_the_loop_share_one);
  RUN_IN_BOTH(a_shutdown_ends_all_that_is_pending);
  RUN_IN_BOTH(a_loop_on_a_thread_of_its_own_is_joined_by_a_pair);
  return check_done();
}
