// How times, sizes and durations are written.

import { h } from "./dom.js";
import { timezone } from "./airflow.js";

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB"];

export function size(bytes) {
  if (bytes === null || bytes === undefined) return "–";
  const sign = bytes < 0 ? "−" : "";
  let [value, unit] = [Math.abs(bytes), 0];
  while (value >= 1024 && unit < UNITS.length - 1) [value, unit] = [value / 1024, unit + 1];
  return `${sign}${unit ? value.toFixed(value < 10 ? 1 : 0) : value} ${UNITS[unit]}`;
}

export function growth(bytes) {
  if (bytes === null || bytes === undefined) return "";
  return bytes === 0 ? "no change" : `${bytes > 0 ? "+" : ""}${size(bytes)}`;
}

export function duration(seconds) {
  if (seconds === null || seconds === undefined) return "–";
  if (seconds < 60) return `${seconds < 10 ? seconds.toFixed(1) : Math.round(seconds)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${Math.round(seconds % 60)} s`;
  const hours = Math.floor(minutes / 60);
  return hours < 24 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

export function relative(iso, now = Date.now()) {
  const seconds = (new Date(iso).getTime() - now) / 1000;
  const gone = Math.abs(seconds);
  if (gone < 5) return "now";
  const text =
    gone < 60 ? `${Math.round(gone)} s`
    : gone < 3600 ? `${Math.round(gone / 60)} min`
    : gone < 86400 ? `${Math.floor(gone / 3600)} h ${Math.floor((gone % 3600) / 60)} min`
    : `${Math.floor(gone / 86400)} d ${Math.floor((gone % 86400) / 3600)} h`;
  return seconds < 0 ? `${text} ago` : `in ${text}`;
}

export function exact(iso) {
  const zone = timezone();
  const parts = new Intl.DateTimeFormat("en-GB", {
    timeZone: zone, year: "numeric", month: "2-digit", day: "2-digit",
    hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23", timeZoneName: "short",
  }).formatToParts(new Date(iso)); // prettier-ignore
  const of = Object.fromEntries(parts.map(({ type, value }) => [type, value]));
  return `${of.year}-${of.month}-${of.day} ${of.hour}:${of.minute}:${of.second} ${of.timeZoneName}`;
}

/** A time as people ask for it, with the exact one at hand. */
export function time(iso, { both = false } = {}) {
  if (!iso) return "–";
  const text = h("time", { datetime: iso, title: exact(iso), "data-relative": iso }, relative(iso));
  return both ? [text, " ", h("span.muted.exact", { "data-exact": iso }, exact(iso))] : text;
}

/** Keep all shown times true. */
export function keepTimes() {
  for (const element of document.querySelectorAll("[data-relative]")) {
    element.textContent = relative(element.dataset.relative);
    element.title = exact(element.dataset.relative);
  }
  for (const element of document.querySelectorAll("[data-exact]")) element.textContent = exact(element.dataset.exact);
}
