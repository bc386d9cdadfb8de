"""Forms in and out: exact where a form can carry a row, else the rows are named."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from kb.errors import Rejected
from tests.tune.rows.making_rows import SLOW, any_rows, texts
from tune.rows.forms import TARGETS, read, write
from tune.rows.shapes import FormOptions
from tune.types import TrainingRow, TrainingTurn

ENDS = FormOptions(separator=" ->", stop=" END")
said = texts.filter(lambda text: not text.endswith((" ->", " END")))
filled = said.filter(bool)


def turn(role: str, content: str, weight: int | None = None) -> TrainingTurn:
    return TrainingTurn(role, content, weight)  # type: ignore[arg-type]


def talk(system: str, pairs: list[tuple[str, str]], **more: object) -> TrainingRow:
    turns = [turn("system", system)] if system else []
    for question, answer in pairs:
        turns += [turn("user", question), turn("assistant", answer)]
    return TrainingRow(tuple(turns), **more)  # type: ignore[arg-type]


pairs = st.tuples(said, said)
dialogues = st.builds(talk, said, st.lists(pairs, min_size=1, max_size=3))
marked = st.builds(
    lambda row, group, split, label, rejected: replace(
        row, group=group, split=split, label=label, rejected=rejected
    ),
    st.builds(talk, said, st.lists(st.tuples(said, filled), min_size=1, max_size=1)),
    said, st.sampled_from([None, "train", "test"]), st.none() | filled, st.none() | filled,
)  # fmt: skip
preferred = st.builds(lambda row, worse: replace(row, rejected=worse), dialogues, said)
tool_uses = st.builds(
    lambda row, call, result: replace(
        row,
        messages=(
            *row.messages[:-1], turn("assistant", call), turn("tool", result), row.messages[-1]
        ),
        tools=({"type": "function", "function": {"name": "f"}},),
    ),
    dialogues, said, said,
)  # fmt: skip
CARRIED = {
    "canonical": any_rows,
    "openai": dialogues | tool_uses,
    "openai-dpo": preferred,
    "dashscope": dialogues,
    "alpaca": dialogues | preferred,
    "sharegpt": dialogues | preferred | tool_uses,
    "llama-factory": dialogues,
    "axolotl": dialogues,
    "prompt-completion": st.builds(talk, st.just(""), st.lists(pairs, min_size=1, max_size=1)),
    "csv": marked,
    "json": marked,
}


@pytest.mark.parametrize("to", sorted(set(TARGETS) - {"parquet"}))
@settings(max_examples=25, deadline=None, suppress_health_check=SLOW)
@given(data=st.data())
def test_what_a_form_can_carry_comes_back_exactly(to: str, data: st.DataObject):
    rows = data.draw(st.lists(CARRIED[to], min_size=1, max_size=3))

    options = ENDS if to == "prompt-completion" else None
    written = write(rows, to, options)
    name = next(iter(written.files))
    back, findings = read(written.files[name], name, options=options, form=TARGETS[to].shape)

    assert back == rows
    assert findings == ()
    assert written.findings == ()


@pytest.mark.parametrize("to", sorted(set(TARGETS) - {"parquet"}))
@settings(max_examples=25, deadline=None, suppress_health_check=SLOW)
@given(data=st.data())
def test_what_a_form_cannot_carry_is_named(to: str, data: st.DataObject):
    rows = data.draw(st.lists(any_rows, min_size=1, max_size=3))
    try:
        written = write(rows, to)
    except Rejected:
        return  # no row fits
    shape = TARGETS[to].shape
    named = {row for found in written.findings for row in found.rows}
    kept = [row for number, row in enumerate(rows) if number not in named]

    back = [r for n, b in written.files.items() if n[-4:] != "yaml" and "info" not in n
            for r in read(b, n, form=shape)[0]]  # fmt: skip

    for row in kept:
        plain = tuple(replace(each, weight=0 if _is_read(each) else None) for each in row.messages)
        content = (plain, row.rejected, row.label, row.tools)
        assert content in [
            (
                tuple(replace(e, weight=0 if _is_read(e) else None) for e in each.messages),
                each.rejected,
                each.label,
                each.tools,
            )
            for each in back
        ]


def _is_read(each: TrainingTurn) -> bool:
    return each.role == "assistant" and each.weight == 0


def test_the_rows_that_lose_weights_or_tools_are_named():
    rows = [
        talk("", [("a", "b")]),
        TrainingRow((turn("user", "a"), turn("assistant", "b", 0))),
        talk("", [("a", "b")], tools=({"type": "function"},)),
        TrainingRow((turn("user", "a"),)),
    ]

    lost = {found.code: found.rows for found in write(rows, "alpaca").findings}

    assert lost == {"lost_weights": (1,), "lost_tools": (2,), "lost_rows": (3,)}


def test_parquet_carries_every_field():
    pytest.importorskip("pyarrow", reason="the extra tune is not installed")
    row = replace(
        TrainingRow((turn("user", "问"), turn("assistant", "答", 0))),
        group="g", rejected="x", split="valid",
        tools=({"type": "function", "n": [1, {"a": None}]},),
    )  # fmt: skip
    rows = [row, talk("s", [("a", "b"), ("c", "d")])]

    written = write(rows, "parquet")

    assert read(written.files["rows.parquet"], "rows.parquet")[0] == rows
    with pytest.raises(Rejected, match="damaged"):
        read(written.files["rows.parquet"][:40], "a.parquet")


def test_a_table_is_read_by_the_columns_that_are_named():
    data = '\ufeff,dynasty,power,story\n0,唐,隐形,"\n故事"\n'.encode()
    options = FormOptions({"question": "{dynasty},{power}", "answer": "story", "group": "dynasty"})

    rows, _ = read(data, "stories.csv", options=options)

    assert rows == [talk("", [("唐,隐形", "\n故事")], group="唐")]
    with pytest.raises(Rejected, match="no column 'tale'; there are"):
        read(data, "stories.csv", options=FormOptions({"question": "tale"}))
    with pytest.raises(Rejected, match="not for 'querstion'"):
        read(data, "stories.csv", options=FormOptions({"querstion": "story"}))


def test_questions_that_eval_has_made_are_rows_of_their_documents():
    made = {
        "id": "1",
        "question": "When?",
        "answers": ["At nine."],
        "document": "a.md",
        "spans": [],
    }
    none = {"id": "2", "question": "Why?", "answers": [], "reference": "So."}

    rows, _ = read(f"{json.dumps(made)}\n{json.dumps(none)}".encode(), "questions.jsonl")

    assert rows == [talk("", [("When?", "At nine.")], group="a.md"), talk("", [("Why?", "So.")])]


def test_a_prepared_file_loses_its_separator_and_stop():
    data = b"prompt,completion\nTang ->, A story.\\n END\nHan ->, Another. END\n"

    rows, _ = read(data, "prepared.csv")

    assert [(row.prompt, row.answer) for row in rows] == [
        ("Tang", "A story.\\n"),
        ("Han", "Another."),
    ]


def test_alpaca_as_it_is_met_is_read():
    raw = [
        {"instruction": "Sum", "input": "1 2", "output": "3", "history": "", "system": ""},
        {"instruction": "x", "output": "y", "history": [["a", "b"]], "system": "s"},
        {"instruction": "x", "chosen": "good", "rejected": "bad"},
    ]

    rows, _ = read(json.dumps(raw).encode(), "alpaca.json")

    assert rows == [
        talk("", [("Sum\n1 2", "3")]),
        talk("s", [("a", "b"), ("x", "y")]),
        talk("", [("x", "good")], rejected="bad"),
    ]


def test_sharegpt_with_calls_and_openai_with_calls_become_the_same_row():
    call = {"name": "weather", "arguments": '{"city": "Paris"}'}
    sharegpt = {
        "conversations": [
            {"from": "human", "value": "Weather?"},
            {"from": "function_call", "value": json.dumps(call)},
            {"from": "observation", "value": "rain"},
            {"from": "gpt", "value": "It rains."},
        ],
        "tools": json.dumps([{"type": "function"}]),
    }
    openai = {
        "messages": [
            {"role": "user", "content": [{"type": "text", "text": "Weather?"}]},
            {"role": "assistant", "content": None, "tool_calls": [{"id": "1", "function": call}]},
            {"role": "tool", "tool_call_id": "1", "content": "rain"},
            {"role": "assistant", "content": "It rains."},
        ],
        "tools": [{"type": "function"}],
    }

    rows, _ = read(json.dumps(sharegpt).encode(), "a.jsonl")

    assert rows == read(json.dumps(openai).encode(), "b.jsonl")[0]
    back = json.loads(write(rows, "sharegpt").files["train.json"])
    assert back == [sharegpt]


def test_broken_records_are_named_and_the_rest_is_read():
    lines = [
        '{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}',
        '{"messages": [{"role": "bot", "content": "a"}]}',
        '{"instruction": "a"}',
        '{"conversations": [{"from": "human"}]}',
    ]

    rows, findings = read("\n".join(lines).encode(), "mixed.jsonl")

    assert len(rows) == 1
    assert {row for found in findings for row in found.rows} == {1, 2, 3}
    assert all(found.blocks for found in findings)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ("唐".encode("gb18030"), "not UTF-8"),
        (b"[1, 2]", "no list of records"),
        (b"", "it is empty"),
        (b"{", "line 1"),
    ],
)
def test_a_file_that_is_no_set_says_what_to_do(data: bytes, said: str):
    with pytest.raises(Rejected, match=said):
        read(data, "rows.jsonl")


def test_llama_factory_gets_its_description_and_job():
    rows = [talk("", [("a", "b")], split="train"), talk("", [("c", "d")], split="valid")]

    written = write(rows, "llama-factory", FormOptions(model="base"))
    info = json.loads(written.files["dataset_info.json"])

    assert set(written.files) == {"train.json", "valid.json", "dataset_info.json", "train.yaml"}
    assert info["valid"]["file_name"] == "valid.json"
    job = yaml.safe_load(written.files["train.yaml"])
    assert (job["model_name_or_path"], job["eval_dataset"]) == ("base", "valid")
    assert job["learning_rate"] == 1e-4


def test_llama_factory_gets_preferences_alone_where_there_are_any():
    rows = [talk("", [("a", "b")]), talk("", [("a", "b")], rejected="c")]

    written = write(rows, "llama-factory")

    assert json.loads(written.files["dataset_info.json"])["train"]["ranking"] is True
    assert yaml.safe_load(written.files["train.yaml"])["learning_rate"] == 5e-6
    assert len(json.loads(written.files["train.json"])) == 1
    assert [(found.code, found.rows) for found in written.findings] == [("lost_rows", (0,))]


def test_axolotl_gets_a_job_that_reads_the_weights():
    written = write([TrainingRow((turn("user", "a"), turn("assistant", "b", 0)))], "axolotl")

    job = yaml.safe_load(written.files["axolotl.yaml"])
    assert job["datasets"][0]["message_field_training"] == "weight"
    assert job["learning_rate"] == 2e-4
    assert b'"weight": 0' in written.files["train.jsonl"]
    assert written.findings == ()


def test_an_unknown_target_or_form_is_refused():
    with pytest.raises(Rejected, match="There are canonical"):
        write([talk("", [("a", "b")])], "word")
    with pytest.raises(Rejected, match="There are openai"):
        read(b"{}", "a.jsonl", form="word")
