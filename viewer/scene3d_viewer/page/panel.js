// The side of the page: answers with their chips, the steps of a plan, and the list of objects.

class Panel {
  // `act` has light(ids), hover(ids or null), select(object or null), pin(object, on), step(number).
  constructor(scene, act) {
    this.scene = scene;
    this.act = act;
    this.byId = new Map(scene.objects.map((object) => [object.id, object]));
    this.chips = [];
    this.rows = new Map();
    scene.exchanges.forEach((exchange) => this.addExchange(exchange));
    if (scene.markers.length || scene.plan) this.addPlan();
    scene.objects.forEach((object) => this.addRow(object));
    const search = document.getElementById("search");
    search.addEventListener("input", () => this.filter(search.value));
    document.getElementById("count").textContent = scene.objects.length;
  }

  addExchange({ question, select, text, phrases }) {
    const card = make("article", "exchange");
    const asked = make("p", "question");
    const parts = question.split("<ref>");
    parts.forEach((part, i) => {
      asked.append(part);
      if (i < parts.length - 1) asked.append(this.chip("this object", select.slice(i, i + 1), null));
    });
    const answer = make("p", "answer");
    let at = 0;
    for (const phrase of phrases) {
      answer.append(text.slice(at, phrase.start));
      const ids = phrase.objects.map(({ id }) => id);
      answer.append(this.chip(text.slice(phrase.start, phrase.end), ids, phrase));
      at = phrase.end;
    }
    answer.append(text.slice(at));
    card.append(asked, answer);
    document.getElementById("answers").append(card);
  }

  chip(words, ids, phrase) {
    const chip = make("button", "chip", words);
    const first = this.byId.get(ids[0]);
    chip.dataset.objects = ids.join(",");
    if (!first) {
      chip.classList.add("absent");
      chip.title = phrase ? `nothing here fits (${percent(phrase.absent_probability)})` : "nothing selected";
      return chip;
    }
    chip.style.background = css(first.colour);
    chip.style.color = inkOn(first.colour);
    const named = phrase ? phrase.objects : ids.map((id) => ({ id, probability: 1 }));
    chip.title = named.map(({ id, probability }) => `${this.byId.get(id)?.name ?? id}: ${percent(probability)}`).join("\n");
    chip.addEventListener("click", () => this.act.light(ids));
    chip.addEventListener("mouseenter", () => this.act.hover(ids));
    chip.addEventListener("mouseleave", () => this.act.hover(null));
    this.chips.push({ chip, ids });
    return chip;
  }

  addPlan() {
    const section = document.getElementById("plan");
    section.hidden = false;
    const { text, valid, steps, remarks } = this.scene.plan;
    section.querySelector(".goal").textContent = text;
    section.querySelector(".verdict").textContent = valid ? "checked: every step can be carried out" : "not valid";
    section.querySelector(".verdict").classList.toggle("bad", !valid);
    for (const remark of remarks) section.append(make("p", "remark", remark));
    for (const step of steps) {
      const row = make("li", "", step.text);
      row.dataset.step = step.number;
      row.addEventListener("click", () => this.act.step(step.number));
      section.querySelector("ol").append(row);
    }
    section.querySelector(".back").addEventListener("click", () => this.act.step("back"));
    section.querySelector(".next").addEventListener("click", () => this.act.step("next"));
  }

  addRow(object) {
    const row = make("li", "object");
    row.dataset.id = object.id;
    const box = Object.assign(make("input"), { type: "checkbox", title: "light up" });
    const swatch = make("span", "swatch");
    swatch.style.background = css(object.colour);
    row.append(box, swatch, make("span", "name", object.name), make("span", "score", percent(object.score)));
    box.addEventListener("change", () => this.act.pin(object, box.checked));
    box.addEventListener("click", (event) => event.stopPropagation());
    row.addEventListener("click", () => this.act.select(object));
    row.addEventListener("mouseenter", () => this.act.hover([object.id]));
    row.addEventListener("mouseleave", () => this.act.hover(null));
    document.getElementById("objects").append(row);
    this.rows.set(object.id, { row, box });
  }

  filter(text) {
    const wanted = text.trim().toLowerCase();
    for (const [id, { row }] of this.rows) row.hidden = !this.byId.get(id).name.toLowerCase().includes(wanted);
  }

  // Show what is lit, pinned and selected: check boxes, rows, and the chips that name any of it.
  mark(lit, pinned, selected, step) {
    for (const [id, { row, box }] of this.rows) {
      box.checked = pinned.has(id); // not what is merely hovered, or a click would clear the box it should set
      row.classList.toggle("selected", selected?.id === id);
      if (selected?.id === id) row.scrollIntoView({ block: "nearest" });
    }
    for (const { chip, ids } of this.chips) {
      chip.classList.toggle("named", ids.some((id) => lit.has(id) || selected?.id === id));
    }
    for (const row of document.querySelectorAll("#plan li")) row.classList.toggle("current", +row.dataset.step === step);
  }
}

function make(tag, className = "", text = "") {
  return Object.assign(document.createElement(tag), { className, textContent: text });
}

function percent(share) {
  return `${Math.round(100 * share)} %`;
}
