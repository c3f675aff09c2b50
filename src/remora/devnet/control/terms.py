"""What can be asked of a running devnet, and how a request is read: whole, or with every problem and its place.

The same terms are read from HTTP, from options of the command line and from files.
"""

from __future__ import annotations

from typing import Annotated, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from remora.devnet.faults.catalogue import Invalid, Place, Problem

#: Collateral or shares, in decimals.
AmountText = Annotated[str, Field(pattern=r"^[0-9]{1,12}(\.[0-9]{1,6})?$")]
#: Native coins, in decimals.
CoinsText = Annotated[str, Field(pattern=r"^[0-9]{1,9}(\.[0-9]{1,18})?$")]


class Terms(BaseModel):
    """Terms of anything; unknown ones are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


_T = TypeVar("_T", bound=Terms)


def read_terms(kind: type[_T], document: object, place: Place = ()) -> _T:
    """Read terms that stand at `place` in a request; raise `Invalid` with all that is wrong."""
    try:
        return kind.model_validate(document)
    except ValidationError as error:
        raise Invalid(
            *(
                Problem(place=(*place, *found["loc"]), text=f"{found['msg']}; found {found['input']!r}")
                for found in error.errors()
            )
        ) from None
