/* W4: 4 GiB one way in writes of 64 KiB, until the reader has seen the end. */
#include "bench.h"

static char chunk[LARGE];

typedef struct sender_t {
  kja_connection_t connection;
  size_t left;
} sender_t;

/* Writes a chunk; the promise of what has to wait, or 0. */
static kja_promise_t write_chunk(kja_connection_t connection) {
  size_t written;
  kja_promise_t writing;
  MUST(kja_connection_write_now(connection, chunk, LARGE, &written));
  if (written == LARGE) return 0;
  MUST(kja_connection_write_borrowed_start(connection, chunk + written, LARGE - written, NULL, NULL, &writing));
  return writing;
}

static void write_next(void *ctx, kja_call_t call) {
  sender_t *sender = ctx;
  kja_promise_t writing = 0, then;
  while (sender->left && !writing) {
    sender->left--;
    writing = write_chunk(sender->connection);
  }
  if (!writing) return;
  MUST(kja_promise_then(writing, write_next, sender, NULL, &then));
  MUST(kja_promise_release(writing));
  MUST(kja_call_return_promise(call, then));
}

static void send_all(const char *name, bool native) {
  if (!bench_wants(name)) return;
  server_t *sink = server_new(false, true);
  kja_runtime_t runtime = runtime_new(KJA_RUNTIME_THREAD, 0);
  kja_executor_t executor = executor_of(runtime);
  size_t writes = bench_count(4.0 * (1 << 30) / LARGE);
  sender_t sender = {server_connect(sink, runtime), writes};
  span_t span;
  span_begin(&span);
  if (native) MUST(kja_executor_execute(executor, write_next, &sender, NULL));
  else
    while (sender.left--) {
      kja_promise_t writing = write_chunk(sender.connection);
      if (writing) await_and_release(writing);
    }
  MUST(kja_connection_release(sender.connection));
  if (server_await_end(sink) != (uint64_t)writes * LARGE) fprintf(stderr, "%s: bytes are missing\n", name);
  span_end(&span);
  report(name, &span, (double)writes, (double)writes * LARGE, NULL, NULL);
  MUST(kja_executor_release(executor));
  runtime_end(runtime);
  server_free(sink);
}

void bulk(void) {
  send_all("w4_bulk_native", true);
  send_all("w4_bulk_ffi", false);
}
