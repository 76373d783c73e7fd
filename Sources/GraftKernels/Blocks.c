#include "Blocks.h"

#include <math.h>
#include <stdbool.h>

#include "CastLoops.h"

// A product and a sum that became one FMA would not be the reference's.
#pragma STDC FP_CONTRACT OFF

// Compiled again for every instruction set of its callers.
#define INLINE static inline __attribute__((always_inline))

typedef struct {
    int count;  // Numbers of a block.
    int bytes;
} BlockSize;

static const BlockSize sizes[] = {
    [GRAFT_Q4_0] = {32, 18},   [GRAFT_Q4_1] = {32, 20},   [GRAFT_Q5_0] = {32, 22},   [GRAFT_Q5_1] = {32, 24},
    [GRAFT_Q8_0] = {32, 34},   [GRAFT_Q2_K] = {256, 84},  [GRAFT_Q3_K] = {256, 110}, [GRAFT_Q4_K] = {256, 144},
    [GRAFT_Q5_K] = {256, 176}, [GRAFT_Q6_K] = {256, 210},
};

size_t graft_block_numbers(graft_block_type type) { return (size_t)sizes[type].count; }

size_t graft_block_bytes(graft_block_type type) { return (size_t)sizes[type].bytes; }

INLINE float half_at(const uint8_t *block, int offset) {
    return float_of(float_of_half((uint32_t)block[offset] | (uint32_t)block[offset + 1] << 8));
}

// A NaN keeps its sign and the upper bits of its payload, as processors and NumPy have it.
INLINE void store_half(uint8_t *block, float value) {
    const uint32_t pattern = bits_of(value);
    const uint32_t payload = (pattern & 0x7FFFFFFFu) > 0x7F800000u ? pattern >> 13 & 0x3FFu : 0;
    const uint32_t bits = half_of(pattern) | payload;
    block[0] = (uint8_t)bits;
    block[1] = (uint8_t)(bits >> 8);
}

// MARK: Numbers of blocks

// 32 numbers of 4 or 5 bits: f16 scale, f16 minimum (`_1`), 4 bytes of fifth bits (`q5`), 16 bytes of nibbles, of which
// the low ones are the first half of the numbers.
INLINE void unpack_nibbles(const uint8_t *block, PackedFloat *numbers, bool has_minimum, bool has_fifth_bit) {
    const float scale = half_at(block, 0), minimum = has_minimum ? half_at(block, 2) : 0;
    const uint8_t *fifth = block + (has_minimum ? 4 : 2), *nibbles = fifth + (has_fifth_bit ? 4 : 0);
    const int zero = has_minimum ? 0 : has_fifth_bit ? 16 : 8;
    uint32_t high = 0;
    if (has_fifth_bit) memcpy(&high, fifth, 4);
    for (int i = 0; i < 16; i++) {
        const int low_bits = (nibbles[i] & 15) | (int)((high >> i & 1) << 4);
        const int high_bits = (nibbles[i] >> 4) | (int)((high >> (i + 16) & 1) << 4);
        const float first = (float)(low_bits - zero) * scale, second = (float)(high_bits - zero) * scale;
        numbers[i].value = has_minimum ? first + minimum : first;
        numbers[i + 16].value = has_minimum ? second + minimum : second;
    }
}

// f16 scale, 32 bytes.
INLINE void unpack_q8_0(const uint8_t *block, PackedFloat *numbers) {
    const float scale = half_at(block, 0);
    for (int i = 0; i < 32; i++) numbers[i].value = (float)(int8_t)block[2 + i] * scale;
}

// 16 bytes of scales and minima, 64 of two bits a number, f16 scale and minimum of these.
INLINE void unpack_q2_k(const uint8_t *block, PackedFloat *numbers) {
    const float scale = half_at(block, 80), minimum = half_at(block, 82);
    for (int part = 0; part < 16; part++) {
        const int shift = part % 8 / 2 * 2;
        const uint8_t *bits = block + 16 + 32 * (part / 8) + 16 * (part % 2);
        const float step = scale * (float)(block[part] & 15), offset = minimum * (float)(block[part] >> 4);
        for (int i = 0; i < 16; i++) {
            const float product = step * (float)(bits[i] >> shift & 3);
            numbers[16 * part + i].value = product - offset;
        }
    }
}

// 32 bytes of third bits, 64 of two bits a number, 12 of scales of six bits, f16 scale of these.
INLINE void unpack_q3_k(const uint8_t *block, PackedFloat *numbers) {
    const float scale = half_at(block, 108);
    for (int part = 0; part < 16; part++) {
        const int pass = part / 8, group = part % 8 / 2, half = part % 2;
        // Low four bits in bytes 0 to 7, both nibbles; high two bits in bytes 8 to 11.
        const int low = part < 8 ? block[96 + part] & 15 : block[88 + part] >> 4;
        const int high = block[104 + part % 4] >> (part / 4 * 2) & 3;
        const float step = scale * (float)((low | high << 4) - 32);
        const uint8_t *bits = block + 32 + 32 * pass + 16 * half, *thirds = block + 16 * half;
        for (int i = 0; i < 16; i++) {
            const int missing = (thirds[i] >> (4 * pass + group) & 1) ^ 1;
            numbers[16 * part + i].value = step * (float)((bits[i] >> (2 * group) & 3) - 4 * missing);
        }
    }
}

// f16 scale and minimum, 12 bytes of eight scales and minima of six bits, 32 of fifth bits (`Q5_K`), 128 of nibbles.
INLINE void unpack_q45_k(const uint8_t *block, PackedFloat *numbers, bool has_fifth_bit) {
    const float scale = half_at(block, 0), minimum = half_at(block, 2);
    const uint8_t *packed = block + 4, *fifth = block + 16, *nibbles = block + (has_fifth_bit ? 48 : 16);
    for (int part = 0; part < 8; part++) {
        const int first = part < 4 ? packed[part] & 63 : (packed[part + 4] & 15) | packed[part - 4] >> 6 << 4;
        const int second = part < 4 ? packed[part + 4] & 63 : packed[part + 4] >> 4 | packed[part] >> 6 << 4;
        const float step = scale * (float)first, offset = minimum * (float)second;
        const uint8_t *pairs = nibbles + part / 2 * 32;
        const int shift = part % 2 * 4;
        for (int i = 0; i < 32; i++) {
            int bits = pairs[i] >> shift & 15;
            if (has_fifth_bit) bits += (fifth[i] >> part & 1) << 4;
            const float product = step * (float)bits;
            numbers[32 * part + i].value = product - offset;
        }
    }
}

// 128 bytes of low nibbles, 64 of the two high bits, 16 scales of eight bits, f16 scale of these.
INLINE void unpack_q6_k(const uint8_t *block, PackedFloat *numbers) {
    const float scale = half_at(block, 208);
    for (int part = 0; part < 16; part++) {
        const int pass = part / 8, group = part % 8 / 2, half = part % 2;
        const uint8_t *low = block + 64 * pass + 32 * (group % 2) + 16 * half;
        const uint8_t *high = block + 128 + 32 * pass + 16 * half;
        const int low_shift = group / 2 * 4, high_shift = 2 * group;
        const float step = scale * (float)(int8_t)block[192 + part];
        for (int i = 0; i < 16; i++) {
            const int bits = (low[i] >> low_shift & 15) | (high[i] >> high_shift & 3) << 4;
            numbers[16 * part + i].value = step * (float)(bits - 32);
        }
    }
}

#define EACH_BLOCK(unpack) \
    for (size_t i = 0; i < count; i++, from += size.bytes, to += size.count) unpack; \
    break

EACH_INSTRUCTION_SET
void graft_unpack_blocks(graft_block_type type, const void *blocks, void *numbers, size_t count) {
    const BlockSize size = sizes[type];
    const uint8_t *restrict from = blocks;
    PackedFloat *restrict to = numbers;
    switch (type) {
    case GRAFT_Q4_0: EACH_BLOCK(unpack_nibbles(from, to, false, false));
    case GRAFT_Q4_1: EACH_BLOCK(unpack_nibbles(from, to, true, false));
    case GRAFT_Q5_0: EACH_BLOCK(unpack_nibbles(from, to, false, true));
    case GRAFT_Q5_1: EACH_BLOCK(unpack_nibbles(from, to, true, true));
    case GRAFT_Q8_0: EACH_BLOCK(unpack_q8_0(from, to));
    case GRAFT_Q2_K: EACH_BLOCK(unpack_q2_k(from, to));
    case GRAFT_Q3_K: EACH_BLOCK(unpack_q3_k(from, to));
    case GRAFT_Q4_K: EACH_BLOCK(unpack_q45_k(from, to, false));
    case GRAFT_Q5_K: EACH_BLOCK(unpack_q45_k(from, to, true));
    case GRAFT_Q6_K: EACH_BLOCK(unpack_q6_k(from, to));
    }
}

// MARK: Blocks of numbers

// The bits of a number's magnitude, which are in the order of the values; every NaN is the same, and the largest.
INLINE uint32_t magnitude_of(Packed32 number) {
    const uint32_t magnitude = number.bits & 0x7FFFFFFFu;
    return magnitude > 0x7F800000u ? 0x7F800001u : magnitude;
}

INLINE uint32_t largest_magnitude(const Packed32 *numbers) {
    uint32_t largest = 0;
    for (int i = 0; i < 32; i++) {
        const uint32_t magnitude = magnitude_of(numbers[i]);
        largest = magnitude > largest ? magnitude : largest;
    }
    return largest;
}

// 1 / scale; the reference takes 0 for blocks of zeros.
INLINE float inverse(float scale) { return scale == 0 ? 0 : 1.0f / scale; }

// The whole part of `value`, or 0 where it is not finite, as processors and so the reference have it.
INLINE int whole_part(float value) { return fabsf(value) < 0x1p24f ? (int)value : 0; }

// scale = largest magnitude / 127; to nearest, halves away from zero.
INLINE void pack_q8_0(const Packed32 *numbers, uint8_t *block) {
    const float scale = float_of(largest_magnitude(numbers)) / 127.0f;
    const float factor = inverse(scale);
    store_half(block, scale);
    for (int i = 0; i < 32; i++) {
        const float scaled = float_of(numbers[i].bits) * factor, size = fabsf(scaled);
        const int whole = whole_part(size);
        const int rounded = whole + (size - (float)whole >= 0.5f && size < 0x1p24f);
        block[2 + i] = (uint8_t)(scaled < 0 ? -rounded : rounded);
    }
}

// scale = the number of the largest magnitude / -half; what is cut to the range goes from -half to half - 1. The
// product is rounded before the sum, as ggml without FMA and gguf-py from 0.18 on have it; gguf-py before took both in
// double precision.
INLINE void pack_nibbles(const Packed32 *numbers, uint8_t *block, bool has_fifth_bit) {
    const int half = has_fifth_bit ? 16 : 8;
    const uint32_t largest = largest_magnitude(numbers);
    int first = 0;
    while (magnitude_of(numbers[first]) != largest) first++;
    const float scale = float_of(numbers[first].bits) / (float)-half;
    const float factor = inverse(scale);
    store_half(block, scale);
    uint8_t *nibbles = block + (has_fifth_bit ? 6 : 2);
    uint8_t codes[32];
    for (int i = 0; i < 32; i++) {
        const float scaled = float_of(numbers[i].bits) * factor;
        const int code = whole_part(scaled + ((float)half + 0.5f));
        codes[i] = (uint8_t)(code < 2 * half ? code : 2 * half - 1);
    }
    for (int i = 0; i < 16; i++) nibbles[i] = (uint8_t)((codes[i] & 15) | codes[i + 16] << 4);
    if (!has_fifth_bit) return;
    uint32_t fifth = 0;
    for (int i = 0; i < 32; i++) fifth |= (uint32_t)(codes[i] >> 4) << i;
    memcpy(block + 2, &fifth, 4);
}

EACH_INSTRUCTION_SET
void graft_pack_blocks(graft_block_type type, const void *numbers, void *blocks, size_t count) {
    const BlockSize size = sizes[type];
    const Packed32 *restrict from = numbers;
    uint8_t *restrict to = blocks;
    for (size_t i = 0; i < count; i++, from += size.count, to += size.bytes) {
        switch (type) {
        case GRAFT_Q4_0: pack_nibbles(from, to, false); break;
        case GRAFT_Q5_0: pack_nibbles(from, to, true); break;
        case GRAFT_Q8_0: pack_q8_0(from, to); break;
        case GRAFT_Q4_1: case GRAFT_Q5_1: case GRAFT_Q2_K: case GRAFT_Q3_K: case GRAFT_Q4_K: case GRAFT_Q5_K:
        case GRAFT_Q6_K: return;
        }
    }
}
