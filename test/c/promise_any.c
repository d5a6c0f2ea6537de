/* join, all_settled and any: many promises of which some fail; and branches of one. */
#include "gate.h"
#include "options.h"
#include "record.h"

enum { MANY = 40 };
typedef struct inputs_t {
  kja_runtime_t runtime;
  kja_fulfiller_t fulfillers[MANY];
  kja_promise_t promises[MANY];
} inputs_t;

static void inputs_open(inputs_t *inputs) {
  inputs->runtime = runtime_open();
  for (int i = 0; i < MANY; i++) CHECK_OK(kja_fulfiller_new(inputs->runtime, &inputs->fulfillers[i], &inputs->promises[i]));
}
static void inputs_close(inputs_t *inputs) {
  for (int i = 0; i < MANY; i++) CHECK_OK(kja_fulfiller_release(inputs->fulfillers[i]));
  for (int i = 0; i < MANY; i++) CHECK_OK(kja_promise_release(inputs->promises[i]));
  runtime_close(inputs->runtime);
}
static void fail(inputs_t *inputs, int i, kja_status_t kind, const char *text) {
  CHECK_OK(kja_fulfiller_error(inputs->fulfillers[i], kind, 0, text, strlen(text)));
}

/* parity: PROM-30 */
static void join_waits_for_all_and_gives_the_first_error_in_order(void) {
  inputs_t inputs;
  kja_promise_t join = 0;
  inputs_open(&inputs);
  CHECK_OK(kja_promise_join(inputs.runtime, inputs.promises, MANY, &join));
  fail(&inputs, 30, KJA_ERR_OVERLOADED, "earlier in time");
  fail(&inputs, 7, KJA_ERR_UNIMPLEMENTED, "earlier in order");
  fail(&inputs, 20, KJA_ERR_FAILED, "neither");
  for (int i = MANY - 1; i >= 0; i--) {
    let_loop_rest(inputs.runtime);
    CHECK_IS(kja_promise_status(join), KJA_ERR_PENDING);
    CHECK_OK(kja_fulfiller_u64(inputs.fulfillers[i], (uint64_t)i));
    if (i == 7 || i == 20 || i == 30) {
      fail(&inputs, i, KJA_ERR_CANCELED, "too late");
    }
  }
  expect_error_text(join, KJA_ERR_UNIMPLEMENTED, "earlier in order");
  uint64_t value = 0;
  CHECK_OK(kja_promise_u64(inputs.promises[39], &value));
  CHECK_U64(value, 39);
  inputs_close(&inputs);
}

/* parity: PROM-30 */
static void join_succeeds_when_all_do(void) {
  inputs_t inputs;
  kja_promise_t join = 0;
  inputs_open(&inputs);
  CHECK_OK(kja_promise_join(inputs.runtime, inputs.promises, MANY, &join));
  for (int i = 0; i < MANY; i++) CHECK_OK(kja_fulfiller_unit(inputs.fulfillers[i]));
  expect(join, KJA_OK);
  CHECK_OK(kja_promise_join(inputs.runtime, inputs.promises, MANY, &join));
  expect_already(join, KJA_OK);
  CHECK_OK(kja_promise_join(inputs.runtime, NULL, 0, &join));
  expect_already(join, KJA_OK);
  inputs_close(&inputs);
}

/* After an error what is pending goes on: that tells join from all. */
/* parity: PROM-30 */
static void join_keeps_what_is_pending_after_an_error(void) {
  kja_runtime_t runtime = runtime_open();
  count_t gone = {0};
  kja_promise_t promises[2], join = 0;
  promises[0] = failed(runtime, KJA_ERR_FAILED, "x");
  promises[1] = pending_until_gone(runtime, &gone);
  CHECK_OK(kja_promise_join(runtime, promises, 2, &join));
  for (int i = 0; i < 2; i++) CHECK_OK(kja_promise_release(promises[i]));
  let_loop_rest(runtime);
  CHECK_IS(kja_promise_status(join), KJA_ERR_PENDING);
  CHECK_U64(count_get(&gone), 0);
  CHECK_OK(kja_promise_release(join));
  CHECK_U64(count_get(&gone), 1);
  runtime_close(runtime);
}

static void all_settled_succeeds_however_they_end(void) {
  inputs_t inputs;
  kja_promise_t settled = 0;
  inputs_open(&inputs);
  CHECK_OK(kja_promise_all_settled(inputs.runtime, inputs.promises, MANY, &settled));
  for (int i = 0; i < MANY; i++) {
    let_loop_rest(inputs.runtime);
    CHECK_IS(kja_promise_status(settled), KJA_ERR_PENDING);
    if (i % 3 == 0) fail(&inputs, i, KJA_ERR_OVERLOADED, "full");
    else if (i % 3 == 1) CHECK_OK(kja_promise_cancel(inputs.promises[i]));
    else CHECK_OK(kja_fulfiller_unit(inputs.fulfillers[i]));
  }
  expect(settled, KJA_OK);
  for (int i = 0; i < MANY; i++)
    CHECK_IS(kja_promise_status(inputs.promises[i]),
             i % 3 == 0 ? KJA_ERR_OVERLOADED : i % 3 == 1 ? KJA_ERR_CANCELED : KJA_OK);
  CHECK_OK(kja_promise_all_settled(inputs.runtime, NULL, 0, &settled));
  expect_already(settled, KJA_OK);
  inputs_close(&inputs);
}

/* parity: PROM-32 */
static void any_is_the_first_success_and_drops_the_others_before(void) {
  kja_runtime_t runtime = runtime_open();
  count_t gone = {0};
  kja_fulfiller_t fulfiller = 0;
  kja_promise_t promises[4], any = 0;
  promises[0] = failed(runtime, KJA_ERR_FAILED, "forgotten");
  promises[1] = pending_until_gone(runtime, &gone);
  CHECK_OK(kja_fulfiller_new(runtime, &fulfiller, &promises[2]));
  promises[3] = pending_until_gone(runtime, &gone);
  CHECK_OK(kja_promise_any(runtime, promises, 4, &any));
  for (int i = 0; i < 4; i++) CHECK_OK(kja_promise_release(promises[i]));
  let_loop_rest(runtime);
  CHECK_IS(kja_promise_status(any), KJA_ERR_PENDING);
  CHECK_U64(count_get(&gone), 0);
  CHECK_OK(kja_fulfiller_u64(fulfiller, 17));
  CHECK_OK(kja_promise_await(any));
  CHECK_U64(count_get(&gone), 2);
  expect_u64(any, 17);
  CHECK_OK(kja_fulfiller_release(fulfiller));
  runtime_close(runtime);
}

/* parity: PROM-32 */
static void any_of_none_that_succeeds_is_the_last_error_in_time(void) {
  inputs_t inputs;
  kja_promise_t any = 0;
  inputs_open(&inputs);
  CHECK_OK(kja_promise_any(inputs.runtime, inputs.promises, MANY, &any));
  for (int i = 0; i < MANY; i++) {
    int next = (i * 7 + 3) % MANY;
    CHECK_IS(kja_promise_status(any), KJA_ERR_PENDING);
    if (i == MANY - 1) fail(&inputs, next, KJA_ERR_UNIMPLEMENTED, "the last");
    else fail(&inputs, next, KJA_ERR_OVERLOADED, "not the last");
    let_loop_rest(inputs.runtime);
  }
  expect_error_text(any, KJA_ERR_UNIMPLEMENTED, "the last");
  inputs_close(&inputs);
}

/* parity: PROM-32 */
static void any_of_nobody_is_refused(void) {
  kja_runtime_t runtime = runtime_open();
  kja_promise_t any = 1;
  CHECK_IS(kja_promise_any(runtime, NULL, 0, &any), KJA_ERR_INVALID_ARGUMENT);
  CHECK_U64(any, 0);
  runtime_close(runtime);
}

typedef kja_status_t (*combine_fn)(kja_runtime_t, const kja_promise_t *, size_t, kja_promise_t *);
static const combine_fn COMBINE[] = {kja_promise_join, kja_promise_all_settled, kja_promise_any};
enum { COMBINATORS = 3 };

static void inputs_are_borrowed_and_go_with_the_result_when_nobody_else_has_them(void) {
  kja_runtime_t runtime = runtime_open();
  for (int i = 0; i < COMBINATORS; i++) {
    count_t gone = {0};
    kja_promise_t promises[3], out = 0;
    promises[0] = promises[1] = pending_until_gone(runtime, &gone);
    promises[2] = pending_until_gone(runtime, &gone);
    CHECK_OK(COMBINE[i](runtime, promises, 3, &out));
    CHECK_OK(kja_promise_release(promises[2]));
    CHECK_U64(count_get(&gone), 0);
    CHECK_OK(kja_promise_cancel(out));
    CHECK_U64(count_get(&gone), 1);
    expect_already(out, KJA_ERR_CANCELED);
    CHECK_IS(kja_promise_status(promises[0]), KJA_ERR_PENDING);
    CHECK_OK(kja_promise_release(promises[0]));
    CHECK_U64(count_get(&gone), 2);
  }
  runtime_close(runtime);
}

static void an_input_that_is_cancelled_counts_as_an_error(void) {
  const kja_status_t ends[] = {KJA_ERR_CANCELED, KJA_OK, KJA_ERR_CANCELED};
  kja_runtime_t runtime = runtime_open();
  for (int i = 0; i < COMBINATORS; i++) {
    kja_promise_t promise = 0, out = 0;
    CHECK_OK(kja_promise_new_never(runtime, &promise));
    CHECK_OK(COMBINE[i](runtime, &promise, 1, &out));
    CHECK_OK(kja_promise_cancel(promise));
    expect(out, ends[i]);
    CHECK_OK(kja_promise_release(promise));
  }
  runtime_close(runtime);
}

static void shutdown_ends_them(void) {
  for (int i = 0; i < COMBINATORS; i++) {
    kja_runtime_t runtime = runtime_open();
    count_t gone = {0};
    kja_promise_t promise = pending_until_gone(runtime, &gone), out = 0;
    CHECK_OK(COMBINE[i](runtime, &promise, 1, &out));
    CHECK_OK(kja_runtime_shutdown(runtime));
    CHECK_U64(count_get(&gone), 1);
    CHECK_IS(kja_promise_status(out), KJA_ERR_BAD_HANDLE);
    CHECK_IS(COMBINE[i](runtime, NULL, 0, &out), KJA_ERR_SHUTDOWN);
    CHECK_OK(kja_runtime_release(runtime));
  }
}

static void branches_settle_in_order(kja_runtime_t runtime) {
  kja_fulfiller_t fulfiller = 0;
  kja_promise_t promise = 0, branch = 0, then[5];
  record_t record;
  record_init(&record);
  CHECK_OK(kja_fulfiller_new(runtime, &fulfiller, &promise));
  for (int i = 0; i < 5; i++) {
    CHECK_OK(kja_promise_fork(promise, &branch));
    CHECK_OK(kja_promise_then(branch, run_step, step(&record, (char)('a' + i)), NULL, &then[i]));
    CHECK_OK(kja_promise_release(branch));
  }
  CHECK_OK(kja_promise_release(then[2]));
  CHECK_OK(kja_fulfiller_unit(fulfiller));
  for (int i = 0; i < 5; i++)
    if (i != 2) expect(then[i], KJA_OK);
  CHECK_ORDER(&record, "abde");
  CHECK_OK(kja_promise_fork(promise, &branch));
  expect_already(branch, KJA_OK);
  CHECK_OK(kja_promise_release(promise));
  CHECK_OK(kja_fulfiller_release(fulfiller));
  runtime_close(runtime);
}

/* parity: FORK-01 */
static void branches_settle_in_the_order_in_which_they_were_made(void) {
  branches_settle_in_order(runtime_open());
}

/* A wait that is over leaves the loop in the middle of what is queued. */
static void branches_settle_in_order_however_often_the_loop_looks(void) {
  kja_runtime_options_t options = options_of(KJA_RUNTIME_WAIT_SCOPE);
  for (options.turns_per_look = 1; options.turns_per_look < 12; options.turns_per_look++)
    branches_settle_in_order(runtime_with(&options));
}

/* parity: FORK-03 */
static void a_branch_of_a_branch_keeps_the_source(void) {
  kja_runtime_t runtime = runtime_open();
  count_t gone = {0};
  kja_promise_t last = pending_until_gone(runtime, &gone);
  for (int i = 0; i < 100; i++) {
    kja_promise_t branch = 0;
    CHECK_OK(kja_promise_fork(last, &branch));
    CHECK_OK(kja_promise_release(last));
    last = branch;
  }
  let_loop_rest(runtime);
  CHECK_IS(kja_promise_status(last), KJA_ERR_PENDING);
  CHECK_U64(count_get(&gone), 0);
  CHECK_OK(kja_promise_cancel(last));
  CHECK_U64(count_get(&gone), 1);
  expect_already(last, KJA_ERR_CANCELED);
  runtime_close(runtime);
}

enum { THREADS = 4 };
typedef struct part_t {
  inputs_t *inputs;
  int first;
} part_t;
static void *settle_part(void *arg) {
  part_t *part = (part_t *)arg;
  for (int i = part->first; i < MANY; i += THREADS) {
    if (i % 4 == 3) fail(part->inputs, i, KJA_ERR_OVERLOADED, "full");
    else CHECK_OK(kja_fulfiller_u64(part->inputs->fulfillers[i], (uint64_t)i));
  }
  return NULL;
}

/* parity: PROM-30, PROM-32 */
static void threads_settle_the_inputs_at_once(void) {
  for (size_t round = 0, rounds = scaled(300); round < rounds; round++) {
    inputs_t inputs;
    pthread_t threads[THREADS];
    part_t parts[THREADS];
    kja_promise_t out[COMBINATORS];
    uint64_t first = 0;
    inputs_open(&inputs);
    for (int i = 0; i < COMBINATORS; i++) CHECK_OK(COMBINE[i](inputs.runtime, inputs.promises, MANY, &out[i]));
    for (int i = 0; i < THREADS; i++) {
      parts[i].inputs = &inputs;
      parts[i].first = i;
      pthread_create(&threads[i], NULL, settle_part, &parts[i]);
    }
    CHECK_OK(kja_promise_await(out[2]));
    CHECK_OK(kja_promise_u64(out[2], &first));
    CHECK(first < MANY && first % 4 != 3);
    CHECK_IS(kja_promise_await(out[0]), KJA_ERR_OVERLOADED);
    CHECK_OK(kja_promise_await(out[1]));
    for (int i = 0; i < MANY; i++) CHECK(kja_promise_status(inputs.promises[i]) != KJA_ERR_PENDING);
    for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
    for (int i = 0; i < COMBINATORS; i++) CHECK_OK(kja_promise_release(out[i]));
    inputs_close(&inputs);
  }
}

int main(void) {
  RUN_IN_BOTH(join_waits_for_all_and_gives_the_first_error_in_order);
  RUN_IN_BOTH(join_succeeds_when_all_do);
  RUN_IN_BOTH(join_keeps_what_is_pending_after_an_error);
  RUN_IN_BOTH(all_settled_succeeds_however_they_end);
  RUN_IN_BOTH(any_is_the_first_success_and_drops_the_others_before);
  RUN_IN_BOTH(any_of_none_that_succeeds_is_the_last_error_in_time);
  RUN_IN_BOTH(any_of_nobody_is_refused);
  RUN_IN_BOTH(inputs_are_borrowed_and_go_with_the_result_when_nobody_else_has_them);
  RUN_IN_BOTH(an_input_that_is_cancelled_counts_as_an_error);
  RUN_IN_BOTH(shutdown_ends_them);
  RUN_IN_BOTH(branches_settle_in_the_order_in_which_they_were_made);
  RUN(branches_settle_in_order_however_often_the_loop_looks);
  RUN_IN_BOTH(a_branch_of_a_branch_keeps_the_source);
  RUN(threads_settle_the_inputs_at_once);
  return check_done();
}
