#define _GNU_SOURCE  // syscall
#include "InstructionSet.h"

#include <stddef.h>
#include <unistd.h>

#if defined(__x86_64__)
#include <cpuid.h>
#include <string.h>
#if defined(__linux__)
#include <sys/syscall.h>
#endif

bool graft_isa_supported(graft_isa isa) {
  __builtin_cpu_init();
  switch (isa) {
    case GRAFT_PLAIN: return true;
    case GRAFT_AVX2: return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    case GRAFT_AVX512:
      return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
          __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("fma");
  }
  return false;
}

bool graft_amx_supported(void) {
#if defined(__linux__)
  enum { UNKNOWN, NO, YES };
  static _Atomic int answer = UNKNOWN;
  if (answer == UNKNOWN) {
    __builtin_cpu_init();
    bool is_there = __builtin_cpu_supports("amx-tile") && __builtin_cpu_supports("amx-int8");
    // Linux hands tiles out by process, on request: ARCH_REQ_XCOMP_PERM for XFEATURE_XTILEDATA.
    enum { REQUEST = 0x1023, TILE_DATA = 18 };
    answer = is_there && syscall(SYS_arch_prctl, REQUEST, TILE_DATA) == 0 ? YES : NO;
  }
  return answer == YES;
#else
  return false;
#endif
}

static bool is_amd(void) {
  unsigned eax, ebx, ecx, edx;
  if (!__get_cpuid(0, &eax, &ebx, &ecx, &edx)) return false;
  char vendor[12];
  memcpy(vendor, &ebx, 4);
  memcpy(vendor + 4, &edx, 4);
  memcpy(vendor + 8, &ecx, 4);
  return memcmp(vendor, "AuthenticAMD", 12) == 0 || memcmp(vendor, "HygonGenuine", 12) == 0;
}

const char *graft_blas_core_type(void) {
  __builtin_cpu_init();
  if (graft_isa_supported(GRAFT_AVX512)) {
    return __builtin_cpu_supports("avx512bf16") ? "COOPERLAKE" : "SKYLAKEX";
  }
  if (graft_isa_supported(GRAFT_AVX2)) return is_amd() ? "ZEN" : "HASWELL";
  return NULL;
}
#else
bool graft_isa_supported(graft_isa isa) { return isa == GRAFT_PLAIN; }

bool graft_amx_supported(void) { return false; }

const char *graft_blas_core_type(void) { return NULL; }
#endif
