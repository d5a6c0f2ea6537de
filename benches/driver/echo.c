/* W3: echo round trips, by code on the loop ("native") and by a foreign thread ("ffi"). */
#include "bench.h"

enum { CONNECTIONS = 64 };

/* One connection's exchanges: each answer that has come whole begins the next. */
typedef struct client_t {
  kja_connection_t connection;
  uint64_t begun, end;
  samples_t *samples;
  size_t size;
  char *out, *in;
} client_t;

/* What the socket's buffer does not take follows: a message larger than that needs its reader meanwhile. */
static void send_message(const client_t *client) {
  size_t written;
  kja_promise_t writing;
  MUST(kja_connection_write_now(client->connection, client->out, client->size, &written));
  if (written == client->size) return;
  MUST(kja_connection_write_borrowed_start(client->connection, client->out + written, client->size - written, NULL, NULL, &writing));
  MUST(kja_promise_detach(writing, NULL, NULL, NULL));
}

static void answer_came(void *ctx, kja_call_t call) {
  client_t *client = ctx;
  uint64_t now = kja_timer_now_nanos();
  samples_add(client->samples, now - client->begun);
  client->begun = now;
  if (now < client->end) send_message(client);
  else MUST(kja_call_return_u64(call, 0));
}

static void begin(void *ctx, kja_call_t call) {
  client_t *client = ctx;
  kja_promise_t answers;
  client->begun = kja_timer_now_nanos();
  send_message(client);
  MUST(kja_connection_read_each_into_start(client->connection, client->in, client->size, client->size, answer_came, client, NULL, &answers));
  MUST(kja_call_return_promise(call, answers));
}

static void native_rounds(kja_runtime_t runtime, client_t *clients, int count) {
  kja_executor_t executor = executor_of(runtime);
  kja_promise_t done[CONNECTIONS];
  for (int i = 0; i < count; i++) MUST(kja_executor_execute_start(executor, begin, &clients[i], NULL, &done[i]));
  for (int i = 0; i < count; i++) await_and_release(done[i]);
  MUST(kja_executor_release(executor));
}

static kja_promise_t read_started(const client_t *client) {
  kja_promise_t reading;
  MUST(kja_connection_read_into_start(client->connection, client->in, client->size, client->size, NULL, NULL, &reading));
  return reading;
}

static void ffi_rounds_on_one(client_t *client) {
  for (uint64_t now = kja_timer_now_nanos(), before; before = now, now < client->end;) {
    send_message(client);
    await_and_release(read_started(client));
    now = kja_timer_now_nanos();
    samples_add(client->samples, now - before);
  }
}

static void ffi_rounds_on_many(client_t *clients, int count) {
  kja_promise_t reading[CONNECTIONS];
  while (kja_timer_now_nanos() < clients->end) {
    for (int i = 0; i < count; i++) {
      client_t *client = &clients[i];
      client->begun = kja_timer_now_nanos();
      send_message(client);
      reading[i] = read_started(client);
    }
    for (int i = 0; i < count; i++) {
      await_and_release(reading[i]);
      samples_add(clients[i].samples, kja_timer_now_nanos() - clients[i].begun);
    }
  }
}

static void exchange(const char *name, bool native, size_t size, int count) {
  if (!bench_wants(name)) return;
  server_t *server = server_new(true, size > SMALL);
  kja_runtime_t runtime = runtime_new(KJA_RUNTIME_THREAD, 0);
  client_t clients[CONNECTIONS];
  samples_t samples = samples_new(1 << 20);
  span_t span;
  for (int i = 0; i < count; i++) {
    clients[i] = (client_t){.connection = server_connect(server, runtime), .samples = &samples, .size = size};
    clients[i].out = calloc(1, size);
    clients[i].in = calloc(1, size);
  }
  span_begin(&span);
  for (int i = 0; i < count; i++) clients[i].end = span.begin + bench_nanos(1);
  if (native) native_rounds(runtime, clients, count);
  else if (count == 1) ffi_rounds_on_one(clients);
  else ffi_rounds_on_many(clients, count);
  span_end(&span);
  report(name, &span, (double)samples.count, 2.0 * (double)samples.count * (double)size, &samples, NULL);
  for (int i = 0; i < count; i++) {
    MUST(kja_connection_release(clients[i].connection));
    free(clients[i].out);
    free(clients[i].in);
  }
  samples_free(&samples);
  runtime_end(runtime);
  server_free(server);
}

void echo(void) {
  exchange("w3_native_64B_1c", true, SMALL, 1);
  exchange("w3_native_64K_1c", true, LARGE, 1);
  exchange("w3_native_64B_64c", true, SMALL, CONNECTIONS);
  exchange("w3_native_64K_64c", true, LARGE, CONNECTIONS);
  exchange("w3_ffi_64B_1c", false, SMALL, 1);
  exchange("w3_ffi_64K_1c", false, LARGE, 1);
  exchange("w3_ffi_64B_64c", false, SMALL, CONNECTIONS);
  exchange("w3_ffi_64K_64c", false, LARGE, CONNECTIONS);
}
