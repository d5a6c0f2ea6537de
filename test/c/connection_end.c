/* The ways in which a connection ends, as a whole or in one direction. */
#include "loopback.h"

#include <poll.h>

static void shutdown_write(kja_connection_t connection) {
  kja_promise_t promise = 0;
  CHECK_OK(kja_connection_shutdown_write_start(connection, &promise));
  expect(promise, KJA_OK);
}

static void ended_badly(kja_promise_t promise) {
  CHECK_IS(kja_promise_await(promise), KJA_ERR_DISCONNECTED);
  CHECK_OK(kja_promise_release(promise));
}

/* parity: STRM-01, STRM-15 */
static void half_a_close_ends_one_direction(void) {
  kja_runtime_t runtime = runtime_open();
  pair_t pair = pair_open(runtime);
  kja_promise_t writing = 0;
  write_text(pair.client, "last words");
  shutdown_write(pair.client);
  expect_text(read_start(pair.server, 100, 100), "last words");
  expect_text(read_start(pair.server, 1, 100), "");
  expect_text(read_start(pair.server, 1, 100), "");
  write_text(pair.server, "answer");
  expect_text(read_start(pair.client, 6, 6), "answer");
  kja_status_t status = kja_connection_write_start(pair.client, "x", 1, &writing);
  if (status == KJA_OK) {
    CHECK(kja_promise_await(writing) != KJA_OK);
    CHECK_OK(kja_promise_release(writing));
  }
  pair_release(pair);
  runtime_close(runtime);
}

/* parity: STRM-15 */
static void shutdown_write_waits_for_queued_writes(void) {
  enum { SIZE = 8 << 20 };
  kja_runtime_t runtime = runtime_open();
  pair_t pair = pair_open(runtime);
  char *data = (char *)calloc(1, SIZE);
  kja_promise_t writing = write_start(pair.client, data, SIZE), ending = 0, reading = 0;
  kja_bytes_t bytes = 0;
  const void *got;
  size_t size = 0;
  CHECK_OK(kja_connection_shutdown_write_start(pair.client, &ending));
  CHECK_IS(kja_promise_status(ending), KJA_ERR_PENDING);
  CHECK_OK(kja_connection_read_all_start(pair.server, SIZE, &reading));
  CHECK_OK(kja_promise_await(reading));
  CHECK_OK(kja_promise_bytes(reading, &bytes));
  CHECK_OK(kja_bytes_data(bytes, &got, &size));
  CHECK_U64(size, SIZE);
  expect(writing, KJA_OK);
  expect(ending, KJA_OK);
  CHECK_OK(kja_bytes_release(bytes));
  CHECK_OK(kja_promise_release(reading));
  free(data);
  pair_release(pair);
  runtime_close(runtime);
}

/* parity: STRM-07 */
static void read_all_stops_at_its_limit(void) {
  kja_runtime_t runtime = runtime_open();
  for (size_t limit = 4; limit <= 6; limit++) {
    pair_t pair = pair_open(runtime);
    kja_promise_t reading = 0;
    write_text(pair.client, "12345");
    shutdown_write(pair.client);
    CHECK_OK(kja_connection_read_all_start(pair.server, limit, &reading));
    if (limit < 5) expect(reading, KJA_ERR_OVERLOADED);
    else expect_text(reading, "12345");
    pair_release(pair);
  }
  pair_t pair = pair_open(runtime);
  kja_promise_t reading = 0;
  shutdown_write(pair.client);
  CHECK_OK(kja_connection_read_all_start(pair.server, 0, &reading));
  expect_text(reading, "");
  pair_release(pair);
  runtime_close(runtime);
}

/* parity: STRM-16 */
static void abort_read_ends_reading_for_good(void) {
  kja_runtime_t runtime = runtime_open();
  pair_t pair = pair_open(runtime);
  kja_promise_t reading = read_start(pair.server, 1, 8);
  CHECK_OK(kja_connection_abort_read(pair.server));
  expect_text(reading, "");
  write_text(pair.client, "unread");
  expect_text(read_start(pair.server, 1, 8), "");
  write_text(pair.server, "one way");
  expect_text(read_start(pair.client, 7, 7), "one way");
  pair_release(pair);
  runtime_close(runtime);
}

/* parity: EXC-01, STRM-10 */
static void a_reset_is_a_disconnection(void) {
  kja_runtime_t runtime = runtime_open();
  kja_listener_t listener = listen_on_loopback(runtime);
  kja_promise_t accepting = accept_start(listener);
  int fd = plain_connect(port_of(listener));
  kja_connection_t connection = handle_from(accepting);
  kja_promise_t reading = read_start(connection, 1, 8);
  plain_reset(fd);
  CHECK_IS(kja_promise_await(reading), KJA_ERR_DISCONNECTED);
  CHECK_U64(kja_last_error_os(), ECONNRESET);
  CHECK_OK(kja_promise_release(reading));
  ended_badly(write_start(connection, "x", 1));
  CHECK_OK(kja_connection_release(connection));
  CHECK_OK(kja_listener_release(listener));
  runtime_close(runtime);
}

static void an_error_after_data_loses_none_of_it(void) {
  for (int all = 0; all < 2; all++) {
    kja_runtime_t runtime = runtime_open();
    kja_listener_t listener = listen_on_loopback(runtime);
    kja_promise_t accepting = accept_start(listener), reading = 0;
    int fd = plain_connect(port_of(listener));
    kja_connection_t connection = handle_from(accepting);
    struct pollfd arrived = {-1, POLLIN, 0};
    CHECK_OK(kja_connection_fd(connection, &arrived.fd));
    CHECK(send(fd, "abc", 3, MSG_NOSIGNAL) == 3);
    CHECK(poll(&arrived, 1, 10000) == 1);
    /* What is there is taken by the start itself, before a reset could throw it away. */
    if (all) CHECK_OK(kja_connection_read_all_start(connection, 100, &reading));
    else reading = read_start(connection, 4, 100);
    plain_reset(fd);
    expect(reading, KJA_ERR_DISCONNECTED);
    expect_text(read_start(connection, 1, 8), "abc");
    CHECK_OK(kja_connection_release(connection));
    CHECK_OK(kja_listener_release(listener));
    runtime_close(runtime);
  }
}

/* parity: UNIX-04 */
static void writing_to_a_peer_that_is_gone_is_an_error_and_no_signal(void) {
  kja_runtime_t runtime = runtime_open();
  pair_t pair = pair_open(runtime);
  CHECK_OK(kja_connection_release(pair.server));
  kja_status_t status = KJA_OK;
  /* The first bytes may still be accepted: the peer's reset is on its way. */
  for (int i = 0; status == KJA_OK && i < 100000; i++) {
    kja_promise_t writing = write_start(pair.client, "x", 1);
    status = kja_promise_await(writing);
    CHECK_OK(kja_promise_release(writing));
  }
  CHECK_IS(status, KJA_ERR_DISCONNECTED);
  CHECK_OK(kja_connection_release(pair.client));
  runtime_close(runtime);
}

/* parity: NET-11 */
static void a_refused_connect_says_so(void) {
  kja_runtime_t runtime = runtime_open();
  kja_listener_t listener = listen_on_loopback(runtime);
  kja_address_t address = 0;
  kja_promise_t connecting = 0;
  CHECK_OK(kja_listener_local_address(listener, &address));
  CHECK_OK(kja_listener_release(listener));
  CHECK_OK(kja_address_connect_start(address, &connecting));
  CHECK_IS(kja_promise_await(connecting), KJA_ERR_DISCONNECTED);
  CHECK_U64(kja_last_error_os(), ECONNREFUSED);
  CHECK_OK(kja_promise_release(connecting));
  CHECK_OK(kja_address_release(address));
  runtime_close(runtime);
}

/* parity: STRM-21 */
static void close_ends_the_socket_and_what_is_pending(void) {
  enum { SIZE = 16 << 20 };
  kja_runtime_t runtime = runtime_open();
  pair_t pair = pair_open(runtime);
  unsigned fds = open_fds();
  char *data = (char *)calloc(1, SIZE);
  kja_promise_t reading = read_start(pair.client, 1, 8), writing = 0, late = 0;
  count_t destroyed = {0};
  CHECK_OK(kja_connection_write_borrowed_start(pair.client, data, SIZE, &destroyed, count_destroy, &writing));
  CHECK_OK(kja_connection_close(pair.client));
  CHECK(fds_come_back_to(fds - 1));
  expect(reading, KJA_ERR_CANCELED);
  expect(writing, KJA_ERR_CANCELED);
  CHECK_U64(count_get(&destroyed), 1);
  free(data);
  CHECK_OK(kja_connection_close(pair.client));
  kja_status_t status = kja_connection_read_start(pair.client, 1, 1, &late);
  if (status == KJA_OK) {
    CHECK(kja_promise_await(late) != KJA_OK);
    CHECK_OK(kja_promise_release(late));
  }
  pair_release(pair);
  runtime_close(runtime);
}

/* parity: STRM-21 */
static void a_pending_operation_keeps_the_socket(void) {
  kja_runtime_t runtime = runtime_open();
  pair_t pair = pair_open(runtime);
  unsigned fds = open_fds();
  kja_promise_t reading = read_start(pair.server, 5, 5);
  CHECK_OK(kja_connection_release(pair.server));
  CHECK_U64(open_fds(), fds);
  write_text(pair.client, "still");
  expect_text(reading, "still");
  CHECK(fds_come_back_to(fds - 1));
  CHECK_OK(kja_connection_release(pair.client));
  CHECK(fds_come_back_to(fds - 2));
  runtime_close(runtime);
}

/* parity: STRM-01 */
static void an_unread_end_is_seen_after_what_was_sent(void) {
  kja_runtime_t runtime = runtime_open();
  pair_t pair = pair_open(runtime);
  kja_promise_t reading = read_start(pair.server, 1000, 2000);
  write_text(pair.client, "all of it");
  CHECK_OK(kja_connection_release(pair.client));
  expect_text(reading, "all of it");
  expect_text(read_start(pair.server, 1, 1), "");
  CHECK_OK(kja_connection_release(pair.server));
  runtime_close(runtime);
}

static void many_connections_open_and_close(void) {
  kja_runtime_t runtime = runtime_open();
  unsigned fds = open_fds();
  for (size_t i = 0, n = scaled(300); i < n; i++) {
    pair_t pair = pair_open(runtime);
    kja_promise_t reading = read_start(pair.server, 1, 8);
    CHECK_OK(i % 2 ? kja_connection_close(pair.client) : kja_connection_close(pair.server));
    CHECK_IS(kja_promise_await(reading), i % 2 ? KJA_OK : KJA_ERR_CANCELED);
    CHECK_OK(kja_promise_release(reading));
    pair_release(pair);
  }
  CHECK(fds_come_back_to(fds));
  runtime_close(runtime);
}

int main(void) {
  RUN_IN_BOTH(half_a_close_ends_one_direction);
  RUN_IN_BOTH(shutdown_write_waits_for_queued_writes);
  RUN_IN_BOTH(read_all_stops_at_its_limit);
  RUN_IN_BOTH(abort_read_ends_reading_for_good);
  RUN_IN_BOTH(a_reset_is_a_disconnection);
  RUN_IN_BOTH(an_error_after_data_loses_none_of_it);
  RUN_IN_BOTH(writing_to_a_peer_that_is_gone_is_an_error_and_no_signal);
  RUN_IN_BOTH(a_refused_connect_says_so);
  RUN_IN_BOTH(close_ends_the_socket_and_what_is_pending);
  RUN_IN_BOTH(a_pending_operation_keeps_the_socket);
  RUN_IN_BOTH(an_unread_end_is_seen_after_what_was_sent);
  RUN_IN_BOTH(many_connections_open_and_close);
  return check_done();
}
