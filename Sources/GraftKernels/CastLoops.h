// What the loops of casts share. Every loop works on bit patterns with selections instead of branches, so that the
// compiler can turn it into vector code for whichever instruction set is chosen at load time. The results are the same
// in all of them.
#pragma once

#include <stdint.h>
#include <string.h>

#if defined(__x86_64__) && defined(__linux__)
#define EACH_INSTRUCTION_SET __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define EACH_INSTRUCTION_SET
#endif

// Unaligned loads and stores that the vectoriser understands.
typedef struct __attribute__((packed)) { uint16_t bits; } Packed16;
typedef struct __attribute__((packed)) { uint32_t bits; } Packed32;
typedef struct __attribute__((packed)) { float value; } PackedFloat;
typedef struct __attribute__((packed)) { double value; } PackedDouble;

static inline uint32_t bits_of(float value) {
    uint32_t bits;
    memcpy(&bits, &value, 4);
    return bits;
}

static inline float float_of(uint32_t bits) {
    float value;
    memcpy(&value, &bits, 4);
    return value;
}

// The f16 nearest to the f32 with these bits.
static inline uint16_t half_of(uint32_t bits) {
    uint32_t sign = (bits >> 16) & 0x8000u;
    uint32_t magnitude = bits & 0x7FFFFFFFu;
    // From 2^-14 on: round away 13 bits of the mantissa and move the exponent's bias from 127 to 15.
    uint32_t normal = (magnitude + 0xFFFu + ((magnitude >> 13) & 1) - 0x38000000u) >> 13;
    // Below: next to 1/2 a float steps by 2^-24, as a subnormal f16 does, so one addition rounds rightly.
    uint32_t subnormal = bits_of(float_of(magnitude) + 0.5f) - 0x3F000000u;
    uint32_t result = magnitude < 0x38800000u ? subnormal : normal;
    result = magnitude >= 0x477FF000u ? 0x7C00u : result;  // 65520 is the first that rounds to infinity.
    result = magnitude > 0x7F800000u ? 0x7E00u : result;
    return (uint16_t)(sign | result);
}

// The bits of the f32 that the f16 with these bits is.
static inline uint32_t float_of_half(uint32_t bits) {
    uint32_t sign = (bits & 0x8000u) << 16;
    uint32_t magnitude = (bits & 0x7FFFu) << 13;
    uint32_t normal = magnitude + 0x38000000u;
    // A subnormal is its mantissa times 2^-24: put it behind 2^-14 and take that away again.
    uint32_t subnormal = bits_of(float_of(magnitude + 0x38800000u) - float_of(0x38800000u));
    uint32_t result = magnitude < 0x00800000u ? subnormal : normal;
    result = magnitude >= 0x0F800000u ? magnitude + 0x70000000u : result;
    return sign | result;
}
