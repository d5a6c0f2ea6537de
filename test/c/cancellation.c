/* Cancel means gone now: the operation, its callback and what it had borrowed. */
#include "gate.h"
#include "loopback.h"
#include "options.h"

/* parity: PROM-01, CANC-04, TIME-05 */
static void a_timer_is_gone(void) {
  kja_runtime_t runtime = virtual_open();
  kja_promise_t sleeping = 0, then = 0;
  count_t destroyed = {0};
  CHECK_OK(kja_timer_sleep_start(runtime, 5 * MILLISECOND, &sleeping));
  CHECK_OK(kja_promise_then(sleeping, must_not_run, &destroyed, count_destroy, &then));
  CHECK_OK(kja_promise_release(sleeping));
  CHECK_OK(kja_promise_cancel(then));
  CHECK_U64(count_get(&destroyed), 1);
  let_time_pass(runtime, 10 * MILLISECOND);
  expect_already(then, KJA_ERR_CANCELED);
  runtime_close(runtime);
}

static void a_settled_promise_stays_as_it_is(void) {
  kja_runtime_t runtime = runtime_open();
  kja_promise_t promise = 0;
  CHECK_OK(kja_promise_new_u64(runtime, 6, &promise));
  CHECK_OK(kja_promise_cancel(promise));
  CHECK_OK(kja_promise_cancel(promise));
  expect_u64(promise, 6);
  CHECK_OK(kja_promise_new_never(runtime, &promise));
  CHECK_OK(kja_promise_cancel(promise));
  CHECK_OK(kja_promise_cancel(promise));
  expect_already(promise, KJA_ERR_CANCELED);
  runtime_close(runtime);
}

/* parity: PROM-01, CANC-04, STRM-01 */
static void a_read_gives_its_buffer_back_and_the_connection_goes_on(void) {
  kja_runtime_t runtime = runtime_open();
  pair_t pair = pair_open(runtime);
  char buffer[64];
  kja_promise_t reading = 0;
  count_t destroyed = {0};
  for (int i = 0; i < 100; i++) {
    memset(buffer, '#', sizeof buffer);
    CHECK_OK(kja_connection_read_into_start(pair.server, buffer, 1, sizeof buffer, &destroyed, count_destroy, &reading));
    CHECK_IS(kja_promise_status(reading), KJA_ERR_PENDING);
    CHECK_OK(i % 2 ? kja_promise_cancel(reading) : kja_promise_release(reading));
    CHECK_U64(count_get(&destroyed), i + 1);
    if (i % 2) expect_already(reading, KJA_ERR_CANCELED);
    write_text(pair.client, "after");
    expect_text(read_start(pair.server, 5, 64), "after");
    CHECK(buffer[0] == '#');
  }
  pair_release(pair);
  runtime_close(runtime);
}

/* parity: CANC-04, NET-16 */
static void an_accept_is_gone_and_the_listener_goes_on(void) {
  kja_runtime_t runtime = runtime_open();
  kja_listener_t listener = listen_on_loopback(runtime);
  for (int i = 0; i < 20; i++) {
    kja_promise_t accepting = accept_start(listener);
    CHECK_OK(kja_promise_cancel(accepting));
    expect_already(accepting, KJA_ERR_CANCELED);
    kja_promise_t connecting = connect_start(listener);
    kja_connection_t server = handle_from(accept_start(listener)), client = handle_from(connecting);
    write_text(server, "hello");
    expect_text(read_start(client, 5, 5), "hello");
    CHECK_OK(kja_connection_release(server));
    CHECK_OK(kja_connection_release(client));
  }
  CHECK_OK(kja_listener_release(listener));
  runtime_close(runtime);
}

/* parity: PROM-01, NET-11 */
static void a_connect_closes_its_socket(void) {
  kja_runtime_t runtime = runtime_open();
  kja_listener_t listener = listen_on_loopback(runtime);
  unsigned fds = open_fds();
  for (int i = 0; i < 50; i++) {
    kja_promise_t connecting = connect_start(listener);
    CHECK_OK(kja_promise_release(connecting));
    CHECK_U64(open_fds(), fds);
  }
  CHECK_OK(kja_listener_release(listener));
  runtime_close(runtime);
}

/* parity: CANC-04, STRM-10 */
static void a_write_gives_its_data_back(void) {
  kja_runtime_t runtime = runtime_open();
  pair_t pair = pair_open(runtime);
  size_t size = 16 << 20;
  char *data = (char *)calloc(1, size);
  count_t destroyed = {0};
  kja_promise_t writing = 0;
  CHECK_OK(kja_connection_write_borrowed_start(pair.client, data, size, &destroyed, count_destroy, &writing));
  CHECK_IS(kja_promise_status(writing), KJA_ERR_PENDING);
  CHECK_OK(kja_promise_cancel(writing));
  CHECK_U64(count_get(&destroyed), 1);
  free(data);
  expect_already(writing, KJA_ERR_CANCELED);
  pair_release(pair);
  runtime_close(runtime);
}

typedef struct own_t {
  kja_promise_t self, never;
  count_t ran, destroyed;
} own_t;

static void cancel_oneself(void *ctx, kja_call_t call) {
  own_t *own = (own_t *)ctx;
  count_add(&own->ran, 1);
  CHECK_OK(kja_promise_cancel(own->self));
  CHECK_U64(count_get(&own->destroyed), 0);
  CHECK_OK(kja_call_return_u64(call, 1));
}
static void own_destroy(void *ctx) {
  count_add(&((own_t *)ctx)->destroyed, 1);
}

/* parity: PROM-39 */
static void a_callback_may_cancel_its_own_promise(void) {
  own_t own;
  memset(&own, 0, sizeof own);
  kja_runtime_t runtime = runtime_open();
  kja_fulfiller_t fulfiller = 0;
  kja_promise_t first = 0;
  CHECK_OK(kja_fulfiller_new(runtime, &fulfiller, &first));
  CHECK_OK(kja_promise_then(first, cancel_oneself, &own, own_destroy, &own.self));
  CHECK_OK(kja_fulfiller_unit(fulfiller));
  CHECK_IS(kja_promise_await(own.self), KJA_ERR_CANCELED);
  CHECK_U64(count_get(&own.ran), 1);
  CHECK_U64(count_get(&own.destroyed), 1);
  CHECK_OK(kja_promise_release(own.self));
  CHECK_OK(kja_promise_release(first));
  CHECK_OK(kja_fulfiller_release(fulfiller));
  runtime_close(runtime);
}

static void release_oneself(void *ctx, kja_call_t call) {
  own_t *own = (own_t *)ctx;
  (void)call;
  CHECK_OK(kja_promise_release(own->self));
  CHECK_U64(count_get(&own->destroyed), 0);
  count_add(&own->ran, 1);
}

/* parity: PROM-39 */
static void a_callback_may_release_its_own_promise(void) {
  own_t own;
  memset(&own, 0, sizeof own);
  kja_runtime_t runtime = runtime_open();
  kja_fulfiller_t fulfiller = 0;
  kja_promise_t first = 0;
  CHECK_OK(kja_fulfiller_new(runtime, &fulfiller, &first));
  CHECK_OK(kja_promise_then(first, release_oneself, &own, own_destroy, &own.self));
  CHECK_OK(kja_fulfiller_unit(fulfiller));
  let_loop_catch_up(runtime);
  CHECK_U64(count_get(&own.ran), 1);
  CHECK_U64(count_get(&own.destroyed), 1);
  CHECK_OK(kja_promise_release(first));
  CHECK_OK(kja_fulfiller_release(fulfiller));
  runtime_close(runtime);
}

/* A destructor that drops a further promise: it may not meet a lock that its caller holds. */
static void release_never(void *ctx) {
  own_t *own = (own_t *)ctx;
  CHECK_OK(kja_promise_release(own->never));
  count_add(&own->destroyed, 1);
}

static void a_destructor_may_release_another_promise(void) {
  own_t own;
  memset(&own, 0, sizeof own);
  kja_runtime_t runtime = runtime_open();
  kja_promise_t promise = 0, out = 0, attached = 0;
  CHECK_OK(kja_promise_new_never(runtime, &promise));
  CHECK_OK(kja_promise_attach(promise, &own.ran, count_destroy, &own.never));
  CHECK_OK(kja_promise_attach(promise, &own, release_never, &attached));
  CHECK_OK(kja_promise_then(attached, must_not_run, NULL, NULL, &out));
  CHECK_OK(kja_promise_release(attached));
  CHECK_OK(kja_promise_cancel(out));
  CHECK_U64(count_get(&own.destroyed), 1);
  CHECK_U64(count_get(&own.ran), 1);
  CHECK_OK(kja_promise_release(out));
  CHECK_OK(kja_promise_release(promise));
  runtime_close(runtime);
}

typedef struct canceler_t {
  kja_promise_t *promises;
  size_t count;
} canceler_t;
static void *cancel_all(void *arg) {
  canceler_t *canceler = (canceler_t *)arg;
  for (size_t i = 0; i < canceler->count; i++) CHECK_OK(kja_promise_cancel(canceler->promises[i]));
  return NULL;
}

/* Threads cancel continuations just as the loop gets round to running them. */
/* parity: PROM-38 */
static void other_threads_cancel_while_it_settles(void) {
  enum { THREADS = 3, MANY = 300 };
  kja_runtime_t runtime = runtime_open();
  kja_promise_t promises[MANY];
  count_t ran = {0}, destroyed = {0};
  for (size_t round = 0, rounds = scaled(30); round < rounds; round++) {
    pthread_t threads[THREADS];
    canceler_t canceler = {promises, MANY};
    kja_promise_t turn = 0;
    count_set(&ran, 0);
    count_set(&destroyed, 0);
    CHECK_OK(kja_timer_yield_start(runtime, &turn));
    for (int i = 0; i < MANY; i++) CHECK_OK(kja_promise_then(turn, count_run, &ran, NULL, &promises[i]));
    for (int i = 0; i < THREADS; i++) pthread_create(&threads[i], NULL, cancel_all, &canceler);
    for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
    uint64_t ran_by_now = count_get(&ran), succeeded = 0;
    for (int i = 0; i < MANY; i++) {
      kja_status_t status = kja_promise_status(promises[i]);
      CHECK(status == KJA_OK || status == KJA_ERR_CANCELED);
      succeeded += status == KJA_OK;
      CHECK_OK(kja_promise_release(promises[i]));
    }
    /* Whatever ran may have been cancelled while it did; whatever did not run was. */
    CHECK(succeeded <= ran_by_now);
    CHECK_OK(kja_promise_release(turn));
    CHECK_OK(kja_timer_yield_start(runtime, &turn));
    expect(turn, KJA_OK);
    CHECK_U64(count_get(&ran), ran_by_now);
  }
  runtime_close(runtime);
}

/* The cancel of what runs right now waits until it has run. */
static void *open_soon(void *arg) {
  struct timespec moment = {0, 20000000};
  nanosleep(&moment, NULL);
  gate_open((gate_t *)arg);
  return NULL;
}

/* parity: EXEC-05 */
static void a_cancel_from_outside_waits_for_a_running_callback(void) {
  kja_runtime_t runtime = runtime_open();
  kja_executor_t executor = 0;
  kja_promise_t holding = 0;
  pthread_t thread;
  hold_t hold;
  count_t destroyed = {0};
  kja_promise_t attached = 0;
  hold_init(&hold);
  CHECK_OK(kja_runtime_executor(runtime, &executor));
  CHECK_OK(kja_executor_execute_start(executor, hold_callback, &hold, NULL, &holding));
  CHECK_OK(kja_promise_attach(holding, &destroyed, count_destroy, &attached));
  gate_pass(&hold.begun);
  pthread_create(&thread, NULL, open_soon, &hold.end);
  CHECK_OK(kja_promise_cancel(holding));
  CHECK(hold.end.open);
  expect(attached, KJA_ERR_CANCELED);
  CHECK_U64(count_get(&destroyed), 1);
  pthread_join(thread, NULL);
  CHECK_OK(kja_promise_release(holding));
  CHECK_OK(kja_executor_release(executor));
  runtime_close(runtime);
  hold_destroy(&hold);
}

int main(void) {
  RUN_IN_BOTH(a_timer_is_gone);
  RUN_IN_BOTH(a_settled_promise_stays_as_it_is);
  RUN_IN_BOTH(a_read_gives_its_buffer_back_and_the_connection_goes_on);
  RUN_IN_BOTH(an_accept_is_gone_and_the_listener_goes_on);
  RUN_IN_BOTH(a_connect_closes_its_socket);
  RUN_IN_BOTH(a_write_gives_its_data_back);
  RUN_IN_BOTH(a_callback_may_cancel_its_own_promise);
  RUN_IN_BOTH(a_callback_may_release_its_own_promise);
  RUN_IN_BOTH(a_destructor_may_release_another_promise);
  RUN(other_threads_cancel_while_it_settles);
  RUN(a_cancel_from_outside_waits_for_a_running_callback);
  return check_done();
}
