/* HTTP clients of one address, on one connection, on a service in this process; limits; tunnels. */
#include "http.h"
#include "stream.h"

static kja_promise_t ask(kja_http_client_t client, const char *url) {
  kja_promise_t asked = 0;
  CHECK_OK(kja_http_client_request_start(client, "GET", 3, url, strlen(url), 0, NULL, 0, &asked));
  return asked;
}

static void expect_response(kja_promise_t asked, uint32_t expected, const char *text) {
  kja_http_response_t response = handle_from(asked);
  kja_connection_t body = 0;
  kja_promise_t read = 0;
  uint32_t status = 0;
  CHECK_OK(kja_http_response_status(response, &status));
  CHECK_U64(status, expected);
  CHECK_OK(kja_http_response_body(response, &body));
  CHECK_OK(kja_connection_read_all_start(body, 1000, &read));
  expect_bytes(read, text, strlen(text));
  CHECK_OK(kja_connection_release(body));
  CHECK_OK(kja_http_response_release(response));
}

/* Grants a tunnel to echo:1 and sends a word through it; refuses any other, and answers what is no CONNECT. */
static void keep_the_gate(void *ctx, kja_call_t call) {
  kja_http_request_t request = request_of(call);
  char method[20], target[100];
  CHECK_OK(kja_http_request_method(request, method, sizeof method, NULL));
  CHECK_OK(kja_http_request_target(request, target, sizeof target, NULL));
  if (strcmp(target, "/fails") == 0) {
    CHECK_OK(kja_call_return_error(call, KJA_ERR_OVERLOADED, 0, "no room", 7));
  } else if (strcmp(method, "CONNECT") != 0) {
    hello(ctx, call);
  } else if (strcmp(target, "echo:1") != 0) {
    CHECK_OK(kja_http_request_respond(request, 403, NULL, 0, 0, "not there", 9));
  } else {
    kja_connection_t tunnel = 0;
    CHECK_OK(kja_http_request_accept_tunnel(request, 200, NULL, 0, 0, &tunnel));
    CHECK_OK(kja_call_return_promise(call, pump_start(tunnel, tunnel, UINT64_MAX)));
    CHECK_OK(kja_connection_release(tunnel));
  }
  CHECK_OK(kja_http_request_release(request));
}

static void expect_tunnels(kja_http_client_t client) {
  kja_connection_t tunnel = 0;
  kja_promise_t asked = 0;
  uint32_t status = 0;
  CHECK_OK(kja_http_client_connect_start(client, "echo:1", 6, 0, NULL, &tunnel, &asked));
  send_text(tunnel, "hello");
  receive_text(tunnel, "hello");
  kja_http_response_t granted = handle_from(asked);
  CHECK_OK(kja_http_response_status(granted, &status));
  CHECK_U64(status, 200);
  CHECK_OK(kja_http_response_release(granted));
  send_text(tunnel, "more");
  receive_text(tunnel, "more");
  CHECK_OK(kja_connection_release(tunnel));
  CHECK_OK(kja_http_client_connect_start(client, "other:1", 7, 0, NULL, &tunnel, &asked));
  kja_promise_t read = read_start(tunnel, 1, 1);
  expect_response(asked, 403, "not there");
  expect(read, KJA_ERR_FAILED);
  CHECK_OK(kja_connection_release(tunnel));
  CHECK_IS(kja_http_client_connect_start(client, "echo", 4, 0, NULL, &tunnel, &asked), KJA_ERR_INVALID_ARGUMENT);
  CHECK_U64(tunnel, 0);
}

static kja_http_client_t client_to(kja_listener_t listener, kja_http_client_options_t *options) {
  kja_address_t address = 0;
  kja_http_client_t client = 0;
  CHECK_OK(kja_listener_local_address(listener, &address));
  CHECK_OK(kja_http_client_new_address(address, options, &client));
  CHECK_OK(kja_address_release(address));
  return client;
}

/* parity: HCLI-08, CONN-01, CONN-02 */
static void one_address_is_asked_and_tunnels_lead_through_it(void) {
  kja_runtime_t runtime = runtime_open();
  kja_listener_t listener = listen_on_loopback(runtime);
  kja_http_server_t server = server_open(runtime, keep_the_gate, NULL);
  kja_http_client_options_t options;
  kja_promise_t listening = 0;
  size_t count = 0;
  memset(&options, 0, sizeof options);
  options.size = sizeof options;
  options.max_per_host = 1;
  options.max_waiting_per_host = 1;
  kja_http_client_t client = client_to(listener, &options);
  kja_promise_t first = ask(client, "/a"), second = ask(client, "http://example.com/b");
  expect(ask(client, "/c"), KJA_ERR_OVERLOADED);
  CHECK_OK(kja_http_server_listen_start(server, listener, &listening));
  expect_response(first, 200, "GET /a 0\n");
  expect_response(second, 200, "GET /b 0\n");
  CHECK_OK(kja_http_server_connections(server, &count));
  CHECK_U64(count, 1);
  expect_tunnels(client);
  CHECK_OK(kja_http_client_release(client));
  CHECK_OK(kja_promise_release(listening));
  CHECK_OK(kja_http_server_release(server));
  CHECK_OK(kja_listener_release(listener));
  runtime_close(runtime);
}

/* parity: HCLI-05, HCLI-09 */
static void one_connection_carries_requests_until_one_is_given_up(void) {
  kja_runtime_t runtime = runtime_open();
  pair_t pair = two_way_open(runtime);
  kja_http_client_t client = 0;
  CHECK_OK(kja_http_client_new_connection(pair.client, NULL, &client));
  kja_promise_t first = ask(client, "/1"), second = ask(client, "/2"), third = ask(client, "/3");
  receive_text(pair.server, "GET /1 HTTP/1.1\r\nhost: \r\n\r\n");
  send_text(pair.server, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab");
  expect_response(first, 200, "ab");
  receive_text(pair.server, "GET /2 HTTP/1.1\r\nhost: \r\n\r\n");
  CHECK_OK(kja_promise_release(second));
  expect(third, KJA_ERR_DISCONNECTED);
  expect(ask(client, "/4"), KJA_ERR_DISCONNECTED);
  CHECK_OK(kja_http_client_release(client));
  pair_release(pair);
  runtime_close(runtime);
}

/* parity: HCLI-20, CONN-12 */
static void a_service_is_asked_in_this_process(void) {
  kja_runtime_t runtime = runtime_open();
  kja_http_server_t server = server_open(runtime, keep_the_gate, NULL);
  kja_http_client_t client = 0;
  CHECK_OK(kja_http_client_new_service(server, NULL, &client));
  CHECK_OK(kja_http_server_release(server));
  for (int i = 0; i < 2; i++) expect_response(ask(client, "/a"), 200, "GET /a 0\n");
  expect(ask(client, "/fails"), KJA_ERR_OVERLOADED);
  expect_tunnels(client);
  CHECK_OK(kja_http_client_release(client));
  runtime_close(runtime);
}

/* parity: CONN-03 */
static void a_client_of_a_network_connects_to_the_host(void) {
  kja_runtime_t runtime = runtime_open();
  kja_listener_t listener = listen_on_loopback(runtime);
  kja_network_t network = 0;
  kja_http_client_t client = 0;
  kja_connection_t tunnel = 0;
  kja_promise_t asked = 0;
  char host[40];
  int length = snprintf(host, sizeof host, "127.0.0.1:%u", port_of(listener));
  CHECK_OK(kja_network_new(runtime, &network));
  CHECK_OK(kja_http_client_new(network, NULL, &client));
  CHECK_OK(kja_network_release(network));
  CHECK_OK(kja_http_client_connect_start(client, host, (size_t)length, 0, NULL, &tunnel, &asked));
  kja_connection_t peer = handle_from(accept_start(listener));
  send_text(tunnel, "hi");
  receive_text(peer, "hi");
  expect_response(asked, 200, "");
  CHECK_OK(kja_connection_release(tunnel));
  CHECK_OK(kja_connection_release(peer));
  CHECK_OK(kja_http_client_release(client));
  CHECK_OK(kja_listener_release(listener));
  runtime_close(runtime);
}

/* Settles a promise once one request runs and one waits. */
static void count_told(void *ctx, kja_call_t call) {
  kja_fulfiller_t told = *(kja_fulfiller_t *)ctx;
  uint64_t counts = 0;
  CHECK_OK(kja_call_u64(call, &counts));
  if (counts == (UINT64_C(1) << 32 | 1)) CHECK_OK(kja_fulfiller_unit(told));
}

/* parity: HCLI-16, HCLI-17, HCLI-18, HCLI-19 */
static void a_limited_client_runs_one_request_at_once(void) {
  kja_runtime_t runtime = runtime_open();
  pair_t pair = two_way_open(runtime);
  kja_http_client_t whole = 0, client = 0;
  kja_http_limit_options_t options;
  kja_fulfiller_t fulfiller = 0;
  kja_promise_t told = 0;
  size_t running = 0, waiting = 0;
  CHECK_OK(kja_fulfiller_new(runtime, &fulfiller, &told));
  CHECK_OK(kja_http_client_new_connection(pair.client, NULL, &whole));
  memset(&options, 0, sizeof options);
  options.size = sizeof options;
  CHECK_IS(kja_http_client_new_limited(whole, &options, NULL, NULL, NULL, &client), KJA_ERR_INVALID_ARGUMENT);
  options.max_running = 1;
  options.max_waiting = 1;
  options.flags = KJA_HTTP_LIMIT_UNTIL_HEAD;
  CHECK_OK(kja_http_client_new_limited(whole, &options, count_told, &fulfiller, NULL, &client));
  CHECK_IS(kja_http_client_counts(whole, &running, &waiting), KJA_ERR_INVALID_ARGUMENT);
  kja_promise_t first = ask(client, "/1"), second = ask(client, "/2");
  expect(ask(client, "/3"), KJA_ERR_OVERLOADED);
  expect(told, KJA_OK);
  receive_text(pair.server, "GET /1 HTTP/1.1\r\nhost: \r\n\r\n");
  CHECK_OK(kja_http_client_counts(client, &running, &waiting));
  CHECK_U64(running, 1);
  CHECK_U64(waiting, 1);
  CHECK_OK(kja_promise_release(second));
  CHECK_OK(kja_http_client_counts(client, &running, &waiting));
  CHECK_U64(waiting, 0);
  send_text(pair.server, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n");
  kja_http_response_t response = handle_from(first);
  CHECK_OK(kja_http_client_counts(client, &running, &waiting));
  CHECK_U64(running, 0);
  CHECK_OK(kja_http_response_release(response));
  CHECK_OK(kja_http_client_release(client));
  CHECK_OK(kja_http_client_release(whole));
  CHECK_OK(kja_fulfiller_release(fulfiller));
  pair_release(pair);
  runtime_close(runtime);
}

int main(void) {
  RUN_IN_BOTH(one_address_is_asked_and_tunnels_lead_through_it);
  RUN_IN_BOTH(one_connection_carries_requests_until_one_is_given_up);
  RUN_IN_BOTH(a_service_is_asked_in_this_process);
  RUN_IN_BOTH(a_client_of_a_network_connects_to_the_host);
  RUN_IN_BOTH(a_limited_client_runs_one_request_at_once);
  return check_done();
}
