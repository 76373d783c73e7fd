// Written by scripts/embed-pages.sh.
#include "GraftSpecification.h"

static const unsigned char page_0[] = {
#embed "../../specs/architecture.md"
};
static const unsigned char page_1[] = {
#embed "../../specs/cli.md"
};
static const unsigned char page_2[] = {
#embed "../../specs/convert.md"
};
static const unsigned char page_3[] = {
#embed "../../specs/diffusion.md"
};
static const unsigned char page_4[] = {
#embed "../../specs/formats/checkpoint.md"
};
static const unsigned char page_5[] = {
#embed "../../specs/formats/draws.md"
};
static const unsigned char page_6[] = {
#embed "../../specs/formats/gguf.md"
};
static const unsigned char page_7[] = {
#embed "../../specs/formats/graft-metadata.md"
};
static const unsigned char page_8[] = {
#embed "../../specs/formats/hdf5.md"
};
static const unsigned char page_9[] = {
#embed "../../specs/formats/json.md"
};
static const unsigned char page_10[] = {
#embed "../../specs/formats/numpy.md"
};
static const unsigned char page_11[] = {
#embed "../../specs/formats/onnx.md"
};
static const unsigned char page_12[] = {
#embed "../../specs/formats/pytorch.md"
};
static const unsigned char page_13[] = {
#embed "../../specs/formats/safetensors.md"
};
static const unsigned char page_14[] = {
#embed "../../specs/formats/sharded.md"
};
static const unsigned char page_15[] = {
#embed "../../specs/formats/transfer.md"
};
static const unsigned char page_16[] = {
#embed "../../specs/formats/zip.md"
};
static const unsigned char page_17[] = {
#embed "../../specs/formatting.md"
};
static const unsigned char page_18[] = {
#embed "../../specs/functions.md"
};
static const unsigned char page_19[] = {
#embed "../../specs/graph.md"
};
static const unsigned char page_20[] = {
#embed "../../specs/import.md"
};
static const unsigned char page_21[] = {
#embed "../../specs/language.md"
};
static const unsigned char page_22[] = {
#embed "../../specs/operators.md"
};
static const unsigned char page_23[] = {
#embed "../../specs/pictures.md"
};
static const unsigned char page_24[] = {
#embed "../../specs/primitives/Abs.md"
};
static const unsigned char page_25[] = {
#embed "../../specs/primitives/Add.md"
};
static const unsigned char page_26[] = {
#embed "../../specs/primitives/Attention.md"
};
static const unsigned char page_27[] = {
#embed "../../specs/primitives/Cast.md"
};
static const unsigned char page_28[] = {
#embed "../../specs/primitives/CausalConv.md"
};
static const unsigned char page_29[] = {
#embed "../../specs/primitives/Concat.md"
};
static const unsigned char page_30[] = {
#embed "../../specs/primitives/Constant.md"
};
static const unsigned char page_31[] = {
#embed "../../specs/primitives/Conv.md"
};
static const unsigned char page_32[] = {
#embed "../../specs/primitives/Cos.md"
};
static const unsigned char page_33[] = {
#embed "../../specs/primitives/CumSum.md"
};
static const unsigned char page_34[] = {
#embed "../../specs/primitives/Div.md"
};
static const unsigned char page_35[] = {
#embed "../../specs/primitives/Equal.md"
};
static const unsigned char page_36[] = {
#embed "../../specs/primitives/Erf.md"
};
static const unsigned char page_37[] = {
#embed "../../specs/primitives/Exp.md"
};
static const unsigned char page_38[] = {
#embed "../../specs/primitives/Expand.md"
};
static const unsigned char page_39[] = {
#embed "../../specs/primitives/Gather.md"
};
static const unsigned char page_40[] = {
#embed "../../specs/primitives/Gelu.md"
};
static const unsigned char page_41[] = {
#embed "../../specs/primitives/Greater.md"
};
static const unsigned char page_42[] = {
#embed "../../specs/primitives/GreaterOrEqual.md"
};
static const unsigned char page_43[] = {
#embed "../../specs/primitives/Iota.md"
};
static const unsigned char page_44[] = {
#embed "../../specs/primitives/LayerNormalization.md"
};
static const unsigned char page_45[] = {
#embed "../../specs/primitives/Less.md"
};
static const unsigned char page_46[] = {
#embed "../../specs/primitives/LessOrEqual.md"
};
static const unsigned char page_47[] = {
#embed "../../specs/primitives/Linear.md"
};
static const unsigned char page_48[] = {
#embed "../../specs/primitives/Log.md"
};
static const unsigned char page_49[] = {
#embed "../../specs/primitives/MatMul.md"
};
static const unsigned char page_50[] = {
#embed "../../specs/primitives/Max.md"
};
static const unsigned char page_51[] = {
#embed "../../specs/primitives/Min.md"
};
static const unsigned char page_52[] = {
#embed "../../specs/primitives/Mul.md"
};
static const unsigned char page_53[] = {
#embed "../../specs/primitives/Neg.md"
};
static const unsigned char page_54[] = {
#embed "../../specs/primitives/Pad.md"
};
static const unsigned char page_55[] = {
#embed "../../specs/primitives/Pow.md"
};
static const unsigned char page_56[] = {
#embed "../../specs/primitives/RMSNormalization.md"
};
static const unsigned char page_57[] = {
#embed "../../specs/primitives/ReduceMax.md"
};
static const unsigned char page_58[] = {
#embed "../../specs/primitives/ReduceMean.md"
};
static const unsigned char page_59[] = {
#embed "../../specs/primitives/ReduceSum.md"
};
static const unsigned char page_60[] = {
#embed "../../specs/primitives/Relu.md"
};
static const unsigned char page_61[] = {
#embed "../../specs/primitives/Reshape.md"
};
static const unsigned char page_62[] = {
#embed "../../specs/primitives/Reverse.md"
};
static const unsigned char page_63[] = {
#embed "../../specs/primitives/Rsqrt.md"
};
static const unsigned char page_64[] = {
#embed "../../specs/primitives/SelectiveScan.md"
};
static const unsigned char page_65[] = {
#embed "../../specs/primitives/Sigmoid.md"
};
static const unsigned char page_66[] = {
#embed "../../specs/primitives/Silu.md"
};
static const unsigned char page_67[] = {
#embed "../../specs/primitives/Sin.md"
};
static const unsigned char page_68[] = {
#embed "../../specs/primitives/Slice.md"
};
static const unsigned char page_69[] = {
#embed "../../specs/primitives/Softmax.md"
};
static const unsigned char page_70[] = {
#embed "../../specs/primitives/Softplus.md"
};
static const unsigned char page_71[] = {
#embed "../../specs/primitives/Split.md"
};
static const unsigned char page_72[] = {
#embed "../../specs/primitives/Sqrt.md"
};
static const unsigned char page_73[] = {
#embed "../../specs/primitives/Sub.md"
};
static const unsigned char page_74[] = {
#embed "../../specs/primitives/Tanh.md"
};
static const unsigned char page_75[] = {
#embed "../../specs/primitives/TopIndices.md"
};
static const unsigned char page_76[] = {
#embed "../../specs/primitives/Transpose.md"
};
static const unsigned char page_77[] = {
#embed "../../specs/primitives/Where.md"
};
static const unsigned char page_78[] = {
#embed "../../specs/recognition.md"
};
static const unsigned char page_79[] = {
#embed "../../specs/rules/Div.md"
};
static const unsigned char page_80[] = {
#embed "../../specs/rules/Gather.md"
};
static const unsigned char page_81[] = {
#embed "../../specs/rules/calls.md"
};
static const unsigned char page_82[] = {
#embed "../../specs/rules/checkpoint.md"
};
static const unsigned char page_83[] = {
#embed "../../specs/rules/command.md"
};
static const unsigned char page_84[] = {
#embed "../../specs/rules/convert.md"
};
static const unsigned char page_85[] = {
#embed "../../specs/rules/cost.md"
};
static const unsigned char page_86[] = {
#embed "../../specs/rules/diffusion.md"
};
static const unsigned char page_87[] = {
#embed "../../specs/rules/emit.md"
};
static const unsigned char page_88[] = {
#embed "../../specs/rules/files.md"
};
static const unsigned char page_89[] = {
#embed "../../specs/rules/gguf.md"
};
static const unsigned char page_90[] = {
#embed "../../specs/rules/graft.md"
};
static const unsigned char page_91[] = {
#embed "../../specs/rules/graph.md"
};
static const unsigned char page_92[] = {
#embed "../../specs/rules/hdf5.md"
};
static const unsigned char page_93[] = {
#embed "../../specs/rules/import.md"
};
static const unsigned char page_94[] = {
#embed "../../specs/rules/imports.md"
};
static const unsigned char page_95[] = {
#embed "../../specs/rules/inspect.md"
};
static const unsigned char page_96[] = {
#embed "../../specs/rules/json.md"
};
static const unsigned char page_97[] = {
#embed "../../specs/rules/layouts.md"
};
static const unsigned char page_98[] = {
#embed "../../specs/rules/limits.md"
};
static const unsigned char page_99[] = {
#embed "../../specs/rules/metadata.md"
};
static const unsigned char page_100[] = {
#embed "../../specs/rules/names.md"
};
static const unsigned char page_101[] = {
#embed "../../specs/rules/numpy.md"
};
static const unsigned char page_102[] = {
#embed "../../specs/rules/onnx.md"
};
static const unsigned char page_103[] = {
#embed "../../specs/rules/operators.md"
};
static const unsigned char page_104[] = {
#embed "../../specs/rules/parallel.md"
};
static const unsigned char page_105[] = {
#embed "../../specs/rules/paths.md"
};
static const unsigned char page_106[] = {
#embed "../../specs/rules/pictures.md"
};
static const unsigned char page_107[] = {
#embed "../../specs/rules/pytorch.md"
};
static const unsigned char page_108[] = {
#embed "../../specs/rules/recognise.md"
};
static const unsigned char page_109[] = {
#embed "../../specs/rules/replace.md"
};
static const unsigned char page_110[] = {
#embed "../../specs/rules/require.md"
};
static const unsigned char page_111[] = {
#embed "../../specs/rules/run.md"
};
static const unsigned char page_112[] = {
#embed "../../specs/rules/safetensors.md"
};
static const unsigned char page_113[] = {
#embed "../../specs/rules/sample.md"
};
static const unsigned char page_114[] = {
#embed "../../specs/rules/shapes.md"
};
static const unsigned char page_115[] = {
#embed "../../specs/rules/sharded.md"
};
static const unsigned char page_116[] = {
#embed "../../specs/rules/starts.md"
};
static const unsigned char page_117[] = {
#embed "../../specs/rules/syntax.md"
};
static const unsigned char page_118[] = {
#embed "../../specs/rules/training.md"
};
static const unsigned char page_119[] = {
#embed "../../specs/rules/transfer.md"
};
static const unsigned char page_120[] = {
#embed "../../specs/rules/usage.md"
};
static const unsigned char page_121[] = {
#embed "../../specs/rules/values.md"
};
static const unsigned char page_122[] = {
#embed "../../specs/rules/variants.md"
};
static const unsigned char page_123[] = {
#embed "../../specs/rules/verify.md"
};
static const unsigned char page_124[] = {
#embed "../../specs/rules/weights.md"
};
static const unsigned char page_125[] = {
#embed "../../specs/rules/zip.md"
};
static const unsigned char page_126[] = {
#embed "../../specs/run.md"
};
static const unsigned char page_127[] = {
#embed "../../specs/tutorial.md"
};
static const unsigned char page_128[] = {
#embed "../../specs/verify.md"
};
static const unsigned char page_129[] = {
#embed "../../specs/weights.md"
};

#define PAGE(number, name) {name, page_##number, sizeof page_##number}

static const struct {
  const char *name;
  const unsigned char *text;
  size_t length;
} pages[] = {
    PAGE(0, "architecture.md"),
    PAGE(1, "cli.md"),
    PAGE(2, "convert.md"),
    PAGE(3, "diffusion.md"),
    PAGE(4, "formats/checkpoint.md"),
    PAGE(5, "formats/draws.md"),
    PAGE(6, "formats/gguf.md"),
    PAGE(7, "formats/graft-metadata.md"),
    PAGE(8, "formats/hdf5.md"),
    PAGE(9, "formats/json.md"),
    PAGE(10, "formats/numpy.md"),
    PAGE(11, "formats/onnx.md"),
    PAGE(12, "formats/pytorch.md"),
    PAGE(13, "formats/safetensors.md"),
    PAGE(14, "formats/sharded.md"),
    PAGE(15, "formats/transfer.md"),
    PAGE(16, "formats/zip.md"),
    PAGE(17, "formatting.md"),
    PAGE(18, "functions.md"),
    PAGE(19, "graph.md"),
    PAGE(20, "import.md"),
    PAGE(21, "language.md"),
    PAGE(22, "operators.md"),
    PAGE(23, "pictures.md"),
    PAGE(24, "primitives/Abs.md"),
    PAGE(25, "primitives/Add.md"),
    PAGE(26, "primitives/Attention.md"),
    PAGE(27, "primitives/Cast.md"),
    PAGE(28, "primitives/CausalConv.md"),
    PAGE(29, "primitives/Concat.md"),
    PAGE(30, "primitives/Constant.md"),
    PAGE(31, "primitives/Conv.md"),
    PAGE(32, "primitives/Cos.md"),
    PAGE(33, "primitives/CumSum.md"),
    PAGE(34, "primitives/Div.md"),
    PAGE(35, "primitives/Equal.md"),
    PAGE(36, "primitives/Erf.md"),
    PAGE(37, "primitives/Exp.md"),
    PAGE(38, "primitives/Expand.md"),
    PAGE(39, "primitives/Gather.md"),
    PAGE(40, "primitives/Gelu.md"),
    PAGE(41, "primitives/Greater.md"),
    PAGE(42, "primitives/GreaterOrEqual.md"),
    PAGE(43, "primitives/Iota.md"),
    PAGE(44, "primitives/LayerNormalization.md"),
    PAGE(45, "primitives/Less.md"),
    PAGE(46, "primitives/LessOrEqual.md"),
    PAGE(47, "primitives/Linear.md"),
    PAGE(48, "primitives/Log.md"),
    PAGE(49, "primitives/MatMul.md"),
    PAGE(50, "primitives/Max.md"),
    PAGE(51, "primitives/Min.md"),
    PAGE(52, "primitives/Mul.md"),
    PAGE(53, "primitives/Neg.md"),
    PAGE(54, "primitives/Pad.md"),
    PAGE(55, "primitives/Pow.md"),
    PAGE(56, "primitives/RMSNormalization.md"),
    PAGE(57, "primitives/ReduceMax.md"),
    PAGE(58, "primitives/ReduceMean.md"),
    PAGE(59, "primitives/ReduceSum.md"),
    PAGE(60, "primitives/Relu.md"),
    PAGE(61, "primitives/Reshape.md"),
    PAGE(62, "primitives/Reverse.md"),
    PAGE(63, "primitives/Rsqrt.md"),
    PAGE(64, "primitives/SelectiveScan.md"),
    PAGE(65, "primitives/Sigmoid.md"),
    PAGE(66, "primitives/Silu.md"),
    PAGE(67, "primitives/Sin.md"),
    PAGE(68, "primitives/Slice.md"),
    PAGE(69, "primitives/Softmax.md"),
    PAGE(70, "primitives/Softplus.md"),
    PAGE(71, "primitives/Split.md"),
    PAGE(72, "primitives/Sqrt.md"),
    PAGE(73, "primitives/Sub.md"),
    PAGE(74, "primitives/Tanh.md"),
    PAGE(75, "primitives/TopIndices.md"),
    PAGE(76, "primitives/Transpose.md"),
    PAGE(77, "primitives/Where.md"),
    PAGE(78, "recognition.md"),
    PAGE(79, "rules/Div.md"),
    PAGE(80, "rules/Gather.md"),
    PAGE(81, "rules/calls.md"),
    PAGE(82, "rules/checkpoint.md"),
    PAGE(83, "rules/command.md"),
    PAGE(84, "rules/convert.md"),
    PAGE(85, "rules/cost.md"),
    PAGE(86, "rules/diffusion.md"),
    PAGE(87, "rules/emit.md"),
    PAGE(88, "rules/files.md"),
    PAGE(89, "rules/gguf.md"),
    PAGE(90, "rules/graft.md"),
    PAGE(91, "rules/graph.md"),
    PAGE(92, "rules/hdf5.md"),
    PAGE(93, "rules/import.md"),
    PAGE(94, "rules/imports.md"),
    PAGE(95, "rules/inspect.md"),
    PAGE(96, "rules/json.md"),
    PAGE(97, "rules/layouts.md"),
    PAGE(98, "rules/limits.md"),
    PAGE(99, "rules/metadata.md"),
    PAGE(100, "rules/names.md"),
    PAGE(101, "rules/numpy.md"),
    PAGE(102, "rules/onnx.md"),
    PAGE(103, "rules/operators.md"),
    PAGE(104, "rules/parallel.md"),
    PAGE(105, "rules/paths.md"),
    PAGE(106, "rules/pictures.md"),
    PAGE(107, "rules/pytorch.md"),
    PAGE(108, "rules/recognise.md"),
    PAGE(109, "rules/replace.md"),
    PAGE(110, "rules/require.md"),
    PAGE(111, "rules/run.md"),
    PAGE(112, "rules/safetensors.md"),
    PAGE(113, "rules/sample.md"),
    PAGE(114, "rules/shapes.md"),
    PAGE(115, "rules/sharded.md"),
    PAGE(116, "rules/starts.md"),
    PAGE(117, "rules/syntax.md"),
    PAGE(118, "rules/training.md"),
    PAGE(119, "rules/transfer.md"),
    PAGE(120, "rules/usage.md"),
    PAGE(121, "rules/values.md"),
    PAGE(122, "rules/variants.md"),
    PAGE(123, "rules/verify.md"),
    PAGE(124, "rules/weights.md"),
    PAGE(125, "rules/zip.md"),
    PAGE(126, "run.md"),
    PAGE(127, "tutorial.md"),
    PAGE(128, "verify.md"),
    PAGE(129, "weights.md"),
};

size_t graft_page_count(void) { return sizeof pages / sizeof pages[0]; }

const char *graft_page_name(size_t index) { return index < graft_page_count() ? pages[index].name : NULL; }

const unsigned char *graft_page_text(size_t index) { return index < graft_page_count() ? pages[index].text : NULL; }

size_t graft_page_length(size_t index) { return index < graft_page_count() ? pages[index].length : 0; }
