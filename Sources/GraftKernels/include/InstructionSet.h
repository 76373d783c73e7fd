// The variants that every family of loops is compiled for, and what the processor can run.
#pragma once

#include <stdbool.h>

typedef enum {
  GRAFT_PLAIN = 0,   // What every processor of the target has.
  GRAFT_AVX2 = 1,    // With FMA.
  GRAFT_AVX512 = 2,  // F, BW, DQ and VL.
} graft_isa;

// Whether this processor, and this build, run the variant.
bool graft_isa_supported(graft_isa isa);

// Whether the processor has AMX's tiles of 8-bit integers and the system lets this process use them, which the first
// call asks for.
bool graft_amx_supported(void);

// The OpenBLAS core type that suits this processor, or NULL where OpenBLAS should decide.
const char *graft_blas_core_type(void);
