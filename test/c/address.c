#include "names.h"

#include <net/if.h>
#include <netdb.h>

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
      {"*", 80, "*:80", 80},
      {"*:81", 80, "*:81", 81},
      {"fe80::1%1", 80, "[fe80::1%1]:80", 80},
      {"[fe80::1%1]:443", 80, "[fe80::1%1]:443", 443},
      {"127.0.0.1,[::1]:443", 80, "127.0.0.1:80,[::1]:443", 80},
      {"unix:/run/x", 80, "unix:/run/x", 0},
      {"unix:a,b c:d", 80, "unix:a,b c:d", 0},
  };
  kja_runtime_t runtime = runtime_open();
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    kja_address_t address = address_of(runtime, cases[i].text, cases[i].default_port);
    expect_address(address, cases[i].shown, cases[i].port);
    CHECK_OK(kja_address_release(address));
    /* What is shown is parsed back. */
    address = address_of(runtime, cases[i].shown, 0);
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
      "a:+1",       "a:x/y",           "fe80::1%",     "[fe80::1%]:1", "[::1%nowhere]:1", "fe80::1%nowhere",
      "1.1.1.1,",   ",1.1.1.1",        "1.1.1.1,*",    "1.1.1.1,localhost", "name:no-such-service-at-all", "*:no-such-service-at-all",
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

/* parity: NET-02 */
static void services_have_names(void) {
  static const char *const texts[] = {"127.0.0.1:http", "localhost:http", "[::1]:http", "*:http"};
  kja_runtime_t runtime = runtime_open();
  for (int i = 0; i < 4; i++) {
    kja_address_t address = address_of(runtime, texts[i], 1);
    uint16_t port = 0;
    CHECK_OK(kja_address_port(address, &port));
    CHECK_U64(port, 80);
    CHECK_OK(kja_address_release(address));
  }
  runtime_close(runtime);
}

/* parity: NET-02 */
static void services_of_datagrams_have_names_too(void) {
  static const char *const texts[] = {"127.0.0.1:tftp", "localhost:tftp", "[::1]:tftp", "*:tftp"};
  struct servent *service = getservbyname("tftp", "udp");
  if (!CHECK(service != NULL)) return;
  /* Read before the next call, which uses the same memory. */
  uint16_t want = ntohs((uint16_t)service->s_port);
  CHECK(!getservbyname("tftp", "tcp"));
  kja_runtime_t runtime = runtime_open();
  for (int i = 0; i < 4; i++) {
    uint16_t port = 0;
    if (!CHECK_OK(parse_status(runtime, texts[i], strlen(texts[i]), 1))) continue;
    kja_address_t address = address_of(runtime, texts[i], 1);
    CHECK_OK(kja_address_port(address, &port));
    CHECK_U64(port, want);
    CHECK_OK(kja_address_release(address));
  }
  runtime_close(runtime);
}

/* parity: NET-02 */
static void scopes_have_names(void) {
  kja_runtime_t runtime = runtime_open();
  char name[IF_NAMESIZE] = "", text[80], want[80];
  CHECK(if_indextoname(1, name) != NULL);
  snprintf(text, sizeof text, "[fe80::1%%%s]:7", name);
  kja_address_t address = address_of(runtime, text, 0);
  snprintf(want, sizeof want, "[fe80::1%%1]:7");
  expect_address(address, want, 7);
  CHECK_OK(kja_address_release(address));
  runtime_close(runtime);
}

/* parity: NET-15 */
static void a_clone_is_the_same_address(void) {
  static const char *const texts[] = {"127.0.0.1:80", "*:1", "unix:/x", "127.0.0.1:1,[::1]:2"};
  kja_runtime_t runtime = runtime_open();
  for (int i = 0; i < 4; i++) {
    kja_address_t address = address_of(runtime, texts[i], 0), clone = 0;
    CHECK_OK(kja_address_clone(address, &clone));
    CHECK(clone != address);
    CHECK_OK(kja_address_release(address));
    expect_address_text(clone, texts[i]);
    CHECK_OK(kja_address_release(clone));
  }
  runtime_close(runtime);
}

/* parity: NET-15 */
static void the_family_can_be_seen_and_chosen(void) {
  kja_runtime_t runtime = runtime_open();
  kja_address_t all = address_of(runtime, "127.0.0.1:1,[::1]:2,127.0.0.2:3", 0), one = 0;
  static const uint32_t families[] = {KJA_FAMILY_IPV4, KJA_FAMILY_IPV6, KJA_FAMILY_IPV4};
  static const char *const texts[] = {"127.0.0.1:1", "[::1]:2", "127.0.0.2:3"};
  size_t count = 0;
  uint32_t family = 99;
  CHECK_OK(kja_address_family(all, &family));
  CHECK_U64(family, KJA_FAMILY_IPV4);
  CHECK_OK(kja_address_count(all, &count));
  CHECK_U64(count, 3);
  for (size_t i = 0; i < count; i++) {
    CHECK_OK(kja_address_get(all, i, &one));
    expect_address_text(one, texts[i]);
    CHECK_OK(kja_address_family(one, &family));
    CHECK_U64(family, families[i]);
    CHECK_OK(kja_address_release(one));
  }
  CHECK_IS(kja_address_get(all, 3, &one), KJA_ERR_INVALID_ARGUMENT);
  CHECK_U64(one, 0);
  CHECK_OK(kja_address_release(all));
  all = address_of(runtime, "*:5", 0);
  CHECK_OK(kja_address_count(all, &count));
  CHECK_U64(count, 1);
  CHECK_OK(kja_address_get(all, 0, &one));
  expect_address_text(one, "*:5");
  CHECK_OK(kja_address_release(one));
  CHECK_OK(kja_address_release(all));
  runtime_close(runtime);
}

/* parity: NET-04, STRM-18 */
static void raw_addresses_go_in_and_come_out(void) {
  static const char *const texts[] = {"127.0.0.1:80", "[::1]:65535", "[fe80::1%1]:7", "unix:/run/x"};
  kja_runtime_t runtime = runtime_open();
  for (int i = 0; i < 4; i++) {
    kja_address_t address = address_of(runtime, texts[i], 0), back = 0;
    struct sockaddr_storage raw;
    size_t size = 0;
    memset(&raw, 0xee, sizeof raw);
    CHECK_OK(kja_address_sockaddr(address, &raw, sizeof raw, &size));
    CHECK(size > 2 && size < sizeof raw);
    CHECK_OK(kja_address_from_sockaddr(runtime, &raw, size, &back));
    expect_address_text(back, texts[i]);
    CHECK_OK(kja_address_release(back));
    CHECK_IS(kja_address_from_sockaddr(runtime, &raw, 1, &back), KJA_ERR_INVALID_ARGUMENT);
    CHECK_U64(back, 0);
    size_t whole = 0;
    CHECK_OK(kja_address_sockaddr(address, NULL, 0, &whole));
    CHECK_U64(whole, size);
    CHECK_IS(kja_address_sockaddr(address, NULL, 1, &whole), KJA_ERR_INVALID_ARGUMENT);
    CHECK_OK(kja_address_release(address));
  }
  struct sockaddr_storage strange;
  kja_address_t address = 1;
  memset(&strange, 0xee, sizeof strange);
  CHECK_IS(kja_address_from_sockaddr(runtime, &strange, sizeof strange, &address), KJA_ERR_UNIMPLEMENTED);
  CHECK_U64(address, 0);
  CHECK_IS(kja_address_from_sockaddr(runtime, NULL, 16, &address), KJA_ERR_INVALID_ARGUMENT);
  runtime_close(runtime);
}

/* parity: NET-03 */
static void a_name_that_does_not_exist_is_an_error(void) {
  kja_runtime_t runtime = runtime_open();
  const char *name = "no-such-host.invalid:80";
  CHECK_IS(parse_status(runtime, name, strlen(name), 0), KJA_ERR_FAILED);
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

int main(void) {
  RUN_IN_BOTH(literals_are_parsed_with_their_port_or_the_default);
  RUN_IN_BOTH(a_wildcard_listens_everywhere);
  RUN_IN_BOTH(a_host_name_is_resolved);
  RUN_IN_BOTH(malformed_addresses_are_refused);
  RUN_IN_BOTH(text_that_is_no_text_is_refused);
  RUN_IN_BOTH(services_have_names);
  RUN_IN_BOTH(services_of_datagrams_have_names_too);
  RUN_IN_BOTH(scopes_have_names);
  RUN_IN_BOTH(a_clone_is_the_same_address);
  RUN_IN_BOTH(the_family_can_be_seen_and_chosen);
  RUN_IN_BOTH(raw_addresses_go_in_and_come_out);
  RUN_IN_BOTH(a_name_that_does_not_exist_is_an_error);
  RUN_IN_BOTH(a_lookup_may_be_dropped);
  RUN_IN_BOTH(text_is_cut_to_the_buffer_and_its_full_length_told);
  return check_done();
}
