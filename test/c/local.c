/* Values that belong to a loop and end with it. */
#include "gate.h"
#include "options.h"

static void *get(kja_runtime_t runtime, uint64_t key) {
  void *value = NULL;
  CHECK_OK(kja_local_get(runtime, key, &value));
  return value;
}
static void *get_or_set(kja_runtime_t runtime, uint64_t key, count_t *destroyed) {
  void *value = NULL;
  CHECK_OK(kja_local_get_or_set(runtime, key, destroyed, count_destroy, &value));
  return value;
}

/* parity: LOOP-16 */
static void the_first_value_stays_until_the_runtime_ends(void) {
  kja_runtime_t runtime = runtime_open();
  uint64_t key = kja_local_new_key();
  count_t first = {0}, second = {0};
  void *none = &first;
  CHECK_IS(kja_local_get(runtime, key, &none), KJA_ERR_FAILED);
  CHECK(none == NULL);
  CHECK(get_or_set(runtime, key, &first) == &first);
  CHECK(get_or_set(runtime, key, &second) == &first);
  CHECK_U64(count_get(&second), 1);
  CHECK(get(runtime, key) == &first);
  CHECK_U64(count_get(&first), 0);
  CHECK_OK(kja_runtime_shutdown(runtime));
  CHECK_U64(count_get(&first), 1);
  CHECK_IS(kja_local_get_or_set(runtime, key, &second, count_destroy, &none), KJA_ERR_SHUTDOWN);
  CHECK_U64(count_get(&second), 2);
  CHECK_IS(kja_local_get_or_set(runtime, key, &second, count_destroy, NULL), KJA_ERR_INVALID_ARGUMENT);
  CHECK_U64(count_get(&second), 3);
  CHECK_OK(kja_runtime_release(runtime));
  CHECK_U64(count_get(&first), 1);
}

/* parity: LOOP-16 */
static void keys_and_runtimes_are_apart(void) {
  kja_runtime_t runtime = runtime_open(), other = runtime_open();
  uint64_t key = kja_local_new_key(), second = kja_local_new_key();
  count_t values[3];
  memset(values, 0, sizeof values);
  CHECK(key != second);
  CHECK(get_or_set(runtime, key, &values[0]) == &values[0]);
  CHECK(get_or_set(runtime, second, &values[1]) == &values[1]);
  CHECK(get_or_set(other, key, &values[2]) == &values[2]);
  CHECK(get(runtime, key) == &values[0]);
  CHECK(get(runtime, second) == &values[1]);
  runtime_close(runtime);
  CHECK_U64(count_get(&values[0]) + count_get(&values[1]), 2);
  CHECK(get(other, key) == &values[2]);
  runtime_close(other);
  CHECK_U64(count_get(&values[2]), 1);
}

enum { THREADS = 8 };
typedef struct racer_t {
  kja_runtime_t runtime;
  uint64_t key;
  count_t destroyed;
  void *kept;
} racer_t;
static void *race(void *arg) {
  racer_t *racer = (racer_t *)arg;
  racer->kept = get_or_set(racer->runtime, racer->key, &racer->destroyed);
  return NULL;
}

/* parity: LOOP-16 */
static void of_many_threads_one_sets_it(void) {
  kja_runtime_t runtime = runtime_open();
  for (size_t round = 0, rounds = scaled(200); round < rounds; round++) {
    pthread_t threads[THREADS];
    racer_t racers[THREADS];
    uint64_t key = kja_local_new_key(), destroyed = 0;
    memset(racers, 0, sizeof racers);
    for (int i = 0; i < THREADS; i++) {
      racers[i].runtime = runtime;
      racers[i].key = key;
      pthread_create(&threads[i], NULL, race, &racers[i]);
    }
    for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
    for (int i = 0; i < THREADS; i++) {
      CHECK(racers[i].kept == racers[0].kept);
      CHECK_U64(count_get(&racers[i].destroyed), racers[i].kept != &racers[i].destroyed);
      destroyed += count_get(&racers[i].destroyed);
    }
    CHECK_U64(destroyed, THREADS - 1);
    /* What is kept lives on this stack until the runtime ends. */
    CHECK_OK(kja_runtime_shutdown(runtime));
    CHECK_OK(kja_runtime_release(runtime));
    runtime = runtime_open();
  }
  runtime_close(runtime);
}

typedef struct last_t {
  kja_runtime_t runtime;
  count_t destroyed;
} last_t;
static void use_the_library(void *ctx) {
  last_t *last = (last_t *)ctx;
  kja_promise_t promise = 0;
  CHECK_IS(kja_promise_new_unit(last->runtime, &promise), KJA_ERR_SHUTDOWN);
  count_add(&last->destroyed, 1);
}

/* parity: LOOP-16 */
static void its_destructor_may_call_the_library(void) {
  last_t last;
  void *kept = NULL;
  memset(&last, 0, sizeof last);
  last.runtime = runtime_open();
  CHECK_OK(kja_local_get_or_set(last.runtime, kja_local_new_key(), &last, use_the_library, &kept));
  CHECK(kept == &last);
  CHECK_OK(kja_runtime_shutdown(last.runtime));
  CHECK_U64(count_get(&last.destroyed), 1);
  CHECK_OK(kja_runtime_release(last.runtime));
}

int main(void) {
  RUN_IN_BOTH(the_first_value_stays_until_the_runtime_ends);
  RUN_IN_BOTH(keys_and_runtimes_are_apart);
  RUN(of_many_threads_one_sets_it);
  RUN_IN_BOTH(its_destructor_may_call_the_library);
  return check_done();
}
