/* A body that runs on a thread with little stack. */
#ifndef KJASYNC_TEST_SMALL_STACK_H
#define KJASYNC_TEST_SMALL_STACK_H

#include "check.h"

#include <pthread.h>

enum { SMALL_STACK = 256 * 1024 };

typedef struct nest_t {
  kja_runtime_t runtime;
  void (*body)(kja_runtime_t runtime);
} nest_t;

static inline void *on_a_small_stack(void *arg) {
  nest_t *nest = (nest_t *)arg;
  nest->body(nest->runtime);
  return NULL;
}

/* Any thread drops and builds as well as another, and none has to have more stack than this. */
static inline void small(void (*body)(kja_runtime_t runtime)) {
  nest_t nest = {0, body};
  CHECK_OK(kja_runtime_new(NULL, &nest.runtime));
  pthread_attr_t attributes;
  pthread_t thread;
  pthread_attr_init(&attributes);
  CHECK(pthread_attr_setstacksize(&attributes, SMALL_STACK) == 0);
  CHECK(pthread_create(&thread, &attributes, on_a_small_stack, &nest) == 0);
  pthread_join(thread, NULL);
  pthread_attr_destroy(&attributes);
  CHECK_OK(kja_runtime_release(nest.runtime));
}

#endif
