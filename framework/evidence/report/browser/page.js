"use strict";
// Light and dark, and each chart drawn when it comes near the screen.
(() => {
  const root = document.documentElement, button = document.getElementById("theme"), dark = matchMedia("(prefers-color-scheme: dark)");
  const drawn = new Set(), makers = new Map();
  const now = () => root.dataset.theme || (dark.matches ? "dark" : "light");
  const label = () => { button.textContent = now() === "dark" ? "Light" : "Dark"; button.setAttribute("aria-label", `Switch to ${button.textContent.toLowerCase()} colours`); };
  const again = () => { label(); for (const draw of drawn) draw(); };
  button.addEventListener("click", () => { root.dataset.theme = now() === "dark" ? "light" : "dark"; again(); });
  dark.addEventListener("change", again);
  // Paper is light. A chart takes its time to be drawn, so what is printed is a copy of what there is, turned over where that is dark.
  let before = null;
  addEventListener("beforeprint", () => {
    const turned = now() === "dark";
    for (const box of document.querySelectorAll(".canvas[data-drawn]")) {
      const {canvas} = box.view.export("png", true);
      canvas.className = turned ? "copy turned" : "copy";
      box.append(canvas);
    }
    before = root.dataset.theme ?? "";
    root.dataset.theme = "light";
  });
  addEventListener("afterprint", () => {
    before ? root.dataset.theme = before : delete root.dataset.theme;
    for (const copy of document.querySelectorAll(".copy")) copy.remove();
  });
  const start = node => {
    const draw = makers.get(node);
    if (!draw || drawn.has(draw)) return;
    drawn.add(draw);
    seen.unobserve(node);
    return draw();
  };
  const seen = new IntersectionObserver(entries => { for (const entry of entries) if (entry.isIntersecting) start(entry.target); }, {rootMargin: "300px"});
  // Bokeh's tips are pale blue on white: they take our colours.
  const looks = new CSSStyleSheet();
  looks.replaceSync(":host { background: var(--paper) !important; color: var(--ink) !important; --tooltip-color: var(--paper); } .bk-tooltip-row-label { color: var(--soft) !important; }");
  new MutationObserver(changes => {
    for (const node of changes.flatMap(change => [...change.addedNodes])) if (node.shadowRoot) node.shadowRoot.adoptedStyleSheets.push(looks);
  }).observe(document.body, {childList: true});
  const kinds = {panel: report.panel, film: report.film};
  for (const node of document.querySelectorAll("[data-chart]")) {
    const one = report.data[node.dataset.chart];
    makers.set(node, kinds[one.kind](node, one));
  }
  for (const node of document.querySelectorAll("[data-runs]")) for (const [place, draw] of report.sweep(node)) makers.set(place, draw);
  for (const node of makers.keys()) seen.observe(node);
  label();
  root.dataset.ready = "yes";
  // What nobody has scrolled to is drawn when there is time, so that it can be printed.
  const idle = globalThis.requestIdleCallback ?? (next => setTimeout(next, 200)), rest = [...makers.keys()];
  const later = () => {
    const node = rest.find(one => !drawn.has(makers.get(one)) && one.checkVisibility());
    if (!node) return root.dataset.complete = "yes";
    start(node);
    idle(later);
  };
  idle(later);
})();
