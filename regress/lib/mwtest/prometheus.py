# SPDX-License-Identifier: ISC
"""A strict reader of Prometheus' text format, version 0.0.4."""

import re

_NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
_LABEL = r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"'
_SAMPLE = re.compile(r"(%s)(?:\{(%s(?:,%s)*)\})? "
                     r"([0-9]+(?:\.[0-9]+)?|\+Inf|NaN)\Z" %
                     (_NAME, _LABEL.replace("(", "(?:", 1)
                      .replace('"(', '"(?:', 1),
                      _LABEL.replace("(", "(?:", 1)
                      .replace('"(', '"(?:', 1)))
_KINDS = ("counter", "gauge", "histogram")


class Bad(AssertionError):
    """The text is not what it must be."""


def _fail(line, why):
    raise Bad("%s: %r" % (why, line))


def _family(name, families):
    for end in ("_bucket", "_sum", "_count"):
        base = name[:-len(end)]
        if name.endswith(end) and families.get(base) == "histogram":
            return base
    return name


def parse(text):
    """{family: kind}, {(name, ((label, value), ...)): number}."""
    if not text.endswith("\n"):
        _fail(text[-40:], "no end of the last line")
    families, samples, helped, current = {}, {}, set(), None
    for line in text[:-1].split("\n"):
        m = re.match(r"# HELP (%s) (\S.*)\Z" % _NAME, line)
        if m:
            if m.group(1) in helped:
                _fail(line, "HELP twice")
            helped.add(m.group(1))
            continue
        m = re.match(r"# TYPE (%s) (\w+)\Z" % _NAME, line)
        if m:
            current, kind = m.groups()
            if kind not in _KINDS or current in families or \
                    current not in helped:
                _fail(line, "TYPE")
            if (kind == "counter") != current.endswith("_total"):
                _fail(line, "a counter, and only that, ends by _total")
            families[current] = kind
            continue
        m = _SAMPLE.match(line)
        if not m:
            _fail(line, "not a sample")
        name = m.group(1)
        if _family(name, families) != current:
            _fail(line, "outside of its family")
        labels = tuple(re.findall(_LABEL, m.group(2) or ""))
        if len(dict(labels)) != len(labels) or (name, labels) in samples:
            _fail(line, "twice")
        samples[name, labels] = float(m.group(3))
    for name, kind in families.items():
        if kind == "histogram":
            _histogram(name, samples)
    return families, samples


def _histogram(name, samples):
    """Each has rising buckets up to one that holds all, and a sum."""
    series = {}
    for (n, labels), value in samples.items():
        if n == name + "_bucket":
            rest = tuple(i for i in labels if i[0] != "le")
            series.setdefault(rest, []).append(
                (float(dict(labels)["le"]), value))
    if not series:
        _fail(name, "no buckets")
    for rest, buckets in series.items():
        if buckets != sorted(buckets) or \
                [v for _, v in buckets] != sorted(v for _, v in buckets):
            _fail(name, "buckets do not rise")
        if buckets[-1][0] != float("inf") or \
                buckets[-1][1] != samples[name + "_count", rest]:
            _fail(name, "the last bucket is not all")
        if (name + "_sum", rest) not in samples:
            _fail(name, "no sum")
