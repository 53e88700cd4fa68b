// Loads, shows, and loads again while the page is looked at. What was shown stays when a refresh fails.

import { fill, h, keepFocus } from "./dom.js";
import { exact, keepTimes } from "./format.js";
import { onLook } from "./airflow.js";

const EVERY = 15000;

/**
 * @param {() => Promise<object>} load
 * @param {(data: object) => Node[]} show - makes the page's content.
 * @returns {() => Promise<void>} loads again at once.
 */
export function keepFresh(load, show) {
  const main = document.getElementById("main");
  let [data, loading] = [null, false];

  function draw() {
    keepFocus(main, () => fill(main, show(data))); // show may already move a control that has the focus
    keepTimes();
  }

  async function refresh() {
    if (loading) return;
    loading = true;
    try {
      data = await load();
      document.getElementById("stale")?.remove();
      if (!main.querySelector("details[open]")) draw();
    } catch (error) {
      failed(error);
    } finally {
      loading = false;
      main.setAttribute("aria-busy", "false");
    }
  }

  function failed(error) {
    const again = h("button", { type: "button", onclick: refresh, "data-key": "again" }, "Try again");
    if (data === null) {
      fill(main, h("div.empty", { role: "alert" }, h("h1", {}, "This could not be shown"), h("p", {}, error.message), again));
      return;
    }
    document.getElementById("stale")?.remove();
    main.prepend(h("div.message", { id: "stale", role: "alert", "data-kind": "error" }, h("span", {}, `${error.message} Shown is the state of ${exact(data.now)}.`), again));
  }

  setInterval(() => {
    if (!document.hidden) refresh();
  }, EVERY);
  setInterval(keepTimes, 5000);
  document.addEventListener("visibilitychange", () => !document.hidden && refresh());
  onLook(() => data !== null && draw());
  refresh();
  return refresh;
}
