//! In which order a model's bytes are wanted.

use std::collections::BTreeMap;

use sotto_format::order::sort_by;

use crate::header::{Segment, Target};

/// Bytes of a file that a loader wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Read {
    /// Index of the file.
    pub file: usize,
    /// Offset of the first byte from the start of the file.
    pub offset: u64,
    /// How many.
    pub bytes: u64,
}

impl Read {
    fn end(&self) -> u64 {
        self.offset + self.bytes
    }
}

/// The reads that bring every segment once, `segments` by file. See [`crate::Loader::reads`].
pub(crate) fn reads(segments: &[Vec<Segment>], file_bytes: &[u64]) -> Vec<Read> {
    let mut order = Order { sources: sources(segments), wanted: BTreeMap::new(), reads: Vec::new() };
    for (file, (segments, &bytes)) in segments.iter().zip(file_bytes).enumerate() {
        if segments.iter().all(|segment| matches!(segment.target, Target::Weight(_))) {
            order.reads.push(Read { file, offset: 0, bytes });
            continue;
        }
        for segment in segments {
            match segment.target {
                Target::Weight(_) => order.want(read_of(file, segment)),
                Target::Source { making, .. } => order.make(making),
            }
        }
    }
    order.reads
}

fn read_of(file: usize, segment: &Segment) -> Read {
    Read { file, offset: segment.start, bytes: segment.end - segment.start }
}

/// Where each making's sources are, in the order it wants them.
fn sources(segments: &[Vec<Segment>]) -> Vec<Vec<Read>> {
    let mut sources = Vec::new();
    for (file, segments) in segments.iter().enumerate() {
        for segment in segments {
            let Target::Source { making, matrix, place } = segment.target else { continue };
            if sources.len() <= making {
                sources.resize_with(making + 1, Vec::new);
            }
            sources[making].push((matrix, place == 0, read_of(file, segment)));
        }
    }
    let in_order = |mut sources: Vec<(usize, bool, Read)>| {
        sort_by(&mut sources, &|a, b| {
            (a.0, a.1, a.2.file, a.2.offset).cmp(&(b.0, b.1, b.2.file, b.2.offset))
        });
        sources.into_iter().map(|(_, _, read)| read).collect()
    };
    sources.into_iter().map(in_order).collect()
}

struct Order {
    /// Of each making, until it is wanted.
    sources: Vec<Vec<Read>>,
    /// Runs that are among the reads: file and first byte, to the byte after the last.
    wanted: BTreeMap<(usize, u64), u64>,
    reads: Vec<Read>,
}

impl Order {
    fn make(&mut self, making: usize) {
        for read in std::mem::take(&mut self.sources[making]) {
            self.want(read);
        }
    }

    /// Wants a run of bytes, unless they were wanted already: two tensors may be made of the same ones, and each takes
    /// them when they come.
    fn want(&mut self, read: Read) {
        let before = self.wanted.range(..=(read.file, read.offset)).next_back();
        if before.is_some_and(|(&(file, _), &end)| file == read.file && end >= read.end()) {
            return;
        }
        self.wanted.insert((read.file, read.offset), read.end());
        match self.reads.last_mut() {
            Some(last) if last.file == read.file && last.end() == read.offset => last.bytes += read.bytes,
            _ => self.reads.push(read),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sotto_plan::WeightId;

    fn source(start: u64, end: u64, making: usize, matrix: usize, place: usize) -> Segment {
        Segment { start, end, target: Target::Source { making, matrix, place } }
    }

    fn read(file: usize, offset: u64, bytes: u64) -> Read {
        Read { file, offset, bytes }
    }

    #[test]
    fn files_whose_tensors_are_used_as_they_are_come_whole() {
        let weight = Segment { start: 10, end: 20, target: Target::Weight(WeightId(0)) };
        assert_eq!(reads(&[vec![weight], vec![]], &[30, 5]), [read(0, 0, 30), read(1, 0, 5)]);
    }

    #[test]
    fn side_tensors_come_first_wherever_they_are_and_matrices_in_their_order() {
        // Making 0: elements at 0, its side in the other file. Making 1: matrices 1 and 0, in that order in the file.
        let first = vec![source(0, 8, 0, 0, 0), source(8, 16, 1, 1, 0), source(16, 24, 1, 0, 0)];
        let second = vec![source(40, 44, 0, 0, 1)];
        let want = [read(1, 40, 4), read(0, 0, 8), read(0, 16, 8), read(0, 8, 8)];
        assert_eq!(reads(&[first, second], &[24, 44]), want);
    }

    #[test]
    fn what_two_tensors_are_made_of_comes_once_and_neighbours_come_as_one() {
        let file = vec![
            source(0, 8, 0, 0, 0),
            source(0, 8, 1, 0, 0),
            source(8, 16, 2, 0, 0),
            source(8, 12, 3, 0, 0),
        ];
        assert_eq!(reads(&[file], &[16]), [read(0, 0, 16)]);
    }
}
