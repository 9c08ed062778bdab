"""Writes a Llama in Q4_0 as Transformers.js takes it: the same weights, as ONNX with 4-bit MatMulNBits.

    pip install gguf onnx
    python tests/peers/onnx_model.py /tmp/mini.gguf /tmp/mini-onnx

The graph is of the operators that onnxruntime-genai's model builder writes for Llama, and onnx-community publishes:
SimplifiedLayerNormalization, MatMulNBits (blocks of 32, activations in eight bits: accuracy_level 4) and GroupQueryAttention,
which rotates, keeps the cache and attends. The embedding is a table of floats, as there.
"""

import json
import pathlib
import sys

import gguf
import numpy as np
import onnx
from onnx import TensorProto, helper

BLOCK = 32
CONTEXT = 4096
MICROSOFT = "com.microsoft"


class Graph:
    def __init__(self):
        self.nodes, self.constants = [], []

    def constant(self, name, value):
        self.constants.append(onnx.numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def node(self, op, inputs, outputs, domain="", **attributes):
        outputs = outputs if isinstance(outputs, list) else [outputs]
        self.nodes.append(helper.make_node(op, inputs, outputs, outputs[0], domain=domain, **attributes))
        return outputs[0]

    def norm(self, x, name, weight, eps):
        weight = self.constant(f"{name}.weight", weight)
        return self.node("SimplifiedLayerNormalization", [x, weight], name, axis=-1, epsilon=eps, stash_type=1)

    def linear(self, x, name, blocks):
        """`blocks`: rows of Q4_0, bytes. Elements j and j + 16 of a block share a byte there; 2 i and 2 i + 1 do here."""
        rows, count = blocks.shape[0], blocks.shape[1] // 18
        blocks = blocks.reshape(rows, count, 18)
        scales = blocks[..., :2].copy().view(np.float16)[..., 0].astype(np.float32)
        nibbles = np.concatenate([blocks[..., 2:] & 15, blocks[..., 2:] >> 4], axis=-1)
        packed = nibbles[..., 0::2] | nibbles[..., 1::2] << 4
        inputs = [x, self.constant(f"{name}.weight", packed), self.constant(f"{name}.scales", scales.reshape(-1))]
        return self.node(
            "MatMulNBits", inputs, name, MICROSOFT, K=count * BLOCK, N=rows, bits=4, block_size=BLOCK, accuracy_level=4
        )


def read(path):
    reader = gguf.GGUFReader(path)
    fields = {name: field.contents() for name, field in reader.fields.items() if not name.startswith("tokenizer")}
    assert fields["general.architecture"] == "llama", "only Llama is written"
    return fields, {tensor.name: tensor.data for tensor in reader.tensors}


def halves(rows, heads):
    """Llama's GGUF files rotate neighbours, GroupQueryAttention the halves of a head."""
    return rows.reshape(heads, -1, 2, rows.shape[-1]).swapaxes(1, 2).reshape(rows.shape)


def build(fields, tensors):
    g = Graph()
    key = lambda name, default=None: fields.get(f"llama.{name}", default)
    layers, heads = key("block_count"), key("attention.head_count")
    kv_heads, dim = key("attention.head_count_kv", heads), key("embedding_length")
    head_dim = key("attention.key_length", dim // heads)
    eps, theta = key("attention.layer_norm_rms_epsilon"), key("rope.freq_base", 10000.0)

    angles = np.outer(np.arange(CONTEXT), theta ** (-np.arange(0, head_dim, 2) / head_dim))
    g.constant("cos_cache", np.cos(angles).astype(np.float32))
    g.constant("sin_cache", np.sin(angles).astype(np.float32))
    table = gguf.quants.dequantize(tensors["token_embd.weight"], gguf.GGMLQuantizationType.Q4_0)
    vocab = table.shape[0]
    x = g.node("Gather", [g.constant("embed.weight", table), "input_ids"], "embed")

    g.constant("one", np.array([1], np.int64))
    total = g.node("ReduceSum", ["attention_mask", "one"], "mask_sum", keepdims=0)
    last = g.node("Sub", [total, "one"], "last")
    g.node("Cast", [last], "seqlens_k", to=TensorProto.INT32)
    g.node("Shape", ["attention_mask"], "mask_shape")
    length = g.node("Gather", ["mask_shape", g.constant("axis", np.array(1, np.int64))], "length", axis=0)
    g.node("Cast", [length], "total_sequence_length", to=TensorProto.INT32)

    cache = lambda name, length: helper.make_tensor_value_info(
        name, TensorProto.FLOAT, ["batch_size", kv_heads, length, head_dim]
    )
    ids = lambda name, length: helper.make_tensor_value_info(name, TensorProto.INT64, ["batch_size", length])
    inputs = [ids("input_ids", "sequence_length"), ids("attention_mask", "total_sequence_length")]
    outputs = [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch_size", "sequence_length", vocab])]
    for i in range(layers):
        at = lambda name: tensors[f"blk.{i}.{name}.weight"]
        h = g.norm(x, f"{i}.attn_norm", at("attn_norm"), eps)
        q = g.linear(h, f"{i}.q", halves(at("attn_q"), heads))
        k = g.linear(h, f"{i}.k", halves(at("attn_k"), kv_heads))
        v = g.linear(h, f"{i}.v", at("attn_v"))
        past = [f"past_key_values.{i}.key", f"past_key_values.{i}.value"]
        present = [f"present.{i}.key", f"present.{i}.value"]
        inputs += [cache(name, "past_sequence_length") for name in past]
        outputs += [cache(name, "total_sequence_length") for name in present]
        operands = [q, k, v, *past, "seqlens_k", "total_sequence_length", "cos_cache", "sin_cache"]
        attributes = {"num_heads": heads, "kv_num_heads": kv_heads, "do_rotary": 1, "rotary_interleaved": 0}
        h = g.node("GroupQueryAttention", operands, [f"{i}.attn", *present], MICROSOFT, **attributes)
        x = g.node("Add", [x, g.linear(h, f"{i}.o", at("attn_output"))], f"{i}.attn_residual")
        h = g.norm(x, f"{i}.ffn_norm", at("ffn_norm"), eps)
        gate, up = g.linear(h, f"{i}.gate", at("ffn_gate")), g.linear(h, f"{i}.up", at("ffn_up"))
        silu = g.node("Mul", [gate, g.node("Sigmoid", [gate], f"{i}.sigmoid")], f"{i}.silu")
        h = g.linear(g.node("Mul", [silu, up], f"{i}.gated"), f"{i}.down", at("ffn_down"))
        x = g.node("Add", [x, h], f"{i}.residual")
    h = g.norm(x, "norm", tensors["output_norm.weight"], eps)
    g.linear(h, "logits", tensors.get("output.weight", tensors["token_embd.weight"]))

    graph = helper.make_graph(g.nodes, "llama", inputs, outputs, g.constants)
    imports = [helper.make_opsetid("", 21), helper.make_opsetid(MICROSOFT, 1)]
    config = {
        "model_type": "llama",
        "architectures": ["LlamaForCausalLM"],
        "hidden_size": dim,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "num_key_value_heads": kv_heads,
        "head_dim": head_dim,
        "vocab_size": vocab,
        "max_position_embeddings": CONTEXT,
        "eos_token_id": None,
    }
    return helper.make_model(graph, opset_imports=imports, ir_version=10), config


def main():
    source, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    model, config = build(*read(source))
    (folder / "onnx").mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config, indent=2))
    onnx.save(model, folder / "onnx" / "model_q4.onnx")


main()
