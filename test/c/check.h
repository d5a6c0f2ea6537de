/* A test program: functions without arguments, run one after another, each of which must leave no handle, no
 * file descriptor and no thread behind. */
#ifndef KJASYNC_TEST_CHECK_H
#define KJASYNC_TEST_CHECK_H

#include <kjasync.h>

#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#ifdef __linux__
#include <dirent.h>
#endif
#ifdef __APPLE__
#include <mach/mach.h>
#endif

enum { CHECK_SECONDS = 60, MOST_SHOWN = 10 };

static const uint64_t MILLISECOND = 1000000;
static const uint64_t SECOND = 1000000000;

static int check_failures_; /* of the running test; touched from any thread */
static unsigned check_passed_, check_failed_;

/* A counter that callbacks on the loop and the test's own thread share. C11's atomics are no C++17. */
typedef struct count_t {
  uint64_t value;
} count_t;

static inline uint64_t count_add(count_t *count, uint64_t by) {
  return __atomic_add_fetch(&count->value, by, __ATOMIC_SEQ_CST);
}
static inline uint64_t count_get(const count_t *count) {
  return __atomic_load_n(&count->value, __ATOMIC_SEQ_CST);
}
static inline void count_set(count_t *count, uint64_t value) {
  __atomic_store_n(&count->value, value, __ATOMIC_SEQ_CST);
}
/* A destructor that counts its runs: its ctx is a count_t. */
static inline void count_destroy(void *ctx) {
  count_add((count_t *)ctx, 1);
}

static inline void check_fail_(const char *file, int line, const char *what) {
  const char *name = strrchr(file, '/');
  if (__atomic_add_fetch(&check_failures_, 1, __ATOMIC_SEQ_CST) > MOST_SHOWN) return;
  fprintf(stderr, "  %s:%d: %s\n", name ? name + 1 : file, line, what);
}
static inline int check_true_(const char *file, int line, int holds, const char *what) {
  if (!holds) check_fail_(file, line, what);
  return holds;
}
static inline int check_status_(const char *file, int line, kja_status_t got, kja_status_t want, const char *what) {
  if (got == want) return 1;
  char text[200], line_text[600];
  kja_last_error_text(text, sizeof text);
  snprintf(line_text, sizeof line_text, "%s is %s, not %s (last error: %s)", what, kja_status_name(got),
           kja_status_name(want), text);
  check_fail_(file, line, line_text);
  return 0;
}
static inline int check_u64_(const char *file, int line, uint64_t got, uint64_t want, const char *what) {
  if (got == want) return 1;
  char text[400];
  snprintf(text, sizeof text, "%s is %" PRIu64 ", not %" PRIu64, what, got, want);
  check_fail_(file, line, text);
  return 0;
}

/* Each notes a failure, lets the test go on (no handle is dangerous, so it can) and tells whether it held. */
#define CHECK(condition) check_true_(__FILE__, __LINE__, !!(condition), #condition " does not hold")
#define CHECK_IS(call, status) check_status_(__FILE__, __LINE__, (call), (status), #call)
#define CHECK_OK(call) CHECK_IS(call, KJA_OK)
#define CHECK_U64(got, want) check_u64_(__FILE__, __LINE__, (uint64_t)(got), (uint64_t)(want), #got)

/* KJA_TEST_SCALE makes heavy tests lighter, for a run under valgrind. */
static inline size_t scaled(size_t full) {
  const char *text = getenv("KJA_TEST_SCALE");
  double scale = text ? atof(text) : 1.0;
  size_t n = (size_t)((double)full * scale);
  return n < 2 ? 2 : n;
}

/* Memory and limits are not the process's own there. */
static inline int under_valgrind(void) {
  const char *preloaded = getenv("LD_PRELOAD");
  return preloaded && strstr(preloaded, "vgpreload") != NULL;
}

static inline unsigned open_fds(void) {
  unsigned n = 0;
  for (int fd = 0; fd < 4096; fd++) n += fcntl(fd, F_GETFD) != -1;
  return n;
}

static inline unsigned running_threads(void) {
  unsigned n = 0;
#if defined(__linux__)
  DIR *tasks = opendir("/proc/self/task");
  if (!tasks) return 0;
  for (struct dirent *entry; (entry = readdir(tasks));) n += entry->d_name[0] != '.';
  closedir(tasks);
#elif defined(__APPLE__)
  thread_act_array_t threads;
  mach_msg_type_number_t count;
  if (task_threads(mach_task_self(), &threads, &count) != KERN_SUCCESS) return 0;
  for (n = 0; n < count; n++) mach_port_deallocate(mach_task_self(), threads[n]);
  vm_deallocate(mach_task_self(), (vm_address_t)threads, count * sizeof *threads);
#endif
  return n;
}

static inline int come_back_to_(unsigned (*count)(void), unsigned n) {
  for (uint64_t end = kja_timer_now_nanos() + 5 * SECOND; kja_timer_now_nanos() < end; sched_yield())
    if (count() <= n) return 1;
  return 0;
}
/* The kernel forgets a thread a moment after it could be joined. */
static inline int threads_come_back_to(unsigned n) {
  return come_back_to_(running_threads, n);
}
/* A descriptor that is closed while another thread is in a call on it, or wakes its loop, goes when that returns. */
static inline int fds_come_back_to(unsigned n) {
  return come_back_to_(open_fds, n);
}

static inline uint64_t cpu_nanos(void) {
  struct timespec spent;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &spent);
  return (uint64_t)spent.tv_sec * SECOND + (uint64_t)spent.tv_nsec;
}

static inline void check_run_(const char *name, void (*test)(void)) {
  alarm(CHECK_SECONDS);
  check_failures_ = 0;
  uint64_t handles = kja_handle_count();
  unsigned fds = open_fds(), threads = running_threads();
  test();
  CHECK_U64(kja_handle_count(), handles);
  CHECK(fds_come_back_to(fds));
  CHECK(threads_come_back_to(threads));
  int failed = __atomic_load_n(&check_failures_, __ATOMIC_SEQ_CST) != 0;
  printf("%s %s\n", failed ? "FAILED" : "ok    ", name);
  fflush(stdout);
  if (failed) check_failed_++;
  else check_passed_++;
}
#define RUN(test) check_run_(#test, test)

/* The next kind of error, 0 behind the last. A loop over all of them begins with 0. */
static inline kja_status_t kind_after(kja_status_t kind) {
  for (kind++; kind < 256; kind++) {
    if (strcmp(kja_status_name(kind), "UNKNOWN") != 0) return kind;
  }
  return 0;
}

static inline int check_done(void) {
  printf("%u passed, %u failed\n", check_passed_, check_failed_);
  return check_failed_ != 0;
}

#endif
