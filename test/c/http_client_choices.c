/* What a client of HTTP does only if it is asked to, and responses that are compressed. */
#include "http.h"
#include "stream.h"

static void moved(kja_http_request_t request, const char *location) {
  kja_http_headers_t headers = 0;
  CHECK_OK(kja_http_headers_new(&headers));
  CHECK_OK(kja_http_headers_set(headers, "Location", 8, location, strlen(location)));
  CHECK_OK(kja_http_request_respond(request, 303, NULL, 0, headers, NULL, 0));
  CHECK_OK(kja_http_headers_release(headers));
}

static void serve(void *ctx, kja_call_t call) {
  kja_http_request_t request = request_of(call);
  char target[20] = "";
  char text[2000];
  CHECK_OK(kja_http_request_target(request, target, sizeof target, NULL));
  memset(text, 'x', sizeof text);
  if (strcmp(target, "/moved") == 0) {
    moved(request, "/here");
  } else if (strcmp(target, "/round") == 0) {
    moved(request, "/round");
  } else if (strcmp(target, "/long") == 0) {
    CHECK_OK(kja_http_request_compress(request));
    CHECK_OK(kja_http_request_respond(request, 200, NULL, 0, 0, text, sizeof text));
    CHECK_IS(kja_http_request_compress(request), KJA_ERR_FAILED);
  } else if (strcmp(target, "/never") == 0) {
    kja_promise_t never = 0;
    CHECK_OK(kja_promise_new_never(*(kja_runtime_t *)ctx, &never));
    CHECK_OK(kja_call_return_promise(call, never));
  } else {
    hello(NULL, call);
  }
  CHECK_OK(kja_http_request_release(request));
}

static kja_promise_t get(kja_http_client_t client, const char *host, unsigned port, const char *path) {
  char url[100];
  kja_promise_t asked = 0;
  int size = snprintf(url, sizeof url, "http://%s:%u%s", host, port, path);
  CHECK_OK(kja_http_client_request_start(client, "GET", 3, url, (size_t)size, 0, NULL, 0, &asked));
  return asked;
}

static void expect_body(kja_promise_t asked, const char *text, size_t size) {
  kja_http_response_t response = handle_from(asked);
  kja_connection_t body = 0;
  kja_promise_t read = 0;
  CHECK_OK(kja_http_response_body(response, &body));
  CHECK_OK(kja_connection_read_all_start(body, 10000, &read));
  expect_bytes(read, text, size);
  CHECK_OK(kja_connection_release(body));
  CHECK_OK(kja_http_response_release(response));
}

/* parity: HCLI-22 */
static void redirects_are_followed_and_bodies_decompressed_if_asked_for(void) {
  kja_runtime_t runtime = runtime_open();
  kja_listener_t listener = listen_on_loopback(runtime);
  kja_http_server_t server = server_open(runtime, serve, &runtime);
  kja_promise_t listening = 0;
  kja_network_t network = 0;
  kja_http_client_t plain = 0, client = 0;
  kja_http_client_options_t options;
  uint32_t status = 0;
  uint64_t length = 0;
  char text[2000];
  memset(text, 'x', sizeof text);
  memset(&options, 0, sizeof options);
  options.size = sizeof options;
  options.max_redirects = 2;
  options.flags = KJA_HTTP_CLIENT_DECOMPRESS;
  options.total_nanos = SECOND / 10;
  CHECK_OK(kja_http_server_listen_start(server, listener, &listening));
  CHECK_OK(kja_network_new(runtime, &network));
  CHECK_OK(kja_http_client_new(network, NULL, &plain));
  CHECK_OK(kja_http_client_new(network, &options, &client));
  expect(get(client, "127.0.0.1", port_of(listener), "/never"), KJA_ERR_TIMED_OUT);
  CHECK_OK(kja_http_client_release(client));
  options.total_nanos = 0;
  CHECK_OK(kja_http_client_new(network, &options, &client));
  kja_http_response_t response = handle_from(get(plain, "127.0.0.1", port_of(listener), "/moved"));
  CHECK_OK(kja_http_response_status(response, &status));
  CHECK_U64(status, 303);
  CHECK_OK(kja_http_response_release(response));
  expect_body(get(client, "127.0.0.1", port_of(listener), "/moved"), "GET /here 0\n", 12);
  expect(get(client, "127.0.0.1", port_of(listener), "/round"), KJA_ERR_FAILED);
  response = handle_from(get(client, "127.0.0.1", port_of(listener), "/long"));
  CHECK_OK(kja_http_response_body_length(response, &length));
  CHECK_U64(length, KJA_LENGTH_UNKNOWN);
  CHECK_OK(kja_http_response_release(response));
  expect_body(get(client, "127.0.0.1", port_of(listener), "/long"), text, sizeof text);
  options.flags = 64;
  kja_http_client_t none = 0;
  CHECK_IS(kja_http_client_new(network, &options, &none), KJA_ERR_INVALID_ARGUMENT);
  CHECK_OK(kja_http_client_release(client));
  CHECK_OK(kja_http_client_release(plain));
  CHECK_OK(kja_network_release(network));
  CHECK_OK(kja_promise_release(listening));
  CHECK_OK(kja_http_server_release(server));
  CHECK_OK(kja_listener_release(listener));
  runtime_close(runtime);
}

static void a_client_goes_through_a_proxy_if_asked_to(void) {
  kja_runtime_t runtime = runtime_open();
  kja_listener_t listener = listen_on_loopback(runtime);
  kja_network_t network = 0;
  kja_http_client_t client = 0;
  kja_http_client_options_t options;
  char proxy[50];
  memset(&options, 0, sizeof options);
  options.size = sizeof options;
  options.proxy = proxy;
  options.proxy_len = (size_t)snprintf(proxy, sizeof proxy, "http://me:pw@127.0.0.1:%u", port_of(listener));
  options.no_proxy = "127.0.0.1";
  options.no_proxy_len = 9;
  CHECK_OK(kja_network_new(runtime, &network));
  CHECK_OK(kja_http_client_new(network, &options, &client));
  kja_promise_t asked = get(client, "example.com", 70, "/a");
  kja_connection_t connection = handle_from(accept_start(listener));
  receive_text(connection, "GET http://example.com:70/a HTTP/1.1\r\nhost: example.com:70\r\n"
                           "proxy-authorization: Basic bWU6cHc=\r\n\r\n");
  send_text(connection, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  expect_body(asked, "ok", 2);
  CHECK_OK(kja_connection_release(connection));
  asked = get(client, "127.0.0.1", port_of(listener), "/b");
  connection = handle_from(accept_start(listener));
  receive_text(connection, "GET /b HTTP/1.1\r\n");
  CHECK_OK(kja_connection_release(connection));
  expect(asked, KJA_ERR_DISCONNECTED);
  CHECK_OK(kja_http_client_release(client));
  options.proxy = "socks5://a";
  options.proxy_len = 10;
  CHECK_IS(kja_http_client_new(network, &options, &client), KJA_ERR_INVALID_ARGUMENT);
  CHECK_OK(kja_network_release(network));
  CHECK_OK(kja_listener_release(listener));
  runtime_close(runtime);
}

int main(void) {
  RUN_IN_BOTH(redirects_are_followed_and_bodies_decompressed_if_asked_for);
  RUN_IN_BOTH(a_client_goes_through_a_proxy_if_asked_to);
  return check_done();
}
