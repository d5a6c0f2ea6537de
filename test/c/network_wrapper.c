/* Wrappers: of connections, addresses and networks. */
#include "greeter.h"
#include "messages.h"

/* parity: NET-22, TLS-12 */
static void both_ends_of_a_connection_are_wrapped(void) {
  greeter_t greeter;
  greeter_open(&greeter, 0);
  pair_t pair = pair_open(greeter.runtime);
  kja_promise_t client = wrap_client(&greeter, pair.client, "example.org");
  CHECK_IS(kja_connection_close(pair.client), KJA_ERR_BAD_HANDLE);
  let_loop_rest(greeter.runtime);
  CHECK_IS(kja_promise_status(client), KJA_ERR_PENDING);
  CHECK(strcmp(greeter.host, "example.org") == 0);
  kja_promise_t server = wrap_server(&greeter, pair.server);
  pair.client = handle_from(client);
  pair.server = handle_from(server);
  expect_connected(pair.client, pair.server);
  CHECK_U64(count_get(&greeter.clients), 1);
  CHECK_U64(count_get(&greeter.servers), 1);
  pair_release(pair);
  greeter_close(&greeter);
}

/* parity: NET-22, TLS-12 */
static void a_handshake_that_fails_gives_no_connection(void) {
  greeter_t greeter;
  greeter_open(&greeter, 0);
  pair_t pair = pair_open(greeter.runtime);
  kja_promise_t client = wrap_client(&greeter, pair.client, "");
  write_text(pair.server, "x");
  expect_error_text(client, KJA_ERR_FAILED, "no greeting");
  expect_text(read_start(pair.server, 1, 1), "c");
  expect_text(read_start(pair.server, 1, 1), "");
  CHECK_OK(kja_connection_release(pair.server));
  pair = pair_open(greeter.runtime);
  kja_promise_t server = wrap_server(&greeter, pair.server);
  CHECK_OK(kja_connection_release(pair.client));
  expect(server, KJA_ERR_DISCONNECTED);
  CHECK_U64(count_get(&greeter.failures), 0);
  greeter_close(&greeter);
}

/* parity: NET-22 */
static void a_cancelled_handshake_closes_the_connection(void) {
  greeter_t greeter;
  greeter_open(&greeter, 0);
  for (int begun = 0; begun < 2; begun++) {
    pair_t pair = pair_open(greeter.runtime);
    kja_promise_t client = wrap_client(&greeter, pair.client, "");
    if (begun) {
      expect_text(read_start(pair.server, 1, 1), "c");
    }
    CHECK_OK(kja_promise_release(client));
    kja_promise_t reading = 0;
    CHECK_OK(kja_connection_read_all_start(pair.server, 10, &reading));
    CHECK_OK(kja_promise_await(reading));
    CHECK_OK(kja_promise_release(reading));
    CHECK_OK(kja_connection_release(pair.server));
  }
  greeter_close(&greeter);
}

static void refuse_client(void *ctx, kja_call_t call, kja_connection_t connection, const char *host, size_t host_len) {
  count_add((count_t *)ctx, 1);
  CHECK(host_len == 4 && memcmp(host, "name", 4) == 0);
  CHECK_OK(kja_connection_release(connection));
  CHECK_OK(kja_call_return_error(call, KJA_ERR_OVERLOADED, 0, "refused", 7));
}
static void forget_server(void *ctx, kja_call_t call, kja_connection_t connection) {
  count_add((count_t *)ctx, 1);
  (void)call;
  CHECK_OK(kja_connection_release(connection));
}
static void keep_server(void *ctx, kja_call_t call, kja_connection_t connection) {
  count_add((count_t *)ctx, 1);
  CHECK_OK(kja_call_return_handle(call, connection));
  CHECK_OK(kja_connection_release(connection));
}

/* parity: NET-22 */
static void a_callback_may_refuse_at_once_and_has_to_give_a_connection(void) {
  kja_runtime_t runtime = runtime_open();
  kja_network_wrapper_options_t options;
  count_t calls = {0};
  memset(&options, 0, sizeof options);
  options.size = sizeof options;
  options.wrap_client = refuse_client;
  options.wrap_server = forget_server;
  options.ctx = &calls;
  greeter_t wrap;
  wrap.wrapper = wrapper_new(runtime, &options);
  pair_t pair = pair_open(runtime);
  expect_error_text(wrap_client(&wrap, pair.client, "name"), KJA_ERR_OVERLOADED, "refused");
  expect(wrap_server(&wrap, pair.server), KJA_ERR_WRONG_TYPE);
  CHECK_U64(count_get(&calls), 2);
  CHECK_OK(kja_network_wrapper_release(wrap.wrapper));

  options.wrap_client = NULL;
  options.wrap_server = keep_server;
  wrap.wrapper = wrapper_new(runtime, &options);
  pair = pair_open(runtime);
  kja_connection_t same = handle_from(wrap_server(&wrap, pair.server));
  expect_connected(pair.client, same);
  expect(wrap_client(&wrap, pair.client, "name"), KJA_ERR_UNIMPLEMENTED);
  expect_text(read_start(same, 1, 1), "");
  CHECK_U64(count_get(&calls), 3);
  CHECK_OK(kja_connection_release(same));
  CHECK_OK(kja_network_wrapper_release(wrap.wrapper));
  runtime_close(runtime);
}

/* parity: NET-22 */
static void its_options_are_checked_and_its_context_is_freed(void) {
  greeter_t greeter;
  memset(&greeter, 0, sizeof greeter);
  kja_network_wrapper_options_t options = greeter_options(&greeter);
  kja_network_wrapper_t wrapper = 1;
  kja_runtime_t runtime = runtime_open();
  CHECK_IS(kja_network_wrapper_new(runtime, NULL, &wrapper), KJA_ERR_INVALID_ARGUMENT);
  CHECK_U64(wrapper, 0);
  options.size--;
  CHECK_IS(kja_network_wrapper_new(runtime, &options, &wrapper), KJA_ERR_INVALID_ARGUMENT);
  CHECK_U64(count_get(&greeter.destroyed), 0);
  options.size++;
  options.name = "\xff";
  options.name_len = 1;
  CHECK_IS(kja_network_wrapper_new(runtime, &options, &wrapper), KJA_ERR_INVALID_ARGUMENT);
  CHECK_U64(count_get(&greeter.destroyed), 1);
  options.name = NULL;
  CHECK_IS(kja_network_wrapper_new(0, &options, &wrapper), KJA_ERR_BAD_HANDLE);
  CHECK_U64(count_get(&greeter.destroyed), 2);
  /* It lives as long as what was wrapped. */
  wrapper = wrapper_new(runtime, &options);
  kja_network_t all = 0, network = 0;
  CHECK_OK(kja_network_new(runtime, &all));
  CHECK_OK(kja_network_wrapper_wrap_network(wrapper, all, &network));
  CHECK_OK(kja_network_release(all));
  CHECK_OK(kja_network_wrapper_release(wrapper));
  CHECK_U64(count_get(&greeter.destroyed), 2);
  CHECK_OK(kja_network_release(network));
  CHECK_U64(count_get(&greeter.destroyed), 3);
  runtime_close(runtime);
}

/* parity: NET-22 */
static void everything_is_of_one_runtime(void) {
  greeter_t greeter;
  kja_runtime_t other = runtime_open();
  greeter_open(&greeter, 0);
  pair_t pair = pair_open(other);
  kja_listener_t listener = listen_on_loopback(other);
  kja_address_t address = address_of(other, "127.0.0.1:1", 0);
  kja_network_t network = 0;
  uint64_t out = 1;
  CHECK_OK(kja_network_new(other, &network));
  CHECK_IS(kja_network_wrapper_wrap_client_start(greeter.wrapper, pair.client, "x", 1, &out), KJA_ERR_INVALID_ARGUMENT);
  CHECK_IS(kja_network_wrapper_wrap_server_start(greeter.wrapper, pair.server, &out), KJA_ERR_INVALID_ARGUMENT);
  CHECK_IS(kja_network_wrapper_wrap_listener(greeter.wrapper, listener, &out), KJA_ERR_INVALID_ARGUMENT);
  CHECK_IS(kja_network_wrapper_wrap_address(greeter.wrapper, address, "x", 1, &out), KJA_ERR_INVALID_ARGUMENT);
  CHECK_IS(kja_network_wrapper_wrap_network(greeter.wrapper, network, &out), KJA_ERR_INVALID_ARGUMENT);
  CHECK_IS(kja_network_wrapper_wrap_client_start(greeter.wrapper, pair.client, "\xff", 1, &out), KJA_ERR_INVALID_ARGUMENT);
  CHECK_U64(out, 0);
  expect_connected(pair.client, pair.server);
  pair_release(pair);
  CHECK_OK(kja_listener_release(listener));
  CHECK_OK(kja_address_release(address));
  CHECK_OK(kja_network_release(network));
  greeter_close(&greeter);
  runtime_close(other);
}

/* parity: NET-22, TLS-15 */
static void an_address_connects_as_client_and_listens_as_server(void) {
  greeter_t greeter;
  greeter_open(&greeter, 0);
  kja_address_t inner = address_of(greeter.runtime, "127.0.0.1:0", 0), found = 0;
  kja_address_t address = wrap_address(&greeter, inner, "example.org");
  kja_listener_t listener = 0;
  kja_promise_t connecting = 0;
  expect_address_text(address, "wrapped:127.0.0.1:0");
  CHECK_OK(kja_address_listen(address, 0, &listener));
  CHECK_OK(kja_address_release(address));
  CHECK_OK(kja_address_release(inner));
  kja_promise_t accepting = accept_start(listener);
  CHECK_OK(kja_listener_local_address(listener, &found));
  address = wrap_address(&greeter, found, "example.com");
  CHECK_OK(kja_address_connect_start(address, &connecting));
  CHECK_OK(kja_address_release(address));
  CHECK_OK(kja_address_release(found));
  pair_t pair;
  pair.client = handle_from(connecting);
  pair.server = handle_from(accepting);
  expect_connected(pair.client, pair.server);
  CHECK(strcmp(greeter.host, "example.com") == 0);
  pair_release(pair);
  CHECK_OK(kja_listener_release(listener));
  greeter_close(&greeter);
}

/* parity: NET-22, TLS-15 */
static void an_address_tells_what_the_inner_one_does_and_is_for_no_other_socket(void) {
  greeter_t greeter, named;
  greeter_open(&greeter, 0);
  memset(&named, 0, sizeof named);
  kja_network_wrapper_options_t options = greeter_options(&named);
  options.name = "tls+";
  options.name_len = 3;
  named.wrapper = wrapper_new(greeter.runtime, &options);
  kja_address_t inner = address_of(greeter.runtime, "127.0.0.1:7,[::1]:8", 0), one = 0;
  kja_address_t once = wrap_address(&named, inner, "x"), address = wrap_address(&greeter, once, "x");
  kja_datagram_t port = port_on(greeter.runtime, "127.0.0.1:0"), none = 1;
  kja_promise_t sending = 1;
  uint16_t number = 0;
  size_t size = 0;
  expect_address_text(address, "wrapped:tls:127.0.0.1:7,[::1]:8");
  CHECK_IS(parse_status(greeter.runtime, "wrapped:127.0.0.1:7", 19, 80), KJA_ERR_INVALID_ARGUMENT);
  CHECK_OK(kja_address_port(address, &number));
  CHECK_U64(number, 7);
  CHECK_OK(kja_address_count(address, &size));
  CHECK_U64(size, 2);
  CHECK_OK(kja_address_get(address, 1, &one));
  expect_address_text(one, "wrapped:tls:[::1]:8");
  CHECK_IS(kja_address_bind_datagram(address, &none), KJA_ERR_UNIMPLEMENTED);
  CHECK_IS(kja_datagram_send_start(port, "x", 1, address, &sending), KJA_ERR_UNIMPLEMENTED);
  CHECK_OK(kja_datagram_release(port));
  kja_address_t addresses[4] = {inner, once, address, one};
  for (int i = 0; i < 4; i++) CHECK_OK(kja_address_release(addresses[i]));
  /* What the inner address refuses stays refused. */
  inner = address_of(greeter.runtime, "*:0", 0);
  address = wrap_address(&greeter, inner, "x");
  CHECK_IS(kja_address_connect_start(address, &sending), KJA_ERR_INVALID_ARGUMENT);
  CHECK_OK(kja_address_release(inner));
  CHECK_OK(kja_address_release(address));
  CHECK_OK(kja_network_wrapper_release(named.wrapper));
  greeter_close(&greeter);
}

/* How parsing ends; the host that a connect would expect goes to `greeter`. */
static kja_status_t parse_in(kja_network_t network, const char *text, kja_address_t *address) {
  kja_promise_t parsing = 0;
  kja_status_t status = kja_network_parse_address_start(network, text, strlen(text), 0, &parsing);
  if (status == KJA_OK) *address = handle_from(parsing);
  return status;
}

/* parity: NET-22, TLS-16 */
static void a_network_expects_the_host_of_the_text(void) {
  greeter_t greeter;
  greeter_open(&greeter, 0);
  kja_network_t all = 0, network = 0, part = 0;
  kja_slice_t rule = {"127.0.0.0/8", 11};
  CHECK_OK(kja_network_new(greeter.runtime, &all));
  CHECK_OK(kja_network_wrapper_wrap_network(greeter.wrapper, all, &network));
  CHECK_OK(kja_network_restrict(network, &rule, 1, NULL, 0, &part));
  kja_listener_t inner = listen_on(greeter.runtime, "127.0.0.1:0"), listener = wrap_listener(&greeter, inner);
  static const char *const hosts[2] = {"127.0.0.1", "localhost"};
  for (int i = 0; i < 2; i++) {
    char text[60];
    kja_address_t address = 0;
    kja_promise_t connecting = 0, accepting = accept_start(listener);
    pair_t pair;
    snprintf(text, sizeof text, "%s:%u", hosts[i], (unsigned)port_of(listener));
    CHECK_OK(parse_in(part, text, &address));
    CHECK_OK(kja_address_connect_start(address, &connecting));
    pair.client = handle_from(connecting);
    pair.server = handle_from(accepting);
    expect_connected(pair.client, pair.server);
    CHECK(strcmp(greeter.host, hosts[i]) == 0);
    pair_release(pair);
    CHECK_OK(kja_address_release(address));
  }
  CHECK_OK(kja_listener_release(listener));
  CHECK_OK(kja_listener_release(inner));
  CHECK_OK(kja_network_release(all));
  CHECK_OK(kja_network_release(network));
  CHECK_OK(kja_network_release(part));
  greeter_close(&greeter);
}

/* parity: NET-22, TLS-16 */
static void a_network_refuses_what_has_no_name(void) {
  greeter_t greeter;
  greeter_open(&greeter, 0);
  kja_network_t all = 0, network = 0, part = 0;
  kja_address_t address = 0;
  struct sockaddr_in name;
  kja_slice_t rule = {"10.0.0.0/8", 10};
  kja_promise_t connecting = 0;
  memset(&name, 0, sizeof name);
  name.sin_family = AF_INET;
  CHECK_OK(kja_network_new(greeter.runtime, &all));
  CHECK_OK(kja_network_wrapper_wrap_network(greeter.wrapper, all, &network));
  CHECK_IS(parse_in(network, "unix:/run/x", &address), KJA_ERR_INVALID_ARGUMENT);
  CHECK_IS(parse_in(network, "127.0.0.1:1,[::1]:1", &address), KJA_ERR_INVALID_ARGUMENT);
  CHECK_IS(parse_in(network, "a b", &address), KJA_ERR_INVALID_ARGUMENT);
  CHECK_IS(kja_network_address_from_sockaddr(network, &name, sizeof name, &address), KJA_ERR_UNIMPLEMENTED);
  CHECK_OK(parse_in(network, "[::1]:9", &address));
  expect_address_text(address, "wrapped:[::1]:9");
  CHECK_OK(kja_address_release(address));
  CHECK_OK(parse_in(network, "*:9", &address));
  expect_address_text(address, "wrapped:*:9");
  CHECK_OK(kja_address_release(address));
  /* Its rules go on. */
  CHECK_OK(kja_network_restrict(network, &rule, 1, NULL, 0, &part));
  CHECK_OK(parse_in(part, "127.0.0.1:9", &address));
  bool yes = true;
  CHECK_OK(kja_network_allows(part, address, &yes));
  CHECK(!yes);
  CHECK_OK(kja_address_connect_start(address, &connecting));
  expect(connecting, KJA_ERR_FAILED);
  CHECK_U64(count_get(&greeter.clients), 0);
  CHECK_OK(kja_address_release(address));
  CHECK_OK(kja_network_release(all));
  CHECK_OK(kja_network_release(network));
  CHECK_OK(kja_network_release(part));
  greeter_close(&greeter);
}

/* parity: NET-22 */
static void a_shutdown_ends_what_is_under_way(void) {
  greeter_t greeter;
  greeter_open(&greeter, 0);
  pair_t pair = pair_open(greeter.runtime);
  kja_listener_t inner = listen_on_loopback(greeter.runtime), listener = wrap_listener(&greeter, inner);
  kja_promise_t accepting = accept_start(listener), client = wrap_client(&greeter, pair.client, "");
  int fd = plain_connect(port_of(listener));
  expect_text(read_start(pair.server, 1, 1), "c");
  let_loop_rest(greeter.runtime);
  CHECK_OK(kja_runtime_shutdown(greeter.runtime));
  CHECK_U64(count_get(&greeter.destroyed), 1);
  plain_expect_end(fd);
  close(fd);
  CHECK_IS(kja_promise_release(accepting), KJA_ERR_BAD_HANDLE);
  CHECK_IS(kja_promise_release(client), KJA_ERR_BAD_HANDLE);
  CHECK_IS(kja_network_wrapper_release(greeter.wrapper), KJA_ERR_BAD_HANDLE);
  CHECK_OK(kja_runtime_release(greeter.runtime));
}

int main(void) {
  RUN_IN_BOTH(both_ends_of_a_connection_are_wrapped);
  RUN_IN_BOTH(a_handshake_that_fails_gives_no_connection);
  RUN_IN_BOTH(a_cancelled_handshake_closes_the_connection);
  RUN_IN_BOTH(a_callback_may_refuse_at_once_and_has_to_give_a_connection);
  RUN_IN_BOTH(its_options_are_checked_and_its_context_is_freed);
  RUN_IN_BOTH(everything_is_of_one_runtime);
  RUN_IN_BOTH(an_address_connects_as_client_and_listens_as_server);
  RUN_IN_BOTH(an_address_tells_what_the_inner_one_does_and_is_for_no_other_socket);
  RUN_IN_BOTH(a_network_expects_the_host_of_the_text);
  RUN_IN_BOTH(a_network_refuses_what_has_no_name);
  RUN_IN_BOTH(a_shutdown_ends_what_is_under_way);
  return check_done();
}
