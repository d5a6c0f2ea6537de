/* WebSockets: by way of HTTP, and over connections whose handshake is done. */
#include "http.h"

typedef struct ends_t {
  kja_websocket_t client, server;
} ends_t;

static kja_websocket_options_t compressing(void) {
  kja_websocket_options_t options;
  memset(&options, 0, sizeof options);
  options.size = sizeof options;
  options.flags = KJA_WEBSOCKET_COMPRESS;
  options.compress_from = 1;
  return options;
}

/* The two ends of one socket, with these extensions. */
static ends_t ends_open(kja_runtime_t runtime, const char *extensions) {
  pair_t pair = pair_open(runtime);
  kja_websocket_options_t options = compressing();
  ends_t ends = {0, 0};
  CHECK_OK(kja_websocket_new(pair.client, KJA_WEBSOCKET_CLIENT, extensions, strlen(extensions), &options, &ends.client));
  CHECK_OK(kja_websocket_new(pair.server, KJA_WEBSOCKET_SERVER, extensions, strlen(extensions), &options, &ends.server));
  pair_release(pair);
  return ends;
}

static void ends_release(ends_t ends) {
  CHECK_OK(kja_websocket_release(ends.client));
  CHECK_OK(kja_websocket_release(ends.server));
}

static kja_promise_t send_start(kja_websocket_t socket, uint32_t kind, const char *data, size_t size) {
  kja_promise_t sent = 0;
  CHECK_OK(kja_websocket_send_start(socket, kind, data, size, &sent));
  return sent;
}

static kja_promise_t receive_start(kja_websocket_t socket) {
  kja_promise_t receiving = 0;
  CHECK_OK(kja_websocket_receive_start(socket, 0, &receiving));
  return receiving;
}

/* A message of this kind with these bytes, which is released. */
static void expect_message(kja_promise_t receiving, uint32_t kind, const char *data, size_t size) {
  kja_websocket_message_t message = handle_from(receiving);
  const void *came = NULL;
  size_t came_size = 0;
  uint32_t came_kind = 0;
  bool last = false;
  CHECK_OK(kja_websocket_message_kind(message, &came_kind));
  CHECK_U64(came_kind, kind);
  CHECK_OK(kja_websocket_message_data(message, &came, &came_size));
  CHECK(came_size == size && memcmp(came, data, size) == 0);
  CHECK_OK(kja_websocket_message_is_last(message, &last));
  CHECK(last);
  CHECK_OK(kja_websocket_message_release(message));
}

static void expect_close(kja_promise_t receiving, uint32_t code, const char *reason) {
  kja_websocket_message_t message = handle_from(receiving);
  uint32_t came = 0;
  CHECK_OK(kja_websocket_message_close_code(message, &came));
  CHECK_U64(came, code);
  CHECK_OK(kja_websocket_message_release(message));
  (void)reason;
}

/* parity: WS-01, WS-02, WS-10, WS-14, WS-15, WS-17 */
static void messages_go_both_ways(void) {
  static const char *const extensions[] = {
      "", "permessage-deflate", "permessage-deflate; server_no_context_takeover; client_no_context_takeover",
      "permessage-deflate; server_max_window_bits=9; client_max_window_bits=8"};
  static char text[100000];
  memset(text, 'a', sizeof text);
  kja_runtime_t runtime = runtime_open();
  for (size_t i = 0; i < sizeof extensions / sizeof *extensions; i++) {
    ends_t ends = ends_open(runtime, extensions[i]);
    kja_promise_t receiving = receive_start(ends.server), busy = 0;
    CHECK_IS(kja_websocket_receive_start(ends.server, 0, &busy), KJA_ERR_BUSY);
    expect(send_start(ends.client, KJA_WEBSOCKET_TEXT, "hello", 5), KJA_OK);
    expect_message(receiving, KJA_WEBSOCKET_TEXT, "hello", 5);
    kja_promise_t sent = send_start(ends.server, KJA_WEBSOCKET_BINARY, text, sizeof text);
    expect_message(receive_start(ends.client), KJA_WEBSOCKET_BINARY, text, sizeof text);
    expect(sent, KJA_OK);
    kja_bytes_t bytes = 0;
    CHECK_OK(kja_bytes_new(text, sizeof text, &bytes));
    CHECK_OK(kja_websocket_send_bytes_start(ends.client, KJA_WEBSOCKET_TEXT, bytes, &sent));
    CHECK_OK(kja_bytes_release(bytes));
    kja_websocket_message_t message = handle_from(receive_start(ends.server));
    expect(sent, KJA_OK);
    CHECK_OK(kja_websocket_message_bytes(message, &bytes));
    CHECK_OK(kja_websocket_message_release(message));
    size_t size = 0;
    CHECK_OK(kja_bytes_data(bytes, NULL, &size));
    CHECK_U64(size, sizeof text);
    CHECK_OK(kja_bytes_release(bytes));
    bool now = false;
    CHECK_OK(kja_websocket_send_now(ends.server, KJA_WEBSOCKET_TEXT, "", 0, &now));
    CHECK(now);
    expect_message(receive_start(ends.client), KJA_WEBSOCKET_TEXT, "", 0);
    uint64_t out = 0, in = 0;
    CHECK_OK(kja_websocket_byte_counts(ends.server, &out, NULL));
    CHECK_OK(kja_websocket_byte_counts(ends.client, NULL, &in));
    CHECK_U64(out, in);
    /* A window of 8 bits on the client's side is not used to compress. */
    CHECK_OK(kja_websocket_byte_counts(ends.client, &out, NULL));
    CHECK((out < sizeof text) == (i == 1 || i == 2));
    char agreed[200];
    CHECK_OK(kja_websocket_extensions(ends.client, agreed, sizeof agreed, &size));
    CHECK(size == strlen(extensions[i]) && memcmp(agreed, extensions[i], size) == 0);
    CHECK_IS(kja_websocket_send_start(ends.client, KJA_WEBSOCKET_TEXT, "\xff", 1, &sent), KJA_ERR_INVALID_ARGUMENT);
    CHECK_IS(kja_websocket_send_start(ends.client, KJA_WEBSOCKET_CLOSE, "", 0, &sent), KJA_ERR_INVALID_ARGUMENT);
    ends_release(ends);
  }
  runtime_close(runtime);
}

/* parity: WS-01, WS-11 */
static void a_message_goes_in_pieces_with_pings_between(void) {
  kja_runtime_t runtime = runtime_open();
  ends_t ends = ends_open(runtime, "");
  kja_promise_t sent = 0, piece = 0, ping = 0, ended = 0;
  kja_connection_t body = 0;
  bool last = true;
  CHECK_OK(kja_websocket_send_stream_start(ends.client, KJA_WEBSOCKET_TEXT, &body, &sent));
  send_text(body, "one");
  CHECK_OK(kja_websocket_receive_piece_start(ends.server, &piece));
  kja_websocket_message_t message = handle_from(piece);
  CHECK_OK(kja_websocket_message_is_last(message, &last));
  CHECK(!last);
  CHECK_OK(kja_websocket_message_release(message));
  CHECK_OK(kja_websocket_ping_start(ends.client, "?", 1, &ping));
  kja_promise_t back = receive_start(ends.client);
  send_text(body, "two");
  CHECK_OK(kja_connection_shutdown_write_start(body, &ended));
  kja_promise_t rest = receive_start(ends.server);
  expect(ended, KJA_OK);
  expect_message(rest, KJA_WEBSOCKET_TEXT, "two", 3);
  expect(sent, KJA_OK);
  expect(ping, KJA_OK);
  CHECK_OK(kja_websocket_pong_start(ends.server, "", 0, &sent));
  expect(sent, KJA_OK);
  expect(send_start(ends.server, KJA_WEBSOCKET_TEXT, "x", 1), KJA_OK);
  expect_message(back, KJA_WEBSOCKET_TEXT, "x", 1);
  CHECK_OK(kja_connection_release(body));
  ends_release(ends);
  runtime_close(runtime);
}

/* parity: WS-03, WS-21 */
static void a_close_is_answered(void) {
  kja_runtime_t runtime = runtime_open();
  ends_t ends = ends_open(runtime, "");
  kja_promise_t closing = 0, receiving = receive_start(ends.client);
  CHECK_IS(kja_websocket_close_start(ends.client, 1006, "", 0, &closing), KJA_ERR_INVALID_ARGUMENT);
  CHECK_IS(kja_websocket_close_start(ends.client, KJA_WEBSOCKET_NO_CODE, "x", 1, &closing), KJA_ERR_INVALID_ARGUMENT);
  CHECK_OK(kja_websocket_close_start(ends.client, 1000, "bye", 3, &closing));
  expect(closing, KJA_OK);
  kja_websocket_message_t message = handle_from(receive_start(ends.server));
  const void *reason = NULL;
  size_t size = 0;
  uint32_t code = 0;
  CHECK_OK(kja_websocket_message_close_code(message, &code));
  CHECK_U64(code, 1000);
  CHECK_OK(kja_websocket_message_data(message, &reason, &size));
  CHECK(size == 3 && memcmp(reason, "bye", 3) == 0);
  CHECK_OK(kja_websocket_message_release(message));
  expect_close(receiving, 1000, "bye");
  expect(receive_start(ends.client), KJA_ERR_FAILED);
  expect(send_start(ends.client, KJA_WEBSOCKET_TEXT, "late", 4), KJA_ERR_FAILED);
  ends_release(ends);
  ends = ends_open(runtime, "");
  receiving = receive_start(ends.server);
  CHECK_OK(kja_websocket_finish_start(ends.client, KJA_WEBSOCKET_NO_CODE, NULL, 0, &closing));
  expect_close(receiving, KJA_WEBSOCKET_NO_CODE, "");
  expect(closing, KJA_OK);
  ends_release(ends);
  runtime_close(runtime);
}

/* parity: WS-04, WS-05, WS-06, WS-12, WS-13 */
static void what_ends_badly_says_so(void) {
  kja_runtime_t runtime = runtime_open();
  ends_t ends = ends_open(runtime, "");
  CHECK_OK(kja_websocket_disconnect(ends.client));
  expect(receive_start(ends.server), KJA_ERR_DISCONNECTED);
  expect(send_start(ends.client, KJA_WEBSOCKET_TEXT, "x", 1), KJA_ERR_FAILED);
  ends_release(ends);
  ends = ends_open(runtime, "");
  kja_promise_t receiving = receive_start(ends.client), gone = 0;
  CHECK_OK(kja_websocket_when_aborted_start(ends.server, &gone));
  CHECK_OK(kja_websocket_abort(ends.client));
  expect(receiving, KJA_ERR_CANCELED);
  CHECK_OK(kja_promise_release(gone));
  ends_release(ends);
  /* A frame that is not masked. */
  pair_t pair = pair_open(runtime);
  kja_websocket_t server = 0;
  kja_bytes_t code = 0;
  kja_connection_t below = 0;
  CHECK_OK(kja_websocket_new(pair.server, KJA_WEBSOCKET_SERVER, NULL, 0, NULL, &server));
  send_text(pair.client, "\x81\x01x");
  receiving = receive_start(server);
  CHECK_IS(kja_promise_await(receiving), KJA_ERR_FAILED);
  kja_error_t error = 0;
  CHECK_OK(kja_promise_error_object(receiving, &error));
  CHECK_OK(kja_error_detail(error, KJA_WEBSOCKET_CODE_DETAIL, &code));
  CHECK_OK(kja_error_release(error));
  CHECK_OK(kja_promise_release(receiving));
  const void *data = NULL;
  CHECK_OK(kja_bytes_data(code, &data, NULL));
  CHECK(memcmp(data, "\x03\xea", 2) == 0);
  CHECK_OK(kja_bytes_release(code));
  receive_text(pair.client, "\x88\x02\x03\xea");
  CHECK_OK(kja_websocket_connection(server, &below));
  CHECK_OK(kja_connection_release(below));
  CHECK_OK(kja_websocket_release(server));
  pair_release(pair);
  runtime_close(runtime);
}

/* Sends each message back, and fails at the end. */
static void echo(void *ctx, kja_call_t call) {
  kja_websocket_t *socket = (kja_websocket_t *)ctx;
  kja_websocket_message_t message = 0;
  uint32_t kind = 0;
  kja_bytes_t bytes = 0;
  kja_promise_t sent = 0;
  CHECK_OK(kja_call_handle(call, &message));
  CHECK_OK(kja_websocket_message_kind(message, &kind));
  if (kind != KJA_WEBSOCKET_CLOSE) {
    CHECK_OK(kja_websocket_message_bytes(message, &bytes));
    CHECK_OK(kja_websocket_send_bytes_start(*socket, kind, bytes, &sent));
    CHECK_OK(kja_call_return_promise(call, sent));
    CHECK_OK(kja_bytes_release(bytes));
  }
  CHECK_OK(kja_websocket_message_release(message));
}

static void release_socket(void *ctx) {
  CHECK_OK(kja_websocket_release(*(kja_websocket_t *)ctx));
  free(ctx);
}

static void echo_service(void *ctx, kja_call_t call) {
  (void)ctx;
  kja_http_request_t request = request_of(call);
  kja_http_headers_t headers = 0;
  kja_websocket_options_t options = compressing();
  kja_websocket_t *socket = (kja_websocket_t *)calloc(1, sizeof *socket);
  kja_promise_t serving = 0;
  CHECK_OK(kja_http_headers_new(&headers));
  CHECK_OK(kja_http_headers_set(headers, "Sec-WebSocket-Protocol", 22, "chat", 4));
  kja_status_t accepted = kja_http_request_accept_websocket(request, headers, &options, socket);
  if (accepted == KJA_OK) {
    CHECK_OK(kja_websocket_receive_each_start(*socket, 0, echo, socket, release_socket, &serving));
    CHECK_OK(kja_call_return_promise(call, serving));
  } else {
    CHECK_IS(accepted, KJA_ERR_INVALID_ARGUMENT);
    CHECK_OK(kja_http_request_respond_error(request, 404, NULL, 0));
    free(socket);
  }
  CHECK_OK(kja_http_headers_release(headers));
  CHECK_OK(kja_http_request_release(request));
}

/* parity: HCLI-06, HCLI-13, HSRV-04, HSRV-22, WS-18, WS-19, WS-22 */
static void a_client_and_a_server_talk(void) {
  kja_runtime_t runtime = runtime_open();
  kja_listener_t listener = listen_on_loopback(runtime);
  kja_http_server_t server = server_open(runtime, echo_service, NULL);
  kja_network_t network = 0;
  kja_http_client_t client = 0;
  kja_promise_t listening = 0, asked = 0, closing = 0;
  kja_http_headers_t headers = 0;
  CHECK_OK(kja_http_server_listen_start(server, listener, &listening));
  CHECK_OK(kja_network_new(runtime, &network));
  CHECK_OK(kja_http_client_new(network, NULL, &client));
  CHECK_OK(kja_http_headers_new(&headers));
  CHECK_OK(kja_http_headers_set(headers, "Sec-WebSocket-Protocol", 22, "superchat, chat", 15));
  char url[60], text[20];
  size_t size = 0;
  int length = snprintf(url, sizeof url, "ws://127.0.0.1:%u/", port_of(listener));
  kja_websocket_options_t options = compressing();
  CHECK_OK(kja_http_client_websocket_start(client, url, (size_t)length, headers, &options, &asked));
  kja_websocket_t socket = handle_from(asked);
  CHECK(kja_websocket_is(socket) && !kja_websocket_is(client));
  CHECK_OK(kja_websocket_protocol(socket, text, sizeof text, &size));
  CHECK(size == 4 && memcmp(text, "chat", 4) == 0);
  for (int i = 0; i < 10; i++) {
    expect(send_start(socket, KJA_WEBSOCKET_TEXT, "hello hello hello", 17), KJA_OK);
    expect_message(receive_start(socket), KJA_WEBSOCKET_TEXT, "hello hello hello", 17);
  }
  CHECK_OK(kja_websocket_finish_start(socket, 1000, NULL, 0, &closing));
  expect(closing, KJA_OK);
  CHECK_OK(kja_websocket_release(socket));
  /* An ordinary answer. */
  CHECK_OK(kja_http_client_websocket_start(client, url, (size_t)length, 0, NULL, &asked));
  kja_http_response_t response = handle_from(asked);
  CHECK(!kja_websocket_is(response));
  uint32_t status = 0;
  CHECK_OK(kja_http_response_status(response, &status));
  CHECK_U64(status, 404);
  CHECK_OK(kja_http_response_release(response));
  options.server_max_window_bits = 7;
  CHECK_IS(kja_http_client_websocket_start(client, url, (size_t)length, 0, &options, &asked), KJA_ERR_INVALID_ARGUMENT);
  CHECK_OK(kja_http_headers_release(headers));
  CHECK_OK(kja_http_client_release(client));
  CHECK_OK(kja_network_release(network));
  CHECK_OK(kja_promise_release(listening));
  CHECK_OK(kja_http_server_release(server));
  CHECK_OK(kja_listener_release(listener));
  runtime_close(runtime);
}

/* parity: WS-07 */
static void messages_are_pumped_until_the_close(void) {
  kja_runtime_t runtime = runtime_open();
  ends_t one = ends_open(runtime, ""), other = ends_open(runtime, "permessage-deflate");
  kja_promise_t there = 0, back = 0, closing = 0;
  CHECK_OK(kja_websocket_pump_start(one.server, other.client, &there));
  CHECK_OK(kja_websocket_pump_start(other.client, one.server, &back));
  expect(send_start(one.client, KJA_WEBSOCKET_TEXT, "over there", 10), KJA_OK);
  expect_message(receive_start(other.server), KJA_WEBSOCKET_TEXT, "over there", 10);
  expect(send_start(other.server, KJA_WEBSOCKET_BINARY, "and back", 8), KJA_OK);
  expect_message(receive_start(one.client), KJA_WEBSOCKET_BINARY, "and back", 8);
  CHECK_OK(kja_websocket_close_start(one.client, 4000, "enough", 6, &closing));
  expect(closing, KJA_OK);
  expect_close(receive_start(other.server), 4000, "enough");
  expect(there, KJA_OK);
  expect(back, KJA_OK);
  ends_release(one);
  ends_release(other);
  /* An error of the source closes the target. */
  one = ends_open(runtime, "");
  other = ends_open(runtime, "");
  CHECK_OK(kja_websocket_pump_start(one.server, other.client, &there));
  CHECK_OK(kja_websocket_abort(one.client));
  expect_close(receive_start(other.server), 1011, "");
  expect(there, KJA_ERR_DISCONNECTED);
  ends_release(one);
  ends_release(other);
  runtime_close(runtime);
}

/* parity: WS-08, WS-09 */
static void a_pump_passes_messages_as_they_are(void) {
  kja_runtime_t runtime = runtime_open();
  const char *extensions = "permessage-deflate; client_no_context_takeover; server_max_window_bits=10";
  ends_t one = ends_open(runtime, extensions), other = ends_open(runtime, extensions);
  kja_promise_t pumping = 0;
  uint64_t received = 0, sent = 0;
  char text[500];
  memset(text, 'a', sizeof text);
  CHECK_OK(kja_websocket_pump_start(one.server, other.client, &pumping));
  expect(send_start(one.client, KJA_WEBSOCKET_TEXT, text, sizeof text), KJA_OK);
  expect_message(receive_start(other.server), KJA_WEBSOCKET_TEXT, text, sizeof text);
  CHECK_OK(kja_websocket_byte_counts(one.server, NULL, &received));
  CHECK_OK(kja_websocket_byte_counts(other.client, &sent, NULL));
  CHECK_U64(sent, received);
  CHECK_OK(kja_promise_release(pumping));
  kja_websocket_options_t options;
  memset(&options, 0, sizeof options);
  CHECK_IS(kja_websocket_matching_options(other.client, &options), KJA_ERR_INVALID_ARGUMENT);
  CHECK_IS(kja_websocket_matching_options(other.client, NULL), KJA_ERR_INVALID_ARGUMENT);
  options.size = sizeof options;
  options.max_message = 7;
  CHECK_OK(kja_websocket_matching_options(other.client, &options));
  CHECK_U64(options.flags, KJA_WEBSOCKET_COMPRESS | KJA_WEBSOCKET_CLIENT_NO_CONTEXT_TAKEOVER);
  CHECK_U64(options.server_max_window_bits, 10);
  CHECK_U64(options.client_max_window_bits, 15);
  CHECK_U64(options.max_message, 7);
  ends_release(one);
  ends_release(other);
  runtime_close(runtime);
}

/* parity: WS-16 */
static void a_pipe_has_no_buffer(void) {
  kja_runtime_t runtime = runtime_open();
  ends_t ends = {0, 0};
  CHECK_OK(kja_websocket_pipe(runtime, NULL, &ends.client, &ends.server));
  kja_promise_t first = send_start(ends.client, KJA_WEBSOCKET_TEXT, "first", 5);
  kja_promise_t second = send_start(ends.client, KJA_WEBSOCKET_TEXT, "second", 6);
  expect_message(receive_start(ends.server), KJA_WEBSOCKET_TEXT, "first", 5);
  expect(first, KJA_OK);
  CHECK_IS(kja_promise_status(second), KJA_ERR_PENDING);
  expect_message(receive_start(ends.server), KJA_WEBSOCKET_TEXT, "second", 6);
  expect(second, KJA_OK);
  ends_release(ends);
  runtime_close(runtime);
}

/* One that cannot go out is not followed by another. */
static void pings_without_a_pause_hold_nobody_up(void) {
  kja_runtime_t runtime = runtime_open();
  kja_websocket_options_t options;
  kja_runtime_stats_t stats;
  ends_t ends = {0, 0};
  memset(&options, 0, sizeof options);
  memset(&stats, 0, sizeof stats);
  options.size = sizeof options;
  options.ping_nanos = 1;
  stats.size = sizeof stats;
  CHECK_OK(kja_websocket_pipe(runtime, &options, &ends.client, &ends.server));
  kja_promise_t receiving = receive_start(ends.client);
  for (int i = 0; i < 200; i++) {
    kja_promise_t turn = 0;
    CHECK_OK(kja_timer_yield_start(runtime, &turn));
    expect(turn, KJA_OK);
  }
  CHECK_OK(kja_runtime_stats(runtime, &stats));
  CHECK(stats.promises < 20);
  /* The other end gets it, and what comes behind it. */
  kja_promise_t text = send_start(ends.client, KJA_WEBSOCKET_TEXT, "text", 4);
  expect_message(receive_start(ends.server), KJA_WEBSOCKET_TEXT, "text", 4);
  expect(text, KJA_OK);
  CHECK_OK(kja_promise_release(receiving));
  ends_release(ends);
  runtime_close(runtime);
}

/* So many that each must not look at all the others when it ends. */
static void a_shutdown_ends_any_number_of_pings(void) {
  kja_runtime_t runtime = runtime_open();
  ends_t ends = {0, 0};
  CHECK_OK(kja_websocket_pipe(runtime, NULL, &ends.client, &ends.server));
  for (size_t i = 0, n = scaled(200000); i < n; i++) {
    kja_promise_t pong = 0;
    CHECK_OK(kja_websocket_ping_start(ends.client, "?", 1, &pong));
    CHECK_OK(kja_promise_detach(pong, NULL, NULL, NULL));
  }
  runtime_close(runtime);
}

int main(void) {
  RUN_IN_BOTH(messages_go_both_ways);
  RUN_IN_BOTH(a_message_goes_in_pieces_with_pings_between);
  RUN_IN_BOTH(a_close_is_answered);
  RUN_IN_BOTH(what_ends_badly_says_so);
  RUN_IN_BOTH(a_client_and_a_server_talk);
  RUN_IN_BOTH(messages_are_pumped_until_the_close);
  RUN_IN_BOTH(a_pump_passes_messages_as_they_are);
  RUN_IN_BOTH(a_pipe_has_no_buffer);
  RUN_IN_BOTH(pings_without_a_pause_hold_nobody_up);
  RUN(a_shutdown_ends_any_number_of_pings);
  return check_done();
}
