#include "expect.h"
#include "gate.h"

static void return_42(void *ctx, kja_call_t call) {
  (void)ctx;
  CHECK_OK(kja_call_status(call));
  CHECK_OK(kja_call_return_u64(call, 42));
}

static void return_overloaded(void *ctx, kja_call_t call) {
  (void)ctx;
  CHECK_OK(kja_call_return_error(call, KJA_ERR_OVERLOADED, 11, "too much", 8));
}

static void note_thread(void *ctx, kja_call_t call) {
  (void)call;
  *(pthread_t *)ctx = pthread_self();
}

static kja_executor_t executor_of(kja_runtime_t runtime) {
  kja_executor_t executor = 0;
  CHECK_OK(kja_runtime_executor(runtime, &executor));
  return executor;
}

/* parity: EXEC-01, EXEC-04 */
static void execute_start_gives_a_promise_of_the_result(void) {
  kja_runtime_t runtime = runtime_open();
  kja_executor_t executor = executor_of(runtime);
  kja_promise_t promise = 0;
  CHECK_OK(kja_executor_execute_start(executor, return_42, NULL, NULL, &promise));
  expect_u64(promise, 42);
  CHECK_OK(kja_executor_execute_start(executor, return_overloaded, NULL, NULL, &promise));
  expect(promise, KJA_ERR_OVERLOADED);
  CHECK_U64(kja_last_error_os(), 11);
  CHECK_OK(kja_executor_release(executor));
  runtime_close(runtime);
}

/* parity: EXEC-06, EXEC-07 */
static void execute_blocks_until_it_is_done_on_the_loop(void) {
  kja_runtime_t runtime = runtime_open();
  kja_executor_t executor = executor_of(runtime);
  pthread_t first = pthread_self(), second = pthread_self();
  count_t destroyed = {0};
  CHECK_OK(kja_executor_execute(executor, note_thread, &first, NULL));
  CHECK_OK(kja_executor_execute(executor, note_thread, &second, NULL));
  CHECK(!pthread_equal(first, pthread_self()));
  CHECK(pthread_equal(first, second));
  CHECK_OK(kja_executor_execute(executor, return_42, &destroyed, count_destroy));
  CHECK_U64(count_get(&destroyed), 1);
  CHECK_IS(kja_executor_execute(executor, return_overloaded, NULL, NULL), KJA_ERR_OVERLOADED);
  CHECK_OK(kja_executor_release(executor));
  runtime_close(runtime);
}

static void sleep_then(void *ctx, kja_call_t call) {
  kja_promise_t sleeping = 0;
  CHECK_OK(kja_timer_sleep_start(*(kja_runtime_t *)ctx, 10 * MILLISECOND, &sleeping));
  CHECK_OK(kja_call_return_promise(call, sleeping));
}

/* parity: EXEC-07 */
static void execute_waits_for_a_promise_that_is_returned(void) {
  kja_runtime_t runtime = runtime_open();
  kja_executor_t executor = executor_of(runtime);
  uint64_t begin = kja_timer_now_nanos();
  CHECK_OK(kja_executor_execute(executor, sleep_then, &runtime, NULL));
  CHECK(kja_timer_now_nanos() - begin >= 10 * MILLISECOND);
  CHECK_OK(kja_executor_release(executor));
  runtime_close(runtime);
}

typedef struct nested_t {
  kja_runtime_t runtime;
  kja_executor_t executor;
  count_t ran;
} nested_t;

static void count_run(void *ctx, kja_call_t call) {
  nested_t *nested = (nested_t *)ctx;
  (void)call;
  CHECK(kja_runtime_on_loop(nested->runtime));
  count_add(&nested->ran, 1);
}

static void execute_inside(void *ctx, kja_call_t call) {
  nested_t *nested = (nested_t *)ctx;
  (void)call;
  CHECK_OK(kja_executor_execute(nested->executor, count_run, nested, NULL));
  CHECK_U64(count_get(&nested->ran), 1);
}

/* parity: EXEC-07 */
static void execute_on_the_loop_itself_runs_at_once(void) {
  nested_t nested;
  memset(&nested, 0, sizeof nested);
  nested.runtime = runtime_open();
  nested.executor = executor_of(nested.runtime);
  CHECK_OK(kja_executor_execute(nested.executor, execute_inside, &nested, NULL));
  CHECK_U64(count_get(&nested.ran), 1);
  CHECK_OK(kja_executor_release(nested.executor));
  runtime_close(nested.runtime);
}

/* parity: EXEC-02, EXEC-03, EXEC-08 */
static void a_clone_outlives_its_original_and_the_loop(void) {
  kja_runtime_t runtime = runtime_open();
  kja_executor_t executor = executor_of(runtime), clone = 0;
  CHECK_OK(kja_executor_clone(executor, &clone));
  CHECK(clone != executor);
  CHECK_OK(kja_executor_release(executor));
  CHECK(!kja_executor_is_live(executor));
  CHECK(kja_executor_is_live(clone));
  CHECK_OK(kja_executor_execute(clone, return_42, NULL, NULL));
  runtime_close(runtime);
  CHECK(!kja_executor_is_live(clone));
  CHECK_IS(kja_executor_execute(clone, return_42, NULL, NULL), KJA_ERR_SHUTDOWN);
  CHECK_OK(kja_executor_release(clone));
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

/* parity: EXEC-09 */
static void calls_from_one_thread_start_in_the_order_sent(void) {
  enum { CALLS = 1000 };
  static order_t orders[CALLS];
  static kja_promise_t promises[CALLS];
  kja_runtime_t runtime = runtime_open();
  kja_executor_t executor = executor_of(runtime);
  count_t next = {0};
  for (int i = 0; i < CALLS; i++) {
    orders[i].next = &next;
    orders[i].place = (uint64_t)i;
    CHECK_OK(kja_executor_execute_start(executor, check_place, &orders[i], NULL, &promises[i]));
  }
  for (int i = 0; i < CALLS; i++) expect(promises[i], KJA_OK);
  CHECK_U64(count_get(&next), CALLS);
  CHECK_OK(kja_executor_release(executor));
  runtime_close(runtime);
}

typedef struct caller_t {
  kja_executor_t executor;
  nested_t *nested;
  size_t calls;
} caller_t;

static void *call_many_times(void *arg) {
  caller_t *caller = (caller_t *)arg;
  for (size_t i = 0; i < caller->calls; i++) CHECK_OK(kja_executor_execute(caller->executor, count_run, caller->nested, NULL));
  return NULL;
}

static void many_threads_call_at_once(void) {
  enum { THREADS = 8 };
  nested_t nested;
  memset(&nested, 0, sizeof nested);
  nested.runtime = runtime_open();
  nested.executor = executor_of(nested.runtime);
  pthread_t threads[THREADS];
  caller_t callers[THREADS];
  size_t calls = scaled(2000);
  for (int i = 0; i < THREADS; i++) {
    callers[i].executor = nested.executor;
    callers[i].nested = &nested;
    callers[i].calls = calls;
    pthread_create(&threads[i], NULL, call_many_times, &callers[i]);
  }
  for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
  CHECK_U64(count_get(&nested.ran), THREADS * calls);
  CHECK_OK(kja_executor_release(nested.executor));
  runtime_close(nested.runtime);
}

static void must_not_run(void *ctx, kja_call_t call) {
  (void)ctx;
  (void)call;
  CHECK(!"ran after its cancel returned");
}

/* parity: EXEC-05 */
static void a_call_cancelled_before_it_began_never_runs(void) {
  kja_runtime_t runtime = runtime_open();
  kja_executor_t executor = executor_of(runtime);
  kja_promise_t holding = 0, canceled = 0, released = 0;
  count_t destroyed = {0};
  hold_t hold;
  hold_init(&hold);
  CHECK_OK(kja_executor_execute_start(executor, hold_callback, &hold, NULL, &holding));
  CHECK_OK(kja_executor_execute_start(executor, must_not_run, &destroyed, count_destroy, &canceled));
  CHECK_OK(kja_executor_execute_start(executor, must_not_run, &destroyed, count_destroy, &released));
  CHECK_OK(kja_promise_cancel(canceled));
  CHECK_U64(count_get(&destroyed), 1);
  CHECK_OK(kja_promise_release(released));
  CHECK_U64(count_get(&destroyed), 2);
  gate_open(&hold.end);
  expect(holding, KJA_OK);
  expect_already(canceled, KJA_ERR_CANCELED);
  CHECK_OK(kja_executor_execute(executor, return_42, NULL, NULL));
  CHECK_U64(count_get(&destroyed), 2);
  CHECK_OK(kja_executor_release(executor));
  runtime_close(runtime);
  hold_destroy(&hold);
}

static void pass_gate(void *ctx, kja_call_t call) {
  (void)call;
  gate_pass((gate_t *)ctx);
}

/* Each runs on a loop of its own and cancels the other, which is running too. */
typedef struct rival_t {
  gate_t begun;
  kja_promise_t promise;
  struct rival_t *other;
  count_t destroyed;
} rival_t;
static void cancel_the_other(void *ctx, kja_call_t call) {
  rival_t *rival = (rival_t *)ctx;
  (void)call;
  gate_open(&rival->begun);
  gate_pass(&rival->other->begun);
  CHECK_OK(kja_promise_cancel(rival->other->promise));
}
static void rival_destroy(void *ctx) {
  count_add(&((rival_t *)ctx)->destroyed, 1);
}

/* parity: EXEC-05, EXEC-06 */
static void calls_on_two_loops_may_cancel_each_other(void) {
  kja_runtime_t runtimes[2] = {runtime_open(), runtime_open()};
  kja_executor_t executors[2] = {executor_of(runtimes[0]), executor_of(runtimes[1])};
  for (size_t round = 0, rounds = scaled(200); round < rounds; round++) {
    rival_t rivals[2];
    gate_t ready;
    kja_promise_t waiting[2] = {0, 0};
    gate_init(&ready);
    memset(rivals, 0, sizeof rivals);
    for (int i = 0; i < 2; i++) {
      gate_init(&rivals[i].begun);
      rivals[i].other = &rivals[1 - i];
      CHECK_OK(kja_executor_execute_start(executors[i], pass_gate, &ready, NULL, &waiting[i]));
      CHECK_OK(kja_executor_execute_start(executors[i], cancel_the_other, &rivals[i], rival_destroy, &rivals[i].promise));
    }
    gate_open(&ready);
    for (int i = 0; i < 2; i++) {
      expect(waiting[i], KJA_OK);
      expect(rivals[i].promise, KJA_ERR_CANCELED);
    }
    for (int i = 0; i < 2; i++) {
      CHECK_OK(kja_executor_execute(executors[i], return_42, NULL, NULL));
      CHECK_U64(count_get(&rivals[i].destroyed), 1);
      gate_destroy(&rivals[i].begun);
    }
    gate_destroy(&ready);
  }
  for (int i = 0; i < 2; i++) {
    CHECK_OK(kja_executor_release(executors[i]));
    runtime_close(runtimes[i]);
  }
}

typedef struct request_t {
  kja_executor_t there;
  kja_promise_t inner, result;
} request_t;
static void return_inner(void *ctx, kja_call_t call) {
  CHECK_OK(kja_call_return_promise(call, ((request_t *)ctx)->inner));
}
static void request(void *ctx, kja_call_t call) {
  request_t *own = (request_t *)ctx;
  (void)call;
  CHECK_OK(kja_executor_execute_start(own->there, return_inner, own, NULL, &own->result));
}

/* parity: EXEC-10 */
static void a_call_goes_on_when_the_loop_that_made_it_has_ended(void) {
  kja_runtime_t here = runtime_open(), there = runtime_open();
  kja_executor_t executor = executor_of(here);
  kja_fulfiller_t fulfiller = 0;
  request_t own = {executor_of(there), 0, 0};
  CHECK_OK(kja_fulfiller_new(there, &fulfiller, &own.inner));
  CHECK_OK(kja_executor_execute(executor, request, &own, NULL));
  CHECK_OK(kja_executor_release(executor));
  runtime_close(here);
  CHECK_IS(kja_promise_status(own.result), KJA_ERR_PENDING);
  CHECK_OK(kja_fulfiller_u64(fulfiller, 9));
  expect_u64(own.result, 9);
  CHECK_OK(kja_fulfiller_release(fulfiller));
  CHECK_OK(kja_executor_release(own.there));
  runtime_close(there);
}

int main(void) {
  RUN_IN_BOTH(execute_start_gives_a_promise_of_the_result);
  RUN(execute_blocks_until_it_is_done_on_the_loop);
  RUN(execute_waits_for_a_promise_that_is_returned);
  RUN(execute_on_the_loop_itself_runs_at_once);
  RUN_IN_BOTH(a_clone_outlives_its_original_and_the_loop);
  RUN_IN_BOTH(calls_from_one_thread_start_in_the_order_sent);
  RUN(many_threads_call_at_once);
  RUN(a_call_cancelled_before_it_began_never_runs);
  RUN(calls_on_two_loops_may_cancel_each_other);
  RUN(a_call_goes_on_when_the_loop_that_made_it_has_ended);
  return check_done();
}
