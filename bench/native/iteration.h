// What the instruction sets share: the problem and memory.
#ifndef ITERATION_H
#define ITERATION_H
#include <stdlib.h>
#include <string.h>

struct shape {
  int n, d, r, degree, p, prefix;
  double penalty;
  /** √(β_k + 1), prefix × r */
  const double *roots;
};

/** Zeros, aligned to cache lines. */
static inline double *allocate(long doubles) {
  size_t bytes = (size_t)(doubles * 8 + 63) / 64 * 64 + 64;
  double *p = aligned_alloc(64, bytes);
  memset(p, 0, bytes);
  return p;
}

#define DECLARE(NAME) \
  double NAME(const struct shape *, const int *, const int *, const double *, const double *, const double *, double *); \
  double NAME##Kernel(int, int, int, double *, double *, double *, long)
#endif
