import CProtobufC
import GraftIR
import GraftONNXMessages

// The only file that sees the C types of protobuf-c. What it is given has been walked before: only fields of the wire
// types that the messages declare, bounded in number and size. protobuf-c itself has no limit of depth, and copies
// whatever bytes there are.

/// What a `TensorProto` says beside its data.
struct ONNXTensorHeader {
  let dims: [Int64]
  let dataType: Int
  let name: [UInt8]
  let isSegment: Bool
  let isExternal: Bool
  let externalData: [(key: [UInt8], value: [UInt8])]
}

/// What a `NodeProto` says beside its attributes.
struct ONNXNodeHeader {
  let inputs: [[UInt8]]
  let outputs: [[UInt8]]
  let name: [UInt8]
  let operation: [UInt8]
  let domain: [UInt8]
  let metadata: [(key: [UInt8], value: [UInt8])]
}

/// Messages of ONNX by libprotobuf-c.
enum ONNXMessages {
  /// What `TensorProto.data_location` is where the data are in another file.
  static let external: Int32 = 1

  /// Unpacks a `TensorProto` without its data; `nil` where protobuf-c refuses it.
  static func tensor(_ bytes: [UInt8]) -> ONNXTensorHeader? {
    guard let message = graft__onnx__tensor_proto__unpack(nil, bytes.count, bytes) else { return nil }
    defer { graft__onnx__tensor_proto__free_unpacked(message, nil) }
    let tensor = message.pointee
    return ONNXTensorHeader(
      dims: Array(UnsafeBufferPointer(start: tensor.dims, count: tensor.n_dims)),
      dataType: tensor.has_data_type != 0 ? Int(tensor.data_type) : 0, name: Array(tensor.name),
      isSegment: tensor.segment != nil,
      isExternal: tensor.has_data_location != 0 && tensor.data_location == external,
      externalData: pairs(tensor.external_data, tensor.n_external_data))
  }

  /// Unpacks a `NodeProto` without its attributes; `nil` where protobuf-c refuses it.
  static func node(_ bytes: [UInt8]) -> ONNXNodeHeader? {
    guard let message = graft__onnx__node_proto__unpack(nil, bytes.count, bytes) else { return nil }
    defer { graft__onnx__node_proto__free_unpacked(message, nil) }
    let node = message.pointee
    return ONNXNodeHeader(
      inputs: UnsafeBufferPointer(start: node.input, count: node.n_input).map { Array($0) },
      outputs: UnsafeBufferPointer(start: node.output, count: node.n_output).map { Array($0) },
      name: Array(node.name), operation: Array(node.op_type), domain: Array(node.domain),
      metadata: pairs(node.metadata_props, node.n_metadata_props))
  }

  /// Unpacks the name and the whole number of an `AttributeProto`; `nil` where protobuf-c refuses it.
  static func attribute(_ bytes: [UInt8]) -> (name: [UInt8], number: Int64)? {
    guard let message = graft__onnx__attribute_proto__unpack(nil, bytes.count, bytes) else { return nil }
    defer { graft__onnx__attribute_proto__free_unpacked(message, nil) }
    return (Array(message.pointee.name), message.pointee.has_i != 0 ? message.pointee.i : 0)
  }

  /// Unpacks a `StringStringEntryProto`; `nil` where protobuf-c refuses it.
  static func pair(_ bytes: [UInt8]) -> (key: [UInt8], value: [UInt8])? {
    guard let message = graft__onnx__string_string_entry_proto__unpack(nil, bytes.count, bytes) else { return nil }
    defer { graft__onnx__string_string_entry_proto__free_unpacked(message, nil) }
    return (Array(message.pointee.key), Array(message.pointee.value))
  }

  /// Unpacks an `OperatorSetIdProto`; `nil` where protobuf-c refuses it.
  static func operatorSet(_ bytes: [UInt8]) -> (domain: [UInt8], version: Int64)? {
    guard let message = graft__onnx__operator_set_id_proto__unpack(nil, bytes.count, bytes) else { return nil }
    defer { graft__onnx__operator_set_id_proto__free_unpacked(message, nil) }
    return (Array(message.pointee.domain), message.pointee.has_version != 0 ? message.pointee.version : 0)
  }

  private static func pairs(
    _ start: UnsafeMutablePointer<UnsafeMutablePointer<Graft__Onnx__StringStringEntryProto>?>?, _ count: Int
  ) -> [(key: [UInt8], value: [UInt8])] {
    UnsafeBufferPointer(start: start, count: count).compactMap { entry in
      entry.map { (Array($0.pointee.key), Array($0.pointee.value)) }
    }
  }

  // MARK: Packing

  /// A `TensorProto` without its data.
  static func pack(
    name: [UInt8], dims: [Int64], dataType: Int32, description: [UInt8]? = nil,
    externalData: [(key: String, value: String)] = []
  ) -> [UInt8] {
    var arena = Arena()
    var message = Graft__Onnx__TensorProto()
    graft__onnx__tensor_proto__init(&message)
    message.n_dims = dims.count
    message.dims = arena.copy(dims)
    message.has_data_type = 1
    message.data_type = dataType
    message.has_name = 1
    message.name = arena.bytes(name)
    if let description {
      message.has_doc_string = 1
      message.doc_string = arena.bytes(description)
    }
    if !externalData.isEmpty {
      let entries = externalData.map { entry in
        var pair = Graft__Onnx__StringStringEntryProto()
        graft__onnx__string_string_entry_proto__init(&pair)
        pair.has_key = 1
        pair.key = arena.bytes(Array(entry.key.utf8))
        pair.has_value = 1
        pair.value = arena.bytes(Array(entry.value.utf8))
        return arena.copy([pair])
      }
      message.n_external_data = entries.count
      message.external_data = arena.copy(entries)
      message.has_data_location = 1
      message.data_location = external
    }
    return withExtendedLifetime(arena) {
      packed(graft__onnx__tensor_proto__get_packed_size(&message)) { graft__onnx__tensor_proto__pack(&message, $0) }
    }
  }

  /// A `StringStringEntryProto`; the value comes last.
  static func pack(key: String, value: String) -> [UInt8] {
    var arena = Arena()
    var message = Graft__Onnx__StringStringEntryProto()
    graft__onnx__string_string_entry_proto__init(&message)
    message.has_key = 1
    message.key = arena.bytes(Array(key.utf8))
    message.has_value = 1
    message.value = arena.bytes(Array(value.utf8))
    return withExtendedLifetime(arena) {
      packed(graft__onnx__string_string_entry_proto__get_packed_size(&message)) {
        graft__onnx__string_string_entry_proto__pack(&message, $0)
      }
    }
  }

  /// A `ModelProto` without graph and metadata.
  static func packModel(
    irVersion: Int64, operatorSet version: Int64, producer: String, description: String
  ) -> [UInt8] {
    var arena = Arena()
    var operators = Graft__Onnx__OperatorSetIdProto()
    graft__onnx__operator_set_id_proto__init(&operators)
    operators.has_domain = 1
    operators.domain = arena.bytes([])
    operators.has_version = 1
    operators.version = version
    var message = Graft__Onnx__ModelProto()
    graft__onnx__model_proto__init(&message)
    message.has_ir_version = 1
    message.ir_version = irVersion
    message.has_producer_name = 1
    message.producer_name = arena.bytes(Array(producer.utf8))
    message.has_doc_string = 1
    message.doc_string = arena.bytes(Array(description.utf8))
    message.n_opset_import = 1
    message.opset_import = arena.copy([arena.copy([operators])])
    return withExtendedLifetime(arena) {
      packed(graft__onnx__model_proto__get_packed_size(&message)) { graft__onnx__model_proto__pack(&message, $0) }
    }
  }

  /// A `GraphProto` with nothing but its name.
  static func packGraph(name: String) -> [UInt8] {
    var arena = Arena()
    var message = Graft__Onnx__GraphProto()
    graft__onnx__graph_proto__init(&message)
    message.has_name = 1
    message.name = arena.bytes(Array(name.utf8))
    return withExtendedLifetime(arena) {
      packed(graft__onnx__graph_proto__get_packed_size(&message)) { graft__onnx__graph_proto__pack(&message, $0) }
    }
  }

  private static func packed(_ count: Int, _ pack: (UnsafeMutablePointer<UInt8>?) -> Int) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: count) { buffer, written in written = pack(buffer.baseAddress) }
  }

  /// Memory that a message points into, as long as it is packed.
  private final class Block {
    let start: UnsafeMutableRawPointer

    init(byteCount: Int, alignment: Int) {
      start = UnsafeMutableRawPointer.allocate(byteCount: max(byteCount, 1), alignment: max(alignment, 1))
    }

    deinit { start.deallocate() }
  }

  private struct Arena {
    private var blocks: [Block] = []

    mutating func copy<Element>(_ elements: [Element]) -> UnsafeMutablePointer<Element> {
      let block = Block(
        byteCount: elements.count * MemoryLayout<Element>.stride, alignment: MemoryLayout<Element>.alignment)
      blocks.append(block)
      let typed = block.start.bindMemory(to: Element.self, capacity: elements.count)
      typed.initialize(from: elements, count: elements.count)
      return typed
    }

    mutating func bytes(_ bytes: [UInt8]) -> ProtobufCBinaryData {
      ProtobufCBinaryData(len: bytes.count, data: copy(bytes))
    }
  }
}

extension [UInt8] {
  fileprivate init(_ data: ProtobufCBinaryData) {
    self = Array(UnsafeBufferPointer(start: data.data, count: data.data == nil ? 0 : data.len))
  }
}
