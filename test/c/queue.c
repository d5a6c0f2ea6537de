/* Queues: a bound on values between producers and consumers, and an order on both. */
#include "gate.h"
#include "options.h"

static kja_queue_t queue_open(kja_runtime_t runtime, size_t capacity) {
  kja_queue_t queue = 0;
  CHECK_OK(kja_queue_new(runtime, capacity, &queue));
  return queue;
}
static kja_promise_t push_start(kja_queue_t queue, uint64_t value) {
  kja_promise_t pushing = 0;
  CHECK_OK(kja_queue_push_u64_start(queue, value, &pushing));
  return pushing;
}
static kja_promise_t pop_start(kja_queue_t queue) {
  kja_promise_t popping = 0;
  CHECK_OK(kja_queue_pop_start(queue, &popping));
  return popping;
}
static void expect_size(kja_queue_t queue, size_t want) {
  size_t size = SIZE_MAX;
  CHECK_OK(kja_queue_size(queue, &size));
  CHECK_U64(size, want);
}

/* parity: QUEUE-03, QUEUE-04 */
static void values_come_out_in_the_order_in_which_they_went_in(void) {
  kja_runtime_t runtime = runtime_open();
  kja_queue_t queue = queue_open(runtime, 10);
  for (uint64_t i = 0; i < 10; i++) expect_already(push_start(queue, i), KJA_OK);
  expect_size(queue, 10);
  for (uint64_t i = 0; i < 10; i++) {
    kja_promise_t popping = pop_start(queue);
    CHECK_OK(kja_promise_status(popping));
    expect_u64(popping, i);
    expect_size(queue, 9 - i);
  }
  CHECK_OK(kja_queue_release(queue));
  runtime_close(runtime);
}

/* parity: QUEUE-01, QUEUE-03, QUEUE-04 */
static void whoever_waited_longest_gets_the_next_value(void) {
  enum { MANY = 20 };
  kja_runtime_t runtime = runtime_open();
  kja_queue_t queue = queue_open(runtime, 1);
  kja_promise_t popping[MANY];
  for (int i = 0; i < MANY; i++) popping[i] = pop_start(queue);
  for (uint64_t i = 0; i < MANY; i++) expect(push_start(queue, 100 + i), KJA_OK);
  for (uint64_t i = 0; i < MANY; i++) expect_u64(popping[i], 100 + i);
  expect_size(queue, 0);
  CHECK_OK(kja_queue_release(queue));
  runtime_close(runtime);
}

/* parity: QUEUE-03 */
static void a_push_waits_for_room_behind_earlier_ones(void) {
  enum { MANY = 20 };
  kja_runtime_t runtime = runtime_open();
  kja_queue_t queue = queue_open(runtime, 1);
  kja_promise_t pushing[MANY];
  for (uint64_t i = 0; i < MANY; i++) pushing[i] = push_start(queue, i);
  CHECK_OK(kja_promise_status(pushing[0]));
  CHECK_IS(kja_queue_try_push_u64(queue, 99), KJA_ERR_OVERLOADED);
  for (uint64_t i = 0; i < MANY; i++) {
    let_loop_rest(runtime);
    expect_size(queue, 1);
    CHECK_OK(kja_promise_status(pushing[i]));
    if (i + 1 < MANY) CHECK_IS(kja_promise_status(pushing[i + 1]), KJA_ERR_PENDING);
    expect_u64(pop_start(queue), i);
  }
  for (int i = 0; i < MANY; i++) expect(pushing[i], KJA_OK);
  CHECK_OK(kja_queue_try_push_u64(queue, 99));
  CHECK_OK(kja_queue_release(queue));
  runtime_close(runtime);
}

static void try_push_never_waits(void) {
  kja_runtime_t runtime = runtime_open();
  kja_queue_t queue = queue_open(runtime, 2);
  count_t destroyed = {0}, kept = {0};
  CHECK_OK(kja_queue_try_push_u64(queue, 1));
  CHECK_OK(kja_queue_try_push_opaque(queue, &kept, count_destroy));
  CHECK_IS(kja_queue_try_push_u64(queue, 3), KJA_ERR_OVERLOADED);
  CHECK_IS(kja_queue_try_push_opaque(queue, &destroyed, count_destroy), KJA_ERR_OVERLOADED);
  CHECK_U64(count_get(&destroyed), 1);
  expect_u64(pop_start(queue), 1);
  kja_promise_t popping = pop_start(queue);
  void *value = NULL;
  CHECK_OK(kja_promise_await(popping));
  CHECK_OK(kja_promise_opaque(popping, &value));
  CHECK(value == &kept);
  CHECK_U64(count_get(&kept), 0);
  CHECK_OK(kja_promise_release(popping));
  CHECK_U64(count_get(&kept), 1);
  CHECK_OK(kja_queue_release(queue));
  runtime_close(runtime);
}

static void a_handle_goes_through_and_stays_the_callers(void) {
  kja_runtime_t runtime = runtime_open();
  kja_queue_t queue = queue_open(runtime, 3);
  kja_promise_t pushing = 0;
  kja_bytes_t bytes = 0;
  kja_executor_t executor = 0;
  CHECK_OK(kja_bytes_new("through", 7, &bytes));
  CHECK_OK(kja_queue_push_handle_start(queue, bytes, &pushing));
  expect(pushing, KJA_OK);
  CHECK_OK(kja_bytes_release(bytes));
  expect_text(pop_start(queue), "through");
  CHECK_OK(kja_runtime_executor(runtime, &executor));
  CHECK_OK(kja_queue_push_handle_start(queue, executor, &pushing));
  expect(pushing, KJA_OK);
  kja_executor_t other = handle_from(pop_start(queue));
  CHECK(other != executor);
  CHECK(kja_executor_is_live(other));
  CHECK_OK(kja_executor_release(other));
  CHECK_OK(kja_executor_release(executor));
  CHECK_IS(kja_queue_push_handle_start(queue, executor, &pushing), KJA_ERR_BAD_HANDLE);
  CHECK_U64(pushing, 0);
  CHECK_OK(kja_queue_release(queue));
  runtime_close(runtime);
}

/* parity: QUEUE-01, QUEUE-04 */
static void a_cancelled_pop_takes_nothing_and_is_passed_over(void) {
  kja_runtime_t runtime = runtime_open();
  kja_queue_t queue = queue_open(runtime, 2);
  kja_promise_t first = pop_start(queue), second = pop_start(queue), third = pop_start(queue);
  CHECK_OK(kja_promise_release(first));
  CHECK_OK(kja_promise_cancel(second));
  expect_already(second, KJA_ERR_CANCELED);
  expect(push_start(queue, 1), KJA_OK);
  expect_u64(third, 1);
  CHECK_OK(kja_promise_release(pop_start(queue)));
  expect(push_start(queue, 2), KJA_OK);
  expect_size(queue, 1);
  expect_u64(pop_start(queue), 2);
  CHECK_OK(kja_queue_release(queue));
  runtime_close(runtime);
}

/* On a wait scope nothing has turned the loop since the push: the value is the pop's and yet not taken. */
/* parity: QUEUE-04 */
static void a_pop_cancelled_just_after_a_push_loses_nothing(void) {
  kja_runtime_t runtime = scope_open();
  kja_queue_t queue = queue_open(runtime, 2);
  for (uint64_t i = 0; i < 100; i++) {
    kja_promise_t popping = pop_start(queue), other = pop_start(queue);
    expect_already(push_start(queue, i), KJA_OK);
    CHECK_IS(kja_promise_status(popping), KJA_ERR_PENDING);
    CHECK_OK(i % 2 ? kja_promise_cancel(popping) : kja_promise_release(popping));
    if (i % 2) expect_already(popping, KJA_ERR_CANCELED);
    expect_u64(other, i);
    expect_size(queue, 0);
  }
  CHECK_OK(kja_queue_release(queue));
  runtime_close(runtime);
}

/* parity: QUEUE-03 */
static void a_cancelled_push_adds_nothing_and_lets_the_next_go_on(void) {
  kja_runtime_t runtime = runtime_open();
  kja_queue_t queue = queue_open(runtime, 1);
  count_t destroyed = {0};
  kja_promise_t pushing = 0;
  expect(push_start(queue, 1), KJA_OK);
  CHECK_OK(kja_queue_push_opaque_start(queue, &destroyed, count_destroy, &pushing));
  kja_promise_t next = push_start(queue, 3);
  CHECK_U64(count_get(&destroyed), 0);
  CHECK_OK(kja_promise_cancel(pushing));
  CHECK_U64(count_get(&destroyed), 1);
  expect_already(pushing, KJA_ERR_CANCELED);
  expect_u64(pop_start(queue), 1);
  expect(next, KJA_OK);
  expect_u64(pop_start(queue), 3);
  expect_size(queue, 0);
  CHECK_OK(kja_queue_release(queue));
  runtime_close(runtime);
}

/* parity: QUEUE-03 */
static void a_push_that_is_done_stays_when_its_promise_goes(void) {
  kja_runtime_t runtime = runtime_open();
  kja_queue_t queue = queue_open(runtime, 2);
  kja_promise_t pushing = push_start(queue, 1);
  CHECK_OK(kja_promise_cancel(pushing));
  expect(pushing, KJA_OK);
  CHECK_OK(kja_promise_release(push_start(queue, 2)));
  expect_u64(pop_start(queue), 1);
  expect_u64(pop_start(queue), 2);
  CHECK_OK(kja_queue_release(queue));
  runtime_close(runtime);
}

/* parity: QUEUE-02 */
static void close_ends_who_waits_for_a_value(void) {
  enum { MANY = 10 };
  kja_runtime_t runtime = runtime_open();
  kja_queue_t queue = queue_open(runtime, 2);
  kja_promise_t popping[MANY];
  for (int i = 0; i < MANY; i++) popping[i] = pop_start(queue);
  CHECK_OK(kja_queue_close(queue));
  for (int i = 0; i < MANY; i++) expect(popping[i], KJA_ERR_DISCONNECTED);
  expect(pop_start(queue), KJA_ERR_DISCONNECTED);
  CHECK_OK(kja_queue_close(queue));
  CHECK_OK(kja_queue_release(queue));
  runtime_close(runtime);
}

/* parity: QUEUE-02 */
static void close_ends_who_waits_for_room_and_leaves_what_is_stored(void) {
  enum { MANY = 10 };
  kja_runtime_t runtime = runtime_open();
  kja_queue_t queue = queue_open(runtime, 2);
  kja_promise_t pushing[MANY], late = 0;
  count_t destroyed = {0};
  for (uint64_t i = 0; i < MANY; i++) pushing[i] = push_start(queue, i);
  CHECK_OK(kja_queue_push_opaque_start(queue, &destroyed, count_destroy, &late));
  CHECK_OK(kja_queue_close(queue));
  for (int i = 0; i < MANY; i++) expect(pushing[i], i < 2 ? KJA_OK : KJA_ERR_DISCONNECTED);
  expect(late, KJA_ERR_DISCONNECTED);
  CHECK_U64(count_get(&destroyed), 1);
  expect(push_start(queue, 99), KJA_ERR_DISCONNECTED);
  CHECK_IS(kja_queue_try_push_u64(queue, 99), KJA_ERR_DISCONNECTED);
  CHECK_IS(kja_queue_try_push_opaque(queue, &destroyed, count_destroy), KJA_ERR_DISCONNECTED);
  CHECK_U64(count_get(&destroyed), 2);
  expect_size(queue, 2);
  expect_u64(pop_start(queue), 0);
  expect_u64(pop_start(queue), 1);
  expect(pop_start(queue), KJA_ERR_DISCONNECTED);
  CHECK_OK(kja_queue_release(queue));
  runtime_close(runtime);
}

/* parity: QUEUE-05 */
static void reject_all_sends_everyone_away_who_waits_now(void) {
  enum { MANY = 10 };
  kja_runtime_t runtime = runtime_open();
  kja_queue_t queue = queue_open(runtime, 2);
  kja_promise_t popping[MANY];
  CHECK_OK(kja_queue_reject_all(queue, KJA_ERR_FAILED, 0, "nobody", 6));
  for (int i = 0; i < MANY; i++) popping[i] = pop_start(queue);
  CHECK_OK(kja_queue_reject_all(queue, KJA_ERR_OVERLOADED, 12, "go away", 7));
  kja_promise_t later = pop_start(queue);
  for (int i = 0; i < MANY; i++) {
    CHECK_IS(kja_promise_await(popping[i]), KJA_ERR_OVERLOADED);
    CHECK_U64(kja_last_error_os(), 12);
    expect_error_text(popping[i], KJA_ERR_OVERLOADED, "go away");
  }
  expect(push_start(queue, 4), KJA_OK);
  expect_u64(later, 4);
  expect(push_start(queue, 5), KJA_OK);
  CHECK_OK(kja_queue_reject_all(queue, KJA_ERR_FAILED, 0, "x", 1));
  expect_size(queue, 1);
  expect_u64(pop_start(queue), 5);
  CHECK_OK(kja_queue_release(queue));
  runtime_close(runtime);
}

/* parity: QUEUE-01 */
static void reject_oldest_sends_one_away_and_needs_one(void) {
  kja_runtime_t runtime = runtime_open();
  kja_queue_t queue = queue_open(runtime, 2);
  CHECK_IS(kja_queue_reject_oldest(queue, KJA_ERR_FAILED, 0, "x", 1), KJA_ERR_FAILED);
  kja_promise_t first = pop_start(queue), second = pop_start(queue);
  CHECK_OK(kja_queue_reject_oldest(queue, KJA_ERR_OVERLOADED, 0, "one", 3));
  expect_error_text(first, KJA_ERR_OVERLOADED, "one");
  let_loop_rest(runtime);
  CHECK_IS(kja_promise_status(second), KJA_ERR_PENDING);
  expect(push_start(queue, 7), KJA_OK);
  expect_u64(second, 7);
  CHECK_IS(kja_queue_reject_oldest(queue, KJA_OK, 0, "x", 1), KJA_ERR_INVALID_ARGUMENT);
  CHECK_OK(kja_queue_release(queue));
  runtime_close(runtime);
}

/* Before the loop has had a turn to tell the first of it. */
/* parity: QUEUE-01 */
static void reject_oldest_twice_in_a_row_sends_two_away(void) {
  kja_runtime_t runtime = scope_open();
  kja_queue_t queue = queue_open(runtime, 2);
  kja_promise_t first = pop_start(queue), second = pop_start(queue);
  CHECK_OK(kja_queue_reject_oldest(queue, KJA_ERR_OVERLOADED, 0, "one", 3));
  CHECK_OK(kja_queue_reject_oldest(queue, KJA_ERR_DISCONNECTED, 0, "two", 3));
  CHECK_IS(kja_queue_reject_oldest(queue, KJA_ERR_FAILED, 0, "three", 5), KJA_ERR_FAILED);
  let_loop_rest(runtime);
  expect_already(first, KJA_ERR_OVERLOADED);
  expect_already(second, KJA_ERR_DISCONNECTED);
  CHECK_OK(kja_queue_release(queue));
  runtime_close(runtime);
}

/* parity: QUEUE-02 */
static void pending_pushes_and_pops_keep_a_released_queue(void) {
  kja_runtime_t runtime = runtime_open();
  kja_queue_t queue = queue_open(runtime, 1);
  count_t destroyed = {0};
  kja_promise_t popping = pop_start(queue), pushing = 0;
  CHECK_OK(kja_queue_release(queue));
  CHECK_IS(kja_promise_status(popping), KJA_ERR_PENDING);
  CHECK_IS(kja_queue_close(queue), KJA_ERR_BAD_HANDLE);
  CHECK_OK(kja_promise_release(popping));
  queue = queue_open(runtime, 1);
  CHECK_OK(kja_queue_try_push_opaque(queue, &destroyed, count_destroy));
  CHECK_OK(kja_queue_push_opaque_start(queue, &destroyed, count_destroy, &pushing));
  CHECK_OK(kja_queue_release(queue));
  CHECK_U64(count_get(&destroyed), 0);
  CHECK_OK(kja_promise_release(pushing));
  CHECK_U64(count_get(&destroyed), 2);
  runtime_close(runtime);
}

static void a_queue_without_room_is_refused(void) {
  kja_runtime_t runtime = runtime_open();
  kja_queue_t queue = 1;
  CHECK_IS(kja_queue_new(runtime, 0, &queue), KJA_ERR_INVALID_ARGUMENT);
  CHECK_U64(queue, 0);
  runtime_close(runtime);
}

static void shutdown_ends_pushes_and_pops(void) {
  kja_runtime_t runtime = runtime_open();
  kja_queue_t full = queue_open(runtime, 1), empty = queue_open(runtime, 1);
  count_t destroyed = {0};
  kja_promise_t pushing = 0, popping = pop_start(empty);
  CHECK_OK(kja_queue_try_push_opaque(full, &destroyed, count_destroy));
  CHECK_OK(kja_queue_push_opaque_start(full, &destroyed, count_destroy, &pushing));
  CHECK_OK(kja_runtime_shutdown(runtime));
  CHECK_U64(count_get(&destroyed), 2);
  CHECK_IS(kja_promise_status(pushing), KJA_ERR_BAD_HANDLE);
  CHECK_IS(kja_promise_status(popping), KJA_ERR_BAD_HANDLE);
  CHECK_IS(kja_queue_try_push_u64(full, 1), KJA_ERR_BAD_HANDLE);
  CHECK_IS(kja_queue_release(empty), KJA_ERR_BAD_HANDLE);
  CHECK_IS(kja_queue_new(runtime, 1, &empty), KJA_ERR_SHUTDOWN);
  CHECK_OK(kja_runtime_release(runtime));
}

typedef struct waiter_t {
  kja_promise_t promise;
  kja_status_t status;
  gate_t begun;
} waiter_t;
static void *await_promise(void *arg) {
  waiter_t *waiter = (waiter_t *)arg;
  gate_open(&waiter->begun);
  waiter->status = kja_promise_await(waiter->promise);
  return NULL;
}

/* An await elsewhere is what a shutdown has to tell of its reason: the handle is stale by then. */
static void a_thread_that_awaits_a_pop_is_told_of_the_shutdown(void) {
  kja_runtime_t runtime = runtime_open();
  kja_queue_t queue = queue_open(runtime, 1);
  waiter_t waiter = {pop_start(queue), KJA_OK, {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0}};
  struct timespec moment = {0, 10000000};
  pthread_t thread;
  pthread_create(&thread, NULL, await_promise, &waiter);
  gate_pass(&waiter.begun);
  nanosleep(&moment, NULL);
  CHECK_OK(kja_runtime_shutdown(runtime));
  pthread_join(thread, NULL);
  CHECK(waiter.status == KJA_ERR_SHUTDOWN || waiter.status == KJA_ERR_BAD_HANDLE);
  CHECK_OK(kja_runtime_release(runtime));
  gate_destroy(&waiter.begun);
}

static void *push_elsewhere(void *arg) {
  kja_queue_t queue = *(kja_queue_t *)arg;
  kja_promise_t popping = 0;
  CHECK_OK(kja_queue_try_push_u64(queue, 1));
  CHECK_OK(kja_promise_release(push_start(queue, 2)));
  CHECK_IS(kja_queue_pop_start(queue, &popping), KJA_ERR_WRONG_THREAD);
  CHECK_U64(popping, 0);
  return NULL;
}

static void any_thread_may_push_to_a_wait_scope(void) {
  kja_runtime_t runtime = scope_open();
  kja_queue_t queue = queue_open(runtime, 4);
  kja_promise_t first = pop_start(queue);
  pthread_t thread;
  pthread_create(&thread, NULL, push_elsewhere, &queue);
  expect_u64(first, 1);
  expect_u64(pop_start(queue), 2);
  pthread_join(thread, NULL);
  CHECK_OK(kja_queue_release(queue));
  runtime_close(runtime);
}

enum { WORKERS = 8 };
typedef struct exchange_t {
  kja_queue_t queue;
  size_t count;
  count_t next, sum, received, seen[WORKERS * 4000 / 64 + 1];
} exchange_t;

static void *produce(void *arg) {
  exchange_t *exchange = (exchange_t *)arg;
  for (size_t i = 0; i < exchange->count; i++) {
    uint64_t value = count_add(&exchange->next, 1) - 1;
    if (i % 4 == 1 && kja_queue_try_push_u64(exchange->queue, value) == KJA_OK) continue;
    if (i % 8 == 2) {
      /* One that is taken back, unless it is too late for that. */
      kja_promise_t pushing = push_start(exchange->queue, value);
      CHECK_OK(kja_promise_cancel(pushing));
      kja_status_t status = kja_promise_status(pushing);
      CHECK(status == KJA_OK || status == KJA_ERR_CANCELED);
      CHECK_OK(kja_promise_release(pushing));
      if (status == KJA_OK) continue;
    }
    expect(push_start(exchange->queue, value), KJA_OK);
  }
  return NULL;
}
static void receive(exchange_t *exchange, uint64_t value) {
  uint64_t bit = (uint64_t)1 << value % 64;
  uint64_t before = __atomic_fetch_or(&exchange->seen[value / 64].value, bit, __ATOMIC_SEQ_CST);
  CHECK((before & bit) == 0);
  count_add(&exchange->received, 1);
  count_add(&exchange->sum, value);
}
static void *consume(void *arg) {
  exchange_t *exchange = (exchange_t *)arg;
  for (size_t i = 0;; i++) {
    kja_promise_t popping = pop_start(exchange->queue);
    uint64_t value = 0;
    if (i % 8 == 3) CHECK_OK(kja_promise_cancel(popping));
    kja_status_t status = kja_promise_await(popping);
    if (status == KJA_OK && CHECK_OK(kja_promise_u64(popping, &value))) receive(exchange, value);
    CHECK_OK(kja_promise_release(popping));
    if (status == KJA_ERR_DISCONNECTED) return NULL;
    CHECK(status == KJA_OK || (i % 8 == 3 && status == KJA_ERR_CANCELED));
  }
}

/* parity: QUEUE-03, QUEUE-04 */
static void eight_producers_and_eight_consumers_lose_and_double_nothing(void) {
  exchange_t exchange;
  pthread_t producers[WORKERS], consumers[WORKERS];
  memset(&exchange, 0, sizeof exchange);
  exchange.count = scaled(4000);
  kja_runtime_t runtime = runtime_open();
  exchange.queue = queue_open(runtime, 3);
  for (int i = 0; i < WORKERS; i++) {
    pthread_create(&producers[i], NULL, produce, &exchange);
    pthread_create(&consumers[i], NULL, consume, &exchange);
  }
  for (int i = 0; i < WORKERS; i++) pthread_join(producers[i], NULL);
  CHECK_OK(kja_queue_close(exchange.queue));
  for (int i = 0; i < WORKERS; i++) pthread_join(consumers[i], NULL);
  uint64_t all = WORKERS * exchange.count;
  CHECK_U64(count_get(&exchange.received), all);
  CHECK_U64(count_get(&exchange.sum), all * (all - 1) / 2);
  expect_size(exchange.queue, 0);
  CHECK_OK(kja_queue_release(exchange.queue));
  runtime_close(runtime);
}

static void *push_and_push(void *arg) {
  exchange_t *exchange = (exchange_t *)arg;
  for (size_t i = 0; i < exchange->count; i++) {
    kja_status_t status = kja_queue_try_push_u64(exchange->queue, 1);
    CHECK(status == KJA_OK || status == KJA_ERR_OVERLOADED);
  }
  return NULL;
}
static void *pop_and_pop(void *arg) {
  exchange_t *exchange = (exchange_t *)arg;
  for (size_t i = 0; i < exchange->count; i++) CHECK_OK(kja_promise_release(pop_start(exchange->queue)));
  return NULL;
}

/* Neither has to wait in line, so that both are at the queue itself all the time. */
static void a_push_and_a_pop_at_once_do_not_lock_each_other_out(void) {
  exchange_t exchange;
  pthread_t pusher, popper;
  memset(&exchange, 0, sizeof exchange);
  exchange.count = scaled(200000);
  kja_runtime_t runtime = runtime_open();
  exchange.queue = queue_open(runtime, 100);
  for (int i = 0; i < 50; i++) CHECK_OK(kja_queue_try_push_u64(exchange.queue, 1));
  pthread_create(&pusher, NULL, push_and_push, &exchange);
  pthread_create(&popper, NULL, pop_and_pop, &exchange);
  pthread_join(pusher, NULL);
  pthread_join(popper, NULL);
  CHECK_OK(kja_queue_release(exchange.queue));
  runtime_close(runtime);
}

int main(void) {
  RUN_IN_BOTH(values_come_out_in_the_order_in_which_they_went_in);
  RUN_IN_BOTH(whoever_waited_longest_gets_the_next_value);
  RUN_IN_BOTH(a_push_waits_for_room_behind_earlier_ones);
  RUN_IN_BOTH(try_push_never_waits);
  RUN_IN_BOTH(a_handle_goes_through_and_stays_the_callers);
  RUN_IN_BOTH(a_cancelled_pop_takes_nothing_and_is_passed_over);
  RUN(a_pop_cancelled_just_after_a_push_loses_nothing);
  RUN_IN_BOTH(a_cancelled_push_adds_nothing_and_lets_the_next_go_on);
  RUN_IN_BOTH(a_push_that_is_done_stays_when_its_promise_goes);
  RUN_IN_BOTH(close_ends_who_waits_for_a_value);
  RUN_IN_BOTH(close_ends_who_waits_for_room_and_leaves_what_is_stored);
  RUN_IN_BOTH(reject_all_sends_everyone_away_who_waits_now);
  RUN_IN_BOTH(reject_oldest_sends_one_away_and_needs_one);
  RUN(reject_oldest_twice_in_a_row_sends_two_away);
  RUN_IN_BOTH(pending_pushes_and_pops_keep_a_released_queue);
  RUN_IN_BOTH(a_queue_without_room_is_refused);
  RUN_IN_BOTH(shutdown_ends_pushes_and_pops);
  RUN(a_thread_that_awaits_a_pop_is_told_of_the_shutdown);
  RUN(any_thread_may_push_to_a_wait_scope);
  RUN(eight_producers_and_eight_consumers_lose_and_double_nothing);
  RUN(a_push_and_a_pop_at_once_do_not_lock_each_other_out);
  return check_done();
}
