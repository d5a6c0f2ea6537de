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

/* Connects `count` times to the port it is told, and keeps the connections until the pipe ends. */
static void hold_connections(int commands, size_t count) {
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  uint16_t port;
  if (read(commands, &port, sizeof port) != sizeof port) _exit(1);
  to.sin_port = htons(port);
  for (size_t i = 0; i < count; i++) {
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof to) != 0) _exit(1);
  }
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
    hold_connections(commands[0], count);
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

void memory(void) {
  idle_connections();
  kja_runtime_t runtime = runtime_new(KJA_RUNTIME_THREAD, 0);
  pending_timers(runtime);
  pending_promises(runtime);
  retired_promises(runtime);
  runtime_end(runtime);
}
