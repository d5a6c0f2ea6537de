/* Datagram ports; datagram_ancillary.c has what comes beside the bytes. */
#include "messages.h"

typedef struct ports_t {
  kja_datagram_t one, other;
  kja_address_t of_one, of_other;
} ports_t;

static ports_t ports_open(kja_runtime_t runtime, const char *where) {
  ports_t ports;
  ports.one = port_on(runtime, where);
  ports.other = port_on(runtime, where);
  ports.of_one = address_of_port(ports.one);
  ports.of_other = address_of_port(ports.other);
  return ports;
}
static void ports_release(ports_t ports) {
  CHECK_OK(kja_address_release(ports.of_one));
  CHECK_OK(kja_address_release(ports.of_other));
  CHECK_OK(kja_datagram_release(ports.one));
  CHECK_OK(kja_datagram_release(ports.other));
}

/* parity: NET-14, DGRAM-01, DGRAM-03, DGRAM-04, DGRAM-06, DGRAM-08 */
static void a_datagram_arrives_whole_with_its_source_as_numbers(void) {
  kja_runtime_t runtime = runtime_open();
  ports_t ports = ports_open(runtime, "127.0.0.1:0");
  char source_text[64], one_text[64];
  kja_address_t source = 0;
  bool truncated = true;
  kja_promise_t receiving = receive_start(ports.other);
  send_text(ports.one, "hello", ports.of_other);
  kja_message_t message = handle_from(receiving);
  message_says(message, "hello");
  CHECK_OK(kja_message_is_truncated(message, &truncated));
  CHECK(!truncated);
  CHECK_OK(kja_message_source(message, &source));
  CHECK_OK(kja_address_text(source, source_text, sizeof source_text, NULL));
  CHECK_OK(kja_address_text(ports.of_one, one_text, sizeof one_text, NULL));
  CHECK(strcmp(source_text, one_text) == 0);
  send_text(ports.other, "back", source);
  expect_datagram(receive_start(ports.one), "back");
  CHECK_OK(kja_address_release(source));
  CHECK_OK(kja_message_release(message));
  ports_release(ports);
  runtime_close(runtime);
}

/* parity: DGRAM-01 */
static void pieces_go_as_one_datagram(void) {
  kja_runtime_t runtime = runtime_open();
  ports_t ports = ports_open(runtime, "127.0.0.1:0");
  kja_slice_t slices[3] = {{"one ", 4}, {NULL, 0}, {"datagram", 8}};
  kja_promise_t sending = 0;
  CHECK_OK(kja_datagram_sendv_start(ports.one, slices, 3, ports.of_other, &sending));
  expect_u64(sending, 12);
  expect_datagram(receive_start(ports.other), "one datagram");
  CHECK_OK(kja_datagram_sendv_start(ports.one, NULL, 0, ports.of_other, &sending));
  expect_u64(sending, 0);
  expect_datagram(receive_start(ports.other), "");
  ports_release(ports);
  runtime_close(runtime);
}

/* parity: DGRAM-01, DGRAM-03 */
static void empty_datagrams_are_datagrams(void) {
  kja_runtime_t runtime = runtime_open();
  ports_t ports = ports_open(runtime, "127.0.0.1:0");
  kja_promise_t receiving = receive_start(ports.other);
  send_datagram(ports.one, NULL, 0, ports.of_other);
  expect_datagram(receiving, "");
  send_text(ports.one, "after", ports.of_other);
  expect_datagram(receive_start(ports.other), "after");
  ports_release(ports);
  runtime_close(runtime);
}

/* parity: DGRAM-02, DGRAM-04 */
static void what_does_not_fit_is_cut_and_said_to_be(void) {
  enum { LARGEST = 65507 };
  static char data[LARGEST];
  kja_runtime_t runtime = runtime_open();
  ports_t ports = ports_open(runtime, "127.0.0.1:0");
  const size_t rooms[4] = {LARGEST, LARGEST - 1, 0, 1}, taken[4] = {LARGEST, LARGEST - 1, 8192, 1};
  for (size_t i = 0; i < LARGEST; i++) data[i] = (char)(i * 7);
  for (int i = 0; i < 4; i++) {
    kja_datagram_options_t options = room_for(rooms[i], 0);
    kja_promise_t receiving = 0;
    bool truncated = false;
    send_datagram(ports.one, data, LARGEST, ports.of_other);
    CHECK_OK(kja_datagram_receive_start(ports.other, &options, &receiving));
    kja_message_t message = handle_from(receiving);
    message_is(message, data, taken[i]);
    CHECK_OK(kja_message_is_truncated(message, &truncated));
    CHECK(truncated == (taken[i] < LARGEST));
    CHECK_OK(kja_message_release(message));
  }
  ports_release(ports);
  runtime_close(runtime);
}

/* parity: DGRAM-01 */
static void a_datagram_that_is_too_long_leaves_the_port_usable(void) {
  static const char data[70000] = {0};
  kja_runtime_t runtime = runtime_open();
  ports_t ports = ports_open(runtime, "127.0.0.1:0");
  kja_promise_t sending = 0;
  CHECK_OK(kja_datagram_send_start(ports.one, data, sizeof data, ports.of_other, &sending));
  CHECK_IS(kja_promise_await(sending), KJA_ERR_FAILED);
  CHECK_U64(kja_last_error_os(), EMSGSIZE);
  CHECK_OK(kja_promise_release(sending));
  CHECK_OK(kja_datagram_send_start(ports.one, "x", 1, 0, &sending));
  CHECK_IS(kja_promise_await(sending), KJA_ERR_FAILED);
  CHECK_U64(kja_last_error_os(), EDESTADDRREQ);
  CHECK_OK(kja_promise_release(sending));
  send_text(ports.one, "fits", ports.of_other);
  expect_datagram(receive_start(ports.other), "fits");
  ports_release(ports);
  runtime_close(runtime);
}

/* parity: NET-14 */
static void one_port_serves_both_families(void) {
  kja_runtime_t runtime = runtime_open();
  kja_datagram_t both = port_on(runtime, "*:0"), v4 = port_on(runtime, "127.0.0.1:0"), v6 = port_on(runtime, "[::1]:0");
  kja_address_t bound = address_of_port(both), of_v4 = address_of_port(v4), of_v6 = address_of_port(v6);
  uint16_t port = 0;
  CHECK_OK(kja_address_port(bound, &port));
  CHECK(port != 0);
  kja_address_t as_v4 = address_of(runtime, "127.0.0.1", port), as_v6 = address_of(runtime, "::1", port);
  send_text(v4, "four", as_v4);
  expect_datagram(receive_start(both), "four");
  send_text(v6, "six", as_v6);
  expect_datagram(receive_start(both), "six");
  send_text(both, "to four", of_v4);
  expect_datagram(receive_start(v4), "to four");
  send_text(both, "to six", of_v6);
  expect_datagram(receive_start(v6), "to six");
  const kja_address_t addresses[5] = {bound, of_v4, of_v6, as_v4, as_v6};
  for (int i = 0; i < 5; i++) CHECK_OK(kja_address_release(addresses[i]));
  CHECK_OK(kja_datagram_release(both));
  CHECK_OK(kja_datagram_release(v4));
  CHECK_OK(kja_datagram_release(v6));
  runtime_close(runtime);
}

/* parity: NET-14 */
static void a_port_in_use_is_an_error(void) {
  kja_runtime_t runtime = runtime_open();
  kja_datagram_t port = port_on(runtime, "127.0.0.1:0"), second = 1;
  kja_address_t address = address_of_port(port), foreign = address_of(runtime, "192.0.2.1:0", 0);
  CHECK_IS(kja_address_bind_datagram(address, &second), KJA_ERR_FAILED);
  CHECK_U64(kja_last_error_os(), EADDRINUSE);
  CHECK_U64(second, 0);
  CHECK(kja_address_bind_datagram(foreign, &second) != KJA_OK);
  CHECK_U64(kja_last_error_os(), EADDRNOTAVAIL);
  CHECK_OK(kja_address_release(foreign));
  CHECK_OK(kja_address_release(address));
  CHECK_OK(kja_datagram_release(port));
  runtime_close(runtime);
}

static void a_connected_port_hears_its_peer_only(void) {
  kja_runtime_t runtime = runtime_open();
  ports_t ports = ports_open(runtime, "127.0.0.1:0");
  kja_datagram_t stranger = port_on(runtime, "127.0.0.1:0");
  CHECK_OK(kja_datagram_connect(ports.one, ports.of_other));
  send_text(stranger, "not heard", ports.of_one);
  send_text(ports.other, "heard", ports.of_one);
  expect_datagram(receive_start(ports.one), "heard");
  send_text(ports.one, "no address", 0);
  expect_datagram(receive_start(ports.other), "no address");
  CHECK_OK(kja_datagram_release(stranger));
  ports_release(ports);
  runtime_close(runtime);
}

static void a_peer_that_is_gone_is_an_error_and_no_end(void) {
  kja_runtime_t runtime = runtime_open();
  ports_t ports = ports_open(runtime, "127.0.0.1:0");
  CHECK_OK(kja_datagram_connect(ports.one, ports.of_other));
  CHECK_OK(kja_datagram_close(ports.other));
  kja_promise_t receiving = receive_start(ports.one);
  send_text(ports.one, "into the void", 0);
  CHECK_IS(kja_promise_await(receiving), KJA_ERR_DISCONNECTED);
  CHECK_U64(kja_last_error_os(), ECONNREFUSED);
  CHECK_OK(kja_promise_release(receiving));
  kja_datagram_t again = 0;
  CHECK_OK(kja_address_bind_datagram(ports.of_other, &again));
  send_text(again, "back again", ports.of_one);
  expect_datagram(receive_start(ports.one), "back again");
  CHECK_OK(kja_datagram_release(again));
  ports_release(ports);
  runtime_close(runtime);
}

/* parity: DGRAM-03 */
static void receives_are_served_in_order_and_a_cancelled_one_takes_nothing(void) {
  kja_runtime_t runtime = runtime_open();
  ports_t ports = ports_open(runtime, "127.0.0.1:0");
  kja_promise_t first = receive_start(ports.other), second = receive_start(ports.other);
  kja_promise_t third = receive_start(ports.other), fourth = receive_start(ports.other);
  CHECK_OK(kja_promise_release(first));
  CHECK_OK(kja_promise_cancel(third));
  expect(third, KJA_ERR_CANCELED);
  send_text(ports.one, "1", ports.of_other);
  send_text(ports.one, "2", ports.of_other);
  send_text(ports.one, "3", ports.of_other);
  expect_datagram(fourth, "2");
  expect_datagram(second, "1");
  expect_datagram(receive_start(ports.other), "3");
  ports_release(ports);
  runtime_close(runtime);
}

/* parity: DGRAM-03 */
static void many_are_received_at_once(void) {
  kja_runtime_t runtime = runtime_open();
  ports_t ports = ports_open(runtime, "127.0.0.1:0");
  const char *const texts[5] = {"a", "", "ccc", "dd", "e"};
  size_t seen = 0, count = 0;
  kja_promise_t receiving = 1;
  CHECK_IS(kja_datagram_receive_many_start(ports.other, NULL, 0, &receiving), KJA_ERR_INVALID_ARGUMENT);
  CHECK_U64(receiving, 0);
  CHECK_OK(kja_datagram_receive_many_start(ports.other, NULL, 3, &receiving));
  for (int i = 0; i < 5; i++) send_text(ports.one, texts[i], ports.of_other);
  while (seen < 5) {
    kja_message_list_t list = handle_from(receiving);
    kja_message_t message = 1;
    CHECK_OK(kja_message_list_count(list, &count));
    if (!CHECK(count >= 1 && count <= 3 && seen + count <= 5)) count = 0, seen = 5;
    for (size_t i = 0; i < count; i++) {
      CHECK_OK(kja_message_list_get(list, i, &message));
      message_says(message, texts[seen++]);
      CHECK_OK(kja_message_release(message));
    }
    CHECK_IS(kja_message_list_get(list, count, &message), KJA_ERR_INVALID_ARGUMENT);
    CHECK_U64(message, 0);
    CHECK_OK(kja_message_list_release(list));
    if (seen < 5) CHECK_OK(kja_datagram_receive_many_start(ports.other, NULL, 3, &receiving));
  }
  ports_release(ports);
  runtime_close(runtime);
}

static void close_ends_what_is_pending(void) {
  kja_runtime_t runtime = runtime_open();
  ports_t ports = ports_open(runtime, "127.0.0.1:0");
  unsigned fds = open_fds();
  kja_promise_t one = receive_start(ports.one), other = receive_start(ports.one), late = 0;
  CHECK_OK(kja_datagram_close(ports.one));
  CHECK(fds_come_back_to(fds - 1));
  expect(other, KJA_ERR_CANCELED);
  expect(one, KJA_ERR_CANCELED);
  CHECK_OK(kja_datagram_close(ports.one));
  CHECK_OK(kja_datagram_send_start(ports.one, "x", 1, ports.of_other, &late));
  expect(late, KJA_ERR_CANCELED);
  CHECK_OK(kja_datagram_receive_start(ports.one, NULL, &late));
  expect(late, KJA_ERR_CANCELED);
  CHECK_IS(kja_datagram_connect(ports.one, ports.of_other), KJA_ERR_CANCELED);
  ports_release(ports);
  runtime_close(runtime);
}

static void a_released_port_is_kept_by_its_receive(void) {
  kja_runtime_t runtime = runtime_open();
  ports_t ports = ports_open(runtime, "127.0.0.1:0");
  kja_promise_t receiving = receive_start(ports.other);
  unsigned fds = open_fds();
  CHECK_OK(kja_datagram_release(ports.other));
  send_text(ports.one, "still", ports.of_other);
  expect_datagram(receiving, "still");
  CHECK(fds_come_back_to(fds - 1));
  ports.other = port_on(runtime, "127.0.0.1:0");
  ports_release(ports);
  runtime_close(runtime);
}

/* parity: DGRAM-01 */
static void a_full_buffer_has_sends_wait_in_order(void) {
  enum { MOST = 2000 };
  kja_runtime_t runtime = runtime_open();
  int ends[2], small = 4096;
  kja_datagram_t one = 0, other = 0;
  static kja_promise_t sending[MOST];
  int count = 0, waiting = 0;
  CHECK(socketpair(AF_UNIX, SOCK_DGRAM, 0, ends) == 0);
  CHECK_OK(kja_datagram_from_fd(runtime, ends[0], KJA_FD_TAKE, &one));
  CHECK_OK(kja_datagram_from_fd(runtime, ends[1], KJA_FD_TAKE, &other));
  CHECK_OK(kja_datagram_setsockopt(one, SOL_SOCKET, SO_SNDBUF, &small, sizeof small));
  while (count < MOST && waiting < 4) {
    CHECK_OK(kja_datagram_send_start(one, &count, sizeof count, 0, &sending[count]));
    waiting += kja_promise_status(sending[count++]) == KJA_ERR_PENDING;
  }
  CHECK_U64(waiting, 4);
  /* Neither of these is sent: one is cancelled, one let go. */
  CHECK_OK(kja_promise_cancel(sending[count - 3]));
  CHECK_OK(kja_promise_release(sending[count - 1]));
  for (int i = 0; i < count - 1; i++) {
    if (i == count - 3) continue;
    kja_message_t message = handle_from(receive_start(other));
    message_is(message, &i, sizeof i);
    CHECK_OK(kja_message_release(message));
    expect_u64(sending[i], sizeof i);
  }
  expect(sending[count - 3], KJA_ERR_CANCELED);
  kja_promise_t nothing = receive_start(other);
  CHECK_IS(kja_promise_await_for(nothing, 5 * MILLISECOND), KJA_ERR_TIMED_OUT);
  CHECK_OK(kja_promise_release(nothing));
  CHECK_OK(kja_datagram_release(one));
  CHECK_OK(kja_datagram_release(other));
  runtime_close(runtime);
}

static void a_send_that_waits_ends_with_its_port(void) {
  kja_runtime_t runtime = runtime_open();
  int ends[2];
  kja_datagram_t one = 0;
  kja_promise_t sending = 0;
  CHECK(socketpair(AF_UNIX, SOCK_DGRAM, 0, ends) == 0);
  CHECK_OK(kja_datagram_from_fd(runtime, ends[0], KJA_FD_TAKE, &one));
  for (;;) {
    CHECK_OK(kja_datagram_send_start(one, "x", 1, 0, &sending));
    if (kja_promise_status(sending) == KJA_ERR_PENDING) break;
    expect(sending, KJA_OK);
  }
  CHECK_OK(kja_datagram_close(one));
  expect(sending, KJA_ERR_CANCELED);
  CHECK_OK(kja_datagram_release(one));
  close(ends[1]);
  runtime_close(runtime);
}

/* parity: DGRAM-08 */
static void options_of_the_socket_are_read_and_set(void) {
  kja_runtime_t runtime = runtime_open();
  kja_datagram_t port = port_on(runtime, "127.0.0.1:0");
  int value = 1, got = 0;
  size_t size = sizeof got;
  CHECK_OK(kja_datagram_setsockopt(port, SOL_SOCKET, SO_BROADCAST, &value, sizeof value));
  CHECK_OK(kja_datagram_getsockopt(port, SOL_SOCKET, SO_BROADCAST, &got, sizeof got, &size));
  CHECK_U64(size, sizeof got);
  CHECK(got != 0);
  CHECK(kja_datagram_setsockopt(port, SOL_SOCKET, -1, &value, sizeof value) != KJA_OK);
  CHECK_U64(kja_last_error_os(), ENOPROTOOPT);
  CHECK_OK(kja_datagram_getsockopt(port, SOL_SOCKET, SO_BROADCAST, &got, sizeof got, NULL));
  CHECK_IS(kja_datagram_getsockopt(port, SOL_SOCKET, SO_BROADCAST, NULL, sizeof got, &size), KJA_ERR_INVALID_ARGUMENT);
  CHECK_OK(kja_datagram_release(port));
  runtime_close(runtime);
}

static void bad_arguments_are_refused(void) {
  kja_runtime_t runtime = runtime_open();
  kja_datagram_t port = port_on(runtime, "127.0.0.1:0");
  kja_address_t address = address_of_port(port);
  kja_datagram_options_t options = room_for(0, 0);
  kja_promise_t promise = 1;
  CHECK_IS(kja_datagram_send_start(port, NULL, 1, address, &promise), KJA_ERR_INVALID_ARGUMENT);
  CHECK_U64(promise, 0);
  CHECK_IS(kja_datagram_send_start(port, "x", 1, port, &promise), KJA_ERR_BAD_HANDLE);
  CHECK_IS(kja_datagram_connect(port, 0), KJA_ERR_BAD_HANDLE);
  options.size = 0;
  CHECK_IS(kja_datagram_receive_start(port, &options, &promise), KJA_ERR_INVALID_ARGUMENT);
  options = room_for(SIZE_MAX / 2, 0);
  CHECK_OK(kja_datagram_receive_start(port, &options, &promise));
  expect(promise, KJA_ERR_OVERLOADED);
  CHECK_OK(kja_address_release(address));
  CHECK_OK(kja_datagram_release(port));
  runtime_close(runtime);
}

static void shutdown_ends_receives(void) {
  kja_runtime_t runtime = runtime_open();
  kja_datagram_t port = port_on(runtime, "127.0.0.1:0");
  kja_promise_t receiving = receive_start(port);
  CHECK_OK(kja_runtime_shutdown(runtime));
  CHECK_IS(kja_promise_status(receiving), KJA_ERR_BAD_HANDLE);
  CHECK_IS(kja_datagram_release(port), KJA_ERR_BAD_HANDLE);
  CHECK_OK(kja_runtime_release(runtime));
}

static kja_address_t address_in(kja_network_t network, const char *text) {
  kja_promise_t parsing = 0;
  CHECK_OK(kja_network_parse_address_start(network, text, strlen(text), 0, &parsing));
  return handle_from(parsing);
}

/* parity: NET-10, LLIO-11 */
static void whoever_the_rules_forbid_is_neither_heard_nor_sent_to(void) {
  kja_runtime_t runtime = runtime_open();
  kja_network_t whole = 0, part = 0;
  kja_slice_t allow = {"127.0.0.1/32", 12};
  CHECK_OK(kja_network_new(runtime, &whole));
  CHECK_OK(kja_network_restrict(whole, &allow, 1, NULL, 0, &part));
  kja_address_t any = address_in(part, "127.0.0.1:0"), own = 0;
  kja_datagram_t port = 0;
  CHECK_OK(kja_address_bind_datagram(any, &port));
  CHECK_OK(kja_datagram_local_address(port, &own));
  kja_datagram_t forbidden = port_on(runtime, "127.0.0.2:0"), allowed = port_on(runtime, "127.0.0.1:0");
  kja_address_t far_away = 0;
  kja_promise_t promise = 0, receiving = 0;
  CHECK_OK(kja_datagram_receive_start(port, NULL, &receiving));
  CHECK_OK(kja_datagram_send_start(forbidden, "no", 2, own, &promise));
  expect_u64(promise, 2);
  CHECK_OK(kja_datagram_send_start(allowed, "yes", 3, own, &promise));
  expect_u64(promise, 3);
  kja_message_t message = handle_from(receiving);
  kja_bytes_t content = 0;
  const void *data = NULL;
  size_t size = 0;
  CHECK_OK(kja_message_content(message, &content));
  CHECK_OK(kja_bytes_data(content, &data, &size));
  CHECK(size == 3 && memcmp(data, "yes", 3) == 0);
  CHECK_OK(kja_datagram_local_address(forbidden, &far_away));
  CHECK_IS(kja_datagram_send_start(port, "x", 1, far_away, &promise), KJA_ERR_FAILED);
  CHECK_IS(kja_datagram_connect(port, far_away), KJA_ERR_FAILED);
  CHECK_OK(kja_bytes_release(content));
  CHECK_OK(kja_message_release(message));
  CHECK_OK(kja_address_release(far_away));
  CHECK_OK(kja_address_release(own));
  CHECK_OK(kja_address_release(any));
  CHECK_OK(kja_datagram_release(forbidden));
  CHECK_OK(kja_datagram_release(allowed));
  CHECK_OK(kja_datagram_release(port));
  CHECK_OK(kja_network_release(part));
  CHECK_OK(kja_network_release(whole));
  runtime_close(runtime);
}

/* parity: NET-14 */
static void of_several_addresses_the_first_is_bound(void) {
  kja_runtime_t runtime = runtime_open();
  char text[64] = "";
  kja_datagram_t port = port_on(runtime, "127.0.0.2:0,127.0.0.1:0");
  kja_address_t bound = address_of_port(port);
  CHECK_OK(kja_address_text(bound, text, sizeof text, NULL));
  CHECK(strncmp(text, "127.0.0.2:", 10) == 0 && !strchr(text, ','));
  CHECK_OK(kja_address_release(bound));
  CHECK_OK(kja_datagram_release(port));
  runtime_close(runtime);
}

/* parity: DGRAM-03 */
static void a_message_stays_as_it_is_when_the_next_one_comes(void) {
  kja_runtime_t runtime = runtime_open();
  ports_t ports = ports_open(runtime, "127.0.0.1:0");
  send_text(ports.one, "first", ports.of_other);
  kja_message_t first = handle_from(receive_start(ports.other));
  send_text(ports.one, "other", ports.of_other);
  expect_datagram(receive_start(ports.other), "other");
  ports_release(ports);
  message_says(first, "first");
  CHECK_OK(kja_message_release(first));
  runtime_close(runtime);
}

int main(void) {
  RUN_IN_BOTH(a_datagram_arrives_whole_with_its_source_as_numbers);
  RUN_IN_BOTH(pieces_go_as_one_datagram);
  RUN_IN_BOTH(empty_datagrams_are_datagrams);
  RUN_IN_BOTH(what_does_not_fit_is_cut_and_said_to_be);
  RUN_IN_BOTH(a_datagram_that_is_too_long_leaves_the_port_usable);
  RUN_IN_BOTH(one_port_serves_both_families);
  RUN_IN_BOTH(a_port_in_use_is_an_error);
  RUN_IN_BOTH(a_connected_port_hears_its_peer_only);
  RUN_IN_BOTH(a_peer_that_is_gone_is_an_error_and_no_end);
  RUN_IN_BOTH(receives_are_served_in_order_and_a_cancelled_one_takes_nothing);
  RUN_IN_BOTH(many_are_received_at_once);
  RUN_IN_BOTH(close_ends_what_is_pending);
  RUN_IN_BOTH(a_released_port_is_kept_by_its_receive);
  RUN_IN_BOTH(a_full_buffer_has_sends_wait_in_order);
  RUN_IN_BOTH(a_send_that_waits_ends_with_its_port);
  RUN_IN_BOTH(options_of_the_socket_are_read_and_set);
  RUN_IN_BOTH(bad_arguments_are_refused);
  RUN_IN_BOTH(shutdown_ends_receives);
  RUN_IN_BOTH(whoever_the_rules_forbid_is_neither_heard_nor_sent_to);
  RUN_IN_BOTH(of_several_addresses_the_first_is_bound);
  RUN_IN_BOTH(a_message_stays_as_it_is_when_the_next_one_comes);
  return check_done();
}
