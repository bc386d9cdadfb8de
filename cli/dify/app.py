"""The export of a Dify app ("DSL", YAML) as an app here, with what could not be taken over.

Read from the exports of Dify's versions 0.1 to 0.5 of the format: chat, agent-chat and completion
keep everything in `model_config`, workflow and advanced-chat in the nodes of a graph.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from cli.dify.export import (
    Export,
    ExportedVariable,
    Features,
    Message,
    ModelConfig,
    Node,
    RetrievalSettings,
    Workflow,
)
from kb.errors import Rejected

INPUT_TYPES = {
    "text-input": "text",
    "paragraph": "paragraph",
    "number": "number",
    "select": "select",
    "checkbox": "boolean",
}
KNOWN_PLACES = {"context": "{{context}}", "query": "{{query}}", "sys.query": "{{query}}"}
"""Dify's own placeholders, `{{#name#}}`."""

_PLACE = re.compile(r"\{\{(#?)([\w.:-]+)\1\}\}")


@dataclass
class DifyApp:
    """What is sent to make the app, and what its owner has to see to."""

    name: str
    icon: str = ""
    opening: str = ""
    suggested_questions: list[str] = field(default_factory=list)
    draft: dict[str, Any] = field(default_factory=dict)
    model: str = ""
    datasets: int = 0
    left: list[str] = field(default_factory=list)


def read_app(path: Path) -> DifyApp:
    """Raises Rejected: the file is no export of a Dify app."""
    try:
        return _app_of(Export.model_validate(yaml.safe_load(path.read_bytes())))
    except (yaml.YAMLError, RecursionError, ValueError) as exc:
        raise Rejected(f"{path} is not an export of a Dify app: {_first(exc)}.") from exc


def _first(exc: Exception) -> str:
    if not isinstance(exc, ValidationError):
        return str(exc).partition("\n")[0] or "it is nested too deeply"
    problem = exc.errors()[0]
    return f"`{'.'.join(map(str, problem['loc'])) or 'file'}`: {problem['msg']}"


def _app_of(export: Export) -> DifyApp:
    made = DifyApp(export.app.name, export.app.icon)
    if export.workflow is not None:
        _take_graph(made, export.workflow)
    else:
        _take_config(made, export.config, export.app.mode)
    return made


def _take_config(made: DifyApp, config: ModelConfig, mode: str) -> None:
    _take_features(made, config)
    form = [pair for each in config.user_input_form for pair in each.items()]
    variables = [each.model_copy(update={"type": kind}) for kind, each in form]
    own = {name: name for name in _take_variables(made, variables)}
    _take_prompt(made, config.messages, own)
    _take_model(made, config.model.name, config.model.completion_params)
    made.datasets = len(set(config.datasets))
    _take_retrieval(made, config.dataset_configs)
    made.left += config.others()
    if mode == "completion":
        made.left.append("the form of a completion: the app is a chat, the question its query")


def _take_graph(made: DifyApp, workflow: Workflow) -> None:
    nodes = workflow.nodes
    _take_features(made, workflow.features)
    starts = [each for each in nodes if each.data.type == "start"]
    written = [each for node in starts for each in node.data.variables]
    names = _take_variables(made, [ExportedVariable.model_validate(each) for each in written])
    own = {f"{node.id}.{name}": name for node in starts for name in names}
    answering = _answering(nodes)
    if answering is not None:
        _take_prompt(made, answering.data.prompt_template, own)
        _take_model(made, answering.data.model.name, answering.data.model.completion_params)
    found = [each for each in nodes if each.data.type == "knowledge-retrieval"]
    made.datasets = len({each for node in found for each in node.data.dataset_ids})
    if found:
        _take_retrieval(made, found[0].data.multiple_retrieval_config)
    usual = {id(each) for each in (*starts, *found[:1], answering)}
    made.left += [
        f"the node {each.data.title or each.id!r} ({each.data.type})"
        for each in nodes
        if id(each) not in usual and each.data.type not in ("answer", "end", "")
    ]


def _answering(nodes: list[Node]) -> Node | None:
    """The LLM node whose text is the answer; else the last one."""
    models = [each for each in nodes if each.data.type == "llm"]
    ends = [each.data for each in nodes if each.data.type in ("answer", "end")]
    shown = re.findall(r"[\w-]+", " ".join(f"{each.answer} {each.outputs}" for each in ends))
    candidates = [each for each in models if each.id in shown] or models
    return candidates[-1] if candidates else None


def _take_features(made: DifyApp, features: Features) -> None:
    made.opening = features.opening_statement
    asked = [each.strip() for each in features.suggested_questions if each.strip()]
    made.suggested_questions = [each for each in asked if len(each) <= 200][:20]
    if len(made.suggested_questions) < len(asked):
        made.left.append("suggested questions over 200 characters, or after the first 20")
    if _PLACE.search(made.opening):
        made.left.append("variables in the opening: it is shown as it is written")


def _take_variables(made: DifyApp, variables: list[ExportedVariable]) -> list[str]:
    """The names of those taken over."""
    inputs: dict[str, dict[str, Any]] = {}
    for each in variables:
        kind = INPUT_TYPES.get(each.type)
        is_known = kind is not None and re.fullmatch(r"\w[\w-]{0,63}", each.variable)
        if not is_known or (kind == "select" and not each.options):
            made.left.append(f"the variable {each.variable!r} ({each.type})")
            continue
        taken = each.model_dump(include={"label", "required", "default"})
        if kind == "select":
            taken["options"] = each.options
        if kind in ("text", "paragraph") and each.max_length:
            taken["max_length"] = each.max_length
        inputs[each.variable] = {"name": each.variable, "type": kind, **taken}
    made.draft["inputs"] = list(inputs.values())
    return list(inputs)


def _take_prompt(made: DifyApp, messages: list[Message], own: dict[str, str]) -> None:
    """Dify's placeholders become ours (`own`: of inputs); what means nothing here stays, told."""

    def placed(match: re.Match[str]) -> str:
        hashes, name = match.groups()
        if name in own:
            return f"{{{{inputs.{own[name]}}}}}"
        if name in KNOWN_PLACES and (hashes or name == "query"):
            return KNOWN_PLACES[name]
        made.left.append(f"the placeholder {match[0]} in the prompt")
        return match[0]

    if any(each.role == "assistant" for each in messages):
        made.left.append("prompts of the role assistant")
    kept = [each.text for each in messages if each.role != "assistant"]
    texts = [each for each in kept if each.strip() not in ("", "{{#sys.query#}}", "{{#query#}}")]
    made.draft["prompt"] = _PLACE.sub(placed, "\n\n".join(texts))


def _take_model(made: DifyApp, name: str, parameters: dict[str, Any]) -> None:
    made.model = name
    taken = {key: parameters[key] for key in ("temperature", "max_tokens") if key in parameters}
    made.draft["base"] = taken
    others = sorted(map(str, parameters.keys() - taken.keys()))
    if others:
        made.left.append(f"the model's {', '.join(others)}")


def _take_retrieval(made: DifyApp, asked: RetrievalSettings) -> None:
    """A threshold is not taken over: nobody has measured what it would be on our scale."""
    taken: dict[str, Any] = {"top_k": min(max(asked.top_k, 1), 100)} if asked.top_k else {}
    if asked.reranking_enable is not None:
        taken["rerank"] = asked.reranking_enable
    made.draft["retrieval"] = taken
    if asked.score_threshold and asked.score_threshold_enabled:
        made.left.append(f"the score threshold {asked.score_threshold}: our scale is another")
