/* A stream of the program's own that passes everything on to a connection, and counts. */
#ifndef KJASYNC_TEST_PROVIDER_H
#define KJASYNC_TEST_PROVIDER_H

#include "stream.h"

typedef struct relay_t {
  kja_runtime_t runtime;
  kja_connection_t inner, own; /* `own` is the connection made of it, for what closes it */
  kja_promise_t operation;     /* for what cancels it */
  count_t reads, writes, shutdowns, read_aborts, write_aborts, watches, destroyed;
  size_t min, max; /* of the last read */
  kja_status_t aborted;
  uint64_t length;
} relay_t;

static inline void relay_read(void *ctx, kja_call_t call, size_t min, size_t max) {
  relay_t *relay = (relay_t *)ctx;
  kja_promise_t reading = 0;
  CHECK(kja_runtime_on_loop(relay->runtime));
  relay->min = min;
  relay->max = max;
  count_add(&relay->reads, 1);
  CHECK_OK(kja_connection_read_start(relay->inner, min, max, &reading));
  CHECK_OK(kja_call_return_promise(call, reading));
}
static inline void relay_write(void *ctx, kja_call_t call) {
  relay_t *relay = (relay_t *)ctx;
  kja_bytes_t bytes = 0;
  kja_promise_t writing = 0;
  CHECK(kja_runtime_on_loop(relay->runtime));
  count_add(&relay->writes, 1);
  CHECK_OK(kja_call_bytes(call, &bytes));
  CHECK_OK(kja_connection_write_bytes_start(relay->inner, bytes, &writing));
  CHECK_OK(kja_bytes_release(bytes));
  CHECK_OK(kja_call_return_promise(call, writing));
}
static inline void relay_shutdown(void *ctx, kja_call_t call) {
  relay_t *relay = (relay_t *)ctx;
  count_add(&relay->shutdowns, 1);
  CHECK_OK(kja_call_return_promise(call, shutdown_start(relay->inner)));
}
static inline void relay_abort_read(void *ctx, kja_call_t call) {
  relay_t *relay = (relay_t *)ctx;
  (void)call;
  count_add(&relay->read_aborts, 1);
  CHECK_OK(kja_connection_abort_read(relay->inner));
}
static inline void relay_abort_write(void *ctx, kja_call_t call) {
  relay_t *relay = (relay_t *)ctx;
  relay->aborted = kja_call_status(call);
  count_add(&relay->write_aborts, 1);
  abort_write(relay->inner, relay->aborted, "passed on");
}
static inline void relay_watch(void *ctx, kja_call_t call) {
  relay_t *relay = (relay_t *)ctx;
  count_add(&relay->watches, 1);
  CHECK_OK(kja_call_return_promise(call, disconnected_start(relay->inner)));
}
static inline uint64_t relay_length(void *ctx) {
  return ((relay_t *)ctx)->length;
}
static inline void relay_destroy(void *ctx) {
  relay_t *relay = (relay_t *)ctx;
  kja_status_t status = kja_connection_release(relay->inner);
  /* A shutdown has taken the handle. */
  if (status != KJA_ERR_BAD_HANDLE) CHECK_OK(status);
  count_add(&relay->destroyed, 1);
}

static inline kja_connection_callbacks_t relay_callbacks(relay_t *relay) {
  kja_connection_callbacks_t callbacks;
  memset(&callbacks, 0, sizeof callbacks);
  callbacks.size = sizeof callbacks;
  callbacks.ctx = relay;
  callbacks.destroy = relay_destroy;
  callbacks.read = relay_read;
  callbacks.write = relay_write;
  callbacks.shutdown_write = relay_shutdown;
  callbacks.abort_read = relay_abort_read;
  callbacks.abort_write = relay_abort_write;
  callbacks.when_write_disconnected = relay_watch;
  callbacks.length = relay_length;
  return callbacks;
}
static inline kja_connection_t provided(kja_runtime_t runtime, const kja_connection_callbacks_t *callbacks) {
  kja_connection_t connection = 0;
  CHECK_OK(kja_connection_from_callbacks(runtime, callbacks, &connection));
  return connection;
}
static inline void relay_init(relay_t *relay, kja_runtime_t runtime, kja_connection_t inner) {
  memset(relay, 0, sizeof *relay);
  relay->runtime = runtime;
  relay->inner = inner;
  relay->length = KJA_LENGTH_UNKNOWN;
}
/* A connection over this one, which is given away. */
static inline kja_connection_t relay_open(relay_t *relay, kja_runtime_t runtime, kja_connection_t inner) {
  relay_init(relay, runtime, inner);
  kja_connection_callbacks_t callbacks = relay_callbacks(relay);
  return relay->own = provided(runtime, &callbacks);
}

/* On the heap, for those of which nobody keeps track. */
static inline void relay_free(void *ctx) {
  relay_destroy(ctx);
  free(ctx);
}
static inline kja_connection_t relay_over(kja_runtime_t runtime, kja_connection_t inner) {
  relay_t *relay = (relay_t *)malloc(sizeof *relay);
  relay_init(relay, runtime, inner);
  kja_connection_callbacks_t callbacks = relay_callbacks(relay);
  callbacks.destroy = relay_free;
  return provided(runtime, &callbacks);
}

#endif
