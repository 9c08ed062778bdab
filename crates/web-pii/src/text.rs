//! Texts across the border. JavaScript's strings may hold lone surrogates, Rust's cannot; [`sotto_pii::lone`] carries them.

use js_sys::JsString;
use sotto_pii::lone;

/// Units that one call of `String.fromCharCode` takes: engines limit the arguments of a call.
const UNITS_A_CALL: usize = 8 << 10;

/// JavaScript's string with every unit it has. The usual one crosses as UTF-8 in one go.
pub(crate) fn from_js(text: &JsString) -> String {
    let plain = String::from(text);
    // A lone surrogate crosses as U+FFFD, which may also really be there.
    if plain.contains(char::REPLACEMENT_CHARACTER) || lone::carries(&plain) {
        let units: Vec<u16> = text.iter().collect();
        return lone::from_utf16(&units);
    }
    plain
}

/// Rust's string as JavaScript's.
pub(crate) fn to_js(text: &str) -> JsString {
    if !lone::carries(text) {
        return text.into();
    }
    let parts = lone::to_utf16(text);
    parts
        .chunks(UNITS_A_CALL)
        .map(JsString::from_char_code)
        .fold(JsString::from(""), |all, part| all.concat(&part))
}

/// JSON for JavaScript to parse, carried surrogates written as the escapes they are.
pub(crate) fn json(value: &impl serde::Serialize) -> String {
    let written = serde_json::to_string(value).unwrap_or_else(|_| "null".to_owned());
    if !lone::carries(&written) {
        return written;
    }
    let escaped = |c: char| lone::carried(c).map_or_else(|| c.to_string(), |unit| format!("\\u{unit:04x}"));
    written.chars().map(escaped).collect()
}

/// Text that comes in parts, which may be cut between the two halves of a character.
#[derive(Default)]
pub(crate) struct Parts {
    half: Option<u16>,
}

impl Parts {
    /// The part, with the half character before it and without the one at its end.
    pub fn take(&mut self, part: &JsString) -> String {
        let len = part.length();
        let last = len.checked_sub(1).map(|at| part.char_code_at(at) as u16);
        let half = last.filter(|unit| (0xd800..0xdc00).contains(unit));
        if self.half.is_none() && half.is_none() {
            return from_js(part);
        }
        let mut units: Vec<u16> = self.half.take().into_iter().chain(part.iter()).collect();
        if half.is_some() {
            units.pop();
        }
        self.half = half;
        lone::from_utf16(&units)
    }

    /// The half character that no other half came to.
    pub fn finish(&mut self) -> String {
        lone::from_utf16(&self.half.take().into_iter().collect::<Vec<u16>>())
    }
}
