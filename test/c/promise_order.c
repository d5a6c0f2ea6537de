/* What runs when: what an event makes ready, what is queued, and what waits for the rest. */
#include "gate.h"
#include "loopback.h"
#include "options.h"
#include "record.h"

/* A scene is set by one callback, so that nothing runs before all of it is in place. */
typedef struct scene_t {
  record_t record;
  kja_runtime_t runtime;
  kja_executor_t executor;
  kja_fulfiller_t fulfillers[3];
  kja_connection_t peer;
} scene_t;

/* Looks at the sockets are counted in turns, so that none comes in the middle of a scene, however slow the machine is. */
static void scene_open(scene_t *scene) {
  kja_runtime_options_t options = options_of(test_mode);
  memset(scene, 0, sizeof *scene);
  record_init(&scene->record);
  options.turns_per_look = 256;
  scene->runtime = runtime_with(&options);
  CHECK_OK(kja_runtime_executor(scene->runtime, &scene->executor));
}
static void scene_play(scene_t *scene, kja_callback_fn play) {
  run_on_loop(scene->runtime, play, scene);
  let_loop_rest(scene->runtime);
}
static void scene_close(scene_t *scene) {
  CHECK_OK(kja_executor_release(scene->executor));
  runtime_close(scene->runtime);
}

static void detach(kja_promise_t promise) {
  CHECK_OK(kja_promise_detach(promise, NULL, NULL, NULL));
}
/* The letter, queued. */
static void queue_step(scene_t *scene, char letter) {
  kja_promise_t queued = 0;
  CHECK_OK(kja_executor_execute_start(scene->executor, run_step, step(&scene->record, letter), NULL, &queued));
  detach(queued);
}
static void queue_last(scene_t *scene, kja_callback_fn run, void *ctx) {
  kja_promise_t queued = 0;
  CHECK_OK(kja_executor_execute_last_start(scene->executor, run, ctx, NULL, &queued));
  detach(queued);
}
/* The letter, once the promise has settled; gives the promise of that. */
static kja_promise_t then_step(scene_t *scene, kja_promise_t promise, char letter) {
  kja_promise_t then = 0;
  CHECK_OK(kja_promise_then(promise, run_step, step(&scene->record, letter), NULL, &then));
  CHECK_OK(kja_promise_release(promise));
  return then;
}
static kja_promise_t promise_of(scene_t *scene, int fulfiller) {
  kja_promise_t promise = 0;
  CHECK_OK(kja_fulfiller_new(scene->runtime, &scene->fulfillers[fulfiller], &promise));
  return promise;
}
static void fulfill(scene_t *scene, int fulfiller) {
  CHECK_OK(kja_fulfiller_unit(scene->fulfillers[fulfiller]));
  CHECK_OK(kja_fulfiller_release(scene->fulfillers[fulfiller]));
}

static void play_older_work_first(void *ctx, kja_call_t call) {
  scene_t *scene = (scene_t *)ctx;
  (void)call;
  queue_step(scene, 'x');
  queue_step(scene, 'y');
  fulfill(scene, 0);
  queue_step(scene, 'z');
  fulfill(scene, 1);
}

/* parity: PROM-09 */
static void what_an_event_makes_ready_runs_right_after_it(void) {
  scene_t scene;
  scene_open(&scene);
  detach(then_step(&scene, then_step(&scene, promise_of(&scene, 0), 'a'), 'b'));
  detach(then_step(&scene, promise_of(&scene, 1), 'c'));
  scene_play(&scene, play_older_work_first);
  CHECK_ORDER(&scene.record, "abcxyz");
  scene_close(&scene);
}

static void fulfill_step(void *ctx, kja_call_t call) {
  scene_t *scene = (scene_t *)ctx;
  (void)call;
  record_add(&scene->record, '!');
  fulfill(scene, 1);
  fulfill(scene, 2);
}
static void play_a_tree(void *ctx, kja_call_t call) {
  scene_t *scene = (scene_t *)ctx;
  (void)call;
  queue_step(scene, 'x');
  fulfill(scene, 0);
}

/* Into the depth, and on each level in the order in which it became ready. */
/* parity: PROM-09 */
static void a_tree_of_continuations_runs_depth_first(void) {
  scene_t scene;
  kja_promise_t root = 0, next = 0;
  scene_open(&scene);
  kja_promise_t promise = promise_of(&scene, 0);
  CHECK_OK(kja_promise_then(promise, fulfill_step, &scene, NULL, &root));
  CHECK_OK(kja_promise_fork(promise, &next));
  CHECK_OK(kja_promise_release(promise));
  detach(then_step(&scene, next, 'e'));
  detach(root);
  detach(then_step(&scene, then_step(&scene, promise_of(&scene, 1), 'a'), 'b'));
  detach(then_step(&scene, then_step(&scene, promise_of(&scene, 2), 'c'), 'd'));
  scene_play(&scene, play_a_tree);
  CHECK_ORDER(&scene.record, "!abcdex");
  scene_close(&scene);
}

static void play_in_order(void *ctx, kja_call_t call) {
  scene_t *scene = (scene_t *)ctx;
  kja_promise_t queued[3];
  (void)call;
  for (int i = 0; i < 3; i++)
    CHECK_OK(kja_executor_execute_start(scene->executor, run_step, step(&scene->record, (char)('a' + i)), destroy_step,
                                        &queued[i]));
  CHECK_OK(kja_promise_release(queued[1]));
  detach(queued[0]);
  detach(queued[2]);
}

/* parity: PROM-23, EXEC-09 */
static void calls_run_in_order_and_a_dropped_one_never_does(void) {
  scene_t scene;
  scene_open(&scene);
  scene_play(&scene, play_in_order);
  CHECK_ORDER(&scene.record, "BaAcC");
  scene_close(&scene);
}

static void queue_d(void *ctx, kja_call_t call) {
  scene_t *scene = (scene_t *)ctx;
  (void)call;
  record_add(&scene->record, 'a');
  queue_step(scene, 'd');
}
static void play_breadth_first(void *ctx, kja_call_t call) {
  scene_t *scene = (scene_t *)ctx;
  kja_promise_t queued = 0, unit = 0;
  (void)call;
  CHECK_OK(kja_executor_execute_start(scene->executor, queue_d, scene, NULL, &queued));
  detach(queued);
  queue_step(scene, 'b');
  /* One on a promise that has settled waits for its turn, too. */
  CHECK_OK(kja_promise_new_unit(scene->runtime, &unit));
  detach(then_step(scene, unit, 'c'));
}

/* parity: PROM-02, PROM-23 */
static void what_a_call_queues_runs_after_what_was_queued_before(void) {
  scene_t scene;
  scene_open(&scene);
  scene_play(&scene, play_breadth_first);
  CHECK_ORDER(&scene.record, "abcd");
  scene_close(&scene);
}

static void last_queues_more(void *ctx, kja_call_t call) {
  scene_t *scene = (scene_t *)ctx;
  (void)call;
  record_add(&scene->record, 'c');
  queue_step(scene, 'd');
  queue_step(scene, 'e');
}
static void play_last(void *ctx, kja_call_t call) {
  scene_t *scene = (scene_t *)ctx;
  kja_promise_t dropped = 0;
  (void)call;
  queue_last(scene, run_step, step(&scene->record, 'g'));
  queue_last(scene, run_step, step(&scene->record, 'f'));
  CHECK_OK(kja_executor_execute_last_start(scene->executor, run_step, step(&scene->record, 'x'), NULL, &dropped));
  queue_last(scene, last_queues_more, scene);
  queue_step(scene, 'a');
  queue_step(scene, 'b');
  CHECK_OK(kja_promise_release(dropped));
}

/* parity: PROM-25 */
static void the_last_ones_run_when_the_queue_is_empty_latest_first(void) {
  scene_t scene;
  scene_open(&scene);
  scene_play(&scene, play_last);
  CHECK_ORDER(&scene.record, "abcdefg");
  scene_close(&scene);
}

static void play_yield(void *ctx, kja_call_t call) {
  scene_t *scene = (scene_t *)ctx;
  kja_promise_t turn = 0;
  (void)call;
  queue_step(scene, 'a');
  CHECK_OK(kja_timer_yield_start(scene->runtime, &turn));
  CHECK_IS(kja_promise_status(turn), KJA_ERR_PENDING);
  detach(then_step(scene, turn, 'b'));
  queue_step(scene, 'c');
}

/* parity: PROM-26 */
static void a_yield_waits_for_what_is_queued_now(void) {
  scene_t scene;
  scene_open(&scene);
  scene_play(&scene, play_yield);
  CHECK_ORDER(&scene.record, "abc");
  scene_close(&scene);
}

static void play_queue_empty(void *ctx, kja_call_t call) {
  scene_t *scene = (scene_t *)ctx;
  kja_promise_t empty = 0, queued = 0;
  (void)call;
  CHECK_OK(kja_timer_yield_until_queue_empty_start(scene->runtime, &empty));
  detach(then_step(scene, empty, 'z'));
  CHECK_OK(kja_executor_execute_start(scene->executor, queue_d, scene, NULL, &queued));
  detach(queued);
  queue_step(scene, 'b');
}

/* parity: PROM-27 */
static void a_yield_until_the_queue_is_empty_waits_for_what_is_queued_meanwhile(void) {
  scene_t scene;
  scene_open(&scene);
  scene_play(&scene, play_queue_empty);
  CHECK_ORDER(&scene.record, "abdz");
  scene_close(&scene);
}

static void play_would_sleep(void *ctx, kja_call_t call) {
  scene_t *scene = (scene_t *)ctx;
  kja_promise_t rest = 0, empty = 0;
  (void)call;
  CHECK_OK(kja_timer_yield_until_would_sleep_start(scene->runtime, &rest));
  detach(then_step(scene, rest, 'd'));
  CHECK_OK(kja_timer_yield_until_queue_empty_start(scene->runtime, &empty));
  detach(then_step(scene, empty, 'b'));
  detach(write_start(scene->peer, "x", 1));
  queue_step(scene, 'a');
}

/* A socket that is ready comes after the queue and before the sleep. */
/* parity: PROM-27, PROM-28 */
static void a_yield_until_the_loop_would_sleep_waits_for_sockets_too(void) {
  scene_t scene;
  scene_open(&scene);
  pair_t pair = pair_open(scene.runtime);
  scene.peer = pair.client;
  detach(then_step(&scene, read_start(pair.server, 1, 1), 'c'));
  scene_play(&scene, play_would_sleep);
  CHECK_ORDER(&scene.record, "abcd");
  pair_release(pair);
  scene_close(&scene);
}

/* A wait scope, so that they are pending. */
static void yields_that_are_dropped_leave_nothing_behind(void) {
  kja_runtime_t runtime = scope_open();
  kja_promise_t promise = 0, then = 0;
  count_t destroyed = {0};
  for (int i = 0; i < 3; i++) {
    if (i == 0) CHECK_OK(kja_timer_yield_start(runtime, &promise));
    if (i == 1) CHECK_OK(kja_timer_yield_until_queue_empty_start(runtime, &promise));
    if (i == 2) CHECK_OK(kja_timer_yield_until_would_sleep_start(runtime, &promise));
    CHECK_OK(kja_promise_cancel(promise));
    CHECK_OK(kja_promise_then(promise, must_not_run, &destroyed, count_destroy, &then));
    CHECK_OK(kja_promise_release(promise));
    expect(then, KJA_ERR_CANCELED);
    CHECK_U64(count_get(&destroyed), i + 1);
  }
  runtime_close(runtime);
}

typedef struct last_t {
  count_t ran, destroyed;
} last_t;
static void last_run(void *ctx, kja_call_t call) {
  count_add(&((last_t *)ctx)->ran, 1);
  CHECK_OK(kja_call_return_u64(call, 12));
}
static void last_destroy(void *ctx) {
  count_add(&((last_t *)ctx)->destroyed, 1);
}

/* parity: PROM-25, EXEC-08 */
static void a_last_one_gives_its_result_and_its_ctx_back(void) {
  last_t last;
  kja_executor_t executor = 0;
  kja_promise_t promise = 0;
  memset(&last, 0, sizeof last);
  kja_runtime_t runtime = runtime_open();
  CHECK_OK(kja_runtime_executor(runtime, &executor));
  CHECK_OK(kja_executor_execute_last_start(executor, last_run, &last, last_destroy, &promise));
  expect_u64(promise, 12);
  CHECK_U64(count_get(&last.destroyed), 1);
  CHECK_IS(kja_executor_execute_last_start(executor, NULL, &last, last_destroy, &promise), KJA_ERR_INVALID_ARGUMENT);
  CHECK_U64(count_get(&last.destroyed), 2);
  CHECK_OK(kja_runtime_shutdown(runtime));
  CHECK_IS(kja_executor_execute_last_start(executor, last_run, &last, last_destroy, &promise), KJA_ERR_SHUTDOWN);
  CHECK_U64(promise, 0);
  CHECK_U64(count_get(&last.destroyed), 3);
  CHECK_U64(count_get(&last.ran), 1);
  CHECK_OK(kja_executor_release(executor));
  CHECK_OK(kja_runtime_release(runtime));
}

typedef struct now_t {
  kja_runtime_t runtime;
  kja_promise_t inner;
  kja_status_t fail;
  pthread_t thread;
  count_t ran, destroyed;
} now_t;
static void now_run(void *ctx, kja_call_t call) {
  now_t *eval = (now_t *)ctx;
  count_add(&eval->ran, 1);
  CHECK(pthread_equal(pthread_self(), eval->thread));
  CHECK_OK(kja_call_status(call));
  if (eval->inner) CHECK_OK(kja_call_return_promise(call, eval->inner));
  else if (eval->fail) CHECK_OK(kja_call_return_error(call, eval->fail, 0, "no", 2));
  else CHECK_OK(kja_call_return_u64(call, 21));
}
static void now_destroy(void *ctx) {
  count_add(&((now_t *)ctx)->destroyed, 1);
}
static kja_promise_t eval_now(now_t *eval) {
  kja_promise_t promise = 0;
  uint64_t ran = count_get(&eval->ran), destroyed = count_get(&eval->destroyed);
  CHECK_OK(kja_promise_eval_now(eval->runtime, now_run, eval, now_destroy, &promise));
  CHECK_U64(count_get(&eval->ran), ran + 1);
  CHECK_U64(count_get(&eval->destroyed), destroyed + 1);
  return promise;
}
static void eval_on_loop(void *ctx, kja_call_t call) {
  now_t *eval = (now_t *)ctx;
  (void)call;
  eval->thread = pthread_self();
  eval->fail = KJA_OK;
  kja_promise_t promise = eval_now(eval);
  CHECK_OK(kja_promise_status(promise));
  CHECK_OK(kja_promise_release(promise));
}

/* parity: PROM-24, EXC-08 */
static void eval_now_runs_before_it_returns_and_keeps_the_error(void) {
  now_t eval;
  kja_fulfiller_t fulfiller = 0;
  memset(&eval, 0, sizeof eval);
  eval.runtime = runtime_open();
  eval.thread = pthread_self();
  kja_promise_t promise = eval_now(&eval);
  CHECK_OK(kja_promise_status(promise));
  expect_u64(promise, 21);
  eval.fail = KJA_ERR_UNIMPLEMENTED;
  promise = eval_now(&eval);
  CHECK_IS(kja_promise_status(promise), KJA_ERR_UNIMPLEMENTED);
  expect_error_text(promise, KJA_ERR_UNIMPLEMENTED, "no");
  CHECK_OK(kja_fulfiller_new(eval.runtime, &fulfiller, &eval.inner));
  promise = eval_now(&eval);
  eval.inner = 0;
  CHECK_IS(kja_promise_status(promise), KJA_ERR_PENDING);
  CHECK_OK(kja_fulfiller_u64(fulfiller, 22));
  expect_u64(promise, 22);
  CHECK_OK(kja_fulfiller_release(fulfiller));
  run_on_loop(eval.runtime, eval_on_loop, &eval);
  CHECK_U64(count_get(&eval.ran), 4);
  runtime_close(eval.runtime);
}

static void *eval_elsewhere(void *arg) {
  now_t *eval = (now_t *)arg;
  kja_promise_t promise = 1;
  CHECK_IS(kja_promise_eval_now(eval->runtime, now_run, eval, now_destroy, &promise), KJA_ERR_WRONG_THREAD);
  CHECK_U64(promise, 0);
  return NULL;
}

/* parity: PROM-24 */
static void eval_now_that_is_refused_does_not_run(void) {
  now_t eval;
  kja_promise_t promise = 1;
  pthread_t thread;
  memset(&eval, 0, sizeof eval);
  eval.runtime = scope_open();
  pthread_create(&thread, NULL, eval_elsewhere, &eval);
  pthread_join(thread, NULL);
  CHECK_U64(count_get(&eval.destroyed), 1);
  CHECK_IS(kja_promise_eval_now(eval.runtime, NULL, &eval, now_destroy, &promise), KJA_ERR_INVALID_ARGUMENT);
  CHECK_IS(kja_promise_eval_now(eval.runtime, now_run, &eval, now_destroy, NULL), KJA_ERR_INVALID_ARGUMENT);
  CHECK_OK(kja_runtime_shutdown(eval.runtime));
  CHECK_IS(kja_promise_eval_now(eval.runtime, now_run, &eval, now_destroy, &promise), KJA_ERR_SHUTDOWN);
  CHECK_U64(promise, 0);
  CHECK_U64(count_get(&eval.destroyed), 4);
  CHECK_U64(count_get(&eval.ran), 0);
  CHECK_OK(kja_runtime_release(eval.runtime));
}

int main(void) {
  RUN_IN_BOTH(what_an_event_makes_ready_runs_right_after_it);
  RUN_IN_BOTH(a_tree_of_continuations_runs_depth_first);
  RUN_IN_BOTH(calls_run_in_order_and_a_dropped_one_never_does);
  RUN_IN_BOTH(what_a_call_queues_runs_after_what_was_queued_before);
  RUN_IN_BOTH(the_last_ones_run_when_the_queue_is_empty_latest_first);
  RUN_IN_BOTH(a_yield_waits_for_what_is_queued_now);
  RUN_IN_BOTH(a_yield_until_the_queue_is_empty_waits_for_what_is_queued_meanwhile);
  RUN_IN_BOTH(a_yield_until_the_loop_would_sleep_waits_for_sockets_too);
  RUN(yields_that_are_dropped_leave_nothing_behind);
  RUN_IN_BOTH(a_last_one_gives_its_result_and_its_ctx_back);
  RUN_IN_BOTH(eval_now_runs_before_it_returns_and_keeps_the_error);
  RUN(eval_now_that_is_refused_does_not_run);
  return check_done();
}
