"""All functions that templates may use."""

from __future__ import annotations

from airflow_provider_stash.gotemplate.builtin_functions import BUILTINS
from airflow_provider_stash.gotemplate.calls import Function
from airflow_provider_stash.gotemplate.sprig_collections import COLLECTIONS
from airflow_provider_stash.gotemplate.sprig_strings import STRINGS
from airflow_provider_stash.gotemplate.sprig_values import VALUES

# sprig's come behind Go's own, and may take the place of one.
FUNCTIONS: dict[str, Function] = {
    name: Function.of(run) for name, run in {**BUILTINS, **STRINGS, **COLLECTIONS, **VALUES}.items()
}
