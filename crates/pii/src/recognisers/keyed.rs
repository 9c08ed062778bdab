//! Values announced by a word before them: `MRN 00123456`, `plate YK19 LFT`, `OTP 482913`; credentials, ages and user names have files of their own.
//! Driven by the context words themselves, so text without them costs nothing.

use super::scan::{REACH, Scan, is_word};
use super::words::words;
use super::{age, credential, iban, username};
use crate::Label;
use crate::context::{Hit, Kind, Kinds};

/// A kind of value and the words that announce it.
struct Keyed {
    name: &'static str,
    label: Label,
    kinds: Kinds,
    score: f32,
    /// Least digits in the value.
    digits: usize,
    /// Bounds of its length in bytes.
    len: (usize, usize),
}

const IDS: &[Keyed] = &[
    Keyed {
        name: "passport_number",
        label: Label::Passport,
        kinds: Kinds::of(&[Kind::Passport]),
        score: 0.8,
        digits: 4,
        len: (6, 12),
    },
    Keyed {
        name: "driver_license",
        label: Label::DriverLicense,
        kinds: Kinds::of(&[Kind::License]),
        score: 0.75,
        digits: 4,
        len: (5, 20),
    },
    Keyed {
        name: "health_id",
        label: Label::HealthId,
        kinds: Kinds::of(&[Kind::Health]),
        score: 0.8,
        digits: 4,
        len: (4, 20),
    },
    Keyed {
        name: "licence_plate",
        label: Label::VehicleId,
        kinds: Kinds::of(&[Kind::Plate]),
        score: 0.65,
        digits: 1,
        len: (4, 10),
    },
    Keyed {
        name: "device_serial",
        label: Label::DeviceId,
        kinds: Kinds::of(&[Kind::Serial]),
        score: 0.7,
        digits: 3,
        len: (6, 40),
    },
    Keyed {
        name: "account_number",
        label: Label::AccountNumber,
        kinds: Kinds::of(&[Kind::Account]),
        score: 0.7,
        digits: 5,
        len: (5, 24),
    },
    Keyed {
        name: "tax_number",
        label: Label::TaxId,
        kinds: Kinds::of(&[Kind::Tax]),
        score: 0.65,
        digits: 6,
        len: (7, 18),
    },
    Keyed {
        name: "id_number",
        label: Label::IdNumber,
        kinds: Kinds::of(&[Kind::Id]),
        score: 0.6,
        digits: 3,
        len: (4, 36),
    },
];

/// What all of a value is whose name speaks of `kinds`.
pub(super) fn whole(kinds: Kinds, value: &str) -> Option<(Label, f32)> {
    let digits = value.bytes().filter(u8::is_ascii_digit).count();
    let all = |marks: &[u8]| value.bytes().all(|b| b.is_ascii_alphanumeric() || marks.contains(&b));
    let letters = value.bytes().filter(u8::is_ascii_alphabetic).count();
    if kinds.has(Kinds::of(&[Kind::Phone])) && (7..=18).contains(&digits) && letters < 4 && all(b" +-()./") {
        return Some((Label::Phone, 0.75));
    }
    let keyed = IDS.iter().find(|keyed| kinds.has(keyed.kinds))?;
    let fits = digits >= keyed.digits && (keyed.len.0..=keyed.len.1).contains(&value.len()) && all(b"-/.");
    (fits && !is_date_or_year(value.as_bytes())).then(|| (keyed.label.clone(), keyed.score))
}

/// Follows every context word that announces a value.
pub(crate) fn scan(scan: &mut Scan<'_>) {
    const ANNOUNCE: Kinds = Kinds::of(&[
        Kind::Passport,
        Kind::License,
        Kind::Health,
        Kind::Plate,
        Kind::Serial,
        Kind::Account,
        Kind::Tax,
        Kind::Id,
        Kind::Password,
        Kind::Secret,
        Kind::Bic,
        Kind::Age,
        Kind::Username,
        Kind::Code,
        Kind::Years,
        Kind::Home,
    ]);
    let hits = std::mem::take(&mut scan.hits);
    for &hit in hits.iter().filter(|hit| hit.kinds.has(ANNOUNCE)) {
        follow(scan, hit);
    }
    scan.hits = hits;
}

fn follow(scan: &mut Scan<'_>, hit: Hit) {
    if hit.kinds.has(Kinds::of(&[Kind::Bic])) {
        iban::bic_after(scan, hit);
    }
    if hit.kinds.has(Kinds::of(&[Kind::Password, Kind::Secret])) {
        credential::at(scan, hit);
    }
    if hit.kinds.has(Kinds::of(&[Kind::Age])) {
        age::after(scan, hit);
    }
    if hit.kinds.has(Kinds::of(&[Kind::Username])) {
        username::after(scan, hit);
    }
    if hit.kinds.has(Kinds::of(&[Kind::Years])) {
        age::before(scan, hit);
    }
    if hit.kinds.has(Kinds::of(&[Kind::Home])) {
        username::of_folder(scan, hit);
    }
    if hit.kinds.has(Kinds::of(&[Kind::Code])) {
        code(scan, hit);
    }
    if hit.kinds.has(Kinds::of(&[Kind::Id])) {
        dockets(scan, hit);
    }
    if let Some(keyed) = IDS.iter().find(|keyed| hit.kinds.has(keyed.kinds)) {
        identifier(scan, hit, keyed);
    }
}

/// How a value is joined to its word.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Join {
    /// Only spaces.
    Space,
    /// A word such as "is" or "number".
    Word,
    /// `:` or `=`.
    Assign,
}

/// Steps from the end of a context word over `number is: "` and the like to where a value may start.
pub(super) fn value_start(scan: &Scan<'_>, from: usize) -> Option<(usize, Join, u8)> {
    const FILLERS: [&str; 24] = [
        "number", "no", "nos", "nr", "núm", "numéro", "nummer", "num", "id", "is", "es", "est", "ist", "was",
        "code", "n°", "nº", "key", "value", "of", "card", "the", "my", "for",
    ];
    let mut at = from;
    let mut join = Join::Space;
    let mut quote = 0;
    for _ in 0..12 {
        let b = scan.byte(at);
        match b {
            b' ' | b'\t' => at += 1,
            b'=' if scan.byte(at + 1) == b'=' => return None,
            b':' | b'=' => {
                join = Join::Assign;
                at += 1;
            }
            b'>' if scan.before(at) == b'=' => at += 1,
            b'#' | b'.' | b'(' | b'[' | b'*' => at += 1,
            b'"' | b'\'' | b'`' => {
                quote = b;
                at += 1;
            }
            _ => {
                let word_end =
                    (at..at + 8).find(|&i| !(scan.byte(i).is_ascii_alphabetic() || scan.byte(i) >= 0x80));
                let Some(end) = word_end else {
                    // A long word is one of prose, unless there is a digit in what it begins.
                    let part =
                        |b: u8| if join == Join::Assign { b > b' ' } else { b.is_ascii_alphanumeric() };
                    let mut rest = scan.bytes[at..].iter().take(64).take_while(|&&b| part(b));
                    return rest.any(u8::is_ascii_digit).then_some((at, join, quote));
                };
                let word = scan.text.get(at..end).unwrap_or_default();
                if quote == 0 && join != Join::Assign && FILLERS.iter().any(|f| f.eq_ignore_ascii_case(word))
                {
                    join = Join::Word;
                    at = end;
                } else {
                    return Some((at, join, quote));
                }
            }
        }
        if at >= scan.bytes.len() || at > from + 32 {
            return None;
        }
    }
    Some((at, join, quote))
}

fn identifier(scan: &mut Scan<'_>, hit: Hit, keyed: &Keyed) {
    let Some((start, join, _)) = value_start(scan, hit.end) else {
        return;
    };
    // "id" and its like are too common for a value after a mere space.
    if join == Join::Space
        && matches!(
            hit.word,
            "id" | "user"
                | "plate"
                | "reg"
                | "registration"
                | "badge"
                | "device"
                | "account"
                | "conta"
                | "conto"
                | "compte"
                | "cuenta"
                | "konto"
                | "rg"
                | "vat"
                | "iva"
        )
        && !scan.byte(start).is_ascii_digit()
        && !(keyed.label == Label::VehicleId && plate_part(scan, start, true) > start)
    {
        return;
    }
    let mut end = start;
    let inner = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'/' | b'.');
    while end - start <= keyed.len.1 && inner(scan.byte(end)) {
        end += 1;
    }
    // A plate's other half: "YK19 LFT", "4821 KLM", "HH-KL 2208".
    let is_half = end - start <= 4 || !scan.bytes[start..end].iter().any(u8::is_ascii_digit);
    if keyed.label == Label::VehicleId && is_half && scan.byte(end) == b' ' {
        let half = plate_part(scan, end + 1, false);
        let letters =
            scan.bytes[end + 1..half.max(end + 1)].iter().filter(|b| b.is_ascii_uppercase()).count();
        let fits = matches!(letters, 0 | 3) && half > end + 1 && half - start <= keyed.len.1;
        end = if fits { half } else { end };
    }
    // Groups of digits with single spaces: "12 3456 7890".
    while scan.byte(end) == b' ' && scan.byte(end + 1).is_ascii_digit() && scan.before(end).is_ascii_digit() {
        let group = scan.bytes[end + 1..].iter().take(9).take_while(|b| b.is_ascii_digit()).count();
        if !(2..=8).contains(&group)
            || end + 1 + group - start > keyed.len.1
            || is_word(scan.byte(end + 1 + group))
        {
            break;
        }
        end += 1 + group;
    }
    while end > start && !scan.before(end).is_ascii_alphanumeric() {
        end -= 1;
    }
    let value = &scan.bytes[start..end];
    let digits = value.iter().filter(|b| b.is_ascii_digit()).count();
    let lower_words = value.iter().filter(|b| b.is_ascii_lowercase()).count() > digits;
    let dots = value.iter().filter(|&&b| b == b'.').count();
    let (least, most) = keyed.len;
    let plausible = digits >= keyed.digits
        && (least..=most).contains(&value.len())
        && !lower_words
        && dots <= 3
        && !is_word(scan.byte(end));
    if plausible && (keyed.digits < 4 || !is_date_or_year(value)) {
        let bonus = if join == Join::Space { 0.0 } else { 0.1 };
        scan.push(keyed.name, keyed.label.clone(), (start, end), keyed.score + bonus, false, Some(hit.word));
    }
}

/// The end of up to four capitals and digits at `start`, which make a word; `start` itself where there are none, or none is a digit
/// though one must be.
fn plate_part(scan: &Scan<'_>, start: usize, digit: bool) -> usize {
    let part = scan.bytes[start..].iter().take(5);
    let len = part.take_while(|b| b.is_ascii_uppercase() || b.is_ascii_digit()).count();
    let word = &scan.bytes[start..start + len];
    let fits =
        len <= 4 && !is_word(scan.byte(start + len)) && (!digit || word.iter().any(u8::is_ascii_digit));
    if fits { start + len } else { start }
}

/// A court's numbers of cases, one or a list of them: `applications nos. 26480/95, 28291/95 and 29280/95`.
fn dockets(scan: &mut Scan<'_>, hit: Hit) {
    const AND: [&str; 7] = ["and", "y", "e", "et", "und", "en", "&"];
    const LONGEST: usize = 16;
    let Some((mut start, ..)) = value_start(scan, hit.end) else { return };
    while let Some(end) = docket_end(scan, start) {
        scan.push("case_number", Label::IdNumber, (start, end), 0.75, false, Some(hit.word));
        let spaces = |at: usize| at + scan.bytes[at..].iter().take(2).take_while(|&&b| b == b' ').count();
        let mut at = spaces(end);
        if matches!(scan.byte(at), b',' | b';') {
            at = spaces(at + 1);
        }
        let word = scan.text[at..].split(' ').next().unwrap_or_default();
        start = if AND.contains(&word) { spaces(at + word.len()) } else { at };
        // A reader of pieces of a text would not know of a word further back.
        if start == end || start > hit.start + REACH - LONGEST {
            return;
        }
    }
}

/// The end of `26480/95` or `39428 / 1998` at `start`: a number and the year it is of.
fn docket_end(scan: &Scan<'_>, start: usize) -> Option<usize> {
    let digits = |at: usize| {
        let after = scan.bytes.get(at..)?;
        Some(after.iter().take(7).take_while(|b| b.is_ascii_digit()).count())
    };
    let number: usize = digits(start).filter(|count| (2..=6).contains(count))?;
    let mut at = start + number;
    at += usize::from(scan.byte(at) == b' ');
    if scan.byte(at) != b'/' {
        return None;
    }
    at += 1;
    at += usize::from(scan.byte(at) == b' ');
    let year: usize = digits(at).filter(|count| matches!(count, 2 | 4))?;
    let end = at + year;
    let part_of_more =
        is_word(scan.byte(end)) || matches!(scan.byte(end), b'/' | b'-') && is_word(scan.byte(end + 1));
    (number + year >= 5 && !part_of_more).then_some(end)
}

fn is_date_or_year(value: &[u8]) -> bool {
    value.len() == 4 && (value.starts_with(b"19") || value.starts_with(b"20"))
}

words! {
    /// Words that stand where a value could, in prose and in source code.
    pub(super) NOT_VALUES = " none null nil true false undefined string str int bool boolean number any object required optional empty unknown hidden redacted \
    example changeme reset forgot incorrect invalid wrong expired missing protected policy manager field input here below above this that your the and or not is was \
    are for from with must should can will may has have new old same "
}

/// `cvv 331`, `OTP 482 913`, `the door code is 2580`: three digits behind a card, four to eight elsewhere.
fn code(scan: &mut Scan<'_>, hit: Hit) {
    let Some((start, join, _)) = value_start(scan, hit.end) else { return };
    let run = |at: usize| scan.bytes[at..].iter().take(9).take_while(|b| b.is_ascii_digit()).count();
    let mut digits = run(start);
    let mut end = start + digits;
    // In two groups: "482 913".
    let more = if matches!(scan.byte(end), b' ' | b'-') { run(end + 1) } else { 0 };
    if digits == more && matches!(digits, 3 | 4) {
        (digits, end) = (2 * digits, end + 1 + digits);
    }
    let of_card = hit.word.starts_with("cv") || hit.word.starts_with("card");
    let fits = if of_card { (3..=4).contains(&digits) } else { (4..=8).contains(&digits) };
    let year = join != Join::Assign && is_date_or_year(&scan.bytes[start..end]);
    let goes_on = is_word(scan.byte(end))
        || matches!(scan.byte(end), b'.' | b'-' | b'/' | b':') && is_word(scan.byte(end + 1));
    if fits && !year && !goes_on {
        let score = if join == Join::Space { 0.75 } else { 0.85 };
        scan.push("one_time_code", Label::Secret, (start, end), score, false, Some(hit.word));
    }
}

#[cfg(test)]
mod tests {
    use crate::recognisers::testing::{check, spans};

    #[test]
    fn identifiers() {
        check("HEALTH_ID", &["MRN: 00123456", "medical record number 123-456-7"], &["MRN: none"]);
        check(
            "ACCOUNT_NUMBER",
            &["account number 12345678", "Account no. 0012-3456-789", "Kontonummer: 1234567890"],
            &["account for 2010", "account number unknown"],
        );
        check(
            "ID_NUMBER",
            &["employee id: E-10293", "case no. 39428/98", "policy number PX-889123"],
            &[
                "the id of the object",
                "id: string",
                "order number of",
                "demanda de 12/05/1998",
                "dossier 1/2",
            ],
        );
        let list = "applications nos. 26480/95, 28291 / 95 and 29280/1995 were joined on 12/05/1998";
        assert_eq!(spans("ID_NUMBER", list), ["26480/95", "28291 / 95", "29280/1995"]);
        for list in ["requêtes nos 26480/95 et 28291/95", "zaken: dossier 26480/95 en 28291/95"] {
            assert_eq!(spans("ID_NUMBER", list), ["26480/95", "28291/95"], "{list}");
        }
        check("DRIVER_LICENSE", &["driver's license D123-4567-8901"], &["driver's license expired"]);
        check(
            "VEHICLE_ID",
            &[
                "license plate 7ABC123",
                "matrícula: 1234 BCD",
                "plate LD19 OXP",
                "Kfz HH-KL 2208",
                "a van, GJ70 ZPN",
                "PLATE 7ABC123 WAS SEEN",
                "license plate ABC-1234 TX",
            ],
            &[
                "license plate of the car",
                "REGISTRATION FEE 20",
                "plate OF 12",
                "FY24 EPS grew",
                "the car AK47 WAS",
                "reg: 0x1F40",
                "reg 2024",
            ],
        );
        let parts = spans("VEHICLE_ID", "reg YK19 LFT, plate KL 2208 and matrícula 4821 KLM.");
        assert_eq!(parts, ["YK19 LFT", "4821 KLM"]);
        check(
            "SECRET",
            &[
                r#"{"cvv":"331"}"#,
                "CVC2 445",
                "the door code is 2580",
                "OTP 482 913",
                "verification code: 77120",
            ],
            &[
                "cvv",
                "OTP tokens",
                "Erlang/OTP 26.2.1",
                "entry code 500",
                "access code 404 error",
                "security code of 2019",
                "CVC 20231",
                "if password == confirm_password1:",
            ],
        );
    }
}
