/* Code that waits for one promise after another. */
#include "gate.h"
#include "options.h"
#include "record.h"

/* Code that waits for these promises in their order, and notes each time that it runs: `r`, or how its wait ended: `v` a value,
 * `e` an error, `s` a shutdown, `C` that it was cancelled, `x` that there is nothing to wait for any more; at its end `.`.
 * Its context is freed on the loop. */
typedef struct code_t {
  record_t record;
  kja_runtime_t runtime;
  kja_promise_t waits[6];
  uint32_t flags[6];
  size_t at;
  count_t off_loop, destroyed;
  kja_promise_t own; /* cancelled when it first runs, if set */
} code_t;

static void code_run(void *ctx, kja_call_t call) {
  code_t *code = (code_t *)ctx;
  kja_status_t status = kja_call_status(call);
  char letter = code->record.length == 0 ? 'r' : 'v';
  if (status != KJA_OK) letter = status == KJA_ERR_SHUTDOWN ? 's' : 'e';
  if (kja_call_is_canceled(call)) letter = 'C';
  record_add(&code->record, letter);
  if (!kja_runtime_on_loop(code->runtime) && kja_runtime_is_alive(code->runtime)) count_add(&code->off_loop, 1);
  if (code->own) CHECK_OK(kja_promise_cancel(code->own));
  code->own = 0;
  if (code->waits[code->at]) {
    status = kja_call_await(call, code->waits[code->at], code->flags[code->at]);
    code->at++;
    if (status == KJA_OK) return;
    CHECK_IS(status, KJA_ERR_BAD_HANDLE); /* that of a runtime which has been shut down */
    record_add(&code->record, 'x');
  }
  record_add(&code->record, '.');
  CHECK_OK(kja_call_return_u64(call, code->at));
}
static void code_destroy(void *ctx) {
  code_t *code = (code_t *)ctx;
  if (!kja_runtime_on_loop(code->runtime) && kja_runtime_is_alive(code->runtime)) count_add(&code->off_loop, 1);
  count_add(&code->destroyed, 1);
}

static void code_init(code_t *code, kja_runtime_t runtime) {
  memset(code, 0, sizeof *code);
  record_init(&code->record);
  code->runtime = runtime;
}
static void code_waits_for(code_t *code, kja_promise_t promise, uint32_t flags) {
  for (size_t i = 0; i < 6; i++) {
    if (code->waits[i]) continue;
    code->waits[i] = promise;
    code->flags[i] = flags;
    return;
  }
  CHECK(!"room for a wait");
}
static kja_promise_t code_start(code_t *code) {
  kja_promise_t promise = 0;
  CHECK_OK(kja_coroutine_start(code->runtime, 0, 0, code_run, code, code_destroy, &promise));
  return promise;
}
static void code_close(code_t *code, const char *order) {
  let_loop_rest(code->runtime);
  CHECK_ORDER(&code->record, order);
  CHECK_U64(count_get(&code->destroyed), 1);
  CHECK_U64(count_get(&code->off_loop), 0);
  for (size_t i = 0; i < 6; i++)
    if (code->waits[i]) CHECK_OK(kja_promise_release(code->waits[i]));
}

static kja_promise_t never_of(kja_runtime_t runtime) {
  kja_promise_t promise = 0;
  CHECK_OK(kja_promise_new_never(runtime, &promise));
  return promise;
}

/* parity: PROM-33, FIBER-01 */
static void it_waits_for_one_after_another(void) {
  kja_runtime_t runtime = runtime_open();
  kja_promise_t first = 0, second = 0, third = 0;
  code_t code;
  code_init(&code, runtime);
  CHECK_OK(kja_promise_new_unit(runtime, &first));
  CHECK_OK(kja_timer_sleep_start(runtime, MILLISECOND, &second));
  CHECK_OK(kja_promise_new_error(runtime, KJA_ERR_BUSY, 0, "busy", 4, &third));
  code_waits_for(&code, first, 0);
  code_waits_for(&code, second, KJA_AWAIT_SHIELDED);
  code_waits_for(&code, third, 0);
  expect_u64(code_start(&code), 3);
  code_close(&code, "rvve.");
  runtime_close(runtime);
}

static void one_that_has_begun_elsewhere_goes_on(void) {
  kja_runtime_t runtime = runtime_open();
  kja_promise_t unit = 0, promise = 1;
  code_t code;
  code_init(&code, runtime);
  record_add(&code.record, 'r');
  CHECK_OK(kja_promise_new_unit(runtime, &unit));
  CHECK_OK(kja_coroutine_start(runtime, unit, 0, code_run, &code, code_destroy, &promise));
  CHECK_OK(kja_promise_release(unit));
  expect_u64(promise, 0);
  code_close(&code, "rv.");
  /* Cancelled, it hears of that, though no code of it has run here. */
  code_init(&code, runtime);
  record_add(&code.record, 'r');
  unit = never_of(runtime);
  CHECK_OK(kja_coroutine_start(runtime, unit, 0, code_run, &code, code_destroy, &promise));
  CHECK_OK(kja_promise_release(unit));
  CHECK_OK(kja_promise_release(promise));
  code_close(&code, "rC.");
  runtime_close(runtime);
}

/* parity: FIBER-02, PROM-01, CANC-04 */
static void cancelled_it_lets_go_at_once_and_cleans_up(void) {
  kja_runtime_t runtime = runtime_open();
  kja_promise_t never = 0, held = 0, promise = 0;
  count_t ended = {0};
  code_t code;
  code_init(&code, runtime);
  never = never_of(runtime);
  CHECK_OK(kja_promise_attach(never, &ended, count_destroy, &held));
  CHECK_OK(kja_promise_release(never));
  code_waits_for(&code, held, 0);
  code_waits_for(&code, never_of(runtime), 0);
  promise = code_start(&code);
  let_loop_rest(runtime);
  CHECK_OK(kja_promise_release(held)); /* the code is its only holder now */
  code.waits[0] = 0;
  CHECK_U64(count_get(&ended), 0);
  CHECK_OK(kja_promise_cancel(promise));
  CHECK_U64(count_get(&ended), 1);
  expect(promise, KJA_ERR_CANCELED);
  let_loop_rest(runtime);
  CHECK_ORDER(&code.record, "rC");
  /* What it waits for now is for its clean-up, and nobody can drop it. */
  CHECK_OK(kja_promise_cancel(code.waits[1]));
  code_close(&code, "rCe.");
  runtime_close(runtime);
}

static void a_shielded_wait_is_kept(void) {
  kja_runtime_t runtime = runtime_open();
  kja_fulfiller_t fulfiller = 0;
  kja_promise_t shielded = 0, promise = 0;
  code_t code;
  code_init(&code, runtime);
  CHECK_OK(kja_fulfiller_new(runtime, &fulfiller, &shielded));
  code_waits_for(&code, shielded, KJA_AWAIT_SHIELDED);
  code_waits_for(&code, never_of(runtime), 0);
  promise = code_start(&code);
  let_loop_rest(runtime);
  CHECK_OK(kja_promise_cancel(promise));
  expect(promise, KJA_ERR_CANCELED);
  let_loop_rest(runtime);
  CHECK_ORDER(&code.record, "r");
  CHECK_OK(kja_fulfiller_unit(fulfiller));
  CHECK_OK(kja_fulfiller_release(fulfiller));
  code_close(&code, "rvC.");
  runtime_close(runtime);
}

/* parity: PROM-39 */
static void code_may_cancel_itself(void) {
  kja_runtime_t runtime = runtime_open();
  kja_promise_t promise = 0, unit = 0;
  code_t code;
  code_init(&code, runtime);
  CHECK_OK(kja_promise_new_unit(runtime, &unit));
  code_waits_for(&code, unit, 0);
  kja_executor_t executor = 0;
  hold_t hold;
  hold_init(&hold);
  CHECK_OK(kja_runtime_executor(runtime, &executor));
  if (test_mode == KJA_RUNTIME_THREAD) {
    kja_promise_t held = 0;
    CHECK_OK(kja_executor_execute_start(executor, hold_callback, &hold, NULL, &held));
    gate_pass(&hold.begun);
    promise = code_start(&code);
    code.own = promise;
    gate_open(&hold.end);
    expect(held, KJA_OK);
  } else {
    promise = code_start(&code);
    code.own = promise;
  }
  expect(promise, KJA_ERR_CANCELED);
  CHECK_OK(kja_executor_release(executor));
  hold_destroy(&hold);
  code_close(&code, "rC.");
  runtime_close(runtime);
}

static void one_that_has_not_begun_never_runs(void) {
  kja_runtime_t runtime = runtime_open();
  kja_executor_t executor = 0;
  kja_promise_t held = 0;
  hold_t hold;
  code_t code;
  hold_init(&hold);
  code_init(&code, runtime);
  CHECK_OK(kja_runtime_executor(runtime, &executor));
  CHECK_OK(kja_executor_execute_start(executor, hold_callback, &hold, NULL, &held));
  gate_pass(&hold.begun);
  CHECK_OK(kja_promise_release(code_start(&code)));
  CHECK_U64(count_get(&code.destroyed), 0);
  gate_open(&hold.end);
  expect(held, KJA_OK);
  code_close(&code, "");
  CHECK_OK(kja_executor_release(executor));
  hold_destroy(&hold);
  runtime_close(runtime);
}

/* parity: CANC-04 */
static void the_end_of_a_clean_up_can_be_waited_for(void) {
  kja_runtime_t runtime = runtime_open();
  kja_promise_t promise = 0, timed = 0, ended = 0;
  kja_fulfiller_t fulfiller = 0;
  code_t code;
  code_init(&code, runtime);
  code_waits_for(&code, never_of(runtime), 0);
  CHECK_OK(kja_fulfiller_new(runtime, &fulfiller, &code.waits[1]));
  promise = code_start(&code);
  CHECK_OK(kja_promise_timeout(promise, 3600 * SECOND, &timed));
  CHECK_OK(kja_promise_release(promise));
  let_loop_rest(runtime);
  CHECK_OK(kja_promise_cancel_start(timed, &ended));
  expect(timed, KJA_ERR_CANCELED);
  let_loop_rest(runtime);
  CHECK_ORDER(&code.record, "rC");
  CHECK_IS(kja_promise_status(ended), KJA_ERR_PENDING);
  CHECK_OK(kja_fulfiller_unit(fulfiller));
  CHECK_OK(kja_fulfiller_release(fulfiller));
  expect(ended, KJA_OK);
  code_close(&code, "rCv.");
  /* What sets nothing off is over at once. */
  promise = never_of(runtime);
  CHECK_OK(kja_promise_cancel_start(promise, &ended));
  expect_already(ended, KJA_OK);
  expect_already(promise, KJA_ERR_CANCELED);
  runtime_close(runtime);
}

/* The younger one first; whatever they wait for fails. */
/* parity: LOOP-06 */
static void a_shutdown_runs_them_to_their_ends(void) {
  kja_runtime_t runtime = runtime_open();
  code_t older, younger;
  kja_promise_t first = 0, second = 0;
  code_init(&older, runtime);
  code_init(&younger, runtime);
  code_waits_for(&older, never_of(runtime), KJA_AWAIT_SHIELDED);
  code_waits_for(&older, never_of(runtime), 0);
  code_waits_for(&younger, never_of(runtime), 0);
  first = code_start(&older);
  second = code_start(&younger);
  let_loop_rest(runtime);
  CHECK_OK(kja_runtime_shutdown(runtime));
  CHECK_ORDER(&older.record, "rsx.");
  CHECK_ORDER(&younger.record, "rC.");
  CHECK_U64(count_get(&older.destroyed) + count_get(&younger.destroyed), 2);
  CHECK_IS(kja_promise_status(first), KJA_ERR_BAD_HANDLE);
  CHECK_IS(kja_promise_status(second), KJA_ERR_BAD_HANDLE);
  CHECK_IS(kja_coroutine_start(runtime, 0, 0, code_run, &older, code_destroy, &first), KJA_ERR_SHUTDOWN);
  CHECK_U64(count_get(&older.destroyed), 2);
  CHECK_OK(kja_runtime_release(runtime));
}

/* What the code asked for when it failed, so that it can be looked at off the loop. */
typedef struct refused_t {
  kja_status_t flags, handle;
} refused_t;
static void ask_for_the_impossible(void *ctx, kja_call_t call) {
  refused_t *refused = (refused_t *)ctx;
  refused->flags = kja_call_await(call, 0, 2);
  refused->handle = kja_call_await(call, 0, 0);
}

static void what_is_no_wait_is_refused(void) {
  kja_runtime_t runtime = runtime_open();
  kja_promise_t promise = 1;
  count_t destroyed = {0};
  refused_t refused;
  CHECK_IS(kja_coroutine_start(runtime, 0, 4, do_nothing, &destroyed, count_destroy, &promise), KJA_ERR_INVALID_ARGUMENT);
  CHECK_U64(promise, 0);
  CHECK_IS(kja_coroutine_start(runtime, 1, 0, do_nothing, &destroyed, count_destroy, &promise), KJA_ERR_BAD_HANDLE);
  CHECK_IS(kja_coroutine_start(runtime, 0, 0, NULL, &destroyed, count_destroy, &promise), KJA_ERR_INVALID_ARGUMENT);
  CHECK_U64(count_get(&destroyed), 3);
  CHECK_OK(kja_coroutine_start(runtime, 0, 0, ask_for_the_impossible, &refused, NULL, &promise));
  expect(promise, KJA_OK);
  CHECK_IS(refused.flags, KJA_ERR_INVALID_ARGUMENT);
  CHECK_IS(refused.handle, KJA_ERR_BAD_HANDLE);
  runtime_close(runtime);
}

static void await_in_a_callback(void *ctx, kja_call_t call) {
  CHECK(!kja_call_is_canceled(call));
  CHECK_OK(kja_call_await(call, *(kja_promise_t *)ctx, 0));
}

static void in_another_callback_an_await_gives_the_result(void) {
  kja_runtime_t runtime = runtime_open();
  kja_promise_t unit = 0, seven = 0, then = 0;
  CHECK_OK(kja_promise_new_unit(runtime, &unit));
  CHECK_OK(kja_promise_new_u64(runtime, 7, &seven));
  CHECK_OK(kja_promise_then(unit, await_in_a_callback, &seven, NULL, &then));
  expect_u64(then, 7);
  CHECK_OK(kja_promise_release(unit));
  CHECK_OK(kja_promise_release(seven));
  runtime_close(runtime);
}

int main(void) {
  RUN_IN_BOTH(it_waits_for_one_after_another);
  RUN_IN_BOTH(one_that_has_begun_elsewhere_goes_on);
  RUN_IN_BOTH(cancelled_it_lets_go_at_once_and_cleans_up);
  RUN_IN_BOTH(a_shielded_wait_is_kept);
  RUN_IN_BOTH(code_may_cancel_itself);
  RUN_IN_BOTH(the_end_of_a_clean_up_can_be_waited_for);
  RUN(one_that_has_not_begun_never_runs);
  RUN_IN_BOTH(a_shutdown_runs_them_to_their_ends);
  RUN_IN_BOTH(what_is_no_wait_is_refused);
  RUN_IN_BOTH(in_another_callback_an_await_gives_the_result);
  return check_done();
}
