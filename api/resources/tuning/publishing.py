"""Attaching a tuned model to an app: handed to its server, registered, put into the draft."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import MISSING, Field, StringConstraints

from api.deps import KB, AdminScope
from api.resources.apps.model_requests import Day, Secret
from api.resources.apps.requests import RetrievalBody
from api.resources.apps.responses import DifferenceResponse, ModelResponse, Warnings
from api.resources.fields import Body, Id, Name, Text
from api.resources.response import Response
from api.threads import in_thread, read, write
from kb.apps.gates import Gates
from kb.apps.publishing import Attachment, attach
from kb.errors import Rejected
from kb.knowledge_base import KnowledgeBase
from kb.models.llm.addresses import check_base_url
from kb.store.apps import apps
from kb.store.tuning import tuned_models
from kb.types import Retrieval, TunedModel
from tune.jobs.preparing import model_folder
from tune.publish.serving import Handed, Serving, hand_over, template_of

router = APIRouter(prefix="/v1/tuning/models", tags=["tuning"])

Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
ServedName = Annotated[str, StringConstraints(pattern=r"^[\w][\w./:-]{0,199}$")]


class GatesBody(Body):
    """What the tuned variant has to show before it answers."""

    most_worse_points: Annotated[float, Field(ge=0, le=100, allow_inf_nan=False)] | None = 2.0
    """So many points may it be right less often than base; null asks for no evaluation."""
    least_kept: Share = 0.9
    """Share of what it knew before that it still has to know, where that was measured."""
    least_valid: Share = 0.95
    """Share of its answers that have to have the form that is asked for, where measured."""


class PublishBody(Body):
    """How a tuned model is to answer for an app."""

    app: Id
    """Id or slug."""
    base_url: Text | None = None
    """Where it is served; left out, the usual address of `serving` on this machine."""
    serving: Serving | None = None
    """The server that is to have it; left out, `base_url` has it already."""
    base: ServedName | None = None
    """What that server calls the base model."""
    load: bool = False
    """Asks vLLM or Ollama to load it now."""
    served_as: Name | None = None
    """What the server at `base_url` calls it."""
    prompt: Text | None = None
    """Left out: `{{query}}` for a completion model, none for a chat model."""
    retrieval: RetrievalBody | None = None
    """Left out: without a search."""
    temperature: Annotated[float, Field(ge=0, le=2, allow_inf_nan=False)] | None = None
    max_tokens: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    api_key: Secret | None = None
    shutdown_at: Day | None = None
    template: Text | None = None
    """The chat template that the server renders by, to compare it with that of the training."""
    report: dict[str, Any] = Field(default_factory=dict)
    """The JSON report of an evaluation with four arms; left out, what the job has measured."""
    gates: GatesBody = GatesBody()


class PublishResponse(Response):
    """What was registered, what publishing the draft would change, and what is left to do."""

    model: ModelResponse
    revision: int
    """Of the draft."""
    differences: tuple[DifferenceResponse, ...]
    """Between the version that answers and the draft."""
    commands: tuple[str, ...]
    """To be typed where the model is served."""
    warnings: Warnings = MISSING


@router.post("/{name}/publish")
async def publish_tuned_model(
    name: str, body: PublishBody, kb: KB, scope: AdminScope
) -> PublishResponse:
    """Attach a tuned model to an app as its tuned variant.

    The model is registered as it was trained, and the app's draft names it; nobody is answered by
    it until the draft is published and the switch or a roll-out says so. Again, it changes both.
    """
    tuned = await read(kb, tuned_models.get, scope, name)
    wanted = replace(
        body.to(Attachment),
        gates=body.gates.to(Gates),
        retrieval=body.retrieval.to(Retrieval) if body.retrieval else None,
    )
    commands: tuple[str, ...] = ()
    if body.serving is not None:
        await read(kb, apps.get, scope, body.app)
        handed, template = await in_thread(_hand_over, kb, tuned, body, body.serving)
        commands = handed.commands
        wanted = replace(
            wanted,
            base_url=handed.base_url,
            served_as=handed.model,
            template=wanted.template or template,
        )
    hosts = kb.settings.llm.link_local_hosts
    done = await write(kb, attach, scope, kb.secrets, tuned, wanted, link_local_hosts=hosts)
    await kb.chat_models.forget(done.model.name)
    return PublishResponse.model_validate(
        {
            "model": ModelResponse.of(done.model, None, ()),
            "revision": done.revision,
            "differences": done.differences,
            "commands": commands,
            "warnings": done.warnings or MISSING,
        }
    )


def _hand_over(
    kb: KnowledgeBase, tuned: TunedModel, body: PublishBody, serving: Serving
) -> tuple[Handed, str | None]:
    if tuned.folder is None:
        raise Rejected(f"{tuned.name!r} was trained elsewhere: leave out `serving`.")
    if body.base_url is not None:
        check_base_url(body.base_url, kb.settings.llm.link_local_hosts)
    folder = model_folder(kb, tuned)
    handed = hand_over(
        tuned,
        folder,
        serving,
        body.base_url,
        base=body.base,
        load=body.load,
        resolver=kb.settings.tuning.vllm_adapters,
    )
    return handed, template_of(folder, serving)
