#include "GraftPrelude.h"

// One line here and one in `files` for every file of graft/, in alphabetical order.
static const unsigned char linear_text[] = {
#embed "graft/linear.graft"
};

#define FILE_OF(name) {#name ".graft", name##_text, sizeof name##_text}

static const struct {
  const char *name;
  const unsigned char *text;
  size_t length;
} files[] = {
    FILE_OF(linear),
};

size_t graft_prelude_count(void) { return sizeof files / sizeof files[0]; }

const char *graft_prelude_name(size_t index) { return index < graft_prelude_count() ? files[index].name : NULL; }

const unsigned char *graft_prelude_text(size_t index) {
  return index < graft_prelude_count() ? files[index].text : NULL;
}

size_t graft_prelude_length(size_t index) { return index < graft_prelude_count() ? files[index].length : 0; }
