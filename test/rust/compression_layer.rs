//! Compression as layers over connections.

use crate::compression::*;
use crate::gate::*;
use crate::layer::{Pair, block, pairs};
use crate::loopback::*;
use bytes::Bytes;
use kjasync::compression::*;
use kjasync::promise::When;
use kjasync::stream::Connection;
use kjasync::{ErrorKind, Value};
use std::sync::{Arc, Mutex};

fn layer(below: &Arc<Connection>, read: Option<Coding>, write: Option<Coding>) -> Arc<Connection> {
    coded(below, &Codings { read, write, keep_below_open: false }).unwrap()
}

/// Both sides compress what they write.
fn compressing((one, other): &Pair, format: CompressionFormat) -> Pair {
    let over = |below| layer(below, Some(decompress(format)), Some(compress(format)));
    (over(one), over(other))
}

fn write(connection: &Arc<Connection>, data: &[u8]) {
    outcome(&connection.write(data).unwrap()).unwrap();
}

fn flush(connection: &Arc<Connection>) {
    outcome(&connection.flush().unwrap()).unwrap();
}

fn end(connection: &Arc<Connection>) {
    outcome(&connection.shutdown_write().unwrap()).unwrap();
}

/// Sends it in pieces and ends, while another thread reads until the end.
fn through(from: &Arc<Connection>, to: &Arc<Connection>, data: &[u8], piece: usize) -> Vec<u8> {
    let (from, data) = (from.clone(), Bytes::copy_from_slice(data));
    let sending = std::thread::spawn(move || {
        for at in (0..data.len()).step_by(piece) {
            outcome(&from.write_bytes(&data.slice(at..(at + piece).min(data.len()))).unwrap()).unwrap();
        }
        end(&from);
    });
    let received = bytes(outcome(&to.read_all(usize::MAX).unwrap()));
    ends("sending", move || sending.join().unwrap());
    received
}

// parity: GZIP-01, GZIP-02, BROT-01, BROT-02
#[test]
fn what_one_side_compresses_the_other_decompresses_both_ways() {
    let runtime = runtime();
    for format in FORMATS {
        for below in pairs(&runtime) {
            let (one, other) = compressing(&below, format);
            for (from, to) in [(&one, &other), (&other, &one)] {
                let data = kinds(200_000).concat();
                assert!(through(from, to, &data, 70_001) == data, "{format:?}");
            }
        }
        for size in [0, 1, 1000] {
            let (one, other) = compressing(&pair(&runtime), format);
            assert!(through(&one, &other, &noise(size), 1) == noise(size), "{format:?} {size}");
        }
    }
}

// parity: GZIP-03, BROT-03
#[test]
fn a_layer_decompresses_on_the_way_out_and_compresses_on_the_way_in() {
    let runtime = runtime();
    let data = kinds(100_000).concat();
    for format in FORMATS {
        for (one, other) in pairs(&runtime) {
            let small = compressed(format, &data);
            let decompressing = layer(&one, None, Some(decompress(format)));
            assert!(through(&decompressing, &other, &small, 999) == data, "{format:?} on the way out");
        }
        for (one, other) in pairs(&runtime) {
            let compressing = layer(&other, Some(compress(format)), None);
            let small = through(&one, &compressing, &data, 5000);
            assert!(code(&decompress(format), &small, usize::MAX).unwrap() == data, "{format:?} on the way in");
        }
    }
}

#[test]
fn what_is_read_compressed_comes_before_the_end_if_nothing_follows() {
    let runtime = runtime();
    for format in FORMATS {
        let (one, other) = pair(&runtime);
        let compressing = layer(&other, Some(compress(format)), None);
        let mut large = Coder::new(&decompress(format)).unwrap();
        for word in [&b"hello"[..], b"world"] {
            write(&one, word);
            let mut out = Vec::new();
            while out.len() < word.len() {
                let small = bytes(outcome(&compressing.read(1, 100).unwrap()));
                let mut buffer = [0; 100];
                let progress = large.run(&small, &mut buffer, Until::InputUsed).unwrap();
                out.extend_from_slice(&buffer[..progress.written]);
            }
            assert_eq!(out, word, "{format:?}");
        }
    }
}

// parity: GZIP-04, BROT-04
#[test]
fn a_flush_brings_all_to_the_other_side_and_a_write_alone_does_not() {
    let runtime = runtime();
    for format in FORMATS {
        for below in pairs(&runtime) {
            let (one, other) = compressing(&below, format);
            let reading = other.read(11, 100).unwrap();
            write(&one, b"hello");
            write(&one, b" world");
            // All of it, sent bit by bit, would be longer.
            assert!(reading.outcome().is_none(), "{format:?} keeps nothing");
            let flushing = one.flush().unwrap();
            assert_eq!(bytes(outcome(&reading)), b"hello world", "{format:?}");
            outcome(&flushing).unwrap();
            // Nothing new.
            flush(&one);
            let reading = other.read_all(100).unwrap();
            write(&one, b"end");
            end(&one);
            assert_eq!(bytes(outcome(&reading)), b"end", "{format:?}");
        }
    }
    let (one, other) = pair(&runtime);
    write(&one, b"plain");
    flush(&one);
    assert_eq!(bytes(outcome(&other.read(5, 5).unwrap())), b"plain");
}

#[test]
fn a_flush_goes_through_layers_below() {
    let runtime = runtime();
    let below = pair(&runtime);
    let inner = compressing(&below, CompressionFormat::Gzip);
    let (one, other) = compressing(&inner, CompressionFormat::Brotli);
    for word in [&b"one"[..], b"two"] {
        let reading = other.read(3, 3).unwrap();
        write(&one, word);
        flush(&one);
        assert_eq!(bytes(outcome(&reading)), word);
    }
    // A protocol over a compressor is not held up: what it flushes is flushed below.
    let inner = compressing(&pair(&runtime), CompressionFormat::Deflate);
    let (one, other) = (crate::rough::roughen(&inner.0, &Default::default()), inner.1);
    write(&one, b"protocol");
    assert_eq!(bytes(outcome(&other.read(8, 8).unwrap())), b"protocol");
}

// parity: GZIP-05
#[test]
fn what_is_below_can_be_kept_open_and_used_after_the_end() {
    let runtime = runtime();
    for format in FORMATS {
        let (one, other) = pair(&runtime);
        let codings = Codings { read: None, write: Some(compress(format)), keep_below_open: true };
        let over = coded(&one, &codings).unwrap();
        write(&over, b"coded");
        end(&over);
        assert_eq!(kind(outcome(&over.write(b"x").unwrap())), Some(ErrorKind::Failed));
        drop(over);
        write(&one, b"plain");
        end(&one);
        let all = bytes(outcome(&other.read_all(1000).unwrap()));
        let small = all.strip_suffix(b"plain").expect("what was written after the end");
        assert_eq!(code(&decompress(format), small, 100).unwrap(), b"coded", "{format:?}");
    }
}

// parity: GZIP-05, GZIP-08
#[test]
fn without_an_end_the_data_are_cut_off() {
    let runtime = runtime();
    for format in FORMATS {
        let (one, other) = pair(&runtime);
        let over = layer(&one, None, Some(compress(format)));
        write(&over, b"coded");
        drop(over);
        end(&one);
        let all = bytes(outcome(&other.read_all(1000).unwrap()));
        assert_eq!(kind(code(&decompress(format), &all, 100)), Some(ErrorKind::Disconnected), "{format:?}");
    }
}

// parity: GZIP-01, BROT-05
#[test]
fn an_early_end_and_bad_data_are_errors_of_reads_and_of_writes() {
    let runtime = runtime();
    for format in FORMATS {
        let whole = compressed(format, b"some data, and then some more");
        let cut = &whole[..whole.len() - 1];
        let junk = [&whole[..], b"\xff\xff\xff\xff"].concat();
        for (data, expected) in
            [(cut, ErrorKind::Disconnected), (&junk, ErrorKind::Failed), (b"", ErrorKind::Disconnected)]
        {
            let (one, other) = pair(&runtime);
            let reading = layer(&other, Some(decompress(format)), None);
            write(&one, data);
            end(&one);
            assert_eq!(failure(&reading.read_all(1000).unwrap()), expected, "{format:?} {}", data.len());
            assert_eq!(failure(&reading.read_all(1000).unwrap()), expected, "it stays");
            // On the way out.
            let (one, _other) = pair(&runtime);
            let writing = layer(&one, None, Some(decompress(format)));
            let written = outcome(&writing.write(data).unwrap()).err().map(|error| error.kind());
            let ended = outcome(&writing.shutdown_write().unwrap()).err().map(|error| error.kind());
            assert_eq!(written.or(ended), Some(expected), "{format:?} {}", data.len());
        }
    }
}

#[test]
fn a_bomb_is_an_error_of_reads_and_writes() {
    let runtime = runtime();
    for format in FORMATS {
        let bomb = compressed(format, &vec![0; 4 << 20]);
        for limits in [(Some(100_000), None), (None, Some(50))] {
            let coding = Decompression { max_output: limits.0, max_ratio: limits.1, ..Decompression::new(format) };
            let coding = Some(Coding::Decompress(coding));
            let (one, other) = pair(&runtime);
            let reading = layer(&other, coding, None);
            write(&one, &bomb);
            assert_eq!(failure(&reading.read_all(usize::MAX).unwrap()), ErrorKind::Overloaded, "{format:?}");
            let (one, other) = pair(&runtime);
            let draining = other.pump_to(&Connection::null(&runtime).unwrap(), u64::MAX).unwrap();
            let writing = layer(&one, None, coding);
            let written = outcome(&writing.write(&bomb).unwrap());
            assert_eq!(kind(written), Some(ErrorKind::Overloaded), "{format:?}");
            drop(draining);
        }
    }
}

/// What a reader that has gone in the middle of a read, again and again, and then one that stays get.
fn read_with_cancels(connection: &Arc<Connection>, size: usize) -> Vec<u8> {
    let (mut all, mut random) = (Vec::new(), Random::new(9));
    while all.len() < size {
        let reading = connection.read(1 + random.below(3000), 3000).unwrap();
        if random.below(2) == 0 && reading.outcome().is_none() {
            reading.cancel();
            continue;
        }
        all.extend(bytes(outcome(&reading)));
    }
    all
}

// parity: GZIP-08
#[test]
fn cancelled_reads_and_writes_lose_nothing_that_was_taken() {
    let runtime = runtime();
    for format in FORMATS {
        for below in pairs(&runtime) {
            let (one, other) = compressing(&below, format);
            let data = kinds(50_000).concat();
            let sending = {
                let (one, data) = (one.clone(), data.clone());
                std::thread::spawn(move || {
                    for piece in data.chunks(1000) {
                        // Flushes that are cancelled come to their end with the next write.
                        one.flush().unwrap().cancel();
                        outcome(&one.write(piece).unwrap()).unwrap();
                    }
                    end(&one);
                })
            };
            let received = read_with_cancels(&other, data.len());
            assert!(received == data, "{format:?}");
            assert_eq!(bytes(outcome(&other.read(1, 1).unwrap())), b"", "{format:?}");
            ends("sending", move || sending.join().unwrap());
        }
    }
}

#[test]
fn a_cancelled_write_leaves_a_prefix_and_later_ones_follow_it() {
    let runtime = runtime();
    // More than the system takes, and longer than any window.
    let data = noise(1 << 20).repeat(32);
    for format in FORMATS {
        for below in pairs(&runtime) {
            let (one, other) = compressing(&below, format);
            let stuck = one.write(&data).unwrap();
            assert!(stuck.outcome().is_none());
            stuck.cancel();
            let next = one.write(b"next").unwrap();
            let ending = one.shutdown_write().unwrap();
            let all = bytes(outcome(&other.read_all(usize::MAX).unwrap()));
            outcome(&next).unwrap();
            outcome(&ending).unwrap();
            let before = all.strip_suffix(b"next").expect("the next write");
            assert!(data.starts_with(before), "{format:?}: {} bytes", before.len());
        }
    }
}

// parity: GZIP-06
#[test]
fn what_is_below_tells_that_the_other_side_has_gone() {
    let runtime = runtime();
    for (one, other) in pairs(&runtime) {
        let over = layer(&one, None, Some(compress(CompressionFormat::Gzip)));
        let gone = over.when_write_disconnected().unwrap();
        let unread = over.write(b"kept").and_then(|_| over.flush()).unwrap();
        drop(other);
        outcome(&gone).unwrap();
        drop(unread);
    }
}

#[test]
fn a_slow_reader_holds_up_a_bomb() {
    let runtime = runtime();
    for format in FORMATS {
        let (one, other) = Connection::two_way_pipe(&runtime).unwrap();
        let bomb = compressed(format, &vec![7; 32 << 20]);
        let writing = layer(&one, None, Some(decompress(format)));
        let write = writing.write(&bomb).unwrap();
        let mut all = 0;
        for _ in 0..10 {
            all += bytes(outcome(&other.read(1, 1000).unwrap())).len();
        }
        assert!(all <= 10_000 && write.outcome().is_none(), "{format:?}");
        write.cancel();
        writing.close();
        assert_eq!(failure(&writing.write(b"x").unwrap()), ErrorKind::Canceled);
    }
}

#[test]
fn closing_aborting_and_half_closing_go_through() {
    let runtime = runtime();
    for below in pairs(&runtime) {
        let (one, other) = compressing(&below, CompressionFormat::Brotli);
        let reading = other.read(1, 1).unwrap();
        end(&one);
        assert_eq!(bytes(outcome(&reading)), b"");
        // The other direction goes on.
        let reading = one.read(1000, 1000).unwrap();
        write(&other, &block(1000));
        flush(&other);
        assert_eq!(bytes(outcome(&reading)), block(1000));
        let reading = one.read(1, 1).unwrap();
        one.abort_read().unwrap();
        assert_eq!(bytes(outcome(&reading)), b"");
        other.abort_write(kjasync::Error::new(ErrorKind::Unimplemented, "no more")).unwrap();
        assert_eq!(failure(&other.write(b"x").unwrap()), ErrorKind::Unimplemented);
        one.close();
        assert_eq!(failure(&one.read(1, 1).unwrap()), ErrorKind::Canceled);
    }
}

#[test]
fn sixty_four_layers_are_the_most() {
    let runtime = runtime();
    let (mut one, mut other) = pair(&runtime);
    let mut layers = 0;
    let passing = Codings::default();
    while let Ok(next) = coded(&one, &passing) {
        layers += 1;
        (one, other) = (next, coded(&other, &passing).unwrap());
    }
    assert!((60..64).contains(&layers), "{layers}");
    write(&one, b"deep");
    assert_eq!(bytes(outcome(&other.read(4, 4).unwrap())), b"deep");
    let busy = other.read(1, 1).unwrap();
    drop(busy);
}

#[test]
fn a_pending_read_below_refuses_the_layer() {
    let runtime = runtime();
    let (one, _other) = pair(&runtime);
    let reading = one.read(1, 1).unwrap();
    assert_eq!(kind(coded(&one, &Codings::default())), Some(ErrorKind::Busy));
    drop(reading);
    assert!(coded(&one, &Codings::default()).is_ok());
}

/// A timer that passes while something large is decompressed into nothing goes off before that is done.
#[test]
fn others_have_their_turn_beside_a_bomb() {
    let runtime = Arc::new(runtime());
    for format in FORMATS {
        let bomb = compressed(format, &vec![0; 64 << 20]);
        let null = Connection::null(&runtime).unwrap();
        let writing = layer(&null, None, Some(decompress(format)));
        let (timers, started) = (runtime.clone(), Arc::new(Mutex::new(None)));
        let (slot, writer) = (started.clone(), writing.clone());
        // Both are started in one turn, so that the timer has to be let in between.
        let beside = runtime.executor().unwrap().start(move || {
            let write = writer.write(&bomb).unwrap();
            *slot.lock().unwrap() = Some(write.clone());
            let pending = move |_| Ok(Value::U64(u64::from(write.outcome().is_none())));
            timers.sleep(MILLISECOND / 10).unwrap().then(When::Value, pending)
        });
        assert!(matches!(outcome(&beside.unwrap()), Ok(Value::U64(1))), "the write was over before");
        let write = started.lock().unwrap().take().unwrap();
        outcome(&write).unwrap();
        end(&writing);
    }
}
