/* Task sets: promises that nobody awaits, held together. */
#include "gate.h"
#include "options.h"

static kja_task_set_t tasks_open(kja_runtime_t runtime, size_t limit, kja_callback_fn on_error, void *ctx) {
  kja_task_set_t tasks = 0;
  CHECK_OK(kja_task_set_new(runtime, limit, on_error, ctx, NULL, &tasks));
  return tasks;
}
static void expect_size(kja_task_set_t tasks, size_t want) {
  size_t size = SIZE_MAX;
  CHECK_OK(kja_task_set_size(tasks, &size));
  CHECK_U64(size, want);
}
static kja_promise_t on_empty_start(kja_task_set_t tasks) {
  kja_promise_t empty = 0;
  CHECK_OK(kja_task_set_on_empty_start(tasks, &empty));
  return empty;
}
static kja_promise_t count_when_settled(kja_promise_t promise, count_t *ran) {
  kja_promise_t then = 0;
  CHECK_OK(kja_promise_then(promise, count_run, ran, NULL, &then));
  CHECK_OK(kja_promise_release(promise));
  return then;
}

/* parity: TASK-01, TASK-04, TASK-05 */
static void a_task_runs_to_its_end_and_leaves(void) {
  enum { MANY = 50 };
  kja_runtime_t runtime = virtual_open();
  kja_task_set_t tasks = tasks_open(runtime, 0, must_not_run, NULL);
  count_t ran = {0};
  expect_already(on_empty_start(tasks), KJA_OK);
  for (uint64_t i = 1; i <= MANY; i++) {
    kja_promise_t task = count_when_settled(sleep_start(runtime, i * SECOND), &ran);
    CHECK_OK(kja_task_set_add(tasks, task));
    CHECK_IS(kja_promise_status(task), KJA_ERR_BAD_HANDLE);
  }
  expect_size(tasks, MANY);
  kja_promise_t empty = on_empty_start(tasks);
  let_time_pass(runtime, 20 * SECOND);
  expect_size(tasks, MANY - 20);
  CHECK_U64(count_get(&ran), 20);
  CHECK_IS(kja_promise_status(empty), KJA_ERR_PENDING);
  let_time_pass(runtime, MANY * SECOND);
  CHECK_U64(count_get(&ran), MANY);
  expect_size(tasks, 0);
  expect_already(empty, KJA_OK);
  CHECK_OK(kja_task_set_release(tasks));
  runtime_close(runtime);
}

/* Notes the kinds of the errors that it hears of. */
typedef struct heard_t {
  count_t times, kinds, destroyed;
} heard_t;
static void hear(void *ctx, kja_call_t call) {
  heard_t *heard = (heard_t *)ctx;
  kja_status_t kind = kja_call_status(call);
  count_add(&heard->times, 1);
  if (CHECK(kind > 0 && kind < 64)) count_add(&heard->kinds, (uint64_t)1 << kind);
}
static void heard_destroy(void *ctx) {
  count_add(&((heard_t *)ctx)->destroyed, 1);
}

/* parity: TASK-02 */
static void on_error_hears_of_each_failure_and_the_others_go_on(void) {
  kja_runtime_t runtime = runtime_open();
  heard_t heard;
  count_t gone = {0};
  kja_task_set_t tasks = 0;
  memset(&heard, 0, sizeof heard);
  CHECK_OK(kja_task_set_new(runtime, 10, hear, &heard, heard_destroy, &tasks));
  CHECK_OK(kja_task_set_add(tasks, failed(runtime, KJA_ERR_OVERLOADED, "one")));
  CHECK_OK(kja_task_set_add(tasks, pending_until_gone(runtime, &gone)));
  CHECK_OK(kja_task_set_add(tasks, failed(runtime, KJA_ERR_DISCONNECTED, "two")));
  let_loop_rest(runtime);
  CHECK_U64(count_get(&heard.times), 2);
  CHECK_U64(count_get(&heard.kinds), (uint64_t)1 << KJA_ERR_OVERLOADED | (uint64_t)1 << KJA_ERR_DISCONNECTED);
  expect_size(tasks, 1);
  CHECK_U64(count_get(&heard.destroyed), 0);
  CHECK_OK(kja_task_set_release(tasks));
  CHECK_U64(count_get(&heard.destroyed), 1);
  CHECK_U64(count_get(&heard.times), 2);
  CHECK_U64(count_get(&gone), 1);
  runtime_close(runtime);
}

/* parity: TASK-03, TASK-06 */
static void clear_and_release_end_every_task(void) {
  enum { MANY = 20 };
  kja_runtime_t runtime = runtime_open();
  kja_task_set_t tasks = tasks_open(runtime, 0, must_not_run, NULL);
  count_t gone = {0};
  for (int i = 0; i < MANY; i++) CHECK_OK(kja_task_set_add(tasks, pending_until_gone(runtime, &gone)));
  kja_promise_t empty = on_empty_start(tasks);
  CHECK_OK(kja_task_set_clear(tasks));
  CHECK_U64(count_get(&gone), MANY);
  expect_size(tasks, 0);
  expect(empty, KJA_OK);
  CHECK_OK(kja_task_set_clear(tasks));
  for (int i = 0; i < MANY; i++) CHECK_OK(kja_task_set_add(tasks, pending_until_gone(runtime, &gone)));
  expect_size(tasks, MANY);
  empty = on_empty_start(tasks);
  CHECK_OK(kja_task_set_release(tasks));
  CHECK_U64(count_get(&gone), 2 * MANY);
  expect(empty, KJA_OK);
  CHECK_IS(kja_task_set_clear(tasks), KJA_ERR_BAD_HANDLE);
  runtime_close(runtime);
}

/* A task that others hold as well is only dropped. */
static void clear_leaves_what_others_hold(void) {
  kja_runtime_t runtime = runtime_open();
  kja_task_set_t tasks = tasks_open(runtime, 0, must_not_run, NULL);
  count_t gone = {0};
  kja_promise_t promise = pending_until_gone(runtime, &gone), branch = 0;
  CHECK_OK(kja_promise_fork(promise, &branch));
  CHECK_OK(kja_task_set_add(tasks, branch));
  CHECK_OK(kja_task_set_clear(tasks));
  CHECK_U64(count_get(&gone), 0);
  CHECK_IS(kja_promise_status(promise), KJA_ERR_PENDING);
  CHECK_OK(kja_promise_release(promise));
  CHECK_U64(count_get(&gone), 1);
  CHECK_OK(kja_task_set_release(tasks));
  runtime_close(runtime);
}

/* parity: TASK-05 */
static void only_one_may_wait_for_it_to_be_empty(void) {
  kja_runtime_t runtime = runtime_open();
  kja_task_set_t tasks = tasks_open(runtime, 0, must_not_run, NULL);
  count_t gone = {0};
  kja_promise_t second = 1;
  CHECK_OK(kja_task_set_add(tasks, pending_until_gone(runtime, &gone)));
  kja_promise_t empty = on_empty_start(tasks);
  CHECK_IS(kja_task_set_on_empty_start(tasks, &second), KJA_ERR_BUSY);
  CHECK_U64(second, 0);
  CHECK_OK(kja_promise_release(empty));
  empty = on_empty_start(tasks);
  CHECK_OK(kja_promise_cancel(empty));
  expect_already(empty, KJA_ERR_CANCELED);
  empty = on_empty_start(tasks);
  CHECK_OK(kja_task_set_clear(tasks));
  expect(empty, KJA_OK);
  expect_already(on_empty_start(tasks), KJA_OK);
  CHECK_OK(kja_task_set_release(tasks));
  runtime_close(runtime);
}

static void a_full_set_refuses_and_the_promise_stays_the_callers(void) {
  kja_runtime_t runtime = runtime_open();
  kja_task_set_t tasks = tasks_open(runtime, 2, must_not_run, NULL);
  kja_fulfiller_t fulfiller = 0;
  kja_promise_t first = 0;
  count_t gone = {0};
  CHECK_OK(kja_fulfiller_new(runtime, &fulfiller, &first));
  CHECK_OK(kja_task_set_add(tasks, first));
  CHECK_OK(kja_task_set_add(tasks, pending_until_gone(runtime, &gone)));
  kja_promise_t third = pending_until_gone(runtime, &gone);
  CHECK_IS(kja_task_set_add(tasks, third), KJA_ERR_OVERLOADED);
  expect_size(tasks, 2);
  CHECK_IS(kja_promise_status(third), KJA_ERR_PENDING);
  CHECK_U64(count_get(&gone), 0);
  CHECK_OK(kja_fulfiller_unit(fulfiller));
  let_loop_rest(runtime);
  CHECK_OK(kja_task_set_add(tasks, third));
  expect_size(tasks, 2);
  CHECK_OK(kja_task_set_release(tasks));
  CHECK_U64(count_get(&gone), 2);
  CHECK_OK(kja_fulfiller_release(fulfiller));
  runtime_close(runtime);
}

/* What a callback needs to use its own task set. */
typedef struct nest_t {
  kja_runtime_t runtime;
  kja_task_set_t tasks;
  count_t left, ran, gone, destroyed;
} nest_t;
static void nest_destroy(void *ctx) {
  count_add(&((nest_t *)ctx)->destroyed, 1);
}
static void add_another(void *ctx, kja_call_t call) {
  nest_t *nest = (nest_t *)ctx;
  kja_promise_t unit = 0, task = 0;
  (void)call;
  count_add(&nest->ran, 1);
  if (count_get(&nest->left) == 0) return;
  count_add(&nest->left, (uint64_t)-1);
  CHECK_OK(kja_promise_new_unit(nest->runtime, &unit));
  CHECK_OK(kja_promise_then(unit, add_another, nest, NULL, &task));
  CHECK_OK(kja_promise_release(unit));
  CHECK_OK(kja_task_set_add(nest->tasks, task));
}

/* parity: TASK-08 */
static void a_task_may_add_tasks(void) {
  enum { MANY = 1000 };
  nest_t nest;
  memset(&nest, 0, sizeof nest);
  nest.runtime = runtime_open();
  nest.tasks = tasks_open(nest.runtime, 2, must_not_run, NULL);
  count_set(&nest.left, MANY);
  run_on_loop(nest.runtime, add_another, &nest);
  expect(on_empty_start(nest.tasks), KJA_OK);
  CHECK_U64(count_get(&nest.ran), MANY + 1);
  CHECK_OK(kja_task_set_release(nest.tasks));
  runtime_close(nest.runtime);
}

static void add_on_error(void *ctx, kja_call_t call) {
  nest_t *nest = (nest_t *)ctx;
  CHECK_IS(kja_call_status(call), KJA_ERR_FAILED);
  count_add(&nest->ran, 1);
  if (count_get(&nest->left) == 0) return;
  count_add(&nest->left, (uint64_t)-1);
  CHECK_OK(kja_task_set_add(nest->tasks, failed(nest->runtime, KJA_ERR_FAILED, "again")));
}

/* parity: TASK-02, TASK-08 */
static void on_error_may_add_tasks(void) {
  nest_t nest;
  memset(&nest, 0, sizeof nest);
  nest.runtime = runtime_open();
  CHECK_OK(kja_task_set_new(nest.runtime, 0, add_on_error, &nest, nest_destroy, &nest.tasks));
  count_set(&nest.left, 100);
  CHECK_OK(kja_task_set_add(nest.tasks, failed(nest.runtime, KJA_ERR_FAILED, "first")));
  let_loop_rest(nest.runtime);
  CHECK_U64(count_get(&nest.ran), 101);
  expect_size(nest.tasks, 0);
  CHECK_OK(kja_task_set_release(nest.tasks));
  CHECK_U64(count_get(&nest.destroyed), 1);
  runtime_close(nest.runtime);
}

static void clear_on_error(void *ctx, kja_call_t call) {
  nest_t *nest = (nest_t *)ctx;
  (void)call;
  count_add(&nest->ran, 1);
  CHECK_OK(kja_task_set_clear(nest->tasks));
  CHECK_U64(count_get(&nest->gone), 3);
  expect_size(nest->tasks, 0);
  CHECK_OK(kja_task_set_add(nest->tasks, pending_until_gone(nest->runtime, &nest->gone)));
}

/* parity: TASK-06 */
static void on_error_may_clear_the_set(void) {
  nest_t nest;
  memset(&nest, 0, sizeof nest);
  nest.runtime = runtime_open();
  CHECK_OK(kja_task_set_new(nest.runtime, 0, clear_on_error, &nest, nest_destroy, &nest.tasks));
  for (int i = 0; i < 3; i++) CHECK_OK(kja_task_set_add(nest.tasks, pending_until_gone(nest.runtime, &nest.gone)));
  kja_promise_t empty = on_empty_start(nest.tasks);
  CHECK_OK(kja_task_set_add(nest.tasks, failed(nest.runtime, KJA_ERR_FAILED, "x")));
  let_loop_rest(nest.runtime);
  expect_already(empty, KJA_OK);
  CHECK_U64(count_get(&nest.ran), 1);
  CHECK_U64(count_get(&nest.gone), 3);
  expect_size(nest.tasks, 1);
  CHECK_OK(kja_task_set_release(nest.tasks));
  CHECK_U64(count_get(&nest.gone), 4);
  CHECK_U64(count_get(&nest.destroyed), 1);
  runtime_close(nest.runtime);
}

static void clear_from_inside(void *ctx, kja_call_t call) {
  nest_t *nest = (nest_t *)ctx;
  CHECK_OK(kja_task_set_clear(nest->tasks));
  CHECK_U64(count_get(&nest->gone), 1);
  CHECK_U64(count_get(&nest->destroyed), 0);
  count_add(&nest->ran, 1);
  CHECK_OK(kja_call_return_error(call, KJA_ERR_FAILED, 0, "not to be heard of", 18));
}

/* Unlike in KJ, where it is an error. */
/* parity: TASK-06 */
static void a_task_may_clear_its_own_set_and_ends_when_it_returns(void) {
  nest_t nest;
  kja_fulfiller_t fulfiller = 0;
  kja_promise_t unit = 0, task = 0;
  memset(&nest, 0, sizeof nest);
  nest.runtime = runtime_open();
  nest.tasks = tasks_open(nest.runtime, 0, must_not_run, NULL);
  CHECK_OK(kja_task_set_add(nest.tasks, pending_until_gone(nest.runtime, &nest.gone)));
  CHECK_OK(kja_fulfiller_new(nest.runtime, &fulfiller, &unit));
  CHECK_OK(kja_promise_then(unit, clear_from_inside, &nest, nest_destroy, &task));
  CHECK_OK(kja_promise_release(unit));
  CHECK_OK(kja_task_set_add(nest.tasks, task));
  CHECK_OK(kja_fulfiller_unit(fulfiller));
  CHECK_OK(kja_fulfiller_release(fulfiller));
  let_loop_rest(nest.runtime);
  CHECK_U64(count_get(&nest.ran), 1);
  CHECK_U64(count_get(&nest.destroyed), 1);
  expect_size(nest.tasks, 0);
  CHECK_OK(kja_task_set_release(nest.tasks));
  runtime_close(nest.runtime);
}

static void release_from_inside(void *ctx, kja_call_t call) {
  nest_t *nest = (nest_t *)ctx;
  (void)call;
  count_add(&nest->ran, 1);
  CHECK_OK(kja_task_set_release(nest->tasks));
  CHECK_U64(count_get(&nest->gone), 1);
}

/* parity: TASK-03 */
static void on_error_may_release_the_set(void) {
  nest_t nest;
  memset(&nest, 0, sizeof nest);
  nest.runtime = runtime_open();
  kja_fulfiller_t fulfiller = 0;
  kja_promise_t task = 0;
  CHECK_OK(kja_fulfiller_new(nest.runtime, &fulfiller, &task));
  CHECK_OK(kja_task_set_new(nest.runtime, 0, release_from_inside, &nest, nest_destroy, &nest.tasks));
  CHECK_OK(kja_task_set_add(nest.tasks, pending_until_gone(nest.runtime, &nest.gone)));
  CHECK_OK(kja_task_set_add(nest.tasks, task));
  CHECK_OK(kja_fulfiller_release(fulfiller));
  let_loop_rest(nest.runtime);
  CHECK_U64(count_get(&nest.ran), 1);
  CHECK_U64(count_get(&nest.destroyed), 1);
  runtime_close(nest.runtime);
}

static void shutdown_ends_the_tasks(void) {
  kja_runtime_t runtime = runtime_open();
  count_t gone = {0}, destroyed = {0};
  kja_task_set_t tasks = 0;
  kja_promise_t late = 1;
  CHECK_OK(kja_task_set_new(runtime, 0, must_not_run, &destroyed, count_destroy, &tasks));
  CHECK_OK(kja_task_set_add(tasks, pending_until_gone(runtime, &gone)));
  kja_promise_t empty = on_empty_start(tasks);
  CHECK_OK(kja_runtime_shutdown(runtime));
  CHECK_U64(count_get(&gone), 1);
  CHECK_U64(count_get(&destroyed), 1);
  CHECK_IS(kja_promise_status(empty), KJA_ERR_BAD_HANDLE);
  CHECK_IS(kja_task_set_on_empty_start(tasks, &late), KJA_ERR_BAD_HANDLE);
  CHECK_IS(kja_task_set_release(tasks), KJA_ERR_BAD_HANDLE);
  CHECK_IS(kja_task_set_new(runtime, 0, must_not_run, &destroyed, count_destroy, &tasks), KJA_ERR_SHUTDOWN);
  CHECK_U64(tasks, 0);
  CHECK_U64(count_get(&destroyed), 2);
  CHECK_OK(kja_runtime_release(runtime));
}

/* parity: TASK-02 */
static void a_refused_set_destroys_its_ctx(void) {
  kja_runtime_t runtime = runtime_open();
  count_t destroyed = {0};
  kja_task_set_t tasks = 1;
  CHECK_IS(kja_task_set_new(runtime, 0, NULL, &destroyed, count_destroy, &tasks), KJA_ERR_INVALID_ARGUMENT);
  CHECK_U64(tasks, 0);
  CHECK_U64(count_get(&destroyed), 1);
  CHECK_IS(kja_task_set_new(runtime, 0, must_not_run, &destroyed, count_destroy, NULL), KJA_ERR_INVALID_ARGUMENT);
  CHECK_U64(count_get(&destroyed), 2);
  runtime_close(runtime);
}

typedef struct adder_t {
  kja_runtime_t runtime;
  kja_task_set_t tasks;
  kja_promise_t task;
  size_t count;
  count_t ran, gone;
} adder_t;
static void *add_and_clear(void *arg) {
  adder_t *adder = (adder_t *)arg;
  for (size_t i = 0; i < adder->count; i++) {
    kja_promise_t turn = 0;
    CHECK_OK(kja_timer_yield_start(adder->runtime, &turn));
    CHECK_OK(kja_task_set_add(adder->tasks, count_when_settled(turn, &adder->ran)));
    CHECK_OK(kja_task_set_add(adder->tasks, pending_until_gone(adder->runtime, &adder->gone)));
    if (i % 50 == 49) CHECK_OK(kja_task_set_clear(adder->tasks));
  }
  return NULL;
}

/* parity: TASK-01, TASK-06 */
static void many_threads_add_and_clear_at_once(void) {
  enum { THREADS = 8 };
  pthread_t threads[THREADS];
  adder_t adder;
  memset(&adder, 0, sizeof adder);
  adder.count = scaled(1000);
  adder.runtime = runtime_open();
  adder.tasks = tasks_open(adder.runtime, 0, must_not_run, NULL);
  for (int i = 0; i < THREADS; i++) pthread_create(&threads[i], NULL, add_and_clear, &adder);
  for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
  let_loop_rest(adder.runtime);
  CHECK(count_get(&adder.ran) <= THREADS * adder.count);
  CHECK_OK(kja_task_set_clear(adder.tasks));
  CHECK_U64(count_get(&adder.gone), THREADS * adder.count);
  expect_already(on_empty_start(adder.tasks), KJA_OK);
  CHECK_OK(kja_task_set_release(adder.tasks));
  runtime_close(adder.runtime);
}

static void *add_elsewhere(void *arg) {
  adder_t *adder = (adder_t *)arg;
  kja_promise_t empty = 0;
  CHECK_IS(kja_task_set_add(adder->tasks, adder->task), KJA_ERR_WRONG_THREAD);
  CHECK_IS(kja_task_set_on_empty_start(adder->tasks, &empty), KJA_ERR_WRONG_THREAD);
  CHECK_OK(kja_task_set_clear(adder->tasks));
  return NULL;
}

static void a_wait_scopes_set_takes_tasks_from_its_owner_only(void) {
  pthread_t thread;
  adder_t adder;
  memset(&adder, 0, sizeof adder);
  adder.runtime = scope_open();
  adder.tasks = tasks_open(adder.runtime, 0, must_not_run, NULL);
  adder.task = pending_until_gone(adder.runtime, &adder.gone);
  CHECK_OK(kja_task_set_add(adder.tasks, pending_until_gone(adder.runtime, &adder.gone)));
  pthread_create(&thread, NULL, add_elsewhere, &adder);
  pthread_join(thread, NULL);
  CHECK_U64(count_get(&adder.gone), 1);
  CHECK_OK(kja_task_set_add(adder.tasks, adder.task));
  CHECK_OK(kja_task_set_release(adder.tasks));
  CHECK_U64(count_get(&adder.gone), 2);
  runtime_close(adder.runtime);
}

int main(void) {
  RUN_IN_BOTH(a_task_runs_to_its_end_and_leaves);
  RUN_IN_BOTH(on_error_hears_of_each_failure_and_the_others_go_on);
  RUN_IN_BOTH(clear_and_release_end_every_task);
  RUN_IN_BOTH(clear_leaves_what_others_hold);
  RUN_IN_BOTH(only_one_may_wait_for_it_to_be_empty);
  RUN_IN_BOTH(a_full_set_refuses_and_the_promise_stays_the_callers);
  RUN_IN_BOTH(a_task_may_add_tasks);
  RUN_IN_BOTH(on_error_may_add_tasks);
  RUN_IN_BOTH(on_error_may_clear_the_set);
  RUN_IN_BOTH(a_task_may_clear_its_own_set_and_ends_when_it_returns);
  RUN_IN_BOTH(on_error_may_release_the_set);
  RUN_IN_BOTH(shutdown_ends_the_tasks);
  RUN_IN_BOTH(a_refused_set_destroys_its_ctx);
  RUN(many_threads_add_and_clear_at_once);
  RUN(a_wait_scopes_set_takes_tasks_from_its_owner_only);
  return check_done();
}
