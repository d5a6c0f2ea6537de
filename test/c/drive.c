/* Driving a loop by hand, what it tells of itself, and how its host learns that there is something to do. */
#include "gate.h"
#include "loopback.h"
#include "options.h"

/* A callback that queues itself again, so often. */
typedef struct spin_t {
  kja_executor_t executor;
  count_t left, ran, seen;
  int write_fd;
  uint64_t write_at;
} spin_t;
static void spin(void *ctx, kja_call_t call) {
  spin_t *own = (spin_t *)ctx;
  kja_promise_t next = 0;
  (void)call;
  if (count_add(&own->ran, 1) == own->write_at) CHECK(write(own->write_fd, "x", 1) == 1);
  if (count_get(&own->left) == 0) return;
  count_add(&own->left, (uint64_t)-1);
  CHECK_OK(kja_executor_execute_start(own->executor, spin, own, NULL, &next));
  CHECK_OK(kja_promise_detach(next, NULL, NULL, NULL));
}
/* Notes how far it has got. */
static void spin_seen(void *ctx, kja_call_t call) {
  spin_t *own = (spin_t *)ctx;
  (void)call;
  count_set(&own->seen, count_get(&own->ran));
}
static void spin_open(spin_t *own, kja_runtime_t runtime, uint64_t turns) {
  memset(own, 0, sizeof *own);
  CHECK_OK(kja_runtime_executor(runtime, &own->executor));
  count_set(&own->left, turns);
}
static void spin_start(spin_t *own) {
  kja_promise_t first = 0;
  CHECK_OK(kja_executor_execute_start(own->executor, spin, own, NULL, &first));
  CHECK_OK(kja_promise_detach(first, NULL, NULL, NULL));
}
static void spin_stop(spin_t *own, kja_runtime_t runtime) {
  count_set(&own->left, 0);
  let_loop_rest(runtime);
  CHECK_OK(kja_executor_release(own->executor));
}

static kja_runtime_stats_t stats_of(kja_runtime_t runtime) {
  kja_runtime_stats_t stats;
  memset(&stats, 0, sizeof stats);
  stats.size = sizeof stats;
  CHECK_OK(kja_runtime_stats(runtime, &stats));
  return stats;
}
static void queue_count(kja_runtime_t runtime, count_t *ran) {
  kja_executor_t executor = 0;
  kja_promise_t queued = 0;
  CHECK_OK(kja_runtime_executor(runtime, &executor));
  CHECK_OK(kja_executor_execute_start(executor, count_run, ran, NULL, &queued));
  CHECK_OK(kja_promise_detach(queued, NULL, NULL, NULL));
  CHECK_OK(kja_executor_release(executor));
}

/* parity: LOOP-03, LOOP-04, LOOP-08 */
static void turn_and_poll_make_no_more_turns_than_asked_for(void) {
  typedef kja_status_t (*drive_fn)(kja_runtime_t, uint64_t, uint64_t *);
  static const drive_fn DRIVE[] = {kja_runtime_turn, kja_runtime_poll};
  kja_runtime_t runtime = scope_open();
  for (int i = 0; i < 2; i++) {
    count_t ran = {0};
    uint64_t turns = 99;
    CHECK_OK(DRIVE[i](runtime, 0, &turns));
    CHECK_U64(turns, 0);
    CHECK(!kja_runtime_is_runnable(runtime));
    for (int n = 0; n < 10; n++) queue_count(runtime, &ran);
    CHECK(kja_runtime_is_runnable(runtime));
    CHECK_U64(count_get(&ran), 0);
    CHECK_OK(DRIVE[i](runtime, 3, &turns));
    CHECK_U64(turns, 3);
    CHECK_U64(count_get(&ran), 3);
    CHECK_OK(DRIVE[i](runtime, 1, NULL));
    CHECK_U64(count_get(&ran), 4);
    CHECK(kja_runtime_is_runnable(runtime));
    CHECK_OK(DRIVE[i](runtime, 100, &turns));
    CHECK_U64(turns, 6);
    CHECK_U64(count_get(&ran), 10);
    CHECK(!kja_runtime_is_runnable(runtime));
  }
  runtime_close(runtime);
}

/* parity: LOOP-03 */
static void a_bound_cuts_a_chain_and_loses_nothing_of_it(void) {
  kja_runtime_t runtime = scope_open();
  kja_promise_t promise = 0, then = 0;
  kja_fulfiller_t fulfiller = 0;
  count_t ran = {0};
  uint64_t turns = 0, all = 0;
  CHECK_OK(kja_fulfiller_new(runtime, &fulfiller, &promise));
  for (int i = 0; i < 50; i++) {
    CHECK_OK(kja_promise_then(promise, count_run, &ran, NULL, &then));
    CHECK_OK(kja_promise_release(promise));
    promise = then;
  }
  CHECK_OK(kja_fulfiller_unit(fulfiller));
  do {
    CHECK_OK(kja_runtime_turn(runtime, 1, &turns));
    CHECK(turns <= 1);
    all += turns;
  } while (turns);
  CHECK_U64(count_get(&ran), 50);
  CHECK_U64(all, 50);
  expect_already(promise, KJA_OK);
  CHECK_OK(kja_fulfiller_release(fulfiller));
  runtime_close(runtime);
}

/* parity: LOOP-03, LOOP-12, PROM-13 */
static void turn_looks_at_neither_sockets_nor_timers_and_poll_at_both(void) {
  kja_runtime_t runtime = scope_open();
  pair_t pair = pair_open(runtime);
  kja_promise_t reading = read_start(pair.server, 1, 1), sleeping = sleep_start(runtime, 100 * MILLISECOND);
  struct timespec moment = {0, 110000000};
  CHECK_OK(kja_promise_release(write_start(pair.client, "x", 1)));
  nanosleep(&moment, NULL);
  CHECK_OK(kja_runtime_turn(runtime, 0, NULL));
  CHECK_IS(kja_promise_status(reading), KJA_ERR_PENDING);
  CHECK_IS(kja_promise_status(sleeping), KJA_ERR_PENDING);
  CHECK_OK(kja_runtime_poll(runtime, 0, NULL));
  CHECK_OK(kja_promise_status(sleeping));
  CHECK_OK(kja_promise_status(reading));
  expect_text(reading, "x");
  CHECK_OK(kja_promise_release(sleeping));
  pair_release(pair);
  runtime_close(runtime);
}

/* parity: LOOP-08, LOOP-12 */
static void poll_does_not_wait(void) {
  kja_runtime_t runtime = scope_open();
  pair_t pair = pair_open(runtime);
  kja_promise_t reading = read_start(pair.server, 1, 1), sleeping = sleep_start(runtime, 3600 * SECOND);
  uint64_t turns = 99;
  CHECK_OK(kja_runtime_poll(runtime, 0, &turns));
  CHECK_U64(turns, 0);
  CHECK_IS(kja_promise_status(reading), KJA_ERR_PENDING);
  CHECK_OK(kja_promise_release(reading));
  CHECK_OK(kja_promise_release(sleeping));
  pair_release(pair);
  runtime_close(runtime);
}

/* What a read sets off, the poll that served it runs as well. */
/* parity: LOOP-08 */
static void poll_goes_on_until_nothing_is_left(void) {
  kja_runtime_t runtime = scope_open();
  pair_t pair = pair_open(runtime);
  kja_promise_t pumping = 0, reading = 0;
  CHECK_OK(kja_connection_pump_start(pair.server, pair.server, UINT64_MAX, &pumping));
  CHECK_OK(kja_promise_release(write_start(pair.client, "there and back", 14)));
  reading = read_start(pair.client, 14, 14);
  for (int i = 0; i < 1000 && kja_promise_status(reading) == KJA_ERR_PENDING; i++)
    CHECK_OK(kja_runtime_poll(runtime, 0, NULL));
  CHECK_OK(kja_promise_status(reading));
  expect_text(reading, "there and back");
  CHECK_OK(kja_promise_release(pumping));
  pair_release(pair);
  runtime_close(runtime);
}

static void *wake_soon(void *arg) {
  struct timespec moment = {0, 20000000};
  nanosleep(&moment, NULL);
  CHECK_OK(kja_runtime_wake(*(kja_runtime_t *)arg));
  return NULL;
}

/* parity: LOOP-11, LOOP-14 */
static void run_returns_early_when_woken(void) {
  kja_runtime_t runtime = scope_open();
  uint64_t begin = kja_timer_now_nanos(), turns = 99;
  pthread_t thread;
  pthread_create(&thread, NULL, wake_soon, &runtime);
  CHECK_OK(kja_runtime_run(runtime, 3600 * SECOND, &turns));
  CHECK(kja_timer_now_nanos() - begin >= 20 * MILLISECOND);
  pthread_join(thread, NULL);
  /* One wake ends one run, also one that comes later. */
  CHECK_OK(kja_runtime_wake(runtime));
  CHECK_OK(kja_runtime_wake(runtime));
  CHECK_OK(kja_runtime_run(runtime, 3600 * SECOND, NULL));
  begin = kja_timer_now_nanos();
  CHECK_OK(kja_runtime_run(runtime, 20 * MILLISECOND, NULL));
  CHECK(kja_timer_now_nanos() - begin >= 20 * MILLISECOND);
  runtime_close(runtime);
}

static void wake_from_inside(void *ctx, kja_call_t call) {
  (void)call;
  CHECK_OK(kja_runtime_wake(*(kja_runtime_t *)ctx));
}

/* parity: LOOP-11, LOOP-14 */
static void a_callback_may_end_the_run(void) {
  kja_runtime_t runtime = scope_open();
  kja_promise_t sleeping = sleep_start(runtime, 5 * MILLISECOND), then = 0;
  uint64_t turns = 0;
  CHECK_OK(kja_promise_then(sleeping, wake_from_inside, &runtime, NULL, &then));
  CHECK_OK(kja_promise_release(sleeping));
  CHECK_OK(kja_runtime_run(runtime, 3600 * SECOND, &turns));
  CHECK(turns >= 1);
  expect_already(then, KJA_OK);
  runtime_close(runtime);
}

/* parity: LOOP-11, LOOP-02, LLIO-12, LLIO-14 */
static void run_serves_timers_and_sockets(void) {
  kja_runtime_t runtime = scope_open();
  pair_t pair = pair_open(runtime);
  kja_promise_t promises[2], all = 0, then = 0;
  promises[0] = read_start(pair.server, 1, 1);
  promises[1] = sleep_start(runtime, MILLISECOND);
  CHECK_OK(kja_promise_all(runtime, promises, 2, &all));
  CHECK_OK(kja_promise_then(all, wake_from_inside, &runtime, NULL, &then));
  CHECK_OK(kja_promise_release(all));
  CHECK_OK(kja_promise_release(write_start(pair.client, "x", 1)));
  CHECK_OK(kja_runtime_run(runtime, 3600 * SECOND, NULL));
  expect_already(then, KJA_OK);
  expect_already(promises[1], KJA_OK);
  expect_text(promises[0], "x");
  pair_release(pair);
  runtime_close(runtime);
}

static void drive_from_inside(void *ctx, kja_call_t call) {
  kja_runtime_t runtime = *(kja_runtime_t *)ctx;
  (void)call;
  CHECK_IS(kja_runtime_turn(runtime, 0, NULL), KJA_ERR_WOULD_DEADLOCK);
  CHECK_IS(kja_runtime_poll(runtime, 0, NULL), KJA_ERR_WOULD_DEADLOCK);
  CHECK_IS(kja_runtime_run(runtime, 0, NULL), KJA_ERR_WOULD_DEADLOCK);
}
static void *drive_elsewhere(void *arg) {
  kja_runtime_t runtime = *(kja_runtime_t *)arg;
  CHECK_IS(kja_runtime_turn(runtime, 0, NULL), KJA_ERR_WRONG_THREAD);
  CHECK_IS(kja_runtime_poll(runtime, 0, NULL), KJA_ERR_WRONG_THREAD);
  CHECK_IS(kja_runtime_run(runtime, 0, NULL), KJA_ERR_WRONG_THREAD);
  CHECK(!kja_runtime_is_runnable(runtime));
  return NULL;
}

/* parity: LOOP-05 */
static void a_wait_scope_is_driven_by_its_owner_outside_callbacks_only(void) {
  kja_runtime_t runtime = scope_open();
  pthread_t thread;
  pthread_create(&thread, NULL, drive_elsewhere, &runtime);
  pthread_join(thread, NULL);
  run_on_loop(runtime, drive_from_inside, &runtime);
  CHECK_OK(kja_runtime_shutdown(runtime));
  CHECK_IS(kja_runtime_turn(runtime, 0, NULL), KJA_ERR_SHUTDOWN);
  CHECK_IS(kja_runtime_poll(runtime, 0, NULL), KJA_ERR_SHUTDOWN);
  CHECK_IS(kja_runtime_run(runtime, 0, NULL), KJA_ERR_SHUTDOWN);
  CHECK_IS(kja_runtime_wake(runtime), KJA_ERR_SHUTDOWN);
  CHECK_IS(kja_runtime_cancel_detached(runtime), KJA_ERR_SHUTDOWN);
  CHECK(!kja_runtime_is_runnable(runtime));
  CHECK_OK(kja_runtime_release(runtime));
}

static void a_loop_with_a_thread_is_not_driven_by_hand(void) {
  kja_runtime_t runtime = runtime_open();
  CHECK_IS(kja_runtime_turn(runtime, 0, NULL), KJA_ERR_INVALID_ARGUMENT);
  CHECK_IS(kja_runtime_poll(runtime, 0, NULL), KJA_ERR_INVALID_ARGUMENT);
  CHECK_IS(kja_runtime_run(runtime, 0, NULL), KJA_ERR_INVALID_ARGUMENT);
  CHECK_OK(kja_runtime_wake(runtime));
  runtime_close(runtime);
}

/* parity: LOOP-04 */
static void what_waits_is_not_runnable_and_what_another_thread_queues_is(void) {
  kja_runtime_t runtime = scope_open();
  kja_fulfiller_t fulfiller = 0;
  kja_promise_t promise = 0, then = 0, last = 0;
  count_t ran = {0};
  CHECK_OK(kja_fulfiller_new(runtime, &fulfiller, &promise));
  CHECK_OK(kja_promise_then(promise, count_run, &ran, NULL, &then));
  CHECK_OK(kja_promise_release(promise));
  CHECK(!kja_runtime_is_runnable(runtime));
  CHECK_OK(kja_fulfiller_unit(fulfiller));
  CHECK(kja_runtime_is_runnable(runtime));
  CHECK_OK(kja_runtime_turn(runtime, 0, NULL));
  expect_already(then, KJA_OK);
  CHECK_OK(kja_timer_yield_until_queue_empty_start(runtime, &last));
  CHECK(kja_runtime_is_runnable(runtime));
  CHECK_OK(kja_runtime_turn(runtime, 0, NULL));
  expect_already(last, KJA_OK);
  CHECK_OK(kja_fulfiller_release(fulfiller));
  runtime_close(runtime);
}

/* How many times the loop has been round before it serves a socket that is ready. */
static uint64_t turns_before_a_look(uint64_t turns_per_look) {
  kja_runtime_options_t options = options_of(test_mode);
  spin_t own;
  options.turns_per_look = turns_per_look;
  kja_runtime_t runtime = runtime_with(&options);
  kja_listener_t listener = listen_on_loopback(runtime);
  kja_promise_t accepting = accept_start(listener), then = 0;
  int fd = plain_connect(port_of(listener));
  kja_connection_t connection = handle_from(accepting);
  kja_promise_t reading = read_start(connection, 1, 1);
  spin_open(&own, runtime, 20000);
  CHECK_OK(kja_promise_then(reading, spin_seen, &own, NULL, &then));
  CHECK_OK(kja_promise_release(reading));
  own.write_fd = fd;
  own.write_at = 10;
  spin_start(&own);
  expect(then, KJA_OK);
  uint64_t turns = count_get(&own.seen) - own.write_at;
  spin_stop(&own, runtime);
  CHECK_OK(kja_connection_release(connection));
  CHECK_OK(kja_listener_release(listener));
  CHECK(close(fd) == 0);
  runtime_close(runtime);
  return turns;
}

/* parity: LOOP-09 */
static void a_busy_loop_looks_at_its_sockets_as_often_as_asked_for(void) {
  CHECK(turns_before_a_look(4) < 100);
  CHECK(turns_before_a_look(0) < 2000);
  CHECK(turns_before_a_look(1000000) >= 19900);
}

typedef struct host_t {
  count_t runnable, destroyed;
} host_t;
static void host_runnable(void *ctx) {
  count_add(&((host_t *)ctx)->runnable, 1);
}
static void host_destroy(void *ctx) {
  count_add(&((host_t *)ctx)->destroyed, 1);
}
static kja_runtime_t host_open(host_t *host) {
  kja_runtime_options_t options = options_of(test_mode);
  memset(host, 0, sizeof *host);
  options.on_runnable = host_runnable;
  options.ctx = host;
  options.destroy = host_destroy;
  return runtime_with(&options);
}
/* Queues something once the loop may be asleep, until it is told. */
static int told(kja_runtime_t runtime, host_t *host, count_t *ran) {
  struct timespec moment = {0, 10000000};
  uint64_t before = count_get(&host->runnable);
  for (int i = 0; i < 100; i++) {
    nanosleep(&moment, NULL);
    queue_count(runtime, ran);
    if (count_get(&host->runnable) > before) return 1;
  }
  return 0;
}

/* parity: LOOP-13 */
static void a_sleeping_loop_tells_when_it_gets_something_to_do(void) {
  host_t host;
  count_t ran = {0};
  kja_runtime_t runtime = host_open(&host);
  for (int i = 0; i < 3; i++) CHECK(told(runtime, &host, &ran));
  let_loop_catch_up(runtime);
  CHECK(count_get(&ran) >= 3);
  CHECK_U64(count_get(&host.destroyed), 0);
  runtime_close(runtime);
  CHECK_U64(count_get(&host.destroyed), 1);
}

static void never_settles_by_itself(kja_runtime_t runtime, count_t *gone) {
  CHECK_OK(kja_promise_detach(pending_until_gone(runtime, gone), must_not_run, NULL, NULL));
}

/* parity: LOOP-07 */
static void cancel_detached_ends_what_was_detached_and_nothing_else(void) {
  enum { MANY = 20 };
  kja_runtime_t runtime = runtime_open();
  count_t gone = {0}, kept = {0};
  kja_promise_t held = pending_until_gone(runtime, &kept);
  CHECK_OK(kja_runtime_cancel_detached(runtime));
  for (int i = 0; i < MANY; i++) CHECK_OK(kja_promise_detach(pending_until_gone(runtime, &gone), NULL, NULL, NULL));
  CHECK_U64(stats_of(runtime).detached, MANY);
  CHECK_OK(kja_runtime_cancel_detached(runtime));
  CHECK_U64(count_get(&gone), MANY);
  CHECK_U64(stats_of(runtime).detached, 0);
  CHECK_U64(count_get(&kept), 0);
  never_settles_by_itself(runtime, &gone);
  CHECK_OK(kja_runtime_cancel_detached(runtime));
  CHECK_U64(count_get(&gone), MANY + 1);
  let_loop_rest(runtime);
  CHECK_IS(kja_promise_status(held), KJA_ERR_PENDING);
  CHECK_OK(kja_promise_release(held));
  runtime_close(runtime);
}

typedef struct detached_t {
  kja_runtime_t runtime;
  count_t ran, destroyed;
} detached_t;
static void cancel_detached_from_inside(void *ctx, kja_call_t call) {
  detached_t *own = (detached_t *)ctx;
  (void)call;
  CHECK_OK(kja_runtime_cancel_detached(own->runtime));
  CHECK_U64(count_get(&own->destroyed), 1);
  count_add(&own->ran, 1);
}

/* parity: LOOP-07 */
static void a_detached_callback_may_cancel_all_that_is_detached(void) {
  detached_t own;
  kja_promise_t turn = 0, then = 0;
  memset(&own, 0, sizeof own);
  own.runtime = runtime_open();
  never_settles_by_itself(own.runtime, &own.destroyed);
  CHECK_OK(kja_timer_yield_start(own.runtime, &turn));
  CHECK_OK(kja_promise_then(turn, cancel_detached_from_inside, &own, NULL, &then));
  CHECK_OK(kja_promise_release(turn));
  CHECK_OK(kja_promise_detach(then, NULL, NULL, NULL));
  let_loop_rest(own.runtime);
  CHECK_U64(count_get(&own.ran), 1);
  CHECK_U64(stats_of(own.runtime).detached, 0);
  runtime_close(own.runtime);
}

static void stats_count_what_is_there(void) {
  kja_runtime_t runtime = virtual_open();
  let_loop_rest(runtime);
  kja_runtime_stats_t before = stats_of(runtime);
  kja_promise_t sleeping = sleep_start(runtime, SECOND), unit = 0, never = 0;
  CHECK_OK(kja_promise_new_unit(runtime, &unit));
  CHECK_OK(kja_promise_new_never(runtime, &never));
  CHECK_OK(kja_promise_detach(never, NULL, NULL, NULL));
  kja_runtime_stats_t stats = stats_of(runtime);
  CHECK_U64(stats.promises, before.promises + 3);
  CHECK_U64(stats.detached, 1);
  CHECK_U64(stats.timers, 1);
  CHECK_U64(stats.longest_turn_nanos, 0);
  count_t ran = {0};
  for (int i = 0; i < 10; i++) queue_count(runtime, &ran);
  let_loop_rest(runtime);
  CHECK(stats_of(runtime).turns >= stats.turns + 10);
  CHECK_OK(kja_promise_release(sleeping));
  CHECK_OK(kja_promise_release(unit));
  CHECK_OK(kja_runtime_cancel_detached(runtime));
  stats = stats_of(runtime);
  CHECK_U64(stats.timers, 0);
  CHECK_U64(stats.detached, 0);
  CHECK_OK(kja_runtime_shutdown(runtime));
  stats = stats_of(runtime);
  CHECK_U64(stats.promises, 0);
  CHECK(stats.turns >= 10);
  CHECK_OK(kja_runtime_release(runtime));
}

static void stats_of_another_size_are_refused(void) {
  const size_t sizes[] = {0, sizeof(size_t), sizeof(kja_runtime_stats_t) - 1};
  kja_runtime_t runtime = runtime_open();
  kja_runtime_stats_t stats;
  memset(&stats, 0xff, sizeof stats);
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    stats.size = sizes[i];
    CHECK_IS(kja_runtime_stats(runtime, &stats), KJA_ERR_INVALID_ARGUMENT);
    CHECK_U64(stats.promises, UINT64_MAX);
  }
  CHECK_IS(kja_runtime_stats(runtime, NULL), KJA_ERR_INVALID_ARGUMENT);
  runtime_close(runtime);
}

/* parity: LOOP-15 */
static void an_idle_loop_sleeps(void) {
  kja_runtime_t runtime = runtime_open();
  struct timespec moment = {0, 100000000};
  let_loop_rest(runtime);
  nanosleep(&moment, NULL);
  uint64_t wake_ups = stats_of(runtime).wake_ups;
  nanosleep(&moment, NULL);
  CHECK_U64(stats_of(runtime).wake_ups, wake_ups);
  let_loop_catch_up(runtime);
  CHECK(stats_of(runtime).wake_ups > wake_ups);
  runtime_close(runtime);
}

typedef struct slow_t {
  count_t times, longest, destroyed;
} slow_t;
static void slow_turn(void *ctx, uint64_t nanos) {
  slow_t *slow = (slow_t *)ctx;
  count_add(&slow->times, 1);
  if (nanos > count_get(&slow->longest)) count_set(&slow->longest, nanos);
}
static void slow_destroy(void *ctx) {
  count_add(&((slow_t *)ctx)->destroyed, 1);
}
static void take_long(void *ctx, kja_call_t call) {
  struct timespec moment = {0, 60000000};
  (void)ctx;
  (void)call;
  nanosleep(&moment, NULL);
}

/* parity: LOOP-15 */
static void a_slow_turn_is_reported(void) {
  kja_runtime_options_t options = options_of(test_mode);
  slow_t slow;
  count_t ran = {0};
  memset(&slow, 0, sizeof slow);
  options.slow_turn_nanos = 50 * MILLISECOND;
  options.on_slow_turn = slow_turn;
  options.ctx = &slow;
  options.destroy = slow_destroy;
  kja_runtime_t runtime = runtime_with(&options);
  for (int i = 0; i < 10; i++) queue_count(runtime, &ran);
  let_loop_rest(runtime);
  uint64_t before = count_get(&slow.times);
  CHECK(under_valgrind() || before <= 1);
  run_on_loop(runtime, take_long, NULL);
  let_loop_rest(runtime);
  CHECK(count_get(&slow.times) > before);
  CHECK(count_get(&slow.longest) >= 60 * MILLISECOND);
  CHECK(stats_of(runtime).longest_turn_nanos == count_get(&slow.longest));
  runtime_close(runtime);
  CHECK_U64(count_get(&slow.destroyed), 1);
}

static void *queue_elsewhere(void *arg) {
  detached_t *own = (detached_t *)arg;
  queue_count(own->runtime, &own->ran);
  return NULL;
}

/* parity: LOOP-13 */
static void a_host_that_only_polls_is_told_as_well(void) {
  host_t host;
  detached_t own;
  memset(&own, 0, sizeof own);
  own.runtime = host_open(&host);
  CHECK_OK(kja_runtime_poll(own.runtime, 0, NULL));
  for (uint64_t i = 1; i <= 10; i++) {
    uint64_t before = count_get(&host.runnable);
    pthread_t thread;
    pthread_create(&thread, NULL, queue_elsewhere, &own);
    pthread_join(thread, NULL);
    CHECK(count_get(&host.runnable) > before);
    CHECK_OK(i % 2 ? kja_runtime_turn(own.runtime, 0, NULL) : kja_runtime_poll(own.runtime, 0, NULL));
    CHECK_U64(count_get(&own.ran), i);
  }
  runtime_close(own.runtime);
}

/* parity: PROM-28, LOOP-08 */
static void poll_settles_what_waits_until_the_loop_would_sleep(void) {
  kja_runtime_t runtime = runtime_open();
  kja_promise_t rest = 0;
  CHECK_OK(kja_timer_yield_until_would_sleep_start(runtime, &rest));
  CHECK_OK(kja_runtime_poll(runtime, 0, NULL));
  expect_already(rest, KJA_OK);
  runtime_close(runtime);
}

int main(void) {
  RUN(turn_and_poll_make_no_more_turns_than_asked_for);
  RUN(a_bound_cuts_a_chain_and_loses_nothing_of_it);
  RUN(turn_looks_at_neither_sockets_nor_timers_and_poll_at_both);
  RUN(poll_does_not_wait);
  RUN(poll_goes_on_until_nothing_is_left);
  RUN(run_returns_early_when_woken);
  RUN(a_callback_may_end_the_run);
  RUN(run_serves_timers_and_sockets);
  RUN(a_wait_scope_is_driven_by_its_owner_outside_callbacks_only);
  RUN(a_loop_with_a_thread_is_not_driven_by_hand);
  RUN(what_waits_is_not_runnable_and_what_another_thread_queues_is);
  RUN_IN_BOTH(a_busy_loop_looks_at_its_sockets_as_often_as_asked_for);
  RUN(a_sleeping_loop_tells_when_it_gets_something_to_do);
  test_mode = KJA_RUNTIME_WAIT_SCOPE;
  RUN(a_host_that_only_polls_is_told_as_well);
  RUN(poll_settles_what_waits_until_the_loop_would_sleep);
  test_mode = KJA_RUNTIME_THREAD;
  RUN_IN_BOTH(cancel_detached_ends_what_was_detached_and_nothing_else);
  RUN_IN_BOTH(a_detached_callback_may_cancel_all_that_is_detached);
  RUN_IN_BOTH(stats_count_what_is_there);
  RUN_IN_BOTH(stats_of_another_size_are_refused);
  RUN(an_idle_loop_sleeps);
  RUN_IN_BOTH(a_slow_turn_is_reported);
  return check_done();
}
