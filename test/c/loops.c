/* Promises between two loops: what a loop builds on another's promise is its own. */
#include "gate.h"
#include "options.h"

/* Loop A builds on promises of loop B, which has a thread of its own. */
typedef struct loops_t {
  kja_runtime_t a, b;
  kja_promise_t input, built;
  int how, on_a, on_b;
  count_t ran;
} loops_t;

static loops_t loops_open(void) {
  loops_t loops;
  memset(&loops, 0, sizeof loops);
  kja_runtime_options_t with_thread = options_of(KJA_RUNTIME_THREAD);
  loops.a = runtime_open();
  loops.b = runtime_with(&with_thread);
  return loops;
}
static void loops_close(loops_t *loops) {
  runtime_close(loops->a);
  runtime_close(loops->b);
}

static void note_loop(void *ctx, kja_call_t call) {
  loops_t *loops = (loops_t *)ctx;
  (void)call;
  loops->on_a = kja_runtime_on_loop(loops->a);
  loops->on_b = kja_runtime_on_loop(loops->b);
  count_add(&loops->ran, 1);
}
static void expect_run_on_a(loops_t *loops) {
  CHECK_U64(count_get(&loops->ran), 1);
  CHECK(loops->on_a);
  CHECK(!loops->on_b);
  count_set(&loops->ran, 0);
  loops->on_a = loops->on_b = 0;
}

enum { THEN, CATCH, BOTH, FINALLY, FORK, ATTACH, TIMEOUT, DEADLINE, CANCELER, WAYS };
static int fails(int how) {
  return how == CATCH;
}

/* The promise that something is built on, or what was built on it. */
static kja_promise_t build(loops_t *loops, kja_promise_t input) {
  kja_promise_t built = 0;
  kja_canceler_t canceler = 0;
  switch (loops->how) {
  case THEN: CHECK_OK(kja_promise_then(input, do_nothing, NULL, NULL, &built)); break;
  case CATCH: CHECK_OK(kja_promise_catch(input, do_nothing, NULL, NULL, &built)); break;
  case BOTH: CHECK_OK(kja_promise_handle_both(input, do_nothing, NULL, NULL, &built)); break;
  case FINALLY: CHECK_OK(kja_promise_finally(input, do_nothing, NULL, NULL, &built)); break;
  case FORK: CHECK_OK(kja_promise_fork(input, &built)); break;
  case ATTACH: CHECK_OK(kja_promise_attach(input, NULL, NULL, &built)); break;
  case TIMEOUT: CHECK_OK(kja_promise_timeout(input, 3600 * SECOND, &built)); break;
  case DEADLINE: CHECK_OK(kja_promise_deadline(input, UINT64_MAX, &built)); break;
  case CANCELER:
    CHECK_OK(kja_canceler_new(loops->a, &canceler));
    CHECK_OK(kja_canceler_wrap(canceler, input, &built));
    CHECK_OK(kja_canceler_forget(canceler));
    CHECK_OK(kja_canceler_release(canceler));
    break;
  }
  return built;
}
static void build_in_callback(void *ctx, kja_call_t call) {
  loops_t *loops = (loops_t *)ctx;
  (void)call;
  loops->built = build(loops, loops->input);
}

static void continue_in_callback(void *ctx, kja_call_t call) {
  loops_t *loops = (loops_t *)ctx;
  kja_promise_t input = loops->input;
  (void)call;
  switch (loops->how) {
  case THEN: CHECK_OK(kja_promise_then(input, note_loop, loops, NULL, &loops->built)); return;
  case CATCH: CHECK_OK(kja_promise_catch(input, note_loop, loops, NULL, &loops->built)); return;
  case BOTH: CHECK_OK(kja_promise_handle_both(input, note_loop, loops, NULL, &loops->built)); return;
  case FINALLY: CHECK_OK(kja_promise_finally(input, note_loop, loops, NULL, &loops->built)); return;
  default: {
    kja_promise_t between = build(loops, input);
    CHECK_OK(kja_promise_then(between, note_loop, loops, NULL, &loops->built));
    CHECK_OK(kja_promise_release(between));
  }
  }
}

/* parity: PROM-05 */
static void a_continuation_runs_on_the_loop_that_builds_it(void) {
  for (int how = 0; how < WAYS; how++) {
    for (int settled_before = 0; settled_before < 2; settled_before++) {
      loops_t loops = loops_open();
      kja_fulfiller_t fulfiller = 0;
      loops.how = how;
      CHECK_OK(kja_fulfiller_new(loops.b, &fulfiller, &loops.input));
      for (int step = 0; step < 2; step++) {
        if (step != settled_before) run_on_loop(loops.a, continue_in_callback, &loops);
        else if (fails(how)) CHECK_OK(kja_fulfiller_error(fulfiller, KJA_ERR_FAILED, 0, NULL, 0));
        else CHECK_OK(kja_fulfiller_unit(fulfiller));
      }
      expect(loops.built, KJA_OK);
      expect_run_on_a(&loops);
      CHECK_OK(kja_fulfiller_release(fulfiller));
      CHECK_OK(kja_promise_release(loops.input));
      loops_close(&loops);
    }
  }
}

/* Also if that thread owns a wait scope: between its calls it is inside no loop. */
static void off_every_loop_it_runs_where_its_input_belongs(void) {
  loops_t loops = loops_open();
  loops.input = sleep_start(loops.b, MILLISECOND);
  CHECK_OK(kja_promise_then(loops.input, note_loop, &loops, NULL, &loops.built));
  CHECK_OK(kja_promise_release(loops.input));
  expect(loops.built, KJA_OK);
  CHECK(loops.on_b && !loops.on_a);
  loops_close(&loops);
}

/* What a loop is named for is there: a race of one brings a promise over. */
static void a_race_of_one_brings_a_promise_to_a_loop(void) {
  loops_t loops = loops_open();
  kja_promise_t over = 0;
  loops.input = sleep_start(loops.b, MILLISECOND);
  CHECK_OK(kja_promise_race(loops.a, &loops.input, 1, &over));
  CHECK_OK(kja_promise_release(loops.input));
  CHECK_OK(kja_promise_then(over, note_loop, &loops, NULL, &loops.built));
  CHECK_OK(kja_promise_release(over));
  expect(loops.built, KJA_OK);
  expect_run_on_a(&loops);
  loops_close(&loops);
}

static void return_input(void *ctx, kja_call_t call) {
  CHECK_OK(kja_call_return_promise(call, ((loops_t *)ctx)->input));
}
/* parity: PROM-07, EXEC-04 */
static void a_returned_promise_of_another_loop_is_waited_for(void) {
  loops_t loops = loops_open();
  kja_promise_t unit = 0, outer = 0;
  loops.input = sleep_start(loops.b, MILLISECOND);
  CHECK_OK(kja_promise_new_unit(loops.a, &unit));
  CHECK_OK(kja_promise_then(unit, return_input, &loops, NULL, &outer));
  CHECK_OK(kja_promise_release(unit));
  CHECK_OK(kja_promise_then(outer, note_loop, &loops, NULL, &loops.built));
  CHECK_OK(kja_promise_release(outer));
  expect(loops.built, KJA_OK);
  expect_run_on_a(&loops);
  loops_close(&loops);
}

/* parity: FULF-08 */
static void a_fulfiller_may_be_given_a_promise_of_another_loop(void) {
  loops_t loops = loops_open();
  kja_fulfiller_t fulfiller = 0;
  kja_promise_t promise = 0;
  CHECK_OK(kja_fulfiller_new(loops.a, &fulfiller, &promise));
  CHECK_OK(kja_promise_then(promise, note_loop, &loops, NULL, &loops.built));
  CHECK_OK(kja_promise_release(promise));
  CHECK_OK(kja_fulfiller_promise(fulfiller, sleep_start(loops.b, MILLISECOND)));
  CHECK_OK(kja_fulfiller_release(fulfiller));
  expect(loops.built, KJA_OK);
  expect_run_on_a(&loops);
  loops_close(&loops);
}

static void add_to_set(void *ctx, kja_call_t call) {
  loops_t *loops = (loops_t *)ctx;
  (void)call;
  CHECK_OK(kja_task_set_add(loops->built, loops->input));
}
/* parity: TASK-02 */
static void a_task_set_hears_of_errors_on_its_own_loop(void) {
  for (int from_b = 0; from_b < 2; from_b++) {
    loops_t loops = loops_open();
    kja_promise_t empty = 0;
    /* A scope's task set can be used by its owner only. */
    if (from_b && test_mode == KJA_RUNTIME_WAIT_SCOPE) {
      loops_close(&loops);
      break;
    }
    loops.input = failed(loops.b, KJA_ERR_FAILED, "as asked");
    CHECK_OK(kja_task_set_new(loops.a, 0, note_loop, &loops, NULL, &loops.built));
    if (from_b) run_on_loop(loops.b, add_to_set, &loops);
    else CHECK_OK(kja_task_set_add(loops.built, loops.input));
    CHECK_OK(kja_task_set_on_empty_start(loops.built, &empty));
    expect(empty, KJA_OK);
    expect_run_on_a(&loops);
    CHECK_OK(kja_task_set_release(loops.built));
    loops_close(&loops);
  }
}

static void first_fails(void *ctx, kja_call_t call) {
  loops_t *loops = (loops_t *)ctx;
  note_loop(ctx, call);
  CHECK_OK(kja_call_return_promise(call, count_get(&loops->ran) == 1
                                             ? failed(loops->b, KJA_ERR_DISCONNECTED, "as asked")
                                             : sleep_start(loops->b, MILLISECOND)));
}
/* parity: PROM-29 */
static void attempts_may_return_promises_of_another_loop(void) {
  loops_t loops = loops_open();
  CHECK_OK(kja_promise_retry_start(loops.a, first_fails, &loops, NULL, NULL, &loops.built));
  expect(loops.built, KJA_OK);
  CHECK_U64(count_get(&loops.ran), 2);
  CHECK(loops.on_a && !loops.on_b);
  loops_close(&loops);
}

/* Each wait is on B, each callback on A, one at a time. */
static void wait_on_b(void *ctx, kja_call_t call) {
  loops_t *loops = (loops_t *)ctx;
  CHECK(kja_runtime_on_loop(loops->a) && !kja_runtime_on_loop(loops->b));
  count_add(&loops->ran, 1);
  CHECK_OK(kja_call_return_promise(call, sleep_start(loops->b, MILLISECOND)));
}
static void a_sequence_waits_for_promises_of_another_loop(void) {
  loops_t loops = loops_open();
  kja_connection_t reader = 0, writer = 0;
  kja_promise_t reading = 0, written = 0;
  CHECK_OK(kja_pipe_new_one_way(loops.a, UINT64_MAX, &reader, &writer));
  CHECK_OK(kja_connection_read_each_start(reader, 1, 1, wait_on_b, &loops, NULL, &reading));
  CHECK_OK(kja_connection_write_start(writer, "abcde", 5, &written));
  expect(written, KJA_OK);
  CHECK_OK(kja_connection_release(writer));
  expect(reading, KJA_OK);
  CHECK_U64(count_get(&loops.ran), 5);
  CHECK_OK(kja_connection_release(reader));
  loops_close(&loops);
}

/* What A has built belongs to A: when B ends it fails and keeps its handle. */
static void when_the_other_loop_ends_what_was_built_fails(void) {
  for (int how = 0; how < WAYS; how++) {
    loops_t loops = loops_open();
    loops.how = how;
    CHECK_OK(kja_promise_new_never(loops.b, &loops.input));
    run_on_loop(loops.a, build_in_callback, &loops);
    CHECK_IS(kja_promise_status(loops.built), KJA_ERR_PENDING);
    CHECK_OK(kja_runtime_shutdown(loops.b));
    CHECK_IS(kja_promise_status(loops.input), KJA_ERR_BAD_HANDLE);
    /* The handlers recover. */
    expect(loops.built, how == CATCH || how == BOTH ? KJA_OK : KJA_ERR_SHUTDOWN);
    loops_close(&loops);
  }
}

/* When A ends it goes, and what it was built on does not. */
static void when_the_building_loop_ends_its_input_goes_on(void) {
  for (int how = 0; how < WAYS; how++) {
    loops_t loops = loops_open();
    loops.how = how;
    CHECK_OK(kja_promise_new_never(loops.b, &loops.input));
    run_on_loop(loops.a, build_in_callback, &loops);
    CHECK(kja_promise_has_branches(loops.input));
    CHECK_OK(kja_runtime_shutdown(loops.a));
    CHECK_IS(kja_promise_status(loops.built), KJA_ERR_BAD_HANDLE);
    CHECK(!kja_promise_has_branches(loops.input));
    CHECK_IS(kja_promise_status(loops.input), KJA_ERR_PENDING);
    CHECK_OK(kja_promise_release(loops.input));
    loops_close(&loops);
  }
}

static void release_built(void *ctx, kja_call_t call) {
  loops_t *loops = (loops_t *)ctx;
  (void)call;
  CHECK_OK(kja_promise_release(loops->built));
  CHECK(!kja_promise_has_branches(loops->input));
}
/* A `finally` that A has built runs on A, though B's code drops it. */
static void a_finally_runs_on_its_own_loop_wherever_it_is_released(void) {
  loops_t loops = loops_open();
  loops.how = FINALLY;
  CHECK_OK(kja_promise_new_never(loops.b, &loops.input));
  run_on_loop(loops.a, continue_in_callback, &loops);
  run_on_loop(loops.b, release_built, &loops);
  let_loop_catch_up(loops.a);
  expect_run_on_a(&loops);
  CHECK_OK(kja_promise_release(loops.input));
  loops_close(&loops);
}

/* parity: TIME-06 */
static void a_timeout_goes_by_the_clock_of_its_own_loop(void) {
  loops_t loops = loops_open();
  loops.how = TIMEOUT;
  runtime_close(loops.a);
  loops.a = virtual_open();
  CHECK_OK(kja_promise_new_never(loops.b, &loops.input));
  run_on_loop(loops.a, build_in_callback, &loops);
  CHECK_OK(kja_timer_advance(loops.a, 3600 * SECOND - 1));
  CHECK_IS(kja_promise_status(loops.built), KJA_ERR_PENDING);
  CHECK_OK(kja_timer_advance(loops.a, 1));
  expect(loops.built, KJA_ERR_TIMED_OUT);
  CHECK_OK(kja_promise_release(loops.input));
  loops_close(&loops);
}

static void a_promise_tells_whose_it_is(void) {
  loops_t loops = loops_open();
  CHECK_OK(kja_promise_new_never(loops.b, &loops.input));
  CHECK(kja_promise_belongs_to(loops.input, loops.b));
  CHECK(!kja_promise_belongs_to(loops.input, loops.a));
  loops.how = FORK;
  run_on_loop(loops.a, build_in_callback, &loops);
  CHECK(kja_promise_belongs_to(loops.built, loops.a));
  CHECK(!kja_promise_belongs_to(loops.built, loops.b));
  CHECK(!kja_promise_belongs_to(0, loops.b));
  CHECK(!kja_promise_belongs_to(loops.input, loops.input));
  CHECK_OK(kja_promise_release(loops.built));
  CHECK_OK(kja_promise_release(loops.input));
  loops_close(&loops);
}

int main(void) {
  RUN_IN_BOTH(a_promise_tells_whose_it_is);
  RUN_IN_BOTH(a_continuation_runs_on_the_loop_that_builds_it);
  RUN_IN_BOTH(off_every_loop_it_runs_where_its_input_belongs);
  RUN_IN_BOTH(a_race_of_one_brings_a_promise_to_a_loop);
  RUN_IN_BOTH(a_returned_promise_of_another_loop_is_waited_for);
  RUN_IN_BOTH(a_fulfiller_may_be_given_a_promise_of_another_loop);
  RUN_IN_BOTH(a_task_set_hears_of_errors_on_its_own_loop);
  RUN_IN_BOTH(attempts_may_return_promises_of_another_loop);
  RUN_IN_BOTH(a_sequence_waits_for_promises_of_another_loop);
  RUN_IN_BOTH(when_the_other_loop_ends_what_was_built_fails);
  RUN_IN_BOTH(when_the_building_loop_ends_its_input_goes_on);
  RUN_IN_BOTH(a_finally_runs_on_its_own_loop_wherever_it_is_released);
  RUN_IN_BOTH(a_timeout_goes_by_the_clock_of_its_own_loop);
  return check_done();
}
