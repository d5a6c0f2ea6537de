/* What a program decides of an HTTP server beside its requests: services, answers, closing, suspended requests, limits. */
#include "gate.h"
#include "http.h"
#include "options.h"

typedef struct hooks_t {
  count_t connections, failed, refused, silent, ended, destroyed, services_gone;
  uint32_t status;
  uint64_t sent;
  /* Where a suspended request is left. */
  kja_connection_t suspended;
  count_t suspensions;
} hooks_t;

static void answer(kja_http_request_t request, uint32_t status, const char *text) {
  CHECK_OK(kja_http_request_respond(request, status, NULL, 0, 0, text, strlen(text)));
}

static void failing_service(void *ctx, kja_call_t call) {
  (void)ctx;
  kja_http_request_t request = request_of(call);
  char target[10] = "";
  CHECK_OK(kja_http_request_target(request, target, sizeof target, NULL));
  switch (target[1]) {
  case 'f': CHECK_OK(kja_call_return_error(call, KJA_ERR_FAILED, 0, "mine", 4)); break;
  case 'n': break;
  default: answer(request, 200, "fine");
  }
  CHECK_OK(kja_http_request_release(request));
}

static void on_service_failed(void *ctx, kja_call_t call, kja_http_request_t request) {
  hooks_t *hooks = (hooks_t *)ctx;
  CHECK_IS(kja_call_status(call), KJA_ERR_FAILED);
  count_add(&hooks->failed, 1);
  answer(request, 502, "failed");
  CHECK_OK(kja_http_request_release(request));
}
static void on_no_answer(void *ctx, kja_call_t call, kja_http_request_t request) {
  hooks_t *hooks = (hooks_t *)ctx;
  CHECK_OK(kja_call_status(call));
  count_add(&hooks->silent, 1);
  answer(request, 404, "silent");
  CHECK_OK(kja_http_request_release(request));
}
static void on_protocol_error(void *ctx, kja_call_t call, kja_http_request_t request) {
  hooks_t *hooks = (hooks_t *)ctx;
  CHECK_IS(kja_call_status(call), KJA_ERR_FAILED);
  count_add(&hooks->refused, 1);
  /* Without an answer of the hook's the default one is sent. */
  CHECK_OK(kja_http_request_release(request));
}
static void should_close(void *ctx, kja_call_t call, kja_http_request_t request) {
  (void)ctx;
  char target[10] = "";
  CHECK_OK(kja_http_request_target(request, target, sizeof target, NULL));
  CHECK_OK(kja_call_return_u64(call, target[1] == 'l'));
  CHECK_OK(kja_http_request_release(request));
}
static void on_request_end(void *ctx, kja_call_t call, kja_http_request_t request) {
  hooks_t *hooks = (hooks_t *)ctx;
  kja_http_request_summary_t summary;
  (void)call;
  memset(&summary, 0, sizeof summary);
  CHECK_IS(kja_http_request_summary(request, &summary), KJA_ERR_INVALID_ARGUMENT);
  summary.size = sizeof summary;
  CHECK_OK(kja_http_request_summary(request, &summary));
  CHECK_U64(summary.whole, 1);
  CHECK_U64(summary.received, 0);
  hooks->status = summary.status;
  hooks->sent += summary.sent;
  count_add(&hooks->ended, 1);
  CHECK_OK(kja_http_request_release(request));
}
static void hooks_gone(void *ctx) { count_add(&((hooks_t *)ctx)->destroyed, 1); }

static kja_http_server_hooks_t hooks_of(hooks_t *hooks) {
  kja_http_server_hooks_t given;
  memset(&given, 0, sizeof given);
  given.size = sizeof given;
  given.ctx = hooks;
  given.destroy = hooks_gone;
  return given;
}

static kja_http_server_options_t options_with(const kja_http_server_hooks_t *hooks) {
  kja_http_server_options_t options;
  memset(&options, 0, sizeof options);
  options.size = sizeof options;
  options.flags = KJA_HTTP_SERVER_NO_DATE;
  options.hooks = hooks;
  return options;
}

/* parity: HSRV-17, HSRV-18, HSRV-19, HSRV-21 */
static void hooks_hear_answer_and_close(void) {
  kja_runtime_t runtime = runtime_open();
  hooks_t hooks;
  memset(&hooks, 0, sizeof hooks);
  kja_http_server_hooks_t given = hooks_of(&hooks);
  given.on_service_failed = on_service_failed;
  given.on_no_answer = on_no_answer;
  given.on_protocol_error = on_protocol_error;
  given.should_close = should_close;
  given.on_request_end = on_request_end;
  kja_http_server_options_t options = options_with(&given);
  kja_http_server_t server = 0;
  CHECK_OK(kja_http_server_new(runtime, &options, failing_service, NULL, NULL, &server));
  kja_promise_t serving = 0;
  for (int bad = 0; bad < 2; bad++) {
    pair_t pair = pair_open(runtime);
    CHECK_OK(kja_http_server_serve_start(server, pair.server, &serving));
    if (bad) {
      send_text(pair.client, "GET / HTTP/3.0\r\n\r\n");
      receive_text(pair.client, "HTTP/1.1 505 HTTP Version Not Supported\r\n");
    } else {
      send_text(pair.client, "GET /f HTTP/1.1\r\nHost: x\r\n\r\nGET /n HTTP/1.1\r\nHost: x\r\n\r\n"
                             "GET /last HTTP/1.1\r\nHost: x\r\n\r\n");
      receive_text(pair.client, "HTTP/1.1 502 Bad Gateway\r\ncontent-length: 6\r\n\r\nfailed");
      receive_text(pair.client, "HTTP/1.1 404 Not Found\r\ncontent-length: 6\r\n\r\nsilent");
      receive_text(pair.client, "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 4\r\n\r\nfine");
    }
    expect(serving, KJA_OK);
    pair_release(pair);
  }
  CHECK_U64(count_get(&hooks.failed), 1);
  CHECK_U64(count_get(&hooks.silent), 1);
  CHECK_U64(count_get(&hooks.refused), 1);
  CHECK_U64(count_get(&hooks.ended), 3);
  CHECK_U64(hooks.status, 200);
  CHECK_U64(hooks.sent, 16);
  CHECK_U64(count_get(&hooks.destroyed), 0);
  CHECK_OK(kja_http_server_release(server));
  CHECK_U64(count_get(&hooks.destroyed), 1);
  runtime_close(runtime);
}

static void numbered_service(void *ctx, kja_call_t call) {
  kja_http_request_t request = request_of(call);
  answer(request, 200, (const char *)ctx);
  CHECK_OK(kja_http_request_release(request));
}
static void number_gone(void *ctx) { free(ctx); }

static void on_connection(void *ctx, kja_call_t call, kja_connection_t connection, kja_http_service_t *service) {
  hooks_t *hooks = (hooks_t *)ctx;
  kja_address_t address = 0;
  CHECK_OK(kja_connection_peer_address(connection, &address));
  CHECK_OK(kja_address_release(address));
  CHECK_OK(kja_connection_release(connection));
  int number = (int)count_add(&hooks->connections, 1);
  if (number == 3) {
    CHECK_OK(kja_call_return_error(call, KJA_ERR_OVERLOADED, 0, "no third", 8));
  } else if (number < 4) {
    char *text = (char *)malloc(2);
    text[0] = (char)('0' + number);
    text[1] = '\0';
    service->run = numbered_service;
    service->ctx = text;
    service->destroy = number_gone;
  }
}

static void on_connection_failed(void *ctx, kja_call_t call) {
  CHECK(kja_call_status(call) != KJA_OK);
  count_add(&((hooks_t *)ctx)->failed, 1);
}

/* parity: HSRV-07, HSRV-20 */
static void each_connection_has_a_service_of_its_own(void) {
  kja_runtime_t runtime = runtime_open();
  hooks_t hooks;
  memset(&hooks, 0, sizeof hooks);
  kja_http_server_hooks_t given = hooks_of(&hooks);
  kja_http_server_options_t options = options_with(&given);
  kja_http_server_t server = 0;
  kja_promise_t listening = 0;
  CHECK_IS(kja_http_server_new(runtime, &options, NULL, NULL, NULL, &server), KJA_ERR_INVALID_ARGUMENT);
  CHECK_U64(count_get(&hooks.destroyed), 1);
  given.on_connection = on_connection;
  given.on_connection_failed = on_connection_failed;
  CHECK_OK(kja_http_server_new(runtime, &options, NULL, NULL, NULL, &server));
  kja_listener_t listener = listen_on_loopback(runtime);
  CHECK_OK(kja_http_server_listen_start(server, listener, &listening));
  for (int number = 1; number <= 4; number++) {
    kja_connection_t client = handle_from(connect_start(listener));
    if (number < 3) {
      char text[100];
      snprintf(text, sizeof text, "HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n%d", number);
      for (int i = 0; i < 2; i++) {
        send_text(client, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
        receive_text(client, text);
      }
    } else {
      expect_bytes(read_start(client, 1, 1), "", 0);
      while (count_get(&hooks.failed) < (uint64_t)number - 2) let_loop_catch_up(runtime);
    }
    CHECK_OK(kja_connection_release(client));
  }
  CHECK_IS(kja_promise_status(listening), KJA_ERR_PENDING);
  CHECK_OK(kja_promise_release(listening));
  CHECK_OK(kja_listener_release(listener));
  CHECK_OK(kja_http_server_release(server));
  let_loop_rest(runtime);
  CHECK_U64(count_get(&hooks.destroyed), 2);
  runtime_close(runtime);
}

static void suspending_service(void *ctx, kja_call_t call) {
  hooks_t *hooks = (hooks_t *)ctx;
  kja_http_request_t request = request_of(call);
  CHECK_OK(kja_http_request_suspend(request, &hooks->suspended));
  CHECK_IS(kja_http_request_respond_error(request, 500, NULL, 0), KJA_ERR_FAILED);
  CHECK_OK(kja_http_request_release(request));
  count_add(&hooks->suspensions, 1);
}

/* Reads the body to its end and answers with its length. */
static void measured(void *ctx, kja_call_t call) {
  kja_http_request_t *request = (kja_http_request_t *)ctx;
  kja_bytes_t body = 0;
  const void *data = NULL;
  size_t size = 0;
  CHECK_OK(kja_call_bytes(call, &body));
  CHECK_OK(kja_bytes_data(body, &data, &size));
  CHECK_OK(kja_http_request_respond(*request, 200, NULL, 0, 0, data, size));
  CHECK_OK(kja_bytes_release(body));
}
static void measured_gone(void *ctx) {
  CHECK_OK(kja_http_request_release(*(kja_http_request_t *)ctx));
  free(ctx);
}
static void echo_all(void *ctx, kja_call_t call) {
  (void)ctx;
  kja_http_request_t *request = (kja_http_request_t *)malloc(sizeof *request);
  kja_connection_t body = 0;
  kja_promise_t read = 0, answered = 0;
  *request = request_of(call);
  CHECK_OK(kja_http_request_body(*request, &body));
  CHECK_OK(kja_connection_read_all_start(body, 1000, &read));
  CHECK_OK(kja_promise_then(read, measured, request, measured_gone, &answered));
  CHECK_OK(kja_promise_release(read));
  CHECK_OK(kja_connection_release(body));
  CHECK_OK(kja_call_return_promise(call, answered));
}

/* parity: HSRV-23, HSRV-24 */
static void a_suspended_request_goes_on_in_another_server(void) {
  kja_runtime_t runtime = runtime_open();
  hooks_t hooks;
  memset(&hooks, 0, sizeof hooks);
  kja_http_server_t server = server_open(runtime, suspending_service, &hooks);
  kja_http_server_t other = server_open(runtime, echo_all, NULL);
  pair_t pair = pair_open(runtime);
  kja_promise_t serving = 0;
  uint32_t kind = 0;
  CHECK_OK(kja_http_server_serve_until_drained_start(server, pair.server, &serving));
  send_text(pair.client, "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhe");
  CHECK_OK(kja_promise_await(serving));
  CHECK_OK(kja_promise_outcome_type(serving, &kind));
  CHECK_U64(kind, KJA_OUTCOME_UNIT);
  CHECK_OK(kja_promise_release(serving));
  CHECK_U64(count_get(&hooks.suspensions), 1);
  CHECK_OK(kja_http_server_serve_start(other, hooks.suspended, &serving));
  CHECK_OK(kja_connection_release(hooks.suspended));
  send_text(pair.client, "llo\r\n0\r\n\r\nPOST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nok");
  receive_text(pair.client, "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello");
  receive_text(pair.client, "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
  pair_release(pair);
  expect(serving, KJA_OK);
  CHECK_OK(kja_http_server_release(server));
  CHECK_OK(kja_http_server_release(other));
  runtime_close(runtime);
}

typedef kja_http_server_options_t options_t;

static void limit_head(options_t *options) { options->max_head = 100; }
static void limit_lines(options_t *options) { options->max_headers = 1; }
static void limit_target(options_t *options) { options->max_target = 5; }
static void limit_body(options_t *options) { options->max_body = 4; }
static void limit_requests(options_t *options) { options->max_requests = 1; }
static void limit_time(options_t *options) { options->request_nanos = 1000000; }

#define HEAD " HTTP/1.1\r\nHost: x\r\n"
#define LONG "XXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX"

/* parity: HTTP-16 */
static void limits_are_answered(void) {
  static const struct {
    void (*set)(options_t *options);
    const char *request, *status;
  } cases[] = {
      {limit_head, "GET /" HEAD "A: " LONG "\r\n\r\n", "431 Request Header Fields Too Large"},
      {limit_lines, "GET /" HEAD "A: b\r\n\r\n", "431 Request Header Fields Too Large"},
      {limit_target, "GET /aaaaa" HEAD "\r\n", "414 URI Too Long"},
      {limit_body, "POST /" HEAD "Content-Length: 5\r\n\r\nhello", "413 Payload Too Large"},
      {limit_body, "POST /" HEAD "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", "413 Payload Too Large"},
      {limit_requests, "GET /" HEAD "\r\nGET /" HEAD "\r\n", "200 OK\r\nconnection: close"},
      {limit_time, "POST /" HEAD "Content-Length: 5\r\n\r\n", "503 Service Unavailable"},
  };
  kja_runtime_t runtime = runtime_open();
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    options_t options = options_with(NULL);
    kja_http_server_t server = 0;
    kja_promise_t serving = 0;
    char text[100];
    pair_t pair = pair_open(runtime);
    cases[i].set(&options);
    CHECK_OK(kja_http_server_new(runtime, &options, echo_all, NULL, NULL, &server));
    CHECK_OK(kja_http_server_serve_start(server, pair.server, &serving));
    send_text(pair.client, cases[i].request);
    snprintf(text, sizeof text, "HTTP/1.1 %s\r\n", cases[i].status);
    receive_text(pair.client, text);
    expect(serving, KJA_OK);
    pair_release(pair);
    CHECK_OK(kja_http_server_release(server));
  }
  runtime_close(runtime);
}

/* parity: HSRV-14 */
static void an_unread_body_is_read_to_keep_the_connection_if_it_is_short(void) {
  kja_runtime_t runtime = runtime_open();
  options_t options = options_with(NULL);
  options.unread_bytes = 10;
  kja_http_server_t server = 0;
  kja_promise_t serving = 0;
  pair_t pair = pair_open(runtime);
  CHECK_OK(kja_http_server_new(runtime, &options, hello, NULL, NULL, &server));
  CHECK_OK(kja_http_server_serve_start(server, pair.server, &serving));
  send_text(pair.client, "POST /" HEAD "Content-Length: 9\r\n\r\n123456789GET /" HEAD "\r\n");
  receive_text(pair.client, "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nPOST / 9\n");
  receive_text(pair.client, "HTTP/1.1 200 OK\r\ncontent-length: 8\r\n\r\nGET / 0\n");
  send_text(pair.client, "POST /" HEAD "Content-Length: 900\r\n\r\n" LONG);
  receive_text(pair.client, "HTTP/1.1 200 OK\r\ncontent-length: 11\r\n\r\nPOST / 900\n");
  expect_bytes(read_start(pair.client, 1, 1), "", 0);
  CHECK_OK(kja_promise_release(serving));
  pair_release(pair);
  CHECK_OK(kja_http_server_release(server));
  runtime_close(runtime);
}

static void deciding_service(void *ctx, kja_call_t call) {
  (void)ctx;
  kja_http_request_t request = request_of(call);
  char target[10] = "";
  CHECK_OK(kja_http_request_target(request, target, sizeof target, NULL));
  CHECK_IS(kja_http_request_respond(request, 200, NULL, 0, 0, NULL, 0), KJA_ERR_UNIMPLEMENTED);
  switch (target[0]) {
  case 'r': answer(request, 403, "no"); break;
  case 'f': CHECK_OK(kja_call_return_error(call, KJA_ERR_OVERLOADED, 0, "full", 4)); break;
  default: break;
  }
  CHECK_OK(kja_http_request_release(request));
}

/* parity: CONN-04, CONN-06, CONN-07 */
static void a_tunnel_is_refused_with_a_body_or_not_decided_on(void) {
  static const char *const cases[][2] = {
      {"r:1", "HTTP/1.1 403 Forbidden\r\nconnection: close\r\ncontent-length: 2\r\n\r\nno"},
      {"f:1", "HTTP/1.1 503 Service Unavailable\r\ncontent-type: text/plain; charset=utf-8\r\nconnection: close\r\n"
              "content-length: 20\r\n\r\nService Unavailable\n"},
      {"u:1", ""},
  };
  kja_runtime_t runtime = runtime_open();
  kja_http_server_t server = server_open(runtime, deciding_service, NULL);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    pair_t pair = pair_open(runtime);
    kja_promise_t serving = 0;
    char text[200];
    CHECK_OK(kja_http_server_serve_start(server, pair.server, &serving));
    snprintf(text, sizeof text, "CONNECT %s HTTP/1.1\r\nHost: x\r\n\r\nGET /" HEAD "\r\n", cases[i][0]);
    send_text(pair.client, text);
    if (*cases[i][1]) receive_text(pair.client, cases[i][1]);
    expect_bytes(read_start(pair.client, 1, 1), "", 0);
    expect(serving, *cases[i][1] ? KJA_OK : KJA_ERR_DISCONNECTED);
    pair_release(pair);
  }
  CHECK_OK(kja_http_server_release(server));
  runtime_close(runtime);
}

int main(void) {
  RUN_IN_BOTH(hooks_hear_answer_and_close);
  RUN_IN_BOTH(each_connection_has_a_service_of_its_own);
  RUN_IN_BOTH(a_suspended_request_goes_on_in_another_server);
  RUN_IN_BOTH(limits_are_answered);
  RUN_IN_BOTH(an_unread_body_is_read_to_keep_the_connection_if_it_is_short);
  RUN_IN_BOTH(a_tunnel_is_refused_with_a_body_or_not_decided_on);
  return check_done();
}
