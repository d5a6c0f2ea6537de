/* W5: datagrams of 64 bytes between two loops. */
#include "bench.h"

#include <time.h>

typedef struct port_t {
  kja_runtime_t runtime;
  kja_datagram_t datagram;
  bool echo;
  uint64_t received;
} port_t;

static void received(void *ctx, kja_call_t call) {
  port_t *port = ctx;
  __atomic_add_fetch(&port->received, 1, __ATOMIC_RELAXED);
  if (!port->echo) return;
  kja_message_t message;
  const void *data;
  size_t size;
  bool sent;
  MUST(kja_call_handle(call, &message));
  MUST(kja_message_data(message, &data, &size));
  MUST(kja_datagram_reply_now(port->datagram, data, size, message, &sent));
  MUST(kja_message_release(message));
}

static kja_promise_t receive_all(port_t *port) {
  kja_promise_t receiving;
  MUST(kja_datagram_receive_each_start(port->datagram, NULL, received, port, NULL, &receiving));
  return receiving;
}

static void port_open(port_t *port, bool echo) {
  kja_promise_t parsing;
  port->runtime = runtime_new(KJA_RUNTIME_THREAD, 0);
  port->echo = echo;
  port->received = 0;
  MUST(kja_address_parse_start(port->runtime, "127.0.0.1:0", 11, 0, &parsing));
  kja_address_t any = handle_of(parsing);
  MUST(kja_address_bind_datagram(any, &port->datagram));
  MUST(kja_address_release(any));
}

/* The address of a port, as one of another runtime. */
static kja_address_t port_address(const port_t *port, kja_runtime_t runtime) {
  kja_address_t own;
  kja_promise_t parsing;
  char text[64];
  size_t length;
  MUST(kja_datagram_local_address(port->datagram, &own));
  MUST(kja_address_text(own, text, sizeof text, &length));
  MUST(kja_address_release(own));
  MUST(kja_address_parse_start(runtime, text, length, 0, &parsing));
  return handle_of(parsing);
}

static void port_close(port_t *port) {
  MUST(kja_datagram_release(port->datagram));
  runtime_end(port->runtime);
}

typedef struct player_t {
  port_t port;
  kja_address_t to;
  uint64_t begun, end;
  samples_t samples;
} player_t;

static char payload[SMALL];

static void serve(player_t *player) {
  bool sent;
  MUST(kja_datagram_send_now(player->port.datagram, payload, SMALL, player->to, &sent));
}

static void came_back(void *ctx, kja_call_t call) {
  player_t *player = ctx;
  uint64_t now = kja_timer_now_nanos();
  samples_add(&player->samples, now - player->begun);
  player->begun = now;
  if (now < player->end) serve(player);
  else MUST(kja_call_return_u64(call, 0));
}

static void begin(void *ctx, kja_call_t call) {
  player_t *player = ctx;
  kja_promise_t rallies;
  serve(player);
  MUST(kja_datagram_receive_each_start(player->port.datagram, NULL, came_back, player, NULL, &rallies));
  MUST(kja_call_return_promise(call, rallies));
}

static void ping_pong(void) {
  const char *name = "w5_udp_pingpong_64B";
  if (!bench_wants(name)) return;
  port_t server;
  player_t player;
  span_t span;
  port_open(&server, true);
  kja_promise_t serving = receive_all(&server);
  port_open(&player.port, false);
  player.to = port_address(&server, player.port.runtime);
  player.samples = samples_new(1 << 20);
  kja_executor_t executor = executor_of(player.port.runtime);
  span_begin(&span);
  player.begun = kja_timer_now_nanos();
  player.end = player.begun + bench_nanos(1.0);
  MUST(kja_executor_execute(executor, begin, &player, NULL));
  span_end(&span);
  report(name, &span, (double)player.samples.count, 0, &player.samples, NULL);
  samples_free(&player.samples);
  MUST(kja_executor_release(executor));
  MUST(kja_address_release(player.to));
  MUST(kja_promise_release(serving));
  port_close(&player.port);
  port_close(&server);
}

static void send_one(kja_datagram_t datagram, kja_address_t to) {
  bool sent;
  kja_promise_t sending;
  MUST(kja_datagram_send_now(datagram, payload, SMALL, to, &sent));
  if (sent) return;
  MUST(kja_datagram_send_start(datagram, payload, SMALL, to, &sending));
  await_and_release(sending);
}

static void one_way(void) {
  const char *name = "w5_udp_oneway_64B";
  if (!bench_wants(name)) return;
  port_t sink, source;
  span_t span;
  uint64_t sent = 0;
  char more[64];
  port_open(&sink, false);
  port_open(&source, false);
  kja_promise_t receiving = receive_all(&sink);
  kja_address_t to = port_address(&sink, source.runtime);
  span_begin(&span);
  for (uint64_t end = kja_timer_now_nanos() + bench_nanos(1.0); sent % 64 || kja_timer_now_nanos() < end; sent++)
    send_one(source.datagram, to);
  span_end(&span);
  nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL); /* for what is still in the socket, as the peers do */
  snprintf(more, sizeof more, ",\"sent\":%llu", (unsigned long long)sent);
  report(name, &span, (double)__atomic_load_n(&sink.received, __ATOMIC_RELAXED), 0, NULL, more);
  MUST(kja_promise_release(receiving));
  MUST(kja_address_release(to));
  port_close(&source);
  port_close(&sink);
}

void datagrams(void) {
  ping_pong();
  one_way();
}
