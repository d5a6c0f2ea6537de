#include "gate.h"
#include "loopback.h"

static kja_runtime_options_t options_for(uint32_t mode) {
  kja_runtime_options_t options;
  memset(&options, 0, sizeof options);
  options.size = sizeof options;
  options.mode = mode;
  return options;
}

static void defaults_come_from_null_and_from_zeros(void) {
  kja_runtime_t runtime = 0;
  kja_runtime_options_t options = options_for(0);
  CHECK_OK(kja_runtime_new(NULL, &runtime));
  CHECK(kja_runtime_is_alive(runtime));
  CHECK_OK(kja_runtime_release(runtime));
  CHECK(!kja_runtime_is_alive(runtime));
  CHECK_OK(kja_runtime_new(&options, &runtime));
  CHECK(kja_runtime_is_alive(runtime));
  CHECK(!kja_runtime_on_loop(runtime));
  CHECK_OK(kja_runtime_release(runtime));
}

/* Options of a library newer than this one. */
typedef struct grown_options_t {
  kja_runtime_options_t known;
  uint64_t unknown[8];
} grown_options_t;

static void options_may_be_older_or_newer_than_the_library(void) {
  kja_runtime_t runtime = 1;
  grown_options_t grown;
  memset(&grown, 0, sizeof grown);
  const size_t malformed[] = {0, 1, sizeof(size_t) - 1};
  for (size_t i = 0; i < sizeof malformed / sizeof *malformed; i++) {
    runtime = 1;
    grown.known.size = malformed[i];
    CHECK_IS(kja_runtime_new(&grown.known, &runtime), KJA_ERR_INVALID_ARGUMENT);
    CHECK_U64(runtime, 0);
  }
  grown.known.size = sizeof grown;
  CHECK_OK(kja_runtime_new(&grown.known, &runtime));
  CHECK_OK(kja_runtime_release(runtime));
}

static void an_unknown_mode_is_refused(void) {
  kja_runtime_t runtime = 1;
  kja_runtime_options_t options = options_for(2);
  count_t destroyed = {0};
  options.ctx = &destroyed;
  options.destroy = count_destroy;
  CHECK_IS(kja_runtime_new(&options, &runtime), KJA_ERR_INVALID_ARGUMENT);
  CHECK_U64(runtime, 0);
  CHECK_U64(count_get(&destroyed), 1);
}

typedef struct hooks_t {
  pthread_t started_on, stopped_on, called_on;
  count_t started, stopped, destroyed;
} hooks_t;
static void note_start(void *ctx) {
  hooks_t *hooks = (hooks_t *)ctx;
  hooks->started_on = pthread_self();
  count_add(&hooks->started, 1);
}
static void note_stop(void *ctx) {
  hooks_t *hooks = (hooks_t *)ctx;
  hooks->stopped_on = pthread_self();
  CHECK_U64(count_get(&hooks->destroyed), 0);
  count_add(&hooks->stopped, 1);
}
static void note_destroy(void *ctx) {
  count_add(&((hooks_t *)ctx)->destroyed, 1);
}
static void note_call(void *ctx, kja_call_t call) {
  (void)call;
  ((hooks_t *)ctx)->called_on = pthread_self();
}

static void hooks_run_on_the_loop_thread(void) {
  hooks_t hooks;
  kja_runtime_t runtime = 0;
  kja_executor_t executor = 0;
  kja_runtime_options_t options = options_for(KJA_RUNTIME_THREAD);
  memset(&hooks, 0, sizeof hooks);
  options.on_thread_start = note_start;
  options.on_thread_stop = note_stop;
  options.ctx = &hooks;
  options.destroy = note_destroy;
  CHECK_OK(kja_runtime_new(&options, &runtime));
  CHECK_OK(kja_runtime_executor(runtime, &executor));
  CHECK_OK(kja_executor_execute(executor, note_call, &hooks, NULL));
  CHECK_U64(count_get(&hooks.started), 1);
  CHECK_U64(count_get(&hooks.stopped), 0);
  CHECK(pthread_equal(hooks.started_on, hooks.called_on));
  CHECK(!pthread_equal(hooks.started_on, pthread_self()));
  CHECK_OK(kja_executor_release(executor));
  CHECK_OK(kja_runtime_shutdown(runtime));
  CHECK_U64(count_get(&hooks.stopped), 1);
  CHECK(pthread_equal(hooks.started_on, hooks.stopped_on));
  CHECK_OK(kja_runtime_release(runtime));
  CHECK_U64(count_get(&hooks.started), 1);
  CHECK_U64(count_get(&hooks.stopped), 1);
  CHECK_U64(count_get(&hooks.destroyed), 1);
}

static void shutdown_returns_within_its_bound_though_the_loop_is_held_up(void) {
  kja_runtime_t runtime = 0;
  kja_executor_t executor = 0;
  kja_promise_t holding = 0;
  unsigned threads = running_threads();
  hold_t hold;
  hold_init(&hold);
  kja_runtime_options_t options = options_for(KJA_RUNTIME_THREAD);
  options.shutdown_nanos = 100 * MILLISECOND;
  CHECK_OK(kja_runtime_new(&options, &runtime));
  CHECK_OK(kja_runtime_executor(runtime, &executor));
  CHECK_OK(kja_executor_execute_start(executor, hold_callback, &hold, NULL, &holding));
  gate_pass(&hold.begun);
  uint64_t begin = kja_timer_now_nanos();
  kja_status_t status = kja_runtime_shutdown(runtime);
  CHECK(kja_timer_now_nanos() - begin < 10 * SECOND);
  CHECK(status == KJA_OK || status == KJA_ERR_TIMED_OUT);
  CHECK(!kja_runtime_is_alive(runtime));
  gate_open(&hold.end);
  /* The loop's thread was left to itself: it has to be out of `hold` before that goes. */
  CHECK(threads_come_back_to(threads));
  CHECK_OK(kja_runtime_release(runtime));
  CHECK_OK(kja_executor_release(executor));
  hold_destroy(&hold);
}

/* Waits once, for the bound, and says what came of it. */
static void release_says_that_a_callback_still_runs(void) {
  kja_runtime_t runtime = 0;
  kja_executor_t executor = 0;
  kja_promise_t holding = 0;
  unsigned threads = running_threads();
  hold_t hold;
  hold_init(&hold);
  kja_runtime_options_t options = options_for(KJA_RUNTIME_THREAD);
  options.shutdown_nanos = 2 * SECOND;
  CHECK_OK(kja_runtime_new(&options, &runtime));
  CHECK_OK(kja_runtime_executor(runtime, &executor));
  CHECK_OK(kja_executor_execute_start(executor, hold_callback, &hold, NULL, &holding));
  gate_pass(&hold.begun);
  uint64_t begin = kja_timer_now_nanos();
  CHECK_IS(kja_runtime_release(runtime), KJA_ERR_TIMED_OUT);
  CHECK(kja_timer_now_nanos() - begin < 4 * SECOND);
  CHECK_IS(kja_runtime_release(runtime), KJA_ERR_BAD_HANDLE);
  gate_open(&hold.end);
  CHECK(threads_come_back_to(threads));
  CHECK_OK(kja_executor_release(executor));
  hold_destroy(&hold);
}

/* Two runtimes; the destructor of something of the one shuts the other down, and the other way round. */
typedef struct enders_t {
  kja_runtime_t one, other;
  count_t one_ended, other_ended;
} enders_t;
static void end_both_from_one(void *ctx) {
  enders_t *enders = (enders_t *)ctx;
  CHECK_IS(kja_runtime_shutdown(enders->one), KJA_ERR_WOULD_DEADLOCK);
  CHECK_IS(kja_runtime_release(enders->one), KJA_ERR_WOULD_DEADLOCK);
  CHECK_OK(kja_runtime_shutdown(enders->other));
  count_add(&enders->one_ended, 1);
}
static void end_both_from_other(void *ctx) {
  enders_t *enders = (enders_t *)ctx;
  CHECK_IS(kja_runtime_shutdown(enders->one), KJA_ERR_WOULD_DEADLOCK);
  CHECK_IS(kja_runtime_shutdown(enders->other), KJA_ERR_WOULD_DEADLOCK);
  CHECK_IS(kja_runtime_release(enders->other), KJA_ERR_WOULD_DEADLOCK);
  count_add(&enders->other_ended, 1);
}
static void attach_to_never(kja_runtime_t runtime, void *ctx, kja_destroy_fn destroy) {
  kja_promise_t never = 0, attached = 0;
  CHECK_OK(kja_promise_new_never(runtime, &never));
  CHECK_OK(kja_promise_attach(never, ctx, destroy, &attached));
}

/* parity: LOOP-06 */
static void shutdown_inside_a_shutdown_is_refused(void) {
  enders_t enders;
  memset(&enders, 0, sizeof enders);
  enders.one = runtime_open();
  enders.other = runtime_open();
  attach_to_never(enders.one, &enders, end_both_from_one);
  attach_to_never(enders.other, &enders, end_both_from_other);
  CHECK_OK(kja_runtime_shutdown(enders.one));
  CHECK_U64(count_get(&enders.one_ended), 1);
  CHECK_U64(count_get(&enders.other_ended), 1);
  CHECK_OK(kja_runtime_release(enders.one));
  CHECK_OK(kja_runtime_release(enders.other));
}

static void try_to_stop_the_loop_from_inside(void *ctx, kja_call_t call) {
  kja_runtime_t runtime = *(kja_runtime_t *)ctx;
  (void)call;
  CHECK(kja_runtime_on_loop(runtime));
  CHECK_IS(kja_runtime_shutdown(runtime), KJA_ERR_WOULD_DEADLOCK);
  CHECK_IS(kja_runtime_release(runtime), KJA_ERR_WOULD_DEADLOCK);
  CHECK(kja_runtime_is_alive(runtime));
}

static void shutdown_on_the_loop_is_refused(void) {
  kja_runtime_t runtime = runtime_open();
  kja_promise_t promise = 0, then = 0;
  CHECK_OK(kja_promise_new_unit(runtime, &promise));
  CHECK_OK(kja_promise_then(promise, try_to_stop_the_loop_from_inside, &runtime, NULL, &then));
  expect(then, KJA_OK);
  CHECK_OK(kja_promise_release(promise));
  CHECK(kja_runtime_is_alive(runtime));
  runtime_close(runtime);
}

/* parity: LOOP-06, EXEC-08 */
static void after_shutdown_every_call_is_an_error(void) {
  kja_runtime_t runtime = runtime_open();
  kja_executor_t executor = 0, clone = 0;
  kja_promise_t never = 0, out = 1;
  kja_fulfiller_t fulfiller = 0;
  kja_promise_t fulfilled = 0;
  kja_bytes_t bytes = 0;
  kja_listener_t listener = listen_on_loopback(runtime);
  pair_t pair = pair_open(runtime);
  CHECK_OK(kja_runtime_executor(runtime, &executor));
  CHECK_OK(kja_promise_new_never(runtime, &never));
  CHECK_OK(kja_fulfiller_new(runtime, &fulfiller, &fulfilled));
  CHECK_OK(kja_bytes_new("mine", 4, &bytes));
  CHECK_OK(kja_runtime_shutdown(runtime));
  CHECK_OK(kja_runtime_shutdown(runtime));
  CHECK(!kja_runtime_is_alive(runtime));
  CHECK_IS(kja_promise_new_unit(runtime, &out), KJA_ERR_SHUTDOWN);
  CHECK_U64(out, 0);
  CHECK_IS(kja_timer_sleep_start(runtime, 1, &out), KJA_ERR_SHUTDOWN);
  CHECK_IS(kja_address_parse_start(runtime, "::1", 3, 1, &out), KJA_ERR_SHUTDOWN);
  CHECK_IS(kja_fulfiller_new(runtime, &fulfiller, &out), KJA_ERR_SHUTDOWN);
  CHECK_IS(kja_promise_all(runtime, NULL, 0, &out), KJA_ERR_SHUTDOWN);
  CHECK_IS(kja_runtime_executor(runtime, &clone), KJA_ERR_SHUTDOWN);
  CHECK_U64(clone, 0);
  count_t destroyed = {0};
  CHECK(!kja_executor_is_live(executor));
  CHECK_IS(kja_executor_execute(executor, gate_open_callback, &destroyed, count_destroy), KJA_ERR_SHUTDOWN);
  CHECK_IS(kja_executor_execute_start(executor, gate_open_callback, &destroyed, count_destroy, &out), KJA_ERR_SHUTDOWN);
  CHECK_U64(count_get(&destroyed), 2);
  CHECK_IS(kja_promise_await(never), KJA_ERR_BAD_HANDLE);
  CHECK_IS(kja_promise_release(never), KJA_ERR_BAD_HANDLE);
  CHECK_IS(kja_fulfiller_unit(fulfiller), KJA_ERR_BAD_HANDLE);
  CHECK_IS(kja_listener_release(listener), KJA_ERR_BAD_HANDLE);
  CHECK_IS(kja_connection_close(pair.client), KJA_ERR_BAD_HANDLE);
  CHECK_OK(kja_bytes_release(bytes));
  CHECK_OK(kja_executor_release(executor));
  CHECK_OK(kja_runtime_release(runtime));
  CHECK_IS(kja_runtime_release(runtime), KJA_ERR_BAD_HANDLE);
}

/* parity: LOOP-06 */
static void shutdown_returns_what_was_lent(void) {
  kja_runtime_t runtime = runtime_open();
  kja_promise_t never = 0, out = 0;
  count_t destroyed = {0};
  CHECK_OK(kja_promise_new_never(runtime, &never));
  CHECK_OK(kja_promise_then(never, gate_open_callback, &destroyed, count_destroy, &out));
  CHECK_OK(kja_promise_attach(never, &destroyed, count_destroy, &out));
  CHECK_OK(kja_promise_new_opaque(runtime, &destroyed, count_destroy, &out));
  CHECK_OK(kja_promise_then(never, gate_open_callback, &destroyed, count_destroy, &out));
  CHECK_OK(kja_promise_detach(out, NULL, NULL, NULL));
  CHECK_OK(kja_runtime_shutdown(runtime));
  CHECK_U64(count_get(&destroyed), 4);
  CHECK_OK(kja_runtime_release(runtime));
  CHECK_U64(count_get(&destroyed), 4);
}

static void many_runtimes_live_side_by_side(void) {
  enum { MANY = 32 };
  kja_runtime_t runtime[MANY];
  kja_promise_t sleeping[MANY];
  for (int i = 0; i < MANY; i++) {
    runtime[i] = runtime_open();
    CHECK_OK(kja_timer_sleep_start(runtime[i], 5 * MILLISECOND, &sleeping[i]));
  }
  for (int i = 0; i < MANY; i++) expect(sleeping[i], KJA_OK);
  for (int i = 0; i < MANY; i++) CHECK_OK(kja_runtime_release(runtime[i]));
}

static void many_runtimes_come_and_go(void) {
  unsigned threads = running_threads(), fds = open_fds();
  for (size_t i = 0, n = scaled(200); i < n; i++) {
    kja_runtime_t runtime = runtime_open();
    kja_promise_t promise = 0;
    CHECK_OK(kja_timer_yield_start(runtime, &promise));
    expect(promise, KJA_OK);
    CHECK_OK(kja_runtime_release(runtime));
    CHECK_U64(open_fds(), fds);
  }
  CHECK(threads_come_back_to(threads));
}

static void a_promise_of_another_runtime_is_no_danger(void) {
  kja_runtime_t one = runtime_open(), other = runtime_open();
  kja_promise_t sleeping = 0, all = 0;
  CHECK_OK(kja_timer_sleep_start(one, 20 * MILLISECOND, &sleeping));
  if (kja_promise_all(other, &sleeping, 1, &all) == KJA_OK) expect(all, KJA_OK);
  CHECK_OK(kja_runtime_release(other));
  expect(sleeping, KJA_OK);
  CHECK_OK(kja_runtime_release(one));
}

int main(void) {
  RUN_IN_BOTH(defaults_come_from_null_and_from_zeros);
  RUN(options_may_be_older_or_newer_than_the_library);
  RUN(an_unknown_mode_is_refused);
  RUN(hooks_run_on_the_loop_thread);
  RUN(shutdown_returns_within_its_bound_though_the_loop_is_held_up);
  RUN(release_says_that_a_callback_still_runs);
  RUN_IN_BOTH(shutdown_inside_a_shutdown_is_refused);
  RUN_IN_BOTH(shutdown_on_the_loop_is_refused);
  RUN_IN_BOTH(after_shutdown_every_call_is_an_error);
  RUN_IN_BOTH(shutdown_returns_what_was_lent);
  RUN_IN_BOTH(many_runtimes_live_side_by_side);
  RUN_IN_BOTH(many_runtimes_come_and_go);
  RUN(a_promise_of_another_runtime_is_no_danger);
  return check_done();
}
