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

// `count` rows or columns of the right matrix, a constant where this is inlined, `row_stride` floats apart from each
// other; one k is `step` floats from the next.
INLINE void V(narrow_strip)(
    size_t count, const float *panel, const float *w, size_t row_stride, size_t step, size_t depth, bool adds,
    float *sums) {
  V(graft_vf) a[STRIP][2];
  for (size_t i = 0; i < count; i++) {
    a[i][0] = adds ? V(load)(sums + i * PANEL) : V(all)(0);
    a[i][1] = adds ? V(load)(sums + i * PANEL + LANES) : V(all)(0);
  }
  for (size_t k = 0; k < depth; k++, panel += PANEL, w += step) {
    const V(graft_vf) first = V(load)(panel), second = V(load)(panel + LANES);
    for (size_t i = 0; i < count; i++) {
      const V(graft_vf) spread = V(all)(w[i * row_stride]);
      a[i][0] += spread * first;
      a[i][1] += spread * second;
    }
  }
  for (size_t i = 0; i < count; i++) {
    V(store)(sums + i * PANEL, a[i][0]);
    V(store)(sums + i * PANEL + LANES, a[i][1]);
  }
}

#if LANES == 16

#define R(n) "%%zmm" #n
#define SPREAD(address, t, a, b)                                                                                  \
  "vbroadcastss " address ", " R(t) "\n"                                                                           \
  "vfmadd231ps " R(0) ", " R(t) ", " R(a) "\n vfmadd231ps " R(1) ", " R(t) ", " R(b) "\n"
#define OPEN(first, second) "vmovups " first "(%[panel]), " R(0) "\n vmovups " second "(%[panel]), " R(1) "\n"
// What of the panel is read 32 steps later.
#define NEAR(first, second) "prefetcht0 4096+" first "(%[panel])\n prefetcht0 4096+" second "(%[panel])\n"
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
#define NO_SUM(n, at) "vxorps " R(n) ", " R(n) ", " R(n) "\n"
#define FIRST_SUMS                                                                                                \
  "test %[adds], %[adds]\n jz 5f\n" EACH_SUM(READ_SUM) "jmp 6f\n 5:\n" EACH_SUM(NO_SUM) "6:\n"

// sums[i][r] = (adds ? sums[i][r] : 0) + sum over k of w[i * stride + k] * panel[k][r], for STRIP rows i. Asks for the
// cache lines of `ahead` on the way, as many bytes as a row of the strip has.
INLINE void V(strip_of_rows)(
    const float *panel, const float *w, size_t stride, size_t depth, bool adds, float *sums, const float *ahead) {
  const float *r0 = w, *r1 = w + 3 * stride;
  size_t fours = depth / 4, ones = depth % 4;
#if LANES == 16
  const float *r2 = w + 6 * stride, *r3 = w + 9 * stride;
#endif
  __asm__ volatile(
      FIRST_SUMS
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
      : [s] "r"(stride * sizeof(float)), [adds] "r"((size_t)adds), [sums] "r"(sums)
      : "memory", "cc", ALL_REGISTERS);
}

// The same of w[k * stride + i] * panel[k][r], for STRIP columns i.
INLINE void V(strip_of_columns)(
    const float *panel, const float *w, size_t stride, size_t depth, bool adds, float *sums) {
  __asm__ volatile(
      FIRST_SUMS
      "test %[depth], %[depth]\n jz 2f\n .p2align 5\n 1:\n"
      COLUMNS
      "add %[s], %[r0]\n add $" PANEL_BYTES ", %[panel]\n dec %[depth]\n jnz 1b\n"
      "2:\n"
      EACH_SUM(WRITE_SUM)
      : [panel] "+r"(panel), [r0] "+r"(w), [depth] "+r"(depth)
      : [s] "r"(stride * sizeof(float)), [adds] "r"((size_t)adds), [sums] "r"(sums)
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
#undef NO_SUM
#undef FIRST_SUMS

#else

INLINE void V(strip_of_rows)(
    const float *panel, const float *w, size_t stride, size_t depth, bool adds, float *sums, const float *ahead) {
  (void)ahead;
  V(narrow_strip)(STRIP, panel, w, stride, 1, depth, adds, sums);
}

INLINE void V(strip_of_columns)(
    const float *panel, const float *w, size_t stride, size_t depth, bool adds, float *sums) {
  V(narrow_strip)(STRIP, panel, w, 1, stride, depth, adds, sums);
}

#endif

// What is left of rows or columns behind the last strip: fours, which still fill the processor, then ones.
#define REST(count, step_of_one, step, adds)                                                                      \
  for (; count >= 4; count -= 4, w += 4 * step_of_one, sums += 4 * PANEL) {                                       \
    V(narrow_strip)(4, panel, w, step_of_one, step, depth, adds, sums);                                           \
  }                                                                                                               \
  for (; count > 0; count--, w += step_of_one, sums += PANEL) {                                                   \
    V(narrow_strip)(1, panel, w, step_of_one, step, depth, adds, sums);                                           \
  }

// sums[i][r] = sum over k of w[i * stride + k] * panel[k][r], for `count` rows i.
INLINE void V(rows_with_panel)(
    const float *panel, const float *w, size_t stride, size_t count, size_t depth, float *sums, const float *ahead) {
  for (; count >= STRIP; count -= STRIP, w += STRIP * stride, sums += STRIP * PANEL) {
    V(strip_of_rows)(panel, w, stride, depth, false, sums, ahead);
  }
  REST(count, stride, 1, false)
}

// sums[i][r] = (adds ? sums[i][r] : 0) + sum over k of w[k * stride + i] * panel[k][r], for `count` columns i.
INLINE void V(columns_with_panel)(
    const float *panel, const float *w, size_t stride, size_t count, size_t depth, bool adds, float *sums) {
  for (; count >= STRIP; count -= STRIP, w += STRIP, sums += STRIP * PANEL) {
    V(strip_of_columns)(panel, w, stride, depth, adds, sums);
  }
  REST(count, 1, stride, adds)
}
#undef REST

// Panels and results are turned in squares of LANES by LANES: first each block of 4 by 4, then the blocks.
#if LANES == 16
#define BLOCKS(a, b, i, j)                                                                                        \
  __builtin_shufflevector(                                                                                        \
      a, b, 4 * i, 4 * i + 1, 4 * i + 2, 4 * i + 3, 4 * j, 4 * j + 1, 4 * j + 2, 4 * j + 3, 16 + 4 * i,           \
      17 + 4 * i, 18 + 4 * i, 19 + 4 * i, 16 + 4 * j, 17 + 4 * j, 18 + 4 * j, 19 + 4 * j)
#define PICK(a, b, i, j)                                                                                          \
  __builtin_shufflevector(                                                                                        \
      a, b, i, j, 16 + i, 16 + j, 4 + i, 4 + j, 20 + i, 20 + j, 8 + i, 8 + j, 24 + i, 24 + j, 12 + i, 12 + j,     \
      28 + i, 28 + j)
#elif LANES == 8
#define BLOCKS(a, b, i)                                                                                           \
  __builtin_shufflevector(                                                                                        \
      a, b, 4 * i, 4 * i + 1, 4 * i + 2, 4 * i + 3, 8 + 4 * i, 9 + 4 * i, 10 + 4 * i, 11 + 4 * i)
#define PICK(a, b, i, j) __builtin_shufflevector(a, b, i, j, 8 + i, 8 + j, 4 + i, 4 + j, 12 + i, 12 + j)
#else
#define PICK(a, b, i, j) __builtin_shufflevector(a, b, i, j, 4 + i, 4 + j)
#endif

// Element j of vector i becomes element i of vector j.
INLINE void V(turn)(V(graft_vf) v[LANES]) {
  for (size_t i = 0; i < LANES; i += 4) {
    const V(graft_vf) low01 = PICK(v[i], v[i + 1], 0, 1), low23 = PICK(v[i + 2], v[i + 3], 0, 1);
    const V(graft_vf) high01 = PICK(v[i], v[i + 1], 2, 3), high23 = PICK(v[i + 2], v[i + 3], 2, 3);
    v[i] = PICK(low01, low23, 0, 2);
    v[i + 1] = PICK(low01, low23, 1, 3);
    v[i + 2] = PICK(high01, high23, 0, 2);
    v[i + 3] = PICK(high01, high23, 1, 3);
  }
#if LANES == 16
  for (size_t j = 0; j < 4; j++) {
    const V(graft_vf) low01 = BLOCKS(v[j], v[4 + j], 0, 1), low23 = BLOCKS(v[8 + j], v[12 + j], 0, 1);
    const V(graft_vf) high01 = BLOCKS(v[j], v[4 + j], 2, 3), high23 = BLOCKS(v[8 + j], v[12 + j], 2, 3);
    v[j] = BLOCKS(low01, low23, 0, 2);
    v[4 + j] = BLOCKS(low01, low23, 1, 3);
    v[8 + j] = BLOCKS(high01, high23, 0, 2);
    v[12 + j] = BLOCKS(high01, high23, 1, 3);
  }
#elif LANES == 8
  for (size_t j = 0; j < 4; j++) {
    const V(graft_vf) low = BLOCKS(v[j], v[4 + j], 0), high = BLOCKS(v[j], v[4 + j], 1);
    v[j] = low;
    v[4 + j] = high;
  }
#endif
}
#undef PICK
#undef BLOCKS

// Rows [0, count) of `x`, times `scale`, as one panel; what is missing of PANEL rows is 0.
INLINE void V(pack_panel)(const float *x, size_t stride, size_t count, size_t depth, float scale, float *panel) {
  for (size_t r = 0; r < PANEL; r += LANES) {
    for (size_t k = 0; k < depth; k += LANES) {
      V(graft_vf) v[LANES];
      const size_t some = depth - k < LANES ? depth - k : LANES;
      if (r + LANES <= count && some == LANES) {
        for (size_t i = 0; i < LANES; i++) v[i] = V(load)(x + (r + i) * stride + k) * scale;
      } else {
        for (size_t i = 0; i < LANES; i++) {
          v[i] = r + i < count ? V(load_part)(x + (r + i) * stride + k, some, 0) * scale : V(all)(0);
        }
      }
      V(turn)(v);
      for (size_t i = 0; i < some; i++) V(store)(panel + (k + i) * PANEL + r, v[i]);
    }
  }
}

// Columns of a panel, element r of column c at panel[c * PANEL + r], to the first `columns` floats of `rows` rows of
// `y`, times a row's `factor`, and with a column's `bias`; both may be NULL.
INLINE void V(unpack_panel)(
    const float *panel, const float *factors, const float *bias, float *y, size_t stride, size_t rows,
    size_t columns) {
  for (size_t r = 0; r < rows; r += LANES) {
    const V(graft_vf) factor = factors ? V(load)(factors + r) : V(all)(1);
    const size_t count = rows - r < LANES ? rows - r : LANES;
    for (size_t c = 0; c < columns; c += LANES) {
      const size_t some = columns - c < LANES ? columns - c : LANES;
      V(graft_vf) v[LANES];
      for (size_t i = 0; i < LANES; i++) {
        v[i] = i < some ? V(load)(panel + (c + i) * PANEL + r) : V(all)(0);
        if (factors) v[i] *= factor;
        if (bias && i < some) v[i] += bias[c + i];
      }
      V(turn)(v);
      float *to = y + r * stride + c;
      // Whole squares, of a size that the compiler knows, and others.
      if (count == LANES && some == LANES) {
        for (size_t i = 0; i < LANES; i++) V(store)(to + i * stride, v[i]);
      } else {
        for (size_t i = 0; i < count; i++) V(store_part)(to + i * stride, v[i], some);
      }
    }
  }
}
