/* Semaphores: permits, given out in the order in which they were asked for. */
#include "gate.h"
#include "options.h"

static kja_semaphore_t semaphore_open(kja_runtime_t runtime, uint64_t permits) {
  kja_semaphore_t semaphore = 0;
  CHECK_OK(kja_semaphore_new(runtime, permits, &semaphore));
  return semaphore;
}
static kja_promise_t acquire_start(kja_semaphore_t semaphore, uint64_t count) {
  kja_promise_t acquiring = 0;
  CHECK_OK(kja_semaphore_acquire_start(semaphore, count, &acquiring));
  return acquiring;
}
static kja_permit_t acquire(kja_semaphore_t semaphore, uint64_t count) {
  return handle_from(acquire_start(semaphore, count));
}
static void expect_free(kja_semaphore_t semaphore, uint64_t want) {
  uint64_t count = UINT64_MAX;
  CHECK_OK(kja_semaphore_free(semaphore, &count));
  CHECK_U64(count, want);
}

static void permits_are_taken_and_come_back(void) {
  kja_runtime_t runtime = runtime_open();
  kja_semaphore_t semaphore = semaphore_open(runtime, 5);
  kja_permit_t three = acquire(semaphore, 3), one = 0, none = 1;
  expect_free(semaphore, 2);
  CHECK_OK(kja_semaphore_try_acquire(semaphore, 1, &one));
  expect_free(semaphore, 1);
  CHECK_IS(kja_semaphore_try_acquire(semaphore, 2, &none), KJA_ERR_BUSY);
  CHECK_U64(none, 0);
  expect_free(semaphore, 1);
  CHECK_OK(kja_permit_release(three));
  CHECK_IS(kja_permit_release(three), KJA_ERR_BAD_HANDLE);
  expect_free(semaphore, 4);
  CHECK_OK(kja_permit_release(one));
  expect_free(semaphore, 5);
  CHECK_OK(kja_semaphore_release(semaphore));
  runtime_close(runtime);
}

static void a_count_of_none_or_of_too_many_is_refused(void) {
  const uint64_t bad[] = {0, 4, UINT64_MAX};
  kja_runtime_t runtime = runtime_open();
  kja_semaphore_t semaphore = 1;
  uint64_t out = 1;
  CHECK_IS(kja_semaphore_new(runtime, 0, &semaphore), KJA_ERR_INVALID_ARGUMENT);
  CHECK_U64(semaphore, 0);
  semaphore = semaphore_open(runtime, 3);
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    CHECK_IS(kja_semaphore_acquire_start(semaphore, bad[i], &out), KJA_ERR_INVALID_ARGUMENT);
    CHECK_U64(out, 0);
    CHECK_IS(kja_semaphore_try_acquire(semaphore, bad[i], &out), KJA_ERR_INVALID_ARGUMENT);
  }
  expect_free(semaphore, 3);
  CHECK_OK(kja_semaphore_release(semaphore));
  semaphore = semaphore_open(runtime, UINT64_MAX);
  kja_permit_t all = acquire(semaphore, UINT64_MAX);
  expect_free(semaphore, 0);
  CHECK_OK(kja_permit_release(all));
  expect_free(semaphore, UINT64_MAX);
  CHECK_OK(kja_semaphore_release(semaphore));
  runtime_close(runtime);
}

/* A small request does not overtake a large one that came before, or that would wait for ever. */
static void nobody_overtakes(void) {
  kja_runtime_t runtime = runtime_open();
  kja_semaphore_t semaphore = semaphore_open(runtime, 3);
  kja_permit_t held = acquire(semaphore, 2), none = 0;
  kja_promise_t large = acquire_start(semaphore, 3), small = acquire_start(semaphore, 1);
  let_loop_rest(runtime);
  CHECK_IS(kja_promise_status(small), KJA_ERR_PENDING);
  CHECK_IS(kja_semaphore_try_acquire(semaphore, 1, &none), KJA_ERR_BUSY);
  expect_free(semaphore, 1);
  CHECK_OK(kja_permit_release(held));
  held = handle_from(large);
  let_loop_rest(runtime);
  CHECK_IS(kja_promise_status(small), KJA_ERR_PENDING);
  CHECK_OK(kja_permit_release(held));
  CHECK_OK(kja_permit_release(handle_from(small)));
  expect_free(semaphore, 3);
  CHECK_OK(kja_semaphore_release(semaphore));
  runtime_close(runtime);
}

static void a_line_is_served_in_order(void) {
  enum { MANY = 20 };
  kja_runtime_t runtime = runtime_open();
  kja_semaphore_t semaphore = semaphore_open(runtime, 1);
  kja_permit_t held = acquire(semaphore, 1);
  kja_promise_t line[MANY];
  for (int i = 0; i < MANY; i++) line[i] = acquire_start(semaphore, 1);
  for (int i = 0; i < MANY; i++) {
    CHECK_OK(kja_permit_release(held));
    let_loop_rest(runtime);
    for (int j = i + 1; j < MANY; j++) CHECK_IS(kja_promise_status(line[j]), KJA_ERR_PENDING);
    held = handle_from(line[i]);
  }
  CHECK_OK(kja_permit_release(held));
  CHECK_OK(kja_semaphore_release(semaphore));
  runtime_close(runtime);
}

static void a_cancelled_acquire_passes_the_turn_on(void) {
  kja_runtime_t runtime = runtime_open();
  kja_semaphore_t semaphore = semaphore_open(runtime, 3);
  kja_permit_t held = acquire(semaphore, 2);
  kja_promise_t large = acquire_start(semaphore, 3), middle = acquire_start(semaphore, 2);
  kja_promise_t small = acquire_start(semaphore, 1);
  CHECK_OK(kja_promise_release(middle));
  CHECK_IS(kja_promise_status(small), KJA_ERR_PENDING);
  CHECK_OK(kja_promise_cancel(large));
  expect_already(large, KJA_ERR_CANCELED);
  kja_permit_t one = handle_from(small);
  expect_free(semaphore, 0);
  CHECK_OK(kja_permit_release(one));
  CHECK_OK(kja_permit_release(held));
  expect_free(semaphore, 3);
  CHECK_OK(kja_semaphore_release(semaphore));
  runtime_close(runtime);
}

/* On a wait scope the loop has not had a turn since: the permits are the first one's, and not yet its. */
static void an_acquire_cancelled_just_after_its_turn_came_loses_no_permit(void) {
  kja_runtime_t runtime = scope_open();
  kja_semaphore_t semaphore = semaphore_open(runtime, 1);
  for (int i = 0; i < 100; i++) {
    kja_permit_t held = acquire(semaphore, 1);
    kja_promise_t first = acquire_start(semaphore, 1), second = acquire_start(semaphore, 1);
    CHECK_OK(kja_permit_release(held));
    CHECK_OK(kja_promise_release(first));
    CHECK_OK(kja_permit_release(handle_from(second)));
    expect_free(semaphore, 1);
  }
  CHECK_OK(kja_semaphore_release(semaphore));
  runtime_close(runtime);
}

static void permits_that_a_promise_carries_go_back_with_its_last_holder(void) {
  kja_runtime_t runtime = runtime_open();
  kja_semaphore_t semaphore = semaphore_open(runtime, 2);
  kja_promise_t acquiring = acquire_start(semaphore, 2), branch = 0;
  kja_permit_t permit = 0;
  CHECK_OK(kja_promise_await(acquiring));
  CHECK_OK(kja_promise_fork(acquiring, &branch));
  CHECK_OK(kja_promise_handle(acquiring, &permit));
  CHECK_OK(kja_promise_cancel(acquiring));
  CHECK_OK(kja_promise_release(acquiring));
  expect_free(semaphore, 0);
  CHECK_OK(kja_permit_release(permit));
  expect_free(semaphore, 0);
  CHECK_OK(kja_promise_release(branch));
  expect_free(semaphore, 2);
  acquiring = acquire_start(semaphore, 2);
  CHECK_OK(kja_promise_release(acquiring));
  expect_free(semaphore, 2);
  CHECK_OK(kja_semaphore_release(semaphore));
  runtime_close(runtime);
}

static void permits_and_acquires_keep_a_released_semaphore(void) {
  kja_runtime_t runtime = runtime_open();
  kja_semaphore_t semaphore = semaphore_open(runtime, 1);
  kja_permit_t held = acquire(semaphore, 1);
  kja_promise_t next = acquire_start(semaphore, 1);
  CHECK_OK(kja_semaphore_release(semaphore));
  CHECK_IS(kja_semaphore_acquire_start(semaphore, 1, &semaphore), KJA_ERR_BAD_HANDLE);
  CHECK_IS(kja_promise_status(next), KJA_ERR_PENDING);
  CHECK_OK(kja_permit_release(held));
  CHECK_OK(kja_permit_release(handle_from(next)));
  runtime_close(runtime);
}

static void shutdown_ends_acquires_and_permits(void) {
  kja_runtime_t runtime = runtime_open();
  kja_semaphore_t semaphore = semaphore_open(runtime, 1);
  kja_permit_t held = acquire(semaphore, 1);
  kja_promise_t next = acquire_start(semaphore, 1);
  CHECK_OK(kja_runtime_shutdown(runtime));
  CHECK_IS(kja_promise_status(next), KJA_ERR_BAD_HANDLE);
  CHECK_IS(kja_permit_release(held), KJA_ERR_BAD_HANDLE);
  CHECK_IS(kja_semaphore_release(semaphore), KJA_ERR_BAD_HANDLE);
  CHECK_IS(kja_semaphore_new(runtime, 1, &semaphore), KJA_ERR_SHUTDOWN);
  CHECK_OK(kja_runtime_release(runtime));
}

typedef struct foreigner_t {
  kja_semaphore_t semaphore;
  kja_permit_t held;
} foreigner_t;
static void *use_from_elsewhere(void *arg) {
  foreigner_t *foreigner = (foreigner_t *)arg;
  uint64_t out = 1;
  CHECK_IS(kja_semaphore_acquire_start(foreigner->semaphore, 1, &out), KJA_ERR_WRONG_THREAD);
  CHECK_U64(out, 0);
  CHECK_IS(kja_semaphore_try_acquire(foreigner->semaphore, 1, &out), KJA_ERR_WRONG_THREAD);
  expect_free(foreigner->semaphore, 0);
  CHECK_OK(kja_permit_release(foreigner->held));
  return NULL;
}

/* The owner sleeps in its await when the permit comes back. */
static void another_thread_may_give_a_wait_scopes_permit_back(void) {
  kja_runtime_t runtime = scope_open();
  foreigner_t foreigner;
  pthread_t thread;
  foreigner.semaphore = semaphore_open(runtime, 1);
  foreigner.held = acquire(foreigner.semaphore, 1);
  kja_promise_t next = acquire_start(foreigner.semaphore, 1);
  pthread_create(&thread, NULL, use_from_elsewhere, &foreigner);
  CHECK_OK(kja_permit_release(handle_from(next)));
  pthread_join(thread, NULL);
  CHECK_OK(kja_semaphore_release(foreigner.semaphore));
  runtime_close(runtime);
}

enum { THREADS = 8, PERMITS = 5 };
typedef struct crowd_t {
  kja_semaphore_t semaphore;
  size_t count;
  count_t inside, entered;
} crowd_t;
static void *come_and_go(void *arg) {
  crowd_t *crowd = (crowd_t *)arg;
  for (size_t i = 0; i < crowd->count; i++) {
    uint64_t wanted = 1 + i % 3;
    kja_permit_t permit = 0;
    if (i % 5 == 0) {
      kja_status_t status = kja_semaphore_try_acquire(crowd->semaphore, wanted, &permit);
      if (status == KJA_ERR_BUSY) continue;
      CHECK_IS(status, KJA_OK);
    } else {
      kja_promise_t acquiring = acquire_start(crowd->semaphore, wanted);
      if (i % 7 == 0) {
        CHECK_OK(i % 2 ? kja_promise_cancel(acquiring) : KJA_OK);
        CHECK_OK(kja_promise_release(acquiring));
        continue;
      }
      permit = handle_from(acquiring);
    }
    CHECK(count_add(&crowd->inside, wanted) <= PERMITS);
    count_add(&crowd->entered, 1);
    if (i % 16 == 0) sched_yield();
    count_add(&crowd->inside, (uint64_t)0 - wanted);
    CHECK_OK(kja_permit_release(permit));
  }
  return NULL;
}

static void never_more_are_inside_than_there_are_permits(void) {
  crowd_t crowd;
  pthread_t threads[THREADS];
  memset(&crowd, 0, sizeof crowd);
  crowd.count = scaled(4000);
  kja_runtime_t runtime = runtime_open();
  crowd.semaphore = semaphore_open(runtime, PERMITS);
  for (int i = 0; i < THREADS; i++) pthread_create(&threads[i], NULL, come_and_go, &crowd);
  for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
  CHECK(count_get(&crowd.entered) > 0);
  expect_free(crowd.semaphore, PERMITS);
  CHECK_OK(kja_semaphore_release(crowd.semaphore));
  runtime_close(runtime);
}

int main(void) {
  RUN_IN_BOTH(permits_are_taken_and_come_back);
  RUN_IN_BOTH(a_count_of_none_or_of_too_many_is_refused);
  RUN_IN_BOTH(nobody_overtakes);
  RUN_IN_BOTH(a_line_is_served_in_order);
  RUN_IN_BOTH(a_cancelled_acquire_passes_the_turn_on);
  RUN(an_acquire_cancelled_just_after_its_turn_came_loses_no_permit);
  RUN_IN_BOTH(permits_that_a_promise_carries_go_back_with_its_last_holder);
  RUN_IN_BOTH(permits_and_acquires_keep_a_released_semaphore);
  RUN_IN_BOTH(shutdown_ends_acquires_and_permits);
  RUN(another_thread_may_give_a_wait_scopes_permit_back);
  RUN(never_more_are_inside_than_there_are_permits);
  return check_done();
}
