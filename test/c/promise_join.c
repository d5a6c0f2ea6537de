/* all, race, timeout, fork, attach, detach: promises made of promises. */
#include "expect.h"
#include "gate.h"

static void count_run(void *ctx, kja_call_t call) {
  (void)call;
  count_add((count_t *)ctx, 1);
}

/* A pending promise that counts its end in `gone`. */
static kja_promise_t pending_until_gone(kja_runtime_t runtime, count_t *gone) {
  kja_promise_t never = 0, attached = 0;
  CHECK_OK(kja_promise_new_never(runtime, &never));
  CHECK_OK(kja_promise_attach(never, gone, count_destroy, &attached));
  CHECK_OK(kja_promise_release(never));
  return attached;
}

/* parity: PROM-31 */
static void all_is_done_when_every_one_is(void) {
  enum { MANY = 100 };
  kja_runtime_t runtime = runtime_open();
  kja_fulfiller_t fulfillers[MANY];
  kja_promise_t promises[MANY], all = 0;
  for (int i = 0; i < MANY; i++) CHECK_OK(kja_fulfiller_new(runtime, &fulfillers[i], &promises[i]));
  CHECK_OK(kja_promise_all(runtime, promises, MANY, &all));
  for (int i = MANY - 1; i >= 0; i--) {
    CHECK_IS(kja_promise_await_for(all, 0), KJA_ERR_TIMED_OUT);
    CHECK_OK(kja_fulfiller_unit(fulfillers[i]));
    CHECK_OK(kja_fulfiller_release(fulfillers[i]));
  }
  expect(all, KJA_OK);
  for (int i = 0; i < MANY; i++) CHECK_OK(kja_promise_release(promises[i]));
  CHECK_OK(kja_promise_all(runtime, NULL, 0, &all));
  expect_already(all, KJA_OK);
  runtime_close(runtime);
}

/* parity: PROM-31 */
static void all_ends_with_the_first_error_and_drops_the_rest(void) {
  kja_runtime_t runtime = runtime_open();
  count_t gone = {0};
  kja_promise_t promises[3], all = 0;
  promises[0] = pending_until_gone(runtime, &gone);
  CHECK_OK(kja_promise_new_error(runtime, KJA_ERR_UNIMPLEMENTED, 0, "no", 2, &promises[1]));
  promises[2] = pending_until_gone(runtime, &gone);
  CHECK_OK(kja_promise_all(runtime, promises, 3, &all));
  for (int i = 0; i < 3; i++) CHECK_OK(kja_promise_release(promises[i]));
  CHECK_IS(kja_promise_await(all), KJA_ERR_UNIMPLEMENTED);
  CHECK_U64(count_get(&gone), 2);
  CHECK_OK(kja_promise_release(all));
  runtime_close(runtime);
}

static void all_borrows_its_inputs(void) {
  kja_runtime_t runtime = runtime_open();
  count_t gone = {0};
  kja_promise_t promise = pending_until_gone(runtime, &gone), twice[2], all = 0;
  twice[0] = twice[1] = promise;
  CHECK_OK(kja_promise_all(runtime, twice, 2, &all));
  CHECK_OK(kja_promise_cancel(all));
  expect_already(all, KJA_ERR_CANCELED);
  CHECK_U64(count_get(&gone), 0);
  CHECK_IS(kja_promise_status(promise), KJA_ERR_PENDING);
  CHECK_OK(kja_promise_release(promise));
  CHECK_U64(count_get(&gone), 1);
  runtime_close(runtime);
}

/* parity: PROM-16 */
static void race_ends_as_the_first_does_and_drops_the_loser_before(void) {
  kja_runtime_t runtime = runtime_open();
  count_t gone = {0};
  const kja_status_t ends[] = {KJA_OK, KJA_ERR_OVERLOADED};
  for (int i = 0; i < 2; i++) {
    kja_fulfiller_t fulfiller = 0;
    kja_promise_t entrants[2], race = 0;
    entrants[0] = pending_until_gone(runtime, &gone);
    CHECK_OK(kja_fulfiller_new(runtime, &fulfiller, &entrants[1]));
    CHECK_OK(kja_promise_race(runtime, entrants, 2, &race));
    CHECK_OK(kja_promise_release(entrants[0]));
    CHECK_OK(kja_promise_release(entrants[1]));
    if (ends[i] == KJA_OK) CHECK_OK(kja_fulfiller_u64(fulfiller, 7));
    else CHECK_OK(kja_fulfiller_error(fulfiller, ends[i], 0, "lost", 4));
    CHECK_IS(kja_promise_await(race), ends[i]);
    CHECK_U64(count_get(&gone), i + 1);
    CHECK_OK(kja_promise_release(race));
    CHECK_OK(kja_fulfiller_release(fulfiller));
  }
  runtime_close(runtime);
}

static void race_of_nobody_is_refused(void) {
  kja_runtime_t runtime = runtime_open();
  kja_promise_t race = 1;
  CHECK_IS(kja_promise_race(runtime, NULL, 0, &race), KJA_ERR_INVALID_ARGUMENT);
  CHECK_U64(race, 0);
  runtime_close(runtime);
}

/* parity: TIME-04 */
static void timeout_ends_what_takes_too_long(void) {
  kja_runtime_t runtime = runtime_open();
  count_t gone = {0};
  kja_promise_t slow = pending_until_gone(runtime, &gone), out = 0;
  uint64_t begin = kja_timer_now_nanos();
  CHECK_OK(kja_promise_timeout(slow, 20 * MILLISECOND, &out));
  CHECK_OK(kja_promise_release(slow));
  CHECK_IS(kja_promise_await(out), KJA_ERR_TIMED_OUT);
  CHECK(kja_timer_now_nanos() - begin >= 20 * MILLISECOND);
  CHECK_U64(count_get(&gone), 1);
  CHECK_OK(kja_promise_release(out));
  runtime_close(runtime);
}

/* parity: TIME-04 */
static void timeout_lets_pass_what_is_in_time(void) {
  kja_runtime_t runtime = runtime_open();
  kja_promise_t promise = 0, out = 0;
  kja_fulfiller_t fulfiller = 0;
  CHECK_OK(kja_fulfiller_new(runtime, &fulfiller, &promise));
  CHECK_OK(kja_promise_timeout(promise, 3600 * SECOND, &out));
  CHECK_OK(kja_fulfiller_u64(fulfiller, 3));
  expect_u64(out, 3);
  CHECK_OK(kja_promise_timeout(promise, UINT64_MAX, &out));
  expect_u64(out, 3);
  CHECK_OK(kja_promise_timeout(promise, 0, &out));
  expect_u64(out, 3);
  CHECK_OK(kja_promise_release(promise));
  CHECK_OK(kja_fulfiller_release(fulfiller));
  runtime_close(runtime);
}

/* parity: PROM-14, FORK-01, FORK-03 */
static void a_branch_is_cancelled_on_its_own(void) {
  kja_runtime_t runtime = runtime_open();
  kja_fulfiller_t fulfiller = 0;
  kja_promise_t promise = 0, branches[3];
  CHECK_OK(kja_fulfiller_new(runtime, &fulfiller, &promise));
  for (int i = 0; i < 3; i++) CHECK_OK(kja_promise_fork(promise, &branches[i]));
  CHECK_OK(kja_promise_release(promise));
  CHECK_OK(kja_promise_cancel(branches[0]));
  expect_already(branches[0], KJA_ERR_CANCELED);
  CHECK(kja_fulfiller_is_waiting(fulfiller));
  CHECK_OK(kja_fulfiller_u64(fulfiller, 11));
  CHECK_OK(kja_promise_await(branches[1]));
  CHECK_OK(kja_promise_fork(branches[1], &promise));
  expect_u64(promise, 11);
  expect_u64(branches[1], 11);
  expect_u64(branches[2], 11);
  CHECK_OK(kja_fulfiller_release(fulfiller));
  runtime_close(runtime);
}

/* parity: FORK-02 */
static void a_promise_knows_whether_it_has_branches(void) {
  kja_runtime_t runtime = runtime_open();
  kja_promise_t source = 0, branch = 0, then = 0;
  CHECK_OK(kja_promise_new_never(runtime, &source));
  CHECK(!kja_promise_has_branches(source));
  CHECK_OK(kja_promise_fork(source, &branch));
  CHECK_OK(kja_promise_then(source, do_nothing, NULL, NULL, &then));
  CHECK(kja_promise_has_branches(source));
  CHECK_OK(kja_promise_release(branch));
  CHECK(kja_promise_has_branches(source));
  CHECK_OK(kja_promise_release(then));
  CHECK(!kja_promise_has_branches(source));
  CHECK_OK(kja_promise_release(source));
  runtime_close(runtime);
}

/* parity: EXC-03, FORK-03, FORK-04 */
static void the_source_goes_with_its_last_branch(void) {
  kja_runtime_t runtime = runtime_open();
  count_t gone = {0};
  kja_promise_t source = pending_until_gone(runtime, &gone), one = 0, other = 0;
  CHECK_OK(kja_promise_fork(source, &one));
  CHECK_OK(kja_promise_fork(source, &other));
  CHECK_OK(kja_promise_release(source));
  CHECK_OK(kja_promise_release(one));
  CHECK_U64(count_get(&gone), 0);
  CHECK_OK(kja_promise_release(other));
  CHECK_U64(count_get(&gone), 1);
  CHECK_OK(kja_promise_new_error(runtime, KJA_ERR_DISCONNECTED, 104, "reset", 5, &source));
  for (int i = 0; i < 3; i++) {
    CHECK_OK(kja_promise_fork(source, &one));
    CHECK_IS(kja_promise_await(one), KJA_ERR_DISCONNECTED);
    CHECK_U64(kja_last_error_os(), 104);
    CHECK_OK(kja_promise_release(one));
  }
  CHECK_OK(kja_promise_release(source));
  runtime_close(runtime);
}

typedef struct order_t {
  count_t inner, outer;
} order_t;

static void outer_destroy(void *ctx) {
  order_t *order = (order_t *)ctx;
  CHECK_U64(count_get(&order->inner), 1);
  count_add(&order->outer, 1);
}

/* parity: PROM-17 */
static void an_attachment_outlives_the_operation(void) {
  kja_runtime_t runtime = runtime_open();
  order_t order;
  memset(&order, 0, sizeof order);
  kja_promise_t inner = pending_until_gone(runtime, &order.inner), outer = 0;
  CHECK_OK(kja_promise_attach(inner, &order, outer_destroy, &outer));
  CHECK_OK(kja_promise_release(inner));
  CHECK_U64(count_get(&order.outer), 0);
  CHECK_OK(kja_promise_release(outer));
  CHECK_U64(count_get(&order.outer), 1);
  count_t freed = {0};
  CHECK_OK(kja_promise_new_u64(runtime, 4, &inner));
  CHECK_OK(kja_promise_attach(inner, &freed, count_destroy, &outer));
  expect_u64(outer, 4);
  CHECK_U64(count_get(&freed), 1);
  CHECK_OK(kja_promise_release(inner));
  runtime_close(runtime);
}

static void open_on_overload(void *ctx, kja_call_t call) {
  CHECK_IS(kja_call_status(call), KJA_ERR_OVERLOADED);
  gate_open((gate_t *)ctx);
}

/* parity: PROM-19 */
static void a_detached_promise_runs_to_its_end(void) {
  kja_runtime_t runtime = runtime_open();
  gate_t failed, done;
  count_t untouched = {0}, destroyed = {0};
  kja_promise_t promise = 0, out = 0;
  gate_init(&failed);
  gate_init(&done);
  CHECK_OK(kja_promise_new_error(runtime, KJA_ERR_OVERLOADED, 0, "x", 1, &promise));
  CHECK_OK(kja_promise_detach(promise, open_on_overload, &failed, NULL));
  CHECK_IS(kja_promise_release(promise), KJA_ERR_BAD_HANDLE);
  gate_pass(&failed);
  CHECK_OK(kja_timer_sleep_start(runtime, MILLISECOND, &promise));
  CHECK_OK(kja_promise_then(promise, gate_open_callback, &done, NULL, &out));
  CHECK_OK(kja_promise_release(promise));
  CHECK_OK(kja_promise_detach(out, count_run, &untouched, NULL));
  gate_pass(&done);
  promise = pending_until_gone(runtime, &destroyed);
  CHECK_OK(kja_promise_detach(promise, count_run, &untouched, NULL));
  CHECK_U64(count_get(&destroyed), 0);
  runtime_close(runtime);
  CHECK_U64(count_get(&destroyed), 1);
  gate_destroy(&failed);
  gate_destroy(&done);
}

int main(void) {
  RUN_IN_BOTH(all_is_done_when_every_one_is);
  RUN_IN_BOTH(all_ends_with_the_first_error_and_drops_the_rest);
  RUN_IN_BOTH(all_borrows_its_inputs);
  RUN_IN_BOTH(race_ends_as_the_first_does_and_drops_the_loser_before);
  RUN_IN_BOTH(race_of_nobody_is_refused);
  RUN_IN_BOTH(timeout_ends_what_takes_too_long);
  RUN_IN_BOTH(timeout_lets_pass_what_is_in_time);
  RUN_IN_BOTH(a_branch_is_cancelled_on_its_own);
  RUN_IN_BOTH(a_promise_knows_whether_it_has_branches);
  RUN_IN_BOTH(the_source_goes_with_its_last_branch);
  RUN_IN_BOTH(an_attachment_outlives_the_operation);
  RUN(a_detached_promise_runs_to_its_end);
  return check_done();
}
