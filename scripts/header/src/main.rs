//! Writes `include/kjasync.h` from `src/`; with `--check`, only compares.

use std::path::Path;
use std::process::ExitCode;

/// Without constants that are the library's own, which are public in Rust, and with parameters named as the documentation names them:
/// what would hide something else in Rust has an underscore at its end there.
fn with_own_names(text: &str) -> String {
    let mut blocks: Vec<String> = Vec::new();
    for block in text.split("\n\n") {
        let defined = block.lines().find_map(|line| line.strip_prefix("#define "));
        if defined.is_none_or(|name| name.starts_with("KJA")) {
            blocks.push(block.lines().map(without_underscore).collect::<Vec<_>>().join("\n"));
        }
    }
    blocks.join("\n\n") + "\n"
}

/// Whether this line names a type, a constant or a function that does not begin with the library's prefix.
fn names_another(line: &str) -> bool {
    let declares = ["typedef ", "enum ", "struct ", "union ", "} "].iter().any(|start| line.starts_with(start));
    let own = line.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').any(|word| word.starts_with("kja_"));
    declares && !own && !line.ends_with('{') && !line.ends_with("extern \"C\"")
}

fn without_underscore(line: &str) -> String {
    let Some(end) = line.find("_,").or_else(|| line.find("_)")) else { return line.to_owned() };
    let name = line[..end].rsplit(|c: char| !c.is_ascii_alphanumeric() && c != '_').next().unwrap_or_default();
    let is_parameter = !name.is_empty() && name.chars().all(|c| c.is_ascii_lowercase() || c == '_');
    let cut = if is_parameter { end } else { end + 1 };
    line[..cut].to_owned() + &without_underscore(&line[end + 1..])
}

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
    let text = with_own_names(&String::from_utf8(text).expect("the sources are text")).into_bytes();
    let foreign: Vec<_> =
        std::str::from_utf8(&text).into_iter().flat_map(str::lines).filter(|line| names_another(line)).collect();
    if !foreign.is_empty() {
        eprintln!("names without the prefix, to be excluded in cbindgen.toml: {foreign:?}");
        return ExitCode::FAILURE;
    }
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
