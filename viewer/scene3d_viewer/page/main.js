// What is lit, selected and stepped to; everything else only shows it or asks to change it.

async function openPage() {
  const scene = await readScene();
  const stage = new Stage(document.getElementById("canvas"), scene);
  const overlay = new Overlay(document.getElementById("overlay"), stage);
  const byId = new Map(scene.objects.map((object) => [object.id, object]));
  const state = { lit: new Set(), hovered: null, selected: null, step: null, names: false };

  function refresh() {
    const lit = new Set(state.hovered ?? state.lit);
    if (state.selected && !state.hovered) lit.add(state.selected.id);
    stage.paint(lit);
    stage.drawBoxes(state.selected ? [state.selected] : []);
    const named = scene.objects.filter((object) => lit.has(object.id) || (state.names && object.score >= 0.3));
    overlay.show(named, act.select);
    overlay.showMarkers(state.step === null ? [] : scene.markers, state.step);
    stage.path.visible = state.step !== null;
    panel.mark(lit, state.lit, state.selected, state.step);
    document.body.dataset.lit = [...lit].sort((a, b) => a - b).join(",");
    document.body.dataset.selected = state.selected?.id ?? "";
  }

  const act = {
    light(ids) {
      const same = ids.length === state.lit.size && ids.every((id) => state.lit.has(id));
      Object.assign(state, { lit: new Set(same ? [] : ids), selected: null, hovered: null });
      refresh();
    },
    hover(ids) {
      state.hovered = ids;
      refresh();
    },
    select(object) {
      state.selected = object === state.selected ? null : object;
      state.hovered = null;
      refresh();
    },
    pin(object, on) {
      if (on) state.lit.add(object.id);
      else state.lit.delete(object.id);
      if (!on && state.selected === object) state.selected = null;
      state.hovered = null;
      refresh();
    },
    step(to) {
      const numbers = scene.plan.steps.map(({ number }) => number);
      const at = numbers.indexOf(state.step);
      const next = to === "next" ? numbers[Math.min(at + 1, numbers.length - 1)] : to === "back" ? numbers[at - 1] : to;
      state.step = next ?? null;
      const step = scene.plan.steps.find(({ number }) => number === state.step);
      Object.assign(state, { lit: new Set(step?.objects ?? []), selected: null, hovered: null });
      refresh();
    },
  };
  const panel = new Panel(scene, act);
  connectStage(stage, act);
  connectTools(scene, stage, state, refresh, act);
  document.getElementById("title").textContent = scene.name;
  document.getElementById("about").textContent = scene.about;
  refresh();
  document.body.dataset.ready = "yes";
  window.scene3d = { scene, stage, state, byId };
}

function connectStage(stage, act) {
  let pressed = null;
  stage.canvas.addEventListener("pointerdown", (event) => (pressed = [event.offsetX, event.offsetY]));
  stage.canvas.addEventListener("pointerup", (event) => {
    const moved = pressed && Math.hypot(event.offsetX - pressed[0], event.offsetY - pressed[1]);
    pressed = null;
    if (event.button !== 0 || moved === null || moved > 4) return; // a drag turns the scene
    const object = stage.pick(event.offsetX, event.offsetY);
    act.select(object);
  });
}

function connectTools(scene, stage, state, refresh, act) {
  const find = (id) => document.getElementById(id);
  const slider = find("ceiling");
  Object.assign(slider, { min: scene.floor, max: scene.top + 0.01, step: 0.01, value: scene.ceiling });
  slider.addEventListener("input", () => stage.setCeiling(+slider.value));
  find("walls").addEventListener("change", (event) => stage.setSeeThrough(event.target.checked));
  find("names").addEventListener("change", (event) => {
    state.names = event.target.checked;
    refresh();
  });
  find("cameras").parentElement.hidden = !scene.cameras.length;
  find("cameras").addEventListener("change", (event) => {
    stage.frames.visible = event.target.checked;
    stage.requestFrame();
  });
  find("corner").addEventListener("click", () => stage.viewFromCorner());
  find("above").addEventListener("click", () => stage.viewFromAbove());
  find("clear").addEventListener("click", () => {
    state.step = null;
    act.light([]);
  });
  find("save").addEventListener("click", () => {
    stage.draw();
    const link = Object.assign(document.createElement("a"), { download: `${scene.name}.png` });
    link.href = stage.canvas.toDataURL("image/png");
    link.click();
  });
  const useTheme = (theme) => {
    document.documentElement.dataset.theme = theme;
    stage.setBackground(getComputedStyle(document.documentElement).getPropertyValue("--background").trim());
  };
  find("theme").addEventListener("click", () => {
    useTheme(document.documentElement.dataset.theme === "dark" ? "light" : "dark");
  });
  useTheme(document.documentElement.dataset.theme);
}

openPage().catch((error) => {
  document.getElementById("about").textContent = `This page could not be drawn: ${error.message}`;
  throw error;
});
