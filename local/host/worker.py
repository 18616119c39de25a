"""Indexing and invoking through Microsoft's worker library, `azure-functions-runtime`.

A function that Azure would refuse is therefore refused here too, and the same code as in Azure
converts every binding.
"""

import json
import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import NAMESPACE_OID, uuid4, uuid5

from azure_functions_runtime.bindings.datumdef import Datum
from azure_functions_runtime.bindings.meta import load_binding_registry
from azure_functions_runtime.handle_event import _functions
from azure_functions_runtime.loader import index_function_app
from azure_functions_runtime.native_invocation import invocation_request_native
from azure_functions_runtime.utils.threadpool import start_threadpool_executor

# The values of the worker protocol's BindingInfo that indexing compares.
_PROTOCOL = SimpleNamespace(BindingInfo=SimpleNamespace(out=1, inout=2, undefined=0))


@dataclass(frozen=True, slots=True)
class Function:
    """An indexed function and its trigger's binding, `%SETTING%` resolved."""

    name: str
    function_id: str
    trigger: dict[str, Any]

    @property
    def parameter(self) -> str:
        """The name of the parameter that receives the trigger's value."""
        return str(self.trigger["name"])

    @property
    def kind(self) -> str:
        """`httpTrigger`, `timerTrigger` or `queueTrigger`."""
        return str(self.trigger["type"])


class InvocationFailed(Exception):
    """The function raised; the text is the worker's."""


def index(folder: Path) -> list[Function]:
    """Return the functions of the app in a folder.

    Raises:
        Exception: Microsoft's worker refuses the app; the exception is the worker's own.
    """
    sys.path.insert(0, str(folder))
    load_binding_registry()
    start_threadpool_executor()
    functions = index_function_app("function_app.py")
    return [_index_one(function) for function in functions]


def _index_one(function: Any) -> Function:
    _functions.add_indexed_function(function=function, protos=_PROTOCOL)
    name = function.get_function_name()
    bindings = [json.loads(_resolve(raw)) for raw in function.get_raw_bindings()]
    trigger = next(b for b in bindings if str(b["type"]).endswith("Trigger"))
    return Function(name, str(uuid5(NAMESPACE_OID, name)), trigger)


def _resolve(text: str) -> str:
    """Replace `%SETTING%` with the setting's value, as the host does in bindings."""

    def setting(match: re.Match[str]) -> str:
        value = os.environ.get(match[1])
        if value is None:
            raise ValueError(f"a binding names the setting {match[1]}, which is not set")
        return json.dumps(value)[1:-1]

    return re.sub(r"%(\w+)%", setting, text)


async def invoke(
    function: Function, datum: Datum, metadata: dict[str, Datum] | None = None
) -> Datum | None:
    """Invoke a function with its trigger's value; return its result.

    Raises:
        InvocationFailed: The function raised.
    """
    call = invocation_request_native(
        str(uuid4()), function.function_id, [(function.parameter, datum)], metadata or {}
    )
    succeeded, returned, _outputs, error, _trace = await call
    if not succeeded:
        raise InvocationFailed(error)
    return returned


def text(value: str) -> Datum:
    """Return a string in the form that the worker expects."""
    return Datum(value, "string")
