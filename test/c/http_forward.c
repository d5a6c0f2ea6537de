/* Requests that a server leaves to a client, and trailers. */
#include "http.h"
#include "stream.h"

typedef struct front_t {
  kja_http_client_t client;
  const char *url;
} front_t;

/* A proxy. */
static void forward(void *ctx, kja_call_t call) {
  front_t *front = (front_t *)ctx;
  kja_http_request_t request = request_of(call);
  kja_http_forward_options_t options;
  kja_promise_t forwarded = 0;
  memset(&options, 0, sizeof options);
  options.size = sizeof options;
  options.url = front->url;
  options.url_len = front->url ? strlen(front->url) : 0;
  CHECK_OK(kja_http_client_forward_start(front->client, request, front->url ? &options : NULL, &forwarded));
  CHECK_OK(kja_call_return_promise(call, forwarded));
  CHECK_OK(kja_http_request_release(request));
}

/* A client that is served by `service`, over a connection of its own. */
static pair_t front_open(kja_runtime_t runtime, front_t *front, kja_http_server_t *server, kja_promise_t *serving) {
  pair_t pair = pair_open(runtime);
  *server = server_open(runtime, forward, front);
  CHECK_OK(kja_http_server_serve_start(*server, pair.server, serving));
  return pair;
}

static void front_close(pair_t pair, kja_http_server_t server, kja_promise_t serving) {
  CHECK_OK(kja_promise_release(serving));
  CHECK_OK(kja_http_server_release(server));
  pair_release(pair);
}

/* parity: HCLI-21 */
static void a_request_is_forwarded_both_ways_at_once(void) {
  kja_runtime_t runtime = runtime_open();
  pair_t back = two_way_open(runtime);
  front_t front = {0, NULL};
  kja_http_server_t server = 0;
  kja_promise_t serving = 0;
  CHECK_OK(kja_http_client_new_connection(back.client, NULL, &front.client));
  pair_t pair = front_open(runtime, &front, &server, &serving);
  send_text(pair.client, "POST /a HTTP/1.1\r\nHost: x\r\nConnection: X-Hop\r\nX-Hop: 1\r\nX-End: 1\r\n"
                         "Trailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n");
  receive_text(back.server, "POST /a HTTP/1.1\r\nhost: x\r\nx-end: 1\r\ntrailer: X-Sum\r\n"
                            "transfer-encoding: chunked\r\n\r\n1\r\na\r\n");
  send_text(back.server, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nb\r\n");
  receive_text(pair.client, "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\nb\r\n");
  send_text(pair.client, "0\r\nX-Sum: 2\r\n\r\n");
  receive_text(back.server, "0\r\nx-sum: 2\r\n\r\n");
  send_text(back.server, "0\r\n\r\n");
  receive_text(pair.client, "0\r\n\r\n");
  /* A client that goes takes the other side with it, by a reset. */
  send_text(pair.client, "PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\na");
  receive_text(back.server, "PUT / HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\na");
  CHECK_OK(kja_connection_close(pair.client));
  expect(read_start(back.server, 1, 1), KJA_ERR_DISCONNECTED);
  front_close(pair, server, serving);
  CHECK_OK(kja_http_client_release(front.client));
  pair_release(back);
  runtime_close(runtime);
}

/* parity: HCLI-21 */
static void what_cannot_be_forwarded_is_answered_for(void) {
  kja_runtime_t runtime = runtime_open();
  kja_network_t network = 0;
  kja_http_server_t server = 0;
  kja_promise_t serving = 0;
  front_t front = {0, NULL};
  char request[100];
  kja_listener_t listener = listen_on_loopback(runtime);
  snprintf(request, sizeof request, "GET http://127.0.0.1:%u/ HTTP/1.1\r\nHost: x\r\n\r\n", port_of(listener));
  CHECK_OK(kja_listener_release(listener));
  CHECK_OK(kja_network_new(runtime, &network));
  CHECK_OK(kja_http_client_new(network, NULL, &front.client));
  pair_t pair = front_open(runtime, &front, &server, &serving);
  send_text(pair.client, request);
  receive_text(pair.client, "HTTP/1.1 502 Bad Gateway\r\ncontent-type: text/plain; charset=utf-8\r\n"
                            "content-length: 12\r\n\r\nBad Gateway\n");
  send_text(pair.client, "GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n");
  receive_text(pair.client, "HTTP/1.1 400 Bad Request\r\n");
  front_close(pair, server, serving);
  CHECK_OK(kja_http_client_release(front.client));
  CHECK_OK(kja_network_release(network));
  runtime_close(runtime);
}

static void echo_tunnel(void *ctx, kja_call_t call) {
  kja_http_request_t request = request_of(call);
  kja_connection_t tunnel = 0;
  (void)ctx;
  CHECK_OK(kja_http_request_accept_tunnel(request, 200, NULL, 0, 0, &tunnel));
  CHECK_OK(kja_call_return_promise(call, pump_start(tunnel, tunnel, UINT64_MAX)));
  CHECK_OK(kja_connection_release(tunnel));
  CHECK_OK(kja_http_request_release(request));
}

/* parity: HCLI-21, CONN-12 */
static void a_tunnel_is_forwarded(void) {
  kja_runtime_t runtime = runtime_open();
  kja_http_server_t back = server_open(runtime, echo_tunnel, NULL), server = 0;
  kja_promise_t serving = 0;
  front_t front = {0, NULL};
  CHECK_OK(kja_http_client_new_service(back, NULL, &front.client));
  pair_t pair = front_open(runtime, &front, &server, &serving);
  send_text(pair.client, "CONNECT far:1 HTTP/1.1\r\nHost: far:1\r\n\r\nhello");
  receive_text(pair.client, "HTTP/1.1 200 OK\r\n\r\nhello");
  send_text(pair.client, "more");
  receive_text(pair.client, "more");
  shutdown_write(pair.client);
  expect_end(pair.client);
  front_close(pair, server, serving);
  CHECK_OK(kja_http_client_release(front.client));
  CHECK_OK(kja_http_server_release(back));
  runtime_close(runtime);
}

static void say_with_trailers(void *ctx, kja_call_t call) {
  kja_http_request_t request = request_of(call);
  kja_http_headers_t headers = 0, trailers = 0;
  kja_connection_t body = 0;
  (void)ctx;
  CHECK_OK(kja_http_headers_new(&headers));
  CHECK_OK(kja_http_headers_new(&trailers));
  CHECK_OK(kja_http_headers_set(headers, "Trailer", 7, "X-Sum", 5));
  CHECK_OK(kja_http_headers_set(trailers, "X-Sum", 5, "9", 1));
  CHECK_IS(kja_http_request_set_trailers(request, trailers), KJA_ERR_FAILED);
  CHECK_OK(kja_http_request_respond_stream(request, 200, NULL, 0, headers, KJA_LENGTH_UNKNOWN, &body));
  CHECK_OK(kja_http_request_set_trailers(request, trailers));
  CHECK_OK(kja_http_headers_set(trailers, "X-Other", 7, "9", 1));
  CHECK_IS(kja_http_request_set_trailers(request, trailers), KJA_ERR_INVALID_ARGUMENT);
  CHECK_OK(kja_call_return_promise(call, write_start(body, "ab", 2)));
  CHECK_OK(kja_connection_release(body));
  CHECK_OK(kja_http_headers_release(trailers));
  CHECK_OK(kja_http_headers_release(headers));
  CHECK_OK(kja_http_request_release(request));
}

/* parity: HTTP-21 */
static void trailers_come_behind_a_body_in_chunks(void) {
  kja_runtime_t runtime = runtime_open();
  pair_t pair = pair_open(runtime);
  kja_http_server_t server = server_open(runtime, say_with_trailers, NULL);
  kja_promise_t serving = 0;
  CHECK_OK(kja_http_server_serve_start(server, pair.server, &serving));
  send_text(pair.client, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  receive_text(pair.client, "HTTP/1.1 200 OK\r\ntrailer: X-Sum\r\ntransfer-encoding: chunked\r\n\r\n"
                            "2\r\nab\r\n0\r\nx-sum: 9\r\n\r\n");
  front_close(pair, server, serving);
  runtime_close(runtime);
}

int main(void) {
  RUN_IN_BOTH(a_request_is_forwarded_both_ways_at_once);
  RUN_IN_BOTH(what_cannot_be_forwarded_is_answered_for);
  RUN_IN_BOTH(a_tunnel_is_forwarded);
  RUN_IN_BOTH(trailers_come_behind_a_body_in_chunks);
  return check_done();
}
