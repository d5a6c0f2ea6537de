/* Listeners behind a wrapper: handshakes side by side. */
#include "greeter.h"

typedef struct server_t {
  greeter_t greeter;
  kja_listener_t inner, listener;
  uint16_t port;
} server_t;

static void server_open(server_t *server, size_t most) {
  greeter_open(&server->greeter, most);
  server->inner = listen_on_loopback(server->greeter.runtime);
  server->listener = wrap_listener(&server->greeter, server->inner);
  server->port = port_of(server->listener);
}
static void server_close(server_t *server) {
  CHECK_OK(kja_listener_release(server->listener));
  CHECK_OK(kja_listener_release(server->inner));
  greeter_close(&server->greeter);
}
/* A peer that has greeted, and says its name as soon as it may. */
static int greeted_as(const server_t *server, const char *name) {
  int fd = plain_connect(server->port);
  plain_say(fd, "c");
  plain_say(fd, name);
  return fd;
}
static void expect_name(kja_promise_t accepting, const char *name) {
  kja_connection_t connection = handle_from(accepting);
  expect_text(read_start(connection, 1, 1), name);
  CHECK_OK(kja_connection_release(connection));
}
static void still_pending(const server_t *server, kja_promise_t promise) {
  let_loop_rest(server->greeter.runtime);
  CHECK_IS(kja_promise_status(promise), KJA_ERR_PENDING);
}
static void begun(const server_t *server, uint64_t count) {
  for (uint64_t end = kja_timer_now_nanos() + 5 * SECOND; kja_timer_now_nanos() < end;) {
    let_loop_rest(server->greeter.runtime);
    if (count_get(&server->greeter.servers) == count) return;
  }
  CHECK_U64(count_get(&server->greeter.servers), count);
}
static void failed_times(const server_t *server, uint64_t count) {
  for (uint64_t end = kja_timer_now_nanos() + 5 * SECOND; kja_timer_now_nanos() < end;) {
    let_loop_rest(server->greeter.runtime);
    if (count_get(&server->greeter.failures) == count) return;
  }
  CHECK_U64(count_get(&server->greeter.failures), count);
}

/* parity: NET-22, TLS-14 */
static void a_peer_that_stalls_holds_up_nobody(void) {
  server_t server;
  server_open(&server, 0);
  kja_promise_t first = accept_start(server.listener), second = accept_start(server.listener);
  int slow = plain_connect(server.port);
  begun(&server, 1);
  int quick = greeted_as(&server, "q");
  expect_name(first, "q");
  still_pending(&server, second);
  plain_say(slow, "cs");
  expect_name(second, "s");
  close(slow);
  close(quick);
  server_close(&server);
}

/* parity: NET-22, TLS-11 */
static void a_handshake_that_fails_is_told_and_no_accept_fails(void) {
  server_t server;
  server_open(&server, 0);
  kja_promise_t accepting = accept_start(server.listener);
  int wrong = plain_connect(server.port), gone = plain_connect(server.port);
  plain_say(wrong, "x");
  failed_times(&server, 1);
  CHECK_IS(server.greeter.failure, KJA_ERR_FAILED);
  plain_expect_end(wrong);
  plain_reset(gone);
  failed_times(&server, 2);
  CHECK_IS(server.greeter.failure, KJA_ERR_DISCONNECTED);
  still_pending(&server, accepting);
  int good = greeted_as(&server, "g");
  expect_name(accepting, "g");
  close(wrong);
  close(good);
  server_close(&server);
}

/* parity: NET-22, TLS-14 */
static void a_handshake_has_ten_seconds(void) {
  server_t server;
  server_open(&server, 0);
  kja_promise_t accepting = accept_start(server.listener);
  int slow = plain_connect(server.port);
  begun(&server, 1);
  let_time_pass(server.greeter.runtime, 10 * SECOND - 1);
  CHECK_U64(count_get(&server.greeter.failures), 0);
  let_time_pass(server.greeter.runtime, 1);
  CHECK_U64(count_get(&server.greeter.failures), 1);
  CHECK_IS(server.greeter.failure, KJA_ERR_TIMED_OUT);
  plain_expect_end(slow);
  still_pending(&server, accepting);
  CHECK_OK(kja_promise_release(accepting));
  close(slow);
  server_close(&server);
}

static void has_time(uint64_t option, uint64_t passing, uint64_t failures) {
  server_t server;
  server_open(&server, 0);
  kja_network_wrapper_options_t options = greeter_options(&server.greeter);
  options.accept_timeout_nanos = option;
  options.destroy = NULL;
  greeter_t other = server.greeter;
  other.wrapper = wrapper_new(server.greeter.runtime, &options);
  kja_listener_t listener = wrap_listener(&other, server.inner);
  kja_promise_t accepting = accept_start(listener);
  int slow = plain_connect(server.port);
  begun(&server, 1);
  let_time_pass(server.greeter.runtime, passing);
  CHECK_U64(count_get(&server.greeter.failures), failures);
  plain_say(slow, "cl");
  if (!failures) expect_name(accepting, "l");
  else CHECK_OK(kja_promise_release(accepting));
  close(slow);
  CHECK_OK(kja_listener_release(listener));
  CHECK_OK(kja_network_wrapper_release(other.wrapper));
  server_close(&server);
}
/* parity: NET-22, TLS-14 */
static void the_time_of_a_handshake_is_an_option(void) {
  has_time(UINT64_MAX, 24 * 3600 * SECOND, 0);
  has_time(MILLISECOND, MILLISECOND, 1);
  has_time(MILLISECOND, MILLISECOND - 1, 0);
}

/* parity: NET-22, TLS-14 */
static void handshakes_are_bounded(void) {
  server_t server;
  server_open(&server, 2);
  kja_promise_t accepting = accept_start(server.listener);
  int slow[2] = {plain_connect(server.port), plain_connect(server.port)};
  begun(&server, 2);
  int third = greeted_as(&server, "3");
  still_pending(&server, accepting);
  CHECK_U64(count_get(&server.greeter.servers), 2);
  plain_say(slow[0], "x");
  expect_name(accepting, "3");
  CHECK_U64(count_get(&server.greeter.servers), 3);
  plain_say(slow[1], "cs");
  expect_name(accept_start(server.listener), "s");
  for (int i = 0; i < 2; i++) close(slow[i]);
  close(third);
  server_close(&server);
}

/* parity: NET-22 */
static void a_cancelled_accept_loses_no_connection(void) {
  server_t server;
  server_open(&server, 0);
  kja_promise_t first = accept_start(server.listener), second = accept_start(server.listener);
  int one = plain_connect(server.port), two = plain_connect(server.port);
  begun(&server, 2);
  CHECK_OK(kja_promise_release(first));
  CHECK_OK(kja_promise_release(second));
  plain_say(one, "c1");
  let_loop_rest(server.greeter.runtime);
  first = accept_start(server.listener);
  expect_name(first, "1");
  first = accept_start(server.listener);
  still_pending(&server, first);
  plain_say(two, "c2");
  expect_name(first, "2");
  close(one);
  close(two);
  server_close(&server);
}

/* parity: NET-22 */
static void a_connection_that_nobody_saw_is_the_next_accepts(void) {
  server_t server;
  server_open(&server, 0);
  kja_promise_t first = accept_start(server.listener), second = accept_start(server.listener);
  int one = greeted_as(&server, "1");
  begun(&server, 1);
  /* Its trace is empty once it has settled, of which the trace tells nobody else. */
  for (size_t left = 1; left;) {
    let_loop_rest(server.greeter.runtime);
    CHECK_OK(kja_promise_trace(first, NULL, 0, &left));
  }
  CHECK_OK(kja_promise_release(first));
  expect_name(second, "1");
  close(one);
  server_close(&server);
}

/* parity: NET-22 */
static void without_an_accept_nothing_begins(void) {
  server_t server;
  server_open(&server, 0);
  int waiting = greeted_as(&server, "w");
  let_loop_rest(server.greeter.runtime);
  CHECK_U64(count_get(&server.greeter.servers), 0);
  /* The inner listener is usable by itself. */
  kja_connection_t raw = handle_from(accept_start(server.inner));
  expect_text(read_start(raw, 2, 2), "cw");
  CHECK_OK(kja_connection_release(raw));
  close(waiting);
  server_close(&server);
}

/* parity: NET-22, NET-23 */
static void closing_it_ends_its_handshakes_and_the_inner_listener(void) {
  server_t server;
  server_open(&server, 0);
  kja_promise_t first = accept_start(server.listener), second = accept_start(server.listener);
  int slow = plain_connect(server.port);
  begun(&server, 1);
  CHECK_OK(kja_listener_close(server.listener));
  plain_expect_end(slow);
  expect(first, KJA_ERR_CANCELED);
  expect(second, KJA_ERR_CANCELED);
  expect(accept_start(server.listener), KJA_ERR_CANCELED);
  expect(accept_start(server.inner), KJA_ERR_CANCELED);
  CHECK_U64(count_get(&server.greeter.failures), 0);
  close(slow);
  server_close(&server);
}

/* parity: NET-22, NET-23 */
static void dropping_it_ends_its_handshakes(void) {
  server_t server;
  server_open(&server, 0);
  kja_promise_t accepting = accept_start(server.listener);
  int slow = plain_connect(server.port);
  begun(&server, 1);
  CHECK_OK(kja_listener_release(server.listener));
  still_pending(&server, accepting);
  CHECK_OK(kja_promise_release(accepting));
  plain_expect_end(slow);
  close(slow);
  kja_promise_t raw = accept_start(server.inner);
  server.listener = wrap_listener(&server.greeter, server.inner);
  int next = greeted_as(&server, "n");
  expect_name(raw, "c");
  close(next);
  server_close(&server);
}

/* parity: NET-22, CAPS-09 */
static void after_the_end_of_the_inner_listener_handshakes_go_on(void) {
  server_t server;
  pair_t carrier, moved[2];
  server_open(&server, 0);
  CHECK_OK(kja_pipe_new_os_two_way(server.greeter.runtime, &carrier.client, &carrier.server));
  kja_listener_t inner = 0;
  CHECK_OK(kja_listener_from_connection(carrier.server, &inner));
  kja_listener_t listener = wrap_listener(&server.greeter, inner);
  kja_promise_t first = accept_start(listener), second = accept_start(listener), sending = 0;
  for (int i = 0; i < 2; i++) {
    moved[i] = pair_open(server.greeter.runtime);
    CHECK_OK(kja_connection_send_connection_start(carrier.client, moved[i].server, &sending));
    expect(sending, KJA_OK);
  }
  begun(&server, 2);
  CHECK_OK(kja_connection_close(carrier.client));
  still_pending(&server, first);
  write_text(moved[1].client, "c1");
  expect_name(first, "1");
  still_pending(&server, second);
  CHECK_OK(kja_connection_release(moved[0].client));
  expect(second, KJA_ERR_DISCONNECTED);
  expect(accept_start(listener), KJA_ERR_DISCONNECTED);
  CHECK_U64(count_get(&server.greeter.failures), 1);
  CHECK_OK(kja_connection_release(moved[1].client));
  CHECK_OK(kja_listener_release(listener));
  CHECK_OK(kja_listener_release(inner));
  pair_release(carrier);
  server_close(&server);
}

/* parity: NET-22, NET-20 */
static void an_aggregate_has_it_beside_others(void) {
  server_t server;
  server_open(&server, 0);
  kja_listener_t plain = listen_on_loopback(server.greeter.runtime), both[2] = {server.listener, plain}, all = 0;
  CHECK_OK(kja_listener_aggregate_new(both, 2, &all));
  kja_promise_t first = accept_start(all), second = accept_start(all), third = accept_start(all);
  int slow = plain_connect(server.port);
  begun(&server, 1);
  int other = plain_connect(port_of(plain)), quick = greeted_as(&server, "q");
  plain_say(other, "o");
  kja_connection_t one = handle_from(first), two = handle_from(second);
  kja_promise_t reading[2] = {read_start(one, 1, 1), read_start(two, 1, 1)};
  CHECK_OK(kja_promise_await(reading[0]));
  CHECK_OK(kja_promise_await(reading[1]));
  for (int i = 0; i < 2; i++) CHECK_OK(kja_promise_release(reading[i]));
  still_pending(&server, third);
  plain_say(slow, "cs");
  expect_name(third, "s");
  CHECK_OK(kja_connection_release(one));
  CHECK_OK(kja_connection_release(two));
  CHECK_OK(kja_listener_release(all));
  CHECK_OK(kja_listener_release(plain));
  close(slow);
  close(other);
  close(quick);
  server_close(&server);
}

/* parity: NET-22, NET-19 */
static void its_socket_is_the_inner_ones(void) {
  server_t server;
  server_open(&server, 0);
  int on = 1, got = 0;
  uint16_t port = 0;
  CHECK_OK(kja_listener_port(server.listener, &port));
  CHECK_U64(port, port_of(server.inner));
  CHECK_OK(kja_listener_setsockopt(server.listener, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on));
  CHECK_OK(kja_listener_getsockopt(server.inner, SOL_SOCKET, SO_KEEPALIVE, &got, sizeof got, NULL));
  CHECK(got != 0);
  got = 0;
  CHECK_OK(kja_listener_getsockopt(server.listener, SOL_SOCKET, SO_KEEPALIVE, &got, sizeof got, NULL));
  CHECK(got != 0);
  server_close(&server);
}

int main(void) {
  RUN_IN_BOTH(a_peer_that_stalls_holds_up_nobody);
  RUN_IN_BOTH(a_handshake_that_fails_is_told_and_no_accept_fails);
  RUN_IN_BOTH(a_handshake_has_ten_seconds);
  RUN_IN_BOTH(the_time_of_a_handshake_is_an_option);
  RUN_IN_BOTH(handshakes_are_bounded);
  RUN_IN_BOTH(a_cancelled_accept_loses_no_connection);
  RUN_IN_BOTH(a_connection_that_nobody_saw_is_the_next_accepts);
  RUN_IN_BOTH(without_an_accept_nothing_begins);
  RUN_IN_BOTH(closing_it_ends_its_handshakes_and_the_inner_listener);
  RUN_IN_BOTH(dropping_it_ends_its_handshakes);
  RUN_IN_BOTH(after_the_end_of_the_inner_listener_handshakes_go_on);
  RUN_IN_BOTH(an_aggregate_has_it_beside_others);
  RUN_IN_BOTH(its_socket_is_the_inner_ones);
  return check_done();
}
