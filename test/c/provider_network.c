/* Listeners, addresses and networks of the program's own, and HTTP over its streams. */
#include "http.h"
#include "provider.h"

/* Connections that are handed over: who connects gets one end of a pipe, who accepts the other, both through the
 * program's own streams. */
typedef struct hub_t {
  kja_runtime_t runtime;
  kja_queue_t waiting; /* of connections to be accepted */
  count_t connects, accepts, parses, destroyed;
  kja_address_t address; /* what a parse results in */
  char text[50];         /* the last */
  uint16_t port;
} hub_t;

static void hub_connect(void *ctx, kja_call_t call) {
  hub_t *hub = (hub_t *)ctx;
  pair_t pair = two_way_open(hub->runtime);
  kja_promise_t pushing = 0;
  count_add(&hub->connects, 1);
  kja_connection_t client = relay_over(hub->runtime, pair.client), server = relay_over(hub->runtime, pair.server);
  CHECK_OK(kja_queue_push_handle_start(hub->waiting, server, &pushing));
  CHECK_OK(kja_promise_release(pushing));
  CHECK_OK(kja_connection_release(server));
  CHECK_OK(kja_call_return_handle(call, client));
  CHECK_OK(kja_connection_release(client));
}
static void hub_accept(void *ctx, kja_call_t call) {
  hub_t *hub = (hub_t *)ctx;
  kja_promise_t popping = 0;
  CHECK(kja_runtime_on_loop(hub->runtime));
  count_add(&hub->accepts, 1);
  CHECK_OK(kja_queue_pop_start(hub->waiting, &popping));
  CHECK_OK(kja_call_return_promise(call, popping));
}
static void hub_parse(void *ctx, kja_call_t call, const char *text, size_t text_len, uint16_t default_port) {
  hub_t *hub = (hub_t *)ctx;
  count_add(&hub->parses, 1);
  snprintf(hub->text, sizeof hub->text, "%.*s", (int)text_len, text);
  hub->port = default_port;
  CHECK_OK(kja_call_return_handle(call, hub->address));
}
static void hub_destroy(void *ctx) {
  count_add(&((hub_t *)ctx)->destroyed, 1);
}

static kja_listener_callbacks_t listener_callbacks(hub_t *hub, kja_callback_fn accept) {
  kja_listener_callbacks_t callbacks;
  memset(&callbacks, 0, sizeof callbacks);
  callbacks.size = sizeof callbacks;
  callbacks.ctx = hub;
  callbacks.destroy = hub_destroy;
  callbacks.accept = accept;
  return callbacks;
}
static kja_address_callbacks_t address_callbacks(hub_t *hub, kja_callback_fn connect) {
  kja_address_callbacks_t callbacks;
  memset(&callbacks, 0, sizeof callbacks);
  callbacks.size = sizeof callbacks;
  callbacks.ctx = hub;
  callbacks.destroy = hub_destroy;
  callbacks.connect = connect;
  return callbacks;
}
static kja_network_callbacks_t network_callbacks(hub_t *hub, kja_parse_fn parse) {
  kja_network_callbacks_t callbacks;
  memset(&callbacks, 0, sizeof callbacks);
  callbacks.size = sizeof callbacks;
  callbacks.ctx = hub;
  callbacks.destroy = hub_destroy;
  callbacks.parse = parse;
  return callbacks;
}

static void hub_open(hub_t *hub) {
  memset(hub, 0, sizeof *hub);
  hub->runtime = runtime_open();
  CHECK_OK(kja_queue_new(hub->runtime, 10, &hub->waiting));
  kja_address_callbacks_t callbacks = address_callbacks(hub, hub_connect);
  callbacks.accept = hub_accept;
  callbacks.text = "hub:1";
  callbacks.text_len = 5;
  CHECK_OK(kja_address_from_callbacks(hub->runtime, &callbacks, &hub->address));
}
static void hub_close(hub_t *hub) {
  CHECK_OK(kja_address_release(hub->address));
  CHECK_OK(kja_queue_release(hub->waiting));
  runtime_close(hub->runtime);
}
static kja_promise_t hub_connect_start(hub_t *hub) {
  kja_promise_t connecting = 0;
  CHECK_OK(kja_address_connect_start(hub->address, &connecting));
  return connecting;
}
static kja_listener_t hub_listen(hub_t *hub) {
  kja_listener_t listener = 0;
  CHECK_OK(kja_address_listen(hub->address, 0, &listener));
  return listener;
}
static void expect_talk(kja_connection_t one, kja_connection_t other) {
  kja_promise_t writing = write_text_start(one, "there");
  expect_text(read_required_start(other, 5, 5), "there");
  expect(writing, KJA_OK);
  writing = write_text_start(other, "and back");
  expect_text(read_required_start(one, 8, 8), "and back");
  expect(writing, KJA_OK);
}

/* parity: LLIO-13 */
static void an_address_is_connected_to_and_listened_on(void) {
  hub_t hub;
  hub_open(&hub);
  char text[20];
  uint16_t port = 1;
  kja_address_t bound = 0;
  CHECK_OK(kja_address_text(hub.address, text, sizeof text, NULL));
  CHECK(strcmp(text, "hub:1") == 0);
  CHECK_OK(kja_address_port(hub.address, &port));
  CHECK_U64(port, 0);
  kja_listener_t listener = hub_listen(&hub);
  CHECK_OK(kja_listener_local_address(listener, &bound));
  CHECK_OK(kja_address_text(bound, text, sizeof text, NULL));
  CHECK(strcmp(text, "hub:1") == 0);
  CHECK_OK(kja_address_release(bound));
  kja_promise_t first = accept_start(listener), second = accept_start(listener);
  stays_pending(hub.runtime, first);
  CHECK_U64(count_get(&hub.accepts), 1);
  for (int i = 0; i < 2; i++) {
    kja_connection_t client = handle_from(hub_connect_start(&hub)), server = handle_from(i ? second : first);
    expect_talk(client, server);
    CHECK_OK(kja_connection_release(client));
    expect_end(server);
    CHECK_OK(kja_connection_release(server));
  }
  CHECK_U64(count_get(&hub.connects), 2);
  /* Closed, it asks no more; its address goes on. */
  first = accept_start(listener);
  let_loop_rest(hub.runtime);
  CHECK_OK(kja_listener_close(listener));
  expect(first, KJA_ERR_CANCELED);
  expect(accept_start(listener), KJA_ERR_CANCELED);
  CHECK_OK(kja_listener_release(listener));
  listener = hub_listen(&hub);
  first = accept_start(listener);
  stays_pending(hub.runtime, first);
  CHECK_OK(kja_promise_release(first));
  CHECK_OK(kja_listener_release(listener));
  CHECK_U64(count_get(&hub.destroyed), 0);
  hub_close(&hub);
  CHECK_U64(count_get(&hub.destroyed), 1);
}

/* parity: LLIO-13, NET-17, NET-20 */
static void a_listener_loses_nothing_and_is_joined(void) {
  hub_t hub;
  hub_open(&hub);
  kja_listener_callbacks_t callbacks = listener_callbacks(&hub, hub_accept);
  kja_listener_t listener = 0, both = 0;
  int on = 1;
  CHECK_OK(kja_listener_from_callbacks(hub.runtime, &callbacks, &listener));
  CHECK_IS(kja_listener_setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on), KJA_ERR_UNIMPLEMENTED);
  /* One that has come for an accept of which nobody reads the outcome is for the next accept. */
  kja_promise_t accepting = accept_start(listener);
  kja_connection_t client = handle_from(hub_connect_start(&hub));
  let_loop_rest(hub.runtime);
  CHECK_OK(kja_promise_release(accepting));
  CHECK_U64(count_get(&hub.accepts), 1);
  kja_connection_t server = handle_from(accept_start(listener));
  expect_talk(client, server);
  CHECK_OK(kja_connection_release(client));
  CHECK_OK(kja_connection_release(server));
  CHECK_U64(count_get(&hub.accepts), 1);
  /* One that is cancelled takes nothing from where they come from. */
  accepting = accept_start(listener);
  let_loop_rest(hub.runtime);
  CHECK_OK(kja_promise_release(accepting));
  CHECK_U64(count_get(&hub.accepts), 2);
  client = handle_from(hub_connect_start(&hub));
  kja_listener_t members[2] = {listener, listen_on_loopback(hub.runtime)};
  CHECK_OK(kja_listener_aggregate_new(members, 2, &both));
  server = handle_from(accept_start(both));
  expect_talk(client, server);
  CHECK_OK(kja_connection_release(client));
  CHECK_OK(kja_connection_release(server));
  accepting = accept_start(both);
  client = handle_from(connect_start(members[1]));
  server = handle_from(accepting);
  expect_talk(client, server);
  CHECK_OK(kja_connection_release(client));
  CHECK_OK(kja_connection_release(server));
  CHECK_U64(count_get(&hub.destroyed), 0);
  CHECK_OK(kja_listener_close(listener));
  CHECK_U64(count_get(&hub.destroyed), 1);
  CHECK_OK(kja_listener_release(members[1]));
  CHECK_OK(kja_listener_release(both));
  CHECK_OK(kja_listener_release(listener));
  hub_close(&hub);
  CHECK_U64(count_get(&hub.destroyed), 2);
}

static void return_number(void *ctx, kja_call_t call) {
  (void)ctx;
  CHECK_OK(kja_call_return_u64(call, 7));
}
static void return_failure(void *ctx, kja_call_t call) {
  (void)ctx;
  CHECK_OK(kja_call_return_error(call, KJA_ERR_OVERLOADED, 0, "nobody there", 12));
}
static void parse_number(void *ctx, kja_call_t call, const char *text, size_t text_len, uint16_t default_port) {
  (void)text;
  (void)text_len;
  (void)default_port;
  return_number(ctx, call);
}
static void parse_failure(void *ctx, kja_call_t call, const char *text, size_t text_len, uint16_t default_port) {
  (void)text;
  (void)text_len;
  (void)default_port;
  return_failure(ctx, call);
}
static kja_promise_t parse_start(kja_network_t network, const char *text, uint16_t default_port) {
  kja_promise_t parsing = 0;
  CHECK_OK(kja_network_parse_address_start(network, text, strlen(text), default_port, &parsing));
  return parsing;
}

/* parity: LLIO-13 */
static void wrong_results_and_missing_callbacks_are_told(void) {
  hub_t hub;
  hub_open(&hub);
  for (int fails = 0; fails < 2; fails++) {
    kja_status_t status = fails ? KJA_ERR_OVERLOADED : KJA_ERR_WRONG_TYPE;
    const char *why = fails ? "nobody there" : "has to result in a", *connection = fails ? why : "a connection";
    kja_listener_callbacks_t accepts = listener_callbacks(&hub, fails ? return_failure : return_number);
    kja_address_callbacks_t connects = address_callbacks(&hub, fails ? return_failure : return_number);
    kja_network_callbacks_t parses = network_callbacks(&hub, fails ? parse_failure : parse_number);
    kja_listener_t listener = 0, none = 0;
    kja_address_t address = 0;
    kja_network_t network = 0;
    kja_promise_t connecting = 0;
    char text[20];
    CHECK_OK(kja_listener_from_callbacks(hub.runtime, &accepts, &listener));
    expect_error(accept_start(listener), status, connection);
    CHECK_OK(kja_listener_release(listener));
    CHECK_OK(kja_address_from_callbacks(hub.runtime, &connects, &address));
    CHECK_OK(kja_address_connect_start(address, &connecting));
    expect_error(connecting, status, connection);
    CHECK_IS(kja_address_listen(address, 0, &none), KJA_ERR_UNIMPLEMENTED);
    CHECK_OK(kja_address_text(address, text, sizeof text, NULL));
    CHECK(strcmp(text, "<provided>") == 0);
    CHECK_OK(kja_address_release(address));
    CHECK_OK(kja_network_from_callbacks(hub.runtime, &parses, &network));
    expect_error(parse_start(network, "x", 0), status, why);
    CHECK_OK(kja_network_release(network));
  }
  CHECK_U64(count_get(&hub.destroyed), 6);
  kja_listener_callbacks_t accepts = listener_callbacks(&hub, NULL);
  kja_address_callbacks_t connects = address_callbacks(&hub, NULL);
  kja_network_callbacks_t parses = network_callbacks(&hub, NULL);
  kja_handle_t made = 0;
  kja_promise_t connecting = 0;
  CHECK_OK(kja_listener_from_callbacks(hub.runtime, &accepts, &made));
  expect(accept_start(made), KJA_ERR_UNIMPLEMENTED);
  CHECK_OK(kja_listener_release(made));
  CHECK_OK(kja_address_from_callbacks(hub.runtime, &connects, &made));
  CHECK_OK(kja_address_connect_start(made, &connecting));
  expect(connecting, KJA_ERR_UNIMPLEMENTED);
  CHECK_OK(kja_address_release(made));
  CHECK_OK(kja_network_from_callbacks(hub.runtime, &parses, &made));
  expect(parse_start(made, "x", 0), KJA_ERR_UNIMPLEMENTED);
  CHECK_OK(kja_network_release(made));
  CHECK_U64(count_get(&hub.destroyed), 9);
  accepts.size--;
  connects.size--;
  parses.size--;
  CHECK_IS(kja_listener_from_callbacks(hub.runtime, &accepts, &made), KJA_ERR_INVALID_ARGUMENT);
  CHECK_IS(kja_address_from_callbacks(hub.runtime, &connects, &made), KJA_ERR_INVALID_ARGUMENT);
  CHECK_IS(kja_network_from_callbacks(hub.runtime, &parses, &made), KJA_ERR_INVALID_ARGUMENT);
  CHECK_U64(count_get(&hub.destroyed), 9);
  accepts.size++;
  connects.size++;
  parses.size++;
  connects.text = "\xff";
  connects.text_len = 1;
  CHECK_IS(kja_listener_from_callbacks(0, &accepts, &made), KJA_ERR_BAD_HANDLE);
  CHECK_IS(kja_address_from_callbacks(hub.runtime, &connects, &made), KJA_ERR_INVALID_ARGUMENT);
  CHECK_IS(kja_network_from_callbacks(0, &parses, &made), KJA_ERR_BAD_HANDLE);
  CHECK_U64(count_get(&hub.destroyed), 12);
  hub_close(&hub);
}

/* parity: LLIO-13 */
static void a_network_parses_texts_of_its_own(void) {
  hub_t hub;
  hub_open(&hub);
  kja_network_callbacks_t callbacks = network_callbacks(&hub, hub_parse);
  kja_network_t network = 0, part = 0;
  kja_slice_t local = {"local", 5};
  CHECK_OK(kja_network_from_callbacks(hub.runtime, &callbacks, &network));
  kja_address_t address = handle_from(parse_start(network, "any text at all", 70));
  CHECK(strcmp(hub.text, "any text at all") == 0);
  CHECK_U64(hub.port, 70);
  kja_promise_t connecting = 0;
  CHECK_OK(kja_address_connect_start(address, &connecting));
  kja_connection_t client = handle_from(connecting);
  kja_listener_t listener = hub_listen(&hub);
  kja_connection_t server = handle_from(accept_start(listener));
  expect_talk(client, server);
  CHECK_OK(kja_listener_release(listener));
  CHECK_OK(kja_connection_release(client));
  CHECK_OK(kja_connection_release(server));
  CHECK_OK(kja_address_release(address));
  CHECK_IS(kja_network_restrict(network, &local, 1, NULL, 0, &part), KJA_ERR_UNIMPLEMENTED);
  CHECK_OK(kja_network_release(network));
  CHECK_U64(count_get(&hub.destroyed), 1);
  hub_close(&hub);
}

static void keep_client(void *ctx, kja_call_t call, kja_connection_t connection, const char *host, size_t host_len) {
  count_add((count_t *)ctx, 1);
  CHECK(host_len == 11 && memcmp(host, "example.org", 11) == 0);
  CHECK_OK(kja_call_return_handle(call, connection));
  CHECK_OK(kja_connection_release(connection));
}
static void keep_server(void *ctx, kja_call_t call, kja_connection_t connection) {
  count_add((count_t *)ctx, 1);
  CHECK_OK(kja_call_return_handle(call, connection));
  CHECK_OK(kja_connection_release(connection));
}

/* parity: LLIO-13, NET-22 */
static void a_network_and_a_listener_of_the_programs_own_are_wrapped(void) {
  hub_t hub;
  hub_open(&hub);
  kja_network_wrapper_options_t options;
  count_t wrapped = {0};
  kja_network_wrapper_t wrapper = 0;
  kja_network_t network = 0, secure = 0;
  kja_listener_t listener = 0;
  kja_promise_t connecting = 0;
  memset(&options, 0, sizeof options);
  options.size = sizeof options;
  options.wrap_client = keep_client;
  options.wrap_server = keep_server;
  options.ctx = &wrapped;
  CHECK_OK(kja_network_wrapper_new(hub.runtime, &options, &wrapper));
  kja_network_callbacks_t parses = network_callbacks(&hub, hub_parse);
  kja_listener_callbacks_t accepts = listener_callbacks(&hub, hub_accept);
  CHECK_OK(kja_network_from_callbacks(hub.runtime, &parses, &network));
  CHECK_OK(kja_network_wrapper_wrap_network(wrapper, network, &secure));
  CHECK_OK(kja_network_release(network));
  kja_address_t address = handle_from(parse_start(secure, "example.org:7", 0));
  CHECK_OK(kja_network_release(secure));
  CHECK_OK(kja_address_connect_start(address, &connecting));
  CHECK_OK(kja_address_release(address));
  kja_connection_t client = handle_from(connecting);
  CHECK_U64(count_get(&wrapped), 1);
  kja_listener_t inner = 0;
  CHECK_OK(kja_listener_from_callbacks(hub.runtime, &accepts, &inner));
  CHECK_OK(kja_network_wrapper_wrap_listener(wrapper, inner, &listener));
  CHECK_OK(kja_listener_release(inner));
  kja_connection_t server = handle_from(accept_start(listener));
  CHECK_U64(count_get(&wrapped), 2);
  expect_talk(client, server);
  CHECK_OK(kja_connection_release(client));
  CHECK_OK(kja_connection_release(server));
  CHECK_OK(kja_listener_release(listener));
  CHECK_OK(kja_network_wrapper_release(wrapper));
  hub_close(&hub);
}

/* parity: LLIO-13, HCLI-01, HSRV-01 */
static void http_is_served_and_asked_for_over_streams_of_the_programs_own(void) {
  hub_t hub;
  hub_open(&hub);
  kja_network_callbacks_t callbacks = network_callbacks(&hub, hub_parse);
  kja_network_t network = 0;
  kja_http_client_t client = 0;
  kja_promise_t listening = 0;
  CHECK_OK(kja_network_from_callbacks(hub.runtime, &callbacks, &network));
  CHECK_OK(kja_http_client_new(network, NULL, &client));
  CHECK_OK(kja_network_release(network));
  kja_http_server_t server = server_open(hub.runtime, hello, NULL);
  kja_listener_t listener = hub_listen(&hub);
  CHECK_OK(kja_http_server_listen_start(server, listener, &listening));
  for (int i = 0; i < 3; i++) {
    kja_promise_t asked = 0;
    kja_connection_t body = 0;
    CHECK_OK(kja_http_client_request_start(client, "POST", 4, "http://some.where/path", 22, 0, "hello", 5, &asked));
    kja_http_response_t response = handle_from(asked);
    CHECK_OK(kja_http_response_body(response, &body));
    expect_text(read_all_start(body, 1000), "POST /path 5\n");
    CHECK_OK(kja_connection_release(body));
    CHECK_OK(kja_http_response_release(response));
  }
  CHECK(strcmp(hub.text, "some.where:80") == 0 || strcmp(hub.text, "some.where") == 0);
  CHECK_U64(count_get(&hub.connects), 1);
  CHECK_OK(kja_http_client_release(client));
  CHECK_OK(kja_promise_release(listening));
  CHECK_OK(kja_http_server_release(server));
  CHECK_OK(kja_listener_release(listener));
  hub_close(&hub);
}

/* parity: LLIO-13, LOOP-06 */
static void a_shutdown_ends_accepts_connects_and_parses(void) {
  hub_t hub;
  hub_open(&hub);
  kja_listener_callbacks_t accepts = listener_callbacks(&hub, hub_accept);
  kja_address_callbacks_t connects = address_callbacks(&hub, hub_accept);
  kja_listener_t listener = 0, listening = hub_listen(&hub);
  kja_address_t address = 0;
  kja_promise_t connecting = 0;
  CHECK_OK(kja_listener_from_callbacks(hub.runtime, &accepts, &listener));
  CHECK_OK(kja_address_from_callbacks(hub.runtime, &connects, &address));
  CHECK_OK(kja_address_connect_start(address, &connecting));
  kja_promise_t accepting = accept_start(listener), other = accept_start(listening);
  let_loop_rest(hub.runtime);
  CHECK_OK(kja_runtime_shutdown(hub.runtime));
  CHECK_U64(count_get(&hub.destroyed), 3);
  CHECK_IS(kja_promise_release(connecting), KJA_ERR_BAD_HANDLE);
  CHECK_IS(kja_promise_release(accepting), KJA_ERR_BAD_HANDLE);
  CHECK_IS(kja_promise_release(other), KJA_ERR_BAD_HANDLE);
  CHECK_OK(kja_runtime_release(hub.runtime));
}

int main(void) {
  RUN_IN_BOTH(an_address_is_connected_to_and_listened_on);
  RUN_IN_BOTH(a_listener_loses_nothing_and_is_joined);
  RUN_IN_BOTH(wrong_results_and_missing_callbacks_are_told);
  RUN_IN_BOTH(a_network_parses_texts_of_its_own);
  RUN_IN_BOTH(a_network_and_a_listener_of_the_programs_own_are_wrapped);
  RUN_IN_BOTH(http_is_served_and_asked_for_over_streams_of_the_programs_own);
  RUN_IN_BOTH(a_shutdown_ends_accepts_connects_and_parses);
  return check_done();
}
