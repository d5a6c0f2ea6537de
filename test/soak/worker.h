/* What the activities of the soak share: a thread's own random numbers, and the many ways in which a promise ends. */
#ifndef KJASYNC_SOAK_WORKER_H
#define KJASYNC_SOAK_WORKER_H

#include "../c/check.h"

enum { SLOTS = 64, MOST_BYTES = 64 * 1024 };

/* Somebody who is busy: a thread, or a callback on the loop, which may not block. */
typedef struct worker_t {
  uint64_t random;
  kja_runtime_t runtime;
  int on_loop;
} worker_t;

static const uint64_t LONGEST = 20000000000; /* nanoseconds that anything may take which has to end */
static unsigned char data_of_soak[MOST_BYTES];
static uint64_t slots[SLOTS]; /* promises that whoever comes by ends, while their owner goes on */
static count_t cancelled, awaited, handed_over;

static inline uint64_t below(worker_t *worker, uint64_t n) {
  worker->random ^= worker->random >> 12;
  worker->random ^= worker->random << 25;
  worker->random ^= worker->random >> 27;
  return (worker->random * 0x2545F4914F6CDD1DULL >> 33) % n;
}
static inline int chance(worker_t *worker, unsigned one_in) {
  return below(worker, one_in) == 0;
}

/* An operation may fail in many ways here, but not in these. */
static inline int plausible(kja_status_t status) {
  return status != KJA_ERR_PANIC && status != KJA_ERR_BAD_HANDLE && status != KJA_ERR_WRONG_THREAD &&
         status != KJA_ERR_WOULD_DEADLOCK && status != KJA_ERR_INVALID_ARGUMENT && status != KJA_ERR_WRONG_TYPE;
}

/* Ends a promise that somebody else made; of a runtime that has been shut down its handle is stale. */
static inline void end_foreign(worker_t *worker, kja_promise_t promise) {
  kja_status_t status = KJA_OK;
  if (!promise) return;
  if (chance(worker, 2)) status = kja_promise_cancel(promise);
  CHECK(status == KJA_OK || status == KJA_ERR_BAD_HANDLE);
  status = chance(worker, 4) ? kja_promise_release_nowait(promise) : kja_promise_release(promise);
  CHECK(status == KJA_OK || status == KJA_ERR_BAD_HANDLE);
  count_add(&cancelled, 1);
}
static inline void hand_over(worker_t *worker, kja_promise_t promise) {
  uint64_t *slot = &slots[below(worker, SLOTS)];
  count_add(&handed_over, 1);
  end_foreign(worker, __atomic_exchange_n(slot, promise, __ATOMIC_SEQ_CST));
}

/* Awaits and releases a promise that has to end, and tells how. */
static inline kja_status_t finish(kja_promise_t promise, const char *what) {
  char text[200];
  kja_status_t status = kja_promise_await_for(promise, LONGEST);
  count_add(&awaited, 1);
  if (kja_promise_status(promise) == KJA_ERR_PENDING) {
    snprintf(text, sizeof text, "%s does not end", what);
    check_fail_(__FILE__, __LINE__, text);
  } else if (!plausible(status)) {
    snprintf(text, sizeof text, "%s ends with %s", what, kja_status_name(status));
    check_fail_(__FILE__, __LINE__, text);
  }
  CHECK_OK(kja_promise_release(promise));
  return status;
}

/* Ends a promise in whatever way, pending or not. */
static inline void end(worker_t *worker, kja_promise_t promise, const char *what) {
  char text[200];
  kja_status_t status;
  if (!promise) return;
  switch (below(worker, 6)) {
    case 0:
      CHECK_OK(kja_promise_cancel(promise));
      count_add(&cancelled, 1);
      break;
    case 1:
      hand_over(worker, promise);
      return;
    case 2:
      CHECK_OK(kja_promise_release_nowait(promise));
      return;
    case 3:
    case 4:
      if (worker->on_loop) break;
      status = kja_promise_await_for(promise, below(worker, 300000));
      count_add(&awaited, 1);
      if (plausible(status)) break;
      snprintf(text, sizeof text, "%s ends with %s", what, kja_status_name(status));
      check_fail_(__FILE__, __LINE__, text);
      break;
    default: break;
  }
  CHECK_OK(kja_promise_release(promise));
}

/* A start that failed gave no promise; it may fail, plausibly. */
static inline kja_promise_t started_(const char *file, int line, kja_status_t status, kja_promise_t *promise,
                                     const char *what) {
  if (!plausible(status)) check_status_(file, line, status, KJA_OK, what);
  return *promise;
}
#define STARTED(call, promise) started_(__FILE__, __LINE__, (call), (promise), #call)

static inline void pause_nanos(uint64_t nanos) {
  struct timespec time;
  time.tv_sec = (time_t)(nanos / SECOND);
  time.tv_nsec = (long)(nanos % SECOND);
  nanosleep(&time, NULL);
}

#endif
