/* Errors as objects: what they carry, and that it arrives wherever an error goes. */
#include "gate.h"
#include "options.h"

#define TEXT(literal) literal, sizeof literal - 1

static kja_error_t error_new(kja_status_t kind, int32_t os_error, const char *text) {
  kja_error_t error = 0;
  CHECK_OK(kja_error_new(kind, os_error, text, strlen(text), &error));
  return error;
}
static void expect_kind(kja_error_t error, kja_status_t kind, int32_t os_error) {
  kja_status_t got = 0;
  int32_t got_os = -1;
  CHECK_OK(kja_error_kind(error, &got, &got_os));
  CHECK_IS(got, kind);
  CHECK_U64(got_os, os_error);
}
typedef kja_status_t (*copy_fn)(kja_error_t error, char *buffer, size_t capacity, size_t *length);
static void expect_copy(copy_fn copy, kja_error_t error, const char *want) {
  char text[300];
  size_t length = 0;
  memset(text, '#', sizeof text);
  CHECK_OK(copy(error, text, sizeof text, &length));
  CHECK_U64(length, strlen(want));
  CHECK(strcmp(text, want) == 0);
}
static void expect_detail(kja_error_t error, uint64_t id, const char *want) {
  kja_bytes_t bytes = 0;
  const void *data = NULL;
  size_t size = 0;
  CHECK_OK(kja_error_detail(error, id, &bytes));
  CHECK_OK(kja_bytes_data(bytes, &data, &size));
  if (CHECK_U64(size, strlen(want)) && size) CHECK(memcmp(data, want, size) == 0);
  CHECK_OK(kja_bytes_release(bytes));
}
/* Each makes another error and drops the one before. */
static kja_error_t with_context(kja_error_t error, const char *file, uint32_t line, const char *text) {
  kja_error_t more = 0;
  CHECK_OK(kja_error_with_context(error, file, strlen(file), line, text, strlen(text), &more));
  CHECK_OK(kja_error_release(error));
  return more;
}
static kja_error_t with_detail(kja_error_t error, uint64_t id, const char *data) {
  kja_error_t more = 0;
  CHECK_OK(kja_error_with_detail(error, id, data, strlen(data), &more));
  CHECK_OK(kja_error_release(error));
  return more;
}

/* parity: EXC-01, EXC-02 */
static void an_error_tells_kind_number_and_text(void) {
  int32_t count = 0;
  for (kja_status_t kind = kind_after(0); kind; kind = kind_after(kind), count++) {
    kja_error_t error = error_new(kind, count, kja_status_name(kind));
    expect_kind(error, kind, count);
    expect_copy(kja_error_text, error, kja_status_name(kind));
    expect_copy(kja_error_context, error, "");
    CHECK_OK(kja_error_kind(error, NULL, NULL));
    CHECK_OK(kja_error_release(error));
    CHECK_IS(kja_error_kind(error, NULL, NULL), KJA_ERR_BAD_HANDLE);
  }
  CHECK(count >= 15);
}

/* parity: EXC-02 */
static void a_text_is_cut_to_its_buffer(void) {
  kja_error_t error = error_new(KJA_ERR_FAILED, 0, "gr\xc3\xbc\xc3\x9f");
  char text[8];
  size_t length = 0;
  CHECK_OK(kja_error_text(error, NULL, 0, &length));
  CHECK_U64(length, 6);
  CHECK_OK(kja_error_text(error, text, 8, NULL));
  CHECK(strcmp(text, "gr\xc3\xbc\xc3\x9f") == 0);
  /* No half of a character. */
  CHECK_OK(kja_error_text(error, text, 4, &length));
  CHECK_U64(length, 6);
  CHECK(strcmp(text, "gr") == 0);
  CHECK_OK(kja_error_text(error, text, 1, &length));
  CHECK(strcmp(text, "") == 0);
  CHECK_OK(kja_error_release(error));
}

static void what_is_no_error_is_refused(void) {
  const kja_status_t bad[] = {KJA_OK, -1, 5, 31, INT32_MIN};
  kja_error_t error = 1;
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    CHECK_IS(kja_error_new(bad[i], 0, "x", 1, &error), KJA_ERR_INVALID_ARGUMENT);
    CHECK_U64(error, 0);
  }
  CHECK_IS(kja_error_new(KJA_ERR_FAILED, 0, NULL, 1, &error), KJA_ERR_INVALID_ARGUMENT);
  CHECK_OK(kja_error_new(KJA_ERR_FAILED, 0, NULL, 0, &error));
  expect_copy(kja_error_text, error, "");
  CHECK_OK(kja_error_release(error));
}

/* parity: EXC-02, EXC-04 */
static void the_places_that_it_passed_come_latest_first(void) {
  kja_error_t first = error_new(KJA_ERR_OVERLOADED, 28, "no space"), more = 0;
  CHECK_OK(kja_error_with_context(first, TEXT("store.c"), 12, TEXT("storing"), &more));
  expect_copy(kja_error_context, first, "");
  more = with_context(more, "serve.c", UINT32_MAX, "");
  more = with_context(more, "main.c", 3, "answering");
  expect_copy(kja_error_context, more, "main.c:3: answering\nserve.c:4294967295\nstore.c:12: storing");
  expect_copy(kja_error_text, more, "no space");
  expect_kind(more, KJA_ERR_OVERLOADED, 28);
  CHECK_OK(kja_error_release(more));
  CHECK_OK(kja_error_release(first));
}

static void expect_ids(kja_error_t error, const uint64_t *want, size_t count) {
  uint64_t ids[4] = {99, 99, 99, 99};
  size_t got = 99;
  CHECK_OK(kja_error_detail_ids(error, NULL, 0, &got));
  CHECK_U64(got, count);
  CHECK_OK(kja_error_detail_ids(error, ids, 4, &got));
  CHECK_U64(got, count);
  for (size_t i = 0; i < 4; i++) CHECK_U64(ids[i], i < count ? want[i] : 99);
}

/* parity: EXC-07 */
static void details_are_set_replaced_listed_and_removed(void) {
  const uint64_t both[] = {UINT64_MAX, 0}, replaced[] = {0, UINT64_MAX}, one[] = {0};
  kja_error_t error = error_new(KJA_ERR_FAILED, 0, "x"), less = 0;
  kja_bytes_t none = 1;
  uint64_t id = 99;
  size_t count = 0;
  expect_ids(error, NULL, 0);
  CHECK_IS(kja_error_detail(error, 0, &none), KJA_ERR_FAILED);
  CHECK_U64(none, 0);
  error = with_detail(with_detail(error, UINT64_MAX, "most"), 0, "");
  expect_ids(error, both, 2);
  CHECK_OK(kja_error_detail_ids(error, &id, 1, &count));
  CHECK_U64(id, UINT64_MAX);
  CHECK_U64(count, 2);
  expect_detail(error, UINT64_MAX, "most");
  expect_detail(error, 0, "");
  error = with_detail(error, UINT64_MAX, "other");
  expect_ids(error, replaced, 2);
  expect_detail(error, UINT64_MAX, "other");
  CHECK_OK(kja_error_without_detail(error, UINT64_MAX, &less));
  expect_ids(less, one, 1);
  CHECK_IS(kja_error_detail(less, UINT64_MAX, &none), KJA_ERR_FAILED);
  expect_ids(error, replaced, 2);
  CHECK_OK(kja_error_release(error));
  CHECK_OK(kja_error_without_detail(less, 12345, &error));
  expect_ids(error, one, 1);
  CHECK_OK(kja_error_release(error));
  CHECK_OK(kja_error_release(less));
}

/* parity: EXC-03 */
/* Each shares what is older, or a hundred thousand would be five thousand million copies. */
static void as_many_places_and_details_as_one_likes(void) {
  kja_error_t error = error_new(KJA_ERR_FAILED, 0, "far away");
  size_t most = scaled(100000), length = 0, count = 0;
  for (size_t i = 0; i < most; i++) error = with_detail(with_context(error, "a.c", 1, ""), i % (most / 2), "x");
  CHECK_OK(kja_error_context(error, NULL, 0, &length));
  CHECK_U64(length, most * strlen("a.c:1\n") - 1);
  CHECK_OK(kja_error_detail_ids(error, NULL, 0, &count));
  CHECK_U64(count, most / 2);
  CHECK_OK(kja_error_release(error));
}

static void a_clone_outlives_the_original(void) {
  kja_error_t error = with_detail(error_new(KJA_ERR_UNIMPLEMENTED, 38, "not here"), 7, "seven"), clone = 0;
  CHECK_OK(kja_error_clone(error, &clone));
  CHECK(clone != error);
  CHECK_OK(kja_error_release(error));
  expect_kind(clone, KJA_ERR_UNIMPLEMENTED, 38);
  expect_copy(kja_error_text, clone, "not here");
  expect_detail(clone, 7, "seven");
  CHECK_OK(kja_error_release(clone));
}

/* With everything that an error can carry. */
static kja_error_t loaded_error(void) {
  kja_error_t error = error_new(KJA_ERR_DISCONNECTED, 104, "the peer is gone");
  return with_context(with_detail(error, 7, "seven"), "peer.c", 5, "reading");
}
static void expect_loaded(kja_error_t error) {
  expect_kind(error, KJA_ERR_DISCONNECTED, 104);
  expect_copy(kja_error_text, error, "the peer is gone");
  expect_copy(kja_error_context, error, "peer.c:5: reading");
  expect_detail(error, 7, "seven");
  CHECK_OK(kja_error_release(error));
}
static void expect_loaded_promise(kja_promise_t promise) {
  kja_error_t found = 0, last = 0;
  CHECK_IS(kja_promise_await(promise), KJA_ERR_DISCONNECTED);
  CHECK_OK(kja_last_error_object(&last));
  expect_loaded(last);
  CHECK_OK(kja_promise_error_object(promise, &found));
  CHECK_OK(kja_promise_release(promise));
  expect_loaded(found);
}

/* parity: PROM-03, EXC-03, FORK-04, EXC-06, EXC-07 */
static void a_promise_carries_all_of_it_to_each_branch(void) {
  kja_runtime_t runtime = runtime_open();
  kja_error_t error = loaded_error();
  kja_promise_t promise = 0, branch = 0, then = 0;
  CHECK_OK(kja_promise_new_error_object(runtime, error, &promise));
  CHECK_OK(kja_error_release(error));
  CHECK_OK(kja_promise_fork(promise, &branch));
  CHECK_OK(kja_promise_then(promise, must_not_run, NULL, NULL, &then));
  expect_loaded_promise(branch);
  expect_loaded_promise(then);
  expect_loaded_promise(promise);
  runtime_close(runtime);
}

/* parity: FULF-02 */
static void a_fulfiller_rejects_with_all_of_it(void) {
  kja_runtime_t runtime = runtime_open();
  kja_error_t error = loaded_error();
  kja_fulfiller_t fulfiller = 0;
  kja_promise_t promise = 0;
  CHECK_OK(kja_fulfiller_new(runtime, &fulfiller, &promise));
  CHECK_IS(kja_fulfiller_error_object(fulfiller, fulfiller), KJA_ERR_BAD_HANDLE);
  CHECK(kja_fulfiller_is_waiting(fulfiller));
  CHECK_OK(kja_fulfiller_error_object(fulfiller, error));
  CHECK_OK(kja_fulfiller_unit(fulfiller));
  CHECK_OK(kja_error_release(error));
  expect_loaded_promise(promise);
  CHECK_OK(kja_fulfiller_release(fulfiller));
  runtime_close(runtime);
}

static void pass_on(void *ctx, kja_call_t call) {
  kja_error_t error = 0, more = 0;
  (void)ctx;
  CHECK_OK(kja_call_error_object(call, &error));
  CHECK_OK(kja_error_with_context(error, TEXT("pass.c"), 9, TEXT("passing on"), &more));
  CHECK_IS(kja_call_return_error_object(call, 0), KJA_ERR_BAD_HANDLE);
  CHECK_OK(kja_call_return_error_object(call, more));
  CHECK_OK(kja_error_release(more));
  expect_loaded(error);
}
static void has_no_error(void *ctx, kja_call_t call) {
  kja_error_t error = 1;
  count_add((count_t *)ctx, 1);
  CHECK_IS(kja_call_error_object(call, &error), KJA_ERR_WRONG_TYPE);
  CHECK_U64(error, 0);
}

/* parity: EXC-04, PROM-10 */
static void a_callback_gets_all_of_it_and_may_add_where_it_was(void) {
  kja_runtime_t runtime = runtime_open();
  kja_error_t error = loaded_error(), found = 0;
  kja_promise_t promise = 0, caught = 0;
  count_t ran = {0};
  CHECK_OK(kja_promise_new_error_object(runtime, error, &promise));
  CHECK_OK(kja_error_release(error));
  CHECK_OK(kja_promise_catch(promise, pass_on, NULL, NULL, &caught));
  CHECK_OK(kja_promise_release(promise));
  CHECK_IS(kja_promise_await(caught), KJA_ERR_DISCONNECTED);
  CHECK_OK(kja_promise_error_object(caught, &found));
  expect_copy(kja_error_context, found, "pass.c:9: passing on\npeer.c:5: reading");
  expect_detail(found, 7, "seven");
  CHECK_OK(kja_error_release(found));
  CHECK_OK(kja_promise_release(caught));
  run_on_loop(runtime, has_no_error, &ran);
  CHECK_U64(count_get(&ran), 1);
  runtime_close(runtime);
}

/* parity: EXC-07, CANC-02, QUEUE-01, QUEUE-05, STRM-14 */
static void whatever_rejects_passes_on_all_of_an_error(void) {
  kja_runtime_t runtime = runtime_open();
  kja_error_t error = loaded_error();
  kja_promise_t never = 0, one = 0, other = 0;

  kja_canceler_t canceler = 0;
  CHECK_OK(kja_canceler_new(runtime, &canceler));
  CHECK_OK(kja_promise_new_never(runtime, &never));
  CHECK_OK(kja_canceler_wrap(canceler, never, &one));
  CHECK_OK(kja_promise_release(never));
  CHECK_IS(kja_canceler_cancel_error_object(canceler, 99), KJA_ERR_BAD_HANDLE);
  CHECK_OK(kja_canceler_cancel_error_object(canceler, error));
  expect_loaded_promise(one);
  CHECK_OK(kja_canceler_release(canceler));

  kja_queue_t queue = 0;
  CHECK_OK(kja_queue_new(runtime, 1, &queue));
  CHECK_IS(kja_queue_reject_oldest_error_object(queue, error), KJA_ERR_FAILED);
  CHECK_OK(kja_queue_pop_start(queue, &one));
  CHECK_OK(kja_queue_pop_start(queue, &other));
  CHECK_IS(kja_queue_reject_oldest_error_object(queue, 99), KJA_ERR_BAD_HANDLE);
  CHECK_OK(kja_queue_reject_oldest_error_object(queue, error));
  expect_loaded_promise(one);
  CHECK_IS(kja_queue_reject_all_error_object(queue, 99), KJA_ERR_BAD_HANDLE);
  CHECK_OK(kja_queue_reject_all_error_object(queue, error));
  expect_loaded_promise(other);
  CHECK_OK(kja_queue_release(queue));

  kja_connection_t reader = 0, writer = 0;
  CHECK_OK(kja_pipe_new_one_way(runtime, UINT64_MAX, &reader, &writer));
  CHECK_OK(kja_connection_write_start(writer, "x", 1, &one));
  CHECK_IS(kja_connection_abort_write_error_object(writer, 99), KJA_ERR_BAD_HANDLE);
  CHECK_OK(kja_connection_abort_write_error_object(writer, error));
  expect_loaded_promise(one);
  CHECK_OK(kja_connection_read_start(reader, 1, 1, &one));
  expect_loaded_promise(one);
  CHECK_OK(kja_connection_release(reader));
  CHECK_OK(kja_connection_release(writer));

  expect_loaded(error);
  runtime_close(runtime);
}

static void a_promise_without_an_error_has_none_to_give(void) {
  kja_runtime_t runtime = runtime_open();
  kja_promise_t promise = 0;
  kja_error_t error = 1;
  CHECK_OK(kja_promise_new_never(runtime, &promise));
  CHECK_IS(kja_promise_error_object(promise, &error), KJA_ERR_PENDING);
  CHECK_U64(error, 0);
  CHECK_OK(kja_promise_cancel(promise));
  CHECK_OK(kja_promise_error_object(promise, &error));
  expect_kind(error, KJA_ERR_CANCELED, 0);
  CHECK_OK(kja_error_release(error));
  CHECK_OK(kja_promise_release(promise));
  CHECK_OK(kja_promise_new_u64(runtime, 1, &promise));
  CHECK_IS(kja_promise_error_object(promise, &error), KJA_ERR_WRONG_TYPE);
  CHECK_OK(kja_promise_release(promise));
  runtime_close(runtime);
}

static void an_error_outlives_every_runtime(void) {
  kja_runtime_t runtime = runtime_open();
  kja_error_t error = loaded_error(), found = 0;
  kja_promise_t promise = 0;
  CHECK_OK(kja_promise_new_error_object(runtime, error, &promise));
  CHECK_OK(kja_error_release(error));
  CHECK_OK(kja_promise_error_object(promise, &found));
  CHECK_OK(kja_runtime_shutdown(runtime));
  CHECK_IS(kja_promise_error_object(promise, &error), KJA_ERR_BAD_HANDLE);
  expect_loaded(found);
  error = loaded_error();
  CHECK_IS(kja_promise_new_error_object(runtime, error, &promise), KJA_ERR_SHUTDOWN);
  expect_loaded(error);
  CHECK_OK(kja_runtime_release(runtime));
}

static void *ask_for_the_last_error(void *arg) {
  kja_error_t error = 1;
  (void)arg;
  CHECK_IS(kja_last_error_object(&error), KJA_ERR_FAILED);
  CHECK_U64(error, 0);
  /* That was a failure itself. */
  CHECK_OK(kja_last_error_object(&error));
  expect_kind(error, KJA_ERR_FAILED, 0);
  CHECK_OK(kja_error_release(error));
  return NULL;
}

static void a_thread_without_a_failure_has_no_last_error(void) {
  pthread_t thread;
  pthread_create(&thread, NULL, ask_for_the_last_error, NULL);
  pthread_join(thread, NULL);
}

enum { THREADS = 8 };
static void *use_at_once(void *arg) {
  for (size_t i = 0, n = scaled(2000); i < n; i++) {
    kja_error_t clone = 0;
    CHECK_OK(kja_error_clone(*(kja_error_t *)arg, &clone));
    clone = with_detail(with_context(clone, "thread.c", 1, ""), i, "i");
    expect_copy(kja_error_context, clone, "thread.c:1\npeer.c:5: reading");
    CHECK_OK(kja_error_release(clone));
  }
  return NULL;
}

static void threads_add_to_clones_of_one_error_at_once(void) {
  kja_error_t error = loaded_error();
  pthread_t threads[THREADS];
  for (int i = 0; i < THREADS; i++) pthread_create(&threads[i], NULL, use_at_once, &error);
  for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
  expect_loaded(error);
}

int main(void) {
  RUN(an_error_tells_kind_number_and_text);
  RUN(a_text_is_cut_to_its_buffer);
  RUN(what_is_no_error_is_refused);
  RUN(the_places_that_it_passed_come_latest_first);
  RUN(details_are_set_replaced_listed_and_removed);
  RUN(as_many_places_and_details_as_one_likes);
  RUN(a_clone_outlives_the_original);
  RUN_IN_BOTH(a_promise_carries_all_of_it_to_each_branch);
  RUN_IN_BOTH(a_fulfiller_rejects_with_all_of_it);
  RUN_IN_BOTH(a_callback_gets_all_of_it_and_may_add_where_it_was);
  RUN_IN_BOTH(whatever_rejects_passes_on_all_of_an_error);
  RUN_IN_BOTH(a_promise_without_an_error_has_none_to_give);
  RUN_IN_BOTH(an_error_outlives_every_runtime);
  RUN(a_thread_without_a_failure_has_no_last_error);
  RUN(threads_add_to_clones_of_one_error_at_once);
  return check_done();
}
