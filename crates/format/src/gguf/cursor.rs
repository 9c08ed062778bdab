//! A reading position in a prefix of a file: every read is bounded by the file and by the header's limit.

use crate::{FormatError, MAX_HEADER_BYTES};

/// Why reading stopped.
pub enum Stop {
    /// The prefix must be at least so long.
    Need(u64),
    /// No longer prefix helps.
    Bad(FormatError),
}

impl From<FormatError> for Stop {
    fn from(error: FormatError) -> Self {
        Stop::Bad(error)
    }
}

pub struct Cursor<'a> {
    prefix: &'a [u8],
    pos: usize,
    file_len: Option<u64>,
}

impl<'a> Cursor<'a> {
    /// `file_len` is the length of the whole file where it is known; bytes of the prefix past it are ignored.
    pub fn new(prefix: &'a [u8], file_len: Option<u64>) -> Self {
        let within = file_len.and_then(|len| usize::try_from(len).ok()).unwrap_or(usize::MAX);
        Cursor { prefix: &prefix[..prefix.len().min(within)], pos: 0, file_len }
    }

    /// Offset of the next byte.
    pub fn at(&self) -> u64 {
        self.pos as u64
    }

    /// Checks that `count` entries of at least `min_bytes` each can follow, before anything is allocated for them.
    ///
    /// Returns `count` as a size: the entries' bytes are in the prefix.
    pub fn expect(&self, count: u64, min_bytes: u64, what: &'static str) -> Result<usize, Stop> {
        let need = count.saturating_mul(min_bytes);
        let end = self.at().saturating_add(need);
        if let Some(file_len) = self.file_len.filter(|len| end > *len) {
            return Err(FormatError::Truncated { what, at: self.at(), need, file_len }.into());
        }
        if end > MAX_HEADER_BYTES {
            return Err(FormatError::HeaderTooLarge { what, at: self.at(), need }.into());
        }
        if end > self.prefix.len() as u64 {
            return Err(Stop::Need(end));
        }
        // Both are at most the prefix's length, so they fit.
        Ok(count as usize)
    }

    pub fn take(&mut self, len: u64, what: &'static str) -> Result<&'a [u8], Stop> {
        let len = self.expect(len, 1, what)?;
        let bytes = &self.prefix[self.pos..self.pos + len];
        self.pos += len;
        Ok(bytes)
    }

    pub fn array<const N: usize>(&mut self, what: &'static str) -> Result<[u8; N], Stop> {
        let bytes = self.take(N as u64, what)?;
        let mut array = [0; N];
        array.copy_from_slice(bytes);
        Ok(array)
    }

    pub fn u32(&mut self, what: &'static str) -> Result<u32, Stop> {
        Ok(u32::from_le_bytes(self.array(what)?))
    }

    pub fn u64(&mut self, what: &'static str) -> Result<u64, Stop> {
        Ok(u64::from_le_bytes(self.array(what)?))
    }

    /// A string: its length as u64, then its bytes.
    pub fn string(&mut self, what: &'static str) -> Result<String, Stop> {
        let len = self.u64(what)?;
        self.text(len, what)
    }

    /// A string of at most `limit` bytes.
    pub fn name(&mut self, limit: u64, what: &'static str) -> Result<String, Stop> {
        let at = self.at();
        let len = self.u64(what)?;
        if len > limit {
            return Err(FormatError::NameTooLong { what, at, len, limit }.into());
        }
        self.text(len, what)
    }

    fn text(&mut self, len: u64, what: &'static str) -> Result<String, Stop> {
        let at = self.at();
        let bytes = self.take(len, what)?;
        let text = std::str::from_utf8(bytes).map_err(|_| FormatError::InvalidUtf8 { what, at })?;
        Ok(text.to_owned())
    }
}
