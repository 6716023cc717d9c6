"use strict";
// The browser of studies. Texts come from models and data: they become text nodes, never markup.
(() => {
  const source = document.getElementById("studies-data");
  if (!source) return;
  const data = JSON.parse(source.textContent);
  const byId = new Map(data.studies.map((study, position) => [study.id, position]));
  const field = (id) => document.getElementById(id);
  const PAGE = 20;
  const state = { hits: [], page: 0, study: 0, marks: 0, named: false };

  function element(name, properties, ...children) {
    const node = document.createElement(name);
    for (const [key, value] of Object.entries(properties || {})) {
      if (key.includes("-")) node.setAttribute(key, value);
      else node[key] = value;
    }
    node.append(...children.filter((child) => child !== null));
    return node;
  }

  // A name breaks where "breakable" of html.py lets it.
  function named(text) {
    const parts = text.split(/(?<=[_/|])(?=.)|(?<=.)(?=@)/s);
    return parts.flatMap((part, i) => (i ? [element("wbr"), part] : [part]));
  }

  function options(select, names, values) {
    select.replaceChildren(
      ...names.map((name, i) => element("option", { value: String(values ? values[i] : i) }, name)),
    );
  }

  const number = (id) => (field(id).value.trim() === "" ? null : Number(field(id).value));
  const chosen = (id) => Number(field(id).value);

  function scale(metric) {
    return data.metrics[metric] && data.metrics[metric].percent ? 100 : 1;
  }

  function shown(value, metric) {
    if (value === null) return "–";
    const text = (value * scale(metric)).toFixed(scale(metric) === 100 ? 2 : 3);
    return (Number(text) === 0 ? text.replace("-", "") : text).replace("-", "−");
  }

  function scoreOf(study) {
    const metric = chosen("metric");
    if (!data.metrics.length) return null;
    const own = study.scores[chosen("system")][metric];
    const other = field("other").value;
    if (other === "" || own === null) return own;
    const theirs = study.scores[Number(other)][metric];
    return theirs === null ? null : own - theirs;
  }

  // Finding and ordering

  function haystack(study) {
    if (study.words === undefined) {
      const texts = [study.id, ...study.references, ...study.predictions.filter(Boolean)];
      study.words = texts.concat(study.context.map((pair) => pair[1])).join("\n").toLowerCase();
    }
    return study.words;
  }

  function isHit(study, wanted, prior, least, most) {
    if (prior && !study.tags.some(([name, value]) => name === "has_prior" && value === prior)) return false;
    if (least !== null || most !== null) {
      const score = scoreOf(study);
      if (score === null) return false;
      const value = score * scale(chosen("metric"));
      if ((least !== null && value < least) || (most !== null && value > most)) return false;
    }
    return !wanted || haystack(study).includes(wanted);
  }

  function find() {
    const wanted = field("search").value.trim().toLowerCase();
    const limits = [field("prior").value, number("least"), number("most")];
    const hits = [];
    data.studies.forEach((study, i) => { if (isHit(study, wanted, ...limits)) hits.push(i); });
    const order = field("order").value;
    if (order !== "given") {
      const scores = new Map(hits.map((i) => [i, scoreOf(data.studies[i])]));
      const sign = order === "up" ? 1 : -1;
      hits.sort((a, b) => {
        const [x, y] = [scores.get(a), scores.get(b)];
        if (x === null || y === null) return (x === null) - (y === null) || a - b;
        return sign * (x - y) || a - b;
      });
    }
    state.hits = hits;
  }

  // The list

  function drawList() {
    const pages = Math.max(1, Math.ceil(state.hits.length / PAGE));
    state.page = Math.min(state.page, pages - 1);
    const first = state.page * PAGE;
    const visible = state.hits.slice(first, first + PAGE);
    field("hits").replaceChildren(...visible.map((i) => element("li", {}, listButton(i))));
    const all = data.studies.length;
    field("found").textContent = `${state.hits.length} of ${all} ${all === 1 ? "study" : "studies"}${what()}`;
    field("page").textContent = state.hits.length ? `${state.page + 1} / ${pages}` : "";
    field("page-back").disabled = state.page === 0;
    field("page-on").disabled = state.page >= pages - 1;
  }

  function what() {
    if (!data.metrics.length) return "";
    const other = field("other").value;
    const minus = other === "" ? "" : ` minus ${data.systems[Number(other)]}`;
    return `, ${data.metrics[chosen("metric")].name} of ${data.systems[chosen("system")]}${minus}`;
  }

  function listButton(i) {
    const study = data.studies[i];
    const score = shown(scoreOf(study), chosen("metric"));
    const button = element("button", { type: "button", title: study.id }, element("span", {}, study.id), element("span", {}, score));
    if (i === state.study) button.setAttribute("aria-current", "true");
    button.addEventListener("click", () => open(i));
    return button;
  }

  // One study

  // Spans come in the order of their starts and may overlap.
  function marked(text, spans) {
    const cuts = [...new Set([0, text.length, ...spans.flatMap((s) => [s.start, s.end])])].sort((a, b) => a - b);
    const nodes = [];
    let open = [];
    let next = 0;
    for (let i = 0; i + 1 < cuts.length; i += 1) {
      open = open.filter((span) => span.end > cuts[i]);
      while (next < spans.length && spans[next].start <= cuts[i]) {
        if (spans[next].end > cuts[i]) open.push(spans[next]);
        next += 1;
      }
      const piece = text.slice(cuts[i], cuts[i + 1]);
      nodes.push(open.length ? mark(piece, open, cuts[i + 1]) : document.createTextNode(piece));
    }
    return nodes;
  }

  // The labels of entities say more than the words that they mark.
  function hasEntities() {
    return state.marks >= 0 && data.keys[state.marks].startsWith("radgraph");
  }

  // The last piece of a span may carry its label.
  function mark(piece, spans, end) {
    const kinds = [...new Set(spans.map((span) => span.kind))];
    const notes = spans.map((span) => [span.kind, span.label].filter(Boolean).join(": "));
    const name = kinds.length > 1 ? `several ${kinds.join(" ")}` : kinds[0];
    const node = element("mark", { className: name, title: [...new Set(notes)].join("; ") }, piece);
    const ended = spans.filter((span) => span.end === end && span.label).map((span) => span.label);
    if (state.named && hasEntities() && ended.length) node.setAttribute("data-label", ended.join(" "));
    return node;
  }

  function body(text, spans) {
    if (text === null) return element("p", { className: "empty" }, "No prediction.");
    if (!text.trim()) return element("p", { className: "empty" }, "An empty text.");
    return element("div", { className: "body", tabIndex: text.length > 1500 ? 0 : -1 }, ...marked(text, spans));
  }

  function spansOf(study, system, isReference) {
    const found = study.spans[system].find((entry) => entry[0] === state.marks);
    const numbers = found ? found[1 + isReference] : [];
    const spans = [];
    for (let i = 0, last = 0; i < numbers.length; i += 3) {
      const start = last + numbers[i];
      last = start + numbers[i + 1];
      const kind = numbers[i + 2] % data.kinds.length;
      const label = data.labels[(numbers[i + 2] - kind) / data.kinds.length];
      spans.push({ start, end: last, kind: data.kinds[kind], label });
    }
    return spans;
  }

  function referenceCard(study, system) {
    const parts = study.references.map((text, i) => body(text, i === 0 ? spansOf(study, system, 1) : []));
    const marks = data.keys.length && data.systems.length > 1 ? `marked against ${data.systems[system]}` : "";
    const head = element("header", {}, element("h4", {}, study.references.length > 1 ? "References" : "Reference"), element("span", {}, marks));
    return element("section", { className: "text reference" }, head, ...parts);
  }

  function predictionCard(study, system, isChosen) {
    const side = isChosen ? element("span", {}, shown(scoreOf(study), chosen("metric"))) : chooser(system);
    const head = element("header", {}, element("h4", {}, ...named(data.systems[system])), side);
    const card = element("section", { className: isChosen ? "text chosen" : "text" }, head);
    card.append(body(study.predictions[system], spansOf(study, system, 0)));
    return card;
  }

  function chooser(system) {
    const button = element("button", { type: "button" }, "choose");
    button.setAttribute("aria-label", `Choose ${data.systems[system]}`);
    button.addEventListener("click", () => {
      field("system").value = String(system);
      refresh(true);
      remember();
    });
    return button;
  }

  function images(study) {
    const figures = study.images.map(([caption, uri]) => {
      const picture = element("img", { src: uri, alt: `${caption}, study ${study.id}`, decoding: "async" });
      const button = element("button", { type: "button", "aria-pressed": "false", "aria-label": `Enlarge: ${caption}` }, picture);
      button.addEventListener("click", () => {
        button.setAttribute("aria-pressed", String(button.getAttribute("aria-pressed") !== "true"));
      });
      return element("figure", {}, button, element("figcaption", {}, caption));
    });
    return figures.length ? element("div", { className: "images" }, ...figures) : null;
  }

  function pairs(className, entries) {
    if (!entries.length) return null;
    const rows = entries.map(([name, value]) => element("div", {}, element("dt", {}, name.replaceAll("_", " ")), element("dd", {}, value)));
    return element("dl", { className }, ...rows);
  }

  // The kinds of marks that a metric makes anywhere in this report
  const kindsByKey = new Map();
  function kindsOf(key) {
    if (!kindsByKey.has(key)) {
      const kinds = new Set();
      const entries = data.studies.flatMap((study) => study.spans.flat()).filter((entry) => entry[0] === key);
      for (const [, ...sides] of entries) {
        for (const numbers of sides) {
          for (let i = 2; i < numbers.length; i += 3) kinds.add(data.kinds[numbers[i] % data.kinds.length]);
        }
      }
      kindsByKey.set(key, kinds);
    }
    return kindsByKey.get(key);
  }

  function legend(overlap) {
    const select = element("select", { id: "marks" });
    options(select, ["nothing", ...data.keys], [-1, ...data.keys.map((_, i) => i)]);
    select.value = String(state.marks);
    select.addEventListener("change", () => { state.marks = Number(select.value); drawStudy(); field("marks").focus(); });
    const marks = [["matched", "in both"], ["missed", "only in the reference"], ["invented", "only in the prediction"]];
    const made = kindsOf(state.marks);
    const box = element("input", { type: "checkbox", id: "named", checked: state.named });
    box.addEventListener("change", () => { state.named = box.checked; drawStudy(); field("named").focus(); });
    const named = hasEntities() ? element("label", {}, box, " with labels") : null;
    if (overlap) marks.push(["several", "marks of more than one kind overlap: point at them to see which"]);
    const keys = marks
      .filter(([kind]) => kind === "several" || made.has(kind))
      .map(([kind, words]) => element("span", {}, element("mark", { className: kind }, kind), ` ${words}`));
    return element("div", { className: "legend controls" }, element("label", {}, "Marks of ", select), named, ...keys);
  }

  // CheXpert's conditions

  const isThere = (digit) => data.there.includes(Number(digit));

  // "≠" where the difference counts, "≈" where only the words differ.
  function difference(label, references) {
    if (references.includes(label)) return "";
    return isThere(label) === references.some(isThere) ? "≈" : "≠";
  }

  function labelCell(label, sign) {
    const className = { "": label === "0" ? "none" : "", "≈": "alike", "≠": "differs" }[sign];
    return element("td", { className }, sign && `${sign} `, data.classes[label]);
  }

  function labelTable(study) {
    const [references, predictions] = study.labels;
    const heads = references.map((_, i) => (references.length > 1 ? `Reference ${i + 1}` : "Reference"));
    const counts = data.systems.map(() => 0);
    const rows = data.conditions.map((condition, c) => {
      const wanted = references.map((labels) => labels[c]);
      const cells = predictions.map((labels, s) => {
        if (labels === null) return element("td", { className: "none" }, "–");
        const sign = difference(labels[c], wanted);
        if (sign === "≠") counts[s] += 1;
        return labelCell(labels[c], sign);
      });
      return element("tr", {}, element("th", { scope: "row" }, condition), ...wanted.map((label) => labelCell(label, "")), ...cells);
    });
    const head = element("tr", {}, element("th", { scope: "col" }, "CheXpert labels"));
    head.append(...heads.map((name) => element("th", { scope: "col" }, name)));
    data.systems.forEach((name, s) => {
      const note = predictions[s] === null ? "" : counts[s] === 1 ? "1 differs" : `${counts[s]} differ`;
      head.append(element("th", { scope: "col" }, element("bdi", { title: name }, name), element("span", { className: "interval" }, note)));
    });
    const table = element("table", { className: "data" }, element("thead", {}, head), element("tbody", {}, ...rows));
    const note = `≠ differs from the reference${references.length > 1 ? "s" : ""} in F1; ≈ another label that counts alike (${data.there.length > 1 ? "positive and uncertain; " : "uncertain, "}blank and negative).`;
    return element("div", { className: "study-labels" },
      element("div", { className: "scroll", tabIndex: 0, role: "region", "aria-label": "CheXpert labels of this study" }, table),
      element("p", { className: "fine" }, note));
  }

  function scoreTable(study) {
    if (!data.metrics.length) return null;
    const head = element("tr", {}, element("th", { scope: "col" }, "Scores of this study"));
    data.systems.forEach((name) => head.append(element("th", { scope: "col", className: "number" }, name)));
    const rows = data.metrics.map((metric, m) => {
      const note = metric.higher ? null : element("span", { className: "interval" }, "lower is better");
      const row = element("tr", {}, element("th", { scope: "row" }, element("bdi", {}, ...named(metric.name)), note));
      data.systems.forEach((_, s) => row.append(element("td", { className: "number" }, shown(study.scores[s][m], m))));
      return row;
    });
    const table = element("table", { className: "data" }, element("thead", {}, head), element("tbody", {}, ...rows));
    return element("div", { className: "scroll study-scores", tabIndex: 0, role: "region", "aria-label": "Scores of this study" }, table);
  }

  function step(by) {
    const at = state.hits.indexOf(state.study);
    const to = at < 0 ? 0 : at + by;
    if (to >= 0 && to < state.hits.length) open(state.hits[to]);
  }

  function stepButton(text, key, by) {
    const at = state.hits.indexOf(state.study);
    const isLast = at >= 0 && (at + by < 0 || at + by >= state.hits.length);
    const button = element("button", { type: "button", id: `step-${text.toLowerCase()}`, disabled: isLast || !state.hits.length }, `${text} `, element("kbd", {}, key));
    button.addEventListener("click", () => { step(by); field(`step-${text.toLowerCase()}`).focus(); });
    return button;
  }

  function drawStudy() {
    const study = data.studies[state.study];
    const system = chosen("system");
    const others = data.systems.map((_, i) => i).filter((i) => i !== system);
    const link = element("a", { href: address() }, "Link");
    const steps = element("div", { className: "buttons" }, link, stepButton("Previous", "k", -1), stepButton("Next", "j", 1));
    const head = element("div", { className: "study-head" }, element("h3", {}, study.id), steps);
    const parts = [head, pairs("tags", study.tags)];
    if (!data.shareable) {
      const cards = [referenceCard(study, system), predictionCard(study, system, true)];
      others.forEach((other) => cards.push(predictionCard(study, other, false)));
      parts.push(images(study), pairs("context", study.context));
      if (data.keys.length) parts.push(legend(cards.some((card) => card.querySelector("mark.several"))));
      parts.push(element("div", { className: "texts" }, ...cards));
      if (study.labels) parts.push(labelTable(study));
    }
    parts.push(scoreTable(study));
    field("study").replaceChildren(...parts.filter((part) => part !== null));
  }

  // Links, and what the reader does

  function address() {
    const study = data.studies[state.study];
    return `#${new URLSearchParams({ study: wellFormed(study.id), system: wellFormed(data.systems[chosen("system")]) })}`;
  }

  // URLSearchParams replaces lone surrogates; compare in the same form.
  function wellFormed(text) {
    return text.replace(/[\uD800-\uDBFF](?![\uDC00-\uDFFF])|(?<![\uD800-\uDBFF])[\uDC00-\uDFFF]/g, "\uFFFD");
  }

  function remember() {
    history.replaceState(null, "", address());
  }

  function followLink() {
    if (!location.hash.startsWith("#study=")) return;
    const wanted = new URLSearchParams(location.hash.slice(1));
    const id = wanted.get("study");
    const position = byId.has(id) ? byId.get(id) : data.studies.findIndex((study) => wellFormed(study.id) === id);
    const system = data.systems.findIndex((name) => wellFormed(name) === wanted.get("system"));
    if (system >= 0) field("system").value = String(system);
    find();
    if (position < 0) {
      drawList();
      field("study").replaceChildren(element("p", { className: "notice" }, `No study ${id} is in this report.`));
    } else {
      show(position);
    }
    field("studies").scrollIntoView();
  }

  function show(position) {
    state.study = position;
    const at = state.hits.indexOf(position);
    if (at >= 0) state.page = Math.floor(at / PAGE);
    drawList();
    drawStudy();
  }

  function open(position) {
    show(position);
    remember();
  }

  function refresh(stay) {
    find();
    if (!state.hits.length) {
      drawList();
      field("study").replaceChildren(element("p", { className: "notice" }, "No study matches."));
      return;
    }
    if (!(stay && state.hits.includes(state.study))) state.study = state.hits[0];
    show(state.study);
  }

  function listen() {
    // Another system leaves the reader with the study; another order leads to its first.
    let timer = 0;
    let stay = true;
    field("filters").addEventListener("input", (event) => {
      stay = stay && event.target.id === "system";
      clearTimeout(timer);
      timer = setTimeout(() => { refresh(stay || field("order").value === "given"); stay = true; }, 120);
    });
    field("filters").addEventListener("reset", () => setTimeout(refresh, 0, true));
    field("filters").addEventListener("submit", (event) => event.preventDefault());
    field("page-back").addEventListener("click", () => { state.page -= 1; drawList(); });
    field("page-on").addEventListener("click", () => { state.page += 1; drawList(); });
    addEventListener("hashchange", followLink);
    addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, select, textarea")) return;
      if (event.key === "j" || event.key === "k") step(event.key === "j" ? 1 : -1);
    });
  }

  options(field("system"), data.systems);
  options(field("metric"), data.metrics.map((metric) => metric.name));
  options(field("other"), ["no other system", ...data.systems], ["", ...data.systems.map((_, i) => i)]);
  field("other").parentNode.hidden = data.systems.length < 2;
  field("prior").parentNode.hidden = !data.studies.some((study) => study.tags.some((tag) => tag[0] === "has_prior"));
  listen();
  refresh(true);
  followLink();
})();
