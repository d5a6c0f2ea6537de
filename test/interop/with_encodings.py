"""Encodings against those of Python and of node."""
import base64
import ctypes
import json
import os
import random
import subprocess
import urllib.parse

from peers import equal, need

COMPONENT, FRAGMENT, PATH, USER_INFO, FORM = range(5)
SPARED = {COMPONENT: "!'()*-._~", FRAGMENT: "!#$&'()*+,-./:;=?@[\\]^_{|}~", PATH: "!$&'()*+,-.:;=@[]_|~",
          USER_INFO: "!$&'()*+,-._~"}


def call(name, data, *flags, unit=1):
    """The units of that size that a function writes for an array of units of the other size, or bytes, and whether it
    reports errors; None for a function that does not."""
    function = getattr(ctypes.CDLL(os.environ["KJA_INTEROP_LIBRARY"]), name)
    given = len(data) // unit if name.endswith("decode") else len(data)
    length, errors = ctypes.c_size_t(), ctypes.c_bool()
    decodes = "decode" in name or "utf" in name

    def write(buffer, capacity):
        arguments = [data, ctypes.c_size_t(given), *flags, buffer, ctypes.c_size_t(capacity), ctypes.byref(length)]
        equal(function(*arguments, *([ctypes.byref(errors)] if decodes else [])), 0, f"the status of {name}")

    write(None, 0)
    capacity = length.value + 1
    buffer = ctypes.create_string_buffer(capacity * 4)
    write(buffer, capacity)
    size = 1 if name.endswith("decode") else unit
    return buffer.raw[:length.value * size], errors.value if decodes else None


def samples(seed):
    """Bytes of each length up to 300, the same in every run."""
    numbers = random.Random(seed)
    return [numbers.randbytes(length) for length in range(301)]


# parity: ENC-05, ENC-11, ENC-12, ENC-13
def test_python_has_the_same_hex_and_base64(_scene):
    for data in samples(1):
        hexed, encoded, url = data.hex().encode(), base64.b64encode(data), base64.urlsafe_b64encode(data).rstrip(b"=")
        equal(call("kja_hex_encode", data)[0], hexed, "digits")
        equal(call("kja_hex_decode", hexed.upper()), (data, False), "bytes of digits")
        equal(call("kja_base64_encode", data, ctypes.c_bool(False))[0], encoded, "base64")
        lines = b"".join(encoded[at:at + 72] + b"\n" for at in range(0, len(encoded), 72))
        equal(call("kja_base64_encode", data, ctypes.c_bool(True))[0], lines, "lines of base64")
        for text in (encoded, lines, base64.encodebytes(data)):
            equal(call("kja_base64_decode", text), (data, False), "bytes of base64")
        equal(call("kja_base64_encode_url", data)[0], url, "base64 for URLs")
        equal(call("kja_base64_decode_url", url), (data, False), "bytes of base64 for URLs")


# parity: ENC-06, ENC-07, ENC-08, ENC-09
def test_python_has_the_same_percent_encoding(_scene):
    for data in [bytes(range(256)), *samples(2)]:
        for number, spared in SPARED.items():
            # Python always spares "-._~".
            text = urllib.parse.quote_from_bytes(data, safe=spared).encode()
            equal(call("kja_percent_encode", data, ctypes.c_uint32(number))[0], text, f"set {number}")
            equal(call("kja_percent_decode", text, ctypes.c_bool(False)), (data, False), f"bytes of set {number}")
        form = urllib.parse.quote_plus(data, safe="*").replace("~", "%7E").encode()
        equal(call("kja_percent_encode", data, ctypes.c_uint32(FORM))[0], form, "a form")
        equal(call("kja_percent_decode", form, ctypes.c_bool(True)), (data, False), "bytes of a form")
    numbers = random.Random(3)
    for _ in range(3000):
        text = "".join(numbers.choices("%%%%0aFg+é", k=numbers.randrange(12))).encode()
        equal(call("kja_percent_decode", text, ctypes.c_bool(False))[0], urllib.parse.unquote_to_bytes(text),
              f"bytes of {text}")


# parity: ENC-02, ENC-03
def test_python_has_the_same_utf16_and_utf32(_scene):
    numbers = random.Random(4)
    kinds = [(0, 0x80), (0x80, 0x800), (0x800, 0xd800), (0xd800, 0xe000), (0xe000, 0x10000), (0x10000, 0x110000)]
    for length in [*range(301), *[20] * 300]:
        chosen = numbers.sample(kinds, 2)
        text = "".join(chr(numbers.randrange(*numbers.choice(chosen))) for _ in range(length))
        # Surrogates that make a pair are none any more.
        utf16 = text.encode("utf-16-le", "surrogatepass")
        text = utf16.decode("utf-16-le", "surrogatepass")
        utf8, utf32 = (text.encode(name, "surrogatepass") for name in ("utf-8", "utf-32-le"))
        errors = any(0xd800 <= ord(char) < 0xe000 for char in text)
        equal(call("kja_utf16_encode", utf8, unit=2), (utf16, errors), "UTF-16")
        equal(call("kja_utf16_decode", utf16, unit=2), (utf8, errors), "UTF-8 of UTF-16")
        equal(call("kja_utf32_encode", utf8, unit=4), (utf32, errors), "UTF-32")
        equal(call("kja_utf32_decode", utf32, unit=4), (utf8, errors), "UTF-8 of UTF-32")


# parity: ENC-10
def test_python_reads_the_same_escapes(_scene):
    for data in samples(5):
        text = call("kja_c_escape_encode", data, ctypes.c_bool(True))[0]
        equal(text.decode("unicode_escape").encode("latin-1"), data, f"what Python reads in {text}")
        equal(call("kja_c_escape_decode", text), (data, False), "bytes of escapes")


def javascript(scene, program, values):
    """What the program, an expression in `value`, is for each value, or null where it throws."""
    (scene.folder / "values").write_text(json.dumps(values))
    code = (f"const f = value => {{ try {{ return {program} }} catch {{ return null }} }};"
            "console.log(JSON.stringify(JSON.parse(require('fs').readFileSync(process.argv[1])).map(f)))")
    done = subprocess.run([need("node"), "-e", code, str(scene.folder / "values")], capture_output=True, check=True, timeout=60)
    return json.loads(done.stdout)


# parity: ENC-01, ENC-06, ENC-12
def test_node_has_the_same_components_and_errors(scene):
    numbers = random.Random(6)
    texts = ["".join(chr(numbers.choice((numbers.randrange(0x80), numbers.randrange(0x800), numbers.randrange(0xd800))))
                     for _ in range(length)) for length in range(200)]
    for text, expected in zip(texts, javascript(scene, "encodeURIComponent(value)", texts)):
        equal(call("kja_percent_encode", text.encode(), ctypes.c_uint32(COMPONENT))[0], expected.encode(), "a component")
    # atob is the WHATWG's forgiving decoder, and throws where there are errors.
    texts = ["".join(numbers.choices("AZaz09+/==== \n-", k=numbers.randrange(14))) for _ in range(5000)]
    for text, expected in zip(texts, javascript(scene, "atob(value)", texts)):
        got, errors = call("kja_base64_decode", text.encode())
        equal(errors, expected is None, f"errors in {text!r}")
        if expected is not None:
            equal(got, expected.encode("latin-1"), f"bytes of {text!r}")
