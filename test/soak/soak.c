/* Opens, uses, resets, half-closes and drops whatever the library has, at random, from several threads and from the
 * loop, for so many seconds:
 *
 *     soak SECONDS [SEED]
 *
 * Fails if an operation does not end or ends implausibly, if handles, descriptors or threads are left at the end, or if
 * the memory of the last quarter of the time is above that of the second one by more than the margin below. */
#include "activities.h"

#include <errno.h>
#include <pthread.h>
#include <sys/resource.h>

enum { THREADS = 4, SERVERS = 4, SAMPLES = 400 };

/* What the allocator's and the kernel's own noise may amount to: this many bytes and one in so many. */
static const uint64_t MARGIN_BYTES = 3 << 20, MARGIN_ONE_IN = 20;

/* --- Servers on the loop, which give back what they get. --- */

static count_t stopping, closing, served, refused;

typedef struct box_t {
  kja_handle_t handle;
} box_t;

static box_t *box_of(kja_handle_t handle) {
  box_t *box = (box_t *)malloc(sizeof *box);
  box->handle = handle;
  return box;
}
static void end_echo(void *ctx, kja_call_t call) {
  kja_promise_t ending = 0;
  if (kja_call_status(call) == KJA_OK &&
      kja_connection_shutdown_write_start(((box_t *)ctx)->handle, &ending) == KJA_OK)
    kja_call_return_promise(call, ending);
}
static void drop_connection(void *ctx) {
  CHECK_OK(kja_connection_release(((box_t *)ctx)->handle));
  free(ctx);
}
static void serve_next(void *ctx, kja_call_t call);
static void accept_another(kja_listener_t listener) {
  kja_promise_t accepting = 0, serving = 0;
  if (kja_listener_accept_start(listener, &accepting) != KJA_OK) return;
  CHECK_OK(kja_promise_handle_both(accepting, serve_next, box_of(listener), free, &serving));
  CHECK_OK(kja_promise_release(accepting));
  CHECK_OK(kja_promise_detach(serving, NULL, NULL, NULL));
}
static void serve_next(void *ctx, kja_call_t call) {
  kja_connection_t connection = 0;
  kja_promise_t pumping = 0, echoing = 0;
  if (kja_call_status(call) == KJA_OK && CHECK_OK(kja_call_handle(call, &connection))) {
    count_add(&served, 1);
    CHECK_OK(kja_connection_pump_start(connection, connection, UINT64_MAX, &pumping));
    CHECK_OK(kja_promise_handle_both(pumping, end_echo, box_of(connection), drop_connection, &echoing));
    CHECK_OK(kja_promise_release(pumping));
    CHECK_OK(kja_promise_detach(echoing, NULL, NULL, NULL));
  }
  if (!count_get(&closing)) accept_another(((box_t *)ctx)->handle);
}

/* The same as sequences: one promise for all accepts, and one for all reads of a connection. */
static void echo_bytes(void *ctx, kja_call_t call) {
  kja_connection_t connection = ((box_t *)ctx)->handle;
  kja_bytes_t bytes = 0, rest = 0;
  kja_promise_t writing = 0;
  const void *data = NULL;
  size_t size = 0, written = 0;
  if (!CHECK_OK(kja_call_bytes(call, &bytes))) return;
  CHECK_OK(kja_bytes_data(bytes, &data, &size));
  kja_status_t status = kja_connection_write_now(connection, data, size, &written);
  if (status == KJA_OK && written < size && CHECK_OK(kja_bytes_slice(bytes, written, size, &rest))) {
    status = kja_connection_write_bytes_start(connection, rest, &writing);
    if (status == KJA_OK) CHECK_OK(kja_call_return_promise(call, writing));
    CHECK_OK(kja_bytes_release(rest));
  }
  if (status != KJA_OK) CHECK_OK(kja_call_return_error(call, KJA_ERR_DISCONNECTED, 0, "gone", 4));
  CHECK_OK(kja_bytes_release(bytes));
}
static void serve_each(void *ctx, kja_call_t call) {
  kja_connection_t connection = 0;
  kja_promise_t reading = 0, echoing = 0;
  (void)ctx;
  if (!CHECK_OK(kja_call_handle(call, &connection))) return;
  count_add(&served, 1);
  CHECK_OK(kja_connection_read_each_start(connection, 1, MOST_BYTES, echo_bytes, box_of(connection), free, &reading));
  CHECK_OK(kja_promise_handle_both(reading, end_echo, box_of(connection), drop_connection, &echoing));
  CHECK_OK(kja_promise_release(reading));
  CHECK_OK(kja_promise_detach(echoing, NULL, NULL, NULL));
}
static void accept_each(kja_listener_t listener) {
  kja_promise_t accepting = 0;
  CHECK_OK(kja_listener_accept_each_start(listener, serve_each, NULL, NULL, &accepting));
  CHECK_OK(kja_promise_detach(accepting, NULL, NULL, NULL));
}

static kja_runtime_t shared;
static kja_executor_t executor;
static kja_listener_t listeners[SERVERS];
static kja_address_t addresses[SERVERS];

static void serve(const char *text, void (*accept_all)(kja_listener_t), kja_listener_t *listener, kja_address_t *bound) {
  kja_promise_t parsing = 0;
  kja_address_t address = 0;
  CHECK_OK(kja_address_parse_start(shared, text, strlen(text), 0, &parsing));
  CHECK_OK(kja_promise_await(parsing));
  CHECK_OK(kja_promise_handle(parsing, &address));
  CHECK_OK(kja_promise_release(parsing));
  CHECK_OK(kja_address_listen(address, 0, listener));
  CHECK_OK(kja_listener_local_address(*listener, bound));
  CHECK_OK(kja_address_release(address));
  accept_all(*listener);
}

/* --- Activities that need more than a runtime. --- */

static kja_connection_t connect_to_server(worker_t *worker) {
  kja_promise_t connecting = 0;
  kja_connection_t connection = 0;
  uint64_t which = below(worker, SERVERS);
  if (!CHECK_OK(kja_address_connect_start(addresses[which], &connecting))) return 0;
  if (chance(worker, 10)) {
    end(worker, connecting, "a connect");
    return 0;
  }
  kja_status_t status = kja_promise_await_for(connecting, LONGEST);
  if (status == KJA_OK) CHECK_OK(kja_promise_handle(connecting, &connection));
  else {
    CHECK(kja_last_error_os() == EADDRNOTAVAIL); /* every port has been used of late */
    count_add(&refused, 1);
  }
  CHECK_OK(kja_promise_release(connecting));
  return connection;
}
/* Writes, and reads the same from the server. */
static void converse(worker_t *worker, kja_connection_t connection) {
  size_t size = below(worker, MOST_BYTES) + 1, got_size = 0;
  const void *got = NULL;
  kja_promise_t writing = 0, reading = 0;
  kja_bytes_t bytes = 0;
  CHECK_OK(kja_connection_write_start(connection, data_of_soak, size, &writing));
  CHECK_OK(kja_connection_read_start(connection, size, size, &reading));
  CHECK_OK(kja_promise_await_for(reading, LONGEST));
  if (CHECK_OK(kja_promise_bytes(reading, &bytes))) {
    CHECK_OK(kja_bytes_data(bytes, &got, &got_size));
    CHECK(got_size == size && memcmp(got, data_of_soak, size) == 0);
    CHECK_OK(kja_bytes_release(bytes));
  }
  CHECK_OK(kja_promise_release(reading));
  CHECK_IS(finish(writing, "a write"), KJA_OK);
}
static void talk_to_a_server(worker_t *worker) {
  kja_connection_t connection = connect_to_server(worker);
  kja_promise_t promise = 0, more = 0;
  if (!connection) return;
  for (uint64_t i = below(worker, 4); i; i--) converse(worker, connection);
  switch (below(worker, 8)) {
    case 0: /* an orderly end */
      CHECK_OK(kja_connection_shutdown_write_start(connection, &promise));
      CHECK_IS(finish(promise, "the end of the writing"), KJA_OK);
      CHECK_OK(kja_connection_read_all_start(connection, 1, &promise));
      CHECK_IS(finish(promise, "the end of a stream"), KJA_OK);
      break;
    case 1: /* half an end, nobody waits for the other */
      CHECK_OK(kja_connection_shutdown_write_start(connection, &promise));
      hand_over(worker, promise);
      break;
    case 2: { /* a reset */
      struct linger now;
      now.l_onoff = 1;
      now.l_linger = 0;
      CHECK_OK(kja_connection_setsockopt(connection, SOL_SOCKET, SO_LINGER, &now, sizeof now));
      end(worker, write_some(worker, connection), "a write before a reset");
      break;
    }
    case 3:
      end(worker, write_some(worker, connection), "a write before an abort");
      CHECK_OK(kja_connection_abort_write(connection, KJA_ERR_FAILED, 0, "soak", 4));
      break;
    case 4: /* much that comes back and is not read */
      for (int i = 0; i < 20; i++) hand_over(worker, write_some(worker, connection));
      hand_over(worker, read_some(worker, connection));
      break;
    case 5:
      CHECK_OK(kja_connection_read_start(connection, 1, 10, &promise));
      CHECK_OK(kja_connection_when_write_disconnected_start(connection, &more));
      CHECK_OK(kja_connection_close(connection));
      finish(promise, "a read that was closed");
      end(worker, more, "disconnected");
      CHECK_OK(kja_connection_release(connection));
      return;
    case 6:
      CHECK_OK(kja_connection_abort_read(connection));
      end(worker, write_some(worker, connection), "a write by one who does not read");
      break;
    default: break;
  }
  leave(worker, connection);
}

typedef void (*activity_t)(worker_t *worker);
static const activity_t everywhere[] = {talk_over_a_pair, split_with_a_tee, pump_between_pairs, send_datagrams,
                                        pass_descriptors, wait_for_timers,  chain_promises,     coordinate};
static void do_something(worker_t *worker) {
  everywhere[below(worker, sizeof everywhere / sizeof *everywhere)](worker);
}

static void do_on_loop(void *ctx, kja_call_t call) {
  worker_t worker = {*(uint64_t *)ctx, shared, 1};
  for (uint64_t i = below(&worker, 4) + 1; i; i--) do_something(&worker);
  if (chance(&worker, 2)) kja_call_return_promise(call, sleep_some(&worker));
}
static void work_on_the_loop(worker_t *worker) {
  kja_promise_t promise = 0;
  uint64_t *seed = (uint64_t *)malloc(sizeof *seed);
  *seed = worker->random ^ 0x9E3779B97F4A7C15;
  if (chance(worker, 2)) CHECK_OK(kja_executor_execute(executor, do_on_loop, seed, free));
  else {
    CHECK_OK(kja_executor_execute_start(executor, do_on_loop, seed, free, &promise));
    end(worker, promise, "a call into the loop");
  }
}

/* A runtime of one's own, shut down in the midst of it all. */
static void use_another_runtime(worker_t *worker) {
  kja_runtime_options_t options;
  worker_t own = *worker;
  memset(&options, 0, sizeof options);
  options.size = sizeof options;
  options.mode = chance(worker, 2) ? KJA_RUNTIME_WAIT_SCOPE : KJA_RUNTIME_THREAD;
  CHECK_OK(kja_runtime_new(&options, &own.runtime));
  for (uint64_t i = below(worker, 6) + 1; i; i--) do_something(&own);
  ends_t ends = ends_of(&own, below(worker, 5)); /* what is left goes with the runtime */
  write_some(&own, ends.writer);
  read_some(&own, ends.reader);
  sleep_some(&own);
  CHECK_OK(kja_runtime_shutdown(own.runtime));
  CHECK_OK(kja_runtime_release(own.runtime));
}

static const struct {
  const char *name;
  activity_t act;
  unsigned weight;
} activities[] = {{"conversations with a server", talk_to_a_server, 8},
                  {"activities", do_something, 8},
                  {"calls into the loop", work_on_the_loop, 4},
                  {"runtimes", use_another_runtime, 1}};
enum { KINDS = sizeof activities / sizeof *activities };
static count_t done[KINDS];

static void *work(void *ctx) {
  worker_t *worker = (worker_t *)ctx;
  while (!count_get(&stopping)) {
    uint64_t pick = below(worker, 21), kind = 0;
    while (pick >= activities[kind].weight) pick -= activities[kind++].weight;
    activities[kind].act(worker);
    count_add(&done[kind], 1);
#ifdef __APPLE__
    pause_nanos(5 * MILLISECOND); /* or the ports run out, which stay in use for half a minute */
#endif
  }
  return NULL;
}

/* --- What it comes to. --- */

typedef struct sample_t {
  uint64_t memory, fds, handles;
} sample_t;
static sample_t samples[SAMPLES];

static uint64_t memory_now(void) {
#ifdef __linux__
  unsigned long whole = 0, resident = 0;
  FILE *file = fopen("/proc/self/statm", "r");
  if (!file || fscanf(file, "%lu %lu", &whole, &resident) != 2) resident = 0;
  if (file) fclose(file);
  return (uint64_t)resident * (uint64_t)sysconf(_SC_PAGESIZE);
#else
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return (uint64_t)usage.ru_maxrss;
#endif
}
static sample_t sample_now(void) {
  sample_t sample = {memory_now(), open_fds(), kja_handle_count()};
  return sample;
}

static int compare(const void *one, const void *other) {
  uint64_t a = *(const uint64_t *)one, b = *(const uint64_t *)other;
  return (a > b) - (a < b);
}
/* The median of one figure over a quarter of the samples; the first is 0. */
static uint64_t median(size_t count, size_t quarter, size_t figure) {
  uint64_t values[SAMPLES];
  size_t from = count * quarter / 4, size = count * (quarter + 1) / 4 - from;
  for (size_t i = 0; i < size; i++) values[i] = (&samples[from + i].memory)[figure];
  qsort(values, size, sizeof *values, compare);
  return size ? values[size / 2] : 0;
}

static void verdict(const char *name) {
  int failed = __atomic_exchange_n(&check_failures_, 0, __ATOMIC_SEQ_CST) != 0;
  printf("%s %s\n", failed ? "FAILED" : "ok    ", name);
  fflush(stdout);
  if (failed) check_failed_++;
  else check_passed_++;
}

int main(int count, char **arguments) {
  double seconds = count > 1 ? atof(arguments[1]) : 60;
  uint64_t seed = count > 2 ? strtoull(arguments[2], NULL, 0) : kja_timer_now_nanos() ^ (uint64_t)getpid() << 32;
  uint64_t handles = kja_handle_count(), begin = kja_timer_now_nanos(), length = (uint64_t)(seconds * 1e9);
  unsigned fds = open_fds(), threads = running_threads();
  worker_t workers[THREADS];
  pthread_t ids[THREADS];
  char folder[] = "/tmp/kjasync-soak-XXXXXX", unix_text[100], unix_each_text[100];
  size_t taken = 0;
  printf("soak: %g seconds, seed %#" PRIx64 "\n", seconds, seed);
  fflush(stdout);
  alarm((unsigned)seconds + 120);
  for (size_t i = 0; i < sizeof data_of_soak; i++) data_of_soak[i] = (unsigned char)(i * 31 + (i >> 8) * 17);
  CHECK_OK(kja_runtime_new(NULL, &shared));
  CHECK_OK(kja_runtime_executor(shared, &executor));
  CHECK(mkdtemp(folder) != NULL);
  snprintf(unix_text, sizeof unix_text, "unix:%s/socket", folder);
  snprintf(unix_each_text, sizeof unix_each_text, "unix:%s/each", folder);
  serve("127.0.0.1:0", accept_another, &listeners[0], &addresses[0]);
  serve("127.0.0.1:0", accept_each, &listeners[1], &addresses[1]);
  serve(unix_text, accept_another, &listeners[2], &addresses[2]);
  serve(unix_each_text, accept_each, &listeners[3], &addresses[3]);
  for (int i = 0; i < THREADS; i++) {
    worker_t worker = {seed + (uint64_t)(i + 1) * 0x9E3779B97F4A7C15, shared, 0};
    workers[i] = worker;
    CHECK(pthread_create(&ids[i], NULL, work, &workers[i]) == 0);
  }
  while (kja_timer_now_nanos() - begin < length && taken < SAMPLES) {
    pause_nanos(length / SAMPLES + MILLISECOND);
    samples[taken++] = sample_now();
  }
  count_set(&stopping, 1);
  for (int i = 0; i < THREADS; i++) CHECK(pthread_join(ids[i], NULL) == 0);
  for (int i = 0; i < SLOTS; i++) end_foreign(&workers[0], __atomic_exchange_n(&slots[i], 0, __ATOMIC_SEQ_CST));
  verdict("every operation ended, and as it may");

  count_set(&closing, 1);
  for (int i = 0; i < SERVERS; i++) {
    CHECK_OK(kja_listener_close(listeners[i]));
    CHECK_OK(kja_listener_release(listeners[i]));
    CHECK_OK(kja_address_release(addresses[i]));
  }
  CHECK_OK(kja_runtime_cancel_detached(shared));
  CHECK_OK(kja_executor_release(executor));
  /* A shutdown takes handles that were forgotten with it, so they are counted before. */
  for (uint64_t late = kja_timer_now_nanos() + 5 * SECOND; kja_timer_now_nanos() < late; sched_yield())
    if (kja_handle_count() == handles + 1) break;
  CHECK_U64(kja_handle_count(), handles + 1);
  CHECK_OK(kja_runtime_shutdown(shared));
  CHECK_OK(kja_runtime_release(shared));
  CHECK(rmdir(folder) == 0);
  CHECK_U64(kja_handle_count(), handles);
  verdict("no handle is left");
  CHECK(fds_come_back_to(fds));
  verdict("no descriptor is left");
  CHECK(threads_come_back_to(threads));
  verdict("no thread is left");

  for (int kind = 0; kind < KINDS; kind++)
    printf("%12" PRIu64 " %s\n", count_get(&done[kind]), activities[kind].name);
  printf("%12" PRIu64 " connections served, %" PRIu64 " refused for want of a port\n", count_get(&served),
         count_get(&refused));
  printf("%12" PRIu64 " promises awaited, %" PRIu64 " cancelled, %" PRIu64 " handed over to others\n",
         count_get(&awaited), count_get(&cancelled), count_get(&handed_over));
  for (size_t quarter = 0; taken >= 4 && quarter < 4; quarter++)
    printf("quarter %zu: median %7.2f MiB of memory, %4" PRIu64 " descriptors, %4" PRIu64 " handles\n", quarter + 1,
           (double)median(taken, quarter, 0) / 1048576, median(taken, quarter, 1), median(taken, quarter, 2));
  uint64_t before = median(taken, 1, 0), after = median(taken, 3, 0), margin = MARGIN_BYTES + before / MARGIN_ONE_IN;
  printf("memory may grow by %.2f MiB from the second quarter to the last, and grew by %.2f\n",
         (double)margin / 1048576, ((double)after - (double)before) / 1048576);
  if (!under_valgrind()) CHECK(after <= before + margin);
  verdict("memory does not grow");
  return check_done();
}
