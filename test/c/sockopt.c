#include "names.h"

#include <netinet/tcp.h>

static int option_of(kja_connection_t connection, int level, int option) {
  int value = -1;
  size_t size = 0;
  CHECK_OK(kja_connection_getsockopt(connection, level, option, &value, sizeof value, &size));
  CHECK_U64(size, sizeof value);
  return value;
}

/* parity: STRM-17, NET-11 */
static void options_are_read_and_set(void) {
  kja_runtime_t runtime = runtime_open();
  pair_t pair = pair_open(runtime);
  int on = 1, off = 0;
  struct linger linger;
  CHECK(option_of(pair.client, IPPROTO_TCP, TCP_NODELAY) != 0);
  CHECK(option_of(pair.server, IPPROTO_TCP, TCP_NODELAY) != 0);
  CHECK_OK(kja_connection_setsockopt(pair.client, IPPROTO_TCP, TCP_NODELAY, &off, sizeof off));
  CHECK_U64(option_of(pair.client, IPPROTO_TCP, TCP_NODELAY), 0);
  CHECK_OK(kja_connection_set_nodelay(pair.client, true));
  CHECK(option_of(pair.client, IPPROTO_TCP, TCP_NODELAY) != 0);
  CHECK_U64(option_of(pair.client, SOL_SOCKET, SO_KEEPALIVE), 0);
  CHECK_OK(kja_connection_setsockopt(pair.client, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on));
  CHECK(option_of(pair.client, SOL_SOCKET, SO_KEEPALIVE) != 0);
  linger.l_onoff = 1;
  linger.l_linger = 7;
  CHECK_OK(kja_connection_setsockopt(pair.client, SOL_SOCKET, SO_LINGER, &linger, sizeof linger));
  memset(&linger, 0, sizeof linger);
  CHECK_OK(kja_connection_getsockopt(pair.client, SOL_SOCKET, SO_LINGER, &linger, sizeof linger, NULL));
  CHECK_U64(linger.l_linger, 7);
  linger.l_onoff = 0;
  CHECK_OK(kja_connection_setsockopt(pair.client, SOL_SOCKET, SO_LINGER, &linger, sizeof linger));
  pair_release(pair);
  runtime_close(runtime);
}

/* parity: STRM-17 */
static void what_the_system_refuses_keeps_its_error(void) {
  kja_runtime_t runtime = runtime_open();
  pair_t pair = pair_open(runtime);
  int value = 1;
  CHECK(kja_connection_setsockopt(pair.client, 12345, 6789, &value, sizeof value) != KJA_OK);
  CHECK(kja_last_error_os() != 0);
  CHECK(kja_connection_getsockopt(pair.client, 12345, 6789, &value, sizeof value, NULL) != KJA_OK);
  CHECK(kja_last_error_os() != 0);
  CHECK(kja_connection_setsockopt(pair.client, SOL_SOCKET, SO_KEEPALIVE, &value, 1) != KJA_OK);
  CHECK_IS(kja_connection_setsockopt(pair.client, SOL_SOCKET, SO_KEEPALIVE, NULL, 4), KJA_ERR_INVALID_ARGUMENT);
  CHECK_IS(kja_connection_getsockopt(pair.client, SOL_SOCKET, SO_KEEPALIVE, NULL, 4, NULL), KJA_ERR_INVALID_ARGUMENT);
  CHECK_OK(kja_connection_close(pair.client));
  CHECK_IS(kja_connection_getsockopt(pair.client, SOL_SOCKET, SO_KEEPALIVE, &value, sizeof value, NULL), KJA_ERR_CANCELED);
  pair_release(pair);
  runtime_close(runtime);
}

static void expect_no_socket(kja_connection_t connection) {
  int value = 1;
  kja_address_t address = 1;
  CHECK_IS(kja_connection_getsockopt(connection, SOL_SOCKET, SO_TYPE, &value, sizeof value, NULL), KJA_ERR_UNIMPLEMENTED);
  CHECK_IS(kja_connection_setsockopt(connection, SOL_SOCKET, SO_KEEPALIVE, &value, sizeof value), KJA_ERR_UNIMPLEMENTED);
  CHECK_IS(kja_connection_local_address(connection, &address), KJA_ERR_UNIMPLEMENTED);
  CHECK_IS(kja_connection_peer_address(connection, &address), KJA_ERR_UNIMPLEMENTED);
  CHECK_U64(address, 0);
  CHECK_OK(kja_connection_release(connection));
}

/* parity: STRM-17, STRM-18 */
static void what_is_no_socket_has_neither_options_nor_names(void) {
  kja_runtime_t runtime = runtime_open();
  kja_connection_t one = 0, other = 0;
  CHECK_OK(kja_pipe_new_two_way(runtime, &one, &other));
  expect_no_socket(one);
  expect_no_socket(other);
  CHECK_OK(kja_pipe_new_os_one_way(runtime, &one, &other));
  expect_no_socket(one);
  expect_no_socket(other);
  runtime_close(runtime);
}

/* parity: STRM-18, NET-19 */
static void names_are_there_as_raw_addresses(void) {
  kja_runtime_t runtime = runtime_open();
  kja_listener_t listener = listen_on_loopback(runtime);
  uint16_t port = port_of(listener);
  kja_connection_t client = handle_from(connect_start(listener)), server = handle_from(accept_start(listener));
  kja_address_t names[5] = {0};
  struct sockaddr_in raw[5];
  CHECK_OK(kja_listener_local_address(listener, &names[0]));
  CHECK_OK(kja_connection_local_address(server, &names[1]));
  CHECK_OK(kja_connection_peer_address(client, &names[2]));
  CHECK_OK(kja_connection_local_address(client, &names[3]));
  CHECK_OK(kja_connection_peer_address(server, &names[4]));
  for (int i = 0; i < 5; i++) {
    size_t size = 0;
    CHECK_OK(kja_address_sockaddr(names[i], &raw[i], sizeof raw[i], &size));
    CHECK_U64(size, sizeof raw[i]);
    CHECK_U64(raw[i].sin_family, AF_INET);
    CHECK_U64(ntohl(raw[i].sin_addr.s_addr), INADDR_LOOPBACK);
    CHECK(i > 2 || ntohs(raw[i].sin_port) == port);
    CHECK_OK(kja_address_release(names[i]));
  }
  CHECK_U64(raw[3].sin_port, raw[4].sin_port);
  CHECK_OK(kja_connection_release(client));
  CHECK_OK(kja_connection_release(server));
  CHECK_OK(kja_listener_release(listener));
  runtime_close(runtime);
}

/* parity: NET-18, NET-19, NET-13 */
static void a_listener_has_options_and_a_port(void) {
  kja_runtime_t runtime = runtime_open();
  kja_listener_t listener = listen_on_loopback(runtime);
  int value = 0;
  size_t size = 0;
  uint16_t port = 0;
  CHECK_OK(kja_listener_port(listener, &port));
  CHECK_U64(port, port_of(listener));
  CHECK_OK(kja_listener_getsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &value, sizeof value, &size));
  CHECK_U64(size, sizeof value);
  CHECK(value != 0);
  value = 1;
  CHECK_OK(kja_listener_setsockopt(listener, SOL_SOCKET, SO_KEEPALIVE, &value, sizeof value));
  value = 0;
  CHECK_OK(kja_listener_getsockopt(listener, SOL_SOCKET, SO_KEEPALIVE, &value, sizeof value, &size));
  CHECK(value != 0);
  CHECK(kja_listener_setsockopt(listener, 12345, 6789, &value, sizeof value) != KJA_OK);
  CHECK(kja_last_error_os() != 0);
  CHECK_OK(kja_listener_close(listener));
  CHECK_IS(kja_listener_port(listener, &port), KJA_ERR_CANCELED);
  CHECK_IS(kja_listener_getsockopt(listener, SOL_SOCKET, SO_KEEPALIVE, &value, sizeof value, &size), KJA_ERR_CANCELED);
  CHECK_OK(kja_listener_release(listener));
  runtime_close(runtime);
}

int main(void) {
  RUN_IN_BOTH(options_are_read_and_set);
  RUN_IN_BOTH(what_the_system_refuses_keeps_its_error);
  RUN_IN_BOTH(what_is_no_socket_has_neither_options_nor_names);
  RUN_IN_BOTH(names_are_there_as_raw_addresses);
  RUN_IN_BOTH(a_listener_has_options_and_a_port);
  return check_done();
}
