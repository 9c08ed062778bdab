"""The classifier: a pre-norm Transformer encoder with banded attention, RoPE, RMSNorm and SwiGLU, one tag a token."""

from dataclasses import asdict, dataclass

import torch
import torch.nn as nn
import torch.nn.functional as F

from labels import TAGS


@dataclass(frozen=True)
class Config:
    """Shapes. `window` is the number of positions attended on each side."""

    vocab: int = 20_480
    dim: int = 256
    hidden: int = 640
    layers: int = 5
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

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.linear(x, _RoundQ4_0.apply(self.weight) if self.quantized else self.weight)


def rope_table(config: Config, length: int, device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    """cos and sin [length, head_dim]; pairs lie half a head apart (NeoX)."""
    half = config.dim // config.heads // 2
    angle = torch.arange(length, device=device)[:, None] * config.rope_base ** (-torch.arange(half, device=device) / half)
    return torch.cat([angle, angle], 1).cos(), torch.cat([angle, angle], 1).sin()


def rotate(x: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor) -> torch.Tensor:
    a, b = x.chunk(2, -1)
    return x * cos + torch.cat([-b, a], -1) * sin


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
        h = self.attn_norm(x)
        q, k, v = (m(h).view(b, t, self.c.heads, -1).transpose(1, 2) for m in (self.attn_q, self.attn_k, self.attn_v))
        q, k = rotate(q, cos.to(v.dtype), sin.to(v.dtype)), rotate(k, cos.to(v.dtype), sin.to(v.dtype))
        a = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        x = x + self.attn_output(a.transpose(1, 2).reshape(b, t, d))
        h = self.ffn_norm(x)
        return x + self.ffn_down(F.silu(self.ffn_gate(h)) * self.ffn_up(h))


class Embedding(nn.Module):
    """A row a token, plus the rows of the features that features.py finds in its spelling."""

    quantized = False

    def __init__(self, vocab: int, dim: int, ids: torch.Tensor, weights: torch.Tensor, features: int):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(vocab, dim) * 0.1)
        self.features = nn.Parameter(torch.randn(features, dim) * 0.2)
        self.register_buffer("feature_ids", ids)  # in the checkpoint, so that what reads it needs no word lists
        self.register_buffer("feature_weights", weights)

    def rows(self, tokens: torch.Tensor) -> torch.Tensor:
        """[n] token ids -> [n, dim], as the file will hold them."""
        shared = F.embedding_bag(self.feature_ids[tokens], self.features, per_sample_weights=self.feature_weights[tokens], mode="sum")
        rows = F.embedding(tokens, self.weight) + shared
        return _RoundQ4_0.apply(rows) if self.quantized else rows

    def table(self) -> torch.Tensor:
        """[vocab, dim]: the embedding that inference needs."""
        with torch.no_grad():
            return self.rows(torch.arange(len(self.weight)))

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        return F.embedding(ids, self.rows(torch.arange(len(self.weight), device=ids.device)))


class Encoder(nn.Module):
    """ids, documents [batch, length] -> tag logits [batch, length, tags]. `features` is what features.table gives."""

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

    def forward(self, ids: torch.Tensor, documents: torch.Tensor, hidden: torch.Tensor | None = None) -> torch.Tensor:
        """`hidden` [batch, length] says which tokens the model shall not see."""
        position = torch.arange(ids.shape[1], device=ids.device)
        band = (position[:, None] - position[None]).abs() <= self.config.window
        seen = (band & (documents[:, :, None] == documents[:, None, :]))[:, None]
        x = F.dropout(self.token_embd(ids), self.dropout, self.training)
        if hidden is not None:
            x = x.masked_fill(hidden[..., None], 0)
        mask = torch.zeros(seen.shape, device=x.device, dtype=torch.get_autocast_dtype(x.device.type) if torch.is_autocast_enabled(x.device.type) else x.dtype).masked_fill(~seen, -torch.inf)
        cos, sin = rope_table(self.config, ids.shape[1], x.device)
        for block in self.blk:
            x = block(x, mask, cos, sin)
        return self.cls_output(F.dropout(self.output_norm(x), self.dropout, self.training))

    def set_quantized(self, on: bool) -> None:
        """Trains (or runs) through the 4-bit rounding of every block matrix and of the embedding."""
        for module in self.modules():
            if isinstance(module, (Linear, Embedding)):
                module.quantized = on
