"""A notifier that keeps what it was to send, and Airflow's Variables in a dictionary."""

from airflow.sdk.bases.notifier import BaseNotifier

SENT = []


class Recorder(BaseNotifier):
    """Renders its text as Slack's and SMTP's notifiers do."""

    template_fields = ("text",)

    def __init__(self, text="{{ stash.state }}: {{ stash.text }}"):
        super().__init__()
        self.text = text

    def notify(self, context):
        SENT.append(self.text)


class Broken(BaseNotifier):
    def notify(self, context):
        raise OSError("no route to Slack")


def keep_variables(monkeypatch):
    """Keep Airflow's Variables in a dictionary, and give it."""
    from airflow.sdk import Variable

    kept = {}
    monkeypatch.setattr(
        Variable, "get", lambda key, default=None, deserialize_json=False: kept.get(key, default)
    )
    monkeypatch.setattr(
        Variable, "set", lambda key, value, description=None, serialize_json=False: kept.update({key: value})
    )
    monkeypatch.setattr(Variable, "delete", kept.pop)
    return kept
