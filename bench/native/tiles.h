// Tiles over vectors of N doubles; included once for the width of the target and once for the pairs that are left over.
// Undefines what it needs, so that it may be included again.
#define CAT_(a, b) a##b
#define CAT(a, b) CAT_(a, b)
#define VEC CAT(vec, N)
#define FN(name) CAT(name, N)


static inline VEC FN(load)(const double *p) { return *(const VEC *)p; }
static inline VEC FN(splat)(double v) { return v - (VEC){0}; }
static inline double FN(sum)(VEC v) {
#if N == 8
  vec4 half = __builtin_shufflevector(v, v, 0, 1, 2, 3) + __builtin_shufflevector(v, v, 4, 5, 6, 7);
  vec2 pair = __builtin_shufflevector(half, half, 0, 1) + __builtin_shufflevector(half, half, 2, 3);
#elif N == 4
  vec2 pair = __builtin_shufflevector(v, v, 0, 1) + __builtin_shufflevector(v, v, 2, 3);
#else
  vec2 pair = v;
#endif
  return pair[0] + pair[1];
}

/** sums[i][k] += rows i of x times columns k of w over columns [from, to); w is [column][k] by vectors: w[j·r + N·k]. */
static inline __attribute__((always_inline)) int FN(projectTile)(
    const double *x, int stride, int from, int to, const double *w, int rows, int r, double *z) {
  VEC s[MOST_ROWS][MOST_RANK];
  for (int i = 0; i < rows; i++)
    for (int k = 0; k < r; k++) s[i][k] = (VEC){0};
  int j = from;
  for (; j + N <= to; j += N) {
    VEC c[MOST_RANK];
    for (int k = 0; k < r; k++) c[k] = FN(load)(w + (long)k * stride + j);
    for (int i = 0; i < rows; i++) {
      VEC a = FN(load)(x + (long)i * stride + j);
      for (int k = 0; k < r; k++) s[i][k] += a * c[k];
    }
  }
  for (int i = 0; i < rows; i++)
    for (int k = 0; k < r; k++) z[k * ROWS + i] += FN(sum)(s[i][k]);
  return j;
}

/** out[k][j…] += Σᵢ x[i][j…]·c[k][i] over a strip, `wide` vectors of columns at a time. */
static inline __attribute__((always_inline)) void FN(gatherTile)(
    const double *x, int stride, const double *c, int wide, int r, double *out) {
  VEC s[MOST_WIDE][MOST_RANK];
  for (int j = 0; j < wide; j++)
    for (int k = 0; k < r; k++) s[j][k] = (VEC){0};
  for (int i = 0; i < STRIP; i++) {
    VEC a[MOST_WIDE];
    for (int j = 0; j < wide; j++) a[j] = FN(load)(x + (long)i * stride + N * j);
    for (int k = 0; k < r; k++) {
      VEC ck = FN(splat)(c[k * ROWS + i]);
      for (int j = 0; j < wide; j++) s[j][k] += a[j] * ck;
    }
  }
  for (int j = 0; j < wide; j++)
    for (int k = 0; k < r; k++) {
      VEC *o = (VEC *)(out + (long)k * stride + N * j);
      *o += s[j][k];
    }
}

#undef VEC
#undef FN
#undef CAT
#undef CAT_
