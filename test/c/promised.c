/* Connections that are still to come. */
#include "gate.h"
#include "stream.h"

/* A promised connection, what settles it, and the two ends of what it will be. */
typedef struct promised_t {
  kja_fulfiller_t fulfiller;
  kja_promise_t promise;
  kja_connection_t connection;
  pair_t pair;
} promised_t;

static promised_t promised_open(kja_runtime_t runtime) {
  promised_t promised;
  memset(&promised, 0, sizeof promised);
  CHECK_OK(kja_fulfiller_new(runtime, &promised.fulfiller, &promised.promise));
  CHECK_OK(kja_connection_new_promised(promised.promise, &promised.connection));
  promised.pair = two_way_open(runtime);
  return promised;
}
/* It is there now; nobody else holds it. */
static void come(promised_t *promised) {
  CHECK_OK(kja_fulfiller_handle(promised->fulfiller, promised->pair.client));
  CHECK_OK(kja_fulfiller_release(promised->fulfiller));
  CHECK_OK(kja_connection_release(promised->pair.client));
  CHECK_OK(kja_promise_release(promised->promise));
}
static void fail(promised_t *promised, kja_status_t kind, const char *text) {
  CHECK_OK(kja_fulfiller_error(promised->fulfiller, kind, 0, text, strlen(text)));
  CHECK_OK(kja_fulfiller_release(promised->fulfiller));
  CHECK_OK(kja_connection_release(promised->pair.client));
  CHECK_OK(kja_promise_release(promised->promise));
}
static void promised_release(promised_t promised) {
  CHECK_OK(kja_connection_release(promised.connection));
  CHECK_OK(kja_connection_release(promised.pair.server));
}

/* parity: STRM-27 */
static void operations_wait_for_the_connection(void) {
  kja_runtime_t runtime = runtime_open();
  promised_t promised = promised_open(runtime);
  kja_promise_t reading = read_start(promised.connection, 2, 8), watching = disconnected_start(promised.connection);
  kja_promise_t one = write_text_start(promised.connection, "one "), two = write_text_start(promised.connection, "two");
  kja_promise_t second = 1;
  CHECK_IS(kja_connection_read_start(promised.connection, 1, 8, &second), KJA_ERR_BUSY);
  expect_no_length(promised.connection);
  stays_pending(runtime, reading);
  stays_pending(runtime, one);
  come(&promised);
  kja_promise_t writing = write_text_start(promised.pair.server, "answer");
  expect_text(read_start(promised.pair.server, 7, 7), "one two");
  expect(one, KJA_OK);
  expect(two, KJA_OK);
  expect_text(reading, "answer");
  expect(writing, KJA_OK);
  stays_pending(runtime, watching);
  CHECK_OK(kja_connection_release(promised.pair.server));
  expect(watching, KJA_OK);
  CHECK_OK(kja_connection_release(promised.connection));
  runtime_close(runtime);
}

/* parity: STRM-27 */
static void a_connection_that_is_there_is_passed_through_to(void) {
  kja_runtime_t runtime = runtime_open();
  promised_t promised = promised_open(runtime);
  come(&promised);
  kja_promise_t writing = write_text_start(promised.connection, "there");
  expect_text(read_start(promised.pair.server, 5, 5), "there");
  expect(writing, KJA_OK);
  kja_promise_t reading = read_start(promised.connection, 1, 8);
  stays_pending(runtime, reading);
  write_text(promised.pair.server, "back");
  expect_text(reading, "back");
  shutdown_write(promised.connection);
  expect_end(promised.pair.server);
  shutdown_write(promised.pair.server);
  expect_end(promised.connection);
  promised_release(promised);
  runtime_close(runtime);
}

/* parity: STRM-04, STRM-27 */
static void the_length_is_known_once_it_has_come(void) {
  kja_runtime_t runtime = runtime_open();
  ends_t ends = pipe_of_length(runtime, 7);
  kja_promise_t promise = 0;
  kja_connection_t connection = 0;
  CHECK_OK(kja_promise_new_handle(runtime, ends.reader, &promise));
  CHECK_OK(kja_connection_new_promised(promise, &connection));
  CHECK_OK(kja_promise_release(promise));
  expect_length(connection, 7);
  kja_promise_t writing = write_text_start(ends.writer, "1234567");
  expect_text(read_start(connection, 3, 3), "123");
  expect_length(connection, 4);
  expect_text(read_all_start(connection, 4), "4567");
  expect(writing, KJA_OK);
  CHECK_OK(kja_connection_release(connection));
  ends_release(ends);
  runtime_close(runtime);
}

/* parity: STRM-15, STRM-27 */
static void ending_the_writing_is_done_when_it_comes(void) {
  kja_runtime_t runtime = runtime_open();
  promised_t promised = promised_open(runtime);
  kja_promise_t reading = read_start(promised.pair.server, 1, 8);
  kja_promise_t ending = shutdown_start(promised.connection);
  stays_pending(runtime, reading);
  come(&promised);
  /* Nothing else is asked of it. */
  expect_text(reading, "");
  expect(ending, KJA_OK);
  expect(write_text_start(promised.connection, "x"), KJA_ERR_FAILED);
  promised_release(promised);
  runtime_close(runtime);
}

/* parity: STRM-15, STRM-27 */
static void the_writing_ends_after_what_was_written_before(void) {
  kja_runtime_t runtime = runtime_open();
  promised_t promised = promised_open(runtime);
  kja_promise_t writing = write_text_start(promised.connection, "last"), ending = shutdown_start(promised.connection);
  kja_promise_t late = write_text_start(promised.connection, "late");
  come(&promised);
  expect_text(read_all_start(promised.pair.server, 100), "last");
  expect(writing, KJA_OK);
  expect(ending, KJA_OK);
  expect(late, KJA_ERR_FAILED);
  promised_release(promised);
  runtime_close(runtime);
}

/* parity: STRM-27 */
static void a_write_after_the_end_fails_also_if_that_comes_first(void) {
  kja_runtime_t runtime = runtime_open();
  for (size_t i = 0, n = scaled(200); i < n; i++) {
    promised_t promised = promised_open(runtime);
    kja_promise_t ending = shutdown_start(promised.connection);
    if (i % 2) come(&promised);
    kja_promise_t late = write_text_start(promised.connection, "late");
    if (!(i % 2)) come(&promised);
    expect(ending, KJA_OK);
    expect(late, KJA_ERR_FAILED);
    expect_text(read_all_start(promised.pair.server, 100), "");
    promised_release(promised);
  }
  runtime_close(runtime);
}

/* parity: STRM-16, STRM-27 */
static void aborting_the_reading_is_seen_here_at_once_and_there_when_it_comes(void) {
  kja_runtime_t runtime = runtime_open();
  promised_t promised = promised_open(runtime);
  kja_promise_t reading = read_start(promised.connection, 1, 8), writing = write_text_start(promised.pair.server, "x");
  CHECK_OK(kja_connection_abort_read(promised.connection));
  expect_text(reading, "");
  expect_end(promised.connection);
  stays_pending(runtime, writing);
  come(&promised);
  expect(writing, KJA_ERR_DISCONNECTED);
  expect_end(promised.connection);
  promised_release(promised);
  runtime_close(runtime);
}

/* parity: STRM-14, STRM-27 */
static void aborting_the_writing_is_seen_here_at_once_and_there_when_it_comes(void) {
  kja_runtime_t runtime = runtime_open();
  promised_t promised = promised_open(runtime);
  kja_promise_t reading = read_start(promised.pair.server, 1, 8), writing = write_text_start(promised.connection, "x");
  stays_pending(runtime, writing);
  abort_write(promised.connection, KJA_ERR_OVERLOADED, "given up");
  expect_error(writing, KJA_ERR_OVERLOADED, "given up");
  expect_error(write_text_start(promised.connection, "y"), KJA_ERR_OVERLOADED, "given up");
  stays_pending(runtime, reading);
  come(&promised);
  expect_error(reading, KJA_ERR_OVERLOADED, "given up");
  promised_release(promised);
  runtime_close(runtime);
}

/* parity: STRM-27 */
static void what_was_wanted_of_one_that_is_gone_is_forgotten(void) {
  kja_runtime_t runtime = runtime_open();
  promised_t promised = promised_open(runtime);
  kja_promise_t reading = read_start(promised.pair.server, 1, 8);
  expect(shutdown_start(promised.connection), KJA_OK);
  CHECK_OK(kja_connection_release(promised.connection));
  stays_pending(runtime, reading);
  CHECK_OK(kja_fulfiller_handle(promised.fulfiller, promised.pair.client));
  stays_pending(runtime, reading);
  CHECK_OK(kja_promise_release(reading));
  CHECK_OK(kja_fulfiller_release(promised.fulfiller));
  CHECK_OK(kja_promise_release(promised.promise));
  pair_release(promised.pair);
  runtime_close(runtime);
}

/* parity: STRM-27 */
static void if_the_promise_fails_so_does_everything(void) {
  kja_runtime_t runtime = runtime_open();
  promised_t promised = promised_open(runtime);
  kja_promise_t reading = read_start(promised.connection, 1, 8), watching = disconnected_start(promised.connection);
  kja_promise_t writing = write_text_start(promised.connection, "x"), queued = write_text_start(promised.connection, "y");
  kja_promise_t ending = shutdown_start(promised.connection);
  fail(&promised, KJA_ERR_UNIMPLEMENTED, "no such thing");
  expect_error(reading, KJA_ERR_UNIMPLEMENTED, "no such thing");
  expect_error(writing, KJA_ERR_UNIMPLEMENTED, "no such thing");
  expect_error(queued, KJA_ERR_UNIMPLEMENTED, "no such thing");
  expect_error(ending, KJA_ERR_UNIMPLEMENTED, "no such thing");
  expect_error(watching, KJA_ERR_UNIMPLEMENTED, "no such thing");
  expect(read_start(promised.connection, 1, 8), KJA_ERR_UNIMPLEMENTED);
  expect(write_text_start(promised.connection, "z"), KJA_ERR_UNIMPLEMENTED);
  expect_no_length(promised.connection);
  promised_release(promised);
  runtime_close(runtime);
}

/* parity: STRM-13, STRM-27 */
static void a_promise_that_fails_with_disconnected_is_a_disconnection(void) {
  kja_runtime_t runtime = runtime_open();
  promised_t promised = promised_open(runtime);
  kja_promise_t watching = disconnected_start(promised.connection);
  stays_pending(runtime, watching);
  fail(&promised, KJA_ERR_DISCONNECTED, "unplugged");
  expect(watching, KJA_OK);
  expect(disconnected_start(promised.connection), KJA_OK);
  expect_error(write_text_start(promised.connection, "x"), KJA_ERR_DISCONNECTED, "unplugged");
  promised_release(promised);
  runtime_close(runtime);
}

static void a_promise_of_something_else_is_the_wrong_type(void) {
  kja_runtime_t runtime = runtime_open();
  kja_promise_t promise = 0;
  kja_connection_t connection = 0;
  CHECK_OK(kja_promise_new_u64(runtime, 7, &promise));
  CHECK_OK(kja_connection_new_promised(promise, &connection));
  CHECK_OK(kja_promise_release(promise));
  expect(read_start(connection, 1, 8), KJA_ERR_WRONG_TYPE);
  expect(write_text_start(connection, "x"), KJA_ERR_WRONG_TYPE);
  CHECK_OK(kja_connection_release(connection));
  runtime_close(runtime);
}

/* parity: STRM-21, STRM-27 */
static void close_before_it_comes_ends_all_that_waits(void) {
  kja_runtime_t runtime = runtime_open();
  promised_t promised = promised_open(runtime);
  kja_promise_t reading = read_start(promised.connection, 1, 8), watching = disconnected_start(promised.connection);
  kja_promise_t writing = write_text_start(promised.connection, "x"), queued = write_text_start(promised.connection, "y");
  stays_pending(runtime, watching);
  CHECK_OK(kja_connection_close(promised.connection));
  CHECK_OK(kja_connection_close(promised.connection));
  expect(reading, KJA_ERR_CANCELED);
  expect(writing, KJA_ERR_CANCELED);
  expect(queued, KJA_ERR_CANCELED);
  expect(watching, KJA_ERR_CANCELED);
  expect(read_start(promised.connection, 1, 8), KJA_ERR_CANCELED);
  expect(write_text_start(promised.connection, "z"), KJA_ERR_CANCELED);
  kja_promise_t other = disconnected_start(promised.pair.server);
  come(&promised);
  expect(write_text_start(promised.connection, "z"), KJA_ERR_CANCELED);
  /* What came too late is closed: nobody could use it any more. */
  expect(other, KJA_OK);
  promised_release(promised);
  runtime_close(runtime);
}

/* parity: STRM-21, STRM-27 */
static void close_after_it_came_closes_it(void) {
  kja_runtime_t runtime = runtime_open();
  promised_t promised = promised_open(runtime);
  come(&promised);
  kja_promise_t reading = read_start(promised.connection, 1, 8), watching = disconnected_start(promised.connection);
  kja_promise_t writing = write_text_start(promised.connection, "x");
  stays_pending(runtime, writing);
  CHECK_OK(kja_connection_close(promised.connection));
  expect(reading, KJA_ERR_CANCELED);
  expect(writing, KJA_ERR_CANCELED);
  expect(watching, KJA_ERR_CANCELED);
  expect_end(promised.pair.server);
  expect(write_text_start(promised.pair.server, "x"), KJA_ERR_DISCONNECTED);
  promised_release(promised);
  runtime_close(runtime);
}

/* parity: STRM-27 */
static void cancelled_operations_leave_the_line(void) {
  kja_runtime_t runtime = runtime_open();
  promised_t promised = promised_open(runtime);
  count_t freed = {0};
  char buffer[8];
  kja_promise_t reading = 0, writing = 0;
  CHECK_OK(kja_connection_read_into_start(promised.connection, buffer, 1, 8, &freed, count_destroy, &reading));
  CHECK_OK(kja_connection_write_borrowed_start(promised.connection, "no", 2, &freed, count_destroy, &writing));
  kja_promise_t stays = write_text_start(promised.connection, "yes"), watching = disconnected_start(promised.connection);
  CHECK_OK(kja_promise_cancel(reading));
  CHECK_OK(kja_promise_cancel(writing));
  CHECK_OK(kja_promise_cancel(watching));
  CHECK_U64(count_get(&freed), 2);
  expect_already(reading, KJA_ERR_CANCELED);
  expect_already(writing, KJA_ERR_CANCELED);
  expect_already(watching, KJA_ERR_CANCELED);
  come(&promised);
  expect_text(read_start(promised.pair.server, 3, 8), "yes");
  expect(stays, KJA_OK);
  promised_release(promised);
  runtime_close(runtime);
}

/* parity: STRM-27 */
static void dropping_everything_ends_the_promise(void) {
  kja_runtime_t runtime = runtime_open();
  count_t gone = {0};
  kja_promise_t promise = pending_until_gone(runtime, &gone);
  kja_connection_t connection = 0;
  CHECK_OK(kja_connection_new_promised(promise, &connection));
  CHECK_OK(kja_promise_release(promise));
  kja_promise_t reading = read_start(connection, 1, 8), writing = write_text_start(connection, "x");
  kja_promise_t watching = disconnected_start(connection);
  CHECK_OK(kja_connection_release(connection));
  CHECK_U64(count_get(&gone), 0);
  CHECK_OK(kja_promise_release(reading));
  CHECK_OK(kja_promise_release(writing));
  CHECK_U64(count_get(&gone), 0);
  CHECK_OK(kja_promise_release(watching));
  CHECK_U64(count_get(&gone), 1);
  runtime_close(runtime);
}

static void a_promised_connection_of_a_promised_connection(void) {
  kja_runtime_t runtime = runtime_open();
  promised_t inner = promised_open(runtime);
  kja_fulfiller_t fulfiller = 0;
  kja_promise_t promise = 0;
  kja_connection_t outer = 0;
  CHECK_OK(kja_fulfiller_new(runtime, &fulfiller, &promise));
  CHECK_OK(kja_connection_new_promised(promise, &outer));
  CHECK_OK(kja_promise_release(promise));
  kja_promise_t writing = write_text_start(outer, "through"), ending = shutdown_start(outer);
  kja_promise_t reading = read_start(outer, 1, 8);
  CHECK_OK(kja_fulfiller_handle(fulfiller, inner.connection));
  CHECK_OK(kja_fulfiller_release(fulfiller));
  CHECK_OK(kja_connection_release(inner.connection));
  stays_pending(runtime, writing);
  come(&inner);
  expect_text(read_all_start(inner.pair.server, 100), "through");
  expect(writing, KJA_OK);
  expect(ending, KJA_OK);
  write_text(inner.pair.server, "back");
  expect_text(reading, "back");
  CHECK_OK(kja_connection_release(outer));
  CHECK_OK(kja_connection_release(inner.pair.server));
  runtime_close(runtime);
}

/* parity: NET-11, STRM-27 */
static void a_connection_under_way_can_be_used_at_once(void) {
  kja_runtime_t runtime = runtime_open();
  kja_listener_t listener = listen_on_loopback(runtime);
  kja_promise_t connecting = connect_start(listener), accepting = accept_start(listener);
  kja_connection_t client = 0, server = 0;
  CHECK_OK(kja_connection_new_promised(connecting, &client));
  CHECK_OK(kja_connection_new_promised(accepting, &server));
  CHECK_OK(kja_promise_release(connecting));
  CHECK_OK(kja_promise_release(accepting));
  kja_promise_t writing = write_text_start(client, "early"), ending = shutdown_start(client);
  expect_text(read_all_start(server, 100), "early");
  expect(writing, KJA_OK);
  expect(ending, KJA_OK);
  CHECK_OK(kja_connection_release(client));
  CHECK_OK(kja_connection_release(server));
  /* Nobody listens any more: that is a disconnection. */
  kja_address_t address = 0;
  CHECK_OK(kja_listener_local_address(listener, &address));
  CHECK_OK(kja_listener_release(listener));
  CHECK_OK(kja_address_connect_start(address, &connecting));
  CHECK_OK(kja_connection_new_promised(connecting, &client));
  CHECK_OK(kja_promise_release(connecting));
  expect(disconnected_start(client), KJA_OK);
  expect(read_start(client, 1, 8), KJA_ERR_DISCONNECTED);
  CHECK_OK(kja_connection_release(client));
  CHECK_OK(kja_address_release(address));
  runtime_close(runtime);
}

static void *come_from_a_thread(void *arg) {
  come((promised_t *)arg);
  return NULL;
}

/* Whatever comes first, nobody is left waiting and the order is kept. */
static void it_may_come_at_any_moment_from_any_thread(void) {
  kja_runtime_t runtime = runtime_open();
  for (size_t i = 0, n = scaled(500); i < n; i++) {
    promised_t promised = promised_open(runtime);
    pthread_t thread;
    pthread_create(&thread, NULL, come_from_a_thread, &promised);
    kja_promise_t one = write_text_start(promised.connection, "1"), two = write_text_start(promised.connection, "2");
    kja_promise_t reading = read_start(promised.connection, 1, 8), ending = shutdown_start(promised.connection);
    kja_promise_t watching = disconnected_start(promised.connection);
    expect_text(read_all_start(promised.pair.server, 8), "12");
    expect(one, KJA_OK);
    expect(two, KJA_OK);
    expect(ending, KJA_OK);
    write_text(promised.pair.server, "3");
    expect_text(reading, "3");
    pthread_join(thread, NULL);
    CHECK_OK(kja_connection_release(promised.pair.server));
    expect(watching, KJA_OK);
    CHECK_OK(kja_connection_release(promised.connection));
  }
  runtime_close(runtime);
}

static void *close_from_a_thread(void *arg) {
  CHECK_OK(kja_connection_close(*(kja_connection_t *)arg));
  return NULL;
}

static void it_may_be_closed_at_any_moment_from_any_thread(void) {
  kja_runtime_t runtime = runtime_open();
  for (size_t i = 0, n = scaled(500); i < n; i++) {
    promised_t promised = promised_open(runtime);
    pthread_t thread;
    pthread_create(&thread, NULL, close_from_a_thread, &promised.connection);
    kja_promise_t writing = write_text_start(promised.connection, "1"), watching = disconnected_start(promised.connection);
    kja_promise_t reading = read_start(promised.connection, 1, 8);
    if (i % 2) come(&promised);
    expect(writing, KJA_ERR_CANCELED);
    expect(reading, KJA_ERR_CANCELED);
    expect(watching, KJA_ERR_CANCELED);
    pthread_join(thread, NULL);
    if (!(i % 2)) come(&promised);
    promised_release(promised);
  }
  runtime_close(runtime);
}

typedef struct inside_t {
  promised_t promised;
  kja_promise_t reading, writing;
} inside_t;

static void use_it_inside(void *ctx, kja_call_t call) {
  inside_t *inside = (inside_t *)ctx;
  (void)call;
  inside->writing = write_text_start(inside->promised.connection, "ping");
  inside->reading = read_start(inside->promised.connection, 4, 4);
  come(&inside->promised);
}

static void it_may_be_used_and_come_inside_a_callback(void) {
  kja_runtime_t runtime = runtime_open();
  inside_t inside = {promised_open(runtime), 0, 0};
  run_on_loop(runtime, use_it_inside, &inside);
  expect_text(read_start(inside.promised.pair.server, 4, 4), "ping");
  expect(inside.writing, KJA_OK);
  write_text(inside.promised.pair.server, "pong");
  expect_text(inside.reading, "pong");
  promised_release(inside.promised);
  runtime_close(runtime);
}

/* parity: LOOP-06 */
static void a_shutdown_ends_what_waits_for_it(void) {
  kja_runtime_t runtime = runtime_open();
  promised_t promised = promised_open(runtime), came = promised_open(runtime), wanted = promised_open(runtime);
  come(&came);
  promised_t *both[] = {&promised, &came};
  for (int i = 0; i < 2; i++) {
    read_start(both[i]->connection, 1, 8);
    write_text_start(both[i]->connection, "x");
    shutdown_start(both[i]->connection);
    disconnected_start(both[i]->connection);
  }
  shutdown_start(wanted.connection);
  pump_start(promised.pair.client, wanted.connection, 8);
  runtime_close(runtime);
}

int main(void) {
  RUN_IN_BOTH(operations_wait_for_the_connection);
  RUN_IN_BOTH(a_connection_that_is_there_is_passed_through_to);
  RUN_IN_BOTH(the_length_is_known_once_it_has_come);
  RUN_IN_BOTH(ending_the_writing_is_done_when_it_comes);
  RUN_IN_BOTH(the_writing_ends_after_what_was_written_before);
  RUN_IN_BOTH(a_write_after_the_end_fails_also_if_that_comes_first);
  RUN_IN_BOTH(aborting_the_reading_is_seen_here_at_once_and_there_when_it_comes);
  RUN_IN_BOTH(aborting_the_writing_is_seen_here_at_once_and_there_when_it_comes);
  RUN_IN_BOTH(what_was_wanted_of_one_that_is_gone_is_forgotten);
  RUN_IN_BOTH(if_the_promise_fails_so_does_everything);
  RUN_IN_BOTH(a_promise_that_fails_with_disconnected_is_a_disconnection);
  RUN_IN_BOTH(a_promise_of_something_else_is_the_wrong_type);
  RUN_IN_BOTH(close_before_it_comes_ends_all_that_waits);
  RUN_IN_BOTH(close_after_it_came_closes_it);
  RUN_IN_BOTH(cancelled_operations_leave_the_line);
  RUN_IN_BOTH(dropping_everything_ends_the_promise);
  RUN_IN_BOTH(a_promised_connection_of_a_promised_connection);
  RUN_IN_BOTH(a_connection_under_way_can_be_used_at_once);
  RUN(it_may_come_at_any_moment_from_any_thread);
  RUN(it_may_be_closed_at_any_moment_from_any_thread);
  RUN_IN_BOTH(it_may_be_used_and_come_inside_a_callback);
  RUN_IN_BOTH(a_shutdown_ends_what_waits_for_it);
  return check_done();
}
