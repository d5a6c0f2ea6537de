/* Connections over which others are sent, as listeners and as addresses. */
#include "messages.h"
#include "names.h"
#include "options.h"

/* Both kinds of connection that carry others. */
static pair_t carrier_open(kja_runtime_t runtime, int in_process) {
  pair_t pair;
  if (!in_process) return unix_pair_open(runtime);
  CHECK_OK(kja_pipe_new_capability(runtime, &pair.client, &pair.server));
  return pair;
}
static kja_listener_t listener_of(kja_connection_t connection) {
  kja_listener_t listener = 0;
  CHECK_OK(kja_listener_from_connection(connection, &listener));
  return listener;
}
static kja_address_t address_over(kja_connection_t connection) {
  kja_address_t address = 0;
  CHECK_OK(kja_address_from_connection(connection, &address));
  return address;
}
static kja_listener_t listening(kja_address_t address) {
  kja_listener_t listener = 0;
  CHECK_OK(kja_address_listen(address, 0, &listener));
  return listener;
}
static kja_promise_t connecting(kja_address_t address) {
  kja_promise_t promise = 0;
  CHECK_OK(kja_address_connect_start(address, &promise));
  return promise;
}
static kja_promise_t send_start(kja_connection_t over, kja_connection_t moved) {
  kja_promise_t sending = 0;
  CHECK_OK(kja_connection_send_connection_start(over, moved, &sending));
  return sending;
}
/* Ends in this process have no buffer: who reads comes first. */
static void expect_joined(kja_connection_t one, kja_connection_t other) {
  kja_promise_t reading = read_start(other, 5, 5);
  write_text(one, "there");
  expect_text(reading, "there");
  reading = read_start(one, 4, 4);
  write_text(other, "back");
  expect_text(reading, "back");
}
static void peer_is_unknown(kja_connection_t connection) {
  kja_peer_t peer = 0;
  uint32_t kind = KJA_PEER_LOCAL;
  CHECK_OK(kja_connection_peer(connection, &peer));
  CHECK_OK(kja_peer_kind(peer, &kind));
  CHECK_U64(kind, KJA_PEER_UNKNOWN);
  CHECK_OK(kja_peer_release(peer));
}

/* parity: CAPS-09 */
static void what_is_sent_is_accepted_in_order(void) {
  kja_runtime_t runtime = runtime_open();
  for (int in_process = 0; in_process < 2; in_process++) {
    pair_t pair = carrier_open(runtime, in_process), moved[3];
    kja_listener_t listener = listener_of(pair.server);
    kja_promise_t accepting[3], sending[3];
    for (int i = 0; i < 3; i++) {
      moved[i] = i == 1 ? unix_pair_open(runtime) : pair_open(runtime);
      accepting[i] = accept_start(listener);
    }
    for (int i = 0; i < 3; i++) sending[i] = send_start(pair.client, moved[i].server);
    for (int i = 0; i < 3; i++) {
      moved[i].server = handle_from(accepting[i]);
      expect(sending[i], KJA_OK);
      expect_joined(moved[i].client, moved[i].server);
      peer_is_unknown(moved[i].server);
      pair_release(moved[i]);
    }
    /* The other direction is nobody's. */
    kja_promise_t reading = read_start(pair.client, 4, 4);
    write_text(pair.server, "back");
    expect_text(reading, "back");
    CHECK_OK(kja_listener_release(listener));
    pair_release(pair);
  }
  runtime_close(runtime);
}

/* parity: CAPS-09 */
static void a_cancelled_accept_takes_nothing(void) {
  kja_runtime_t runtime = runtime_open();
  for (int in_process = 0; in_process < 2; in_process++) {
    pair_t pair = carrier_open(runtime, in_process), moved = unix_pair_open(runtime);
    kja_listener_t listener = listener_of(pair.server);
    kja_promise_t first = accept_start(listener), second = accept_start(listener), third = accept_start(listener);
    let_loop_rest(runtime);
    CHECK_OK(kja_promise_release(first));
    CHECK_OK(kja_promise_release(second));
    kja_promise_t sending = send_start(pair.client, moved.server);
    moved.server = handle_from(third);
    expect(sending, KJA_OK);
    expect_joined(moved.client, moved.server);
    CHECK_OK(kja_listener_release(listener));
    pair_release(moved);
    pair_release(pair);
  }
  runtime_close(runtime);
}

/* parity: CAPS-09 */
static void a_connection_that_nobody_saw_is_the_next_accepts(void) {
  kja_runtime_t runtime = runtime_open();
  for (int in_process = 0; in_process < 2; in_process++) {
    pair_t pair = carrier_open(runtime, in_process), moved = unix_pair_open(runtime);
    kja_listener_t listener = listener_of(pair.server);
    kja_promise_t accepting = accept_start(listener);
    expect(send_start(pair.client, moved.server), KJA_OK);
    let_loop_rest(runtime);
    CHECK_OK(kja_promise_release(accepting));
    moved.server = handle_from(accept_start(listener));
    expect_joined(moved.client, moved.server);
    CHECK_OK(kja_listener_release(listener));
    pair_release(moved);
    pair_release(pair);
  }
  runtime_close(runtime);
}

/* parity: CAPS-09 */
static void at_the_end_of_the_stream_accepts_reject(void) {
  kja_runtime_t runtime = runtime_open();
  for (int in_process = 0; in_process < 2; in_process++) {
    pair_t pair = carrier_open(runtime, in_process);
    kja_listener_t listener = listener_of(pair.server);
    kja_promise_t first = accept_start(listener), second = accept_start(listener);
    kja_promise_t writing = write_start(pair.client, "x", 1);
    expect(first, KJA_ERR_FAILED);
    expect(writing, KJA_OK);
    CHECK_OK(kja_connection_close(pair.client));
    expect(second, KJA_ERR_DISCONNECTED);
    expect(accept_start(listener), KJA_ERR_DISCONNECTED);
    CHECK_OK(kja_listener_release(listener));
    pair_release(pair);
  }
  runtime_close(runtime);
}

/* parity: CAPS-09 */
static void closing_the_listener_closes_the_connection(void) {
  kja_runtime_t runtime = runtime_open();
  for (int in_process = 0; in_process < 2; in_process++) {
    pair_t pair = carrier_open(runtime, in_process);
    kja_listener_t listener = listener_of(pair.server);
    kja_promise_t first = accept_start(listener), second = accept_start(listener);
    CHECK_OK(kja_listener_close(listener));
    CHECK_OK(kja_listener_close(listener));
    expect(first, KJA_ERR_CANCELED);
    expect(second, KJA_ERR_CANCELED);
    expect(accept_start(listener), KJA_ERR_CANCELED);
    expect_text(read_start(pair.client, 1, 1), "");
    CHECK_OK(kja_listener_release(listener));
    pair_release(pair);

    /* It is one holder of the connection among others. */
    pair = carrier_open(runtime, in_process);
    listener = listener_of(pair.server);
    CHECK_OK(kja_connection_release(pair.server));
    kja_promise_t reading = read_start(pair.client, 1, 1);
    let_loop_rest(runtime);
    CHECK_IS(kja_promise_status(reading), KJA_ERR_PENDING);
    CHECK_OK(kja_listener_release(listener));
    expect_text(reading, "");
    CHECK_OK(kja_connection_release(pair.client));
  }
  runtime_close(runtime);
}

/* parity: CAPS-09 */
static void it_has_no_socket(void) {
  kja_runtime_t runtime = runtime_open();
  pair_t pair = unix_pair_open(runtime), plain = pair_open(runtime), inner;
  kja_listener_t listener = listener_of(pair.server), none = 1;
  kja_address_t address = 1;
  uint16_t port = 1;
  int one = 1;
  CHECK_OK(kja_listener_port(listener, &port));
  CHECK_U64(port, 0);
  CHECK_IS(kja_listener_local_address(listener, &address), KJA_ERR_UNIMPLEMENTED);
  CHECK_U64(address, 0);
  CHECK_IS(kja_listener_getsockopt(listener, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof one, NULL), KJA_ERR_UNIMPLEMENTED);
  CHECK_IS(kja_listener_setsockopt(listener, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof one), KJA_ERR_UNIMPLEMENTED);
  CHECK_IS(kja_listener_from_connection(plain.server, &none), KJA_ERR_UNIMPLEMENTED);
  CHECK_U64(none, 0);
  CHECK_OK(kja_pipe_new_two_way(runtime, &inner.client, &inner.server));
  CHECK_IS(kja_listener_from_connection(inner.server, &none), KJA_ERR_UNIMPLEMENTED);
  CHECK_IS(kja_address_from_connection(inner.server, &address), KJA_ERR_UNIMPLEMENTED);
  kja_promise_t reading = read_start(pair.server, 1, 1);
  expect(accept_start(listener), KJA_ERR_BUSY);
  CHECK_OK(kja_promise_release(reading));
  CHECK_OK(kja_listener_release(listener));
  pair_release(inner);
  pair_release(plain);
  pair_release(pair);
  runtime_close(runtime);
}

/* parity: CAPS-09, NET-20 */
static void an_aggregate_has_it_beside_sockets_and_goes_on_at_its_end(void) {
  kja_runtime_t runtime = runtime_open();
  for (int in_process = 0; in_process < 2; in_process++) {
    pair_t pair = carrier_open(runtime, in_process), moved = unix_pair_open(runtime);
    kja_listener_t both[2] = {listen_on_loopback(runtime), listener_of(pair.server)}, all = 0;
    CHECK_OK(kja_listener_aggregate_new(both, 2, &all));
    kja_promise_t first = accept_start(all), second = accept_start(all), third = accept_start(all);
    kja_promise_t sending = send_start(pair.client, moved.server);
    moved.server = handle_from(first);
    expect(sending, KJA_OK);
    expect_joined(moved.client, moved.server);
    kja_connection_t client = handle_from(connect_start(both[0])), server = handle_from(second);
    expect_joined(client, server);
    CHECK_OK(kja_connection_close(pair.client));
    let_loop_rest(runtime);
    CHECK_IS(kja_promise_status(third), KJA_ERR_PENDING);
    pair_t last;
    last.client = handle_from(connect_start(both[0]));
    last.server = handle_from(third);
    expect_joined(last.client, last.server);
    pair_release(last);
    CHECK_OK(kja_connection_release(client));
    CHECK_OK(kja_connection_release(server));
    for (int i = 0; i < 2; i++) CHECK_OK(kja_listener_release(both[i]));
    CHECK_OK(kja_listener_release(all));
    pair_release(moved);
    pair_release(pair);
  }
  runtime_close(runtime);
}

/* parity: CAPS-10 */
static void connecting_sends_one_end_of_a_pair(void) {
  kja_runtime_t runtime = runtime_open();
  for (int in_process = 0; in_process < 2; in_process++) {
    pair_t pair = carrier_open(runtime, in_process), made[2];
    kja_address_t here = address_over(pair.client), there = address_over(pair.server), again = 0;
    CHECK_OK(kja_address_clone(here, &again));
    kja_listener_t listener = listening(there), same = listening(there);
    kja_promise_t first = accept_start(listener), second = accept_start(same);
    kja_promise_t one = connecting(here), two = connecting(again);
    for (int i = 0; i < 2; i++) {
      made[i].client = handle_from(i ? two : one);
      made[i].server = handle_from(i ? second : first);
      expect_joined(made[i].client, made[i].server);
      peer_is_unknown(made[i].server);
    }
    /* What came over it carries as much. */
    kja_address_t inner = address_over(made[0].client);
    kja_listener_t inside = listener_of(made[0].server);
    kja_promise_t accepting = accept_start(inside);
    pair_t innermost;
    innermost.client = handle_from(connecting(inner));
    innermost.server = handle_from(accepting);
    expect_joined(innermost.client, innermost.server);
    pair_release(innermost);
    CHECK_OK(kja_listener_release(inside));
    CHECK_OK(kja_listener_release(listener));
    CHECK_OK(kja_listener_release(same));
    kja_address_t addresses[4] = {here, there, again, inner};
    for (int i = 0; i < 4; i++) CHECK_OK(kja_address_release(addresses[i]));
    pair_release(made[0]);
    pair_release(made[1]);
    pair_release(pair);
  }
  runtime_close(runtime);
}

/* parity: CAPS-10 */
static void a_cancelled_connect_leaves_nothing_behind(void) {
  enum { MUCH = 4 << 20 };
  static char data[MUCH];
  kja_runtime_t runtime = runtime_open();
  for (int in_process = 0; in_process < 2; in_process++) {
    pair_t pair = carrier_open(runtime, in_process), made;
    kja_address_t address = address_over(pair.client);
    unsigned before = open_fds();
    /* Nobody reads, so that nothing can be sent over the one; the other is full. */
    kja_promise_t filling = in_process ? 0 : write_start(pair.client, data, sizeof data);
    kja_promise_t first = connecting(address), second = connecting(address);
    let_loop_rest(runtime);
    CHECK_IS(kja_promise_status(first), KJA_ERR_PENDING);
    CHECK_OK(kja_promise_release(first));
    if (filling) {
      kja_promise_t draining = 0;
      CHECK_OK(kja_connection_read_required_start(pair.server, MUCH, MUCH, &draining));
      expect(draining, KJA_OK);
      expect(filling, KJA_OK);
    }
    kja_listener_t listener = listener_of(pair.server);
    made.server = handle_from(accept_start(listener));
    made.client = handle_from(second);
    expect_joined(made.client, made.server);
    pair_release(made);
    kja_promise_t accepting = accept_start(listener);
    let_loop_rest(runtime);
    CHECK_IS(kja_promise_status(accepting), KJA_ERR_PENDING);
    CHECK(fds_come_back_to(before));
    CHECK_OK(kja_promise_release(accepting));
    /* Sent, and then dropped at this end. */
    kja_promise_t sent = connecting(address);
    made.server = handle_from(accept_start(listener));
    CHECK_OK(kja_promise_await(sent));
    CHECK_OK(kja_promise_release(sent));
    expect_text(read_start(made.server, 1, 1), "");
    CHECK_OK(kja_connection_release(made.server));
    CHECK_OK(kja_listener_release(listener));
    CHECK_OK(kja_connection_release(pair.server));
    expect(connecting(address), KJA_ERR_DISCONNECTED);
    CHECK_OK(kja_connection_close(pair.client));
    expect(connecting(address), KJA_ERR_CANCELED);
    CHECK_OK(kja_address_release(address));
    CHECK_OK(kja_connection_release(pair.client));
  }
  runtime_close(runtime);
}

/* parity: CAPS-10 */
static void the_address_is_no_socket_address(void) {
  const char *text = "<capability stream>";
  kja_runtime_t runtime = runtime_open();
  pair_t pair = unix_pair_open(runtime);
  kja_address_t address = address_over(pair.client), one = 1;
  kja_network_t all = 0, part = 0;
  kja_slice_t rules[2] = {{"unix", 4}, {"network", 7}};
  kja_datagram_t none = 1, port = port_on(runtime, "127.0.0.1:0");
  kja_promise_t sending = 1;
  uint16_t number = 1;
  uint32_t family = 1;
  size_t size = 1;
  bool yes = true;
  expect_address_text(address, text);
  CHECK_IS(parse_status(runtime, text, strlen(text), 80), KJA_ERR_INVALID_ARGUMENT);
  CHECK_OK(kja_address_port(address, &number));
  CHECK_U64(number, 0);
  CHECK_OK(kja_address_family(address, &family));
  CHECK_U64(family, KJA_FAMILY_OTHER);
  CHECK_OK(kja_address_count(address, &size));
  CHECK_U64(size, 0);
  CHECK_IS(kja_address_get(address, 0, &one), KJA_ERR_INVALID_ARGUMENT);
  CHECK_OK(kja_address_sockaddr(address, NULL, 0, &size));
  CHECK_U64(size, 0);
  CHECK_OK(kja_cidr_matches("0.0.0.0/0", 9, address, &yes));
  CHECK(!yes);
  CHECK_OK(kja_network_new(runtime, &all));
  CHECK_OK(kja_network_restrict(all, rules, 2, NULL, 0, &part));
  CHECK_OK(kja_network_allows(part, address, &yes));
  CHECK(!yes);
  CHECK_OK(kja_network_allows(all, address, &yes));
  CHECK(yes);
  CHECK_IS(kja_address_bind_datagram(address, &none), KJA_ERR_UNIMPLEMENTED);
  CHECK_IS(kja_datagram_send_start(port, "x", 1, address, &sending), KJA_ERR_UNIMPLEMENTED);
  int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  CHECK_IS(kja_connection_from_connecting_fd_start(runtime, fd, KJA_FD_TAKE, address, &sending), KJA_ERR_UNIMPLEMENTED);
  CHECK_OK(kja_datagram_release(port));
  CHECK_OK(kja_network_release(all));
  CHECK_OK(kja_network_release(part));
  CHECK_OK(kja_address_release(address));
  pair_release(pair);
  runtime_close(runtime);
}

/* parity: CAPS-09, CAPS-10 */
static void a_shutdown_ends_it(void) {
  kja_runtime_t runtime = runtime_open();
  pair_t pair = carrier_open(runtime, 1);
  kja_listener_t listener = listener_of(pair.server);
  kja_address_t address = address_over(pair.server);
  kja_promise_t accepting = accept_start(listener), behind = accept_start(listener), sending = connecting(address);
  CHECK_OK(kja_runtime_shutdown(runtime));
  CHECK_IS(kja_promise_release(accepting), KJA_ERR_BAD_HANDLE);
  CHECK_IS(kja_promise_release(behind), KJA_ERR_BAD_HANDLE);
  CHECK_IS(kja_promise_release(sending), KJA_ERR_BAD_HANDLE);
  CHECK_IS(kja_listener_close(listener), KJA_ERR_BAD_HANDLE);
  CHECK_IS(kja_address_release(address), KJA_ERR_BAD_HANDLE);
  CHECK_OK(kja_runtime_release(runtime));
}

int main(void) {
  RUN_IN_BOTH(what_is_sent_is_accepted_in_order);
  RUN_IN_BOTH(a_cancelled_accept_takes_nothing);
  RUN_IN_BOTH(a_connection_that_nobody_saw_is_the_next_accepts);
  RUN_IN_BOTH(at_the_end_of_the_stream_accepts_reject);
  RUN_IN_BOTH(closing_the_listener_closes_the_connection);
  RUN_IN_BOTH(it_has_no_socket);
  RUN_IN_BOTH(an_aggregate_has_it_beside_sockets_and_goes_on_at_its_end);
  RUN_IN_BOTH(connecting_sends_one_end_of_a_pair);
  RUN_IN_BOTH(a_cancelled_connect_leaves_nothing_behind);
  RUN_IN_BOTH(the_address_is_no_socket_address);
  RUN_IN_BOTH(a_shutdown_ends_it);
  return check_done();
}
