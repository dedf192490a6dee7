//! The inputs that fuzzing kept, those that once broke something among them, and what can be made from them without a
//! fuzzer, through the same checks.

#[path = "../../fuzz/src/lib.rs"]
mod targets;

use std::fs;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};

/// Inputs made from each that was kept, in a normal run; `make prove` asks for more in `AUTHGATE_MUTATIONS`.
const MUTATIONS: u64 = 10;
/// What means something to one of the parsers.
const EDGES: &[u8] = b"\0\n %+&=;:,.-_/\\\"'#?@[]{}9Az\x7f\xff";

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus")
}

/// What was kept for a target.
fn kept(name: &str) -> Vec<Vec<u8>> {
    let files = fs::read_dir(folder().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
    let mut paths: Vec<_> = files.map(|file| file.unwrap().path()).collect();
    paths.sort();
    paths.iter().map(|path| fs::read(path).unwrap()).collect()
}

fn passes(name: &str, check: fn(&[u8]), input: &[u8]) {
    assert!(catch_unwind(|| check(input)).is_ok(), "{name} is broken by b\"{}\"", input.escape_ascii());
}

#[test]
fn every_input_that_was_kept_does_what_it_should() {
    for (name, check) in targets::TARGETS {
        let inputs = kept(name);
        assert!(!inputs.is_empty(), "{name} has no corpus");
        for input in &inputs {
            passes(name, check, input);
        }
    }
}

#[test]
fn every_corpus_has_its_target() {
    for folder in fs::read_dir(folder()).unwrap() {
        let name = folder.unwrap().file_name();
        assert!(targets::TARGETS.iter().any(|(known, _)| name.to_str() == Some(known)), "{}", name.display());
    }
}

/// SplitMix64: the same inputs in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % bound.max(1) as u64).unwrap()
    }

    /// A piece of some bytes.
    fn piece<'a>(&mut self, of: &'a [u8]) -> &'a [u8] {
        let from = self.below(of.len());
        &of[from..of.len().min(from + 1 + self.below(16))]
    }

    /// The same with up to four changes: a bit, a byte, a piece of it or of another.
    fn mutated(&mut self, input: &[u8], other: &[u8]) -> Vec<u8> {
        let mut made = input.to_vec();
        for _ in 0..=self.below(4) {
            let at = self.below(made.len());
            match self.below(5) {
                0 if !made.is_empty() => made[at] ^= 1 << self.below(8),
                1 if !made.is_empty() => drop(made.remove(at)),
                2 => made.insert(at, EDGES[self.below(EDGES.len())]),
                3 => drop(made.splice(at..at, self.piece(other).to_vec())),
                _ => {
                    let piece = self.piece(&made).to_vec();
                    drop(made.splice(at..at, piece));
                }
            }
        }
        made
    }
}

#[test]
fn what_is_made_from_them_does_too() {
    let asked = std::env::var("AUTHGATE_MUTATIONS").map(|text| text.parse().expect("a number"));
    let changes: u64 = asked.unwrap_or(MUTATIONS);
    let mut random = Random(1);
    for (name, check) in targets::TARGETS {
        let inputs = kept(name);
        for input in &inputs {
            for _ in 0..changes {
                let other = random.below(inputs.len());
                passes(name, check, &random.mutated(input, &inputs[other]));
            }
        }
    }
}
