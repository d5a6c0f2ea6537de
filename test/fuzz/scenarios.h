/* Ways to what no single call gives: what a promise brings after some others. */
#ifndef KJASYNC_FUZZ_SCENARIOS_H
#define KJASYNC_FUZZ_SCENARIOS_H

#include "own.h"

static void turn(worker_t *w) {
  for (int i = 0; i < MOST_SCOPES; i++)
    if (w->scopes[i]) kja_runtime_poll(w->scopes[i], 60, NULL);
}
static void bring(worker_t *w, kja_promise_t promise) {
  kja_handle_t brought = 0;
  turn(w);
  if (kja_promise_handle(promise, &brought) == KJA_OK) keep_any(w, brought);
  keep(w, PROMISE, promise);
}
static void bring_nothing(worker_t *w, kja_promise_t promise) {
  keep(w, PROMISE, promise);
}

static void scenario_http(worker_t *w) {
  const kja_runtime_t runtime = pick(w, RUNTIME);
  kja_http_server_t server = 0;
  kja_http_client_t client = 0;
  kja_promise_t asked = 0;
  kja_destroy_fn destroy;
  void *ctx = lend(w, &destroy, NULL);
  kja_http_server_new(runtime, NULL, on_call, ctx, destroy, &server);
  kja_http_client_new_service(server, NULL, &client);
  kja_http_client_request_start(client, "GET", 3, "http://h/", 9, 0, NULL, 0, &asked);
  turn(w);
  const kja_http_request_t request = one_of(w, HTTP_REQUEST, 0);
  if (request && any(w, 3)) kja_http_request_respond(request, 200, NULL, 0, 0, "x", 1);
  bring(w, asked);
  keep(w, HTTP_SERVER, server);
  keep(w, HTTP_CLIENT, client);
}
static void scenario_http_input(worker_t *w) {
  const kja_runtime_t runtime = pick(w, RUNTIME);
  kja_connection_t one = 0, other = 0;
  kja_promise_t writing = 0, reading = 0;
  kja_http_input_t input = 0;
  const kja_slice_t head = a_slice(w, HEADS, LENGTH(HEADS));
  kja_pipe_new_two_way(runtime, &one, &other);
  kja_connection_write_start(one, head.data, head.size, &writing);
  kja_http_input_new(other, NULL, &input);
  kja_http_input_read_start(input, (uint32_t)(1 + below(w, 3)), NULL, 0, &reading);
  bring(w, reading);
  keep(w, HTTP_INPUT, input);
  keep(w, CONNECTION, one);
  keep(w, CONNECTION, other);
  bring_nothing(w, writing);
}
static void scenario_message(worker_t *w) {
  const kja_runtime_t runtime = pick(w, RUNTIME);
  kja_address_t any_port = 0, own = 0;
  kja_datagram_t port = 0;
  kja_promise_t receiving = 0;
  bool sent = false;
  kja_address_from_sockaddr(runtime, SOCKADDRS[0], SOCKADDR_SIZES[0], &any_port);
  kja_address_bind_datagram(any_port, &port);
  kja_datagram_local_address(port, &own);
  kja_datagram_send_now(port, "message", 7, own, &sent);
  if (one_in(w, 2)) kja_datagram_receive_many_start(port, NULL, 3, &receiving);
  else kja_datagram_receive_start(port, NULL, &receiving);
  bring(w, receiving);
  keep(w, ADDRESS, any_port);
  keep(w, ADDRESS, own);
  keep(w, DATAGRAM, port);
}
static void scenario_capability(worker_t *w) {
  const kja_runtime_t runtime = pick(w, RUNTIME);
  kja_connection_t one = 0, other = 0;
  kja_promise_t writing = 0, reading = 0;
  const kja_connection_t sent = pick(w, CONNECTION);
  if (fuzz.is_replay || one_in(w, 2)) kja_pipe_new_capability(runtime, &one, &other);
  else kja_pipe_new_os_two_way(runtime, &one, &other);
  kja_connection_write_with_connections_start(one, "x", 1, &sent, 1, &writing);
  kja_connection_read_with_connections_start(other, 1, 1, 2, &reading);
  bring(w, reading);
  bring_nothing(w, writing);
  keep(w, CONNECTION, one);
  keep(w, CONNECTION, other);
}
static void scenario_websocket(worker_t *w) {
  const kja_runtime_t runtime = pick(w, RUNTIME);
  kja_websocket_t one = 0, other = 0;
  kja_promise_t sending = 0, receiving = 0;
  kja_websocket_pipe(runtime, NULL, &one, &other);
  kja_websocket_send_start(one, KJA_WEBSOCKET_TEXT, "text", 4, &sending);
  kja_websocket_receive_start(other, 0, &receiving);
  bring(w, receiving);
  bring_nothing(w, sending);
  keep(w, WEBSOCKET, one);
  keep(w, WEBSOCKET, other);
}
/* A handshake over a pipe, whose client takes any certificate, and the peers that each end sees. */
static void scenario_tls(worker_t *w) {
  if (fuzz.is_replay) return;
  const kja_runtime_t runtime = pick(w, RUNTIME);
  kja_tls_key_pair_t pair = 0;
  kja_tls_context_t contexts[2] = {0, 0};
  kja_network_wrapper_t wrappers[2] = {0, 0};
  kja_connection_t ends[2] = {0, 0};
  kja_promise_t wrapping[2] = {0, 0};
  kja_tls_key_pair_new(CERTIFICATES[0], strlen(CERTIFICATES[0]), KEYS[0], strlen(KEYS[0]), NULL, 0, &pair);
  if (one_in(w, 2)) kja_pipe_new_os_two_way(runtime, &ends[0], &ends[1]);
  else kja_pipe_new_two_way(runtime, &ends[0], &ends[1]);
  for (int i = 0; i < 2; i++) {
    kja_tls_options_t options;
    memset(&options, 0, sizeof options);
    options.size = sizeof options;
    options.flags = KJA_TLS_NO_SYSTEM_TRUST;
    if (i == 0) options.key_pair = pair;
    else options.dangerous_verify_instead = on_call_at_once;
    options.ctx = lend(w, &options.destroy, NULL);
    kja_tls_context_new(runtime, &options, &contexts[i]);
    kja_tls_context_wrapper(contexts[i], &wrappers[i]);
  }
  kja_network_wrapper_wrap_server_start(wrappers[0], ends[0], &wrapping[0]);
  kja_network_wrapper_wrap_client_start(wrappers[1], ends[1], "handle", 6, &wrapping[1]);
  for (int i = 0; i < 2; i++) {
    kja_connection_t secured = 0;
    kja_peer_t peer = 0;
    turn(w);
    if (kja_promise_handle(wrapping[i], &secured) == KJA_OK && kja_connection_peer(secured, &peer) == KJA_OK) keep(w, PEER, peer);
    keep(w, CONNECTION, secured);
    keep(w, CONNECTION, ends[i]);
    keep(w, NETWORK_WRAPPER, wrappers[i]);
    keep(w, TLS_CONTEXT, contexts[i]);
    bring_nothing(w, wrapping[i]);
  }
  keep(w, TLS_KEY_PAIR, pair);
}
static void scenario_signal(worker_t *w) {
  if (fuzz.is_replay) return;
  const kja_runtime_t runtime = pick(w, RUNTIME);
  const int32_t number = SIGUSR2;
  kja_signal_t signal = 0;
  kja_promise_t next = 0;
  kja_signal_new(runtime, &number, 1, &signal);
  kja_signal_next_start(signal, &next);
  kja_signal_send(getpid(), number);
  bring(w, next);
  keep(w, SIGNAL, signal);
}

static void (*const SCENARIOS[FAMILIES])(worker_t *w) = {
    [CONNECTION] = scenario_capability, [HTTP_MESSAGE] = scenario_http_input, [HTTP_REQUEST] = scenario_http,
    [HTTP_RESPONSE] = scenario_http, [MESSAGE] = scenario_message, [MESSAGE_LIST] = scenario_message, [PEER] = scenario_tls,
    [SIGNAL_INFO] = scenario_signal, [WEBSOCKET_MESSAGE] = scenario_websocket};

/* Makes a handle of a kind that is short, if that can be. */
static void make(worker_t *w, int family) {
  size_t count = 0;
  while (MAKERS[family][count] >= 0) count++;
  w->making++;
  if (SCENARIOS[family] && (!count || one_in(w, 3))) SCENARIOS[family](w);
  else if (count) call_now(w, MAKERS[family][below(w, count)]);
  w->making--;
}

#endif
