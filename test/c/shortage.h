/* A process that has no descriptor left. */
#ifndef KJASYNC_TEST_SHORTAGE_H
#define KJASYNC_TEST_SHORTAGE_H

#include "check.h"

#include <errno.h>
#include <sys/resource.h>

/* Lowers the limit until no descriptor is left, and plugs the holes below it. */
typedef struct shortage_t {
  struct rlimit before;
  int plugs[1024];
  int plug_count;
} shortage_t;

static inline void shortage_begin(shortage_t *shortage) {
  struct rlimit limit;
  int highest = 0;
  for (int fd = 0; fd < 1024; fd++)
    if (fcntl(fd, F_GETFD) != -1) highest = fd;
  CHECK(getrlimit(RLIMIT_NOFILE, &shortage->before) == 0);
  limit = shortage->before;
  limit.rlim_cur = (rlim_t)highest + 2; /* room for one plug at least */
  CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
  shortage->plug_count = 0;
  while (shortage->plug_count < 1024) {
    int fd = dup(0);
    if (fd < 0) break;
    shortage->plugs[shortage->plug_count++] = fd;
  }
  CHECK(errno == EMFILE);
}
/* Gives one descriptor back to the process. */
static inline void shortage_free_one(shortage_t *shortage) {
  if (CHECK(shortage->plug_count > 0)) close(shortage->plugs[--shortage->plug_count]);
}
static inline void shortage_end(shortage_t *shortage) {
  for (int i = 0; i < shortage->plug_count; i++) close(shortage->plugs[i]);
  CHECK(setrlimit(RLIMIT_NOFILE, &shortage->before) == 0);
}

#endif
