"""The parts of a Dify app's export that are read. Null means the same as absent."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AliasPath, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

DONE_HERE = ("agent_mode", "retriever_resource", "suggested_questions_after_answer")
"""Switches of what every app here does, or what is told in another way."""


class Part(BaseModel):
    """An object of the export; what is not named here is ignored."""

    model_config = ConfigDict(extra="ignore", coerce_numbers_to_str=True)

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, value: Any) -> Any:
        if isinstance(value, dict):
            return {key: each for key, each in value.items() if each is not None}
        return value


class Application(Part):
    """What the app is called and how it works."""

    name: str = Field(min_length=1)
    mode: str = "chat"
    icon: str = ""


class Message(Part):
    """A prompt of a model, with the role that it plays."""

    role: str = ""
    text: str = ""


class Model(Part):
    """The model that answers, with its parameters."""

    name: str = ""
    completion_params: dict[str, Any] = {}


class RetrievalSettings(Part):
    """How passages are found; `datasets` only where a model's configuration names them."""

    top_k: int = 0
    score_threshold: float | None = None
    score_threshold_enabled: bool = True
    reranking_enable: bool | None = None
    datasets: dict[str, list[dict[str, Any]]] = {}


class ExportedVariable(Part):
    """A field of the form; `type` is Dify's word for its kind."""

    variable: str = ""
    label: str = ""
    type: str = ""
    required: bool = False
    default: Annotated[str, BeforeValidator(str)] = ""
    options: list[str] = []
    max_length: int | None = None


Messages = Annotated[
    list[Message], BeforeValidator(lambda found: found if isinstance(found, list) else [found])
]


class Features(Part):
    """What a flow shows before the first question."""

    opening_statement: str = ""
    suggested_questions: list[str] = []


class PromptConfig(Part):
    """The prompts that an expert has written."""

    prompt: Messages = []


class ModelConfig(Features):
    """What a chat, agent-chat or completion app answers with."""

    model_config = ConfigDict(extra="allow")

    pre_prompt: str = ""
    prompt_type: str = "simple"
    chat_prompt_config: PromptConfig = PromptConfig()
    completion_prompt_config: PromptConfig = PromptConfig()
    model: Model = Model()
    dataset_configs: RetrievalSettings = RetrievalSettings()
    user_input_form: list[dict[str, ExportedVariable]] = []
    tools: list[dict[str, Any]] = Field(
        default=[], validation_alias=AliasPath("agent_mode", "tools")
    )

    @property
    def messages(self) -> list[Message]:
        """The prompts of whichever kind there are."""
        if self.prompt_type != "advanced":
            return [Message(text=self.pre_prompt)]
        return self.chat_prompt_config.prompt or self.completion_prompt_config.prompt

    @property
    def datasets(self) -> list[str]:
        """What names datasets of Dify; older exports keep it among the tools."""
        found = [*self.dataset_configs.datasets.get("datasets", []), *self.tools]
        return [str(each["dataset"]) for each in found if "dataset" in each]

    def others(self) -> list[str]:
        """What is switched on there and cannot be here."""
        tools = [each.get("tool_label") or each.get("tool_name") for each in self.tools]
        switches = (self.model_extra or {}).items()
        on = [name for name, each in switches if isinstance(each, dict) and each.get("enabled")]
        names = [name.replace("_", " ") for name in on if name not in DONE_HERE]
        return [*(f"the tool {each}" for each in tools if each), *names]


class NodeData(Part):
    """What a node of a flow does; which fields it has depends on its type."""

    type: str = ""
    title: str = ""
    variables: list[Any] = []
    prompt_template: Messages = []
    model: Model = Model()
    dataset_ids: list[str] = []
    multiple_retrieval_config: RetrievalSettings = RetrievalSettings()
    answer: Any = None
    outputs: Any = None


class Node(Part):
    """One step of a flow."""

    id: str = ""
    data: NodeData = NodeData()


class Workflow(Part):
    """What a workflow or advanced-chat app answers with."""

    nodes: list[Node] = Field(default=[], validation_alias=AliasPath("graph", "nodes"))
    features: Features = Features()


class Export(Part):
    """A whole file."""

    model_config = ConfigDict(protected_namespaces=())

    app: Application
    config: ModelConfig = Field(ModelConfig(), alias="model_config")
    workflow: Workflow | None = None
