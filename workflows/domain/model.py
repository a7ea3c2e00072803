"""The two bases of every model: values that cross the wire, and files that people write."""

from pydantic import BaseModel, ConfigDict


class Value(BaseModel):
    """An immutable value. Unknown fields are ignored, so that an older worker reads a newer one."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Written(BaseModel):
    """Something that a person wrote (policy, alert). Unknown fields are mistakes and refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)
