/* Files as streams, and the stream that is nothing. */
#include "stream.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

/* A file without a name that holds `text`. */
static int file_of(const char *text) {
  int fd = file_new();
  CHECK(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
  CHECK(lseek(fd, 3, SEEK_SET) == 3);
  return fd;
}
static kja_connection_t stream_of(kja_runtime_t runtime, int fd, uint32_t flags, uint64_t offset) {
  kja_connection_t connection = 0;
  CHECK_OK(kja_connection_from_file(runtime, fd, flags, offset, &connection));
  return connection;
}
static void file_holds(int fd, const char *text) {
  char got[100];
  ssize_t size = pread(fd, got, sizeof got, 0);
  CHECK_U64(size, strlen(text));
  CHECK(memcmp(got, text, strlen(text)) == 0);
  /* Its own offset is where it was. */
  CHECK_U64(lseek(fd, 0, SEEK_CUR), 3);
}

/* parity: STRM-25, STRM-04 */
static void a_file_is_read_from_an_offset_to_its_end(void) {
  kja_runtime_t runtime = runtime_open();
  int fd = file_of("0123456789");
  kja_connection_t connection = stream_of(runtime, fd, KJA_FD_BORROW, 2);
  kja_promise_t reading = read_start(connection, 3, 3);
  /* It was done in the call. */
  CHECK_OK(kja_promise_status(reading));
  expect_length(connection, 5);
  expect_text(reading, "234");
  expect_text(read_start(connection, 100, 200), "56789");
  expect_length(connection, 0);
  expect_end(connection);
  expect(read_required_start(connection, 1, 8), KJA_ERR_DISCONNECTED);
  file_holds(fd, "0123456789");
  /* It may grow. */
  CHECK(pwrite(fd, "abc", 3, 10) == 3);
  expect_length(connection, 3);
  expect_text(read_all_start(connection, 3), "abc");
  CHECK_OK(kja_connection_release(connection));
  CHECK(close(fd) == 0);
  runtime_close(runtime);
}

/* parity: STRM-25 */
static void beyond_the_end_there_is_nothing(void) {
  kja_runtime_t runtime = runtime_open();
  int fd = file_of("0123456789");
  kja_connection_t connection = stream_of(runtime, fd, KJA_FD_BORROW, 1000);
  expect_length(connection, 0);
  expect_end(connection);
  CHECK_OK(kja_connection_release(connection));
  uint64_t offsets[] = {INT64_MAX - 4, INT64_MAX, (uint64_t)INT64_MAX + 1, UINT64_MAX};
  for (int i = 0; i < 4; i++) {
    kja_status_t status = kja_connection_from_file(runtime, fd, KJA_FD_BORROW, offsets[i], &connection);
    CHECK_IS(status, i < 2 ? KJA_OK : KJA_ERR_INVALID_ARGUMENT);
    if (status) continue;
    expect_length(connection, 0);
    expect_end(connection);
    kja_promise_t writing = write_text_start(connection, "far out");
    CHECK(kja_promise_await(writing) != KJA_OK);
    CHECK_OK(kja_promise_release(writing));
    CHECK_OK(kja_connection_release(connection));
  }
  file_holds(fd, "0123456789");
  CHECK(close(fd) == 0);
  runtime_close(runtime);
}

/* parity: STRM-26 */
static void a_file_is_written_from_an_offset_on(void) {
  kja_runtime_t runtime = runtime_open();
  int fd = file_of("0123456789");
  kja_connection_t connection = stream_of(runtime, fd, KJA_FD_BORROW, 8);
  kja_slice_t slices[3] = {{"c", 1}, {NULL, 0}, {"de", 2}};
  kja_promise_t writing = write_text_start(connection, "ab"), gathered = 0;
  CHECK_OK(kja_promise_status(writing));
  expect(writing, KJA_OK);
  CHECK_OK(kja_connection_writev_start(connection, slices, 3, &gathered));
  expect(gathered, KJA_OK);
  file_holds(fd, "01234567abcde");
  /* Reading has an offset of its own. */
  expect_length(connection, 5);
  expect_text(read_start(connection, 5, 8), "abcde");
  shutdown_write(connection);
  CHECK_OK(kja_connection_release(connection));
  /* A gap is zeros. */
  connection = stream_of(runtime, fd, KJA_FD_BORROW, 14);
  write_text(connection, "!");
  CHECK_OK(kja_connection_release(connection));
  connection = stream_of(runtime, fd, KJA_FD_BORROW, 12);
  expect_bytes(read_start(connection, 3, 3), "e\0!", 3);
  CHECK_OK(kja_connection_release(connection));
  CHECK(close(fd) == 0);
  runtime_close(runtime);
}

static void lent_memory_is_given_back_before_the_promise_settles(void) {
  kja_runtime_t runtime = runtime_open();
  int fd = file_of("");
  kja_connection_t connection = stream_of(runtime, fd, KJA_FD_BORROW, 0);
  count_t freed = {0};
  char buffer[8] = "";
  kja_promise_t writing = 0, reading = 0;
  CHECK_OK(kja_connection_write_borrowed_start(connection, "lent", 4, &freed, count_destroy, &writing));
  CHECK_OK(kja_promise_status(writing));
  CHECK_U64(count_get(&freed), 1);
  expect(writing, KJA_OK);
  CHECK_OK(kja_connection_read_into_start(connection, buffer, 4, 7, &freed, count_destroy, &reading));
  CHECK_OK(kja_promise_status(reading));
  CHECK_U64(count_get(&freed), 2);
  expect_u64(reading, 4);
  CHECK(strcmp(buffer, "lent") == 0);
  CHECK_OK(kja_connection_release(connection));
  CHECK(close(fd) == 0);
  runtime_close(runtime);
}

/* parity: STRM-25, STRM-26 */
static void a_descriptor_in_the_wrong_mode_is_an_error(void) {
  kja_runtime_t runtime = runtime_open();
  char name[] = "/tmp/kjasync-test-XXXXXX";
  int both = mkstemp(name), reads = open(name, O_RDONLY), writes = open(name, O_WRONLY);
  CHECK(unlink(name) == 0);
  kja_connection_t reader = stream_of(runtime, reads, KJA_FD_TAKE, 0), writer = stream_of(runtime, writes, KJA_FD_TAKE, 0);
  expect(write_text_start(reader, "x"), KJA_ERR_FAILED);
  CHECK_U64(kja_last_error_os(), EBADF);
  expect(read_start(writer, 1, 8), KJA_ERR_FAILED);
  CHECK_U64(kja_last_error_os(), EBADF);
  write_text(writer, "fine");
  expect_text(read_start(reader, 1, 8), "fine");
  CHECK_OK(kja_connection_release(reader));
  CHECK_OK(kja_connection_release(writer));
  CHECK(close(both) == 0);
  runtime_close(runtime);
}

/* parity: STRM-25 */
static void what_is_no_regular_file_is_unimplemented(void) {
  kja_runtime_t runtime = runtime_open();
  int ends[2], fds[4];
  CHECK(pipe(ends) == 0);
  fds[0] = ends[0];
  fds[1] = open("/tmp", O_RDONLY);
  fds[2] = open("/dev/null", O_RDWR);
  fds[3] = socket(AF_INET, SOCK_STREAM, 0);
  unsigned before = open_fds();
  for (int i = 0; i < 4; i++) {
    kja_connection_t connection = 1;
    CHECK_IS(kja_connection_from_file(runtime, fds[i], KJA_FD_BORROW, 0, &connection), KJA_ERR_UNIMPLEMENTED);
    CHECK_U64(connection, 0);
    CHECK_U64(open_fds(), before);
    CHECK_IS(kja_connection_from_file(runtime, fds[i], KJA_FD_TAKE, 0, &connection), KJA_ERR_UNIMPLEMENTED);
    CHECK(fcntl(fds[i], F_GETFD) == -1);
    before--;
  }
  CHECK(close(ends[1]) == 0);
  runtime_close(runtime);
}

static void a_descriptor_given_away_is_closed_in_every_case(void) {
  kja_runtime_t runtime = runtime_open();
  kja_connection_t connection = 1;
  int fd = file_of("x");
  connection = stream_of(runtime, fd, KJA_FD_TAKE, 0);
  CHECK(fcntl(fd, F_GETFD) != -1);
  CHECK_OK(kja_connection_close(connection));
  CHECK(fcntl(fd, F_GETFD) == -1);
  CHECK_OK(kja_connection_release(connection));
  fd = file_of("x");
  connection = stream_of(runtime, fd, KJA_FD_TAKE, 0);
  CHECK_OK(kja_connection_release(connection));
  CHECK(fcntl(fd, F_GETFD) == -1);
  fd = file_of("x");
  CHECK_IS(kja_connection_from_file(runtime, fd, KJA_FD_TAKE, 0, NULL), KJA_ERR_INVALID_ARGUMENT);
  CHECK(fcntl(fd, F_GETFD) == -1);
  fd = file_of("x");
  CHECK_IS(kja_connection_from_file(0, fd, KJA_FD_TAKE, 0, &connection), KJA_ERR_BAD_HANDLE);
  CHECK(fcntl(fd, F_GETFD) == -1);
  fd = file_of("x");
  CHECK_IS(kja_connection_from_file(runtime, fd, KJA_FD_TAKE, UINT64_MAX, &connection), KJA_ERR_INVALID_ARGUMENT);
  CHECK(fcntl(fd, F_GETFD) == -1);
  fd = file_of("x");
  CHECK_OK(kja_runtime_shutdown(runtime));
  CHECK_IS(kja_connection_from_file(runtime, fd, KJA_FD_TAKE, 0, &connection), KJA_ERR_SHUTDOWN);
  CHECK(fcntl(fd, F_GETFD) == -1);
  CHECK_OK(kja_runtime_release(runtime));
}

static void a_copied_descriptor_is_not_inherited(void) {
  kja_runtime_t runtime = runtime_open();
  int fd = file_of("x");
  unsigned before[64] = {0};
  for (int i = 0; i < 64; i++) before[i] = fcntl(i, F_GETFD) != -1;
  kja_connection_t connection = stream_of(runtime, fd, KJA_FD_BORROW, 0);
  int found = 0;
  for (int i = 0; i < 64; i++) {
    int flags = fcntl(i, F_GETFD);
    if (flags == -1 || before[i]) continue;
    found++;
    CHECK(flags & FD_CLOEXEC);
  }
  CHECK_U64(found, 1);
  CHECK(close(fd) == 0);
  expect_text(read_start(connection, 1, 8), "x");
  CHECK_OK(kja_connection_release(connection));
  runtime_close(runtime);
}

static void a_bad_descriptor_is_refused(void) {
  kja_runtime_t runtime = runtime_open();
  kja_connection_t connection = 1;
  int fd = file_of("x");
  CHECK(close(fd) == 0);
  CHECK_IS(kja_connection_from_file(runtime, -1, KJA_FD_BORROW, 0, &connection), KJA_ERR_INVALID_ARGUMENT);
  CHECK_U64(connection, 0);
  CHECK_IS(kja_connection_from_file(runtime, -1, KJA_FD_TAKE, 0, &connection), KJA_ERR_INVALID_ARGUMENT);
  CHECK_IS(kja_connection_from_file(runtime, fd, KJA_FD_BORROW, 0, &connection), KJA_ERR_FAILED);
  CHECK_U64(kja_last_error_os(), EBADF);
  CHECK_IS(kja_connection_from_file(runtime, INT32_MAX, KJA_FD_BORROW, 0, &connection), KJA_ERR_FAILED);
  runtime_close(runtime);
}

/* parity: STRM-21 */
static void a_closed_file_is_closed(void) {
  kja_runtime_t runtime = runtime_open();
  kja_connection_t connection = stream_of(runtime, file_of("x"), KJA_FD_TAKE, 0);
  kja_promise_t watching = disconnected_start(connection);
  stays_pending(runtime, watching);
  CHECK_OK(kja_connection_close(connection));
  CHECK_OK(kja_connection_close(connection));
  expect(watching, KJA_ERR_CANCELED);
  expect(read_start(connection, 1, 8), KJA_ERR_CANCELED);
  expect(write_text_start(connection, "x"), KJA_ERR_CANCELED);
  expect_no_length(connection);
  CHECK_OK(kja_connection_release(connection));
  runtime_close(runtime);
}

/* parity: STRM-14, STRM-16 */
static void a_file_can_be_aborted_in_each_direction(void) {
  kja_runtime_t runtime = runtime_open();
  kja_connection_t connection = stream_of(runtime, file_of("0123"), KJA_FD_TAKE, 0);
  expect_text(read_start(connection, 1, 1), "0");
  CHECK_OK(kja_connection_abort_read(connection));
  expect_end(connection);
  expect_length(connection, 0);
  write_text(connection, "ab");
  abort_write(connection, KJA_ERR_OVERLOADED, "enough");
  expect_error(write_text_start(connection, "cd"), KJA_ERR_OVERLOADED, "enough");
  CHECK_OK(kja_connection_release(connection));
  runtime_close(runtime);
}

/* parity: STRM-26 */
static void a_full_disk_is_an_error_after_what_fitted(void) {
  if (under_valgrind()) return;
  kja_runtime_t runtime = runtime_open();
  int fd = file_of("");
  kja_connection_t connection = stream_of(runtime, fd, KJA_FD_BORROW, 0);
  struct rlimit was, small;
  CHECK(getrlimit(RLIMIT_FSIZE, &was) == 0);
  small = was;
  small.rlim_cur = 10000;
  CHECK(setrlimit(RLIMIT_FSIZE, &small) == 0);
  char *data = pattern_new(30000);
  kja_promise_t writing = write_start(connection, data, 30000);
  CHECK_IS(kja_promise_await(writing), KJA_ERR_FAILED);
  CHECK_U64(kja_last_error_os(), EFBIG);
  CHECK(setrlimit(RLIMIT_FSIZE, &was) == 0);
  CHECK_OK(kja_promise_release(writing));
  expect_length(connection, 10000);
  expect_pattern(connection, 0, 10000, 4096);
  /* It goes on where it stopped. */
  expect(write_start(connection, data + 10000, 20000), KJA_OK);
  expect_pattern(connection, 10000, 20000, 4096);
  free(data);
  CHECK_OK(kja_connection_release(connection));
  CHECK(close(fd) == 0);
  runtime_close(runtime);
}

/* parity: STRM-26 */
static void a_file_open_for_appending_is_refused(void) {
  kja_runtime_t runtime = runtime_open();
  kja_connection_t connection = 1;
  int fd = file_of("0123456789");
  CHECK(fcntl(fd, F_SETFL, O_APPEND) == 0);
  CHECK_IS(kja_connection_from_file(runtime, fd, KJA_FD_BORROW, 2, &connection), KJA_ERR_INVALID_ARGUMENT);
  CHECK_U64(connection, 0);
  CHECK_IS(kja_connection_from_file(runtime, fd, KJA_FD_BORROW, 0, &connection), KJA_ERR_INVALID_ARGUMENT);
  CHECK(fcntl(fd, F_SETFL, 0) == 0);
  connection = stream_of(runtime, fd, KJA_FD_TAKE, 2);
  write_text(connection, "AB");
  CHECK_OK(kja_connection_release(connection));
  runtime_close(runtime);
}

static void a_file_is_no_socket(void) {
  kja_runtime_t runtime = runtime_open();
  kja_connection_t connection = stream_of(runtime, file_of("x"), KJA_FD_TAKE, 0);
  kja_address_t address = 0;
  CHECK_IS(kja_connection_set_nodelay(connection, true), KJA_ERR_UNIMPLEMENTED);
  CHECK_IS(kja_connection_local_address(connection, &address), KJA_ERR_UNIMPLEMENTED);
  CHECK_OK(kja_connection_release(connection));
  runtime_close(runtime);
}

typedef struct inside_t {
  kja_connection_t connection;
  kja_promise_t reading, writing;
} inside_t;

static void copy_inside(void *ctx, kja_call_t call) {
  inside_t *inside = (inside_t *)ctx;
  (void)call;
  inside->writing = write_text_start(inside->connection, "AB");
  inside->reading = read_all_start(inside->connection, 100);
}

static void a_file_can_be_used_inside_a_callback(void) {
  kja_runtime_t runtime = runtime_open();
  inside_t inside = {stream_of(runtime, file_of("abcd"), KJA_FD_TAKE, 0), 0, 0};
  run_on_loop(runtime, copy_inside, &inside);
  expect(inside.writing, KJA_OK);
  expect_text(inside.reading, "ABcd");
  CHECK_OK(kja_connection_release(inside.connection));
  runtime_close(runtime);
}

/* parity: LOOP-06 */
static void a_shutdown_closes_files(void) {
  kja_runtime_t runtime = runtime_open();
  int fd = file_of("x");
  kja_connection_t connection = stream_of(runtime, fd, KJA_FD_TAKE, 0);
  disconnected_start(connection);
  runtime_close(runtime);
  CHECK(fcntl(fd, F_GETFD) == -1);
}

/* parity: STRM-22, STRM-04, STRM-07 */
static void the_null_stream_takes_all_and_gives_nothing(void) {
  kja_runtime_t runtime = runtime_open();
  kja_connection_t null = 0;
  CHECK_OK(kja_connection_new_null(runtime, &null));
  char *data = pattern_new(1 << 20);
  kja_slice_t slices[2] = {{"a", 1}, {"b", 1}};
  kja_promise_t gathered = 0;
  count_t freed = {0};
  expect_end(null);
  expect_text(read_all_start(null, 0), "");
  expect_length(null, 0);
  expect(write_start(null, data, 1 << 20), KJA_OK);
  CHECK_OK(kja_connection_writev_start(null, slices, 2, &gathered));
  expect(gathered, KJA_OK);
  CHECK_OK(kja_connection_write_borrowed_start(null, data, 1 << 20, &freed, count_destroy, &gathered));
  CHECK_U64(count_get(&freed), 1);
  expect(gathered, KJA_OK);
  expect_end(null);
  kja_promise_t watching = disconnected_start(null);
  stays_pending(runtime, watching);
  CHECK_OK(kja_connection_abort_read(null));
  abort_write(null, KJA_ERR_OVERLOADED, "enough");
  expect_error(write_text_start(null, "x"), KJA_ERR_OVERLOADED, "enough");
  expect_end(null);
  CHECK_OK(kja_connection_close(null));
  CHECK_OK(kja_connection_close(null));
  expect(watching, KJA_ERR_CANCELED);
  expect(read_start(null, 1, 8), KJA_ERR_CANCELED);
  free(data);
  CHECK_OK(kja_connection_release(null));
  runtime_close(runtime);
}

int main(void) {
  RUN_IN_BOTH(a_file_is_read_from_an_offset_to_its_end);
  RUN_IN_BOTH(beyond_the_end_there_is_nothing);
  RUN_IN_BOTH(a_file_is_written_from_an_offset_on);
  RUN_IN_BOTH(lent_memory_is_given_back_before_the_promise_settles);
  RUN_IN_BOTH(a_descriptor_in_the_wrong_mode_is_an_error);
  RUN_IN_BOTH(what_is_no_regular_file_is_unimplemented);
  RUN_IN_BOTH(a_descriptor_given_away_is_closed_in_every_case);
  RUN_IN_BOTH(a_copied_descriptor_is_not_inherited);
  RUN_IN_BOTH(a_bad_descriptor_is_refused);
  RUN_IN_BOTH(a_closed_file_is_closed);
  RUN_IN_BOTH(a_file_can_be_aborted_in_each_direction);
  RUN_IN_BOTH(a_full_disk_is_an_error_after_what_fitted);
  RUN_IN_BOTH(a_file_open_for_appending_is_refused);
  RUN_IN_BOTH(a_file_is_no_socket);
  RUN_IN_BOTH(a_file_can_be_used_inside_a_callback);
  RUN_IN_BOTH(a_shutdown_closes_files);
  RUN_IN_BOTH(the_null_stream_takes_all_and_gives_nothing);
  return check_done();
}
