#include "expect.h"
#include "gate.h"

static kja_bytes_t bytes_of(const char *text) {
  kja_bytes_t bytes = 0;
  CHECK_OK(kja_bytes_new(text, strlen(text), &bytes));
  return bytes;
}
static void expect_content(kja_bytes_t bytes, const char *data, size_t size) {
  const void *got = NULL;
  size_t got_size = SIZE_MAX;
  CHECK_OK(kja_bytes_data(bytes, &got, &got_size));
  if (CHECK_U64(got_size, size) && size) CHECK(memcmp(got, data, size) == 0);
}

static void new_copies(void) {
  char text[] = "original";
  kja_bytes_t bytes = bytes_of(text);
  memset(text, '#', sizeof text - 1);
  expect_content(bytes, "original", 8);
  CHECK_OK(kja_bytes_release(bytes));
}

static void empty_bytes_are_bytes(void) {
  kja_bytes_t bytes = 0, slice = 0;
  const void *data = NULL;
  size_t size = 1;
  CHECK_OK(kja_bytes_new(NULL, 0, &bytes));
  CHECK_OK(kja_bytes_data(bytes, &data, &size));
  CHECK_U64(size, 0);
  CHECK_OK(kja_bytes_slice(bytes, 0, 0, &slice));
  expect_content(slice, "", 0);
  CHECK_OK(kja_bytes_release(slice));
  CHECK_OK(kja_bytes_release(bytes));
  count_t destroyed = {0};
  CHECK_OK(kja_bytes_new_borrowed(NULL, 0, &destroyed, count_destroy, &bytes));
  expect_content(bytes, "", 0);
  CHECK_OK(kja_bytes_release(bytes));
  CHECK_U64(count_get(&destroyed), 1);
}

static void borrowed_memory_is_used_in_place_and_returned_once(void) {
  static const char text[] = "lent, not copied";
  kja_bytes_t bytes = 0, slice = 0;
  const void *data = NULL;
  size_t size = 0;
  count_t destroyed = {0};
  CHECK_OK(kja_bytes_new_borrowed(text, 16, &destroyed, count_destroy, &bytes));
  CHECK_OK(kja_bytes_data(bytes, &data, &size));
  CHECK(data == text);
  CHECK_OK(kja_bytes_slice(bytes, 6, 16, &slice));
  CHECK_OK(kja_bytes_release(bytes));
  CHECK_U64(count_get(&destroyed), 0);
  CHECK_OK(kja_bytes_data(slice, &data, &size));
  CHECK(data == text + 6);
  CHECK_U64(size, 10);
  CHECK_OK(kja_bytes_release(slice));
  CHECK_U64(count_get(&destroyed), 1);
}

static void a_slice_stays_within_its_bytes(void) {
  kja_bytes_t bytes = bytes_of("0123456789"), slice = 0, part = 0;
  CHECK_OK(kja_bytes_slice(bytes, 2, 8, &slice));
  expect_content(slice, "234567", 6);
  CHECK_OK(kja_bytes_slice(slice, 1, 3, &part));
  expect_content(part, "34", 2);
  CHECK_OK(kja_bytes_release(part));
  CHECK_OK(kja_bytes_slice(slice, 6, 6, &part));
  expect_content(part, "", 0);
  CHECK_OK(kja_bytes_release(part));
  const size_t wrong[][2] = {{0, 7}, {3, 2}, {7, 7}, {SIZE_MAX, SIZE_MAX}, {0, SIZE_MAX}, {SIZE_MAX, 0}};
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    part = 1;
    CHECK_IS(kja_bytes_slice(slice, wrong[i][0], wrong[i][1], &part), KJA_ERR_INVALID_ARGUMENT);
    CHECK_U64(part, 0);
  }
  CHECK_OK(kja_bytes_release(slice));
  CHECK_OK(kja_bytes_release(bytes));
}

static void data_stays_where_it_is_until_released(void) {
  kja_bytes_t bytes = bytes_of("pinned"), others[100];
  const void *before = NULL, *after = NULL;
  size_t size;
  CHECK_OK(kja_bytes_data(bytes, &before, &size));
  for (int i = 0; i < 100; i++) others[i] = bytes_of("another");
  CHECK_OK(kja_bytes_data(bytes, &after, &size));
  CHECK(before == after);
  for (int i = 0; i < 100; i++) CHECK_OK(kja_bytes_release(others[i]));
  CHECK_OK(kja_bytes_release(bytes));
}

static void *slice_and_release(void *arg) {
  kja_bytes_t bytes = *(kja_bytes_t *)arg;
  for (size_t i = 0, n = scaled(20000); i < n; i++) {
    kja_bytes_t slice = 0;
    CHECK_OK(kja_bytes_slice(bytes, i % 3, 6, &slice));
    expect_content(slice, &"shared"[i % 3], 6 - i % 3);
    CHECK_OK(kja_bytes_release(slice));
  }
  return NULL;
}

static void many_threads_may_slice_the_same_bytes(void) {
  enum { THREADS = 4 };
  kja_bytes_t bytes = bytes_of("shared");
  pthread_t threads[THREADS];
  for (int i = 0; i < THREADS; i++) pthread_create(&threads[i], NULL, slice_and_release, &bytes);
  for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
  CHECK_OK(kja_bytes_release(bytes));
}

static void *release_once(void *arg) {
  uint64_t *handle = (uint64_t *)arg;
  return kja_bytes_release(*handle) == KJA_OK ? arg : NULL;
}

static void of_two_threads_that_release_one_does(void) {
  for (size_t i = 0, n = scaled(500); i < n; i++) {
    kja_bytes_t bytes = bytes_of("once");
    pthread_t thread;
    void *there = NULL;
    pthread_create(&thread, NULL, release_once, &bytes);
    int here = kja_bytes_release(bytes) == KJA_OK;
    pthread_join(thread, &there);
    CHECK_U64(here + (there != NULL), 1);
  }
}

static void bytes_carried_by_a_promise_outlive_it(void) {
  kja_runtime_t runtime = runtime_open();
  kja_bytes_t bytes = bytes_of("carried"), one = 0, other = 0;
  kja_promise_t promise = 0;
  CHECK_OK(kja_promise_new_bytes(runtime, bytes, &promise));
  CHECK_OK(kja_bytes_release(bytes));
  CHECK_OK(kja_promise_bytes(promise, &one));
  CHECK_OK(kja_promise_bytes(promise, &other));
  CHECK(one != other);
  CHECK_OK(kja_promise_release(promise));
  CHECK_OK(kja_bytes_release(one));
  runtime_close(runtime);
  expect_content(other, "carried", 7);
  CHECK_OK(kja_bytes_release(other));
}

int main(void) {
  RUN(new_copies);
  RUN(empty_bytes_are_bytes);
  RUN(borrowed_memory_is_used_in_place_and_returned_once);
  RUN(a_slice_stays_within_its_bytes);
  RUN(data_stays_where_it_is_until_released);
  RUN(many_threads_may_slice_the_same_bytes);
  RUN(of_two_threads_that_release_one_does);
  RUN_IN_BOTH(bytes_carried_by_a_promise_outlive_it);
  return check_done();
}
