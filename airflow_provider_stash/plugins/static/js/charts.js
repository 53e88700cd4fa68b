// Charts over time, drawn by uPlot (vendor/uplot), in the theme's colours.

import { h } from "./dom.js";
import { timezone } from "./airflow.js";
import { exact } from "./format.js";

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

const BINARY = [0, 10, 20, 30, 40].flatMap((power) => [1, 2, 4, 8, 16, 32, 64, 128, 256, 512].map((one) => one * 2 ** power));

/** Times along the axis: the day where days are apart, else the time of day. */
function ticks(seconds, apart) {
  const day = { month: "2-digit", day: "2-digit" };
  const clock = { hour: "2-digit", minute: "2-digit", hourCycle: "h23", ...(apart < 60 ? { second: "2-digit" } : {}) };
  const format = new Intl.DateTimeFormat("en-CA", { timeZone: timezone(), ...(apart < 86400 ? clock : day) });
  return seconds.map((one) => format.format(new Date(one * 1000)));
}

/**
 * A chart of values over time.
 * @param {string} title
 * @param {{time: string}[]} points - the oldest first.
 * @param {{label: string, value: (point) => number|null, colour: string}[]} series - colours are CSS variables.
 * @param {(value: number) => string} format - of the values.
 * @param {boolean} bytes - whether the values are sizes.
 */
export function chart(title, points, series, format, bytes = false) {
  const figure = h("figure.chart", {}, h("figcaption", {}, title));
  const known = points.filter((point) => series.some((one) => one.value(point) !== null && one.value(point) !== undefined));
  if (known.length < 2) {
    figure.append(h("p.muted", {}, "Shown from the second backup on."));
    return figure;
  }
  const last = series.map((one) => `${one.label} ${format(one.value(known.at(-1)) ?? 0)}`).join(", ");
  const box = h("div", { role: "img", "aria-label": `${title}: ${known.length} points, latest ${last}. The table below holds the values.` });
  figure.append(box);
  const data = [known.map((point) => new Date(point.time) / 1000), ...series.map((one) => known.map((point) => one.value(point) ?? null))];
  const axis = { stroke: colour("--muted"), grid: { stroke: colour("--line"), width: 1 }, ticks: { stroke: colour("--line"), width: 1 }, font: "12px system-ui" };
  const zone = timezone();
  const options = (width) => ({
    width, height: 180, padding: [null, 28, null, null],  // room for half of the last time
    tzDate: (seconds) => (zone ? window.uPlot.tzDate(new Date(seconds * 1000), zone) : new Date(seconds * 1000)),
    cursor: { y: false },
    scales: { y: { range: (_, low, high) => [0, (high || 1) * 1.1] } },
    series: [{ label: "Time", value: (_, seconds) => (seconds === null ? "–" : exact(seconds * 1000)) }, ...series.map((one) => ({
      label: one.label, stroke: colour(one.colour), width: 2, points: { show: known.length < 40, size: 5 }, spanGaps: true,
      value: (_, value) => (value === null ? "–" : format(value)),
    }))],
    axes: [
      { ...axis, space: 70, values: (_, splits, __, ___, apart) => ticks(splits, apart) },
      { ...axis, size: 84, values: (_, splits) => splits.map(format), ...(bytes ? { incrs: BINARY } : {}) },
    ],
  }); // prettier-ignore
  let plot = null;
  new ResizeObserver(([entry]) => {
    const width = Math.floor(entry.contentRect.width);
    if (!width) return;
    if (plot) plot.setSize({ width, height: 180 });
    else plot = new window.uPlot(options(width), data, box);
  }).observe(box);
  return figure;
}
