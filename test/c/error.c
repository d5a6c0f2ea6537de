#include "expect.h"
#include <errno.h>
#include "gate.h"

static const kja_status_t KINDS[] = {
    KJA_ERR_FAILED,      KJA_ERR_OVERLOADED,       KJA_ERR_DISCONNECTED,     KJA_ERR_UNIMPLEMENTED, KJA_ERR_CANCELED,
    KJA_ERR_TIMED_OUT,   KJA_ERR_SHUTDOWN,         KJA_ERR_BAD_HANDLE,       KJA_ERR_WRONG_THREAD,
    KJA_ERR_WOULD_DEADLOCK, KJA_ERR_INVALID_ARGUMENT, KJA_ERR_WRONG_TYPE,    KJA_ERR_PENDING,       KJA_ERR_BUSY,
    KJA_ERR_PANIC};
enum { KIND_COUNT = sizeof KINDS / sizeof *KINDS };

static void expect_last_error(kja_status_t status, int32_t os, const char *text) {
  char got[256];
  CHECK_IS(kja_last_error_status(), status);
  CHECK_U64(kja_last_error_os(), os);
  CHECK_U64(kja_last_error_text(got, sizeof got), strlen(text));
  CHECK(strcmp(got, text) == 0);
}

static void every_status_has_a_name_of_its_own(void) {
  CHECK(kja_status_name(KJA_OK) != NULL);
  for (int i = 0; i < KIND_COUNT; i++) {
    CHECK(strlen(kja_status_name(KINDS[i])) > 0);
    CHECK(strcmp(kja_status_name(KINDS[i]), kja_status_name(KJA_OK)) != 0);
    for (int j = 0; j < i; j++) CHECK(strcmp(kja_status_name(KINDS[i]), kja_status_name(KINDS[j])) != 0);
  }
}

static void any_number_has_a_name(void) {
  for (int32_t status = -3; status < 300; status++) CHECK(kja_status_name(status) != NULL);
  CHECK(kja_status_name(INT32_MAX) != NULL);
  CHECK(kja_status_name(INT32_MIN) != NULL);
}

/* parity: EXC-01 */
static void a_number_of_the_system_has_a_kind(void) {
  CHECK_IS(kja_status_of_os_error(ECONNRESET), KJA_ERR_DISCONNECTED);
  CHECK_IS(kja_status_of_os_error(EMFILE), KJA_ERR_OVERLOADED);
  CHECK_IS(kja_status_of_os_error(ENOSYS), KJA_ERR_UNIMPLEMENTED);
  const int others[] = {0, EACCES, -1, 100000};
  for (int i = 0; i < 4; i++) CHECK_IS(kja_status_of_os_error(others[i]), KJA_ERR_FAILED);
}

/* parity: EXC-01, EXC-02, PROM-03 */
static void a_rejection_keeps_kind_text_and_os_error(void) {
  kja_runtime_t runtime = runtime_open();
  const char *text = "the answer is \xc3\xa9";
  for (int i = 0; i < KIND_COUNT; i++) {
    kja_promise_t promise = 0;
    CHECK_OK(kja_promise_new_error(runtime, KINDS[i], 13, text, strlen(text), &promise));
    CHECK_IS(kja_promise_status(promise), KINDS[i]);
    expect_last_error(KINDS[i], 13, text);
    CHECK_IS(kja_promise_await(promise), KINDS[i]);
    expect_last_error(KINDS[i], 13, text);
    uint64_t value = 7;
    CHECK_IS(kja_promise_u64(promise, &value), KINDS[i]);
    expect_last_error(KINDS[i], 13, text);
    CHECK_U64(value, 7);
    CHECK_OK(kja_promise_release(promise));
  }
  runtime_close(runtime);
}

static void an_error_needs_a_kind_that_is_one(void) {
  kja_runtime_t runtime = runtime_open();
  const kja_status_t none[] = {KJA_OK, -1, 5, 27, 1000, INT32_MAX, INT32_MIN};
  for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
    kja_promise_t promise = 1;
    CHECK_IS(kja_promise_new_error(runtime, none[i], 0, "x", 1, &promise), KJA_ERR_INVALID_ARGUMENT);
    CHECK_U64(promise, 0);
  }
  runtime_close(runtime);
}

static void error_text_may_be_absent_but_not_null_with_a_length(void) {
  kja_runtime_t runtime = runtime_open();
  kja_promise_t promise = 0;
  CHECK_OK(kja_promise_new_error(runtime, KJA_ERR_FAILED, 0, NULL, 0, &promise));
  CHECK_IS(kja_promise_status(promise), KJA_ERR_FAILED);
  CHECK_OK(kja_promise_release(promise));
  CHECK_IS(kja_promise_new_error(runtime, KJA_ERR_FAILED, 0, NULL, 5, &promise), KJA_ERR_INVALID_ARGUMENT);
  runtime_close(runtime);
}

static void error_text_that_is_no_utf8_is_taken_or_refused(void) {
  kja_runtime_t runtime = runtime_open();
  const char text[] = "bad \xff\xfe end";
  kja_promise_t promise = 0;
  kja_status_t status = kja_promise_new_error(runtime, KJA_ERR_FAILED, 0, text, sizeof text - 1, &promise);
  if (status == KJA_OK) {
    CHECK_IS(kja_promise_status(promise), KJA_ERR_FAILED);
    CHECK(kja_last_error_text(NULL, 0) > 0);
    CHECK_OK(kja_promise_release(promise));
  } else {
    CHECK_IS(status, KJA_ERR_INVALID_ARGUMENT);
  }
  runtime_close(runtime);
}

static void text_is_cut_to_the_buffer_and_its_full_length_told(void) {
  kja_runtime_t runtime = runtime_open();
  kja_promise_t promise = 0;
  char text[8];
  CHECK_OK(kja_promise_new_error(runtime, KJA_ERR_FAILED, 0, "0123456789", 10, &promise));
  CHECK_IS(kja_promise_status(promise), KJA_ERR_FAILED);
  memset(text, '#', sizeof text);
  CHECK_U64(kja_last_error_text(text, 5), 10);
  CHECK(memcmp(text, "0123\0###", 8) == 0);
  CHECK_U64(kja_last_error_text(text, 1), 10);
  CHECK(text[0] == '\0');
  CHECK_U64(kja_last_error_text(text, 0), 10);
  CHECK_U64(kja_last_error_text(NULL, 0), 10);
  CHECK_U64(kja_last_error_text(NULL, 100), 10);
  CHECK_OK(kja_promise_release(promise));
  runtime_close(runtime);
}

static void a_success_leaves_the_last_error_alone(void) {
  kja_runtime_t runtime = runtime_open();
  kja_promise_t promise = 0;
  CHECK_OK(kja_promise_new_error(runtime, KJA_ERR_OVERLOADED, 5, "first", 5, &promise));
  CHECK_IS(kja_promise_status(promise), KJA_ERR_OVERLOADED);
  CHECK_OK(kja_promise_release(promise));
  expect_last_error(KJA_ERR_OVERLOADED, 5, "first");
  runtime_close(runtime);
}

typedef struct stranger_t {
  gate_t asked;
  gate_t answer;
} stranger_t;

static void *fail_on_a_thread_of_its_own(void *arg) {
  stranger_t *stranger = (stranger_t *)arg;
  CHECK_IS(kja_last_error_status(), KJA_OK);
  CHECK_U64(kja_last_error_text(NULL, 0), 0);
  CHECK_IS(kja_bytes_release(0), KJA_ERR_BAD_HANDLE);
  gate_open(&stranger->asked);
  gate_pass(&stranger->answer);
  CHECK_IS(kja_last_error_status(), KJA_ERR_BAD_HANDLE);
  return NULL;
}

static void the_last_error_belongs_to_the_thread(void) {
  kja_runtime_t runtime = runtime_open();
  kja_promise_t promise = 0;
  stranger_t stranger;
  pthread_t thread;
  gate_init(&stranger.asked);
  gate_init(&stranger.answer);
  CHECK_OK(kja_promise_new_error(runtime, KJA_ERR_UNIMPLEMENTED, 38, "mine", 4, &promise));
  CHECK_IS(kja_promise_await(promise), KJA_ERR_UNIMPLEMENTED);
  pthread_create(&thread, NULL, fail_on_a_thread_of_its_own, &stranger);
  gate_pass(&stranger.asked);
  expect_last_error(KJA_ERR_UNIMPLEMENTED, 38, "mine");
  gate_open(&stranger.answer);
  pthread_join(thread, NULL);
  CHECK_OK(kja_promise_release(promise));
  gate_destroy(&stranger.asked);
  gate_destroy(&stranger.answer);
  runtime_close(runtime);
}

int main(void) {
  RUN(every_status_has_a_name_of_its_own);
  RUN(any_number_has_a_name);
  RUN(a_number_of_the_system_has_a_kind);
  RUN(a_rejection_keeps_kind_text_and_os_error);
  RUN(an_error_needs_a_kind_that_is_one);
  RUN(error_text_may_be_absent_but_not_null_with_a_length);
  RUN(error_text_that_is_no_utf8_is_taken_or_refused);
  RUN(text_is_cut_to_the_buffer_and_its_full_length_told);
  RUN(a_success_leaves_the_last_error_alone);
  RUN(the_last_error_belongs_to_the_thread);
  return check_done();
}
