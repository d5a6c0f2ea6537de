/* What a callback can learn and return. */
#include "expect.h"
#include "gate.h"

typedef struct lent_t {
  kja_runtime_t runtime;
  kja_call_t call, running;
  count_t destroyed, cleaned_up;
} lent_t;

/* Runs the callback on the loop and gives the promise of its result. */
static kja_promise_t result_of(kja_runtime_t runtime, kja_callback_fn run, void *ctx) {
  kja_promise_t unit = 0, out = 0;
  CHECK_OK(kja_promise_new_unit(runtime, &unit));
  CHECK_OK(kja_promise_then(unit, run, ctx, NULL, &out));
  CHECK_OK(kja_promise_release(unit));
  return out;
}

static void return_bytes(void *ctx, kja_call_t call) {
  kja_bytes_t bytes = 0;
  (void)ctx;
  CHECK_OK(kja_bytes_new("returned", 8, &bytes));
  CHECK_OK(kja_call_return_bytes(call, bytes));
  CHECK_OK(kja_bytes_release(bytes));
}
static void return_handle(void *ctx, kja_call_t call) {
  kja_executor_t executor = 0;
  CHECK_OK(kja_runtime_executor(((lent_t *)ctx)->runtime, &executor));
  CHECK_OK(kja_call_return_handle(call, executor));
  CHECK_OK(kja_executor_release(executor));
}
static void return_opaque(void *ctx, kja_call_t call) {
  CHECK_OK(kja_call_return_opaque(call, &((lent_t *)ctx)->destroyed, count_destroy));
}

static void every_type_of_value_can_be_returned(void) {
  lent_t lent;
  memset(&lent, 0, sizeof lent);
  lent.runtime = runtime_open();
  expect_text(result_of(lent.runtime, return_bytes, NULL), "returned");
  kja_executor_t executor = handle_from(result_of(lent.runtime, return_handle, &lent));
  CHECK(kja_executor_is_live(executor));
  CHECK_OK(kja_executor_release(executor));
  kja_promise_t promise = result_of(lent.runtime, return_opaque, &lent);
  void *pointer = NULL;
  CHECK_OK(kja_promise_await(promise));
  CHECK_OK(kja_promise_opaque(promise, &pointer));
  CHECK(pointer == &lent.destroyed);
  CHECK_U64(count_get(&lent.destroyed), 0);
  CHECK_OK(kja_promise_release(promise));
  CHECK_U64(count_get(&lent.destroyed), 1);
  runtime_close(lent.runtime);
}

static void expect_type(kja_call_t call, uint32_t wanted) {
  uint32_t type = 99;
  if (CHECK_OK(kja_call_outcome_type(call, &type))) CHECK_U64(type, wanted);
}
static void look_at_bytes(void *ctx, kja_call_t call) {
  kja_bytes_t bytes = 0;
  const void *data = NULL;
  size_t size = 0;
  uint64_t number;
  void *pointer;
  (void)ctx;
  CHECK_OK(kja_call_status(call));
  expect_type(call, KJA_OUTCOME_BYTES);
  CHECK_OK(kja_call_bytes(call, &bytes));
  CHECK_OK(kja_bytes_data(bytes, &data, &size));
  CHECK(size == 8 && memcmp(data, "returned", 8) == 0);
  CHECK_OK(kja_bytes_release(bytes));
  /* As often as it is asked for. */
  CHECK_OK(kja_call_bytes(call, &bytes));
  CHECK_OK(kja_bytes_data(bytes, &data, &size));
  CHECK(size == 8 && memcmp(data, "returned", 8) == 0);
  CHECK_OK(kja_bytes_release(bytes));
  CHECK_IS(kja_call_u64(call, &number), KJA_ERR_WRONG_TYPE);
  CHECK_IS(kja_call_handle(call, &number), KJA_ERR_WRONG_TYPE);
  CHECK_IS(kja_call_opaque(call, &pointer), KJA_ERR_WRONG_TYPE);
  expect_type(call, KJA_OUTCOME_BYTES);
}
static void look_at_handle(void *ctx, kja_call_t call) {
  kja_executor_t executor = 0;
  (void)ctx;
  expect_type(call, KJA_OUTCOME_HANDLE);
  CHECK_OK(kja_call_handle(call, &executor));
  CHECK(kja_executor_is_live(executor));
  CHECK_OK(kja_executor_release(executor));
}
static void look_at_opaque(void *ctx, kja_call_t call) {
  void *pointer = NULL;
  expect_type(call, KJA_OUTCOME_OPAQUE);
  CHECK_OK(kja_call_opaque(call, &pointer));
  CHECK(pointer == &((lent_t *)ctx)->destroyed);
  CHECK_U64(count_get(&((lent_t *)ctx)->destroyed), 0);
}

static void every_type_of_value_can_be_looked_at(void) {
  const kja_callback_fn make[] = {return_bytes, return_handle, return_opaque};
  const kja_callback_fn look[] = {look_at_bytes, look_at_handle, look_at_opaque};
  lent_t lent;
  memset(&lent, 0, sizeof lent);
  lent.runtime = runtime_open();
  for (int i = 0; i < 3; i++) {
    kja_promise_t made = result_of(lent.runtime, make[i], &lent), looked = 0;
    CHECK_OK(kja_promise_then(made, look[i], &lent, NULL, &looked));
    CHECK_OK(kja_promise_release(made));
    expect(looked, KJA_OK);
  }
  CHECK_U64(count_get(&lent.destroyed), 1);
  runtime_close(lent.runtime);
}

/* As `expect_type`; the ctx is what is wanted. */
static void look_at_type(void *ctx, kja_call_t call) {
  expect_type(call, *(const uint32_t *)ctx);
  CHECK_OK(kja_call_return_u64(call, 1));
}

static void an_input_without_a_value_has_a_type_too(void) {
  uint32_t wanted[] = {KJA_OUTCOME_UNIT, KJA_OUTCOME_U64, KJA_OUTCOME_ERROR};
  kja_runtime_t runtime = runtime_open();
  kja_promise_t made[3] = {0, 0, 0};
  CHECK_OK(kja_promise_new_unit(runtime, &made[0]));
  CHECK_OK(kja_promise_new_u64(runtime, 7, &made[1]));
  CHECK_OK(kja_promise_new_error(runtime, KJA_ERR_WRONG_TYPE, 0, "of its own", 10, &made[2]));
  for (int i = 0; i < 3; i++) {
    kja_promise_t looked = 0;
    CHECK_OK(kja_promise_handle_both(made[i], look_at_type, &wanted[i], NULL, &looked));
    CHECK_OK(kja_promise_release(made[i]));
    expect_u64(looked, 1);
  }
  runtime_close(runtime);
}

static void return_many_things(void *ctx, kja_call_t call) {
  lent_t *lent = (lent_t *)ctx;
  kja_promise_t never = 0;
  CHECK_OK(kja_call_return_opaque(call, &lent->destroyed, count_destroy));
  CHECK_OK(kja_promise_new_never(lent->runtime, &never));
  CHECK_OK(kja_call_return_promise(call, never));
  CHECK_OK(kja_call_return_error(call, KJA_ERR_FAILED, 0, "no", 2));
  CHECK_OK(kja_call_return_u64(call, 3));
}

static void the_last_of_several_results_counts(void) {
  lent_t lent;
  memset(&lent, 0, sizeof lent);
  lent.runtime = runtime_open();
  expect_u64(result_of(lent.runtime, return_many_things, &lent), 3);
  CHECK_U64(count_get(&lent.destroyed), 1);
  runtime_close(lent.runtime);
}

static void return_bad_handles(void *ctx, kja_call_t call) {
  (void)ctx;
  CHECK_IS(kja_call_return_bytes(call, 99), KJA_ERR_BAD_HANDLE);
  CHECK_IS(kja_call_return_handle(call, 99), KJA_ERR_BAD_HANDLE);
  CHECK_IS(kja_call_return_promise(call, 99), KJA_ERR_BAD_HANDLE);
  CHECK_IS(kja_call_return_error(call, KJA_OK, 0, NULL, 0), KJA_ERR_INVALID_ARGUMENT);
  CHECK_IS(kja_call_return_error(call, 5, 0, NULL, 0), KJA_ERR_INVALID_ARGUMENT);
}

static void a_refused_result_leaves_unit(void) {
  kja_runtime_t runtime = runtime_open();
  expect(result_of(runtime, return_bad_handles, NULL), KJA_OK);
  runtime_close(runtime);
}

static void *use_call_on_another_thread(void *arg) {
  CHECK_IS(kja_call_return_u64(*(kja_call_t *)arg, 1), KJA_ERR_BAD_HANDLE);
  return NULL;
}
static void keep_call(void *ctx, kja_call_t call) {
  lent_t *lent = (lent_t *)ctx;
  pthread_t thread;
  lent->call = call;
  pthread_create(&thread, NULL, use_call_on_another_thread, &call);
  pthread_join(thread, NULL);
}
static void use_kept_call(void *ctx, kja_call_t call) {
  lent_t *lent = (lent_t *)ctx;
  CHECK(call != lent->call);
  CHECK_IS(kja_call_return_u64(lent->call, 1), KJA_ERR_BAD_HANDLE);
}

static void a_call_is_good_for_its_callback_and_thread_only(void) {
  lent_t lent;
  memset(&lent, 0, sizeof lent);
  lent.runtime = runtime_open();
  expect(result_of(lent.runtime, keep_call, &lent), KJA_OK);
  CHECK_IS(kja_call_return_u64(lent.call, 1), KJA_ERR_BAD_HANDLE);
  expect(result_of(lent.runtime, use_kept_call, &lent), KJA_OK);
  runtime_close(lent.runtime);
}

/* Callbacks and destructors that run because a stale call was given something may use the calls that are running. */
static void clean_up(void *ctx, kja_call_t call) {
  lent_t *lent = (lent_t *)ctx;
  CHECK_IS(kja_call_status(call), KJA_ERR_CANCELED);
  CHECK_OK(kja_call_status(lent->running));
  count_add(&lent->cleaned_up, 1);
}
static void destroy_and_look(void *ctx) {
  lent_t *lent = (lent_t *)ctx;
  CHECK_OK(kja_call_status(lent->running));
  CHECK_OK(kja_call_return_u64(lent->running, 8));
  count_add(&lent->destroyed, 1);
}
static void give_to_kept_call(void *ctx, kja_call_t call) {
  lent_t *lent = (lent_t *)ctx;
  kja_promise_t never = 0, guarded = 0;
  uint64_t before = count_get(&lent->cleaned_up);
  lent->running = call;
  CHECK_OK(kja_promise_new_never(lent->runtime, &never));
  CHECK_OK(kja_promise_finally(never, clean_up, lent, NULL, &guarded));
  CHECK_OK(kja_promise_release(never));
  CHECK_IS(kja_call_return_promise(lent->call, guarded), KJA_ERR_BAD_HANDLE);
  CHECK_IS(kja_promise_status(guarded), KJA_ERR_BAD_HANDLE);
  CHECK_U64(count_get(&lent->cleaned_up), before + 1);
  CHECK_IS(kja_call_return_opaque(lent->call, lent, destroy_and_look), KJA_ERR_BAD_HANDLE);
}

/* parity: PROM-10 */
static void what_a_stale_call_is_given_is_gone_at_once(void) {
  lent_t lent;
  kja_runtime_stats_t stats;
  memset(&lent, 0, sizeof lent);
  memset(&stats, 0, sizeof stats);
  stats.size = sizeof stats;
  lent.runtime = runtime_open();
  expect(result_of(lent.runtime, keep_call, &lent), KJA_OK);
  for (uint64_t round = 1; round <= 3; round++) {
    expect_u64(result_of(lent.runtime, give_to_kept_call, &lent), 8);
    CHECK_U64(count_get(&lent.cleaned_up), round);
    CHECK_U64(count_get(&lent.destroyed), round);
    CHECK_OK(kja_runtime_stats(lent.runtime, &stats));
    CHECK_U64(stats.promises, 0);
  }
  runtime_close(lent.runtime);
}

int main(void) {
  RUN_IN_BOTH(every_type_of_value_can_be_returned);
  RUN_IN_BOTH(every_type_of_value_can_be_looked_at);
  RUN_IN_BOTH(an_input_without_a_value_has_a_type_too);
  RUN_IN_BOTH(the_last_of_several_results_counts);
  RUN_IN_BOTH(a_refused_result_leaves_unit);
  RUN_IN_BOTH(a_call_is_good_for_its_callback_and_thread_only);
  RUN_IN_BOTH(what_a_stale_call_is_given_is_gone_at_once);
  return check_done();
}
