"""A served dataset and app about three towns, and questions that they answer or do not."""

from __future__ import annotations

from eval.types import Question, QuestionSet, Relevant

TOWNS = {
    "ostrava.md": "# Ostrava\n\n## Mills\n\nThe old mill of Ostrava was rebuilt in 1990 by "
    "masons from Brno. It grinds rye.\n",
    "brno.md": "# Brno\n\nBrno is a city with nine bridges. Its market opens at seven "
    "in the morning.\n",
    "zlin.txt": "The tower of Zlin holds a clock that was made by the smiths of Olomouc in 1931.\n",
}


def place(name: str, words: str) -> Relevant:
    start = TOWNS[name].index(words)
    return Relevant(name, start, start + len(words))


QUESTIONS = QuestionSet(
    "towns",
    "en",
    [],
    [
        Question("1", "When was the old mill of Ostrava rebuilt?", ("in 1990",),
                 (place("ostrava.md", "1990"),), type="when", language="en"),
        Question("2", "How many bridges does Brno have?", ("nine",),
                 (place("brno.md", "nine bridges"),), type="how many", language="en"),
        Question("3", "Who made the clock in the tower of Zlin?", ("the smiths of Olomouc",),
                 (place("zlin.txt", "the smiths of Olomouc"),), type="who", language="en"),
        Question("4", "Which submarine exports violins?", answerable=False, type="who",
                 language="en"),
    ],
)  # fmt: skip
