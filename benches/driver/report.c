#include "bench.h"

#include <unistd.h>

#ifdef __APPLE__
#include <mach/mach.h>
#endif

static double scale = 1.0;
static const char *cases;

const char *bench_arguments(int argc, char **argv) {
  const char *workload = "";
  for (int i = 1; i < argc; i++) {
    if (strcmp(argv[i], "--scale") == 0 && i + 1 < argc) scale = atof(argv[++i]);
    else if (strcmp(argv[i], "--case") == 0 && i + 1 < argc) cases = argv[++i];
    else if (!*workload) workload = argv[i];
  }
  return workload;
}

bool bench_wants(const char *name) {
  if (!cases) return true;
  for (const char *prefix = cases; *prefix;) {
    size_t length = strcspn(prefix, ",");
    if (length && strncmp(name, prefix, length) == 0) return true;
    prefix += length + (prefix[length] == ',');
  }
  return false;
}

size_t bench_count(double at_full_scale) {
  double count = at_full_scale * scale;
  return count < 1 ? 1 : (size_t)count;
}

uint64_t bench_nanos(double seconds_at_full_scale) {
  return (uint64_t)(seconds_at_full_scale * scale * 1e9);
}

samples_t samples_new(size_t capacity) {
  samples_t samples = {malloc(capacity * sizeof(uint32_t)), 0, capacity};
  memset(samples.nanos, 1, capacity * sizeof(uint32_t));
  return samples;
}

void samples_add(samples_t *samples, uint64_t nanos) {
  if (samples->count == samples->capacity) {
    samples->capacity *= 2;
    samples->nanos = realloc(samples->nanos, samples->capacity * sizeof(uint32_t));
  }
  samples->nanos[samples->count++] = nanos > UINT32_MAX ? UINT32_MAX : (uint32_t)nanos;
}

void samples_free(samples_t *samples) {
  free(samples->nanos);
}

static int by_length(const void *a, const void *b) {
  uint32_t one = *(const uint32_t *)a, other = *(const uint32_t *)b;
  return (one > other) - (one < other);
}

static uint32_t quantile(const samples_t *sorted, double q) {
  size_t at = (size_t)(q * (double)sorted->count);
  return sorted->nanos[at < sorted->count ? at : sorted->count - 1];
}

void span_begin(span_t *span) {
  getrusage(RUSAGE_SELF, &span->used_before);
  span->begin = kja_timer_now_nanos();
}

void span_end(span_t *span) {
  span->end = kja_timer_now_nanos();
  getrusage(RUSAGE_SELF, &span->used_after);
}

static double seconds_between(struct timeval from, struct timeval to) {
  return (double)(to.tv_sec - from.tv_sec) + (double)(to.tv_usec - from.tv_usec) / 1e6;
}

static long peak_kib(const struct rusage *used) {
#ifdef __APPLE__
  return used->ru_maxrss / 1024;
#else
  return used->ru_maxrss;
#endif
}

void report(const char *name, const span_t *span, double operations, double bytes, samples_t *samples, const char *more) {
  double seconds = (double)(span->end - span->begin) / 1e9;
  printf("{\"name\":\"%s\",\"peer\":\"kjasync\",\"ops\":%.0f,\"seconds\":%.6f,\"ops_per_sec\":%.2f", name, operations,
         seconds, operations / seconds);
  if (samples && samples->count) {
    qsort(samples->nanos, samples->count, sizeof(uint32_t), by_length);
    printf(",\"p50_ns\":%u,\"p99_ns\":%u,\"p999_ns\":%u", quantile(samples, 0.5), quantile(samples, 0.99),
           quantile(samples, 0.999));
  }
  if (bytes > 0) printf(",\"bytes_per_sec\":%.0f", bytes / seconds);
  printf(",\"cpu_user_s\":%.4f,\"cpu_sys_s\":%.4f,\"max_rss_kb\":%ld%s}\n",
         seconds_between(span->used_before.ru_utime, span->used_after.ru_utime),
         seconds_between(span->used_before.ru_stime, span->used_after.ru_stime), peak_kib(&span->used_after),
         more ? more : "");
  fflush(stdout);
}

size_t resident_bytes(void) {
#ifdef __APPLE__
  mach_task_basic_info_data_t info;
  mach_msg_type_number_t count = MACH_TASK_BASIC_INFO_COUNT;
  task_info(mach_task_self(), MACH_TASK_BASIC_INFO, (task_info_t)&info, &count);
  return info.resident_size;
#else
  unsigned long total = 0, resident = 0;
  FILE *statm = fopen("/proc/self/statm", "r");
  if (statm) {
    if (fscanf(statm, "%lu %lu", &total, &resident) != 2) resident = 0;
    fclose(statm);
  }
  return resident * (size_t)sysconf(_SC_PAGESIZE);
#endif
}

void report_memory(const char *name, span_t *span, size_t things, size_t resident_before) {
  char more[64];
  double grown = (double)resident_bytes() - (double)resident_before;
  span_end(span);
  snprintf(more, sizeof more, ",\"bytes_each\":%.1f", grown / (double)things);
  report(name, span, (double)things, 0, NULL, more);
}
