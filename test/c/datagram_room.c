/* Datagrams that have to wait for room: in the port's own buffer, or in the queue of the unix socket that they are for. */
#include "messages.h"
#include "names.h"
#include "shortage.h"
#include "stream.h"

enum { MANY = 100000 };

/* A plain unix socket of datagrams with a name in the folder. */
static int plain_port(const folder_t *folder, const char *name) {
  struct sockaddr_un own;
  int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
  CHECK(fd >= 0);
  CHECK(bind(fd, (struct sockaddr *)&own, unix_name(&own, path_in(folder, name))) == 0);
  return fd;
}
static void plain_port_close(int fd, const folder_t *folder, const char *name) {
  close(fd);
  CHECK(unlink(path_in(folder, name)) == 0);
}
static int drain(int fd, int most) {
  char content[65536];
  int count = 0;
  while (count < most && recv(fd, content, sizeof content, 0) >= 0) count++;
  return count;
}
/* A port without a name. */
static kja_datagram_t nameless(kja_runtime_t runtime) {
  kja_datagram_t port = 0;
  CHECK_OK(kja_datagram_from_fd(runtime, socket(AF_UNIX, SOCK_DGRAM, 0), KJA_FD_TAKE, &port));
  return port;
}
/* Sends until that would have to wait; how many went out. */
static int fill(kja_datagram_t port, kja_address_t to, size_t size) {
  static const char content[4096] = {0};
  bool sent = true;
  int count = -1;
  for (; sent && count < MANY; count++) CHECK_OK(kja_datagram_send_now(port, content, size, to, &sent));
  CHECK(count < MANY);
  return count;
}
static kja_promise_t send_start(kja_datagram_t port, const char *text, kja_address_t to) {
  kja_promise_t sending = 0;
  CHECK_OK(kja_datagram_send_start(port, text, strlen(text), to, &sending));
  return sending;
}

typedef struct full_t {
  kja_runtime_t runtime;
  folder_t folder;
  int receiver;
  kja_datagram_t port;
  kja_address_t to;
  int sent;
} full_t;

static full_t full_open(kja_runtime_t runtime) {
  full_t full;
  full.runtime = runtime;
  full.folder = folder_open();
  full.receiver = plain_port(&full.folder, "receiver");
  full.port = nameless(runtime);
  full.to = address_of(runtime, unix_in(&full.folder, "receiver"), 0);
  full.sent = fill(full.port, full.to, 1);
  return full;
}
static void full_close(full_t full) {
  CHECK_OK(kja_address_release(full.to));
  CHECK_OK(kja_datagram_release(full.port));
  plain_port_close(full.receiver, &full.folder, "receiver");
  folder_remove(full.folder);
  runtime_close(full.runtime);
}

/* parity: DGRAM-01 */
static void a_send_to_a_full_queue_waits_for_its_receiver(void) {
  full_t full = full_open(runtime_open());
  for (int i = 0; i < 3; i++) {
    kja_promise_t sending = send_start(full.port, "waits", full.to), second = send_start(full.port, "behind", full.to);
    waits_idly(sending);
    CHECK_U64(drain(full.receiver, 1), 1);
    comes_soon(sending, KJA_OK);
    waits_idly(second);
    CHECK_U64(drain(full.receiver, 1), 1);
    comes_soon(second, KJA_OK);
  }
  CHECK_U64(drain(full.receiver, MANY), full.sent);
  full_close(full);
}

static void a_send_to_a_full_queue_waits_also_where_time_stands_still(void) {
  full_t full = full_open(virtual_open());
  kja_promise_t sending = send_start(full.port, "waits", full.to);
  waits_idly(sending);
  CHECK_U64(drain(full.receiver, 1), 1);
  comes_soon(sending, KJA_OK);
  full_close(full);
}

static void a_send_that_waits_for_a_queue_can_be_given_up(void) {
  full_t full = full_open(runtime_open());
  unsigned fds = open_fds();
  kja_promise_t given_up = send_start(full.port, "given up", full.to), next = send_start(full.port, "next", full.to);
  waits_idly(given_up);
  CHECK_OK(kja_promise_release(given_up));
  waits_idly(next);
  CHECK_OK(kja_promise_cancel(next));
  CHECK(fds_come_back_to(fds));
  expect(next, KJA_ERR_CANCELED);
  next = send_start(full.port, "closed", full.to);
  waits_idly(next);
  CHECK_OK(kja_datagram_close(full.port));
  comes_soon(next, KJA_ERR_CANCELED);
  CHECK_U64(drain(full.receiver, MANY), full.sent);
  full_close(full);
}

/* Of a peer that goes and of one that comes in its place. */
static void a_send_that_waits_learns_that_its_receiver_has_gone(void) {
  full_t full = full_open(runtime_open());
  kja_promise_t sending = send_start(full.port, "nobody", full.to);
  waits_idly(sending);
  close(full.receiver);
  comes_soon(sending, KJA_ERR_DISCONNECTED);
  CHECK(unlink(path_in(&full.folder, "receiver")) == 0);
  full.receiver = plain_port(&full.folder, "receiver");
  CHECK_U64(fill(full.port, full.to, 1), full.sent);
  sending = send_start(full.port, "in its place", full.to);
  waits_idly(sending);
  /* The name is another socket's now: the first learns nothing of it. */
  int old = full.receiver;
  CHECK(unlink(path_in(&full.folder, "receiver")) == 0);
  full.receiver = plain_port(&full.folder, "receiver");
  CHECK_U64(drain(old, 1), 1);
  comes_soon(sending, KJA_OK);
  CHECK_U64(drain(full.receiver, MANY), 1);
  close(old);
  full_close(full);
}

/* One that is full does not hold up its port for good, nor does the room of one count for another. */
static void each_receiver_has_a_queue_of_its_own(void) {
  full_t full = full_open(runtime_open());
  int other = plain_port(&full.folder, "other");
  kja_address_t to_other = address_of(full.runtime, unix_in(&full.folder, "other"), 0);
  CHECK_U64(fill(full.port, to_other, 1), full.sent);
  kja_promise_t sending = send_start(full.port, "first", full.to), behind = send_start(full.port, "other", to_other);
  CHECK_U64(drain(other, MANY), full.sent);
  waits_idly(sending);
  CHECK_U64(drain(full.receiver, 1), 1);
  comes_soon(sending, KJA_OK);
  comes_soon(behind, KJA_OK);
  plain_port_close(other, &full.folder, "other");
  CHECK_OK(kja_address_release(to_other));
  full_close(full);
}

/* A connected port hears of its peer's room, and of nobody else's. */
static void a_connected_port_waits_for_whom_it_sends_to(void) {
  full_t full = full_open(runtime_open());
  int other = plain_port(&full.folder, "other");
  kja_address_t to_other = address_of(full.runtime, unix_in(&full.folder, "other"), 0);
  CHECK_OK(kja_datagram_connect(full.port, full.to));
  kja_promise_t sending = send_start(full.port, "connected", 0);
  waits_idly(sending);
  CHECK_U64(drain(full.receiver, 1), 1);
  comes_soon(sending, KJA_OK);
  /* With an address: to its peer, and to another. */
  sending = send_start(full.port, "addressed", full.to);
  waits_idly(sending);
  CHECK_U64(drain(full.receiver, 1), 1);
  comes_soon(sending, KJA_OK);
  fill(full.port, to_other, 1);
  sending = send_start(full.port, "elsewhere", to_other);
  waits_idly(sending);
  CHECK_U64(drain(other, 1), 1);
  comes_soon(sending, KJA_OK);
  plain_port_close(other, &full.folder, "other");
  CHECK_OK(kja_address_release(to_other));
  full_close(full);
}

/* The buffer of the port itself is full before the queue is. */
static void a_send_to_a_name_waits_for_room_of_its_own(void) {
  kja_runtime_t runtime = runtime_open();
  folder_t folder = folder_open();
  int receiver = plain_port(&folder, "receiver"), small = 4096;
  kja_datagram_t port = nameless(runtime);
  kja_address_t to = address_of(runtime, unix_in(&folder, "receiver"), 0);
  CHECK_OK(kja_datagram_setsockopt(port, SOL_SOCKET, SO_SNDBUF, &small, sizeof small));
  int sent = fill(port, to, 4096);
  CHECK(sent >= 1 && sent < 9);
  kja_promise_t sending = send_start(port, "waits", to);
  waits_idly(sending);
  CHECK_U64(drain(receiver, sent), sent);
  comes_soon(sending, KJA_OK);
  CHECK_U64(drain(receiver, MANY), 1);
  CHECK_OK(kja_address_release(to));
  CHECK_OK(kja_datagram_release(port));
  plain_port_close(receiver, &folder, "receiver");
  folder_remove(folder);
  runtime_close(runtime);
}

/* There is nothing left to watch the queue with. */
static void without_descriptors_a_send_waits_all_the_same(void) {
  full_t full = full_open(runtime_open());
  shortage_t shortage;
  shortage_begin(&shortage);
  kja_promise_t sending = send_start(full.port, "waits", full.to);
  waits_idly(sending);
  CHECK_U64(drain(full.receiver, 1), 1);
  comes_soon(sending, KJA_OK);
  shortage_end(&shortage);
  full_close(full);
}

int main(void) {
  RUN_IN_BOTH(a_send_to_a_full_queue_waits_for_its_receiver);
  RUN_IN_BOTH(a_send_to_a_full_queue_waits_also_where_time_stands_still);
  RUN_IN_BOTH(a_send_that_waits_for_a_queue_can_be_given_up);
  RUN_IN_BOTH(a_send_that_waits_learns_that_its_receiver_has_gone);
  RUN_IN_BOTH(each_receiver_has_a_queue_of_its_own);
  RUN_IN_BOTH(a_connected_port_waits_for_whom_it_sends_to);
  RUN_IN_BOTH(a_send_to_a_name_waits_for_room_of_its_own);
  RUN_IN_BOTH(without_descriptors_a_send_waits_all_the_same);
  return check_done();
}
