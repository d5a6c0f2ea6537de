/* HTTP clients, against a server of this library and a peer that sends exact bytes. */
#include "http.h"

static kja_http_client_t client_open(kja_runtime_t runtime) {
  kja_network_t network = 0;
  kja_http_client_t client = 0;
  CHECK_OK(kja_network_new(runtime, &network));
  CHECK_OK(kja_http_client_new(network, NULL, &client));
  CHECK_OK(kja_network_release(network));
  return client;
}

typedef struct url_t {
  char text[100];
} url_t;

static url_t url_of(kja_listener_t listener, const char *path) {
  url_t url;
  snprintf(url.text, sizeof url.text, "http://127.0.0.1:%u%s", port_of(listener), path);
  return url;
}

static kja_promise_t ask(kja_http_client_t client, const char *method, url_t url, const char *body) {
  kja_promise_t asked = 0;
  CHECK_OK(kja_http_client_request_start(client, method, strlen(method), url.text, strlen(url.text), 0, body,
                                         strlen(body), &asked));
  return asked;
}

static void expect_body(kja_http_response_t response, const char *text) {
  kja_connection_t body = 0;
  kja_promise_t read = 0;
  CHECK_OK(kja_http_response_body(response, &body));
  CHECK_OK(kja_connection_read_all_start(body, 1000, &read));
  expect_bytes(read, text, strlen(text));
  CHECK_OK(kja_connection_release(body));
}

/* parity: HCLI-01, HCLI-02, HCLI-03, HCLI-07, HCLI-08 */
static void requests_go_by_url_over_one_connection(void) {
  kja_runtime_t runtime = runtime_open();
  kja_listener_t listener = listen_on_loopback(runtime);
  kja_http_server_t server = server_open(runtime, hello, NULL);
  kja_http_client_t client = client_open(runtime);
  kja_promise_t listening = 0, asked = 0, ended = 0;
  kja_connection_t body = 0;
  size_t count = 0;
  CHECK_OK(kja_http_server_listen_start(server, listener, &listening));
  static const char *const cases[][3] = {{"GET", "", "GET /a?b 0\n"}, {"POST", "hello", "POST /a?b 5\n"}};
  for (size_t i = 0; i < 2; i++) {
    kja_http_response_t response = handle_from(ask(client, cases[i][0], url_of(listener, "/a?b#c"), cases[i][1]));
    kja_http_headers_t headers = 0;
    kja_bytes_t head = 0;
    uint32_t status = 0, version = 0;
    uint64_t length = 0;
    char reason[10] = "";
    CHECK_OK(kja_http_response_status(response, &status));
    CHECK_U64(status, 200);
    CHECK_OK(kja_http_response_version(response, &version));
    CHECK_U64(version, KJA_HTTP_1_1);
    CHECK_OK(kja_http_response_reason(response, reason, sizeof reason, &count));
    CHECK(count == 2 && memcmp(reason, "OK", 2) == 0);
    CHECK_OK(kja_http_response_body_length(response, &length));
    CHECK_U64(length, strlen(cases[i][2]));
    CHECK_OK(kja_http_response_headers(response, &headers));
    CHECK_OK(kja_http_headers_count(headers, &count));
    CHECK_U64(count, 1);
    CHECK_OK(kja_http_headers_release(headers));
    CHECK_OK(kja_http_response_head(response, &head));
    CHECK_OK(kja_bytes_release(head));
    expect_body(response, cases[i][2]);
    CHECK_OK(kja_http_response_trailers(response, &headers));
    CHECK_OK(kja_http_headers_release(headers));
    CHECK_OK(kja_http_response_release(response));
  }
  url_t url = url_of(listener, "/s");
  CHECK_OK(kja_http_client_request_stream_start(client, "PUT", 3, url.text, strlen(url.text), 0, 6, &body, &asked));
  send_text(body, "abc");
  send_text(body, "def");
  CHECK_OK(kja_connection_shutdown_write_start(body, &ended));
  expect(ended, KJA_OK);
  CHECK_OK(kja_connection_release(body));
  kja_http_response_t response = handle_from(asked);
  expect_body(response, "PUT /s 6\n");
  CHECK_OK(kja_http_response_release(response));
  CHECK_OK(kja_http_server_connections(server, &count));
  CHECK_U64(count, 1);
  CHECK_OK(kja_http_client_release(client));
  CHECK_OK(kja_promise_release(listening));
  CHECK_OK(kja_http_server_release(server));
  CHECK_OK(kja_listener_release(listener));
  runtime_close(runtime);
}

/* parity: HCLI-04, HCLI-05, HCLI-10, HCLI-12 */
static void answers_are_checked_and_giving_up_closes(void) {
  kja_runtime_t runtime = runtime_open();
  kja_listener_t listener = listen_on_loopback(runtime);
  kja_http_client_t client = client_open(runtime);
  static const struct {
    const char *answer;
    kja_status_t status;
  } cases[] = {{"HTTP/1.1 200 OK\nContent-Length: 0\n\n", KJA_ERR_FAILED},
               {"SSH-2.0-x\r\n\r\n", KJA_ERR_FAILED},
               {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", KJA_ERR_FAILED},
               {"HTTP/1.1 200 OK\r\nContent-Le", KJA_ERR_DISCONNECTED}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    kja_promise_t asked = ask(client, "POST", url_of(listener, "/"), "x");
    kja_connection_t peer = handle_from(accept_start(listener));
    kja_promise_t reading = 0;
    CHECK_OK(kja_connection_read_start(peer, 20, 1000, &reading));
    expect(reading, KJA_OK);
    send_text(peer, cases[i].answer);
    CHECK_OK(kja_connection_release(peer));
    expect(asked, cases[i].status);
  }
  kja_promise_t asked = ask(client, "GET", url_of(listener, "/"), "");
  kja_connection_t peer = handle_from(accept_start(listener));
  kja_promise_t reading = 0;
  CHECK_OK(kja_connection_read_all_start(peer, 1000, &reading));
  CHECK_OK(kja_promise_release(asked));
  expect(reading, KJA_OK);
  CHECK_OK(kja_connection_release(peer));
  static const char *const bad[] = {"https://h/", "ftp://h/", "/a", "http://h/%zz"};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    kja_status_t status = i ? KJA_ERR_INVALID_ARGUMENT : KJA_ERR_UNIMPLEMENTED;
    CHECK_IS(kja_http_client_request_start(client, "GET", 3, bad[i], strlen(bad[i]), 0, NULL, 0, &asked), status);
  }
  CHECK_IS(kja_http_client_request_start(client, "G T", 3, "http://h/", 9, 0, NULL, 0, &asked), KJA_ERR_INVALID_ARGUMENT);
  size_t count = 9;
  CHECK_OK(kja_http_client_idle_connections(client, &count));
  CHECK_U64(count, 0);
  CHECK_OK(kja_http_client_release(client));
  CHECK_OK(kja_listener_release(listener));
  runtime_close(runtime);
}

int main(void) {
  RUN_IN_BOTH(requests_go_by_url_over_one_connection);
  RUN_IN_BOTH(answers_are_checked_and_giving_up_closes);
  return check_done();
}
