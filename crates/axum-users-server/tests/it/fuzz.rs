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
