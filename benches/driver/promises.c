/* W9: promises, on a wait scope: like the peers, one thread that is the loop and the caller in one. */
#include "bench.h"

#include <pthread.h>

static void add_one(void *ctx, kja_call_t call) {
  uint64_t value;
  (void)ctx;
  MUST(kja_call_u64(call, &value));
  MUST(kja_call_return_u64(call, value + 1));
}

static void chains(kja_runtime_t runtime) {
  const char *name = "w9_then_depth1000_x1000";
  size_t chains = bench_count(1000);
  span_t span;
  if (!bench_wants(name)) return;
  span_begin(&span);
  for (size_t i = 0; i < chains; i++) {
    kja_promise_t last, next;
    uint64_t value;
    MUST(kja_promise_new_u64(runtime, 0, &last));
    for (int link = 0; link < 1000; link++) {
      MUST(kja_promise_then(last, add_one, NULL, NULL, &next));
      MUST(kja_promise_release(last));
      last = next;
    }
    MUST(kja_promise_await(last));
    MUST(kja_promise_u64(last, &value));
    MUST(kja_promise_release(last));
    if (value != 1000) fprintf(stderr, "%s: a link is missing\n", name);
  }
  span_end(&span);
  report(name, &span, (double)chains * 1000, 0, NULL, NULL);
}

typedef struct turns_t {
  kja_executor_t executor;
  size_t left;
} turns_t;

static void take_turn(void *ctx, kja_call_t call) {
  turns_t *turns = ctx;
  kja_promise_t next;
  if (turns->left-- == 0) return;
  MUST(kja_executor_execute_start(turns->executor, take_turn, turns, NULL, &next));
  MUST(kja_call_return_promise(call, next));
}

static void turns_of_the_loop(kja_runtime_t runtime) {
  const char *name = "w9_then_loop_1m";
  size_t count = bench_count(1000000);
  turns_t turns = {executor_of(runtime), count};
  kja_promise_t first;
  span_t span;
  if (bench_wants(name)) {
    span_begin(&span);
    MUST(kja_executor_execute_start(turns.executor, take_turn, &turns, NULL, &first));
    await_and_release(first);
    span_end(&span);
    report(name, &span, (double)count, 0, NULL, NULL);
  }
  MUST(kja_executor_release(turns.executor));
}

static void joins(kja_runtime_t runtime) {
  const char *name = "w9_join_100k";
  size_t count = bench_count(100000);
  span_t span;
  if (!bench_wants(name)) return;
  kja_promise_t *ready = calloc(count, sizeof *ready), all;
  span_begin(&span);
  for (int round = 0; round < 10; round++) {
    for (size_t i = 0; i < count; i++) MUST(kja_promise_new_u64(runtime, i, &ready[i]));
    MUST(kja_promise_all(runtime, ready, count, &all));
    await_and_release(all);
    for (size_t i = 0; i < count; i++) MUST(kja_promise_release(ready[i]));
  }
  span_end(&span);
  report(name, &span, (double)count * 10, 0, NULL, NULL);
  free(ready);
}

typedef struct fulfillers_t {
  kja_fulfiller_t *all;
  size_t count;
} fulfillers_t;

static void *fulfil_all(void *arg) {
  fulfillers_t *fulfillers = arg;
  for (size_t i = 0; i < fulfillers->count; i++) {
    MUST(kja_fulfiller_u64(fulfillers->all[i], i));
    MUST(kja_fulfiller_release(fulfillers->all[i]));
  }
  return NULL;
}

static void fulfilments_from_a_thread(kja_runtime_t runtime) {
  const char *name = "w9_xthread_fulfill_100k";
  size_t count = bench_count(100000);
  span_t span;
  if (!bench_wants(name)) return;
  fulfillers_t fulfillers = {calloc(count, sizeof(kja_fulfiller_t)), count};
  kja_promise_t *promises = calloc(count, sizeof *promises);
  span_begin(&span);
  for (int round = 0; round < 10; round++) {
    pthread_t thread;
    for (size_t i = 0; i < count; i++) MUST(kja_fulfiller_new(runtime, &fulfillers.all[i], &promises[i]));
    pthread_create(&thread, NULL, fulfil_all, &fulfillers);
    for (size_t i = 0; i < count; i++) await_and_release(promises[i]);
    pthread_join(thread, NULL);
  }
  span_end(&span);
  report(name, &span, (double)count * 10, 0, NULL, NULL);
  free(fulfillers.all);
  free(promises);
}

void promises(void) {
  kja_runtime_t runtime = runtime_new(KJA_RUNTIME_WAIT_SCOPE, 0);
  chains(runtime);
  turns_of_the_loop(runtime);
  joins(runtime);
  fulfilments_from_a_thread(runtime);
  runtime_end(runtime);
}
