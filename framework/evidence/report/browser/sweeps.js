"use strict";
// Many runs: a table that filters and sorts, and pictures of the runs that are left.
report.sweep = node => {
  const key = node.dataset.runs, about = report.data[key], rows = about.rows, count = node.previousElementSibling;
  const column = name => about.columns.indexOf(name), label = name => about.labels[column(name)] ?? name;
  const body = node.querySelector("tbody"), lines = [...body.rows], ready = new Set();
  const shown = rows.map(() => true);
  const redraw = () => { for (const draw of ready) draw(); };

  const matches = (text, value) => {
    const asked = text.trim().toLowerCase();
    if (!asked) return true;
    if (value === null) return asked === "–" || asked === "-";
    const found = asked.match(/^(>=|<=|>|<|=)\s*(.+)$/), number = found && Number(found[2]);
    if (!found) return String(value).toLowerCase().includes(asked);
    if (Number.isNaN(number) || typeof value !== "number") return found[1] === "=" && String(value).toLowerCase() === found[2];
    return {">": value > number, "<": value < number, ">=": value >= number, "<=": value <= number, "=": value === number}[found[1]];
  };
  const filters = [...node.querySelectorAll(".filters input")];
  const filter = () => {
    rows.forEach((row, i) => {
      shown[i] = filters.every((input, j) => matches(input.value, row[j]));
      lines[i].hidden = !shown[i];
    });
    count.textContent = `${shown.filter(Boolean).length} of ${rows.length} runs shown`;
  };
  let waiting = null;
  for (const input of filters) input.addEventListener("input", () => { filter(); clearTimeout(waiting); waiting = setTimeout(redraw, 150); });
  node.querySelectorAll("thead th").forEach((head, j) => head.firstChild.addEventListener("click", () => {
    const up = head.getAttribute("aria-sort") !== "ascending";
    for (const other of head.parentNode.children) other.setAttribute("aria-sort", "none");
    head.setAttribute("aria-sort", up ? "ascending" : "descending");
    const order = rows.map((_, i) => i).sort((a, b) => report.compare(rows[a][j], rows[b][j], up) || a - b);
    body.append(...order.map(i => lines[i]));
  }));
  filter();

  const left = () => rows.map((_, i) => i).filter(i => shown[i]);
  const made = [];
  for (const place of document.querySelectorAll(`[data-sweep="${CSS.escape(key)}"]`)) {
    const draw = report.views[place.dataset.view](place, {about, key, left, column, label, rows});
    made.push([place, () => { ready.add(draw); return draw(); }]);
  }
  return made;
};

report.compare = (a, b, up) => {
  if (a === null || b === null) return (a === null) - (b === null); // what has none stands last
  const order = typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b), "en", {numeric: true});
  return up ? order : -order;
};

report.mean = values => values.reduce((sum, value) => sum + value, 0) / values.length;
report.distinct = values => [...new Set(values)].sort((a, b) => report.compare(a, b, true));
report.rgb = ([r, g, b]) => `rgb(${r}, ${g}, ${b})`;

// A colour per value: those of lines for a few, a scale for many.
report.palette = values => {
  const lines = report.colours().lines, few = values.length <= lines.length;
  return new Map(values.map((value, i) => [value, few ? lines[i] : report.rgb(report.tone(report.scales.viridis, values.length < 2 ? 0 : 0.08 + 0.84 * i / (values.length - 1)))]));
};

report.values_of = sweep => {
  const events = [["grokked", "step of grokking"], ["fitted", "step of fitting"]];
  return [["test", `test ${sweep.about.headline} at the end`], ["train", `train ${sweep.about.headline} at the end`], ...events];
};

report.views = {};

report.views.curves = (place, {about, key, left, column, label, rows}) => {
  const curves = report.data[`${key}-curves`], names = Object.keys(curves.columns), hidden = new Set();
  const state = {metric: names[0], field: about.fields[0] ?? "state", x_log: true, y_log: false};
  const bar = report.make("div", {className: "bar screen"}), legend = report.make("div", {className: "legend"});
  const box = report.make("div", {className: "canvas", tabindex: "0", role: "group", "aria-label": "Chart: curves of all runs"});
  if (!names.length) {
    place.append(report.make("p", {textContent: "No run has rows yet."}));
    return () => {};
  }
  const draw = () => {
    const at = column(state.field), values = report.distinct(rows.map(row => row[at])), tones = report.palette(values);
    const chosen = left().filter(i => curves.columns[state.metric][i] && !hidden.has(rows[i][at]));
    const data = {xs: [], ys: [], name: [], tone: []};
    for (const i of chosen) {
      const [steps, y] = curves.columns[state.metric][i];
      data.xs.push(curves.steps[steps].map(x => report.place(x, state.x_log, true)));
      data.ys.push(y.map(value => report.place(value, state.y_log, false)));
      data.name.push(report.plain(about.names[i]));
      data.tone.push(tones.get(rows[i][at]));
    }
    const figure = report.figure({...state, x_label: "step", y_label: state.metric, steps: true}, report.height() + 60);
    const alpha = chosen.length > 100 ? 0.35 : chosen.length > 20 ? 0.6 : 0.9;
    const source = new Bokeh.ColumnDataSource({data});
    const line = figure.multi_line({field: "xs"}, {field: "ys"}, {source, line_color: {field: "tone"}, line_alpha: alpha, line_width: 1.5});
    report.tips(figure, [line], [["run", "@name"], ["step", "$snap_x{0,0}"], ["value", "$snap_y"]]);
    report.keys(box, figure, [state.x_log, state.y_log]);
    legend.replaceChildren(...values.map(value => {
      const mark = report.make("span", {className: "key"});
      mark.style.setProperty("--tone", tones.get(value));
      const button = report.make("button", {type: "button", "aria-pressed": String(!hidden.has(value))}, mark, report.number_or_words(value));
      button.addEventListener("click", () => {
        hidden.has(value) ? hidden.delete(value) : hidden.add(value);
        draw().then(() => legend.children[values.indexOf(value)].focus());
      });
      return button;
    }));
    box.dataset.runs = String(chosen.length);
    return report.show(figure, box);
  };
  const toggle = (name, words) => {
    const button = report.make("button", {type: "button", textContent: `${words}: ${state[name] ? "log" : "linear"}`});
    button.addEventListener("click", () => { state[name] = !state[name]; button.textContent = `${words}: ${state[name] ? "log" : "linear"}`; draw(); });
    return button;
  };
  const fields = [...about.fields, "seed", "state"].filter(name => column(name) >= 0).map(name => [name, label(name)]);
  bar.append(
    report.choice("Show", names.map(name => [name, name]), state.metric, value => { state.metric = value; draw(); }),
    report.choice("coloured by", fields, state.field, value => { state.field = value; hidden.clear(); draw(); }),
    toggle("x_log", "x axis"), toggle("y_log", "y axis"));
  place.append(bar, box, legend);
  return draw;
};

report.number_or_words = value => typeof value === "number" ? report.number(value) : value === null ? "–" : String(value);

report.views.map = (place, sweep) => {
  const {about, left, column, label, rows} = sweep;
  const state = {x: about.fields[0], y: about.fields[1], value: rows.some(row => row[column("grokked")] !== null) ? "grokked" : "test"};
  const table = report.make("table", {className: "heat"}), bar = report.make("div", {className: "bar screen"}), words = report.make("p", {className: "help"});
  const draw = () => {
    const [x, y, v] = [state.x, state.y, state.value].map(column), runs = left().map(i => rows[i]);
    const across = report.distinct(runs.map(row => row[x])), up = report.distinct(runs.map(row => row[y])).reverse();
    const cells = up.map(b => across.map(a => {
      const there = runs.filter(row => row[x] === a && row[y] === b), values = there.map(row => row[v]).filter(value => value !== null);
      return {runs: there.length, happened: values.length, mean: values.length ? report.mean(values) : null};
    }));
    const means = cells.flat().map(cell => cell.mean).filter(mean => mean !== null), low = Math.min(...means), high = Math.max(...means);
    const log = low > 0 && high / low > 10, share = m => high === low ? 0.5 : log ? Math.log(m / low) / Math.log(high / low) : (m - low) / (high - low);
    const said = report.values_of(sweep).find(([name]) => name === state.value)[1];
    const where = ["grokked", "fitted"].includes(state.value) ? " in which it happened" : "";
    const hatched = cells.flat().some(cell => cell.runs && cell.mean === null) ? " Hatched: it happened in none of the runs." : "";
    words.textContent = `${said[0].toUpperCase()}${said.slice(1)}, mean over the runs${where}; across: ${label(state.x)}, up: ${label(state.y)}.${hatched}`;
    table.setAttribute("aria-label", words.textContent);
    table.replaceChildren();
    up.forEach((b, j) => table.append(report.make("tr", {}, report.make("th", {scope: "row", textContent: report.number_or_words(b)}), ...across.map((a, i) => {
      const cell = cells[j][i], td = report.make("td", {});
      if (cell.mean !== null) {
        const tone = report.tone(report.scales.viridis, share(cell.mean)), [r, g, bl] = tone.map(c => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
        td.style.background = report.rgb(tone);
        td.style.color = 0.2126 * r + 0.7152 * g + 0.0722 * bl > 0.179 ? "#000" : "#fff";
        td.textContent = Number(cell.mean.toPrecision(3)).toLocaleString("en");
      } else td.className = cell.runs ? "never" : "";
      const part = cell.happened < cell.runs ? `, in ${cell.happened} of ${cell.runs} runs` : `, ${cell.runs} runs`;
      td.title = `${label(state.x)} ${report.number_or_words(a)}, ${label(state.y)} ${report.number_or_words(b)}: ${report.number(cell.mean)}${part}`;
      td.setAttribute("aria-label", td.title);
      return td;
    }))));
    table.append(report.make("tr", {}, report.make("td"), ...across.map(a => report.make("th", {scope: "col", textContent: report.number_or_words(a)}))));
  };
  const fields = about.fields.map(name => [name, label(name)]), choose = name => value => { state[name] = value; draw(); };
  bar.append(report.choice("Across", fields, state.x, choose("x")), report.choice("up", fields, state.y, choose("y")),
    report.choice("show", report.values_of(sweep), state.value, choose("value")));
  place.append(bar, words, report.make("div", {className: "table", tabindex: "0"}, table));
  return draw;
};
