/* Reads and writes on a connection that stays open; connection_end.c has the rest. */
#include "loopback.h"

/* parity: STRM-01 */
static void a_read_takes_at_least_min_and_at_most_max(void) {
  kja_runtime_t runtime = runtime_open();
  pair_t pair = pair_open(runtime);
  write_text(pair.client, "0123456789");
  expect_text(read_start(pair.server, 3, 3), "012");
  expect_text(read_start(pair.server, 7, 7), "3456789");
  kja_promise_t reading = read_start(pair.server, 6, 100);
  write_text(pair.client, "abc");
  CHECK_IS(kja_promise_await_for(reading, 5 * MILLISECOND), KJA_ERR_TIMED_OUT);
  write_text(pair.client, "def");
  expect_text(reading, "abcdef");
  pair_release(pair);
  runtime_close(runtime);
}

static void a_read_without_room_is_refused(void) {
  kja_runtime_t runtime = runtime_open();
  pair_t pair = pair_open(runtime);
  kja_promise_t promise = 1;
  count_t destroyed = {0};
  char buffer[4];
  CHECK_IS(kja_connection_read_start(pair.server, 0, 0, &promise), KJA_ERR_INVALID_ARGUMENT);
  CHECK_IS(kja_connection_read_start(pair.server, 5, 4, &promise), KJA_ERR_INVALID_ARGUMENT);
  CHECK_U64(promise, 0);
  CHECK_IS(kja_connection_read_into_start(pair.server, buffer, 5, 4, &destroyed, count_destroy, &promise),
           KJA_ERR_INVALID_ARGUMENT);
  CHECK_U64(count_get(&destroyed), 1);
  expect(write_start(pair.client, NULL, 0), KJA_OK);
  write_text(pair.client, "after");
  expect_text(read_start(pair.server, 5, 5), "after");
  pair_release(pair);
  runtime_close(runtime);
}

/* parity: STRM-24 */
static void a_second_read_is_busy(void) {
  kja_runtime_t runtime = runtime_open();
  pair_t pair = pair_open(runtime);
  kja_promise_t first = read_start(pair.server, 1, 8), second = 1;
  char buffer[4];
  count_t destroyed = {0};
  CHECK_IS(kja_connection_read_start(pair.server, 1, 8, &second), KJA_ERR_BUSY);
  CHECK_U64(second, 0);
  CHECK_IS(kja_connection_read_all_start(pair.server, 8, &second), KJA_ERR_BUSY);
  CHECK_IS(kja_connection_read_into_start(pair.server, buffer, 1, 4, &destroyed, count_destroy, &second), KJA_ERR_BUSY);
  CHECK_U64(count_get(&destroyed), 1);
  write_text(pair.client, "one");
  expect_text(first, "one");
  write_text(pair.client, "two");
  expect_text(read_start(pair.server, 3, 8), "two");
  pair_release(pair);
  runtime_close(runtime);
}

/* parity: STRM-01 */
static void read_into_fills_the_callers_buffer(void) {
  kja_runtime_t runtime = runtime_open();
  pair_t pair = pair_open(runtime);
  char buffer[16];
  count_t destroyed = {0};
  kja_promise_t reading = 0;
  memset(buffer, '#', sizeof buffer);
  CHECK_OK(kja_connection_read_into_start(pair.server, buffer, 4, 8, &destroyed, count_destroy, &reading));
  write_text(pair.client, "filled");
  CHECK_OK(kja_promise_await(reading));
  uint64_t n = 0;
  CHECK_OK(kja_promise_u64(reading, &n));
  CHECK(n >= 4 && n <= 6);
  CHECK(memcmp(buffer, "filled", (size_t)n) == 0);
  CHECK(buffer[8] == '#');
  CHECK_OK(kja_promise_release(reading));
  CHECK_U64(count_get(&destroyed), 1);
  pair_release(pair);
  runtime_close(runtime);
}

/* parity: STRM-11 */
static void pieces_are_written_in_order_as_one(void) {
  enum { PIECES = 3000 };
  static kja_slice_t slices[PIECES];
  static char want[PIECES * 3];
  kja_runtime_t runtime = runtime_open();
  pair_t pair = pair_open(runtime);
  kja_promise_t writing = 0;
  size_t total = 0;
  for (size_t i = 0; i < PIECES; i++) {
    slices[i].data = &"abc"[i % 2];
    slices[i].size = i % 3;
    memcpy(want + total, slices[i].data, slices[i].size);
    total += slices[i].size;
  }
  CHECK_OK(kja_connection_writev_start(pair.client, slices, PIECES, &writing));
  expect(writing, KJA_OK);
  expect_bytes(read_start(pair.server, total, total), want, total);
  CHECK_OK(kja_connection_writev_start(pair.client, NULL, 0, &writing));
  expect(writing, KJA_OK);
  pair_release(pair);
  runtime_close(runtime);
}

static void bytes_are_written_without_being_consumed(void) {
  kja_runtime_t runtime = runtime_open();
  pair_t pair = pair_open(runtime);
  kja_bytes_t bytes = 0;
  kja_promise_t writing = 0;
  CHECK_OK(kja_bytes_new("twice", 5, &bytes));
  for (int i = 0; i < 2; i++) {
    CHECK_OK(kja_connection_write_bytes_start(pair.client, bytes, &writing));
    expect(writing, KJA_OK);
  }
  CHECK_OK(kja_bytes_release(bytes));
  expect_text(read_start(pair.server, 10, 10), "twicetwice");
  pair_release(pair);
  runtime_close(runtime);
}

static char pattern(size_t at) {
  return (char)(at * 31 >> 3);
}

/* Reads `size` bytes and compares each with the pattern that goes on from `at`. */
static void expect_pattern(kja_connection_t connection, size_t at, size_t size) {
  while (size) {
    kja_promise_t reading = read_start(connection, 1, size < 65536 ? size : 65536);
    kja_bytes_t bytes = 0;
    const void *data = NULL;
    size_t got = 0, wrong = 0;
    CHECK_OK(kja_promise_await(reading));
    CHECK_OK(kja_promise_bytes(reading, &bytes));
    CHECK_OK(kja_bytes_data(bytes, &data, &got));
    for (size_t i = 0; i < got; i++) wrong += ((const char *)data)[i] != pattern(at + i);
    CHECK_U64(wrong, 0);
    CHECK_OK(kja_bytes_release(bytes));
    CHECK_OK(kja_promise_release(reading));
    if (!CHECK(got > 0)) return;
    at += got;
    size -= got;
  }
}

static void destroy_counts_and_frees(void *ctx) {
  void **both = (void **)ctx;
  count_add((count_t *)both[0], 1);
  free(both[1]);
  free(both);
}

/* parity: STRM-10, STRM-24 */
static void writes_queue_in_order_behind_a_slow_reader(void) {
  enum { WRITES = 24, SIZE = 1 << 20 };
  kja_runtime_t runtime = runtime_open();
  pair_t pair = pair_open(runtime);
  kja_promise_t writing[WRITES];
  count_t returned = {0};
  for (size_t i = 0; i < WRITES; i++) {
    char *data = (char *)malloc(SIZE);
    void **both = (void **)malloc(2 * sizeof *both);
    for (size_t k = 0; k < SIZE; k++) data[k] = pattern(i * SIZE + k);
    both[0] = &returned;
    both[1] = data;
    if (i % 2) {
      CHECK_OK(kja_connection_write_borrowed_start(pair.client, data, SIZE, both, destroy_counts_and_frees, &writing[i]));
    } else {
      writing[i] = write_start(pair.client, data, SIZE);
      destroy_counts_and_frees(both);
    }
  }
  CHECK_IS(kja_promise_status(writing[WRITES - 1]), KJA_ERR_PENDING);
  CHECK(count_get(&returned) < WRITES);
  expect_pattern(pair.server, 0, (size_t)WRITES * SIZE);
  for (int i = 0; i < WRITES; i++) expect(writing[i], KJA_OK);
  CHECK_U64(count_get(&returned), WRITES);
  pair_release(pair);
  runtime_close(runtime);
}

static void both_directions_are_independent(void) {
  enum { SIZE = 4 << 20 };
  kja_runtime_t runtime = runtime_open();
  pair_t pair = pair_open(runtime);
  char *data = (char *)malloc(SIZE);
  for (size_t i = 0; i < SIZE; i++) data[i] = pattern(i);
  kja_promise_t there = write_start(pair.client, data, SIZE), back = write_start(pair.server, data, SIZE);
  expect_pattern(pair.server, 0, SIZE);
  expect_pattern(pair.client, 0, SIZE);
  expect(there, KJA_OK);
  expect(back, KJA_OK);
  free(data);
  pair_release(pair);
  runtime_close(runtime);
}

/* parity: STRM-05 */
static void pump_moves_up_to_its_limit_or_the_end(void) {
  kja_runtime_t runtime = runtime_open();
  pair_t in = pair_open(runtime), out = pair_open(runtime);
  enum { SIZE = 3 << 20 };
  char *data = (char *)malloc(SIZE);
  kja_promise_t pumping = 0, writing = 0, ended = 0;
  for (size_t i = 0; i < SIZE; i++) data[i] = pattern(i);
  write_text(in.client, "0123456789");
  CHECK_OK(kja_connection_pump_start(in.server, out.client, 4, &pumping));
  expect_u64(pumping, 4);
  expect_text(read_start(out.server, 4, 10), "0123");
  expect_text(read_start(in.server, 6, 6), "456789");
  writing = write_start(in.client, data, SIZE);
  CHECK_OK(kja_connection_shutdown_write_start(in.client, &ended));
  CHECK_OK(kja_connection_pump_start(in.server, out.client, UINT64_MAX, &pumping));
  expect_pattern(out.server, 0, SIZE);
  expect_u64(pumping, SIZE);
  expect(writing, KJA_OK);
  expect(ended, KJA_OK);
  write_text(out.client, "still open");
  expect_text(read_start(out.server, 10, 10), "still open");
  free(data);
  pair_release(in);
  pair_release(out);
  runtime_close(runtime);
}

/* parity: STRM-06 */
static void a_cancelled_pump_releases_both_ends(void) {
  kja_runtime_t runtime = runtime_open();
  pair_t in = pair_open(runtime), out = pair_open(runtime);
  kja_promise_t pumping = 0;
  CHECK_OK(kja_connection_pump_start(in.server, out.client, UINT64_MAX, &pumping));
  CHECK_OK(kja_promise_cancel(pumping));
  expect_already(pumping, KJA_ERR_CANCELED);
  write_text(in.client, "direct");
  expect_text(read_start(in.server, 6, 6), "direct");
  write_text(out.client, "direct");
  expect_text(read_start(out.server, 6, 6), "direct");
  pair_release(in);
  pair_release(out);
  runtime_close(runtime);
}

/* parity: STRM-18 */
static void both_ends_agree_on_their_addresses(void) {
  kja_runtime_t runtime = runtime_open();
  pair_t pair = pair_open(runtime);
  kja_address_t addresses[4];
  char text[4][64];
  CHECK_OK(kja_connection_local_address(pair.client, &addresses[0]));
  CHECK_OK(kja_connection_peer_address(pair.server, &addresses[1]));
  CHECK_OK(kja_connection_peer_address(pair.client, &addresses[2]));
  CHECK_OK(kja_connection_local_address(pair.server, &addresses[3]));
  for (int i = 0; i < 4; i++) {
    size_t length = 0;
    CHECK_OK(kja_address_text(addresses[i], text[i], sizeof text[i], &length));
    CHECK_OK(kja_address_release(addresses[i]));
  }
  CHECK(strcmp(text[0], text[1]) == 0);
  CHECK(strcmp(text[2], text[3]) == 0);
  CHECK(strcmp(text[0], text[2]) != 0);
  CHECK_OK(kja_connection_set_nodelay(pair.client, false));
  CHECK_OK(kja_connection_set_nodelay(pair.client, true));
  pair_release(pair);
  runtime_close(runtime);
}

int main(void) {
  RUN_IN_BOTH(a_read_takes_at_least_min_and_at_most_max);
  RUN_IN_BOTH(a_read_without_room_is_refused);
  RUN_IN_BOTH(a_second_read_is_busy);
  RUN_IN_BOTH(read_into_fills_the_callers_buffer);
  RUN_IN_BOTH(pieces_are_written_in_order_as_one);
  RUN_IN_BOTH(bytes_are_written_without_being_consumed);
  RUN_IN_BOTH(writes_queue_in_order_behind_a_slow_reader);
  RUN_IN_BOTH(both_directions_are_independent);
  RUN_IN_BOTH(pump_moves_up_to_its_limit_or_the_end);
  RUN_IN_BOTH(a_cancelled_pump_releases_both_ends);
  RUN_IN_BOTH(both_ends_agree_on_their_addresses);
  return check_done();
}
