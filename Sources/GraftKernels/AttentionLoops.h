// Included through EachInstructionSet.h.

#include "Strips.h"

#define vf V(graft_vf)
#define vi V(graft_vi)

// The room of a block, all of it in floats and aligned to a cache line.
typedef struct {
  float *queries;  // [depth, PANEL]
  float *scores;   // [KEYS_AT_ONCE, PANEL]
  float *sums;     // A strip of values at a time: [strips, STRIP, PANEL]
  float *tail;     // [STRIP, depth] keys, or [KEYS_AT_ONCE, STRIP] values, with zeros for those that are missing.
} V(AttentionRoom);

static size_t V(attention_room)(size_t depth, size_t width) {
  const size_t strips = (width + STRIP - 1) / STRIP;
  const size_t keys = STRIP * depth, values = KEYS_AT_ONCE * STRIP;
  return (depth + KEYS_AT_ONCE + strips * STRIP) * PANEL + (keys > values ? keys : values);
}

// Scores of keys [first, first + count) with the block's queries, in place of what the room held.
INLINE void V(score_keys)(const graft_attention_block *block, V(AttentionRoom) room, size_t first, size_t count) {
  memset(room.scores, 0, (count + STRIP - 1) / STRIP * STRIP * PANEL * sizeof(float));
  for (size_t c = 0; c < count; c += STRIP) {
    const float *keys = block->k + (first + c) * block->k_stride;
    size_t stride = block->k_stride;
    if (count - c < STRIP) {
      for (size_t i = 0; i < STRIP; i++) {
        float *row = room.tail + i * block->depth;
        if (i < count - c) {
          memcpy(row, keys + i * stride, block->depth * sizeof(float));
        } else {
          memset(row, 0, block->depth * sizeof(float));
        }
      }
      keys = room.tail;
      stride = block->depth;
    }
    V(strip_of_rows)(room.queries, keys, stride, block->depth, room.scores + c * PANEL, room.queries);
  }
}

// Adds the mask, and makes the scores of keys that a query does not see minus infinity.
INLINE void V(mask_scores)(const graft_attention_block *block, V(AttentionRoom) room, size_t first, size_t count) {
  if (block->mask) {
    for (size_t c = 0; c < count; c++) {
      const float *mask = block->mask + (first + c) * block->mask_columns;
      for (size_t r = 0; r < block->count; r++) room.scores[c * PANEL + r] += mask[r * block->mask_rows];
    }
  }
  const size_t last = block->first + block->count - 1;
  if (first + block->left >= last && first + count - 1 <= block->first + block->right) return;
  for (size_t c = 0; c < count; c++) {
    const size_t key = first + c;
    for (size_t r = 0; r < block->count; r++) {
      const size_t query = block->first + r;
      if (key + block->left < query || key > query + block->right) room.scores[c * PANEL + r] = -INFINITY;
    }
  }
}

// Adds the values of keys [first, first + count), weighted by the scores, to the sums.
INLINE void V(add_values)(const graft_attention_block *block, V(AttentionRoom) room, size_t first, size_t count) {
  const float *values = block->v + first * block->v_stride;
  for (size_t c = 0; c < block->width; c += STRIP) {
    const float *columns = values + c;
    size_t stride = block->v_stride;
    if (block->width - c < STRIP) {
      for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < STRIP; j++) {
          room.tail[i * STRIP + j] = j < block->width - c ? columns[i * stride + j] : 0;
        }
      }
      columns = room.tail;
      stride = STRIP;
    }
    V(strip_of_columns)(room.scores, columns, stride, count, room.sums + c * PANEL);
  }
}

static void V(attention)(const graft_attention_block *block, float *space) {
  const size_t width = (block->width + STRIP - 1) / STRIP * STRIP;
  V(AttentionRoom) room = {.queries = space};
  room.scores = room.queries + block->depth * PANEL;
  room.sums = room.scores + KEYS_AT_ONCE * PANEL;
  room.tail = room.sums + width * PANEL;
  V(pack_panel)(block->q, block->q_stride, block->count, block->depth, block->scale, room.queries);
  memset(room.sums, 0, width * PANEL * sizeof(float));

  // For each query, in its own lane: the largest score so far, and the sum of all weights.
  vf largest[2] = {V(all)(-INFINITY), V(all)(-INFINITY)}, total[2] = {{0}, {0}};
  const size_t begin = block->first > block->left ? block->first - block->left : 0;
  const size_t seen = block->first + block->count + block->right;
  const size_t end = seen < block->keys ? seen : block->keys;
  for (size_t key = begin; key < end; key += KEYS_AT_ONCE) {
    const size_t count = end - key < KEYS_AT_ONCE ? end - key : KEYS_AT_ONCE;
    V(score_keys)(block, room, key, count);
    V(mask_scores)(block, room, key, count);
    vf shift[2];
    for (size_t h = 0; h < 2; h++) {
      vf max0 = largest[h], max1 = largest[h];
      float *scores = room.scores + h * LANES;
      size_t c = 0;
      for (; c + 2 <= count; c += 2) {
        max0 = V(larger)(V(load)(scores + c * PANEL), max0);
        max1 = V(larger)(V(load)(scores + (c + 1) * PANEL), max1);
      }
      if (c < count) max0 = V(larger)(V(load)(scores + c * PANEL), max0);
      max0 = V(larger)(max0, max1);
      // A query that saw nothing yet must not subtract infinity from itself.
      shift[h] = V(select)(max0 == -INFINITY, V(all)(0), max0);
      const vf rescale = V(exp)(largest[h] - shift[h]);
      largest[h] = max0;
      total[h] *= rescale;
      if (key > begin) {
        for (size_t f = 0; f < block->width; f++) {
          float *sum = room.sums + f * PANEL + h * LANES;
          V(store)(sum, V(load)(sum) * rescale);
        }
      }
    }
    for (size_t c = 0; c < count; c++) {
      float *scores = room.scores + c * PANEL;
      const vf first = V(exp)(V(load)(scores) - shift[0]), second = V(exp)(V(load)(scores + LANES) - shift[1]);
      V(store)(scores, first);
      V(store)(scores + LANES, second);
      total[0] += first;
      total[1] += second;
    }
    V(add_values)(block, room, key, count);
  }

  // A sum of 0 is a query that sees no key, whose result is 0, or one whose mask hides all that it sees: softmax of
  // nothing but minus infinity is NaN.
  float factors[PANEL];
  V(store)(factors, 1.0f / total[0]);
  V(store)(factors + LANES, 1.0f / total[1]);
  for (size_t r = 0; r < block->count; r++) {
    if (block->keys == 0 || block->first + r >= block->keys + block->left) factors[r] = 0;
  }
  const vf first = V(load)(factors), second = V(load)(factors + LANES);
  for (size_t f = 0; f < width; f++) {
    float *sum = room.sums + f * PANEL;
    V(store)(sum, V(load)(sum) * first);
    V(store)(sum + LANES, V(load)(sum + LANES) * second);
  }
  for (size_t r = 0; r < block->count; r += 4) {
    size_t f = 0;
    if (r + 4 <= block->count) {
      for (; f + 4 <= block->width; f += 4) {
        V(four) turned[4];
        V(turn)(room.sums + f * PANEL + r, PANEL, turned);
        for (size_t i = 0; i < 4; i++) *(V(four) *)(block->y + (r + i) * block->y_stride + f) = turned[i];
      }
    }
    for (; f < block->width; f++) {
      for (size_t i = r; i < r + 4 && i < block->count; i++) {
        block->y[i * block->y_stride + f] = room.sums[f * PANEL + i];
      }
    }
  }
}

#undef PANEL
#undef STRIP
#undef vf
#undef vi
