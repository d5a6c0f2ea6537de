/* Blocking calls: nobody waits behind anybody, and nobody hangs. */
#include "gate.h"
#include "loopback.h"

typedef struct awaiter_t {
  kja_promise_t promise;
  kja_status_t status;
  gate_t begun;
  pthread_t thread;
} awaiter_t;

static void *await_one(void *arg) {
  awaiter_t *awaiter = (awaiter_t *)arg;
  gate_open(&awaiter->begun);
  awaiter->status = kja_promise_await(awaiter->promise);
  return NULL;
}
static void awaiter_start(awaiter_t *awaiter, kja_promise_t promise) {
  awaiter->promise = promise;
  gate_init(&awaiter->begun);
  CHECK(pthread_create(&awaiter->thread, NULL, await_one, awaiter) == 0);
  gate_pass(&awaiter->begun);
}
static kja_status_t awaiter_join(awaiter_t *awaiter) {
  pthread_join(awaiter->thread, NULL);
  gate_destroy(&awaiter->begun);
  return awaiter->status;
}
/* Time for the awaiters, which have begun, to be asleep in their wait; no event tells. */
static void let_them_fall_asleep(void) {
  struct timespec moment = {0, 30000000};
  nanosleep(&moment, NULL);
}

/* parity: PROM-38 */
static void many_threads_may_await_the_same_promise(void) {
  enum { THREADS = 16 };
  awaiter_t awaiters[THREADS];
  kja_runtime_t runtime = runtime_open();
  kja_fulfiller_t fulfiller = 0;
  kja_promise_t promise = 0;
  CHECK_OK(kja_fulfiller_new(runtime, &fulfiller, &promise));
  for (int i = 0; i < THREADS; i++) awaiter_start(&awaiters[i], promise);
  let_them_fall_asleep();
  CHECK_OK(kja_fulfiller_u64(fulfiller, 1));
  for (int i = 0; i < THREADS; i++) CHECK_OK(awaiter_join(&awaiters[i]));
  CHECK_OK(kja_fulfiller_release(fulfiller));
  CHECK_OK(kja_promise_release(promise));
  runtime_close(runtime);
}

static void many_threads_may_await_different_promises(void) {
  enum { THREADS = 16 };
  awaiter_t awaiters[THREADS];
  kja_fulfiller_t fulfillers[THREADS];
  kja_runtime_t runtime = runtime_open();
  for (int i = 0; i < THREADS; i++) {
    kja_promise_t promise = 0;
    CHECK_OK(kja_fulfiller_new(runtime, &fulfillers[i], &promise));
    awaiter_start(&awaiters[i], promise);
  }
  for (int i = THREADS - 1; i >= 0; i--) {
    CHECK_OK(kja_fulfiller_unit(fulfillers[i]));
    CHECK_OK(awaiter_join(&awaiters[i]));
    CHECK_OK(kja_promise_release(awaiters[i].promise));
    CHECK_OK(kja_fulfiller_release(fulfillers[i]));
  }
  runtime_close(runtime);
}

/* Hits each moment of the beginning wait with the fulfilment, the one before it included. */
static void a_fulfilment_during_the_first_look_is_not_lost(void) {
  kja_runtime_t runtime = runtime_open();
  for (size_t i = 0, n = scaled(4000); i < n; i++) {
    kja_fulfiller_t fulfiller = 0;
    kja_promise_t promise = 0;
    awaiter_t awaiter;
    CHECK_OK(kja_fulfiller_new(runtime, &fulfiller, &promise));
    awaiter_start(&awaiter, promise);
    for (uint64_t until = kja_timer_now_nanos() + i * 37 % 60000; kja_timer_now_nanos() < until;) {}
    CHECK_OK(kja_fulfiller_unit(fulfiller));
    CHECK_OK(awaiter_join(&awaiter));
    CHECK_OK(kja_promise_release(promise));
    CHECK_OK(kja_fulfiller_release(fulfiller));
  }
  runtime_close(runtime);
}

static void an_await_does_not_hold_up_the_loop(void) {
  kja_runtime_t runtime = runtime_open();
  kja_promise_t never = 0, sleeping = 0;
  awaiter_t awaiter;
  CHECK_OK(kja_promise_new_never(runtime, &never));
  awaiter_start(&awaiter, never);
  for (int i = 0; i < 10; i++) {
    CHECK_OK(kja_timer_sleep_start(runtime, MILLISECOND, &sleeping));
    expect(sleeping, KJA_OK);
  }
  pair_t pair = pair_open(runtime);
  write_text(pair.client, "served");
  expect_text(read_start(pair.server, 6, 6), "served");
  pair_release(pair);
  CHECK_OK(kja_promise_cancel(never));
  CHECK_IS(awaiter_join(&awaiter), KJA_ERR_CANCELED);
  CHECK_OK(kja_promise_release(never));
  runtime_close(runtime);
}

/* A read is polled by the thread that awaits it: it has to drop it for the cancel. */
static void cancel_overtakes_an_await(void) {
  kja_runtime_t runtime = runtime_open();
  pair_t pair = pair_open(runtime);
  for (int i = 0; i < 20; i++) {
    char buffer[8];
    kja_promise_t reading = 0;
    count_t destroyed = {0};
    awaiter_t awaiter;
    CHECK_OK(kja_connection_read_into_start(pair.server, buffer, 1, 8, &destroyed, count_destroy, &reading));
    awaiter_start(&awaiter, reading);
    if (i % 4 == 0) let_them_fall_asleep();
    CHECK_OK(kja_promise_cancel(reading));
    CHECK_U64(count_get(&destroyed), 1);
    CHECK_IS(awaiter_join(&awaiter), KJA_ERR_CANCELED);
    CHECK_OK(kja_promise_release(reading));
  }
  write_text(pair.client, "after");
  expect_text(read_start(pair.server, 5, 5), "after");
  pair_release(pair);
  runtime_close(runtime);
}

static void release_ends_an_await(void) {
  kja_runtime_t runtime = runtime_open();
  for (int i = 0; i < 20; i++) {
    kja_promise_t never = 0;
    awaiter_t awaiter;
    CHECK_OK(kja_promise_new_never(runtime, &never));
    awaiter_start(&awaiter, never);
    if (i % 4 == 0) let_them_fall_asleep();
    CHECK_OK(kja_promise_release(never));
    kja_status_t status = awaiter_join(&awaiter);
    CHECK(status == KJA_ERR_CANCELED || status == KJA_ERR_BAD_HANDLE);
  }
  runtime_close(runtime);
}

/* parity: LOOP-06 */
static void shutdown_ends_every_await(void) {
  enum { THREADS = 8 };
  awaiter_t awaiters[THREADS];
  kja_runtime_t runtime = runtime_open();
  kja_promise_t promises[2];
  CHECK_OK(kja_promise_new_never(runtime, &promises[0]));
  CHECK_OK(kja_timer_sleep_start(runtime, 3600 * SECOND, &promises[1]));
  for (int i = 0; i < THREADS; i++) awaiter_start(&awaiters[i], promises[i % 2]);
  let_them_fall_asleep();
  CHECK_OK(kja_runtime_shutdown(runtime));
  for (int i = 0; i < THREADS; i++) {
    kja_status_t status = awaiter_join(&awaiters[i]);
    /* Only a thread that was not yet in its await can find the handle gone. */
    if (status != KJA_ERR_BAD_HANDLE) CHECK_IS(status, KJA_ERR_SHUTDOWN);
  }
  CHECK_OK(kja_runtime_release(runtime));
}

/* parity: PROM-13 */
static void await_for_keeps_its_deadline_and_the_promise(void) {
  kja_runtime_t runtime = runtime_open();
  kja_fulfiller_t fulfiller = 0;
  kja_promise_t promise = 0;
  const uint64_t waits[] = {0, 1, MILLISECOND, 20 * MILLISECOND};
  CHECK_OK(kja_fulfiller_new(runtime, &fulfiller, &promise));
  for (size_t i = 0; i < sizeof waits / sizeof *waits; i++) {
    uint64_t begin = kja_timer_now_nanos();
    CHECK_IS(kja_promise_await_for(promise, waits[i]), KJA_ERR_TIMED_OUT);
    uint64_t took = kja_timer_now_nanos() - begin;
    CHECK(took >= waits[i]);
    CHECK(took < waits[i] + 10 * SECOND);
    CHECK_IS(kja_promise_status(promise), KJA_ERR_PENDING);
  }
  CHECK_OK(kja_fulfiller_u64(fulfiller, 2));
  CHECK_OK(kja_promise_await_for(promise, 0));
  CHECK_OK(kja_promise_await_for(promise, UINT64_MAX));
  expect_u64(promise, 2);
  CHECK_OK(kja_fulfiller_release(fulfiller));
  runtime_close(runtime);
}

/* A timeout of the promise's own can be told from a deadline that passed. */
static void a_promise_that_failed_with_timed_out_has_settled(void) {
  kja_runtime_t runtime = runtime_open();
  kja_promise_t promise = 0;
  CHECK_OK(kja_promise_new_error(runtime, KJA_ERR_TIMED_OUT, 0, "its own", 7, &promise));
  CHECK_IS(kja_promise_await_for(promise, SECOND), KJA_ERR_TIMED_OUT);
  CHECK_IS(kja_promise_status(promise), KJA_ERR_TIMED_OUT);
  CHECK_OK(kja_promise_release(promise));
  runtime_close(runtime);
}

typedef struct inside_t {
  kja_runtime_t other;
  kja_promise_t never, settled, elsewhere;
} inside_t;

static void await_inside(void *ctx, kja_call_t call) {
  inside_t *inside = (inside_t *)ctx;
  (void)call;
  CHECK_IS(kja_promise_await(inside->never), KJA_ERR_WOULD_DEADLOCK);
  CHECK_IS(kja_promise_await_for(inside->never, SECOND), KJA_ERR_WOULD_DEADLOCK);
  CHECK_IS(kja_promise_await(inside->elsewhere), KJA_ERR_WOULD_DEADLOCK);
}

/* parity: PROM-12 */
static void awaiting_on_a_loop_is_refused(void) {
  inside_t inside;
  kja_runtime_t runtime = runtime_open();
  kja_promise_t unit = 0, then = 0;
  inside.other = runtime_open();
  CHECK_OK(kja_promise_new_never(runtime, &inside.never));
  CHECK_OK(kja_promise_new_never(inside.other, &inside.elsewhere));
  CHECK_OK(kja_promise_new_unit(runtime, &unit));
  CHECK_OK(kja_promise_then(unit, await_inside, &inside, NULL, &then));
  expect(then, KJA_OK);
  CHECK_OK(kja_promise_release(unit));
  CHECK_OK(kja_promise_release(inside.never));
  CHECK_OK(kja_promise_release(inside.elsewhere));
  runtime_close(inside.other);
  runtime_close(runtime);
}

typedef struct client_t {
  kja_runtime_t runtime;
  pair_t pair;
  size_t rounds;
} client_t;

static void *ping_pong(void *arg) {
  client_t *client = (client_t *)arg;
  for (size_t i = 0; i < client->rounds; i++) {
    write_text(client->pair.client, "ping");
    expect_text(read_start(client->pair.server, 4, 4), "ping");
  }
  return NULL;
}

static void many_threads_may_do_io_on_one_runtime(void) {
  enum { THREADS = 8 };
  client_t clients[THREADS];
  pthread_t threads[THREADS];
  kja_runtime_t runtime = runtime_open();
  for (int i = 0; i < THREADS; i++) {
    clients[i].runtime = runtime;
    clients[i].pair = pair_open(runtime);
    clients[i].rounds = scaled(1000);
    pthread_create(&threads[i], NULL, ping_pong, &clients[i]);
  }
  for (int i = 0; i < THREADS; i++) {
    pthread_join(threads[i], NULL);
    pair_release(clients[i].pair);
  }
  runtime_close(runtime);
}

int main(void) {
  RUN(many_threads_may_await_the_same_promise);
  RUN(many_threads_may_await_different_promises);
  RUN(a_fulfilment_during_the_first_look_is_not_lost);
  RUN(an_await_does_not_hold_up_the_loop);
  RUN(cancel_overtakes_an_await);
  RUN(release_ends_an_await);
  RUN(shutdown_ends_every_await);
  RUN_IN_BOTH(await_for_keeps_its_deadline_and_the_promise);
  RUN_IN_BOTH(a_promise_that_failed_with_timed_out_has_settled);
  RUN_IN_BOTH(awaiting_on_a_loop_is_refused);
  RUN(many_threads_may_do_io_on_one_runtime);
  return check_done();
}
