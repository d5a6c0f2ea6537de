/* HTTP servers, as a client sees them that sends and expects exact bytes. */
#include "gate.h"
#include "http.h"

/* parity: HSRV-01, HSRV-02, HSRV-06, HSRV-09, HSRV-16, HSRV-26 */
static void requests_are_answered_in_order(void) {
  kja_runtime_t runtime = runtime_open();
  kja_http_server_t server = server_open(runtime, hello, NULL);
  pair_t pair = pair_open(runtime);
  kja_promise_t serving = 0;
  CHECK_OK(kja_http_server_serve_start(server, pair.server, &serving));
  send_text(pair.client, "GET /a HTTP/1.1\r\nHost: x\r\n\r\nDELETE /b HTTP/1.1\r\nHost: x\r\n\r\n");
  receive_text(pair.client, "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nGET /a 0\n");
  receive_text(pair.client, "HTTP/1.1 200 OK\r\ncontent-length: 12\r\n\r\nDELETE /b 0\n");
  send_text(pair.client, "HEAD / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  receive_text(pair.client, "HTTP/1.1 200 OK\r\ncontent-length: 9\r\nconnection: close\r\n\r\n");
  expect_bytes(read_start(pair.client, 1, 10), "", 0);
  expect(serving, KJA_OK);
  pair_release(pair);
  CHECK_OK(kja_http_server_release(server));
  runtime_close(runtime);
}

/* parity: HSRV-17, HTTP-13, HTTP-18, CONN-08 */
static void what_is_no_request_is_refused(void) {
  static const char *const bad[] = {
      "GET / HTTP/1.1\nHost: x\n\n",
      "GET / HTTP/1.1\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: x\r\n y\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
      "CONNECT a:1 HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n",
  };
  kja_runtime_t runtime = runtime_open();
  kja_http_server_t server = server_open(runtime, hello, NULL);
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    pair_t pair = pair_open(runtime);
    kja_promise_t serving = 0;
    CHECK_OK(kja_http_server_serve_start(server, pair.server, &serving));
    send_text(pair.client, bad[i]);
    receive_text(pair.client, "HTTP/1.1 400 Bad Request\r\n");
    expect(serving, KJA_OK);
    pair_release(pair);
  }
  CHECK_OK(kja_http_server_release(server));
  runtime_close(runtime);
}

/* Pumps the body of the request into that of the response. */
typedef struct echo_t {
  kja_connection_t body, out;
} echo_t;

static void echo_end(void *ctx, kja_call_t call) {
  echo_t *echo = (echo_t *)ctx;
  kja_promise_t ended = 0;
  CHECK_OK(kja_connection_shutdown_write_start(echo->out, &ended));
  CHECK_OK(kja_call_return_promise(call, ended));
}
static void echo_free(void *ctx) {
  echo_t *echo = (echo_t *)ctx;
  CHECK_OK(kja_connection_release(echo->body));
  CHECK_OK(kja_connection_release(echo->out));
  free(echo);
}
static void echo_service(void *ctx, kja_call_t call) {
  (void)ctx;
  kja_http_request_t request = request_of(call);
  echo_t *echo = (echo_t *)malloc(sizeof *echo);
  kja_promise_t pumped = 0, ended = 0;
  uint64_t length = 0;
  CHECK_OK(kja_http_request_body(request, &echo->body));
  CHECK_OK(kja_http_request_body_length(request, &length));
  CHECK_OK(kja_http_request_respond_stream(request, 201, "Made", 4, 0, length, &echo->out));
  CHECK_OK(kja_connection_pump_start(echo->body, echo->out, UINT64_MAX, &pumped));
  CHECK_OK(kja_promise_then(pumped, echo_end, echo, echo_free, &ended));
  CHECK_OK(kja_promise_release(pumped));
  CHECK_OK(kja_call_return_promise(call, ended));
  CHECK_OK(kja_http_request_release(request));
}

/* parity: HSRV-02, HTTP-20, HTTP-21 */
static void bodies_are_streamed_both_ways(void) {
  kja_runtime_t runtime = runtime_open();
  kja_http_server_t server = server_open(runtime, echo_service, NULL);
  pair_t pair = pair_open(runtime);
  kja_promise_t serving = 0;
  CHECK_OK(kja_http_server_serve_start(server, pair.server, &serving));
  send_text(pair.client, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello");
  receive_text(pair.client, "HTTP/1.1 201 Made\r\ncontent-length: 5\r\n\r\nhello");
  send_text(pair.client, "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3;a=b\r\nabc\r\n0\r\n\r\n");
  receive_text(pair.client, "HTTP/1.1 201 Made\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n");
  pair_release(pair);
  expect(serving, KJA_OK);
  CHECK_OK(kja_http_server_release(server));
  runtime_close(runtime);
}

typedef struct waits_t {
  count_t came, gone;
  kja_promise_t never;
} waits_t;

static void never_service(void *ctx, kja_call_t call) {
  waits_t *waits = (waits_t *)ctx;
  kja_promise_t held = 0;
  CHECK_OK(kja_promise_attach(waits->never, &waits->gone, count_destroy, &held));
  CHECK_OK(kja_call_return_promise(call, held));
  count_add(&waits->came, 1);
}

/* parity: HSRV-01, HSRV-09, HSRV-15 */
static void a_request_ends_with_its_client_or_with_its_server(void) {
  for (int reset = 0; reset < 2; reset++) {
    waits_t waits = {{0}, {0}, 0};
    kja_runtime_t runtime = runtime_open();
    CHECK_OK(kja_promise_new_never(runtime, &waits.never));
    kja_http_server_t server = server_open(runtime, never_service, &waits);
    pair_t pair = pair_open(runtime);
    kja_promise_t serving = 0, ending = 0;
    CHECK_OK(kja_http_server_serve_start(server, pair.server, &serving));
    send_text(pair.client, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    while (count_get(&waits.came) == 0) let_loop_catch_up(runtime);
    /* One that only stops sending still waits for its answer. */
    CHECK_OK(kja_connection_shutdown_write_start(pair.client, &ending));
    expect(ending, KJA_OK);
    let_loop_catch_up(runtime);
    CHECK_U64(count_get(&waits.gone), 0);
    if (reset) {
      struct linger linger = {1, 0};
      CHECK_OK(kja_connection_setsockopt(pair.client, SOL_SOCKET, SO_LINGER, &linger, sizeof linger));
      CHECK_OK(kja_connection_release(pair.client));
      expect(serving, KJA_ERR_DISCONNECTED);
    } else {
      CHECK_OK(kja_promise_release(serving));
      expect_bytes(read_start(pair.client, 1, 10), "", 0);
      CHECK_OK(kja_connection_release(pair.client));
    }
    CHECK_U64(count_get(&waits.gone), 1);
    CHECK_OK(kja_promise_release(waits.never));
    CHECK_OK(kja_connection_release(pair.server));
    CHECK_OK(kja_http_server_release(server));
    runtime_close(runtime);
  }
}

static void failing_service(void *ctx, kja_call_t call) {
  (void)ctx;
  kja_http_request_t request = request_of(call);
  char target[10] = "";
  CHECK_OK(kja_http_request_target(request, target, sizeof target - 1, NULL));
  switch (target[1]) {
  case 'o': CHECK_OK(kja_call_return_error(call, KJA_ERR_OVERLOADED, 0, "secret", 6)); break;
  case 'u': CHECK_OK(kja_call_return_error(call, KJA_ERR_UNIMPLEMENTED, 0, "secret", 6)); break;
  case 'f': CHECK_OK(kja_call_return_error(call, KJA_ERR_FAILED, 0, "secret", 6)); break;
  case 'e': CHECK_OK(kja_http_request_respond_error(request, 404, NULL, 0)); break;
  default: break;
  }
  CHECK_OK(kja_http_request_release(request));
}

/* parity: HSRV-03, HSRV-18, HSRV-19 */
static void a_service_without_an_answer_is_answered_for(void) {
  static const struct {
    const char *target, *status, *text;
  } cases[] = {{"/o", "503 Service Unavailable", "Service Unavailable\n"},
               {"/u", "501 Not Implemented", "Not Implemented\n"},
               {"/f", "500 Internal Server Error", "Internal Server Error\n"},
               {"/e", "404 Not Found", "Not Found\n"},
               {"/-", "500 Internal Server Error", "the service has given no answer\n"}};
  kja_runtime_t runtime = runtime_open();
  kja_http_server_t server = server_open(runtime, failing_service, NULL);
  pair_t pair = pair_open(runtime);
  kja_promise_t serving = 0;
  CHECK_OK(kja_http_server_serve_start(server, pair.server, &serving));
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char text[300];
    snprintf(text, sizeof text, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", cases[i].target);
    send_text(pair.client, text);
    snprintf(text, sizeof text, "HTTP/1.1 %s\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: %u\r\n\r\n%s",
             cases[i].status, (unsigned)strlen(cases[i].text), cases[i].text);
    receive_text(pair.client, text);
  }
  CHECK_OK(kja_promise_release(serving));
  pair_release(pair);
  CHECK_OK(kja_http_server_release(server));
  runtime_close(runtime);
}

static void late_service(void *ctx, kja_call_t call) {
  *(kja_http_request_t *)ctx = request_of(call);
  kja_http_request_t request = *(kja_http_request_t *)ctx;
  CHECK_OK(kja_http_request_respond(request, 204, NULL, 0, 0, NULL, 0));
  CHECK_IS(kja_http_request_respond(request, 200, NULL, 0, 0, NULL, 0), KJA_ERR_FAILED);
  CHECK_IS(kja_http_request_respond_error(request, 500, NULL, 0), KJA_ERR_FAILED);
}

/* parity: HSRV-02 */
static void a_request_is_answered_once_and_outlives_its_connection(void) {
  kja_runtime_t runtime = runtime_open();
  kja_http_request_t request = 0;
  kja_http_headers_t headers = 0;
  uint32_t version = 0;
  kja_http_server_t server = server_open(runtime, late_service, &request);
  pair_t pair = pair_open(runtime);
  kja_promise_t serving = 0;
  CHECK_OK(kja_http_server_serve_start(server, pair.server, &serving));
  send_text(pair.client, "GET / HTTP/1.0\r\nX-Odd: 1\r\n\r\n");
  receive_text(pair.client, "HTTP/1.0 204 No Content\r\n\r\n");
  expect(serving, KJA_OK);
  CHECK_OK(kja_http_request_version(request, &version));
  CHECK_U64(version, KJA_HTTP_1_0);
  CHECK_OK(kja_http_request_headers(request, &headers));
  CHECK_OK(kja_http_headers_release(headers));
  CHECK_OK(kja_http_request_trailers(request, &headers));
  CHECK_OK(kja_http_headers_release(headers));
  CHECK_IS(kja_http_request_respond(request, 200, NULL, 0, 0, NULL, 0), KJA_ERR_DISCONNECTED);
  CHECK_IS(kja_http_request_respond(request, 100, NULL, 0, 0, NULL, 0), KJA_ERR_INVALID_ARGUMENT);
  CHECK_IS(kja_http_request_respond(request, 200, "a\nb", 3, 0, NULL, 0), KJA_ERR_INVALID_ARGUMENT);
  CHECK_IS(kja_http_request_respond(request, 200, NULL, 0, 1, NULL, 0), KJA_ERR_BAD_HANDLE);
  CHECK_OK(kja_http_request_release(request));
  pair_release(pair);
  CHECK_OK(kja_http_server_release(server));
  runtime_close(runtime);
}

static void tunnel_service(void *ctx, kja_call_t call) {
  (void)ctx;
  kja_http_request_t request = request_of(call);
  kja_connection_t tunnel = 0;
  kja_promise_t pumped = 0;
  CHECK_IS(kja_http_request_accept_tunnel(request, 404, NULL, 0, 0, &tunnel), KJA_ERR_INVALID_ARGUMENT);
  CHECK_OK(kja_http_request_accept_tunnel(request, 200, NULL, 0, 0, &tunnel));
  CHECK_OK(kja_connection_pump_start(tunnel, tunnel, UINT64_MAX, &pumped));
  CHECK_OK(kja_call_return_promise(call, pumped));
  CHECK_OK(kja_connection_release(tunnel));
  CHECK_OK(kja_http_request_release(request));
}

/* parity: CONN-04, CONN-05 */
static void a_tunnel_begins_with_what_came_behind_its_request(void) {
  kja_runtime_t runtime = runtime_open();
  kja_http_server_t server = server_open(runtime, tunnel_service, NULL);
  pair_t pair = pair_open(runtime);
  kja_promise_t serving = 0, ending = 0;
  CHECK_OK(kja_http_server_serve_start(server, pair.server, &serving));
  send_text(pair.client, "CONNECT a.example:1 HTTP/1.1\r\nHost: a.example:1\r\n\r\nearly");
  receive_text(pair.client, "HTTP/1.1 200 OK\r\n\r\nearly");
  send_text(pair.client, "late");
  receive_text(pair.client, "late");
  CHECK_OK(kja_connection_shutdown_write_start(pair.client, &ending));
  expect(ending, KJA_OK);
  expect(serving, KJA_OK);
  pair_release(pair);
  CHECK_OK(kja_http_server_release(server));
  runtime_close(runtime);
}

/* parity: HSRV-08, HSRV-10, HSRV-11 */
static void a_server_listens_is_drained_and_hands_on(void) {
  kja_runtime_t runtime = runtime_open();
  kja_listener_t listener = listen_on_loopback(runtime);
  kja_http_server_t server = server_open(runtime, hello, NULL), other = server_open(runtime, hello, NULL);
  kja_promise_t listening = 0, drained = 0, serving = 0;
  size_t count = 9;
  pair_t pair = pair_open(runtime);
  CHECK_OK(kja_http_server_listen_start(server, listener, &listening));
  CHECK_OK(kja_http_server_serve_until_drained_start(server, pair.server, &serving));
  kja_connection_t client = handle_from(connect_start(listener));
  for (int i = 0; i < 2; i++) {
    kja_connection_t one = i ? pair.client : client;
    send_text(one, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    receive_text(one, "HTTP/1.1 200 OK\r\ncontent-length: 8\r\n\r\nGET / 0\n");
  }
  CHECK_OK(kja_http_server_connections(server, &count));
  CHECK_U64(count, 1);
  CHECK_OK(kja_http_server_drain_start(server, &drained));
  expect(listening, KJA_OK);
  expect(drained, KJA_OK);
  expect_bytes(read_start(client, 1, 1), "", 0);
  CHECK_OK(kja_connection_release(client));
  kja_connection_t handed = handle_from(serving);
  CHECK_OK(kja_http_server_serve_start(other, handed, &serving));
  send_text(pair.client, "GET /on HTTP/1.1\r\nHost: x\r\n\r\n");
  receive_text(pair.client, "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nGET /on 0\n");
  CHECK_OK(kja_connection_release(handed));
  CHECK_OK(kja_promise_release(serving));
  pair_release(pair);
  CHECK_OK(kja_listener_release(listener));
  CHECK_OK(kja_http_server_release(server));
  CHECK_OK(kja_http_server_release(other));
  runtime_close(runtime);
}

/* parity: HSRV-12, HSRV-13 */
static void limits_of_time_go_by_the_clock_of_the_runtime(void) {
  kja_runtime_options_t options;
  kja_runtime_t runtime = 0;
  memset(&options, 0, sizeof options);
  options.size = sizeof options;
  options.mode = KJA_RUNTIME_WAIT_SCOPE;
  options.flags = KJA_RUNTIME_VIRTUAL_TIME;
  CHECK_OK(kja_runtime_new(&options, &runtime));
  kja_http_server_t server = server_open(runtime, hello, NULL);
  pair_t slow = pair_open(runtime), idle = pair_open(runtime);
  kja_promise_t slows = 0, idles = 0;
  CHECK_OK(kja_http_server_serve_start(server, slow.server, &slows));
  CHECK_OK(kja_http_server_serve_start(server, idle.server, &idles));
  send_text(slow.client, "GET / HTT");
  send_text(idle.client, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  receive_text(idle.client, "HTTP/1.1 200 OK\r\ncontent-length: 8\r\n\r\nGET / 0\n");
  CHECK_OK(kja_timer_advance(runtime, 5 * SECOND));
  expect(idles, KJA_OK);
  CHECK_IS(kja_promise_status(slows), KJA_ERR_PENDING);
  CHECK_OK(kja_timer_advance(runtime, 10 * SECOND));
  receive_text(slow.client, "HTTP/1.1 408 Request Timeout\r\n");
  expect(slows, KJA_OK);
  pair_release(slow);
  pair_release(idle);
  CHECK_OK(kja_http_server_release(server));
  runtime_close(runtime);
}

int main(void) {
  RUN_IN_BOTH(requests_are_answered_in_order);
  RUN_IN_BOTH(what_is_no_request_is_refused);
  RUN_IN_BOTH(bodies_are_streamed_both_ways);
  RUN_IN_BOTH(a_request_ends_with_its_client_or_with_its_server);
  RUN_IN_BOTH(a_service_without_an_answer_is_answered_for);
  RUN_IN_BOTH(a_request_is_answered_once_and_outlives_its_connection);
  RUN_IN_BOTH(a_tunnel_begins_with_what_came_behind_its_request);
  RUN_IN_BOTH(a_server_listens_is_drained_and_hands_on);
  RUN(limits_of_time_go_by_the_clock_of_the_runtime);
  return check_done();
}
