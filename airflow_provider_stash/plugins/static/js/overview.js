// The overview: is every cluster protected?

import { airflowLink, dagPath, read, runPath, sessionPath, stashUrl } from "./airflow.js";
import { backUpNow, pause, restore } from "./dialogs.js";
import { fill, h } from "./dom.js";
import { duration, exact, growth, size, time } from "./format.js";
import { keepFresh } from "./refresh.js";
import { integrityPill, statePill, stateOf, STATUSES, statusPill } from "./status.js";

const filter = { text: new URLSearchParams(location.search).get("q") ?? "", status: null };
let rows = [];
const body = h("tbody");
const found = h("p.muted", { role: "status" });
const search = h("input", {
  type: "search", id: "search", "data-key": "search", placeholder: "Cluster, repository or DAG", "aria-label": "Search", value: filter.text,
  oninput: () => ((filter.text = search.value), drawRows()),
}); // prettier-ignore

const refresh = keepFresh(
  () => read("overview"),
  (data) => {
    rows = data.rows;
    return rows.length ? page(data) : empty();
  },
);

function empty() {
  return [
    h("div.empty", {},
      h("h1", {}, "No backups yet"),
      h("p", {}, "No DAG that you may read backs up an etcd cluster. Make one with ", h("code", {}, "etcd_backup_dag"), "; it shows here once Airflow has read its file."),
      h("p", {}, h("a", airflowLink("dags"), "All DAGs"))),
  ]; // prettier-ignore
}

function page(data) {
  drawRows();
  return [
    h("header", {}, h("h1", {}, "Backups"), headline(), h("span.grow"), search),
    tiles(),
    h("div.table", { role: "region", "aria-label": "Backups", tabindex: "0" },
      h("table.rows", {},
        h("caption.hidden", {}, `Backups of etcd clusters, the worst first; state of ${exact(data.now)}`),
        h("thead", {}, h("tr", {}, ["Status", "Cluster", "Last good backup", "Next", "Repository", "Last restore", ""].map((one) =>
          one ? h("th", { scope: "col" }, one) : h("td", {}, h("span.hidden", {}, "Actions"))))),
        body)),
    found,
  ]; // prettier-ignore
}

function headline() {
  const bad = rows.filter((row) => ["bad", "warn"].includes(STATUSES[row.status].tone)).length;
  if (!bad) return h("p.headline", { "data-tone": "good" }, `✓ All ${rows.length} are protected`);
  return h("p.headline", { "data-tone": "bad" }, `${bad} of ${rows.length} ${bad === 1 ? "needs" : "need"} you`);
}

function tiles() {
  const counts = Object.fromEntries(Object.keys(STATUSES).map((status) => [status, 0]));
  for (const row of rows) counts[row.status] += 1;
  const tile = (status, label, tone, count) =>
    h("button.tile", {
      type: "button", "data-tone": tone, "data-key": `tile-${status}`, "aria-pressed": String(filter.status === status),
      onclick: (event) => {
        filter.status = filter.status === status ? null : status;
        for (const one of event.currentTarget.parentElement.children) one.setAttribute("aria-pressed", String(one === event.currentTarget && filter.status !== null));
        drawRows();
      },
    }, h("strong", {}, String(count)), ` ${label}`); // prettier-ignore
  return h("div.tiles", { role: "group", "aria-label": "Show only" },
    Object.entries(STATUSES)
      .filter(([status]) => counts[status] || status === "on time")
      .map(([status, { label, tone }]) => tile(status, label, counts[status] ? tone : "plain", counts[status]))); // prettier-ignore
}

function drawRows() {
  const words = filter.text.toLowerCase().split(/\s+/).filter(Boolean);
  const shown = rows.filter((row) => {
    const text = [row.etcd_conn_id, row.restic_conn_id, row.dag_id, row.hostname, row.status].join(" ").toLowerCase();
    return (filter.status === null || row.status === filter.status) && words.every((word) => text.includes(word));
  });
  fill(body, shown.map(line));
  found.textContent = shown.length === rows.length ? `${rows.length} backups` : `${shown.length} of ${rows.length} backups`;
}

function line(row) {
  const cell = (label, ...content) => h("td", { "data-label": label }, ...content);
  if (row.dag_id === null) {
    return h("tr", { "data-status": row.status },
      cell("Status", statusPill(row.status), h("p.reason", {}, row.reason)),
      h("th", { scope: "row", "data-label": "Cluster" }, row.etcd_conn_id),
      h("td", { colspan: 5 }, h("span.muted", {}, "Make a DAG for it with ", h("code", {}, "etcd_backup_dag"), "."))); // prettier-ignore
  }
  const good = row.last_success;
  const detail = stashUrl("repository", { dag_id: row.dag_id, task_id: row.task_id });
  const repository = row.repository;
  return h("tr", { "data-status": row.status },
    cell("Status", statusPill(row.status), h("p.reason", {}, row.status === "on time" ? null : row.reason)),
    h("th", { scope: "row", "data-label": "Cluster" },
      h("a", { href: detail, "data-key": `row-${row.dag_id}-${row.task_id}` }, row.etcd_conn_id),
      h("p.muted", {}, `to ${row.restic_conn_id}`)),
    cell("Last good backup",
      good ? [time(good.end ?? good.due), h("span.muted.exact", {}, ` in ${duration(good.seconds)}`)] : h("span.muted", {}, "none"),
      bars(row)),
    cell("Next", row.next_run ? time(row.next_run) : h("span.muted", {}, row.paused ? "paused" : "none planned"),
      h("p.muted", { title: row.schedule }, row.schedule_description || row.schedule || "by hand")),
    cell("Repository",
      repository
        ? [integrityPill(repository.integrity), repository.verified ? h("span.muted", {}, " ", time(repository.verified)) : null,
           h("p.muted", {}, `${repository.snapshot_count ?? "–"} snapshots · ${size(repository.total_size)}`,
             repository.growth !== null ? ` (${growth(repository.growth)})` : null)]
        : h("span.muted", {}, "nothing recorded yet")),
    cell("Last restore",
      row.last_restore
        ? h("a", airflowLink(sessionPath(row.last_restore.dag_id, row.last_restore.run_id)), statePill(row.last_restore.state), " ", time(row.last_restore.time))
        : h("span.muted", {}, "never")),
    h("td.actions", {}, actions(row))); // prettier-ignore
}

/** The latest sessions, the oldest left; each leads to its run. */
function bars(row) {
  return h("span.bars", { role: "group", "aria-label": `Last ${row.sessions.length} sessions` },
    [...row.sessions].reverse().map((one) => {
      const { label, tone } = stateOf(one.state);
      const text = `${exact(one.due)}: ${label}${one.seconds === null ? "" : `, ${duration(one.seconds)}`}`;
      return h("a.bar", { ...airflowLink(sessionPath(row.dag_id, one.run_id)), "data-tone": tone, title: text, "aria-label": text });
    })); // prettier-ignore
}

function actions(row) {
  const of = ` ${row.etcd_conn_id}`;
  const button = (label, act, key) =>
    h("button", { type: "button", onclick: act, "data-key": `${key}-${row.dag_id}-${row.task_id}` }, label, h("span.hidden", {}, of));
  const may = row.restore_dags.some((one) => one.may_trigger) && row.last_success;
  return [
    row.may_trigger ? button("Back up now", () => backUpNow(row, { done: refresh }), "back-up") : null,
    may ? button("Restore…", () => restore(row), "restore") : null,
    h("details.menu", {},
      h("summary", { "aria-label": `More for${of}`, "data-key": `more-${row.dag_id}-${row.task_id}` }, "⋯"),
      h("div", {},
        row.may_verify ? button("Verify now…", () => backUpNow(row, { deeply: true, done: refresh }), "verify") : null,
        row.may_pause ? button(row.paused ? "Resume…" : "Pause…", () => pause(row, refresh), "pause") : null,
        h("a", airflowLink(dagPath(row.dag_id)), "Open the DAG"),
        row.last_run ? h("a", airflowLink(runPath(row.dag_id, row.last_run.run_id)), "Open the last run") : null)),
  ]; // prettier-ignore
}

document.addEventListener("keydown", (event) => {
  if (event.key === "/" && !event.target.closest("input, textarea, select, dialog")) {
    event.preventDefault();
    document.getElementById("search")?.focus();
  }
  if (event.key === "Escape") document.querySelectorAll("details.menu[open]").forEach((one) => (one.open = false));
});
document.addEventListener("click", (event) => {
  for (const one of document.querySelectorAll("details.menu[open]")) if (!one.contains(event.target) || event.target.closest(".menu div")) one.open = false;
});
