// The child's answer: records of numbers and texts, sent as room fills up. `Survey.c` says what they are.
#include "Survey.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/// What is kept for the end, so that it has room wherever it comes.
enum { END_LIMIT = 1 << 17 };

char graft_path[PATH_LIMIT];
static char answer[1 << 16];
static size_t answer_count;
static int64_t answer_left;

void graft_begin_answer(int64_t limit) { answer_left = limit - END_LIMIT; }

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
    answer_left -= (int64_t)count;
    if (answer_left < 0) graft_refuse("has more names, texts and chunks than its bytes could hold");
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
    if (count > TEXT_LIMIT) graft_refuse("has a text of over %d bytes", TEXT_LIMIT);
    graft_put_u32((uint32_t)count);
    graft_put(bytes, count);
}

void graft_put_text(const char *text) { graft_put_bytes(text ? text : "", text ? strlen(text) : 0); }

/// Ends the answer with `text` about what is at the path. It may come within another record, so that it is found from
/// behind.
static _Noreturn void end_saying(const char *text, int code) {
    int64_t before = answer_left += END_LIMIT;
    graft_put_text(graft_path);
    graft_put_text(text);
    graft_put_u32((uint32_t)(before - answer_left));
    graft_flush();
    _exit(code);
}

_Noreturn void graft_fail(void) {
    char text[512];
    graft_hdf5_complaint(h5, text, sizeof text);
    end_saying(text, GRAFT_HDF5_FAILED);
}

_Noreturn void graft_fail_saying(const char *text) { end_saying(text, GRAFT_HDF5_FAILED); }

_Noreturn void graft_refuse(const char *format, ...) {
    char text[512];
    va_list values;
    va_start(values, format);
    vsnprintf(text, sizeof text, format, values);
    va_end(values);
    end_saying(text, GRAFT_HDF5_TOO_MUCH);
}
