//! `sotto bench --kernels`: gigabytes and gigaflops a second of each kernel at the shapes of models.

use std::io::Write;

use anyhow::Result;
use serde_json::json;
use sotto_engine::kernel_bench::{self, COPY, Measurement, Options};
use sotto_engine::{DeviceOptions, GpuDevice};

use super::Args;

/// `4096x14336`.
pub(super) fn rows_by_cols(text: &str) -> Result<(usize, usize), String> {
    let sizes = text.split_once('x').map(|(rows, cols)| (rows.parse().ok(), cols.parse().ok()));
    match sizes {
        Some((Some(rows @ 1..), Some(cols @ 1..))) => Ok((rows, cols)),
        _ => Err("not ROWSxCOLUMNS".to_owned()),
    }
}

pub(super) fn run(args: &Args) -> Result<()> {
    let device =
        pollster::block_on(GpuDevice::request(&DeviceOptions { tuning: args.tuning, ..Default::default() }))?;
    let facts = device.facts();
    let mut options = Options {
        only: args.only.clone(),
        variants: args.variants.clone(),
        footprint: args.footprint_mib << 20,
        ..Options::default()
    };
    if !args.ty.is_empty() {
        options.types.clone_from(&args.ty);
    }
    if !args.shapes.is_empty() {
        options.shapes.clone_from(&args.shapes);
    }
    let mut out = std::io::stdout().lock();
    if !args.json {
        writeln!(out, "{facts:?}, {}", device.tuning())?;
        writeln!(
            out,
            "{:34} {:>22} {:>11} {:>9} {:>7} {:>9}",
            "kernel", "shape", "µs", "GB/s", "% copy", "GFLOP/s"
        )?;
    }
    let mut copy = None;
    let mut failed = None;
    let mut report = |m: &Measurement| {
        if m.kernel == COPY {
            copy = Some(m.gigabytes_per_second());
        }
        let share = copy.map(|copy: f64| m.gigabytes_per_second() / copy);
        let written = if args.json {
            let line = json!({
                "device": facts.name,
                "kernel": m.kernel,
                "shape": m.shape,
                "microseconds": 1e6 * m.seconds,
                "bytes": m.bytes,
                "gigabytes_per_second": m.gigabytes_per_second(),
                "share_of_copy": share,
                "gigaflops_per_second": m.gigaflops(),
                "method": m.method,
            });
            writeln!(out, "{line}")
        } else {
            writeln!(
                out,
                "{:34} {:>22} {:>11.2} {:>9.1} {:>7.1} {:>9.1}",
                m.kernel,
                m.shape,
                1e6 * m.seconds,
                m.gigabytes_per_second(),
                100.0 * share.unwrap_or(f64::NAN),
                m.gigaflops(),
            )
        };
        failed = written.err().or(failed.take());
    };
    pollster::block_on(kernel_bench::run(&device, &options, &mut report))?;
    failed.map_or(Ok(()), |error| Err(error.into()))
}
