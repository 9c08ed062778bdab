//! Folders as Hugging Face serves them, against the logits that `transformers` computes in float32
//! (tests/fixtures/hf/make.py).

use std::fs::File;
use std::path::{Path, PathBuf};

#[path = "../../../tests/conformance/report.rs"]
mod report;

use report::{Check, assert_logits, record};
use sotto_engine::format::{BlockType, SafetensorsHeader, ShardIndex, read_safetensors};
use sotto_engine::{
    DeviceChoice, Engine, EngineError, ErrorCode, Folder, KvType, LoadOptions, Loader, ModelHeader, Outputs,
    Tuning, TuningChoice,
};

fn folder_path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/hf").join(name)
}

/// A folder in memory.
struct Files {
    config: Vec<u8>,
    index: Option<Vec<u8>>,
    tokenizer: Vec<u8>,
    generation_config: Option<Vec<u8>>,
    chat_template: Option<Vec<u8>>,
    shards: Vec<Vec<u8>>,
    headers: Vec<SafetensorsHeader>,
}

impl Files {
    fn read(name: &str) -> Files {
        let path = folder_path(name);
        let small = |name: &str| std::fs::read(path.join(name)).ok();
        let index = small("model.safetensors.index.json");
        let names = match &index {
            Some(json) => ShardIndex::parse(json).unwrap().files,
            None => vec!["model.safetensors".to_owned()],
        };
        let paths: Vec<PathBuf> = names.iter().map(|name| path.join(name)).collect();
        Files {
            config: small("config.json").unwrap(),
            index,
            tokenizer: small("tokenizer.json").unwrap(),
            generation_config: small("generation_config.json"),
            chat_template: small("chat_template.jinja"),
            shards: paths.iter().map(|path| std::fs::read(path).unwrap()).collect(),
            headers: paths.iter().map(|p| read_safetensors(&mut File::open(p).unwrap()).unwrap()).collect(),
        }
    }

    fn header(&self) -> Result<ModelHeader, EngineError> {
        let folder = Folder {
            config: &self.config,
            index: self.index.as_deref(),
            tokenizer: Some(&self.tokenizer),
            generation_config: self.generation_config.as_deref(),
            chat_template: self.chat_template.as_deref(),
            ..Folder::default()
        };
        ModelHeader::from_folder(&folder, &self.headers)
    }

    fn load(&self, device: DeviceChoice, quantize: Option<BlockType>) -> Result<Engine, EngineError> {
        self.load_tuned(device, quantize, TuningChoice::Table)
    }

    fn load_tuned(
        &self,
        device: DeviceChoice,
        quantize: Option<BlockType>,
        tuning: TuningChoice,
    ) -> Result<Engine, EngineError> {
        let options =
            LoadOptions { device, kv_type: KvType::F32, quantize, tuning, ..LoadOptions::default() };
        let header = self.header()?;
        pollster::block_on(async {
            let mut loader = Loader::open(header, &options).await?;
            for read in loader.reads() {
                let bytes = &self.shards[read.file][read.offset as usize..][..read.bytes as usize];
                // Pieces of an odd length cut rows anywhere.
                const PIECE: usize = 7_777;
                for (index, piece) in bytes.chunks(PIECE).enumerate() {
                    loader.write(read.file, read.offset + (index * PIECE) as u64, piece)?;
                }
            }
            loader.finish().await
        })
    }
}

fn reference(name: &str) -> (Vec<u32>, Vec<f32>) {
    let path = folder_path(name);
    let ids = std::fs::read_to_string(path.join("ref_tokens.txt")).unwrap();
    let logits = std::fs::read(path.join("ref_logits.f32")).unwrap();
    let logits = logits.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
    (ids.split_whitespace().map(|id| id.parse().unwrap()).collect(), logits)
}

/// The largest difference, in largest logits.
fn error(got: &[f32], want: &[f32]) -> f32 {
    assert_eq!(got.len(), want.len());
    let largest = want.iter().fold(0.0f32, |m, v| m.max(v.abs()));
    got.iter().zip(want).fold(0.0f32, |m, (g, w)| m.max((g - w).abs())) / largest
}

/// Holds a folder's logits to those of its authors' code on all backends. `repacked` is the block type that another tool's
/// quantisation becomes: one that holds it exactly gives the same numbers, F16 is off by its rounding.
fn check(name: &str, model: &str, format: &str, repacked: Option<(&str, f32)>) {
    let (ids, want) = reference(name);
    let files = Files::read(name);
    let architecture = files.header().unwrap().info().architecture.clone();
    if let Some((ty, _)) = repacked {
        let header = files.header().unwrap();
        assert_eq!(header.file().tensor("blk.0.attn_q.weight").unwrap().ty.name(), ty, "{name}");
    }
    let exact = repacked.map_or(2e-3, |(_, bound)| bound);
    let backends = [
        (DeviceChoice::Reference, "interpreter", exact),
        (DeviceChoice::Gpu, "gpu", 2e-3),
        (DeviceChoice::Cpu, "cpu", 2e-3),
    ];
    for (device, backend, bound) in backends {
        let mut engine = files.load(device, None).unwrap();
        let got = pollster::block_on(engine.logits(&ids, Outputs::All)).unwrap();
        let width = want.len() / ids.len();
        let error = assert_logits(&format!("{name} on {backend}"), &got, &want, width, bound);
        let reference = "transformers, float32";
        record("folders", &Check { model, architecture: &architecture, format, reference, backend, error });
    }
}

/// A test a folder, so that each can be run alone.
macro_rules! folders {
    ($($test:ident: $name:literal, $model:literal, $format:literal, $repacked:expr;)*) => {
        $(
            #[test]
            fn $test() {
                check($name, $model, $format, $repacked);
            }
        )*
    };
}

folders! {
    gemma2: "gemma2", "Gemma 2", "safetensors BF16", None;
    gemma3: "gemma3", "Gemma 3", "safetensors BF16", None;
    gpt_oss: "gpt-oss", "gpt-oss", "safetensors BF16", None;
    granite: "granite", "Granite 3", "safetensors BF16", None;
    lfm2: "lfm2", "LFM2", "safetensors BF16", None;
    llama: "llama", "Llama 3.1, Llama 3.2, DeepSeek-R1 distills", "safetensors BF16, sharded", None;
    llama_bias: "llama-bias", "Llama with biases", "safetensors F16", None;
    mistral: "mistral", "Mistral (sliding window)", "safetensors BF16", None;
    ministral: "ministral", "Ministral (some layers with a window)", "safetensors BF16", None;
    ministral3: "ministral3", "Ministral 3", "safetensors BF16", None;
    mixtral: "mixtral", "Mixtral", "safetensors BF16", None;
    olmo3: "olmo3", "Olmo 3", "safetensors BF16", None;
    olmo2: "olmo2", "OLMo 2", "safetensors BF16", None;
    phi3: "phi3", "Phi-3, Phi-3.5, Phi-4-mini", "safetensors BF16", None;
    qwen2: "qwen2", "Qwen2, Qwen2.5, DeepSeek-R1 distills", "safetensors BF16", None;
    qwen3: "qwen3", "Qwen3", "safetensors F32", None;
    qwen35: "qwen3.5", "Qwen3.5", "safetensors BF16", None;
    qwen3moe: "qwen3moe", "Qwen3-MoE", "safetensors BF16", None;
    qwen3moe_unnormalised: "qwen3moe-unnormalised", "Qwen3-MoE, weights of experts as they are", "safetensors BF16", None;
    smollm3: "smollm3", "SmolLM3", "safetensors BF16", None;
    mlx_4bit: "mlx-4bit", "Quantised by MLX", "safetensors, affine 4 bit", Some(("Q4_1", 1e-5));
    mlx_4bit_all: "mlx-4bit-all", "Quantised by MLX, vocabulary too", "safetensors, affine 4 bit", Some(("Q4_1", 1e-5));
    mlx_experts: "mlx-experts", "Experts quantised by MLX", "safetensors, affine 4 and 8 bit", Some(("Q4_1", 1e-5));
    mlx_mxfp4: "mlx-mxfp4", "Quantised by MLX", "safetensors, mxfp4", Some(("MXFP4", 1e-5));
    mlx_gpt_oss: "mlx-gpt-oss", "gpt-oss quantised by MLX", "safetensors, mxfp4 and affine 8 bit", Some(("F16", 2e-3));
    mlx_qwen35: "mlx-qwen3.5", "Qwen3.5 quantised by MLX", "safetensors, affine 4 bit", None;
    mlx_8bit: "mlx-8bit", "Quantised by MLX", "safetensors, affine 8 bit", Some(("F16", 2e-3));
    gptq_sym: "gptq-sym", "Quantised by GPTQ", "safetensors, 4 bit", Some(("Q4_0", 1e-5));
    gptq_act_order: "gptq-act-order", "Quantised by GPTQ", "safetensors, 4 bit, desc_act", Some(("F16", 2e-3));
    awq: "awq", "Quantised by AWQ", "safetensors, GEMM 4 bit", Some(("Q5_0", 1e-5));
    nf4: "nf4", "Quantised by bitsandbytes", "safetensors, NF4", Some(("F16", 2e-3));
    nf4_nested: "nf4-nested", "Quantised by bitsandbytes", "safetensors, NF4 with nested scales", Some(("F16", 2e-3));
}

#[test]
fn generation_ends_where_the_settings_say_and_chats_are_rendered() {
    let engine = Files::read("qwen3").load(DeviceChoice::Cpu, None).unwrap();
    for id in [2, 5] {
        assert!(engine.tokenizer().is_eog(id), "{id}");
    }
    let request = serde_json::json!({ "messages": [{ "role": "user", "content": "hi" }] });
    let chat = engine.render_chat(&request, sotto_engine::text::LocalTime::new(0, 0)).unwrap();
    assert_eq!(chat, "<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\n");
}

/// By how much of the largest logit a GPU may be off the interpreter with the same weights. Floats that are added up in another
/// order are off by a few times 1e-7 a product. Where x is whole steps of 15 bits the worst sum was off by 4e-5
/// (docs/performance.md), and before the logits of two layers come fifteen products, whose errors at worst add up.
fn making_apart(tuning: Tuning) -> f32 {
    if tuning.ints { 15.0 * 4e-5 } else { 1e-5 }
}

/// The encoder makes the blocks for the interpreter, a kernel those for the GPU: of F32, of F16 and of BF16 whose queries
/// and keys change their rows' order, of experts stacked from matrices of their own, and of what other tools had quantised.
#[test]
fn quantising_at_load_gives_what_a_quantised_file_gives() {
    // How far logits move is the same each time: the models are tiny, with random weights, and other bits may choose other experts.
    for (name, q8_0, q4_0) in [
        ("qwen3", 0.035, 0.45),
        ("llama-bias", 0.025, 0.3),
        ("llama", 0.04, 0.45),
        ("mixtral", 0.4, 0.85),
        ("qwen3moe", 0.035, 0.7),
        ("nf4", 0.03, 0.5),
        ("gptq-act-order", 0.03, 0.6),
    ] {
        let files = Files::read(name);
        let (ids, want) = reference(name);
        for (ty, near) in [(BlockType::Q8_0, q8_0), (BlockType::Q4_0, q4_0)] {
            let logits = |engine: &mut Engine| {
                assert_eq!(engine.info().quantization, ty.name());
                pollster::block_on(engine.logits(&ids, Outputs::All)).unwrap()
            };
            let plain = logits(&mut files.load(DeviceChoice::Reference, Some(ty)).unwrap());
            // What suits the device, and of some models whole steps, which suit a card.
            let steps = TuningChoice::Use("8/64/1kiegt".parse().unwrap());
            let few = matches!(name, "qwen3" | "mixtral") && ty == BlockType::Q4_0;
            for tuning in [TuningChoice::Table].into_iter().chain(few.then_some(steps)) {
                let mut engine = files.load_tuned(DeviceChoice::Gpu, Some(ty), tuning).unwrap();
                let tuning: Tuning = engine.device().tuning.unwrap().parse().unwrap();
                let apart = error(&logits(&mut engine), &plain);
                assert!(apart <= making_apart(tuning), "{name} as {ty}, {tuning}: {apart}");
            }
            // Fewer bits are near, and not the same.
            let off = error(&plain, &want);
            assert!((near / 4.0..near).contains(&off), "{name} as {ty}: {off}");
        }
    }
}

#[test]
fn what_cannot_be_quantised_is_named_wherever_it_would_be() {
    let tensor = "blk.1.ffn_down.weight";
    for (damage, says) in
        [(f32::NAN, "NaN or infinite"), (-f32::INFINITY, "NaN or infinite"), (1e9, "too large")]
    {
        let mut files = Files::read("qwen3");
        let header = files.header().unwrap();
        let spans = header.file().recipe(tensor).map(|recipe| recipe.spans().next().unwrap().2);
        let offset = spans.map_or_else(|| header.file().tensor(tensor).unwrap().offset, |span| span.offset);
        files.shards[0][offset as usize + 4 * 1000..][..4].copy_from_slice(&damage.to_le_bytes());
        let errors = [DeviceChoice::Reference, DeviceChoice::Gpu].map(|device| {
            let error = files.load(device, Some(BlockType::Q4_0)).err().unwrap();
            assert_eq!(error.code(), ErrorCode::ModelFormat);
            error.to_string()
        });
        assert_eq!(errors[0], errors[1]);
        assert!(errors[0].contains(tensor) && errors[0].contains(says), "{}", errors[0]);
    }
}

#[test]
fn what_contradicts_itself_is_named() {
    let fails = |change: &dyn Fn(&mut Files)| {
        let mut files = Files::read("llama");
        change(&mut files);
        let error = files.header().err().unwrap();
        (error.code(), error.to_string())
    };
    let edit = |from: &'static str, to: &'static str| {
        move |files: &mut Files| {
            let config = String::from_utf8(files.config.clone()).unwrap();
            assert!(config.contains(from), "{from}");
            files.config = config.replace(from, to).into_bytes();
        }
    };
    let says = |change: &dyn Fn(&mut Files), code: ErrorCode, what: &[&str]| {
        let (got, message) = fails(change);
        assert!(got == code && what.iter().all(|w| message.contains(w)), "{got:?}: {message}");
    };
    use ErrorCode::{ModelFormat, UnsupportedArch};
    says(&edit("\"llama\"", "\"martian\""), UnsupportedArch, &["martian", "qwen3"]);
    says(&edit("\"silu\"", "\"tanh\""), UnsupportedArch, &["hidden_act", "tanh"]);
    says(&edit("\"rope_type\": \"llama3\"", "\"rope_type\": \"spiral\""), UnsupportedArch, &["spiral"]);
    says(&edit("\"hidden_size\": 64", "\"hidden_size\": 63"), ModelFormat, &["63"]);
    says(&edit("\"head_dim\": 16", "\"head_dim\": 32"), ModelFormat, &["attn_", "[64, 64]"]);
    says(&edit("\"num_hidden_layers\": 2", "\"num_hidden_layers\": 3"), ModelFormat, &["blk.2."]);
    says(&edit("\"num_hidden_layers\": 2,", ""), ModelFormat, &["num_hidden_layers"]);
    says(&edit("\"hidden_size\": 64", "\"hidden_size\": \"x\""), UnsupportedArch, &["hidden_size", "\"x\""]);
    says(&|files| files.config = b"{".to_vec(), ModelFormat, &["config.json"]);
    says(
        &|files| files.headers[0].tensors[0].name = "model.layers.0.odd.weight".into(),
        ModelFormat,
        &["odd"],
    );
    says(
        &|files| {
            files.index = None;
            files.headers.pop();
        },
        ModelFormat,
        &["missing"],
    );
}
