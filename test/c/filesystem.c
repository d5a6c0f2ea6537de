/* Paths, directories and files, on disk and in memory. */
#include "filesystem.h"

/* parity: FS-01, FS-02 */
static void a_path_is_read_and_written_as_it_is_kept(void) {
  const struct {
    const char *text, *path;
  } cases[] = {{"a/b", "a/b"}, {"./a//b/", "a/b"}, {"", "."}, {".", "."}, {"/", NULL},  {"/a", NULL},
               {"..", NULL},   {"a/../b", NULL},   {"...", "..."}, {"a b\\", "a b\\"}, {"\xff", "\xff"}};
  char path[16];
  size_t length = 0;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    kja_status_t status = kja_path_parse(cases[i].text, strlen(cases[i].text), path, sizeof path, &length);
    CHECK_IS(status, cases[i].path ? KJA_OK : KJA_ERR_INVALID_ARGUMENT);
    if (!cases[i].path) continue;
    CHECK(strcmp(path, cases[i].path) == 0);
    CHECK_U64(length, strlen(path));
  }
  CHECK_IS(kja_path_parse("a\0b", 3, path, sizeof path, NULL), KJA_ERR_INVALID_ARGUMENT);
  CHECK_IS(kja_path_parse(NULL, 1, path, sizeof path, NULL), KJA_ERR_INVALID_ARGUMENT);
  CHECK_OK(kja_path_parse("long/path", 9, path, 5, &length));
  CHECK(strcmp(path, "long") == 0);
  CHECK_U64(length, 9);
  CHECK_OK(kja_path_eval("a/b", 3, "../c", 4, path, sizeof path, NULL));
  CHECK(strcmp(path, "a/c") == 0);
  CHECK_OK(kja_path_eval("a/b", 3, "/c/./d", 6, path, sizeof path, NULL));
  CHECK(strcmp(path, "c/d") == 0);
  CHECK_IS(kja_path_eval("a", 1, "../..", 5, path, sizeof path, NULL), KJA_ERR_INVALID_ARGUMENT);
  CHECK_OK(kja_path_append("a/b", 3, "c/d", 3, path, sizeof path, NULL));
  CHECK(strcmp(path, "a/b/c/d") == 0);
}

/* parity: FS-01, FS-03 */
static void a_path_is_taken_apart_and_compared(void) {
  char path[16];
  size_t count = 0;
  bool is = false;
  int32_t order = 5;
  uint64_t hash = 0, other = 1;
  CHECK_OK(kja_path_count("a//b/c", 6, &count));
  CHECK_U64(count, 3);
  CHECK_OK(kja_path_basename("a/b/c", 5, path, sizeof path, NULL));
  CHECK(strcmp(path, "c") == 0);
  CHECK_OK(kja_path_parent("a/b/c", 5, path, sizeof path, NULL));
  CHECK(strcmp(path, "a/b") == 0);
  CHECK_OK(kja_path_parent("a", 1, path, sizeof path, NULL));
  CHECK(strcmp(path, ".") == 0);
  CHECK_IS(kja_path_parent(".", 1, path, sizeof path, NULL), KJA_ERR_INVALID_ARGUMENT);
  CHECK_IS(kja_path_basename("", 0, path, sizeof path, NULL), KJA_ERR_INVALID_ARGUMENT);
  CHECK_OK(kja_path_slice("a/b/c", 5, 1, 3, path, sizeof path, NULL));
  CHECK(strcmp(path, "b/c") == 0);
  CHECK_IS(kja_path_slice("a/b/c", 5, 2, 4, path, sizeof path, NULL), KJA_ERR_INVALID_ARGUMENT);
  CHECK_IS(kja_path_slice("a/b/c", 5, 2, 1, path, sizeof path, NULL), KJA_ERR_INVALID_ARGUMENT);
  CHECK_OK(kja_path_starts_with("a/b", 3, "a", 1, &is));
  CHECK(is);
  CHECK_OK(kja_path_starts_with("ab", 2, "a", 1, &is));
  CHECK(!is);
  CHECK_OK(kja_path_ends_with("a/b", 3, "b", 1, &is));
  CHECK(is);
  CHECK_OK(kja_path_compare("a/b", 3, "a!", 2, &order));
  CHECK(order == -1);
  CHECK_OK(kja_path_compare("b", 1, "a/b", 3, &order));
  CHECK(order == 1);
  CHECK_OK(kja_path_compare("a/b", 3, "a//b", 4, &order));
  CHECK(order == 0);
  CHECK_OK(kja_path_hash("a/b", 3, &hash));
  CHECK_OK(kja_path_hash("a//b/", 5, &other));
  CHECK_U64(hash, other);
}

/* parity: FS-12, FS-13 */
static void the_mode_says_what_may_be_there(void) {
  place_t place = place_open();
  file_make(place.directory, "here", "text");
  expect_conflict(open_file(place.directory, "here", KJA_WRITE_CREATE), EEXIST);
  expect_conflict(open_file(place.directory, "missing", KJA_WRITE_MODIFY), ENOENT);
  expect_conflict(open_file(place.directory, "missing", 0), ENOENT);
  expect_conflict(open_file(place.directory, "no/such", KJA_WRITE_CREATE), ENOENT);
  expect_conflict(open_file(place.directory, "here/in", KJA_WRITE_CREATE), ENOTDIR);
  CHECK_U64(open_file(place.directory, "here", KJA_WRITE_CREATE | KJA_OPEN_TRY), 0);
  CHECK_U64(open_file(place.directory, "missing", KJA_OPEN_TRY), 0);
  uint32_t bad[] = {KJA_WRITE_EXECUTABLE, KJA_WRITE_MODIFY | KJA_WRITE_CREATE_PARENT, 128, KJA_OPEN_APPEND};
  for (int i = 0; i < 4; i++) {
    kja_file_t none = 7;
    CHECK_IS(kja_directory_open_file(place.directory, "here", 4, bad[i], &none), KJA_ERR_INVALID_ARGUMENT);
    CHECK_U64(none, 0);
  }
  kja_file_t file = open_file(place.directory, "no/such", KJA_WRITE_CREATE | KJA_WRITE_CREATE_PARENT);
  CHECK_OK(kja_file_release(file));
  kja_directory_t inner = open_directory(place.directory, "no", 0);
  CHECK_OK(kja_directory_release(inner));
  expect_conflict(open_directory(place.directory, "no", KJA_WRITE_CREATE), EEXIST);
  expect_conflict(open_directory(place.directory, "here", 0), ENOTDIR);
  expect_conflict(open_file(place.directory, "no", 0), EISDIR);
  CHECK_U64(open_directory(place.directory, "missing", KJA_OPEN_TRY), 0);
  place_close(place);
}

/* parity: FS-05, FS-06, FS-08, FS-09, FS-16 */
static void a_file_is_read_written_and_appended_to(void) {
  place_t place = place_open();
  kja_file_t file = open_file(place.directory, "f", KJA_WRITE_CREATE), again = 0;
  char buffer[16];
  size_t length = 99;
  CHECK_OK(kja_file_write(file, 2, "cdef", 4));
  CHECK_OK(kja_file_read(file, 1, buffer, sizeof buffer, &length));
  CHECK_U64(length, 5);
  CHECK(memcmp(buffer, "\0cdef", 5) == 0);
  CHECK_OK(kja_file_read(file, 3, buffer, 2, &length));
  CHECK(length == 2 && memcmp(buffer, "de", 2) == 0);
  CHECK_OK(kja_file_zero(file, 3, 5));
  CHECK_OK(kja_file_truncate(file, 4));
  file_holds(file, "\0\0c\0", 4);
  CHECK_OK(kja_file_write_all(file, "all", 3));
  CHECK_OK(kja_file_append(file, "!", 1));
  file_holds(file, "all!", 4);
  kja_bytes_t bytes = 0;
  CHECK_IS(kja_file_read_all(file, 3, &bytes), KJA_ERR_OVERLOADED);
  CHECK_IS(kja_file_write(file, UINT64_MAX, "x", 1), KJA_ERR_INVALID_ARGUMENT);
  CHECK_IS(kja_file_truncate(file, UINT64_MAX), KJA_ERR_INVALID_ARGUMENT);
  CHECK_OK(kja_file_clone(file, &again));
  CHECK_OK(kja_file_sync(file, true));
  CHECK_OK(kja_file_release(file));
  kja_file_stat_t stat = stat_new();
  CHECK_OK(kja_file_stat(again, &stat));
  CHECK(stat.kind == KJA_NODE_FILE && stat.length == 4 && stat.link_count == 1 && stat.modified_nanos > 0);
  kja_file_t log = open_file(place.directory, "f", KJA_WRITE_MODIFY | KJA_OPEN_APPEND);
  CHECK_OK(kja_file_append(log, "?", 1));
  CHECK_IS(kja_file_write(log, 0, "x", 1), KJA_ERR_INVALID_ARGUMENT);
  CHECK_IS(kja_file_read(log, 0, buffer, 1, &length), KJA_ERR_FAILED);
  CHECK_U64(kja_last_error_os(), EBADF);
  file_holds(again, "all!?", 5);
  kja_file_t copy = open_file(place.directory, "copy", KJA_WRITE_CREATE);
  uint64_t copied = 0;
  CHECK_OK(kja_file_copy(copy, 1, again, 2, 100, &copied));
  CHECK_U64(copied, 3);
  file_holds(copy, "\0l!?", 4);
  CHECK_OK(kja_file_release(copy));
  CHECK_OK(kja_file_release(log));
  CHECK_OK(kja_file_release(again));
  place_close(place);
}

/* parity: FS-05, FS-11 */
static void a_directory_is_listed_and_looked_at(void) {
  place_t place = place_open();
  file_make(place.directory, "b", "12345");
  file_make(place.directory, "a/in", "");
  CHECK_OK(kja_directory_symlink(place.directory, "l", 1, "b", 1, KJA_WRITE_CREATE, NULL));
  expect_listing(place.directory, "\2a\0\1b\0\3l", 9);
  kja_file_stat_t stat = stat_new();
  bool found = false;
  CHECK_OK(kja_directory_lstat(place.directory, "b", 1, &stat, NULL));
  CHECK(stat.kind == KJA_NODE_FILE && stat.length == 5);
  CHECK_OK(kja_directory_lstat(place.directory, "l", 1, &stat, &found));
  CHECK(found && stat.kind == KJA_NODE_SYMLINK);
  CHECK_OK(kja_directory_lstat(place.directory, "none", 4, &stat, &found));
  CHECK(!found);
  CHECK_OK(kja_directory_lstat(place.directory, "a/in", 4, NULL, &found));
  CHECK(found);
  CHECK_IS(kja_directory_lstat(place.directory, "none", 4, NULL, NULL), KJA_ERR_FAILED);
  CHECK_U64(kja_last_error_os(), ENOENT);
  kja_bytes_t target = 0;
  CHECK_OK(kja_directory_readlink(place.directory, "l", 1, &target));
  bytes_are(target, "b", 1);
  CHECK_IS(kja_directory_readlink(place.directory, "b", 1, &target), KJA_ERR_FAILED);
  CHECK_U64(kja_last_error_os(), EINVAL);
  kja_directory_t again = 0;
  uint64_t identity = 0;
  CHECK_OK(kja_directory_clone(place.directory, &again));
  CHECK_OK(kja_directory_stat(again, &stat));
  identity = stat.identity;
  CHECK_OK(kja_directory_stat(place.directory, &stat));
  CHECK(stat.kind == KJA_NODE_DIRECTORY && stat.identity == identity);
  CHECK_OK(kja_directory_sync(again));
  CHECK_OK(kja_directory_release(again));
  place_close(place);
}

/* parity: FS-14 */
static void a_replacement_shows_when_it_is_committed(void) {
  place_t place = place_open();
  uint32_t mode = KJA_WRITE_CREATE | KJA_WRITE_MODIFY;
  kja_replacer_t replacer = 0;
  kja_file_t file = 0;
  kja_directory_t directory = 0;
  bool done = true;
  file_make(place.directory, "f", "old");
  CHECK_OK(kja_directory_replace_file(place.directory, "f", 1, mode, &replacer));
  CHECK_OK(kja_replacer_file(replacer, &file));
  CHECK_IS(kja_replacer_directory(replacer, &directory), KJA_ERR_WRONG_TYPE);
  CHECK_OK(kja_file_write(file, 0, "new", 3));
  text_is(place.directory, "f", "old");
  expect_listing(place.directory, "\1f", 3);
  CHECK_OK(kja_replacer_commit(replacer, NULL));
  text_is(place.directory, "f", "new");
  CHECK_IS(kja_replacer_commit(replacer, NULL), KJA_ERR_FAILED);
  CHECK_OK(kja_file_release(file));
  CHECK_OK(kja_replacer_release(replacer));
  /* A directory in its place. */
  CHECK_OK(kja_directory_replace_directory(place.directory, "f", 1, mode, &replacer));
  CHECK_OK(kja_replacer_directory(replacer, &directory));
  CHECK_IS(kja_replacer_file(replacer, &file), KJA_ERR_WRONG_TYPE);
  file_make(directory, "in", "deep");
  CHECK_OK(kja_replacer_commit(replacer, &done));
  CHECK(done);
  text_is(place.directory, "f/in", "deep");
  CHECK_OK(kja_directory_release(directory));
  CHECK_OK(kja_replacer_release(replacer));
  /* Discarded, and refused by the mode. */
  CHECK_OK(kja_directory_replace_file(place.directory, "f", 1, KJA_WRITE_CREATE, &replacer));
  CHECK_OK(kja_replacer_commit(replacer, &done));
  CHECK(!done);
  CHECK_IS(kja_replacer_commit(replacer, NULL), KJA_ERR_FAILED);
  CHECK_U64(kja_last_error_os(), EEXIST);
  CHECK_OK(kja_replacer_release(replacer));
  expect_listing(place.directory, "\2f", 3);
  text_is(place.directory, "f/in", "deep");
  place_close(place);
}

/* parity: FS-15, FS-17 */
static void files_are_moved_linked_copied_and_removed(void) {
  place_t place = place_open();
  kja_directory_t d = place.directory;
  bool done = false;
  file_make(d, "f", "text");
  file_make(d, "tree/a/b", "deep");
  CHECK_OK(kja_directory_transfer(d, "linked", 6, KJA_WRITE_CREATE, d, "f", 1, KJA_TRANSFER_LINK, NULL));
  CHECK_OK(kja_directory_transfer(d, "copied", 6, KJA_WRITE_CREATE, d, "f", 1, KJA_TRANSFER_COPY, &done));
  CHECK(done);
  CHECK_OK(kja_directory_transfer(d, "copied", 6, KJA_WRITE_CREATE, d, "f", 1, KJA_TRANSFER_MOVE, &done));
  CHECK(!done);
  CHECK_IS(kja_directory_transfer(d, "copied", 6, KJA_WRITE_CREATE, d, "f", 1, KJA_TRANSFER_MOVE, NULL), KJA_ERR_FAILED);
  CHECK_U64(kja_last_error_os(), EEXIST);
  CHECK_IS(kja_directory_transfer(d, "x", 1, KJA_WRITE_CREATE, d, "f", 1, 3, NULL), KJA_ERR_INVALID_ARGUMENT);
  CHECK_OK(kja_directory_transfer(d, "copied", 6, KJA_WRITE_MODIFY, d, "tree", 4, KJA_TRANSFER_MOVE, NULL));
  text_is(d, "copied/a/b", "deep");
  text_is(d, "linked", "text");
  expect_listing(d, "\2copied\0\1f\0\1linked", 19);
  CHECK_OK(kja_directory_remove(d, "copied", 6, NULL));
  CHECK_OK(kja_directory_remove(d, "copied", 6, &done));
  CHECK(!done);
  CHECK_IS(kja_directory_remove(d, "copied", 6, NULL), KJA_ERR_FAILED);
  CHECK_U64(kja_last_error_os(), ENOENT);
  kja_file_t temporary = 0;
  CHECK_OK(kja_directory_create_temporary(d, &temporary));
  CHECK_OK(kja_file_write(temporary, 0, "x", 1));
  expect_listing(d, "\1f\0\1linked", 11);
  CHECK_OK(kja_file_release(temporary));
  place_close(place);
}

static uint64_t seven(void *ctx) {
  (void)ctx;
  return 7;
}

/* parity: FS-19 */
static void a_directory_in_memory_goes_by_its_clock(void) {
  count_t destroyed = {0};
  kja_directory_t memory = 0;
  kja_file_t file = 0;
  kja_file_stat_t stat = stat_new();
  int32_t fd = 0;
  CHECK_OK(kja_directory_new_in_memory(seven, &destroyed, count_destroy, &memory));
  file_make(memory, "a/f", "x");
  CHECK_OK(kja_directory_lstat(memory, "a/f", 3, &stat, NULL));
  CHECK_U64(stat.modified_nanos, 7);
  CHECK_IS(kja_directory_fd(memory, &fd), KJA_ERR_UNIMPLEMENTED);
  CHECK_OK(kja_directory_release(memory));
  CHECK_U64(count_get(&destroyed), 1);
  CHECK_OK(kja_file_new_in_memory(NULL, &destroyed, count_destroy, &file));
  CHECK_U64(count_get(&destroyed), 2);
  CHECK_OK(kja_file_stat(file, &stat));
  CHECK(stat.modified_nanos > SECOND);
  CHECK_IS(kja_file_fd(file, &fd), KJA_ERR_UNIMPLEMENTED);
  CHECK_OK(kja_file_release(file));
#ifdef __linux__
  CHECK_OK(kja_file_new_anonymous(&file));
  CHECK_OK(kja_file_write(file, 0, "shown", 5));
  CHECK_OK(kja_file_fd(file, &fd));
  char got[5];
  CHECK(pread(fd, got, 5, 0) == 5 && memcmp(got, "shown", 5) == 0);
  CHECK_OK(kja_file_release(file));
#else
  CHECK_IS(kja_file_new_anonymous(&file), KJA_ERR_UNIMPLEMENTED);
#endif
}

/* parity: FS-18 */
static void the_root_and_the_current_directory_are_there_for_main(void) {
  kja_directory_t root = 0, current = 0;
  kja_file_stat_t one = stat_new(), other = stat_new();
  char path[4096];
  size_t length = 0;
  CHECK_OK(kja_filesystem_root(&root));
  CHECK_OK(kja_filesystem_current(&current));
  CHECK_OK(kja_filesystem_current_path(path, sizeof path, &length));
  CHECK_OK(kja_directory_stat(current, &one));
  CHECK_OK(kja_directory_lstat(root, path, length, &other, NULL));
  CHECK_U64(one.identity, other.identity);
  CHECK_OK(kja_directory_release(root));
  CHECK_OK(kja_directory_release(current));
}

/* parity: FS-05, FS-20 */
static void descriptors_become_files_and_directories(void) {
  place_t place = place_open();
  kja_file_t file = 0;
  kja_directory_t directory = 0;
  int32_t number = -1;
  int fd = openat(place.fd, "f", O_RDWR | O_CREAT, 0666);
  CHECK(write(fd, "text", 4) == 4);
  CHECK_OK(kja_file_from_fd(fd, KJA_FD_BORROW, &file));
  CHECK_OK(kja_file_fd(file, &number));
  CHECK(number != fd && fcntl(number, F_GETFD) == FD_CLOEXEC);
  file_holds(file, "text", 4);
  CHECK_OK(kja_file_release(file));
  CHECK_OK(kja_file_from_fd(fd, KJA_FD_TAKE, &file));
  CHECK_OK(kja_file_append(file, "!", 1));
  CHECK_OK(kja_file_release(file));
  CHECK(fcntl(fd, F_GETFD) == -1);
  text_is(place.directory, "f", "text!");
  CHECK_IS(kja_file_from_fd(place.fd, KJA_FD_BORROW, &file), KJA_ERR_FAILED);
  CHECK_U64(kja_last_error_os(), EISDIR);
  CHECK_IS(kja_file_from_fd(-1, KJA_FD_BORROW, &file), KJA_ERR_INVALID_ARGUMENT);
  CHECK_IS(kja_file_from_fd(place.fd, 8, &file), KJA_ERR_INVALID_ARGUMENT);
  fd = openat(place.fd, "f", O_RDONLY);
  CHECK_IS(kja_directory_from_fd(fd, KJA_FD_TAKE, &directory), KJA_ERR_FAILED);
  CHECK_U64(kja_last_error_os(), ENOTDIR);
  CHECK(fcntl(fd, F_GETFD) == -1);
  CHECK_OK(kja_directory_fd(place.directory, &number));
  CHECK_OK(kja_directory_from_fd(number, KJA_FD_BORROW, &directory));
  text_is(directory, "f", "text!");
  CHECK_OK(kja_directory_release(directory));
  place_close(place);
}

/* parity: FS-07, FS-10 */
static void a_file_is_memory(void) {
  place_t place = place_open();
  kja_file_t file = open_file(place.directory, "f", KJA_WRITE_CREATE);
  kja_file_mapping_t shared = 0, private_ = 0, writable = 0, none = 7;
  void *seen = NULL, *own = NULL, *memory = NULL;
  size_t size = 0;
  CHECK_OK(kja_file_write(file, 0, "0123456789", 10));
  CHECK_OK(kja_file_map(file, KJA_MAP_SHARED, 1, 5, &shared));
  CHECK_OK(kja_file_map(file, KJA_MAP_PRIVATE, 0, 10, &private_));
  CHECK_OK(kja_file_map(file, KJA_MAP_WRITABLE, 2, 8, &writable));
  CHECK_OK(kja_file_mapping_data(shared, &seen, &size));
  CHECK(size == 5 && memcmp(seen, "12345", 5) == 0);
  CHECK_OK(kja_file_mapping_data(private_, &own, NULL));
  memcpy(own, "mine", 4);
  file_holds(file, "0123456789", 10);
  CHECK_OK(kja_file_mapping_data(writable, &memory, NULL));
  memcpy(memory, "abc", 3);
  CHECK_OK(kja_file_mapping_changed(writable, 0, 3));
  CHECK_OK(kja_file_mapping_sync(writable, 0, 8));
  file_holds(file, "01abc56789", 10);
  CHECK(memcmp(seen, "1abc5", 5) == 0 && memcmp(own, "mine", 4) == 0);
  CHECK_IS(kja_file_mapping_changed(shared, 0, 1), KJA_ERR_INVALID_ARGUMENT);
  CHECK_IS(kja_file_mapping_changed(writable, 8, 1), KJA_ERR_INVALID_ARGUMENT);
  CHECK_IS(kja_file_mapping_changed(writable, 1, SIZE_MAX), KJA_ERR_INVALID_ARGUMENT);
  CHECK_IS(kja_file_map(file, 3, 0, 1, &none), KJA_ERR_INVALID_ARGUMENT);
  CHECK_U64(none, 0);
  CHECK_OK(kja_file_mapping_release(shared));
  CHECK_OK(kja_file_mapping_release(private_));
  CHECK_OK(kja_file_mapping_release(writable));
  CHECK_OK(kja_file_release(file));
  place_close(place);
}

int main(void) {
  RUN(a_path_is_read_and_written_as_it_is_kept);
  RUN(a_path_is_taken_apart_and_compared);
  RUN(the_mode_says_what_may_be_there);
  RUN(a_file_is_read_written_and_appended_to);
  RUN(a_directory_is_listed_and_looked_at);
  RUN(a_replacement_shows_when_it_is_committed);
  RUN(files_are_moved_linked_copied_and_removed);
  RUN(a_directory_in_memory_goes_by_its_clock);
  RUN(the_root_and_the_current_directory_are_there_for_main);
  RUN(descriptors_become_files_and_directories);
  RUN(a_file_is_memory);
  return check_done();
}
