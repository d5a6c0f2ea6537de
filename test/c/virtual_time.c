/* Virtual time: a clock that moves when it is told to, and the clocks of the system. */
#include "gate.h"
#include "options.h"
#include "record.h"

static uint64_t now(kja_runtime_t runtime) {
  uint64_t time = UINT64_MAX;
  CHECK_OK(kja_timer_now(runtime, &time));
  return time;
}
static uint64_t next_timer(kja_runtime_t runtime) {
  uint64_t next = 0;
  CHECK_OK(kja_timer_next(runtime, &next));
  return next;
}
static kja_promise_t sleep_until(kja_runtime_t runtime, uint64_t time) {
  kja_promise_t sleeping = 0;
  CHECK_OK(kja_timer_sleep_until_start(runtime, time, &sleeping));
  return sleeping;
}
/* Marks the record when the promise settles; the promise is consumed. */
static void mark_when_settled(kja_promise_t promise, record_t *record, char letter) {
  kja_promise_t then = 0;
  CHECK_OK(kja_promise_then(promise, run_step, step(record, letter), NULL, &then));
  CHECK_OK(kja_promise_release(promise));
  CHECK_OK(kja_promise_detach(then, NULL, NULL, NULL));
}

/* parity: TIME-06, TIME-01, LLIO-13 */
static void time_begins_at_zero_and_stands_still(void) {
  struct timespec moment = {0, 5000000};
  kja_runtime_t runtime = virtual_open();
  CHECK_U64(now(runtime), 0);
  kja_promise_t soon = sleep_start(runtime, 1);
  nanosleep(&moment, NULL);
  let_loop_rest(runtime);
  CHECK_U64(now(runtime), 0);
  CHECK_IS(kja_promise_status(soon), KJA_ERR_PENDING);
  let_time_pass(runtime, 1);
  CHECK_U64(now(runtime), 1);
  expect_already(soon, KJA_OK);
  CHECK_OK(kja_timer_advance(runtime, 0));
  CHECK_U64(now(runtime), 1);
  runtime_close(runtime);
}

/* parity: TIME-03, TIME-06 */
static void a_timer_is_neither_early_nor_late(void) {
  kja_runtime_t runtime = virtual_open();
  let_time_pass(runtime, 1000);
  kja_promise_t sleeping = sleep_start(runtime, 100), until = sleep_until(runtime, 1100);
  let_time_pass(runtime, 99);
  CHECK_IS(kja_promise_status(sleeping), KJA_ERR_PENDING);
  CHECK_IS(kja_promise_status(until), KJA_ERR_PENDING);
  let_time_pass(runtime, 1);
  expect_already(sleeping, KJA_OK);
  expect_already(until, KJA_OK);
  runtime_close(runtime);
}

/* parity: TIME-02 */
static void what_has_passed_is_due_at_once(void) {
  kja_runtime_t runtime = virtual_open();
  let_time_pass(runtime, 10);
  expect_already(sleep_until(runtime, 10), KJA_OK);
  expect_already(sleep_until(runtime, 0), KJA_OK);
  expect_already(sleep_start(runtime, 0), KJA_OK);
  CHECK_U64(next_timer(runtime), UINT64_MAX);
  runtime_close(runtime);
}

/* parity: TIME-02 */
static void timers_fire_by_time_and_then_by_age(void) {
  kja_runtime_t runtime = virtual_open();
  record_t record;
  record_init(&record);
  mark_when_settled(sleep_start(runtime, 30), &record, 'e');
  mark_when_settled(sleep_start(runtime, 20), &record, 'b');
  mark_when_settled(sleep_until(runtime, 20), &record, 'c');
  mark_when_settled(sleep_start(runtime, 10), &record, 'a');
  mark_when_settled(sleep_start(runtime, 20), &record, 'd');
  mark_when_settled(sleep_start(runtime, 31), &record, 'x');
  let_time_pass(runtime, 30);
  CHECK_ORDER(&record, "abcde");
  runtime_close(runtime);
}

/* parity: TIME-07, TIME-08 */
static void the_next_timer_is_known_and_how_long_it_takes(void) {
  kja_runtime_t runtime = virtual_open();
  uint64_t left = 0;
  CHECK_U64(next_timer(runtime), UINT64_MAX);
  CHECK_OK(kja_timer_timeout_to_next(runtime, 1, 77, &left));
  CHECK_U64(left, 77);
  let_time_pass(runtime, 500);
  kja_promise_t late = sleep_start(runtime, 3001), early = sleep_start(runtime, 2001);
  CHECK_U64(next_timer(runtime), 2501);
  const uint64_t cases[][3] = {{1, 5000, 2001}, {1000, 5000, 3}, {1000, 2, 2}, {2001, 9, 1}, {2000, 9, 2}, {1, 0, 0},
                               {UINT64_MAX, 9, 1}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    CHECK_OK(kja_timer_timeout_to_next(runtime, cases[i][0], cases[i][1], &left));
    CHECK_U64(left, cases[i][2]);
  }
  CHECK_IS(kja_timer_timeout_to_next(runtime, 0, 9, &left), KJA_ERR_INVALID_ARGUMENT);
  CHECK_OK(kja_promise_release(early));
  CHECK_U64(next_timer(runtime), 3501);
  CHECK_OK(kja_promise_cancel(late));
  CHECK_U64(next_timer(runtime), UINT64_MAX);
  expect_already(late, KJA_ERR_CANCELED);
  runtime_close(runtime);
}

/* parity: TIME-05, TIME-07 */
static void a_cancelled_timer_never_fires(void) {
  kja_runtime_t runtime = virtual_open();
  record_t record;
  kja_promise_t sleeping = sleep_start(runtime, 10), then = 0;
  record_init(&record);
  CHECK_OK(kja_promise_then(sleeping, run_step, step(&record, 'a'), destroy_step, &then));
  CHECK_OK(kja_promise_release(sleeping));
  CHECK_OK(kja_promise_release(then));
  CHECK_ORDER(&record, "A");
  let_time_pass(runtime, 100);
  CHECK_ORDER(&record, "A");
  runtime_close(runtime);
}

/* What a callback sees of the time, and a timer that it starts. */
typedef struct ticker_t {
  kja_runtime_t runtime;
  uint64_t left, seen[8];
} ticker_t;
static void tick(void *ctx, kja_call_t call) {
  ticker_t *ticker = (ticker_t *)ctx;
  kja_promise_t sleeping = 0, then = 0;
  (void)call;
  ticker->seen[8 - ticker->left] = now(ticker->runtime);
  if (--ticker->left == 0) return;
  sleeping = sleep_start(ticker->runtime, 10);
  CHECK_OK(kja_promise_then(sleeping, tick, ticker, NULL, &then));
  CHECK_OK(kja_promise_release(sleeping));
  CHECK_OK(kja_promise_detach(then, NULL, NULL, NULL));
}

/* One advance is as good as eight: the timers on the way fire in their own time. */
/* parity: TIME-06 */
static void a_wait_scope_stops_at_each_timer_on_the_way(void) {
  ticker_t ticker;
  memset(&ticker, 0, sizeof ticker);
  ticker.runtime = virtual_open();
  ticker.left = 8;
  run_on_loop(ticker.runtime, tick, &ticker);
  CHECK_OK(kja_timer_advance(ticker.runtime, 75));
  CHECK_U64(ticker.left, 0);
  for (uint64_t i = 0; i < 8; i++) CHECK_U64(ticker.seen[i], i * 10);
  CHECK_U64(now(ticker.runtime), 75);
  runtime_close(ticker.runtime);
}

/* parity: LOOP-11, TIME-06 */
static void to_run_a_wait_scope_is_to_advance_it(void) {
  ticker_t ticker;
  uint64_t turns = 0, begin = kja_timer_now_nanos();
  memset(&ticker, 0, sizeof ticker);
  ticker.runtime = virtual_open();
  ticker.left = 8;
  run_on_loop(ticker.runtime, tick, &ticker);
  CHECK_OK(kja_runtime_run(ticker.runtime, 3600 * SECOND, &turns));
  CHECK(turns >= 7);
  CHECK_U64(ticker.seen[7], 70);
  CHECK_U64(now(ticker.runtime), 3600 * SECOND);
  CHECK(kja_timer_now_nanos() - begin < 60 * SECOND);
  runtime_close(ticker.runtime);
}

static void advance_from_inside(void *ctx, kja_call_t call) {
  kja_runtime_t runtime = *(kja_runtime_t *)ctx;
  (void)call;
  CHECK_OK(kja_timer_advance(runtime, 50));
  CHECK_U64(now(runtime), 50);
}

static void a_callback_may_move_time_on(void) {
  kja_runtime_t runtime = virtual_open();
  kja_promise_t sleeping = sleep_start(runtime, 50);
  run_on_loop(runtime, advance_from_inside, &runtime);
  expect(sleeping, KJA_OK);
  CHECK_U64(now(runtime), 50);
  runtime_close(runtime);
}

/* parity: TIME-04 */
static void timeouts_and_deadlines_go_by_virtual_time(void) {
  kja_runtime_t runtime = virtual_open();
  count_t gone = {0};
  kja_promise_t slow = pending_until_gone(runtime, &gone), timeout = 0, deadline = 0, quick = sleep_start(runtime, 1099);
  kja_promise_t in_time = 0;
  let_time_pass(runtime, 100);
  CHECK_OK(kja_promise_timeout(slow, 1000, &timeout));
  CHECK_OK(kja_promise_deadline(slow, 1100, &deadline));
  CHECK_OK(kja_promise_deadline(quick, 1100, &in_time));
  CHECK_OK(kja_promise_release(slow));
  CHECK_OK(kja_promise_release(quick));
  let_time_pass(runtime, 999);
  CHECK_IS(kja_promise_status(timeout), KJA_ERR_PENDING);
  CHECK_IS(kja_promise_status(deadline), KJA_ERR_PENDING);
  expect_already(in_time, KJA_OK);
  let_time_pass(runtime, 1);
  expect_already(timeout, KJA_ERR_TIMED_OUT);
  expect_already(deadline, KJA_ERR_TIMED_OUT);
  CHECK_U64(count_get(&gone), 1);
  CHECK_U64(next_timer(runtime), UINT64_MAX);
  runtime_close(runtime);
}

/* parity: TIME-04 */
static void a_deadline_that_has_passed_lets_only_what_is_settled_through(void) {
  kja_runtime_t runtime = virtual_open();
  kja_promise_t promise = 0, out = 0;
  let_time_pass(runtime, 100);
  CHECK_OK(kja_promise_new_u64(runtime, 3, &promise));
  CHECK_OK(kja_promise_deadline(promise, 50, &out));
  expect_u64(out, 3);
  CHECK_OK(kja_promise_release(promise));
  CHECK_OK(kja_promise_new_never(runtime, &promise));
  CHECK_OK(kja_promise_deadline(promise, 50, &out));
  expect(out, KJA_ERR_TIMED_OUT);
  CHECK_IS(kja_promise_status(promise), KJA_ERR_PENDING);
  CHECK_OK(kja_promise_deadline(promise, UINT64_MAX, &out));
  CHECK_OK(kja_promise_cancel(promise));
  expect(out, KJA_ERR_CANCELED);
  CHECK_OK(kja_promise_release(promise));
  runtime_close(runtime);
}

static void time_does_not_wrap(void) {
  kja_runtime_t runtime = virtual_open();
  let_time_pass(runtime, UINT64_MAX - 10);
  CHECK_U64(now(runtime), UINT64_MAX - 10);
  kja_promise_t sleeping = sleep_start(runtime, 100);
  CHECK_IS(kja_promise_status(sleeping), KJA_ERR_PENDING);
  let_time_pass(runtime, UINT64_MAX);
  CHECK_U64(now(runtime), UINT64_MAX);
  expect(sleeping, KJA_OK);
  runtime_close(runtime);
}

static void real_time_is_not_moved(void) {
  kja_runtime_t runtime = runtime_open();
  uint64_t before = kja_timer_now_nanos(), time = now(runtime);
  CHECK(time >= before && time <= kja_timer_now_nanos());
  CHECK_IS(kja_timer_advance(runtime, 1), KJA_ERR_INVALID_ARGUMENT);
  runtime_close(runtime);
}

static void flags_that_are_none_are_refused(void) {
  const uint32_t bad[] = {2, 3, 0x80000000};
  count_t destroyed = {0};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    kja_runtime_options_t options = options_of(test_mode);
    kja_runtime_t runtime = 1;
    options.flags = bad[i];
    options.ctx = &destroyed;
    options.destroy = count_destroy;
    CHECK_IS(kja_runtime_new(&options, &runtime), KJA_ERR_INVALID_ARGUMENT);
    CHECK_U64(runtime, 0);
    CHECK_U64(count_get(&destroyed), i + 1);
  }
}

static void a_runtime_that_has_ended_does_not_advance(void) {
  kja_runtime_t runtime = virtual_open();
  kja_promise_t sleeping = sleep_start(runtime, 10);
  CHECK_OK(kja_runtime_shutdown(runtime));
  CHECK_IS(kja_promise_status(sleeping), KJA_ERR_BAD_HANDLE);
  CHECK_IS(kja_timer_advance(runtime, 10), KJA_ERR_SHUTDOWN);
  CHECK_U64(next_timer(runtime), UINT64_MAX);
  CHECK_OK(kja_runtime_release(runtime));
}

static void *advance_elsewhere(void *arg) {
  kja_runtime_t runtime = *(kja_runtime_t *)arg;
  CHECK_IS(kja_timer_advance(runtime, 10), KJA_ERR_WRONG_THREAD);
  CHECK_U64(now(runtime), 0);
  CHECK_U64(next_timer(runtime), 10);
  return NULL;
}

static void only_its_owner_advances_a_wait_scope(void) {
  kja_runtime_t runtime = virtual_open();
  kja_promise_t sleeping = sleep_start(runtime, 10);
  pthread_t thread;
  pthread_create(&thread, NULL, advance_elsewhere, &runtime);
  pthread_join(thread, NULL);
  CHECK_IS(kja_promise_status(sleeping), KJA_ERR_PENDING);
  CHECK_OK(kja_promise_release(sleeping));
  runtime_close(runtime);
}

enum { THREADS = 4 };
static void *advance_bit_by_bit(void *arg) {
  for (int i = 0; i < 1000; i++) CHECK_OK(kja_timer_advance(*(kja_runtime_t *)arg, 1));
  return NULL;
}

/* The loop sleeps, or is about to, whenever the clock is moved under it. */
static void threads_advance_a_loop_and_no_timer_is_missed(void) {
  kja_runtime_t runtime = virtual_open();
  pthread_t threads[THREADS];
  for (size_t round = 1, rounds = scaled(10); round <= rounds; round++) {
    uint64_t begin = now(runtime);
    kja_promise_t sleeping[10];
    for (uint64_t i = 0; i < 10; i++) sleeping[i] = sleep_until(runtime, begin + 1 + i * 90);
    for (int i = 0; i < THREADS; i++) pthread_create(&threads[i], NULL, advance_bit_by_bit, &runtime);
    for (int i = 0; i < 10; i++) expect(sleeping[i], KJA_OK);
    for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
  }
  runtime_close(runtime);
}

/* parity: TIME-10 */
static void the_clocks_of_the_system_can_be_read(void) {
  uint64_t precise = 0, coarse = 0, calendar = 0, calendar_coarse = 0, before = kja_timer_now_nanos();
  CHECK_OK(kja_clock_now_nanos(KJA_CLOCK_MONOTONIC, &precise));
  CHECK(precise >= before && precise <= kja_timer_now_nanos());
  CHECK_OK(kja_clock_now_nanos(KJA_CLOCK_MONOTONIC_COARSE, &coarse));
  CHECK(coarse <= kja_timer_now_nanos() && coarse + SECOND > before);
  uint64_t seconds = (uint64_t)time(NULL);
  CHECK_OK(kja_clock_now_nanos(KJA_CLOCK_CALENDAR, &calendar));
  CHECK(calendar / SECOND + 2 > seconds && calendar / SECOND < seconds + 60);
  CHECK_OK(kja_clock_now_nanos(KJA_CLOCK_CALENDAR_COARSE, &calendar_coarse));
  CHECK(calendar_coarse + SECOND > calendar && calendar_coarse < calendar + 60 * SECOND);
  CHECK_IS(kja_clock_now_nanos(4, &precise), KJA_ERR_INVALID_ARGUMENT);
  CHECK_IS(kja_clock_now_nanos(UINT32_MAX, &precise), KJA_ERR_INVALID_ARGUMENT);
  CHECK_IS(kja_clock_now_nanos(KJA_CLOCK_CALENDAR, NULL), KJA_ERR_INVALID_ARGUMENT);
}

int main(void) {
  RUN_IN_BOTH(time_begins_at_zero_and_stands_still);
  RUN_IN_BOTH(a_timer_is_neither_early_nor_late);
  RUN_IN_BOTH(what_has_passed_is_due_at_once);
  RUN_IN_BOTH(timers_fire_by_time_and_then_by_age);
  RUN_IN_BOTH(the_next_timer_is_known_and_how_long_it_takes);
  RUN_IN_BOTH(a_cancelled_timer_never_fires);
  RUN_IN_BOTH(a_callback_may_move_time_on);
  RUN_IN_BOTH(timeouts_and_deadlines_go_by_virtual_time);
  RUN_IN_BOTH(a_deadline_that_has_passed_lets_only_what_is_settled_through);
  RUN_IN_BOTH(time_does_not_wrap);
  RUN_IN_BOTH(real_time_is_not_moved);
  RUN_IN_BOTH(flags_that_are_none_are_refused);
  RUN_IN_BOTH(a_runtime_that_has_ended_does_not_advance);
  RUN(threads_advance_a_loop_and_no_timer_is_missed);
  RUN(the_clocks_of_the_system_can_be_read);
  test_mode = KJA_RUNTIME_WAIT_SCOPE;
  RUN(a_wait_scope_stops_at_each_timer_on_the_way);
  RUN(to_run_a_wait_scope_is_to_advance_it);
  RUN(only_its_owner_advances_a_wait_scope);
  return check_done();
}
