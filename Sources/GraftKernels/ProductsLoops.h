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

// Columns whose sums are worked out together: whole strips.
#define TILE GRAFT_PRODUCT_COLUMNS

// The rows behind the last whole tile of columns, with zeros for those that are missing.
INLINE void V(copy_tail)(const graft_product_block *block, size_t tail, float *room) {
  for (size_t c = tail; c < tail + TILE; c++, room += block->k_count) {
    if (c < block->columns) {
      memcpy(room, block->weight + c * block->weight_stride, block->k_count * sizeof(float));
    } else {
      memset(room, 0, block->k_count * sizeof(float));
    }
  }
}

// Asks for the lines of rows [first, end) of the result and of what will meet them there.
INLINE void V(bring_rows)(const graft_product_block *block, size_t first, size_t end) {
  enum { LINE = 64 / sizeof(float) };
  for (size_t r = first; r < end; r++) {
    for (size_t c = 0; c < block->columns; c += LINE) {
      __builtin_prefetch(block->y + r * block->y_stride + c, 1);
      if (block->beside) __builtin_prefetch(block->beside + r * block->y_stride + c);
    }
  }
}

// The first `columns` columns of sums to where they are kept, with a column's `bias`, which may be NULL.
INLINE void V(keep)(const float *sums, const float *bias, float *kept, size_t columns) {
  for (size_t c = 0; c < columns; c++) {
    for (size_t r = 0; r < PANEL; r += LANES) {
      const V(graft_vf) sum = V(load)(sums + c * PANEL + r);
      V(store)(kept + c * PANEL + r, bias ? sum + bias[c] : sum);
    }
  }
}

static void V(product)(const graft_product_block *block, size_t first, size_t end, float *room) {
  _Static_assert(TILE % STRIP == 0 && GRAFT_PRODUCT_MOST_COLUMNS % TILE == 0, "tiles are whole");
  const size_t tail = block->columns / TILE * TILE;
  if (tail < block->columns) V(copy_tail)(block, tail, room);
  // Summed here and not where sums are kept, whose lines may be far away.
  float panel_sums[GRAFT_PRODUCT_MOST_COLUMNS * PANEL] __attribute__((aligned(64)));
  size_t ahead_row = 0;
  for (size_t p = first; p < end; p++) {
    const float *panel = block->packed + p * block->panel_stride;
    const size_t row = p * PANEL, count = block->rows - row < PANEL ? block->rows - row : PANEL;
    float *kept = block->sums ? block->sums + p * block->sums_stride : NULL;
    for (size_t c = 0; c < block->columns; c += TILE) {
      const bool is_tail = c >= tail;
      const size_t columns = is_tail ? block->columns - c : TILE;
      const float *w = is_tail ? room : block->weight + c * block->weight_stride;
      const size_t stride = is_tail ? block->k_count : block->weight_stride;
      float *sums = panel_sums + c * PANEL;
      for (size_t i = 0; i < TILE * PANEL; i += LANES) {
        V(store)(sums + i, block->adds && i < columns * PANEL ? V(load)(kept + c * PANEL + i) : V(all)(0));
      }
      // The panel's rows arrive while its sums are worked out, some with each tile.
      if (block->y) {
        V(bring_rows)(block, row + count * c / block->columns, row + count * (c + columns) / block->columns);
      }
      for (size_t s = 0; s < TILE; s += STRIP) {
        // One row of the next block a strip; once all are near, a line that is in cache already.
        const float *ahead = panel;
        if (block->ahead && ahead_row < block->ahead_rows) ahead = block->ahead + ahead_row++ * block->ahead_stride;
        V(strip_of_rows)(panel, w + s * stride, stride, block->k_count, sums + s * PANEL, ahead);
      }
      if (!block->y) V(keep)(sums, block->bias ? block->bias + c : NULL, kept + c * PANEL, columns);
    }
    if (block->y) {
      float *y = block->y + row * block->y_stride;
      V(unpack_panel)(panel_sums, block->bias, y, block->y_stride, count, block->columns);
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

// `count` rows of `x` against one column's weights; `count` is a constant where this is inlined. One column after the
// other, so that a thread reads memory in one run.
INLINE void V(few_rows_of)(
    const float *x, const float *w, float *y, size_t count, size_t depth, size_t y_stride) {
  enum { AT_ONCE = 2 };
  V(graft_vf) a[4][AT_ONCE] = {{{0}}};
  size_t k = 0;
  for (; k + AT_ONCE * LANES <= depth; k += AT_ONCE * LANES) {
    for (size_t i = 0; i < AT_ONCE; i++) {
      const size_t at = k + i * LANES;
      const V(graft_vf) p = V(load)(w + at);
      // Processors foresee no further than the page.
      __builtin_prefetch(w + at + 2 * depth);
      for (size_t r = 0; r < count; r++) a[r][i] += V(load)(x + r * depth + at) * p;
    }
  }
  for (; k < depth; k += LANES) {
    const size_t some = depth - k < LANES ? depth - k : LANES;
    const V(graft_vf) p = V(load_part)(w + k, some, 0);
    for (size_t r = 0; r < count; r++) a[r][0] += V(load_part)(x + r * depth + k, some, 0) * p;
  }
  for (size_t r = 0; r < count; r++) y[r * y_stride] = V(sum_lanes)(a[r][0] + a[r][1]);
}

static void V(linear_few_rows)(
    const float *x, const float *weight, float *y, size_t rows, size_t depth, size_t y_stride, size_t from, size_t to) {
  for (size_t c = from; c < to; c++) {
    const float *w = weight + c * depth;
    for (size_t r = 0; r < rows; r += 4) {
      const float *px = x + r * depth;
      float *py = y + r * y_stride + c;
      switch (rows - r) {
        case 1: V(few_rows_of)(px, w, py, 1, depth, y_stride); break;
        case 2: V(few_rows_of)(px, w, py, 2, depth, y_stride); break;
        case 3: V(few_rows_of)(px, w, py, 3, depth, y_stride); break;
        default: V(few_rows_of)(px, w, py, 4, depth, y_stride); break;
      }
    }
  }
}

#undef TILE
#undef PANEL
#undef STRIP
