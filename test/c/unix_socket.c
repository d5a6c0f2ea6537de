#include "names.h"
#include "stream.h"

static void round_trip(kja_runtime_t runtime, const char *text, uint32_t family) {
  kja_listener_t listener = listen_on(runtime, text);
  kja_promise_t accepting = accept_start(listener);
  kja_connection_t client = handle_from(connect_to_start(runtime, text)), server = handle_from(accepting);
  kja_address_t address = 0;
  uint32_t got = 0;
  uint16_t port = 1;
  expect_connected(client, server);
  CHECK_OK(kja_listener_local_address(listener, &address));
  expect_address_text(address, text);
  CHECK_OK(kja_address_family(address, &got));
  CHECK_U64(got, family);
  CHECK_OK(kja_address_port(address, &port));
  CHECK_U64(port, 0);
  CHECK_OK(kja_listener_port(listener, &port));
  CHECK_U64(port, 0);
  CHECK_OK(kja_address_release(address));
  CHECK_OK(kja_connection_peer_address(client, &address));
  expect_address_text(address, text);
  CHECK_OK(kja_address_release(address));
  CHECK_OK(kja_connection_release(client));
  CHECK_OK(kja_connection_release(server));
  CHECK_OK(kja_listener_release(listener));
}

/* parity: NET-02, NET-11, NET-13, NET-15, NET-18 */
static void a_path_is_listened_on_and_connected_to(void) {
  kja_runtime_t runtime = runtime_open();
  folder_t folder = folder_open();
  round_trip(runtime, unix_in(&folder, "socket"), KJA_FAMILY_UNIX);
  round_trip(runtime, unix_in(&folder, "with space: and, more"), KJA_FAMILY_UNIX);
  folder_remove(folder);
  runtime_close(runtime);
}

/* parity: NET-02, NET-11, NET-13, NET-15 */
static void an_abstract_name_is_listened_on_and_connected_to(void) {
  kja_runtime_t runtime = runtime_open();
  char text[80];
  snprintf(text, sizeof text, "unix-abstract:kjasync test %ld", (long)getpid());
#ifdef __linux__
  round_trip(runtime, text, KJA_FAMILY_UNIX_ABSTRACT);
  kja_listener_t listener = listen_on(runtime, text);
  CHECK_IS(listen_status(runtime, text, 0), KJA_ERR_FAILED);
  CHECK_U64(kja_last_error_os(), EADDRINUSE);
  CHECK_IS(listen_status(runtime, text, KJA_LISTEN_REPLACE_STALE), KJA_ERR_FAILED);
  CHECK_OK(kja_listener_release(listener));
  CHECK_OK(listen_status(runtime, text, 0));
#else
  CHECK_IS(parse_status(runtime, text, strlen(text), 0), KJA_ERR_UNIMPLEMENTED);
#endif
  runtime_close(runtime);
}

/* parity: NET-13, NET-23 */
static void the_file_goes_with_its_listener(void) {
  kja_runtime_t runtime = runtime_open();
  folder_t folder = folder_open();
  const char *text = unix_in(&folder, "socket"), *path = text + strlen("unix:");
  kja_listener_t listener = listen_on(runtime, text);
  CHECK(exists(path));
  CHECK_OK(kja_listener_close(listener));
  CHECK(!exists(path));
  CHECK_OK(kja_listener_close(listener));
  CHECK_OK(kja_listener_release(listener));

  listener = listen_on(runtime, text);
  CHECK_OK(kja_listener_release(listener));
  CHECK(!exists(path));

  /* A pending accept keeps both. */
  listener = listen_on(runtime, text);
  kja_promise_t accepting = accept_start(listener);
  CHECK_OK(kja_listener_release(listener));
  CHECK(exists(path));
  CHECK_OK(kja_promise_release(accepting));
  CHECK(!exists(path));

  listener = listen_on(runtime, text);
  runtime_close(runtime);
  CHECK(!exists(path));
  folder_remove(folder);
}

static kja_datagram_t port_in(kja_runtime_t runtime, const char *text) {
  kja_address_t address = address_of(runtime, text, 0);
  kja_datagram_t port = 0;
  CHECK_OK(kja_address_bind_datagram(address, &port));
  CHECK_OK(kja_address_release(address));
  return port;
}

/* parity: NET-14 */
static void the_file_goes_with_its_port_of_datagrams(void) {
  kja_runtime_t runtime = runtime_open();
  folder_t folder = folder_open();
  const char *text = unix_in(&folder, "port"), *path = text + strlen("unix:");
  kja_datagram_t port = port_in(runtime, text);
  CHECK(exists(path));
  CHECK_OK(kja_datagram_close(port));
  CHECK(!exists(path));
  CHECK_OK(kja_datagram_release(port));

  port = port_in(runtime, text);
  CHECK_OK(kja_datagram_release(port));
  CHECK(!exists(path));

  /* A pending receive keeps both. */
  kja_promise_t receiving = 0;
  port = port_in(runtime, text);
  CHECK_OK(kja_datagram_receive_start(port, NULL, &receiving));
  CHECK_OK(kja_datagram_release(port));
  CHECK(exists(path));
  CHECK_OK(kja_promise_release(receiving));
  CHECK(!exists(path));

  /* Whoever puts another in its place keeps it, and so does whoever made the socket. */
  port = port_in(runtime, text);
  CHECK(unlink(path) == 0);
  kja_datagram_t second = port_in(runtime, text);
  CHECK_OK(kja_datagram_release(port));
  CHECK(exists(path));
  CHECK_OK(kja_datagram_release(second));
  struct sockaddr_un name;
  int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
  CHECK(bind(fd, (struct sockaddr *)&name, unix_name(&name, path)) == 0);
  CHECK_OK(kja_datagram_from_fd(runtime, fd, KJA_FD_TAKE, &port));
  CHECK_OK(kja_datagram_close(port));
  CHECK_OK(kja_datagram_release(port));
  CHECK(exists(path));
  CHECK(unlink(path) == 0);

  port = port_in(runtime, text);
  runtime_close(runtime);
  CHECK(!exists(path));
  folder_remove(folder);
}

/* parity: NET-13 */
static void a_file_that_is_no_longer_ours_stays(void) {
  kja_runtime_t runtime = runtime_open();
  folder_t folder = folder_open();
  const char *text = unix_in(&folder, "socket"), *path = text + strlen("unix:");
  kja_listener_t first = listen_on(runtime, text);
  CHECK(unlink(path) == 0);
  kja_listener_t second = listen_on(runtime, text);
  CHECK_OK(kja_listener_release(first));
  CHECK(exists(path));
  kja_promise_t accepting = accept_start(second);
  CHECK_OK(kja_connection_release(handle_from(connect_to_start(runtime, text))));
  CHECK_OK(kja_connection_release(handle_from(accepting)));

  CHECK(unlink(path) == 0);
  int fd = open(path, O_CREAT | O_WRONLY, 0600);
  CHECK(fd >= 0);
  close(fd);
  CHECK_OK(kja_listener_release(second));
  CHECK(exists(path));
  CHECK(unlink(path) == 0);

  /* Removed by somebody else: nothing is left to do. */
  first = listen_on(runtime, text);
  CHECK(unlink(path) == 0);
  CHECK_OK(kja_listener_release(first));
  folder_remove(folder);
  runtime_close(runtime);
}

/* parity: NET-13 */
static void a_relative_path_is_removed_from_where_it_was_bound(void) {
  kja_runtime_t runtime = runtime_open();
  folder_t folder = folder_open();
  char before[1024];
  CHECK(getcwd(before, sizeof before) != NULL);
  CHECK(chdir(folder.path) == 0);
  kja_listener_t listener = listen_on(runtime, "unix:relative");
  CHECK(chdir(before) == 0);
  CHECK(exists(path_in(&folder, "relative")));
  CHECK_OK(kja_listener_release(listener));
  CHECK(!exists(path_in(&folder, "relative")));
  folder_remove(folder);
  runtime_close(runtime);
}

/* parity: NET-13 */
static void a_path_in_use_is_refused(void) {
  kja_runtime_t runtime = runtime_open();
  folder_t folder = folder_open();
  const char *text = unix_in(&folder, "socket"), *path = text + strlen("unix:");
  kja_listener_t listener = listen_on(runtime, text);
  CHECK_IS(listen_status(runtime, text, 0), KJA_ERR_FAILED);
  CHECK_U64(kja_last_error_os(), EADDRINUSE);
  CHECK_IS(listen_status(runtime, text, KJA_LISTEN_REPLACE_STALE), KJA_ERR_FAILED);
  CHECK_U64(kja_last_error_os(), EADDRINUSE);
  CHECK(exists(path));
  CHECK_OK(kja_listener_release(listener));

  int fd = open(path, O_CREAT | O_WRONLY, 0600);
  CHECK(fd >= 0);
  close(fd);
  CHECK_IS(listen_status(runtime, text, KJA_LISTEN_REPLACE_STALE), KJA_ERR_FAILED);
  CHECK_U64(kja_last_error_os(), EADDRINUSE);
  CHECK(exists(path));
  CHECK(unlink(path) == 0);
  folder_remove(folder);
  runtime_close(runtime);
}

/* parity: NET-13 */
static void a_stale_file_is_replaced_on_request(void) {
  kja_runtime_t runtime = runtime_open();
  folder_t folder = folder_open();
  const char *text = unix_in(&folder, "socket"), *path = text + strlen("unix:");
  leave_stale(path);
  CHECK_IS(listen_status(runtime, text, 0), KJA_ERR_FAILED);
  CHECK_U64(kja_last_error_os(), EADDRINUSE);
  CHECK(exists(path));
  CHECK_OK(listen_status(runtime, text, KJA_LISTEN_REPLACE_STALE));
  CHECK(!exists(path));
  folder_remove(folder);
  runtime_close(runtime);
}

static void bad_listen_options_are_refused(void) {
  kja_runtime_t runtime = runtime_open();
  kja_address_t address = address_of(runtime, "127.0.0.1", 0);
  kja_listener_t listener = 1;
  kja_listen_options_t options;
  memset(&options, 0, sizeof options);
  CHECK_IS(kja_address_listen_with(address, &options, &listener), KJA_ERR_INVALID_ARGUMENT);
  CHECK_U64(listener, 0);
  options.size = sizeof options;
  options.flags = 0x80;
  CHECK_IS(kja_address_listen_with(address, &options, &listener), KJA_ERR_INVALID_ARGUMENT);
  options.flags = 0;
  options.backlog = UINT32_MAX;
  CHECK_OK(kja_address_listen_with(address, &options, &listener));
  CHECK_OK(kja_listener_release(listener));
  CHECK_OK(kja_address_listen_with(address, NULL, &listener));
  CHECK_OK(kja_listener_release(listener));
  CHECK_OK(kja_address_release(address));
  runtime_close(runtime);
}

/* parity: NET-11 */
static void paths_that_lead_nowhere_keep_their_os_error(void) {
  kja_runtime_t runtime = runtime_open();
  folder_t folder = folder_open();
  kja_promise_t connecting = connect_to_start(runtime, unix_in(&folder, "missing"));
  CHECK_IS(kja_promise_await(connecting), KJA_ERR_FAILED);
  CHECK_U64(kja_last_error_os(), ENOENT);
  CHECK_OK(kja_promise_release(connecting));

  leave_stale(path_in(&folder, "stale"));
  connecting = connect_to_start(runtime, unix_in(&folder, "stale"));
  CHECK_IS(kja_promise_await(connecting), KJA_ERR_DISCONNECTED);
  CHECK_U64(kja_last_error_os(), ECONNREFUSED);
  CHECK_OK(kja_promise_release(connecting));
  CHECK(unlink(path_in(&folder, "stale")) == 0);

  CHECK_IS(listen_status(runtime, unix_in(&folder, "missing/socket"), 0), KJA_ERR_FAILED);
  CHECK_U64(kja_last_error_os(), ENOENT);
  CHECK_IS(listen_status(runtime, unix_in(&folder, "missing/socket"), KJA_LISTEN_REPLACE_STALE), KJA_ERR_FAILED);
  folder_remove(folder);
  runtime_close(runtime);
}

/* parity: NET-11, NET-13 */
static void paths_without_permission_keep_their_os_error(void) {
  kja_runtime_t runtime = runtime_open();
  folder_t folder = folder_open();
  CHECK(chmod(folder.path, 0) == 0);
  kja_promise_t connecting = connect_to_start(runtime, unix_in(&folder, "socket"));
  CHECK_IS(kja_promise_await(connecting), KJA_ERR_FAILED);
  CHECK_U64(kja_last_error_os(), EACCES);
  CHECK_OK(kja_promise_release(connecting));
  CHECK_IS(listen_status(runtime, unix_in(&folder, "socket"), 0), KJA_ERR_FAILED);
  CHECK_U64(kja_last_error_os(), EACCES);
  CHECK(chmod(folder.path, 0700) == 0);
  folder_remove(folder);
  runtime_close(runtime);
}

/* parity: NET-02 */
static void names_that_are_none_are_refused(void) {
  kja_runtime_t runtime = runtime_open();
  const size_t room = sizeof ((struct sockaddr_un *)NULL)->sun_path;
  char text[400];
  strcpy(text, "unix:");
  memset(text + 5, 'p', 300);
  CHECK_OK(parse_status(runtime, text, 5 + room - 1, 0));
  CHECK_IS(parse_status(runtime, text, 5 + room, 0), KJA_ERR_INVALID_ARGUMENT);
  CHECK(kja_last_error_text(NULL, 0) > 0);
  CHECK_IS(parse_status(runtime, text, 5 + 300, 0), KJA_ERR_INVALID_ARGUMENT);
  CHECK_IS(parse_status(runtime, "unix:", 5, 0), KJA_ERR_INVALID_ARGUMENT);
  CHECK_IS(parse_status(runtime, "unix:a\0b", 8, 0), KJA_ERR_INVALID_ARGUMENT);
  CHECK_IS(parse_status(runtime, "unix:\0b", 7, 0), KJA_ERR_INVALID_ARGUMENT);
  CHECK(parse_status(runtime, "unix-abstract:", 14, 0) != KJA_OK);
  memcpy(text, "unix-abstract:", 14);
  memset(text + 14, 'n', 300);
  CHECK(parse_status(runtime, text, 14 + room, 0) != KJA_OK);
  runtime_close(runtime);
}

/* The kernel takes two at most into a backlog of 1; the others have to ask again. */
/* parity: NET-11 */
static void a_full_backlog_is_waited_for(void) {
  enum { MANY = 12 };
  kja_runtime_t runtime = runtime_open();
  folder_t folder = folder_open();
  const char *text = unix_in(&folder, "socket");
  kja_address_t address = address_of(runtime, text, 0);
  kja_listener_t listener = 0;
  kja_promise_t connecting[MANY];
  CHECK_OK(kja_address_listen(address, 1, &listener));
  for (int i = 0; i < MANY; i++) CHECK_OK(kja_address_connect_start(address, &connecting[i]));
  for (int i = 0; i < MANY; i++) CHECK_OK(kja_connection_release(handle_from(accept_start(listener))));
  for (int i = 0; i < MANY; i++) CHECK_OK(kja_connection_release(handle_from(connecting[i])));

  /* And the wait can be given up. */
  unsigned fds = open_fds();
  for (int i = 0; i < MANY; i++) CHECK_OK(kja_address_connect_start(address, &connecting[i]));
  for (int i = 0; i < MANY; i++) CHECK_OK(kja_promise_release(connecting[i]));
  CHECK(fds_come_back_to(fds));
  CHECK_OK(kja_address_release(address));
  CHECK_OK(kja_listener_release(listener));
  folder_remove(folder);
  runtime_close(runtime);
}

/* Connects to the address when its backlog is full, in one of the two ways. */
static kja_promise_t connect_in_way(kja_runtime_t runtime, int way, kja_address_t address) {
  kja_promise_t connecting = 0;
  if (way == 0) {
    CHECK_OK(kja_address_connect_start(address, &connecting));
  } else {
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    CHECK_OK(kja_connection_from_connecting_fd_start(runtime, fd, KJA_FD_TAKE, address, &connecting));
  }
  return connecting;
}
static void wait_for_a_full_backlog(kja_runtime_t runtime) {
  folder_t folder = folder_open();
  kja_address_t address = address_of(runtime, unix_in(&folder, "socket"), 0);
  kja_listener_t listener = 0;
  CHECK_OK(kja_address_listen(address, 1, &listener));
  for (int way = 0; way < 2; way++) {
    kja_promise_t first[2], waits;
    for (int i = 0; i < 2; i++) first[i] = connect_in_way(runtime, way, address);
    waits = connect_in_way(runtime, way, address);
    stays_pending(runtime, waits);
    for (int i = 0; i < 2; i++) CHECK_OK(kja_connection_release(handle_from(first[i])));
    for (int i = 0; i < 3; i++) CHECK_OK(kja_connection_release(handle_from(accept_start(listener))));
    CHECK_OK(kja_connection_release(handle_from(waits)));

    unsigned fds = open_fds();
    for (int i = 0; i < 2; i++) first[i] = connect_in_way(runtime, way, address);
    waits = connect_in_way(runtime, way, address);
    stays_pending(runtime, waits);
    CHECK_OK(kja_promise_release(waits));
    for (int i = 0; i < 2; i++) CHECK_OK(kja_promise_release(first[i]));
    CHECK(fds_come_back_to(fds));
    for (int i = 0; i < 2; i++) CHECK_OK(kja_connection_release(handle_from(accept_start(listener))));
  }
  CHECK_OK(kja_address_release(address));
  CHECK_OK(kja_listener_release(listener));
  folder_remove(folder);
  runtime_close(runtime);
}
/* parity: NET-11, LLIO-07 */
static void a_full_backlog_is_waited_for_whoever_made_the_socket(void) {
  wait_for_a_full_backlog(runtime_open());
}
static void a_full_backlog_is_waited_for_while_virtual_time_stands_still(void) {
  wait_for_a_full_backlog(virtual_open());
}

int main(void) {
  RUN_IN_BOTH(a_path_is_listened_on_and_connected_to);
  RUN_IN_BOTH(an_abstract_name_is_listened_on_and_connected_to);
  RUN_IN_BOTH(the_file_goes_with_its_listener);
  RUN_IN_BOTH(the_file_goes_with_its_port_of_datagrams);
  RUN_IN_BOTH(a_file_that_is_no_longer_ours_stays);
  RUN_IN_BOTH(a_relative_path_is_removed_from_where_it_was_bound);
  RUN_IN_BOTH(a_path_in_use_is_refused);
  RUN_IN_BOTH(a_stale_file_is_replaced_on_request);
  RUN_IN_BOTH(bad_listen_options_are_refused);
  RUN_IN_BOTH(paths_that_lead_nowhere_keep_their_os_error);
  if (geteuid() != 0) RUN_IN_BOTH(paths_without_permission_keep_their_os_error);
  RUN_IN_BOTH(names_that_are_none_are_refused);
  RUN_IN_BOTH(a_full_backlog_is_waited_for);
  RUN_IN_BOTH(a_full_backlog_is_waited_for_whoever_made_the_socket);
  RUN_IN_BOTH(a_full_backlog_is_waited_for_while_virtual_time_stands_still);
  return check_done();
}
