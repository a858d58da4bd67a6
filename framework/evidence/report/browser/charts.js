"use strict";
// Draws panels: curves on axes that can be switched, zoomed and read, each line with a button that hides it.
const report = {data: JSON.parse(document.getElementById("data").textContent), redraw: []};

report.make = (tag, properties = {}, ...children) => {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(properties))
    if (name in node && typeof value !== "string" || name === "textContent" || name === "className") node[name] = value;
    else node.setAttribute(name, value);
  node.append(...children);
  return node;
};

report.colours = () => {
  const style = getComputedStyle(document.documentElement), of = name => style.getPropertyValue(`--${name}`).trim();
  return {ink: of("ink"), paper: of("paper"), grid: of("grid"), soft: of("soft"), lines: [0, 1, 2, 3, 4, 5].map(i => of(`line-${i}`))};
};

// Bokeh reads TeX between these signs, and fetches what sets it: a name is only text.
report.plain = text => String(text).replace(/\$\$|\\[([]/g, sign => sign[0] + "\u200b" + sign.slice(1));

report.number = value => value === null || value === undefined || Number.isNaN(value) ? "–"
  : Number.isInteger(value) && Math.abs(value) < 1e15 ? value.toLocaleString("en") : String(Number(value.toPrecision(5)));

report.choice = (label, options, chosen, changed) => {
  const select = report.make("select", {}, ...options.map(([value, words]) => report.make("option", {value, textContent: words})));
  select.value = chosen;
  select.addEventListener("change", () => changed(select.value));
  return report.make("label", {textContent: `${label} `}, select);
};

// A number on a logarithmic axis is positive; steps begin at 0, which stands at ½.
report.place = (value, log, steps) => value === null ? NaN : !log ? value : steps && value < 0.5 ? 0.5 : value > 0 ? value : NaN;

// An empty figure of Bokeh with our looks. axes: {x_log, y_log, x_label, y_label, steps, ticks}.
report.figure = (axes, height) => {
  const c = report.colours(), {Plotting} = Bokeh;
  const figure = Plotting.figure({
    height, sizing_mode: "stretch_width", tools: "box_zoom,pan,wheel_zoom,reset,save", toolbar_location: "right",
    x_axis_type: axes.x_log ? "log" : "linear", y_axis_type: axes.y_log ? "log" : "linear",
    background_fill_color: null, border_fill_color: null, outline_line_color: null, min_border_right: 12,
  });
  figure.toolbar.logo = null;
  if (innerWidth < 600) figure.toolbar.active_drag = null; // a finger scrolls the page
  else figure.toolbar.active_drag = figure.toolbar.tools.find(tool => tool.type === "BoxZoomTool");
  for (const [across, axis, label] of [[true, figure.xaxis, axes.x_label], [false, figure.yaxis, axes.y_label]]) {
    Object.assign(axis, {
      axis_label: report.plain(label), axis_label_text_color: c.ink, major_label_text_color: c.ink, axis_line_color: c.soft,
      major_tick_line_color: c.soft, minor_tick_line_color: c.grid, axis_label_text_font_style: "normal",
      axis_label_text_font: "system-ui, sans-serif", major_label_text_font: "system-ui, sans-serif",
      major_label_text_font_size: "12px", axis_label_text_font_size: "13px",
    });
    if (across && axes.steps) {
      axis.formatter = new Bokeh.NumeralTickFormatter({format: "0,0"});
      if (axes.x_log) axis.major_label_overrides = new Map([[0.5, "0"]]);
    }
    if (across && axes.ticks) axis.ticker = new Bokeh.FixedTicker({ticks: axes.ticks});
  }
  for (const grid of [figure.xgrid, figure.ygrid]) grid.grid_line_color = c.grid;
  return figure;
};

report.tips = (figure, renderers, rows) => {
  figure.add_tools(new Bokeh.HoverTool({renderers, tooltips: rows, mode: "mouse", point_policy: "snap_to_data", line_policy: "nearest", limit: 4}));
};

// Arrow keys move, + and − zoom, 0 shows all: on whatever axis, in its own scale.
report.keys = (node, figure, log) => {
  const ranges = [figure.x_range, figure.y_range];
  const shift = (range, isLog, low, high) => {
    const [a, b] = [range.start, range.end].map(v => isLog ? Math.log10(v) : v), size = b - a;
    const back = v => isLog ? 10 ** v : v;
    range.setv({start: back(a + low * size), end: back(b + high * size)});
  };
  const moves = {
    ArrowLeft: [0, -0.2, -0.2], ArrowRight: [0, 0.2, 0.2], ArrowDown: [1, -0.2, -0.2], ArrowUp: [1, 0.2, 0.2],
    "+": [0, 0.15, -0.15], "=": [0, 0.15, -0.15], "-": [0, -0.2, 0.2],
  };
  node.onkeydown = event => {
    if (event.target !== node || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "0") figure.reset.emit();
    else if (event.key in moves) {
      const [which, low, high] = moves[event.key];
      shift(ranges[which], log[which], low, high);
    } else return;
    event.preventDefault();
  };
};

report.show = async (figure, node) => {
  node.view?.remove();
  node.replaceChildren();
  node.view = await Bokeh.Plotting.show(figure, node);
  node.figure = figure;
  node.dataset.drawn = "yes";
};

report.height = () => innerWidth < 600 ? 260 : 320;
report.dash = style => style.includes("--") ? [7, 4] : style.includes("-.") ? [7, 3, 2, 3] : style.includes(":") ? [2, 3] : [];

report.numbers = panel => {
  const details = report.make("details", {className: "numbers screen"}, report.make("summary", {textContent: "Numbers"}));
  details.addEventListener("toggle", () => {
    if (details.children.length > 1) return;
    const places = [...new Set(panel.curves.flatMap(curve => curve.x))].sort((a, b) => a - b);
    const values = panel.curves.map(curve => new Map(curve.x.map((x, i) => [x, curve.y[i]])));
    const head = report.make("tr", {}, ...[panel.x_label || "x", ...panel.curves.map(curve => curve.label)]
      .map(words => report.make("th", {scope: "col", textContent: words})));
    const rows = places.map(x => report.make("tr", {}, ...[x, ...values.map(at => at.get(x))]
      .map(value => report.make("td", {textContent: report.number(value)}))));
    const table = report.make("table", {}, report.make("thead", {}, head), report.make("tbody", {}, ...rows));
    details.append(report.make("div", {className: "table", tabindex: "0"}, table));
  });
  return details;
};

report.panel = (figure_node, panel) => {
  const state = {x_log: panel.x_axis !== "linear", y_log: panel.log_y, hidden: new Set()};
  const box = report.make("div", {className: "canvas", tabindex: "0", role: "group", "aria-label": `Chart: ${panel.title || panel.y_label}`});
  const bar = report.make("div", {className: "bar screen"}), legend = report.make("div", {className: "legend"});
  const steps = panel.x_axis === "steps";
  const positive = panel.curves.some(curve => curve.y.some(y => y > 0));
  const draw = () => {
    const c = report.colours(), tone = curve => curve.colour === null ? c.ink : c.lines[curve.colour % c.lines.length];
    const axes = {...state, y_log: state.y_log && positive, x_label: panel.x_label, y_label: panel.y_label, steps};
    const figure = report.figure(axes, report.height()), lines = [];
    panel.curves.forEach((curve, number) => {
      if (state.hidden.has(number)) return;
      const data = {x: curve.x.map(x => report.place(x, axes.x_log, steps)), y: curve.y.map(y => report.place(y, axes.y_log, false)), step: curve.x};
      const source = new Bokeh.ColumnDataSource({data}), look = {line_color: tone(curve), line_width: curve.faint ? 1 : 2, line_alpha: curve.faint ? 0.4 : 1};
      const line = figure.line({field: "x"}, {field: "y"}, {source, line_dash: report.dash(curve.style), ...look});
      if (curve.x.length < 13) figure.scatter({field: "x"}, {field: "y"}, {source, size: 6, fill_color: tone(curve), line_color: null});
      line.name = report.plain(curve.label || "before the fork");
      lines.push(line);
    });
    const mark = (place, words, dash, at) => {
      const x = report.place(place, axes.x_log, steps);
      figure.add_layout(new Bokeh.Span({location: x, dimension: "height", line_color: c.soft, line_dash: dash, line_width: 1}));
      if (words) figure.add_layout(new Bokeh.Label({x, y: at, y_units: "screen", text: report.plain(words), angle: Math.PI / 2, text_font_size: "11px",
        text_color: c.ink, background_fill_color: c.paper, background_fill_alpha: 0.75, text_font: "system-ui, sans-serif", x_offset: -3, text_align: "left", text_baseline: "bottom"}));
    };
    for (const [words, place] of panel.marks) mark(place, words, [2, 3], 8);
    for (const [name, places] of panel.moments) places.forEach((place, i) => mark(place, i ? "" : name, [], 120));
    report.tips(figure, lines, [["curve", "$name"], [panel.x_label || "x", steps ? "@step{0,0}" : "@step"], ["value", "@y"]]);
    report.keys(box, figure, [axes.x_log, axes.y_log]);
    return report.show(figure, box);
  };
  const toggle = (key, words) => {
    const button = report.make("button", {type: "button", textContent: `${words}: ${state[key] ? "log" : "linear"}`});
    button.addEventListener("click", () => {
      state[key] = !state[key];
      button.textContent = `${words}: ${state[key] ? "log" : "linear"}`;
      draw();
    });
    return button;
  };
  bar.append(toggle("x_log", "x axis"), toggle("y_log", "y axis"));
  panel.curves.forEach((curve, number) => {
    if (curve.faint) return;
    const key = report.make("span", {className: "key"});
    key.style.setProperty("--tone", curve.colour === null ? "var(--ink)" : `var(--line-${curve.colour % 6})`);
    key.style.borderTopStyle = report.dash(curve.style).length ? "dashed" : "solid";
    const button = report.make("button", {type: "button", "aria-pressed": "true"}, key, curve.label || panel.y_label);
    button.addEventListener("click", () => {
      state.hidden.has(number) ? state.hidden.delete(number) : state.hidden.add(number);
      button.setAttribute("aria-pressed", String(!state.hidden.has(number)));
      draw();
    });
    legend.append(button);
  });
  figure_node.append(bar, box, legend, report.numbers(panel));
  return draw;
};
