#include "GraftPrelude.h"

// One block here and one line in `files` for every file of specs/zoo, in alphabetical order.
static const unsigned char dit_xl2_conv2d_text[] = {
#embed "../../specs/zoo/dit-xl2-conv2d.graft"
};
static const unsigned char dit_xl2_grow_text[] = {
#embed "../../specs/zoo/dit-xl2-grow.graft"
};
static const unsigned char dit_xl2_local_global_text[] = {
#embed "../../specs/zoo/dit-xl2-local_global.graft"
};
static const unsigned char dit_xl2_mha_hyena_se_100p_text[] = {
#embed "../../specs/zoo/dit-xl2-mha-hyena_se-100p.graft"
};
static const unsigned char dit_xl2_mha_hyena_se_50p_text[] = {
#embed "../../specs/zoo/dit-xl2-mha-hyena_se-50p.graft"
};
static const unsigned char dit_xl2_mha_hyena_se_50p_ablation_text[] = {
#embed "../../specs/zoo/dit-xl2-mha-hyena_se-50p_ablation.graft"
};
static const unsigned char dit_xl2_mha_hyena_se_75p_text[] = {
#embed "../../specs/zoo/dit-xl2-mha-hyena_se-75p.graft"
};
static const unsigned char dit_xl2_mha_hyena_x_100p_text[] = {
#embed "../../specs/zoo/dit-xl2-mha-hyena_x-100p.graft"
};
static const unsigned char dit_xl2_mha_hyena_x_50p_text[] = {
#embed "../../specs/zoo/dit-xl2-mha-hyena_x-50p.graft"
};
static const unsigned char dit_xl2_mha_hyena_x_50p_ablation_text[] = {
#embed "../../specs/zoo/dit-xl2-mha-hyena_x-50p_ablation.graft"
};
static const unsigned char dit_xl2_mha_hyena_x_75p_text[] = {
#embed "../../specs/zoo/dit-xl2-mha-hyena_x-75p.graft"
};
static const unsigned char dit_xl2_mha_hyena_x_deep_text[] = {
#embed "../../specs/zoo/dit-xl2-mha-hyena_x-deep.graft"
};
static const unsigned char dit_xl2_mha_hyena_x_demo_text[] = {
#embed "../../specs/zoo/dit-xl2-mha-hyena_x-demo.graft"
};
static const unsigned char dit_xl2_mha_hyena_y_100p_text[] = {
#embed "../../specs/zoo/dit-xl2-mha-hyena_y-100p.graft"
};
static const unsigned char dit_xl2_mha_hyena_y_50p_text[] = {
#embed "../../specs/zoo/dit-xl2-mha-hyena_y-50p.graft"
};
static const unsigned char dit_xl2_mha_hyena_y_50p_ablation_text[] = {
#embed "../../specs/zoo/dit-xl2-mha-hyena_y-50p_ablation.graft"
};
static const unsigned char dit_xl2_mha_hyena_y_75p_text[] = {
#embed "../../specs/zoo/dit-xl2-mha-hyena_y-75p.graft"
};
static const unsigned char dit_xl2_mha_mamba_2_100p_text[] = {
#embed "../../specs/zoo/dit-xl2-mha-mamba_2-100p.graft"
};
static const unsigned char dit_xl2_mha_mamba_2_50p_text[] = {
#embed "../../specs/zoo/dit-xl2-mha-mamba_2-50p.graft"
};
static const unsigned char dit_xl2_mha_mamba_2_75p_text[] = {
#embed "../../specs/zoo/dit-xl2-mha-mamba_2-75p.graft"
};
static const unsigned char dit_xl2_mha_mha_100p_text[] = {
#embed "../../specs/zoo/dit-xl2-mha-mha-100p.graft"
};
static const unsigned char dit_xl2_mha_swa_100p_text[] = {
#embed "../../specs/zoo/dit-xl2-mha-swa-100p.graft"
};
static const unsigned char dit_xl2_mha_swa_50p_text[] = {
#embed "../../specs/zoo/dit-xl2-mha-swa-50p.graft"
};
static const unsigned char dit_xl2_mha_swa_50p_ablation_text[] = {
#embed "../../specs/zoo/dit-xl2-mha-swa-50p_ablation.graft"
};
static const unsigned char dit_xl2_mha_swa_75p_text[] = {
#embed "../../specs/zoo/dit-xl2-mha-swa-75p.graft"
};
static const unsigned char dit_xl2_mlp_2to6_text[] = {
#embed "../../specs/zoo/dit-xl2-mlp-2to6.graft"
};
static const unsigned char dit_xl2_mlp_mlp_hyena_x_100p_text[] = {
#embed "../../specs/zoo/dit-xl2-mlp-mlp_hyena_x-100p.graft"
};
static const unsigned char dit_xl2_mlp_mlp_hyena_x_50p_text[] = {
#embed "../../specs/zoo/dit-xl2-mlp-mlp_hyena_x-50p.graft"
};
static const unsigned char dit_xl2_mlp_mlp_hyena_x_75p_text[] = {
#embed "../../specs/zoo/dit-xl2-mlp-mlp_hyena_x-75p.graft"
};
static const unsigned char dit_xl2_mlp_mlp_r_3_100p_text[] = {
#embed "../../specs/zoo/dit-xl2-mlp-mlp_r_3-100p.graft"
};
static const unsigned char dit_xl2_mlp_mlp_r_3_50p_text[] = {
#embed "../../specs/zoo/dit-xl2-mlp-mlp_r_3-50p.graft"
};
static const unsigned char dit_xl2_mlp_mlp_r_3_75p_text[] = {
#embed "../../specs/zoo/dit-xl2-mlp-mlp_r_3-75p.graft"
};
static const unsigned char dit_xl2_mlp_mlp_r_4_100p_text[] = {
#embed "../../specs/zoo/dit-xl2-mlp-mlp_r_4-100p.graft"
};
static const unsigned char dit_xl2_mlp_mlp_r_6_100p_text[] = {
#embed "../../specs/zoo/dit-xl2-mlp-mlp_r_6-100p.graft"
};
static const unsigned char dit_xl2_mlp_mlp_r_6_50p_text[] = {
#embed "../../specs/zoo/dit-xl2-mlp-mlp_r_6-50p.graft"
};
static const unsigned char dit_xl2_mlp_mlp_r_6_75p_text[] = {
#embed "../../specs/zoo/dit-xl2-mlp-mlp_r_6-75p.graft"
};
static const unsigned char dit_xl2_parallel_d14_text[] = {
#embed "../../specs/zoo/dit-xl2-parallel-d14.graft"
};
static const unsigned char dit_xl2_parallel_d14_gated_text[] = {
#embed "../../specs/zoo/dit-xl2-parallel-d14-gated.graft"
};
static const unsigned char dit_xl2_patch_channels_text[] = {
#embed "../../specs/zoo/dit-xl2-patch-channels.graft"
};
static const unsigned char dit_xl2_prune_d14_text[] = {
#embed "../../specs/zoo/dit-xl2-prune-d14.graft"
};
static const unsigned char dit_xl2_swa_mamba2_text[] = {
#embed "../../specs/zoo/dit-xl2-swa-mamba2.graft"
};
static const unsigned char dit_xl2_swa_sweep_text[] = {
#embed "../../specs/zoo/dit-xl2-swa-sweep.graft"
};
static const unsigned char dit_xl2_swa_widening_text[] = {
#embed "../../specs/zoo/dit-xl2-swa-widening.graft"
};

#define FILE_OF(name, text) {name, text, sizeof text}

static const struct {
  const char *name;
  const unsigned char *text;
  size_t length;
} files[] = {
    FILE_OF("dit-xl2-conv2d", dit_xl2_conv2d_text),
    FILE_OF("dit-xl2-grow", dit_xl2_grow_text),
    FILE_OF("dit-xl2-local_global", dit_xl2_local_global_text),
    FILE_OF("dit-xl2-mha-hyena_se-100p", dit_xl2_mha_hyena_se_100p_text),
    FILE_OF("dit-xl2-mha-hyena_se-50p", dit_xl2_mha_hyena_se_50p_text),
    FILE_OF("dit-xl2-mha-hyena_se-50p_ablation", dit_xl2_mha_hyena_se_50p_ablation_text),
    FILE_OF("dit-xl2-mha-hyena_se-75p", dit_xl2_mha_hyena_se_75p_text),
    FILE_OF("dit-xl2-mha-hyena_x-100p", dit_xl2_mha_hyena_x_100p_text),
    FILE_OF("dit-xl2-mha-hyena_x-50p", dit_xl2_mha_hyena_x_50p_text),
    FILE_OF("dit-xl2-mha-hyena_x-50p_ablation", dit_xl2_mha_hyena_x_50p_ablation_text),
    FILE_OF("dit-xl2-mha-hyena_x-75p", dit_xl2_mha_hyena_x_75p_text),
    FILE_OF("dit-xl2-mha-hyena_x-deep", dit_xl2_mha_hyena_x_deep_text),
    FILE_OF("dit-xl2-mha-hyena_x-demo", dit_xl2_mha_hyena_x_demo_text),
    FILE_OF("dit-xl2-mha-hyena_y-100p", dit_xl2_mha_hyena_y_100p_text),
    FILE_OF("dit-xl2-mha-hyena_y-50p", dit_xl2_mha_hyena_y_50p_text),
    FILE_OF("dit-xl2-mha-hyena_y-50p_ablation", dit_xl2_mha_hyena_y_50p_ablation_text),
    FILE_OF("dit-xl2-mha-hyena_y-75p", dit_xl2_mha_hyena_y_75p_text),
    FILE_OF("dit-xl2-mha-mamba_2-100p", dit_xl2_mha_mamba_2_100p_text),
    FILE_OF("dit-xl2-mha-mamba_2-50p", dit_xl2_mha_mamba_2_50p_text),
    FILE_OF("dit-xl2-mha-mamba_2-75p", dit_xl2_mha_mamba_2_75p_text),
    FILE_OF("dit-xl2-mha-mha-100p", dit_xl2_mha_mha_100p_text),
    FILE_OF("dit-xl2-mha-swa-100p", dit_xl2_mha_swa_100p_text),
    FILE_OF("dit-xl2-mha-swa-50p", dit_xl2_mha_swa_50p_text),
    FILE_OF("dit-xl2-mha-swa-50p_ablation", dit_xl2_mha_swa_50p_ablation_text),
    FILE_OF("dit-xl2-mha-swa-75p", dit_xl2_mha_swa_75p_text),
    FILE_OF("dit-xl2-mlp-2to6", dit_xl2_mlp_2to6_text),
    FILE_OF("dit-xl2-mlp-mlp_hyena_x-100p", dit_xl2_mlp_mlp_hyena_x_100p_text),
    FILE_OF("dit-xl2-mlp-mlp_hyena_x-50p", dit_xl2_mlp_mlp_hyena_x_50p_text),
    FILE_OF("dit-xl2-mlp-mlp_hyena_x-75p", dit_xl2_mlp_mlp_hyena_x_75p_text),
    FILE_OF("dit-xl2-mlp-mlp_r_3-100p", dit_xl2_mlp_mlp_r_3_100p_text),
    FILE_OF("dit-xl2-mlp-mlp_r_3-50p", dit_xl2_mlp_mlp_r_3_50p_text),
    FILE_OF("dit-xl2-mlp-mlp_r_3-75p", dit_xl2_mlp_mlp_r_3_75p_text),
    FILE_OF("dit-xl2-mlp-mlp_r_4-100p", dit_xl2_mlp_mlp_r_4_100p_text),
    FILE_OF("dit-xl2-mlp-mlp_r_6-100p", dit_xl2_mlp_mlp_r_6_100p_text),
    FILE_OF("dit-xl2-mlp-mlp_r_6-50p", dit_xl2_mlp_mlp_r_6_50p_text),
    FILE_OF("dit-xl2-mlp-mlp_r_6-75p", dit_xl2_mlp_mlp_r_6_75p_text),
    FILE_OF("dit-xl2-parallel-d14", dit_xl2_parallel_d14_text),
    FILE_OF("dit-xl2-parallel-d14-gated", dit_xl2_parallel_d14_gated_text),
    FILE_OF("dit-xl2-patch-channels", dit_xl2_patch_channels_text),
    FILE_OF("dit-xl2-prune-d14", dit_xl2_prune_d14_text),
    FILE_OF("dit-xl2-swa-mamba2", dit_xl2_swa_mamba2_text),
    FILE_OF("dit-xl2-swa-sweep", dit_xl2_swa_sweep_text),
    FILE_OF("dit-xl2-swa-widening", dit_xl2_swa_widening_text),
};

size_t graft_zoo_count(void) { return sizeof files / sizeof files[0]; }

const char *graft_zoo_name(size_t index) { return index < graft_zoo_count() ? files[index].name : NULL; }

const unsigned char *graft_zoo_text(size_t index) { return index < graft_zoo_count() ? files[index].text : NULL; }

size_t graft_zoo_length(size_t index) { return index < graft_zoo_count() ? files[index].length : 0; }
