// Only what a pointer asks for: without this script the page shows all the same.
(() => {
  "use strict";
  const number = new Intl.NumberFormat("en", { notation: "compact", maximumSignificantDigits: 4 });
  const two = (value) => String(value).padStart(2, "0");
  const clock = (course, at) => {
    const all = Math.round(course.start + at);
    const hours = Math.floor(all / 3600);
    return `${course.wraps ? two(hours % 24) : hours}:${two(Math.floor(all / 60) % 60)}:${two(all % 60)}`;
  };
  const value = (series, at) => {
    let place = Math.min(Math.floor(at / series.every), series.values.length - 1);
    // Between two samples the earlier one is what was known.
    for (let back = 0; back < 40 && place > 0 && series.values[place] === null; back++) place--;
    return series.values[place];
  };
  for (const section of document.querySelectorAll(".course")) {
    const course = JSON.parse(section.querySelector("script").textContent);
    const figures = [...section.querySelectorAll("figure:not(.lanes)")];
    const now = section.querySelector(".now");
    const cursors = figures.map((figure) => {
      const cursor = document.createElement("div");
      cursor.className = "cursor";
      cursor.hidden = true;
      figure.querySelector(".plot").append(cursor);
      return cursor;
    });
    const show = (share) => {
      const at = share * course.span;
      now.textContent = clock(course, at);
      figures.forEach((figure, panel) => {
        cursors[panel].hidden = false;
        cursors[panel].style.left = `${share * 100}%`;
        figure.querySelectorAll("output").forEach((output, line) => {
          const known = value(course.panels[panel].series[line], at);
          const share = course.panels[panel].share;
          output.textContent = known === null || known === undefined ? "?" : share ? `${number.format(known * 100)} %` : number.format(known);
        });
      });
    };
    const hide = () => {
      now.textContent = "";
      cursors.forEach((cursor) => { cursor.hidden = true; });
      section.querySelectorAll("output").forEach((output) => { output.textContent = ""; });
    };
    for (const figure of figures) {
      const plot = figure.querySelector(".plot");
      plot.addEventListener("pointermove", (event) => {
        const box = plot.getBoundingClientRect();
        show(Math.min(1, Math.max(0, (event.clientX - box.left) / box.width)));
      });
      plot.addEventListener("pointerleave", hide);
    }
  }
  // What a link leads to may be folded.
  const unfold = () => {
    let target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    for (let fold = target; fold; fold = fold.parentElement) if (fold.tagName === "DETAILS") fold.open = true;
    if (target) target.scrollIntoView({ block: "center" });
  };
  addEventListener("hashchange", unfold);
  addEventListener("beforeprint", () => document.querySelectorAll("main > details").forEach((fold) => { fold.open = true; }));
  unfold();
  document.documentElement.dataset.script = "whole";
})();
