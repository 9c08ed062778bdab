use super::*;

/// A site in a folder of this test's own; the folder goes with it.
struct Site(PathBuf);

impl Site {
    fn new(name: &str) -> Self {
        let dir = std::env::temp_dir().join(format!("sotto-xtask-server-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&dir);
        fs::create_dir_all(dir.join("site/sub folder")).unwrap();
        fs::write(dir.join("secret.txt"), "secret").unwrap();
        fs::write(dir.join("site/index.html"), "<p>hello").unwrap();
        fs::write(dir.join("site/sub folder/a.wasm"), "0123456789").unwrap();
        Self(dir)
    }

    /// Sends a request over TCP; returns the answer's head and body.
    fn ask(&self, request: &str) -> (String, String) {
        Self::ask_at(&start(&self.0.join("site"), 0).unwrap(), request)
    }

    fn ask_at(address: &str, request: &str) -> (String, String) {
        let host = address.trim_start_matches("http://").trim_end_matches('/');
        let mut stream = TcpStream::connect(host).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.to_owned(), body.to_owned())
    }

    fn get(&self, path: &str, headers: &str) -> (String, String) {
        self.ask(&format!("GET {path} HTTP/1.1\r\nHost: x\r\n{headers}\r\n"))
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

#[test]
fn a_folder_is_its_index_page() {
    let (head, body) = Site::new("index").get("/?q=1", "");
    assert!(head.starts_with("HTTP/1.1 200 OK"), "{head}");
    assert_eq!(header(&head, "Content-Type"), Some("text/html; charset=utf-8"));
    assert_eq!(body, "<p>hello");
}

#[test]
fn pages_are_isolated_where_they_are_to_be() {
    let site = Site::new("isolated");
    let request = "GET /index.html HTTP/1.1\r\nHost: x\r\n\r\n";
    let (head, body) = Site::ask_at(&start_isolated(&site.0.join("site"), 0).unwrap(), request);
    assert_eq!(header(&head, "Cross-Origin-Opener-Policy"), Some("same-origin"));
    assert_eq!(header(&head, "Cross-Origin-Embedder-Policy"), Some("require-corp"));
    assert_eq!(body, "<p>hello");
    assert_eq!(header(&site.ask(request).0, "Cross-Origin-Embedder-Policy"), None);
}

#[test]
fn a_range_is_the_bytes_asked_for() {
    let (head, body) = Site::new("range").get("/sub%20folder/a.wasm", "range: bytes=2-4\r\n");
    assert!(head.starts_with("HTTP/1.1 206"), "{head}");
    assert_eq!(header(&head, "Content-Type"), Some("application/wasm"));
    assert_eq!(header(&head, "Content-Range"), Some("bytes 2-4/10"));
    assert_eq!(header(&head, "Content-Length"), Some("3"));
    assert_eq!(body, "234");
}

#[test]
fn a_range_past_the_end_is_refused() {
    let (head, _) = Site::new("outside").get("/sub%20folder/a.wasm", "Range: bytes=10-\r\n");
    assert!(head.starts_with("HTTP/1.1 416"), "{head}");
    assert_eq!(header(&head, "Content-Range"), Some("bytes */10"));
}

#[test]
fn a_version_the_client_has_is_not_sent_again() {
    let site = Site::new("etag");
    let (head, _) = site.get("/", "");
    let etag = header(&head, "ETag").unwrap();
    let (again, body) = site.get("/", &format!("If-None-Match: \"other\", {etag}\r\n"));
    assert!(again.starts_with("HTTP/1.1 304"), "{again}");
    assert_eq!(body, "");
    let (resumed, _) = site.get("/", &format!("Range: bytes=0-1\r\nIf-Range: {etag}\r\n"));
    assert!(resumed.starts_with("HTTP/1.1 206"), "{resumed}");
    let (changed, _) = site.get("/", "Range: bytes=0-1\r\nIf-Range: \"other\"\r\n");
    assert!(changed.starts_with("HTTP/1.1 200"), "{changed}");
}

#[test]
fn head_has_the_length_and_no_body() {
    let (head, body) = Site::new("head").ask("HEAD / HTTP/1.1\r\n\r\n");
    assert_eq!((header(&head, "Content-Length"), body.as_str()), (Some("8"), ""));
}

#[test]
fn other_methods_are_refused() {
    let (head, _) = Site::new("post").ask("POST / HTTP/1.1\r\n\r\n");
    assert!(head.starts_with("HTTP/1.1 405"), "{head}");
}

#[test]
fn nothing_outside_the_site_is_served() {
    let site = Site::new("outside-site");
    #[cfg(unix)]
    std::os::unix::fs::symlink(site.0.join("secret.txt"), site.0.join("site/link.txt")).unwrap();
    for path in [
        "/../secret.txt",
        "/%2e%2e/secret.txt",
        "/sub%20folder/..%2f..%2fsecret.txt",
        "/link.txt",
        "secret.txt",
        "/none",
    ] {
        let (head, body) = site.get(path, "");
        assert!(head.starts_with("HTTP/1.1 404"), "{path}: {head}");
        assert!(!body.contains("secret"), "{path}");
    }
    let absolute = format!("/{}", site.0.join("secret.txt").display());
    assert!(site.get(&absolute, "").0.starts_with("HTTP/1.1 404"));
}

#[test]
fn ranges_as_the_rfc_has_them() {
    for (header, expected) in [
        ("bytes=0-0", Asked::Part(0..1)),
        ("bytes=0-99", Asked::Part(0..10)),
        ("bytes=3-", Asked::Part(3..10)),
        ("bytes=-3", Asked::Part(7..10)),
        ("bytes=-99", Asked::Part(0..10)),
        ("bytes=-0", Asked::Outside),
        ("bytes=10-12", Asked::Outside),
        ("bytes=0-18446744073709551615", Asked::Part(0..10)),
        ("bytes=4-2", Asked::All),
        ("bytes=0-1,3-4", Asked::All),
        ("bytes=-", Asked::All),
        ("bytes=a-b", Asked::All),
        ("items=0-1", Asked::All),
    ] {
        assert_eq!(parse_range(header, 10), expected, "{header}");
    }
    assert_eq!(parse_range("bytes=0-", 0), Asked::Outside);
}

#[test]
fn percent_signs_that_mean_nothing_stay() {
    assert_eq!(percent_decode("/a%20b%2"), "/a b%2");
    assert_eq!(percent_decode("%zz%é"), "%zz%é");
}
