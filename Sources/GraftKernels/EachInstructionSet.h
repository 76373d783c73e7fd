// Compiles the loops in the file GRAFT_LOOPS once for each instruction set. In that file `V(name)` is the name with the
// variant's ending, and LANES the floats of a vector. No include guard: each family includes it once.
//
// Products and sums inside one expression may be contracted to FMA where the variant has it, so variants differ in the
// last bits; within a variant results are the same on every run and for every split over threads.

#define V_JOIN(name, ending) name##_##ending
#define V_EXPAND(name, ending) V_JOIN(name, ending)
#define V(name) V_EXPAND(name, VARIANT)

#define VARIANT plain
#define LANES 4
#include "Vector.h"
#include GRAFT_LOOPS
#undef LANES
#undef VARIANT

#if defined(__x86_64__)

#include <immintrin.h>

#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#define VARIANT avx2
#define LANES 8
#include "Vector.h"
#include GRAFT_LOOPS
#undef LANES
#undef VARIANT
#pragma clang attribute pop

#pragma clang attribute push( \
    __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma"))), apply_to = function)
#define VARIANT avx512
#define LANES 16
#include "Vector.h"
#include GRAFT_LOOPS
#undef LANES
#undef VARIANT
#pragma clang attribute pop

#endif

// The table of a function's variants, to be indexed by `graft_isa`.
#if defined(__x86_64__)
#define EACH_VARIANT(name) {name##_plain, name##_avx2, name##_avx512}
#else
#define EACH_VARIANT(name) {name##_plain, name##_plain, name##_plain}
#endif
