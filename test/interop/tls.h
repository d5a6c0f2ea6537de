/* The parts of the tool that speak TLS. Its option `--tls FOLDER FLAGS` secures each connection with what test/certificates has
 * made there. FLAGS is a text of letters: `2` and `3` leave one version, `c` shows a client's certificate, `d` demands one of
 * clients, `a` offers the protocol `tool/1`,
 * `w` expects another name. */
#ifndef KJASYNC_INTEROP_TLS_H
#define KJASYNC_INTEROP_TLS_H

static kja_tls_context_t tls;

typedef struct file_t {
  char data[20000];
  size_t size;
} file_t;

static file_t file_in(const char *folder, const char *name) {
  char path[1000];
  file_t file;
  snprintf(path, sizeof path, "%s/%s", folder, name);
  FILE *from = fopen(path, "rb");
  if (!from) die(path);
  file.size = fread(file.data, 1, sizeof file.data, from);
  fclose(from);
  return file;
}

static void tls_open(const char *folder, const char *flags, int is_client) {
  kja_tls_options_t options;
  kja_slice_t alpn;
  memset(&options, 0, sizeof options);
  options.size = sizeof options;
  options.flags = KJA_TLS_NO_SYSTEM_TRUST;
  file_t trusted = file_in(folder, "authority.pem");
  options.trusted.data = trusted.data;
  options.trusted.size = trusted.size;
  if (strchr(flags, '2')) options.max_version = KJA_TLS_1_2;
  if (strchr(flags, '3')) options.min_version = KJA_TLS_1_3;
  if (strchr(flags, 'd')) options.clients = KJA_TLS_CLIENTS_DEMANDED;
  alpn.data = "tool/1";
  alpn.size = 6;
  options.alpn = &alpn;
  options.alpn_count = strchr(flags, 'a') != NULL;
  if (!is_client || strchr(flags, 'c')) {
    file_t chain = file_in(folder, is_client ? "client.pem" : "chain.pem");
    file_t key = file_in(folder, is_client ? "client.key" : "server.key");
    must(kja_tls_key_pair_new(chain.data, chain.size, key.data, key.size, NULL, 0, &options.key_pair), "a key pair");
  }
  must(kja_tls_context_new(runtime, &options, &tls), "a TLS context");
  if (options.key_pair) must(kja_tls_key_pair_release(options.key_pair), "release of a key pair");
}

/* The secure connection; 0 if the handshake failed, which is noted. */
static kja_connection_t secured(result_t *result, kja_connection_t connection, const char *host) {
  kja_network_wrapper_t wrapper = 0;
  kja_promise_t handshake = 0;
  kja_connection_t secure = 0;
  must(kja_tls_context_wrapper(tls, &wrapper), "the wrapper");
  kja_status_t started =
      host ? kja_network_wrapper_wrap_client_start(wrapper, connection, host, strlen(host), &handshake)
           : kja_network_wrapper_wrap_server_start(wrapper, connection, &handshake);
  must(kja_network_wrapper_release(wrapper), "release of a wrapper");
  if (settled(result, started, &handshake, "handshake")) {
    must(kja_promise_handle(handshake, &secure), "the secure connection");
  } else {
    kja_error_t error = 0;
    uint32_t failure = 0;
    must(kja_promise_error_object(handshake, &error), "the error");
    must(kja_tls_failure(error, &failure), "the failure");
    must(kja_error_release(error), "release of an error");
    result->count = failure;
  }
  must(kja_promise_release(handshake), "release of a handshake");
  return secure;
}

/* Tells what the peer has shown. */
static void tell_peer(kja_connection_t connection) {
  kja_peer_t peer = 0;
  char suite[100], alpn[100] = "";
  uint32_t version = 0;
  bool resumed = false;
  must(kja_connection_peer(connection, &peer), "the peer");
  must(kja_tls_peer_version(peer, &version), "the version");
  must(kja_tls_peer_cipher_suite(peer, suite, sizeof suite, NULL), "the suite");
  must(kja_tls_peer_alpn(peer, alpn, sizeof alpn - 1, NULL), "the protocol");
  must(kja_tls_peer_is_resumed(peer, &resumed), "resumed");
  must(kja_peer_release(peer), "release of a peer");
  printf("secure version=%x suite=%s alpn=%s resumed=%d\n", version, suite, alpn, resumed);
  fflush(stdout);
}

static void say_hello(void *ctx, kja_call_t call) {
  kja_http_request_t request = 0;
  (void)ctx;
  must(kja_call_handle(call, &request), "the request");
  must(kja_http_request_respond(request, 200, NULL, 0, 0, "hello over TLS\n", 15), "the response");
  must(kja_http_request_release(request), "release of a request");
}
/* Serves HTTP. */
static void http(result_t *result, kja_connection_t connection) {
  kja_http_server_t server = 0;
  kja_promise_t serving = 0;
  must(kja_http_server_new(runtime, NULL, say_hello, NULL, NULL, &server), "a server");
  finish(result, kja_http_server_serve_start(server, connection, &serving), &serving, "serve");
  must(kja_http_server_release(server), "release of a server");
}

#endif
