//! The pushdown automaton, made as far as texts need it.
//!
//! Where a text stands is a set of places in rules, each with a *frame* that says how the rule goes on when it ends: a set of
//! states to return to, each with the frame of its own rule. Rules that are called at the same byte share a frame, whoever calls
//! them, so that the number of places grows with the length of a text at most and not with the number of ways to read it. Sets
//! and frames are numbered, so a place in a text is a number too, and the step from one to another over a byte is
//! looked up once it has been taken.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;
use std::sync::Arc;

use super::error::GrammarError;
use super::program::{ACCEPT, Program, State};
use super::rules::sort;

/// A state, and the frame of its rule.
type Place = (u32, u32);

/// In a frame: the text may end. In a set: it may end here.
const END: Place = (u32::MAX, 0);

/// Words of memory that a grammar may take: 16 MiB.
const MAX_WORDS: usize = 4 << 20;
/// Places that may be looked at for the sake of one step.
const MAX_WORK: usize = 16 << 20;

/// From which no text goes on.
pub(super) const DEAD: u32 = 0;
/// Not looked up yet.
const UNKNOWN: u32 = u32::MAX;

/// Sets of places, numbered.
#[derive(Debug, Default)]
struct Sets {
    all: Vec<Rc<[Place]>>,
    numbers: HashMap<Rc<[Place]>, u32>,
}

impl Sets {
    /// The number of a set, and whether it is new.
    fn number(&mut self, places: &[Place]) -> (u32, bool) {
        if let Some(&number) = self.numbers.get(places) {
            return (number, false);
        }
        let places: Rc<[Place]> = places.into();
        let number = self.all.len() as u32;
        self.all.push(places.clone());
        self.numbers.insert(places, number);
        (number, true)
    }
}

/// Runs a program over bytes.
#[derive(Debug)]
pub(super) struct Automaton {
    program: Arc<Program>,
    frames: Sets,
    sets: Sets,
    /// `[sets, classes of bytes]`: the next set.
    steps: Vec<u32>,
    /// Whether the text may end at a set.
    ends: Vec<bool>,
    /// Words that sets, frames and the caller's notes take.
    words: usize,
    work: usize,
    // What a step works with.
    open: Vec<Place>,
    seen: HashSet<Place>,
    /// Places that are returned to, by the rule that they wait for.
    waiting: Vec<(u32, u32, Place)>,
    found: Vec<Place>,
}

impl Automaton {
    /// At the beginning of a text.
    pub fn new(program: Arc<Program>) -> Automaton {
        let mut automaton = Automaton {
            program,
            frames: Sets::default(),
            sets: Sets::default(),
            steps: Vec::new(),
            ends: Vec::new(),
            words: 0,
            work: 0,
            open: Vec::new(),
            seen: HashSet::default(),
            waiting: Vec::new(),
            found: Vec::new(),
        };
        automaton.clear();
        automaton
    }

    /// Forgets what it has looked up.
    fn clear(&mut self) {
        (self.frames, self.sets) = (Sets::default(), Sets::default());
        self.steps.clear();
        self.ends.clear();
        self.words = 0;
        self.frames.number(&[END]);
        self.add_set(&[]);
    }

    /// The set of a text's beginning.
    pub fn start(&mut self) -> Result<u32, GrammarError> {
        let root = self.program.root;
        self.begin();
        if self.program.nullable[root as usize] {
            self.found.push(END);
        }
        self.wait(root, END);
        self.call()?;
        Ok(self.finish())
    }

    /// Whether the text may end at `set`.
    pub fn may_end(&self, set: u32) -> bool {
        self.ends[set as usize]
    }

    /// Whether the text may end at `set` and cannot go on.
    pub fn must_end(&self, set: u32) -> bool {
        *self.sets.all[set as usize] == [END]
    }

    /// The frame of all places of `set`, where there is just one, and it is not that of the whole text.
    pub fn only_frame(&self, set: u32) -> Option<u32> {
        let places = &self.sets.all[set as usize];
        let frame = places.first().filter(|&&place| place != END)?.1;
        let same = places.iter().all(|&place| place == END || place.1 == frame);
        (same && frame != 0).then_some(frame)
    }

    /// The places of `set` as though the text were over where their rules end.
    pub fn alone(&mut self, set: u32) -> u32 {
        self.found.clear();
        self.found
            .extend(self.sets.all[set as usize].iter().filter(|&&p| p != END).map(|&(state, _)| (state, 0)));
        self.finish()
    }

    /// Where a text stands when the rules of `frame` end.
    pub fn after(&mut self, frame: u32) -> Result<u32, GrammarError> {
        self.begin();
        let returns = self.frames.all[frame as usize].clone();
        returns.iter().for_each(|&place| self.reach(place));
        self.close()
    }

    /// The set after `byte`.
    #[inline]
    pub fn step(&mut self, set: u32, byte: u8) -> Result<u32, GrammarError> {
        let class = self.program.classes[byte as usize] as usize;
        let at = set as usize * self.program.n_classes + class;
        let known = self.steps[at];
        if known != UNKNOWN {
            return Ok(known);
        }
        self.new_step(set, byte, at)
    }

    /// The set after `byte`, which is noted at `at`.
    #[cold]
    fn new_step(&mut self, set: u32, byte: u8, at: usize) -> Result<u32, GrammarError> {
        self.begin();
        let places = self.sets.all[set as usize].clone();
        self.work += places.len();
        for &(state, frame) in places.iter().filter(|&&place| place != END) {
            if let State::Byte(low, high, next) = self.program.states[state as usize]
                && (low..=high).contains(&byte)
            {
                self.reach((next, frame));
            }
        }
        let next = self.close()?;
        self.steps[at] = next;
        Ok(next)
    }

    /// Places looked at since room was made last, and words of memory taken.
    pub fn cost(&self) -> (usize, usize) {
        (self.work, self.words)
    }

    /// Notes that the caller keeps so many words more for the sake of this grammar.
    pub fn took(&mut self, words: usize) {
        self.words += words;
    }

    /// Makes room for a step that begins at `set`, where half of the memory is taken: forgets what is looked up. The set
    /// may then have another number, and whether that is so is told.
    pub fn make_room(&mut self, set: u32) -> (u32, bool) {
        self.work = 0;
        if self.words < MAX_WORDS / 2 {
            return (set, false);
        }
        let frames = std::mem::take(&mut self.frames);
        let places = self.sets.all[set as usize].clone();
        // A frame is numbered after those that it returns to.
        let mut needed = vec![false; frames.all.len()];
        let mut numbers = vec![0; frames.all.len()];
        let need = |needed: &mut [bool], places: &[Place]| {
            places
                .iter()
                .filter(|&&place| place != END)
                .for_each(|&(_, frame)| needed[frame as usize] = true);
        };
        need(&mut needed, &places);
        for frame in (0..frames.all.len()).rev().filter(|&f| f > 0) {
            if needed[frame] {
                need(&mut needed, &frames.all[frame]);
            }
        }
        self.clear();
        let renumbered = |places: &[Place], numbers: &[u32]| -> Vec<Place> {
            let mut places: Vec<Place> = places
                .iter()
                .map(|&place| if place == END { END } else { (place.0, numbers[place.1 as usize]) })
                .collect();
            sort(&mut places);
            places
        };
        for frame in 1..frames.all.len() {
            if needed[frame] {
                numbers[frame] = self.add_frame(&renumbered(&frames.all[frame], &numbers));
            }
        }
        let set = self.add_set(&renumbered(&places, &numbers));
        (set, true)
    }

    fn add_frame(&mut self, places: &[Place]) -> u32 {
        let (frame, new) = self.frames.number(places);
        self.words += if new { 4 * places.len() + 8 } else { 0 };
        frame
    }

    fn add_set(&mut self, places: &[Place]) -> u32 {
        let (set, new) = self.sets.number(places);
        if new {
            let row = if places.is_empty() { DEAD } else { UNKNOWN };
            self.ends.push(places.last() == Some(&END));
            self.steps.resize(self.steps.len() + self.program.n_classes, row);
            self.words += 4 * places.len() + 8 + self.program.n_classes;
        }
        set
    }

    fn begin(&mut self) {
        self.open.clear();
        self.seen.clear();
        self.found.clear();
    }

    fn reach(&mut self, place: Place) {
        if place == END {
            self.found.push(END);
        } else if self.seen.insert(place) {
            self.open.push(place);
        }
    }

    fn wait(&mut self, rule: u32, place: Place) {
        self.waiting.push((self.program.order[rule as usize], rule, place));
    }

    /// Follows what needs no byte from the places in `open`.
    fn close(&mut self) -> Result<u32, GrammarError> {
        self.follow(false);
        self.call()?;
        Ok(self.finish())
    }

    /// Follows places until they take a byte or call a rule. `fresh` rules have taken none: where they can end, their callers have gone
    /// on already.
    fn follow(&mut self, fresh: bool) {
        let program = self.program.clone();
        while let Some(place @ (state, frame)) = self.open.pop().filter(|_| self.work <= MAX_WORK) {
            self.work += 1;
            match &program.states[state as usize] {
                State::Byte(..) => self.found.push(place),
                State::Split(next) => {
                    self.work += next.len();
                    next.iter().for_each(|&next| self.reach((next, frame)));
                }
                State::Call(rule, next) => {
                    if *next == ACCEPT {
                        // The rule that is called goes on as this one does.
                        let returns = self.frames.all[frame as usize].clone();
                        self.work += returns.len();
                        returns.iter().for_each(|&place| self.wait(*rule, place));
                    } else {
                        self.wait(*rule, (*next, frame));
                    }
                    if program.nullable[*rule as usize] {
                        self.reach((*next, frame));
                    }
                }
                State::Accept if fresh => {}
                State::Accept => {
                    let returns = self.frames.all[frame as usize].clone();
                    self.work += returns.len();
                    returns.iter().for_each(|&place| self.reach(place));
                }
            }
        }
    }

    /// Begins the rules that are waited for, each once: those that may call others come before them.
    fn call(&mut self) -> Result<(), GrammarError> {
        while self.work <= MAX_WORK
            && self.words <= MAX_WORDS
            && let Some(&(order, rule, _)) = self.waiting.iter().min()
        {
            let mut returns: Vec<Place> =
                self.waiting.iter().filter(|waiting| waiting.0 == order).map(|waiting| waiting.2).collect();
            self.work += self.waiting.len();
            self.waiting.retain(|waiting| waiting.0 != order);
            sort(&mut returns);
            let frame = self.add_frame(&returns);
            self.reach((self.program.starts[rule as usize], frame));
            self.follow(true);
        }
        if self.work > MAX_WORK || self.words > MAX_WORDS {
            self.waiting.clear();
            return Err(GrammarError::TooComplex);
        }
        Ok(())
    }

    fn finish(&mut self) -> u32 {
        let mut found = std::mem::take(&mut self.found);
        sort(&mut found);
        let set = self.add_set(&found);
        self.found = found;
        set
    }
}
