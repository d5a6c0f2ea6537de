/* The handles that the fuzzer has: live ones of each kind, and some that are gone. All threads share them. */
#ifndef KJASYNC_FUZZ_KEPT_H
#define KJASYNC_FUZZ_KEPT_H

#include "worker.h"

enum { ROOM = 64, ROOM_OF_PROMISES = 192, GONE = 32, UNKNOWN = FAMILIES };

typedef struct kept_t {
  pthread_mutex_t lock;
  uint64_t live[ROOM_OF_PROMISES], gone[GONE];
  unsigned count, gone_count;
} kept_t;

static kept_t kept[FAMILIES + 1];

static void kept_init(void) {
  for (int i = 0; i <= FAMILIES; i++) pthread_mutex_init(&kept[i].lock, NULL);
}

static void make(worker_t *w, int family);

/* Releases by whatever function does it. A set or a promise that may not be waited for here goes without. */
static void release_one(worker_t *w, int family, uint64_t handle) {
  for (int i = 0; i < FAMILIES; i++) {
    if (family != UNKNOWN && family != i) continue;
    kja_status_t status = RELEASES[i](handle);
    if (status == KJA_ERR_WOULD_DEADLOCK) {
      status = i == PROMISE ? kja_promise_release_nowait(handle) : i == TASK_SET ? kja_task_set_release_nowait(handle)
                                                                                 : kja_canceler_release_nowait(handle);
    }
    if (status == KJA_OK) return;
    /* Another thread, or a shutdown, was before this one. */
    if (status != KJA_ERR_BAD_HANDLE) check_fail_(__FILE__, __LINE__, kja_status_name(status));
  }
  (void)w;
}

static void put(worker_t *w, int family, uint64_t handle) {
  kept_t *kind = &kept[family];
  uint64_t out = 0;
  pthread_mutex_lock(&kind->lock);
  /* A runtime is never pushed out: that would end it. A promise may have brought one more handle of it, though. */
  unsigned room = family == PROMISE || family == RUNTIME ? ROOM_OF_PROMISES : ROOM;
  if (kind->count < room) {
    kind->live[kind->count++] = handle;
  } else {
    unsigned at = (unsigned)below(w, room);
    out = kind->live[at];
    kind->live[at] = handle;
  }
  pthread_mutex_unlock(&kind->lock);
  if (out) release_one(w, family, out);
}
static void keep(worker_t *w, int family, uint64_t handle) {
  if (handle) put(w, family, handle);
}
/* What a promise or a callback has brought: its kind is asked of it. */
static int family_of(uint64_t handle) {
  for (int i = 0; i < FAMILIES; i++)
    if (QUESTIONS[i](handle) != KJA_ERR_BAD_HANDLE) return i;
  return UNKNOWN;
}
static void keep_any(worker_t *w, uint64_t handle) {
  if (handle) put(w, family_of(handle), handle);
}

static void forget(int family, uint64_t handle) {
  kept_t *kind = &kept[family];
  pthread_mutex_lock(&kind->lock);
  for (unsigned i = 0; i < kind->count; i++)
    if (kind->live[i] == handle) {
      kind->live[i] = kind->live[--kind->count];
      kind->gone[kind->gone_count++ % GONE] = handle;
      break;
    }
  pthread_mutex_unlock(&kind->lock);
}
static void released(worker_t *w, int family, uint64_t handle, kja_status_t status) {
  (void)w;
  if (status == KJA_OK || status == KJA_ERR_BAD_HANDLE) forget(family, handle);
}
/* A handle that is refused may be stale. If it is not, the bad one was another argument. */
static void was_used(worker_t *w, int family, uint64_t handle, kja_status_t status) {
  (void)w;
  const int can_be_asked = family != EVENT && family != PERMIT && family != REPLACER && family != FILE_MAPPING;
  if (status == KJA_ERR_BAD_HANDLE && can_be_asked && QUESTIONS[family](handle) == KJA_ERR_BAD_HANDLE) forget(family, handle);
}

static uint64_t one_of(worker_t *w, int family, int is_gone) {
  kept_t *kind = &kept[family];
  uint64_t handle = 0;
  pthread_mutex_lock(&kind->lock);
  unsigned gone = kind->gone_count < GONE ? kind->gone_count : GONE;
  if (is_gone && gone) handle = kind->gone[below(w, gone)];
  if (!is_gone && kind->count) handle = kind->live[below(w, kind->count)];
  pthread_mutex_unlock(&kind->lock);
  return handle;
}

static uint64_t pick_any(worker_t *w) {
  int family = (int)below(w, FAMILIES + 1);
  return one_of(w, family == RUNTIME && any(w, 4) ? CONNECTION : family, 0);
}
static uint64_t pick(worker_t *w, int family) {
  size_t dice = below(w, 100);
  if (dice < 4) return one_of(w, family, 1);
  if (dice < 6) return pick_any(w);
  if (dice < 7) return next(w);
  if (dice < 8) return 0;
  if (family == RUNTIME && (fuzz.is_replay || any(w, 3)) && w->scopes[0]) return w->scopes[below(w, w->scopes[1] ? 2 : 1)];
  if (kept[family].count < 2 && w->making < DEEPEST && any(w, 4)) make(w, family);
  uint64_t handle = one_of(w, family, 0);
  return dice < 9 ? handle ^ (uint64_t)1 << below(w, 64) : handle;
}

#endif
