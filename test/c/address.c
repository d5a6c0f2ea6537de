#include "loopback.h"

static void expect_address(kja_address_t address, const char *text, uint16_t port) {
  char got[300];
  size_t length = 0;
  uint16_t got_port = 0;
  CHECK_OK(kja_address_text(address, got, sizeof got, &length));
  if (!CHECK(strcmp(got, text) == 0)) fprintf(stderr, "  %s, not %s\n", got, text);
  CHECK_U64(length, strlen(text));
  CHECK_OK(kja_address_port(address, &got_port));
  CHECK_U64(got_port, port);
}

static kja_status_t parse_status(kja_runtime_t runtime, const char *text, size_t length, uint16_t port) {
  kja_promise_t parsing = 0;
  kja_status_t status = kja_address_parse_start(runtime, text, length, port, &parsing);
  if (status != KJA_OK) return status;
  status = kja_promise_await(parsing);
  CHECK_OK(kja_promise_release(parsing));
  return status;
}

/* parity: NET-01, NET-02, NET-15 */
static void literals_are_parsed_with_their_port_or_the_default(void) {
  static const struct {
    const char *text;
    uint16_t default_port;
    const char *shown;
    uint16_t port;
  } cases[] = {
      {"127.0.0.1", 80, "127.0.0.1:80", 80},
      {"127.0.0.1:8080", 80, "127.0.0.1:8080", 8080},
      {"127.0.0.1:0", 80, "127.0.0.1:0", 0},
      {"127.0.0.1:65535", 0, "127.0.0.1:65535", 65535},
      {"[::1]:443", 80, "[::1]:443", 443},
      {"[::1]", 80, "[::1]:80", 80},
      {"::1", 80, "[::1]:80", 80},
      {"[2001:db8::5]:1", 0, "[2001:db8::5]:1", 1},
  };
  kja_runtime_t runtime = runtime_open();
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    kja_address_t address = address_of(runtime, cases[i].text, cases[i].default_port);
    expect_address(address, cases[i].shown, cases[i].port);
    CHECK_OK(kja_address_release(address));
  }
  runtime_close(runtime);
}

/* parity: NET-02 */
static void a_wildcard_listens_everywhere(void) {
  static const char *const wildcards[] = {"*:0", "*"};
  kja_runtime_t runtime = runtime_open();
  for (int i = 0; i < 2; i++) {
    kja_address_t address = address_of(runtime, wildcards[i], 0);
    kja_listener_t listener = 0;
    CHECK_OK(kja_address_listen(address, 0, &listener));
    kja_promise_t accepting = accept_start(listener);
    int fd = plain_connect(port_of(listener));
    CHECK_OK(kja_connection_release(handle_from(accepting)));
    close(fd);
    CHECK_OK(kja_listener_release(listener));
    CHECK_OK(kja_address_release(address));
  }
  runtime_close(runtime);
}

/* parity: NET-02, NET-03 */
static void a_host_name_is_resolved(void) {
  kja_runtime_t runtime = runtime_open();
  uint16_t port = 0;
  kja_address_t address = address_of(runtime, "localhost:7", 0);
  CHECK_OK(kja_address_port(address, &port));
  CHECK_U64(port, 7);
  CHECK_OK(kja_address_release(address));
  address = address_of(runtime, "localhost", 9);
  CHECK_OK(kja_address_port(address, &port));
  CHECK_U64(port, 9);
  CHECK_OK(kja_address_release(address));
  runtime_close(runtime);
}

/* parity: NET-02 */
static void malformed_addresses_are_refused(void) {
  static const char *const malformed[] = {
      "",           "127.0.0.1:65536", "127.0.0.1:-1", "127.0.0.1:x", "127.0.0.1:",  "127.0.0.1:99999999999999999999",
      "[::1",       "[::1]x",          "[::1]:",       "[]:1",        "[127.0.0.1",  ":80",
      "::1::2",     "[::g]:1",         "*:x",          "*:70000",     "bad name:80", "a:b:c",
  };
  kja_runtime_t runtime = runtime_open();
  for (size_t i = 0; i < sizeof malformed / sizeof *malformed; i++) {
    kja_status_t status = parse_status(runtime, malformed[i], strlen(malformed[i]), 1);
    if (!CHECK(status == KJA_ERR_INVALID_ARGUMENT || status == KJA_ERR_FAILED))
      fprintf(stderr, "  \"%s\": %s\n", malformed[i], kja_status_name(status));
  }
  runtime_close(runtime);
}

static void text_that_is_no_text_is_refused(void) {
  kja_runtime_t runtime = runtime_open();
  static char endless[1 << 20];
  memset(endless, 'a', sizeof endless);
  CHECK_IS(parse_status(runtime, "\xff\xfe:80", 5, 1), KJA_ERR_INVALID_ARGUMENT);
  CHECK_IS(parse_status(runtime, "\xc3", 1, 1), KJA_ERR_INVALID_ARGUMENT);
  CHECK_IS(parse_status(runtime, "local\0host:80", 13, 1), KJA_ERR_INVALID_ARGUMENT);
  CHECK_IS(parse_status(runtime, endless, sizeof endless, 1), KJA_ERR_INVALID_ARGUMENT);
  CHECK(parse_status(runtime, endless, 300, 1) != KJA_OK);
  runtime_close(runtime);
}

/* parity: NET-03 */
static void a_name_that_does_not_exist_is_an_error(void) {
  kja_runtime_t runtime = runtime_open();
  const char *name = "no-such-host.invalid:80";
  CHECK(parse_status(runtime, name, strlen(name), 0) != KJA_OK);
  CHECK(kja_last_error_text(NULL, 0) > 0);
  runtime_close(runtime);
}

/* The lookup itself cannot be interrupted: it may outlive its runtime by a moment. */
/* parity: NET-03 */
static void a_lookup_may_be_dropped(void) {
  unsigned fds = open_fds();
  kja_runtime_t runtime = runtime_open();
  for (int i = 0; i < 10; i++) {
    kja_promise_t parsing = 0;
    CHECK_OK(kja_address_parse_start(runtime, "localhost:1", 11, 0, &parsing));
    CHECK_OK(kja_promise_release(parsing));
  }
  runtime_close(runtime);
  CHECK(fds_come_back_to(fds));
}

/* parity: NET-15 */
static void text_is_cut_to_the_buffer_and_its_full_length_told(void) {
  kja_runtime_t runtime = runtime_open();
  kja_address_t address = address_of(runtime, "127.0.0.1:80", 0);
  char text[8];
  size_t length = 0;
  memset(text, '#', sizeof text);
  CHECK_OK(kja_address_text(address, text, 5, &length));
  CHECK_U64(length, 12);
  CHECK(memcmp(text, "127.\0###", 8) == 0);
  length = 0;
  CHECK_OK(kja_address_text(address, NULL, 0, &length));
  CHECK_U64(length, 12);
  CHECK_OK(kja_address_release(address));
  runtime_close(runtime);
}

/* parity: NET-01, NET-11 */
static void connecting_to_no_port_fails(void) {
  kja_runtime_t runtime = runtime_open();
  kja_address_t address = address_of(runtime, "127.0.0.1", 0);
  kja_promise_t connecting = 0;
  kja_status_t status = kja_address_connect_start(address, &connecting);
  if (status == KJA_OK) {
    CHECK(kja_promise_await(connecting) != KJA_OK);
    CHECK_OK(kja_promise_release(connecting));
  }
  CHECK_OK(kja_address_release(address));
  runtime_close(runtime);
}

int main(void) {
  RUN_IN_BOTH(literals_are_parsed_with_their_port_or_the_default);
  RUN_IN_BOTH(a_wildcard_listens_everywhere);
  RUN_IN_BOTH(a_host_name_is_resolved);
  RUN_IN_BOTH(malformed_addresses_are_refused);
  RUN_IN_BOTH(text_that_is_no_text_is_refused);
  RUN_IN_BOTH(a_name_that_does_not_exist_is_an_error);
  RUN_IN_BOTH(a_lookup_may_be_dropped);
  RUN_IN_BOTH(text_is_cut_to_the_buffer_and_its_full_length_told);
  RUN_IN_BOTH(connecting_to_no_port_fails);
  return check_done();
}
