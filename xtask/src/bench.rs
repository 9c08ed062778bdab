//! `cargo xtask bench`: `sotto bench`, optimised; or the same measurements through the npm package, in a browser or in Node.

use std::path::Path;
use std::process::ExitCode;

use anyhow::Result;
use clap::{ArgGroup, Parser};

use crate::browser;
use crate::build;
use crate::node;
use crate::server;
use crate::shared_target;
use crate::shell::Run;
use crate::toolchain;
use crate::workspace;

/// Measure through the npm package
#[derive(Parser)]
#[command(name = "cargo xtask bench", group = ArgGroup::new("where").required(true))]
struct Web {
    /// In a headless browser
    #[arg(long, group = "where")]
    browser: bool,
    /// In Node, with WebGPU by Dawn
    #[arg(long, group = "where")]
    node: bool,
    /// On the processor instead of WebGPU
    #[arg(long)]
    cpu: bool,
    /// Shapes, with commas between them: mini, smollm2-135m, qwen3-0.6b, llama-3.2-1b, llama-3.2-3b, llama-3.1-8b
    #[arg(long, default_value = "mini")]
    shape: String,
    /// Types of the weights: Q4_0, Q4_K, Q8_0
    #[arg(long = "type", default_value = "Q4_0")]
    ty: String,
    /// Tokens to prefill
    #[arg(long, default_value = "128")]
    prompt: String,
    /// Tokens in the cache before either starts
    #[arg(long, default_value = "0")]
    depth: String,
    /// Tokens to generate
    #[arg(long = "gen", default_value_t = 32)]
    generate: u32,
    /// Runs, of which the median counts
    #[arg(long, default_value_t = 3)]
    runs: u32,
    /// Threads on the processor, with commas between several measurements; the page is then cross-origin isolated
    #[arg(long, requires = "cpu", conflicts_with = "node")]
    threads: Option<String>,
    /// Print a line of JSON each
    #[arg(long)]
    json: bool,
}

impl Web {
    /// As the bench page takes it in its address.
    fn query(&self) -> String {
        let Web { shape, ty, prompt, depth, generate, runs, threads, .. } = self;
        let threads = threads.as_ref().map_or(String::new(), |threads| format!("&threads={threads}"));
        let device = if self.cpu { "cpu" } else { "webgpu" };
        format!(
            "auto=1&shape={shape}&type={ty}&device={device}&prompt={prompt}&depth={depth}&gen={generate}&runs={runs}{threads}"
        )
    }
}

/// Runs `sotto bench` natively with these arguments; with `--browser` or `--node` among them, the package there.
pub fn bench(args: &[String]) -> Result<ExitCode> {
    if !args.iter().any(|arg| arg == "--browser" || arg == "--node") {
        return native(args);
    }
    let web = Web::parse_from(["bench"].into_iter().chain(args.iter().map(String::as_str)));
    build::all(&build::set_up()?)?;
    shared_target::release();
    let run = if web.node { in_node(&web)? } else { in_browser(&web)? };
    code(run.args(web.json.then_some("--json")).dir(workspace::root()))
}

fn native(args: &[String]) -> Result<ExitCode> {
    code(
        toolchain::cargo()?.args(["run", "--quiet", "--release", "--bin", "sotto", "--", "bench"]).args(args),
    )
}

fn in_browser(web: &Web) -> Result<Run> {
    let start = if web.threads.is_some() { server::start_isolated } else { server::start };
    let address = start(&workspace::root().join("demo/dist"), 0)?;
    let page = format!("{address}bench.html?{}", web.query());
    Ok(node::node().args(["demo/bench.mjs", &page]).env("CHROME_PATH", browser::find()?))
}

fn in_node(web: &Web) -> Result<Run> {
    /// Chromium's Vulkan in software, which Dawn takes where there is no GPU.
    const SWIFTSHADER: &str = "/usr/lib/chromium/vk_swiftshader_icd.json";
    node::npm().args(["install", "--prefix", "tests/peers"]).dir(workspace::root()).stream()?;
    let run = node::node().args(["tests/peers/node.mjs", &web.query()]);
    let software = !Path::new("/dev/dri").exists() && Path::new(SWIFTSHADER).exists();
    Ok(if software { run.env("VK_ICD_FILENAMES", SWIFTSHADER) } else { run })
}

fn code(run: Run) -> Result<ExitCode> {
    let status = run.attach()?;
    Ok(ExitCode::from(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1)))
}
