/* No thread is to be had: the error says so, and nothing is left behind. */
#include "loopback.h"
#include "options.h"

#include <dlfcn.h>
#include <errno.h>

static count_t short_of_threads, refused;

typedef int (*create_fn)(pthread_t *thread, const pthread_attr_t *attr, void *(*body)(void *), void *arg);

/* In place of the C library's, for the library as well. */
#ifdef __cplusplus
extern "C" {
#endif
int pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*body)(void *), void *arg) {
  create_fn create;
  void *found = dlsym(RTLD_NEXT, "pthread_create");
  memcpy(&create, &found, sizeof create);
  if (!count_get(&short_of_threads)) return create(thread, attr, body, arg);
  count_add(&refused, 1);
  return EAGAIN;
}
#ifdef __cplusplus
}
#endif

static void is_short_of_threads(kja_status_t status) {
  CHECK_IS(status, KJA_ERR_OVERLOADED);
  CHECK_U64(kja_last_error_os(), EAGAIN);
}

/* parity: LOOP-02 */
static void a_runtime_without_a_thread_is_overloaded(void) {
  kja_runtime_t runtime = 1;
  unsigned fds = open_fds();
  count_add(&short_of_threads, 1);
  is_short_of_threads(kja_runtime_new(NULL, &runtime));
  CHECK_U64(runtime, 0);
  CHECK_U64(open_fds(), fds);
  count_add(&short_of_threads, -1);
  CHECK_OK(kja_runtime_new(NULL, &runtime));
  runtime_close(runtime);
}

/* parity: NET-01 */
static void a_name_without_a_thread_to_look_it_up_is_overloaded(void) {
  kja_runtime_t runtime = runtime_open();
  kja_promise_t parsing = 1;
  count_add(&short_of_threads, 1);
  is_short_of_threads(kja_address_parse_start(runtime, "localhost:80", 12, 0, &parsing));
  CHECK_U64(parsing, 0);
  count_add(&short_of_threads, -1);
  CHECK_OK(kja_address_parse_start(runtime, "127.0.0.1:80", 12, 0, &parsing));
  expect(parsing, KJA_OK);
  runtime_close(runtime);
}

int main(void) {
  RUN(a_runtime_without_a_thread_is_overloaded);
  RUN_IN_BOTH(a_name_without_a_thread_to_look_it_up_is_overloaded);
  CHECK(count_get(&refused) >= 3);
  return check_done();
}
