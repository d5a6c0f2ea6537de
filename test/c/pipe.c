/* Pipes in this process: what is written waits until it is read. */
#include "gate.h"
#include "stream.h"

/* parity: PIPE-01, STRM-10 */
static void a_write_waits_for_a_read(void) {
  kja_runtime_t runtime = runtime_open();
  ends_t ends = pipe_open(runtime);
  kja_promise_t writing = write_text_start(ends.writer, "hello");
  stays_pending(runtime, writing);
  expect_text(read_start(ends.reader, 5, 5), "hello");
  expect(writing, KJA_OK);
  ends_release(ends);
  runtime_close(runtime);
}

/* parity: PIPE-01, STRM-01 */
static void a_read_waits_for_a_write(void) {
  kja_runtime_t runtime = runtime_open();
  ends_t ends = pipe_open(runtime);
  kja_promise_t reading = read_start(ends.reader, 1, 100);
  stays_pending(runtime, reading);
  write_text(ends.writer, "hello");
  expect_text(reading, "hello");
  ends_release(ends);
  runtime_close(runtime);
}

/* parity: STRM-01 */
static void a_read_takes_at_least_min_and_at_most_max(void) {
  kja_runtime_t runtime = runtime_open();
  ends_t ends = pipe_open(runtime);
  kja_promise_t reading = read_start(ends.reader, 6, 8), writing;
  write_text(ends.writer, "abc");
  stays_pending(runtime, reading);
  write_text(ends.writer, "de");
  stays_pending(runtime, reading);
  write_text(ends.writer, "f");
  expect_text(reading, "abcdef");
  writing = write_text_start(ends.writer, "0123456789");
  expect_text(read_start(ends.reader, 2, 4), "0123");
  stays_pending(runtime, writing);
  expect_text(read_start(ends.reader, 0, 3), "456");
  stays_pending(runtime, writing);
  expect_text(read_start(ends.reader, 3, 100), "789");
  expect(writing, KJA_OK);
  ends_release(ends);
  runtime_close(runtime);
}

/* parity: STRM-11 */
static void pieces_are_written_in_order_as_one(void) {
  enum { PIECES = 3000 };
  static kja_slice_t slices[PIECES];
  static char want[PIECES * 3];
  kja_runtime_t runtime = runtime_open();
  ends_t ends = pipe_open(runtime);
  kja_promise_t gathered = 0, after;
  size_t total = 0;
  for (size_t i = 0; i < PIECES; i++) {
    slices[i].data = &"abc"[i % 2];
    slices[i].size = i % 3;
    memcpy(want + total, slices[i].data, slices[i].size);
    total += slices[i].size;
  }
  CHECK_OK(kja_connection_writev_start(ends.writer, slices, PIECES, &gathered));
  after = write_text_start(ends.writer, "!");
  expect_bytes(read_start(ends.reader, 7, 7), want, 7);
  stays_pending(runtime, gathered);
  expect_bytes(read_start(ends.reader, total - 7, total - 7), want + 7, total - 7);
  expect(gathered, KJA_OK);
  expect_text(read_start(ends.reader, 1, 10), "!");
  expect(after, KJA_OK);
  ends_release(ends);
  runtime_close(runtime);
}

static void writes_go_out_in_the_order_in_which_they_were_started(void) {
  kja_runtime_t runtime = runtime_open();
  ends_t ends = pipe_open(runtime);
  kja_promise_t writing[3];
  writing[0] = write_text_start(ends.writer, "one ");
  writing[1] = write_text_start(ends.writer, "two ");
  writing[2] = write_text_start(ends.writer, "three");
  expect_text(read_start(ends.reader, 6, 6), "one tw");
  expect(writing[0], KJA_OK);
  stays_pending(runtime, writing[1]);
  expect_text(read_start(ends.reader, 7, 7), "o three");
  expect(writing[1], KJA_OK);
  expect(writing[2], KJA_OK);
  ends_release(ends);
  runtime_close(runtime);
}

static void writing_nothing_waits_for_nobody(void) {
  kja_runtime_t runtime = runtime_open();
  ends_t ends = pipe_open(runtime);
  expect(write_start(ends.writer, NULL, 0), KJA_OK);
  kja_promise_t reading = read_start(ends.reader, 1, 8);
  expect(write_start(ends.writer, NULL, 0), KJA_OK);
  stays_pending(runtime, reading);
  write_text(ends.writer, "x");
  expect_text(reading, "x");
  ends_release(ends);
  runtime_close(runtime);
}

/* parity: PIPE-01, STRM-04 */
static void the_length_counts_down(void) {
  kja_runtime_t runtime = runtime_open();
  ends_t ends = pipe_of_length(runtime, 10);
  kja_promise_t watching = disconnected_start(ends.writer);
  expect_length(ends.reader, 10);
  expect_no_length(ends.writer);
  kja_promise_t writing = write_text_start(ends.writer, "0123456789");
  expect_length(ends.reader, 10);
  expect_text(read_start(ends.reader, 4, 4), "0123");
  expect_length(ends.reader, 6);
  stays_pending(runtime, watching);
  expect_text(read_start(ends.reader, 6, 100), "456789");
  expect_length(ends.reader, 0);
  expect(writing, KJA_OK);
  expect_end(ends.reader);
  expect(write_text_start(ends.writer, "x"), KJA_ERR_DISCONNECTED);
  expect(watching, KJA_OK);
  expect_end(ends.reader);
  ends_release(ends);
  ends = pipe_open(runtime);
  expect_no_length(ends.reader);
  ends_release(ends);
  runtime_close(runtime);
}

/* parity: PIPE-01 */
static void an_end_before_the_length_is_a_disconnection(void) {
  for (int how = 0; how < 3; how++) {
    kja_runtime_t runtime = runtime_open();
    ends_t ends = pipe_of_length(runtime, 10);
    kja_promise_t writing = write_text_start(ends.writer, "0123");
    expect_text(read_start(ends.reader, 2, 2), "01");
    kja_promise_t reading = how == 2 ? read_all_start(ends.reader, 100) : read_start(ends.reader, 5, 8);
    expect(writing, KJA_OK);
    if (how == 0) shutdown_write(ends.writer);
    if (how == 1) CHECK_OK(kja_connection_close(ends.writer));
    CHECK_OK(kja_connection_release(ends.writer));
    expect_error(reading, KJA_ERR_DISCONNECTED, "6 bytes");
    expect_length(ends.reader, 8);
    expect_text(read_start(ends.reader, 1, 8), "23");
    expect(read_start(ends.reader, 1, 8), KJA_ERR_DISCONNECTED);
    expect_length(ends.reader, 6);
    CHECK_OK(kja_connection_release(ends.reader));
    runtime_close(runtime);
  }
}

/* parity: PIPE-01 */
static void an_end_at_the_length_is_an_end(void) {
  kja_runtime_t runtime = runtime_open();
  ends_t ends = pipe_of_length(runtime, 5);
  kja_promise_t writing = write_text_start(ends.writer, "12345"), reading = read_all_start(ends.reader, 5);
  expect(writing, KJA_OK);
  CHECK_OK(kja_connection_release(ends.writer));
  expect_text(reading, "12345");
  expect_end(ends.reader);
  CHECK_OK(kja_connection_release(ends.reader));
  runtime_close(runtime);
}

/* parity: PIPE-01 */
static void no_more_than_the_length_can_be_written(void) {
  kja_runtime_t runtime = runtime_open();
  ends_t ends = pipe_of_length(runtime, 5);
  kja_promise_t writing = write_text_start(ends.writer, "0123456789"), later = write_text_start(ends.writer, "later");
  expect_text(read_start(ends.reader, 1, 100), "01234");
  expect(writing, KJA_ERR_DISCONNECTED);
  expect(later, KJA_ERR_DISCONNECTED);
  expect_end(ends.reader);
  ends_release(ends);
  runtime_close(runtime);
}

/* parity: PIPE-01 */
static void a_pipe_of_length_zero_is_at_its_end(void) {
  kja_runtime_t runtime = runtime_open();
  ends_t ends = pipe_of_length(runtime, 0);
  expect_length(ends.reader, 0);
  expect_end(ends.reader);
  expect(write_text_start(ends.writer, "x"), KJA_ERR_DISCONNECTED);
  expect(disconnected_start(ends.writer), KJA_OK);
  ends_release(ends);
  runtime_close(runtime);
}

static void nothing(kja_connection_t reader) {
  CHECK_OK(kja_connection_release(reader));
}
static void close_first(kja_connection_t reader) {
  CHECK_OK(kja_connection_close(reader));
  CHECK_OK(kja_connection_release(reader));
}
static void abort_first(kja_connection_t reader) {
  CHECK_OK(kja_connection_abort_read(reader));
}

/* parity: PIPE-03, STRM-13, STRM-16, STRM-21 */
static void without_a_reader_writes_fail(void) {
  void (*ways[])(kja_connection_t) = {nothing, close_first, abort_first};
  for (int way = 0; way < 3; way++) {
    kja_runtime_t runtime = runtime_open();
    ends_t ends = pipe_open(runtime);
    count_t freed = {0};
    kja_promise_t first = 0, second = write_text_start(ends.writer, "before"), watching = disconnected_start(ends.writer);
    CHECK_OK(kja_connection_write_borrowed_start(ends.writer, "lent", 4, &freed, count_destroy, &first));
    stays_pending(runtime, first);
    stays_pending(runtime, watching);
    ways[way](ends.reader);
    expect_error(second, KJA_ERR_DISCONNECTED, "pipe");
    CHECK_U64(kja_last_error_os(), EPIPE);
    expect(first, KJA_ERR_DISCONNECTED);
    CHECK_U64(count_get(&freed), 1);
    expect(watching, KJA_OK);
    expect(write_text_start(ends.writer, "later"), KJA_ERR_DISCONNECTED);
    expect(disconnected_start(ends.writer), KJA_OK);
    CHECK_OK(kja_connection_release(ends.writer));
    if (way == 2) CHECK_OK(kja_connection_release(ends.reader));
    runtime_close(runtime);
  }
}

/* parity: PIPE-04, STRM-21 */
static void without_a_writer_the_reader_sees_the_end_after_what_was_written(void) {
  kja_runtime_t runtime = runtime_open();
  ends_t ends = pipe_open(runtime);
  kja_promise_t writing = write_text_start(ends.writer, "last words");
  /* The pending write keeps its end. */
  CHECK_OK(kja_connection_release(ends.writer));
  expect_text(read_start(ends.reader, 4, 4), "last");
  kja_promise_t reading = read_all_start(ends.reader, 100);
  expect(writing, KJA_OK);
  expect_text(reading, " words");
  expect_end(ends.reader);
  expect_end(ends.reader);
  CHECK_OK(kja_connection_release(ends.reader));
  ends = pipe_open(runtime);
  reading = read_start(ends.reader, 5, 10);
  write_text(ends.writer, "abc");
  CHECK_OK(kja_connection_release(ends.writer));
  expect_text(reading, "abc");
  CHECK_OK(kja_connection_release(ends.reader));
  runtime_close(runtime);
}

/* parity: STRM-02, STRM-03 */
static void a_required_read_does_not_put_up_with_less(void) {
  kja_runtime_t runtime = runtime_open();
  ends_t ends = pipe_open(runtime);
  kja_promise_t writing = write_text_start(ends.writer, "01234567");
  expect_text(read_required_start(ends.reader, 3, 3), "012");
  expect_text(read_required_start(ends.reader, 1, 2), "34");
  kja_promise_t reading = read_required_start(ends.reader, 4, 4);
  expect(writing, KJA_OK);
  CHECK_OK(kja_connection_release(ends.writer));
  expect_error(reading, KJA_ERR_DISCONNECTED, "3 of 4");
  expect_text(read_start(ends.reader, 1, 4), "567");
  expect(read_required_start(ends.reader, 1, 4), KJA_ERR_DISCONNECTED);
  CHECK_OK(kja_connection_release(ends.reader));
  runtime_close(runtime);
}

/* parity: STRM-07 */
static void read_all_stops_at_its_limit(void) {
  kja_runtime_t runtime = runtime_open();
  for (size_t limit = 4; limit <= 6; limit++) {
    ends_t ends = pipe_open(runtime);
    kja_promise_t reading = read_all_start(ends.reader, limit), writing = write_text_start(ends.writer, "12345");
    kja_promise_t ending = shutdown_start(ends.writer);
    if (limit < 5) expect(reading, KJA_ERR_OVERLOADED);
    else expect_text(reading, "12345");
    CHECK_OK(kja_connection_release(ends.reader));
    expect(writing, KJA_OK);
    expect(ending, KJA_OK);
    CHECK_OK(kja_connection_release(ends.writer));
  }
  runtime_close(runtime);
}

/* parity: PIPE-02, STRM-15 */
static void each_direction_of_a_two_way_pipe_ends_on_its_own(void) {
  kja_runtime_t runtime = runtime_open();
  pair_t pair = two_way_open(runtime);
  kja_promise_t asking = write_text_start(pair.client, "question"), ending = shutdown_start(pair.client);
  stays_pending(runtime, ending);
  expect_text(read_start(pair.server, 8, 8), "question");
  expect(asking, KJA_OK);
  expect(ending, KJA_OK);
  expect_end(pair.server);
  expect(write_text_start(pair.client, "more"), KJA_ERR_FAILED);
  kja_promise_t answering = write_text_start(pair.server, "answer");
  expect_text(read_start(pair.client, 6, 6), "answer");
  expect(answering, KJA_OK);
  kja_promise_t reading = read_start(pair.client, 1, 8);
  shutdown_write(pair.server);
  shutdown_write(pair.server);
  expect_text(reading, "");
  expect(write_text_start(pair.server, "more"), KJA_ERR_FAILED);
  expect_no_length(pair.client);
  pair_release(pair);
  runtime_close(runtime);
}

/* parity: PIPE-02, STRM-16 */
static void abort_read_ends_one_direction_of_a_two_way_pipe(void) {
  kja_runtime_t runtime = runtime_open();
  pair_t pair = two_way_open(runtime);
  kja_promise_t reading = read_start(pair.server, 1, 8), watching = disconnected_start(pair.client);
  CHECK_OK(kja_connection_abort_read(pair.server));
  expect_text(reading, "");
  expect_end(pair.server);
  expect(watching, KJA_OK);
  expect(write_text_start(pair.client, "unread"), KJA_ERR_DISCONNECTED);
  kja_promise_t answering = write_text_start(pair.server, "one way");
  expect_text(read_start(pair.client, 7, 7), "one way");
  expect(answering, KJA_OK);
  CHECK_OK(kja_connection_abort_read(pair.server));
  pair_release(pair);
  runtime_close(runtime);
}

/* parity: PIPE-02, PIPE-03, PIPE-04 */
static void dropping_an_end_of_a_two_way_pipe_ends_both_directions(void) {
  kja_runtime_t runtime = runtime_open();
  pair_t pair = two_way_open(runtime);
  kja_promise_t reading = read_start(pair.client, 1, 8), writing = write_text_start(pair.client, "x");
  kja_promise_t watching = disconnected_start(pair.client);
  CHECK_OK(kja_connection_release(pair.server));
  expect_text(reading, "");
  expect(writing, KJA_ERR_DISCONNECTED);
  expect(watching, KJA_OK);
  CHECK_OK(kja_connection_release(pair.client));
  runtime_close(runtime);
}

static void both_directions_of_a_two_way_pipe_are_independent(void) {
  size_t size = scaled(1 << 20);
  kja_runtime_t runtime = runtime_open();
  pair_t pair = two_way_open(runtime);
  char *data = pattern_new(size);
  kja_promise_t there = write_start(pair.client, data, size), back = write_start(pair.server, data, size);
  for (size_t at = 0; at < size; at += 65536) {
    size_t step = size - at < 65536 ? size - at : 65536;
    expect_pattern(pair.server, at, step, 65536);
    expect_pattern(pair.client, at, step, 10000);
  }
  expect(there, KJA_OK);
  expect(back, KJA_OK);
  free(data);
  pair_release(pair);
  runtime_close(runtime);
}

/* parity: STRM-24 */
static void a_second_read_is_busy(void) {
  kja_runtime_t runtime = runtime_open();
  ends_t ends = pipe_open(runtime);
  kja_promise_t first = read_start(ends.reader, 1, 8), second = 1;
  char buffer[4];
  count_t freed = {0};
  CHECK_IS(kja_connection_read_start(ends.reader, 1, 8, &second), KJA_ERR_BUSY);
  CHECK_U64(second, 0);
  CHECK_IS(kja_connection_read_required_start(ends.reader, 1, 8, &second), KJA_ERR_BUSY);
  CHECK_IS(kja_connection_read_all_start(ends.reader, 8, &second), KJA_ERR_BUSY);
  CHECK_IS(kja_connection_read_into_start(ends.reader, buffer, 1, 4, &freed, count_destroy, &second), KJA_ERR_BUSY);
  CHECK_U64(count_get(&freed), 1);
  expect(pump_start(ends.reader, ends.writer, 1), KJA_ERR_BUSY);
  write_text(ends.writer, "one");
  expect_text(first, "one");
  ends_release(ends);
  runtime_close(runtime);
}

static void await_and_count(kja_promise_t promise, count_t *freed) {
  CHECK_OK(kja_promise_await(promise));
  CHECK_U64(count_get(freed), 1);
  count_set(freed, 0);
  CHECK_OK(kja_promise_release(promise));
}

static void lent_memory_is_given_back_before_the_promise_settles(void) {
  kja_runtime_t runtime = runtime_open();
  ends_t ends = pipe_open(runtime);
  for (size_t i = 0, n = scaled(500); i < n; i++) {
    count_t read_freed = {0}, write_freed = {0};
    char from[8] = "0123456", to[8] = "-------";
    kja_promise_t reading = 0, writing = 0;
    if (i % 2) CHECK_OK(kja_connection_write_borrowed_start(ends.writer, from, 7, &write_freed, count_destroy, &writing));
    CHECK_OK(kja_connection_read_into_start(ends.reader, to, 7, 7, &read_freed, count_destroy, &reading));
    if (!writing)
      CHECK_OK(kja_connection_write_borrowed_start(ends.writer, from, 7, &write_freed, count_destroy, &writing));
    await_and_count(reading, &read_freed);
    await_and_count(writing, &write_freed);
    CHECK(strcmp(from, to) == 0);
  }
  ends_release(ends);
  runtime_close(runtime);
}

static void a_megabyte_goes_through_byte_by_byte(void) {
  size_t size = scaled(1 << 20);
  kja_runtime_t runtime = runtime_open();
  ends_t ends = pipe_open(runtime);
  char *data = pattern_new(size);
  kja_promise_t writing = write_start(ends.writer, data, size);
  expect_pattern(ends.reader, 0, size, 1);
  expect(writing, KJA_OK);
  free(data);
  ends_release(ends);
  runtime_close(runtime);
}

static void a_lot_goes_through(void) {
  size_t size = scaled(64 << 20);
  kja_runtime_t runtime = runtime_open();
  ends_t ends = pipe_open(runtime);
  char *data = pattern_new(size);
  count_t freed = {0};
  kja_promise_t writing = 0;
  CHECK_OK(kja_connection_write_borrowed_start(ends.writer, data, size, &freed, count_destroy, &writing));
  CHECK_U64(take_pattern(read_start(ends.reader, size / 2, size / 2), 0), size / 2);
  expect_pattern(ends.reader, size / 2, size - size / 2, 1 << 16);
  expect(writing, KJA_OK);
  CHECK_U64(count_get(&freed), 1);
  free(data);
  ends_release(ends);
  runtime_close(runtime);
}

static void the_wrong_direction_is_unimplemented(void) {
  kja_runtime_t runtime = runtime_open();
  ends_t ends = pipe_open(runtime);
  kja_address_t address = 1;
  expect(read_start(ends.writer, 1, 8), KJA_ERR_UNIMPLEMENTED);
  expect(write_text_start(ends.reader, "x"), KJA_ERR_UNIMPLEMENTED);
  expect(shutdown_start(ends.reader), KJA_ERR_UNIMPLEMENTED);
  expect(disconnected_start(ends.reader), KJA_ERR_UNIMPLEMENTED);
  CHECK_IS(kja_connection_abort_read(ends.writer), KJA_ERR_UNIMPLEMENTED);
  CHECK_IS(kja_connection_set_nodelay(ends.writer, true), KJA_ERR_UNIMPLEMENTED);
  CHECK_IS(kja_connection_local_address(ends.writer, &address), KJA_ERR_UNIMPLEMENTED);
  CHECK_U64(address, 0);
  CHECK_IS(kja_connection_peer_address(ends.writer, &address), KJA_ERR_UNIMPLEMENTED);
  /* None of which has done any harm. */
  kja_promise_t writing = write_text_start(ends.writer, "whole");
  expect_text(read_start(ends.reader, 5, 5), "whole");
  expect(writing, KJA_OK);
  ends_release(ends);
  runtime_close(runtime);
}

static void a_missing_pointer_makes_no_pipe(void) {
  kja_runtime_t runtime = runtime_open();
  kja_connection_t one = 1;
  CHECK_IS(kja_pipe_new_one_way(runtime, 0, &one, NULL), KJA_ERR_INVALID_ARGUMENT);
  CHECK_U64(one, 0);
  CHECK_IS(kja_pipe_new_one_way(runtime, 0, NULL, &one), KJA_ERR_INVALID_ARGUMENT);
  CHECK_IS(kja_pipe_new_two_way(runtime, NULL, NULL), KJA_ERR_INVALID_ARGUMENT);
  runtime_close(runtime);
}

int main(void) {
  RUN_IN_BOTH(a_write_waits_for_a_read);
  RUN_IN_BOTH(a_read_waits_for_a_write);
  RUN_IN_BOTH(a_read_takes_at_least_min_and_at_most_max);
  RUN_IN_BOTH(pieces_are_written_in_order_as_one);
  RUN_IN_BOTH(writes_go_out_in_the_order_in_which_they_were_started);
  RUN_IN_BOTH(writing_nothing_waits_for_nobody);
  RUN_IN_BOTH(the_length_counts_down);
  RUN_IN_BOTH(an_end_before_the_length_is_a_disconnection);
  RUN_IN_BOTH(an_end_at_the_length_is_an_end);
  RUN_IN_BOTH(no_more_than_the_length_can_be_written);
  RUN_IN_BOTH(a_pipe_of_length_zero_is_at_its_end);
  RUN_IN_BOTH(without_a_reader_writes_fail);
  RUN_IN_BOTH(without_a_writer_the_reader_sees_the_end_after_what_was_written);
  RUN_IN_BOTH(a_required_read_does_not_put_up_with_less);
  RUN_IN_BOTH(read_all_stops_at_its_limit);
  RUN_IN_BOTH(each_direction_of_a_two_way_pipe_ends_on_its_own);
  RUN_IN_BOTH(abort_read_ends_one_direction_of_a_two_way_pipe);
  RUN_IN_BOTH(dropping_an_end_of_a_two_way_pipe_ends_both_directions);
  RUN_IN_BOTH(both_directions_of_a_two_way_pipe_are_independent);
  RUN_IN_BOTH(a_second_read_is_busy);
  RUN_IN_BOTH(lent_memory_is_given_back_before_the_promise_settles);
  RUN_IN_BOTH(a_megabyte_goes_through_byte_by_byte);
  RUN_IN_BOTH(a_lot_goes_through);
  RUN_IN_BOTH(the_wrong_direction_is_unimplemented);
  RUN_IN_BOTH(a_missing_pointer_makes_no_pipe);
  return check_done();
}
