// Products with a matrix whose rows are read where they are.
//
// The left matrix's rows are packed first, in panels of `graft_panel_rows`, unless they come so; then blocks of the
// result are worked out, on any thread. An element is the sum of its products in the order of k, begun anew at each
// block of k, and so depends on neither the number of rows nor the split over threads.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "InstructionSet.h"

// The rows of a panel: 32 with AVX-512, 16 with AVX2, else 8.
size_t graft_panel_rows(graft_isa isa);

// Columns that are worked out together; what is left at the end of a block goes more slowly.
enum { GRAFT_PRODUCT_COLUMNS = 12 };
// The most columns of a block.
enum { GRAFT_PRODUCT_MOST_COLUMNS = 192 };
// Where blocks begin at multiples of this, rows of the result are written in whole cache lines.
enum { GRAFT_PRODUCT_LINE_COLUMNS = 48 };

// Packs rows [first * R, end * R) of `x` [rows, depth], R being `graft_panel_rows`, into panels `first` to `end`, each
// of R * depth floats. Rows of `x` are `stride` floats apart; those past the last count as 0.
void graft_pack_panels(
    graft_isa isa, const float *x, size_t stride, size_t rows, size_t depth, size_t first, size_t end, float *packed);

typedef struct {
  // The block of k of all panels of the left matrix, how many floats one panel lies behind the other, and its rows.
  const float *packed;
  size_t panel_stride, rows, k_count;
  // The block of columns: `columns` rows of the right matrix, the first one's first element of the block of k at
  // `weight`. At most GRAFT_PRODUCT_MOST_COLUMNS.
  const float *weight;
  size_t weight_stride, columns;
  // Where sums stand between blocks of k: as panels, too, of the block's columns, `sums_stride` floats apart. NULL
  // where one block of k is all.
  float *sums;
  size_t sums_stride;
  // Whether it adds to what `sums` holds: every block of k but the first.
  bool adds;
  // Added with the last block of k; may be NULL.
  const float *bias;
  // The result at the block's first column, with the last block of k one of both: row 0, or panel 0 of panels that are
  // `panels_stride` floats apart.
  float *y;
  size_t y_stride;
  float *panels;
  size_t panels_stride;
  // What the rows of the result will meet, of the same stride, or NULL: brought near meanwhile.
  const float *beside;
  // Where the next block's weight begins, and its rows: brought near meanwhile. NULL where there is none.
  const float *ahead;
  size_t ahead_stride, ahead_rows;
} graft_product_block;

// Multiplies a small panel and a strip that stay in the first-level cache `rounds` times over: what the processor does
// at most. `room` holds GRAFT_PEAK_FLOATS and is written to. Gives the multiply-adds.
enum { GRAFT_PEAK_FLOATS = 8192 };
double graft_product_peak(graft_isa isa, size_t rounds, float *room);

// The sum of `count` floats, to measure how fast memory gives them.
float graft_sum(graft_isa isa, const float *x, size_t count);

// sum[r, c] = (adds ? sums[r, c] : 0) + sum over the block of k of x[r, k] weight[c, k], for the rows of panels [first,
// end): plus bias[c] to `y` or `panels`, or else to `sums`.
void graft_product(graft_isa isa, const graft_product_block *block, size_t first, size_t end);

// y[r, c] = sum over k of x[r, k] weight[c, k], for columns [from, to) and a few rows, where packing rows would
// cost more than the product. Rows of `y` are `y_stride` apart.
void graft_linear_few_rows(
    graft_isa isa, const float *x, const float *weight, float *y, size_t rows, size_t depth, size_t y_stride,
    size_t from, size_t to);
