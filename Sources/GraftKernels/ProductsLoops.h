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

// to[c][r] = sums[c][r] + before[c][r] + bias[c] for `columns` columns of a panel; what is NULL is left out.
INLINE void V(add_columns)(const float *sums, const float *before, const float *bias, float *to, size_t columns) {
  for (size_t c = 0; c < columns; c++) {
    for (size_t r = 0; r < PANEL; r += LANES) {
      V(graft_vf) sum = V(load)(sums + c * PANEL + r);
      if (before) sum += V(load)(before + c * PANEL + r);
      V(store)(to + c * PANEL + r, bias ? sum + bias[c] : sum);
    }
  }
}

static void V(product)(const graft_product_block *block, size_t first, size_t end) {
  _Static_assert(TILE % STRIP == 0, "tiles are whole strips");
  // Summed here and not where results go, whose lines may be far away.
  float panel_sums[GRAFT_PRODUCT_MOST_COLUMNS * PANEL] __attribute__((aligned(64)));
  size_t ahead_row = 0;
  for (size_t p = first; p < end; p++) {
    const float *panel = block->packed + p * block->panel_stride;
    const size_t row = p * PANEL, count = block->rows - row < PANEL ? block->rows - row : PANEL;
    for (size_t c = 0; c < block->columns; c += TILE) {
      const size_t columns = block->columns - c < TILE ? block->columns - c : TILE;
      float *sums = panel_sums + c * PANEL;
      // The panel's rows arrive while its sums are worked out, some with each tile.
      if (block->y) {
        V(bring_rows)(block, row + count * c / block->columns, row + count * (c + columns) / block->columns);
      }
      // One row of the next block a tile; once all are near, a line that is in cache already.
      const float *ahead = panel;
      if (block->ahead && ahead_row < block->ahead_rows) ahead = block->ahead + ahead_row++ * block->ahead_stride;
      V(rows_with_panel)(
          panel, block->weight + c * block->weight_stride, block->weight_stride, columns, block->k_count, sums, ahead);
      float *kept = block->sums ? block->sums + p * block->sums_stride + c * PANEL : NULL;
      const float *before = block->adds ? kept : NULL;
      if (block->panels) {
        float *to = block->panels + p * block->panels_stride + c * PANEL;
        V(add_columns)(sums, before, block->bias ? block->bias + c : NULL, to, columns);
      } else if (!block->y) {
        V(add_columns)(sums, before, NULL, kept, columns);
      } else if (before) {
        V(add_columns)(sums, before, NULL, sums, columns);
      }
    }
    if (block->y) {
      float *y = block->y + row * block->y_stride;
      V(unpack_panel)(panel_sums, NULL, block->bias, y, block->y_stride, count, block->columns);
    }
  }
}

static double V(product_peak)(size_t rounds, float *room) {
  enum { DEPTH = 144 };  // The panel, the strip and the sums take 6,720 floats at most.
  memset(room, 0, GRAFT_PEAK_FLOATS * sizeof(float));
  const float *panel = room, *strip = room + DEPTH * PANEL;
  float *sums = room + DEPTH * (PANEL + STRIP);
  for (size_t i = 0; i < rounds; i++) V(strip_of_rows)(panel, strip, DEPTH, DEPTH, true, sums, panel);
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
