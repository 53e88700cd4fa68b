"""Reads the fields of a connection: text, PEM, numbers, truth values; each error names its field."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from airflow.sdk.log import mask_secret

from airflow_provider_stash.exceptions import InvalidConfigurationError

_TRUE, _FALSE = {"true", "1", "yes", "on"}, {"false", "0", "no", "off", ""}


class Fields:
    """
    The extra fields of a connection.

    :param conn_id: for the errors.
    :param extra: the connection's extra, as a mapping.
    :param known: names of the fields there are; an unknown one is refused.
    """

    def __init__(self, conn_id: str, extra: Mapping[str, Any], known: Collection[str]) -> None:
        self.conn_id = conn_id
        self._extra = extra
        unknown = sorted(set(extra) - set(known))
        if unknown:
            import difflib

            near = difflib.get_close_matches(unknown[0], known, n=1)
            raise self.error(unknown[0], f"is not known{f'; is {near[0]!r} meant?' if near else ''}")

    def error(self, name: str, what: str) -> InvalidConfigurationError:
        """Make an error that names connection and field."""
        return InvalidConfigurationError(f"Connection {self.conn_id!r}: field {name!r} {what}.")

    def text(self, name: str) -> str | None:
        """Give a field's text; None when it is absent or empty."""
        value = self._extra.get(name)
        return None if value is None or not str(value).strip() else str(value)

    def secret(self, name: str) -> str | None:
        """Give a field's text, and mask it in logs."""
        value = self.text(name)
        if value is not None:
            mask_secret(value)
        return value

    def number(self, name: str) -> float | None:
        """Give a number above zero."""
        value = self.text(name)
        if value is None:
            return None
        try:
            number = float(value)
        except ValueError:
            number = 0.0
        if not number > 0:
            raise self.error(name, f"is {value!r}; give a number above zero")
        return number

    def whole(self, name: str) -> int | None:
        """Give a whole number above zero."""
        number = self.number(name)
        if number is not None and number != int(number):
            raise self.error(name, f"is {number}; give a whole number")
        return None if number is None else int(number)

    def flag(self, name: str) -> bool:
        """Give a truth value; absent is false."""
        value = str(self._extra.get(name) or "").strip().lower()
        if value in _TRUE:
            return True
        if value in _FALSE:
            return False
        raise self.error(name, f"is {value!r}; give true or false")

    def pem(self, name: str, *, secret: bool = False) -> bytes | None:
        """
        Give a PEM: pasted, or in the file whose absolute path is given.

        :param secret: mask its text in logs.
        """
        value = self.text(name)
        if value is None:
            return None
        if value.strip().startswith("/"):
            try:
                value = Path(value.strip()).read_text()
            except OSError as error:
                raise self.error(name, f"names the file {value.strip()}: {error.strerror}") from error
        value = value.replace("\\n", "\n").strip() + "\n"  # JSON pasted into a one-line field
        if "-----BEGIN " not in value:
            raise self.error(name, "is no PEM text ('-----BEGIN ...') and no absolute path of a file")
        if secret:
            mask_secret(value)
            for line in value.splitlines():
                if line and not line.startswith("-----"):
                    mask_secret(line)
        return value.encode()

    def keys(self, name: str) -> dict[str, str]:
        """
        Give the keys and values of a pasted Secret: ``KEY=value`` lines, a JSON or YAML mapping, or a whole
        Kubernetes Secret with ``data`` (base64) or ``stringData``. The values are masked in logs.
        """
        value = self._extra.get(name)
        if value is None or value == "":
            return {}
        mapping = value if isinstance(value, Mapping) else self._parse_keys(name, str(value))
        if "data" in mapping or "stringData" in mapping:
            mapping = self._secret_data(name, mapping)
        keys = {str(key): "" if one is None else str(one) for key, one in mapping.items()}
        for one in keys.values():
            if one:
                mask_secret(one)
        return keys

    def _parse_keys(self, name: str, text: str) -> Mapping[str, Any]:
        import yaml

        lines = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]
        if (
            lines
            and all("=" in line and ":" not in line.split("=", 1)[0] for line in lines)
            and text[0] != "{"
        ):
            return dict(line.removeprefix("export ").split("=", 1) for line in lines)
        try:
            loaded = json.loads(text) if text.lstrip().startswith("{") else yaml.safe_load(text)
        except (ValueError, yaml.YAMLError) as error:
            # The parser's own words may quote what is secret.
            raise self.error(name, "is neither KEY=value lines nor JSON nor YAML") from error
        if not isinstance(loaded, Mapping):
            raise self.error(name, "holds no keys: give KEY=value lines, or paste the Secret")
        return loaded

    def _secret_data(self, name: str, secret: Mapping[str, Any]) -> Mapping[str, Any]:
        import base64
        import binascii

        keys: dict[str, Any] = {}
        for key, encoded in (secret.get("data") or {}).items():
            try:
                keys[key] = base64.b64decode(str(encoded), validate=True).decode()
            except (binascii.Error, UnicodeDecodeError) as error:
                raise self.error(name, f"holds a Secret whose data.{key} is no base64 text") from error
        return {**keys, **(secret.get("stringData") or {})}
