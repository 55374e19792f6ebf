"""Every problem Duly reports, by code. One module a group: `syntax` holds E01xx, `names` E02xx and so on.

A group makes its kinds as module constants; the name is what the code of the checks reads:

    UNKNOWN_STAGE = Kind("E0203", "unknown-stage", Severity.ERROR, _("..."), _("..."), _("..."), "pipeline ...")
    ...
    found.append(UNKNOWN_STAGE.at(name.span, nearest=close, stage=name.text))

`_` only marks a text for the message catalogues; it is translated when it is shown (duly_dsl.render).
"""

from __future__ import annotations

import functools
import importlib
import pkgutil
from collections.abc import Mapping
from types import MappingProxyType

from duly_dsl.catalogue.kind import Kind, _

__all__ = ["Kind", "_", "every"]


@functools.cache
def every() -> Mapping[str, Kind]:
    """All kinds by code, in the order of their codes. ValueError where two share a code or a name."""
    found: dict[str, Kind] = {}
    names: set[str] = set()
    for module in pkgutil.iter_modules(__path__, __name__ + "."):
        for kind in vars(importlib.import_module(module.name)).values():
            if not isinstance(kind, Kind):
                continue
            if kind.code in found or kind.name in names:
                raise ValueError(f"{kind.code} {kind.name} is defined twice")
            found[kind.code] = kind
            names.add(kind.name)
    return MappingProxyType(dict(sorted(found.items())))
