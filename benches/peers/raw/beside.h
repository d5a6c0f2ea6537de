/* W11: round trips beside another connection's bulk, on one epoll loop: the first connection echoes, others are sunk. */
#ifndef PEERS_RAW_BESIDE_H
#define PEERS_RAW_BESIDE_H

static int beside_first = -1;
static uint64_t beside_sunk;

static void *beside_server(void *arg) {
  static char room[65536];
  int lfd = (int)(intptr_t)arg, ep = epoll_create1(0);
  struct epoll_event e = {.events = EPOLLIN, .data.fd = lfd}, ready[64];
  epoll_ctl(ep, EPOLL_CTL_ADD, lfd, &e);
  for (;;) {
    int n = epoll_wait(ep, ready, 64, -1);
    for (int i = 0; i < n; i++) {
      int fd = ready[i].data.fd, one = 1;
      if (fd == lfd) {
        int c = accept(lfd, NULL, NULL);
        setsockopt(c, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        if (beside_first < 0) beside_first = c;
        e.data.fd = c;
        epoll_ctl(ep, EPOLL_CTL_ADD, c, &e);
        continue;
      }
      ssize_t k = recv(fd, room, fd == beside_first ? 64 : sizeof room, 0);
      if (k <= 0) { close(fd); continue; }
      if (fd != beside_first) __atomic_add_fetch(&beside_sunk, (uint64_t)k, __ATOMIC_RELAXED);
      else if (write(fd, room, (size_t)k) != k) die("echo");
    }
  }
  return NULL;
}

static void *beside_push(void *arg) {
  static char block[1 << 18];
  while (send(*(int *)arg, block, sizeof block, MSG_NOSIGNAL) > 0) continue;
  return NULL;
}

static void W11(void) {
  if (!want("w11_beside_bulk")) return;
  int port, lfd = tcp_listen(0, &port);
  pthread_t server, pusher;
  pthread_create(&server, NULL, beside_server, (void *)(intptr_t)lfd);
  char message[64] = "";
  int pinging = tcp_connect(port);
  if (write(pinging, message, 64) != 64 || recv(pinging, message, 64, MSG_WAITALL) != 64) die("round trip");
  int pushing = tcp_connect(port);
  pthread_create(&pusher, NULL, beside_push, &pushing);
  usleep(100000);
  lat_t l;
  meas_t m;
  struct timespec pause = {0, 200000};
  lat_init(&l, 1 << 16);
  uint64_t before = __atomic_load_n(&beside_sunk, __ATOMIC_RELAXED);
  meas_begin(&m);
  for (uint64_t end = m.t0 + dur_ns(3), now; now = now_ns(), now < end; nanosleep(&pause, NULL)) {
    if (write(pinging, message, 64) != 64 || recv(pinging, message, 64, MSG_WAITALL) != 64) die("round trip");
    lat_add(&l, now_ns() - now);
  }
  meas_end(&m);
  meas_emit("w11_beside_bulk", &m, (double)l.n, (double)(__atomic_load_n(&beside_sunk, __ATOMIC_RELAXED) - before), &l, NULL);
  shutdown(pushing, SHUT_RDWR);
  pthread_join(pusher, NULL);
  lat_free(&l);
}

#endif
