/* A folder of the test's own, and what is in directories and files. */
#ifndef KJASYNC_TEST_FILESYSTEM_H
#define KJASYNC_TEST_FILESYSTEM_H

#include "expect.h"

#include <errno.h>
#include <sys/stat.h>

typedef struct place_t {
  char name[40];
  int fd;
  kja_directory_t directory;
} place_t;

static inline place_t place_open(void) {
  place_t place;
  memset(&place, 0, sizeof place);
  strcpy(place.name, "/tmp/kjasync-test-XXXXXX");
  CHECK(mkdtemp(place.name) != NULL);
  place.fd = open(place.name, O_RDONLY | O_DIRECTORY);
  CHECK_OK(kja_directory_from_fd(place.fd, KJA_FD_BORROW, &place.directory));
  return place;
}
/* Removes the folder with all that is in it. */
static inline void place_close(place_t place) {
  kja_directory_t root = 0;
  CHECK_OK(kja_filesystem_root(&root));
  CHECK_OK(kja_directory_remove(root, place.name + 1, strlen(place.name) - 1, NULL));
  CHECK_OK(kja_directory_release(root));
  CHECK_OK(kja_directory_release(place.directory));
  CHECK(close(place.fd) == 0);
}

/* 0 if it cannot be opened. */
static inline kja_file_t open_file(kja_directory_t directory, const char *path, uint32_t mode) {
  kja_file_t file = 0;
  kja_status_t status = kja_directory_open_file(directory, path, strlen(path), mode, &file);
  CHECK(status == KJA_OK || (status == KJA_ERR_FAILED && file == 0));
  return file;
}
static inline kja_directory_t open_directory(kja_directory_t directory, const char *path, uint32_t mode) {
  kja_directory_t opened = 0;
  kja_status_t status = kja_directory_open_directory(directory, path, strlen(path), mode, &opened);
  CHECK(status == KJA_OK || (status == KJA_ERR_FAILED && opened == 0));
  return opened;
}
/* What could not be opened, for this reason. */
static inline void expect_conflict(uint64_t handle, int os_error) {
  CHECK_U64(handle, 0);
  CHECK_U64(kja_last_error_os(), os_error);
}
static inline void file_make(kja_directory_t directory, const char *path, const char *text) {
  kja_file_t file = open_file(directory, path, KJA_WRITE_CREATE | KJA_WRITE_CREATE_PARENT);
  CHECK_OK(kja_file_write(file, 0, text, strlen(text)));
  CHECK_OK(kja_file_release(file));
}

/* Releases bytes, which must be exactly these. */
static inline void bytes_are(kja_bytes_t bytes, const char *data, size_t size) {
  const void *got = NULL;
  size_t got_size = 0;
  CHECK_OK(kja_bytes_data(bytes, &got, &got_size));
  if (CHECK_U64(got_size, size) && size) CHECK(memcmp(got, data, size) == 0);
  CHECK_OK(kja_bytes_release(bytes));
}
static inline void file_holds(kja_file_t file, const char *data, size_t size) {
  kja_bytes_t bytes = 0;
  if (CHECK_OK(kja_file_read_all(file, 1 << 20, &bytes))) bytes_are(bytes, data, size);
}
static inline void text_is(kja_directory_t directory, const char *path, const char *text) {
  kja_file_t file = open_file(directory, path, 0);
  file_holds(file, text, strlen(text));
  CHECK_OK(kja_file_release(file));
}
static inline void expect_listing(kja_directory_t directory, const char *list, size_t size) {
  kja_bytes_t bytes = 0;
  if (CHECK_OK(kja_directory_list(directory, &bytes))) bytes_are(bytes, list, size);
}
static inline kja_file_stat_t stat_new(void) {
  kja_file_stat_t stat;
  memset(&stat, 0, sizeof stat);
  stat.size = sizeof stat;
  return stat;
}

#endif
