//! User names: behind the word for them, and in the path of a home folder.

use super::keyed::{Join, NOT_VALUES, value_start};
use super::scan::{Scan, is_word};
use crate::Label;
use crate::context::Hit;

/// `/home/mhalloran/notes`, `C:\Users\jsmith`: whose folder it is.
pub(super) fn of_folder(scan: &mut Scan<'_>, hit: Hit) {
    const SHARED: [&str; 16] = [
        "shared",
        "public",
        "default",
        "user",
        "username",
        "runner",
        "ubuntu",
        "root",
        "app",
        "node",
        "admin",
        "administrator",
        "vagrant",
        "jenkins",
        "git",
        "ec2-user",
    ];
    let before = scan.before(hit.start);
    let windows = scan.before(hit.end) == b'\\';
    // As JSON writes it: `C:\\Users\\jsmith`.
    let start = hit.end + usize::from(windows && scan.byte(hit.end) == b'\\');
    let name = scan.bytes[start..].iter().take(33);
    let len = name.take_while(|&&b| is_word(b) || matches!(b, b'-' | b'.')).count();
    let name = scan.text.get(start..start + len).unwrap_or_default().trim_end_matches(['.', '-']);
    // "/users/ana" and "/home/settings" are places of a web site.
    let is_folder = windows
        || scan.byte(start + len) == b'/'
            && (hit.word == "/home/" || scan.byte(hit.start + 1) == b'U')
            && !(is_word(before) || matches!(before, b'.' | b'/'));
    if is_folder
        && (2..=32).contains(&name.len())
        && name.starts_with(|c: char| c.is_ascii_alphabetic())
        && !SHARED.contains(&name.to_ascii_lowercase().as_str())
    {
        scan.push("home_folder", Label::Username, (start, start + name.len()), 0.65, false, None);
    }
}

pub(super) fn after(scan: &mut Scan<'_>, hit: Hit) {
    let Some((start, join, quote)) = value_start(scan, hit.end) else { return };
    let start = if scan.byte(start) == b'@' { start + 1 } else { start };
    let mut end = start;
    while end - start < 40
        && (scan.byte(end).is_ascii_alphanumeric() || matches!(scan.byte(end), b'_' | b'-' | b'.'))
    {
        end += 1;
    }
    while end > start && !is_word(scan.before(end)) {
        end -= 1;
    }
    let value = &scan.bytes[start..end];
    let handle = scan.before(start) == b'@';
    let telling = value.iter().any(|b| b.is_ascii_digit() || matches!(b, b'_' | b'-'))
        && value.iter().any(u8::is_ascii_alphabetic);
    let lower = scan.text[start..end].to_ascii_lowercase();
    let named = matches!(
        hit.word,
        "username"
            | "user_name"
            | "user name"
            | "login"
            | "handle"
            | "nickname"
            | "screen name"
            | "usuario"
            | "benutzername"
            | "nome utente"
            | "gebruikersnaam"
    );
    let assigned = join == Join::Assign && (telling || named);
    if value.len() >= 3
        && (handle || assigned && scan.byte(end) != b'(')
        && !NOT_VALUES.has(&lower)
        && !matches!(scan.byte(end), b'@' | b'(')
    {
        let score = if handle || telling || quote != 0 { 0.75 } else { 0.55 };
        scan.push("username", Label::Username, (start, end), score, false, Some(hit.word));
    }
}

#[cfg(test)]
mod tests {
    use crate::recognisers::testing::check;

    #[test]
    fn user_names() {
        check(
            "USERNAME",
            &[
                "username: ana_77",
                "twitter @ana77",
                "login = jdoe",
                "user_name: jdoe",
                "/home/jdoe/x",
                r"C:\Users\jdoe",
                r"C:\\Users\\jdoe\\x",
            ],
            &[
                "user clicked",
                "username: string",
                "the user is",
                "/home/ubuntu/x",
                "site.com/users/ana/b",
                "GET /home/dashboard",
                "GET /Users/Login",
                "/usr/home/",
            ],
        );
    }
}
