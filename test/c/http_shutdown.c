/* What a shutdown ends of HTTP: servers, clients, requests and bodies, whoever holds them. */
#include "http.h"
#include "options.h"

typedef struct service_t {
  kja_runtime_t runtime;
  /* A read of the body of the request that sends one. */
  kja_promise_t reading;
  count_t came;
} service_t;

/* Begins to answer, or to read, and never ends. */
static void begin_and_wait(void *ctx, kja_call_t call) {
  service_t *service = (service_t *)ctx;
  kja_http_request_t request = request_of(call);
  char target[10] = "";
  size_t length = 0;
  kja_connection_t stream = 0;
  kja_promise_t never = 0;
  CHECK_OK(kja_http_request_target(request, target, sizeof target, &length));
  if (target[1] == 's') {
    CHECK_OK(kja_http_request_respond_stream(request, 200, NULL, 0, 0, 100, &stream));
    CHECK_OK(kja_promise_detach(write_start(stream, "x", 1), NULL, NULL, NULL));
  }
  if (target[1] == 'b') {
    CHECK_OK(kja_http_request_body(request, &stream));
    CHECK_OK(kja_connection_read_start(stream, 50, 100, &service->reading));
    count_add(&service->came, 1);
  }
  CHECK_OK(kja_promise_new_never(service->runtime, &never));
  CHECK_OK(kja_call_return_promise(call, never));
  CHECK_OK(kja_http_request_release(request));
}

static kja_promise_t ask(kja_http_client_t client, kja_listener_t listener, char path) {
  char url[50];
  kja_promise_t asked = 0;
  snprintf(url, sizeof url, "http://127.0.0.1:%u/%c", port_of(listener), path);
  CHECK_OK(kja_http_client_request_start(client, "GET", 3, url, strlen(url), 0, NULL, 0, &asked));
  return asked;
}

enum { LISTENING, SERVING, DRAINING, ASKED, RESPONSE_BODY, REQUEST_BODY, PENDING };
static const char *const pending_names[] = {"listen", "serve", "drain", "request", "response body", "request body"};

/* parity: LOOP-06, HSRV-08 */
static void what_another_loop_holds_of_http_ends_with_shutdown(void) {
  kja_runtime_options_t options = options_of(KJA_RUNTIME_THREAD);
  kja_runtime_t other = runtime_with(&options);
  for (int keep = 0; keep < 2; keep++) {
    unsigned fds = open_fds();
    kja_runtime_t runtime = runtime_open();
    kja_promise_t promises[PENDING], held[PENDING], pushed = 0;
    kja_http_server_t server = 0, draining = 0;
    kja_http_client_t client = 0;
    kja_network_t network = 0;
    kja_queue_t queue = 0;
    kja_connection_t body = 0, sent = 0;
    service_t service;
    memset(&service, 0, sizeof service);
    service.runtime = runtime;
    CHECK_OK(kja_http_server_new(runtime, NULL, begin_and_wait, &service, NULL, &server));
    CHECK_OK(kja_http_server_new(runtime, NULL, begin_and_wait, &service, NULL, &draining));
    CHECK_OK(kja_network_new(runtime, &network));
    CHECK_OK(kja_http_client_new(network, NULL, &client));
    kja_listener_t listener = listen_on_loopback(runtime), drained = listen_on_loopback(runtime);
    pair_t pair = pair_open(runtime);
    CHECK_OK(kja_http_server_listen_start(server, listener, &promises[LISTENING]));
    CHECK_OK(kja_http_server_serve_start(server, pair.server, &promises[SERVING]));
    promises[ASKED] = ask(client, listener, 'n');

    kja_http_response_t response = handle_from(ask(client, listener, 's'));
    CHECK_OK(kja_http_response_body(response, &body));
    expect_text(read_start(body, 1, 1), "x");
    promises[RESPONSE_BODY] = read_start(body, 1, 9);

    char url[50];
    kja_promise_t asked = 0;
    snprintf(url, sizeof url, "http://127.0.0.1:%u/b", port_of(listener));
    CHECK_OK(kja_http_client_request_stream_start(client, "PUT", 3, url, strlen(url), 0, 100, &sent, &asked));
    expect(write_start(sent, "y", 1), KJA_OK);
    while (!count_get(&service.came)) let_loop_catch_up(runtime);
    promises[REQUEST_BODY] = service.reading;

    kja_promise_t drain_listening = 0;
    size_t count = 0;
    CHECK_OK(kja_http_server_listen_start(draining, drained, &drain_listening));
    asked = ask(client, drained, 'n');
    while (!count) {
      let_loop_catch_up(runtime);
      CHECK_OK(kja_http_server_connections(draining, &count));
    }
    CHECK_OK(kja_http_server_drain_start(draining, &promises[DRAINING]));

    for (int i = 0; i < PENDING; i++) {
      CHECK_OK(kja_promise_race(other, &promises[i], 1, &held[i]));
      if (!keep) CHECK_OK(kja_promise_release(promises[i]));
    }
    /* Their handles go, and another loop holds them. */
    const struct {
      kja_handle_t handle;
      kja_status_t (*release)(kja_handle_t);
    } objects[] = {{server, kja_http_server_release},     {draining, kja_http_server_release},
                   {client, kja_http_client_release},     {response, kja_http_response_release},
                   {body, kja_connection_release},        {sent, kja_connection_release},
                   {pair.client, kja_connection_release}, {listener, kja_listener_release}};
    size_t object_count = sizeof objects / sizeof *objects;
    CHECK_OK(kja_queue_new(other, object_count, &queue));
    for (size_t i = 0; i < object_count; i++) {
      CHECK_OK(kja_queue_push_handle_start(queue, objects[i].handle, &pushed));
      expect(pushed, KJA_OK);
      if (!keep) CHECK_OK(objects[i].release(objects[i].handle));
    }
    let_loop_rest(runtime);
    for (int i = 0; i < PENDING; i++) CHECK_IS(kja_promise_status(held[i]), KJA_ERR_PENDING);
    CHECK_OK(kja_runtime_shutdown(runtime));
    for (int i = 0; i < PENDING; i++) {
      if (!CHECK_IS(kja_promise_await_for(held[i], 10 * SECOND), KJA_ERR_SHUTDOWN))
        fprintf(stderr, "  that was %s, %s\n", pending_names[i], keep ? "with its handle" : "its handle released");
      CHECK_OK(kja_promise_release(held[i]));
    }
    CHECK(fds_come_back_to(fds));
    CHECK_OK(kja_queue_release(queue));
    CHECK_OK(kja_runtime_release(runtime));
  }
  runtime_close(other);
}

int main(void) {
  RUN_IN_BOTH(what_another_loop_holds_of_http_ends_with_shutdown);
  return check_done();
}
