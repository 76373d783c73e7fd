/// The rule that each hostile file breaks, by the first one that a reader meets.
enum HostileRules {
  static let all: [String: [String]] = [
    "checkpoint.foreign-layout": [
      "torch/code_legacy.pt", "torch/code_legacy_first.pt", "torch/legacy_cut_11.pt", "torch/legacy_cut_44.pt",
      "torch/legacy_cut_133.pt", "torch/legacy_cut_210.pt", "torch/legacy_cut_219.pt",
    ],
    "checkpoint.unknown-format": [
      "torch/code_bare.pkl"
    ],
    "json.depth": [
      "safetensors/st_deep.safetensors", "safetensors/st_deep_open.safetensors",
    ],
    "json.duplicate-name": [
      "safetensors/st_duplicate.safetensors", "safetensors/st_duplicate_escape.safetensors",
      "safetensors_index/index_duplicate/model.safetensors.index.json",
    ],
    "json.surrogate": [
      "safetensors/st_surrogate.safetensors"
    ],
    "json.syntax": [
      "safetensors/st_header_short.safetensors", "safetensors/st_not_json.safetensors",
      "safetensors/st_trailing_text.safetensors", "safetensors_index/index_not_json/model.safetensors.index.json",
    ],
    "json.utf8": [
      "safetensors/st_not_utf8.safetensors"
    ],
    "pytorch.byte-order": [
      "torch/zip_byteorder.pt"
    ],
    "pytorch.cycle": [
      "torch/pickle_self_list.pt"
    ],
    "pytorch.duplicate-key": [
      "torch/pickle_duplicate_key.pt"
    ],
    "pytorch.no-pickle": [
      "torch/zip_no_pickle.pt", "torch/zip_two_pickles.pt", "torch/zip_empty.pt",
    ],
    "pytorch.no-tensors": [
      "torch/pickle_scalar_root.pt"
    ],
    "pytorch.not-zip": [
      "torch/not_a_checkpoint.pt", "torch/empty_file.pt",
    ],
    "pytorch.pickle-depth": [
      "torch/pickle_deep.pt", "torch/pickle_deep_marks.pt", "torch/pickle_laughs.pt",
    ],
    "pytorch.pickle-forbidden": [
      "torch/code_os_system.pt", "torch/code_posix_system.pt", "torch/code_nt_system.pt", "torch/code_eval.pt",
      "torch/code_exec.pt", "torch/code_python2_eval.pt", "torch/code_open_for_writing.pt",
      "torch/code_subprocess.pt", "torch/code_getattr.pt", "torch/code_import_module.pt", "torch/code_runpy.pt",
      "torch/code_torch_load.pt", "torch/code_torch_hub.pt", "torch/code_numpy_load.pt",
      "torch/code_load_from_bytes.pt", "torch/code_dotted_name.pt", "torch/code_unknown_class.pt",
      "torch/code_only_global.pt", "torch/code_stack_global.pt", "torch/code_stack_global_mixed.pt",
      "torch/code_old_instance.pt", "torch/code_object.pt", "torch/code_newobj.pt", "torch/code_extension.pt",
      "torch/code_build.pt", "torch/code_in_args.pt", "torch/pickle_view_storage_class.pt",
      "torch_index/index_code/pytorch_model.bin.index.json",
    ],
    "pytorch.pickle-opcode": [
      "torch/pickle_bad_opcode.pt"
    ],
    "pytorch.pickle-protocol": [
      "torch/pickle_bad_protocol.pt"
    ],
    "pytorch.pickle-size": [
      "torch/pickle_long_integer.pt", "torch/pickle_memo_index.pt",
    ],
    "pytorch.pickle-structure": [
      "torch/pickle_underflow.pt", "torch/pickle_no_mark.pt", "torch/pickle_bad_memo.pt",
      "torch/pickle_negative_integer.pt",
    ],
    "pytorch.pickle-truncated": [
      "torch/pickle_empty.pt", "torch/pickle_no_stop.pt", "torch/pickle_long_text.pt", "torch/pickle_long_text8.pt",
      "torch/pickle_long_bytes8.pt", "torch/pickle_frame.pt",
    ],
    "pytorch.pickle-utf8": [
      "torch/pickle_not_utf8.pt"
    ],
    "pytorch.storage-key": [
      "torch/pickle_view_record_path.pt"
    ],
    "pytorch.storage-missing": [
      "torch/pickle_view_no_record.pt"
    ],
    "pytorch.storage-reference": [
      "torch/pickle_persistent_text.pt", "torch/pickle_persistent_shape.pt", "torch/pickle_persistent_kind.pt",
      "torch/pickle_view_count_negative.pt",
    ],
    "pytorch.storage-size": [
      "torch/pickle_view_short_record.pt", "torch/pickle_view_long_record.pt", "torch/pickle_view_count_huge.pt",
    ],
    "pytorch.tensor-arguments": [
      "torch/pickle_view_negative_size.pt", "torch/pickle_view_negative_stride.pt",
      "torch/pickle_view_size_stride.pt", "torch/pickle_view_float_size.pt", "torch/pickle_view_no_arguments.pt",
    ],
    "pytorch.tensor-range": [
      "torch/pickle_view_past_end.pt", "torch/pickle_view_strided_past_end.pt",
      "torch/pickle_view_negative_offset.pt",
    ],
    "pytorch.tensor-size": [
      "torch/pickle_view_huge_size.pt", "torch/pickle_view_overflow.pt", "torch/pickle_view_expanded.pt",
      "torch/pickle_view_many_axes.pt",
    ],
    "pytorch.torchscript": [
      "torch/script_archive.pt"
    ],
    "pytorch.zip-checksum": [
      "torch/zip_checksum.pt"
    ],
    "pytorch.zip-compressed": [
      "torch/zip_bomb_pickle.pt", "torch/zip_bomb_record.pt", "torch/zip_bomb_lies.pt", "torch/zip_method.pt",
    ],
    "pytorch.zip-directory": [
      "torch/zip_name_length.pt", "torch/zip_count.pt",
    ],
    "pytorch.zip-disks": [
      "torch/zip_multi_disk.pt"
    ],
    "pytorch.zip-duplicate": [
      "torch/zip_twice.pt"
    ],
    "pytorch.zip-encrypted": [
      "torch/zip_encrypted.pt"
    ],
    "pytorch.zip-end": [
      "torch/zip_directory_offset.pt", "torch/zip_zip64.pt", "torch/zip_cut_30.pt", "torch/zip_cut_184.pt",
      "torch/zip_cut_307.pt", "torch/zip_cut_429.pt", "torch/zip_cut_552.pt", "torch/zip_cut_593.pt",
      "torch/zip_cut_613.pt",
    ],
    "pytorch.zip-name": [
      "torch/zip_climbing.pt", "torch/zip_climbing_root.pt", "torch/zip_absolute.pt", "torch/zip_backslash.pt",
    ],
    "pytorch.zip-record": [
      "torch/zip_offset.pt", "torch/zip_size_huge.pt", "torch/zip_overlap.pt", "torch/zip_local_name.pt",
    ],
    "safetensors.byte-count": [
      "safetensors/st_size_mismatch.safetensors", "safetensors/st_dtype_mismatch.safetensors",
    ],
    "safetensors.data-length": [
      "safetensors/st_trailing.safetensors", "safetensors/st_past_end.safetensors",
      "safetensors/st_cut_153.safetensors", "safetensors/st_cut_170.safetensors",
      "safetensors_index/index_bad_shard/model.safetensors.index.json",
    ],
    "safetensors.dtype": [
      "safetensors/st_dtype_unknown.safetensors"
    ],
    "safetensors.entry": [
      "safetensors/st_dtype_number.safetensors", "safetensors/st_no_offsets.safetensors",
    ],
    "safetensors.header-length": [
      "safetensors/st_header_long.safetensors", "safetensors/st_header_2_63.safetensors",
      "safetensors/st_header_max.safetensors", "safetensors/st_cut_17.safetensors",
      "safetensors/st_cut_59.safetensors", "safetensors/st_cut_102.safetensors",
    ],
    "safetensors.header-object": [
      "safetensors/st_header_zero.safetensors", "safetensors/st_header_array.safetensors",
      "safetensors/st_header_number.safetensors", "safetensors/st_zeros.safetensors",
    ],
    "safetensors.layout": [
      "safetensors/st_overlap.safetensors", "safetensors/st_same_bytes.safetensors",
      "safetensors/st_hole.safetensors", "safetensors/st_late_start.safetensors",
      "safetensors/st_offset_huge.safetensors",
    ],
    "safetensors.metadata": [
      "safetensors/st_metadata_number.safetensors", "safetensors/st_metadata_list.safetensors",
    ],
    "safetensors.offsets": [
      "safetensors/st_negative.safetensors", "safetensors/st_reversed.safetensors",
      "safetensors/st_offset_overflow.safetensors", "safetensors/st_three_offsets.safetensors",
      "safetensors/st_float_offsets.safetensors",
    ],
    "safetensors.shape": [
      "safetensors/st_shape_negative.safetensors", "safetensors/st_shape_float.safetensors",
      "safetensors/st_shape_text.safetensors",
    ],
    "safetensors.size": [
      "safetensors/st_shape_overflow.safetensors", "safetensors/st_shape_wraps_right.safetensors",
    ],
    "safetensors.truncated": [
      "safetensors/st_tiny.safetensors", "safetensors/st_empty.safetensors",
    ],
    "sharded.index": [
      "safetensors_index/index_map_list/model.safetensors.index.json",
      "safetensors_index/index_map_number/model.safetensors.index.json",
      "safetensors_index/index_no_map/model.safetensors.index.json",
      "safetensors_index/index_deep/model.safetensors.index.json",
      "safetensors_index/index_itself/model.safetensors.index.json",
    ],
    "sharded.missing-shard": [
      "safetensors_index/index_missing/model.safetensors.index.json"
    ],
    "sharded.not-in-index": [
      "safetensors_index/index_not_in_index/model.safetensors.index.json"
    ],
    "sharded.not-in-shard": [
      "safetensors_index/index_not_in_shard/model.safetensors.index.json"
    ],
    "sharded.unsafe-path": [
      "safetensors_index/index_climbs/model.safetensors.index.json",
      "safetensors_index/index_climbs_inside/model.safetensors.index.json",
      "safetensors_index/index_absolute/model.safetensors.index.json",
      "safetensors_index/index_home/model.safetensors.index.json",
      "safetensors_index/index_url/model.safetensors.index.json",
      "safetensors_index/index_map_empty_name/model.safetensors.index.json",
      "safetensors_index/index_map_nul/model.safetensors.index.json",
    ],
  ]
}
