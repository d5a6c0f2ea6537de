#include "expect.h"
#include "gate.h"

static kja_promise_t settled_with(kja_runtime_t runtime, uint64_t value) {
  kja_promise_t promise = 0;
  CHECK_OK(kja_promise_new_u64(runtime, value, &promise));
  return promise;
}
static kja_promise_t failed_with(kja_runtime_t runtime, kja_status_t kind) {
  kja_promise_t promise = 0;
  CHECK_OK(kja_promise_new_error(runtime, kind, 0, "as asked", 8, &promise));
  return promise;
}
static kja_promise_t never_of(kja_runtime_t runtime) {
  kja_promise_t promise = 0;
  CHECK_OK(kja_promise_new_never(runtime, &promise));
  return promise;
}

static void add_one(void *ctx, kja_call_t call) {
  uint64_t value = 0;
  if (ctx) count_add((count_t *)ctx, 1);
  CHECK_OK(kja_call_status(call));
  CHECK_OK(kja_call_u64(call, &value));
  CHECK_OK(kja_call_return_u64(call, value + 1));
}
static void recover(void *ctx, kja_call_t call) {
  uint64_t value;
  count_add((count_t *)ctx, 1);
  CHECK_IS(kja_call_status(call), KJA_ERR_DISCONNECTED);
  CHECK_IS(kja_call_u64(call, &value), KJA_ERR_DISCONNECTED);
  CHECK_OK(kja_call_return_u64(call, 100));
}
static void count_run(void *ctx, kja_call_t call) {
  (void)call;
  count_add((count_t *)ctx, 1);
}

/* parity: PROM-02, PROM-21 */
static void every_type_of_value_is_read_back_as_itself(void) {
  kja_runtime_t runtime = runtime_open();
  kja_promise_t promise = 0;
  kja_bytes_t bytes = 0;
  uint64_t number = 0, handle = 0;
  void *pointer = NULL;
  count_t destroyed = {0};
  CHECK_OK(kja_promise_new_unit(runtime, &promise));
  CHECK_OK(kja_promise_status(promise));
  CHECK_IS(kja_promise_u64(promise, &number), KJA_ERR_WRONG_TYPE);
  CHECK_IS(kja_promise_bytes(promise, &bytes), KJA_ERR_WRONG_TYPE);
  CHECK_IS(kja_promise_handle(promise, &handle), KJA_ERR_WRONG_TYPE);
  CHECK_IS(kja_promise_opaque(promise, &pointer), KJA_ERR_WRONG_TYPE);
  expect(promise, KJA_OK);
  expect_u64(settled_with(runtime, UINT64_MAX), UINT64_MAX);
  CHECK_OK(kja_bytes_new("ab\0c", 4, &bytes));
  CHECK_OK(kja_promise_new_bytes(runtime, bytes, &promise));
  CHECK_IS(kja_promise_u64(promise, &number), KJA_ERR_WRONG_TYPE);
  CHECK_OK(kja_bytes_release(bytes));
  expect_bytes(promise, "ab\0c", 4);
  CHECK_OK(kja_runtime_executor(runtime, &handle));
  CHECK_OK(kja_promise_new_handle(runtime, handle, &promise));
  CHECK_OK(kja_executor_release(handle));
  CHECK_OK(kja_promise_handle(promise, &handle));
  CHECK(kja_executor_is_live(handle));
  CHECK_OK(kja_executor_release(handle));
  expect(promise, KJA_OK);
  CHECK_OK(kja_promise_new_opaque(runtime, &destroyed, count_destroy, &promise));
  CHECK_OK(kja_promise_opaque(promise, &pointer));
  CHECK(pointer == &destroyed);
  CHECK_U64(count_get(&destroyed), 0);
  expect(promise, KJA_OK);
  CHECK_U64(count_get(&destroyed), 1);
  promise = never_of(runtime);
  CHECK_IS(kja_promise_status(promise), KJA_ERR_PENDING);
  CHECK_IS(kja_promise_u64(promise, &number), KJA_ERR_PENDING);
  CHECK_OK(kja_promise_release(promise));
  runtime_close(runtime);
}

/* parity: PROM-05, PROM-11 */
static void then_runs_on_a_value_and_is_skipped_by_an_error(void) {
  kja_runtime_t runtime = runtime_open();
  count_t ran = {0}, destroyed = {0};
  kja_promise_t value = settled_with(runtime, 1), error = failed_with(runtime, KJA_ERR_OVERLOADED), out = 0;
  CHECK_OK(kja_promise_then(value, add_one, &ran, NULL, &out));
  expect_u64(out, 2);
  CHECK_OK(kja_promise_then(error, add_one, &destroyed, count_destroy, &out));
  expect(out, KJA_ERR_OVERLOADED);
  CHECK_U64(count_get(&ran), 1);
  CHECK_U64(count_get(&destroyed), 1);
  CHECK_OK(kja_promise_then(value, count_run, &ran, NULL, &out));
  CHECK_OK(kja_promise_await(out));
  CHECK_IS(kja_promise_u64(out, &ran.value), KJA_ERR_WRONG_TYPE);
  CHECK_OK(kja_promise_release(out));
  expect_u64(value, 1);
  expect(error, KJA_ERR_OVERLOADED);
  runtime_close(runtime);
}

/* parity: PROM-06, PROM-10 */
static void catch_runs_on_an_error_and_lets_a_value_pass(void) {
  kja_runtime_t runtime = runtime_open();
  count_t ran = {0};
  kja_promise_t value = settled_with(runtime, 1), error = failed_with(runtime, KJA_ERR_DISCONNECTED), out = 0;
  CHECK_OK(kja_promise_catch(error, recover, &ran, NULL, &out));
  expect_u64(out, 100);
  CHECK_OK(kja_promise_catch(value, recover, &ran, NULL, &out));
  expect_u64(out, 1);
  CHECK_U64(count_get(&ran), 1);
  CHECK_OK(kja_promise_handle_both(value, add_one, NULL, NULL, &out));
  expect_u64(out, 2);
  CHECK_OK(kja_promise_handle_both(error, recover, &ran, NULL, &out));
  expect_u64(out, 100);
  CHECK_U64(count_get(&ran), 2);
  CHECK_OK(kja_promise_release(value));
  CHECK_OK(kja_promise_release(error));
  runtime_close(runtime);
}

static void finally_runs_once_however_it_ends(void) {
  kja_runtime_t runtime = runtime_open();
  count_t ran = {0}, destroyed = {0};
  kja_promise_t value = settled_with(runtime, 9), error = failed_with(runtime, KJA_ERR_FAILED), never = never_of(runtime);
  kja_promise_t after[3], attached = 0;
  CHECK_OK(kja_promise_finally(value, count_run, &ran, NULL, &after[0]));
  CHECK_OK(kja_promise_finally(error, count_run, &ran, NULL, &after[1]));
  expect_u64(after[0], 9);
  expect(after[1], KJA_ERR_FAILED);
  CHECK_U64(count_get(&ran), 2);
  CHECK_OK(kja_promise_finally(never, count_run, &ran, NULL, &after[2]));
  CHECK_OK(kja_promise_attach(never, &destroyed, count_destroy, &attached));
  CHECK_OK(kja_promise_cancel(after[2]));
  expect_already(after[2], KJA_ERR_CANCELED);
  CHECK_OK(kja_promise_release(attached));
  let_loop_catch_up(runtime);
  CHECK_U64(count_get(&ran), 3);
  CHECK_OK(kja_promise_release(never));
  CHECK_OK(kja_promise_release(value));
  CHECK_OK(kja_promise_release(error));
  runtime_close(runtime);
  CHECK_U64(count_get(&ran), 3);
}

typedef struct inside_t {
  kja_runtime_t runtime;
  count_t ran;
  kja_promise_t inner;
} inside_t;

static void note_inside(void *ctx, kja_call_t call) {
  (void)call;
  count_add(&((inside_t *)ctx)->ran, 1);
}
static void then_inside(void *ctx, kja_call_t call) {
  inside_t *inside = (inside_t *)ctx;
  kja_promise_t settled = settled_with(inside->runtime, 1);
  (void)call;
  CHECK_OK(kja_promise_then(settled, note_inside, inside, NULL, &inside->inner));
  CHECK_U64(count_get(&inside->ran), 0);
  CHECK_OK(kja_promise_release(settled));
}

/* parity: PROM-02 */
static void a_continuation_is_never_run_by_the_call_that_adds_it(void) {
  inside_t inside;
  memset(&inside, 0, sizeof inside);
  inside.runtime = runtime_open();
  kja_promise_t unit = 0, out = 0;
  CHECK_OK(kja_promise_new_unit(inside.runtime, &unit));
  CHECK_OK(kja_promise_then(unit, then_inside, &inside, NULL, &out));
  expect(out, KJA_OK);
  expect(inside.inner, KJA_OK);
  CHECK_U64(count_get(&inside.ran), 1);
  CHECK_OK(kja_promise_release(unit));
  runtime_close(inside.runtime);
}

static void return_sleep(void *ctx, kja_call_t call) {
  inside_t *inside = (inside_t *)ctx;
  kja_promise_t sleeping = 0, number = settled_with(inside->runtime, 5), out = 0;
  CHECK_OK(kja_timer_sleep_start(inside->runtime, MILLISECOND, &sleeping));
  CHECK_OK(kja_promise_then(sleeping, note_inside, inside, NULL, &out));
  CHECK_OK(kja_call_return_promise(call, out));
  CHECK_IS(kja_promise_release(out), KJA_ERR_BAD_HANDLE);
  CHECK_OK(kja_promise_release(sleeping));
  CHECK_OK(kja_promise_release(number));
}

/* parity: PROM-07 */
static void a_returned_promise_becomes_the_result(void) {
  inside_t inside;
  memset(&inside, 0, sizeof inside);
  inside.runtime = runtime_open();
  kja_promise_t unit = settled_with(inside.runtime, 0), out = 0;
  CHECK_OK(kja_promise_then(unit, return_sleep, &inside, NULL, &out));
  expect(out, KJA_OK);
  CHECK_U64(count_get(&inside.ran), 1);
  CHECK_OK(kja_promise_release(unit));
  runtime_close(inside.runtime);
}

/* parity: PROM-01, PROM-05 */
static void a_promise_released_before_it_settles_never_calls_back(void) {
  kja_runtime_t runtime = runtime_open();
  count_t ran = {0}, destroyed = {0};
  kja_promise_t promise = 0, out = 0, never = never_of(runtime);
  kja_fulfiller_t fulfiller = 0;
  CHECK_OK(kja_fulfiller_new(runtime, &fulfiller, &promise));
  CHECK_OK(kja_promise_then(promise, count_run, &destroyed, count_destroy, &out));
  CHECK_OK(kja_promise_release(out));
  CHECK_U64(count_get(&destroyed), 1);
  CHECK(kja_fulfiller_is_waiting(fulfiller));
  CHECK_OK(kja_promise_release(promise));
  CHECK(!kja_fulfiller_is_waiting(fulfiller));
  CHECK_OK(kja_fulfiller_unit(fulfiller));
  CHECK_OK(kja_fulfiller_release(fulfiller));
  CHECK_OK(kja_promise_then(never, count_run, &ran, NULL, &out));
  CHECK_OK(kja_promise_release(never));
  CHECK_OK(kja_promise_release(out));
  let_loop_catch_up(runtime);
  CHECK_U64(count_get(&ran), 0);
  CHECK_U64(count_get(&destroyed), 1);
  runtime_close(runtime);
}

static void a_value_lives_as_long_as_its_last_holder(void) {
  kja_runtime_t runtime = runtime_open();
  count_t destroyed = {0};
  kja_promise_t promise = 0, branch = 0;
  CHECK_OK(kja_promise_new_opaque(runtime, &destroyed, count_destroy, &promise));
  CHECK_OK(kja_promise_fork(promise, &branch));
  CHECK_OK(kja_promise_await(branch));
  CHECK_OK(kja_promise_release(promise));
  CHECK_U64(count_get(&destroyed), 0);
  CHECK_OK(kja_promise_release(branch));
  CHECK_U64(count_get(&destroyed), 1);
  runtime_close(runtime);
}

static void expect_type(kja_promise_t promise, uint32_t wanted) {
  uint32_t type = 99;
  if (CHECK_OK(kja_promise_outcome_type(promise, &type))) CHECK_U64(type, wanted);
}

/* The kinds that the accessors have for wrong calls as well: the type of the outcome tells the two apart. */
static void an_error_of_any_kind_is_told_from_a_wrong_call(void) {
  static const kja_status_t kinds[] = {KJA_ERR_WRONG_TYPE, KJA_ERR_PENDING, KJA_ERR_BAD_HANDLE, KJA_ERR_TIMED_OUT};
  kja_runtime_t runtime = runtime_open();
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
    kja_promise_t promise = failed_with(runtime, kinds[i]);
    void *pointer;
    CHECK_IS(kja_promise_opaque(promise, &pointer), kinds[i]);
    expect_type(promise, KJA_OUTCOME_ERROR);
    CHECK_OK(kja_promise_release(promise));
  }
  kja_promise_t promise = settled_with(runtime, 3);
  expect_type(promise, KJA_OUTCOME_U64);
  CHECK_OK(kja_promise_release(promise));
  promise = never_of(runtime);
  expect_type(promise, KJA_OUTCOME_PENDING);
  CHECK_OK(kja_promise_cancel(promise));
  expect_type(promise, KJA_OUTCOME_ERROR);
  CHECK_IS(kja_promise_outcome_type(promise, NULL), KJA_ERR_INVALID_ARGUMENT);
  CHECK_OK(kja_promise_release(promise));
  runtime_close(runtime);
}

int main(void) {
  RUN_IN_BOTH(every_type_of_value_is_read_back_as_itself);
  RUN_IN_BOTH(then_runs_on_a_value_and_is_skipped_by_an_error);
  RUN_IN_BOTH(catch_runs_on_an_error_and_lets_a_value_pass);
  RUN_IN_BOTH(finally_runs_once_however_it_ends);
  RUN_IN_BOTH(a_continuation_is_never_run_by_the_call_that_adds_it);
  RUN_IN_BOTH(a_returned_promise_becomes_the_result);
  RUN_IN_BOTH(a_promise_released_before_it_settles_never_calls_back);
  RUN_IN_BOTH(a_value_lives_as_long_as_its_last_holder);
  RUN_IN_BOTH(an_error_of_any_kind_is_told_from_a_wrong_call);
  return check_done();
}
