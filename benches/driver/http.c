/* W6: keep-alive exchanges of HTTP/1.1, client and server on loops of their own. */
#include "bench.h"

enum { CONNECTIONS = 64, BODY = 1024 };

static char page[BODY], upload[LARGE];

/* ---- the server ---- */

static void echo_body(void *ctx, kja_call_t call) {
  kja_http_request_t *request = ctx;
  kja_bytes_t body;
  const void *data;
  size_t size;
  MUST(kja_call_bytes(call, &body));
  MUST(kja_bytes_data(body, &data, &size));
  MUST(kja_http_request_respond(*request, 200, NULL, 0, 0, data, size));
  MUST(kja_bytes_release(body));
}

static void request_free(void *ctx) {
  kja_http_request_t *request = ctx;
  kja_http_request_release(*request); /* refused at shutdown */
  free(request);
}

static kja_http_headers_t plain_text;

static void serve(void *ctx, kja_call_t call) {
  kja_http_request_t request;
  uint64_t length;
  (void)ctx;
  MUST(kja_call_handle(call, &request));
  MUST(kja_http_request_body_length(request, &length));
  if (length == 0) {
    MUST(kja_http_request_respond(request, 200, NULL, 0, plain_text, page, BODY));
    MUST(kja_http_request_release(request));
    return;
  }
  kja_connection_t body;
  kja_promise_t reading, answered;
  kja_http_request_t *kept = malloc(sizeof *kept);
  *kept = request;
  MUST(kja_http_request_body(request, &body));
  MUST(kja_connection_read_all_start(body, LARGE, &reading));
  MUST(kja_connection_release(body));
  MUST(kja_promise_then(reading, echo_body, kept, request_free, &answered));
  MUST(kja_promise_release(reading));
  MUST(kja_call_return_promise(call, answered));
}

/* ---- clients ---- */

typedef struct client_t {
  kja_http_client_t client;
  uint64_t begun, end;
  samples_t *samples;
  size_t upload;
} client_t;

static kja_promise_t exchange(client_t *client);

static void body_came(void *ctx, kja_call_t call) {
  client_t *client = ctx;
  kja_bytes_t body;
  uint64_t now = kja_timer_now_nanos();
  const void *data;
  size_t size;
  MUST(kja_call_bytes(call, &body));
  MUST(kja_bytes_data(body, &data, &size));
  if (size != (client->upload ? client->upload : BODY)) fprintf(stderr, "a body of %zu bytes\n", size);
  MUST(kja_bytes_release(body));
  samples_add(client->samples, now - client->begun);
  client->begun = now;
  if (now < client->end) MUST(kja_call_return_promise(call, exchange(client)));
}

static void response_came(void *ctx, kja_call_t call) {
  kja_http_response_t response;
  kja_connection_t body;
  kja_promise_t reading, next;
  MUST(kja_call_handle(call, &response));
  MUST(kja_http_response_body(response, &body));
  MUST(kja_http_response_release(response));
  MUST(kja_connection_read_all_start(body, LARGE, &reading));
  MUST(kja_connection_release(body));
  MUST(kja_promise_then(reading, body_came, ctx, NULL, &next));
  MUST(kja_promise_release(reading));
  MUST(kja_call_return_promise(call, next));
}

static kja_promise_t exchange(client_t *client) {
  kja_promise_t asking, next;
  const char *method = client->upload ? "POST" : "GET";
  MUST(kja_http_client_request_start(client->client, method, strlen(method), "http://localhost/k", 18, 0, upload,
                                     client->upload, &asking));
  MUST(kja_promise_then(asking, response_came, client, NULL, &next));
  MUST(kja_promise_release(asking));
  return next;
}

static void begin(void *ctx, kja_call_t call) {
  client_t *client = ctx;
  client->begun = kja_timer_now_nanos();
  MUST(kja_call_return_promise(call, exchange(client)));
}

static void exchanges(const char *name, size_t size, int count) {
  if (!bench_wants(name)) return;
  kja_runtime_t serving = runtime_new(KJA_RUNTIME_THREAD, 0), runtime = runtime_new(KJA_RUNTIME_THREAD, 0);
  kja_executor_t executor = executor_of(runtime);
  kja_http_server_t server;
  kja_promise_t listening, done[CONNECTIONS];
  client_t clients[CONNECTIONS];
  samples_t samples = samples_new(1 << 20);
  span_t span;
  memset(page, 'x', sizeof page);
  memset(upload, 'y', sizeof upload);
  MUST(kja_http_headers_new(&plain_text));
  MUST(kja_http_headers_set(plain_text, "content-type", 12, "text/plain", 10));
  MUST(kja_http_server_new(serving, NULL, serve, NULL, NULL, &server));
  kja_listener_t listener = listen_on_loopback(serving);
  MUST(kja_http_server_listen_start(server, listener, &listening));
  for (int i = 0; i < count; i++) {
    kja_connection_t connection = connect_to(listener, runtime);
    clients[i] = (client_t){.samples = &samples, .upload = size};
    MUST(kja_http_client_new_connection(connection, NULL, &clients[i].client));
    MUST(kja_connection_release(connection));
  }
  span_begin(&span);
  for (int i = 0; i < count; i++) {
    clients[i].end = span.begin + bench_nanos(1.5);
    MUST(kja_executor_execute_start(executor, begin, &clients[i], NULL, &done[i]));
  }
  for (int i = 0; i < count; i++) await_and_release(done[i]);
  span_end(&span);
  report(name, &span, (double)samples.count, (double)samples.count * (double)(size ? 2 * size : BODY), &samples, NULL);
  samples_free(&samples);
  MUST(kja_executor_release(executor));
  runtime_end(runtime);
  runtime_end(serving);
  MUST(kja_http_headers_release(plain_text));
}

void http(void) {
  exchanges("w6_get1k_1c", 0, 1);
  exchanges("w6_get1k_64c", 0, CONNECTIONS);
  exchanges("w6_post64k_1c", LARGE, 1);
}
