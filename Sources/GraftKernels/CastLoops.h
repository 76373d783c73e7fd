// What the loops of casts share. Every loop works on bit patterns with selections instead of branches, so that the compiler can turn
// it into vector code for whichever instruction set is chosen at load time. The results are the same in all of them.
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
