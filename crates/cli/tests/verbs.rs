//! The verbs as scripts use them: what they print, and how they fail.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

fn model(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/models").join(name)
}

fn sotto(args: &[&str], input: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_sotto"))
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

fn stdout(args: &[&str], input: &str) -> String {
    let output = sotto(args, input);
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The exit code and the one line on standard error.
fn failure(args: &[&str]) -> (i32, String) {
    let output = sotto(args, "");
    let line = String::from_utf8(output.stderr).unwrap();
    (output.status.code().unwrap(), line.trim_end().to_owned())
}

#[test]
fn run_streams_the_reference_text() {
    let path = model("stories260K/stories260K-f32.gguf");
    let want = std::fs::read_to_string(model("stories260K/ref_greedy_200.txt")).unwrap();
    let args = ["run", "--model", path.to_str().unwrap(), "--prompt", "", "--max-tokens", "200"];
    let greedy = ["--temperature", "0", "--backend", "cpu"];
    assert_eq!(stdout(&[&args[..], &greedy].concat(), ""), want);
}

#[test]
fn run_follows_a_grammar_or_a_schema_and_says_what_is_wrong_with_one() {
    let path = model("stories260K/stories260K-f32.gguf").display().to_string();
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let args = ["run", "--model", &path, "--prompt", "Once", "--backend", "cpu", "--temperature", "0"];
    let grammar = file("names.gbnf", "root ::= \" Tom\" | \" Lily\" # and no other");
    let told = stdout(&[&args[..], &["--grammar", &grammar]].concat(), "");
    assert!([" Tom\n", " Lily\n"].contains(&&*told), "{told}");
    let schema = file(
        "ages.json",
        "{\"type\": \"array\", \"items\": {\"type\": \"integer\", \"maximum\": 99}, \"maxItems\": 3}",
    );
    let told = stdout(&[&args[..], &["--json-schema", &schema]].concat(), "");
    assert!(serde_json::from_str::<Vec<i64>>(&told).unwrap().iter().all(|&age| age < 100), "{told}");
    let broken = file("broken.gbnf", "root ::= \"a");
    let (code, line) = failure(&[&args[..], &["--grammar", &broken]].concat());
    assert_eq!((code, line.contains("line 1, column 12")), (1, true), "{line}");
    let broken = file("broken.json", "{");
    let (code, line) = failure(&[&args[..], &["--json-schema", &broken]].concat());
    assert_eq!((code, line.contains("broken.json: not JSON")), (1, true), "{line}");
}

#[test]
fn a_draft_changes_no_reply_and_must_have_the_same_tokenizer() {
    let [path, half, other] =
        ["stories260K/stories260K-f32", "stories260K/stories260K-f16", "tok105/tok105-q4_0"]
            .map(|name| model(&format!("{name}.gguf")).display().to_string());
    let want = std::fs::read_to_string(model("stories260K/ref_greedy_200.txt")).unwrap();
    let run = |draft| {
        let args = ["run", "--model", &path, "--prompt", "", "--max-tokens", "200", "--temperature", "0"];
        let args = [&args[..], &["--backend", "cpu", "--draft", draft]].concat();
        (sotto(&args, ""), args.join(" "))
    };
    let (output, args) = run(&half);
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && told.contains("tokens drafted"), "{args}: {told}");
    assert_eq!(String::from_utf8_lossy(&output.stdout), want);

    let (output, args) = run(&other);
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{args}");
    assert!(told.contains("tok105-q4_0.gguf") && told.contains("105 tokens and not 512"), "{told}");
}

#[test]
fn logits_on_every_backend_are_within_the_bound_of_f32() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let f32s = |bytes: Vec<u8>| -> Vec<f32> {
        bytes.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect()
    };
    let want = f32s(std::fs::read(model("tok105/ref_logits-q4_0.f32")).unwrap());
    let largest = want.iter().fold(0f32, |m, v| m.max(v.abs()));
    let ids = std::fs::read_to_string(model("tok105/ref_tokens.txt")).unwrap();
    let ids: Vec<&str> = ids.split_whitespace().take(want.len() / 105).collect();
    std::fs::write(file("ids"), ids.join(" ")).unwrap();
    let path = model("tok105/tok105-q4_0.gguf");
    for backend in ["cpu", "gpu"] {
        let out = file(backend);
        let args = ["logits", "--model", path.to_str().unwrap(), "--tokens", &file("ids"), "--out", &out];
        stdout(&[&args[..], &["--backend", backend]].concat(), "");
        let got = f32s(std::fs::read(out).unwrap());
        let error = got.iter().zip(&want).fold(0f32, |m, (g, w)| m.max((g - w).abs()));
        assert!(got.len() == want.len() && error <= 2e-3 * largest, "{backend}: {error} of {largest}");
    }
}

#[test]
fn text_goes_to_ids_and_back() {
    let path = model("stories260K/stories260K-f32.gguf");
    let path = path.to_str().unwrap();
    let ids = stdout(&["tokenize", "--model", path, "--text", "Once upon a time", "--no-special"], "");
    assert_eq!(ids, "[403,407,261,378]\n");
    assert_eq!(stdout(&["tokenize", "--model", path], "Once upon a time"), "[1,403,407,261,378]\n");
    let text = stdout(&["detokenize", "--model", path, "403", "407", "261", "378"], "");
    assert_eq!(text, "Once upon a time\n");
}

#[test]
fn convert_gives_a_model_and_a_manifest_that_load() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("model.gguf");
    let input = model("tok105/tok105-f32.gguf");
    let args =
        ["convert", input.to_str().unwrap(), out.to_str().unwrap(), "--quantize", "Q8_0", "--chunk-mib", "1"];
    let manifest = folder.path().join("manifest.json");
    assert!(stdout(&args, "").contains("manifest.json"));
    let inspected = stdout(&["inspect", manifest.to_str().unwrap(), "--json", "--plan"], "");
    let info: Value = serde_json::from_str(&inspected).unwrap();
    assert_eq!(info["quantization"], "Q8_0");
    assert_eq!(info["plan"].as_array().unwrap().len(), 5 * 16 + 4);
    assert!(!folder.path().join("model.gguf.part").exists());
}

#[test]
fn what_is_wrong_is_said_in_one_line() {
    let (code, _) = failure(&["run"]);
    assert_eq!(code, 2);
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../README.md");
    let (code, line) = failure(&["inspect", readme.to_str().unwrap()]);
    assert_eq!(code, 1);
    assert!(line.contains("README.md") && line.contains("not a GGUF file"), "{line}");
    assert_eq!(line.lines().count(), 1);

    let folder = tempfile::tempdir().unwrap();
    let truncated = folder.path().join("short.gguf");
    let bytes = std::fs::read(model("tok105/tok105-q4_0.gguf")).unwrap();
    std::fs::write(&truncated, &bytes[..bytes.len() - 100]).unwrap();
    let (code, line) = failure(&["inspect", truncated.to_str().unwrap()]);
    assert_eq!(code, 1);
    assert!(line.contains("short.gguf"), "{line}");

    let words = folder.path().join("words.txt");
    std::fs::write(&words, "1 2 secret").unwrap();
    let path = model("tok105/tok105-q4_0.gguf");
    let (code, line) = failure(&[
        "logits",
        "--model",
        path.to_str().unwrap(),
        "--tokens",
        words.to_str().unwrap(),
        "--out",
        folder.path().join("out").to_str().unwrap(),
    ]);
    assert_eq!(code, 1);
    assert!(line.contains("word 3") && !line.contains("secret"), "{line}");
}

#[test]
fn wrong_arguments_exit_with_2() {
    let path = model("tok105/tok105-q4_0.gguf");
    let path = path.to_str().unwrap();
    let run = |more: &[&str]| {
        [&["run", "--backend", "cpu", "--model", path, "--prompt", ""], more]
            .concat()
            .iter()
            .map(|s| s.to_string())
            .collect()
    };
    let list = |args: &[&str]| args.iter().map(|s| s.to_string()).collect::<Vec<_>>();
    let wrong: Vec<Vec<String>> = vec![
        list(&["frobnicate"]),
        list(&["bench", "--shape", "colossus"]),
        list(&["bench", "--shape", "mini", "--type", "Q9_9"]),
        list(&["bench", "--shape", "mini", "--runs", "0"]),
        list(&["convert", "random:colossus", "/nowhere/model.gguf"]),
        run(&["--max-tokens", "0"]),
        run(&["--temperature=-1"]),
        run(&["--context", "100000"]),
    ];
    for args in wrong {
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let (code, line) = failure(&args);
        assert_eq!(code, 2, "{args:?}: {line}");
        assert!(!line.is_empty(), "{args:?}");
    }
}

#[test]
fn bench_takes_steps_apart() {
    let path = model("tok105/tok105-q4_0.gguf");
    let args =
        ["bench", "--model", path.to_str().unwrap(), "--profile", "--json", "--prompt", "12", "--depth", "7"];
    let args = [&args[..], &["--runs", "2"]].concat();
    let lines: Vec<Value> =
        stdout(&args, "").lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for (step, tokens, kernel) in
        [("prefill", 12, "blk.*.attn_q.weight"), ("decode", 7, "qkv blk.*.attn_q.weight")]
    {
        let lines: Vec<&Value> = lines.iter().filter(|line| line["step"] == step).collect();
        assert!(lines.iter().any(|line| line["kernel"].as_str().unwrap().ends_with(kernel)), "{step}");
        let total = |field: &str| lines.iter().map(|line| line[field].as_f64().unwrap()).sum::<f64>();
        assert!((total("share") - 1.0).abs() < 1e-6, "{step}: {}", total("share"));
        assert!(total("microseconds") > 1.0 && total("count") > 10.0);
        assert!(lines.iter().all(|line| line["tokens"] == tokens && line["shape"].is_string()));
    }
    // Shorter than the steps that are taken apart.
    let short = ["--profile", "--json", "--prompt", "1", "--gen", "1", "--runs", "5"];
    let short = stdout(&[&["bench", "--model", path.to_str().unwrap()], &short[..]].concat(), "");
    assert!(short.contains("\"step\":\"decode\"") && !short.contains("null"), "{short}");
    let cpu = [&args[..], &["--backend", "cpu"]].concat();
    let (code, line) = failure(&cpu);
    assert_eq!(code, 2, "{line}");
    assert!(line.contains("runs on the CPU"), "{line}");
}

#[test]
fn redact_gives_offsets_in_code_points() {
    let line = "{\"id\":7,\"text\":\"\u{1F600} write to ana@example.com\"}\n";
    let found: Value = serde_json::from_str(&stdout(&["redact", "--jsonl"], line)).unwrap();
    assert_eq!(found["id"], 7);
    let entity = &found["entities"][0];
    assert_eq!(entity["label"], "EMAIL");
    assert_eq!((entity["start"].as_u64(), entity["end"].as_u64()), (Some(11), Some(26)));
    assert_eq!(entity["text"], "ana@example.com");
    assert_eq!(stdout(&["redact"], "Write to ana@example.com."), "Write to [EMAIL_1].");
    let (code, line) = {
        let output = sotto(&["redact", "--jsonl"], "my secret is no JSON\n");
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    assert_eq!(code, Some(1));
    assert!(line.contains("line 1") && !line.contains("secret"), "{line}");
}

#[test]
fn eval_counts_what_is_found_and_what_leaks() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data.iob2");
    std::fs::write(&data, "Zebulon B-PER\nwrote O\nto O\nana@example.com B-EMAIL\n. O\n").unwrap();
    let data = data.to_str().unwrap();
    let found: Value =
        serde_json::from_str(&stdout(&["eval", "pii", data, "--no-model", "--json"], "")).unwrap();
    let file = &found["files"][0];
    assert_eq!(file["labels"]["EMAIL"]["exact"]["f2"], 1.0);
    assert_eq!(file["labels"]["PERSON"]["overlap"]["recall"], 0.0);
    assert_eq!(file["misses"][0]["text"], "Zebulon");
    assert_eq!((file["tokens"].as_u64(), found["model"].is_null()), (Some(5), true));
    let table = stdout(&["eval", "pii", data, "--no-model", "--map", "PER=", "--misses", "0"], "");
    assert!(table.contains("EMAIL") && table.contains("tokens/s") && !table.contains("PERSON"), "{table}");
    assert_eq!(failure(&["eval", "pii"]).0, 2);
    assert_eq!(failure(&["eval", "pii", data, "--map", "x"]).0, 1);
}

#[test]
fn perplexity_says_how_many_tokens_it_is_of() {
    let path = model("stories260K/stories260K-f32.gguf");
    let text = model("stories260K/ref_text.txt");
    let args = ["eval", "perplexity", "--model", path.to_str().unwrap(), "--file", text.to_str().unwrap()];
    let windows = ["--context", "64", "--stride", "32", "--backend", "cpu"];
    let found: Value =
        serde_json::from_str(&stdout(&[&args[..], &windows, &["--json"]].concat(), "")).unwrap();
    // What tests/fixtures/models/stories260K/perplexity.py prints.
    let perplexity = found["perplexity"].as_f64().unwrap();
    assert!((perplexity / 4.065770 - 1.0).abs() < 1e-3, "{perplexity}");
    assert_eq!(found["tokens"], 373);
    let line = stdout(&[&args[..], &windows].concat(), "");
    assert!(line.starts_with("perplexity 4.06") && line.contains("over 373 tokens"), "{line}");
    let (code, line) =
        failure(&[&args[..], &["--context", "8", "--stride", "8", "--backend", "cpu"]].concat());
    assert!(code != 0 && line.contains("stride"), "{code}: {line}");
}

#[test]
fn inspect_tells_the_memory_of_each_context() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/hf/qwen3");
    let args = ["inspect", folder.to_str().unwrap(), "--backend", "cpu", "--json"];
    let told: Value = serde_json::from_str(&stdout(&args, "")).unwrap();
    assert_eq!(told["device"]["backend"], "cpu");
    assert_eq!(told["sampling"]["topK"], 30);
    let contexts: Vec<_> = told["memory"].as_array().unwrap().iter().map(|m| &m["contextLength"]).collect();
    assert_eq!(contexts, [2048, 4096, 8192, 32768]);
    let weights = |backend: &str, more: &[&str]| {
        let args = ["inspect", folder.to_str().unwrap(), "--backend", backend, "--json"];
        let told: Value = serde_json::from_str(&stdout(&[&args[..], more].concat(), "")).unwrap();
        told["memory"][0]["weightBytes"].as_u64().unwrap()
    };
    assert!(weights("gpu", &["--quantize", "q4_0"]) < weights("gpu", &[]) / 2);
    // The processor holds so small a model as floats, whatever it is stored as.
    assert_eq!(weights("cpu", &["--quantize", "q4_0"]), weights("cpu", &[]));
}

#[test]
fn keys_and_values_in_eight_bits_are_for_the_gpu() {
    let path = model("stories260K/stories260K-f32.gguf");
    let args = ["run", "--model", path.to_str().unwrap(), "--prompt", "Once", "--max-tokens", "1", "--kv"];
    for backend in ["cpu", "reference"] {
        let (code, line) = failure(&[&args[..], &["q8_0", "--backend", backend]].concat());
        assert!(code == 2 && line.contains("q8_0") && line.contains("GPU"), "{code}: {line}");
        stdout(&[&args[..], &["f16", "--backend", backend]].concat(), "");
    }
}

/// A file with a vocabulary and nothing else, of an architecture that cannot be run.
#[test]
fn a_tokenizer_needs_no_model() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../text/tests/fixtures/llamacpp");
    let vocab = fixtures.join("ggml-vocab-gpt-2.gguf");
    let vocab = vocab.to_str().unwrap();
    assert_eq!(stdout(&["tokenize", "--model", vocab, "--text", "Hello world"], ""), "[15496,995]\n");
    assert_eq!(stdout(&["detokenize", "--model", vocab, "15496", "995"], ""), "Hello world\n");
    let (code, line) = failure(&["inspect", vocab]);
    assert!(code == 1 && line.contains("gpt2"), "{line}");
}

#[test]
fn an_importance_matrix_of_another_model_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let (input, matrix, out) =
        (model("tok105/tok105-f32.gguf"), folder.path().join("imatrix.dat"), folder.path().join("out.gguf"));
    let name = "blk.0.attn_q.weight";
    let mut bytes = [1, name.len() as i32].map(i32::to_le_bytes).concat();
    bytes.extend(name.as_bytes());
    bytes.extend([1i32, 3].map(i32::to_le_bytes).concat());
    bytes.extend([1f32, 2.0, 3.0].map(f32::to_le_bytes).concat());
    std::fs::write(&matrix, bytes).unwrap();
    let args =
        ["convert", input.to_str().unwrap(), out.to_str().unwrap(), "--imatrix", matrix.to_str().unwrap()];
    assert_eq!(failure(&args).0, 2);
    let (code, line) = failure(&[&args[..], &["--quantize", "Q4_0"]].concat());
    assert!(code == 1 && line.contains(name) && line.contains("3 importances"), "{line}");
    assert!(!out.exists());
}

/// In a folder as in the GGUF file that is made of it.
#[test]
fn a_classifier_is_read_at_the_operating_point_that_is_asked_for() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/encoders/privacy-filter");
    let folder = tempfile::tempdir().unwrap();
    for name in ["config.json", "tokenizer.json", "model.safetensors"] {
        std::fs::copy(source.join(name), folder.path().join(name)).unwrap();
    }
    let calibration = r#"{"operating_points": {
        "default": {"biases": {"transition_bias_background_stay": 1000}},
        "recall": {"biases": {"transition_bias_background_to_start": 1000}}}}"#;
    std::fs::write(folder.path().join("viterbi_calibration.json"), calibration).unwrap();
    let gguf = folder.path().join("model.gguf");
    stdout(&["convert", folder.path().to_str().unwrap(), gguf.to_str().unwrap()], "");
    for model in [folder.path(), &gguf] {
        let text = ["--text", "Ana lives in Berlin.", "--backend", "reference", "--json"];
        let args = [&["classify", "--model", model.to_str().unwrap()], &text[..]].concat();
        assert_eq!(stdout(&args, ""), "[]\n");
        let spans: Value =
            serde_json::from_str(&stdout(&[&args[..], &["--operating-point", "recall"]].concat(), ""))
                .unwrap();
        assert!(!spans.as_array().unwrap().is_empty());
        let (code, line) = failure(&[&args[..], &["--operating-point", "precision"]].concat());
        assert!(code == 2 && line.contains("\"precision\"") && line.contains("default, recall"), "{line}");
    }
}
