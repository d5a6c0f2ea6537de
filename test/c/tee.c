/* Tees: two readers of the same bytes. */
#include "gate.h"
#include "stream.h"

/* A pipe, of which two branches read what is written. */
typedef struct tee_t {
  kja_connection_t writer, one, other;
} tee_t;

static tee_t tee_of(ends_t source, size_t limit) {
  tee_t tee = {source.writer, 0, 0};
  CHECK_OK(kja_pipe_tee(source.reader, limit, &tee.one, &tee.other));
  CHECK_OK(kja_connection_release(source.reader));
  return tee;
}
static tee_t tee_open(kja_runtime_t runtime, size_t limit) {
  return tee_of(pipe_open(runtime), limit);
}
static void tee_release(tee_t tee) {
  CHECK_OK(kja_connection_release(tee.writer));
  CHECK_OK(kja_connection_release(tee.one));
  CHECK_OK(kja_connection_release(tee.other));
}

/* parity: PIPE-09 */
static void both_branches_get_the_same(void) {
  kja_runtime_t runtime = runtime_open();
  tee_t tee = tee_open(runtime, 0);
  kja_promise_t one = read_start(tee.one, 3, 100), other = read_start(tee.other, 1, 2);
  stays_pending(runtime, one);
  stays_pending(runtime, other);
  kja_promise_t writing = write_text_start(tee.writer, "abcdef");
  expect_text(other, "ab");
  expect_text(read_start(tee.other, 4, 100), "cdef");
  expect(writing, KJA_OK);
  /* What comes together is not split, but the other branch may have asked for less. */
  CHECK_OK(kja_promise_await(one));
  size_t got = 0;
  kja_bytes_t bytes = 0;
  CHECK_OK(kja_promise_bytes(one, &bytes));
  CHECK_OK(kja_bytes_data(bytes, NULL, &got));
  CHECK_OK(kja_bytes_release(bytes));
  CHECK_OK(kja_promise_release(one));
  CHECK(got >= 3 && got <= 6);
  if (got < 6) expect_text(read_start(tee.one, 6 - got, 100), "abcdef" + got);
  shutdown_write(tee.writer);
  expect_end(tee.one);
  expect_end(tee.other);
  expect_end(tee.one);
  tee_release(tee);
  runtime_close(runtime);
}

/* parity: PIPE-09 */
static void one_branch_may_be_slower(void) {
  size_t size = scaled(1 << 20);
  kja_runtime_t runtime = runtime_open();
  tee_t tee = tee_open(runtime, size);
  char *data = pattern_new(size);
  kja_promise_t writing = write_start(tee.writer, data, size), ending = shutdown_start(tee.writer);
  expect_pattern(tee.one, 0, size, 1 << 16);
  expect_end(tee.one);
  expect(writing, KJA_OK);
  expect(ending, KJA_OK);
  expect_pattern(tee.other, 0, size, 1000);
  expect_end(tee.other);
  free(data);
  tee_release(tee);
  runtime_close(runtime);
}

/* parity: PIPE-09 */
static void the_branches_take_turns_at_being_ahead(void) {
  size_t size = scaled(1 << 20), ahead[2] = {0, 0};
  kja_runtime_t runtime = runtime_open();
  tee_t tee = tee_open(runtime, 100000);
  char *data = pattern_new(size);
  kja_promise_t writing = write_start(tee.writer, data, size);
  for (size_t step = 1; ahead[0] < size || ahead[1] < size; step = step * 31 % 50021 + 1) {
    int which = ahead[0] > ahead[1];
    size_t left = size - ahead[which];
    expect_pattern(which ? tee.other : tee.one, ahead[which], step < left ? step : left, step % 3000 + 1);
    ahead[which] += step < left ? step : left;
  }
  expect(writing, KJA_OK);
  free(data);
  tee_release(tee);
  runtime_close(runtime);
}

/* parity: PIPE-09 */
static void beyond_the_limit_both_fail_once_they_have_drained(void) {
  kja_runtime_t runtime = runtime_open();
  tee_t tee = tee_open(runtime, 10);
  kja_promise_t writing = write_text_start(tee.writer, "0123456789A");
  expect_text(read_start(tee.one, 10, 10), "0123456789");
  expect_text(read_start(tee.one, 1, 1), "A");
  expect(writing, KJA_OK);
  expect_error(read_start(tee.one, 1, 1), KJA_ERR_OVERLOADED, "10 bytes");
  expect_text(read_start(tee.other, 5, 5), "01234");
  expect_text(read_start(tee.other, 6, 6), "56789A");
  expect(read_start(tee.other, 1, 1), KJA_ERR_OVERLOADED);
  expect(read_start(tee.other, 1, 1), KJA_ERR_OVERLOADED);
  expect(read_all_start(tee.one, 100), KJA_ERR_OVERLOADED);
  tee_release(tee);
  runtime_close(runtime);
}

/* parity: PIPE-09 */
static void one_piece_beyond_the_limit_is_too_much_as_well(void) {
  kja_runtime_t runtime = runtime_open();
  tee_t tee = tee_open(runtime, 10);
  kja_promise_t writing = write_text_start(tee.writer, "0123456789abcdef");
  expect_text(read_start(tee.one, 16, 100), "0123456789abcdef");
  expect(writing, KJA_OK);
  expect(read_start(tee.one, 1, 1), KJA_ERR_OVERLOADED);
  expect_text(read_start(tee.other, 16, 16), "0123456789abcdef");
  expect(read_start(tee.other, 1, 1), KJA_ERR_OVERLOADED);
  tee_release(tee);
  runtime_close(runtime);
}

/* parity: PIPE-09 */
static void a_small_read_takes_no_more_from_the_source(void) {
  kja_runtime_t runtime = runtime_open();
  tee_t tee = tee_open(runtime, 10);
  /* Far more than the limit waits in the source; neither branch is ever more than 10 bytes behind. */
  kja_promise_t writing = write_text_start(tee.writer, "0123456789abcdefghijklmnopqrstuvwxyz");
  for (int i = 0; i < 18; i++) {
    char want[3] = {"0123456789abcdefghijklmnopqrstuvwxyz"[2 * i], "0123456789abcdefghijklmnopqrstuvwxyz"[2 * i + 1], 0};
    expect_text(read_start(i % 2 ? tee.one : tee.other, 2, 2), want);
    expect_text(read_start(i % 2 ? tee.other : tee.one, 2, 2), want);
  }
  expect(writing, KJA_OK);
  tee_release(tee);
  runtime_close(runtime);
}

/* parity: PIPE-09 */
static void a_cancelled_big_read_takes_nothing_either(void) {
  kja_runtime_t runtime = runtime_open();
  tee_t tee = tee_open(runtime, 4);
  kja_promise_t reading = read_start(tee.one, 1, 1000);
  stays_pending(runtime, reading);
  CHECK_OK(kja_promise_release(reading));
  kja_promise_t writing = write_text_start(tee.writer, "0123456789");
  stays_pending(runtime, writing);
  expect_text(read_start(tee.one, 2, 2), "01");
  expect_text(read_start(tee.one, 2, 2), "23");
  expect_text(read_start(tee.other, 8, 8), "01234567");
  expect_text(read_start(tee.one, 1, 100), "4567");
  expect_text(read_start(tee.one, 1, 100), "89");
  expect_text(read_start(tee.other, 1, 100), "89");
  expect(writing, KJA_OK);
  tee_release(tee);
  runtime_close(runtime);
}

/* parity: PIPE-09 */
static void exactly_the_limit_is_fine(void) {
  kja_runtime_t runtime = runtime_open();
  tee_t tee = tee_open(runtime, 10);
  kja_promise_t writing = write_text_start(tee.writer, "0123456789"), ending = shutdown_start(tee.writer);
  expect_text(read_start(tee.one, 1, 100), "0123456789");
  expect_end(tee.one);
  expect_text(read_start(tee.other, 10, 10), "0123456789");
  expect_end(tee.other);
  expect(writing, KJA_OK);
  expect(ending, KJA_OK);
  tee_release(tee);
  runtime_close(runtime);
}

/* parity: PIPE-11 */
static void a_dropped_branch_keeps_nothing_and_the_other_goes_on(void) {
  size_t size = 1 << 20;
  for (int closes = 0; closes < 2; closes++) {
    kja_runtime_t runtime = runtime_open();
    tee_t tee = tee_open(runtime, 1000);
    char *data = pattern_new(size);
    kja_promise_t writing = write_start(tee.writer, data, size);
    expect_pattern(tee.one, 0, 1000, 1000);
    if (closes) CHECK_OK(kja_connection_close(tee.other));
    else CHECK_OK(kja_connection_release(tee.other));
    /* Nobody is behind any more. */
    expect_pattern(tee.one, 1000, size - 1000, 1 << 16);
    expect(writing, KJA_OK);
    free(data);
    CHECK_OK(kja_connection_release(tee.writer));
    expect_end(tee.one);
    CHECK_OK(kja_connection_release(tee.one));
    if (closes) {
      expect(read_start(tee.other, 1, 1), KJA_ERR_CANCELED);
      CHECK_OK(kja_connection_release(tee.other));
    }
    runtime_close(runtime);
  }
}

/* parity: PIPE-11, STRM-21 */
static void the_source_goes_with_the_last_branch(void) {
  for (int closes = 0; closes < 2; closes++) {
    kja_runtime_t runtime = runtime_open();
    tee_t tee = tee_open(runtime, 0);
    kja_promise_t watching = disconnected_start(tee.writer), one = 0, other = 0;
    CHECK_OK(kja_connection_close(tee.one));
    stays_pending(runtime, watching);
    if (closes) {
      other = read_start(tee.other, 1, 8);
      CHECK_OK(kja_connection_close(tee.other));
      expect(other, KJA_ERR_CANCELED);
    }
    CHECK_OK(kja_connection_release(tee.one));
    CHECK_OK(kja_connection_release(tee.other));
    expect(watching, KJA_OK);
    expect(write_text_start(tee.writer, "x"), KJA_ERR_DISCONNECTED);
    CHECK_OK(kja_connection_release(tee.writer));
    /* Pending reads keep it; when they are gone it is. */
    tee = tee_open(runtime, 0);
    watching = disconnected_start(tee.writer);
    one = read_start(tee.one, 1, 8);
    other = read_start(tee.other, 1, 8);
    CHECK_OK(kja_connection_release(tee.one));
    CHECK_OK(kja_connection_release(tee.other));
    stays_pending(runtime, watching);
    CHECK_OK(kja_promise_release(one));
    stays_pending(runtime, watching);
    CHECK_OK(kja_promise_release(other));
    expect(watching, KJA_OK);
    CHECK_OK(kja_connection_release(tee.writer));
    runtime_close(runtime);
  }
}

/* parity: STRM-16 */
static void abort_read_ends_one_branch(void) {
  kja_runtime_t runtime = runtime_open();
  tee_t tee = tee_open(runtime, 0);
  kja_promise_t reading = read_start(tee.one, 1, 8);
  CHECK_OK(kja_connection_abort_read(tee.one));
  expect_text(reading, "");
  expect_end(tee.one);
  kja_promise_t writing = write_text_start(tee.writer, "alone");
  expect_text(read_start(tee.other, 5, 5), "alone");
  expect(writing, KJA_OK);
  expect_end(tee.one);
  CHECK_OK(kja_connection_abort_read(tee.one));
  tee_release(tee);
  runtime_close(runtime);
}

/* parity: PIPE-09 */
static void an_error_of_the_source_reaches_both_after_what_came_before(void) {
  kja_runtime_t runtime = runtime_open();
  tee_t tee = tee_open(runtime, 0);
  kja_promise_t writing = write_text_start(tee.writer, "before");
  expect_text(read_start(tee.one, 6, 6), "before");
  expect(writing, KJA_OK);
  kja_promise_t reading = read_start(tee.one, 1, 8);
  stays_pending(runtime, reading);
  abort_write(tee.writer, KJA_ERR_UNIMPLEMENTED, "torn off");
  expect_error(reading, KJA_ERR_UNIMPLEMENTED, "torn off");
  expect_text(read_start(tee.other, 1, 8), "before");
  expect_error(read_start(tee.other, 1, 8), KJA_ERR_UNIMPLEMENTED, "torn off");
  expect_error(read_start(tee.one, 1, 8), KJA_ERR_UNIMPLEMENTED, "torn off");
  tee_release(tee);
  runtime_close(runtime);
}

/* parity: STRM-04, PIPE-09 */
static void each_branch_knows_its_own_length(void) {
  kja_runtime_t runtime = runtime_open();
  tee_t tee = tee_of(pipe_of_length(runtime, 10), 0);
  expect_length(tee.one, 10);
  expect_length(tee.other, 10);
  kja_promise_t writing = write_text_start(tee.writer, "0123456789");
  expect_text(read_start(tee.one, 4, 4), "0123");
  expect_length(tee.one, 6);
  expect_length(tee.other, 10);
  expect_text(read_start(tee.other, 10, 10), "0123456789");
  expect_length(tee.one, 6);
  expect_length(tee.other, 0);
  expect_text(read_start(tee.one, 6, 6), "456789");
  expect(writing, KJA_OK);
  tee_release(tee);
  tee = tee_open(runtime, 0);
  expect_no_length(tee.one);
  tee_release(tee);
  runtime_close(runtime);
}

/* parity: PIPE-09 */
static void a_cancelled_read_on_one_branch_leaves_the_other_reading(void) {
  kja_runtime_t runtime = runtime_open();
  tee_t tee = tee_open(runtime, 0);
  for (int i = 0; i < 20; i++) {
    kja_promise_t one = read_start(tee.one, 1, 8), other = read_start(tee.other, 1, 8);
    stays_pending(runtime, other);
    /* Whoever of them has the source read, the one that stays goes on with it. */
    CHECK_OK(kja_promise_cancel(i % 2 ? one : other));
    expect_already(i % 2 ? one : other, KJA_ERR_CANCELED);
    write_text(tee.writer, "on");
    expect_text(i % 2 ? other : one, "on");
    expect_text(read_start(i % 2 ? tee.one : tee.other, 1, 8), "on");
  }
  tee_release(tee);
  runtime_close(runtime);
}

/* parity: PIPE-10 */
static void two_pumps_go_in_lockstep(void) {
  enum { CHUNK = 65536 };
  size_t size = 20 * CHUNK;
  kja_runtime_t runtime = runtime_open();
  tee_t tee = tee_open(runtime, 1);
  ends_t fast = pipe_open(runtime), slow = pipe_open(runtime);
  char *data = pattern_new(size);
  kja_promise_t to_fast = pump_start(tee.one, fast.writer, UINT64_MAX);
  kja_promise_t to_slow = pump_start(tee.other, slow.writer, UINT64_MAX);
  kja_promise_t writing = write_start(tee.writer, data, size), ending = shutdown_start(tee.writer);
  expect_pattern(fast.reader, 0, CHUNK, CHUNK);
  /* The fast one gets no more until the slow one has taken as much. */
  kja_promise_t reading = read_start(fast.reader, 1, CHUNK);
  stays_pending_for_a_while(reading);
  expect_pattern(slow.reader, 0, CHUNK, 5000);
  CHECK_U64(take_pattern(reading, CHUNK), CHUNK);
  for (size_t at = 2 * CHUNK; at < size; at += CHUNK) {
    expect_pattern(slow.reader, at - CHUNK, CHUNK, CHUNK);
    expect_pattern(fast.reader, at, CHUNK, CHUNK);
  }
  expect_pattern(slow.reader, size - CHUNK, CHUNK, CHUNK);
  expect(writing, KJA_OK);
  expect(ending, KJA_OK);
  expect_u64(to_fast, size);
  expect_u64(to_slow, size);
  free(data);
  ends_release(fast);
  ends_release(slow);
  tee_release(tee);
  runtime_close(runtime);
}

/* parity: PIPE-10 */
static void a_pump_sets_the_pace_of_the_other_branch(void) {
  enum { CHUNK = 65536 };
  size_t size = 4 * CHUNK;
  kja_runtime_t runtime = runtime_open();
  tee_t tee = tee_open(runtime, CHUNK);
  ends_t out = pipe_open(runtime);
  char *data = pattern_new(size);
  kja_promise_t pumping = pump_start(tee.one, out.writer, UINT64_MAX), reading = read_start(tee.other, 1, CHUNK);
  kja_promise_t writing = write_start(tee.writer, data, size);
  CHECK_U64(take_pattern(reading, 0), CHUNK);
  reading = read_start(tee.other, 1, CHUNK);
  stays_pending_for_a_while(reading);
  expect_pattern(out.reader, 0, CHUNK, CHUNK);
  CHECK_U64(take_pattern(reading, CHUNK), CHUNK);
  /* When the pump is gone, nobody sets the pace. */
  reading = read_start(tee.other, 1, CHUNK);
  stays_pending_for_a_while(reading);
  CHECK_OK(kja_promise_cancel(pumping));
  expect_already(pumping, KJA_ERR_CANCELED);
  CHECK_U64(take_pattern(reading, 2 * CHUNK), CHUNK);
  CHECK_OK(kja_connection_release(tee.one));
  expect_pattern(tee.other, 3 * CHUNK, CHUNK, CHUNK);
  expect(writing, KJA_OK);
  free(data);
  ends_release(out);
  CHECK_OK(kja_connection_release(tee.other));
  CHECK_OK(kja_connection_release(tee.writer));
  runtime_close(runtime);
}

/* parity: PIPE-10, PIPE-11 */
static void a_pump_that_is_stuck_lets_go_when_its_branch_is_closed(void) {
  kja_runtime_t runtime = runtime_open();
  tee_t tee = tee_open(runtime, 1);
  ends_t out = pipe_open(runtime);
  kja_promise_t pumping = pump_start(tee.one, out.writer, UINT64_MAX), reading = read_start(tee.other, 5, 5);
  write_text(tee.writer, "first");
  expect_text(reading, "first");
  reading = read_start(tee.other, 1, 8);
  kja_promise_t second = write_text_start(tee.writer, "second");
  stays_pending_for_a_while(reading);
  CHECK_OK(kja_connection_close(tee.one));
  expect_text(reading, "second");
  expect(second, KJA_OK);
  expect_text(read_start(out.reader, 1, 8), "first");
  expect(pumping, KJA_ERR_CANCELED);
  ends_release(out);
  tee_release(tee);
  runtime_close(runtime);
}

static void a_tee_of_a_tee(void) {
  size_t size = scaled(1 << 19);
  kja_runtime_t runtime = runtime_open();
  tee_t outer = tee_open(runtime, size);
  ends_t inner_source = {outer.other, 0};
  tee_t inner = tee_of(inner_source, size);
  char *data = pattern_new(size);
  kja_promise_t writing = write_start(outer.writer, data, size);
  expect_pattern(inner.other, 0, size, 7000);
  expect_pattern(outer.one, 0, size, 3000);
  expect_pattern(inner.one, 0, size, 1 << 16);
  expect(writing, KJA_OK);
  free(data);
  kja_promise_t watching = disconnected_start(outer.writer);
  CHECK_OK(kja_connection_release(outer.one));
  CHECK_OK(kja_connection_release(inner.one));
  stays_pending(runtime, watching);
  CHECK_OK(kja_connection_release(inner.other));
  expect(watching, KJA_OK);
  CHECK_OK(kja_connection_release(outer.writer));
  runtime_close(runtime);
}

static void a_tee_of_a_socket(void) {
  size_t size = scaled(4 << 20);
  kja_runtime_t runtime = runtime_open();
  pair_t pair = pair_open(runtime);
  ends_t source = {pair.server, pair.client};
  unsigned fds = open_fds();
  tee_t tee = tee_of(source, 1 << 20);
  char *data = pattern_new(size);
  kja_promise_t writing = write_start(tee.writer, data, size), ending = shutdown_start(tee.writer);
  for (size_t at = 0; at < size; at += 1 << 16) {
    size_t step = size - at < 1 << 16 ? size - at : 1 << 16;
    expect_pattern(tee.one, at, step, 1 << 16);
    expect_pattern(tee.other, at, step, 1 << 16);
  }
  expect(writing, KJA_OK);
  expect(ending, KJA_OK);
  expect_end(tee.one);
  expect_end(tee.other);
  free(data);
  CHECK_OK(kja_connection_release(tee.one));
  CHECK_U64(open_fds(), fds);
  CHECK_OK(kja_connection_release(tee.other));
  CHECK(fds_come_back_to(fds - 1));
  CHECK_OK(kja_connection_release(tee.writer));
  runtime_close(runtime);
}

static void a_branch_only_reads(void) {
  kja_runtime_t runtime = runtime_open();
  tee_t tee = tee_open(runtime, 0);
  expect(write_text_start(tee.one, "x"), KJA_ERR_UNIMPLEMENTED);
  expect(shutdown_start(tee.one), KJA_ERR_UNIMPLEMENTED);
  expect(disconnected_start(tee.one), KJA_ERR_UNIMPLEMENTED);
  kja_promise_t first = read_start(tee.one, 1, 8), second = 1;
  CHECK_IS(kja_connection_read_start(tee.one, 1, 8, &second), KJA_ERR_BUSY);
  write_text(tee.writer, "x");
  expect_text(first, "x");
  tee_release(tee);
  runtime_close(runtime);
}

typedef struct reader_t {
  kja_connection_t branch;
  size_t size, step;
} reader_t;

static void *read_a_branch(void *arg) {
  reader_t *reader = (reader_t *)arg;
  expect_pattern(reader->branch, 0, reader->size, reader->step);
  expect_end(reader->branch);
  CHECK_OK(kja_connection_release(reader->branch));
  return NULL;
}

/* parity: PIPE-09, PIPE-11 */
static void two_threads_read_a_branch_each(void) {
  kja_runtime_t runtime = runtime_open();
  for (size_t i = 0, n = scaled(20); i < n; i++) {
    size_t size = scaled(1 << 18);
    tee_t tee = tee_open(runtime, size);
    reader_t readers[2] = {{tee.one, size, 1000 + i}, {tee.other, size, 70000}};
    pthread_t threads[2];
    char *data = pattern_new(size);
    for (int k = 0; k < 2; k++) pthread_create(&threads[k], NULL, read_a_branch, &readers[k]);
    for (size_t at = 0; at < size; at += 5000)
      expect(write_start(tee.writer, data + at, size - at < 5000 ? size - at : 5000), KJA_OK);
    shutdown_write(tee.writer);
    for (int k = 0; k < 2; k++) pthread_join(threads[k], NULL);
    free(data);
    CHECK_OK(kja_connection_release(tee.writer));
  }
  runtime_close(runtime);
}

static void *close_a_branch(void *arg) {
  CHECK_OK(kja_connection_close(*(kja_connection_t *)arg));
  return NULL;
}

/* parity: PIPE-11 */
static void branches_closed_by_other_threads_leave_nothing(void) {
  kja_runtime_t runtime = runtime_open();
  for (size_t i = 0, n = scaled(1000); i < n; i++) {
    tee_t tee = tee_open(runtime, 0);
    kja_promise_t watching = disconnected_start(tee.writer);
    pthread_t threads[2];
    for (int k = 0; k < 2; k++) pthread_create(&threads[k], NULL, close_a_branch, k ? &tee.one : &tee.other);
    kja_promise_t one = read_start(tee.one, 1, 8), other = read_start(tee.other, 1, 8);
    expect(one, KJA_ERR_CANCELED);
    expect(other, KJA_ERR_CANCELED);
    for (int k = 0; k < 2; k++) pthread_join(threads[k], NULL);
    CHECK_OK(kja_connection_release(tee.one));
    CHECK_OK(kja_connection_release(tee.other));
    expect(watching, KJA_OK);
    CHECK_OK(kja_connection_release(tee.writer));
  }
  runtime_close(runtime);
}

typedef struct inside_t {
  kja_connection_t source;
  kja_connection_t one, other;
  kja_promise_t reads[2];
} inside_t;

static void tee_inside(void *ctx, kja_call_t call) {
  inside_t *inside = (inside_t *)ctx;
  (void)call;
  CHECK_OK(kja_pipe_tee(inside->source, 0, &inside->one, &inside->other));
  inside->reads[0] = read_start(inside->one, 5, 5);
  inside->reads[1] = read_start(inside->other, 5, 5);
}
static void release_inside(void *ctx, kja_call_t call) {
  inside_t *inside = (inside_t *)ctx;
  (void)call;
  CHECK_OK(kja_connection_release(inside->one));
  CHECK_OK(kja_connection_release(inside->other));
}

static void a_tee_works_inside_a_callback(void) {
  kja_runtime_t runtime = runtime_open();
  ends_t ends = pipe_open(runtime);
  inside_t inside = {ends.reader, 0, 0, {0, 0}};
  run_on_loop(runtime, tee_inside, &inside);
  CHECK_OK(kja_connection_release(ends.reader));
  write_text(ends.writer, "twice");
  for (int i = 0; i < 2; i++) expect_text(inside.reads[i], "twice");
  run_on_loop(runtime, release_inside, &inside);
  expect(disconnected_start(ends.writer), KJA_OK);
  CHECK_OK(kja_connection_release(ends.writer));
  runtime_close(runtime);
}

/* parity: LOOP-06 */
static void a_shutdown_ends_a_tee_at_work(void) {
  kja_runtime_t runtime = runtime_open();
  tee_t tee = tee_open(runtime, 0), pumped = tee_open(runtime, 0), idle = tee_open(runtime, 0);
  ends_t out = pipe_open(runtime);
  read_start(tee.one, 1, 8);
  read_all_start(tee.other, 8);
  pump_start(pumped.one, out.writer, 100);
  pump_start(pumped.other, tee.writer, 100);
  write_text_start(pumped.writer, "on its way");
  CHECK_OK(kja_promise_release(read_start(idle.one, 1, 8)));
  runtime_close(runtime);
}

static void a_missing_pointer_makes_no_tee(void) {
  kja_runtime_t runtime = runtime_open();
  ends_t ends = pipe_open(runtime);
  kja_connection_t branch = 1;
  CHECK_IS(kja_pipe_tee(ends.reader, 1, &branch, NULL), KJA_ERR_INVALID_ARGUMENT);
  CHECK_U64(branch, 0);
  CHECK_IS(kja_pipe_tee(ends.reader, 1, NULL, &branch), KJA_ERR_INVALID_ARGUMENT);
  kja_promise_t reading = read_start(ends.reader, 1, 8);
  write_text(ends.writer, "x");
  expect_text(reading, "x");
  ends_release(ends);
  runtime_close(runtime);
}

/* parity: PIPE-09 */
static void by_default_a_megabyte_is_kept(void) {
  enum { LIMIT = 1 << 20 };
  kja_runtime_t runtime = runtime_open();
  tee_t tee = tee_open(runtime, 0);
  char *data = pattern_new(LIMIT + 1);
  kja_promise_t writing = write_start(tee.writer, data, LIMIT + 1);
  expect_pattern(tee.one, 0, LIMIT, 1 << 16);
  expect_pattern(tee.one, LIMIT, 1, 1);
  expect(writing, KJA_OK);
  expect_error(read_start(tee.one, 1, 1), KJA_ERR_OVERLOADED, "1048576 bytes");
  expect_pattern(tee.other, 0, LIMIT + 1, LIMIT);
  expect(read_start(tee.other, 1, 1), KJA_ERR_OVERLOADED);
  free(data);
  tee_release(tee);
  runtime_close(runtime);
}

int main(void) {
  RUN_IN_BOTH(both_branches_get_the_same);
  RUN_IN_BOTH(one_branch_may_be_slower);
  RUN_IN_BOTH(the_branches_take_turns_at_being_ahead);
  RUN_IN_BOTH(beyond_the_limit_both_fail_once_they_have_drained);
  RUN_IN_BOTH(one_piece_beyond_the_limit_is_too_much_as_well);
  RUN_IN_BOTH(a_small_read_takes_no_more_from_the_source);
  RUN_IN_BOTH(a_cancelled_big_read_takes_nothing_either);
  RUN_IN_BOTH(exactly_the_limit_is_fine);
  RUN_IN_BOTH(a_dropped_branch_keeps_nothing_and_the_other_goes_on);
  RUN_IN_BOTH(the_source_goes_with_the_last_branch);
  RUN_IN_BOTH(abort_read_ends_one_branch);
  RUN_IN_BOTH(an_error_of_the_source_reaches_both_after_what_came_before);
  RUN_IN_BOTH(each_branch_knows_its_own_length);
  RUN_IN_BOTH(a_cancelled_read_on_one_branch_leaves_the_other_reading);
  RUN_IN_BOTH(two_pumps_go_in_lockstep);
  RUN_IN_BOTH(a_pump_sets_the_pace_of_the_other_branch);
  RUN_IN_BOTH(a_pump_that_is_stuck_lets_go_when_its_branch_is_closed);
  RUN_IN_BOTH(a_tee_of_a_tee);
  RUN_IN_BOTH(a_tee_of_a_socket);
  RUN_IN_BOTH(a_branch_only_reads);
  RUN(two_threads_read_a_branch_each);
  RUN(branches_closed_by_other_threads_leave_nothing);
  RUN_IN_BOTH(a_tee_works_inside_a_callback);
  RUN_IN_BOTH(a_shutdown_ends_a_tee_at_work);
  RUN_IN_BOTH(a_missing_pointer_makes_no_tee);
  RUN_IN_BOTH(by_default_a_megabyte_is_kept);
  return check_done();
}
