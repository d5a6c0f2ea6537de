/* Child processes: started, watched, told to end, and reaped once each. */
#include "gate.h"
#include "options.h"
#include <errno.h>
#include <signal.h>
#include <sys/wait.h>

static kja_process_options_t program_of(const char *program, const char *const *arguments) {
  kja_process_options_t options;
  memset(&options, 0, sizeof options);
  options.size = sizeof options;
  options.program = program;
  options.arguments = arguments;
  return options;
}
/* A script for the shell. Its text is kept until the next one. */
static kja_process_options_t shell(const char *script) {
  static const char *arguments[3];
  arguments[0] = "-c";
  arguments[1] = script;
  arguments[2] = NULL;
  return program_of("sh", arguments);
}
static pid_t pid_of(kja_process_t process) {
  int32_t pid = -1;
  CHECK_OK(kja_process_pid(process, &pid));
  return pid;
}
static kja_process_t spawn(kja_runtime_t runtime, const kja_process_options_t *options) {
  kja_process_t process = 0;
  CHECK_OK(kja_process_spawn(runtime, options, &process));
  return process;
}
static kja_process_t spawn_shell(kja_runtime_t runtime, const char *script) {
  kja_process_options_t options = shell(script);
  return spawn(runtime, &options);
}
static kja_promise_t wait_start(kja_process_t process) {
  kja_promise_t waiting = 0;
  CHECK_OK(kja_process_wait_start(process, &waiting));
  return waiting;
}
static int status_from(kja_promise_t waiting) {
  uint64_t status = 0;
  CHECK_OK(kja_promise_await(waiting));
  CHECK_OK(kja_promise_u64(waiting, &status));
  CHECK_OK(kja_promise_release(waiting));
  return (int)status;
}
static int status_of(kja_process_t process) {
  return status_from(wait_start(process));
}
static void expect_exit(int status, int code) {
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == code);
}
static void expect_killed(int status, int number) {
  CHECK(WIFSIGNALED(status) && WTERMSIG(status) == number);
}
static kja_connection_t stream_of(kja_process_t process, uint32_t number) {
  kja_connection_t stream = 0;
  CHECK_OK(kja_process_stream(process, number, &stream));
  return stream;
}
static kja_promise_t read_all_start(kja_connection_t from) {
  kja_promise_t reading = 0;
  CHECK_OK(kja_connection_read_all_start(from, 1 << 20, &reading));
  return reading;
}
static int has_no_child(void) {
  return waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD;
}

/* parity: UNIX-06 */
static void it_ends_with_a_status(void) {
  kja_runtime_t runtime = runtime_open();
  kja_process_t process = spawn_shell(runtime, "exit 42");
  kja_promise_t first = wait_start(process), second = wait_start(process);
  expect_exit(status_from(first), 42);
  expect_exit(status_from(second), 42);
  expect_exit(status_of(process), 42);
  CHECK_U64(pid_of(process), 0);
  CHECK_IS(kja_process_kill(process, SIGTERM), KJA_ERR_FAILED);
  CHECK_U64(kja_last_error_os(), ESRCH);
  CHECK_OK(kja_process_release(process));
  process = spawn_shell(runtime, "kill -9 $$");
  expect_killed(status_of(process), SIGKILL);
  CHECK_OK(kja_process_release(process));
  CHECK(has_no_child());
  runtime_close(runtime);
}

static void what_cannot_be_started_says_why(void) {
  /* Whose vfork is a fork: the parent does not hear of what fails in the child. */
  if (under_valgrind()) return;
  kja_runtime_t runtime = runtime_open();
  kja_process_t process = 1;
  kja_process_options_t options = program_of("/nowhere/at/all", NULL);
  CHECK_IS(kja_process_spawn(runtime, &options, &process), KJA_ERR_FAILED);
  CHECK_U64(kja_last_error_os(), ENOENT);
  CHECK_U64(process, 0);
  options = program_of("no-such-program-in-the-path", NULL);
  CHECK_IS(kja_process_spawn(runtime, &options, &process), KJA_ERR_FAILED);
  CHECK_U64(kja_last_error_os(), ENOENT);
  options = program_of("/etc/passwd", NULL);
  CHECK_IS(kja_process_spawn(runtime, &options, &process), KJA_ERR_FAILED);
  CHECK_U64(kja_last_error_os(), EACCES);
  options = shell("true");
  options.folder = "/nowhere";
  CHECK_IS(kja_process_spawn(runtime, &options, &process), KJA_ERR_FAILED);
  CHECK_U64(kja_last_error_os(), ENOENT);
  options = shell("true");
  options.flags = 1024;
  CHECK_IS(kja_process_spawn(runtime, &options, &process), KJA_ERR_INVALID_ARGUMENT);
  options = shell("true");
  options.stdio[1] = 4;
  CHECK_IS(kja_process_spawn(runtime, &options, &process), KJA_ERR_INVALID_ARGUMENT);
  options.stdio[1] = KJA_STDIO_FD;
  options.stdio_fds[1] = 4095;
  CHECK_IS(kja_process_spawn(runtime, &options, &process), KJA_ERR_FAILED);
  CHECK_U64(kja_last_error_os(), EBADF);
  static const int32_t wrong[] = {-1, 0, 2, 1024, 1 << 30};
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    kja_process_fd_t further = {0, wrong[i]};
    options = shell("true");
    options.fds = &further;
    options.fd_count = 1;
    CHECK_IS(kja_process_spawn(runtime, &options, &process), KJA_ERR_INVALID_ARGUMENT);
  }
  kja_process_fd_t twice[] = {{0, 5}, {1, 5}};
  options.fds = twice;
  options.fd_count = 2;
  CHECK_IS(kja_process_spawn(runtime, &options, &process), KJA_ERR_INVALID_ARGUMENT);
  const char *environment[] = {"no assignment", NULL};
  options = shell("true");
  options.environment = environment;
  CHECK_IS(kja_process_spawn(runtime, &options, &process), KJA_ERR_INVALID_ARGUMENT);
  CHECK_IS(kja_process_spawn(runtime, NULL, &process), KJA_ERR_INVALID_ARGUMENT);
  memset(&options, 0, sizeof options);
  CHECK_IS(kja_process_spawn(runtime, &options, &process), KJA_ERR_INVALID_ARGUMENT);
  options = program_of(NULL, NULL);
  CHECK_IS(kja_process_spawn(runtime, &options, &process), KJA_ERR_INVALID_ARGUMENT);
  CHECK(has_no_child());
  runtime_close(runtime);
}

/* parity: LLIO-10 */
static void its_streams_are_connections(void) {
  kja_runtime_t runtime = runtime_open();
  kja_process_options_t options = shell("cat; echo done >&2");
  for (int i = 0; i < 3; i++) options.stdio[i] = KJA_STDIO_PIPE;
  kja_process_t process = spawn(runtime, &options);
  kja_connection_t input = stream_of(process, 0), output = stream_of(process, 1), error = stream_of(process, 2), none = 1;
  CHECK_IS(kja_process_stream(process, 3, &none), KJA_ERR_INVALID_ARGUMENT);
  CHECK_U64(none, 0);
  kja_promise_t writing = 0, said = read_all_start(output), complained = read_all_start(error);
  CHECK_OK(kja_connection_write_start(input, "hello", 5, &writing));
  expect(writing, KJA_OK);
  CHECK_OK(kja_connection_close(input));
  expect_text(said, "hello");
  expect_text(complained, "done\n");
  expect_exit(status_of(process), 0);
  CHECK_OK(kja_connection_release(input));
  CHECK_OK(kja_connection_release(output));
  CHECK_OK(kja_connection_release(error));
  CHECK_OK(kja_process_release(process));
  process = spawn_shell(runtime, "true");
  CHECK_IS(kja_process_stream(process, 1, &none), KJA_ERR_UNIMPLEMENTED);
  expect_exit(status_of(process), 0);
  CHECK_OK(kja_process_release(process));
  runtime_close(runtime);
}

/* What a program says that is run with these options. */
static void expect_output(kja_runtime_t runtime, const kja_process_options_t *options, const char *input,
                          const char *text) {
  kja_promise_t running = 0;
  CHECK_OK(kja_process_run_start(runtime, options, input, strlen(input), 1 << 20, &running));
  kja_process_output_t output = handle_from(running);
  kja_bytes_t bytes = 0;
  const void *data = NULL;
  size_t size = 0;
  int32_t status = -1;
  CHECK_OK(kja_process_output_status(output, &status));
  expect_exit(status, 0);
  CHECK_OK(kja_process_output_stdout(output, &bytes));
  CHECK_OK(kja_bytes_data(bytes, &data, &size));
  if (CHECK_U64(size, strlen(text))) CHECK(memcmp(data, text, size) == 0);
  CHECK_OK(kja_bytes_release(bytes));
  CHECK_OK(kja_process_output_release(output));
}

static void it_has_its_own_environment_and_folder(void) {
  kja_runtime_t runtime = runtime_open();
  const char *environment[] = {"ONE=1", "TWO=a=b", "THREE=", NULL};
  kja_process_options_t options = shell("echo \"$ONE,$TWO,$THREE,$HOME\"; pwd");
  options.environment = environment;
  options.folder = "/";
  expect_output(runtime, &options, "", "1,a=b,,\n/\n");
  CHECK(setenv("KJA_TEST_INHERITED", "yes", 1) == 0);
  options = shell("echo $KJA_TEST_INHERITED");
  expect_output(runtime, &options, "", "yes\n");
  CHECK(unsetenv("KJA_TEST_INHERITED") == 0);
  const char *arguments[] = {"%s|", "", "two words", "\xff", NULL};
  options = program_of("printf", arguments);
  expect_output(runtime, &options, "", "|two words|\xff|");
  runtime_close(runtime);
}

/* parity: LLIO-10 */
static void it_has_the_descriptors_that_it_is_given_and_no_others(void) {
  kja_runtime_t runtime = runtime_open();
  int pipes[2], careless = dup(0);
  CHECK(pipe(pipes) == 0 && careless > 2);
  kja_connection_t one = 0, other = 0;
  CHECK_OK(kja_pipe_new_os_two_way(runtime, &one, &other));
  /* Each where another one is, here. */
  kja_process_fd_t further[] = {{pipes[1], pipes[0]}, {pipes[0], pipes[1]}, {pipes[1], 900}};
  char script[200];
  snprintf(script, sizeof script, "echo hello >&%d; read line <&%d; echo $line; ls /proc/self/fd | sort -n", pipes[0], pipes[1]);
  kja_process_options_t options = shell(script);
  options.fds = further;
  options.fd_count = 3;
  char listed[200];
  int low = pipes[0] < pipes[1] ? pipes[0] : pipes[1], high = pipes[0] < pipes[1] ? pipes[1] : pipes[0];
  /* The folder that `ls` reads gets the first number that is free. */
  int folder = low == 3 ? (high == 4 ? 5 : 4) : 3;
  int numbers[] = {0, 1, 2, folder, low, high, 900}, length = snprintf(listed, sizeof listed, "hello\n");
  for (int i = 0; i < 7; i++)
    for (int j = i + 1; j < 7; j++)
      if (numbers[j] < numbers[i]) {
        int swapped = numbers[i];
        numbers[i] = numbers[j];
        numbers[j] = swapped;
      }
  for (int i = 0; i < 7; i++) length += snprintf(listed + length, sizeof listed - (size_t)length, "%d\n", numbers[i]);
#ifdef __linux__
  expect_output(runtime, &options, "", listed);
#endif
  close(pipes[0]);
  close(pipes[1]);
  close(careless);
  CHECK_OK(kja_connection_release(one));
  CHECK_OK(kja_connection_release(other));
  runtime_close(runtime);
}

static void its_streams_may_be_files(void) {
  kja_runtime_t runtime = runtime_open();
  FILE *file = tmpfile();
  char text[16] = "";
  kja_process_options_t options = shell("echo out; echo err >&2; cat");
  options.stdio[0] = KJA_STDIO_NULL;
  options.stdio[1] = options.stdio[2] = KJA_STDIO_FD;
  options.stdio_fds[1] = options.stdio_fds[2] = fileno(file);
  kja_process_t process = spawn(runtime, &options);
  expect_exit(status_of(process), 0);
  CHECK_OK(kja_process_release(process));
  rewind(file);
  CHECK_U64(fread(text, 1, sizeof text, file), 8);
  CHECK(memcmp(text, "out\nerr\n", 8) == 0);
  fclose(file);
  runtime_close(runtime);
}

static void a_program_is_run_with_input_and_output(void) {
  kja_runtime_t runtime = runtime_open();
  kja_process_options_t options = program_of("cat", NULL);
  expect_output(runtime, &options, "hello", "hello");
  /* More than a pipe takes, both ways at once. */
  size_t size = 300000;
  char *much = (char *)malloc(size + 1);
  for (size_t i = 0; i < size; i++) much[i] = (char)('a' + i % 26);
  much[size] = '\0';
  expect_output(runtime, &options, much, much);
  /* A program that reads none of it. */
  options = shell("echo no");
  expect_output(runtime, &options, much, "no\n");
  free(much);
  options = shell("cat");
  expect_output(runtime, &options, "", "");
  kja_promise_t running = 1;
  options.stdio[0] = KJA_STDIO_NULL;
  CHECK_IS(kja_process_run_start(runtime, &options, "x", 1, 10, &running), KJA_ERR_INVALID_ARGUMENT);
  CHECK_U64(running, 0);
  CHECK(has_no_child());
  runtime_close(runtime);
}

/* With a loop that somebody turns. */
static void reaped_by(kja_runtime_t runtime) {
  for (uint64_t end = kja_timer_now_nanos() + 5 * SECOND; kja_timer_now_nanos() < end;) {
    siginfo_t info;
    if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == -1 && errno == ECHILD) break;
    let_loop_rest(runtime);
  }
  CHECK(has_no_child());
}

static void more_than_the_limit_kills_it(void) {
  kja_runtime_t runtime = runtime_open();
  kja_process_options_t options = shell("echo 1234567890; exec sleep 1000");
  kja_promise_t running = 0;
  CHECK_OK(kja_process_run_start(runtime, &options, NULL, 0, 10, &running));
  expect(running, KJA_ERR_OVERLOADED);
  options = shell("echo 1234567890 >&2; exec sleep 1000");
  CHECK_OK(kja_process_run_start(runtime, &options, NULL, 0, 10, &running));
  expect(running, KJA_ERR_OVERLOADED);
  options = shell("exec sleep 1000");
  CHECK_OK(kja_process_run_start(runtime, &options, NULL, 0, 10, &running));
  CHECK_OK(kja_promise_cancel(running));
  expect(running, KJA_ERR_CANCELED);
  reaped_by(runtime);
  runtime_close(runtime);
}

static void a_release_kills_and_reaps_it(void) {
  kja_runtime_t runtime = runtime_open();
  kja_process_t process = spawn_shell(runtime, "exec sleep 1000");
  CHECK_OK(kja_process_release(process));
  reaped_by(runtime);
  /* A wait is a holder. */
  process = spawn_shell(runtime, "exit 3");
  kja_promise_t waiting = wait_start(process);
  CHECK_OK(kja_process_release(process));
  expect_exit(status_from(waiting), 3);
  process = spawn_shell(runtime, "exec sleep 1000");
  waiting = wait_start(process);
  CHECK_OK(kja_process_release(process));
  CHECK_OK(kja_promise_release(waiting));
  reaped_by(runtime);
  runtime_close(runtime);
}

/* parity: UNIX-07 */
static void a_wait_that_is_cancelled_leaves_it_alone(void) {
  kja_runtime_t runtime = runtime_open();
  kja_process_options_t options = shell("read line; exit 5");
  options.stdio[0] = KJA_STDIO_PIPE;
  kja_process_t process = spawn(runtime, &options);
  kja_promise_t waiting = wait_start(process), other = wait_start(process);
  CHECK_OK(kja_promise_cancel(waiting));
  expect_already(waiting, KJA_ERR_CANCELED);
  CHECK_IS(kja_promise_status(other), KJA_ERR_PENDING);
  CHECK(pid_of(process) > 0);
  kja_connection_t input = stream_of(process, 0);
  CHECK_OK(kja_connection_close(input));
  CHECK_OK(kja_connection_release(input));
  expect_exit(status_from(other), 5);
  expect_exit(status_of(process), 5);
  CHECK_OK(kja_process_release(process));
  runtime_close(runtime);
}

/* Says so on its pipe when it has begun, and does not end when it is asked to. */
static kja_process_t spawn_stubborn(kja_runtime_t runtime, const char *trap, uint32_t flags) {
  kja_process_options_t options = shell(trap);
  options.stdio[1] = KJA_STDIO_PIPE;
  options.flags = flags;
  kja_process_t process = spawn(runtime, &options);
  kja_connection_t output = stream_of(process, 1);
  kja_promise_t begun = 0;
  CHECK_OK(kja_connection_read_start(output, 6, 6, &begun));
  expect_text(begun, "begun\n");
  CHECK_OK(kja_connection_release(output));
  return process;
}

static void it_is_asked_to_end_and_killed_if_it_does_not(void) {
  kja_runtime_t runtime = runtime_open();
  kja_process_t process = spawn_stubborn(runtime, "trap 'exit 9' TERM; echo begun; while :; do read x; done", 0);
  kja_promise_t stopping = 0;
  CHECK_OK(kja_process_stop_start(process, 50 * SECOND, &stopping));
  expect_exit(status_from(stopping), 9);
  /* Once it has ended there is nothing to do. */
  CHECK_OK(kja_process_stop_start(process, 0, &stopping));
  expect_exit(status_from(stopping), 9);
  CHECK_OK(kja_process_release(process));
  process = spawn_stubborn(runtime, "trap '' TERM; echo begun; while :; do sleep 1000; done", KJA_PROCESS_NEW_GROUP);
  CHECK_OK(kja_process_stop_start(process, 20 * MILLISECOND, &stopping));
  expect_killed(status_from(stopping), SIGKILL);
  CHECK_OK(kja_process_release(process));
  runtime_close(runtime);
}

/* A group of two: the shell, and a child of its own which holds the pipe open. */
static void a_group_ends_together(void) {
  kja_runtime_t runtime = runtime_open();
  kja_process_options_t options = shell("sleep 1000 & echo begun; wait");
  options.stdio[1] = KJA_STDIO_PIPE;
  options.flags = KJA_PROCESS_NEW_GROUP;
  kja_process_t process = spawn(runtime, &options);
  CHECK(pid_of(process) > 0);
  CHECK_U64(getpgid(pid_of(process)), pid_of(process));
  kja_connection_t output = stream_of(process, 1);
  kja_promise_t begun = 0;
  CHECK_OK(kja_connection_read_start(output, 6, 6, &begun));
  expect_text(begun, "begun\n");
  kja_promise_t end = read_all_start(output);
  CHECK_OK(kja_process_kill_group(process, SIGTERM));
  expect_text(end, "");
  expect_killed(status_of(process), SIGTERM);
  CHECK_OK(kja_connection_release(output));
  CHECK_OK(kja_process_release(process));
  process = spawn(runtime, &options);
  output = stream_of(process, 1);
  CHECK_OK(kja_connection_read_start(output, 6, 6, &begun));
  expect_text(begun, "begun\n");
  end = read_all_start(output);
  CHECK_OK(kja_process_release(process));
  expect_text(end, "");
  CHECK_OK(kja_connection_release(output));
  reaped_by(runtime);
  process = spawn_shell(runtime, "exec sleep 1000");
  CHECK_IS(kja_process_kill_group(process, SIGTERM), KJA_ERR_INVALID_ARGUMENT);
  CHECK_IS(kja_process_kill(process, 4096), KJA_ERR_INVALID_ARGUMENT);
  CHECK_OK(kja_process_kill(process, SIGTERM));
  expect_killed(status_of(process), SIGTERM);
  CHECK_OK(kja_process_release(process));
  runtime_close(runtime);
}

static void one_that_is_kept_goes_on(void) {
  kja_runtime_t runtime = runtime_open();
  kja_process_options_t options = shell("read line; echo $line");
  options.stdio[0] = options.stdio[1] = KJA_STDIO_PIPE;
  options.flags = KJA_PROCESS_KEEP;
  kja_process_t process = spawn(runtime, &options);
  kja_connection_t input = stream_of(process, 0), output = stream_of(process, 1);
  CHECK_OK(kja_process_release(process));
  kja_promise_t writing = 0, said = read_all_start(output);
  CHECK_OK(kja_connection_write_start(input, "alive\n", 6, &writing));
  expect(writing, KJA_OK);
  expect_text(said, "alive\n");
  CHECK_OK(kja_connection_release(input));
  CHECK_OK(kja_connection_release(output));
  reaped_by(runtime);
  runtime_close(runtime);
}

static void a_shutdown_kills_and_reaps(void) {
  kja_runtime_t runtime = runtime_open();
  kja_process_t process = spawn_shell(runtime, "exec sleep 1000");
  kja_promise_t waiting = wait_start(process), then = 0;
  count_t destroyed = {0};
  CHECK_OK(kja_promise_then(waiting, must_not_run, &destroyed, count_destroy, &then));
  CHECK_OK(kja_process_release(spawn_shell(runtime, "exec sleep 1000")));
  CHECK_OK(kja_runtime_shutdown(runtime));
  CHECK_U64(count_get(&destroyed), 1);
  CHECK_IS(kja_process_kill(process, SIGTERM), KJA_ERR_BAD_HANDLE);
  kja_process_options_t options = shell("true");
  CHECK_IS(kja_process_spawn(runtime, &options, &process), KJA_ERR_SHUTDOWN);
  CHECK_OK(kja_runtime_release(runtime));
  CHECK(has_no_child());
}

/* Ends as another program: what the child has of its parent's memory is nobody's. */
static pid_t forked(int code) {
  char script[20];
  snprintf(script, sizeof script, "exit %d", code);
  fflush(stdout);
  pid_t pid = fork();
  if (pid == 0) {
    execlp("sh", "sh", "-c", script, (char *)NULL);
    _exit(127);
  }
  CHECK(pid > 0);
  return pid;
}
static pid_t forked_for_ever(void) {
  fflush(stdout);
  pid_t pid = fork();
  if (pid == 0) {
    execlp("sleep", "sleep", "1000", (char *)NULL);
    _exit(127);
  }
  CHECK(pid > 0);
  return pid;
}

/* parity: UNIX-05, UNIX-06, UNIX-07, UNIX-08 */
static void children_that_were_forked_are_watched(void) {
  kja_runtime_t runtime = runtime_open(), elsewhere = scope_open();
  kja_process_t one = 0, other = 0, none = 1;
  pid_t pid = forked(11);
  CHECK_OK(kja_process_watch(runtime, pid, &one));
  CHECK_OK(kja_process_watch(elsewhere, forked(12), &other));
  expect_exit(status_of(one), 11);
  expect_exit(status_of(other), 12);
  CHECK_U64(pid_of(one), 0);
  CHECK_IS(kja_process_watch(runtime, pid, &none), KJA_ERR_INVALID_ARGUMENT);
  CHECK_U64(kja_last_error_os(), ECHILD);
  CHECK_U64(none, 0);
  CHECK_IS(kja_process_watch(runtime, 0, &none), KJA_ERR_INVALID_ARGUMENT);
  CHECK_IS(kja_process_watch(runtime, -1, &none), KJA_ERR_INVALID_ARGUMENT);
  CHECK_IS(kja_process_watch(runtime, getpid(), &none), KJA_ERR_INVALID_ARGUMENT);
  CHECK_OK(kja_process_release(one));
  CHECK_OK(kja_process_release(other));
  /* What is released is the caller's: alive, and to be reaped. */
  pid = forked_for_ever();
  CHECK_OK(kja_process_watch(runtime, pid, &one));
  CHECK_OK(kja_process_release(one));
  let_loop_rest(runtime);
  int status = 0;
  CHECK(waitpid(pid, &status, WNOHANG) == 0);
  CHECK_OK(kja_process_watch(runtime, pid, &one));
  CHECK_OK(kja_runtime_shutdown(runtime));
  CHECK_OK(kja_runtime_release(runtime));
  CHECK(waitpid(pid, &status, WNOHANG) == 0);
  CHECK(kill(pid, SIGKILL) == 0 && waitpid(pid, &status, 0) == pid);
  expect_killed(status, SIGKILL);
  runtime_close(elsewhere);
}

/* parity: UNIX-08 */
static void an_exit_that_somebody_else_takes_is_an_error(void) {
  kja_runtime_t runtime = scope_open();
  pid_t pid = forked_for_ever();
  kja_process_t process = 0;
  CHECK_OK(kja_process_watch(runtime, pid, &process));
  kja_promise_t waiting = wait_start(process);
  CHECK(kill(pid, SIGKILL) == 0 && waitpid(pid, NULL, 0) == pid);
  CHECK_IS(kja_promise_await(waiting), KJA_ERR_FAILED);
  CHECK_U64(kja_last_error_os(), ECHILD);
  CHECK_OK(kja_promise_release(waiting));
  CHECK_OK(kja_process_release(process));
  runtime_close(runtime);
}

/* parity: UNIX-19 */
static void a_forked_child_that_ends_leaves_the_runtime_alone(void) {
  kja_runtime_t runtime = runtime_open();
  int ends[2];
  CHECK(pipe(ends) == 0);
  kja_fd_observer_t observer = 0;
  kja_promise_t readable = 0, sleeping = 0;
  CHECK_OK(kja_fd_observer_new(runtime, ends[0], KJA_FD_BORROW, &observer));
  CHECK_OK(kja_fd_observer_when_start(observer, KJA_FD_READABLE, &readable));
  CHECK_OK(kja_timer_sleep_start(runtime, MILLISECOND, &sleeping));
  int status = 0;
  pid_t pid = forked(0);
  CHECK(waitpid(pid, &status, 0) == pid);
  expect_exit(status, 0);
  expect(sleeping, KJA_OK);
  CHECK(write(ends[1], "x", 1) == 1);
  expect(readable, KJA_OK);
  CHECK_OK(kja_fd_observer_release(observer));
  close(ends[0]);
  close(ends[1]);
  runtime_close(runtime);
}

/* As many at once as there are, in four threads. */
enum { SPAWNERS = 4 };
typedef struct spawner_t {
  kja_runtime_t runtime;
  size_t rounds;
} spawner_t;
static void *spawn_many(void *arg) {
  enum { AT_ONCE = 25 };
  spawner_t *spawner = (spawner_t *)arg;
  for (size_t round = 0; round < spawner->rounds; round++) {
    kja_process_t processes[AT_ONCE];
    kja_process_options_t options = program_of(round % 2 ? "true" : "false", NULL);
    for (int i = 0; i < AT_ONCE; i++) processes[i] = spawn(spawner->runtime, &options);
    for (int i = 0; i < AT_ONCE; i++) {
      expect_exit(status_of(processes[i]), round % 2 ? 0 : 1);
      CHECK_OK(kja_process_release(processes[i]));
    }
  }
  return NULL;
}

/* parity: UNIX-06 */
static void of_a_thousand_short_children_no_exit_is_lost(void) {
  kja_runtime_t runtime = runtime_open();
  const char *tenfold = getenv("KJA_TEST_MANY_CHILDREN");
  spawner_t spawner = {runtime, scaled(tenfold ? 100 : 10)};
  pthread_t threads[SPAWNERS];
  for (int i = 0; i < SPAWNERS; i++) pthread_create(&threads[i], NULL, spawn_many, &spawner);
  for (int i = 0; i < SPAWNERS; i++) pthread_join(threads[i], NULL);
  CHECK(has_no_child());
  runtime_close(runtime);
}

int main(void) {
  RUN_IN_BOTH(it_ends_with_a_status);
  RUN_IN_BOTH(what_cannot_be_started_says_why);
  RUN_IN_BOTH(its_streams_are_connections);
  RUN_IN_BOTH(it_has_its_own_environment_and_folder);
  RUN_IN_BOTH(it_has_the_descriptors_that_it_is_given_and_no_others);
  RUN_IN_BOTH(its_streams_may_be_files);
  RUN_IN_BOTH(a_program_is_run_with_input_and_output);
  RUN_IN_BOTH(more_than_the_limit_kills_it);
  RUN_IN_BOTH(a_release_kills_and_reaps_it);
  RUN_IN_BOTH(a_wait_that_is_cancelled_leaves_it_alone);
  RUN_IN_BOTH(it_is_asked_to_end_and_killed_if_it_does_not);
  RUN_IN_BOTH(a_group_ends_together);
  RUN_IN_BOTH(one_that_is_kept_goes_on);
  RUN_IN_BOTH(a_shutdown_kills_and_reaps);
  RUN(children_that_were_forked_are_watched);
  RUN(an_exit_that_somebody_else_takes_is_an_error);
  RUN_IN_BOTH(a_forked_child_that_ends_leaves_the_runtime_alone);
  RUN(of_a_thousand_short_children_no_exit_is_lost);
  return check_done();
}
