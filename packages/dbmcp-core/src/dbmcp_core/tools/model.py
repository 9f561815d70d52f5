"""What a tool, a resource or a prompt is, wherever it comes from: one validated model for all of them.

The keys are those of the file format (``mxcp: 1`` or ``dbmcp: 1``); docs/tools.md has every one. Values are frozen.
"""

from __future__ import annotations

import functools
import math
import re
from typing import Annotated, Any, ClassVar, Literal, Self
from urllib.parse import unquote

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StrictBool, model_validator

__all__ = [
    "Annotations",
    "Definition",
    "Expectation",
    "Message",
    "Misplaced",
    "Parameter",
    "Policies",
    "PolicyRule",
    "ProjectPolicy",
    "Prompt",
    "Resource",
    "ReturnType",
    "SourceCode",
    "Test",
    "TestArgument",
    "Tool",
    "TypeSpec",
]

_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_TOOL_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_URI_VARIABLE = re.compile(r"\{([^{}]*)\}")

TypeName = Literal["string", "number", "integer", "boolean", "array", "object"]
Format = Literal["email", "uri", "date", "time", "date-time", "duration", "timestamp"]


def _finite(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise ValueError(f"wants a number, not {value!r}")
    return value


#: A number as YAML has it; the text of one is none.
_Number = Annotated[float | int, BeforeValidator(_finite)]


class Misplaced(ValueError):
    """Something that doesn't fit with the rest of an object; ``path`` leads to it from there."""

    def __init__(self, message: str, *path: str | int) -> None:
        super().__init__(message)
        self.path = path


class _Model(BaseModel):
    """An object whose every key is known."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
        protected_namespaces=(),
        defer_build=True,  # of most of them only what stands inside of another is needed
    )


def _parameter_name(value: str) -> str:
    if not _IDENTIFIER.fullmatch(value):
        raise ValueError("wants a letter or underscore, then letters, digits and underscores")
    return value


def _tool_name(value: str) -> str:
    if not _TOOL_NAME.fullmatch(value):
        raise ValueError("wants up to 64 letters, digits, '_' and '-'")
    return value


class TypeSpec(_Model):
    """The type of a value: JSON's own six types, and what JSON Schema can ask of each.

    ``default`` may be null, so whether there is one is asked of ``has_default``.
    """

    type: TypeName = Field(description="Which of JSON's types the value has.")
    name: str | None = Field(None, description="A name for it, for people.")
    description: str | None = Field(None, description="What the value means, for the model that fills it in.")
    format: Format | None = Field(None, description="What a string holds; the values of dates and times are bound so.")
    default: Any = Field(None, description="The value where none is given; a parameter with one is optional.")
    examples: list[Any] = Field(default_factory=list, description="Values to show.")
    enum: list[Any] | None = Field(None, description="The only values there are.")
    sensitive: StrictBool = Field(False, description="Never recorded or logged; policies can filter it.")
    min_length: int | None = Field(None, ge=0, alias="minLength", description="Characters that a string has at least.")
    max_length: int | None = Field(None, ge=0, alias="maxLength", description="Characters that a string has at most.")
    pattern: str | None = Field(None, description="A regular expression that a string has a match of, anywhere.")
    minimum: _Number | None = Field(None, description="The least number.")
    maximum: _Number | None = Field(None, description="The greatest number.")
    exclusive_minimum: _Number | None = Field(
        None, alias="exclusiveMinimum", description="A number that it must be over."
    )
    exclusive_maximum: _Number | None = Field(
        None, alias="exclusiveMaximum", description="A number that it must be under."
    )
    multiple_of: _Number | None = Field(
        None, gt=0, alias="multipleOf", description="A number that it must be a multiple of."
    )
    min_items: int | None = Field(None, ge=0, alias="minItems", description="Items that an array has at least.")
    max_items: int | None = Field(None, ge=0, alias="maxItems", description="Items that an array has at most.")
    unique_items: StrictBool = Field(False, alias="uniqueItems", description="Whether no item may come twice.")
    items: TypeSpec | None = Field(None, description="The type of an array's items.")
    properties: dict[str, TypeSpec] = Field(default_factory=dict, description="The types of an object's properties.")
    required: list[str] = Field(default_factory=list, description="The properties that an object must have.")
    additional_properties: StrictBool | TypeSpec = Field(
        True, alias="additionalProperties", description="Whether an object may have others, or of which type they are."
    )

    @property
    def has_default(self) -> bool:
        """Whether a default was given, null among them."""
        return "default" in self.model_fields_set


class ReturnType(TypeSpec):
    """What a definition returns."""


class Parameter(TypeSpec):
    """One parameter. Without a default it is required."""

    name: Annotated[str, AfterValidator(_parameter_name)] = Field(description="What the text calls it by.")


class SourceCode(_Model):
    """The code of a definition, in the file itself or in one beside it."""

    code: str | None = Field(None, description="The code itself.")
    file: str | None = Field(
        None, description="Its file, relative to this one; a path that begins with / to the project."
    )
    language: Literal["sql", "jinja", "python"] | None = Field(None, description="As in the definition itself.")

    @model_validator(mode="after")
    def _one(self) -> Self:
        if self.code is None and self.file is None:
            raise ValueError("wants 'code' or 'file'")
        if self.code is not None and self.file is not None:
            raise Misplaced("stands beside 'code', and only one of them can be the code", "file")
        return self


class Annotations(_Model):
    """What a client may believe of a tool before it calls it."""

    title: str | None = Field(None, description="A name for people.")
    read_only_hint: StrictBool | None = Field(
        None, alias="readOnlyHint", description="It changes nothing; then its statements run as reads, and only so."
    )
    destructive_hint: StrictBool | None = Field(None, alias="destructiveHint", description="It may destroy something.")
    idempotent_hint: StrictBool | None = Field(
        None, alias="idempotentHint", description="Calling it twice does no more than calling it once."
    )
    open_world_hint: StrictBool | None = Field(
        None, alias="openWorldHint", description="It reaches beyond its database."
    )


_NO_ANNOTATIONS = Annotations()


class PolicyRule(_Model):
    """One rule: a condition in CEL, and what follows where it is true. One that can't be evaluated denies."""

    condition: str = Field(min_length=1, description="A CEL expression on user, and the parameters or the response.")
    action: Literal["deny", "filter_fields", "mask_fields", "filter_sensitive_fields"] = Field(
        description="What to do where the condition is true."
    )
    reason: str | None = Field(None, description="Why, for whoever is denied.")
    fields: list[str] = Field(default_factory=list, description="The fields to filter or to mask.")

    @model_validator(mode="after")
    def _fields_fit(self) -> Self:
        wants = self.action in ("filter_fields", "mask_fields")
        if wants != bool(self.fields):
            raise Misplaced(f"is {self.action!r}, which {'wants' if wants else 'takes no'} 'fields'", "action")
        return self


class Policies(_Model):
    """Rules on the way in, asked before anything is run, and on the way out."""

    input: list[PolicyRule] = Field(default_factory=list, description="Asked with the parameters; they can only deny.")
    output: list[PolicyRule] = Field(
        default_factory=list, description="Asked with the response; they can deny, filter and mask."
    )

    @model_validator(mode="after")
    def _inputs_deny(self) -> Self:
        for place, rule in enumerate(self.input):
            if rule.action != "deny":
                raise Misplaced(f"is {rule.action!r}, and an input rule can only deny", "input", place, "action")
        return self


_NO_POLICIES = Policies()


class ProjectPolicy(Policies):
    """Rules for all definitions of a project whose name fits."""

    match: str | list[str] = Field("*", description="Patterns of kind:name, such as 'tool:crm_*'; '*' is everything.")


class TestArgument(_Model):
    """One argument of a test."""

    __test__: ClassVar[bool] = False

    key: str = Field(description="The parameter.")
    value: Any = Field(description="Its value.")


class Expectation(_Model):
    """An error that must come."""

    code: str | None = Field(None, description="Its code.")
    contains: str | None = Field(None, description="A text that its message has.")


class Test(_Model):
    """One call, and what is expected of its result."""

    __test__: ClassVar[bool] = False

    name: str = Field(description="Its name.")
    description: str | None = Field(None, description="What it shows.")
    arguments: list[TestArgument] = Field(description="The arguments; may be empty.")
    user_context: dict[str, Any] | None = Field(None, description="Who calls; left out, nobody known.")
    result: Any = Field(None, description="The whole result.")
    result_contains: Any = Field(None, description="Fields that the result has, with their values; or an item.")
    result_not_contains: list[str] | None = Field(None, description="Fields that the result doesn't have.")
    result_contains_item: Any = Field(None, description="What some item of the result is, or has.")
    result_contains_all: list[Any] | None = Field(None, description="Items that the result has, in any order.")
    result_length: int | None = Field(None, ge=0, description="How many items the result has.")
    result_contains_text: str | None = Field(None, description="A text that is in the result.")
    denied: StrictBool | str | None = Field(
        None, description="The call must be denied; as a text, with that in the reason."
    )
    error: StrictBool | str | Expectation | None = Field(
        None, description="The call must fail; as a text, with that in the message."
    )


class _Endpoint(_Model):
    """What tools, resources and prompts have in common."""

    kind: ClassVar[Literal["tool", "resource", "prompt"]]

    description: str | None = Field(None, description="What it does, for the model that chooses it.")
    tags: list[str] = Field(default_factory=list, description="Words to find it by.")
    parameters: list[Parameter] = Field(default_factory=list, description="Its parameters.")
    returns: ReturnType | None = Field(None, alias="return", description="What it returns; checked, and told.")
    enabled: StrictBool = Field(True, description="Whether it is there at all.")
    tests: list[Test] = Field(default_factory=list, description="Its tests.")
    policies: Policies = Field(
        default_factory=lambda: _NO_POLICIES, description="Its own policies, beside the project's."
    )

    @property
    def key(self) -> str:
        """What it is called by: its name, or its URI."""
        raise NotImplementedError

    @property
    def only_reads(self) -> bool:
        """Whether it may change nothing, whatever its source allows."""
        return True

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        names = [parameter.name for parameter in self.parameters]
        for place, name in enumerate(names):
            if name in names[:place]:
                raise Misplaced(f"is {name!r}, as that of another parameter is", "parameters", place, "name")
        return self


class _Coded(_Endpoint):
    """A definition that runs code."""

    language: Literal["sql", "jinja", "python"] | None = Field(
        None, description="What the code is: SQL, SQL written with Jinja, or Python. Left out, SQL."
    )
    source: SourceCode = Field(description="The code.")
    connection: str | None = Field(None, description="The source that it runs on; left out, the project's own.")

    @property
    def code_language(self) -> Literal["sql", "jinja", "python"]:
        """Return the language, wherever it is said."""
        return self.language or self.source.language or "sql"

    @model_validator(mode="after")
    def _one_language(self) -> Self:
        if self.language and self.source.language and self.language != self.source.language:
            raise Misplaced(f"is {self.language!r}, but that of its source is {self.source.language!r}", "language")
        return self


class Tool(_Coded):
    """A function that a model may call."""

    kind = "tool"

    name: Annotated[str, AfterValidator(_tool_name)] = Field(description="What it is called by.")
    annotations: Annotations = Field(
        default_factory=lambda: _NO_ANNOTATIONS, description="What a client may believe of it."
    )

    @property
    def key(self) -> str:
        """The tool's name."""
        return self.name

    @property
    def only_reads(self) -> bool:
        """Whether it says so: ``readOnlyHint: true``."""
        return self.annotations.read_only_hint is True


class Resource(_Coded):
    """Something to read, by its URI; ``{x}`` in it stands for a parameter."""

    kind = "resource"

    uri: str = Field(min_length=1, description="Its URI, with {x} for each parameter.")
    name: str | None = Field(None, description="A name for people.")
    mime_type: str | None = Field(None, description="What it holds; left out, application/json.")

    @property
    def key(self) -> str:
        """The resource's URI."""
        return self.uri

    @property
    def variables(self) -> list[str]:
        """The names that stand in the URI, in their order."""
        return _URI_VARIABLE.findall(self.uri)

    def arguments_in(self, uri: str) -> dict[str, str] | None:
        """Return what stands in *uri* for the variables; None if it is no URI of this resource.

        A variable is one segment, as in RFC 6570, decoded.
        """
        found = _uri_pattern(self.uri).fullmatch(uri)
        return None if found is None else {name: unquote(value) for name, value in found.groupdict().items()}


@functools.lru_cache(maxsize=1_024)
def _uri_pattern(uri: str) -> re.Pattern[str]:
    parts = _URI_VARIABLE.split(uri)
    pieces = [
        f"(?P<{part}>[^/?#]+)" if index % 2 and part.isidentifier() else re.escape(part)
        for index, part in enumerate(parts)
    ]
    return re.compile("".join(pieces))


class Message(_Model):
    """One message of a prompt."""

    role: Literal["user", "assistant", "system"] = Field("user", description="Who says it.")
    type: Literal["text"] = Field("text", description="What it is.")
    prompt: str = Field(description="The text, with Jinja for the parameters.")


class Prompt(_Endpoint):
    """Messages to begin a conversation with."""

    kind = "prompt"

    name: Annotated[str, AfterValidator(_tool_name)] = Field(description="What it is called by.")
    messages: list[Message] = Field(min_length=1, description="The messages.")

    @property
    def key(self) -> str:
        """The prompt's name."""
        return self.name


#: Any of the three.
Definition = Tool | Resource | Prompt
