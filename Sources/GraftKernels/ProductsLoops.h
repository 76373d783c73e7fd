// Included through EachInstructionSet.h.

#include "Strips.h"

static size_t V(panel_rows)(void) { return PANEL; }

static void V(pack_panels)(
    const float *x, size_t stride, size_t rows, size_t depth, size_t first, size_t end, float *packed) {
  for (size_t p = first; p < end; p++) {
    const size_t count = rows - p * PANEL < PANEL ? rows - p * PANEL : PANEL;
    V(pack_panel)(x + p * PANEL * stride, stride, count, depth, 1, packed + p * PANEL * depth);
  }
}

static void V(product)(const graft_product_block *block, size_t first, size_t end, float *room) {
  enum { COLUMNS_AT_ONCE = GRAFT_PRODUCT_COLUMNS };
  _Static_assert(COLUMNS_AT_ONCE == TILE_COLUMNS, "a tile is stored at once");
  const size_t tail = block->columns / COLUMNS_AT_ONCE * COLUMNS_AT_ONCE;
  for (size_t c = tail; c < tail + COLUMNS_AT_ONCE && tail < block->columns; c++) {
    float *row = room + (c - tail) * block->k_count;
    if (c < block->columns) {
      memcpy(row, block->weight + c * block->weight_stride, block->k_count * sizeof(float));
    } else {
      memset(row, 0, block->k_count * sizeof(float));
    }
  }
  const float *bias = block->bias;
  size_t ahead_row = 0;
  for (size_t p = first; p < end; p++) {
    const float *panel = block->packed + p * block->k_count * PANEL;
    const size_t count = block->rows - p * PANEL < PANEL ? block->rows - p * PANEL : PANEL;
    for (size_t c = 0; c < block->columns; c += COLUMNS_AT_ONCE) {
      const bool is_tail = c >= tail;
      const float *w = is_tail ? room : block->weight + c * block->weight_stride;
      const size_t stride = is_tail ? block->k_count : block->weight_stride;
      float sums[COLUMNS_AT_ONCE * PANEL] __attribute__((aligned(64)));
      memset(sums, 0, sizeof sums);
      // The tile's lines of the result arrive while its sums are worked out.
      float *y = block->y + p * PANEL * block->y_stride + c;
      for (size_t r = 0; r < count; r++) {
        __builtin_prefetch(y + r * block->y_stride, 1);
        __builtin_prefetch(y + r * block->y_stride + COLUMNS_AT_ONCE - 1, 1);
      }
      for (size_t s = 0; s < COLUMNS_AT_ONCE; s += STRIP) {
        // One row of the next block a strip; once all are near, a line that is in cache already.
        const float *ahead = panel;
        if (block->ahead && ahead_row < block->ahead_rows) ahead = block->ahead + ahead_row++ * block->ahead_stride;
        V(strip_of_rows)(panel, w + s * stride, stride, block->k_count, sums + s * PANEL, ahead);
      }
      V(store_tile)(
          sums, bias ? bias + c : NULL, y, block->y_stride, count, is_tail ? block->columns - c : COLUMNS_AT_ONCE,
          block->adds);
    }
  }
}

static double V(product_peak)(size_t rounds, float *room) {
  enum { DEPTH = 144 };  // The panel, the strip and the sums take 6,720 floats at most.
  memset(room, 0, GRAFT_PEAK_FLOATS * sizeof(float));
  const float *panel = room, *strip = room + DEPTH * PANEL;
  float *sums = room + DEPTH * (PANEL + STRIP);
  for (size_t i = 0; i < rounds; i++) V(strip_of_rows)(panel, strip, DEPTH, DEPTH, sums, panel);
  return (double)rounds * DEPTH * PANEL * STRIP;
}

static float V(sum)(const float *x, size_t count) {
  V(graft_vf) sums[4] = {{0}};
  size_t i = 0;
  for (; i + 4 * LANES <= count; i += 4 * LANES) {
    for (size_t j = 0; j < 4; j++) sums[j] += V(load)(x + i + j * LANES);
  }
  float sum = V(sum_lanes)((sums[0] + sums[1]) + (sums[2] + sums[3]));
  for (; i < count; i++) sum += x[i];
  return sum;
}

// `count` rows of `x` against two columns' weights; `count` is a constant where this is inlined.
INLINE void V(few_rows_pair)(
    const float *x, const float *w0, const float *w1, float *y0, float *y1, size_t count, size_t depth,
    size_t y_stride) {
  enum { PAIRS_AHEAD = 2 };
  V(graft_vf) a[4] = {{0}}, b[4] = {{0}};
  size_t k = 0;
  for (; k + LANES <= depth; k += LANES) {
    V(graft_vf) p = V(load)(w0 + k), q = V(load)(w1 + k);
    // Processors foresee no further than the page.
    __builtin_prefetch(w0 + k + PAIRS_AHEAD * 2 * depth);
    __builtin_prefetch(w1 + k + PAIRS_AHEAD * 2 * depth);
    for (size_t r = 0; r < count; r++) {
      V(graft_vf) v = V(load)(x + r * depth + k);
      a[r] += v * p;
      b[r] += v * q;
    }
  }
  if (k < depth) {
    V(graft_vf) p = V(load_part)(w0 + k, depth - k, 0), q = V(load_part)(w1 + k, depth - k, 0);
    for (size_t r = 0; r < count; r++) {
      V(graft_vf) v = V(load_part)(x + r * depth + k, depth - k, 0);
      a[r] += v * p;
      b[r] += v * q;
    }
  }
  for (size_t r = 0; r < count; r++) {
    y0[r * y_stride] = V(sum_lanes)(a[r]);
    y1[r * y_stride] = V(sum_lanes)(b[r]);
  }
}

static void V(linear_few_rows)(
    const float *x, const float *weight, float *y, size_t rows, size_t depth, size_t y_stride, size_t from, size_t to) {
  for (size_t c = from; c < to; c += 2) {
    const size_t d = c + 1 < to ? c + 1 : c;  // The last odd column is worked out twice.
    const float *w0 = weight + c * depth, *w1 = weight + d * depth;
    for (size_t r = 0; r < rows; r += 4) {
      const float *px = x + r * depth;
      float *y0 = y + r * y_stride + c, *y1 = y + r * y_stride + d;
      switch (rows - r) {
        case 1: V(few_rows_pair)(px, w0, w1, y0, y1, 1, depth, y_stride); break;
        case 2: V(few_rows_pair)(px, w0, w1, y0, y1, 2, depth, y_stride); break;
        case 3: V(few_rows_pair)(px, w0, w1, y0, y1, 3, depth, y_stride); break;
        default: V(few_rows_pair)(px, w0, w1, y0, y1, 4, depth, y_stride); break;
      }
    }
  }
}

#undef PANEL
#undef STRIP
