#include "names.h"

static kja_peer_t peer_of(kja_connection_t connection) {
  kja_peer_t peer = 0;
  CHECK_OK(kja_connection_peer(connection, &peer));
  return peer;
}
static void expect_kind(kja_peer_t peer, uint32_t kind) {
  uint32_t got = 99;
  CHECK_OK(kja_peer_kind(peer, &got));
  CHECK_U64(got, kind);
}
static void expect_peer_text(kja_peer_t peer, const char *text) {
  char got[200] = "";
  size_t length = 0;
  CHECK_OK(kja_peer_text(peer, got, sizeof got, &length));
  if (!CHECK(strcmp(got, text) == 0)) fprintf(stderr, "  %s, not %s\n", got, text);
  CHECK_U64(length, strlen(text));
}
static void expect_unknown(kja_peer_t peer) {
  uint64_t out = 1;
  expect_kind(peer, KJA_PEER_UNKNOWN);
  expect_peer_text(peer, "(unknown peer)");
  CHECK_IS(kja_peer_address(peer, &out), KJA_ERR_WRONG_TYPE);
  CHECK_U64(out, 0);
  CHECK_IS(kja_peer_credentials(peer, NULL, NULL, NULL), KJA_ERR_WRONG_TYPE);
  CHECK_OK(kja_peer_release(peer));
}

/* parity: NET-12, NET-17, PEER-01, PEER-02, PEER-06 */
static void a_tcp_peer_is_its_address_and_outlives_the_connection(void) {
  kja_runtime_t runtime = runtime_open();
  pair_t pair = pair_open(runtime);
  kja_peer_t of_client = peer_of(pair.client), of_server = peer_of(pair.server);
  kja_address_t client = 0, server = 0, own = 0;
  char text[80] = "";
  CHECK_OK(kja_connection_local_address(pair.client, &own));
  CHECK_OK(kja_address_text(own, text, sizeof text, NULL));
  CHECK_OK(kja_address_release(own));
  pair_release(pair);
  expect_kind(of_client, KJA_PEER_NETWORK);
  expect_kind(of_server, KJA_PEER_NETWORK);
  expect_peer_text(of_server, text);
  CHECK_OK(kja_peer_address(of_server, &client));
  expect_address_text(client, text);
  CHECK_OK(kja_peer_address(of_client, &server));
  CHECK_IS(kja_peer_credentials(of_client, NULL, NULL, NULL), KJA_ERR_WRONG_TYPE);
  CHECK_OK(kja_peer_release(of_client));
  CHECK_OK(kja_peer_release(of_server));
  expect_address_text(client, text);
  CHECK_OK(kja_address_release(client));
  CHECK_OK(kja_address_release(server));
  runtime_close(runtime);
}

/* parity: NET-17, PEER-02 */
static void a_peer_that_has_reset_is_still_known(void) {
  kja_runtime_t runtime = runtime_open();
  kja_listener_t listener = listen_on_loopback(runtime);
  int fd = plain_connect(port_of(listener));
  struct sockaddr_in own;
  socklen_t size = sizeof own;
  char text[40];
  CHECK(getsockname(fd, (struct sockaddr *)&own, &size) == 0);
  snprintf(text, sizeof text, "127.0.0.1:%u", (unsigned)ntohs(own.sin_port));
  kja_connection_t server = handle_from(accept_start(listener));
  plain_reset(fd);
  expect(read_start(server, 1, 1), KJA_ERR_DISCONNECTED);
  kja_peer_t peer = peer_of(server);
  expect_kind(peer, KJA_PEER_NETWORK);
  expect_peer_text(peer, text);
  CHECK_OK(kja_peer_release(peer));
  CHECK_OK(kja_connection_close(server));
  peer = peer_of(server);
  expect_peer_text(peer, text);
  CHECK_OK(kja_peer_release(peer));
  CHECK_OK(kja_connection_release(server));
  CHECK_OK(kja_listener_release(listener));
  runtime_close(runtime);
}

static void expect_ourselves(kja_peer_t peer) {
  int64_t pid = -2, uid = -2, gid = -2;
  uint64_t out = 1;
  expect_kind(peer, KJA_PEER_LOCAL);
  CHECK_OK(kja_peer_credentials(peer, &pid, &uid, &gid));
  CHECK_U64(pid, getpid());
  CHECK_U64(uid, geteuid());
  CHECK_U64(gid, getegid());
  CHECK_OK(kja_peer_credentials(peer, NULL, &uid, NULL));
  CHECK_IS(kja_peer_address(peer, &out), KJA_ERR_WRONG_TYPE);
  CHECK_OK(kja_peer_release(peer));
}

/* parity: NET-12, NET-17, PEER-03, PEER-06 */
static void a_local_peer_is_a_process(void) {
  kja_runtime_t runtime = runtime_open();
  folder_t folder = folder_open();
  const char *text = unix_in(&folder, "socket");
  kja_listener_t listener = listen_on(runtime, text);
  kja_promise_t accepting = accept_start(listener);
  kja_connection_t client = handle_from(connect_to_start(runtime, text)), server = handle_from(accepting);
  expect_ourselves(peer_of(client));
  expect_ourselves(peer_of(server));
  CHECK_OK(kja_connection_release(client));
  expect(read_start(server, 1, 1), KJA_OK);
  expect_ourselves(peer_of(server));
  CHECK_OK(kja_connection_release(server));
  CHECK_OK(kja_listener_release(listener));
  folder_remove(folder);
  runtime_close(runtime);
}

/* parity: NET-12, PEER-04 */
static void a_connection_that_is_no_socket_has_an_unknown_peer(void) {
  kja_runtime_t runtime = runtime_open();
  kja_connection_t one = 0, other = 0;
  CHECK_OK(kja_pipe_new_two_way(runtime, &one, &other));
  expect_unknown(peer_of(one));
  CHECK_OK(kja_connection_release(one));
  CHECK_OK(kja_connection_release(other));
  CHECK_OK(kja_pipe_new_os_one_way(runtime, &one, &other));
  expect_unknown(peer_of(one));
  CHECK_OK(kja_connection_release(one));
  CHECK_OK(kja_connection_release(other));
  runtime_close(runtime);
}

/* parity: PEER-01, PEER-05 */
static void applications_make_peers_of_their_own(void) {
  kja_runtime_t runtime = runtime_open();
  kja_address_t address = address_of(runtime, "[::1]:80", 0), got = 0;
  kja_peer_t peer = 0;
  int64_t pid = -2, uid = -2, gid = -2;
  CHECK_OK(kja_peer_new_network(address, &peer));
  CHECK_OK(kja_address_release(address));
  expect_peer_text(peer, "[::1]:80");
  CHECK_OK(kja_peer_address(peer, &got));
  expect_address_text(got, "[::1]:80");
  CHECK_OK(kja_address_release(got));
  CHECK_OK(kja_peer_release(peer));

  CHECK_OK(kja_peer_new_local(12, -1, 34, &peer));
  expect_kind(peer, KJA_PEER_LOCAL);
  CHECK_OK(kja_peer_credentials(peer, &pid, &uid, &gid));
  CHECK(pid == 12 && uid == -1 && gid == 34);
  expect_peer_text(peer, "(local peer: pid 12, gid 34)");
  CHECK_OK(kja_peer_release(peer));
  CHECK_IS(kja_peer_new_local(-2, 0, 0, &peer), KJA_ERR_INVALID_ARGUMENT);
  CHECK_IS(kja_peer_new_local(0, INT64_MAX, 0, &peer), KJA_ERR_INVALID_ARGUMENT);
  CHECK_U64(peer, 0);

  CHECK_OK(kja_peer_new_unknown(&peer));
  runtime_close(runtime);
  /* It belongs to no runtime. */
  expect_unknown(peer);
}

int main(void) {
  RUN_IN_BOTH(a_tcp_peer_is_its_address_and_outlives_the_connection);
  RUN_IN_BOTH(a_peer_that_has_reset_is_still_known);
  RUN_IN_BOTH(a_local_peer_is_a_process);
  RUN_IN_BOTH(a_connection_that_is_no_socket_has_an_unknown_peer);
  RUN_IN_BOTH(applications_make_peers_of_their_own);
  return check_done();
}
