"use strict";
// A film: one picture with a slider over training.
report.scales = {
  power: [[253, 251, 240], [253, 203, 130], [244, 121, 92], [183, 55, 121], [81, 18, 124], [12, 8, 38]],
  signed: [[5, 80, 160], [120, 175, 215], [247, 247, 247], [240, 150, 115], [165, 20, 40]],
  viridis: [[68, 1, 84], [59, 82, 139], [33, 145, 140], [94, 201, 98], [253, 231, 37]],
};

report.tone = (scale, share) => {
  const at = Math.min(Math.max(share, 0), 1) * (scale.length - 1), low = Math.min(Math.floor(at), scale.length - 2);
  return scale[low].map((value, i) => Math.round(value + (scale[low + 1][i] - value) * (at - low)));
};

report.film = (node, film) => {
  const [height, width] = film.size, scale = film.signed ? report.scales.signed : report.scales.power;
  const canvas = report.make("canvas", {className: "film", role: "img", "aria-label": film.title});
  const slider = report.make("input", {type: "range", min: "0", max: String(film.steps.length - 1), step: "1", "aria-label": `Step of ${film.title}`});
  const words = report.make("output", {}), play = report.make("button", {type: "button", textContent: "Play"});
  const bar = report.make("div", {className: "scale", "aria-hidden": "true"});
  bar.style.background = `linear-gradient(90deg, ${scale.map(c => `rgb(${c})`).join(", ")})`;
  canvas.width = width;
  canvas.height = height;
  const tones = Array.from({length: 256}, (_, i) => report.tone(scale, film.signed ? (i - 1) / 254 : i / 255));
  const draw = () => {
    const place = Number(slider.value), bytes = atob(film.frames[place]), image = new ImageData(width, height);
    for (let i = 0; i < bytes.length; i++) image.data.set([...tones[bytes.charCodeAt(i)], 255], 4 * i);
    canvas.getContext("2d").putImageData(image, 0, 0);
    words.textContent = `step ${film.steps[place].toLocaleString("en")}${film.fixed ? "" : `, largest entry ${report.number(film.largest[place])}`}`;
    slider.setAttribute("aria-valuetext", words.textContent);
  };
  let timer = null;
  const stop = () => { clearInterval(timer); timer = null; play.textContent = "Play"; };
  play.addEventListener("click", () => {
    if (timer) return stop();
    if (Number(slider.value) === film.steps.length - 1) slider.value = "0";
    play.textContent = "Stop";
    timer = setInterval(() => {
      slider.value = String(Number(slider.value) + 1);
      draw();
      if (Number(slider.value) === film.steps.length - 1) stop();
    }, 200);
  });
  slider.addEventListener("input", draw);
  const ends = film.signed ? ["−1", "1"] : ["0", "1"];
  const thin = film.thinned > 1 ? ` Every ${film.thinned}th column is shown.` : "";
  node.append(
    report.make("div", {className: "bar screen"}, play, slider), words,
    report.make("div", {className: "up", textContent: film.y_label}), canvas, report.make("div", {className: "across", textContent: film.x_label + thin}),
    report.make("div", {className: "ends"}, ends[0], bar, ends[1], ` ${film.value_label}`));
  slider.value = String(film.steps.length - 1);
  return draw;
};
