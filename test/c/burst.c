/* What a burst of objects took of the heap is given back when they are released, with what holds them still there. */
#include "gate.h"
#include "loopback.h"
#include "options.h"

#ifdef __GLIBC__
#include <malloc.h>
#if __GLIBC__ > 2 || __GLIBC_MINOR__ >= 33
#define CAN_COUNT 1
#endif
#endif

#ifdef CAN_COUNT
/* Bytes in use: not what the process keeps of freed ones, which is the allocator's affair. */
static size_t bytes_in_use(void) {
  struct mallinfo2 info = mallinfo2();
  return info.uordblks + info.hblkhd;
}

typedef struct burst_t {
  kja_runtime_t runtime;
  kja_executor_t executor;
  kja_handle_t holder;
  kja_handle_t *made;
  size_t count;
} burst_t;

/* How many bytes for each of many are in use afterwards that were not before. */
static double kept_for_each(burst_t *burst, void (*once)(burst_t *)) {
  size_t many = scaled(100000);
  burst->made = (kja_handle_t *)calloc(2 * many, sizeof *burst->made);
  burst->count = 100;
  once(burst);
  size_t before = bytes_in_use();
  burst->count = many;
  once(burst);
  /* The second time the loop has done what it does at rest. */
  let_loop_rest(burst->runtime);
  let_loop_rest(burst->runtime);
  size_t after = bytes_in_use();
  free(burst->made);
  return after > before ? (double)(after - before) / (double)many : 0;
}

static void check_burst(const char *what, burst_t *burst, void (*once)(burst_t *)) {
  double kept = kept_for_each(burst, once);
  char text[200];
  snprintf(text, sizeof text, "%s: %.1f bytes for each are still in use", what, kept);
  if (kept > 4) check_fail_(__FILE__, __LINE__, text);
}

static void release_promises(burst_t *burst) {
  for (size_t i = 0; i < burst->count; i++) CHECK_OK(kja_promise_release(burst->made[i]));
}

static void timers(burst_t *burst) {
  for (size_t i = 0; i < burst->count; i++)
    CHECK_OK(kja_timer_sleep_start(burst->runtime, (1000 + i % 1000) * SECOND, &burst->made[i]));
  release_promises(burst);
}
/* One that was started last goes on. */
static void timers_but_one(burst_t *burst) {
  kja_promise_t last = 0;
  for (size_t i = 0; i < burst->count; i++)
    CHECK_OK(kja_timer_sleep_start(burst->runtime, (1000 + i % 1000) * SECOND, &burst->made[i]));
  CHECK_OK(kja_timer_sleep_start(burst->runtime, SECOND, &last));
  release_promises(burst);
  if (burst->holder) CHECK_OK(kja_promise_release(burst->holder));
  burst->holder = last;
}
static void timers_that_fire(burst_t *burst) {
  for (size_t i = 0; i < burst->count; i++)
    CHECK_OK(kja_timer_sleep_start(burst->runtime, 1 + i % 1000, &burst->made[i]));
  CHECK_OK(kja_timer_advance(burst->runtime, 2000));
  for (size_t i = 0; i < burst->count; i++) expect(burst->made[i], KJA_OK);
}
static void fulfillers(burst_t *burst) {
  for (size_t i = 0; i < burst->count; i++)
    CHECK_OK(kja_fulfiller_new(burst->runtime, &burst->made[2 * i], &burst->made[2 * i + 1]));
  for (size_t i = 0; i < burst->count; i++) {
    CHECK_OK(kja_fulfiller_unit(burst->made[2 * i]));
    CHECK_OK(kja_fulfiller_release(burst->made[2 * i]));
    CHECK_OK(kja_promise_release(burst->made[2 * i + 1]));
  }
}
static void calls(burst_t *burst) {
  count_t ran = {0};
  for (size_t i = 0; i < burst->count; i++)
    CHECK_OK(kja_executor_execute_start(burst->executor, count_run, &ran, NULL, &burst->made[i]));
  for (size_t i = 0; i < burst->count; i++) expect(burst->made[i], KJA_OK);
}
static void last_calls(burst_t *burst) {
  count_t ran = {0};
  for (size_t i = 0; i < burst->count; i++)
    CHECK_OK(kja_executor_execute_last_start(burst->executor, count_run, &ran, NULL, &burst->made[i]));
  for (size_t i = 0; i < burst->count; i++) expect(burst->made[i], KJA_OK);
}
static void idle_calls(burst_t *burst) {
  for (size_t i = 0; i < burst->count; i++)
    CHECK_OK(kja_timer_yield_until_would_sleep_start(burst->runtime, &burst->made[i]));
  for (size_t i = 0; i < burst->count; i++) expect(burst->made[i], KJA_OK);
}
/* All wait for one promise, and become ready by one event. */
static void branches(burst_t *burst) {
  kja_fulfiller_t fulfiller = 0;
  kja_promise_t promise = 0;
  count_t ran = {0};
  CHECK_OK(kja_fulfiller_new(burst->runtime, &fulfiller, &promise));
  for (size_t i = 0; i < burst->count; i++)
    CHECK_OK(kja_promise_then(promise, count_run, &ran, NULL, &burst->made[i]));
  CHECK_OK(kja_fulfiller_unit(fulfiller));
  for (size_t i = 0; i < burst->count; i++) expect(burst->made[i], KJA_OK);
  CHECK_OK(kja_promise_release(promise));
  CHECK_OK(kja_fulfiller_release(fulfiller));
}
static void detached(burst_t *burst) {
  for (size_t i = 0; i < burst->count; i++) {
    CHECK_OK(kja_fulfiller_new(burst->runtime, &burst->made[i], &burst->made[burst->count + i]));
    CHECK_OK(kja_promise_detach(burst->made[burst->count + i], NULL, NULL, NULL));
  }
  for (size_t i = 0; i < burst->count; i++) {
    CHECK_OK(kja_fulfiller_unit(burst->made[i]));
    CHECK_OK(kja_fulfiller_release(burst->made[i]));
  }
}
static void tasks(burst_t *burst) {
  kja_promise_t empty = 0;
  for (size_t i = 0; i < burst->count; i++) {
    CHECK_OK(kja_fulfiller_new(burst->runtime, &burst->made[i], &burst->made[burst->count + i]));
    CHECK_OK(kja_task_set_add(burst->holder, burst->made[burst->count + i]));
  }
  for (size_t i = 0; i < burst->count; i++) {
    CHECK_OK(kja_fulfiller_unit(burst->made[i]));
    CHECK_OK(kja_fulfiller_release(burst->made[i]));
  }
  CHECK_OK(kja_task_set_on_empty_start(burst->holder, &empty));
  expect(empty, KJA_OK);
}
static void wrapped(burst_t *burst) {
  for (size_t i = 0; i < burst->count; i++) {
    kja_promise_t never = 0;
    CHECK_OK(kja_promise_new_never(burst->runtime, &never));
    CHECK_OK(kja_canceler_wrap(burst->holder, never, &burst->made[i]));
    CHECK_OK(kja_promise_release(never));
  }
  release_promises(burst);
}
static void waits(burst_t *burst) {
  for (size_t i = 0; i < burst->count; i++) CHECK_OK(kja_event_wait_start(burst->holder, &burst->made[i]));
  release_promises(burst);
}
static void acquires(burst_t *burst) {
  for (size_t i = 0; i < burst->count; i++)
    CHECK_OK(kja_semaphore_acquire_start(burst->holder, 1, &burst->made[i]));
  release_promises(burst);
}
static void pops(burst_t *burst) {
  for (size_t i = 0; i < burst->count; i++) CHECK_OK(kja_queue_pop_start(burst->holder, &burst->made[i]));
  release_promises(burst);
}
static void values(burst_t *burst) {
  for (size_t i = 0; i < burst->count; i++) CHECK_OK(kja_queue_try_push_opaque(burst->holder, NULL, NULL));
  for (size_t i = 0; i < burst->count; i++) {
    kja_promise_t popped = 0;
    CHECK_OK(kja_queue_pop_start(burst->holder, &popped));
    expect(popped, KJA_OK);
  }
}
static void bytes(burst_t *burst) {
  for (size_t i = 0; i < burst->count; i++) CHECK_OK(kja_bytes_new("some bytes", 10, &burst->made[i]));
  for (size_t i = 0; i < burst->count; i++) CHECK_OK(kja_bytes_release(burst->made[i]));
}
static void errors(burst_t *burst) {
  for (size_t i = 0; i < burst->count; i++)
    CHECK_OK(kja_error_new(KJA_ERR_FAILED, 0, "a text", 6, &burst->made[i]));
  for (size_t i = 0; i < burst->count; i++) CHECK_OK(kja_error_release(burst->made[i]));
}
static void pipes(burst_t *burst) {
  for (size_t i = 0; i < burst->count; i++)
    CHECK_OK(kja_pipe_new_two_way(burst->runtime, &burst->made[2 * i], &burst->made[2 * i + 1]));
  for (size_t i = 0; i < 2 * burst->count; i++) CHECK_OK(kja_connection_release(burst->made[i]));
}
static void events(burst_t *burst) {
  for (size_t i = 0; i < burst->count; i++) CHECK_OK(kja_event_new(burst->runtime, &burst->made[i]));
  for (size_t i = 0; i < burst->count; i++) CHECK_OK(kja_event_release(burst->made[i]));
}
static void task_sets(burst_t *burst) {
  for (size_t i = 0; i < burst->count; i++)
    CHECK_OK(kja_task_set_new(burst->runtime, 10, must_not_run, NULL, NULL, &burst->made[i]));
  for (size_t i = 0; i < burst->count; i++) CHECK_OK(kja_task_set_release(burst->made[i]));
}
static void resume_nothing(void *ctx, kja_call_t call) {
  (void)ctx;
  (void)call;
}
static void coroutines(burst_t *burst) {
  for (size_t i = 0; i < burst->count; i++) {
    kja_promise_t never = 0;
    CHECK_OK(kja_promise_new_never(burst->runtime, &never));
    CHECK_OK(kja_coroutine_start(burst->runtime, never, 0, resume_nothing, NULL, NULL, &burst->made[i]));
    CHECK_OK(kja_promise_release(never));
  }
  release_promises(burst);
  let_loop_rest(burst->runtime);
}
static void raced(burst_t *burst) {
  kja_promise_t all = 0;
  for (size_t i = 0; i < burst->count; i++) CHECK_OK(kja_promise_new_never(burst->runtime, &burst->made[i]));
  CHECK_OK(kja_promise_race(burst->runtime, burst->made, burst->count, &all));
  release_promises(burst);
  CHECK_OK(kja_promise_release(all));
}

static void burst_open(burst_t *burst) {
  memset(burst, 0, sizeof *burst);
  burst->runtime = virtual_open();
  CHECK_OK(kja_runtime_executor(burst->runtime, &burst->executor));
}
static void burst_close(burst_t *burst) {
  CHECK_OK(kja_executor_release(burst->executor));
  runtime_close(burst->runtime);
}

static void the_heap_is_as_before_after_a_burst(void) {
  static const struct {
    const char *what;
    void (*once)(burst_t *);
  } kinds[] = {{"timers", timers},
               {"timers that fire", timers_that_fire},
               {"fulfillers", fulfillers},
               {"calls", calls},
               {"last calls", last_calls},
               {"calls when idle", idle_calls},
               {"branches", branches},
               {"detached promises", detached},
               {"bytes", bytes},
               {"errors", errors},
               {"pipes", pipes},
               {"events", events},
               {"task sets", task_sets},
               {"coroutines", coroutines},
               {"a race of many", raced}};
  burst_t burst;
  burst_open(&burst);
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) check_burst(kinds[i].what, &burst, kinds[i].once);
  burst_close(&burst);
}

static void timers_do_not_hold_the_memory_of_others(void) {
  burst_t burst;
  burst_open(&burst);
  check_burst("timers beside one that goes on", &burst, timers_but_one);
  CHECK_OK(kja_promise_release(burst.holder));
  burst_close(&burst);
}

static void what_holds_others_keeps_nothing_of_a_burst(void) {
  burst_t burst;
  burst_open(&burst);
  CHECK_OK(kja_task_set_new(burst.runtime, 10000000, must_not_run, NULL, NULL, &burst.holder));
  check_burst("tasks of a set", &burst, tasks);
  CHECK_OK(kja_task_set_release(burst.holder));
  CHECK_OK(kja_canceler_new(burst.runtime, &burst.holder));
  check_burst("promises of a canceler", &burst, wrapped);
  CHECK_OK(kja_canceler_release(burst.holder));
  CHECK_OK(kja_event_new(burst.runtime, &burst.holder));
  check_burst("waits for an event", &burst, waits);
  CHECK_OK(kja_event_release(burst.holder));
  kja_permit_t permit = 0;
  CHECK_OK(kja_semaphore_new(burst.runtime, 1, &burst.holder));
  CHECK_OK(kja_semaphore_try_acquire(burst.holder, 1, &permit));
  check_burst("acquires of a semaphore", &burst, acquires);
  CHECK_OK(kja_permit_release(permit));
  CHECK_OK(kja_semaphore_release(burst.holder));
  CHECK_OK(kja_queue_new(burst.runtime, 10000000, &burst.holder));
  check_burst("pops of a queue", &burst, pops);
  check_burst("values of a queue", &burst, values);
  CHECK_OK(kja_queue_release(burst.holder));
  burst_close(&burst);
}
#endif

int main(void) {
#ifdef CAN_COUNT
  if (!under_valgrind()) {
    RUN_IN_BOTH(the_heap_is_as_before_after_a_burst);
    RUN_IN_BOTH(timers_do_not_hold_the_memory_of_others);
    RUN_IN_BOTH(what_holds_others_keeps_nothing_of_a_burst);
  }
#endif
  return check_done();
}
