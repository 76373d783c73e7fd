// Casts between floating-point types, element by element, to nearest with ties to even. A NaN stays one where the
// target has one: its sign is kept, of its payload the quiet bit alone where the target is narrower. What is too large
// becomes infinity, or what the target has in its place. Pointers need no alignment; source and target do not overlap.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "InstructionSet.h"

#pragma clang assume_nonnull begin

void graft_cast_f32_to_bf16(const void *source, void *target, size_t count);
void graft_cast_f32_to_f16(const void *source, void *target, size_t count);
void graft_cast_bf16_to_f32(const void *source, void *target, size_t count);
void graft_cast_f16_to_f32(const void *source, void *target, size_t count);
void graft_cast_f64_to_f32(const void *source, void *target, size_t count);
void graft_cast_f32_to_f64(const void *source, void *target, size_t count);

// Halves for arithmetic: as the cast, but the processor's own instruction may take a signalling NaN for a quiet one.
void graft_widen_f16(graft_isa isa, const void *source, float *target, size_t count);

// To the neighbour whose last bit is odd, where f32 cannot hold the value: rounding that once more, to any type of at
// most 22 bits of mantissa, gives what rounding the double at once would (Boldo, Melquiond, "Emulation of a FMA and
// correctly rounded sums: proved algorithms using rounding to odd", 2008).
void graft_cast_f64_to_f32_odd(const void *source, void *target, size_t count);

// Floating-point types of at most a byte.
typedef enum {
  GRAFT_F8E4M3, GRAFT_F8E5M2, GRAFT_F8E4M3FNUZ, GRAFT_F8E5M2FNUZ, GRAFT_F8E8M0, GRAFT_F6E2M3, GRAFT_F6E3M2, GRAFT_F4,
} graft_small_float;

// Codes, one a byte. A NaN becomes 0 in the types that have none, and what is too large their largest value.
void graft_cast_f32_to_small(graft_small_float type, const void *source, uint8_t *codes, size_t count);
void graft_cast_small_to_f32(graft_small_float type, const uint8_t *codes, void *target, size_t count);

// Codes of 4 or 6 bits between one a byte and without gaps, the first in the low bits. `count` codes fill whole bytes.
void graft_pack_codes(int bits, const uint8_t *codes, uint8_t *packed, size_t count);
void graft_unpack_codes(int bits, const uint8_t *packed, uint8_t *codes, size_t count);

// What a cast did to finite and infinite values, and how many were NaN before it.
typedef struct {
  uint64_t overflow;   // Became infinity, NaN or the largest value instead of something near.
  uint64_t underflow;  // Not zero before, zero after.
  uint64_t nan;        // NaN before.
  uint64_t inexact;    // Another value than before; overflow and underflow are among them.
} graft_cast_counts;

// Adds up what became of `count` values, at most 65,536: `after` is the cast's result, widened. Where the type has no
// infinity and no NaN, `saturation` is the least magnitude that overflows, else NaN.
void graft_count_f32(
    const void *before, const float *after, size_t count, float saturation, graft_cast_counts *counts);
void graft_count_f64(
    const void *before, const float *after, size_t count, float saturation, graft_cast_counts *counts);

#pragma clang assume_nonnull end
