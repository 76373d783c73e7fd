#include "Attention.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "Products.h"

// Scores of so many keys with a panel of queries stay in the first-level cache, or nearly so.
enum { KEYS_AT_ONCE = 264 };
// So many panels of queries meet the same keys, one after the other.
enum { PANELS_AT_ONCE = 4 };

#define GRAFT_LOOPS "AttentionLoops.h"
#include "EachInstructionSet.h"

size_t graft_attention_room(graft_isa isa, size_t depth, size_t width) {
  static size_t (*const variants[])(size_t, size_t) = EACH_VARIANT(attention_room);
  return variants[isa](depth, width);
}

size_t graft_attention_queries(graft_isa isa) { return PANELS_AT_ONCE * graft_panel_rows(isa); }

void graft_attention(graft_isa isa, const graft_attention_block *block, float *room) {
  static void (*const variants[])(const graft_attention_block *, float *) = EACH_VARIANT(attention);
  variants[isa](block, room);
}
