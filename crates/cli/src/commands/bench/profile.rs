//! `sotto bench --profile`: where the time of a step goes, by kernel and shape.

use std::io::{self, Write};

use anyhow::Result;
use serde_json::json;
use sotto_engine::{Profile, ProfiledStep};

use super::Args;
use super::model::{Source, ids, load};

pub(super) fn run(args: &Args) -> Result<()> {
    let source = Source::open(args)?;
    let name = source.header().info().name.clone();
    let mut engine = load(args, source)?;
    let prefills = args.prompt.iter().map(|&tokens| (ProfiledStep::Prefill, tokens));
    let decodes = args.depth.iter().map(|&depth| (ProfiledStep::Decode, depth.max(1)));
    for (step, tokens) in prefills.chain(decodes) {
        let ids = ids(&engine, tokens);
        let profile = pollster::block_on(engine.profile(step, &ids, args.runs))?;
        // Of a longer prompt, what a step takes.
        let (what, at) = match step {
            ProfiledStep::Prefill => ("prefill", profile.tokens),
            ProfiledStep::Decode => ("decode", tokens),
        };
        let device = engine.device();
        let heading = json!({"model": name, "device": device.name, "tuning": device.tuning, "step": what, "tokens": at});
        print(args.json, heading, &profile)?;
    }
    Ok(())
}

fn print(as_json: bool, heading: serde_json::Value, profile: &Profile) -> Result<()> {
    let mut out = io::stdout().lock();
    let microseconds = |seconds: f64| 1e6 * seconds;
    let (whole, sum) = (microseconds(profile.whole), microseconds(profile.sum()));
    if !as_json {
        writeln!(
            out,
            "{heading}\n{whole:.1} µs from end to end; below, {sum:.1} µs with {} (dispatches wait for each)",
            profile.method
        )?;
        writeln!(
            out,
            "{:48} {:>30} {:>5} {:>9} {:>9} {:>6} {:>8}",
            "kernel", "shape", "count", "µs each", "µs", "%", "GB/s"
        )?;
    }
    for kind in &profile.kernels {
        // Of timestamps that are all the same there is no share.
        let share = if sum > 0.0 { microseconds(kind.seconds) / sum } else { 0.0 };
        let each = microseconds(kind.seconds) / kind.count as f64;
        let gigabytes = kind.weight_bytes as f64 / kind.seconds * 1e-9;
        if as_json {
            let mut line = heading.clone();
            line["kernel"] = json!(kind.kernel);
            line["shape"] = json!(kind.shape);
            line["count"] = json!(kind.count);
            line["microseconds"] = json!(microseconds(kind.seconds));
            line["share"] = json!(share);
            line["weight_bytes"] = json!(kind.weight_bytes);
            line["step_microseconds"] = json!(whole);
            line["method"] = json!(profile.method);
            writeln!(out, "{line}")?;
        } else {
            writeln!(
                out,
                "{:48} {:>30} {:>5} {each:>9.2} {:>9.1} {:>6.1} {gigabytes:>8.1}",
                kind.kernel,
                kind.shape,
                kind.count,
                microseconds(kind.seconds),
                100.0 * share,
            )?;
        }
    }
    Ok(())
}
