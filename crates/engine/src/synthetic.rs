//! Models of a named shape with random weights, for benchmarks and for tests of loading: real files in all but
//! sense. The same shape, type and seed give the same bytes everywhere.

use std::io::Write;

use sotto_format::write::{GgufWriter, TensorSpec, WriteError};
use sotto_format::{Array, BlockError, BlockType, Metadata, Value, quantize};

/// Sizes of a published model, or of one that is made for measuring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// What to call it.
    pub name: &'static str,
    /// `llama` or `qwen3`.
    pub architecture: &'static str,
    /// Elements of a token's state.
    pub dim: usize,
    /// Elements of the feed-forward layer's inner state.
    pub hidden_dim: usize,
    /// Transformer layers.
    pub layers: usize,
    /// Query heads.
    pub heads: usize,
    /// Key/value heads.
    pub kv_heads: usize,
    /// Elements a head.
    pub head_dim: usize,
    /// Tokens in the vocabulary.
    pub vocab: usize,
    /// Whether the output projection is the embedding table.
    pub tied: bool,
}

/// The shapes there are, smallest first.
#[rustfmt::skip]
pub const SHAPES: &[Shape] = &[
    Shape { name: "mini", architecture: "llama", dim: 512, hidden_dim: 1536, layers: 8, heads: 8, kv_heads: 2, head_dim: 64, vocab: 8192, tied: true },
    Shape { name: "smollm2-135m", architecture: "llama", dim: 576, hidden_dim: 1536, layers: 30, heads: 9, kv_heads: 3, head_dim: 64, vocab: 49_152, tied: true },
    Shape { name: "qwen3-0.6b", architecture: "qwen3", dim: 1024, hidden_dim: 3072, layers: 28, heads: 16, kv_heads: 8, head_dim: 128, vocab: 151_936, tied: true },
    Shape { name: "llama-3.2-1b", architecture: "llama", dim: 2048, hidden_dim: 8192, layers: 16, heads: 32, kv_heads: 8, head_dim: 64, vocab: 128_256, tied: true },
    Shape { name: "llama-3.2-3b", architecture: "llama", dim: 3072, hidden_dim: 8192, layers: 28, heads: 24, kv_heads: 8, head_dim: 128, vocab: 128_256, tied: true },
    Shape { name: "llama-3.1-8b", architecture: "llama", dim: 4096, hidden_dim: 14_336, layers: 32, heads: 32, kv_heads: 8, head_dim: 128, vocab: 128_256, tied: false },
];

/// Longest context a synthetic model says it was trained for.
const CONTEXT_LENGTH: u32 = 8192;
/// Blocks of random weights that are made; longer tensors repeat them.
const TILE_BLOCKS: usize = 4096;

/// Why a synthetic model could not be made.
#[derive(Debug, thiserror::Error)]
pub enum SyntheticError {
    /// The weight type has no encoder, or does not fit the shape's rows.
    #[error(transparent)]
    Block(#[from] BlockError),
    /// The output refused the bytes.
    #[error(transparent)]
    Write(#[from] WriteError),
}

impl Shape {
    /// The shape called `name`.
    pub fn named(name: &str) -> Option<Shape> {
        SHAPES.iter().copied().find(|shape| shape.name == name)
    }

    /// The first bytes of the file that [`Shape::write`] writes: all before its weights.
    pub fn header(&self, ty: BlockType) -> Result<Vec<u8>, SyntheticError> {
        let mut bytes = Vec::new();
        GgufWriter::new(&mut bytes, &self.metadata(), &self.tensors(ty))?;
        Ok(bytes)
    }

    /// Writes a GGUF file of this shape with random weight matrices of type `ty` to `out`.
    pub fn write<W: Write>(&self, ty: BlockType, seed: u64, out: W) -> Result<W, SyntheticError> {
        let specs = self.tensors(ty);
        let mut writer = GgufWriter::new(out, &self.metadata(), &specs)?;
        let mut random = Random(seed);
        let matrix_tile = tile(ty, 1.0 / (self.dim as f32).sqrt(), 0.0, &mut random)?;
        let norm_tile = tile(BlockType::F32, 0.1, 1.0, &mut random)?;
        for spec in &specs {
            let tile = if spec.shape.len() == 1 { &norm_tile } else { &matrix_tile };
            let mut left = spec.byte_len().unwrap_or(0) as usize;
            while left > 0 {
                let n = left.min(tile.len());
                writer.write(&tile[..n])?;
                left -= n;
            }
        }
        Ok(writer.finish()?)
    }

    fn tensors(&self, ty: BlockType) -> Vec<TensorSpec> {
        let (dim, hidden) = (self.dim as u64, self.hidden_dim as u64);
        let q = (self.heads * self.head_dim) as u64;
        let kv = (self.kv_heads * self.head_dim) as u64;
        let spec = |name: String, shape: &[u64]| TensorSpec {
            name,
            shape: shape.to_vec(),
            ty: if shape.len() == 1 { BlockType::F32 } else { ty },
        };
        let mut specs = vec![spec("token_embd.weight".to_owned(), &[self.vocab as u64, dim])];
        for layer in 0..self.layers {
            let mut add =
                |name: &str, shape: &[u64]| specs.push(spec(format!("blk.{layer}.{name}.weight"), shape));
            add("attn_norm", &[dim]);
            add("attn_q", &[q, dim]);
            add("attn_k", &[kv, dim]);
            add("attn_v", &[kv, dim]);
            if self.architecture == "qwen3" {
                add("attn_q_norm", &[self.head_dim as u64]);
                add("attn_k_norm", &[self.head_dim as u64]);
            }
            add("attn_output", &[dim, q]);
            add("ffn_norm", &[dim]);
            add("ffn_gate", &[hidden, dim]);
            add("ffn_up", &[hidden, dim]);
            add("ffn_down", &[dim, hidden]);
        }
        specs.push(spec("output_norm.weight".to_owned(), &[dim]));
        if !self.tied {
            specs.push(spec("output.weight".to_owned(), &[self.vocab as u64, dim]));
        }
        specs
    }

    fn metadata(&self) -> Metadata {
        let mut metadata = Metadata::new();
        let arch = self.architecture;
        metadata.insert("general.architecture", Value::String(arch.to_owned()));
        metadata.insert("general.name", Value::String(format!("{} (random weights)", self.name)));
        for (key, value) in [
            ("context_length", CONTEXT_LENGTH),
            ("embedding_length", self.dim as u32),
            ("feed_forward_length", self.hidden_dim as u32),
            ("block_count", self.layers as u32),
            ("attention.head_count", self.heads as u32),
            ("attention.head_count_kv", self.kv_heads as u32),
            ("attention.key_length", self.head_dim as u32),
            ("attention.value_length", self.head_dim as u32),
            ("rope.dimension_count", self.head_dim as u32),
            ("vocab_size", self.vocab as u32),
        ] {
            metadata.insert(format!("{arch}.{key}"), Value::U32(value));
        }
        metadata.insert(format!("{arch}.attention.layer_norm_rms_epsilon"), Value::F32(1e-5));
        metadata.insert(format!("{arch}.rope.freq_base"), Value::F32(500_000.0));
        self.add_vocabulary(&mut metadata);
        metadata
    }

    /// A SentencePiece vocabulary: three control tokens, the 256 bytes, then words without meaning.
    fn add_vocabulary(&self, metadata: &mut Metadata) {
        const NORMAL: i32 = 1;
        const UNKNOWN: i32 = 2;
        const CONTROL: i32 = 3;
        const BYTE: i32 = 6;
        let mut tokens = vec!["<unk>".to_owned(), "<s>".to_owned(), "</s>".to_owned()];
        let mut types = vec![UNKNOWN, CONTROL, CONTROL];
        for byte in 0..=u8::MAX {
            tokens.push(format!("<0x{byte:02X}>"));
            types.push(BYTE);
        }
        for word in tokens.len()..self.vocab {
            tokens.push(format!("\u{2581}w{word}"));
            types.push(NORMAL);
        }
        let scores = (0..tokens.len()).map(|rank| -(rank as f32)).collect();
        metadata.insert("tokenizer.ggml.model", Value::String("llama".to_owned()));
        metadata.insert("tokenizer.ggml.tokens", Value::Array(Array::String(tokens)));
        metadata.insert("tokenizer.ggml.scores", Value::Array(Array::F32(scores)));
        metadata.insert("tokenizer.ggml.token_type", Value::Array(Array::I32(types)));
        metadata.insert("tokenizer.ggml.bos_token_id", Value::U32(1));
        metadata.insert("tokenizer.ggml.eos_token_id", Value::U32(2));
        metadata.insert("tokenizer.ggml.unknown_token_id", Value::U32(0));
    }
}

/// [`TILE_BLOCKS`] blocks of evenly spread values around `mean`, `scale` their standard deviation.
fn tile(ty: BlockType, scale: f32, mean: f32, random: &mut Random) -> Result<Vec<u8>, BlockError> {
    /// Of an even spread over a range of width 1.
    const STANDARD_DEVIATION: f32 = 0.288_675_13;
    let values: Vec<f32> = (0..TILE_BLOCKS * ty.block_len())
        .map(|_| mean + (random.uniform() - 0.5) * scale / STANDARD_DEVIATION)
        .collect();
    let mut bytes = Vec::new();
    quantize(ty, &values, &mut bytes)?;
    Ok(bytes)
}

/// SplitMix64 (Steele, Lea & Flood, "Fast Splittable Pseudorandom Number Generators", 2014).
struct Random(u64);

impl Random {
    fn uniform(&mut self) -> f32 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) >> 40) as f32 / (1 << 24) as f32
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ModelHeader;

    #[test]
    fn a_synthetic_file_is_a_model_of_its_shape() {
        let shape = Shape::named("mini").unwrap();
        let bytes = shape.write(BlockType::Q4_0, 7, Vec::new()).unwrap();
        let header = ModelHeader::parse(&[&bytes]).unwrap();
        assert_eq!(header.info().layers, 8);
        assert_eq!(header.info().vocab_size, 8192);
        assert_eq!(header.info().quantization, "Q4_0");
        assert_eq!(header.info().data_bytes, [bytes.len() as u64]);
        assert_eq!(bytes, shape.write(BlockType::Q4_0, 7, Vec::new()).unwrap());
        assert!(bytes.starts_with(&shape.header(BlockType::Q4_0).unwrap()));
        assert_ne!(bytes, shape.write(BlockType::Q4_0, 8, Vec::new()).unwrap());
    }
}
