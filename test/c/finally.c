/* What is to be cleaned up: in which order, and without waiting. */
#include "expect.h"
#include "gate.h"

typedef struct log_t {
  count_t length;
  uint64_t entries[8];
} log_t;

typedef struct entry_t {
  log_t *log;
  uint64_t number;
} entry_t;

static void log_callback(void *ctx, kja_call_t call) {
  entry_t *entry = (entry_t *)ctx;
  (void)call;
  entry->log->entries[count_add(&entry->log->length, 1) - 1] = entry->number;
}
static void log_destroy(void *ctx) {
  entry_t *entry = (entry_t *)ctx;
  entry->log->entries[count_add(&entry->log->length, 1) - 1] = entry->number;
}

typedef struct nest_t {
  log_t log;
  entry_t entries[4];
  kja_promise_t promise;
} nest_t;

/* From the inside: an operation that notes its end, an attachment, a `finally`, and another one. */
static void nest_open(nest_t *nest, kja_runtime_t runtime) {
  kja_promise_t never = 0, operation = 0, attached = 0, inner = 0;
  memset(nest, 0, sizeof *nest);
  for (uint64_t i = 0; i < 4; i++) {
    nest->entries[i].log = &nest->log;
    nest->entries[i].number = i + 1;
  }
  CHECK_OK(kja_promise_new_never(runtime, &never));
  CHECK_OK(kja_promise_then(never, do_nothing, &nest->entries[0], log_destroy, &operation));
  CHECK_OK(kja_promise_attach(operation, &nest->entries[1], log_destroy, &attached));
  CHECK_OK(kja_promise_finally(attached, log_callback, &nest->entries[2], NULL, &inner));
  CHECK_OK(kja_promise_finally(inner, log_callback, &nest->entries[3], NULL, &nest->promise));
  CHECK_OK(kja_promise_release(never));
  CHECK_OK(kja_promise_release(operation));
  CHECK_OK(kja_promise_release(attached));
  CHECK_OK(kja_promise_release(inner));
}
static void nest_check(nest_t *nest) {
  if (!CHECK_U64(count_get(&nest->log.length), 4)) return;
  for (uint64_t i = 0; i < 4; i++) CHECK_U64(nest->log.entries[i], i + 1);
}

/* parity: PROM-01, PROM-17 */
static void what_is_inside_ends_first(void) {
  kja_runtime_t runtime = runtime_open();
  nest_t nest;
  nest_open(&nest, runtime);
  CHECK_OK(kja_promise_cancel(nest.promise));
  CHECK_OK(kja_promise_release(nest.promise));
  let_loop_catch_up(runtime);
  nest_check(&nest);
  nest_open(&nest, runtime);
  CHECK_OK(kja_promise_release(nest.promise));
  let_loop_catch_up(runtime);
  nest_check(&nest);
  runtime_close(runtime);
}

static void cancel_in_callback(void *ctx, kja_call_t call) {
  (void)call;
  CHECK_OK(kja_promise_release(*(kja_promise_t *)ctx));
}

static void on_the_loop_it_ends_inside_the_release(void) {
  kja_runtime_t runtime = runtime_open();
  kja_executor_t executor = 0;
  nest_t nest;
  nest_open(&nest, runtime);
  CHECK_OK(kja_runtime_executor(runtime, &executor));
  CHECK_OK(kja_executor_execute(executor, cancel_in_callback, &nest.promise, NULL));
  nest_check(&nest);
  CHECK_OK(kja_executor_release(executor));
  runtime_close(runtime);
}

static void a_shutdown_ends_what_is_inside_first(void) {
  kja_runtime_t runtime = runtime_open();
  nest_t nest;
  nest_open(&nest, runtime);
  runtime_close(runtime);
  nest_check(&nest);
}

static void a_release_without_waiting_leaves_a_running_callback_alone(void) {
  kja_runtime_t runtime = runtime_open();
  kja_executor_t executor = 0;
  kja_promise_t running = 0;
  hold_t hold;
  count_t destroyed = {0};
  hold_init(&hold);
  CHECK_OK(kja_runtime_executor(runtime, &executor));
  CHECK_OK(kja_executor_execute_start(executor, hold_callback, &hold, NULL, &running));
  gate_pass(&hold.begun);
  kja_promise_t attached = 0;
  CHECK_OK(kja_promise_attach(running, &destroyed, count_destroy, &attached));
  CHECK_OK(kja_promise_release_nowait(running));
  CHECK_OK(kja_promise_release_nowait(attached));
  CHECK_IS(kja_promise_release_nowait(attached), KJA_ERR_BAD_HANDLE);
  gate_open(&hold.end);
  CHECK_OK(kja_executor_execute(executor, do_nothing, NULL, NULL));
  CHECK_U64(count_get(&destroyed), 1);
  hold_destroy(&hold);
  CHECK_OK(kja_executor_release(executor));
  runtime_close(runtime);
}

static void a_set_released_without_waiting_leaves_a_running_callback_alone(void) {
  kja_runtime_t runtime = runtime_open();
  kja_executor_t executor = 0;
  kja_promise_t running = 0, wrapped = 0;
  kja_task_set_t tasks = 0;
  kja_canceler_t canceler = 0;
  hold_t hold;
  count_t freed = {0};
  hold_init(&hold);
  CHECK_OK(kja_runtime_executor(runtime, &executor));
  CHECK_OK(kja_task_set_new(runtime, 0, do_nothing, NULL, NULL, &tasks));
  CHECK_OK(kja_canceler_new(runtime, &canceler));
  CHECK_OK(kja_executor_execute_start(executor, hold_callback, &hold, NULL, &running));
  gate_pass(&hold.begun);
  CHECK_OK(kja_canceler_wrap(canceler, running, &wrapped));
  CHECK_OK(kja_promise_release_nowait(running));
  CHECK_OK(kja_promise_attach(wrapped, &freed, count_destroy, &running));
  CHECK_OK(kja_promise_release_nowait(wrapped));
  CHECK_OK(kja_task_set_add(tasks, running));
  CHECK_OK(kja_canceler_release_nowait(canceler));
  CHECK_OK(kja_task_set_release_nowait(tasks));
  CHECK_IS(kja_task_set_release_nowait(tasks), KJA_ERR_BAD_HANDLE);
  CHECK_IS(kja_canceler_release_nowait(canceler), KJA_ERR_BAD_HANDLE);
  gate_open(&hold.end);
  CHECK_OK(kja_executor_execute(executor, do_nothing, NULL, NULL));
  CHECK_U64(count_get(&freed), 1);
  hold_destroy(&hold);
  CHECK_OK(kja_executor_release(executor));
  runtime_close(runtime);
}

int main(void) {
  RUN_IN_BOTH(what_is_inside_ends_first);
  RUN_IN_BOTH(on_the_loop_it_ends_inside_the_release);
  RUN_IN_BOTH(a_shutdown_ends_what_is_inside_first);
  RUN(a_release_without_waiting_leaves_a_running_callback_alone);
  RUN(a_set_released_without_waiting_leaves_a_running_callback_alone);
  return check_done();
}
