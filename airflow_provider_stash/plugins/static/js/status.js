// How states are shown: by a word and a sign, never by colour alone.

import { h } from "./dom.js";

/** A backup's standing (protection.py), the worst first. */
export const STATUSES = {
  failing: { label: "Failing", sign: "✕", tone: "bad" },
  missed: { label: "Missed", sign: "!", tone: "bad" },
  never: { label: "Never", sign: "!", tone: "bad" },
  late: { label: "Late", sign: "◷", tone: "warn" },
  paused: { label: "Paused", sign: "❚❚", tone: "warn" },
  unscheduled: { label: "No schedule", sign: "–", tone: "plain" },
  "on time": { label: "On time", sign: "✓", tone: "good" },
};

const STATES = {
  success: { label: "succeeded", sign: "✓", tone: "good" },
  failed: { label: "failed", sign: "✕", tone: "bad" },
  upstream_failed: { label: "not reached", sign: "✕", tone: "bad" },
  skipped: { label: "skipped", sign: "–", tone: "plain" },
  running: { label: "running", sign: "▸", tone: "busy" },
  queued: { label: "queued", sign: "◷", tone: "busy" },
  scheduled: { label: "scheduled", sign: "◷", tone: "busy" },
  deferred: { label: "waiting", sign: "◷", tone: "busy" },
  awaiting_input: { label: "waits for a person", sign: "?", tone: "warn" },
  up_for_retry: { label: "will be tried again", sign: "↻", tone: "warn" },
  Succeeded: { label: "Succeeded", sign: "✓", tone: "good" },
  Failed: { label: "Failed", sign: "✕", tone: "bad" },
  Skipped: { label: "Skipped", sign: "–", tone: "plain" },
  Running: { label: "Running", sign: "▸", tone: "busy" },
  Pending: { label: "Pending", sign: "◷", tone: "busy" },
};

export const stateOf = (state) => STATES[state] ?? { label: state ?? "not begun", sign: "·", tone: "plain" };

const pill = ({ label, sign, tone }, text = label) =>
  h("span.pill", { "data-tone": tone }, h("span", { "aria-hidden": "true" }, sign), ` ${text}`);

export const statusPill = (status) => pill(STATUSES[status]);
export const statePill = (state, text) => pill(stateOf(state), text);

export function integrityPill(integrity) {
  if (integrity === null || integrity === undefined) return h("span.muted", {}, "not checked");
  return integrity ? pill({ label: "intact", sign: "✓", tone: "good" }) : pill({ label: "damaged", sign: "✕", tone: "bad" });
}
