/* What comes beside the bytes: control messages with datagrams and with reads. */
#include "messages.h"

/* The control message of this level and type, copied to `value`; whether there is one and it is long enough. */
static int control_of(kja_message_t message, int level, int type, void *value, size_t size) {
  size_t count = 0;
  CHECK_OK(kja_message_control_count(message, &count));
  for (size_t i = 0; i < count; i++) {
    int got_level = 0, got_type = 0;
    const void *data = NULL;
    size_t got_size = 0;
    CHECK_OK(kja_message_control(message, i, &got_level, &got_type, &data, &got_size));
    if (got_level != level || got_type != type || got_size < size) continue;
    CHECK((uintptr_t)data % 8 == 0);
    memcpy(value, data, size);
    return 1;
  }
  return 0;
}

static int is_cut(kja_message_t message) {
  bool cut = false;
  CHECK_OK(kja_message_is_control_truncated(message, &cut));
  return cut;
}

#ifdef __linux__
/* parity: DGRAM-02, DGRAM-05, DGRAM-07 */
static void control_messages_are_seen_by_level_and_type(void) {
  kja_runtime_t runtime = runtime_open();
  kja_datagram_t port = port_on(runtime, "127.0.0.1:0");
  kja_address_t address = address_of_port(port);
  kja_datagram_options_t options = room_for(0, 256);
  kja_promise_t receiving = 0;
  int on = 1, level = 0;
  struct timeval time;
  struct in_pktinfo info;
  memset(&info, 0, sizeof info);
  CHECK_OK(kja_datagram_setsockopt(port, SOL_SOCKET, SO_TIMESTAMP, &on, sizeof on));
  CHECK_OK(kja_datagram_setsockopt(port, IPPROTO_IP, IP_PKTINFO, &on, sizeof on));
  send_text(port, "timed", address);
  CHECK_OK(kja_datagram_receive_start(port, &options, &receiving));
  kja_message_t message = handle_from(receiving);
  message_says(message, "timed");
  CHECK(!is_cut(message));
  CHECK(control_of(message, SOL_SOCKET, SCM_TIMESTAMP, &time, sizeof time));
  CHECK(control_of(message, IPPROTO_IP, IP_PKTINFO, &info, sizeof info));
  CHECK(info.ipi_addr.s_addr == htonl(INADDR_LOOPBACK));
  CHECK_IS(kja_message_control(message, 2, &level, NULL, NULL, NULL), KJA_ERR_INVALID_ARGUMENT);
  CHECK_OK(kja_message_control(message, 0, NULL, NULL, NULL, NULL));
  CHECK_U64(fds_in(message), 0);
  CHECK_U64(connections_in(message), 0);
  CHECK_OK(kja_message_release(message));
  CHECK_OK(kja_address_release(address));
  CHECK_OK(kja_datagram_release(port));
  runtime_close(runtime);
}

/* parity: DGRAM-05 */
static void control_messages_without_room_are_said_to_be_cut(void) {
  kja_runtime_t runtime = runtime_open();
  kja_datagram_t port = port_on(runtime, "127.0.0.1:0");
  kja_address_t address = address_of_port(port);
  int on = 1;
  size_t count = 7;
  CHECK_OK(kja_datagram_setsockopt(port, SOL_SOCKET, SO_TIMESTAMP, &on, sizeof on));
  const size_t rooms[4] = {0, 8, 20, CMSG_SPACE(sizeof(struct timeval))};
  for (int i = 0; i < 4; i++) {
    kja_datagram_options_t options = room_for(0, rooms[i]);
    kja_promise_t receiving = 0;
    struct timeval time;
    send_text(port, "timed", address);
    CHECK_OK(kja_datagram_receive_start(port, &options, &receiving));
    kja_message_t message = handle_from(receiving);
    message_says(message, "timed");
    CHECK(is_cut(message) == (i < 3));
    CHECK_OK(kja_message_control_count(message, &count));
    CHECK_U64(count, i < 2 ? 0 : 1);
    CHECK(control_of(message, SOL_SOCKET, SCM_TIMESTAMP, &time, sizeof time) == (i == 3));
    CHECK_OK(kja_message_release(message));
  }
  CHECK_OK(kja_address_release(address));
  CHECK_OK(kja_datagram_release(port));
  runtime_close(runtime);
}

/* parity: STRM-08 */
static void reads_keep_control_messages_when_asked_to(void) {
  kja_runtime_t runtime = runtime_open();
  pair_t pair = unix_pair_open(runtime);
  int on = 1, fd = -1;
  struct ucred who;
  kja_promise_t promise = 0;
  memset(&who, 0, sizeof who);
  CHECK_OK(kja_connection_fd(pair.server, &fd));
  CHECK(setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof on) == 0);
  CHECK_OK(kja_connection_read_with_control_start(pair.server, 5, 100, 256, &promise));
  kja_promise_t sending = 0;
  int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
  CHECK_OK(kja_connection_send_fd_start(pair.client, null, &sending));
  expect(sending, KJA_OK);
  write_text(pair.client, "more");
  kja_message_t message = handle_from(promise);
  message_is(message, "\0more", 5);
  CHECK(control_of(message, SOL_SOCKET, SCM_CREDENTIALS, &who, sizeof who));
  CHECK(who.pid == getpid() && who.uid == getuid());
  if (CHECK_U64(fds_in(message), 1)) {
    int got = taken_fd(message, 0);
    CHECK(same_file(got, null));
    close(got);
  }
  close(null);
  CHECK_OK(kja_message_release(message));
  pair_release(pair);
  runtime_close(runtime);
}
#endif

/* parity: STRM-08 */
static void only_sockets_have_control_messages(void) {
  kja_runtime_t runtime = runtime_open();
  pair_t pair, tcp = pair_open(runtime);
  kja_promise_t promise = 1;
  kja_message_t message;
  kja_address_t source = 1;
  CHECK_OK(kja_pipe_new_two_way(runtime, &pair.client, &pair.server));
  CHECK_IS(kja_connection_read_with_control_start(pair.server, 1, 8, 64, &promise), KJA_ERR_UNIMPLEMENTED);
  CHECK_U64(promise, 0);
  CHECK_OK(kja_connection_read_with_control_start(tcp.server, 3, 8, 64, &promise));
  write_text(tcp.client, "tcp");
  message = handle_from(promise);
  message_says(message, "tcp");
  CHECK_IS(kja_message_source(message, &source), KJA_ERR_UNIMPLEMENTED);
  CHECK_U64(source, 0);
  CHECK_OK(kja_message_release(message));
  pair_release(pair);
  pair_release(tcp);
  runtime_close(runtime);
}

/* Descriptors that come with a datagram arrive as such, and what is left of them is closed. */
static void datagrams_bring_descriptors(void) {
  kja_runtime_t runtime = runtime_open();
  int ends[2], pipe_ends[2];
  kja_datagram_t port = 0;
  kja_datagram_options_t options = room_for(0, 64);
  kja_promise_t receiving = 0;
  char space[CMSG_SPACE(2 * sizeof(int))] __attribute__((aligned(8)));
  struct iovec piece = {space, 1};
  struct msghdr header;
  CHECK(socketpair(AF_UNIX, SOCK_DGRAM, 0, ends) == 0);
  CHECK(pipe(pipe_ends) == 0);
  CHECK_OK(kja_datagram_from_fd(runtime, ends[0], KJA_FD_TAKE, &port));
  memset(&header, 0, sizeof header);
  memset(space, 0, sizeof space);
  header.msg_iov = &piece;
  header.msg_iovlen = 1;
  header.msg_control = space;
  header.msg_controllen = sizeof space;
  struct cmsghdr *first = CMSG_FIRSTHDR(&header);
  first->cmsg_level = SOL_SOCKET;
  first->cmsg_type = SCM_RIGHTS;
  first->cmsg_len = CMSG_LEN(2 * sizeof(int));
  memcpy(CMSG_DATA(first), pipe_ends, sizeof pipe_ends);
  CHECK(sendmsg(ends[1], &header, 0) == 1);
  CHECK(sendmsg(ends[1], &header, 0) == 1);
  CHECK_OK(kja_datagram_receive_start(port, &options, &receiving));
  kja_message_t message = handle_from(receiving);
  if (CHECK_U64(fds_in(message), 2)) {
    int fd = taken_fd(message, 1), none = 1;
    CHECK(same_file(fd, pipe_ends[1]));
    CHECK_IS(kja_message_take_fd(message, 1, &none), KJA_ERR_FAILED);
    CHECK(none == -1);
    CHECK_IS(kja_message_take_fd(message, 2, &none), KJA_ERR_INVALID_ARGUMENT);
    close(fd);
  }
  CHECK_OK(kja_message_release(message));
  CHECK_OK(kja_datagram_receive_start(port, NULL, &receiving));
  message = handle_from(receiving);
  CHECK_U64(fds_in(message), 0);
  CHECK(is_cut(message));
  CHECK_OK(kja_message_release(message));
  CHECK_OK(kja_datagram_release(port));
  close(ends[1]);
  close(pipe_ends[0]);
  close(pipe_ends[1]);
  runtime_close(runtime);
}

int main(void) {
#ifdef __linux__
  RUN_IN_BOTH(control_messages_are_seen_by_level_and_type);
  RUN_IN_BOTH(control_messages_without_room_are_said_to_be_cut);
  RUN_IN_BOTH(reads_keep_control_messages_when_asked_to);
#endif
  RUN_IN_BOTH(only_sockets_have_control_messages);
  RUN_IN_BOTH(datagrams_bring_descriptors);
  return check_done();
}
