/* Reads that follow one another with a callback for each, and writes that make no promise. */
#include "stream.h"

enum { ROOM = 64 * 1024 };

/* What came, in order, and what the callback is to return from its n-th run on. */
typedef struct reader_t {
  char text[200];
  count_t runs, destroyed;
  uint64_t last;          /* the run that returns what is set below; 0 for none */
  kja_promise_t promise;  /* it returns this promise, */
  uint64_t value;         /* or this number, */
  kja_status_t error;     /* or fails */
  kja_promise_t own, after;
  kja_connection_t connection;
  char buffer[ROOM];
} reader_t;

static reader_t *reader_new(void) {
  return (reader_t *)calloc(1, sizeof(reader_t));
}
static void reader_add(reader_t *reader, const char *data, size_t size) {
  size_t length = strlen(reader->text);
  if (size > sizeof reader->text - 1 - length) size = sizeof reader->text - 1 - length;
  memcpy(reader->text + length, data, size);
}
static void reader_return(reader_t *reader, kja_call_t call) {
  if (count_add(&reader->runs, 1) != reader->last) return;
  if (reader->promise) CHECK_OK(kja_call_return_promise(call, reader->promise));
  else if (reader->error) CHECK_OK(kja_call_return_error(call, reader->error, 0, "enough", 6));
  else CHECK_OK(kja_call_return_u64(call, reader->value));
}
static void on_bytes(void *ctx, kja_call_t call) {
  reader_t *reader = (reader_t *)ctx;
  kja_bytes_t bytes = 0;
  const void *data = NULL;
  size_t size = 0;
  CHECK_OK(kja_call_bytes(call, &bytes));
  CHECK_OK(kja_bytes_data(bytes, &data, &size));
  CHECK(size > 0);
  reader_add(reader, (const char *)data, size);
  CHECK_OK(kja_bytes_release(bytes));
  reader_return(reader, call);
}
static void on_read(void *ctx, kja_call_t call) {
  reader_t *reader = (reader_t *)ctx;
  uint64_t size = 0;
  CHECK_OK(kja_call_u64(call, &size));
  reader_add(reader, reader->buffer, (size_t)size);
  reader_return(reader, call);
}
static void reader_destroy(void *ctx) {
  count_add(&((reader_t *)ctx)->destroyed, 1);
}
static kja_promise_t each_start(kja_connection_t connection, size_t min, size_t max, reader_t *reader) {
  kja_promise_t reading = 0;
  CHECK_OK(kja_connection_read_each_start(connection, min, max, on_bytes, reader, reader_destroy, &reading));
  return reading;
}
static kja_promise_t each_into_start(kja_connection_t connection, size_t min, size_t max, reader_t *reader) {
  kja_promise_t reading = 0;
  CHECK_OK(kja_connection_read_each_into_start(connection, reader->buffer, min, max, on_read, reader, reader_destroy, &reading));
  return reading;
}
static void says(const reader_t *reader, const char *text) {
  if (!CHECK(strcmp(reader->text, text) == 0)) fprintf(stderr, "    \"%s\", not \"%s\"\n", reader->text, text);
}
static void reader_free(reader_t *reader) {
  CHECK_U64(count_get(&reader->destroyed), 1);
  free(reader);
}

/* parity: STRM-01 */
static void each_read_has_its_callback_until_the_end(void) {
  kja_runtime_t runtime = runtime_open();
  pair_t pair = pair_open(runtime);
  reader_t *reader = reader_new(), *into = reader_new();
  kja_promise_t reading = each_start(pair.server, 1, 4, reader), other = each_into_start(pair.client, 2, 4, into);
  write_text(pair.client, "abcdef");
  let_loop_rest(runtime);
  write_text(pair.client, "gh");
  shutdown_write(pair.client);
  expect(reading, KJA_OK);
  says(reader, "abcdefgh");
  CHECK(count_get(&reader->runs) >= 3);
  write_text(pair.server, "1");
  stays_pending(runtime, other);
  CHECK_U64(count_get(&into->runs), 0);
  write_text(pair.server, "23");
  write_text(pair.server, "4567");
  let_loop_rest(runtime);
  write_text(pair.server, "8");
  shutdown_write(pair.server);
  /* Fewer than the least number at the end only. */
  expect(other, KJA_OK);
  says(into, "12345678");
  expect_end(pair.server);
  pair_release(pair);
  runtime_close(runtime);
  reader_free(reader);
  reader_free(into);
}

static void a_value_ends_it_and_the_connection_stays(void) {
  kja_runtime_t runtime = runtime_open();
  pair_t pair = pair_open(runtime);
  reader_t *reader = reader_new();
  reader->last = 2;
  reader->value = 7;
  kja_promise_t reading = each_start(pair.server, 3, 3, reader);
  write_text(pair.client, "onetworest");
  expect_u64(reading, 7);
  says(reader, "onetwo");
  expect_text(read_start(pair.server, 4, 9), "rest");
  pair_release(pair);
  runtime_close(runtime);
  reader_free(reader);
}

static void an_error_of_the_callback_ends_it(void) {
  kja_runtime_t runtime = runtime_open();
  pair_t pair = pair_open(runtime);
  reader_t *reader = reader_new();
  reader->last = 1;
  reader->error = KJA_ERR_OVERLOADED;
  kja_promise_t reading = each_into_start(pair.server, 1, 3, reader);
  write_text(pair.client, "onetwo");
  expect_error(reading, KJA_ERR_OVERLOADED, "enough");
  says(reader, "one");
  CHECK_U64(count_get(&reader->destroyed), 1);
  expect_text(read_start(pair.server, 3, 3), "two");
  pair_release(pair);
  runtime_close(runtime);
  reader_free(reader);
}

/* The buffer stays as it is, and the sender waits, until the promise that the callback returned is fulfilled. */
static void a_promise_of_the_callback_comes_before_the_next_read(void) {
  kja_runtime_t runtime = runtime_open();
  pair_t pair = pair_open(runtime);
  reader_t *reader = reader_new();
  kja_fulfiller_t fulfiller = 0;
  CHECK_OK(kja_fulfiller_new(runtime, &fulfiller, &reader->promise));
  reader->last = 1;
  kja_promise_t reading = each_into_start(pair.server, 1, ROOM, reader);
  write_text(pair.client, "first");
  let_loop_rest(runtime);
  write_text(pair.client, "second");
  stays_pending(runtime, reading);
  CHECK_U64(count_get(&reader->runs), 1);
  CHECK(memcmp(reader->buffer, "first", 5) == 0);
  CHECK_OK(kja_fulfiller_unit(fulfiller));
  CHECK_OK(kja_fulfiller_release(fulfiller));
  let_loop_rest(runtime);
  let_loop_rest(runtime);
  says(reader, "firstsecond");
  CHECK_OK(kja_connection_close(pair.client));
  expect(reading, KJA_OK);
  pair_release(pair);
  runtime_close(runtime);
  reader_free(reader);
}

static void destroy_after_run(void *ctx) {
  CHECK_U64(count_get(&((reader_t *)ctx)->runs), 2);
  reader_destroy(ctx);
}
/* What the callback left is gone before its context is. */
static void a_cancel_ends_what_the_callback_returned_first(void) {
  kja_runtime_t runtime = runtime_open();
  pair_t pair = pair_open(runtime);
  reader_t *reader = reader_new();
  reader->last = 1;
  reader->promise = pending_until_gone(runtime, &reader->runs);
  kja_promise_t reading = 0;
  CHECK_OK(kja_connection_read_each_start(pair.server, 1, 9, on_bytes, reader, destroy_after_run, &reading));
  write_text(pair.client, "x");
  let_loop_rest(runtime);
  CHECK_U64(count_get(&reader->destroyed), 0);
  CHECK_OK(kja_promise_cancel(reading));
  CHECK_U64(count_get(&reader->destroyed), 1);
  expect_already(reading, KJA_ERR_CANCELED);
  write_text(pair.client, "stays");
  expect_text(read_start(pair.server, 5, 9), "stays");
  pair_release(pair);
  runtime_close(runtime);
  free(reader);
}

static void other_reads_are_busy_meanwhile(void) {
  kja_runtime_t runtime = runtime_open();
  pair_t pair = pair_open(runtime);
  reader_t *reader = reader_new(), *refused = reader_new(), *roomless = reader_new();
  kja_promise_t reading = each_start(pair.server, 1, 9, reader), none = 1;
  CHECK_IS(kja_connection_read_start(pair.server, 1, 9, &none), KJA_ERR_BUSY);
  CHECK_IS(kja_connection_read_each_start(pair.server, 1, 9, on_bytes, refused, reader_destroy, &none), KJA_ERR_BUSY);
  CHECK_U64(none, 0);
  CHECK_IS(kja_connection_read_each_into_start(pair.client, roomless->buffer, 1, 0, on_read, roomless, reader_destroy, &none),
           KJA_ERR_INVALID_ARGUMENT);
  CHECK_IS(kja_connection_read_each_start(pair.client, 1, 9, NULL, NULL, NULL, &none), KJA_ERR_INVALID_ARGUMENT);
  CHECK_OK(kja_promise_release(reading));
  write_text(pair.client, "free");
  expect_text(read_start(pair.server, 4, 9), "free");
  pair_release(pair);
  runtime_close(runtime);
  reader_free(reader);
  reader_free(refused);
  reader_free(roomless);
}

static void a_cut_and_a_closed_connection_end_it(void) {
  kja_runtime_t runtime = runtime_open();
  kja_listener_t listener = listen_on_loopback(runtime);
  kja_promise_t accepting = accept_start(listener);
  int fd = plain_connect(port_of(listener));
  kja_connection_t connection = handle_from(accepting);
  reader_t *cut = reader_new(), *closed = reader_new();
  kja_promise_t reading = each_start(connection, 1, 9, cut);
  plain_reset(fd);
  expect(reading, KJA_ERR_DISCONNECTED);
  CHECK_OK(kja_connection_release(connection));
  pair_t pair = pair_open(runtime);
  reading = each_start(pair.server, 1, 9, closed);
  CHECK_OK(kja_connection_close(pair.server));
  expect(reading, KJA_ERR_CANCELED);
  pair_release(pair);
  CHECK_OK(kja_listener_release(listener));
  runtime_close(runtime);
  reader_free(cut);
  reader_free(closed);
}

static void cancel_own(void *ctx, kja_call_t call) {
  reader_t *reader = (reader_t *)ctx;
  (void)call;
  count_add(&reader->runs, 1);
  CHECK_OK(kja_promise_cancel(reader->own));
}
/* Not even the read that would have come next. */
static void a_cancel_from_its_own_callback_ends_it_when_that_returns(void) {
  kja_runtime_t runtime = runtime_open();
  pair_t pair = pair_open(runtime);
  reader_t *reader = reader_new();
  CHECK_OK(kja_connection_read_each_start(pair.server, 3, 3, cancel_own, reader, reader_destroy, &reader->own));
  write_text(pair.client, "onetwo");
  expect(reader->own, KJA_ERR_CANCELED);
  CHECK_U64(count_get(&reader->runs), 1);
  expect_text(read_start(pair.server, 3, 9), "two");
  pair_release(pair);
  runtime_close(runtime);
  reader_free(reader);
}

static void return_own(void *ctx, kja_call_t call) {
  reader_t *reader = (reader_t *)ctx;
  CHECK_OK(kja_call_return_promise(call, reader->own));
}
/* It would wait for itself for ever. */
static void its_own_promise_as_a_result_is_an_error(void) {
  kja_runtime_t runtime = runtime_open();
  pair_t pair = pair_open(runtime);
  reader_t *reader = reader_new();
  CHECK_OK(kja_connection_read_each_start(pair.server, 1, 3, return_own, reader, reader_destroy, &reader->own));
  CHECK_OK(kja_promise_then(reader->own, must_not_run, NULL, NULL, &reader->after));
  write_text(pair.client, "x");
  expect(reader->after, KJA_ERR_FAILED);
  pair_release(pair);
  runtime_close(runtime);
  reader_free(reader);
}

static void never_slow(void *ctx, uint64_t nanos) {
  (void)ctx;
  (void)nanos;
}
static void release_own(void *ctx) {
  reader_t *reader = (reader_t *)ctx;
  CHECK_OK(kja_promise_release(reader->own));
  count_add(&reader->destroyed, 1);
}

/* What a destructor sets off is no part of what it is itself waited for by: the runtime is held by nothing afterwards. */
static void its_destructor_may_release_the_promise_that_ends(void) {
  count_t runtime_gone = {0};
  kja_runtime_options_t options;
  kja_runtime_t runtime = 0;
  memset(&options, 0, sizeof options);
  options.size = sizeof options;
  options.mode = test_mode;
  options.slow_turn_nanos = UINT64_MAX;
  options.on_slow_turn = never_slow;
  options.ctx = &runtime_gone;
  options.destroy = count_destroy;
  CHECK_OK(kja_runtime_new(&options, &runtime));
  kja_connection_t one = 0, other = 0;
  reader_t *reader = reader_new();
  CHECK_OK(kja_pipe_new_two_way(runtime, &one, &other));
  CHECK_OK(kja_connection_read_each_start(one, 1, ROOM, on_bytes, reader, release_own, &reader->own));
  CHECK_OK(kja_connection_close(other));
  let_loop_catch_up(runtime);
  CHECK_U64(count_get(&reader->destroyed), 1);
  CHECK_OK(kja_connection_release(one));
  CHECK_OK(kja_connection_release(other));
  runtime_close(runtime);
  CHECK_U64(count_get(&runtime_gone), 1);
  free(reader);
}

static void a_stream_that_never_waits_lets_others_have_their_turn(void) {
  kja_runtime_t runtime = runtime_open();
  kja_promise_t timer = sleep_start(runtime, MILLISECOND), reading = 0;
  kja_connection_t from = 0;
  count_t runs = {0};
  char buffer[16];
  int fd = file_new();
  CHECK(ftruncate(fd, (off_t)1 << 40) == 0);
  CHECK_OK(kja_connection_from_file(runtime, fd, KJA_FD_BORROW, 0, &from));
  CHECK_OK(kja_connection_read_each_into_start(from, buffer, 1, sizeof buffer, count_run, &runs, NULL, &reading));
  expect(timer, KJA_OK);
  let_loop_catch_up(runtime);
  CHECK(count_get(&runs) > 0);
  CHECK_IS(kja_promise_status(reading), KJA_ERR_PENDING);
  CHECK_OK(kja_promise_release(reading));
  CHECK_OK(kja_connection_release(from));
  CHECK(close(fd) == 0);
  runtime_close(runtime);
}

static void a_shutdown_ends_it(void) {
  kja_runtime_t runtime = runtime_open();
  pair_t pair = pair_open(runtime);
  reader_t *idle = reader_new(), *waiting = reader_new();
  waiting->last = 1;
  waiting->promise = pending_until_gone(runtime, &waiting->runs);
  each_start(pair.client, 1, 9, idle);
  each_start(pair.server, 1, 9, waiting);
  write_text(pair.client, "x");
  let_loop_rest(runtime);
  runtime_close(runtime);
  CHECK_U64(count_get(&waiting->runs), 2);
  reader_free(idle);
  reader_free(waiting);
}

static size_t write_now(kja_connection_t connection, const void *data, size_t size) {
  size_t written = 99;
  CHECK_OK(kja_connection_write_now(connection, data, size, &written));
  return written;
}

/* parity: STRM-10 */
static void a_write_now_takes_what_there_is_room_for(void) {
  kja_runtime_t runtime = runtime_open();
  pair_t pair = pair_open(runtime);
  size_t size = 32 << 20;
  char *data = pattern_new(size);
  CHECK_U64(write_now(pair.client, NULL, 0), 0);
  CHECK_U64(write_now(pair.client, data, 100), 100);
  size_t written = 100 + write_now(pair.client, data + 100, size - 100);
  CHECK(written > 100 && written < size);
  CHECK_U64(write_now(pair.client, data, 1), 0);
  /* The rest goes after it, and nothing in between while it waits. */
  kja_promise_t rest = write_start(pair.client, data + written, size - written);
  CHECK_U64(write_now(pair.client, "lost", 4), 0);
  expect_pattern(pair.server, 0, size, size);
  expect(rest, KJA_OK);
  CHECK_U64(write_now(pair.client, "next", 4), 4);
  expect_text(read_start(pair.server, 4, 9), "next");
  free(data);
  pair_release(pair);
  runtime_close(runtime);
}

static void a_write_now_to_a_pipe_takes_what_its_reader_asks_for(void) {
  kja_runtime_t runtime = runtime_open();
  ends_t pipe = pipe_open(runtime);
  CHECK_U64(write_now(pipe.writer, "nobody", 6), 0);
  kja_promise_t reading = read_start(pipe.reader, 3, 3);
  CHECK_U64(write_now(pipe.writer, "three", 5), 3);
  expect_text(reading, "thr");
  ends_release(pipe);
  runtime_close(runtime);
}

static void a_write_now_that_can_never_succeed_fails(void) {
  kja_runtime_t runtime = runtime_open();
  pair_t pair = pair_open(runtime);
  size_t written = 99;
  shutdown_write(pair.client);
  CHECK_IS(kja_connection_write_now(pair.client, "x", 1, &written), KJA_ERR_FAILED);
  CHECK_U64(written, 0);
  abort_write(pair.server, KJA_ERR_OVERLOADED, "aborted");
  CHECK_IS(kja_connection_write_now(pair.server, "x", 1, &written), KJA_ERR_OVERLOADED);
  CHECK_OK(kja_connection_close(pair.client));
  CHECK_IS(kja_connection_write_now(pair.client, "x", 1, &written), KJA_ERR_FAILED);
  pair_release(pair);
  pair = pair_open(runtime);
  CHECK_OK(kja_connection_close(pair.client));
  CHECK_IS(kja_connection_write_now(pair.client, "x", 1, &written), KJA_ERR_CANCELED);
  CHECK_IS(kja_connection_write_now(pair.server, NULL, 1, &written), KJA_ERR_INVALID_ARGUMENT);
  CHECK_IS(kja_connection_write_now(pair.server, "x", 1, NULL), KJA_ERR_INVALID_ARGUMENT);
  pair_release(pair);
  runtime_close(runtime);
}

int main(void) {
  RUN_IN_BOTH(each_read_has_its_callback_until_the_end);
  RUN_IN_BOTH(a_value_ends_it_and_the_connection_stays);
  RUN_IN_BOTH(an_error_of_the_callback_ends_it);
  RUN_IN_BOTH(a_promise_of_the_callback_comes_before_the_next_read);
  RUN_IN_BOTH(a_cancel_ends_what_the_callback_returned_first);
  RUN_IN_BOTH(other_reads_are_busy_meanwhile);
  RUN_IN_BOTH(a_cut_and_a_closed_connection_end_it);
  RUN_IN_BOTH(a_cancel_from_its_own_callback_ends_it_when_that_returns);
  RUN_IN_BOTH(its_own_promise_as_a_result_is_an_error);
  RUN_IN_BOTH(its_destructor_may_release_the_promise_that_ends);
  RUN_IN_BOTH(a_stream_that_never_waits_lets_others_have_their_turn);
  RUN_IN_BOTH(a_shutdown_ends_it);
  RUN_IN_BOTH(a_write_now_takes_what_there_is_room_for);
  RUN_IN_BOTH(a_write_now_to_a_pipe_takes_what_its_reader_asks_for);
  RUN_IN_BOTH(a_write_now_that_can_never_succeed_fails);
  return check_done();
}
