/* Chains a million links long: neither the stack nor the heap may notice. */
#include "expect.h"
#include "gate.h"

#include <sys/resource.h>

static const size_t MILLION = 1000000;

static void add_one(void *ctx, kja_call_t call) {
  uint64_t value = 0;
  (void)ctx;
  kja_call_u64(call, &value);
  kja_call_return_u64(call, value + 1);
}

/* The end of a chain of thens on `first`, which is released; the chain is all that holds its links. */
static kja_promise_t chain_from(kja_promise_t first, size_t links, count_t *destroyed) {
  kja_promise_t end = first;
  for (size_t i = 0; i < links; i++) {
    kja_promise_t next = 0;
    kja_status_t status = kja_promise_then(end, add_one, destroyed, destroyed ? count_destroy : NULL, &next);
    if (status != KJA_OK) {
      CHECK_OK(status);
      break;
    }
    kja_promise_release(end);
    end = next;
  }
  return end;
}

static uint64_t resident_peak_kib(void) {
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
#ifdef __APPLE__
  return (uint64_t)usage.ru_maxrss / 1024;
#else
  return (uint64_t)usage.ru_maxrss;
#endif
}

static void a_long_chain_that_is_ready_runs_to_its_end(void) {
  kja_runtime_t runtime = runtime_open();
  kja_promise_t first = 0;
  size_t links = scaled(MILLION);
  CHECK_OK(kja_promise_new_u64(runtime, 0, &first));
  expect_u64(chain_from(first, links, NULL), links);
  runtime_close(runtime);
}

static void a_long_chain_is_set_off_by_its_first_link(void) {
  kja_runtime_t runtime = runtime_open();
  kja_promise_t first = 0;
  kja_fulfiller_t fulfiller = 0;
  size_t links = scaled(MILLION);
  count_t destroyed = {0};
  CHECK_OK(kja_fulfiller_new(runtime, &fulfiller, &first));
  kja_promise_t end = chain_from(first, links, &destroyed);
  CHECK_IS(kja_promise_status(end), KJA_ERR_PENDING);
  CHECK_U64(count_get(&destroyed), 0);
  CHECK_OK(kja_fulfiller_u64(fulfiller, 5));
  CHECK_OK(kja_fulfiller_release(fulfiller));
  expect_u64(end, links + 5);
  CHECK_U64(count_get(&destroyed), links);
  runtime_close(runtime);
}

/* parity: PROM-01 */
static void a_long_pending_chain_is_gone_when_its_end_is_released(void) {
  kja_runtime_t runtime = runtime_open();
  kja_promise_t first = 0;
  size_t links = scaled(MILLION);
  count_t destroyed = {0};
  CHECK_OK(kja_promise_new_never(runtime, &first));
  CHECK_OK(kja_promise_release(chain_from(first, links, &destroyed)));
  CHECK_U64(count_get(&destroyed), links);
  runtime_close(runtime);
}

static void a_long_pending_chain_goes_with_its_runtime(void) {
  kja_runtime_t runtime = runtime_open();
  kja_promise_t first = 0;
  size_t links = scaled(MILLION);
  count_t destroyed = {0};
  CHECK_OK(kja_promise_new_never(runtime, &first));
  CHECK_OK(kja_promise_detach(chain_from(first, links, &destroyed), NULL, NULL, NULL));
  runtime_close(runtime);
  CHECK_U64(count_get(&destroyed), links);
}

typedef struct countdown_t {
  kja_runtime_t runtime;
  uint64_t left;
} countdown_t;

/* A loop in continuations: each turn's result is the promise of the turn after it. */
static void next_turn(void *ctx, kja_call_t call) {
  countdown_t *countdown = (countdown_t *)ctx;
  kja_promise_t turn = 0, after = 0;
  if (countdown->left-- == 0) {
    kja_call_return_u64(call, 77);
    return;
  }
  if (kja_timer_yield_start(countdown->runtime, &turn) == KJA_OK)
    kja_promise_then(turn, next_turn, countdown, NULL, &after);
  kja_promise_release(turn);
  CHECK_OK(kja_call_return_promise(call, after));
}

/* parity: PROM-07, PROM-26 */
static void a_million_turns_that_return_promises_take_constant_memory(void) {
  countdown_t countdown;
  countdown.runtime = runtime_open();
  kja_promise_t first = 0, end = 0;
  uint64_t peak = 0;
  /* The first round makes the heap as large as it has to be. */
  for (int round = 0; round < 2; round++) {
    countdown.left = round ? scaled(MILLION) : scaled(MILLION) / 100;
    peak = resident_peak_kib();
    CHECK_OK(kja_promise_new_unit(countdown.runtime, &first));
    CHECK_OK(kja_promise_then(first, next_turn, &countdown, NULL, &end));
    CHECK_OK(kja_promise_release(first));
    expect_u64(end, 77);
  }
  if (!under_valgrind()) CHECK(resident_peak_kib() < peak + 2048);
  runtime_close(countdown.runtime);
}

static void a_million_turns_can_be_cancelled_in_the_middle(void) {
  countdown_t countdown;
  kja_promise_t first = 0, end = 0;
  countdown.runtime = runtime_open();
  countdown.left = UINT64_MAX;
  CHECK_OK(kja_promise_new_unit(countdown.runtime, &first));
  CHECK_OK(kja_promise_then(first, next_turn, &countdown, NULL, &end));
  CHECK_OK(kja_promise_release(first));
  CHECK_IS(kja_promise_await_for(end, 20 * MILLISECOND), KJA_ERR_TIMED_OUT);
  CHECK_OK(kja_promise_cancel(end));
  uint64_t left = countdown.left;
  CHECK(left < UINT64_MAX);
  expect_already(end, KJA_ERR_CANCELED);
  CHECK_OK(kja_timer_sleep_start(countdown.runtime, MILLISECOND, &first));
  expect(first, KJA_OK);
  CHECK_U64(countdown.left, left);
  runtime_close(countdown.runtime);
}

static void return_oneself(void *ctx, kja_call_t call) {
  CHECK_OK(kja_call_return_promise(call, *(kja_promise_t *)ctx));
}

static void a_continuation_cannot_wait_for_itself(void) {
  kja_runtime_t runtime = runtime_open();
  kja_fulfiller_t fulfiller = 0;
  kja_promise_t first = 0, out = 0, held = 0;
  CHECK_OK(kja_fulfiller_new(runtime, &fulfiller, &first));
  CHECK_OK(kja_promise_then(first, return_oneself, &out, NULL, &out));
  CHECK_OK(kja_promise_fork(out, &held));
  CHECK_OK(kja_fulfiller_unit(fulfiller));
  expect(held, KJA_ERR_FAILED);
  CHECK_OK(kja_fulfiller_release(fulfiller));
  CHECK_OK(kja_promise_release(first));
  CHECK_IS(kja_promise_release(out), KJA_ERR_BAD_HANDLE);
  runtime_close(runtime);
}

/* A stack far smaller than the default: recursion over a chain would overflow it at once. */
static void *with_a_small_stack(void *arg) {
  (void)arg;
  a_long_pending_chain_is_gone_when_its_end_is_released();
  return NULL;
}

static void a_small_stack_is_enough_to_release_a_chain(void) {
  pthread_t thread;
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  CHECK(pthread_attr_setstacksize(&attributes, 128 * 1024) == 0);
  CHECK(pthread_create(&thread, &attributes, with_a_small_stack, NULL) == 0);
  pthread_join(thread, NULL);
  pthread_attr_destroy(&attributes);
}

int main(void) {
  /* First, while the process has not grown yet. */
  RUN_IN_BOTH(a_million_turns_that_return_promises_take_constant_memory);
  RUN_IN_BOTH(a_long_chain_that_is_ready_runs_to_its_end);
  RUN_IN_BOTH(a_long_chain_is_set_off_by_its_first_link);
  RUN_IN_BOTH(a_long_pending_chain_is_gone_when_its_end_is_released);
  RUN_IN_BOTH(a_long_pending_chain_goes_with_its_runtime);
  RUN(a_million_turns_can_be_cancelled_in_the_middle);
  RUN_IN_BOTH(a_continuation_cannot_wait_for_itself);
  RUN(a_small_stack_is_enough_to_release_a_chain);
  return check_done();
}
