/* Traces: what a pending promise, or each task of a set, waits for. */
#include "gate.h"
#include "loopback.h"
#include "options.h"

static void expect_trace(kja_promise_t promise, const char *want) {
  char text[1000];
  size_t length = 0;
  memset(text, '#', sizeof text);
  CHECK_OK(kja_promise_trace(promise, text, sizeof text, &length));
  if (!CHECK(strcmp(text, want) == 0)) fprintf(stderr, "  the trace was \"%s\", not \"%s\"\n", text, want);
  CHECK_U64(length, strlen(want));
}
static kja_promise_t then(kja_promise_t promise) {
  kja_promise_t result = 0;
  CHECK_OK(kja_promise_then(promise, do_nothing, NULL, NULL, &result));
  CHECK_OK(kja_promise_release(promise));
  return result;
}

/* parity: PROM-20, EXC-05 */
static void a_trace_names_what_it_waits_for_down_to_the_end(void) {
  kja_runtime_t runtime = virtual_open();
  kja_promise_t promise = sleep_start(runtime, SECOND), outer = 0;
  expect_trace(promise, "timer");
  promise = then(promise);
  expect_trace(promise, "then < timer");
  CHECK_OK(kja_promise_catch(promise, do_nothing, NULL, NULL, &outer));
  CHECK_OK(kja_promise_release(promise));
  expect_trace(outer, "catch < then < timer");
  CHECK_OK(kja_promise_finally(outer, do_nothing, NULL, NULL, &promise));
  CHECK_OK(kja_promise_release(outer));
  CHECK_OK(kja_promise_timeout(promise, 10 * SECOND, &outer));
  expect_trace(outer, "timeout < finally < catch < then < timer");
  expect_trace(promise, "finally < catch < then < timer");
  CHECK_OK(kja_promise_release(promise));
  let_time_pass(runtime, SECOND);
  expect_trace(outer, "");
  CHECK_OK(kja_promise_release(outer));
  runtime_close(runtime);
}

/* On a wait scope, so that the loop is at none of them. */
/* parity: PROM-20 */
static void each_operation_has_a_name(void) {
  kja_runtime_t runtime = scope_open();
  pair_t pair = pair_open(runtime);
  kja_queue_t queue = 0;
  kja_event_t event = 0;
  kja_canceler_t canceler = 0;
  kja_fulfiller_t fulfiller = 0;
  kja_promise_t promise = 0, wrapped = 0;
  CHECK_OK(kja_queue_new(runtime, 1, &queue));
  CHECK_OK(kja_event_new(runtime, &event));
  CHECK_OK(kja_canceler_new(runtime, &canceler));
  promise = then(read_start(pair.server, 1, 1));
  expect_trace(promise, "then < read");
  CHECK_OK(kja_promise_release(promise));
  CHECK_OK(kja_queue_pop_start(queue, &promise));
  expect_trace(promise, "pop");
  CHECK_OK(kja_canceler_wrap(canceler, promise, &wrapped));
  CHECK_OK(kja_promise_release(promise));
  expect_trace(wrapped, "canceler < pop");
  CHECK_OK(kja_promise_release(wrapped));
  CHECK_OK(kja_event_wait_start(event, &promise));
  expect_trace(promise, "fork < fulfiller");
  CHECK_OK(kja_promise_all(runtime, &promise, 1, &wrapped));
  expect_trace(wrapped, "all");
  CHECK_OK(kja_promise_release(wrapped));
  CHECK_OK(kja_promise_release(promise));
  CHECK_OK(kja_fulfiller_new(runtime, &fulfiller, &promise));
  expect_trace(promise, "fulfiller");
  CHECK_OK(kja_fulfiller_release(fulfiller));
  expect_trace(promise, "");
  CHECK_OK(kja_promise_release(promise));
  CHECK_OK(kja_canceler_release(canceler));
  CHECK_OK(kja_event_release(event));
  CHECK_OK(kja_queue_release(queue));
  pair_release(pair);
  runtime_close(runtime);
}

static void a_trace_is_cut_to_its_buffer(void) {
  kja_runtime_t runtime = virtual_open();
  kja_promise_t promise = then(sleep_start(runtime, SECOND));
  char text[8];
  size_t length = 0;
  CHECK_OK(kja_promise_trace(promise, NULL, 0, &length));
  CHECK_U64(length, strlen("then < timer"));
  CHECK_OK(kja_promise_trace(promise, text, sizeof text, NULL));
  CHECK(strcmp(text, "then < ") == 0);
  CHECK_OK(kja_promise_trace(promise, text, 1, &length));
  CHECK(strcmp(text, "") == 0);
  CHECK_OK(kja_promise_release(promise));
  runtime_close(runtime);
}

static void a_long_chain_is_cut_to_sixty_four_names(void) {
  kja_runtime_t runtime = virtual_open();
  kja_promise_t promise = sleep_start(runtime, SECOND);
  char want[1000] = "then";
  for (int i = 0; i < 1000; i++) promise = then(promise);
  for (int i = 1; i < 64; i++) strcat(want, " < then");
  expect_trace(promise, want);
  CHECK_OK(kja_promise_release(promise));
  runtime_close(runtime);
}

typedef struct own_t {
  kja_promise_t self;
  count_t ran;
} own_t;
static void trace_oneself(void *ctx, kja_call_t call) {
  own_t *own = (own_t *)ctx;
  (void)call;
  expect_trace(own->self, "running");
  count_add(&own->ran, 1);
}

/* parity: PROM-20, PROM-36 */
static void a_callback_that_runs_is_seen_to(void) {
  kja_runtime_t runtime = runtime_open();
  kja_fulfiller_t fulfiller = 0;
  kja_promise_t promise = 0;
  own_t own;
  memset(&own, 0, sizeof own);
  CHECK_OK(kja_fulfiller_new(runtime, &fulfiller, &promise));
  CHECK_OK(kja_promise_then(promise, trace_oneself, &own, NULL, &own.self));
  CHECK_OK(kja_promise_release(promise));
  CHECK_OK(kja_fulfiller_unit(fulfiller));
  expect(own.self, KJA_OK);
  CHECK_U64(count_get(&own.ran), 1);
  CHECK_OK(kja_fulfiller_release(fulfiller));
  runtime_close(runtime);
}

static size_t lines_of(const char *text) {
  size_t lines = *text != 0;
  for (; *text; text++) lines += *text == '\n';
  return lines;
}

/* parity: TASK-07 */
static void a_task_set_has_a_line_for_each_task(void) {
  kja_runtime_t runtime = virtual_open();
  kja_task_set_t tasks = 0;
  kja_promise_t never = 0;
  char text[300], small[4];
  size_t length = 99;
  CHECK_OK(kja_task_set_new(runtime, 0, must_not_run, NULL, NULL, &tasks));
  CHECK_OK(kja_task_set_trace(tasks, text, sizeof text, &length));
  CHECK(strcmp(text, "") == 0);
  CHECK_U64(length, 0);
  CHECK_OK(kja_promise_new_never(runtime, &never));
  CHECK_OK(kja_task_set_add(tasks, then(sleep_start(runtime, SECOND))));
  CHECK_OK(kja_task_set_add(tasks, never));
  CHECK_OK(kja_task_set_add(tasks, then(then(sleep_start(runtime, 2 * SECOND)))));
  CHECK_OK(kja_task_set_trace(tasks, text, sizeof text, &length));
  CHECK_U64(length, strlen(text));
  CHECK_U64(lines_of(text), 3);
  CHECK(strstr(text, "< then < timer") != NULL);
  CHECK(strstr(text, "< then < then < timer") != NULL);
  CHECK(strstr(text, "< fulfiller") != NULL);
  CHECK_OK(kja_task_set_trace(tasks, small, sizeof small, NULL));
  CHECK(strlen(small) == 3);
  let_time_pass(runtime, SECOND);
  CHECK_OK(kja_task_set_trace(tasks, text, sizeof text, &length));
  CHECK_U64(lines_of(text), 2);
  CHECK_OK(kja_task_set_clear(tasks));
  CHECK_OK(kja_task_set_trace(tasks, text, sizeof text, &length));
  CHECK_U64(length, 0);
  CHECK_OK(kja_task_set_release(tasks));
  runtime_close(runtime);
}

typedef struct watcher_t {
  kja_promise_t promise;
  kja_task_set_t tasks;
  count_t end;
} watcher_t;
static void *watch(void *arg) {
  watcher_t *watcher = (watcher_t *)arg;
  while (!count_get(&watcher->end)) {
    char text[2000];
    CHECK_OK(kja_promise_trace(watcher->promise, text, sizeof text, NULL));
    CHECK_OK(kja_task_set_trace(watcher->tasks, text, sizeof text, NULL));
  }
  return NULL;
}

/* parity: PROM-20, TASK-07 */
static void another_thread_may_look_while_everything_changes(void) {
  kja_runtime_t runtime = runtime_open();
  watcher_t watcher;
  pthread_t thread;
  memset(&watcher, 0, sizeof watcher);
  CHECK_OK(kja_task_set_new(runtime, 0, must_not_run, NULL, NULL, &watcher.tasks));
  CHECK_OK(kja_promise_new_never(runtime, &watcher.promise));
  for (int i = 0; i < 20; i++) watcher.promise = then(watcher.promise);
  pthread_create(&thread, NULL, watch, &watcher);
  for (size_t i = 0, n = scaled(3000); i < n; i++) {
    kja_promise_t turn = 0;
    CHECK_OK(kja_timer_yield_start(runtime, &turn));
    CHECK_OK(kja_task_set_add(watcher.tasks, then(then(turn))));
    if (i % 100 == 99) CHECK_OK(kja_task_set_clear(watcher.tasks));
  }
  CHECK_OK(kja_promise_cancel(watcher.promise));
  count_set(&watcher.end, 1);
  pthread_join(thread, NULL);
  CHECK_OK(kja_promise_release(watcher.promise));
  CHECK_OK(kja_task_set_release(watcher.tasks));
  runtime_close(runtime);
}

int main(void) {
  RUN_IN_BOTH(a_trace_names_what_it_waits_for_down_to_the_end);
  RUN(each_operation_has_a_name);
  RUN_IN_BOTH(a_trace_is_cut_to_its_buffer);
  RUN_IN_BOTH(a_long_chain_is_cut_to_sixty_four_names);
  RUN_IN_BOTH(a_callback_that_runs_is_seen_to);
  RUN_IN_BOTH(a_task_set_has_a_line_for_each_task);
  RUN(another_thread_may_look_while_everything_changes);
  return check_done();
}
