/* HTTP over loopback: a server with a service, and a client that is no more than a connection. */
#ifndef KJASYNC_TEST_HTTP_H
#define KJASYNC_TEST_HTTP_H

#include "loopback.h"

/* The request that a service is called with; the caller releases it. */
static inline kja_http_request_t request_of(kja_call_t call) {
  kja_http_request_t request = 0;
  CHECK_OK(kja_call_handle(call, &request));
  return request;
}

static inline kja_http_server_t server_open(kja_runtime_t runtime, kja_callback_fn service, void *ctx) {
  kja_http_server_options_t options;
  kja_http_server_t server = 0;
  memset(&options, 0, sizeof options);
  options.size = sizeof options;
  options.flags = KJA_HTTP_SERVER_NO_DATE;
  CHECK_OK(kja_http_server_new(runtime, &options, service, ctx, NULL, &server));
  return server;
}

static inline void send_text(kja_connection_t connection, const char *text) {
  expect(write_start(connection, text, strlen(text)), KJA_OK);
}
static inline void receive_text(kja_connection_t connection, const char *text) {
  expect_bytes(read_start(connection, strlen(text), strlen(text)), text, strlen(text));
}

/* Answers with method, target and how long the body was said to be. */
static inline void hello(void *ctx, kja_call_t call) {
  (void)ctx;
  kja_http_request_t request = request_of(call);
  char line[200], method[20], target[100];
  size_t method_length = 0, target_length = 0;
  uint64_t length = 0;
  CHECK_OK(kja_http_request_method(request, method, sizeof method, &method_length));
  CHECK_OK(kja_http_request_target(request, target, sizeof target, &target_length));
  CHECK_OK(kja_http_request_body_length(request, &length));
  int size = snprintf(line, sizeof line, "%.*s %.*s %" PRIu64 "\n", (int)method_length, method, (int)target_length,
                      target, length);
  CHECK_OK(kja_http_request_respond(request, 200, NULL, 0, 0, line, (size_t)size));
  CHECK_OK(kja_http_request_release(request));
}

#endif
