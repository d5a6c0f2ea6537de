/* Threads, and a gate they wait at: opened once, by any of them, it stays open. */
#ifndef KJASYNC_TEST_GATE_H
#define KJASYNC_TEST_GATE_H

#include <kjasync.h>
#include <pthread.h>

typedef struct gate_t {
  pthread_mutex_t mutex;
  pthread_cond_t changed;
  int open;
} gate_t;

static inline void gate_init(gate_t *gate) {
  pthread_mutex_init(&gate->mutex, NULL);
  pthread_cond_init(&gate->changed, NULL);
  gate->open = 0;
}
static inline void gate_open(gate_t *gate) {
  pthread_mutex_lock(&gate->mutex);
  gate->open = 1;
  pthread_cond_broadcast(&gate->changed);
  pthread_mutex_unlock(&gate->mutex);
}
static inline void gate_pass(gate_t *gate) {
  pthread_mutex_lock(&gate->mutex);
  while (!gate->open) pthread_cond_wait(&gate->changed, &gate->mutex);
  pthread_mutex_unlock(&gate->mutex);
}
static inline void gate_destroy(gate_t *gate) {
  pthread_cond_destroy(&gate->changed);
  pthread_mutex_destroy(&gate->mutex);
}

static inline void gate_open_callback(void *ctx, kja_call_t call) {
  (void)call;
  gate_open((gate_t *)ctx);
}

/* A callback that holds its loop up: it says that it has begun and waits until it may end. */
typedef struct hold_t {
  gate_t begun, end;
} hold_t;

static inline void hold_init(hold_t *hold) {
  gate_init(&hold->begun);
  gate_init(&hold->end);
}
static inline void hold_callback(void *ctx, kja_call_t call) {
  hold_t *hold = (hold_t *)ctx;
  (void)call;
  gate_open(&hold->begun);
  gate_pass(&hold->end);
}
static inline void hold_destroy(hold_t *hold) {
  gate_destroy(&hold->begun);
  gate_destroy(&hold->end);
}

#endif
