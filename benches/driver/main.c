/* The library under the workloads of its peers: same command line, same cases, same JSON lines. */
#include "bench.h"

void must(kja_status_t status, const char *what) {
  if (status == KJA_OK) return;
  char text[256];
  kja_last_error_text(text, sizeof text);
  fprintf(stderr, "%s: %s: %s\n", what, kja_status_name(status), text);
  exit(3);
}

kja_runtime_t runtime_new(uint32_t mode, uint64_t look_nanos) {
  kja_runtime_options_t options = {.size = sizeof options, .mode = mode, .look_nanos = look_nanos};
  kja_runtime_t runtime;
  MUST(kja_runtime_new(&options, &runtime));
  return runtime;
}

kja_executor_t executor_of(kja_runtime_t runtime) {
  kja_executor_t executor;
  MUST(kja_runtime_executor(runtime, &executor));
  return executor;
}

void runtime_end(kja_runtime_t runtime) {
  MUST(kja_runtime_release(runtime));
}

void await_and_release(kja_promise_t promise) {
  MUST(kja_promise_await(promise));
  MUST(kja_promise_release(promise));
}

kja_handle_t handle_of(kja_promise_t promise) {
  kja_handle_t handle;
  MUST(kja_promise_await(promise));
  MUST(kja_promise_handle(promise, &handle));
  MUST(kja_promise_release(promise));
  return handle;
}

void do_nothing(void *ctx, kja_call_t call) {
  (void)ctx;
  (void)call;
}

/* The connections of W10 and their far ends take more descriptors than most systems grant at first. */
static void allow_many_descriptors(void) {
  struct rlimit limit;
  getrlimit(RLIMIT_NOFILE, &limit);
  rlim_t wanted = limit.rlim_max < 20000 ? limit.rlim_max : 20000;
  if (limit.rlim_cur < wanted) limit.rlim_cur = wanted;
  setrlimit(RLIMIT_NOFILE, &limit);
}

int main(int argc, char **argv) {
  static const struct {
    const char *name;
    void (*run)(void);
  } workloads[] = {{"W1", calls}, {"W2", timers}, {"W3", echo}, {"W4", bulk}, {"W5", datagrams}, {"W6", http}, {"W7", websockets}, {"W8", tls},
                   {"W9", promises}, {"W10", memory}, {"W11", beside}};
  const char *wanted = bench_arguments(argc, argv);
  allow_many_descriptors();
  for (size_t i = 0; i < sizeof workloads / sizeof *workloads; i++) {
    if (strcmp(workloads[i].name, wanted) != 0) continue;
    workloads[i].run();
    return 0;
  }
  fprintf(stderr, "no such workload here: \"%s\"\n", wanted);
  return 4;
}
