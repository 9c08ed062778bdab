"""The classifier: a pre-norm Transformer encoder with banded attention, RoPE, RMSNorm and SwiGLU, one tag a token."""

from dataclasses import asdict, dataclass

import torch
import torch.nn as nn
import torch.nn.functional as F

from labels import TAGS


@dataclass(frozen=True)
class Config:
    """Shapes. `window` is the number of positions attended on each side."""

    vocab: int = 24_576
    dim: int = 256
    hidden: int = 512
    layers: int = 6
    heads: int = 8
    window: int = 64
    context: int = 1024
    rope_base: float = 10_000.0
    eps: float = 1e-5
    tags: int = len(TAGS)

    def as_dict(self) -> dict:
        return asdict(self)


class _RoundQ4_0(torch.autograd.Function):
    """Weights as Q4_0 will store them; the gradient passes straight through."""

    @staticmethod
    def forward(ctx, weight: torch.Tensor) -> torch.Tensor:
        blocks = weight.reshape(-1, 32)
        largest = blocks.gather(1, blocks.abs().argmax(1, keepdim=True))
        scale = largest / -8
        inverse = torch.where(scale == 0, 0, 1 / scale)
        codes = (blocks * inverse + 8.5).floor().clamp(0, 15)
        return ((codes - 8) * scale.half().float()).reshape(weight.shape)

    @staticmethod
    def backward(ctx, gradient: torch.Tensor) -> torch.Tensor:
        return gradient


class Linear(nn.Linear):
    """A matrix without bias that can be trained through its 4-bit rounding."""

    quantized = False

    def __init__(self, inputs: int, outputs: int, std: float):
        super().__init__(inputs, outputs, bias=False)
        nn.init.normal_(self.weight, std=std)

    def matrix(self) -> torch.Tensor:
        return _RoundQ4_0.apply(self.weight) if self.quantized else self.weight

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.linear(x, self.matrix())


def together(x: torch.Tensor, *matrices: Linear) -> torch.Tensor:
    """The matrices' outputs side by side, by one multiplication."""
    return F.linear(x, torch.cat([m.matrix() for m in matrices]))


def rope_table(config: Config, length: int, device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    """cos and sin [length, head_dim]; pairs lie half a head apart (NeoX)."""
    half = config.dim // config.heads // 2
    angle = torch.arange(length, device=device)[:, None] * config.rope_base ** (-torch.arange(half, device=device) / half)
    return torch.cat([angle, angle], 1).cos(), torch.cat([angle, angle], 1).sin()


def rotate(x: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor) -> torch.Tensor:
    a, b = x.chunk(2, -1)
    return x * cos + torch.cat([-b, a], -1) * sin


def swiglu(x: torch.Tensor) -> torch.Tensor:
    """[..., 2 hidden] -> [..., hidden]: the first half gates the second."""
    gate, up = x.chunk(2, -1)
    return F.silu(gate) * up


def attend(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Scaled dot-product attention; on a CPU written out, which compiled is faster there than what torch brings, both ways."""
    if q.device.type != "cpu":
        return F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
    scores = (q * q.shape[-1] ** -0.5) @ k.transpose(-1, -2) + mask
    return scores.softmax(-1).to(v.dtype) @ v


class Block(nn.Module):
    def __init__(self, c: Config):
        super().__init__()
        self.c = c
        out_std = c.dim**-0.5 / (2 * c.layers) ** 0.5
        self.attn_norm, self.ffn_norm = nn.RMSNorm(c.dim, c.eps), nn.RMSNorm(c.dim, c.eps)
        self.attn_q, self.attn_k, self.attn_v = (Linear(c.dim, c.dim, c.dim**-0.5) for _ in range(3))
        self.attn_output = Linear(c.dim, c.dim, out_std)
        self.ffn_gate, self.ffn_up = (Linear(c.dim, c.hidden, c.dim**-0.5) for _ in range(2))
        self.ffn_down = Linear(c.hidden, c.dim, out_std)

    def forward(self, x: torch.Tensor, mask: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor) -> torch.Tensor:
        b, t, d = x.shape
        qkv = together(self.attn_norm(x), self.attn_q, self.attn_k, self.attn_v).view(b, t, 3 * self.c.heads, -1).transpose(1, 2)
        qk, v = qkv.split([2 * self.c.heads, self.c.heads], 1)
        q, k = rotate(qk, cos.to(v.dtype), sin.to(v.dtype)).chunk(2, 1)
        a = attend(q, k, v, mask)
        x = x + self.attn_output(a.transpose(1, 2).reshape(b, t, d))
        return x + self.ffn_down(swiglu(together(self.ffn_norm(x), self.ffn_gate, self.ffn_up)))


class _SumFeatures(torch.autograd.Function):
    """table [tokens, features] @ rows [features, dim] in bfloat16: on a GPU faster than gathering, and than sorting for the gradient."""

    @staticmethod
    def forward(ctx, table: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        ctx.save_for_backward(table)
        return (table @ rows.bfloat16()).float()

    @staticmethod
    def backward(ctx, gradient: torch.Tensor) -> tuple[None, torch.Tensor]:
        return None, (ctx.saved_tensors[0].T @ gradient.bfloat16()).float()


class Embedding(nn.Module):
    """A row a token, plus the rows of the features that features.py finds in its spelling."""

    quantized = False
    fixed: torch.Tensor | None = None
    dense: torch.Tensor | None = None
    """Weight of each feature [vocab, features], once `on_gpu` has made it."""

    def __init__(self, vocab: int, dim: int, ids: torch.Tensor, weights: torch.Tensor, features: int):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(vocab, dim) * 0.1)
        self.features = nn.Parameter(torch.randn(features, dim) * 0.2)
        self.register_buffer("feature_ids", ids)  # in the checkpoint, so that what reads it needs no word lists
        self.register_buffer("feature_weights", weights)

    def on_gpu(self) -> None:
        """Spreads the features out into a matrix, which is large."""
        self.dense = torch.zeros(len(self.weight), len(self.features), dtype=torch.bfloat16, device=self.weight.device)
        self.dense.scatter_add_(1, self.feature_ids, self.feature_weights.bfloat16())

    def fix(self) -> None:
        """Adds the features up once, for a model that learns no more."""
        self.fixed = self.table()

    def rows(self) -> torch.Tensor:
        """[vocab, dim], as the file will hold them."""
        if self.fixed is not None:
            return self.fixed
        if self.dense is None:
            shared = F.embedding_bag(self.feature_ids, self.features, per_sample_weights=self.feature_weights, mode="sum")
        else:
            shared = _SumFeatures.apply(self.dense, self.features)
        rows = self.weight + shared
        return _RoundQ4_0.apply(rows) if self.quantized else rows

    def table(self) -> torch.Tensor:
        """[vocab, dim]: the embedding that inference needs."""
        with torch.no_grad():
            return self.rows()


class Encoder(nn.Module):
    """ids, documents [batch, length] -> tag logits [batch, length, tags], and more. `features` is what features.table gives."""

    def __init__(self, config: Config, features: tuple):
        super().__init__()
        self.config = config
        ids, weights, count = features
        self.token_embd = Embedding(config.vocab, config.dim, torch.as_tensor(ids), torch.as_tensor(weights), count)
        self.blk = nn.ModuleList(Block(config) for _ in range(config.layers))
        self.output_norm = nn.RMSNorm(config.dim, config.eps)
        self.cls_output = nn.Linear(config.dim, config.tags)
        nn.init.zeros_(self.cls_output.weight)
        nn.init.zeros_(self.cls_output.bias)
        self.dropout = 0.1

    def forward(self, ids: torch.Tensor, documents: torch.Tensor, hidden: torch.Tensor | None = None) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """(tag logits, what the classifier reads [batch, length, dim], the rows of all tokens). `hidden` [batch, length] says which tokens
        the model shall not see."""
        position = torch.arange(ids.shape[1], device=ids.device)
        band = (position[:, None] - position[None]).abs() <= self.config.window
        seen = (band & (documents[:, :, None] == documents[:, None, :]))[:, None]
        rows = self.token_embd.rows()
        x = F.dropout(F.embedding(ids, rows), self.dropout, self.training)
        if hidden is not None:
            x = x.masked_fill(hidden[..., None], 0)
        mask = torch.zeros(seen.shape, device=x.device, dtype=torch.get_autocast_dtype(x.device.type) if torch.is_autocast_enabled(x.device.type) else x.dtype).masked_fill(~seen, -torch.inf)
        cos, sin = rope_table(self.config, ids.shape[1], x.device)
        for block in self.blk:
            x = block(x, mask, cos, sin)
        x = self.output_norm(x)
        return self.cls_output(F.dropout(x, self.dropout, self.training)), x, rows

    def set_quantized(self, on: bool) -> None:
        """Trains (or runs) through the 4-bit rounding of every block matrix and of the embedding."""
        for module in self.modules():
            if isinstance(module, (Linear, Embedding)):
                module.quantized = on
