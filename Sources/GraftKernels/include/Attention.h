// Attention without a matrix of all scores.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "InstructionSet.h"

typedef struct {
  // The block's first query, how many it has (at most `graft_attention_queries`), and the first one's number.
  const float *q;
  size_t q_stride, count, first;
  // All keys and values of the head, and their number.
  const float *k, *v;
  size_t k_stride, v_stride, keys;
  // What is wanted after this block and brought near meanwhile, as far apart: `next_count` queries, and `keys` keys and
  // values. NULL where there are none.
  const float *next_q, *next_k, *next_v;
  size_t next_count;
  // The floats of a query and of a value.
  size_t depth, width;
  float scale;
  // A query sees keys from `left` before its number to `right` after it.
  size_t left, right;
  // Added to the score of the block's query r and key c at mask[r * mask_rows + c * mask_columns]; may be NULL.
  const float *mask;
  size_t mask_rows, mask_columns;
  // The block's first result, and the floats from one to the next. Or, where they lie in panels, the first element of
  // the first panel's first column for the head, and the floats of one row of all heads.
  float *y;
  size_t y_stride;
  bool y_in_panels;
} graft_attention_block;

// The most queries of a block.
size_t graft_attention_queries(graft_isa isa);

// The floats of room that `graft_attention` needs.
size_t graft_attention_room(graft_isa isa, size_t depth, size_t width);

// y[r] = sum over the keys c that r sees of softmax(scale q[r] . k[c] + mask[r, c]) v[c]; 0 where it sees none. Keys
// are taken some at a time, and what was summed before is scaled anew where a larger score appears: Milakov,
// Gimelshein, "Online normalizer calculation for softmax", 2018; Dao et al., "FlashAttention", 2022, algorithm 1.
void graft_attention(graft_isa isa, const graft_attention_block *block, float *room);
