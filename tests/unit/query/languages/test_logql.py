import time

import pytest

from heimdall.query.languages.logql import LogqlError, parse, to_text
from heimdall.query.languages.logql.amounts import format_number, parse_bytes, parse_duration
from heimdall.query.languages.logql.printer import pretty

QUERIES = [
    '{app="x"}',
    '{app="x", b!="y", c=~"a.*", d!~"b|c"}',
    '{app="x"} |= "a" != "b" |~ "c.*" !~ "d"',
    '{app="x"} |= "a" or "b" |= ip("10.0.0.0/8")',
    '{app="x"} | json | logfmt | unpack | decolorize',
    '{app="x"} | json a="b.c[0]",d="e" | logfmt --strict --keep-empty a="b"',
    '{app="x"} | pattern "<ip> - <_>" | regexp "(?P<a>.*)"',
    '{app="x"} | a="b" | c!="d" | e=~"f" | g!~"h" | i>1.5 | j<=10ms | k==5KB | l=ip("::1")',
    '{app="x"} | ( a="b" or ( c="d" , e>1 ) )',
    '{app="x"} | line_format "{{.a}} \\"q\\"" | label_format b=a,c="{{.d}}" | drop e,f="g" | keep h,i=~"j"',
    'count_over_time({app="x"}[5m])',
    'sum by (a,b) (rate({app="x"} |= "e"[1m30s] offset 1h))',
    'quantile_over_time(0.99,{app="x"} | json | unwrap duration(t) | __error__=""[5m]) by (a)',
    'topk(3,sum without (a) (bytes_rate({app="x"}[1m])))',
    '(rate({a="b"}[1m]) / on (c) group_left (d) rate({e="f"}[1m]))',
    '(count_over_time({a="b"}[1m]) > bool 5)',
    'label_replace(rate({a="b"}[1m]),"c","$1","d","(.*)")',
    "vector(-1)",
]


@pytest.mark.parametrize("text", QUERIES)
def test_what_is_printed_means_what_was_read(text: str) -> None:
    assert to_text(parse(text)) == text


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ('sum(count_over_time({a="b"}[5m])) by (c)', 'sum by (c) (count_over_time({a="b"}[5m]))'),
        ('rate({a="b"}[5m] |= "x")', 'rate({a="b"} |= "x"[5m])'),
        ('{a="b"} | c="d" and e="f"', '{a="b"} | ( c="d" , e="f" )'),
        ("{a=`b\\d`} # the end", '{a="b\\\\d"}'),
        ("1 + 2 * 3 ^ 2", "19"),
        ("2 ^ 3 ^ 2", "512"),
        ("1 > 2", "0"),
        ('vector(1) + rate({a="b"}[1m]) * 2', '(vector(1) + (rate({a="b"}[1m]) * 2))'),
        ('{a="b"} | c=1', '{a="b"} | c==1'),
    ],
)
def test_other_spellings(text: str, canonical: str) -> None:
    assert to_text(parse(text)) == canonical


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ('{app="x"', "parse error at line 1, col 9: syntax error: unexpected $end, expecting } or ,"),
        ('{app="x"}}', "parse error at line 1, col 10: syntax error: unexpected }"),
        ('{app="x', "parse error at line 1, col 6: literal not terminated"),
        ('{app=\n"x"} |= 5', "parse error at line 2, col 9: syntax error: unexpected NUMBER, expecting STRING"),
        ('{app=x}', "parse error at line 1, col 6: syntax error: unexpected IDENTIFIER, expecting STRING"),
        ('unk({a="b"}[5m])', "parse error at line 1, col 1: syntax error: unexpected IDENTIFIER"),
        ("", "parse error at line 1, col 1: syntax error: unexpected $end"),
        ('rate({a="b"}[5)', "parse error at line 1, col 13: missing closing ']' in duration"),
        ('rate({a="b"}[5x])', 'parse error at line 1, col 13: not a valid duration string: "5x"'),
        (
            '{app=~".*"}',
            "parse error : queries require at least one regexp or equality matcher that does not have an "
            'empty-compatible value. For instance, app=~".*" does not meet this requirement, but app=~".+" will',
        ),
        ('sum_over_time({a="b"}[5m])', "parse error : invalid aggregation sum_over_time without unwrap"),
        ('count_over_time({a="b"} | unwrap c [5m])', "parse error : invalid aggregation count_over_time with unwrap"),
        ('rate({a="b"}[5m]) by (c)', "parse error : grouping not allowed for rate aggregation"),
        ('topk(rate({a="b"}[1m]))', "parse error : parameter required for operation topk"),
        (
            '{a="b"} | pattern "<a><b>"',
            "parse error : found consecutive capture '<b>': literals are needed between captures",
        ),
        ('{a="b"} | regexp "x"', "parse error : at least one named capture must be supplied"),
        ('{a="b"} | line_format "{{.a | nope}}"',
         'parse error : invalid line template: template: line:1: function "nope" not defined'),
    ],
)  # fmt: skip
def test_mistakes_are_told_in_lokis_words(text: str, complaint: str) -> None:
    with pytest.raises(LogqlError) as told:
        parse(text)
    assert str(told.value) == complaint


def test_a_pattern_that_is_no_regular_expression_is_told_with_its_place() -> None:
    with pytest.raises(LogqlError, match="parse error at line 1, col 7: error parsing regexp: "):
        parse('{app=~"("}')


def test_deep_nesting_is_refused() -> None:
    with pytest.raises(LogqlError, match="nested too deeply"):
        parse("(" * 3_000 + "1" + ")" * 3_000)
    with pytest.raises(LogqlError, match="nested too deeply"):
        parse('{a="b"} | ' + "(" * 5_000 + "a=1")


@pytest.mark.parametrize(
    "text",
    [
        "(" * 10_000 + '{a="b"}' + ")" * 10_000,
        "1" + "+1" * 5_000,
        "1" + "^1" * 5_000,
        '{a="b"} | ' + " or ".join(['a="b"'] * 5_000),
        '{a="b"} | ' + " and ".join(['a="b"'] * 5_000),
        "-" * 100_000,
        "sum" * 1_000 + "(" * 100_000,
        '{a="b"}' + "|" * 100_000,
    ],
    ids=range(8),
)
def test_long_and_deep_text_is_refused_soon(text: str) -> None:
    began = time.thread_time()
    with pytest.raises(LogqlError) as refused:
        parse(text)
    assert time.thread_time() - began < 5  # each takes some 50 ms; other tests' garbage may be collected meanwhile
    assert len(str(refused.value)) < 200


@pytest.mark.parametrize("text", [r'{a="\ud800"}', r'{a="\U00110000"}', r'{a="\q"}'])
def test_what_escapes_no_character_is_refused(text: str) -> None:
    with pytest.raises(LogqlError, match="invalid char escape"):
        parse(text)


def test_amounts_beyond_all_bounds_are_told() -> None:
    assert parse("vector(0x" + "f" * 300 + ")") == parse("vector(1e999)")
    with pytest.raises(LogqlError, match="invalid parameter"):
        parse('topk(1e999, rate({a="b"}[5m]))')
    with pytest.raises(LogqlError, match="not a valid duration"):
        parse('rate({a="b"}[' + "9" * 5_000 + "m])")


def test_long_queries_are_printed_over_several_lines() -> None:
    text = 'sum by (app) (count_over_time({app="checkout", env="production"} |= "declined" | json | status>=500[5m]))'
    shown = pretty(parse(text))
    assert shown.splitlines() == [
        "sum by (app) (",
        '  count_over_time({app="checkout", env="production"} |= "declined" | json | status>=500[5m])',
        ")",
    ]
    assert parse(shown) == parse(text)


def test_amounts() -> None:
    assert [parse_duration(text) for text in ("1h30m", "1.5s", "-5ms", "5", "1h 2m", "")] == [
        5_400 * 10**9, 1_500_000_000, -5_000_000, None, None, None,
    ]  # fmt: skip
    assert [parse_bytes(text) for text in ("5KB", "5 KiB", "1.5MB", "7", "x")] == [5_000, 5_120, 1_500_000, 7, None]
    assert [format_number(value) for value in (1.0, 0.1, 1e21, 1e-7, float("nan"), float("-inf"))] == [
        "1", "0.1", "1000000000000000000000", "0.0000001", "NaN", "-Inf",
    ]  # fmt: skip
