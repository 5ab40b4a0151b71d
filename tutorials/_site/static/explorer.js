// The explorer: shows what Python wrote into the page (see _site/explorer.py). It computes nothing but
// the lengths of bars and the places of boxes.

"use strict";

document.addEventListener("DOMContentLoaded", () => {
  const form = document.getElementById("explorer-form");
  if (!form) return;
  const data = JSON.parse(document.getElementById("explorer-data").textContent);
  const place = (name) => document.getElementById(`explorer-${name}`);

  // Making elements

  function element(name, attributes = {}, ...children) {
    const svg = ["svg", "g", "rect", "path", "polygon", "text", "defs", "pattern"].includes(name);
    const node = svg
      ? document.createElementNS("http://www.w3.org/2000/svg", name)
      : document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
    node.append(...children);
    return node;
  }

  function choices(name, values) {
    const select = form.elements[name];
    const before = select.value;
    select.replaceChildren(...values.map((value) => element("option", { value }, String(value))));
    if (values.map(String).includes(before)) select.value = before;
  }

  const range = (first, last) => Array.from({ length: last - first + 1 }, (_, i) => first + i);
  const layersText = (first, last) => (first === last ? `${first}` : `${first}–${last}`);

  // What is chosen

  function chosen() {
    const { model, size, shift, classifier, classes } = form.elements;
    const algo =
      size.value === "BP" ? "BP" : `G${size.value}` + (shift.value > 0 ? `S${shift.value}` : "");
    return { model: model.value, algo, classifier: classifier.value, classes: classes.value };
  }

  // Blocks can't be larger than the network, and boundaries move by less than a block.
  function restrict() {
    const { model, size, shift } = form.elements;
    choices("size", ["BP", ...range(1, data.networks[model.value])]);
    choices("shift", size.value === "BP" ? [0] : range(0, size.value - 1));
    shift.disabled = shift.options.length === 1;
  }

  // The picture: layers down, epochs across

  const CELL = 46, ROW = 24, TOP = 8, LEFT = 34;

  function block(column, number, first, last) {
    const x = LEFT + CELL * column, top = TOP + ROW * (first - 1), bottom = TOP + ROW * last;
    const middle = x + CELL / 2 - 8;
    return element("g", {},
      element("rect", {
        x: x + 2, y: top + 1, width: CELL - 4, height: bottom - top - 2, class: `block${(number - 1) % 7}`,
      }),
      element("path", { d: `M${middle} ${bottom - 4}V${top + 11}`, class: "arrow" }),
      element("polygon", {
        points: `${middle - 5},${top + 12} ${middle},${top + 5} ${middle + 5},${top + 12}`, class: "head",
      }),
      element("path", { d: `M${x + 1} ${top}h${CELL - 2}`, class: "wall" }),
      element("text", { x: x + CELL - 12, y: (top + bottom) / 2 + 5, class: "number" }, String(number)),
    );
  }

  function picture(layers, period) {
    const columns = Math.max(4, period.length);
    const width = LEFT + CELL * columns + 4, height = TOP + ROW * layers + 40;
    const shapes = [];
    for (let column = 0; column < columns; column++) {
      const { rest, blocks } = period[column % period.length];
      const x = LEFT + CELL * column;
      if (rest > 0)
        shapes.push(element("rect", {
          x: x + 2, y: TOP + 1, width: CELL - 4, height: ROW * rest - 2, class: "frozen",
        }));
      blocks.forEach(([first, last], i) => shapes.push(block(column, i + 1, first, last)));
      shapes.push(element("text", { x: x + CELL / 2, y: TOP + ROW * layers + 18 }, String(column + 1)));
    }
    for (const layer of range(1, layers))
      shapes.push(element("text", { x: LEFT - 12, y: TOP + ROW * (layer - 0.5) + 5 }, String(layer)));
    shapes.push(element("text", { x: LEFT + (CELL * columns) / 2, y: height - 4 }, "epoch"));
    return element("svg", {
      viewBox: `0 0 ${width} ${height}`, width, role: "img",
      "aria-label": "Layers down, epochs across. The list of epochs says the same in words.",
    }, ...shapes);
  }

  function inWords(period) {
    return period.map(({ rest, blocks }, i) => {
      const when = period.length === 1
        ? "Every epoch"
        : `Epochs ${i + 1}, ${i + 1 + period.length}, …`;
      const resting = rest > 0 ? `layer${rest > 1 ? "s" : ""} ${layersText(1, rest)} rest${rest > 1 ? "" : "s"}; ` : "";
      const learning = blocks.map(([first, last]) => layersText(first, last)).join(", ");
      return element("li", {}, `${when}: ${resting}block${blocks.length > 1 ? "s" : ""} ${learning}`);
    });
  }

  // Bars: BP above, the chosen algorithm below

  const whole = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });
  const times = new Intl.NumberFormat("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 2 });
  const percent = new Intl.NumberFormat("en-US", {
    style: "percent", minimumFractionDigits: 1, maximumFractionDigits: 1,
  });

  function compared(less) {
    const share = percent.format(Math.abs(less));
    return share === "0.0%" ? "as BP" : `${share} ${less > 0 ? "less" : "more"} than BP`;
  }

  function bar(quantity, name, [total, less, ...parts], most) {
    const bound = quantity.unit === "×";
    const text = bound ? `${times.format(total)}×` : whole.format(total);
    const note = name === "BP" || bound ? "" : ` (${compared(less)})`;
    const pieces = (parts.length ? parts : [total]).map((part, i) =>
      element("span", {
        class: `part${i}`,
        style: `width: ${(100 * part) / most}%`,
        title: quantity.parts.length ? `${quantity.parts[i]}: ${whole.format(part)}` : text,
      }),
    );
    return element("tr", {},
      element("th", { scope: "row" }, name),
      element("td", { class: "bar" }, element("div", {}, ...pieces)),
      element("td", { class: "total" }, text + note),
    );
  }

  function bars(quantity, i, rows, algo) {
    const shown = algo === "BP" ? ["BP"] : ["BP", algo];
    const most = Math.max(...shown.map((name) => rows[name][i][0]));
    const legend = quantity.parts.map((part, j) =>
      element("span", {}, element("i", { class: `part${j}` }), ` ${part}`),
    );
    const table = element("table", {},
      element("caption", {}, quantity.name, element("span", { class: "legend" }, ...legend)),
      element("tbody", {}, ...shown.map((name) => bar(quantity, name, rows[name][i], most))),
    );
    if (quantity.parts.length) table.append(partsInNumbers(quantity, shown, rows, i));
    return table;
  }

  function partsInNumbers(quantity, shown, rows, i) {
    const lines = shown.map((name) => {
      const parts = rows[name][i].slice(2);
      return `${name}: ` + parts.map((part, j) => `${quantity.parts[j]} ${whole.format(part)}`).join(", ");
    });
    const cell = element("td", { colspan: 3, class: "parts" }, lines.join("; "));
    return element("tfoot", {}, element("tr", {}, cell));
  }

  // Everything again, whenever a choice changes

  function show() {
    restrict();
    const { model, algo, classifier, classes } = chosen();
    const layers = data.networks[model], period = data.schedules[layers][algo];
    const rows = data.costs[model][classifier][classes];
    place("title").textContent =
      `${algo} on ${model} (${layers} layers), classifiers ${classifier.toUpperCase()}, ${classes} classes`;
    place("picture").replaceChildren(picture(layers, period));
    place("epochs").replaceChildren(...inWords(period));
    place("bars").replaceChildren(...data.quantities.map((quantity, i) => bars(quantity, i, rows, algo)));
    history.replaceState(null, "", `#${[model, algo, classifier, classes].join(",")}`);
  }

  // The address remembers what was chosen: explorer.html#vgg16,G3S2,a1,10
  function recall() {
    const [model, algo, classifier, classes] = location.hash.slice(1).split(",");
    const [, size, shift] = /^G(\d+)(?:S(\d+))?$/.exec(algo) || [null, "BP", 0];
    const wanted = [["model", model], ["size", size], ["shift", shift || 0], ["classifier", classifier], ["classes", classes]];
    for (const [name, value] of wanted) {
      const select = form.elements[name];
      if ([...select.options].some((option) => option.value === String(value))) select.value = value;
      if (name !== "shift") restrict();
    }
  }

  choices("model", Object.keys(data.networks));
  choices("classifier", data.classifiers);
  choices("classes", data.classes);
  restrict();
  [form.elements.model.value, form.elements.size.value] = ["vgg16", "3"];
  restrict();
  form.elements.shift.value = "2";
  if (location.hash) recall();
  form.addEventListener("change", show);
  show();
});
