// Included through EachInstructionSet.h.

#include "Strips.h"

#define vf V(graft_vf)
#define vi V(graft_vi)

// Queries of a block that share registers, and what is known of them so far.
typedef struct {
  float *queries;  // [depth, PANEL]
  float *sums;     // Weighted values: [width, PANEL]
  bool has_sums;   // Whether any are there yet.
  float *largest;  // The largest score so far: [PANEL]
  float *total;    // The sum of all weights: [PANEL]
  // The first query's number, and how many there are.
  size_t first, count;
  // Keys that any of them sees.
  size_t begin, end;
} V(QueryPanel);

// Rows that are wanted next, which the second-level cache gets some at a time: they lie too far apart for processors to
// foresee.
typedef struct {
  const float *k, *v, *q;
  float *y;  // This block's results.
  // The next one of each, and how many keys, queries and results there are.
  size_t at, keys, queries, results, at_once;
} V(RowsAhead);

INLINE void V(bring_near)(const graft_attention_block *block, V(RowsAhead) *ahead) {
  enum { LINE = 64 / sizeof(float) };
  for (size_t i = 0; i < ahead->at_once; i++, ahead->at++) {
    if (ahead->at < ahead->keys) {
      const float *key = ahead->k + ahead->at * block->k_stride, *value = ahead->v + ahead->at * block->v_stride;
      for (size_t e = 0; e < block->depth; e += LINE) __builtin_prefetch(key + e, 0, 2);
      for (size_t f = 0; f < block->width; f += LINE) __builtin_prefetch(value + f, 0, 2);
    }
    if (ahead->at < ahead->queries) {
      const float *query = ahead->q + ahead->at * block->q_stride;
      for (size_t e = 0; e < block->depth; e += LINE) __builtin_prefetch(query + e, 0, 2);
    }
    if (ahead->at < ahead->results) {
      float *result = ahead->y + ahead->at * block->y_stride;
      for (size_t f = 0; f < block->width; f += LINE) __builtin_prefetch(result + f, 1, 2);
    }
  }
}

static size_t V(attention_room)(size_t depth, size_t width) {
  return (PANELS_AT_ONCE * (depth + width + 2) + KEYS_AT_ONCE) * PANEL;
}

// Scores of keys [first, first + count) with the panel's queries, in place of what `scores` [KEYS_AT_ONCE, PANEL] held.
INLINE void V(score_keys)(
    const graft_attention_block *block, const V(QueryPanel) *panel, float *scores, size_t first, size_t count,
    V(RowsAhead) *ahead) {
  for (size_t c = 0; c < count; c += STRIP) {
    const size_t keys = count - c < STRIP ? count - c : STRIP;
    V(bring_near)(block, ahead);
    V(rows_with_panel)(
        panel->queries, block->k + (first + c) * block->k_stride, block->k_stride, keys, block->depth,
        scores + c * PANEL, panel->queries);
  }
}

// Adds the mask, and makes the scores of keys that a query does not see minus infinity.
INLINE void V(mask_scores)(
    const graft_attention_block *block, const V(QueryPanel) *panel, float *scores, size_t first, size_t count) {
  if (block->mask) {
    const float *rows = block->mask + (panel->first - block->first) * block->mask_rows;
    for (size_t c = 0; c < count; c++) {
      const float *mask = rows + (first + c) * block->mask_columns;
      for (size_t r = 0; r < panel->count; r++) scores[c * PANEL + r] += mask[r * block->mask_rows];
    }
  }
  const size_t last = panel->first + panel->count - 1;
  if (first + block->left >= last && first + count - 1 <= panel->first + block->right) return;
  for (size_t c = 0; c < count; c++) {
    const size_t key = first + c;
    for (size_t r = 0; r < panel->count; r++) {
      const size_t query = panel->first + r;
      if (key + block->left < query || key > query + block->right) scores[c * PANEL + r] = -INFINITY;
    }
  }
}

// Makes weights of the scores, and scales what was summed before anew where a larger score appeared.
INLINE void V(weigh)(const graft_attention_block *block, const V(QueryPanel) *panel, float *scores, size_t count) {
  vf shift[2], total[2];
  for (size_t h = 0; h < 2; h++) {
    const vf before = V(load)(panel->largest + h * LANES);
    vf max0 = before, max1 = before;
    size_t c = 0;
    for (; c + 2 <= count; c += 2) {
      max0 = V(larger)(V(load)(scores + c * PANEL + h * LANES), max0);
      max1 = V(larger)(V(load)(scores + (c + 1) * PANEL + h * LANES), max1);
    }
    if (c < count) max0 = V(larger)(V(load)(scores + c * PANEL + h * LANES), max0);
    max0 = V(larger)(max0, max1);
    // A query that saw nothing yet must not subtract infinity from itself.
    shift[h] = V(select)(max0 == -INFINITY, V(all)(0), max0);
    V(store)(panel->largest + h * LANES, max0);
    const vf rescale = V(exp_below)(before - shift[h]);
    total[h] = V(load)(panel->total + h * LANES) * rescale;
    for (size_t f = 0; panel->has_sums && f < block->width; f++) {
      float *sum = panel->sums + f * PANEL + h * LANES;
      V(store)(sum, V(load)(sum) * rescale);
    }
  }
  for (size_t c = 0; c < count; c++) {
    float *score = scores + c * PANEL;
    const vf first = V(exp_below)(V(load)(score) - shift[0]), second = V(exp_below)(V(load)(score + LANES) - shift[1]);
    V(store)(score, first);
    V(store)(score + LANES, second);
    total[0] += first;
    total[1] += second;
  }
  V(store)(panel->total, total[0]);
  V(store)(panel->total + LANES, total[1]);
}

// The weighted means, to the panel's rows of the result.
INLINE void V(store_means)(const graft_attention_block *block, const V(QueryPanel) *panel) {
  // A sum of 0 is a query that sees no key, whose result is 0, or one whose mask hides all that it sees: softmax of
  // nothing but minus infinity is NaN.
  float factors[PANEL];
  for (size_t r = 0; r < PANEL; r++) {
    factors[r] = block->keys == 0 || panel->first + r >= block->keys + block->left ? 0 : 1.0f / panel->total[r];
  }
  if (!panel->has_sums) memset(panel->sums, 0, block->width * PANEL * sizeof(float));
  float *y = block->y + (panel->first - block->first) * block->y_stride;
  if (block->y_in_panels) {
    const vf first = V(load)(factors), second = V(load)(factors + LANES);
    for (size_t i = 0; i < block->width * PANEL; i += PANEL) {
      V(store)(y + i, V(load)(panel->sums + i) * first);
      V(store)(y + i + LANES, V(load)(panel->sums + i + LANES) * second);
    }
    return;
  }
  V(unpack_panel)(panel->sums, factors, NULL, y, block->y_stride, panel->count, block->width);
}

static void V(attention)(const graft_attention_block *block, float *space) {
  float *scores = space;  // [KEYS_AT_ONCE, PANEL]
  space += KEYS_AT_ONCE * PANEL;
  V(QueryPanel) panels[PANELS_AT_ONCE];
  size_t count = 0, begin = SIZE_MAX, end = 0;
  for (size_t first = 0; first < block->count; first += PANEL, count++) {
    V(QueryPanel) *panel = &panels[count];
    panel->first = block->first + first;
    panel->count = block->count - first < PANEL ? block->count - first : PANEL;
    panel->queries = space;
    panel->sums = panel->queries + block->depth * PANEL;
    panel->largest = panel->sums + block->width * PANEL;
    panel->total = panel->largest + PANEL;
    space = panel->total + PANEL;
    V(pack_panel)(
        block->q + first * block->q_stride, block->q_stride, panel->count, block->depth, block->scale, panel->queries);
    panel->has_sums = false;
    for (size_t r = 0; r < PANEL; r++) {
      panel->largest[r] = -INFINITY;
      panel->total[r] = 0;
    }
    panel->begin = panel->first > block->left ? panel->first - block->left : 0;
    const size_t seen = panel->first + panel->count + block->right;
    panel->end = seen < block->keys ? seen : block->keys;
    if (panel->begin < begin) begin = panel->begin;
    if (panel->end > end) end = panel->end;
  }

  // Keys and values that one panel brought near are still there for the others.
  for (size_t key = begin; key < end; key += KEYS_AT_ONCE) {
    V(RowsAhead) ahead = {.k = block->next_k, .v = block->next_v, .q = block->next_q, .y = block->y};
    if (end - key > KEYS_AT_ONCE) {
      const size_t next = key + KEYS_AT_ONCE;
      ahead.k = block->k + next * block->k_stride;
      ahead.v = block->v + next * block->v_stride;
      ahead.keys = end - next;
    } else {
      if (block->next_k) ahead.keys = block->keys;
      if (block->next_q) ahead.queries = block->next_count;
      if (!block->y_in_panels) ahead.results = block->count;
    }
    if (ahead.keys > KEYS_AT_ONCE) ahead.keys = KEYS_AT_ONCE;
    size_t rows = ahead.keys > ahead.queries ? ahead.keys : ahead.queries;
    if (ahead.results > rows) rows = ahead.results;
    ahead.at_once = 1 + rows * STRIP / (KEYS_AT_ONCE * count);
    for (size_t p = 0; p < count; p++) {
      V(QueryPanel) *panel = &panels[p];
      const size_t from = key > panel->begin ? key : panel->begin;
      const size_t to = key + KEYS_AT_ONCE < panel->end ? key + KEYS_AT_ONCE : panel->end;
      if (from >= to) continue;
      V(score_keys)(block, panel, scores, from, to - from, &ahead);
      V(mask_scores)(block, panel, scores, from, to - from);
      V(weigh)(block, panel, scores, to - from);
      // Values of the keys, weighted by the scores.
      V(columns_with_panel)(
          scores, block->v + from * block->v_stride, block->v_stride, block->width, to - from, panel->has_sums,
          panel->sums);
      panel->has_sums = true;
    }
  }
  for (size_t p = 0; p < count; p++) V(store_means)(block, &panels[p]);
}

#undef PANEL
#undef STRIP
#undef vf
#undef vi
