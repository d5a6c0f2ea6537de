/* TLS: what user code decides in handshakes, listeners, and HTTP over TLS. */
#include "http.h"
#include "tls.h"

typedef struct desk_t {
  kja_tls_key_pair_t pair;
  kja_promise_t later; /* of a key pair; given away */
  count_t names, authorities, judged, failed, last_failure;
} desk_t;

static int input_is(kja_call_t call, const char *text) {
  kja_bytes_t bytes = 0;
  const void *data = NULL;
  size_t size = 0;
  CHECK_OK(kja_call_bytes(call, &bytes));
  CHECK_OK(kja_bytes_data(bytes, &data, &size));
  int is = size == strlen(text) && memcmp(data, text, size) == 0;
  CHECK_OK(kja_bytes_release(bytes));
  return is;
}

static void by_name(void *ctx, kja_call_t call) {
  desk_t *desk = (desk_t *)ctx;
  count_add(&desk->names, 1);
  if (input_is(call, "localhost")) {
    CHECK_OK(kja_call_return_handle(call, desk->pair));
  } else if (input_is(call, "later.wild.test")) {
    CHECK_OK(kja_call_return_promise(call, desk->later));
  } else if (input_is(call, "no.wild.test")) {
    CHECK_OK(kja_call_return_error(call, KJA_ERR_OVERLOADED, 0, "too many", 8));
  }
}
static void by_authorities(void *ctx, kja_call_t call) {
  desk_t *desk = (desk_t *)ctx;
  if (!input_is(call, "")) count_add(&desk->authorities, 1);
  CHECK_OK(kja_call_return_handle(call, desk->pair));
}
static void judge(void *ctx, kja_call_t call) {
  desk_t *desk = (desk_t *)ctx;
  kja_peer_t peer = 0;
  char name[100];
  bool matches = false;
  CHECK_OK(kja_call_handle(call, &peer));
  CHECK_OK(kja_tls_peer_server_name(peer, name, sizeof name, NULL));
  CHECK_OK(kja_tls_peer_matches_host(peer, name, strlen(name), &matches));
  CHECK_OK(kja_peer_release(peer));
  count_add(&desk->judged, 1);
  if (!matches) CHECK_OK(kja_call_return_error(call, KJA_ERR_UNIMPLEMENTED, 0, "my reason", 9));
}
static void hear(void *ctx, kja_call_t call) {
  desk_t *desk = (desk_t *)ctx;
  kja_error_t error = 0;
  uint32_t failure = 0;
  CHECK_OK(kja_call_error_object(call, &error));
  CHECK_OK(kja_tls_failure(error, &failure));
  CHECK_OK(kja_error_release(error));
  count_set(&desk->last_failure, failure);
  count_add(&desk->failed, 1);
}

/* parity: TLS-09 */
static void a_server_shows_a_certificate_by_name(void) {
  kja_runtime_t runtime = runtime_open();
  desk_t desk;
  memset(&desk, 0, sizeof desk);
  desk.pair = key_pair_open("server.pem", "server.key");
  kja_fulfiller_t fulfiller = 0;
  CHECK_OK(kja_fulfiller_new(runtime, &fulfiller, &desk.later));
  kja_tls_options_t options = tls_options();
  options.on_server_name = by_name;
  options.ctx = &desk;
  kja_tls_context_t client = tls_client(runtime), server = tls_open(runtime, options, "authority.pem", 0);
  pair_t pair = tls_pair_open(runtime, client, server);
  pair_release(pair);
  pair = pair_open(runtime);
  kja_promise_t accepting = tls_server_start(server, pair.server);
  kja_promise_t connecting = tls_client_start(client, pair.client, "later.wild.test");
  stays_pending(runtime, accepting);
  CHECK_OK(kja_fulfiller_handle(fulfiller, desk.pair));
  CHECK_OK(kja_fulfiller_release(fulfiller));
  pair.client = handle_from(connecting);
  pair.server = handle_from(accepting);
  pair_release(pair);
  static const char *const REFUSED[] = {"no.wild.test", "unknown.wild.test"};
  static const kja_status_t KINDS[] = {KJA_ERR_OVERLOADED, KJA_ERR_FAILED};
  for (int i = 0; i < 2; i++) {
    pair = pair_open(runtime);
    accepting = tls_server_start(server, pair.server);
    connecting = tls_client_start(client, pair.client, REFUSED[i]);
    expect_tls_failure(connecting, KJA_ERR_FAILED, KJA_TLS_FAILURE_ALERT, i ? "UnrecognisedName" : "InternalError");
    expect_tls_failure(accepting, KINDS[i], KJA_TLS_FAILURE_REFUSED, i ? "unknown.wild.test" : "too many");
  }
  CHECK_U64(count_get(&desk.names), 4);
  CHECK_OK(kja_tls_key_pair_release(desk.pair));
  tls_release(client, server);
  runtime_close(runtime);
}

/* parity: TLS-03, TLS-08, TLS-12 */
static void clients_are_asked_and_peers_are_judged(void) {
  kja_runtime_t runtime = runtime_open();
  desk_t desk;
  memset(&desk, 0, sizeof desk);
  desk.pair = key_pair_open("client.pem", "client.key");
  kja_tls_options_t options = tls_options();
  options.clients = KJA_TLS_CLIENTS_DEMANDED;
  kja_tls_context_t server =
      tls_open(runtime, options, "authority.pem", key_pair_open("server.pem", "server.key"));
  options = tls_options();
  options.on_client_certificate = by_authorities;
  options.verify_also = judge;
  options.ctx = &desk;
  kja_tls_context_t client = tls_open(runtime, options, "authority.pem", 0);
  pair_t pair = tls_pair_open(runtime, client, server);
  kja_peer_t peer = peer_of(pair.server);
  char text[100];
  CHECK_OK(kja_peer_text(peer, text, sizeof text, NULL));
  CHECK(strcmp(text, "someone") == 0);
  CHECK_OK(kja_peer_release(peer));
  pair_release(pair);
  CHECK_U64(count_get(&desk.judged), 1);
  CHECK_U64(count_get(&desk.authorities), 1);
  CHECK_OK(kja_tls_context_release(client));
  /* In place of all checks. */
  options.verify_also = NULL;
  options.dangerous_verify_instead = judge;
  client = tls_open(runtime, options, "stranger.pem", 0);
  pair = tls_pair_open(runtime, client, server);
  pair_release(pair);
  pair = pair_open(runtime);
  kja_promise_t accepting = tls_server_start(server, pair.server);
  expect_tls_failure(tls_client_start(client, pair.client, "other.test"), KJA_ERR_UNIMPLEMENTED,
                     KJA_TLS_FAILURE_REFUSED, "my reason");
  expect_tls_failure(accepting, KJA_ERR_FAILED, KJA_TLS_FAILURE_ALERT, "alert");
  CHECK_OK(kja_tls_context_release(client));
  /* Without a certificate. */
  client = tls_client(runtime);
  pair = pair_open(runtime);
  accepting = tls_server_start(server, pair.server);
  kja_promise_t connecting = tls_client_start(client, pair.client, "localhost");
  expect_tls_failure(accepting, KJA_ERR_FAILED, KJA_TLS_FAILURE_NO_CERTIFICATE, "no certificate");
  CHECK_OK(kja_promise_release(connecting));
  CHECK_OK(kja_tls_key_pair_release(desk.pair));
  tls_release(client, server);
  runtime_close(runtime);
}

/* parity: TLS-11, TLS-14, TLS-22 */
static void a_listener_hears_of_failures_and_goes_on(void) {
  kja_runtime_t runtime = runtime_open();
  desk_t desk;
  memset(&desk, 0, sizeof desk);
  kja_tls_options_t options = tls_options();
  options.on_accept_error = hear;
  options.ctx = &desk;
  kja_tls_context_t client = tls_client(runtime);
  kja_tls_context_t server = tls_open(runtime, options, "authority.pem", 0);
  kja_tls_key_pair_t key_pair = key_pair_open("server.pem", "server.key");
  CHECK_OK(kja_tls_context_set_key_pair(server, key_pair));
  CHECK_OK(kja_tls_key_pair_release(key_pair));
  kja_network_wrapper_t wrapper = wrapper_of(server);
  kja_listener_t inner = listen_on_loopback(runtime), listener = 0;
  CHECK_OK(kja_network_wrapper_wrap_listener(wrapper, inner, &listener));
  CHECK_OK(kja_network_wrapper_release(wrapper));
  kja_promise_t accepting = accept_start(listener);
  kja_connection_t wrong = handle_from(connect_start(inner)), stalled = handle_from(connect_start(inner));
  write_text(wrong, "GET / HTTP/1.1\r\n\r\n");
  pair_t pair;
  pair.client = handle_from(tls_client_start(client, handle_from(connect_start(inner)), "localhost"));
  pair.server = handle_from(accepting);
  write_text(pair.client, "x");
  expect_text(read_start(pair.server, 1, 1), "x");
  CHECK_U64(count_get(&desk.failed), 1);
  CHECK_U64(count_get(&desk.last_failure), KJA_TLS_FAILURE_PROTOCOL);
  pair_release(pair);
  CHECK_OK(kja_connection_release(wrong));
  CHECK_OK(kja_connection_release(stalled));
  CHECK_OK(kja_listener_release(inner));
  CHECK_OK(kja_listener_release(listener));
  tls_release(client, server);
  runtime_close(runtime);
}

/* A server over TLS with this service, and a client that trusts it. */
typedef struct site_t {
  kja_runtime_t runtime;
  kja_http_server_t server;
  kja_http_client_t client;
  kja_network_t network;
  kja_listener_t listener;
  kja_promise_t listening;
  kja_http_server_options_t server_options;
  kja_http_client_options_t client_options;
  char url[100];
} site_t;

static site_t site_open(kja_callback_fn service, const char *scheme) {
  site_t site;
  memset(&site, 0, sizeof site);
  site.runtime = runtime_open();
  site.server_options.size = sizeof site.server_options;
  site.client_options.size = sizeof site.client_options;
  site.server_options.tls = tls_server(site.runtime);
  site.client_options.tls = tls_client(site.runtime);
  CHECK_OK(kja_network_new(site.runtime, &site.network));
  CHECK_OK(kja_http_server_new(site.runtime, &site.server_options, service, NULL, NULL, &site.server));
  CHECK_OK(kja_http_client_new(site.network, &site.client_options, &site.client));
  tls_release(site.client_options.tls, site.server_options.tls);
  site.listener = listen_on_loopback(site.runtime);
  CHECK_OK(kja_http_server_listen_start(site.server, site.listener, &site.listening));
  snprintf(site.url, sizeof site.url, "%s://localhost:%u/secret", scheme, port_of(site.listener));
  return site;
}

static void site_close(site_t *site) {
  CHECK_OK(kja_http_client_release(site->client));
  CHECK_OK(kja_promise_release(site->listening));
  CHECK_OK(kja_http_server_release(site->server));
  CHECK_OK(kja_listener_release(site->listener));
  CHECK_OK(kja_network_release(site->network));
  runtime_close(site->runtime);
}

/* parity: HCLI-15, HSRV-08 */
static void https_is_an_option(void) {
  site_t site = site_open(hello, "https");
  kja_promise_t asking = 0;
  CHECK_OK(kja_http_client_request_start(site.client, "GET", 3, site.url, strlen(site.url), 0, NULL, 0, &asking));
  kja_http_response_t response = handle_from(asking);
  kja_connection_t body = 0;
  CHECK_OK(kja_http_response_body(response, &body));
  expect_text(read_all_start(body, 1000), "GET /secret 0\n");
  CHECK_OK(kja_connection_release(body));
  CHECK_OK(kja_http_response_release(response));
  /* Without a context. */
  CHECK_OK(kja_http_client_release(site.client));
  site.client_options.tls = 0;
  CHECK_OK(kja_http_client_new(site.network, &site.client_options, &site.client));
  CHECK_IS(kja_http_client_request_start(site.client, "GET", 3, site.url, strlen(site.url), 0, NULL, 0, &asking),
           KJA_ERR_UNIMPLEMENTED);
  site.server_options.tls = 77;
  kja_http_server_t none = 1;
  CHECK_IS(kja_http_server_new(site.runtime, &site.server_options, hello, NULL, NULL, &none), KJA_ERR_BAD_HANDLE);
  site_close(&site);
}

/* Sends the secret to whoever asks for a socket. */
static void tell(void *ctx, kja_call_t call) {
  kja_http_request_t request = request_of(call);
  kja_websocket_t socket = 0;
  kja_promise_t sent = 0;
  (void)ctx;
  CHECK_OK(kja_http_request_accept_websocket(request, 0, NULL, &socket));
  CHECK_OK(kja_websocket_send_start(socket, KJA_WEBSOCKET_TEXT, "secret", 6, &sent));
  CHECK_OK(kja_call_return_promise(call, sent));
  CHECK_OK(kja_websocket_release(socket));
  CHECK_OK(kja_http_request_release(request));
}

/* parity: HCLI-13, HCLI-15 */
static void a_websocket_goes_over_tls(void) {
  site_t site = site_open(tell, "wss");
  kja_promise_t asking = 0, receiving = 0;
  CHECK_OK(kja_http_client_websocket_start(site.client, site.url, strlen(site.url), 0, NULL, &asking));
  kja_websocket_t socket = handle_from(asking);
  const void *came = NULL;
  size_t size = 0;
  CHECK_OK(kja_websocket_receive_start(socket, 0, &receiving));
  kja_websocket_message_t message = handle_from(receiving);
  CHECK_OK(kja_websocket_message_data(message, &came, &size));
  CHECK(size == 6 && memcmp(came, "secret", 6) == 0);
  CHECK_OK(kja_websocket_message_release(message));
  CHECK_OK(kja_websocket_release(socket));
  site_close(&site);
}

int main(void) {
  if (!have_certificates()) return check_done();
  RUN_IN_BOTH(a_server_shows_a_certificate_by_name);
  RUN_IN_BOTH(clients_are_asked_and_peers_are_judged);
  RUN_IN_BOTH(a_listener_hears_of_failures_and_goes_on);
  RUN_IN_BOTH(https_is_an_option);
  RUN_IN_BOTH(a_websocket_goes_over_tls);
  return check_done();
}
