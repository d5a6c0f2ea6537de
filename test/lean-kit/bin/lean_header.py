"""The head of a Lean file: what it imports."""

import re

IDENT = r"(?:«[^»\n]*»|[^\W\d][\w'!?]*)"
NAME = re.compile(IDENT + r"(?:\." + IDENT + r")*")


def skip_blank(s, i):
    """Past white space and comments (block comments nest)."""
    n = len(s)
    while i < n:
        c = s[i]
        if c.isspace() or c == "\ufeff":
            i += 1
        elif s.startswith("--", i):
            j = s.find("\n", i)
            i = n if j < 0 else j + 1
        elif s.startswith("/-", i) and not s.startswith(("/--", "/-!"), i) or s.startswith("/--/", i):
            depth, j = 1, i + 2
            while depth and j < n:
                if s.startswith("/-", j):
                    depth, j = depth + 1, j + 2
                elif s.startswith("-/", j):
                    depth, j = depth - 1, j + 2
                else:
                    j += 1
            i = j
        else:
            break
    return i


def word_at(s, i):
    m = re.compile(r"[A-Za-z]+").match(s, i)
    if m and not re.match(r"[\w'!?.«]", s[m.end():m.end() + 1] or " "):
        return m.group(0), m.end()
    return None, i


def parse_header(text):
    """(imports, has `prelude`). Reads `module`, `prelude` and the import lines;
    stops at the first thing that is none of them."""
    i = skip_blank(text, 0)
    prelude = False
    w, j = word_at(text, i)
    if w == "module":
        i = skip_blank(text, j)
        w, j = word_at(text, i)
    if w == "prelude":
        prelude = True
        i = skip_blank(text, j)
    imports = []
    while True:
        j = i
        w, k = word_at(text, j)
        for modifier in ("public", "meta"):
            if w == modifier:
                j = skip_blank(text, k)
                w, k = word_at(text, j)
        if w != "import":
            return imports, prelude
        j = skip_blank(text, k)
        w, k = word_at(text, j)
        if w in ("all", "runtime"):
            after = skip_blank(text, k)
            if NAME.match(text, after) and word_at(text, after)[0] not in ("import", "public", "meta"):
                j = after
        m = NAME.match(text, j)
        if not m:
            return imports, prelude
        imports.append(m.group(0))
        i = skip_blank(text, m.end())


def components(name):
    return [p[1:-1] if p.startswith("«") else p for p in re.findall(IDENT, name)]
