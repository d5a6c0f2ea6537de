/* W8: handshakes of TLS 1.3, each over a connection of its own, and 2 GiB one way. The certificate is the peers', and
 * so is the provider of those cases whose name ends in `_ring`. */
#include "bench.h"

static char chunk[LARGE];

typedef struct text_t {
  char *data;
  size_t size;
} text_t;

static text_t file_named_by(const char *variable) {
  const char *path = getenv(variable);
  FILE *file = path ? fopen(path, "rb") : NULL;
  text_t text = {malloc(1 << 16), 0};
  if (!file) {
    fprintf(stderr, "%s does not name a file\n", variable);
    exit(3);
  }
  text.size = fread(text.data, 1, 1 << 16, file);
  fclose(file);
  return text;
}

static kja_network_wrapper_t wrapper_of(kja_runtime_t runtime, bool server) {
  kja_tls_options_t options = {.size = sizeof options, .flags = KJA_TLS_NO_SYSTEM_TRUST | KJA_TLS_NO_RESUMPTION};
  kja_tls_context_t context;
  kja_network_wrapper_t wrapper;
  text_t certificate = file_named_by("PEERS_CERT"), key = file_named_by("PEERS_KEY");
  options.trusted = (kja_slice_t){certificate.data, certificate.size};
  options.min_version = KJA_TLS_1_3;
  options.groups = (kja_slice_t){"x25519", 6};
  if (server) MUST(kja_tls_key_pair_new(certificate.data, certificate.size, key.data, key.size, NULL, 0, &options.key_pair));
  MUST(kja_tls_context_new(runtime, &options, &context));
  MUST(kja_tls_context_wrapper(context, &wrapper));
  MUST(kja_tls_context_release(context));
  if (server) MUST(kja_tls_key_pair_release(options.key_pair));
  free(certificate.data);
  free(key.data);
  return wrapper;
}

/* ---- a server that says one byte, and reads to the end ---- */

typedef struct session_t {
  kja_connection_t connection;
  uint64_t bytes;
  kja_fulfiller_t ended;
} session_t;

static kja_fulfiller_t ended;

static void bytes_came(void *ctx, kja_call_t call) {
  session_t *session = ctx;
  kja_bytes_t bytes;
  const void *data;
  size_t size;
  MUST(kja_call_bytes(call, &bytes));
  MUST(kja_bytes_data(bytes, &data, &size));
  session->bytes += size;
  MUST(kja_bytes_release(bytes));
}

static void session_end(void *ctx, kja_call_t call) {
  session_t *session = ctx;
  kja_promise_t shutting;
  (void)call;
  /* The first counts, and at shutdown all of this is refused. */
  kja_fulfiller_u64(ended, session->bytes);
  if (kja_connection_shutdown_write_start(session->connection, &shutting) == KJA_OK)
    kja_promise_detach(shutting, NULL, NULL, NULL);
}

static void session_free(void *ctx) {
  session_t *session = ctx;
  kja_connection_release(session->connection); /* refused at shutdown */
  free(session);
}

static void accepted(void *ctx, kja_call_t call) {
  session_t *session = calloc(1, sizeof *session);
  kja_promise_t reading, over;
  size_t written;
  (void)ctx;
  MUST(kja_call_handle(call, &session->connection));
  MUST(kja_connection_write_now(session->connection, "k", 1, &written));
  MUST(kja_connection_read_each_start(session->connection, 1, LARGE, bytes_came, session, NULL, &reading));
  MUST(kja_promise_handle_both(reading, session_end, session, session_free, &over));
  MUST(kja_promise_release(reading));
  MUST(kja_promise_detach(over, NULL, NULL, NULL));
}

typedef struct scene_t {
  kja_runtime_t serving, runtime;
  kja_executor_t executor;
  kja_listener_t listener;
  kja_network_wrapper_t wrapper;
  kja_promise_t end;
  kja_address_t address;
} scene_t;

static scene_t scene_new(void) {
  scene_t scene = {.serving = runtime_new(KJA_RUNTIME_THREAD, 0), .runtime = runtime_new(KJA_RUNTIME_THREAD, 0)};
  kja_promise_t accepting, parsing;
  kja_listener_t secure;
  kja_address_t bound, plain;
  char text[64];
  size_t length;
  scene.executor = executor_of(scene.runtime);
  scene.listener = listen_on_loopback(scene.serving);
  MUST(kja_fulfiller_new(scene.serving, &ended, &scene.end));
  kja_network_wrapper_t wrapper = wrapper_of(scene.serving, true);
  MUST(kja_network_wrapper_wrap_listener(wrapper, scene.listener, &secure));
  MUST(kja_network_wrapper_release(wrapper));
  MUST(kja_listener_accept_each_start(secure, accepted, NULL, NULL, &accepting));
  MUST(kja_promise_detach(accepting, NULL, NULL, NULL));
  scene.wrapper = wrapper_of(scene.runtime, false);
  MUST(kja_listener_local_address(scene.listener, &bound));
  MUST(kja_address_text(bound, text, sizeof text, &length));
  MUST(kja_address_release(bound));
  MUST(kja_address_parse_start(scene.runtime, text, length, 0, &parsing));
  plain = handle_of(parsing);
  MUST(kja_network_wrapper_wrap_address(scene.wrapper, plain, "localhost", 9, &scene.address));
  MUST(kja_address_release(plain));
  return scene;
}

static void scene_free(scene_t *scene) {
  MUST(kja_executor_release(scene->executor));
  runtime_end(scene->runtime);
  runtime_end(scene->serving);
}

/* ---- handshakes ---- */

typedef struct client_t {
  scene_t *scene;
  kja_connection_t connection;
  uint64_t begun, end;
  samples_t *samples;
  char byte;
} client_t;

static kja_promise_t connect_next(client_t *client);

static void byte_came(void *ctx, kja_call_t call) {
  client_t *client = ctx;
  size_t written;
  uint64_t now = kja_timer_now_nanos();
  samples_add(client->samples, now - client->begun);
  MUST(kja_connection_write_now(client->connection, "k", 1, &written));
  MUST(kja_connection_release(client->connection));
  if (now < client->end) MUST(kja_call_return_promise(call, connect_next(client)));
}

static void connected(void *ctx, kja_call_t call) {
  client_t *client = ctx;
  kja_promise_t reading, next;
  MUST(kja_call_handle(call, &client->connection));
  MUST(kja_connection_read_into_start(client->connection, &client->byte, 1, 1, NULL, NULL, &reading));
  MUST(kja_promise_then(reading, byte_came, client, NULL, &next));
  MUST(kja_promise_release(reading));
  MUST(kja_call_return_promise(call, next));
}

static kja_promise_t connect_next(client_t *client) {
  kja_promise_t connecting, next;
  client->begun = kja_timer_now_nanos();
  MUST(kja_address_connect_start(client->scene->address, &connecting));
  MUST(kja_promise_then(connecting, connected, client, NULL, &next));
  MUST(kja_promise_release(connecting));
  return next;
}

static void begin(void *ctx, kja_call_t call) {
  MUST(kja_call_return_promise(call, connect_next(ctx)));
}

static void handshakes(const char *name) {
  if (!bench_wants(name)) return;
  scene_t scene = scene_new();
  samples_t samples = samples_new(1 << 16);
  client_t client = {.scene = &scene, .samples = &samples};
  kja_promise_t done;
  span_t span;
  span_begin(&span);
  client.end = span.begin + bench_nanos(2);
  MUST(kja_executor_execute_start(scene.executor, begin, &client, NULL, &done));
  await_and_release(done);
  span_end(&span);
  report(name, &span, (double)samples.count, 0, &samples, NULL);
  samples_free(&samples);
  scene_free(&scene);
}

/* ---- bulk ---- */

typedef struct sender_t {
  kja_connection_t connection;
  size_t left;
} sender_t;

static void write_next(void *ctx, kja_call_t call) {
  sender_t *sender = ctx;
  kja_promise_t writing = 0, then;
  while (sender->left && !writing) {
    size_t written;
    sender->left--;
    MUST(kja_connection_write_now(sender->connection, chunk, LARGE, &written));
    if (written < LARGE)
      MUST(kja_connection_write_borrowed_start(sender->connection, chunk + written, LARGE - written, NULL, NULL, &writing));
  }
  if (!writing) return;
  MUST(kja_promise_then(writing, write_next, sender, NULL, &then));
  MUST(kja_promise_release(writing));
  MUST(kja_call_return_promise(call, then));
}

static void bulk_secured(const char *name) {
  if (!bench_wants(name)) return;
  scene_t scene = scene_new();
  kja_promise_t connecting, ending;
  size_t writes = bench_count(2.0 * (1 << 30) / LARGE);
  uint64_t bytes;
  span_t span;
  MUST(kja_address_connect_start(scene.address, &connecting));
  sender_t sender = {handle_of(connecting), writes};
  span_begin(&span);
  MUST(kja_executor_execute(scene.executor, write_next, &sender, NULL));
  MUST(kja_connection_shutdown_write_start(sender.connection, &ending));
  await_and_release(ending);
  MUST(kja_promise_await(scene.end));
  MUST(kja_promise_u64(scene.end, &bytes));
  if (bytes != (uint64_t)writes * LARGE) fprintf(stderr, "%s: bytes are missing\n", name);
  span_end(&span);
  report(name, &span, (double)writes, (double)writes * LARGE, NULL, NULL);
  MUST(kja_connection_release(sender.connection));
  scene_free(&scene);
}

void tls(void) {
  handshakes("w8_tls_handshake_ring");
  bulk_secured("w8_tls_bulk_ring");
}
