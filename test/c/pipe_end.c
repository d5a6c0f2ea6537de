/* How operations on pipes in this process end: cancelled, closed, shut down, from other threads and inside callbacks. */
#include "gate.h"
#include "stream.h"

/* parity: STRM-01 */
static void a_cancelled_read_loses_nothing(void) {
  kja_runtime_t runtime = runtime_open();
  ends_t ends = pipe_open(runtime);
  for (size_t i = 0, n = scaled(200); i < n; i++) {
    kja_promise_t reading = read_start(ends.reader, 1, 8);
    CHECK_OK(kja_promise_cancel(reading));
    expect_already(reading, KJA_ERR_CANCELED);
    kja_promise_t writing = write_text_start(ends.writer, "kept");
    stays_pending(runtime, writing);
    expect_text(read_start(ends.reader, 4, 8), "kept");
    expect(writing, KJA_OK);
  }
  ends_release(ends);
  runtime_close(runtime);
}

/* parity: STRM-01 */
static void what_a_cancelled_read_was_handed_is_there_for_the_next(void) {
  kja_runtime_t runtime = runtime_open();
  ends_t ends = pipe_open(runtime);
  hold_t hold;
  kja_executor_t executor = 0;
  kja_promise_t holding = 0, reading = read_start(ends.reader, 1, 8);
  /* The loop must not look at the read between the write and the cancel. */
  hold_init(&hold);
  if (test_mode == KJA_RUNTIME_THREAD) {
    CHECK_OK(kja_runtime_executor(runtime, &executor));
    CHECK_OK(kja_executor_execute_start(executor, hold_callback, &hold, NULL, &holding));
    gate_pass(&hold.begun);
  }
  write_text(ends.writer, "handed");
  CHECK_IS(kja_promise_status(reading), KJA_ERR_PENDING);
  CHECK_OK(kja_promise_cancel(reading));
  expect_already(reading, KJA_ERR_CANCELED);
  kja_promise_t next = read_start(ends.reader, 1, 3);
  if (test_mode == KJA_RUNTIME_THREAD) {
    gate_open(&hold.end);
    expect(holding, KJA_OK);
    CHECK_OK(kja_executor_release(executor));
  }
  expect_text(next, "han");
  kja_promise_t writing = write_text_start(ends.writer, "!");
  expect_text(read_start(ends.reader, 4, 8), "ded!");
  expect(writing, KJA_OK);
  hold_destroy(&hold);
  ends_release(ends);
  runtime_close(runtime);
}

/* parity: STRM-10 */
static void a_cancelled_write_stops(void) {
  kja_runtime_t runtime = runtime_open();
  ends_t ends = pipe_open(runtime);
  count_t freed = {0};
  kja_promise_t writing = 0, queued = write_text_start(ends.writer, "aa"), last;
  CHECK_OK(kja_connection_write_borrowed_start(ends.writer, "0123456789", 10, &freed, count_destroy, &writing));
  last = write_text_start(ends.writer, "XY");
  CHECK_OK(kja_promise_cancel(queued));
  expect_already(queued, KJA_ERR_CANCELED);
  expect_text(read_start(ends.reader, 4, 4), "0123");
  CHECK_OK(kja_promise_cancel(writing));
  CHECK_U64(count_get(&freed), 1);
  expect_already(writing, KJA_ERR_CANCELED);
  expect_text(read_start(ends.reader, 2, 100), "XY");
  expect(last, KJA_OK);
  ends_release(ends);
  runtime_close(runtime);
}

/* parity: STRM-21 */
static void close_ends_what_is_pending_here_and_the_other_end_learns_of_it(void) {
  kja_runtime_t runtime = runtime_open();
  pair_t pair = two_way_open(runtime);
  kja_promise_t reading = read_start(pair.client, 1, 8), watching = disconnected_start(pair.client);
  kja_promise_t writing = write_text_start(pair.client, "one"), queued = write_text_start(pair.client, "two");
  kja_promise_t other = write_text_start(pair.server, "");
  expect(other, KJA_OK);
  kja_promise_t other_watching = disconnected_start(pair.server);
  CHECK_OK(kja_connection_close(pair.client));
  CHECK_OK(kja_connection_close(pair.client));
  expect(reading, KJA_ERR_CANCELED);
  expect(watching, KJA_ERR_CANCELED);
  expect(writing, KJA_ERR_CANCELED);
  expect(queued, KJA_ERR_CANCELED);
  expect(read_start(pair.client, 1, 8), KJA_ERR_CANCELED);
  expect(write_text_start(pair.client, "x"), KJA_ERR_CANCELED);
  expect(other_watching, KJA_OK);
  expect(write_text_start(pair.server, "x"), KJA_ERR_DISCONNECTED);
  expect_end(pair.server);
  pair_release(pair);
  runtime_close(runtime);
}

static void a_pending_read_keeps_its_end(void) {
  kja_runtime_t runtime = runtime_open();
  ends_t ends = pipe_open(runtime);
  kja_promise_t reading = read_start(ends.reader, 5, 5);
  CHECK_OK(kja_connection_release(ends.reader));
  write_text(ends.writer, "still");
  expect_text(reading, "still");
  expect(write_text_start(ends.writer, "gone"), KJA_ERR_DISCONNECTED);
  CHECK_OK(kja_connection_release(ends.writer));
  runtime_close(runtime);
}

/* What is started inside a callback, to be looked at outside. */
typedef struct inside_t {
  pair_t pair;
  kja_promise_t reading, writing, reply, watching;
} inside_t;

static void write_the_reply(void *ctx, kja_call_t call) {
  kja_bytes_t bytes = 0;
  kja_promise_t writing = 0;
  CHECK_OK(kja_call_bytes(call, &bytes));
  CHECK_OK(kja_connection_write_bytes_start(((inside_t *)ctx)->pair.server, bytes, &writing));
  CHECK_OK(kja_call_return_promise(call, writing));
  CHECK_OK(kja_bytes_release(bytes));
}
static void start_all_inside(void *ctx, kja_call_t call) {
  inside_t *inside = (inside_t *)ctx;
  (void)call;
  kja_promise_t asked = read_start(inside->pair.server, 4, 4);
  CHECK_OK(kja_promise_then(asked, write_the_reply, inside, NULL, &inside->reply));
  CHECK_OK(kja_promise_release(asked));
  inside->writing = write_text_start(inside->pair.client, "ping");
  inside->reading = read_start(inside->pair.client, 4, 4);
  inside->watching = disconnected_start(inside->pair.client);
}
static void end_all_inside(void *ctx, kja_call_t call) {
  inside_t *inside = (inside_t *)ctx;
  (void)call;
  inside->reading = read_start(inside->pair.client, 1, 4);
  inside->writing = write_text_start(inside->pair.client, "unread");
  CHECK_OK(kja_connection_release(inside->pair.server));
}

static void everything_works_inside_a_callback(void) {
  kja_runtime_t runtime = runtime_open();
  inside_t inside;
  memset(&inside, 0, sizeof inside);
  inside.pair = two_way_open(runtime);
  run_on_loop(runtime, start_all_inside, &inside);
  expect(inside.writing, KJA_OK);
  expect_text(inside.reading, "ping");
  expect(inside.reply, KJA_OK);
  stays_pending(runtime, inside.watching);
  run_on_loop(runtime, end_all_inside, &inside);
  expect_text(inside.reading, "");
  expect(inside.writing, KJA_ERR_DISCONNECTED);
  expect(inside.watching, KJA_OK);
  CHECK_OK(kja_connection_release(inside.pair.client));
  runtime_close(runtime);
}

static void *write_much(void *arg) {
  kja_connection_t writer = *(kja_connection_t *)arg;
  size_t size = scaled(1 << 20);
  char *data = pattern_new(size);
  for (size_t at = 0, step = 1; at < size; at += step, step = step * 7 % 9973 + 1) {
    if (step > size - at) step = size - at;
    expect(write_start(writer, data + at, step), KJA_OK);
  }
  free(data);
  CHECK_OK(kja_connection_release(writer));
  return NULL;
}

static void two_threads_and_the_loop_share_a_pipe(void) {
  kja_runtime_t runtime = runtime_open();
  ends_t ends = pipe_open(runtime);
  pthread_t thread;
  pthread_create(&thread, NULL, write_much, &ends.writer);
  expect_pattern(ends.reader, 0, scaled(1 << 20), 5000);
  expect_end(ends.reader);
  pthread_join(thread, NULL);
  CHECK_OK(kja_connection_release(ends.reader));
  runtime_close(runtime);
}

static void *release_the_reader(void *arg) {
  CHECK_OK(kja_connection_release(*(kja_connection_t *)arg));
  return NULL;
}

/* Whichever comes first, nobody is left waiting. */
static void an_end_dropped_by_another_thread_leaves_nobody_waiting(void) {
  kja_runtime_t runtime = runtime_open();
  for (size_t i = 0, n = scaled(500); i < n; i++) {
    pair_t pair = two_way_open(runtime);
    pthread_t thread;
    pthread_create(&thread, NULL, release_the_reader, &pair.server);
    kja_promise_t reading = read_start(pair.client, 1, 8), writing = write_text_start(pair.client, "x");
    kja_promise_t watching = disconnected_start(pair.client);
    expect_text(reading, "");
    expect(writing, KJA_ERR_DISCONNECTED);
    expect(watching, KJA_OK);
    pthread_join(thread, NULL);
    CHECK_OK(kja_connection_release(pair.client));
  }
  runtime_close(runtime);
}

/* parity: LOOP-06 */
static void a_shutdown_ends_all_that_is_pending(void) {
  kja_runtime_t runtime = runtime_open();
  ends_t ends = pipe_open(runtime), others = pipe_of_length(runtime, 100);
  pair_t pair = two_way_open(runtime);
  count_t freed = {0};
  char buffer[8];
  kja_promise_t promise = 0;
  read_start(pair.client, 1, 8);
  write_text_start(pair.client, "x");
  write_text_start(pair.client, "y");
  shutdown_start(pair.client);
  disconnected_start(pair.server);
  CHECK_OK(kja_connection_read_into_start(ends.reader, buffer, 1, 8, &freed, count_destroy, &promise));
  CHECK_OK(kja_connection_write_borrowed_start(others.writer, "lent", 4, &freed, count_destroy, &promise));
  disconnected_start(ends.writer);
  pump_start(pair.server, ends.writer, UINT64_MAX);
  CHECK_OK(kja_runtime_shutdown(runtime));
  CHECK_U64(count_get(&freed), 2);
  CHECK_IS(kja_connection_release(ends.reader), KJA_ERR_BAD_HANDLE);
  CHECK_IS(kja_pipe_new_one_way(runtime, 1, &ends.reader, &ends.writer), KJA_ERR_SHUTDOWN);
  CHECK_U64(ends.reader, 0);
  CHECK_OK(kja_runtime_release(runtime));
}

int main(void) {
  RUN_IN_BOTH(a_cancelled_read_loses_nothing);
  RUN_IN_BOTH(what_a_cancelled_read_was_handed_is_there_for_the_next);
  RUN_IN_BOTH(a_cancelled_write_stops);
  RUN_IN_BOTH(close_ends_what_is_pending_here_and_the_other_end_learns_of_it);
  RUN_IN_BOTH(a_pending_read_keeps_its_end);
  RUN_IN_BOTH(everything_works_inside_a_callback);
  RUN(two_threads_and_the_loop_share_a_pipe);
  RUN(an_end_dropped_by_another_thread_leaves_nobody_waiting);
  RUN_IN_BOTH(a_shutdown_ends_all_that_is_pending);
  return check_done();
}
