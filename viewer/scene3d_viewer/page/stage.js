// The scan in three dimensions: camera, colours, ceiling, picking. Knows ids of objects, and nothing of answers.

class Stage {
  constructor(canvas, scene) {
    this.scene = scene;
    this.canvas = canvas;
    THREE.ColorManagement.enabled = false; // colours of a scan are shown as they are
    this.renderer = new THREE.WebGLRenderer({ canvas, antialias: true, preserveDrawingBuffer: true });
    this.renderer.outputColorSpace = THREE.LinearSRGBColorSpace;
    this.renderer.localClippingEnabled = true;
    this.ceiling = new THREE.Plane(new THREE.Vector3(0, 0, -1), scene.ceiling);
    this.camera = new THREE.PerspectiveCamera(50, 1, 0.05, 500);
    this.camera.up.set(0, 0, 1);
    this.controls = new THREE.OrbitControls(this.camera, canvas);
    this.controls.addEventListener("change", () => this.requestFrame());
    this.world = new THREE.Scene();
    this.light = new THREE.DirectionalLight(0xffffff, 0.9);
    this.world.add(new THREE.HemisphereLight(0xffffff, 0xe4e4e4, 2.6), this.light, this.light.target);
    this.surface = this.buildSurface();
    this.world.add(this.surface);
    this.frames = this.buildLines(scene.cameras.flat(2), 0x888888);
    this.frames.visible = false;
    this.path = this.buildPath();
    this.boxes = [];
    this.listeners = [];
    this.pending = false;
    new ResizeObserver(() => this.resize()).observe(canvas.parentElement);
    this.viewFromCorner();
    this.paint(new Set());
  }

  onFrame(listener) {
    this.listeners.push(listener);
  }

  buildSurface() {
    const { arrays, low, step } = this.scene;
    const position = new Float32Array(arrays.position.length);
    for (let i = 0; i < position.length; i++) position[i] = low[i % 3] + arrays.position[i] * step[i % 3];
    const geometry = new THREE.BufferGeometry();
    geometry.setAttribute("position", new THREE.BufferAttribute(position, 3));
    this.colour = new THREE.BufferAttribute(new Uint8Array(arrays.colour), 3, true);
    geometry.setAttribute("color", this.colour);
    const shared = { vertexColors: true, clippingPlanes: [this.ceiling] };
    if (!arrays.face) {
      return new THREE.Points(geometry, new THREE.PointsMaterial({ size: this.scene.spacing * 1.6, ...shared }));
    }
    geometry.setIndex(new THREE.BufferAttribute(arrays.face, 1));
    geometry.computeVertexNormals();
    return new THREE.Mesh(geometry, new THREE.MeshLambertMaterial({ side: THREE.FrontSide, ...shared }));
  }

  buildLines(numbers, colour) {
    const geometry = new THREE.BufferGeometry();
    geometry.setAttribute("position", new THREE.BufferAttribute(new Float32Array(numbers), 3));
    const lines = new THREE.LineSegments(geometry, new THREE.LineBasicMaterial({ color: colour }));
    this.world.add(lines);
    return lines;
  }

  buildPath() {
    const geometry = new THREE.BufferGeometry();
    const places = this.scene.markers.flatMap((marker) => marker.at);
    geometry.setAttribute("position", new THREE.BufferAttribute(new Float32Array(places), 3));
    const path = new THREE.Line(geometry, new THREE.LineBasicMaterial({ color: 0x808080, depthTest: false }));
    path.visible = false;
    this.world.add(path);
    return path;
  }

  // Lit objects in their own colour, the rest pale; as scanned where nothing is lit. The smallest lit object wins.
  paint(lit) {
    const { arrays, objects, regionSize } = this.scene;
    const owner = new Int16Array(regionSize.length).fill(-1);
    const chosen = objects.map((object, row) => ({ object, row })).filter(({ object }) => lit.has(object.id));
    const size = (object) => object.regions.reduce((sum, region) => sum + regionSize[region], 0);
    chosen.sort((a, b) => size(b.object) - size(a.object));
    for (const { object, row } of chosen) for (const region of object.regions) owner[region] = row;
    const from = arrays.colour;
    const to = this.colour.array;
    for (let i = 0, k = 0; i < arrays.region.length; i++, k += 3) {
      const row = owner[arrays.region[i]];
      const grey = ((from[k] + from[k + 1] + from[k + 2]) / 3) * 0.3 + 122;
      for (let c = 0; c < 3; c++) {
        if (!chosen.length) to[k + c] = from[k + c];
        else to[k + c] = row < 0 ? grey : objects[row].colour[c] * 0.75 + from[k + c] * 0.25;
      }
    }
    this.colour.needsUpdate = true;
    this.requestFrame();
  }

  drawBoxes(drawn) {
    for (const box of this.boxes) this.world.remove(box);
    this.boxes = drawn.map((object) => this.buildLines(boxEdges(object.box), rgbNumber(object.colour)));
    this.requestFrame();
  }

  setCeiling(height) {
    this.ceiling.constant = height;
    this.requestFrame();
  }

  setSeeThrough(on) {
    if (this.surface.isMesh) this.surface.material.side = on ? THREE.FrontSide : THREE.DoubleSide;
    this.requestFrame();
  }

  setBackground(colour) {
    this.renderer.setClearColor(colour, 1);
    this.requestFrame();
  }

  // The object at a place of the canvas: the smallest that claims the point hit, or null.
  pick(x, y) {
    const { width, height } = this.canvas.getBoundingClientRect();
    const ray = new THREE.Raycaster();
    ray.params.Points.threshold = this.scene.spacing * 1.5;
    ray.setFromCamera(new THREE.Vector2((2 * x) / width - 1, 1 - (2 * y) / height), this.camera);
    const hit = ray.intersectObject(this.surface).find(({ point }) => point.z <= this.ceiling.constant);
    if (!hit) return null;
    const { arrays, objects, regionSize } = this.scene;
    const region = arrays.region[hit.face ? hit.face.a : hit.index];
    const claims = objects.filter((object) => object.regions.includes(region));
    const size = (object) => object.regions.reduce((sum, r) => sum + regionSize[r], 0);
    return claims.sort((a, b) => size(a) - size(b))[0] ?? null;
  }

  // Where a point of the scene is on the canvas, or null behind the eye.
  toScreen(point) {
    const { width, height } = this.canvas.getBoundingClientRect();
    const v = new THREE.Vector3(...point).project(this.camera);
    return v.z > 1 ? null : { x: ((v.x + 1) / 2) * width, y: ((1 - v.y) / 2) * height };
  }

  metresPerPixel() {
    const distance = this.camera.position.distanceTo(this.controls.target);
    return (2 * distance * Math.tan((this.camera.fov * Math.PI) / 360)) / this.canvas.getBoundingClientRect().height;
  }

  viewFromCorner() {
    this.lookFrom([-0.5, -0.62, 0.85]);
  }

  viewFromAbove() {
    this.lookFrom([0, -0.001, 1]);
  }

  // From that direction, as near as the whole scan below the ceiling allows.
  lookFrom(direction) {
    const [x0, y0, z0] = this.scene.low;
    const [x1, y1, z1] = this.scene.high;
    const box = [x0, y0, z0, x1, y1, Math.min(z1, this.ceiling.constant)];
    const middle = new THREE.Vector3((x0 + x1) / 2, (y0 + y1) / 2, (z0 + box[5]) / 2);
    const back = new THREE.Vector3(...direction).normalize();
    const right = new THREE.Vector3(0, 0, 1).cross(back).normalize();
    const up = back.clone().cross(right);
    const tan = Math.tan((this.camera.fov * Math.PI) / 360);
    let distance = 0.1;
    for (let i = 0; i < 8; i++) {
      const corner = new THREE.Vector3(box[i & 1 ? 3 : 0], box[i & 2 ? 4 : 1], box[i & 4 ? 5 : 2]).sub(middle);
      const across = Math.max(Math.abs(corner.dot(right)) / this.camera.aspect, Math.abs(corner.dot(up)));
      distance = Math.max(distance, across / tan + corner.dot(back));
    }
    this.controls.target.copy(middle);
    this.camera.position.copy(middle).addScaledVector(back, distance * 1.04);
    this.controls.update();
    this.requestFrame();
  }

  resize() {
    const { clientWidth, clientHeight } = this.canvas.parentElement;
    if (!clientWidth || !clientHeight) return;
    const first = !this.sized;
    this.sized = true;
    this.renderer.setPixelRatio(Math.min(window.devicePixelRatio, 2));
    this.renderer.setSize(clientWidth, clientHeight, false);
    this.camera.aspect = clientWidth / clientHeight;
    this.camera.updateProjectionMatrix();
    if (first) this.viewFromCorner();
    this.requestFrame();
  }

  requestFrame() {
    if (this.pending) return;
    this.pending = true;
    requestAnimationFrame(() => {
      this.pending = false;
      this.draw();
    });
  }

  draw() {
    this.light.position.copy(this.camera.position);
    this.light.target.position.copy(this.controls.target);
    this.renderer.render(this.world, this.camera);
    for (const listener of this.listeners) listener();
  }
}

function rgbNumber([red, green, blue]) {
  return (red << 16) | (green << 8) | blue;
}

function boxEdges([x0, y0, z0, x1, y1, z1]) {
  const corner = (i) => [i & 1 ? x1 : x0, i & 2 ? y1 : y0, i & 4 ? z1 : z0];
  const edges = [];
  for (let i = 0; i < 8; i++) for (const bit of [1, 2, 4]) if (!(i & bit)) edges.push(...corner(i), ...corner(i | bit));
  return edges;
}
