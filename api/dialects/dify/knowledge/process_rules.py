"""Dify's process rules, as the processing of a dataset here.

There a rule belongs to a document, here to a dataset: so the first document settles it, and another
rule afterwards is refused. What a rule cannot mean here is refused by name.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from api.dialects.dialect import Body
from api.resources.fields import Name
from ingest.clean.cleaning import known_rules
from kb.errors import Conflict, NotAllowed, Rejected
from kb.store.content import datasets
from kb.store.engine.database import Transaction
from kb.types import Dataset, Processing, Scope, SplitMode, SplitOptions

DocForm = Literal["text_model", "hierarchical_model", "qa_model"]

FORMS: dict[SplitMode, DocForm] = {"parent_child": "hierarchical_model", "qa": "qa_model"}
"""How Dify calls what a way of splitting makes; the others make `text_model`."""

PARAGRAPHS = frozenset({"\n\n", "\n"})


class PreProcessingRule(Body):
    """A cleaning rule, on or off."""

    id: Name
    enabled: bool = True


class Segmentation(Body):
    """Where text is cut; tokens are those of the embedding model."""

    separator: Annotated[str, StringConstraints(min_length=1, max_length=1000)] = "\n\n"
    max_tokens: Annotated[int, Field(ge=16, le=8192)] = 500
    chunk_overlap: Annotated[int, Field(ge=0, le=1024)] | None = None

    def characters(self) -> str:
        """The separator; Dify's forms send line breaks and tabs as two characters."""
        return self.separator.replace("\\n", "\n").replace("\\t", "\t")


class Rules(Body):
    """How documents are cleaned and split."""

    pre_processing_rules: Annotated[tuple[PreProcessingRule, ...], Field(max_length=20)] = ()
    segmentation: Segmentation = Segmentation()
    parent_mode: Literal["paragraph", "full-doc"] | None = None
    subchunk_segmentation: Segmentation | None = None

    def cuts(self) -> SplitOptions:
        """At the separator, and nowhere else."""
        asked, overlap = self.segmentation, self.segmentation.chunk_overlap or 0
        separator = asked.characters()
        return SplitOptions(
            "separator", asked.max_tokens, overlap, separator=separator, merge=False
        )

    def pieces(self) -> SplitOptions:
        """Pieces of paragraphs. Raises Rejected."""
        child = self.subchunk_segmentation or Segmentation(max_tokens=200)
        if self.parent_mode == "full-doc":
            raise Rejected("`parent_mode` full-doc does not fit a prompt. Send `paragraph`.")
        if not {self.segmentation.characters(), child.characters()} <= PARAGRAPHS:
            raise Rejected(
                "Mode hierarchical cuts at paragraphs and sentences here, not at a `separator` of "
                "your own. Leave it out, or send mode custom."
            )
        most = max(self.segmentation.max_tokens, 32)
        sizes = (child.max_tokens, child.chunk_overlap or 0)
        return SplitOptions("parent_child", *sizes, parent="paragraph", parent_max_tokens=most)


class ProcessRule(Body):
    """A process rule; `automatic` leaves the dataset as it is."""

    mode: Literal["automatic", "custom", "hierarchical"] = "automatic"
    rules: Rules | None = None

    def to_processing(self) -> Processing | None:
        """None: as the dataset has it. Raises Rejected: a part of it is not done here."""
        if self.mode == "automatic":
            return None
        rules = self.rules or Rules()
        clean = known_rules({each.id: each.enabled for each in rules.pre_processing_rules})
        return Processing(clean, rules.cuts() if self.mode == "custom" else rules.pieces())


def form_of(processing: Processing) -> DocForm:
    """What Dify calls the documents that a processing makes."""
    return FORMS.get(processing.split.mode, "text_model")


def settle(
    tx: Transaction, scope: Scope, found: Dataset, wanted: Processing, form: DocForm | None
) -> Dataset:
    """The dataset, processing its documents as wanted.

    Raises:
        NotAllowed: it does not, and the key may not change it.
        Rejected: it does not, and holds documents; or it makes documents of another form.
    """
    if form not in (None, form_of(wanted)):
        raise Rejected(
            f"`doc_form` is {form}, but this dataset makes {form_of(wanted)}. For "
            "hierarchical_model send a process_rule of that mode with the first document; "
            "questions and answers are read from tables, in datasets of mode `qa`."
        )
    if wanted == found.processing:
        return found
    if not scope.may("admin"):
        raise NotAllowed("Only an admin key may give a dataset another `process_rule`.")
    try:
        return datasets.change(tx, scope, found.id, processing=wanted)
    except Conflict as exc:
        raise Rejected(
            "All documents of a dataset are cleaned and split in one way here, and this one holds "
            "documents of another `process_rule`. Send the same rule, or none, or make a dataset "
            "for each; `kb reindex` changes all of them."
        ) from exc
