/* Addresses of every kind: parsed, shown, and unix sockets in a folder of their own. */
#ifndef KJASYNC_TEST_NAMES_H
#define KJASYNC_TEST_NAMES_H

#include "loopback.h"

#include <sys/stat.h>
#include <sys/un.h>

/* How parsing ends, whether at once or later. */
static inline kja_status_t parse_status(kja_runtime_t runtime, const char *text, size_t length, uint16_t port) {
  kja_promise_t parsing = 0;
  kja_status_t status = kja_address_parse_start(runtime, text, length, port, &parsing);
  if (status != KJA_OK) return status;
  status = kja_promise_await(parsing);
  CHECK_OK(kja_promise_release(parsing));
  return status;
}

static inline void expect_address_text(kja_address_t address, const char *text) {
  char got[400] = "";
  size_t length = 0;
  CHECK_OK(kja_address_text(address, got, sizeof got, &length));
  if (!CHECK(strcmp(got, text) == 0)) fprintf(stderr, "  %s, not %s\n", got, text);
  CHECK_U64(length, strlen(text));
}

static inline kja_listener_t listen_on(kja_runtime_t runtime, const char *text) {
  kja_address_t address = address_of(runtime, text, 0);
  kja_listener_t listener = 0;
  CHECK_OK(kja_address_listen(address, 0, &listener));
  CHECK_OK(kja_address_release(address));
  return listener;
}

/* How listening on a text ends; what listens after all is released. */
static inline kja_status_t listen_status(kja_runtime_t runtime, const char *text, uint32_t flags) {
  kja_listen_options_t options;
  kja_listener_t listener = 0;
  kja_address_t address = address_of(runtime, text, 0);
  memset(&options, 0, sizeof options);
  options.size = sizeof options;
  options.flags = flags;
  kja_status_t status = kja_address_listen_with(address, &options, &listener);
  if (status == KJA_OK) CHECK_OK(kja_listener_release(listener));
  CHECK_OK(kja_address_release(address));
  return status;
}

static inline kja_promise_t connect_to_start(kja_runtime_t runtime, const char *text) {
  kja_address_t address = address_of(runtime, text, 0);
  kja_promise_t connecting = 0;
  CHECK_OK(kja_address_connect_start(address, &connecting));
  CHECK_OK(kja_address_release(address));
  return connecting;
}

/* Writes from one end and reads at the other. */
static inline void expect_connected(kja_connection_t one, kja_connection_t other) {
  write_text(one, "over there");
  expect_text(read_start(other, 10, 10), "over there");
  write_text(other, "and back");
  expect_text(read_start(one, 8, 8), "and back");
}

/* A folder that is removed with the files that the test names. */
typedef struct folder_t {
  char path[80];
} folder_t;

static inline folder_t folder_open(void) {
  folder_t folder;
  const char *parent = getenv("TMPDIR");
  if (!parent || !*parent || strlen(parent) > 40) parent = "/tmp";
  snprintf(folder.path, sizeof folder.path, "%s/kjasync-XXXXXX", parent);
  CHECK(mkdtemp(folder.path) != NULL);
  return folder;
}
static inline void folder_remove(folder_t folder) {
  CHECK(rmdir(folder.path) == 0);
}
/* The text of a unix socket in the folder, valid until the next call. */
static inline const char *unix_in(const folder_t *folder, const char *name) {
  static char text[120];
  snprintf(text, sizeof text, "unix:%s/%s", folder->path, name);
  return text;
}
static inline const char *path_in(const folder_t *folder, const char *name) {
  return unix_in(folder, name) + strlen("unix:");
}
static inline int exists(const char *path) {
  struct stat found;
  return lstat(path, &found) == 0;
}

static inline socklen_t unix_name(struct sockaddr_un *name, const char *path) {
  memset(name, 0, sizeof *name);
  name->sun_family = AF_UNIX;
  if (CHECK(strlen(path) < sizeof name->sun_path)) memcpy(name->sun_path, path, strlen(path));
  return (socklen_t)sizeof *name;
}
/* Leaves a socket file behind on which nobody listens. */
static inline void leave_stale(const char *path) {
  struct sockaddr_un name;
  int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  CHECK(fd >= 0);
  CHECK(bind(fd, (struct sockaddr *)&name, unix_name(&name, path)) == 0);
  CHECK(listen(fd, 1) == 0);
  close(fd);
}

#endif
