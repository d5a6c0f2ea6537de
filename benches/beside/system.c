/* Short children beside posix_spawn and waitpid, and how soon a signal reaches a callback beside a thread that reads a signalfd. */
#include <kjasync.h>

#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

enum { CHILDREN = 300, AT_ONCE = 20, SIGNALS = 2000 };

static void must(int holds, const char *what) {
  if (holds) return;
  fprintf(stderr, "%s failed\n", what);
  exit(1);
}
#define OK(call) must((call) == KJA_OK, #call)

static int compare(const void *one, const void *other) {
  uint64_t a = *(const uint64_t *)one, b = *(const uint64_t *)other;
  return (a > b) - (a < b);
}

/* ---- Children */

static pid_t spawn_plain(void) {
  static char name[] = "true";
  char *argv[] = {name, NULL};
  pid_t pid = 0;
  must(posix_spawnp(&pid, "true", NULL, NULL, argv, environ) == 0, "posix_spawnp");
  return pid;
}
static void plain(int at_once) {
  pid_t children[AT_ONCE];
  for (int i = 0; i < at_once; i++) children[i] = spawn_plain();
  for (int i = 0; i < at_once; i++) {
    int status = 0;
    must(waitpid(children[i], &status, 0) == children[i] && status == 0, "waitpid");
  }
}
static kja_runtime_t runtime;
static void ours(int at_once) {
  kja_process_t children[AT_ONCE];
  kja_process_options_t options;
  memset(&options, 0, sizeof options);
  options.size = sizeof options;
  options.program = "true";
  for (int i = 0; i < at_once; i++) OK(kja_process_spawn(runtime, &options, &children[i]));
  for (int i = 0; i < at_once; i++) {
    kja_promise_t waiting = 0;
    uint64_t status = 1;
    OK(kja_process_wait_start(children[i], &waiting));
    OK(kja_promise_await(waiting));
    OK(kja_promise_u64(waiting, &status));
    must(status == 0, "true");
    OK(kja_promise_release(waiting));
    OK(kja_process_release(children[i]));
  }
}
static void children(const char *name, void (*run)(int), int at_once) {
  uint64_t begin = kja_timer_now_nanos();
  for (int i = 0; i < CHILDREN; i += at_once) run(at_once);
  printf("{\"case\": \"%s\", \"at_once\": %d, \"children_a_second\": %.0f}\n", name, at_once,
         CHILDREN * 1e9 / (double)(kja_timer_now_nanos() - begin));
}

/* ---- Signals: one at a time */

static sem_t arrived;
static uint64_t arrived_at;

static void arrive(void) {
  arrived_at = kja_timer_now_nanos();
  sem_post(&arrived);
}
static void on_signal(void *ctx, kja_call_t call) {
  (void)ctx, (void)call;
  arrive();
}
static void *read_signals(void *arg) {
  struct signalfd_siginfo info;
  for (int i = 0; i < SIGNALS; i++) {
    must(read(*(int *)arg, &info, sizeof info) == sizeof info, "read");
    arrive();
  }
  return NULL;
}
static void latency(const char *name) {
  static uint64_t nanos[SIGNALS];
  for (int i = 0; i < SIGNALS; i++) {
    uint64_t begin = kja_timer_now_nanos();
    must(kill(getpid(), SIGUSR2) == 0, "kill");
    sem_wait(&arrived);
    nanos[i] = arrived_at - begin;
  }
  qsort(nanos, SIGNALS, sizeof *nanos, compare);
  printf("{\"case\": \"%s\", \"median_nanos\": %llu, \"p99_nanos\": %llu}\n", name, (unsigned long long)nanos[SIGNALS / 2],
         (unsigned long long)nanos[SIGNALS * 99 / 100]);
}

int main(void) {
  int number = SIGUSR2;
  OK(kja_runtime_new(NULL, &runtime));
  for (int at_once = 1; at_once <= AT_ONCE; at_once *= AT_ONCE) {
    children("posix_spawn", plain, at_once);
    children("kja_process_spawn", ours, at_once);
  }
  sem_init(&arrived, 0, 0);
  kja_signal_t signal = 0;
  kja_promise_t each = 0;
  OK(kja_signal_new(runtime, &number, 1, &signal));
  OK(kja_signal_each_start(signal, on_signal, NULL, NULL, &each));
  latency("signal_to_callback");
  OK(kja_promise_release(each));
  OK(kja_signal_release(signal));
  OK(kja_runtime_release(runtime));

  sigset_t mask;
  pthread_t thread;
  sigemptyset(&mask);
  sigaddset(&mask, number);
  pthread_sigmask(SIG_BLOCK, &mask, NULL);
  int fd = signalfd(-1, &mask, SFD_CLOEXEC);
  must(pthread_create(&thread, NULL, read_signals, &fd) == 0, "pthread_create");
  latency("signal_to_signalfd");
  pthread_join(thread, NULL);
  close(fd);
  return 0;
}
