/* An echo server and a sink, as a program on the loop would write them: continuations on buffers of their own. */
#include "bench.h"

enum { SMALL_ROOM = 4096 };

struct server_t {
  kja_runtime_t runtime;
  kja_listener_t listener;
  bool echo, large;
  kja_fulfiller_t first_ended;
  kja_promise_t first_end;
};

typedef struct session_t {
  server_t *server;
  kja_connection_t connection;
  uint64_t bytes;
  char buffer[]; /* of a server of small messages */
} session_t;

/* The buffer is read into again when this has returned, or when the rest of the answer has gone out. */
static void answer(void *ctx, kja_call_t call) {
  session_t *session = ctx;
  kja_promise_t writing;
  uint64_t size;
  size_t written;
  MUST(kja_call_u64(call, &size));
  session->bytes += size;
  if (!session->server->echo) return;
  MUST(kja_connection_write_now(session->connection, session->buffer, size, &written));
  if (written == size) return;
  MUST(kja_connection_write_borrowed_start(session->connection, session->buffer + written, size - written, NULL, NULL, &writing));
  MUST(kja_call_return_promise(call, writing));
}

/* Large messages come in memory that is taken when they are read, so that connections which wait hold none. */
static void answer_bytes(void *ctx, kja_call_t call) {
  session_t *session = ctx;
  kja_promise_t writing;
  kja_bytes_t bytes, rest;
  const void *data;
  size_t size, written;
  MUST(kja_call_bytes(call, &bytes));
  MUST(kja_bytes_data(bytes, &data, &size));
  session->bytes += size;
  if (session->server->echo) {
    MUST(kja_connection_write_now(session->connection, data, size, &written));
    if (written < size) {
      MUST(kja_bytes_slice(bytes, written, size, &rest));
      MUST(kja_connection_write_bytes_start(session->connection, rest, &writing));
      MUST(kja_bytes_release(rest));
      MUST(kja_call_return_promise(call, writing));
    }
  }
  MUST(kja_bytes_release(bytes));
}

static void session_end(void *ctx, kja_call_t call) {
  session_t *session = ctx;
  (void)call;
  /* Refused at shutdown, which takes every handle of the runtime back. So is the release below. */
  kja_fulfiller_u64(session->server->first_ended, session->bytes);
}

static void session_free(void *ctx) {
  session_t *session = ctx;
  kja_connection_release(session->connection);
  free(session);
}

static void accepted(void *ctx, kja_call_t call) {
  server_t *server = ctx;
  session_t *session = malloc(sizeof *session + (server->large ? 0 : SMALL_ROOM));
  kja_promise_t reading, ended;
  session->server = server;
  session->bytes = 0;
  MUST(kja_call_handle(call, &session->connection));
  MUST(kja_connection_set_nodelay(session->connection, true));
  if (server->large)
    MUST(kja_connection_read_each_start(session->connection, 1, LARGE, answer_bytes, session, NULL, &reading));
  else
    MUST(kja_connection_read_each_into_start(session->connection, session->buffer, 1, SMALL_ROOM, answer, session, NULL, &reading));
  /* A client that ends with a reset has ended too. */
  MUST(kja_promise_handle_both(reading, session_end, session, session_free, &ended));
  MUST(kja_promise_release(reading));
  MUST(kja_promise_detach(ended, NULL, NULL, NULL));
}

kja_listener_t listen_on_loopback(kja_runtime_t runtime) {
  kja_promise_t parsing;
  kja_listener_t listener;
  MUST(kja_address_parse_start(runtime, "127.0.0.1:0", 11, 0, &parsing));
  kja_address_t address = handle_of(parsing);
  MUST(kja_address_listen(address, 4096, &listener));
  MUST(kja_address_release(address));
  return listener;
}

server_t *server_new(bool echo, bool large) {
  server_t *server = malloc(sizeof *server);
  kja_promise_t accepting;
  server->runtime = runtime_new(KJA_RUNTIME_THREAD, 0);
  server->echo = echo;
  server->large = large;
  MUST(kja_fulfiller_new(server->runtime, &server->first_ended, &server->first_end));
  server->listener = listen_on_loopback(server->runtime);
  MUST(kja_listener_accept_each_start(server->listener, accepted, server, NULL, &accepting));
  MUST(kja_promise_detach(accepting, NULL, NULL, NULL));
  return server;
}

kja_connection_t server_connect(server_t *server, kja_runtime_t runtime) {
  return connect_to(server->listener, runtime);
}

kja_connection_t connect_to(kja_listener_t listener, kja_runtime_t runtime) {
  kja_address_t bound, address;
  kja_promise_t promise;
  kja_connection_t connection;
  char text[64];
  size_t length;
  MUST(kja_listener_local_address(listener, &bound));
  MUST(kja_address_text(bound, text, sizeof text, &length));
  MUST(kja_address_release(bound));
  MUST(kja_address_parse_start(runtime, text, length, 0, &promise));
  address = handle_of(promise);
  MUST(kja_address_connect_start(address, &promise));
  connection = handle_of(promise);
  MUST(kja_address_release(address));
  MUST(kja_connection_set_nodelay(connection, true));
  return connection;
}

uint64_t server_await_end(server_t *server) {
  uint64_t bytes;
  MUST(kja_promise_await(server->first_end));
  MUST(kja_promise_u64(server->first_end, &bytes));
  return bytes;
}

void server_free(server_t *server) {
  runtime_end(server->runtime);
  free(server);
}
