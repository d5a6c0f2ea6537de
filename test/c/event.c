/* Events: something that happens once, and everyone who waits for it learns of it. */
#include "gate.h"
#include "options.h"

static kja_event_t event_open(kja_runtime_t runtime) {
  kja_event_t event = 0;
  CHECK_OK(kja_event_new(runtime, &event));
  CHECK(!kja_event_is_set(event));
  return event;
}
static kja_promise_t wait_start(kja_event_t event) {
  kja_promise_t waiting = 0;
  CHECK_OK(kja_event_wait_start(event, &waiting));
  return waiting;
}

static void whoever_waits_before_or_after_learns_of_it(void) {
  enum { MANY = 50 };
  kja_runtime_t runtime = runtime_open();
  kja_event_t event = event_open(runtime);
  kja_promise_t waiting[MANY];
  for (int i = 0; i < MANY; i++) waiting[i] = wait_start(event);
  let_loop_rest(runtime);
  for (int i = 0; i < MANY; i++) CHECK_IS(kja_promise_status(waiting[i]), KJA_ERR_PENDING);
  CHECK_OK(kja_event_set(event));
  CHECK(kja_event_is_set(event));
  for (int i = 0; i < MANY; i++) expect(waiting[i], KJA_OK);
  expect_already(wait_start(event), KJA_OK);
  CHECK_OK(kja_event_set(event));
  CHECK(kja_event_is_set(event));
  CHECK_OK(kja_event_release(event));
  runtime_close(runtime);
}

static void a_cancelled_waiter_leaves_and_the_others_stay(void) {
  kja_runtime_t runtime = runtime_open();
  kja_event_t event = event_open(runtime);
  kja_promise_t cancelled = wait_start(event), released = wait_start(event), stays = wait_start(event), then = 0;
  count_t destroyed = {0};
  CHECK_OK(kja_promise_then(released, must_not_run, &destroyed, count_destroy, &then));
  CHECK_OK(kja_promise_release(released));
  CHECK_OK(kja_promise_release(then));
  CHECK_U64(count_get(&destroyed), 1);
  CHECK_OK(kja_promise_cancel(cancelled));
  CHECK(!kja_event_is_set(event));
  CHECK_IS(kja_promise_status(stays), KJA_ERR_PENDING);
  CHECK_OK(kja_event_set(event));
  expect(stays, KJA_OK);
  expect_already(cancelled, KJA_ERR_CANCELED);
  CHECK_OK(kja_event_release(event));
  runtime_close(runtime);
}

static void a_release_rejects_who_waits(void) {
  kja_runtime_t runtime = runtime_open();
  kja_event_t event = event_open(runtime);
  kja_promise_t one = wait_start(event), other = wait_start(event);
  CHECK_OK(kja_event_release(event));
  expect(one, KJA_ERR_FAILED);
  expect(other, KJA_ERR_FAILED);
  CHECK(!kja_event_is_set(event));
  event = event_open(runtime);
  one = wait_start(event);
  CHECK_OK(kja_event_set(event));
  CHECK_OK(kja_event_release(event));
  expect(one, KJA_OK);
  runtime_close(runtime);
}

static void set_from_a_callback(void *ctx, kja_call_t call) {
  (void)call;
  CHECK_OK(kja_event_set(*(kja_event_t *)ctx));
}

static void a_callback_may_set_it(void) {
  kja_runtime_t runtime = runtime_open();
  kja_event_t event = event_open(runtime);
  kja_promise_t waiting = wait_start(event);
  run_on_loop(runtime, set_from_a_callback, &event);
  expect(waiting, KJA_OK);
  CHECK_OK(kja_event_release(event));
  runtime_close(runtime);
}

static void shutdown_ends_the_wait(void) {
  kja_runtime_t runtime = runtime_open();
  kja_event_t event = event_open(runtime);
  kja_promise_t waiting = wait_start(event), then = 0;
  count_t destroyed = {0};
  CHECK_OK(kja_promise_then(waiting, must_not_run, &destroyed, count_destroy, &then));
  CHECK_OK(kja_runtime_shutdown(runtime));
  CHECK_U64(count_get(&destroyed), 1);
  CHECK_IS(kja_promise_status(waiting), KJA_ERR_BAD_HANDLE);
  CHECK_IS(kja_event_set(event), KJA_ERR_BAD_HANDLE);
  CHECK_IS(kja_event_wait_start(event, &waiting), KJA_ERR_BAD_HANDLE);
  CHECK_IS(kja_event_release(event), KJA_ERR_BAD_HANDLE);
  CHECK_IS(kja_event_new(runtime, &event), KJA_ERR_SHUTDOWN);
  CHECK_OK(kja_runtime_release(runtime));
}

enum { THREADS = 8 };
typedef struct crowd_t {
  kja_event_t event;
  count_t waiting, through;
} crowd_t;
static void *wait_for_it(void *arg) {
  crowd_t *crowd = (crowd_t *)arg;
  kja_promise_t waiting = wait_start(crowd->event), left = wait_start(crowd->event);
  CHECK_OK(kja_promise_release(left));
  count_add(&crowd->waiting, 1);
  CHECK_OK(kja_promise_await(waiting));
  CHECK(kja_event_is_set(crowd->event));
  CHECK_OK(kja_promise_release(waiting));
  count_add(&crowd->through, 1);
  return NULL;
}

static void waiters_on_eight_threads_all_learn_of_it(void) {
  kja_runtime_t runtime = runtime_open();
  for (size_t round = 0, rounds = scaled(300); round < rounds; round++) {
    crowd_t crowd;
    pthread_t threads[THREADS];
    memset(&crowd, 0, sizeof crowd);
    crowd.event = event_open(runtime);
    for (int i = 0; i < THREADS; i++) pthread_create(&threads[i], NULL, wait_for_it, &crowd);
    /* Once while all wait, once while some are on their way. */
    while (count_get(&crowd.waiting) < (round % 2 ? THREADS : 1)) sched_yield();
    if (round % 2) CHECK_U64(count_get(&crowd.through), 0);
    CHECK_OK(kja_event_set(crowd.event));
    for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
    CHECK_U64(count_get(&crowd.through), THREADS);
    CHECK_OK(kja_event_release(crowd.event));
  }
  runtime_close(runtime);
}

static void *set_elsewhere(void *arg) {
  kja_event_t event = *(kja_event_t *)arg;
  kja_promise_t waiting = 1;
  CHECK_IS(kja_event_wait_start(event, &waiting), KJA_ERR_WRONG_THREAD);
  CHECK_U64(waiting, 0);
  CHECK_OK(kja_event_set(event));
  return NULL;
}

static void any_thread_may_set_a_wait_scopes_event(void) {
  kja_runtime_t runtime = scope_open();
  kja_event_t event = event_open(runtime);
  kja_promise_t waiting = wait_start(event);
  pthread_t thread;
  pthread_create(&thread, NULL, set_elsewhere, &event);
  expect(waiting, KJA_OK);
  pthread_join(thread, NULL);
  CHECK_OK(kja_event_release(event));
  runtime_close(runtime);
}

int main(void) {
  RUN_IN_BOTH(whoever_waits_before_or_after_learns_of_it);
  RUN_IN_BOTH(a_cancelled_waiter_leaves_and_the_others_stay);
  RUN_IN_BOTH(a_release_rejects_who_waits);
  RUN_IN_BOTH(a_callback_may_set_it);
  RUN_IN_BOTH(shutdown_ends_the_wait);
  RUN(waiters_on_eight_threads_all_learn_of_it);
  RUN(any_thread_may_set_a_wait_scopes_event);
  return check_done();
}
