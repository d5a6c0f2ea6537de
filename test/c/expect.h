/* A runtime for a test, and what a promise is expected to end with. */
#ifndef KJASYNC_TEST_EXPECT_H
#define KJASYNC_TEST_EXPECT_H

#include "check.h"

/* Which kind of runtime `runtime_open` gives: RUN_IN_BOTH runs a test with one, then with the other. */
static uint32_t test_mode = KJA_RUNTIME_THREAD;

#define RUN_IN_BOTH(test)                 \
  do {                                    \
    test_mode = KJA_RUNTIME_THREAD;       \
    check_run_(#test, test);              \
    test_mode = KJA_RUNTIME_WAIT_SCOPE;   \
    check_run_(#test " (wait scope)", test); \
    test_mode = KJA_RUNTIME_THREAD;       \
  } while (0)

static inline kja_runtime_t runtime_open(void) {
  kja_runtime_options_t options;
  kja_runtime_t runtime = 0;
  memset(&options, 0, sizeof options);
  options.size = sizeof options;
  options.mode = test_mode;
  CHECK_OK(kja_runtime_new(&options, &runtime));
  return runtime;
}
static inline void runtime_close(kja_runtime_t runtime) {
  CHECK_OK(kja_runtime_shutdown(runtime));
  CHECK_OK(kja_runtime_release(runtime));
}

/* Awaits a promise of a handle, releases it and returns the handle. */
static inline kja_handle_t handle_from(kja_promise_t promise) {
  kja_handle_t handle = 0;
  CHECK_OK(kja_promise_await(promise));
  CHECK_OK(kja_promise_handle(promise, &handle));
  CHECK_OK(kja_promise_release(promise));
  return handle;
}

/* Awaits and releases a promise, which must end with this status. */
static inline void expect(kja_promise_t promise, kja_status_t status) {
  CHECK_IS(kja_promise_await(promise), status);
  CHECK_OK(kja_promise_release(promise));
}

/* Awaits and releases a promise of bytes, which must be exactly these. */
static inline void expect_bytes(kja_promise_t promise, const char *data, size_t size) {
  kja_bytes_t bytes = 0;
  const void *got = NULL;
  size_t got_size = 0;
  CHECK_OK(kja_promise_await(promise));
  if (CHECK_OK(kja_promise_bytes(promise, &bytes))) {
    CHECK_OK(kja_bytes_data(bytes, &got, &got_size));
    if (CHECK_U64(got_size, size) && size) CHECK(memcmp(got, data, size) == 0);
    CHECK_OK(kja_bytes_release(bytes));
  }
  CHECK_OK(kja_promise_release(promise));
}
static inline void expect_text(kja_promise_t promise, const char *text) {
  expect_bytes(promise, text, strlen(text));
}
static inline void expect_u64(kja_promise_t promise, uint64_t want) {
  uint64_t got = 0;
  CHECK_OK(kja_promise_await(promise));
  CHECK_OK(kja_promise_u64(promise, &got));
  CHECK_U64(got, want);
  CHECK_OK(kja_promise_release(promise));
}

static inline void do_nothing(void *ctx, kja_call_t call) {
  (void)ctx;
  (void)call;
}
/* Returns when the loop has done all that was queued before. */
static inline void let_loop_catch_up(kja_runtime_t runtime) {
  kja_promise_t unit = 0, then = 0;
  CHECK_OK(kja_promise_new_unit(runtime, &unit));
  CHECK_OK(kja_promise_then(unit, do_nothing, NULL, NULL, &then));
  CHECK_OK(kja_promise_release(unit));
  expect(then, KJA_OK);
}

/* Fails unless the promise has ended like this by now. */
static inline void expect_already(kja_promise_t promise, kja_status_t status) {
  CHECK_IS(kja_promise_status(promise), status);
  CHECK_OK(kja_promise_release(promise));
}

#endif
