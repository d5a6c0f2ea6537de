"""Reads C that is written as ours is: prototypes, definitions, and typedefs of one name to another."""
import re
from typing import Dict, List, NamedTuple

MODIFIERS = {"const", "volatile", "extern", "static", "inline"}


class Function(NamedTuple):
    result: str
    parameters: List[str]  # their types, without `const` and names
    is_definition: bool
    is_static: bool
    declared: List[str]  # the parameters as they are written


def plain(text):
    """Without comments, literals and preprocessor lines."""
    text = re.sub(r"/\*.*?\*/", " ", text, flags=re.S)
    text = re.sub(r"//[^\n]*", " ", text)
    text = re.sub(r"\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'", '""', text)
    text = re.sub(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", "", text, flags=re.M)
    return re.sub(r"extern\s*\"\"\s*\{", "", text)


def statements(text):
    """What stands at the outermost level before each `;` and each body; for the latter the flag is true."""
    start = depth = 0
    for i, char in enumerate(text):
        if char == "{":
            if depth == 0:
                yield text[start:i], True
            depth += 1
        elif char == "}":
            depth = max(depth - 1, 0)
            start = i + 1 if depth == 0 else start
        elif char == ";" and depth == 0:
            yield text[start:i], False
            start = i + 1


def type_of(text):
    """`const char *text` as `char *`."""
    words = re.findall(r"\w+|\*", text)
    words = [word for word in words if word not in MODIFIERS]
    if len([word for word in words if word != "*"]) > 1:
        words.pop()  # the name
    return " ".join(words)


def functions(text, prototypes=False) -> Dict[str, Function]:
    """By name. Where a file has both a prototype and the definition, the definition; or the prototypes only."""
    found = {}
    for statement, has_body in statements(plain(text)):
        if has_body and prototypes:
            continue
        match = re.fullmatch(r"\s*(\w[\w\s*]*?)\b(\w+)\s*\(([^()]*(?:\([^()]*\)[^()]*)*)\)\s*", statement)
        if not match or "typedef" in match[1]:
            continue
        listed = [part for part in re.split(r",(?![^()]*\))", match[3]) if part.strip() not in ("", "void")]
        is_static = "static" in match[1].split()
        parameters = ["function" if "(" in parameter else type_of(parameter) for parameter in listed]
        declared = [" ".join(parameter.split()) for parameter in listed]
        function = Function(type_of(match[1] + " it"), parameters, has_body, is_static, declared)
        if has_body or match[2] not in found:
            found[match[2]] = function
    return found


def handles(text) -> List[str]:
    """The types of handles of the header, such as kja_promise_t."""
    return re.findall(r"^typedef uint64_t (kja_\w+_t);", text, re.M)


def structures(text) -> Dict[str, List[str]]:
    """The names of the fields of each `typedef struct ... { ... } kja_slice_t`."""
    found = re.findall(r"\btypedef\s+struct\s+\w*\s*\{([^{}]*)\}\s*(\w+)\s*;", plain(text))
    fields = re.compile(r"(?:\(\*(\w+)\)\s*\([^;]*\)|\b(\w+))\s*;")
    return {name: [pointer or field for pointer, field in fields.findall(body)] for body, name in found}


def typedefs(text) -> Dict[str, str]:
    """`typedef uint64_t kja_promise_t` as kja_promise_t: uint64_t."""
    return dict(reversed(pair) for pair in re.findall(r"\btypedef\s+(\w+)\s+(\w+)\s*;", plain(text)))
