// One whole iteration of the profiled loss in C: the blocked algorithm of the package with the Gram matrix formed directly.
//
// Compiled once per instruction set with NAME (the function), LANES (doubles per vector) and the tiles; rows come in
// blocks of 96, everything inside a block is feature-major, X is read in strips, which are touched before use where X is large.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "iteration.h"

#define ROWS 96
#define STRIP 24
/** An X beyond this size is touched before it is used; the package has the same rule. */
#define TOUCHED_BYTES (4L << 20)
#define MOST_ROWS 8
#define MOST_WIDE 8
#define MOST_RANK 4
/** Rows at a time in X·W, vectors of columns at a time in Xᵀ·C, rows and columns of a tile of the Gram matrix. */
#if LANES == 2
#define PROJECT_ROWS(r) ((r) == 1 ? 8 : (r) == 2 ? 4 : 2)
#define GATHER_WIDE(r) ((r) == 1 ? 8 : (r) == 2 ? 4 : 2)
#define GRAM_ROWS 3
#elif LANES == 4
#define PROJECT_ROWS(r) ((r) == 1 ? 8 : 4)
#define GATHER_WIDE(r) ((r) == 1 ? 8 : 4)
#define GRAM_ROWS 3
#else
#define PROJECT_ROWS(r) 8
#define GATHER_WIDE(r) ((r) == 4 ? 6 : 8)
#define GRAM_ROWS 4
#endif
#define GRAM_COLUMNS 4

/** Vectors at any address of doubles. */
typedef double vec2 __attribute__((vector_size(16), aligned(8), may_alias));
typedef double vec4 __attribute__((vector_size(32), aligned(8), may_alias));
typedef double vec8 __attribute__((vector_size(64), aligned(8), may_alias));

#define N 2
#include "tiles.h"
#undef N
#if LANES > 2
#define N LANES
#include "tiles.h"
#undef N
#endif

#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)
#define WIDE(name) JOIN(name, LANES)
typedef WIDE(vec) vec;

static volatile long sink;
/** Brings a strip near at full bandwidth: tiles would wait for one line after the other. */
static void touch(const double *p, long count) {
  long seen = 0;
  const long *q = (const long *)p;
  for (long i = 0; i + 64 <= count; i += 64)
    seen |= q[i] | q[i + 8] | q[i + 16] | q[i + 24] | q[i + 32] | q[i + 40] | q[i + 48] | q[i + 56];
  sink = seen;
}

static inline __attribute__((always_inline)) void projectBlock(
    const double *x, int d, int count, int far, const double *w, int r, double *z) {
  memset(z, 0, sizeof(double) * ROWS * r);
  for (int strip = 0; strip < count; strip += STRIP) {
    int end = strip + STRIP < count ? strip + STRIP : count;
    if (far) touch(x + (long)strip * d, (long)(end - strip) * d);
    int i = strip;
    for (; i + PROJECT_ROWS(r) <= end; i += PROJECT_ROWS(r)) {
      int j = WIDE(projectTile)(x + (long)i * d, d, 0, d, w, PROJECT_ROWS(r), r, z + i);
      if (j < d) projectTile2(x + (long)i * d, d, j, d, w, PROJECT_ROWS(r), r, z + i);
    }
    for (; i < end; i++)
      for (int k = 0; k < r; k++)
        for (int j = 0; j < d; j++) z[k * ROWS + i] += x[(long)i * d + j] * w[(long)k * d + j];
  }
}

static inline __attribute__((always_inline)) void gatherBlock(
    const double *x, int d, int count, int far, const double *c, int r, double *out) {
  int strip = 0;
  for (; strip + STRIP <= count; strip += STRIP) {
    const double *rows = x + (long)strip * d;
    if (far) touch(rows, (long)STRIP * d);
    int j = 0;
    for (; j + GATHER_WIDE(r) * LANES <= d; j += GATHER_WIDE(r) * LANES)
      WIDE(gatherTile)(rows + j, d, c + strip, GATHER_WIDE(r), r, out + j);
    for (; j + LANES <= d; j += LANES) WIDE(gatherTile)(rows + j, d, c + strip, 1, r, out + j);
    for (; j < d; j += 2) gatherTile2(rows + j, d, c + strip, 1, r, out + j);
  }
  for (; strip < count; strip++)
    for (int k = 0; k < r; k++)
      for (int j = 0; j < d; j++) out[(long)k * d + j] += x[(long)strip * d + j] * c[k * ROWS + strip];
}

static void features(const double *z, const struct shape *s, const int *table, double *h, double *phi, int count) {
  int m1 = s->degree + 1;
  for (int k = 0; k < s->r; k++) {
    double *hk = h + (long)k * m1 * ROWS;
    const double *zk = z + k * ROWS;
    for (int i = 0; i < ROWS; i++) hk[i] = 1;
    if (s->degree > 0) memcpy(hk + ROWS, zk, sizeof(double) * ROWS);
    for (int m = 1; m < s->degree; m++) {
      double root = sqrt(m), inverse = 1 / sqrt(m + 1);
      double *q = hk + m * ROWS;
      for (int i = 0; i < ROWS; i += LANES)
        *(vec *)(q + ROWS + i) = (*(vec *)(zk + i) * *(vec *)(q + i) - root * *(vec *)(q - ROWS + i)) * inverse;
    }
  }
  for (int i = 0; i < ROWS; i++) phi[i] = i < count;
  for (int j = 1; j < s->p; j++) {
    const double *a = phi + (long)table[2 * j] * ROWS, *b = h + (long)table[2 * j + 1] * ROWS;
    double *o = phi + (long)j * ROWS;
    for (int i = 0; i < ROWS; i += LANES) *(vec *)(o + i) = *(vec *)(a + i) * *(vec *)(b + i);
  }
}

/** One tile of gram(i, j) += Σ phi[i]·phi[j], kept as vectors until the end of the block. */
static inline __attribute__((always_inline)) void gramTile(
    const double *a, const double *b, int rows, int columns, double *gram, long p) {
  vec s[8][8];
  for (int i = 0; i < rows; i++)
    for (int j = 0; j < columns; j++) s[i][j] = (vec){0};
  for (int o = 0; o < ROWS; o += LANES) {
    vec q[8];
    for (int j = 0; j < columns; j++) q[j] = *(const vec *)(b + j * ROWS + o);
    for (int i = 0; i < rows; i++) {
      vec v = *(const vec *)(a + i * ROWS + o);
      for (int j = 0; j < columns; j++) s[i][j] += v * q[j];
    }
  }
  for (int j = 0; j < columns; j++)
    for (int i = 0; i < rows; i++) gram[i * p + j] += WIDE(sum)(s[i][j]);
}

/** Upper triangle of p×p, p padded to the tile; what lies below the diagonal inside a tile is unused. */
static void accumulateGram(const double *phi, int padded, double *gram) {
  for (int j = 0; j < padded; j += GRAM_COLUMNS)
    for (int i = 0; i <= j + GRAM_COLUMNS - 1; i += GRAM_ROWS)
      gramTile(phi + (long)i * ROWS, phi + (long)j * ROWS, GRAM_ROWS, GRAM_COLUMNS, gram + (long)i * padded + j, padded);
}

/** f and its derivatives: (1 + r) vectors of coefficients times phi, two vectors of rows at a time. */
static inline __attribute__((always_inline)) void fieldsBlock(
    const double *phi, int p, int prefix, int r, const double *c, const double *ck, double *out) {
  for (int o = 0; o < ROWS; o += 2 * LANES) {
    vec f0 = {0}, f1 = {0}, g0[MOST_RANK], g1[MOST_RANK];
    for (int k = 0; k < r; k++) g0[k] = g1[k] = (vec){0};
    int j = 0;
    for (; j < prefix; j++) {
      vec a = *(const vec *)(phi + (long)j * ROWS + o), b = *(const vec *)(phi + (long)j * ROWS + o + LANES);
      f0 += c[j] * a;
      f1 += c[j] * b;
      for (int k = 0; k < r; k++) {
        g0[k] += ck[j * r + k] * a;
        g1[k] += ck[j * r + k] * b;
      }
    }
    for (; j < p; j++) {
      f0 += c[j] * *(const vec *)(phi + (long)j * ROWS + o);
      f1 += c[j] * *(const vec *)(phi + (long)j * ROWS + o + LANES);
    }
    *(vec *)(out + o) = f0;
    *(vec *)(out + o + LANES) = f1;
    for (int k = 0; k < r; k++) {
      *(vec *)(out + (1 + k) * ROWS + o) = g0[k];
      *(vec *)(out + (1 + k) * ROWS + o + LANES) = g1[k];
    }
  }
}

/** Cholesky of the upper triangle (row-major, `pitch` apart) and the solve, in place of b. */
static void solve(double *g, int p, int pitch, double *b) {
  for (int k = 0; k < p; k++) {
    double pivot = sqrt(g[(long)k * pitch + k]);
    for (int j = k; j < p; j++) g[(long)k * pitch + j] /= pivot;
    for (int i = k + 1; i < p; i++) {
      double factor = g[(long)k * pitch + i];
      for (int j = i; j < p; j++) g[(long)i * pitch + j] -= factor * g[(long)k * pitch + j];
    }
  }
  for (int k = 0; k < p; k++) {
    b[k] /= g[(long)k * pitch + k];
    for (int j = k + 1; j < p; j++) b[j] -= g[(long)k * pitch + j] * b[k];
  }
  for (int k = p - 1; k >= 0; k--) {
    for (int j = k + 1; j < p; j++) b[k] -= g[(long)k * pitch + j] * b[j];
    b[k] /= g[(long)k * pitch + k];
  }
}

static inline __attribute__((always_inline)) double passes(
    const struct shape *s, const int *table, const int *up, const double *x, const double *y, const double *w, int r,
    double *gradient) {
  const int d = s->d, p = s->p, far = 8L * s->n * d > TOUCHED_BYTES, blocks = (s->n + ROWS - 1) / ROWS;
  // Tiles of rows may reach past the last column by less than one tile.
  const int padded = (p + GRAM_COLUMNS - 1) / GRAM_COLUMNS * GRAM_COLUMNS;
  // Made by the first call: a process has one problem, and the package opens its workspace before it is timed too.
  static double *z, *h, *phi, *gram, *c, *ck, *fields, *scaled;
  if (!z) {
    z = allocate((long)blocks * r * ROWS), h = allocate((long)r * (s->degree + 1) * ROWS);
    phi = allocate((long)(padded + GRAM_ROWS) * ROWS), gram = allocate((long)(padded + GRAM_ROWS) * padded);
    c = allocate(padded), ck = allocate((long)p * r), fields = allocate((1 + r) * ROWS), scaled = allocate(r * ROWS);
  }
  memset(gram, 0, sizeof(double) * (padded + GRAM_ROWS) * padded);
  memset(c, 0, sizeof(double) * padded);
  for (int b = 0; b < blocks; b++) {
    const int count = s->n - b * ROWS < ROWS ? s->n - b * ROWS : ROWS;
    projectBlock(x + (long)b * ROWS * d, d, count, far, w, r, z + (long)b * r * ROWS);
    features(z + (long)b * r * ROWS, s, table, h, phi, count);
    accumulateGram(phi, padded, gram);
    for (int j = 0; j < p; j++) {
      vec t = {0};
      int i = 0;
      for (; i + LANES <= count; i += LANES) t += *(const vec *)(phi + (long)j * ROWS + i) * *(const vec *)(y + (long)b * ROWS + i);
      c[j] += WIDE(sum)(t);
      for (; i < count; i++) c[j] += phi[(long)j * ROWS + i] * y[(long)b * ROWS + i];
    }
  }
  for (int i = 0; i < p; i++) {
    c[i] /= s->n;
    for (int j = i; j < p; j++) gram[(long)i * padded + j] /= s->n;
    gram[(long)i * padded + i] += s->penalty;
  }
  solve(gram, p, padded, c);
  for (int j = 0; j < s->prefix; j++)
    for (int k = 0; k < r; k++) ck[j * r + k] = s->roots[j * r + k] * c[up[j * r + k]];
  double square = 0, size = 0;
  memset(gradient, 0, sizeof(double) * d * r);
  for (int b = 0; b < blocks; b++) {
    const int count = s->n - b * ROWS < ROWS ? s->n - b * ROWS : ROWS;
    features(z + (long)b * r * ROWS, s, table, h, phi, count);
    fieldsBlock(phi, p, s->prefix, r, c, ck, fields);
    for (int i = 0; i < ROWS; i++) {
      double residual = i < count ? y[(long)b * ROWS + i] - fields[i] : 0;
      square += residual * residual;
      for (int k = 0; k < r; k++) scaled[k * ROWS + i] = residual * fields[(1 + k) * ROWS + i];
    }
    gatherBlock(x + (long)b * ROWS * d, d, count, far, scaled, r, gradient);
  }
  for (int i = 0; i < d * r; i++) gradient[i] /= -s->n;
  for (int j = 0; j < p; j++) size += c[j] * c[j];
  return square / (2 * s->n) + s->penalty / 2 * size;
}

/** The loss; w and gradient are by columns, d doubles each. One body per rank, so that tiles are constants. */
double NAME(const struct shape *s, const int *table, const int *up, const double *x, const double *y, const double *w,
            double *gradient) {
  switch (s->r) {
    case 1: return passes(s, table, up, x, y, w, 1, gradient);
    case 2: return passes(s, table, up, x, y, w, 2, gradient);
    case 3: return passes(s, table, up, x, y, w, 3, gradient);
    default: return passes(s, table, up, x, y, w, 4, gradient);
  }
}

/** Block kernels with data in the cache, for the table of rates. @returns floating-point operations done */
double JOIN(NAME, Kernel)(int kernel, int r, int size, double *a, double *b, double *out, long calls) {
  for (long i = 0; i < calls; i++) {
    if (kernel == 0) {
      if (r == 2) projectBlock(a, size, ROWS, 0, b, 2, out);
      else projectBlock(a, size, ROWS, 0, b, 3, out);
    } else if (kernel == 1) {
      if (r == 2) gatherBlock(a, size, ROWS, 0, b, 2, out);
      else gatherBlock(a, size, ROWS, 0, b, 3, out);
    } else if (kernel == 2) {
      accumulateGram(a, size, out);
    } else {
      if (r == 2) fieldsBlock(a, size, size * 3 / 4, 2, b, b, out);
      else fieldsBlock(a, size, size * 5 / 8, 3, b, b, out);
    }
  }
  if (kernel < 2) return 2.0 * ROWS * size * r * calls;
  if (kernel == 2) return 1.0 * ROWS * size * (size + 1) * calls;
  return 2.0 * ROWS * (size + (r == 2 ? size * 3 / 4 : size * 5 / 8) * r) * calls;
}
