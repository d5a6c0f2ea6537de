/* W7: a WebSocket message and its echo, client and server on loops of their own. */
#include "bench.h"

static void answer(void *ctx, kja_call_t call) {
  kja_websocket_t *socket = ctx;
  kja_websocket_message_t message;
  uint32_t kind;
  const void *data;
  size_t size;
  bool sent;
  MUST(kja_call_handle(call, &message));
  MUST(kja_websocket_message_kind(message, &kind));
  if (kind != KJA_WEBSOCKET_CLOSE) {
    MUST(kja_websocket_message_data(message, &data, &size));
    MUST(kja_websocket_send_now(*socket, kind, data, size, &sent));
    if (!sent) {
      kja_promise_t sending;
      MUST(kja_websocket_send_start(*socket, kind, data, size, &sending));
      MUST(kja_call_return_promise(call, sending));
    }
  }
  MUST(kja_websocket_message_release(message));
}

static void socket_free(void *ctx) {
  kja_websocket_t *socket = ctx;
  kja_websocket_release(*socket); /* refused at shutdown */
  free(socket);
}

static void serve(void *ctx, kja_call_t call) {
  kja_http_request_t request;
  kja_websocket_t *socket = malloc(sizeof *socket);
  kja_promise_t receiving;
  (void)ctx;
  MUST(kja_call_handle(call, &request));
  MUST(kja_http_request_accept_websocket(request, 0, NULL, socket));
  MUST(kja_websocket_receive_each_start(*socket, 0, answer, socket, socket_free, &receiving));
  MUST(kja_call_return_promise(call, receiving));
  MUST(kja_http_request_release(request));
}

typedef struct client_t {
  kja_websocket_t socket;
  uint64_t begun, end;
  samples_t *samples;
  uint32_t kind;
  size_t size;
  char *message;
} client_t;

static void send_message(const client_t *client) {
  bool sent;
  kja_promise_t sending;
  MUST(kja_websocket_send_now(client->socket, client->kind, client->message, client->size, &sent));
  if (sent) return;
  MUST(kja_websocket_send_start(client->socket, client->kind, client->message, client->size, &sending));
  MUST(kja_promise_detach(sending, NULL, NULL, NULL));
}

static void echo_came(void *ctx, kja_call_t call) {
  client_t *client = ctx;
  kja_websocket_message_t message;
  const void *data;
  size_t size;
  uint64_t now = kja_timer_now_nanos();
  MUST(kja_call_handle(call, &message));
  MUST(kja_websocket_message_data(message, &data, &size));
  if (size != client->size) fprintf(stderr, "a message of %zu bytes\n", size);
  MUST(kja_websocket_message_release(message));
  samples_add(client->samples, now - client->begun);
  client->begun = now;
  if (now < client->end) send_message(client);
  else MUST(kja_call_return_u64(call, 0));
}

static void begin(void *ctx, kja_call_t call) {
  client_t *client = ctx;
  kja_promise_t echoes;
  client->begun = kja_timer_now_nanos();
  send_message(client);
  MUST(kja_websocket_receive_each_start(client->socket, 0, echo_came, client, NULL, &echoes));
  MUST(kja_call_return_promise(call, echoes));
}

static void exchange(const char *name, uint32_t kind, size_t size) {
  if (!bench_wants(name)) return;
  kja_runtime_t serving = runtime_new(KJA_RUNTIME_THREAD, 0), runtime = runtime_new(KJA_RUNTIME_THREAD, 0);
  kja_executor_t executor = executor_of(runtime);
  kja_http_server_t server;
  kja_http_client_t asking;
  kja_network_t network;
  kja_address_t bound;
  kja_promise_t listening, promise;
  samples_t samples = samples_new(1 << 20);
  client_t client = {.samples = &samples, .kind = kind, .size = size, .message = malloc(size)};
  char url[64];
  uint16_t port;
  span_t span;
  memset(client.message, 'a', size);
  MUST(kja_http_server_new(serving, NULL, serve, NULL, NULL, &server));
  kja_listener_t listener = listen_on_loopback(serving);
  MUST(kja_http_server_listen_start(server, listener, &listening));
  MUST(kja_listener_local_address(listener, &bound));
  MUST(kja_address_port(bound, &port));
  MUST(kja_network_new(runtime, &network));
  MUST(kja_http_client_new(network, NULL, &asking));
  int length = snprintf(url, sizeof url, "ws://127.0.0.1:%u/ws", port);
  MUST(kja_http_client_websocket_start(asking, url, (size_t)length, 0, NULL, &promise));
  client.socket = handle_of(promise);
  span_begin(&span);
  client.end = span.begin + bench_nanos(1);
  MUST(kja_executor_execute_start(executor, begin, &client, NULL, &promise));
  await_and_release(promise);
  span_end(&span);
  report(name, &span, (double)samples.count, 2.0 * (double)samples.count * (double)size, &samples, NULL);
  samples_free(&samples);
  free(client.message);
  MUST(kja_executor_release(executor));
  runtime_end(runtime);
  runtime_end(serving);
}

void websockets(void) {
  exchange("w7_ws_text_64B", KJA_WEBSOCKET_TEXT, SMALL);
  exchange("w7_ws_bin_64B", KJA_WEBSOCKET_BINARY, SMALL);
  exchange("w7_ws_text_64K", KJA_WEBSOCKET_TEXT, LARGE);
  exchange("w7_ws_bin_64K", KJA_WEBSOCKET_BINARY, LARGE);
}
