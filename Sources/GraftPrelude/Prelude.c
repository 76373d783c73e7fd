#include "GraftPrelude.h"

// One block here and one line in `files` for every file of graft/, in alphabetical order.
static const unsigned char attention_text[] = {
#embed "graft/attention.graft"
};
static const unsigned char bidirectional_text[] = {
#embed "graft/bidirectional.graft"
};
static const unsigned char dit_text[] = {
#embed "graft/dit.graft"
};
static const unsigned char functions_text[] = {
#embed "graft/functions.graft"
};
static const unsigned char grid_conv_text[] = {
#embed "graft/grid_conv.graft"
};
static const unsigned char hyena_text[] = {
#embed "graft/hyena.graft"
};
static const unsigned char layers_text[] = {
#embed "graft/layers.graft"
};
static const unsigned char linear_text[] = {
#embed "graft/linear.graft"
};
static const unsigned char lora_text[] = {
#embed "graft/lora.graft"
};
static const unsigned char mamba_text[] = {
#embed "graft/mamba.graft"
};
static const unsigned char merges_text[] = {
#embed "graft/merges.graft"
};
static const unsigned char mlp_text[] = {
#embed "graft/mlp.graft"
};

#define FILE_OF(name) {#name ".graft", name##_text, sizeof name##_text}

static const struct {
  const char *name;
  const unsigned char *text;
  size_t length;
} files[] = {
    FILE_OF(attention),
    FILE_OF(bidirectional),
    FILE_OF(dit),
    FILE_OF(functions),
    FILE_OF(grid_conv),
    FILE_OF(hyena),
    FILE_OF(layers),
    FILE_OF(linear),
    FILE_OF(lora),
    FILE_OF(mamba),
    FILE_OF(merges),
    FILE_OF(mlp),
};

size_t graft_prelude_count(void) { return sizeof files / sizeof files[0]; }

const char *graft_prelude_name(size_t index) { return index < graft_prelude_count() ? files[index].name : NULL; }

const unsigned char *graft_prelude_text(size_t index) {
  return index < graft_prelude_count() ? files[index].text : NULL;
}

size_t graft_prelude_length(size_t index) { return index < graft_prelude_count() ? files[index].length : 0; }
