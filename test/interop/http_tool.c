/* One end of HTTP for peers of another make.
 *
 *   http_tool serve HEAD_MS BODY_MS          serves until its input ends; prints `READY port`
 *   http_tool proxy ADDRESS                  the same, and forwards everything to an address
 *   http_tool get URL COUNT FLAGS            asks that often; prints `STATUS LENGTH` and the body of the last
 *   http_tool post URL SIZE                  sends so many bytes in chunks, and prints what comes back likewise
 *
 * A server answers /echo with what it is sent, as it comes; /range with a part of 1000 bytes; /packed with many lines, compressed;
 * /moved with a redirect; anything else, once the body has come, with a line that says what it was. FLAGS are those of a client's
 * options; the proxy is that of the environment if they say so. */
#include "must.h"
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char text_of_a_range[1000];

static kja_http_headers_t headers_with(const char *name, const char *value) {
  kja_http_headers_t headers = 0;
  MUST(kja_http_headers_new(&headers));
  MUST(kja_http_headers_set(headers, name, strlen(name), value, strlen(value)));
  return headers;
}

static void answer_range(kja_http_request_t request) {
  kja_http_headers_t asked = 0;
  kja_http_range_t ranges[2];
  char value[100] = "", line[60];
  size_t length = 0, count = 0;
  uint32_t kind = KJA_HTTP_RANGE_EVERYTHING;
  MUST(kja_http_request_headers(request, &asked));
  bool found = false;
  MUST(kja_http_headers_get(asked, "Range", 5, value, sizeof value, &length, &found));
  if (found) MUST(kja_http_range_parse(value, length, sizeof text_of_a_range, ranges, 2, &count, &kind));
  MUST(kja_http_headers_release(asked));
  if (kind == KJA_HTTP_RANGE_SOME && count == 1) {
    size_t size = (size_t)(ranges[0].end - ranges[0].start) + 1;
    snprintf(line, sizeof line, "bytes %" PRIu64 "-%" PRIu64 "/1000", ranges[0].start, ranges[0].end);
    kja_http_headers_t headers = headers_with("Content-Range", line);
    MUST(kja_http_request_respond(request, 206, NULL, 0, headers, text_of_a_range + ranges[0].start, size));
    MUST(kja_http_headers_release(headers));
  } else if (kind == KJA_HTTP_RANGE_UNSATISFIABLE) {
    MUST(kja_http_request_respond_error(request, 416, NULL, 0));
  } else {
    kja_http_headers_t headers = headers_with("Accept-Ranges", "bytes");
    MUST(kja_http_request_respond(request, 200, NULL, 0, headers, text_of_a_range, sizeof text_of_a_range));
    MUST(kja_http_headers_release(headers));
  }
}

static void answer_what_it_was(void *ctx, kja_call_t call) {
  kja_http_request_t request = *(kja_http_request_t *)ctx;
  char line[400], method[100] = "", target[200] = "";
  kja_bytes_t bytes = 0;
  size_t size = 0;
  const void *data = NULL;
  MUST(kja_call_bytes(call, &bytes));
  MUST(kja_bytes_data(bytes, &data, &size));
  MUST(kja_bytes_release(bytes));
  MUST(kja_http_request_method(request, method, sizeof method, NULL));
  MUST(kja_http_request_target(request, target, sizeof target, NULL));
  int length = snprintf(line, sizeof line, "%s %s %zu\n", method, target, size);
  kja_http_request_respond(request, 200, NULL, 0, 0, line, (size_t)length);
}

static void kept_free(void *ctx) {
  kja_http_request_release(*(kja_http_request_t *)ctx);
  free(ctx);
}

static void answer(void *ctx, kja_call_t call) {
  kja_http_request_t request = 0;
  kja_connection_t body = 0, out = 0;
  kja_promise_t moving = 0, told = 0;
  char target[20] = "";
  (void)ctx;
  MUST(kja_call_handle(call, &request));
  MUST(kja_http_request_target(request, target, sizeof target, NULL));
  MUST(kja_http_request_body(request, &body));
  if (strcmp(target, "/echo") == 0) {
    uint64_t length = 0;
    MUST(kja_http_request_body_length(request, &length));
    MUST(kja_http_request_respond_stream(request, 200, NULL, 0, 0, length, &out));
    MUST(kja_connection_pump_start(body, out, UINT64_MAX, &moving));
    MUST(kja_call_return_promise(call, moving));
    MUST(kja_connection_release(out));
  } else if (strcmp(target, "/range") == 0) {
    answer_range(request);
  } else if (strcmp(target, "/packed") == 0) {
    static char line[100000];
    memset(line, 'x', sizeof line);
    MUST(kja_http_request_compress(request));
    MUST(kja_http_request_respond(request, 200, NULL, 0, 0, line, sizeof line));
  } else if (strcmp(target, "/moved") == 0) {
    kja_http_headers_t headers = headers_with("Location", "/here");
    MUST(kja_http_request_respond(request, 302, NULL, 0, headers, NULL, 0));
    MUST(kja_http_headers_release(headers));
  } else {
    kja_http_request_t *kept = (kja_http_request_t *)malloc(sizeof *kept);
    if (!kept) exit(1);
    *kept = request;
    request = 0;
    MUST(kja_connection_read_all_start(body, 1 << 20, &moving));
    MUST(kja_promise_then(moving, answer_what_it_was, kept, kept_free, &told));
    MUST(kja_promise_release(moving));
    MUST(kja_call_return_promise(call, told));
  }
  MUST(kja_connection_release(body));
  if (request) MUST(kja_http_request_release(request));
}

static void forward(void *ctx, kja_call_t call) {
  kja_http_request_t request = 0;
  kja_promise_t forwarded = 0;
  MUST(kja_call_handle(call, &request));
  MUST(kja_http_client_forward_start(*(kja_http_client_t *)ctx, request, NULL, &forwarded));
  MUST(kja_call_return_promise(call, forwarded));
  MUST(kja_http_request_release(request));
}

static void serve(kja_runtime_t runtime, kja_callback_fn service, void *ctx, const char *head, const char *body) {
  kja_promise_t parsing = 0, listening = 0;
  kja_listener_t listener = 0;
  kja_http_server_t server = 0;
  kja_address_t own = 0;
  kja_http_server_options_t options;
  uint16_t port = 0;
  char byte;
  memset(&options, 0, sizeof options);
  options.size = sizeof options;
  options.head_nanos = (uint64_t)atoi(head) * 1000000;
  options.body_nanos = (uint64_t)atoi(body) * 1000000;
  MUST(kja_address_parse_start(runtime, "127.0.0.1:0", 11, 0, &parsing));
  kja_address_t address = taken(parsing);
  MUST(kja_address_listen(address, 0, &listener));
  MUST(kja_listener_local_address(listener, &own));
  MUST(kja_address_port(own, &port));
  MUST(kja_http_server_new(runtime, &options, service, ctx, NULL, &server));
  MUST(kja_http_server_listen_start(server, listener, &listening));
  printf("READY %u\n", port);
  fflush(stdout);
  while (read(STDIN_FILENO, &byte, 1) > 0) continue;
  MUST(kja_promise_release(listening));
  MUST(kja_http_server_release(server));
  MUST(kja_listener_release(listener));
  MUST(kja_address_release(own));
  MUST(kja_address_release(address));
}

static void proxy(kja_runtime_t runtime, const char *to) {
  kja_promise_t parsing = 0;
  kja_http_client_t client = 0;
  MUST(kja_address_parse_start(runtime, to, strlen(to), 80, &parsing));
  kja_address_t address = taken(parsing);
  MUST(kja_http_client_new_address(address, NULL, &client));
  serve(runtime, forward, &client, "0", "0");
  MUST(kja_http_client_release(client));
  MUST(kja_address_release(address));
}

static void show(kja_http_response_t response, int with_body) {
  kja_connection_t body = 0;
  kja_promise_t reading = 0;
  kja_bytes_t bytes = 0;
  const void *data = NULL;
  size_t size = 0;
  uint32_t status = 0;
  MUST(kja_http_response_status(response, &status));
  MUST(kja_http_response_body(response, &body));
  MUST(kja_connection_read_all_start(body, 1 << 28, &reading));
  MUST(kja_promise_await(reading));
  MUST(kja_promise_bytes(reading, &bytes));
  MUST(kja_bytes_data(bytes, &data, &size));
  if (with_body) {
    printf("%u %zu\n", status, size);
    fwrite(data, 1, size, stdout);
  }
  MUST(kja_bytes_release(bytes));
  MUST(kja_promise_release(reading));
  MUST(kja_connection_release(body));
  MUST(kja_http_response_release(response));
}

static kja_http_client_t client_of(kja_runtime_t runtime, kja_network_t *network, uint32_t flags) {
  kja_http_client_t client = 0;
  kja_http_client_options_t options;
  memset(&options, 0, sizeof options);
  options.size = sizeof options;
  options.flags = flags;
  options.max_redirects = 3;
  MUST(kja_network_new(runtime, network));
  MUST(kja_http_client_new(*network, &options, &client));
  return client;
}

static void get(kja_runtime_t runtime, const char *url, int count, uint32_t flags) {
  kja_network_t network = 0;
  kja_http_client_t client = client_of(runtime, &network, flags);
  for (int i = 0; i < count; i++) {
    kja_promise_t asked = 0;
    MUST(kja_http_client_request_start(client, "GET", 3, url, strlen(url), 0, NULL, 0, &asked));
    show(taken(asked), i == count - 1);
  }
  MUST(kja_http_client_release(client));
  MUST(kja_network_release(network));
}

static void post(kja_runtime_t runtime, const char *url, size_t size) {
  kja_network_t network = 0;
  kja_http_client_t client = client_of(runtime, &network, 0);
  kja_promise_t asked = 0, writing = 0;
  kja_connection_t body = 0;
  static char piece[50000];
  memset(piece, 'y', sizeof piece);
  MUST(kja_http_client_request_stream_start(client, "POST", 4, url, strlen(url), 0, KJA_LENGTH_UNKNOWN, &body, &asked));
  for (size_t left = size; left;) {
    size_t part = left < sizeof piece ? left : sizeof piece;
    MUST(kja_connection_write_start(body, piece, part, &writing));
    MUST(kja_promise_await(writing));
    MUST(kja_promise_release(writing));
    left -= part;
  }
  MUST(kja_connection_release(body));
  show(taken(asked), 1);
  MUST(kja_http_client_release(client));
  MUST(kja_network_release(network));
}

int main(int count, char **arguments) {
  kja_runtime_t runtime = 0;
  const char *mode = count > 1 ? arguments[1] : "";
  for (size_t i = 0; i < sizeof text_of_a_range; i++) text_of_a_range[i] = (char)('a' + i % 26);
  MUST(kja_runtime_new(NULL, &runtime));
  if (count == 4 && strcmp(mode, "serve") == 0) {
    serve(runtime, answer, NULL, arguments[2], arguments[3]);
  } else if (count == 3 && strcmp(mode, "proxy") == 0) {
    proxy(runtime, arguments[2]);
  } else if (count == 5 && strcmp(mode, "get") == 0) {
    get(runtime, arguments[2], atoi(arguments[3]), (uint32_t)atoi(arguments[4]));
  } else if (count == 4 && strcmp(mode, "post") == 0) {
    post(runtime, arguments[2], (size_t)atol(arguments[3]));
  } else {
    fprintf(stderr, "usage: http_tool serve HEAD_MS BODY_MS | proxy ADDRESS | get URL COUNT FLAGS | post URL SIZE\n");
    return 2;
  }
  MUST(kja_runtime_release(runtime));
  return kja_handle_count() != 0;
}
