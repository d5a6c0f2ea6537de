#include "expect.h"
#include "gate.h"

static kja_promise_t sleep_start(kja_runtime_t runtime, uint64_t nanos) {
  kja_promise_t sleeping = 0;
  CHECK_OK(kja_timer_sleep_start(runtime, nanos, &sleeping));
  return sleeping;
}

/* parity: TIME-01 */
static void the_clock_never_goes_back(void) {
  uint64_t last = kja_timer_now_nanos();
  for (int i = 0; i < 100000; i++) {
    uint64_t now = kja_timer_now_nanos();
    CHECK(now >= last);
    last = now;
  }
}

/* parity: TIME-03 */
static void a_sleep_is_never_early(void) {
  kja_runtime_t runtime = runtime_open();
  const uint64_t lengths[] = {0, 1, 1000, 999999, MILLISECOND, MILLISECOND + 1, 3 * MILLISECOND, 17 * MILLISECOND};
  for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
    uint64_t begin = kja_timer_now_nanos();
    expect(sleep_start(runtime, lengths[i]), KJA_OK);
    uint64_t took = kja_timer_now_nanos() - begin;
    CHECK(took >= lengths[i]);
    CHECK(took < lengths[i] + 5 * SECOND);
  }
  runtime_close(runtime);
}

/* A loop whose idea of "now" dates from its last turn would end these sleeps too early or too late. */
/* parity: TIME-01, TIME-03 */
static void a_sleep_after_a_long_idle_time_is_right(void) {
  kja_runtime_t runtime = runtime_open();
  struct timespec idle = {0, 150000000};
  for (int i = 0; i < 3; i++) {
    nanosleep(&idle, NULL);
    uint64_t begin = kja_timer_now_nanos();
    expect(sleep_start(runtime, 30 * MILLISECOND), KJA_OK);
    CHECK(kja_timer_now_nanos() - begin >= 30 * MILLISECOND);
  }
  runtime_close(runtime);
}

/* parity: TIME-02 */
static void sleeping_until_the_past_ends_at_once(void) {
  kja_runtime_t runtime = runtime_open();
  kja_promise_t sleeping = 0;
  uint64_t now = kja_timer_now_nanos();
  const uint64_t instants[] = {0, 1, now - SECOND, now, now + 10 * MILLISECOND};
  for (size_t i = 0; i < sizeof instants / sizeof *instants; i++) {
    CHECK_OK(kja_timer_sleep_until_start(runtime, instants[i], &sleeping));
    expect(sleeping, KJA_OK);
    CHECK(kja_timer_now_nanos() >= instants[i]);
  }
  CHECK(kja_timer_now_nanos() < now + 10 * SECOND);
  runtime_close(runtime);
}

static void a_sleep_without_end_stays_pending(void) {
  kja_runtime_t runtime = runtime_open();
  const uint64_t lengths[] = {UINT64_MAX, UINT64_MAX - 1, UINT64_MAX / 2, (uint64_t)1 << 62};
  for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
    kja_promise_t until = 0, sleeping = sleep_start(runtime, lengths[i]);
    CHECK_OK(kja_timer_sleep_until_start(runtime, lengths[i], &until));
    CHECK_IS(kja_promise_await_for(sleeping, MILLISECOND), KJA_ERR_TIMED_OUT);
    CHECK_IS(kja_promise_await_for(until, MILLISECOND), KJA_ERR_TIMED_OUT);
    CHECK_OK(kja_promise_release(sleeping));
    CHECK_OK(kja_promise_release(until));
  }
  runtime_close(runtime);
}

typedef struct order_t {
  count_t *next;
  uint64_t place;
} order_t;
static void check_place(void *ctx, kja_call_t call) {
  order_t *order = (order_t *)ctx;
  (void)call;
  CHECK_U64(count_add(order->next, 1), order->place + 1);
}

/* parity: TIME-02 */
static void timers_fire_in_the_order_of_their_deadlines(void) {
  enum { MANY = 8 };
  kja_runtime_t runtime = runtime_open();
  kja_promise_t then[MANY];
  order_t orders[MANY];
  count_t next = {0};
  /* Late enough for a slow machine to have started them all by then. */
  uint64_t first = kja_timer_now_nanos() + 500 * MILLISECOND;
  for (int i = MANY - 1; i >= 0; i--) {
    kja_promise_t sleeping = 0;
    CHECK_OK(kja_timer_sleep_until_start(runtime, first + (uint64_t)i * 10 * MILLISECOND, &sleeping));
    orders[i].next = &next;
    orders[i].place = (uint64_t)i;
    CHECK_OK(kja_promise_then(sleeping, check_place, &orders[i], NULL, &then[i]));
    CHECK_OK(kja_promise_release(sleeping));
  }
  for (int i = 0; i < MANY; i++) expect(then[i], KJA_OK);
  CHECK_U64(count_get(&next), MANY);
  runtime_close(runtime);
}

typedef struct deadline_t {
  uint64_t due;
  count_t *fired;
} deadline_t;
static void check_due(void *ctx, kja_call_t call) {
  deadline_t *deadline = (deadline_t *)ctx;
  (void)call;
  CHECK(kja_timer_now_nanos() >= deadline->due);
  count_add(deadline->fired, 1);
}

/* parity: TIME-03 */
static void many_timers_all_fire_and_none_early(void) {
  size_t many = scaled(50000);
  kja_runtime_t runtime = runtime_open();
  deadline_t *deadlines = (deadline_t *)calloc(many, sizeof *deadlines);
  kja_promise_t *then = (kja_promise_t *)calloc(many, sizeof *then), all = 0;
  count_t fired = {0};
  for (size_t i = 0; i < many; i++) {
    uint64_t nanos = i * 7919 % 200 * MILLISECOND;
    deadlines[i].due = kja_timer_now_nanos() + nanos;
    deadlines[i].fired = &fired;
    kja_promise_t sleeping = sleep_start(runtime, nanos);
    CHECK_OK(kja_promise_then(sleeping, check_due, &deadlines[i], NULL, &then[i]));
    CHECK_OK(kja_promise_release(sleeping));
  }
  CHECK_OK(kja_promise_all(runtime, then, many, &all));
  for (size_t i = 0; i < many; i++) CHECK_OK(kja_promise_release(then[i]));
  expect(all, KJA_OK);
  CHECK_U64(count_get(&fired), many);
  runtime_close(runtime);
  free(deadlines);
  free(then);
}

/* parity: TIME-05 */
static void many_timers_are_started_and_dropped(void) {
  kja_runtime_t runtime = runtime_open();
  for (size_t i = 0, n = scaled(200000); i < n; i++) {
    kja_promise_t sleeping = sleep_start(runtime, (60 + i % 100) * SECOND);
    CHECK_OK(kja_promise_release(sleeping));
  }
  runtime_close(runtime);
}

/* parity: PROM-08, PROM-18, LLIO-12 */
static void timers_fire_while_nobody_waits(void) {
  kja_runtime_t runtime = runtime_open();
  gate_t gate;
  gate_init(&gate);
  kja_promise_t sleeping = sleep_start(runtime, 10 * MILLISECOND), then = 0;
  CHECK_OK(kja_promise_then(sleeping, gate_open_callback, &gate, NULL, &then));
  CHECK_OK(kja_promise_release(sleeping));
  gate_pass(&gate);
  expect(then, KJA_OK);
  runtime_close(runtime);
  gate_destroy(&gate);
}

/* parity: PROM-26 */
static void a_yield_ends_on_a_later_turn(void) {
  kja_runtime_t runtime = runtime_open();
  kja_promise_t first = 0, second = 0;
  for (int i = 0; i < 1000; i++) {
    CHECK_OK(kja_timer_yield_start(runtime, &first));
    CHECK_OK(kja_timer_yield_start(runtime, &second));
    expect(second, KJA_OK);
    expect(first, KJA_OK);
  }
  runtime_close(runtime);
}

int main(void) {
  RUN(the_clock_never_goes_back);
  RUN_IN_BOTH(a_sleep_is_never_early);
  RUN_IN_BOTH(a_sleep_after_a_long_idle_time_is_right);
  RUN_IN_BOTH(sleeping_until_the_past_ends_at_once);
  RUN_IN_BOTH(a_sleep_without_end_stays_pending);
  RUN_IN_BOTH(timers_fire_in_the_order_of_their_deadlines);
  RUN_IN_BOTH(many_timers_all_fire_and_none_early);
  RUN_IN_BOTH(many_timers_are_started_and_dropped);
  RUN(timers_fire_while_nobody_waits);
  RUN_IN_BOTH(a_yield_ends_on_a_later_turn);
  return check_done();
}
