/* Retrying: which errors are worth another attempt, how many, and how long between them. */
#include "gate.h"
#include "options.h"

enum { MOST = 64 };
/* Attempts that end as the script says: a status each, and after the last of them success. */
typedef struct script_t {
  kja_runtime_t runtime;
  const kja_status_t *ends;
  size_t count;
  uint64_t at[MOST];
  kja_promise_t hang;
  count_t ran, destroyed;
} script_t;

static void script_init(script_t *script, kja_runtime_t runtime, const kja_status_t *ends, size_t count) {
  memset(script, 0, sizeof *script);
  script->runtime = runtime;
  script->ends = ends;
  script->count = count;
}
static void attempt(void *ctx, kja_call_t call) {
  script_t *script = (script_t *)ctx;
  uint64_t n = count_add(&script->ran, 1) - 1;
  CHECK_U64(count_get(&script->destroyed), 0);
  if (n < MOST) CHECK_OK(kja_timer_now(script->runtime, &script->at[n]));
  if (n < script->count && script->ends[n] != KJA_OK)
    CHECK_OK(kja_call_return_error(call, script->ends[n], (int32_t)n, "once more", 9));
  else if (script->hang) CHECK_OK(kja_call_return_promise(call, script->hang));
  else CHECK_OK(kja_call_return_u64(call, n));
}
static void script_destroy(void *ctx) {
  count_add(&((script_t *)ctx)->destroyed, 1);
}
static kja_retry_options_t retry_options(uint32_t attempts, uint32_t kinds, uint64_t first, uint64_t longest) {
  kja_retry_options_t options;
  memset(&options, 0, sizeof options);
  options.size = sizeof options;
  options.attempts = attempts;
  options.kinds = kinds;
  options.first_delay_nanos = first;
  options.longest_delay_nanos = longest;
  return options;
}
static kja_promise_t retry_start(script_t *script, const kja_retry_options_t *options) {
  kja_promise_t retrying = 0;
  CHECK_OK(kja_promise_retry_start(script->runtime, attempt, script, script_destroy, options, &retrying));
  return retrying;
}
static void expect_script(script_t *script, uint64_t ran) {
  CHECK_U64(count_get(&script->ran), ran);
  CHECK_U64(count_get(&script->destroyed), 1);
}

/* parity: PROM-29 */
static void a_first_success_is_all(void) {
  script_t script;
  script_init(&script, runtime_open(), NULL, 0);
  expect_u64(retry_start(&script, NULL), 0);
  expect_script(&script, 1);
  runtime_close(script.runtime);
}

/* parity: PROM-29 */
static void by_default_it_is_tried_once_more_if_the_peer_was_gone(void) {
  static const kja_status_t ends[] = {KJA_ERR_DISCONNECTED, KJA_ERR_DISCONNECTED};
  kja_retry_options_t options = retry_options(0, 0, 0, 0);
  kja_runtime_t runtime = runtime_open();
  for (int zeroed = 0; zeroed < 2; zeroed++) {
    script_t script;
    script_init(&script, runtime, ends, 1);
    expect_u64(retry_start(&script, zeroed ? &options : NULL), 1);
    expect_script(&script, 2);
    script_init(&script, runtime, ends, 2);
    kja_promise_t retrying = retry_start(&script, zeroed ? &options : NULL);
    CHECK_IS(kja_promise_await(retrying), KJA_ERR_DISCONNECTED);
    CHECK_U64(kja_last_error_os(), 1);
    CHECK_OK(kja_promise_release(retrying));
    expect_script(&script, 2);
  }
  runtime_close(runtime);
}

/* parity: PROM-29 */
static void a_second_failure_of_any_kind_is_passed_on(void) {
  static const kja_status_t ends[] = {KJA_ERR_DISCONNECTED, KJA_ERR_UNIMPLEMENTED};
  script_t script;
  script_init(&script, runtime_open(), ends, 2);
  expect(retry_start(&script, NULL), KJA_ERR_UNIMPLEMENTED);
  expect_script(&script, 2);
  runtime_close(script.runtime);
}

/* parity: PROM-29 */
static void other_errors_are_not_worth_an_attempt(void) {
  kja_runtime_t runtime = runtime_open();
  for (kja_status_t kind = kind_after(0); kind; kind = kind_after(kind)) {
    script_t script;
    if (kind == KJA_ERR_DISCONNECTED) continue;
    script_init(&script, runtime, &kind, 1);
    expect(retry_start(&script, NULL), kind);
    expect_script(&script, 1);
  }
  runtime_close(runtime);
}

static void the_options_say_after_which_errors(void) {
  static const kja_status_t ends[] = {KJA_ERR_OVERLOADED, KJA_ERR_PANIC, KJA_ERR_OVERLOADED, KJA_ERR_DISCONNECTED};
  script_t script;
  kja_retry_options_t options =
      retry_options(10, (uint32_t)1 << KJA_ERR_OVERLOADED | (uint32_t)1 << KJA_ERR_PANIC, 0, 0);
  script_init(&script, runtime_open(), ends, 4);
  expect(retry_start(&script, &options), KJA_ERR_DISCONNECTED);
  expect_script(&script, 4);
  runtime_close(script.runtime);
}

static void the_options_say_how_often(void) {
  enum { MANY = 50 };
  kja_status_t ends[MANY];
  kja_runtime_t runtime = runtime_open();
  for (int i = 0; i < MANY; i++) ends[i] = KJA_ERR_DISCONNECTED;
  for (uint32_t attempts = 1; attempts <= MANY; attempts += 7) {
    script_t script;
    kja_retry_options_t options = retry_options(attempts, 0, 0, 0);
    script_init(&script, runtime, ends, MANY);
    kja_promise_t retrying = retry_start(&script, &options);
    CHECK_IS(kja_promise_await(retrying), KJA_ERR_DISCONNECTED);
    CHECK_U64(kja_last_error_os(), attempts - 1);
    CHECK_OK(kja_promise_release(retrying));
    expect_script(&script, attempts);
  }
  runtime_close(runtime);
}

static void the_wait_between_attempts_doubles_up_to_a_limit(void) {
  enum { MANY = 7 };
  static const uint64_t at[MANY] = {0, 10, 30, 70, 120, 170, 220};
  kja_status_t ends[MANY];
  script_t script;
  kja_retry_options_t options = retry_options(MANY, 0, 10 * SECOND, 50 * SECOND);
  for (int i = 0; i < MANY; i++) ends[i] = KJA_ERR_DISCONNECTED;
  script_init(&script, virtual_open(), ends, MANY - 1);
  kja_promise_t retrying = retry_start(&script, &options);
  let_loop_rest(script.runtime);
  for (int i = 0; i < 22; i++) {
    CHECK_IS(kja_promise_status(retrying), KJA_ERR_PENDING);
    let_time_pass(script.runtime, 10 * SECOND);
  }
  expect_u64(retrying, MANY - 1);
  for (int i = 0; i < MANY; i++) CHECK_U64(script.at[i], at[i] * SECOND);
  expect_script(&script, MANY);
  runtime_close(script.runtime);
}

static void by_default_the_wait_grows_to_half_a_minute(void) {
  enum { MANY = 5 };
  static const uint64_t at[MANY] = {0, 20, 50, 80, 110};
  kja_status_t ends[MANY];
  script_t script;
  kja_retry_options_t options = retry_options(MANY, 0, 20 * SECOND, 0);
  for (int i = 0; i < MANY; i++) ends[i] = KJA_ERR_DISCONNECTED;
  script_init(&script, virtual_open(), ends, MANY);
  kja_promise_t retrying = retry_start(&script, &options);
  let_loop_rest(script.runtime);
  for (int i = 0; i < 11; i++) let_time_pass(script.runtime, 10 * SECOND);
  expect(retrying, KJA_ERR_DISCONNECTED);
  for (int i = 0; i < MANY; i++) CHECK_U64(script.at[i], at[i] * SECOND);
  runtime_close(script.runtime);
}

/* parity: PROM-29 */
static void cancelled_before_it_has_begun_it_never_runs(void) {
  script_t script;
  script_init(&script, scope_open(), NULL, 0);
  kja_promise_t retrying = retry_start(&script, NULL);
  CHECK_OK(kja_promise_cancel(retrying));
  expect_script(&script, 0);
  expect_already(retrying, KJA_ERR_CANCELED);
  CHECK_OK(kja_promise_release(retry_start(&script, NULL)));
  CHECK_U64(count_get(&script.destroyed), 2);
  let_loop_rest(script.runtime);
  CHECK_U64(count_get(&script.ran), 0);
  runtime_close(script.runtime);
}

static void cancelled_during_an_attempt_it_ends_that_and_makes_no_other(void) {
  static const kja_status_t ends[] = {KJA_ERR_DISCONNECTED};
  kja_retry_options_t options = retry_options(9, 0, 0, 0);
  script_t script;
  count_t gone = {0};
  kja_runtime_t runtime = runtime_open();
  script_init(&script, runtime, ends, 1);
  script.hang = pending_until_gone(runtime, &gone);
  kja_promise_t retrying = retry_start(&script, &options);
  let_loop_rest(runtime);
  CHECK_U64(count_get(&script.ran), 2);
  CHECK_IS(kja_promise_status(retrying), KJA_ERR_PENDING);
  CHECK_OK(kja_promise_cancel(retrying));
  CHECK_U64(count_get(&gone), 1);
  expect_script(&script, 2);
  let_loop_rest(runtime);
  CHECK_U64(count_get(&script.ran), 2);
  expect_already(retrying, KJA_ERR_CANCELED);
  runtime_close(runtime);
}

static void cancelled_between_attempts_it_makes_no_other(void) {
  static const kja_status_t ends[] = {KJA_ERR_DISCONNECTED};
  kja_retry_options_t options = retry_options(9, 0, SECOND, 0);
  script_t script;
  uint64_t next = 0;
  script_init(&script, virtual_open(), ends, 1);
  kja_promise_t retrying = retry_start(&script, &options);
  let_loop_rest(script.runtime);
  CHECK_OK(kja_timer_next(script.runtime, &next));
  CHECK_U64(next, SECOND);
  CHECK_OK(kja_promise_release(retrying));
  expect_script(&script, 1);
  CHECK_OK(kja_timer_next(script.runtime, &next));
  CHECK_U64(next, UINT64_MAX);
  let_time_pass(script.runtime, 100 * SECOND);
  CHECK_U64(count_get(&script.ran), 1);
  runtime_close(script.runtime);
}

static void shutdown_between_attempts_ends_it(void) {
  static const kja_status_t ends[] = {KJA_ERR_DISCONNECTED};
  kja_retry_options_t options = retry_options(9, 0, SECOND, 0);
  script_t script;
  kja_promise_t refused = 1;
  script_init(&script, virtual_open(), ends, 1);
  kja_promise_t retrying = retry_start(&script, &options);
  let_loop_rest(script.runtime);
  CHECK_OK(kja_runtime_shutdown(script.runtime));
  CHECK_IS(kja_promise_status(retrying), KJA_ERR_BAD_HANDLE);
  expect_script(&script, 1);
  CHECK_IS(kja_promise_retry_start(script.runtime, attempt, &script, script_destroy, NULL, &refused), KJA_ERR_SHUTDOWN);
  CHECK_U64(refused, 0);
  CHECK_U64(count_get(&script.destroyed), 2);
  CHECK_OK(kja_runtime_release(script.runtime));
}

static void bad_options_are_refused_and_the_ctx_given_back(void) {
  const size_t sizes[] = {0, 8, sizeof(kja_retry_options_t) - 1, SIZE_MAX};
  script_t script;
  kja_promise_t refused = 1;
  script_init(&script, runtime_open(), NULL, 0);
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    kja_retry_options_t options = retry_options(2, 0, 0, 0);
    options.size = sizes[i];
    CHECK_IS(kja_promise_retry_start(script.runtime, attempt, &script, script_destroy, &options, &refused),
             KJA_ERR_INVALID_ARGUMENT);
    CHECK_U64(refused, 0);
    CHECK_U64(count_get(&script.destroyed), i + 1);
  }
  count_set(&script.destroyed, 0);
  CHECK_IS(kja_promise_retry_start(script.runtime, NULL, &script, script_destroy, NULL, &refused),
           KJA_ERR_INVALID_ARGUMENT);
  CHECK_IS(kja_promise_retry_start(script.runtime, attempt, &script, script_destroy, NULL, NULL),
           KJA_ERR_INVALID_ARGUMENT);
  CHECK_U64(count_get(&script.destroyed), 2);
  let_loop_rest(script.runtime);
  CHECK_U64(count_get(&script.ran), 0);
  runtime_close(script.runtime);
}

enum { THREADS = 4 };
static void *retry_and_cancel(void *arg) {
  static const kja_status_t ends[] = {KJA_ERR_DISCONNECTED, KJA_ERR_DISCONNECTED, KJA_ERR_DISCONNECTED};
  kja_retry_options_t options = retry_options(4, 0, 0, 0);
  for (size_t i = 0, n = scaled(2000); i < n; i++) {
    script_t script;
    script_init(&script, *(kja_runtime_t *)arg, ends, 3);
    kja_promise_t retrying = retry_start(&script, &options);
    if (i % 2) {
      expect_u64(retrying, 3);
    } else {
      if (i % 4) sched_yield();
      CHECK_OK(kja_promise_release(retrying));
    }
    CHECK(count_get(&script.ran) <= 4);
    CHECK_U64(count_get(&script.destroyed), 1);
  }
  return NULL;
}

/* When the release returns, the script is out of use: it lives on that thread's stack. */
static void other_threads_cancel_at_any_moment(void) {
  kja_runtime_t runtime = runtime_open();
  pthread_t threads[THREADS];
  for (int i = 0; i < THREADS; i++) pthread_create(&threads[i], NULL, retry_and_cancel, &runtime);
  for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
  runtime_close(runtime);
}

int main(void) {
  RUN_IN_BOTH(a_first_success_is_all);
  RUN_IN_BOTH(by_default_it_is_tried_once_more_if_the_peer_was_gone);
  RUN_IN_BOTH(a_second_failure_of_any_kind_is_passed_on);
  RUN_IN_BOTH(other_errors_are_not_worth_an_attempt);
  RUN_IN_BOTH(the_options_say_after_which_errors);
  RUN_IN_BOTH(the_options_say_how_often);
  RUN_IN_BOTH(the_wait_between_attempts_doubles_up_to_a_limit);
  RUN_IN_BOTH(by_default_the_wait_grows_to_half_a_minute);
  RUN(cancelled_before_it_has_begun_it_never_runs);
  RUN_IN_BOTH(cancelled_during_an_attempt_it_ends_that_and_makes_no_other);
  RUN_IN_BOTH(cancelled_between_attempts_it_makes_no_other);
  RUN_IN_BOTH(shutdown_between_attempts_ends_it);
  RUN_IN_BOTH(bad_options_are_refused_and_the_ctx_given_back);
  RUN(other_threads_cancel_at_any_moment);
  return check_done();
}
