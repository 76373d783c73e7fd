// The innermost loops of every matrix product, for one variant. Included through EachInstructionSet.h.
//
// A panel holds PANEL rows of the left matrix side by side: element k of row r stands at panel[k * PANEL + r]. A strip
// is STRIP rows of the right matrix, wherever they are: each of its elements is read once a panel, spread over a
// register and multiplied with the panel's two registers of rows, so that weights need no packing. The sums of a strip
// and a panel fill the registers: 24 of 32 with AVX-512, 12 of 16 otherwise.
//
// Compilers move the loads of several steps ahead and spill what they read; x86-64 has the loops in assembly for that
// reason, with the same order of operations as the plain ones.

#define PANEL (2 * LANES)
#if LANES == 16
#define STRIP 12
#else
#define STRIP 6
#endif

#if LANES == 16

#define R(n) "%%zmm" #n
#define SPREAD(address, t, a, b)                                                                                  \
  "vbroadcastss " address ", " R(t) "\n"                                                                           \
  "vfmadd231ps " R(0) ", " R(t) ", " R(a) "\n vfmadd231ps " R(1) ", " R(t) ", " R(b) "\n"
#define OPEN(first, second) "vmovups " first "(%[panel]), " R(0) "\n vmovups " second "(%[panel]), " R(1) "\n"
// What of the panel is read eight steps later.
#define NEAR(first, second) "prefetcht0 1024+" first "(%[panel])\n prefetcht0 1024+" second "(%[panel])\n"
#define ROWS(at, first, second)                                                                                   \
  OPEN(first, second) NEAR(first, second)                                                                         \
  SPREAD(at "(%[r0])", 2, 8, 9) SPREAD(at "(%[r0],%[s])", 3, 10, 11) SPREAD(at "(%[r0],%[s],2)", 4, 12, 13)       \
  SPREAD(at "(%[r1])", 5, 14, 15) SPREAD(at "(%[r1],%[s])", 6, 16, 17) SPREAD(at "(%[r1],%[s],2)", 7, 18, 19)     \
  SPREAD(at "(%[r2])", 2, 20, 21) SPREAD(at "(%[r2],%[s])", 3, 22, 23) SPREAD(at "(%[r2],%[s],2)", 4, 24, 25)     \
  SPREAD(at "(%[r3])", 5, 26, 27) SPREAD(at "(%[r3],%[s])", 6, 28, 29) SPREAD(at "(%[r3],%[s],2)", 7, 30, 31)
#define COLUMNS                                                                                                   \
  OPEN("0", "64")                                                                                                 \
  SPREAD("0(%[r0])", 2, 8, 9) SPREAD("4(%[r0])", 3, 10, 11) SPREAD("8(%[r0])", 4, 12, 13)                         \
  SPREAD("12(%[r0])", 5, 14, 15) SPREAD("16(%[r0])", 6, 16, 17) SPREAD("20(%[r0])", 7, 18, 19)                    \
  SPREAD("24(%[r0])", 2, 20, 21) SPREAD("28(%[r0])", 3, 22, 23) SPREAD("32(%[r0])", 4, 24, 25)                    \
  SPREAD("36(%[r0])", 5, 26, 27) SPREAD("40(%[r0])", 6, 28, 29) SPREAD("44(%[r0])", 7, 30, 31)
#define MOVE(from, to) "vmovups " from ", " to "\n"
#define EACH_SUM(ACTION)                                                                                          \
  ACTION(8, "0") ACTION(9, "64") ACTION(10, "128") ACTION(11, "192") ACTION(12, "256") ACTION(13, "320")          \
  ACTION(14, "384") ACTION(15, "448") ACTION(16, "512") ACTION(17, "576") ACTION(18, "640") ACTION(19, "704")     \
  ACTION(20, "768") ACTION(21, "832") ACTION(22, "896") ACTION(23, "960") ACTION(24, "1024") ACTION(25, "1088")   \
  ACTION(26, "1152") ACTION(27, "1216") ACTION(28, "1280") ACTION(29, "1344") ACTION(30, "1408") ACTION(31, "1472")
#define ALL_REGISTERS                                                                                             \
  "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12",      \
      "xmm13", "xmm14", "xmm15", "xmm16", "xmm17", "xmm18", "xmm19", "xmm20", "xmm21", "xmm22", "xmm23", "xmm24", \
      "xmm25", "xmm26", "xmm27", "xmm28", "xmm29", "xmm30", "xmm31"
#define FOUR_ROWS                                                                                                 \
  ROWS("0", "0", "64") NEXT("r0") ROWS("4", "128", "192") NEXT("r1")                                              \
  ROWS("8", "256", "320") NEXT("r2") ROWS("12", "384", "448") NEXT("r3")
#define FORWARD(bytes) "add $" bytes ", %[r0]\n add $" bytes ", %[r1]\n add $" bytes ", %[r2]\n add $" bytes ", %[r3]\n"
#define SECOND_HALF "64"
#define PANEL_BYTES "128"
#define FOUR_PANEL_BYTES "512"

#elif LANES == 8

#define R(n) "%%ymm" #n
#define SPREAD(address, t, a, b)                                                                                  \
  "vbroadcastss " address ", " R(t) "\n"                                                                           \
  "vfmadd231ps " R(0) ", " R(t) ", " R(a) "\n vfmadd231ps " R(1) ", " R(t) ", " R(b) "\n"
#define OPEN(first, second) "vmovups " first "(%[panel]), " R(0) "\n vmovups " second "(%[panel]), " R(1) "\n"
#define ROWS(at, first, second)                                                                                   \
  OPEN(first, second)                                                                                             \
  SPREAD(at "(%[r0])", 2, 4, 5) SPREAD(at "(%[r0],%[s])", 3, 6, 7) SPREAD(at "(%[r0],%[s],2)", 2, 8, 9)           \
  SPREAD(at "(%[r1])", 3, 10, 11) SPREAD(at "(%[r1],%[s])", 2, 12, 13) SPREAD(at "(%[r1],%[s],2)", 3, 14, 15)
#define COLUMNS                                                                                                   \
  OPEN("0", "32")                                                                                                 \
  SPREAD("0(%[r0])", 2, 4, 5) SPREAD("4(%[r0])", 3, 6, 7) SPREAD("8(%[r0])", 2, 8, 9)                             \
  SPREAD("12(%[r0])", 3, 10, 11) SPREAD("16(%[r0])", 2, 12, 13) SPREAD("20(%[r0])", 3, 14, 15)
#define MOVE(from, to) "vmovups " from ", " to "\n"
#define EACH_SUM(ACTION)                                                                                          \
  ACTION(4, "0") ACTION(5, "32") ACTION(6, "64") ACTION(7, "96") ACTION(8, "128") ACTION(9, "160")                \
  ACTION(10, "192") ACTION(11, "224") ACTION(12, "256") ACTION(13, "288") ACTION(14, "320") ACTION(15, "352")
#define ALL_REGISTERS                                                                                             \
  "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12",      \
      "xmm13", "xmm14", "xmm15"
#define FOUR_ROWS                                                                                                 \
  ROWS("0", "0", "32") NEXT("r0") ROWS("4", "64", "96") ROWS("8", "128", "160") NEXT("r1") ROWS("12", "192", "224")
#define FORWARD(bytes) "add $" bytes ", %[r0]\n add $" bytes ", %[r1]\n"
#define SECOND_HALF "32"
#define PANEL_BYTES "64"
#define FOUR_PANEL_BYTES "256"

#endif

#if LANES > 4

// The next cache lines of three rows of the strip: rows a multiple of 4 KB apart are beyond what processors foresee.
#define NEXT(row)                                                                                                 \
  "prefetcht0 64(%[" row "])\n prefetcht0 64(%[" row "],%[s])\n prefetcht0 64(%[" row "],%[s],2)\n"
#define READ_SUM(n, at) MOVE(at "(%[sums])", R(n))
#define WRITE_SUM(n, at) MOVE(R(n), at "(%[sums])")

// sums[i][r] += sum over k of w[i * stride + k] * panel[k][r], for STRIP rows i. Asks for the cache lines of `ahead` on
// the way, as many bytes as a row of the strip has.
INLINE void V(strip_of_rows)(
    const float *panel, const float *w, size_t stride, size_t depth, float *sums, const float *ahead) {
  const float *r0 = w, *r1 = w + 3 * stride;
  size_t fours = depth / 4, ones = depth % 4;
#if LANES == 16
  const float *r2 = w + 6 * stride, *r3 = w + 9 * stride;
#endif
  __asm__ volatile(
      EACH_SUM(READ_SUM)
      "test %[fours], %[fours]\n jz 2f\n .p2align 5\n 1:\n prefetcht1 (%[ahead])\n"
      FOUR_ROWS
      FORWARD("16") "add $16, %[ahead]\n add $" FOUR_PANEL_BYTES ", %[panel]\n dec %[fours]\n jnz 1b\n"
      "2:\n test %[ones], %[ones]\n jz 4f\n 3:\n"
      ROWS("0", "0", SECOND_HALF)
      FORWARD("4") "add $" PANEL_BYTES ", %[panel]\n dec %[ones]\n jnz 3b\n"
      "4:\n"
      EACH_SUM(WRITE_SUM)
      : [panel] "+r"(panel), [r0] "+r"(r0), [r1] "+r"(r1), [fours] "+r"(fours), [ones] "+r"(ones), [ahead] "+r"(ahead)
#if LANES == 16
        , [r2] "+r"(r2), [r3] "+r"(r3)
#endif
      : [s] "r"(stride * sizeof(float)), [sums] "r"(sums)
      : "memory", "cc", ALL_REGISTERS);
}

// sums[i][r] += sum over k of w[k * stride + i] * panel[k][r], for STRIP columns i.
INLINE void V(strip_of_columns)(const float *panel, const float *w, size_t stride, size_t depth, float *sums) {
  __asm__ volatile(
      EACH_SUM(READ_SUM)
      "test %[depth], %[depth]\n jz 2f\n .p2align 5\n 1:\n"
      COLUMNS
      "add %[s], %[r0]\n add $" PANEL_BYTES ", %[panel]\n dec %[depth]\n jnz 1b\n"
      "2:\n"
      EACH_SUM(WRITE_SUM)
      : [panel] "+r"(panel), [r0] "+r"(w), [depth] "+r"(depth)
      : [s] "r"(stride * sizeof(float)), [sums] "r"(sums)
      : "memory", "cc", ALL_REGISTERS);
}

#undef R
#undef SPREAD
#undef OPEN
#undef NEAR
#undef ROWS
#undef COLUMNS
#undef MOVE
#undef EACH_SUM
#undef ALL_REGISTERS
#undef FOUR_ROWS
#undef FORWARD
#undef SECOND_HALF
#undef PANEL_BYTES
#undef FOUR_PANEL_BYTES
#undef NEXT
#undef READ_SUM
#undef WRITE_SUM

#else

INLINE void V(strip_of)(
    const float *panel, const float *w, size_t row_stride, size_t step, size_t depth, float *sums) {
  V(graft_vf) a[STRIP][2];
  for (size_t i = 0; i < STRIP; i++) {
    a[i][0] = V(load)(sums + i * PANEL);
    a[i][1] = V(load)(sums + i * PANEL + LANES);
  }
  for (size_t k = 0; k < depth; k++, panel += PANEL, w += step) {
    const V(graft_vf) first = V(load)(panel), second = V(load)(panel + LANES);
    for (size_t i = 0; i < STRIP; i++) {
      const V(graft_vf) spread = V(all)(w[i * row_stride]);
      a[i][0] += spread * first;
      a[i][1] += spread * second;
    }
  }
  for (size_t i = 0; i < STRIP; i++) {
    V(store)(sums + i * PANEL, a[i][0]);
    V(store)(sums + i * PANEL + LANES, a[i][1]);
  }
}

INLINE void V(strip_of_rows)(
    const float *panel, const float *w, size_t stride, size_t depth, float *sums, const float *ahead) {
  (void)ahead;
  V(strip_of)(panel, w, stride, 1, depth, sums);
}

INLINE void V(strip_of_columns)(const float *panel, const float *w, size_t stride, size_t depth, float *sums) {
  V(strip_of)(panel, w, 1, stride, depth, sums);
}

#endif

// Panels and results are turned in blocks of 4 by 4, as many side by side as a vector has lanes for. Element i of block b
// is lane 4 * b + i.
typedef float V(four) __attribute__((vector_size(16), aligned(4), may_alias));

// Four floats from `x`, and from rows 4, 8, ... after it.
INLINE V(graft_vf) V(load_fours)(const float *x, size_t stride) {
#define FOUR(b) (*(const V(four) *)(x + 4 * (b) * stride))
#if LANES == 4
  return FOUR(0);
#elif LANES == 8
  return __builtin_shufflevector(FOUR(0), FOUR(1), 0, 1, 2, 3, 4, 5, 6, 7);
#else
  typedef float eight __attribute__((vector_size(32)));
  const eight low = __builtin_shufflevector(FOUR(0), FOUR(1), 0, 1, 2, 3, 4, 5, 6, 7);
  const eight high = __builtin_shufflevector(FOUR(2), FOUR(3), 0, 1, 2, 3, 4, 5, 6, 7);
  return __builtin_shufflevector(low, high, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
#endif
#undef FOUR
}

// Elements i and j of each block of `a`, then of `b`.
#if LANES == 4
#define PICK(a, b, i, j) __builtin_shufflevector(a, b, i, j, 4 + i, 4 + j)
#elif LANES == 8
#define PICK(a, b, i, j) __builtin_shufflevector(a, b, i, j, 8 + i, 8 + j, 4 + i, 4 + j, 12 + i, 12 + j)
#else
#define PICK(a, b, i, j)                                                                                          \
  __builtin_shufflevector(                                                                                        \
      a, b, i, j, 16 + i, 16 + j, 4 + i, 4 + j, 20 + i, 20 + j, 8 + i, 8 + j, 24 + i, 24 + j, 12 + i, 12 + j,     \
      28 + i, 28 + j)
#endif

// Turns each block: element j of vector i becomes element i of vector j.
INLINE void V(turn)(V(graft_vf) v[4]) {
  const V(graft_vf) low01 = PICK(v[0], v[1], 0, 1), low23 = PICK(v[2], v[3], 0, 1);
  const V(graft_vf) high01 = PICK(v[0], v[1], 2, 3), high23 = PICK(v[2], v[3], 2, 3);
  v[0] = PICK(low01, low23, 0, 2);
  v[1] = PICK(low01, low23, 1, 3);
  v[2] = PICK(high01, high23, 0, 2);
  v[3] = PICK(high01, high23, 1, 3);
}
#undef PICK

// Rows [0, count) of `x`, times `scale`, as one panel; what is missing of PANEL rows is 0. What is written of the panel
// at a time stays in the first-level cache until all rows are in it.
INLINE void V(pack_panel)(const float *x, size_t stride, size_t count, size_t depth, float scale, float *panel) {
  enum { AT_ONCE = 64 };
  for (size_t first = 0; first < depth; first += AT_ONCE) {
    const size_t end = first + AT_ONCE < depth ? first + AT_ONCE : depth;
    for (size_t r = 0; r < PANEL; r += LANES) {
      size_t k = first;
      if (r + LANES <= count) {
        for (; k + 4 <= end; k += 4) {
          V(graft_vf) v[4];
          for (size_t i = 0; i < 4; i++) v[i] = V(load_fours)(x + (r + i) * stride + k, stride);
          V(turn)(v);
          for (size_t i = 0; i < 4; i++) V(store)(panel + (k + i) * PANEL + r, v[i] * scale);
        }
      }
      for (; k < end; k++) {
        for (size_t i = r; i < r + LANES; i++) panel[k * PANEL + i] = i < count ? x[i * stride + k] * scale : 0;
      }
    }
  }
}

#ifndef TILE_COLUMNS
#define TILE_COLUMNS 12
#endif

#if LANES < 16
INLINE V(four) V(block)(V(graft_vf) v, size_t b) {
#if LANES == 8
  return b == 0 ? __builtin_shufflevector(v, v, 0, 1, 2, 3) : __builtin_shufflevector(v, v, 4, 5, 6, 7);
#else
  (void)b;
  return v;
#endif
}
#endif

#if LANES == 16
// Block b of three vectors side by side: the first twelve floats of row b.
INLINE void V(join_blocks)(V(graft_vf) a, V(graft_vf) b, V(graft_vf) c, V(graft_vf) rows[4]) {
#define BLOCKS(x, y, i, j, k, l)                                                                                  \
  (V(graft_vf))__builtin_shufflevector(                                                                           \
      (__m512d)(x), (__m512d)(y), 2 * i, 2 * i + 1, 2 * j, 2 * j + 1, 8 + 2 * k, 9 + 2 * k, 8 + 2 * l, 9 + 2 * l)
  const V(graft_vf) first = BLOCKS(a, b, 0, 1, 0, 1), second = BLOCKS(a, b, 2, 3, 2, 3);
  rows[0] = BLOCKS(first, c, 0, 2, 0, 1);
  rows[1] = BLOCKS(first, c, 1, 3, 1, 2);
  rows[2] = BLOCKS(second, c, 0, 2, 2, 3);
  rows[3] = BLOCKS(second, c, 1, 3, 3, 0);
#undef BLOCKS
}
#endif

// Turned blocks of four columns each to the first `columns` floats of `rows` rows of `y`, and to what is there where it
// `adds`. Block b of vector j of a group is row 4 * b + j.
INLINE void V(store_rows)(
    V(graft_vf) groups[TILE_COLUMNS / 4][4], float *y, size_t stride, size_t rows, size_t columns, bool adds) {
  for (size_t j = 0; j < 4; j++) {
#if LANES == 16
    V(graft_vf) joined[4];
    V(join_blocks)(groups[0][j], groups[1][j], groups[2][j], joined);
    for (size_t b = 0; b < 4 && 4 * b + j < rows; b++) {
      float *to = y + (4 * b + j) * stride;
      V(store_part)(to, adds ? joined[b] + V(load_part)(to, columns, 0) : joined[b], columns);
    }
#else
    for (size_t b = 0; b < LANES / 4 && 4 * b + j < rows; b++) {
      for (size_t c = 0; c < columns; c += 4) {
        float *to = y + (4 * b + j) * stride + c;
        const V(four) value = V(block)(groups[c / 4][j], b);
        if (c + 4 <= columns) {
          *(V(four) *)to = adds ? *(V(four) *)to + value : value;
        } else {
          for (size_t i = 0; i < columns - c; i++) to[i] = adds ? to[i] + value[i] : value[i];
        }
      }
    }
#endif
  }
}

// Twelve columns of sums, element r of column c at sums[c * PANEL + r], to the first `columns` floats of `rows` rows of
// `y`, with a column's `bias`, which may be NULL, and what is there where it `adds`. Groups of four columns are read
// that have one of `columns` in them.
INLINE void V(store_tile)(
    const float *sums, const float *bias, float *y, size_t stride, size_t rows, size_t columns, bool adds) {
  for (size_t r = 0; r < rows; r += LANES) {
    V(graft_vf) groups[TILE_COLUMNS / 4][4];
    for (size_t g = 0; g < TILE_COLUMNS / 4; g++) {
      for (size_t i = 0; i < 4; i++) {
        const size_t c = 4 * g + i;
        groups[g][i] = 4 * g < columns ? V(load)(sums + c * PANEL + r) : V(all)(0);
        if (bias && c < columns) groups[g][i] += bias[c];
      }
      V(turn)(groups[g]);
    }
    // Whole blocks, of sizes that the compiler knows, and others.
    if (rows - r >= LANES && columns == TILE_COLUMNS) {
      V(store_rows)(groups, y + r * stride, stride, LANES, TILE_COLUMNS, adds);
    } else {
      V(store_rows)(groups, y + r * stride, stride, rows - r, columns, adds);
    }
  }
}
