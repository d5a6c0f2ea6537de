/* What becomes of the addresses behind a name, whatever the system says: it is made to say it here. */
#include "gate.h"
#include "loopback.h"
#include "options.h"

#if defined(__linux__)
#include <netdb.h>

enum { ENTRIES = 5 };
static const struct {
  int family;
  unsigned char last;
} SAID[ENTRIES] = {{AF_INET, 1}, {AF_INET6, 2}, {AF_INET, 1}, {AF_INET, 3}, {AF_INET6, 2}};

typedef struct said_t {
  struct addrinfo infos[ENTRIES];
  struct sockaddr_storage names[ENTRIES];
} said_t;

static hold_t lookup;
static count_t lookups, freed;
static pthread_t looked_up_on;

/* In place of the C library's, for the library as well. */
#ifdef __cplusplus
extern "C" {
#endif
int getaddrinfo(const char *host, const char *service, const struct addrinfo *hints, struct addrinfo **out) {
  said_t *said = (said_t *)calloc(1, sizeof *said);
  (void)host;
  (void)service;
  (void)hints;
  looked_up_on = pthread_self();
  count_add(&lookups, 1);
  gate_open(&lookup.begun);
  gate_pass(&lookup.end);
  for (int i = 0; i < ENTRIES; i++) {
    struct addrinfo *info = &said->infos[i];
    info->ai_family = SAID[i].family;
    info->ai_socktype = SOCK_STREAM;
    info->ai_addr = (struct sockaddr *)&said->names[i];
    info->ai_next = i + 1 < ENTRIES ? info + 1 : NULL;
    said->names[i].ss_family = (sa_family_t)SAID[i].family;
    if (SAID[i].family == AF_INET) {
      info->ai_addrlen = sizeof(struct sockaddr_in);
      ((struct sockaddr_in *)info->ai_addr)->sin_addr.s_addr = htonl(INADDR_LOOPBACK - 1 + SAID[i].last);
    } else {
      info->ai_addrlen = sizeof(struct sockaddr_in6);
      ((struct sockaddr_in6 *)info->ai_addr)->sin6_addr.s6_addr[15] = SAID[i].last;
    }
  }
  *out = said->infos;
  return 0;
}
void freeaddrinfo(struct addrinfo *infos) {
  free(infos);
  count_add(&freed, 1);
}
#ifdef __cplusplus
}
#endif

static void lookup_begin(void) {
  hold_init(&lookup);
  count_set(&lookups, 0);
  count_set(&freed, 0);
}

/* parity: NET-03 */
static void addresses_keep_their_order_and_come_once(void) {
  kja_runtime_t runtime = runtime_open();
  size_t count = 0;
  char text[100];
  lookup_begin();
  gate_open(&lookup.end);
  kja_address_t address = address_of(runtime, "several.test:80", 0);
  CHECK_U64(count_get(&lookups), 1);
  CHECK_U64(count_get(&freed), 1);
  CHECK_OK(kja_address_count(address, &count));
  CHECK_U64(count, 3);
  CHECK_OK(kja_address_text(address, text, sizeof text, NULL));
  CHECK(strcmp(text, "127.0.0.1:80,[::2]:80,127.0.0.3:80") == 0);
  CHECK_OK(kja_address_release(address));
  runtime_close(runtime);
  hold_destroy(&lookup);
}

static void note_thread(void *ctx, kja_call_t call) {
  (void)call;
  *(pthread_t *)ctx = pthread_self();
}

/* parity: NET-03 */
static void a_lookup_has_a_thread_of_its_own_and_goes_on_unseen(void) {
  kja_runtime_t runtime = runtime_open();
  kja_promise_t parsing = 0;
  pthread_t loop;
  lookup_begin();
  CHECK_OK(kja_address_parse_start(runtime, "slow.test:80", 12, 0, &parsing));
  gate_pass(&lookup.begun);
  run_on_loop(runtime, note_thread, &loop);
  CHECK(!pthread_equal(looked_up_on, loop));
  CHECK(!pthread_equal(looked_up_on, pthread_self()));
  CHECK_IS(kja_promise_status(parsing), KJA_ERR_PENDING);
  CHECK_OK(kja_promise_release(parsing));
  let_loop_rest(runtime);
  CHECK_U64(count_get(&freed), 0);
  gate_open(&lookup.end);
  while (!count_get(&freed)) sched_yield();
  runtime_close(runtime);
  CHECK_U64(count_get(&lookups), 1);
  hold_destroy(&lookup);
}

int main(void) {
  RUN_IN_BOTH(addresses_keep_their_order_and_come_once);
  RUN_IN_BOTH(a_lookup_has_a_thread_of_its_own_and_goes_on_unseen);
  return check_done();
}

#else

/* Elsewhere a library does not call what a program puts in the place of a system function. */
int main(void) {
  return check_done();
}

#endif
