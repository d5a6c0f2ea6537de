/* TLS: certificates that test/certificates has made, and both ends of a secure connection. */
#ifndef KJASYNC_TEST_TLS_H
#define KJASYNC_TEST_TLS_H

#include "stream.h"

/* Whether there are certificates; the runner tells loudly if there are none. */
static inline int have_certificates(void) {
  return getenv("KJA_TEST_CERTIFICATES") != NULL;
}

/* What is in a file. */
typedef struct text_t {
  char *data;
  size_t size;
} text_t;

static inline text_t text_of(const char *name) {
  char path[1000];
  text_t text = {NULL, 0};
  snprintf(path, sizeof path, "%s/%s", getenv("KJA_TEST_CERTIFICATES"), name);
  FILE *file = fopen(path, "rb");
  if (!CHECK(file != NULL)) return text;
  text.data = (char *)malloc(100000);
  text.size = fread(text.data, 1, 100000, file);
  CHECK(fclose(file) == 0);
  return text;
}
static inline kja_slice_t slice_of(text_t text) {
  kja_slice_t slice;
  slice.data = text.data;
  slice.size = text.size;
  return slice;
}
static inline kja_slice_t slice_of_text(const char *text) {
  kja_slice_t slice;
  slice.data = text;
  slice.size = strlen(text);
  return slice;
}

static inline kja_status_t key_pair_from(const char *certificates, const char *key, const char *password,
                                         kja_tls_key_pair_t *pair) {
  text_t chain = text_of(certificates), secret = text_of(key);
  kja_status_t status = kja_tls_key_pair_new(chain.data, chain.size, secret.data, secret.size, password,
                                             password ? strlen(password) : 0, pair);
  free(chain.data);
  free(secret.data);
  return status;
}
static inline kja_tls_key_pair_t key_pair_open(const char *certificates, const char *key) {
  kja_tls_key_pair_t pair = 0;
  CHECK_OK(key_pair_from(certificates, key, NULL, &pair));
  return pair;
}

/* Options that trust the test's authority and nobody else. */
static inline kja_tls_options_t tls_options(void) {
  kja_tls_options_t options;
  memset(&options, 0, sizeof options);
  options.size = sizeof options;
  options.flags = KJA_TLS_NO_SYSTEM_TRUST;
  return options;
}
/* Trusts the authority in the file; shows this key pair, which may be none and is released. */
static inline kja_tls_context_t tls_open(kja_runtime_t runtime, kja_tls_options_t options, const char *authority,
                                         kja_tls_key_pair_t pair) {
  kja_tls_context_t tls = 0;
  text_t trusted = text_of(authority);
  options.trusted = slice_of(trusted);
  options.key_pair = pair;
  CHECK_OK(kja_tls_context_new(runtime, &options, &tls));
  free(trusted.data);
  if (pair) CHECK_OK(kja_tls_key_pair_release(pair));
  return tls;
}
static inline kja_tls_context_t tls_client(kja_runtime_t runtime) {
  return tls_open(runtime, tls_options(), "authority.pem", 0);
}
static inline kja_tls_context_t tls_server(kja_runtime_t runtime) {
  return tls_open(runtime, tls_options(), "authority.pem", key_pair_open("server.pem", "server.key"));
}

static inline kja_network_wrapper_t wrapper_of(kja_tls_context_t tls) {
  kja_network_wrapper_t wrapper = 0;
  CHECK_OK(kja_tls_context_wrapper(tls, &wrapper));
  return wrapper;
}
static inline kja_promise_t tls_client_start(kja_tls_context_t tls, kja_connection_t connection, const char *host) {
  kja_network_wrapper_t wrapper = wrapper_of(tls);
  kja_promise_t handshake = 0;
  CHECK_OK(kja_network_wrapper_wrap_client_start(wrapper, connection, host, strlen(host), &handshake));
  CHECK_OK(kja_network_wrapper_release(wrapper));
  return handshake;
}
static inline kja_promise_t tls_server_start(kja_tls_context_t tls, kja_connection_t connection) {
  kja_network_wrapper_t wrapper = wrapper_of(tls);
  kja_promise_t handshake = 0;
  CHECK_OK(kja_network_wrapper_wrap_server_start(wrapper, connection, &handshake));
  CHECK_OK(kja_network_wrapper_release(wrapper));
  return handshake;
}

/* Both ends of a connection that has been secured; the contexts stay the caller's. */
static inline pair_t tls_pair_open(kja_runtime_t runtime, kja_tls_context_t client, kja_tls_context_t server) {
  pair_t pair = pair_open(runtime);
  kja_promise_t accepting = tls_server_start(server, pair.server);
  pair.client = handle_from(tls_client_start(client, pair.client, "localhost"));
  pair.server = handle_from(accepting);
  return pair;
}
static inline void tls_release(kja_tls_context_t client, kja_tls_context_t server) {
  CHECK_OK(kja_tls_context_release(client));
  CHECK_OK(kja_tls_context_release(server));
}

static inline kja_peer_t peer_of(kja_connection_t connection) {
  kja_peer_t peer = 0;
  CHECK_OK(kja_connection_peer(connection, &peer));
  return peer;
}

/* Awaits and releases a promise, which must fail by this check, with a text that has `part` in it. */
static inline void expect_tls_failure(kja_promise_t promise, kja_status_t status, uint32_t check, const char *part) {
  kja_error_t error = 0;
  uint32_t failed = 99;
  char text[300];
  CHECK_IS(kja_promise_await(promise), status);
  if (CHECK_OK(kja_promise_error_object(promise, &error))) {
    CHECK_OK(kja_tls_failure(error, &failed));
    CHECK_U64(failed, check);
    CHECK_OK(kja_error_text(error, text, sizeof text, NULL));
    if (!CHECK(strstr(text, part) != NULL)) fprintf(stderr, "    \"%s\" has no \"%s\"\n", text, part);
    CHECK_OK(kja_error_release(error));
  }
  CHECK_OK(kja_promise_release(promise));
}

#endif
