// One repository: its snapshots, sessions, sizes, retention, integrity and restores.

import { airflowLink, dagPath, read, sessionPath, stashUrl } from "./airflow.js";
import { chart } from "./charts.js";
import { backUpNow, pause, restore } from "./dialogs.js";
import { h } from "./dom.js";
import { duration, exact, growth, size, time } from "./format.js";
import { keepFresh } from "./refresh.js";
import { integrityPill, statePill, stateOf, statusPill } from "./status.js";

const asked = new URLSearchParams(location.search);
let sought = asked.get("snapshot"); // a task's link leads to one snapshot
const refresh = keepFresh(
  () => read("repository", { dag_id: asked.get("dag_id"), task_id: asked.get("task_id") }),
  (data) => {
    if (sought) queueMicrotask(() => document.querySelector("mark")?.scrollIntoView({ block: "center" })); // once it is drawn
    sought = null;
    return [head(data.row), facts(data), timeline(data), charts(data), snapshots(data), retention(data), integrity(data), restores(data)];
  },
);

const section = (title, ...content) => h("section", { "aria-label": title }, h("h2", {}, title), ...content);
const nothing = (text) => h("p.muted", {}, text);

function table(title, columns, lines) {
  return h("div.table", { role: "region", "aria-label": title, tabindex: "0" },
    h("table", {}, h("caption.hidden", {}, title),
      h("thead", {}, h("tr", {}, columns.map((one) => (one ? h("th", { scope: "col" }, one) : h("td"))))),
      h("tbody", {}, lines.map((cells) => h("tr", {}, cells.map((cell, index) => h("td", { "data-label": columns[index] }, cell))))))); // prettier-ignore
}

const runLink = (dagId, runId, ...content) => h("a", airflowLink(sessionPath(dagId, runId)), ...content);

function head(row) {
  const button = (label, act, primary) => h(primary ? "button.primary" : "button", { type: "button", onclick: act, "data-key": label }, label);
  const mayRestore = row.restore_dags.some((one) => one.may_trigger) && row.last_success;
  document.title = `${row.etcd_conn_id} to ${row.restic_conn_id}`;
  return h("header", {},
    h("nav", { "aria-label": "Breadcrumb" }, h("a", { href: stashUrl("") }, "Backups"), " / "),
    h("h1", {}, row.etcd_conn_id, h("span.muted", {}, ` to ${row.restic_conn_id}`)),
    statusPill(row.status),
    h("span.grow"),
    row.may_trigger ? button("Back up now", () => backUpNow(row, { done: refresh })) : null,
    row.may_verify ? button("Verify now", () => backUpNow(row, { deeply: true, done: refresh })) : null,
    row.may_pause ? button(row.paused ? "Resume" : "Pause", () => pause(row, refresh)) : null,
    mayRestore ? button("Restore…", () => restore(row), true) : null); // prettier-ignore
}

function facts({ row }) {
  const { repository, last_success: good } = row;
  const fact = (name, ...value) => h("div", {}, h("dt", {}, name), h("dd", {}, ...value));
  return [
    h("p.reason", {}, row.reason, row.since ? [" Since ", time(row.since, { both: true }), "."] : null),
    h("dl.facts", {},
      fact("Last good backup", good ? time(good.end ?? good.due, { both: true }) : "none"),
      fact("Took", good ? duration(good.seconds) : "–"),
      fact("Next", row.next_run ? time(row.next_run, { both: true }) : row.paused ? "paused" : "none planned"),
      fact("Schedule", row.schedule ? [row.schedule_description || row.schedule, h("span.muted", {}, ` ${row.schedule}`)] : "by hand"),
      fact("Integrity", repository ? [integrityPill(repository.integrity), " ", time(repository.verified)] : "not checked"),
      fact("Snapshots", String(repository?.snapshot_count ?? "–")),
      fact("Size", repository ? `${size(repository.total_size)} ${repository.growth === null ? "" : `(${growth(repository.growth)})`}` : "–"),
      fact("Location", h("code", {}, repository?.location ?? "–")),
      fact("DAG", h("a", airflowLink(dagPath(row.dag_id)), row.dag_display_name))),
  ]; // prettier-ignore
}

function timeline({ row, sessions }) {
  if (!sessions.length) return section("Sessions", nothing("No backup has been run yet."));
  const longest = Math.max(...sessions.map((one) => one.seconds ?? 0), 1);
  const bar = (one) => {
    const { label, tone } = stateOf(one.state);
    const text = `${exact(one.due)}: ${label}${one.seconds === null ? "" : `, ${duration(one.seconds)}`}`;
    const link = h("a.bar", { ...airflowLink(sessionPath(row.dag_id, one.run_id)), "data-tone": tone, title: text, "aria-label": text });
    link.style.height = `${Math.round(12 + (36 * (one.seconds ?? 0)) / longest)}px`;
    return link;
  };
  const failed = sessions.filter((one) => one.state === "failed").length;
  return section("Sessions",
    h("span.bars.tall", { role: "group", "aria-label": "Sessions, the oldest left" }, [...sessions].reverse().map(bar)),
    h("p.muted", {}, `${sessions.length} sessions, ${failed} failed; taller took longer, ${duration(longest)} at most.`)); // prettier-ignore
}

function charts({ sessions, sizes }) {
  const points = sessions.map((one) => ({ ...one, time: one.start ?? one.due })).reverse();
  return h("div.charts", {},
    chart("Size of the repository", sizes, [{ label: "in the repository", value: (one) => one.total_size, colour: "--accent" }], size, true),
    chart("Size of a backup", points, [
      { label: "snapshot", value: (one) => one.total_size, colour: "--accent" },
      { label: "added", value: (one) => one.uploaded, colour: "--second" },
    ], size, true),
    chart("Duration", points, [
      { label: "session", value: (one) => one.seconds, colour: "--accent" },
      { label: "snapshot", value: (one) => one.backup_seconds, colour: "--second" },
    ], duration)); // prettier-ignore
}

function why(one, policy) {
  if (one.removed_next) return h("p.muted", {}, policy.dryRun ? "not kept by the policy" : "to be removed after the next backup");
  return one.kept_because ? h("p.muted", {}, `kept: ${one.kept_because.join(", ")}`) : null;
}

function snapshots({ row, snapshots: listed, retention: { policy } }) {
  if (!listed.length) return section("Snapshots", nothing("No status has been recorded yet: the task that lists the snapshots runs at the end of each backup."));
  const may = row.restore_dags.some((one) => one.may_trigger);
  const columns = ["Time", "Snapshot", "Host", "Revision", "etcd", "Size", "Added", "Tags", "Run", ...(may ? [""] : [])];
  return section("Snapshots",
    table("Snapshots, the newest first", columns, listed.map((one) => [
      time(one.time, { both: true }),
      h(one.snapshot === asked.get("snapshot") ? "mark" : "code", { title: one.snapshot }, one.snapshot.slice(0, 8)),
      one.hostname ?? "–",
      one.revision === null ? "–" : String(one.revision),
      one.etcd_version ?? "–",
      size(one.total_size),
      size(one.uploaded),
      [one.tags.map((tag) => h("span.tag", {}, tag)), why(one, policy)],
      one.run_id ? runLink(one.dag_id, one.run_id, "run") : "–",
      ...(may ? [h("button", { type: "button", "data-key": `restore-${one.snapshot}`, onclick: () => restore(row, one.snapshot) }, "Restore…", h("span.hidden", {}, ` ${one.snapshot.slice(0, 8)}`))] : []),
    ])),
    row.repository?.snapshot_count > listed.length ? nothing(`The newest ${listed.length} of ${row.repository.snapshot_count}.`) : null); // prettier-ignore
}

const NAMES = { keepLast: "the last", keepHourly: "hourly", keepDaily: "daily", keepWeekly: "weekly", keepMonthly: "monthly", keepYearly: "yearly" };

function nextCleanup(policy, count) {
  if (count === null) return nothing("What it will remove next can't be told: not all snapshots are known, or the policy is not.");
  const some = count === 1 ? "1 snapshot" : `${count || "no"} snapshots`;
  return h("p", {}, `After the next backup it ${policy.dryRun ? "would remove" : "removes"} ${some}${count ? ", marked above" : ""}.`);
}

function retention({ row, retention: { policy, run_id: runId, kept, removed, freed, dry_run: dry, removes_next: next } }) {
  if (!policy) return section("Retention", nothing("No retention policy: every snapshot is kept."));
  const keep = Object.entries(NAMES).filter(([name]) => policy[name]).map(([name, word]) => (name === "keepLast" ? `${word} ${policy[name]}` : `${policy[name]} ${word}`));
  const tags = ["keep-forever", ...(policy.keepTags ?? [])].join(", ");
  return section("Retention",
    h("p", {}, `Keeps ${keep.join(", ") || "only what is tagged"}; and always what is tagged ${tags}. `,
      policy.dryRun ? "It only tells what it would remove." : policy.prune ? "Freed space is given back at once (prune)." : "Space is not given back (no prune)."),
    runId
      ? h("p", {}, dry ? "The last cleanup would have kept " : "The last cleanup kept ", `${kept} and removed ${removed}`, freed ? `, which freed ${size(freed)}` : "", ". ", runLink(row.dag_id, runId, "Its run"))
      : nothing("It has not been applied yet."),
    nextCleanup(policy, next)); // prettier-ignore
}

function integrity({ row, integrity: history }) {
  if (!history.length) return section("Integrity", nothing("No check has been recorded yet."));
  return section("Integrity",
    table("Checks, the newest first", ["Time", "Result", "Data read", "Took", "Run"], history.slice(0, 30).map((one) => [
      time(one.time, { both: true }),
      [integrityPill(one.integrity), one.errors.map((error) => h("p.error", {}, error))],
      one.read_data ?? "structure only",
      duration(one.seconds),
      runLink(row.dag_id, one.run_id, "run"),
    ]))); // prettier-ignore
}

function restores({ restores: runs }) {
  if (!runs.length) return section("Restores", nothing("This cluster has not been restored from this repository."));
  return section("Restores",
    table("Restores, the newest first", ["Time", "Outcome", "Run"], runs.map((one) => [
      time(one.time, { both: true }), statePill(one.state), runLink(one.dag_id, one.run_id, "run"),
    ]))); // prettier-ignore
}
