/* Nothing leads out of a directory, and nothing half done is seen. */
#include "filesystem.h"
#include "gate.h"

#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>

/* parity: FS-12 */
static void no_path_and_no_link_leads_out(void) {
  place_t place = place_open();
  file_make(place.directory, "secret", "outside");
  kja_directory_t inner = open_directory(place.directory, "in", KJA_WRITE_CREATE);
  kja_file_t file = 0;
  const char *texts[] = {"..", "../secret", "/etc/passwd", "a/../../secret", "./.."};
  for (int i = 0; i < 5; i++)
    CHECK_IS(kja_directory_open_file(inner, texts[i], strlen(texts[i]), 0, &file), KJA_ERR_INVALID_ARGUMENT);
  const char *targets[] = {"..", "../secret", "/etc/passwd", "/", "x/../../secret", "../in/../secret"};
  CHECK_OK(kja_directory_release(open_directory(inner, "x", KJA_WRITE_CREATE)));
  for (int i = 0; i < 6; i++) {
    CHECK_OK(kja_directory_symlink(inner, "l", 1, targets[i], strlen(targets[i]), KJA_WRITE_CREATE | KJA_WRITE_MODIFY, NULL));
    expect_conflict(open_file(inner, "l", 0), EXDEV);
    expect_conflict(open_file(inner, "l", KJA_WRITE_CREATE | KJA_WRITE_MODIFY), EXDEV);
    expect_conflict(open_directory(inner, "l", 0), EXDEV);
    expect_conflict(open_file(inner, "l", KJA_OPEN_TRY), EXDEV);
  }
  CHECK_OK(kja_directory_symlink(inner, "up", 2, "..", 2, KJA_WRITE_CREATE, NULL));
  bool done = true;
  CHECK_IS(kja_directory_remove(inner, "up/secret", 9, &done), KJA_ERR_FAILED);
  CHECK_U64(kja_last_error_os(), EXDEV);
  CHECK_IS(kja_directory_symlink(inner, "up/l", 4, "x", 1, KJA_WRITE_CREATE, &done), KJA_ERR_FAILED);
  CHECK_U64(kja_last_error_os(), EXDEV);
  CHECK(!done);
  text_is(place.directory, "secret", "outside");
  CHECK_OK(kja_directory_release(inner));
  place_close(place);
}

#ifdef __linux__
/* parity: FS-12 */
static void magic_links_of_proc_lead_nowhere(void) {
  place_t place = place_open();
  kja_directory_t root = 0, proc = 0;
  char name[64];
  CHECK_OK(kja_filesystem_root(&root));
  proc = open_directory(root, "proc", 0);
  int links = 0;
  const char *names[] = {"self/root/etc/passwd", "self/cwd", "self/root", "thread-self/root", "self/exe"};
  for (int i = 0; i < 5; i++) {
    CHECK_U64(open_directory(proc, names[i], 0), 0);
    CHECK_U64(open_file(proc, names[i], 0), 0);
    links++;
  }
  /* Of a descriptor that stands for a directory elsewhere. */
  snprintf(name, sizeof name, "self/fd/%d", place.fd);
  CHECK_U64(open_directory(proc, name, 0), 0);
  snprintf(name, sizeof name, "self/fd/%d/f", place.fd);
  CHECK_U64(open_file(proc, name, KJA_WRITE_CREATE), 0);
  expect_listing(place.directory, "", 0);
  /* What is no link is read; it does not know its size. */
  kja_file_t status = open_file(proc, "self/status", 0);
  kja_bytes_t bytes = 0;
  size_t size = 0;
  CHECK_OK(kja_file_read_all(status, 1 << 20, &bytes));
  CHECK_OK(kja_bytes_data(bytes, NULL, &size));
  CHECK(size > 100 && links == 5);
  CHECK_OK(kja_bytes_release(bytes));
  CHECK_OK(kja_file_release(status));
  CHECK_OK(kja_directory_release(proc));
  CHECK_OK(kja_directory_release(root));
  place_close(place);
}
#endif

typedef struct swapper_t {
  int fd;
  count_t stop, swaps;
} swapper_t;

/* Has "in/d" be a directory, a link out, a link to another directory, in turn. */
static void *swap(void *ctx) {
  swapper_t *swapper = (swapper_t *)ctx;
  while (!count_get(&swapper->stop)) {
    CHECK(renameat(swapper->fd, "in/d", swapper->fd, "in/aside") == 0);
    CHECK(renameat(swapper->fd, "in/out", swapper->fd, "in/d") == 0);
    CHECK(renameat(swapper->fd, "in/d", swapper->fd, "in/out") == 0);
    CHECK(renameat(swapper->fd, "in/within", swapper->fd, "in/d") == 0);
    CHECK(renameat(swapper->fd, "in/d", swapper->fd, "in/within") == 0);
    CHECK(renameat(swapper->fd, "in/aside", swapper->fd, "in/d") == 0);
    count_add(&swapper->swaps, 3);
  }
  return NULL;
}

/* parity: FS-12 */
static void a_link_that_is_swapped_in_leads_nowhere(void) {
  place_t place = place_open();
  file_make(place.directory, "secret/f", "outside");
  file_make(place.directory, "in/d/f", "inside");
  file_make(place.directory, "in/e/f", "inside");
  CHECK(symlinkat("../secret", place.fd, "in/out") == 0);
  CHECK(symlinkat("e", place.fd, "in/within") == 0);
  kja_directory_t inner = open_directory(place.directory, "in", 0);
  swapper_t swapper = {place.fd, {0}, {0}};
  pthread_t thread;
  CHECK(pthread_create(&thread, NULL, swap, &swapper) == 0);
  size_t opened = 0, refused = 0, wanted = scaled(10000);
  while (count_get(&swapper.swaps) < wanted || opened == 0 || refused == 0) {
    kja_file_t file = open_file(inner, "d/f", 0);
    if (file) {
      file_holds(file, "inside", 6);
      CHECK_OK(kja_file_release(file));
      opened++;
    } else {
      int why = kja_last_error_os();
      CHECK(why == EXDEV || why == ENOENT || why == ELOOP || why == EAGAIN);
      refused++;
    }
    bool done = false;
    kja_directory_remove(inner, "d/g", 3, &done);
    CHECK(!done);
    file = 0;
    if (kja_directory_open_file(inner, "d/new", 5, KJA_WRITE_CREATE, &file) == KJA_OK) CHECK_OK(kja_file_release(file));
    kja_directory_remove(inner, "d/new", 5, &done);
  }
  count_add(&swapper.stop, 1);
  CHECK(pthread_join(thread, NULL) == 0);
  kja_directory_t secret = open_directory(place.directory, "secret", 0);
  expect_listing(secret, "\1f", 3);
  text_is(secret, "f", "outside");
  CHECK_OK(kja_directory_release(secret));
  CHECK_OK(kja_directory_release(inner));
  place_close(place);
}

/* Replaces "f" and reads it at once, as often as this; what is read is whole. */
typedef struct writer_t {
  kja_directory_t directory;
  char letter;
  size_t times;
} writer_t;

static void *replace(void *ctx) {
  writer_t *writer = (writer_t *)ctx;
  char text[3000];
  memset(text, writer->letter, sizeof text);
  for (size_t i = 0; i < writer->times; i++) {
    kja_replacer_t replacer = 0;
    kja_file_t file = 0;
    uint32_t mode = i % 2 ? KJA_WRITE_MODIFY : KJA_WRITE_CREATE | KJA_WRITE_MODIFY;
    CHECK_OK(kja_directory_replace_file(writer->directory, "f", 1, mode, &replacer));
    CHECK_OK(kja_replacer_file(replacer, &file));
    CHECK_OK(kja_file_write(file, 0, text, sizeof text));
    CHECK_OK(kja_file_release(file));
    if (i % 3) CHECK_OK(kja_replacer_commit(replacer, NULL));
    CHECK_OK(kja_replacer_release(replacer));
  }
  return NULL;
}

/* parity: FS-14 */
static void readers_see_the_old_or_the_new_and_nothing_between(void) {
  place_t place = place_open();
  char first[3000], got[4000];
  memset(first, 'x', sizeof first);
  kja_file_t file = open_file(place.directory, "f", KJA_WRITE_CREATE);
  CHECK_OK(kja_file_write(file, 0, first, sizeof first));
  CHECK_OK(kja_file_release(file));
  writer_t writers[2] = {{place.directory, 'a', scaled(500)}, {place.directory, 'b', scaled(500)}};
  pthread_t threads[2];
  for (int i = 0; i < 2; i++) CHECK(pthread_create(&threads[i], NULL, replace, &writers[i]) == 0);
  for (size_t i = 0; i < scaled(1000); i++) {
    size_t length = 0;
    file = open_file(place.directory, "f", 0);
    CHECK_OK(kja_file_read(file, 0, got, sizeof got, &length));
    CHECK_U64(length, 3000);
    for (size_t at = 1; at < length; at++)
      if (got[at] != got[0]) CHECK(!"two writers are in one file");
    CHECK_OK(kja_file_release(file));
  }
  for (int i = 0; i < 2; i++) CHECK(pthread_join(threads[i], NULL) == 0);
  expect_listing(place.directory, "\1f", 3);
  /* No hidden file has stayed. */
  char command[100];
  snprintf(command, sizeof command, "test $(ls -A %s | wc -l) -eq 1", place.name);
  CHECK(system(command) == 0);
  place_close(place);
}

/* Tries to replace "f", whose disk or limit is too small for it. */
static void fails_to_replace(kja_directory_t directory, size_t size, int why) {
  kja_replacer_t replacer = 0;
  kja_file_t file = 0;
  char *large = (char *)calloc(size, 1);
  CHECK_OK(kja_directory_replace_file(directory, "f", 1, KJA_WRITE_MODIFY, &replacer));
  CHECK_OK(kja_replacer_file(replacer, &file));
  CHECK(kja_file_write(file, 0, large, size) != KJA_OK);
  CHECK_U64(kja_last_error_os(), why);
  CHECK_OK(kja_file_release(file));
  CHECK_OK(kja_replacer_release(replacer));
  text_is(directory, "f", "old");
  expect_listing(directory, "\1f", 3);
  free(large);
}

/* parity: FS-09, FS-14 */
static void a_file_at_its_largest_is_an_error_and_nothing_half_written_is_seen(void) {
  place_t place = place_open();
  struct rlimit before, limit;
  file_make(place.directory, "f", "old");
  if (under_valgrind()) {
    puts("       NOT TESTED under valgrind: limits are not the process's own there");
    place_close(place);
    return;
  }
  CHECK(getrlimit(RLIMIT_FSIZE, &before) == 0);
  limit = before;
  limit.rlim_cur = 100000;
  CHECK(setrlimit(RLIMIT_FSIZE, &limit) == 0);
  fails_to_replace(place.directory, 200000, EFBIG);
  kja_file_t file = open_file(place.directory, "f", KJA_WRITE_MODIFY);
  CHECK_IS(kja_file_truncate(file, 100001), KJA_ERR_FAILED);
  CHECK_U64(kja_last_error_os(), EFBIG);
  CHECK_IS(kja_file_zero(file, 0, 100001), KJA_ERR_FAILED);
  CHECK_U64(kja_last_error_os(), EFBIG);
  CHECK_OK(kja_file_release(file));
  CHECK(setrlimit(RLIMIT_FSIZE, &before) == 0);
  place_close(place);
}

#ifdef __linux__
/* parity: FS-14 */
static void a_full_disk_and_one_that_is_read_only_are_errors(void) {
  place_t place = place_open();
  char at[64];
  snprintf(at, sizeof at, "%s/disk", place.name);
  CHECK(mkdir(at, 0777) == 0);
  if (mount("kjasync-test", at, "tmpfs", 0, "size=256k") != 0) {
    printf("       NOT TESTED: no disk of its own can be mounted (%s)\n", strerror(errno));
    place_close(place);
    return;
  }
  kja_directory_t disk = open_directory(place.directory, "disk", 0);
  file_make(disk, "f", "old");
  fails_to_replace(disk, 1 << 20, ENOSPC);
  /* From disk to disk: a move is a copy and a removal, and there are no links. */
  file_make(place.directory, "tree/g", "moved");
  bool done = false;
  CHECK_IS(kja_directory_transfer(disk, "l", 1, KJA_WRITE_CREATE, place.directory, "tree/g", 6, KJA_TRANSFER_LINK, &done),
           KJA_ERR_UNIMPLEMENTED);
  CHECK_OK(kja_directory_transfer(disk, "tree", 4, KJA_WRITE_CREATE, place.directory, "tree", 4, KJA_TRANSFER_MOVE, NULL));
  text_is(disk, "tree/g", "moved");
  CHECK_OK(kja_directory_remove(place.directory, "tree", 4, &done));
  CHECK(!done);
  CHECK_OK(kja_directory_remove(disk, "tree", 4, NULL));
  kja_file_t file = open_file(disk, "f", 0);
  CHECK(mount("kjasync-test", at, "tmpfs", MS_REMOUNT | MS_RDONLY, "size=256k") == 0);
  expect_conflict(open_file(disk, "f", KJA_WRITE_MODIFY), EROFS);
  kja_replacer_t replacer = 0;
  CHECK_IS(kja_directory_replace_file(disk, "f", 1, KJA_WRITE_MODIFY, &replacer), KJA_ERR_FAILED);
  CHECK_U64(kja_last_error_os(), EROFS);
  CHECK_IS(kja_directory_remove(disk, "f", 1, NULL), KJA_ERR_FAILED);
  CHECK_U64(kja_last_error_os(), EROFS);
  file_holds(file, "old", 3);
  CHECK_OK(kja_file_release(file));
  CHECK_OK(kja_directory_release(disk));
  CHECK(umount(at) == 0);
  place_close(place);
}
#endif

/* parity: FS-12 */
static void a_pipe_is_opened_without_waiting_and_is_no_file_to_read(void) {
  place_t place = place_open();
  CHECK(mkfifoat(place.fd, "pipe", 0600) == 0);
  kja_file_t file = open_file(place.directory, "pipe", 0);
  kja_file_stat_t stat = stat_new();
  char buffer[4];
  size_t length = 0;
  CHECK_OK(kja_file_stat(file, &stat));
  CHECK_U64(stat.kind, KJA_NODE_NAMED_PIPE);
  CHECK_IS(kja_file_read(file, 0, buffer, 4, &length), KJA_ERR_FAILED);
  CHECK_U64(kja_last_error_os(), ESPIPE);
  CHECK_OK(kja_file_release(file));
  place_close(place);
}

int main(void) {
  RUN(no_path_and_no_link_leads_out);
#ifdef __linux__
  RUN(magic_links_of_proc_lead_nowhere);
#endif
  RUN(a_link_that_is_swapped_in_leads_nowhere);
  RUN(readers_see_the_old_or_the_new_and_nothing_between);
  RUN(a_file_at_its_largest_is_an_error_and_nothing_half_written_is_seen);
#ifdef __linux__
  RUN(a_full_disk_and_one_that_is_read_only_are_errors);
#endif
  RUN(a_pipe_is_opened_without_waiting_and_is_no_file_to_read);
  return check_done();
}
