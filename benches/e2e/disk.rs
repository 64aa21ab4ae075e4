//! A disk that takes so many megabytes a second, for Forebay and peers alike: `slow_disk.c`, preloaded.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Compiles the library, once a run.
///
/// # Panics
/// When there is no C compiler, or it refuses: figures of a fast disk must not pass for those of a slow one.
pub fn slow_disk() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = root.join("target/bench-data");
    std::fs::create_dir_all(&folder).expect("target/bench-data can be made");
    let library = folder.join(format!("slow_disk-{}.so", std::process::id()));
    let compiled = Command::new("cc")
        .args(["-O2", "-shared", "-fPIC", "-o"])
        .arg(&library)
        .arg(root.join("benches/e2e/slow_disk.c"))
        .args(["-ldl", "-lpthread"])
        .status()
        .expect("--disk needs a C compiler, cc");
    assert!(compiled.success(), "cc refuses benches/e2e/slow_disk.c");
    library
}
