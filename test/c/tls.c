/* TLS: contexts, key pairs and handshakes. */
#include "tls.h"

#include "provider.h"

/* parity: TLS-01, TLS-08, TLS-12, TLS-17, TLS-18 */
static void both_ends_are_secure_until_they_say_goodbye(void) {
  kja_runtime_t runtime = runtime_open();
  kja_tls_context_t client = tls_client(runtime), server = tls_server(runtime);
  pair_t pair = tls_pair_open(runtime, client, server);
  tls_release(client, server);
  write_text(pair.client, "hello");
  expect_text(read_required_start(pair.server, 5, 5), "hello");
  size_t size = scaled(3000000);
  char *data = pattern_new(size);
  kja_promise_t writing = write_start(pair.server, data, size);
  kja_promise_t reading = read_required_start(pair.client, size, size);
  CHECK_U64(take_pattern(reading, 0), size);
  expect(writing, KJA_OK);
  free(data);
  shutdown_write(pair.client);
  expect_text(read_start(pair.server, 1, 1), "");
  write_text(pair.server, "answer");
  expect_text(read_required_start(pair.client, 6, 6), "answer");
  CHECK_OK(kja_connection_release(pair.server));
  expect_error(read_start(pair.client, 1, 1), KJA_ERR_DISCONNECTED, "goodbye");
  CHECK_OK(kja_connection_release(pair.client));
  runtime_close(runtime);
}

/* parity: TLS-13, TLS-19, TLS-23, TLS-24, TLS-25, TLS-26, TLS-27 */
static void a_peer_tells_what_it_has_shown(void) {
  kja_runtime_t runtime = runtime_open();
  kja_tls_options_t options = tls_options();
  kja_slice_t alpn[2];
  alpn[0] = slice_of_text("echo/1");
  alpn[1] = slice_of_text("echo/2");
  options.alpn = alpn;
  options.alpn_count = 2;
  kja_tls_context_t client = tls_open(runtime, options, "authority.der", 0);
  options.alpn = alpn + 1;
  options.alpn_count = 1;
  options.max_version = KJA_TLS_1_2;
  kja_tls_context_t server = tls_open(runtime, options, "authority.pem", key_pair_open("chain.pem", "server.key"));
  pair_t pair = tls_pair_open(runtime, client, server);
  kja_peer_t peer = peer_of(pair.client), below = 0, anonymous = peer_of(pair.server);
  char text[100];
  size_t count = 0, length = 0;
  uint32_t number = 0;
  bool yes = false;
  CHECK_OK(kja_peer_kind(peer, &number));
  CHECK_U64(number, KJA_PEER_TLS);
  CHECK_OK(kja_peer_text(peer, text, sizeof text, NULL));
  CHECK(strcmp(text, "localhost") == 0);
  CHECK_OK(kja_tls_peer_common_name(peer, text, sizeof text, &length));
  CHECK(strcmp(text, "localhost") == 0 && length == 9);
  CHECK_OK(kja_tls_peer_certificate_count(peer, &count));
  CHECK_U64(count, 2);
  kja_bytes_t certificate = 0;
  const void *data = NULL;
  CHECK_OK(kja_tls_peer_certificate(peer, 0, &certificate));
  CHECK_OK(kja_bytes_data(certificate, &data, &length));
  text_t leaf = text_of("server.der");
  CHECK(length == leaf.size && memcmp(data, leaf.data, length) == 0);
  free(leaf.data);
  CHECK_OK(kja_bytes_release(certificate));
  CHECK_IS(kja_tls_peer_certificate(peer, 2, &certificate), KJA_ERR_INVALID_ARGUMENT);
  static const char *const NAMES[] = {"localhost", "*.wild.test", "127.0.0.1", "a@example.org", "http://example.org/"};
  static const uint32_t KINDS[] = {KJA_TLS_NAME_DNS, KJA_TLS_NAME_DNS, KJA_TLS_NAME_IP, KJA_TLS_NAME_EMAIL,
                                   KJA_TLS_NAME_URI};
  CHECK_OK(kja_tls_peer_alt_name_count(peer, &count));
  CHECK_U64(count, 5);
  for (size_t i = 0; i < count && i < 5; i++) {
    CHECK_OK(kja_tls_peer_alt_name(peer, i, &number, text, sizeof text, NULL));
    CHECK(strcmp(text, NAMES[i]) == 0 && number == KINDS[i]);
  }
  CHECK_IS(kja_tls_peer_alt_name(peer, 5, NULL, text, sizeof text, NULL), KJA_ERR_INVALID_ARGUMENT);
  CHECK_OK(kja_tls_peer_matches_host(peer, "a.wild.test", 11, &yes));
  CHECK(yes);
  CHECK_OK(kja_tls_peer_matches_host(peer, "wild.test", 9, &yes));
  CHECK(!yes);
  CHECK_OK(kja_tls_peer_alpn(peer, text, sizeof text, &length));
  CHECK(length == 6 && memcmp(text, "echo/2", 6) == 0);
  CHECK_OK(kja_tls_peer_version(peer, &number));
  CHECK_U64(number, KJA_TLS_1_2);
  CHECK_OK(kja_tls_peer_cipher_suite(peer, text, sizeof text, NULL));
  CHECK(strncmp(text, "TLS_ECDHE_ECDSA_WITH_", 21) == 0);
  CHECK_OK(kja_tls_peer_is_resumed(peer, &yes));
  CHECK(!yes);
  CHECK_OK(kja_tls_peer_server_name(anonymous, text, sizeof text, NULL));
  CHECK(strcmp(text, "localhost") == 0);
  CHECK_OK(kja_tls_peer_certificate_count(anonymous, &count));
  CHECK_U64(count, 0);
  CHECK_IS(kja_tls_peer_common_name(anonymous, text, sizeof text, NULL), KJA_ERR_INVALID_ARGUMENT);
  CHECK_OK(kja_peer_text(anonymous, text, sizeof text, NULL));
  CHECK(strcmp(text, "(anonymous client)") == 0);
  CHECK_OK(kja_peer_below(peer, &below));
  CHECK_OK(kja_peer_kind(below, &number));
  CHECK_U64(number, KJA_PEER_NETWORK);
  CHECK_IS(kja_tls_peer_version(below, &number), KJA_ERR_WRONG_TYPE);
  int32_t fd = -1;
  CHECK_OK(kja_connection_fd(pair.client, &fd));
  CHECK_OK(kja_peer_release(below));
  CHECK_OK(kja_peer_release(peer));
  CHECK_OK(kja_peer_release(anonymous));
  pair_release(pair);
  tls_release(client, server);
  runtime_close(runtime);
}

/* parity: TLS-04, TLS-12 */
static void an_error_says_which_check_has_failed(void) {
  kja_runtime_t runtime = runtime_open();
  kja_tls_context_t client = tls_client(runtime), server = tls_server(runtime);
  kja_tls_context_t strange =
      tls_open(runtime, tls_options(), "authority.pem", key_pair_open("strange.pem", "strange.key"));
  pair_t pair = pair_open(runtime);
  kja_promise_t accepting = tls_server_start(server, pair.server);
  expect_tls_failure(tls_client_start(client, pair.client, "other.test"), KJA_ERR_FAILED, KJA_TLS_FAILURE_WRONG_NAME,
                     "not for other.test; it is for");
  expect_tls_failure(accepting, KJA_ERR_FAILED, KJA_TLS_FAILURE_ALERT, "alert");
  pair = pair_open(runtime);
  accepting = tls_server_start(strange, pair.server);
  expect_tls_failure(tls_client_start(client, pair.client, "localhost"), KJA_ERR_FAILED,
                     KJA_TLS_FAILURE_UNKNOWN_ISSUER, "nobody who is trusted");
  expect_tls_failure(accepting, KJA_ERR_FAILED, KJA_TLS_FAILURE_ALERT, "alert");
  pair = pair_open(runtime);
  accepting = tls_server_start(server, pair.server);
  write_text(pair.client, "GET / HTTP/1.1\r\n\r\n");
  expect_tls_failure(accepting, KJA_ERR_FAILED, KJA_TLS_FAILURE_PROTOCOL, "TLS");
  CHECK_OK(kja_connection_release(pair.client));
  pair = pair_open(runtime);
  accepting = tls_server_start(server, pair.server);
  CHECK_OK(kja_connection_release(pair.client));
  expect_tls_failure(accepting, KJA_ERR_DISCONNECTED, KJA_TLS_FAILURE_NONE, "");
  tls_release(client, server);
  CHECK_OK(kja_tls_context_release(strange));
  runtime_close(runtime);
}

/* parity: TLS-20, TLS-21, TLS-22 */
static void keys_are_read_in_every_form(void) {
  static const char *const KEYS[] = {"server.key", "server.key.der", "server.pkcs8", "server.pkcs8.der"};
  static const char *const LOCKED[] = {"server.locked", "server.locked.der"};
  kja_tls_key_pair_t pair = 0;
  for (size_t i = 0; i < 4; i++) {
    CHECK_OK(key_pair_from(i % 2 ? "chain.der" : "chain.pem", KEYS[i], NULL, &pair));
    CHECK_OK(kja_tls_key_pair_release(pair));
  }
  for (size_t i = 0; i < 2; i++) {
    CHECK_OK(key_pair_from("server.pem", LOCKED[i], "secret", &pair));
    CHECK_OK(kja_tls_key_pair_release(pair));
    CHECK_IS(key_pair_from("server.pem", LOCKED[i], "wrong", &pair), KJA_ERR_INVALID_ARGUMENT);
    CHECK_IS(key_pair_from("server.pem", LOCKED[i], NULL, &pair), KJA_ERR_INVALID_ARGUMENT);
    CHECK_U64(pair, 0);
  }
  CHECK_OK(key_pair_from("rsa.pem", "rsa.traditional", NULL, &pair));
  CHECK_OK(kja_tls_key_pair_release(pair));
  CHECK_OK(key_pair_from("rsa.pem", "rsa.key", NULL, &pair));
  CHECK_OK(kja_tls_key_pair_release(pair));
  char text[300];
  CHECK_IS(key_pair_from("server.pem", "server.old", "secret", &pair), KJA_ERR_INVALID_ARGUMENT);
  kja_last_error_text(text, sizeof text);
  CHECK(strstr(text, "PKCS 8") != NULL);
  CHECK_IS(key_pair_from("server.pem", "client.key", NULL, &pair), KJA_ERR_INVALID_ARGUMENT);
  CHECK_IS(key_pair_from("server.key", "server.key", NULL, &pair), KJA_ERR_INVALID_ARGUMENT);
  CHECK_IS(key_pair_from("server.pem", "server.pem", NULL, &pair), KJA_ERR_INVALID_ARGUMENT);
}

/* parity: TLS-02, TLS-05, TLS-06, TLS-07 */
static void options_are_checked_and_their_context_is_freed(void) {
  kja_runtime_t runtime = runtime_open();
  count_t destroyed = {0};
  kja_tls_options_t options = tls_options();
  kja_tls_context_t tls = 1;
  char text[300];
  options.ctx = &destroyed;
  options.destroy = count_destroy;
  options.min_version = 0x0301;
  CHECK_IS(kja_tls_context_new(runtime, &options, &tls), KJA_ERR_INVALID_ARGUMENT);
  kja_last_error_text(text, sizeof text);
  CHECK(strstr(text, "TLS 1.2 is the lowest") != NULL && tls == 0);
  options.min_version = KJA_TLS_1_3;
  options.max_version = KJA_TLS_1_2;
  CHECK_IS(kja_tls_context_new(runtime, &options, &tls), KJA_ERR_INVALID_ARGUMENT);
  options.max_version = 0;
  options.cipher_suites = slice_of_text("TLS_RSA_WITH_NULL_MD5");
  CHECK_IS(kja_tls_context_new(runtime, &options, &tls), KJA_ERR_INVALID_ARGUMENT);
  options.cipher_suites = slice_of_text("TLS_AES_256_GCM_SHA384");
  options.groups = slice_of_text("secp521r1");
  CHECK_IS(kja_tls_context_new(runtime, &options, &tls), KJA_ERR_INVALID_ARGUMENT);
  options.groups = slice_of_text("x25519");
  options.flags |= 8;
  CHECK_IS(kja_tls_context_new(runtime, &options, &tls), KJA_ERR_INVALID_ARGUMENT);
  options.flags &= ~8u;
  options.clients = 3;
  CHECK_IS(kja_tls_context_new(runtime, &options, &tls), KJA_ERR_INVALID_ARGUMENT);
  options.clients = KJA_TLS_CLIENTS_DEMANDED;
  CHECK_IS(kja_tls_context_new(runtime, &options, &tls), KJA_ERR_INVALID_ARGUMENT);
  options.clients = 0;
  options.key_pair = 77;
  CHECK_IS(kja_tls_context_new(runtime, &options, &tls), KJA_ERR_BAD_HANDLE);
  options.key_pair = 0;
  CHECK_U64(count_get(&destroyed), 8);
  options.size = 3;
  CHECK_IS(kja_tls_context_new(runtime, &options, &tls), KJA_ERR_INVALID_ARGUMENT);
  CHECK_U64(count_get(&destroyed), 8);
  options.size = sizeof options;
  options.on_accept_error = do_nothing;
  CHECK_OK(kja_tls_context_new(runtime, &options, &tls));
  kja_network_wrapper_t wrapper = wrapper_of(tls);
  CHECK_OK(kja_tls_context_release(tls));
  CHECK_U64(count_get(&destroyed), 8);
  CHECK_OK(kja_network_wrapper_release(wrapper));
  CHECK_U64(count_get(&destroyed), 9);
  /* Whom the system trusts, which may be nobody in a bare container. */
  CHECK_OK(kja_tls_context_new(runtime, NULL, &tls));
  CHECK_OK(kja_tls_context_release(tls));
  runtime_close(runtime);
}

/* parity: TLS-12 */
static void a_cancelled_handshake_closes_the_connection(void) {
  kja_runtime_t runtime = runtime_open();
  kja_tls_context_t client = tls_client(runtime), server = tls_server(runtime);
  pair_t pair = pair_open(runtime);
  kja_promise_t connecting = tls_client_start(client, pair.client, "localhost");
  stays_pending(runtime, connecting);
  CHECK_OK(kja_promise_release(connecting));
  kja_promise_t reading = read_all_start(pair.server, 100000);
  CHECK_OK(kja_promise_await(reading));
  CHECK_OK(kja_promise_release(reading));
  CHECK_OK(kja_connection_release(pair.server));
  tls_release(client, server);
  runtime_close(runtime);
}

/* parity: LLIO-13, TLS-12 */
static void streams_of_the_programs_own_are_secured(void) {
  kja_runtime_t runtime = runtime_open();
  kja_tls_context_t client = tls_client(runtime), server = tls_server(runtime);
  pair_t pair = two_way_open(runtime);
  relay_t relay;
  kja_promise_t accepting = tls_server_start(server, relay_over(runtime, pair.server));
  pair.client = handle_from(tls_client_start(client, relay_open(&relay, runtime, pair.client), "localhost"));
  pair.server = handle_from(accepting);
  tls_release(client, server);
  size_t size = scaled(300000);
  char *data = pattern_new(size);
  kja_promise_t writing = write_start(pair.server, data, size);
  CHECK_U64(take_pattern(read_required_start(pair.client, size, size), 0), size);
  expect(writing, KJA_OK);
  /* A write that was cancelled above goes on below, where its record has begun. */
  kja_promise_t cancelled = write_start(pair.client, data, 10);
  CHECK_OK(kja_promise_release(cancelled));
  writing = write_text_start(pair.client, "next");
  kja_promise_t reading = read_all_start(pair.server, 100);
  expect(writing, KJA_OK);
  shutdown_write(pair.client);
  kja_bytes_t bytes = 0;
  const void *got = NULL;
  size_t length = 0;
  CHECK_OK(kja_promise_await(reading));
  CHECK_OK(kja_promise_bytes(reading, &bytes));
  CHECK_OK(kja_bytes_data(bytes, &got, &length));
  CHECK(length >= 4 && memcmp((const char *)got + length - 4, "next", 4) == 0);
  CHECK_OK(kja_bytes_release(bytes));
  CHECK_OK(kja_promise_release(reading));
  free(data);
  kja_peer_t peer = peer_of(pair.client);
  uint32_t kind = 0;
  CHECK_OK(kja_peer_kind(peer, &kind));
  CHECK_U64(kind, KJA_PEER_TLS);
  CHECK_OK(kja_peer_release(peer));
  CHECK(count_get(&relay.reads) > 0 && count_get(&relay.writes) > 0);
  pair_release(pair);
  CHECK_U64(count_get(&relay.destroyed), 1);
  runtime_close(runtime);
}

int main(void) {
  if (!have_certificates()) return check_done();
  RUN_IN_BOTH(both_ends_are_secure_until_they_say_goodbye);
  RUN_IN_BOTH(a_peer_tells_what_it_has_shown);
  RUN_IN_BOTH(an_error_says_which_check_has_failed);
  RUN(keys_are_read_in_every_form);
  RUN_IN_BOTH(options_are_checked_and_their_context_is_freed);
  RUN_IN_BOTH(a_cancelled_handshake_closes_the_connection);
  RUN_IN_BOTH(streams_of_the_programs_own_are_secured);
  return check_done();
}
