/* Runtimes with options of their own, and a loop that has done all that there was to do. */
#ifndef KJASYNC_TEST_OPTIONS_H
#define KJASYNC_TEST_OPTIONS_H

#include "expect.h"

static inline kja_runtime_options_t options_of(uint32_t mode) {
  kja_runtime_options_t options;
  memset(&options, 0, sizeof options);
  options.size = sizeof options;
  options.mode = mode;
  return options;
}
static inline kja_runtime_t runtime_with(const kja_runtime_options_t *options) {
  kja_runtime_t runtime = 0;
  CHECK_OK(kja_runtime_new(options, &runtime));
  return runtime;
}
/* Whatever the mode of the test. */
static inline kja_runtime_t scope_open(void) {
  kja_runtime_options_t options = options_of(KJA_RUNTIME_WAIT_SCOPE);
  return runtime_with(&options);
}
/* Of the mode of the test, with time that stands still. */
static inline kja_runtime_t virtual_open(void) {
  kja_runtime_options_t options = options_of(test_mode);
  options.flags = KJA_RUNTIME_VIRTUAL_TIME;
  return runtime_with(&options);
}

/* Returns when the loop would sleep: unlike after let_loop_catch_up, what it did has led to nothing more to do. */
static inline void let_loop_rest(kja_runtime_t runtime) {
  kja_promise_t rest = 0;
  CHECK_OK(kja_timer_yield_until_would_sleep_start(runtime, &rest));
  expect(rest, KJA_OK);
}
/* Moves virtual time on, and returns when what that set off has been done. */
static inline void let_time_pass(kja_runtime_t runtime, uint64_t nanos) {
  CHECK_OK(kja_timer_advance(runtime, nanos));
  let_loop_rest(runtime);
}

/* Runs a callback on the loop, to its end. */
static inline void run_on_loop(kja_runtime_t runtime, kja_callback_fn run, void *ctx) {
  kja_executor_t executor = 0;
  kja_promise_t running = 0;
  CHECK_OK(kja_runtime_executor(runtime, &executor));
  CHECK_OK(kja_executor_execute_start(executor, run, ctx, NULL, &running));
  expect(running, KJA_OK);
  CHECK_OK(kja_executor_release(executor));
}

static inline void count_run(void *ctx, kja_call_t call) {
  (void)call;
  count_add((count_t *)ctx, 1);
}
static inline void must_not_run(void *ctx, kja_call_t call) {
  (void)ctx;
  (void)call;
  CHECK(!"a callback ran that must not");
}

/* A pending promise that counts its end in `gone`. */
static inline kja_promise_t pending_until_gone(kja_runtime_t runtime, count_t *gone) {
  kja_promise_t never = 0, attached = 0;
  CHECK_OK(kja_promise_new_never(runtime, &never));
  CHECK_OK(kja_promise_attach(never, gone, count_destroy, &attached));
  CHECK_OK(kja_promise_release(never));
  return attached;
}
static inline kja_promise_t failed(kja_runtime_t runtime, kja_status_t kind, const char *text) {
  kja_promise_t promise = 0;
  CHECK_OK(kja_promise_new_error(runtime, kind, 0, text, strlen(text), &promise));
  return promise;
}
static inline kja_promise_t sleep_start(kja_runtime_t runtime, uint64_t nanos) {
  kja_promise_t sleeping = 0;
  CHECK_OK(kja_timer_sleep_start(runtime, nanos, &sleeping));
  return sleeping;
}

/* Of the promise's last error. */
static inline void expect_error_text(kja_promise_t promise, kja_status_t kind, const char *text) {
  char found[200];
  CHECK_IS(kja_promise_await(promise), kind);
  kja_last_error_text(found, sizeof found);
  CHECK(strcmp(found, text) == 0);
  CHECK_OK(kja_promise_release(promise));
}

/* It stays pending, and no processor is kept busy meanwhile. */
static inline void waits_idly(kja_promise_t promise) {
  uint64_t spent = cpu_nanos();
  CHECK_IS(kja_promise_await_for(promise, 300 * MILLISECOND), KJA_ERR_TIMED_OUT);
  CHECK(cpu_nanos() - spent < 100 * MILLISECOND);
}
/* As expect, for what must not hang if it is broken. */
static inline void comes_soon(kja_promise_t promise, kja_status_t status) {
  CHECK_IS(kja_promise_await_for(promise, 5 * SECOND), status);
  CHECK_OK(kja_promise_release(promise));
}

#endif
