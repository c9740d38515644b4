// Reads one problem from a file and answers commands on standard input, one line each:
//
//   <set> <runs>                          → CPU milliseconds of a whole iteration, loss, sum and square sum of the gradient
//   kernel <set> <kernel> <rank> <size>   → GFLOP/s in the cache, best of several runs
//   sets                                  → the instruction sets that this processor has
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "iteration.h"

DECLARE(sse2);
DECLARE(avx2);
DECLARE(native);

struct set {
  const char *name;
  double (*iterate)(const struct shape *, const int *, const int *, const double *, const double *, const double *, double *);
  double (*kernel)(int, int, int, double *, double *, double *, long);
};
static const struct set SETS[] = {{"sse2", sse2, sse2Kernel}, {"avx2", avx2, avx2Kernel}, {"native", native, nativeKernel}};

static int runs(const char *name) {
#if defined(__x86_64__)
  if (!strcmp(name, "avx2")) return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#endif
  return 1;
}

static double cpuMs(void) {
  struct timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
}

static const struct set *find(const char *name) {
  for (int i = 0; i < 3; i++)
    if (!strcmp(name, SETS[i].name) && runs(name)) return &SETS[i];
  return NULL;
}

static double rate(const struct set *set, int kernel, int r, int size) {
  double *a = allocate(96L * (size + 8)), *b = allocate(96L * 8 + size * 8), *out = allocate((long)size * (size + 16) + 96L * 8);
  for (long i = 0; i < 96L * size; i++) a[i] = (i * 7919 % 1009) / 1e6;
  for (long i = 0; i < 96L * 8 + size * 8; i++) b[i] = (i * 7919 % 1009) / 1e6;
  long calls = 1;
  double best = 0;
  for (int k = 0; k < 9;) {
    double before = cpuMs(), flops = set->kernel(kernel, r, size, a, b, out, calls), ms = cpuMs() - before;
    if (ms < 15) {
      calls *= 2;
      continue;
    }
    if (flops / ms / 1e6 > best) best = flops / ms / 1e6;
    k++;
  }
  free(a), free(b), free(out);
  return best;
}

static void *section(FILE *file, size_t size, long count) {
  void *p = allocate((long)(size * count + 7) / 8);
  if (fread(p, size, count, file) != (size_t)count) exit(2);
  return p;
}

int main(int argc, char **argv) {
  struct shape s = {0};
  const int *table = NULL, *up = NULL;
  const double *x = NULL, *y = NULL, *w = NULL;
  if (argc > 1) {
    FILE *file = fopen(argv[1], "rb");
    if (!file || fread(&s, 4, 6, file) != 6 || fread(&s.penalty, 8, 1, file) != 1) return 2;
    if (s.d % 2) return 3; // columns are taken in pairs
    table = section(file, 4, 2L * s.p);
    up = section(file, 4, (long)s.prefix * s.r);
    s.roots = section(file, 8, (long)s.prefix * s.r);
    w = section(file, 8, (long)s.d * s.r);
    y = section(file, 8, s.n);
    x = section(file, 8, (long)s.n * s.d);
    fclose(file);
  }
  double *gradient = allocate((long)s.d * s.r + 8);
  char line[256], name[32];
  while (fgets(line, sizeof line, stdin)) {
    int count, kernel, r, size;
    const struct set *set;
    if (sscanf(line, "kernel %31s %d %d %d", name, &kernel, &r, &size) == 4 && (set = find(name))) {
      printf("%.6g\n", rate(set, kernel, r, size));
    } else if (!strncmp(line, "sets", 4)) {
      for (int i = 0; i < 3; i++)
        if (find(SETS[i].name)) printf("%s ", SETS[i].name);
      printf("\n");
    } else if (sscanf(line, "%31s %d", name, &count) == 2 && (set = find(name)) && x) {
      double loss = 0, before = cpuMs();
      for (int k = 0; k < count; k++) loss = set->iterate(&s, table, up, x, y, w, gradient);
      double ms = (cpuMs() - before) / count, sum = 0, square = 0;
      for (int i = 0; i < s.d * s.r; i++) sum += gradient[i], square += gradient[i] * gradient[i];
      printf("%.6g %.17g %.17g %.17g\n", ms, loss, sum, square);
    } else {
      printf("?\n");
    }
    fflush(stdout);
  }
  return 0;
}
