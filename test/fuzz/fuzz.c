/* Calls every function of the C interface at random, from several threads, and looks at the end for what is left.
 *
 *     fuzz [--seed N] [--threads N] [--seconds N | --calls N] [--log FILE] [--report]
 *
 * With one thread there is one loop, with virtual time, and nothing from outside: the same seed makes the same calls with the same
 * results, in number --calls. --log writes them down. --report tells which functions never succeeded. */
#define _POSIX_SPAWN 1
#include <dirent.h>
#include "calls.h"
#include "scenarios.h"

enum { MOST_THREADS = 64, STUCK_SECONDS = 60, DEFAULT_CALLS = 30000, ONE_SCENARIO_IN = 100 };

static worker_t workers[MOST_THREADS];
static unsigned threads = 8;
static uint64_t most_calls, end_nanos;
static _Thread_local worker_t *own;
static _Thread_local worker_t foreign;
static unsigned total_weight;

static worker_t *worker(void) {
  if (own) return own;
  if (!foreign.has_begun) {
    static count_t begun;
    foreign.random = (fuzz.seed + 1) * 0x9e3779b97f4a7c15 ^ count_add(&begun, 1) * 0xbf58476d1ce4e5b9;
    foreign.has_begun = 1;
    foreign.now = -1;
  }
  return &foreign;
}

static void call_now(worker_t *w, int function) {
  const function_t *it = &CALLS[function];
  if (__atomic_load_n(&fuzz.is_over, __ATOMIC_SEQ_CST)) return;
  if ((it->is_outside && fuzz.is_replay) || (it->blocks && w->destroying)) return;
  int now = w->now, prepared = w->prepared;
  w->prepared = function;
  it->call(w);
  w->now = now;
  w->prepared = prepared;
}
static void call_something(worker_t *w) {
  if (one_in(w, ONE_SCENARIO_IN) && !__atomic_load_n(&fuzz.is_over, __ATOMIC_SEQ_CST) && w->making < DEEPEST && !w->destroying) {
    make(w, (int)below(w, FAMILIES));
    return;
  }
  size_t dice = below(w, total_weight);
  int function = 0;
  while (dice >= CALLS[function].weight) dice -= CALLS[function++].weight;
  call_now(w, function);
}

static int is_time(const worker_t *w) {
  return most_calls ? w->made >= most_calls : kja_timer_now_nanos() >= end_nanos;
}
static void work(worker_t *w) {
  own = w;
  open_scope(w, 0);
  while (!is_time(w)) {
    call_something(w);
    renew_scopes(w);
  }
}
static void finish(worker_t *w) {
  for (int i = 0; i < MOST_SCOPES; i++)
    if (w->scopes[i]) {
      w->now = F_kja_runtime_release;
      kja_status_t status = kja_runtime_release(w->scopes[i]);
      CHECK(status == KJA_OK || status == KJA_ERR_BAD_HANDLE);
      forget(RUNTIME, w->scopes[i]);
    }
  w->now = -1;
}
static pthread_barrier_t barrier;
static void *work_on_thread(void *ctx) {
  worker_t *w = (worker_t *)ctx;
  work(w);
  pthread_barrier_wait(&barrier);
  pthread_barrier_wait(&barrier);
  finish(w);
  return NULL;
}

/* Ends the process, and says where it stands, if some thread makes no call for a long time. */
static pthread_mutex_t watching = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t watched = PTHREAD_COND_INITIALIZER;
static int is_watched = 1;
static void *watch(void *ctx) {
  uint64_t before[MOST_THREADS] = {0};
  pthread_mutex_lock(&watching);
  while (is_watched) {
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += STUCK_SECONDS;
    if (pthread_cond_timedwait(&watched, &watching, &until) != ETIMEDOUT) continue;
    for (unsigned i = 0; i < threads; i++) {
      uint64_t made = __atomic_load_n(&workers[i].made, __ATOMIC_RELAXED);
      if (made == before[i]) {
        int now = workers[i].now;
        printf("thread %u makes no call any more; it is in %s\n0 passed, 1 failed\n", i, now < 0 ? "none" : NAMES_OF_FUNCTIONS[now]);
        fflush(stdout);
        abort();
      }
      before[i] = made;
    }
  }
  pthread_mutex_unlock(&watching);
  return ctx;
}

static void release_loops(void) {
  worker_t *w = worker();
  for (kja_runtime_t loop; (loop = one_of(w, RUNTIME, 0));) {
    CHECK_OK(kja_runtime_release(loop));
    forget(RUNTIME, loop);
  }
}
static void release_kept(void) {
  for (int again = 1; again;) {
    again = 0;
    for (int family = 0; family <= FAMILIES; family++)
      for (uint64_t handle; family != RUNTIME && (handle = one_of(worker(), family, 0)); again = 1) {
        release_one(worker(), family, handle);
        forget(family, handle);
      }
  }
}
static void release_outside(void) {
  for (int i = 0; i < MOST_OTHERS; i++)
    if (others.fds[i] > 0) close(others.fds[i]);
  /* Children that were watched for a while, or told to be kept. */
  while (waitpid(-1, NULL, 0) > 0 || errno == EINTR) continue;
}
/* Says what never came back, too. */
static void bury(void) {
  for (int i = 0; i < GRAVES; i++) free(lents.buried[i]);
  for (lent_t *lent = lents.out.next, *after; lent != &lents.out; lent = after) {
    printf("not destroyed: what %s was lent at call %" PRIu64 "\n", NAMES_OF_FUNCTIONS[lent->function], lent->made + 1);
    after = lent->next;
    free(lent);
  }
}

static void run_threads(void) {
  pthread_t ids[MOST_THREADS];
  pthread_barrier_init(&barrier, NULL, threads + 1);
  own = NULL;
  open_loop(worker());
  open_loop(worker());
  for (unsigned i = 0; i < threads; i++) CHECK(pthread_create(&ids[i], NULL, work_on_thread, &workers[i]) == 0);
  pthread_barrier_wait(&barrier);
  __atomic_store_n(&fuzz.is_over, 1, __ATOMIC_SEQ_CST);
  if (fuzz.seed % 2) release_kept();
  if (fuzz.seed % 3) release_loops();
  pthread_barrier_wait(&barrier);
  for (unsigned i = 0; i < threads; i++) pthread_join(ids[i], NULL);
  pthread_barrier_destroy(&barrier);
}
static void run_alone(void) {
  work(&workers[0]);
  __atomic_store_n(&fuzz.is_over, 1, __ATOMIC_SEQ_CST);
  if (fuzz.seed % 2) release_kept();
  finish(&workers[0]);
}

/* Names those that run, and the system call that each is in. */
static void show_threads(void) {
  DIR *tasks = opendir("/proc/self/task");
  for (struct dirent *task; tasks && (task = readdir(tasks));) {
    static const char *const FILES[] = {"comm", "wchan", "syscall"};
    if (task->d_name[0] == '.') continue;
    printf("  thread");
    for (size_t i = 0; i < LENGTH(FILES); i++) {
      char path[400], text[200] = "";
      snprintf(path, sizeof path, "/proc/self/task/%s/%s", task->d_name, FILES[i]);
      FILE *file = fopen(path, "r");
      if (!file) continue;
      if (fgets(text, sizeof text, file)) printf(" %s", strtok(text, "\n"));
      fclose(file);
    }
    printf("\n");
  }
  if (tasks) closedir(tasks);
}

static void report(void) {
  unsigned never = 0;
  for (int i = 0; i < FUNCTIONS; i++)
    if (!fuzz.succeeded[i]) never++, printf("never succeeded: %s (refused %" PRIu64 " times)\n", NAMES_OF_FUNCTIONS[i], fuzz.refused[i]);
  printf("%u of %d functions never succeeded\n", never, (int)FUNCTIONS);
}

int main(int count, char **arguments) {
  double seconds = 0;
  int reports = 0;
  fuzz.seed = 1;
  for (int i = 1; i < count; i++) {
    const char *value = i + 1 < count ? arguments[i + 1] : "";
    if (!strcmp(arguments[i], "--report")) reports = 1;
    else if (!strcmp(arguments[i], "--seed")) fuzz.seed = strtoull(value, NULL, 0), i++;
    else if (!strcmp(arguments[i], "--threads")) threads = (unsigned)atoi(value), i++;
    else if (!strcmp(arguments[i], "--seconds")) seconds = atof(value), i++;
    else if (!strcmp(arguments[i], "--calls")) most_calls = strtoull(value, NULL, 0), i++;
    else if (!strcmp(arguments[i], "--log")) fuzz.log = fopen(value, "w"), i++;
    else return fprintf(stderr, "fuzz: what is %s?\n", arguments[i]), 2;
  }
  if (threads < 1 || threads > MOST_THREADS) return fprintf(stderr, "fuzz: 1 to %d threads\n", (int)MOST_THREADS), 2;
  fuzz.is_replay = threads == 1;
  if (!most_calls && seconds <= 0) most_calls = DEFAULT_CALLS;
  signal(SIGUSR1, SIG_IGN);
  signal(SIGUSR2, SIG_IGN);
  signal(SIGPIPE, SIG_IGN);
  kept_init();
  values_init();
  for (int i = 0; i < FUNCTIONS; i++) total_weight += CALLS[i].weight;
  for (unsigned i = 0; i < threads; i++) {
    workers[i].random = (fuzz.seed + 1) * 0x9e3779b97f4a7c15 ^ (i + 1) * 0x94d049bb133111eb;
    workers[i].now = -1;
  }
  const unsigned fds = open_fds(), running = running_threads();
  pthread_t watcher;
  pthread_create(&watcher, NULL, watch, NULL);
  end_nanos = kja_timer_now_nanos() + (uint64_t)(seconds * 1e9);
  if (fuzz.is_replay) run_alone();
  else run_threads();
  release_loops();
  release_kept();
  release_outside();
  pthread_mutex_lock(&watching);
  is_watched = 0;
  pthread_cond_signal(&watched);
  pthread_mutex_unlock(&watching);
  pthread_join(watcher, NULL);

  uint64_t made = 0;
  for (unsigned i = 0; i < threads; i++) made += workers[i].made;
  CHECK_U64(kja_handle_count(), 0);
  CHECK(fds_come_back_to(fds));
  CHECK_U64(open_fds(), fds);
  if (!threads_come_back_to(running)) {
    CHECK(!"a thread is left");
    show_threads();
  }
  CHECK_U64(count_get(&destroyed_count), count_get(&lent_count));
  bury();
  if (fuzz.log) fclose(fuzz.log);
  if (reports) report();
  int failed = check_failures_ != 0;
  printf("seed %" PRIu64 ", %u threads: %" PRIu64 " calls, %" PRIu64 " destructors\n", fuzz.seed, threads, made, count_get(&destroyed_count));
  printf("%d passed, %d failed\n", !failed, failed);
  return failed;
}
