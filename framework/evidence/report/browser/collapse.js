"use strict";
// A value over a field, one curve for each size, and over x / size^e with a slider for e.

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
