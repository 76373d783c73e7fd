// The processors that threads run on.
#pragma once

// The processors that this process may run on.
int graft_processor_count(void);

// The processor that the calling thread runs on, or -1 where the system does not tell.
int graft_processor(void);

// Moves the calling thread to another processor if it runs on `taken` and may run elsewhere; it may come back later.
void graft_leave_processor(int taken);

// Tells the processor that the calling thread looks at the same word again and again.
static inline void graft_pause(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}
