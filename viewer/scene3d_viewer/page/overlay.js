// Words over the picture: names that do not cover each other, numbers of a plan's steps, the scale bar.

class Overlay {
  constructor(element, stage) {
    this.element = element;
    this.stage = stage;
    this.labels = new Map();
    this.markers = [];
    stage.onFrame(() => this.layOut());
  }

  show(objects, onClick) {
    for (const label of this.labels.values()) label.remove();
    this.labels = new Map();
    for (const object of [...objects].sort((a, b) => b.score - a.score).slice(0, 30)) {
      const label = document.createElement("button");
      label.className = "label";
      label.textContent = object.name;
      label.style.borderColor = css(object.colour);
      label.addEventListener("click", () => onClick(object));
      this.element.append(label);
      this.labels.set(object, label);
    }
    this.stage.requestFrame();
  }

  showMarkers(markers, current) {
    for (const marker of this.markers) marker.element.remove();
    this.markers = markers.map((marker) => {
      const element = document.createElement("div");
      element.className = "marker" + (marker.number === current ? " current" : "");
      element.textContent = marker.number;
      this.element.append(element);
      return { element, at: marker.at };
    });
    this.stage.requestFrame();
  }

  layOut() {
    const { clientWidth: width, clientHeight: height } = this.element;
    const taken = [];
    for (const [object, label] of this.labels) {
      const [x0, y0, z0, x1, y1, z1] = object.box;
      const at = this.stage.toScreen([(x0 + x1) / 2, (y0 + y1) / 2, (z0 + z1) / 2]);
      const place = at && freePlace(at, label.offsetWidth, label.offsetHeight, taken, width, height);
      label.style.visibility = place ? "visible" : "hidden";
      if (!place) continue;
      taken.push(place);
      label.style.transform = `translate(${place.left}px, ${place.top}px)`;
    }
    for (const { element, at } of this.markers) {
      const place = this.stage.toScreen(at);
      element.style.visibility = place ? "visible" : "hidden";
      if (place) element.style.transform = `translate(${place.x - 13}px, ${place.y - 13}px)`;
    }
    this.layOutScale();
  }

  layOutScale() {
    const metres = this.stage.metresPerPixel();
    const limit = 160 * metres;
    const power = 10 ** Math.floor(Math.log10(limit));
    const length = [5, 2, 1].map((step) => step * power).find((candidate) => candidate <= limit);
    const bar = document.getElementById("scale");
    bar.style.width = `${length / metres}px`;
    bar.textContent = length >= 1 ? `${length} m` : `${Math.round(length * 1000) / 10} cm`;
  }
}

// The anchor itself, then rings of places around it; nothing where all are taken.
function freePlace(at, wide, high, taken, width, height) {
  if (at.x < 0 || at.y < 0 || at.x >= width || at.y >= height) return null;
  for (let step = 0; step < 13; step++) {
    const ring = Math.floor((step + 3) / 4);
    const [dx, dy] = [[0, -1], [0, 1], [1, 0], [-1, 0]][(step + 3) % 4];
    const left = Math.min(Math.max(at.x - wide / 2 + dx * ring * (wide / 2 + 8), 0), width - wide);
    const top = Math.min(Math.max(at.y - high / 2 + dy * ring * (high + 3), 0), height - high);
    const place = { left, top, right: left + wide, bottom: top + high };
    const free = taken.every(
      (o) => place.left >= o.right || o.left >= place.right || place.top >= o.bottom || o.top >= place.bottom,
    );
    if (free) return place;
  }
  return null;
}

function css([red, green, blue]) {
  return `rgb(${red}, ${green}, ${blue})`;
}

function inkOn(colour) {
  const [red, green, blue] = colour.map((c) => (c / 255) ** 2.2);
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.18 ? "#000" : "#fff";
}
