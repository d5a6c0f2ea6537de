/* Memory is short: what a caller asks too much of says so, and everything else goes on. Not under valgrind, whose memory is
 * not limited. */
#include "loopback.h"
#include "options.h"

#include <sys/mman.h>
#include <sys/resource.h>

enum { MORE_THAN_THERE_IS = 48 << 20, LEFT = 32 << 20 };

/* Lowers the limit of the address space to a little more than is used. */
static struct rlimit memory_shortage_begin(void) {
  struct rlimit before, limit;
  unsigned long pages = 0;
  FILE *file = fopen("/proc/self/statm", "r");
  CHECK(file && fscanf(file, "%lu", &pages) == 1);
  if (file) fclose(file);
  CHECK(getrlimit(RLIMIT_AS, &before) == 0);
  limit = before;
  limit.rlim_cur = pages * (unsigned long)sysconf(_SC_PAGESIZE) + LEFT;
  CHECK(setrlimit(RLIMIT_AS, &limit) == 0);
  return before;
}

static void copies_without_the_memory_are_overloaded(void) {
#if defined(__linux__)
  if (under_valgrind()) return;
  kja_runtime_t runtime = runtime_open();
  pair_t pair = pair_open(runtime);
  kja_bytes_t bytes = 1;
  kja_promise_t writing = 1, reading = 0;
  kja_error_t error = 0, more = 1;
  void *big = mmap(NULL, MORE_THAN_THERE_IS, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(big != MAP_FAILED);
  CHECK_OK(kja_error_new(KJA_ERR_FAILED, 0, "x", 1, &error));
  struct rlimit before = memory_shortage_begin();

  CHECK_IS(kja_bytes_new(big, MORE_THAN_THERE_IS, &bytes), KJA_ERR_OVERLOADED);
  CHECK_U64(bytes, 0);
  kja_slice_t slice = {big, MORE_THAN_THERE_IS};
  CHECK_IS(kja_connection_writev_start(pair.client, &slice, 1, &writing), KJA_ERR_OVERLOADED);
  CHECK_U64(writing, 0);
  CHECK_IS(kja_connection_write_start(pair.client, big, MORE_THAN_THERE_IS, &writing), KJA_ERR_OVERLOADED);
  CHECK_U64(writing, 0);
  CHECK_IS(kja_error_with_detail(error, 1, big, MORE_THAN_THERE_IS, &more), KJA_ERR_OVERLOADED);
  CHECK_U64(more, 0);
  CHECK_IS(kja_error_new(KJA_ERR_FAILED, 0, (const char *)big, MORE_THAN_THERE_IS, &more), KJA_ERR_OVERLOADED);
  expect(read_start(pair.server, MORE_THAN_THERE_IS, MORE_THAN_THERE_IS), KJA_ERR_OVERLOADED);
  /* And everything else goes on. */
  write_text(pair.server, "on");
  reading = read_start(pair.client, 2, 2);
  expect_text(reading, "on");

  CHECK(setrlimit(RLIMIT_AS, &before) == 0);
  CHECK_OK(kja_bytes_new(big, MORE_THAN_THERE_IS, &bytes));
  CHECK_OK(kja_bytes_release(bytes));
  CHECK_OK(kja_error_release(error));
  munmap(big, MORE_THAN_THERE_IS);
  pair_release(pair);
  runtime_close(runtime);
#endif
}

int main(void) {
  RUN(copies_without_the_memory_are_overloaded);
  return check_done();
}
