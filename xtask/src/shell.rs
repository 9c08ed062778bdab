//! Running other programs. Each run says on stderr what it does; a failure carries the command, how it ended and its
//! last lines. Stdout stays free for what a caller of xtask wants to read.

use std::collections::VecDeque;
use std::ffi::OsStr;
use std::fmt;
use std::io::{BufRead, BufReader, IsTerminal, Read, Write, stderr};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// How many of a program's last lines an error repeats.
const LAST_LINES: usize = 12;

/// Says what xtask is about to do.
pub fn say(message: impl fmt::Display) {
    eprintln!("==> {message}");
}

/// A program to run, with its arguments.
pub struct Run {
    command: Command,
    /// The program as its caller named it, before `program_file` looked up its extension.
    program: String,
    limit: Option<Duration>,
}

/// A program by name or path. It runs in the current folder, with no stdin.
pub fn program(program: impl AsRef<OsStr>) -> Run {
    let program = program.as_ref();
    let mut command = Command::new(program_file(program));
    command.stdin(Stdio::null());
    if stderr().is_terminal() {
        // Our pipes hide the terminal from Cargo, which would drop its colours.
        command.env("CARGO_TERM_COLOR", "always");
    }
    Run { command, program: program.to_string_lossy().into_owned(), limit: None }
}

impl Run {
    /// Adds one argument.
    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.command.arg(arg);
        self
    }

    /// Adds arguments.
    pub fn args<A: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.command.args(args);
        self
    }

    /// Runs in `dir`.
    pub fn dir(mut self, dir: impl AsRef<Path>) -> Self {
        self.command.current_dir(dir);
        self
    }

    /// Sets an environment variable.
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Hides an environment variable.
    pub fn without_env(mut self, name: &str) -> Self {
        self.command.env_remove(name);
        self
    }

    /// Ends the program when it takes longer than this.
    pub fn limit(mut self, limit: Duration) -> Self {
        self.limit = Some(limit);
        self
    }

    /// Runs with both outputs copied to stderr; returns the lines of both, as they came.
    pub fn stream(mut self) -> Result<Vec<String>> {
        say(&self);
        self.command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let lines = Mutex::new(Vec::new());
        let keep = |line: &str| {
            let _ = writeln!(stderr().lock(), "{line}"); // a closed stderr must not stop the work
            lines.lock().unwrap_or_else(|e| e.into_inner()).push(line.to_owned());
        };
        let mut child = self.spawn()?;
        let (out, err) = (child.stdout.take(), child.stderr.take());
        let status = thread::scope(|scope| {
            scope.spawn(|| each_line(out, keep));
            scope.spawn(|| each_line(err, keep));
            self.wait(&mut child)
        })?;
        let lines = lines.into_inner().unwrap_or_else(|e| e.into_inner());
        self.check(status, &lines)?;
        Ok(lines)
    }

    /// Runs with stderr copied to ours, and returns stdout.
    pub fn stdout(mut self) -> Result<String> {
        say(&self);
        self.command.stdout(Stdio::piped()).stderr(Stdio::piped());
        self.collect(true)
    }

    /// Runs in silence and returns stdout: for questions, not for work.
    pub fn ask(mut self) -> Result<String> {
        self.command.stdout(Stdio::piped()).stderr(Stdio::piped());
        self.collect(false)
    }

    /// Runs with our own stdin, stdout and stderr.
    pub fn attach(mut self) -> Result<ExitStatus> {
        say(&self);
        self.command.stdin(Stdio::inherit());
        let mut child = self.spawn()?;
        self.wait(&mut child)
    }

    fn collect(&mut self, loud: bool) -> Result<String> {
        let mut child = self.spawn()?;
        let (out, err) = (child.stdout.take(), child.stderr.take());
        let (mut text, mut lines) = (Vec::new(), Vec::new());
        let status = thread::scope(|scope| {
            scope.spawn(|| {
                each_line(err, |line| {
                    if loud {
                        let _ = writeln!(stderr().lock(), "{line}");
                    }
                    lines.push(line.to_owned());
                })
            });
            scope.spawn(|| out.map(|mut out| out.read_to_end(&mut text)));
            self.wait(&mut child)
        })?;
        self.check(status, &lines)?;
        Ok(String::from_utf8_lossy(&text).into_owned())
    }

    fn spawn(&mut self) -> Result<Child> {
        self.command.spawn().with_context(|| format!("cannot start `{self}`: is {} installed?", self.program))
    }

    fn wait(&self, child: &mut Child) -> Result<ExitStatus> {
        let Some(limit) = self.limit else {
            return child.wait().with_context(|| format!("waiting for `{self}`"));
        };
        let start = Instant::now();
        while start.elapsed() < limit {
            if let Some(status) = child.try_wait()? {
                return Ok(status);
            }
            thread::sleep(Duration::from_millis(50));
        }
        child.kill().and_then(|()| child.wait()).with_context(|| format!("ending `{self}`"))?;
        bail!("`{self}` took longer than {} seconds", limit.as_secs())
    }

    fn check(&self, status: ExitStatus, lines: &[String]) -> Result<()> {
        if status.success() {
            return Ok(());
        }
        let ended = match status.code() {
            Some(code) => format!("exit code {code}"),
            None => "a signal".to_owned(),
        };
        let mut last = VecDeque::new();
        for line in lines.iter().rev().filter(|line| !line.trim().is_empty()).take(LAST_LINES) {
            last.push_front(format!("    {line}"));
        }
        let last = Vec::from(last).join("\n");
        bail!("`{self}` ended with {ended}; its last lines:\n{last}")
    }
}

/// The command line, as one would type it.
impl fmt::Display for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.program)?;
        for arg in self.command.get_args() {
            let arg = arg.to_string_lossy();
            if arg.is_empty() || arg.contains(char::is_whitespace) {
                write!(f, " {arg:?}")?;
            } else {
                write!(f, " {arg}")?;
            }
        }
        Ok(())
    }
}

/// Whether a program of this name can be run.
pub fn on_path(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let names = if cfg!(windows) {
        vec![format!("{program}.exe"), format!("{program}.cmd")]
    } else {
        vec![program.to_owned()]
    };
    std::env::split_paths(&path)
        .flat_map(|dir| names.iter().map(move |name| dir.join(name)).collect::<Vec<_>>())
        .find(|file| file.is_file())
}

/// On Windows npm is a script, which only its full name starts.
fn program_file(program: &OsStr) -> PathBuf {
    let named = || on_path(program.to_str()?);
    if cfg!(windows) { named().unwrap_or_else(|| program.into()) } else { program.into() }
}

fn each_line(from: Option<impl Read>, mut line: impl FnMut(&str)) {
    let Some(from) = from else { return };
    for bytes in BufReader::new(from).split(b'\n').map_while(Result::ok) {
        line(String::from_utf8_lossy(&bytes).trim_end_matches('\r'));
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn a_failure_names_command_exit_code_and_last_lines() {
        let error =
            program("sh").args(["-c", "echo out; echo why >&2; exit 3"]).stream().unwrap_err().to_string();
        assert!(
            error.contains("`sh -c \"echo out; echo why >&2; exit 3\"` ended with exit code 3"),
            "{error}"
        );
        assert!(error.contains("    why"), "{error}");
    }

    #[test]
    fn a_missing_program_is_named() {
        let error = program("no-such-program").ask().unwrap_err().to_string();
        assert!(error.contains("is no-such-program installed?"), "{error}");
    }

    #[test]
    fn stdout_is_returned_without_stderr() {
        assert_eq!(program("sh").args(["-c", "echo a; echo b >&2"]).ask().unwrap(), "a\n");
    }

    #[test]
    fn a_program_past_its_limit_is_ended() {
        let start = Instant::now();
        let error =
            program("sleep").arg("30").limit(Duration::from_millis(100)).ask().unwrap_err().to_string();
        assert!(error.contains("took longer"), "{error}");
        assert!(start.elapsed() < Duration::from_secs(10));
    }
}
