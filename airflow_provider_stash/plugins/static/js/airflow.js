// Airflow around this page: its addresses, its API, its theme and time zone, and going to its other pages.

const stash = new URL("../../", import.meta.url); // …/stash/, whatever path Airflow is served under
const root = new URL("../", stash);
const framed = window.parent !== window;

export const stashUrl = (path, query = {}) => address(new URL(path, stash), query);
export const airflowUrl = (path, query = {}) => address(new URL(path, root), query);

export const dagPath = (dagId) => `dags/${encodeURIComponent(dagId)}`;
export const runPath = (dagId, runId) => `${dagPath(dagId)}/runs/${encodeURIComponent(runId)}`;
export const sessionPath = (dagId, runId) => `${runPath(dagId, runId)}/plugin/backup-session`;

function address(url, query) {
  for (const [key, value] of Object.entries(query)) if (value !== null) url.searchParams.set(key, value);
  return url.href;
}

/** What Airflow answered instead of what was asked for; says what to do. */
export class Refused extends Error {
  constructor(status, detail) {
    super(
      status === 401 ? "You are no longer signed in. Reload the page to sign in again."
      : status === 403 ? "Your Airflow user may not do this. Ask whoever gives permissions in this Airflow."
      : detail || `Airflow answered ${status}, and not as expected. Its API server's log may tell why.`,
    ); // prettier-ignore
    this.status = status;
  }
}

const PATIENCE = 30000;

async function ask(url, options = {}) {
  let answer, body;
  try {
    answer = await fetch(url, { credentials: "same-origin", ...options, headers: { Accept: "application/json", ...options.headers } });
    body = await answer.text(); // what was cut off fails here, and is not taken for an empty answer
  } catch (error) {
    if (error.name === "TimeoutError") throw new Refused(0, `Airflow's API server did not answer within ${PATIENCE / 1000} s. Is it overloaded?`);
    throw new Refused(0, "Airflow's API server does not answer. Is the network up, is the server running?");
  }
  try {
    body = JSON.parse(body);
  } catch {
    body = null; // a proxy's error page, say
  }
  if (answer.ok && body !== null) return body;
  const detail = body?.detail;
  throw new Refused(answer.status, typeof detail === "string" ? detail : detail ? JSON.stringify(detail) : null);
}

// A question that is never answered would keep the page waiting for ever. A change gets no limit: it may have been made.
const question = (url) => ask(url, { signal: AbortSignal.timeout(PATIENCE) });
export const read = (path, query) => question(stashUrl(`api/${path}`, query));
export const readAirflow = (path, query) => question(airflowUrl(`api/v2/${path}`, query));

const change = (method, path, body) =>
  ask(airflowUrl(`api/v2/${path}`), { method, body: JSON.stringify(body), headers: { "Content-Type": "application/json" } });

/** Trigger a DAG by Airflow's own API; gives the run's id. */
export async function trigger(dagId, conf) {
  return (await change("POST", `${dagPath(dagId)}/dagRuns`, { logical_date: null, conf })).dag_run_id;
}

export const setPaused = (dagId, paused) => change("PATCH", dagPath(dagId), { is_paused: paused });

/** Go to a page of Airflow. The frame may not move the window around it, but that window's own links may. */
export function go(path) {
  const target = framed ? window.parent.document : document;
  const link = target.createElement("a");
  link.href = airflowUrl(path);
  target.body.append(link);
  link.click();
  link.remove();
}

/** Attributes of a link to a page of Airflow. */
export const airflowLink = (path) => ({
  href: airflowUrl(path),
  onclick: (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    go(path);
  },
});

// --- theme and time zone -------------------------------------------------------------------------

const listeners = [];
export const onLook = (listener) => listeners.push(listener);

function stored(key) {
  try {
    return window.localStorage.getItem(key);
  } catch {
    return null;
  }
}

export function timezone() {
  const chosen = stored("timezone");
  if (!chosen) return undefined; // the browser's, as in Airflow
  try {
    const zone = JSON.parse(chosen);
    new Intl.DateTimeFormat("en", { timeZone: zone });
    return zone;
  } catch {
    return undefined;
  }
}

export function dark() {
  const chosen = stored("theme");
  if (framed) return window.parent.document.documentElement.classList.contains("dark");
  if (chosen === "dark" || chosen === "light") return chosen === "dark";
  return window.matchMedia("(prefers-color-scheme: dark)").matches;
}

function look() {
  document.documentElement.dataset.theme = dark() ? "dark" : "light";
  listeners.forEach((listener) => listener());
}

window.addEventListener("storage", look);
window.addEventListener("local-storage", look);
if (framed) {
  // In its own window Airflow hears no storage event: it tells by its class, and by an event of its own.
  new MutationObserver(look).observe(window.parent.document.documentElement, { attributes: true, attributeFilter: ["class"] });
  window.parent.addEventListener("local-storage", look);
}
window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", look);
look();
