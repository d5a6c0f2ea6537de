/* A TCP echo server and its clients, in one process.
 *
 *     cc -I include examples/c/echo.c -o echo -L target/release -lkjasync -Wl,-rpath,$PWD/target/release
 *
 * The server is made of callbacks, one for each client and one for each read, which the runtime's loop runs as they come.
 * The clients are plain blocking code on the main thread. Both are welcome on the same runtime, and neither holds the other
 * up. */
#include <kjasync.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CLIENTS = 64, ROUNDS = 50, MESSAGE = 1024 };
static const uint64_t MILLISECOND = 1000000, SECOND = 1000000000;

/* Anything unexpected ends the demo: prints what failed and the library's account of why. */
static void must(kja_status_t status, const char *what) {
  if (status == KJA_OK) return;
  char text[256];
  kja_last_error_text(text, sizeof text);
  fprintf(stderr, "%s: %s: %s\n", what, kja_status_name(status), text);
  exit(1);
}

/* ---- the server: callbacks on the loop ---- */

static kja_runtime_t runtime; /* what every part of this program runs on */

typedef struct server_t {
  kja_listener_t listener;
  uint64_t clients, bytes; /* touched by the loop's thread only */
} server_t;

typedef struct session_t {
  server_t *server;
  kja_connection_t connection;
} session_t;

/* Ends a callback with the error that its last library call left. */
static void return_last_error(kja_call_t call) {
  char text[256];
  kja_last_error_text(text, sizeof text);
  kja_call_return_error(call, kja_last_error_status(), kja_last_error_os(), text, strlen(text));
}

/* Runs for each read. The next one begins when the promise that this returns is fulfilled: a client that does not read
 * what it is sent is not read from either. */
static void echo(void *ctx, kja_call_t call) {
  session_t *session = (session_t *)ctx;
  kja_bytes_t bytes;
  kja_promise_t writing;
  const void *data;
  size_t size = 0;
  if (kja_call_bytes(call, &bytes) != KJA_OK) {
    return_last_error(call);
    return;
  }
  kja_bytes_data(bytes, &data, &size);
  session->server->bytes += size;
  if (kja_connection_write_bytes_start(session->connection, bytes, &writing) == KJA_OK) kja_call_return_promise(call, writing);
  else return_last_error(call);
  kja_bytes_release(bytes); /* the write holds them itself */
}

/* Runs once, however the session ends: by its client, by an error, or with the runtime. */
static void session_end(void *ctx) {
  session_t *session = (session_t *)ctx;
  kja_connection_release(session->connection);
  free(session);
}

static void report_error(void *ctx, kja_call_t call) {
  char text[256];
  (void)ctx;
  kja_call_status(call);
  kja_last_error_text(text, sizeof text);
  fprintf(stderr, "a session failed: %s\n", text);
}

/* Runs for each client, and starts a session that nobody waits for. */
static void serve(void *ctx, kja_call_t call) {
  server_t *server = (server_t *)ctx;
  session_t *session = (session_t *)malloc(sizeof *session);
  kja_promise_t reading;
  session->server = server;
  if (kja_call_handle(call, &session->connection) != KJA_OK) {
    free(session);
    return_last_error(call);
    return;
  }
  server->clients++;
  kja_status_t status =
      kja_connection_read_each_start(session->connection, 1, 65536, echo, session, session_end, &reading);
  if (status == KJA_OK) kja_promise_detach(reading, report_error, NULL, NULL);
  else return_last_error(call);
}

/* Gives the promise of the accept loop. It never ends by itself: to cancel it is to stop accepting. */
static kja_promise_t server_start(server_t *server, kja_address_t address) {
  kja_promise_t serving;
  must(kja_address_listen(address, 0, &server->listener), "listen");
  must(kja_listener_accept_each_start(server->listener, serve, server, NULL, &serving), "accept");
  return serving;
}

/* ---- the clients: blocking calls ---- */

/* Awaits a promise and releases it. */
static void finish(kja_promise_t promise, const char *what) {
  must(kja_promise_await(promise), what);
  kja_promise_release(promise);
}

/* Awaits a promise of a handle and releases the promise. */
static kja_handle_t finish_handle(kja_promise_t promise, const char *what) {
  kja_handle_t handle;
  must(kja_promise_await(promise), what);
  must(kja_promise_handle(promise, &handle), what);
  kja_promise_release(promise);
  return handle;
}

static kja_address_t parse(const char *text) {
  kja_promise_t parsing;
  must(kja_address_parse_start(runtime, text, strlen(text), 0, &parsing), "parse");
  return (kja_address_t)finish_handle(parsing, "parse");
}

/* Every client has a message under way at the same time, though one thread drives them all. */
static void all_clients_at_once(kja_address_t to) {
  static char sent[CLIENTS][MESSAGE], received[CLIENTS][MESSAGE];
  kja_connection_t connections[CLIENTS];
  kja_promise_t promises[CLIENTS], all;
  for (int i = 0; i < CLIENTS; i++) must(kja_address_connect_start(to, &promises[i]), "connect");
  for (int i = 0; i < CLIENTS; i++) connections[i] = finish_handle(promises[i], "connect");
  for (int round = 0; round < ROUNDS; round++) {
    for (int i = 0; i < CLIENTS; i++) {
      kja_promise_t writing;
      memset(sent[i], 'a' + (i + round) % 26, MESSAGE);
      must(kja_connection_write_start(connections[i], sent[i], MESSAGE, &writing), "write");
      must(kja_promise_detach(writing, NULL, NULL, NULL), "write"); /* the answer tells whether it arrived */
      must(kja_connection_read_into_start(connections[i], received[i], MESSAGE, MESSAGE, NULL, NULL, &promises[i]), "read");
    }
    must(kja_promise_all(runtime, promises, CLIENTS, &all), "all");
    must(kja_promise_await_for(all, 30 * SECOND), "answers");
    for (int i = 0; i < CLIENTS; i++) kja_promise_release(promises[i]);
    kja_promise_release(all);
    if (memcmp(sent, received, sizeof sent) != 0) must(KJA_ERR_FAILED, "the echo differs");
  }
  for (int i = 0; i < CLIENTS; i++) kja_connection_release(connections[i]);
}

static void one_client_that_loses_patience(kja_address_t to) {
  kja_promise_t promise, limited;
  char buffer[64];
  must(kja_address_connect_start(to, &promise), "connect");
  must(kja_promise_timeout(promise, 10 * SECOND, &limited), "connect within ten seconds");
  kja_promise_release(promise);
  kja_connection_t connection = finish_handle(limited, "connect");

  /* Nothing was sent, so nothing will come. The timeout ends the read itself, not only the wait for it. */
  must(kja_connection_read_start(connection, 1, sizeof buffer, &promise), "read");
  must(kja_promise_timeout(promise, 20 * MILLISECOND, &limited), "read within 20 ms");
  kja_promise_release(promise);
  if (kja_promise_await(limited) != KJA_ERR_TIMED_OUT) must(KJA_ERR_FAILED, "the timeout did not fire");
  kja_promise_release(limited);

  /* When cancel returns the read is gone: `buffer` is ours again and the connection as good as new. */
  must(kja_connection_read_into_start(connection, buffer, 1, sizeof buffer, NULL, NULL, &promise), "read");
  must(kja_promise_cancel(promise), "cancel");
  if (kja_promise_status(promise) != KJA_ERR_CANCELED) must(KJA_ERR_FAILED, "the cancel did not");
  kja_promise_release(promise);

  must(kja_connection_write_start(connection, "still here", 10, &promise), "write");
  finish(promise, "write");
  must(kja_connection_read_into_start(connection, buffer, 10, sizeof buffer, NULL, NULL, &promise), "read");
  finish(promise, "read");
  if (memcmp(buffer, "still here", 10) != 0) must(KJA_ERR_FAILED, "the echo differs");
  kja_connection_release(connection);
}

int main(void) {
  server_t server = {0, 0, 0};
  uint64_t begin = kja_timer_now_nanos();
  must(kja_runtime_new(NULL, &runtime), "runtime");

  kja_address_t any_port = parse("127.0.0.1:0"), bound;
  kja_promise_t serving = server_start(&server, any_port);
  must(kja_listener_local_address(server.listener, &bound), "bound address");

  all_clients_at_once(bound);
  one_client_that_loses_patience(bound);

  must(kja_promise_cancel(serving), "stop accepting");
  kja_promise_release(serving);
  kja_listener_release(server.listener);
  kja_address_release(bound);
  kja_address_release(any_port);
  must(kja_runtime_shutdown(runtime), "shutdown"); /* joins the loop's thread: `server` is ours from here */
  kja_runtime_release(runtime);

  printf("clients served: %" PRIu64 "\n", server.clients);
  printf("bytes echoed:   %" PRIu64 "\n", server.bytes);
  printf("milliseconds:   %" PRIu64 "\n", (kja_timer_now_nanos() - begin) / MILLISECOND);
  printf("handles left:   %" PRIu64 "\n", kja_handle_count());
  if (server.clients != CLIENTS + 1 || kja_handle_count() != 0) return 1;
  puts("demo: ok");
  return 0;
}
