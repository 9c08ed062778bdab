//! Measures how fast recognisers read text on one core: by the time this thread ran where the system tells (Linux), so that
//! other work on the machine does not count, else by the clock.
//!
//!     cargo run --release -p sotto-pii --example throughput [FILE...]
//!
//! Without files: prose, a log dense in numbers and entities, and prose in another script, all made here.

use std::sync::LazyLock;
use std::time::Instant;

use sotto_pii::{Action, Policy, Recognisers, Redactor, Vault};

/// Enough for a steady figure, little enough to wait for.
const BYTES: usize = 8 << 20;

fn main() -> std::io::Result<()> {
    let mut inputs: Vec<(String, String)> = Vec::new();
    for path in std::env::args().skip(1) {
        let text = String::from_utf8_lossy(&std::fs::read(&path)?).into_owned();
        inputs.push((path, text));
    }
    if inputs.is_empty() {
        inputs = samples();
    }
    let redactor =
        Redactor::new(Policy::all(Action::Placeholder), Recognisers::all()).map_err(std::io::Error::other)?;
    redactor.analyze("warm up");
    println!("{:<24} {:>9} {:>9} {:>14} {:>14}", "input", "MB", "entities", "analyse MB/s", "redact MB/s");
    for (name, unit) in inputs {
        let text = unit.repeat((BYTES / unit.len().max(1)).max(1));
        let megabytes = text.len() as f64 / 1e6;
        let start = seconds();
        let entities = redactor.analyze(&text);
        let analysed = seconds() - start;
        let start = seconds();
        let redacted = redactor.redact(&text, &mut Vault::new());
        let whole = seconds() - start;
        assert_eq!(redacted.entities.len(), entities.len());
        println!(
            "{name:<24} {megabytes:>9.1} {:>9} {:>14.1} {:>14.1}",
            entities.len(),
            megabytes / analysed,
            megabytes / whole
        );
    }
    Ok(())
}

/// Seconds this thread has run.
fn seconds() -> f64 {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    let ran = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let nanoseconds = ran.and_then(|line| line.split(' ').next()?.parse::<u64>().ok());
    nanoseconds.map_or_else(|| START.elapsed().as_secs_f64(), |ns| ns as f64 / 1e9)
}

fn samples() -> Vec<(String, String)> {
    let prose = "The committee met in the old town hall to discuss the plans, and after a long debate on costs it agreed to wait for the \
                 report. Nobody could say when the bridge would open again; the council had asked for 3 more studies in 2004. ";
    let log = "2024-03-01T12:30:45.123Z INFO [worker-7] user=ana_77 ip=10.20.30.40 session=9f86d081884c7d65 GET /api/v1/orders/48213 200 1532 14.2ms card=4111111111111111\n";
    let greek = "Η επιτροπή συνεδρίασε στο παλιό δημαρχείο για να συζητήσει τα σχέδια και μετά από πολύωρη συζήτηση αποφάσισε να περιμένει. ";
    [("prose", prose), ("log", log), ("greek", greek)]
        .map(|(name, unit)| (name.to_owned(), unit.to_owned()))
        .to_vec()
}
