//! Compression of bytes, as one call and piece by piece.

use crate::gate::*;
use kjasync::ErrorKind;
use kjasync::compression::*;

pub(crate) const FORMATS: [CompressionFormat; 4] =
    [CompressionFormat::Gzip, CompressionFormat::Zlib, CompressionFormat::Deflate, CompressionFormat::Brotli];

pub(crate) fn compress(format: CompressionFormat) -> Coding {
    Coding::Compress(Compression::new(format))
}

pub(crate) fn decompress(format: CompressionFormat) -> Coding {
    Coding::Decompress(Decompression::new(format))
}

pub(crate) fn compressed(format: CompressionFormat, data: &[u8]) -> Vec<u8> {
    code(&compress(format), data, usize::MAX).unwrap()
}

fn decompressed(format: CompressionFormat, data: &[u8]) -> Result<Vec<u8>, kjasync::Error> {
    code(&decompress(format), data, usize::MAX)
}

/// Bytes that cannot be compressed.
pub(crate) fn noise(size: usize) -> Vec<u8> {
    let mut random = Random::new(size as u64 + 1);
    (0..size).map(|_| random.next() as u8).collect()
}

/// Bytes of which every kind has something: zeros, repetitions, noise, a text.
pub(crate) fn kinds(size: usize) -> [Vec<u8>; 4] {
    let text = b"the quick brown fox jumps over the lazy dog, and over the lazy cat\n";
    let mut random = Random::new(3);
    let mixed = (0..size).map(|at| if random.below(10) == 0 { at as u8 } else { text[at % text.len()] }).collect();
    [vec![0; size], (0..size).map(|at| (at % 251) as u8).collect(), noise(size), mixed]
}

/// Runs a coder over pieces of these sizes in turn, with this much room at a time.
fn in_pieces(coder: &mut Coder, data: &[u8], sizes: &[usize], room: usize, until: Until) -> Vec<u8> {
    let (mut out, mut at, mut turn) = (Vec::new(), 0, 0);
    let mut buffer = vec![0; room];
    loop {
        let end = (at + sizes[turn % sizes.len()]).min(data.len());
        turn += 1;
        let now = if end == data.len() { until } else { Until::InputUsed };
        let progress = coder.run(&data[at..end], &mut buffer, now).unwrap();
        at += progress.used;
        out.extend_from_slice(&buffer[..progress.written]);
        if at == data.len() && now == until && progress.done {
            return out;
        }
    }
}

fn coder(coding: &Coding) -> Coder {
    Coder::new(coding).unwrap()
}

// parity: GZIP-02, BROT-02
#[test]
fn every_level_and_window_gives_back_what_went_in() {
    for format in FORMATS {
        let brotli = format == CompressionFormat::Brotli;
        let (levels, windows) = if brotli { (0..=11, 10..=24) } else { (0..=9, 9..=15) };
        let settings =
            levels.map(|level| (Some(level), None)).chain(windows.map(|bits| (None, Some(bits)))).chain([(None, None)]);
        for (level, window_bits) in settings {
            let coding = Coding::Compress(Compression { format, level, window_bits });
            for data in kinds(70_000) {
                let small = code(&coding, &data, usize::MAX).unwrap();
                assert!(decompressed(format, &small).unwrap() == data, "{format:?} {level:?} {window_bits:?}");
            }
        }
    }
    for format in FORMATS {
        for size in [0, 1, 2, 63, 64, 65, 16_384, 65_535, 65_536, 65_537, 1 << 20] {
            for data in kinds(size) {
                assert!(decompressed(format, &compressed(format, &data)).unwrap() == data, "{format:?} {size}");
            }
        }
    }
}

#[test]
fn levels_and_windows_that_a_format_does_not_have_are_refused() {
    for format in FORMATS {
        let brotli = format == CompressionFormat::Brotli;
        let (level, windows) = if brotli { (12, [9, 25]) } else { (10, [8, 16]) };
        let with = |level, window_bits| Coder::new(&Coding::Compress(Compression { format, level, window_bits }));
        assert_eq!(kind(with(Some(level), None)), Some(ErrorKind::InvalidArgument));
        for bits in windows {
            assert_eq!(kind(with(None, Some(bits))), Some(ErrorKind::InvalidArgument));
            let wanted = Decompression { window_bits: Some(bits), ..Decompression::new(format) };
            assert_eq!(kind(Coder::new(&Coding::Decompress(wanted))), Some(ErrorKind::InvalidArgument));
        }
    }
}

// parity: GZIP-07, BROT-06
#[test]
fn every_split_of_input_and_every_room_gives_the_same() {
    let data = b"abracadabra abracadabra, and a little noise: \x01\xfe\x80\x7f".to_vec();
    for format in FORMATS {
        let whole = compressed(format, &data);
        for split in 0..=whole.len() {
            for room in [1, 2, 7, 63, 64, 65, 1000] {
                let sizes = [split.max(1), whole.len()];
                let out = in_pieces(&mut coder(&decompress(format)), &whole, &sizes, room, Until::Ended);
                assert_eq!(out, data, "{format:?} split at {split}, room {room}");
            }
        }
        for split in 1..=data.len() {
            for room in [1, 5, 6, 64, 1000] {
                let out = in_pieces(&mut coder(&compress(format)), &data, &[split, 3], room, Until::Ended);
                assert_eq!(decompressed(format, &out).unwrap(), data, "{format:?} split at {split}, room {room}");
            }
        }
        for data in kinds(300_000) {
            let small = in_pieces(&mut coder(&compress(format)), &data, &[1, 5000, 70_000], 777, Until::Ended);
            let out = in_pieces(&mut coder(&decompress(format)), &small, &[1, 2, 3000], 1013, Until::Ended);
            assert!(out == data, "{format:?}");
        }
    }
}

// parity: GZIP-04, BROT-04
#[test]
fn after_a_flush_all_that_went_in_comes_out() {
    for format in FORMATS {
        for room in [1, 3, 6, 64, 4096] {
            let (mut small, mut large) = (coder(&compress(format)), coder(&decompress(format)));
            for size in [0, 1, 0, 100, 3000, 2] {
                for data in kinds(size) {
                    let flushed = in_pieces(&mut small, &data, &[1000], room, Until::Flushed);
                    let out = in_pieces(&mut large, &flushed, &[7], 50, Until::InputUsed);
                    assert!(out == data, "{format:?}: {} of {size}, room {room}", out.len());
                }
            }
            let end = in_pieces(&mut small, b"last", &[1], room, Until::Ended);
            assert_eq!(in_pieces(&mut large, &end, &[1], room, Until::Ended), b"last");
        }
    }
}

#[test]
fn a_flush_that_was_not_finished_goes_on_with_the_next_call() {
    for format in FORMATS {
        let mut small = coder(&compress(format));
        let (mut out, mut buffer) = (Vec::new(), [0; 1000]);
        let first = small.run(&noise(500), &mut buffer[..10], Until::Flushed).unwrap();
        assert!(!first.done && first.used == 500 && first.written == 10);
        out.extend_from_slice(&buffer[..10]);
        let second = small.run(b"more", &mut buffer, Until::InputUsed).unwrap();
        assert!(second.done && second.used == 4 && second.written >= 490, "{format:?}: {second:?}");
        out.extend_from_slice(&buffer[..second.written]);
        let mut large = coder(&decompress(format));
        assert!(in_pieces(&mut large, &out, &[100], 1000, Until::InputUsed) == noise(500), "{format:?}");
        let last = small.run(b"", &mut buffer, Until::Ended).unwrap();
        assert_eq!(in_pieces(&mut large, &buffer[..last.written], &[1], 100, Until::Ended), b"more");
    }
}

// parity: GZIP-05
#[test]
fn nothing_is_added_after_the_end() {
    for format in FORMATS {
        for coding in [compress(format), decompress(format)] {
            let mut coder = coder(&coding);
            let (data, mut buffer) = (compressed(format, b"data"), [0; 200]);
            let end = coder.run(&data, &mut buffer, Until::Ended).unwrap();
            assert!(end.done && end.used == data.len());
            let again = coder.run(b"", &mut buffer, Until::Flushed).unwrap();
            assert!(again.done && again.written == 0);
            assert_eq!(kind(coder.run(b"x", &mut buffer, Until::InputUsed)), Some(ErrorKind::Failed));
        }
    }
}

// parity: GZIP-01
#[test]
fn members_of_gzip_that_follow_one_another_are_one() {
    let mut all = compressed(CompressionFormat::Gzip, b"one");
    all.extend(compressed(CompressionFormat::Gzip, b""));
    all.extend(compressed(CompressionFormat::Gzip, b"two"));
    for sizes in [&[1][..], &[2, 17], &[1000]] {
        for room in [1, 64] {
            let mut large = coder(&decompress(CompressionFormat::Gzip));
            assert_eq!(in_pieces(&mut large, &all, sizes, room, Until::Ended), b"onetwo");
        }
    }
}

// parity: GZIP-01, BROT-05
#[test]
fn an_end_before_the_end_is_a_disconnection() {
    for format in FORMATS {
        let data = kinds(3000).concat();
        let whole = compressed(format, &data);
        for cut in (0..whole.len().min(200)).chain(whole.len() - 20..whole.len()) {
            let failed = decompressed(format, &whole[..cut]);
            assert_eq!(kind(failed), Some(ErrorKind::Disconnected), "{format:?} cut at {cut} of {}", whole.len());
        }
        // What came before it is there.
        let (mut large, mut buffer) = (coder(&decompress(format)), vec![0; 20_000]);
        let most = large.run(&whole[..whole.len() - 1], &mut buffer, Until::Ended).unwrap();
        assert!(
            !most.done && most.written > 11_000 && buffer[..most.written] == data[..most.written],
            "{format:?}: {most:?}"
        );
        for _ in 0..2 {
            assert_eq!(kind(large.run(b"", &mut buffer, Until::Ended)), Some(ErrorKind::Disconnected));
        }
    }
}

// parity: GZIP-01, BROT-05
#[test]
fn what_is_behind_the_end_is_an_error_after_what_came_before_it() {
    for format in FORMATS {
        let mut data = compressed(format, b"before");
        data.extend(b"behind");
        let (mut large, mut buffer) = (coder(&decompress(format)), [0; 100]);
        let before = large.run(&data, &mut buffer, Until::Ended).unwrap();
        assert!(!before.done && buffer[..before.written] == *b"before", "{format:?}");
        let error = large.run(&data[before.used..], &mut buffer, Until::Ended);
        assert_eq!(kind(error), Some(ErrorKind::Failed), "{format:?}");
    }
}

// parity: GZIP-01, BROT-01
#[test]
fn changed_bytes_end_in_an_error_or_in_other_bytes_and_never_worse() {
    let data = kinds(700).concat();
    for format in FORMATS {
        let whole = compressed(format, &data);
        let mut refused = 0;
        for at in 0..whole.len() {
            for change in [1, 0x80, 0xff] {
                let mut changed = whole.clone();
                changed[at] ^= change;
                match code(&decompress(format), &changed, 1 << 20) {
                    Ok(out) if format == CompressionFormat::Gzip || format == CompressionFormat::Zlib => {
                        // Fields of the header that say nothing about the data.
                        assert!(out == data, "{format:?} at {at}");
                    }
                    Ok(_) => (),
                    Err(error) => {
                        refused += 1;
                        let known = [ErrorKind::Failed, ErrorKind::Disconnected, ErrorKind::Overloaded];
                        assert!(known.contains(&error.kind()), "{format:?} at {at}: {error:?}");
                    }
                }
            }
        }
        assert!(refused > 0, "{format:?}");
        for seed in 1..300 {
            let junk = noise(seed);
            if let Ok(out) = code(&decompress(format), &junk, 1 << 20) {
                assert!(!matches!(format, CompressionFormat::Gzip | CompressionFormat::Zlib), "{} bytes", out.len());
            }
        }
    }
}

#[test]
fn a_bomb_is_an_error() {
    let flat = vec![0; 8 << 20];
    for format in FORMATS {
        let bomb = compressed(format, &flat);
        let limited = |max_output, max_ratio| {
            let coding = Decompression { max_output, max_ratio, ..Decompression::new(format) };
            code(&Coding::Decompress(coding), &bomb, usize::MAX)
        };
        assert!(limited(None, None).unwrap() == flat);
        assert!(limited(Some(8 << 20), Some(u32::MAX)).unwrap() == flat);
        assert_eq!(kind(limited(Some((8 << 20) - 1), None)), Some(ErrorKind::Overloaded));
        assert_eq!(kind(limited(None, Some(100))), Some(ErrorKind::Overloaded));
        assert_eq!(kind(code(&decompress(format), &bomb, (8 << 20) - 1)), Some(ErrorKind::Overloaded));
        assert!(code(&decompress(format), &bomb, 8 << 20).unwrap() == flat);
        // No more than one piece comes out before that.
        let coding = Decompression { max_output: Some(1000), ..Decompression::new(format) };
        let (mut large, mut buffer) = (coder(&Coding::Decompress(coding)), vec![0; 5000]);
        let (mut used, mut out) = (0, 0);
        let error = loop {
            match large.run(&bomb[used..], &mut buffer[..100], Until::InputUsed) {
                Ok(progress) => {
                    used += progress.used;
                    out += progress.written;
                }
                Err(error) => break error,
            }
        };
        assert!(error.kind() == ErrorKind::Overloaded && out <= 1000, "{format:?}: {out}");
        // What is regular and short passes.
        let short = Decompression { max_ratio: Some(10), ..Decompression::new(format) };
        assert!(code(&Coding::Decompress(short), &compressed(format, &flat[..60_000]), usize::MAX).is_ok());
    }
}

// parity: BROT-01
#[test]
fn a_window_larger_than_accepted_is_refused_on_the_first_byte() {
    for bits in 10..=24 {
        let format = CompressionFormat::Brotli;
        let coding = Coding::Compress(Compression { format, level: None, window_bits: Some(bits) });
        let small = code(&coding, &noise(1 << 18), usize::MAX).unwrap();
        let with = |bits| Coding::Decompress(Decompression { window_bits: Some(bits), ..Decompression::new(format) });
        assert!(code(&with(bits), &small, usize::MAX).unwrap() == noise(1 << 18), "{bits}");
        if bits > 10 {
            let mut buffer = [0; 100];
            let refused = coder(&with(bits - 1)).run(&small[..1], &mut buffer, Until::InputUsed);
            assert_eq!(kind(refused), Some(ErrorKind::Failed), "{bits}");
        }
    }
    // A large window, which is an extension.
    let refused = coder(&decompress(CompressionFormat::Brotli)).run(&[0x11], &mut [0; 100], Until::InputUsed);
    assert_eq!(kind(refused), Some(ErrorKind::Failed));
}
