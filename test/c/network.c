#include "names.h"

/* The part of a network with rules, each list separated by spaces. */
static kja_status_t restrict_with(kja_network_t network, const char *allow, const char *deny, kja_network_t *part) {
  kja_slice_t rules[2][8];
  size_t count[2] = {0, 0};
  const char *texts[2] = {allow, deny};
  for (int list = 0; list < 2; list++)
    for (const char *text = texts[list]; *text;) {
      size_t length = strcspn(text, " ");
      rules[list][count[list]].data = text;
      rules[list][count[list]++].size = length;
      text += length + (text[length] == ' ');
    }
  return kja_network_restrict(network, rules[0], count[0], rules[1], count[1], part);
}
static kja_network_t network_of(kja_runtime_t runtime, const char *allow, const char *deny) {
  kja_network_t all = 0, part = 0;
  CHECK_OK(kja_network_new(runtime, &all));
  CHECK_OK(restrict_with(all, allow, deny, &part));
  CHECK_OK(kja_network_release(all));
  return part;
}
static kja_address_t address_in(kja_network_t network, const char *text, uint16_t port) {
  kja_promise_t parsing = 0;
  CHECK_OK(kja_network_parse_address_start(network, text, strlen(text), port, &parsing));
  return handle_from(parsing);
}
static bool allows(kja_network_t network, const char *text) {
  kja_address_t address = address_in(network, text, 80);
  bool allowed = false;
  CHECK_OK(kja_network_allows(network, address, &allowed));
  CHECK_OK(kja_address_release(address));
  return allowed;
}

static const char *const PEERS[] = {"127.0.0.1", "0.0.0.0", "::1", "::", "::ffff:127.0.0.1", "10.1.1.1", "172.31.0.1",
                                    "192.168.0.1", "100.64.0.1", "169.254.0.1", "fd00::1", "fe80::1", "8.8.8.8", "2600::1",
                                    "224.0.0.1", "ff02::1", "255.255.255.255", "unix:/x"};
enum { PEER_COUNT = sizeof PEERS / sizeof *PEERS };

/* A letter for each of PEERS: y where it is allowed. */
static const struct {
  const char *allow, *deny, *allowed;
} RULES[] = {
    {"", "", "------------------"},
    {"local", "", "yyyyy-------------"}, /* without unix sockets, whatever KJ's header says */
    {"private", "", "yyyyyyyyyyyy------"},
    {"network", "", "-----yyyyyyyyy----"},
    {"public", "", "------------yy----"},
    {"network local", "private", "yyyyy-------yy----"},
    {"private", "local", "-----yyyyyyy------"},
    {"unix", "", "-----------------y"},
    {"unix-abstract", "", "------------------"},
    {"unix network", "unix", "-----yyyyyyyyy----"},
    {"0.0.0.0/0 ::/0 unix", "", "yyyyyyyyyyyyyyyyyy"},
    {"10.0.0.0/8", "10.0.0.0/8", "------------------"},
    {"10.0.0.0/8", "10.1.0.0/16", "------------------"},
    {"10.1.1.0/24", "10.1.0.0/16", "-----y------------"},
    {"public 10.1.1.1/32", "10.0.0.0/8 8.0.0.0/8", "-----y-------y----"},
    {"127.0.0.0/8", "", "y---y-------------"},
    {"ff02::/16", "", "---------------y--"},
};

/* parity: NET-05, NET-06, NET-07, NET-08, NET-09, LLIO-11 */
static void rules_allow_what_they_say(void) {
  kja_runtime_t runtime = runtime_open();
  for (size_t i = 0; i < sizeof RULES / sizeof *RULES; i++) {
    kja_network_t network = network_of(runtime, RULES[i].allow, RULES[i].deny);
    char allowed[PEER_COUNT + 1] = "";
    for (int peer = 0; peer < PEER_COUNT; peer++) allowed[peer] = allows(network, PEERS[peer]) ? 'y' : '-';
    if (!CHECK(strcmp(allowed, RULES[i].allowed) == 0))
      fprintf(stderr, "  allow \"%s\", deny \"%s\": %s, not %s\n", RULES[i].allow, RULES[i].deny, allowed, RULES[i].allowed);
    CHECK_OK(kja_network_release(network));
  }
  runtime_close(runtime);
}

/* parity: NET-08 */
static void rules_that_are_none_are_refused(void) {
  static const char *const bad[][2] = {{"", "public"}, {"", "network"}, {"Local", ""}, {"10.0.0.1", ""},
                                       {"", "nobody"}, {"10.0.0.0/33", ""}};
  kja_runtime_t runtime = runtime_open();
  kja_network_t network = 0, part = 1;
  kja_slice_t null_rule;
  null_rule.data = NULL;
  null_rule.size = 3;
  CHECK_OK(kja_network_new(runtime, &network));
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
    CHECK_IS(restrict_with(network, bad[i][0], bad[i][1], &part), KJA_ERR_INVALID_ARGUMENT);
  CHECK_IS(kja_network_restrict(network, NULL, 1, NULL, 0, &part), KJA_ERR_INVALID_ARGUMENT);
  CHECK_IS(kja_network_restrict(network, &null_rule, 1, NULL, 0, &part), KJA_ERR_INVALID_ARGUMENT);
  CHECK_U64(part, 0);
  CHECK_OK(kja_network_release(network));
  runtime_close(runtime);
}

/* parity: NET-05, NET-09 */
static void networks_stack_and_all_must_agree(void) {
  kja_runtime_t runtime = runtime_open();
  kja_network_t outer = network_of(runtime, "private", ""), inner = 0, innermost = 0;
  CHECK_OK(restrict_with(outer, "network unix", "192.168.0.0/16", &inner));
  CHECK_OK(restrict_with(inner, "0.0.0.0/0 unix", "", &innermost));
  CHECK_OK(kja_network_release(outer));
  CHECK(allows(inner, "10.1.1.1"));
  CHECK(allows(inner, "fd00::1"));
  CHECK(!allows(inner, "127.0.0.1"));
  CHECK(!allows(inner, "8.8.8.8"));
  CHECK(!allows(inner, "192.168.0.1"));
  /* Unix sockets too, unlike in KJ, where the innermost decides about them alone. */
  CHECK(!allows(inner, "unix:/x"));
  CHECK(allows(innermost, "10.1.1.1"));
  CHECK(!allows(innermost, "fd00::1"));
  CHECK(!allows(innermost, "192.168.0.1"));
  CHECK(!allows(innermost, "unix:/x"));
  CHECK_OK(kja_network_release(inner));
  CHECK_OK(kja_network_release(innermost));
  runtime_close(runtime);
}

/* parity: NET-05, NET-10, NET-21 */
static void a_forbidden_address_is_parsed_and_not_connected_to(void) {
  static const char *const texts[] = {"127.0.0.1", "localhost", "::ffff:127.0.0.1"};
  kja_runtime_t runtime = runtime_open();
  kja_listener_t listener = listen_on_loopback(runtime);
  kja_network_t network = network_of(runtime, "public", ""), all = 0;
  uint16_t port = port_of(listener);
  kja_promise_t accepting = accept_start(listener);
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    kja_address_t address = address_in(network, texts[i], port), clone = 0;
    kja_promise_t connecting = 0;
    CHECK_OK(kja_address_connect_start(address, &connecting));
    expect(connecting, KJA_ERR_FAILED);
    CHECK_U64(kja_last_error_os(), 0);
    CHECK_OK(kja_address_clone(address, &clone));
    CHECK_OK(kja_address_connect_start(clone, &connecting));
    expect(connecting, KJA_ERR_FAILED);
    CHECK_OK(kja_address_release(clone));
    CHECK_OK(kja_address_release(address));
  }
  CHECK_IS(kja_promise_status(accepting), KJA_ERR_PENDING);
  CHECK_OK(kja_network_new(runtime, &all));
  kja_address_t address = address_in(all, "127.0.0.1", port);
  kja_promise_t connecting = 0;
  CHECK_OK(kja_address_connect_start(address, &connecting));
  CHECK_OK(kja_connection_release(handle_from(connecting)));
  CHECK_OK(kja_connection_release(handle_from(accepting)));
  CHECK_OK(kja_address_release(address));
  CHECK_OK(kja_network_release(all));
  CHECK_OK(kja_network_release(network));
  CHECK_OK(kja_listener_release(listener));
  runtime_close(runtime);
}

#ifdef __linux__ /* elsewhere 127.0.0.2 is no address of this machine unless somebody makes it one */
/* parity: NET-10 */
static void of_several_addresses_the_allowed_ones_are_tried(void) {
  kja_runtime_t runtime = runtime_open();
  kja_listener_t listener = listen_on(runtime, "127.0.0.2:0");
  kja_network_t network = network_of(runtime, "127.0.0.2/32", "");
  char text[80];
  uint16_t port = port_of(listener);
  kja_promise_t connecting = 0;
  snprintf(text, sizeof text, "127.0.0.1:%u,127.0.0.2:%u", port, port);
  kja_address_t address = address_in(network, text, 0);
  CHECK_OK(kja_address_connect_start(address, &connecting));
  kja_connection_t client = handle_from(connecting), server = handle_from(accept_start(listener));
  expect_connected(client, server);
  /* What a connection says of its ends keeps the rules. */
  kja_address_t own = 0;
  CHECK_OK(kja_connection_local_address(client, &own));
  bool allowed = true;
  CHECK_OK(kja_network_allows(network, own, &allowed));
  CHECK(!allowed);
  CHECK_OK(kja_address_connect_start(own, &connecting));
  expect(connecting, KJA_ERR_FAILED);
  CHECK_OK(kja_address_release(own));
  CHECK_OK(kja_connection_release(client));
  CHECK_OK(kja_connection_release(server));
  CHECK_OK(kja_address_release(address));
  CHECK_OK(kja_network_release(network));
  CHECK_OK(kja_listener_release(listener));
  runtime_close(runtime);
}

static int plain_connect_from(const char *from, uint16_t port) {
  struct sockaddr_in name;
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  CHECK(fd >= 0);
  memset(&name, 0, sizeof name);
  name.sin_family = AF_INET;
  CHECK(inet_pton(AF_INET, from, &name.sin_addr) == 1);
  CHECK(bind(fd, (struct sockaddr *)&name, sizeof name) == 0);
  CHECK(inet_pton(AF_INET, "127.0.0.1", &name.sin_addr) == 1);
  name.sin_port = htons(port);
  CHECK(connect(fd, (struct sockaddr *)&name, sizeof name) == 0);
  return fd;
}
static void expect_dropped(int fd) {
  char byte;
  CHECK(read(fd, &byte, 1) <= 0);
  close(fd);
}

/* parity: NET-10 */
static void forbidden_peers_are_dropped_and_the_accept_goes_on(void) {
  enum { MANY = 100 };
  kja_runtime_t runtime = runtime_open();
  kja_network_t network = network_of(runtime, "127.0.0.2/32", "");
  kja_address_t address = address_in(network, "127.0.0.1:0", 0);
  kja_listener_t listener = 0;
  int forbidden[MANY];
  CHECK_OK(kja_address_listen(address, 0, &listener));
  uint16_t port = port_of(listener);
  kja_promise_t accepting = accept_start(listener);
  int first = plain_connect(port);
  CHECK_IS(kja_promise_await_for(accepting, 20 * MILLISECOND), KJA_ERR_TIMED_OUT);
  expect_dropped(first);
  CHECK_IS(kja_promise_status(accepting), KJA_ERR_PENDING);
  CHECK_OK(kja_promise_release(accepting));

  for (int i = 0; i < MANY; i++) forbidden[i] = plain_connect(port);
  int allowed = plain_connect_from("127.0.0.2", port);
  kja_connection_t server = handle_from(accept_start(listener));
  CHECK(write(allowed, "hello", 5) == 5);
  expect_text(read_start(server, 5, 5), "hello");
  for (int i = 0; i < MANY; i++) expect_dropped(forbidden[i]);
  kja_peer_t peer = 0;
  kja_address_t who = 0;
  CHECK_OK(kja_connection_peer(server, &peer));
  CHECK_OK(kja_peer_address(peer, &who));
  bool may = false;
  CHECK_OK(kja_network_allows(network, who, &may));
  CHECK(may);
  CHECK_OK(kja_address_release(who));
  CHECK_OK(kja_peer_release(peer));
  CHECK_OK(kja_connection_release(server));
  close(allowed);
  CHECK_OK(kja_listener_release(listener));
  CHECK_OK(kja_address_release(address));
  CHECK_OK(kja_network_release(network));
  runtime_close(runtime);
}

/* On a socket of both families IPv4 peers come as v4-mapped addresses. */
/* parity: NET-06, NET-10 */
static void rules_hold_on_a_wildcard(void) {
  kja_runtime_t runtime = runtime_open();
  kja_network_t network = network_of(runtime, "127.0.0.2/32", "");
  kja_address_t address = address_in(network, "*", 0);
  kja_listener_t listener = 0;
  CHECK_OK(kja_address_listen(address, 0, &listener));
  uint16_t port = port_of(listener);
  int forbidden = plain_connect(port), allowed = plain_connect_from("127.0.0.2", port);
  kja_connection_t server = handle_from(accept_start(listener));
  CHECK(write(allowed, "hello", 5) == 5);
  expect_text(read_start(server, 5, 5), "hello");
  expect_dropped(forbidden);
  close(allowed);
  CHECK_OK(kja_connection_release(server));
  CHECK_OK(kja_listener_release(listener));
  CHECK_OK(kja_address_release(address));
  CHECK_OK(kja_network_release(network));
  runtime_close(runtime);
}
#endif

/* parity: NET-09, NET-10 */
static void unix_sockets_need_their_rule(void) {
  kja_runtime_t runtime = runtime_open();
  folder_t folder = folder_open();
  const char *text = unix_in(&folder, "socket");
  kja_network_t with = network_of(runtime, "unix", ""), without = network_of(runtime, "local", "");
  kja_address_t good = address_in(with, text, 0), bad = address_in(without, text, 0);
  kja_listener_t listener = 1;
  kja_promise_t connecting = 0;
  /* Whoever came would be forbidden: it is said early, when listening, and never when parsing. */
  CHECK_IS(kja_address_listen(bad, 0, &listener), KJA_ERR_FAILED);
  CHECK_U64(listener, 0);
  CHECK(!exists(text + strlen("unix:")));
  CHECK_OK(kja_address_listen(good, 0, &listener));
  CHECK_OK(kja_address_connect_start(bad, &connecting));
  expect(connecting, KJA_ERR_FAILED);
  CHECK_OK(kja_address_connect_start(good, &connecting));
  kja_connection_t client = handle_from(connecting), server = handle_from(accept_start(listener));
  expect_connected(client, server);
  CHECK_OK(kja_connection_release(client));
  CHECK_OK(kja_connection_release(server));
  CHECK_OK(kja_listener_release(listener));
  CHECK_OK(kja_address_release(good));
  CHECK_OK(kja_address_release(bad));
  CHECK_OK(kja_network_release(with));
  CHECK_OK(kja_network_release(without));
  folder_remove(folder);
  runtime_close(runtime);
}

#ifdef __linux__
/* Clients have no name: what counts is the one that they connected to. */
/* parity: NET-09, NET-10 */
static void abstract_names_need_their_rule(void) {
  kja_runtime_t runtime = runtime_open();
  char text[80];
  snprintf(text, sizeof text, "unix-abstract:kjasync-%ld", (long)getpid());
  kja_network_t with = network_of(runtime, "unix-abstract", ""), without = network_of(runtime, "unix", "");
  kja_address_t good = address_in(with, text, 0), bad = address_in(without, text, 0);
  kja_listener_t listener = 0;
  kja_promise_t connecting = 0;
  CHECK_IS(kja_address_listen(bad, 0, &listener), KJA_ERR_FAILED);
  CHECK_OK(kja_address_listen(good, 0, &listener));
  CHECK_OK(kja_address_connect_start(bad, &connecting));
  expect(connecting, KJA_ERR_FAILED);
  CHECK_OK(kja_address_connect_start(good, &connecting));
  CHECK_OK(kja_connection_release(handle_from(connecting)));
  CHECK_OK(kja_connection_release(handle_from(accept_start(listener))));
  CHECK_OK(kja_listener_release(listener));
  CHECK_OK(kja_address_release(good));
  CHECK_OK(kja_address_release(bad));
  CHECK_OK(kja_network_release(with));
  CHECK_OK(kja_network_release(without));
  runtime_close(runtime);
}
#endif

/* parity: NET-10 */
static void a_family_without_peers_is_not_listened_on(void) {
  kja_runtime_t runtime = runtime_open();
  kja_network_t six = network_of(runtime, "::1/128", "");
  kja_address_t four = address_in(six, "127.0.0.1:0", 0);
  kja_listener_t listener = 1;
  CHECK_IS(kja_address_listen(four, 0, &listener), KJA_ERR_FAILED);
  CHECK_U64(listener, 0);
  CHECK_OK(kja_address_release(four));
  CHECK_OK(kja_network_release(six));
  runtime_close(runtime);
}

/* parity: NET-04 */
static void a_raw_address_is_checked_at_once(void) {
  kja_runtime_t runtime = runtime_open();
  kja_network_t network = network_of(runtime, "local", "");
  struct sockaddr_in name;
  kja_address_t address = 1;
  memset(&name, 0, sizeof name);
  name.sin_family = AF_INET;
  name.sin_port = htons(80);
  CHECK(inet_pton(AF_INET, "8.8.8.8", &name.sin_addr) == 1);
  CHECK_IS(kja_network_address_from_sockaddr(network, &name, sizeof name, &address), KJA_ERR_FAILED);
  CHECK_U64(address, 0);
  CHECK_OK(kja_address_from_sockaddr(runtime, &name, sizeof name, &address));
  expect_address_text(address, "8.8.8.8:80");
  CHECK_OK(kja_address_release(address));
  CHECK(inet_pton(AF_INET, "127.0.0.1", &name.sin_addr) == 1);
  CHECK_OK(kja_network_address_from_sockaddr(network, &name, sizeof name, &address));
  expect_address_text(address, "127.0.0.1:80");
  CHECK_OK(kja_address_release(address));
  CHECK_IS(kja_network_address_from_sockaddr(network, &name, 3, &address), KJA_ERR_INVALID_ARGUMENT);
  CHECK_OK(kja_network_release(network));
  runtime_close(runtime);
}

int main(void) {
  RUN_IN_BOTH(rules_allow_what_they_say);
  RUN_IN_BOTH(rules_that_are_none_are_refused);
  RUN_IN_BOTH(networks_stack_and_all_must_agree);
  RUN_IN_BOTH(a_forbidden_address_is_parsed_and_not_connected_to);
#ifdef __linux__
  RUN_IN_BOTH(of_several_addresses_the_allowed_ones_are_tried);
  RUN_IN_BOTH(forbidden_peers_are_dropped_and_the_accept_goes_on);
  RUN_IN_BOTH(rules_hold_on_a_wildcard);
  RUN_IN_BOTH(abstract_names_need_their_rule);
#endif
  RUN_IN_BOTH(unix_sockets_need_their_rule);
  RUN_IN_BOTH(a_family_without_peers_is_not_listened_on);
  RUN_IN_BOTH(a_raw_address_is_checked_at_once);
  return check_done();
}
