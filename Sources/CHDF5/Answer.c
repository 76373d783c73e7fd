// The child's answer: records of numbers and texts, sent as room fills up. `Survey.c` says what they are.
#include "Survey.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static char answer[1 << 16];
static size_t answer_count;
int64_t graft_answer_left;

void graft_flush(void) {
    for (size_t done = 0; done < answer_count;) {
        ssize_t count = write(ANSWER_DESCRIPTOR, answer + done, answer_count - done);
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) _exit(1);
        done += (size_t)count;
    }
    answer_count = 0;
}

void graft_put(const void *bytes, size_t count) {
    graft_answer_left -= (int64_t)count;
    if (graft_answer_left < 0) _exit(GRAFT_HDF5_TOO_MUCH);
    while (count > 0) {
        if (answer_count == sizeof answer) graft_flush();
        size_t step = sizeof answer - answer_count;
        if (step > count) step = count;
        memcpy(answer + answer_count, bytes, step);
        answer_count += step;
        bytes = (const char *)bytes + step;
        count -= step;
    }
}

void graft_put_u8(uint8_t value) { graft_put(&value, 1); }
void graft_put_u32(uint32_t value) { graft_put(&value, 4); }
void graft_put_u64(uint64_t value) { graft_put(&value, 8); }

void graft_put_bytes(const void *bytes, size_t count) {
    if (count > TEXT_LIMIT) _exit(GRAFT_HDF5_TOO_MUCH);
    graft_put_u32((uint32_t)count);
    graft_put(bytes, count);
}

void graft_put_text(const char *text) { graft_put_bytes(text ? text : "", text ? strlen(text) : 0); }

_Noreturn void graft_fail_saying(const char *path, const char *text) {
    int64_t before = graft_answer_left;
    graft_put_text(path);
    graft_put_text(text);
    graft_put_u32((uint32_t)(before - graft_answer_left));
    graft_flush();
    _exit(GRAFT_HDF5_FAILED);
}

_Noreturn void graft_fail(const char *path) {
    char text[512];
    graft_hdf5_complaint(h5, text, sizeof text);
    graft_fail_saying(path, text);
}
