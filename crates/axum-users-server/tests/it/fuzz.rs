//! The fuzzer's corpus, replayed: what it once found stays found.

#[path = "../../../../fuzz/src/targets.rs"]
#[allow(missing_docs, unreachable_pub, reason = "it is a crate of its own beside the workspace")]
mod targets;

use std::fs;
use std::path::Path;

#[test]
fn qa_02_every_target_takes_all_of_its_corpus() {
    let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz");
    let mut files: Vec<_> =
        fs::read_dir(fuzz.join("fuzz_targets")).unwrap().map(|it| it.unwrap().path()).collect();
    files.sort();
    let names: Vec<_> = files.iter().map(|file| file.file_stem().unwrap().to_str().unwrap()).collect();
    assert_eq!(
        names,
        targets::TARGETS.map(|(name, _)| name),
        "each target has a file, and each file a target"
    );

    for (name, target) in targets::TARGETS {
        let corpus: Vec<_> = fs::read_dir(fuzz.join("corpus").join(name)).unwrap().collect();
        assert!(corpus.len() >= 4, "{name} has too small a corpus");
        target(&[]);
        for file in corpus {
            let path = file.unwrap().path();
            let bytes = fs::read(&path).unwrap();
            let outcome = std::panic::catch_unwind(|| target(&bytes));
            assert!(outcome.is_ok(), "{} fails", path.display());
        }
    }
}

/// Numbers that look random and are the same in every run.
struct Numbers(u64);

impl Numbers {
    /// A number below `end`.
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % end.max(1)
    }
}

/// What separates, quotes or ends something in one of the formats.
const PIECES: [&[u8]; 16] = [
    b"\0",
    b"\"",
    b"{",
    b"[",
    b"}",
    b"%",
    b"=",
    b";",
    b"\r\n",
    b"--b",
    b"\xff",
    b"\xed\xa0\x80",
    b"1e999",
    b"null",
    "\u{212a}".as_bytes(),
    b"\\ud800",
];

/// A few changes to some bytes: some left out, some doubled, some put in, and the end of another file.
fn changed(bytes: &[u8], other: &[u8], numbers: &mut Numbers) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for _ in 0..=numbers.below(4) {
        let at = numbers.below(bytes.len() + 1);
        let end = (at + numbers.below(9)).min(bytes.len());
        match numbers.below(5) {
            0 => drop(bytes.drain(at..end)),
            1 => bytes.extend_from_within(at..end),
            2 => drop(bytes.splice(at..end, PIECES[numbers.below(PIECES.len())].iter().copied())),
            3 => bytes.splice(at.., other[numbers.below(other.len())..].iter().copied()).for_each(drop),
            _ => bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= 1 << numbers.below(8)),
        }
    }
    bytes
}

/// So many changes of each file, unless `FUZZ_CHANGES` asks for more.
const CHANGES: usize = 200;

#[test]
fn qa_02_every_target_takes_changes_of_its_corpus() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus");
    let changes = std::env::var("FUZZ_CHANGES").map_or(CHANGES, |count| count.parse().unwrap());
    let mut numbers = Numbers(1);
    for (name, target) in targets::TARGETS {
        let mut paths: Vec<_> =
            fs::read_dir(corpus.join(name)).unwrap().map(|it| it.unwrap().path()).collect();
        paths.sort();
        let files: Vec<_> = paths.iter().map(|path| fs::read(path).unwrap()).collect();
        for _ in 0..changes {
            for bytes in &files {
                let other = &files[numbers.below(files.len())];
                let bytes = changed(bytes, other, &mut numbers);
                let outcome = std::panic::catch_unwind(|| target(&bytes));
                let shown = String::from_utf8_lossy(&bytes);
                assert!(outcome.is_ok(), "{name} fails with {bytes:?}, which is {shown:?}");
            }
        }
    }
}
