/* Whoever makes calls: a thread of the fuzzer's, or a loop's thread inside a callback. */
#ifndef KJASYNC_FUZZ_WORKER_H
#define KJASYNC_FUZZ_WORKER_H

#include "../c/check.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>

enum { MOST_SCOPES = 2, DEEPEST = 3, MOST_CALLS = 16 };

typedef struct worker_t {
  uint64_t random;
  unsigned depth;     /* of callbacks and destructors inside one another */
  unsigned making;    /* of calls that make what another call wants */
  unsigned destroying;
  kja_call_t calls[MOST_CALLS]; /* the running callbacks, and those that were before */
  unsigned call_count;
  kja_runtime_t scopes[MOST_SCOPES];
  uint64_t made;      /* calls so far; a watchdog reads it */
  int now;            /* the function that is being called, or -1 */
  int prepared;       /* that whose arguments are being made */
  int has_begun;
} worker_t;

typedef kja_status_t (*question_fn)(uint64_t handle);
typedef struct function_t {
  void (*call)(worker_t *w);
  unsigned weight;
  int is_outside, blocks;
} function_t;

static struct {
  uint64_t seed;
  int is_replay;
  FILE *log;
  int is_over;
  uint64_t succeeded[FUNCTIONS], refused[FUNCTIONS];
} fuzz;

static uint64_t next(worker_t *w) {
  w->random ^= w->random << 13;
  w->random ^= w->random >> 7;
  w->random ^= w->random << 17;
  return w->random * 0x2545f4914f6cdd1d;
}
static size_t below(worker_t *w, size_t n) {
  return n ? (size_t)((next(w) >> 11) % n) : 0;
}
static int one_in(worker_t *w, size_t n) {
  return below(w, n) == 0;
}
/* Not once in n. */
static int any(worker_t *w, size_t n) {
  return below(w, n) != 0;
}

static void begin(worker_t *w, int function) {
  w->now = function;
  __atomic_store_n(&w->made, w->made + 1, __ATOMIC_RELAXED);
  if (fuzz.log) fprintf(fuzz.log, "%*s%s\n", (int)w->depth * 2, "", NAMES_OF_FUNCTIONS[function]), fflush(fuzz.log);
}
static void ended(worker_t *w, kja_status_t status) {
  int function = w->now;
  w->now = -1;
  /* A call inside this one, from a callback or a destructor, has counted itself. */
  if (function >= 0) __atomic_add_fetch(status == KJA_OK ? &fuzz.succeeded[function] : &fuzz.refused[function], 1, __ATOMIC_RELAXED);
  if (fuzz.log) fprintf(fuzz.log, "%*s= %s\n", (int)w->depth * 2, "", kja_status_name(status));
  /* The library's own fault, whatever the arguments. */
  if (status == KJA_ERR_PANIC) check_fail_(__FILE__, __LINE__, NAMES_OF_FUNCTIONS[function >= 0 ? function : 0]);
}

/* Of a thread that the fuzzer did not start. */
static worker_t *worker(void);

#endif
