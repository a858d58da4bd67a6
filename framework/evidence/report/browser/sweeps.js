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

// The exponent at which curves over x / size^e are most nearly one, as `whygrok plot --collapse` finds it: least squares of log x at
// equal height against log size, with one constant per height. curves: [size, x ascending, y].
report.exponent = curves => {
  const sign = curves.reduce((sum, [, , y]) => sum + y[y.length - 1] - y[0], 0) >= 0 ? 1 : -1;
  const heights = curves.map(([, , y]) => y.map(value => sign * value));
  const low = Math.max(...heights.map(y => Math.min(...y))), high = Math.min(...heights.map(y => Math.max(...y)));
  let over = 0, under = 0;
  for (let level = 1; level < 10; level++) {
    const asked = low + (high - low) * level / 10, points = [];
    curves.forEach(([size, x], i) => {
      const y = heights[i], after = y.findIndex(value => value >= asked);
      if (after < 1) return;
      const share = (asked - y[after - 1]) / (y[after] - y[after - 1]);
      points.push([Math.log(size), Math.log(x[after - 1]) * (1 - share) + Math.log(x[after]) * share]);
    });
    if (points.length < 2) continue;
    const [a, b] = [0, 1].map(k => report.mean(points.map(point => point[k])));
    for (const [p, q] of points) { over += (p - a) * (q - b); under += (p - a) ** 2; }
  }
  return under > 0 ? over / under : NaN;
};

report.views.collapse = (place, sweep) => {
  const {about, left, column, label, rows} = sweep, numbers = about.numbers;
  const x = numbers.includes("examples") ? "examples" : numbers[0];
  const state = {x, size: numbers.find(name => name !== x) ?? "", value: "test", e: 0, x_log: rows.every(row => row[column(x)] > 0)};
  const bar = report.make("div", {className: "bar screen"}), legend = report.make("div", {className: "legend"}), words = report.make("output", {});
  const box = report.make("div", {className: "canvas", tabindex: "0", role: "group", "aria-label": "Chart: a value over a field"});
  const slider = report.make("input", {type: "range", min: "-3", max: "3", step: "0.01", value: "0", "aria-label": "Exponent e of the size"});
  const best = report.make("button", {type: "button", textContent: "Most nearly one curve"});
  const named_x = () => state.e ? `${label(state.x)} / ${label(state.size)}^${state.e.toFixed(2)}` : label(state.x);
  const say = found => {
    const nearest = Number.isFinite(found) ? `most nearly one curve at e = ${found.toFixed(3)}` : "no height is crossed by two of the curves";
    words.textContent = slider.disabled ? "A collapse needs a size: a second field that is a positive number." : `e = ${state.e.toFixed(2)}; ${nearest}`;
    slider.setAttribute("aria-valuetext", words.textContent);
  };
  let moving = [];
  const move = () => { // only what e changes, so that the slider is smooth
    for (const [source, size, xs] of moving) source.data = {...source.data, x: xs.map(one => one / size ** state.e)};
    box.figure.xaxis.axis_label = report.plain(named_x());
    say(Number(best.dataset.exponent));
  };
  const curves_now = () => {
    const [xs, size, v] = [state.x, state.size, state.value].map(column), groups = new Map();
    for (const row of left().map(i => rows[i])) {
      if (row[xs] === null || row[v] === null || (size >= 0 && row[size] === null)) continue;
      const at = size < 0 ? "" : row[size], curve = groups.get(at) ?? groups.set(at, new Map()).get(at);
      curve.set(row[xs], [...curve.get(row[xs]) ?? [], row[v]]);
    }
    return report.distinct([...groups.keys()]).map(at => {
      const places = [...groups.get(at).keys()].sort((a, b) => a - b);
      return [at, places, places.map(one => report.mean(groups.get(at).get(one)))];
    });
  };
  const draw = () => {
    const curves = curves_now(), tones = report.palette(curves.map(([at]) => at)), e = state.e;
    const possible = state.size && curves.length > 1 && curves.every(([at, xs]) => at > 0 && xs.every(one => one > 0));
    const said = report.values_of(sweep).find(([name]) => name === state.value)[1];
    const x_label = possible ? named_x() : label(state.x);
    const places = report.distinct(curves.flatMap(([, xs]) => xs)), ticks = places.length < 13 && !possible ? places : null;
    const figure = report.figure({x_log: state.x_log, y_log: false, x_label, y_label: said, steps: false, ticks}, report.height() + 40), lines = [];
    moving = [];
    for (const [at, xs, y] of curves) {
      const data = {x: xs.map(one => possible ? one / at ** e : one), y, was: xs};
      const source = new Bokeh.ColumnDataSource({data}), line = figure.line({field: "x"}, {field: "y"}, {source, line_color: tones.get(at), line_width: 2});
      line.name = report.plain(state.size ? `${label(state.size)} = ${report.number_or_words(at)}` : "mean");
      figure.scatter({field: "x"}, {field: "y"}, {source, size: 7, fill_color: tones.get(at), line_color: null});
      lines.push(line);
      if (possible) moving.push([source, at, xs]);
    }
    report.tips(figure, lines, [["curve", "$name"], [report.plain(label(state.x)), "@was"], ["mean", "@y"]]);
    report.keys(box, figure, [state.x_log, false]);
    const found = possible ? report.exponent(curves) : NaN;
    best.disabled = !Number.isFinite(found);
    best.dataset.exponent = String(found);
    slider.disabled = !possible;
    say(found);
    legend.replaceChildren(...curves.map(([at]) => {
      const mark = report.make("span", {className: "key"}), words_of = report.make("span", {className: "help"}, mark, ` ${state.size ? `${label(state.size)} ${report.number_or_words(at)}` : "mean"}`);
      mark.style.setProperty("--tone", tones.get(at));
      return words_of;
    }));
    return report.show(figure, box);
  };
  slider.addEventListener("input", () => { state.e = Number(slider.value); move(); });
  best.addEventListener("click", () => {
    const found = Number(best.dataset.exponent);
    slider.value = String(Math.min(3, Math.max(-3, found)));
    state.e = found;
    move();
  });
  const scale = report.make("button", {type: "button", textContent: `x axis: ${state.x_log ? "log" : "linear"}`});
  scale.addEventListener("click", () => { state.x_log = !state.x_log; scale.textContent = `x axis: ${state.x_log ? "log" : "linear"}`; draw(); });
  const named = numbers.map(name => [name, label(name)]), choose = name => value => { state[name] = value; draw(); };
  bar.append(report.choice("Over", named, state.x, choose("x")), report.choice("one curve for each", [["", "–"], ...named], state.size, choose("size")),
    report.choice("show", report.values_of(sweep), state.value, choose("value")), scale);
  place.append(bar, box, legend, report.make("div", {className: "bar screen"}, report.make("label", {textContent: "e "}), slider, best), words);
  return draw;
};
