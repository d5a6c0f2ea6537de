/* Streams that are no TCP connection, and short names for what is done to any stream. */
#ifndef KJASYNC_TEST_STREAM_H
#define KJASYNC_TEST_STREAM_H

#include "loopback.h"
#include "options.h"

/* The two ends of a pipe that goes one way. */
typedef struct ends_t {
  kja_connection_t reader, writer;
} ends_t;

static inline ends_t pipe_of_length(kja_runtime_t runtime, uint64_t length) {
  ends_t ends = {0, 0};
  CHECK_OK(kja_pipe_new_one_way(runtime, length, &ends.reader, &ends.writer));
  return ends;
}
static inline ends_t pipe_open(kja_runtime_t runtime) {
  return pipe_of_length(runtime, UINT64_MAX);
}
static inline ends_t os_pipe_open(kja_runtime_t runtime) {
  ends_t ends = {0, 0};
  CHECK_OK(kja_pipe_new_os_one_way(runtime, &ends.reader, &ends.writer));
  return ends;
}
static inline void ends_release(ends_t ends) {
  CHECK_OK(kja_connection_release(ends.reader));
  CHECK_OK(kja_connection_release(ends.writer));
}
static inline pair_t two_way_open(kja_runtime_t runtime) {
  pair_t pair = {0, 0};
  CHECK_OK(kja_pipe_new_two_way(runtime, &pair.client, &pair.server));
  return pair;
}
static inline pair_t os_pair_open(kja_runtime_t runtime) {
  pair_t pair = {0, 0};
  CHECK_OK(kja_pipe_new_os_two_way(runtime, &pair.client, &pair.server));
  return pair;
}

static inline kja_promise_t read_all_start(kja_connection_t connection, size_t limit) {
  kja_promise_t reading = 0;
  CHECK_OK(kja_connection_read_all_start(connection, limit, &reading));
  return reading;
}
static inline kja_promise_t read_required_start(kja_connection_t connection, size_t min, size_t max) {
  kja_promise_t reading = 0;
  CHECK_OK(kja_connection_read_required_start(connection, min, max, &reading));
  return reading;
}
static inline kja_promise_t write_text_start(kja_connection_t connection, const char *text) {
  return write_start(connection, text, strlen(text));
}
static inline kja_promise_t shutdown_start(kja_connection_t connection) {
  kja_promise_t ending = 0;
  CHECK_OK(kja_connection_shutdown_write_start(connection, &ending));
  return ending;
}
static inline void shutdown_write(kja_connection_t connection) {
  expect(shutdown_start(connection), KJA_OK);
}
static inline kja_promise_t pump_start(kja_connection_t from, kja_connection_t to, uint64_t limit) {
  kja_promise_t pumping = 0;
  CHECK_OK(kja_connection_pump_start(from, to, limit, &pumping));
  return pumping;
}
static inline kja_promise_t disconnected_start(kja_connection_t connection) {
  kja_promise_t watching = 0;
  CHECK_OK(kja_connection_when_write_disconnected_start(connection, &watching));
  return watching;
}
static inline void abort_write(kja_connection_t connection, kja_status_t kind, const char *text) {
  CHECK_OK(kja_connection_abort_write(connection, kind, 0, text, strlen(text)));
}
static inline void expect_length(kja_connection_t connection, uint64_t want) {
  uint64_t length = 0;
  CHECK_OK(kja_connection_length(connection, &length));
  CHECK_U64(length, want);
}
static inline void expect_no_length(kja_connection_t connection) {
  uint64_t length = 0;
  CHECK_IS(kja_connection_length(connection, &length), KJA_ERR_UNIMPLEMENTED);
}

/* Awaits and releases a promise, which must fail with this status and a text that has `part` in it. */
static inline void expect_error(kja_promise_t promise, kja_status_t status, const char *part) {
  char text[300] = "";
  CHECK_IS(kja_promise_await(promise), status);
  kja_last_error_text(text, sizeof text);
  if (!CHECK(strstr(text, part) != NULL)) fprintf(stderr, "    \"%s\" has no \"%s\"\n", text, part);
  CHECK_OK(kja_promise_release(promise));
}

/* The promise is still pending when the loop has nothing left to do. */
static inline void stays_pending(kja_runtime_t runtime, kja_promise_t promise) {
  let_loop_rest(runtime);
  CHECK_IS(kja_promise_status(promise), KJA_ERR_PENDING);
}
static inline void stays_pending_for_a_while(kja_promise_t promise) {
  CHECK_IS(kja_promise_await_for(promise, 10 * MILLISECOND), KJA_ERR_TIMED_OUT);
}

static inline char pattern_at(size_t at) {
  return (char)(at * 31 >> 3);
}
static inline char *pattern_new(size_t size) {
  char *data = (char *)malloc(size ? size : 1);
  for (size_t i = 0; i < size; i++) data[i] = pattern_at(i);
  return data;
}
/* Checks bytes that a promise carries against the pattern from `at` on; how many they were. */
static inline size_t take_pattern(kja_promise_t reading, size_t at) {
  kja_bytes_t bytes = 0;
  const void *data = NULL;
  size_t got = 0, wrong = 0;
  if (CHECK_OK(kja_promise_await(reading))) {
    CHECK_OK(kja_promise_bytes(reading, &bytes));
    CHECK_OK(kja_bytes_data(bytes, &data, &got));
    for (size_t i = 0; i < got; i++) wrong += ((const char *)data)[i] != pattern_at(at + i);
    CHECK_U64(wrong, 0);
    CHECK_OK(kja_bytes_release(bytes));
  }
  CHECK_OK(kja_promise_release(reading));
  return got;
}
/* Reads `size` bytes, at most `step` at a time, and compares them with the pattern from `at` on. */
static inline void expect_pattern(kja_connection_t connection, size_t at, size_t size, size_t step) {
  while (size) {
    size_t got = take_pattern(read_start(connection, 1, size < step ? size : step), at);
    if (!CHECK(got > 0)) return;
    at += got;
    size -= got;
  }
}
static inline void expect_end(kja_connection_t connection) {
  expect_text(read_start(connection, 1, 100), "");
}
/* A file without a name. */
static inline int file_new(void) {
  char name[] = "/tmp/kjasync-test-XXXXXX";
  int fd = mkstemp(name);
  CHECK(fd >= 0);
  CHECK(unlink(name) == 0);
  return fd;
}

#endif
