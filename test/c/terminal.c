/* Terminals as connections: both sides of a pseudo terminal. */
#include "stream.h"

#include <termios.h>

typedef struct terminal_t {
  kja_connection_t master;
  int user;
} terminal_t;

static terminal_t terminal_open(kja_runtime_t runtime) {
  terminal_t terminal = {0, -1};
  struct termios raw;
  int master = posix_openpt(O_RDWR | O_NOCTTY);
  CHECK(master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0);
  terminal.user = open(ptsname(master), O_RDWR | O_NOCTTY);
  CHECK(terminal.user >= 0);
  CHECK(tcgetattr(terminal.user, &raw) == 0);
  cfmakeraw(&raw);
  CHECK(tcsetattr(terminal.user, TCSANOW, &raw) == 0);
  CHECK_OK(kja_connection_from_fd(runtime, master, KJA_FD_TAKE, &terminal.master));
  return terminal;
}
static void hang_up(terminal_t *terminal) {
  close(terminal->user);
  terminal->user = -1;
}

/* parity: LLIO-06 */
static void a_master_ends_when_nobody_has_the_terminal_open(void) {
  kja_runtime_t runtime = runtime_open();
  terminal_t terminal = terminal_open(runtime);
  write_text(terminal.master, "typed");
  char typed[5];
  CHECK(read(terminal.user, typed, sizeof typed) == 5);
  CHECK(write(terminal.user, "bye", 3) == 3);
  hang_up(&terminal);
  expect_text(read_start(terminal.master, 1, 10), "bye");
  for (int i = 0; i < 2; i++) expect_text(read_start(terminal.master, 1, 10), "");
  CHECK_OK(kja_connection_release(terminal.master));
  runtime_close(runtime);
}

static void all_of_it_is_read(void) {
  kja_runtime_t runtime = runtime_open();
  terminal_t terminal = terminal_open(runtime);
  kja_promise_t reading = read_all_start(terminal.master, 100);
  CHECK(write(terminal.user, "one", 3) == 3);
  let_loop_rest(runtime);
  CHECK(write(terminal.user, "two", 3) == 3);
  hang_up(&terminal);
  expect_text(reading, "onetwo");
  CHECK_OK(kja_connection_release(terminal.master));

  terminal = terminal_open(runtime);
  reading = read_start(terminal.master, 6, 10);
  CHECK(write(terminal.user, "less", 4) == 4);
  hang_up(&terminal);
  expect_text(reading, "less");
  CHECK_OK(kja_connection_release(terminal.master));
  runtime_close(runtime);
}

int main(void) {
  RUN_IN_BOTH(a_master_ends_when_nobody_has_the_terminal_open);
  RUN_IN_BOTH(all_of_it_is_read);
  return check_done();
}
