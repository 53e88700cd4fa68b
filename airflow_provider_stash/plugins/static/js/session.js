// The tab on a DAG and on a run: a session told in Stash's words.

import { airflowLink, read, readAirflow, runPath, stashUrl } from "./airflow.js";
import { h } from "./dom.js";
import { duration, size, time } from "./format.js";
import { keepFresh } from "./refresh.js";
import { statePill } from "./status.js";

const asked = new URLSearchParams(location.search);
const [dagId, runId] = [asked.get("dag_id"), asked.get("run_id")];
const BYTES = new Set(["totalSize", "uploaded", "freed"]);
const SECONDS = new Set(["duration", "processingTime"]);
const errors = new Map(); // by run, task and try: a log is read once
const keyOf = (data, step) => JSON.stringify([data.run_id, step.task_id, step.try_number]);

keepFresh(async () => {
  const data = await read("session", { dag_id: dagId, run_id: runId });
  await Promise.all((data.steps ?? []).filter((step) => step.state === "failed").map((step) => readError(data, step)));
  return data;
}, show);

/** What a failed task said last, from its log by Airflow's own API. */
async function readError(data, step) {
  const key = keyOf(data, step);
  if (errors.has(key)) return;
  try {
    const path = `${runPath(dagId, data.run_id).replace("/runs/", "/dagRuns/")}/taskInstances/${encodeURIComponent(step.task_id)}`;
    const { content } = await readAirflow(`${path}/logs/${step.try_number}`, { full_content: "true" });
    const event = content.findLast?.((one) => one.error_detail?.length);
    const last = event?.error_detail.at(-1) ?? event?.error_detail[0];
    const told = last?.exc_value ?? content.findLast((one) => ["error", "critical"].includes(one.level))?.event;
    if (told) errors.set(key, told);
  } catch {
    // Without the permission to read logs the link to the task is left.
  }
}

function show(data) {
  if (data.kind === null) return h("div.empty", {}, h("h1", {}, "Nothing here"), h("p", {}, "This DAG neither backs up nor restores an etcd cluster."));
  if (data.phase === null) return [title(data), h("div.empty", {}, h("h2", {}, "Not run yet"), h("p", {}, "Trigger the DAG, or wait for its schedule; its sessions are told here."))];
  return [title(data), facts(data), questions(data), failures(data), conditions(data), stats(data), steps(data)];
}

function title(data) {
  return h("header", {}, h("h1", {}, data.kind), data.phase ? statePill(data.phase) : null, h("span.grow"),
    data.targets.filter((one) => one.task_id).map((one) =>
      h("a.button", airflowLink(repositoryPath(one)), `Repository ${one.restic_conn_id}`))); // prettier-ignore
}

function repositoryPath({ task_id: taskId }) {
  const url = new URL(stashUrl("repository", { dag_id: dagId, task_id: taskId }));
  return `plugin/backups${url.pathname}${url.search}`;
}

function facts(data) {
  const fact = (name, ...value) => h("div", {}, h("dt", {}, name), h("dd", {}, ...value));
  const seconds = data.start ? ((data.end ? new Date(data.end) : new Date()) - new Date(data.start)) / 1000 : null;
  return h("dl.facts", {},
    data.targets.map((one) => fact("Target", `${one.etcd_conn_id} ${data.kind === "BackupSession" ? "to" : "from"} ${one.restic_conn_id}`)),
    fact("Started", data.start ? time(data.start, { both: true }) : "not yet"),
    fact(data.end ? "Took" : "Running for", duration(seconds)),
    fact("Run", h("a", airflowLink(runPath(dagId, data.run_id)), data.run_id)),
    data.conf?.snapshot ? fact("Asked for snapshot", h("code", {}, String(data.conf.snapshot).slice(0, 16))) : null,
    data.conf?.dry_run ? fact("Dry run", "nothing is stopped") : null); // prettier-ignore
}

function questions(data) {
  return data.steps
    .filter((step) => step.kind === "RestoreApprovalOperator" && ["awaiting_input", "deferred"].includes(step.state))
    .map((step) => h("div.message", { "data-kind": "warn", role: "alert" },
      h("span", {}, "The restore waits for a person's approval; nothing has been stopped yet."),
      h("a", airflowLink(`${taskPath(data, step)}/required_actions`), "Answer"))); // prettier-ignore
}

function failures(data) {
  const failed = data.steps.filter((step) => step.state === "failed");
  const told = failed.map((step) =>
    h("div.message", { "data-kind": "error", role: "alert" },
      h("span", {}, h("strong", {}, step.task_id), ": ", errors.get(keyOf(data, step)) ?? "failed; its log tells why."),
      h("a", airflowLink(taskPath(data, step)), "Log"))); // prettier-ignore
  return [told, data.warnings.map((text) => h("div.message", { "data-kind": "warn" }, h("span", {}, text)))];
}

const taskPath = (data, step) => `${runPath(dagId, data.run_id)}/tasks/${encodeURIComponent(step.task_id)}`;

function conditions(data) {
  return h("section", { "aria-label": "Conditions" }, h("h2", {}, "Conditions"),
    h("div.table", {}, h("table", {},
      h("thead", {}, h("tr", {}, ["Condition", "Status", "When"].map((one) => h("th", { scope: "col" }, one)))),
      h("tbody", {}, data.conditions.map((one) => h("tr", {},
        h("th", { scope: "row", "data-label": "Condition" }, one.type),
        h("td", { "data-label": "Status" }, statePill(one.state, one.status)),
        h("td", { "data-label": "When" }, one.time ? time(one.time) : "–"))))))); // prettier-ignore
}

function stats(data) {
  if (!data.stats.length) return null;
  const shown = (name, value) =>
    BYTES.has(name) ? size(value) : SECONDS.has(name) ? duration(value) : /Time$|^time$/.test(name) ? time(value) : String(value);
  return h("section", { "aria-label": "Stats" }, h("h2", {}, "Stats"),
    h("div.charts", {}, data.stats.map(({ task_id: taskId, values }) =>
      h("div.card", {}, h("h3", {}, taskId),
        h("dl", {}, Object.entries(values).map(([name, value]) => [h("dt", {}, name), h("dd", {}, shown(name, value))])))))); // prettier-ignore
}

function steps(data) {
  return h("section", { "aria-label": "Steps" }, h("h2", {}, "Steps"),
    h("div.table", {}, h("table", {},
      h("thead", {}, h("tr", {}, ["Step", "State", "Began", "Took"].map((one) => h("th", { scope: "col" }, one)))),
      h("tbody", {}, data.steps.map((step) => h("tr", {},
        h("th", { scope: "row", "data-label": "Step" }, h("a", airflowLink(taskPath(data, step)), step.task_id)),
        h("td", { "data-label": "State" }, statePill(step.state)),
        h("td", { "data-label": "Began" }, step.start ? time(step.start) : "–"),
        h("td", { "data-label": "Took" }, duration(step.seconds)))))))); // prettier-ignore
}
