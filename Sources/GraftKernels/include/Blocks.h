// Floats in blocks that share scales, as GGUF files hold them, and back.
//
// Source: ggml `ggml-quants.c`, the functions `dequantize_row_*` and `quantize_row_*_ref`; every product and sum is
// rounded to single precision for itself, so that results are the same on every machine, and the same as those of
// gguf-py 0.19.
#pragma once

#include <stddef.h>

#pragma clang assume_nonnull begin

typedef enum {
  GRAFT_Q4_0, GRAFT_Q4_1, GRAFT_Q5_0, GRAFT_Q5_1, GRAFT_Q8_0,
  GRAFT_Q2_K, GRAFT_Q3_K, GRAFT_Q4_K, GRAFT_Q5_K, GRAFT_Q6_K,
} graft_block_type;

// The numbers of a block, and its bytes.
size_t graft_block_numbers(graft_block_type type);
size_t graft_block_bytes(graft_block_type type);

// The numbers of `count` blocks. Neither pointer needs alignment.
void graft_unpack_blocks(graft_block_type type, const void *blocks, void *numbers, size_t count);

// The blocks nearest to `32 * count` numbers. The type is Q4_0, Q5_0 or Q8_0; others leave `blocks` as it is. A block
// with an infinity or a NaN becomes NaN; of several, Q4_0 and Q5_0 take the first.
void graft_pack_blocks(graft_block_type type, const void *numbers, void *blocks, size_t count);

#pragma clang assume_nonnull end
