/* Datagrams that found nobody, told of to a port that asks for such errors. Linux only. */
#include "messages.h"
#include "options.h"

#ifdef __linux__
/* A port that keeps errors, and an address where nobody is. */
typedef struct lonely_t {
  kja_runtime_t runtime;
  kja_datagram_t port, other;
  kja_address_t own, nobody, of_other;
} lonely_t;

static lonely_t lonely_open(void) {
  lonely_t lonely;
  int on = 1;
  lonely.runtime = runtime_open();
  lonely.port = port_on(lonely.runtime, "127.0.0.1:0");
  lonely.other = port_on(lonely.runtime, "127.0.0.1:0");
  lonely.own = address_of_port(lonely.port);
  lonely.of_other = address_of_port(lonely.other);
  kja_datagram_t gone = port_on(lonely.runtime, "127.0.0.1:0");
  lonely.nobody = address_of_port(gone);
  CHECK_OK(kja_datagram_release(gone));
  CHECK_OK(kja_datagram_setsockopt(lonely.port, IPPROTO_IP, IP_RECVERR, &on, sizeof on));
  return lonely;
}
static void lonely_close(lonely_t lonely) {
  const kja_address_t addresses[3] = {lonely.own, lonely.nobody, lonely.of_other};
  for (int i = 0; i < 3; i++) CHECK_OK(kja_address_release(addresses[i]));
  CHECK_OK(kja_datagram_release(lonely.port));
  CHECK_OK(kja_datagram_release(lonely.other));
  runtime_close(lonely.runtime);
}

/* parity: DGRAM-01, DGRAM-03 */
static void a_port_that_is_not_connected_hears_of_no_datagram_that_found_nobody(void) {
  lonely_t lonely = lonely_open();
  kja_promise_t receiving = receive_start(lonely.port);
  send_text(lonely.port, "into the void", lonely.nobody);
  waits_idly(receiving);
  /* Nor do its sends: to the same address, and to somebody else's. */
  send_text(lonely.port, "into the void", lonely.nobody);
  send_text(lonely.port, "into the void", lonely.nobody);
  send_text(lonely.port, "heard", lonely.of_other);
  expect_datagram(receive_start(lonely.other), "heard");
  send_text(lonely.port, "into the void", lonely.nobody);
  bool sent = false;
  CHECK_OK(kja_datagram_send_now(lonely.port, "now", 3, lonely.of_other, &sent));
  CHECK(sent);
  expect_datagram(receive_start(lonely.other), "now");
  send_text(lonely.port, "into the void", lonely.nobody);
  send_text(lonely.other, "alive", lonely.own);
  expect_datagram(receiving, "alive");
  lonely_close(lonely);
}
#endif

int main(void) {
#ifdef __linux__
  RUN_IN_BOTH(a_port_that_is_not_connected_hears_of_no_datagram_that_found_nobody);
#endif
  return check_done();
}
