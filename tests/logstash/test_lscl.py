from typing import Any

import pytest

from tests.logstash.lscl import (
    Branch,
    Call,
    Comparison,
    Condition,
    ConfigError,
    Negation,
    Plugin,
    Regexp,
    Section,
    Selector,
    parse,
    plugins,
    selectors,
)


def value(text: str) -> Any:
    """Parse the value of one setting."""
    (section,) = parse(f"input {{ stdin {{ setting => {text} }} }}")
    (plugin,) = plugins(section.body)
    return plugin.get("setting")


def condition(text: str) -> Condition:
    """Parse one condition."""
    (section,) = parse(f"filter {{ if {text} {{ }} }}")
    (branch,) = section.body
    assert isinstance(branch, Branch)
    ((found, body),) = branch.cases
    assert found is not None
    assert body == ()
    return found


def single(text: str) -> Any:
    """Parse a condition of one expression."""
    (expression,) = condition(text).expressions
    return expression


def test_sections_and_plugins() -> None:
    text = """
    # Read.
    input { http { port => 8080 } stdin {} }
    filter{}
    output {
      stdout { id => "out" codec => json { target => "[a]" } } # a comment at the end
    }
    output { null { } }"""
    assert parse(text) == (
        Section("input", (Plugin("http", (("port", 8080),), 3), Plugin("stdin", (), 3))),
        Section("filter", ()),
        Section(
            "output",
            (Plugin("stdout", (("id", "out"), ("codec", Plugin("json", (("target", "[a]"),), 6))), 6),),
        ),
        Section("output", (Plugin("null", (), 8),)),
    )


@pytest.mark.parametrize("text", ["", "  \n", "# only a comment", "# one\r\n\r\n# two\r\n"])
def test_nothing_is_a_configuration(text: str) -> None:
    assert parse(text) == ()


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ('"double"', "double"),
        ("'single'", "single"),
        ('"it\'s"', "it's"),
        # Escapes are off: the backslash stays, and only keeps the quote from ending the text.
        (r'"a \"b\" c"', r"a \"b\" c"),
        (r'"\n"', r"\n"),
        (r"'it\'s'", r"it\'s"),
        ('"two\nlines"', "two\nlines"),
        ('"# no comment"', "# no comment"),
        ('""', ""),
        ('"${MPM_PORT:8080}"', "${MPM_PORT:8080}"),
        ("true", "true"),
        ("ISO8859_1", "ISO8859_1"),
        ("_x", "_x"),
        ("12", 12),
        ("-12", -12),
        ("1.5", 1.5),
        ("3.", 3.0),
        ("[]", []),
        ('[ "a", bare, 3, [1, 2], { "b" => 4 } ]', ["a", "bare", 3, [1, 2], {"b": 4}]),
        ("{}", {}),
        ('{ "a" => 1 bb => [x1] 3 => "c" }', {"a": 1, "bb": ["x1"], 3: "c"}),
        ('{ "a" => { "b" => "c" } }', {"a": {"b": "c"}}),
        ('{ "a" => "b" # why\n "c" => "d" }', {"a": "b", "c": "d"}),
        ('{"a"=>"b""c"=>"d"}', {"a": "b", "c": "d"}),
        ("plain", "plain"),
        ("plain {}", Plugin("plain", (), 1)),
        ('[ json { target => "x" } ]', [Plugin("json", (("target", "x"),), 1)]),
    ],
)
def test_values(text: str, wanted: object) -> None:
    assert value(text) == wanted


def test_names() -> None:
    (section,) = parse(
        'input { my-plugin { "quoted" => 1 a => 2 and_so => [1] in_order => 3 } "iffy" {} elsewhere {} }'
    )
    first, *others = plugins(section.body)
    assert first == Plugin("my-plugin", (("quoted", 1), ("a", 2), ("and_so", [1]), ("in_order", 3)), 1)
    assert [plugin.name for plugin in others] == ["iffy", "elsewhere"]
    assert first.require("a") == 2
    with pytest.raises(ConfigError, match="line 1: my-plugin has no `b`"):
        first.require("b")


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("[a]", Selector(("a",))),
        ("[@metadata][mpm][kind]", Selector(("@metadata", "mpm", "kind"))),
        ('[a] == "b"', Comparison(Selector(("a",)), "==", "b")),
        ("[a]!=1", Comparison(Selector(("a",)), "!=", 1)),
        ("[a] <= -1.5", Comparison(Selector(("a",)), "<=", -1.5)),
        ("[a] >= 1", Comparison(Selector(("a",)), ">=", 1)),
        ("[a] < 1", Comparison(Selector(("a",)), "<", 1)),
        ("1 > [a]", Comparison(1, ">", Selector(("a",)))),
        ("[a] =~ /x\\/y/", Comparison(Selector(("a",)), "=~", Regexp("x\\/y"))),
        ('[a] !~ "x"', Comparison(Selector(("a",)), "!~", "x")),
        ('"a" in [tags]', Comparison("a", "in", Selector(("tags",)))),
        ("[a]in[b]", Comparison(Selector(("a",)), "in", Selector(("b",)))),
        ('[a] in ["x", "y"]', Comparison(Selector(("a",)), "in", ["x", "y"])),
        # Logstash sees a field here, and not an array of one text.
        ('[a] in ["x"]', Comparison(Selector(("a",)), "in", Selector(('"x"',)))),
        ('"a" not in [tags]', Comparison("a", "not in", Selector(("tags",)))),
        ('"a" not  in [tags]', Comparison("a", "not in", Selector(("tags",)))),
        ("![a]", Negation(Selector(("a",)))),
        ("! ([a])", Negation(Condition((Selector(("a",)),), ()))),
        ("([a])", Condition((Selector(("a",)),), ())),
        ('lookup("x", [a])', Call("lookup", ("x", Selector(("a",))))),
    ],
)
def test_expressions(text: str, wanted: object) -> None:
    assert single(text) == wanted


def test_conditions_keep_their_order() -> None:
    found = condition("[a] and [b] or ([c] xor [d]) nand ![e]")
    assert found.operators == ("and", "or", "nand")
    assert found.expressions[:2] == (Selector(("a",)), Selector(("b",)))
    assert found.expressions[2] == Condition((Selector(("c",)), Selector(("d",))), ("xor",))


def test_branches() -> None:
    text = 'output { if [a] { x1 {} } else if [b] == "c" { if [d] { y1 {} } } else { z1 {} } if [e]{w1{}} last {} }'
    (section,) = parse(text)
    first, second, last = section.body
    assert isinstance(first, Branch)
    assert isinstance(second, Branch)
    assert last == Plugin("last", (), 1)
    assert [found is None for found, _ in first.cases] == [False, False, True]
    assert [plugin.name for plugin in plugins(section.body)] == ["x1", "y1", "z1", "w1", "last"]
    assert [field.path for field in selectors(section.body)] == [("a",), ("b",), ("d",), ("e",)]


def test_selectors_are_found_wherever_they_stand() -> None:
    (section,) = parse('filter { if !([a] == 1 and "x" in [b][c]) or call([d]) or ![e] { } }')
    assert [field.path for field in selectors(section.body)] == [("a",), ("b", "c"), ("d",), ("e",)]


@pytest.mark.parametrize(
    "text",
    [
        "input",
        "input {",
        "input { stdin }",
        "input { stdin { }",
        "inputs { }",
        "codec { }",
        "stdin { }",
        "input { stdin { port 80 } }",
        "input { stdin { port = 80 } }",
        "input { stdin { port => } }",
        "input { stdin { port => 80, host => 1 } }",
        "input { stdin { host => a } }",
        "input { stdin { host => a-b } }",
        "input { stdin { host => 127.0.0.1 } }",
        "input { stdin { host => ${HOST} } }",
        'input { stdin { host => "a } }',
        r'input { stdin { host => "a\\" } }',
        'input { stdin { list => ["a",] } }',
        'input { stdin { list => ["a" "b"] } }',
        'input { stdin { list => ["a", "b" } }',
        "input { stdin { map => { a => 1 } } }",
        'input { stdin { map => { "a" => 1, "b" => 2 } } }',
        'input { stdin { map => { "a" 1 } } }',
        'input { stdin { map => { "a" => 1 "a" => 2 } } }',
        'input { stdin { a1 => "x"b1 => 2 } }',
        "input { stdin { a1 => { }b1 => 2 } }",
        "input { stdin { a1 => 1# why\n b1 => 2 } }",
        "input { stdin { codec => plain codec => json } }",
        "input { stdin { // no comment\n } }",
        "filter { if { } }",
        "filter { if a { } }",
        "filter { if [a] }",
        "filter { if [a] = 1 { } }",
        "filter { if [a] [b] { } }",
        'filter { if !"a" { } }',
        "filter { if ![a] == 1 { } }",
        "filter { if [a] && [b] { } }",
        "filter { if not [a] { } }",
        'filter { if "a" not_in [b] { } }',
        "filter { if [a] =~ [b] { } }",
        "filter { if ([a] { } }",
        "filter { if [a] { } else [b] { } }",
    ],
)
def test_what_logstash_refuses_is_refused(text: str) -> None:
    with pytest.raises(ConfigError):
        parse(text)


def test_the_place_of_a_fault_is_told() -> None:
    with pytest.raises(ConfigError, match="line 3, column 10"):
        parse('input {\n  stdin {\n    port "a"\n  }\n}')
