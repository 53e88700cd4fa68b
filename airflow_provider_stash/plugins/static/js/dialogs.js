// What a person does: nothing begins before a second, deliberate click, and Airflow checks the permission.

import { go, dagPath, read, readAirflow, sessionPath, airflowLink, setPaused, trigger } from "./airflow.js";
import { h, say } from "./dom.js";
import { relative, exact, size } from "./format.js";
import { makeForm } from "./form.js";

function open(title, ...content) {
  const heading = h("h2", { id: "dialog-title" }, title);
  const dialog = h("dialog", { "aria-labelledby": "dialog-title", onclose: () => dialog.remove() }, heading, ...content);
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}

/** A form in a dialog; its buttons run `act(button's name)`, and an error stays in the dialog. */
function openForm(title, intro, content, buttons, act) {
  const error = h("p.error", { role: "alert", hidden: true });
  const submits = buttons.map(({ name, label, primary }) =>
    h(primary ? "button.primary" : "button", { type: "submit", value: name }, label));
  const form = h("form", { method: "dialog" }, intro, content, error,
    h("div.buttons", {}, h("button", { type: "button", onclick: () => dialog.close() }, "Cancel"), submits)); // prettier-ignore
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    submits.forEach((one) => (one.disabled = true));
    try {
      await act(event.submitter?.value);
      dialog.close();
    } catch (refused) {
      error.textContent = refused.message;
      error.hidden = false;
    } finally {
      submits.forEach((one) => (one.disabled = false));
    }
  });
  const dialog = open(title, form);
  return dialog;
}

/** That more begins or stops than the row tells, where its DAG does more than this backup. */
const whole = (row, does) =>
  row.whole_dag ? null : h("p", {}, `This ${does} the whole DAG ${row.dag_id}: all that it does, not the backup of ${row.etcd_conn_id} alone.`);

const paramsOf = async (dagId) => (await readAirflow(`${dagPath(dagId)}/details`)).params ?? {};

/** Ask, then back up now; `deeply` has all data of the repository read and verified after it. */
export async function backUpNow(row, { deeply = false, done } = {}) {
  let form;
  try {
    form = makeForm(await paramsOf(row.dag_id), deeply ? { verify_deeply: true } : {});
  } catch (refused) {
    say(refused.message, { kind: "error" });
    return;
  }
  const resume = row.paused && row.may_pause ? h("input", { type: "checkbox", id: "resume", checked: true }) : null;
  const intro = [
    h("p", {}, deeply
      ? `Takes a backup of ${row.etcd_conn_id}, then reads and verifies all data of the repository ${row.restic_conn_id}. That can take long.`
      : `Takes a snapshot of ${row.etcd_conn_id} into ${row.restic_conn_id} at once, as the schedule does.`),
    whole(row, "runs"),
    row.paused && !row.may_pause ? h("p.error", {}, "The DAG is paused, and you may not resume it: the backup would wait.") : null,
    resume ? h("div.field.check", {}, resume, h("label", { for: "resume" }, "Resume the paused DAG, so that this backup can run")) : null,
  ]; // prettier-ignore
  const label = deeply ? "Back up and verify" : "Back up now";
  openForm(deeply ? "Verify now" : `Back up ${row.etcd_conn_id}`, intro, form.element, [{ name: "go", label, primary: true }], async () => {
    const conf = form.conf(); // first: a field that can't be read leaves the DAG paused
    if (resume?.checked) await setPaused(row.dag_id, false);
    const runId = await trigger(row.dag_id, conf);
    say(`The backup of ${row.etcd_conn_id} has been started.`, { link: h("a", airflowLink(sessionPath(row.dag_id, runId)), "Watch it") });
    done?.();
  });
}

/** Ask, then pause or resume a DAG. */
export function pause(row, done) {
  const [title, text, label] = row.paused
    ? [`Resume backups of ${row.etcd_conn_id}`, "Backups begin again by the DAG's schedule.", "Resume"]
    : [`Pause backups of ${row.etcd_conn_id}`, "No backup is taken until somebody resumes the DAG. Those that run now go on.", "Pause"];
  openForm(title, [h("p", {}, text), whole(row, row.paused ? "resumes" : "pauses")], null, [{ name: "go", label, primary: true }], async () => {
    await setPaused(row.dag_id, !row.paused);
    done?.();
  });
}

/**
 * The restore DAG's own form, with a snapshot filled in. What the form asks to be typed stays for the person to type.
 * @param {string|null} snapshot - its id; null: the latest.
 */
export async function restore(row, snapshot = null) {
  const dags = (row.restore_dags ?? []).filter((one) => one.may_trigger);
  if (!dags.length) return say("There is no restore DAG of this cluster and repository that you may trigger.", { kind: "error" });
  const dagId = dags[0].dag_id;
  let params, listed;
  try {
    [params, { snapshots: listed }] = await Promise.all([paramsOf(dagId), read("repository", { dag_id: row.dag_id, task_id: row.task_id })]);
  } catch (refused) {
    return say(refused.message, { kind: "error" });
  }
  const chosen = snapshot ?? listed[0]?.snapshot ?? "latest";
  const host = listed.find((one) => one.snapshot === chosen)?.hostname ?? row.hostname;
  const preset = { snapshot: chosen, ...(host ? { hostname: host } : {}) };
  const form = makeForm(params, preset, ["snapshot", "before", "hostname", "dry_run"]); // told by the choice and the buttons
  const choice = h("select", { id: "snapshot", onchange: () => {
    const one = listed.find((other) => other.snapshot === choice.value);
    const field = form.fields.get("hostname");
    if (one?.hostname && field) field.input.value = one.hostname;
  } }, listed.map((one) => h("option", { value: one.snapshot, selected: one.snapshot === chosen }, describe(one)))); // prettier-ignore
  if (!listed.length) choice.append(h("option", { value: "latest" }, "the latest"));
  const intro = [
    h("p", {}, `Restores the cluster ${row.etcd_conn_id}. What was written since the snapshot is lost. The old data is set aside, and put back by itself if anything fails.`),
    h("div.field", {}, h("label", { for: "snapshot" }, "Snapshot"), choice),
  ]; // prettier-ignore
  const buttons = [
    ...("dry_run" in params ? [{ name: "dry", label: "Dry run: only check" }] : []),
    { name: "go", label: "Restore", primary: true },
  ];
  const dialog = openForm(`Restore ${row.etcd_conn_id}`, intro, form.element, buttons, async (button) => {
    const conf = { ...form.conf(), snapshot: choice.value };
    if ("dry_run" in params) conf.dry_run = button === "dry";
    const runId = await trigger(dagId, conf);
    go(sessionPath(dagId, runId));
  });
  // A dry run needs nothing typed.
  const dry = dialog.querySelector('button[value="dry"]');
  if (dry) dry.formNoValidate = true;
  const confirm = form.fields.get("confirm");
  if (confirm) {
    const sure = dialog.querySelector('button[value="go"]');
    const fits = () => (sure.disabled = !confirm.input.value.trim());
    confirm.input.addEventListener("input", fits);
    fits();
  }
}

function describe(one) {
  const revision = one.revision === null ? "" : ` · revision ${one.revision}`;
  return `${exact(one.time)} (${relative(one.time)}) · ${one.snapshot.slice(0, 8)}${revision} · ${size(one.total_size)}`;
}
