/* A runtime without a thread: it turns inside its owner's calls, and nowhere else. */
#include "gate.h"
#include "loopback.h"

static void count_run(void *ctx, kja_call_t call) {
  (void)call;
  count_add((count_t *)ctx, 1);
}
static void note_thread(void *ctx, kja_call_t call) {
  (void)call;
  *(pthread_t *)ctx = pthread_self();
}

static kja_promise_t then_count(kja_runtime_t runtime, count_t *ran) {
  kja_promise_t unit = 0, then = 0;
  CHECK_OK(kja_promise_new_unit(runtime, &unit));
  CHECK_OK(kja_promise_then(unit, count_run, ran, NULL, &then));
  CHECK_OK(kja_promise_release(unit));
  return then;
}

static void it_has_no_thread_and_runs_on_its_owners(void) {
  unsigned threads = running_threads();
  kja_runtime_t runtime = runtime_open();
  CHECK_U64(running_threads(), threads);
  pthread_t ran_on;
  kja_promise_t unit = 0, then = 0;
  memset(&ran_on, 0, sizeof ran_on);
  CHECK_OK(kja_promise_new_unit(runtime, &unit));
  CHECK_OK(kja_promise_then(unit, note_thread, &ran_on, NULL, &then));
  expect(then, KJA_OK);
  CHECK(pthread_equal(ran_on, pthread_self()));
  CHECK_OK(kja_promise_release(unit));
  CHECK(!kja_runtime_on_loop(runtime));
  runtime_close(runtime);
}

/* parity: LOOP-08, PROM-13 */
static void nothing_runs_before_the_owner_lets_it(void) {
  kja_runtime_t runtime = runtime_open();
  count_t ran = {0};
  uint64_t turns = 0;
  kja_promise_t then[3];
  for (int i = 0; i < 3; i++) then[i] = then_count(runtime, &ran);
  CHECK_U64(count_get(&ran), 0);
  CHECK_OK(kja_runtime_poll(runtime, 0, &turns));
  CHECK(turns > 0);
  CHECK_U64(count_get(&ran), 3);
  for (int i = 0; i < 3; i++) expect_already(then[i], KJA_OK);
  CHECK_OK(kja_runtime_poll(runtime, 0, &turns));
  CHECK_U64(turns, 0);
  runtime_close(runtime);
}

/* parity: LOOP-08, PROM-13 */
static void poll_does_not_block(void) {
  kja_runtime_t runtime = runtime_open();
  uint64_t turns = 0, begin = kja_timer_now_nanos();
  kja_promise_t sleeping = 0;
  CHECK_OK(kja_timer_sleep_start(runtime, 3600 * SECOND, &sleeping));
  CHECK_OK(kja_runtime_poll(runtime, 0, &turns));
  CHECK_IS(kja_promise_status(sleeping), KJA_ERR_PENDING);
  CHECK(kja_timer_now_nanos() - begin < 10 * SECOND);
  CHECK_OK(kja_promise_release(sleeping));
  runtime_close(runtime);
}

static void run_turns_the_loop_for_a_while(void) {
  kja_runtime_t runtime = runtime_open();
  count_t ran = {0};
  uint64_t turns = 0, begin = kja_timer_now_nanos();
  kja_promise_t sleeping = 0, then = 0;
  CHECK_OK(kja_timer_sleep_start(runtime, 10 * MILLISECOND, &sleeping));
  CHECK_OK(kja_promise_then(sleeping, count_run, &ran, NULL, &then));
  CHECK_OK(kja_promise_release(sleeping));
  CHECK_OK(kja_runtime_run(runtime, 50 * MILLISECOND, &turns));
  CHECK(kja_timer_now_nanos() - begin >= 50 * MILLISECOND);
  CHECK_U64(count_get(&ran), 1);
  CHECK(turns > 0);
  expect_already(then, KJA_OK);
  CHECK_OK(kja_runtime_run(runtime, 0, &turns));
  runtime_close(runtime);
}

/* However late the owner's thread comes to it. */
static void what_is_due_by_the_end_of_a_run_is_run(void) {
  kja_runtime_t runtime = runtime_open();
  kja_promise_t sleeping = 0;
  uint64_t begin = kja_timer_now_nanos();
  CHECK_OK(kja_timer_sleep_start(runtime, MILLISECOND, &sleeping));
  while (kja_timer_now_nanos() - begin < 3 * MILLISECOND) sched_yield();
  CHECK_OK(kja_runtime_run(runtime, 0, NULL));
  expect_already(sleeping, KJA_OK);
  runtime_close(runtime);
}

typedef struct stranger_t {
  kja_runtime_t runtime;
  kja_promise_t never;
  kja_fulfiller_t fulfiller;
} stranger_t;

static void *wait_on_another_thread(void *arg) {
  stranger_t *stranger = (stranger_t *)arg;
  uint64_t turns;
  CHECK_IS(kja_promise_await(stranger->never), KJA_ERR_WRONG_THREAD);
  CHECK_IS(kja_promise_await_for(stranger->never, SECOND), KJA_ERR_WRONG_THREAD);
  CHECK_IS(kja_runtime_poll(stranger->runtime, 0, &turns), KJA_ERR_WRONG_THREAD);
  CHECK_IS(kja_runtime_run(stranger->runtime, 1, &turns), KJA_ERR_WRONG_THREAD);
  CHECK_OK(kja_fulfiller_u64(stranger->fulfiller, 8));
  return NULL;
}

/* parity: PROM-12, LOOP-11, LOOP-14 */
static void only_the_owner_may_wait_but_anyone_may_wake_it(void) {
  stranger_t stranger;
  pthread_t thread;
  kja_promise_t promise = 0;
  stranger.runtime = runtime_open();
  CHECK_OK(kja_promise_new_never(stranger.runtime, &stranger.never));
  CHECK_OK(kja_fulfiller_new(stranger.runtime, &stranger.fulfiller, &promise));
  pthread_create(&thread, NULL, wait_on_another_thread, &stranger);
  expect_u64(promise, 8);
  pthread_join(thread, NULL);
  CHECK_OK(kja_fulfiller_release(stranger.fulfiller));
  CHECK_OK(kja_promise_release(stranger.never));
  runtime_close(stranger.runtime);
}

typedef struct caller_t {
  kja_executor_t executor;
  count_t done;
} caller_t;

static void *execute_from_another_thread(void *arg) {
  caller_t *caller = (caller_t *)arg;
  pthread_t ran_on = pthread_self();
  CHECK_OK(kja_executor_execute(caller->executor, note_thread, &ran_on, NULL));
  CHECK(!pthread_equal(ran_on, pthread_self()));
  count_set(&caller->done, 1);
  return NULL;
}

/* parity: LOOP-14 */
static void an_executor_reaches_it_while_its_owner_waits(void) {
  kja_runtime_t runtime = runtime_open();
  caller_t caller = {0, {0}};
  uint64_t turns = 0;
  pthread_t thread;
  CHECK_OK(kja_runtime_executor(runtime, &caller.executor));
  pthread_create(&thread, NULL, execute_from_another_thread, &caller);
  while (!count_get(&caller.done)) CHECK_OK(kja_runtime_run(runtime, 5 * MILLISECOND, &turns));
  pthread_join(thread, NULL);
  CHECK_OK(kja_executor_release(caller.executor));
  runtime_close(runtime);
}

static void wait_inside(void *ctx, kja_call_t call) {
  stranger_t *stranger = (stranger_t *)ctx;
  uint64_t turns;
  (void)call;
  CHECK(kja_runtime_on_loop(stranger->runtime));
  CHECK_IS(kja_promise_await(stranger->never), KJA_ERR_WOULD_DEADLOCK);
  CHECK_IS(kja_runtime_poll(stranger->runtime, 0, &turns), KJA_ERR_WOULD_DEADLOCK);
  CHECK_IS(kja_runtime_run(stranger->runtime, 1, &turns), KJA_ERR_WOULD_DEADLOCK);
}

/* parity: PROM-12, FIBER-07 */
static void waiting_inside_a_callback_is_refused(void) {
  stranger_t stranger;
  kja_promise_t unit = 0, then = 0;
  stranger.runtime = runtime_open();
  CHECK_OK(kja_promise_new_never(stranger.runtime, &stranger.never));
  CHECK_OK(kja_promise_new_unit(stranger.runtime, &unit));
  CHECK_OK(kja_promise_then(unit, wait_inside, &stranger, NULL, &then));
  expect(then, KJA_OK);
  CHECK_OK(kja_promise_release(unit));
  CHECK_OK(kja_promise_release(stranger.never));
  runtime_close(stranger.runtime);
}

/* parity: LOOP-05 */
static void a_thread_may_own_several(void) {
  kja_runtime_t one = runtime_open(), other = runtime_open();
  kja_promise_t in_one = 0, in_other = 0;
  CHECK_OK(kja_timer_sleep_start(one, MILLISECOND, &in_one));
  CHECK_OK(kja_timer_sleep_start(other, MILLISECOND, &in_other));
  expect(in_other, KJA_OK);
  expect(in_one, KJA_OK);
  runtime_close(one);
  runtime_close(other);
}

static void a_threaded_runtime_is_not_driven_from_outside(void) {
  test_mode = KJA_RUNTIME_THREAD;
  kja_runtime_t runtime = runtime_open();
  test_mode = KJA_RUNTIME_WAIT_SCOPE;
  uint64_t turns;
  CHECK(kja_runtime_poll(runtime, 0, &turns) != KJA_OK);
  CHECK(kja_runtime_run(runtime, 1, &turns) != KJA_OK);
  runtime_close(runtime);
}

static void io_is_served_while_the_owner_waits_for_something_else(void) {
  kja_runtime_t runtime = runtime_open();
  pair_t pair = pair_open(runtime);
  count_t ran = {0};
  kja_promise_t reading = read_start(pair.server, 4, 4), then = 0, sleeping = 0;
  CHECK_OK(kja_promise_then(reading, count_run, &ran, NULL, &then));
  CHECK_OK(kja_promise_release(reading));
  write_text(pair.client, "data");
  CHECK_OK(kja_timer_sleep_start(runtime, 50 * MILLISECOND, &sleeping));
  expect(sleeping, KJA_OK);
  CHECK_U64(count_get(&ran), 1);
  expect_already(then, KJA_OK);
  pair_release(pair);
  runtime_close(runtime);
}

static void *settle_later(void *arg) {
  struct timespec moment = {0, 30000000};
  nanosleep(&moment, NULL);
  CHECK_OK(kja_fulfiller_u64(*(kja_fulfiller_t *)arg, 4));
  return NULL;
}

/* parity: LOOP-01, PROM-12 */
static void with_nothing_queued_and_nothing_to_come_it_waits_for_others(void) {
  kja_runtime_t runtime = runtime_open();
  kja_fulfiller_t fulfiller = 0;
  kja_promise_t promise = 0;
  pthread_t thread;
  CHECK_OK(kja_fulfiller_new(runtime, &fulfiller, &promise));
  CHECK(!kja_runtime_is_runnable(runtime));
  uint64_t begin = kja_timer_now_nanos();
  CHECK_IS(kja_promise_await_for(promise, 10 * MILLISECOND), KJA_ERR_TIMED_OUT);
  CHECK(kja_timer_now_nanos() - begin >= 10 * MILLISECOND);
  pthread_create(&thread, NULL, settle_later, &fulfiller);
  expect_u64(promise, 4);
  pthread_join(thread, NULL);
  CHECK_OK(kja_fulfiller_release(fulfiller));
  runtime_close(runtime);
}

int main(void) {
  test_mode = KJA_RUNTIME_WAIT_SCOPE;
  RUN(it_has_no_thread_and_runs_on_its_owners);
  RUN(nothing_runs_before_the_owner_lets_it);
  RUN(poll_does_not_block);
  RUN(run_turns_the_loop_for_a_while);
  RUN(what_is_due_by_the_end_of_a_run_is_run);
  RUN(only_the_owner_may_wait_but_anyone_may_wake_it);
  RUN(an_executor_reaches_it_while_its_owner_waits);
  RUN(waiting_inside_a_callback_is_refused);
  RUN(a_thread_may_own_several);
  RUN(a_threaded_runtime_is_not_driven_from_outside);
  RUN(io_is_served_while_the_owner_waits_for_something_else);
  RUN(with_nothing_queued_and_nothing_to_come_it_waits_for_others);
  return check_done();
}
