/* A wait scope inside the loop of a host: one descriptor that is readable when there is something to do. */
#include "gate.h"
#include "loopback.h"
#include "options.h"
#include <poll.h>
#include <signal.h>

#ifdef __linux__
#include <sys/epoll.h>
#include <sys/timerfd.h>

static int pollable_of(kja_runtime_t runtime) {
  int32_t fd = -1, again = -1;
  CHECK_OK(kja_runtime_pollable_fd(runtime, &fd));
  CHECK_OK(kja_runtime_pollable_fd(runtime, &again));
  CHECK(fd >= 0 && again == fd);
  return fd;
}
/* Whether it becomes readable within that time. */
static int is_readable(int fd, int milliseconds) {
  struct pollfd polled = {fd, POLLIN, 0};
  return poll(&polled, 1, milliseconds) == 1;
}
/* However long this thread is held up. */
static void expect_unreadable_before(int fd, uint64_t deadline) {
  CHECK(!is_readable(fd, 0) || kja_timer_now_nanos() >= deadline);
}
static uint64_t turn_it(kja_runtime_t runtime) {
  uint64_t turns = 0;
  CHECK_OK(kja_runtime_poll(runtime, 0, &turns));
  return turns;
}
static kja_promise_t counting(kja_promise_t promise, count_t *ran) {
  kja_promise_t then = 0;
  CHECK_OK(kja_promise_then(promise, count_run, ran, NULL, &then));
  return then;
}

/* parity: UNIX-15 */
static void only_a_wait_scope_has_one(void) {
  kja_runtime_t thread = runtime_open(), scope = scope_open();
  int32_t fd = 7;
  CHECK_IS(kja_runtime_pollable_fd(thread, &fd), KJA_ERR_INVALID_ARGUMENT);
  CHECK_U64(fd, (uint64_t)-1);
  CHECK_IS(kja_runtime_pollable_fd(scope, NULL), KJA_ERR_INVALID_ARGUMENT);
  fd = pollable_of(scope);
  CHECK_OK(kja_runtime_shutdown(scope));
  CHECK(fcntl(fd, F_GETFD) == -1);
  CHECK_IS(kja_runtime_pollable_fd(scope, &fd), KJA_ERR_SHUTDOWN);
  CHECK_OK(kja_runtime_release(scope));
  runtime_close(thread);
}

/* parity: UNIX-15, UNIX-16 */
static void it_is_readable_while_something_is_queued(void) {
  kja_runtime_t runtime = scope_open();
  kja_promise_t unit = 0, before = 0;
  count_t ran = {0};
  /* What was queued before it was asked for counts too. */
  CHECK_OK(kja_promise_new_unit(runtime, &unit));
  before = counting(unit, &ran);
  int fd = pollable_of(runtime);
  CHECK(is_readable(fd, 0));
  CHECK(turn_it(runtime) > 0 && count_get(&ran) == 1);
  CHECK(!is_readable(fd, 0));
  CHECK_OK(kja_promise_release(before));
  for (int round = 0; round < 10; round++) {
    kja_promise_t two[] = {counting(unit, &ran), counting(unit, &ran)};
    CHECK(is_readable(fd, 0));
    uint64_t turns = 0;
    CHECK_OK(kja_runtime_poll(runtime, 1, &turns));
    CHECK(turns == 1 && is_readable(fd, 0));
    CHECK_OK(kja_runtime_turn(runtime, 0, &turns));
    CHECK(turns == 1 && !is_readable(fd, 0));
    CHECK_U64(count_get(&ran), 3 + 2 * round);
    for (int i = 0; i < 2; i++) CHECK_OK(kja_promise_release(two[i]));
    CHECK_U64(turn_it(runtime), 0);
    CHECK(!is_readable(fd, 0));
  }
  /* What waits until the loop would sleep. */
  kja_promise_t rest = 0;
  CHECK_OK(kja_timer_yield_until_would_sleep_start(runtime, &rest));
  CHECK(is_readable(fd, 0));
  turn_it(runtime);
  expect_already(rest, KJA_OK);
  CHECK(!is_readable(fd, 0));
  CHECK_OK(kja_runtime_wake(runtime));
  CHECK(is_readable(fd, 0));
  turn_it(runtime);
  CHECK(!is_readable(fd, 0));
  CHECK_OK(kja_promise_release(unit));
  runtime_close(runtime);
}

/* parity: UNIX-15, UNIX-16, UNIX-18 */
static void timers_make_it_readable_when_they_are_due(void) {
  kja_runtime_t runtime = scope_open();
  int fd = pollable_of(runtime);
  kja_promise_t late = sleep_start(runtime, 3600 * SECOND);
  CHECK(!is_readable(fd, 0));
  uint64_t begin = kja_timer_now_nanos();
  kja_promise_t soon = sleep_start(runtime, 20 * MILLISECOND), cancelled = sleep_start(runtime, 10 * MILLISECOND);
  expect_unreadable_before(fd, begin + 10 * MILLISECOND);
  CHECK_OK(kja_promise_cancel(cancelled));
  CHECK_OK(kja_promise_release(cancelled));
  CHECK(is_readable(fd, 5000));
  CHECK(kja_timer_now_nanos() - begin >= 20 * MILLISECOND);
  CHECK(turn_it(runtime) > 0);
  expect_already(soon, KJA_OK);
  CHECK(!is_readable(fd, 0));
  /* Nothing is due, though something was to be. */
  cancelled = sleep_start(runtime, 5 * MILLISECOND);
  CHECK_OK(kja_promise_release(cancelled));
  CHECK(!is_readable(fd, 10));
  /* After an await too, which has set its own alarm. */
  expect(sleep_start(runtime, MILLISECOND), KJA_OK);
  CHECK(!is_readable(fd, 0));
  begin = kja_timer_now_nanos();
  soon = sleep_start(runtime, 2 * MILLISECOND);
  expect_unreadable_before(fd, begin + 2 * MILLISECOND);
  expect(soon, KJA_OK);
  soon = sleep_start(runtime, 2 * MILLISECOND);
  CHECK(is_readable(fd, 5000));
  turn_it(runtime);
  expect_already(soon, KJA_OK);
  /* The await of a later one begins with what was added before. */
  soon = sleep_start(runtime, 5 * MILLISECOND);
  kja_promise_t later = sleep_start(runtime, 3600 * SECOND), then = 0;
  count_t ran = {0};
  then = counting(soon, &ran);
  CHECK_OK(kja_promise_await_for(soon, 5 * SECOND));
  CHECK(kja_promise_status(later) == KJA_ERR_PENDING);
  expect(then, KJA_OK);
  CHECK_OK(kja_promise_release(soon));
  CHECK_OK(kja_promise_release(later));
  CHECK_OK(kja_promise_release(late));
  CHECK(!is_readable(fd, 0));
  runtime_close(runtime);
}

static void virtual_time_does_not_pass(void) {
  kja_runtime_options_t options = options_of(KJA_RUNTIME_WAIT_SCOPE);
  options.flags = KJA_RUNTIME_VIRTUAL_TIME;
  kja_runtime_t runtime = runtime_with(&options);
  int fd = pollable_of(runtime);
  kja_promise_t sleeping = sleep_start(runtime, MILLISECOND);
  CHECK(!is_readable(fd, 5));
  CHECK_OK(kja_timer_advance(runtime, MILLISECOND));
  expect_already(sleeping, KJA_OK);
  runtime_close(runtime);
}

typedef struct settling_t {
  kja_fulfiller_t fulfiller;
  gate_t go;
} settling_t;
static void *settle_elsewhere(void *arg) {
  settling_t *settling = (settling_t *)arg;
  gate_pass(&settling->go);
  CHECK_OK(kja_fulfiller_unit(settling->fulfiller));
  return NULL;
}

/* parity: UNIX-15, UNIX-17 */
static void other_threads_make_it_readable(void) {
  kja_runtime_t runtime = scope_open();
  int fd = pollable_of(runtime);
  for (size_t round = 0, rounds = scaled(200); round < rounds; round++) {
    settling_t settling;
    kja_promise_t promise = 0;
    pthread_t thread;
    count_t ran = {0};
    CHECK_OK(kja_fulfiller_new(runtime, &settling.fulfiller, &promise));
    kja_promise_t then = counting(promise, &ran);
    turn_it(runtime);
    CHECK(!is_readable(fd, 0));
    gate_init(&settling.go);
    pthread_create(&thread, NULL, settle_elsewhere, &settling);
    gate_open(&settling.go);
    CHECK(is_readable(fd, 5000));
    while (!count_get(&ran) && !check_failures_) {
      CHECK(is_readable(fd, 5000));
      turn_it(runtime);
    }
    pthread_join(thread, NULL);
    expect_already(then, KJA_OK);
    CHECK_OK(kja_promise_release(promise));
    CHECK_OK(kja_fulfiller_release(settling.fulfiller));
    gate_destroy(&settling.go);
  }
  runtime_close(runtime);
}

/* parity: UNIX-16 */
static void signals_and_children_make_it_readable(void) {
  kja_runtime_t runtime = scope_open();
  int fd = pollable_of(runtime);
  int32_t number = SIGUSR1;
  kja_signal_t signal = 0;
  kja_promise_t next = 0, waiting = 0;
  CHECK_OK(kja_signal_new(runtime, &number, 1, &signal));
  CHECK_OK(kja_signal_next_start(signal, &next));
  turn_it(runtime);
  CHECK(!is_readable(fd, 0));
  raise(SIGUSR1);
  CHECK(is_readable(fd, 5000));
  turn_it(runtime);
  expect_already(next, KJA_OK);
  CHECK_OK(kja_signal_release(signal));
  kja_process_options_t options;
  kja_process_t process = 0;
  memset(&options, 0, sizeof options);
  options.size = sizeof options;
  options.program = "cat";
  options.stdio[0] = KJA_STDIO_PIPE;
  CHECK_OK(kja_process_spawn(runtime, &options, &process));
  CHECK_OK(kja_process_wait_start(process, &waiting));
  turn_it(runtime);
  CHECK(!is_readable(fd, 0));
  kja_connection_t input = 0;
  CHECK_OK(kja_process_stream(process, 0, &input));
  CHECK_OK(kja_connection_close(input));
  while (kja_promise_status(waiting) == KJA_ERR_PENDING && CHECK(is_readable(fd, 5000))) turn_it(runtime);
  expect_already(waiting, KJA_OK);
  turn_it(runtime);
  CHECK(!is_readable(fd, 0));
  CHECK_OK(kja_connection_release(input));
  CHECK_OK(kja_process_release(process));
  runtime_close(runtime);
}

/* A server that is turned by a host's epoll loop alone, and clients on threads. */
typedef struct host_t {
  kja_runtime_t runtime;
  int epoll, ticks, pollable;
  uint64_t ticked, polls, idle_polls;
} host_t;
static void host_turn(host_t *host) {
  struct epoll_event events[4];
  int count = epoll_wait(host->epoll, events, 4, 5000);
  CHECK(count > 0);
  for (int i = 0; i < count; i++) {
    if (events[i].data.fd == host->ticks) {
      uint64_t ticks = 0;
      CHECK(read(host->ticks, &ticks, sizeof ticks) == sizeof ticks);
      host->ticked += ticks;
    } else {
      host->polls++;
      if (turn_it(host->runtime) == 0) host->idle_polls++;
    }
  }
}
typedef struct served_t {
  kja_connection_t connection;
} served_t;
static void echo_back(void *ctx, kja_call_t call) {
  served_t *served = (served_t *)ctx;
  kja_bytes_t bytes = 0;
  const void *data = NULL;
  size_t size = 0;
  kja_promise_t writing = 0;
  CHECK_OK(kja_call_bytes(call, &bytes));
  CHECK_OK(kja_bytes_data(bytes, &data, &size));
  if (size == 0) CHECK_OK(kja_connection_shutdown_write_start(served->connection, &writing));
  else CHECK_OK(kja_connection_write_start(served->connection, data, size, &writing));
  CHECK_OK(kja_bytes_release(bytes));
  CHECK_OK(kja_call_return_promise(call, writing));
}
static void free_served(void *ctx) {
  CHECK_OK(kja_connection_release(((served_t *)ctx)->connection));
  free(ctx);
}
static void echo(void *ctx, kja_call_t call) {
  served_t *served = (served_t *)malloc(sizeof *served);
  kja_promise_t serving = 0;
  (void)ctx;
  CHECK_OK(kja_call_handle(call, &served->connection));
  CHECK_OK(kja_connection_read_each_start(served->connection, 1, 4096, echo_back, served, free_served, &serving));
  CHECK_OK(kja_promise_detach(serving, NULL, NULL, NULL));
}
enum { CLIENTS = 4 };
typedef struct client_t {
  uint16_t port;
  size_t rounds;
  count_t *done;
} client_t;
static void *talk(void *arg) {
  client_t *client = (client_t *)arg;
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  struct sockaddr_in name;
  char said[100], heard[100];
  memset(&name, 0, sizeof name);
  name.sin_family = AF_INET;
  name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  name.sin_port = htons(client->port);
  CHECK(connect(fd, (struct sockaddr *)&name, sizeof name) == 0);
  memset(said, 'x', sizeof said);
  for (size_t round = 0; round < client->rounds && !check_failures_; round++) {
    CHECK(send(fd, said, sizeof said, 0) == sizeof said);
    CHECK(recv(fd, heard, sizeof heard, MSG_WAITALL) == sizeof heard && memcmp(said, heard, sizeof said) == 0);
  }
  close(fd);
  count_add(client->done, 1);
  return NULL;
}

/* parity: UNIX-15, UNIX-16, UNIX-17 */
static void a_server_and_timers_live_in_a_hosts_epoll_loop(void) {
  kja_runtime_t runtime = scope_open();
  kja_listener_t listener = listen_on_loopback(runtime);
  kja_promise_t serving = 0;
  count_t done = {0};
  client_t client = {port_of(listener), scaled(300), &done};
  CHECK_OK(kja_listener_accept_each_start(listener, echo, NULL, NULL, &serving));
  host_t host = {runtime, epoll_create1(EPOLL_CLOEXEC), timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC), pollable_of(runtime), 0, 0, 0};
  struct itimerspec tick = {{0, 1000000}, {0, 1000000}};
  struct epoll_event event;
  memset(&event, 0, sizeof event);
  CHECK(timerfd_settime(host.ticks, 0, &tick, NULL) == 0);
  event.events = EPOLLIN;
  event.data.fd = host.ticks;
  CHECK(epoll_ctl(host.epoll, EPOLL_CTL_ADD, host.ticks, &event) == 0);
  event.data.fd = host.pollable;
  CHECK(epoll_ctl(host.epoll, EPOLL_CTL_ADD, host.pollable, &event) == 0);
  pthread_t threads[CLIENTS];
  for (int i = 0; i < CLIENTS; i++) pthread_create(&threads[i], NULL, talk, &client);
  kja_promise_t timer = sleep_start(runtime, 3 * MILLISECOND);
  uint64_t timers = 0;
  while ((count_get(&done) < CLIENTS || timers < 5 || host.ticked < 5) && !check_failures_) {
    host_turn(&host);
    if (kja_promise_status(timer) == KJA_ERR_PENDING) continue;
    expect_already(timer, KJA_OK);
    timer = sleep_start(runtime, 3 * MILLISECOND);
    timers++;
  }
  for (int i = 0; i < CLIENTS; i++) pthread_join(threads[i], NULL);
  CHECK(host.polls > host.idle_polls);
  close(host.epoll);
  close(host.ticks);
  CHECK_OK(kja_promise_release(timer));
  CHECK_OK(kja_promise_release(serving));
  CHECK_OK(kja_listener_release(listener));
  runtime_close(runtime);
}

/* A host that sleeps until told polls as often as there is something. */
static void an_idle_scope_is_left_alone(void) {
  kja_runtime_t runtime = scope_open();
  int fd = pollable_of(runtime);
  for (int round = 0; round < 3; round++) {
    turn_it(runtime);
    CHECK(!is_readable(fd, 20));
  }
  runtime_close(runtime);
}
#endif

int main(void) {
#ifdef __linux__
  RUN(only_a_wait_scope_has_one);
  RUN(it_is_readable_while_something_is_queued);
  RUN(timers_make_it_readable_when_they_are_due);
  RUN(virtual_time_does_not_pass);
  RUN(other_threads_make_it_readable);
  RUN(signals_and_children_make_it_readable);
  RUN(a_server_and_timers_live_in_a_hosts_epoll_loop);
  RUN(an_idle_scope_is_left_alone);
#endif
  return check_done();
}
