/* Operations on files on the threads of the pool. */
#include "filesystem.h"
#include "gate.h"
#include "stream.h"

/* parity: FS-05, FS-06, FS-08, FS-09, FS-11, FS-12, FS-14, FS-17 */
static void every_operation_may_be_started(void) {
  kja_runtime_t runtime = runtime_open();
  place_t place = place_open();
  kja_directory_t d = place.directory;
  kja_promise_t promise = 0;
  uint32_t mode = KJA_WRITE_CREATE | KJA_WRITE_CREATE_PARENT;
  CHECK_OK(kja_directory_open_file_start(d, runtime, "a/f", 3, mode, &promise));
  kja_file_t file = handle_from(promise);
  CHECK_OK(kja_directory_open_directory_start(d, runtime, "a", 1, 0, &promise));
  kja_directory_t inner = handle_from(promise);
  CHECK_OK(kja_file_write_start(file, runtime, 1, "bc", 2, &promise));
  expect(promise, KJA_OK);
  CHECK_OK(kja_file_append_start(file, runtime, "d", 1, &promise));
  expect(promise, KJA_OK);
  CHECK_OK(kja_file_read_start(file, runtime, 1, 2, &promise));
  expect_text(promise, "bc");
  CHECK_OK(kja_file_read_all_start(file, runtime, 4, &promise));
  expect_bytes(promise, "\0bcd", 4);
  CHECK_OK(kja_file_read_all_start(file, runtime, 3, &promise));
  expect(promise, KJA_ERR_OVERLOADED);
  CHECK_OK(kja_file_copy_start(file, runtime, 4, file, 0, 4, &promise));
  expect_u64(promise, 4);
  CHECK_OK(kja_file_sync_start(file, runtime, false, &promise));
  expect(promise, KJA_OK);
  CHECK_OK(kja_directory_sync_start(d, runtime, &promise));
  expect(promise, KJA_OK);
  CHECK_OK(kja_directory_list_start(inner, runtime, &promise));
  expect_bytes(promise, "\1f", 3);
  CHECK_OK(kja_directory_transfer_start(d, runtime, "g", 1, KJA_WRITE_CREATE, inner, "f", 1, KJA_TRANSFER_LINK, &promise));
  expect_u64(promise, 1);
  CHECK_OK(kja_directory_transfer_start(d, runtime, "g", 1, KJA_WRITE_CREATE, inner, "f", 1, KJA_TRANSFER_MOVE, &promise));
  expect_u64(promise, 0);
  kja_replacer_t replacer = 0;
  CHECK_OK(kja_directory_replace_file(d, "g", 1, KJA_WRITE_MODIFY, &replacer));
  CHECK_OK(kja_replacer_commit_start(replacer, runtime, &promise));
  expect_u64(promise, 1);
  CHECK_OK(kja_replacer_release(replacer));
  text_is(d, "g", "");
  CHECK_OK(kja_directory_remove_start(d, runtime, "g", 1, &promise));
  expect_u64(promise, 1);
  CHECK_OK(kja_directory_remove_start(d, runtime, "g", 1, &promise));
  expect_u64(promise, 0);
  /* A conflict with the mode is an error, or nothing. */
  CHECK_OK(kja_directory_open_file_start(d, runtime, "g", 1, 0, &promise));
  CHECK_IS(kja_promise_await(promise), KJA_ERR_FAILED);
  CHECK_U64(kja_last_error_os(), ENOENT);
  CHECK_OK(kja_promise_release(promise));
  CHECK_OK(kja_directory_open_directory_start(d, runtime, "g", 1, KJA_OPEN_TRY, &promise));
  CHECK_OK(kja_promise_await(promise));
  uint32_t type = 0;
  CHECK_OK(kja_promise_outcome_type(promise, &type));
  CHECK_U64(type, KJA_OUTCOME_UNIT);
  CHECK_OK(kja_promise_release(promise));
  CHECK_IS(kja_directory_open_file_start(d, runtime, "../g", 4, 0, &promise), KJA_ERR_INVALID_ARGUMENT);
  CHECK_OK(kja_directory_release(inner));
  CHECK_OK(kja_file_release(file));
  place_close(place);
  runtime_close(runtime);
}

/* A clock that waits: who changes a file in memory is held up. */
typedef struct held_t {
  gate_t gate;
  count_t waiting;
  count_t armed;
} held_t;

static uint64_t held_clock(void *ctx) {
  held_t *held = (held_t *)ctx;
  if (count_get(&held->armed)) {
    count_add(&held->waiting, 1);
    gate_pass(&held->gate);
  }
  return 0;
}

enum { AT_ONCE = 16, WAITING = 4096 };

typedef struct full_t {
  held_t held;
  kja_file_t file;
  kja_promise_t running[AT_ONCE];
} full_t;

/* Has every thread of the pool be in an operation that goes on when the gate is opened. */
static void full_open(full_t *full, kja_runtime_t runtime) {
  memset(full, 0, sizeof *full);
  gate_init(&full->held.gate);
  CHECK_OK(kja_file_new_in_memory(held_clock, &full->held, NULL, &full->file));
  count_set(&full->held.armed, 1);
  for (int i = 0; i < AT_ONCE; i++) CHECK_OK(kja_file_append_start(full->file, runtime, "x", 1, &full->running[i]));
  for (uint64_t end = kja_timer_now_nanos() + 20 * SECOND; count_get(&full->held.waiting) < AT_ONCE;) {
    if (!CHECK(kja_timer_now_nanos() < end)) break;
    sched_yield();
  }
}
static void full_close(full_t *full) {
  CHECK_OK(kja_file_release(full->file));
  gate_destroy(&full->held.gate);
}

static void one_that_has_not_begun_never_does(void) {
  kja_runtime_t runtime = runtime_open();
  full_t full;
  kja_promise_t waiting = 0, timer = 0;
  full_open(&full, runtime);
  uint64_t handles = kja_handle_count();
  CHECK_OK(kja_file_append_start(full.file, runtime, "never", 5, &waiting));
  CHECK_IS(kja_promise_status(waiting), KJA_ERR_PENDING);
  CHECK_OK(kja_promise_release(waiting));
  CHECK_OK(kja_file_append_start(full.file, runtime, "never", 5, &waiting));
  CHECK_OK(kja_promise_cancel(waiting));
  expect_already(waiting, KJA_ERR_CANCELED);
  CHECK_U64(kja_handle_count(), handles);
  /* The loop turns meanwhile. */
  CHECK_OK(kja_timer_sleep_start(runtime, 1, &timer));
  expect(timer, KJA_OK);
  gate_open(&full.held.gate);
  for (int i = 0; i < AT_ONCE; i++) expect(full.running[i], KJA_OK);
  count_set(&full.held.armed, 0);
  CHECK_OK(kja_file_append_start(full.file, runtime, "!", 1, &waiting));
  expect(waiting, KJA_OK);
  file_holds(full.file, "xxxxxxxxxxxxxxxx!", 17);
  full_close(&full);
  runtime_close(runtime);
}

static void one_that_runs_goes_on_unseen_and_holds_nobody_up(void) {
  kja_runtime_t runtime = runtime_open(), other = 0;
  full_t full;
  kja_promise_t promise = 0;
  full_open(&full, runtime);
  /* Neither the cancel nor the shutdown waits for what stands at the gate. */
  for (int i = 0; i < AT_ONCE / 2; i++) CHECK_OK(kja_promise_release(full.running[i]));
  CHECK_OK(kja_runtime_shutdown(runtime));
  for (int i = AT_ONCE / 2; i < AT_ONCE; i++) CHECK_IS(kja_promise_release(full.running[i]), KJA_ERR_BAD_HANDLE);
  CHECK_IS(kja_file_append_start(full.file, runtime, "x", 1, &promise), KJA_ERR_SHUTDOWN);
  CHECK_OK(kja_runtime_release(runtime));
  gate_open(&full.held.gate);
  other = runtime_open();
  CHECK_OK(kja_file_append_start(full.file, other, "!", 1, &promise));
  expect(promise, KJA_OK);
  kja_file_stat_t stat = stat_new();
  for (uint64_t end = kja_timer_now_nanos() + 20 * SECOND; stat.length < AT_ONCE + 1; sched_yield()) {
    CHECK_OK(kja_file_stat(full.file, &stat));
    if (!CHECK(kja_timer_now_nanos() < end)) break;
  }
  full_close(&full);
  runtime_close(other);
}

static void so_many_may_wait_and_no_more(void) {
  kja_runtime_t runtime = runtime_open();
  full_t full;
  static kja_promise_t waiting[WAITING];
  kja_promise_t one = 0;
  full_open(&full, runtime);
  for (int i = 0; i < WAITING; i++) CHECK_OK(kja_file_append_start(full.file, runtime, "y", 1, &waiting[i]));
  CHECK_IS(kja_file_append_start(full.file, runtime, "z", 1, &one), KJA_ERR_OVERLOADED);
  CHECK_U64(one, 0);
  /* One that is cancelled makes room. */
  CHECK_OK(kja_promise_release(waiting[7]));
  CHECK_OK(kja_file_append_start(full.file, runtime, "y", 1, &waiting[7]));
  gate_open(&full.held.gate);
  for (int i = 0; i < AT_ONCE; i++) expect(full.running[i], KJA_OK);
  for (int i = 0; i < WAITING; i++) expect(waiting[i], KJA_OK);
  kja_file_stat_t stat = stat_new();
  CHECK_OK(kja_file_stat(full.file, &stat));
  CHECK_U64(stat.length, AT_ONCE + WAITING);
  full_close(&full);
  runtime_close(runtime);
}

/* parity: FS-08 */
static void a_file_becomes_a_connection(void) {
  kja_runtime_t runtime = runtime_open();
  place_t place = place_open();
  kja_connection_t connection = 0;
  kja_file_t memory = 0, file = open_file(place.directory, "f", KJA_WRITE_CREATE);
  CHECK_OK(kja_file_write(file, 0, "0123", 4));
  CHECK_OK(kja_file_connection(file, runtime, 2, &connection));
  CHECK_OK(kja_file_release(file));
  expect_text(read_all_start(connection, 10), "23");
  write_text(connection, "ab");
  CHECK_OK(kja_connection_release(connection));
  text_is(place.directory, "f", "01ab");
  /* One that appends. */
  file = open_file(place.directory, "f", KJA_WRITE_MODIFY | KJA_OPEN_APPEND);
  CHECK_OK(kja_file_connection(file, runtime, 0, &connection));
  write_text(connection, "c");
  CHECK_OK(kja_file_append(file, "d", 1));
  write_text(connection, "e");
  CHECK_OK(kja_connection_release(connection));
  CHECK_OK(kja_file_release(file));
  text_is(place.directory, "f", "01abcde");
  CHECK_OK(kja_file_new_in_memory(NULL, NULL, NULL, &memory));
  CHECK_IS(kja_file_connection(memory, runtime, 0, &connection), KJA_ERR_UNIMPLEMENTED);
  CHECK_OK(kja_file_release(memory));
  place_close(place);
  runtime_close(runtime);
}

int main(void) {
  RUN_IN_BOTH(every_operation_may_be_started);
  RUN_IN_BOTH(one_that_has_not_begun_never_does);
  RUN_IN_BOTH(one_that_runs_goes_on_unseen_and_holds_nobody_up);
  RUN_IN_BOTH(so_many_may_wait_and_no_more);
  RUN_IN_BOTH(a_file_becomes_a_connection);
  return check_done();
}
