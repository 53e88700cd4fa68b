"""Go's text/template, as Stash's hooks use it: parsed and rendered as Go does, with the usual functions of sprig."""

from __future__ import annotations

from airflow_provider_stash.gotemplate.template import NeverRendersError, Template, UnknownFieldError, parse
from airflow_provider_stash.gotemplate.values import Struct

__all__ = ["NeverRendersError", "Struct", "Template", "UnknownFieldError", "parse"]
