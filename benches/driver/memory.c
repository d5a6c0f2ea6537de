/* W10: resident memory for one idle thing, handles included. A case needs a process of its own to mean anything. */
#include "bench.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static void pending_promises(kja_runtime_t runtime) {
  const char *name = "w10_mem_promise_100k";
  size_t count = bench_count(100000), before = resident_bytes();
  span_t span;
  if (!bench_wants(name)) return;
  span_begin(&span);
  kja_promise_t *promises = malloc(count * sizeof *promises);
  kja_fulfiller_t *fulfillers = malloc(count * sizeof *fulfillers);
  for (size_t i = 0; i < count; i++) MUST(kja_fulfiller_new(runtime, &fulfillers[i], &promises[i]));
  report_memory(name, &span, count, before);
  for (size_t i = 0; i < count; i++) {
    MUST(kja_promise_release(promises[i]));
    MUST(kja_fulfiller_release(fulfillers[i]));
  }
  free(promises);
  free(fulfillers);
}

static void pending_timers(kja_runtime_t runtime) {
  const char *name = "w10_mem_timer_100k";
  size_t count = bench_count(100000), before = resident_bytes();
  span_t span;
  if (!bench_wants(name)) return;
  span_begin(&span);
  kja_promise_t *sleeping = malloc(count * sizeof *sleeping);
  for (size_t i = 0; i < count; i++) MUST(kja_timer_sleep_start(runtime, 3600000000000, &sleeping[i]));
  report_memory(name, &span, count, before);
  for (size_t i = 0; i < count; i++) MUST(kja_promise_release(sleeping[i]));
  free(sleeping);
}

/* What started, awaited and released promises leave behind. */
static void retired_promises(kja_runtime_t runtime) {
  const char *name = "w10_mem_retired_100k";
  size_t count = bench_count(100000);
  kja_promise_t sleeping;
  span_t span;
  if (!bench_wants(name)) return;
  MUST(kja_timer_sleep_start(runtime, 0, &sleeping));
  await_and_release(sleeping);
  size_t before = resident_bytes();
  span_begin(&span);
  for (size_t i = 0; i < count; i++) {
    MUST(kja_timer_sleep_start(runtime, 0, &sleeping));
    await_and_release(sleeping);
  }
  report_memory(name, &span, count, before);
}

/* Connects `count` times to the port it is told, and keeps the connections until the pipe ends. With a greeting each sends that and
 * waits for an answer; when all have one it says so. */
static void hold_connections(int commands, int answered, size_t count, const char *greeting) {
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  uint16_t port;
  char answer[2048];
  if (read(commands, &port, sizeof port) != sizeof port) _exit(1);
  to.sin_port = htons(port);
  for (size_t i = 0; i < count; i++) {
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof to) != 0) _exit(1);
    if (greeting && write(fd, greeting, strlen(greeting)) != (ssize_t)strlen(greeting)) _exit(1);
    if (greeting && read(fd, answer, sizeof answer) <= 0) _exit(1);
  }
  if (greeting && write(answered, "", 1) != 1) _exit(1);
  while (read(commands, &port, 1) > 0) {}
  _exit(0);
}

static void idle_connections(void) {
  const char *name = "w10_mem_conn_10k";
  size_t count = bench_count(10000) < 10000 ? bench_count(10000) : 10000;
  int commands[2], status = 0;
  kja_promise_t promise;
  kja_listener_t listener;
  uint16_t port;
  span_t span;
  if (!bench_wants(name)) return;
  /* Before there is a runtime: its threads would not survive the fork. */
  if (pipe(commands) != 0) exit(3);
  pid_t holder = fork();
  if (holder == 0) {
    close(commands[1]);
    hold_connections(commands[0], -1, count, NULL);
  }
  close(commands[0]);
  kja_runtime_t runtime = runtime_new(KJA_RUNTIME_THREAD, 0);
  MUST(kja_address_parse_start(runtime, "127.0.0.1:0", 11, 0, &promise));
  kja_address_t address = handle_of(promise), bound;
  MUST(kja_address_listen(address, 4096, &listener));
  MUST(kja_listener_local_address(listener, &bound));
  MUST(kja_address_port(bound, &port));
  size_t before = resident_bytes();
  span_begin(&span);
  kja_connection_t *connections = malloc(count * sizeof *connections);
  kja_promise_t *reading = malloc(count * sizeof *reading);
  if (write(commands[1], &port, sizeof port) != sizeof port) exit(3);
  for (size_t i = 0; i < count; i++) {
    MUST(kja_listener_accept_start(listener, &promise));
    connections[i] = handle_of(promise);
    MUST(kja_connection_read_start(connections[i], 1, 64, &reading[i]));
  }
  report_memory(name, &span, count, before);
  close(commands[1]);
  waitpid(holder, &status, 0);
  if (status != 0) fprintf(stderr, "%s: the other end failed\n", name);
  free(connections);
  free(reading);
  MUST(kja_address_release(address));
  MUST(kja_address_release(bound));
  runtime_end(runtime);
}

static void respond(void *ctx, kja_call_t call) {
  kja_http_request_t request;
  (void)ctx;
  MUST(kja_call_handle(call, &request));
  MUST(kja_http_request_respond(request, 200, NULL, 0, 0, "hello", 5));
  MUST(kja_http_request_release(request));
}

/* The socket is the sequence's from then on, which ends with it. */
static void accept_socket(void *ctx, kja_call_t call) {
  kja_http_request_t request;
  kja_websocket_t socket;
  kja_promise_t receiving;
  kja_websocket_options_t options = {.size = sizeof options, .flags = *(const uint32_t *)ctx};
  MUST(kja_call_handle(call, &request));
  MUST(kja_http_request_accept_websocket(request, 0, &options, &socket));
  MUST(kja_websocket_receive_each_start(socket, 0, do_nothing, NULL, NULL, &receiving));
  MUST(kja_call_return_promise(call, receiving));
  MUST(kja_websocket_release(socket));
  MUST(kja_http_request_release(request));
}

/* Connections of a server that has answered each of them once. */
static void idle_served(const char *name, kja_callback_fn service, void *ctx, const char *greeting) {
  size_t count = bench_count(4000) < 4000 ? bench_count(4000) : 4000;
  int commands[2], answered[2], status = 0;
  uint16_t port;
  char byte;
  span_t span;
  if (!bench_wants(name)) return;
  if (pipe(commands) != 0 || pipe(answered) != 0) exit(3);
  pid_t holder = fork();
  if (holder == 0) {
    close(commands[1]);
    close(answered[0]);
    hold_connections(commands[0], answered[1], count, greeting);
  }
  close(commands[0]);
  close(answered[1]);
  kja_runtime_t runtime = runtime_new(KJA_RUNTIME_THREAD, 0);
  kja_http_server_options_t options = {.size = sizeof options, .idle_nanos = UINT64_MAX};
  kja_http_server_t server;
  kja_promise_t listening;
  kja_address_t bound;
  MUST(kja_http_server_new(runtime, &options, service, ctx, NULL, &server));
  kja_listener_t listener = listen_on_loopback(runtime);
  MUST(kja_http_server_listen_start(server, listener, &listening));
  MUST(kja_listener_local_address(listener, &bound));
  MUST(kja_address_port(bound, &port));
  size_t before = resident_bytes();
  span_begin(&span);
  if (write(commands[1], &port, sizeof port) != sizeof port || read(answered[0], &byte, 1) != 1) exit(3);
  report_memory(name, &span, count, before);
  close(commands[1]);
  waitpid(holder, &status, 0);
  close(answered[0]);
  if (status != 0) fprintf(stderr, "%s: the other end failed\n", name);
  runtime_end(runtime);
}

static void idle_sockets(const char *name, uint32_t flags, const char *offer) {
  char greeting[400];
  snprintf(greeting, sizeof greeting,
           "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
           "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n%s\r\n",
           offer);
  idle_served(name, accept_socket, &flags, greeting);
}

void memory(void) {
  idle_connections();
  idle_served("w10_mem_http_4k", respond, NULL, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  idle_sockets("w10_mem_ws_4k", 0, "");
  idle_sockets("w10_mem_ws_deflate_4k", KJA_WEBSOCKET_COMPRESS, "Sec-WebSocket-Extensions: permessage-deflate\r\n");
  kja_runtime_t runtime = runtime_new(KJA_RUNTIME_THREAD, 0);
  pending_timers(runtime);
  pending_promises(runtime);
  retired_promises(runtime);
  runtime_end(runtime);
}
