#include "expect.h"
#include "gate.h"
#include "options.h"

typedef struct fulfilled_t {
  kja_fulfiller_t fulfiller;
  kja_promise_t promise;
} fulfilled_t;

static fulfilled_t fulfilled_new(kja_runtime_t runtime) {
  fulfilled_t pair = {0, 0};
  CHECK_OK(kja_fulfiller_new(runtime, &pair.fulfiller, &pair.promise));
  CHECK(kja_fulfiller_is_waiting(pair.fulfiller));
  CHECK_IS(kja_promise_status(pair.promise), KJA_ERR_PENDING);
  return pair;
}

/* parity: FULF-01, FULF-02, FULF-06, FULF-07 */
static void every_type_of_value_arrives(void) {
  kja_runtime_t runtime = runtime_open();
  kja_bytes_t bytes = 0;
  kja_executor_t executor = 0;
  count_t destroyed = {0};
  void *pointer = NULL;
  fulfilled_t pair = fulfilled_new(runtime);
  CHECK_OK(kja_fulfiller_unit(pair.fulfiller));
  CHECK(!kja_fulfiller_is_waiting(pair.fulfiller));
  expect_already(pair.promise, KJA_OK);
  CHECK_OK(kja_fulfiller_release(pair.fulfiller));
  pair = fulfilled_new(runtime);
  CHECK_OK(kja_fulfiller_u64(pair.fulfiller, 12));
  expect_u64(pair.promise, 12);
  CHECK_OK(kja_fulfiller_release(pair.fulfiller));
  pair = fulfilled_new(runtime);
  CHECK_OK(kja_bytes_new("by hand", 7, &bytes));
  CHECK_OK(kja_fulfiller_bytes(pair.fulfiller, bytes));
  CHECK_OK(kja_bytes_release(bytes));
  expect_text(pair.promise, "by hand");
  CHECK_OK(kja_fulfiller_release(pair.fulfiller));
  pair = fulfilled_new(runtime);
  CHECK_OK(kja_runtime_executor(runtime, &executor));
  CHECK_OK(kja_fulfiller_handle(pair.fulfiller, executor));
  CHECK_OK(kja_executor_release(executor));
  executor = handle_from(pair.promise);
  CHECK(kja_executor_is_live(executor));
  CHECK_OK(kja_executor_release(executor));
  CHECK_OK(kja_fulfiller_release(pair.fulfiller));
  pair = fulfilled_new(runtime);
  CHECK_OK(kja_fulfiller_opaque(pair.fulfiller, &destroyed, count_destroy));
  CHECK_OK(kja_promise_opaque(pair.promise, &pointer));
  CHECK(pointer == &destroyed);
  CHECK_OK(kja_fulfiller_release(pair.fulfiller));
  CHECK_U64(count_get(&destroyed), 0);
  CHECK_OK(kja_promise_release(pair.promise));
  CHECK_U64(count_get(&destroyed), 1);
  pair = fulfilled_new(runtime);
  CHECK_OK(kja_fulfiller_error(pair.fulfiller, KJA_ERR_DISCONNECTED, 32, "gone", 4));
  expect(pair.promise, KJA_ERR_DISCONNECTED);
  CHECK_U64(kja_last_error_os(), 32);
  CHECK_OK(kja_fulfiller_release(pair.fulfiller));
  runtime_close(runtime);
}

/* parity: FULF-01, FULF-02 */
static void the_first_settlement_counts(void) {
  kja_runtime_t runtime = runtime_open();
  count_t destroyed = {0};
  fulfilled_t pair = fulfilled_new(runtime);
  CHECK_OK(kja_fulfiller_u64(pair.fulfiller, 1));
  CHECK_OK(kja_fulfiller_u64(pair.fulfiller, 2));
  CHECK_OK(kja_fulfiller_error(pair.fulfiller, KJA_ERR_FAILED, 0, "late", 4));
  CHECK_OK(kja_fulfiller_opaque(pair.fulfiller, &destroyed, count_destroy));
  CHECK_U64(count_get(&destroyed), 1);
  CHECK_OK(kja_fulfiller_release(pair.fulfiller));
  expect_u64(pair.promise, 1);
  runtime_close(runtime);
}

/* parity: FULF-04, EXC-10 */
static void a_fulfiller_released_unused_rejects(void) {
  kja_runtime_t runtime = runtime_open();
  fulfilled_t pair = fulfilled_new(runtime);
  CHECK_OK(kja_fulfiller_release(pair.fulfiller));
  expect_already(pair.promise, KJA_ERR_FAILED);
  CHECK(kja_last_error_text(NULL, 0) > 0);
  runtime_close(runtime);
}

/* parity: FULF-03 */
static void nobody_waits_once_the_promise_is_gone(void) {
  kja_runtime_t runtime = runtime_open();
  count_t destroyed = {0};
  kja_promise_t out = 0;
  fulfilled_t pair = fulfilled_new(runtime);
  CHECK_OK(kja_promise_release(pair.promise));
  CHECK(!kja_fulfiller_is_waiting(pair.fulfiller));
  CHECK_OK(kja_fulfiller_opaque(pair.fulfiller, &destroyed, count_destroy));
  CHECK_OK(kja_fulfiller_release(pair.fulfiller));
  CHECK_U64(count_get(&destroyed), 1);
  pair = fulfilled_new(runtime);
  CHECK_OK(kja_promise_cancel(pair.promise));
  CHECK(!kja_fulfiller_is_waiting(pair.fulfiller));
  CHECK_OK(kja_fulfiller_u64(pair.fulfiller, 1));
  expect_already(pair.promise, KJA_ERR_CANCELED);
  CHECK_OK(kja_fulfiller_release(pair.fulfiller));
  pair = fulfilled_new(runtime);
  CHECK_OK(kja_promise_fork(pair.promise, &out));
  CHECK_OK(kja_promise_release(pair.promise));
  CHECK(kja_fulfiller_is_waiting(pair.fulfiller));
  CHECK_OK(kja_promise_release(out));
  CHECK(!kja_fulfiller_is_waiting(pair.fulfiller));
  CHECK_OK(kja_fulfiller_release(pair.fulfiller));
  runtime_close(runtime);
}

/* parity: FULF-08 */
static void another_promise_may_decide(void) {
  kja_runtime_t runtime = runtime_open();
  kja_promise_t sleeping = 0, never = 0, attached = 0;
  count_t gone = {0};
  fulfilled_t pair = fulfilled_new(runtime);
  CHECK_OK(kja_timer_sleep_start(runtime, MILLISECOND, &sleeping));
  CHECK_OK(kja_fulfiller_promise(pair.fulfiller, sleeping));
  CHECK_IS(kja_promise_release(sleeping), KJA_ERR_BAD_HANDLE);
  CHECK_OK(kja_fulfiller_u64(pair.fulfiller, 1));
  CHECK_OK(kja_fulfiller_release(pair.fulfiller));
  expect(pair.promise, KJA_OK);
  pair = fulfilled_new(runtime);
  CHECK_OK(kja_promise_new_never(runtime, &never));
  CHECK_OK(kja_promise_attach(never, &gone, count_destroy, &attached));
  CHECK_OK(kja_promise_release(never));
  CHECK_OK(kja_fulfiller_promise(pair.fulfiller, attached));
  CHECK_OK(kja_fulfiller_release(pair.fulfiller));
  CHECK_IS(kja_promise_status(pair.promise), KJA_ERR_PENDING);
  CHECK_U64(count_get(&gone), 0);
  CHECK_OK(kja_promise_release(pair.promise));
  CHECK_U64(count_get(&gone), 1);
  runtime_close(runtime);
}

static void a_promise_cannot_decide_over_itself(void) {
  kja_runtime_t runtime = runtime_open();
  fulfilled_t pair = fulfilled_new(runtime);
  kja_promise_t watched = 0;
  CHECK_OK(kja_promise_fork(pair.promise, &watched));
  CHECK_OK(kja_fulfiller_promise(pair.fulfiller, pair.promise));
  CHECK_OK(kja_fulfiller_release(pair.fulfiller));
  expect(watched, KJA_ERR_FAILED);
  runtime_close(runtime);
}

typedef struct worker_t {
  kja_fulfiller_t *fulfillers;
  size_t count;
  uint64_t number;
} worker_t;

static void *fulfil_all(void *arg) {
  worker_t *worker = (worker_t *)arg;
  for (size_t i = 0; i < worker->count; i++) {
    CHECK_OK(kja_fulfiller_u64(worker->fulfillers[i], worker->number));
  }
  return NULL;
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

/* parity: FULF-10, FULF-11, FULF-13 */
static void results_of_another_thread_arrive_in_the_order_sent(void) {
  enum { MANY = 2000 };
  static kja_fulfiller_t fulfillers[MANY];
  static kja_promise_t then[MANY];
  static order_t orders[MANY];
  kja_runtime_t runtime = runtime_open();
  count_t next = {0};
  for (int i = 0; i < MANY; i++) {
    fulfilled_t pair = fulfilled_new(runtime);
    fulfillers[i] = pair.fulfiller;
    orders[i].next = &next;
    orders[i].place = (uint64_t)i;
    CHECK_OK(kja_promise_then(pair.promise, check_place, &orders[i], NULL, &then[i]));
    CHECK_OK(kja_promise_release(pair.promise));
  }
  worker_t worker = {fulfillers, MANY, 1};
  pthread_t thread;
  pthread_create(&thread, NULL, fulfil_all, &worker);
  for (int i = 0; i < MANY; i++) expect(then[i], KJA_OK);
  pthread_join(thread, NULL);
  for (int i = 0; i < MANY; i++) CHECK_OK(kja_fulfiller_release(fulfillers[i]));
  CHECK_U64(count_get(&next), MANY);
  runtime_close(runtime);
}

static void threads_that_race_to_fulfil_agree_on_one_winner(void) {
  enum { THREADS = 4, MANY = 500 };
  static kja_fulfiller_t fulfillers[MANY];
  static kja_promise_t promises[MANY];
  kja_runtime_t runtime = runtime_open();
  pthread_t threads[THREADS];
  worker_t workers[THREADS];
  for (int i = 0; i < MANY; i++) {
    fulfilled_t pair = fulfilled_new(runtime);
    fulfillers[i] = pair.fulfiller;
    promises[i] = pair.promise;
  }
  for (int i = 0; i < THREADS; i++) {
    workers[i].fulfillers = fulfillers;
    workers[i].count = MANY;
    workers[i].number = (uint64_t)i;
    pthread_create(&threads[i], NULL, fulfil_all, &workers[i]);
  }
  for (int i = 0; i < MANY; i++) {
    uint64_t first = 0, again = 0;
    CHECK_OK(kja_promise_await(promises[i]));
    CHECK_OK(kja_promise_u64(promises[i], &first));
    CHECK(first < THREADS);
    CHECK_OK(kja_promise_u64(promises[i], &again));
    CHECK_U64(again, first);
  }
  for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
  for (int i = 0; i < MANY; i++) {
    CHECK_OK(kja_fulfiller_release(fulfillers[i]));
    CHECK_OK(kja_promise_release(promises[i]));
  }
  runtime_close(runtime);
}

static void return_what_is_asked_for(void *ctx, kja_call_t call) {
  if (ctx) CHECK_OK(kja_call_return_error(call, KJA_ERR_OVERLOADED, 0, (const char *)ctx, strlen((const char *)ctx)));
}

/* parity: FULF-05 */
static void what_a_function_fails_with_may_settle_the_promise(void) {
  static char full[] = "full";
  kja_runtime_t runtime = runtime_open();
  kja_promise_t tried = 0;
  fulfilled_t pair = fulfilled_new(runtime);
  CHECK_OK(kja_promise_eval_now(runtime, return_what_is_asked_for, NULL, NULL, &tried));
  expect_already(tried, KJA_OK);
  CHECK(kja_fulfiller_is_waiting(pair.fulfiller));
  CHECK_OK(kja_promise_eval_now(runtime, return_what_is_asked_for, full, NULL, &tried));
  CHECK_IS(kja_promise_status(tried), KJA_ERR_OVERLOADED);
  CHECK_OK(kja_fulfiller_promise(pair.fulfiller, tried));
  CHECK(!kja_fulfiller_is_waiting(pair.fulfiller));
  CHECK_OK(kja_fulfiller_release(pair.fulfiller));
  expect_error_text(pair.promise, KJA_ERR_OVERLOADED, full);
  runtime_close(runtime);
}

/* An operation of somebody else's, which a promise stands for: it ends with the promise. */
typedef struct foreign_t {
  kja_fulfiller_t fulfiller;
  count_t canceled;
} foreign_t;
static void foreign_destroy(void *ctx) {
  foreign_t *foreign = (foreign_t *)ctx;
  count_add(&foreign->canceled, kja_fulfiller_is_waiting(foreign->fulfiller) ? 100 : 1);
  CHECK_OK(kja_fulfiller_release(foreign->fulfiller));
}
static kja_promise_t foreign_start(kja_runtime_t runtime, foreign_t *foreign) {
  kja_promise_t promise = 0;
  fulfilled_t pair = fulfilled_new(runtime);
  memset(foreign, 0, sizeof *foreign);
  foreign->fulfiller = pair.fulfiller;
  CHECK_OK(kja_promise_attach(pair.promise, foreign, foreign_destroy, &promise));
  CHECK_OK(kja_promise_release(pair.promise));
  return promise;
}

/* parity: FULF-09 */
static void a_foreign_operation_ends_with_the_promise_that_stands_for_it(void) {
  kja_runtime_t runtime = runtime_open();
  foreign_t foreign;
  kja_promise_t promise = foreign_start(runtime, &foreign);
  CHECK_U64(count_get(&foreign.canceled), 0);
  CHECK_OK(kja_fulfiller_u64(foreign.fulfiller, 7));
  expect_u64(promise, 7);
  CHECK_U64(count_get(&foreign.canceled), 1);
  CHECK_IS(kja_fulfiller_u64(foreign.fulfiller, 8), KJA_ERR_BAD_HANDLE);
  promise = foreign_start(runtime, &foreign);
  CHECK_OK(kja_promise_release(promise));
  CHECK_U64(count_get(&foreign.canceled), 1);
  CHECK_IS(kja_fulfiller_u64(foreign.fulfiller, 8), KJA_ERR_BAD_HANDLE);
  promise = foreign_start(runtime, &foreign);
  CHECK_OK(kja_promise_cancel(promise));
  CHECK_U64(count_get(&foreign.canceled), 1);
  expect_already(promise, KJA_ERR_CANCELED);
  runtime_close(runtime);
}

typedef struct remote_t {
  kja_fulfiller_t rejected, dropped;
} remote_t;
static void *reject_and_drop(void *arg) {
  remote_t *remote = (remote_t *)arg;
  CHECK(kja_fulfiller_is_waiting(remote->rejected));
  CHECK_OK(kja_fulfiller_error(remote->rejected, KJA_ERR_OVERLOADED, 0, "elsewhere", 9));
  CHECK(!kja_fulfiller_is_waiting(remote->rejected));
  CHECK_OK(kja_fulfiller_u64(remote->rejected, 1));
  CHECK(kja_fulfiller_is_waiting(remote->dropped));
  CHECK_OK(kja_fulfiller_release(remote->dropped));
  return NULL;
}
static void *call_in_vain(void *arg) {
  kja_fulfiller_t fulfiller = *(kja_fulfiller_t *)arg;
  CHECK(!kja_fulfiller_is_waiting(fulfiller));
  CHECK_IS(kja_fulfiller_u64(fulfiller, 1), KJA_ERR_BAD_HANDLE);
  CHECK_IS(kja_fulfiller_error(fulfiller, KJA_ERR_FAILED, 0, "late", 4), KJA_ERR_BAD_HANDLE);
  CHECK_IS(kja_fulfiller_release(fulfiller), KJA_ERR_BAD_HANDLE);
  return NULL;
}

/* parity: FULF-10 */
static void another_thread_may_reject_ask_and_drop_also_when_the_loop_is_gone(void) {
  kja_runtime_t runtime = runtime_open();
  fulfilled_t rejected = fulfilled_new(runtime), dropped = fulfilled_new(runtime), late = fulfilled_new(runtime);
  remote_t remote = {rejected.fulfiller, dropped.fulfiller};
  pthread_t thread;
  pthread_create(&thread, NULL, reject_and_drop, &remote);
  expect_error_text(rejected.promise, KJA_ERR_OVERLOADED, "elsewhere");
  expect(dropped.promise, KJA_ERR_FAILED);
  pthread_join(thread, NULL);
  CHECK_OK(kja_fulfiller_release(rejected.fulfiller));
  CHECK_OK(kja_runtime_shutdown(runtime));
  pthread_create(&thread, NULL, call_in_vain, &late.fulfiller);
  pthread_join(thread, NULL);
  CHECK_OK(kja_runtime_release(runtime));
}

typedef struct elsewhere_t {
  kja_runtime_t there;
  fulfilled_t pair;
  kja_promise_t then;
  count_t ran;
} elsewhere_t;
static void check_there(void *ctx, kja_call_t call) {
  elsewhere_t *elsewhere = (elsewhere_t *)ctx;
  uint64_t value = 0;
  CHECK(kja_runtime_on_loop(elsewhere->there));
  CHECK_OK(kja_call_u64(call, &value));
  count_add(&elsewhere->ran, value);
}
static void make_a_pair_for_there(void *ctx, kja_call_t call) {
  elsewhere_t *elsewhere = (elsewhere_t *)ctx;
  (void)call;
  CHECK(!kja_runtime_on_loop(elsewhere->there));
  elsewhere->pair = fulfilled_new(elsewhere->there);
}

/* parity: FULF-12 */
static void a_pair_may_be_made_for_another_loop(void) {
  kja_runtime_t here = runtime_open();
  elsewhere_t elsewhere;
  kja_fulfiller_t fulfiller = 1;
  kja_promise_t promise = 1;
  memset(&elsewhere, 0, sizeof elsewhere);
  elsewhere.there = runtime_open();
  run_on_loop(here, make_a_pair_for_there, &elsewhere);
  CHECK_OK(kja_promise_then(elsewhere.pair.promise, check_there, &elsewhere, NULL, &elsewhere.then));
  CHECK_OK(kja_promise_release(elsewhere.pair.promise));
  CHECK_OK(kja_fulfiller_u64(elsewhere.pair.fulfiller, 3));
  expect(elsewhere.then, KJA_OK);
  CHECK_U64(count_get(&elsewhere.ran), 3);
  CHECK_OK(kja_fulfiller_release(elsewhere.pair.fulfiller));
  CHECK_OK(kja_runtime_shutdown(elsewhere.there));
  CHECK_IS(kja_fulfiller_new(elsewhere.there, &fulfiller, &promise), KJA_ERR_SHUTDOWN);
  CHECK_U64(fulfiller, 0);
  CHECK_U64(promise, 0);
  CHECK_OK(kja_runtime_release(elsewhere.there));
  runtime_close(here);
}

int main(void) {
  RUN_IN_BOTH(every_type_of_value_arrives);
  RUN_IN_BOTH(the_first_settlement_counts);
  RUN_IN_BOTH(a_fulfiller_released_unused_rejects);
  RUN_IN_BOTH(nobody_waits_once_the_promise_is_gone);
  RUN_IN_BOTH(another_promise_may_decide);
  RUN_IN_BOTH(a_promise_cannot_decide_over_itself);
  RUN_IN_BOTH(results_of_another_thread_arrive_in_the_order_sent);
  RUN(threads_that_race_to_fulfil_agree_on_one_winner);
  RUN_IN_BOTH(what_a_function_fails_with_may_settle_the_promise);
  RUN_IN_BOTH(a_foreign_operation_ends_with_the_promise_that_stands_for_it);
  RUN_IN_BOTH(another_thread_may_reject_ask_and_drop_also_when_the_loop_is_gone);
  RUN_IN_BOTH(a_pair_may_be_made_for_another_loop);
  return check_done();
}
