/* Cancelers: one switch for many promises. */
#include "gate.h"
#include "options.h"

static kja_canceler_t canceler_open(kja_runtime_t runtime) {
  kja_canceler_t canceler = 0;
  CHECK_OK(kja_canceler_new(runtime, &canceler));
  CHECK(kja_canceler_is_empty(canceler));
  return canceler;
}
/* The input goes with the result. */
static kja_promise_t wrap(kja_canceler_t canceler, kja_promise_t promise) {
  kja_promise_t wrapped = 0;
  CHECK_OK(kja_canceler_wrap(canceler, promise, &wrapped));
  CHECK_OK(kja_promise_release(promise));
  return wrapped;
}
static void cancel(kja_canceler_t canceler, kja_status_t kind, const char *text) {
  CHECK_OK(kja_canceler_cancel(canceler, kind, 0, text, strlen(text)));
}

/* parity: CANC-01, CANC-07 */
static void what_is_wrapped_ends_as_it_would_have(void) {
  kja_runtime_t runtime = runtime_open();
  kja_canceler_t canceler = canceler_open(runtime);
  kja_fulfiller_t fulfiller = 0;
  kja_promise_t promise = 0, settled = 0;
  CHECK_OK(kja_fulfiller_new(runtime, &fulfiller, &promise));
  promise = wrap(canceler, promise);
  CHECK(!kja_canceler_is_empty(canceler));
  CHECK_OK(kja_fulfiller_u64(fulfiller, 5));
  expect_u64(promise, 5);
  CHECK(kja_canceler_is_empty(canceler));
  CHECK_OK(kja_fulfiller_release(fulfiller));
  CHECK_OK(kja_promise_new_u64(runtime, 6, &settled));
  settled = wrap(canceler, settled);
  CHECK(kja_canceler_is_empty(canceler));
  cancel(canceler, KJA_ERR_FAILED, "too late");
  expect_u64(settled, 6);
  expect_error_text(wrap(canceler, failed(runtime, KJA_ERR_OVERLOADED, "full")), KJA_ERR_OVERLOADED, "full");
  CHECK_OK(kja_canceler_release(canceler));
  runtime_close(runtime);
}

static void run_the_callback(void *ctx, kja_call_t call) {
  count_add((count_t *)ctx, 1);
  CHECK_OK(kja_call_return_u64(call, 9));
}

/* Nobody awaits the result, and yet the operation goes on. */
/* parity: CANC-01 */
static void what_is_wrapped_is_run_eagerly(void) {
  kja_runtime_t runtime = runtime_open();
  kja_canceler_t canceler = canceler_open(runtime);
  count_t ran = {0};
  kja_promise_t turn = 0, then = 0;
  CHECK_OK(kja_timer_yield_start(runtime, &turn));
  CHECK_OK(kja_promise_then(turn, run_the_callback, &ran, NULL, &then));
  CHECK_OK(kja_promise_release(turn));
  then = wrap(canceler, then);
  let_loop_rest(runtime);
  CHECK_U64(count_get(&ran), 1);
  CHECK(kja_canceler_is_empty(canceler));
  expect_u64(then, 9);
  CHECK_OK(kja_canceler_release(canceler));
  runtime_close(runtime);
}

/* parity: CANC-02, CANC-03, CANC-04 */
static void cancel_ends_all_and_gives_the_reason(void) {
  enum { MANY = 30 };
  kja_runtime_t runtime = runtime_open();
  kja_canceler_t canceler = canceler_open(runtime);
  kja_promise_t wrapped[MANY];
  count_t gone = {0};
  for (int round = 1; round <= 3; round++) {
    for (int i = 0; i < MANY; i++) wrapped[i] = wrap(canceler, pending_until_gone(runtime, &gone));
    CHECK(!kja_canceler_is_empty(canceler));
    CHECK_OK(kja_canceler_cancel(canceler, KJA_ERR_DISCONNECTED, 104, "no more", 7));
    CHECK_U64(count_get(&gone), round * MANY);
    CHECK(kja_canceler_is_empty(canceler));
    for (int i = 0; i < MANY; i++) {
      CHECK_IS(kja_promise_status(wrapped[i]), KJA_ERR_DISCONNECTED);
      CHECK_U64(kja_last_error_os(), 104);
      expect_error_text(wrapped[i], KJA_ERR_DISCONNECTED, "no more");
    }
  }
  CHECK_OK(kja_canceler_release(canceler));
  runtime_close(runtime);
}

/* parity: CANC-04 */
static void a_timer_and_a_callback_behind_it_are_gone(void) {
  kja_runtime_t runtime = virtual_open();
  kja_canceler_t canceler = canceler_open(runtime);
  kja_promise_t sleeping = sleep_start(runtime, SECOND), then = 0;
  count_t destroyed = {0};
  uint64_t next = 0;
  CHECK_OK(kja_promise_then(sleeping, must_not_run, &destroyed, count_destroy, &then));
  CHECK_OK(kja_promise_release(sleeping));
  then = wrap(canceler, then);
  cancel(canceler, KJA_ERR_FAILED, "stop");
  CHECK_U64(count_get(&destroyed), 1);
  CHECK_OK(kja_timer_next(runtime, &next));
  CHECK_U64(next, UINT64_MAX);
  let_time_pass(runtime, 2 * SECOND);
  expect_already(then, KJA_ERR_FAILED);
  CHECK_OK(kja_canceler_release(canceler));
  runtime_close(runtime);
}

/* Whoever holds the input as well keeps the operation. */
static void an_input_that_others_hold_goes_on(void) {
  kja_runtime_t runtime = runtime_open();
  kja_canceler_t canceler = canceler_open(runtime);
  count_t gone = {0};
  kja_promise_t promise = pending_until_gone(runtime, &gone), wrapped = 0;
  CHECK_OK(kja_canceler_wrap(canceler, promise, &wrapped));
  cancel(canceler, KJA_ERR_CANCELED, "stop");
  expect_already(wrapped, KJA_ERR_CANCELED);
  CHECK_U64(count_get(&gone), 0);
  CHECK_IS(kja_promise_status(promise), KJA_ERR_PENDING);
  CHECK_OK(kja_promise_release(promise));
  CHECK_U64(count_get(&gone), 1);
  CHECK_OK(kja_canceler_release(canceler));
  runtime_close(runtime);
}

/* parity: CANC-05, EXC-10 */
static void releasing_the_canceler_cancels(void) {
  kja_runtime_t runtime = runtime_open();
  kja_canceler_t canceler = canceler_open(runtime);
  count_t gone = {0};
  kja_promise_t wrapped = wrap(canceler, pending_until_gone(runtime, &gone));
  CHECK_OK(kja_canceler_release(canceler));
  CHECK_U64(count_get(&gone), 1);
  expect_error_text(wrapped, KJA_ERR_CANCELED, "the operation was canceled");
  CHECK(!kja_canceler_is_empty(canceler));
  runtime_close(runtime);
}

/* parity: CANC-06 */
static void what_is_forgotten_goes_on(void) {
  kja_runtime_t runtime = runtime_open();
  kja_canceler_t canceler = canceler_open(runtime);
  kja_fulfiller_t fulfiller = 0;
  kja_promise_t forgotten = 0;
  count_t gone = {0};
  CHECK_OK(kja_fulfiller_new(runtime, &fulfiller, &forgotten));
  forgotten = wrap(canceler, forgotten);
  CHECK_OK(kja_canceler_forget(canceler));
  CHECK(kja_canceler_is_empty(canceler));
  kja_promise_t later = wrap(canceler, pending_until_gone(runtime, &gone));
  cancel(canceler, KJA_ERR_FAILED, "only the later one");
  expect_already(later, KJA_ERR_FAILED);
  CHECK_U64(count_get(&gone), 1);
  CHECK_IS(kja_promise_status(forgotten), KJA_ERR_PENDING);
  CHECK_OK(kja_canceler_release(canceler));
  CHECK_IS(kja_promise_status(forgotten), KJA_ERR_PENDING);
  CHECK_OK(kja_fulfiller_u64(fulfiller, 8));
  expect_u64(forgotten, 8);
  CHECK_OK(kja_fulfiller_release(fulfiller));
  runtime_close(runtime);
}

/* parity: CANC-07, CANC-08 */
static void what_is_released_or_cancelled_leaves_the_canceler(void) {
  kja_runtime_t runtime = runtime_open();
  kja_canceler_t canceler = canceler_open(runtime);
  count_t gone = {0};
  kja_promise_t one = wrap(canceler, pending_until_gone(runtime, &gone));
  kja_promise_t other = wrap(canceler, pending_until_gone(runtime, &gone));
  CHECK_OK(kja_promise_release(one));
  CHECK_U64(count_get(&gone), 1);
  CHECK(!kja_canceler_is_empty(canceler));
  CHECK_OK(kja_promise_cancel(other));
  CHECK_U64(count_get(&gone), 2);
  CHECK(kja_canceler_is_empty(canceler));
  cancel(canceler, KJA_ERR_FAILED, "nobody is left");
  expect_already(other, KJA_ERR_CANCELED);
  CHECK_OK(kja_canceler_release(canceler));
  runtime_close(runtime);
}

typedef struct own_t {
  kja_canceler_t canceler;
  count_t ran, destroyed;
} own_t;
static void own_destroy(void *ctx) {
  count_add(&((own_t *)ctx)->destroyed, 1);
}
static void cancel_oneself(void *ctx, kja_call_t call) {
  own_t *own = (own_t *)ctx;
  cancel(own->canceler, KJA_ERR_OVERLOADED, "by itself");
  CHECK_U64(count_get(&own->destroyed), 0);
  CHECK_OK(kja_call_return_u64(call, 1));
  count_add(&own->ran, 1);
}

static void a_wrapped_callback_may_cancel_itself(void) {
  own_t own;
  kja_fulfiller_t fulfiller = 0;
  kja_promise_t first = 0, then = 0;
  memset(&own, 0, sizeof own);
  kja_runtime_t runtime = runtime_open();
  own.canceler = canceler_open(runtime);
  CHECK_OK(kja_fulfiller_new(runtime, &fulfiller, &first));
  CHECK_OK(kja_promise_then(first, cancel_oneself, &own, own_destroy, &then));
  CHECK_OK(kja_promise_release(first));
  then = wrap(own.canceler, then);
  CHECK_OK(kja_fulfiller_unit(fulfiller));
  CHECK_OK(kja_fulfiller_release(fulfiller));
  expect_error_text(then, KJA_ERR_OVERLOADED, "by itself");
  let_loop_rest(runtime);
  CHECK_U64(count_get(&own.ran), 1);
  CHECK_U64(count_get(&own.destroyed), 1);
  CHECK_OK(kja_canceler_release(own.canceler));
  runtime_close(runtime);
}

static void a_kind_that_is_none_is_refused_and_cancels_nothing(void) {
  const kja_status_t bad[] = {KJA_OK, -1, 5, 27, INT32_MAX};
  kja_runtime_t runtime = runtime_open();
  kja_canceler_t canceler = canceler_open(runtime);
  count_t gone = {0};
  kja_promise_t wrapped = wrap(canceler, pending_until_gone(runtime, &gone));
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
    CHECK_IS(kja_canceler_cancel(canceler, bad[i], 0, "x", 1), KJA_ERR_INVALID_ARGUMENT);
  CHECK_IS(kja_canceler_cancel(canceler, KJA_ERR_FAILED, 0, NULL, 1), KJA_ERR_INVALID_ARGUMENT);
  CHECK_U64(count_get(&gone), 0);
  CHECK_OK(kja_canceler_cancel(canceler, KJA_ERR_FAILED, 0, NULL, 0));
  expect_error_text(wrapped, KJA_ERR_FAILED, "");
  CHECK_OK(kja_canceler_release(canceler));
  runtime_close(runtime);
}

static void a_bad_promise_is_not_wrapped(void) {
  kja_runtime_t runtime = runtime_open();
  kja_canceler_t canceler = canceler_open(runtime);
  kja_promise_t out = 1;
  CHECK_IS(kja_canceler_wrap(canceler, runtime, &out), KJA_ERR_BAD_HANDLE);
  CHECK_U64(out, 0);
  CHECK(kja_canceler_is_empty(canceler));
  CHECK_OK(kja_canceler_release(canceler));
  runtime_close(runtime);
}

static void shutdown_comes_before_the_canceler(void) {
  kja_runtime_t runtime = runtime_open();
  kja_canceler_t canceler = canceler_open(runtime);
  count_t gone = {0};
  kja_promise_t wrapped = wrap(canceler, pending_until_gone(runtime, &gone));
  CHECK_OK(kja_runtime_shutdown(runtime));
  CHECK_U64(count_get(&gone), 1);
  CHECK_IS(kja_promise_status(wrapped), KJA_ERR_BAD_HANDLE);
  CHECK_IS(kja_canceler_cancel(canceler, KJA_ERR_FAILED, 0, "x", 1), KJA_ERR_BAD_HANDLE);
  CHECK_IS(kja_canceler_release(canceler), KJA_ERR_BAD_HANDLE);
  CHECK_IS(kja_canceler_new(runtime, &canceler), KJA_ERR_SHUTDOWN);
  CHECK_OK(kja_runtime_release(runtime));
}

typedef struct wrapper_t {
  kja_runtime_t runtime;
  kja_canceler_t canceler;
  size_t count;
  count_t gone, end;
} wrapper_t;
static void *wrap_many(void *arg) {
  wrapper_t *wrapper = (wrapper_t *)arg;
  for (size_t i = 0; i < wrapper->count; i++) {
    kja_promise_t wrapped = wrap(wrapper->canceler, pending_until_gone(wrapper->runtime, &wrapper->gone));
    if (i % 3 == 0) {
      CHECK_OK(kja_promise_release(wrapped));
      continue;
    }
    expect(wrapped, KJA_ERR_OVERLOADED);
  }
  return NULL;
}
static void *cancel_many(void *arg) {
  wrapper_t *wrapper = (wrapper_t *)arg;
  while (!count_get(&wrapper->end)) {
    cancel(wrapper->canceler, KJA_ERR_OVERLOADED, "again");
    sched_yield();
  }
  return NULL;
}

/* parity: CANC-04, CANC-08 */
static void threads_wrap_while_others_cancel(void) {
  enum { THREADS = 6, CANCELERS = 2 };
  wrapper_t wrapper;
  pthread_t threads[THREADS + CANCELERS];
  memset(&wrapper, 0, sizeof wrapper);
  wrapper.count = scaled(2000);
  wrapper.runtime = runtime_open();
  wrapper.canceler = canceler_open(wrapper.runtime);
  for (int i = 0; i < THREADS + CANCELERS; i++)
    pthread_create(&threads[i], NULL, i < THREADS ? wrap_many : cancel_many, &wrapper);
  for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
  count_set(&wrapper.end, 1);
  for (int i = THREADS; i < THREADS + CANCELERS; i++) pthread_join(threads[i], NULL);
  CHECK_U64(count_get(&wrapper.gone), THREADS * wrapper.count);
  CHECK(kja_canceler_is_empty(wrapper.canceler));
  CHECK_OK(kja_canceler_release(wrapper.canceler));
  runtime_close(wrapper.runtime);
}

int main(void) {
  RUN_IN_BOTH(what_is_wrapped_ends_as_it_would_have);
  RUN_IN_BOTH(what_is_wrapped_is_run_eagerly);
  RUN_IN_BOTH(cancel_ends_all_and_gives_the_reason);
  RUN_IN_BOTH(a_timer_and_a_callback_behind_it_are_gone);
  RUN_IN_BOTH(an_input_that_others_hold_goes_on);
  RUN_IN_BOTH(releasing_the_canceler_cancels);
  RUN_IN_BOTH(what_is_forgotten_goes_on);
  RUN_IN_BOTH(what_is_released_or_cancelled_leaves_the_canceler);
  RUN_IN_BOTH(a_wrapped_callback_may_cancel_itself);
  RUN_IN_BOTH(a_kind_that_is_none_is_refused_and_cancels_nothing);
  RUN_IN_BOTH(a_bad_promise_is_not_wrapped);
  RUN_IN_BOTH(shutdown_comes_before_the_canceler);
  RUN(threads_wrap_while_others_cancel);
  return check_done();
}
