//! Writes `include/kjasync.h` from `src/`; with `--check`, only compares.

use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let config = cbindgen::Config::from_file(root.join("cbindgen.toml")).expect("cbindgen.toml");
    let bindings = cbindgen::Builder::new()
        .with_crate(&root)
        .with_config(config)
        .generate()
        .expect("the exported functions of src/ffi");
    let mut text = Vec::new();
    bindings.write(&mut text);
    let path = root.join("include/kjasync.h");
    let current = std::fs::read(&path).unwrap_or_default();
    if std::env::args().any(|a| a == "--check") {
        if current == text {
            return ExitCode::SUCCESS;
        }
        eprintln!("include/kjasync.h is not what src/ffi says; run `make header`");
        return ExitCode::FAILURE;
    }
    std::fs::write(&path, text).expect("include/kjasync.h is writable");
    ExitCode::SUCCESS
}
