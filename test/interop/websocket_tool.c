/* One end of a WebSocket for peers of another make.
 *
 *   websocket_tool serve BITS FRESH          serves every message back until its input ends; prints `READY port`
 *   websocket_tool connect URL BITS FRESH    sends messages of many sizes, checks that they come back, and closes;
 *                                            prints `done extensions=...`
 *
 * BITS is the largest window both ways, 0 for no compression; FRESH is 1 for windows that are not kept. */
#include "must.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static kja_websocket_options_t chosen;

static void choose(const char *bits, const char *fresh) {
  chosen.size = sizeof chosen;
  chosen.compress_from = 1;
  chosen.client_max_window_bits = chosen.server_max_window_bits = (uint8_t)atoi(bits);
  if (atoi(bits)) chosen.flags = KJA_WEBSOCKET_COMPRESS;
  if (atoi(fresh)) chosen.flags |= KJA_WEBSOCKET_CLIENT_NO_CONTEXT_TAKEOVER | KJA_WEBSOCKET_SERVER_NO_CONTEXT_TAKEOVER;
}

static void done(kja_promise_t promise) {
  MUST(kja_promise_await(promise));
  MUST(kja_promise_release(promise));
}

static void answer(void *ctx, kja_call_t call) {
  kja_websocket_message_t message = 0;
  kja_bytes_t bytes = 0;
  kja_promise_t sent = 0;
  uint32_t kind = 0;
  MUST(kja_call_handle(call, &message));
  MUST(kja_websocket_message_kind(message, &kind));
  if (kind != KJA_WEBSOCKET_CLOSE) {
    MUST(kja_websocket_message_bytes(message, &bytes));
    MUST(kja_websocket_send_bytes_start(*(kja_websocket_t *)ctx, kind, bytes, &sent));
    MUST(kja_call_return_promise(call, sent));
    MUST(kja_bytes_release(bytes));
  }
  MUST(kja_websocket_message_release(message));
}

static void socket_free(void *ctx) {
  kja_websocket_release(*(kja_websocket_t *)ctx);
  free(ctx);
}

static void accept_socket(void *ctx, kja_call_t call) {
  kja_http_request_t request = 0;
  kja_promise_t serving = 0;
  kja_websocket_t *socket = (kja_websocket_t *)calloc(1, sizeof *socket);
  (void)ctx;
  MUST(kja_call_handle(call, &request));
  if (kja_http_request_accept_websocket(request, 0, &chosen, socket) == KJA_OK) {
    MUST(kja_websocket_receive_each_start(*socket, 0, answer, socket, socket_free, &serving));
    MUST(kja_call_return_promise(call, serving));
  } else {
    free(socket);
  }
  MUST(kja_http_request_release(request));
}

static void serve(kja_runtime_t runtime) {
  kja_promise_t parsing = 0, listening = 0;
  kja_listener_t listener = 0;
  kja_http_server_t server = 0;
  kja_address_t own = 0;
  uint16_t port = 0;
  MUST(kja_address_parse_start(runtime, "127.0.0.1:0", 11, 0, &parsing));
  kja_address_t address = taken(parsing);
  MUST(kja_address_listen(address, 0, &listener));
  MUST(kja_listener_local_address(listener, &own));
  MUST(kja_address_port(own, &port));
  MUST(kja_http_server_new(runtime, NULL, accept_socket, NULL, NULL, &server));
  MUST(kja_http_server_listen_start(server, listener, &listening));
  printf("READY %u\n", port);
  fflush(stdout);
  char byte;
  while (read(STDIN_FILENO, &byte, 1) > 0) continue;
  MUST(kja_promise_release(listening));
  MUST(kja_http_server_release(server));
  MUST(kja_listener_release(listener));
  MUST(kja_address_release(own));
  MUST(kja_address_release(address));
}

static void exchange(kja_websocket_t socket, uint32_t kind, const char *data, size_t size) {
  kja_promise_t sent = 0, receiving = 0;
  const void *came = NULL;
  size_t came_size = 0;
  uint32_t came_kind = 0;
  MUST(kja_websocket_send_start(socket, kind, data, size, &sent));
  MUST(kja_websocket_receive_start(socket, 0, &receiving));
  kja_websocket_message_t message = taken(receiving);
  done(sent);
  MUST(kja_websocket_message_kind(message, &came_kind));
  MUST(kja_websocket_message_data(message, &came, &came_size));
  if (came_kind != kind || came_size != size || memcmp(came, data, size) != 0) {
    fprintf(stderr, "%zu bytes of kind %u came back as %zu of kind %u\n", size, kind, came_size, came_kind);
    exit(1);
  }
  MUST(kja_websocket_message_release(message));
}

static void talk(kja_runtime_t runtime, const char *url) {
  static char text[300000];
  kja_network_t network = 0;
  kja_http_client_t client = 0;
  kja_promise_t asked = 0, ping = 0, closing = 0, receiving = 0;
  char extensions[200];
  size_t length = 0;
  uint32_t noise = 1;
  for (size_t i = 0; i < sizeof text; i++) {
    noise = noise * 1664525 + 1013904223;
    text[i] = i % 50 < 40 ? "the quick brown fox jumps over the lazy dog"[i % 43] : (char)('a' + (noise >> 24) % 26);
  }
  MUST(kja_network_new(runtime, &network));
  MUST(kja_http_client_new(network, NULL, &client));
  MUST(kja_http_client_websocket_start(client, url, strlen(url), 0, &chosen, &asked));
  kja_websocket_t socket = taken(asked);
  for (size_t size = 0; size < sizeof text; size = size * 3 + 1) {
    exchange(socket, KJA_WEBSOCKET_TEXT, text, size);
    exchange(socket, KJA_WEBSOCKET_BINARY, text + 7, size < sizeof text - 7 ? size : 0);
  }
  MUST(kja_websocket_receive_start(socket, 0, &receiving));
  MUST(kja_websocket_ping_start(socket, "alive?", 6, &ping));
  done(ping);
  MUST(kja_websocket_extensions(socket, extensions, sizeof extensions, &length));
  MUST(kja_websocket_finish_start(socket, 1000, "thanks", 6, &closing));
  MUST(kja_websocket_message_release(taken(receiving)));
  done(closing);
  printf("done extensions=%.*s\n", (int)length, extensions);
  MUST(kja_websocket_release(socket));
  MUST(kja_http_client_release(client));
  MUST(kja_network_release(network));
}

int main(int count, char **arguments) {
  kja_runtime_t runtime = 0;
  MUST(kja_runtime_new(NULL, &runtime));
  if (count == 4 && strcmp(arguments[1], "serve") == 0) {
    choose(arguments[2], arguments[3]);
    serve(runtime);
  } else if (count == 5 && strcmp(arguments[1], "connect") == 0) {
    choose(arguments[3], arguments[4]);
    talk(runtime, arguments[2]);
  } else {
    fprintf(stderr, "usage: websocket_tool serve BITS FRESH | connect URL BITS FRESH\n");
    return 2;
  }
  MUST(kja_runtime_release(runtime));
  return kja_handle_count() != 0;
}
