/* An echo server and a sink, as a program on the loop would write them: continuations on buffers of their own. */
#include "bench.h"

struct server_t {
  kja_runtime_t runtime;
  kja_listener_t listener;
  bool echo;
  kja_fulfiller_t first_ended;
  kja_promise_t first_end;
};

typedef struct session_t {
  server_t *server;
  kja_connection_t connection;
  uint64_t bytes;
  char buffer[LARGE];
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
  session_t *session = malloc(sizeof *session);
  kja_promise_t reading, ended, accepting, then;
  session->server = server;
  session->bytes = 0;
  MUST(kja_call_handle(call, &session->connection));
  MUST(kja_connection_set_nodelay(session->connection, true));
  MUST(kja_connection_read_each_into_start(session->connection, session->buffer, 1, LARGE, answer, session, NULL, &reading));
  /* A client that ends with a reset has ended too. */
  MUST(kja_promise_handle_both(reading, session_end, session, session_free, &ended));
  MUST(kja_promise_release(reading));
  MUST(kja_promise_detach(ended, NULL, NULL, NULL));
  MUST(kja_listener_accept_start(server->listener, &accepting));
  MUST(kja_promise_then(accepting, accepted, server, NULL, &then));
  MUST(kja_promise_release(accepting));
  MUST(kja_call_return_promise(call, then));
}

server_t *server_new(bool echo) {
  server_t *server = malloc(sizeof *server);
  kja_promise_t parsing, accepting, then;
  server->runtime = runtime_new(KJA_RUNTIME_THREAD, 0);
  server->echo = echo;
  MUST(kja_fulfiller_new(server->runtime, &server->first_ended, &server->first_end));
  MUST(kja_address_parse_start(server->runtime, "127.0.0.1:0", 11, 0, &parsing));
  kja_address_t address = handle_of(parsing);
  MUST(kja_address_listen(address, 4096, &server->listener));
  MUST(kja_address_release(address));
  MUST(kja_listener_accept_start(server->listener, &accepting));
  MUST(kja_promise_then(accepting, accepted, server, NULL, &then));
  MUST(kja_promise_release(accepting));
  MUST(kja_promise_detach(then, NULL, NULL, NULL));
  return server;
}

kja_connection_t server_connect(server_t *server, kja_runtime_t runtime) {
  kja_address_t bound, address;
  kja_promise_t promise;
  kja_connection_t connection;
  char text[64];
  size_t length;
  MUST(kja_listener_local_address(server->listener, &bound));
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
