//! A static file server for the demo and the browser tests: GET and HEAD, byte ranges, ETags; this machine only.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, UNIX_EPOCH};

use anyhow::{Context, Result};

/// Longer requests come from no browser that asks for a file of ours.
const MAX_REQUEST_BYTES: u64 = 32 * 1024;
const TIMEOUT: Duration = Duration::from_secs(30);

/// What makes a page cross-origin isolated, so that it may share memory with its workers. Workers' scripts need it too.
const ISOLATION: &str =
    "Cross-Origin-Opener-Policy: same-origin\r\nCross-Origin-Embedder-Policy: require-corp\r\n";

/// As [`start`], with pages that are cross-origin isolated.
pub fn start_isolated(root: &Path, port: u16) -> Result<String> {
    start_with(root, port, ISOLATION)
}

/// Serves `root` on 127.0.0.1 from threads of its own, as long as the process lives. Port 0 takes a free one.
/// Returns the address, `http://127.0.0.1:PORT/`.
pub fn start(root: &Path, port: u16) -> Result<String> {
    start_with(root, port, "")
}

fn start_with(root: &Path, port: u16, headers: &'static str) -> Result<String> {
    let root = root.canonicalize().with_context(|| format!("cannot serve {}", root.display()))?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))
        .with_context(|| format!("cannot listen on port {port} of 127.0.0.1: choose another with --port"))?;
    let address = format!("http://{}/", listener.local_addr()?);
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let root = root.clone();
            // A browser that goes away in mid-answer is no error of ours.
            thread::spawn(move || drop(converse(&stream, &root, headers)));
        }
    });
    Ok(address)
}

/// Answers one request and closes: between processes of one machine a new connection costs nothing.
fn converse(stream: &TcpStream, root: &Path, headers: &str) -> io::Result<()> {
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    let request = Request::read(BufReader::new(stream).take(MAX_REQUEST_BYTES))?;
    let mut out = BufWriter::new(stream);
    answer(&request, root, headers, &mut out)?;
    out.flush()
}

/// The parts of a request that matter here.
#[derive(Default)]
struct Request {
    method: String,
    /// Decoded, without query.
    path: String,
    range: Option<String>,
    if_range: Option<String>,
    if_none_match: Option<String>,
}

impl Request {
    fn read(from: impl BufRead) -> io::Result<Self> {
        let mut lines = from.lines();
        let first = lines.next().transpose()?.unwrap_or_default();
        let mut words = first.split(' ');
        let method = words.next().unwrap_or_default().to_owned();
        let path =
            percent_decode(words.next().unwrap_or_default().split(['?', '#']).next().unwrap_or_default());
        let mut request = Self { method, path, ..Self::default() };
        for line in lines {
            let line = line?;
            let Some((name, value)) = line.split_once(':') else { break };
            let value = Some(value.trim().to_owned());
            match name.to_ascii_lowercase().as_str() {
                "range" => request.range = value,
                "if-range" => request.if_range = value,
                "if-none-match" => request.if_none_match = value,
                _ => {}
            }
        }
        Ok(request)
    }
}

/// `headers` are sent with every file.
fn answer(request: &Request, root: &Path, headers: &str, out: &mut impl Write) -> io::Result<()> {
    if request.method != "GET" && request.method != "HEAD" {
        return refuse(out, "405 Method Not Allowed", "Allow: GET, HEAD\r\n");
    }
    let Some(path) = resolve(root, &request.path) else {
        return refuse(out, "404 Not Found", "");
    };
    let mut file = File::open(&path)?;
    let metadata = file.metadata()?;
    let len = metadata.len();
    let etag = etag(&metadata);
    let common = format!(
        "ETag: {etag}\r\nAccept-Ranges: bytes\r\nCache-Control: no-cache\r\nConnection: close\r\n{headers}"
    );
    if request.if_none_match.as_ref().is_some_and(|tags| tags.split(',').any(|tag| tag.trim() == etag)) {
        return write!(out, "HTTP/1.1 304 Not Modified\r\n{common}\r\n");
    }
    // A range of another version than the one there would be no use (RFC 9110, 13.1.5).
    let same_version = request.if_range.as_ref().is_none_or(|tag| *tag == etag);
    let asked =
        request.range.as_deref().filter(|_| same_version).map_or(Asked::All, |range| parse_range(range, len));
    let (status, range) = match asked {
        Asked::All => ("200 OK".to_owned(), 0..len),
        Asked::Part(range) => {
            let content_range = format!("Content-Range: bytes {}-{}/{len}", range.start, range.end - 1);
            (format!("206 Partial Content\r\n{content_range}"), range)
        }
        Asked::Outside => {
            return refuse(out, "416 Range Not Satisfiable", &format!("Content-Range: bytes */{len}\r\n"));
        }
    };
    write!(
        out,
        "HTTP/1.1 {status}\r\nContent-Type: {}\r\nContent-Length: {}\r\n{common}\r\n",
        media_type(&path),
        range.end - range.start
    )?;
    if request.method == "GET" {
        file.seek(SeekFrom::Start(range.start))?;
        io::copy(&mut file.take(range.end - range.start), out)?;
    }
    Ok(())
}

fn refuse(out: &mut impl Write, status: &str, headers: &str) -> io::Result<()> {
    write!(
        out,
        "HTTP/1.1 {status}\r\n{headers}Content-Type: text/plain\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{status}",
        status.len()
    )
}

/// The file that a URL path names, if it lies under `root`, links followed.
fn resolve(root: &Path, path: &str) -> Option<PathBuf> {
    let relative = path.strip_prefix('/')?;
    // No part may climb, or name a drive or device.
    if relative.split('/').any(|part| part == ".." || part.contains(['\\', ':', '\0'])) {
        return None;
    }
    let mut file = root.join(relative.trim_start_matches('/')).canonicalize().ok()?;
    if file.is_dir() {
        file = file.join("index.html").canonicalize().ok()?;
    }
    (file.is_file() && file.starts_with(root)).then_some(file)
}

/// What a Range header asks of a file.
#[derive(Debug, PartialEq)]
enum Asked {
    All,
    Part(Range<u64>),
    Outside,
}

/// One range as RFC 9110, section 14.2 has it. Several ranges and other units get the whole file, as it allows.
fn parse_range(header: &str, len: u64) -> Asked {
    let Some((first, last)) = header.strip_prefix("bytes=").and_then(|range| range.trim().split_once('-'))
    else {
        return Asked::All;
    };
    let range = match (first.parse::<u64>(), last.parse::<u64>()) {
        (Ok(first), Ok(last)) if first <= last => first..last.saturating_add(1).min(len),
        (Ok(first), Err(_)) if last.is_empty() => first..len,
        (Err(_), Ok(suffix)) if first.is_empty() => len.saturating_sub(suffix)..len,
        _ => return Asked::All,
    };
    if range.start < range.end { Asked::Part(range) } else { Asked::Outside }
}

fn etag(metadata: &fs::Metadata) -> String {
    let modified =
        metadata.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok()).unwrap_or_default();
    format!("\"{:x}-{:x}\"", metadata.len(), modified.as_nanos())
}

fn media_type(path: &Path) -> &'static str {
    match path.extension().and_then(|extension| extension.to_str()).unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" | "map" => "application/json",
        "webmanifest" => "application/manifest+json",
        "wasm" => "application/wasm",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "txt" | "md" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

/// Decodes %XX. What is not UTF-8 then names no file of ours, so it may become anything.
fn percent_decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let hex = (byte == b'%').then(|| text.get(at + 1..at + 3)).flatten();
        match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(value) => {
                decoded.push(value);
                at += 3;
            }
            None => {
                decoded.push(byte);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

#[cfg(test)]
#[path = "server_tests.rs"]
mod tests;
