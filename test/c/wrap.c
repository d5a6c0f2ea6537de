/* Descriptors that were made elsewhere, and the descriptors of connections. */
#include "messages.h"

#include <sys/ioctl.h>

static int flags_of(int fd) {
  return fcntl(fd, F_GETFL);
}
static int closes_on_exec(int fd) {
  return fcntl(fd, F_GETFD) == FD_CLOEXEC;
}
static int fd_of(kja_connection_t connection) {
  int fd = -1;
  CHECK_OK(kja_connection_fd(connection, &fd));
  return fd;
}
static kja_connection_t wrap(kja_runtime_t runtime, int fd, uint32_t flags) {
  kja_connection_t connection = 0;
  CHECK_OK(kja_connection_from_fd(runtime, fd, flags, &connection));
  return connection;
}

/* parity: LLIO-01, LLIO-05, LLIO-06, STRM-19 */
static void a_descriptor_that_is_taken_belongs_to_the_connection(void) {
  kja_runtime_t runtime = runtime_open();
  int ends[2];
  CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
  kja_connection_t connection = wrap(runtime, ends[0], KJA_FD_TAKE);
  CHECK(fd_of(connection) == ends[0]);
  CHECK(closes_on_exec(ends[0]));
  CHECK(flags_of(ends[0]) & O_NONBLOCK);
  write_text(connection, "out");
  char in[4] = "";
  CHECK(read(ends[1], in, 3) == 3 && strcmp(in, "out") == 0);
  CHECK(write(ends[1], "in", 2) == 2);
  expect_text(read_start(connection, 2, 2), "in");
  CHECK_OK(kja_connection_close(connection));
  CHECK(fcntl(ends[0], F_GETFD) == -1);
  int none = 1;
  CHECK_IS(kja_connection_fd(connection, &none), KJA_ERR_CANCELED);
  CHECK(none == -1);
  CHECK_IS(kja_connection_dup_fd(connection, &none), KJA_ERR_CANCELED);
  CHECK_OK(kja_connection_release(connection));
  CHECK(read(ends[1], in, 1) == 0);
  close(ends[1]);
  runtime_close(runtime);
}

/* parity: LLIO-01, LLIO-10 */
static void a_descriptor_that_is_lent_stays_the_callers(void) {
  kja_runtime_t runtime = runtime_open();
  int ends[2];
  CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
  kja_connection_t connection = wrap(runtime, ends[0], KJA_FD_BORROW);
  int own = fd_of(connection);
  CHECK(own != ends[0] && same_file(own, ends[0]));
  CHECK(closes_on_exec(own));
  CHECK(!closes_on_exec(ends[0]));
  write_text(connection, "x");
  CHECK_OK(kja_connection_release(connection));
  CHECK(fcntl(ends[0], F_GETFD) == 0);
  CHECK(write(ends[0], "y", 1) == 1);
  char in[3] = "";
  CHECK(read(ends[1], in, 2) == 2 && strcmp(in, "xy") == 0);
  close(ends[0]);
  close(ends[1]);
  runtime_close(runtime);
}

/* parity: LLIO-02, LLIO-03 */
static void what_is_known_is_not_set_again(void) {
  kja_runtime_t runtime = runtime_open();
  int ends[2];
  CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends) == 0);
  kja_connection_t one = wrap(runtime, ends[0], KJA_FD_TAKE | KJA_FD_ALREADY_CLOEXEC | KJA_FD_ALREADY_NONBLOCK);
  CHECK(!closes_on_exec(ends[0]));
  kja_connection_t other = wrap(runtime, ends[1], KJA_FD_ALREADY_CLOEXEC | KJA_FD_ALREADY_NONBLOCK);
  CHECK(closes_on_exec(fd_of(other)));
  kja_promise_t reading = read_start(other, 1, 8);
  write_text(one, "known");
  expect_text(reading, "known");
  CHECK_OK(kja_connection_release(one));
  CHECK_OK(kja_connection_release(other));
  close(ends[1]);
  runtime_close(runtime);
}

/* parity: LLIO-04 */
static void pipes_are_streams_of_one_direction(void) {
  kja_runtime_t runtime = runtime_open();
  int ends[2];
  CHECK(pipe(ends) == 0);
  kja_connection_t reader = wrap(runtime, ends[0], KJA_FD_TAKE), writer = wrap(runtime, ends[1], KJA_FD_TAKE);
  kja_promise_t reading = read_start(reader, 4, 8), promise = 0;
  write_text(writer, "pipe");
  expect_text(reading, "pipe");
  CHECK_OK(kja_connection_write_start(reader, "x", 1, &promise));
  expect(promise, KJA_ERR_FAILED);
  CHECK_IS(kja_connection_write_with_fds_start(writer, "x", 1, ends, 1, &promise), KJA_ERR_UNIMPLEMENTED);
  CHECK_OK(kja_connection_release(reader));
  CHECK_OK(kja_connection_write_start(writer, "x", 1, &promise));
  expect(promise, KJA_ERR_DISCONNECTED);
  CHECK_OK(kja_connection_release(writer));
  runtime_close(runtime);
}

/* A terminal gives one line for each read: the next one must not be missed. */
static void a_terminal_gives_all_its_lines(void) {
  kja_runtime_t runtime = runtime_open();
  int main_end = posix_openpt(O_RDWR | O_NOCTTY);
  CHECK(main_end >= 0 && grantpt(main_end) == 0 && unlockpt(main_end) == 0);
  int line_end = open(ptsname(main_end), O_RDWR | O_NOCTTY);
  kja_connection_t terminal = wrap(runtime, line_end, KJA_FD_TAKE);
  CHECK(write(main_end, "one\ntwo\n", 8) == 8);
  kja_promise_t reading = read_start(terminal, 8, 100);
  expect_text(reading, "one\ntwo\n");
  CHECK_OK(kja_connection_release(terminal));
  close(main_end);
  runtime_close(runtime);
}

static int closed_fd(void) {
  int fd = dup(0);
  close(fd);
  return fd;
}
static int datagram_fd(void) {
  return socket(AF_INET, SOCK_DGRAM, 0);
}
static int stream_fd(void) {
  return socket(AF_INET, SOCK_STREAM, 0);
}
static int listening_fd(void) {
  int fd = stream_fd();
  CHECK(listen(fd, 1) == 0);
  return fd;
}
static int folder_fd(void) {
  return open("/", O_RDONLY);
}
static int null_fd(void) {
  return open("/dev/null", O_RDWR);
}
static int pipe_fd(void) {
  int ends[2];
  CHECK(pipe(ends) == 0);
  close(ends[1]);
  return ends[0];
}
static int negative_fd(void) {
  return -1;
}

typedef int (*make_fd)(void);
enum { CONNECTION_OF = 1, LISTENER_OF = 2, PORT_OF = 4, CONNECTING_OF = 8 };
static const struct {
  make_fd make;
  int what; /* for which of the calls it is the right kind */
  kja_status_t connection, other;
} KINDS[] = {
    {negative_fd, 0, KJA_ERR_INVALID_ARGUMENT, KJA_ERR_INVALID_ARGUMENT},
    {closed_fd, 0, KJA_ERR_FAILED, KJA_ERR_FAILED},
    {datagram_fd, PORT_OF, KJA_ERR_INVALID_ARGUMENT, KJA_ERR_INVALID_ARGUMENT},
    {listening_fd, LISTENER_OF, KJA_ERR_INVALID_ARGUMENT, KJA_ERR_INVALID_ARGUMENT},
    {stream_fd, CONNECTION_OF | CONNECTING_OF, KJA_OK, KJA_ERR_INVALID_ARGUMENT},
    {folder_fd, 0, KJA_ERR_UNIMPLEMENTED, KJA_ERR_UNIMPLEMENTED},
    {null_fd, 0, KJA_ERR_UNIMPLEMENTED, KJA_ERR_INVALID_ARGUMENT},
    {pipe_fd, CONNECTION_OF, KJA_OK, KJA_ERR_INVALID_ARGUMENT},
};

static void wrong_kind(kja_runtime_t runtime, int kind, uint32_t flags) {
  kja_address_t nowhere = address_of(runtime, "127.0.0.1:1", 0);
  unsigned fds = open_fds();
  for (int call = CONNECTION_OF; call <= CONNECTING_OF; call *= 2) {
    if (KINDS[kind].what & call) continue;
    uint64_t out = 1;
    int fd = KINDS[kind].make();
    kja_status_t want = call == CONNECTION_OF ? KINDS[kind].connection : KINDS[kind].other;
    if (call == CONNECTION_OF) CHECK_IS(kja_connection_from_fd(runtime, fd, flags, &out), want);
    if (call == LISTENER_OF) CHECK_IS(kja_listener_from_fd(runtime, fd, flags, &out), want);
    if (call == PORT_OF) CHECK_IS(kja_datagram_from_fd(runtime, fd, flags, &out), want);
    if (call == CONNECTING_OF)
      CHECK_IS(kja_connection_from_connecting_fd_start(runtime, fd, flags, nowhere, &out), want);
    CHECK_U64(out, 0);
    if (!(flags & KJA_FD_TAKE)) close(fd);
    CHECK_U64(open_fds(), fds);
  }
  CHECK_OK(kja_address_release(nowhere));
}

/* parity: LLIO-01, LLIO-05, LLIO-08, LLIO-09 */
static void descriptors_of_the_wrong_kind_are_refused_and_what_was_taken_is_closed(void) {
  kja_runtime_t runtime = runtime_open();
  for (size_t kind = 0; kind < sizeof KINDS / sizeof *KINDS; kind++) {
    wrong_kind(runtime, (int)kind, KJA_FD_TAKE);
    wrong_kind(runtime, (int)kind, KJA_FD_BORROW);
  }
  kja_connection_t connection = 1;
  FILE *file = tmpfile();
  CHECK_IS(kja_connection_from_fd(runtime, fileno(file), KJA_FD_BORROW, &connection), KJA_ERR_UNIMPLEMENTED);
  fclose(file);
  unsigned fds = open_fds();
  CHECK_IS(kja_connection_from_fd(runtime, stream_fd(), KJA_FD_TAKE | 8, &connection), KJA_ERR_INVALID_ARGUMENT);
  CHECK_IS(kja_connection_from_fd(0, stream_fd(), KJA_FD_TAKE, &connection), KJA_ERR_BAD_HANDLE);
  CHECK_IS(kja_connection_from_fd(runtime, stream_fd(), KJA_FD_TAKE, NULL), KJA_ERR_INVALID_ARGUMENT);
  CHECK_U64(open_fds(), fds);
  runtime_close(runtime);
}

/* parity: LLIO-07 */
static void a_socket_connects_to_an_address(void) {
  kja_runtime_t runtime = runtime_open();
  kja_listener_t listener = listen_on_loopback(runtime);
  kja_address_t address = 0;
  kja_promise_t connecting = 0;
  kja_promise_t accepting = accept_start(listener);
  CHECK_OK(kja_listener_local_address(listener, &address));
  CHECK_OK(kja_connection_from_connecting_fd_start(runtime, stream_fd(), KJA_FD_TAKE, address, &connecting));
  kja_connection_t client = handle_from(connecting), server = handle_from(accepting);
  CHECK(closes_on_exec(fd_of(client)) && closes_on_exec(fd_of(server)));
  write_text(client, "made elsewhere");
  expect_text(read_start(server, 14, 14), "made elsewhere");
  CHECK_OK(kja_connection_release(client));
  CHECK_OK(kja_connection_release(server));
  CHECK_OK(kja_listener_close(listener));
  CHECK_OK(kja_connection_from_connecting_fd_start(runtime, stream_fd(), KJA_FD_TAKE, address, &connecting));
  CHECK_IS(kja_promise_await(connecting), KJA_ERR_DISCONNECTED);
  CHECK_U64(kja_last_error_os(), ECONNREFUSED);
  CHECK_OK(kja_promise_release(connecting));
  CHECK_OK(kja_listener_release(listener));
  CHECK_OK(kja_address_release(address));
  runtime_close(runtime);
}

/* parity: LLIO-08 */
static void a_listening_socket_becomes_a_listener(void) {
  kja_runtime_t runtime = runtime_open();
  int fd = listening_fd();
  kja_listener_t listener = 0;
  CHECK_OK(kja_listener_from_fd(runtime, fd, KJA_FD_TAKE, &listener));
  CHECK(closes_on_exec(fd));
  kja_promise_t accepting = accept_start(listener);
  int client = plain_connect(port_of(listener));
  kja_connection_t server = handle_from(accepting);
  CHECK(closes_on_exec(fd_of(server)));
  CHECK(write(client, "hi", 2) == 2);
  expect_text(read_start(server, 2, 2), "hi");
  close(client);
  CHECK_OK(kja_connection_release(server));
  CHECK_OK(kja_listener_release(listener));
  runtime_close(runtime);
}

/* parity: LLIO-09 */
static void a_datagram_socket_becomes_a_port(void) {
  kja_runtime_t runtime = runtime_open();
  struct sockaddr_in any;
  int fd = datagram_fd();
  kja_datagram_t port = 0, other = port_on(runtime, "127.0.0.1:0");
  memset(&any, 0, sizeof any);
  any.sin_family = AF_INET;
  any.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  CHECK(bind(fd, (struct sockaddr *)&any, sizeof any) == 0);
  CHECK_OK(kja_datagram_from_fd(runtime, fd, KJA_FD_TAKE, &port));
  CHECK(closes_on_exec(fd));
  kja_address_t address = address_of_port(port);
  send_text(other, "wrapped", address);
  expect_datagram(receive_start(port), "wrapped");
  CHECK_OK(kja_address_release(address));
  CHECK_OK(kja_datagram_release(port));
  CHECK_OK(kja_datagram_release(other));
  runtime_close(runtime);
}

/* parity: STRM-19, PIPE-08 */
static void a_connection_shows_and_copies_its_descriptor(void) {
  kja_runtime_t runtime = runtime_open();
  pair_t pair = pair_open(runtime), inner;
  int copy = -1, none = 1;
  CHECK_OK(kja_connection_dup_fd(pair.client, &copy));
  CHECK(copy != fd_of(pair.client) && same_file(copy, fd_of(pair.client)) && closes_on_exec(copy));
  CHECK_OK(kja_connection_release(pair.client));
  CHECK(write(copy, "copy", 4) == 4);
  expect_text(read_start(pair.server, 4, 4), "copy");
  close(copy);
  expect_text(read_start(pair.server, 1, 1), "");
  CHECK_OK(kja_connection_release(pair.server));
  CHECK_OK(kja_pipe_new_two_way(runtime, &inner.client, &inner.server));
  CHECK_IS(kja_connection_fd(inner.client, &none), KJA_ERR_UNIMPLEMENTED);
  CHECK(none == -1);
  CHECK_IS(kja_connection_dup_fd(inner.client, &none), KJA_ERR_UNIMPLEMENTED);
  pair_release(inner);
  runtime_close(runtime);
}

/* parity: LLIO-02 */
static void children_inherit_nothing(void) {
  unsigned char before[1024];
  for (int fd = 0; fd < 1024; fd++) before[fd] = fcntl(fd, F_GETFD) != -1;
  kja_runtime_t runtime = runtime_open();
  pair_t tcp = pair_open(runtime), sockets = unix_pair_open(runtime), pipes;
  kja_listener_t listener = listen_on_loopback(runtime);
  kja_datagram_t port = port_on(runtime, "127.0.0.1:0");
  kja_address_t of_port = address_of_port(port);
  kja_promise_t promise = 0;
  CHECK_OK(kja_datagram_connect(port, of_port));
  kja_promise_t receiving = receive_start(port);
  CHECK_OK(kja_pipe_new_os_one_way(runtime, &pipes.server, &pipes.client));
  CHECK_OK(kja_connection_send_fd_start(sockets.client, 0, &promise));
  expect(promise, KJA_OK);
  CHECK_OK(kja_connection_receive_fd_start(sockets.server, &promise));
  kja_message_t message = handle_from(promise);
  for (int fd = 0; fd < 1024; fd++) CHECK(before[fd] || fcntl(fd, F_GETFD) == -1 || closes_on_exec(fd));
  CHECK_OK(kja_message_release(message));
  CHECK_OK(kja_promise_release(receiving));
  CHECK_OK(kja_address_release(of_port));
  CHECK_OK(kja_datagram_release(port));
  CHECK_OK(kja_listener_release(listener));
  pair_release(pipes);
  pair_release(sockets);
  pair_release(tcp);
  runtime_close(runtime);
}

static kja_network_t part_of_network(kja_runtime_t runtime, const char *allow) {
  kja_network_t whole = 0, part = 0;
  kja_slice_t rule;
  rule.data = allow;
  rule.size = strlen(allow);
  CHECK_OK(kja_network_new(runtime, &whole));
  CHECK_OK(kja_network_restrict(whole, &rule, 1, NULL, 0, &part));
  CHECK_OK(kja_network_release(whole));
  return part;
}

/* parity: LLIO-08 */
static void a_networks_rules_decide_who_is_accepted(void) {
  kja_runtime_t runtime = runtime_open();
  kja_network_t elsewhere = part_of_network(runtime, "10.0.0.0/8"), here = part_of_network(runtime, "local");
  kja_listener_t closed = 0, open = 0;
  char byte;
  CHECK_OK(kja_network_listener_from_fd(elsewhere, listening_fd(), KJA_FD_TAKE, &closed));
  kja_promise_t accepting = accept_start(closed);
  int client = plain_connect(port_of(closed));
  CHECK_IS(kja_promise_await_for(accepting, 20 * MILLISECOND), KJA_ERR_TIMED_OUT);
  CHECK(read(client, &byte, 1) <= 0);
  close(client);
  CHECK_OK(kja_promise_release(accepting));
  CHECK_OK(kja_network_listener_from_fd(here, listening_fd(), KJA_FD_TAKE, &open));
  accepting = accept_start(open);
  client = plain_connect(port_of(open));
  CHECK_OK(kja_connection_release(handle_from(accepting)));
  close(client);
  /* What is taken and refused is closed. */
  int fd = datagram_fd();
  CHECK_IS(kja_network_listener_from_fd(here, fd, KJA_FD_TAKE, &accepting), KJA_ERR_INVALID_ARGUMENT);
  CHECK(fcntl(fd, F_GETFD) == -1);
  CHECK_OK(kja_listener_release(closed));
  CHECK_OK(kja_listener_release(open));
  CHECK_OK(kja_network_release(elsewhere));
  CHECK_OK(kja_network_release(here));
  runtime_close(runtime);
}

/* parity: LLIO-09 */
static void a_networks_rules_decide_who_is_heard_and_sent_to(void) {
  kja_runtime_t runtime = runtime_open();
  kja_network_t elsewhere = part_of_network(runtime, "10.0.0.0/8"), here = part_of_network(runtime, "local");
  kja_datagram_t deaf = 0, port = 0, other = port_on(runtime, "127.0.0.1:0");
  kja_address_t of_other = address_of_port(other), of_deaf = 0, of_port = 0;
  kja_promise_t sending = 0;
  struct sockaddr_in any;
  int fds[2] = {datagram_fd(), datagram_fd()};
  memset(&any, 0, sizeof any);
  any.sin_family = AF_INET;
  any.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  for (int i = 0; i < 2; i++) CHECK(bind(fds[i], (struct sockaddr *)&any, sizeof any) == 0);
  CHECK_OK(kja_network_datagram_from_fd(elsewhere, fds[0], KJA_FD_TAKE, &deaf));
  CHECK_OK(kja_network_datagram_from_fd(here, fds[1], KJA_FD_TAKE, &port));
  CHECK_OK(kja_datagram_local_address(deaf, &of_deaf));
  CHECK_OK(kja_datagram_local_address(port, &of_port));
  kja_promise_t unheard = receive_start(deaf), heard = receive_start(port);
  send_text(other, "hello", of_deaf);
  send_text(other, "hello", of_port);
  expect_datagram(heard, "hello");
  CHECK_IS(kja_promise_await_for(unheard, 5 * MILLISECOND), KJA_ERR_TIMED_OUT);
  CHECK_OK(kja_promise_release(unheard));
  CHECK_IS(kja_datagram_send_start(deaf, "x", 1, of_other, &sending), KJA_ERR_FAILED);
  send_text(port, "back", of_other);
  expect_datagram(receive_start(other), "back");
  kja_address_t addresses[3] = {of_other, of_deaf, of_port};
  for (int i = 0; i < 3; i++) CHECK_OK(kja_address_release(addresses[i]));
  kja_datagram_t ports[3] = {deaf, port, other};
  for (int i = 0; i < 3; i++) CHECK_OK(kja_datagram_release(ports[i]));
  CHECK_OK(kja_network_release(elsewhere));
  CHECK_OK(kja_network_release(here));
  runtime_close(runtime);
}

static int datagrams_waiting(int fd) {
  int size = 0;
  CHECK(ioctl(fd, FIONREAD, &size) == 0);
  return size > 0;
}
/* They are dropped some at a time, and what is allowed comes through behind them. */
/* parity: NET-10 */
static void forbidden_senders_do_not_hold_up_the_loop(void) {
  kja_runtime_t runtime = runtime_open();
  kja_network_t elsewhere = part_of_network(runtime, "10.0.0.0/8");
  kja_datagram_t port = 0;
  kja_promise_t single = 0, several = 0;
  struct sockaddr_in name;
  socklen_t size = sizeof name;
  int fd = datagram_fd(), sender = datagram_fd();
  memset(&name, 0, sizeof name);
  name.sin_family = AF_INET;
  name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  CHECK(bind(fd, (struct sockaddr *)&name, sizeof name) == 0);
  CHECK(getsockname(fd, (struct sockaddr *)&name, &size) == 0);
  CHECK_OK(kja_network_datagram_from_fd(elsewhere, fd, KJA_FD_BORROW, &port));
  for (int i = 0; i < 100; i++) CHECK(sendto(sender, "no", 2, 0, (struct sockaddr *)&name, sizeof name) == 2);
  CHECK_OK(kja_datagram_receive_start(port, NULL, &single));
  /* The loop does nothing between the calls of its owner, and the start itself must not take them all. */
  if (test_mode == KJA_RUNTIME_WAIT_SCOPE) CHECK(datagrams_waiting(fd));
  CHECK_OK(kja_datagram_receive_many_start(port, NULL, 8, &several));
  for (uint64_t end = kja_timer_now_nanos() + 5 * SECOND; datagrams_waiting(fd) && kja_timer_now_nanos() < end;)
    let_loop_catch_up(runtime);
  CHECK(!datagrams_waiting(fd));
  CHECK_IS(kja_promise_status(single), KJA_ERR_PENDING);
  CHECK_OK(kja_promise_release(single));
  CHECK_OK(kja_promise_release(several));
  CHECK_OK(kja_datagram_release(port));
  CHECK_OK(kja_network_release(elsewhere));
  CHECK(close(fd) == 0 && close(sender) == 0);
  runtime_close(runtime);
}

int main(void) {
  RUN_IN_BOTH(a_descriptor_that_is_taken_belongs_to_the_connection);
  RUN_IN_BOTH(a_descriptor_that_is_lent_stays_the_callers);
  RUN_IN_BOTH(what_is_known_is_not_set_again);
  RUN_IN_BOTH(pipes_are_streams_of_one_direction);
  RUN_IN_BOTH(a_terminal_gives_all_its_lines);
  RUN_IN_BOTH(descriptors_of_the_wrong_kind_are_refused_and_what_was_taken_is_closed);
  RUN_IN_BOTH(a_socket_connects_to_an_address);
  RUN_IN_BOTH(a_listening_socket_becomes_a_listener);
  RUN_IN_BOTH(a_datagram_socket_becomes_a_port);
  RUN_IN_BOTH(a_connection_shows_and_copies_its_descriptor);
  RUN_IN_BOTH(children_inherit_nothing);
  RUN_IN_BOTH(a_networks_rules_decide_who_is_accepted);
  RUN_IN_BOTH(a_networks_rules_decide_who_is_heard_and_sent_to);
  RUN_IN_BOTH(forbidden_senders_do_not_hold_up_the_loop);
  return check_done();
}
