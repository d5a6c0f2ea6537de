/* Signals: nothing that comes between two waits is lost, everybody who subscribes gets everything, and what the process did before
 * goes on. */
#include "gate.h"
#include "options.h"
#include <signal.h>
#include <sys/wait.h>

static kja_signal_t subscribe(kja_runtime_t runtime, int number) {
  kja_signal_t signal = 0;
  int32_t numbers[] = {number};
  CHECK_OK(kja_signal_new(runtime, numbers, 1, &signal));
  return signal;
}
static kja_promise_t next_start(kja_signal_t signal) {
  kja_promise_t next = 0;
  CHECK_OK(kja_signal_next_start(signal, &next));
  return next;
}
static kja_signal_fields_t fields_of(kja_signal_info_t info) {
  kja_signal_fields_t fields;
  memset(&fields, 0, sizeof fields);
  fields.size = sizeof fields;
  CHECK_OK(kja_signal_info_fields(info, &fields));
  return fields;
}
static kja_signal_fields_t fields_from(kja_promise_t promise) {
  kja_signal_info_t info = handle_from(promise);
  kja_signal_fields_t fields = fields_of(info);
  CHECK_OK(kja_signal_info_release(info));
  return fields;
}
static kja_signal_fields_t expect_next(kja_signal_t signal, int number) {
  kja_signal_fields_t fields = fields_from(next_start(signal));
  CHECK_U64(fields.number, number);
  return fields;
}
static void expect_none(kja_runtime_t runtime, kja_signal_t signal) {
  kja_promise_t next = next_start(signal);
  let_loop_rest(runtime);
  CHECK_IS(kja_promise_status(next), KJA_ERR_PENDING);
  CHECK_OK(kja_promise_release(next));
}

/* parity: UNIX-01, UNIX-05 */
static void what_cannot_be_handled_is_refused(void) {
  static const int32_t refused[] = {SIGKILL, SIGSTOP, SIGCHLD, SIGILL, SIGFPE, SIGSEGV, SIGBUS, 0, -1, 127, 128, 4096};
  kja_runtime_t runtime = runtime_open();
  kja_signal_t signal = 1;
  for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
    CHECK_IS(kja_signal_new(runtime, &refused[i], 1, &signal), KJA_ERR_INVALID_ARGUMENT);
    CHECK_U64(signal, 0);
  }
  CHECK_IS(kja_signal_new(runtime, refused, 0, &signal), KJA_ERR_INVALID_ARGUMENT);
  CHECK_IS(kja_signal_new(runtime, NULL, 1, &signal), KJA_ERR_INVALID_ARGUMENT);
  /* None of several is subscribed to if one is refused. */
  int32_t mixed[] = {SIGUSR1, SIGKILL};
  CHECK_IS(kja_signal_new(runtime, mixed, 2, &signal), KJA_ERR_INVALID_ARGUMENT);
  CHECK_IS(kja_signal_send(getpid(), 4096), KJA_ERR_INVALID_ARGUMENT);
  runtime_close(runtime);
}

/* parity: UNIX-02 */
static void nothing_is_lost_between_two_waits(void) {
  kja_runtime_t runtime = runtime_open();
  int32_t both[] = {SIGUSR1, SIGUSR2, SIGUSR1};
  kja_signal_t signal = 0;
  CHECK_OK(kja_signal_new(runtime, both, 3, &signal));
  raise(SIGUSR1);
  raise(SIGUSR2);
  raise(SIGUSR2);
  expect_next(signal, SIGUSR1);
  raise(SIGUSR1);
  expect_next(signal, SIGUSR2);
  expect_next(signal, SIGUSR2);
  expect_next(signal, SIGUSR1);
  expect_none(runtime, signal);
  kja_promise_t waiting = next_start(signal), behind = next_start(signal);
  let_loop_rest(runtime);
  CHECK_IS(kja_promise_status(waiting), KJA_ERR_PENDING);
  raise(SIGUSR2);
  CHECK_U64(fields_from(waiting).number, SIGUSR2);
  CHECK_IS(kja_promise_status(behind), KJA_ERR_PENDING);
  raise(SIGUSR1);
  CHECK_U64(fields_from(behind).number, SIGUSR1);
  CHECK_OK(kja_signal_release(signal));
  runtime_close(runtime);
}

/* parity: UNIX-01, UNIX-02 */
static void everyone_who_subscribes_gets_everything(void) {
  kja_runtime_t runtime = runtime_open(), other = scope_open();
  kja_signal_t one = subscribe(runtime, SIGUSR1), two = subscribe(runtime, SIGUSR1), three = subscribe(other, SIGUSR1);
  kja_signal_t deaf = subscribe(other, SIGUSR2);
  kja_promise_t waiting = next_start(one);
  raise(SIGUSR1);
  CHECK_U64(fields_from(waiting).number, SIGUSR1);
  expect_next(two, SIGUSR1);
  expect_next(three, SIGUSR1);
  expect_none(other, deaf);
  CHECK_OK(kja_signal_release(one));
  raise(SIGUSR1);
  expect_next(two, SIGUSR1);
  expect_next(three, SIGUSR1);
  runtime_close(other);
  raise(SIGUSR1);
  expect_next(two, SIGUSR1);
  CHECK_OK(kja_signal_release(two));
  runtime_close(runtime);
}

/* parity: UNIX-02 */
static void it_tells_what_the_system_tells(void) {
  kja_runtime_t runtime = runtime_open();
  kja_signal_t signal = subscribe(runtime, SIGUSR1);
  CHECK_OK(kja_signal_send(getpid(), SIGUSR1));
  kja_signal_info_t info = handle_from(next_start(signal));
  kja_signal_fields_t fields = fields_of(info);
  CHECK(fields.number == SIGUSR1 && fields.pid == getpid() && fields.uid == getuid() && fields.merged == 0);
  siginfo_t raw;
  size_t length = 0;
  CHECK_OK(kja_signal_info_bytes(info, &raw, sizeof raw, &length));
  CHECK_U64(length, sizeof raw);
  CHECK(raw.si_signo == SIGUSR1 && raw.si_code == fields.code && raw.si_pid == getpid());
  fields.size = sizeof fields - 1;
  CHECK_IS(kja_signal_info_fields(info, &fields), KJA_ERR_INVALID_ARGUMENT);
  CHECK_OK(kja_signal_info_release(info));
#ifdef __linux__
  union sigval value;
  memset(&value, 0, sizeof value);
  value.sival_int = 4711;
  CHECK(sigqueue(getpid(), SIGUSR1, value) == 0);
  fields = expect_next(signal, SIGUSR1);
  CHECK(fields.code == SI_QUEUE && (int)fields.value == 4711 && fields.pid == getpid());
  /* What the system itself sends has no sender. */
  kja_signal_t alarms = subscribe(runtime, SIGVTALRM);
  timer_t timer;
  struct sigevent event;
  struct itimerspec soon;
  memset(&event, 0, sizeof event);
  memset(&soon, 0, sizeof soon);
  event.sigev_notify = SIGEV_SIGNAL;
  event.sigev_signo = SIGVTALRM;
  soon.it_value.tv_nsec = 1;
  CHECK(timer_create(CLOCK_MONOTONIC, &event, &timer) == 0 && timer_settime(timer, 0, &soon, NULL) == 0);
  fields = expect_next(alarms, SIGVTALRM);
  CHECK(fields.code == SI_TIMER && fields.pid == 0 && fields.value == 0);
  CHECK(timer_delete(timer) == 0);
  CHECK_OK(kja_signal_release(alarms));
#endif
  CHECK_OK(kja_signal_release(signal));
  runtime_close(runtime);
}

static count_t handled_before;
static void handler_before(int number, siginfo_t *info, void *context) {
  (void)context;
  count_add(&handled_before, info->si_signo == number);
}
static void handle_before(int number) {
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_sigaction = handler_before;
  action.sa_flags = SA_SIGINFO | SA_RESTART;
  CHECK(sigaction(number, &action, NULL) == 0);
  count_set(&handled_before, 0);
}

/* parity: UNIX-01 */
static void an_earlier_handler_goes_on(void) {
  static int handled;
  if (!handled++) handle_before(SIGWINCH);
  count_set(&handled_before, 0);
  kja_runtime_t runtime = runtime_open();
  kja_signal_t signal = subscribe(runtime, SIGWINCH);
  raise(SIGWINCH);
  CHECK_U64(count_get(&handled_before), 1);
  expect_next(signal, SIGWINCH);
  CHECK_OK(kja_signal_release(signal));
  raise(SIGWINCH);
  CHECK_U64(count_get(&handled_before), 2);
  runtime_close(runtime);
}

/* parity: UNIX-01 */
static void another_handler_ends_it(void) {
  kja_runtime_t runtime = runtime_open();
  int32_t number = SIGPROF;
  kja_signal_t signal = subscribe(runtime, number);
  handle_before(SIGPROF);
  raise(SIGPROF);
  CHECK_U64(count_get(&handled_before), 1);
  expect_none(runtime, signal);
  kja_signal_t other = 1;
  CHECK_IS(kja_signal_new(runtime, &number, 1, &other), KJA_ERR_BUSY);
  CHECK_U64(other, 0);
  CHECK_OK(kja_signal_release(signal));
  runtime_close(runtime);
}

/* Another program takes over in the end: a child has memory of threads that are its parent's alone. */
static int ending_of_child(void (*run)(void)) {
  fflush(stdout);
  pid_t pid = fork();
  if (pid == 0) {
    check_failures_ = 0;
    run();
    execlp(check_failures_ ? "false" : "true", "child", (char *)NULL);
    _exit(2);
  }
  int status = -1;
  CHECK(pid > 0 && waitpid(pid, &status, 0) == pid);
  return status;
}

static void subscribe_and_then_not(void) {
  kja_runtime_t runtime = runtime_open();
  for (int round = 0; round < 2; round++) {
    kja_signal_t signal = subscribe(runtime, SIGTERM), other = subscribe(runtime, SIGTERM);
    raise(SIGTERM);
    CHECK_OK(kja_signal_close(other));
    raise(SIGTERM);
    expect_next(signal, SIGTERM);
    expect_next(signal, SIGTERM);
    CHECK_OK(kja_signal_release(signal));
  }
  if (!check_failures_) raise(SIGTERM);
}
static void subscribe_to_what_is_ignored(void) {
  signal(SIGHUP, SIG_IGN);
  kja_runtime_t runtime = runtime_open();
  kja_signal_t signal = subscribe(runtime, SIGHUP);
  raise(SIGHUP);
  expect_next(signal, SIGHUP);
  CHECK_OK(kja_signal_release(signal));
  raise(SIGHUP);
  runtime_close(runtime);
}

/* parity: UNIX-01 */
static void the_default_happens_again_without_subscriptions(void) {
  int status = ending_of_child(subscribe_and_then_not);
  CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
  status = ending_of_child(subscribe_to_what_is_ignored);
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* Each signal counts, though the loop takes none in between. */
static void what_finds_no_room_is_counted(void) {
  enum { MANY = 3000, KEPT = 32 };
  kja_runtime_t runtime = runtime_open();
  kja_signal_t signal = subscribe(runtime, SIGUSR1);
  for (int round = 0; round < 2; round++) {
    for (int i = 0; i < MANY; i++) raise(SIGUSR1);
    uint64_t kept = 0, merged = 0;
    while (kept + merged < MANY) {
      merged += expect_next(signal, SIGUSR1).merged;
      kept++;
    }
    CHECK_U64(kept + merged, MANY);
    CHECK(kept >= KEPT && merged > 0);
    expect_none(runtime, signal);
  }
  CHECK_OK(kja_signal_release(signal));
  runtime_close(runtime);
}

/* A callback that counts, and ends the sequence with the third. */
static void count_to_three(void *ctx, kja_call_t call) {
  kja_handle_t info = 0;
  CHECK_OK(kja_call_handle(call, &info));
  CHECK_U64(fields_of(info).number, SIGUSR1);
  CHECK_OK(kja_signal_info_release(info));
  if (count_add((count_t *)ctx, 1) == 3) CHECK_OK(kja_call_return_u64(call, 3));
}

/* parity: UNIX-02 */
static void a_sequence_runs_a_callback_for_each(void) {
  kja_runtime_t runtime = runtime_open();
  kja_signal_t signal = subscribe(runtime, SIGUSR1);
  count_t seen = {0};
  kja_promise_t each = 0;
  raise(SIGUSR1);
  CHECK_OK(kja_signal_each_start(signal, count_to_three, &seen, NULL, &each));
  let_loop_rest(runtime);
  CHECK_U64(count_get(&seen), 1);
  raise(SIGUSR1);
  raise(SIGUSR1);
  raise(SIGUSR1);
  expect_u64(each, 3);
  expect_next(signal, SIGUSR1);
  count_t destroyed = {0};
  CHECK_OK(kja_signal_each_start(signal, must_not_run, &destroyed, count_destroy, &each));
  CHECK_OK(kja_promise_cancel(each));
  CHECK_U64(count_get(&destroyed), 1);
  CHECK_OK(kja_promise_release(each));
  raise(SIGUSR1);
  expect_next(signal, SIGUSR1);
  CHECK_OK(kja_signal_release(signal));
  runtime_close(runtime);
}

/* parity: UNIX-02 */
static void a_wait_that_is_given_up_loses_nothing(void) {
  kja_runtime_t runtime = runtime_open();
  kja_signal_t signal = subscribe(runtime, SIGUSR1);
  kja_promise_t cancelled = next_start(signal), behind = next_start(signal);
  CHECK_OK(kja_promise_cancel(cancelled));
  expect_already(cancelled, KJA_ERR_CANCELED);
  raise(SIGUSR1);
  CHECK_U64(fields_from(behind).number, SIGUSR1);
  raise(SIGUSR1);
  kja_promise_t unseen = next_start(signal);
  let_loop_rest(runtime);
  CHECK_OK(kja_promise_release(unseen));
  expect_next(signal, SIGUSR1);
  expect_none(runtime, signal);
  CHECK_OK(kja_signal_release(signal));
  runtime_close(runtime);
}

static void a_close_and_a_shutdown_end_the_waits(void) {
  kja_runtime_t runtime = runtime_open();
  kja_signal_t signal = subscribe(runtime, SIGUSR1), kept = subscribe(runtime, SIGUSR1);
  kja_promise_t first = next_start(signal), second = next_start(signal);
  let_loop_rest(runtime);
  CHECK_OK(kja_signal_close(signal));
  CHECK_OK(kja_signal_close(signal));
  expect(first, KJA_ERR_CANCELED);
  expect(second, KJA_ERR_CANCELED);
  expect(next_start(signal), KJA_ERR_CANCELED);
  CHECK_OK(kja_signal_release(signal));
  /* A wait keeps the subscription. */
  first = next_start(kept);
  CHECK_OK(kja_signal_release(kept));
  raise(SIGUSR1);
  CHECK_U64(fields_from(first).number, SIGUSR1);
  signal = subscribe(runtime, SIGUSR1);
  first = next_start(signal);
  kja_promise_t then = 0;
  count_t destroyed = {0};
  CHECK_OK(kja_promise_then(first, must_not_run, &destroyed, count_destroy, &then));
  CHECK_OK(kja_runtime_shutdown(runtime));
  CHECK_U64(count_get(&destroyed), 1);
  CHECK_IS(kja_signal_next_start(signal, &first), KJA_ERR_BAD_HANDLE);
  CHECK_IS(kja_signal_new(runtime, NULL, 0, &signal), KJA_ERR_SHUTDOWN);
  CHECK_OK(kja_runtime_release(runtime));
}

static void raise_its_own(void) {
  for (int i = 0; i < 3; i++) raise(SIGUSR1);
}

static void signals_of_a_forked_child_are_its_own(void) {
  kja_runtime_t runtime = runtime_open();
  kja_signal_t signal = subscribe(runtime, SIGUSR1);
  CHECK_U64(ending_of_child(raise_its_own), 0);
  expect_none(runtime, signal);
  CHECK_OK(kja_signal_send(getpid(), SIGUSR1));
  CHECK_U64(expect_next(signal, SIGUSR1).pid, getpid());
  CHECK_OK(kja_signal_release(signal));
  runtime_close(runtime);
}

static void *send_from_a_thread(void *arg) {
  CHECK_OK(kja_signal_send(getpid(), *(int *)arg));
  return NULL;
}
static void an_await_is_woken_by_a_signal(void) {
  kja_runtime_t runtime = runtime_open();
  kja_signal_t signal = subscribe(runtime, SIGUSR2);
  int number = SIGUSR2;
  for (size_t round = 0, rounds = scaled(300); round < rounds; round++) {
    pthread_t thread;
    kja_promise_t waiting = next_start(signal);
    pthread_create(&thread, NULL, send_from_a_thread, &number);
    CHECK_U64(fields_from(waiting).number, SIGUSR2);
    pthread_join(thread, NULL);
  }
  expect_none(runtime, signal);
  CHECK_OK(kja_signal_release(signal));
  runtime_close(runtime);
}

enum { SENDERS = 4 };
/* To itself: each has been delivered when the call returns. */
static void *raise_many(void *arg) {
  for (size_t i = 0, many = *(size_t *)arg; i < many; i++) raise(SIGURG);
  return NULL;
}

/* parity: UNIX-02 */
static void of_many_from_many_threads_none_is_lost(void) {
  kja_runtime_t runtime = runtime_open();
  kja_signal_t signal = subscribe(runtime, SIGURG);
  size_t many = scaled(2500);
  pthread_t threads[SENDERS];
  for (int i = 0; i < SENDERS; i++) pthread_create(&threads[i], NULL, raise_many, &many);
  uint64_t got = 0;
  while (got < SENDERS * many && !check_failures_) got += 1 + expect_next(signal, SIGURG).merged;
  CHECK_U64(got, SENDERS * many);
  for (int i = 0; i < SENDERS; i++) pthread_join(threads[i], NULL);
  expect_none(runtime, signal);
  CHECK_OK(kja_signal_release(signal));
  runtime_close(runtime);
}

#ifdef __linux__
/* Ten thousand a second. Real-time signals, which macOS does not have, are not merged by the system. */
typedef struct pace_t {
  size_t many;
  count_t done;
} pace_t;
static void *send_at_a_pace(void *arg) {
  pace_t *pace = (pace_t *)arg;
  for (size_t i = 0; i < pace->many; i++) {
    struct timespec next = {0, 100000};
    CHECK_OK(kja_signal_send(getpid(), SIGRTMIN));
    clock_nanosleep(CLOCK_MONOTONIC, 0, &next, NULL);
  }
  count_set(&pace->done, 1);
  return NULL;
}
static void count_signals(void *ctx, kja_call_t call) {
  kja_signal_info_t info = 0;
  kja_signal_fields_t fields;
  memset(&fields, 0, sizeof fields);
  fields.size = sizeof fields;
  CHECK_OK(kja_call_handle(call, &info));
  CHECK_OK(kja_signal_info_fields(info, &fields));
  CHECK_OK(kja_signal_info_release(info));
  count_add((count_t *)ctx, 1 + fields.merged);
}

/* parity: UNIX-02 */
static void at_ten_kilohertz_none_is_lost_and_the_rest_goes_on(void) {
  kja_runtime_t runtime = runtime_open();
  kja_signal_t signal = subscribe(runtime, SIGRTMIN);
  kja_connection_t one = 0, other = 0;
  kja_promise_t each = 0, pumping = 0;
  pace_t pace = {scaled(10000), {0}};
  count_t got = {0};
  pthread_t thread;
  CHECK_OK(kja_signal_each_start(signal, count_signals, &got, NULL, &each));
  CHECK_OK(kja_pipe_new_os_two_way(runtime, &one, &other));
  CHECK_OK(kja_connection_pump_start(other, other, UINT64_MAX, &pumping));
  pthread_create(&thread, NULL, send_at_a_pace, &pace);
  uint64_t exchanged = 0;
  while (!count_get(&pace.done)) {
    kja_promise_t reading = 0, writing = 0;
    CHECK_OK(kja_connection_read_start(one, 5, 5, &reading));
    CHECK_OK(kja_connection_write_start(one, "hello", 5, &writing));
    expect(writing, KJA_OK);
    expect_bytes(reading, "hello", 5);
    expect(sleep_start(runtime, 10000), KJA_OK);
    exchanged++;
  }
  pthread_join(thread, NULL);
  while (count_get(&got) < pace.many && !check_failures_) expect(sleep_start(runtime, MILLISECOND), KJA_OK);
  CHECK_U64(count_get(&got), pace.many);
  CHECK(exchanged > 0);
  CHECK_OK(kja_promise_release(each));
  CHECK_OK(kja_promise_release(pumping));
  CHECK_OK(kja_connection_release(one));
  CHECK_OK(kja_connection_release(other));
  CHECK_OK(kja_signal_release(signal));
  runtime_close(runtime);
}

#endif

int main(void) {
  RUN_IN_BOTH(what_cannot_be_handled_is_refused);
  RUN_IN_BOTH(nothing_is_lost_between_two_waits);
  RUN(everyone_who_subscribes_gets_everything);
  RUN_IN_BOTH(it_tells_what_the_system_tells);
  RUN_IN_BOTH(an_earlier_handler_goes_on);
  RUN(another_handler_ends_it);
  RUN_IN_BOTH(the_default_happens_again_without_subscriptions);
  RUN_IN_BOTH(what_finds_no_room_is_counted);
  RUN_IN_BOTH(a_sequence_runs_a_callback_for_each);
  RUN_IN_BOTH(a_wait_that_is_given_up_loses_nothing);
  RUN_IN_BOTH(a_close_and_a_shutdown_end_the_waits);
  RUN_IN_BOTH(signals_of_a_forked_child_are_its_own);
  RUN_IN_BOTH(an_await_is_woken_by_a_signal);
  RUN_IN_BOTH(of_many_from_many_threads_none_is_lost);
#ifdef __linux__
  RUN_IN_BOTH(at_ten_kilohertz_none_is_lost_and_the_rest_goes_on);
#endif
  return check_done();
}
