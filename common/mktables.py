#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Makes normtab.c, the tables of normal.c: common/mktables.py >normtab.c

What a character becomes in the normal form is decided here, from the Unicode
data that Python has; normal.c only looks it up, and composes what stands in
several characters (Hangul, kana with their marks).  Run it by hand when the
rules change; the result is in the tree.

1. Compatibility forms, case and accents go: NFKD, marks dropped, NFC, case
   folded.  Marks that make another letter stay (kana, Indic scripts, Thai).
2. What is not seen is dropped: format characters, joiners, variation
   selectors, tags, Arabic and Hebrew points, tatweel.
3. All white space is one blank.
4. Letters that look like Latin ones become these: by their own name (small
   capitals, strokes, negative squares), and by the lists below.
"""

import re
import sys
import unicodedata

LAST = 0x2ffff          # planes above have tags and private use only
BLOCK = 128
DROP, BLANK = 1, 2      # special values in the table

# Marks that are an accent or a point, not a letter.
MARKS = ((0x0300, 0x036f), (0x0483, 0x0489), (0x0591, 0x05bd),
         (0x05bf, 0x05bf), (0x05c1, 0x05c2), (0x05c4, 0x05c5),
         (0x05c7, 0x05c7), (0x0610, 0x061a), (0x064b, 0x065f),
         (0x0670, 0x0670), (0x06d6, 0x06dc), (0x06df, 0x06e4),
         (0x06e7, 0x06e8), (0x06ea, 0x06ed), (0x1ab0, 0x1aff),
         (0x1dc0, 0x1dff), (0x20d0, 0x20f0), (0xfe20, 0xfe2f))

# Not seen, whatever their category: fillers, tatweel, selectors.
UNSEEN = ((0x00ad, 0x00ad), (0x034f, 0x034f), (0x061c, 0x061c),
          (0x0640, 0x0640), (0x115f, 0x1160), (0x17b4, 0x17b5),
          (0x180b, 0x180f), (0x200b, 0x200f), (0x202a, 0x202e),
          (0x2060, 0x206f), (0x2800, 0x2800), (0x3164, 0x3164),
          (0xfe00, 0xfe0f), (0xfeff, 0xfeff), (0xffa0, 0xffa0),
          (0xfff0, 0xfffb), (0x1d173, 0x1d17a))

# Letters of other scripts that a reader takes for the Latin one.
ALIKE = {
    # Cyrillic
    "а": "a", "в": "b", "с": "c", "ԁ": "d", "е": "e", "ё": "e", "є": "e",
    "ҽ": "e", "һ": "h", "н": "h", "і": "i", "ї": "i", "ӏ": "l", "ј": "j",
    "к": "k", "ԛ": "q", "м": "m", "п": "n", "о": "o", "р": "p", "г": "r",
    "ѕ": "s", "т": "t", "у": "y", "ү": "y", "ѵ": "v", "ԝ": "w", "ѡ": "w",
    "х": "x", "ҳ": "x", "з": "3", "ь": "b", "ъ": "b", "ҝ": "k", "ӄ": "k",
    "ԍ": "g", "ҫ": "c", "ө": "o", "ѳ": "o",
    # Greek
    "α": "a", "β": "b", "ϲ": "c", "ε": "e", "γ": "y", "η": "n", "ι": "i",
    "κ": "k", "μ": "u", "ν": "v", "ο": "o", "ρ": "p", "σ": "o", "ς": "c",
    "τ": "t", "υ": "u", "χ": "x", "ω": "w", "ζ": "z", "ϳ": "j", "ϱ": "p",
    # Armenian
    "ա": "w", "հ": "h", "ո": "n", "ս": "u", "օ": "o", "ց": "g", "զ": "q",
    "ք": "p", "յ": "j", "ւ": "l", "ռ": "n",
    # Hebrew, Arabic, Indic digits and letters that are circles
    "ס": "o", "೦": "o", "൦": "o", "๐": "o", "໐": "o", "ဝ": "o",
    "၀": "o",
    # Cherokee (its case folding goes to the upper case)
    "Ꭺ": "a", "Ᏼ": "b", "Ꮯ": "c", "Ꭰ": "d", "Ꭼ": "e", "Ꮐ": "g",
    "Ꮋ": "h",
    "Ꭵ": "i", "Ꭻ": "j", "Ꮶ": "k", "Ꮮ": "l", "Ꮇ": "m", "Ꮲ": "p",
    "Ꮢ": "r",
    "Ꮪ": "s", "Ꭲ": "t", "Ꮩ": "v", "Ꮃ": "w", "Ꭹ": "y", "Ꮓ": "z",
    "Ꮎ": "o",
    # Lisu
    "ꓐ": "b", "ꓑ": "p", "ꓓ": "d", "ꓔ": "t", "ꓖ": "g", "ꓗ": "k",
    "ꓙ": "j",
    "ꓚ": "c", "ꓜ": "z", "ꓝ": "f", "ꓟ": "m", "ꓠ": "n", "ꓡ": "l",
    "ꓢ": "s",
    "ꓣ": "r", "ꓦ": "v", "ꓧ": "h", "ꓪ": "w", "ꓫ": "x", "ꓬ": "y",
    "ꓮ": "a",
    "ꓰ": "e", "ꓲ": "i", "ꓳ": "o", "ꓴ": "u",
    # Coptic
    "ⲁ": "a", "ⲃ": "b", "ⲉ": "e", "ⲓ": "i", "ⲕ": "k", "ⲙ": "m",
    "ⲛ": "n",
    "ⲟ": "o", "ⲣ": "p", "ⲥ": "c", "ⲧ": "t", "ⲩ": "y", "ⲭ": "x",
    # Latin letters without a decomposition that their name would tell
    "ı": "i", "ȷ": "j", "ſ": "s", "ɑ": "a", "ɡ": "g", "ɩ": "i", "ʋ": "v",
    "ƿ": "p", "ß": "ss", "æ": "ae", "œ": "oe", "ð": "d", "þ": "p",
    "ŋ": "n", "ə": "e", "ɛ": "e", "ɔ": "c", "ʃ": "s", "ʟ": "l",
    # Signs between letters
    "‐": "-", "‑": "-", "‒": "-", "–": "-", "—": "-", "−": "-",
    "﹘": "-",
    "‘": "'", "’": "'", "‛": "'", "ʼ": "'", "′": "'", "“": '"',
    "”": '"',
    "·": ".", "•": ".", "∙": ".", "⋅": ".", "・": ".", "。": ".",
    "、": ",",
    "⁄": "/", "∕": "/", "⧸": "/", "∶": ":", "꞉": ":",
}
NAMED = (re.compile(r"LATIN LETTER SMALL CAPITAL ([A-Z])$"),
         re.compile(r"LATIN (?:SMALL|CAPITAL) LETTER ([A-Z]) WITH "),
         re.compile(r"LATIN (?:SMALL|CAPITAL) LETTER (?:TURNED|REVERSED|"
                    r"OPEN|SCRIPT|DOTLESS|LONG|BARRED|MIDDLE-WELSH|"
                    r"INSULAR) ([A-Z])$"),
         re.compile(r"NEGATIVE (?:SQUARED|CIRCLED) LATIN CAPITAL LETTER "
                    r"([A-Z])$"),
         re.compile(r"REGIONAL INDICATOR SYMBOL LETTER ([A-Z])$"))


def among(cp, ranges):
    return any(a <= cp <= b for a, b in ranges)


def alike(ch):
    """The Latin letter that it is taken for, or itself."""
    if ch in ALIKE:
        return ALIKE[ch]
    name = unicodedata.name(ch, "")
    for rx in NAMED:
        m = rx.match(name)
        if m:
            return m.group(1).lower()
    return ch


def normal(cp):
    """What the character becomes; None: the table's special values."""
    ch = chr(cp)
    cat = unicodedata.category(ch)
    if ch.isspace() or cat in ("Zs", "Zl", "Zp"):
        return BLANK
    if among(cp, UNSEEN) or cat in ("Cf", "Cc"):
        return DROP
    if cat in ("Cn", "Co", "Cs"):
        return ch
    text = unicodedata.normalize("NFKD", ch)
    text = "".join(c for c in text if not among(ord(c), MARKS) and
                   not among(ord(c), UNSEEN))
    text = unicodedata.normalize("NFC", text).casefold()
    text = unicodedata.normalize("NFKC", text)
    text = "".join(c for c in text if not among(ord(c), MARKS) and
                   not among(ord(c), UNSEEN))
    text = "".join(alike(c) for c in text)
    text = re.sub(r"\s+", " ", text)
    if text.strip() == "":
        return BLANK if text else DROP
    return text


def main():
    out = sys.stdout
    pool, where = [], {}
    blocks, index = {}, []
    for base in range(0, LAST + 1, BLOCK):
        row = []
        for cp in range(base, base + BLOCK):
            n = normal(cp)
            if n in (DROP, BLANK):
                row.append(n)
            elif n == chr(cp):
                row.append(0)
            else:
                data = n.encode()
                assert len(data) < 64, hex(cp)
                if n not in where:
                    where[n] = len(pool)
                    pool.extend([len(data)] + list(data))
                row.append(where[n] + 3)
        key = tuple(row)
        index.append(blocks.setdefault(key, len(blocks)))
    assert len(pool) < 65536 - 3 and len(blocks) < 65536

    def table(head, values, fmt, per):
        out.write(head + " = {\n")
        for i in range(0, len(values), per):
            out.write("\t" + ", ".join(fmt % v for v in
                                       values[i:i + per]) + ",\n")
        out.write("};\n\n")

    out.write("/* SPDX-License-Identifier: ISC */\n\n"
              "/* Generated by mktables.py from Unicode %s: do not edit. */"
              "\n\n#include \"normtab.h\"\n\n" % unicodedata.unidata_version)
    table("const uint16_t\t norm_index[NORM_BLOCKS]", index, "%d", 10)
    rows = sorted(blocks, key=blocks.get)
    out.write("const uint16_t\t norm_block[][NORM_BLOCK] = {\n")
    for row in rows:
        for i in range(0, BLOCK, 10):
            out.write(("\t{ " if i == 0 else "\t  ") +
                      ", ".join("%d" % v for v in row[i:i + 10]) + ",\n")
        out.write("\t},\n")
    out.write("};\n\n")
    table("const uint8_t\t norm_pool[]", pool, "%d", 14)
    sys.stderr.write("%d blocks, %d bytes of pool\n" %
                     (len(blocks), len(pool)))


main()
