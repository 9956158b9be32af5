// The form asks /explain, the file /predict; whatever either says is put into the page as text, never as markup.
"use strict";

const facts = JSON.parse(document.getElementById("facts").textContent);
const form = document.getElementById("form");
const said = document.getElementById("said");
const fileSaid = document.getElementById("file-said");
const drop = document.getElementById("drop");
const file = document.getElementById("csv");
const SHOWN = 7; // changes in the list; more would tell less
let asked = 0;

function make(tag, className, ...content) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  element.append(...content.filter((each) => each !== null && each !== undefined));
  return element;
}

function shown(value) {
  if (value === null || value === undefined || value === "") return "missing";
  if (typeof value === "boolean") return value ? "Yes" : "No";
  if (typeof value !== "number") return String(value).replace(/^(\d{4}-\d\d-\d\d)T00:00:00$/, "$1");
  return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(5)));
}

function percent(share) {
  const text = (100 * share).toFixed(share > 0.0995 && share < 0.9995 ? 0 : 1);
  return `${text} %`;
}

function withUnit(value, unit) {
  return unit && value !== null ? `${shown(value)} ${unit}` : shown(value);
}

function row() {
  const values = {};
  for (const control of form.querySelectorAll("[data-kind]")) {
    const text = control.value.trim();
    const number = Number(text);
    if (text === "") values[control.name] = null;
    else if (["integer", "number"].includes(control.dataset.kind)) values[control.name] = Number.isFinite(number) ? number : text;
    else if (control.dataset.kind === "boolean") values[control.name] = text === "true";
    else if (control.dataset.kind === "datetime" && text.length === 16) values[control.name] = `${text}:00`; // browsers leave out :00
    else values[control.name] = text;
  }
  return values;
}

async function ask(path, body, kind) {
  let response;
  try {
    response = await fetch(path, { method: "POST", body, headers: { "Content-Type": kind } });
  } catch {
    throw { detail: "The service does not answer.", errors: [] };
  }
  if (response.ok) return response;
  if (response.status === 401) location.reload();
  let problem = { detail: `The service answered ${response.status}.`, errors: [] };
  try {
    problem = await response.json();
  } catch {
    // a proxy between may answer in another form
  }
  throw problem;
}

async function predict() {
  const number = ++asked;
  said.classList.add("busy");
  let answer, problem;
  try {
    answer = await (await ask("explain", JSON.stringify(row()), "application/json")).json();
  } catch (caught) {
    problem = caught;
  }
  if (number !== asked) return; // a later one is on its way
  said.classList.remove("busy");
  markFields(problem ? problem.errors : []);
  said.replaceChildren(...(problem ? [mishap(problem, false)] : answerParts(answer)));
}

function markFields(errors) {
  for (const field of form.querySelectorAll(".field")) {
    const mine = errors.filter((error) => error.field === field.dataset.field);
    const line = field.querySelector(".error");
    field.classList.toggle("wrong", mine.length > 0);
    field.querySelector("[data-kind]").setAttribute("aria-invalid", String(mine.length > 0));
    line.textContent = mine.map((error) => [error.problem, error.remedy].filter(Boolean).join(". ").replaceAll("`", "")).join("; ");
    line.hidden = mine.length === 0;
  }
}

function mishap(problem, rows) {
  const items = (problem.errors || []).map((error) => {
    const place = [rows && error.row ? `row ${error.row}` : null, facts.labels[error.field] || error.field].filter(Boolean).join(", ");
    return make("li", "", `${place}${place ? ": " : ""}${error.problem.replaceAll("`", "")}`, error.remedy ? `. ${error.remedy.replaceAll("`", "")}` : "");
  });
  return make("div", "mishap", make("p", "", problem.detail || "This can't be predicted."), items.length ? make("ul", "", ...items) : null);
}

function answerParts(answer) {
  const { predicted, probabilities, notes } = answer.prediction;
  const parts = [make("p", "verdict", make("strong", "", withUnit(predicted, facts.classes ? "" : facts.unit)))];
  if (probabilities) {
    const binary = facts.classes.length === 2;
    const pairs = Object.entries(probabilities);
    const listed = binary ? [pairs[1]] : pairs.sort((a, b) => b[1] - a[1]).slice(0, SHOWN);
    parts.push(make("ul", "chances", ...listed.map(([name, share]) => chance(name, share, binary))));
  }
  if (notes.length) parts.push(make("ul", "notes", ...notes.map((note) => make("li", "", note.replaceAll("`", "")))));
  if (answer.changes) parts.push(moved(answer.changes, probabilities, predicted));
  return parts;
}

function chance(name, share, binary) {
  const words = name === "true" ? "probability" : `probability of ${name}`;
  const fill = make("i", "");
  fill.style.width = `${100 * share}%`;
  const bar = make("div", "bar", fill);
  const item = make("li", "chance", make("div", "words", make("span", "", words), make("b", "", percent(share))), bar);
  if (binary && facts.threshold !== null) {
    const line = make("i", "line");
    line.style.left = `${100 * facts.threshold}%`;
    bar.append(line);
    item.append(make("p", "line-words", `The model says ${name === "true" ? "Yes" : name} from ${percent(facts.threshold)} on, the line in the bar.`));
  }
  return item;
}

function moved(changes, probabilities, predicted) {
  const largest = Math.max(...changes.map((each) => Math.abs(each.change)), 1e-12);
  const said = (change) => {
    const sign = change > 0 ? "+" : "−";
    const size = Math.abs(change);
    return probabilities ? `${sign}${(100 * size).toFixed(1)} points` : `${sign}${withUnit(size, facts.unit)}`;
  };
  const counts = changes.filter((each) => (probabilities ? Math.abs(each.change) >= 0.0005 : each.change !== 0)).slice(0, SHOWN);
  const items = counts.map((each) => {
    const bar = make("i", "");
    bar.style.width = `${(50 * Math.abs(each.change)) / largest}%`;
    const unit = facts.units[each.field];
    const what = make("div", "what", `${facts.labels[each.field]} ${withUnit(each.value, unit)}`, make("small", "", `typical: ${withUnit(each.typical, unit)}`));
    return make("li", each.change > 0 ? "up" : "down", what, make("div", "much", said(each.change)), make("div", "axis", bar));
  });
  const of = probabilities && facts.classes.length > 2 ? `the probability of ${predicted}` : probabilities ? "the probability" : "the prediction";
  return make(
    "div", "moved",
    make("h3", "", "What moved it"),
    items.length ? make("ol", "", ...items) : make("p", "", "No value alone makes a difference to the typical one."),
    make("p", "", `Each bar: how much higher or lower ${of} is with this value than with the typical one of the training part, all others as they are. They need not add up, and they tell about the model, not about causes.`),
  );
}

async function predictFile(chosen) {
  if (!chosen) return;
  fileSaid.replaceChildren(make("p", "waiting", `Predicting ${chosen.name} …`));
  try {
    const text = await (await ask("predict", chosen, "text/csv")).text();
    fileSaid.replaceChildren(done(chosen.name, text));
  } catch (problem) {
    fileSaid.replaceChildren(mishap(problem, true));
  }
  file.value = ""; // so that the same file can be chosen again
}

function done(name, text) {
  const rows = parse(text);
  const column = rows[0].lastIndexOf("predicted");
  const values = rows.slice(1).map((each) => each[column]);
  const counts = new Map();
  if (facts.classes) for (const value of values) counts.set(value, (counts.get(value) || 0) + 1);
  const noted = rows.slice(1).filter((each) => each[each.length - 1] !== "").length;
  const link = make("a", "button primary", "Download it with predictions");
  link.href = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
  link.download = name.replace(/(\.csv)?$/i, "-predicted.csv");
  const lines = [...counts].sort((a, b) => b[1] - a[1]).slice(0, 12).map(([value, count]) =>
    make("tr", "", make("td", "", value), make("td", "", count.toLocaleString("en")), make("td", "", percent(count / values.length))));
  const head = make("tr", "", ...[facts.target, "rows", "share"].map((each) => make("th", "", each)));
  return make(
    "div", "done",
    make("p", "", `${values.length.toLocaleString("en")} ${values.length === 1 ? "row" : "rows"} of ${name}.`, noted ? ` In ${noted.toLocaleString("en")} a value is unlike any in training; see the column notes.` : ""),
    lines.length ? make("table", "", make("thead", "", head), make("tbody", "", ...lines)) : null,
    link,
  );
}

// CSV with quotes, as RFC 4180 has it.
function parse(text) {
  const rows = [[]];
  const cell = /(?:"((?:[^"]|"")*)"|([^",\n]*))(,|\r?\n|$)/gy;
  for (let match; cell.lastIndex < text.length && (match = cell.exec(text)); ) {
    rows[rows.length - 1].push(match[1] !== undefined ? match[1].replaceAll('""', '"') : match[2]);
    if (match[3] !== "," && cell.lastIndex < text.length) rows.push([]);
  }
  return rows;
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  predict();
  if (matchMedia("(max-width: 60rem)").matches) document.getElementById("answer").scrollIntoView({ block: "start" });
});
form.addEventListener("change", predict);
form.addEventListener("reset", () => setTimeout(predict));
document.getElementById("clear").addEventListener("click", () => {
  for (const control of form.querySelectorAll("[data-kind]")) control.value = "";
  asked++;
  markFields([]);
  said.classList.remove("busy");
  said.replaceChildren(make("p", "waiting", "Fill in what is known, then press Predict."));
  form.querySelector("[data-kind]").focus();
});
file.addEventListener("change", () => predictFile(file.files[0]));
for (const kind of ["dragenter", "dragover"])
  drop.addEventListener(kind, (event) => {
    event.preventDefault();
    drop.classList.add("over");
  });
for (const kind of ["dragleave", "drop"]) drop.addEventListener(kind, () => drop.classList.remove("over"));
drop.addEventListener("drop", (event) => {
  event.preventDefault();
  predictFile(event.dataTransfer.files[0]);
});
predict();
